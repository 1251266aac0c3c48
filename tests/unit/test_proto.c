/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/proto.h"
#include "common/util.h"

#include <string.h>

/* ---- frames ---- */

static void frames_come_back_as_they_were_written(void **state)
{
        struct buf b;
        struct frame f;
        struct err err;
        size_t first, second;

        (void)state;
        buf_init(&b, 1000);
        first = frame_begin(&b, P_PING);
        buf_u64(&b, 42);
        frame_end(&b, first);
        second = frame_begin(&b, P_STOP);
        frame_end(&b, second);

        assert_int_equal(frame_next(&b, &f, &err), 1);
        assert_int_equal(f.type, P_PING);
        assert_int_equal(f.len, 8);
        assert_int_equal(f.payload[0], 42);
        frame_done(&b, &f);
        assert_int_equal(frame_next(&b, &f, &err), 1);
        assert_int_equal(f.type, P_STOP);
        assert_int_equal(f.len, 0);
        frame_done(&b, &f);
        assert_int_equal(frame_next(&b, &f, &err), 0);
        buf_release(&b);
}

static void a_frame_in_pieces_waits_for_its_end(void **state)
{
        struct buf whole, part;
        struct frame f;
        struct err err;
        size_t mark;

        (void)state;
        buf_init(&whole, 1000);
        buf_init(&part, 1000);
        mark = frame_begin(&whole, P_PING);
        buf_u64(&whole, 42);
        frame_end(&whole, mark);
        for (size_t i = 0; i < buf_len(&whole); i++) {
                assert_int_equal(frame_next(&part, &f, &err), 0);
                buf_put(&part, buf_bytes(&whole) + i, 1);
        }
        assert_int_equal(frame_next(&part, &f, &err), 1);
        buf_release(&whole);
        buf_release(&part);
}

static void impossible_lengths_are_refused(void **state)
{
        static const uint32_t lengths[] = {0, FRAME_MAX + 1, UINT32_MAX};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                struct buf b;
                struct frame f;
                struct err err = {0};

                buf_init(&b, 1000);
                buf_u32(&b, lengths[i]);
                assert_int_equal(frame_next(&b, &f, &err), -1);
                assert_int_equal(err.code, ERR_PROTOCOL);
                buf_release(&b);
        }
}

/* ---- messages: each is written, read, and written again to the same bytes ---- */

static char *const two_args[] = {(char *)"/bin/echo", (char *)""};
static struct proto_pair one_env[] = {{(char *)"A", (char *)"x=y"}};
static struct proto_pair one_task_env[] = {{(char *)"N", (char *)"{task:4}"}};
static struct proto_pair one_input[] = {{(char *)"reads", (char *)"/data/reads"}};
static char *const one_output[] = {(char *)"out/**/*.sam"};

static struct proto_template full_template(void)
{
        struct proto_template t = {
            .job = 12,
            .name = (char *)"align",
            .project = (char *)"lambda",
            .site = (char *)"somewhere",
            .argv = (char **)two_args,
            .argc = 2,
            .script = (char *)"#!/bin/sh\n",
            .env = one_env,
            .env_count = 1,
            .workdir = (char *)"/scratch",
            .resources = {.cpus = 4, .gpus = 1, .memory = 1ull << 33, .custom_count = 1},
            .time_limit_ms = 60000,
            .kill_grace_ms = 500,
            .log_head = 10,
            .log_tail = 20,
            .disk_limit = 30,
            .process_limit = 40,
            .inputs = one_input,
            .input_count = 1,
            .outputs = (char **)one_output,
            .output_count = 1,
            .output_dataset = (char *)"set",
            .task_env = one_task_env,
            .task_env_count = 1,
            .stdio = {NULL, (char *)"logs/{job}_{task}.out", (char *)"/dev/null"},
            .stdio_append = true,
            .warn_signal = 10,
            .warn_ms = 60000};

        strcpy(t.resources.custom[0].name, "licence");
        t.resources.custom[0].count = 3;
        return t;
}

static int template_again(struct reader *r, struct buf *out)
{
        struct proto_template t;
        struct err err;

        if (get_template(r, &t, &err) < 0)
                return -1;
        put_template(out, &t);
        proto_template_release(&t);
        return 0;
}

static void put_full_template(struct buf *b)
{
        struct proto_template t = full_template();

        put_template(b, &t);
}

