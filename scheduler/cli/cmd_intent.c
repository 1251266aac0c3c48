/* SPDX-License-Identifier: Apache-2.0 */
/* Cancel, hold, release: what a person wants of jobs. */
#include "commands.h"

#include "refs.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define ASK_ABOVE 20 /* jobs; a range typed wrongly is asked about */

static int send_one(struct cli *c, struct ref r, const char *verb, const char *done, json_t *replies)
{
        json_t *body = r.task < 0 ? NULL : json_pack("{s:I}", "task", (json_int_t)r.task), *reply;
        char name[64];
        struct err err;

        reply = client_send(cli_client(c), "POST", body, &err, "/v1/jobs/%lld/%s", (long long)r.job, verb);
        json_decref(body);
        if (!reply) {
                err_prefix(&err, "%s", ref_format(r, name));
                return cli_fail(c, &err);
        }
        if (c->format == FORMAT_TABLE || c->format == FORMAT_WIDE)
                cli_say(c, "%s: %s", ref_format(r, name), done);
        json_array_append_new(replies, reply);
        return EXIT_OK;
}

/* Every one is tried; the last failure gives the exit code. */
static int send_all(struct cli *c, const struct args *a, const char *verb, const char *done, bool tasks)
{
        AUTO_FREE char *question = NULL;
        json_t *replies;
        struct refs refs;
        struct err err;
        int r = EXIT_OK;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (refs_read(c, a->words, &refs, &err) < 0)
                return cli_fail(c, &err);
        for (size_t i = 0; i < refs.n && !tasks; i++) {
                if (refs.v[i].task >= 0) {
                        refs_release(&refs);
                        return cli_usage(c, "%s takes whole jobs, not single tasks", verb);
                }
        }
        question = xasprintf("%s %zu jobs?", verb, refs.n);
        if (refs.n > ASK_ABOVE && !cli_confirm(c, question)) {
                refs_release(&refs);
                return EXIT_FAILED;
        }
        replies = json_array();
        for (size_t i = 0; i < refs.n; i++) {
                int code = send_one(c, refs.v[i], verb, done, replies);

                r = code ? code : r;
        }
        if (c->format == FORMAT_JSON)
                cli_json_items(replies);
        json_decref(replies);
        refs_release(&refs);
        return r;
}

int cmd_cancel(struct cli *c, const struct args *a)
{
        return send_all(c, a, "cancel", "cancelling", true);
}

int cmd_hold(struct cli *c, const struct args *a)
{
        return send_all(c, a, "hold", "on hold; what runs goes on", false);
}

int cmd_release(struct cli *c, const struct args *a)
{
        return send_all(c, a, "release", "released", false);
}
