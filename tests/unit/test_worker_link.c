/* SPDX-License-Identifier: Apache-2.0 */
/* The link to a worker: real connector, real sshd, real worker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "remote/worker_link.h"
#include "tests/support/ssh_site.h"

#define TASKS_MAX 4096

static struct ssh_site plain;
static char *connector_path, *worker_dir;

/* One link and all it said. */
struct scene {
        uv_loop_t loop;
        struct worker_link *l;
        struct worker_link_settings s;
        char root[128];
        enum link_state state;
        bool ready, absent, failed, ended, fenced, hostkey_changed, data_came, scanned, welcomed, health_came;
        struct link_failure failure;
        uint32_t failures, readies;
        char steps[1024];
        uint8_t spool[16];
        struct link_snapshot_item snapshot[64];
        size_t snapshot_n;
        size_t started_n, ended_n, ended_wanted, outputs_n;
        struct proto_result last;
        char last_output[256];
        uint8_t outcomes[TASKS_MAX];
        bool ack; /* acknowledge results as they come */
        char data[4096];
        struct link_data data_info;
        bool scan_is_file;
        enum read_status scan_status;
        size_t scan_files;
        uint64_t fenced_epoch;
        struct link_health health;
};

static void on_state(void *arg, struct worker_link *l, enum link_state s, const struct link_failure *why)
{
        struct scene *c = arg;

        (void)l;
        c->state = s;
        c->ready = s == LINK_READY;
        c->readies += s == LINK_READY;
        c->absent = s == LINK_ABSENT;
        if (!why)
                return;
        c->failed = true;
        c->failures++;
        c->failure = *why;
}

static void on_step(void *arg, struct worker_link *l, const char *step, uint32_t elapsed_ms, const char *text)
{
        struct scene *c = arg;
        size_t n = strlen(c->steps);

        (void)l;
        (void)elapsed_ms;
        (void)text;
        snprintf(c->steps + n, sizeof c->steps - n, "%s%s", n ? ", " : "", step);
}

static void on_welcome(void *arg, struct worker_link *l, const struct link_welcome *w)
{
        struct scene *c = arg;

        (void)l;
        c->welcomed = true;
        memcpy(c->spool, w->spool, 16);
        assert_true(w->cpus > 0);
        assert_true(w->clock_off_ms > -5000 && w->clock_off_ms < 5000);
}

static void on_snapshot(void *arg, struct worker_link *l, const struct link_snapshot_item *items, size_t n)
{
        struct scene *c = arg;

        (void)l;
        assert_true(n <= ARRAY_LEN(c->snapshot));
        if (n)
                memcpy(c->snapshot, items, n * sizeof *items);
        c->snapshot_n = n;
}

static void on_started(void *arg, struct worker_link *l, const struct link_started *items, size_t n)
{
        struct scene *c = arg;

        (void)l;
        (void)items;
        c->started_n += n;
}

static void on_outputs(void *arg, struct worker_link *l, struct attempt_key key,
                       const struct proto_file *files, size_t n)
{
        struct scene *c = arg;

        (void)l;
        (void)key;
        c->outputs_n += n;
        if (n)
                snprintf(c->last_output, sizeof c->last_output, "%s", files[0].path);
}

static void on_ended(void *arg, struct worker_link *l, const struct proto_result *results, size_t n)
{
        struct scene *c = arg;
        struct err err;

        for (size_t i = 0; i < n; i++) {
                assert_true((size_t)results[i].key.task < TASKS_MAX);
                c->outcomes[results[i].key.task]++;
                c->last = results[i];
                if (c->ack)
                        assert_int_equal(worker_link_ack(l, &results[i].key, 1, &err), 0);
        }
        c->ended_n += n;
        c->ended = c->ended_n >= c->ended_wanted;
}

