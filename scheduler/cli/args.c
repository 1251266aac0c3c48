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

static struct option_rules rules_of(const struct command *cmd)
{
        return (struct option_rules){
            .name = cmd ? cmd->name : "",
            .lists = {cmd ? cmd->options : NULL, cmd ? cmd->more_options : NULL, global_options},
            .stop = cmd ? cmd->stop : true};
}

const struct option *command_option(const struct command *cmd, size_t i)
{
        struct option_rules r = rules_of(cmd);

        return option_at(&r, i);
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
        struct option_rules r = rules_of(cmd);
        struct args a;

        if (args_read(&r, argv, &a, err) < 0)
                return -1;
        a.command = cmd;
        a.help_wanted = args_has(&a, "help");
        if (check_count(&a, err) < 0) {
                args_release(&a);
                return -1;
        }
        *ret = a;
        return 0;
}
