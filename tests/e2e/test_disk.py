# SPDX-License-Identifier: Apache-2.0
"""A full disk, at a site or under the database, refuses new work, says so, and loses nothing.

A small file system of its own stands for the full disk; making one needs root or a user namespace, and so this file runs itself
again in a mount namespace of its own.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import RECORD, Suite, wait_until  # noqa: E402

suite = Suite()
SITE_MEGABYTES, STATE_MEGABYTES = 200, 400


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def fill(directory, leave=0):
    """Write until nothing is free, or `leave` bytes are."""
    path = os.path.join(directory, "filler")
    with open(path, "wb", buffering=0) as file:
        free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
        block = bytes(1 << 16)
        try:
            for _n in range(max(0, free - leave) // len(block)):
                file.write(block)
        except OSError:
            pass
    return path


def setup(grid):
    grid.mount(grid.state, STATE_MEGABYTES)
    grid.start()
    for name in ("alpha", "bravo"):
        site = grid.make_site(name, 2)
        open(os.path.join(site.home, RECORD), "w", encoding="utf-8").close()
        if name == "alpha":
            grid.mount(site.root, SITE_MEGABYTES)
        grid.register(site)
        grid.wait_site(name)


@suite.test
def site_full(grid):
    """a site whose disk is full gets no new task and says why; with room again it works again"""
    filler = fill(grid.sites["alpha"].root)
    job = grid.submit({"command": ["/bin/true"], "sites": ["alpha"], "retry": {"site_max": 100, "delay": 1, "delay_max": 2}})["id"]
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") in ("disk_full", "backoff", "down"), 60,
               "the job says that the disk is full")
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "disk_full", 60, "the reason is disk_full")
    elsewhere = grid.run_job(command=["/bin/true"])
    equal((elsewhere["state"], grid.attempt(elsewhere["id"])["site"]), ("succeeded", "bravo"))
    os.unlink(filler)
    equal(grid.wait_job(job, 120)["state"], "succeeded")


@suite.test
def data_fills_site(grid):
    """data that finds no room on a site's disk, whatever its quota says, is waited for with the reason, and comes when there is room"""
    place = os.path.join(grid.sites["bravo"].home, "in-large")
    os.makedirs(place)
    for i in range(6):
        with open(os.path.join(place, f"part-{i}"), "wb") as file:
            file.write(os.urandom(10 << 20))
    status, reply = grid.ask("POST", "/v1/datasets", {"name": "large", "site": "bravo", "path": place})
    equal(status, 202, f"POST /v1/datasets: {reply}")
    wait_until(lambda: any(d["name"] == "large" and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), 60, "it is registered")
    status, reply = grid.ask("PATCH", "/v1/sites/alpha", {"data": {"quota": 1 << 30}})
    equal(status, 200, f"quota: {reply}")
    filler = fill(grid.sites["alpha"].root, leave=90 << 20)
    job = grid.submit({"command": ["/bin/sh", "-c", 'cat "$REEVE_INPUT_1"/* | wc -c'], "inputs": ["large"], "sites": ["alpha"]})["id"]
    wait_until(lambda: any("room" in (m["message"] or "")  for m in grid.get("/v1/transfers?dataset=large")["items"]), 90,
               "the transfer says that there is no room")
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") in ("no_space", "disk_full"), 60, "the job says so too")
    equal(grid.job(job)["tasks"]["running"], 0, "running tasks")
    os.unlink(filler)
    equal(grid.wait_job(job, 180)["state"], "succeeded", "state")
    equal(grid.log(job), b"62914560\n", "what it read")


@suite.test
def task_fills_site(grid):
    """a task that fills its site's disk fails or is tried elsewhere; its neighbours and the worker live"""
    neighbour = grid.submit({"command": ["/bin/sh", "-c", "sleep 4"], "sites": ["alpha"]})["id"]
    wait_until(lambda: grid.job(neighbour)["tasks"]["running"], 30, "the neighbour runs")
    big = grid.submit({"command": ["/bin/sh", "-c", "head -c 900000000 /dev/zero > big"], "sites": ["alpha"]})["id"]
    equal(grid.wait_job(big, 90)["state"], "failed")
    equal(grid.wait_job(neighbour)["state"], "succeeded")
    equal(grid.run_job(command=["/bin/true"], sites=["alpha"], seconds=120)["state"], "succeeded")


@suite.test
def database_full(grid):
    """a full disk under the database refuses submissions; its reserve lets running jobs end, and is made anew with room again"""
    def reserves():
        return [os.path.join(base, "reserve") for base, _d, names in os.walk(grid.state) if "reserve" in names]
    wait_until(reserves, 30, "the database has its reserve")
    running = grid.submit({"command": ["/bin/sleep", "5"], "sites": ["bravo"]})["id"]
    wait_until(lambda: grid.job(running)["tasks"]["running"], 30, "the first job runs")
    filler = fill(grid.state, leave=8 << 20)

    def refused():
        status, reply = grid.api("POST", "/v1/jobs", {"command": ["/bin/true"]})
        return status == 507 and "disk" in str(reply)
    wait_until(refused, 60, "a submission is refused because the disk is full")
    wait_until(lambda: not reserves(), 60, "the reserve is given up")
    equal(grid.wait_job(running, 60)["state"], "succeeded")
    os.unlink(filler)
    wait_until(lambda: not refused(), 60, "submissions are taken again")
    wait_until(reserves, 120, "the reserve is made anew")
    equal(grid.run_job(command=["/bin/true"])["state"], "succeeded")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] != "--inside":
        inside = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", sys.executable, "-B", __file__, "--inside"]
        if subprocess.run(inside[:5] + ["true"], capture_output=True).returncode != 0:
            print("ok - full disks # SKIP this machine allows no user namespaces")
            sys.exit(0)
        os.execvp(inside[0], inside + sys.argv[1:])
    sys.exit(1 if suite.run(setup, sys.argv[2:], heartbeat="1s", lease="20s", disk_reserve="32M") else 0)
