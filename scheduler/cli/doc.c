/* SPDX-License-Identifier: Apache-2.0 */
#include "doc.h"

#include "common/buf.h"
#include "common/num.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define READ_STEP 65536

struct doc {
        yaml_parser_t parser;
        const char *what;
        const char *const *text_keys;
        size_t nodes;
        struct doc_lines *lines; /* or NULL */
        struct err *err;
};

static int fail_at(struct doc *d, const yaml_mark_t *at, const char *text)
{
        return err_set(d->err, ERR_BAD_INPUT, "%s: line %zu, column %zu: %s", d->what, at->line + 1,
                       at->column + 1, text);
}

static int next_event(struct doc *d, yaml_event_t *ret)
{
        yaml_mark_t at;

        if (yaml_parser_parse(&d->parser, ret))
                return 0;
        at = d->parser.problem_mark;
        return fail_at(d, &at, d->parser.problem ? d->parser.problem : "not YAML");
}

static bool is_text_key(const struct doc *d, const char *key)
{
        for (size_t i = 0; d->text_keys && d->text_keys[i]; i++) {
                if (strcmp(d->text_keys[i], key) == 0)
                        return true;
        }
        return false;
}

/* A decimal of the core schema: digits with a fraction, an exponent, or both. */
static bool is_decimal(const char *s)
{
        const char *p = s + (*s == '-' || *s == '+');
        size_t whole = strspn(p, "0123456789"), part = 0;

        p += whole;
        if (*p == '.') {
                part = strspn(p + 1, "0123456789");
                p += 1 + part;
        }
        if (!whole && !part)
                return false;
        if (*p == 'e' || *p == 'E') {
                p += 1 + (p[1] == '-' || p[1] == '+');
                if (!strspn(p, "0123456789"))
                        return false;
                p += strspn(p, "0123456789");
        }
        return !*p;
}

static json_t *plain_value(const char *s)
{
        static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
        static const char *const trues[] = {"true", "True", "TRUE"};
        static const char *const falses[] = {"false", "False", "FALSE"};
        int64_t v;

        for (size_t i = 0; i < ARRAY_LEN(nulls); i++) {
                if (strcmp(s, nulls[i]) == 0)
                        return json_null();
        }
        for (size_t i = 0; i < ARRAY_LEN(trues); i++) {
                if (strcmp(s, trues[i]) == 0)
                        return json_true();
                if (strcmp(s, falses[i]) == 0)
                        return json_false();
        }
        if (num_int("", s + (*s == '+'), INT64_MIN + 1, INT64_MAX, &v, NULL) == 0)
                return json_integer(v);
        if (is_decimal(s))
                return json_real(strtod(s, NULL));
        return json_string(s);
}

static int read_scalar(struct doc *d, const yaml_event_t *e, bool text, json_t **ret)
{
        const char *s = (const char *)e->data.scalar.value;
        bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        if (e->data.scalar.tag || e->data.scalar.anchor)
                return fail_at(d, &e->start_mark, "tags and anchors are not taken here");
        if (strlen(s) != e->data.scalar.length)
                return fail_at(d, &e->start_mark, "a text with a NUL character");
        *ret = plain && !(text && *s) ? plain_value(s) : json_string(s);
        return *ret ? 0 : fail_at(d, &e->start_mark, "not UTF-8");
}

static int read_value(struct doc *d, yaml_event_t *e, bool text, unsigned depth, json_t **ret);

/* A value that was begun, by its name, on this line. */
static int read_noted(struct doc *d, yaml_event_t *e, const char *name, size_t line, bool text,
                      unsigned depth, json_t **ret)
{
        size_t at = d->lines ? doc_lines_open(d->lines, name, line + 1) : 0;

        if (read_value(d, e, text, depth, ret) < 0)
                return -1;
        if (d->lines)
                doc_lines_close(d->lines, at, *ret);
        return 0;
}

static int read_list(struct doc *d, bool text, unsigned depth, json_t **ret)
{
        json_t *list = json_array();

        for (;;) {
                yaml_event_t e;
                json_t *item = NULL;
                int r;

                if (next_event(d, &e) < 0)
                        break;
                if (e.type == YAML_SEQUENCE_END_EVENT) {
                        yaml_event_delete(&e);
                        *ret = list;
                        return 0;
                }
                r = read_noted(d, &e, NULL, e.start_mark.line, text, depth + 1, &item);
                yaml_event_delete(&e);
                if (r < 0)
                        break;
                json_array_append_new(list, item);
        }
        json_decref(list);
        return -1;
}

static bool is_null(const yaml_event_t *e)
{
        const char *s = e->type == YAML_SCALAR_EVENT ? (const char *)e->data.scalar.value : "";

        return strcmp(s, "null") == 0 || strcmp(s, "~") == 0;
}

static int read_member(struct doc *d, yaml_event_t *key, bool text, unsigned depth, json_t *object)
{
        const char *name = (const char *)key->data.scalar.value;
        yaml_event_t e;
        json_t *value = NULL;
        int r;

        if (key->type != YAML_SCALAR_EVENT || strlen(name) != key->data.scalar.length)
                return fail_at(d, &key->start_mark, "a name was expected before \":\"");
        if (json_object_get(object, name))
                return fail_at(d, &key->start_mark, "this name stands here twice");
        if (next_event(d, &e) < 0)
                return -1;
        text = text || (is_text_key(d, name) && !is_null(&e));
        r = read_noted(d, &e, name, key->start_mark.line, text, depth + 1, &value);
        if (r == 0 && json_object_set_new(object, name, value) < 0)
                r = fail_at(d, &key->start_mark, "not UTF-8");
        yaml_event_delete(&e);
        return r;
}

