/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "follow.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>

/* The task meant by a bare job number: the only one it has. */
static int choose_task(struct cli *c, struct ref *r, struct err *err)
{
        json_t *job;
        int64_t total, first;

        if (r->task >= 0)
                return 0;
        job = client_get(cli_client(c), err, "/v1/jobs/%lld", (long long)r->job);
        if (!job)
                return -1;
        total = json_int_at(job, "tasks.total");
        first = json_int_at(job, "first_task");
        json_decref(job);
        if (total != 1)
                return err_set(err, ERR_BAD_INPUT, "job %lld has %lld tasks; name one: reeve logs %lld.%lld",
                               (long long)r->job, (long long)total, (long long)r->job, (long long)first);
        r->task = first;
        return 0;
}

static int read_tail(struct cli *c, const struct args *a, struct ref r, struct log_stream *s, struct err *err)
{
        const char *tail = args_get(a, "tail");
        int64_t lines;

        if (!tail)
                return 0;
        if (num_int("--tail", tail, 0, 1000000, &lines, err) < 0)
                return -1;
        return log_seek_tail(c, r.job, r.task, s, lines, err);
}

int cmd_logs(struct cli *c, const struct args *a)
{
        struct log_stream s = {.name = args_has(a, "stderr") ? "stderr" : "stdout",
                               .out = stdout,
                               .raw = args_has(a, "raw"),
                               .attempt = -1};
        struct ref r;
        struct err err;
        int rc;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (ref_read(c, a->words[0], &r, &err) < 0 || choose_task(c, &r, &err) < 0)
                return cli_fail(c, &err);
        s.attempt = r.attempt;
        if (read_tail(c, a, r, &s, &err) < 0)
                return cli_fail(c, &err);
        if (args_has(a, "follow") && r.attempt < 0) {
                client_set_patience(cli_client(c), PATIENCE_LONG);
                rc = log_follow(c, r.job, r.task, &s, 1, &err);
        } else {
                rc = log_pump(c, r.job, r.task, &s, &err) < 0 ? -1 : 0;
        }
        if (rc == 0 && s.begun && s.final && !s.offset && c->err_is_tty)
                cli_say(c,
                        args_has(a, "stderr")
                            ? "it printed nothing there"
                            : "it printed nothing; on standard error: reeve logs %lld.%lld --stderr",
                        (long long)r.job, (long long)r.task);
        if (rc == 0 && !s.begun && !args_has(a, "follow"))
                cli_say(c, "nothing yet: it has not started; why: reeve explain %lld", (long long)r.job);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}
