/* SPDX-License-Identifier: Apache-2.0 */
/* transfer_world.h - for tests: files moved between real workers. The stream between them is a socket pair
 * held by the test, so that it can be cut, be silent, and lie.
 *
 * Header only, because every test is a program of its own. Include cmocka first. Run as root a test drops to
 * an ordinary account first, as the worker refuses root.
 */
#ifndef REEVE_HOLLOW_TRANSFER_WORLD_H
#define REEVE_HOLLOW_TRANSFER_WORLD_H

#include "common/transfers.h"
#include "tests/support/hollow/client.h"
#include "worker/landing.h"
#include "worker/sha256.h"
#include "worker/stream.h"

#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PATIENCE_MS 30000
#define BIG         (5u << 20)

static char worker[PATH_MAX];
static char small_disk[64];    /* a file system of SMALL_DISK bytes; "" without the right to mount one */
#define SMALL_DISK (24u << 20) /* the worker keeps 8 MiB of it for its journal */

struct end {
        char root[64];
        struct client c;
        uint64_t epoch;
        bool attached;
};

struct world {
        struct end from, to;
        char dir[64]; /* of source files */
        struct transfer_list list;
        struct transfer_pulled pulled[256];
        uint32_t pulled_count;
        struct transfer_close close;
        pid_t sender, receiver;
        uint64_t id;
        uint32_t turn;
};

/* ---- ends ---- */

static inline void attach(struct end *e)
{
        char *argv[] = {worker, "attach", "--root", e->root, NULL};
        struct client_hello hello = {
            .epoch = ++e->epoch, .lease_ms = 60000, .heartbeat_ms = 1000, .cpus = 1, .slots = 1};

        assert_int_equal(client_start(&e->c, argv), 0);
        assert_true(client_skip_magic(&e->c, PATIENCE_MS));
        client_hello(&e->c, &hello);
        do {
                assert_true(client_next(&e->c, PATIENCE_MS));
        } while (e->c.frame.type != P_SNAPSHOT_END);
        e->attached = true;
}

static inline void detach(struct end *e)
{
        if (e->attached)
                client_end(&e->c);
        e->attached = false;
}

static inline void end_stop(struct end *e)
{
        AUTO_FREE char *command = xasprintf("%s stop --root %s && rm -rf %s", worker, e->root, e->root);

        detach(e);
        assert_int_equal(system(command), 0);
}

/* ---- files ---- */

/* Content that depends on name and place. */
static inline void fill(uint8_t *to, size_t n, unsigned seed)
{
        uint32_t x = seed * 2654435761u + 1;

        for (size_t i = 0; i < n; i++) {
                x = x * 1664525u + 1013904223u;
                to[i] = (uint8_t)(x >> 24);
        }
}

static inline void write_file(const char *path, const void *p, size_t n)
{
        AUTO_FREE char *parent = xasprintf("mkdir -p \"$(dirname '%s')\"", path);
        FILE *f;

        assert_int_equal(system(parent), 0);
        unlink(path);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(p, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
}

/* A file at the source and in the list. */
static inline void add_file(struct world *w, const char *path, size_t size)
{
        AUTO_FREE uint8_t *bytes = xmalloc(size + 1);
        AUTO_FREE char *full = xasprintf("%s/%s", w->dir, path);
        uint8_t sha256[32];
        struct sha256 s;

        fill(bytes, size, w->list.count + 1);
        write_file(full, bytes, size);
        sha256_init(&s);
        sha256_add(&s, bytes, size);
        sha256_end(&s, sha256);
        transfer_list_add(&w->list, path, size, sha256);
}

static inline void usual_files(struct world *w)
{
        add_file(w, "empty", 0);
        add_file(w, "one", 1);
        add_file(w, "deep/er/small", 4096);
        add_file(w, "big", BIG);
        add_file(w, "deep/edge", STREAM_CHUNK / 4);
        add_file(w, "deep/edge+1", STREAM_CHUNK / 4 + 1);
        /* The same content twice: their parts must not meet. */
        transfer_list_add(&w->list, "twin", BIG, w->list.entries[3].sha256);
        {
                AUTO_FREE char *copy = xasprintf("cp %s/big %s/twin", w->dir, w->dir);

                assert_int_equal(system(copy), 0);
        }
}

static char *landed(struct world *w, const char *path)
{
        return xasprintf("%s/" DATA_DIR "/d1/%s", w->to.root, path);
}

static inline bool lies_there(struct world *w, const char *path)
{
        AUTO_FREE char *full = landed(w, path);

        return access(full, F_OK) == 0;
}

/* Every file of the list that is visible is whole. Returns how many are. */
static inline uint32_t visible_and_whole(struct world *w)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < w->list.count; i++) {
                AUTO_FREE char *at = landed(w, w->list.entries[i].path);
                AUTO_FREE char *command =
                    xasprintf("cmp -s '%s/%s' '%s'", w->dir, w->list.entries[i].path, at);

                if (access(at, F_OK) < 0)
                        continue;
                assert_int_equal(system(command), 0);
                n++;
        }
        return n;
}

