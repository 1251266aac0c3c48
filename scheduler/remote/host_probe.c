/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/host_probe.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

struct host_probe {
        uv_loop_t *loop;
        char *connector_path;
        struct proto_config config; /* borrows what it points to */
        void (*on_done)(void *arg, const struct host_probe_result *r);
        void *arg;
        struct connector *conn;
        struct host_probe_result result;
};

static const struct connector_events events;

static int dial(struct host_probe *p, enum connect_backend backend, struct err *err)
{
        p->config.backend = (uint8_t)backend;
        p->result.backend = backend;
        return connector_start(p->loop, p->connector_path, &p->config, &events, p, &p->conn, err);
}

static void on_hostkey(void *arg, uint32_t hop, const char *type, const uint8_t *key, size_t len,
                       const char *fingerprint, const char *algorithms)
{
        struct host_probe *p = arg;
        struct host_probe_key *k = &p->result.keys[hop];

        if (len > sizeof k->wire)
                return;
        *k = (struct host_probe_key){.seen = true, .wire_len = len};
        snprintf(k->type, sizeof k->type, "%s", type);
        snprintf(k->fingerprint, sizeof k->fingerprint, "%s", fingerprint);
        snprintf(k->algorithms, sizeof k->algorithms, "%s", algorithms);
        if (len)
                memcpy(k->wire, key, len);
}

static void on_end(void *arg, const struct connector_end *e)
{
        struct host_probe *p = arg;
        struct host_probe_result *r = &p->result;
        struct err err;

        if (e->failed && e->kind == FAIL_ALGORITHMS && r->backend == BACKEND_LIBSSH2) {
                connector_free(MOVE(p->conn));
                snprintf(r->backend_why, sizeof r->backend_why, "%s", e->text);
                memset(r->keys, 0, sizeof r->keys);
                if (dial(p, BACKEND_OPENSSH, &err) == 0)
                        return;
                snprintf(r->text, sizeof r->text, "%s", err.text);
                p->on_done(p->arg, r);
                return;
        }
        r->reached = !e->failed && r->keys[p->config.hop_count - 1].wire_len > 0;
        r->step = e->step;
        r->kind = e->kind;
        snprintf(r->text, sizeof r->text, "%s", e->text);
        snprintf(r->fix, sizeof r->fix, "%s", e->fix);
        p->on_done(p->arg, r);
}

static const struct connector_events events = {.on_hostkey = on_hostkey, .on_end = on_end};

int host_probe_start(uv_loop_t *loop, const char *connector_path, const struct proto_config *config,
                     void (*on_done)(void *arg, const struct host_probe_result *r), void *arg,
                     struct host_probe **ret, struct err *err)
{
        struct host_probe *p;

        if (config->hop_count == 0 || config->hop_count > HOPS_MAX)
                return err_set(err, ERR_BAD_INPUT, "a site is reached through 1 to %d hosts", HOPS_MAX);
        p = xcalloc(1, sizeof *p);
        *p = (struct host_probe){.loop = loop, .config = *config, .on_done = on_done, .arg = arg};
        p->connector_path = xstrdup(connector_path);
        p->config.probe = 1;
        p->result.hop_count = config->hop_count;
        if (dial(p, BACKEND_LIBSSH2, err) < 0) {
                host_probe_free(p);
                return -1;
        }
        *ret = p;
        return 0;
}

void host_probe_free(struct host_probe *p)
{
        if (!p)
                return;
        connector_free(p->conn);
        free(p->connector_path);
        free(p);
}
