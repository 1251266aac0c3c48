/* SPDX-License-Identifier: Apache-2.0 */
/* What the model learned of run times goes to the record with the commits, and comes back with the next
 * leadership. What is known of links stands with them (engine_transfers.c). */
#include "daemon/engine_priv.h"

#include "common/util.h"
#include "core/learned.h"

static const char *const words[] = {
    [LEARNED_KIND] = "kind", [LEARNED_SHAPE] = "shape", [LEARNED_PROJECT] = "project"};

int learned_load(struct engine *e, struct err *err)
{
        struct load_learned *rows;
        size_t n;

        e->learned_at = e->m->now_ms;
        if (store_load_learned(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct learned_row r = {.what = rows[i].what == 'k'   ? LEARNED_KIND
                                                : rows[i].what == 's' ? LEARNED_SHAPE
                                                                      : LEARNED_PROJECT,
                                        .key = (uint64_t)rows[i].key,
                                        .site = rows[i].site,
                                        .run_ms = rows[i].run_ms,
                                        .ended = rows[i].ended,
                                        .early = rows[i].early,
                                        .at = rows[i].at};

                learned_give(e->m, &r);
        }
        store_free_learned(rows, n);
        return 0;
}

void learned_record(struct engine *e)
{
        struct learned_row *rows;
        size_t n = learned_take(e->m, &rows);

        for (size_t i = 0; i < n; i++) {
                if ((int64_t)rows[i].key == INT64_MIN)
                        continue; /* the record takes that for nothing */
                COMMIT_ADD(e, learned,
                           (struct commit_learned){.what = words[rows[i].what],
                                                   .key = (int64_t)rows[i].key,
                                                   .site = rows[i].site,
                                                   .run_ms = rows[i].run_ms,
                                                   .ended = rows[i].ended,
                                                   .early = rows[i].early,
                                                   .at = rows[i].at});
        }
        free(rows);
}
