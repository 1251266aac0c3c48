/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arrange_priv.h"

#include "common/ids.h"
#include "common/util.h"

#include <math.h>
#include <string.h>

#define NEVER_S 1e9 /* stands for an end that never comes, so that sums stay finite */

/* ---- storage ---------------------------------------------------------------------------------------------
 */

struct arranger *arranger_new(void)
{
        return xcalloc(1, sizeof(struct arranger));
}

static void drop_storage(struct arranger *a)
{
        free(a->there);
        free(a->busy);
        free(a->ready);
        free(a->list);
        free(a->list_at);
        free(a->trial_site);
        free(a->trial_order);
        free(a->best_site);
        free(a->best_order);
        free(a->room);
        free(a->lines);
        free(a->last);
}

void arranger_free(struct arranger *a)
{
        if (!a)
                return;
        drop_storage(a);
        free(a->undo);
        free(a);
}

void arranger_fit(struct arranger *a, const struct arr_case *c)
{
        size_t rooms = 0;

        drop_storage(a);
        for (size_t s = 0; s < c->sites; s++) {
                size_t n = c->room_at[s + 1] - c->room_at[s];

                rooms = n > rooms ? n : rooms;
        }
        a->c = c;
        a->overhead = 20 + 4 * c->sites + (c->files * c->sites + c->sites * c->sites) / 16;
        a->others = 0;
        for (size_t i = 0; i < c->room_at[c->sites]; i++)
                a->others = fmax(a->others, c->room[i].at);
        a->there = xcalloc(c->files * c->sites + 1, sizeof *a->there);
        a->busy = xcalloc(c->sites * c->sites, sizeof *a->busy);
        a->ready = xcalloc(c->tasks, sizeof *a->ready);
        a->list = xcalloc(c->tasks, sizeof *a->list);
        a->list_at = xcalloc(c->sites + 1, sizeof *a->list_at);
        a->trial_site = xcalloc(c->tasks, sizeof *a->trial_site);
        a->trial_order = xcalloc(c->tasks, sizeof *a->trial_order);
        a->best_site = xcalloc(c->tasks, sizeof *a->best_site);
        a->best_order = xcalloc(c->tasks, sizeof *a->best_order);
        a->room = xcalloc(rooms + c->tasks + 1, sizeof *a->room);
        a->lines = xcalloc(c->sites * ARRANGE_SEEN, sizeof *a->lines);
        a->last = xcalloc(c->sites, sizeof *a->last);
}

void arrangement_release(struct arrangement *x)
{
        free(x->site);
        free(x->order);
        free(x->start);
        free(x->end);
        free(x->moves);
        *x = (struct arrangement){0};
}

void arrangement_init(struct arrangement *x, size_t tasks)
{
        arrangement_release(x);
        x->site = xcalloc(tasks, sizeof *x->site);
        x->order = xcalloc(tasks, sizeof *x->order);
        x->start = xcalloc(tasks, sizeof *x->start);
        x->end = xcalloc(tasks, sizeof *x->end);
}

/* ---- moves -----------------------------------------------------------------------------------------------
 */

void arranger_reset(struct arranger *a)
{
        const struct arr_case *c = a->c;

        memcpy(a->there, c->there, c->files * c->sites * sizeof *a->there);
        memcpy(a->busy, c->busy, c->sites * c->sites * sizeof *a->busy);
        a->moving = 0;
        a->undo_n = 0;
}

static void set(struct arranger *a, double *at, double to)
{
        if (a->undoing) {
                a->undo = xgrow(a->undo, a->undo_n, &a->undo_cap, sizeof *a->undo);
                a->undo[a->undo_n++] = (struct arr_undo){at, *at};
        }
        *at = to;
}

/* When it would arrive over one link, being at its source from `from_s` on. */
static double hop(const struct arranger *a, int32_t file, size_t from, size_t to, double from_s)
{
        const struct arr_case *c = a->c;
        size_t link = from * c->sites + to;

        if (!(c->rate[link] > 0))
                return INFINITY;
        return fmax(from_s, a->busy[link]) + c->latency[link] + c->bytes[file] / c->rate[link];
}

static void move(struct arranger *a, int32_t file, size_t from, size_t to, double end)
{
        const struct arr_case *c = a->c;
        size_t link = from * c->sites + to;
        double begin = end - c->latency[link] - c->bytes[file] / c->rate[link];
        double moving = c->turn[link] + c->bytes[file] / c->rate[link];
        struct arrangement *x = a->record;

        set(a, &a->busy[link], begin + moving);
        set(a, &a->there[(size_t)file * c->sites + to], end);
        set(a, &a->moving, a->moving + moving);
        if (!x)
                return;
        x->moves = xgrow(x->moves, x->move_n, &x->move_cap, sizeof *x->moves);
        x->moves[x->move_n++] = (struct arr_move){file, (int32_t)from, (int32_t)to, begin, end};
}

