# SPDX-License-Identifier: Apache-2.0
"""What dies is brought back and costs nothing: each program killed once while a task runs, and a lease that runs out."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
LEASE, MARGIN = 8, 2


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def setup(grid):
    grid.patience = 60
    grid.start()
    checker.watch_database(grid.conninfo())
    grid.add_site("alpha", cpus=4)


def running_job(grid, seconds=4):
    """A recorded job whose task runs."""
    job = grid.submit(grid.recorded(seconds))["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"], 30, f"job {job} runs")
    return job


def survives(grid, job, attempts=1):
    """The job succeeds, with this attempt."""
    equal(grid.wait_job(job, 90)["state"], "succeeded")
    equal(grid.attempt(job)["attempt"], attempts, f"attempts of job {job}")


def kill(pids):
    assert pids, "there is nothing to kill"
    for pid in pids:
        private.send(pid, signal.SIGKILL)


@suite.test
def reeved_killed(grid):
    """reeved killed while a task runs: started again, it takes the result of the same attempt"""
    job = running_job(grid)
    kill([grid.process.pid])
    grid.process.wait()
    grid.start()
    survives(grid, job)


@suite.test
def reeved_away(grid):
    """a task that ends while no reeved runs is not lost"""
    job = running_job(grid, 1)
    kill([grid.process.pid])
    grid.process.wait()
    wait_until(lambda: not checker.running_recorders(grid.recorder), 20, "the task ended")
    grid.start()
    survives(grid, job)


@suite.test
def reeved_stopped(grid):
    """reeved ended in good order leaves tasks running, and takes their results when it is back"""
    job = running_job(grid)
    equal(grid.stop(), 0, "exit code")
    grid.start()
    survives(grid, job)


@suite.test
def connector_killed(grid):
    """a connector killed while a task runs costs a reconnect"""
    job = running_job(grid)
    kill(grid.connectors())
    survives(grid, job)


@suite.test
def agent_killed(grid):
    """the outer half of a worker killed while a task runs is brought back by the inner half"""
    job = running_job(grid)
    kill([p for p in grid.workers() if " agent " in private.describe(p)])
    survives(grid, job)


@suite.test
def keeper_killed(grid):
    """the inner half of a worker killed while a task runs: the task is not run twice at once"""
    job = running_job(grid)
    kill([p for p in grid.workers() if " run " in private.describe(p)])
    equal(grid.wait_job(job, 90)["state"], "succeeded")


@suite.test
def worker_killed(grid):
    """all of a worker killed at once while a task runs: the task is not run twice at once"""
    job = running_job(grid)
    kill([p for p in grid.workers() if " run " in private.describe(p) or " agent " in private.describe(p)])
    equal(grid.wait_job(job, 90)["state"], "succeeded")


@suite.test
def postmaster_killed(grid):
    """the private PostgreSQL killed while a task runs is brought back"""
    job = running_job(grid)
    kill([grid.postmaster()])
    survives(grid, job)


@suite.test
def backends_killed(grid):
    """every backend of PostgreSQL killed at once while a task runs costs nothing"""
    job = running_job(grid)
    kill(private.children_by_parent().get(grid.postmaster(), []))
    survives(grid, job)


@suite.test
def lease_runs_out(grid):
    """past its lease a task behind a cut ends itself, and only then it is started again"""
    job = running_job(grid, LEASE + 30)
    site = grid.sites["alpha"]
    site.server.stop()
    began = time.monotonic()
    wait_until(lambda: not checker.running_recorders(grid.recorder), LEASE + 10, "the task ended itself")
    took = time.monotonic() - began
    assert took < LEASE + MARGIN, f"the worker gave up after {took:.1f} s, later than the scheduler"
    site.server.start()
    wait_until(lambda: grid.attempt(job)["attempt"] == 2 and grid.attempt(job)["state"] == "running", 90, "attempt 2 runs")
    equal(grid.api("POST", f"/v1/jobs/{job}/cancel", {})[0], 202)
    equal(grid.wait_job(job)["state"], "cancelled")


@suite.test
def all_promises_kept(grid):
    """after all of this the checker finds no promise broken"""
    _history, broken = grid.judge()
    equal(broken, [])


@suite.test
def learned_run_times(grid):
    """what was learned of run times is known after reeved was killed"""
    def run_terms(job):
        rows = checker.query(grid.conninfo(), f"select c->>'run' as run from decisions d, json_array_elements(d.candidates) c where d.job_id = {job}")
        return [float(row["run"]) for row in rows if row["run"]]

    body = {"command": ["/bin/sleep", "0.4"], "array": "1-20", "resources": {"cpus": 2}}
    first = grid.run_job(**body)["id"]
    assert run_terms(first)[0] > 10, "nothing was known of it"
    wait_until(lambda: checker.query(grid.conninfo(), "select 1 from learned where what = 'kind' and ended >= 20"), 40, "it is on record")
    kill([grid.process.pid])
    grid.process.wait()
    grid.start()
    again = grid.run_job(**body)["id"]
    assert 0.2 < run_terms(again)[0] < 3, run_terms(again)


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:], heartbeat="500ms", lease=f"{LEASE}s", lease_margin=f"{MARGIN}s") else 0)
