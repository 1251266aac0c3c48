/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say before a file, where they lead on to, and which addresses may be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/host_address.h"
#include "worker/http_head.h"

#include <string.h>

static void a_head_is_read_to_its_end(void **state)
{
        static const char text[] =
            "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
            "HTTP/1.1 206 Part\r\nContent-Length: 50\r\ncontent-range: bytes 100-149/150\r\n"
            "ETag: \"abc\" \r\n\r\nbody";
        struct http_head h;

        (void)state;
        for (size_t n = 0; n < strlen(text) - 4; n++)
                assert_int_equal(http_head_read(text, n, &h), 0);
        assert_int_equal(http_head_read(text, strlen(text), &h), strlen(text) - 4);
        assert_int_equal(h.status, 206);
        assert_true(h.has_length && h.length == 50);
        assert_true(h.has_range && h.range_from == 100);
        assert_string_equal(h.tag, "\"abc\"");
        assert_string_equal(h.location, "");
}

static void what_is_no_head_is_refused(void **state)
{
        static const struct {
                const char *text;
                long expect;
        } cases[] = {
            {"SSH-2.0-x\r\n", -1},
            {"220 mail\r\n\r\n", -1},
            {"HTTP/1.1 20 x\r\n\r\n", -1},
            {"HTTP/1.1 2000 x\r\n\r\n", -1},
            {"HTTP/1.1 200\r\n\r\n", 16},
            {"HTTP/2 200 \n\n", 13},
            {"HTTP", 0},
        };
        struct http_head h;
        static char long_one[HTTP_HEAD_MAX + 100];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_int_equal(http_head_read(cases[i].text, strlen(cases[i].text), &h), cases[i].expect);
        memset(long_one, 'x', sizeof long_one);
        memcpy(long_one, "HTTP/1.1 200 ", 13);
        assert_int_equal(http_head_read(long_one, sizeof long_one, &h), -1);
}

static void odd_fields_say_nothing(void **state)
{
        static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: -5\r\nContent-Range: lines 1-2\r\n"
                                   "ETag: W/\"weak\"\r\nnonsense\r\nTrailer: Checksum\r\n\r\n";
        struct http_head h;

        (void)state;
        assert_int_equal(http_head_read(text, strlen(text), &h), strlen(text));
        assert_false(h.has_length);
        assert_false(h.has_range);
        assert_string_equal(h.tag, "");
        assert_true(h.has_trailer);
}

static void a_redirect_stands_for_a_whole_address(void **state)
{
        static const struct {
                const char *base, *location, *expect; /* NULL: refused */
        } cases[] = {
            {"https://a.org/x/y", "https://B.org/z", "https://b.org/z"},
            {"https://a.org/x/y", "HTTPS://b.org/Z?q=1#part", "https://b.org/Z?q=1"},
            {"https://a.org:8443/x/y", "/z", "https://a.org:8443/z"},
            {"http://a.org/x", "//c.org/y", "http://c.org/y"},
            {"http://a.org/x", "/y?u=http://Up.org/", "http://a.org/y?u=http://Up.org/"},
            {"http://a.org/x", "file:///etc/passwd", NULL},
            {"http://a.org/x", "gopher://a.org/x", NULL},
            {"http://a.org/x", "../y", NULL},
            {"http://a.org/x", "/a/../../y", NULL},
            {"http://a.org/x", "http://user@b.org/", NULL},
            {"http://a.org/x", "http://b.org", NULL},
            {"http://a.org/x", "/with space", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char url[URL_MAX + 1] = "";
                struct err err;
                int rc = http_redirect(cases[i].base, cases[i].location, url, &err);

                assert_int_equal(rc, cases[i].expect ? 0 : -1);
                if (cases[i].expect)
                        assert_string_equal(url, cases[i].expect);
        }
}

static void a_url_has_a_host_and_a_port(void **state)
{
        static const struct {
                const char *url, *host;
                int port;
        } cases[] = {
            {"https://a.org/x", "a.org", 443},
            {"http://a.org/x:9", "a.org", 80},
            {"http://a.org:8080/", "a.org", 8080},
            {"http://[::1]:81/x", "::1", 81},
            {"https://[2001:db8::1]/x", "2001:db8::1", 443},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char host[256];
                int port;

                http_host(cases[i].url, host, &port);
                assert_string_equal(host, cases[i].host);
                assert_int_equal(port, cases[i].port);
        }
}

static void private_addresses_are_known(void **state)
{
        static const char *const private[] = {
            "127.0.0.1",       "10.1.2.3",        "172.16.0.1", "172.31.255.255",
            "192.168.7.7",     "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1",       "255.255.255.255", "::1",        "::",
            "fe80::1",         "fc00::1",         "fdff::1",    "::ffff:10.0.0.1",
            "64:ff9b::7f00:1", "2002:a00:1::",    "2001::1",    "ff02::1",
            "nonsense",        "127.1",           "",           "0x7f.1",
            "2001:db8::1",
        };
        static const char *const public[] = {
            "8.8.8.8",      "172.32.0.1",       "100.128.0.1", "192.167.1.1",
            "2606:4700::1", "64:ff9b::808:808", "223.1.1.1",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(private); i++) {
                if (!address_is_private(private[i]))
                        fail_msg("%s", private[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(public); i++) {
                if (address_is_private(public[i]))
                        fail_msg("%s", public[i]);
        }
}

static void a_name_that_stands_for_a_private_address_is_refused(void **state)
{
        static const char *const hosts[] = {"localhost", "127.0.0.1", "127.1", "10.0.0.1", "::1"};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
                char address[HOST_ADDRESS_MAX];
                struct err err;

                assert_int_equal(host_public_address(hosts[i], address, &err), -1);
                assert_int_equal(err.code, ERR_DENIED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_head_is_read_to_its_end),
            cmocka_unit_test(what_is_no_head_is_refused),
            cmocka_unit_test(odd_fields_say_nothing),
            cmocka_unit_test(a_redirect_stands_for_a_whole_address),
            cmocka_unit_test(a_url_has_a_host_and_a_port),
            cmocka_unit_test(private_addresses_are_known),
            cmocka_unit_test(a_name_that_stands_for_a_private_address_is_refused),
        };

        return cmocka_run_group_tests_name("fetching", tests, NULL, NULL);
}
