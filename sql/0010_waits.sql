-- SPDX-License-Identifier: Apache-2.0
-- What a job waits for stands with it, as a word; the particulars are the engine's to tell. A job may wait for a moment to come.

alter table job_queue drop column wait_detail;
alter table job_queue drop constraint job_queue_wait_check;
alter table job_queue add constraint job_queue_wait_check check (wait in ('none', 'new', 'held', 'not_yet', 'after', 'input_pending', 'input_nowhere', 'staging', 'policy',
    'no_space', 'backoff', 'throttle', 'project_limit', 'site_limit', 'no_site', 'too_large', 'closed', 'down', 'disk_full', 'busy', 'priority'));
comment on table job_waits is 'What a job waited for before it came to wait for what stands in job_queue, one row for each reason that held for some seconds; a bounded number for each job.';
comment on column job_waits.reason is 'A wait reason that held once; none: nothing of it waited.';
