/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the outputs of ended attempts: a helper at a time takes a batch of them. */
#include "worker/agent.h"

#include "common/log.h"
#include "common/states.h"
#include "common/util.h"
#include "worker/chores.h"
#include "worker/keeper.h"

#include <stdlib.h>
#include <string.h>

#define PUBLISH_BATCH 64 /* attempts whose outputs one helper keeps */
#define PUBLISH_TRIES 3

static void published(struct agent *g, size_t i)
{
        free(g->publish[i].raw);
        memmove(&g->publish[i], &g->publish[i + 1], (--g->publish_count - i) * sizeof *g->publish);
}

static bool on_publisher_frame(void *arg, const struct frame *f)
{
        struct agent *g = arg;
        struct attempt_key key;
        struct reader r;

        reader_init(&r, f->payload, f->len);
        key = get_key(&r);
        for (size_t i = 0; i < g->publish_count; i++) {
                if (attempt_key_equal(g->publish[i].key, key)) {
                        published(g, i);
                        break;
                }
        }
        agent_forward_to_keeper(g, K_PUBLISHED, f);
        return true;
}

/* Those still listed with a try were not answered: the helper died over one of them. */
static void on_publisher_end(void *arg)
{
        struct agent *g = arg;

        g->publisher = NULL;
        for (size_t i = 0; i < g->publish_count;) {
                struct publishing *p = &g->publish[i];
                size_t mark;

                if (p->tries < PUBLISH_TRIES) {
                        i++;
                        continue;
                }
                mark = agent_to_keeper(g, K_PUBLISHED);
                put_key(&g->keeper_out, p->key);
                buf_u8(&g->keeper_out, OUTCOME_OUTPUT_FAILED);
                buf_u32(&g->keeper_out, 0);
                buf_str(&g->keeper_out, "keeping the outputs failed again and again");
                frame_end(&g->keeper_out, mark);
                published(g, i);
        }
        agent_publish(g);
}

void agent_publish(struct agent *g)
{
        struct buf batch;
        struct err err;
        size_t n;

        if (g->publisher || !g->publish_count)
                return;
        /* After a failure one at a time, so that the guilty one stands alone. */
        n = g->publish[0].tries ? 1 : g->publish_count < PUBLISH_BATCH ? g->publish_count : PUBLISH_BATCH;
        buf_init(&batch, FRAME_QUEUE_MAX);
        for (size_t i = 0; i < n; i++) {
                size_t mark = frame_begin(&batch, K_FINISH);

                buf_put(&batch, g->publish[i].raw, g->publish[i].len);
                frame_end(&batch, mark);
                g->publish[i].tries++;
        }
        if (helper_start(g->loop, chore_publish, &batch, on_publisher_frame, on_publisher_end, g,
                         &g->publisher, &err) < 0)
                log_error("%s", err.text);
        buf_release(&batch);
}

void agent_on_finish(struct agent *g, const struct frame *f)
{
        struct publishing *p;
        struct reader r;

        g->publish = xgrow(g->publish, g->publish_count, &g->publish_cap, sizeof *g->publish);
        p = &g->publish[g->publish_count++];
        reader_init(&r, f->payload, f->len);
        *p = (struct publishing){.raw = xmalloc(f->len), .len = f->len, .key = get_key(&r)};
        memcpy(p->raw, f->payload, f->len);
        if (g->current) {
                size_t mark = agent_to_engine(g, P_FINISHING);

                buf_u32(&g->current->out, 1);
                put_key(&g->current->out, p->key);
                frame_end(&g->current->out, mark);
        }
}

/* The files of one result, in as many frames as they need. */
void agent_send_outputs(struct agent *g, struct attempt_key key)
{
        struct buf list, *out = &g->current->out;
        struct reader r;
        uint32_t left;

        buf_init(&list, FRAME_QUEUE_MAX);
        if (outputs_load(key, &list, &left) < 0) {
                log_error("the list of outputs of %lld.%d#%d is gone", (long long)key.job, key.task,
                          key.attempt);
                left = 0;
        }
        reader_init(&r, buf_bytes(&list), buf_len(&list));
        while (left && !r.bad) {
                size_t mark = agent_to_engine(g, P_OUTPUTS), at;
                const uint8_t *from = r.p;
                uint32_t n = 0;

                put_key(out, key);
                at = buf_len(out);
                buf_u32(out, 0);
                while (left && !r.bad && n < BATCH_MAX && (size_t)(r.p - from) < CHUNK_MAX) {
                        struct proto_file f;

                        get_file(&r, &f);
                        free(f.path);
                        n++;
                        left--;
                }
                buf_patch_u32(out, at, n);
                buf_put(out, from, (size_t)(r.p - from));
                frame_end(out, mark);
        }
        buf_release(&list);
}

void agent_outputs_release(struct agent *g)
{
        while (g->publish_count)
                published(g, g->publish_count - 1);
        free(g->publish);
}
