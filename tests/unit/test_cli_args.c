/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"
#include "cli/help.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

static const struct command *find(const char *name)
{
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                if (strcmp(cmd->name, name) == 0)
                        return cmd;
        }
        fail_msg("no command %s", name);
        return NULL;
}

static void commands_are_found_by_their_words(void **unused)
{
        size_t n = 0;

        (void)unused;
        assert_string_equal(command_find(WORDS("jobs", "12"), &n)->name, "jobs");
        assert_int_equal(n, 1);
        assert_string_equal(command_find(WORDS("site", "add", "x"), &n)->name, "site add");
        assert_int_equal(n, 2);
        assert_null(command_find(WORDS("site"), &n));
        assert_null(command_find(WORDS("site", "adds"), &n));
        assert_null(command_find(WORDS("sit", "add"), &n));
        assert_null(command_find(WORDS("job"), &n));
        assert_null(command_find((char *[]){NULL}, &n));
        assert_true(command_is_group("site"));
        assert_false(command_is_group("sit"));
        assert_false(command_is_group("jobs"));
}

static void slips_of_the_finger_are_met_with_a_suggestion(void **unused)
{
        static const struct {
                const char *typed, *meant;
        } rows[] = {{"sumbit", "submit"},   {"job", "jobs"},      {"explian", "explain"}, {"log", "logs"},
                    {"xyzzy", NULL},        {"sbatch", "submit"}, {"scancel", "cancel"},  {"ls", "jobs"},
                    {"sinfo", "site list"}, {"rnu", "run"}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const struct command *got = command_suggest(rows[i].typed);

                if (rows[i].meant)
                        assert_string_equal(got->name, rows[i].meant);
                else
                        assert_null(got);
        }
}

static void options_are_read_in_all_their_spellings(void **unused)
{
        static char *const lines[][8] = {
            {"--cpus", "4", "-q", "x.sh"},
            {"--cpus=4", "--quiet", "x.sh"},
            {"-c", "4", "-q", "x.sh"},
            {"-c4", "-q", "x.sh"},
            {"-qc4", "x.sh"},
            {"-qc", "4", "--", "x.sh"},
            {"--cpus", "4", "--cpus", "4", "-q", "x.sh"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                struct args a;
                struct err err;

                assert_int_equal(args_parse(find("submit"), lines[i], &a, &err), 0);
                assert_string_equal(args_get(&a, "cpus"), "4");
                assert_true(args_has(&a, "quiet"));
                assert_false(args_has(&a, "hold"));
                assert_int_equal(a.word_count, 1);
                assert_string_equal(a.words[0], "x.sh");
                args_release(&a);
        }
}

static void what_follows_the_program_belongs_to_the_program(void **unused)
{
        struct args a;

        (void)unused;
        assert_int_equal(
            args_parse(find("run"), WORDS("--name", "n", "x.sh", "--cpus", "9", "--", "-q"), &a, NULL), 0);
        assert_null(args_get(&a, "cpus"));
        assert_false(a.dashes);
        assert_int_equal(a.word_count, 5);
        assert_string_equal(a.words[3], "--");
        args_release(&a);
        assert_int_equal(args_parse(find("run"), WORDS("--", "ls", "--", "-l"), &a, NULL), 0);
        assert_true(a.dashes);
        assert_int_equal(a.word_count, 3);
        assert_string_equal(a.words[1], "--");
        args_release(&a);
        /* Elsewhere options may stand behind arguments. */
        assert_int_equal(args_parse(find("logs"), WORDS("12", "-f"), &a, NULL), 0);
        assert_true(args_has(&a, "follow"));
        args_release(&a);
}

static void repeated_options_keep_their_order(void **unused)
{
        struct args a;

        (void)unused;
        assert_int_equal(args_parse(find("submit"), WORDS("-e", "A=1", "--env=B=2", "-eC", "x"), &a, NULL),
                         0);
        assert_string_equal(args_nth(&a, "env", 0), "A=1");
        assert_string_equal(args_nth(&a, "env", 1), "B=2");
        assert_string_equal(args_nth(&a, "env", 2), "C");
        assert_null(args_nth(&a, "env", 3));
        args_release(&a);
}

static void wrong_lines_are_refused_with_the_place(void **unused)
{
        static const struct {
                const char *command;
                char *const words[6];
                const char *says;
        } rows[] = {
            {"submit", {"--cpsu", "4", "x"}, "unknown option \"--cpsu\"; `reeve help submit`"},
            {"submit", {"-Z", "x"}, "unknown option \"-Z\""},
            {"submit", {"-\x1b", "x"}, "unknown option \"-?\""},
            {"submit", {"--cpus"}, "--cpus needs a value: N"},
            {"submit", {"-c"}, "-c needs a value: N"},
            {"submit", {"--hold=yes", "x"}, "--hold takes no value"},
            {"submit", {"--name", "a", "--name", "b", "x"}, "--name is given twice, as \"a\" and \"b\""},
            {"logs", {NULL}, "something is missing: reeve logs"},
            {"logs", {"1", "2"}, "\"2\" is too much"},
            {"site add", {"alpha"}, "something is missing: reeve site add NAME USER@HOST"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct args a;
                struct err err = {0};

                assert_int_equal(args_parse(find(rows[i].command), rows[i].words, &a, &err), -1);
                if (!strstr(err.text, rows[i].says) || err.code != ERR_BAD_INPUT)
                        fail_msg("%s: \"%s\"", rows[i].command, err.text);
        }
}

static void help_needs_no_arguments(void **unused)
{
        struct args a;

        (void)unused;
        assert_int_equal(args_parse(find("logs"), WORDS("--help"), &a, NULL), 0);
        assert_true(a.help_wanted);
        args_release(&a);
        assert_int_equal(args_parse(find("run"), WORDS("-h"), &a, NULL), 0);
        assert_true(a.help_wanted);
        args_release(&a);
}

/* ---- the table itself ------------------------------------------------------------------------------------
 */

static void the_table_has_no_clashes_and_no_gaps(void **unused)
{
        (void)unused;
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                const struct option *o, *other;

                assert_true(cmd->run && cmd->summary && cmd->args);
                assert_int_equal(cmd->summary[strlen(cmd->summary) - 1], '.');
                assert_true(cmd->max < 0 || cmd->max >= cmd->min);
                for (const struct command *before = commands; before != cmd; before++)
                        assert_string_not_equal(before->name, cmd->name);
                for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                        assert_true(o->help && *o->help);
                        for (size_t k = 0; k < i; k++) {
                                other = command_option(cmd, k);
                                if (strcmp(other->name, o->name) == 0 ||
                                    (o->letter && o->letter == other->letter))
                                        fail_msg("%s: --%s and --%s clash", cmd->name, other->name, o->name);
                        }
                }
        }
}

