/* SPDX-License-Identifier: Apache-2.0 */
#include "common/task_set.h"

#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

static int64_t part_count(const struct task_part *p)
{
        return ((int64_t)p->last - p->first) / p->step + 1;
}

/* ---- making ---------------------------------------------------------------------------------------------
 */

struct making {
        struct task_part *parts;
        size_t n, cap;
        int64_t tasks;
};

static void making_add(struct making *m, int64_t first, int64_t last, int64_t step)
{
        struct task_part p = {.first = (int32_t)first, .step = (int32_t)step};

        p.last = (int32_t)(first + (last - first) / step * step);
        if (p.last == p.first)
                p.step = 1;
        m->parts = xgrow(m->parts, m->n, &m->cap, sizeof *m->parts);
        m->parts[m->n++] = p;
        m->tasks += part_count(&p);
}

static struct task_set *making_end(struct making *m)
{
        struct task_set *s = xmalloc(sizeof *s + m->n * sizeof *s->parts);
        int64_t before = 0;

        memcpy(s->parts, m->parts, m->n * sizeof *s->parts);
        for (size_t i = 0; i < m->n; i++) {
                s->parts[i].before = (int32_t)before;
                before += part_count(&s->parts[i]);
        }
        s->part_count = (uint32_t)m->n;
        s->first = s->parts[0].first;
        s->last = s->parts[m->n - 1].last;
        s->count = (int32_t)before;
        return s;
}

/* Numbers in rising order, one by one, become parts: a step is worth a part from three numbers on. */
struct rising {
        struct making *to;
        int64_t first, last, step; /* the part that grows; step 0: of one number */
};

static void rising_close(struct rising *r)
{
        if (r->first == r->last || r->step == 1 || r->last - r->first > r->step) {
                making_add(r->to, r->first, r->last, r->step ? r->step : 1);
                return;
        }
        making_add(r->to, r->first, r->first, 1);
        making_add(r->to, r->last, r->last, 1);
}

static void rising_add(struct rising *r, int64_t task)
{
        bool pair = r->step > 1 && r->last - r->first == r->step;

        if (!r->step || task - r->last == r->step) {
                r->step = task - r->last;
                r->last = task;
                return;
        }
        if (pair) { /* two numbers are no step yet: the second may begin one */
                making_add(r->to, r->first, r->first, 1);
                *r = (struct rising){r->to, r->last, task, task - r->last};
                return;
        }
        rising_close(r);
        *r = (struct rising){r->to, task, task, 0};
}

static int too_many_parts(struct err *err)
{
        return err_set(
            err, ERR_LIMIT,
            "the numbers of its tasks make more than %d ranges; use several arrays, or numbers that "
            "follow each other",
            TASK_PARTS_MAX);
}

int task_set_of(const int32_t *tasks, size_t n, struct task_set **ret, struct err *err)
{
        struct making m = {0};
        struct rising r = {&m, tasks[0], tasks[0], 0};

        if ((int64_t)tasks[n - 1] - tasks[0] >= TASK_SPAN_MAX)
                return err_set(err, ERR_LIMIT, "the numbers of its tasks lie more than %d apart",
                               TASK_SPAN_MAX);
        for (size_t i = 1; i < n && m.n <= TASK_PARTS_MAX; i++)
                rising_add(&r, tasks[i]);
        rising_close(&r);
        if (m.n > TASK_PARTS_MAX) {
                free(m.parts);
                return too_many_parts(err);
        }
        *ret = making_end(&m);
        free(m.parts);
        return 0;
}

struct task_set *task_set_range(int32_t first, int32_t last)
{
        struct making m = {0};
        struct task_set *s;

        making_add(&m, first, last, 1);
        s = making_end(&m);
        free(m.parts);
        return s;
}

void task_set_free(struct task_set *s)
{
        free(s);
}

/* ---- reading --------------------------------------------------------------------------------------------
 */

