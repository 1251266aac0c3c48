/* SPDX-License-Identifier: Apache-2.0 */
/* worker-drive ATTACH... - how fast is a worker? Runs an array of tasks through a worker's attach command and
 * prints lines "name value unit", beside a bare loop of vfork, exec and wait with two output files each.
 *
 * Environment: TASKS (20000), SLOTS (4), WINDOW (1000), PROGRAM (/bin/true), MEMORY (0: no limit) in MiB for
 * each, BARE=0 leaves the bare loop out.
 */
#include "client.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static long env_number(const char *name, long otherwise)
{
        const char *s = getenv(name);

        return s ? atol(s) : otherwise;
}

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void bare_start(const char *dir, long i, const char *program)
{
        char out[128], err[128];
        char *argv[] = {(char *)program, NULL};
        int fd1, fd2;

        snprintf(out, sizeof out, "%s/%ld.out", dir, i);
        snprintf(err, sizeof err, "%s/%ld.err", dir, i);
        fd1 = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        fd2 = open(err, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (vfork() == 0) {
                dup2(fd1, 1);
                dup2(fd2, 2);
                execv(program, argv);
                _exit(127);
        }
        close(fd1);
        close(fd2);
}

static double bare_rate(long tasks, long slots, const char *program)
{
        char dir[] = "/tmp/worker-drive-XXXXXX", cmd[64];
        long started = 0, ended = 0;
        double from;

        if (!mkdtemp(dir))
                return 0;
        from = now();
        while (ended < tasks) {
                while (started < tasks && started - ended < slots)
                        bare_start(dir, started++, program);
                wait(NULL);
                ended++;
        }
        from = now() - from;
        snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
        return system(cmd) == 0 ? (double)tasks / from : 0;
}

/* Acknowledge what came; returns how many tasks of this run it were. */
static long take_results(struct client *c, uint32_t attempt, long *bad)
{
        struct attempt_key keys[BATCH_MAX];
        struct reader r;
        uint32_t n, m = 0;
        long mine = 0;

        reader_init(&r, c->frame.payload, c->frame.len);
        n = reader_u32(&r);
        while (n-- && !r.bad) {
                struct proto_result res;

                get_result(&r, &res);
                keys[m++] = res.key;
                mine += res.key.attempt == (int32_t)attempt;
                *bad += res.outcome != OUTCOME_SUCCEEDED;
        }
        client_ack(c, keys, m);
        return mine;
}

int main(int argc, char **argv)
{
        long tasks = env_number("TASKS", 20000), slots = env_number("SLOTS", 4),
             window = env_number("WINDOW", 1000);
        const char *program = getenv("PROGRAM") ? getenv("PROGRAM") : "/bin/true";
        struct client_hello hello = {.epoch = (uint64_t)time(NULL),
                                     .lease_ms = 30000,
                                     .heartbeat_ms = 1000,
                                     .cpus = (uint32_t)slots,
                                     .slots = (uint32_t)slots,
                                     .memory = 1ull << 40};
        char *command[] = {(char *)program, NULL};
        struct proto_template t = {
            .job = (int64_t)hello.epoch,
            .name = (char *)"drive",
            .project = (char *)"drive",
            .argv = command,
            .argc = 1,
            .resources = {.cpus = 1, .memory = (uint64_t)env_number("MEMORY", 0) << 20},
            .kill_grace_ms = 1000};
        long sent = 0, ended = 0, bad = 0;
        double from, rate, bare = 0;
        struct client c;

        if (argc < 2 || client_start(&c, argv + 1) < 0 || !client_skip_magic(&c, 15000)) {
                fprintf(stderr, "usage: worker-drive reeve-worker attach --root DIR\n");
                return 1;
        }
        signal(SIGPIPE, SIG_IGN);
        client_hello(&c, &hello);
        do {
                if (!client_next(&c, 10000))
                        return 1;
        } while (c.frame.type != P_SNAPSHOT_END);
        client_template(&c, &t);
        from = now();
        while (ended < tasks) {
                if (sent < tasks && sent - ended <= window / 2) {
                        long n =
                            window - (sent - ended) < tasks - sent ? window - (sent - ended) : tasks - sent;

                        client_launch(&c, t.job, (uint32_t)sent, (uint32_t)n, 1);
                        sent += n;
                }
                if (!client_next(&c, 20000)) {
                        fprintf(stderr, "no answer; %ld of %ld ended\n", ended, tasks);
                        return 1;
                }
                if (c.frame.type == P_ENDED)
                        ended += take_results(&c, 1, &bad);
        }
        rate = (double)tasks / (now() - from);
        client_end(&c);
        printf("worker_rate %.0f tasks/s\nworker_failed %ld tasks\n", rate, bad);
        if (env_number("BARE", 1)) {
                bare = bare_rate(tasks, slots, program);
                printf("bare_rate %.0f tasks/s\nworker_ratio %.2f 1\n", bare, bare > 0 ? rate / bare : 0);
        }
        return bad != 0;
}
