/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask of many jobs at once: all that a filter finds. */
#include "web/api.h"
#include "web/wake.h"

#include "common/util.h"
#include "store/store_queue.h"
#include "web/web_priv.h"

#include <string.h>

#define MANY_MAX     10000 /* jobs changed by one call */
#define MANY_SHOWN   1000
#define CANNOT_SHOWN 100

struct many_body {
        json_t *ids;
        const char *state, *project, *name, *user, *site, *label, *since, *until;
        const char *why;
        bool all;
        int64_t limit, before;
};
const struct field many_fields[] = {
    FIELD(struct many_body, ids, F_ARRAY, 1, JOBS_IDS_MAX, 0, "these jobs"),
    FIELD(struct many_body, state, F_STRING, 1, 20, 0, "accepted or active"),
    FIELD(struct many_body, project, F_NAME, 1, 64, 0, "jobs of this project"),
    FIELD(struct many_body, name, F_STRING, 1, 200, 0,
          "jobs of this name; align*: how it starts, *lig*: what it has in it"),
    FIELD(struct many_body, user, F_STRING, 1, 64, 0, "jobs of this user"),
    FIELD(struct many_body, site, F_NAME, 1, 64, 0, "jobs of which something was sent to this site"),
    FIELD(struct many_body, label, F_STRING, 3, 1000, 0, "jobs with this label, written name:value"),
    FIELD(struct many_body, since, F_STRING, 1, 40, 0, "submitted then or later: a time, or how long ago"),
    FIELD(struct many_body, until, F_STRING, 1, 40, 0, "submitted before then: a time, or how long ago"),
    FIELD(struct many_body, all, F_BOOL, 0, 0, 0, "true: all live jobs, when nothing else is asked for"),
    FIELD(struct many_body, before, F_INT, 1, INT64_MAX, 0, "only jobs with smaller numbers"),
    FIELD(struct many_body, why, F_STRING, 1, INTENT_WHY_MAX, 0, "the reason, for others to read"),
    FIELD(struct many_body, limit, F_INT, 1, MANY_MAX, 0, "at most so many, newest first"),
    {0},
};

static void read_ids(struct request *rq, const json_t *list, int64_t *ids)
{
        size_t i;
        json_t *v;

        json_array_foreach(list, i, v)
        {
                size_t mark = issues_enter(&rq->issues, "ids");

                issues_enter_index(&rq->issues, i);
                if (!json_is_integer(v) || json_integer_value(v) < 1)
                        issue_add(&rq->issues, "", "type", "must be the number of a job");
                else
                        ids[i] = json_integer_value(v);
                issues_leave(&rq->issues, mark);
        }
}

/* The body as a filter. Texts that are cut are in name and label. */
static int read_many(struct request *rq, const struct many_body *in, char *name, char *label, int64_t *ids,
                     int64_t *project, struct jobs_filter *f, struct err *err)
{
        struct issues *is = &rq->issues;
        bool some = in->ids || in->state || in->project || in->name || in->user || in->site || in->label ||
                    in->since || in->until;
        struct err bad;

        if (in->state && strcmp(in->state, "accepted") != 0 && strcmp(in->state, "active") != 0)
                issue_add(is, "/state", "format", "must be accepted or active: others have ended");
        if (!some && !in->all)
                issue_add(is, "/all", "missing", "say which jobs, or that it shall be all of them");
        if (some && in->all)
                issue_add(is, "/all", "conflict", "stands in the way of the other members");
        if (label && jobs_filter_label(label, f) < 0)
                issue_add(is, "/label", "format", "must be written name:value");
        if (jobs_filter_time("since", in->since, &f->since, &bad) < 0)
                issue_add(is, "/since", "format", "%s", bad.text);
        if (jobs_filter_time("until", in->until, &f->until, &bad) < 0)
                issue_add(is, "/until", "format", "%s", bad.text);
        read_ids(rq, in->ids, ids);
        if (is->count)
                return request_invalid(rq, err);
        f->state = in->state;
        f->user = in->user;
        f->site = in->site;
        f->ids = in->ids ? ids : NULL;
        f->ids_count = json_array_size(in->ids);
        if (name)
                jobs_filter_name(name, f);
        if (in->project) {
                *project = principal_project(rq->who, in->project);
                f->who = (struct visible){.projects = project, .count = *project >= 0};
        }
        return 0;
}

/* What of the filter is not found, by why: only asked with the first page. */
static int write_cannot(struct buf *b, struct db *db, const struct jobs_filter *f, const char *kind,
                        struct err *err)
{
        static const char *const whys[] = {"ended", "already", "unknown"};
        int64_t counts[ARRAY_LEN(whys)] = {0};
        AUTO_ROWS struct rows *r = NULL;

