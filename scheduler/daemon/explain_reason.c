/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/explain.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAKERS_MAX 50000 /* live jobs looked through for the one that makes a dataset */

/* ---- what is asked about ---------------------------------------------------------------------------------
 */

void about_job(struct about *a, const struct model *m, const struct m_job *j)
{
        *a = (struct about){.m = m,
                            .j = j,
                            .s = j->shape,
                            .ask = {.shape = j->shape,
                                    .job = j,
                                    .priority = j->priority,
                                    .id = j->id,
                                    .throttle = j->throttle,
                                    .live = j->live}};
}

void about_open(struct about *a)
{
        a->candidates = xcalloc(a->m->site_cap + 1, sizeof *a->candidates);
        a->n = place_all(a->m, a->s, 0, true, a->candidates, a->m->site_cap, &a->best, &a->why);
}

void about_close(struct about *a)
{
        free(a->candidates);
}

/* Names of the sites that fell out at a step. */
struct words about_dropped_at(const struct about *a, enum place_step step)
{
        const struct m_site *sites[EXPLAIN_LIST_MAX];
        size_t n = 0;

        for (size_t i = 0; i < a->n && n < EXPLAIN_LIST_MAX; i++) {
                if (a->candidates[i].dropped && a->candidates[i].step == step)
                        sites[n++] = a->candidates[i].site;
        }
        return site_words(sites, n);
}

json_t *about_funnel(const struct about *a)
{
        json_t *steps = json_array();
        size_t left = a->n;

        for (int step = 0; step < PLACE_STEP_COUNT; step++) {
                json_t *o = json_object(), *dropped = json_array();

                for (size_t i = 0; i < a->n; i++) {
                        const struct candidate *c = &a->candidates[i];

                        if (!c->dropped || (int)c->step != step)
                                continue;
                        left--;
                        if (json_array_size(dropped) < EXPLAIN_SITES_MAX)
                                json_array_append_new(dropped, json_pack("{s:s,s:o}", "site", c->site->name,
                                                                         "why", json_text("%s", c->why)));
                }
                put(o, "step", json_text("%s", place_step_name((enum place_step)step)));
                put(o, "sites", json_integer((json_int_t)left));
                put(o, "dropped", dropped);
                json_array_append_new(steps, o);
        }
        return steps;
}

/* ---- particulars of a reason -----------------------------------------------------------------------------
 */

static const char *condition_word(char c)
{
        return c == 'o' ? "ok" : c == 'n' ? "not_ok" : "any";
}

static json_t *details_after(const struct about *a, struct words *said)
{
        json_t *list = json_array();
        size_t more = 0;

        for (size_t i = 0; i < a->j->after_count; i++) {
                const struct m_after *on = &a->j->after[i];
                const struct m_job *other = model_job(a->m, on->job);
                int64_t left =
                    other ? job_total(other) - other->succeeded - other->failed - other->cancelled : 0;
                bool shown = other && asker_sees(&a->who, other->shape->project);

                if (on->met && !on->elementwise)
                        continue;
                if (!json_array_size(list))
                        snprintf(said->s, sizeof said->s,
                                 "waits for job %lld%s%.60s%s: %lld of its %lld tasks %s left",
                                 (long long)on->job, shown ? " (" : "", shown ? other->name : "",
                                 shown ? ")" : "", (long long)left, (long long)(other ? job_total(other) : 0),
                                 left == 1 ? "is" : "are");
                else
                        more++;
                if (json_array_size(list) == EXPLAIN_LIST_MAX)
                        continue;
                json_array_append_new(
                    list, json_pack("{s:I,s:o,s:s?,s:s,s:b,s:I}", "job", (json_int_t)on->job, "name",
                                    shown ? json_text("%s", other->name) : json_null(), "state",
                                    other ? "active" : NULL, "on", condition_word(on->condition), "each",
                                    on->elementwise, "left", (json_int_t)left));
        }
        if (more)
                say_more(said, ", and for %zu more", more);
        return json_pack("{s:o}", "jobs", list);
}

