# SPDX-License-Identifier: Apache-2.0
"""Every GET route of the server's OpenAPI document, with every filter it knows, over a database of HISTORY jobs and SITES sites.

What a path or a filter stands for is in the tables below; a route or a filter without a row is an error, so that none is forgotten.
"""
import os
import re
import statistics
import time

ROUNDS = int(os.environ.get("ROUNDS", 60))  # of each question
LONG = 10      # seconds after which one question was asked often enough, if it was ROUNDS_MIN times
ROUNDS_MIN = 10
BATCH = 500_000

# Not answered by the database alone: the stream never ends, some ask a provider of identities, the others read bytes at a site.
NOT_MEASURED = {"/v1/stream", "/v1/oidc/start", "/v1/oidc/callback", "/v1/jobs/{id}/tasks/{task}/log", "/v1/datasets/{name}/content", "/v1/datasets/{name}/download"}
# The engine is asked, and there may be one that has other things to do: shown, and not among the worst.
ENGINE = {"/v1/jobs/{id}/explain", "/v1/datasets/{name}/where"}
PARTS = {("jobs", "id"): "{job}", ("jobs", "task"): "1", ("sites", "name"): "s7", ("workers", "id"): "{worker}", ("calls", "id"): "{call}", ("datasets", "name"): "d77",
         ("links", "from"): "s5", ("links", "to"): "s6", ("projects", "name"): "p9", ("users", "name"): "u50", ("subscriptions", "id"): "{subscription}",
         ("insights", "plot"): "jobs", ("templates", "id"): "{template}", ("templates", "name"): "t5"}
# Filters by route and name, or by name; several values are several questions. None: left alone.
FILTERS = {"/v1/workers site": ["s7"], "/v1/jobs site": ["s7", "s8", "nowhere"], "/v1/jobs:facets site": ["s7", "s8"], "/v1/jobs/{id}/tasks state": ["succeeded", "failed"], "/v1/jobs/{id}/tasks from": ["500000"], "/v1/jobs/{id}/strip from": ["500000"],
           "/v1/jobs/{id}/timeline from": ["500000"], "/v1/datasets state": ["open", "sealed"], "/v1/datasets:facets state": ["open", "sealed"],
           "/v1/transfers state": ["done", "active", "failed"], "/v1/datasets name": ["d77", "d7*", "nothing"], "/v1/datasets:facets name": ["d77", "d7*"],
           "/v1/audit/check from": ["190000"],
           "state": ["succeeded", "failed", "active", "accepted"], "project": ["default", "p9"], "name": ["job77", "job7*", "*ob7*", "nothing"], "user": ["u7", "nobody"],
           "label": ["run:4", "none:such"], "ids": ["{ids}"], "since": ["2d", "1h"], "until": ["2d", "1h"], "job": ["{job}"], "site": ["s7", "nowhere"],
           "policy": ["any", "none", "eu"], "expiring": ["7d"], "dataset": ["d77"], "from": ["s5"], "to": ["s6"], "depth": ["10"], "task": ["1"], "attempt": None,
           "what_if": ["memory%3D64G"], "unread": ["true"], "busy": ["true"], "range": ["1h", "14d"], "actor": ["u7", "nobody"], "action": ["POST%20/v1/jobs", "nothing"],
           "limit": ["1000"], "cursor": None, "wait": None}
LIMITS = {"/v1/queue": "100", "/v1/jobs/{id}/graph": "2000", "/v1/jobs/{id}/timeline": "1000"}


# ---- what is in the database -----------------------------------------------------------------------------------

def fill_jobs(bench, rows):
    """Jobs straight into the record: a thousand live ones, the others ended; ten projects (one has 90 % of them), fifty users, few names."""
    bench.sql("""
        insert into projects (name) select 'p' || i from generate_series(1, 9) i;
        insert into users (name, role) select 'u' || i, 'submitter' from generate_series(1, 50) i;
        insert into project_members (project_id, user_id) select p.id, u.id from projects p, users u where p.name = 'p9' and u.name = 'u50'""")
    for first in range(1, rows, BATCH):
        bench.sql(f"""
            insert into jobs (project_id, user_id, name, spec, labels, first_task, last_task, state, submitted_at, started_at, finished_at,
                              succeeded, failed)
            select case when i % 10 = 0 then 2 + (i / 10) % 9 else 1 end, 2 + i % 50, 'job' || i % 1000,
                   json_build_object('command', json_build_array('/bin/true'), 'resources', json_build_object('cpus', 1, 'memory', 0, 'gpus', 0,
                       'custom', json_build_object()), 'sites', json_build_array(), 'inputs', json_build_array()),
                   case when i % 4 = 0 then jsonb_build_object('run', i % 100000) end, 1, 1,
                   case when i % 1000 = 7 then 'failed' when i % 1000 = 8 then 'cancelled' else 'succeeded' end,
                   t, t, t, case when i % 1000 in (7, 8) then 0 else 1 end, case when i % 1000 = 7 then 1 else 0 end
            from generate_series({first}, {min(first + BATCH - 1, rows)}) i, lateral (select now() - ({rows} - i) * interval '10 ms' as t) x""")
    bench.sql("""
        with live as (update jobs set state = 'accepted', finished_at = null, succeeded = 0 where id > (select max(id) from jobs) - 1000 returning id)
            insert into job_queue (job_id, taken, next_task, held_by, held_at, wait) select id, true, 1, 'admin', now(), 'held' from live;
        insert into events (at, kind, job_id, text) select now(), 'job.ended', i, 'job ended' from generate_series(1, 200000) i""")


