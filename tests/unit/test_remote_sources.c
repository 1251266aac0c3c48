/* SPDX-License-Identifier: Apache-2.0 */
/* Files that no worker has: those of this host, and those that a site fetches from HTTP servers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/transfer_scene.h"

#include <sodium.h>

static FILE *server;
static int server_port, server_pid;

/* ---- files of this host ---- */

static void files_of_this_host_go_to_a_site(void **state)
{
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        {
                AUTO_FREE char *spool = xasprintf("%s/spool", sites[0].dir);
                AUTO_FREE char *open_it = xasprintf("chmod 777 %s", sites[0].dir);
                AUTO_FREE char *offers = xasprintf("ls %s/transfers", spool), *left = NULL;

                assert_int_equal(system(open_it), 0);
                o = usual_order(&c, files);
                o.source = NULL;
                o.spool = spool;
                transfer_run(&c, &o);
                assert_string_equal(c.end.kind == MOVE_DONE ? "" : c.text, "");
                assert_int_equal(c.way, WAY_RELAY);
                assert_int_equal(c.files, 3);
                assert_arrived(&c);
                left = command_output(offers);
                assert_string_equal(left, "");
                /* And what is not as it was said. */
                files[0].size++;
                o.id++;
                o.to = "d8";
                transfer_run(&c, &o);
                assert_int_equal(c.end.kind, MOVE_SOURCE_CHANGED);
        }
        scene_close(&c);
}

/* ---- files that are fetched ---- */

struct fetch_case {
        const char *what; /* below the server */
        const char *name; /* of the file it should be */
        bool knows_size, knows_sum, wrong_sum;
        enum move_end kind;
        const char *text; /* in what is said, or NULL */
};

static char *server_url(const char *what)
{
        return xasprintf("http://127.0.0.1:%d/%s", server_port, what);
}

static void sum_of(struct scene *c, const char *name, uint8_t ret[32])
{
        AUTO_FREE char *command = xasprintf("sha256sum %s/%s", c->dir, name), *said = command_output(command);

        for (int i = 0; i < 32; i++)
                assert_int_equal(sscanf(said + 2 * i, "%2hhx", &ret[i]), 1);
}

static void server_start(struct scene *c)
{
        AUTO_FREE char *command = xasprintf("exec python3 -B tests/support/http_files.py %s", c->dir);

        server = popen(command, "r");
        assert_non_null(server);
        assert_int_equal(fscanf(server, "%d %d", &server_port, &server_pid), 2);
}

static void server_stop(void)
{
        kill(server_pid, SIGKILL);
        pclose(server);
}

static struct transfer_order fetch_order(struct scene *c, struct transfer_file *f, size_t n,
                                         const char *const *prefixes, size_t prefix_count)
{
        static uint64_t ids = 900;

        return (struct transfer_order){.id = ++ids,
                                       .destination = c->to.l,
                                       .to = "fetched",
                                       .files = f,
                                       .file_count = n,
                                       .prefixes = prefixes,
                                       .prefix_count = prefix_count,
                                       .private_hosts = true};
}

static void fetch_one(struct scene *c, const struct fetch_case *k)
{
        AUTO_FREE char *prefix = server_url("files/"), *cut = server_url("cut/"),
                       *plain = server_url("plain/"), *to = server_url("to/"),
                       *status = server_url("status/"), *url = server_url(k->what),
                       *clean = xasprintf("rm -rf %s/data/fetched", c->to.root);
        const char *prefixes[] = {prefix, cut, plain, to, status};
        uint8_t sum[32];
        struct transfer_file f = {.path = k->name, .size = TRANSFER_SIZE_UNKNOWN, .url = url};
        struct transfer_order o = fetch_order(c, &f, 1, prefixes, ARRAY_LEN(prefixes));

        assert_int_equal(system(clean), 0);
        if (k->knows_size)
                f.size = strcmp(k->name, "big") == 0 ? BIG : 6;
        if (k->knows_sum) {
                sum_of(c, k->name, sum);
                sum[0] ^= k->wrong_sum;
                f.sha256 = sum;
        }
        transfer_run(c, &o);
        if (c->end.kind != k->kind || (k->text && !strstr(c->text, k->text)))
                fail_msg("%s: %s: %s", k->what, move_end_name(c->end.kind), c->text);
        if (k->kind == MOVE_DONE) {
                AUTO_FREE char *compare = xasprintf("cmp %s/%s %s/%s", c->dir, k->name, c->root, k->name);

                assert_int_equal(c->way, WAY_FETCH);
                assert_int_equal(c->files, 1);
                assert_int_equal(system(compare), 0);
        } else {
                AUTO_FREE char *at = xasprintf("%s/data/fetched/%s", c->to.root, k->name);

                assert_int_equal(access(at, F_OK), -1);
        }
}