static int read_object(struct doc *d, bool text, unsigned depth, json_t **ret)
{
        json_t *object = json_object();

        for (;;) {
                yaml_event_t e;
                int r;

                if (next_event(d, &e) < 0)
                        break;
                if (e.type == YAML_MAPPING_END_EVENT) {
                        yaml_event_delete(&e);
                        *ret = object;
                        return 0;
                }
                r = read_member(d, &e, text, depth, object);
                yaml_event_delete(&e);
                if (r < 0)
                        break;
        }
        json_decref(object);
        return -1;
}

static int read_value(struct doc *d, yaml_event_t *e, bool text, unsigned depth, json_t **ret)
{
        if (depth > DOC_DEPTH_MAX)
                return fail_at(d, &e->start_mark, "nested too deeply");
        if (++d->nodes > DOC_NODES_MAX)
                return fail_at(d, &e->start_mark, "too many values");
        switch (e->type) {
        case YAML_SCALAR_EVENT:
                return read_scalar(d, e, text, ret);
        case YAML_SEQUENCE_START_EVENT:
                if (e->data.sequence_start.anchor || e->data.sequence_start.tag)
                        return fail_at(d, &e->start_mark, "tags and anchors are not taken here");
                return read_list(d, text, depth, ret);
        case YAML_MAPPING_START_EVENT:
                if (e->data.mapping_start.anchor || e->data.mapping_start.tag)
                        return fail_at(d, &e->start_mark, "tags and anchors are not taken here");
                return read_object(d, text, depth, ret);
        case YAML_ALIAS_EVENT:
                return fail_at(d, &e->start_mark, "aliases are not taken here; write the value out");
        default:
                return fail_at(d, &e->start_mark, "a value was expected");
        }
}

/* Take the event of this type or complain. */
static int expect(struct doc *d, yaml_event_type_t type, const char *complaint)
{
        yaml_event_t e;
        int r = 0;

        if (next_event(d, &e) < 0)
                return -1;
        if (e.type != type)
                r = fail_at(d, &e.start_mark, complaint);
        yaml_event_delete(&e);
        return r;
}

static int read_document(struct doc *d, json_t **ret)
{
        yaml_event_t e;
        json_t *value = NULL;
        int r;

        if (expect(d, YAML_STREAM_START_EVENT, "not YAML") < 0 ||
            expect(d, YAML_DOCUMENT_START_EVENT, "the file is empty") < 0 || next_event(d, &e) < 0)
                return -1;
        r = read_noted(d, &e, NULL, e.start_mark.line, false, 0, &value);
        yaml_event_delete(&e);
        if (r == 0)
                r = expect(d, YAML_DOCUMENT_END_EVENT, "the end was expected");
        if (r == 0)
                r = expect(d, YAML_STREAM_END_EVENT,
                           "only one document is taken; write several jobs as a list");
        if (r < 0)
                json_decref(value);
        else
                *ret = value;
        return r;
}

int doc_parse(const char *what, const char *s, size_t n, const char *const *text_keys, json_t **ret,
              struct err *err)
{
        return doc_parse_lines(what, s, n, text_keys, ret, NULL, err);
}

int doc_parse_lines(const char *what, const char *s, size_t n, const char *const *text_keys, json_t **ret,
                    struct doc_lines *lines, struct err *err)
{
        struct doc d = {.what = what, .text_keys = text_keys, .lines = lines, .err = err};
        int r;

        if (n > DOC_SIZE_MAX)
                return err_set(err, ERR_BAD_INPUT, "%s: larger than %d MiB", what, DOC_SIZE_MAX >> 20);
        if (!yaml_parser_initialize(&d.parser))
                abort();
        yaml_parser_set_input_string(&d.parser, (const unsigned char *)s, n);
        r = read_document(&d, ret);
        yaml_parser_delete(&d.parser);
        return r;
}

/* A file that was named and cannot be read is a mistake of who named it. */
static int unreadable(struct err *err, const char *what, const char *path)
{
        return err_set(err, ERR_BAD_INPUT, "%s \"%s\": %s", what, path, strerror(errno));
}

int doc_read_file(const char *path, size_t max, char **ret, size_t *ret_n, struct err *err)
{
        bool standard = strcmp(path, "-") == 0;
        AUTO_CLOSE int opened = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        int fd = standard ? STDIN_FILENO : opened;
        struct buf b;

        if (fd < 0)
                return unreadable(err, "could not open", path);
        buf_init(&b, max + READ_STEP);
        for (;;) {
                ssize_t n = read(fd, buf_reserve(&b, READ_STEP), READ_STEP);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n > 0)
                        buf_added(&b, (size_t)n);
                if (n > 0 && buf_len(&b) <= max)
                        continue;
                if (n == 0)
                        break;
                buf_release(&b);
                return n < 0 ? unreadable(err, "could not read", path)
                             : err_set(err, ERR_BAD_INPUT, "\"%s\" is larger than %zu bytes", path, max);
        }
        *ret_n = buf_len(&b);
        *ret = xstrndup(buf_cstr(&b), buf_len(&b));
        buf_release(&b);
        return 0;
}
