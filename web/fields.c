/* SPDX-License-Identifier: Apache-2.0 */
#include "web/fields.h"

#include "common/nearest.h"
#include "common/num.h"
#include "common/util.h"
#include "web/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- what is wrong ------------------------------------------------------------------------------------- */

void issues_clear(struct issues *is)
{
        for (size_t i = 0; i < is->count; i++) {
                free(is->list[i].pointer);
                free(is->list[i].code);
                free(is->list[i].detail);
        }
        is->count = 0;
        is->at_len = 0;
        is->at[0] = '\0';
}

void issues_release(struct issues *is)
{
        issues_clear(is);
        free(is->list);
        *is = (struct issues){0};
}

void issue_add(struct issues *is, const char *below, const char *code, const char *fmt, ...)
{
        char text[512];
        va_list ap;

        if (is->count >= ISSUES_MAX)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        is->list = xgrow(is->list, is->count, &is->cap, sizeof *is->list);
        is->list[is->count++] = (struct issue){
            .pointer = xasprintf("%s%s", is->at, below), .code = xstrdup(code), .detail = xstrdup(text)};
}

void issue_unknown(struct issues *is, const char *name, const char *near, const char *inside)
{
        char quoted[NEAREST_WORD_MAX + 5] = "";

        if (strlen(name) <= NEAREST_WORD_MAX)
                snprintf(quoted, sizeof quoted, "\"%s\": ", name);
        if (near)
                issue_add(is, "", "unknown", "%sunknown member; did you mean \"%s\"%s%s%s?", quoted, near,
                          inside ? " in \"" : "", inside ? inside : "", inside ? "\"" : "");
        else
                issue_add(is, "", "unknown", "%sunknown member", quoted);
}

bool issues_has(const struct issues *is, const char *below)
{
        for (size_t i = 0; i < is->count; i++)
                if (strncmp(is->list[i].pointer, is->at, is->at_len) == 0 &&
                    strcmp(is->list[i].pointer + is->at_len, below) == 0)
                        return true;
        return false;
}

size_t issues_enter(struct issues *is, const char *member)
{
        size_t mark = is->at_len, n = is->at_len;

        if (n + 2 < sizeof is->at)
                is->at[n++] = '/';
        for (const char *p = member; *p && n + 3 < sizeof is->at; p++) {
                if (*p == '~' || *p == '/') {
                        is->at[n++] = '~';
                        is->at[n++] = *p == '~' ? '0' : '1';
                } else {
                        is->at[n++] = *p;
                }
        }
        is->at[n] = '\0';
        is->at_len = n;
        return mark;
}

size_t issues_enter_index(struct issues *is, size_t index)
{
        char text[24];

        snprintf(text, sizeof text, "%zu", index);
        return issues_enter(is, text);
}

void issues_leave(struct issues *is, size_t mark)
{
        is->at_len = mark;
        is->at[mark] = '\0';
}

/* ---- one value ------------------------------------------------------------------------------------------
 */

static bool wrong_type(struct issues *is, const char *want)
{
        issue_add(is, "", "type", "must be %s", want);
        return false;
}

static bool has_control(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
                        return true;
        return false;
}

static bool read_string(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        const char *s = json_string_value(v);
        struct err err;
        size_t n;

        if (!s)
                return wrong_type(is, "a string");
        n = json_string_length(v);
        if (f->type == F_NAME) {
                if (name_check(f->name, s, &err) < 0) {
                        issue_add(is, "", "format", "%s", err.text);
                        return false;
                }
        } else if ((int64_t)n < f->min || (int64_t)n > f->max) {
                issue_add(is, "", "range", "must be %lld to %lld bytes long, is %zu", (long long)f->min,
                          (long long)f->max, n);
                return false;
        } else if (f->type == F_STRING && has_control(s, n)) {
                issue_add(is, "", "format", "must not hold control characters");
                return false;
        }
        *(const char **)out = s;
        return true;
}

static bool in_range(int64_t v, const struct field *f, struct issues *is)
{
        if (v >= f->min && v <= f->max)
                return true;
        if (f->type == F_DURATION)
                issue_add(is, "", "range", "must be %g to %g seconds", (double)f->min / 1000,
                          (double)f->max / 1000);
        else
                issue_add(is, "", "range", "must be %lld to %lld", (long long)f->min, (long long)f->max);
        return false;
}

static bool read_int(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        if (!json_is_integer(v))
                return wrong_type(is, "a whole number");
        if (!in_range(json_integer_value(v), f, is))
                return false;
        *(int64_t *)out = json_integer_value(v);
        return true;
}

