/* SPDX-License-Identifier: Apache-2.0 */
/* Completion: the scripts, and what they ask. The question is answered within a second and never with words
 * of trouble: a shell would offer them. */
#include "commands.h"

#include "complete.h"
#include "profile.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MS 1000 /* for the server */

/* Where the words of a kind come from: a list, the member that is the word, and members that tell what it is.
 */
static const struct source {
        enum complete_kind kind;
        const char *path, *word, *tell[2];
} sources[] = {
    {COMPLETE_JOBS, "/v1/jobs?limit=50", "id", {"name", "state"}},
    {COMPLETE_LIVE_JOBS, "/v1/jobs?limit=50&state=active", "id", {"name", "state"}},
    {COMPLETE_LIVE_JOBS, "/v1/jobs?limit=50&state=accepted", "id", {"name", "state"}},
    {COMPLETE_ENDED_JOBS, "/v1/jobs?limit=50&state=failed", "id", {"name", "state"}},
    {COMPLETE_ENDED_JOBS, "/v1/jobs?limit=50", "id", {"name", "state"}},
    {COMPLETE_SITES, "/v1/sites", "name", {"intent", "health"}},
    {COMPLETE_WORKERS, "/v1/workers", "id", {"site", "host"}},
    {COMPLETE_DATASETS, "/v1/datasets?limit=200", "name", {"state", "project"}},
    {COMPLETE_PROJECTS, "/v1/projects", "name", {NULL, NULL}},
    {COMPLETE_USERS, "/v1/users", "name", {"role", NULL}},
    {COMPLETE_TOKENS, "/v1/tokens", "id", {"name", "user"}},
    {COMPLETE_SUBSCRIPTIONS, "/v1/subscriptions", "id", {"name", "way"}},
    {COMPLETE_SESSIONS, "/v1/sessions", "id", {"address", NULL}},
    {COMPLETE_INVITATIONS, "/v1/invitations", "id", {"project", "note"}},
    {COMPLETE_IDENTITIES, "/v1/me/identities", "id", {"issuer", NULL}},
    {COMPLETE_TEMPLATES, "/v1/templates", "name", {"project", "by"}},
};

static struct client *connect_quietly(const struct cli *c)
{
        struct client *client = NULL;
        struct profile p;
        struct err err;

        if (profile_load(&p, &err) < 0)
                return NULL;
        if (client_new(c->url ? c->url : p.url, p.token, false, &client, &err) == 0) {
                client_set_patience(client, 0);
                client_set_timeout(client, ANSWER_MS);
        }
        profile_release(&p);
        return client;
}

static void add_item(const struct complete_want *w, const struct source *s, const json_t *item,
                     struct buf *out)
{
        const struct column column = {.path = s->word};
        struct buf word;

        buf_init(&word, 4096);
        cell_add(&column, item, &word);
        if (complete_is_plain(buf_cstr(&word)) &&
            strncmp(buf_cstr(&word), w->prefix, strlen(w->prefix)) == 0) {
                buf_printf(out, "%s%s\t", w->before, buf_cstr(&word));
                for (size_t i = 0; i < ARRAY_LEN(s->tell) && s->tell[i]; i++) {
                        if (i)
                                buf_u8(out, ' ');
                        text_add_line(out, json_text_at(item, s->tell[i]));
                }
                buf_u8(out, '\n');
        }
        buf_release(&word);
}

static void add_live(struct cli *c, const struct complete_want *w, struct buf *out)
{
        struct client *client = NULL;

        for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
                json_t *items, *item;
                struct err err;
                size_t k;

                if (sources[i].kind != w->kind || (!client && !(client = connect_quietly(c))))
                        continue;
                items = client_items(client, sources[i].path, &err);
                json_array_foreach(items, k, item) add_item(w, &sources[i], item, out);
                json_decref(items);
                if (!items)
                        break;
        }
        client_free(client);
}

/* reeve __complete INDEX WORDS... */
int cmd_complete(struct cli *c, const struct args *a)
{
        struct complete_want w;
        struct buf out;
        int64_t index;

        if (num_int("index", a->words[0], 0, 10000, &index, NULL) < 0)
                return EXIT_USAGE;
        complete_want((char *const *)a->words + 1, a->word_count - 1, (size_t)index, &w);
        buf_init(&out, 4 << 20);
        complete_add_words(&w, &out);
        add_live(c, &w, &out);
        fputs(buf_cstr(&out), stdout);
        buf_release(&out);
        return EXIT_OK;
}

int cmd_completion(struct cli *c, const struct args *a)
{
        if (complete_script(stdout, a->words[0]) < 0)
                return cli_usage(c, "\"%s\" is none of bash, zsh, fish", a->words[0]);
        return EXIT_OK;
}
