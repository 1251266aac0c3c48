/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include "commands.h"
#include "help.h"
#include "job_file.h"
#include "profile.h"
#include "sheet.h"
#include "text.h"
#include "common/util.h"

#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool progress_shown;

/* What takes longer than a moment says so. */
static void say_waiting(void *arg, const char *what)
{
        if (what)
                cli_progress(arg, "%s", what);
        else
                cli_progress_end(arg);
}

struct client *cli_client(struct cli *c)
{
        struct profile p;
        struct err err;

        if (c->client)
                return c->client;
        if (profile_load(&p, &err) < 0) {
                c->client_code = cli_fail(c, &err);
                return NULL;
        }
        /* A token is for the server it was stored with. */
        if (c->url && strcmp(c->url, p.url) != 0 && !getenv("REEVE_TOKEN") && !getenv("REEVE_TOKEN_FILE")) {
                free(p.token);
                p.token = NULL;
        }
        if (client_new(c->url ? c->url : p.url, p.token, c->debug, &c->client, &err) < 0)
                c->client_code = cli_fail(c, &err);
        else
                client_on_wait(c->client, say_waiting, c);
        profile_release(&p);
        return c->client;
}

int exit_code_of(enum err_code code)
{
        static const int codes[] = {
            [ERR_NONE] = EXIT_FAILED,
            [ERR_BAD_INPUT] = EXIT_USAGE,
            [ERR_NOT_FOUND] = EXIT_NOT_FOUND,
            [ERR_DENIED] = EXIT_DENIED,
            [ERR_CONFLICT] = EXIT_CONFLICT,
            [ERR_LIMIT] = EXIT_LIMIT,
            [ERR_UNAVAILABLE] = EXIT_UNREACHABLE,
            [ERR_FENCED] = EXIT_CONFLICT,
            [ERR_PROTOCOL] = EXIT_FAILED,
            [ERR_SYSTEM] = EXIT_FAILED,
        };

        return (size_t)code < ARRAY_LEN(codes) ? codes[code] : EXIT_FAILED;
}

/* What the server found wrong, one place a line, unless the one thing was said already and stands in no file.
 */
static void say_particulars(const struct cli *c, const json_t *problem, const char *said)
{
        const json_t *errors = json_object_get(problem, "errors");

        for (size_t i = 0; i < json_array_size(errors); i++) {
                const json_t *e = json_array_get(errors, i);
                AUTO_FREE char *where = text_line(json_text_at(e, "pointer"));
                AUTO_FREE char *what = text_line(json_text_at(e, "detail"));

                AUTO_FREE char *place =
                    c->file ? job_file_place(c->file, c->sent, json_text_at(e, "pointer")) : NULL;

                if (place || json_array_size(errors) > 1 || !strstr(said, what))
                        fprintf(stderr, "  %s%s%s%s%s\n", place ? place : "", place ? ": " : "", where,
                                *where ? ": " : "", what);
        }
}

static const char *advice(const struct cli *c, const struct err *err)
{
        const char *code = c->client ? json_text_at(client_problem(c->client), "code") : "";

        /* How what is missing can be found, by what the server calls it. */
        static const struct {
                const char *begins, *advice;
        } missing[] = {
            {"no job ", "your jobs: reeve jobs"},
            {"no site ", "the sites: reeve site list"},
            {"no worker ", "the workers: reeve worker list"},
            {"no dataset ", "the datasets: reeve data list"},
            {"no project ", "your projects: reeve project list"},
            {"no token ", "your tokens: reeve token list"},
        };

        if (strcmp(code, "unauthorized") == 0)
                return "sign in first: reeve login";
        if (strcmp(code, "denied") == 0)
                return "who you are here: reeve whoami";
        for (size_t i = 0; err->code == ERR_NOT_FOUND && i < ARRAY_LEN(missing); i++) {
                if (strncmp(err->text, missing[i].begins, strlen(missing[i].begins)) == 0)
                        return missing[i].advice;
        }
        if (err->code == ERR_UNAVAILABLE && !*code && strstr(err->text, "reach"))
                return "is the server running? another address: reeve login URL, or REEVE_URL";
        return NULL;
}

