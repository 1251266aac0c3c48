/* SPDX-License-Identifier: Apache-2.0 */
/* Reading for the engine: logs, kept outputs, registered files; and scans, which list and checksum. */
#include "worker/chores.h"

#include "common/util.h"
#include "worker/files.h"
#include "worker/helper.h"
#include "worker/sha256.h"
#include "worker/spool.h"
#include "worker/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_CHUNK     (256u << 10)
#define SCAN_BATCH     256  /* files in one P_SCANNED */
#define SCAN_REPORT_MS 1000 /* at most this long without one */

int file_sha256(int fd, uint8_t ret[32], uint64_t *ret_size)
{
        static uint8_t chunk[HASH_CHUNK];
        struct sha256 sum;
        uint64_t size = 0;
        ssize_t n;

        sha256_init(&sum);
        while ((n = read(fd, chunk, sizeof chunk)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -1;
                sha256_add(&sum, chunk, (size_t)n);
                size += (uint64_t)n;
        }
        sha256_end(&sum, ret);
        *ret_size = size;
        return 0;
}

/* ---- reader ---- */

struct read_request {
        uint32_t id;
        uint8_t what;
        char *path;
        uint64_t offset;
        uint32_t length;
        uint8_t final;
};

/* A job may send a stream to a file of its own: then that is the log. */
static int open_elsewhere(int dir, const char *log, int flags)
{
        char link[PATH_TEXT_MAX + sizeof LOG_ELSEWHERE], to[PATH_TEXT_MAX];
        ssize_t n;

        snprintf(link, sizeof link, "%s" LOG_ELSEWHERE, log);
        n = readlinkat(dir, link, to, sizeof to - 1);
        if (n <= 0)
                return -1;
        to[n] = '\0';
        return open(to, flags);
}

static int open_for(const struct read_request *q)
{
        const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        int dir, fd = -1;

        if (q->what == READ_PATH)
                return open(q->path, flags);
        dir = open(q->what == READ_STORE ? "store" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -1;
        if (q->what == READ_STDOUT || q->what == READ_STDERR)
                fd = open_elsewhere(dir, q->path, flags);
        if (fd < 0)
                fd = file_open_beneath(dir, q->path, flags);
        close(dir);
        return fd;
}

/* The cut middle of a log shows as a hole; nothing else makes one in a file that is only appended to. */
static void find_gap(int fd, uint64_t size, uint64_t *ret_from, uint64_t *ret_to)
{
        off_t from = lseek(fd, 0, SEEK_HOLE), to;

        *ret_from = *ret_to = 0;
        if (from < 0 || (uint64_t)from >= size)
                return;
        to = lseek(fd, from, SEEK_DATA);
        *ret_from = (uint64_t)from;
        *ret_to = to < 0 ? size : (uint64_t)to;
}

static void put_data(struct buf *out, const struct read_request *q, enum read_status status, uint64_t offset,
                     uint64_t size, uint64_t gap[2], const void *p, size_t n)
{
        size_t mark = frame_begin(out, P_DATA);

        buf_u32(out, q->id);
        buf_u8(out, (uint8_t)status);
        buf_u64(out, offset);
        buf_u64(out, size);
        buf_u64(out, gap[0]);
        buf_u64(out, gap[1]);
        buf_u8(out, q->final);
        buf_blob(out, p, n);
        frame_end(out, mark);
}

static void answer_read(struct buf *out, const struct read_request *q)
{
        static uint8_t chunk[CHUNK_MAX];
        uint64_t gap[2] = {0, 0}, offset = q->offset, length = q->length;
        AUTO_CLOSE int fd = open_for(q);
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                const char *why = fd < 0 ? strerror(errno) : "not a regular file";
                enum read_status status =
                    fd < 0 && errno != ENOENT && errno != ENOTDIR ? READ_FAILED : READ_NOT_FOUND;

                put_data(out, q, status, 0, 0, gap, why, strlen(why));
                return;
        }
        if (q->what == READ_STDOUT || q->what == READ_STDERR)
                find_gap(fd, (uint64_t)st.st_size, &gap[0], &gap[1]);
        if (offset >= gap[0] && offset < gap[1])
                offset = gap[1];
        if (offset < gap[0] && length > gap[0] - offset)
                length = gap[0] - offset;
        n = offset > INT64_MAX ? 0 : pread(fd, chunk, length > CHUNK_MAX ? CHUNK_MAX : length, (off_t)offset);
        if (n < 0)
                put_data(out, q, READ_FAILED, 0, 0, gap, strerror(errno), strlen(strerror(errno)));
        else
                put_data(out, q, READ_OK, offset, (uint64_t)st.st_size, gap, chunk, (size_t)n);
}

void chore_reader(int fd, void *arg)
{
        struct buf in, out;
        struct frame f;

        (void)arg;
        buf_init(&in, 2 * FRAME_MAX);
        buf_init(&out, 2 * FRAME_MAX);
        while (helper_child_read(fd, &in, &f)) {
                struct read_request q;
                struct reader r;

                reader_init(&r, f.payload, f.len);
                q.id = reader_u32(&r);
                q.what = reader_u8(&r);
                q.path = reader_str(&r, PATH_TEXT_MAX);
                q.offset = reader_u64(&r);
                q.length = reader_u32(&r);
                q.final = reader_u8(&r);
                if (r.bad)
                        return;
                answer_read(&out, &q);
                free(q.path);
                frame_done(&in, &f);
                helper_child_write(fd, &out);
        }
}

/* ---- scan ---- */

struct scan {
        int fd;
        uint32_t request;
        struct buf out, files; /* files: put_file records not sent yet */
        uint32_t pending;
        uint64_t files_done, bytes_done;
        int64_t sent_ms;
        char fault[600];
};

static void scan_send(struct scan *s)
{
        size_t mark = frame_begin(&s->out, P_SCANNED);

        buf_u32(&s->out, s->request);
        buf_u64(&s->out, s->files_done);
        buf_u64(&s->out, s->bytes_done);
        buf_u32(&s->out, s->pending);
        buf_put(&s->out, buf_bytes(&s->files), buf_len(&s->files));
        frame_end(&s->out, mark);
        buf_clear(&s->files);
        s->pending = 0;
        s->sent_ms = clock_boot_ms();
        helper_child_write(s->fd, &s->out);
}

static int scan_file(struct scan *s, const char *name, int fd)
{
        static uint8_t chunk[HASH_CHUNK];
        struct proto_file file = {.path = (char *)name};
        struct sha256 sum;
        ssize_t n;

        sha256_init(&sum);
        while ((n = read(fd, chunk, sizeof chunk)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        snprintf(s->fault, sizeof s->fault, "could not read \"%.400s\": %s", name,
                                 strerror(errno));
                        return -1;
                }
                sha256_add(&sum, chunk, (size_t)n);
                file.size += (uint64_t)n;
                s->bytes_done += (uint64_t)n;
                if (clock_boot_ms() - s->sent_ms >= SCAN_REPORT_MS)
                        scan_send(s);
        }
        sha256_end(&sum, file.sha256);
        put_file(&s->files, &file);
        s->files_done++;
        if (++s->pending >= SCAN_BATCH || buf_len(&s->files) > FRAME_MAX / 2)
                scan_send(s);
        return 0;
}

static int on_scan_entry(void *arg, const struct walk_entry *e)
{
        struct scan *s = arg;
        AUTO_CLOSE int fd = -1;

        if (e->fault) {
                snprintf(s->fault, sizeof s->fault, "could not read \"%.400s\": %s", e->path,
                         strerror(e->fault));
                return -1;
        }
        if (!S_ISREG(e->st.st_mode))
                return 0;
        fd = openat(e->dir_fd, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
                snprintf(s->fault, sizeof s->fault, "could not open \"%.400s\": %s", e->path,
                         strerror(errno));
                return -1;
        }
        return scan_file(s, e->path, fd);
}

void chore_scan(int fd, void *arg)
{
        const struct scan_request *q = arg;
        struct scan s = {.fd = fd, .request = q->request, .sent_ms = clock_boot_ms()};
        enum read_status status = READ_FAILED;
        int top = open(q->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st = {0};
        size_t mark;
        int rc = -1;

        buf_init(&s.out, 2 * FRAME_MAX);
        buf_init(&s.files, 2 * FRAME_MAX);
        if (top < 0 || fstat(top, &st) < 0) {
                snprintf(s.fault, sizeof s.fault, "could not open \"%.400s\": %s", q->path, strerror(errno));
                status = errno == ENOENT ? READ_NOT_FOUND : READ_FAILED;
        } else if (S_ISREG(st.st_mode)) {
                const char *slash = strrchr(q->path, '/');

                rc = scan_file(&s, slash ? slash + 1 : q->path, top);
        } else if (S_ISDIR(st.st_mode)) {
                rc = walk(top, on_scan_entry, &s);
                if (rc < 0 && !s.fault[0])
                        snprintf(s.fault, sizeof s.fault,
                                 "\"%.400s\" holds too many files or too deep directories", q->path);
        } else {
                snprintf(s.fault, sizeof s.fault, "\"%.400s\" is neither a file nor a directory", q->path);
        }
        if (rc == 0) {
                status = READ_OK;
                scan_send(&s);
        }
        mark = frame_begin(&s.out, P_SCAN_END);
        buf_u32(&s.out, s.request);
        buf_u8(&s.out, (uint8_t)status);
        buf_u8(&s.out, S_ISREG(st.st_mode));
        buf_str(&s.out, s.fault);
        frame_end(&s.out, mark);
        helper_child_write(fd, &s.out);
}
