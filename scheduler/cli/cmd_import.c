/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets made of lists: files that lie at a site, or that a site fetches; and what admins say of addresses.
 * A list is sent in batches; one that was interrupted is gone on with by starting again. */
#include "commands.h"

#include "listing.h"
#include "sheet.h"
#include "common/num.h"
#include "common/util.h"

#include <string.h>

#define BATCH_MAX 20000

struct list {
        struct cli *c;
        char *name; /* of the dataset; owned */
        json_t *batch;
        int64_t files;
        bool listed; /* they lie at a site */
        bool made;   /* it was opened by this call */
};

static int flush(struct list *l, struct err *err)
{
        json_t *body, *reply;

        if (!json_array_size(l->batch))
                return 0;
        body = json_pack("{s:O}", "files", l->batch);
        reply = client_send(l->c->client, "POST", body, err, "/v1/datasets/%s/files", l->name);
        json_decref(body);
        if (!reply)
                return -1;
        l->files += (int64_t)json_array_size(l->batch);
        json_array_clear(l->batch);
        json_decref(reply);
        cli_progress(l->c, "%s: %lld files listed", l->name, (long long)l->files);
        return 0;
}

static int add(struct list *l, json_t *file, struct err *err)
{
        json_array_append_new(l->batch, file);
        return json_array_size(l->batch) < BATCH_MAX ? 0 : flush(l, err);
}

/* What a line has to say and does not; NULL: nothing. */
static const char *lacking(const struct list *l, const json_t *file)
{
        static const char *const of_import[] = {"path", "size", "sha256"};

        if (!l->listed)
                return json_object_get(file, "url") ? NULL : "url";
        for (size_t i = 0; i < ARRAY_LEN(of_import); i++) {
                if (!json_object_get(file, of_import[i]))
                        return of_import[i];
        }
        return NULL;
}

static int add_file(struct list *l, const char *path, struct err *err)
{
        FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        struct listing listing;
        json_t *file;
        int rc;

        if (!from)
                return err_errno(err, "could not read \"%s\"", path);
        listing_init(&listing, from, path);
        while ((rc = listing_next(&listing, &file, err)) > 0) {
                const char *lacks = lacking(l, file);

                if (lacks) {
                        json_decref(file);
                        rc = err_set(err, ERR_BAD_INPUT, "%s:%zu: there is no %s", path, listing.line, lacks);
                        break;
                }
                if ((rc = add(l, file, err)) < 0)
                        break;
        }
        listing_release(&listing);
        if (from != stdin)
                fclose(from);
        return rc;
}

/* The open one of that name and kind is gone on with. */
static int open_list(struct list *l, const struct args *a, const char *kind, json_t *way, struct err *err)
{
        json_t *body = json_pack("{s:s, s:o}", "name", a->words[0], kind, way), *reply, *all, *d;
        size_t i;

        if (args_get(a, "project"))
                json_object_set_new(body, "project", json_string(args_get(a, "project")));
        if (args_has(a, "new-version"))
                json_object_set_new(body, "new_version", json_true());
        all = client_get(l->c->client, err, "/v1/datasets?name=%s&state=open&limit=100", a->words[0]);
        json_array_foreach(json_object_get(all, "items"), i, d)
        {
                if (!l->name && strcmp(json_text_at(d, "arrival.kind"), kind) == 0)
                        l->name = xstrdup(json_text_at(d, "name"));
        }
        json_decref(all);
        if (l->name) {
                json_decref(body);
                return 0;
        }
        reply = client_send(l->c->client, "POST", body, err, "/v1/datasets");
        json_decref(body);
        if (reply)
                l->name = xstrdup(json_text_at(reply, "name"));
        json_decref(reply);
        l->made = l->name != NULL;
        return l->name ? 0 : -1;
}

/* A list that is wrong will not be gone on with: what was opened for it goes. Where the server was not there,
 * it will. */
static void undo(const struct list *l, const struct err *why)
{
        struct err unused;

        if (l->made && why->code != ERR_UNAVAILABLE)
                json_decref(client_send(l->c->client, "DELETE", NULL, &unused, "/v1/datasets/%s", l->name));
}

static int seal(struct list *l, struct err *err)
{
        json_t *d = client_send(l->c->client, "POST", NULL, err, "/v1/datasets/%s/seal", l->name);
        char size[32];

        if (!d)
                return -1;
        cli_progress_end(l->c);
        if (cli_wants_json(l->c))
                cli_json(l->c, d);
        else if (l->c->quiet || l->c->format == FORMAT_ID)
                printf("%s\n", l->name);
        else if (json_is_null(json_object_get(d, "arrival")))
                cli_say(l->c, "dataset %s: %lld files, %s", l->name, (long long)json_int_at(d, "files"),
                        num_format_size(json_int_at(d, "bytes"), size));
        else
                cli_say(l->c, "dataset %s: %lld files are on their way; reeve data show %s", l->name,
                        (long long)json_int_at(d, "arrival.files"), l->name);
        json_decref(d);
        return 0;
}

