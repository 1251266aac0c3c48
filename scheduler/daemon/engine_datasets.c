/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets that live jobs read or make, from the record into the model. */
#include "daemon/engine_priv.h"
#include "daemon/engine_storage.h"

#include "common/log.h"
#include "common/util.h"

#include <string.h>

static void dataset_place(struct m_dataset *d, const struct load_dataset *row, size_t i)
{
        struct m_dataset_site *at =
            model_dataset_site(d, row->sites[i].site, row->sites[i].root, row->sites[i].is_file,
                               row->sites[i].files, row->sites[i].bytes);

        if (row->sites[i].files < row->files && spans_parse(row->sites[i].present, &at->have) < 0)
                log_warn("dataset=%s what it has at site %d cannot be read", row->name, row->sites[i].site);
        at->copy = row->sites[i].copy;
        at->suspect = row->sites[i].suspect;
        at->pinned = row->sites[i].pinned;
}

static void dataset_fill(struct engine *e, const struct load_dataset *row)
{
        struct m_dataset *d = model_dataset_put(e->m, row->id, row->name);

        d->sealed = row->sealed;
        d->maker_failed = row->maker_failed;
        d->removed = row->removed;
        d->files = row->files;
        d->bytes = row->bytes;
        d->project = row->project;
        model_dataset_clear_sites(d);
        for (size_t i = 0; i < row->site_count; i++)
                dataset_place(d, row, i);
        storage_apply_pending(e, d);
        if (row->restricted)
                model_dataset_allow(d, row->allowed, row->allowed_count);
        else
                model_dataset_allow_all(d);
}

int jobs_load_datasets(struct engine *e, const int64_t *ids, size_t n, struct err *err)
{
        struct load_dataset *rows;
        size_t count;

        if (!n)
                return 0;
        if (store_load_datasets(e->db, ids, n, &rows, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count; i++)
                dataset_fill(e, &rows[i]);
        store_free_datasets(rows, count);
        return 0;
}

int jobs_datasets_borrow(struct engine *e, const int64_t *ids, size_t n, struct err *err)
{
        if (jobs_load_datasets(e, ids, n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct m_dataset *d = model_dataset(e->m, ids[i]);

                if (d)
                        d->users++;
        }
        return 0;
}

void jobs_datasets_return(struct engine *e, const int64_t *ids, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct m_dataset *d = model_dataset(e->m, ids[i]);

                if (d)
                        model_dataset_drop(e->m, d);
        }
}

int jobs_reload_datasets(struct engine *e, struct err *err)
{
        int64_t *ids = xcalloc(e->m->datasets.n + 1, sizeof *ids);
        struct m_dataset *d;
        size_t n = 0;
        int rc;

        for (size_t i = 0; (d = map_next(&e->m->datasets, &i));)
                ids[n++] = d->id;
        rc = jobs_load_datasets(e, ids, n, err);
        free(ids);
        return rc;
}

void jobs_dataset_moved(struct engine *e, const char *name)
{
        struct m_dataset *d;
        struct err err;

        for (size_t i = 0; (d = map_next(&e->m->datasets, &i));) {
                int64_t id = d->id;

                if (strcmp(d->name, name) != 0)
                        continue;
                if (jobs_load_datasets(e, &id, 1, &err) < 0)
                        log_warn("dataset=%s could not be read again: %s", name, err.text);
                model_dataset_changed(e->m, d);
                engine_wake(e);
                return;
        }
}

/* Those named by the jobs and not known yet, in one query. */
int jobs_load_inputs(struct engine *e, const struct load_job *rows, size_t n, struct err *err)
{
        int64_t *ids = NULL;
        size_t count = 0, cap = 0;
        int rc;

        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k <= rows[i].input_count; k++) {
                        int64_t id = k < rows[i].input_count ? rows[i].inputs[k] : rows[i].output_dataset;

                        if (!id || model_dataset(e->m, id))
                                continue;
                        ids = xgrow(ids, count, &cap, sizeof *ids);
                        ids[count++] = id;
                }
        }
        rc = jobs_load_datasets(e, ids, count, err);
        free(ids);
        return rc;
}
