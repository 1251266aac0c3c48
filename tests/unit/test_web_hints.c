/* SPDX-License-Identifier: Apache-2.0 */
#include "web/hints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GIB (INT64_C(1) << 30)

/* What is suggested, as "memory=4G time_limit=20m". */
static const struct {
        const char *title;
        struct hint_past past;
        const char *suggests;
} cases[] = {
    {"nothing to go by", {.jobs = 0, .memory_peak = GIB}, ""},
    {"a fifth more than the peak, rounded to what people write",
     {.jobs = 12, .attempts = 12, .memory_peak = 3328599654, .memory_asked = 16 * GIB},
     "memory=4G"},
    {"what is asked for is about right",
     {.jobs = 2, .attempts = 2, .memory_peak = 3 * GIB, .memory_asked = 4 * GIB},
     ""},
    {"nothing was asked for", {.jobs = 1, .attempts = 1, .memory_peak = 100 << 20}, "memory=128M"},
    {"more was used than asked for",
     {.jobs = 1, .attempts = 1, .memory_peak = 4 * GIB, .memory_asked = GIB},
     "memory=5G"},
    {"a limit that is far away",
     {.jobs = 1, .attempts = 1, .wall_max = 800, .time_asked = 36000},
     "time_limit=20m"},
    {"no limit at all", {.jobs = 1, .attempts = 1, .wall_max = 2400}, "time_limit=1h"},
    {"a limit that fits", {.jobs = 1, .attempts = 1, .wall_max = 3000, .time_asked = 5400}, ""},
    {"processors that idle", {.jobs = 3, .attempts = 3, .cpus_used = 3.1, .cpus_asked = 8}, "cpus=4"},
    {"too few attempts to say so", {.jobs = 2, .attempts = 2, .cpus_used = 3.1, .cpus_asked = 8}, ""},
    {"processors that work", {.jobs = 3, .attempts = 9, .cpus_used = 7.4, .cpus_asked = 8}, ""},
};

static void hints_are_said_where_they_would_change_something(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct hint hints[HINTS_MAX];
                size_t n = hints_make(&cases[i].past, hints);
                char got[200] = "";

                for (size_t k = 0; k < n; k++) {
                        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s=%s", k ? " " : "",
                                 hints[k].member, hints[k].text);
                        assert_non_null(strstr(hints[k].sentence, "of this name"));
                }
                if (strcmp(got, cases[i].suggests) != 0)
                        fail_msg("%s: \"%s\", not \"%s\"", cases[i].title, got, cases[i].suggests);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(hints_are_said_where_they_would_change_something),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
