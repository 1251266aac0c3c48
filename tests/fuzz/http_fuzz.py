#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""http_fuzz.py: requests that are nearly right, against a real reeved built with sanitizers: no crash, no server error, no leak.

$BUILD names the build (build-san), N how many requests, SEED and ONLY (numbers with commas between) repeat some. Prints
`name value unit` lines, and TAP for what must hold. Run as an ordinary user.
"""
import json
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

from http_client import Bad, Client, Ends, exchange  # noqa: E402
from http_grammar import Grammar, Things  # noqa: E402
from testgrid import TestGrid, wait_until  # noqa: E402

N = int(os.environ.get("N", 20000))
SEED = int(os.environ.get("SEED", 1))
ONLY = [int(n) for n in os.environ.get("ONLY", "").split(",") if n]
PROCESSES, THREADS = 2, 4
ENDS_MAX = 60  # of one thread
COMPLAINTS_MAX = 10  # of one process
LIMITS = "quarantine_size_mb=16:malloc_context_size=8:allocator_release_to_os_interval_ms=500"


def say(name, value, unit):
    print(f"{name} {value:.{0 if value >= 100 else 2}f} {unit}", flush=True)


# ---- the server ------------------------------------------------------------------------------------------------

STANDING = [("/v1/projects", {"name": "one"}), ("/v1/projects", {"name": "two"}), ("/v1/users", {"name": "sue", "role": "submitter", "projects": ["one"]}),
            ("/v1/users", {"name": "vic", "role": "viewer", "projects": ["one"]})]
STANDING += [("/v1/sites", {"name": name, "hosts": [{"address": "127.0.0.1", "port": 9}], "accounts": [{"user": "grid"}], "offer": {"cpus": 4}}) for name in ("alpha", "beta")]
STANDING += [("/v1/datasets", {"name": "open", "project": "one", "upload": {"site": "alpha", "files": [{"path": "f", "size": 10}]}}),
             ("/v1/datasets", {"name": "set", "project": "one", "import": {"site": "alpha", "root": "/data", "files": [{"path": "f", "size": 1, "sha256": "0" * 64}]}, "seal": True})]
RIGHTS = """update tokens set revoked_at = null, expires_at = null, scopes = null, project_id = null where name = 'fuzz' or id = 1;
    update users set disabled_at = null, role = case name when 'admin' then 'admin' when 'sue' then 'submitter' else 'viewer' end where name in ('admin', 'sue', 'vic');
    insert into project_members (project_id, user_id) select p.id, u.id from projects p, users u where p.name = 'one' and u.name in ('sue', 'vic') on conflict do nothing"""


def keep_up(grid):
    """Requests take away what later ones need: give it back."""
    subprocess.run(["psql", "-XqAt", "-c", RIGHTS, grid.conninfo()], capture_output=True)
    for path, body in STANDING:
        try:
            grid.api("POST", path, body)
        except OSError:
            pass


def world(grid):
    """Something of everything that a request may name."""
    def ok(method, path, body):
        status, reply = grid.api(method, path, body)
        assert status < 300, (method, path, status, reply)
        return reply

    for path, body in STANDING:
        ok("POST", path, body)
    tokens = {who: ok("POST", "/v1/tokens", {"name": "fuzz", "user": user})["token"] for who, user in (("admin", "admin"), ("submitter", "sue"), ("viewer", "vic"))}
    jobs = [ok("POST", "/v1/jobs", {"command": ["true"], "project": "one", "array": "1-20", "name": f"j{i}"})["id"] for i in range(20)]
    # One that can never begin: what it waited for was cancelled.
    ok("POST", f"/v1/jobs/{jobs[19]}/cancel", {})
    wait_until(lambda: grid.get(f"/v1/jobs/{jobs[19]}")["state"] == "cancelled", 60, "a job is cancelled")
    late = ok("POST", "/v1/jobs", {"command": ["true"], "project": "one", "after": [jobs[19]]})["id"]
    wait_until(lambda: grid.get(f"/v1/jobs/{late}")["state"] == "cancelled", 60, "so is the one that waited for it")
    ok("POST", "/v1/subscriptions", {"way": "webhook", "target": "https://h.invalid/x", "kinds": ["job.failed"]})
    names = {"project": ["one", "two"], "site": ["alpha", "beta", "gamma"], "user": ["sue", "vic", "nobody"], "dataset": ["set", "open"]}
    values = {**names, "sites": [["alpha"], ["beta", "alpha"]], "role": ["viewer", "submitter", "member", "project_admin"],
              # Nothing outside of this machine is to be called.
              "hosts": [[{"address": "127.0.0.1", "port": 9}]], "address": ["127.0.0.1", "::1"], "port": [9, 1], "target": ["https://h.invalid/x", "ann@h.invalid"],
              "jumps": [[]], "url": ["http://127.0.0.1:9/a"], "after": [[jobs[0]], [{"job": jobs[1], "on": "any"}]], "inputs": [["set"], [f"job:{jobs[0]}"]],
              "ids": [f"{jobs[0]},{jobs[1]}", str(jobs[2])], "state": ["active", "failed", "sealed", "open", "done", "succeeded"], "what_if": ["memory=64G", "cpus=2&sites=alpha"],
              "/id": jobs + [1, 2, 999999], "/task": [1, 2, 20, 21], "/plot": ["jobs", "waits", "use", "bytes", "failures", "launch"], "/from": ["alpha"], "/to": ["beta"],
              "/name": ["alpha", "beta", "one", "two", "sue", "set", "open", f"job-{jobs[0]}"], "/address": ["127.0.0.1"], "/user": ["sue", "grid"]}
    return Grammar(grid.get("/v1/openapi.json"), Things(tokens, values))


def figures_of(pid):
    """Resident megabytes and open descriptors; None: it has ended."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        found = re.search(r"VmRSS:\s+(\d+)", file.read())
    return found and (int(found.group(1)) / 1024, len(os.listdir(f"/proc/{pid}/fd")))


