/* SPDX-License-Identifier: Apache-2.0 */
/* reeve-sim: what the scheduler would do with recorded work, in simulated time. */
#include "sim/bound.h"
#include "sim/generate.h"
#include "sim/args.h"
#include "sim/read.h"
#include "sim/report.h"
#include "sim/sim.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define OUTPUT_MAX (256u << 20)

static int say(const struct err *err)
{
        fprintf(stderr, "reeve-sim: %s\n", err->text);
        return err->code == ERR_BAD_INPUT || err->code == ERR_NOT_FOUND ? 2 : 1;
}

static void write_out(struct buf *b)
{
        fwrite(buf_bytes(b), 1, buf_len(b), stdout);
}

/* ---- making the world ------------------------------------------------------------------------------------
 */

static int read_links(struct world *w, const char *path, struct w_link **ret, struct err *err)
{
        struct w_link *had = w->links;

        /* Read into a copy, so that the world's own stay. */
        w->links = xcalloc(w->site_n * w->site_n, sizeof *w->links);
        memcpy(w->links, had, w->site_n * w->site_n * sizeof *had);
        for (size_t i = 0; i < w->site_n * w->site_n; i++)
                w->links[i].rate = 0;
        w->reading = READING_PLATFORM;
        if (read_file(w, path, 0, err)) {
                free(had);
                return -1;
        }
        for (size_t i = 0; i < w->site_n * w->site_n; i++) {
                if (!(w->links[i].rate > 0))
                        w->links[i].rate = had[i].rate;
        }
        *ret = w->links;
        w->links = had;
        return 0;
}

static int read_platform(struct world *w, const struct args *o, struct err *err)
{
        w->reading = READING_PLATFORM;
        for (size_t i = 0; i < o->platforms.n; i++) {
                if (read_file(w, o->platforms.at[i], o->world.seed, err))
                        return -1;
        }
        world_links(w);
        for (size_t i = 0; i < o->links.n; i++) {
                if (read_file(w, o->links.at[i], o->world.seed, err))
                        return -1;
        }
        if (o->sites && world_keep_sites(w, o->sites, err))
                return -1;
        return 0;
}

static int read_workload(struct world *w, const struct args *o, struct err *err)
{
        w->reading = READING_WORKLOAD;
        for (size_t i = 0; i < o->workloads.n; i++) {
                if (read_file(w, o->workloads.at[i], o->world.seed, err))
                        return -1;
        }
        return o->copies > 1 ? world_repeat(w, (size_t)o->copies, err) : 0;
}

/* The world, and the links as they really are (NULL: as believed). */
static struct world *make_world(const struct args *o, struct w_link **ret_truth, struct err *err)
{
        struct world *w = sim_world_new();
        int rc = 0;

        *ret_truth = NULL;
        if (o->generate)
                rc = generate(w, o->generate, o->world.seed, err);
        if (!rc)
                rc = read_platform(w, o, err);
        if (!rc)
                rc = read_workload(w, o, err);
        if (!rc)
                rc = world_finish(w, &o->world, err);
        if (!rc && o->truth && strcmp(o->truth, "drift") == 0)
                *ret_truth = generate_drift(w, o->world.seed);
        else if (!rc && o->truth)
                rc = read_links(w, o->truth, ret_truth, err);
        if (!rc && o->informed && *ret_truth) /* perfect knowledge */
                memcpy(w->links, *ret_truth, w->site_n * w->site_n * sizeof *w->links);
        if (!rc)
                return w;
        sim_world_free(w);
        return NULL;
}

/* ---- commands --------------------------------------------------------------------------------------------
 */

static void print_table(const struct world *w, const struct figures *f, const char *rule)
{
        printf("policy            %s\nsites             %zu\njobs              %zu\ntasks             %lld\n",
               rule, w->site_n, w->job_n, (long long)f->tasks);
        printf("makespan          %.1f s\nmean wait         %.1f s\np95 wait          %.1f s\n", f->makespan,
               f->wait, f->p95_wait);
        printf("worst wait        %.1f s\nmean turnaround   %.1f s\np95 turnaround    %.1f s\n",
               f->worst_wait, f->turnaround, f->p95_turnaround);
        printf("from submission   %.1f s\n", f->submitted);
        printf("mean slowdown     %.2f\nmoved             %.2f GB in %lld transfers\n", f->slowdown,
               f->bytes_moved / 1e9, (long long)f->transfers);
        printf("locality          %.1f %% of %.2f GB read\nutilisation       %.1f %%\n", f->locality * 100,
               f->bytes_read / 1e9, f->utilisation * 100);
        printf("fairness          %.3f\n", f->fairness);
        for (size_t i = 0; i < w->note_n; i++)
                printf("note: %s\n", w->notes[i]);
}

static int run_rule(const struct world *w, const struct w_link *truth, const struct args *o, const char *name,
                    struct figures *ret, struct err *err)
{
        struct sim_options s = {.rule = rule_named(name),
                                .seed = o->world.seed,
                                .pass_ms = o->pass_ms,
                                .truth = truth,
                                .plain = o->plain,
                                .learn_links = o->learn,
                                .events = o->events ? stdout : NULL,
                                .check = o->check};

        if (!s.rule)
                return err_set(err, ERR_NOT_FOUND, "no policy \"%.40s\"; \"reeve-sim policies\" lists them",
                               name);
        return sim_run(w, &s, ret, err);
}

