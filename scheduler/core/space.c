/* SPDX-License-Identifier: Apache-2.0 */
#include "core/space.h"

#include "common/util.h"
#include "core/decide_priv.h"
#include "core/place_priv.h"
#include "core/transfer.h"

#include <string.h>

void claim_free(struct claim *c)
{
        if (c)
                free(c->leaving);
        free(c);
}

const struct m_shape *claim_holder(const struct m_site *site)
{
        return site->storage.claim ? site->storage.claim->shape : NULL;
}

int64_t space_for(const struct m_site *site, const struct m_shape *s)
{
        const struct claim *c = site->storage.claim;
        int64_t space = site_space(site);

        if (!c || !c->shape || c->shape == s)
                return space;
        return space > c->bytes ? space - c->bytes : 0;
}

static void set_leaving(struct m_dataset *d, int32_t site, bool leaving)
{
        for (size_t i = 0; d && i < d->site_count; i++) {
                if (d->sites[i].site == site)
                        d->sites[i].leaving = leaving;
        }
}

static bool is_leaving(const struct m_dataset *d, int32_t site)
{
        for (size_t i = 0; i < d->site_count; i++) {
                if (d->sites[i].site == site && d->sites[i].leaving)
                        return true;
        }
        return false;
}

void space_release(const struct model *m, struct m_shape *s)
{
        struct m_site *site = s->claim;
        struct claim *c = site ? site->storage.claim : NULL;

        s->lacks_space = false;
        s->claim = NULL;
        if (!c)
                return;
        for (size_t i = 0; i < c->n; i++)
                set_leaving(model_dataset(m, c->leaving[i]), site->id, false);
        c->shape = NULL;
        c->n = 0;
}

void space_used(const struct model *m, struct m_shape *s, const struct m_site *site)
{
        for (size_t i = 0; i < s->input_count; i++) {
                struct m_dataset *d = s->data[i];

                for (size_t k = 0; d && k < d->site_count; k++) {
                        if (d->sites[k].site == site->id)
                                d->sites[k].brought_at = 0;
                }
        }
        space_release(m, s);
}

void space_note(const struct turns *t, struct m_shape *s)
{
        const struct model *m = t->m;

        if (s->looked_at != m->now_ms || !s->options)
                return; /* it was not looked at closely: as before */
        if (s->options->lacks_space && !s->lacks_space)
                s->lacks_since = m->now_ms;
        s->lacks_space = s->options->lacks_space;
}

/* ---- what may go -----------------------------------------------------------------------------------------
 */

static bool reads(const struct m_shape *s, const struct m_dataset *d)
{
        for (size_t i = 0; i < s->input_count; i++) {
                if (s->data[i] == d)
                        return true;
        }
        return false;
}

/* Bytes of copies of the dataset at the site that the shape may want to leave, sooner or later; 0: none. What
 * nobody reads is not meant: that is evicted as ever. */
static int64_t may_ever_leave(const struct m_dataset *d, int32_t site, const struct m_shape *s)
{
        bool elsewhere = false;
        int64_t bytes = 0;

        if (!d->reader_count || d->removed || reads(s, d))
                return 0;
        for (size_t i = 0; i < d->site_count; i++) {
                const struct m_dataset_site *at = &d->sites[i];

                if (at->site != site)
                        elsewhere = elsewhere || (!at->suspect && !at->leaving && at->files >= d->files);
                else if (!at->copy || at->pinned)
                        return 0;
                else
                        bytes += at->bytes;
        }
        return elsewhere ? bytes : 0;
}

/* The same, as of now: not while it is being moved, nor before those for whom it was brought could use it. */
static int64_t may_leave(const struct model *m, const struct m_dataset *d, int32_t site,
                         const struct m_shape *s)
{
        for (const struct m_transfer *x = d->transfers; x; x = x->next) {
                if (x->to == site || (x->from == site && x->state != TRANSFER_QUEUED))
                        return 0;
        }
        for (size_t i = 0; i < d->site_count; i++) {
                const struct m_dataset_site *at = &d->sites[i];

                if (at->site == site && at->brought_at && m->now_ms - at->brought_at < CLAIM_KEEP_MS)
                        return 0;
        }
        return may_ever_leave(d, site, s);
}

/* Bytes there that never fall free for the shape: copies that may not leave. */
static int64_t immovable(const struct model *m, const struct m_site *site, const struct m_shape *s)
{
        int64_t bytes = site->storage.used - site->storage.evictable;
        struct m_dataset *d;

        for (size_t i = 0; (d = map_next(&m->datasets, &i));)
                bytes -= may_ever_leave(d, site->id, s);
        for (size_t i = 0; i < s->input_count; i++) {
                const struct m_transfer *x = s->data[i] ? model_transfer_to(m, s->data[i], site->id) : NULL;

                bytes += x ? x->bytes : 0;
        }
        return bytes > 0 ? bytes : 0;
}

