-- SPDX-License-Identifier: Apache-2.0
-- Reasons to wait for data: on its way, forbidden, without room.

alter table job_queue drop constraint job_queue_wait_check;
alter table job_queue add constraint job_queue_wait_check check (wait in ('none', 'new', 'held', 'after', 'input_pending', 'input_nowhere', 'staging', 'policy', 'no_space',
    'backoff', 'throttle', 'project_limit', 'site_limit', 'no_site', 'too_large', 'closed', 'down', 'disk_full', 'busy', 'priority'));