def fill_world(bench, sites):
    """Sites that nobody calls, each with a host, an account and a worker; every link between two of them."""
    bench.sql(f"""
        insert into sites (name, intent, intent_by, health, labels, place) select 's' || i, 'closed', 'admin', 'up', array['eu'],
            json_build_object('latitude', i % 90, 'longitude', i % 180, 'name', 'x') from generate_series(1, {sites}) i;
        insert into hosts (site_id, address, port) select id, name || '.example.org', 22 from sites;
        insert into accounts (site_id, unix_user) select id, 'grid' from sites;
        insert into workers (site_id, host_id, account_id, offer_cpus, cpus, memory, hostname, seen_at)
            select h.site_id, h.id, a.id, 64, 64, 1 << 30, h.address, now() from hosts h join accounts a using (site_id)""")
    for first in range(0, sites, 100):
        bench.sql(f"""
            insert into links (from_site, to_site, rate, latency, weight, transfers, bytes) select a.id, b.id, 1e8, 0.01, 5, 7, 7000
            from (select id from sites order by id offset {first} limit 100) a, sites b where a.id <> b.id""")
    # Half of the jobs went to one site, a few to another.
    bench.sql("""
        insert into decisions (job_id, task, site_id, candidates)
            select j.id, 1, s.id, '[]' from jobs j join sites s on s.name = case when j.id % 50000 = 3 then 's8' else 's7' end where j.id % 2 = 1""")
    # A whole day by site, and all that is kept of the grid.
    bench.sql("""
        insert into insights (what, at, site_id, n) select w, date_trunc('hour', now()) - k * interval '5 minutes', s.id, k from sites s, generate_series(0, 287) k,
            unnest(array['used', 'cpus', 'moved', 'end:exit', 'launch:5']) w;
        insert into insights (what, at, site_id, n) select w, date_trunc('hour', now()) - k * interval '5 minutes', 0, k from generate_series(0, 4031) k,
            unnest(array['ready', 'running', 'succeeded', 'failed', 'cancelled', 'wait:3', 'wait:9']) w""")


def fill_data(bench):
    bench.sql("""
        insert into datasets (name, project_id, made_by, job_id, sealed_at, made_at, files, bytes, policy_labels, expires_at)
            select 'd' || i, 1 + i % 10, 'u' || i % 50, i, now(), now() - i * interval '1 second', 1, 1000, case when i % 100 = 0 then array['eu'] else '{}' end,
            case when i % 50 = 0 then now() + interval '3 days' end from generate_series(1, 100000) i;
        insert into files (dataset_id, path, size, sha256) select id, 'f', 1000, '\\x00' from datasets;
        insert into dataset_sites (dataset_id, site_id, root, files, bytes, checked_at, copy) select d.id, s.id, '/data', 1, 1000, now(), false
            from datasets d join sites s on s.id = (select min(id) from sites) + d.id % (select count(*) from sites);
        insert into replicas (dataset_id, path, site_id, root, state) select dataset_id, 'f', site_id, '/data', 'present' from dataset_sites;
        insert into transfers (dataset_id, from_site, to_site, state, bytes, why, files, total, tries, asked_at, started_at, ended_at, way)
            select d.id, s.id, s.id + 1, case when d.id % 100 = 0 then 'failed' else 'done' end, 1000, 'job', 1, 1000, 1, now(), now(), now(), 'direct' from datasets d, sites s
            where s.id in (select id from sites order by id limit 3 offset 7) order by d.id""")


def fill_people(bench):
    """Refusals, notices and the like; the audit's hashes are no chain here, which only its check would find."""
    bench.sql("""
        insert into users (name, role) select 'v' || i, 'viewer' from generate_series(1, 2000) i;
        insert into projects (name) select 'q' || i from generate_series(1, 500) i;
        insert into project_members (project_id, user_id) select p.id, u.id from projects p, users u where p.name = 'p9' and u.name ~ '^v' on conflict do nothing;
        insert into audit (seq, at, actor, action, object, detail, hash, form, project, site) select i + coalesce((select max(seq) from audit), 0), now() - (200000 - i) * interval '1 minute',
            'u' || i % 50, case when i % 3 = 0 then 'POST /v1/jobs' else 'POST /v1/jobs/{id}/cancel' end, '/v1/jobs', 'x', '\\x00', 1, 'p' || 1 + i % 9, 's' || 1 + i % 1000
            from generate_series(1, 200000) i;
        insert into notices (subscription_id, user_id, what, state, sentence, counts, events, due_at, sent_at, read_at) select s.id, s.user_id, 'events', 'sent', 'a job failed', '{"job.failed":1}',
            '[]', now(), now(), case when i % 2 = 0 then now() end from subscriptions s, generate_series(1, 100000) i where s.user_id = 1;
        insert into tokens (user_id, name, prefix, hash) select 1, 't' || i, 'reeve_x', sha256(i::text::bytea) from generate_series(1, 1000) i;
        insert into templates (user_id, name, description, parameters, job) select 1, 't' || i, 'x', '[]', '{"command":["/bin/true"]}' from generate_series(1, 100) i;
        insert into calls (kind, args, actor, state) select 'test', '{}', 'admin', 'done' from generate_series(1, 1000) i;
        insert into invitations (hash, kind, role, made_by, expires_at) select sha256(('i' || i)::bytea), 'invite', 'viewer', 'admin', now() + interval '1 day' from generate_series(1, 1000) i""")


