/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include "common/nearest.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* Does argv begin with the words of this name? Returns how many there are, 0: it does not. */
static size_t names(const char *name, char *const *argv)
{
        size_t words = 0;

        for (;; words++) {
                size_t n = strcspn(name, " ");

                if (!argv[words] || strlen(argv[words]) != n || strncmp(name, argv[words], n) != 0)
                        return 0;
                if (!name[n])
                        return words + 1;
                name += n + 1;
        }
}

const struct command *command_find(char *const *argv, size_t *ret_words)
{
        if (!argv[0])
                return NULL;
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                size_t words = names(cmd->name, argv);

                if (!words)
                        continue;
                *ret_words = words;
                return cmd;
        }
        return NULL;
}

bool command_is_group(const char *word)
{
        size_t n = strlen(word);

        for (const struct command *cmd = commands; cmd->name; cmd++) {
                if (strncmp(cmd->name, word, n) == 0 && cmd->name[n] == ' ')
                        return true;
        }
        return false;
}

/* What people who come from elsewhere type. */
static const struct {
        const char *word, *command;
} foreign[] = {
    {"ls", "jobs"},           {"list", "jobs"},       {"ps", "jobs"},
    {"qstat", "jobs"},        {"squeue", "jobs"},     {"sacct", "jobs"},
    {"status", "show"},       {"describe", "show"},   {"info", "show"},
    {"why", "explain"},       {"sbatch", "submit"},   {"qsub", "submit"},
    {"srun", "run"},          {"exec", "run"},        {"scancel", "cancel"},
    {"qdel", "cancel"},       {"kill", "cancel"},     {"stop", "cancel"},
    {"delete", "cancel"},     {"rm", "cancel"},       {"cat", "logs"},
    {"tail", "logs"},         {"output", "logs"},     {"fetch", "get"},
    {"download", "get"},      {"cp", "get"},          {"retry", "rerun"},
    {"resubmit", "rerun"},    {"sinfo", "site list"}, {"nodes", "worker list"},
    {"hosts", "worker list"}, {"watch", "top"},       {"history", "events"},
    {"me", "whoami"},         {"check", "doctor"},    {"settings", "config show"},
    {"signin", "login"},      {"auth", "login"},
};

const struct command *command_suggest(const char *word)
{
        struct nearest near = nearest_to(word);
        const struct command *best = NULL;

        for (const struct command *cmd = commands; cmd->name; cmd++) {
                for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
                        if (strcmp(foreign[i].word, word) == 0 && strcmp(foreign[i].command, cmd->name) == 0)
                                return cmd;
                }
        }

        for (const struct command *cmd = commands; cmd->name; cmd++) {
                nearest_offer(&near, cmd->name);
                if (near.best == cmd->name)
                        best = cmd;
        }
        return best;
}

static size_t list_length(const struct option *list)
{
        size_t n = 0;

        while (list && list[n].name)
                n++;
        return n;
}

const struct option *command_option(const struct command *cmd, size_t i)
{
        const struct option *lists[] = {cmd ? cmd->options : NULL, cmd ? cmd->more_options : NULL,
                                        global_options};

        for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
                size_t n = list_length(lists[l]);

                if (i < n)
                        return &lists[l][i];
                i -= n;
        }
        return NULL;
}

static const struct option *find_long(const struct command *cmd, const char *name, size_t n)
{
        const struct option *o;

        for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
                        return o;
        }
        return NULL;
}

static const struct option *find_letter(const struct command *cmd, char letter)
{
        const struct option *o;

        for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                if (o->letter == letter)
                        return o;
        }
        return NULL;
}

static const char *help_of(const struct command *cmd)
{
        return cmd ? cmd->name : "";
}

static int add_value(struct args *a, const struct option *o, const char *value, struct err *err)
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
        const struct option *o = find_long(a->command, name, n);

        if (!o)
                return err_set(err, ERR_BAD_INPUT, "unknown option \"--%.*s\"; `reeve help %s` lists them",
                               (int)(n < 80 ? n : 80), name, help_of(a->command));
        if (!o->value && equals)
                return err_set(err, ERR_BAD_INPUT, "--%s takes no value", o->name);
        if (o->value && !equals && !*++*argv)
                return err_set(err, ERR_BAD_INPUT, "--%s needs a value: %s", o->name, o->value);
        return add_value(a, o, !o->value ? "" : equals ? equals + 1 : **argv, err);
}

static int parse_letters(struct args *a, char *const **argv, struct err *err)
{
        for (const char *p = **argv + 1; *p; p++) {
                const struct option *o = find_letter(a->command, *p);

                if (!o)
                        return err_set(err, ERR_BAD_INPUT,
                                       "unknown option \"-%c\"; `reeve help %s` lists them",
                                       *p > ' ' && *p < 127 ? *p : '?', help_of(a->command));
                if (!o->value) {
                        if (add_value(a, o, "", err) < 0)
                                return -1;
                        continue;
                }
                if (p[1])
                        return add_value(a, o, p + 1, err);
                if (!*++*argv)
                        return err_set(err, ERR_BAD_INPUT, "-%c needs a value: %s", o->letter, o->value);
                return add_value(a, o, **argv, err);
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
                        options = options && !(a->command ? a->command->stop : true);
                }
        }
        return 0;
}

static int check_count(const struct args *a, struct err *err)
{
        const struct command *cmd = a->command;

        if (!cmd || a->help_wanted)
                return 0;
        if (a->word_count < (size_t)cmd->min)
                return err_set(err, ERR_BAD_INPUT, "something is missing: reeve %s %s", cmd->name, cmd->args);
        if (cmd->max >= 0 && a->word_count > (size_t)cmd->max)
                return err_set(err, ERR_BAD_INPUT, "\"%s\" is too much: reeve %s %s", a->words[cmd->max],
                               cmd->name, cmd->args);
        return 0;
}

int args_parse(const struct command *cmd, char *const *argv, struct args *ret, struct err *err)
{
        struct args a = {.command = cmd};

        a.words = xgrow(NULL, 0, &a.word_cap, sizeof *a.words);
        a.words[0] = NULL;
        if (parse_all(&a, argv, err) < 0) {
                args_release(&a);
                return -1;
        }
        a.help_wanted = args_has(&a, "help");
        if (check_count(&a, err) < 0) {
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
        if (!find_long(a->command, name, strlen(name))) {
                fprintf(stderr, "reeve: bug: command \"%s\" has no option \"%s\"\n", help_of(a->command),
                        name);
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
