/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenSSH back end: the machine's own ssh client, for sites that libssh2 cannot speak to.
 *
 * One master client per hop (`ssh -M -N`), each through the master of the hop before it (`ssh -W` as its
 * proxy command); every command is one more client on the last master's control socket, which costs no login.
 * The private key is never on disk, in an argument or in the environment: it lies in an anonymous memory file
 * that is the master's standard input, and IdentityFile names /proc/self/fd/0. Pinned host keys go into a
 * known_hosts file in a private directory, under one alias, and only their types are asked for. No
 * configuration file is read.
 *
 * What went well and wrong is learned from the client's standard error (ssh_words.h).
 */
#include "connector/transport.h"

#include "connector/dial.h"
#include "connector/key_text.h"
#include "connector/sandbox.h"
#include "connector/ssh_words.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALIAS      "hop" /* the name under which a hop's keys stand in its known_hosts file */
#define ARGS_MAX   96
#define LINE_MAX_  1024
#define PIPE_BYTES (256 << 10)
#define KNOWN_MAX  (64 << 10)

/* One end of a pipe to a child. */
struct end {
        struct openssh *owner;
        int fd; /* -1: closed or ended */
        bool ready;
        unsigned interest, direction;
};

struct child {
        pid_t pid; /* 0: none */
        bool exited;
        int status;
        struct end in, out, err;
};

struct master {
        struct child child;
        char control[64], known[64];
        char line[LINE_MAX_];
        size_t line_len;
        struct ssh_agreed agreed;
        struct ssh_complaint complaint;
        int complaint_weight;
        char complaint_text[300];
        enum connect_step reported; /* steps below this one were reported */
};

struct openssh {
        struct transport base;
        struct loop *loop;
        struct report *report;
        struct proto_config *config;
        char dir[48]; /* private, removed at the end */
        struct master masters[HOPS_MAX];
        uint32_t at;
        bool logged_in, session_reported;
        uint64_t login_timer;

        bool running, attached;
        uint32_t id;
        struct child command;
        struct buf to_site;
        bool end_asked;
        struct tail last_words; /* of an attached command's stderr */
};

/* ---- children ---- */

struct args {
        const char *v[ARGS_MAX];
        char *owned[ARGS_MAX];
        size_t n, owned_n;
};

/* Where the client may be; no search path is trusted. */
static const char *const ssh_places[] = {"/usr/bin/ssh", "/usr/local/bin/ssh", "/bin/ssh"};

static void arg(struct args *a, const char *s)
{
        if (a->n < ARGS_MAX - 1)
                a->v[a->n++] = s;
}

