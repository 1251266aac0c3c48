/* SPDX-License-Identifier: Apache-2.0 */
/* What a server offers, read from its first bytes, and what the OpenSSH client's complaints mean. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/buf.h"
#include "common/util.h"
#include "connector/kexinit.h"
#include "connector/ssh_words.h"

#include <stdio.h>
#include <string.h>

static void put_be32(struct buf *b, uint32_t v)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                buf_u8(b, (uint8_t)(v >> shift));
}

static const char *const usual[KEXINIT_LISTS] = {"curve25519-sha256", "ssh-ed25519,rsa-sha2-512",
                                                 "aes128-ctr",        "aes128-ctr",
                                                 "hmac-sha2-256",     "hmac-sha2-256"};

static const char *const ours[KEXINIT_LISTS] = {"curve25519-sha256", "ssh-ed25519",   "aes128-ctr",
                                                "aes128-ctr",        "hmac-sha2-256", "hmac-sha2-256"};

/* Greeting and KEXINIT packet with these lists (NULL: the usual one). */
static void put_server(struct buf *b, const char *greeting, const char *const lists[KEXINIT_LISTS])
{
        struct buf p;
        size_t padding;

        buf_init(&p, 100000);
        buf_u8(&p, 20);
        for (int i = 0; i < 16; i++)
                buf_u8(&p, 0xaa);
        for (int i = 0; i < KEXINIT_LISTS; i++) {
                const char *s = lists[i] ? lists[i] : usual[i];

                put_be32(&p, (uint32_t)strlen(s));
                buf_text(&p, s);
        }
        for (int i = 0; i < 4; i++)
                put_be32(&p, 0);
        buf_u8(&p, 0);
        put_be32(&p, 0);
        padding = 4 + (8 - (buf_len(&p) + 9) % 8);
        buf_text(b, greeting);
        put_be32(b, (uint32_t)(1 + buf_len(&p) + padding));
        buf_u8(b, (uint8_t)padding);
        buf_put(b, buf_bytes(&p), buf_len(&p));
        for (size_t i = 0; i < padding; i++)
                buf_u8(b, 0);
        buf_release(&p);
}

static void a_server_is_read_and_every_cut_of_it_asks_for_more(void **unused)
{
        static const char *const lists[KEXINIT_LISTS] = {0};
        struct kexinit k;
        struct buf b;

        (void)unused;
        buf_init(&b, 100000);
        put_server(&b, "Welcome to the site\r\nSSH-2.0-OpenSSH_9.2p1 x\r\n", lists);
        for (size_t n = 0; n < buf_len(&b); n++)
                assert_int_equal(kexinit_parse(buf_bytes(&b), n, &k), 0);
        assert_int_equal(kexinit_parse(buf_bytes(&b), buf_len(&b), &k), 1);
        assert_string_equal(k.version, "SSH-2.0-OpenSSH_9.2p1 x");
        assert_string_equal(k.lists[KEXINIT_HOSTKEY], "ssh-ed25519,rsa-sha2-512");
        kexinit_release(&k);
        buf_release(&b);
}

static void what_is_missing_is_said_in_plain_words(void **unused)
{
        static const struct {
                enum kexinit_list list;
                const char *names, *text;
        } cases[] = {
            {KEXINIT_HOSTKEY, "rsa-sha2-512,rsa-sha2-256",
             "the server offers only RSA host keys (rsa-sha2-512,rsa-sha2-256), which libssh2 cannot verify"},
            {KEXINIT_MAC_UP, "hmac-sha2-256-etm@openssh.com",
             "the server offers only encrypt-then-MAC (EtM) MACs (hmac-sha2-256-etm@openssh.com), which "
             "libssh2 cannot use"},
            {KEXINIT_CIPHER_DOWN, "aes128-gcm@openssh.com",
             "the server offers only GCM ciphers (aes128-gcm@openssh.com), which libssh2 cannot use"},
            {KEXINIT_CIPHER_UP, "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com",
             "the server offers only ciphers (aes128-gcm@openssh.com,chacha20-poly1305@openssh.com), which "
             "libssh2 cannot use"},
            {KEXINIT_KEX, "sntrup761x25519-sha512,kex-strict-s-v00@openssh.com",
             "the server offers only post-quantum key exchange (sntrup761x25519-sha512), which libssh2 "
             "cannot use"},
            {KEXINIT_KEX, "curve25519-sha256,ext-info-s", NULL},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *lists[KEXINIT_LISTS] = {0};
                struct kexinit k;
                struct buf b;
                char text[600] = "";

                lists[cases[i].list] = cases[i].names;
                buf_init(&b, 100000);
                put_server(&b, "SSH-2.0-x\n", lists);
                assert_int_equal(kexinit_parse(buf_bytes(&b), buf_len(&b), &k), 1);
                assert_int_equal(kexinit_explain(&k, ours, "libssh2", text, sizeof text),
                                 cases[i].text != NULL);
                assert_string_equal(text, cases[i].text ? cases[i].text : "");
                kexinit_release(&k);
                buf_release(&b);
        }
}

