/* SPDX-License-Identifier: Apache-2.0 */
/* Files moved between real workers. The stream between them is a socket pair held by the test, so that it can
 * be cut, be silent, and lie. Run as root it drops to an ordinary account first, as the worker refuses root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/transfers.h"
#include "tests/support/hollow/client.h"
#include "worker/landing.h"
#include "worker/let_in.h"
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

static void attach(struct end *e)
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

static void detach(struct end *e)
{
        if (e->attached)
                client_end(&e->c);
        e->attached = false;
}

static void end_stop(struct end *e)
{
        AUTO_FREE char *command = xasprintf("%s stop --root %s && rm -rf %s", worker, e->root, e->root);

        detach(e);
        assert_int_equal(system(command), 0);
}

/* ---- files ---- */

/* Content that depends on name and place. */
static void fill(uint8_t *to, size_t n, unsigned seed)
{
        uint32_t x = seed * 2654435761u + 1;

        for (size_t i = 0; i < n; i++) {
                x = x * 1664525u + 1013904223u;
                to[i] = (uint8_t)(x >> 24);
        }
}

static void write_file(const char *path, const void *p, size_t n)
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
static void add_file(struct world *w, const char *path, size_t size)
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

static void usual_files(struct world *w)
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

static bool lies_there(struct world *w, const char *path)
{
        AUTO_FREE char *full = landed(w, path);

        return access(full, F_OK) == 0;
}

/* Every file of the list that is visible is whole. Returns how many are. */
static uint32_t visible_and_whole(struct world *w)
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

static int parts_left(struct world *w)
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

static void send_list(struct client *c, uint8_t type, uint64_t id, const struct transfer_list *l)
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

static struct transfer_close offered(struct world *w, struct end *e)
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

static void offer_of(struct world *w, struct end *e, const struct transfer_offer *o)
{
        size_t mark = frame_begin(&e->c.to, P_OFFER);

        put_transfer_offer(&e->c.to, o);
        frame_end(&e->c.to, mark);
        send_list(&e->c, P_OFFER_FILES, w->id, &w->list);
}

static void offer(struct world *w, struct end *e)
{
        struct transfer_offer o = {.id = w->id, .seconds = 600, .from = w->dir, .total = w->list.count};

        o.public_key = o.authorized_keys = (char *)"";
        offer_of(w, e, &o);
        assert_int_equal(offered(w, e).kind, MOVE_DONE);
}

static struct transfer_pull usual_pull(struct world *w, enum transfer_way way)
{
        return (struct transfer_pull){.id = w->id,
                                      .turn = ++w->turn,
                                      .way = (uint8_t)way,
                                      .to = (char *)"d1",
                                      .total = w->list.count,
                                      .keep_free = 1};
}

static void order(struct world *w, const struct transfer_pull *p)
{
        size_t mark = frame_begin(&w->to.c.to, P_PULL);

        put_transfer_pull(&w->to.c.to, p);
        frame_end(&w->to.c.to, mark);
        send_list(&w->to.c, P_PULL_FILES, w->id, &w->list);
        w->pulled_count = 0;
}

static void hear(struct world *w)
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

static bool hear_taken(struct world *w)
{
        do {
                hear(w);
                if (w->to.c.frame.type == P_PULL_END)
                        return false;
        } while (w->to.c.frame.type != P_PULLING);
        return true;
}

static enum move_end ending(struct world *w)
{
        do {
                hear(w);
        } while (w->to.c.frame.type != P_PULL_END || w->close.turn != w->turn);
        return (enum move_end)w->close.kind;
}

static pid_t run_end(const char *command, const char *root, uint64_t id, int fd)
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
static void relay(struct world *w)
{
        int pair[2];

        assert_true(hear_taken(w));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->sender = run_end("send", w->from.root, w->id, pair[0]);
        w->receiver = run_end("receive", w->to.root, w->id, pair[1]);
        close(pair[0]);
        close(pair[1]);
}

static void relay_end(struct world *w)
{
        waitpid(w->sender, NULL, 0);
        waitpid(w->receiver, NULL, 0);
}

static enum move_end move_by_relay(struct world *w)
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

static int world_open(void **state)
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

static int world_close(void **state)
{
        struct world *w = *state;
        AUTO_FREE char *command = xasprintf("rm -rf %s", w->dir);

        end_stop(&w->from);
        end_stop(&w->to);
        transfer_list_release(&w->list);
        free(w);
        return system(command);
}

/* ---- tests ---- */