static void arg_printf(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void arg_printf(struct args *a, const char *fmt, ...)
{
        va_list ap;
        char *s = NULL;

        va_start(ap, fmt);
        if (vasprintf(&s, fmt, ap) < 0)
                s = xstrdup("");
        va_end(ap);
        a->owned[a->owned_n++] = s;
        arg(a, s);
}

static void args_release(struct args *a)
{
        for (size_t i = 0; i < a->owned_n; i++)
                free(a->owned[i]);
}

static void on_end(void *arg, int fd, unsigned ready)
{
        struct end *e = arg;

        (void)fd;
        (void)ready;
        e->ready = true;
        loop_fd_want(e->owner->loop, e->fd, 0);
        e->interest = 0;
}

static void end_open(struct openssh *s, struct end *e, int fd, unsigned direction)
{
        struct err err;

        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
        *e = (struct end){.owner = s, .fd = fd, .ready = true, .direction = direction};
        if (loop_fd_add(s->loop, fd, 0, on_end, e, &err) < 0)
                report_failed(s->report, FAIL_OTHER, NULL, "%s", err.text);
}

static void end_close(struct end *e)
{
        if (e->fd < 0 || !e->owner)
                return;
        loop_fd_remove(e->owner->loop, e->fd);
        close(e->fd);
        e->fd = -1;
}

/* Ask to be told once the end can be used again. */
static void end_watch(struct end *e, bool wanted)
{
        unsigned interest = wanted && !e->ready ? e->direction : 0;

        if (!e->owner || e->fd < 0 || interest == e->interest)
                return;
        loop_fd_want(e->owner->loop, e->fd, interest);
        e->interest = interest;
}

static void child_exec(const struct args *a, int in, int out, int err)
{
        static char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
                _exit(255);
        close_range(3, ~0U, 0);
        for (size_t i = 0; i < ARRAY_LEN(ssh_places); i++)
                execve(ssh_places[i], (char *const *)a->v, env);
        dprintf(2, "could not run the OpenSSH client: %s\n", strerror(errno));
        _exit(255);
}

/* Start ssh with pipes. stdin_fd >= 0: that instead of a pipe (taken over). */
static int child_start(struct openssh *s, struct child *c, const struct args *a, int stdin_fd)
{
        int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};

        *c = (struct child){.in.fd = -1, .out.fd = -1, .err.fd = -1};
        if ((stdin_fd < 0 && pipe2(in, O_CLOEXEC) < 0) || pipe2(out, O_CLOEXEC) < 0 ||
            pipe2(err, O_CLOEXEC) < 0)
                goto fail;
        if (stdin_fd >= 0)
                in[0] = stdin_fd;
        c->pid = fork();
        if (c->pid < 0)
                goto fail;
        if (c->pid == 0)
                child_exec(a, in[0], out[1], err[1]);
        close(in[0]);
        close(out[1]);
        close(err[1]);
        if (in[1] >= 0)
                end_open(s, &c->in, in[1], LOOP_WRITE);
        end_open(s, &c->out, out[0], LOOP_READ);
        end_open(s, &c->err, err[0], LOOP_READ);
        return 0;
fail:
        report_failed(s->report, FAIL_OTHER, NULL, "could not start the OpenSSH client: %s", strerror(errno));
        for (int i = 0; i < 2; i++) {
                auto_close_(&in[i]);
                auto_close_(&out[i]);
                auto_close_(&err[i]);
        }
        c->pid = 0;
        return -1;
}

static void child_end(struct child *c)
{
        end_close(&c->in);
        end_close(&c->out);
        end_close(&c->err);
        if (c->pid && !c->exited)
                kill(c->pid, SIGTERM);
}

static void on_child_exit(void *arg, int signo)
{
        struct openssh *s = arg;
        pid_t pid;
        int status;

        (void)signo;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                for (uint32_t i = 0; i <= HOPS_MAX; i++) {
                        struct child *c = i < HOPS_MAX ? &s->masters[i].child : &s->command;

                        if (c->pid == pid) {
                                c->exited = true;
                                c->status = status;
                        }
                }
        }
}

/* ---- the private directory ---- */

static int write_file(const char *path, struct buf *b)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        return fd >= 0 && write(fd, buf_bytes(b), buf_len(b)) == (ssize_t)buf_len(b) ? 0 : -1;
}

static int known_hosts_write(struct openssh *s, uint32_t hop)
{
        const struct proto_hop *c = &s->config->hops[hop];
        struct buf b;
        int rc;

        buf_init(&b, KNOWN_MAX);
        for (uint32_t i = 0; i < c->key_count; i++) {
                char type[65];

                key_type_of(c->keys[i].data, c->keys[i].len, type);
                buf_printf(&b, "%s %s ", ALIAS, type);
                base64_put(&b, c->keys[i].data, c->keys[i].len);
                buf_text(&b, "\n");
        }
        rc = b.overflow ? -1 : write_file(s->masters[hop].known, &b);
        buf_release(&b);
        return rc;
}

static int key_file(const struct openssh *s)
{
        AUTO_CLOSE int fd = memfd_create("key", MFD_CLOEXEC);
        size_t n = strlen(s->config->private_key);
        int ret;

        if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, s->config->private_key, n) != (ssize_t)n)
                return -1;
        ret = fd;
        fd = -1;
        return ret;
}

