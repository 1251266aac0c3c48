/* SPDX-License-Identifier: Apache-2.0 */
/* bare_spawn N DIR - the machine's own limit: N times /bin/true with its two output files in DIR, vfork +
 * exec + wait, four at a time, nothing else. Prints "bare_spawn RATE tasks/s". With N = 0 it prints the
 * median time of one task in milliseconds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 4
#define SINGLES 200

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void start(int i)
{
        char *argv[] = {"/bin/true", NULL}, *envp[] = {NULL};
        char out[32], err[32];

        snprintf(out, sizeof out, "%d.out", i);
        snprintf(err, sizeof err, "%d.err", i);
        if (vfork() == 0) {
                dup2(open(out, O_WRONLY | O_CREAT | O_APPEND, 0600), STDOUT_FILENO);
                dup2(open(err, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
                execve(argv[0], argv, envp);
                _exit(127);
        }
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        int n = argc == 3 ? atoi(argv[1]) : -1;
        double t0, ms[SINGLES];

        if (n < 0 || chdir(argv[2]) < 0) {
                fprintf(stderr, "usage: bare_spawn N DIR\n");
                return 2;
        }
        if (n == 0) {
                for (int i = 0; i < SINGLES; i++) {
                        t0 = now();
                        start(i);
                        wait(NULL);
                        ms[i] = (now() - t0) * 1e3;
                }
                qsort(ms, SINGLES, sizeof *ms, by_value);
                printf("bare_latency_p50 %.3f ms\n", ms[SINGLES / 2]);
                return 0;
        }
        t0 = now();
        for (int i = 0; i < n; i++) {
                if (i >= AT_ONCE)
                        wait(NULL);
                start(i);
        }
        while (wait(NULL) > 0)
                ;
        printf("bare_spawn %.0f tasks/s\n", n / (now() - t0));
        return 0;
}
