/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on links. The rate of a transfer changes when another begins or ends on its link or, where a site has
 * a limit of its own, at one of its ends; each change makes a new end event, and the former one is void. */
#include "sim/sim.h"

#include "common/util.h"

#include <math.h>

#define STEP_MS 1800000.0 /* of the course of a day */
#define EPSILON 1e-6      /* bytes */

static const struct w_link *link_of(const struct sim *s, const struct move *m)
{
        const struct w_link *links = s->o.truth ? s->o.truth : s->w->links;

        return &links[(size_t)m->from * s->w->site_n + (size_t)m->to];
}

/* The part of its rate that the link gives at t, and until when. */
static double part_at(const struct sim *s, const struct w_link *l, double t, double *ret_until)
{
        double local;
        int64_t step;

        if (l->day < 0) {
                *ret_until = INFINITY;
                return 1;
        }
        local = t + l->zone * 3600e3;
        step = (int64_t)floor(local / STEP_MS);
        *ret_until = t + ((double)(step + 1) * STEP_MS - local);
        if (*ret_until <= t)
                *ret_until = t + 1;
        step = (step % WORLD_DAY_STEPS + WORLD_DAY_STEPS) % WORLD_DAY_STEPS;
        return (double)s->w->days[l->day].part[step];
}

/* What it may move a ms at t beside the others. */
static double rate_at(const struct sim *s, const struct move *m, double t, double *ret_until)
{
        const struct w_link *l = link_of(s, m);
        const struct w_site *from = &s->w->sites[m->from], *to = &s->w->sites[m->to];
        size_t line = (size_t)m->from * s->w->site_n + (size_t)m->to;
        double rate = (double)l->rate * part_at(s, l, t, ret_until) / s->lines[line].active;

        if (from->egress > 0)
                rate = fmin(rate, from->egress / s->sites[m->from].out);
        if (to->ingress > 0)
                rate = fmin(rate, to->ingress / s->sites[m->to].in);
        return rate / 1000.0;
}

/* Bring left up to now at the rate that held so far: called before anything changes. */
static void settle(struct sim *s, struct move *m)
{
        double t = m->as_of, now = (double)s->now;

        while (t < now && m->left > EPSILON) {
                double until, rate = rate_at(s, m, t, &until);

                if (until > now)
                        until = now;
                m->left -= rate * (until - t);
                t = until;
        }
        if (m->left < 0)
                m->left = 0;
        m->as_of = m->as_of > now ? m->as_of : now; /* it may not have begun */
}

int64_t move_moved(struct sim *s, struct move *m)
{
        settle(s, m);
        return s->w->files[m->file].bytes - (int64_t)m->left;
}

static void plan_end(struct sim *s, struct move *m)
{
        double t = m->as_of, left = m->left;

        while (left > EPSILON) {
                double until, rate = rate_at(s, m, t, &until);

                if (rate * (until - t) >= left) {
                        t += left / rate;
                        break;
                }
                left -= rate * (until - t);
                t = until;
        }
        sim_push_event(s, &(struct event){.at = (int64_t)ceil(t - 1e-6),
                                          .kind = EVENT_MOVE_END,
                                          .move = m->index,
                                          .turn = ++m->turn});
}

/* Do something to all transfers whose rate hangs on the same link or ends. */
static void each_neighbour(struct sim *s, const struct move *m, void (*act)(struct sim *, struct move *))
{
        bool out = s->w->sites[m->from].egress > 0, in = s->w->sites[m->to].ingress > 0;

        for (struct move *x = s->sites[m->from].moves_out; x; x = x->out_next) {
                if (x != m && (out || x->to == m->to))
                        act(s, x);
        }
        for (struct move *x = in ? s->sites[m->to].moves_in : NULL; x; x = x->in_next) {
                if (x != m && x->from != m->from)
                        act(s, x);
        }
}

static void join(struct sim *s, struct move *m, int by)
{
        struct sim_site *from = &s->sites[m->from], *to = &s->sites[m->to];

        s->lines[(size_t)m->from * s->w->site_n + (size_t)m->to].active += by;
        from->out += by;
        to->in += by;
        if (by > 0) {
                m->out_prev = m->in_prev = NULL;
                m->out_next = from->moves_out;
                m->in_next = to->moves_in;
                if (m->out_next)
                        m->out_next->out_prev = m;
                if (m->in_next)
                        m->in_next->in_prev = m;
                from->moves_out = to->moves_in = m;
                return;
        }
        *(m->out_prev ? &m->out_prev->out_next : &from->moves_out) = m->out_next;
        *(m->in_prev ? &m->in_prev->in_next : &to->moves_in) = m->in_next;
        if (m->out_next)
                m->out_next->out_prev = m->out_prev;
        if (m->in_next)
                m->in_next->in_prev = m->in_prev;
}

void moves_begin(struct sim *s)
{
        double sum = 0;
        size_t n = 0;

        s->lines = xcalloc(s->w->site_n * s->w->site_n, sizeof *s->lines);
        for (size_t i = 0; i < s->w->site_n * s->w->site_n; i++) {
                if (s->w->links[i].rate > 0) {
                        sum += (double)s->w->links[i].rate;
                        n++;
                }
        }
        s->mean_rate = n ? sum / (double)n : 1;
}

struct move *move_new(struct sim *s, int32_t file, int32_t from, int32_t to, int64_t tag)
{
        struct move *m = s->spare_moves;
        uint32_t index, turn = 0;

        if (m) {
                s->spare_moves = m->next;
                index = m->index;
                turn = m->turn;
        } else {
                m = xmalloc(sizeof *m);
                s->moves = xgrow(s->moves, s->move_n, &s->move_cap, sizeof(struct move *));
                index = (uint32_t)s->move_n;
                s->moves[s->move_n++] = m;
        }
        *m = (struct move){.file = file, .from = from, .to = to, .tag = tag, .index = index, .turn = turn};
        m->left = (double)s->w->files[file].bytes;
        m->asked_at = s->now;
        s->open_moves++;
        return m;
}

void move_activate(struct sim *s, struct move *m)
{
        each_neighbour(s, m, settle);
        m->active = true;
        m->began_at = s->now;
        m->as_of = (double)s->now + (double)link_of(s, m)->latency * 1000.0;
        join(s, m, 1);
        plan_end(s, m);
        each_neighbour(s, m, plan_end);
}

static void unline(struct sim *s, struct move *m)
{
        struct link_line *line = &s->lines[(size_t)m->from * s->w->site_n + (size_t)m->to];
        struct move **at = &line->first, *before = NULL;

        while (*at && *at != m) {
                before = *at;
                at = &(*at)->next;
        }
        if (!*at)
                return;
        *at = m->next;
        if (line->last == m)
                line->last = before;
}

void move_end(struct sim *s, struct move *m, bool done)
{
        if (m->active) {
                each_neighbour(s, m, settle);
                settle(s, m);
                join(s, m, -1);
                each_neighbour(s, m, plan_end);
        } else {
                unline(s, m);
        }
        s->figures->bytes_moved += (double)s->w->files[m->file].bytes - (done ? 0 : m->left);
        s->figures->price_usd +=
            ((double)s->w->files[m->file].bytes - (done ? 0 : m->left)) / 1e9 * (double)link_of(s, m)->price;
        s->figures->transfers += done;
        s->open_moves--;
        m->turn++;
        m->active = false;
        m->next = s->spare_moves;
        s->spare_moves = m;
}
