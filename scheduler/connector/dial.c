/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/dial.h"

#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNACKED_MS 30000 /* sent bytes that nobody acknowledges for this long end the connection */

static bool text_is_of(const char *s, size_t max, const char *marks)
{
        size_t n = strlen(s);

        if (n == 0 || n > max || s[0] == '-')
                return false;
        for (size_t i = 0; i < n; i++) {
                char c = s[i];

                if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      strchr(marks, c)))
                        return false;
        }
        return true;
}

bool host_is_valid(const char *s)
{
        return text_is_of(s, 253, "._:-");
}

bool user_is_valid(const char *s)
{
        return text_is_of(s, 64, "._@+-");
}

static void socket_prepare(int fd)
{
        int on = 1, ms = UNACKED_MS;

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

/* Wait for the connection or for the engine's end to close. 0 connected, errno otherwise; ECANCELED: no
 * engine. */
static int wait_connected(int fd, int engine_fd, int64_t deadline)
{
        for (;;) {
                struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = engine_fd, .events = POLLRDHUP}};
                int64_t left = deadline - clock_boot_ms();
                int error = 0;
                socklen_t len = sizeof error;

                if (left <= 0)
                        return ETIMEDOUT;
                if (poll(p, 2, (int)left) < 0 && errno != EINTR)
                        return errno;
                if (p[1].revents & (POLLRDHUP | POLLHUP | POLLERR))
                        return ECANCELED;
                if (!p[0].revents)
                        continue;
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
                        return errno;
                return error;
        }
}

static int connect_one(const struct addrinfo *a, int engine_fd, int64_t deadline, int *ret_fd)
{
        AUTO_CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int error = 0;

        if (fd < 0)
                return errno;
        socket_prepare(fd);
        if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
                error = errno == EINPROGRESS ? wait_connected(fd, engine_fd, deadline) : errno;
        if (error)
                return error;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

static void address_text(const struct addrinfo *a, char ret[INET6_ADDRSTRLEN])
{
        const void *raw = a->ai_family == AF_INET6
                              ? (const void *)&((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr
                              : (const void *)&((const struct sockaddr_in *)a->ai_addr)->sin_addr;

        if (!inet_ntop(a->ai_family, raw, ret, INET6_ADDRSTRLEN))
                snprintf(ret, INET6_ADDRSTRLEN, "?");
}

static struct addrinfo *resolve(struct report *r, const char *host, uint16_t port)
{
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
        char service[8];
        int rc;

        report_begin(r, STEP_RESOLVE);
        snprintf(service, sizeof service, "%u", port);
        rc = getaddrinfo(host, service, &hints, &list);
        if (rc == 0)
                return list;
        report_failed(r, FAIL_UNREACHABLE, "check the host's name, and that this machine can look it up",
                      "could not look up \"%s\": %s", host,
                      rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return NULL;
}

int dial(struct report *r, const char *host, uint16_t port, uint32_t timeout_ms)
{
        struct addrinfo *list = resolve(r, host, port);
        char address[INET6_ADDRSTRLEN] = "";
        int64_t deadline = clock_boot_ms() + timeout_ms;
        int fd = -1, error = EHOSTUNREACH, left = 0;

        if (!list)
                return -1;
        for (const struct addrinfo *a = list; a; a = a->ai_next)
                left++;
        address_text(list, address);
        report_step(r, "%s", address);
        report_begin(r, STEP_REACH);
        for (const struct addrinfo *a = list; a && error != ECANCELED; a = a->ai_next, left--) {
                int64_t now = clock_boot_ms();

                address_text(a, address);
                error = connect_one(a, r->fd, now + (deadline - now) / left, &fd);
                if (!error)
                        break;
        }
        freeaddrinfo(list);
        if (fd >= 0) {
                report_step(r, "%s port %u", address, port);
                return fd;
        }
        report_failed(r, FAIL_UNREACHABLE,
                      error == ECONNREFUSED ? "check the port, and that sshd runs there"
                                            : "check the address and the firewalls between here and there",
                      "could not connect to %s port %u: %s", address, port, strerror(error));
        return -1;
}