static int make(struct cli *c, const struct args *a, const char *kind, json_t *way, size_t first)
{
        struct list l = {.c = c, .batch = json_array(), .listed = strcmp(kind, "import") == 0};
        struct err err;
        int rc = open_list(&l, a, kind, way, &err);

        for (size_t i = first; i < a->word_count && rc == 0; i++)
                rc = strstr(a->words[i], "://") ? add(&l, json_pack("{s:s}", "url", a->words[i]), &err)
                                                : add_file(&l, a->words[i], &err);
        if (rc == 0)
                rc = flush(&l, &err);
        if (rc == 0)
                rc = seal(&l, &err);
        if (rc < 0)
                undo(&l, &err);
        cli_progress_end(c);
        json_decref(l.batch);
        free(l.name);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}

int cmd_data_import(struct cli *c, const struct args *a)
{
        const char *colon = strchr(a->words[1], ':');
        AUTO_FREE char *site = colon ? xstrndup(a->words[1], (size_t)(colon - a->words[1])) : NULL;
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (!colon || colon[1] != '/')
                return cli_usage(c, "\"%s\" is not SITE:/absolute/path", a->words[1]);
        if (name_check("dataset", a->words[0], &err) < 0 || name_check("site", site, &err) < 0)
                return cli_fail(c, &err);
        return make(c, a, "import", json_pack("{s:s, s:s}", "site", site, "root", colon + 1), 2);
}

int cmd_data_fetch(struct cli *c, const struct args *a)
{
        json_t *way;
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("dataset", a->words[0], &err) < 0)
                return cli_fail(c, &err);
        way = json_object();
        if (args_get(a, "site"))
                json_object_set_new(way, "site", json_string(args_get(a, "site")));
        return make(c, a, "fetch", way, 1);
}

/* ---- from where files may be fetched ---- */

static const struct column prefix_columns[] = {
    {.title = "ID", .path = "id", .kind = CELL_NUMBER},
    {.title = "PREFIX", .path = "prefix"},
    {.title = "SITE", .path = "site"},
    {.title = "PRIVATE", .path = "private", .kind = CELL_YES},
    {.title = "LEADS ON TO", .path = "redirects", .kind = CELL_LIST, .flags = SHEET_HIDE_EMPTY},
    {.title = "ALLOWED BY", .path = "made_by", .flags = SHEET_WIDE},
    {0},
};

int cmd_url_list(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *rows;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        rows = client_items(c->client, "/v1/url-prefixes", &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, prefix_columns, rows, "id");
        if (!json_array_size(rows) && c->format <= FORMAT_WIDE)
                cli_say(c, "nothing may be fetched; an admin allows it: reeve url allow "
                           "https://data.example.org/pub/");
        json_decref(rows);
        return EXIT_OK;
}

int cmd_url_allow(struct cli *c, const struct args *a)
{
        json_t *body = json_pack("{s:s, s:b, s:[]}", "prefix", a->words[0], "private", args_has(a, "private"),
                                 "redirects");
        const char *more;
        struct err err;
        json_t *reply;

        for (size_t i = 0; (more = args_nth(a, "redirect", i)); i++)
                json_array_append_new(json_object_get(body, "redirects"), json_string(more));
        if (args_get(a, "site"))
                json_object_set_new(body, "site", json_string(args_get(a, "site")));
        reply = cli_client(c) ? client_send(c->client, "POST", body, &err, "/v1/url-prefixes") : NULL;
        json_decref(body);
        if (!reply)
                return c->client ? cli_fail(c, &err) : EXIT_FAILED;
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                cli_say(c, "what begins with %s may be fetched", a->words[0]);
        json_decref(reply);
        return EXIT_OK;
}

int cmd_url_forbid(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *reply;
        int64_t id;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (num_int("prefix", a->words[0], 1, INT64_MAX, &id, &err) < 0)
                return cli_fail(c, &err);
        reply = client_send(c->client, "DELETE", NULL, &err, "/v1/url-prefixes/%lld", (long long)id);
        if (!reply)
                return cli_fail(c, &err);
        json_decref(reply);
        cli_say(c, "%lld: not any more", (long long)id);
        return EXIT_OK;
}
