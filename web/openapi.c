/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document: routes.c tells paths, rules, parameters and bodies, replies.c what is answered. */
#include "web/replies.h"
#include "web/web_priv.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define PROBLEMS_MAX 20

/* ---- requests --------------------------------------------------------------------------------------------
 */

static void write_parameter(struct buf *b, const char *name, size_t n, const char *in)
{
        const struct parameter_row *p = parameter_of(name, n);

        j_obj(b, NULL);
        j_str_n(b, "name", name, n);
        j_str(b, "in", in);
        j_bool(b, "required", strcmp(in, "path") == 0);
        j_raw(b, "schema", p ? p->schema : "{}");
        j_str(b, "description", p ? p->doc : "");
        j_obj_end(b);
}

static void write_words(struct buf *b, const char *words)
{
        for (const char *p = words; *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");

                write_parameter(b, p, n, "query");
                p += n;
        }
}

static void write_header(struct buf *b, const char *name, const char *doc)
{
        j_obj(b, NULL);
        j_str(b, "name", name);
        j_str(b, "in", "header");
        j_raw(b, "schema", "{\"type\":\"string\"}");
        j_str(b, "description", doc);
        j_obj_end(b);
}

static void write_parameters(struct buf *b, const struct route *r)
{
        const char *names;

        j_arr(b, "parameters");
        for (size_t i = 0; i < r->part_count; i++)
                if (r->names[i])
                        write_parameter(b, r->names[i], strlen(r->names[i]), "path");
        write_words(b, r->query);
        for (size_t i = 0; (names = route_flag_parameters(r, i)); i++)
                write_words(b, names);
        if (r->flags & (ROUTE_ETAG | ROUTE_WAIT))
                write_header(b, "If-None-Match", "ETag of what the client has: 304 when it is the same");
        if (r->flags & ROUTE_DRY)
                write_header(b, "Idempotency-Key", "the same key and request give the first answer again");
        j_arr_end(b);
}

static void write_body(struct buf *b, const struct route *r)
{
        if (r->flags & ROUTE_SINK)
                j_raw(b, "requestBody",
                      "{\"content\":{\"application/octet-stream\":{\"schema\":{\"type\":\"string\","
                      "\"format\":\"binary\"}}}}");
        if (!r->body)
                return;
        j_obj(b, "requestBody");
        j_obj(b, "content");
        j_obj(b, "application/json");
        fields_schema(b, "schema", r->body);
        j_obj_end(b);
        j_obj_end(b);
        j_obj_end(b);
}

/* ---- replies ---------------------------------------------------------------------------------------------
 */

static void write_schema(struct buf *b, const struct shape *shape, const struct shape *or_shape)
{
        if (!or_shape) {
                shape_ref(b, "schema", shape);
                return;
        }
        j_obj(b, "schema");
        j_arr(b, "anyOf");
        shape_ref(b, NULL, shape);
        shape_ref(b, NULL, or_shape);
        j_arr_end(b);
        j_obj_end(b);
}

/* `or_shape`: what else it may be; NULL: nothing else. */
static void write_reply(struct buf *b, const struct reply_row *row, const struct shape *shape,
                        const struct shape *or_shape, unsigned status, const char *what)
{
        char key[8];

        snprintf(key, sizeof key, "%u", status);
        j_obj(b, key);
        j_str(b, "description", what);
        if (shape || row->type) {
                j_obj(b, "content");
                j_obj(b, row->type ? row->type : "application/json");
                if (shape)
                        write_schema(b, shape, or_shape);
                j_obj_end(b);
                j_obj_end(b);
        }
        j_obj_end(b);
}

static void write_problem_ref(struct buf *b, unsigned status)
{
        char key[8], ref[64];

        snprintf(key, sizeof key, "%u", status);
        snprintf(ref, sizeof ref, "{\"$ref\":\"#/components/responses/problem_%u\"}", status);
        j_raw(b, key, ref);
}

