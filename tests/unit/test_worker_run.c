/* SPDX-License-Identifier: Apache-2.0 */
/* The whole worker, driven over the pipes of `reeve-worker attach` as the engine would. Run as root it drops
 * to an ordinary account first, as the worker refuses root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/client.h"
#include "worker/cgroup.h"
#include "worker/files.h"
#include "worker/procs.h"

#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PATIENCE_MS 30000

static char worker[PATH_MAX];
static bool has_groups; /* we are in control groups that are ours */

struct world {
        char root[64];
        struct client c;
        bool attached;
        uint64_t epoch;
        uint32_t slots, lease_ms;
        /* what was heard and not asked for yet */
        struct proto_result results[256];
        uint32_t result_count;
        struct attempt_key started[256];
        uint32_t started_count;
        uint32_t snapshot_count;
        struct proto_file files[64];
        uint32_t file_count;
        struct progress progress; /* the newest of any attempt */
        uint32_t progress_count;
};

/* ---- the other end ---- */

static void hear_results(struct world *w, struct reader *r)
{
        for (uint32_t n = reader_u32(r); n; n--) {
                assert_true(w->result_count < 256);
                get_result(r, &w->results[w->result_count++]);
        }
        assert_false(r->bad);
        assert_int_equal(reader_left(r), 0);
}

static void hear(struct world *w)
{
        const struct frame *f = &w->c.frame;
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type == P_ENDED) {
                hear_results(w, &r);
        } else if (f->type == P_STARTED) {
                for (uint32_t n = reader_u32(&r); n; n--) {
                        assert_true(w->started_count < 256);
                        w->started[w->started_count++] = get_key(&r);
                        (void)reader_u64(&r);
                }
                assert_int_equal(reader_left(&r), 0);
        } else if (f->type == P_OUTPUTS) {
                (void)get_key(&r);
                for (uint32_t n = reader_u32(&r); n; n--) {
                        assert_true(w->file_count < 64);
                        get_file(&r, &w->files[w->file_count++]);
                }
                assert_false(r.bad);
        } else if (f->type == P_PROGRESS) {
                for (uint32_t n = reader_u32(&r); n; n--, w->progress_count++)
                        (void)get_progress(&r, &w->progress);
                assert_false(r.bad);
                assert_int_equal(reader_left(&r), 0);
        } else if (f->type == P_SNAPSHOT) {
                w->snapshot_count += reader_u32(&r);
        }
}

static void attach(struct world *w)
{
        char *argv[] = {worker, "attach", "--root", w->root, NULL};
        struct client_hello hello = {.epoch = w->epoch,
                                     .lease_ms = w->lease_ms,
                                     .heartbeat_ms = 100,
                                     .cpus = 64,
                                     .slots = w->slots,
                                     .memory = 1ull << 40};

        assert_int_equal(client_start(&w->c, argv), 0);
        assert_true(client_skip_magic(&w->c, PATIENCE_MS));
        client_hello(&w->c, &hello);
        w->attached = true;
        w->snapshot_count = w->result_count = w->started_count = 0;
        do {
                assert_true(client_next(&w->c, PATIENCE_MS));
                assert_int_not_equal(w->c.frame.type, P_FENCED);
                hear(w);
        } while (w->c.frame.type != P_SNAPSHOT_END);
}

static void detach(struct world *w)
{
        if (w->attached)
                client_end(&w->c);
        w->attached = false;
}

static struct proto_result *result_of(struct world *w, int64_t job, int task, int attempt)
{
        struct attempt_key key = {job, task, attempt};

        for (;;) {
                for (uint32_t i = 0; i < w->result_count; i++) {
                        if (attempt_key_equal(w->results[i].key, key))
                                return &w->results[i];
                }
                assert_true(client_next(&w->c, PATIENCE_MS));
                hear(w);
        }
}

static void wait_started(struct world *w, int64_t job, int task)
{
        for (;;) {
                for (uint32_t i = 0; i < w->started_count; i++) {
                        if (w->started[i].job == job && w->started[i].task == task)
                                return;
                }
                assert_true(client_next(&w->c, PATIENCE_MS));
                hear(w);
        }
}

static void acknowledge(struct world *w, int64_t job, int task, int attempt)
{
        client_ack(&w->c, &(struct attempt_key){job, task, attempt}, 1);
}

/* Until everything sent before has been handled. */
static void settle(struct world *w)
{
        size_t mark = frame_begin(&w->c.to, P_PING);

        buf_u64(&w->c.to, 1);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        do {
                assert_true(client_next(&w->c, PATIENCE_MS));
                hear(w);
        } while (w->c.frame.type != P_PONG);
}

static struct proto_template shell_job(int64_t job, char **argv, const char *script)
{
        argv[0] = (char *)"/bin/sh";
        argv[1] = (char *)"-c";
        argv[2] = (char *)script;
        return (struct proto_template){.job = job,
                                       .name = (char *)"a test",
                                       .project = (char *)"tests",
                                       .argv = argv,
                                       .argc = 3,
                                       .resources = {.cpus = 1},
                                       .kill_grace_ms = 200,
                                       .log_head = 1 << 20,
                                       .log_tail = 1 << 20};
}

static void run_template(struct world *w, const struct proto_template *t, uint32_t count)
{
        client_template(&w->c, t);
        client_launch(&w->c, t->job, 0, count, 1);
}

/* Launch task 0 of a shell job and return its result. */
static struct proto_result *run_shell(struct world *w, int64_t job, const char *script)
{
        char *argv[3];
        struct proto_template t = shell_job(job, argv, script);

        run_template(w, &t, 1);
        return result_of(w, job, 0, 1);
}

static void cancel(struct world *w, int64_t job, int task, uint32_t grace_ms)
{
        size_t mark = frame_begin(&w->c.to, P_CANCEL);

        buf_u32(&w->c.to, grace_ms);
        buf_u8(&w->c.to, OUTCOME_CANCELLED);
        buf_u32(&w->c.to, 1);
        put_key(&w->c.to, (struct attempt_key){job, task, 1});
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
}