/* ---- masters ---- */

static const struct {
        const char *type, *algorithms;
} key_algorithms[] = {
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};

static void args_hostkeys(struct args *a, const struct proto_hop *c)
{
        char list[512] = "";

        for (uint32_t i = 0; i < c->key_count; i++) {
                char type[65];
                const char *name = type;
                size_t used = strlen(list);

                key_type_of(c->keys[i].data, c->keys[i].len, type);
                for (size_t k = 0; k < ARRAY_LEN(key_algorithms); k++) {
                        if (strcmp(type, key_algorithms[k].type) == 0)
                                name = key_algorithms[k].algorithms;
                }
                if (*name && !strstr(list, name))
                        snprintf(list + used, sizeof list - used, "%s%s", used ? "," : "", name);
        }
        if (list[0]) {
                arg(a, "-o");
                arg_printf(a, "HostKeyAlgorithms=%s", list);
        }
}

static void args_common(struct args *a)
{
        static const char *const options[] = {
            "BatchMode=yes",           "IdentitiesOnly=yes",
            "IdentityAgent=none",      "GlobalKnownHostsFile=none",
            ("HostKeyAlias=" ALIAS),   "CheckHostIP=no",
            "UpdateHostKeys=no",       "VerifyHostKeyDNS=no",
            "HashKnownHosts=no",       "ForwardAgent=no",
            "ForwardX11=no",           "PermitLocalCommand=no",
            "CanonicalizeHostname=no", "ControlPersist=no",
            "EscapeChar=none",         "AddKeysToAgent=no",
        };

        arg(a, "ssh");
        arg(a, "-F");
        arg(a, "none");
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                arg(a, "-o");
                arg(a, options[i]);
        }
}

static void args_target(struct args *a, const struct proto_hop *c)
{
        arg(a, "-l");
        arg(a, c->user);
        arg(a, "-p");
        arg_printf(a, "%u", c->port);
        arg(a, "--");
        arg(a, c->host);
}

/* The one text that a shell sees: paths of ours and a host that host_is_valid. */
static void args_proxy(struct args *a, const struct master *before, const struct proto_hop *c)
{
        arg(a, "-o");
        arg_printf(a,
                   "ProxyCommand=ssh -F none -o BatchMode=yes -o LogLevel=ERROR -o ControlMaster=no -o "
                   "ControlPath=%s"
                   " -o ProxyCommand=false -W '[%s]:%u' " ALIAS,
                   before->control, c->host, c->port);
}

static int master_start(struct openssh *s)
{
        struct master *m = &s->masters[s->at];
        const struct proto_hop *c = &s->config->hops[s->at];
        bool probe = s->config->probe && s->at + 1 == s->config->hop_count;
        struct args a = {0};
        int key, rc;

        snprintf(m->control, sizeof m->control, "%s/c%u", s->dir, s->at);
        snprintf(m->known, sizeof m->known, "%s/k%u", s->dir, s->at);
        m->reported = STEP_RESOLVE;
        report_begin(s->report, STEP_RESOLVE);
        key = probe ? open("/dev/null", O_RDONLY | O_CLOEXEC) : key_file(s);
        if (key < 0 || known_hosts_write(s, s->at) < 0) {
                report_failed(s->report, FAIL_OTHER, NULL, "could not write to %s: %s", s->dir,
                              strerror(errno));
                auto_close_(&key);
                return -1;
        }
        args_common(&a);
        args_hostkeys(&a, c);
        arg(&a, "-o");
        arg_printf(&a, "StrictHostKeyChecking=%s", s->config->probe && !c->key_count ? "accept-new" : "yes");
        arg(&a, "-o");
        arg_printf(&a, "UserKnownHostsFile=%s", m->known);
        arg(&a, "-o");
        arg_printf(&a, "ConnectTimeout=%u", s->config->timeout_ms / 1000 + 1);
        arg(&a, "-o");
        arg(&a,
            probe ? "PreferredAuthentications=none" : "PreferredAuthentications=gssapi-with-mic,publickey");
        arg(&a, "-o");
        arg(&a, "GSSAPIAuthentication=yes");
        arg(&a, "-o");
        arg(&a, "IdentityFile=/proc/self/fd/0");
        arg(&a, "-o");
        arg(&a, "LogLevel=DEBUG1");
        arg(&a, "-o");
        arg_printf(&a, "ControlPath=%s", m->control);
        if (s->at > 0)
                args_proxy(&a, m - 1, c);
        arg(&a, "-M");
        arg(&a, "-N");
        arg(&a, "-T");
        args_target(&a, c);
        rc = child_start(s, &m->child, &a, key);
        args_release(&a);
        return rc;
}

