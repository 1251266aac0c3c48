/* SPDX-License-Identifier: Apache-2.0 */
/* Wait for jobs to end. */
#include "commands.h"

#include "follow.h"
#include "outcome.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>

static int end_code(struct cli *c, struct ref r, const json_t *doc, struct err *err)
{
        return r.task < 0 ? job_exit_code(c, doc, err) : task_exit_code(doc);
}

static void say_ended(struct cli *c, struct ref r, const json_t *doc)
{
        AUTO_FREE char *state = text_line(json_text_at(doc, "state"));
        char name[64];
        struct buf b;

        buf_init(&b, 4096);
        if (r.task < 0) {
                buf_text(&b, ": ");
                job_add_progress(doc, &b);
        }
        cli_say(c, "%s %s%s", ref_format(r, name), state, buf_cstr(&b));
        buf_release(&b);
}

/* Wait for all of them, in order: who ended meanwhile answers at once. */
static int wait_all(struct cli *c, const struct refs *refs, int64_t until, struct err *err)
{
        int highest = EXIT_OK;

        for (size_t i = 0; i < refs->n; i++) {
                json_t *doc;
                int code, r = job_wait(c, refs->v[i], until, &doc, err);

                if (r <= 0)
                        return r < 0 ? -1 : EXIT_TIMEOUT;
                say_ended(c, refs->v[i], doc);
                code = end_code(c, refs->v[i], doc, err);
                json_decref(doc);
                if (code < 0)
                        return -1;
                highest = code > highest ? code : highest;
        }
        return highest;
}

/* One look at all jobs: the first that ended, or NULL. */
static json_t *first_ended(const json_t *list)
{
        json_t *job;
        size_t i;

        json_array_foreach(json_object_get(list, "items"), i, job)
        {
                if (state_is_ended(json_text_at(job, "state")))
                        return job;
        }
        return NULL;
}

#define ANY_MAX 1000 /* one page of a list */

static int wait_any(struct cli *c, const struct refs *refs, int64_t until, struct err *err)
{
        char etag[200] = "";
        struct buf path;
        int r = -1;

        if (refs->n > ANY_MAX)
                return err_set(err, ERR_BAD_INPUT, "--any takes at most %d jobs", ANY_MAX);
        buf_init(&path, 1 << 20);
        buf_printf(&path, "/v1/jobs?limit=%d&ids=", ANY_MAX);
        for (size_t i = 0; i < refs->n; i++)
                buf_printf(&path, "%s%lld", i ? "," : "", (long long)refs->v[i].job);
        while (r < 0) {
                json_t *list = NULL, *ended;
                int64_t left = until < 0 ? WATCH_SECONDS : (until - clock_boot_ms() + 999) / 1000;

                if (client_watch(cli_client(c), buf_cstr(&path), etag,
                                 left > WATCH_SECONDS ? WATCH_SECONDS
                                 : left < 1           ? 1
                                                      : (int)left,
                                 &list, err) < 0)
                        break;
                ended = first_ended(list);
                if (ended) {
                        struct ref ref = {.job = json_int_at(ended, "id"), .task = -1, .attempt = -1};

                        say_ended(c, ref, ended);
                        printf("%lld\n", (long long)ref.job);
                        r = job_exit_code(c, ended, err);
                        json_decref(list);
                        break;
                }
                if (list && !json_array_size(json_object_get(list, "items")))
                        err_set(err, ERR_NOT_FOUND, "none of these jobs exists, or you may not see them");
                else if (until >= 0 && clock_boot_ms() >= until)
                        r = EXIT_TIMEOUT;
                else {
                        json_decref(list);
                        continue;
                }
                json_decref(list);
                break;
        }
        buf_release(&path);
        return r;
}

int cmd_wait(struct cli *c, const struct args *a)
{
        const char *timeout = args_get(a, "timeout");
        int64_t until = -1, ms;
        struct refs refs;
        struct err err;
        int r;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (timeout) {
                if (num_duration("--timeout", timeout, &ms, &err) < 0)
                        return cli_fail(c, &err);
                until = clock_boot_ms() + ms;
        }
        if (refs_read(c, a->words, &refs, &err) < 0)
                return cli_fail(c, &err);
        client_set_patience(cli_client(c), PATIENCE_LONG);
        r = args_has(a, "any") ? wait_any(c, &refs, until, &err) : wait_all(c, &refs, until, &err);
        refs_release(&refs);
        if (r == EXIT_TIMEOUT && until >= 0 && clock_boot_ms() >= until)
                cli_say(c, "not ended within %s", timeout);
        return r < 0 ? cli_fail(c, &err) : r;
}
