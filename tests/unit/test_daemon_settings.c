/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: one by one, from a file, and as they are shown; the directory they name and its lock. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/util.h"
#include "daemon/identity.h"
#include "daemon/settings.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void defaults_are_within_their_own_bounds(void **unused)
{
        struct settings s;

        (void)unused;
        settings_init(&s);
        assert_string_equal(s.listen, "127.0.0.1:8080");
        assert_int_equal(s.lease_ms, 30 * 60 * 1000);
        assert_int_equal(s.disk_reserve, 256 << 20);
        assert_int_equal(s.keep_days, 90);
        assert_false(s.cookie_secure);
        settings_release(&s);
}

static void values_are_read_by_their_kind(void **unused)
{
        struct settings s;
        struct err err = {0};

        (void)unused;
        settings_init(&s);
        assert_int_equal(settings_set(&s, "lease", "1h30m", &err), 0);
        assert_int_equal(s.lease_ms, 90 * 60 * 1000);
        assert_int_equal(settings_set(&s, "disk_reserve", "2G", &err), 0);
        assert_int_equal(s.disk_reserve, 2LL << 30);
        assert_int_equal(settings_set(&s, "keep_days", "7", &err), 0);
        assert_int_equal(s.keep_days, 7);
        assert_int_equal(settings_set(&s, "cookie_secure", "on", &err), 0);
        assert_true(s.cookie_secure);
        assert_int_equal(settings_set(&s, "cookie_secure", "0", &err), 0);
        assert_false(s.cookie_secure);
        assert_int_equal(settings_set(&s, "database", "host=/x dbname=y", &err), 0);
        assert_string_equal(s.database, "host=/x dbname=y");
        settings_release(&s);
}

