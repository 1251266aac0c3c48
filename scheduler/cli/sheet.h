/* SPDX-License-Identifier: Apache-2.0 */
/* sheet.h - JSON objects as rows of a table, lines of CSV, or a list of facts: by one description of columns.
 */
#ifndef REEVE_CLI_SHEET_H
#define REEVE_CLI_SHEET_H

#include "cli.h"
#include "common/buf.h"

#include <jansson.h>
#include <stddef.h>

enum cell_kind {
        CELL_TEXT,
        CELL_NUMBER,
        CELL_STATE,   /* text, coloured by what it says */
        CELL_SIZE,    /* bytes */
        CELL_SECONDS, /* a duration */
        CELL_TIME,    /* a moment, as local time */
        CELL_AGO,     /* a moment, as how long ago */
        CELL_YES,     /* true: "yes"; false: "no" */
        CELL_LIST,    /* texts, or objects with a name or site, joined by commas */
        CELL_COUNTS,  /* an object of numbers: those that are not zero, "cpus=4 gpus=1" */
};

enum {
        SHEET_WIDE = 1,       /* shown with -o wide and in CSV only */
        SHEET_CUT = 2,        /* may be cut to fit the terminal */
        SHEET_HIDE_EMPTY = 4, /* column without any value is left out of a table */
        SHEET_FIRST_CUT = 8,  /* with SHEET_CUT: keeps a quarter of the line, the rest goes to others */
};

struct column {
        const char *title; /* "JOB"; as a fact: "job"; NULL ends a list */
        const char *path;  /* member, "tasks.running" */
        enum cell_kind kind;
        unsigned flags;
        void (*cell)(const json_t *row, struct buf *out); /* instead of path and kind */
};

/* The member at a dotted path, or NULL (also for JSON null). */
const json_t *json_at(const json_t *json, const char *path);
const char *json_text_at(const json_t *json, const char *path); /* "" when there is none */
int64_t json_int_at(const json_t *json, const char *path);      /* 0 when there is none */
double json_number_at(const json_t *json, const char *path);

/* One cell for people: harmless, on one line. */
void cell_add(const struct column *col, const json_t *row, struct buf *out);
/* One cell for programs: as the API says it. */
void cell_add_raw(const struct column *col, const json_t *row, struct buf *out);

/* Print rows (an array) in the way the person asked for: as a table, as CSV of all columns, as
 * {"items":[...]} like the API's lists, or only the member `id` of each. */
void sheet_print(struct cli *c, const struct column *cols, const json_t *rows, const char *id);

/* The table alone, as text for a terminal of c->width columns; owned. */
char *sheet_table(struct cli *c, const struct column *cols, const json_t *rows);

/* Print one object as "title: value" lines, without empty ones. */
void sheet_facts(struct cli *c, const struct column *cols, const json_t *object);

/* The escape sequence that colours a state ("" : none). */
const char *state_colour(const char *state);
#define COLOUR_END "\033[0m"

#endif
