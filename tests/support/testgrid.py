# SPDX-License-Identifier: Apache-2.0
"""A private grid for tests: what packaging/demo/grid.py has, with jobs that write down that they ran, clients that write down
what they were told, a PostgreSQL of its own, and ways to break things. Run as an ordinary user.
"""
import glob
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "packaging", "demo"), os.path.join(TOP, "tests", "faults")]

import checker  # noqa: E402
import private  # noqa: E402
from grid import Grid, GridError  # noqa: E402
from private import wait_until  # noqa: E402

FINAL = ("succeeded", "failed", "cancelled")
RECORD = "recorder.log"
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))


class Postgres:
    """A private PostgreSQL that is not reeved's own: on a Unix socket in its directory, with default durability. What nobody
    waits for to be on disk gets there late, so that a crash shows who did not wait."""

    def __init__(self, directory):
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.bin = os.path.dirname(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[-1])
        self.process = None
        os.makedirs(directory, mode=0o700, exist_ok=True)
        subprocess.run([os.path.join(self.bin, "initdb"), "-D", self.data, "-A", "trust", "--no-locale", "-E", "UTF8", "-N"],
                       check=True, capture_output=True)
        self.conninfo = f"host={directory} dbname=postgres"

    def start(self):
        log = open(os.path.join(self.directory, "log"), "ab")
        with log:
            self.process = subprocess.Popen([os.path.join(self.bin, "postgres"), "-D", self.data, "-k", self.directory,
                                             "-c", "listen_addresses=", "-c", "wal_writer_delay=10s"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.directory]).returncode == 0,
                   60, "PostgreSQL answers")
        return self

    def crash(self):
        """kill -9 of the postmaster; its children notice and end."""
        own = private.descendants(self.process.pid)
        private.send(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not any(private.is_alive(pid) for pid in own), 20, "PostgreSQL's processes end")

    def stop(self):
        private.send(self.process.pid, signal.SIGINT)
        self.process.wait(30)


