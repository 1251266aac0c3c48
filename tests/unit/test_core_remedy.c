/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/scene.h"

#include "common/util.h"
#include "core/place.h"
#include "core/remedy.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "cpus=4 @a,b" */
static char *text_of(const struct remedy *r, const struct m_shape *s)
{
        char what[200] = "", sites[200] = "";

        if (r->what & REMEDY_SITES)
                strcat(what, "sites ");
        if (r->need.cpus != s->need.cpus)
                snprintf(what + strlen(what), 50, "cpus=%d ", r->need.cpus);
        if (r->need.memory != s->need.memory)
                snprintf(what + strlen(what), 50, "memory=%.1f ", (double)r->need.memory / (1LL << 30));
        if (r->need.gpus != s->need.gpus)
                snprintf(what + strlen(what), 50, "gpus=%d ", r->need.gpus);
        for (size_t i = 0; i < r->site_n; i++)
                snprintf(sites + strlen(sites), 50, "%s%s", i ? "," : "", r->sites[i]->name);
        return xasprintf("%s@%s", what, sites);
}

static void what_can_never_run_is_told_the_smallest_change(void **unused)
{
        static const struct {
                const char *scene, *first;
                size_t n;
        } cases[] = {
            {"site a cpus=4\nsite b cpus=8\njob 1 cpus=16", "cpus=8 @b", 1},
            {"site a memory=8\nsite b memory=4\njob 1 memory=64", "memory=8.0 @a", 1},
            {"site a gpus=1 memory=9\njob 1 gpus=2 memory=4", "gpus=1 @a", 1},
            {"site a gpus=0\njob 1 gpus=1", "gpus=0 @a", 1},
            {"site a cpus=4\nsite b cpus=64\njob 1 cpus=8 sites=a", "sites @b", 2},
            {"site a cpus=4 memory=64\nsite b cpus=32 memory=8\njob 1 cpus=32 memory=60", "memory=8.0 @b", 2},
            {"site a cpus=4 memory=4\njob 1 cpus=8 memory=8", "cpus=4 memory=4.0 @a", 1},
            {"project p max_cpus=4\nsite a cpus=9\njob 1 cpus=8", "cpus=4 @a", 1},
            {"site a cpus=9 only=p only_cpus=3\njob 1 cpus=8", "cpus=3 @a", 1},
            {"site a only=q cpus=9\njob 1", NULL, 0},
            {"site a unseen\njob 1", NULL, 0},
            {"job 1", NULL, 0},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                const struct m_shape *s = model_job(m, 1)->shape;
                struct remedy r[REMEDIES_MAX];
                size_t n = remedy_never(m, s, r);
                AUTO_FREE char *first = n ? text_of(&r[0], s) : NULL;

                if (n != cases[i].n || (first && strcmp(first, cases[i].first) != 0))
                        print_error("%s -> %zu %s\n", cases[i].scene, n, first ? first : "-");
                assert_int_equal(n, cases[i].n);
                if (first)
                        assert_string_equal(first, cases[i].first);
                for (size_t k = 0; k < n; k++) {
                        struct m_shape g = *s;

                        g.need = r[k].need;
                        g.site_count = r[k].what & REMEDY_SITES ? 0 : s->site_count;
                        assert_true(place_can_ever(m, &g)); /* what is advised does help */
                }
                model_free(m);
        }
}

static void what_waits_is_told_what_would_start_it_sooner(void **unused)
{
        static const struct {
                const char *scene, *first;
        } cases[] = {
            /* job 1 runs for 100 s and leaves a part of site a free */
            {"site a cpus=4\njob 1 cpus=2\njob 9 cpus=3", "cpus=2 @a"},
            {"site a cpus=4 memory=10\njob 1 memory=4\njob 9 memory=8", "memory=6.0 @a"},
            {"site a cpus=4 memory=10\njob 1 memory=9\njob 9 memory=8",
             NULL}, /* less than a quarter is no advice */
            {"site a\nsite b\njob 1 sites=a\njob 9 sites=a", "sites @b"},
            {"site a cpus=4\nsite b cpus=2\njob 1 cpus=4\njob 9 cpus=4", "cpus=2 @b"},
            {"site a\njob 1\njob 9", NULL},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                const struct m_job *j = model_job(m, 9);
                struct forecast_ask ask = {.shape = j->shape, .job = j, .id = 9};
                struct forecast_start start;
                struct remedy r[REMEDIES_MAX];
                AUTO_FREE char *first = NULL;
                size_t n;

                model_job(m, 1)->shape->ended = 100;
                model_job(m, 1)->shape->run_ms = 100000;
                free(scene_decide(m));
                forecast_start(m, &ask, &start);
                n = remedy_sooner(m, &ask, start.likely, r);
                first = n ? text_of(&r[0], j->shape) : NULL;
                if (!!first != !!cases[i].first || (first && strcmp(first, cases[i].first) != 0))
                        print_error("%s -> %s\n", cases[i].scene, first ? first : "-");
                assert_true(!!first == !!cases[i].first);
                if (first) {
                        assert_string_equal(first, cases[i].first);
                        assert_true(r[0].start_in == 0 && start.likely > 50);
                }
                model_free(m);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_can_never_run_is_told_the_smallest_change),
            cmocka_unit_test(what_waits_is_told_what_would_start_it_sooner),
        };

        return cmocka_run_group_tests_name("core: remedy", tests, NULL, NULL);
}
