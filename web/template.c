/* SPDX-License-Identifier: Apache-2.0 */
#include "web/template.h"

#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX 100
#define HELP_MAX  500
#define BOUND_MAX (INT64_C(1) << 53)

const struct field template_parameter_fields[] = {
    FIELD(struct template_parameter, name, F_STRING, 1, TEMPLATE_NAME_MAX, FIELD_REQUIRED,
          "a letter, then letters, digits and _"),
    {.name = "kind",
     .type = F_STRING,
     .offset = offsetof(struct template_parameter, kind_name),
     .min = 1,
     .max = 16,
     .flags = FIELD_REQUIRED,
     .doc = "one of: " TEMPLATE_KIND_WORDS},
    FIELD(struct template_parameter, label, F_STRING, 0, LABEL_MAX, 0, "what a form calls it"),
    FIELD(struct template_parameter, help, F_STRING, 0, HELP_MAX, 0, "a sentence about it"),
    {.name = "default",
     .type = F_ANY,
     .offset = offsetof(struct template_parameter, preset),
     .doc = "its value when none is given; without one it must be given"},
    FIELD(struct template_parameter, choices, F_STRINGS, 1, TEMPLATE_CHOICES_MAX, 0,
          "all values of a choice"),
    FIELD(struct template_parameter, min, F_INT, -BOUND_MAX, BOUND_MAX, 0,
          "smallest: of a text its length, of a duration seconds"),
    FIELD(struct template_parameter, max, F_INT, -BOUND_MAX, BOUND_MAX, 0, "largest, likewise"),
    {0},
};

/* ---- names in braces -------------------------------------------------------------------------------------
 */

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t name_length(const char *s)
{
        size_t n = 0;

        while (is_letter(s[n]) || (n && ((s[n] >= '0' && s[n] <= '9') || s[n] == '_')))
                n++;
        return n <= TEMPLATE_NAME_MAX ? n : 0;
}

/* The next {{name}} from s on; its beginning, and the name's length. NULL: no more. */
static const char *next_mark(const char *s, size_t *ret_length)
{
        for (; (s = strstr(s, "{{")); s++) {
                size_t n = name_length(s + 2);

                if (n && s[2 + n] == '}' && s[3 + n] == '}') {
                        *ret_length = n;
                        return s;
                }
        }
        return NULL;
}

static int find(const struct template *t, const char *name, size_t n)
{
        for (size_t i = 0; i < t->count; i++)
                if (t->parameters[i].name && strlen(t->parameters[i].name) == n &&
                    memcmp(t->parameters[i].name, name, n) == 0)
                        return (int)i;
        return -1;
}

/* ---- declarations ----------------------------------------------------------------------------------------
 */

/* Nothing that a shell, or anything like it, takes for more than a character. */
static bool is_plain(const char *s)
{
        for (; *s; s++)
                if (!((unsigned char)*s >= 0x80 || is_letter(*s) || strchr("0123456789 _.,:/@%+=-", *s)))
                        return false;
        return true;
}

static bool has_control(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < ' ' || *s == 127)
                        return true;
        return false;
}

static void check_text(const struct template_parameter *p, const char *s, struct issues *is)
{
        int64_t n = (int64_t)strlen(s);

        if (n > TEMPLATE_VALUE_MAX || n > p->max || n < p->min)
                issue_add(is, "", "range", "must have %lld to %lld bytes",
                          p->min == INT64_MIN ? 0LL : (long long)p->min,
                          p->max > TEMPLATE_VALUE_MAX ? (long long)TEMPLATE_VALUE_MAX : (long long)p->max);
        else if (p->kind == TEMPLATE_FREE && has_control(s))
                issue_add(is, "", "format", "must not hold control characters");
        else if (p->kind == TEMPLATE_TEXT && !is_plain(s))
                issue_add(is, "", "format", "may hold letters, digits, blanks and _.,:/@%%+=- only");
        else if (p->kind == TEMPLATE_DATASET && *s && !dataset_name_is_valid(s))
                issue_add(is, "", "format", "is no name of a dataset");
}

static void check_bounds(const struct template_parameter *p, int64_t v, const char *unit, struct issues *is)
{
        if (v < p->min)
                issue_add(is, "", "range", "must be at least %lld%s", (long long)p->min, unit);
        else if (v > p->max)
                issue_add(is, "", "range", "must be at most %lld%s", (long long)p->max, unit);
}

static void check_choice(const struct template_parameter *p, const char *s, struct issues *is)
{
        size_t i;
        json_t *c;

        json_array_foreach(p->choices, i, c)
        {
                if (strcmp(json_string_value(c), s) == 0)
                        return;
        }
        issue_add(is, "", "range", "is none of its choices");
}