struct data {
        uint8_t status, final;
        uint64_t offset, size, gap_start, gap_end;
        char bytes[CHUNK_MAX + 1];
        size_t len;
};

static void read_log(struct world *w, enum read_what what, int64_t job, const char *path, uint64_t offset,
                     uint32_t length, struct data *ret)
{
        size_t mark = frame_begin(&w->c.to, P_READ);
        struct reader r;
        const uint8_t *p;

        buf_u32(&w->c.to, 77);
        buf_u8(&w->c.to, (uint8_t)what);
        put_key(&w->c.to, (struct attempt_key){job, 0, 1});
        buf_str(&w->c.to, path);
        buf_u64(&w->c.to, offset);
        buf_u32(&w->c.to, length);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        do {
                assert_true(client_next(&w->c, PATIENCE_MS));
                hear(w);
        } while (w->c.frame.type != P_DATA);
        reader_init(&r, w->c.frame.payload, w->c.frame.len);
        assert_int_equal(reader_u32(&r), 77);
        ret->status = reader_u8(&r);
        ret->offset = reader_u64(&r);
        ret->size = reader_u64(&r);
        ret->gap_start = reader_u64(&r);
        ret->gap_end = reader_u64(&r);
        ret->final = reader_u8(&r);
        p = reader_blob(&r, CHUNK_MAX, &ret->len);
        assert_non_null(p);
        memcpy(ret->bytes, p, ret->len);
        ret->bytes[ret->len] = '\0';
}

/* ---- processes ---- */

static pid_t keeper_pid(const struct world *w)
{
        char path[96], text[24] = "";
        int fd;

        snprintf(path, sizeof path, "%s/keeper.lock", w->root);
        fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
                return 0;
        close(fd);
        return atoi(text);
}

/* Processes that have `text` in a file of theirs below /proc, NUL bytes there read as spaces. */
static int processes_with(const char *file, const char *text, pid_t *ret_last)
{
        DIR *d = opendir("/proc");
        struct dirent *e;
        int n = 0;

        while ((e = readdir(d))) {
                static char all[65536];
                char path[300];
                ssize_t got;
                int fd;

                if (e->d_name[0] < '1' || e->d_name[0] > '9')
                        continue;
                snprintf(path, sizeof path, "/proc/%s/%s", e->d_name, file);
                fd = open(path, O_RDONLY);
                got = fd < 0 ? -1 : read(fd, all, sizeof all);
                if (fd >= 0)
                        close(fd);
                for (ssize_t i = 0; i < got; i++)
                        all[i] = all[i] ? all[i] : ' ';
                if (got > 0 && memmem(all, (size_t)got, text, strlen(text))) {
                        n++;
                        if (ret_last)
                                *ret_last = atoi(e->d_name);
                }
        }
        closedir(d);
        return n;
}

/* Processes of an attempt of `job`. The job ids of these tests are unlike any other's. */
static int living(int64_t job)
{
        char text[64];

        snprintf(text, sizeof text, "REEVE_JOB_ID=%lld ", (long long)job);
        return processes_with("environ", text, NULL);
}

/* The child of the keeper; the agent's own helpers look alike. */
static pid_t agent_pid(const struct world *w)
{
        char text[96];
        struct proc p;
        pid_t pid = 0, keeper = keeper_pid(w);

        snprintf(text, sizeof text, "agent --root %s", w->root);
        processes_with("cmdline", text, &pid);
        while (pid > 1 && procs_read(pid, &p) && p.parent != keeper)
                pid = p.parent;
        return pid;
}

static bool is_gone(pid_t pid)
{
        return kill(pid, 0) < 0 && errno == ESRCH;
}

#define wait_until(condition)                                                                                \
        do {                                                                                                 \
                int64_t give_up_ = clock_boot_ms() + PATIENCE_MS;                                            \
                while (!(condition)) {                                                                       \
                        assert_true(clock_boot_ms() < give_up_);                                             \
                        poll(NULL, 0, 5);                                                                    \
                }                                                                                            \
        } while (0)

static size_t file_length(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* ---- each test has a worker of its own ---- */

static int world_open(void **state)
{
        struct world *w = xcalloc(1, sizeof *w);

        snprintf(w->root, sizeof w->root, "/tmp/reeve-worker-test-XXXXXX");
        if (!mkdtemp(w->root))
                return -1;
        w->epoch = 1;
        w->slots = 8;
        w->lease_ms = 20000;
        *state = w;
        return 0;
}

static int world_close(void **state)
{
        struct world *w = *state;
        char *argv[] = {worker, "stop", "--root", w->root, NULL};
        pid_t pid;
        int status = -1;

        detach(w);
        pid = fork();
        if (pid == 0) {
                execv(argv[0], argv);
                _exit(127);
        }
        waitpid(pid, &status, 0);
        for (uint32_t i = 0; i < w->file_count; i++)
                free(w->files[i].path);
        if (getenv("KEEP"))
                fprintf(stderr, "kept: %s\n", w->root);
        else
                dir_remove(AT_FDCWD, w->root);
        free(w);
        return status == 0 ? 0 : -1;
}

/* ---- how attempts end ---- */

static void outcomes_are_told_as_they_are(void **state)
{
        static const struct {
                const char *script;
                enum outcome outcome;
                int code;
        } cases[] = {
            {"true", OUTCOME_SUCCEEDED, 0},
            {"exit 7", OUTCOME_EXIT, 7},
            {"kill -9 $$", OUTCOME_SIGNAL, 9},
            {"kill -15 $$", OUTCOME_SIGNAL, 15},
        };
        struct world *w = *state;

        attach(w);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct proto_result *res = run_shell(w, 7100 + (int64_t)i, cases[i].script);

                assert_int_equal(res->outcome, cases[i].outcome);
                assert_int_equal(res->code, cases[i].code);
                assert_true(res->start_wall_ms > 0 && res->end_wall_ms >= res->start_wall_ms);
        }
}