class TestGrid(Grid):
    """A grid whose client calls and jobs leave records for the checker."""

    def __init__(self, **settings):
        super().__init__(BUILD, prefix="reeve-test.")
        private.end_on_signal()
        self.settings.update(settings)
        self.client_log = os.path.join(self.directory, "clients.jsonl")
        self.recorder = os.path.join(self.bin, "recorder")
        subprocess.run(["cp", os.path.join(BUILD, "tests", "recorder"), self.recorder], check=True)
        self.lock = threading.Lock()
        self.mounts = []
        open(self.client_log, "w", encoding="utf-8").close()

    def mount(self, path, megabytes):
        """A small file system of its own on a directory; needs the right to mount."""
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "small", path], check=True)
        self.mounts.append(path)

    def before_removal(self):
        for path in self.mounts:
            subprocess.run(["umount", path], check=True)

    def add_site(self, name, cpus=2, **where):
        """A site that is up."""
        site = self.make_site(name, cpus, **where)
        open(os.path.join(site.home, RECORD), "w", encoding="utf-8").close()
        self.register(site)
        self.wait_site(name)
        return site

    def wait_site(self, name, health="up", seconds=60):
        wait_until(lambda: self.get(f"/v1/sites/{name}")["health"] == health, seconds, f"site {name} is {health}")

    # ---- jobs ----

    def submit(self, body, **headers):
        """Submit through the API: the reply's body; an error unless it was accepted."""
        status, reply = self.ask("POST", "/v1/jobs", body, headers)
        if status != 201:
            raise GridError(f"POST /v1/jobs answered {status}: {reply}")
        return reply

    def job(self, number):
        return self.get(f"/v1/jobs/{number}")

    def wait_job(self, number, seconds=60, states=FINAL):
        def ended():
            shown = self.job(number)
            return shown if shown["state"] in states else None
        return wait_until(ended, seconds, f"job {number} is {' or '.join(states)}")

    def run_job(self, seconds=60, **body):
        """Submit and wait: the job as shown at its end."""
        return self.wait_job(self.submit(body)["id"], seconds)

    def task(self, job, number=1):
        return self.get(f"/v1/jobs/{job}/tasks/{number}")

    def attempt(self, job, number=1):
        """The newest attempt of a task."""
        return max(self.task(job, number)["attempts"], key=lambda attempt: attempt["attempt"])

    def log(self, job, number=1, stream="stdout"):
        """All of a log, as bytes."""
        status, body = self.api("GET", f"/v1/jobs/{job}/tasks/{number}/log?stream={stream}&offset=0&limit=262144")
        if status != 200:
            raise GridError(f"log of {job}.{number} answered {status}: {body}")
        return body if isinstance(body, bytes) else json.dumps(body).encode()

    def recorded(self, seconds, cpus=1, code=0, **body):
        """A job whose tasks write down that they run."""
        return {"name": "recorded", "command": [self.recorder, RECORD, str(cpus), str(seconds), str(code)],
                "resources": {"cpus": cpus}, "retry": {"max": 0, "site_max": 100, "delay": 1, "delay_max": 2}, **body}

    # ---- what clients were told ----

    def note(self, **entry):
        with self.lock, open(self.client_log, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def submit_noted(self, body, nonce, expect="succeeded"):
        """Submit with a key, as often as it takes to hear an answer, and write down each answer. The job's number, or None."""
        body = {**body, "labels": {"nonce": nonce}}
        first, _dash, last = body.get("array", "1-1").split("%")[0].partition("-")
        for _try in range(200):
            try:
                status, reply = self.api("POST", "/v1/jobs", body, {"Idempotency-Key": nonce}, seconds=10)
            except OSError:
                status, reply = 0, None
            if status == 201:
                self.note(op="submit", result="ok", job=reply["id"], first=int(first), last=int(last), expect=expect,
                          nonce=nonce)
                return reply["id"]
            if 400 <= status < 500 and status != 429:
                self.note(op="submit", result="fail", nonce=nonce)
                raise GridError(f"submission answered {status}: {reply}")
            self.note(op="submit", result="unknown", nonce=nonce)
            time.sleep(0.2)
        return None

    def cancel_noted(self, job):
        """Cancel, as often as it takes to hear an answer."""
        for _try in range(200):
            try:
                status, _reply = self.api("POST", f"/v1/jobs/{job}/cancel", {}, seconds=10)
            except OSError:
                status = 0
            if status in (200, 202):
                self.note(op="cancel", result="ok", job=job, boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME))
                return
            time.sleep(0.2)

    # ---- the database, from outside ----

    def conninfo(self):
        """How psql reaches the database: the one given, or the private one by its postmaster.pid."""
        if self.database:
            return self.database
        with open(self.postmaster_file(), encoding="utf-8") as file:
            lines = file.read().splitlines()
        return f"host={lines[4]} port={lines[3]} user=reeve dbname=postgres"

    def postmaster_file(self):
        return next(os.path.join(base, "postmaster.pid") for base, _d, names in os.walk(self.state)
                    if "postmaster.pid" in names)

    def postmaster(self):
        """Process id of reeved's private PostgreSQL."""
        with open(self.postmaster_file(), encoding="utf-8") as file:
            return int(file.readline())

    def judge(self):
        """What the checker says of everything so far."""
        sites = {s.name: (s.cpus, os.path.join(s.home, RECORD)) for s in self.sites.values()}
        history = checker.load(self.conninfo(), self.client_log, sites, self.recorder)
        return history, checker.judge(history)

    def judge_capacity(self):
        """(runs, complaints) by the sites' own records alone."""
        lines = [x for s in self.sites.values() for x in checker.read_site(s.name, os.path.join(s.home, RECORD))[0]]
        history = checker.History(lines, {}, [], {}, [], [], [], [], [], {s.name: s.cpus for s in self.sites.values()})
        return checker.runs_of(lines), list(checker.check_capacity(history)) + list(checker.check_overlap(history))

    # ---- processes ----

    def processes(self, word, below=None):
        """Process ids of ours whose command line holds a word."""
        return [pid for pid in private.descendants(below) if word in private.describe(pid)]

    def connectors(self):
        return self.processes("reeve-connector")

    def workers(self, site=None):
        """Agents, keepers and relays, of one site or of all."""
        words = f"--root {site.root}" if site else "reeve-worker"
        return [pid for pid in self.processes(words) if "reeve-worker" in private.describe(pid).split()[0]]


class Suite:
    """Collects tests (functions with a sentence), runs them on one grid, prints TAP."""

    def __init__(self):
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def run(self, setup, wanted=(), **settings):
        """setup(grid) readies the grid that the tests share; settings are reeved's. Returns the number of failures."""
        tests = [t for t in self.tests if not wanted or any(word in t.__name__ for word in wanted)]
        if not tests:
            return 0
        grid = TestGrid(**settings)
        failures = 0

        def attempt(title, function):
            nonlocal failures
            try:
                function(grid)
            except Exception:
                failures += 1
                print(f"not ok - {title}")
                print("# " + traceback.format_exc().strip().replace("\n", "\n# "), flush=True)
                return False
            print(f"ok - {title}", flush=True)
            return True

        try:
            if attempt("the grid starts", setup):
                for test in tests:
                    attempt(test.__doc__.strip().splitlines()[0].rstrip("."), test)
            if failures:
                print("# reeved: " + grid.log_tail(40).replace("\n", "\n# "), flush=True)
        finally:
            private.ignore_signals()
            trouble = grid.end(keep=bool(failures and os.environ.get("KEEP")))
        print("not ok - nothing is left behind" if trouble else "ok - nothing is left behind")
        for what in trouble:
            print(f"# {what}", flush=True)
        return failures + bool(trouble)


def seeded():
    """A random source whose seed is printed; SEED=n repeats it."""
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 31)))
    print(f"# SEED={seed}", flush=True)
    return random.Random(seed)
