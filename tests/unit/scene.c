/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/scene.h"

#include "common/util.h"
#include "core/parts.h"
#include "core/space.h"
#include "core/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32
#define LIST_MAX  64
#define GIB       (1LL << 30)

static void complain(const char *what, const char *word)
{
        fprintf(stderr, "scene: %s \"%s\"\n", what, word ? word : "");
        abort();
}

/* ---- words of a line --------------------------------------------------------------------------------------
 */

struct line {
        char *words[WORDS_MAX];
        bool used[WORDS_MAX];
        int n;
};

static const char *text_of(struct line *l, const char *key)
{
        size_t n = strlen(key);

        for (int i = 2; i < l->n; i++) {
                if (strncmp(l->words[i], key, n) == 0 && l->words[i][n] == '=') {
                        l->used[i] = true;
                        return l->words[i] + n + 1;
                }
        }
        return NULL;
}

static double number(struct line *l, const char *key, double otherwise)
{
        const char *s = text_of(l, key);
        char *end;
        double v;

        if (!s)
                return otherwise;
        v = strtod(s, &end);
        if (*end || end == s)
                complain("not a number", s);
        return v;
}

static bool flag(struct line *l, const char *key)
{
        for (int i = 2; i < l->n; i++) {
                if (strcmp(l->words[i], key) == 0)
                        return l->used[i] = true;
        }
        return false;
}

static size_t list(const char *s, char *store, size_t size, char **items)
{
        size_t n = 0;
        char *save = NULL;

        if (!s)
                return 0;
        snprintf(store, size, "%s", s);
        for (char *w = strtok_r(store, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
                if (n == LIST_MAX)
                        complain("list too long", s);
                items[n++] = w;
        }
        return n;
}

/* ---- things by name ---------------------------------------------------------------------------------------
 */

struct m_site *scene_site(const struct model *m, const char *name)
{
        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && strcmp(m->sites[i]->name, name) == 0)
                        return m->sites[i];
        }
        complain("no site", name);
        return NULL;
}

static struct m_project *find_project(const struct model *m, const char *name, int32_t *ret_free)
{
        *ret_free = 1;
        for (size_t i = 0; i < m->project_cap; i++) {
                if (!m->projects[i])
                        continue;
                if (strcmp(m->projects[i]->name, name) == 0)
                        return m->projects[i];
                *ret_free = m->projects[i]->id + 1;
        }
        return NULL;
}

struct m_project *scene_project(const struct model *m, const char *name)
{
        int32_t unused;
        struct m_project *p = find_project(m, name, &unused);

        if (!p)
                complain("no project", name);
        return p;
}

static struct m_project *project_put(struct model *m, const char *name)
{
        int32_t id;
        struct m_project *p = find_project(m, name, &id);

        return p ? p : model_project_put(m, id, name);
}

struct m_dataset *scene_dataset(const struct model *m, const char *name)
{
        struct m_dataset *d;

        for (size_t i = 0; (d = map_next(&m->datasets, &i));) {
                if (strcmp(d->name, name) == 0)
                        return d;
        }
        complain("no data", name);
        return NULL;
}

/* ---- lines ------------------------------------------------------------------------------------------------
 */

static void read_project(struct model *m, struct line *l)
{
        struct m_project *p = project_put(m, l->words[1]);

        p->share = number(l, "share", 1);
        p->usage = number(l, "usage", 0);
        p->usage_at = m->wall_ms;
        p->max_cpus = (int32_t)number(l, "max_cpus", 0);
        p->max_tasks = (int32_t)number(l, "max_tasks", 0);
}

static void read_workers(struct model *m, struct line *l, struct m_site *s)
{
        struct res offer = {.slots = (int32_t)number(l, "slots", RES_SLOTS_ANY),
                            .cpus = (int32_t)number(l, "cpus", 1),
                            .gpus = (int32_t)number(l, "gpus", 0),
                            .memory = (int64_t)(number(l, "memory", 1024) * (double)GIB)};
        const char *project = text_of(l, "project");
        bool offline = flag(l, "offline"), unseen = flag(l, "unseen"), full = flag(l, "full");
        int n = (int)number(l, "workers", 1);

        for (int i = 0; i < n; i++) {
                int32_t id = 1;
                struct m_worker *w;

                while (model_worker(m, id))
                        id++;
                w = model_worker_put(m, id, s);
                w->ready = !offline && !unseen;
                w->disk_full = full;
                w->project = project ? project_put(m, project)->id : 0;
                if (!unseen)
                        model_worker_offer(m, w, &offer);
        }
}

