/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths may be moved, and how a key is let in for one transfer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/let_in.h"

static void a_path_stays_below_its_directory(void **state)
{
        static const struct {
                const char *path;
                bool valid;
        } cases[] = {{"a", true},           {"a/b", true},   {"a.b/..c", true}, {"", false},
                     {"/a", false},         {"a/", false},   {"a//b", false},   {".", false},
                     {"..", false},         {"a/..", false}, {"a/./b", false},  {".reeve-parts/x", false},
                     {"a/.reeve-x", false}, {"a b\nc", true}};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_int_equal(transfer_path_is_valid(cases[i].path), cases[i].valid);
}

static void a_key_is_let_in_for_one_command(void **state)
{
        struct transfer_offer o = {.id = 7, .public_key = (char *)"ssh-ed25519 AAAAC3+/="};
        struct buf b, rest;

        (void)state;
        buf_init(&b, 10000);
        buf_init(&rest, 10000);
        assert_true(let_in_line(&b, "/h/reeve-worker", "/h/root", &o, "20260101000000"));
        assert_string_equal(buf_cstr(&b),
                            "restrict,expiry-time=\"20260101000000\",command=\"/h/reeve-worker send --root "
                            "/h/root --transfer 7\" ssh-ed25519 AAAAC3+/= reeve-transfer:7:/h/root\n");
        o.public_key = (char *)"ssh-ed25519 AAAA\ncommand=\"evil\"";
        assert_false(let_in_line(&b, "/h/reeve-worker", "/h/root", &o, "20260101000000"));
        o.public_key = (char *)"ssh-ed25519 AAAA";
        assert_false(let_in_line(&b, "/h/reeve-worker", "/h/ro ot", &o, "20260101000000"));
        assert_false(let_in_line(&b, "/h/reeve\"worker", "/h/root", &o, "20260101000000"));
        buf_clear(&b);
        buf_text(&b, "ssh-rsa mine\n# a remark reeve-transfer:7:/h/roo\nX reeve-transfer:7:/h/root\n"
                     "Y reeve-transfer:77:/h/root\nlast without end");
        let_in_without(&rest, (const char *)buf_bytes(&b), buf_len(&b), "/h/root", 7);
        assert_string_equal(buf_cstr(&rest), "ssh-rsa mine\n# a remark reeve-transfer:7:/h/roo\n"
                                             "Y reeve-transfer:77:/h/root\nlast without end");
        buf_release(&b);
        buf_release(&rest);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_path_stays_below_its_directory),
            cmocka_unit_test(a_key_is_let_in_for_one_command),
        };

        return cmocka_run_group_tests_name("keys of transfers", tests, NULL, NULL);
}