static void what_is_not_ssh_is_refused(void **unused)
{
        static const struct {
                const char *bytes;
                size_t n;
        } cases[] = {
#define BYTES(s) {s, sizeof(s) - 1}
            BYTES("SSH-2.0-x\r\n\xff\xff\xff\xff\x04\x14"), /* a length beyond all bounds */
            BYTES("SSH-2.0-x\r\n\x00\x00\x00\x00\x04\x14"), /* shorter than its padding */
            BYTES("SSH-2.0-x\r\n\x00\x00\x00\x14\xff\x14"
                  "aaaaaaaaaaaaaaaaaaaa"),
            BYTES("SSH-2.0-x\r\n\x00\x00\x00\x18\x04\x15"
                  "0123456789abcdef"
                  "0123456789"), /* not a KEXINIT */
            BYTES("SSH-2.0-x\r\n\x00\x00\x00\x20\x04\x14"
                  "0123456789abcdef\xff\xff\xff\xff"
                  "0123456789ab"), /* a list too long */
            BYTES("SSH-2.0-x\r\n\x00\x00\x00\x20\x04\x14"
                  "0123456789abcdef\x00\x00\x00\x02"
                  "a\x1b"
                  "0123456789"), /* an escape */
#undef BYTES
        };
        struct kexinit k;
        char *flood = xmalloc(KEXINIT_BYTES_MAX);

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                if (kexinit_parse((const uint8_t *)cases[i].bytes, cases[i].n, &k) != -1)
                        fail_msg("case %zu was not refused", i);
        }
        memset(flood, 'x', KEXINIT_BYTES_MAX);
        assert_int_equal(kexinit_parse((const uint8_t *)flood, KEXINIT_BYTES_MAX, &k), -1);
        memcpy(flood, "SSH-", 4);
        flood[1000] = '\n';
        assert_int_equal(kexinit_parse((const uint8_t *)flood, 2000, &k), -1);
        free(flood);
}

static void changed_bytes_never_do_harm(void **unused)
{
        static const char *const lists[KEXINIT_LISTS] = {0};
        struct kexinit k;
        struct buf b;
        uint64_t seed = 0x2545f4914f6cdd1dULL;

        (void)unused;
        buf_init(&b, 100000);
        put_server(&b, "SSH-2.0-x\r\n", lists);
        for (int round = 0; round < 20000; round++) {
                size_t n = buf_len(&b);
                AUTO_FREE uint8_t *copy = xmalloc(n);

                memcpy(copy, buf_bytes(&b), n);
                for (int i = 0; i < 3; i++) {
                        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
                        copy[(seed >> 33) % n] = (uint8_t)(seed >> 20);
                }
                if (kexinit_parse(copy, n, &k) == 1)
                        kexinit_release(&k);
        }
        buf_release(&b);
}

static void complaints_of_the_client_are_understood(void **unused)
{
        static const struct {
                const char *line;
                enum connect_step step;
                enum connect_failure kind;
        } cases[] = {
            {"ssh: Could not resolve hostname x: Name or service not known", STEP_RESOLVE, FAIL_UNREACHABLE},
            {"ssh: connect to host x port 22: Connection refused", STEP_REACH, FAIL_UNREACHABLE},
            {"ssh: connect to host x port 22: Connection timed out", STEP_REACH, FAIL_UNREACHABLE},
            {"Unable to negotiate with 1.2.3.4 port 22: no matching host key type found. Their offer: "
             "ssh-dss",
             STEP_ALGORITHMS, FAIL_ALGORITHMS},
            {"Unable to negotiate with 1.2.3.4 port 22: no matching cipher found. Their offer: 3des-cbc",
             STEP_ALGORITHMS, FAIL_ALGORITHMS},
            {"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", STEP_HOSTKEY,
             FAIL_HOSTKEY_CHANGED},
            {"No ED25519 host key is known for hop and you have requested strict checking.", STEP_HOSTKEY,
             FAIL_HOSTKEY_UNKNOWN},
            {"u@x: Permission denied (publickey).", STEP_LOGIN, FAIL_REFUSED},
            {"Load key \"/proc/self/fd/0\": error in libcrypto", STEP_LOGIN, FAIL_KEY},
        };
        struct ssh_complaint c;
        int weight;

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_true(ssh_line_complains(cases[i].line, &c, &weight));
                assert_int_equal(c.step, cases[i].step);
                assert_int_equal(c.kind, cases[i].kind);
        }
        assert_false(ssh_line_complains("debug1: Connection refused", &c, &weight));
        assert_false(ssh_line_complains("hello", &c, &weight));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_server_is_read_and_every_cut_of_it_asks_for_more),
            cmocka_unit_test(what_is_missing_is_said_in_plain_words),
            cmocka_unit_test(what_is_not_ssh_is_refused),
            cmocka_unit_test(changed_bytes_never_do_harm),
            cmocka_unit_test(complaints_of_the_client_are_understood),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
