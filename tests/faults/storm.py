# SPDX-License-Identifier: Apache-2.0
"""Faults at random moments under load, judged by checker.py afterwards.

    SEED=n repeats the same choices; STORM_SECONDS=n is how long each storm lasts (default 40).
    storm.py [WORD...]: only the storms whose name holds a word

A storm is a grid, clients that submit and cancel, and a thread that breaks things. Then everything heals, every job must
end, and no promise may be broken.
"""
import os
import random
import shutil
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import GridError, Postgres, TestGrid, checker, private, seeded, wait_until  # noqa: E402

SECONDS = float(os.environ.get("STORM_SECONDS", "40"))
# How long jobs may take to end once everything is healed.
SETTLE = float(os.environ.get("SETTLE", "120"))
SETTINGS = {"lease": "6s", "lease_margin": "2s", "heartbeat": "500ms", "leader_lease": "5s"}
CAPACITY = {"alpha": 4, "bravo": 3}
# CPU seconds that may wait beyond what the sites can do.
BACKLOG = 25


class Clients:
    """Submit jobs that record themselves, and cancel some of them, until told to stop."""

    def __init__(self, grid, rng, pause=0.4, longest=2.5):
        self.grid, self.rng, self.pause, self.longest = grid, rng, pause, longest
        self.stopped = threading.Event()
        self.jobs = []
        self.trouble = []
        self.spent, self.began = 0.0, time.monotonic()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def is_enough(self):
        """Whether the sites have work for a while: more would only make the end of the storm wait."""
        return self.spent > BACKLOG + 0.7 * sum(CAPACITY.values()) * (time.monotonic() - self.began)

    def work(self):
        number = 0
        try:
            while not self.stopped.is_set():
                if self.is_enough():
                    self.stopped.wait(0.1)
                    continue
                number += 1
                cancelled = self.rng.random() < 0.1
                cpus = self.rng.choice((1, 1, 1, 2))
                tasks = self.rng.choice((1, 1, 3, 5))
                seconds = round(self.rng.uniform(0.05, self.longest), 2)
                self.spent += seconds * cpus * tasks
                body = self.grid.recorded(seconds, cpus, array=f"1-{tasks}")
                job = self.grid.submit_noted(body, f"storm-{number}", "any" if cancelled else "succeeded")
                if job is None:
                    self.trouble.append(f"submission {number} never heard an answer")
                    continue
                self.jobs.append(job)
                if cancelled:
                    self.grid.cancel_noted(job)
                self.stopped.wait(self.rng.uniform(0, 2 * self.pause))
        except Exception as error:
            self.trouble.append(f"client: {error!r}")

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopped.set()
        self.thread.join(120)
        if self.thread.is_alive():
            self.trouble.append("a client call hangs")


