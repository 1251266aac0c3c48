/* SPDX-License-Identifier: Apache-2.0 */
/* reeve data put: open a dataset, or find the one that an earlier run left open; name the files; send what is
 * not there, piece by piece; compare checksums; seal; wait until all is at a site. Every step can be done
 * again, so a run that was interrupted is gone on with by starting it again. */
#include "commands.h"

#include "put_files.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE          (32LL << 20)
#define READ_SIZE      (1 << 20)
#define NAMED_MAX      5000 /* by one request */
#define LIST_MAX       10000000
#define BREAKS_MAX     20
#define BREAK_PAUSE_MS 500
#define LOOK_SECONDS   30

struct put {
        struct cli *c;
        struct put_files l;
        char *name;                       /* of the dataset, with its version */
        int64_t done, begun_at, begun_ms; /* bytes at the server; at the start of this run */
        size_t at;                        /* which file */
        bool resumed;
};

/* ---- opening ---- */

/* The open upload of that name, if there is one: owned. */
static json_t *find_open(struct put *p, const char *name, struct err *err)
{
        json_t *all = client_get(p->c->client, err, "/v1/datasets?name=%s&state=open&limit=100", name), *d,
               *found = NULL;
        size_t i;

        json_array_foreach(json_object_get(all, "items"), i, d)
        {
                if (strcmp(json_text_at(d, "arrival.kind"), "upload") == 0)
                        found = d;
        }
        json_incref(found);
        json_decref(all);
        return found;
}

static json_t *open_body(const struct args *a)
{
        json_t *body = json_pack("{s:s, s:{}}", "name", a->words[0], "upload");

        if (args_get(a, "site"))
                json_object_set_new(json_object_get(body, "upload"), "site",
                                    json_string(args_get(a, "site")));
        if (args_get(a, "project"))
                json_object_set_new(body, "project", json_string(args_get(a, "project")));
        if (args_has(a, "new-version"))
                json_object_set_new(body, "new_version", json_true());
        if (args_get(a, "labels"))
                json_object_set_new(body, "policy",
                                    json_pack("{s:o}", "labels", cli_names(args_get(a, "labels"))));
        return body;
}

static int open_dataset(struct put *p, const struct args *a, struct err *err)
{
        json_t *found = find_open(p, a->words[0], err), *body;

        p->resumed = found != NULL;
        if (!found) {
                body = open_body(a);
                found = client_send(p->c->client, "POST", body, err, "/v1/datasets");
                json_decref(body);
        }
        if (!found)
                return -1;
        p->name = xstrdup(json_text_at(found, "name"));
        json_decref(found);
        return 0;
}

/* ---- naming ---- */

/* What the server has of each file. */
static int compare_list(struct put *p, struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/datasets/%s/files", p->name);
        bool more;
        json_t *all = client_list(p->c->client, path, LIST_MAX, &more, err), *f;
        size_t i;
        int rc = all ? 0 : -1;

        json_array_foreach(all, i, f)
        {
                struct put_file *here = put_files_get(&p->l, json_text_at(f, "path"));

                if (!here)
                        rc = err_set(err, ERR_CONFLICT,
                                     "the open upload \"%s\" has a file \"%s\" that is not among these; "
                                     "remove it first: "
                                     "reeve data remove %s",
                                     p->name, json_text_at(f, "path"), p->name);
                else if (here->size != json_int_at(f, "size"))
                        rc = err_set(err, ERR_CONFLICT,
                                     "\"%s\" had another size when its upload began; remove that first: "
                                     "reeve data remove %s",
                                     here->local, p->name);
                if (rc < 0)
                        break;
                here->named = true;
                here->received = json_int_at(f, "received");
                here->complete = here->received == here->size && *json_text_at(f, "sha256");
                p->done += here->received;
        }
        json_decref(all);
        return rc;
}

static int name_batch(struct put *p, json_t *batch, struct err *err)
{
        json_t *body = json_pack("{s:O}", "files", batch);
        json_t *reply = json_array_size(batch)
                            ? client_send(p->c->client, "POST", body, err, "/v1/datasets/%s/files", p->name)
                            : json_object();

        json_decref(body);
        json_decref(reply);
        json_array_clear(batch);
        return reply ? 0 : -1;
}

static int name_files(struct put *p, struct err *err)
{
        json_t *batch = json_array();
        int rc = 0;

        for (size_t i = 0; i < p->l.count && rc == 0; i++) {
                const struct put_file *f = &p->l.files[i];

                if (f->named)
                        continue;
                json_array_append_new(batch,
                                      json_pack("{s:s, s:I}", "path", f->path, "size", (json_int_t)f->size));
                if (json_array_size(batch) == NAMED_MAX)
                        rc = name_batch(p, batch, err);
        }
        if (rc == 0)
                rc = name_batch(p, batch, err);
        json_decref(batch);
        return rc;
}