static void read_site(struct model *m, struct line *l)
{
        int32_t id = 1;
        struct m_site *s;
        const char *only = text_of(l, "only");

        while (model_site(m, id))
                id++;
        s = model_site_put(m, id, l->words[1]);
        s->speed = number(l, "speed", 1);
        s->max_tasks = (int32_t)number(l, "max_tasks", 0);
        s->intent = flag(l, "closed") ? SITE_CLOSED : flag(l, "draining") ? SITE_DRAINING : SITE_OPEN;
        s->health = SITE_UP;
        s->storage.quota = (int64_t)number(l, "quota", 0);
        s->storage.unknown = flag(l, "untold");
        s->storage.accept = s->storage.quota > 0 || s->storage.unknown;
        s->alarm = flag(l, "alarm");
        if (flag(l, "broken"))
                s->breaker_until = m->now_ms + 1000;
        if (only) {
                struct m_site_rule rule = {.project = project_put(m, only)->id,
                                           .max_cpus = (int32_t)number(l, "only_cpus", 0)};

                s->all_projects = flag(l, "others");
                model_site_rules(m, s, &rule, 1);
        }
        read_workers(m, l, s);
}

static void read_data(struct model *m, struct line *l)
{
        char store[512], *sites[LIST_MAX];
        int32_t allowed[LIST_MAX];
        int64_t id = 1;
        struct m_dataset *d;
        size_t n;

        while (model_dataset(m, id))
                id++;
        d = model_dataset_put(m, id, l->words[1]);
        d->files = (int32_t)number(l, "files", 1);
        d->bytes = (int64_t)number(l, "bytes", 1000);
        d->sealed = !flag(l, "open");
        n = list(text_of(l, "at"), store, sizeof store, sites);
        for (size_t i = 0; i < n; i++)
                model_dataset_site(d, scene_site(m, sites[i])->id, "/data", false, d->files, d->bytes);
        n = list(text_of(l, "allow"), store, sizeof store, sites);
        for (size_t i = 0; i < n; i++)
                allowed[i] = scene_site(m, sites[i])->id;
        if (n)
                model_dataset_allow(d, allowed, n);
        n = list(text_of(l, "part"), store, sizeof store, sites);
        for (size_t i = 0; i < n; i++)
                model_dataset_site(d, scene_site(m, sites[i])->id, "/part", false, d->files - 1,
                                   d->bytes / 2);
}

/* So many tasks share the files of the dataset, each as many. */
static struct m_parts *share_out(const struct m_dataset *d, int32_t tasks)
{
        struct m_parts *p = parts_new(d->id, tasks);

        for (int32_t i = 1; i <= tasks; i++)
                parts_set(p, i, d->files / tasks, d->bytes / tasks);
        return p;
}

static void read_job(struct model *m, struct line *l)
{
        char store[512], *names[LIST_MAX];
        struct m_dataset *inputs[LIST_MAX];
        int32_t sites[LIST_MAX];
        const char *project = text_of(l, "project"), *after = text_of(l, "after"),
                   *condition = text_of(l, "condition"), *array = text_of(l, "array");
        struct err err;
        struct m_after dependency = {.condition = condition ? condition[0] : 'o',
                                     .elementwise = flag(l, "elementwise")};
        struct job_init init = {
            .id = atoll(l->words[1]),
            .project = project_put(m, project ? project : "p"),
            .name = l->words[1],
            .spec = flag(l, "nospec") ? NULL : "{}",
            .priority = (int32_t)number(l, "priority", 0),
            .first = (int32_t)number(l, "first", 1),
            .throttle = (int32_t)number(l, "throttle", 0),
            .need = {.slots = (int32_t)number(l, "slots", 1),
                     .cpus = (int32_t)number(l, "cpus", 1),
                     .gpus = (int32_t)number(l, "gpus", 0),
                     .memory = (int64_t)(number(l, "memory", 0) * (double)GIB)},
            .time_limit_ms = (int64_t)number(l, "limit", 0),
            .expect_ms = (int64_t)number(l, "expect", 0),
            .retry = {.task_max = 2, .site_max = 3, .delay_ms = 1000, .delay_max_ms = 60000},
            .submitted_at = m->wall_ms,
            .started_at = INT64_MIN,
            .deadline = INT64_MIN,
            .not_before =
                number(l, "notbefore", 0) ? m->wall_ms + (int64_t)number(l, "notbefore", 0) * 1000 : 0,
            .held = flag(l, "held"),
            .inputs = inputs,
            .sites = sites};

        if (array) {
                if (task_set_parse("array", array, &init.tasks, NULL, &err) < 0)
                        complain(err.text, array);
                init.first = init.tasks->first;
                init.last = init.tasks->last;
        } else {
                init.last = init.first + (int32_t)number(l, "tasks", 1) - 1;
        }
        init.next = init.first;
        init.input_count = list(text_of(l, "needs"), store, sizeof store, names);
        for (size_t i = 0; i < init.input_count; i++)
                inputs[i] = scene_dataset(m, names[i]);
        if (flag(l, "shares"))
                init.parts = share_out(inputs[0], init.last);
        init.site_count = list(text_of(l, "sites"), store, sizeof store, names);
        for (size_t i = 0; i < init.site_count; i++)
                sites[i] = scene_site(m, names[i])->id;
        if (after) {
                dependency.job = atoll(after);
                init.after = &dependency;
                init.after_count = 1;
        }
        model_job_add(m, &init);
}