static int result_again(struct reader *r, struct buf *out)
{
        struct proto_result res;

        get_result(r, &res);
        if (r->bad || reader_left(r))
                return -1;
        put_result(out, &res);
        return 0;
}

static void put_full_result(struct buf *b)
{
        struct proto_result res = {.key = {1ll << 40, 7, 2},
                                   .outcome = 3,
                                   .code = -5,
                                   .start_wall_ms = 1,
                                   .end_wall_ms = 2,
                                   .wall_us = 3,
                                   .user_us = 4,
                                   .system_us = 5,
                                   .memory_peak = 6,
                                   .read_bytes = 7,
                                   .write_bytes = 8,
                                   .stdout_bytes = 9,
                                   .stderr_bytes = 10,
                                   .log_cut = 3,
                                   .output_count = 11};

        memset(res.text, 'x', sizeof res.text - 1);
        put_result(b, &res);
}

static int file_again(struct reader *r, struct buf *out)
{
        struct proto_file f;

        get_file(r, &f);
        if (r->bad || reader_left(r)) {
                free(f.path);
                return -1;
        }
        put_file(out, &f);
        free(f.path);
        return 0;
}

static void put_full_file(struct buf *b)
{
        struct proto_file f = {.path = (char *)"a/b", .size = 99};

        memset(f.sha256, 0xab, sizeof f.sha256);
        put_file(b, &f);
}

static int config_again(struct reader *r, struct buf *out)
{
        struct proto_config c;
        struct err err;

        if (get_config(r, &c, &err) < 0)
                return -1;
        put_config(out, &c);
        proto_config_release(&c);
        return 0;
}

static void put_full_config(struct buf *b)
{
        struct proto_config c = {.backend = BACKEND_OPENSSH,
                                 .probe = 1,
                                 .timeout_ms = 10,
                                 .hop_count = 2,
                                 .private_key = (char *)"key"};

        for (int i = 0; i < 2; i++) {
                c.hops[i] =
                    (struct proto_hop){.user = (char *)"u", .host = (char *)"h", .port = 22, .key_count = 1};
                c.hops[i].keys[0].data = (uint8_t *)"bytes";
                c.hops[i].keys[0].len = 5;
        }
        put_config(b, &c);
}

static const struct message {
        const char *name;
        void (*put)(struct buf *b);
        int (*again)(struct reader *r, struct buf *out);
} messages[] = {
    {"template", put_full_template, template_again},
    {"result", put_full_result, result_again},
    {"file", put_full_file, file_again},
    {"config", put_full_config, config_again},
};

static void messages_survive_the_journey(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
                struct buf b, again;
                struct reader r;

                buf_init(&b, FRAME_MAX);
                buf_init(&again, FRAME_MAX);
                messages[i].put(&b);
                reader_init(&r, buf_bytes(&b), buf_len(&b));
                assert_int_equal(messages[i].again(&r, &again), 0);
                assert_int_equal(buf_len(&b), buf_len(&again));
                assert_memory_equal(buf_bytes(&b), buf_bytes(&again), buf_len(&b));
                buf_release(&b);
                buf_release(&again);
        }
}

static void a_message_cut_anywhere_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
                struct buf b, again;

                buf_init(&b, FRAME_MAX);
                buf_init(&again, FRAME_MAX);
                messages[i].put(&b);
                for (size_t n = 0; n < buf_len(&b); n++) {
                        /* A copy of exactly this size, so that reading beyond it is seen by the sanitizer. */
                        uint8_t *cut = xmalloc(n);
                        struct reader r;

                        memcpy(cut, buf_bytes(&b), n);
                        reader_init(&r, cut, n);
                        assert_int_equal(messages[i].again(&r, &again), -1);
                        free(cut);
                }
                buf_release(&b);
                buf_release(&again);
        }
}

static void a_message_with_more_behind_it_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
                struct buf b, again;
                struct reader r;

                buf_init(&b, FRAME_MAX);
                buf_init(&again, FRAME_MAX);
                messages[i].put(&b);
                buf_u8(&b, 0);
                reader_init(&r, buf_bytes(&b), buf_len(&b));
                assert_int_equal(messages[i].again(&r, &again), -1);
                buf_release(&b);
                buf_release(&again);
        }
}

