# SPDX-License-Identifier: Apache-2.0
"""Data goes where it is used: moved once, kept within its policy and the site's quota, over crashes of any part."""
import glob
import hashlib
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
FILES = 20


def setup(grid):
    grid.patience = 40
    grid.start()
    grid.add_site("alpha", cpus=1)
    grid.add_site("bravo", cpus=4)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def query(grid, sql):
    return checker.query(grid.conninfo(), sql)


def change(grid, path, body):
    status, reply = grid.ask("PATCH", path, body)
    equal(status, 200, f"PATCH {path}: {reply}")


def run_sql(grid, sql):
    checker.psql(grid.conninfo(), sql)


def make_data(grid, name, site="alpha", files=FILES, size=50_000):
    """A registered dataset at a site; the checksum of all of its bytes."""
    place = os.path.join(grid.sites[site].home, "in-" + name)
    os.makedirs(place)
    whole = hashlib.sha256()
    for i in range(files):
        data = os.urandom(size)
        whole.update(data)
        with open(os.path.join(place, f"part {i:04d}"), "wb") as file:
            file.write(data)
    status, reply = grid.ask("POST", "/v1/datasets", {"name": name, "site": site, "path": place})
    equal(status, 202, f"POST /v1/datasets: {reply}")
    wait_until(lambda: any(d["name"] == name and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), 40,
               f"dataset {name} is registered")
    return whole.hexdigest()


def check_sum(digest):
    return ["/bin/sh", "-c", f'test "$(cat "$REEVE_INPUT_1"/* | sha256sum | cut -d" " -f1)" = {digest}']


def keep_busy(grid, site="alpha", seconds=600):
    # The limit makes it another kind of work: what was learned of short tasks says nothing of it.
    job = grid.submit({"command": ["/bin/sleep", str(seconds)], "sites": [site], "time_limit": f"{seconds + 60}s"})["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"] == 1, 30, f"job {job} runs at {site}")
    return job


def end(grid, job):
    grid.ask("POST", f"/v1/jobs/{job}/cancel", {})
    grid.wait_job(job, 30)


def transfers(grid, name):
    return list(reversed(grid.get(f"/v1/transfers?dataset={name}")["items"]))


def copies(grid, site, name):
    """Files of copies in the site's data directory: (whole, partial)."""
    found = [f for f in glob.glob(os.path.join(grid.sites[site].root, "data", "**"), recursive=True, include_hidden=True)
             if os.path.isfile(f)]
    number = query(grid, f"select id from datasets where name = '{name}' or name like '{name}#%'")[0]["id"]
    mine = [f for f in found if f"/data/d{number}/" in f]
    return [f for f in mine if "/.reeve-" not in f], [f for f in mine if "/.reeve-" in f]


@suite.test
def moved_once(grid):
    """a hundred jobs whose data lies at a busy site run elsewhere, and the data was moved once"""
    digest = make_data(grid, "hundred")
    busy = keep_busy(grid)
    jobs = [grid.submit({"command": check_sum(digest), "inputs": ["hundred"], "labels": {"n": str(i)}})["id"] for i in range(100)]
    for job in jobs:
        equal(grid.wait_job(job, 120)["state"], "succeeded", f"job {job}")
        equal(grid.attempt(job)["site"], "bravo", f"site of job {job}")
    moves = transfers(grid, "hundred")
    equal([(m["state"], m["from"], m["to"]) for m in moves], [("done", "alpha", "bravo")], "transfers")
    whole, partial = copies(grid, "bravo", "hundred")
    equal((len(whole), partial), (FILES, []), "files of the copy")
    end(grid, busy)


