-- SPDX-License-Identifier: Apache-2.0
-- What people want to hear of, and what they were told.

create table subscriptions (
    id bigserial primary key,
    user_id integer not null references users,
    name text not null,
    way text not null check (way in ('page', 'webhook', 'mail')),
    target text,
    secret text,
    code_hash bytea,
    confirmed_at timestamptz,
    kinds text[] not null,
    mine boolean not null,
    project_id integer references projects,
    job_id bigint,
    site_id integer references sites,
    paused_at timestamptz,
    paused_why text,
    given_up integer not null default 0,
    last_due_at timestamptz,
    last_sent_at timestamptz,
    created_at timestamptz not null default now()
);
comment on table subscriptions is 'What a user wants to hear of, and how.';
comment on column subscriptions.id is 'Its number.';
comment on column subscriptions.user_id is 'Whose it is.';
comment on column subscriptions.name is 'What its owner calls it.';
comment on column subscriptions.way is 'page: shown in the dashboard; webhook: posted to a URL; mail: sent to an address.';
comment on column subscriptions.target is 'URL or address; null for the page.';
comment on column subscriptions.secret is 'Key that signs what a webhook is sent: whoever has it can pretend to be this server to that receiver, and nothing else.';
comment on column subscriptions.code_hash is 'SHA-256 of the code that was mailed to confirm the address.';
comment on column subscriptions.confirmed_at is 'When the address was found to read mail; other ways need no confirmation and have the time of their making.';
comment on column subscriptions.kinds is 'Which events, in the words of web/notice.h.';
comment on column subscriptions.mine is 'Of jobs only those that the user submitted.';
comment on column subscriptions.project_id is 'Only jobs of this project; null: any.';
comment on column subscriptions.job_id is 'Only this job; null: any.';
comment on column subscriptions.site_id is 'Only this site; null: any.';
comment on column subscriptions.paused_at is 'Since when nothing is told; null: it is told.';
comment on column subscriptions.paused_why is 'Why.';
comment on column subscriptions.given_up is 'Deliveries in a row that were given up.';
comment on column subscriptions.last_due_at is 'When the newest notice was, or is, to be sent: the next one keeps its distance.';
comment on column subscriptions.last_sent_at is 'When something was sent with success.';
comment on column subscriptions.created_at is 'When it was made.';
create index subscriptions_user on subscriptions (user_id, id);
comment on index subscriptions_user is 'store_subscriptions_list.';

create table notices (
    id bigserial primary key,
    subscription_id bigint references subscriptions on delete set null,
    user_id integer not null,
    what text not null check (what in ('events', 'test', 'code')),
    state text not null check (state in ('waiting', 'sent', 'failed')),
    sentence text not null,
    counts jsonb not null,
    events jsonb not null,
    made_at timestamptz not null default now(),
    due_at timestamptz not null,
    tries integer not null default 0,
    sent_at timestamptz,
    message text,
    read_at timestamptz
);
comment on table notices is 'What was told, or is to be; one row tells of all that happened within a short while.';
comment on column notices.id is 'Its number.';
comment on column notices.subscription_id is 'By which subscription; null: it was removed, and nothing more is sent.';
comment on column notices.user_id is 'To whom.';
comment on column notices.what is 'events; test: somebody asked for it; code: confirms an address.';
comment on column notices.state is 'waiting: to be sent, or tried again; sent (also: to be seen on the page); failed: given up.';
comment on column notices.sentence is 'All of it in one sentence. Of what = code: the code, until it is sent.';
comment on column notices.counts is 'Events by kind.';
comment on column notices.events is 'The first of them.';
comment on column notices.made_at is 'When the first of it happened.';
comment on column notices.due_at is 'When it is to be sent, or tried again. Until then and before the first try more events may join it.';
comment on column notices.tries is 'How often it was tried.';
comment on column notices.sent_at is 'When it was sent.';
comment on column notices.message is 'What was wrong at the last try.';
comment on column notices.read_at is 'When its reader had seen it on the page.';
create index notices_due on notices (due_at) where state = 'waiting';
comment on index notices_due is 'store_notices_due.';
create index notices_subscription on notices (subscription_id, id);
comment on index notices_subscription is 'store_notice_open, store_deliveries_list, and removing a subscription.';
create index notices_user on notices (user_id, id);
comment on index notices_user is 'store_notices_list.';

-- Everybody begins with the page telling of his own jobs' ends, however the account came to be.
create function subscription_first() returns trigger language plpgsql as $$
begin
    insert into subscriptions (user_id, name, way, kinds, mine, confirmed_at)
    values (new.id, 'my jobs', 'page', array['job.succeeded', 'job.failed'], true, now());
    return null;
end
$$;
comment on function subscription_first() is 'The subscription that a new user begins with.';
create trigger users_subscription after insert on users for each row execute function subscription_first();
insert into subscriptions (user_id, name, way, kinds, mine, confirmed_at)
select id, 'my jobs', 'page', array['job.succeeded', 'job.failed'], true, now() from users order by id;
