/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/args.h"

#include "common/num.h"
#include "common/util.h"
#include "sim/text.h"

#include <string.h>

enum kind { TEXT, LIST, FLAG, NUMBER, WHOLE, SIZE, GUESS };

static const struct {
        const char *name;
        enum kind kind;
        size_t at;
        double min, max;
        const char *value, *help;
} rows[] = {
    {"workload", LIST, offsetof(struct args, workloads), 0, 0, "FILE", "jobs; may be given several times"},
    {"platform", LIST, offsetof(struct args, platforms), 0, 0, "FILE", "sites; may be given several times"},
    {"links", LIST, offsetof(struct args, links), 0, 0, "FILE",
     "what is known of links (rates, latencies, prices, courses of the day)"},
    {"truth", TEXT, offsetof(struct args, truth), 0, 0, "FILE",
     "what links really give; \"drift\": the known ones, months later"},
    {"generate", TEXT, offsetof(struct args, generate), 0, 0, "FAMILY[:NAME=VALUE,...]",
     "a made-up case instead of files"},
    {"policy", TEXT, offsetof(struct args, policy), 0, 0, "NAME", "the rule to simulate (default reeve)"},
    {"policies", TEXT, offsetof(struct args, policies), 0, 0, "A,B,...", "report: the rules to compare"},
    {"sites", TEXT, offsetof(struct args, sites), 0, 0, "A,B,...", "only these sites of the platform"},
    {"slots", WHOLE, offsetof(struct args, world.slots), 1, WORLD_CPUS_MAX, "N",
     "CPUs of every site that has any"},
    {"quota", SIZE, offsetof(struct args, world.quota), 0, 0, "SIZE",
     "room for copies at every site; 0: no limit"},
    {"rate", NUMBER, offsetof(struct args, world.rate), 1, 1e12, "BYTES",
     "scale links to this median, bytes a second (15e6)"},
    {"data-scale", NUMBER, offsetof(struct args, world.data_scale), 1e-6, 1e6, "X", "file sizes times this"},
    {"run-scale", NUMBER, offsetof(struct args, world.run_scale), 1e-6, 1e6, "X", "run times times this"},
    {"load", NUMBER, offsetof(struct args, world.load), 1e-3, 100, "X",
     "stretch arrivals until work fills this part of all places"},
    {"gap", WHOLE, offsetof(struct args, world.gap_ms), 0, 1e9, "MS", "jobs come one by one, so far apart"},
    {"jobs", WHOLE, offsetof(struct args, world.jobs_max), 1, WORLD_JOBS_MAX, "N", "only the first N jobs"},
    {"copies", WHOLE, offsetof(struct args, copies), 1, 1e6, "N", "the workload N times over"},
    {"guess", GUESS, offsetof(struct args, world.guess), 0, 0, "exact|class",
     "what is known of run times: themselves, or the median of their class"},
    {"learn", FLAG, offsetof(struct args, learn), 0, 0, NULL, "reeve: know nothing of links beforehand"},
    {"informed", FLAG, offsetof(struct args, informed), 0, 0, NULL,
     "with --truth: the truth is known beforehand"},
    {"pass-ms", WHOLE, offsetof(struct args, pass_ms), 0, 1e7, "MS",
     "reeve: least time between passes (default 10)"},
    {"seed", WHOLE, offsetof(struct args, world.seed), 0, 1e15, "N",
     "what looks random depends on it (default 1)"},
    {"json", FLAG, offsetof(struct args, json), 0, 0, NULL, "figures as JSON"},
    {"events", FLAG, offsetof(struct args, events), 0, 0, NULL,
     "run: a line for each task and transfer that ended, before the figures"},
    {"check", FLAG, offsetof(struct args, check), 0, 0, NULL, "recount everything after each event (slow)"},
    {"plain", FLAG, offsetof(struct args, plain), 0, 0, NULL,
     "reeve: find everything anew in each pass (slow; the outcome is the same)"},
    {"cost", FLAG, offsetof(struct args, cost), 0, 0, NULL,
     "tell on standard error what the simulation itself took"},
};

void args_init(struct args *o)
{
        *o = (struct args){.policy = "reeve", .pass_ms = 10, .copies = 1};
        o->world.seed = 1;
        o->world.quota = -1;
}

void args_release(struct args *o)
{
        free(o->platforms.at);
        free(o->workloads.at);
        free(o->links.at);
        *o = (struct args){0};
}

bool args_list_has(const char *names, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = names; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
                if (strncmp(p, name, n) == 0 && (p[n] == ',' || !p[n]))
                        return true;
        }
        return false;
}

static int set_guess(enum world_guess *to, const char *value, struct err *err)
{
        if (strcmp(value, "exact") == 0)
                *to = GUESS_EXACT;
        else if (strcmp(value, "class") == 0)
                *to = GUESS_CLASS;
        else
                return err_set(err, ERR_BAD_INPUT, "--guess: \"%.40s\" is neither exact nor class", value);
        return 0;
}

static int set_row(struct args *o, size_t i, const char *value, struct err *err)
{
        char *to = (char *)o + rows[i].at;
        char what[40];
        int64_t whole;
        struct text none = {.name = what};
        double v;

        snprintf(what, sizeof what, "--%s", rows[i].name);
        switch (rows[i].kind) {
        case TEXT:
                *(const char **)to = value;
                return 0;
        case LIST: {
                struct option_list *l = (struct option_list *)to;

                l->at = xgrow(l->at, l->n, &l->cap, sizeof *l->at);
                l->at[l->n++] = value;
                return 0;
        }
        case FLAG:
                *(bool *)to = true;
                return 0;
        case NUMBER:
                return text_number(&none, "value", value, rows[i].min, rows[i].max, (double *)to, err);
        case WHOLE:
                if (text_number(&none, "value", value, rows[i].min, rows[i].max, &v, err))
                        return -1;
                whole = (int64_t)v;
                if (rows[i].at == offsetof(struct args, world.slots))
                        *(int32_t *)to = (int32_t)whole;
                else
                        *(int64_t *)to = whole;
                return 0;
        case SIZE:
                return num_size(what, value, (int64_t *)to, err);
        case GUESS:
                return set_guess((enum world_guess *)to, value, err);
        }
        return 0;
}

int args_read(struct args *o, int argc, char **argv, struct err *err)
{
        for (int i = 0; i < argc; i++) {
                const char *name = argv[i], *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
                size_t n = equals ? (size_t)(equals - name) : strlen(name), k = 0;

                while (k < ARRAY_LEN(rows) &&
                       !(n > 2 && strncmp(name, "--", 2) == 0 && strlen(rows[k].name) == n - 2 &&
                         strncmp(name + 2, rows[k].name, n - 2) == 0))
                        k++;
                if (k == ARRAY_LEN(rows))
                        return err_set(err, ERR_BAD_INPUT, "unknown option \"%.60s\"; see \"reeve-sim help\"",
                                       name);
                if (rows[k].kind != FLAG && !value) {
                        if (i + 1 == argc)
                                return err_set(err, ERR_BAD_INPUT, "--%s needs a value: %s", rows[k].name,
                                               rows[k].value);
                        value = argv[++i];
                }
                if (set_row(o, k, value, err))
                        return -1;
        }
        return 0;
}

void args_print(FILE *to)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char left[80];

                snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
                         rows[i].value ? rows[i].value : "");
                fprintf(to, "  %-34s %s\n", left, rows[i].help);
        }
}
