/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include "common/num.h"
#include "common/util.h"

#include <string.h>
#include <sys/types.h>

static const char *const known[] = {"path", "size", "sha256", "url"};

void listing_init(struct listing *l, FILE *from, const char *name)
{
        *l = (struct listing){.from = from, .name = name};
}

void listing_release(struct listing *l)
{
        free(l->text);
}

static bool is_known(const char *word)
{
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                if (strcmp(known[i], word) == 0)
                        return true;
        }
        return false;
}

/* Some programs begin a text with a mark of its encoding. */
static void drop_mark(struct listing *l, ssize_t *n)
{
        if (*n < 3 || memcmp(l->text, "\xef\xbb\xbf", 3) != 0)
                return;
        *n -= 3;
        memmove(l->text, l->text + 3, (size_t)*n + 1);
}

/* A line without its end: 1, 0 at the end of the file. Empty ones are passed over. */
static int read_line(struct listing *l, struct err *err)
{
        for (;;) {
                ssize_t n = getline(&l->text, &l->cap, l->from);

                if (n < 0)
                        return ferror(l->from) ? err_errno(err, "could not read \"%s\"", l->name) : 0;
                if (!l->line++)
                        drop_mark(l, &n);
                if (n > LISTING_LINE_MAX || memchr(l->text, '\0', (size_t)n))
                        return err_set(err, ERR_BAD_INPUT, "%s:%zu: the line is too long, or is no text",
                                       l->name, l->line);
                while (n > 0 && (l->text[n - 1] == '\n' || l->text[n - 1] == '\r'))
                        l->text[--n] = '\0';
                if (n > 0)
                        return 1;
        }
}

/* One cell of CSV from *at, which moves behind it and its comma; in place. NULL: a quote is not closed. */
static char *cell(char **at, bool *ret_more)
{
        char *p = *at, *to = p, *begin = p;
        bool quoted = *p == '"';

        for (p += quoted; *p && (quoted || *p != ',');) {
                if (quoted && *p == '"' && p[1] != '"') {
                        quoted = false;
                        p++;
                        continue;
                }
                if (quoted && *p == '"')
                        p++;
                *to++ = *p++;
        }
        *ret_more = *p == ',';
        *at = *p ? p + 1 : p;
        *to = '\0';
        return quoted ? NULL : begin;
}

static int fault(const struct listing *l, struct err *err, const char *what)
{
        return err_set(err, ERR_BAD_INPUT, "%s:%zu: %s", l->name, l->line, what);
}

/* The first line may name the columns. True: it did. */
static bool read_header(struct listing *l)
{
        AUTO_FREE char *copy = xstrdup(l->text);
        char *at = copy;
        bool more = true, names = true;

        l->column_count = 0;
        while (more && names && l->column_count < LISTING_COLUMNS) {
                const char *word = cell(&at, &more);

                names = word && is_known(word);
                if (names)
                        snprintf(l->columns[l->column_count++], sizeof l->columns[0], "%s", word);
        }
        if (names && !more)
                return true;
        for (l->column_count = 0; l->column_count < 3; l->column_count++)
                snprintf(l->columns[l->column_count], sizeof l->columns[0], "%s", known[l->column_count]);
        return false;
}

static int put_cell(const struct listing *l, json_t *file, const char *column, const char *text,
                    struct err *err)
{
        json_t *value;
        int64_t n;

        if (!*text)
                return 0;
        if (strcmp(column, "size") == 0) {
                if (num_int("size", text, 0, INT64_MAX, &n, NULL) < 0)
                        return fault(l, err, "the size is no number of bytes");
                value = json_integer((json_int_t)n);
        } else {
                value = json_string(text);
        }
        return json_object_set_new(file, column, value) < 0 ? fault(l, err, "it is not UTF-8") : 0;
}

static int read_csv(struct listing *l, json_t **ret, struct err *err)
{
        json_t *file = json_object();
        char *at = l->text;
        bool more = true;
        int rc = 0;

        for (size_t i = 0; more && rc == 0; i++) {
                const char *text = cell(&at, &more);

                if (!text)
                        rc = fault(l, err, "a quote is not closed");
                else if (i == l->column_count)
                        rc = fault(l, err, "it has more columns than the header, or than path,size,sha256");
                else
                        rc = put_cell(l, file, l->columns[i], text, err);
        }
        if (rc < 0)
                json_decref(file);
        else
                *ret = file;
        return rc < 0 ? -1 : 1;
}

static int read_json(struct listing *l, json_t **ret, struct err *err)
{
        json_t *file = json_loads(l->text, JSON_REJECT_DUPLICATES, NULL);

        if (json_is_object(file)) {
                *ret = file;
                return 1;
        }
        json_decref(file);
        return fault(l, err, "it is no JSON object");
}

int listing_next(struct listing *l, json_t **ret, struct err *err)
{
        int rc = read_line(l, err);

        if (rc == 1 && !l->begun) {
                l->begun = true;
                l->json = l->text[0] == '{';
                if (!l->json && read_header(l))
                        rc = read_line(l, err);
        }
        if (rc <= 0)
                return rc;
        return l->json ? read_json(l, ret, err) : read_csv(l, ret, err);
}