static void on_data(void *arg, struct worker_link *l, uint32_t request, const struct link_data *d)
{
        struct scene *c = arg;

        (void)l;
        (void)request;
        c->data_came = true;
        c->data_info = *d;
        snprintf(c->data, sizeof c->data, "%.*s", (int)d->len, d->data ? (const char *)d->data : "");
}

static void on_scanned(void *arg, struct worker_link *l, uint32_t request, uint64_t files_done,
                       uint64_t bytes_done, const struct proto_file *files, size_t n)
{
        struct scene *c = arg;

        (void)l;
        (void)request;
        (void)files_done;
        (void)bytes_done;
        (void)files;
        c->scan_files += n;
}

static void on_scan_end(void *arg, struct worker_link *l, uint32_t request, enum read_status status,
                        bool is_file, const char *text)
{
        struct scene *c = arg;

        (void)l;
        (void)request;
        (void)text;
        c->scanned = true;
        c->scan_status = status;
        c->scan_is_file = is_file;
}

static void on_health(void *arg, struct worker_link *l, const struct link_health *h)
{
        struct scene *c = arg;

        (void)l;
        c->health_came = true;
        c->health = *h;
}

static void on_hostkey_changed(void *arg, struct worker_link *l, uint32_t hop, const char *type,
                               const char *fingerprint)
{
        struct scene *c = arg;

        (void)l;
        assert_int_equal(hop, 0);
        assert_string_equal(type, "ssh-ed25519");
        assert_true(strncmp(fingerprint, "SHA256:", 7) == 0);
        c->hostkey_changed = true;
}

static void on_fenced(void *arg, struct worker_link *l, uint64_t epoch)
{
        struct scene *c = arg;

        (void)l;
        c->fenced = true;
        c->fenced_epoch = epoch;
}

static const struct worker_link_events events = {
    .on_state = on_state,
    .on_step = on_step,
    .on_welcome = on_welcome,
    .on_snapshot = on_snapshot,
    .on_started = on_started,
    .on_outputs = on_outputs,
    .on_ended = on_ended,
    .on_data = on_data,
    .on_scanned = on_scanned,
    .on_scan_end = on_scan_end,
    .on_health = on_health,
    .on_hostkey_changed = on_hostkey_changed,
    .on_fenced = on_fenced,
};

static unsigned roots;

/* A link to `plain` with a root of its own, ready to be changed and started. */
static void scene_init(struct scene *c, struct proto_hop *hop)
{
        memset(c, 0, sizeof *c);
        uv_loop_init(&c->loop);
        snprintf(c->root, sizeof c->root, "~/w%u", ++roots);
        *hop = site_hop(&plain);
        c->ack = true;
        c->ended_wanted = 1;
        c->s = (struct worker_link_settings){
            .loop = &c->loop,
            .name = "plain/host",
            .events = &events,
            .arg = c,
            .connector_path = connector_path,
            .worker_dir = worker_dir,
            .hops = hop,
            .hop_count = 1,
            .private_key = plain.key,
            .instance = "0123456789abcde",
            .epoch = 5,
            .worker_id = roots,
            .root = c->root,
            .lease_ms = 30000,
            .heartbeat_ms = 1000,
            .offer = {.cpus = 64, .memory = 1ull << 30},
            .grant_until_ms = INT64_MAX,
        };
}

static void scene_start(struct scene *c)
{
        struct err err;

        if (worker_link_new(&c->s, &c->l, &err) < 0)
                fail_msg("%s", err.text);
        worker_link_start(c->l);
}

static void scene_ready(struct scene *c)
{
        scene_start(c);
        if (!wait_until(&c->loop, &c->ready))
                fail_msg("%s: %s", link_state_name(c->state), c->failure.text);
}

/* The worker outlives its link; a test must not leave it behind. */
static void scene_stop(struct scene *c)
{
        struct err err;

        if (c->l && worker_link_state(c->l) == LINK_READY) {
                assert_int_equal(worker_link_stop_worker(c->l, STOP_NOW, &err), 0);
                c->failed = false;
                assert_true(wait_until(&c->loop, &c->failed));
        }
        worker_link_free(c->l);
        uv_run(&c->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&c->loop), 0);
}

