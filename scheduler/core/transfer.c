/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer.h"

#include "common/util.h"
#include "core/link.h"
#include "core/model_priv.h"
#include "core/ways.h"

#include <math.h>

#define RELAY_PART        1.15 /* a copy that is still being made is waited for when that beats */
#define RELAY_LEAST_S     5.0  /* what is there by so much */
#define SOURCES_MAX       16   /* holders of a dataset that are compared for one destination */
#define HEAT_HALF_LIFE_MS (24 * 3600 * 1000.0)

static uint64_t to_key(const struct m_dataset *d, int32_t to)
{
        return (uint64_t)d->id << 20 | (uint32_t)to;
}

struct m_transfer *model_transfer_to(const struct model *m, const struct m_dataset *d, int32_t to)
{
        return d->transfers ? map_get(&m->transfers_to, to_key(d, to)) : NULL;
}

struct m_transfer *model_transfer(const struct model *m, int64_t id)
{
        return map_get(&m->transfers, (uint64_t)id);
}

bool transfer_goes_before(const void *a, const void *b)
{
        const struct m_transfer *x = a, *y = b;
        int64_t x_at = x->asked_at - (int64_t)x->priority * TRANSFER_PRIORITY_MS;
        int64_t y_at = y->asked_at - (int64_t)y->priority * TRANSFER_PRIORITY_MS;

        if (x->why != y->why && (x->why == WHY_COPY || y->why == WHY_COPY))
                return y->why == WHY_COPY; /* what is waited for goes before copies for later */
        return x_at != y_at ? x_at < y_at : x->id < y->id;
}

/* ---- what may be where -----------------------------------------------------------------------------------
 */

