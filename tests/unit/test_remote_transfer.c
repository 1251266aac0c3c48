/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers between workers behind real sshds, by every way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/transfer_scene.h"

/* The source's authorized_keys, as its sshd reads them. */
static bool key_is_let_in(void)
{
        AUTO_FREE char *path = xasprintf("%s/s/authorized_keys", sites[0].dir), *text = file_text(path);

        return strstr(text, "reeve-transfer") != NULL;
}

static void by_relay(enum connect_backend backend)
{
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;
        struct err err;
        uint32_t request;

        scene_open(&c, backend);
        make_files(&c);
        o = usual_order(&c, files);
        o.own_backend = true;
        transfer_run(&c, &o);
        assert_string_equal(c.end.kind == MOVE_DONE ? "" : c.text, "");
        assert_int_equal(c.way, WAY_RELAY);
        assert_non_null(strstr(c.why, "does not allow"));
        assert_int_equal(c.files, 3);
        assert_true(c.end.bytes_moved > BIG);
        assert_arrived(&c);
        assert_int_equal(transfer_remove(c.to.l, "d7", NULL, 0, &request, &err), 0);
        assert_true(wait_until(&c.loop, &c.removed));
        assert_int_equal(c.removed_files, 3);
        scene_close(&c);
}

static void files_go_through_a_relay_by_libssh2(void **state)
{
        (void)state;
        by_relay(BACKEND_LIBSSH2);
}

static void files_go_through_a_relay_by_openssh(void **state)
{
        (void)state;
        by_relay(BACKEND_OPENSSH);
}

static void files_go_directly_where_that_is_allowed(void **state)
{
        AUTO_FREE char *keys = xasprintf("%s/s/authorized_keys", sites[0].dir);
        AUTO_FREE char *before = file_text(keys), *after = NULL;
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        o = usual_order(&c, files);
        o.direct = true;
        o.authorized_keys = keys;
        transfer_run(&c, &o);
        assert_string_equal(c.end.kind == MOVE_DONE ? "" : c.text, "");
        assert_string_equal(c.why, "");
        assert_int_equal(c.way, WAY_DIRECT);
        assert_arrived(&c);
        /* By another name than ours, at a port that is told. */
        o = usual_order(&c, files);
        o.to = "d72";
        o.direct = true;
        o.authorized_keys = keys;
        o.direct_host = "localhost";
        o.direct_port = (uint16_t)sites[0].port;
        transfer_run(&c, &o);
        assert_string_equal(c.why, "");
        assert_int_equal(c.way, WAY_DIRECT);
        assert_arrived(&c);
        /* The same again: everything is there, and nobody has to log in. What files are is known now. */
        scene_close(&c);
        after = file_text(keys);
        assert_string_equal(after, before);
}

static void a_direct_way_that_does_not_prove_itself_becomes_a_relay(void **state)
{
        AUTO_FREE char *keys = xasprintf("%s/s/authorized_keys", sites[0].dir);
        AUTO_FREE char *nowhere = xasprintf("%s/s/nobody_reads_this", sites[0].dir);
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        o = usual_order(&c, files);
        o.direct = true;
        o.authorized_keys = keys;
        o.direct_port = 1;
        transfer_run(&c, &o);
        assert_int_equal(c.end.kind, MOVE_DONE);
        assert_int_equal(c.way, WAY_RELAY);
        assert_non_null(strstr(c.why, "refused"));
        assert_arrived(&c);
        assert_false(key_is_let_in());
        /* It is not tried again at once, and says so. */
        o = usual_order(&c, files);
        o.to = "d71";
        o.direct = true;
        o.authorized_keys = keys;
        o.direct_port = 1;
        transfer_run(&c, &o);
        assert_int_equal(c.way, WAY_RELAY);
        assert_non_null(strstr(c.why, "tried again in"));
        /* A key that sshd does not know of. */
        o = usual_order(&c, files);
        o.to = "d8";
        o.direct = true;
        o.authorized_keys = nowhere;
        transfer_run(&c, &o);
        assert_int_equal(c.end.kind, MOVE_DONE);
        assert_int_equal(c.way, WAY_RELAY);
        assert_non_null(strstr(c.why, "denied"));
        /* A file that is not ours to change. */
        o = usual_order(&c, files);
        o.to = "d9";
        o.direct = true;
        o.authorized_keys = "/etc/passwd";
        transfer_run(&c, &o);
        assert_int_equal(c.end.kind, MOVE_DONE);
        assert_int_equal(c.way, WAY_RELAY);
        assert_true(c.why[0]);
        scene_close(&c);
}

