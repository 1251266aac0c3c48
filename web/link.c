/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - connections: accept them, share them out, and cut those that are too slow.
 *
 * We accept ourselves: each connection goes to the event loop that has the fewest, and one over the limit (in
 * all, or of its address) is closed at once instead of hanging in the backlog. libmicrohttpd's own timeout
 * counts silence only, so a client that sends a byte now and then is cut here, by a deadline for each
 * request. A client that sent what is wanted, and waits because the threads are slow, is not.
 *
 * A client that is gone is cut here, too: libmicrohttpd waits for edges of epoll, and takes a read that did
 * not fill its buffer for the last one there is. When a client's last bytes and its end come together there
 * is one edge for both, and the end is not seen.
 */
#include "web/web_priv.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "web/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG    1024
#define JANITOR_MS 1000

static void set(struct link *l, int64_t deadline, bool awaits)
{
        if (!l)
                return;
        atomic_store(&l->awaits, awaits);
        atomic_store(&l->deadline, deadline);
}

void link_await(struct link *l, int64_t ms_from_now)
{
        if (l)
                atomic_store(&l->streams, false);
        set(l, clock_boot_ms() + ms_from_now, true);
}

void link_set_deadline(struct link *l, int64_t ms_from_now)
{
        set(l, clock_boot_ms() + ms_from_now, false);
}

void link_set_no_deadline(struct link *l)
{
        set(l, INT64_MAX, false);
}

void link_streams(struct link *l)
{
        if (!l)
                return;
        atomic_store(&l->left, false);
        atomic_store(&l->streams, true);
}

bool link_was_left(const struct link *l)
{
        return l && atomic_load(&l->streams) && atomic_load(&l->left);
}

void link_closed(struct web *w, int fd)
{
        struct link *l = &w->links[fd];

        pthread_mutex_lock(&w->links_lock);
        if (l->used) {
                l->used = false;
                w->links_open--;
                w->daemon_load[l->daemon]--;
        }
        pthread_mutex_unlock(&w->links_lock);
}

/* ---- accepting -------------------------------------------------------------------------------------------
 */

static int open_from(const struct web *w, const char *address)
{
        int n = 0;

        for (int fd = 0; fd < w->links_high; fd++)
                n += w->links[fd].used && strcmp(w->links[fd].address, address) == 0;
        return n;
}

/* The loop with the fewest connections, or -1 when there is no room. */
static int place(struct web *w, int fd, const char *address)
{
        int best = 0;

        if (fd >= LINKS_MAX || w->links_open >= w->connections_max)
                return -1;
        if (!w->is_unix && !peer_list_has(&w->proxies, address) &&
            open_from(w, address) >= w->address_connections_max)
                return -1;
        for (int i = 1; i < w->threads; i++)
                if (w->daemon_load[i] < w->daemon_load[best])
                        best = i;
        w->links[fd].used = true;
        w->links[fd].daemon = best;
        snprintf(w->links[fd].address, sizeof w->links[fd].address, "%s", address);
        link_await(&w->links[fd], HEAD_MS);
        w->links_open++;
        w->daemon_load[best]++;
        if (fd >= w->links_high)
                w->links_high = fd + 1;
        return best;
}

static void address_text(const struct sockaddr_storage *a, char ret[48])
{
        const struct sockaddr_in6 *six = (const void *)a;
        const struct sockaddr_in *four = (const void *)a;

        if (a->ss_family == AF_INET)
                inet_ntop(AF_INET, &four->sin_addr, ret, 48);
        else if (a->ss_family == AF_INET6)
                inet_ntop(AF_INET6, &six->sin6_addr, ret, 48);
        else
                snprintf(ret, 48, "unix");
}

static void accept_one(struct web *w)
{
        struct sockaddr_storage a = {0};
        socklen_t len = sizeof a;
        char address[48] = "";
        int one = 1, daemon,
            fd = accept4(w->listen_fd, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
                if (errno == EMFILE || errno == ENFILE)
                        usleep(20000); /* the backlog keeps the poll ready: do not spin */
                return;
        }
        if (!w->is_unix)
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        address_text(&a, address);
        pthread_mutex_lock(&w->links_lock);
        daemon = place(w, fd, address);
        pthread_mutex_unlock(&w->links_lock);
        if (daemon < 0) {
                close(fd);
                return;
        }
        /* On failure libmicrohttpd has closed the descriptor already. */
        if (MHD_add_connection(w->daemons[daemon], fd, (struct sockaddr *)&a, len) != MHD_YES)
                link_closed(w, fd);
}

/* A thread reads whatever comes as soon as it can, so what lies there says that the thread could not. */
static bool has_unread(int fd)
{
        char first;

        return recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static bool is_too_slow(struct link *l, int fd, int64_t now)
{
        if (!l->used || atomic_load(&l->deadline) >= now)
                return false;
        if (!atomic_load(&l->awaits) || !has_unread(fd))
                return true;
        link_await(l, UNREAD_MS);
        return false;
}

static bool has_ended(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLRDHUP};

        return poll(&p, 1, 0) > 0;
}

/* A suspended connection is not looked at by its loop: who resumes it is told. True: there is news. */
static bool left_stream(struct link *l, int fd)
{
        if (!l->used || !atomic_load(&l->streams) || atomic_load(&l->left) || !has_ended(fd))
                return false;
        atomic_store(&l->left, true);
        return true;
}

/* The client said that nothing more comes, and nothing lies unread, while something of it is wanted. A thread
 * may be about to answer what it just read: so only when nothing happened from one look to the next. */
