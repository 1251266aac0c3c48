/* SPDX-License-Identifier: Apache-2.0 */
/* A journal whose file holds anything: it opens, and what is written to the next file then is there the next
 * time. */
#include "tests/fuzz/fuzz.h"
#include "worker/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], file[128], next_file[128];

struct seen {
        size_t records, bytes;
        uint8_t last;
};

static int on_record(void *arg, uint8_t type, struct reader *r, struct err *err)
{
        struct seen *s = arg;

        (void)err;
        s->records++;
        s->bytes += reader_left(r);
        s->last = type;
        return 0;
}

static void leave(void)
{
        unlink(file);
        unlink(next_file);
        rmdir(dir);
}

static void enter(void)
{
        snprintf(dir, sizeof dir, "%s/reeve-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        must(mkdtemp(dir) != NULL);
        snprintf(file, sizeof file, "%s/0000000000000001", dir);
        snprintf(next_file, sizeof next_file, "%s/0000000000000002", dir);
        atexit(leave);
}

static void put_live(void *arg, struct journal *j)
{
        (void)arg;
        buf_u32(journal_begin(j, 77), 1);
        journal_end(j);
}

static void put_file(const uint8_t *data, size_t size)
{
        int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
        close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct seen first = {0}, second = {0};
        struct journal *j = NULL;
        struct err err;

        if (!*dir)
                enter();
        put_file(data, size);
        must(journal_open(dir, on_record, &first, &j, &err) == 0);
        /* The next file is large, so it is made for few of the inputs, always the same. */
        if (crc32c(data, size) % 128) {
                journal_free(j);
                return 0;
        }
        must(journal_rotate(j, put_live, j, &err) == 0);
        buf_u32(journal_begin(j, 78), 1);
        journal_end(j);
        must(journal_flush(j, &err) == 0);
        journal_free(j);
        must(journal_open(dir, on_record, &second, &j, &err) == 0);
        journal_free(j);
        must(second.records == 2 && second.bytes == 8 && second.last == 78);
        /* Back to the file that inputs are written to. */
        unlink(next_file);
        return 0;
}

/* Records with right checksums, which chance does not make. */
void fuzz_seeds(void)
{
        for (unsigned n = 0; n < 4; n++) {
                struct buf all, body;

                buf_init(&all, 4096);
                for (unsigned i = 1; i <= n; i++) {
                        buf_init(&body, 256);
                        buf_u64(&body, i);
                        buf_u8(&body, (uint8_t)i);
                        buf_str(&body, "payload");
                        buf_u32(&all, (uint32_t)buf_len(&body));
                        buf_u32(&all, crc32c(buf_bytes(&body), buf_len(&body)));
                        buf_put(&all, buf_bytes(&body), buf_len(&body));
                        buf_release(&body);
                }
                buf_text(&all, "torn");
                fuzz_seed(buf_bytes(&all), buf_len(&all));
                buf_release(&all);
        }
}