/* Could the shape have its inputs there once others made room? *ret: what is to be brought. */
static bool can_fit(const struct model *m, const struct m_site *site, const struct m_shape *s, int64_t *ret)
{
        struct stage stage;
        struct look k;
        enum place_step step;

        if (site->gone || site->storage.unknown)
                return false;
        stage_of(m, s, site, &stage);
        step = funnel(m, s, site, &stage, &k);
        *ret = stage.fresh;
        return (step == PLACE_SPACE || step >= PLACE_STAGE) && k.ready && !site_breaker_is_open(site) &&
               stage.fresh <= site->storage.quota - immovable(m, site, s);
}

/* ---- making room -----------------------------------------------------------------------------------------
 */

struct leaver { /* a copy that may leave */
        struct m_dataset *d;
        int64_t bytes;
        bool is_read;
};

/* Those that nothing runs on first, large ones first. */
static int leaver_order(const void *a, const void *b)
{
        const struct leaver *x = a, *y = b;

        if (x->is_read != y->is_read)
                return x->is_read - y->is_read;
        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return (x->d->id > y->d->id) - (x->d->id < y->d->id);
}

/* What the site's attempts read. */
static void mark_read(const struct model *m, const struct m_site *site)
{
        for (const struct m_attempt *a = site->attempts; a; a = a->site_next) {
                for (size_t i = 0; i < a->job->input_count; i++)
                        a->job->inputs[i]->read_pass = m->pass;
        }
}

/* Let further copies go, until they make `bytes`. Returns what is still lacking. */
static int64_t let_go(const struct model *m, struct m_site *site, struct claim *c, int64_t bytes)
{
        struct leaver *list = NULL;
        size_t n = 0, cap = 0;
        struct m_dataset *d;

        for (size_t i = 0; (d = map_next(&m->datasets, &i));) {
                int64_t size = is_leaving(d, site->id) ? 0 : may_leave(m, d, site->id, c->shape);

                if (size <= 0)
                        continue;
                list = xgrow(list, n, &cap, sizeof *list);
                list[n++] = (struct leaver){d, size, d->read_pass == m->pass};
        }
        if (n)
                qsort(list, n, sizeof *list, leaver_order);
        for (size_t i = 0; i < n && bytes > 0 && c->n < CLAIM_LEAVING_MAX; i++) {
                c->leaving = xgrow(c->leaving, c->n, &c->cap, sizeof *c->leaving);
                c->leaving[c->n++] = list[i].d->id;
                set_leaving(list[i].d, site->id, true);
                bytes -= list[i].bytes;
        }
        free(list);
        return bytes;
}

/* Transfers to the site that were asked for long ago and have not begun stand back: nobody knows when they
 * will. */
static void hold_back(struct turns *t, const struct m_site *site, const struct claim *c)
{
        struct m_transfer *x;

        for (size_t i = 0; (x = map_next(&t->m->transfers, &i));) {
                if (x->to != site->id || x->state != TRANSFER_QUEUED || x->cancelling ||
                    t->m->wall_ms - x->asked_at < CLAIM_TAKE_MS || x->why == WHY_PERSON ||
                    reads(c->shape, x->dataset))
                        continue;
                x->cancelling = true;
                t->plan->cancels = xgrow(t->plan->cancels, t->plan->cancel_count, &t->plan->cancel_cap,
                                         sizeof(struct m_transfer *));
                t->plan->cancels[t->plan->cancel_count++] = x;
        }
}

/* Copies on which the last attempt has ended go now; those that may not go any more stay. Returns the bytes
 * of those that are still to go. */
static int64_t send_off(struct turns *t, const struct m_site *site, struct claim *c)
{
        struct plan *p = t->plan;
        int64_t bytes = 0;
        size_t n = 0;

        for (size_t i = 0; i < c->n; i++) {
                struct m_dataset *d = model_dataset(t->m, c->leaving[i]);
                int64_t size = d ? may_leave(t->m, d, site->id, c->shape) : 0;

                set_leaving(d, site->id, size > 0);
                if (size <= 0)
                        continue;
                c->leaving[n++] = d->id;
                bytes += size;
                if (d->read_pass == t->m->pass)
                        continue;
                p->leaves = xgrow(p->leaves, p->leave_count, &p->leave_cap, sizeof *p->leaves);
                p->leaves[p->leave_count++] = (struct plan_leave){d->id, site->id};
        }
        c->n = n;
        return bytes;
}