static void files_arrive_whole_and_verified(void **state)
{
        struct world *w = *state;
        uint32_t seen = 0;

        usual_files(w);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_int_equal(w->pulled_count, w->list.count);
        for (uint32_t i = 0; i < w->pulled_count; i++) {
                const struct transfer_pulled *f = &w->pulled[i];

                seen |= 1u << f->index;
                assert_false(f->present);
                assert_int_equal(f->size, w->list.entries[f->index].size);
                assert_memory_equal(f->sha256, w->list.entries[f->index].sha256, 32);
        }
        assert_int_equal(seen, (1u << w->list.count) - 1);
        assert_int_equal(visible_and_whole(w), w->list.count);
        assert_int_equal(parts_left(w), 0);
        assert_true(w->close.bytes_moved > 2 * BIG);
        assert_non_null(strstr(w->close.root, "/" DATA_DIR "/d1"));
}

static void a_worker_copies_for_itself(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        usual_files(w);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        assert_int_equal(ending(w), MOVE_DONE);
        assert_int_equal(visible_and_whole(w), w->list.count);
}

static void what_lies_there_is_not_moved_again(void **state)
{
        struct world *w = *state;

        usual_files(w);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        add_file(w, "late", 100);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_int_equal(w->pulled_count, w->list.count);
        for (uint32_t i = 0; i < w->pulled_count; i++)
                assert_int_equal(w->pulled[i].present, w->pulled[i].index != w->list.count - 1);
        assert_true(w->close.bytes_moved < 1000);
}

/* Part of "big" as an earlier try left it. */
static void leave_part(struct world *w, size_t n, bool damaged)
{
        AUTO_FREE uint8_t *bytes = xmalloc(BIG);
        AUTO_FREE char *path = NULL;
        char hex[65];

        for (int i = 0; i < 32; i++)
                snprintf(hex + 2 * i, 3, "%02x", w->list.entries[0].sha256[i]);
        path = xasprintf("%s/" PARTS_DIR "/%s", w->to.root, hex);
        fill(bytes, BIG, 1);
        if (damaged)
                bytes[n / 2] ^= 1;
        write_file(path, bytes, n);
}

static void a_part_is_taken_up_again(void **state)
{
        struct world *w = *state;

        add_file(w, "big", BIG);
        leave_part(w, BIG - 1000, false);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_true(w->close.bytes_moved < 2000);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_damaged_part_is_fetched_again(void **state)
{
        struct world *w = *state;

        add_file(w, "big", BIG);
        leave_part(w, BIG - 1000, true);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_true(w->close.bytes_moved > BIG);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_source_that_is_not_as_registered_is_told(void **state)
{
        static const struct {
                const char *command; /* in the source's directory */
                enum move_end end;
        } cases[] = {
            {"rm two", MOVE_SOURCE_GONE},
            {"chmod 0 two", MOVE_SOURCE_GONE},
            {"echo >> two", MOVE_SOURCE_CHANGED},
            {": > two", MOVE_SOURCE_CHANGED},
            {"dd if=/dev/zero of=two bs=1 count=1 seek=77 conv=notrunc status=none", MOVE_SOURCE_CHANGED},
            {"mv two three; ln -s three two", MOVE_SOURCE_GONE},
            {"mv d e; ln -s e d", MOVE_SOURCE_GONE},
            {"rm two; mkfifo two", MOVE_SOURCE_CHANGED},
            {"rm two; mkdir two", MOVE_SOURCE_CHANGED},
        };
        struct world *w = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *command = xasprintf("cd %s && { %s; }", w->dir, cases[i].command);
                AUTO_FREE char *clean = xasprintf("rm -rf %s/* %s/" DATA_DIR, w->dir, w->to.root);

                transfer_list_release(&w->list);
                add_file(w, "one", 1000);
                add_file(w, "two", 3000);
                add_file(w, "d/f", 2000);
                assert_int_equal(system(command), 0);
                assert_int_equal(move_by_relay(w), cases[i].end);
                assert_non_null(strstr(w->close.text, w->close.file == 1 ? "\"two\"" : "\"d/f\""));
                /* What came before it is there; nothing wrong is. */
                assert_true(lies_there(w, "one"));
                assert_false(lies_there(w, w->list.entries[w->close.file].path));
                assert_int_equal(system(clean), 0);
        }
}

static void nothing_but_the_offer_is_served(void **state)
{
        struct world *w = *state;
        int pair[2];
        struct buf b;
        size_t mark;
        uint8_t byte[4096];
        ssize_t n;
        int status;

        add_file(w, "one", 1000);
        add_file(w, "secret", 1000);
        w->list.count--;
        offer(w, &w->from);
        w->list.count++;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->sender = run_end("send", w->from.root, w->id, pair[0]);
        close(pair[0]);
        buf_init(&b, 1000);
        mark = frame_begin(&b, S_WANT);
        buf_u32(&b, 1);
        buf_u32(&b, 1);
        buf_u64(&b, 0);
        frame_end(&b, mark);
        assert_int_equal(write(pair[1], buf_bytes(&b), buf_len(&b)), buf_len(&b));
        for (size_t got = 0; (n = read(pair[1], byte, sizeof byte)) > 0; got += (size_t)n)
                assert_true(got + (size_t)n <= strlen(STREAM_MAGIC));
        assert_int_equal(waitpid(w->sender, &status, 0), w->sender);
        assert_int_equal(WEXITSTATUS(status), 1);
        close(pair[1]);
        buf_release(&b);
}

static void without_an_offer_nothing_is_served(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "one", 1000);
        offer(w, &w->from);
        {
                size_t mark = frame_begin(&w->from.c.to, P_WITHDRAW);

                buf_u64(&w->from.c.to, w->id);
                frame_end(&w->from.c.to, mark);
                /* The next answer says that the withdrawal was done before. */
                w->id += 1000;
                offer(w, &w->from);
                w->id -= 1000;
        }
        p = usual_pull(w, WAY_RELAY);
        order(w, &p);
        relay(w);
        assert_int_equal(ending(w), MOVE_SOURCE_AWAY);
        relay_end(w);
}

