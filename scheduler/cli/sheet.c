/* SPDX-License-Identifier: Apache-2.0 */
#include "sheet.h"

#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CELL_MAX 65536

const json_t *json_at(const json_t *json, const char *path)
{
        while (json && *path) {
                size_t n = strcspn(path, ".");
                char name[64];

                if (n >= sizeof name)
                        return NULL;
                memcpy(name, path, n);
                name[n] = '\0';
                json = json_object_get(json, name);
                path += n + (path[n] == '.');
        }
        return json_is_null(json) ? NULL : json;
}

const char *json_text_at(const json_t *json, const char *path)
{
        const char *s = json_string_value(json_at(json, path));

        return s ? s : "";
}

int64_t json_int_at(const json_t *json, const char *path)
{
        const json_t *v = json_at(json, path);

        return json_is_real(v) ? (int64_t)json_real_value(v) : json_integer_value(v);
}

double json_number_at(const json_t *json, const char *path)
{
        return json_number_value(json_at(json, path));
}

/* ---- cells -----------------------------------------------------------------------------------------------
 */

static void add_plain(const json_t *v, struct buf *out)
{
        if (json_is_string(v))
                text_add_line(out, json_string_value(v));
        else if (json_is_integer(v))
                buf_printf(out, "%lld", (long long)json_integer_value(v));
        else if (json_is_real(v))
                buf_printf(out, "%.6g", json_real_value(v));
        else if (json_is_boolean(v))
                buf_text(out, json_is_true(v) ? "true" : "false");
}

static void add_size(const json_t *v, struct buf *out)
{
        char text[32];

        buf_text(out, num_format_size(json_is_real(v) ? (int64_t)json_real_value(v) : json_integer_value(v),
                                      text));
}

static void add_seconds(const json_t *v, struct buf *out)
{
        char text[32];

        double s = json_number_value(v);

        buf_text(out, s == 0 ? "0s" : num_format_duration((int64_t)(s * 1000), text));
}

static void add_time(const json_t *v, struct buf *out)
{
        char text[64];
        int64_t ms;
        struct tm tm;
        time_t t;

        if (!json_is_string(v) || num_time("", json_string_value(v), &ms, NULL) < 0) {
                add_plain(v, out);
                return;
        }
        t = (time_t)(ms / 1000);
        if (localtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm))
                buf_text(out, text);
}

static void add_ago(const json_t *v, struct buf *out)
{
        char text[32];
        int64_t ms;

        if (!json_is_string(v) || num_time("", json_string_value(v), &ms, NULL) < 0) {
                add_plain(v, out);
                return;
        }
        ms = clock_wall_ms() - ms;
        if (ms < 60000)
                buf_printf(out, "%llds", (long long)(ms > 0 ? ms / 1000 : 0));
        else
                buf_text(out, num_format_duration(ms, text));
}

static void add_yes(const json_t *v, struct buf *out)
{
        buf_text(out, json_is_true(v) ? "yes" : "no");
}

static void add_list(const json_t *v, struct buf *out)
{
        static const char *const names[] = {"name", "site", "user", "address"};
        size_t i;
        json_t *item;

        json_array_foreach(v, i, item)
        {
                if (i)
                        buf_text(out, ", ");
                for (size_t k = 0; json_is_object(item) && k < ARRAY_LEN(names); k++) {
                        if (json_at(item, names[k]))
                                item = json_object_get(item, names[k]);
                }
                add_plain(item, out);
        }
}

static void add_counts(const json_t *v, struct buf *out)
{
        const char *name;
        json_t *n;
        bool some = false;

        json_object_foreach((json_t *)v, name, n)
        {
                if (!json_is_string(n) && json_number_value(n) == 0)
                        continue;
                if (some)
                        buf_u8(out, ' ');
                some = true;
                text_add_line(out, name);
                buf_u8(out, '=');
                if (json_is_integer(n) && strstr(name, "memory"))
                        add_size(n, out);
                else
                        add_plain(n, out);
        }
}

