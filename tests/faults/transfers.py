# SPDX-License-Identifier: Apache-2.0
"""Transfers whose every part is killed at random moments: nothing that is visible is ever wrong, and what was asked for arrives.

    KILLS=n kills (default 25), KILL_SECONDS=n at most (default 75); SEED=n repeats the same choices; KEEP=1 keeps the directory.

Datasets of one site are brought to another over and over, by relay and directly, while a process of anything that takes part
is killed: the engine, connectors, both workers' processes with what they forked, the logins between them, or connections are
cut. After each kill every file that has its name at the destination must be whole. In the end each dataset must arrive.
"""
import hashlib
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import GridError, TestGrid, checker, private, seeded, wait_until  # noqa: E402

KILLS = int(os.environ.get("KILLS", "25"))
SECONDS = float(os.environ.get("KILL_SECONDS", "75"))
# Until everything has arrived once nothing is broken any more.
SETTLE = 120
SETTINGS = {"lease": "6s", "lease_margin": "2s", "heartbeat": "500ms", "leader_lease": "5s"}
NAMES = ("load-a", "load-b", "load-c")
BUDGET = 5_000_000
# A link that failed again and again rests, for minutes in the end; another leadership does not know of it.
STILL = 3
OPEN = ("queued", "active", "verifying")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Load:
    """One dataset: what it holds, and what of it lies at the destination."""

    def __init__(self, grid, name, rng):
        self.grid, self.name = grid, name
        self.place = os.path.join(grid.sites["alpha"].home, name)
        self.files = {}
        os.makedirs(os.path.join(self.place, "deep", "er"))
        sizes = {"large": 4_000_000 + rng.randrange(100_000), "deep/middle": 1_500_000, "deep/empty": 0}
        sizes.update({f"deep/er/small {i}": 2000 + i for i in range(30)})
        for path, size in sizes.items():
            with open(os.path.join(self.place, path), "wb") as file:
                file.write(rng.randbytes(size))
            self.files[path] = sha256(os.path.join(self.place, path))
        status, reply = grid.ask("POST", "/v1/datasets", {"name": name, "site": "alpha", "path": self.place})
        if status != 202:
            raise GridError(f"dataset {name} is not registered: {reply}")
        wait_until(lambda: any(d["name"] == name and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), 40,
                   f"dataset {name} is registered")
        number = checker.query(grid.conninfo(), f"select id from datasets where name = '{name}'")[0]["id"]
        self.copy = os.path.join(grid.sites["bravo"].root, "data", f"d{number}")
        self.arrived = 0

    def visible(self):
        """Files that have their name at the destination, with their checksums."""
        found = {}
        for base, directories, names in os.walk(self.copy):
            for name in names:
                path = os.path.join(base, name)
                try:
                    found[os.path.relpath(path, self.copy)] = sha256(path)
                except FileNotFoundError:
                    continue  # evicted just now
        return found

    def wrong(self):
        return [f"{self.name}: {path} is visible at the destination and not what it was at the source"
                for path, digest in self.visible().items() if self.files.get(path) != digest]

    def transfers(self):
        return [t for t in self.grid.get(f"/v1/transfers?dataset={self.name}")["items"] if t["state"] in OPEN]

    def is_there(self):
        return any(s["site"] == "bravo" and s["complete"] for s in self.grid.get(f"/v1/datasets/{self.name}")["sites"])

    def step(self):
        """Ask for it where it is not, let go of what has arrived. True: bytes of it are moving."""
        if self.is_there():
            missing = set(self.files) - set(self.visible())
            if missing:
                raise AssertionError(f"{self.name} counts as complete without {sorted(missing)[:3]}")
            self.arrived += 1
            self.grid.ask("POST", f"/v1/datasets/{self.name}/evict", {"site": "bravo"})
            return False
        under_way = self.transfers()
        if not under_way:
            self.grid.ask("POST", f"/v1/datasets/{self.name}/copy", {"site": "bravo"})
        for t in under_way:
            # A pause after failed tries grows; a new order goes on with what lies there.
            if t["state"] == "queued" and t["tries"] >= 1:
                self.grid.ask("POST", f"/v1/transfers/{t['id']}/cancel", {})
        return any(t["state"] == "active" for t in under_way)


class Killer:
    def __init__(self, grid, rng):
        self.grid, self.rng, self.count = grid, rng, {}

    def one_of(self, pids):
        if pids:
            private.send(self.rng.choice(sorted(pids)), signal.SIGKILL)
        return bool(pids)

    def engine(self):
        private.send(self.grid.process.pid, signal.SIGKILL)
        self.grid.process.wait()
        time.sleep(self.rng.uniform(0, 0.5))
        self.grid.start()
        return True

    def connector(self):
        return self.one_of(self.grid.connectors())

    def worker(self):
        return self.one_of(self.grid.workers())

    def stream(self):
        """What carries bytes right now: senders, receivers, and programs that log in."""
        return self.one_of([pid for word in (" send ", " receive ", "ssh ") for pid in self.grid.processes(word)
                            if "sshd" not in private.describe(pid)])

    def destination(self):
        return self.one_of(self.grid.workers(self.grid.sites["bravo"]))

    def cut(self):
        self.grid.sites[self.rng.choice(("alpha", "bravo"))].server.cut()
        return True

    KINDS = ("engine", "connector", "worker", "worker", "stream", "stream", "stream", "destination", "destination", "cut")

    def strike(self):
        name = self.rng.choice(self.KINDS)
        if not getattr(self, name)():
            return False
        self.count[name] = self.count.get(name, 0) + 1
        return True


