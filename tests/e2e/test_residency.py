# SPDX-License-Identifier: Apache-2.0
"""Whatever is asked in whatever order, no byte lies, moves or is read where a policy forbids it, and the audit shows the refusals.

Random calls of the API for RESIDENCY_SECONDS (30); SEED=n repeats their order. Beside them somebody looks at the record, and
at the disks of the sites."""
import glob
import os
import sys
import threading
import time
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, private, seeded, wait_until  # noqa: E402

suite = Suite()
SITES = ("alpha", "bravo", "charlie")
LABELS = ("eu", "hospital")
DATASETS = 9
FILES, SIZE = 3, 40_000
SECONDS = float(os.environ.get("RESIDENCY_SECONDS", "30"))
LAG = 8  # seconds until what was left behind is at least listed for deletion
CLOCK = 0.2  # seconds that two readings of one clock may be apart

# Wherever something of a dataset is or goes, against its policy as of the same moment.
OUTSIDE = """select d.name, s.name as site, p.what from datasets d join (
    select dataset_id, site_id, 'place' as what from dataset_sites union all
    select dataset_id, to_site, 'transfer' from transfers where state in ('queued', 'active', 'verifying')) p on p.dataset_id = d.id
    join sites s on s.id = p.site_id where d.removed_at is null and p.site_id <> all(reeve_allowed_sites(d.policy_sites, d.policy_labels))"""
WHERE_NOW = """select 'd' || d.id as directory, s.name as site,
    coalesce(s.id = any(reeve_allowed_sites(d.policy_sites, d.policy_labels)), true) as allowed,
    exists (select from evictions e where e.site_id = s.id and e.directory = 'd' || d.id) as going from datasets d cross join sites s"""


def setup(grid):
    grid.patience = 40
    grid.start()
    for name in SITES:
        grid.add_site(name, cpus=2)


def query(grid, sql):
    return checker.query(grid.conninfo(), sql)


