-- SPDX-License-Identifier: Apache-2.0
-- Datasets as people use them: an end that they set, questions about copies, and the parts of a dataset that the tasks
-- of a job share.

alter table datasets add column expires_at timestamptz;
comment on column datasets.expires_at is 'When it is removed, or as soon after as no live job needs it and nobody pinned it; null: never.';
create index datasets_expires on datasets (expires_at) where expires_at is not null and removed_at is null;
comment on index datasets_expires is 'store_expire: datasets whose time has come.';

alter table calls drop constraint calls_kind_check;
alter table calls add constraint calls_kind_check
    check (kind in ('probe', 'test', 'read', 'scan', 'explain', 'where', 'copy', 'evict', 'stop'));
comment on table calls is 'Questions to the engine: to a site, read a log or file, probe a host key, test it, scan a directory; about a job, explain; about data, where it is, copy it, evict it, stop a transfer.';
comment on column calls.site_id is 'The site; null: the question is about none.';

create table job_parts (
    job_id bigint not null references jobs on delete cascade,
    task integer not null,
    dataset_id bigint not null,
    first_path text not null,
    last_path text not null,
    primary key (job_id, task)
);
comment on table job_parts is 'Which files of an input each task of a job reads, where the job shares them out.';
comment on column job_parts.job_id is 'The job.';
comment on column job_parts.task is 'Number of the task.';
comment on column job_parts.dataset_id is 'The input: one of job_inputs, which holds on to it.';
comment on column job_parts.first_path is 'Its first file, in the order of files'' primary key.';
comment on column job_parts.last_path is 'Its last.';

create function reeve_parts(dataset bigint, max_files integer, max_bytes bigint)
    returns table (task integer, first_path text, last_path text) language plpgsql stable as $$
declare
    f record;
    n integer := 0;
    total bigint := 0;
begin
    -- In the order of the primary key; a file that is larger than the limit has a part of its own.
    task := 0;
    for f in select i.path, i.size from files i where i.dataset_id = dataset order by i.path loop
        if task > 0 and n < max_files and (max_bytes = 0 or total + f.size <= max_bytes) then
            n := n + 1;
            total := total + f.size;
        else
            if task > 0 then
                return next;
            end if;
            task := task + 1;
            first_path := f.path;
            n := 1;
            total := f.size;
        end if;
        last_path := f.path;
    end loop;
    if task > 0 then
        return next;
    end if;
end $$;
comment on function reeve_parts(bigint, integer, bigint) is 'The files of a dataset dealt out to tasks 1, 2, ...: at most so many files each, and at most so many bytes (0: any).';
