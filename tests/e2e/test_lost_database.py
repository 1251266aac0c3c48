# SPDX-License-Identifier: Apache-2.0
"""reeved outlives the loss of its database at every statement: the engine's while it takes over and while it leads, and each one
that a request makes.

Between reeved and a PostgreSQL of its own stands a relay that knows the protocol so far as to count statements, and cuts the
connection at the one that is next."""
import os
import re
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Postgres, Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
ENGINE, WEB = b"\0reeved engine\0", b"\0reeve-web\0"  # the connections, by their names
STATEMENTS = list(range(1, 75)) + list(range(80, 200, 9))  # taking over has some fifty
SECONDS = 70
REQUEST_STATEMENTS = 40  # no request makes more


class Relay:
    """A Unix socket in front of PostgreSQL's. Cuts the k-th connection of the engine at statement cuts[k], and a connection of
    the web half when web_left more statements were made there."""

    def __init__(self, directory, target):
        self.target = target
        self.cuts, self.made, self.cut, self.web_left = [], 0, 0, 0
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(os.path.join(directory, ".s.PGSQL.5432"))
        self.socket.listen(100)
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.open = False
        self.socket.close()

    def next_cut(self):
        with self.lock:
            self.made += 1
            return self.cuts.pop(0) if self.cuts else 0

    def web_cut(self):
        """Whether a statement of the web half is the one to cut at."""
        with self.lock:
            self.web_left -= self.web_left > 0
            return self.web_left == 0

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        with client, server:
            try:
                server.connect(self.target)
                self.relay(client, server)
            except OSError:
                pass

    def relay(self, client, server):
        data, started, cut, seen, web = b"", False, 0, 0, False
        while True:
            for side in select.select([client, server], [], [])[0]:
                got = side.recv(65536)
                if not got:
                    return
                if side is server:
                    client.sendall(got)
                    continue
                data += got
                while len(data) >= (5 if started else 4):
                    size = struct.unpack(">I", data[1:5] if started else data[:4])[0] + started
                    if len(data) < size:
                        break
                    message, data = data[:size], data[size:]
                    if not started:
                        started = True
                        cut = self.next_cut() if ENGINE in message else 0
                        web = WEB in message
                    elif message[:1] in b"QE":
                        seen += 1
                        if web and self.web_left and self.web_cut():
                            cut = seen
                    if cut and seen == cut:
                        with self.lock:
                            self.cut += 1
                        if cut % 2:  # the statement arrives, its answer does not
                            server.sendall(message)
                        return
                    server.sendall(message)


def setup(grid):
    grid.patience = 40
    grid.postgres = Postgres(os.path.join(grid.directory, "pg")).start()
    grid.before_removal = grid.postgres.stop
    front = os.path.join(grid.directory, "front")
    os.makedirs(front, mode=0o700)
    grid.relay = Relay(front, os.path.join(grid.postgres.directory, ".s.PGSQL.5432"))
    grid.database = f"host={front} dbname=postgres"
    grid.start()
    grid.add_site("alpha", cpus=4)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


@suite.test
def cut_at_every_statement(grid):
    """an engine whose connection is cut at each of its statements in turn goes on and loses nothing"""
    made = grid.submit({"command": ["/bin/sh", "-c", "echo $REEVE_TASK > part.$REEVE_TASK"], "array": "1-4", "outputs": ["part.*"]})["id"]
    grid.wait_job(made)
    first = grid.submit({"command": ["/bin/sh", "-c", "sleep 5; wc -l \"$REEVE_INPUT_1\"/*/part.*"], "inputs": [f"job:{made}"], "array": "1-3"})["id"]
    then = grid.submit({"command": ["/bin/true"], "array": "1-3", "after": [{"job": first, "each": True}]})["id"]
    process = grid.process.pid
    end, told = time.monotonic() + SECONDS, grid.relay.made
    grid.relay.cuts = list(STATEMENTS)
    psql = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'reeved engine'"
    checker.psql(f"host={grid.postgres.directory} dbname=postgres", psql)
    wait_until(lambda: not grid.relay.cuts or time.monotonic() > end or not private.is_alive(process), SECONDS + 10, "all cuts are made")
    grid.relay.cuts = []
    print(f"# {grid.relay.cut} cuts in {grid.relay.made - told} connections", flush=True)
    equal(grid.process.poll(), None, "reeved's exit code")
    assert grid.relay.cut > 40, "few cuts were made"
    for job in (first, then):
        equal(grid.wait_job(job, 60)["state"], "succeeded", f"state of job {job}")
    equal(grid.run_job(command=["/bin/true"])["state"], "succeeded", "a job afterwards")


def requests_of(grid, job):
    """What is asked: (method, path, body) of everything that is read, and of what writes and can be said again and again."""
    document = grid.get("/v1/openapi.json")
    fill = {"id": job, "name": "alpha", "plot": "throughput", "task": 1, "attempt": 1, "user": "admin", "project": "default"}
    for path, methods in sorted(document["paths"].items()):
        if "get" in methods and "/stream" not in path:
            yield "GET", re.sub(r"\{(\w+)\}", lambda name: str(fill.get(name[1], 1)), path), None
    spec = {"command": ["/bin/true"], "inputs": [f"job:{job}"], "after": [{"job": job}], "hold": True}
    rare = {"command": ["/bin/true"], "resources": {"rare_countable": 1}}  # is looked for in a world that is read anew
    for path, body in (("/v1/jobs", rare), ("/v1/jobs", spec), ("/v1/jobs?dry_run=true", spec), ("/v1/jobs:bulk", {"jobs": [spec, spec]}),
                       ("/v1/explain", spec), (f"/v1/jobs/{job}/rerun", {}), ("/v1/jobs:hold", {"label": "of:nobody"}),
                       ("/v1/datasets", {"name": "lost"}), ("/v1/tokens", {"name": "lost"}), ("/v1/sites/alpha/open", {})):
        yield "POST", path, body


@suite.test
def cut_at_every_statement_of_a_request(grid):
    """a request whose database is lost at any of its statements is answered, and reeved goes on"""
    job = grid.run_job(command=["/bin/true"], outputs=["none.*"])["id"]
    answers, kinds, status = {}, 0, 0
    for method, path, body in requests_of(grid, job):
        kinds += 1
        for left in range(1, REQUEST_STATEMENTS):
            grid.relay.web_left = left

            def reached():
                """Asked by a thread that has its connection again."""
                nonlocal status
                status = grid.api(method, path, body)[0]
                return status != 503 or not grid.relay.web_left
            wait_until(reached, 30, f"{method} {path} reaches the database")
            answers[status] = answers.get(status, 0) + 1
            assert status != 500 and grid.process.poll() is None, f"{method} {path}, statement {left}: {status}"
            if grid.relay.web_left:
                break
        grid.relay.web_left = 0
    print(f"# {kinds} requests; answers {answers}", flush=True)
    assert answers.get(503, 0) > kinds, "hardly any request met a cut"
    equal(grid.run_job(command=["/bin/true"])["state"], "succeeded", "a job afterwards")
    grid.relay.close()


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
