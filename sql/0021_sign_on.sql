-- SPDX-License-Identifier: Apache-2.0
-- Single sign-on: who is at the provider now, what the provider's groups gave, and what each end says of a link.

create table oidc_flows (
    state bytea primary key,
    browser bytea not null,
    nonce text not null,
    verifier text not null,
    return_to text not null,
    user_id integer references users,
    invitation_id integer references invitations,
    address text not null,
    expires_at timestamptz not null
);
comment on table oidc_flows is 'Sign-ins whose person is at the OpenID provider now; each is used once.';
comment on column oidc_flows.state is 'SHA-256 of the value that comes back with the code.';
comment on column oidc_flows.browser is 'SHA-256 of the cookie of the browser in which it began.';
comment on column oidc_flows.nonce is 'What the token that comes has to hold.';
comment on column oidc_flows.verifier is 'What the code is exchanged with (PKCE).';
comment on column oidc_flows.return_to is 'Path of ours that the browser is sent to at the end.';
comment on column oidc_flows.user_id is 'Whose account the identity is linked to; null: somebody signs in.';
comment on column oidc_flows.invitation_id is 'By which somebody new may become a user; null: none.';
comment on column oidc_flows.address is 'Where it began.';
comment on column oidc_flows.expires_at is 'Until when it may be used.';
create index oidc_flows_expires on oidc_flows (expires_at);
comment on index oidc_flows_expires is 'store_flow_add: removes those that are over.';
create index oidc_flows_address on oidc_flows (address);
comment on index oidc_flows_address is 'store_flow_add: how many one address has begun.';

alter table user_identities add column id serial, add column used_at timestamptz;
comment on column user_identities.id is 'Number to take it away by.';
comment on column user_identities.used_at is 'When the person last came by it; null: only linked.';
create unique index user_identities_user on user_identities (user_id, id);
comment on index user_identities_user is 'store_identities_list, store_identity_remove: those of one user.';

alter table users add column role_by_groups boolean not null default false;
comment on column users.role_by_groups is 'The provider''s groups say what the role is; no person has.';
alter table project_members add column by_groups boolean not null default false;
comment on column project_members.by_groups is 'The provider''s groups gave it, and take it away; no person has changed it.';

alter table links
    add column from_budget double precision check (from_budget > 0),
    add column from_max_active integer check (from_max_active > 0),
    add column to_budget double precision check (to_budget > 0),
    add column to_max_active integer check (to_max_active > 0);
comment on column links.from_budget is 'Bytes per second at most, as the source says; null: it says nothing.';
comment on column links.from_max_active is 'Transfers at once at most, as the source says; null: it says nothing.';
comment on column links.to_budget is 'Bytes per second at most, as the destination says; null: it says nothing.';
comment on column links.to_max_active is 'Transfers at once at most, as the destination says; null: it says nothing.';
