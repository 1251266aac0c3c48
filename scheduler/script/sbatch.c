/* SPDX-License-Identifier: Apache-2.0 */
/* The options of sbatch, row by row, and the reader of its words. */
#include "sbatch_priv.h"

#include "common/num.h"
#include "common/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- small parts -------------------------------------------------------------------------------------
 */

void asked_note(struct asked *a, const char *outcome, const char *fmt, ...)
{
        char text[400];
        AUTO_FREE char *sentence = NULL;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        sentence = xasprintf("%s %s", a->option, text);
        directive_say(a->now, outcome, sentence);
}

int asked_wrong(struct asked *a, struct err *err, const char *fmt, ...)
{
        char text[300];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        asked_note(a, DIRECTIVE_REFUSED, "%s", text);
        if (a->line)
                return err_set(err, ERR_BAD_INPUT, "%s:%d: %s %s", a->from->name, a->line, a->option, text);
        return err_set(err, ERR_BAD_INPUT, "%s in the environment: %s", a->option, text);
}

int asked_count(struct asked *a, const char *value, int64_t *ret, struct err *err)
{
        if (num_int(a->option, value, 1, 1000000, ret, NULL) < 0)
                return asked_wrong(a, err, "needs a number of 1 and more, not \"%.60s\"", value);
        return 0;
}

json_t *asked_group(json_t *o, const char *name)
{
        json_t *g = json_object_get(o, name);

        if (!g) {
                g = json_object();
                json_object_set_new(o, name, g);
        }
        return g;
}

int asked_text(struct asked *a, json_t *o, const char *member, const char *value, struct err *err)
{
        json_t *v = json_string(value);

        if (!v)
                return asked_wrong(a, err, "is not UTF-8");
        json_object_set_new(o, member, v);
        return 0;
}

int asked_put(struct asked *a, const char *member, const char *value, struct err *err)
{
        return asked_text(a, a->job, member, value, err);
}

/* ---- the table ---------------------------------------------------------------------------------------
 */

enum arity { BARE, VALUE, MAYBE };

#define MAIL      "Reeve sends no mail; see: reeve wait, reeve events -f"
#define PLACE     "it names a part of one cluster; Reeve chooses the site, and --site names one"
#define RANK      "an admin's share of each project decides; --priority N orders the jobs within one"
#define LAYOUT    "how processors are bound is left to the site"
#define ALONE     "a task has the processors and memory it asks for, on a computer that it may share"
#define CLIENT    ""
#define ACCOUNTED "a site accounts as it is set up"
#define WHOLE     "it is refused: "

