-- SPDX-License-Identifier: Apache-2.0
-- Parts of datasets: where the tasks of a job share the files of an input, a site gets those of the tasks that are placed
-- there. Files are told by number, their place in the order of their paths, in ranges.

drop function reeve_parts(bigint, integer, bigint);
create function reeve_parts(dataset bigint, max_files integer, max_bytes bigint)
    returns table (task integer, first_path text, last_path text, files integer, bytes bigint) language plpgsql stable as $$
declare
    f record;
begin
    -- In the order of the primary key; a file that is larger than the limit has a part of its own.
    task := 0;
    for f in select i.path, i.size from files i where i.dataset_id = dataset order by i.path loop
        if task > 0 and files < max_files and (max_bytes = 0 or bytes + f.size <= max_bytes) then
            files := files + 1;
            bytes := bytes + f.size;
        else
            if task > 0 then
                return next;
            end if;
            task := task + 1;
            first_path := f.path;
            files := 1;
            bytes := f.size;
        end if;
        last_path := f.path;
    end loop;
    if task > 0 then
        return next;
    end if;
end $$;
comment on function reeve_parts(bigint, integer, bigint) is 'The files of a dataset dealt out to tasks 1, 2, ...: at most so many files each, and at most so many bytes (0: any).';

alter table job_parts add column files integer, add column bytes bigint;
update job_parts p set files = s.files, bytes = s.bytes from (select p.job_id, p.task, count(*)::integer as files, sum(f.size)::bigint as bytes
    from job_parts p join files f on f.dataset_id = p.dataset_id and f.path between p.first_path and p.last_path
    group by p.job_id, p.task) s where s.job_id = p.job_id and s.task = p.task;
delete from job_parts where files is null;
alter table job_parts alter column files set not null, alter column bytes set not null;
comment on column job_parts.files is 'How many files it reads.';
comment on column job_parts.bytes is 'Their bytes.';

create function reeve_file_bounds(dataset bigint, numbers int4multirange) returns table (first_path text, last_path text)
language sql stable as $$
    select (select f.path from files f where f.dataset_id = dataset order by f.path offset lower(r) limit 1),
        (select f.path from files f where f.dataset_id = dataset order by f.path offset upper(r) - 1 limit 1)
    from unnest(numbers) r
$$;
comment on function reeve_file_bounds(bigint, int4multirange) is 'First and last path of each range of files, told by number.';

alter table dataset_sites add column present int4multirange;
comment on column dataset_sites.present is 'Of a copy that is not whole: the numbers of the files it has. Null: whole, or made of the outputs of tasks.';
alter table transfers add column only_files int4multirange;
comment on column transfers.only_files is 'Numbers of the files it moves, for tasks that share those of the dataset; null: all that is missing.';