static bool is_gone(struct link *l, int fd)
{
        int64_t deadline = atomic_load(&l->deadline);
        bool before = l->ended_at == deadline;

        l->ended_at = 0;
        if (!l->used || !atomic_load(&l->awaits) || !has_ended(fd) || has_unread(fd))
                return false;
        l->ended_at = deadline;
        return before;
}

/* Shutting down is enough: the loop notices, and closes. The lock keeps the descriptor from being somebody
 * else's. */
static void cut_slow(struct web *w)
{
        int64_t now = clock_boot_ms();
        bool left = false;

        pthread_mutex_lock(&w->links_lock);
        for (int fd = 0; fd < w->links_high; fd++) {
                if (is_too_slow(&w->links[fd], fd, now) || is_gone(&w->links[fd], fd))
                        shutdown(fd, SHUT_RDWR);
                left |= left_stream(&w->links[fd], fd);
        }
        while (w->links_high > 0 && !w->links[w->links_high - 1].used)
                w->links_high--;
        pthread_mutex_unlock(&w->links_lock);
        if (left)
                streams_left(w);
}

static void *acceptor_main(void *arg)
{
        struct web *w = arg;
        struct pollfd fds[2] = {{.fd = w->listen_fd, .events = POLLIN}, {.fd = w->stop_fd, .events = POLLIN}};
        int64_t cut_at = clock_boot_ms();

        while (!atomic_load(&w->closing)) {
                poll(fds, 2, JANITOR_MS);
                if (fds[0].revents & POLLIN)
                        accept_one(w);
                if (clock_boot_ms() - cut_at >= JANITOR_MS) {
                        cut_slow(w);
                        cut_at = clock_boot_ms();
                }
        }
        return NULL;
}

/* ---- listening -------------------------------------------------------------------------------------------
 */

static int listen_on(struct web *w, int family, const struct sockaddr *a, socklen_t len, struct err *err)
{
        int one = 1;

        w->listen_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (w->listen_fd < 0)
                return err_errno(err, "could not make a socket");
        setsockopt(w->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(w->listen_fd, a, len) < 0)
                return err_errno(err, "could not listen on %s", w->listen);
        if (listen(w->listen_fd, BACKLOG) < 0)
                return err_errno(err, "could not listen on %s", w->listen);
        return 0;
}

/* A socket file that nobody answers on is left over from a process that was killed. */
static void unlink_stale(const struct sockaddr_un *a)
{
        struct stat st;
        int fd;

        if (lstat(a->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        if (connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno == ECONNREFUSED)
                unlink(a->sun_path);
        close(fd);
}

static int listen_unix(struct web *w, const char *path, struct err *err)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        if (path[0] != '/' || strlen(path) >= sizeof a.sun_path)
                return err_set(err, ERR_BAD_INPUT,
                               "listen: \"%s\" must be an absolute path shorter than %zu bytes", path,
                               sizeof a.sun_path);
        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        unlink_stale(&a);
        w->is_unix = true;
        if (listen_on(w, AF_UNIX, (struct sockaddr *)&a, sizeof a, err) < 0)
                return -1;
        w->unix_path = xstrdup(path);
        return 0;
}

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (every address). */
static int listen_tcp(struct web *w, struct err *err)
{
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_storage got;
        socklen_t len = sizeof got;
        const char *colon = strrchr(w->listen, ':');
        AUTO_FREE char *host = NULL;
        int64_t port;

        if (!colon || num_int("port", colon + 1, 0, 65535, &port, err) < 0)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "listen: \"%s\" must be an address and a port as 127.0.0.1:8080, or unix:/path",
                    w->listen);
        host = xstrndup(w->listen, (size_t)(colon - w->listen));
        six.sin6_port = four.sin_port = htons((uint16_t)port);
        if (strcmp(host, "localhost") == 0) {
                free(host);
                host = xstrdup("127.0.0.1");
        }
        if (host[0] == '[' && host[strlen(host) - 1] == ']')
                host[strlen(host) - 1] = '\0';
        if (!*host || inet_pton(AF_INET6, host + (host[0] == '['), &six.sin6_addr) == 1) {
                if (listen_on(w, AF_INET6, (struct sockaddr *)&six, sizeof six, err) < 0)
                        return -1;
        } else if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
                if (listen_on(w, AF_INET, (struct sockaddr *)&four, sizeof four, err) < 0)
                        return -1;
        } else {
                return err_set(err, ERR_BAD_INPUT,
                               "listen: \"%s\" is not an address of this machine; names are not looked up",
                               host);
        }
        if (getsockname(w->listen_fd, (struct sockaddr *)&got, &len) < 0)
                return err_errno(err, "could not read the port");
        w->port = ntohs(got.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&got)->sin6_port
                                                  : ((struct sockaddr_in *)&got)->sin_port);
        return 0;
}

int links_start(struct web *w, struct err *err)
{
        int rc =
            strncmp(w->listen, "unix:", 5) == 0 ? listen_unix(w, w->listen + 5, err) : listen_tcp(w, err);

        if (rc < 0)
                return -1;
        w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->stop_fd < 0)
                return err_errno(err, "could not make an event descriptor");
        if (pthread_create(&w->acceptor, NULL, acceptor_main, w) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the accepting thread");
        w->acceptor_runs = true;
        return 0;
}

void links_stop(struct web *w)
{
        uint64_t one = 1;

        if (w->acceptor_runs) {
                ssize_t ignored = write(w->stop_fd, &one, sizeof one);

                (void)ignored;
                pthread_join(w->acceptor, NULL);
                w->acceptor_runs = false;
        }
        if (w->listen_fd >= 0)
                close(w->listen_fd);
        if (w->stop_fd >= 0)
                close(w->stop_fd);
        w->listen_fd = w->stop_fd = -1;
        if (w->unix_path)
                unlink(w->unix_path);
}