static const struct {
        const char *name;
        char letter;
        enum arity arity;
        int (*put)(struct asked *a, const char *value, struct err *err); /* it becomes members of the job */
        const char *ignore; /* or it is ignored: why; "" without a word, as it is about sbatch itself */
        const char *refuse; /* or it is refused: why */
        const char *env;    /* variable of the environment that says the same */
        const char *value;  /* what its value is called; NULL: it takes none, or it does not matter */
        const char *help;   /* of those that become something */
} options[] = {
    {"account", 'A', VALUE, .put = ask_account, .env = "SBATCH_ACCOUNT", .value = "PROJECT",
     .help = "the project that the job belongs to"},
    {"acctg-freq", 0, VALUE, .ignore = ACCOUNTED},
    {"array", 'a', VALUE, .put = ask_array, .env = "SBATCH_ARRAY_INX", .value = "LIST",
     .help = "many tasks: 1-1000, 1,5,7-100:3, or 1-1000%50 for at most 50 at once"},
    {"batch", 0, VALUE, .ignore = PLACE},
    {"bb", 0, VALUE, .refuse = "there are no burst buffers here; name inputs and outputs"},
    {"bbf", 0, VALUE, .refuse = "there are no burst buffers here; name inputs and outputs"},
    {"begin", 'b', VALUE, .put = ask_begin, .value = "TIME",
     .help = "start no task before then: 2030-12-01T07:00, 07:30, now+2hours"},
    {"chdir", 'D', VALUE, .put = ask_chdir, .value = "DIR", .help = "directory at the site"},
    {"cluster-constraint", 0, VALUE, .ignore = PLACE},
    {"clusters", 'M', VALUE, .ignore = PLACE, .env = "SBATCH_CLUSTERS"},
    {"comment", 0, VALUE, .put = ask_comment, .value = "TEXT", .help = "kept as the label comment"},
    {"constraint", 'C', VALUE, .ignore = PLACE, .env = "SBATCH_CONSTRAINT"},
    {"container", 0, VALUE, .refuse = "a task runs as the site is, without a container"},
    {"contiguous", 0, BARE, .ignore = LAYOUT},
    {"core-spec", 'S', VALUE, .ignore = LAYOUT},
    {"cores-per-socket", 0, VALUE, .ignore = LAYOUT},
    {"cpu-freq", 0, VALUE, .ignore = LAYOUT},
    {"cpus-per-gpu", 0, VALUE, .ignore = "say the processors of a task: --cpus-per-task"},
    {"cpus-per-task", 'c', VALUE, .put = ask_cpus, .value = "N", .help = "processors of each task"},
    {"deadline", 0, VALUE, .put = ask_deadline, .value = "TIME",
     .help = "tasks not started by then are cancelled"},
    {"delay-boot", 0, VALUE, .ignore = PLACE},
    {"dependency", 'd', VALUE, .put = ask_dependency, .value = "LIST",
     .help = "start when others ended: afterok:12, afterany:13, afternotok:14, aftercorr:15"},
    {"distribution", 'm', VALUE, .ignore = LAYOUT},
    {"error", 'e', VALUE, .put = ask_error, .value = "FILE", .help = "file of standard error: %x-%A_%a.err"},
    {"exclude", 'x', VALUE, .ignore = PLACE},
    {"exclusive", 0, MAYBE, .ignore = ALONE, .env = "SBATCH_EXCLUSIVE"},
    {"export", 0, VALUE, .put = ask_export, .env = "SBATCH_EXPORT", .value = "NAMES",
     .help = "variables that go along: NONE, ALL, A=1,B"},
    {"export-file", 0, VALUE, .refuse = "name the variables with --export"},
    {"extra-node-info", 'B', VALUE, .ignore = LAYOUT},
    {"get-user-env", 0, MAYBE, .ignore = "a site has an environment of its own"},
    {"gid", 0, VALUE, .ignore = "the account at the site decides"},
    {"gpu-bind", 0, VALUE, .ignore = LAYOUT},
    {"gpu-freq", 0, VALUE, .ignore = LAYOUT},
    {"gpus", 'G', VALUE, .put = ask_gpus, .env = "SBATCH_GPUS", .value = "N", .help = "GPUs of the job"},
    {"gpus-per-node", 0, VALUE, .put = ask_gpus_per_node, .env = "SBATCH_GPUS_PER_NODE", .value = "N",
     .help = "GPUs of each task"},
    {"gpus-per-socket", 0, VALUE, .ignore = LAYOUT},
    {"gpus-per-task", 0, VALUE, .put = ask_gpus_per_task, .env = "SBATCH_GPUS_PER_TASK", .value = "N",
     .help = "GPUs of each task"},
    {"gres", 0, VALUE, .put = ask_gres, .env = "SBATCH_GRES", .value = "LIST",
     .help = "GPUs and other countables: gpu:2, licence:1"},
    {"gres-flags", 0, VALUE, .ignore = LAYOUT},
    {"hint", 0, VALUE, .ignore = LAYOUT, .env = "SBATCH_HINT"},
    {"hold", 'H', BARE, .put = ask_hold, .help = "do not start before it is released"},
    {"ignore-pbs", 0, BARE, .ignore = CLIENT},
    {"input", 'i', VALUE, .put = ask_input, .value = "FILE", .help = "file of standard input"},
    {"job-name", 'J', VALUE, .put = ask_name, .env = "SBATCH_JOB_NAME", .value = "NAME",
     .help = "name of the job"},
    {"kill-on-invalid-dep", 0, VALUE, .ignore = "a job is cancelled when what it waits for can never be"},
    {"licenses", 'L', VALUE, .put = ask_licences, .value = "LIST",
     .help = "countables that workers offer: name:N"},
    {"mail-type", 0, VALUE, .ignore = MAIL},
    {"mail-user", 0, VALUE, .ignore = MAIL},
    {"mcs-label", 0, VALUE, .ignore = ACCOUNTED},
    {"mem", 0, VALUE, .put = ask_memory, .env = "SBATCH_MEM_PER_NODE", .value = "SIZE",
     .help = "memory of each task: 512 (MiB), 4G"},
    {"mem-bind", 0, VALUE, .ignore = LAYOUT},
    {"mem-per-cpu", 0, VALUE, .put = ask_memory_per_cpu, .env = "SBATCH_MEM_PER_CPU", .value = "SIZE",
     .help = "memory for each processor of a task"},
    {"mem-per-gpu", 0, VALUE, .put = ask_memory_per_gpu, .env = "SBATCH_MEM_PER_GPU", .value = "SIZE",
     .help = "memory for each GPU of a task"},
    {"mincpus", 0, VALUE, .put = ask_mincpus, .value = "N", .help = "processors of a task at least"},
    {"network", 0, VALUE, .ignore = LAYOUT},
    {"nice", 0, MAYBE, .put = ask_nice, .value = "N", .help = "priority within the project, turned around"},
    {"no-kill", 'k', MAYBE, .ignore = "a task runs on one computer"},
    {"no-requeue", 0, BARE, .put = ask_no_requeue, .env = "SBATCH_NO_REQUEUE",
     .help = "do not try again after a failure of a site"},
    {"nodefile", 'F', VALUE, .ignore = PLACE},
    {"nodelist", 'w', VALUE, .ignore = PLACE},
    {"nodes", 'N', VALUE, .put = ask_nodes, .value = "N", .help = "1: a task runs on one computer"},
    {"ntasks", 'n', VALUE, .put = ask_tasks, .value = "N",
     .help = "1, or processors of a task where there are more"},
    {"ntasks-per-core", 0, VALUE, .ignore = LAYOUT},
    {"ntasks-per-gpu", 0, VALUE, .ignore = LAYOUT},
    {"ntasks-per-node", 0, VALUE, .put = ask_tasks_per_node, .value = "N",
     .help = "processors of a task where there are more"},
    {"ntasks-per-socket", 0, VALUE, .ignore = LAYOUT},
    {"open-mode", 0, VALUE, .put = ask_open_mode, .env = "SBATCH_OPEN_MODE", .value = "append|truncate",
     .help = "whether files of streams are added to"},
    {"output", 'o', VALUE, .put = ask_output, .value = "FILE",
     .help = "file of standard output: %x-%A_%a.out"},
    {"overcommit", 'O', BARE, .ignore = ALONE},
    {"oversubscribe", 's', BARE, .ignore = ALONE},
    {"parsable", 0, BARE, .ignore = CLIENT},
    {"partition", 'p', VALUE, .ignore = PLACE, .env = "SBATCH_PARTITION"},
    {"power", 0, VALUE, .ignore = ACCOUNTED},
    {"prefer", 0, VALUE, .ignore = PLACE},
    {"priority", 0, VALUE, .ignore = RANK},
    {"profile", 0, VALUE, .ignore = ACCOUNTED},
    {"propagate", 0, MAYBE, .ignore = "the limits of the account at the site hold"},
    {"qos", 'q', VALUE, .ignore = RANK, .env = "SBATCH_QOS"},
    {"quiet", 'Q', BARE, .ignore = CLIENT},
    {"reboot", 0, BARE, .refuse = "no computer is rebooted for a job"},
    {"requeue", 0, BARE, .put = ask_requeue, .env = "SBATCH_REQUEUE",
     .help = "try again after a failure of a site"},
    {"reservation", 0, VALUE, .ignore = PLACE, .env = "SBATCH_RESERVATION"},
    {"signal", 0, VALUE, .put = ask_signal, .env = "SBATCH_SIGNAL", .value = "SIGNAL@SECONDS",
     .help = "a signal that comes before the time limit"},
    {"sockets-per-node", 0, VALUE, .ignore = LAYOUT},
    {"spread-job", 0, BARE, .ignore = LAYOUT},
    {"switches", 0, VALUE, .ignore = LAYOUT},
    {"test-only", 0, BARE, .refuse = "use: reeve submit --dry-run"},
    {"thread-spec", 0, VALUE, .ignore = LAYOUT},
    {"threads-per-core", 0, VALUE, .ignore = LAYOUT},
    {"time", 't', VALUE, .put = ask_time, .env = "SBATCH_TIMELIMIT", .value = "TIME",
     .help = "most time a task may run: 90 (minutes), 1:30:00, 2-12"},
    {"time-min", 0, VALUE, .ignore = "a task has the time that --time says"},
    {"tmp", 0, VALUE, .ignore = "how much a task may write is not asked for"},
    {"uid", 0, VALUE, .ignore = "the account at the site decides"},
    {"use-min-nodes", 0, BARE, .ignore = LAYOUT},
    {"verbose", 'v', BARE, .ignore = CLIENT},
    {"wait", 'W', BARE, .ignore = "use: reeve submit --wait"},
    {"wait-all-nodes", 0, VALUE, .ignore = CLIENT},
    {"wckey", 0, VALUE, .put = ask_wckey, .env = "SBATCH_WCKEY", .value = "TEXT",
     .help = "kept as the label wckey"},
    {"wrap", 0, VALUE, .refuse = "it has no meaning in a script"},
};

