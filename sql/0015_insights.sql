-- SPDX-License-Identifier: Apache-2.0
-- What plots are made of: figures by steps of five minutes that the engine adds up while it works. And where sites are.

create table insights (
    what text not null,
    at timestamptz not null,
    site_id integer not null,
    n bigint not null,
    primary key (what, at, site_id)
) with (fillfactor = 70);
comment on table insights is 'Figures of the grid in steps of five minutes, for plots; kept for 14 days. Hints: what a crash of the engine takes is the last seconds.';
comment on column insights.what is 'ready, running (tasks, as of the last look); succeeded, failed, cancelled (attempts that ended so); cpus, used (of a site, as of the last look); moved (bytes that arrived); wait:K, launch:K (starts that took at most 0.1 s times two to the power of K); end:OUTCOME (failures).';
comment on column insights.at is 'Beginning of the step.';
comment on column insights.site_id is 'The site; 0: the whole grid. Not a reference: the history of a removed site stays for a while.';
comment on column insights.n is 'How many.';
create index insights_age on insights using brin (at);
comment on index insights_age is 'store_insights_add: what is out of keeping.';

alter table sites add column place json;
comment on column sites.place is 'Where it is, for the map: {"latitude","longitude","name"} in degrees; null: not said.';