/* ---- sending ---- */

static void show(struct put *p, int64_t more)
{
        int64_t ms = clock_boot_ms() - p->begun_ms, done = p->done + more, rate;
        AUTO_FREE char *name = text_line(p->l.files[p->at].path);
        char have[32], all[32], speed[32], left[32];

        if (ms < 1000)
                return;
        rate = (done - p->begun_at) * 1000 / ms;
        cli_progress(p->c, "%zu/%zu files, %s of %s, %s/s, %s left  %s", p->at + 1, p->l.count,
                     num_format_size(done, have), num_format_size(p->l.bytes, all),
                     num_format_size(rate, speed),
                     rate > 0 ? num_format_duration((p->l.bytes - done) * 1000 / rate, left) : "?", name);
}

static void on_bytes(void *arg, int64_t bytes)
{
        show(arg, bytes);
}

/* One piece; 0 it is there, 1 go on from f->received as it is now, -1. */
static int send_piece(struct put *p, struct put_file *f, int fd, const char *path, struct err *err)
{
        AUTO_FREE char *url = xasprintf("%s&offset=%lld", path, (long long)f->received);
        int64_t left = f->size - f->received, n = left < PIECE ? left : PIECE;
        struct call call = {.method = "PUT",
                            .path = url,
                            .from_file = true,
                            .fd = fd,
                            .file_offset = f->received,
                            .file_size = n,
                            .on_bytes = on_bytes,
                            .bytes_arg = p};
        struct reply r;
        int rc = client_call(p->c->client, &call, &r, err);

        if (rc == 0) {
                p->done += n;
                f->received += n;
                f->complete = json_is_true(json_object_get(r.json, "complete"));
        } else if (r.status == 409 && r.received >= 0 && r.received <= f->size && r.received != f->received) {
                p->done += r.received - f->received;
                f->received = r.received;
                rc = 1;
        }
        reply_release(&r);
        return rc;
}

/* A break is waited out; several in a row without a byte between them are the end. */
static bool may_go_on(struct put *p, const struct err *err, int *breaks)
{
        bool again = err->code == ERR_UNAVAILABLE ||
                     (err->code == ERR_CONFLICT && strstr(err->text, "another request"));

        if (!again || ++*breaks > BREAKS_MAX)
                return false;
        cli_progress(p->c, "trying again (Ctrl-C gives up): %s", err->text);
        client_pause(BREAK_PAUSE_MS * (*breaks < 10 ? *breaks : 10));
        return true;
}

static int send_open_file(struct put *p, struct put_file *f, int fd, struct err *err)
{
        AUTO_FREE char *path = NULL;
        struct buf escaped;
        int breaks = 0;

        buf_init(&escaped, 65536);
        text_add_uri(&escaped, f->path, false);
        path = xasprintf("/v1/datasets/%s/files?path=%s", p->name, buf_cstr(&escaped));
        buf_release(&escaped);
        while (!f->complete) {
                int rc = send_piece(p, f, fd, path, err);

                if (rc < 0 && !may_go_on(p, err, &breaks))
                        return -1;
                if (rc == 0)
                        breaks = 0;
                show(p, 0);
        }
        return 0;
}

/* The checksum of what is here: what came is compared with it in the end. */
static int hash_file(struct put_file *f, int fd, struct err *err)
{
        AUTO_FREE uint8_t *piece = xmalloc(READ_SIZE);
        crypto_hash_sha256_state state;
        uint8_t sum[32];
        int64_t at = 0;
        ssize_t n;

        crypto_hash_sha256_init(&state);
        while ((n = pread(fd, piece, READ_SIZE, at)) > 0) {
                crypto_hash_sha256_update(&state, piece, (unsigned long long)n);
                at += n;
        }
        if (n < 0 || at != f->size)
                return err_set(err, ERR_CONFLICT, "\"%s\" changed while it was sent; start again", f->local);
        crypto_hash_sha256_final(&state, sum);
        hex_encode(sum, sizeof sum, f->sha256);
        return 0;
}