class Breaker:
    """Breaks one thing after the other; each fault heals what it must heal by itself, as a service manager would."""

    def __init__(self, grid, rng):
        self.grid, self.rng = grid, rng
        self.count = {}

    def pick(self, pids):
        return self.rng.choice(sorted(pids)) if pids else None

    def kill_one(self, pids):
        pid = self.pick(pids)
        if pid:
            private.send(pid, signal.SIGKILL)

    def freeze_one(self, pids, low=0.2, high=3):
        """SIGSTOP for a while."""
        pid = self.pick(pids)
        if pid:
            private.send(pid, signal.SIGSTOP)
            time.sleep(self.rng.uniform(low, high))
            private.send(pid, signal.SIGCONT)

    def site(self):
        return self.grid.sites[self.rng.choice(sorted(self.grid.sites))]

    # ---- the faults ----

    def reeved(self):
        """kill -9 of reeved; it is started again a moment later."""
        private.send(self.grid.process.pid, signal.SIGKILL)
        self.grid.process.wait()
        time.sleep(self.rng.uniform(0, 1.5))
        self.grid.start()

    def connector(self):
        """kill -9 of a connector."""
        self.kill_one(self.grid.connectors())

    def worker(self):
        """kill -9 of one process of a worker: agent, keeper or relay."""
        self.kill_one(self.grid.workers())

    def whole_worker(self):
        """kill -9 of everything of a site's worker at once; its tasks go on as orphans."""
        for pid in self.grid.workers(self.site()):
            private.send(pid, signal.SIGKILL)

    def backend(self):
        """kill -9 of a PostgreSQL backend: the server recovers from its log."""
        self.kill_one(private.children_by_parent().get(self.grid.postmaster(), []))

    def postmaster(self):
        """kill -9 of the PostgreSQL server itself: reeved brings it back."""
        private.send(self.grid.postmaster(), signal.SIGKILL)

    def cut(self):
        """Every connection to a site is reset."""
        self.site().server.cut()

    def away(self):
        """A site's SSH server is gone for a while, sometimes longer than a lease."""
        site = self.site()
        site.server.stop()
        time.sleep(self.rng.choice((0.5, 2, 9)))
        site.server.start()

    def half_open(self):
        """A connection that stays open and carries nothing, longer than a lease."""
        sessions = [pid for pid in private.descendants(self.site().server.process.pid)
                    if private.describe(pid).startswith("sshd:")]
        for pid in sessions:
            private.send(pid, signal.SIGSTOP)
        time.sleep(self.rng.choice((1, 4, 9)))
        for pid in sessions:
            private.send(pid, signal.SIGCONT)

    def frozen_worker(self):
        """A worker's process stops for a while, as on a host that swaps."""
        self.freeze_one(self.grid.workers(), 0.5, 8)

    def frozen_connector(self):
        """A connector stops for a while."""
        self.freeze_one(self.grid.connectors(), 0.5, 8)

    def frozen_reeved(self):
        """reeved itself stops, longer than a lease at times; its own delay must not look like others' silence."""
        private.send(self.grid.process.pid, signal.SIGSTOP)
        time.sleep(self.rng.choice((1, 8)))
        private.send(self.grid.process.pid, signal.SIGCONT)

    FAULTS = ("reeved", "reeved", "connector", "worker", "worker", "whole_worker", "backend", "postmaster", "cut", "away",
              "half_open", "frozen_worker", "frozen_connector", "frozen_reeved")

    def storm(self, seconds, faults=FAULTS):
        end = time.monotonic() + seconds
        # Each fault once, in a random order, then at random: a short storm leaves none out.
        ahead = list(dict.fromkeys(faults))
        self.rng.shuffle(ahead)
        while time.monotonic() < end:
            name = ahead.pop() if ahead else self.rng.choice(faults)
            self.count[name] = self.count.get(name, 0) + 1
            getattr(self, name)()
            time.sleep(self.rng.uniform(0.1, 1.5))


def settle(grid, jobs, seconds=SETTLE):
    """Every job ends; a word about those that do not."""
    deadline = time.monotonic() + seconds
    for job in jobs:
        try:
            grid.wait_job(job, max(1, deadline - time.monotonic()))
        except TimeoutError:
            return [f"job {job} has not ended: {grid.job(job)}"]
        except GridError:
            continue  # it is not there: the checker will say so
    try:
        wait_until(lambda: not checker.running_recorders(grid.recorder), 15, "no job runs")
    except TimeoutError as error:
        return [str(error)]
    return []


def with_grid(story, database=False, **settings):
    """Make a grid with its sites, run the story on it, end it. Returns the complaints."""
    grid = TestGrid(**{**SETTINGS, **settings})
    try:
        if database:
            grid.postgres = Postgres(os.path.join(grid.directory, "pg")).start()
            grid.database = grid.postgres.conninfo
        grid.patience = 60
        grid.start()
        checker.watch_database(grid.conninfo())
        for name, cpus in CAPACITY.items():
            grid.add_site(name, cpus)
        return story(grid)
    except Exception as error:
        print("# reeved: " + grid.log_tail(40).replace("\n", "\n# "))
        raise error
    finally:
        grid.end(keep=bool(os.environ.get("KEEP")))


def judge(grid, jobs, trouble):
    complaints = trouble + settle(grid, jobs)
    history, broken = grid.judge()
    runs = len(checker.runs_of(history.lines))
    lost = sum(a["state"] == "lost" for a in history.attempts)
    print(f"# {len(jobs)} jobs, {len(history.attempts)} attempts ({lost} lost), {runs} runs, {len(history.log)} changes")
    return complaints + broken


def storm_everything(rng):
    """kill -9, freezes and cuts of everything, at random moments under load, break no promise"""
    def story(grid):
        clients = Clients(grid, rng).start()
        breaker = Breaker(grid, random.Random(rng.random()))
        try:
            breaker.storm(SECONDS)
        finally:
            clients.stop()
        print("# " + ", ".join(f"{name} {count}" for name, count in sorted(breaker.count.items())))
        return judge(grid, clients.jobs, clients.trouble)
    return with_grid(story)


def copy_state(grid):
    """A state directory for a second reeved with the same keys."""
    path = os.path.join(grid.directory, "reeve-2")
    shutil.copytree(grid.state, path, ignore=lambda _d, names: [n for n in names if n.endswith((".sock", ".lock"))])
    return path