static void what_cannot_start_says_why(void **state)
{
        struct world *w = *state;
        char *argv[] = {(char *)"no-such-command-anywhere"};
        struct proto_template t = {
            .job = 7200, .name = (char *)"x", .project = (char *)"x", .argv = argv, .argc = 1};
        struct proto_pair input = {(char *)"reads", (char *)"/no/such/input"};
        struct proto_result *res;

        attach(w);
        run_template(w, &t, 1);
        res = result_of(w, 7200, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_NOT_STARTED);
        assert_non_null(strstr(res->text, "no-such-command-anywhere"));

        argv[0] = (char *)"true";
        t.job = 7201;
        t.inputs = &input;
        t.input_count = 1;
        run_template(w, &t, 1);
        res = result_of(w, 7201, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_INPUT_MISSING);
        assert_non_null(strstr(res->text, "/no/such/input"));

        t.job = 7202;
        t.input_count = 0;
        t.resources.cpus = 65;
        run_template(w, &t, 1);
        res = result_of(w, 7202, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_REFUSED);
        assert_non_null(strstr(res->text, "65 cpus"));

        t.job = 7203;
        t.resources.cpus = 1;
        t.workdir = (char *)"/no/such/directory";
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7203, 0, 1)->outcome, OUTCOME_NOT_STARTED);
}

static void a_script_sees_its_surroundings(void **state)
{
        struct world *w = *state;
        struct proto_pair env = {(char *)"COLOUR", (char *)"blue sky"};
        struct proto_pair input = {(char *)"some-reads", (char *)"/etc"};
        char *args[] = {(char *)"first"};
        struct proto_template t = {.job = 7300,
                                   .name = (char *)"named",
                                   .project = (char *)"proj",
                                   .site = (char *)"there",
                                   .argv = args,
                                   .argc = 1,
                                   .resources = {.cpus = 2},
                                   .env = &env,
                                   .env_count = 1,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .log_head = 1 << 20,
                                   .log_tail = 1 << 20};
        struct data d;

        t.script = (char *)"#!/bin/sh\n"
                           "echo $REEVE_JOB_ID.$REEVE_TASK#$REEVE_ATTEMPT $REEVE_JOB_NAME $REEVE_PROJECT "
                           "$REEVE_CPUS $REEVE_SITE\n"
                           "echo $COLOUR $1 $REEVE_INPUT_1 $REEVE_INPUT_SOME_READS $REEVE_INPUTS\n"
                           "test \"$TMPDIR\" = \"$(pwd)\" && echo same; echo trouble >&2\n";
        attach(w);
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7300, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        read_log(w, READ_STDOUT, 7300, "", 0, 1000, &d);
        assert_int_equal(d.status, READ_OK);
        assert_int_equal(d.final, 1);
        assert_string_equal(d.bytes, "7300.0#1 named proj 2 there\nblue sky first /etc /etc 1\nsame\n");
        read_log(w, READ_STDERR, 7300, "", 0, 1000, &d);
        assert_string_equal(d.bytes, "trouble\n");
}

static void limits_end_an_attempt(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7400, argv, "trap '' TERM; sleep 600; sleep 600");
        struct proto_result *res;

        attach(w);
        t.time_limit_ms = 200;
        run_template(w, &t, 1);
        res = result_of(w, 7400, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_TIME_LIMIT);
        assert_int_equal(living(7400), 0);

        t = shell_job(7401, argv, "head -c 400000000 /dev/zero | tail | sleep 600");
        t.resources.memory = 100 << 20;
        run_template(w, &t, 1);
        res = result_of(w, 7401, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_MEMORY_LIMIT);
        assert_true(res->memory_peak >= (has_groups ? 90u : 100u) << 20);
        assert_int_equal(living(7401), 0);
}

static void a_long_log_keeps_head_and_tail(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7500, argv, "echo begin; head -c 3000000 /dev/zero | tr '\\0' x; echo end");
        struct proto_result *res;
        struct data d;

        attach(w);
        t.log_head = t.log_tail = 65536;
        run_template(w, &t, 1);
        res = result_of(w, 7500, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(res->log_cut, 1);
        assert_int_equal(res->stdout_bytes, 3000010);
        read_log(w, READ_STDOUT, 7500, "", 0, CHUNK_MAX, &d);
        assert_int_equal(d.size, 3000010);
        assert_int_equal(d.gap_start, 65536);
        assert_true(d.gap_end <= 3000010 - 65536 && d.gap_end > 3000010 - 65536 - 8192);
        assert_int_equal(d.len, 65536);
        assert_memory_equal(d.bytes, "begin\nxxx", 9);
        read_log(w, READ_STDOUT, 7500, "", 100000, CHUNK_MAX, &d);
        assert_int_equal(d.offset, d.gap_end);
        assert_string_equal(d.bytes + d.len - 5, "xend\n");
        assert_null(memchr(d.bytes, 0, d.len));
}

