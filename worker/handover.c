/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/handover.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union control {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
};

static int give(int fd, uint64_t transfer, struct err *err)
{
        union control control = {0};
        struct iovec io = {&transfer, sizeof transfer};
        struct msghdr m = {.msg_iov = &io,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        int fds[2] = {STDIN_FILENO, STDOUT_FILENO};

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fds);
        memcpy(CMSG_DATA(c), fds, sizeof fds);
        return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof transfer
                   ? 0
                   : err_errno(err, "could not hand the stream over");
}

int receive_main(uint64_t transfer, struct err *err)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = DATA_SOCKET};
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char byte;
        ssize_t n;

        if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
                return err_errno(err, "no worker runs here");
        if (give(fd, transfer, err) < 0)
                return -1;
        /* Only the pull holds them now: it alone decides when the stream ends. */
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        do {
                n = read(fd, &byte, 1);
        } while (n > 0 || (n < 0 && errno == EINTR));
        return 0;
}

int handover_take(int fd, uint64_t *ret_transfer, int ret_fds[2])
{
        union control control;
        uint64_t transfer;
        struct iovec io = {&transfer, sizeof transfer};
        struct msghdr m = {.msg_iov = &io,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
        int fds[2];

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
            c->cmsg_len != CMSG_LEN(sizeof fds))
                return -1;
        memcpy(fds, CMSG_DATA(c), sizeof fds);
        if (n != (ssize_t)sizeof transfer) {
                close(fds[0]);
                close(fds[1]);
                return -1;
        }
        *ret_transfer = transfer;
        memcpy(ret_fds, fds, sizeof fds);
        return 1;
}