static void no_room_is_told_before_anything_moves(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.room = BIG - 1;
        order(w, &p);
        assert_int_equal(ending(w), MOVE_NO_SPACE);
        assert_non_null(strstr(w->close.text, "quota"));
        p = usual_pull(w, WAY_LOCAL);
        p.keep_free = UINT64_MAX / 2;
        order(w, &p);
        assert_int_equal(ending(w), MOVE_NO_SPACE);
        assert_non_null(strstr(w->close.text, "must stay free"));
        assert_int_equal(w->close.bytes_moved, 0);
        assert_false(lies_there(w, "big"));
}

/* A sender that says what the test says. */
static int false_sender(struct world *w)
{
        int pair[2];

        assert_true(hear_taken(w));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->receiver = run_end("receive", w->to.root, w->id, pair[1]);
        close(pair[1]);
        return pair[0];
}

static void a_silent_stream_ends(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;
        int fd;

        add_file(w, "one", 1000);
        p = usual_pull(w, WAY_RELAY);
        p.stall_ms = 300;
        order(w, &p);
        fd = false_sender(w);
        assert_true(write(fd, "Welcome to this host\n" STREAM_MAGIC, 21 + strlen(STREAM_MAGIC)) > 0);
        assert_int_equal(ending(w), MOVE_STALLED);
        close(fd);
        waitpid(w->receiver, NULL, 0);
}

static void a_lying_sender_makes_nothing_visible(void **state)
{
        static const struct {
                uint8_t type;
                uint32_t index;
                uint64_t offset;
                uint32_t length;
                enum move_end end;
        } cases[] = {
            {S_WHOLE, 0, 0, 1000, MOVE_SOURCE_CHANGED}, /* the right length, other bytes */
            {S_WHOLE, 0, 0, 999, MOVE_SOURCE_CHANGED},  {S_WHOLE, 0, 0, 1001, MOVE_SOURCE_CHANGED},
            {S_WHOLE, 1, 0, 1000, MOVE_BROKEN},         {S_WHOLE, 0, 7, 993, MOVE_BROKEN},
            {S_WHOLE, 77, 0, 1000, MOVE_BROKEN},        {S_BYTES, 0, 0, 1000, MOVE_BROKEN},
            {S_FILE_END, 0, 0, 0, MOVE_BROKEN},         {99, 0, 0, 0, MOVE_BROKEN},
        };
        struct world *w = *state;

        add_file(w, "one", 1000);
        add_file(w, "two", 1000);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct transfer_pull p = usual_pull(w, WAY_RELAY);
                uint8_t zeros[1001] = {0};
                struct buf b;
                size_t mark;
                int fd;

                order(w, &p);
                fd = false_sender(w);
                buf_init(&b, 10000);
                mark = frame_begin(&b, cases[i].type);
                buf_u32(&b, cases[i].index);
                buf_u64(&b, cases[i].offset);
                buf_put(&b, zeros, cases[i].length);
                frame_end(&b, mark);
                /* Its wishes come when the magic line came. */
                assert_int_equal(write(fd, STREAM_MAGIC, strlen(STREAM_MAGIC)), strlen(STREAM_MAGIC));
                assert_true(read(fd, zeros, 1) == 1);
                zeros[0] = 0;
                assert_int_equal(write(fd, buf_bytes(&b), buf_len(&b)), buf_len(&b));
                assert_int_equal(ending(w), cases[i].end);
                assert_false(lies_there(w, "one"));
                assert_false(lies_there(w, "two"));
                close(fd);
                waitpid(w->receiver, NULL, 0);
                buf_release(&b);
        }
}

