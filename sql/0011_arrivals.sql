-- SPDX-License-Identifier: Apache-2.0
-- Data that comes in: files that people send, list or let a site fetch; versions of a dataset; what admins say about
-- links and about where files may be fetched from.

-- Versions ------------------------------------------------------------------------------------------------

alter table datasets
    add column base text generated always as (split_part(split_part(name, '#', 1), '@', 1)) stored,
    add column version integer generated always as
        (coalesce(nullif(split_part(split_part(name, '#', 1), '@', 2), '')::integer, 1)) stored;
comment on column datasets.name is 'Name, [a-z0-9][a-z0-9._-]{0,63}, and @ with its version where there are several; a job''s outputs are job-<id> unless it names them.';
comment on column datasets.base is 'Its name without the version.';
comment on column datasets.version is 'Its version, from 1.';
create unique index datasets_version on datasets (base, version) where removed_at is null;
comment on index datasets_version is 'reeve_dataset; and a version is there once.';

create function reeve_dataset(want text) returns bigint language sql stable as $$
    select d.id from datasets d where d.removed_at is null and d.base = split_part(want, '@', 1)
        and (position('@' in want) = 0 or d.version::text = split_part(want, '@', 2))
        order by d.sealed_at is not null desc, d.version desc limit 1
$$;
comment on function reeve_dataset(text) is 'The dataset that a name stands for: reads@2 that version, reads the newest sealed one, else the newest; null: there is none.';

-- Files that come in -----------------------------------------------------------------------------------------

create table arrivals (
    dataset_id bigint primary key references datasets on delete cascade,
    kind text not null check (kind in ('upload', 'import', 'fetch')),
    state text not null default 'filling' check (state in ('filling', 'waiting', 'moving', 'failed')),
    site_id integer references sites,
    root text check (octet_length(root) between 1 and 1024),
    files integer not null default 0,
    bytes bigint not null default 0,
    received_files integer not null default 0,
    received_bytes bigint not null default 0,
    moved_bytes bigint not null default 0,
    transfer_id bigint,
    tries integer not null default 0,
    not_before timestamptz,
    message text,
    since timestamptz not null default now(),
    touched_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table arrivals is 'Open datasets whose files people send, list, or let a site fetch; the row goes when the dataset is sealed.';
comment on column arrivals.dataset_id is 'The dataset.';
comment on column arrivals.kind is 'upload: sent to the server, then moved to a site; import: they lie at a site and are only listed; fetch: a site fetches them by HTTP.';
comment on column arrivals.state is 'filling: files are named and sent; waiting: all are there, for a site; moving: on their way to it; failed: it cannot be done.';
comment on column arrivals.site_id is 'The site they are for, as asked or as chosen when they were moved; null: none is chosen.';
comment on column arrivals.root is 'Of an import: the absolute path there that its paths are below.';
comment on column arrivals.files is 'Files that were named.';
comment on column arrivals.bytes is 'Their bytes, as far as they are known.';
comment on column arrivals.received_files is 'Of an upload: files that are whole at the server.';
comment on column arrivals.received_bytes is 'Of an upload: bytes that are.';
comment on column arrivals.moved_bytes is 'Bytes that are at the site.';
comment on column arrivals.transfer_id is 'The transfer that moves them; null: none yet.';
comment on column arrivals.tries is 'Failed tries to move them.';
comment on column arrivals.not_before is 'Pause after a failed try.';
comment on column arrivals.message is 'What went wrong last.';
comment on column arrivals.since is 'Since when it is in its state.';
comment on column arrivals.touched_at is 'When somebody last named or sent a file; what is not touched for long is removed.';

create table arrival_files (
    dataset_id bigint not null references arrivals on delete cascade,
    path text not null check (octet_length(path) between 1 and 1024),
    url text check (octet_length(url) between 8 and 4096),
    size bigint check (size >= 0),
    sha256 bytea check (octet_length(sha256) = 32),
    received bigint not null default 0,
    complete boolean not null default false,
    primary key (dataset_id, path)
) with (fillfactor = 80);
comment on table arrival_files is 'Files of arrivals that are not at their site yet. Those of an import are in the catalog at once.';
comment on column arrival_files.dataset_id is 'The arrival.';
comment on column arrival_files.path is 'Path within the dataset, as in files.';
comment on column arrival_files.url is 'Of a fetch: where from.';
comment on column arrival_files.size is 'Bytes; null: not known (fetch only).';
comment on column arrival_files.sha256 is 'Checksum as said, or as computed when it came; null: not known.';
comment on column arrival_files.received is 'Of an upload: bytes at the server.';
comment on column arrival_files.complete is 'Of an upload: it is whole at the server.';

alter table transfers drop constraint transfers_why_check;
alter table transfers add constraint transfers_why_check check (why in ('job', 'copy', 'person', 'upload', 'fetch'));
comment on column transfers.why is 'Tasks wait for it, a copy ahead of demand, a person asked; or files that a person sent, or wanted fetched, go to their site (the arrival tells more).';

alter table dataset_sites alter column checked_at drop not null;
comment on column dataset_sites.checked_at is 'When they were last verified; null: never, they were listed.';

-- What admins say ----------------------------------------------------------------------------------------------

create table url_prefixes (
    id serial primary key,
    prefix text not null check (octet_length(prefix) between 8 and 1024),
    site_id integer references sites,
    private boolean not null default false,
    redirects text[] not null default '{}' check (cardinality(redirects) <= 16),
    made_by text not null,
    made_at timestamptz not null default now()
);
comment on table url_prefixes is 'From where files may be fetched by HTTP.';
comment on column url_prefixes.id is 'Number of the rule.';
comment on column url_prefixes.prefix is 'What a URL has to begin with: http:// or https://, host, maybe port, and a path that ends with a slash.';
comment on column url_prefixes.site_id is 'The site that may; null: any.';
comment on column url_prefixes.private is 'Also when its host has a private or local address.';
comment on column url_prefixes.redirects is 'Prefixes that it may lead on to, besides itself.';
comment on column url_prefixes.made_by is 'Who allowed it.';
comment on column url_prefixes.made_at is 'When.';

alter table sites
    add column data_egress double precision check (data_egress > 0),
    add column data_ingress double precision check (data_ingress > 0);
comment on column sites.data_egress is 'Bytes per second that all transfers out of it may take together; null: no limit.';
comment on column sites.data_ingress is 'Bytes per second that all transfers into it may take together; null: no limit.';
drop trigger world_changed on sites;
create trigger world_changed after insert or delete or update of intent, alarm, max_tasks, speed, all_projects, name, removed_at, labels, data_accept, data_quota, data_egress, data_ingress on sites
    for each statement execute function reeve_world_changed();

-- Lineage ------------------------------------------------------------------------------------------------------

drop index job_inputs_dataset;
create index job_inputs_dataset on job_inputs (dataset_id, job_id);
comment on index job_inputs_dataset is 'store_dataset_history, store_lineage: who uses a dataset, newest first; who reads it now.';