        if (f->before == INT64_MAX && store_intents_cannot(db, f, kind, CANNOT_SHOWN, &r, err) < 0)
                return -1;
        j_arr(b, "cannot_jobs");
        while (r && rows_next(r)) {
                const char *why = row_text(r, "why"),
                           *state = row_null(r, "state") ? "" : row_text(r, "state");
                AUTO_FREE char *ended = xasprintf("has ended (%s)", state);

                for (size_t i = 0; i < ARRAY_LEN(whys); i++)
                        if (strcmp(why, whys[i]) == 0)
                                counts[i] = row_int(r, "of_kind");
                j_obj(b, NULL);
                j_int(b, "job", row_int(r, "id"));
                j_col_str(b, r, "name");
                j_str(b, "why", why);
                j_str(b, "sentence",
                      why[0] == 'e'   ? ended
                      : why[0] == 'u' ? "is no job of your projects"
                                      : "is so already");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_obj(b, "cannot");
        for (size_t i = 0; i < ARRAY_LEN(whys); i++)
                j_int(b, whys[i], counts[i]);
        j_obj_end(b);
        return 0;
}

/* Those that were found, and how they are. */
struct many {
        int64_t *ids;
        size_t count;
        int64_t accepted, active, running;
};

static void write_many(struct buf *b, const struct many *m, bool more)
{
        j_int(b, "matched", (int64_t)m->count);
        j_bool(b, "more", more);
        j_arr(b, "jobs");
        for (size_t i = 0; i < m->count && i < MANY_SHOWN; i++)
                j_int(b, NULL, m->ids[i]);
        j_arr_end(b);
        if (m->count)
                j_int(b, "last", m->ids[m->count - 1]);
        else
                j_null(b, "last");
        j_obj(b, "states");
        j_int(b, "accepted", m->accepted);
        j_int(b, "active", m->active);
        j_obj_end(b);
        j_int(b, "running", m->running);
}

static int change_many(struct request *rq, struct db *db, const struct many *m, const char *kind,
                       const char *why, struct err *err)
{
        AUTO_FREE char *text = NULL;

        if (!m->count)
                return 0;
        if (store_intents_add(db, m->ids, m->count, kind, rq->who->name, err) < 0)
                return -1;
        text = intent_reason(kind, why);
        return text ? store_intents_why(db, m->ids, m->count, rq->who->name, text, err) : 0;
}

static int intend_many(struct request *rq, struct db *db, const char *kind, struct err *err)
{
        struct jobs_filter f = {.who = principal_visible(rq->who), .since = INT64_MIN, .until = INT64_MIN};
        struct many_body in = {.limit = MANY_MAX, .before = INT64_MAX};
        struct many found = {.count = 0};
        AUTO_FREE char *name = NULL, *label = NULL;
        AUTO_FREE int64_t *ids = xcalloc(JOBS_IDS_MAX, sizeof *ids), *numbers = NULL;
        AUTO_ROWS struct rows *r = NULL;
        int64_t project;

        if (request_body(rq, many_fields, &in, NULL, err) < 0)
                return -1;
        name = xstrdup(in.name);
        label = xstrdup(in.label);
        f.limit = (int)in.limit + 1;
        f.before = in.before;
        if (read_many(rq, &in, name, label, ids, &project, &f, err) < 0 ||
            store_intents_find(db, &f, kind, &r, err) < 0)
                return -1;
        found.ids = numbers = xcalloc(rows_count(r) + 1, sizeof *numbers);
        while (found.count < (size_t)in.limit && rows_next(r)) {
                found.ids[found.count++] = row_int(r, "id");
                found.accepted += !row_bool(r, "taken");
                found.active += row_bool(r, "taken");
                found.running += row_int(r, "running");
        }
        j_obj(&rq->out, NULL);
        write_many(&rq->out, &found, rows_count(r) > (size_t)in.limit);
        if (write_cannot(&rq->out, db, &f, kind, err) < 0 ||
            change_many(rq, db, &found, kind, in.why, err) < 0)
                return -1;
        j_obj_end(&rq->out);
        rq->status = 202;
        rq->wakes_engine = rq->wakes_web = found.count > 0;
        rq->changes_job = WAKE_ANY_JOB;
        request_audit(rq, "%zu jobs, newest %lld%s%s", found.count,
                      found.count ? (long long)found.ids[0] : 0LL, in.why ? ": " : "", in.why ? in.why : "");
        return 0;
}

HANDLER(api_many_hold)
{
        return intend_many(rq, db, "hold", err);
}

HANDLER(api_many_release)
{
        return intend_many(rq, db, "release", err);
}

HANDLER(api_many_cancel)
{
        return intend_many(rq, db, "cancel", err);
}
