/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include "common/ids.h"
#include "common/util.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define SCAN_MAX     2000  /* jobs of the one line that a pull rule is asked about at a time */
#define IDLE_PASS_MS 30000 /* core: a look at what waits even when nothing happens */

/* ---- events ----------------------------------------------------------------------------------------------
 */

static bool event_before(const struct event *a, const struct event *b)
{
        return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_push_event(struct sim *s, const struct event *e)
{
        size_t i = s->event_n++;

        s->events = xgrow(s->events, i, &s->event_cap, sizeof *s->events);
        s->events[i] = *e;
        s->events[i].seq = s->seq++;
        for (; i && event_before(&s->events[i], &s->events[(i - 1) / 2]); i = (i - 1) / 2) {
                struct event t = s->events[i];

                s->events[i] = s->events[(i - 1) / 2];
                s->events[(i - 1) / 2] = t;
        }
}

static struct event pop_event(struct sim *s)
{
        struct event top = s->events[0], last = s->events[--s->event_n];
        size_t i = 0;

        for (;;) {
                size_t k = 2 * i + 1;

                if (k >= s->event_n)
                        break;
                k += k + 1 < s->event_n && event_before(&s->events[k + 1], &s->events[k]);
                if (!event_before(&s->events[k], &last))
                        break;
                s->events[i] = s->events[k];
                i = k;
        }
        s->events[i] = last;
        return top;
}

/* ---- copies ----------------------------------------------------------------------------------------------
 */

static uint64_t copy_key(const struct sim *s, int32_t file, int32_t site)
{
        return (uint64_t)file * s->w->site_n + (uint64_t)site + 1;
}

struct copy *sim_copy(const struct sim *s, int32_t file, int32_t site)
{
        return map_get(&s->copies, copy_key(s, file, site));
}

static struct copy *copy_put(struct sim *s, int32_t file, int32_t site)
{
        struct copy *c = sim_copy(s, file, site);

        if (c)
                return c;
        c = xcalloc(1, sizeof *c);
        c->file = file;
        c->site = site;
        c->next = s->copies_of[file];
        s->copies_of[file] = c;
        map_put(&s->copies, copy_key(s, file, site), c);
        return c;
}

static void unlist(struct sim *s, struct copy *c)
{
        struct sim_site *at = &s->sites[c->site];

        if (!c->listed)
                return;
        *(c->older ? &c->older->newer : &at->oldest) = c->newer;
        *(c->newer ? &c->newer->older : &at->newest) = c->older;
        c->older = c->newer = NULL;
        c->listed = false;
}

/* It was used now: it goes last. */
static void touch(struct sim *s, struct copy *c)
{
        struct sim_site *at = &s->sites[c->site];

        if (c->original || !c->there)
                return;
        unlist(s, c);
        c->older = at->newest;
        *(at->newest ? &at->newest->newer : &at->oldest) = c;
        at->newest = c;
        c->listed = true;
}

static void copy_free(struct sim *s, struct copy *c)
{
        struct copy **at = &s->copies_of[c->file];

        unlist(s, c);
        while (*at != c)
                at = &(*at)->next;
        *at = c->next;
        map_del(&s->copies, copy_key(s, c->file, c->site));
        free(c);
}

bool sim_has_quota(const struct sim *s, int32_t site)
{
        return s->w->sites[site].quota > 0;
}

void sim_evict(struct sim *s, int32_t site, bool (*keep)(const struct sim *s, const struct copy *c))
{
        struct sim_site *at = &s->sites[site];
        struct copy *c = at->oldest;

        while (c && sim_has_quota(s, site) && at->used > s->w->sites[site].quota) {
                struct copy *newer = c->newer;

                if (!c->pins && !(keep && keep(s, c))) {
                        at->used -= s->w->files[c->file].bytes;
                        s->figures->evictions++;
                        if (s->core)
                                core_copy_gone(s, c);
                        copy_free(s, c);
                }
                c = newer;
        }
        s->figures->over_quota += sim_has_quota(s, site) && at->used > s->w->sites[site].quota;
}

void sim_pin(struct sim *s, int32_t job, int32_t site, int by)
{
        const struct w_job *j = &s->w->jobs[job];

        for (uint32_t i = 0; i < j->inputs.n; i++) {
                struct copy *c = copy_put(s, world_items(s->w, j->inputs)[i], site);

                c->pins += by;
                touch(s, c);
        }
}

/* ---- tasks -----------------------------------------------------------------------------------------------
 */

/* Tasks of an array differ by up to a fifth either way. */
int64_t sim_run_ms(const struct sim *s, int32_t job, int32_t task, int32_t site)
{
        const struct w_job *j = &s->w->jobs[job];
        double part = 1;

        if (j->tasks > 1)
                part += ((double)(hash_mix((uint64_t)job << 32 ^ (uint64_t)task) % 1000) - 500) / 2500;
        part = ceil((double)j->run_ms * part / s->w->sites[site].speed);
        return part < 1 ? 1 : (int64_t)part;
}

static double guess_s(const struct sim *s, int32_t job, int32_t site)
{
        const struct w_job *j = &s->w->jobs[job];

        return (double)j->guess_ms / 1000.0 / s->w->sites[site].speed * j->cpus;
}

void sim_start_task(struct sim *s, int32_t job, int32_t task, int32_t site)
{
        int64_t run = sim_run_ms(s, job, task, site);

        s->sites[site].running++;
        sim_push_event(s, &(struct event){.at = s->now + run,
                                          .kind = EVENT_TASK_END,
                                          .site = site,
                                          .job = job,
                                          .task = task,
                                          .began = s->now});
}

bool sim_may_run(const struct sim *s, int32_t job, int32_t site)
{
        const struct w_job *j = &s->w->jobs[job];
        bool named = !j->sites.n;

        if (s->w->sites[site].cpus < j->cpus)
                return false;
        for (uint32_t i = 0; i < j->sites.n && !named; i++)
                named = world_items(s->w, j->sites)[i] == site;
        for (uint32_t i = 0; named && i < j->inputs.n; i++) {
                int32_t file = world_items(s->w, j->inputs)[i];
                bool reached = sim_copy(s, file, site) != NULL;

                for (const struct copy *c = s->copies_of[file]; c && !reached; c = c->next)
                        reached = c->there && world_link(s->w, (size_t)c->site, (size_t)site)->rate > 0;
                if (!reached)
                        return false;
        }
        return named;
}

int64_t sim_bytes_all(const struct sim *s, int32_t job)
{
        const struct w_job *j = &s->w->jobs[job];
        int64_t bytes = 0;

        for (uint32_t i = 0; i < j->inputs.n; i++)
                bytes += s->w->files[world_items(s->w, j->inputs)[i]].bytes;
        return bytes;
}

int64_t sim_bytes_at(const struct sim *s, int32_t job, int32_t site, bool coming, int32_t *ret_missing)
{
        const struct w_job *j = &s->w->jobs[job];
        int64_t bytes = 0;
        int32_t missing = 0;

        for (uint32_t i = 0; i < j->inputs.n; i++) {
                int32_t file = world_items(s->w, j->inputs)[i];
                const struct copy *c = sim_copy(s, file, site);

                if (c && (c->there || (coming && c->move)))
                        bytes += s->w->files[file].bytes;
                else
                        missing++;
        }
        if (ret_missing)
                *ret_missing = missing;
        return bytes;
}

/* ---- push and pull: a site's line ------------------------------------------------------------------------
 */

struct move *sim_start_move(struct sim *s, int32_t file, int32_t from, int32_t to, int64_t tag)
{
        struct copy *c = copy_put(s, file, to);

        c->move = move_new(s, file, from, to, tag);
        s->sites[to].used += s->w->files[file].bytes;
        if (tag)
                move_activate(s, c->move);
        return c->move;
}

/* From the site with the fastest link, two at a time; the others stand in line. */
static void fetch(struct sim *s, int32_t file, int32_t to)
{
        const struct copy *best = NULL;
        float best_rate = 0;
        struct link_line *line;
        struct move *m;

        for (const struct copy *c = s->copies_of[file]; c; c = c->next) {
                float rate = world_link(s->w, (size_t)c->site, (size_t)to)->rate;

                if (c->there &&
                    (rate > best_rate || (rate == best_rate && rate > 0 && c->site < best->site))) {
                        best = c;
                        best_rate = rate;
                }
        }
        m = sim_start_move(s, file, best->site, to, 0);
        line = &s->lines[(size_t)best->site * s->w->site_n + (size_t)to];
        if (line->active < LINK_ACTIVE_MAX) {
                move_activate(s, m);
                return;
        }
        if (line->last)
                line->last->next = m;
        else
                line->first = m;
        line->last = m;
}

static void start_ready(struct sim *s, int32_t site)
{
        struct sim_site *at = &s->sites[site];
        struct entry *e = at->first, *before = NULL;

        while (e && at->free > 0) {
                struct entry *next = e->next;
                int32_t cpus = s->w->jobs[e->job].cpus;

                if (s->o.rule->kind == RULE_PUSH && cpus > at->free) {
                        before = e;
                        e = next;
                        continue;
                }
                *(before ? &before->next : &at->first) = next;
                if (at->last == e)
                        at->last = before;
                if (s->o.rule->kind == RULE_PUSH)
                        at->free -= cpus;
                at->waiting--;
                sim_start_task(s, e->job, e->task, site);
                e->next = s->spare_entries;
                s->spare_entries = e;
                e = next;
        }
}

static void entry_ready(struct sim *s, struct entry *e, int32_t site)
{
        struct sim_site *at = &s->sites[site];

        e->next = NULL;
        if (s->o.rule->kind == RULE_PULL) { /* it holds its places already */
                at->waiting--;
                sim_start_task(s, e->job, e->task, site);
                e->next = s->spare_entries;
                s->spare_entries = e;
                return;
        }
        *(at->last ? &at->last->next : &at->first) = e;
        at->last = e;
        start_ready(s, site);
}

static void wait_for(struct sim *s, struct copy *c, struct entry *e)
{
        struct waiter *x = s->spare_waiters;

        if (x)
                s->spare_waiters = x->next;
        else
                x = xmalloc(sizeof *x);
        *x = (struct waiter){e, c->waiters};
        c->waiters = x;
        e->missing++;
}

/* A task goes to a site: what is missing sets out. */
static void send_task(struct sim *s, int32_t job, int32_t task, int32_t site)
{
        const struct w_job *j = &s->w->jobs[job];
        struct entry *e = s->spare_entries;

        if (e)
                s->spare_entries = e->next;
        else
                e = xmalloc(sizeof *e);
        *e = (struct entry){.job = job, .task = task};
        s->sites[site].waiting++;
        s->sites[site].work += guess_s(s, job, site);
        if (s->o.rule->kind == RULE_PULL)
                s->sites[site].free -= j->cpus;
        s->figures->bytes_local += (double)sim_bytes_at(s, job, site, false, NULL);
        s->figures->bytes_read += (double)sim_bytes_all(s, job);
        sim_pin(s, job, site, 1);
        for (uint32_t i = 0; i < j->inputs.n; i++) {
                int32_t file = world_items(s->w, j->inputs)[i];
                struct copy *c = sim_copy(s, file, site);

                if (c->there)
                        continue;
                wait_for(s, c, e);
                if (!c->move)
                        fetch(s, file, site);
        }
        sim_evict(s, site, NULL);
        if (e->missing)
                s->sites[site].staging++;
        else
                entry_ready(s, e, site);
}

static void wake_waiters(struct sim *s, struct copy *c)
{
        struct waiter *x = c->waiters, *first = NULL;

        while (x) { /* they stand newest first */
                struct waiter *next = x->next;

                x->next = first;
                first = x;
                x = next;
        }
        c->waiters = NULL;
        for (x = first; x;) {
                struct waiter *next = x->next;

                if (--x->entry->missing == 0) {
                        s->sites[c->site].staging--;
                        entry_ready(s, x->entry, c->site);
                }
                x->next = s->spare_waiters;
                s->spare_waiters = x;
                x = next;
        }
}

static void pull_tasks(struct sim *s)
{
        int64_t free = 0;
        size_t n = 0, i;

        for (size_t k = 0; k < s->w->site_n; k++)
                free += s->sites[k].free;
        for (i = 0; i < s->line_n && i < SCAN_MAX && free > 0; i++) {
                int32_t job = s->line[i], site;
                struct job_life *j = &s->jobs[job];

                while (j->started < s->w->jobs[job].tasks && free > 0 &&
                       (site = s->o.rule->choose(s, job)) >= 0) {
                        free -= s->w->jobs[job].cpus;
                        send_task(s, job, j->started++, site);
                }
                if (j->started < s->w->jobs[job].tasks)
                        s->line[n++] = job;
        }
        if (n != i) {
                memmove(s->line + n, s->line + i, (s->line_n - i) * sizeof *s->line);
                s->line_n -= i - n;
        }
}

/* ---- what happens ----------------------------------------------------------------------------------------
 */

static void job_ready(struct sim *s, int32_t job)
{
        struct job_life *j = &s->jobs[job];

        j->ready_at = s->now;
        s->changed = true;
        if (s->core) {
                core_job_ready(s, job);
                return;
        }
        if (s->o.rule->kind == RULE_PULL) {
                s->line = xgrow(s->line, s->line_n, &s->line_cap, sizeof *s->line);
                s->line[s->line_n++] = job;
                /* A rule may pass up places for a while. */
                sim_push_event(s, &(struct event){.at = s->now + PULL_PAUSE_MS, .kind = EVENT_PASS});
                return;
        }
        while (j->started < s->w->jobs[job].tasks) {
                int32_t site = s->o.rule->choose(s, job);

                if (site < 0)
                        return; /* found at the end: it can never run */
                send_task(s, job, j->started++, site);
        }
}

static void job_unblock(struct sim *s, int32_t job)
{
        if (--s->jobs[job].waits == 0)
                job_ready(s, job);
}

static void add_original(struct sim *s, int32_t file, int32_t site)
{
        struct copy *c = copy_put(s, file, site);

        unlist(s, c);
        if (c->there && !c->original)
                s->sites[site].used -= s->w->files[file].bytes;
        c->there = c->original = true;
}

static void job_ended(struct sim *s, int32_t job, int32_t site)
{
        const struct w_job *j = &s->w->jobs[job];

        for (uint32_t i = 0; i < j->outputs.n; i++)
                add_original(s, world_items(s->w, j->outputs)[i], site);
        for (uint32_t i = s->children_at[job]; i < s->children_at[job + 1]; i++)
                job_unblock(s, s->children[i]);
}

/* Columns: what, job or file, task or source, site, since when it was ready or missing, began, ended (s). */
static void tell(const struct sim *s, const char *what, int32_t a, const char *b, int32_t site, int64_t ready,
                 int64_t began)
{
        fprintf(s->o.events, "%s\t%d\t%s\t%s\t%.3f\t%.3f\t%.3f\n", what, a, b, s->w->sites[site].name,
                (double)ready / 1000, (double)began / 1000, (double)s->now / 1000);
}

static void on_task_end(struct sim *s, const struct event *e)
{
        const struct w_job *j = &s->w->jobs[e->job];
        struct job_life *state = &s->jobs[e->job];
        struct sim_site *at = &s->sites[e->site];

        at->running--;
        at->free += j->cpus;
        at->work -= guess_s(s, e->job, e->site);
        s->figures->busy += (double)(e->at - e->began) / 1000.0 * j->cpus;
        sim_pin(s, e->job, e->site, -1);
        figures_task(s->figures, j->project, (double)(e->began - state->ready_at) / 1000.0,
                     (double)(e->at - e->began) / 1000.0, (double)(e->at - state->ready_at) / 1000.0,
                     (double)(e->at - j->submit_ms) / 1000.0);
        if (s->o.events) {
                char task[16];

                snprintf(task, sizeof task, "%d", e->task);
                tell(s, "task", e->job, task, e->site, state->ready_at, e->began);
        }
        s->ended++;
        s->changed = true;
        state->ended++;
        if (s->core)
                core_task_ended(s, e->job, e->task, e->at - e->began);
        if (state->ended == j->tasks)
                job_ended(s, e->job, e->site);
        if (s->o.rule->kind == RULE_PUSH)
                start_ready(s, e->site);
}

static void next_in_line(struct sim *s, int32_t from, int32_t to)
{
        struct link_line *line = &s->lines[(size_t)from * s->w->site_n + (size_t)to];
        struct move *m = line->first;

        if (!m || line->active >= LINK_ACTIVE_MAX)
                return;
        line->first = m->next;
        if (!line->first)
                line->last = NULL;
        m->next = NULL;
        move_activate(s, m);
}

static void on_move_end(struct sim *s, const struct event *e)
{
        struct move *m = s->moves[e->move];
        struct move ended = *m;
        struct copy *c;

        if (e->turn != m->turn || !m->active)
                return; /* its rate changed meanwhile */
        move_end(s, m, true);
        if (s->o.events)
                tell(s, "move", ended.file, s->w->sites[ended.from].name, ended.to, ended.asked_at,
                     ended.began_at);
        s->changed = true;
        c = sim_copy(s, ended.file, ended.to);
        c->move = NULL;
        if (!c->there) {
                c->there = true;
                touch(s, c);
        }
        if (s->core)
                core_move_ended(s, &ended);
        else
                next_in_line(s, ended.from, ended.to);
        wake_waiters(s, c);
        sim_evict(s, ended.to, s->core ? core_keeps : NULL);
}

void sim_stop_move(struct sim *s, struct move *m)
{
        struct copy *c = sim_copy(s, m->file, m->to);

        s->sites[m->to].used -= s->w->files[m->file].bytes;
        move_end(s, m, false);
        c->move = NULL;
        if (!c->there && !c->pins && !c->waiters)
                copy_free(s, c);
}

/* ---- beginning and end -----------------------------------------------------------------------------------
 */

static int order_by_submit(const void *a, const void *b, void *ctx)
{
        const struct w_job *jobs = ctx;
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        if (jobs[x].submit_ms != jobs[y].submit_ms)
                return jobs[x].submit_ms < jobs[y].submit_ms ? -1 : 1;
        return (x > y) - (x < y);
}

static void set_children(struct sim *s)
{
        const struct world *w = s->w;
        size_t edges = 0;
        AUTO_FREE uint32_t *fill = NULL;

        s->children_at = xcalloc(w->job_n + 1, sizeof *s->children_at);
        for (size_t i = 0; i < w->job_n; i++) {
                s->jobs[i].waits = (int32_t)w->jobs[i].after.n + 1;
                edges += w->jobs[i].after.n;
                for (uint32_t k = 0; k < w->jobs[i].after.n; k++)
                        s->children_at[world_items(w, w->jobs[i].after)[k] + 1]++;
        }
        for (size_t i = 0; i < w->job_n; i++)
                s->children_at[i + 1] += s->children_at[i];
        fill = xcalloc(w->job_n, sizeof *fill);
        s->children = xcalloc(edges, sizeof *s->children);
        for (size_t i = 0; i < w->job_n; i++) {
                for (uint32_t k = 0; k < w->jobs[i].after.n; k++) {
                        int32_t parent = world_items(w, w->jobs[i].after)[k];

                        s->children[s->children_at[parent] + fill[parent]++] = (int32_t)i;
                }
        }
}

static void begin(struct sim *s)
{
        const struct world *w = s->w;

        s->sites = xcalloc(w->site_n, sizeof *s->sites);
        s->jobs = xcalloc(w->job_n, sizeof *s->jobs);
        s->copies_of = xcalloc(w->file_n, sizeof(struct copy *));
        s->order = xcalloc(w->job_n, sizeof *s->order);
        s->dice.state = s->o.seed + 77;
        for (size_t i = 0; i < w->site_n; i++) {
                s->sites[i].free = w->sites[i].cpus;
                s->figures->capacity += w->sites[i].cpus;
        }
        for (size_t i = 0; i < w->file_n; i++) {
                if (w->files[i].maker < 0)
                        add_original(s, (int32_t)i, w->files[i].home);
        }
        for (size_t i = 0; i < w->job_n; i++)
                s->order[i] = (int32_t)i;
        qsort_r(s->order, w->job_n, sizeof *s->order, order_by_submit, w->jobs);
        set_children(s);
        moves_begin(s);
        if (s->o.rule->kind == RULE_CORE)
                s->core = core_new(s);
}

static void release(struct sim *s)
{
        struct copy *c;

        core_free(s->core);
        for (size_t i = 0; (c = map_next(&s->copies, &i));) {
                while (c->waiters) {
                        struct waiter *x = c->waiters;

                        c->waiters = x->next;
                        free(x);
                }
                free(c);
        }
        map_release(&s->copies);
        for (size_t i = 0; i < s->w->site_n; i++) {
                while (s->sites[i].first) {
                        struct entry *e = s->sites[i].first;

                        s->sites[i].first = e->next;
                        free(e);
                }
        }
        while (s->spare_entries) {
                struct entry *e = s->spare_entries;

                s->spare_entries = e->next;
                free(e);
        }
        while (s->spare_waiters) {
                struct waiter *x = s->spare_waiters;

                s->spare_waiters = x->next;
                free(x);
        }
        for (size_t i = 0; i < s->move_n; i++)
                free(s->moves[i]);
        free(s->moves);
        free(s->sites);
        free(s->jobs);
        free(s->copies_of);
        free(s->order);
        free(s->children);
        free(s->children_at);
        free(s->lines);
        free(s->line);
        free(s->events);
}

/* Nothing may be over what there is, at any moment. */
static int check_all(struct sim *s)
{
        for (size_t i = 0; i < s->w->site_n; i++) {
                int64_t used = 0;

                if (s->sites[i].free < 0 || s->sites[i].free > s->w->sites[i].cpus)
                        return err_set(&s->err, ERR_CONFLICT, "site %zu has %d of %d CPUs free", i,
                                       s->sites[i].free, s->w->sites[i].cpus);
                for (size_t f = 0; f < s->w->file_n; f++) {
                        const struct copy *c = sim_copy(s, (int32_t)f, (int32_t)i);

                        used += c && !c->original && (c->there || c->move) ? s->w->files[f].bytes : 0;
                }
                if (used != s->sites[i].used)
                        return err_set(&s->err, ERR_CONFLICT,
                                       "site %zu counts %lld bytes of copies, has %lld", i,
                                       (long long)s->sites[i].used, (long long)used);
        }
        for (size_t i = 0; i < s->w->job_n; i++) {
                if (s->jobs[i].ended > s->w->jobs[i].tasks)
                        return err_set(&s->err, ERR_CONFLICT, "job %zu ended %d of %d tasks", i,
                                       s->jobs[i].ended, s->w->jobs[i].tasks);
        }
        return 0;
}

/* When something happens next: a submission or an event; INT64_MAX = never. */
static int64_t next_time(const struct sim *s)
{
        int64_t at = s->event_n ? s->events[0].at : INT64_MAX;

        if (s->submitted < s->w->job_n && s->w->jobs[s->order[s->submitted]].submit_ms < at)
                at = s->w->jobs[s->order[s->submitted]].submit_ms;
        return at;
}

static void happen(struct sim *s)
{
        int32_t job;
        struct event e;

        if (s->submitted < s->w->job_n && s->w->jobs[(job = s->order[s->submitted])].submit_ms <= s->now) {
                s->submitted++;
                job_unblock(s, job);
                return;
        }
        e = pop_event(s);
        if (e.kind == EVENT_TASK_END)
                on_task_end(s, &e);
        else if (e.kind == EVENT_MOVE_END)
                on_move_end(s, &e);
        else
                s->changed = true;
}

/* Core: passes pass_ms apart, and one now and then while tasks wait. Returns when the next is due. */
static int64_t look(struct sim *s, int64_t last_pass)
{
        bool more;

        do {
                more = core_pass(s);
                s->figures->passes++;
        } while (more);
        s->changed = false;
        (void)last_pass;
        return core_has_waiting(s) ? s->now + IDLE_PASS_MS : INT64_MAX;
}

static int run(struct sim *s)
{
        int64_t at, idle = INT64_MAX, last = INT64_MIN / 2;

        while (s->ended < s->w->task_n) {
                at = next_time(s);
                if (s->core && s->changed) {
                        int64_t due = last + s->o.pass_ms > s->now ? last + s->o.pass_ms : s->now;

                        if (at > due) {
                                s->now = last = due;
                                idle = look(s, last);
                                continue;
                        }
                } else if (s->core && idle < at && (at != INT64_MAX || s->open_moves)) {
                        s->now = last = idle;
                        idle = look(s, last);
                        continue;
                }
                if (at == INT64_MAX)
                        break;
                s->now = at > s->now ? at : s->now;
                happen(s);
                if (s->o.rule->kind == RULE_PULL && s->changed && next_time(s) > s->now) {
                        pull_tasks(s);
                        s->changed = false;
                }
                if (s->o.check && check_all(s))
                        return -1;
        }
        if (s->ended == s->w->task_n)
                return 0;
        for (size_t i = 0; i < s->w->job_n; i++) {
                if (s->jobs[i].ended < s->w->jobs[i].tasks)
                        return err_set(
                            &s->err, ERR_NOT_FOUND,
                            "%lld of %lld tasks could not be run; the first is of job %zu, which wants "
                            "%d CPUs and %u files",
                            (long long)(s->w->task_n - s->ended), (long long)s->w->task_n, i,
                            s->w->jobs[i].cpus, s->w->jobs[i].inputs.n);
        }
        return 0;
}

static double clock_s(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int sim_run(const struct world *w, const struct sim_options *o, struct figures *ret, struct err *err)
{
        struct sim s = {.w = w, .o = *o, .figures = ret};
        double start = clock_s();
        int rc;

        figures_init(ret, w->project_n);
        begin(&s);
        rc = run(&s);
        ret->makespan = (double)(s.now - (w->job_n ? w->jobs[s.order[0]].submit_ms : 0)) / 1000.0;
        figures_finish(ret);
        ret->seconds = clock_s() - start;
        if (rc && err)
                *err = s.err;
        release(&s);
        return rc;
}
