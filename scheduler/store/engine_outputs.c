/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: a file is known by dataset and path. A later attempt that publishes the same path replaces what
 * the file was; copies of the old content elsewhere are gone, and the counters follow. Publishing the same
 * rows again changes nothing. One statement: all its parts see the catalog as it was before. The rows given
 * are joined with tables by their keys only (as in engine_commit.c), never with each other: that would be
 * quadratic.
 */
#include "store/engine_priv.h"
#include "common/util.h"

/* The paths of one statement must be different from each other: of a path that comes twice the last counts.
 */
static const char outputs_sql[] =
    "with new as materialized (select distinct on (dataset, path) * from unnest($1::bigint[], $2::integer[],"
    " $3::integer[], $4::text[], $5::text[], $6::bigint[], $7::bytea[]) with ordinality"
    " as o (dataset, task, site, root, path, size, sha256, n) order by dataset, path, n desc),"
    /* what the catalog has of them */
    " old as materialized (select f.dataset_id, f.size from files f join new on"
    " f.dataset_id = any(array[new.dataset]) and f.path = new.path),"
    " copies as materialized (select r.dataset_id, r.path, r.site_id, r.root, f.size,"
    " r.site_id = new.site and r.root = new.root as same_place,"
    " f.sha256 = new.sha256 and f.size = new.size as same_content"
    " from new join files f on f.dataset_id = any(array[new.dataset]) and f.path = new.path"
    " join replicas r on r.dataset_id = any(array[new.dataset]) and r.path = f.path where r.state = "
    "'present'),"
    " kept as (insert into files (dataset_id, path, size, sha256, task)"
    " select dataset, path, size, sha256, task from new on conflict (dataset_id, path) do update"
    " set size = excluded.size, sha256 = excluded.sha256, task = excluded.task),"
    " placed as (insert into replicas (dataset_id, path, site_id, root, state)"
    " select dataset, path, site, root, 'present' from new on conflict (dataset_id, path, site_id, root)"
    " do update set state = 'present', since = now()),"
    " stale as (update replicas r set state = 'gone', since = now() from copies c where not c.same_place"
    " and not c.same_content and r.dataset_id = any(array[c.dataset_id]) and r.path = c.path and r.site_id = "
    "c.site_id"
    " and r.root = c.root),"
    /* counters: minus what was there and is replaced, plus what is there now */
    " moves as (select dataset, site, root, 1 as files, size as bytes from new"
    " union all select dataset_id, site_id, root, -1, -size from copies where same_place or not "
    "same_content),"
    " places as (insert into dataset_sites (dataset_id, site_id, root, files, bytes)"
    " select dataset, site, root, sum(files), sum(bytes) from moves group by dataset, site, root"
    " on conflict (dataset_id, site_id, root) do update set files = dataset_sites.files + excluded.files,"
    " bytes = dataset_sites.bytes + excluded.bytes, checked_at = now()),"
    " sums as (select dataset, sum(files) as files, sum(bytes) as bytes from ("
    " select dataset, 1 as files, size as bytes from new union all select dataset_id, -1, -size from old) as "
    "m"
    " group by dataset)"
    " update datasets d set files = d.files + sums.files, bytes = d.bytes + sums.bytes from sums"
    " where d.id = any(array[sums.dataset])";

int outputs_add(struct db *db, const struct commit *c, struct err *err)
{
        for (size_t at = 0; at < c->outputs_n; at += BATCH_ROWS) {
                const struct commit_output *v = c->outputs + at;
                size_t n = c->outputs_n - at < BATCH_ROWS ? c->outputs_n - at : BATCH_ROWS;
                struct stmt *st = db_stmt(db, "commit_outputs", outputs_sql);

                bind_column_i64(st, &v->dataset, sizeof *v, n);
                bind_column_i32(st, &v->task, sizeof *v, n);
                bind_column_i32(st, &v->site, sizeof *v, n);
                bind_column_text(st, &v->root, sizeof *v, n);
                bind_column_text(st, &v->path, sizeof *v, n);
                bind_column_i64(st, &v->size, sizeof *v, n);
                bind_column_bytes(st, &v->sha256, sizeof *v, n, 32);
                if (db_pipeline_add(st, err) < 0)
                        return -1;
        }
        return 0;
}
