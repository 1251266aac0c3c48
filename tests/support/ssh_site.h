/* SPDX-License-Identifier: Apache-2.0 */
/* ssh_site.h - for tests: a private sshd (tests/support/sshd.sh) with its keys, and a uv loop with deadlines.
 *
 * Header only, because every test is a program of its own. Run from the top of the source tree.
 */
#ifndef REEVE_TEST_SSH_SITE_H
#define REEVE_TEST_SSH_SITE_H

#include "common/proto.h"
#include "common/util.h"
#include "remote/ssh_key.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define WAIT_MS 30000

struct ssh_site {
        char dir[64]; /* everything, sshd's directory "s" included */
        char user[64];
        int pid, port;
        char *key; /* the client's private key */
        struct ssh_public host_keys[4];
        uint32_t host_key_count;
};

static inline char *file_text(const char *path)
{
        FILE *f = fopen(path, "r");
        char *s = xcalloc(1, 65536);

        if (f) {
                if (!fread(s, 1, 65535, f))
                        s[0] = '\0';
                fclose(f);
        }
        return s;
}

static inline char *command_output(const char *command)
{
        FILE *f = popen(command, "r");
        char *s = xcalloc(1, 65536);

        if (f) {
                if (!fread(s, 1, 65535, f))
                        s[0] = '\0';
                pclose(f);
        }
        return s;
}

static inline void site_take_host_key(struct ssh_site *s, const char *type)
{
        AUTO_FREE char *path = xasprintf("%s/s/host_%s.pub", s->dir, type);
        AUTO_FREE char *line = file_text(path);
        struct err err;

        if (ssh_public_parse(line, &s->host_keys[s->host_key_count], &err) == 0)
                s->host_key_count++;
}

/* `options` go to sshd.sh as they are (shell words). False when sshd did not start. */
static inline bool site_start(struct ssh_site *s, const char *options)
{
        static const char *const types[] = {"ed25519", "ecdsa", "rsa"};
        AUTO_FREE char *command = NULL, *said = NULL, *path = NULL;

        *s = (struct ssh_site){.dir = "/tmp/reeve-test-XXXXXX"};
        if (!mkdtemp(s->dir) || chmod(s->dir, 0755) < 0)
                return false;
        command = xasprintf("tests/support/sshd.sh start %s/s --home %s/home %s", s->dir, s->dir, options);
        said = command_output(command);
        if (sscanf(said, "pid=%d port=%d user=%63s", &s->pid, &s->port, s->user) != 3)
                return false;
        path = xasprintf("%s/s/client_key", s->dir);
        s->key = file_text(path);
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                site_take_host_key(s, types[i]);
        return true;
}

static inline void site_stop(struct ssh_site *s)
{
        AUTO_FREE char *stop = xasprintf("tests/support/sshd.sh stop %s/s; rm -rf %s", s->dir, s->dir);
        AUTO_FREE char *said = command_output(stop);

        for (uint32_t i = 0; i < s->host_key_count; i++)
                ssh_public_release(&s->host_keys[i]);
        free(s->key);
}

/* A hop to this site with its keys pinned; borrows from the site. */
static inline struct proto_hop site_hop(const struct ssh_site *s)
{
        struct proto_hop h = {.user = (char *)s->user, .host = "127.0.0.1", .port = (uint16_t)s->port};

        for (uint32_t i = 0; i < s->host_key_count; i++) {
                h.keys[i].data = s->host_keys[i].wire;
                h.keys[i].len = s->host_keys[i].wire_len;
        }
        h.key_count = s->host_key_count;
        return h;
}

/* A file of the build, found from this program's place in build/tests. */
static inline char *build_path(const char *name)
{
        char self[4096];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        char *slash;

        self[n > 0 ? n : 0] = '\0';
        for (int up = 0; up < 2; up++) {
                slash = strrchr(self, '/');
                if (slash)
                        *slash = '\0';
        }
        return xasprintf("%s/%s", self, name);
}

static inline void on_wait_over(uv_timer_t *t)
{
        *(bool *)t->data = true;
}

/* Turn the loop until *done, or WAIT_MS have passed. True: it was done, whatever happened in the turn after.
 */
static inline bool wait_until(uv_loop_t *loop, const bool *done)
{
        static uv_timer_t timer;
        bool over = false, was;

        uv_timer_init(loop, &timer);
        timer.data = &over;
        uv_timer_start(&timer, on_wait_over, WAIT_MS, 0);
        while (!*done && !over)
                uv_run(loop, UV_RUN_ONCE);
        was = *done;
        uv_close((uv_handle_t *)&timer, NULL);
        uv_run(loop, UV_RUN_NOWAIT);
        return was;
}

#endif
