/* SPDX-License-Identifier: Apache-2.0 */
/* The case of the waiting tasks, as the model knows it.
 *
 * Not arranged is: what is more than SEATS_CELLS_MAX; a single task; tasks of which nothing is known but a
 * guess; anything while a worker is reserved or short tasks are sent ahead, or where a limit other than the
 * CPUs of workers could bind; data that lies in pieces, or whose files tasks share. */
#include "core/seats_priv.h"

#include "common/util.h"
#include "core/ledger.h"
#include "core/link.h"
#include "core/order.h"
#include "core/place_priv.h"
#include "core/space.h"
#include "core/transfer.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define PRIORITY_MAX 100000000

void seat_case_release(struct seat_case *sc)
{
        void *const all[] = {sc->shapes,    sc->site_ids, sc->tasks,   sc->data,  sc->reader,
                             sc->arr_tasks, sc->needs_at, sc->room_at, sc->needs, sc->width,
                             sc->run,       sc->wait,     sc->bytes,   sc->there, sc->rate,
                             sc->latency,   sc->turn,     sc->busy,    sc->may,   sc->room};

        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                free(all[i]);
        *sc = (struct seat_case){0};
}

/* ---- what waits ------------------------------------------------------------------------------------------
 */

/* Tasks of the job that may be placed as far as its throttle goes. */
static int64_t job_ready(const struct m_job *j)
{
        int64_t n = job_waiting(j);

        return j->throttle && n > j->throttle - j->live ? j->throttle - j->live : n;
}

static int32_t turn_of(const struct model *m, const struct m_job *j)
{
        int32_t p = j->priority > PRIORITY_MAX    ? PRIORITY_MAX
                    : j->priority < -PRIORITY_MAX ? -PRIORITY_MAX
                                                  : j->priority;

        return m->wall_ms - j->submitted_at >= ORDER_AGED_MS ? INT_MIN : -p;
}

static bool add_tasks(const struct model *m, struct seat_case *sc, struct m_shape *s, size_t max)
{
        int64_t number = 0;
        bool limited = s->project->max_cpus || s->project->max_tasks;

        if (limited || s->reserved || s->parts || !shape_run_is_known(s))
                return false;
        sc->shapes = xgrow(sc->shapes, sc->shape_n, &sc->shape_cap, sizeof(struct m_shape *));
        sc->shapes[sc->shape_n++] = s;
        for (size_t i = 0; i < s->jobs.n; i++) {
                const struct m_job *j = s->jobs.items[i];
                int64_t n = job_ready(j);

                if (n > (int64_t)(max - sc->task_n))
                        return false;
                for (int64_t k = 0; k < n; k++, number++) {
                        sc->tasks = xgrow(sc->tasks, sc->task_n, &sc->task_cap, sizeof *sc->tasks);
                        sc->tasks[sc->task_n++] = (struct seat_task){.kind = (int32_t)sc->shape_n - 1,
                                                                     .turn = turn_of(m, j),
                                                                     .site = -1,
                                                                     .job = j->id,
                                                                     .number = number};
                }
        }
        return true;
}

static bool gather_tasks(const struct model *m, struct seat_case *sc, size_t max)
{
        const struct m_project *of = NULL;

        for (size_t i = 0; i < m->project_cap; i++) {
                for (size_t k = 0; m->projects[i] && k < m->projects[i]->shape_count; k++) {
                        struct m_shape *s = m->projects[i]->shapes[k];

                        if (!heap_top(&s->jobs))
                                continue;
                        /* A seat knows nothing of shares: what is best for the whole may let one project
                         * wait for another's work. */
                        if ((of && of != m->projects[i]) || !add_tasks(m, sc, s, max))
                                return false;
                        of = m->projects[i];
                }
        }
        return sc->task_n > 1;
}

/* ---- sites and what runs there ---------------------------------------------------------------------------
 */

static bool site_counts(const struct m_site *s)
{
        return s && !s->gone && s->worker_count;
}

/* What the site's workers hold in all; -1 when more than their CPUs could limit it. */
static int32_t site_cpus(const struct m_site *site)
{
        int64_t cpus = 0;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];

                if (w->ready && !w->gone && !w->draining)
                        cpus += w->offer.cpus;
        }
        for (size_t i = 0; i < site->rule_count; i++) {
                if (site->rules[i].max_cpus)
                        return -1;
        }
        return (site->max_tasks && site->max_tasks < cpus) || cpus > INT32_MAX ? -1 : (int32_t)cpus;
}

