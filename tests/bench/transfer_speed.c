/* SPDX-License-Identifier: Apache-2.0 */
/* How fast files move, against scp of the same files over the same two sshds on loopback, in turns.
 *
 * transfer_direct_over_scp   one large file, pulled directly, as a part of scp's rate
 * transfer_relay_over_scp    the same through two connectors
 * transfer_small_over_scp_r  many files of 4 KiB, pulled directly, as a multiple of scp -r's rate
 *
 * Ours counts from the order to the last file flushed, verified and published; scp's from its start to its
 * exit, and it neither flushes nor verifies. BIG_MB, SMALL and ROUNDS change the sizes; the medians are told.
 */
#include "remote/transfer.h"
#include "tests/support/ssh_site.h"

#include <stdlib.h>
#include <sys/wait.h>

#define ROUNDS_MAX  15
#define PATIENCE_MS (600 * 1000)

static struct ssh_site sites[2];

struct end {
        struct worker_link *l;
        struct proto_hop hop;
        bool ready, down;
};

struct scene {
        uv_loop_t loop;
        struct end from, to;
        bool ended, over;
        enum move_end kind;
        char text[512];
};

/* ---- links ---- */

static void on_state(void *arg, struct worker_link *l, enum link_state s, const struct link_failure *why)
{
        struct scene *c = arg;
        struct end *e = l == c->from.l ? &c->from : &c->to;

        (void)why;
        e->ready = s == LINK_READY;
        e->down |= s == LINK_ABSENT;
}

static const struct worker_link_events link_events = {.on_state = on_state};

/* Workers outlive their links: they are told to end, whatever happened. */
static void sites_end(void)
{
        for (int i = 0; i < 2; i++) {
                AUTO_FREE char *command = xasprintf("tests/support/unprivileged sh -c 'cd %s/home/w "
                                                    "2>/dev/null && for w in bin/reeve-worker-*; do "
                                                    "$w stop --root .; done'",
                                                    sites[i].dir);

                if (system(command) != 0)
                        fprintf(stderr, "# a worker may be left in %s\n", sites[i].dir);
                site_stop(&sites[i]);
        }
}

static void fail(const char *what)
{
        fprintf(stderr, "transfer-speed: %s\n", what);
        sites_end();
        exit(1);
}

static void turn_until(struct scene *c, const bool *done)
{
        int64_t give_up = clock_boot_ms() + PATIENCE_MS;

        while (!*done && clock_boot_ms() < give_up)
                uv_run(&c->loop, UV_RUN_ONCE);
        if (!*done)
                fail("nothing happens");
}

static void end_open(struct scene *c, struct end *e, int site, char *connector, char *workers)
{
        struct worker_link_settings s = {.loop = &c->loop,
                                         .name = site ? "b/host" : "a/host",
                                         .events = &link_events,
                                         .arg = c,
                                         .connector_path = connector,
                                         .worker_dir = workers,
                                         .hops = &e->hop,
                                         .hop_count = 1,
                                         .private_key = sites[site].key,
                                         .epoch = 1,
                                         .worker_id = (uint32_t)site + 1,
                                         .root = "~/w",
                                         .lease_ms = 60000,
                                         .heartbeat_ms = 10000,
                                         .offer = {.cpus = 1},
                                         .slots = 1,
                                         .grant_until_ms = INT64_MAX};
        struct err err;

        e->hop = site_hop(&sites[site]);
        if (worker_link_new(&s, &e->l, &err) < 0)
                fail(err.text);
        worker_link_start(e->l);
        turn_until(c, &e->ready);
}

/* ---- ours ---- */

static void on_end(void *arg, struct transfer *t, const struct transfer_end *e)
{
        struct scene *c = arg;

        c->ended = true;
        c->kind = e->kind;
        snprintf(c->text, sizeof c->text, "%s", e->text);
        transfer_free(t);
}

static const struct transfer_events events = {.on_end = on_end};

/* Seconds. */
static double ours(struct scene *c, const char *from, struct transfer_file *files, size_t n, bool direct)
{
        static uint64_t id;
        AUTO_FREE char *keys = xasprintf("%s/s/authorized_keys", sites[0].dir);
        AUTO_FREE char *to = xasprintf("d%llu", (unsigned long long)++id);
        AUTO_FREE char *clean = xasprintf("rm -rf %s/home/w/data/%s", sites[1].dir, to);
        struct transfer_order o = {.id = id,
                                   .source = c->from.l,
                                   .destination = c->to.l,
                                   .from = from,
                                   .to = to,
                                   .files = files,
                                   .file_count = n,
                                   .direct = direct,
                                   .authorized_keys = keys};
        uint64_t start = uv_hrtime();
        struct transfer *t;
        struct err err;
        double seconds;

        c->ended = false;
        if (transfer_start(&o, &events, c, &t, &err) < 0)
                fail(err.text);
        turn_until(c, &c->ended);
        seconds = (double)(uv_hrtime() - start) / 1e9;
        if (c->kind != MOVE_DONE)
                fail(c->text);
        /* Many files stay until the end: some file systems are slow to make files where many were just
         * removed. */
        if (n == 1 && system(clean) != 0)
                fail("could not remove what was moved");
        return seconds;
}

/* ---- scp ---- */

