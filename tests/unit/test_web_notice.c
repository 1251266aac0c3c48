/* SPDX-License-Identifier: Apache-2.0 */
#include "web/egress.h"
#include "web/notice.h"

#include "common/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* ---- egress ----------------------------------------------------------------------------------------------
 */

static enum egress_verdict judge(const struct egress *e, const char *address)
{
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

        if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
                return egress_judge(e, (const struct sockaddr *)&v4);
        assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
        return egress_judge(e, (const struct sockaddr *)&v6);
}

static void only_public_addresses_are_called_unasked(void **unused)
{
        static const struct {
                const char *address;
                enum egress_verdict verdict;
        } cases[] = {
            {"1.1.1.1", EGRESS_PUBLIC},
            {"9.255.255.255", EGRESS_PUBLIC},
            {"10.0.0.0", EGRESS_NO},
            {"10.255.255.255", EGRESS_NO},
            {"11.0.0.0", EGRESS_PUBLIC},
            {"0.0.0.0", EGRESS_NO},
            {"100.63.255.255", EGRESS_PUBLIC},
            {"100.64.0.1", EGRESS_NO},
            {"100.127.255.255", EGRESS_NO},
            {"100.128.0.0", EGRESS_PUBLIC},
            {"127.0.0.1", EGRESS_NO},
            {"127.255.0.1", EGRESS_NO},
            {"169.254.169.254", EGRESS_NO},
            {"172.15.255.255", EGRESS_PUBLIC},
            {"172.16.0.1", EGRESS_NO},
            {"172.31.255.255", EGRESS_NO},
            {"172.32.0.0", EGRESS_PUBLIC},
            {"192.0.0.8", EGRESS_NO},
            {"192.168.1.1", EGRESS_NO},
            {"198.17.255.255", EGRESS_PUBLIC},
            {"198.18.0.1", EGRESS_NO},
            {"198.19.255.255", EGRESS_NO},
            {"223.255.255.255", EGRESS_PUBLIC},
            {"224.0.0.1", EGRESS_NO},
            {"255.255.255.255", EGRESS_NO},
            {"2606:4700::1111", EGRESS_PUBLIC},
            {"::1", EGRESS_NO},
            {"::", EGRESS_NO},
            {"::ffff:127.0.0.1", EGRESS_NO},
            {"::ffff:1.1.1.1", EGRESS_PUBLIC},
            {"::127.0.0.1", EGRESS_NO},
            {"64:ff9b::7f00:1", EGRESS_NO},
            {"2002:7f00:1::", EGRESS_NO},
            {"2001::1", EGRESS_NO},
            {"fd00::1", EGRESS_NO},
            {"fe80::1", EGRESS_NO},
            {"ff02::1", EGRESS_NO},
        };
        struct egress none;
        struct err err;

        (void)unused;
        assert_int_equal(egress_parse("", &none, &err), 0);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (judge(&none, cases[i].address) != cases[i].verdict)
                        fail_msg("%s", cases[i].address);
        assert_int_equal(egress_judge(&none, &(struct sockaddr){.sa_family = AF_UNIX}), EGRESS_NO);
}

static void networks_that_are_allowed_are_called_too(void **unused)
{
        struct egress e;
        struct err err;

        (void)unused;
        assert_int_equal(egress_parse(" 127.0.0.0/8,fd00::/8 , 10.1.2.3", &e, &err), 0);
        assert_int_equal(e.count, 3);
        assert_int_equal(judge(&e, "127.9.9.9"), EGRESS_ALLOWED);
        assert_int_equal(judge(&e, "::ffff:127.9.9.9"), EGRESS_ALLOWED);
        assert_int_equal(judge(&e, "fdab::1"), EGRESS_ALLOWED);
        assert_int_equal(judge(&e, "10.1.2.3"), EGRESS_ALLOWED);
        assert_int_equal(judge(&e, "10.1.2.4"), EGRESS_NO);
        assert_int_equal(judge(&e, "1.1.1.1"), EGRESS_PUBLIC);
        assert_int_equal(egress_parse("0.0.0.0/0", &e, &err), 0);
        assert_int_equal(judge(&e, "10.1.2.4"), EGRESS_ALLOWED);
        assert_int_equal(judge(&e, "fd00::1"), EGRESS_NO);
}

static void networks_that_are_none_are_told(void **unused)
{
        static const char *const bad[] = {"host",       "1.2.3",     "1.2.3.4/33", "::/129",
                                          "1.2.3.4/-1", "1.2.3.4/x", "/8"};
        struct egress e;
        struct err err;

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (egress_parse(bad[i], &e, &err) == 0)
                        fail_msg("%s", bad[i]);
}

/* ---- whom it concerns ------------------------------------------------------------------------------------
 */

