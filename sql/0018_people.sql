-- SPDX-License-Identifier: Apache-2.0
-- People: passwords, roles in projects and at sites, limited tokens, one-time links, and whose an audit row is.

alter table users add column password text, add column password_at timestamptz;
comment on column users.password is 'Argon2id string of libsodium; null: the user has none.';
comment on column users.password_at is 'When it was set.';

create table user_identities (
    issuer text not null,
    subject text not null,
    user_id integer not null references users,
    made_at timestamptz not null default now(),
    primary key (issuer, subject)
);
comment on table user_identities is 'Who a user is at an OpenID provider.';
comment on column user_identities.issuer is 'The provider, as its tokens name it.';
comment on column user_identities.subject is 'The provider''s unchanging name of the person.';
comment on column user_identities.user_id is 'The user.';
comment on column user_identities.made_at is 'When the person first came.';

alter table project_members
    add column role text not null default 'submitter' check (role in ('viewer', 'submitter', 'admin')),
    add column max_live integer check (max_live > 0),
    add column added_by text,
    add column added_at timestamptz not null default now();
comment on column project_members.role is 'viewer sees, submitter also submits and changes, admin also keeps members, invitations and tokens.';
comment on column project_members.max_live is 'Tasks of the user in the project that have not ended, checked at submit; null is no limit.';
comment on column project_members.added_by is 'Who added the user; null: not known.';
comment on column project_members.added_at is 'When.';
create index project_members_user on project_members (user_id);
comment on index project_members_user is 'store_auth_projects: the projects of one user.';

alter table projects add column max_live integer check (max_live > 0);
comment on column projects.max_live is 'Tasks that have not ended, checked at submit; null is no limit.';

create table site_admins (
    site_id integer not null references sites,
    user_id integer not null references users,
    added_by text not null,
    added_at timestamptz not null default now(),
    primary key (site_id, user_id)
);
comment on table site_admins is 'Who governs which site. Admins govern all.';
comment on column site_admins.site_id is 'The site.';
comment on column site_admins.user_id is 'The user.';
comment on column site_admins.added_by is 'Who named the user.';
comment on column site_admins.added_at is 'When.';
create index site_admins_user on site_admins (user_id);
comment on index site_admins_user is 'store_auth_sites: the sites of one user.';

alter table tokens add column scopes text[], add column project_id integer references projects;
comment on column tokens.scopes is 'The only scopes of routes it may use; null is all.';
comment on column tokens.project_id is 'The only project it sees; null is all of its user''s.';
create index tokens_project on tokens (project_id) where project_id is not null;
comment on index tokens_project is 'store_tokens_list: the tokens of one project.';

alter table sessions add column id bigserial, add column address text, add column agent text;
comment on column sessions.id is 'Number to end it by.';
comment on column sessions.address is 'Where the login came from; null: not known.';
comment on column sessions.agent is 'What the browser said it is.';
create unique index sessions_id on sessions (id);
comment on index sessions_id is 'store_session_revoke: end one by number.';
create index sessions_user on sessions (user_id);
comment on index sessions_user is 'store_sessions_list: the sessions of one user.';

create table invitations (
    id serial primary key,
    hash bytea not null unique,
    kind text not null check (kind in ('invite', 'reset', 'setup')),
    user_id integer references users,
    role text check (role in ('viewer', 'submitter', 'admin')),
    project_id integer references projects,
    project_role text check (project_role in ('viewer', 'submitter', 'admin')),
    note text,
    made_by text not null,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    used_by integer references users,
    check ((kind = 'reset') = (user_id is not null)),
    check ((project_id is null) = (project_role is null))
);
comment on table invitations is 'One-time links: to become a user, to set a new password, to be the first person.';
comment on column invitations.id is 'Number of the link.';
comment on column invitations.hash is 'SHA-256 of its code.';
comment on column invitations.kind is 'invite: somebody new. reset: a new password for user_id. setup: the first person, an admin.';
comment on column invitations.user_id is 'Whose password it sets.';
comment on column invitations.role is 'Role of who comes.';
comment on column invitations.project_id is 'Project that who comes joins; null is none.';
comment on column invitations.project_role is 'Role in that project.';
comment on column invitations.note is 'For whom, as its maker wrote it.';
comment on column invitations.made_by is 'Who made it.';
comment on column invitations.made_at is 'When.';
comment on column invitations.expires_at is 'Until when it may be used.';
comment on column invitations.used_at is 'When it was used or revoked; null: it waits.';
comment on column invitations.used_by is 'Who used it; null with used_at: it was revoked.';
create index invitations_project on invitations (project_id) where project_id is not null;
comment on index invitations_project is 'store_invitations_list: those of one project.';

alter table audit add column form smallint not null default 1, add column project text, add column site text;
comment on column audit.form is 'How the hash is made: 1 columns joined, without project and site; 2 a JSON array of them all.';
comment on column audit.project is 'Name of the project it is about; null: none.';
comment on column audit.site is 'Name of the site it is about; null: none.';
comment on column audit.hash is 'SHA-256 over the previous hash and the columns of this row: reeve_audit_hash.';
create index audit_actor on audit (actor, seq);
comment on index audit_actor is 'store_audit_list: what one did.';
create index audit_project on audit (project, seq) where project is not null;
comment on index audit_project is 'store_audit_list: about one project.';
create index audit_site on audit (site, seq) where site is not null;
comment on index audit_site is 'store_audit_list: about one site.';

create function reeve_audit_hash(before bytea, a audit) returns bytea language sql stable as $$
    select sha256(coalesce(before, ''::bytea) || convert_to(case a.form
        when 1 then concat_ws(E'\x1f', a.seq, extract(epoch from a.at), a.actor, a.action, a.object, a.detail)
        else jsonb_build_array(a.form, a.seq, extract(epoch from a.at), a.actor, a.action, a.object, a.detail, a.project, a.site)::text
        end, 'UTF8'))
$$;
comment on function reeve_audit_hash(bytea, audit) is 'The hash that a row has to have after the one with hash `before`.';

drop function audit_add(text, text, text, text);
create function audit_add(who text, what text, which text, more text, of_project text, of_site text) returns void language plpgsql as $$
declare
    last record;
    fresh audit;
begin
    perform pg_advisory_xact_lock(hashtext('reeve audit'));
    select seq, hash into last from audit order by seq desc limit 1;
    fresh.seq := coalesce(last.seq, 0) + 1;
    fresh.at := clock_timestamp();
    fresh.actor := who;
    fresh.action := what;
    fresh.object := which;
    fresh.detail := more;
    fresh.form := 2;
    fresh.project := of_project;
    fresh.site := of_site;
    fresh.hash := reeve_audit_hash(last.hash, fresh);
    insert into audit select fresh.*;
end $$;
comment on function audit_add(text, text, text, text, text, text) is 'Append to the audit chain: actor, action, object, detail, project, site.';

