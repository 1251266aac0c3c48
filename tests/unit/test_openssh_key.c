/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: what ssh_key makes is what ssh-keygen reads, and the other way round; nothing damaged is accepted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/ssh_site.h"
#include "web/sshkey.h"

#include <fcntl.h>
#include <sodium.h>

static char dir[] = "/tmp/reeve-test-key-XXXXXX";

static void text_to_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
}

/* A key made by ssh-keygen; both files are read. */
static char *keygen(const char *options, char **ret_public)
{
        AUTO_FREE char *command =
            xasprintf("rm -f %s/k %s/k.pub; ssh-keygen -q -C name@host -f %s/k %s", dir, dir, dir, options);
        AUTO_FREE char *said = command_output(command), *path = xasprintf("%s/k", dir),
                       *pub = xasprintf("%s/k.pub", dir);

        if (ret_public)
                *ret_public = file_text(pub);
        return file_text(path);
}

static void a_made_key_is_read_by_ssh_keygen(void **unused)
{
        char *private = NULL, *line = NULL;
        AUTO_FREE char *path = xasprintf("%s/made", dir),
                       *command = xasprintf("ssh-keygen -y -f %s/made", dir), *said = NULL;
        struct err err;

        (void)unused;
        for (int i = 0; i < 5; i++) {
                char comment[32];

                /* Comments of every length modulo the block, for the padding. */
                snprintf(comment, sizeof comment, "reeve-%.*s", i * 3, "abcdefghijklmno");
                assert_int_equal(ssh_key_generate(comment, &private, &line, &err), 0);
                text_to_file(path, private);
                free(said);
                said = command_output(command);
                said[strcspn(said, "\n")] = '\0';
                assert_string_equal(said, line);
                ssh_key_wipe(private);
                free(line);
        }
}

static void keys_of_ssh_keygen_are_understood(void **unused)
{
        static const struct {
                const char *options, *type;
                bool fits_libssh2;
        } cases[] = {
            {"-t ed25519 -N ''", "ssh-ed25519", true},
            {"-t ecdsa -b 256 -N ''", "ecdsa-sha2-nistp256", true},
            {"-t ecdsa -b 384 -N ''", "ecdsa-sha2-nistp384", true},
            {"-t ecdsa -b 521 -N ''", "ecdsa-sha2-nistp521", true},
            {"-t rsa -b 2048 -N ''", "ssh-rsa", false},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *line = NULL, *private = keygen(cases[i].options, &line);
                AUTO_FREE char *ours = NULL, *said = NULL,
                               *command = xasprintf("ssh-keygen -l -f %s/k.pub", dir);
                char fingerprint[SSH_FINGERPRINT_LEN];
                struct ssh_private key;
                struct ssh_public pub;
                struct err err;

                assert_int_equal(ssh_private_parse(private, &key, &err), 0);
                assert_string_equal(key.pub.type, cases[i].type);
                assert_int_equal(key.fits_libssh2, cases[i].fits_libssh2);
                ours = ssh_public_line(&key.pub, "name@host");
                line[strcspn(line, "\n")] = '\0';
                assert_string_equal(ours, line);
                assert_int_equal(ssh_public_parse(line, &pub, &err), 0);
                assert_int_equal(pub.wire_len, key.pub.wire_len);
                assert_memory_equal(pub.wire, key.pub.wire, pub.wire_len);
                ssh_fingerprint(pub.wire, pub.wire_len, fingerprint);
                said = command_output(command);
                assert_non_null(strstr(said, fingerprint));
                ssh_public_release(&pub);
                ssh_public_release(&key.pub);
                ssh_key_wipe(private);
                free(line);
        }
}