static void make_room(struct turns *t, struct m_site *site)
{
        const struct model *m = t->m;
        struct claim *c = site->storage.claim;
        int64_t lacking;

        mark_read(m, site);
        lacking = c->bytes - site_space(site) - send_off(t, site, c);
        if (lacking > 0 && let_go(m, site, c, lacking) > 0)
                hold_back(t, site, c);
}

/* ---- claims ----------------------------------------------------------------------------------------------
 */

/* Does the claim stand? */
static bool review(const struct model *m, struct m_site *site)
{
        struct claim *c = site->storage.claim;

        if (!heap_top(&c->shape->jobs) || !can_fit(m, site, c->shape, &c->bytes) || !c->bytes)
                return false;
        if (c->bytes > site_space(site))
                c->fits_since = 0;
        else if (!c->fits_since)
                c->fits_since = m->now_ms;
        return !c->fits_since || m->now_ms - c->fits_since < CLAIM_TAKE_MS;
}

static bool has_claim(const struct m_project *p)
{
        for (size_t i = 0; i < p->shape_count; i++) {
                if (p->shapes[i]->claim)
                        return true;
        }
        return false;
}

/* Of the project: the highest priority first, then who lacks room for longest; ties to the first job. */
static struct m_shape *next_claimer(const struct model *m, const struct m_project *p)
{
        struct m_shape *best = NULL;

        for (size_t i = 0; i < p->shape_count; i++) {
                struct m_shape *s = p->shapes[i];
                const struct m_job *a = heap_top(&s->jobs), *b = best ? heap_top(&best->jobs) : NULL;

                if (!a || !s->lacks_space || m->now_ms - s->lacks_since < m->claim_ms)
                        continue;
                if (!b || a->priority > b->priority ||
                    (a->priority == b->priority && (s->lacks_since < best->lacks_since ||
                                                    (s->lacks_since == best->lacks_since && a->id < b->id))))
                        best = s;
        }
        return best;
}

/* The site without a claim that lacks least for it; *ret_hope: there is one, which others may have claimed.
 */
static struct m_site *nearest_to_room(const struct model *m, const struct m_shape *s, int64_t *ret_bytes,
                                      bool *ret_hope)
{
        struct m_site *best = NULL;
        int64_t least = INT64_MAX, bytes;

        *ret_hope = false;
        for (size_t i = 0; i < m->site_cap; i++) {
                struct m_site *site = m->sites[i];

                if (!site || !can_fit(m, site, s, &bytes) || !bytes)
                        continue;
                *ret_hope = true;
                if (claim_holder(site) || bytes - site_space(site) >= least)
                        continue;
                least = bytes - site_space(site);
                best = site;
                *ret_bytes = bytes;
        }
        return best;
}

static void claim(struct m_site *site, struct m_shape *s, int64_t bytes)
{
        if (!site->storage.claim)
                site->storage.claim = xcalloc(1, sizeof *site->storage.claim);
        site->storage.claim->shape = s;
        site->storage.claim->bytes = bytes;
        site->storage.claim->fits_since = 0;
        s->claim = site;
}

static int longest_lacking(const void *a, const void *b)
{
        const struct m_shape *x = *(struct m_shape *const *)a, *y = *(struct m_shape *const *)b;

        if (x->lacks_since != y->lacks_since)
                return x->lacks_since < y->lacks_since ? -1 : 1;
        return (x->project->id > y->project->id) - (x->project->id < y->project->id);
}

static void new_claims(const struct model *m)
{
        struct m_shape **list = NULL;
        size_t n = 0, cap = 0;

        for (size_t i = 0; i < m->project_cap; i++) {
                struct m_project *p = m->projects[i];
                struct m_shape *s = p && !has_claim(p) ? next_claimer(m, p) : NULL;

                if (!s)
                        continue;
                list = xgrow(list, n, &cap, sizeof(struct m_shape *));
                list[n++] = s;
        }
        if (n)
                qsort(list, n, sizeof(struct m_shape *), longest_lacking);
        for (size_t i = 0; i < n; i++) {
                int64_t bytes;
                bool hope;
                struct m_site *site = nearest_to_room(m, list[i], &bytes, &hope);

                if (site)
                        claim(site, list[i], bytes);
                else if (!hope)
                        list[i]->lacks_since = m->now_ms; /* let others of the project try */
        }
        free(list);
}

void space_settle(struct turns *t)
{
        struct model *m = t->m;

        if (!m->claim_ms || (m->claimed_at && m->now_ms - m->claimed_at < CLAIM_LOOK_MS))
                return;
        m->claimed_at = m->now_ms;
        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && claim_holder(m->sites[i]) && !review(m, m->sites[i]))
                        space_release(m, m->sites[i]->storage.claim->shape);
        }
        new_claims(m);
        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && claim_holder(m->sites[i]))
                        make_room(t, m->sites[i]);
        }
}
