/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: jobs with parameters that people keep, and what becomes of them when they are filled. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_templates.h"
#include "web/job_spec.h"
#include "web/template.h"
#include "web/web_priv.h"

#include <string.h>

#define TEMPLATES_MAX   200 /* of a user, and of a project */
#define TEMPLATES_SHOWN 1000
#define DESCRIPTION_MAX 2000
#define JOB_MEMBERS_MAX 40
#define TEMPLATE_LABEL  "template"

struct template_body {
        const char *name, *description, *project;
        json_t *job, *parameters;
        int64_t version;
};
#define TEMPLATE_FIELDS                                                                                      \
        FIELD(struct template_body, name, F_NAME, 1, 64, FIELD_REQUIRED, "what it is called"),               \
            FIELD(struct template_body, description, F_TEXT, 0, DESCRIPTION_MAX, 0, "what it is for"),       \
            FIELD(struct template_body, project, F_NAME, 1, 64, 0, "whose members see it; default nobody"),  \
            FIELD(struct template_body, job, F_OBJECT, 1, JOB_MEMBERS_MAX, FIELD_REQUIRED,                   \
                  "a job as submitted, with {{names}} of parameters in its texts"),                          \
            FIELD_OF(struct template_body, parameters, F_ARRAY, 0, TEMPLATE_PARAMETERS_MAX, 0,               \
                     "their declarations", template_parameter_fields)
const struct field template_fields[] = {TEMPLATE_FIELDS, {0}};
const struct field template_change_fields[] = {
    TEMPLATE_FIELDS,
    FIELD(struct template_body, version, F_INT, 1, INT32_MAX, 0, "the one that was read; default any"),
    {0},
};

struct fill_body {
        json_t *values;
};
const struct field fill_fields[] = {
    FIELD(struct fill_body, values, F_OBJECT, 0, TEMPLATE_PARAMETERS_MAX, 0,
          "a value for each parameter that has no default, and for others"),
    {0},
};

/* ---- replies ---------------------------------------------------------------------------------------------
 */

static bool may_change(const struct principal *p, struct rows *r)
{
        const struct membership *m =
            row_null(r, "project") ? NULL : principal_membership(p, row_text(r, "project"));

        return p->role == ROLE_ADMIN ||
               (p->role != ROLE_VIEWER && row_int(r, "user_id") == p->user &&
                (row_null(r, "project") || (m && m->role != ROLE_VIEWER))) ||
               (m && m->role == ROLE_ADMIN);
}

static void write_template(struct buf *b, const char *key, const struct principal *p, struct rows *r,
                           bool whole)
{
        j_obj(b, key);
        j_col_int(b, r, "id");
        j_col_str(b, r, "name");
        j_col_str(b, r, "description");
        j_col_str(b, r, "project");
        j_col_str(b, r, "by");
        j_col_int(b, r, "version");
        j_col_time(b, r, "made_at");
        j_col_time(b, r, "changed_at");
        j_bool(b, "may_change", may_change(p, r));
        j_col_raw(b, r, "parameters");
        if (whole)
                j_col_raw(b, r, "job");
        j_obj_end(b);
}

static struct template_reader reader_of(const struct principal *p)
{
        /* A token that is for one project says nothing about what its owner keeps for himself. */
        return (struct template_reader){principal_visible(p), p->one_project ? 0 : p->user};
}

/* The one in the path; its row is the current one of *ret. */
static int load(struct request *rq, struct db *db, int64_t *ret_id, struct rows **ret, struct err *err)
{
        struct template_reader reader = reader_of(rq->who);

        if (request_capture_int(rq, 0, "template", ret_id, err) < 0 ||
            store_template_show(db, &reader, *ret_id, ret, err) < 0)
                return -1;
        return rows_next(*ret)
                   ? 0
                   : err_set(err, ERR_NOT_FOUND, "there is no template %lld among yours", (long long)*ret_id);
}

static int reply_one(struct request *rq, struct db *db, int64_t id, struct err *err)
{
        struct template_reader reader = reader_of(rq->who);
        AUTO_ROWS struct rows *r = NULL;

        if (store_template_show(db, &reader, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "there is no template %lld among yours", (long long)id);
        write_template(&rq->out, NULL, rq->who, r, true);
        return 0;
}

HANDLER(api_templates)
{
        struct template_reader reader = reader_of(rq->who);
        const char *project = request_query(rq, "project");
        const struct membership *m = project ? principal_membership(rq->who, project) : NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_templates_list(db, &reader, request_query(rq, "name"),
                                 !project ? 0
                                 : m      ? m->project
                                          : -1,
                                 TEMPLATES_SHOWN, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r))
                write_template(b, NULL, rq->who, r, false);
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

HANDLER(api_template)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t id;

        if (load(rq, db, &id, &r, err) < 0)
                return -1;
        write_template(&rq->out, NULL, rq->who, r, true);
        return 0;
}