@suite.test
def very_many_files(grid):
    """a dataset of very many files is moved page by page (MANY_FILES: how many, default 20,000), and every one is as it was"""
    count = int(os.environ.get("MANY_FILES", "20000"))
    place = os.path.join(grid.sites["alpha"].home, "in-many")
    whole = hashlib.sha256()
    for i in range(count):
        if i % 1000 == 0:
            os.makedirs(os.path.join(place, f"d{i // 1000:04d}"))
        data = b"file %d" % i
        whole.update(data)
        with open(os.path.join(place, f"d{i // 1000:04d}", f"f {i:07d}"), "wb") as file:
            file.write(data)
    status, reply = grid.ask("POST", "/v1/datasets", {"name": "many", "site": "alpha", "path": place})
    equal(status, 202, f"POST /v1/datasets: {reply}")
    seconds = 60 + count / 200
    wait_until(lambda: any(d["name"] == "many" and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), seconds,
               "it is registered")
    status, reply = grid.ask("POST", "/v1/datasets/many/copy", {"site": "bravo"})
    equal(status, 202, f"copy: {reply}")
    wait_until(lambda: transfers(grid, "many") and transfers(grid, "many")[-1]["state"] not in ("queued", "active"), seconds, "it is moved")
    equal([m["state"] for m in transfers(grid, "many")], ["done"], "transfers")
    whole_files, partial = copies(grid, "bravo", "many")
    equal((len(whole_files), partial), (count, []), "files of the copy")
    got = hashlib.sha256()
    for path in sorted(whole_files):
        with open(path, "rb") as file:
            got.update(file.read())
    equal(got.hexdigest(), whole.hexdigest(), "bytes of the copy")


@suite.test
def waits_for_data(grid):
    """while its data is on its way a job says so, and it is told where each candidate stands"""
    digest = make_data(grid, "slowly", size=200_000)
    run_sql(grid, "insert into links (from_site, to_site, rate, latency, weight, budget) select a.id, b.id, 1e6, 1, 1, 400000 from"
                  " sites a, sites b where a.name = 'alpha' and b.name = 'bravo' on conflict (from_site, to_site) do update set"
                  " budget = 400000")
    busy = keep_busy(grid)
    job = grid.submit({"command": check_sum(digest), "inputs": ["slowly"]})["id"]
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "staging", 30, "it waits for its data")
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    equal(grid.attempt(job)["site"], "bravo", "site")
    run_sql(grid, "update links set budget = null")
    end(grid, busy)


@suite.test
def engine_killed(grid):
    """killed in the middle of a transfer, the engine goes on with it, and nothing is moved twice"""
    digest = make_data(grid, "resumed", size=300_000)
    run_sql(grid, "update links set budget = 500000")
    busy = keep_busy(grid)
    job = grid.submit({"command": check_sum(digest), "inputs": ["resumed"]})["id"]
    wait_until(lambda: any(m["bytes"] > 0 for m in transfers(grid, "resumed")), 40, "bytes move")
    private.send(grid.process.pid, signal.SIGKILL)
    grid.process.wait()
    grid.start()
    equal(grid.wait_job(job, 120)["state"], "succeeded", "state")
    equal([m["state"] for m in transfers(grid, "resumed")], ["done"], "transfers")
    run_sql(grid, "update links set budget = null")
    end(grid, busy)


@suite.test
def policy_holds(grid):
    """a policy keeps data where it may be: a job that could only run elsewhere waits and says why"""
    digest = make_data(grid, "private")
    change(grid, "/v1/datasets/private", {"policy": {"sites": ["alpha"]}})
    job = grid.submit({"command": check_sum(digest), "inputs": ["private"], "sites": ["bravo"]})["id"]
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "policy", 30, "it waits: policy")
    equal(transfers(grid, "private"), [], "transfers")
    for site in ("alpha", "bravo"):
        change(grid, f"/v1/sites/{site}", {"labels": ["eu"]})
    change(grid, "/v1/datasets/private", {"policy": {"labels": ["eu"]}})
    equal(grid.wait_job(job, 60)["state"], "succeeded", "state")


