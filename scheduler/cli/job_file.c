/* SPDX-License-Identifier: Apache-2.0 */
#include "job_file.h"

#include "doc.h"
#include "common/job_members.h"
#include "common/nearest.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* Members that are text whatever they look like: a site may be called 12. */
static const char *const text_keys[] = {
    "name", "project", "command", "args",   "script", "array", "env",     "task_env",       "in",    "out",
    "err",  "signal",  "workdir", "labels", "inputs", "input", "outputs", "output_dataset", "sites", NULL};

struct check {
        const struct job_file *file;
        const json_t *doc;
        size_t faults;
        struct err *err;
};

static void add_fault(struct check *c, const struct job_members *m, const char *name, size_t line)
{
        struct err before = *c->err;
        char hint[200], quoted[NEAREST_WORD_MAX + 5] = "";

        if (c->faults++ >= JOB_FILE_FAULTS_MAX)
                return;
        job_members_hint(m, name, hint, sizeof hint);
        if (strlen(name) <= NEAREST_WORD_MAX)
                snprintf(quoted, sizeof quoted, "\"%s\": ", name);
        err_set(c->err, ERR_BAD_INPUT, "%s%s%s:%zu: %s%s", c->faults > 1 ? before.text : "",
                c->faults > 1 ? "; " : "", c->file->name, line, quoted, hint);
}

/* The place of a member as a JSON pointer; a name that is too long is cut, and not found. */
static void put_pointer(char *ret, size_t max, const char *at, const char *name)
{
        size_t n = (size_t)snprintf(ret, max, "%s/", at);

        for (; *name && n + 3 < max; name++) {
                if (*name == '~' || *name == '/') {
                        ret[n++] = '~';
                        ret[n++] = *name == '~' ? '0' : '1';
                } else {
                        ret[n++] = *name;
                }
        }
        ret[n] = '\0';
}

static void check_names(struct check *c, const char *at, const json_t *object, const char *group)
{
        const struct job_members *m = job_members_of(group);
        char pointer[512];
        const char *name;
        json_t *v;

        json_object_foreach((json_t *)object, name, v)
        {
                if (job_members_has(m, name))
                        continue;
                put_pointer(pointer, sizeof pointer, at, name);
                add_fault(c, m, name, doc_line(c->file->lines, c->doc, pointer));
        }
}

/* The job's own members, then those of its objects and of the objects in its lists. */
static void check_job(struct check *c, const char *at, const json_t *job)
{
        char below[64];
        json_t *v, *one;
        size_t i;

        check_names(c, at, job, "");
        for (const struct job_members *m = job_members; m->group; m++) {
                v = *m->group ? json_object_get(job, m->group) : NULL;
                if (json_is_object(v)) {
                        snprintf(below, sizeof below, "%s/%s", at, m->group);
                        check_names(c, below, v, m->group);
                }
                json_array_foreach(v, i, one)
                {
                        if (!json_is_object(one))
                                continue;
                        snprintf(below, sizeof below, "%s/%s/%zu", at, m->group, i);
                        check_names(c, below, one, m->group);
                }
        }
}

static int check_doc(struct check *c)
{
        size_t i;
        json_t *job;

        if (json_is_object(c->doc)) {
                check_job(c, "", c->doc);
                return c->faults ? -1 : 0;
        }
        if (!json_array_size(c->doc))
                return err_set(c->err, ERR_BAD_INPUT,
                               "%s: a job (names and values) or a list of jobs is wanted", c->file->name);
        json_array_foreach(c->doc, i, job)
        {
                char at[24];

                snprintf(at, sizeof at, "/%zu", i);
                if (!json_is_object(job))
                        return err_set(c->err, ERR_BAD_INPUT, "%s:%zu: item %zu of the list is not a job",
                                       c->file->name, doc_line(c->file->lines, c->doc, at), i + 1);
                check_job(c, at, job);
        }
        return c->faults ? -1 : 0;
}

int job_file_parse(const char *name, const char *text, size_t n, json_t **ret, struct job_file *ret_file,
                   struct err *err)
{
        struct job_file f = {.name = xstrdup(name), .lines = doc_lines_new()};
        json_t *doc = NULL;

        if (doc_parse_lines(name, text, n, text_keys, &doc, f.lines, err) < 0 ||
            check_doc(&(struct check){.file = &f, .doc = doc, .err = err}) < 0) {
                json_decref(doc);
                job_file_release(&f);
                return -1;
        }
        *ret = doc;
        *ret_file = f;
        return 0;
}

int job_file_read(const char *path, json_t **ret, struct job_file *ret_file, struct err *err)
{
        AUTO_FREE char *text = NULL;
        size_t n;

        if (doc_read_file(path, DOC_SIZE_MAX, &text, &n, err) < 0)
                return -1;
        return job_file_parse(strcmp(path, "-") == 0 ? "standard input" : path, text, n, ret, ret_file, err);
}

void job_file_release(struct job_file *f)
{
        free(f->name);
        doc_lines_free(f->lines);
        *f = (struct job_file){0};
}

char *job_file_place(const struct job_file *f, const json_t *spec, const char *pointer)
{
        size_t line;

        if (!f->lines || *pointer == '?')
                return NULL;
        if (json_is_array(spec) && strncmp(pointer, "/jobs", 5) == 0)
                pointer += 5;
        line = doc_line(f->lines, spec, pointer);
        return line ? xasprintf("%s:%zu", f->name, line) : NULL;
}
