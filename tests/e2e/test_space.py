# SPDX-License-Identifier: Apache-2.0
"""Room for copies: large inputs get theirs although small ones keep coming, and nobody is told of room that nobody knows."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, wait_until  # noqa: E402

suite = Suite()


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


def make_data(grid, name, size):
    place = os.path.join(grid.sites["alpha"].home, "in-" + name)
    os.makedirs(place)
    with open(os.path.join(place, "bytes"), "wb") as file:
        file.write(os.urandom(size))
    status, reply = grid.ask("POST", "/v1/datasets", {"name": name, "site": "alpha", "path": place})
    equal(status, 202, f"POST /v1/datasets: {reply}")
    wait_until(lambda: any(d["name"] == name and d["state"] == "sealed" for d in grid.get("/v1/datasets")["items"]), 40,
               f"dataset {name} is registered")


def quota(grid, site, said):
    status, reply = grid.ask("PATCH", f"/v1/sites/{site}", {"data": {"quota": said}})
    equal(status, 200, f"quota of {site}: {reply}")


@suite.test
def large_inputs_get_room(grid):
    """a job with a large input gets its room although arrays that read small ones never end"""
    for i in range(4):
        make_data(grid, f"small-{i}", 1_000_000)
    make_data(grid, "large", 2_500_000)
    quota(grid, "bravo", 3_000_000)
    arrays = [grid.submit({"command": ["/bin/sleep", "1"], "array": "1-100000%2", "inputs": [f"small-{i}"], "sites": ["bravo"]})["id"]
              for i in range(4)]
    wait_until(lambda: sum(grid.job(job)["tasks"]["succeeded"] > 0 for job in arrays) >= 2, 60, "small ones run")
    large = grid.submit({"command": ["/bin/sh", "-c", "wc -c < \"$REEVE_INPUT_1\"/bytes"], "inputs": ["large"], "sites": ["bravo"]})["id"]
    wait_until(lambda: (grid.job(large)["wait"] or {}).get("reason") == "no_space", 20, "it says that room is what it lacks")
    equal(grid.wait_job(large, 60)["state"], "succeeded", "state")
    equal(grid.log(large), b"2500000\n", "what it read")
    wait_until(lambda: all(grid.job(job)["tasks"]["succeeded"] > 0 for job in arrays), 90, "each of the small ones had its turn")
    for job in arrays:
        equal(grid.job(job)["state"], "active", f"state of array {job}")
        grid.ask("POST", f"/v1/jobs/{job}/cancel", {})
    for job in arrays:
        grid.wait_job(job, 30)
    failed = query(grid, "select outcome, job_id, task, message, started_at, ended_at from attempts where outcome not in ('succeeded', 'cancelled')")
    equal(failed, [], "attempts that ended otherwise")
    quota(grid, "bravo", None)


@suite.test
def what_never_fits_waits_alone(grid):
    """what can never fit says so and keeps nobody from the site"""
    make_data(grid, "giant", 4_000_000)
    quota(grid, "bravo", 3_000_000)
    giant = grid.submit({"command": ["/bin/true"], "inputs": ["giant"], "sites": ["bravo"]})["id"]
    wait_until(lambda: (grid.job(giant)["wait"] or {}).get("reason") == "no_space", 20, "it says that room is what it lacks")
    for i in range(4):
        equal(grid.run_job(command=["/bin/true"], inputs=[f"small-{i}"], sites=["bravo"])["state"], "succeeded", "state")
    equal(grid.job(giant)["tasks"]["running"], 0, "tasks of the giant")
    quota(grid, "bravo", 5_000_000)
    equal(grid.wait_job(giant, 60)["state"], "succeeded", "state once there is room")
    quota(grid, "bravo", None)


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:], reserve_after="3s") else 0)
