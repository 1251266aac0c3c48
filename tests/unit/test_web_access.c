/* SPDX-License-Identifier: Apache-2.0 */
#include "web/access.h"
#include "web/attempts.h"
#include "web/peer.h"
#include "web/web_priv.h"

#include "common/util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* ---- rules -----------------------------------------------------------------------------------------------
 */

static void a_rule_and_a_scope_let_in_exactly_whom_they_name(void **unused)
{
        struct membership one = {.project = 1, .name = (char *)"one", .role = ROLE_ADMIN},
                          two = {.project = 2, .name = (char *)"two", .role = ROLE_SUBMITTER};
        char *sites[] = {(char *)"alpha"};
        int64_t site_ids[] = {7};
        const struct principal
            viewer = {.role = ROLE_VIEWER},
            submitter = {.role = ROLE_SUBMITTER}, admin = {.role = ROLE_ADMIN},
            keeper = {.role = ROLE_SUBMITTER, .memberships = &one, .membership_count = 1},
            member = {.role = ROLE_SUBMITTER, .memberships = &two, .membership_count = 1},
            governor = {.role = ROLE_SUBMITTER, .site_ids = site_ids, .site_names = sites, .site_count = 1},
            old_governor = {.role = ROLE_VIEWER, .site_ids = site_ids, .site_names = sites, .site_count = 1},
            limited = {.role = ROLE_ADMIN, .has_scopes = true, .scopes = 1u << SCOPE_JOBS_READ};
        const struct {
                const struct principal *who;
                enum rule rule;
                enum scope scope;
                const char *project, *site;
                unsigned flags, status;
        } cases[] = {
            {&viewer, RULE_USER, SCOPE_JOBS_READ, NULL, NULL, 0, 200},
            {&viewer, RULE_SUBMITTER, SCOPE_JOBS_WRITE, NULL, NULL, 0, 403},
            {&submitter, RULE_SUBMITTER, SCOPE_JOBS_WRITE, NULL, NULL, 0, 200},
            {&submitter, RULE_ADMIN, SCOPE_PEOPLE_READ, NULL, NULL, 0, 403},
            {&submitter, RULE_PROJECT_ADMIN, SCOPE_PEOPLE_READ, "one", NULL, 0, 404},
            {&submitter, RULE_PROJECT_ADMIN, SCOPE_PEOPLE_READ, NULL, NULL, 0, 404},
            {&keeper, RULE_PROJECT_ADMIN, SCOPE_PEOPLE_READ, "one", NULL, 0, 200},
            {&keeper, RULE_PROJECT_ADMIN, SCOPE_PEOPLE_READ, "two", NULL, 0, 404},
            {&member, RULE_PROJECT_ADMIN, SCOPE_PEOPLE_READ, "two", NULL, 0, 403},
            {&admin, RULE_PROJECT_ADMIN, SCOPE_PEOPLE_READ, "two", NULL, 0, 200},
            {&governor, RULE_SITE_ADMIN, SCOPE_SITES_ADMIN, NULL, "alpha", 0, 200},
            {&governor, RULE_SITE_ADMIN, SCOPE_SITES_ADMIN, NULL, "beta", 0, 403},
            {&governor, RULE_SITE_ADMIN, SCOPE_SITES_ADMIN, NULL, NULL, 0, 403},
            {&old_governor, RULE_SITE_ADMIN, SCOPE_SITES_ADMIN, NULL, "alpha", 0, 403},
            {&keeper, RULE_SITE_ADMIN, SCOPE_SITES_ADMIN, NULL, "alpha", 0, 403},
            {&limited, RULE_USER, SCOPE_JOBS_READ, NULL, NULL, 0, 200},
            {&limited, RULE_USER, SCOPE_NONE, NULL, NULL, 0, 200},
            {&limited, RULE_USER, SCOPE_NONE, NULL, NULL, ROUTE_UNLIMITED, 403},
            {&limited, RULE_USER, SCOPE_JOBS_WRITE, NULL, NULL, 0, 403},
            {&limited, RULE_USER, SCOPE_COUNT, NULL, NULL, 0, 403},
            {&limited, RULE_ADMIN, SCOPE_PEOPLE_ADMIN, NULL, NULL, 0, 403},
            {&admin, RULE_USER, SCOPE_COUNT, NULL, NULL, ROUTE_UNLIMITED, 200},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct route r = {
                    .rule = cases[i].rule, .scope = cases[i].scope, .flags = cases[i].flags};
                const struct access_object o = {.project = cases[i].project, .site = cases[i].site};
                const char *why = NULL;
                unsigned got = access_check(&r, cases[i].who, &o, &why);

                if (got != cases[i].status || (got != 200 && !why))
                        fail_msg("case %zu: %u", i, got);
        }
}