def storm_takeover(rng):
    """a second reeved takes over from one that is frozen past its lease, and the frozen one, awake again, writes nothing"""
    def story(grid):
        clients = Clients(grid, rng).start()
        second_state = copy_state(grid)
        first, first_url, first_port = grid.process, grid.url, grid.port
        second, second_url = grid.spawn(private.free_port(), second_state, 60)
        trouble = []
        turns = [(first, second_url), (second, first_url)]
        epoch = lambda: int(checker.query(grid.conninfo(), "select epoch from leader")[0]["epoch"])  # noqa: E731
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for process, other_url in turns:
                before = epoch()
                private.send(process.pid, signal.SIGSTOP)
                # Clients speak to the one that is awake.
                grid.url = other_url
                time.sleep(rng.uniform(8, 14))
                after = epoch()
                private.send(process.pid, signal.SIGCONT)
                if process is first and after == before:
                    trouble.append(f"nobody took over: epoch {before} still led after the leader was frozen")
                time.sleep(rng.uniform(1, 3))
                first = None
        grid.process, grid.url, grid.port = turns[0][0], first_url, first_port
        clients.stop()
        complaints = judge(grid, clients.jobs, clients.trouble + trouble)
        private.send(second.pid, signal.SIGTERM)
        second.wait(30)
        return complaints
    return with_grid(story, database=True)


def storm_stalled(rng):
    """a leader stalled inside its transaction for longer than its lease is not overtaken before that transaction ends"""
    def story(grid):
        clients = Clients(grid, rng, pause=0.6).start()
        second_state = copy_state(grid)
        second, _url = grid.spawn(private.free_port(), second_state, 60)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            # Whoever wants to write attempts waits for this; who leads meanwhile must not change under it.
            checker.psql(grid.conninfo(), f"begin; lock table attempts_live in exclusive mode; select pg_sleep("
                         f"{rng.uniform(7, 10):.1f}); commit")
            time.sleep(rng.uniform(2, 6))
        clients.stop()
        complaints = judge(grid, clients.jobs, clients.trouble)
        private.send(second.pid, signal.SIGTERM)
        second.wait(30)
        return complaints
    return with_grid(story, database=True)


def storm_database(rng):
    """a database server of one's own that crashes again and again costs no acknowledged job"""
    def story(grid):
        clients = Clients(grid, rng, pause=0.1).start()
        end = time.monotonic() + SECONDS / 2
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.5, 3))
            grid.postgres.crash()
            time.sleep(rng.uniform(0, 2))
            grid.postgres.start()
        clients.stop()
        return judge(grid, clients.jobs, clients.trouble)

    return with_grid(story, database=True)


def storm_of(*faults, longest=2.5, pause=0.15, **settings):
    """A storm of certain faults only."""
    def storm(rng):
        def story(grid):
            clients = Clients(grid, rng, pause, longest).start()
            try:
                if faults:
                    Breaker(grid, rng).storm(SECONDS, faults)
                else:
                    time.sleep(SECONDS / 3)
            finally:
                clients.stop()
            return judge(grid, clients.jobs, clients.trouble)
        return with_grid(story, **settings)
    return storm


def storm_links(rng):
    """links that are cut, dead or gone for longer than a lease break no promise"""
    return storm_of("away", "half_open", "cut", "frozen_connector", longest=9)(rng)


def storm_workers(rng):
    """workers that are killed and frozen break no promise"""
    return storm_of("worker", "whole_worker", "frozen_worker", "cut")(rng)


def storm_cuts(rng):
    """connections that are cut again and again while sites have room to spare break no promise"""
    return storm_of("cut", longest=6, pause=3)(rng)


def storm_calm(rng):
    """more work than the sites can take, sent ahead of free places, and no fault at all, breaks no promise"""
    return storm_of(ahead="5s")(rng)


# Run when nothing is asked for by name; the others are for planted faults and for long runs.
USUAL = (storm_everything, storm_takeover, storm_stalled, storm_database)
STORMS = USUAL + (storm_links, storm_workers, storm_cuts, storm_calm)


def main(wanted):
    rng = seeded()
    failures = 0
    for storm in [s for s in STORMS if any(word in s.__name__ for word in wanted)] if wanted else USUAL:
        title = storm.__doc__.strip()
        try:
            complaints = storm(random.Random(rng.random()))
        except Exception as error:
            complaints = [f"{type(error).__name__}: {error}"]
        print(f"{'not ok' if complaints else 'ok'} - {title}")
        shown = {}
        for complaint in complaints:
            promise = complaint.partition(":")[0]
            shown[promise] = shown.get(promise, 0) + 1
            if shown[promise] <= 8:
                print(f"# {complaint}")
        print("".join(f"# {promise}: {count} in all\n" for promise, count in shown.items() if count > 8), end="")
        sys.stdout.flush()
        failures += bool(complaints)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
