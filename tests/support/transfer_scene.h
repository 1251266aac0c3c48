/* SPDX-License-Identifier: Apache-2.0 */
/* transfer_scene.h - for tests: two workers behind real sshds, and transfers between them.
 *
 * Header only, because every test is a program of its own. Include cmocka first.
 */
#ifndef REEVE_TEST_TRANSFER_SCENE_H
#define REEVE_TEST_TRANSFER_SCENE_H

#include "remote/transfer.h"
#include "tests/support/ssh_site.h"

#include <stdlib.h>

#define BIG (3u << 20)

static struct ssh_site sites[2];
static char *connector_path, *worker_dir;
static unsigned roots;

struct end {
        struct worker_link *l;
        struct proto_hop hop;
        struct ssh_site *site;
        char root[256]; /* absolute */
        bool ready, down;
};

struct scene {
        uv_loop_t loop;
        struct end from, to;
        struct transfer *t;
        char dir[300];
        bool ended, removed, way_told;
        struct transfer_end end;
        char text[600], root[4096], why[600];
        enum transfer_way way;
        size_t files, present;
        uint64_t removed_files;
};

/* ---- links ---- */

static inline void on_state(void *arg, struct worker_link *l, enum link_state s,
                            const struct link_failure *why)
{
        struct scene *c = arg;
        struct end *e = l == c->from.l ? &c->from : &c->to;

        if (why)
                print_message("# %s: %s\n", worker_link_name(l), why->text);
        e->ready = s == LINK_READY;
        e->down |= s == LINK_ABSENT;
}

static inline void on_welcome(void *arg, struct worker_link *l, const struct link_welcome *w)
{
        struct scene *c = arg;

        snprintf((l == c->from.l ? &c->from : &c->to)->root, 256, "%s", w->root);
}

static inline void on_removed(void *arg, struct worker_link *l, uint32_t request, enum read_status status,
                              uint64_t files, uint64_t bytes, const char *text)
{
        struct scene *c = arg;

        (void)l;
        (void)request;
        (void)bytes;
        (void)text;
        assert_int_equal(status, READ_OK);
        c->removed = true;
        c->removed_files = files;
}

static const struct worker_link_events link_events = {
    .on_state = on_state, .on_welcome = on_welcome, .on_removed = on_removed};

static inline void end_open(struct scene *c, struct end *e, struct ssh_site *site,
                            enum connect_backend backend)
{
        char root[32];
        struct worker_link_settings s = {
            .loop = &c->loop,
            .name = site == &sites[0] ? "a/host" : "b/host",
            .events = &link_events,
            .arg = c,
            .connector_path = connector_path,
            .worker_dir = worker_dir,
            .backend = backend,
            .hops = &e->hop,
            .hop_count = 1,
            .private_key = site->key,
            .epoch = 1,
            .worker_id = ++roots,
            .root = root,
            .lease_ms = 60000,
            .heartbeat_ms = 2000,
            .offer = {.cpus = 1},
            .slots = 1,
            .grant_until_ms = INT64_MAX,
        };
        struct err err;

        snprintf(root, sizeof root, "~/w%u", roots);
        e->site = site;
        e->hop = site_hop(site);
        assert_int_equal(worker_link_new(&s, &e->l, &err), 0);
        worker_link_start(e->l);
}

static inline void scene_open(struct scene *c, enum connect_backend backend)
{
        memset(c, 0, sizeof *c);
        uv_loop_init(&c->loop);
        end_open(c, &c->from, &sites[0], backend);
        end_open(c, &c->to, &sites[1], backend);
        assert_true(wait_until(&c->loop, &c->from.ready));
        assert_true(wait_until(&c->loop, &c->to.ready));
        snprintf(c->dir, sizeof c->dir, "%s/source%u", sites[0].dir, roots);
}

static inline void end_close(struct scene *c, struct end *e)
{
        struct err err;

        e->down = false;
        if (worker_link_stop_worker(e->l, STOP_NOW, &err) == 0)
                wait_until(&c->loop, &e->down);
        worker_link_free(e->l);
}

static inline void scene_close(struct scene *c)
{
        end_close(c, &c->from);
        end_close(c, &c->to);
        uv_run(&c->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&c->loop), 0);
}

/* ---- transfers ---- */

static inline void on_way(void *arg, struct transfer *t, enum transfer_way way, const char *why)
{
        struct scene *c = arg;

        (void)t;
        c->way_told = true;
        c->way = way;
        snprintf(c->why, sizeof c->why, "%s", why);
}

static inline void on_files(void *arg, struct transfer *t, const struct transfer_file_done *files, size_t n)
{
        struct scene *c = arg;

        (void)t;
        c->files += n;
        for (size_t i = 0; i < n; i++)
                c->present += files[i].present;
}

static inline void on_end(void *arg, struct transfer *t, const struct transfer_end *e)
{
        struct scene *c = arg;

        c->ended = true;
        c->end = *e;
        snprintf(c->text, sizeof c->text, "%s", e->text);
        snprintf(c->root, sizeof c->root, "%s", e->root ? e->root : "");
        assert_ptr_equal(t, c->t);
        transfer_free(t);
        c->t = NULL;
}

static const struct transfer_events events = {.on_way = on_way, .on_files = on_files, .on_end = on_end};

static const char *const names[] = {"big", "deep/er/small", "empty"};

static inline void make_files(struct scene *c)
{
        AUTO_FREE char *command =
            xasprintf("mkdir -p %s/deep/er && chmod -R 755 %s && head -c %u /dev/urandom > %s/big && echo "
                      "hello > %s/deep/er/small && "
                      ": > %s/empty && chmod 644 %s/big %s/deep/er/small %s/empty",
                      c->dir, c->dir, BIG, c->dir, c->dir, c->dir, c->dir, c->dir, c->dir);

        assert_int_equal(system(command), 0);
}

static inline struct transfer_order usual_order(struct scene *c, struct transfer_file files[3])
{
        static uint64_t ids = 500;
        const uint64_t sizes[] = {BIG, 6, 0};

        for (size_t i = 0; i < 3; i++)
                files[i] = (struct transfer_file){.path = names[i], .size = sizes[i]};
        return (struct transfer_order){.id = ++ids,
                                       .source = c->from.l,
                                       .destination = c->to.l,
                                       .from = c->dir,
                                       .to = "d7",
                                       .files = files,
                                       .file_count = 3};
}

static inline void transfer_run(struct scene *c, const struct transfer_order *o)
{
        struct err err;

        c->ended = c->way_told = false;
        c->files = c->present = 0;
        if (transfer_start(o, &events, c, &c->t, &err) < 0)
                fail_msg("%s", err.text);
        assert_true(wait_until(&c->loop, &c->ended));
}

static inline void assert_arrived(struct scene *c)
{
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                AUTO_FREE char *command = xasprintf("cmp %s/%s %s/%s", c->dir, names[i], c->root, names[i]);

                assert_int_equal(system(command), 0);
        }
}

static inline int suite_open(void **state)
{
        (void)state;
        connector_path = build_path("reeve-connector");
        worker_dir = build_path("");
        return site_start(&sites[0], "") && site_start(&sites[1], "") ? 0 : -1;
}

static inline int suite_close(void **state)
{
        (void)state;
        site_stop(&sites[0]);
        site_stop(&sites[1]);
        free(connector_path);
        free(worker_dir);
        return 0;
}

#endif