int cli_fail(struct cli *c, const struct err *err)
{
        AUTO_FREE char *line = text_line(err->text);
        const char *next = advice(c, err);

        cli_progress_end(c);
        fprintf(stderr, "reeve: %s\n", line);
        if (c->client)
                say_particulars(c, client_problem(c->client), line);
        if (next)
                fprintf(stderr, "  %s\n", next);
        return exit_code_of(err->code);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
        struct err err = {.code = ERR_BAD_INPUT};
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(err.text, sizeof err.text, fmt, ap);
        va_end(ap);
        return cli_fail(c, &err);
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
        va_list ap;

        if (c->quiet)
                return;
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
}

void cli_progress(struct cli *c, const char *fmt, ...)
{
        char line[512];
        va_list ap;

        if (!c->animate || c->quiet)
                return;
        va_start(ap, fmt);
        vsnprintf(line, sizeof line, fmt, ap);
        va_end(ap);
        fprintf(stderr, "\r\033[K%.*s", c->width - 1, line);
        fflush(stderr);
        progress_shown = true;
}

void cli_progress_end(struct cli *c)
{
        (void)c;
        if (progress_shown)
                fputs("\r\033[K", stderr);
        progress_shown = false;
}

static bool read_answer(char *line, size_t max)
{
        FILE *tty = fopen("/dev/tty", "re");
        bool got;

        if (!tty)
                return false;
        got = fgets(line, (int)max, tty) != NULL;
        fclose(tty);
        return got;
}

bool cli_confirm(struct cli *c, const char *question)
{
        char line[64];

        if (c->yes)
                return true;
        if (!c->err_is_tty) {
                fprintf(stderr, "%s\n", question);
                fprintf(stderr, "  there is no terminal to ask: run it again with --yes\n");
                return false;
        }
        fprintf(stderr, "%s [y/N] ", question);
        fflush(stderr);
        return read_answer(line, sizeof line) && (line[0] == 'y' || line[0] == 'Y');
}

bool cli_pause(struct cli *c, const char *words)
{
        char line[1024];

        if (c->yes)
                return true;
        if (!c->err_is_tty)
                return false;
        fprintf(stderr, "%s", words);
        fflush(stderr);
        return read_answer(line, sizeof line);
}

bool cli_wants_json(const struct cli *c)
{
        return c->format == FORMAT_JSON || c->format == FORMAT_JSONL;
}

void cli_json(const struct cli *c, const json_t *json)
{
        json_dumpf(json, stdout,
                   (c->format == FORMAT_JSONL ? JSON_COMPACT : JSON_INDENT(2)) | JSON_ENCODE_ANY);
        putchar('\n');
}

void cli_json_items(const struct cli *c, const json_t *rows)
{
        json_t *doc, *row;
        size_t i;

        if (c->format == FORMAT_JSONL) {
                json_array_foreach((json_t *)rows, i, row) cli_json(c, row);
                return;
        }
        doc = json_pack("{s:O}", "items", rows);
        cli_json(c, doc);
        json_decref(doc);
}

/* ---- the program -----------------------------------------------------------------------------------------
 */

static int read_format(const char *word, enum format *ret)
{
        static const char *const names[] = {
            [FORMAT_TABLE] = "table", [FORMAT_WIDE] = "wide", [FORMAT_JSON] = "json",
            [FORMAT_JSONL] = "jsonl", [FORMAT_CSV] = "csv",   [FORMAT_ID] = "id",
        };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (strcmp(names[i], word) == 0) {
                        *ret = (enum format)i;
                        return 0;
                }
        }
        return -1;
}

bool cli_format_is_known(const char *word)
{
        enum format ignored;

        return read_format(word, &ignored) == 0;
}

static int terminal_width(void)
{
        const char *columns = getenv("COLUMNS");
        struct winsize size;
        int n = columns ? atoi(columns) : 0;

        if (n >= 20 && n <= 10000)
                return n;
        if ((ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) &&
            size.ws_col >= 20)
                return size.ws_col;
        return 80;
}