static int room_order(const void *a, const void *b)
{
        double x = ((const struct arr_room *)a)->at, y = ((const struct arr_room *)b)->at;

        return (x > y) - (x < y);
}

static void add_room(struct seat_case *sc, double at, int32_t cpus)
{
        if (cpus <= 0)
                return;
        sc->room = xgrow(sc->room, sc->room_n, &sc->room_cap, sizeof *sc->room);
        sc->room[sc->room_n++] = (struct arr_room){at, cpus};
}

static bool add_site(const struct model *m, struct seat_case *sc, const struct m_site *site)
{
        size_t begin = sc->room_n;
        int32_t free_cpus = 0;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];

                if (w->ahead || w->reserved || claim_holder(site))
                        return false;
                if (w->ready && !w->gone && !w->draining && w->free.cpus > 0)
                        free_cpus += w->free.cpus;
        }
        add_room(sc, 0, free_cpus);
        for (const struct m_attempt *at = site->attempts; at; at = at->site_next)
                add_room(sc, attempt_remaining(m, at), (int32_t)shape_cpus(at->job->shape));
        if (sc->room_n > begin)
                qsort(sc->room + begin, sc->room_n - begin, sizeof *sc->room, room_order);
        return true;
}

static bool gather_sites(const struct model *m, struct seat_case *sc)
{
        size_t n = 0;

        sc->site_ids = xcalloc(m->site_cap + 1, sizeof *sc->site_ids);
        sc->room_at = xcalloc(m->site_cap + 1, sizeof *sc->room_at);
        for (size_t i = 0; i < m->site_cap; i++) {
                if (!site_counts(m->sites[i]))
                        continue;
                if (site_cpus(m->sites[i]) < 0 || !add_site(m, sc, m->sites[i]))
                        return false;
                sc->site_ids[n++] = m->sites[i]->id;
                sc->room_at[n] = (uint32_t)sc->room_n;
        }
        sc->c.sites = n;
        return n > 1;
}

/* ---- who may run where -----------------------------------------------------------------------------------
 */

/* Nothing but time keeps the shape from the site: fill its cell. */
static void judge(const struct model *m, struct seat_case *sc, size_t kind, size_t at)
{
        const struct m_shape *s = sc->shapes[kind];
        struct m_site *site = model_site(m, sc->site_ids[at]);
        size_t cell = kind * sc->c.sites + at;
        int64_t slots = slots_of(s, site);
        const struct arr_room *room = sc->room + sc->room_at[at];
        struct stage stage;
        struct terms t;
        struct look k;
        enum place_step step;

        stage_of(m, s, site, &stage);
        step = funnel(m, s, site, &stage, &k);
        sc->run[cell] = INFINITY;
        if (step < PLACE_STAGE)
                return;
        price(m, s, site, &stage, 0, &t);
        sc->run[cell] = t.run + t.penalty;
        sc->width[cell] = (int32_t)(site_cpus(site) / slots);
        if (sc->width[cell] < (int32_t)shape_cpus(s))
                sc->width[cell] = (int32_t)shape_cpus(s);
        /* No room, though CPUs are free: something else is full. It frees with the first end, if at all. */
        if (!k.room && sc->room_at[at + 1] > sc->room_at[at] && !(room->at > 0)) {
                if (sc->room_at[at + 1] - sc->room_at[at] < 2)
                        sc->run[cell] = room->cpus < sc->width[cell] ? sc->run[cell] : INFINITY;
                else if (room->cpus >= sc->width[cell])
                        sc->wait[cell] = room[1].at;
        }
}

/* Drop shapes that nothing helps now, with their tasks; those are told so in their turn. False when no task
 * is left that has a choice. */
static bool drop_hopeless(struct seat_case *sc)
{
        bool choice = false;

        for (size_t k = 0; k < sc->shape_n; k++) {
                size_t any = 0;

                for (size_t s = 0; s < sc->c.sites; s++)
                        any += !isinf(sc->run[k * sc->c.sites + s]);
                choice = choice || any > 1;
                if (any)
                        continue;
                for (size_t i = 0; i < sc->task_n; i++) {
                        if (sc->tasks[i].kind == (int32_t)k)
                                sc->tasks[i].kind = -1;
                }
                sc->shapes[k]->seat_n = 0;
        }
        size_t n = 0;

        for (size_t i = 0; i < sc->task_n; i++) {
                if (sc->tasks[i].kind >= 0)
                        sc->tasks[n++] = sc->tasks[i];
        }
        sc->task_n = n;
        return n > 1 && choice;
}