static double scp(const char *from, bool recursive)
{
        static int n;
        AUTO_FREE char *command = xasprintf(
            "scp -q %s -i %s/s/client_key -P %d -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no "
            "-o LogLevel=ERROR %s@127.0.0.1:%s %s/copy%d",
            recursive ? "-r" : "", sites[0].dir, sites[0].port, sites[0].user, from, sites[1].dir, ++n);
        AUTO_FREE char *clean = xasprintf("rm -rf %s/copy%d", sites[1].dir, n);
        uint64_t start = uv_hrtime();
        double seconds;

        if (system(command) != 0)
                fail("scp did not work");
        seconds = (double)(uv_hrtime() - start) / 1e9;
        if (!recursive && system(clean) != 0)
                fail("could not remove scp's copy");
        return seconds;
}

/* ---- measuring ---- */

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *v, int n)
{
        qsort(v, (size_t)n, sizeof *v, by_value);
        return v[n / 2];
}

static long setting(const char *name, long usual)
{
        const char *s = getenv(name);

        return s && atol(s) > 0 ? atol(s) : usual;
}

static void measure_big(struct scene *c, int rounds)
{
        long mb = setting("BIG_MB", 256);
        AUTO_FREE char *dir = xasprintf("%s/home/big", sites[0].dir), *file = xasprintf("%s/file", dir);
        AUTO_FREE char *make = xasprintf("mkdir -p %s && head -c %ldM /dev/urandom > %s && chmod -R a+rX %s",
                                         dir, mb, file, dir);
        AUTO_FREE char *sum = xasprintf("sha256sum %s", file), *said = NULL;
        uint8_t sha256[32];
        struct transfer_file f = {.path = "file", .size = (uint64_t)mb << 20, .sha256 = sha256};
        double direct[ROUNDS_MAX], relay[ROUNDS_MAX], plain[ROUNDS_MAX], over[ROUNDS_MAX],
            relay_over[ROUNDS_MAX];

        if (system(make) != 0)
                fail("could not make the file");
        said = command_output(sum);
        for (int i = 0; i < 32; i++)
                sscanf(said + 2 * i, "%2hhx", &sha256[i]);
        for (int i = 0; i < rounds; i++) {
                plain[i] = scp(file, false);
                direct[i] = ours(c, dir, &f, 1, true);
                relay[i] = ours(c, dir, &f, 1, false);
                over[i] = plain[i] / direct[i];
                relay_over[i] = plain[i] / relay[i];
                fprintf(stderr, "# scp %.2f s, direct %.2f s, relay %.2f s\n", plain[i], direct[i], relay[i]);
        }
        printf("transfer_scp %.0f MB/s\n", (double)mb * 1.048576 / median(plain, rounds));
        printf("transfer_direct %.0f MB/s\n", (double)mb * 1.048576 / median(direct, rounds));
        printf("transfer_relay %.0f MB/s\n", (double)mb * 1.048576 / median(relay, rounds));
        printf("transfer_direct_over_scp %.3f ratio\n", median(over, rounds));
        printf("transfer_relay_over_scp %.3f ratio\n", median(relay_over, rounds));
}

static void measure_small(struct scene *c, int rounds)
{
        long n = setting("SMALL", 10000);
        AUTO_FREE char *dir = xasprintf("%s/home/small", sites[0].dir);
        AUTO_FREE char *make = xasprintf(
            "mkdir -p %s && cd %s && head -c %ldk /dev/urandom | split -b 4k -a 6 -d - f && chmod -R a+rX .",
            dir, dir, 4 * n);
        struct transfer_file *files = xcalloc((size_t)n, sizeof *files);
        double mine[ROUNDS_MAX], plain[ROUNDS_MAX], over[ROUNDS_MAX];

        if (system(make) != 0)
                fail("could not make the files");
        for (long i = 0; i < n; i++)
                files[i] = (struct transfer_file){.path = xasprintf("f%06ld", i), .size = 4096};
        for (int i = 0; i < rounds; i++) {
                plain[i] = scp(dir, true);
                mine[i] = ours(c, dir, files, (size_t)n, true);
                over[i] = plain[i] / mine[i];
                fprintf(stderr, "# scp -r %.2f s, direct %.2f s\n", plain[i], mine[i]);
        }
        printf("transfer_scp_r %.0f files/s\n", (double)n / median(plain, rounds));
        printf("transfer_small %.0f files/s\n", (double)n / median(mine, rounds));
        printf("transfer_small_over_scp_r %.2f ratio\n", median(over, rounds));
        for (long i = 0; i < n; i++)
                free((char *)files[i].path);
        free(files);
}

int main(void)
{
        AUTO_FREE char *connector = build_path("reeve-connector"), *workers = build_path("");
        long rounds = setting("ROUNDS", 5);
        struct scene c = {0};

        signal(SIGPIPE, SIG_IGN);
        uv_loop_init(&c.loop);
        if (!site_start(&sites[0], "'Subsystem sftp /usr/lib/openssh/sftp-server'") ||
            !site_start(&sites[1], ""))
                fail("sshd did not start");
        end_open(&c, &c.from, 0, connector, workers);
        end_open(&c, &c.to, 1, connector, workers);
        measure_big(&c, rounds < ROUNDS_MAX ? (int)rounds : ROUNDS_MAX);
        measure_small(&c, rounds < ROUNDS_MAX ? (int)rounds : ROUNDS_MAX);
        worker_link_free(c.from.l);
        worker_link_free(c.to.l);
        uv_run(&c.loop, UV_RUN_DEFAULT);
        sites_end();
        return 0;
}