/* The same readers as a job's members have. */
static void check_value(const struct template_parameter *p, const json_t *v, struct issues *is)
{
        static const struct field sized = {.name = "size", .type = F_SIZE, .min = 0, .max = INT64_MAX},
                                  lasting = {
                                      .name = "duration", .type = F_DURATION, .min = 0, .max = INT64_MAX};
        int64_t n;

        switch (p->kind) {
        case TEMPLATE_INTEGER:
                if (!json_is_integer(v))
                        issue_add(is, "", "type", "must be a whole number");
                else
                        check_bounds(p, json_integer_value(v), "", is);
                return;
        case TEMPLATE_SIZE:
                if (field_read(v, &sized, &n, is))
                        check_bounds(p, n, " bytes", is);
                return;
        case TEMPLATE_DURATION:
                if (json_is_real(v)) /* a text of it would need rounding */
                        issue_add(is, "", "type", "must be whole seconds, or text as \"2h30m\"");
                else if (field_read(v, &lasting, &n, is))
                        check_bounds(p, n / 1000, " seconds", is);
                return;
        case TEMPLATE_SWITCH:
                if (!json_is_boolean(v))
                        issue_add(is, "", "type", "must be true or false");
                return;
        case TEMPLATE_TEXT:
        case TEMPLATE_FREE:
        case TEMPLATE_CHOICE:
        case TEMPLATE_DATASET:
        case TEMPLATE_KINDS:
                break;
        }
        if (!json_is_string(v))
                issue_add(is, "", "type", "must be a text");
        else if (p->kind == TEMPLATE_CHOICE)
                check_choice(p, json_string_value(v), is);
        else
                check_text(p, json_string_value(v), is);
}

static bool kind_parse(const char *name, enum template_kind *ret)
{
        static const char *const names[] = {"text",     "free",   "integer", "size",
                                            "duration", "choice", "switch",  "dataset"};

        _Static_assert(ARRAY_LEN(names) == TEMPLATE_KINDS, "a name for each kind");
        for (size_t i = 0; i < TEMPLATE_KINDS; i++)
                if (strcmp(names[i], name) == 0) {
                        *ret = (enum template_kind)i;
                        return true;
                }
        return false;
}

static void check_choices(const struct template_parameter *p, struct issues *is)
{
        size_t i;
        json_t *c;

        if ((p->kind == TEMPLATE_CHOICE) != (p->choices != NULL))
                issue_add(is, "/choices", p->choices ? "conflict" : "missing",
                          p->choices ? "are for the kind choice" : "the kind choice needs them");
        json_array_foreach(p->choices, i, c)
        {
                const char *s = json_string_value(c);

                if (!*s || strlen(s) > TEMPLATE_VALUE_MAX || !is_plain(s))
                        issue_add(is, "/choices", "format",
                                  "are texts of letters, digits, blanks and _.,:/@%%+=-");
        }
}

/* What the table of members cannot say. */
static void check_parameter(struct template_parameter *p, struct issues *is)
{
        size_t mark;

        if (name_length(p->name) != strlen(p->name))
                issue_add(is, "/name", "format", "is a letter, then letters, digits and _");
        if (!kind_parse(p->kind_name, &p->kind)) {
                issue_add(is, "/kind", "format", "must be one of: " TEMPLATE_KIND_WORDS);
                return;
        }
        if (p->min > p->max)
                issue_add(is, "/max", "range", "is below min");
        check_choices(p, is);
        if (!p->preset || is->count)
                return;
        mark = issues_enter(is, "default");
        check_value(p, p->preset, is);
        issues_leave(is, mark);
}

void template_read(const json_t *parameters, struct template *ret, struct issues *is)
{
        size_t i;
        json_t *v;

        ret->count = 0;
        json_array_foreach((json_t *)parameters, i, v)
        {
                struct template_parameter *p = &ret->parameters[ret->count];
                size_t mark = issues_enter_index(is, i), before = is->count;

                if (ret->count == TEMPLATE_PARAMETERS_MAX)
                        return;
                *p = (struct template_parameter){.min = INT64_MIN, .max = INT64_MAX};
                fields_read(v, template_parameter_fields, p, NULL, is);
                if (is->count == before)
                        check_parameter(p, is);
                if (is->count == before && find(ret, p->name, strlen(p->name)) >= 0)
                        issue_add(is, "/name", "conflict", "is named twice");
                if (json_is_null(p->preset))
                        p->preset = NULL;
                ret->count++;
                issues_leave(is, mark);
        }
}

/* ---- the job ---------------------------------------------------------------------------------------------
 */

struct look {
        const struct template *t;
        struct issues *is;
        uint64_t used; /* bit by parameter */
};