/* A probed or pinned key as bytes: from the pins, or from the file where the client just put it. */
static void master_report_key(struct openssh *s, struct master *m, const char *algorithms)
{
        const struct proto_hop *c = &s->config->hops[s->at];
        AUTO_CLOSE int fd = -1;
        char text[KNOWN_MAX / 4], type[65];
        struct buf key;
        ssize_t n;

        buf_init(&key, KNOWN_MAX);
        for (uint32_t i = 0; m->agreed.key_matched && i < c->key_count; i++) {
                key_type_of(c->keys[i].data, c->keys[i].len, type);
                if (strcmp(type, m->agreed.hostkey_type) == 0)
                        buf_put(&key, c->keys[i].data, c->keys[i].len);
        }
        fd = buf_len(&key) || !m->agreed.key_matched ? -1 : open(m->known, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
        if (n > 0) {
                const char *at;

                text[n] = '\0';
                at = strstr(text, m->agreed.hostkey_type);
                if (at && m->agreed.hostkey_type[0])
                        base64_get(at + strlen(m->agreed.hostkey_type) + 1, &key);
        }
        report_hostkey(s->report, s->at, m->agreed.hostkey_type, buf_bytes(&key), buf_len(&key),
                       m->agreed.fingerprint, algorithms);
        buf_release(&key);
}

/* Report the steps that the client's lines prove to be done, in order, each once. */
static void master_report_steps(struct openssh *s, struct master *m)
{
        const struct ssh_agreed *a = &m->agreed;

        if (m->reported == STEP_RESOLVE && (a->address[0] || a->connected)) {
                report_step(s->report, "%s", a->address[0] ? a->address : "through the jump host");
                m->reported = STEP_REACH;
                report_begin(s->report, STEP_REACH);
        }
        if (m->reported == STEP_REACH && a->connected) {
                report_step(s->report, "%s", a->address[0] ? a->address : "through the jump host");
                m->reported = STEP_ALGORITHMS;
                report_begin(s->report, STEP_ALGORITHMS);
        }
        if (m->reported == STEP_ALGORITHMS && a->key_shown) {
                report_step(s->report, "kex=%s cipher=%s mac=%s", a->kex, a->cipher, a->mac);
                m->reported = STEP_HOSTKEY;
                report_begin(s->report, STEP_HOSTKEY);
        }
        if (m->reported == STEP_HOSTKEY && a->key_matched) {
                AUTO_FREE char *algorithms = xasprintf("kex=%s cipher=%s mac=%s", a->kex, a->cipher, a->mac);

                master_report_key(s, m, algorithms);
                report_step(s->report, "%s %s", a->hostkey_type, a->fingerprint);
                m->reported = STEP_LOGIN;
                report_begin(s->report, STEP_LOGIN);
        }
        if (m->reported == STEP_LOGIN && a->logged_in) {
                report_step(s->report, "%s", s->config->hops[s->at].user);
                m->reported = STEP_SESSION;
                report_begin(s->report, STEP_SESSION);
        }
}

static void master_line(struct master *m, char *line)
{
        struct ssh_complaint complaint = {m->reported, FAIL_UNREACHABLE, "look at the server's log"};
        int weight = 1;
        size_t n;

        line[strcspn(line, "\r")] = '\0';
        ssh_line_note(line, &m->agreed);
        if (!*line || strncmp(line, "debug", 5) == 0)
                return;
        ssh_line_complains(line, &complaint, &weight);
        if (weight < m->complaint_weight || (weight > 1 && weight == m->complaint_weight))
                return;
        m->complaint = complaint;
        m->complaint_weight = weight;
        n = strnlen(line, sizeof m->complaint_text - 1);
        memcpy(m->complaint_text, line, n);
        m->complaint_text[n] = '\0';
}

/* 1 some lines, 0 none now. Lines longer than the buffer are cut in pieces, which mean nothing to us. */
static int master_read(struct master *m)
{
        bool moved = false;

        while (m->child.err.fd >= 0 && m->child.err.ready) {
                ssize_t n = read(m->child.err.fd, m->line + m->line_len, LINE_MAX_ - 1 - m->line_len);
                char *eol;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        m->child.err.ready = false;
                        break;
                }
                moved = true;
                if (n <= 0) {
                        end_close(&m->child.err);
                        break;
                }
                m->line_len += (size_t)n;
                m->line[m->line_len] = '\0';
                while ((eol = memchr(m->line, '\n', m->line_len))) {
                        size_t used = (size_t)(eol - m->line) + 1;

                        *eol = '\0';
                        master_line(m, m->line);
                        memmove(m->line, m->line + used, m->line_len - used);
                        m->line_len -= used;
                }
                if (m->line_len == LINE_MAX_ - 1)
                        m->line_len = 0;
        }
        return moved;
}

