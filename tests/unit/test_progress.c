/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs say of their progress: how it is written, how it is found in files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/progress.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/spool.h"
#include "worker/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fractions_are_percent_ratios_or_nothing(void **state)
{
        static const struct {
                const char *text;
                int fraction; /* -1: refused */
        } cases[] = {
            {"0", 0},
            {"37", 3700},
            {"37%", 3700},
            {"37.5", 3750},
            {"0.01", 1},
            {"100", 10000},
            {"100.0", 10000},
            {"3/8", 3750},
            {"0/5", 0},
            {"5/5", 10000},
            {"-", PROGRESS_UNKNOWN},
            {"1.5/3", 5000},
            {"", -1},
            {"101", -1},
            {"9/8", -1},
            {"1/0", -1},
            {"-1", -1},
            {"37x", -1},
            {"half", -1},
            {"%", -1},
            {"1/", -1},
            {"/2", -1},
            {"nan", -1},
            {"1e3", -1},
            {"99999999999999999999", -1},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                uint16_t f = 1;
                int rc = progress_fraction(cases[i].text, strlen(cases[i].text), &f);

                if (rc != (cases[i].fraction < 0 ? -1 : 0) || (rc == 0 && f != cases[i].fraction))
                        fail_msg("\"%s\" gave %d, %u", cases[i].text, rc, f);
        }
}

static void lines_are_taken_apart(void **state)
{
        static const struct {
                const char *line;
                bool marked, taken;
                const char *text;
        } cases[] = {
            {"37 phase 2", false, true, "phase 2"},
            {"37", false, true, ""},
            {"  37   phase 2  \r", false, true, "phase 2"},
            {"phase 2", false, false, NULL},
            {"##reeve progress 37 phase 2", true, true, "phase 2"},
            {"##progress 3/8", true, true, ""},
            {"##progress - only words", true, true, "only words"},
            {" ##progress 3", true, false, NULL},
            {"##reeve progress", true, false, NULL},
            {"##progressive 3", true, false, NULL},
            {"37 phase 2", true, false, NULL},
            {"1 red \033[31m and \001", false, true, "red ?[31m and ?"},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct progress p;
                bool taken = progress_parse(cases[i].line, strlen(cases[i].line), cases[i].marked, &p);

                if (taken != cases[i].taken || (taken && strcmp(p.text, cases[i].text) != 0))
                        fail_msg("\"%s\" gave %d \"%s\"", cases[i].line, taken, taken ? p.text : "");
        }
}

static void a_long_text_is_cut_between_characters(void **state)
{
        char line[1000] = "5 x";
        struct progress p;

        (void)state;
        for (int i = 0; i < 200; i++)
                strcat(line, "\xc3\xa4");
        assert_true(progress_parse(line, strlen(line), false, &p));
        assert_int_equal(strlen(p.text), PROGRESS_TEXT_MAX - 1);
        assert_int_equal((unsigned char)p.text[strlen(p.text) - 1], 0xa4);
}

static void the_last_report_counts(void **state)
{
        static const char text[] =
            "##progress 1 a\nnoise\n##progress 2 b\n##progress bad\n##progress 3 not yet";
        struct progress p;
        size_t used;

        (void)state;
        assert_true(progress_last(text, strlen(text), true, &p, &used));
        assert_string_equal(p.text, "b");
        assert_string_equal(text + used, "##progress 3 not yet");
        assert_true(progress_last("1 a\n2 b", 7, false, &p, NULL));
        assert_string_equal(p.text, "b");
        assert_false(progress_last("", 0, false, &p, NULL));
        assert_false(progress_last("\n\n\n", 3, true, &p, &used));
        assert_int_equal(used, 3);
}

/* ---- files of an attempt ---- */

struct place {
        char dir[64], cwd[4096];
        int root;
        struct watched w;
};

static int place_open(void **state)
{
        struct place *p = xcalloc(1, sizeof *p);

        snprintf(p->dir, sizeof p->dir, "/tmp/reeve-progress-XXXXXX");
        if (!mkdtemp(p->dir) || !getcwd(p->cwd, sizeof p->cwd) || chdir(p->dir) < 0 || mkdir("a", 0700) < 0)
                return -1;
        p->root = open(".", O_PATH | O_DIRECTORY);
        snprintf(p->w.dir, sizeof p->w.dir, "a");
        *state = p;
        return 0;
}