static void files_are_fetched_where_that_is_allowed(void **state)
{
        static const struct fetch_case cases[] = {
            {"files/big", "big", true, true, false, MOVE_DONE, NULL},
            {"files/big", "big", false, false, false, MOVE_DONE, NULL},
            {"files/deep/er/small", "deep/er/small", false, true, false, MOVE_DONE, NULL},
            {"cut/big", "big", true, true, false, MOVE_DONE, NULL},
            {"cut/big", "big", false, false, false, MOVE_DONE, NULL},
            {"plain/big", "big", false, false, false, MOVE_DONE, NULL},
            {"plain/big", "big", true, true, false, MOVE_DONE, NULL},
            {"files/empty", "empty", false, false, false, MOVE_DONE, NULL},
            {"to/%2Ffiles%2Fbig", "big", true, true, false, MOVE_DONE, NULL},
            {"files/nothing", "big", true, true, false, MOVE_SOURCE_GONE, "404"},
            {"status/503", "big", true, true, false, MOVE_SOURCE_AWAY, "503"},
            {"status/403", "big", true, true, false, MOVE_SOURCE_REFUSED, "403"},
            {"files/big", "big", true, true, true, MOVE_SOURCE_CHANGED, "checksum"},
            {"files/empty", "big", true, false, false, MOVE_SOURCE_CHANGED, "length"},
            {"slow/big", "big", true, false, false, MOVE_SOURCE_REFUSED, "not among"},
            {"to/%2Fslow%2Fbig", "big", true, false, false, MOVE_SOURCE_REFUSED, "not allowed"},
            {"to/file%3A%2F%2F%2Fetc%2Fpasswd", "big", false, false, false, MOVE_SOURCE_REFUSED, "http"},
            {"to/http%3A%2F%2F169.254.169.254%2F", "big", false, false, false, MOVE_SOURCE_REFUSED,
             "not allowed"},
        };
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        server_start(&c);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                fetch_one(&c, &cases[i]);
        server_stop();
        scene_close(&c);
}

static void what_only_the_site_can_reach_is_not_asked(void **state)
{
        struct transfer_file f = {.path = "x", .size = TRANSFER_SIZE_UNKNOWN};
        AUTO_FREE char *asked = NULL, *count = NULL;
        struct transfer_order o;
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        server_start(&c);
        {
                AUTO_FREE char *by_address = server_url("files/big"),
                               *by_name = xasprintf("http://localhost:%d/files/big", server_port);
                const char *prefixes[] = {"http://localhost:1/", "http://127.0.0.1:1/"};
                AUTO_FREE char *p0 = xasprintf("http://localhost:%d/", server_port),
                               *p1 = xasprintf("http://127.0.0.1:%d/", server_port);

                prefixes[0] = p0;
                prefixes[1] = p1;
                for (int i = 0; i < 2; i++) {
                        f.url = i ? by_address : by_name;
                        o = fetch_order(&c, &f, 1, prefixes, 2);
                        o.private_hosts = false;
                        transfer_run(&c, &o);
                        assert_int_equal(c.end.kind, MOVE_SOURCE_REFUSED);
                        assert_non_null(strstr(c.text, "private"));
                }
        }
        asked = xasprintf("curl -q -s http://127.0.0.1:%d/asked", server_port);
        count = command_output(asked);
        assert_string_equal(count, "1");
        server_stop();
        scene_close(&c);
}

static void a_fetch_without_a_rule_is_refused_at_once(void **state)
{
        const char *const bad[] = {"ftp://a.org/x", "http://a.org/../x", "file:///etc/passwd", "/etc/passwd"};
        const char *prefixes[] = {"http://a.org/"};
        struct transfer_file f = {.path = "x", .size = 1};
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct transfer_order o = fetch_order(&c, &f, 1, prefixes, 1);
                struct err err;

                f.url = bad[i];
                assert_int_equal(transfer_start(&o, &events, &c, &c.t, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
        {
                struct transfer_order o = fetch_order(&c, &f, 1, prefixes, 0);
                struct err err;

                f.url = "http://a.org/x";
                assert_int_equal(transfer_start(&o, &events, &c, &c.t, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
        scene_close(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(files_of_this_host_go_to_a_site),
            cmocka_unit_test(files_are_fetched_where_that_is_allowed),
            cmocka_unit_test(what_only_the_site_can_reach_is_not_asked),
            cmocka_unit_test(a_fetch_without_a_rule_is_refused_at_once),
        };

        signal(SIGPIPE, SIG_IGN);
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return cmocka_run_group_tests_name("files that no worker has", tests, suite_open, suite_close);
}
