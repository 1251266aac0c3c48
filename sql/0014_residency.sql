-- SPDX-License-Identifier: Apache-2.0
-- Policies that hold whatever happens at the same time: a transfer begins and a place joins under a lock that the change
-- of a policy or of a site's labels waits for; what transfers left behind where data may not be any more is deleted;
-- the engine's refusals stand in the audit, each once.

create function reeve_may_be_at(dataset bigint, site integer) returns boolean language plpgsql as $$
begin
    -- Whoever changes the one or the other has its row locked while he looks for what would break the policy.
    perform from datasets d where d.id = dataset for share;
    perform from sites s where s.id = site for share;
    return (select coalesce(site = any (reeve_allowed_sites(d.policy_sites, d.policy_labels)), true) from datasets d
        where d.id = dataset);
end $$;
comment on function reeve_may_be_at(bigint, integer) is 'May the dataset be at the site? True until the transaction ends; null: there is no such dataset.';

create function reeve_place(dataset_name text, site integer) returns void language plpgsql as $$
begin
    if exists (select from datasets d where d.name = dataset_name and not reeve_may_be_at(d.id, site)) then
        raise exception 'the policy of the dataset does not allow it there' using errcode = 'RV002';
    end if;
end $$;
comment on function reeve_place(text, integer) is 'First of a transaction that registers a dataset at a site: refused when its policy does not allow it.';

alter table transfers add column parts boolean not null default true;
comment on column transfers.parts is 'Of one that ended without success: what it moved may still lie at its destination.';
create index transfers_parts on transfers (dataset_id) where state in ('failed', 'cancelled') and parts;
comment on index transfers_parts is 'store_sweep_parts: what transfers may have left behind.';

create unique index audit_engine on audit (object, action) where actor = 'reeve';
comment on index audit_engine is 'commit_refusals: what the engine refused, each once.';