def set_ways(grid, rng):
    direct = "true" if rng.random() < 0.5 else "false"
    checker.psql(grid.conninfo(), "insert into links (from_site, to_site, rate, latency, weight, budget, direct) select a.id, b.id, 1e7, 0.1,"
                 f" 1, {BUDGET}, {direct} from sites a, sites b where a.name = 'alpha' and b.name = 'bravo' on conflict"
                 f" (from_site, to_site) do update set budget = {BUDGET}, direct = {direct}")


def ways(grid):
    rows = checker.query(grid.conninfo(), "select coalesce(way, 'none') as way, count(*) as n from transfers where state = 'done' group by 1")
    return ", ".join(f"{row['way']} {row['n']}" for row in rows)


class Pace:
    """Restarts the engine when nothing has moved for a while, so that a run is kills and not pauses."""

    def __init__(self, killer):
        self.killer, self.moved = killer, time.monotonic()

    def saw(self, moving):
        if moving:
            self.moved = time.monotonic()
        elif time.monotonic() - self.moved > STILL:
            self.killer.engine()
            self.moved = time.monotonic()


def settle(loads, pace, complaints):
    end = time.monotonic() + SETTLE
    for load in loads:
        while not load.is_there():
            if time.monotonic() > end:
                return complaints.append(f"{load.name} has not arrived: {load.transfers()}")
            under_way = load.transfers()
            if not under_way:
                load.grid.ask("POST", f"/v1/datasets/{load.name}/copy", {"site": "bravo"})
            elif under_way[0]["state"] == "queued" and under_way[0]["tries"] >= 2:
                load.grid.ask("POST", f"/v1/transfers/{under_way[0]['id']}/cancel", {})
            pace.saw(any(t["state"] == "active" for t in under_way))
            time.sleep(0.3)
        if load.visible() != load.files:
            complaints.append(f"{load.name} arrived and is not whole")
    return None


def story(grid, rng):
    grid.patience = 60
    grid.start()
    for name in ("alpha", "bravo"):
        grid.add_site(name, 2)
    server = grid.sites["alpha"].server
    checker.psql(grid.conninfo(), f"update sites set direct_host = 'localhost', direct_keys = '{server.path('authorized_keys')}'"
                 " where name = 'alpha'")
    loads = [Load(grid, name, rng) for name in NAMES]
    killer, complaints, kills = Killer(grid, rng), [], 0
    pace = Pace(killer)
    end = time.monotonic() + SECONDS
    while kills < KILLS and time.monotonic() < end and not complaints:
        if kills % 8 == 0:
            set_ways(grid, rng)
        moving = [load.step() for load in loads]
        time.sleep(rng.uniform(0, 0.5))
        if any(moving):
            kills += killer.strike()
        pace.saw(any(moving))
        for load in loads:
            complaints += load.wrong()
    settle(loads, pace, complaints)
    for load in loads:
        complaints += load.wrong()
    print(f"# {kills} kills ({', '.join(f'{n} {c}' for n, c in sorted(killer.count.items()))}); arrived"
          f" {sum(load.arrived for load in loads)} times before the end; transfers done: {ways(grid)}")
    keys = open(server.path("authorized_keys"), encoding="utf-8").read()
    if "reeve-transfer" in keys and not [t for load in loads for t in load.transfers()]:
        try:
            wait_until(lambda: "reeve-transfer" not in open(server.path("authorized_keys"), encoding="utf-8").read(), 30, "keys are gone")
        except TimeoutError:
            # It lets nobody in without its offer, and is swept; more than one of each transfer would not be.
            print(f"# {keys.count('reeve-transfer')} keys of transfers are left to be swept")
    return complaints


def main():
    rng = seeded()
    grid = TestGrid(**SETTINGS)
    title = "whatever is killed while data moves, what is visible is whole, and all of it arrives"
    try:
        complaints = story(grid, rng)
    except Exception as error:
        print("# reeved: " + grid.log_tail(40).replace("\n", "\n# "))
        complaints = [f"{type(error).__name__}: {error}"]
    finally:
        grid.end(keep=bool(os.environ.get("KEEP")))
    print(f"{'not ok' if complaints else 'ok'} - {title}")
    for complaint in complaints[:20]:
        print(f"# {complaint}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
