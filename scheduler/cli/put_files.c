/* SPDX-License-Identifier: Apache-2.0 */
#include "put_files.h"

#include "common/catalog.h"
#include "common/transfers.h"
#include "common/util.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 10000000

static int add(struct put_files *l, const char *path, const char *local, int64_t size, struct err *err)
{
        if (!transfer_path_is_valid(path))
                return err_set(err, ERR_BAD_INPUT, "\"%.200s\" cannot be the path of a file in a dataset",
                               path);
        if (l->count == FILES_MAX)
                return err_set(err, ERR_LIMIT, "a dataset has at most %d files", FILES_MAX);
        l->files = xgrow(l->files, l->count, &l->cap, sizeof *l->files);
        l->files[l->count++] =
            (struct put_file){.path = catalog_encode(path), .local = xstrdup(local), .size = size};
        l->bytes += size;
        return 0;
}

/* What is below a directory, its path within the dataset beginning with `prefix`. */
static int add_below(struct put_files *l, const char *directory, const char *prefix, struct err *err)
{
        char *const roots[] = {(char *)(uintptr_t)directory, NULL};
        size_t skip = strlen(directory);
        FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        FTSENT *e;
        int rc = walk ? 0 : err_errno(err, "could not read \"%s\"", directory);

        while (rc == 0 && (e = fts_read(walk))) {
                const char *rest = e->fts_path + (strlen(e->fts_path) > skip ? skip : strlen(e->fts_path));
                AUTO_FREE char *path = xasprintf("%s%s", prefix, rest + strspn(rest, "/"));

                if (e->fts_info == FTS_F && S_ISREG(e->fts_statp->st_mode))
                        rc = add(l, path, e->fts_path, e->fts_statp->st_size, err);
                else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
                        rc = err_set(err, ERR_SYSTEM, "could not read \"%.200s\": %s", e->fts_path,
                                     strerror(e->fts_errno));
                else if (e->fts_info != FTS_D && e->fts_info != FTS_DP)
                        l->left_out++;
        }
        if (walk)
                fts_close(walk);
        return rc;
}

/* The last part of a word, without slashes at its end; "." and "..": those of the directory meant. */
static char *name_of(const char *word)
{
        AUTO_FREE char *real = realpath(word, NULL);
        const char *slash = strrchr(word, '/');
        const char *last = slash ? slash + 1 : word;

        if (*last && strcmp(last, ".") != 0 && strcmp(last, "..") != 0)
                return xstrdup(last);
        slash = real ? strrchr(real, '/') : NULL;
        return xstrdup(slash && slash[1] ? slash + 1 : "data");
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct put_file *)a)->path, ((const struct put_file *)b)->path);
}

int put_files_find(const char *const *words, size_t n, struct put_files *ret, struct err *err)
{
        *ret = (struct put_files){0};
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *name = name_of(words[i]), *prefix = xasprintf("%s/", name);
                struct stat st;
                int rc;

                if (stat(words[i], &st) < 0)
                        return err_errno(err, "could not read \"%s\"", words[i]);
                if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
                        return err_set(err, ERR_BAD_INPUT, "\"%s\" is neither a file nor a directory",
                                       words[i]);
                rc = S_ISREG(st.st_mode) ? add(ret, name, words[i], st.st_size, err)
                                         : add_below(ret, words[i], n == 1 ? "" : prefix, err);
                if (rc < 0)
                        return -1;
        }
        qsort(ret->files, ret->count, sizeof *ret->files, by_path);
        for (size_t i = 1; i < ret->count; i++) {
                if (strcmp(ret->files[i - 1].path, ret->files[i].path) == 0)
                        return err_set(err, ERR_BAD_INPUT, "\"%s\" and \"%s\" would have the same name",
                                       ret->files[i - 1].local, ret->files[i].local);
        }
        return ret->count ? 0 : err_set(err, ERR_BAD_INPUT, "there is no file to be sent");
}

struct put_file *put_files_get(const struct put_files *l, const char *path)
{
        struct put_file key = {.path = (char *)(uintptr_t)path};

        return l->count ? bsearch(&key, l->files, l->count, sizeof *l->files, by_path) : NULL;
}

void put_files_release(struct put_files *l)
{
        for (size_t i = 0; i < l->count; i++) {
                free(l->files[i].path);
                free(l->files[i].local);
        }
        free(l->files);
        *l = (struct put_files){0};
}