def fill(bench, rows, sites, note):
    for what, step in (("jobs", lambda: fill_jobs(bench, rows)), ("sites", lambda: fill_world(bench, sites)), ("data", lambda: fill_data(bench)),
                       ("people", lambda: fill_people(bench))):
        note(f"writing {what}")
        step()
    bench.sql("vacuum (analyze)")
    bench.sql("checkpoint")


# ---- what is asked ---------------------------------------------------------------------------------------------

def things(bench, rows):
    big = bench.sql("select min(id) from workers"), bench.sql("select min(id) from calls where kind = 'test'"), bench.sql("select min(id) from subscriptions where user_id = 1")
    return {"job": rows // 2, "live": rows - 7, "ids": ",".join(str(rows // 2 + i * 7) for i in range(500)), "worker": big[0], "call": big[1], "subscription": big[2], "template": bench.sql("select min(id) from templates")}


def questions(document, known):
    """(name, path, whether it counts), of every route and filter."""
    for path, operations in document["paths"].items():
        if "get" not in operations or path in NOT_MEASURED or path in ("/healthz", "/readyz"):
            continue
        kind = re.split("[/:]", path)[2] if path.startswith("/v1/") else ""
        here = {**known, "job": known["live"]} if path in ENGINE else known
        url = re.sub(r"\{(\w+)\}", lambda m, k=kind, h=here: PARTS[k, m.group(1)].format(**h), path)
        name = re.sub(r"\W+", "_", path.removeprefix("/v1/")).strip("_")
        yield name, url, path not in ENGINE
        for p in operations["get"]["parameters"]:
            if p["in"] != "query":
                continue
            values = FILTERS.get(f"{path} {p['name']}", FILTERS[p["name"]])
            if p["name"] == "limit":
                values = [LIMITS.get(path, "1000")]
            for i, value in enumerate(values or []):
                yield f"{name}_{p['name']}{i or ''}", f"{url}?{p['name']}={value.format(**known)}", path not in ENGINE
    for plot in ("waits", "use", "bytes", "failures", "launch"):
        yield f"insights_{plot}", f"/v1/insights/{plot}?range=1d", True
    yield "jobs_all_at_once", "/v1/jobs?project=p9&state=failed&name=job7*&user=u7", True
    yield "jobs_site_live", "/v1/jobs?site=s7&state=active", True
    yield "jobs_site_rare", "/v1/jobs?site=s7&state=failed&user=u7", True


def measure(asker, name, path, say):
    """The slowest but one in a hundred, in ms."""
    took, cursor, began = [], None, time.monotonic()
    for i in range(ROUNDS):
        # Pages further on, too: two of three questions go on where the one before ended.
        more = f"{'&' if '?' in path else '?'}cursor={cursor}" if cursor and i % 3 else ""
        ms, reply = asker.get(path + more)
        took.append(ms)
        cursor = reply.get("next_cursor") if isinstance(reply, dict) else None
        if time.monotonic() - began > LONG and i >= ROUNDS_MIN:
            break
    took.sort()
    p99 = took[max(0, int(len(took) * 0.99) - 1)]
    say(f"list_{name}_p50", statistics.median(took), "ms")
    say(f"list_{name}_p99", p99, "ms")
    return p99


def lists(bench, askers, rows, sites, say, note):
    """askers: name prefix and who asks; the first sees everything."""
    fill(bench, rows, sites, note)
    known, worst, slow = things(bench, rows), 0, []
    document = bench.grid.get("/v1/openapi.json")
    for who, asker in askers():
        for name, path, counts in questions(document, known):
            # A member is asked for what he has of his own.
            if who and not re.match(r"/v1/(jobs|queue|events|datasets|transfers|overview|notices|sites|projects)(\?|$|:)", path):
                continue
            if who and ("default" in path or "job=" in path):
                continue
            try:
                p99 = measure(asker, who + name, path, say)
            except RuntimeError as error:
                if counts:
                    raise
                note(f"not measured: {error}")
                continue
            worst = max(worst, p99) if counts else worst
            if p99 >= 100:
                slow.append(f"{who}{name} {p99:.0f} ms: {path[:100]}")
    for line in slow:
        note(f"slow: {line}")
    say("list_worst_p99", worst, "ms")
