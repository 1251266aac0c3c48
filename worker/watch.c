/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/watch.h"

#include "common/log.h"
#include "common/proto.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/helper.h"
#include "worker/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* To the helper: key, str directory; key; nothing. */
enum { WATCH_ADD = 1, WATCH_DROP, WATCH_AGAIN };

/* ---- one attempt ---- */

static ssize_t read_part(int root, const char *path, uint64_t from, char *to, size_t n)
{
        AUTO_CLOSE int fd =
            file_open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return -1;
        return pread(fd, to, n, (off_t)from);
}

static void take(struct watched *w, const struct progress *p)
{
        if (w->known && w->newest.fraction == p->fraction && strcmp(w->newest.text, p->text) == 0)
                return;
        w->newest = *p;
        w->known = w->news = true;
}

static void look_at_log(struct watched *w, int root)
{
        static char tail[WATCH_TAIL_MAX];
        char path[96];
        struct progress p;
        uint64_t size, from;
        struct stat st;
        size_t used, skip = 0;
        ssize_t n;

        snprintf(path, sizeof path, "%s/" LOG_STDOUT, w->dir);
        if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return;
        size = (uint64_t)st.st_size;
        if (size == w->log_end)
                return;
        if (size < w->log_end)
                w->log_at = 0;
        w->log_end = size;
        from = size > WATCH_TAIL_MAX && w->log_at < size - WATCH_TAIL_MAX ? size - WATCH_TAIL_MAX : w->log_at;
        n = read_part(root, path, from, tail, sizeof tail);
        if (n <= 0)
                return;
        /* Begun in the middle of a line: that one is not looked at. */
        if (from != w->log_at) {
                const char *newline = memchr(tail, '\n', (size_t)n);

                skip = newline ? (size_t)(newline - tail) + 1 : (size_t)n;
        }
        if (progress_last(tail + skip, (size_t)n - skip, true, &p, &used))
                take(w, &p);
        w->log_at = from + skip + used;
}

static void look_at_file(struct watched *w, int root)
{
        char path[96], end[1024];
        struct progress p;
        uint64_t size, from;
        struct stat st;
        int64_t ns;
        ssize_t n;

        snprintf(path, sizeof path, "%s/" LOG_PROGRESS, w->dir);
        if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return;
        size = (uint64_t)st.st_size;
        ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        if (size == w->file_size && ns == w->file_ns)
                return;
        w->file_size = size;
        w->file_ns = ns;
        from = size > sizeof end ? size - sizeof end : 0;
        n = read_part(root, path, from, end, sizeof end);
        if (n > 0 && progress_last(end, (size_t)n, false, &p, NULL))
                take(w, &p);
}

void watched_look(struct watched *w, int root)
{
        look_at_log(w, root);
        look_at_file(w, root);
}

/* ---- the helper ---- */

struct watcher {
        struct watched *items;
        struct attempt_key *keys; /* of the items: what is searched is kept small */
        size_t n, items_cap, keys_cap, next;
        int root;
};

static void add(struct watcher *w, struct attempt_key key, const char *dir)
{
        w->items = xgrow(w->items, w->n, &w->items_cap, sizeof *w->items);
        w->keys = xgrow(w->keys, w->n, &w->keys_cap, sizeof *w->keys);
        w->items[w->n] = (struct watched){.key = key};
        w->keys[w->n] = key;
        snprintf(w->items[w->n++].dir, sizeof w->items->dir, "%s", dir);
}

static void drop(struct watcher *w, struct attempt_key key)
{
        for (size_t i = 0; i < w->n; i++) {
                if (!attempt_key_equal(w->keys[i], key))
                        continue;
                w->items[i] = w->items[--w->n];
                w->keys[i] = w->keys[w->n];
                return;
        }
}

static void obey(struct watcher *w, const struct frame *f)
{
        struct attempt_key key;
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type == WATCH_AGAIN) {
                for (size_t i = 0; i < w->n; i++)
                        w->items[i].news = w->items[i].known;
                return;
        }
        key = get_key(&r);
        if (f->type == WATCH_DROP) {
                drop(w, key);
        } else if (f->type == WATCH_ADD) {
                AUTO_FREE char *dir = reader_str(&r, sizeof w->items->dir - 1);

                if (dir)
                        add(w, key, dir);
        }
}

