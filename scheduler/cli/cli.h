/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what every command has at hand: the connection, the way of output, and how to end.
 *
 * Data goes to standard output, words about it to standard error.
 */
#ifndef REEVE_CLI_CLI_H
#define REEVE_CLI_CLI_H

#include "args.h"
#include "client.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>

/* Exit codes. `run`, `wait` and `submit --wait` end with the job's own code instead: see outcome.h. */
enum exit_code {
        EXIT_OK = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_NOT_FOUND = 3,
        EXIT_DENIED = 4, /* not signed in, or not allowed */
        EXIT_CONFLICT = 5,
        EXIT_UNREACHABLE = 6,
        EXIT_LIMIT = 7,
        EXIT_NEVER = 8, /* a dry run says: this can never run */
        EXIT_TIMEOUT = 124,
        EXIT_LOST = 125, /* Reeve, a site or a link is to blame, not the program */
        EXIT_NO_PROGRAM = 127,
        EXIT_INTERRUPTED = 130,
};

enum format { FORMAT_TABLE, FORMAT_WIDE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV, FORMAT_ID };

struct job_file;

struct cli {
        struct client *client; /* made by the first cli_client */
        enum format format;
        bool quiet;      /* --quiet: ids only, no words */
        bool yes;        /* --yes: ask nothing */
        bool debug;      /* --debug: show the conversation */
        int client_code; /* exit code when cli_client could not make one */
        bool colour;     /* of standard output */
        bool out_is_tty; /* standard output is a terminal */
        bool err_is_tty; /* and standard error */
        bool animate;    /* standard error is a terminal that can rewrite a line */
        int width;       /* columns of the terminal */
        const char *url; /* --url, or NULL */
        const struct job_file
            *file;          /* the job file that was sent, and what was sent; or NULL: places that the */
        const json_t *sent; /* server names are shown with its lines */
};

bool cli_format_is_known(const char *word);

/* The whole program: argv as main has it. Returns the exit code. */
int cli_main(int argc, char **argv);

/* The connection, made from --url, the environment or the file that `reeve login` wrote; NULL: said why. */
struct client *cli_client(struct cli *c);

/* Say what went wrong (the server's particulars included) and what to do next; returns the exit code for it.
 */
int cli_fail(struct cli *c, const struct err *err);
/* The same for a mistake on the command line. */
int cli_usage(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int exit_code_of(enum err_code code);

/* A line to standard error, unless --quiet. */
void cli_say(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line of progress that the next one overwrites: on a terminal only. cli_progress_end wipes it. */
void cli_progress(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_progress_end(struct cli *c);

/* Ask a yes-or-no question. --yes answers yes; without a terminal the answer is no. */
bool cli_confirm(struct cli *c, const char *question);
/* Wait for Enter; false when there is no terminal to wait for. */
bool cli_pause(struct cli *c, const char *words);

/* Is the answer to be printed as JSON, whole or a line for each thing? */
bool cli_wants_json(const struct cli *c);
/* Print a JSON document as it is: indented, or as one line with -o jsonl. */
void cli_json(const struct cli *c, const json_t *json);
/* Print an array as {"items":[...]}, like the API's lists; with -o jsonl one line for each item. */
void cli_json_items(const struct cli *c, const json_t *rows);

#endif
