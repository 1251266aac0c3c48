/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "follow.h"
#include "outcome.h"
#include "refs.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>

static int rerun_one(struct cli *c, const struct args *a, int64_t job, int64_t *ret, struct err *err)
{
        AUTO_FREE char *path =
            xasprintf("/v1/jobs/%lld/rerun%s", (long long)job, args_has(a, "dry-run") ? "?dry_run=true" : "");
        json_t *body = json_pack("{s:b}", "failed", args_has(a, "failed"));
        struct reply r;
        char key[33];
        int64_t tasks;
        int rc = client_call(
            c->client, &(struct call){.method = "POST", .path = path, .json = body, .key = client_key(key)},
            &r, err);

        json_decref(body);
        *ret = rc < 0 ? 0 : json_int_at(r.json, "id");
        tasks = rc < 0 ? 0 : json_int_at(r.json, "tasks");
        if (rc == 0 && cli_wants_json(c))
                cli_json(c, r.json);
        else if (rc == 0 && args_has(a, "dry-run"))
                cli_say(c, "job %lld would run again: %lld task%s", (long long)job, (long long)tasks,
                        tasks == 1 ? "" : "s");
        else if (rc == 0 && (c->quiet || c->format == FORMAT_ID))
                printf("%lld\n", (long long)*ret);
        else if (rc == 0)
                printf("job %lld accepted: %lld task%s of job %lld again\n", (long long)*ret,
                       (long long)tasks, tasks == 1 ? "" : "s", (long long)job);
        fflush(stdout);
        reply_release(&r);
        return rc;
}

static int wait_for(struct cli *c, int64_t job, struct err *err)
{
        json_t *doc = NULL;
        int code;

        if (job_wait(c, (struct ref){.job = job, .task = -1, .attempt = -1}, -1, &doc, err) < 0)
                return -1;
        code = job_exit_code(c, doc, err);
        json_decref(doc);
        return code;
}

int cmd_rerun(struct cli *c, const struct args *a)
{
        bool wait = args_has(a, "wait") && !args_has(a, "dry-run");
        int64_t *made;
        struct refs refs;
        struct err err;
        int r = 0, highest = EXIT_OK;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (refs_read(c, a->words, &refs, &err) < 0)
                return cli_fail(c, &err);
        made = xcalloc(refs.n + 1, sizeof *made);
        for (size_t i = 0; i < refs.n && r == 0; i++) {
                if (refs.v[i].task >= 0)
                        r = err_set(&err, ERR_BAD_INPUT,
                                    "rerun takes whole jobs; --failed runs only the tasks that failed");
                else
                        r = rerun_one(c, a, refs.v[i].job, &made[i], &err);
        }
        if (wait)
                client_set_patience(c->client, PATIENCE_LONG);
        for (size_t i = 0; i < refs.n && r == 0 && wait; i++) {
                int code = wait_for(c, made[i], &err);

                r = code < 0 ? -1 : 0;
                highest = code > highest ? code : highest;
        }
        free(made);
        refs_release(&refs);
        return r < 0 ? cli_fail(c, &err) : highest;
}
