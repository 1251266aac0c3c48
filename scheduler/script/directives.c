/* SPDX-License-Identifier: Apache-2.0 */
#include "directives.h"

#include "common/buf.h"
#include "common/util.h"

#include <string.h>

#define WORD_MAX (64u << 10)

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* One word at *p, up to `end`; *p moves behind it. False: the line has no more. */
static bool take_word(const char **p, const char *end, struct buf *word, char *ret_open_quote)
{
        char quote = 0;
        bool any = false;

        while (*p < end && is_blank(**p))
                (*p)++;
        for (; *p < end && (quote || !is_blank(**p)); (*p)++) {
                char c = **p;

                if (c == '\\' && *p + 1 < end && quote != '\'') {
                        (*p)++;
                        buf_put(word, *p, 1);
                } else if (quote && c == quote) {
                        quote = 0;
                } else if (!quote && (c == '"' || c == '\'')) {
                        quote = c;
                } else if (!quote && c == '#') {
                        *p = end;
                        break;
                } else {
                        buf_put(word, &c, 1);
                }
                any = true;
        }
        *ret_open_quote = quote;
        return any;
}

static int take_line(const char *name, int line, const char *p, const char *end, struct directives *d,
                     struct err *err)
{
        struct buf word;
        char quote = 0;
        int rc = 0;

        buf_init(&word, WORD_MAX);
        while (rc == 0 && take_word(&p, end, &word, &quote)) {
                if (quote)
                        rc = err_set(err, ERR_BAD_INPUT, "%s:%d: the quote %c is never closed", name, line,
                                     quote);
                else if (word.overflow || d->count == DIRECTIVES_MAX)
                        rc = err_set(err, ERR_LIMIT,
                                     "%s:%d: at most %d words of %u bytes may stand in directives", name,
                                     line, DIRECTIVES_MAX, WORD_MAX);
                if (rc == 0) {
                        d->words = xgrow(d->words, d->count, &d->cap, sizeof *d->words);
                        d->words[d->count++] = (struct directive){xstrdup(buf_cstr(&word)), line};
                }
                buf_clear(&word);
        }
        buf_release(&word);
        return rc;
}

static bool is_comment_or_blank(const char *p, const char *end)
{
        while (p < end && is_blank(*p))
                p++;
        return p == end || *p == '#';
}

int directives_read(const char *name, const char *text, const char *mark, bool glued, struct directives *ret,
                    struct err *err)
{
        struct directives d = {0};
        size_t n = strlen(mark);
        int line = 1;

        for (const char *p = text, *end; *p; p = *end ? end + 1 : end, line++) {
                end = strchrnul(p, '\n');
                if (!is_comment_or_blank(p, end))
                        break;
                if (strncmp(p, mark, n) != 0 || (!glued && p + n < end && !is_blank(p[n])))
                        continue;
                if (take_line(name, line, p + n, end, &d, err) < 0) {
                        directives_release(&d);
                        return -1;
                }
        }
        *ret = d;
        return 0;
}

void directives_release(struct directives *d)
{
        for (size_t i = 0; i < d->count; i++)
                free(d->words[i].word);
        free(d->words);
        *d = (struct directives){0};
}

/* ---- what is told of them --------------------------------------------------------------------------------
 */

json_t *directive_add(json_t *said, int line, const char *mark, const char *option, const char *value)
{
        json_t *d = json_pack("{s:i, s:s, s:s, s:s, s:n}", "line", line, "mark", mark, "option", "",
                              "outcome", DIRECTIVE_USED, "sentence");
        json_t *name = json_string(option), *v = value ? json_string(value) : NULL;

        /* What is not UTF-8 is refused by whoever puts it into the job. */
        json_object_set_new(d, "option", name ? name : json_string("?"));
        json_object_set_new(d, "value", v ? v : json_null());
        json_array_append_new(said, d);
        return d;
}

static int rank(const char *outcome)
{
        static const char *const ranks[] = {DIRECTIVE_USED, DIRECTIVE_IGNORED, DIRECTIVE_DIFFERS,
                                            DIRECTIVE_REFUSED};

        for (int i = 0; i < (int)ARRAY_LEN(ranks); i++)
                if (strcmp(ranks[i], outcome) == 0)
                        return i;
        return 0;
}

void directive_say(json_t *directive, const char *outcome, const char *sentence)
{
        const char *before = json_string_value(json_object_get(directive, "sentence"));
        AUTO_FREE char *both = before && sentence ? xasprintf("%s; %s", before, sentence) : NULL;
        json_t *text = both || sentence ? json_string(both ? both : sentence) : NULL;

        if (rank(outcome) > rank(json_string_value(json_object_get(directive, "outcome"))))
                json_object_set_new(directive, "outcome", json_string(outcome));
        if (text)
                json_object_set_new(directive, "sentence", text);
}

size_t directives_count(const json_t *said, const char *outcome)
{
        size_t n = 0, i;
        json_t *d;

        json_array_foreach((json_t *)said, i, d)
        {
                n += strcmp(json_string_value(json_object_get(d, "outcome")), outcome) == 0;
        }
        return n;
}

void fault_add(struct err *all, const struct err *one)
{
        struct err before = *all;

        if (before.code == ERR_NONE)
                *all = *one;
        else
                err_set(all, before.code, "%s; %s", before.text, one->text);
}