static bool take_number(const char **p, int64_t *ret)
{
        int64_t v = 0;

        if (**p < '0' || **p > '9')
                return false;
        for (; **p >= '0' && **p <= '9'; (*p)++) {
                v = v * 10 + (**p - '0');
                if (v > RANGE_INDEX_MAX)
                        return false;
        }
        *ret = v;
        return true;
}

static bool take_mark(const char **p, char c)
{
        if (**p != c)
                return false;
        (*p)++;
        return true;
}

static int not_array(const char *what, const char *text, const char *wanted, struct err *err)
{
        char shown[64];
        int n = snprintf(shown, sizeof shown, "%s", text);

        text_make_printable(shown);
        return err_set(err, ERR_BAD_INPUT, "%s: \"%s%s\" is not %s", what, shown,
                       n < (int)sizeof shown ? "" : "...", wanted);
}

static int read_part(const char *what, const char *text, const char **p, struct making *m, struct err *err)
{
        static const char wanted[] =
            "a list of tasks like \"1-1000\", \"1,5,7-100:3\" or \"1-1000%50\" (50 at "
            "once), with numbers up to 2000000000";
        int64_t first, last, step = 1;

        if (!take_number(p, &first))
                return not_array(what, text, wanted, err);
        last = first;
        if (take_mark(p, '-')) {
                if (!take_number(p, &last) || (take_mark(p, ':') && !take_number(p, &step)))
                        return not_array(what, text, wanted, err);
        }
        if (**p && **p != ',' && **p != '%')
                return not_array(what, text, wanted, err);
        if (last < first)
                return not_array(what, text, "a list of ranges whose first number is not above the last",
                                 err);
        if (step < 1)
                return not_array(what, text, "a list of ranges whose steps are at least 1", err);
        if ((last - first) / step >= RANGE_TASKS_MAX - m->tasks)
                return not_array(what, text, "a list of at most 10000000 tasks", err);
        making_add(m, first, last, step);
        return 0;
}

static int read_parts(const char *what, const char *text, struct making *m, int64_t *ret_throttle,
                      struct err *err)
{
        const char *p = text;
        int64_t throttle = 0;

        do {
                if (read_part(what, text, &p, m, err) < 0)
                        return -1;
        } while (take_mark(&p, ','));
        if (!*p) {
                if (ret_throttle)
                        *ret_throttle = 0;
                return 0;
        }
        p++; /* read_part leaves "%" as the only other mark */
        if (!take_number(&p, &throttle) || throttle < 1 || *p)
                return not_array(what, text, "a list of tasks with a throttle of at least 1 behind \"%\"",
                                 err);
        if (!ret_throttle)
                return not_array(what, text, "a list of tasks without a throttle", err);
        *ret_throttle = throttle;
        return 0;
}

static int by_first(const void *a, const void *b)
{
        const struct task_part *x = a, *y = b;

        if (x->first != y->first)
                return x->first < y->first ? -1 : 1;
        return (x->last > y->last) - (x->last < y->last);
}

/* Parts that overlap or follow each other are painted onto a strip of bits, and read off it. */
static void weave(struct making *m, int64_t first, int64_t last)
{
        uint8_t *strip = xcalloc((size_t)(last - first) / 8 + 1, 1);
        struct rising r = {.to = m, .first = first, .last = first};

        for (size_t i = 0; i < m->n; i++)
                for (int64_t t = m->parts[i].first; t <= m->parts[i].last; t += m->parts[i].step)
                        strip[(t - first) / 8] |= (uint8_t)(1u << (t - first) % 8);
        m->n = 0;
        m->tasks = 0;
        for (int64_t t = first + 1; t <= last && m->n <= TASK_PARTS_MAX; t++)
                if (strip[(t - first) / 8] >> (t - first) % 8 & 1)
                        rising_add(&r, t);
        rising_close(&r);
        free(strip);
}

static bool is_orderly(const struct making *m)
{
        for (size_t i = 1; i < m->n; i++)
                if (m->parts[i].first <= (int64_t)m->parts[i - 1].last + 1)
                        return false;
        return true;
}