static void a_slow_stream_is_told_at_its_rate(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;
        struct transfer_report s = {0};
        struct reader r;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 4 << 20;
        order(w, &p);
        while (!s.bytes_per_s) {
                hear(w);
                assert_int_not_equal(w->to.c.frame.type, P_PULL_END);
                if (w->to.c.frame.type != P_PULLING)
                        continue;
                reader_init(&r, w->to.c.frame.payload, w->to.c.frame.len);
                get_transfer_report(&r, &s);
        }
        assert_true(s.bytes_per_s <= BIG);
        assert_true(s.bytes_done < BIG);
        assert_int_equal(ending(w), MOVE_DONE);
}

static void ordering_again_joins_what_runs(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 4 << 20;
        order(w, &p);
        assert_true(hear_taken(w));
        detach(&w->to);
        attach(&w->to);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        assert_int_equal(ending(w), MOVE_DONE);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_cancelled_pull_ends(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;
        size_t mark;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 1000;
        order(w, &p);
        assert_true(hear_taken(w));
        mark = frame_begin(&w->to.c.to, P_WITHDRAW);
        buf_u64(&w->to.c.to, w->id);
        frame_end(&w->to.c.to, mark);
        client_flush(&w->to.c);
        assert_int_equal(ending(w), MOVE_CANCELLED);
        assert_false(lies_there(w, "big"));
}

/* Removes paths, or all of d1; returns the files that went. */
static uint64_t remove_files(struct world *w, const struct transfer_list *paths)
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

static void a_replica_is_removed_on_order(void **state)
{
        struct world *w = *state;
        struct transfer_list paths = {0};

        usual_files(w);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        transfer_list_add(&paths, "deep/er/small", 0, NULL);
        transfer_list_add(&paths, "was/never/there", 0, NULL);
        assert_int_equal(remove_files(w, &paths), 1);
        assert_false(lies_there(w, "deep/er"));
        assert_true(lies_there(w, "deep/edge"));
        transfer_list_release(&paths);
        assert_int_equal(remove_files(w, &paths), w->list.count - 1);
        assert_false(lies_there(w, ""));
        assert_int_equal(remove_files(w, &paths), 0);
}

static void fill_up_and_go_on(struct world *w)
{
        AUTO_FREE char *filler = xasprintf("%s/filler", small_disk);
        AUTO_FREE char *fill_up =
            xasprintf("head -c 100M /dev/zero > %s 2>/dev/null; test -s %s", filler, filler);
        struct transfer_pull p;

        end_stop(&w->to);
        strcpy(stpcpy(w->to.root, small_disk), "/root");
        attach(&w->to);
        for (int i = 0; i < 5; i++) {
                char name[32];

                snprintf(name, sizeof name, "f%d", i);
                add_file(w, name, 900000);
        }
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 1 << 20;
        order(w, &p);
        assert_true(hear_taken(w));
        assert_int_equal(system(fill_up), 0);
        assert_int_equal(ending(w), MOVE_NO_SPACE);
        assert_true(visible_and_whole(w) < w->list.count);
        assert_int_equal(unlink(filler), 0);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        if (ending(w) != MOVE_DONE)
                fail_msg("%s", w->close.text);
        assert_int_equal(visible_and_whole(w), w->list.count);
        assert_int_equal(parts_left(w), 0);
}

static void a_disk_that_fills_up_ends_clean_and_can_go_on(void **state)
{
        if (!small_disk[0])
                skip();
        fill_up_and_go_on(*state);
}

/* ---- kills ---- */

static pid_t child_of_agent(const char *root)
{
        /* The helper that pulls is the agent's newest child. */
        AUTO_FREE char *command =
            xasprintf("pgrep -n -P \"$(pgrep -o -x -f 'reeve-worker agent --root %s')\" 2>/dev/null", root);
        FILE *f = popen(command, "r");
        int pid = 0;

        if (!f || fscanf(f, "%d", &pid) != 1)
                pid = 0;
        if (f)
                pclose(f);
        return pid;
}

static pid_t agent_of(const char *root)
{
        AUTO_FREE char *command = xasprintf("pgrep -o -x -f 'reeve-worker agent --root %s'", root);
        FILE *f = popen(command, "r");
        int pid = 0;

        if (!f || fscanf(f, "%d", &pid) != 1)
                pid = 0;
        if (f)
                pclose(f);
        return pid;
}

static void a_kill_anywhere_leaves_nothing_wrong(void **state)
{
        const char *text = getenv("KILLS");
        int rounds = text ? atoi(text) : 20, done = 0;
        unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)clock_boot_ms();
        struct world *w = *state;

        print_message("SEED=%u\n", seed);
        add_file(w, "a", BIG);
        for (int i = 0; i < 40; i++) {
                char name[32];

                snprintf(name, sizeof name, "s/%d", i);
                add_file(w, name, 3000 + (size_t)i);
        }
        add_file(w, "z", BIG);
        for (int i = 0; i < rounds; i++) {
                struct transfer_pull p = usual_pull(w, WAY_RELAY);
                unsigned kind = (unsigned)rand_r(&seed) % 4;
                pid_t victim;

                p.rate_limit = 60 << 20;
                offer(w, &w->from);
                order(w, &p);
                relay(w);
                usleep((useconds_t)(rand_r(&seed) % 250000));
                victim = kind == 0   ? w->sender
                         : kind == 1 ? w->receiver
                         : kind == 2 ? child_of_agent(w->to.root)
                                     : agent_of(w->to.root);
                if (victim > 0)
                        kill(victim, SIGKILL);
                if (kind == 3) {
                        detach(&w->to);
                        attach(&w->to);
                } else {
                        done += ending(w) == MOVE_DONE;
                }
                relay_end(w);
                /* Whole files only, whatever was killed. */
                if (visible_and_whole(w) == w->list.count) {
                        struct transfer_list all = {0};

                        remove_files(w, &all);
                }
        }
        if (move_by_relay(w) != MOVE_DONE)
                fail_msg("%s: %s", move_end_name((enum move_end)w->close.kind), w->close.text);
        assert_int_equal(visible_and_whole(w), w->list.count);
        assert_int_equal(parts_left(w), 0);
        print_message("%d of %d killed transfers had ended well before\n", done, rounds);
}

