# SPDX-License-Identifier: Apache-2.0
"""Datasets as people use them, by the command line: where they are, copies asked for, pinned, evicted, expired."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
BUILD = os.environ.get("BUILD", "build")
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", BUILD, "reeve")


def setup(grid):
    grid.patience = 40
    grid.start()
    grid.add_site("alpha", cpus=1)
    grid.add_site("bravo", cpus=4)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def reeve(grid, *words, code=0):
    env = {"PATH": os.environ["PATH"], "HOME": str(grid.directory), "REEVE_URL": grid.url, "REEVE_TOKEN": grid.token()}
    done = subprocess.run([PROGRAM, *words], env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    equal(done.returncode, code, f"reeve {' '.join(words)}: {done.stdout}{done.stderr}; exit code")
    return done


def told(grid, *words):
    return json.loads(reeve(grid, *words, "-o", "json").stdout)


def make_data(grid, name, site="alpha", files=10, size=50_000):
    place = os.path.join(grid.sites[site].home, "in-" + name)
    os.makedirs(place)
    for i in range(files):
        with open(os.path.join(place, f"part {i:04d}"), "wb") as file:
            file.write(os.urandom(size))
    reeve(grid, "data", "add", name, f"{site}:{place}")


def places(grid, name):
    return {p["site"]: p for p in told(grid, "data", "show", name)["sites"]}


def evicted(grid):
    return not checker.query(grid.conninfo(), "select 1 from evictions")


@suite.test
def copied_and_evicted(grid):
    """a dataset is copied on demand, then pinned, unpinned and evicted, each refusal with its reason"""
    make_data(grid, "travels")
    by_site = {i["site"]: i for i in told(grid, "where", "travels")["items"]}
    equal((by_site["alpha"]["state"], by_site["alpha"]["seconds"]), ("complete", 0), "at alpha")
    equal((by_site["bravo"]["state"], by_site["bravo"]["from"]), ("none", "alpha"), "at bravo")
    assert by_site["bravo"]["seconds"] > 0
    assert "would be done" in reeve(grid, "data", "copy", "travels", "bravo", "--dry-run").stderr
    equal(told(grid, "data", "transfers", "--dataset", "travels")["items"], [], "transfers after a dry run")
    reeve(grid, "data", "copy", "travels", "bravo", "--wait")
    moves = told(grid, "data", "transfers", "--dataset", "travels")["items"]
    equal([(m["why"], m["state"], m["asked_by"], m["to"]) for m in moves], [("person", "done", "admin", "bravo")], "transfers")
    assert "already" in reeve(grid, "data", "copy", "travels", "bravo").stderr
    copy = places(grid, "travels")["bravo"]
    equal((copy["complete"], copy["copy"], copy["missing"]), (True, True, 0), "the copy")
    assert "registered" in reeve(grid, "data", "evict", "travels", "alpha", code=5).stderr
    reeve(grid, "data", "pin", "travels", "bravo")
    assert "pinned" in reeve(grid, "data", "evict", "travels", "bravo", code=5).stderr
    reeve(grid, "data", "unpin", "travels", "bravo")
    reeve(grid, "data", "evict", "travels", "bravo")
    equal(list(places(grid, "travels")), ["alpha"], "places")
    wait_until(lambda: evicted(grid), 30, "its files are gone")
    equal(told(grid, "data", "links")["items"][0]["transfers"], 1, "transfers over the link")


@suite.test
def never_against_its_policy(grid):
    """a policy that a copy breaks is refused until that is evicted, and then no order breaks it"""
    make_data(grid, "patients")
    reeve(grid, "data", "copy", "patients", "bravo", "--wait")
    assert "bravo" in reeve(grid, "data", "policy", "patients", "--sites", "alpha", code=5).stderr
    reeve(grid, "data", "evict", "patients", "bravo")
    reeve(grid, "data", "policy", "patients", "--sites", "alpha")
    assert "policy" in reeve(grid, "data", "copy", "patients", "bravo", code=5).stderr
    item = next(i for i in told(grid, "where", "patients")["items"] if i["site"] == "bravo")
    equal((item["allowed"], item["seconds"]), (False, None), "at bravo")
    reeve(grid, "data", "policy", "patients", "--sites", "any")
    reeve(grid, "site", "set", "bravo", "--accept-data", "no")
    assert "takes no copies" in reeve(grid, "data", "copy", "patients", "bravo", code=5).stderr
    reeve(grid, "site", "set", "bravo", "--accept-data", "yes", "--quota", "1K")
    assert "no room" in reeve(grid, "data", "copy", "patients", "bravo", code=1).stderr
    reeve(grid, "site", "set", "bravo", "--quota", "none")


@suite.test
def a_transfer_is_stopped(grid):
    """a transfer that somebody asked for is stopped on request, and a later one goes on from its parts"""
    make_data(grid, "large", size=300_000)
    checker.psql(grid.conninfo(), "insert into links (from_site, to_site, rate, latency, weight, budget) select a.id, b.id, 1e6, 1, 1, 200000 from"
                                  " sites a, sites b where a.name = 'alpha' and b.name = 'bravo' on conflict (from_site, to_site) do update set"
                                  " budget = 200000")
    number = told(grid, "data", "copy", "large", "bravo")["transfer"]
    wait_until(lambda: told(grid, "data", "transfers", "--dataset", "large")["items"][0]["bytes"] > 0, 40, "bytes move")
    reeve(grid, "data", "cancel", str(number))
    wait_until(lambda: told(grid, "data", "transfers", "--dataset", "large")["items"][0]["state"] == "cancelled", 30, "it ended")
    reeve(grid, "data", "cancel", str(number), code=5)
    checker.psql(grid.conninfo(), "update links set budget = null")
    reeve(grid, "data", "copy", "large", "bravo", "--wait")


@suite.test
def expired(grid):
    """a dataset whose time is over leaves the catalog once nobody pins it, and its copies are deleted"""
    make_data(grid, "scratch")
    reeve(grid, "data", "copy", "scratch", "bravo", "--wait")
    reeve(grid, "data", "pin", "scratch", "bravo")
    reeve(grid, "data", "expire", "scratch", "1s")
    assert told(grid, "data", "show", "scratch")["expires_at"]
    reeve(grid, "data", "unpin", "scratch", "bravo")
    wait_until(lambda: not any(d["name"] == "scratch" for d in told(grid, "data", "list")["items"]), 60, "it left the catalog")
    wait_until(lambda: evicted(grid) and not checker.query(grid.conninfo(), "select 1 from dataset_sites c join datasets d on d.id = c.dataset_id"
                                                                            " where d.removed_at is not null and c.copy"), 60, "its copy is gone")


@suite.test
def shared_out(grid):
    """the tasks of an array share the files of its input, wherever they run, and each gets its own"""
    make_data(grid, "shares", files=7, size=1000)
    said = 'echo $(wc -l < "$REEVE_INPUT_FILES") $(while read -r f; do cat "$f"; done < "$REEVE_INPUT_FILES" | wc -c) "${REEVE_INPUT_FILE##*/}"'
    job = int(reeve(grid, "submit", "-q", "--each-file", "shares", "--files-per-task", "3", "--", "/bin/sh", "-c", said).stdout)
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    equal([grid.log(job, n).decode().strip() for n in (1, 2, 3)], ["3 3000", "3 3000", "1 1000 part 0006"], "what the tasks saw")
    job = int(reeve(grid, "submit", "-q", "--each-file", "shares", "--array", "%2", "--site", "bravo", "--", "/bin/sh", "-c", said).stdout)
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    equal(grid.log(job, 7).decode().strip(), "1 1000 part 0006", "what the last task saw")
    again = int(reeve(grid, "rerun", "-q", str(job)).stdout)
    equal(grid.wait_job(again, 90)["state"], "succeeded", "state of the same again")
    for site in ("alpha", "bravo"):
        wait_until(lambda site=site: not os.listdir(os.path.join(grid.sites[site].root, "parts")), 30, f"lists are gone at {site}")


@suite.test
def the_engine_is_killed(grid):
    """what was answered is done, whenever the engine is killed after it"""
    make_data(grid, "promised")
    number = told(grid, "data", "copy", "promised", "bravo")["transfer"]
    private.send(grid.process.pid, 9)
    grid.process.wait()
    grid.start()
    wait_until(lambda: [t["state"] for t in told(grid, "data", "transfers", "--dataset", "promised")["items"] if t["id"] == number] == ["done"], 90,
               "the copy is made")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
