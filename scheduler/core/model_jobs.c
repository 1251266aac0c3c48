/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model.h"
#include "core/learned.h"
#include "core/model_priv.h"
#include "core/parts.h"
#include "core/space.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

bool job_goes_before(const void *a, const void *b)
{
        const struct m_job *x = a, *y = b;

        return x->priority != y->priority ? x->priority > y->priority : x->id < y->id;
}

/* ---- shapes ----------------------------------------------------------------------------------------------
 */

static int by_int64(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static int by_int32(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
        return hash_mix(h ^ (v + 0x9e3779b97f4a7c15ULL + (h << 6)));
}

static uint64_t shape_key(const struct m_shape *s)
{
        uint64_t h = mix(0, (uint64_t)s->project->id);

        h = mix(h, (uint64_t)s->need.slots);
        h = mix(h, (uint64_t)s->need.cpus);
        h = mix(h, (uint64_t)s->need.gpus);
        h = mix(h, (uint64_t)s->need.memory);
        for (int i = 0; i < RES_CUSTOM_MAX; i++)
                h = mix(h, (uint64_t)s->need.custom[i]);
        h = mix(h, (uint64_t)s->time_limit_ms);
        h = mix(h, (uint64_t)s->expect_ms);
        h = mix(h, s->input_count);
        for (size_t i = 0; i < s->input_count; i++)
                h = mix(h, (uint64_t)s->inputs[i]);
        for (size_t i = 0; i < s->site_count; i++)
                h = mix(h, (uint64_t)s->sites[i]);
        return s->parts ? mix(h, parts_hash(s->parts)) : h;
}

static bool shape_same(const struct m_shape *a, const struct m_shape *b)
{
        return a->project == b->project && res_equal(&a->need, &b->need) &&
               a->time_limit_ms == b->time_limit_ms && a->expect_ms == b->expect_ms &&
               a->input_count == b->input_count && a->site_count == b->site_count &&
               (!a->input_count || memcmp(a->inputs, b->inputs, a->input_count * sizeof *a->inputs) == 0) &&
               (!a->site_count || memcmp(a->sites, b->sites, a->site_count * sizeof *a->sites) == 0) &&
               parts_same(a->parts, b->parts);
}

/* What shapes have in common that differ in what they read and where they may run only. */
static uint64_t class_key(const struct m_shape *s)
{
        struct m_shape bare = *s;

        bare.input_count = bare.site_count = 0;
        bare.parts = NULL;
        return shape_key(&bare);
}

void shape_dress(const struct model *m, struct m_shape *s)
{
        static struct m_class none;
        size_t n = 0;

        s->kind = map_get(&m->classes, class_key(s));
        if (!s->kind)
                s->kind = &none;
        for (size_t i = 0; i < s->input_count; i++) {
                struct m_dataset *d = model_dataset(m, s->inputs[i]);

                if (d)
                        s->data[n++] = d;
        }
        s->input_count = n;
}

static struct m_class *class_for(struct model *m, const struct m_shape *s)
{
        uint64_t key = class_key(s);
        struct m_class *c;

        c = map_get(&m->classes, key);
        if (!c) {
                c = xcalloc(1, sizeof *c);
                c->key = key;
                map_put(&m->classes, key, c);
        }
        c->users++;
        return c;
}

static double faded(double v, int64_t age_ms)
{
        return age_ms > 0 ? v * exp(-(double)age_ms / ARRIVAL_MS) : v;
}

static void class_arrive(const struct model *m, struct m_class *c, const struct m_job *j)
{
        double tasks = (double)job_total(j);

        c->jobs = faded(c->jobs, m->wall_ms - c->arrived_at) + faded(1, m->wall_ms - j->submitted_at);
        c->tasks = faded(c->tasks, m->wall_ms - c->arrived_at) +
                   faded(tasks < ARRIVAL_TASKS_MAX ? tasks : ARRIVAL_TASKS_MAX, m->wall_ms - j->submitted_at);
        c->arrived_at = m->wall_ms;
}

double class_arrivals(const struct model *m, const struct m_class *c)
{
        double jobs = faded(c->jobs, m->wall_ms - c->arrived_at);

        return jobs > 1 ? faded(c->tasks, m->wall_ms - c->arrived_at) * (1 - 1 / jobs) * 1000 / ARRIVAL_MS
                        : 0;
}

static void class_remove(struct model *m, struct m_class *c)
{
        map_del(&m->classes, c->key);
        free(c);
}

static void classes_forget(struct model *m)
{
        struct m_class **unused = xcalloc(m->classes.n, sizeof *unused), *c;
        size_t n = 0;

        for (size_t i = 0; (c = map_next(&m->classes, &i));) {
                if (!c->users)
                        unused[n++] = c;
        }
        for (size_t i = 0; i < n; i++)
                class_remove(m, unused[i]);
        free(unused);
}

/* What was learned is kept for the next job like it; too much of it goes all at once, which is seldom. */
static void class_drop(struct model *m, struct m_class *c)
{
        if (--c->users > 0)
                return;
        if (!c->ended)
                class_remove(m, c);
        else if (m->classes.n > CLASSES_KEPT)
                classes_forget(m);
}

/* The shape of a job, found or made. Keys that collide are moved on by one. */
static struct m_shape *shape_for(struct model *m, const struct job_init *init)
{
        struct m_shape *s = xcalloc(1, sizeof *s), *have;
        struct m_project *p = init->project;

        s->project = p;
        s->need = init->need;
        s->time_limit_ms = init->time_limit_ms;
        s->expect_ms = init->expect_ms;
        s->input_count = init->input_count;
        s->inputs = init->input_count ? xcalloc(init->input_count, sizeof *s->inputs) : NULL;
        for (size_t i = 0; i < init->input_count; i++)
                s->inputs[i] = init->inputs[i]->id;
        if (s->input_count)
                qsort(s->inputs, s->input_count, sizeof *s->inputs, by_int64);
        s->parts = init->parts;
        s->site_count = init->site_count;
        s->sites = init->site_count ? xcalloc(init->site_count, sizeof *s->sites) : NULL;
        if (s->site_count) {
                memcpy(s->sites, init->sites, s->site_count * sizeof *s->sites);
                qsort(s->sites, s->site_count, sizeof *s->sites, by_int32);
        }
        for (s->key = shape_key(s); (have = map_get(&m->shapes, s->key)); s->key++) {
                if (shape_same(have, s)) {
                        free(s->inputs);
                        free(s->sites);
                        parts_free(s->parts);
                        free(s);
                        return have;
                }
        }
        heap_init(&s->jobs, job_goes_before, offsetof(struct m_job, place));
        s->kind = class_for(m, s);
        s->data = s->input_count ? xcalloc(s->input_count, sizeof(struct m_dataset *)) : NULL;
        for (size_t i = 0; i < s->input_count; i++)
                s->data[i] = model_dataset(m, s->inputs[i]);
        map_put(&m->shapes, s->key, s);
        learned_recall(m, s);
        p->shapes = xgrow(p->shapes, p->shape_count, &p->shape_cap, sizeof(struct m_shape *));
        p->shapes[p->shape_count++] = s;
        return s;
}

/* A shape that nobody uses goes, so that the table stays as large as the queue is varied. */
static void shape_drop(struct model *m, struct m_shape *s)
{
        struct m_project *p = s->project;

        if (--s->users > 0)
                return;
        for (size_t i = 0; i < p->shape_count; i++) {
                if (p->shapes[i] == s) {
                        p->shapes[i] = p->shapes[--p->shape_count];
                        break;
                }
        }
        if (s->reserved)
                s->reserved->reserved = NULL;
        space_release(m, s);
        /* Shapes whose keys were moved on stay reachable: only an exact key is looked up from its own start,
         * and a hole merely makes an equal shape anew. */
        map_del(&m->shapes, s->key);
        class_drop(m, s->kind);
        heap_release(&s->jobs);
        free(s->inputs);
        free(s->data);
        free(s->sites);
        parts_free(s->parts);
        free(s->at);
        free(s->seats);
        free(s);
}

/* ---- retries: a heap by (due, task)
 * -------------------------------------------------------------------------- */

static bool retry_before(const struct m_retry *a, const struct m_retry *b)
{
        return a->due != b->due ? a->due < b->due : a->task < b->task;
}

static void retry_swap(struct m_retry *a, struct m_retry *b)
{
        struct m_retry t = *a;

        *a = *b;
        *b = t;
}

static void retry_up(struct m_job *j, size_t i)
{
        for (; i && retry_before(&j->retries[i], &j->retries[(i - 1) / 2]); i = (i - 1) / 2)
                retry_swap(&j->retries[i], &j->retries[(i - 1) / 2]);
}

static void retry_remove(struct m_job *j, size_t i)
{
        j->retries[i] = j->retries[--j->retry_count];
        if (i == j->retry_count)
                return;
        retry_up(j, i);
        for (;;) {
                size_t c = 2 * i + 1;

                if (c >= j->retry_count)
                        break;
                if (c + 1 < j->retry_count && retry_before(&j->retries[c + 1], &j->retries[c]))
                        c++;
                if (!retry_before(&j->retries[c], &j->retries[i]))
                        break;
                retry_swap(&j->retries[c], &j->retries[i]);
                i = c;
        }
}

struct m_retry job_retry_take(struct m_job *j, size_t i)
{
        struct m_retry r = j->retries[i];

        retry_remove(j, i);
        return r;
}

struct m_retry job_retry_pop(struct m_job *j)
{
        return job_retry_take(j, 0);
}

/* ---- jobs
 * ---------------------------------------------------------------------------------------------------- */

static void depend(struct model *m, struct m_after *a, int64_t job)
{
        struct m_dependents *d = map_get(&m->dependents, (uint64_t)a->job);

        if (!d) {
                d = xcalloc(1, sizeof *d);
                map_put(&m->dependents, (uint64_t)a->job, d);
        }
        d->jobs = xgrow(d->jobs, d->n, &d->cap, sizeof *d->jobs);
        a->at = d->n;
        d->jobs[d->n++] = job;
}

/* Take a dependency of j out of the list; the last of the list takes its place and is told. */
static void undepend(struct model *m, struct m_after *a)
{
        struct m_dependents *d = map_get(&m->dependents, (uint64_t)a->job);
        struct m_job *last = model_job(m, d->jobs[--d->n]);

        for (size_t i = 0; i < last->after_count; i++) {
                if (last->after[i].job == a->job && last->after[i].at == d->n) {
                        last->after[i].at = a->at;
                        break;
                }
        }
        d->jobs[a->at] = last->id;
        if (!d->n) {
                map_del(&m->dependents, (uint64_t)a->job);
                free(d->jobs);
                free(d);
        }
}

static void read_input(struct m_job *j, size_t input)
{
        struct m_dataset *d = j->inputs[input];

        d->users++;
        d->readers = xgrow(d->readers, d->reader_count, &d->reader_cap, sizeof *d->readers);
        j->reader_at[input] = d->reader_count;
        d->readers[d->reader_count++] = (struct m_reader){j, input};
}

static void unread_input(struct m_job *j, size_t input)
{
        struct m_dataset *d = j->inputs[input];
        struct m_reader last = d->readers[--d->reader_count];

        d->readers[j->reader_at[input]] = last;
        last.job->reader_at[last.input] = j->reader_at[input];
}

const struct m_dependents *model_dependents(const struct model *m, int64_t id)
{
        static const struct m_dependents none;
        const struct m_dependents *d = map_get(&m->dependents, (uint64_t)id);

        return d ? d : &none;
}

struct m_job *model_job_add(struct model *m, const struct job_init *init)
{
        struct m_job *j = xcalloc(1, sizeof *j);

        j->id = init->id;
        j->name = xstrdup(init->name);
        j->spec = xstrdup(init->spec);
        j->priority = init->priority;
        j->first = init->first;
        j->last = init->last;
        j->next = init->next;
        j->tasks = init->tasks;
        j->throttle = init->throttle;
        j->succeeded = init->succeeded;
        j->failed = init->failed;
        j->cancelled = init->cancelled;
        j->retry = init->retry;
        j->submitted_at = init->submitted_at;
        j->started_at = init->started_at;
        j->deadline = init->deadline;
        j->not_before = init->not_before;
        j->held = init->held;
        j->cancelling = init->cancelling;
        j->shape = shape_for(m, init);
        j->shape->users++;
        j->output = init->output;
        j->wait = WAIT_NEW;
        j->wait_since = init->submitted_at;
        j->input_count = init->input_count;
        j->inputs = init->input_count ? xcalloc(init->input_count, sizeof(struct m_dataset *)) : NULL;
        j->reader_at = init->input_count ? xcalloc(init->input_count, sizeof *j->reader_at) : NULL;
        for (size_t i = 0; i < init->input_count; i++) {
                j->inputs[i] = init->inputs[i];
                read_input(j, i);
        }
        if (j->output)
                j->output->users++;
        j->after_count = init->after_count;
        j->after = init->after_count ? xcalloc(init->after_count, sizeof *j->after) : NULL;
        for (size_t i = 0; i < init->after_count; i++) {
                j->after[i] = init->after[i];
                j->elementwise = j->elementwise || init->after[i].elementwise;
                depend(m, &j->after[i], j->id);
        }
        if (j->elementwise)
                j->left = xcalloc((size_t)(job_span(j) + 7) / 8, 1);
        map_put(&m->jobs, (uint64_t)j->id, j);
        class_arrive(m, j->shape->kind, j);
        m->ready_tasks += job_waiting(j);
        model_job_update(m, j);
        return j;
}

struct m_job *model_job(const struct model *m, int64_t id)
{
        return map_get(&m->jobs, (uint64_t)id);
}

void model_dataset_drop(struct model *m, struct m_dataset *d)
{
        if (--d->users > 0)
                return;
        map_del(&m->datasets, (uint64_t)d->id);
        dataset_free(d);
}

void job_free(struct m_job *j)
{
        free(j->after);
        free(j->inputs);
        free(j->reader_at);
        free(j->retries);
        free(j->skips);
        free(j->left);
        task_set_free(j->tasks);
        free(j->choices);
        free(j->name);
        free(j->spec);
        free(j->held_by);
        free(j->cancelled_by);
        free(j);
}

void model_job_remove(struct model *m, struct m_job *j)
{
        struct m_job **at;

        if (j->dirty) {
                for (at = &m->dirty; *at != j; at = &(*at)->dirty_next)
                        ;
                *at = j->dirty_next;
                if (m->dirty_tail == &j->dirty_next)
                        m->dirty_tail = at;
        }
        m->ready_tasks -= job_waiting(j);
        heap_remove(&j->shape->jobs, j);
        heap_remove(&m->wakes, j);
        for (size_t i = 0; i < j->after_count; i++)
                undepend(m, &j->after[i]);
        map_del(&m->jobs, (uint64_t)j->id);
        for (size_t i = 0; i < j->input_count; i++) {
                unread_input(j, i);
                model_dataset_drop(m, j->inputs[i]);
        }
        if (j->output)
                model_dataset_drop(m, j->output);
        shape_drop(m, j->shape);
        job_free(j);
}

int64_t job_span(const struct m_job *j)
{
        return (int64_t)j->last - j->first + 1;
}

int64_t job_total(const struct m_job *j)
{
        return j->tasks ? j->tasks->count : job_span(j);
}

bool job_has_task(const struct m_job *j, int64_t task)
{
        return j->tasks ? task_set_has(j->tasks, task) : task >= j->first && task <= j->last;
}

int64_t job_task_from(const struct m_job *j, int64_t from)
{
        if (j->tasks)
                return task_set_next(j->tasks, from);
        return from < j->first ? j->first : from > j->last ? (int64_t)j->last + 1 : from;
}

/* Tasks of the run: not below the cursor, those that are skipped counted. */
static int64_t run_length(const struct m_job *j)
{
        if (j->tasks)
                return j->tasks->count - task_set_rank(j->tasks, j->next);
        return (int64_t)j->last - j->next + 1;
}

bool job_is_done(const struct m_job *j)
{
        return (int64_t)j->succeeded + j->failed + j->cancelled == job_total(j);
}

enum job_state job_end_state(const struct m_job *j)
{
        if (j->failed)
                return JOB_FAILED;
        return j->cancelled ? JOB_CANCELLED : JOB_SUCCEEDED;
}

int64_t job_waiting(const struct m_job *j)
{
        return (int64_t)j->retry_count + (j->elementwise ? 0 : run_length(j) - (int64_t)j->skip_count);
}

int64_t job_elements_waiting(const struct m_job *j)
{
        return j->elementwise ? job_total(j) - j->succeeded - j->failed - j->cancelled - j->live -
                                    (int64_t)j->retry_count
                              : 0;
}

bool job_is_blocked(const struct m_job *j)
{
        for (size_t i = 0; i < j->after_count; i++) {
                if (!j->after[i].elementwise && !j->after[i].met)
                        return true;
        }
        return false;
}

void model_job_dirty(struct model *m, struct m_job *j)
{
        if (j->dirty)
                return;
        j->dirty = true;
        j->dirty_next = NULL;
        *m->dirty_tail = j;
        m->dirty_tail = &j->dirty_next;
}

static bool inputs_are_sealed(const struct m_job *j)
{
        for (size_t i = 0; i < j->input_count; i++) {
                if (!j->inputs[i]->sealed || j->inputs[i]->removed)
                        return false;
        }
        return true;
}

/* Tasks that could be placed at this moment as far as the job itself is concerned. */
static bool job_can_go(const struct model *m, const struct m_job *j)
{
        if (j->held || j->cancelling || j->not_before > m->wall_ms || (j->throttle && j->live >= j->throttle))
                return false;
        if (!(j->retry_count && j->retries[0].due <= m->wall_ms) && (j->elementwise || j->next > j->last))
                return false;
        return !job_is_blocked(j) && inputs_are_sealed(j);
}

void model_job_update(struct model *m, struct m_job *j)
{
        int64_t wake = j->retry_count && j->retries[0].due > m->wall_ms ? j->retries[0].due : TIME_NEVER;

        if (j->not_before > m->wall_ms)
                wake = j->not_before;
        if (job_can_go(m, j)) {
                if (!heap_has(&j->shape->jobs, j))
                        heap_add(&j->shape->jobs, j);
        } else {
                heap_remove(&j->shape->jobs, j);
        }
        if (wake == j->wake_at && heap_has(&m->wakes, j) == (wake != TIME_NEVER))
                return;
        heap_remove(&m->wakes, j);
        j->wake_at = wake;
        if (wake != TIME_NEVER)
                heap_add(&m->wakes, j);
}

void model_job_retry(struct model *m, struct m_job *j, const struct m_retry *r)
{
        j->retries = xgrow(j->retries, j->retry_count, &j->retry_cap, sizeof *j->retries);
        j->retries[j->retry_count] = *r;
        retry_up(j, j->retry_count++);
        job_element_leaves(j, r->task);
        m->ready_tasks++;
        model_job_update(m, j);
}

size_t model_job_deal(struct model *m, struct m_job *j)
{
        struct m_retry r = {.task = job_next_task(j), .due = m->wall_ms};

        m->ready_tasks--; /* it was one of the run */
        model_job_retry(m, j, &r);
        for (size_t i = j->retry_count; i-- > 0;) {
                if (j->retries[i].task == r.task)
                        return i;
        }
        return 0;
}

void job_element_leaves(struct m_job *j, int32_t task)
{
        if (j->left && task >= j->first && task <= j->last)
                j->left[(task - j->first) / 8] |= (uint8_t)(1 << (task - j->first) % 8);
}

bool job_element_has_left(const struct m_job *j, int32_t task)
{
        return j->left && task >= j->first && task <= j->last &&
               (j->left[(task - j->first) / 8] >> (task - j->first) % 8 & 1);
}

/* Index of the first of the skips, which go downwards, that is not above the task. */
static size_t skip_index(const struct m_job *j, int32_t task)
{
        size_t low = 0, high = j->skip_count;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (j->skips[mid] > task)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

bool job_skips(const struct m_job *j, int32_t task)
{
        size_t i = skip_index(j, task);

        return i < j->skip_count && j->skips[i] == task;
}

static void advance(struct m_job *j)
{
        j->next = j->tasks ? (int32_t)task_set_next(j->tasks, (int64_t)j->next + 1) : j->next + 1;
}

/* The cursor does not stop at tasks that were taken out. */
static void pass_skips(struct m_job *j)
{
        while (!j->elementwise && j->skip_count && j->skips[j->skip_count - 1] == j->next) {
                j->skip_count--;
                advance(j);
        }
}

int32_t job_next_task(struct m_job *j)
{
        int32_t task = j->next;

        advance(j);
        pass_skips(j);
        return task;
}

bool model_job_skip(struct model *m, struct m_job *j, int32_t task)
{
        size_t i = skip_index(j, task);

        if (task < (j->elementwise ? j->first : j->next) || !job_has_task(j, task) ||
            job_element_has_left(j, task) || job_skips(j, task))
                return false;
        j->skips = xgrow(j->skips, j->skip_count, &j->skip_cap, sizeof *j->skips);
        memmove(&j->skips[i + 1], &j->skips[i], (j->skip_count++ - i) * sizeof *j->skips);
        j->skips[i] = task;
        job_element_leaves(j, task);
        if (!j->elementwise)
                m->ready_tasks--;
        pass_skips(j);
        model_job_update(m, j);
        return true;
}

bool model_job_drop_task(struct model *m, struct m_job *j, int32_t task, bool *ret_queued)
{
        for (size_t i = 0; i < j->retry_count; i++) {
                if (j->retries[i].task == task) {
                        retry_remove(j, i);
                        m->ready_tasks--;
                        *ret_queued = true;
                        model_job_update(m, j);
                        return true;
                }
        }
        *ret_queued = false;
        return model_job_skip(m, j, task);
}

void model_job_priority(struct model *m, struct m_job *j, int32_t priority)
{
        j->priority = priority;
        heap_moved(&j->shape->jobs, j);
        model_job_dirty(m, j);
}

int64_t model_wake(struct model *m)
{
        struct m_job *j;

        while ((j = heap_top(&m->wakes)) && j->wake_at <= m->wall_ms)
                model_job_update(m, j);
        return j ? j->wake_at : TIME_NEVER;
}
