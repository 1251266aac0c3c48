/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/explain.h"

#include "common/util.h"
#include "core/chain.h"
#include "core/remedy.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DISPATCH_S 2    /* until what was placed runs, at the latest, and what else no play knows */
#define CHANGE_MAX 4096 /* bytes of a change as text */

/* ---- changes that would help -----------------------------------------------------------------------------
 */

static json_t *change_json(const struct model *m, const struct m_shape *s, const struct remedy *r)
{
        struct buf b;
        json_t *v;

        buf_init(&b, CHANGE_MAX);
        remedy_json(m, s, r, &b);
        v = b.overflow ? NULL : json_loads(buf_cstr(&b), 0, NULL);
        buf_release(&b);
        return v ? v : json_null();
}

static struct words change_words(const struct model *m, const struct m_shape *s, const struct remedy *r)
{
        struct words w;
        struct buf b;

        buf_init(&b, CHANGE_MAX);
        remedy_say(m, s, r, &b);
        say(&w, "%s", b.overflow ? "another request" : buf_cstr(&b));
        buf_release(&b);
        return w;
}

static json_t *site_names(const struct remedy *r)
{
        json_t *list = json_array();

        for (size_t i = 0; i < r->site_n; i++)
                json_array_append_new(list, json_text("%s", r->sites[i]->name));
        return list;
}

static json_t *help_json(const struct model *m, const struct m_shape *s, const struct remedy *r)
{
        struct words sites = site_words(r->sites, r->site_n), could = {"could run it"};

        if (r->start_in == 0)
                say(&could, "could start it now");
        else if (!isinf(r->start_in))
                say(&could, "likely to start in about %s", span_words(r->start_in).s);
        return json_pack("{s:o,s:o,s:o,s:o}", "change", change_json(m, s, r), "sentence",
                         json_text("%s: %s%s%s", change_words(m, s, r).s, sites.s,
                                   r->start_in > 0 && !isinf(r->start_in) ? ", " : " ", could.s),
                         "sites", site_names(r), "start_in",
                         isinf(r->start_in) ? json_null() : json_real(r->start_in));
}

/* What people other than the job's owner could do, by the reason of the wait. */
static const char *advice(enum wait_reason why)
{
        static const struct {
                enum wait_reason why;
                const char *text;
        } rows[] = {
            {WAIT_HELD, "release it: reeve release JOB"},
            {WAIT_TOO_LARGE, "let an admin offer a larger worker"},
            {WAIT_INPUT_NOWHERE,
             "register the missing input at a site that may run it: reeve data add NAME SITE:PATH"},
            {WAIT_POLICY,
             "change the policy of its inputs, or ask an admin to give a site the labels that it wants"},
            {WAIT_NO_SPACE, "ask the admin of a site to give more room for copies of data"},
            {WAIT_NO_SITE, "ask an admin to register a site (reeve site add) or to let your project use one"},
            {WAIT_CLOSED, "ask the admin of a site to open it: reeve site open NAME"},
            {WAIT_DOWN, "an admin sees what is wrong with: reeve site test NAME"},
            {WAIT_DISK_FULL, "free disk space at the site"},
            {WAIT_PROJECT_LIMIT, "wait for the project's other tasks, or ask an admin for a larger limit"},
            {WAIT_SITE_LIMIT, "wait, or ask the site's admin for a larger limit"},
            {WAIT_THROTTLE, "raise the throttle of the array (the number after %)"},
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (rows[i].why == why)
                        return rows[i].text;
        }
        return NULL;
}

/* Data that would be there: sites that lack nothing but inputs. */
static void help_with_data(const struct about *a, json_t *list)
{
        for (size_t i = 0; i < a->n && json_array_size(list) < REMEDIES_MAX; i++) {
                const struct candidate *c = &a->candidates[i];

                if (c->dropped && c->step == PLACE_DATA)
                        json_array_append_new(list,
                                              json_pack("{s:n,s:o,s:[s],s:n}", "change", "sentence",
                                                        json_text("a copy of its inputs at %s, which %s",
                                                                  c->site->name, c->why),
                                                        "sites", c->site->name, "start_in"));
        }
}

static json_t *would_help(const struct about *a, enum wait_reason why, bool ever, double start)
{
        struct remedy r[REMEDIES_MAX];
        const char *other = advice(why);
        json_t *list = json_array();
        size_t n = 0;

        if (!ever)
                n = remedy_never(a->m, a->s, r);
        else if (start > 0 && !isinf(start))
                n = remedy_sooner(a->m, &a->ask, start, r);
        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, help_json(a->m, a->s, &r[i]));
        if (why == WAIT_INPUT_NOWHERE || why == WAIT_CLOSED || why == WAIT_BUSY)
                help_with_data(a, list);
        if (other)
                json_array_append_new(
                    list, json_pack("{s:n,s:s,s:[],s:n}", "change", "sentence", other, "sites", "start_in"));
        return list;
}