/* Everything the function prints, owned. */
static char *printed(int (*print)(FILE *out, const void *arg), const void *arg)
{
        char *text = NULL;
        size_t n;
        FILE *out = open_memstream(&text, &n);

        assert_int_equal(print(out, arg), 0);
        fclose(out);
        return text;
}

static int print_overview(FILE *out, const void *arg)
{
        (void)arg;
        help_overview(out);
        return 0;
}

static int print_manual(FILE *out, const void *arg)
{
        (void)arg;
        help_manual(out);
        return 0;
}

static int print_command(FILE *out, const void *arg)
{
        help_command(out, arg);
        return 0;
}

static void must_contain(const char *where, const char *text, const char *want)
{
        if (!strstr(text, want))
                fail_msg("%s lacks \"%s\"", where, want);
}

static void help_and_manual_name_every_command_and_option(void **unused)
{
        AUTO_FREE char *overview = printed(print_overview, NULL);
        AUTO_FREE char *manual = printed(print_manual, NULL);

        (void)unused;
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                AUTO_FREE char *help = printed(print_command, cmd);
                AUTO_FREE char *head = xasprintf("## reeve %s%s", cmd->name, *cmd->args ? " " : "\n");
                const char *last = strrchr(cmd->name, ' ');
                AUTO_FREE char *entry = last ? xstrdup(last + 1) : xasprintf("  %s ", cmd->name);
                const struct option *o;

                must_contain("overview", overview, entry);
                must_contain("manual", manual, head);
                for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                        AUTO_FREE char *dashed = xasprintf("--%s", o->name);
                        AUTO_FREE char *bold = xasprintf("--%s*", o->name);

                        must_contain(cmd->name, help, dashed);
                        must_contain("manual", manual, bold);
                }
        }
}

static void help_fits_eighty_columns(void **unused)
{
        AUTO_FREE char *overview = printed(print_overview, NULL);

        (void)unused;
        for (const char *p = overview; *p; p += strcspn(p, "\n") + 1)
                assert_true(strcspn(p, "\n") < 80);
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                AUTO_FREE char *help = printed(print_command, cmd);

                for (const char *p = help; *p; p += strcspn(p, "\n") + 1) {
                        if (strcspn(p, "\n") > 80 || p[strcspn(p, "\n") - (*p != '\n')] == ' ')
                                fail_msg("%s: \"%.*s\"", cmd->name, (int)strcspn(p, "\n"), p);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(commands_are_found_by_their_words),
            cmocka_unit_test(slips_of_the_finger_are_met_with_a_suggestion),
            cmocka_unit_test(options_are_read_in_all_their_spellings),
            cmocka_unit_test(what_follows_the_program_belongs_to_the_program),
            cmocka_unit_test(repeated_options_keep_their_order),
            cmocka_unit_test(wrong_lines_are_refused_with_the_place),
            cmocka_unit_test(help_needs_no_arguments),
            cmocka_unit_test(the_table_has_no_clashes_and_no_gaps),
            cmocka_unit_test(help_and_manual_name_every_command_and_option),
            cmocka_unit_test(help_fits_eighty_columns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