/* The live job that makes the dataset; it usually has its number in the name. */
static const struct m_job *maker_of(const struct model *m, const struct m_dataset *d)
{
        long long id = 0;
        const struct m_job *j = sscanf(d->name, "job-%lld", &id) == 1 ? model_job(m, id) : NULL;
        int looked = 0;

        if (j && j->output == d)
                return j;
        for (size_t i = 0; looked++ < MAKERS_MAX && (j = map_next(&m->jobs, &i));) {
                if (j->output == d)
                        return j;
        }
        return NULL;
}

static json_t *dataset_places(const struct model *m, const struct m_dataset *d)
{
        json_t *list = json_array();

        for (size_t i = 0; i < d->site_count && json_array_size(list) < EXPLAIN_LIST_MAX; i++) {
                const struct m_site *s = model_site(m, d->sites[i].site);

                if (s && d->sites[i].files == d->files)
                        json_array_append_new(list, json_text("%s", s->name));
        }
        return list;
}

static json_t *details_inputs(const struct about *a, struct words *said)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->j->input_count && json_array_size(list) < EXPLAIN_LIST_MAX; i++) {
                const struct m_dataset *d = a->j->inputs[i];
                const struct m_job *maker = d->sealed ? NULL : maker_of(a->m, d);
                bool shown = maker && asker_sees(&a->who, maker->shape->project);

                if (a->j->wait == WAIT_INPUT_PENDING && d->sealed)
                        continue;
                if (!json_array_size(list) && d->removed)
                        say(said, "its input %.80s was removed", d->name);
                else if (!json_array_size(list) && shown)
                        say(said, "its input %.60s is being made by job %lld (%.60s)", d->name,
                            (long long)maker->id, maker->name);
                else if (!json_array_size(list) && !d->sealed)
                        say(said, "its input %.80s is not complete yet", d->name);
                json_array_append_new(
                    list, json_pack("{s:o,s:o,s:s,s:o}", "dataset", json_text("%s", d->name), "job",
                                    shown ? json_integer((json_int_t)maker->id) : json_null(), "state",
                                    d->removed  ? "removed"
                                    : d->sealed ? "sealed"
                                                : "open",
                                    "sites", dataset_places(a->m, d)));
        }
        return json_pack("{s:o}", "inputs", list);
}

static json_t *details_throttle(const struct about *a, struct words *said)
{
        say(said, "%d of its tasks run, and its array allows %d at once", a->j->live, a->j->throttle);
        return json_pack("{s:i,s:i}", "running", a->j->live, "max", a->j->throttle);
}

static json_t *details_project(const struct about *a, struct words *said)
{
        const struct m_project *p = a->s->project;
        bool tasks = p->max_tasks && p->used_tasks >= p->max_tasks;
        int used = tasks ? p->used_tasks : p->used_cpus, max = tasks ? p->max_tasks : p->max_cpus;

        say(said, "project %.60s uses %d of the %d %s that it may", p->name, used, max,
            tasks ? "tasks" : "CPUs");
        return json_pack("{s:s,s:i,s:i}", "limit", tasks ? "max_tasks" : "max_cpus", "used", used, "max",
                         max);
}

static json_t *details_site_limit(const struct about *a, struct words *said)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->n && json_array_size(list) < EXPLAIN_LIST_MAX; i++) {
                const struct m_site *s = a->candidates[i].site;
                bool tasks = s->max_tasks && s->used_tasks >= s->max_tasks;
                int used = s->used_tasks, max = s->max_tasks;

                if (!a->candidates[i].dropped || a->candidates[i].step != PLACE_LIMITS)
                        continue;
                for (size_t k = 0; !tasks && k < s->rule_count; k++) {
                        if (s->rules[k].project == a->s->project->id) {
                                used = s->rules[k].used_cpus;
                                max = s->rules[k].max_cpus;
                        }
                }
                if (!json_array_size(list))
                        snprintf(said->s, sizeof said->s,
                                 "%.60s runs %d of the %d %s that its admin allows%s", s->name, used, max,
                                 tasks ? "tasks" : "CPUs", tasks ? "" : " this project");
                json_array_append_new(list,
                                      json_pack("{s:s,s:s,s:i,s:i}", "site", s->name, "limit",
                                                tasks ? "max_tasks" : "max_cpus", "used", used, "max", max));
        }
        return json_pack("{s:o}", "sites", list);
}