static void keys_that_cannot_be_used_are_refused_with_the_fix(void **unused)
{
        static const struct {
                const char *options, *word;
        } cases[] = {
            {"-t ed25519 -N secret", "passphrase"},
            {"-t rsa -b 2048 -m PEM -N ''", "ssh-keygen -p"},
            {"-t dsa -N ''", "not supported"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *private = keygen(cases[i].options, NULL);
                struct ssh_private key;
                struct err err;

                assert_int_equal(ssh_private_parse(private, &key, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
                assert_non_null(strstr(err.text, cases[i].word));
                ssh_key_wipe(private);
        }
}

static void a_private_key_cut_anywhere_or_changed_in_its_frame_is_refused(void **unused)
{
        char *private = keygen("-t ed25519 -N ''", NULL);
        size_t n = strlen(private);
        struct ssh_private key;
        struct err err;

        (void)unused;
        for (size_t at = 0; at + 2 < n; at++) {
                AUTO_FREE char *cut = xstrndup(private, at);

                assert_int_equal(ssh_private_parse(cut, &key, &err), -1);
        }
        for (size_t at = 0; at < n; at++) {
                AUTO_FREE char *changed = xstrdup(private);

                changed[at] ^= 1;
                if (ssh_private_parse(changed, &key, &err) == 0)
                        ssh_public_release(&key.pub);
        }
        ssh_key_wipe(private);
}

static void marks_of_a_private_key_may_not_overlap(void **unused)
{
        /* The dashes of the first mark are the beginning of the second. */
        static const char *const texts[] = {
            "-----BEGIN OPENSSH PRIVATE KEY-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-------END OPENSSH PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY----------END OPENSSH PRIVATE KEY-----",
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct ssh_private key;
                char line[256];
                struct err err;

                assert_int_equal(ssh_private_parse(texts[i], &key, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
                assert_int_equal(sshkey_public(texts[i], line, sizeof line, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
}

static void public_lines_are_found_among_names_and_options(void **unused)
{
        static const char key[] =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
        static const char *const before[] = {"", "host,1.2.3.4 ", "[host]:2222 ", "from=\"a b\",no-pty ",
                                             "  \t"};
        static const char *const after[] = {"", " name", "\n", " a b c\r\n"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(before); i++) {
                for (size_t k = 0; k < ARRAY_LEN(after); k++) {
                        AUTO_FREE char *line = xasprintf("%s%s%s", before[i], key, after[k]);
                        struct ssh_public pub;
                        struct err err;

                        assert_int_equal(ssh_public_parse(line, &pub, &err), 0);
                        assert_string_equal(pub.type, "ssh-ed25519");
                        assert_int_equal(pub.wire_len, 51);
                        ssh_public_release(&pub);
                }
        }
}

static void public_lines_that_are_none_are_refused(void **unused)
{
        static const char *const lines[] = {
            "",
            "ssh-ed25519",
            "ssh-ed25519 ",
            "ssh-ed25519 !!!!",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gAA==",
            "@revoked host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
            "@cert-authority * ssh-ed25519 "
            "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
            "ssh-ed25519-cert-v01@openssh.com "
            "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
            "just some words here",
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                struct ssh_public pub;
                struct err err;

                if (ssh_public_parse(lines[i], &pub, &err) == 0)
                        fail_msg("accepted: %s", lines[i]);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
}

static void comments_that_could_be_more_than_a_name_are_refused(void **unused)
{
        static const char *const comments[] = {"", "a b", "a\nssh-rsa", "\"x\"", "a'b", "\xff"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(comments); i++) {
                char *a, *b;
                struct err err;

                assert_int_equal(ssh_key_generate(comments[i], &a, &b, &err), -1);
        }
}

static void a_sealed_secret_opens_for_its_pair_alone_and_unchanged(void **unused)
{
        uint8_t pub[SEAL_KEY_BYTES], secret[SEAL_KEY_BYTES], other_pub[SEAL_KEY_BYTES], other[SEAL_KEY_BYTES];
        struct buf sealed;
        struct err err;
        char *text;

        (void)unused;
        seal_make_pair(pub, secret);
        seal_make_pair(other_pub, other);
        buf_init(&sealed, 65536);
        seal_text(pub, "a private key\n", &sealed);
        assert_null(memmem(buf_bytes(&sealed), buf_len(&sealed), "private", 7));
        assert_int_equal(seal_open(pub, secret, buf_bytes(&sealed), buf_len(&sealed), &text, &err), 0);
        assert_string_equal(text, "a private key\n");
        ssh_key_wipe(text);
        assert_int_equal(seal_open(other_pub, other, buf_bytes(&sealed), buf_len(&sealed), &text, &err), -1);
        for (size_t i = 0; i < buf_len(&sealed); i++) {
                sealed.data[i] ^= 0x40;
                assert_int_equal(seal_open(pub, secret, buf_bytes(&sealed), buf_len(&sealed), &text, &err),
                                 -1);
                assert_int_equal(err.code, ERR_DENIED);
                sealed.data[i] ^= 0x40;
        }
        for (size_t n = 0; n < buf_len(&sealed); n++)
                assert_int_equal(seal_open(pub, secret, buf_bytes(&sealed), n, &text, &err), -1);
        buf_release(&sealed);
}

static int group_setup(void **unused)
{
        (void)unused;
        return sodium_init() >= 0 && mkdtemp(dir) ? 0 : -1;
}

static int group_teardown(void **unused)
{
        AUTO_FREE char *command = xasprintf("rm -rf %s", dir), *said = command_output(command);

        (void)unused;
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_made_key_is_read_by_ssh_keygen),
            cmocka_unit_test(keys_of_ssh_keygen_are_understood),
            cmocka_unit_test(keys_that_cannot_be_used_are_refused_with_the_fix),
            cmocka_unit_test(a_private_key_cut_anywhere_or_changed_in_its_frame_is_refused),
            cmocka_unit_test(marks_of_a_private_key_may_not_overlap),
            cmocka_unit_test(public_lines_are_found_among_names_and_options),
            cmocka_unit_test(public_lines_that_are_none_are_refused),
            cmocka_unit_test(comments_that_could_be_more_than_a_name_are_refused),
            cmocka_unit_test(a_sealed_secret_opens_for_its_pair_alone_and_unchanged),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