static void write_responses(struct buf *b, const struct route *r)
{
        const struct reply_row *row = reply_of(r);
        const struct other_row *other = other_of(r);
        unsigned problems[PROBLEMS_MAX];
        size_t n = problems_of(r, problems, PROBLEMS_MAX);

        j_obj(b, "responses");
        if (row)
                write_reply(b, row, row->shape, NULL, row->status, r->summary);
        if (row && other)
                write_reply(b, row, other->shape, NULL, other->status, r->summary);
        if (row && row->status != 200 && r->flags & (ROUTE_TX | ROUTE_DRY))
                /* It does not say which of its answers it would have been. */
                write_reply(b, row, row->shape, other ? other->shape : NULL, 200,
                            "a dry run: what would be answered; nothing is stored");
        if (r->flags & (ROUTE_ETAG | ROUTE_WAIT))
                j_raw(b, "304", "{\"description\":\"the client has it already\"}");
        for (size_t i = 0; i < n; i++)
                write_problem_ref(b, problems[i]);
        j_obj_end(b);
}

static void write_operation(struct buf *b, const struct route *r)
{
        AUTO_FREE char *method = xstrdup(r->method);

        for (char *p = method; *p; p++)
                *p = (char)(*p | 0x20);
        j_obj(b, method);
        j_str(b, "summary", r->summary);
        j_str(b, "x-reeve-rule", rule_name(r->rule));
        j_str(b, "x-reeve-scope", r->flags & ROUTE_UNLIMITED ? "all" : scope_name(r->scope));
        j_raw(b, "security", r->rule == RULE_PUBLIC ? "[]" : "[{\"token\":[]},{\"cookie\":[]}]");
        write_parameters(b, r);
        write_body(b, r);
        write_responses(b, r);
        j_obj_end(b);
}

/* ---- components ------------------------------------------------------------------------------------------
 */

static void write_problem(struct buf *b, unsigned status)
{
        AUTO_FREE char *key = xasprintf("problem_%u", status);
        AUTO_FREE char *what = xasprintf("%s (code %s)", problem_title(status), problem_code(status));

        j_obj(b, key);
        j_str(b, "description", what);
        j_obj(b, "content");
        j_obj(b, "application/problem+json");
        shape_ref(b, "schema", &obj_problem);
        j_obj_end(b);
        j_obj_end(b);
        j_obj_end(b);
}

static void write_components(struct buf *b)
{
        j_obj(b, "components");
        j_raw(b, "securitySchemes",
              "{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
              "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"reeve\"}}");
        j_obj(b, "responses");
        for (size_t i = 0; problem_status(i); i++)
                write_problem(b, problem_status(i));
        j_obj_end(b);
        j_obj(b, "schemas");
        for (size_t i = 0; i < shapes_count; i++)
                shape_schema(b, shapes[i]->name, shapes[i]);
        j_obj_end(b);
        j_obj_end(b);
}

/* ---- the document ----------------------------------------------------------------------------------------
 */

/* Rows of one path stand apart in the table: write each path at its first row. */
static bool is_first_of_path(size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (strcmp(routes[k].pattern, routes[i].pattern) == 0)
                        return false;
        return true;
}

void routes_openapi(struct buf *b, const char *server_url)
{
        j_obj(b, NULL);
        j_str(b, "openapi", "3.1.0");
        j_raw(b, "info", "{\"title\":\"Reeve\",\"version\":\"v1\",\"license\":{\"name\":\"Apache-2.0\"}}");
        j_arr(b, "servers");
        j_obj(b, NULL);
        j_str(b, "url", server_url);
        j_obj_end(b);
        j_arr_end(b);
        j_obj(b, "paths");
        for (size_t i = 0; i < routes_count; i++) {
                if (!is_first_of_path(i))
                        continue;
                j_obj(b, routes[i].pattern);
                for (size_t k = i; k < routes_count; k++)
                        if (strcmp(routes[k].pattern, routes[i].pattern) == 0)
                                write_operation(b, &routes[k]);
                j_obj_end(b);
        }
        j_obj_end(b);
        write_components(b);
        j_obj_end(b);
}
