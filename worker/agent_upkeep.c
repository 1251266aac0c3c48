/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat, the disk use of what runs, and cleaning up. */
#include "worker/agent.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/chores.h"
#include "worker/facts.h"
#include "worker/files.h"
#include "worker/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEASURE_EVERY_MS  5000
#define DISK_FULL_BYTES   (64u << 20) /* the worker takes no launch below it */
#define KEEP_FULL_SECONDS 60 /* on a full disk, younger leavings stay: their results may be on the way */
#define JANITOR_EVERY_MS  (3600 * 1000)
#define WORKER_LOG_MAX    (4u << 20)

/* ---- lease and health ---- */

static void send_renew(struct agent *g)
{
        size_t mark = agent_to_engine(g, P_RENEW);

        g->renew_nonce++;
        g->renew_ms[g->renew_nonce % ARRAY_LEN(g->renew_ms)] = clock_boot_ms();
        buf_u64(&g->current->out, g->renew_nonce);
        frame_end(&g->current->out, mark);
}

void agent_heartbeat(void *arg)
{
        struct agent *g = arg;

        g->heartbeat_timer = 0;
        if (!g->current)
                return;
        send_renew(g);
        g->health_due = true;
        frame_end(&g->keeper_out, agent_to_keeper(g, K_COUNT));
        g->heartbeat_timer = loop_timer_set(g->loop, g->current->heartbeat_ms, agent_heartbeat, g);
}

static void janitor_start(struct agent *g, uint64_t keep_bytes, int64_t keep_seconds);

void agent_send_health(struct agent *g, struct reader *counts)
{
        struct buf *b = &g->current->out;
        size_t mark = agent_to_engine(g, P_HEALTH);
        uint64_t disk_free, disk_total;

        disk_space(&disk_free, &disk_total);
        /* On a full disk what ended attempts left behind goes first. */
        if (disk_free < DISK_FULL_BYTES && !g->janitor)
                janitor_start(g, 0, KEEP_FULL_SECONDS);
        buf_u64(b, disk_free);
        buf_u64(b, disk_total);
        buf_u64(b, facts_memory_available());
        buf_u32(b, facts_load_milli());
        buf_u64(b, (uint64_t)clock_wall_ms());
        for (int i = 0; i < 3; i++)
                buf_u32(b, reader_u32(counts));
        frame_end(b, mark);
}

/* ---- housekeeping ---- */

static bool to_keeper_cb(void *arg, const struct frame *f)
{
        agent_forward_to_keeper(arg, f->type, f);
        return true;
}

static void on_measured(void *arg);

void agent_measure(void *arg)
{
        struct agent *g = arg;
        struct measure_request q = {.items = xcalloc(g->running_count, sizeof *q.items)};
        struct err err;

        for (size_t i = 0; i < g->running_count; i++) {
                if (!g->running[i].disk_limit)
                        continue;
                q.items[q.count].key = g->running[i].key;
                q.items[q.count].limit = g->running[i].disk_limit;
                snprintf(q.items[q.count++].dir, sizeof q.items->dir, "%s", g->running[i].dir);
        }
        if (!q.count ||
            helper_start(g->loop, chore_measure, &q, to_keeper_cb, on_measured, g, &g->measurer, &err) < 0)
                loop_timer_set(g->loop, MEASURE_EVERY_MS, agent_measure, g);
        free(q.items);
}

static void on_measured(void *arg)
{
        struct agent *g = arg;

        g->measurer = NULL;
        loop_timer_set(g->loop, MEASURE_EVERY_MS, agent_measure, g);
}

/* The log of both halves is descriptor 2, opened for appending: it can be copied away and emptied in place.
 */
static void bound_log(void)
{
        struct stat st;
        off_t at = 0;

        if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)WORKER_LOG_MAX) {
                AUTO_CLOSE int from = open("worker.log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
                AUTO_CLOSE int to =
                    open("worker.log.1", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

                if (from >= 0 && to >= 0 && sendfile(to, from, &at, (size_t)st.st_size) < 0)
                        log_warn("the older log is lost");
                if (ftruncate(STDERR_FILENO, 0) < 0)
                        log_warn("the log cannot be emptied");
        }
}

static bool ignore_frame(void *arg, const struct frame *f)
{
        (void)arg;
        (void)f;
        return true;
}

static void on_janitor_end(void *arg)
{
        struct agent *g = arg;

        g->janitor = NULL;
}

static void janitor_start(struct agent *g, uint64_t keep_bytes, int64_t keep_seconds)
{
        struct janitor_request q = {.now = clock_wall_ms() / 1000,
                                    .keep_bytes = keep_bytes,
                                    .keep_seconds = keep_seconds,
                                    .generation = g->generation,
                                    .count = g->running_count};
        struct err err;

        bound_log();
        q.running = xcalloc(q.count, sizeof *q.running);
        for (size_t i = 0; i < q.count; i++)
                q.running[i] = g->running[i].dir;
        if (!g->janitor)
                helper_start(g->loop, chore_janitor, &q, ignore_frame, on_janitor_end, g, &g->janitor, &err);
        free(q.running);
}

void agent_sweep(void *arg)
{
        struct agent *g = arg;

        janitor_start(g, KEEP_BYTES, KEEP_YOUNG_SECONDS);
        transfers_sweep(g->transfers);
        loop_timer_set(g->loop, JANITOR_EVERY_MS, agent_sweep, g);
}
