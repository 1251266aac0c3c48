/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/agent.h"

#include "common/util.h"
#include "worker/keeper.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MEASURE_FIRST_MS 5000
#define JANITOR_FIRST_MS (60 * 1000)

static bool on_watch_frame(void *arg, const struct frame *f)
{
        struct agent *g = arg;

        if (g->current && buf_len(&g->current->out) > BULK_MAX)
                return false;
        agent_forward_to_engine(g, P_PROGRESS, f);
        return true;
}

static void on_turn_end(void *arg)
{
        struct agent *g = arg;

        agent_publish(g);
        agent_keeper_flush(g);
        for (size_t i = 0; i < CONNS_MAX; i++) {
                if (g->conns[i].fd >= 0)
                        conn_flush(&g->conns[i]);
        }
        if (g->current && buf_len(&g->current->out) > BULK_MAX)
                return;
        agent_reads_resume(g);
        watch_resume(g->watch);
        transfers_resume(g->transfers);
}

/* ---- transfers ---- */

static struct buf *transfers_out(void *arg)
{
        struct agent *g = arg;

        return g->current ? &g->current->out : NULL;
}

static void on_transfers_fault(void *arg, const char *text)
{
        struct agent *g = arg;

        if (g->current)
                conn_fault(g->current, text);
}

static int transfers_open(struct agent *g, struct err *err)
{
        const struct transfers_port port = {
            .out = transfers_out, .on_fault = on_transfers_fault, .arg = g, .bulk_max = BULK_MAX};

        return transfers_new(g->loop, g->root, &port, &g->transfers, err);
}

static int open_socket(struct agent *g, struct err *err)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "agent.sock"};
        mode_t old = umask(0177);
        int rc = -1;

        unlink("agent.sock");
        g->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (g->listen_fd < 0 || bind(g->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
            listen(g->listen_fd, 16) < 0)
                err_errno(err, "could not listen on \"agent.sock\"");
        else
                rc = loop_fd_add(g->loop, g->listen_fd, LOOP_READ, agent_on_listen, g, err);
        umask(old);
        return rc;
}

static void agent_free(struct agent *g)
{
        helpers_kill_all();
        for (size_t i = 0; i < CONNS_MAX; i++)
                conn_close(&g->conns[i]);
        transfers_free(g->transfers);
        agent_outputs_release(g);
        free(g->running);
        watch_free(g->watch);
        free(g->cgroup_word);
        buf_release(&g->keeper_in);
        buf_release(&g->keeper_out);
        loop_free(g->loop);
        free(g);
}

int agent_main(const char *root, struct err *err)
{
        struct agent *g = xcalloc(1, sizeof *g);
        int rc = -1;

        g->root = root;
        g->keeper_fd = KEEPER_FD;
        for (size_t i = 0; i < CONNS_MAX; i++)
                g->conns[i] = (struct conn){.agent = g, .fd = -1};
        buf_init(&g->keeper_in, 2 * FRAME_MAX);
        buf_init(&g->keeper_out, FRAME_QUEUE_MAX);
        if (fcntl(KEEPER_FD, F_SETFL, O_NONBLOCK) < 0 || fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC) < 0) {
                err_errno(err, "this command is for the keeper only");
        } else if (loop_new(&g->loop, err) == 0 &&
                   loop_fd_add(g->loop, KEEPER_FD, LOOP_READ, agent_on_keeper, g, err) == 0 &&
                   open_socket(g, err) == 0 && transfers_open(g, err) == 0) {
                g->watch = watch_new(g->loop, on_watch_frame, g);
                loop_on_turn_end(g->loop, on_turn_end, g);
                loop_timer_set(g->loop, MEASURE_FIRST_MS, agent_measure, g);
                loop_timer_set(g->loop, JANITOR_FIRST_MS, agent_sweep, g);
                rc = loop_run(g->loop, err);
        }
        agent_free(g);
        return rc;
}