int task_set_parse(const char *what, const char *text, struct task_set **ret, int64_t *ret_throttle,
                   struct err *err)
{
        struct making m = {0};
        int64_t first, last = 0, throttle = 0;
        int rc = read_parts(what, text ? text : "", &m, ret_throttle ? &throttle : NULL, err);

        if (rc < 0)
                goto done;
        qsort(m.parts, m.n, sizeof *m.parts, by_first);
        first = m.parts[0].first;
        for (size_t i = 0; i < m.n; i++)
                last = m.parts[i].last > last ? m.parts[i].last : last;
        if (last - first >= TASK_SPAN_MAX) {
                rc = not_array(what, text,
                               "a list whose highest number is less than 10000000 above its lowest", err);
                goto done;
        }
        if (!is_orderly(&m))
                weave(&m, first, last);
        if (m.n > TASK_PARTS_MAX) {
                rc = too_many_parts(err);
                goto done;
        }
        *ret = making_end(&m);
        if (ret_throttle)
                *ret_throttle = throttle;
done:
        free(m.parts);
        return rc;
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

bool task_set_is_range(const struct task_set *s)
{
        return s->part_count == 1 && s->parts[0].step == 1;
}

/* The last part that begins at or below the task; NULL when it is below all. */
static const struct task_part *part_below(const struct task_set *s, int64_t task)
{
        size_t low = 0, high = s->part_count;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (s->parts[mid].first <= task)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low ? &s->parts[low - 1] : NULL;
}

bool task_set_has(const struct task_set *s, int64_t task)
{
        const struct task_part *p = part_below(s, task);

        return p && task <= p->last && (task - p->first) % p->step == 0;
}

int32_t task_set_rank(const struct task_set *s, int64_t task)
{
        const struct task_part *p = part_below(s, task - 1);

        if (!p)
                return 0;
        if (task > p->last)
                return p->before + (int32_t)part_count(p);
        return p->before + (int32_t)((task - p->first + p->step - 1) / p->step);
}

int32_t task_set_at(const struct task_set *s, int32_t rank)
{
        size_t low = 0, high = s->part_count;

        while (high - low > 1) {
                size_t mid = (low + high) / 2;

                if (s->parts[mid].before <= rank)
                        low = mid;
                else
                        high = mid;
        }
        return s->parts[low].first + (rank - s->parts[low].before) * s->parts[low].step;
}

int64_t task_set_next(const struct task_set *s, int64_t from)
{
        int32_t rank = task_set_rank(s, from);

        return rank < s->count ? task_set_at(s, rank) : (int64_t)s->last + 1;
}

/* How far along p one part of the outer set reaches: the number of its tasks, from the first on, that are in
 * it. */
static int64_t reach(const struct task_set *outer, const struct task_part *p, int64_t first)
{
        const struct task_part *q = part_below(outer, first);
        int64_t last;

        if (!q || first > q->last || (first - q->first) % q->step)
                return 0;
        last = p->last < q->last ? p->last : q->last;
        if (p->step % q->step == 0)
                return (last - first) / p->step + 1;
        return 1;
}

bool task_set_covers(const struct task_set *outer, const struct task_set *inner)
{
        if (task_set_is_range(outer))
                return inner->first >= outer->first && inner->last <= outer->last;
        for (size_t i = 0; i < inner->part_count; i++) {
                const struct task_part *p = &inner->parts[i];

                /* Steps that do not fit put the second number beside the outer part, which the next turn
                 * finds out: a part of either set is looked at once. */
                for (int64_t at = p->first, n; at <= p->last; at += n * p->step) {
                        n = reach(outer, p, at);
                        if (!n)
                                return false;
                }
        }
        return true;
}

void task_set_write(struct buf *b, const struct task_set *s)
{
        for (size_t i = 0; i < s->part_count; i++) {
                const struct task_part *p = &s->parts[i];

                buf_printf(b, "%s%d", i ? "," : "", (int)p->first);
                if (p->last > p->first)
                        buf_printf(b, "-%d", (int)p->last);
                if (p->step > 1)
                        buf_printf(b, ":%d", (int)p->step);
        }
}