static json_t *details_staging(const struct about *a, struct words *said)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->n && json_array_size(list) < EXPLAIN_LIST_MAX; i++) {
                const struct candidate *c = &a->candidates[i];
                const struct m_site *from = model_site(a->m, c->from);

                if (!c->dropped || c->step != PLACE_STAGE)
                        continue;
                if (!json_array_size(list))
                        say(said, "its inputs %s to %.60s: %.3g GB are missing, there in about %s",
                            c->on_its_way ? "are on their way" : "are about to go", c->site->name,
                            (double)c->missing_bytes / 1e9, span_words(c->stage).s);
                json_array_append_new(list, json_pack("{s:s,s:s?,s:I,s:f,s:b}", "site", c->site->name, "from",
                                                      from ? from->name : NULL, "missing_bytes",
                                                      (json_int_t)c->missing_bytes, "seconds", c->stage,
                                                      "on_its_way", c->on_its_way));
        }
        return json_pack("{s:o}", "sites", list);
}

static json_t *details_backoff(const struct about *a, struct words *said)
{
        const struct m_retry *r = &a->j->retries[0];
        int failures = r->task_failures + r->site_failures;

        say(said, "task %d failed %s; its next attempt starts in %s at the earliest", r->task,
            count_words(failures, "time").s, span_words((double)(r->due - a->m->wall_ms) / 1000).s);
        return json_pack("{s:I,s:I,s:i,s:i}", "tasks", (json_int_t)a->j->retry_count, "until",
                         (json_int_t)r->due, "task", r->task, "failures", failures);
}

static json_t *details_not_yet(const struct about *a, struct words *said)
{
        say(said, "it is not to start before a moment that is %s away",
            span_words((double)(a->j->not_before - a->m->wall_ms) / 1000).s);
        return json_pack("{s:I}", "at", (json_int_t)a->j->not_before);
}

static json_t *details_busy(const struct about *a, struct words *said)
{
        const struct words w = about_dropped_at(a, PLACE_FREE);

        if (strcmp(w.s, "no site") != 0)
                say(said, "%s %s full", w.s, strstr(w.s, " and ") ? "are" : "is");
        return json_object();
}

static json_t *details_closed(const struct about *a, struct words *said)
{
        const struct words w = about_dropped_at(a, PLACE_OPEN);

        say(said, "%s could run it but %s not open", w.s, strstr(w.s, " and ") ? "are" : "is");
        return json_object();
}

static json_t *details_down(const struct about *a, struct words *said)
{
        const struct words w = about_dropped_at(a, PLACE_HEALTH);

        say(said, "%s could run it but %s not answer", w.s, strstr(w.s, " and ") ? "do" : "does");
        return json_object();
}

static const struct {
        enum wait_reason why;
        json_t *(*details)(const struct about *a, struct words *said);
} reasons[] = {
    {WAIT_AFTER, details_after},           {WAIT_INPUT_PENDING, details_inputs},
    {WAIT_INPUT_NOWHERE, details_inputs},  {WAIT_THROTTLE, details_throttle},
    {WAIT_PROJECT_LIMIT, details_project}, {WAIT_SITE_LIMIT, details_site_limit},
    {WAIT_BACKOFF, details_backoff},       {WAIT_BUSY, details_busy},
    {WAIT_CLOSED, details_closed},         {WAIT_DOWN, details_down},
    {WAIT_STAGING, details_staging},       {WAIT_NOT_YET, details_not_yet},
};

/* The particulars, and the sentence with the figures. */
json_t *reason_details(const struct about *a, enum wait_reason why, struct words *said)
{
        say(said, "%s", wait_reason_sentence(why));
        for (size_t i = 0; a->j && i < ARRAY_LEN(reasons); i++) {
                if (reasons[i].why == why)
                        return reasons[i].details(a, said);
        }
        return json_object();
}
