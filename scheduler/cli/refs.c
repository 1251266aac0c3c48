/* SPDX-License-Identifier: Apache-2.0 */
#include "refs.h"

#include "sheet.h"
#include "text.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

static int add(struct refs *r, struct ref ref, struct err *err)
{
        if (r->n >= REFS_MAX)
                return err_set(err, ERR_BAD_INPUT, "more than %d jobs at once", REFS_MAX);
        r->v = xgrow(r->v, r->n, &r->cap, sizeof *r->v);
        r->v[r->n++] = ref;
        return 0;
}

/* "3-7" */
static int add_range(struct refs *r, const char *part, const char *dash, struct err *err)
{
        AUTO_FREE char *low = xstrndup(part, (size_t)(dash - part));
        int64_t first, last;

        if (num_int("job", low, 1, INT64_MAX, &first, err) < 0 ||
            num_int("job", dash + 1, 1, INT64_MAX, &last, err) < 0)
                return -1;
        if (last < first)
                return err_set(err, ERR_BAD_INPUT, "\"%s\": a range begins with its smaller number", part);
        if (last - first >= REFS_MAX)
                return err_set(err, ERR_BAD_INPUT, "\"%s\": more than %d jobs at once", part, REFS_MAX);
        for (int64_t job = first; job <= last; job++) {
                if (add(r, (struct ref){.job = job, .task = -1, .attempt = -1}, err) < 0)
                        return -1;
        }
        return 0;
}

/* "last", "last.7", "last.7#2": read as job 1, which then stands for the newest. */
static int read_last(const char *part, struct ref *ret, struct err *err)
{
        AUTO_FREE char *numbered = xasprintf("1%s", part + strlen("last"));

        if (num_ref("job", numbered, ret, NULL) < 0 || ret->job != 1)
                return err_set(err, ERR_BAD_INPUT, "job: \"%s\" is not \"last\", \"last.7\" or \"last.7#2\"",
                               part);
        ret->job = REF_LAST;
        return 0;
}

static int add_part(struct refs *r, const char *part, struct err *err)
{
        const char *dash = strchr(part, '-');
        struct ref ref;

        if (dash && dash != part)
                return add_range(r, part, dash, err);
        if ((strncmp(part, "last", 4) == 0 ? read_last(part, &ref, err) : num_ref("job", part, &ref, err)) <
            0)
                return -1;
        return add(r, ref, err);
}

int refs_parse(const char *const *words, struct refs *ret, struct err *err)
{
        struct refs r = {0};

        for (; *words; words++) {
                const char *p = *words;

                do {
                        size_t n = strcspn(p, ",");
                        AUTO_FREE char *part = xstrndup(p, n);

                        if (add_part(&r, part, err) < 0) {
                                refs_release(&r);
                                return -1;
                        }
                        p += n;
                } while (*p++);
        }
        *ret = r;
        return 0;
}

static int newest_job(struct cli *c, int64_t *ret, struct err *err)
{
        struct client *client = cli_client(c);
        json_t *me, *jobs = NULL;
        struct buf user;
        int64_t id;

        me = client_get(client, err, "/v1/me");
        if (!me)
                return -1;
        buf_init(&user, 4096);
        text_add_uri(&user, json_text_at(me, "name"), false);
        jobs = client_get(client, err, "/v1/jobs?limit=1&user=%s", buf_cstr(&user));
        buf_release(&user);
        json_decref(me);
        if (!jobs)
                return -1;
        id = json_int_at(json_array_get(json_object_get(jobs, "items"), 0), "id");
        json_decref(jobs);
        if (!id)
                return err_set(err, ERR_NOT_FOUND, "you have no job yet, so there is no last one");
        *ret = id;
        return 0;
}

int refs_read(struct cli *c, const char *const *words, struct refs *ret, struct err *err)
{
        struct refs r;
        int64_t newest = 0;

        if (refs_parse(words, &r, err) < 0)
                return -1;
        for (size_t i = 0; i < r.n; i++) {
                if (r.v[i].job != REF_LAST)
                        continue;
                if (!newest && newest_job(c, &newest, err) < 0) {
                        refs_release(&r);
                        return -1;
                }
                r.v[i].job = newest;
        }
        *ret = r;
        return 0;
}

void refs_release(struct refs *r)
{
        free(r->v);
        *r = (struct refs){0};
}

int ref_read(struct cli *c, const char *word, struct ref *ret, struct err *err)
{
        struct refs r;

        if (refs_read(c, (const char *const[]){word, NULL}, &r, err) < 0)
                return -1;
        if (r.n != 1) {
                refs_release(&r);
                return err_set(err, ERR_BAD_INPUT, "\"%s\": one job is wanted here", word);
        }
        *ret = r.v[0];
        refs_release(&r);
        return 0;
}

char *ref_format(struct ref r, char buf[64])
{
        if (r.task < 0)
                snprintf(buf, 64, "%lld", (long long)r.job);
        else if (r.attempt < 0)
                snprintf(buf, 64, "%lld.%lld", (long long)r.job, (long long)r.task);
        else
                snprintf(buf, 64, "%lld.%lld#%lld", (long long)r.job, (long long)r.task,
                         (long long)r.attempt);
        return buf;
}
