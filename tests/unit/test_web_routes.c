/* SPDX-License-Identifier: Apache-2.0 */
#include "web/assets.h"
#include "web/replies.h"

#include "common/util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct request *request_of(const char *method, const char *uri)
{
        struct request *rq = xcalloc(1, sizeof *rq);

        rq->method = method;
        buf_init(&rq->out, 1 << 20);
        request_parse_uri(rq, uri);
        return rq;
}

static void request_end(struct request *rq)
{
        request_release(rq);
        free(rq);
}

static void a_path_is_known_unknown_or_has_other_methods(void **unused)
{
        static const struct {
                const char *method, *uri;
                int status;
                const char *told; /* the pattern, or the methods allowed */
        } cases[] = {
            {"GET", "/v1/jobs", 200, "/v1/jobs"},
            {"GET", "/v1/jobs?limit=3", 200, "/v1/jobs"},
            {"POST", "/v1/jobs:bulk", 200, "/v1/jobs:bulk"},
            {"GET", "/v1/jobs/12", 200, "/v1/jobs/{id}"},
            {"GET", "/v1/jobs/12/tasks/3/log", 200, "/v1/jobs/{id}/tasks/{task}/log"},
            {"DELETE", "/v1/jobs", 405, "POST, GET, HEAD"},
            {"POST", "/healthz", 405, "GET, HEAD"},
            {"PATCH", "/v1/sites/a/open", 405, "POST"},
            {"OTHER", "/v1/me", 405, "GET, HEAD"},
            {"GET", "/v1", 404, ""},
            {"GET", "/v1/", 404, ""},
            {"GET", "/v1/jobs/", 404, ""},
            {"GET", "/v1/jobs//spec", 404, ""},
            {"GET", "/v1/jobs/1/2", 404, ""},
            {"GET", "//v1/jobs", 404, ""},
            {"GET", "/V1/jobs", 404, ""},
            {"GET", "/v1%2fjobs", 404, ""},
        };

        (void)unused;
        routes_init();
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct request *rq = request_of(cases[i].method, cases[i].uri);
                char allow[ALLOW_MAX];

                assert_false(rq->uri_is_bad);
                if (route_match(rq, allow) != cases[i].status)
                        fail_msg("%s %s", cases[i].method, cases[i].uri);
                assert_string_equal(cases[i].status == 200 ? rq->route->pattern : allow, cases[i].told);
                request_end(rq);
        }
}

static void a_target_is_taken_apart_strictly(void **unused)
{
        static const char *const bad[] = {"*",
                                          "http://x/",
                                          "/%",
                                          "/%4",
                                          "/%zz",
                                          "/%00",
                                          "/a?%ff=1",
                                          "/a?x=%80",
                                          "/a?x=1&x=2",
                                          "/%c3%28",
                                          "/1/2/3/4/5/6/7/8/9/10/11"};
        struct request *rq = request_of("GET", "/v1/sites/a%2Fb%20c?label=k%3Av+w&x&&y=");

        (void)unused;
        assert_false(rq->uri_is_bad);
        assert_string_equal(rq->segments[2], "a/b c");
        assert_string_equal(request_query(rq, "label"), "k:v w");
        assert_string_equal(request_query(rq, "x"), "");
        assert_string_equal(request_query(rq, "y"), "");
        assert_null(request_query(rq, "z"));
        request_end(rq);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                rq = request_of("GET", bad[i]);
                if (!rq->uri_is_bad)
                        fail_msg("%s", bad[i]);
                request_end(rq);
        }
}

/* Writes that hash a password or make a session: a transaction of their own, and nothing to try out. */
static bool does_it_itself(const char *pattern)
{
        static const char *const list[] = {"/v1/log",
                                           "/v1/explain",
                                           "/v1/jobs:script",
                                           "/v1/me/password",
                                           "/v1/setup",
                                           "/v1/invitations:look",
                                           "/v1/invitations:use",
                                           "/v1/oidc/start",
                                           "/v1/me/identities",
                                           "/v1/templates/{id}/fill"};

        for (size_t i = 0; i < ARRAY_LEN(list); i++)
                if (strncmp(pattern, list[i], strlen(list[i])) == 0)
                        return true;
        return false;
}