static inline int parts_left(struct world *w)
{
        AUTO_FREE char *path = xasprintf("%s/" PARTS_DIR, w->to.root);
        DIR *d = opendir(path);
        int n = 0;

        while (d && readdir(d))
                n++;
        if (d)
                closedir(d);
        return d ? n - 2 : 0;
}

/* ---- orders ---- */

static inline void send_list(struct client *c, uint8_t type, uint64_t id, const struct transfer_list *l)
{
        uint32_t at = 0;

        while (at < l->count) {
                size_t mark = frame_begin(&c->to, type);

                buf_u64(&c->to, id);
                put_transfer_entries(&c->to, l, &at);
                frame_end(&c->to, mark);
        }
        assert_true(client_flush(c));
}

static inline struct transfer_close offered(struct world *w, struct end *e)
{
        struct transfer_close c;
        struct reader r;

        do {
                assert_true(client_next(&e->c, PATIENCE_MS));
        } while (e->c.frame.type != P_OFFERED);
        reader_init(&r, e->c.frame.payload, e->c.frame.len);
        get_transfer_close(&r, &c);
        assert_false(r.bad);
        assert_int_equal(c.id, w->id);
        return c;
}

static inline void offer_of(struct world *w, struct end *e, const struct transfer_offer *o)
{
        size_t mark = frame_begin(&e->c.to, P_OFFER);

        put_transfer_offer(&e->c.to, o);
        frame_end(&e->c.to, mark);
        send_list(&e->c, P_OFFER_FILES, w->id, &w->list);
}

static inline void offer(struct world *w, struct end *e)
{
        struct transfer_offer o = {.id = w->id, .seconds = 600, .from = w->dir, .total = w->list.count};

        o.public_key = o.authorized_keys = (char *)"";
        offer_of(w, e, &o);
        assert_int_equal(offered(w, e).kind, MOVE_DONE);
}

static inline struct transfer_pull usual_pull(struct world *w, enum transfer_way way)
{
        return (struct transfer_pull){.id = w->id,
                                      .turn = ++w->turn,
                                      .way = (uint8_t)way,
                                      .to = (char *)"d1",
                                      .total = w->list.count,
                                      .keep_free = 1};
}

static inline void order(struct world *w, const struct transfer_pull *p)
{
        size_t mark = frame_begin(&w->to.c.to, P_PULL);

        put_transfer_pull(&w->to.c.to, p);
        frame_end(&w->to.c.to, mark);
        send_list(&w->to.c, P_PULL_FILES, w->id, &w->list);
        w->pulled_count = 0;
}

static inline void hear(struct world *w)
{
        struct reader r;

        assert_true(client_next(&w->to.c, PATIENCE_MS));
        reader_init(&r, w->to.c.frame.payload, w->to.c.frame.len);
        if (w->to.c.frame.type == P_PULLED) {
                assert_int_equal(reader_u64(&r), w->id);
                assert_int_equal(reader_u32(&r), w->turn);
                for (uint32_t n = reader_u32(&r); n; n--) {
                        assert_true(w->pulled_count < ARRAY_LEN(w->pulled));
                        get_transfer_pulled(&r, &w->pulled[w->pulled_count++]);
                }
                assert_false(r.bad);
        } else if (w->to.c.frame.type == P_PULL_END) {
                get_transfer_close(&r, &w->close);
                assert_false(r.bad);
        }
}

static inline bool hear_taken(struct world *w)
{
        do {
                hear(w);
                if (w->to.c.frame.type == P_PULL_END)
                        return false;
        } while (w->to.c.frame.type != P_PULLING);
        return true;
}

static inline enum move_end ending(struct world *w)
{
        do {
                hear(w);
        } while (w->to.c.frame.type != P_PULL_END || w->close.turn != w->turn);
        return (enum move_end)w->close.kind;
}

static inline pid_t run_end(const char *command, const char *root, uint64_t id, int fd)
{
        char number[24];
        pid_t pid = fork();

        if (pid == 0) {
                snprintf(number, sizeof number, "%llu", (unsigned long long)id);
                dup2(fd, 0);
                dup2(fd, 1);
                execl(worker, worker, command, "--root", root, "--transfer", number, (char *)NULL);
                _exit(127);
        }
        assert_true(pid > 0);
        return pid;
}