bool sbatch_option_at(size_t i, struct directive_kind *ret)
{
        if (i >= ARRAY_LEN(options))
                return false;
        *ret = (struct directive_kind){
            .mark = "SBATCH",
            .option = options[i].name,
            .letter = options[i].letter,
            .value = options[i].arity == BARE ? NULL
                     : options[i].value       ? options[i].value
                                              : "VALUE",
            .outcome = options[i].refuse ? DIRECTIVE_REFUSED
                       : options[i].put  ? DIRECTIVE_USED
                                         : DIRECTIVE_IGNORED,
            .help = options[i].refuse    ? options[i].refuse
                    : options[i].put     ? options[i].help
                    : *options[i].ignore ? options[i].ignore
                                         : "it is about the command sbatch itself",
        };
        return true;
}

static int obey(struct asked *a, size_t i, const char *value, struct err *err)
{
        a->now = directive_add(a->said, a->line, a->line ? "SBATCH" : "environment", a->option, value);
        if (options[i].refuse)
                return asked_wrong(a, err, "is refused: %s", options[i].refuse);
        if (options[i].put)
                return options[i].put(a, value, err);
        if (*options[i].ignore)
                asked_note(a, DIRECTIVE_IGNORED, "is ignored: %s", options[i].ignore);
        else
                directive_say(a->now, DIRECTIVE_IGNORED, NULL);
        return 0;
}

