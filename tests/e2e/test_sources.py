# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on the way of data ends in another source, or in a reason that says what is missing."""
import hashlib
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, wait_until  # noqa: E402

suite = Suite()
FILES = 8


def setup(grid):
    grid.patience = 40
    grid.start()
    for name in ("alpha", "bravo", "charlie"):
        grid.add_site(name, cpus=2)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def run_sql(grid, sql):
    checker.psql(grid.conninfo(), sql)


def make_data(grid, name, size=100_000):
    """A dataset at alpha; the checksum of all of its bytes."""
    place = os.path.join(grid.sites["alpha"].home, "in-" + name)
    os.makedirs(place)
    whole = hashlib.sha256()
    for i in range(FILES):
        data = os.urandom(size)
        whole.update(data)
        with open(os.path.join(place, f"part {i:04d}"), "wb") as file:
            file.write(data)
    status, reply = grid.ask("POST", "/v1/datasets", {"name": name, "site": "alpha", "path": place})
    equal(status, 202, f"POST /v1/datasets: {reply}")
    wait_until(lambda: any(d["name"] == name and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), 40,
               f"dataset {name} is registered")
    return whole.hexdigest()


def copy(grid, name, site):
    status, reply = grid.ask("POST", f"/v1/datasets/{name}/copy", {"site": site})
    equal(status, 202, f"copy of {name}: {reply}")
    wait_until(lambda: any(p["site"] == site and p["complete"] for p in grid.get(f"/v1/datasets/{name}")["sites"]), 40, f"{name} is at {site}")


def reader(grid, name, digest):
    """A job at bravo that reads all of it."""
    return grid.submit({"command": ["/bin/sh", "-c", f'test "$(cat "$REEVE_INPUT_1"/* | sha256sum | cut -d" " -f1)" = {digest}'],
                        "inputs": [name], "sites": ["bravo"]})["id"]


def moves(grid, name, to="bravo"):
    return [m for m in grid.get(f"/v1/transfers?dataset={name}")["items"] if m["to"] == to]


def slow(grid, source, rate):
    """What may go from the source to bravo, in bytes per second; None: anything."""
    rate = "null" if rate is None else rate
    run_sql(grid, "insert into links (from_site, to_site, rate, latency, weight, budget) select a.id, b.id, 1e6, 1, 0, "
                  f"{rate} from sites a, sites b where a.name = '{source}' and b.name = 'bravo' on conflict (from_site, to_site) do update set budget = {rate}")


def intent(grid, site, said):
    status, reply = grid.ask("POST", f"/v1/sites/{site}/{said}", {"why": "a test"})
    equal(status, 200, f"{said} {site}: {reply}")


@suite.test
def changed_here_and_whole_there(grid):
    """a file that changed at one source is fetched from the other, and the place that lied is not used any more"""
    digest = make_data(grid, "lies")
    copy(grid, "lies", "charlie")
    slow(grid, "charlie", 2_000_000)
    slow(grid, "alpha", None)
    with open(os.path.join(grid.sites["alpha"].home, "in-lies", "part 0003"), "r+b") as file:
        file.write(b"something else")
    job = reader(grid, "lies", digest)
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    places = {p["site"]: p for p in grid.get("/v1/datasets/lies")["sites"]}
    sources = checker.query(grid.conninfo(), "select count(*) as n from transfers t join sites s on s.id = t.from_site join datasets d on"
                                             " d.id = t.dataset_id where d.name = 'lies' and s.name = 'charlie' and t.state = 'done'")
    equal(sources[0]["n"], "1", "transfers from the whole one")
    assert places["bravo"]["complete"] and not places["bravo"]["suspect"]
    slow(grid, "charlie", None)


@suite.test
def source_closes(grid):
    """a source that is closed in the middle is left, and what was moved from it counts"""
    digest = make_data(grid, "leaving", 400_000)
    copy(grid, "leaving", "charlie")
    slow(grid, "charlie", 300_000)
    slow(grid, "alpha", 300_000)
    job = reader(grid, "leaving", digest)
    wait_until(lambda: any(m["bytes"] > 0 for m in moves(grid, "leaving")), 40, "bytes move")
    first = moves(grid, "leaving")[0]["from"]
    intent(grid, first, "close")
    slow(grid, "charlie", None)
    slow(grid, "alpha", None)
    equal(grid.wait_job(job, 120)["state"], "succeeded", "state")
    done = [m["from"] for m in moves(grid, "leaving") if m["state"] == "done"]
    equal(len(done), 1, "transfers that ended well")
    assert done[0] != first, done
    intent(grid, first, "open")
    grid.wait_site(first)


def go_away(grid, site):
    """The site's host is gone: nobody can log in, and who was logged in hears nothing any more."""
    grid.sites[site].server.stop()
    for pid in grid.workers(grid.sites[site]):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def under_way(grid, name):
    return [m for m in moves(grid, name) if m["state"] in ("active", "verifying") and m["bytes"] > 0]


@suite.test
def source_dies(grid):
    """a source whose host is gone in the middle is left for another one"""
    digest = make_data(grid, "orphaned", 400_000)
    copy(grid, "orphaned", "charlie")
    slow(grid, "charlie", 300_000)
    slow(grid, "alpha", 300_000)
    job = reader(grid, "orphaned", digest)
    wait_until(lambda: under_way(grid, "orphaned"), 60, "bytes move")
    first = under_way(grid, "orphaned")[0]["from"]
    go_away(grid, first)
    slow(grid, "charlie", None)
    slow(grid, "alpha", None)
    equal(grid.wait_job(job, 180)["state"], "succeeded", "state")
    equal([m["from"] for m in moves(grid, "orphaned") if m["state"] == "done"], [{"alpha": "charlie", "charlie": "alpha"}[first]],
          "where it came from in the end")
    grid.sites[first].server.start()
    grid.wait_site(first, seconds=180)


@suite.test
def only_source_dies(grid):
    """a job whose only source is gone in the middle says so, and has its data when the source is back"""
    digest = make_data(grid, "awaited", 200_000)
    slow(grid, "alpha", 150_000)
    job = reader(grid, "awaited", digest)
    wait_until(lambda: under_way(grid, "awaited"), 60, "bytes move")
    go_away(grid, "alpha")
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "input_nowhere", 120, "it says that its input is nowhere")
    equal(grid.job(job)["tasks"]["running"], 0, "running tasks")
    slow(grid, "alpha", None)
    grid.sites["alpha"].server.start()
    equal(grid.wait_job(job, 240)["state"], "succeeded", "state")


@suite.test
def slow_link(grid):
    """over a link of 1 kB/s a job waits for its data and says so, until a copy that is nearer serves it"""
    digest = make_data(grid, "crawls")
    slow(grid, "alpha", 1000)
    job = reader(grid, "crawls", digest)
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "staging", 40, "it waits for its data")
    copy(grid, "crawls", "charlie")
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    equal([m["from"] for m in moves(grid, "crawls") if m["state"] == "done"], ["charlie"], "where it came from in the end")
    slow(grid, "alpha", None)


@suite.test
def no_source(grid):
    """a job whose input lies at a closed site alone waits and says that nobody can bring it, until the site is open again"""
    digest = make_data(grid, "alone")
    intent(grid, "alpha", "close")
    job = reader(grid, "alone", digest)
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "input_nowhere", 40, "it says that its input is nowhere")
    intent(grid, "alpha", "open")
    equal(grid.wait_job(job, 120)["state"], "succeeded", "state")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