struct found_way {
        size_t from, over; /* over: SIZE_MAX = straight */
        double end;
};

static void look_over(const struct arranger *a, int32_t file, size_t from, size_t to, double straight,
                      struct found_way *best)
{
        const struct arr_case *c = a->c;
        const double *there = &a->there[(size_t)file * c->sites];

        for (size_t k = 0; k < c->sites; k++) {
                double end;

                if (k == from || k == to || !isinf(there[k]) || !c->may[(size_t)file * c->sites + k])
                        continue;
                end = hop(a, file, k, to, hop(a, file, from, k, there[from]));
                if (end < straight * ARRANGE_RELAY && end < best->end)
                        *best = (struct found_way){from, k, end};
        }
}

double arranger_bring(struct arranger *a, int32_t file, size_t site)
{
        const struct arr_case *c = a->c;
        const double *there = &a->there[(size_t)file * c->sites];
        struct found_way best = {SIZE_MAX, SIZE_MAX, INFINITY};
        double straight;

        if (!isinf(there[site]))
                return there[site];
        if (!c->may[(size_t)file * c->sites + site])
                return INFINITY;
        for (size_t r = 0; r < c->sites; r++) {
                double end = isinf(there[r]) ? INFINITY : hop(a, file, r, site, there[r]);

                if (end < best.end)
                        best = (struct found_way){r, SIZE_MAX, end};
        }
        straight = best.end;
        a->steps += (int64_t)c->sites / 2;
        for (size_t r = 0; c->sites <= ARRANGE_RELAY_SITES && r < c->sites; r++) {
                if (isinf(there[r]))
                        continue;
                look_over(a, file, r, site, straight, &best);
                a->steps += (int64_t)c->sites;
        }
        if (isinf(best.end))
                return INFINITY;
        if (best.over != SIZE_MAX) {
                move(a, file, best.from, best.over, hop(a, file, best.from, best.over, there[best.from]));
                best.from = best.over;
        }
        move(a, file, best.from, site, best.end);
        return best.end;
}

/* ---- playing ---------------------------------------------------------------------------------------------
 */

/* Send for what the tasks want, in their order, and note when each could start. */
static void play_moves(struct arranger *a, const int32_t *site, const int32_t *order)
{
        const struct arr_case *c = a->c;

        arranger_reset(a);
        a->steps += (int64_t)(c->tasks + a->overhead);
        for (size_t i = 0; i < c->tasks; i++) {
                int32_t t = order[i], kind = c->task[t].kind;
                size_t s = (size_t)site[t];
                double ready = c->wait[(size_t)kind * c->sites + s];

                for (uint32_t k = c->needs_at[kind]; k < c->needs_at[kind + 1]; k++)
                        ready = fmax(ready, arranger_bring(a, c->needs[k], s));
                a->ready[t] = ready < NEVER_S ? ready : NEVER_S;
        }
}

/* The lists of the sites, each in order. */
static void deal(struct arranger *a, const int32_t *site, const int32_t *order)
{
        const struct arr_case *c = a->c;

        memset(a->list_at, 0, (c->sites + 1) * sizeof *a->list_at);
        for (size_t t = 0; t < c->tasks; t++)
                a->list_at[site[t] + 1]++;
        for (size_t s = 0; s < c->sites; s++)
                a->list_at[s + 1] += a->list_at[s];
        for (size_t i = 0; i < c->tasks; i++)
                a->list[a->list_at[site[order[i]]]++] = order[i];
        for (size_t s = c->sites; s > 0; s--)
                a->list_at[s] = a->list_at[s - 1];
        a->list_at[0] = 0;
}

void arranger_put_room(struct arr_room *room, size_t *n, double at, int32_t cpus)
{
        size_t i = (*n)++;

        for (; i > 0 && room[i - 1].at > at; i--)
                room[i] = room[i - 1];
        room[i] = (struct arr_room){at, cpus};
}

/* A site in the course of a play. */
struct stand {
        size_t site, rooms, used; /* used: rooms that were taken up */
        int32_t free_cpus;
        double now;
        struct arr_line line;
};