static struct proto_template command(int64_t job, char **argv, uint32_t argc)
{
        return (struct proto_template){.job = job,
                                       .name = "test",
                                       .project = "p",
                                       .argv = argv,
                                       .argc = argc,
                                       .resources = {.cpus = 1},
                                       .kill_grace_ms = 1000,
                                       .log_head = 65536,
                                       .log_tail = 65536};
}

static void launch(struct scene *c, struct proto_template *t, int32_t first, int32_t count)
{
        struct link_launch run = {first, count, 1};
        struct err err;

        if (!worker_link_has_template(c->l, t->job))
                assert_int_equal(worker_link_template(c->l, t, &err), 0);
        assert_int_equal(worker_link_launch(c->l, t->job, &run, 1, &err), 0);
}

/* ---- to ready and back ---- */

static void a_fresh_account_gets_its_worker_and_the_link_is_ready(void **unused)
{
        struct proto_hop hop;
        struct scene c;

        (void)unused;
        scene_init(&c, &hop);
        scene_ready(&c);
        assert_true(c.welcomed);
        assert_int_equal(c.snapshot_n, 0);
        assert_string_equal(c.steps,
                            "resolve, reach, algorithms, host key, login, session, shell, upload, worker");
        assert_null(worker_link_failure(c.l));
        assert_true(wait_until(&c.loop, &c.health_came));
        assert_true(worker_link_granted_ms(c.l) > 0);
        scene_stop(&c);
}

