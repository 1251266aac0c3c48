/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include "common/util.h"

#include <ctype.h>
#include <string.h>

/* ---- what is wanted ---- */

static const struct {
        const char *word; /* as values and arguments are called in help */
        enum complete_kind kind;
} kinds[] = {
    {"FILE", COMPLETE_FILES},          {"SCRIPT", COMPLETE_FILES},
    {"DIR", COMPLETE_FILES},           {"FORMAT", COMPLETE_FORMATS},
    {"STATE", COMPLETE_JOB_STATES},    {"JOB", COMPLETE_JOBS},
    {"JOBS", COMPLETE_JOBS},           {"SITE", COMPLETE_SITES},
    {"WORKER", COMPLETE_WORKERS},      {"DATASET", COMPLETE_DATASETS},
    {"PROJECT", COMPLETE_PROJECTS},    {"USER", COMPLETE_USERS},
    {"TOKEN", COMPLETE_TOKENS},        {"COMMAND", COMPLETE_COMMANDS},
    {"SHELL", COMPLETE_SHELLS},        {"SETTING", COMPLETE_SETTINGS},
    {"ROLE", COMPLETE_ROLES},          {"SUBSCRIPTION", COMPLETE_SUBSCRIPTIONS},
    {"KIND", COMPLETE_KINDS},          {"SCOPE", COMPLETE_SCOPES},
    {"SESSION", COMPLETE_SESSIONS},    {"INVITATION", COMPLETE_INVITATIONS},
    {"IDENTITY", COMPLETE_IDENTITIES}, {"TEMPLATE", COMPLETE_TEMPLATES},
};

/* Where the same word means something narrower. */
static const struct {
        const char *command;
        enum complete_kind general, narrow;
} narrower[] = {
    {"show", COMPLETE_JOB_STATES, COMPLETE_TASK_STATES}, {"cancel", COMPLETE_JOBS, COMPLETE_LIVE_JOBS},
    {"hold", COMPLETE_JOBS, COMPLETE_LIVE_JOBS},         {"release", COMPLETE_JOBS, COMPLETE_LIVE_JOBS},
    {"wait", COMPLETE_JOBS, COMPLETE_LIVE_JOBS},         {"rerun", COMPLETE_JOBS, COMPLETE_ENDED_JOBS},
};

static enum complete_kind kind_of_word(const struct command *cmd, const char *word, size_t n)
{
        enum complete_kind kind = COMPLETE_NOTHING;

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (strlen(kinds[i].word) == n && strncmp(kinds[i].word, word, n) == 0)
                        kind = kinds[i].kind;
        }
        for (size_t i = 0; cmd && i < ARRAY_LEN(narrower); i++) {
                if (strcmp(narrower[i].command, cmd->name) == 0 && narrower[i].general == kind)
                        return narrower[i].narrow;
        }
        return kind;
}

/* The kind of the n-th argument, from the usage line: "JOB[.TASK]|DATASET [DIR]". The last one stands for all
 * that follow. "[OPTIONS]" is none; of several forms the first counts. */
static enum complete_kind kind_of_argument(const struct command *cmd, size_t n)
{
        enum complete_kind kind = COMPLETE_NOTHING;

        for (const char *p = cmd->args; *p;) {
                size_t len = strcspn(p, " "), skip = strspn(p, "["), word = 0;

                while (isupper((unsigned char)p[skip + word]))
                        word++;
                if (len == 1 && *p == '|')
                        break;
                if (word && strncmp(p + skip, "OPTIONS", word) != 0) {
                        kind = kind_of_word(cmd, p + skip, word);
                        if (n-- == 0)
                                return kind;
                }
                p += len;
                p += strspn(p, " ");
        }
        return strstr(cmd->args, "...") ? kind : COMPLETE_NOTHING;
}

static const struct option *find_option(const struct command *cmd, const char *word, size_t n)
{
        const struct option *o;

        for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                if (n > 2 && word[1] == '-' && strlen(o->name) == n - 2 &&
                    strncmp(o->name, word + 2, n - 2) == 0)
                        return o;
                if (n == 2 && o->letter == word[1])
                        return o;
        }
        return NULL;
}

/* Do commands begin with these words ("site ")? */
static bool is_group(const char *group)
{
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                if (strncmp(cmd->name, group, strlen(group)) == 0)
                        return true;
        }
        return false;
}

/* One more word of the command's name. */
static bool take_name(struct complete_want *w, const char *word)
{
        AUTO_FREE char *name = xasprintf("%s%s", w->group, word);
        AUTO_FREE char *group = xasprintf("%s ", name);

        for (const struct command *cmd = commands; cmd->name; cmd++) {
                if (strcmp(cmd->name, name) == 0) {
                        w->command = cmd;
                        return true;
                }
        }
        if (strlen(group) >= sizeof w->group || !is_group(group))
                return false;
        snprintf(w->group, sizeof w->group, "%s", group);
        return true;
}

