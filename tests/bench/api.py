# SPDX-License-Identifier: Apache-2.0
"""api.py [NAME...]: measure the JSON API: `name value unit` lines.

Parts: lists (every list page and filter over HISTORY jobs, default 10,000,000) and poll (POLL jobs, default 100,000, whose state 200 clients ask
for each second with an ETag, while the engine works). PostgreSQL keeps its default durability. Run as an ordinary user.
"""
import http.client
import json
import os
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from bench import BUILD, HISTORY, Bench, become_ordinary, note, say, wait_until  # noqa: E402

POLL = int(os.environ.get("POLL", 100_000))
CLIENTS = 200
PAIRS = 5
POLL_TASKS = int(os.environ.get("POLL_TASKS", 100_000))  # that the engine works off meanwhile, each time
ROUNDS = 60  # of each question


# ---- lists -----------------------------------------------------------------------------------------------------

def fill_jobs(bench, rows):
    """Jobs straight into the record: a thousand live ones, the others ended; ten projects (one has 90 % of them), fifty users, few names."""
    note(f"writing {rows} jobs")
    bench.sql("""
        insert into projects (name) select 'p' || i from generate_series(1, 9) i;
        insert into users (name, role) select 'u' || i, 'submitter' from generate_series(1, 50) i;
        insert into project_members (project_id, user_id) select p.id, u.id from projects p, users u where p.name = 'p9' and u.name = 'u50'""")
    for first in range(1, rows, 500_000):
        bench.sql(f"""
            insert into jobs (project_id, user_id, name, spec, labels, first_task, last_task, state, submitted_at, started_at, finished_at,
                              succeeded, failed)
            select case when i % 10 = 0 then 2 + (i / 10) % 9 else 1 end, 2 + i % 50, 'job' || i % 1000,
                   json_build_object('command', json_build_array('/bin/true'), 'resources', json_build_object('cpus', 1, 'memory', 0, 'gpus', 0,
                       'custom', json_build_object()), 'sites', json_build_array(), 'inputs', json_build_array()),
                   case when i % 4 = 0 then jsonb_build_object('run', i % 100000) end, 1, 1,
                   case when i % 1000 = 7 then 'failed' when i % 1000 = 8 then 'cancelled' else 'succeeded' end,
                   t, t, t, case when i % 1000 in (7, 8) then 0 else 1 end, case when i % 1000 = 7 then 1 else 0 end
            from generate_series({first}, {min(first + 499_999, rows)}) i, lateral (select now() - ({rows} - i) * interval '10 ms' as t) x""")
    bench.sql("""
        with live as (update jobs set state = 'accepted', finished_at = null, succeeded = 0 where id > (select max(id) from jobs) - 1000 returning id)
            insert into job_queue (job_id, taken, next_task, held_by, held_at, wait) select id, true, 1, 'admin', now(), 'held' from live;
        insert into events (at, kind, job_id, text) select now(), 'job.ended', i, 'job ended' from generate_series(1, 200000) i;
        insert into datasets (name, project_id, made_by, job_id, sealed_at) select 'd' || i, 1 + i % 10, 'u1', i, now()
            from generate_series(1, 100000) i;
        insert into sites (name, intent_by) values ('wide', 'bench'), ('narrow', 'bench');
        insert into decisions (job_id, task, site_id, candidates)
            select j.id, 1, s.id, '[]' from jobs j join sites s on s.name = case when j.id % 50000 = 3 then 'narrow' else 'wide' end where j.id % 2 = 1""")
    bench.sql("vacuum (analyze) jobs, job_queue, events, datasets, decisions")
    bench.sql("checkpoint")


class Asker:
    def __init__(self, bench, token):
        self.connection = http.client.HTTPConnection(bench.grid.url.split("//")[1], timeout=120)
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path):
        """Milliseconds, and the reply."""
        began = time.perf_counter()
        self.connection.request("GET", path, None, self.headers)
        reply = self.connection.getresponse()
        raw = reply.read()
        took = (time.perf_counter() - began) * 1000
        if reply.status != 200:
            raise RuntimeError(f"{path} answered {reply.status}: {raw[:300]!r}")
        return took, json.loads(raw)


