-- SPDX-License-Identifier: Apache-2.0
-- Which jobs were at a site, and two more figures for plots.

create index decisions_site on decisions (site_id, job_id);
comment on index decisions_site is 'store_jobs_list and others that narrow jobs by site: the jobs of which something was sent there, by number.';

comment on column insights.what is 'looks (how often the engine looked); ready, running (tasks, summed over the looks); succeeded, failed, cancelled (attempts that ended so); cpus, used (of a site, summed over the looks); moved (bytes that arrived); read (bytes of inputs that lay there for tasks that started); passes (that changed something), pass_us (their microseconds); wait:K, launch:K (starts that took at most 0.1 s times two to the power of K); end:OUTCOME (failures).';