static void a_subscription_hears_what_it_asked_for_and_may_know(void **unused)
{
        int32_t sees[] = {3, 7};
        const int failed = notice_kind_parse("job.failed"), down = notice_kind_parse("site.down");
        const struct notice_event job = {.job = 12, .kind = failed, .user = 1, .project_id = 7},
                                  site = {.kind = down, .site_id = 4};
        const uint32_t both = 1u << failed | 1u << down;
        const struct {
                const char *what;
                struct hears hears;
                bool job, site;
        } cases[] = {
            {"its own",
             {.user = 1, .kinds = both, .mine = true, .projects = sees, .project_count = 2},
             true,
             true},
            {"of another",
             {.user = 2, .kinds = both, .mine = true, .projects = sees, .project_count = 2},
             false,
             true},
            {"all", {.user = 2, .kinds = both, .projects = sees, .project_count = 2}, true, true},
            {"hidden", {.user = 1, .kinds = both, .projects = sees, .project_count = 1}, false, true},
            {"admin", {.user = 2, .kinds = both, .sees_all = true}, true, true},
            {"kind", {.user = 1, .kinds = 1u << down, .sees_all = true}, false, true},
            {"project", {.user = 1, .kinds = both, .project = 7, .sees_all = true}, true, false},
            {"other project", {.user = 1, .kinds = both, .project = 3, .sees_all = true}, false, false},
            {"job", {.user = 1, .kinds = both, .job = 12, .sees_all = true}, true, false},
            {"other job", {.user = 1, .kinds = both, .job = 13, .sees_all = true}, false, false},
            {"site", {.user = 1, .kinds = both, .site = 4, .sees_all = true}, false, true},
            {"other site", {.user = 1, .kinds = both, .site = 5, .sees_all = true}, false, false},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (hears_event(&cases[i].hears, &job) != cases[i].job ||
                    hears_event(&cases[i].hears, &site) != cases[i].site)
                        fail_msg("%s", cases[i].what);
}

/* ---- what is told ----------------------------------------------------------------------------------------
 */

static void a_notice_counts_all_and_lists_the_first(void **unused)
{
        json_t *counts = json_object(), *events = json_array(), *more = json_object(), *none = json_array();
        struct notice_event e = {
            .seq = 1, .at = 1796083200000, .job = 12, .job_name = "align", .text = "job 12 failed"};
        struct buf b;

        (void)unused;
        e.kind = notice_kind_parse("job.failed");
        buf_init(&b, 4096);
        notice_add_event(counts, events, &e);
        notice_sentence(counts, events, &b);
        assert_string_equal(buf_cstr(&b), "align: job 12 failed");
        for (int i = 0; i < 150; i++)
                notice_add_event(counts, events, &e);
        json_object_set_new(more, "site.up", json_integer(1));
        notice_join(counts, events, more, none);
        assert_int_equal(json_array_size(events), NOTICE_EVENTS_MAX);
        buf_clear(&b);
        notice_sentence(counts, events, &b);
        assert_string_equal(buf_cstr(&b), "151 jobs failed, 1 site is up");
        buf_release(&b);
        json_decref(counts);
        json_decref(events);
        json_decref(more);
        json_decref(none);
}

static void mail_holds_no_line_and_no_control_of_others(void **unused)
{
        const struct notice_shown shown = {.what = "events",
                                           .sentence = "x\r\nBcc: all@example.org",
                                           .counts = "{\"job.failed\":3}",
                                           .events =
                                               "[{\"at\":\"2026-11-21T07:00:00.000Z\",\"job\":5,\"job_name\":"
                                               "\"a\\nb\\u001b[31m\",\"text\":\"t\\r\\n.\\r\\n\"}]",
                                           .name = "n\r\n.\r\n",
                                           .user = "ann",
                                           .public_url = "https://reeve.example.org"};
        struct buf b;

        (void)unused;
        buf_init(&b, 65536);
        notice_subject(&shown, &b);
        assert_null(strpbrk(buf_cstr(&b), "\r\n"));
        buf_clear(&b);
        notice_mail(&shown, &b);
        assert_null(strstr(buf_cstr(&b), "\nBcc"));
        assert_null(strstr(buf_cstr(&b), "\033"));
        assert_null(strstr(buf_cstr(&b), "\r\n.\r\n"));
        assert_non_null(strstr(buf_cstr(&b), "https://reeve.example.org/jobs/5\r\n"));
        assert_non_null(strstr(buf_cstr(&b), "and 2 more"));
        buf_release(&b);
}

/* The expected value was computed with `openssl dgst -sha256 -hmac`. */
static void the_signature_is_hmac_sha256_over_time_and_body(void **unused)
{
        char got[NOTICE_SIGNATURE_MAX];

        (void)unused;
        notice_sign("key", 1796083200, "{}", 2, got);
        assert_string_equal(
            got, "t=1796083200,v1=f11aaa924f32bb4d04afeca906739bfe55247ffb5a8d674ee82bd02005ba6b3a");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(only_public_addresses_are_called_unasked),
            cmocka_unit_test(networks_that_are_allowed_are_called_too),
            cmocka_unit_test(networks_that_are_none_are_told),
            cmocka_unit_test(a_subscription_hears_what_it_asked_for_and_may_know),
            cmocka_unit_test(a_notice_counts_all_and_lists_the_first),
            cmocka_unit_test(mail_holds_no_line_and_no_control_of_others),
            cmocka_unit_test(the_signature_is_hmac_sha256_over_time_and_body),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
