/* SPDX-License-Identifier: Apache-2.0 */
#include "web/shape.h"

#include "web/reply.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[S_TYPES] = {
    [S_INT] = "integer", [S_REAL] = "number", [S_STR] = "string", [S_BOOL] = "boolean", [S_TIME] = "string"};

void shape_ref(struct buf *b, const char *key, const struct shape *s)
{
        char ref[96];

        snprintf(ref, sizeof ref, "#/components/schemas/%s", s->name);
        j_obj(b, key);
        j_str(b, "$ref", ref);
        j_obj_end(b);
}

static void write_words(struct buf *b, const struct member *m)
{
        j_arr(b, "enum");
        for (const char *p = m->words; *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");

                j_str_n(b, NULL, p, n);
                p += n;
        }
        if (m->flags & SHAPE_NULL && !(m->flags & (SHAPE_LIST | SHAPE_MAP)))
                j_null(b, NULL);
        j_arr_end(b);
}

/* Members of the schema of one value. */
static void write_value(struct buf *b, const struct member *m, bool nullable)
{
        char text[96];

        if (m->type == S_OBJECT && nullable) {
                j_arr(b, "anyOf");
                shape_ref(b, NULL, m->of);
                j_raw(b, NULL, "{\"type\":\"null\"}");
                j_arr_end(b);
        } else if (m->type == S_OBJECT) {
                snprintf(text, sizeof text, "#/components/schemas/%s", m->of->name);
                j_str(b, "$ref", text);
        } else if (m->type != S_ANY) {
                snprintf(text, sizeof text, nullable ? "[\"%s\",\"null\"]" : "\"%s\"", type_names[m->type]);
                j_raw(b, "type", text);
        }
        if (m->type == S_TIME)
                j_str(b, "format", "date-time");
        if (m->words)
                write_words(b, m);
}

/* An array of values, or an object of them. */
static void write_many(struct buf *b, const struct member *m, bool nullable)
{
        bool list = m->flags & SHAPE_LIST;
        char text[48];

        snprintf(text, sizeof text, nullable ? "[\"%s\",\"null\"]" : "\"%s\"", list ? "array" : "object");
        j_raw(b, "type", text);
        j_obj(b, list ? "items" : "additionalProperties");
        write_value(b, m, false);
        j_obj_end(b);
}

static void write_member(struct buf *b, const struct member *m)
{
        bool nullable = m->flags & SHAPE_NULL;

        j_obj(b, m->name);
        if (m->flags & (SHAPE_LIST | SHAPE_MAP))
                write_many(b, m, nullable);
        else
                write_value(b, m, nullable);
        if (m->doc)
                j_str(b, "description", m->doc);
        j_obj_end(b);
}

void shape_schema(struct buf *b, const char *key, const struct shape *s)
{
        j_obj(b, key);
        j_str(b, "type", "object");
        if (s->doc)
                j_str(b, "description", s->doc);
        j_bool(b, "additionalProperties", s->open);
        j_obj(b, "properties");
        for (const struct member *m = s->members; m->name; m++)
                write_member(b, m);
        j_obj_end(b);
        j_arr(b, "required");
        for (const struct member *m = s->members; m->name; m++)
                if (!(m->flags & SHAPE_OPT))
                        j_str(b, NULL, m->name);
        j_arr_end(b);
        j_obj_end(b);
}