/* ---- words -------------------------------------------------------------------------------------------
 */

/* A long option by its name or a beginning that is its alone; -1 none, -2 several. */
static int find_long(const char *name, size_t n)
{
        int found = -1;

        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                if (strncmp(options[i].name, name, n) != 0)
                        continue;
                if (!options[i].name[n])
                        return (int)i;
                found = found == -1 ? (int)i : -2;
        }
        return found;
}

static int find_letter(char letter)
{
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                if (options[i].letter == letter)
                        return (int)i;
        }
        return -1;
}

struct words {
        const struct directives *d;
        size_t at;
};

static const char *next_word(struct words *w, struct asked *a)
{
        if (w->at == w->d->count)
                return NULL;
        a->line = w->d->words[w->at].line;
        return w->d->words[w->at++].word;
}

/* It is refused before it comes to its meaning. */
static int unknown(struct asked *a, struct err *err, const char *why)
{
        a->now = directive_add(a->said, a->line, "SBATCH", a->option, NULL);
        return asked_wrong(a, err, "%s", why);
}

static int take_long(struct asked *a, struct words *w, const char *word, struct err *err)
{
        const char *name = word + 2, *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
        int i = find_long(name, equals ? (size_t)(equals - name) : strlen(name));

        a->option = word;
        if (i < 0)
                return unknown(a, err,
                               i == -1 ? "is no option of sbatch" : "is the beginning of several options");
        AUTO_FREE char *shown = xasprintf("--%s", options[i].name);

        a->option = shown;
        if (options[i].arity == BARE && value)
                return unknown(a, err, "takes no value");
        if (options[i].arity == VALUE && !value && !(value = next_word(w, a)))
                return unknown(a, err, "needs a value");
        return obey(a, (size_t)i, value, err);
}

