/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - for tests: a worker of one's own, driven over the pipes of `reeve-worker attach` as the engine
 * would.
 *
 * Header only, because every test is a program of its own. Include cmocka first. Run as root a test drops to
 * an ordinary account first, as the worker refuses root.
 */
#ifndef REEVE_HOLLOW_WORLD_H
#define REEVE_HOLLOW_WORLD_H

#include "tests/support/hollow/client.h"
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

static inline void hear_results(struct world *w, struct reader *r)
{
        for (uint32_t n = reader_u32(r); n; n--) {
                assert_true(w->result_count < 256);
                get_result(r, &w->results[w->result_count++]);
        }
        assert_false(r->bad);
        assert_int_equal(reader_left(r), 0);
}

static inline void hear(struct world *w)
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

static inline void attach(struct world *w)
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

static inline void detach(struct world *w)
{
        if (w->attached)
                client_end(&w->c);
        w->attached = false;
}

static inline struct proto_result *result_of(struct world *w, int64_t job, int task, int attempt)
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

static inline void wait_started(struct world *w, int64_t job, int task)
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

static inline void acknowledge(struct world *w, int64_t job, int task, int attempt)
{
        client_ack(&w->c, &(struct attempt_key){job, task, attempt}, 1);
}

/* Until everything sent before has been handled. */
static inline void settle(struct world *w)
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

static inline struct proto_template shell_job(int64_t job, char **argv, const char *script)
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

static inline void run_template(struct world *w, const struct proto_template *t, uint32_t count)
{
        client_template(&w->c, t);
        client_launch(&w->c, t->job, 0, count, 1);
}

/* Launch task 0 of a shell job and return its result. */
static inline struct proto_result *run_shell(struct world *w, int64_t job, const char *script)
{
        char *argv[3];
        struct proto_template t = shell_job(job, argv, script);

        run_template(w, &t, 1);
        return result_of(w, job, 0, 1);
}

static inline void cancel(struct world *w, int64_t job, int task, uint32_t grace_ms)
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

static inline void read_log(struct world *w, enum read_what what, int64_t job, const char *path,
                            uint64_t offset, uint32_t length, struct data *ret)
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

static inline pid_t keeper_pid(const struct world *w)
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
static inline int processes_with(const char *file, const char *text, pid_t *ret_last)
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
static inline int living(int64_t job)
{
        char text[64];

        snprintf(text, sizeof text, "REEVE_JOB_ID=%lld ", (long long)job);
        return processes_with("environ", text, NULL);
}

/* The child of the keeper; the agent's own helpers look alike. */
static inline pid_t agent_pid(const struct world *w)
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

static inline bool is_gone(pid_t pid)
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

static inline size_t file_length(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* Kill the keeper, and attach to the next. */
static inline void lose_keeper(struct world *w)
{
        assert_int_equal(kill(keeper_pid(w), SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
}

/* ---- each test has a worker of its own ---- */

static inline int world_open(void **state)
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

static inline int world_close(void **state)
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

static inline int become_ordinary(void)
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

/* build/tests/test_x -> build/reeve-worker */
static inline bool worker_find(const char *argv0)
{
        char self[PATH_MAX];

        if (!realpath(argv0, self))
                return false;
        *strrchr(self, '/') = '\0';
        *strrchr(self, '/') = '\0';
        snprintf(worker, sizeof worker, "%.4000s/reeve-worker", self);
        return true;
}

/* False: there is no ordinary account to run a worker under, which was said. */
static inline bool worker_test_begin(void)
{
        if (become_ordinary() < 0 || chdir("/") < 0) {
                printf("skipped: there is no ordinary account to run a worker under\n");
                return false;
        }
        setenv("HOME", "/tmp", 1);
        setenv("USER", "tester", 1);
        signal(SIGPIPE, SIG_IGN);
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return true;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

#endif