/* ---- data ------------------------------------------------------------------------------------------------
 */

static int32_t file_of(struct seat_case *sc, struct m_dataset *d, struct m_shape *s)
{
        for (size_t i = 0; i < sc->data_n; i++) {
                if (sc->data[i] == d)
                        return (int32_t)i;
        }
        sc->data = xgrow(sc->data, sc->data_n, &sc->data_cap, sizeof(struct m_dataset *));
        sc->reader = xgrow(sc->reader, sc->data_n, &sc->reader_cap, sizeof(struct m_shape *));
        sc->data[sc->data_n] = d;
        sc->reader[sc->data_n] = s;
        return (int32_t)sc->data_n++;
}

static bool gather_needs(struct seat_case *sc)
{
        sc->needs_at = xcalloc(sc->shape_n + 1, sizeof *sc->needs_at);
        for (size_t k = 0; k < sc->shape_n; k++) {
                struct m_shape *s = sc->shapes[k];

                for (size_t i = 0; i < s->input_count; i++) {
                        if (!s->data[i] || sc->data_n >= SEATS_FILES_MAX)
                                return false;
                        if (!s->data[i]->files)
                                continue;
                        sc->needs = xgrow(sc->needs, sc->needs_n, &sc->needs_cap, sizeof *sc->needs);
                        sc->needs[sc->needs_n++] = file_of(sc, s->data[i], s);
                }
                sc->needs_at[k + 1] = (uint32_t)sc->needs_n;
        }
        return true;
}

/* Where it is, and where it comes to; false when nowhere as a whole. */
static bool place_file(const struct model *m, struct seat_case *sc, size_t file)
{
        const struct m_dataset *d = sc->data[file];
        bool somewhere = false;

        sc->bytes[file] = (double)d->bytes;
        for (size_t i = 0; i < sc->c.sites; i++) {
                const struct m_site *site = model_site(m, sc->site_ids[i]);
                const struct m_transfer *x = model_transfer_to(m, d, site->id);
                size_t cell = file * sc->c.sites + i;
                struct way w;

                sc->there[cell] = INFINITY;
                if (model_dataset_at(d, site->id)) {
                        sc->there[cell] = 0;
                        somewhere = true;
                } else if (x && x->state != TRANSFER_QUEUED && !x->cancelling) {
                        dataset_way(m, d, site, &w);
                        sc->there[cell] = w.seconds;
                        somewhere = true;
                }
                sc->may[cell] = dataset_may_be_at(d, site) && site->storage.accept &&
                                d->bytes <= space_for(site, sc->reader[file]) + (x ? x->bytes : 0);
        }
        return somewhere;
}

static bool gather_files(const struct model *m, struct seat_case *sc)
{
        sc->bytes = xcalloc(sc->data_n, sizeof *sc->bytes);
        sc->there = xcalloc(sc->data_n * sc->c.sites, sizeof *sc->there);
        sc->may = xcalloc(sc->data_n * sc->c.sites, sizeof *sc->may);
        for (size_t f = 0; f < sc->data_n; f++) {
                if (!place_file(m, sc, f))
                        return false;
        }
        return true;
}

static void gather_links(const struct model *m, struct seat_case *sc)
{
        size_t n = sc->c.sites;
        struct m_transfer *x;
        AUTO_FREE int32_t *at = xcalloc(m->site_cap + 1, sizeof *at);

        sc->rate = xcalloc(n * n, sizeof *sc->rate);
        sc->latency = xcalloc(n * n, sizeof *sc->latency);
        sc->turn = xcalloc(n * n, sizeof *sc->turn);
        sc->busy = xcalloc(n * n, sizeof *sc->busy);
        for (size_t i = 0; i < n; i++)
                at[sc->site_ids[i]] = (int32_t)i + 1;
        for (size_t i = 0; i < n * n; i++) {
                int32_t from = sc->site_ids[i / n], to = sc->site_ids[i % n];

                if (from == to || !site_is_source(model_site(m, from)) || !site_is_source(model_site(m, to)))
                        continue;
                sc->rate[i] = link_rate(m, from, to);
                sc->latency[i] = link_latency(m, from, to);
                sc->turn[i] = transfer_turn_s(m, from, to);
                sc->busy[i] = link_rest(m, from, to);
        }
        for (size_t i = 0; (x = map_next(&m->transfers, &i));) {
                size_t link;

                if (x->state == TRANSFER_QUEUED || !x->from || !at[x->from] || !at[x->to])
                        continue;
                link = (size_t)(at[x->from] - 1) * n + (size_t)(at[x->to] - 1);
                if (sc->rate[link] > 0)
                        sc->busy[link] += (double)(x->bytes - x->moved) / sc->rate[link] + sc->turn[link];
        }
}