static int take_letters(struct asked *a, struct words *w, const char *word, struct err *err)
{
        for (const char *p = word + 1; *p; p++) {
                char shown[3] = {'-', *p > ' ' && *p < 127 ? *p : '?', 0};
                int i = find_letter(*p);
                const char *value = NULL;

                a->option = shown;
                if (i < 0)
                        return unknown(a, err, "is no option of sbatch");
                if (options[i].arity == VALUE) {
                        value = p[1] ? p + 1 : next_word(w, a);
                        if (!value)
                                return unknown(a, err, "needs a value");
                        return obey(a, (size_t)i, value, err);
                }
                if (obey(a, (size_t)i, NULL, err) < 0)
                        return -1;
        }
        return 0;
}

/* Behind a fault, what may be the value of an option that nobody knows is passed over. */
static void pass_values(struct words *w)
{
        while (w->at < w->d->count && w->d->words[w->at].word[0] != '-')
                w->at++;
}

static void take_words(struct asked *a, const struct directives *d, struct err *all)
{
        struct words w = {.d = d};
        const char *word;

        while ((word = next_word(&w, a))) {
                struct err one;
                int rc;

                a->option = word;
                if (strncmp(word, "--", 2) == 0 && word[2])
                        rc = take_long(a, &w, word, &one);
                else if (word[0] == '-' && word[1] && word[1] != '-')
                        rc = take_letters(a, &w, word, &one);
                else
                        rc = unknown(a, &one, "is no option of sbatch");
                if (rc == 0)
                        continue;
                fault_add(all, &one);
                pass_values(&w);
        }
}

static void take_environment(struct asked *a, struct err *all)
{
        struct err one;

        a->line = 0;
        for (size_t i = 0; i < ARRAY_LEN(options) && a->from->env; i++) {
                const char *value = options[i].env ? a->from->env(options[i].env) : NULL;

                a->option = options[i].env;
                if (value && obey(a, i, value, &one) < 0)
                        fault_add(all, &one);
        }
}

int sbatch_read(const struct script_origin *from, const struct directives *words, json_t *job, json_t *said,
                struct err *err)
{
        struct asked a = {.from = from, .job = job, .said = said};
        struct err all = {.code = ERR_NONE}, one;

        take_words(&a, words, &all);
        take_environment(&a, &all);
        if (asked_sum(&a, &one) < 0)
                fault_add(&all, &one);
        if (all.code == ERR_NONE)
                return 0;
        *err = all;
        return -1;
}