static void look_at_text(struct look *l, const char *s, bool in_script)
{
        size_t n;

        for (; (s = next_mark(s, &n)); s += n + 4) {
                int i = find(l->t, s + 2, n);

                if (i < 0) {
                        issue_add(l->is, "", "unknown",
                                  "{{%.*s}} is no parameter: declare it, or keep such a text in a file",
                                  (int)n, s + 2);
                        continue;
                }
                l->used |= UINT64_C(1) << i;
                if (in_script && l->t->parameters[i].kind == TEMPLATE_FREE)
                        issue_add(l->is, "", "conflict",
                                  "{{%.*s}} may hold anything, and a script would read it: put it into env, "
                                  "and write \"$NAME\"",
                                  (int)n, s + 2);
        }
}

static void look_at(struct look *l, const json_t *v, bool in_script)
{
        const char *key;
        size_t i, mark;
        json_t *one;

        if (json_is_string(v))
                look_at_text(l, json_string_value(v), in_script);
        json_array_foreach((json_t *)v, i, one)
        {
                mark = issues_enter_index(l->is, i);
                look_at(l, one, false);
                issues_leave(l->is, mark);
        }
        json_object_foreach((json_t *)v, key, one)
        {
                mark = issues_enter(l->is, key);
                look_at(l, one, strcmp(key, "script") == 0);
                issues_leave(l->is, mark);
        }
}

void template_check(const struct template *t, const json_t *job, struct issues *is)
{
        struct look l = {.t = t, .is = is};
        size_t mark = issues_enter(is, "job");

        look_at(&l, job, false);
        issues_leave(is, mark);
        for (size_t i = 0; i < t->count; i++) {
                if (l.used & UINT64_C(1) << i || !t->parameters[i].name)
                        continue;
                mark = issues_enter(is, "parameters");
                issues_enter_index(is, i);
                issue_add(is, "/name", "conflict", "{{%s}} stands nowhere in the job", t->parameters[i].name);
                issues_leave(is, mark);
        }
}

/* ---- values ----------------------------------------------------------------------------------------------
 */

static int64_t within(const struct template_parameter *p, int64_t v)
{
        return v < p->min ? p->min : v > p->max ? p->max : v;
}

static json_t *make_up(const struct template_parameter *p)
{
        char text[TEMPLATE_VALUE_MAX + 1];
        int64_t n = within(p, 1);

        switch (p->kind) {
        case TEMPLATE_INTEGER:
                return json_integer((json_int_t)n);
        case TEMPLATE_SIZE:
                return json_integer((json_int_t)within(p, 1 << 30));
        case TEMPLATE_DURATION:
                return json_integer((json_int_t)within(p, 3600));
        case TEMPLATE_CHOICE:
                return json_incref(json_array_get(p->choices, 0));
        case TEMPLATE_SWITCH:
                return json_false();
        case TEMPLATE_TEXT:
        case TEMPLATE_FREE:
        case TEMPLATE_DATASET:
        case TEMPLATE_KINDS:
                break;
        }
        n = n < 0 ? 0 : n > TEMPLATE_VALUE_MAX ? TEMPLATE_VALUE_MAX : n;
        memset(text, 'x', (size_t)n);
        text[n] = 0;
        return json_string(text);
}

static void check_names(const struct template *t, const json_t *given, struct issues *is)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)given, key, v)
        {
                size_t mark;

                if (find(t, key, strlen(key)) >= 0)
                        continue;
                mark = issues_enter(is, key);
                issue_add(is, "", "unknown", "is no parameter of this template");
                issues_leave(is, mark);
        }
}

json_t *template_values(const struct template *t, const json_t *given, bool made_up, struct issues *is)
{
        json_t *values = json_object();
        size_t before = is->count;

        check_names(t, given, is);
        for (size_t i = 0; i < t->count; i++) {
                const struct template_parameter *p = &t->parameters[i];
                json_t *v = json_object_get(given, p->name);
                size_t mark = issues_enter(is, p->name);

                if (v && !json_is_null(v))
                        check_value(p, v, is);
                else
                        v = p->preset;
                if (v)
                        json_object_set(values, p->name, v);
                else if (made_up)
                        json_object_set_new(values, p->name, make_up(p));
                else
                        issue_add(is, "", "missing", "must be given%s%s", p->help && *p->help ? ": " : "",
                                  p->help ? p->help : "");
                issues_leave(is, mark);
        }
        if (is->count == before)
                return values;
        json_decref(values);
        return NULL;
}

/* ---- filling ---------------------------------------------------------------------------------------------
 */

struct fill {
        const json_t *values;
        size_t left; /* bytes that texts may still take */
        bool over;
        bool texts; /* within a member that holds nothing but texts */
};