static void start_task(struct arranger *a, struct stand *st, int32_t t, struct arrangement *x)
{
        size_t cell = (size_t)a->c->task[t].kind * a->c->sites + st->site;
        double end = st->now + a->c->run[cell];

        st->free_cpus -= a->c->width[cell];
        memmove(a->room, a->room + st->used, (st->rooms - st->used) * sizeof *a->room);
        st->rooms -= st->used;
        st->used = 0;
        arranger_put_room(a->room, &st->rooms, end, a->c->width[cell]);
        st->line.sum += end;
        st->line.last = fmax(st->line.last, end);
        if (x) {
                x->start[t] = st->now;
                x->end[t] = end;
        }
}

/* Start of the list what can be now, in order; the others stay. Returns when data of one of them comes. */
static double start_some(struct arranger *a, struct stand *st, int32_t *list, size_t *n,
                         struct arrangement *x)
{
        double next = INFINITY;
        size_t left = 0;

        for (; st->used < st->rooms && a->room[st->used].at <= st->now; st->used++)
                st->free_cpus += a->room[st->used].cpus;
        a->steps += (int64_t)*n;
        for (size_t i = 0; i < *n; i++) {
                int32_t t = list[i];

                if (a->ready[t] <= st->now &&
                    a->c->width[(size_t)a->c->task[t].kind * a->c->sites + st->site] <= st->free_cpus) {
                        start_task(a, st, t, x);
                        continue;
                }
                if (a->ready[t] > st->now && a->ready[t] < next)
                        next = a->ready[t];
                list[left++] = t;
        }
        *n = left;
        return next;
}

/* The site starts what it can at each moment at which something changes. */
static struct arr_line play_site(struct arranger *a, size_t s, int32_t *list, size_t n, struct arrangement *x)
{
        const struct arr_case *c = a->c;
        struct stand st = {.site = s, .rooms = c->room_at[s + 1] - c->room_at[s]};

        memcpy(a->room, c->room + c->room_at[s], st.rooms * sizeof *a->room);
        while (n) {
                double next = start_some(a, &st, list, &n, x);

                if (st.used < st.rooms && a->room[st.used].at < next)
                        next = a->room[st.used].at;
                if (isinf(next))
                        break;
                st.now = next;
        }
        for (size_t i = 0; i < n; i++) { /* wider than all there is */
                st.line.sum += NEVER_S;
                st.line.last = NEVER_S;
                if (x)
                        x->start[list[i]] = x->end[list[i]] = NEVER_S;
        }
        return st.line;
}

static uint64_t line_hash(const struct arranger *a, const int32_t *list, size_t n)
{
        uint64_t h = 1469598103934665603ULL + n;

        for (size_t i = 0; i < n; i++) {
                uint64_t bits;

                memcpy(&bits, &a->ready[list[i]], sizeof bits);
                h = (h ^ (uint64_t)(uint32_t)list[i] ^ bits) * 0x9E3779B97F4A7C15ULL;
                h ^= h >> 29;
        }
        return h ? h : 1;
}

static struct arr_line line_of(struct arranger *a, size_t s, struct arrangement *x)
{
        int32_t *list = a->list + a->list_at[s];
        size_t n = (size_t)(a->list_at[s + 1] - a->list_at[s]);
        uint64_t h = line_hash(a, list, n);
        struct arr_line *seen = &a->lines[s * ARRANGE_SEEN], line;

        a->steps += (int64_t)n;
        for (size_t i = 0; i < ARRANGE_SEEN && !x; i++) {
                if (seen[i].hash == h)
                        return seen[i];
        }
        line = play_site(a, s, list, n, x);
        line.hash = h;
        memmove(seen + 1, seen, (ARRANGE_SEEN - 1) * sizeof *seen);
        return seen[0] = line;
}

static double play(struct arranger *a, const int32_t *site, const int32_t *order, struct arrangement *x)
{
        const struct arr_case *c = a->c;
        double sum = 0, last = a->others, n = c->tasks ? (double)c->tasks : 1;

        play_moves(a, site, order);
        deal(a, site, order);
        for (size_t s = 0; s < c->sites; s++) {
                struct arr_line line = line_of(a, s, x);

                a->last[s] = line.last;
                sum += line.sum;
                last = fmax(last, line.last);
        }
        return (sum + c->move_price * a->moving) / n + c->last_weight * last;
}

double arranger_cost(struct arranger *a, const int32_t *site, const int32_t *order)
{
        return play(a, site, order, NULL);
}

void arrange_play(struct arranger *a, const struct arr_case *c, struct arrangement *x)
{
        arranger_fit(a, c);
        x->move_n = 0;
        a->record = x;
        x->cost = play(a, x->site, x->order, x);
        a->record = NULL;
}