static bool read_real(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        double d = json_number_value(v);

        if (!json_is_number(v))
                return wrong_type(is, "a number");
        if (!(d >= (double)f->min && d <= (double)f->max)) {
                issue_add(is, "", "range", "must be %lld to %lld", (long long)f->min, (long long)f->max);
                return false;
        }
        *(double *)out = d;
        return true;
}

static bool read_bool(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        (void)f;
        if (!json_is_boolean(v))
                return wrong_type(is, "true or false");
        *(bool *)out = json_is_true(v);
        return true;
}

static bool read_size(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        int64_t bytes = json_integer_value(v);
        struct err err;

        if (json_is_string(v)) {
                if (num_size(f->name, json_string_value(v), &bytes, &err) < 0) {
                        issue_add(is, "", "format", "%s", err.text);
                        return false;
                }
        } else if (!json_is_integer(v)) {
                return wrong_type(is, "a whole number of bytes, or text as \"8G\"");
        }
        if (!in_range(bytes, f, is))
                return false;
        *(int64_t *)out = bytes;
        return true;
}

static bool read_duration(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        double seconds = json_number_value(v);
        int64_t ms;
        struct err err;

        if (json_is_string(v)) {
                if (num_duration(f->name, json_string_value(v), &ms, &err) < 0) {
                        issue_add(is, "", "format", "%s", err.text);
                        return false;
                }
        } else if (!json_is_number(v)) {
                return wrong_type(is, "a number of seconds, or text as \"2h30m\"");
        } else if (!(seconds >= -1e12 && seconds <= 1e12)) {
                issue_add(is, "", "range", "must be %g to %g seconds", (double)f->min / 1000,
                          (double)f->max / 1000);
                return false;
        } else {
                ms = (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
        }
        if (!in_range(ms, f, is))
                return false;
        *(int64_t *)out = ms;
        return true;
}

static bool read_time(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        struct err err;

        if (!json_is_string(v))
                return wrong_type(is, "a time as \"2026-12-01T00:00:00Z\"");
        if (num_time(f->name, json_string_value(v), out, &err) == 0)
                return true;
        issue_add(is, "", "format", "%s", err.text);
        return false;
}

static bool read_array(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        size_t i, before = is->count;
        json_t *e;

        if (!json_is_array(v))
                return wrong_type(is, f->type == F_STRINGS ? "an array of strings" : "an array");
        if ((int64_t)json_array_size(v) < f->min || (int64_t)json_array_size(v) > f->max) {
                issue_add(is, "", "range", "must have %lld to %lld elements, has %zu", (long long)f->min,
                          (long long)f->max, json_array_size(v));
                return false;
        }
        if (f->type == F_STRINGS)
                json_array_foreach(v, i, e)
                {
                        size_t mark = issues_enter_index(is, i);

                        if (!json_is_string(e))
                                wrong_type(is, "a string");
                        issues_leave(is, mark);
                }
        *(const json_t **)out = v;
        return is->count == before;
}

static bool read_object(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        if (!json_is_object(v))
                return wrong_type(is, "an object");
        if ((int64_t)json_object_size(v) > f->max) {
                issue_add(is, "", "range", "must have at most %lld members, has %zu", (long long)f->max,
                          json_object_size(v));
                return false;
        }
        *(const json_t **)out = v;
        return true;
}

static bool read_any(const json_t *v, const struct field *f, void *out, struct issues *is)
{
        (void)f;
        (void)is;
        *(const json_t **)out = v;
        return true;
}

static const struct {
        bool (*read)(const json_t *v, const struct field *f, void *out, struct issues *is);
        const char *types; /* as JSON, with commas between; NULL: any */
        const char *more;  /* further members of the schema */
} field_types[] = {
    [F_STRING] = {read_string, "\"string\"", NULL},
    [F_TEXT] = {read_string, "\"string\"", NULL},
    [F_NAME] = {read_string, "\"string\"", "\"pattern\":\"^[a-z0-9][a-z0-9._-]{0,63}$\""},
    [F_INT] = {read_int, "\"integer\"", NULL},
    [F_REAL] = {read_real, "\"number\"", NULL},
    [F_BOOL] = {read_bool, "\"boolean\"", NULL},
    [F_SIZE] = {read_size, "\"integer\",\"string\"", NULL},
    [F_DURATION] = {read_duration, "\"number\",\"string\"", NULL},
    [F_TIME] = {read_time, "\"string\"", "\"format\":\"date-time\""},
    [F_STRINGS] = {read_array, "\"array\"", "\"items\":{\"type\":\"string\"}"},
    [F_ARRAY] = {read_array, "\"array\"", NULL},
    [F_OBJECT] = {read_object, "\"object\"", NULL},
    [F_ANY] = {read_any, NULL, NULL},
};

bool field_read(const json_t *value, const struct field *f, void *out, struct issues *is)
{
        return field_types[f->type].read(value, f, out, is);
}

/* ---- an object ------------------------------------------------------------------------------------------
 */

static int field_find(const struct field *fields, const char *name)
{
        for (int i = 0; fields[i].type != F_END; i++)
                if (strcmp(fields[i].name, name) == 0)
                        return i;
        return -1;
}

static void say_unknown(const struct field *fields, const char *name, struct issues *is)
{
        struct nearest near = nearest_to(name), below = near;
        const char *inside = NULL;

        if (is->count >= ISSUES_MAX)
                return;
        for (const struct field *f = fields; f->type != F_END; f++)
                nearest_offer(&near, f->name);
        for (const struct field *f = fields; !near.best && f->type != F_END; f++)
                for (const struct field *in = f->type == F_OBJECT ? f->of : NULL; in && in->type != F_END;
                     in++) {
                        nearest_offer(&below, in->name);
                        inside = below.best == in->name ? f->name : inside;
                }
        issue_unknown(is, name, inside ? below.best : near.best, inside);
}

void fields_read(const json_t *object, const struct field *fields, void *out, uint64_t *ret_given,
                 struct issues *is)
{
        uint64_t given = 0, good = 0;
        const char *name;
        json_t *v;

        if (!json_is_object(object)) {
                wrong_type(is, "an object");
                return;
        }
        json_object_foreach((json_t *)object, name, v)
        {
                size_t mark = issues_enter(is, name);
                int i = field_find(fields, name);

                if (i < 0) {
                        say_unknown(fields, name, is);
                } else {
                        given |= UINT64_C(1) << i;
                        if (!json_is_null(v)) {
                                good |= UINT64_C(1) << i;
                                field_read(v, &fields[i], (char *)out + fields[i].offset, is);
                        }
                }
                issues_leave(is, mark);
        }
        for (int i = 0; fields[i].type != F_END; i++)
                if (fields[i].flags & FIELD_REQUIRED && !(good >> i & 1)) {
                        size_t mark = issues_enter(is, fields[i].name);

                        issue_add(is, "", "missing", "is required: %s", fields[i].doc);
                        issues_leave(is, mark);
                }
        if (ret_given)
                *ret_given = given;
}

static void field_schema(struct buf *b, const struct field *f);

static void write_limits(struct buf *b, const struct field *f)
{
        if (f->type == F_INT) {
                j_int(b, "minimum", f->min);
                j_int(b, "maximum", f->max);
        } else if (f->type == F_STRING || f->type == F_TEXT) {
                j_int(b, "minLength", f->min > 0);
                j_int(b, "maxLength", f->max);
        } else if (f->type == F_STRINGS || f->type == F_ARRAY) {
                j_int(b, "maxItems", f->max);
        } else if (f->type == F_OBJECT && !f->of) {
                j_int(b, "maxProperties", f->max);
        }
}

/* The members of an object's schema, in the object that is open. */
static void write_object(struct buf *b, const struct field *fields, bool open)
{
        j_bool(b, "additionalProperties", open);
        j_obj(b, "properties");
        for (const struct field *f = fields; f->type != F_END; f++)
                if (!(f->flags & FIELD_HIDDEN))
                        field_schema(b, f);
        j_obj_end(b);
        j_arr(b, "required");
        for (const struct field *f = fields; f->type != F_END; f++)
                if (f->flags & FIELD_REQUIRED)
                        j_str(b, NULL, f->name);
        j_arr_end(b);
}

/* null counts as absent, so what may be absent may be null. */
static void field_schema(struct buf *b, const struct field *f)
{
        const char *types = field_types[f->type].types, *more = field_types[f->type].more;

        j_obj(b, f->name);
        if (types)
                buf_printf(b, "\"type\":[%s%s]", types, f->flags & FIELD_REQUIRED ? "" : ",\"null\"");
        if (more)
                buf_printf(b, ",%s", more);
        if (f->doc)
                j_str(b, "description", f->doc);
        write_limits(b, f);
        if (f->of && f->type == F_ARRAY)
                fields_schema(b, "items", f->of);
        else if (f->of)
                write_object(b, f->of, f->flags & FIELD_OPEN);
        if (f->sample) {
                j_arr(b, "examples");
                j_raw(b, NULL, f->sample);
                j_arr_end(b);
        }
        j_obj_end(b);
}

void fields_schema(struct buf *b, const char *key, const struct field *fields)
{
        j_obj(b, key);
        j_str(b, "type", "object");
        write_object(b, fields, false);
        j_obj_end(b);
}