/* Members of a job in which a number is no good. */
static bool holds_texts(const char *member)
{
        static const char *const members[] = {"command", "args",   "script",  "env",           "task_env",
                                              "labels",  "inputs", "outputs", "sites",         "name",
                                              "project", "array",  "workdir", "output_dataset"};

        for (size_t i = 0; i < ARRAY_LEN(members); i++)
                if (strcmp(members[i], member) == 0)
                        return true;
        return false;
}

static const char *value_text(const json_t *v, char number[32])
{
        if (json_is_string(v))
                return json_string_value(v);
        if (json_is_integer(v))
                snprintf(number, 32, "%lld", (long long)json_integer_value(v));
        else
                snprintf(number, 32, "%s", json_is_true(v) ? "true" : "false");
        return number;
}

static json_t *value_named(const struct fill *f, const char *name, size_t n)
{
        char key[TEMPLATE_NAME_MAX + 1];

        memcpy(key, name, n);
        key[n] = 0;
        return json_object_get(f->values, key);
}

static void fill_count(struct fill *f, size_t n)
{
        f->over = f->over || n > f->left;
        f->left -= f->over ? 0 : n;
}

/* NULL: nothing but the empty value, to be left out. */
static json_t *fill_text(struct fill *f, const char *s)
{
        const char *mark, *from = s;
        struct buf b;
        char number[32];
        json_t *v;
        size_t n;

        mark = next_mark(s, &n);
        if (mark == s && !s[n + 4] && (v = value_named(f, s + 2, n))) {
                fill_count(f, strlen(value_text(v, number)));
                if (json_is_string(v) && !*json_string_value(v))
                        return NULL;
                return f->texts ? json_string(value_text(v, number)) : json_incref(v);
        }
        buf_init(&b, TEMPLATE_FILLED_MAX);
        for (; mark; mark = next_mark(from, &n)) {
                v = value_named(f, mark + 2, n);
                buf_put(&b, from, (size_t)(mark - from));
                if (v)
                        buf_text(&b, value_text(v, number));
                from = mark + n + 4;
        }
        buf_text(&b, from);
        fill_count(f, b.overflow ? SIZE_MAX : b.len);
        v = json_string(buf_cstr(&b));
        buf_release(&b);
        return v;
}

static json_t *fill_any(struct fill *f, const json_t *v)
{
        const char *key;
        json_t *one, *filled, *all;
        size_t i;

        if (f->over)
                return json_null();
        if (json_is_string(v))
                return fill_text(f, json_string_value(v));
        if (!json_is_array(v) && !json_is_object(v))
                return json_incref((json_t *)v);
        all = json_is_array(v) ? json_array() : json_object();
        json_array_foreach((json_t *)v, i, one)
        {
                if ((filled = fill_any(f, one)))
                        json_array_append_new(all, filled);
        }
        json_object_foreach((json_t *)v, key, one)
        {
                if ((filled = fill_any(f, one)))
                        json_object_set_new(all, key, filled);
        }
        return all;
}

json_t *template_fill(const json_t *job, const json_t *values)
{
        struct fill f = {.values = values, .left = TEMPLATE_FILLED_MAX};
        json_t *filled = json_object(), *member, *v;
        const char *key;

        json_object_foreach((json_t *)job, key, v)
        {
                f.texts = holds_texts(key);
                if ((member = fill_any(&f, v)))
                        json_object_set_new(filled, key, member);
        }
        if (!f.over)
                return filled;
        json_decref(filled);
        return NULL;
}

/* ---- what cannot be judged yet ---------------------------------------------------------------------------
 */

static bool is_open(const struct template *t, const json_t *v)
{
        const char *key, *s = json_string_value(v);
        json_t *one;
        size_t i, n;

        for (; s && (s = next_mark(s, &n)); s += n + 4) {
                int at = find(t, s + 2, n);

                if (at >= 0 && !t->parameters[at].preset)
                        return true;
        }
        json_array_foreach((json_t *)v, i, one)
        {
                if (is_open(t, one))
                        return true;
        }
        json_object_foreach((json_t *)v, key, one)
        {
                if (is_open(t, one))
                        return true;
        }
        return false;
}

bool template_is_open(const struct template *t, const json_t *job, const char *pointer)
{
        char step[TEMPLATE_VALUE_MAX];
        const json_t *at = job;

        while (*pointer == '/') {
                size_t n = strcspn(++pointer, "/");
                const json_t *below;

                snprintf(step, sizeof step, "%.*s", (int)n, pointer);
                below = json_is_array(at) ? json_array_get(at, strtoul(step, NULL, 10))
                                          : json_object_get(at, step);
                if (!below)
                        break;
                at = below;
                pointer += n;
        }
        /* A member that is missing is no parameter's doing. */
        return at != job && is_open(t, at);
}
