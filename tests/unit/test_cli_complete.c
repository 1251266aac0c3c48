/* SPDX-License-Identifier: Apache-2.0 */
/* What may come next on a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/complete.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* The words of a line split at blanks; a blank at the end begins a new one. */
static void want(const char *line, struct complete_want *ret)
{
        AUTO_FREE char *copy = xstrdup(line);
        char *words[20], *save = copy;
        size_t n = 0;

        while (n < ARRAY_LEN(words) && (words[n] = strsep(&save, " ")))
                n++;
        complete_want(words, n, n - 1, ret);
}

static void each_place_wants_its_kind(void **state)
{
        static const struct {
                const char *line;
                enum complete_kind kind;
                const char *prefix;
        } cases[] = {
            {"reeve ", COMPLETE_COMMANDS, ""},
            {"reeve si", COMPLETE_COMMANDS, "si"},
            {"reeve site ", COMPLETE_COMMANDS, ""},
            {"reeve site host ", COMPLETE_COMMANDS, ""},
            {"reeve -o json site s", COMPLETE_COMMANDS, "s"},
            {"reeve nonsense ", COMPLETE_NOTHING, ""},
            {"reeve --", COMPLETE_OPTIONS, "--"},
            {"reeve jobs --st", COMPLETE_OPTIONS, "--st"},
            {"reeve jobs --state ", COMPLETE_JOB_STATES, ""},
            {"reeve jobs --state=f", COMPLETE_JOB_STATES, "f"},
            {"reeve show --state ", COMPLETE_TASK_STATES, ""},
            {"reeve jobs -o ", COMPLETE_FORMATS, ""},
            {"reeve jobs --format=", COMPLETE_FORMATS, ""},
            {"reeve show 1", COMPLETE_JOBS, "1"},
            {"reeve show 1 2 ", COMPLETE_JOBS, ""},
            {"reeve explain 1 ", COMPLETE_NOTHING, ""},
            {"reeve cancel ", COMPLETE_LIVE_JOBS, ""},
            {"reeve cancel 1 ", COMPLETE_LIVE_JOBS, ""},
            {"reeve rerun --failed ", COMPLETE_ENDED_JOBS, ""},
            {"reeve logs -n 5 ", COMPLETE_JOBS, ""},
            {"reeve site show a", COMPLETE_SITES, "a"},
            {"reeve site host remove ", COMPLETE_SITES, ""},
            {"reeve worker drain ", COMPLETE_WORKERS, ""},
            {"reeve data show ", COMPLETE_DATASETS, ""},
            {"reeve submit --input ", COMPLETE_DATASETS, ""},
            {"reeve submit ", COMPLETE_FILES, ""},
            {"reeve submit -f ", COMPLETE_FILES, ""},
            {"reeve submit job.sh --", COMPLETE_FILES, "--"},
            {"reeve run -- host", COMPLETE_FILES, "host"},
            {"reeve project set ", COMPLETE_PROJECTS, ""},
            {"reeve token revoke ", COMPLETE_TOKENS, ""},
            {"reeve help ", COMPLETE_COMMANDS, ""},
            {"reeve completion ", COMPLETE_SHELLS, ""},
            {"reeve config get ", COMPLETE_SETTINGS, ""},
            {"reeve whoami ", COMPLETE_NOTHING, ""},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct complete_want w;

                want(cases[i].line, &w);
                if (w.kind != cases[i].kind || strcmp(w.prefix, cases[i].prefix) != 0)
                        fail_msg("\"%s\" wants %d, \"%s\"", cases[i].line, w.kind, w.prefix);
        }
}

static void every_command_and_option_is_offered(void **state)
{
        (void)state;
        for (const struct command *cmd = commands; cmd->name; cmd++) {
                const char *last = strrchr(cmd->name, ' ');
                AUTO_FREE char *line =
                    last ? xasprintf("reeve %.*s ", (int)(last - cmd->name), cmd->name) : xstrdup("reeve ");
                AUTO_FREE char *entry = xasprintf("%s\t", last ? last + 1 : cmd->name);
                AUTO_FREE char *dashes = xasprintf("reeve %s --", cmd->name);
                const struct option *o;
                struct complete_want w;
                struct buf out;

                buf_init(&out, 1 << 20);
                want(line, &w);
                complete_add_words(&w, &out);
                if (!strstr(buf_cstr(&out), entry))
                        fail_msg("\"%s\" does not offer \"%s\"", line, entry);
                buf_clear(&out);
                want(dashes, &w);
                complete_add_words(&w, &out);
                for (size_t i = 0; (o = command_option(cmd, i)); i++) {
                        AUTO_FREE char *dashed = xasprintf("--%s\t", o->name);

                        if (!strstr(buf_cstr(&out), dashed))
                                fail_msg("%s: --%s is not offered", cmd->name, o->name);
                }
                buf_release(&out);
        }
}

static void what_stands_before_the_word_stays(void **state)
{
        struct complete_want w;
        struct buf out;

        (void)state;
        buf_init(&out, 4096);
        want("reeve jobs --state=su", &w);
        complete_add_words(&w, &out);
        assert_string_equal(buf_cstr(&out), "--state=succeeded\t\n");
        buf_release(&out);
}

static void names_that_a_shell_would_obey_are_not_offered(void **state)
{
        static const char *const bad[] = {"",    "$(reboot)", "a b",  "a;b", "`x`",
                                          "a'b", "\033[2J",   "a\"b", "*"};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(complete_is_plain(bad[i]));
        assert_true(complete_is_plain("job-12"));
        assert_true(complete_is_plain("12.7"));
}

static void there_is_a_script_for_three_shells(void **state)
{
        static const char *const shells[] = {"bash", "zsh", "fish"};
        char *text = NULL;
        size_t n;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
                FILE *out = open_memstream(&text, &n);

                assert_int_equal(complete_script(out, shells[i]), 0);
                fclose(out);
                assert_non_null(strstr(text, "__complete"));
                free(text);
        }
        assert_int_equal(complete_script(stdout, "csh"), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(each_place_wants_its_kind),
            cmocka_unit_test(every_command_and_option_is_offered),
            cmocka_unit_test(what_stands_before_the_word_stays),
            cmocka_unit_test(names_that_a_shell_would_obey_are_not_offered),
            cmocka_unit_test(there_is_a_script_for_three_shells),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