# ---- clients ---------------------------------------------------------------------------------------------------

class Clients:
    """One process of them: exchange number i belongs to process i modulo PROCESSES, and to a thread likewise."""

    def __init__(self, grammar, port, index):
        self.grammar, self.port, self.index = grammar, port, index
        self.counts, self.complaints, self.lock = {}, [], threading.Lock()
        self.asked = 0

    def run_one(self, client, ends, number):
        e = self.grammar.exchange(random.Random(f"{SEED}:{number}"))
        try:
            if e.end == "drain":
                client.close()
                ends.begin(client, number, e)
            else:
                self.count(exchange(client, e))
        except Bad as bad:
            client.close()
            self.complain(number, str(bad), e)
        except OSError as error:
            client.close()
            self.complain(number, f"could not connect: {error}", e)
        with self.lock:
            self.asked += len(e.asks or [1])

    def count(self, found):
        with self.lock:
            for what in found:
                self.counts[what] = self.counts.get(what, 0) + 1

    def look(self, ends, seconds):
        for number, e, found, complaint in ends.look(seconds):
            self.count(found)
            if complaint:
                self.complain(number, complaint, e)

    def complain(self, number, text, e):
        with self.lock:
            self.complaints.append(f"ONLY={number} SEED={SEED}: {text}; sent {b''.join(e.pieces)[:600]!r}")

    def thread(self, index):
        client, ends, number = Client(self.port), Ends(), self.index + index * PROCESSES
        while self.asked < N / PROCESSES and len(self.complaints) < COMPLAINTS_MAX:
            self.run_one(client, ends, number)
            # Never so many that the server's bound of connections is met.
            self.look(ends, 0 if len(ends.open) < ENDS_MAX else 1)
            number += PROCESSES * THREADS
        client.close()
        while ends.open:
            self.look(ends, 1)

    def run(self):
        threads = [threading.Thread(target=self.thread, args=(i,)) for i in range(THREADS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return {"asked": self.asked, "counts": self.counts, "complaints": self.complaints}


def start_clients(grammar, port):
    """[(process id, pipe)]: children that write what they found when they are through."""
    children = []
    for index in range(PROCESSES):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            with os.fdopen(write, "w") as out:
                json.dump(Clients(grammar, port, index).run(), out)
            os._exit(0)
        os.close(write)
        children.append((pid, os.fdopen(read)))
    return children


def collect(children, grid):
    """What the clients found, and how large the server was meanwhile."""
    sizes, results, reader = [], [], None

    def read_all():
        for pid, pipe in children:
            with pipe:
                text = pipe.read()
            results.append(json.loads(text) if text else {"asked": 0, "counts": {}, "complaints": ["a client broke"]})
            os.waitpid(pid, 0)

    reader = threading.Thread(target=read_all)
    reader.start()
    while reader.is_alive():
        reader.join(1)
        if grid.process.poll() is None:
            keep_up(grid)
            sizes += [size for size in [figures_of(grid.process.pid)] if size]
    return results, sizes


# ---- what must hold --------------------------------------------------------------------------------------------

def tell(holds, title, details=()):
    print(f"{'ok' if holds else 'not ok'} - {title}")
    for line in details:
        print(f"# {line}", flush=True)
    return 0 if holds else 1


def sanitizer_said(grid):
    with open(os.path.join(grid.directory, "reeved.log"), encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    at = next((i for i, line in enumerate(lines) if "Sanitizer" in line or "runtime error" in line), None)
    return [] if at is None else lines[at:at + 60]


def report(results, sizes, seconds):
    asked, counts = sum(r["asked"] for r in results), {}
    for r in results:
        for what, n in r["counts"].items():
            counts[what] = counts.get(what, 0) + n
    say("http_fuzz_requests", asked, "requests")
    say("http_fuzz_rate", asked / seconds, "requests/s")
    say("http_fuzz_statuses", sum(what.isdigit() for what in counts), "kinds of answers")
    for what in sorted(counts):
        say(f"http_fuzz_{what}", counts[what], "answers")
    # Once warm: a tenth in, and the end.
    if len(sizes) > 10:
        say("http_fuzz_rss_early", sizes[len(sizes) // 10][0], "MB")
        say("http_fuzz_rss_late", sizes[-1][0], "MB")
        say("http_fuzz_descriptors_most", max(s[1] for s in sizes), "descriptors")


def run_only(grid, grammar):
    for number in ONLY:
        clients = Clients(grammar, grid.port, 0)
        client, ends = Client(grid.port), Ends()
        clients.run_one(client, ends, number)
        while ends.open:
            clients.look(ends, 1)
        client.close()
        print(f"# {number}: {grammar.exchange(random.Random(f'{SEED}:{number}'))}\n# {clients.counts} {clients.complaints}")


def main():
    os.environ["ASAN_OPTIONS"] = LIMITS
    grid, failed = TestGrid(request_rate=0, live_jobs=100000), 0
    try:
        grid.start(seconds=120)
        grammar = world(grid)
        if ONLY:
            run_only(grid, grammar)
            return 0
        before, began = figures_of(grid.process.pid), time.monotonic()
        results, sizes = collect(start_clients(grammar, grid.port), grid)
        report(results, sizes, time.monotonic() - began)
        complaints = [c for r in results for c in r["complaints"]]
        failed += tell(not complaints, "requests that are nearly right are answered, and never by a server error", complaints)
        alive = grid.process.poll() is None
        failed += tell(alive and grid.api("GET", "/healthz")[0] == 200, "the server is alive")
        if alive:
            try:
                # Some connections of its own to the database come and go.
                wait_until(lambda: figures_of(grid.process.pid)[1] <= before[1] + 16, 120, "the descriptors are closed")
                failed += tell(True, "it keeps no descriptor")
            except TimeoutError:
                failed += tell(False, "it keeps no descriptor", [f"{before[1]} before, {figures_of(grid.process.pid)[1]} after"])
        code = grid.stop(120)
        said = sanitizer_said(grid)
        failed += tell(code == 0 and not said, "it leaks nothing and the sanitizers have nothing to say", [f"it ended with {code}"] + said)
    finally:
        grid.end()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
