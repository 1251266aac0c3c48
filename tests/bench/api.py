# SPDX-License-Identifier: Apache-2.0
"""api.py [NAME...]: measure the JSON API: `name value unit` lines.

Parts: lists (every GET route and filter over HISTORY jobs, default 10,000,000, and SITES sites, default 1,000) and poll (POLL jobs, default 100,000, whose state 200 clients ask
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

import lists as every_list  # noqa: E402
from bench import BUILD, HISTORY, Bench, become_ordinary, note, say, wait_until  # noqa: E402

POLL = int(os.environ.get("POLL", 100_000))
CLIENTS = 200
PAIRS = 5
POLL_TASKS = int(os.environ.get("POLL_TASKS", 100_000))  # that the engine works off meanwhile, each time
SITES = int(os.environ.get("SITES", 1000))


# ---- lists -----------------------------------------------------------------------------------------------------

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
        return took, json.loads(raw) if "json" in reply.headers["Content-Type"] else raw


def lists():
    bench = Bench(site=False, request_rate=0)
    try:
        def askers():
            yield "", Asker(bench, bench.grid.token())
            yield "member_", Asker(bench, bench.ask("POST", "/v1/tokens", {"name": "bench", "user": "u50"})["token"])

        every_list.lists(bench, askers, HISTORY, SITES, say, note)
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

if __name__ == "__main__":
    become_ordinary()
    for part in sys.argv[1:] or PARTS:
        if part not in PARTS:
            sys.exit(f"no part {part}; there are {', '.join(PARTS)}")
        note(part)
        PARTS[part]()
