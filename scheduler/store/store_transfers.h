/* SPDX-License-Identifier: Apache-2.0 */
/* store_transfers.h - what pages read and change of data that moves: transfers, links, policies, pins, what
 * sites keep. */
#ifndef REEVE_STORE_TRANSFERS_H
#define REEVE_STORE_TRANSFERS_H

#include "store/store_jobs.h"

/* Transfers of datasets that one may see, newest first, with id below `before`: id, dataset, from_site,
 * to_site (names), state, why, asked_by, files, bytes (moved), total, rate, tries, asked_at, started_at,
 * ended_at, not_before, eta, way, message. dataset, site, state NULL: any. */
int store_transfers_list(struct db *db, const struct visible *who, const char *dataset, const char *site,
                         const char *state, int64_t before, int limit, struct rows **ret, struct err *err);
struct links_filter {
        int32_t site;     /* at either end; 0: any */
        bool busy;        /* only those that something is to move along now */
        int32_t from, to; /* those after this one */
        int limit;
};
/* Links with something learned or set, in the order in which their sites were registered: from_id, to_id,
 * from_site, to_site, rate, latency, weight, learned_at, budget, max_active, direct, transfers, bytes,
 * active, promised. */
int store_links_list(struct db *db, const struct links_filter *f, struct rows **ret, struct err *err);
/* One, the same columns, also when nothing is known of it; no row: a site is gone. */
int store_link_show(struct db *db, int32_t from, int32_t to, struct rows **ret, struct err *err);

/* What is said of a link: by an admin, and by who governs its source and its destination. */
enum link_voice { LINK_ALL, LINK_FROM, LINK_TO, LINK_VOICES };
struct link_change { /* false keeps; 0: none */
        struct {
                bool budget_set, max_active_set;
                double budget;
                int64_t max_active;
        } by[LINK_VOICES];
        bool direct_set, direct;
};
int store_link_change(struct db *db, int32_t from, int32_t to, const struct link_change *c, struct err *err);

struct site_data_change { /* NULL and false keep */
        const char *const *labels;
        size_t label_count;
        bool labels_set, accept_set, quota_set, egress_set, ingress_set;
        bool accept;
        int64_t quota;          /* -1: none of its own */
        double egress, ingress; /* bytes per second; 0: no limit */
};
int store_site_data(struct db *db, int32_t site, const struct site_data_change *c, struct err *err);
/* 1 changed, 0 there is no such dataset (any more). */
int store_dataset_policy(struct db *db, int64_t dataset, const char *const *sites, size_t site_count,
                         const char *const *labels, size_t label_count, const char *by, struct err *err);
/* Places of the dataset at the site stay, or may go again; how many there are. */
int64_t store_dataset_pin(struct db *db, int64_t dataset, int32_t site, const char *by, struct err *err);

#endif