static int place_close(void **state)
{
        struct place *p = *state;

        close(p->root);
        if (chdir(p->cwd) < 0)
                return -1;
        dir_remove(AT_FDCWD, p->dir);
        free(p);
        return 0;
}

static void append(const char *path, const char *text)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static void marked_lines_of_a_log_are_seen_once_and_whole(void **state)
{
        struct place *p = *state;

        watched_look(&p->w, p->root);
        assert_false(p->w.known);
        append("a/" LOG_STDOUT, "hello\n##progress 10 on");
        watched_look(&p->w, p->root);
        assert_false(p->w.known);
        append("a/" LOG_STDOUT, "e\nmore\n");
        watched_look(&p->w, p->root);
        assert_true(p->w.news);
        assert_int_equal(p->w.newest.fraction, 1000);
        assert_string_equal(p->w.newest.text, "one");
        p->w.news = false;
        append("a/" LOG_STDOUT, "more\n");
        watched_look(&p->w, p->root);
        assert_false(p->w.news);
}

static void of_a_flood_only_the_end_is_read(void **state)
{
        struct place *p = *state;
        AUTO_FREE char *flood = xmalloc(3 * WATCH_TAIL_MAX + 1);

        memset(flood, 'x', 3 * WATCH_TAIL_MAX);
        flood[3 * WATCH_TAIL_MAX] = '\0';
        append("a/" LOG_STDOUT, "##progress 10 lost\n");
        append("a/" LOG_STDOUT, flood);
        append("a/" LOG_STDOUT, "##progress 11 still the same line\n##progress 12 found\n");
        watched_look(&p->w, p->root);
        assert_string_equal(p->w.newest.text, "found");
        assert_int_equal(p->w.log_at, p->w.log_end);
}

static void the_file_may_be_written_anew_or_appended_to(void **state)
{
        struct place *p = *state;

        append("a/" LOG_PROGRESS, "10 first\n");
        watched_look(&p->w, p->root);
        assert_string_equal(p->w.newest.text, "first");
        append("a/" LOG_PROGRESS, "20 second\n30 third");
        watched_look(&p->w, p->root);
        assert_string_equal(p->w.newest.text, "third");
        assert_int_equal(truncate("a/" LOG_PROGRESS, 0), 0);
        append("a/" LOG_PROGRESS, "40 fourth\n");
        watched_look(&p->w, p->root);
        assert_string_equal(p->w.newest.text, "fourth");
}

static void links_and_pipes_in_their_place_are_not_followed(void **state)
{
        struct place *p = *state;

        append("elsewhere", "50 stolen\n##progress 50 stolen\n");
        assert_int_equal(symlink("../elsewhere", "a/" LOG_PROGRESS), 0);
        assert_int_equal(mkfifo("a/" LOG_STDOUT, 0600), 0);
        watched_look(&p->w, p->root);
        assert_false(p->w.known);
}

static void the_command_writes_one_line(void **state)
{
        static const char *const words[] = {"3/8", "phase", "2\nof 4", NULL}, *bad[] = {"soon", NULL};
        struct place *p = *state;
        AUTO_FREE char *path = xasprintf("%s/a/" LOG_PROGRESS, p->dir);
        struct err err = {0};

        unsetenv(PROGRESS_VARIABLE);
        assert_int_equal(progress_report(words, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        setenv(PROGRESS_VARIABLE, path, 1);
        assert_int_equal(progress_report(bad, &err), -1);
        assert_int_equal(err.code, ERR_BAD_INPUT);
        for (int i = 0; i < 10000; i++)
                assert_int_equal(progress_report(words, &err), 0);
        watched_look(&p->w, p->root);
        assert_int_equal(p->w.newest.fraction, 3750);
        assert_string_equal(p->w.newest.text, "phase 2 of 4");
        assert_true(p->w.file_size < PROGRESS_FILE_MAX + 100);
        unsetenv(PROGRESS_VARIABLE);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_open, place_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(fractions_are_percent_ratios_or_nothing),
            cmocka_unit_test(lines_are_taken_apart),
            cmocka_unit_test(a_long_text_is_cut_between_characters),
            cmocka_unit_test(the_last_report_counts),
            PLACE_TEST(marked_lines_of_a_log_are_seen_once_and_whole),
            PLACE_TEST(of_a_flood_only_the_end_is_read),
            PLACE_TEST(the_file_may_be_written_anew_or_appended_to),
            PLACE_TEST(links_and_pipes_in_their_place_are_not_followed),
            PLACE_TEST(the_command_writes_one_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
