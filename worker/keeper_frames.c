/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper tells the agent, and what the agent asks: keeper.h. */
#include "worker/keeper.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/keeping.h"

#include <string.h>

#define RESULTS_A_FRAME 1024

/* ---- output to the agent ---- */

struct buf *keeper_frame(struct keeper *k, uint8_t type, size_t *ret_mark)
{
        if (k->agent_fd < 0)
                return NULL;
        *ret_mark = frame_begin(&k->agent_out, type);
        return &k->agent_out;
}

void keeper_frame_end(struct keeper *k, size_t mark)
{
        frame_end(&k->agent_out, mark);
}

static void send_fenced(struct keeper *k, uint32_t tag, uint64_t epoch)
{
        size_t mark;
        struct buf *b = keeper_frame(k, K_FENCED, &mark);

        if (!b)
                return;
        buf_u32(b, tag);
        buf_u64(b, epoch);
        keeper_frame_end(k, mark);
}

void keeper_send_accepted(struct keeper *k)
{
        size_t mark;
        struct buf *b = keeper_frame(k, K_ACCEPTED, &mark);

        if (!b)
                return;
        buf_u32(b, k->accept_tag);
        keeper_frame_end(k, mark);
}

void keeper_send_empty(struct keeper *k, uint8_t type)
{
        size_t mark;

        if (keeper_frame(k, type, &mark))
                keeper_frame_end(k, mark);
}

static void send_fault(struct keeper *k, const char *text)
{
        size_t mark;
        struct buf *b = keeper_frame(k, K_FAULT, &mark);

        if (!b)
                return;
        buf_str(b, text);
        keeper_frame_end(k, mark);
}

/* Results from `a` on, packed. */
void keeper_send_results(struct keeper *k, struct attempt *a)
{
        while (a && k->agent_asked) {
                size_t mark, at;
                uint32_t n = 0;
                struct buf *b = keeper_frame(k, K_ENDED, &mark);

                if (!b)
                        return;
                at = buf_len(b);
                buf_u32(b, 0);
                for (; a && n < RESULTS_A_FRAME; a = a->next) {
                        if (!a->durable)
                                continue;
                        buf_put(b, a->result, a->result_len);
                        n++;
                }
                buf_patch_u32(b, at, n);
                keeper_frame_end(k, mark);
        }
}

static void send_snapshot_of(struct keeper *k, const struct list *l, enum snapshot_state state)
{
        const struct attempt *a = l->first;

        while (a) {
                size_t mark, at;
                uint32_t n = 0;
                struct buf *b = keeper_frame(k, K_SNAPSHOT, &mark);

                if (!b)
                        return;
                at = buf_len(b);
                buf_u32(b, 0);
                for (; a && n < BATCH_MAX; a = a->next, n++) {
                        put_key(b, a->key);
                        buf_u8(b, (uint8_t)state);
                }
                buf_patch_u32(b, at, n);
                keeper_frame_end(k, mark);
        }
}

/* ---- frames from the agent ---- */

static void on_hello(struct keeper *k, struct reader *r)
{
        struct proto_resources offered;
        uint8_t instance[16];
        uint64_t epoch;
        uint32_t slots, tag = reader_u32(r);

        for (size_t i = 0; i < sizeof instance; i++)
                instance[i] = reader_u8(r);
        epoch = reader_u64(r);
        get_resources(r, &offered);
        slots = reader_u32(r);
        if (r->bad)
                return;
        if (k->has_instance && memcmp(instance, k->instance, sizeof instance) != 0) {
                send_fenced(k, tag, 0);
                return;
        }
        if (epoch < k->epoch) {
                send_fenced(k, tag, k->epoch);
                return;
        }
        work_offer(&k->work, &offered, slots);
        if (epoch > k->epoch || !k->has_instance) {
                memcpy(k->instance, instance, sizeof instance);
                k->has_instance = true;
                k->epoch = epoch;
                record_epoch(k);
        }
        /* Templates are sent anew on each connection, so those that nothing needs may go. */
        for (size_t i = 0; i < k->work.job_hash; i++) {
                for (struct job *job = k->work.jobs[i], *next; job; job = next) {
                        next = job->next;
                        job->forgotten = true;
                        work_job_release_if_idle(&k->work, job);
                }
        }
        k->agent_asked = false;
        k->accept_due = true;
        k->accept_tag = tag;
}

static void on_template(struct keeper *k, struct reader *r)
{
        struct job *job;
        struct err err;
        uint32_t before = 0;

        if (work_add_job(&k->work, r->p, reader_left(r), &job, &err) < 0) {
                send_fault(k, err.text);
                r->p = r->end;
                return;
        }
        r->p = r->end;
        before = job->live;
        if (!before)
                record_template(k, job);
}