static json_t *never_json(const struct about *a)
{
        struct remedy r[REMEDIES_MAX];
        size_t n = remedy_never(a->m, a->s, r);
        struct words said;

        json_decref(reason_details(a, a->why, &said));
        if (n)
                return json_pack("{s:o,s:o}", "sentence",
                                 json_text("as asked it can never run: %s; %s would do",
                                           wait_reason_sentence(a->why), change_words(a->m, a->s, &r[0]).s),
                                 "fix", change_json(a->m, a->s, &r[0]));
        return json_pack("{s:o,s:n}", "sentence",
                         json_text("as things are it can never run: %s", wait_reason_sentence(a->why)),
                         "fix");
}

/* ---- position and start ----------------------------------------------------------------------------------
 */

static json_t *position_json(const struct about *a, struct words *said)
{
        json_t *behind = json_array();
        struct forecast_line f;

        said->s[0] = '\0';
        forecast_line(a->m, &a->ask, &f);
        for (size_t i = 0; i < f.behind_n; i++) {
                const struct m_job *j = f.behind[i].job;
                bool shown = asker_sees(&a->who, j->shape->project);

                json_array_append_new(
                    behind,
                    json_pack("{s:o,s:o,s:I}", "job", shown ? json_integer((json_int_t)j->id) : json_null(),
                              "project", shown ? json_text("%s", j->shape->project->name) : json_null(),
                              "tasks", (json_int_t)f.behind[i].tasks));
        }
        if (f.tasks)
                say(said, "; %s of %s %s before it", count_words(f.tasks, "task").s,
                    count_words(f.jobs, "job").s, f.tasks == 1 ? "goes" : "go");
        else
                say(said, "; it is the next");
        return json_pack("{s:I,s:I,s:I,s:o}", "tasks_ahead", (json_int_t)f.tasks, "jobs_ahead",
                         (json_int_t)f.jobs, "shape_ahead", (json_int_t)f.alike, "behind", behind);
}

static json_t *basis(const struct forecast_start *f)
{
        const char *scaled = f->scaled ? "; the line is long: its pace at first was taken to go on" : "";

        if (f->likely == 0)
                return json_text("there is room for it now");
        if (!f->measured)
                return json_text("a guess: no task like those that run and wait has ended yet%s", scaled);
        if (f->guessed)
                return json_text("run times of %s, and a guess for %s of which none has ended%s",
                                 count_words(f->measured, "ended task").s, count_words(f->guessed, "kind").s,
                                 scaled);
        return json_text("run times of %s like those that run and wait%s",
                         count_words(f->measured, "ended task").s, scaled);
}

static json_t *chain_basis(const struct forecast_start *f)
{
        return f->guessed
                   ? json_text("when the jobs that it waits for are likely to end, a guess for %s of which"
                               " few tasks have ended",
                               count_words(f->guessed, "job").s)
                   : json_text("when the jobs that it waits for are likely to end, by run times of %s",
                               count_words(f->measured, "ended task").s);
}

/* Why nobody can tell, for reasons that do not end by themselves. */
static const char *no_start(enum wait_reason why)
{
        switch (why) {
        case WAIT_HELD:
                return "it starts when somebody releases it";
        case WAIT_AFTER:
                return "it starts after the jobs that it waits for";
        case WAIT_INPUT_PENDING:
                return "it starts when its input is complete";
        default:
                return "it starts when that changes";
        }
}

static bool in_line(enum wait_reason why)
{
        return why == WAIT_NONE || why == WAIT_NEW || why == WAIT_BUSY || why == WAIT_PRIORITY ||
               why == WAIT_PROJECT_LIMIT || why == WAIT_SITE_LIMIT || why == WAIT_THROTTLE ||
               why == WAIT_BACKOFF || why == WAIT_NOT_YET || why == WAIT_STAGING;
}

static double later(double seconds, double floor_s)
{
        return seconds > floor_s ? seconds : floor_s;
}

static bool waits_for_jobs(enum wait_reason why)
{
        return why == WAIT_AFTER || why == WAIT_INPUT_PENDING;
}

/* When what it waits for is over, and then not before it would start if it were over now. */
static void start_after(const struct about *a, struct forecast_start *ret)
{
        struct forecast_start line;

        chain_start(a->m, a->j, ret);
        if (isinf(ret->likely))
                return;
        forecast_start(a->m, &a->ask, &line);
        ret->earliest = fmax(ret->earliest, line.earliest);
        ret->likely = fmax(ret->likely, line.likely);
        ret->latest = fmax(ret->latest, line.latest);
}

