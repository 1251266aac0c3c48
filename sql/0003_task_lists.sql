-- SPDX-License-Identifier: Apache-2.0
-- Arrays that are lists ("1,5,7-100:3") and not one plain range.

alter table jobs add column task_list text, add column task_count integer check (task_count > 0),
    add check ((task_list is null) = (task_count is null));
comment on column jobs.task_list is 'Its task numbers as ranges with steps, sorted and without overlap: "1,5,7-100:3"; null: all of first_task to last_task.';
comment on column jobs.task_count is 'How many numbers task_list has; null with it.';

create function reeve_tasks_from(list text, low integer) returns bigint language sql immutable strict parallel safe as $$
    select coalesce(sum(greatest((p.last - p.low) / p.step + 1, 0)), 0)::bigint
    from (select r.last, r.step, case when r.first >= $2 then r.first
                 else r.first + (($2 - r.first + r.step - 1) / r.step) * r.step end as low
          from (select split_part(split_part(part, ':', 1), '-', 1)::bigint as first,
                       coalesce(nullif(split_part(split_part(part, ':', 1), '-', 2), ''), split_part(part, '-', 1))::bigint as last,
                       coalesce(nullif(split_part(part, ':', 2), ''), '1')::bigint as step
                from string_to_table($1, ',') as part) as r) as p
    where p.low <= p.last
$$;
comment on function reeve_tasks_from(text, integer) is 'How many numbers of a task list (jobs.task_list) are not below low.';