static void nothing_of_an_attempt_remains(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7600, argv,
                      "setsid sleep 1000 & sleep 1001 & (setsid sh -c 'sleep 1002 & sleep 1003') & "
                      "sleep 0.1; exit 0");

        attach(w);
        run_template(w, &t, 3);
        for (int i = 0; i < 3; i++)
                assert_int_equal(result_of(w, 7600, i, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(living(7600), 0);
}

/* ---- asking ---- */

static void a_cancel_ends_what_runs_and_what_waits(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7700, argv, "sleep 600");

        w->slots = 1;
        attach(w);
        run_template(w, &t, 2);
        wait_started(w, 7700, 0);
        cancel(w, 7700, 1, 1000);
        assert_int_equal(result_of(w, 7700, 1, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(result_of(w, 7700, 1, 1)->start_wall_ms, 0);
        cancel(w, 7700, 0, 1000);
        assert_int_equal(result_of(w, 7700, 0, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(living(7700), 0);
}

static void a_launch_after_its_cancel_does_not_start(void **state)
{
        struct world *w = *state;
        char *argv[3], script[128];
        struct proto_template t;

        snprintf(script, sizeof script, "echo ran >> %s/ran", w->root);
        t = shell_job(7710, argv, script);
        attach(w);
        cancel(w, 7710, 0, 0);
        assert_int_equal(result_of(w, 7710, 0, 1)->outcome, OUTCOME_NEVER_STARTED);
        acknowledge(w, 7710, 0, 1);
        w->result_count = 0;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7710, 0, 1)->outcome, OUTCOME_NEVER_STARTED);
        client_launch(&w->c, 7710, 1, 1, 1);
        assert_int_equal(result_of(w, 7710, 1, 1)->outcome, OUTCOME_SUCCEEDED);
        snprintf(script, sizeof script, "%s/ran", w->root);
        assert_int_equal(file_length(script), 4);
}

static void a_launch_twice_runs_once(void **state)
{
        struct world *w = *state;
        char *argv[3], script[128];
        struct proto_template t;

        snprintf(script, sizeof script, "echo ran >> %s/ran; sleep 0.2", w->root);
        t = shell_job(7720, argv, script);
        attach(w);
        run_template(w, &t, 1);
        client_launch(&w->c, 7720, 0, 1, 1);
        wait_started(w, 7720, 0);
        client_launch(&w->c, 7720, 0, 1, 1);
        assert_int_equal(result_of(w, 7720, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        client_launch(&w->c, 7720, 0, 2, 1);
        assert_int_equal(result_of(w, 7720, 1, 1)->outcome, OUTCOME_SUCCEEDED);
        snprintf(script, sizeof script, "%s/ran", w->root);
        assert_int_equal(file_length(script), 8);
}

static void capacity_is_never_exceeded(void **state)
{
        struct world *w = *state;
        char *argv[3], script[200];
        struct proto_template t;

        /* Each makes a directory of its own number among two; a third at once would fail. */
        snprintf(script, sizeof script,
                 "cd %s; mkdir a 2>/dev/null && d=a || { mkdir b && d=b; } || exit 9; sleep 0.02; rmdir $d",
                 w->root);
        w->slots = 2;
        t = shell_job(7730, argv, script);
        attach(w);
        run_template(w, &t, 40);
        for (int i = 0; i < 40; i++)
                assert_int_equal(result_of(w, 7730, i, 1)->outcome, OUTCOME_SUCCEEDED);
}

static void a_running_log_can_be_read(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7740, argv, "echo hello; sleep 600");
        struct data d;

        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7740, 0);
        do
                read_log(w, READ_STDOUT, 7740, "", 0, 100, &d);
        while (d.len == 0);
        assert_string_equal(d.bytes, "hello\n");
        assert_int_equal(d.final, 0);
        cancel(w, 7740, 0, 0);
        assert_int_equal(result_of(w, 7740, 0, 1)->outcome, OUTCOME_CANCELLED);
}

static void wait_progress(struct world *w, const char *text)
{
        while (strcmp(w->progress.text, text) != 0) {
                assert_true(client_next(&w->c, PATIENCE_MS));
                hear(w);
        }
}

static void progress_is_told_and_told_again_to_a_new_engine(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7750, argv,
                      "reeve progress 25% by command; until test -e ../../../go; do "
                      "sleep 0.1; done; echo '##reeve progress 3/4 by line'; sleep 600");
        AUTO_FREE char *go = xasprintf("%s/go", w->root);

        attach(w);
        run_template(w, &t, 1);
        wait_progress(w, "by command");
        assert_int_equal(w->progress.fraction, 2500);
        assert_int_equal(mkdir(go, 0700), 0);
        wait_progress(w, "by line");
        assert_int_equal(w->progress.fraction, 7500);
        detach(w);
        memset(&w->progress, 0, sizeof w->progress);
        w->epoch++;
        attach(w);
        wait_progress(w, "by line");
        cancel(w, 7750, 0, 0);
        assert_int_equal(result_of(w, 7750, 0, 1)->outcome, OUTCOME_CANCELLED);
}

static void reading_stays_inside_the_store(void **state)
{
        static const char *const paths[] = {"../spool.id", "/etc/passwd", "link", "link/passwd",
                                            "a/../../spool.id"};
        struct world *w = *state;
        char path[160];
        struct data d;

        attach(w);
        snprintf(path, sizeof path, "%s/store/link", w->root);
        assert_int_equal(symlink("/etc", path), 0);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                read_log(w, READ_STORE, 1, paths[i], 0, 100, &d);
                assert_int_not_equal(d.status, READ_OK);
        }
        read_log(w, READ_PATH, 1, "/etc/passwd", 0, 100, &d);
        assert_int_equal(d.status, READ_OK);
}

/* ---- outputs ---- */

static void outputs_are_kept_and_listed(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        char *patterns[] = {(char *)"out/**/*.txt", (char *)"result"};
        struct proto_template t =
            shell_job(7800, argv,
                      "mkdir -p out/deep; printf abc > out/a.txt; printf abc > out/deep/b.txt; "
                      "echo no > out/c.log; printf abc > result; ln -s /etc/passwd out/l.txt");
        uint8_t sum[32];
        struct data d;

        t.outputs = patterns;
        t.output_count = 2;
        t.output_dataset = (char *)"set-1";
        attach(w);
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7800, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(result_of(w, 7800, 0, 1)->output_count, 3);
        assert_int_equal(w->file_count, 3);
        crypto_hash_sha256(sum, (const uint8_t *)"abc", 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(w->files[i].size, 3);
                assert_memory_equal(w->files[i].sha256, sum, 32);
                snprintf(path, sizeof path, "set-1/0/%s", w->files[i].path);
                read_log(w, READ_STORE, 7800, path, 0, 100, &d);
                assert_string_equal(d.bytes, "abc");
        }
        assert_string_equal(w->files[0].path, "out/a.txt");
        assert_string_equal(w->files[1].path, "out/deep/b.txt");
        assert_string_equal(w->files[2].path, "result");

        /* Not acknowledged: the list comes again before the result. */
        detach(w);
        w->epoch++;
        attach(w);
        result_of(w, 7800, 0, 1);
        assert_int_equal(w->file_count, 6);
}