void cell_add(const struct column *col, const json_t *row, struct buf *out)
{
        static void (*const kinds[])(const json_t *v, struct buf *out) = {
            [CELL_TEXT] = add_plain,    [CELL_NUMBER] = add_plain,    [CELL_STATE] = add_plain,
            [CELL_SIZE] = add_size,     [CELL_SECONDS] = add_seconds, [CELL_TIME] = add_time,
            [CELL_AGO] = add_ago,       [CELL_YES] = add_yes,         [CELL_LIST] = add_list,
            [CELL_COUNTS] = add_counts,
        };
        const json_t *v;

        if (col->cell) {
                col->cell(row, out);
                return;
        }
        v = json_at(row, col->path);
        if (v)
                kinds[col->kind](v, out);
}

void cell_add_raw(const struct column *col, const json_t *row, struct buf *out)
{
        if (col->cell || col->kind == CELL_LIST || col->kind == CELL_COUNTS)
                cell_add(col, row, out);
        else
                add_plain(json_at(row, col->path), out);
}

const char *state_colour(const char *state)
{
        static const struct {
                const char *state, *colour;
        } rows[] = {
            {"succeeded", "\033[32m"}, {"failed", "\033[31m"},    {"running", "\033[34m"},
            {"active", "\033[34m"},    {"cancelled", "\033[90m"}, {"lost", "\033[31m"},
            {"aborted", "\033[90m"},   {"blocked", "\033[33m"},   {"up", "\033[32m"},
            {"down", "\033[31m"},      {"suspect", "\033[33m"},   {"probing", "\033[33m"},
            {"open", "\033[32m"},      {"draining", "\033[33m"},  {"closed", "\033[90m"},
            {"ok", "\033[32m"},        {"waiting", "\033[33m"},   {"skipped", "\033[90m"},
            {"starting", "\033[34m"},  {"staging", "\033[34m"},   {"finishing", "\033[34m"},
            {"held", "\033[33m"},      {"ready", "\033[33m"},     {"unknown", "\033[90m"},
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (strcmp(rows[i].state, state) == 0)
                        return rows[i].colour;
        }
        return "";
}

/* ---- tables ----------------------------------------------------------------------------------------------
 */

static char *cell_text(const struct column *col, const json_t *row, bool raw)
{
        struct buf b;
        char *s;

        buf_init(&b, CELL_MAX);
        if (raw)
                cell_add_raw(col, row, &b);
        else
                cell_add(col, row, &b);
        s = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return s;
}

static bool column_is_empty(const struct column *col, const json_t *rows)
{
        size_t i;
        json_t *row;

        json_array_foreach(rows, i, row)
        {
                AUTO_FREE char *s = cell_text(col, row, false);

                if (*s)
                        return false;
        }
        return true;
}

static bool column_is_shown(const struct cli *c, const struct column *col, const json_t *rows)
{
        if ((col->flags & SHEET_WIDE) && c->format == FORMAT_TABLE)
                return false;
        return !(col->flags & SHEET_HIDE_EMPTY) || !column_is_empty(col, rows);
}

static bool is_right(const struct column *col)
{
        return col->kind == CELL_NUMBER || col->kind == CELL_SIZE || col->kind == CELL_SECONDS ||
               col->kind == CELL_AGO;
}

static void fill_line(struct cli *c, struct libscols_line *line, const struct column *const *cols, size_t n,
                      const json_t *row)
{
        for (size_t i = 0; i < n; i++) {
                char *s = cell_text(cols[i], row, false);
                const char *colour = cols[i]->kind == CELL_STATE ? state_colour(s) : "";

                if (c->colour && *colour)
                        scols_cell_set_color(scols_line_get_cell(line, i), colour);
                if (!*s) {
                        free(s);
                        s = xstrdup("-");
                }
                scols_line_refer_data(line, i, s);
        }
}