static void a_worker_copies_for_itself(void **state)
{
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        o = usual_order(&c, files);
        o.destination = o.source;
        transfer_run(&c, &o);
        assert_int_equal(c.end.kind, MOVE_DONE);
        assert_int_equal(c.way, WAY_LOCAL);
        assert_arrived(&c);
        scene_close(&c);
}

static void a_file_that_is_gone_is_the_sources_fault(void **state)
{
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        o = usual_order(&c, files);
        files[1].path = "deep/er/none";
        transfer_run(&c, &o);
        assert_int_equal(c.end.kind, MOVE_SOURCE_GONE);
        assert_int_equal(c.end.file, 1);
        assert_int_equal(move_end_blame(c.end.kind), BLAMES_SOURCE);
        assert_non_null(strstr(c.text, "deep/er/none"));
        scene_close(&c);
}

static void a_transfer_ends_with_its_links(void **state)
{
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;
        struct err err;

        (void)state;
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        o = usual_order(&c, files);
        assert_int_equal(transfer_start(&o, &events, &c, &c.t, &err), 0);
        worker_link_stop(c.from.l);
        assert_true(wait_until(&c.loop, &c.ended));
        assert_int_equal(c.end.kind, MOVE_SOURCE_AWAY);
        assert_int_equal(transfer_start(&o, &events, &c, &c.t, &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        worker_link_start(c.from.l);
        assert_true(wait_until(&c.loop, &c.from.ready));
        c.ended = false;
        assert_int_equal(transfer_start(&o, &events, &c, &c.t, &err), 0);
        transfer_cancel(c.t);
        assert_false(c.ended);
        assert_true(wait_until(&c.loop, &c.ended));
        assert_int_equal(c.end.kind, MOVE_CANCELLED);
        assert_int_equal(transfer_start(&o, &events, &c, &c.t, &err), 0);
        transfer_free(c.t);
        scene_close(&c);
}

/* ---- kills ---- */

/* Everything that takes part: connectors and their clients, both workers' processes, their ends of streams.
 */
static pid_t any_process(unsigned *seed)
{
        AUTO_FREE char *command =
            xasprintf("{ pgrep -P %d; pgrep -f 'reeve-worker.*%s/'; pgrep -f 'reeve-worker.*%s/'; "
                      "pgrep -f 'ssh .*reeve-source'; } 2>/dev/null",
                      (int)getpid(), sites[0].dir, sites[1].dir);
        AUTO_FREE char *said = command_output(command);
        pid_t pids[256];
        size_t n = 0;

        for (char *at = said, *word; n < ARRAY_LEN(pids) && (word = strsep(&at, "\n"));) {
                AUTO_FREE char *path = *word ? xasprintf("/proc/%s/cmdline", word) : NULL;
                AUTO_FREE char *line = path ? file_text(path) : NULL;

                /* Not the shell that looked. */
                if (line && *line && !strstr(line, "sh"))
                        pids[n++] = atoi(word);
                else if (line && strcmp(line, "ssh") == 0)
                        pids[n++] = atoi(word);
        }
        return n ? pids[(size_t)rand_r(seed) % n] : 0;
}

/* Another engine takes over: the links of the one before are gone at once. */
static void new_engine(struct scene *c, uint64_t *epoch)
{
        struct end *ends[] = {&c->from, &c->to};

        transfer_free(c->t);
        c->t = NULL;
        (*epoch)++;
        for (size_t i = 0; i < 2; i++) {
                struct worker_link_settings s = {.loop = &c->loop,
                                                 .name = i ? "b/host" : "a/host",
                                                 .events = &link_events,
                                                 .arg = c,
                                                 .connector_path = connector_path,
                                                 .worker_dir = worker_dir,
                                                 .hops = &ends[i]->hop,
                                                 .hop_count = 1,
                                                 .private_key = ends[i]->site->key,
                                                 .epoch = *epoch,
                                                 .worker_id = worker_link_worker_id(ends[i]->l),
                                                 .root = ends[i]->root,
                                                 .lease_ms = 60000,
                                                 .heartbeat_ms = 2000,
                                                 .offer = {.cpus = 1},
                                                 .slots = 1,
                                                 .grant_until_ms = INT64_MAX};
                struct err err;

                worker_link_free(ends[i]->l);
                ends[i]->ready = false;
                assert_int_equal(worker_link_new(&s, &ends[i]->l, &err), 0);
                worker_link_start(ends[i]->l);
        }
}

static void run_for(struct scene *c, unsigned ms)
{
        static uv_timer_t timer;
        bool over = false;

        uv_timer_init(&c->loop, &timer);
        timer.data = &over;
        uv_timer_start(&timer, on_wait_over, ms, 0);
        while (!over)
                uv_run(&c->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&timer, NULL);
        uv_run(&c->loop, UV_RUN_NOWAIT);
}

/* What has its name is whole. Returns how many have. */
static size_t visible_and_whole(struct scene *c)
{
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                AUTO_FREE char *at = xasprintf("%s/data/d7/%s", c->to.root, names[i]);
                AUTO_FREE char *command = xasprintf("cmp -s %s/%s %s", c->dir, names[i], at);

                if (access(at, F_OK) < 0)
                        continue;
                assert_int_equal(system(command), 0);
                n++;
        }
        return n;
}

/* Until the transfer ended, whatever becomes of the links meanwhile. */
static void go_on_until_done(struct scene *c, struct transfer_order *o)
{
        struct err err;

        for (int tries = 0; tries < 20; tries++) {
                assert_true(wait_until(&c->loop, &c->from.ready));
                assert_true(wait_until(&c->loop, &c->to.ready));
                o->source = c->from.l;
                o->destination = c->to.l;
                c->ended = false;
                if (!c->t && transfer_start(o, &events, c, &c->t, &err) < 0)
                        continue;
                assert_true(wait_until(&c->loop, &c->ended));
                if (c->end.kind == MOVE_DONE)
                        return;
                assert_true(move_end_retries(c->end.kind));
        }
        fail_msg("%s: %s", move_end_name(c->end.kind), c->text);
}

static void a_kill_anywhere_leaves_nothing_wrong(void **state)
{
        AUTO_FREE char *keys = xasprintf("%s/s/authorized_keys", sites[0].dir), *before = file_text(keys),
                       *after = NULL;
        const char *text = getenv("KILLS");
        unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)clock_boot_ms();
        int rounds = text ? atoi(text) : 8;
        struct transfer_file files[3];
        struct transfer_order o;
        struct scene c;
        uint64_t epoch = 1;

        (void)state;
        print_message("SEED=%u\n", seed);
        scene_open(&c, BACKEND_LIBSSH2);
        make_files(&c);
        o = usual_order(&c, files);
        o.rate_limit = 8 << 20;
        for (int i = 0; i < rounds; i++) {
                AUTO_FREE char *clean = xasprintf("rm -rf %s/data/d7", c.to.root);
                struct err err;
                pid_t victim;

                assert_true(wait_until(&c.loop, &c.from.ready));
                assert_true(wait_until(&c.loop, &c.to.ready));
                o.source = c.from.l;
                o.destination = c.to.l;
                o.id++;
                o.direct = rand_r(&seed) % 2;
                o.authorized_keys = keys;
                c.ended = false;
                if (transfer_start(&o, &events, &c, &c.t, &err) < 0)
                        continue;
                run_for(&c, (unsigned)rand_r(&seed) % 1200);
                victim = rand_r(&seed) % 8 ? any_process(&seed) : 0;
                if (victim)
                        kill(victim, SIGKILL);
                else
                        new_engine(&c, &epoch);
                visible_and_whole(&c);
                if (c.t)
                        wait_until(&c.loop, &c.ended);
                visible_and_whole(&c);
                go_on_until_done(&c, &o);
                assert_int_equal(visible_and_whole(&c), ARRAY_LEN(names));
                assert_int_equal(system(clean), 0);
        }
        scene_close(&c);
        after = file_text(keys);
        assert_string_equal(after, before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(files_go_through_a_relay_by_libssh2),
            cmocka_unit_test(files_go_through_a_relay_by_openssh),
            cmocka_unit_test(files_go_directly_where_that_is_allowed),
            cmocka_unit_test(a_direct_way_that_does_not_prove_itself_becomes_a_relay),
            cmocka_unit_test(a_worker_copies_for_itself),
            cmocka_unit_test(a_file_that_is_gone_is_the_sources_fault),
            cmocka_unit_test(a_transfer_ends_with_its_links),
            cmocka_unit_test(a_kill_anywhere_leaves_nothing_wrong),
        };

        signal(SIGPIPE, SIG_IGN);
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return cmocka_run_group_tests_name("transfers over SSH", tests, suite_open, suite_close);
}