static void read_line(struct model *m, char *text)
{
        static const struct {
                const char *word;
                void (*read)(struct model *m, struct line *l);
        } kinds[] = {{"project", read_project}, {"site", read_site}, {"data", read_data}, {"job", read_job}};
        struct line l = {0};
        char *save = NULL;
        size_t k = 0;

        for (char *w = strtok_r(text, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
                if (l.n == WORDS_MAX)
                        complain("line too long at", w);
                l.words[l.n++] = w;
        }
        if (!l.n)
                return;
        while (k < ARRAY_LEN(kinds) && strcmp(kinds[k].word, l.words[0]) != 0)
                k++;
        if (k == ARRAY_LEN(kinds) || l.n < 2)
                complain("no such line", l.words[0]);
        kinds[k].read(m, &l);
        for (int i = 2; i < l.n; i++) {
                if (!l.used[i])
                        complain("not understood", l.words[i]);
        }
}

void scene_add(struct model *m, const char *text)
{
        AUTO_FREE char *copy = xstrdup(text);
        char *save = NULL;

        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                read_line(m, line);
}

struct model *scene(const char *text)
{
        struct model *m = model_new();

        m->now_ms = 1000000;
        m->wall_ms = 1000000000;
        scene_add(m, text);
        return m;
}

/* ---- what happened ----------------------------------------------------------------------------------------
 */

void scene_end_all(struct model *m, int64_t job, bool well, int64_t run_ms)
{
        struct m_job *j = model_job(m, job);

        for (int32_t task = j->first; task <= j->last; task++) {
                struct m_attempt *a = model_attempt(m, job, task);

                if (!a)
                        continue;
                model_attempt_close(m, a, well, run_ms);
                if (well)
                        j->succeeded++;
                else
                        j->failed++;
        }
        model_job_update(m, j);
}

char *scene_plan(const struct plan *p)
{
        char *text = xstrdup("");

        for (size_t i = 0; i < p->run_count; i++) {
                const struct plan_run *r = &p->runs[i];
                AUTO_FREE char *before = text;

                text = r->count > 1
                           ? xasprintf("%s%s%lld.%d-%d#%d@w%d", before, i ? " " : "", (long long)r->job->id,
                                       r->task, r->task + r->count - 1, r->attempt, r->worker->id)
                           : xasprintf("%s%s%lld.%d#%d@w%d", before, i ? " " : "", (long long)r->job->id,
                                       r->task, r->attempt, r->worker->id);
        }
        return text;
}

/* A word about each of a list of transfers. */
static char *say_transfers(char *text, struct m_transfer *const *list, size_t n, char kind,
                           const struct model *m)
{
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *before = text;
                const struct m_transfer *t = list[i];
                AUTO_FREE char *only = t->only.n ? spans_text(&t->only) : NULL;
                bool started = kind == '!';

                text = xasprintf("%s%s%c%s%s%s%s>%s", before, *before ? " " : "", kind, t->dataset->name,
                                 only ? only : "", started ? ":" : "",
                                 started ? model_site(m, t->from)->name : "", model_site(m, t->to)->name);
        }
        return text;
}

char *scene_decide_data(struct model *m)
{
        static int64_t next = 1;
        struct plan p = {0};
        char *text;

        decide(m, &next, &p);
        text = scene_plan(&p);
        text = say_transfers(text, p.transfers, p.transfer_count, '+', m);
        text = say_transfers(text, p.starts, p.start_count, '!', m);
        text = say_transfers(text, p.cancels, p.cancel_count, '-', m);
        for (size_t i = 0; i < p.leave_count; i++) {
                AUTO_FREE char *before = text;

                text = xasprintf("%s%s~%s@%s", before, *before ? " " : "",
                                 model_dataset(m, p.leaves[i].dataset)->name,
                                 model_site(m, p.leaves[i].site)->name);
        }
        plan_release(&p);
        return text;
}

