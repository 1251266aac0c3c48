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
        fprintf(out, "  %-18s ", cmd->name);
        wrap(out, cmd->summary, 21, 21);
}

void help_overview(FILE *out)
{
        fprintf(out, "reeve - run work on a grid of SSH sites\n\n"
                     "usage: reeve COMMAND [OPTIONS] [ARGUMENTS]\n\n");
        for (const struct command *cmd = commands; cmd->name; cmd++)
                print_summary(out, cmd);
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

/* ---- completions -----------------------------------------------------------------------------------------
 */

static void add_option_words(FILE *out, const struct command *cmd)
{
        const struct option *o;

        for (size_t i = 0; (o = command_option(cmd, i)); i++)
                fprintf(out, " --%s", o->name);
}

/* First words: commands of one word, and groups once. */
static void first_words(FILE *out)
{
        const char *last = "";

        for (const struct command *cmd = commands; cmd->name; cmd++) {
                size_t n = strcspn(cmd->name, " ");

                if (strncmp(last, cmd->name, n) != 0 || (last[n] != ' ' && last[n] != '\0'))
                        fprintf(out, " %.*s", (int)n, cmd->name);
                last = cmd->name;
        }
}

static void second_words(FILE *out, const char *group, size_t n)
{
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                if (strncmp(cmd->name, group, n) == 0 && cmd->name[n] == ' ')
                        fprintf(out, " %s", cmd->name + n + 1);
        }
}

static void bash_completion(FILE *out)
{
        fputs("# bash completion for reeve; load with: source <(reeve completion bash)\n"
              "_reeve() {\n"
              "        local cur=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
              "        if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
              "                COMPREPLY=($(compgen -W \"",
              out);
        first_words(out);
        fputs("\" -- \"$cur\"))\n                return\n        fi\n        case \"${COMP_WORDS[1]} "
              "${COMP_WORDS[2]}\" in\n",
              out);
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                fprintf(out, "        \"%s%s) words=\"", cmd->name, strchr(cmd->name, ' ') ? "\"" : " \"*");
                add_option_words(out, cmd);
                fputs("\" ;;\n", out);
        }
        fputs("        esac\n        if [ \"$COMP_CWORD\" -eq 2 ]; then\n                case "
              "\"${COMP_WORDS[1]}\" in\n",
              out);
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                size_t n = strcspn(cmd->name, " ");

                if (!cmd->name[n] || (cmd != commands && strncmp(cmd[-1].name, cmd->name, n + 1) == 0))
                        continue;
                fprintf(out, "                %.*s) words=\"", (int)n, cmd->name);
                second_words(out, cmd->name, n);
                fputs("\" ;;\n", out);
        }
        fputs("                esac\n        fi\n"
              "        case \"$cur\" in\n"
              "        -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
              "        *) [ \"$COMP_CWORD\" -eq 2 ] && [ \"${words#*--}\" = \"$words\" ] &&\n"
              "                   COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
              "        esac\n"
              "}\n"
              "complete -o default -F _reeve reeve\n",
              out);
}

/* Between single quotes of fish: quote and backslash are escaped. */
static void fish_text(FILE *out, const char *s)
{
        fputc('\'', out);
        for (; *s; s++) {
                if (*s == '\'' || *s == '\\')
                        fputc('\\', out);
                fputc(*s, out);
        }
        fputc('\'', out);
}

static void fish_completion(FILE *out)
{
        const struct option *o;

        fputs("# fish completion for reeve; load with: reeve completion fish | source\n", out);
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                size_t n = strcspn(cmd->name, " ");

                if (cmd->name[n])
                        fprintf(out,
                                "complete -c reeve -n '__fish_seen_subcommand_from %.*s; and test (count "
                                "(commandline -opc)) "
                                "-eq 2' -f -a %s -d ",
                                (int)n, cmd->name, cmd->name + n + 1);
                else
                        fprintf(out, "complete -c reeve -n __fish_use_subcommand -f -a %s -d ", cmd->name);
                fish_text(out, cmd->summary);
                fputc('\n', out);
        }
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                const char *second = strchr(cmd->name, ' ');
                size_t n = strcspn(cmd->name, " ");

                for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                        fprintf(out, "complete -c reeve -n '__fish_seen_subcommand_from %.*s", (int)n,
                                cmd->name);
                        if (second)
                                fprintf(out, "; and __fish_seen_subcommand_from %s", second + 1);
                        fprintf(out, "' -l %s", o->name);
                        if (o->letter)
                                fprintf(out, " -s %c", o->letter);
                        fprintf(out, "%s -d ", o->value ? " -r" : "");
                        fish_text(out, o->help);
                        fputc('\n', out);
                }
        }
}

static void zsh_completion(FILE *out)
{
        fputs("#compdef reeve\n# zsh completion for reeve; load with: source <(reeve completion zsh)\n"
              "autoload -U +X bashcompinit && bashcompinit\n",
              out);
        bash_completion(out);
}

int help_completion(FILE *out, const char *shell)
{
        static const struct {
                const char *shell;
                void (*print)(FILE *out);
        } shells[] = {{"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};

        for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
                if (strcmp(shells[i].shell, shell) != 0)
                        continue;
                shells[i].print(out);
                return 0;
        }
        return -1;
}
