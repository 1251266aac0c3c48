/* SPDX-License-Identifier: Apache-2.0 */
#include "spec.h"

#include "doc.h"
#include "script/job_options.h"
#include "script/script.h"
#include "common/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_MAX (512 << 10)

static const char *environment(const char *name)
{
        return getenv(name);
}

/* Options of the command line, put over the members of a job. */
static int put_options(const struct args *a, json_t *spec, struct err *err)
{
        struct script_origin here = {.env = environment, .now_ms = clock_wall_ms()};

        return job_options_put(&here, a, spec, err);
}

static int not_utf8(const char *what, struct err *err)
{
        return err_set(err, ERR_BAD_INPUT, "%s: not UTF-8", what);
}

/* ---- what to run -----------------------------------------------------------------------------------------
 */

static int put_words(const char *const *words, json_t *object, const char *member, struct err *err)
{
        json_t *list = json_array();

        json_object_set_new(object, member, list);
        for (; *words; words++) {
                if (json_array_append_new(list, json_string(*words)) < 0)
                        return not_utf8("an argument", err);
        }
        return 0;
}

/* Directives that are not taken as they stand, as warnings are told. */
static void note_directives(const char *name, const json_t *said, json_t *notes)
{
        size_t i;
        json_t *d;

        json_array_foreach((json_t *)said, i, d)
        {
                const char *outcome = json_string_value(json_object_get(d, "outcome"));
                const char *sentence = json_string_value(json_object_get(d, "sentence"));
                long long line = json_integer_value(json_object_get(d, "line"));
                AUTO_FREE char *where = line ? xasprintf("%s:%lld", name, line) : xstrdup("environment");
                AUTO_FREE char *text = xasprintf("%s: %s", where, sentence ? sentence : "");

                if (sentence && strcmp(outcome, DIRECTIVE_REFUSED) != 0)
                        json_array_append_new(notes,
                                              json_pack("{s:s, s:I, s:O, s:s}", "code", outcome, "line",
                                                        (json_int_t)line, "option",
                                                        json_object_get(d, "option"), "sentence", text));
        }
}

/* Directives first, then the command line. */
static int obey_script(const struct args *a, const char *name, const char *text, json_t *spec, json_t *notes,
                       struct err *err)
{
        char cwd[4096], host[256] = "";
        struct script_origin from = {
            .name = name, .cwd = cwd, .host = host, .env = environment, .now_ms = clock_wall_ms()};
        json_t *said = json_array();
        int rc;

        if (!getcwd(cwd, sizeof cwd))
                snprintf(cwd, sizeof cwd, "/");
        if (gethostname(host, sizeof host - 1) < 0)
                host[0] = '\0';
        rc = script_read(&from, text, spec, said, err);
        note_directives(name, said, notes);
        if (rc == 0 && args_has(a, "after"))
                json_object_del(spec, "after");
        if (rc == 0)
                rc = job_options_put(&from, a, spec, err);
        if (rc == 0)
                rc = script_finish(&from, said, spec, err);
        json_decref(said);
        return rc;
}

static int put_script(const struct args *a, json_t *spec, json_t *notes, struct err *err)
{
        const char *path = a->words[0], *slash = strrchr(path, '/');
        AUTO_FREE char *text = NULL;
        json_t *script;
        size_t n;

        if (doc_read_file(path, SCRIPT_MAX, &text, &n, err) < 0) {
                if (errno == ENOENT)
                        err_set(err, ERR_BAD_INPUT,
                                "no script \"%s\" here; to run a program of the site write: reeve %s -- %s",
                                path, a->command->name, path);
                return -1;
        }
        if (strlen(text) != n)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "\"%s\" is a program, not a script; it has to be at the site, and runs with: reeve %s -- "
                    "/path/there",
                    path, a->command->name);
        script = json_string(text);
        if (!script)
                return not_utf8(path, err);
        if (obey_script(a, strcmp(path, "-") == 0 ? "standard input" : path, text, spec, notes, err) < 0)
                return -1;
        json_object_set_new(spec, "script", script);
        if (!json_object_get(spec, "name") && strcmp(path, "-") != 0)
                json_object_set_new(spec, "name", json_string(slash ? slash + 1 : path));
        return a->word_count > 1 ? put_words(a->words + 1, spec, "args", err) : 0;
}

static int put_work(const struct args *a, json_t *spec, json_t *notes, struct err *err)
{
        if (a->word_count && args_has(a, "file"))
                return err_set(err, ERR_BAD_INPUT, "either -f FILE or a command is wanted, not both");
        if (a->dashes)
                return put_words(a->words, spec, "command", err);
        return a->word_count ? put_script(a, spec, notes, err) : 0;
}

int spec_build(const struct args *a, json_t **ret, struct err *err)
{
        struct job_file file;
        json_t *notes;

        if (spec_build_noted(a, ret, &notes, &file, err) < 0)
                return -1;
        json_decref(notes);
        job_file_release(&file);
        return 0;
}

int spec_build_noted(const struct args *a, json_t **ret, json_t **ret_notes, struct job_file *ret_file,
                     struct err *err)
{
        struct job_file from = {0};
        const char *file = args_get(a, "file");
        json_t *spec = NULL, *notes = json_array();
        bool script = !file && !a->dashes;
        json_t *one;
        size_t i;

        if (!file && !a->word_count) {
                json_decref(notes);
                return err_set(
                    err, ERR_BAD_INPUT,
                    "nothing to run; give a script, -f FILE, or -- and a command: reeve %s -- hostname",
                    a->command->name);
        }
        if (file && job_file_read(file, &spec, &from, err) < 0) {
                json_decref(notes);
                return -1;
        }
        if (!spec)
                spec = json_object();
        if (json_is_array(spec)) {
                json_array_foreach(spec, i, one)
                {
                        if (put_options(a, one, err) < 0)
                                goto fail;
                }
        } else if ((!script && put_options(a, spec, err) < 0) || put_work(a, spec, notes, err) < 0) {
                goto fail;
        }
        *ret = spec;
        *ret_notes = notes;
        *ret_file = from;
        return 0;
fail:
        job_file_release(&from);
        json_decref(notes);
        json_decref(spec);
        return -1;
}