static void wrong_values_are_refused_with_what_to_write(void **unused)
{
        static const struct {
                const char *name, *value, *says;
        } cases[] = {
            {"colour", "red", "there is no setting \"colour\""},
            {"lease", "soon", "lease"},
            {"lease", "500ms", "between 1.0s and"},
            {"lease", "-1s", "lease"},
            {"lease", "", "lease"},
            {"heartbeat", "1h", "between 100ms and"},
            {"keep_days", "0", "keep_days"},
            {"keep_days", "many", "keep_days"},
            {"keep_days", "99999999999999999999", "keep_days"},
            {"web_threads", "65", "web_threads"},
            {"disk_reserve", "12 parsecs", "disk_reserve"},
            {"disk_reserve", "2P", "between"},
            {"cookie_secure", "perhaps", "neither yes nor no"},
            {"log_level", "loud", "none of error, warn, info, debug"},
        };
        struct settings s, before;

        (void)unused;
        settings_init(&s);
        settings_init(&before);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err err = {0};

                assert_int_equal(settings_set(&s, cases[i].name, cases[i].value, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
                if (!strstr(err.text, cases[i].says))
                        fail_msg("%s=%s: \"%s\" does not say \"%s\"", cases[i].name, cases[i].value, err.text,
                                 cases[i].says);
        }
        assert_int_equal(s.lease_ms, before.lease_ms);
        assert_int_equal(s.keep_days, before.keep_days);
        assert_string_equal(s.log_level, before.log_level);
        settings_release(&s);
        settings_release(&before);
}

/* Write a file, read it, and say how that went. */
static int read_text(const char *text, struct settings *s, struct err *err)
{
        char path[] = "/tmp/reeve-settings.XXXXXX";
        int fd = mkstemp(path), rc;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
        rc = settings_read(s, path, err);
        unlink(path);
        return rc;
}

static void a_file_sets_what_it_names(void **unused)
{
        struct settings s;
        struct err err = {0};

        (void)unused;
        settings_init(&s);
        assert_int_equal(read_text("# how we run it\nlisten: 0.0.0.0:80\nlease: 10m\nkeep_days: 3\n"
                                   "cookie_secure: yes\npublic_url: \"https://grid.example\"\n",
                                   &s, &err),
                         0);
        assert_string_equal(s.listen, "0.0.0.0:80");
        assert_string_equal(s.public_url, "https://grid.example");
        assert_int_equal(s.lease_ms, 600000);
        assert_int_equal(s.keep_days, 3);
        assert_true(s.cookie_secure);
        assert_int_equal(read_text("", &s, &err), 0);
        assert_int_equal(read_text("{}\n", &s, &err), 0);
        settings_release(&s);
}

static void a_wrong_file_is_refused_with_its_line(void **unused)
{
        static const struct {
                const char *text, *says;
        } cases[] = {
            {"listen: a\ncolour: red\n", ":2: there is no setting"},
            {"lease: 10m\n\nkeep_days: none\n", ":3: keep_days"},
            {"listen:\n  - a\n", ":2: expected lines of the form name: value"},
            {"- listen\n", ":1: expected lines of the form name: value"},
            {"just words\n", ":1: expected lines of the form name: value"},
            {"listen: {a: b}\n", ":1: expected lines of the form name: value"},
            {"? [a, b]\n: c\n", ":1: expected lines of the form name: value"},
            {"listen: &x a\npublic_url: *x\n", ":2: expected lines of the form name: value"},
            {"listen: \"open\n", ":2:"},
            {"listen: a\n\tlease: 1h\n", ":2:"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct settings s;
                struct err err = {0};

                settings_init(&s);
                if (read_text(cases[i].text, &s, &err) != -1)
                        fail_msg("accepted: %s", cases[i].text);
                if (!strstr(err.text, cases[i].says))
                        fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
                settings_release(&s);
        }
}

static void a_file_that_is_not_there_is_named(void **unused)
{
        struct settings s;
        struct err err = {0};

        (void)unused;
        settings_init(&s);
        assert_int_equal(settings_read(&s, "/no/such/file", &err), -1);
        assert_non_null(strstr(err.text, "/no/such/file"));
        settings_release(&s);
}

static void what_is_printed_can_be_set_again(void **unused)
{
        struct settings s, again;
        struct err err = {0};
        char *text = NULL, *rest, *line;
        size_t n = 0;
        FILE *to = open_memstream(&text, &n);
        int lines = 0;

        (void)unused;
        settings_init(&s);
        settings_init(&again);
        assert_int_equal(settings_set(&s, "lease", "90s", &err), 0);
        assert_int_equal(settings_set(&s, "cookie_secure", "yes", &err), 0);
        settings_print(&s, to);
        fclose(to);
        for (rest = text; (line = strsep(&rest, "\n")) && *line; lines++) {
                char *value = strchr(line, '=');

                assert_non_null(value);
                *value++ = '\0';
                if (settings_set(&again, line, value, &err) < 0)
                        fail_msg("%s", err.text);
        }
        assert_true(lines > 20);
        assert_int_equal(again.lease_ms, 90000);
        assert_int_equal(again.disk_reserve, s.disk_reserve);
        assert_true(again.cookie_secure);
        free(text);
        settings_release(&s);
        settings_release(&again);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st;
        (void)flag;
        (void)ftw;
        return remove(path);
}

static void a_state_directory_is_private_and_has_one_owner(void **unused)
{
        char base[] = "/tmp/reeve-state.XXXXXX";
        struct settings s;
        struct err err = {0};
        struct stat st;
        char *path;
        int first = -1, second = -1;

        (void)unused;
        if (geteuid() == 0) /* it would become another user for good: as root the end-to-end tests do that */
                skip();
        assert_non_null(mkdtemp(base));
        path = xasprintf("%s/a/b", base);
        settings_init(&s);
        assert_int_equal(settings_set(&s, "state", path, &err), 0);
        assert_int_equal(identity_settle(&s, &first, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(identity_settle(&s, &second, &err), -1);
        assert_non_null(strstr(err.text, path));
        close(first);
        assert_int_equal(identity_settle(&s, &second, &err), 0);
        close(second);
        settings_release(&s);
        free(path);
        nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(defaults_are_within_their_own_bounds),
            cmocka_unit_test(values_are_read_by_their_kind),
            cmocka_unit_test(wrong_values_are_refused_with_what_to_write),
            cmocka_unit_test(a_file_sets_what_it_names),
            cmocka_unit_test(a_wrong_file_is_refused_with_its_line),
            cmocka_unit_test(a_file_that_is_not_there_is_named),
            cmocka_unit_test(what_is_printed_can_be_set_again),
            cmocka_unit_test(a_state_directory_is_private_and_has_one_owner),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
