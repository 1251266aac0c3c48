/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t list_length(const struct option *list)
{
        size_t n = 0;

        while (list && list[n].name)
                n++;
        return n;
}

const struct option *option_at(const struct option_rules *r, size_t i)
{
        for (size_t l = 0; l < OPTION_LISTS; l++) {
                size_t n = list_length(r->lists[l]);

                if (i < n)
                        return &r->lists[l][i];
                i -= n;
        }
        return NULL;
}

static const struct option *find_long(const struct option_rules *r, const char *name, size_t n)
{
        const struct option *o;

        for (size_t i = 0; (o = option_at(r, i)); i++) {
                if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
                        return o;
        }
        return NULL;
}

static const struct option *find_letter(const struct option_rules *r, char letter)
{
        const struct option *o;

        for (size_t i = 0; (o = option_at(r, i)); i++) {
                if (o->letter == letter)
                        return o;
        }
        return NULL;
}

int args_add(struct args *a, const struct option *o, const char *value, struct err *err)
{
        if (!o->many && o->value && args_has(a, o->name) && strcmp(args_get(a, o->name), value) != 0)
                return err_set(err, ERR_BAD_INPUT, "--%s is given twice, as \"%s\" and \"%s\"", o->name,
                               args_get(a, o->name), value);
        a->values = xgrow(a->values, a->value_count, &a->value_cap, sizeof *a->values);
        a->values[a->value_count++] = (struct arg_value){o, value};
        return 0;
}

static int parse_long(struct args *a, char *const **argv, struct err *err)
{
        const char *name = **argv + 2, *equals = strchr(name, '=');
        size_t n = equals ? (size_t)(equals - name) : strlen(name);
        const struct option *o = find_long(&a->rules, name, n);

        if (!o)
                return err_set(err, ERR_BAD_INPUT, "unknown option \"--%.*s\"; `reeve help %s` lists them",
                               (int)(n < 80 ? n : 80), name, a->rules.name);
        if (!o->value && equals)
                return err_set(err, ERR_BAD_INPUT, "--%s takes no value", o->name);
        if (o->value && !equals && !*++*argv)
                return err_set(err, ERR_BAD_INPUT, "--%s needs a value: %s", o->name, o->value);
        return args_add(a, o, !o->value ? "" : equals ? equals + 1 : **argv, err);
}

static int parse_letters(struct args *a, char *const **argv, struct err *err)
{
        for (const char *p = **argv + 1; *p; p++) {
                const struct option *o = find_letter(&a->rules, *p);

                if (!o)
                        return err_set(err, ERR_BAD_INPUT,
                                       "unknown option \"-%c\"; `reeve help %s` lists them",
                                       *p > ' ' && *p < 127 ? *p : '?', a->rules.name);
                if (!o->value) {
                        if (args_add(a, o, "", err) < 0)
                                return -1;
                        continue;
                }
                if (p[1])
                        return args_add(a, o, p + 1, err);
                if (!*++*argv)
                        return err_set(err, ERR_BAD_INPUT, "-%c needs a value: %s", o->letter, o->value);
                return args_add(a, o, **argv, err);
        }
        return 0;
}

static void add_word(struct args *a, const char *word)
{
        a->words = xgrow(a->words, a->word_count + 1, &a->word_cap, sizeof *a->words);
        a->words[a->word_count++] = word;
        a->words[a->word_count] = NULL;
}

static int parse_all(struct args *a, char *const *argv, struct err *err)
{
        bool options = true;

        for (; *argv; argv++) {
                const char *word = *argv;

                if (options && strcmp(word, "--") == 0) {
                        a->dashes = a->word_count == 0;
                        options = false;
                } else if (options && word[0] == '-' && word[1] == '-') {
                        if (parse_long(a, &argv, err) < 0)
                                return -1;
                } else if (options && word[0] == '-' && word[1]) {
                        if (parse_letters(a, &argv, err) < 0)
                                return -1;
                } else {
                        add_word(a, word);
                        options = options && !a->rules.stop;
                }
        }
        return 0;
}

int args_read(const struct option_rules *r, char *const *argv, struct args *ret, struct err *err)
{
        struct args a = {.rules = *r};

        a.words = xgrow(NULL, 0, &a.word_cap, sizeof *a.words);
        a.words[0] = NULL;
        if (parse_all(&a, argv, err) < 0) {
                args_release(&a);
                return -1;
        }
        *ret = a;
        return 0;
}

void args_release(struct args *a)
{
        free(a->values);
        free(a->words);
        *a = (struct args){0};
}

const char *args_nth(const struct args *a, const char *name, size_t i)
{
        if (!find_long(&a->rules, name, strlen(name))) {
                fprintf(stderr, "reeve: bug: command \"%s\" has no option \"%s\"\n", a->rules.name, name);
                abort();
        }
        for (size_t v = 0; v < a->value_count; v++) {
                if (strcmp(a->values[v].option->name, name) == 0 && i-- == 0)
                        return a->values[v].value;
        }
        return NULL;
}

bool args_has(const struct args *a, const char *name)
{
        return args_nth(a, name, 0) != NULL;
}

const char *args_get(const struct args *a, const char *name)
{
        const char *last = NULL, *v;

        for (size_t i = 0; (v = args_nth(a, name, i)); i++)
                last = v;
        return last;
}