static void a_link_is_for_who_governs_one_of_its_ends(void **unused)
{
        static const struct {
                const char *from, *to;
                unsigned status;
        } cases[] = {
            {"alpha", "beta", 200}, {"beta", "alpha", 200}, {"beta", "gamma", 403}, {NULL, NULL, 403}};
        const struct route r = {.rule = RULE_LINK_ADMIN, .scope = SCOPE_SITES_ADMIN};
        char *sites[] = {"alpha"};
        int64_t ids[] = {7};
        const struct principal governs = {.role = ROLE_SUBMITTER,
                                          .site_ids = ids,
                                          .site_names = sites,
                                          .site_count = 1},
                               all = {.role = ROLE_ADMIN};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct access_object o = {.site = cases[i].from, .to_site = cases[i].to};
                const char *why;

                assert_int_equal(access_check(&r, &governs, &o, &why), cases[i].status);
                assert_int_equal(access_check(&r, &all, &o, &why), 200);
        }
}

static void a_path_has_the_scope_of_its_area(void **unused)
{
        static const struct {
                const char *method, *pattern;
                enum scope scope;
        } cases[] = {
            {"GET", "/v1/jobs", SCOPE_JOBS_READ},
            {"POST", "/v1/jobs:bulk", SCOPE_JOBS_WRITE},
            {"POST", "/v1/explain", SCOPE_JOBS_READ},
            {"POST", "/v1/datasets/{name}/copy", SCOPE_DATA_WRITE},
            {"PATCH", "/v1/sites/{name}", SCOPE_SITES_ADMIN},
            {"GET", "/v1/me", SCOPE_NONE},
            {"PUT", "/v1/me/views", SCOPE_ACCOUNT_WRITE},
            {"GET", "/metrics", SCOPE_METRICS_READ},
            {"GET", "/v1/jobsmore", SCOPE_COUNT},
            {"GET", "/v1/no-such", SCOPE_COUNT},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (access_scope(cases[i].method, cases[i].pattern) != cases[i].scope)
                        fail_msg("%s %s", cases[i].method, cases[i].pattern);
}

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

static void a_token_is_known_by_its_check(void **unused)
{
        struct secret s;

        (void)unused;
        assert_true(sodium_init() >= 0);
        secret_make(TOKEN_PREFIX, &s);
        assert_int_equal(strlen(s.text), 6 + SECRET_CHARS + TOKEN_CHECK_LEN);
        assert_true(token_is_whole(s.text));
        for (size_t i = 0; s.text[i]; i++) {
                char kept = s.text[i];

                s.text[i] = kept == 'x' ? 'y' : 'x';
                assert_false(token_is_whole(s.text));
                s.text[i] = kept;
        }
        assert_true(token_is_whole("reeve_0123456789012345678901234567890123456789012"));
        assert_false(token_is_whole("reeve_"));
        assert_false(token_is_whole(""));
}

/* ---- attempts --------------------------------------------------------------------------------------------
 */

static void waits_double_for_addresses_and_names_and_end(void **unused)
{
        struct attempts *a = attempts_new();
        int64_t now = 1000000;

        (void)unused;
        for (int i = 0; i < ATTEMPTS_FREE; i++) {
                assert_int_equal(attempts_wait(a, "192.0.2.1", "sue", now), 0);
                attempts_begin(a, "192.0.2.1", "sue", now);
        }
        assert_int_equal(attempts_wait(a, "192.0.2.1", NULL, now), ATTEMPTS_WAIT_MS);
        assert_int_equal(attempts_wait(a, "192.0.2.9", "sue", now + 1000), ATTEMPTS_WAIT_MS - 1000);
        assert_int_equal(attempts_wait(a, "192.0.2.9", "tom", now), 0);
        attempts_begin(a, "192.0.2.2", "sue", now);
        assert_int_equal(attempts_wait(a, "192.0.2.9", "sue", now), 2 * ATTEMPTS_WAIT_MS);
        for (int i = 0; i < 30; i++)
                attempts_begin(a, "192.0.2.1", "sue", now);
        assert_int_equal(attempts_wait(a, "192.0.2.1", NULL, now), ATTEMPTS_WAIT_MAX_MS);
        assert_int_equal(attempts_wait(a, "192.0.2.9", "sue", now), ATTEMPTS_NAME_WAIT_MAX_MS);
        attempts_succeeded(a, "192.0.2.2", "sue");
        assert_int_equal(attempts_wait(a, "192.0.2.9", "sue", now), 0);
        assert_int_equal(attempts_wait(a, "192.0.2.1", "sue", now + 2 * 3600 * 1000 + 1), 0);
        attempts_begin(a, "192.0.2.1", NULL, now + 2 * 3600 * 1000 + 1);
        assert_int_equal(attempts_wait(a, "192.0.2.1", NULL, now + 2 * 3600 * 1000 + 1), 0);
        attempts_free(a);
}

static void of_very_many_names_the_latest_are_remembered(void **unused)
{
        struct attempts *a = attempts_new();
        char name[32];

        (void)unused;
        for (int i = 0; i < ATTEMPTS_KEYS_MAX + 5; i++) {
                snprintf(name, sizeof name, "n%d", i);
                for (int k = 0; k < (i < 3 || i > ATTEMPTS_KEYS_MAX ? ATTEMPTS_FREE : 1); k++)
                        attempts_begin(a, "192.0.2.1", name, i + 1);
        }
        assert_int_equal(attempts_wait(a, "", "n0", ATTEMPTS_KEYS_MAX), 0);
        assert_true(attempts_wait(a, "", name, ATTEMPTS_KEYS_MAX) > 0);
        attempts_free(a);
}

/* ---- proxies ---------------------------------------------------------------------------------------------
 */

static void the_client_is_the_last_address_that_no_trusted_proxy_has(void **unused)
{
        static const struct {
                const char *trusted, *connection, *forwarded, *client;
        } cases[] = {
            {"", "192.0.2.1", "198.51.100.1", "192.0.2.1"},
            {"10.0.0.1", "10.0.0.1", "198.51.100.1", "198.51.100.1"},
            {"10.0.0.1", "10.0.0.1", "", "10.0.0.1"},
            {"10.0.0.1", "10.0.0.2", "198.51.100.1", "10.0.0.2"},
            {"10.0.0.0/8", "10.1.2.3", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
            {"10.0.0.0/8", "10.1.2.3", "1.1.1.1,198.51.100.1 ,10.9.9.9", "198.51.100.1"},
            {"10.0.0.0/8", "10.1.2.3", "1.1.1.1, nonsense", "10.1.2.3"},
            {"10.0.0.0/8", "10.1.2.3", "1.1.1.1, nonsense, 10.7.7.7", "10.7.7.7"},
            {"10.0.0.0/8", "10.1.2.3", "10.7.7.7", "10.7.7.7"},
            {"10.0.0.0/8", "10.1.2.3", ",", "10.1.2.3"},
            {"10.0.0.0/8", "::ffff:10.1.2.3", "2001:db8::5", "2001:db8::5"},
            {"::1, 2001:db8::/33", "::1", "2001:db8:8000::1", "2001:db8:8000::1"},
            {"::1, 2001:db8::/33", "::1", "198.51.100.1, 2001:db8:7fff::1", "198.51.100.1"},
            {"unix", "unix", "198.51.100.1", "198.51.100.1"},
            {"127.0.0.1", "unix", "198.51.100.1", "unix"},
            {"0.0.0.0/0", "192.0.2.1", "9.9.9.9, 8.8.8.8", "9.9.9.9"},
            {"10.0.0.0/9", "10.128.0.1", "1.1.1.1", "10.128.0.1"},
            {"10.0.0.1", "10.0.0.1", "0123456789012345678901234567890123456789012345678901234567890123",
             "10.0.0.1"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char got[PEER_TEXT_MAX];
                struct peer_list l;
                struct err err;

                assert_int_equal(peer_list_read(cases[i].trusted, &l, &err), 0);
                peer_client(&l, cases[i].connection, cases[i].forwarded, got);
                if (strcmp(got, cases[i].client) != 0)
                        fail_msg("%s over %s of [%s]: %s", cases[i].forwarded, cases[i].connection,
                                 cases[i].trusted, got);
        }
}

static void a_list_of_proxies_is_read_strictly(void **unused)
{
        static const char *const bad[] = {"proxy.example", "10.0.0.0/33", "10.0.0.0/",  "::1/129",
                                          "10.0.0",        "/8",          "10.0.0.0/-1"};
        struct peer_list l;
        struct err err;

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (peer_list_read(bad[i], &l, &err) == 0)
                        fail_msg("%s", bad[i]);
        assert_int_equal(peer_list_read(NULL, &l, &err), 0);
        assert_int_equal(l.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_rule_and_a_scope_let_in_exactly_whom_they_name),
            cmocka_unit_test(a_link_is_for_who_governs_one_of_its_ends),
            cmocka_unit_test(a_path_has_the_scope_of_its_area),
            cmocka_unit_test(a_token_is_known_by_its_check),
            cmocka_unit_test(waits_double_for_addresses_and_names_and_end),
            cmocka_unit_test(of_very_many_names_the_latest_are_remembered),
            cmocka_unit_test(the_client_is_the_last_address_that_no_trusted_proxy_has),
            cmocka_unit_test(a_list_of_proxies_is_read_strictly),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