/* ---- keeping ---------------------------------------------------------------------------------------------
 */

static void declare(json_t *all, const struct template_parameter *p)
{
        json_t *one = json_pack("{s:s, s:s, s:s, s:s}", "name", p->name, "kind", p->kind_name, "label",
                                p->label ? p->label : "", "help", p->help ? p->help : "");

        json_object_set_new(one, "default", p->preset ? json_incref(p->preset) : json_null());
        json_object_set_new(one, "choices", p->choices ? json_incref(p->choices) : json_null());
        json_object_set_new(one, "min", p->min == INT64_MIN ? json_null() : json_integer((json_int_t)p->min));
        json_object_set_new(one, "max", p->max == INT64_MAX ? json_null() : json_integer((json_int_t)p->max));
        json_array_append_new(all, one);
}

/* As stored and shown: every declaration with all its members. */
static char *declarations(const struct template *t)
{
        json_t *all = json_array();
        char *text;

        for (size_t i = 0; i < t->count; i++)
                declare(all, &t->parameters[i]);
        text = json_dumps(all, JSON_COMPACT);
        json_decref(all);
        return text;
}

/* With values that it may take, would it be a job? What is wrong where a value is still to come is left. */
static void judge(struct request *rq, const struct template *t, const json_t *job,
                  const struct job_rules *rules)
{
        struct issues found = {0}, *is = &rq->issues;
        json_t *values = template_values(t, NULL, true, &found),
               *filled = values ? template_fill(job, values) : NULL;
        struct job_spec spec;
        size_t mark;

        if (values && !filled)
                issue_add(is, "/job", "range", "grows beyond %d bytes", TEMPLATE_FILLED_MAX);
        if (filled) {
                job_spec_read(filled, 0, rules, &spec, &found);
                job_spec_release(&spec);
        }
        mark = issues_enter(is, "job");
        for (size_t i = 0; filled && i < found.count; i++)
                if (!template_is_open(t, job, found.list[i].pointer))
                        issue_add(is, found.list[i].pointer, found.list[i].code, "%s", found.list[i].detail);
        issues_leave(is, mark);
        issues_release(&found);
        json_decref(filled);
        json_decref(values);
}

static int judge_here(struct request *rq, struct db *db, const struct template *t, const json_t *job,
                      struct err *err)
{
        struct job_rules rules = {.lease_max_ms = rq->web->lease_ms, .now_ms = clock_wall_ms()};
        struct world_view *v = NULL;

        if (world_get(rq->web->world, db, job_spec_names_unknown(job, &rules), &v, err) < 0)
                return -1;
        rules.countables = world_countables(v, &rules.countable_count);
        judge(rq, t, job, &rules);
        world_unref(v);
        return 0;
}

/* Read and check the body. *ret borrows from the request, but for what is in `texts` (owned). */
static int read_body(struct request *rq, struct db *db, const struct field *fields, struct template_row *ret,
                     int64_t *ret_version, char *texts[2], struct err *err)
{
        struct template_body in = {.description = ""};
        struct template t = {.count = 0};
        size_t mark;

        if (request_body(rq, fields, &in, NULL, err) < 0)
                return -1;
        mark = issues_enter(&rq->issues, "parameters");
        template_read(in.parameters, &t, &rq->issues);
        issues_leave(&rq->issues, mark);
        if (rq->issues.count == 0)
                template_check(&t, in.job, &rq->issues);
        if (rq->issues.count == 0 && judge_here(rq, db, &t, in.job, err) < 0)
                return -1;
        *ret = (struct template_row){.name = in.name, .description = in.description};
        if (in.project && (ret->project = principal_project(rq->who, in.project)) < 0)
                issue_add(&rq->issues, "/project", "not_found", "is no project of yours");
        if (!in.project && rq->who->one_project)
                issue_add(&rq->issues, "/project", "missing", "the token that asks is for one project");
        if (rq->issues.count)
                return request_invalid(rq, err);
        ret->job = texts[0] = json_dumps(in.job, JSON_COMPACT);
        ret->parameters = texts[1] = declarations(&t);
        *ret_version = in.version;
        if (strlen(ret->job) <= TEMPLATE_JOB_MAX)
                return 0;
        issue_add(&rq->issues, "/job", "range", "must have at most %d bytes", TEMPLATE_JOB_MAX);
        return request_invalid(rq, err);
}

/* Its name is taken: say so in words of the matter. */
static int store_failed(const struct template_row *t, struct err *err)
{
        if (err->code == ERR_CONFLICT)
                err_set(err, ERR_CONFLICT,
                        "there is a template \"%s\" already: choose another name, or change it", t->name);
        return -1;
}