static void a_missing_output_is_named(void **state)
{
        struct world *w = *state;
        char *argv[3];
        char *patterns[] = {(char *)"made", (char *)"not-made*"};
        struct proto_template t = shell_job(7810, argv, "echo > made");

        t.outputs = patterns;
        t.output_count = 2;
        t.output_dataset = (char *)"set-2";
        attach(w);
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7810, 0, 1)->outcome, OUTCOME_OUTPUT_MISSING);
        assert_non_null(strstr(result_of(w, 7810, 0, 1)->text, "not-made*"));
}

static void a_scan_lists_every_file(void **state)
{
        struct world *w = *state;
        char path[160];
        size_t mark;
        struct reader r;
        uint32_t files = 0;

        attach(w);
        for (int i = 0; i < 600; i++) {
                snprintf(path, sizeof path, "%s/store/f%03d", w->root, i);
                close(open(path, O_CREAT | O_WRONLY, 0600));
        }
        snprintf(path, sizeof path, "%s/store", w->root);
        mark = frame_begin(&w->c.to, P_SCAN);
        buf_u32(&w->c.to, 5);
        buf_str(&w->c.to, path);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        for (;;) {
                assert_true(client_next(&w->c, PATIENCE_MS));
                reader_init(&r, w->c.frame.payload, w->c.frame.len);
                if (w->c.frame.type == P_SCAN_END)
                        break;
                if (w->c.frame.type != P_SCANNED)
                        continue;
                (void)reader_u32(&r);
                (void)reader_u64(&r);
                (void)reader_u64(&r);
                files += reader_u32(&r);
        }
        assert_int_equal(reader_u32(&r), 5);
        assert_int_equal(reader_u8(&r), READ_OK);
        assert_int_equal(reader_u8(&r), 0);
        assert_int_equal(files, 600);
}

/* ---- what survives ---- */

static void a_result_comes_again_until_acknowledged(void **state)
{
        struct world *w = *state;

        attach(w);
        run_shell(w, 7900, "exit 3");
        for (int i = 0; i < 2; i++) {
                detach(w);
                w->epoch++;
                attach(w);
                assert_int_equal(w->snapshot_count, 1);
                assert_int_equal(result_of(w, 7900, 0, 1)->code, 3);
        }
        acknowledge(w, 7900, 0, 1);
        settle(w);
        detach(w);
        w->epoch++;
        attach(w);
        assert_int_equal(w->snapshot_count, 0);
}

static void an_older_epoch_is_fenced(void **state)
{
        struct world *w = *state;
        char *argv[] = {worker, "attach", "--root", w->root, NULL};
        struct client_hello hello = {
            .epoch = 4, .lease_ms = 1000, .heartbeat_ms = 100, .cpus = 1, .slots = 1};
        struct client old;
        struct reader r;

        w->epoch = 5;
        attach(w);
        assert_int_equal(client_start(&old, argv), 0);
        assert_true(client_skip_magic(&old, PATIENCE_MS));
        client_hello(&old, &hello);
        assert_true(client_next(&old, PATIENCE_MS));
        assert_int_equal(old.frame.type, P_FENCED);
        reader_init(&r, old.frame.payload, old.frame.len);
        assert_int_equal(reader_u64(&r), 5);
        assert_false(client_next(&old, PATIENCE_MS));
        client_end(&old);
        assert_int_equal(run_shell(w, 7910, "true")->outcome, OUTCOME_SUCCEEDED);
}

static void the_newer_connection_wins(void **state)
{
        struct world *w = *state;
        struct client first;

        attach(w);
        first = w->c;
        attach(w);
        while (client_next(&first, PATIENCE_MS))
                continue;
        client_end(&first);
        assert_int_equal(run_shell(w, 7920, "true")->outcome, OUTCOME_SUCCEEDED);
}