/* Look at some, and put what is new into `out`. */
static void look(struct watcher *w, struct buf *out)
{
        size_t count = w->n < WATCH_PER_LOOK ? w->n : WATCH_PER_LOOK, mark, at;
        uint32_t said = 0;

        mark = frame_begin(out, P_PROGRESS);
        at = buf_len(out);
        buf_u32(out, 0);
        for (size_t i = 0; i < count; i++) {
                struct watched *item = &w->items[w->next++ % w->n];

                watched_look(item, w->root);
                if (!item->news)
                        continue;
                item->news = false;
                put_progress(out, item->key, &item->newest);
                said++;
        }
        buf_patch_u32(out, at, said);
        frame_end(out, mark);
        if (!said)
                buf_clear(out);
}

static void watch_main(int fd, void *arg)
{
        struct watcher w = {.root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t due = 0, now;
        struct buf in, out;
        struct frame f;

        (void)arg;
        buf_init(&in, 2 * FRAME_MAX);
        buf_init(&out, FRAME_QUEUE_MAX);
        for (;;) {
                now = clock_boot_ms();
                if (w.n && now >= due) {
                        look(&w, &out);
                        helper_child_write(fd, &out);
                        due = now + PROGRESS_EVERY_MS;
                }
                if (poll(&p, 1, !w.n ? -1 : due > now ? (int)(due - now) : 0) <= 0)
                        continue;
                if (!helper_child_read(fd, &in, &f))
                        return;
                obey(&w, &f);
                frame_done(&in, &f);
                /* What came in one read with it. */
                while (frame_next(&in, &f, NULL) > 0) {
                        obey(&w, &f);
                        frame_done(&in, &f);
                }
        }
}

/* ---- the agent's side ---- */

struct watch {
        struct loop *loop;
        watch_frame_cb on_frame;
        void *arg;
        struct helper *helper;
        bool failed; /* no helper could be made: nothing is watched until the next attempt */
        struct watch_item {
                struct attempt_key key;
                char dir[64];
        } * items; /* to tell a new helper */
        size_t n, cap;
};

static bool on_frame(void *arg, const struct frame *f)
{
        struct watch *w = arg;

        return f->type != P_PROGRESS || w->on_frame(w->arg, f);
}

static void on_end(void *arg)
{
        struct watch *w = arg;

        w->helper = NULL;
}

static void tell(struct watch *w, uint8_t type, const struct attempt_key *key, const char *dir)
{
        struct buf *b = helper_out(w->helper);
        size_t mark = frame_begin(b, type);

        if (key)
                put_key(b, *key);
        if (dir)
                buf_str(b, dir);
        frame_end(b, mark);
        helper_flush(w->helper);
}

/* There is a helper and it knows of every attempt; a new one is told of all. */
static bool ensure(struct watch *w)
{
        struct err err;

        if (w->helper)
                return true;
        if (helper_start(w->loop, watch_main, NULL, on_frame, on_end, w, &w->helper, &err) < 0) {
                if (!w->failed)
                        log_warn("progress of jobs is not watched: %s", err.text);
                w->failed = true;
                return false;
        }
        w->failed = false;
        for (size_t i = 0; i < w->n; i++)
                tell(w, WATCH_ADD, &w->items[i].key, w->items[i].dir);
        return true;
}

struct watch *watch_new(struct loop *l, watch_frame_cb cb, void *arg)
{
        struct watch *w = xcalloc(1, sizeof *w);

        *w = (struct watch){.loop = l, .on_frame = cb, .arg = arg};
        return w;
}

void watch_free(struct watch *w)
{
        if (!w)
                return;
        free(w->items);
        free(w);
}

void watch_add(struct watch *w, struct attempt_key key, const char *dir)
{
        bool had = w->helper;

        w->items = xgrow(w->items, w->n, &w->cap, sizeof *w->items);
        w->items[w->n] = (struct watch_item){.key = key};
        snprintf(w->items[w->n++].dir, sizeof w->items->dir, "%s", dir);
        if (ensure(w) && had)
                tell(w, WATCH_ADD, &key, dir);
}

void watch_drop(struct watch *w, struct attempt_key key)
{
        for (size_t i = 0; i < w->n; i++) {
                if (!attempt_key_equal(w->items[i].key, key))
                        continue;
                w->items[i] = w->items[--w->n];
                if (w->helper)
                        tell(w, WATCH_DROP, &key, NULL);
                return;
        }
}

void watch_again(struct watch *w)
{
        if (w->n && ensure(w))
                tell(w, WATCH_AGAIN, NULL, NULL);
}

void watch_resume(struct watch *w)
{
        if (w->helper)
                helper_resume(w->helper);
}