/* ---- seats so far ----------------------------------------------------------------------------------------
 */

static int32_t index_of(const struct seat_case *sc, int32_t site)
{
        for (size_t i = 0; i < sc->c.sites; i++) {
                if (sc->site_ids[i] == site)
                        return (int32_t)i;
        }
        return -1;
}

static double fastest(const struct seat_case *sc, size_t kind)
{
        double best = INFINITY;

        for (size_t s = 0; s < sc->c.sites; s++)
                best = fmin(best, sc->run[kind * sc->c.sites + s]);
        return best;
}

static void take_up_seats(const struct model *m, struct seat_case *sc)
{
        for (size_t i = 0; i < sc->task_n; i++) {
                struct seat_task *t = &sc->tasks[i];
                const struct m_shape *s = sc->shapes[t->kind];

                t->run = fastest(sc, (size_t)t->kind);
                for (uint32_t f = sc->needs_at[t->kind]; f < sc->needs_at[t->kind + 1]; f++)
                        t->moving += sc->bytes[sc->needs[f]] / m->link_prior;
                if ((size_t)t->number < s->seat_n) {
                        const struct seat *seat = &s->seats[t->number];

                        t->at = seat->at;
                        t->site = index_of(sc, seat->site);
                        if (t->site >= 0 && isinf(sc->run[(size_t)t->kind * sc->c.sites + (size_t)t->site]))
                                t->site = -1;
                }
                sc->fresh += t->site < 0;
        }
}

static int by_turn(const void *a, const void *b)
{
        const struct seat_task *x = a, *y = b;

        if (x->turn != y->turn)
                return x->turn < y->turn ? -1 : 1;
        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        return (x->number > y->number) - (x->number < y->number);
}

static void close_case(const struct model *m, struct seat_case *sc)
{
        struct arr_case *c = &sc->c;

        qsort(sc->tasks, sc->task_n, sizeof *sc->tasks, by_turn);
        sc->arr_tasks = xcalloc(sc->task_n, sizeof *sc->arr_tasks);
        for (size_t i = 0; i < sc->task_n; i++)
                sc->arr_tasks[i] = (struct arr_task){sc->tasks[i].kind, sc->tasks[i].turn};
        c->files = sc->data_n;
        c->kinds = sc->shape_n;
        c->tasks = sc->task_n;
        c->task = sc->arr_tasks;
        c->needs_at = sc->needs_at;
        c->needs = sc->needs;
        c->run = sc->run;
        c->wait = sc->wait;
        c->width = sc->width;
        c->bytes = sc->bytes;
        c->there = sc->there;
        c->may = sc->may;
        c->rate = sc->rate;
        c->latency = sc->latency;
        c->turn = sc->turn;
        c->busy = sc->busy;
        c->room_at = sc->room_at;
        c->room = sc->room;
        c->last_weight = SEATS_LAST;
        c->move_price = m->bytes_price;
}

bool seat_case_make(const struct model *m, struct seat_case *sc)
{
        size_t sites = 0;

        for (size_t i = 0; i < m->site_cap; i++)
                sites += site_counts(m->sites[i]);
        if (sites < 2 || m->attempts.n > ORDER_ATTEMPTS_MAX || m->ready_tasks > SEATS_CELLS_MAX ||
            !gather_tasks(m, sc, SEATS_CELLS_MAX / sites) || !gather_sites(m, sc))
                return false;
        sc->run = xcalloc(sc->shape_n * sc->c.sites, sizeof *sc->run);
        sc->wait = xcalloc(sc->shape_n * sc->c.sites, sizeof *sc->wait);
        sc->width = xcalloc(sc->shape_n * sc->c.sites, sizeof *sc->width);
        if (!gather_needs(sc) || !gather_files(m, sc))
                return false;
        gather_links(m, sc);
        for (size_t k = 0; k < sc->shape_n; k++) {
                for (size_t s = 0; s < sc->c.sites; s++)
                        judge(m, sc, k, s);
        }
        if (!drop_hopeless(sc))
                return false;
        take_up_seats(m, sc);
        close_case(m, sc);
        return true;
}