static void print_json(const struct world *w, const struct figures *f, const struct args *o)
{
        struct buf b;

        buf_init(&b, OUTPUT_MAX);
        buf_text(&b, "{\"policy\":");
        buf_json_str(&b, o->policy, strlen(o->policy));
        buf_printf(&b, ",\"seed\":%llu,\"sites\":%zu,\"jobs\":%zu,\"files\":%zu,\"figures\":",
                   (unsigned long long)o->world.seed, w->site_n, w->job_n, w->file_n);
        figures_json(f, w->projects, &b);
        buf_text(&b, ",\"notes\":[");
        for (size_t i = 0; i < w->note_n; i++) {
                buf_text(&b, i ? "," : "");
                buf_json_str(&b, w->notes[i], strlen(w->notes[i]));
        }
        buf_text(&b, "]}\n");
        write_out(&b);
        buf_release(&b);
}

static int command_run(const struct args *o)
{
        struct err err = {0};
        struct w_link *truth;
        struct world *w = make_world(o, &truth, &err);
        struct figures f;
        int rc;

        if (!w)
                return say(&err);
        rc = run_rule(w, truth, o, o->policy, &f, &err);
        if (rc)
                rc = say(&err);
        else if (o->json)
                print_json(w, &f, o);
        else
                print_table(w, &f, o->policy);
        if (!rc && o->cost) {
                struct rusage use;

                getrusage(RUSAGE_SELF, &use);
                fprintf(stderr, "took %.1f s and %.0f MB; %lld passes\n", f.seconds,
                        (double)use.ru_maxrss / 1024, (long long)f.passes);
        }
        figures_release(&f);
        free(truth);
        sim_world_free(w);
        return rc;
}

static int command_report(const struct args *o)
{
        struct err err = {0};
        struct w_link *truth;
        struct world *w = make_world(o, &truth, &err);
        struct report *r = NULL;
        struct buf b;
        size_t n;
        const struct rule *all = rules_all(&n);
        int rc = 0;

        if (!w)
                return say(&err);
        r = report_new(w, o->generate ? o->generate : o->workloads.n ? o->workloads.at[0] : "");
        for (size_t i = 0; i < n && !rc; i++) {
                struct figures f;

                if (o->policies && !args_list_has(o->policies, all[i].name))
                        continue;
                rc = run_rule(w, truth, o, all[i].name, &f, &err);
                if (!rc)
                        report_add(r, all[i].name, all[i].sentence, &f);
                figures_release(&f);
        }
        buf_init(&b, OUTPUT_MAX);
        if (!rc) {
                report_write(r, &b);
                write_out(&b);
        }
        buf_release(&b);
        report_free(r);
        free(truth);
        sim_world_free(w);
        return rc ? say(&err) : 0;
}

static int command_bound(const struct args *o)
{
        struct err err = {0};
        struct w_link *truth;
        struct world *w = make_world(o, &truth, &err);
        struct buf b;
        int rc;

        if (!w)
                return say(&err);
        buf_init(&b, OUTPUT_MAX);
        rc = bound_write(w, &b, &err);
        if (!rc)
                write_out(&b);
        buf_release(&b);
        free(truth);
        sim_world_free(w);
        return rc ? say(&err) : 0;
}

static int command_policies(const struct args *o)
{
        size_t n;
        const struct rule *r = rules_all(&n);

        (void)o;
        for (size_t i = 0; i < n; i++)
                printf("%-16s %s\n", r[i].name, r[i].sentence);
        return 0;
}

static int command_formats(const struct args *o)
{
        size_t n;
        const struct read_format *f = read_formats(&n);

        (void)o;
        for (size_t i = 0; i < n; i++)
                printf("%-20s %s\n", f[i].name, f[i].sentence);
        return 0;
}

static int command_families(const struct args *o)
{
        size_t n;
        const struct family *f = families_all(&n);

        (void)o;
        for (size_t i = 0; i < n; i++)
                printf("%-16s %s\n", f[i].name, f[i].sentence);
        return 0;
}

static const struct {
        const char *name, *sentence;
        int (*run)(const struct args *o);
} commands[] = {
    {"run", "simulate one policy and print its figures", command_run},
    {"report", "simulate several policies and write a page of HTML that compares them", command_report},
    {"bound", "write the mixed integer program whose optimum no schedule can beat", command_bound},
    {"policies", "list the policies", command_policies},
    {"formats", "list the formats of traces", command_formats},
    {"families", "list the generated cases", command_families},
};

static void print_help(FILE *to)
{
        fprintf(to, "usage: reeve-sim COMMAND [OPTION]...\n\ncommands:\n");
        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
                fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].sentence);
        fprintf(to, "\noptions:\n");
        args_print(to);
}

int main(int argc, char **argv)
{
        struct args o;
        struct err err = {0};
        int rc = 2;

        if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
            strcmp(argv[1], "-h") == 0) {
                print_help(argc < 2 ? stderr : stdout);
                return argc < 2 ? 2 : 0;
        }
        if (strcmp(argv[1], "--version") == 0) {
                puts("reeve-sim " REEVE_VERSION);
                return 0;
        }
        args_init(&o);
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
                if (strcmp(commands[i].name, argv[1]) != 0)
                        continue;
                rc = args_read(&o, argc - 2, argv + 2, &err) ? say(&err) : commands[i].run(&o);
                args_release(&o);
                return rc;
        }
        fprintf(stderr, "reeve-sim: no command \"%.40s\"; \"reeve-sim help\" lists them\n", argv[1]);
        return rc;
}
