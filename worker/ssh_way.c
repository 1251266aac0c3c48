/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/ssh_way.h"

#include "common/util.h"
#include "worker/files.h"

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

#define ALIAS     "reeve-source" /* the name that the pinned keys stand under */
#define PIPE_SIZE (1 << 20)
#define ARGS_MAX  80

/* ---- memory files ---- */

static int memory_file(const char *name, const void *p, size_t n)
{
        int fd = memfd_create(name, MFD_CLOEXEC);

        if (fd >= 0 && (fchmod(fd, 0600) < 0 || file_write_all(fd, p, n) < 0)) {
                close(fd);
                fd = -1;
        }
        return fd;
}

static int hosts_file(const struct transfer_pull *p)
{
        struct buf b;
        int fd;

        buf_init(&b, 64u << 10);
        for (uint32_t i = 0; i < p->host_key_count; i++) {
                if (!strpbrk(p->host_keys[i], "\r\n#"))
                        buf_printf(&b, ALIAS " %s\n", p->host_keys[i]);
        }
        fd = memory_file("reeve-hosts", buf_bytes(&b), buf_len(&b));
        buf_release(&b);
        return fd;
}

/* ---- the client ---- */

/* Where the site's client may be; no search path is trusted. */
static const char *const ssh_places[] = {"/usr/bin/ssh", "/usr/local/bin/ssh", "/bin/ssh"};

/* Nothing of the account's configuration, nobody asked, no forwarding; AES-GCM first, for its speed. */
static const char *const options[] = {
    "GlobalKnownHostsFile=/dev/null",
    ("HostKeyAlias=" ALIAS),
    "StrictHostKeyChecking=yes",
    "CheckHostIP=no",
    "UpdateHostKeys=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "BatchMode=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "ClearAllForwardings=yes",
    "ControlPath=none",
    "EscapeChar=none",
    "LogLevel=ERROR",
    "Ciphers=aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr",
};

static void exec_ssh(const struct transfer_pull *p, const char *key, char *hosts)
{
        char *argv[ARGS_MAX], port[8];
        size_t n = 0;

        snprintf(port, sizeof port, "%u", p->port);
        argv[n++] = (char *)"ssh";
        argv[n++] = (char *)"-F";
        argv[n++] = (char *)"none";
        argv[n++] = (char *)"-T";
        argv[n++] = (char *)"-i";
        argv[n++] = (char *)key;
        argv[n++] = (char *)"-o";
        argv[n++] = hosts;
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                argv[n++] = (char *)"-o";
                argv[n++] = (char *)options[i];
        }
        argv[n++] = (char *)"-l";
        argv[n++] = p->user;
        argv[n++] = (char *)"-p";
        argv[n++] = port;
        argv[n++] = (char *)"--";
        argv[n++] = p->host;
        /* For the log over there: the key runs its own command whatever is asked for. */
        argv[n++] = (char *)"reeve-worker send";
        argv[n] = NULL;
        for (size_t i = 0; i < ARRAY_LEN(ssh_places); i++)
                execve(ssh_places[i], argv, environ);
        dprintf(STDERR_FILENO, "there is no ssh program here: %s", strerror(errno));
        _exit(127);
}

static void in_child(const struct ssh_way *w, const struct transfer_pull *p, const int fds[3], pid_t parent)
{
        char key[64], hosts[96];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        /* By way of the parent: ssh closes what it inherits. */
        snprintf(key, sizeof key, "/proc/%d/fd/%d", (int)parent, w->key_fd);
        snprintf(hosts, sizeof hosts, "UserKnownHostsFile=/proc/%d/fd/%d", (int)parent, w->hosts_fd);
        for (int i = 0; i < 3; i++) {
                if (dup2(fds[i], i) < 0)
                        _exit(1);
        }
        signal(SIGPIPE, SIG_DFL);
        exec_ssh(p, key, hosts);
}

int ssh_way_start(struct ssh_way *w, struct transfer_pull *p, struct err *err)
{
        int to[2] = {-1, -1}, from[2] = {-1, -1}, words[2] = {-1, -1};
        pid_t self = getpid();

        *w = (struct ssh_way){.pid = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1};
        w->key_fd = memory_file("reeve-key", p->private_key, strlen(p->private_key));
        explicit_bzero(p->private_key, strlen(p->private_key));
        w->hosts_fd = hosts_file(p);
        if (w->key_fd >= 0 && w->hosts_fd >= 0 && pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0 &&
            pipe2(words, O_CLOEXEC) == 0)
                w->pid = fork();
        if (w->pid == 0)
                in_child(w, p, (int[]){to[0], from[1], words[1]}, self);
        w->out_fd = to[1];
        w->in_fd = from[0];
        w->err_fd = words[0];
        if (w->pid < 0)
                err_errno(err, "could not start ssh");
        for (size_t i = 0; i < 3; i++) {
                int fd = (int[]){to[0], from[1], words[1]}[i];

                if (fd >= 0)
                        close(fd);
        }
        if (w->pid < 0) {
                ssh_way_end(w);
                return -1;
        }
        fcntl(w->in_fd, F_SETPIPE_SZ, PIPE_SIZE);
        return 0;
}

void ssh_way_words(struct ssh_way *w, char *to, size_t size)
{
        ssize_t n;

        to[0] = '\0';
        if (w->err_fd < 0)
                return;
        fcntl(w->err_fd, F_SETFL, O_NONBLOCK);
        n = read(w->err_fd, to, size - 1);
        to[n > 0 ? n : 0] = '\0';
        for (char *c = to; *c; c++) {
                if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
                        *c = ' ';
        }
        for (size_t len = strlen(to); len && to[len - 1] == ' '; len--)
                to[len - 1] = '\0';
}

void ssh_way_end(struct ssh_way *w)
{
        int *fds[] = {&w->in_fd, &w->out_fd, &w->err_fd, &w->key_fd, &w->hosts_fd};

        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                if (*fds[i] >= 0)
                        close(*fds[i]);
                *fds[i] = -1;
        }
        if (w->pid > 0) {
                kill(w->pid, SIGKILL);
                waitpid(w->pid, NULL, 0);
        }
        w->pid = -1;
}
