/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, and every decoder of proto.c: any bytes, no harm; and what decodes is encoded as the same bytes. */
#include "common/proto.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_HERE (4u << 20)

static bool again_template(struct reader *r, struct buf *out)
{
        struct proto_template t;
        struct err err = {0};

        if (get_template(r, &t, &err) < 0) {
                must(*err.text);
                return false;
        }
        must(t.job > 0 && (t.script || (t.argc && *t.argv[0])));
        put_template(out, &t);
        proto_template_release(&t);
        return true;
}

static bool again_result(struct reader *r, struct buf *out)
{
        struct proto_result res;

        get_result(r, &res);
        if (r->bad || reader_left(r))
                return false;
        must(memchr(res.text, 0, sizeof res.text) != NULL);
        put_result(out, &res);
        return true;
}

static bool again_resources(struct reader *r, struct buf *out)
{
        struct proto_resources res;

        get_resources(r, &res);
        if (r->bad || reader_left(r))
                return false;
        put_resources(out, &res);
        return true;
}

static bool again_file(struct reader *r, struct buf *out)
{
        struct proto_file f;
        bool good;

        get_file(r, &f);
        good = !r->bad && !reader_left(r);
        if (good)
                put_file(out, &f);
        free(f.path);
        return good;
}

static bool again_config(struct reader *r, struct buf *out)
{
        struct proto_config c;
        struct err err = {0};

        if (get_config(r, &c, &err) < 0) {
                must(*err.text);
                return false;
        }
        put_config(out, &c);
        proto_config_release(&c);
        return true;
}

static bool again_key(struct reader *r, struct buf *out)
{
        struct attempt_key k = get_key(r);

        if (r->bad || reader_left(r))
                return false;
        put_key(out, k);
        return true;
}

/* Frames as they come from a stream, whole or not. */
static bool again_frames(struct reader *r, struct buf *out)
{
        struct buf in;
        struct frame f;
        struct err err;
        size_t n = reader_left(r);

        buf_init(&in, SIZE_MAX_HERE);
        buf_put(&in, r->p, n);
        while (frame_next(&in, &f, &err) > 0) {
                size_t mark = frame_begin(out, f.type);

                must(f.whole <= buf_len(&in) && f.len < f.whole);
                buf_put(out, f.payload, f.len);
                frame_end(out, mark);
                frame_done(&in, &f);
        }
        /* What is not a frame yet stays. */
        buf_put(out, buf_bytes(&in), buf_len(&in));
        buf_release(&in);
        return true;
}

static bool (*const readers[])(struct reader *r, struct buf *out) = {
    again_template, again_result, again_resources, again_file, again_config, again_key, again_frames,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader r;
        struct buf out;

        if (!size)
                return 0;
        buf_init(&out, SIZE_MAX_HERE);
        reader_init(&r, data + 1, size - 1);
        if (readers[data[0] % ARRAY_LEN(readers)](&r, &out)) {
                must(!out.overflow && buf_len(&out) == size - 1);
                must(size == 1 || memcmp(buf_bytes(&out), data + 1, size - 1) == 0);
        }
        buf_release(&out);
        return 0;
}

static void seed_template(void)
{
        struct proto_pair pair = {(char *)"NAME", (char *)"value"};
        char *args[] = {(char *)"/bin/echo", (char *)"x"}, *outputs[] = {(char *)"out/*.txt"};
        struct proto_template t = {.job = 1,
                                   .name = (char *)"name",
                                   .project = (char *)"p",
                                   .site = (char *)"s",
                                   .argv = args,
                                   .argc = 2,
                                   .env = &pair,
                                   .env_count = 1,
                                   .resources = {.cpus = 1, .custom_count = 1, .custom = {{"gpu", 1}}},
                                   .inputs = &pair,
                                   .input_count = 1,
                                   .outputs = outputs,
                                   .output_count = 1,
                                   .output_dataset = (char *)"set"};
        struct buf b;

        pair.value = (char *)"/data/x";
        buf_init(&b, SIZE_MAX_HERE);
        put_template(&b, &t);
        fuzz_seed_buf(0, &b);
        buf_init(&b, SIZE_MAX_HERE);
        put_resources(&b, &t.resources);
        fuzz_seed_buf(2, &b);
}

void fuzz_seeds(void)
{
        struct proto_result res = {.key = {1, 2, 3}, .outcome = 1, .text = "words"};
        struct proto_file file = {.path = (char *)"a/b", .size = 3};
        struct proto_config config = {.timeout_ms = 1000, .hop_count = 1, .private_key = (char *)"key"};
        struct buf b;
        size_t mark;

        seed_template();
        buf_init(&b, SIZE_MAX_HERE);
        put_result(&b, &res);
        fuzz_seed_buf(1, &b);
        buf_init(&b, SIZE_MAX_HERE);
        put_file(&b, &file);
        fuzz_seed_buf(3, &b);
        config.hops[0] =
            (struct proto_hop){.user = (char *)"u", .host = (char *)"h", .port = 22, .key_count = 1};
        config.hops[0].keys[0].data = (uint8_t *)"0123";
        config.hops[0].keys[0].len = 4;
        buf_init(&b, SIZE_MAX_HERE);
        put_config(&b, &config);
        fuzz_seed_buf(4, &b);
        buf_init(&b, SIZE_MAX_HERE);
        put_key(&b, res.key);
        fuzz_seed_buf(5, &b);
        buf_init(&b, SIZE_MAX_HERE);
        mark = frame_begin(&b, P_ACK);
        buf_u32(&b, 7);
        frame_end(&b, mark);
        fuzz_seed_buf(6, &b);
}
