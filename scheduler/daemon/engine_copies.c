/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask about copies of a dataset: where it is and how soon it could be elsewhere, bring it there,
 * let a copy go, stop a transfer. The web looks at the record first and refuses what it can; here the model
 * has the last word. */
#include "daemon/engine_priv.h"

#include "common/util.h"
#include "core/space.h"
#include "core/transfer.h"
#include "daemon/engine_storage.h"
#include "daemon/engine_transfers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX (1u << 20)

/* A dataset that may not be in the model otherwise; NULL with *err. Give it back. */
static struct m_dataset *borrow(struct engine *e, const json_t *args, struct err *err)
{
        int64_t id = json_integer_value(json_object_get(args, "dataset"));
        struct m_dataset *d;

        if (jobs_datasets_borrow(e, &id, 1, err) < 0)
                return NULL;
        d = model_dataset(e->m, id);
        if (d && !d->removed)
                return d;
        jobs_datasets_return(e, &id, 1);
        err_set(err, ERR_NOT_FOUND, "the dataset was removed meanwhile");
        return NULL;
}

static void give_back(struct engine *e, const struct m_dataset *d)
{
        int64_t id = d->id;

        jobs_datasets_return(e, &id, 1);
}

/* ---- where -----------------------------------------------------------------------------------------------
 */

struct answer {
        const struct m_site *site;
        struct way way;
        const char *why_not; /* NULL: it can be there */
        bool allowed, whole;
};

static void look(struct engine *e, const struct m_dataset *d, struct m_site *s, struct answer *ret)
{
        *ret = (struct answer){.site = s, .allowed = dataset_may_be_at(d, s)};
        storage_quota(e, s); /* it may have come up since the last count */
        dataset_way(e->m, d, s, &ret->way);
        ret->whole = d->sealed && !ret->way.bytes && ret->way.seconds == 0 && !ret->way.on_its_way;
        if (ret->whole)
                return;
        if (!d->sealed)
                ret->why_not = "it is still being made";
        else if (!ret->allowed)
                ret->why_not = "its policy does not allow that";
        else if (ret->way.on_its_way)
                ret->why_not = NULL;
        else if (!s->storage.accept)
                ret->why_not = "the site takes no copies of data";
        else if (!site_is_source(s))
                ret->why_not = "no worker of the site is connected";
        else if (s->storage.unknown)
                ret->why_not = "the site has not told yet how much room it has";
        else if (site_space(s) >= ret->way.bytes && space_for(s, NULL) < ret->way.bytes)
                ret->why_not = "its room is kept for a job that waited long for it";
        else if (site_space(s) < ret->way.bytes)
                ret->why_not = "the site has no room for it";
        else if (isfinite(ret->way.seconds))
                ret->why_not = NULL;
        else if (model_transfer_to(e->m, d, s->id))
                ret->why_not = "a transfer to it is being stopped; ask again";
        else
                ret->why_not = "not all of it lies at sites that are connected";
}

static double order_key(const struct answer *a)
{
        return a->why_not ? INFINITY : a->way.seconds;
}

static int sooner(const void *x, const void *y)
{
        const struct answer *a = x, *b = y;

        if (order_key(a) != order_key(b))
                return order_key(a) < order_key(b) ? -1 : 1;
        return strcmp(a->site->name, b->site->name);
}

static void write_answer(const struct engine *e, const struct m_dataset *d, const struct answer *a,
                         struct buf *b)
{
        const struct m_site *from = a->way.from ? model_site(e->m, a->way.from) : NULL;
        int64_t have = d->bytes > a->way.bytes ? d->bytes - a->way.bytes : 0;
        char text[300];

