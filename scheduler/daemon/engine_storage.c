/* SPDX-License-Identifier: Apache-2.0 */
/* Room for copies at sites.
 *
 * A site takes copies up to its quota: what its admin said, as far as the disk of its workers has room for
 * it, otherwise a fifth of what would be free there without them. Above the high mark, and when transfers
 * that are wanted need the room, the copies used longest ago go, down to the low mark: store_evict says which
 * may. They leave the catalog first; what is to be deleted then stands in the record until the site's workers
 * said that it is gone.
 */
#include "daemon/engine_storage.h"

#include "common/log.h"
#include "common/util.h"
#include "core/parts.h"
#include "core/space.h"
#include "core/transfer.h"
#include "remote/transfer.h"

#include <stdio.h>
#include <string.h>

#define COUNT_MS       15000 /* between two looks */
#define CLAIM_COUNT_MS 1000  /* while somebody waits for room */
#define QUOTA_PART     5     /* one part in so many of what would be free */
#define HIGH_PERCENT   90    /* of the quota: then copies go, */
#define LOW_PERCENT    80    /* down to this */

struct removal { /* a directory that workers of a site were told to delete */
        struct removal *next;
        int32_t site;
        char *directory;
        int left;    /* workers that have not answered */
        bool failed; /* one could not */
        struct {
                int32_t worker;
                uint32_t request;
        } asked[16];
        size_t asked_n;
};

/* ---- quotas ----------------------------------------------------------------------------------------------
 */

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* What copies can take at all: nobody keeps a promise of his that the disk does not. */
static int64_t room_on_disk(const struct engine *e, const struct m_site *s, int64_t free_bytes)
{
        int64_t left = free_bytes - e->set.disk_reserve;

        if (free_bytes == INT64_MAX)
                return INT64_MAX;
        return s->storage.used + (left > 0 ? left : 0);
}

void storage_quota(struct engine *e, struct m_site *s)
{
        int64_t free_bytes = INT64_MAX;

        for (size_t i = 0; i < s->worker_count; i++) {
                const struct engine_worker *ew = world_worker(e, s->workers[i]->id);

                if (ew && !s->workers[i]->gone && ew->report.disk_total > 0 &&
                    ew->report.disk_free < free_bytes)
                        free_bytes = ew->report.disk_free;
        }
        s->storage.unknown = s->data_quota < 0 && free_bytes == INT64_MAX;
        if (s->data_quota < 0)
                s->storage.quota = s->storage.unknown ? 0 : (free_bytes + s->storage.used) / QUOTA_PART;
        else
                s->storage.quota = least(s->data_quota, room_on_disk(e, s, free_bytes));
}

void storage_look(struct engine *e)
{
        e->storage_at = 0;
}

void storage_sweep(struct engine *e)
{
        e->sweep_parts = true;
        e->storage_at = 0;
}

/* What lies where policies do not allow it any more. Only when they, or sites, may have changed. */
static int sweep(struct engine *e, struct err *err)
{
        int64_t n = e->sweep_parts ? store_sweep_parts(e->db, e->epoch, err) : 0;

        /* An end that no commit has taken yet is looked at next time. */
        e->sweep_parts = e->sweep_parts && (n != 0 || e->commit.transfers_n);
        return n < 0 ? -1 : 0;
}

void storage_is_full(struct engine *e, struct m_site *s)
{
        s->storage.quota = s->storage.used;
        e->storage_at = 0; /* look again soon */
}

/* ---- suspects --------------------------------------------------------------------------------------------
 */

/* Is there a complete place of it that is not at the site? */
static bool is_elsewhere(const struct m_dataset *d, int32_t site)
{
        for (size_t i = 0; i < d->site_count; i++) {
                if (d->sites[i].site != site && !d->sites[i].suspect && d->sites[i].files == d->files)
                        return true;
        }
        return false;
}

bool storage_suspect(struct engine *e, struct m_dataset *d, int32_t site, const char *why)
{
        const struct m_site *s = model_site(e->m, site);

        if (!model_dataset_at(d, site) && !model_dataset_some(d, site))
                return false;
        if (!is_elsewhere(d, site)) {
                record_event(e, "data.suspect", NULL, 0, -1, site,
                             "%s at %s: %s; it is the only complete copy, so a person has to look", d->name,
                             s ? s->name : "?", why);
                return false;
        }
        for (size_t i = 0; i < d->site_count; i++) {
                if (d->sites[i].site == site)
                        d->sites[i].suspect = true;
        }
        COMMIT_ADD(e, suspects, (struct commit_suspect){d->id, site, true});
        record_event(e, "data.suspect", NULL, 0, -1, site,
                     "%s at %s: %s; it is not used there until it was brought anew", d->name,
                     s ? s->name : "?", why);
        return true;
}