class World:
    """What the test asked for and was told; policies and labels with the times between which they held for certain."""

    def __init__(self, grid, chance):
        self.grid, self.chance = grid, chance
        self.jobs, self.refused, self.done = [], [], {}
        self.labels = {site: frozenset() for site in SITES}
        self.policies = {}
        self.periods = []  # (dataset, site, from, to) of what was forbidden
        self.since = {}

    def call(self, kind, method, path, body):
        status, reply = self.grid.ask(method, path, body)
        self.done[(kind, status)] = self.done.get((kind, status), 0) + 1
        if status >= 500 or status in (400, 401, 403, 404, 422):
            raise AssertionError(f"{method} {path} {body} answered {status}: {reply}")
        return status, reply

    def forbidden(self):
        return {(name, site) for name, (sites, labels) in self.policies.items() for site in SITES
                if (sites and site not in sites) or not labels <= self.labels[site]}

    def change(self, apply, begun, ended):
        """A change was asked for at `begun` and answered well at `ended`."""
        before = self.forbidden()
        apply()
        after = self.forbidden()
        for pair in before - after:
            self.periods.append((*pair, self.since.pop(pair), begun))
        for pair in after - before:
            self.since[pair] = ended

    def close(self):
        now = time.time()
        for pair, begun in self.since.items():
            self.periods.append((*pair, begun, now))
        self.since = {}

    # ---- what may be asked ----

    def any_data(self):
        return self.chance.choice(sorted(self.policies))

    def policy(self):
        name = self.any_data()
        sites = frozenset(self.chance.sample(SITES, self.chance.randint(0, 2)))
        labels = frozenset(self.chance.sample(LABELS, self.chance.choice((0, 0, 1))))
        if self.chance.random() < 0.6:  # what has a chance: where it lies, and perhaps nowhere else
            sites, labels = frozenset(self.places(name)), frozenset()
        begun = time.time()
        status, reply = self.call("policy", "PATCH", f"/v1/datasets/{name}", {"policy": {"sites": sorted(sites), "labels": sorted(labels)}})
        if status == 200:
            self.change(lambda: self.policies.update({name: (sites, labels)}), begun, time.time())
        else:
            self.refused.append((f"/v1/datasets/{name}", reply["detail"]))

    def places(self, name):
        return {p["site"] for p in self.grid.get(f"/v1/datasets/{name}")["sites"]}

    def relabel(self):
        site = self.chance.choice(SITES)
        labels = frozenset(self.chance.sample(LABELS, self.chance.randint(0, 2)))
        begun = time.time()
        status, reply = self.call("labels", "PATCH", f"/v1/sites/{site}", {"labels": sorted(labels)})
        if status == 200:
            self.change(lambda: self.labels.update({site: labels}), begun, time.time())
        else:
            self.refused.append((f"/v1/sites/{site}", reply["detail"]))

    def copy(self):
        name = self.any_data()
        status, reply = self.call("copy", "POST", f"/v1/datasets/{name}/copy", {"site": self.chance.choice(SITES)})
        if status == 409 and "policy" in reply["detail"]:
            self.refused.append((f"/v1/datasets/{name}/copy", reply["detail"]))

    def evict(self):
        name = self.any_data()
        copies = [p["site"] for p in self.grid.get(f"/v1/datasets/{name}")["sites"] if p["copy"]]
        site = self.chance.choice(copies or SITES)
        self.call("evict", "POST", f"/v1/datasets/{name}/evict", {"site": site})

    def pin(self):
        self.call("pin", "POST", f"/v1/datasets/{self.any_data()}/pin", {"site": self.chance.choice(SITES), "pinned": self.chance.random() < 0.5})

    def job(self):
        body = {"command": ["/bin/sh", "-c", 'cat "$REEVE_INPUT_1"/* | wc -c; sleep 0.5'],
                "inputs": self.chance.sample(sorted(self.policies), self.chance.choice((1, 1, 2))),
                "array": f"1-{self.chance.randint(1, 3)}"}
        if self.chance.random() < 0.5:
            body["sites"] = self.chance.sample(SITES, self.chance.randint(1, 2))
        status, reply = self.call("job", "POST", "/v1/jobs", body)
        if status == 201:
            self.jobs.append(reply["id"])

    def rerun(self):
        if self.jobs:
            status, reply = self.call("rerun", "POST", f"/v1/jobs/{self.chance.choice(self.jobs)}/rerun", {})
            if status == 201:
                self.jobs.append(reply["id"])

    def cancel(self):
        if self.jobs:
            self.call("cancel", "POST", f"/v1/jobs/{self.chance.choice(self.jobs)}/cancel", {})

    def stop(self):
        moves = self.grid.get("/v1/transfers?limit=20")["items"]
        active = [m["id"] for m in moves if m["state"] in ("queued", "active")]
        if active:
            self.call("stop", "POST", f"/v1/transfers/{self.chance.choice(active)}/cancel", {})

    def accept(self):
        site = self.chance.choice(SITES)
        self.call("accept", "PATCH", f"/v1/sites/{site}", {"data": {"accept": self.chance.random() < 0.8}})

    def restart(self):
        private.send(self.grid.process.pid, 9)
        self.grid.process.wait()
        self.grid.start()


WEIGHTS = {"policy": 10, "relabel": 4, "copy": 4, "evict": 8, "pin": 0.3, "job": 3, "rerun": 0.5, "cancel": 3, "stop": 2, "accept": 0.5}


def watch(grid, over, found):
    """Look at record and disks until it is over."""
    lying = {}
    while not over.is_set():
        try:
            for row in query(grid, OUTSIDE):
                found.append(f"on record: {row}")
            on_disk = {(site, d) for site in SITES for d in os.listdir(os.path.join(grid.sites[site].root, "data"))
                       if any(os.path.isfile(f) for f in glob.glob(os.path.join(grid.sites[site].root, "data", d, "**"),
                                                                   recursive=True, include_hidden=True))} \
                if all(os.path.isdir(os.path.join(grid.sites[s].root, "data")) for s in SITES) else set()
            now = time.monotonic()
            wrong = {(r["site"], r["directory"]) for r in query(grid, WHERE_NOW) if r["allowed"] != "t" and r["going"] != "t"} & on_disk
            lying = {place: lying.get(place, now) for place in wrong}
            found += [f"on disk for {LAG} s, and nobody is to delete it: {place}" for place, since in lying.items() if now - since > LAG]
        except (OSError, RuntimeError, StopIteration) as broken:  # it is being restarted
            print(f"# looked in vain: {broken}", flush=True)
        if found:
            return
        over.wait(0.2)