        snprintf(text, sizeof text, "%s%s",
                 a->whole            ? "lies there"
                 : a->why_not        ? a->why_not
                 : a->way.on_its_way ? "is on its way"
                                     : "would come from ",
                 !a->whole && !a->why_not && !a->way.on_its_way && from ? from->name : "");
        buf_text(b, "{\"site\":");
        buf_json_str(b, a->site->name, strlen(a->site->name));
        buf_printf(b, ",\"state\":\"%s\",\"bytes\":%lld,\"missing\":%lld,\"seconds\":",
                   a->whole            ? "complete"
                   : a->way.on_its_way ? "coming"
                   : have              ? "part"
                                       : "none",
                   (long long)have, (long long)a->way.bytes);
        if (a->why_not || !isfinite(a->way.seconds))
                buf_text(b, "null");
        else
                buf_printf(b, "%.1f", a->way.seconds);
        buf_text(b, ",\"from\":");
        if (from && !a->whole && !a->why_not)
                buf_json_str(b, from->name, strlen(from->name));
        else
                buf_text(b, "null");
        buf_printf(b, ",\"allowed\":%s,\"sentence\":", a->allowed ? "true" : "false");
        buf_json_str(b, text, strlen(text));
        buf_text(b, "}");
}

char *copies_where(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err)
{
        struct m_dataset *d = borrow(e, args, err);
        struct answer *all;
        struct buf b;
        size_t n = 0;
        char *text;

        (void)site, (void)actor;
        if (!d)
                return NULL;
        all = xcalloc(e->m->site_cap + 1, sizeof *all);
        for (size_t i = 0; i < e->m->site_cap; i++) {
                struct m_site *s = e->m->sites[i];

                if (s && !s->gone)
                        look(e, d, s, &all[n++]);
        }
        qsort(all, n, sizeof *all, sooner);
        buf_init(&b, ANSWER_MAX);
        buf_text(&b, "{\"items\":[");
        for (size_t i = 0; i < n; i++) {
                buf_text(&b, i ? "," : "");
                write_answer(e, d, &all[i], &b);
        }
        buf_text(&b, "]}");
        text = xstrdup(buf_cstr(&b));
        buf_release(&b);
        free(all);
        give_back(e, d);
        return text;
}

/* ---- orders ----------------------------------------------------------------------------------------------
 */

char *copies_copy(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err)
{
        struct m_dataset *d = borrow(e, args, err);
        struct m_site *s = model_site(e->m, site);
        char *text = NULL;
        struct answer a;

        if (!d)
                return NULL;
        if (!s || s->gone)
                err_set(err, ERR_NOT_FOUND, "the site was removed meanwhile");
        else
                look(e, d, s, &a);
        if (s && !s->gone && d->sealed && !a.whole && !a.allowed)
                refusal_of_copy(e, d, s, actor);
        if (s && !s->gone && a.why_not)
                err_set(err, ERR_CONFLICT, "%s cannot be brought to %s: %s", d->name, s->name, a.why_not);
        else if (s && !s->gone && a.whole)
                text = xstrdup("{\"transfer\":null}");
        else if (s && !s->gone)
                text = xasprintf("{\"transfer\":%lld}", (long long)transfers_ask(e, d, site, actor));
        give_back(e, d);
        return text;
}

char *copies_evict(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err)
{
        int64_t id = json_integer_value(json_object_get(args, "dataset"));
        int64_t n = store_evict_one(e->db, e->epoch, site, id, actor, err);

        if (n < 0)
                return NULL;
        if (n == 0) {
                err_set(err, ERR_CONFLICT,
                        "its copy there is needed, pinned, or the last one, since a moment ago");
                return NULL;
        }
        storage_look(e);
        if (model_dataset(e->m, id) && jobs_load_datasets(e, &id, 1, err) < 0)
                return NULL;
        if (model_dataset(e->m, id))
                model_dataset_changed(e->m, model_dataset(e->m, id));
        return xasprintf("{\"places\":%lld}", (long long)n);
}

char *copies_stop(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err)
{
        int64_t id = json_integer_value(json_object_get(args, "transfer"));
        struct m_transfer *t = model_transfer(e->m, id);

        (void)site;
        if (!t) {
                err_set(err, ERR_CONFLICT, "transfer %lld ended meanwhile", (long long)id);
                return NULL;
        }
        record_event(e, "transfer.cancelled", actor, 0, -1, t->to, "the transfer of %s to %s was stopped",
                     t->dataset->name, model_site(e->m, t->to)->name);
        transfers_stop(e, t);
        return xstrdup("{}");
}