/* One range of a launch: known keys are left alone; the rest is queued and recorded in runs. */
static int launch_range(struct keeper *k, struct job *job, struct attempt_key key, uint32_t count)
{
        struct attempt_key first = key;
        uint64_t index = k->work.next_index;
        uint32_t fresh = 0;

        for (; count; count--, key.task++) {
                struct attempt *known = work_find(&k->work, key);

#ifdef REEVE_FAULT_double_launch
                known = NULL;
#endif
                if (!known && k->work.count >= ATTEMPTS_MAX)
                        break;
                if (!known) {
                        if (!fresh) {
                                first = key;
                                index = k->work.next_index;
                        }
                        work_add(&k->work, key, job);
                        fresh++;
                        continue;
                }
                if (known->phase == PHASE_REFUSED) {
                        /* It was cancelled before it came: say so again. */
                        known->durable = false;
                        work_move(&k->work, known, PHASE_ENDED);
                }
                if (fresh)
                        record_launch(k, first, fresh, index);
                fresh = 0;
        }
        if (fresh)
                record_launch(k, first, fresh, index);
        return count ? -1 : 0;
}

static void on_launch(struct keeper *k, struct reader *r)
{
        int64_t id = (int64_t)reader_u64(r);
        struct job *job = work_job(&k->work, id);
        uint32_t n = reader_u32(r);

        if (!job) {
                send_fault(k, "a launch came before the template of its job");
                r->p = r->end;
                return;
        }
        for (; n && !r->bad; n--) {
                uint32_t first = reader_u32(r), count = reader_u32(r), attempt = reader_u32(r);

                if (r->bad || first > INT32_MAX || count > INT32_MAX - first || attempt > INT32_MAX) {
                        r->bad = true;
                        return;
                }
                if (launch_range(k, job, (struct attempt_key){id, (int32_t)first, (int32_t)attempt}, count) <
                    0) {
                        send_fault(k, "more attempts were launched than a worker may hold");
                        r->p = r->end;
                        return;
                }
        }
}

static void cancel_one(struct keeper *k, struct attempt_key key, enum outcome outcome, uint32_t grace_ms)
{
        const char *text = outcome == OUTCOME_DRAINED ? "its site is being closed" : "it was cancelled";
        struct attempt *a = work_find(&k->work, key);

        if (!a) {
                if (k->work.count >= ATTEMPTS_MAX)
                        return;
                a = work_add(&k->work, key, NULL);
                attempt_end_unstarted(k, a, OUTCOME_NEVER_STARTED,
                                      "it had not arrived here when it was cancelled");
        } else if (a->phase == PHASE_QUEUED) {
                attempt_end_unstarted(k, a, outcome, text);
        } else if (a->phase == PHASE_RUNNING) {
                attempt_kill(k, a, outcome, grace_ms, text);
        }
}

static void on_cancel(struct keeper *k, struct reader *r)
{
        uint32_t grace_ms = reader_u32(r);
        uint8_t outcome = reader_u8(r);
        uint32_t n = reader_u32(r);

        if (outcome != OUTCOME_CANCELLED && outcome != OUTCOME_DRAINED)
                r->bad = true;
        for (; n && !r->bad; n--) {
                struct attempt_key key = get_key(r);

                if (!r->bad)
                        cancel_one(k, key, outcome, grace_ms);
        }
}

/* The engine has it; what was refused unseen stays known for a while, in case its launch is still on the way.
 */
void attempt_acked(struct keeper *k, struct attempt *a)
{
        const size_t outcome_at = 16; /* behind the key */

        if (a->phase != PHASE_ENDED)
                return;
        if (a->result[outcome_at] != OUTCOME_NEVER_STARTED) {
                work_remove(&k->work, a);
                return;
        }
        work_move(&k->work, a, PHASE_REFUSED);
        if (k->work.refused.count > REFUSED_MAX)
                work_remove(&k->work, k->work.refused.first);
}

static void on_ack(struct keeper *k, struct reader *r)
{
        struct attempt_key keys[256];
        uint32_t n = reader_u32(r), m = 0;

        for (; n && !r->bad; n--) {
                struct attempt_key key = get_key(r);
                struct attempt *a = r->bad ? NULL : work_find(&k->work, key);

                if (!a || a->phase != PHASE_ENDED || !a->durable)
                        continue;
                attempt_acked(k, a);
                keys[m++] = key;
                if (m == ARRAY_LEN(keys)) {
                        record_acked(k, keys, m);
                        m = 0;
                }
        }
        if (m)
                record_acked(k, keys, m);
}

static void on_forget(struct keeper *k, struct reader *r)
{
        struct job *job = work_job(&k->work, (int64_t)reader_u64(r));

        if (r->bad || !job)
                return;
        job->forgotten = true;
        work_job_release_if_idle(&k->work, job);
}