static void every_route_has_a_rule_a_handler_and_a_summary(void **unused)
{
        (void)unused;
        routes_init();
        for (size_t i = 0; i < routes_count; i++) {
                const struct route *r = &routes[i];
                bool reads = strcmp(r->method, "GET") == 0;

                assert_true(r->rule >= RULE_PUBLIC && r->rule <= RULE_ADMIN);
                assert_non_null(r->handler);
                assert_true(strlen(r->summary) > 3);
                if (reads != !(r->flags & (ROUTE_TX | ROUTE_DRY | ROUTE_SINK)) && !does_it_itself(r->pattern))
                        fail_msg("%s %s", r->method, r->pattern);
                assert_true(!reads || !r->body);
                for (size_t k = 0; k < i; k++)
                        assert_false(strcmp(r->method, routes[k].method) == 0 &&
                                     strcmp(r->pattern, routes[k].pattern) == 0);
        }
}

/* A new path belongs into a row of `areas` in web/access.c. */
static void every_route_that_asks_for_a_login_has_a_scope(void **unused)
{
        (void)unused;
        routes_init();
        for (size_t i = 0; i < routes_count; i++)
                if (routes[i].rule != RULE_PUBLIC && routes[i].scope == SCOPE_COUNT)
                        fail_msg("no area for %s %s", routes[i].method, routes[i].pattern);
}

static void the_openapi_document_is_json_with_every_route(void **unused)
{
        struct buf b;
        json_t *doc;

        (void)unused;
        routes_init();
        buf_init(&b, 4 << 20);
        routes_openapi(&b, "http://here");
        doc = json_loadb((const char *)buf_bytes(&b), buf_len(&b), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(doc);
        for (size_t i = 0; i < routes_count; i++) {
                json_t *path = json_object_get(json_object_get(doc, "paths"), routes[i].pattern);
                char method[16];
                size_t n = 0;

                for (; routes[i].method[n]; n++)
                        method[n] = (char)(routes[i].method[n] | 0x20);
                method[n] = '\0';
                assert_string_equal(
                    json_string_value(json_object_get(json_object_get(path, method), "x-reeve-rule")),
                    rule_name(routes[i].rule));
        }
        json_decref(doc);
        buf_release(&b);
}

static void a_cursor_comes_back_as_it_went_and_others_are_refused(void **unused)
{
        static const char *const bad[] = {"/v1/jobs?cursor=***", "/v1/jobs?cursor=", "/v1/jobs?cursor=LTE",
                                          "/v1/jobs?cursor=MTIzIGE", "/v1/jobs?cursor=AAAA"};
        struct request *rq = request_of("GET", "/v1/jobs?cursor=MTIz");
        struct err err;
        int64_t v;

        (void)unused;
        assert_int_equal(cursor_read_int(rq, 7, &v, &err), 0);
        assert_int_equal(v, 123);
        cursor_write_int(&rq->out, NULL, 123);
        assert_string_equal(buf_cstr(&rq->out), "\"MTIz\"");
        request_end(rq);
        rq = request_of("GET", "/v1/jobs");
        assert_int_equal(cursor_read_int(rq, 7, &v, &err), 0);
        assert_int_equal(v, 7);
        request_end(rq);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                rq = request_of("GET", bad[i]);
                if (cursor_read_int(rq, 7, &v, &err) == 0)
                        fail_msg("%s", bad[i]);
                request_end(rq);
        }
}

