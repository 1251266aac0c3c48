-- SPDX-License-Identifier: Apache-2.0
-- What running attempts report of their progress, and how fast jobs go. Both are hints: the engine writes them now and then,
-- starts anew when it takes over, and loses nothing when a row is lost.

create table attempt_progress (
    job_id bigint not null,
    task integer not null,
    attempt integer not null,
    fraction real,
    text text not null,
    at timestamptz not null,
    primary key (job_id, task),
    constraint attempt_progress_fraction_check check (fraction between 0 and 1)
) with (fillfactor = 70);
comment on table attempt_progress is 'The newest report of each running attempt that made one; the row goes when the attempt ends.';
comment on column attempt_progress.job_id is 'The job.';
comment on column attempt_progress.task is 'The task.';
comment on column attempt_progress.attempt is 'The attempt that said it.';
comment on column attempt_progress.fraction is 'How far it is, 0 to 1; null: it did not say.';
comment on column attempt_progress.text is 'Its own words, at most 200 bytes.';
comment on column attempt_progress.at is 'When the engine heard it.';

create table job_pace (
    job_id bigint primary key,
    at timestamptz not null,
    per_second double precision,
    low double precision not null,
    high double precision
) with (fillfactor = 70);
comment on table job_pace is 'How fast a running job goes; the row goes when the job ends.';
comment on column job_pace.job_id is 'The job.';
comment on column job_pace.at is 'When this was estimated.';
comment on column job_pace.per_second is 'Tasks that ended in a second lately; null for a job of one task.';
comment on column job_pace.low is 'Seconds to the end, at the least.';
comment on column job_pace.high is 'Seconds to the end, at the most; null: it cannot be told.';