static void want_value(struct complete_want *w, const struct option *o, const char *typed)
{
        snprintf(w->prefix, sizeof w->prefix, "%s", typed);
        w->kind = kind_of_word(w->command, o->value, strcspn(o->value, "[=. "));
}

/* The word under the cursor. */
static void want_word(struct complete_want *w, const char *word, size_t arguments, bool options)
{
        const char *equals = strchr(word, '=');

        snprintf(w->prefix, sizeof w->prefix, "%s", word);
        if (options && word[0] == '-' && word[1] == '-' && equals) {
                const struct option *o = find_option(w->command, word, (size_t)(equals - word));

                if (o && o->value && (size_t)(equals - word) + 2 < sizeof w->before) {
                        snprintf(w->before, (size_t)(equals - word) + 2, "%s", word);
                        want_value(w, o, equals + 1);
                }
        } else if (options && word[0] == '-') {
                w->kind = COMPLETE_OPTIONS;
        } else if (!w->command) {
                w->kind = COMPLETE_COMMANDS;
        } else {
                w->kind = kind_of_argument(w->command, arguments);
                if (w->kind == COMPLETE_COMMANDS && arguments)
                        w->kind = COMPLETE_NOTHING;
        }
}

void complete_want(char *const *words, size_t count, size_t index, struct complete_want *ret)
{
        struct complete_want w = {0};
        size_t arguments = 0;
        bool options = true;

        for (size_t i = 1; i < index && i < count; i++) {
                const char *word = words[i];
                const struct option *o =
                    options && *word == '-' ? find_option(w.command, word, strlen(word)) : NULL;

                if (options && strcmp(word, "--") == 0) {
                        options = false;
                } else if (o && o->value) {
                        if (++i == index) {
                                want_value(&w, o, i < count ? words[i] : "");
                                *ret = w;
                                return;
                        }
                } else if (options && *word == '-') {
                        continue;
                } else if (!w.command) {
                        if (!take_name(&w, word)) {
                                *ret = w;
                                return;
                        }
                } else {
                        arguments++;
                        options = options && !w.command->stop;
                }
        }
        /* Behind its first argument the words of a program are its own. */
        if (w.command && w.command->stop && (arguments || !options)) {
                w.kind = COMPLETE_FILES;
                snprintf(w.prefix, sizeof w.prefix, "%s", index < count ? words[index] : "");
        } else {
                want_word(&w, index < count ? words[index] : "", arguments, options);
        }
        *ret = w;
}

/* ---- words of the table ---- */

bool complete_is_plain(const char *s)
{
        for (const char *p = s; *p; p++) {
                if (!isalnum((unsigned char)*p) && !strchr("._-:/@+,=%", *p))
                        return false;
        }
        return *s != '\0';
}

static void add(const struct complete_want *w, struct buf *out, const char *word, const char *what)
{
        if (strncmp(word, w->prefix, strlen(w->prefix)) == 0)
                buf_printf(out, "%s%s\t%s\n", w->before, word, what);
}

static void add_commands(const struct complete_want *w, struct buf *out)
{
        size_t n = strlen(w->group);
        char last[64] = "";

        for (const struct command *cmd = commands; cmd->name; cmd++) {
                size_t word = strncmp(cmd->name, w->group, n) == 0 ? strcspn(cmd->name + n, " ") : 0;
                AUTO_FREE char *one = xstrndup(cmd->name + (word ? n : 0), word);

                if (!word || strcmp(one, last) == 0)
                        continue;
                snprintf(last, sizeof last, "%s", one);
                add(w, out, one, cmd->name[n + word] ? "several commands" : cmd->summary);
        }
}

static void add_options(const struct complete_want *w, struct buf *out)
{
        const struct option *o;

        for (size_t i = 0; (o = command_option(w->command, i)); i++) {
                AUTO_FREE char *name = xasprintf("--%s", o->name);

                add(w, out, name, o->help);
        }
}

