/* SPDX-License-Identifier: Apache-2.0 */
/* site.h - what the commands about sites share. */
#ifndef REEVE_CLI_SITE_H
#define REEVE_CLI_SITE_H

#include "cli.h"

/* One site as the API shows it: owned, or NULL. The name is checked first. */
json_t *site_get(struct cli *c, const char *name, struct err *err);

/* "address" or "address:port" of a host as the API shows it; a new JSON string. */
json_t *site_host_name(const json_t *host);

/* The options --cpus, --memory, --gpus, --slots, --offer as the API's "offer"; NULL when none is given
 * (err->code ERR_NONE) or one is wrong. */
json_t *site_offer(const struct args *a, struct err *err);

/* Ask each host for its key, and pin those that the person confirms: by --fingerprint, by answering, or with
 * --yes. */
int site_confirm_keys(struct cli *c, const char *name, const struct args *a, struct err *err);

/* Test everything, showing each step as it happens. 1: passed, 0: a step failed (said), -1: error. */
int site_test(struct cli *c, const char *name, struct err *err);

#endif
