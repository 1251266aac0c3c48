-- SPDX-License-Identifier: Apache-2.0
-- Explanations: questions about jobs, which are asked of no site; and what jobs waited for.

alter table calls alter column site_id drop not null;
alter table calls drop constraint calls_kind_check;
alter table calls add constraint calls_kind_check check (kind in ('probe', 'test', 'read', 'scan', 'explain'));
comment on table calls is 'Questions to the engine: to a site, read a log or file, probe a host key, test it, scan a directory; about a job, explain.';
comment on column calls.site_id is 'The site; null: the question is about a job.';

create table job_waits (
    job_id bigint not null references jobs on delete cascade,
    since timestamptz not null,
    reason text not null,
    primary key (job_id, since)
);
comment on table job_waits is 'What a job waited for, one row a change of the reason; the engine writes a bounded number for each job.';
comment on column job_waits.job_id is 'The job.';
comment on column job_waits.since is 'Since when.';
comment on column job_waits.reason is 'A wait reason; none: nothing of it waited any more.';