#define FIXED_MAX 13
static const struct {
        enum complete_kind kind;
        const char *words[FIXED_MAX];
} fixed[] = {
    {COMPLETE_FORMATS, {"table", "wide", "json", "jsonl", "csv", "id"}},
    {COMPLETE_JOB_STATES, {"accepted", "active", "succeeded", "failed", "cancelled"}},
    {COMPLETE_TASK_STATES, {"blocked", "ready", "placed", "succeeded", "failed", "cancelled"}},
    {COMPLETE_SHELLS, {"bash", "zsh", "fish"}},
    {COMPLETE_SETTINGS, {"url", "format", "token", "color", "file"}},
    {COMPLETE_ROLES, {"viewer", "submitter", "admin"}},
    {COMPLETE_KINDS,
     {"job.succeeded", "job.failed", "job.cancelled", "job.held", "job.released", "task.failed", "site.up",
      "site.suspect", "site.down", "site.alarm", "worker.lost", "transfer.failed", "data.suspect"}},
    {COMPLETE_SCOPES,
     {"jobs:read", "jobs:write", "data:read", "data:write", "sites:read", "sites:admin", "metrics:read",
      "people:read", "people:admin", "account:read", "account:write"}},
};

void complete_add_words(const struct complete_want *w, struct buf *out)
{
        if (w->kind == COMPLETE_COMMANDS)
                add_commands(w, out);
        if (w->kind == COMPLETE_OPTIONS)
                add_options(w, out);
        if (w->kind == COMPLETE_FILES)
                buf_text(out, "::files\n");
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
                for (size_t k = 0; fixed[i].kind == w->kind && k < FIXED_MAX && fixed[i].words[k]; k++)
                        add(w, out, fixed[i].words[k], "");
        }
}

/* ---- scripts ---- */

/* bash takes words apart at "=" and ":"; they are put together again, and what it keeps by itself is cut off.
 */
static const char bash_script[] =
    "# bash completion for reeve; load with: source <(reeve completion bash)\n"
    "_reeve() {\n"
    "        local IFS=$'\\n' line value cut i cursor=0 words=()\n"
    "        for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "                if ((i > 1)) && [[ ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i-1]} == [=:] ]]; then\n"
    "                        words[cursor]+=${COMP_WORDS[i]}\n"
    "                else\n"
    "                        ((i)) && ((++cursor))\n"
    "                        words[cursor]=${COMP_WORDS[i]}\n"
    "                fi\n"
    "        done\n"
    "        cut=${words[cursor]%\"${words[cursor]##*[=:]}\"}\n"
    "        COMPREPLY=()\n"
    "        while IFS= read -r line; do\n"
    "                if [[ $line == ::files ]]; then\n"
    "                        compopt -o default\n"
    "                        return\n"
    "                fi\n"
    "                value=${line%%$'\\t'*}\n"
    "                COMPREPLY+=(\"${value#\"$cut\"}\")\n"
    "        done < <(\"${COMP_WORDS[0]}\" __complete \"$cursor\" \"${words[@]}\" 2>/dev/null)\n"
    "        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
    "        return 0\n"
    "}\n"
    "complete -F _reeve reeve\n";

static const char zsh_script[] =
    "#compdef reeve\n"
    "# zsh completion for reeve; load with: source <(reeve completion zsh)\n"
    "_reeve() {\n"
    "        local -a lines values\n"
    "        local line value\n"
    "        lines=(\"${(@f)$(\"${words[1]}\" __complete $((CURRENT - 1)) "
    "\"${(@)words[1,CURRENT]}\" 2>/dev/null)}\")\n"
    "        if [[ ${lines[1]} == ::files ]]; then\n"
    "                _files\n"
    "                return\n"
    "        fi\n"
    "        for line in \"${(@)lines}\"; do\n"
    "                [[ -n $line ]] || continue\n"
    "                value=${line%%$'\\t'*}\n"
    "                values+=(\"${value//:/\\\\:}:${line#*$'\\t'}\")\n"
    "        done\n"
    "        _describe -V 'reeve' values\n"
    "}\n"
    "# Found through fpath this file is the function itself; sourced it only makes it known.\n"
    "if [[ ${funcstack[1]} == _reeve ]]; then\n"
    "        _reeve \"$@\"\n"
    "else\n"
    "        compdef _reeve reeve\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for reeve; load with: reeve completion fish | source\n"
    "function __reeve_complete\n"
    "        set -l words (commandline -opc)\n"
    "        set -l current (commandline -ct)\n"
    "        set -l lines ($words[1] __complete (count $words) $words \"$current\" 2>/dev/null)\n"
    "        if test \"$lines[1]\" = ::files\n"
    "                __fish_complete_path \"$current\"\n"
    "        else\n"
    "                printf '%s\\n' $lines\n"
    "        end\n"
    "end\n"
    "complete -c reeve -f -k -a '(__reeve_complete)'\n";

int complete_script(FILE *out, const char *shell)
{
        static const struct {
                const char *shell, *script;
        } shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

        for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
                if (strcmp(shells[i].shell, shell) == 0)
                        return fputs(shells[i].script, out) < 0 ? -1 : 0;
        }
        return -1;
}