def seconds_of(text):
    return datetime.fromisoformat(text.replace(" ", "T") + ("" if "+" in text[10:] else "+00:00")).timestamp() if text else None


def judge(grid, world):
    """What began where it was forbidden for certain."""
    attempts = query(grid, """select d.name, s.name as site, extract(epoch from a.started_at) as at, 'attempt ' || a.job_id || '.' || a.task as what
        from attempts a join job_inputs i on i.job_id = a.job_id join datasets d on d.id = i.dataset_id join sites s on s.id = a.site_id
        where a.started_at is not null""")
    moves = query(grid, """select d.name, s.name as site, extract(epoch from t.started_at) as at, 'transfer ' || t.id as what
        from transfers t join datasets d on d.id = t.dataset_id join sites s on s.id = t.to_site where t.started_at is not null and t.bytes > 0""")
    return [f"{row['what']} of {row['name']} at {row['site']} began {float(row['at']) - begun:.1f} s after that was forbidden, until"
            f" {ended - begun:.1f} s"
            for row in attempts + moves for name, site, begun, ended in world.periods
            if (row["name"], row["site"]) == (name, site) and begun + CLOCK < float(row["at"]) < ended - CLOCK]


@suite.test
def no_sequence_breaks_a_policy(grid):
    """random calls about data, policies, labels, copies and jobs never break a policy, and refusals are in the audit"""
    chance = seeded()
    world = World(grid, chance)
    over, found, waited = threading.Event(), [], set()
    for i in range(DATASETS):
        site = grid.sites[SITES[i % len(SITES)]]
        place = os.path.join(site.home, f"in-set{i}")
        os.makedirs(place)
        for k in range(FILES):
            with open(os.path.join(place, f"f{k}"), "wb") as file:
                file.write(os.urandom(SIZE))
        world.call("register", "POST", "/v1/datasets", {"name": f"set{i}", "site": site.name, "path": place})
        world.policies[f"set{i}"] = (frozenset(), frozenset())
    wait_until(lambda: sum(d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]) == DATASETS, 60, "datasets are registered")
    looking = threading.Thread(target=watch, args=(grid, over, found))
    looking.start()
    try:
        end, kinds = time.monotonic() + SECONDS, list(WEIGHTS)
        while time.monotonic() < end and not found:
            getattr(world, chance.choices(kinds, [WEIGHTS[k] for k in kinds])[0])()
            if chance.random() < 0.01:
                world.restart()
            if chance.random() < 0.1:
                waited |= {j["id"] for j in grid.get("/v1/jobs?state=active&limit=100")["items"]
                           if (j.get("wait") or {}).get("reason") == "policy"}
        for job in world.jobs:
            grid.ask("POST", f"/v1/jobs/{job}/cancel", {})
        for job in world.jobs:
            grid.wait_job(job, 60)
        time.sleep(0 if found else 1)  # one more look
    finally:
        over.set()
        looking.join()
    world.close()
    print("# " + ", ".join(f"{kind} {status}: {n}" for (kind, status), n in sorted(world.done.items())), flush=True)
    print(f"# {len(world.periods)} times something was forbidden, {len(world.refused)} refusals, {len(waited)} jobs waited for a policy", flush=True)
    found += judge(grid, world)
    rows = query(grid, "select actor, action, object, detail from audit where detail like 'refused: %'")
    said = [row["object"] for row in rows if row["actor"] == "admin"]
    for path, why in world.refused:
        if path not in said:
            found.append(f"the refusal of {path} is not in the audit: {why}")
        else:
            said.remove(path)
    placed = [row["object"] for row in rows if (row["actor"], row["action"]) == ("reeve", "place")]
    found += [f"job {job} waited for a policy, and the audit has {placed.count(f'job {job}')} rows of that" for job in waited
              if placed.count(f"job {job}") != 1]
    if found:
        raise AssertionError("\n".join(found[:20]))
    assert world.refused, "nothing was refused: this run shows little"


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