char *sheet_table(struct cli *c, const struct column *cols, const json_t *rows)
{
        char *text = NULL;

        struct libscols_table *table = scols_new_table();
        const struct column *shown[64];
        size_t n = 0, i;
        json_t *row;

        if (!table)
                abort();
        scols_table_enable_colors(table, c->colour);
        if (c->out_is_tty && c->format == FORMAT_TABLE) {
                scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
                scols_table_set_termwidth(table, (size_t)c->width);
        } else {
                scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
        }
        for (const struct column *col = cols; col->title && n < ARRAY_LEN(shown); col++) {
                if (!column_is_shown(c, col, rows))
                        continue;
                if (!scols_table_new_column(table, col->title, col->flags & SHEET_FIRST_CUT ? 0.25 : 0,
                                            (is_right(col) ? SCOLS_FL_RIGHT : 0) |
                                                (col->flags & SHEET_CUT ? SCOLS_FL_TRUNC : 0)))
                        abort();
                shown[n++] = col;
        }
        json_array_foreach(rows, i, row)
        {
                struct libscols_line *line = scols_table_new_line(table, NULL);

                if (!line)
                        abort();
                fill_line(c, line, shown, n, row);
        }
        if (scols_print_table_to_string(table, &text) != 0 || !text)
                abort();
        scols_unref_table(table);
        return text;
}

static void print_table(struct cli *c, const struct column *cols, const json_t *rows)
{
        AUTO_FREE char *text = sheet_table(c, cols, rows);
        size_t n = strlen(text);

        fputs(text, stdout);
        if (n && text[n - 1] != '\n')
                putchar('\n');
}

static void add_csv(struct buf *out, const char *s)
{
        if (!strpbrk(s, ",\"\n\r") && *s != ' ') {
                buf_text(out, s);
                return;
        }
        buf_u8(out, '"');
        for (; *s; s++) {
                if (*s == '"')
                        buf_u8(out, '"');
                buf_u8(out, (uint8_t)*s);
        }
        buf_u8(out, '"');
}

static void print_csv_line(const struct column *cols, const json_t *row)
{
        struct buf b;

        buf_init(&b, 64 * CELL_MAX);
        for (const struct column *col = cols; col->title; col++) {
                AUTO_FREE char *s = row ? cell_text(col, row, true) : NULL;

                if (col != cols)
                        buf_u8(&b, ',');
                add_csv(&b, row ? s : col->title);
        }
        puts(buf_cstr(&b));
        buf_release(&b);
}

static void print_ids(const json_t *rows, const char *id)
{
        struct column col = {.title = id, .path = id};
        size_t i;
        json_t *row;

        json_array_foreach(rows, i, row)
        {
                AUTO_FREE char *s = cell_text(&col, row, false);

                puts(s);
        }
}

void sheet_print(struct cli *c, const struct column *cols, const json_t *rows, const char *id)
{
        size_t i;
        json_t *row;

        switch (c->quiet ? FORMAT_ID : c->format) {
        case FORMAT_TABLE:
        case FORMAT_WIDE:
                if (json_array_size(rows))
                        print_table(c, cols, rows);
                break;
        case FORMAT_CSV:
                print_csv_line(cols, NULL);
                json_array_foreach(rows, i, row) print_csv_line(cols, row);
                break;
        case FORMAT_JSON:
        case FORMAT_JSONL:
                cli_json_items(c, rows);
                break;
        case FORMAT_ID:
                print_ids(rows, id);
                break;
        }
}

void sheet_facts(struct cli *c, const struct column *cols, const json_t *object)
{
        size_t width = 0;

        for (const struct column *col = cols; col->title; col++) {
                size_t n = strlen(col->title);

                width = n > width ? n : width;
        }
        for (const struct column *col = cols; col->title; col++) {
                AUTO_FREE char *s = cell_text(col, object, false);
                const char *colour = c->colour && col->kind == CELL_STATE ? state_colour(s) : "";

                if (*s)
                        printf("%s:%*s %s%s%s\n", col->title, (int)(width - strlen(col->title)), "", colour,
                               s, *colour ? COLOUR_END : "");
        }
}
