/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include "common/buf.h"
#include "common/util.h"

#include <string.h>

#define LINE_COLUMNS 79

/* Print the words of text behind the `at` columns that the line has, broken before the line's end and
 * continued at `indent`. */
static void wrap(FILE *out, const char *text, size_t at, size_t indent)
{
        bool first = true;

        while (*text) {
                size_t n = strcspn(text, " ");

                if (!first && at + 1 + n > LINE_COLUMNS) {
                        fprintf(out, "\n%*s", (int)indent, "");
                        at = indent;
                } else if (!first) {
                        fputc(' ', out);
                        at++;
                }
                fprintf(out, "%.*s", (int)n, text);
                at += n;
                first = false;
                text += n;
                text += strspn(text, " ");
        }
        fputc('\n', out);
}

static void option_names(const struct option *o, struct buf *b)
{
        if (o->letter)
                buf_printf(b, "-%c, ", o->letter);
        else
                buf_text(b, "    ");
        buf_printf(b, "--%s", o->name);
        if (o->value)
                buf_printf(b, " %s", o->value);
}

static void print_options(FILE *out, const struct option *list)
{
        for (; list && list->name; list++) {
                struct buf b;
                size_t n;

                buf_init(&b, 256);
                option_names(list, &b);
                n = buf_len(&b);
                fprintf(out, "  %-24s", buf_cstr(&b));
                if (n >= 24)
                        fprintf(out, "\n%26s", "");
                wrap(out, list->help, 26, 26);
                buf_release(&b);
        }
}

static void print_summary(FILE *out, const struct command *cmd)
{
        fprintf(out, "  %-20s ", cmd->name);
        wrap(out, cmd->summary, 23, 23);
}

/* One line for all commands of a group. */
static const struct command *print_group(FILE *out, const struct command *cmd)
{
        size_t n = strcspn(cmd->name, " ");
        struct buf b;

        buf_init(&b, 4096);
        for (const struct command *first = cmd; cmd->name && strncmp(cmd->name, first->name, n + 1) == 0;
             cmd++)
                buf_printf(&b, "%s%s", cmd == first ? "" : ", ", cmd->name + n + 1);
        fprintf(out, "  %-12.*s ", (int)n, cmd[-1].name);
        wrap(out, buf_cstr(&b), 15, 15);
        buf_release(&b);
        return cmd;
}

void help_overview(FILE *out)
{
        /* A heading goes before the command it names. */
        static const struct {
                const char *before, *heading;
        } headings[] = {
            {"run", "run work"},       {"jobs", "see how it goes"}, {"cancel", "change it"},
            {"get", "data"},           {"site list", "the grid"},   {"project list", "people"},
            {"login", "this program"},
        };
        const struct command *cmd = commands;

        fprintf(out, "reeve - run work on a grid of SSH sites\n\n"
                     "usage: reeve COMMAND [OPTIONS] [ARGUMENTS]\n");
        while (cmd->name) {
                for (size_t i = 0; i < ARRAY_LEN(headings); i++) {
                        if (strcmp(headings[i].before, cmd->name) == 0)
                                fprintf(out, "\n%s:\n", headings[i].heading);
                }
                if (strchr(cmd->name, ' ')) {
                        cmd = print_group(out, cmd);
                        continue;
                }
                fprintf(out, "  %-12s ", cmd->name);
                wrap(out, cmd->summary, 15, 15);
                cmd++;
        }
        fprintf(out, "\noptions of every command:\n");
        print_options(out, global_options);
        fprintf(out, "\n`reeve help COMMAND` says more. Begin with: reeve run -- hostname\n");
}

void help_group(FILE *out, const char *group)
{
        size_t n = strlen(group);

        fprintf(out, "usage: reeve %s COMMAND\n\n", group);
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                if (strncmp(cmd->name, group, n) == 0 && cmd->name[n] == ' ')
                        print_summary(out, cmd);
        }
}

void help_command(FILE *out, const struct command *cmd)
{
        fprintf(out, "usage: reeve %s%s%s\n\n", cmd->name, *cmd->args ? " " : "", cmd->args);
        wrap(out, cmd->summary, 0, 0);
        if (cmd->details)
                fprintf(out, "\n%s", cmd->details);
        if (cmd->options || cmd->more_options)
                fprintf(out, "\noptions:\n");
        print_options(out, cmd->options);
        print_options(out, cmd->more_options);
        fprintf(out, "\noptions of every command:\n");
        print_options(out, global_options);
}

/* ---- manual ----------------------------------------------------------------------------------------------
 */

/* Text in scdoc's language: its marks are escaped, and a dash that would begin a list. */
static void manual_text(FILE *out, const char *s)
{
        if (*s == '-')
                fputc('\\', out);
        for (; *s; s++) {
                if (strchr("_*\\#~[`|", *s))
                        fputc('\\', out);
                fputc(*s, out);
        }
}

static void manual_options(FILE *out, const struct option *list)
{
        for (; list && list->name; list++) {
                fputc('*', out);
                if (list->letter)
                        fprintf(out, "-%c*, *", list->letter);
                fprintf(out, "--%s*", list->name);
                if (list->value) {
                        fputs(" _", out);
                        manual_text(out, list->value);
                        fputc('_', out);
                }
                fputs("\n\t", out);
                manual_text(out, list->help);
                fputs("\n\n", out);
        }
}

/* Indented lines of the details are examples: kept as they are. */
static void manual_details(FILE *out, const char *s)
{
        bool literal = false;

        while (*s) {
                size_t n = strcspn(s, "\n");
                bool indented = s[0] == ' ' && s[1] == ' ';
                AUTO_FREE char *line = xstrndup(s, n);

                if (indented != literal)
                        fputs("```\n", out);
                literal = indented;
                if (literal)
                        fputs(line + 2, out);
                else
                        manual_text(out, line);
                fputc('\n', out);
                s += n + (s[n] == '\n');
        }
        if (literal)
                fputs("```\n", out);
        fputc('\n', out);
}

void help_manual(FILE *out)
{
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                /* A heading is taken as it is, without escapes. */
                fprintf(out, "## reeve %s%s%s\n\n", cmd->name, *cmd->args ? " " : "", cmd->args);
                manual_text(out, cmd->summary);
                fputs("\n\n", out);
                if (cmd->details)
                        manual_details(out, cmd->details);
                manual_options(out, cmd->options);
                manual_options(out, cmd->more_options);
        }
        fputs("## Options of every command\n\n", out);
        manual_options(out, global_options);
}
