/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "fetch.h"
#include "refs.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 1000000

struct get {
        int64_t bytes, done; /* of all files wanted */
        size_t files, at;
        const char *name; /* of the file at work */
        int64_t begin_ms;
};

/* The dataset meant: its name, or the outputs of a job (*ret_task: of one task of it). Owned. */
static char *dataset_of(struct cli *c, const char *word, int64_t *ret_task, struct err *err)
{
        bool last = strncmp(word, "last", 4) == 0 && (!word[4] || word[4] == '.');
        struct ref r;
        json_t *job;
        char *name;

        /* A name may be all digits; a job number comes first. */
        if (!last && num_ref("job", word, &r, NULL) < 0)
                return dataset_name_check(word, err) < 0 ? NULL : xstrdup(word);
        if (ref_read(c, word, &r, err) < 0)
                return NULL;
        *ret_task = r.task;
        job = client_get(cli_client(c), err, "/v1/jobs/%lld", (long long)r.job);
        if (!job)
                return NULL;
        name = *json_text_at(job, "output_dataset") ? xstrdup(json_text_at(job, "output_dataset")) : NULL;
        if (!name)
                err_set(err, ERR_NOT_FOUND, "job %lld declared no outputs; what it printed: reeve logs %lld",
                        (long long)r.job, (long long)r.job);
        json_decref(job);
        return name;
}

/* Only the files that a --file pattern or the task of 12.7 names. */
static bool is_wanted(const struct args *a, int64_t task, const json_t *file)
{
        const char *pattern;

        if (task >= 0 && (!json_at(file, "task") || json_int_at(file, "task") != task))
                return false;
        for (size_t i = 0; (pattern = args_nth(a, "file", i)); i++) {
                if (fnmatch(pattern, json_text_at(file, "path"), 0) == 0)
                        return true;
        }
        return !args_has(a, "file");
}

static json_t *wanted_files(struct cli *c, const struct args *a, const char *dataset, int64_t task,
                            struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/datasets/%s/files", dataset);
        bool more;
        json_t *all = client_list(cli_client(c), path, FILES_MAX, &more, err), *wanted, *file;
        size_t i;

        if (!all)
                return NULL;
        wanted = json_array();
        json_array_foreach(all, i, file)
        {
                if (is_wanted(a, task, file))
                        json_array_append(wanted, file);
        }
        json_decref(all);
        if (!json_array_size(wanted)) {
                json_decref(wanted);
                return err_set(err, ERR_NOT_FOUND, "%s has no such file", dataset), NULL;
        }
        return wanted;
}

static void show_get(struct cli *c, int64_t bytes, void *arg)
{
        const struct get *g = arg;
        int64_t ms = clock_boot_ms() - g->begin_ms, done = g->done + bytes;
        char have[32], all[32], rate[32];

        if (ms < 1000)
                return;
        cli_progress(c, "%zu/%zu files, %s of %s, %s/s  %s", g->at, g->files, num_format_size(done, have),
                     num_format_size(g->bytes, all), num_format_size(done * 1000 / ms, rate), g->name);
}

static int get_all(struct cli *c, const struct args *a, int dir, const char *dataset, const json_t *files,
                   struct err *err)
{
        struct get g = {.files = json_array_size(files), .begin_ms = clock_boot_ms()};
        json_t *file;
        size_t had = 0;
        char size[32];

        json_array_foreach((json_t *)files, g.at, file) g.bytes += json_int_at(file, "size");
        json_array_foreach((json_t *)files, g.at, file)
        {
                AUTO_FREE char *name = text_line(json_text_at(file, "path"));
                enum fetch_result r;

                g.name = name;
                r = fetch_file(c, dir, dataset, file, args_has(a, "force"), show_get, &g, err);
                if (r == FETCH_FAILED) {
                        err_prefix(err, "%s", name);
                        return -1;
                }
                had += r == FETCH_HAD;
                g.done += json_int_at(file, "size");
                if (c->format == FORMAT_ID || c->quiet)
                        printf("%s\n", name);
        }
        cli_progress_end(c);
        if (had)
                cli_say(c, "%zu files, %s, checksums right (%zu were here already)", g.files,
                        num_format_size(g.bytes, size), had);
        else
                cli_say(c, "%zu file%s, %s, checksums right", g.files, g.files == 1 ? "" : "s",
                        num_format_size(g.bytes, size));
        return 0;
}

int cmd_get(struct cli *c, const struct args *a)
{
        const char *where = a->word_count > 1 ? a->words[1] : ".";
        AUTO_FREE char *dataset = NULL;
        int64_t task = -1;
        struct err err;
        json_t *files;
        int r;

        if (!cli_client(c))
                return EXIT_FAILED;
        dataset = dataset_of(c, a->words[0], &task, &err);
        if (!dataset)
                return cli_fail(c, &err);
        files = wanted_files(c, a, dataset, task, &err);
        if (!files)
                return cli_fail(c, &err);
        if (args_has(a, "list")) {
                sheet_print(c,
                            (const struct column[]){{.title = "FILE", .path = "path"},
                                                    {.title = "SIZE", .path = "size", .kind = CELL_SIZE},
                                                    {0}},
                            files, "path");
                json_decref(files);
                return EXIT_OK;
        }
        mkdir(where, 0777); /* what matters is that it opens */
        {
                AUTO_CLOSE int dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                r = dir < 0 ? err_errno(&err, "could not open directory \"%s\"", where)
                            : get_all(c, a, dir, dataset, files, &err);
        }
        json_decref(files);
        return r < 0 ? cli_fail(c, &err) : EXIT_OK;
}