static void damage_is_never_more_than_a_refusal(void **state)
{
        uint64_t seed = 1;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
                struct buf b, again;

                buf_init(&b, FRAME_MAX);
                buf_init(&again, 8 * FRAME_MAX);
                messages[i].put(&b);
                for (int round = 0; round < 3000; round++) {
                        size_t n = buf_len(&b);
                        uint8_t *bad = xmalloc(n);
                        struct reader r;

                        memcpy(bad, buf_bytes(&b), n);
                        for (int k = 0; k < 3; k++) {
                                seed = hash_mix(seed + 0x9e3779b97f4a7c15ULL);
                                bad[seed % n] = (uint8_t)(seed >> 32);
                        }
                        reader_init(&r, bad, n);
                        buf_clear(&again);
                        /* What is taken fits into what was given. */
                        if (messages[i].again(&r, &again) == 0)
                                assert_true(buf_len(&again) <= n);
                        free(bad);
                }
                buf_release(&b);
                buf_release(&again);
        }
}

static void templates_that_cannot_be_obeyed_are_refused(void **state)
{
        static struct proto_pair no_name = {(char *)"", (char *)"x"}, equals = {(char *)"A=B", (char *)"x"},
                                 relative = {(char *)"i", (char *)"data"};
        static char *const outside[] = {(char *)"../x"}, *const inner[] = {(char *)"a/../../x"},
                           *const absolute[] = {(char *)"/x"};
        static struct proto_pair no_such = {(char *)"N", (char *)"{tusk}"};
        struct proto_template t[13];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                t[i] = full_template();
        t[0].job = 0;
        t[1].script = NULL;
        t[1].argc = 0;
        t[2].env = &no_name;
        t[3].env = &equals;
        t[4].inputs = &relative;
        t[5].workdir = (char *)"here";
        t[6].outputs = (char **)outside;
        t[7].outputs = (char **)inner;
        t[8].outputs = (char **)absolute;
        t[9].output_dataset = (char *)"a/b";
        t[10].task_env = &no_such;
        t[11].stdio[0] = (char *)"{";
        t[12].warn_signal = 65;
        for (size_t i = 0; i < ARRAY_LEN(t); i++) {
                struct proto_template got;
                struct err err = {0};
                struct reader r;
                struct buf b;

                buf_init(&b, FRAME_MAX);
                put_template(&b, &t[i]);
                reader_init(&r, buf_bytes(&b), buf_len(&b));
                assert_int_equal(get_template(&r, &got, &err), -1);
                assert_int_equal(err.code, ERR_PROTOCOL);
                buf_release(&b);
        }
}

static void counts_beyond_their_limit_are_refused(void **state)
{
        struct proto_template t = full_template(), got;
        struct err err;
        struct reader r;
        struct buf b;
        char **many = xcalloc(TEMPLATE_OUTPUTS_MAX + 1, sizeof *many);

        (void)state;
        for (size_t i = 0; i <= TEMPLATE_OUTPUTS_MAX; i++)
                many[i] = (char *)"x";
        t.outputs = many;
        for (uint32_t n = TEMPLATE_OUTPUTS_MAX; n <= TEMPLATE_OUTPUTS_MAX + 1; n++) {
                buf_init(&b, FRAME_MAX);
                t.output_count = n;
                put_template(&b, &t);
                reader_init(&r, buf_bytes(&b), buf_len(&b));
                assert_int_equal(get_template(&r, &got, &err), n > TEMPLATE_OUTPUTS_MAX ? -1 : 0);
                if (n <= TEMPLATE_OUTPUTS_MAX)
                        proto_template_release(&got);
                buf_release(&b);
        }
        free(many);
}

static void steps_have_names(void **state)
{
        (void)state;
        for (int i = 0; i < CONNECT_STEP_COUNT; i++) {
                assert_true(strlen(connect_step_name((enum connect_step)i)) > 0);
                assert_true(strlen(connect_step_sentence((enum connect_step)i)) > 0);
        }
        assert_string_equal(connect_step_name(STEP_HOSTKEY), "host key");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(frames_come_back_as_they_were_written),
            cmocka_unit_test(a_frame_in_pieces_waits_for_its_end),
            cmocka_unit_test(impossible_lengths_are_refused),
            cmocka_unit_test(messages_survive_the_journey),
            cmocka_unit_test(a_message_cut_anywhere_is_refused),
            cmocka_unit_test(a_message_with_more_behind_it_is_refused),
            cmocka_unit_test(damage_is_never_more_than_a_refusal),
            cmocka_unit_test(templates_that_cannot_be_obeyed_are_refused),
            cmocka_unit_test(counts_beyond_their_limit_are_refused),
            cmocka_unit_test(steps_have_names),
        };

        return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