char *scene_decide(struct model *m)
{
        static int64_t next = 1;
        struct plan p = {0};
        char *text;

        decide(m, &next, &p);
        text = scene_plan(&p);
        plan_release(&p);
        return text;
}

/* ---- the audit --------------------------------------------------------------------------------------------
 */

static char *audit_heap(const struct heap *h, const char *what, long long id)
{
        for (size_t i = 0; i < h->n; i++) {
                const void *item = h->items[i];

                if (*(const size_t *)((const char *)item + h->place) != i + 1)
                        return xasprintf("%s %lld: element %zu does not know its place", what, id, i);
                if (i && h->before(item, h->items[(i - 1) / 2]))
                        return xasprintf("%s %lld: element %zu goes before the one above it", what, id, i);
        }
        return NULL;
}

static char *audit_worker(const struct model *m, const struct m_worker *w)
{
        struct res held = w->free;
        int32_t ahead = 0, quick = 0;
        struct m_attempt *a;

        for (size_t i = 0; (a = map_next(&m->attempts, &i));) {
                if (a->worker != w)
                        continue;
                ahead += a->ahead;
                quick += a->quick;
                if (!a->ahead)
                        res_give(&held, &a->job->shape->need, 1);
        }
        if (!res_equal(&held, &w->offer))
                return xasprintf("worker %d: free and held are not what it offers", w->id);
        if (ahead != w->ahead || quick != w->quick)
                return xasprintf("worker %d: %d ahead and %d quick, it says %d and %d", w->id, ahead, quick,
                                 w->ahead, w->quick);
        for (a = w->ahead_first; a; a = a->ahead_next) {
                ahead--;
                if (a->worker != w || !a->ahead || (!a->ahead_next && w->ahead_last != a))
                        return xasprintf("worker %d: its ahead list is broken", w->id);
        }
        if (ahead)
                return xasprintf("worker %d: its ahead list has another length", w->id);
        if (w->reserved && w->reserved->reserved != w)
                return xasprintf("worker %d: reserved for a shape that does not know", w->id);
        return w->ahead_first && res_fits(&w->ahead_first->job->shape->need, &w->free)
                   ? xasprintf("worker %d: has room and work ahead, but holds it back", w->id)
                   : NULL;
}

static char *audit_site(const struct model *m, const struct m_site *s)
{
        int32_t used = 0;
        struct m_attempt *a;

        for (size_t i = 0; (a = map_next(&m->attempts, &i));)
                used += a->worker->site == s;
        if (claim_holder(s) && claim_holder(s)->claim != s)
                return xasprintf("site %s: room is kept for a shape that does not know", s->name);
        if (used != s->used_tasks)
                return xasprintf("site %s: %d tasks there, it says %d", s->name, used, s->used_tasks);
        for (size_t k = 0; k < s->rule_count; k++) {
                int32_t cpus = 0;

                for (size_t i = 0; (a = map_next(&m->attempts, &i));) {
                        if (a->worker->site == s && a->job->shape->project->id == s->rules[k].project)
                                cpus += a->job->shape->need.cpus;
                }
                if (cpus != s->rules[k].used_cpus)
                        return xasprintf("site %s: rule of project %d counts %d CPUs, there are %d", s->name,
                                         s->rules[k].project, s->rules[k].used_cpus, cpus);
        }
        return NULL;
}

static char *audit_project(const struct model *m, const struct m_project *p)
{
        int32_t cpus = 0, tasks = 0;
        struct m_attempt *a;
        char *wrong = NULL;

        for (size_t i = 0; (a = map_next(&m->attempts, &i));) {
                if (a->job->shape->project != p)
                        continue;
                tasks++;
                cpus += a->job->shape->need.cpus;
        }
        if (cpus != p->used_cpus || tasks != p->used_tasks)
                return xasprintf("project %s: uses %d CPUs and %d tasks, it says %d and %d", p->name, cpus,
                                 tasks, p->used_cpus, p->used_tasks);
        if (p->turns.n)
                return xasprintf("project %s: turns are left over from a pass", p->name);
        for (size_t i = 0; i < p->shape_count && !wrong; i++)
                wrong = audit_heap(&p->shapes[i]->jobs, "shape of project", p->id);
        return wrong;
}