static void master_failed(struct openssh *s, struct master *m)
{
        const struct proto_hop *c = &s->config->hops[s->at];
        struct ssh_complaint why = m->complaint;

        if (s->config->probe && s->at + 1 == s->config->hop_count && m->agreed.key_matched) {
                report_closed(s->report, "probed");
                return;
        }
        if (!m->complaint_weight) {
                why = (struct ssh_complaint){m->reported, FAIL_UNREACHABLE, "look at the server's log"};
                snprintf(m->complaint_text, sizeof m->complaint_text, "the OpenSSH client ended with code %d",
                         WIFEXITED(m->child.status) ? WEXITSTATUS(m->child.status) : 255);
        }
        /* With pins, a key that the client does not know is one that was changed. */
        if (why.kind == FAIL_HOSTKEY_UNKNOWN && c->key_count)
                why.kind = FAIL_HOSTKEY_CHANGED;
        if (why.step == STEP_HOSTKEY && m->agreed.key_shown) {
                report_hostkey(s->report, s->at, m->agreed.hostkey_type, NULL, 0, m->agreed.fingerprint, "");
                s->report->step = why.step;
                report_failed(s->report, why.kind, why.fix, "%s port %u: the host key %s: it is %s %s",
                              c->host, c->port,
                              why.kind == FAIL_HOSTKEY_CHANGED ? "has changed" : "is not known",
                              m->agreed.hostkey_type, m->agreed.fingerprint);
        }
        s->report->step = why.step;
        report_failed(s->report, why.kind, why.fix, "%s port %u: %s", c->host, c->port, m->complaint_text);
}

static void openssh_login_done(struct openssh *s)
{
        explicit_bzero(s->config->private_key, strlen(s->config->private_key));
        loop_timer_cancel(s->loop, s->login_timer);
        s->logged_in = true;
        report_ready(s->report);
}