static void a_killed_agent_changes_nothing(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        struct proto_template t;
        pid_t agent;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done; echo done", w->root);
        t = shell_job(7930, argv, path);
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7930, 0);
        agent = agent_pid(w);
        assert_true(agent > 0);
        assert_int_equal(kill(agent, SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        assert_int_equal(w->snapshot_count, 1);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7930, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(result_of(w, 7930, 0, 1)->stdout_bytes, 5);
}

static void a_killed_keeper_doubles_nothing(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;
        pid_t keeper;

        snprintf(path, sizeof path, "echo ran >> %s/ran; until test -e %s/go; do sleep 0.05; done", w->root,
                 w->root);
        w->slots = 1;
        t = shell_job(7940, argv, path);
        attach(w);
        run_template(w, &t, 2);
        wait_started(w, 7940, 0);
        keeper = keeper_pid(w);
        assert_int_equal(kill(keeper, SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        assert_int_not_equal(keeper_pid(w), keeper);
        assert_int_equal(w->snapshot_count, 2);
        assert_true(living(7940) > 0);
        wait_started(w, 7940, 0);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7940, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(result_of(w, 7940, 1, 1)->outcome, OUTCOME_SUCCEEDED);
        snprintf(path, sizeof path, "%s/ran", w->root);
        assert_int_equal(file_length(path), 8);
}

static pid_t guard_pid(const struct world *w)
{
        char text[96];
        pid_t pid = 0;

        snprintf(text, sizeof text, "guard --root %s", w->root);
        processes_with("cmdline", text, &pid);
        return pid;
}

/* Kill the keeper, and attach to the next. */
static void lose_keeper(struct world *w)
{
        assert_int_equal(kill(keeper_pid(w), SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
}

static void adopted_attempts_end_as_they_do(void **state)
{
        static const struct {
                const char *how;
                enum outcome outcome;
                int code;
        } cases[] = {
            {"echo told", OUTCOME_SUCCEEDED, 0},
            {"exit 7", OUTCOME_EXIT, 7},
            {"kill -9 $$", OUTCOME_SIGNAL, 9},
        };
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;

        attach(w);
        for (size_t i = 0; i < 3; i++) {
                snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done; %s", w->root,
                         cases[i].how);
                t = shell_job(7941 + (int64_t)i, argv, path);
                run_template(w, &t, 1);
                wait_started(w, t.job, 0);
        }
        lose_keeper(w);
        /* The next one is killed as well, and finds the same guard above it. */
        lose_keeper(w);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        for (size_t i = 0; i < 3; i++) {
                const struct proto_result *res = result_of(w, 7941 + (int64_t)i, 0, 1);

                assert_int_equal(res->outcome, cases[i].outcome);
                assert_int_equal(res->code, cases[i].code);
                assert_true(res->wall_us > 0 && res->memory_peak > 0);
        }
        assert_int_equal(result_of(w, 7941, 0, 1)->stdout_bytes, 5);
}

static void what_ends_while_no_keeper_lives_is_known(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;
        pid_t agent, keeper, guard;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.02; done; exit 3", w->root);
        t = shell_job(7945, argv, path);
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7945, 0);
        agent = agent_pid(w);
        keeper = keeper_pid(w);
        guard = guard_pid(w);
        kill(agent, SIGSTOP);
        kill(keeper, SIGKILL);
        kill(agent, SIGKILL);
        detach(w);
        wait_until(is_gone(agent) && is_gone(keeper));
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        wait_until(living(7945) == 0 && is_gone(guard));
        attach(w);
        assert_int_equal(result_of(w, 7945, 0, 1)->outcome, OUTCOME_EXIT);
        assert_int_equal(result_of(w, 7945, 0, 1)->code, 3);
}

static void without_its_guard_an_adopted_attempt_vanishes(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done", w->root);
        t = shell_job(7946, argv, path);
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7946, 0);
        assert_int_equal(kill(guard_pid(w), SIGKILL), 0);
        lose_keeper(w);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7946, 0, 1)->outcome, OUTCOME_VANISHED);
}

static void an_adopted_attempt_can_be_cancelled(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7950, argv, "setsid sleep 600 & sleep 600");

        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7950, 0);
        assert_int_equal(kill(keeper_pid(w), SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        cancel(w, 7950, 0, 100);
        assert_int_equal(result_of(w, 7950, 0, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(living(7950), 0);
}

static void many_attempts_survive_a_killed_keeper_once(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        struct proto_template t;
        int lines = 0, vanished = 0;
        FILE *f;
        static char seen[200];

        snprintf(path, sizeof path, "echo $REEVE_TASK >> %s/ran", w->root);
        t = shell_job(7960, argv, path);
        attach(w);
        run_template(w, &t, 200);
        result_of(w, 7960, 20, 1);
        assert_int_equal(kill(keeper_pid(w), SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 200; i++) {
                const struct proto_result *res = result_of(w, 7960, i, 1);

                assert_true(res->outcome == OUTCOME_SUCCEEDED || res->outcome == OUTCOME_VANISHED);
                vanished += res->outcome == OUTCOME_VANISHED;
        }
        assert_true(vanished <= 16);
        snprintf(path, sizeof path, "%s/ran", w->root);
        f = fopen(path, "r");
        assert_non_null(f);
        while (fgets(path, sizeof path, f)) {
                int task = atoi(path);

                assert_true(task >= 0 && task < 200);
                assert_int_equal(seen[task], 0);
                seen[task] = 1;
                lines++;
        }
        fclose(f);
        assert_true(lines >= 200 - vanished);
}

static void the_lease_ends_what_runs_and_what_waits(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7970, argv, "sleep 600");

        w->slots = 1;
        w->lease_ms = 700;
        attach(w);
        run_template(w, &t, 2);
        wait_started(w, 7970, 0);
        w->c.no_grants = true;
        assert_int_equal(result_of(w, 7970, 0, 1)->outcome, OUTCOME_LEASE_EXPIRED);
        assert_int_equal(result_of(w, 7970, 1, 1)->outcome, OUTCOME_LEASE_EXPIRED);
        assert_int_equal(living(7970), 0);
        /* Without a lease nothing starts; with one it does. */
        client_launch(&w->c, 7970, 5, 1, 1);
        w->c.no_grants = false;
        wait_started(w, 7970, 5);
        cancel(w, 7970, 5, 0);
        assert_int_equal(result_of(w, 7970, 5, 1)->outcome, OUTCOME_CANCELLED);
}

static void a_full_directory_ends_its_attempt(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7410, argv, "head -c 3000000 /dev/zero > big; sleep 600");

        attach(w);
        t.disk_limit = 1 << 20;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7410, 0, 1)->outcome, OUTCOME_OUTPUT_LIMIT);
        assert_int_equal(living(7410), 0);
}

static void stop_when_idle_lets_work_end(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        struct proto_template t;
        pid_t keeper;
        size_t mark;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done", w->root);
        t = shell_job(7980, argv, path);
        attach(w);
        keeper = keeper_pid(w);
        run_template(w, &t, 1);
        wait_started(w, 7980, 0);
        mark = frame_begin(&w->c.to, P_STOP);
        buf_u8(&w->c.to, STOP_WHEN_IDLE);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7980, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        wait_until(is_gone(keeper));
        /* A new worker on the same root still has the result. */
        detach(w);
        attach(w);
        assert_int_equal(result_of(w, 7980, 0, 1)->outcome, OUTCOME_SUCCEEDED);
}