static void a_task_runs_and_its_result_log_and_outputs_come_back(void **unused)
{
        char *argv[] = {"/bin/sh", "-c", "echo out $REEVE_TASK; echo result > made.txt"},
             *outputs[] = {"*.txt"};
        struct proto_template t = command(7, argv, 3);
        struct proto_hop hop;
        struct scene c;
        struct err err;
        uint32_t request;

        (void)unused;
        scene_init(&c, &hop);
        scene_ready(&c);
        t.outputs = outputs;
        t.output_count = 1;
        t.output_dataset = "job-7";
        launch(&c, &t, 3, 1);
        assert_true(wait_until(&c.loop, &c.ended));
        assert_int_equal(c.last.outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(c.last.key.job, 7);
        assert_int_equal(c.last.key.task, 3);
        assert_int_equal(c.outputs_n, 1);
        assert_int_equal(worker_link_read(c.l, READ_STDOUT, c.last.key, NULL, 0, 1000, &request, &err), 0);
        assert_true(wait_until(&c.loop, &c.data_came));
        assert_int_equal(c.data_info.status, READ_OK);
        assert_string_equal(c.data, "out 3\n");
        assert_true(c.data_info.final);
        scene_stop(&c);
}

static void a_thousand_tasks_end_once_each(void **unused)
{
        char *argv[] = {"/bin/true"};
        struct proto_template t = command(8, argv, 1);
        struct proto_hop hop;
        struct scene c;

        (void)unused;
        scene_init(&c, &hop);
        scene_ready(&c);
        c.ended_wanted = 1000;
        launch(&c, &t, 0, 1000);
        assert_true(wait_until(&c.loop, &c.ended));
        for (int i = 0; i < 1000; i++)
                assert_int_equal(c.outcomes[i], 1);
        scene_stop(&c);
}

static void work_is_refused_while_the_link_is_not_ready(void **unused)
{
        struct attempt_key key = {1, 1, 1};
        struct link_launch run = {0, 1, 1};
        struct proto_hop hop;
        struct scene c;
        struct err err;

        (void)unused;
        scene_init(&c, &hop);
        assert_int_equal(worker_link_new(&c.s, &c.l, &err), 0);
        assert_int_equal(worker_link_ack(c.l, &key, 1, &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        worker_link_start(c.l);
        assert_true(wait_until(&c.loop, &c.ready));
        assert_int_equal(worker_link_launch(c.l, 9, &run, 1, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        scene_stop(&c);
}

/* ---- broken links ---- */

static void a_running_attempt_survives_a_killed_connector_and_is_in_the_next_snapshot(void **unused)
{
        char *argv[] = {"/bin/sleep", "60"};
        struct proto_template t = command(10, argv, 2);
        struct attempt_key key = {10, 1, 1};
        AUTO_FREE char *kill_it = NULL, *said = NULL;
        struct proto_hop hop;
        struct scene c;
        struct err err;
        uint8_t spool[16];

        (void)unused;
        scene_init(&c, &hop);
        scene_ready(&c);
        memcpy(spool, c.spool, 16);
        launch(&c, &t, 1, 1);
        while (!c.started_n)
                uv_run(&c.loop, UV_RUN_ONCE);
        kill_it = xasprintf("pkill -KILL -P %d -x reeve-connector", getpid());
        said = command_output(kill_it);
        assert_true(wait_until(&c.loop, &c.failed));
        assert_non_null(strstr(c.failure.text, "signal 9"));
        assert_false(c.failure.final);
        assert_true(wait_until(&c.loop, &c.ready));
        assert_memory_equal(spool, c.spool, 16);
        assert_int_equal(c.snapshot_n, 1);
        assert_int_equal(c.snapshot[0].state, SNAP_RUNNING);
        assert_true(attempt_key_equal(c.snapshot[0].key, key));
        assert_false(worker_link_has_template(c.l, 10));
        assert_int_equal(worker_link_cancel(c.l, &key, 1, 100, OUTCOME_CANCELLED, &err), 0);
        assert_true(wait_until(&c.loop, &c.ended));
        assert_int_equal(c.last.outcome, OUTCOME_CANCELLED);
        scene_stop(&c);
}

static void a_result_comes_again_until_it_is_acknowledged(void **unused)
{
        char *argv[] = {"/bin/true"};
        struct proto_template t = command(11, argv, 1);
        struct proto_hop hop;
        struct scene c;

        (void)unused;
        scene_init(&c, &hop);
        c.ack = false;
        scene_ready(&c);
        launch(&c, &t, 1, 1);
        assert_true(wait_until(&c.loop, &c.ended));
        worker_link_stop(c.l);
        assert_int_equal(worker_link_state(c.l), LINK_ABSENT);
        c.ended = false;
        c.ack = true;
        worker_link_start(c.l);
        assert_true(wait_until(&c.loop, &c.ended));
        assert_int_equal(c.outcomes[1], 2);
        assert_int_equal(c.snapshot_n, 1);
        assert_int_equal(c.snapshot[0].state, SNAP_ENDED);
        scene_stop(&c);
}

static void open_reads_are_answered_when_the_connection_breaks(void **unused)
{
        struct attempt_key key = {1, 1, 1};
        struct proto_hop hop;
        struct scene c;
        struct err err;
        uint32_t request;

        (void)unused;
        scene_init(&c, &hop);
        scene_ready(&c);
        assert_int_equal(worker_link_read(c.l, READ_STDOUT, key, NULL, 0, 10, &request, &err), 0);
        assert_int_equal(worker_link_scan(c.l, "/etc", &request, &err), 0);
        worker_link_stop(c.l);
        assert_true(c.data_came);
        assert_int_equal(c.data_info.status, READ_FAILED);
        assert_true(c.scanned);
        assert_int_equal(c.scan_status, READ_FAILED);
        worker_link_start(c.l);
        assert_true(wait_until(&c.loop, &c.ready));
        scene_stop(&c);
}

static void files_at_the_site_are_listed_and_checksummed(void **unused)
{
        AUTO_FREE char
            *make = xasprintf(
                "mkdir %s/home/data && echo x > %s/home/data/a && echo y > %s/home/data/b && chmod -R "
                "a+rX %s/home/data",
                plain.dir, plain.dir, plain.dir, plain.dir),
            *said = command_output(make), *path = xasprintf("%s/home/data", plain.dir);
        struct proto_hop hop;
        struct scene c;
        struct err err;
        uint32_t request;

        (void)unused;
        scene_init(&c, &hop);
        scene_ready(&c);
        assert_int_equal(worker_link_scan(c.l, path, &request, &err), 0);
        assert_true(wait_until(&c.loop, &c.scanned));
        assert_int_equal(c.scan_status, READ_OK);
        assert_int_equal(c.scan_files, 2);
        assert_false(c.scan_is_file);
        assert_int_equal(worker_link_scan(c.l, "relative", &request, &err), -1);
        scene_stop(&c);
}

/* ---- who may command ---- */

static void a_later_leadership_fences_an_earlier_one(void **unused)
{
        struct proto_hop hop;
        struct scene later, earlier;

        (void)unused;
        scene_init(&later, &hop);
        later.s.epoch = 9;
        scene_ready(&later);
        scene_init(&earlier, &hop);
        earlier.s.epoch = 8;
        earlier.s.root = later.root;
        earlier.s.worker_id = later.s.worker_id;
        scene_start(&earlier);
        assert_true(wait_until(&earlier.loop, &earlier.fenced));
        assert_int_equal(earlier.fenced_epoch, 9);
        assert_true(earlier.failure.final);
        assert_false(earlier.welcomed);
        scene_stop(&earlier);
        scene_stop(&later);
}

static void a_changed_host_key_stops_the_link_with_an_alarm(void **unused)
{
        uint8_t other[128];
        struct proto_hop hop;
        struct scene c;

        (void)unused;
        scene_init(&c, &hop);
        memcpy(other, hop.keys[0].data, hop.keys[0].len);
        other[hop.keys[0].len - 1] ^= 1;
        hop.keys[0].data = other;
        scene_start(&c);
        assert_true(wait_until(&c.loop, &c.hostkey_changed));
        assert_true(c.failure.final);
        assert_int_equal(c.failure.next_try_ms, -1);
        assert_int_equal(c.failure.kind, FAIL_HOSTKEY_CHANGED);
        scene_stop(&c);
}

static void a_refused_login_is_tried_three_times_and_no_more(void **unused)
{
        char *other = NULL, *line = NULL;
        struct proto_hop hop;
        struct scene c;
        struct err err;

        (void)unused;
        assert_int_equal(ssh_key_generate("stranger", &other, &line, &err), 0);
        scene_init(&c, &hop);
        c.s.private_key = other;
        scene_start(&c);
        for (uint32_t i = 1; i <= 3; i++) {
                c.failed = false;
                assert_true(wait_until(&c.loop, &c.failed));
                assert_int_equal(c.failure.kind, FAIL_REFUSED);
                assert_int_equal(c.failure.tries, i);
                assert_int_equal(c.failure.final, i == 3);
        }
        scene_stop(&c);
        ssh_key_wipe(other);
        free(line);
}

static void a_dead_host_is_probed_by_one_link_alone(void **unused)
{
        struct dial_gate *gate = dial_gate_new(4);
        struct proto_hop hop;
        struct scene c;
        struct worker_link *others[3];
        struct err err;

        (void)unused;
        scene_init(&c, &hop);
        hop.port = 1;
        c.s.gate = gate;
        scene_start(&c);
        assert_true(wait_until(&c.loop, &c.failed));
        assert_int_equal(c.failure.kind, FAIL_UNREACHABLE);
        assert_true(c.failure.next_try_ms >= 0);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(worker_link_new(&c.s, &others[i], &err), 0);
                worker_link_start(others[i]);
        }
        while (c.failures < 3)
                uv_run(&c.loop, UV_RUN_ONCE);
        assert_int_equal(worker_link_failure(c.l)->tries, 3);
        for (int i = 0; i < 3; i++) {
                assert_null(worker_link_failure(others[i]));
                worker_link_free(others[i]);
        }
        scene_stop(&c);
        dial_gate_free(gate);
}

/* ---- the account's shell ---- */

static void what_a_login_script_prints_is_skipped(void **unused)
{
        AUTO_FREE char *rc = xasprintf("%s/home/.bashrc", plain.dir), *make = NULL, *said = NULL,
                       *undo = NULL, *undone = NULL;
        struct proto_hop hop;
        struct scene c;

        (void)unused;
        make = xasprintf(
            "printf 'echo Welcome to the cluster; echo REEVE-ATTACH; echo REEVE-FACTS-1 not\\n' > %s; chmod "
            "644 %s",
            rc, rc);
        said = command_output(make);
        scene_init(&c, &hop);
        scene_ready(&c);
        scene_stop(&c);
        undo = xasprintf("rm -f %s", rc);
        undone = command_output(undo);
}

static void a_root_that_cannot_be_written_says_so(void **unused)
{
        struct proto_hop hop;
        struct scene c;

        (void)unused;
        scene_init(&c, &hop);
        c.s.root = "/proc/nowhere";
        scene_start(&c);
        assert_true(wait_until(&c.loop, &c.failed));
        assert_int_equal(c.failure.where, LINK_BOOTSTRAPPING);
        assert_non_null(strstr(c.failure.text, "/proc/nowhere"));
        assert_true(c.failure.fix[0] != '\0');
        scene_stop(&c);
}

static void settings_that_make_no_sense_are_refused(void **unused)
{
        static const char *const roots_bad[] = {"relative", "~/a b", "/a/../b", "/x;rm",
                                                "~/$(x)",   "/",     "",        "~/"};
        struct proto_hop hop;
        struct scene c;
        struct err err;

        (void)unused;
        scene_init(&c, &hop);
        for (size_t i = 0; i < ARRAY_LEN(roots_bad); i++) {
                c.s.root = roots_bad[i];
                assert_int_equal(worker_link_new(&c.s, &c.l, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
        c.s.root = NULL;
        c.s.lease_ms = c.s.heartbeat_ms;
        assert_int_equal(worker_link_new(&c.s, &c.l, &err), -1);
        uv_loop_close(&c.loop);
}

static int group_setup(void **unused)
{
        (void)unused;
        signal(SIGPIPE, SIG_IGN);
        connector_path = build_path("reeve-connector");
        worker_dir = build_path("");
        return site_start(&plain, "") ? 0 : -1;
}

static int group_teardown(void **unused)
{
        (void)unused;
        site_stop(&plain);
        free(connector_path);
        free(worker_dir);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_fresh_account_gets_its_worker_and_the_link_is_ready),
            cmocka_unit_test(a_task_runs_and_its_result_log_and_outputs_come_back),
            cmocka_unit_test(a_thousand_tasks_end_once_each),
            cmocka_unit_test(work_is_refused_while_the_link_is_not_ready),
            cmocka_unit_test(a_running_attempt_survives_a_killed_connector_and_is_in_the_next_snapshot),
            cmocka_unit_test(a_result_comes_again_until_it_is_acknowledged),
            cmocka_unit_test(open_reads_are_answered_when_the_connection_breaks),
            cmocka_unit_test(files_at_the_site_are_listed_and_checksummed),
            cmocka_unit_test(a_later_leadership_fences_an_earlier_one),
            cmocka_unit_test(a_changed_host_key_stops_the_link_with_an_alarm),
            cmocka_unit_test(a_refused_login_is_tried_three_times_and_no_more),
            cmocka_unit_test(a_dead_host_is_probed_by_one_link_alone),
            cmocka_unit_test(what_a_login_script_prints_is_skipped),
            cmocka_unit_test(a_root_that_cannot_be_written_says_so),
            cmocka_unit_test(settings_that_make_no_sense_are_refused),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
