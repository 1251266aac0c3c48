/* SPDX-License-Identifier: Apache-2.0 */
/* recorder - the job that the fault tests run: it writes down that it ran.
 *
 *      recorder FILE CPUS SECONDS [EXIT-CODE]
 *
 * FILE is a name; the file of that name must lie in the working directory or in one above it, so that one
 * command finds the file of whichever site it runs at. Appended to it is one line for each event, in one
 * O_APPEND write and fsync:
 *
 *      job task attempt event boot-id pid boottime-ns wall-ns nonce cpus
 *
 * event is begin, then beat every 200 ms for SECONDS, then end with the exit code in its place ("end:0").
 * nonce is one random number for each process, so two processes with one attempt number are told apart.
 * Killed, it leaves no end. It cannot write: exit code 74, whatever was asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define BEAT_MS          200
#define EXIT_CANNOT_TELL 74

struct story {
        int fd;
        const char *job, *task, *attempt, *cpus;
        char boot_id[40];
        uint64_t nonce;
};

static int64_t clock_ns(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static const char *env_or_dash(const char *name)
{
        const char *value = getenv(name);

        return value && *value ? value : "-";
}

static void story_tell(const struct story *s, const char *event)
{
        char line[512];
        int n = snprintf(line, sizeof(line), "%s %s %s %s %s %d %" PRId64 " %" PRId64 " %016" PRIx64 " %s\n",
                         s->job, s->task, s->attempt, event, s->boot_id, (int)getpid(),
                         clock_ns(CLOCK_BOOTTIME), clock_ns(CLOCK_REALTIME), s->nonce, s->cpus);

        if (n < 0 || (size_t)n >= sizeof(line) || write(s->fd, line, (size_t)n) != n || fsync(s->fd) != 0)
                _exit(EXIT_CANNOT_TELL);
}

static void boot_id_read(char *ret, size_t size)
{
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (n <= 0)
                n = snprintf(ret, size, "unknown");
        ret[n] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        if (fd >= 0)
                close(fd);
}

/* Climb from the working directory until the file is found; nothing is changed on the way. */
static int open_above(const char *name)
{
        char path[4096];
        int depth;

        for (depth = 0; depth < 64; depth++) {
                size_t at = 0;
                int i, fd;

                for (i = 0; i < depth; i++, at += 3)
                        memcpy(path + at, "../", 3);
                if (snprintf(path + at, sizeof(path) - at, "%s", name) >= (int)(sizeof(path) - at))
                        return -1;
                fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
        }
        return -1;
}

static void wait_until(int64_t boottime_ns)
{
        struct timespec t = {.tv_sec = boottime_ns / 1000000000, .tv_nsec = boottime_ns % 1000000000};

        while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
                ;
}

int main(int argc, char **argv)
{
        struct story s = {0};
        char event[32];
        int64_t now, end;
        int code;

        if (argc < 4 || argc > 5) {
                fprintf(stderr, "usage: recorder FILE CPUS SECONDS [EXIT-CODE]\n");
                return 2;
        }
        s.job = env_or_dash("REEVE_JOB_ID");
        s.task = env_or_dash("REEVE_TASK");
        s.attempt = env_or_dash("REEVE_ATTEMPT");
        s.cpus = argv[2];
        code = argc == 5 ? atoi(argv[4]) : 0;
        boot_id_read(s.boot_id, sizeof(s.boot_id));
        if (getrandom(&s.nonce, sizeof(s.nonce), 0) != sizeof(s.nonce))
                return EXIT_CANNOT_TELL;
        s.fd = open_above(argv[1]);
        if (s.fd < 0)
                return EXIT_CANNOT_TELL;

        now = clock_ns(CLOCK_BOOTTIME);
        end = now + (int64_t)(atof(argv[3]) * 1e9);
        story_tell(&s, "begin");
        while (now + BEAT_MS * 1000000 < end) {
                now += BEAT_MS * 1000000;
                wait_until(now);
                story_tell(&s, "beat");
        }
        wait_until(end);
        snprintf(event, sizeof(event), "end:%d", code);
        story_tell(&s, event);
        return code;
}