def questions(rows):
    """Paths by name; {cursor}: a page in the middle."""
    return {
        "newest": "/v1/jobs", "large_page": "/v1/jobs?limit=1000", "one": f"/v1/jobs/{rows // 2}",
        "ids": "/v1/jobs?ids=" + ",".join(str(rows // 2 + i * 7) for i in range(500)),
        "state_common": "/v1/jobs?state=succeeded", "state_rare": "/v1/jobs?state=failed", "state_live": "/v1/jobs?state=active",
        "state_none": "/v1/jobs?state=accepted", "project_large": "/v1/jobs?project=default", "project_small": "/v1/jobs?project=p9",
        "name": "/v1/jobs?name=job77", "name_none": "/v1/jobs?name=nothing", "name_prefix": "/v1/jobs?name=job7*", "user": "/v1/jobs?user=u7",
        "user_none": "/v1/jobs?user=nobody", "label": "/v1/jobs?label=run:4", "label_none": "/v1/jobs?label=none:such",
        "all_at_once": "/v1/jobs?project=p9&state=failed&name=job7*&user=u7", "events": "/v1/events", "events_job": f"/v1/jobs/{rows // 100}/events",
        "events_site": "/v1/events?site=nowhere", "datasets": "/v1/datasets", "overview": "/v1/overview", "queue": "/v1/queue",
        "tasks": f"/v1/jobs/{rows // 2}/tasks", "sites": "/v1/sites", "workers": "/v1/workers", "projects": "/v1/projects",
        "site_large": "/v1/jobs?site=wide", "site_small": "/v1/jobs?site=narrow", "site_none": "/v1/jobs?site=nowhere", "site_live": "/v1/jobs?site=wide&state=active",
        "site_rare": "/v1/jobs?site=wide&state=failed&user=u7", "site_facets": "/v1/jobs:facets?site=wide", "users": "/v1/users",
    }


def measure(asker, name, path):
    took = []
    cursor = None
    for i in range(ROUNDS):
        # Pages further on, too: every third question goes on where the one before ended.
        more = f"{'&' if '?' in path else '?'}cursor={cursor}" if cursor and i % 3 else ""
        ms, reply = asker.get(path + more)
        took.append(ms)
        cursor = reply.get("next_cursor")
    took.sort()
    p99 = took[max(0, int(len(took) * 0.99) - 1)]
    say(f"list_{name}_p50", statistics.median(took), "ms")
    say(f"list_{name}_p99", p99, "ms")
    return p99


def lists():
    bench = Bench(site=False)
    try:
        fill_jobs(bench, HISTORY)
        bench.sql("update jobs set state = state where id = 1")
        admin, member = Asker(bench, bench.grid.token()), None
        token = bench.ask("POST", "/v1/tokens", {"name": "bench", "user": "u50"})["token"]
        member = Asker(bench, token)
        worst = 0
        for who, asker in (("", admin), ("member_", member)):
            for name, path in questions(HISTORY).items():
                if who and (name in ("users", "one", "tasks", "project_large", "events_job") or "p9" in path):
                    continue
                worst = max(worst, measure(asker, who + name, path))
        say("list_worst_p99", worst, "ms")
    finally:
        bench.end()


# ---- polling ---------------------------------------------------------------------------------------------------

class Pollers:
    """The clients, in a program of their own."""

    def __init__(self, bench, first, last):
        self.process = subprocess.Popen([os.path.join(BUILD, "tests", "bench-http-poll"), str(bench.grid.port), str(CLIENTS), str(first), str(last)],
                                        env={**os.environ, "REEVE_TOKEN": bench.grid.token()}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # all have asked once

    def stop(self):
        out, _ = self.process.communicate("")
        return {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}


def poll():
    bench = Bench(hollow=True)
    try:
        bench.ask("POST", "/v1/sites", {"name": "nowhere", "hosts": [{"address": "127.0.0.1", "port": 9}], "accounts": [{"user": "nobody"}]})
        spec = {"command": ["/bin/true"], "sites": ["nowhere"]}
        made = bench.ask("POST", "/v1/jobs:bulk", {"jobs": [spec] * POLL})
        wait_until(lambda: bench.sql("select count(*) from job_queue where not taken") == "0", 300, "the engine has taken the jobs up")
        bench.array(20000)
        alone, beside, figures = [], [], []
        # In pairs, now this first and now that: other load on the machine meets both.
        for turn in range(PAIRS):
            for watched in (turn % 2, not turn % 2):
                pollers = Pollers(bench, made["first_id"], made["last_id"]) if watched else None
                (beside if watched else alone).append(bench.array(POLL_TASKS))
                if pollers:
                    figures.append(pollers.stop())
        say("poll_jobs", POLL, "jobs")
        say("poll_rate", statistics.median(f["requests_per_s"] for f in figures), "requests/s")
        say("poll_known", statistics.median(f["known"] for f in figures), "ratio")
        say("poll_p50", statistics.median(f["p50_ms"] for f in figures), "ms")
        say("poll_p99", statistics.median(f["p99_ms"] for f in figures), "ms")
        say("poll_engine_rate_alone", statistics.median(alone), "tasks/s")
        say("poll_engine_rate_beside", statistics.median(beside), "tasks/s")
        say("poll_engine_ratio", statistics.median(b / a for a, b in zip(alone, beside)), "ratio")
    finally:
        bench.end()


PARTS = {"lists": lists, "poll": poll}

become_ordinary()
for part in sys.argv[1:] or PARTS:
    if part not in PARTS:
        sys.exit(f"no part {part}; there are {', '.join(PARTS)}")
    note(part)
    PARTS[part]()