static char *audit_job(const struct model *m, const struct m_job *j)
{
        int64_t counts = (int64_t)j->succeeded + j->failed + j->cancelled;
        int32_t live = 0;
        struct m_attempt *a;
        bool can_go =
            !j->held && !j->cancelling && j->not_before <= m->wall_ms && !job_is_blocked(j) &&
            (!j->throttle || j->live < j->throttle) &&
            ((j->retry_count && j->retries[0].due <= m->wall_ms) || (!j->elementwise && j->next <= j->last));

        for (size_t i = 0; (a = map_next(&m->attempts, &i));)
                live += a->job == j;
        if (live != j->live)
                return xasprintf("job %lld: %d live, it says %d", (long long)j->id, live, j->live);
        if (counts + job_waiting(j) + j->live + job_elements_waiting(j) != job_total(j))
                return xasprintf("job %lld: its tasks do not add up", (long long)j->id);
        for (size_t i = 0; i < j->input_count; i++)
                can_go = can_go && j->inputs[i]->sealed && !j->inputs[i]->removed;
        /* A job whose retry is not due any more, the clock being set back, may stand there until it is looked
         * at. */
        if (can_go != heap_has(&j->shape->jobs, j) && !(j->retry_count && j->retries[0].due > m->wall_ms))
                return xasprintf("job %lld: %s stand in line", (long long)j->id,
                                 can_go ? "does not" : "should not");
        if (job_elements_waiting(j) < 0 || job_waiting(j) < 0)
                return xasprintf("job %lld: less than nothing waits", (long long)j->id);
        for (size_t i = 0; i < j->skip_count; i++) {
                if ((i && j->skips[i] >= j->skips[i - 1]) || j->skips[i] < j->next + !j->elementwise)
                        return xasprintf("job %lld: its skips are out of order", (long long)j->id);
        }
        for (size_t i = 1; i < j->retry_count; i++) {
                const struct m_retry *up = &j->retries[(i - 1) / 2], *r = &j->retries[i];

                if (r->due < up->due || (r->due == up->due && r->task < up->task))
                        return xasprintf("job %lld: its retries are not a heap", (long long)j->id);
        }
        for (size_t i = 0; i < j->after_count; i++) {
                if (model_dependents(m, j->after[i].job)->jobs[j->after[i].at] != j->id)
                        return xasprintf("job %lld: its dependency %zu does not know it", (long long)j->id,
                                         i);
        }
        for (size_t i = 0; i < j->input_count; i++) {
                if (j->inputs[i]->readers[j->reader_at[i]].job != j)
                        return xasprintf("job %lld: its input %zu does not know it", (long long)j->id, i);
        }
        return NULL;
}

/* What links and sites say that is promised and active, against a recount of the transfers. */
static char *audit_transfers(const struct model *m)
{
        int64_t promised = 0, pledged = 0, said_promised = 0, said_pledged = 0;
        int32_t active = 0, said_active = 0;
        struct m_transfer *t;

        for (size_t i = 0; (t = map_next(&m->transfers, &i));) {
                if (model_transfer_to(m, t->dataset, t->to) != t)
                        return xasprintf("transfer %lld: not known to its dataset", (long long)t->id);
                promised += t->from ? t->bytes - t->moved : 0;
                pledged += t->bytes;
                active += t->state != TRANSFER_QUEUED;
        }
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *s = m->sites[i];

                for (size_t k = 0; s && k < s->link_cap; k++)
                        said_promised += s->links[k] ? s->links[k]->promised : 0;
                said_pledged += s ? s->storage.pledged : 0;
                said_active += s ? s->storage.out : 0;
        }
        return promised == said_promised && pledged == said_pledged && active == said_active
                   ? NULL
                   : xasprintf("transfers: %lld promised, %lld pledged, %d active; it says %lld, %lld, %d",
                               (long long)promised, (long long)pledged, active, (long long)said_promised,
                               (long long)said_pledged, said_active);
}

char *scene_audit(struct model *m)
{
        int64_t ready = 0;
        char *wrong = audit_heap(&m->wakes, "wakes", 0);
        struct m_job *j;

        for (size_t i = 0; i < m->worker_cap && !wrong; i++)
                wrong = m->workers[i] ? audit_worker(m, m->workers[i]) : NULL;
        for (size_t i = 0; i < m->site_cap && !wrong; i++)
                wrong = m->sites[i] ? audit_site(m, m->sites[i]) : NULL;
        for (size_t i = 0; i < m->project_cap && !wrong; i++)
                wrong = m->projects[i] ? audit_project(m, m->projects[i]) : NULL;
        for (size_t i = 0; !wrong && (j = map_next(&m->jobs, &i));) {
                ready += job_waiting(j);
                wrong = audit_job(m, j);
        }
        if (!wrong)
                wrong = audit_transfers(m);
        if (!wrong && ready != m->ready_tasks)
                wrong = xasprintf("%lld tasks are ready, the model says %lld", (long long)ready,
                                  (long long)m->ready_tasks);
        return wrong;
}
