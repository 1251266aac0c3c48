-- SPDX-License-Identifier: Apache-2.0
-- What the engine learned of run times, so that the next leadership need not learn it again.

create table learned (
    what text not null check (what in ('kind', 'shape', 'project')),
    key bigint not null,
    site_id integer not null default 0,
    run_ms double precision not null,
    ended bigint not null,
    early integer not null default 0,
    at timestamptz not null default now(),
    primary key (what, key, site_id)
);
comment on table learned is 'Run times as the engine learned them; old rows go.';
comment on column learned.what is 'Of a kind of work, of jobs that are alike in all that placement looks at, or of a project.';
comment on column learned.key is 'Which one: a fingerprint, or the number of the project.';
comment on column learned.site_id is 'Of a shape: at this site; 0: at all of them.';
comment on column learned.run_ms is 'Milliseconds at speed 1, smoothed.';
comment on column learned.ended is 'Tasks that ended well and taught it.';
comment on column learned.early is 'Early failures there since the last end well.';
comment on column learned.at is 'When it was written.';
create index learned_at on learned (at);
comment on index learned_at is 'store_load_learned, upkeep_learned: the newest and the oldest.';