/* ---- pure parts ---- */

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

static int become_ordinary(void)
{
        const struct passwd *p = geteuid() ? NULL : getpwnam("postgres");

        if (geteuid())
                return 0;
        return p && setgroups(0, NULL) == 0 && setgid(p->pw_gid) == 0 && setuid(p->pw_uid) == 0 ? 0 : -1;
}

/* As root: a small file system in a mount namespace of our own, and a child that runs the tests. Returns in
 * the child, or with the exit code in *ret_code. */
static bool run_with_small_disk(int *ret_code)
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

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_path_stays_below_its_directory),
            cmocka_unit_test(a_key_is_let_in_for_one_command),
            WORLD_TEST(files_arrive_whole_and_verified),
            WORLD_TEST(a_worker_copies_for_itself),
            WORLD_TEST(what_lies_there_is_not_moved_again),
            WORLD_TEST(a_part_is_taken_up_again),
            WORLD_TEST(a_damaged_part_is_fetched_again),
            WORLD_TEST(a_source_that_is_not_as_registered_is_told),
            WORLD_TEST(nothing_but_the_offer_is_served),
            WORLD_TEST(without_an_offer_nothing_is_served),
            WORLD_TEST(no_room_is_told_before_anything_moves),
            WORLD_TEST(a_silent_stream_ends),
            WORLD_TEST(a_lying_sender_makes_nothing_visible),
            WORLD_TEST(a_slow_stream_is_told_at_its_rate),
            WORLD_TEST(ordering_again_joins_what_runs),
            WORLD_TEST(a_cancelled_pull_ends),
            WORLD_TEST(a_replica_is_removed_on_order),
            WORLD_TEST(a_disk_that_fills_up_ends_clean_and_can_go_on),
            WORLD_TEST(a_kill_anywhere_leaves_nothing_wrong),
        };
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        char *slash;
        int code;

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
        if (!run_with_small_disk(&code))
                return code;
        if (become_ordinary() < 0)
                return 77;
        return cmocka_run_group_tests_name("transfers between workers", tests, NULL, NULL);
}
