/* SPDX-License-Identifier: Apache-2.0 */
#include "web/watched.h"

#include "common/util.h"
#include "web/api.h"
#include "web/cards.h"
#include "web/web_priv.h"

#include <string.h>

struct piece {
        int64_t job;
        size_t at; /* of its text, which ends with a NUL; SIZE_MAX: none yet */
};

struct pieces {
        struct piece *list; /* newest job first */
        size_t n;
        struct buf text;
};

bool watched_is(const struct request *rq, const struct jobs_filter *f)
{
        return f->ids && f->ids_count < (size_t)f->limit && f->before == INT64_MAX && !f->state && !f->name &&
               !f->user && !f->label && f->since == INT64_MIN && f->until == INT64_MIN &&
               !request_query(rq, "project") &&
               MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "If-None-Match");
}

static int newest_first(const void *a, const void *b)
{
        const struct piece *x = a, *y = b;

        return (x->job < y->job) - (x->job > y->job);
}

static void pieces_make(struct pieces *p, const struct jobs_filter *f)
{
        size_t k = 0;

        p->list = xcalloc(f->ids_count + 1, sizeof *p->list);
        buf_init(&p->text, REPLY_MAX);
        for (size_t i = 0; i < f->ids_count; i++)
                p->list[i] = (struct piece){f->ids[i], SIZE_MAX};
        if (f->ids_count)
                qsort(p->list, f->ids_count, sizeof *p->list, newest_first);
        for (size_t i = 0; i < f->ids_count; i++)
                if (!k || p->list[k - 1].job != p->list[i].job)
                        p->list[k++] = p->list[i];
        p->n = k;
}

static void pieces_release(struct pieces *p)
{
        free(p->list);
        buf_release(&p->text);
}

/* What is remembered; the numbers of the others. */
static size_t take_known(struct pieces *p, struct request *rq, int64_t *ret_missing)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++) {
                size_t at = buf_len(&p->text);

                if (cards_get(rq->web->cards, p->list[i].job, rq->who, &p->text))
                        p->list[i].at = at;
                else
                        ret_missing[n++] = p->list[i].job;
        }
        return n;
}

/* Those of the missing that there are, from the database; to be remembered. */
static int take_rest(struct pieces *p, struct request *rq, struct db *db, struct jobs_filter *f,
                     uint64_t begun, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t unused;

        if (store_jobs_list(db, f, &r, &unused, err) < 0)
                return -1;
        while (rows_next(r)) {
                struct piece key = {.job = row_int(r, "id")}, *one;
                size_t at;

                /* The writer looks at the byte before for its comma. */
                buf_put(&p->text, "[", 1);
                at = buf_len(&p->text);
                job_write(&p->text, NULL, r);
                one = bsearch(&key, p->list, p->n, sizeof *p->list, newest_first);
                if (p->text.overflow || !one)
                        continue;
                one->at = at;
                cards_put(rq->web->cards, key.job, row_text(r, "project"),
                          (const char *)buf_bytes(&p->text) + at, buf_len(&p->text) - at, begun);
                buf_put(&p->text, "", 1);
        }
        return 0;
}

int watched_reply(struct request *rq, struct db *db, struct jobs_filter *f, struct err *err)
{
        AUTO_FREE int64_t *missing = xcalloc(f->ids_count + 1, sizeof *missing);
        uint64_t begun = fresh_now(rq->web->fresh);
        struct jobs_filter rest = *f;
        struct pieces p;
        int rc = 0;

        pieces_make(&p, f);
        rest.ids = missing;
        rest.ids_count = take_known(&p, rq, missing);
        if (rest.ids_count)
                rc = take_rest(&p, rq, db, &rest, begun, err);
        if (rc == 0) {
                j_obj(&rq->out, NULL);
                j_arr(&rq->out, "items");
                for (size_t i = 0; i < p.n; i++)
                        if (p.list[i].at != SIZE_MAX)
                                j_raw(&rq->out, NULL, (const char *)buf_bytes(&p.text) + p.list[i].at);
                j_arr_end(&rq->out);
                j_null(&rq->out, "next_cursor");
                j_obj_end(&rq->out);
                rq->out.overflow |= p.text.overflow;
        }
        pieces_release(&p);
        return rc;
}
