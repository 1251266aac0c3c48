/* SPDX-License-Identifier: Apache-2.0 */
/* store_direct.h - how other sites reach a site's host for direct transfers. */
#ifndef REEVE_STORE_DIRECT_H
#define REEVE_STORE_DIRECT_H

#include "store/db.h"

/* NULL and 0: as usual. */
int store_direct_set(struct db *db, int32_t site, const char *host, int64_t port, const char *keys,
                     struct err *err);

struct direct_way {
        char *host, *keys; /* owned; NULL: as usual */
        uint16_t port;     /* 0: as usual */
};
void direct_way_release(struct direct_way *w);
/* A site that is not there has nothing unusual. */
int store_direct_way(struct db *db, int32_t site, struct direct_way *ret, struct err *err);

#endif
