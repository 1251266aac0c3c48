/* SPDX-License-Identifier: Apache-2.0 */
/* site_body.h - hosts, accounts and offers as they stand in requests: read, checked, stored. */
#ifndef REEVE_SITE_BODY_H
#define REEVE_SITE_BODY_H

#include "store/store_sites.h"
#include "web/request.h"

#define JUMPS_MAX   8
#define COUNT_MAX   2000000000
#define ADDRESS_MAX 253

struct host_body {
        const char *address;
        int64_t port;
        json_t *jumps;
};
struct account_body {
        const char *user, *key, *root, *backend, *project;
};
struct why_body {
        const char *why;
};

extern const struct field offer_fields[];

/* What may stand in a host name or address. */
bool address_is_valid(const char *s, size_t n);

/* Note what is wrong with it, at the place where it stands. */
void host_check(const struct host_body *h, struct issues *is);
void account_check(const struct account_body *a, struct issues *is);
int host_store(struct db *db, int32_t site, const struct host_body *h, struct err *err);
/* pointer: where the account stands in the body. */
int account_store(struct request *rq, struct db *db, int32_t site, const struct account_body *in,
                  const char *pointer, struct err *err);
/* Faults go to *is. *ret_custom is malloc'd, and *ret borrows it. */
void offer_read(const json_t *v, struct site_offer *ret, char **ret_custom, struct issues *is);

/* A project by its name, whoever sees it: who governs a site says which use it. 1; 0 there is none, -1. */
int site_project(struct db *db, const char *name, int32_t *ret, struct err *err);
/* The site of the path. */
int site_capture(struct request *rq, struct db *db, int32_t *ret, struct err *err);
int site_unknown(const char *name, struct err *err);
/* The site as the reply. */
int site_reply(struct request *rq, struct db *db, const char *name, struct err *err);
/* Engine and pages are to look. */
void site_changed(struct request *rq);

#endif
