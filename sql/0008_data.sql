-- SPDX-License-Identifier: Apache-2.0
-- Data that moves: what sites give for copies, where a dataset may be, copies and their use, transfers of whole
-- datasets, and what is known of the links between sites.

-- Sites ---------------------------------------------------------------------------------------------------

alter table sites
    add column labels text[] not null default '{}' check (cardinality(labels) <= 64),
    add column data_accept boolean not null default true,
    add column data_quota bigint check (data_quota >= 0);
comment on column sites.labels is 'What policies of datasets ask for: "eu", "hospital". Given by its admin.';
comment on column sites.data_accept is 'Copies of data may be brought there.';
comment on column sites.data_quota is 'Bytes that copies may take there; null: a fifth of what would be free without them.';
drop trigger world_changed on sites;
create trigger world_changed after insert or delete or update of intent, alarm, max_tasks, speed, all_projects, name, removed_at, labels, data_accept, data_quota on sites
    for each statement execute function reeve_world_changed();

create table site_storage (
    site_id integer primary key references sites,
    quota bigint not null,
    used bigint not null,
    evictable bigint not null,
    at timestamptz not null default now()
);
comment on table site_storage is 'What copies take at a site, as the engine last counted.';
comment on column site_storage.site_id is 'The site.';
comment on column site_storage.quota is 'Bytes that copies may take, the quota of its admin or what follows from its disk.';
comment on column site_storage.used is 'Bytes that they take.';
comment on column site_storage.evictable is 'Of those, bytes that may go: not pinned, not needed by a live job, not the last copy.';
comment on column site_storage.at is 'When it was counted.';

-- Datasets ------------------------------------------------------------------------------------------------

alter table datasets
    add column policy_sites text[] not null default '{}' check (cardinality(policy_sites) <= 256),
    add column policy_labels text[] not null default '{}' check (cardinality(policy_labels) <= 64),
    add column policy_by text;
comment on column datasets.policy_sites is 'Names of the sites where it may be; empty: any.';
comment on column datasets.policy_labels is 'Labels that a site must have, all of them, to hold it or to run what reads it.';
comment on column datasets.policy_by is 'Who set the policy; null: there is none.';
create trigger world_changed after update of policy_sites, policy_labels on datasets for each statement execute function reeve_world_changed();

create function reeve_allowed_sites(policy_sites text[], policy_labels text[]) returns integer[] language sql stable as $$
    select case when cardinality(policy_sites) = 0 and cardinality(policy_labels) = 0 then null
        else coalesce((select array_agg(s.id order by s.id) from sites s where s.removed_at is null
            and (cardinality(policy_sites) = 0 or s.name = any (policy_sites)) and s.labels @> policy_labels), '{}') end
$$;
comment on function reeve_allowed_sites(text[], text[]) is 'Numbers of the sites that a policy allows; null: it allows any.';

alter table dataset_sites
    add column copy boolean not null default false,
    add column suspect boolean not null default false,
    add column used_at timestamptz not null default now(),
    add column pinned_by text,
    add column pinned_at timestamptz;
comment on column dataset_sites.copy is 'Made by a transfer: Reeve may evict it. False: it was registered, or made by a job.';
comment on column dataset_sites.suspect is 'A task could not read it, or its checksum was wrong: it is not used until it was verified or brought anew.';
comment on column dataset_sites.used_at is 'When a task was last placed that reads it, or it was made.';
comment on column dataset_sites.pinned_by is 'Who asked that it stays; null: nobody.';
comment on column dataset_sites.pinned_at is 'When.';
create index dataset_sites_copies on dataset_sites (site_id) where copy;
comment on index dataset_sites_copies is 'store_storage, store_evictable: the copies at a site.';

create table evictions (
    site_id integer not null references sites,
    dataset_id bigint not null,
    directory text not null,
    at timestamptz not null default now(),
    primary key (site_id, directory)
);
comment on table evictions is 'Directories of copies that left the catalog and are to be deleted at their site; the row goes when that was done.';
comment on column evictions.site_id is 'The site.';
comment on column evictions.dataset_id is 'The dataset it was a copy of.';
comment on column evictions.directory is 'Below the data directory of the site''s workers.';
comment on column evictions.at is 'When it left the catalog.';

-- Transfers -----------------------------------------------------------------------------------------------

alter table transfers
    drop column path,
    alter column from_site drop not null,
    add column why text not null default 'job' check (why in ('job', 'copy', 'person')),
    add column asked_by text,
    add column priority integer not null default 0,
    add column files integer not null default 0,
    add column total bigint not null default 0,
    add column tries integer not null default 0,
    add column not_before timestamptz,
    add column started_at timestamptz,
    add column ended_at timestamptz,
    add column way text check (way in ('local', 'direct', 'relay')),
    add column rate double precision,
    add column message text;
comment on table transfers is 'Movements of datasets between sites: what of one is missing at one site.';
comment on column transfers.from_site is 'Source; null while none is chosen.';
comment on column transfers.why is 'Tasks wait for it, a copy ahead of demand, or a person asked.';
comment on column transfers.asked_by is 'Who asked, of why person.';
comment on column transfers.priority is 'Of the first job that wants it.';
comment on column transfers.files is 'Files to be moved.';
comment on column transfers.total is 'Bytes to be moved.';
comment on column transfers.tries is 'Failed tries.';
comment on column transfers.not_before is 'Pause after a failed try.';
comment on column transfers.started_at is 'When its present or last try began.';
comment on column transfers.ended_at is 'When it ended.';
comment on column transfers.way is 'How the bytes go: straight from site to site, or relayed by two connections of the scheduler.';
comment on column transfers.rate is 'Bytes per second: of the last seconds, or of the whole once it ended.';
comment on column transfers.message is 'What went wrong, or why not a better way.';
drop index transfers_dataset;
create index transfers_dataset on transfers (dataset_id, id);
comment on index transfers_dataset is 'reeve_forget_datasets, store_transfers_list: the transfers of a dataset.';
create unique index transfers_open on transfers (dataset_id, to_site) where state in ('queued', 'active', 'verifying');
comment on index transfers_open is 'store_load_transfers; and one open transfer at most moves a dataset to a site.';

create table links (
    from_site integer not null references sites,
    to_site integer not null references sites,
    rate double precision not null,
    latency double precision not null,
    weight double precision not null,
    learned_at timestamptz not null default now(),
    budget double precision check (budget > 0),
    max_active integer check (max_active > 0),
    direct boolean not null default false,
    transfers bigint not null default 0,
    bytes bigint not null default 0,
    primary key (from_site, to_site)
);
comment on table links is 'Directed pairs of sites: what transfers taught about them.';
comment on column links.from_site is 'Source.';
comment on column links.to_site is 'Destination.';
comment on column links.rate is 'Bytes per second, learned.';
comment on column links.latency is 'Seconds to begin a transfer, learned.';
comment on column links.weight is 'Samples that count in it, as of learned_at; they age.';
comment on column links.learned_at is 'When the last sample came.';
comment on column links.budget is 'Bytes per second that admins allow; null: no limit.';
comment on column links.max_active is 'Transfers at once; null: as usual.';
comment on column links.direct is 'Admins of the source allow keys of short life, so that the destination fetches without relay.';
comment on column links.transfers is 'Transfers that ended well.';
comment on column links.bytes is 'Bytes they moved.';
-- Not when the engine writes what it learned.
create trigger world_changed after delete or update of budget, max_active, direct on links for each statement execute function reeve_world_changed();
create trigger world_changed_new after insert on links for each row
    when (new.budget is not null or new.max_active is not null or new.direct) execute function reeve_world_changed();