static bool masters_pump(struct openssh *s)
{
        bool moved = false;

        for (uint32_t i = 0; i <= s->at; i++) {
                struct master *m = &s->masters[i];

                moved |= master_read(m);
                if (i == s->at && !s->logged_in)
                        master_report_steps(s, m);
                /* All its last words are read before a judgement. */
                if (!m->child.exited || m->child.err.fd >= 0)
                        continue;
                if (s->logged_in || i < s->at)
                        report_closed(s->report, "the connection was lost%s%s",
                                      m->complaint_weight ? ": " : "", m->complaint_text);
                else
                        master_failed(s, m);
                return false;
        }
        if (s->logged_in || !s->masters[s->at].agreed.ready)
                return moved;
        if (s->at + 1 == s->config->hop_count) {
                openssh_login_done(s);
        } else {
                s->at++;
                master_start(s);
        }
        return true;
}

/* ---- commands ---- */

static void openssh_run(struct transport *t, const struct transport_command *c)
{
        struct openssh *s = (struct openssh *)t;
        struct args a = {0};

        args_common(&a);
        arg(&a, "-o");
        arg(&a, "LogLevel=ERROR");
        arg(&a, "-o");
        arg(&a, "ControlMaster=no");
        arg(&a, "-o");
        arg_printf(&a, "ControlPath=%s", s->masters[s->at].control);
        /* Without its master it must not try to log in by itself. */
        arg(&a, "-o");
        arg(&a, "ProxyCommand=false");
        arg(&a, "-T");
        args_target(&a, &s->config->hops[s->at]);
        arg(&a, c->text);
        s->running = true;
        s->attached = c->attached;
        s->id = c->id;
        s->end_asked = false;
        buf_clear(&s->to_site);
        if (child_start(s, &s->command, &a, -1) == 0) {
                if (!s->session_reported)
                        report_step(s->report, "runs commands");
                s->session_reported = true;
                if (s->attached)
                        report_attached(s->report);
        }
        args_release(&a);
}

static bool command_write(struct openssh *s)
{
        struct end *e = &s->command.in;
        bool moved = false;

        while (e->fd >= 0 && e->ready && buf_len(&s->to_site)) {
                ssize_t n = write(e->fd, buf_bytes(&s->to_site), buf_len(&s->to_site));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        e->ready = false;
                        break;
                }
                if (n < 0)
                        end_close(e);
                else
                        buf_consume(&s->to_site, (size_t)n);
                moved = true;
        }
        if (e->fd < 0)
                buf_clear(&s->to_site);
        else if (s->end_asked && !buf_len(&s->to_site))
                end_close(e);
        return moved;
}

static bool command_read(struct openssh *s, struct end *e, enum report_stream stream)
{
        bool moved = false;

        while (e->fd >= 0 && e->ready) {
                uint8_t *to = report_data(s->report);
                ssize_t n;

                if (!to)
                        break;
                n = read(e->fd, to, REPORT_DATA_MAX);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        e->ready = false;
                        break;
                }
                moved = true;
                if (n <= 0)
                        end_close(e);
                else if (s->attached && stream == REPORT_STDERR)
                        tail_add(&s->last_words, to, (size_t)n);
                else
                        report_data_commit(s->report, s->attached, s->id, stream, (size_t)n);
        }
        return moved;
}

static bool command_pump(struct openssh *s)
{
        struct child *c = &s->command;
        bool moved = command_write(s);

        moved |= command_read(s, &c->out, REPORT_STDOUT);
        moved |= command_read(s, &c->err, REPORT_STDERR);
        if (c->out.fd >= 0 || c->err.fd >= 0 || !c->exited)
                return moved;
        if (s->attached) {
                report_closed(s->report, "the command ended%s%s", s->last_words.len ? ": " : "",
                              s->last_words.text);
                return false;
        }
        report_exec_end(s->report, s->id, WIFEXITED(c->status) ? (uint32_t)WEXITSTATUS(c->status) : 255, "");
        child_end(c);
        c->pid = 0;
        s->running = false;
        return true;
}