static int send_file(struct put *p, struct put_file *f, struct err *err)
{
        AUTO_CLOSE int fd = open(f->local, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return err_errno(err, "could not read \"%s\"", f->local);
        if (fstat(fd, &st) < 0 || st.st_size != f->size)
                return err_set(err, ERR_CONFLICT, "\"%s\" changed while it was sent; start again", f->local);
        return send_open_file(p, f, fd, err) < 0 || hash_file(f, fd, err) < 0 ? -1 : 0;
}

/* ---- the end ---- */

/* What the server computed of what came. A checksum that it does not know, after a restart of its own, the
 * site compares. */
static int check_sums(struct put *p, struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/datasets/%s/files", p->name);
        bool more;
        json_t *all = client_list(p->c->client, path, LIST_MAX, &more, err), *f;
        size_t i;
        int rc = all ? 0 : -1;

        json_array_foreach(all, i, f)
        {
                const struct put_file *here = put_files_get(&p->l, json_text_at(f, "path"));
                const char *sum = json_text_at(f, "sha256");

                if (rc == 0 && (!here || (*sum && strcmp(sum, here->sha256) != 0)))
                        rc = err_set(
                            err, ERR_CONFLICT,
                            "\"%s\" is not what was sent: it changed here since; remove the upload and start "
                            "again: reeve data remove %s",
                            json_text_at(f, "path"), p->name);
        }
        json_decref(all);
        return rc;
}

static int wait_sealed(struct put *p, json_t **ret, struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/datasets/%s", p->name);
        char etag[200] = "";

        client_set_patience(p->c->client, PATIENCE_LONG);
        for (;;) {
                json_t *d = NULL;
                char have[32], all[32];

                if (client_watch(p->c->client, path, etag, LOOK_SECONDS, &d, err) < 0)
                        return -1;
                if (!d)
                        continue;
                if (strcmp(json_text_at(d, "state"), "sealed") == 0) {
                        *ret = d;
                        return 0;
                }
                if (strcmp(json_text_at(d, "arrival.state"), "failed") == 0 ||
                    strcmp(json_text_at(d, "arrival.state"), "filling") == 0) {
                        err_set(err, ERR_CONFLICT, "it could not be brought to a site: %.400s",
                                json_text_at(d, "arrival.message"));
                        json_decref(d);
                        return -1;
                }
                cli_progress(p->c, "%s%s%s: %s of %s  %s", json_text_at(d, "arrival.state"),
                             *json_text_at(d, "arrival.site") ? " to " : "", json_text_at(d, "arrival.site"),
                             num_format_size(json_int_at(d, "arrival.moved_bytes"), have),
                             num_format_size(json_int_at(d, "arrival.bytes"), all),
                             json_text_at(d, "arrival.message"));
                json_decref(d);
        }
}

static int send_all(struct put *p, struct err *err)
{
        char size[32];

        if (p->resumed)
                cli_say(p->c, "going on with %s: %s are there already", p->name,
                        num_format_size(p->done, size));
        p->begun_ms = clock_boot_ms();
        p->begun_at = p->done;
        for (p->at = 0; p->at < p->l.count; p->at++) {
                if (send_file(p, &p->l.files[p->at], err) < 0)
                        return -1;
        }
        cli_progress_end(p->c);
        return check_sums(p, err);
}

static int put(struct put *p, const struct args *a, json_t **ret, struct err *err)
{
        json_t *sealed;

        if (put_files_find(a->words + 1, a->word_count - 1, &p->l, err) < 0 || open_dataset(p, a, err) < 0 ||
            compare_list(p, err) < 0 || name_files(p, err) < 0 || send_all(p, err) < 0)
                return -1;
        sealed = client_send(p->c->client, "POST", NULL, err, "/v1/datasets/%s/seal", p->name);
        *ret = sealed;
        if (!sealed || args_has(a, "no-wait"))
                return sealed ? 0 : -1;
        json_decref(MOVE(*ret));
        return wait_sealed(p, ret, err);
}

int cmd_data_put(struct cli *c, const struct args *a)
{
        struct put p = {.c = c};
        json_t *shown = NULL;
        struct err err;
        char size[32];
        int rc;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("dataset", a->words[0], &err) < 0)
                return cli_fail(c, &err);
        if (args_get(a, "site") && name_check("--site", args_get(a, "site"), &err) < 0)
                return cli_fail(c, &err);
        client_set_patience(c->client, PATIENCE_MS);
        rc = put(&p, a, &shown, &err);
        cli_progress_end(c);
        if (rc == 0 && p.l.left_out)
                cli_say(c, "%zu links and other things that are no files were left out", p.l.left_out);
        if (rc == 0 && cli_wants_json(c))
                cli_json(c, shown);
        else if (rc == 0 && (c->quiet || c->format == FORMAT_ID))
                printf("%s\n", p.name);
        else if (rc == 0)
                cli_say(c, "dataset %s: %zu file%s, %s%s%s", p.name, p.l.count, p.l.count == 1 ? "" : "s",
                        num_format_size(p.l.bytes, size), args_has(a, "no-wait") ? ", on its way" : " at ",
                        args_has(a, "no-wait")
                            ? ""
                            : json_text_at(json_array_get(json_object_get(shown, "sites"), 0), "site"));
        json_decref(shown);
        put_files_release(&p.l);
        free(p.name);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}
