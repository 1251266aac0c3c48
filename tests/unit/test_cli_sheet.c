/* SPDX-License-Identifier: Apache-2.0 */
/* Cells, tables, CSV; the file that keeps a login. */
#include "cli/profile.h"
#include "cli/sheet.h"
#include "common/util.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void members_are_found_at_dotted_paths(void **unused)
{
        json_t *doc = json_loads("{\"a\":{\"b\":{\"c\":7}},\"n\":null,\"t\":\"x\",\"r\":1.5}", 0, NULL);

        (void)unused;
        assert_int_equal(json_int_at(doc, "a.b.c"), 7);
        assert_null(json_at(doc, "a.b.d"));
        assert_null(json_at(doc, "a.b.c.d"));
        assert_null(json_at(doc, "n"));
        assert_null(json_at(doc, "n.x"));
        assert_string_equal(json_text_at(doc, "t"), "x");
        assert_string_equal(json_text_at(doc, "a"), "");
        assert_int_equal(json_int_at(doc, "r"), 1);
        assert_int_equal(json_int_at(NULL, "r"), 0);
        json_decref(doc);
}

static void cells_are_for_people_and_raw_ones_for_programs(void **unused)
{
        static const struct {
                const char *doc;
                struct column col;
                const char *text, *raw;
        } rows[] = {
            {"{\"v\":\"a\\nb\\u001b[1mc\"}", {.path = "v"}, "a bc", "a bc"},
            {"{\"v\":1610612736}", {.path = "v", .kind = CELL_SIZE}, "1.5 GiB", "1610612736"},
            {"{\"v\":192.5}", {.path = "v", .kind = CELL_SECONDS}, "3m12s", "192.5"},
            {"{\"v\":true}", {.path = "v", .kind = CELL_YES}, "yes", "true"},
            {"{\"v\":[\"a\",{\"name\":\"b\"},{\"site\":\"c\"}]}",
             {.path = "v", .kind = CELL_LIST},
             "a, b, c",
             "a, b, c"},
            {"{\"v\":{\"cpus\":4,\"gpus\":0,\"memory\":2147483648}}",
             {.path = "v", .kind = CELL_COUNTS},
             "cpus=4 memory=2 GiB",
             "cpus=4 memory=2 GiB"},
            {"{\"v\":null}", {.path = "v", .kind = CELL_SIZE}, "", ""},
            {"{\"v\":\"not a time\"}", {.path = "v", .kind = CELL_TIME}, "not a time", "not a time"},
            {"{\"v\":\"not a time\"}", {.path = "v", .kind = CELL_AGO}, "not a time", "not a time"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *doc = json_loads(rows[i].doc, 0, NULL);
                struct buf b;

                assert_non_null(doc);
                buf_init(&b, 4096);
                cell_add(&rows[i].col, doc, &b);
                assert_string_equal(buf_cstr(&b), rows[i].text);
                buf_clear(&b);
                cell_add_raw(&rows[i].col, doc, &b);
                assert_string_equal(buf_cstr(&b), rows[i].raw);
                buf_release(&b);
                json_decref(doc);
        }
}

static void times_are_shown_in_the_local_zone(void **unused)
{
        static const struct column col = {.path = "v", .kind = CELL_TIME};
        json_t *doc = json_loads("{\"v\":\"2026-11-21T07:00:00.000Z\"}", 0, NULL);
        struct buf b;

        (void)unused;
        setenv("TZ", "UTC-2", 1);
        tzset();
        buf_init(&b, 256);
        cell_add(&col, doc, &b);
        assert_string_equal(buf_cstr(&b), "2026-11-21 09:00:00");
        buf_release(&b);
        json_decref(doc);
        unsetenv("TZ");
        tzset();
}

static void states_have_colours(void **unused)
{
        (void)unused;
        assert_string_not_equal(state_colour("succeeded"), state_colour("failed"));
        assert_string_equal(state_colour("a word of the future"), "");
}

/* What sheet_print writes to standard output. */
static char *printed(enum format format, bool quiet, int width, bool tty)
{
        static const struct column cols[] = {
            {.title = "NAME", .path = "name", .flags = SHEET_CUT},
            {.title = "SIZE", .path = "size", .kind = CELL_SIZE},
            {.title = "STATE", .path = "state", .kind = CELL_STATE},
            {.title = "MORE", .path = "more", .flags = SHEET_WIDE},
            {.title = "NEVER", .path = "never", .flags = SHEET_HIDE_EMPTY},
            {0},
        };
        json_t *rows =
            json_loads("[{\"name\":\"a, \\\"b\\\"\",\"size\":1536,\"state\":\"up\",\"more\":\"m\"},"
                       "{\"name\":\"a long name that does not fit into a narrow "
                       "terminal\",\"size\":7,\"state\":\"down\"}]",
                       0, NULL);
        struct cli c = {.format = format, .quiet = quiet, .width = width, .out_is_tty = tty};
        char path[] = "/tmp/reeve-test-XXXXXX", *text = xcalloc(1, 8192);
        int fd = mkstemp(path), saved;

        fflush(stdout);
        saved = dup(STDOUT_FILENO);
        assert_true(dup2(fd, STDOUT_FILENO) >= 0);
        sheet_print(&c, cols, rows, "name");
        fflush(stdout);
        dup2(saved, STDOUT_FILENO);
        close(saved);
        assert_true(pread(fd, text, 8191, 0) >= 0);
        close(fd);
        unlink(path);
        json_decref(rows);
        return text;
}

static void one_list_is_a_table_csv_json_or_ids(void **unused)
{
        AUTO_FREE char *table = printed(FORMAT_TABLE, false, 40, true);
        AUTO_FREE char *piped = printed(FORMAT_TABLE, false, 40, false);
        AUTO_FREE char *wide = printed(FORMAT_WIDE, false, 40, true);
        AUTO_FREE char *csv = printed(FORMAT_CSV, false, 40, false);
        AUTO_FREE char *json = printed(FORMAT_JSON, false, 40, false);
        AUTO_FREE char *ids = printed(FORMAT_TABLE, true, 40, false);

        (void)unused;
        for (const char *p = table; *p; p += strcspn(p, "\n") + 1)
                assert_true(strcspn(p, "\n") <= 40);
        assert_non_null(strstr(table, "1.5 KiB"));
        assert_null(strstr(table, "MORE"));
        assert_null(strstr(table, "NEVER"));
        assert_non_null(strstr(piped, "narrow terminal"));
        assert_non_null(strstr(wide, "MORE"));
        assert_non_null(strstr(wide, "narrow terminal"));
        assert_string_equal(csv, "NAME,SIZE,STATE,MORE,NEVER\n\"a, \"\"b\"\"\",1536,up,m,\n"
                                 "a long name that does not fit into a narrow terminal,7,down,,\n");
        assert_int_equal(strncmp(json, "{\n  \"items\": [", 14), 0);
        assert_string_equal(ids, "a, \"b\"\na long name that does not fit into a narrow terminal\n");
}

/* ---- the login -------------------------------------------------------------------------------------------
 */

struct home {
        char path[64];
        char *file;
};

static void home_make(struct home *h)
{
        strcpy(h->path, "/tmp/reeve-test-XXXXXX");
        assert_non_null(mkdtemp(h->path));
        setenv("XDG_CONFIG_HOME", h->path, 1);
        unsetenv("REEVE_URL");
        unsetenv("REEVE_TOKEN");
        unsetenv("REEVE_TOKEN_FILE");
        h->file = xasprintf("%s/reeve/config.yaml", h->path);
}

static void home_remove(struct home *h)
{
        AUTO_FREE char *dir = xasprintf("%s/reeve", h->path);

        unlink(h->file);
        rmdir(dir);
        assert_int_equal(rmdir(h->path), 0);
        free(h->file);
}

static void a_login_is_kept_for_its_owner_only(void **unused)
{
        struct profile p = {.url = (char *)"http://grid:8080", .token = (char *)"reeve_\"x\""}, got;
        AUTO_FREE char *path = NULL;
        struct err err;
        struct home h;
        struct stat st;

        (void)unused;
        home_make(&h);
        assert_int_equal(profile_load(&got, &err), 0);
        assert_string_equal(got.url, PROFILE_URL_DEFAULT);
        assert_null(got.token);
        profile_release(&got);
        assert_int_equal(profile_save(&p, &path, &err), 0);
        assert_string_equal(path, h.file);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(profile_load(&got, &err), 0);
        assert_string_equal(got.url, p.url);
        assert_string_equal(got.token, p.token);
        profile_release(&got);
        /* Others can read it: refused, with the way out. */
        chmod(path, 0644);
        assert_int_equal(profile_load(&got, &err), -1);
        assert_non_null(strstr(err.text, "chmod 600"));
        home_remove(&h);
}

static void the_environment_goes_first_and_tokens_stay_with_their_server(void **unused)
{
        struct profile p = {.url = (char *)"http://grid:8080", .token = (char *)"stored"}, got;
        AUTO_FREE char *path = NULL;
        struct err err;
        struct home h;

        (void)unused;
        home_make(&h);
        assert_int_equal(profile_save(&p, &path, &err), 0);
        setenv("REEVE_URL", "http://other:1", 1);
        assert_int_equal(profile_load(&got, &err), 0);
        assert_string_equal(got.url, "http://other:1");
        assert_null(got.token);
        profile_release(&got);
        setenv("REEVE_TOKEN", "given", 1);
        assert_int_equal(profile_load(&got, &err), 0);
        assert_string_equal(got.token, "given");
        profile_release(&got);
        unsetenv("REEVE_TOKEN");
        setenv("REEVE_TOKEN_FILE", "/no/such/file", 1);
        assert_int_equal(profile_load(&got, &err), -1);
        unsetenv("REEVE_TOKEN_FILE");
        unsetenv("REEVE_URL");
        home_remove(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(members_are_found_at_dotted_paths),
            cmocka_unit_test(cells_are_for_people_and_raw_ones_for_programs),
            cmocka_unit_test(times_are_shown_in_the_local_zone),
            cmocka_unit_test(states_have_colours),
            cmocka_unit_test(one_list_is_a_table_csv_json_or_ids),
            cmocka_unit_test(a_login_is_kept_for_its_owner_only),
            cmocka_unit_test(the_environment_goes_first_and_tokens_stay_with_their_server),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
