/* SPDX-License-Identifier: Apache-2.0 */
/* When jobs that wait for others may start. */
#include "common/util.h"
#include "core/chain.h"
#include "tests/unit/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define SITE "site a cpus=2\n"

static void a_job_starts_when_those_it_waits_for_are_likely_to_have_ended(void **unused)
{
        static const struct {
                const char *jobs;
                int64_t asks;
                double likely;
        } cases[] = {
            /* one runs: what is left of it */
            {"job 1 expect=60000\njob 2 after=1", 2, 60},
            /* two places, six tasks: three rounds */
            {"job 1 tasks=6 expect=60000\njob 2 after=1", 2, 180},
            /* element by element: when the first of them ends */
            {"job 1 tasks=6 expect=60000\njob 2 tasks=6 after=1 elementwise", 2, 60},
            /* a chain */
            {"job 1 expect=60000\njob 2 after=1 expect=30000\njob 3 after=2", 3, 90},
            /* somebody holds what it waits for */
            {"job 1 held expect=60000\njob 2 after=1", 2, INFINITY},
            /* nothing can run what it waits for */
            {"job 1 cpus=9\njob 2 after=1", 2, INFINITY},
            /* in deep enough */
            {"job 1\njob 2 after=1\njob 3 after=2\njob 4 after=3\njob 5 after=4\njob 6 after=5\njob 7 "
             "after=6\n"
             "job 8 after=7\njob 9 after=8\njob 10 after=9\njob 11 after=10",
             11, INFINITY},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(SITE);
                struct forecast_start f;

                scene_add(m, cases[i].jobs);
                free(scene_decide(m));
                free(scene_decide(m));
                chain_start(m, model_job(m, cases[i].asks), &f);
                if (isinf(cases[i].likely))
                        assert_true(isinf(f.likely));
                else if (fabs(f.likely - cases[i].likely) > 0.15 * cases[i].likely)
                        fail_msg("case %zu: %.1f s, not %.1f", i, f.likely, cases[i].likely);
                assert_true(f.earliest <= f.likely && f.likely <= f.latest);
                model_free(m);
        }
}

static void an_input_that_is_being_made_is_complete_when_its_job_ends(void **unused)
{
        struct model *m = scene(SITE "data job-1 open\ndata other open\njob 1 expect=60000\n"
                                     "job 2 needs=job-1\njob 3 needs=other");
        struct forecast_start f;

        (void)unused;
        model_job(m, 1)->output = scene_dataset(m, "job-1");
        model_job(m, 1)->output->users++;
        free(scene_decide(m));
        chain_start(m, model_job(m, 2), &f);
        assert_true(fabs(f.likely - 60) < 5);
        chain_start(m, model_job(m, 3), &f); /* nobody makes it */
        assert_true(isinf(f.likely));
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_job_starts_when_those_it_waits_for_are_likely_to_have_ended),
            cmocka_unit_test(an_input_that_is_being_made_is_complete_when_its_job_ends),
        };

        return cmocka_run_group_tests_name("core: chain", tests, NULL, NULL);
}
