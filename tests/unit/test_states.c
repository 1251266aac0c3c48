/* SPDX-License-Identifier: Apache-2.0 */
#include "common/states.h"
#include "common/util.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The functions of one enum, behind plain ints. */
struct machine {
        const char *what;
        int count;
        const char *(*name)(int v);
        const char *(*sentence)(int v);
        int (*parse)(const char *name, int *ret);
};

#define MACHINE_(type)                                                                                       \
        static const char *type##_name_(int v)                                                               \
        {                                                                                                    \
                return type##_name((enum type)v);                                                            \
        }                                                                                                    \
        static const char *type##_sentence_(int v)                                                           \
        {                                                                                                    \
                return type##_sentence((enum type)v);                                                        \
        }                                                                                                    \
        static int type##_parse_(const char *name, int *ret)                                                 \
        {                                                                                                    \
                enum type v = (enum type) * ret;                                                             \
                int r = type##_parse(name, &v);                                                              \
                                                                                                             \
                *ret = (int)v;                                                                               \
                return r;                                                                                    \
        }

MACHINE_(job_state)
MACHINE_(task_state)
MACHINE_(attempt_state)
MACHINE_(transfer_state)
MACHINE_(replica_state)
MACHINE_(site_health)
MACHINE_(site_intent)
MACHINE_(link_state)
MACHINE_(blame)
MACHINE_(outcome)
MACHINE_(wait_reason)

#define ROW_(type, count)                                                                                    \
        {                                                                                                    \
#type, count, type##_name_, type##_sentence_, type##_parse_                                  \
        }

static const struct machine machines[] = {
    ROW_(job_state, JOB_STATE_COUNT),
    ROW_(task_state, TASK_STATE_COUNT),
    ROW_(attempt_state, ATTEMPT_STATE_COUNT),
    ROW_(transfer_state, TRANSFER_STATE_COUNT),
    ROW_(replica_state, REPLICA_STATE_COUNT),
    ROW_(site_health, SITE_HEALTH_COUNT),
    ROW_(site_intent, SITE_INTENT_COUNT),
    ROW_(link_state, LINK_STATE_COUNT),
    ROW_(blame, BLAME_COUNT),
    ROW_(outcome, OUTCOME_COUNT),
    ROW_(wait_reason, WAIT_REASON_COUNT),
};

static void every_value_goes_to_its_name_and_back(void **unused)
{
        (void)unused;
        for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
                for (int v = 0; v < machines[m].count; v++) {
                        int back = -1;

                        if (machines[m].parse(machines[m].name(v), &back) != 0 || back != v)
                                fail_msg("%s %d: \"%s\"", machines[m].what, v, machines[m].name(v));
                }
        }
}

static void names_are_words_for_programs_and_sentences_for_people(void **unused)
{
        (void)unused;
        for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
                for (int v = 0; v < machines[m].count; v++) {
                        const char *name = machines[m].name(v), *sentence = machines[m].sentence(v);

                        assert_true(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
                        assert_true(strlen(sentence) > 1 && !isupper((unsigned char)sentence[0]));
                        assert_int_not_equal(sentence[strlen(sentence) - 1], '.');
                }
        }
}

static void unknown_names_and_values_are_not_taken(void **unused)
{
        static const char *const wrong[] = {"", "unknown-word", "ACTIVE", " active", "active ", "succeede"};

        (void)unused;
        for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
                for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                        int v = 77;

                        assert_int_equal(machines[m].parse(wrong[i], &v), -1);
                        assert_int_equal(v, 77);
                }
                assert_string_equal(machines[m].name(machines[m].count), "unknown");
                assert_string_equal(machines[m].name(-1), "unknown");
                assert_string_equal(machines[m].sentence(1 << 30), "unknown");
        }
}

static void blame_goes_to_whom_it_belongs(void **unused)
{
        static const struct {
                enum outcome outcome;
                enum blame blame;
        } rows[] = {
            {OUTCOME_SUCCEEDED, BLAME_NONE},     {OUTCOME_EXIT, BLAME_TASK},
            {OUTCOME_TIME_LIMIT, BLAME_TASK},    {OUTCOME_REFUSED, BLAME_SITE},
            {OUTCOME_INPUT_MISSING, BLAME_DATA}, {OUTCOME_LOST, BLAME_LINK},
            {OUTCOME_CANCELLED, BLAME_USER},     {OUTCOME_NEVER_STARTED, BLAME_US},
            {OUTCOME_REBOOT, BLAME_SITE},        {OUTCOME_DISK_FULL, BLAME_SITE},
            {OUTCOME_DRAINED, BLAME_SITE},       {OUTCOME_LEASE_EXPIRED, BLAME_LINK},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(outcome_blame(rows[i].outcome), rows[i].blame);
        for (int o = 0; o < OUTCOME_COUNT; o++)
                assert_int_equal(outcome_blame((enum outcome)o) == BLAME_NONE, o == OUTCOME_SUCCEEDED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_value_goes_to_its_name_and_back),
            cmocka_unit_test(names_are_words_for_programs_and_sentences_for_people),
            cmocka_unit_test(unknown_names_and_values_are_not_taken),
            cmocka_unit_test(blame_goes_to_whom_it_belongs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
