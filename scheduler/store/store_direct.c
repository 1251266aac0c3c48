/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_direct.h"

#include "common/util.h"

#include <stdlib.h>

int store_direct_set(struct db *db, int32_t site, const char *host, int64_t port, const char *keys,
                     struct err *err)
{
        struct stmt *st = db_stmt(db, "direct_set",
                                  "update sites set direct_host = $2, direct_port = nullif($3, 0)::integer,"
                                  " direct_keys = $4 where id = $1");

        bind_int(st, site);
        bind_text(st, host);
        bind_int(st, port);
        bind_text(st, keys);
        return db_exec(st, err);
}

void direct_way_release(struct direct_way *w)
{
        free(w->host);
        free(w->keys);
        *w = (struct direct_way){0};
}

int store_direct_way(struct db *db, int32_t site, struct direct_way *ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "direct_way",
                                  "select direct_host, direct_port, direct_keys from sites where id = $1");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, site);
        if (db_query(st, &r, err) < 0)
                return -1;
        *ret = (struct direct_way){0};
        if (!rows_next(r))
                return 0;
        if (!row_null(r, "direct_host"))
                ret->host = xstrdup(row_text(r, "direct_host"));
        if (!row_null(r, "direct_keys"))
                ret->keys = xstrdup(row_text(r, "direct_keys"));
        if (!row_null(r, "direct_port"))
                ret->port = (uint16_t)row_int(r, "direct_port");
        return 0;
}