static json_t *start_json(const struct about *a, enum wait_reason why, double *ret_likely, struct words *said)
{
        const struct model *m = a->m;
        struct forecast_start f = {INFINITY, INFINITY, INFINITY, 0, 0, false};
        double pause = 0;

        said->s[0] = '\0';
        if (in_line(why))
                forecast_start(m, &a->ask, &f);
        else if (a->j && waits_for_jobs(why))
                start_after(a, &f);
        *ret_likely = f.likely;
        if (isinf(f.likely))
                return json_pack("{s:n,s:n,s:n,s:s}", "earliest", "likely", "latest", "based_on",
                                 no_start(why));
        if (why == WAIT_BACKOFF)
                pause = (double)(a->j->retries[0].due - m->wall_ms) / 1000;
        if (why == WAIT_NOT_YET)
                pause = (double)(a->j->not_before - m->wall_ms) / 1000;
        if (later(f.likely, pause) > 0)
                say(said, "; likely to start in about %s", span_words(later(f.likely, pause)).s);
        f.latest += DISPATCH_S + f.latest / 10;
        return json_pack("{s:o,s:o,s:o,s:o}", "earliest", json_when(m, later(f.earliest, pause)), "likely",
                         json_when(m, later(f.likely, pause)), "latest", json_when(m, later(f.latest, pause)),
                         "based_on", waits_for_jobs(why) ? chain_basis(&f) : basis(&f));
}

/* ---- the documents ---------------------------------------------------------------------------------------
 */

json_t *explain_waiting(const struct about *a, enum wait_reason why, bool full)
{
        bool ever = place_can_ever(a->m, a->s);
        struct words said, line = {""}, start = {""};
        json_t *doc = json_object(), *wait = json_object();
        double likely = INFINITY;

        put(doc, "can_ever_run", json_boolean(ever));
        put(doc, "never", ever ? NULL : never_json(a));
        put(wait, "reason", json_text("%s", wait_reason_name(why)));
        put(wait, "details", reason_details(a, why, &said));
        put(wait, "sentence", json_text("%s", said.s));
        put(wait, "position",
            full && in_line(why) && forecast_is_possible(a->m, a->s) ? position_json(a, &line) : NULL);
        put(wait, "start", full ? start_json(a, why, &likely, &start) : NULL);
        put(wait, "funnel", about_funnel(a));
        put(wait, "would_help", would_help(a, why, ever, full ? likely : INFINITY));
        put(doc, "wait", wait);
        put(doc, "sentence", json_text("waits: %s%s%s", said.s, line.s, start.s));
        return doc;
}

static json_t *candidate_json(const struct candidate *c)
{
        if (!candidate_is_priced(c))
                return json_pack("{s:s,s:s,s:o}", "site", c->site->name, "dropped", place_step_name(c->step),
                                 "why", json_text("%s", c->why));
        return json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:s}", "site", c->site->name, "finish",
                         c->finish, "wait", c->wait, "stage", c->stage, "run", c->run, "out", c->out, "price",
                         c->price, "penalty", c->penalty, "missing_bytes", (json_int_t)c->missing_bytes,
                         "run_is", run_is_name(c->run_is));
}

static json_t *candidates_json(const struct about *a)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->n && i < EXPLAIN_SITES_MAX; i++)
                json_array_append_new(list, candidate_json(&a->candidates[i]));
        return list;
}

static json_t *guest_sentence(const struct about *a, bool ever, const struct words *line,
                              const struct words *start)
{
        if (!ever)
                return json_text("%s", wait_reason_sentence(a->why));
        if (a->why == WAIT_NONE && !start->s[0])
                return json_text("could start now at %s", a->candidates[a->best].site->name);
        return json_text("would wait: %s%s%s",
                         wait_reason_sentence(a->why == WAIT_NONE ? WAIT_PRIORITY : a->why), line->s,
                         start->s);
}

json_t *explain_guest(const struct about *a)
{
        bool ever = place_can_ever(a->m, a->s);
        struct words line = {""}, start = {""};
        double likely = INFINITY;
        json_t *doc = json_object();

        put(doc, "can_ever_run", json_boolean(ever));
        put(doc, "never", ever ? NULL : never_json(a));
        put(doc, "position", forecast_is_possible(a->m, a->s) ? position_json(a, &line) : NULL);
        put(doc, "start", start_json(a, a->why, &likely, &start));
        put(doc, "reason", a->why == WAIT_NONE ? NULL : json_text("%s", wait_reason_name(a->why)));
        put(doc, "best", a->best < 0 ? NULL : json_text("%s", a->candidates[a->best].site->name));
        put(doc, "funnel", about_funnel(a));
        put(doc, "candidates", candidates_json(a));
        put(doc, "would_help", would_help(a, a->why, ever, likely));
        put(doc, "sentence", guest_sentence(a, ever, &line, &start));
        return doc;
}

json_t *explain_unknown(const char *countable)
{
        json_t *never = json_pack("{s:o,s:{s:{s:i}}}", "sentence",
                                  json_text("as asked it can never run: no worker offers %s", countable),
                                  "fix", "resources", countable, 0);

        return json_pack("{s:b,s:o,s:n,s:n,s:s,s:n,s:[],s:[],s:[],s:o}", "can_ever_run", 0, "never", never,
                         "position", "start", "reason", wait_reason_name(WAIT_TOO_LARGE), "best", "funnel",
                         "candidates", "would_help", "sentence", json_text("no worker offers %s", countable));
}
