/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "job_options.h"
#include "sbatch.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define MARK_SBATCH "SBATCH"
#define MARK_NATIVE "REEVE"

/* The one option of `reeve submit` that is not about the job. */
#define OPTION_FILE "file"
#define FILE_WHY    "it names a job for the command line; a script is the job itself"

static const struct option_rules rules = {.name = "submit", .lists = {job_options}};

/* ---- lines of ours ---------------------------------------------------------------------------------------
 */

static int refuse(const struct script_origin *from, json_t *said, int line, const char *option,
                  const char *value, const char *why, struct err *err)
{
        directive_say(directive_add(said, line, MARK_NATIVE, option, value), DIRECTIVE_REFUSED, why);
        return err_set(err, ERR_BAD_INPUT, "%s:%d: %s", from->name, line, why);
}

/* The option that begins at the i-th word, alone: how many words it takes, -1 none of ours. */
static int read_one(const struct directives *d, size_t i, struct args *ret, struct err *err)
{
        /* With its value first: a switch would leave the next word over. */
        for (size_t n = 2; n >= 1; n--) {
                char *argv[3] = {d->words[i].word, n == 2 && i + 1 < d->count ? d->words[i + 1].word : NULL,
                                 NULL};

                if ((n == 2 && !argv[1]) || args_read(&rules, argv, ret, err) < 0)
                        continue;
                if (!ret->word_count && ret->value_count == (n == 2 ? 1 : ret->value_count) &&
                    ret->value_count)
                        return (int)n;
                if (n == 1)
                        err_set(
                            err, ERR_BAD_INPUT,
                            "\"%.60s\" has no place in a directive: options of `reeve submit` stand there",
                            argv[0]);
                args_release(ret);
        }
        return -1;
}

/* Take over what one option says, if it is right by itself and fits to those before it. */
static int take_one(const struct script_origin *from, const struct args *one, int line, struct args *all,
                    json_t *said, struct err *err)
{
        json_t *scratch = json_object();
        struct err why;
        int rc = job_options_put(from, one, scratch, &why);

        json_decref(scratch);
        for (size_t i = 0; i < one->value_count; i++) {
                const struct option *o = one->values[i].option;
                const char *value = o->value ? one->values[i].value : NULL;
                AUTO_FREE char *name = xasprintf("--%s", o->name);

                if (rc == 0 && strcmp(o->name, OPTION_FILE) == 0)
                        rc = err_set(&why, ERR_BAD_INPUT, "%s", FILE_WHY);
                if (rc == 0)
                        rc = args_add(all, o, one->values[i].value, &why);
                if (rc < 0)
                        return refuse(from, said, line, name, value, why.text, err);
                directive_add(said, line, MARK_NATIVE, name, value);
        }
        return 0;
}

static int read_native(const struct script_origin *from, const struct directives *d, json_t *job,
                       json_t *said, struct err *err)
{
        struct err all = {.code = ERR_NONE}, one;
        struct args taken = {.rules = rules}, a;

        for (size_t i = 0; i < d->count;) {
                int n = read_one(d, i, &a, &one), line = d->words[i].line;

                if (n < 0) {
                        struct err why = one;

                        (void)refuse(from, said, line, d->words[i].word, NULL, why.text, &one);
                        fault_add(&all, &one);
                        for (i++; i < d->count && d->words[i].word[0] != '-'; i++)
                                ;
                        continue;
                }
                if (take_one(from, &a, line, &taken, said, &one) < 0)
                        fault_add(&all, &one);
                args_release(&a);
                i += (size_t)n;
        }
        if (job_options_put(from, &taken, job, &one) < 0 && all.code == ERR_NONE)
                all = one;
        args_release(&taken);
        if (all.code == ERR_NONE)
                return 0;
        *err = all;
        return -1;
}

/* ---- the script ------------------------------------------------------------------------------------------
 */

static bool has_mark(const json_t *said, const char *mark)
{
        size_t i;
        json_t *d;

        json_array_foreach((json_t *)said, i, d)
        {
                if (strcmp(json_string_value(json_object_get(d, "mark")), mark) == 0)
                        return true;
        }
        return false;
}

struct place {
        json_t *directive;
        json_int_t line;
        size_t at;
};

static int by_line(const void *a, const void *b)
{
        const struct place *x = a, *y = b;

        return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                                  : (x->at > y->at) - (x->at < y->at);
}

static void in_order(json_t *said)
{
        size_t n = json_array_size(said), i;
        struct place *places = xcalloc(n + 1, sizeof *places);
        json_t *d;

        json_array_foreach(said, i, d)
        {
                places[i] = (struct place){json_incref(d), json_integer_value(json_object_get(d, "line")), i};
        }
        if (n)
                qsort(places, n, sizeof *places, by_line);
        for (i = 0; i < n; i++)
                json_array_set_new(said, i, places[i].directive);
        free(places);
}

int script_read(const struct script_origin *from, const char *text, json_t *job, json_t *said,
                struct err *err)
{
        struct err all = {.code = ERR_NONE}, one;
        struct directives d;

        if (directives_read(from->name, text, "#SBATCH", true, &d, err) < 0)
                return -1;
        if (d.count && sbatch_read(from, &d, job, said, &one) < 0)
                fault_add(&all, &one);
        directives_release(&d);
        if (directives_read(from->name, text, "#REEVE", false, &d, err) < 0)
                return -1;
        if (read_native(from, &d, job, said, &one) < 0)
                fault_add(&all, &one);
        directives_release(&d);
        in_order(said);
        if (all.code == ERR_NONE)
                return 0;
        *err = all;
        return -1;
}

int script_finish(const struct script_origin *from, const json_t *said, json_t *job, struct err *err)
{
        return has_mark(said, MARK_SBATCH) ? sbatch_finish(from, job, err) : 0;
}

bool script_kind_at(size_t i, struct directive_kind *ret)
{
        const struct option *o = option_at(&rules, i);
        size_t own = i;

        if (!o) {
                for (own = 0; option_at(&rules, own); own++)
                        ;
                return sbatch_option_at(i - own, ret);
        }
        *ret = (struct directive_kind){.mark = MARK_NATIVE,
                                       .option = o->name,
                                       .letter = o->letter,
                                       .value = o->value,
                                       .many = o->many,
                                       .outcome = DIRECTIVE_USED,
                                       .help = o->help};
        if (strcmp(o->name, OPTION_FILE) == 0) {
                ret->outcome = DIRECTIVE_REFUSED;
                ret->help = FILE_WHY;
        }
        return true;
}