static void a_broken_frame_ends_the_connection_only(void **state)
{
        struct world *w = *state;
        size_t mark;

        attach(w);
        mark = frame_begin(&w->c.to, P_LAUNCH);
        buf_u64(&w->c.to, 1);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        assert_int_equal(run_shell(w, 7990, "true")->outcome, OUTCOME_SUCCEEDED);
}

/* ---- ---- */

/* ---- in control groups, where root can hand some over ---- */

/* What the worker finds out about them: "cgroup1", "cgroup2" or "none". */
static void group_word(char ret[16])
{
        char command[PATH_MAX + 16], line[1024] = "";
        const char *word;
        FILE *f;

        snprintf(command, sizeof command, "%s facts", worker);
        f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(pclose(f), 0);
        word = strstr(line, " cgroup=");
        assert_non_null(word);
        assert_int_equal(sscanf(word, " cgroup=%15s", ret), 1);
}

static bool limits_are_by_group(void)
{
        char word[16];

        if (!has_groups)
                return false;
        group_word(word);
        return strcmp(word, "none") != 0;
}

/* Groups below the bases that the worker noted. */
static int groups_left(const struct world *w)
{
        char path[96], line[700];
        int n = 0;
        FILE *f;

        snprintf(path, sizeof path, "%s/cgroups", w->root);
        f = fopen(path, "r");
        assert_non_null(f);
        while (fgets(line, sizeof line, f)) {
                struct dirent *e;
                DIR *d;

                line[strcspn(line, "\n")] = '\0';
                d = opendir(strchr(line, ' ') + 1);
                while (d && (e = readdir(d)))
                        n += e->d_type == DT_DIR && e->d_name[0] != '.';
                if (d)
                        closedir(d);
        }
        fclose(f);
        return n;
}

/* 64 MiB read into memory. */
#define EATS_MEMORY "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null"

static void a_group_tells_its_memory_limit_exactly(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7980, argv, EATS_MEMORY);
        struct proto_result *res;

        if (!limits_are_by_group())
                skip();
        attach(w);
        t.resources.memory = 24 << 20;
        run_template(w, &t, 1);
        res = result_of(w, 7980, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_MEMORY_LIMIT);
        assert_non_null(strstr(res->text, "24 MiB"));

        /* The same below the limit, in one moment: the peak is that of all processes together. */
        t = shell_job(7981, argv, EATS_MEMORY " & " EATS_MEMORY " & wait");
        t.resources.memory = 512 << 20;
        run_template(w, &t, 1);
        res = result_of(w, 7981, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_SUCCEEDED);
        assert_true(res->memory_peak > 64 << 20 && res->memory_peak < 512 << 20);

        /* A part of it was killed, and the rest waits: it goes too. */
        t = shell_job(7982, argv, EATS_MEMORY "; sleep 600");
        t.resources.memory = 24 << 20;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7982, 0, 1)->outcome, OUTCOME_MEMORY_LIMIT);
        assert_int_equal(living(7982), 0);

        /* Less than a program needs to begin with is an error of this attempt and of nothing else. */
        t = shell_job(7983, argv, "exit 0");
        t.resources.memory = 4096;
        run_template(w, &t, 1);
        assert_int_not_equal(result_of(w, 7983, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(run_shell(w, 7984, "exit 0")->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(groups_left(w), 0);
}

static void a_group_holds_a_fork_bomb(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7985, argv, "for i in 1 2 3 4 5 6 7 8 9; do setsid sleep 600 & done; wait");
        struct proto_result *res;

        if (!limits_are_by_group())
                skip();
        attach(w);
        t.process_limit = 6;
        run_template(w, &t, 1);
        res = result_of(w, 7985, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_EXIT);
        assert_non_null(strstr(res->text, "6 processes"));
        assert_int_equal(living(7985), 0);

        t = shell_job(7986, argv, "bomb() { bomb | bomb & }; bomb; sleep 600");
        t.process_limit = 40;
        run_template(w, &t, 1);
        wait_started(w, 7986, 0);
        cancel(w, 7986, 0, 0);
        assert_int_equal(result_of(w, 7986, 0, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(living(7986), 0);
        assert_int_equal(groups_left(w), 0);
}

static void nothing_leaves_its_group(void **state)
{
        struct world *w = *state;
        char *argv[3];
        /* No mark in its environment, a session of its own, and not a child of the attempt any more. */
        struct proto_template t = shell_job(
            7987, argv, "(env -i setsid sleep 77879 &) ; until pgrep -x -f 'sleep 77879'; do :; done");

        if (!has_groups)
                skip();
        attach(w);
        t.resources.memory = 1 << 30;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7987, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(processes_with("cmdline", "sleep 77879", NULL), 0);
        assert_int_equal(groups_left(w), 0);
}

static void groups_outlive_a_killed_keeper(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;

        if (!limits_are_by_group())
                skip();
        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done; " EATS_MEMORY, w->root);
        t = shell_job(7988, argv, path);
        t.resources.memory = 24 << 20;
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7988, 0);
        lose_keeper(w);
        assert_true(groups_left(w) > 0);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7988, 0, 1)->outcome, OUTCOME_MEMORY_LIMIT);
        assert_int_equal(groups_left(w), 0);
}

/* Make groups below our own that the ordinary account may use, and enter them. */
static void groups_give(char paths[CGROUP_KINDS][CGROUP_PATH_MAX + 32], uid_t uid)
{
        static const char *const controllers[CGROUP_KINDS] = {"", "memory", "pids"};
        static const char *const files[] = {"", "/cgroup.procs", "/cgroup.subtree_control"};
        char mounts[65536] = "", own[4096] = "", path[CGROUP_KINDS * (CGROUP_PATH_MAX + 64)];
        int fd;

        fd = open("/proc/self/mountinfo", O_RDONLY);
        has_groups = read(fd, mounts, sizeof mounts - 1) > 0;
        close(fd);
        fd = open("/proc/self/cgroup", O_RDONLY);
        has_groups &= read(fd, own, sizeof own - 1) > 0;
        close(fd);
        for (int k = 0; k < CGROUP_KINDS; k++) {
                char at[CGROUP_PATH_MAX];

                paths[k][0] = '\0';
                if (!has_groups || !cgroup_locate(mounts, own, controllers[k], at))
                        continue;
                snprintf(paths[k], sizeof paths[k], "%s/reeve-test-%d", at, getpid());
                if (mkdir(paths[k], 0755) < 0) {
                        paths[k][0] = '\0';
                        continue;
                }
                for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                        snprintf(path, sizeof path, "%s%s", paths[k], files[i]);
                        if (chown(path, uid, (gid_t)-1) < 0 && i < 2)
                                has_groups = false;
                }
        }
}

