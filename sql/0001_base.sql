-- SPDX-License-Identifier: Apache-2.0
-- Reeve's record. Forward only; applied in one transaction by scheduler/store/migrate.c.
--
-- Shapes to know before reading on:
--   * A job is one row whatever its size. jobs holds what never changes and how it ended; job_queue holds the
--     moving part of every live job and loses the row when the job ends, so history costs the queue nothing.
--   * A task has no row of its own. It is below the cursor (job_queue.next_task), or in task_queue (to be run again,
--     or released element by element), or has a live attempt, or has ended, which its attempts tell.
--   * attempts_live holds open attempts, at most one per task by primary key. An attempt that ends moves to attempts,
--     which is partitioned by day and only appended to.
--   * Every transaction of the engine starts with reeve_fence(epoch): it locks the leader row against a change of leadership
--     until the end of the transaction, and fails when the epoch is not the current one.

create table settings (
    name text primary key,
    value text not null
);
comment on table settings is 'Facts about this installation, written once: instance (uuid), seal_key (hex X25519 public key for site keys).';
comment on column settings.name is 'Name of the fact.';
comment on column settings.value is 'Its value as text.';

create table leader (
    one boolean primary key default true check (one),
    epoch bigint not null,
    holder text not null,
    since timestamptz not null,
    lease_until timestamptz not null
);
comment on table leader is 'The one row that says which engine may write scheduling state.';
comment on column leader.one is 'Always true: there is one row.';
comment on column leader.epoch is 'Number of this leadership; every write and every command to a worker carries it.';
comment on column leader.holder is 'Who leads: host name, process id and a random word.';
comment on column leader.since is 'When this leadership began.';
comment on column leader.lease_until is 'Until when a standby must wait before it takes over from a leader that is silent.';
insert into leader values (true, 0, 'nobody', now(), now());

create function reeve_fence(want bigint) returns void language plpgsql as $$
declare
    have bigint;
begin
    select epoch into have from leader for share;
    if have is distinct from want then
        raise exception 'fenced: epoch % is not the current epoch %', want, have using errcode = 'RV001';
    end if;
end $$;
comment on function reeve_fence(bigint) is 'First statement of every engine transaction: refuse an older epoch (R4).';

create function reeve_expect(got bigint, want bigint, what text) returns void language plpgsql as $$
begin
    if got is distinct from want then
        raise exception '%: % rows are as expected, of %', what, got, want using errcode = 'RV002';
    end if;
end $$;
comment on function reeve_expect(bigint, bigint, text) is 'Guard of a batch: roll everything back when fewer rows matched than the engine believes.';

-- People -------------------------------------------------------------------------------------------------

create table users (
    id serial primary key,
    name text not null unique,
    role text not null check (role in ('viewer', 'submitter', 'admin')),
    created_at timestamptz not null default now(),
    disabled_at timestamptz
);
comment on table users is 'Who may speak to the API.';
comment on column users.id is 'Number of the user, never reused.';
comment on column users.name is 'Login name.';
comment on column users.role is 'viewer sees, submitter also submits in own projects, admin does everything.';
comment on column users.created_at is 'When the user was made.';
comment on column users.disabled_at is 'Since when the user may no longer log in.';