void keeper_lease_end(void *arg)
{
        struct keeper *k = arg;
        int64_t left = k->memory->lease_until_ms - clock_boot_ms();

        k->lease_timer = 0;
        if (left > 0) {
                k->lease_timer = loop_timer_set(k->loop, left, keeper_lease_end, k);
                return;
        }
        if (k->work.running.count || k->work.queue.count)
                log_warn("the lease ended: %u running and %u queued attempts end with it",
                         k->work.running.count, k->work.queue.count);
        attempts_lease_ended(k);
}

static void on_lease(struct keeper *k, struct reader *r)
{
        int64_t until = (int64_t)reader_u64(r);

        if (r->bad)
                return;
        if (until > k->memory->lease_until_ms)
                k->memory->lease_until_ms = until;
        k->has_lease = true;
        if (!k->lease_timer)
                k->lease_timer = loop_timer_set(k->loop, 0, keeper_lease_end, k);
}

static void on_ask(struct keeper *k, struct reader *r)
{
        (void)r;
        send_snapshot_of(k, &k->work.queue, SNAP_QUEUED);
        send_snapshot_of(k, &k->work.running, SNAP_RUNNING);
        send_snapshot_of(k, &k->work.exited, SNAP_RUNNING);
        send_snapshot_of(k, &k->work.finishing, SNAP_FINISHING);
        send_snapshot_of(k, &k->work.ended, SNAP_ENDED);
        keeper_send_empty(k, K_SNAPSHOT_END);
        k->agent_asked = true;
        keeper_send_results(k, k->work.ended.first);
        for (struct attempt *a = k->work.running.first; a; a = a->next)
                a->run->reported = false;
        attempts_watch(k);
}

static void on_published(struct keeper *k, struct reader *r)
{
        struct attempt *a = work_find(&k->work, get_key(r));
        uint8_t outcome = reader_u8(r);
        uint32_t count = reader_u32(r);
        AUTO_FREE char *text = reader_str(r, RESULT_TEXT_MAX - 1);

        if (!r->bad && outcome < OUTCOME_COUNT && a && a->phase == PHASE_FINISHING)
                attempt_published(k, a, outcome, count, text);
}

static void on_over(struct keeper *k, struct reader *r)
{
        struct attempt *a = work_find(&k->work, get_key(r));
        uint8_t outcome = reader_u8(r);
        AUTO_FREE char *text = reader_str(r, RESULT_TEXT_MAX - 1);

        if (!r->bad && outcome < OUTCOME_COUNT && a && a->phase == PHASE_RUNNING)
                attempt_kill(k, a, outcome, 0, text);
}

void keeper_stop(struct keeper *k, enum stop_mode mode)
{
        k->stopping = true;
        if (mode != STOP_NOW)
                return;
        for (struct attempt *a = k->work.queue.first, *next; a; a = next) {
                next = a->next;
                attempt_end_unstarted(k, a, OUTCOME_DRAINED, "the worker was stopped");
        }
        for (struct attempt *a = k->work.running.first; a; a = a->next)
                attempt_kill(k, a, OUTCOME_DRAINED, 0, "the worker was stopped");
}

static void on_stop(struct keeper *k, struct reader *r)
{
        uint8_t mode = reader_u8(r);

        if (!r->bad)
                keeper_stop(k, mode == STOP_NOW ? STOP_NOW : STOP_WHEN_IDLE);
}

static void on_count(struct keeper *k, struct reader *r)
{
        size_t mark;
        struct buf *b = keeper_frame(k, K_COUNTS, &mark);

        (void)r;
        if (!b)
                return;
        buf_u32(b, k->work.running.count + k->work.exited.count + k->work.finishing.count);
        buf_u32(b, k->work.queue.count);
        buf_u32(b, k->work.ended.count);
        keeper_frame_end(k, mark);
}

void keeper_frame_from_agent(struct keeper *k, const struct frame *f)
{
        static void (*const by_type[])(struct keeper *, struct reader *) = {
            [K_HELLO] = on_hello,         [K_TEMPLATE] = on_template, [K_LAUNCH] = on_launch,
            [K_CANCEL] = on_cancel,       [K_ACK] = on_ack,           [K_FORGET] = on_forget,
            [K_LEASE] = on_lease,         [K_ASK] = on_ask,           [K_STOP] = on_stop,
            [K_PUBLISHED] = on_published, [K_OVER] = on_over,         [K_COUNT] = on_count,
        };
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type < ARRAY_LEN(by_type) && by_type[f->type])
                by_type[f->type](k, &r);
        else
                r.bad = true;
        if (r.bad || reader_left(&r))
                send_fault(k, "a frame does not decode");
}