static bool groups_enter(char paths[CGROUP_KINDS][CGROUP_PATH_MAX + 32])
{
        int entered = 0;

        for (int k = 0; k < CGROUP_KINDS; k++) {
                char path[CGROUP_KINDS * (CGROUP_PATH_MAX + 64)];
                int fd;

                snprintf(path, sizeof path, "%s/cgroup.procs", paths[k]);
                fd = paths[k][0] ? open(path, O_WRONLY) : -1;
                entered += fd >= 0 && write(fd, "0", 1) == 1;
                if (fd >= 0)
                        close(fd);
        }
        return entered > 0;
}

/* As root: a child of ours runs the tests in groups of its own, and here we see that it left none behind.
 * Returns in the child, or with the exit code in *ret_code. */
static bool run_in_groups(int *ret_code)
{
        const struct passwd *p = geteuid() == 0 ? getpwnam("postgres") : NULL;
        char paths[CGROUP_KINDS][CGROUP_PATH_MAX + 32];
        int status = 0;
        pid_t pid;

        if (!p)
                return true;
        groups_give(paths, p->pw_uid);
        pid = fork();
        if (pid == 0) {
                has_groups = has_groups && groups_enter(paths);
                return true;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        for (int k = 0; k < CGROUP_KINDS; k++) {
                int64_t give_up = clock_boot_ms() + PATIENCE_MS;

                /* The worker's last process may not be gone yet. */
                while (paths[k][0] && rmdir(paths[k]) < 0 && errno == EBUSY && clock_boot_ms() < give_up)
                        poll(NULL, 0, 5);
                if (paths[k][0] && access(paths[k], F_OK) == 0) {
                        fprintf(stderr, "a control group was left in %s\n", paths[k]);
                        *ret_code = 1;
                }
        }
        return false;
}

static int become_ordinary(void)
{
        static const char *const names[] = {"postgres", "nobody"};

        if (geteuid() != 0)
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const struct passwd *p = getpwnam(names[i]);

                if (p && setgroups(0, NULL) == 0 && setgid(p->pw_gid) == 0 && setuid(p->pw_uid) == 0)
                        return 0;
        }
        return -1;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
            WORLD_TEST(outcomes_are_told_as_they_are),
            WORLD_TEST(what_cannot_start_says_why),
            WORLD_TEST(a_script_sees_its_surroundings),
            WORLD_TEST(limits_end_an_attempt),
            WORLD_TEST(a_full_directory_ends_its_attempt),
            WORLD_TEST(a_long_log_keeps_head_and_tail),
            WORLD_TEST(nothing_of_an_attempt_remains),
            WORLD_TEST(a_cancel_ends_what_runs_and_what_waits),
            WORLD_TEST(a_launch_after_its_cancel_does_not_start),
            WORLD_TEST(a_launch_twice_runs_once),
            WORLD_TEST(capacity_is_never_exceeded),
            WORLD_TEST(a_running_log_can_be_read),
            WORLD_TEST(progress_is_told_and_told_again_to_a_new_engine),
            WORLD_TEST(reading_stays_inside_the_store),
            WORLD_TEST(outputs_are_kept_and_listed),
            WORLD_TEST(a_missing_output_is_named),
            WORLD_TEST(a_scan_lists_every_file),
            WORLD_TEST(a_result_comes_again_until_acknowledged),
            WORLD_TEST(an_older_epoch_is_fenced),
            WORLD_TEST(the_newer_connection_wins),
            WORLD_TEST(a_killed_agent_changes_nothing),
            WORLD_TEST(a_killed_keeper_doubles_nothing),
            WORLD_TEST(adopted_attempts_end_as_they_do),
            WORLD_TEST(what_ends_while_no_keeper_lives_is_known),
            WORLD_TEST(without_its_guard_an_adopted_attempt_vanishes),
            WORLD_TEST(an_adopted_attempt_can_be_cancelled),
            WORLD_TEST(many_attempts_survive_a_killed_keeper_once),
            WORLD_TEST(the_lease_ends_what_runs_and_what_waits),
            WORLD_TEST(stop_when_idle_lets_work_end),
            WORLD_TEST(a_broken_frame_ends_the_connection_only),
            WORLD_TEST(a_group_tells_its_memory_limit_exactly),
            WORLD_TEST(a_group_holds_a_fork_bomb),
            WORLD_TEST(nothing_leaves_its_group),
            WORLD_TEST(groups_outlive_a_killed_keeper),
        };
        char self[PATH_MAX];
        int code = 0;

        if (!realpath(argv[0], self) || argc < 1)
                return 1;
        /* build/tests/test_worker_run -> build/reeve-worker */
        *strrchr(self, '/') = '\0';
        *strrchr(self, '/') = '\0';
        snprintf(worker, sizeof worker, "%.4000s/reeve-worker", self);
        if (!run_in_groups(&code))
                return code;
        if (become_ordinary() < 0) {
                printf("skipped: there is no ordinary account to run a worker under\n");
                return 0;
        }
        if (chdir("/") < 0)
                return 1;
        setenv("HOME", "/tmp", 1);
        setenv("USER", "tester", 1);
        signal(SIGPIPE, SIG_IGN);
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return cmocka_run_group_tests_name("worker_run", tests, NULL, NULL);
}
