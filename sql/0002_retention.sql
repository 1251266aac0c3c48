-- SPDX-License-Identifier: Apache-2.0
-- Retention: what ended long ago goes, a slice at a time (store_upkeep), so that nobody waits for it. Totals stay.

create function reeve_forget_jobs(keep_days integer, after_id bigint, n integer) returns bigint language plpgsql as $$
declare
    cutoff timestamptz := now() - make_interval(days => keep_days);
    ids bigint[];
    cursor_id bigint;
    round_over boolean;
begin
    -- Numbers follow time: a window with a job that was submitted after the cutoff is the last one to look at.
    select array_agg(w.id) filter (where w.finished_at < cutoff and not exists (
               select from job_after a join job_queue q on q.job_id = a.job_id where a.on_job_id = w.id)),
           max(w.id), coalesce(bool_or(w.submitted_at >= cutoff), false) or count(*) < n
        into ids, cursor_id, round_over
        from (select j.id, j.submitted_at, j.finished_at from jobs j where j.id > after_id order by j.id limit n) as w;
    if ids is not null then
        delete from job_after where job_id = any (ids);
        delete from job_after where on_job_id = any (ids);
        delete from job_inputs where job_id = any (ids);
        delete from job_intents where job_id = any (ids);
        delete from task_queue where job_id = any (ids);
        -- The newest stays whatever its age: numbers of decisions go on from it.
        delete from decisions where job_id = any (ids) and id < (select max(id) from decisions);
        -- What it made outlives it, until somebody removes it.
        update datasets set job_id = null where job_id = any (ids);
        delete from jobs where id = any (ids);
    end if;
    return case when round_over then 0 else cursor_id end;
end $$;
comment on function reeve_forget_jobs(integer, bigint, integer) is 'Of the n jobs after a number, forget those that ended more than keep_days ago and that no live job waits for. Returns the number to go on from, 0: all were looked at.';

create function reeve_forget_datasets(keep_days integer, n integer) returns boolean language plpgsql as $$
declare
    ids bigint[];
    gone bigint;
begin
    -- Removed by somebody, and no job on record reads it or makes it.
    select array_agg(d.id) into ids from (
        select d.id from datasets d
        where d.removed_at < now() - make_interval(days => keep_days) and d.job_id is null
          and not exists (select from job_inputs i where i.dataset_id = d.id)
        order by d.id limit n) as d;
    if ids is null then
        return false;
    end if;
    delete from transfers where dataset_id = any (ids);
    -- A dataset may have a million files: as many as fit into one slice, then the rest in the next.
    delete from replicas r using (select dataset_id, path, site_id, root from replicas where dataset_id = any (ids) limit n) as old
        where r.dataset_id = old.dataset_id and r.path = old.path and r.site_id = old.site_id and r.root = old.root;
    get diagnostics gone = row_count;
    if gone = n then
        return true;
    end if;
    delete from files f using (select dataset_id, path from files where dataset_id = any (ids) limit n) as old
        where f.dataset_id = old.dataset_id and f.path = old.path;
    get diagnostics gone = row_count;
    if gone = n then
        return true;
    end if;
    delete from dataset_sites where dataset_id = any (ids);
    delete from datasets where id = any (ids);
    return array_length(ids, 1) = n;
end $$;
comment on function reeve_forget_datasets(integer, integer) is 'Forget datasets that people removed more than keep_days ago, with files and replicas, about n rows at a time. True while there are more.';

create index datasets_removed on datasets (removed_at) where removed_at is not null;
comment on index datasets_removed is 'reeve_forget_datasets: what has outlived its keeping time.';
create index transfers_dataset on transfers (dataset_id);
comment on index transfers_dataset is 'reeve_forget_datasets: the transfers of a dataset.';