bool dataset_may_be_at(const struct m_dataset *d, const struct m_site *site)
{
        size_t low = 0, high = d->allowed_count;

        if (!d->restricted)
                return true;
        while (low < high) {
                size_t mid = (low + high) / 2;

                if (d->allowed[mid] < site->id)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low < d->allowed_count && d->allowed[low] == site->id;
}

bool site_is_source(const struct m_site *site)
{
        if (site->gone || site->intent == SITE_CLOSED || site->alarm)
                return false;
        for (size_t i = 0; i < site->worker_count; i++) {
                if (site->workers[i]->ready && !site->workers[i]->gone)
                        return true;
        }
        return false;
}

int64_t site_space(const struct m_site *site)
{
        const struct m_storage *s = &site->storage;
        int64_t space = s->quota - s->used - s->pledged + s->evictable;

        return s->accept && !s->unknown && space > 0 ? space : 0;
}

/* ---- opening and closing ---------------------------------------------------------------------------------
 */

static int64_t left_of(const struct m_transfer *t)
{
        return t->bytes > t->moved ? t->bytes - t->moved : 0;
}

/* Promise (+1) what is left to its link and both sites, or take it back (-1). The caller says that the link
 * has changed, if it has in the end. */
static void promise(struct model *m, const struct m_transfer *t, int by)
{
        struct m_link *l = t->from ? model_link_put(m, t->from, t->to) : NULL;
        int64_t bytes = by * left_of(t);

        if (!l)
                return;
        l->promised += bytes;
        l->open += by;
        model_site(m, t->from)->storage.out_promised += bytes;
        model_site(m, t->to)->storage.in_promised += bytes;
}

static void note_change(const struct model *m, const struct m_transfer *t, int32_t from)
{
        if (from)
                link_changed(m, from, t->to);
}

static void move_promise(struct model *m, struct m_transfer *t, int32_t from)
{
        promise(m, t, -1);
        t->from = from;
        promise(m, t, 1);
}

static void set_source(struct model *m, struct m_transfer *t, int32_t from)
{
        int32_t had = t->from;

        move_promise(m, t, from);
        if (had != from)
                note_change(m, t, had);
        if (had != from)
                note_change(m, t, from);
}

struct m_transfer *model_transfer_open(struct model *m, int64_t id, struct m_dataset *d, int32_t from,
                                       int32_t to, enum transfer_why why)
{
        struct m_transfer *t = xcalloc(1, sizeof *t);

        t->id = id;
        t->dataset = d;
        t->to = to;
        t->why = why;
        t->state = TRANSFER_QUEUED;
        t->bytes = model_dataset_missing(d, to, &t->files);
        t->asked_at = m->wall_ms;
        t->started_at = INT64_MIN;
        t->wanted_pass = m->pass;
        t->next = d->transfers;
        d->transfers = t;
        d->users++;
        map_put(&m->transfers, (uint64_t)id, t);
        map_put(&m->transfers_to, to_key(d, to), t);
        heap_add(&m->queued, t);
        if (model_site(m, to))
                model_site(m, to)->storage.pledged += t->bytes;
        set_source(m, t, from);
        if (m->next_transfer <= id)
                m->next_transfer = id + 1;
        return t;
}

/* What it is to move is another amount than it was; nothing of it has begun. */
static void resize(struct model *m, struct m_transfer *t, int32_t files, int64_t bytes)
{
        struct m_site *to = model_site(m, t->to);

        promise(m, t, -1);
        if (to)
                to->storage.pledged += bytes - t->bytes;
        t->files = files;
        t->bytes = bytes;
        promise(m, t, 1);
        note_change(m, t, t->from);
}

void model_transfer_narrow(struct model *m, struct m_transfer *t, struct spans *only, int64_t bytes)
{
        int32_t files = (int32_t)spans_count(only);

        spans_move(&t->only, only);
        resize(m, t, files, bytes);
}

void model_transfer_widen(struct model *m, struct m_transfer *t)
{
        int32_t files;
        int64_t bytes = model_dataset_missing(t->dataset, t->to, &files);

        spans_release(&t->only);
        resize(m, t, files, bytes);
}

/* Count an active transfer in or out of its link and sites. */
static void count(struct model *m, const struct m_transfer *t, int32_t by)
{
        struct m_link *l = model_link_put(m, t->from, t->to);

        m->active += by;
        l->active += by;
        l->given += by * t->given;
        model_site(m, t->from)->storage.out_given += by * t->given;
        model_site(m, t->to)->storage.in_given += by * t->given;
        model_site(m, t->from)->storage.out += by;
        model_site(m, t->to)->storage.in += by;
        if (!t->small)
                return;
        l->small += by;
        model_site(m, t->from)->storage.out_small += by;
        model_site(m, t->to)->storage.in_small += by;
}

/* Bring the figure of how many shared the link up to now. */
static void share(const struct model *m, struct m_transfer *t)
{
        const struct m_link *l = model_link(m, t->from, t->to);
        int64_t span = m->now_ms - t->shared_at;

        if (span > 0)
                t->sharing += (double)span * (l ? l->active : 1);
        t->shared_at = m->now_ms;
}

/* Those that share the link, before their number changes. */
static void share_all(const struct model *m, int32_t from, int32_t to)
{
        const struct m_link *l = model_link(m, from, to);
        struct m_transfer *t;
        int32_t left = l ? l->active : 0;

        for (size_t i = 0; left && (t = map_next(&m->transfers, &i));) {
                if (t->state == TRANSFER_QUEUED || t->from != from || t->to != to)
                        continue;
                share(m, t);
                left--;
        }
}

/* ---- budgets ---- */

bool transfer_is_small(const struct model *m, int64_t bytes, int32_t from, int32_t to)
{
        return bytes < LINK_SAMPLE_BYTES &&
               (double)bytes < link_latency(m, from, to) * link_rate(m, from, to);
}

static double turn_s(const struct m_link *l)
{
        int32_t places = l && l->max_active ? l->max_active : TRANSFER_LINK_MAX * TRANSFER_SMALL_TIMES;

        return link_latency_of(l) / places;
}

double transfer_turn_s(const struct model *m, int32_t from, int32_t to)
{
        return turn_s(model_link(m, from, to));
}

/* May one more start? Who named a limit means all of them; otherwise the small ones have places of their own.
 */
static bool has_place(int32_t named, int32_t usual, int32_t active, int32_t small, bool is_small)
{
        if (named)
                return active < named;
        return is_small ? active < usual * TRANSFER_SMALL_TIMES : active - small < usual;
}

/* What is left of a budget when so much of it was given; INFINITY: there is none. */
static double left_of_budget(double budget, double given)
{
        return budget <= 0 ? INFINITY : budget > given ? budget - given : 0;
}

/* What a transfer would get that starts now: what budgets leave, and not much more than the link does, so
 * that others get the rest. 0: it has to wait, INFINITY: there is no budget. */
static double share_now(const struct model *m, int32_t from, int32_t to)
{
        const struct m_link *l = model_link(m, from, to);
        const struct m_storage *out = &model_site(m, from)->storage, *in = &model_site(m, to)->storage;
        double left = fmin(
            left_of_budget(l ? l->budget : 0, l ? l->given : 0),
            fmin(left_of_budget(out->egress, out->out_given), left_of_budget(in->ingress, in->in_given)));

        if (isinf(left))
                return left;
        if (left < link_cap(m, from, to) / TRANSFER_SHARE_PART)
                return 0;
        return l && l->weight > 0 ? fmin(left, TRANSFER_HEADROOM * exp(l->log_rate)) : left;
}

double transfer_least_rate(const struct model *m, const struct m_transfer *t)
{
        double rate = link_rate(m, t->from, t->to);
        const struct m_dataset *d = t->dataset;

        if (t->given > 0 && t->given < rate)
                rate = t->given;
        for (size_t i = 0; i < d->site_count; i++) {
                const struct m_dataset_site *at = &d->sites[i];
                const struct m_site *other = model_site(m, at->site);

                if (at->site != t->from && at->site != t->to && !at->suspect && !at->leaving &&
                    at->files == d->files && other && site_is_source(other))
                        return fmax(rate / TRANSFER_SLOW_PART, 1);
        }
        return 0;
}

void model_transfer_start(struct model *m, struct m_transfer *t, int32_t from)
{
        double given = share_now(m, from, t->to);

        heap_remove(&m->queued, t);
        set_source(m, t, from);
        t->given = isinf(given) ? 0 : fmax(given, 1);
        share_all(m, from, t->to);
        t->state = TRANSFER_ACTIVE;
        t->small = transfer_is_small(m, left_of(t), from, t->to);
        t->started_at = m->wall_ms;
        t->begun = t->moved;
        t->sharing = 0;
        t->shared_at = m->now_ms;
        count(m, t, 1);
}

void model_transfer_progress(struct model *m, struct m_transfer *t, int64_t moved)
{
        promise(m, t, -1);
        t->moved = moved < 0 ? 0 : moved < t->bytes ? moved : t->bytes;
        promise(m, t, 1);
        note_change(m, t, t->from);
}

/* Sums of what was added and taken away again are not quite none. */
static void tidy(struct model *m, const struct m_transfer *t)
{
        struct m_link *l = model_link_put(m, t->from, t->to);
        struct m_storage *out = &model_site(m, t->from)->storage, *in = &model_site(m, t->to)->storage;

        l->given = l->active ? l->given : 0;
        out->out_given = out->out ? out->out_given : 0;
        in->in_given = in->in ? in->in_given : 0;
}

static void stop(struct model *m, struct m_transfer *t)
{
        if (t->state == TRANSFER_QUEUED) {
                heap_remove(&m->queued, t);
                return;
        }
        share_all(m, t->from, t->to);
        count(m, t, -1);
        tidy(m, t);
        t->given = 0;
}

void model_transfer_close(struct model *m, struct m_transfer *t)
{
        struct m_dataset *d = t->dataset;
        struct m_transfer **at = &d->transfers;

        stop(m, t);
        promise(m, t, -1);
        note_change(m, t, t->from);
        if (model_site(m, t->to))
                model_site(m, t->to)->storage.pledged -= t->bytes;
        while (*at != t)
                at = &(*at)->next;
        *at = t->next;
        map_del(&m->transfers, (uint64_t)t->id);
        map_del(&m->transfers_to, to_key(d, t->to));
        spans_release(&t->only);
        free(t);
        model_dataset_drop(m, d);
}

double dataset_wanted(const struct model *m, struct m_dataset *d)
{
        size_t n = d->reader_count < READERS_SEEN ? d->reader_count : READERS_SEEN;

        if (d->wanted_pass == m->pass + 1)
                return d->wanted;
        d->wanted_pass = m->pass + 1;
        d->wanted = 0;
        for (size_t i = 0; i < n; i++) {
                const struct m_job *j = d->readers[i].job;

                if (heap_has(&j->shape->jobs, j))
                        d->wanted += (double)job_waiting(j);
        }
        if (n)
                d->wanted *= (double)d->reader_count / (double)n;
        return d->wanted;
}

double dataset_heat(const struct model *m, const struct m_dataset *d)
{
        double gone = (double)(m->wall_ms - d->heat_at);

        return gone > 0 ? d->heat * exp2(-gone / HEAT_HALF_LIFE_MS) : d->heat;
}

static void heat(const struct model *m, struct m_dataset *d, int64_t bytes)
{
        d->heat = dataset_heat(m, d) + (double)bytes;
        d->heat_at = m->wall_ms;
}

/* A part of it is there: a copy that is not whole, or is now. */
static struct m_dataset_site *part_done(struct m_dataset *d, const struct m_transfer *t, const char *root)
{
        struct m_dataset_site *at = model_dataset_some(d, t->to);
        struct spans have = {0};
        int64_t bytes = t->bytes;

        if (at) {
                spans_move(&have, &at->have);
                bytes += at->bytes;
        }
        spans_join(&have, &t->only);
        at = model_dataset_site(d, t->to, root, false, (int32_t)spans_count(&have),
                                bytes < d->bytes ? bytes : d->bytes);
        if (at->files < d->files)
                spans_move(&at->have, &have);
        spans_release(&have);
        return at;
}

void model_transfer_done(struct model *m, struct m_transfer *t, const char *root)
{
        struct m_dataset *d = t->dataset;
        struct m_site *to = model_site(m, t->to);
        bool is_file = d->site_count && d->sites[0].is_file;
        struct m_dataset_site *at = t->only.n
                                        ? part_done(d, t, root)
                                        : model_dataset_site(d, t->to, root, is_file, d->files, d->bytes);

        at->copy = true;
        at->suspect = at->leaving = false;
        at->brought_at = t->why == WHY_JOB ? m->now_ms : 0;
        /* What was gathered over several links tells nothing of one. */
        if (t->state != TRANSFER_QUEUED && t->from != t->to && model_dataset_at(d, t->from)) {
                struct m_link *l = model_link_put(m, t->from, t->to);
                int64_t ms = m->wall_ms - t->started_at;

                share(m, t);
                link_learn(m, l, t->bytes - t->begun, ms, ms > 0 ? t->sharing / (double)ms : 1);
        }
        if (t->why != WHY_COPY) /* what nobody asked for is no demand */
                heat(m, d, t->bytes);
        if (to)
                to->storage.used += t->bytes;
        model_transfer_close(m, t);
}

bool model_transfer_failed(struct model *m, struct m_transfer *t, enum transfer_fault fault)
{
        int64_t pause = TRANSFER_BACKOFF_MS;

        if (fault == FAULT_LINK || fault == FAULT_SOURCE)
                link_failed(m, model_link_put(m, t->from, t->to));
        /* What tasks wait for is tried as long as they want it there. */
        if (++t->tries >= TRANSFER_TRIES_MAX && t->why != WHY_JOB) {
                model_transfer_close(m, t);
                return false;
        }
        stop(m, t);
        for (int32_t i = 1; i < t->tries && pause < TRANSFER_BACKOFF_MAX; i++)
                pause *= 2;
        t->state = TRANSFER_QUEUED;
        t->not_before = m->wall_ms + (pause < TRANSFER_BACKOFF_MAX ? pause : TRANSFER_BACKOFF_MAX);
        t->avoid = fault == FAULT_DESTINATION || fault == FAULT_US ? 0 : t->from;
        t->started_at = INT64_MIN;
        heap_add(&m->queued, t);
        return true;
}

bool transfer_is_forgotten(const struct model *m, const struct m_transfer *t)
{
        return t->state == TRANSFER_QUEUED && !t->cancelling && t->unwanted_since &&
               t->wanted_pass != m->pass;
}

/* ---- ways ------------------------------------------------------------------------------------------------
 */

/* Bytes before others on the way: what its link has promised, and beyond that what is promised out of the
 * source and into the destination, as far as their number of transfers at once makes those wait. */
static double queue_of(const struct m_link *l, const struct m_site *out, const struct m_site *in, double rate)
{
        double wait = l ? (double)l->promised / rate + l->open * turn_s(l) : 0;

        if (out && out->storage.egress > 0)
                wait = fmax(wait, (double)out->storage.out_promised / out->storage.egress);
        if (in && in->storage.ingress > 0)
                wait = fmax(wait, (double)in->storage.in_promised / in->storage.ingress);
        return wait;
}

static double queue_s(const struct model *m, int32_t from, int32_t to, double rate)
{
        return queue_of(model_link(m, from, to), model_site(m, from), model_site(m, to), rate);
}

static void arrival(const struct model *m, const struct m_transfer *t, struct way *ret)
{
        double rate = link_rate(m, t->from ? t->from : t->to, t->to), begin = 0;

        if (t->state != TRANSFER_QUEUED && t->given > 0 && t->given < rate)
                rate = t->given;

        ret->on_its_way = true;
        ret->from = t->from;
        ret->bytes = left_of(t);
        ret->moving = (double)ret->bytes / rate;
        if (t->state == TRANSFER_QUEUED) {
                begin = link_latency(m, t->from, t->to) + link_rest(m, t->from, t->to);
                if (t->not_before > m->wall_ms && (double)(t->not_before - m->wall_ms) / 1000.0 > begin)
                        begin = (double)(t->not_before - m->wall_ms) / 1000.0;
        }
        /* What is promised on the link, itself included, ends together at the latest. */
        ret->seconds = begin + (t->from ? queue_s(m, t->from, t->to, rate) : ret->moving);
}

/* When it ends, as far as that can be told now: looked up once in a span, as often as its way changes. */
static double eta_of(const struct model *m, struct m_transfer *t)
{
        const struct m_site *from = model_site(m, t->from), *to = model_site(m, t->to);
        uint64_t span = ways_span(m);
        struct way w = {0};

        if (span && t->eta_span == span && t->eta_changes == to->way_changes && from &&
            from->storage.egress <= 0)
                return t->eta;
        arrival(m, t, &w);
        t->eta_span = span;
        t->eta_changes = to->way_changes;
        return t->eta = w.seconds;
}

/* Copies that are being made are sources to come: worth waiting for where the way on from there is so much
 * faster that it makes up for the wait, and some more, for what is not there yet may be late. */
static void source_to_come(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                           int64_t bytes, struct way *ret)
{
        int32_t looked = 0;

        if (ret->seconds <= RELAY_LEAST_S)
                return;

        for (struct m_transfer *t = d->transfers; t && looked < SOURCES_MAX; t = t->next, looked++) {
                const struct m_site *from = model_site(m, t->to);
                double rate, moving, seconds, eta;

                if (t->state == TRANSFER_QUEUED || t->cancelling || t->only.n || from == to ||
                    !site_is_source(from))
                        continue;
                eta = eta_of(m, t);
                if (eta * RELAY_PART + RELAY_LEAST_S >= ret->seconds)
                        continue; /* and the way on takes time, too */
                rate = link_rate(m, from->id, to->id);
                moving = (double)bytes / rate;
                seconds = fmax(eta, queue_s(m, from->id, to->id, rate)) + link_rest(m, from->id, to->id) +
                          link_latency(m, from->id, to->id) + moving;
                if (seconds * RELAY_PART + RELAY_LEAST_S < ret->seconds) {
                        ret->seconds = seconds;
                        ret->moving = moving + transfer_turn_s(m, from->id, to->id);
                        ret->from = from->id;
                        ret->to_come = true;
                }
        }
}

/* The holders that are compared for a destination: where there are many, a part of them, another for each
 * destination. A new holder changes few of these parts. */
static struct way_asked holders_for(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                                    int64_t bytes)
{
        struct way_asked a = {.d = d, .to = to, .look = d->site_count, .bytes = bytes};

        if (a.look > SOURCES_MAX) {
                a.look = SOURCES_MAX;
                a.first = model_dataset_from(
                    d, (int32_t)(hash_mix((uint64_t)to->id ^ (uint64_t)d->id << 20) % m->site_cap));
        }
        return a;
}

/* What it would take from one holder; false: it is none. */
static bool from_holder(const struct model *m, const struct way_asked *a, const struct m_dataset_site *at,
                        struct way_found *ret)
{
        const struct m_site *from = model_site(m, at->site);
        const struct m_link *l;
        double rate, rest;

        if (at->suspect || at->leaving || at->files != a->d->files || !from || from == a->to ||
            !site_is_source(from))
                return false;
        l = link_from(a->to, from->id);
        rate = link_rate_of(m, l, from, a->to);
        rest = link_rest_of(m, l);
        ret->from = from->id;
        ret->moving = (double)a->bytes / rate;
        ret->seconds = queue_of(l, from, a->to, rate) + rest + link_latency_of(l) + ret->moving;
        ret->moving += turn_s(l);
        ret->lasts = rest <= 0 && from->storage.egress <= 0;
        ret->prior = !l || l->rate <= 0;
        return true;
}

static bool is_sooner(const struct way_found *a, const struct way_found *b)
{
        return a->seconds < b->seconds || (a->seconds == b->seconds && a->from < b->from);
}

static struct way_found best_holder(const struct model *m, const struct way_asked *a, int32_t avoid)
{
        struct way_found best = {.seconds = INFINITY, .lasts = true}, x;
        size_t n = a->d->site_count;

        /* There are a million links where there are a thousand sites: they come from memory all at once. */
        for (size_t i = a->first; i < a->first + a->look; i++)
                __builtin_prefetch(link_from(a->to, a->d->sites[i % n].site));
        for (size_t i = a->first; i < a->first + a->look; i++) {
                if (!from_holder(m, a, &a->d->sites[i % n], &x))
                        continue;
                if (x.from == avoid && n > 1)
                        x.seconds += 1e6;
                x.lasts = x.lasts && best.lasts;
                x.prior = x.prior || best.prior;
                if (is_sooner(&x, &best)) {
                        best = x;
                        continue;
                }
                best.lasts = x.lasts;
                best.prior = x.prior;
        }
        return best;
}

static void set_source_of(struct way *ret, const struct way_found *found)
{
        ret->seconds = found->seconds;
        ret->moving = found->moving;
        ret->from = found->from;
}

static void best_source(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                        int64_t bytes, int32_t avoid, struct way *ret)
{
        struct way_asked a = holders_for(m, d, to, bytes);
        struct way_found found = best_holder(m, &a, avoid);

        set_source_of(ret, &found);
}

/* No site holds all of it, as with what a job's tasks made at several: it is gathered, part by part, the
 * largest named as its source. What each place has is taken to be another part; the record knows better when
 * it comes to that. */
static void gather(const struct model *m, const struct m_dataset *d, const struct m_site *to, struct way *ret)
{
        double moving = 0, wait = 0;
        int64_t files = 0, largest = -1;
        int32_t from = 0;

        for (size_t i = 0; i < d->site_count; i++) {
                const struct m_dataset_site *at = &d->sites[i];
                const struct m_site *site = model_site(m, at->site);

                if (at->suspect || at->leaving || at->have.n || !site || !site_is_source(site))
                        continue;
                files += at->files;
                if (site != to) {
                        double rate = link_rate(m, site->id, to->id);

                        moving += (double)at->bytes / rate + link_latency(m, site->id, to->id);
                        wait = fmax(wait, queue_s(m, site->id, to->id, rate));
                }
                if (site != to ? at->bytes > largest : !from) {
                        largest = site != to ? at->bytes : -1;
                        from = site->id;
                }
        }
        if (files < d->files)
                return;
        ret->seconds = wait + moving;
        ret->moving = moving;
        ret->from = from;
}

static void find_source(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                        int64_t bytes, int32_t avoid, struct way *ret)
{
        best_source(m, d, to, bytes, avoid, ret);
        if (!ret->from)
                gather(m, d, to, ret);
}

/* The best one was found before the link from one of the sites changed: is it known who is best now? */
static bool bring_up_to_date(const struct model *m, const struct way_asked *a, int32_t from,
                             struct way_found *best)
{
        const struct m_dataset *d = a->d;
        struct way_found x;

        for (size_t i = model_dataset_from(d, from); i < d->site_count && d->sites[i].site == from; i++) {
                if ((i + d->site_count - a->first) % d->site_count >= a->look ||
                    !from_holder(m, a, &d->sites[i], &x))
                        continue;
                if (!x.lasts || (from == best->from && x.seconds > best->seconds))
                        return false; /* another one may be better than it is now */
                x.prior = x.prior || best->prior;
                if (from == best->from || is_sooner(&x, best))
                        *best = x;
        }
        return true;
}

static bool is_known(const struct model *m, const struct way_asked *a, struct way_found *ret)
{
        struct ways_since since = {.n = 0};
        enum ways_kept kept = ways_get(m, a, ret, &since);

        for (size_t i = 0; i < since.n && kept == WAYS_NEARLY; i++) {
                if (!bring_up_to_date(m, a, since.from[i], ret))
                        return false;
        }
        if (kept == WAYS_NEARLY)
                ways_keep(m, a, ret);
        return kept != WAYS_NONE;
}

/* The same for what is asked again and again: by what was found before, as long as that is right. */
static void usual_source(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                         int64_t bytes, struct way *ret)
{
        struct way_asked a = holders_for(m, d, to, bytes);
        struct way_found found;

        if (!is_known(m, &a, &found)) {
                found = best_holder(m, &a, 0);
                ways_keep(m, &a, &found);
        }
        set_source_of(ret, &found);
        if (!ret->from)
                gather(m, d, to, ret);
}

void transfer_wanted(struct model *m, struct m_transfer *t)
{
        bool forgotten = transfer_is_forgotten(m, t);
        struct way w = {0};

        t->wanted_pass = m->pass;
        if (!forgotten)
                return;
        find_source(m, t->dataset, model_site(m, t->to), t->bytes, t->avoid, &w);
        set_source(m, t, w.from);
}

bool transfer_has_better_source(struct model *m, struct m_transfer *t)
{
        struct way now = {0}, other = {0};

        if (t->state == TRANSFER_QUEUED || t->cancelling || t->why == WHY_PERSON ||
            t->dataset->site_count < 2 || m->now_ms - t->looked_at < TRANSFER_LOOK_MS)
                return false;
        t->looked_at = m->now_ms;
        arrival(m, t, &now);
        best_source(m, t->dataset, model_site(m, t->to), t->bytes, t->from, &other);
        return other.from != t->from && other.seconds * TRANSFER_BETTER + TRANSFER_BETTER_S < now.seconds;
}

/* It failed, and nobody has the data any more, or will have it before long: what waits for it had better
 * know.
 */
static bool is_stranded(const struct model *m, const struct m_transfer *t, const struct m_site *to)
{
        struct way w = {0};

        if (t->state != TRANSFER_QUEUED || !t->tries)
                return false;
        find_source(m, t->dataset, to, t->bytes, 0, &w);
        source_to_come(m, t->dataset, to, t->bytes, &w);
        return !w.from;
}

/* It failed, and there is less room by now than was promised to it and others. */
static bool lacks_room(const struct m_transfer *t, const struct m_storage *at)
{
        return t->state == TRANSFER_QUEUED && t->tries && !at->unknown &&
               at->quota - at->used - at->pledged + at->evictable < 0;
}

void dataset_part_way(const struct model *m, const struct m_dataset *d, const struct m_site *to,
                      int64_t bytes, struct way *ret)
{
        const struct m_transfer *t = model_transfer_to(m, d, to->id);

        *ret = (struct way){.bytes = bytes};
        if (t && !t->cancelling && lacks_room(t, &to->storage)) {
                t = NULL;
        } else if (t && transfer_is_forgotten(m, t)) {
                ret->pledged = true;
                t = NULL;
        }
        if (t && !t->cancelling) {
                if (is_stranded(m, t, to))
                        ret->seconds = INFINITY;
                else
                        arrival(m, t, ret);
                return;
        }
        if (!to->storage.accept || t)
                ret->seconds = INFINITY;
        else {
                usual_source(m, d, to, bytes, ret);
                source_to_come(m, d, to, bytes, ret);
        }
}

void dataset_way(const struct model *m, const struct m_dataset *d, const struct m_site *to, struct way *ret)
{
        const struct m_transfer *t;
        int64_t bytes;
        int32_t files;

        *ret = (struct way){0};
        bytes = model_dataset_missing(d, to->id, &files);
        if (!files)
                return;
        dataset_part_way(m, d, to, bytes, ret);
        t = ret->on_its_way ? model_transfer_to(m, d, to->id) : NULL;
        if (t && t->only.n && bytes > t->bytes) {
                /* The rest follows what is on its way. */
                double more = (double)(bytes - t->bytes) / link_rate(m, t->from ? t->from : t->to, t->to);

                ret->bytes += bytes - t->bytes;
                ret->moving += more;
                ret->seconds += more;
                ret->on_its_way = false;
        }
}

/* ---- starting --------------------------------------------------------------------------------------------
 */

static int32_t out_of(const struct m_dataset *d, int32_t from)
{
        int32_t n = 0;

        for (const struct m_transfer *t = d->transfers; t; t = t->next)
                n += t->state != TRANSFER_QUEUED && t->from == from;
        return n;
}

static bool has_budget(const struct model *m, const struct m_transfer *t, int32_t from)
{
        const struct m_link *l = model_link(m, from, t->to);
        const struct m_storage *out = &model_site(m, from)->storage, *in = &model_site(m, t->to)->storage;
        bool small = transfer_is_small(m, left_of(t), from, t->to);

        return share_now(m, from, t->to) > 0 && (!m->active_max || m->active < m->active_max) &&
               (!l || has_place(l->max_active, TRANSFER_LINK_MAX, l->active, l->small, small)) &&
               has_place(out->out_max, TRANSFER_SITE_MAX, out->out, out->out_small, small) &&
               has_place(in->in_max, TRANSFER_SITE_MAX, in->in, in->in_small, small) &&
               out_of(t->dataset, from) < TRANSFER_DATASET_MAX;
}

/* The source that an arrangement chose, where it holds the data by now or is being supplied. */
static bool chosen_source(const struct model *m, const struct m_transfer *t, struct way *ret)
{
        const struct m_site *from = model_site(m, t->chosen);
        const struct m_transfer *supply;

        if (!from || t->chosen == t->avoid || !site_is_source(from))
                return false;
        supply = model_transfer_to(m, t->dataset, t->chosen);
        ret->to_come = !model_dataset_at(t->dataset, t->chosen);
        if (ret->to_come && (!supply || supply->cancelling || supply->only.n))
                return false;
        ret->from = t->chosen;
        return true;
}

/* Does the link still move something for a while? What was arranged follows one after the other. */
static bool is_served(const struct model *m, int32_t from, int32_t to)
{
        const struct m_link *l = model_link(m, from, to);

        return l && l->active && (double)l->promised > TRANSFER_SOON_S * link_rate(m, from, to);
}

/* Where it is moved from when it starts now: 0 = nowhere yet. */
static int32_t source_now(struct model *m, struct m_transfer *t)
{
        const struct m_site *to = model_site(m, t->to);
        struct way w = {0};
        int32_t had = t->from;

        if (t->cancelling || t->not_before > m->wall_ms || !site_is_source(to) ||
            !dataset_may_be_at(t->dataset, to))
                return 0;
        if (transfer_is_forgotten(m, t)) {
                set_source(m, t, 0);
                return 0;
        }
        move_promise(m, t, 0); /* what it promised itself does not stand in its way */
        if (!chosen_source(m, t, &w)) {
                find_source(m, t->dataset, to, t->bytes, t->avoid, &w);
                source_to_come(m, t->dataset, to, t->bytes, &w);
        }
        move_promise(m, t, had);
        set_source(m, t, w.from);
        if (t->chosen && w.from == t->chosen && is_served(m, w.from, t->to))
                return 0;
        if (!w.from || w.to_come || link_rest(m, w.from, t->to) > 0 || !has_budget(m, t, w.from))
                return 0;
        return w.from;
}

void transfers_start(struct model *m, void (*on_start)(void *ctx, struct m_transfer *t), void *ctx)
{
        struct m_transfer **later = NULL, *t;
        size_t n = 0, cap = 0;

        while ((t = heap_top(&m->queued))) {
                int32_t from = source_now(m, t);

                if (from) {
                        model_transfer_start(m, t, from);
                        on_start(ctx, t);
                        continue;
                }
                heap_remove(&m->queued, t);
                later = xgrow(later, n, &cap, sizeof(struct m_transfer *));
                later[n++] = t;
        }
        for (size_t i = 0; i < n; i++)
                heap_add(&m->queued, later[i]);
        free(later);
}