create table tokens (
    id serial primary key,
    user_id integer not null references users,
    name text not null,
    prefix text not null,
    hash bytea not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
comment on table tokens is 'API tokens. The token itself is shown once and never stored.';
comment on column tokens.id is 'Number of the token.';
comment on column tokens.user_id is 'Whose rights it carries.';
comment on column tokens.name is 'What its owner calls it.';
comment on column tokens.prefix is 'Its first characters, to recognize it by.';
comment on column tokens.hash is 'SHA-256 of the token.';
comment on column tokens.created_at is 'When it was made.';
comment on column tokens.expires_at is 'When it ends; null is never.';
comment on column tokens.last_used_at is 'Last use, to the minute.';
comment on column tokens.revoked_at is 'When somebody ended it.';
create index tokens_user on tokens (user_id);
comment on index tokens_user is 'store_tokens_list: the tokens of one user.';

create table sessions (
    hash bytea primary key,
    user_id integer not null references users,
    kind text not null check (kind in ('code', 'cookie')),
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table sessions is 'Browser logins: one-time codes of login links, and the cookies they are exchanged for.';
comment on column sessions.hash is 'SHA-256 of the code or cookie.';
comment on column sessions.user_id is 'Who is logged in.';
comment on column sessions.kind is 'code: exchanged once for a cookie. cookie: sent by the browser.';
comment on column sessions.created_at is 'When it was made.';
comment on column sessions.seen_at is 'Last use, to the minute.';
comment on column sessions.expires_at is 'When it ends at the latest.';
create index sessions_expiry on sessions (expires_at);
comment on index sessions_expiry is 'store_sessions_prune: what has expired.';

create table projects (
    id serial primary key,
    name text not null unique,
    share double precision not null default 1 check (share > 0),
    max_cpus integer check (max_cpus > 0),
    max_tasks integer check (max_tasks > 0),
    usage double precision not null default 0,
    usage_at timestamptz not null default now(),
    created_at timestamptz not null default now()
);
comment on table projects is 'Who shares quota, fair share, accounts and visibility.';
comment on column projects.id is 'Number of the project, never reused.';
comment on column projects.name is 'Name, [a-z0-9][a-z0-9._-]{0,63}.';
comment on column projects.share is 'Weight in fair share, relative to the other projects.';
comment on column projects.max_cpus is 'CPUs its attempts may hold at once over all sites; null is no limit.';
comment on column projects.max_tasks is 'Attempts it may have at once over all sites; null is no limit.';
comment on column projects.usage is 'CPU seconds used, halved every fair-share half-life, as of usage_at.';
comment on column projects.usage_at is 'When usage was last brought up to date.';
comment on column projects.created_at is 'When the project was made.';
insert into projects (name) values ('default');

create table project_members (
    project_id integer not null references projects,
    user_id integer not null references users,
    primary key (project_id, user_id)
);
comment on table project_members is 'Which users see and use which project. Admins see all.';
comment on column project_members.project_id is 'The project.';
comment on column project_members.user_id is 'The user.';

-- Sites --------------------------------------------------------------------------------------------------

create table sites (
    id serial primary key,
    name text not null unique,
    intent text not null default 'closed' check (intent in ('open', 'draining', 'closed')),
    intent_by text not null,
    intent_at timestamptz not null default now(),
    intent_why text,
    health text not null default 'unknown' check (health in ('unknown', 'up', 'suspect', 'down', 'probing')),
    health_at timestamptz not null default now(),
    health_text text,
    alarm text,
    max_tasks integer check (max_tasks > 0),
    speed double precision not null default 1 check (speed > 0),
    all_projects boolean not null default true,
    created_at timestamptz not null default now(),
    removed_at timestamptz
);
comment on table sites is 'Administrative domains reached over SSH.';
comment on column sites.id is 'Number of the site, never reused.';
comment on column sites.name is 'Name, [a-z0-9][a-z0-9._-]{0,63}; free again once the site is removed (the row keeps name#id).';
comment on column sites.intent is 'What its admin asked for.';
comment on column sites.intent_by is 'Who asked.';
comment on column sites.intent_at is 'When.';
comment on column sites.intent_why is 'Why, in the words of who asked or of the alarm.';
comment on column sites.health is 'What the engine sees.';
comment on column sites.health_at is 'Since when.';
comment on column sites.health_text is 'Why, as a sentence.';
comment on column sites.alarm is 'Set when a person must look: a changed host key. Cleared by pinning the new key or by an admin.';
comment on column sites.max_tasks is 'Attempts at once at the site; null is no limit.';
comment on column sites.speed is 'Speed relative to other sites; a run time is divided by it.';
comment on column sites.all_projects is 'True: every project may use the site. False: those in site_projects.';
comment on column sites.created_at is 'When it was registered.';
comment on column sites.removed_at is 'When it was removed; its history stays.';

create table site_projects (
    site_id integer not null references sites,
    project_id integer not null references projects,
    max_cpus integer check (max_cpus > 0),
    primary key (site_id, project_id)
);
comment on table site_projects is 'A site''s own rules for a project: may use it, and how much.';
comment on column site_projects.site_id is 'The site.';
comment on column site_projects.project_id is 'The project.';
comment on column site_projects.max_cpus is 'CPUs the project may hold there at once; null is no limit.';

create table hosts (
    id serial primary key,
    site_id integer not null references sites,
    address text not null,
    port integer not null check (port between 1 and 65535),
    jumps text[] not null default '{}',
    removed_at timestamptz
);
comment on table hosts is 'Machines of a site that Reeve logs in to.';
comment on column hosts.id is 'Number of the host.';
comment on column hosts.site_id is 'Its site.';
comment on column hosts.address is 'Host name or address.';
comment on column hosts.port is 'SSH port.';
comment on column hosts.jumps is 'Jump hosts to pass through, first one first, each user@host:port.';
comment on column hosts.removed_at is 'When it was taken out of the site.';

create table host_keys (
    host_id integer not null references hosts,
    hop integer not null,
    type text not null,
    key bytea not null,
    fingerprint text not null,
    pinned_by text,
    pinned_at timestamptz,
    seen_at timestamptz not null default now(),
    primary key (host_id, hop, key)
);
comment on table host_keys is 'Host keys seen, and those a person confirmed. Only pinned keys are accepted.';
comment on column host_keys.host_id is 'The host.';
comment on column host_keys.hop is 'Which machine on the way: 0 the first jump host, jumps + 0 the host itself.';
comment on column host_keys.type is 'ssh-ed25519, ecdsa-sha2-nistp256, ...';
comment on column host_keys.key is 'Public key in SSH wire format.';
comment on column host_keys.fingerprint is 'SHA256:... as OpenSSH prints it.';
comment on column host_keys.pinned_by is 'Who confirmed the fingerprint; null when nobody did.';
comment on column host_keys.pinned_at is 'When.';
comment on column host_keys.seen_at is 'When a probe saw it last.';

create table accounts (
    id serial primary key,
    site_id integer not null references sites,
    unix_user text not null,
    project_id integer references projects,
    root text,
    backend text not null default 'libssh2' check (backend in ('libssh2', 'openssh')),
    public_key text,
    sealed_key bytea,
    removed_at timestamptz
);
comment on table accounts is 'Unix accounts at a site that work runs under.';
comment on column accounts.id is 'Number of the account.';
comment on column accounts.site_id is 'Its site.';
comment on column accounts.unix_user is 'Login name at the site.';
comment on column accounts.project_id is 'The only project whose work runs under it; null: any project.';
comment on column accounts.root is 'Absolute directory of the worker at the site; null: ~/.reeve/<instance>.';
comment on column accounts.backend is 'Which SSH back end reaches it.';
comment on column accounts.public_key is 'The line for authorized_keys; null until the engine has made the key.';
comment on column accounts.sealed_key is 'Private key, sealed to the engine''s key (crypto_box_seal); null until there is one.';
comment on column accounts.removed_at is 'When it was taken out of the site.';

create table workers (
    id serial primary key,
    site_id integer not null references sites,
    host_id integer not null references hosts,
    account_id integer not null references accounts,
    offer_cpus integer check (offer_cpus > 0),
    offer_memory bigint check (offer_memory > 0),
    offer_gpus integer check (offer_gpus >= 0),
    offer_slots integer check (offer_slots > 0),
    offer_custom jsonb not null default '{}',
    link text not null default 'absent' check (link in ('absent', 'dialing', 'authenticating', 'bootstrapping', 'greeting', 'ready', 'closing')),
    link_text text,
    link_at timestamptz not null default now(),
    spool_id bytea,
    boot_id bytea,
    hostname text,
    machine text,
    root text,
    features text,
    cpus integer,
    memory bigint,
    disk_free bigint,
    disk_total bigint,
    memory_available bigint,
    load double precision,
    clock_skew_ms bigint,
    running integer,
    seen_at timestamptz,
    removed_at timestamptz,
    unique (host_id, account_id)
) with (fillfactor = 70);
comment on table workers is 'Agents: one for each host and account of a site.';
comment on column workers.id is 'Number of the worker.';
comment on column workers.site_id is 'Its site.';
comment on column workers.host_id is 'The host it runs on.';
comment on column workers.account_id is 'The account it runs under.';
comment on column workers.offer_cpus is 'CPUs the site''s admin offers; null: all it has.';
comment on column workers.offer_memory is 'Bytes of memory offered; null: all it has.';
comment on column workers.offer_gpus is 'GPUs offered; null: none.';
comment on column workers.offer_slots is 'Attempts at once; null: as the other resources allow.';
comment on column workers.offer_custom is 'Named countables offered: {"licence_x": 4}.';
comment on column workers.link is 'State of the connection as last written.';
comment on column workers.link_text is 'Why it is in that state, with the fix when it failed.';
comment on column workers.link_at is 'Since when.';
comment on column workers.spool_id is 'Identity of its spool directory.';
comment on column workers.boot_id is 'Boot of its host.';
comment on column workers.hostname is 'What the host calls itself.';
comment on column workers.machine is 'Processor type as uname says.';
comment on column workers.root is 'Absolute directory of the worker at the site.';
comment on column workers.features is 'What it can use: cgroup2, cgroup1, rlimit.';
comment on column workers.cpus is 'CPUs found.';
comment on column workers.memory is 'Bytes of memory found.';
comment on column workers.disk_free is 'Bytes free where its directory is.';
comment on column workers.disk_total is 'Bytes in all there.';
comment on column workers.memory_available is 'Bytes of memory available.';
comment on column workers.load is 'Load average.';
comment on column workers.clock_skew_ms is 'Its clock minus ours, halved round trip taken off.';
comment on column workers.running is 'Attempts it says run there.';
comment on column workers.seen_at is 'Last word from it.';
comment on column workers.removed_at is 'When it was taken out of the site.';

-- Jobs ---------------------------------------------------------------------------------------------------

-- Projects and users are never deleted, and every submission would lock the same two rows and pay for two look-ups: 40 % of
-- what storing a job costs. So no foreign keys here, nor from job_queue, whose row comes with the job's in one statement.
create table jobs (
    id bigserial primary key,
    project_id integer not null,
    user_id integer not null,
    name text not null,
    spec json not null,
    labels jsonb,
    first_task integer not null,
    last_task integer not null,
    state text not null default 'accepted' check (state in ('accepted', 'active', 'succeeded', 'failed', 'cancelled')),
    submitted_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    succeeded integer not null default 0,
    failed integer not null default 0,
    cancelled integer not null default 0,
    message text,
    check (first_task >= 0 and last_task >= first_task)
) with (fillfactor = 85);
comment on table jobs is 'What users submitted. While a job lives its moving part is in job_queue.';
comment on column jobs.id is 'Job number; plain, never reused.';
comment on column jobs.project_id is 'Its project.';
comment on column jobs.user_id is 'Who submitted it.';
comment on column jobs.name is 'What its owner calls it.';
comment on column jobs.spec is 'The job as resolved at submission, in the form of docs/api.md: command, resources, inputs, rules.';
comment on column jobs.labels is 'Free labels: {"key": "value"}; null is none.';
comment on column jobs.first_task is 'Number of its first task; a job that is no array has the one task 1.';
comment on column jobs.last_task is 'Number of its last task.';
comment on column jobs.state is 'accepted until it ends (job_queue.taken then tells accepted from active), then how it ended.';
comment on column jobs.submitted_at is 'When it was accepted.';
comment on column jobs.started_at is 'When its first attempt started; written when it ends.';
comment on column jobs.finished_at is 'When it ended.';
comment on column jobs.succeeded is 'Tasks that succeeded; written when it ends.';
comment on column jobs.failed is 'Tasks that failed for good; written when it ends.';
comment on column jobs.cancelled is 'Tasks that were cancelled; written when it ends.';
comment on column jobs.message is 'Why it ended so, as a sentence; null when there is nothing to say.';
create index jobs_project on jobs (project_id, id);
comment on index jobs_project is 'store_jobs_list: a project''s jobs, newest first.';

create table job_queue (
    job_id bigint primary key,
    taken boolean not null default false,
    priority integer not null default 0,
    next_task integer not null,
    succeeded integer not null default 0,
    failed integer not null default 0,
    cancelled integer not null default 0,
    started_at timestamptz,
    held_by text,
    held_at timestamptz,
    cancelled_by text,
    cancelled_at timestamptz,
    wait text not null default 'new' check (wait in ('none', 'new', 'held', 'after', 'input_pending', 'input_nowhere', 'backoff', 'throttle', 'project_limit',
        'site_limit', 'no_site', 'too_large', 'closed', 'down', 'disk_full', 'busy', 'priority')),
    wait_detail json,
    wait_since timestamptz not null default now()
) with (fillfactor = 70);
comment on table job_queue is 'The moving part of every live job; the row goes when the job ends.';
comment on column job_queue.job_id is 'The job.';
comment on column job_queue.taken is 'The engine has taken it up: the job is active.';
comment on column job_queue.priority is 'Higher goes first within its project.';
comment on column job_queue.next_task is 'The next task that was never placed; above last_task when all were.';
comment on column job_queue.succeeded is 'Tasks that succeeded so far.';
comment on column job_queue.failed is 'Tasks that failed for good so far.';
comment on column job_queue.cancelled is 'Tasks cancelled so far.';
comment on column job_queue.started_at is 'When its first attempt started.';
comment on column job_queue.held_by is 'Who holds it; null: nobody.';
comment on column job_queue.held_at is 'Since when.';
comment on column job_queue.cancelled_by is 'Who cancelled it; null: nobody.';
comment on column job_queue.cancelled_at is 'When.';
comment on column job_queue.wait is 'Why its next task is not placed: a wait reason.';
comment on column job_queue.wait_detail is 'Parameters of the reason, and the funnel of sites: see docs/api.md.';
comment on column job_queue.wait_since is 'Since when the reason holds.';
create index job_queue_new on job_queue (job_id) where not taken;
comment on index job_queue_new is 'store_queue_new: jobs the engine has not taken up.';

create table job_after (
    job_id bigint not null references jobs,
    on_job_id bigint not null references jobs,
    condition text not null check (condition in ('ok', 'any', 'not_ok')),
    elementwise boolean not null,
    primary key (job_id, on_job_id)
);
comment on table job_after is 'Which jobs a job waits for.';
comment on column job_after.job_id is 'The job that waits.';
comment on column job_after.on_job_id is 'The job it waits for.';
comment on column job_after.condition is 'ok: it succeeded; any: it ended; not_ok: it ended without success.';
comment on column job_after.elementwise is 'True: task i waits for task i only.';
create index job_after_on on job_after (on_job_id);
comment on index job_after_on is 'store_queue_load: who waits for a job.';

create table job_intents (
    id bigserial primary key,
    job_id bigint not null references jobs,
    task integer,
    kind text not null check (kind in ('hold', 'release', 'cancel', 'priority')),
    value integer,
    actor text not null,
    asked_at timestamptz not null default now(),
    applied_at timestamptz
);
comment on table job_intents is 'What people asked of jobs, for the engine to do.';
comment on column job_intents.id is 'Order of asking.';
comment on column job_intents.job_id is 'The job.';
comment on column job_intents.task is 'One task of it; null: the whole job.';
comment on column job_intents.kind is 'What is asked.';
comment on column job_intents.value is 'The new priority, for kind priority.';
comment on column job_intents.actor is 'Who asked.';
comment on column job_intents.asked_at is 'When.';
comment on column job_intents.applied_at is 'When the engine took it in; null: not yet.';
create index job_intents_job on job_intents (job_id);
comment on index job_intents_job is 'store_load_ended_tasks and the job''s page: what was asked of a job.';
create index job_intents_new on job_intents (id) where applied_at is null;
comment on index job_intents_new is 'store_intents_new: what was asked and not taken in yet.';

create table idempotency (
    user_id integer not null references users,
    key text not null,
    request_hash bytea not null,
    first_job bigint not null,
    last_job bigint not null,
    made_at timestamptz not null default now(),
    primary key (user_id, key)
);
comment on table idempotency is 'Keys of submissions, so that a repeated one answers with the first one''s jobs.';
comment on column idempotency.user_id is 'Whose key.';
comment on column idempotency.key is 'The key the client chose.';
comment on column idempotency.request_hash is 'SHA-256 of the request; another request under the same key is refused.';
comment on column idempotency.first_job is 'First job made.';
comment on column idempotency.last_job is 'Last job made; a bulk submission makes consecutive numbers.';
comment on column idempotency.made_at is 'When; kept 7 days.';
create index idempotency_age on idempotency (made_at);
comment on index idempotency_age is 'store_prune: what has outlived its keeping time.';

create table task_queue (
    job_id bigint not null references jobs,
    task integer not null,
    attempt integer not null,
    task_failures integer not null default 0,
    site_failures integer not null default 0,
    not_before timestamptz not null default now(),
    avoid_site integer,
    last_outcome text,
    primary key (job_id, task)
);
comment on table task_queue is 'Tasks to be placed that are not simply the next of their job: retries, and tasks released one by one.';
comment on column task_queue.job_id is 'The job.';
comment on column task_queue.task is 'The task.';
comment on column task_queue.attempt is 'Number of its last attempt; 0: none yet; -1: cancelled before it was placed.';
comment on column task_queue.task_failures is 'Failures so far that count against the job''s own budget.';
comment on column task_queue.site_failures is 'Failures so far that count against the sites'' budget.';
comment on column task_queue.not_before is 'Backoff: not placed before this.';
comment on column task_queue.avoid_site is 'Site of the last failure that was the site''s; another one is preferred.';
comment on column task_queue.last_outcome is 'How the last attempt ended.';

create table attempts_live (
    job_id bigint not null,
    task integer not null,
    attempt integer not null,
    epoch bigint not null,
    site_id integer not null,
    worker_id integer not null,
    state text not null check (state in ('reserved', 'staging', 'starting', 'running', 'finishing', 'aborting')),
    placed_at timestamptz not null,
    started_at timestamptz,
    task_failures integer not null,
    site_failures integer not null,
    decision_id bigint,
    primary key (job_id, task)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000);
comment on table attempts_live is 'Open attempts; the primary key allows one per task.';
comment on column attempts_live.job_id is 'The job.';
comment on column attempts_live.task is 'The task.';
comment on column attempts_live.attempt is 'Number of the attempt: its fencing token.';
comment on column attempts_live.epoch is 'Leadership that made it.';
comment on column attempts_live.site_id is 'Where.';
comment on column attempts_live.worker_id is 'On which worker.';
comment on column attempts_live.state is 'Its state.';
comment on column attempts_live.placed_at is 'When it was placed.';
comment on column attempts_live.started_at is 'When the worker said it started.';
comment on column attempts_live.task_failures is 'Earlier failures of the task that count against the job.';
comment on column attempts_live.site_failures is 'Earlier failures of the task that count against sites.';
comment on column attempts_live.decision_id is 'Why there: a row of decisions.';

create table attempts (
    job_id bigint not null,
    task integer not null,
    attempt integer not null,
    epoch bigint not null,
    site_id integer not null,
    worker_id integer not null,
    state text not null check (state in ('succeeded', 'failed', 'lost', 'aborted')),
    outcome text not null check (outcome in ('succeeded', 'exit', 'signal', 'time_limit', 'memory_limit', 'output_limit', 'not_started', 'refused',
        'input_missing', 'output_missing', 'output_failed', 'disk_full', 'lease_expired', 'lost', 'vanished', 'reboot',
        'never_started', 'cancelled', 'drained')),
    blame text not null check (blame in ('none', 'task', 'data', 'site', 'link', 'us', 'user')),
    final boolean not null,
    code integer,
    placed_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz not null,
    wall_us bigint,
    user_us bigint,
    system_us bigint,
    memory_peak bigint,
    read_bytes bigint,
    write_bytes bigint,
    stdout_bytes bigint,
    stderr_bytes bigint,
    log_cut smallint,
    message text,
    decision_id bigint,
    primary key (job_id, task, attempt, ended_at)
) partition by range (ended_at);
comment on table attempts is 'Attempts that ended, by day of ending; only appended to.';
comment on column attempts.job_id is 'The job.';
comment on column attempts.task is 'The task.';
comment on column attempts.attempt is 'Number of the attempt.';
comment on column attempts.epoch is 'Leadership that recorded the end.';
comment on column attempts.site_id is 'Where.';
comment on column attempts.worker_id is 'On which worker.';
comment on column attempts.state is 'How it ended, as a state.';
comment on column attempts.outcome is 'How it ended, exactly.';
comment on column attempts.blame is 'Whose fault.';
comment on column attempts.final is 'True: it ended its task. False: another attempt follows.';
comment on column attempts.code is 'Exit code, signal number or errno, by outcome.';
comment on column attempts.placed_at is 'When it was placed.';
comment on column attempts.started_at is 'When it started, by the site''s clock; null: it never did.';
comment on column attempts.ended_at is 'When its end was recorded, by the engine''s clock.';
comment on column attempts.wall_us is 'Run time in microseconds.';
comment on column attempts.user_us is 'CPU time in user mode, microseconds.';
comment on column attempts.system_us is 'CPU time in the kernel, microseconds.';
comment on column attempts.memory_peak is 'Peak memory in bytes.';
comment on column attempts.read_bytes is 'Bytes read from storage.';
comment on column attempts.write_bytes is 'Bytes written to storage.';
comment on column attempts.stdout_bytes is 'Bytes written to standard output.';
comment on column attempts.stderr_bytes is 'Bytes written to standard error.';
comment on column attempts.log_cut is 'Bit 0: the middle of stdout was cut; bit 1: of stderr.';
comment on column attempts.message is 'More about the end, from the worker.';
comment on column attempts.decision_id is 'Why there: a row of decisions.';
create table attempts_default partition of attempts default;
comment on table attempts_default is 'Attempts of days without a partition of their own.';

create table decisions (
    id bigserial primary key,
    job_id bigint not null,
    decided_at timestamptz not null default now(),
    task integer not null,
    site_id integer not null,
    candidates json not null
);
comment on table decisions is 'Why tasks were placed where they were: a new row when the answer for a job changes.';
comment on column decisions.id is 'Number of the decision.';
comment on column decisions.job_id is 'The job.';
comment on column decisions.decided_at is 'When.';
comment on column decisions.task is 'First task placed by it.';
comment on column decisions.site_id is 'The chosen site.';
comment on column decisions.candidates is 'Every site with its terms in seconds, or the reason that dropped it: see docs/api.md.';
create index decisions_job on decisions (job_id, id);
comment on index decisions_job is 'store_decisions: the decisions about a job.';

create index decisions_age on decisions using brin (decided_at);
comment on index decisions_age is 'store_upkeep: what has outlived its keeping time.';

create table events (
    seq bigserial,
    at timestamptz not null default now(),
    kind text not null,
    job_id bigint,
    task integer,
    site_id integer,
    actor text,
    text text not null,
    primary key (seq, at)
) partition by range (at);
comment on table events is 'What happened, in order, for people; by day.';
comment on column events.seq is 'Order.';
comment on column events.at is 'When.';
comment on column events.kind is 'Stable word: job.submitted, job.ended, task.retried, site.up, ...';
comment on column events.job_id is 'The job it is about.';
comment on column events.task is 'The task it is about.';
comment on column events.site_id is 'The site it is about.';
comment on column events.actor is 'Who did it; null: Reeve.';
comment on column events.text is 'A sentence.';
create index events_job on events (job_id, seq) where job_id is not null;
comment on index events_job is 'store_events_list: the events of a job.';
create table events_default partition of events default;
comment on table events_default is 'Events of days without a partition of their own.';

-- Audit: who changed what; each row is chained to the one before ---------------------------------------------

create table audit (
    seq bigint primary key,
    at timestamptz not null,
    actor text not null,
    action text not null,
    object text not null,
    detail text not null,
    hash bytea not null
);
comment on table audit is 'Every change by a person, and every refusal. Append-only; each row carries the hash of itself and the one before.';
comment on column audit.seq is 'Order, without gaps.';
comment on column audit.at is 'When.';
comment on column audit.actor is 'Who.';
comment on column audit.action is 'What: METHOD and route.';
comment on column audit.object is 'To what.';
comment on column audit.detail is 'Result and particulars.';
comment on column audit.hash is 'SHA-256 over the previous hash and the columns of this row.';

create function audit_add(who text, what text, which text, more text) returns void language plpgsql as $$
declare
    last record;
    n bigint;
    t timestamptz := clock_timestamp();
begin
    perform pg_advisory_xact_lock(hashtext('reeve audit'));
    select seq, hash into last from audit order by seq desc limit 1;
    n := coalesce(last.seq, 0) + 1;
    insert into audit values (n, t, who, what, which, more,
        sha256(coalesce(last.hash, ''::bytea) || convert_to(concat_ws(E'\x1f', n, extract(epoch from t), who, what, which, more), 'UTF8')));
end $$;
comment on function audit_add(text, text, text, text) is 'Append to the audit chain: actor, action, object, detail.';

create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit chain is append-only';
end $$;
comment on function audit_refuse() is 'Keeps the audit chain as it is.';
create trigger audit_append_only before update or delete or truncate on audit execute function audit_refuse();

-- Data ---------------------------------------------------------------------------------------------------

create table datasets (
    id bigserial primary key,
    name text not null unique,
    project_id integer not null references projects,
    made_by text not null,
    made_at timestamptz not null default now(),
    job_id bigint references jobs,
    sealed_at timestamptz,
    files integer not null default 0,
    bytes bigint not null default 0,
    removed_at timestamptz
);
comment on table datasets is 'Named, immutable sets of files.';
comment on column datasets.id is 'Number of the dataset.';
comment on column datasets.name is 'Name, [a-z0-9][a-z0-9._-]{0,63}; a job''s outputs are job-<id> unless it names them.';
comment on column datasets.project_id is 'Its project.';
comment on column datasets.made_by is 'User who registered it or submitted the job that makes it.';
comment on column datasets.made_at is 'When.';
comment on column datasets.job_id is 'The job that makes it; null: registered.';
comment on column datasets.sealed_at is 'Since when its content is final; null: still being made.';
comment on column datasets.files is 'Number of files.';
comment on column datasets.bytes is 'Bytes in all.';
comment on column datasets.removed_at is 'When it was removed from the catalog.';
create index datasets_job on datasets (job_id) where job_id is not null;
comment on index datasets_job is 'store_commit: the dataset of a job''s outputs.';

create table files (
    dataset_id bigint not null references datasets,
    path text not null check (octet_length(path) between 1 and 1024),
    size bigint not null check (size >= 0),
    sha256 bytea not null,
    task integer,
    primary key (dataset_id, path)
);
comment on table files is 'Files of datasets.';
comment on column files.dataset_id is 'The dataset.';
comment on column files.path is 'Path within it; bytes outside UTF-8 and % are written %XX. At most 1,024 bytes: it is part of keys.';
comment on column files.size is 'Bytes.';
comment on column files.sha256 is 'Checksum.';
comment on column files.task is 'Task that made it; null: registered.';

create table dataset_sites (
    dataset_id bigint not null references datasets,
    site_id integer not null references sites,
    root text not null check (octet_length(root) between 1 and 1024),
    is_file boolean not null default false,
    files integer not null default 0,
    bytes bigint not null default 0,
    checked_at timestamptz not null default now(),
    primary key (dataset_id, site_id, root)
) with (fillfactor = 70);
comment on table dataset_sites is 'Where a dataset lies and how much of it is there.';
comment on column dataset_sites.dataset_id is 'The dataset.';
comment on column dataset_sites.site_id is 'The site.';
comment on column dataset_sites.root is 'Absolute path there: the directory its paths are below, or the file itself.';
comment on column dataset_sites.is_file is 'The dataset is the one file that root names.';
comment on column dataset_sites.files is 'Files present and verified.';
comment on column dataset_sites.bytes is 'Their bytes.';
comment on column dataset_sites.checked_at is 'When they were last verified.';

create table replicas (
    dataset_id bigint not null,
    path text not null,
    site_id integer not null references sites,
    root text not null,
    state text not null check (state in ('pledged', 'present', 'suspect', 'gone')),
    since timestamptz not null default now(),
    primary key (dataset_id, path, site_id, root),
    foreign key (dataset_id, path) references files
);
comment on table replicas is 'Copies of files.';
comment on column replicas.dataset_id is 'The dataset.';
comment on column replicas.path is 'The file.';
comment on column replicas.site_id is 'The site.';
comment on column replicas.root is 'Which place of the dataset at that site.';
comment on column replicas.state is 'Its state.';
comment on column replicas.since is 'Since when.';

create table transfers (
    id bigserial primary key,
    dataset_id bigint not null references datasets,
    path text not null,
    from_site integer not null references sites,
    to_site integer not null references sites,
    state text not null check (state in ('queued', 'active', 'verifying', 'done', 'failed', 'cancelled')),
    bytes bigint not null default 0,
    asked_at timestamptz not null default now(),
    since timestamptz not null default now()
);
comment on table transfers is 'Movements of files between sites.';
comment on column transfers.id is 'Number of the transfer.';
comment on column transfers.dataset_id is 'The dataset.';
comment on column transfers.path is 'The file.';
comment on column transfers.from_site is 'Source.';
comment on column transfers.to_site is 'Destination.';
comment on column transfers.state is 'Its state.';
comment on column transfers.bytes is 'Bytes moved so far.';
comment on column transfers.asked_at is 'When it was asked for.';
comment on column transfers.since is 'Since when it is in its state.';

create table job_inputs (
    job_id bigint not null references jobs,
    position integer not null,
    dataset_id bigint not null references datasets,
    primary key (job_id, position)
);
comment on table job_inputs is 'Datasets a job reads, in the order it names them.';
comment on column job_inputs.job_id is 'The job.';
comment on column job_inputs.position is 'From 1: the n of REEVE_INPUT_n.';
comment on column job_inputs.dataset_id is 'The dataset.';
create index job_inputs_dataset on job_inputs (dataset_id);
comment on index job_inputs_dataset is 'store_data_show: who uses a dataset.';

-- Calls: what the web asks of a site through the engine -----------------------------------------------------

create table calls (
    id bigserial primary key,
    kind text not null check (kind in ('probe', 'test', 'read', 'scan')),
    site_id integer not null references sites,
    args json not null,
    actor text not null,
    state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
    asked_at timestamptz not null default now(),
    ended_at timestamptz,
    steps json not null default '[]',
    result json,
    message text
) with (fillfactor = 70);
comment on table calls is 'Questions to a site: read a log or file, probe a host key, test a site, scan a directory.';
comment on column calls.id is 'Number of the call.';
comment on column calls.kind is 'What is asked.';
comment on column calls.site_id is 'The site.';
comment on column calls.args is 'Particulars by kind: see docs/api.md.';
comment on column calls.actor is 'Who asked.';
comment on column calls.state is 'Where it stands.';
comment on column calls.asked_at is 'When it was asked.';
comment on column calls.ended_at is 'When it was answered; kept an hour after.';
comment on column calls.steps is 'Progress so far, for people.';
comment on column calls.result is 'The answer, by kind.';
comment on column calls.message is 'Why it failed, with the fix.';
create index calls_new on calls (id) where state = 'queued';
comment on index calls_new is 'store_calls_new: what the engine has not taken up.';
create index calls_ended on calls (ended_at) where ended_at is not null;
comment on index calls_ended is 'store_prune: what has outlived its keeping time.';

create unlogged table call_data (
    call_id bigint primary key,
    bytes bytea not null
);
comment on table call_data is 'Bytes of answered read calls; goes with the call, and with a crash of the database.';
comment on column call_data.call_id is 'The call.';
comment on column call_data.bytes is 'The bytes read.';

-- Totals, kept and never counted --------------------------------------------------------------------------------

create table totals (
    name text primary key,
    value bigint not null default 0
) with (fillfactor = 50);
comment on table totals is 'Running totals of everything that ended, kept by the engine so that no page ever counts.';
comment on column totals.name is 'tasks_succeeded, tasks_failed, tasks_cancelled, attempts, jobs; of the engine also pass_us, pass_at, placed_total.';
comment on column totals.value is 'The total; pass_us: duration of the last pass in microseconds; pass_at: its end in milliseconds since 1970.';
insert into totals (name) values ('tasks_succeeded'), ('tasks_failed'), ('tasks_cancelled'), ('attempts'), ('jobs'),
    ('pass_us'), ('pass_at'), ('placed_total');

-- Partitions ------------------------------------------------------------------------------------------------

create function reeve_partition_make(parent text, of_column text, d date) returns void language plpgsql as $$
declare
    part text := parent || '_' || to_char(d, 'YYYYMMDD');
    low timestamptz := d::timestamp at time zone 'UTC';
    high timestamptz := (d + 1)::timestamp at time zone 'UTC';
begin
    if to_regclass(part) is not null then
        return;
    end if;
    -- Rows of the day may stand in the default partition: nobody made partitions while Reeve was not running.
    execute format('create table %I (like %I including defaults including constraints)', part, parent);
    execute format('with moved as (delete from %I where %I >= %L and %I < %L returning *) insert into %I select * from moved',
        parent || '_default', of_column, low, of_column, high, part);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part, low, high);
    execute format('comment on table %I is %L', part, format('%s of %s (UTC).', parent, d));
end $$;
comment on function reeve_partition_make(text, text, date) is 'Make the partition of one day, unless it is there.';

create function reeve_partitions(keep_days integer) returns void language plpgsql as $$
declare
    today date := (now() at time zone 'UTC')::date;
    parent text;
    part text;
begin
    perform pg_advisory_xact_lock(hashtext('reeve partitions'));
    for i in 0..3 loop
        perform reeve_partition_make('attempts', 'ended_at', today + i);
        perform reeve_partition_make('events', 'at', today + i);
    end loop;
    foreach parent in array array['attempts', 'events'] loop
        for part in
            select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = parent::regclass and c.relname ~ '_[0-9]{8}$'
              and to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep_days
        loop
            execute format('drop table %I', part);
        end loop;
    end loop;
end $$;
comment on function reeve_partitions(integer) is 'Make the partitions of the coming days and drop those older than keep_days.';
select reeve_partitions(36500);

-- World version: moves when a person changed something the engine keeps in memory -------------------------------------

create table world_version (
    one boolean primary key default true check (one),
    version bigint not null default 1
);
comment on table world_version is 'One number that moves with every change of sites, hosts, keys, accounts, offers and projects by a person. A row and not a sequence: it must become visible together with the change.';
comment on column world_version.one is 'Always true: there is one row.';
comment on column world_version.version is 'The number.';
insert into world_version default values;

create function reeve_world_changed() returns trigger language plpgsql as $$
begin
    update world_version set version = version + 1;
    notify reeve_engine;
    return null;
end $$;
comment on function reeve_world_changed() is 'Tells the engine to read sites and projects again.';
create trigger world_changed after insert or delete or update of intent, alarm, max_tasks, speed, all_projects, name, removed_at on sites
    for each statement execute function reeve_world_changed();
create trigger world_changed after insert or update or delete on site_projects for each statement execute function reeve_world_changed();
create trigger world_changed after insert or update or delete on hosts for each statement execute function reeve_world_changed();
create trigger world_changed after insert or delete or update of pinned_at on host_keys for each statement execute function reeve_world_changed();
create trigger world_changed after insert or update or delete on accounts for each statement execute function reeve_world_changed();
create trigger world_changed after insert or delete or update of offer_cpus, offer_memory, offer_gpus, offer_slots, offer_custom, removed_at on workers
    for each statement execute function reeve_world_changed();
create trigger world_changed after insert or delete or update of name, share, max_cpus, max_tasks on projects
    for each statement execute function reeve_world_changed();
