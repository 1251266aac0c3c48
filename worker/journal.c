/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/journal.h"

#include "common/log.h"
#include "common/proto.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_LEN   8                /* length and CRC */
#define BODY_LEAST 9                /* sequence and type */
#define BODY_MAX   (FRAME_MAX + 64) /* the largest record holds one template */

struct journal {
        char *dir;
        int dir_fd, fd;
        uint64_t number; /* of the open file */
        uint64_t seq;    /* of the last record appended */
        off_t end;       /* where the next flush writes */
        off_t floor;     /* size of the state the file began with */
        struct buf pending;
        size_t mark; /* start of the record being written */
        bool broken; /* a write failed: the file's tail is not known */
};

/* ---- checksum ---- */

uint32_t crc32c(const void *p, size_t n)
{
        static uint32_t table[256];
        const uint8_t *s = p;
        uint32_t crc = ~0u;

        if (!table[1]) {
                for (uint32_t i = 0; i < 256; i++) {
                        uint32_t c = i;

                        for (int k = 0; k < 8; k++)
                                c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
                        table[i] = c;
                }
        }
        while (n--)
                crc = crc >> 8 ^ table[(crc ^ *s++) & 255];
        return ~crc;
}

/* ---- reading ---- */

static void file_name(char out[32], uint64_t number, const char *suffix)
{
        snprintf(out, 32, "%016llx%s", (unsigned long long)number, suffix);
}

/* The number a file name stands for, or 0 when it is not a journal file. */
static uint64_t file_number(const char *name)
{
        char again[32];
        uint64_t n = 0;

        for (const char *s = name; *s; s++) {
                const char *digit = strchr("0123456789abcdef", *s);

                if (!digit || s - name >= 16)
                        return 0;
                n = n << 4 | (uint64_t)(digit - "0123456789abcdef");
        }
        file_name(again, n, "");
        return strcmp(again, name) == 0 ? n : 0;
}

/* The newest complete file; every other one is left from an interrupted rotation and goes. */
static int keep_newest(struct journal *j, struct err *err)
{
        uint64_t newest = 0;
        struct dirent *e;
        DIR *d = opendir(j->dir);

        if (!d)
                return err_errno(err, "could not read journal directory \"%s\"", j->dir);
        while ((e = readdir(d))) {
                uint64_t n = file_number(e->d_name);

                if (n > newest)
                        newest = n;
        }
        rewinddir(d);
        while ((e = readdir(d))) {
                if (e->d_name[0] != '.' && (!newest || file_number(e->d_name) != newest))
                        unlinkat(j->dir_fd, e->d_name, 0);
        }
        closedir(d);
        j->number = newest;
        return 0;
}

static int read_whole(int fd, struct buf *b, struct err *err)
{
        for (;;) {
                uint8_t *to = buf_reserve(b, 65536);
                ssize_t n;

                if (!to)
                        return err_set(err, ERR_LIMIT, "the journal is larger than %zu bytes", b->max);
                n = read(fd, to, 65536);
                if (n < 0)
                        return err_errno(err, "could not read the journal");
                if (n == 0)
                        return 0;
                buf_added(b, (size_t)n);
        }
}

/* 1: a whole record at r, *ret_body set; 0: the end of what can be trusted. */
static int next_record(struct reader *r, uint64_t seq, struct reader *ret_body)
{
        uint32_t len = reader_u32(r), crc = reader_u32(r);

        if (r->bad || len < BODY_LEAST || len > BODY_MAX || len > reader_left(r) || crc32c(r->p, len) != crc)
                return 0;
        reader_init(ret_body, r->p, len);
        r->p += len;
        return reader_u64(ret_body) == seq || seq == 0;
}

static int replay(struct journal *j, journal_replay_cb cb, void *arg, struct err *err)
{
        struct buf all;
        struct reader r, body;
        int rc;

        buf_init(&all, JOURNAL_PENDING_MAX);
        rc = read_whole(j->fd, &all, err);
        reader_init(&r, buf_bytes(&all), buf_len(&all));
        while (rc == 0 && reader_left(&r) >= HEAD_LEN && next_record(&r, j->end ? j->seq + 1 : 0, &body)) {
                const uint8_t *start = buf_bytes(&all);
                struct reader seq;
                uint8_t type;

                reader_init(&seq, body.p - 8, 8);
                j->seq = reader_u64(&seq);
                j->end = r.p - start;
                type = reader_u8(&body);
                rc = cb(arg, type, &body, err);
        }
        buf_release(&all);
        return rc;
}

