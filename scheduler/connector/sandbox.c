/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/sandbox.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY_MAX (256u << 20) /* address space; shared libraries take about 20 MiB of it */
#define FILES_MAX  64

/* AddressSanitizer reserves terabytes and looks around in /proc at exit: neither fits a sandbox. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED
/* libssh2 1.10 forgets a host key when a handshake fails; the process ends there anyway. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:libssh2";
}
#endif

static int limit(int resource, rlim_t most, const char *what, struct err *err)
{
        struct rlimit now, want;

        if (getrlimit(resource, &now) < 0)
                return err_errno(err, "could not read the limit on %s", what);
        want.rlim_cur = want.rlim_max = now.rlim_max < most ? now.rlim_max : most;
        if (setrlimit(resource, &want) < 0)
                return err_errno(err, "could not limit %s", what);
        return 0;
}

int sandbox_begin(struct err *err)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return err_errno(err, "could not drop privileges");
        if (limit(RLIMIT_CORE, 0, "core files", err) < 0 ||
            limit(RLIMIT_NOFILE, FILES_MAX, "open files", err) < 0)
                return -1;
        return SANITIZED ? 0 : limit(RLIMIT_AS, MEMORY_MAX, "memory", err);
}

/* Everything the epoll loop, libssh2, libcrypto and the C library need to move bytes. */
static const int allowed[] = {
    SCMP_SYS(read),         SCMP_SYS(write),      SCMP_SYS(readv),        SCMP_SYS(writev),
    SCMP_SYS(recvfrom),     SCMP_SYS(sendto),     SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown),     SCMP_SYS(close),      SCMP_SYS(epoll_wait),   SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),    SCMP_SYS(poll),       SCMP_SYS(ppoll),        SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday), SCMP_SYS(time),       SCMP_SYS(munmap),       SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(brk),        SCMP_SYS(futex),        SCMP_SYS(getrandom),
    SCMP_SYS(getpid),       SCMP_SYS(gettid),     SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction), SCMP_SYS(exit),       SCMP_SYS(exit_group),   SCMP_SYS(restart_syscall),
    SCMP_SYS(setsockopt),   SCMP_SYS(getsockopt), SCMP_SYS(sched_yield),
};

/* Memory, but never memory to execute; flags of descriptors, but not copies of them. */
static int allow_with_arguments(scmp_filter_ctx c)
{
        int rc = 0;

        rc |=
            seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_CMP(1, SCMP_CMP_EQ, F_GETFL, 0));
        rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_CMP(1, SCMP_CMP_EQ, F_SETFL, 0));
        return rc;
}

int sandbox_close(struct err *err)
{
        scmp_filter_ctx c;
        int rc;

        if (SANITIZED)
                return 0;
        c = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!c)
                return err_set(err, ERR_SYSTEM, "could not make a system call filter");
        rc = allow_with_arguments(c);
        for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
                rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0);
        if (rc == 0)
                rc = seccomp_load(c);
        seccomp_release(c);
        return rc == 0 ? 0 : err_set(err, ERR_SYSTEM, "could not load the system call filter");
}

static const int refused_to_ssh[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(reboot),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(open_by_handle_at),
};

int sandbox_close_openssh(struct err *err)
{
        scmp_filter_ctx c;
        int rc = 0;

        /* When the engine dies, its end of the socket pair closes; this back end then has files to remove. */
        if (prctl(PR_SET_PDEATHSIG, 0) < 0)
                return err_errno(err, "could not ask for a quiet end");
        if (SANITIZED)
                return 0;
        c = seccomp_init(SCMP_ACT_ALLOW);
        if (!c)
                return err_set(err, ERR_SYSTEM, "could not make a system call filter");
        for (size_t i = 0; i < ARRAY_LEN(refused_to_ssh); i++)
                rc |= seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), refused_to_ssh[i], 0);
        if (rc == 0)
                rc = seccomp_load(c);
        seccomp_release(c);
        return rc == 0 ? 0 : err_set(err, ERR_SYSTEM, "could not load the system call filter");
}