@suite.test
def quota_and_eviction(grid):
    """copies that nobody needs go when the quota wants room, and their files with them"""
    digest = make_data(grid, "more", size=100_000)
    change(grid, "/v1/sites/bravo", {"data": {"quota": 2500000}})
    job = grid.submit({"command": check_sum(digest), "inputs": ["more"], "sites": ["bravo"]})["id"]
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    used = "select coalesce(sum(c.bytes), 0)::bigint as b from dataset_sites c join sites s on s.id = c.site_id where c.copy and s.name = 'bravo'"
    wait_until(lambda: int(query(grid, used)[0]["b"]) <= 2_500_000, 40, "old copies left the catalog")
    wait_until(lambda: not query(grid, "select 1 from evictions"), 180, "their files are gone")
    equal(copies(grid, "bravo", "hundred"), ([], []), "files of the oldest copy")
    equal(query(grid, "select count(*) as n from dataset_sites c join datasets d on d.id = c.dataset_id where not c.copy")[0]["n"],
          query(grid, "select count(*) as n from datasets")[0]["n"], "what was registered in place")
    change(grid, "/v1/sites/bravo", {"data": {"quota": None}})


@suite.test
def source_changed(grid):
    """a file that changed at its source is never taken for what was registered"""
    digest = make_data(grid, "changed")
    path = os.path.join(grid.sites["alpha"].home, "in-changed", "part 0003")
    with open(path, "r+b") as file:
        right = file.read()
        file.seek(0)
        file.write(b"something else")
    job = grid.submit({"command": check_sum(digest), "inputs": ["changed"], "sites": ["bravo"]})["id"]
    wait_until(lambda: any(m["message"] for m in transfers(grid, "changed")), 40, "the transfer says what is wrong")
    equal(grid.job(job)["tasks"]["running"], 0, "running tasks")
    assert not query(grid, "select 1 from dataset_sites c join datasets d on d.id = c.dataset_id where d.name = 'changed' and c.copy")
    equal((grid.job(job)["wait"] or {}).get("reason"), "staging", "why it waits: there is no other source")
    with open(path, "wb") as file:
        file.write(right)
    equal(grid.wait_job(job, 120)["state"], "succeeded", "state once the file is as it was")


@suite.test
def copy_lost(grid):
    """a copy that somebody damaged is found out when it cannot be read, and is brought anew"""
    digest = make_data(grid, "mended")
    first = grid.submit({"command": check_sum(digest), "inputs": ["mended"], "sites": ["bravo"]})["id"]
    equal(grid.wait_job(first, 60)["state"], "succeeded", "state")
    whole, _partial = copies(grid, "bravo", "mended")
    for path in whole:
        os.unlink(path)
    os.rmdir(os.path.dirname(whole[0]))
    job = grid.submit({"command": check_sum(digest), "inputs": ["mended"], "sites": ["bravo"],
                       "retry": {"max": 0, "site_max": 5, "delay": 1, "delay_max": 2}})["id"]
    equal(grid.wait_job(job, 90)["state"], "succeeded", "state")
    equal(len(copies(grid, "bravo", "mended")[0]), FILES, "files of the copy")


@suite.test
def what_lies_in_pieces_is_gathered(grid):
    """what a job's tasks made at several sites is brought together where the next job runs"""
    made = grid.submit({"command": ["/bin/sh", "-c", "sleep 2; echo $REEVE_TASK > part.$REEVE_TASK"], "array": "1-5",
                        "outputs": ["part.*"]})["id"]
    equal(grid.wait_job(made)["state"], "succeeded")
    equal({grid.attempt(made, n)["site"] for n in range(1, 6)}, {"alpha", "bravo"}, "sites where it was made")
    read = grid.run_job(command=["/bin/sh", "-c", "cat \"$REEVE_INPUT_1\"/*/part.* \"$REEVE_INPUT_1\"/part.* 2>/dev/null | sort -n"],
                        inputs=[f"job:{made}"])
    equal((read["state"], grid.log(read["id"])), ("succeeded", b"1\n2\n3\n4\n5\n"))
    where = {s["site"]: s for s in grid.get(f"/v1/datasets/job-{made}")["sites"] if s["complete"]}
    assert grid.attempt(read["id"])["site"] in where, where


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