static void an_etag_matches_by_list_weakness_and_star(void **unused)
{
        static const struct {
                const char *header;
                bool match;
        } cases[] = {{"\"a\"", true},
                     {"W/\"a\"", true},
                     {"*", true},
                     {"\"b\", \"a\"", true},
                     {"\"b\",W/\"a\"", true},
                     {"\"b\", \"aa\"", false},
                     {"\"b\"", false},
                     {"", false},
                     {"a", false},
                     {"\"a", false},
                     {NULL, false},
                     {"\"a\"x", false},
                     {" \"a\" ", true}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (etag_matches(cases[i].header, "\"a\"") != cases[i].match)
                        fail_msg("%s", cases[i].header);
}

static void commas_stand_between_members_and_nowhere_else(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 1000);
        j_obj(&b, NULL);
        j_arr(&b, "a");
        j_arr_end(&b);
        j_int(&b, "i", -5);
        j_obj(&b, "o");
        j_str(&b, "s", "[{:,\"");
        j_null(&b, "n");
        j_obj_end(&b);
        j_arr(&b, "l");
        j_bool(&b, NULL, true);
        j_f64(&b, NULL, 0.5);
        j_f64(&b, NULL, 1.0 / 0.0);
        j_time(&b, NULL, 0);
        j_time(&b, NULL, INT64_MIN);
        j_arr_end(&b);
        j_obj_end(&b);
        assert_string_equal(buf_cstr(&b), "{\"a\":[],\"i\":-5,\"o\":{\"s\":\"[{:,\\\"\",\"n\":null},"
                                          "\"l\":[true,0.5,null,\"1970-01-01T00:00:00.000Z\",null]}");
        buf_release(&b);
}

static void every_route_says_what_it_answers(void **unused)
{
        (void)unused;
        routes_init();
        for (size_t i = 0; i < routes_count; i++) {
                const struct reply_row *row = reply_of(&routes[i]);

                if (!row)
                        fail_msg("%s %s has no row in replies.c", routes[i].method, routes[i].pattern);
                else
                        assert_true(row->status == 204 ? !row->shape && !row->type
                                                       : !row->shape != !row->type);
        }
}

static void check_words(const char *words)
{
        for (const char *p = words; *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");

                if (!parameter_of(p, n))
                        fail_msg("%.*s has no row among the parameters", (int)n, p);
                p += n;
        }
}

static void every_parameter_is_described(void **unused)
{
        (void)unused;
        routes_init();
        for (size_t i = 0; i < routes_count; i++) {
                const char *names;

                check_words(routes[i].query);
                for (size_t k = 0; (names = route_flag_parameters(&routes[i], k)); k++)
                        check_words(names);
                for (size_t k = 0; k < routes[i].part_count; k++)
                        if (routes[i].names[k])
                                check_words(routes[i].names[k]);
        }
}

static void problems_are_sorted_and_each_once(void **unused)
{
        unsigned list[20];

        (void)unused;
        for (size_t i = 0; i < routes_count; i++) {
                size_t n = problems_of(&routes[i], list, ARRAY_LEN(list));

                assert_true(n >= 2 && n < ARRAY_LEN(list));
                for (size_t k = 1; k < n; k++)
                        assert_true(list[k] > list[k - 1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_path_is_known_unknown_or_has_other_methods),
            cmocka_unit_test(a_target_is_taken_apart_strictly),
            cmocka_unit_test(every_route_has_a_rule_a_handler_and_a_summary),
            cmocka_unit_test(every_route_that_asks_for_a_login_has_a_scope),
            cmocka_unit_test(the_openapi_document_is_json_with_every_route),
            cmocka_unit_test(a_cursor_comes_back_as_it_went_and_others_are_refused),
            cmocka_unit_test(an_etag_matches_by_list_weakness_and_star),
            cmocka_unit_test(commas_stand_between_members_and_nowhere_else),
            cmocka_unit_test(every_route_says_what_it_answers),
            cmocka_unit_test(every_parameter_is_described),
            cmocka_unit_test(problems_are_sorted_and_each_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
