/* SPDX-License-Identifier: Apache-2.0 */
/* Reading logs and files, and scans: helpers that may block, one for all reads and one for each scan. */
#include "worker/agent.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/chores.h"
#include "worker/spool.h"

#include <stdio.h>

#define SCANS_AT_ONCE 2
#define SCANS_MAX     64

struct scan_job {
        struct agent *agent;
        struct scan_request request;
        struct conn *conn;
        struct helper *helper; /* NULL: waits */
        bool ended;            /* P_SCAN_END was sent */
        struct scan_job *next;
};

static void scans_start(struct agent *g);

/* ---- reading ---- */

static bool on_reader_frame(void *arg, const struct frame *f)
{
        struct agent *g = arg;

        if (g->current && buf_len(&g->current->out) > BULK_MAX)
                return false;
        if (f->type == P_DATA)
                agent_forward_to_engine(g, P_DATA, f);
        return true;
}

static void on_reader_end(void *arg)
{
        struct agent *g = arg;

        g->reader = NULL;
}

static void refuse_read(struct agent *g, uint32_t request, const char *text)
{
        struct buf *b = &g->current->out;
        size_t mark = agent_to_engine(g, P_DATA);

        buf_u32(b, request);
        buf_u8(b, READ_FAILED);
        for (int i = 0; i < 4; i++)
                buf_u64(b, 0);
        buf_u8(b, 1);
        buf_str(b, text);
        frame_end(b, mark);
}

void agent_on_read(struct agent *g, struct reader *r)
{
        uint32_t request = reader_u32(r);
        uint8_t what = reader_u8(r);
        struct attempt_key key = get_key(r);
        AUTO_FREE char *path = reader_str(r, PATH_TEXT_MAX);
        uint64_t offset = reader_u64(r);
        uint32_t length = reader_u32(r);
        struct running *run = agent_running(g, key);
        char log[128], final[96];
        struct buf *b;
        struct err err;
        size_t mark;

        if (r->bad || what > READ_PATH || length > CHUNK_MAX) {
                r->bad = true;
                return;
        }
        if (!g->reader && helper_start(g->loop, chore_reader, NULL, on_reader_frame, on_reader_end, g,
                                       &g->reader, &err) < 0) {
                refuse_read(g, request, err.text);
                return;
        }
        spool_final_path(key, final);
        snprintf(log, sizeof log, "%s/%s", run ? run->dir : final,
                 what == READ_STDERR ? LOG_STDERR : LOG_STDOUT);
        b = helper_out(g->reader);
        mark = frame_begin(b, CHORE_READ);
        buf_u32(b, request);
        buf_u8(b, what);
        buf_str(b, what == READ_STDOUT || what == READ_STDERR ? log : path);
        buf_u64(b, offset);
        buf_u32(b, length);
        buf_u8(b, run ? 0 : 1);
        frame_end(b, mark);
        helper_flush(g->reader);
}

/* ---- scans ---- */

static void scan_end(struct conn *c, uint32_t request, const char *text)
{
        size_t mark = frame_begin(&c->out, P_SCAN_END);

        buf_u32(&c->out, request);
        buf_u8(&c->out, READ_FAILED);
        buf_u8(&c->out, 0);
        buf_str(&c->out, text);
        frame_end(&c->out, mark);
}

static bool on_scan_frame(void *arg, const struct frame *f)
{
        struct scan_job *s = arg;

        if (s->conn && buf_len(&s->conn->out) > BULK_MAX)
                return false;
        s->ended |= f->type == P_SCAN_END;
        if (s->conn && s->conn == s->agent->current)
                agent_forward_to_engine(s->agent, f->type, f);
        return true;
}

static void on_scan_end(void *arg)
{
        struct scan_job *s = arg, **at = &s->agent->scans;
        struct agent *g = s->agent;

        if (!s->ended && s->conn)
                scan_end(s->conn, s->request.request, "the scan was interrupted; ask again");
        while (*at != s)
                at = &(*at)->next;
        *at = s->next;
        g->scan_count--;
        free(s->request.path);
        free(s);
        scans_start(g);
}

static void scans_start(struct agent *g)
{
        int active = 0;
        struct err err;

        for (struct scan_job *s = g->scans; s && active < SCANS_AT_ONCE; s = s->next) {
                if (!s->helper && helper_start(g->loop, chore_scan, &s->request, on_scan_frame, on_scan_end,
                                               s, &s->helper, &err) < 0) {
                        log_warn("%s", err.text);
                        return;
                }
                active++;
        }
}

void agent_on_scan(struct agent *g, struct reader *r)
{
        uint32_t request = reader_u32(r);
        AUTO_FREE char *path = reader_str(r, PATH_TEXT_MAX);
        struct scan_job *s, **at = &g->scans;

        if (r->bad)
                return;
        if (path[0] != '/' || g->scan_count >= SCANS_MAX) {
                scan_end(g->current, request,
                         path[0] != '/' ? "the path is not absolute"
                                        : "too many scans at once; try again later");
                return;
        }
        s = xcalloc(1, sizeof *s);
        *s = (struct scan_job){
            .agent = g, .request = {.request = request, .path = MOVE(path)}, .conn = g->current};
        while (*at)
                at = &(*at)->next;
        *at = s;
        g->scan_count++;
        scans_start(g);
}

void agent_reads_resume(struct agent *g)
{
        if (g->reader)
                helper_resume(g->reader);
        for (struct scan_job *s = g->scans, *next; s; s = next) {
                next = s->next;
                if (s->helper)
                        helper_resume(s->helper);
        }
}

void agent_reads_hung_up(struct agent *g, const struct conn *c)
{
        for (struct scan_job *s = g->scans; s; s = s->next) {
                if (s->conn == c)
                        s->conn = NULL;
        }
        /* What the reader holds for it will be dropped now. */
        if (g->reader && !g->keeper_stopped)
                helper_resume(g->reader);
}