void storage_input_missing(struct engine *e, const struct m_attempt *a, const char *text)
{
        int32_t site = a->worker->site->id;

        for (size_t i = 0; text && i < a->job->input_count; i++) {
                struct m_dataset *d = a->job->inputs[i];
                const struct m_dataset_site *at = job_input_at(a->job, i, site, 0);

                /* The worker names the path that it could not read. */
                if (at && strstr(text, at->root))
                        storage_suspect(e, d, site, text);
        }
}

/* A copy that no commit has taken yet. */
static void apply_copy(struct m_dataset *d, const struct commit_copy *c)
{
        struct m_dataset_site *at = c->only ? model_dataset_some(d, c->site) : NULL;
        struct spans have = {0};
        int64_t bytes = c->only ? c->bytes + (at ? at->bytes : 0) : d->bytes;

        if (c->only && (model_dataset_at(d, c->site) || spans_parse(c->only, &have) < 0))
                return;
        if (at)
                spans_join(&have, &at->have);
        at = model_dataset_site(d, c->site, c->root, c->is_file,
                                c->only ? (int32_t)spans_count(&have) : d->files,
                                bytes < d->bytes ? bytes : d->bytes);
        if (at->files < d->files)
                spans_move(&at->have, &have);
        spans_release(&have);
        at->copy = true;
        at->suspect = false;
}

void storage_apply_pending(const struct engine *e, struct m_dataset *d)
{
        for (size_t i = 0; i < e->commit.copies_n; i++) {
                const struct commit_copy *c = &e->commit.copies[i];

                if (c->dataset == d->id)
                        apply_copy(d, c);
        }
        for (size_t i = 0; i < e->commit.suspects_n; i++) {
                for (size_t k = 0; e->commit.suspects[i].dataset == d->id && k < d->site_count; k++) {
                        if (d->sites[k].site == e->commit.suspects[i].site)
                                d->sites[k].suspect = e->commit.suspects[i].suspect;
                }
        }
}

/* ---- deleting --------------------------------------------------------------------------------------------
 */

static void removal_free(struct removal *r)
{
        free(r->directory);
        free(r);
}

/* Answered by all: the record forgets it, or it is tried again at the next look. */
static void removal_over(struct engine *e, struct removal **at)
{
        struct removal *r = *at;
        struct err err;

        *at = r->next;
        if (!r->failed && store_eviction_done(e->db, e->epoch, r->site, r->directory, &err) < 0)
                log_warn("site=%d the deletion of %s could not be noted: %s", r->site, r->directory,
                         err.text);
        removal_free(r);
}

static void answer(struct engine *e, int32_t worker, const uint32_t *request, bool ok)
{
        struct removal **at = &e->removals;

        while (*at) {
                struct removal *r = *at;

                for (size_t i = 0; i < r->asked_n; i++) {
                        if (r->asked[i].worker != worker || (request && r->asked[i].request != *request))
                                continue;
                        r->failed = r->failed || !ok;
                        r->asked[i].worker = 0;
                        r->left--;
                }
                if (r->left)
                        at = &r->next;
                else
                        removal_over(e, at);
        }
}

void storage_on_removed(struct engine *e, struct engine_worker *ew, uint32_t request, bool ok)
{
        answer(e, ew->id, &request, ok);
}

void storage_worker_gone(struct engine *e, const struct engine_worker *ew)
{
        answer(e, ew->id, NULL, false);
}

void storage_unload(struct engine *e)
{
        struct removal *r;

        while ((r = e->removals)) {
                e->removals = r->next;
                removal_free(r);
        }
}

static bool is_being_removed(const struct engine *e, int32_t site, const char *directory)
{
        for (const struct removal *r = e->removals; r; r = r->next) {
                if (r->site == site && strcmp(r->directory, directory) == 0)
                        return true;
        }
        return false;
}

bool storage_is_removing(const struct engine *e, int32_t site, int64_t dataset)
{
        char directory[32];

        snprintf(directory, sizeof directory, COPY_DIRECTORY, (long long)dataset);
        return is_being_removed(e, site, directory);
}

/* Every worker of the site is asked: whose it was is not known any more, and what is not there counts as
 * gone. */
static void remove_directory(struct engine *e, const struct load_eviction *v)
{
        const struct m_site *s = model_site(e->m, v->site);
        struct removal *r = xcalloc(1, sizeof *r);

        r->site = v->site;
        r->directory = xstrdup(v->directory);
        for (size_t i = 0; s && i < s->worker_count && r->asked_n < ARRAY_LEN(r->asked); i++) {
                struct engine_worker *ew = world_worker(e, s->workers[i]->id);
                uint32_t request;

                if (!ew || s->workers[i]->gone)
                        continue;
                if (!ew->link || worker_link_state(ew->link) != LINK_READY ||
                    transfer_remove(ew->link, r->directory, NULL, 0, &request, NULL) < 0) {
                        r->failed = true; /* it is asked when it is there again */
                        continue;
                }
                r->asked[r->asked_n].worker = ew->id;
                r->asked[r->asked_n++].request = request;
                r->left++;
        }
        if (!r->left) {
                removal_free(r);
                return;
        }
        r->next = e->removals;
        e->removals = r;
}