int journal_open(const char *dir, journal_replay_cb cb, void *arg, struct journal **ret, struct err *err)
{
        struct journal *j = xcalloc(1, sizeof *j);
        char name[32];

        j->dir = xstrdup(dir);
        j->dir_fd = j->fd = -1;
        buf_init(&j->pending, JOURNAL_PENDING_MAX);
        if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
                err_errno(err, "could not make journal directory \"%s\"", dir);
                goto fail;
        }
        j->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (j->dir_fd < 0) {
                err_errno(err, "could not open journal directory \"%s\"", dir);
                goto fail;
        }
        if (keep_newest(j, err) < 0)
                goto fail;
        if (j->number) {
                file_name(name, j->number, "");
                j->fd = openat(j->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
                if (j->fd < 0) {
                        err_errno(err, "could not open journal file \"%s/%s\"", dir, name);
                        goto fail;
                }
                if (replay(j, cb, arg, err) < 0)
                        goto fail;
        }
        /* A file that was read may end in damage; the caller rotates before it appends. */
        j->broken = true;
        *ret = j;
        return 0;
fail:
        journal_free(j);
        return -1;
}

void journal_free(struct journal *j)
{
        if (!j)
                return;
        if (j->fd >= 0)
                close(j->fd);
        if (j->dir_fd >= 0)
                close(j->dir_fd);
        buf_release(&j->pending);
        free(j->dir);
        free(j);
}

/* ---- writing ---- */

struct buf *journal_begin(struct journal *j, uint8_t type)
{
        j->mark = buf_len(&j->pending);
        buf_u64(&j->pending, 0);
        buf_u64(&j->pending, ++j->seq);
        buf_u8(&j->pending, type);
        return &j->pending;
}

void journal_end(struct journal *j)
{
        const uint8_t *body = buf_bytes(&j->pending) + j->mark + HEAD_LEN;
        uint32_t len = (uint32_t)(buf_len(&j->pending) - j->mark - HEAD_LEN);

        buf_patch_u32(&j->pending, j->mark, len);
        buf_patch_u32(&j->pending, j->mark + 4, crc32c(body, len));
}

bool journal_is_dirty(const struct journal *j)
{
        return buf_len(&j->pending) > 0;
}

static int write_all(int fd, const uint8_t *p, size_t n, off_t at)
{
        while (n) {
                ssize_t k = pwrite(fd, p, n, at);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return -1;
                p += k;
                n -= (size_t)k;
                at += k;
        }
        return 0;
}

int journal_flush(struct journal *j, struct err *err)
{
        size_t n = buf_len(&j->pending);

        if (!n)
                return 0;
        if (j->broken || j->pending.overflow)
                return err_set(err, ERR_UNAVAILABLE, "the journal needs a new file first");
        if (write_all(j->fd, buf_bytes(&j->pending), n, j->end) < 0 || fdatasync(j->fd) < 0) {
                j->broken = true;
                return err_errno(err, "could not write the journal in \"%s\"", j->dir);
        }
        j->end += (off_t)n;
        buf_consume(&j->pending, n);
        return 0;
}

bool journal_wants_rotation(const struct journal *j)
{
        return j->broken || j->end > JOURNAL_ROTATE_AT + 2 * j->floor;
}

/* Fill and publish file `number`; returns its descriptor or -1. */
static int publish_file(struct journal *j, uint64_t number, struct err *err)
{
        char tmp[32], name[32];
        int fd;

        file_name(tmp, number, ".new");
        file_name(name, number, "");
        fd = openat(j->dir_fd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return err_errno(err, "could not make journal file \"%s/%s\"", j->dir, tmp);
        if ((fallocate(fd, 0, 0, JOURNAL_SET_ASIDE) < 0 && errno != EOPNOTSUPP && errno != ENOSYS) ||
            write_all(fd, buf_bytes(&j->pending), buf_len(&j->pending), 0) < 0 || fsync(fd) < 0 ||
            renameat(j->dir_fd, tmp, j->dir_fd, name) < 0 || fsync(j->dir_fd) < 0) {
                err_errno(err, "could not write journal file \"%s/%s\"", j->dir, name);
                close(fd);
                unlinkat(j->dir_fd, tmp, 0);
                return -1;
        }
        return fd;
}

int journal_rotate(struct journal *j, journal_live_cb live, void *arg, struct err *err)
{
        char old[32];
        int fd;

        buf_clear(&j->pending);
        live(arg, j);
        if (j->pending.overflow)
                return err_set(err, ERR_LIMIT, "the live state exceeds %u bytes", JOURNAL_PENDING_MAX);
        fd = publish_file(j, j->number + 1, err);
        if (fd < 0) {
                j->broken = true;
                return -1;
        }
        if (j->fd >= 0) {
                file_name(old, j->number, "");
                unlinkat(j->dir_fd, old, 0);
                close(j->fd);
        }
        j->fd = fd;
        j->number++;
        j->end = j->floor = (off_t)buf_len(&j->pending);
        j->broken = false;
        buf_clear(&j->pending);
        return 0;
}