static int add(struct request *rq, struct db *db, const struct template_row *t, struct err *err)
{
        int64_t id;
        int rc = store_template_add(db, rq->who->user, t, TEMPLATES_MAX, &id, err);

        if (rc < 0)
                return store_failed(t, err);
        if (rc == 0)
                return err_set(err, ERR_CONFLICT, "there are %d templates already; remove one first",
                               TEMPLATES_MAX);
        rq->status = 201;
        request_header(rq, "Location", "/v1/templates/%lld", (long long)id);
        request_audit(rq, "template %lld, %s", (long long)id, t->name);
        return reply_one(rq, db, id, err);
}

HANDLER(api_template_add)
{
        struct template_row t;
        char *texts[2] = {NULL, NULL};
        int64_t version;
        int rc = read_body(rq, db, template_fields, &t, &version, texts, err);

        if (rc == 0)
                rc = add(rq, db, &t, err);
        free(texts[0]);
        free(texts[1]);
        return rc;
}

static int load_to_change(struct request *rq, struct db *db, int64_t *ret_id, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (load(rq, db, ret_id, &r, err) < 0)
                return -1;
        if (!row_null(r, "project"))
                request_about(rq, row_text(r, "project"), NULL);
        request_audit(rq, "template %lld, %s", (long long)*ret_id, row_text(r, "name"));
        return may_change(rq->who, r)
                   ? 0
                   : err_set(err, ERR_DENIED,
                             "template %lld is changed by %s, who made it, and by admins of its project",
                             (long long)*ret_id, row_text(r, "by"));
}

static int change(struct request *rq, struct db *db, int64_t id, int64_t version,
                  const struct template_row *t, struct err *err)
{
        int rc = store_template_change(db, id, version, t, err);

        if (rc < 0)
                return store_failed(t, err);
        return rc ? reply_one(rq, db, id, err)
                  : err_set(err, ERR_CONFLICT,
                            "template %lld is not version %lld any more: read it again, then change it",
                            (long long)id, (long long)version);
}

HANDLER(api_template_change)
{
        struct template_row t;
        char *texts[2] = {NULL, NULL};
        int64_t id, version;
        int rc = load_to_change(rq, db, &id, err);

        if (rc == 0)
                rc = read_body(rq, db, template_change_fields, &t, &version, texts, err);
        if (rc == 0)
                rc = change(rq, db, id, version, &t, err);
        free(texts[0]);
        free(texts[1]);
        return rc;
}

HANDLER(api_template_remove)
{
        int64_t id;

        if (load_to_change(rq, db, &id, err) < 0 || store_template_remove(db, id, err) < 0)
                return -1;
        rq->status = 204;
        return 0;
}

/* ---- filling ---------------------------------------------------------------------------------------------
 */

static void name_origin(json_t *job, const char *name)
{
        json_t *labels = json_object_get(job, "labels");

        if (!labels) {
                labels = json_object();
                json_object_set_new(job, "labels", labels);
        }
        if (json_is_object(labels) && !json_object_get(labels, TEMPLATE_LABEL))
                json_object_set_new(labels, TEMPLATE_LABEL, json_string(name));
}

static json_t *read_json(struct rows *r, const char *column)
{
        return json_loads(row_text(r, column), 0, NULL);
}

/* The job, owned; NULL with issues. */
static json_t *fill(struct request *rq, const json_t *given, const json_t *job, const json_t *parameters)
{
        struct issues *is = &rq->issues;
        struct template t = {.count = 0};
        json_t *values, *filled;
        size_t mark;

        template_read(parameters, &t, is);
        mark = issues_enter(is, "values");
        values = is->count ? NULL : template_values(&t, given, false, is);
        issues_leave(is, mark);
        if (!values)
                return NULL;
        filled = template_fill(job, values);
        if (!filled)
                issue_add(is, "/values", "range", "the job would have more than %d bytes",
                          TEMPLATE_FILLED_MAX);
        json_decref(values);
        return filled;
}

HANDLER(api_template_fill)
{
        struct fill_body in = {0};
        AUTO_ROWS struct rows *r = NULL;
        AUTO_FREE char *text = NULL;
        json_t *job, *parameters, *filled;
        int64_t id;

        if (request_body(rq, fill_fields, &in, NULL, err) < 0 || load(rq, db, &id, &r, err) < 0)
                return -1;
        job = read_json(r, "job");
        parameters = read_json(r, "parameters");
        filled = fill(rq, in.values, job, parameters);
        json_decref(job);
        json_decref(parameters);
        if (!filled)
                return request_invalid(rq, err);
        name_origin(filled, row_text(r, "name"));
        text = json_dumps(filled, JSON_COMPACT);
        json_decref(filled);
        j_obj(&rq->out, NULL);
        j_raw(&rq->out, "job", text);
        j_obj_end(&rq->out);
        return 0;
}