/* Both ends on a socket pair, as two connectors would have it. */
static inline void relay(struct world *w)
{
        int pair[2];

        assert_true(hear_taken(w));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->sender = run_end("send", w->from.root, w->id, pair[0]);
        w->receiver = run_end("receive", w->to.root, w->id, pair[1]);
        close(pair[0]);
        close(pair[1]);
}

static inline void relay_end(struct world *w)
{
        waitpid(w->sender, NULL, 0);
        waitpid(w->receiver, NULL, 0);
}

static inline enum move_end move_by_relay(struct world *w)
{
        struct transfer_pull p = usual_pull(w, WAY_RELAY);
        enum move_end end;

        offer(w, &w->from);
        order(w, &p);
        relay(w);
        end = ending(w);
        relay_end(w);
        return end;
}

/* ---- worlds ---- */

static inline int world_open(void **state)
{
        static uint64_t ids = 70;
        struct world *w = xcalloc(1, sizeof *w);

        strcpy(w->from.root, "/tmp/reeve-test-XXXXXX");
        strcpy(w->to.root, "/tmp/reeve-test-XXXXXX");
        strcpy(w->dir, "/tmp/reeve-test-XXXXXX");
        if (!mkdtemp(w->from.root) || !mkdtemp(w->to.root) || !mkdtemp(w->dir))
                return -1;
        w->id = ++ids;
        *state = w;
        attach(&w->from);
        attach(&w->to);
        return 0;
}

static inline int world_close(void **state)
{
        struct world *w = *state;
        AUTO_FREE char *command = xasprintf("rm -rf %s", w->dir);

        end_stop(&w->from);
        end_stop(&w->to);
        transfer_list_release(&w->list);
        free(w);
        return system(command);
}

static inline uint64_t remove_files(struct world *w, const struct transfer_list *paths)
{
        uint32_t at = 0;
        size_t mark = frame_begin(&w->to.c.to, P_REMOVE);
        struct reader r;
        uint64_t files;

        buf_u32(&w->to.c.to, 5);
        buf_str(&w->to.c.to, "d1");
        put_transfer_entries(&w->to.c.to, paths, &at);
        frame_end(&w->to.c.to, mark);
        client_flush(&w->to.c);
        do {
                assert_true(client_next(&w->to.c, PATIENCE_MS));
        } while (w->to.c.frame.type != P_REMOVED);
        reader_init(&r, w->to.c.frame.payload, w->to.c.frame.len);
        assert_int_equal(reader_u32(&r), 5);
        assert_int_equal(reader_u8(&r), READ_OK);
        files = reader_u64(&r);
        reader_u64(&r);
        return files;
}

static inline int become_ordinary(void)
{
        const struct passwd *p = geteuid() ? NULL : getpwnam("postgres");

        if (geteuid())
                return 0;
        return p && setgroups(0, NULL) == 0 && setgid(p->pw_gid) == 0 && setuid(p->pw_uid) == 0 ? 0 : -1;
}

/* As root: a small file system in a mount namespace of our own, and a child that runs the tests. Returns in
 * the child, or with the exit code in *ret_code. */
static inline bool run_with_small_disk(int *ret_code)
{
        char options[64];
        int status = 0;
        pid_t pid;

        if (geteuid())
                return true;
        strcpy(small_disk, "/tmp/reeve-test-XXXXXX");
        if (!mkdtemp(small_disk))
                return true;
        pid = fork();
        if (pid == 0) {
                snprintf(options, sizeof options, "size=%u,mode=777", SMALL_DISK);
                if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount("small", small_disk, "tmpfs", 0, options) < 0)
                        small_disk[0] = '\0';
                return true;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        rmdir(small_disk);
        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        return false;
}

/* Find the worker, get a small disk if that can be, and become an ordinary account. False: *ret_code is to be
 * returned. */
static inline bool transfer_test_begin(int *ret_code)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        char *slash;

        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        self[n > 0 ? n : 0] = '\0';
        for (int up = 0; up < 2; up++) {
                slash = strrchr(self, '/');
                if (slash)
                        *slash = '\0';
        }
        snprintf(worker, sizeof worker, "%.4000s/reeve-worker", self);
        umask(077);
        signal(SIGPIPE, SIG_IGN);
        if (!run_with_small_disk(ret_code))
                return false;
        *ret_code = 77;
        return become_ordinary() == 0;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

#endif
