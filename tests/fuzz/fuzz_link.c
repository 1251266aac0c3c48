/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine hears from a worker at a site that is not ours. */
#include "common/util.h"
#include "remote/link_messages.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* No control characters, no broken UTF-8: it goes to logs and terminals. */
static void must_be_printable(const char *s)
{
        must(s != NULL);
        for (size_t k, n = strlen(s); n; s += k, n -= k) {
                k = utf8_len(s, n);
                must(k > 0 && (unsigned char)*s >= 0x20 && *s != 0x7f);
        }
}

static void read_welcome(struct reader *r)
{
        struct link_welcome_text text = {0};
        struct link_welcome w;
        struct err err;
        uint16_t version;

        if (get_welcome(r, &version, &w, &text, &err) < 0)
                return;
        must_be_printable(w.hostname);
        must_be_printable(w.os);
        must_be_printable(w.machine);
        must_be_printable(w.features);
        link_welcome_text_release(&text);
}

static void read_snapshot(struct reader *r)
{
        struct link_snapshot_item *items = NULL;
        size_t n = 0, cap = 0;
        struct err err;

        if (get_snapshot(r, &items, &n, &cap, &err) == 0) {
                for (size_t i = 0; i < n; i++)
                        must(attempt_key_is_sane(items[i].key) && items[i].state <= SNAP_ENDED);
        }
        free(items);
}

static void read_started(struct reader *r)
{
        struct link_started *items = NULL;
        struct err err;
        size_t n;

        if (get_started(r, &items, &n, &err) == 0) {
                for (size_t i = 0; i < n; i++)
                        must(attempt_key_is_sane(items[i].key));
        }
        free(items);
}

static void read_reported(struct reader *r)
{
        struct link_progress *items = NULL;
        struct err err;
        size_t n;

        if (get_reported(r, &items, &n, &err) == 0) {
                for (size_t i = 0; i < n; i++)
                        must(attempt_key_is_sane(items[i].key) &&
                             strlen(items[i].said.text) <= PROGRESS_TEXT_MAX);
        }
        free(items);
}

static void read_keys(struct reader *r)
{
        struct attempt_key *keys = NULL;
        struct err err;
        size_t n;

        if (get_keys(r, &keys, &n, &err) == 0) {
                for (size_t i = 0; i < n; i++)
                        must(attempt_key_is_sane(keys[i]));
        }
        free(keys);
}

static void read_results(struct reader *r)
{
        struct proto_result *results = NULL;
        struct err err;
        size_t n;

        if (get_results(r, &results, &n, &err) == 0) {
                for (size_t i = 0; i < n; i++) {
                        must(attempt_key_is_sane(results[i].key));
                        must_be_printable(results[i].text);
                }
        }
        free(results);
}

static void read_files(struct reader *r)
{
        struct proto_file *files = NULL;
        struct err err;
        size_t n;

        if (get_files(r, &files, &n, &err) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *framed = xasprintf("/%s/", files[i].path);

                must(files[i].path[0] != '/' && !strstr(framed, "/../"));
        }
        files_free(files, n);
}

static void read_health(struct reader *r)
{
        struct link_health h;
        struct err err;

        if (get_health(r, &h, &err) == 0)
                must(h.wall_ms >= 0);
}

static void read_data(struct reader *r)
{
        struct link_data d;
        uint32_t request;
        struct err err;
        const uint8_t *from = r->p, *end = r->end;

        if (get_data(r, &request, &d, &err) == 0)
                must(d.gap_start <= d.gap_end && d.data >= from && d.data + d.len <= end);
}

static void (*const readers[])(struct reader *r) = {
    read_welcome, read_snapshot, read_started, read_reported, read_keys,
    read_results, read_files,    read_health,  read_data,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader r;

        if (!size)
                return 0;
        reader_init(&r, data + 1, size - 1);
        readers[data[0] % ARRAY_LEN(readers)](&r);
        return 0;
}

static void seed_welcome(void)
{
        struct buf b;

        buf_init(&b, 4096);
        buf_u16(&b, PROTO_VERSION);
        for (int i = 0; i < 4; i++)
                buf_u64(&b, 1);
        buf_str(&b, "host");
        buf_str(&b, "os");
        buf_str(&b, "x86_64");
        buf_u32(&b, 2);
        for (int i = 0; i < 4; i++)
                buf_u64(&b, 1000);
        buf_str(&b, "/home/u/.reeve");
        buf_str(&b, "cgroup2 rlimit");
        buf_u32(&b, 1);
        fuzz_seed_buf(0, &b);
}

void fuzz_seeds(void)
{
        struct attempt_key key = {1, 2, 3};
        struct proto_result res = {.key = key, .text = "words"};
        struct proto_file file = {.path = (char *)"a/b", .size = 3};
        struct buf b;

        seed_welcome();
        for (uint8_t choice = 1; choice < ARRAY_LEN(readers); choice++) {
                buf_init(&b, 4096);
                if (choice < 6)
                        buf_u32(&b, 1);
                if (choice < 4)
                        put_key(&b, key);
                if (choice == 1)
                        buf_u8(&b, SNAP_RUNNING);
                if (choice == 2)
                        buf_u64(&b, 1);
                if (choice == 4)
                        put_result(&b, &res);
                if (choice == 5)
                        put_file(&b, &file);
                if (choice == 6) {
                        for (int i = 0; i < 12; i++)
                                buf_u32(&b, 0);
                }
                if (choice == 7) {
                        buf_u32(&b, 1);
                        buf_u8(&b, READ_OK);
                        for (int i = 0; i < 4; i++)
                                buf_u64(&b, 0);
                        buf_u8(&b, 1);
                        buf_blob(&b, "text", 4);
                }
                fuzz_seed_buf(choice, &b);
        }
}