static void openssh_pump(struct transport *t)
{
        struct openssh *s = (struct openssh *)t;
        bool moved = true, room;

        while (moved && !s->report->ended) {
                moved = masters_pump(s);
                if (s->running && !s->report->ended)
                        moved |= command_pump(s);
        }
        room = report_data(s->report) != NULL;
        for (uint32_t i = 0; i <= s->at; i++)
                end_watch(&s->masters[i].child.err, true);
        end_watch(&s->command.in, buf_len(&s->to_site) > 0);
        end_watch(&s->command.out, room);
        end_watch(&s->command.err, room);
}

/* ---- the back end's calls ---- */

static void openssh_write(struct transport *t, const uint8_t *p, size_t n)
{
        struct openssh *s = (struct openssh *)t;

        if (s->running && !s->end_asked)
                buf_put(&s->to_site, p, n);
}

static void openssh_write_end(struct transport *t)
{
        ((struct openssh *)t)->end_asked = true;
}

static bool openssh_idle(const struct transport *t)
{
        const struct openssh *s = (const struct openssh *)t;

        return s->logged_in && !s->running;
}

static size_t openssh_waiting(const struct transport *t)
{
        return buf_len(&((const struct openssh *)t)->to_site);
}

static void openssh_shrink(struct transport *t)
{
        buf_shrink(&((struct openssh *)t)->to_site);
}

static void openssh_close(struct transport *t)
{
        struct openssh *s = (struct openssh *)t;

        loop_timer_cancel(s->loop, s->login_timer);
        if (s->running)
                child_end(&s->command);
        for (uint32_t i = HOPS_MAX; i-- > 0;) {
                child_end(&s->masters[i].child);
                if (s->masters[i].known[0])
                        unlink(s->masters[i].known);
                if (s->masters[i].control[0])
                        unlink(s->masters[i].control);
        }
        rmdir(s->dir);
        buf_release(&s->to_site);
        free(s);
}

static void on_login_timeout(void *arg)
{
        struct openssh *s = arg;
        const struct proto_hop *c = &s->config->hops[s->at];

        report_failed(s->report, FAIL_UNREACHABLE,
                      "the host or a firewall swallows packets, or the host is overloaded",
                      "%s port %u: no answer within %u ms", c->host, c->port, s->config->timeout_ms);
}

static struct transport *openssh_open(struct loop *l, struct report *r, struct proto_config *c)
{
        struct openssh *s = xcalloc(1, sizeof *s);
        struct err err;

        *s = (struct openssh){.base = {&transport_openssh}, .loop = l, .report = r, .config = c};
        for (uint32_t i = 0; i < HOPS_MAX; i++)
                s->masters[i].child = (struct child){.in.fd = -1, .out.fd = -1, .err.fd = -1};
        s->command = (struct child){.in.fd = -1, .out.fd = -1, .err.fd = -1};
        buf_init(&s->to_site, 4u << 20);
        snprintf(s->dir, sizeof s->dir, "/tmp/reeve-connector-XXXXXX");
        if (!mkdtemp(s->dir)) {
                report_failed(r, FAIL_OTHER, "make room in /tmp",
                              "could not make a private directory in /tmp: %s", strerror(errno));
                free(s);
                return NULL;
        }
        if (sandbox_close_openssh(&err) < 0 || loop_signal_add(l, SIGCHLD, on_child_exit, s, &err) < 0)
                report_failed(r, FAIL_OTHER, NULL, "%s", err.text);
        else if (master_start(s) == 0)
                s->login_timer = loop_timer_set(l, c->timeout_ms, on_login_timeout, s);
        return &s->base;
}

const struct transport_ops transport_openssh = {
    .name = "openssh",
    .open = openssh_open,
    .run = openssh_run,
    .write = openssh_write,
    .write_end = openssh_write_end,
    .idle = openssh_idle,
    .waiting = openssh_waiting,
    .pump = openssh_pump,
    .shrink = openssh_shrink,
    .close = openssh_close,
};