static int remove_evicted(struct engine *e, struct err *err)
{
        struct load_eviction *rows;
        size_t n;

        if (store_load_evictions(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                if (!is_being_removed(e, rows[i].site, rows[i].directory))
                        remove_directory(e, &rows[i]);
        }
        store_free_evictions(rows, n);
        return 0;
}

/* ---- counting and evicting -------------------------------------------------------------------------------
 */

static int count(struct engine *e, struct err *err)
{
        struct load_storage *rows;
        size_t n, k = 0;

        if (store_load_storage(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < e->m->site_cap; i++) {
                struct m_site *s = e->m->sites[i];

                while (k < n && rows[k].site < (int32_t)i)
                        k++;
                if (!s)
                        continue;
                s->storage.used = k < n && rows[k].site == (int32_t)i ? rows[k].used : 0;
                s->storage.evictable = k < n && rows[k].site == (int32_t)i ? rows[k].evictable : 0;
                storage_quota(e, s);
        }
        store_free_storage(rows, n);
        return 0;
}

/* Bytes that should go from the site now. */
static int64_t excess(const struct m_site *s)
{
        const struct m_storage *t = &s->storage;
        int64_t taken = t->used + t->pledged;

        if (claim_holder(s) && taken + t->claim->bytes > t->quota)
                return taken + t->claim->bytes - t->quota;
        if (taken <= t->quota / 100 * HIGH_PERCENT)
                return 0;
        return taken - t->quota / 100 * LOW_PERCENT;
}

static int evict(struct engine *e, bool *ret_any, struct err *err)
{
        *ret_any = false;
        for (size_t i = 0; i < e->m->site_cap; i++) {
                const struct m_site *s = e->m->sites[i];
                int64_t gone;

                if (!s || s->gone || s->storage.unknown || !s->storage.evictable)
                        continue;
                gone = store_evict(e->db, e->epoch, s->id, excess(s), err);
                if (gone < 0)
                        return -1;
                *ret_any = *ret_any || gone > 0;
        }
        return 0;
}

/* Copies that the pass lets go for whoever waits for room. What the record holds on to is read again. */
int storage_leave(struct engine *e, struct err *err)
{
        for (size_t i = 0; i < e->plan.leave_count; i++) {
                const struct plan_leave *v = &e->plan.leaves[i];
                struct m_dataset *d = model_dataset(e->m, v->dataset);
                int64_t n = store_evict_leaving(e->db, e->epoch, v->site, v->dataset, err);

                if (n < 0)
                        return -1;
                if (n && d)
                        model_copy_gone(e->m, d, v->site);
                else if (d && jobs_load_datasets(e, &v->dataset, 1, err) < 0)
                        return -1;
                if (d)
                        model_dataset_changed(e->m, d);
        }
        if (e->plan.leave_count)
                storage_look(e);
        e->plan.leave_count = 0;
        return 0;
}

static int show(struct engine *e, struct err *err)
{
        struct storage_figures *rows = xcalloc(e->m->site_cap + 1, sizeof *rows);
        size_t n = 0;
        int rc;

        for (size_t i = 0; i < e->m->site_cap; i++) {
                const struct m_site *s = e->m->sites[i];

                if (s && !s->gone && !s->storage.unknown)
                        rows[n++] = (struct storage_figures){s->id, s->storage.quota, s->storage.used,
                                                             s->storage.evictable};
        }
        rc = n ? store_storage_figures(e->db, e->epoch, rows, n, err) : 0;
        free(rows);
        return rc;
}

int storage_load(struct engine *e, struct err *err)
{
        e->storage_at = 0;
        return count(e, err);
}

static bool is_claimed(const struct model *m)
{
        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && claim_holder(m->sites[i]))
                        return true;
        }
        return false;
}

int storage_tick(struct engine *e, int64_t now, struct err *err)
{
        bool any;

        if (now < e->storage_at)
                return 0;
        e->storage_at = now + (is_claimed(e->m) ? CLAIM_COUNT_MS : COUNT_MS);
        if (store_expire(e->db, e->epoch, err) < 0 || sweep(e, err) < 0 || count(e, err) < 0 ||
            evict(e, &any, err) < 0 || (any && count(e, err) < 0) || remove_evicted(e, err) < 0)
                return -1;
        return show(e, err);
}