/* What the file says, where it can be read; a command that needs it complains. */
static void take_stored_format(struct cli *c)
{
        struct profile p;

        if (profile_load_file(&p, NULL) < 0)
                return;
        if (p.format)
                read_format(p.format, &c->format);
        profile_release(&p);
}

static int take_globals(struct cli *c, const struct args *a)
{
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
        const char *format = args_get(a, "format");

        if (!format || !*format)
                format = getenv("REEVE_FORMAT");
        if (!format || !*format)
                take_stored_format(c);
        else if (read_format(format, &c->format) < 0)
                return cli_usage(c, "-o: \"%s\" is none of table, wide, json, jsonl, csv, id", format);
        c->url = args_get(a, "url") ? args_get(a, "url") : c->url;
        c->quiet |= args_has(a, "quiet");
        c->yes |= args_has(a, "yes");
        c->debug |= args_has(a, "debug");
        c->colour = c->out_is_tty && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0) &&
                    !args_has(a, "no-color");
        c->animate = c->err_is_tty && term && *term && strcmp(term, "dumb") != 0;
        return 0;
}

static int unknown_command(struct cli *c, const char *word)
{
        const struct command *near = command_suggest(word);

        if (command_is_group(word)) {
                help_group(stderr, word);
                return EXIT_USAGE;
        }
        return near ? cli_usage(c, "no command \"%s\"; did you mean `reeve %s`?", word, near->name)
                    : cli_usage(c, "no command \"%s\"; `reeve help` lists them", word);
}

/* Options before the command (as in `reeve -o json jobs`) are global ones. */
static int skip_globals(struct cli *c, char ***argv)
{
        struct args a;
        struct err err;
        int r = 0;

        if (args_parse(NULL, *argv, &a, &err) < 0)
                return cli_fail(c, &err);
        if (args_has(&a, "version")) {
                puts("reeve " REEVE_VERSION);
                exit(EXIT_OK);
        }
        r = take_globals(c, &a);
        if (r == 0 && (a.help_wanted || !a.word_count)) {
                help_overview(a.help_wanted ? stdout : stderr);
                exit(a.help_wanted ? EXIT_OK : EXIT_USAGE);
        }
        if (r == 0) {
                while (**argv != a.words[0])
                        ++*argv;
        }
        args_release(&a);
        return r;
}

/* What the shells' scripts call; no help and no completion names it. */
static const struct command hidden = {
    "__complete", "INDEX WORDS", "Say what may come next.", NULL, NULL, NULL, 1, -1, true, cmd_complete};

static int run_command(struct cli *c, char **argv)
{
        const struct command *cmd;
        struct args a;
        struct err err;
        size_t words;
        int r;

        r = skip_globals(c, &argv);
        if (r)
                return r;
        cmd = command_find(argv, &words);
        if (!cmd && strcmp(argv[0], hidden.name) == 0) {
                cmd = &hidden;
                words = 1;
        }
        if (!cmd)
                return unknown_command(c, argv[0]);
        if (args_parse(cmd, argv + words, &a, &err) < 0)
                return cli_fail(c, &err);
        r = take_globals(c, &a);
        if (r == 0 && a.help_wanted)
                help_command(stdout, cmd);
        else if (r == 0)
                r = cmd->run(c, &a);
        /* No connection could even be tried: the mistake in the settings has a code of its own. */
        if (r == EXIT_FAILED && !c->client && c->client_code)
                r = c->client_code;
        args_release(&a);
        return r;
}

int cli_main(int argc, char **argv)
{
        struct cli c = {.out_is_tty = isatty(STDOUT_FILENO),
                        .err_is_tty = isatty(STDERR_FILENO),
                        .width = terminal_width()};
        int r;

        (void)argc;
        /* Characters only: numbers keep their decimal point. */
        setlocale(LC_CTYPE, "");
        signal(SIGPIPE, SIG_IGN);
        r = run_command(&c, argv + 1);
        client_free(c.client);
        if (fflush(stdout) != 0 && r == 0)
                r = EXIT_FAILED;
        return r;
}
