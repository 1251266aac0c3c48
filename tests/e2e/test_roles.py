# SPDX-License-Identifier: Apache-2.0
"""Engine and web as processes of their own (--role): they share the database and nothing else, and each lives without the other.
"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import RECORD, Postgres, Suite, private, wait_until  # noqa: E402

suite = Suite()


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def start_engine(grid):
    """A reeved that decides and serves no page."""
    with open(os.path.join(grid.directory, "engine.log"), "ab") as log:
        grid.engine = subprocess.Popen(
            [os.path.join(grid.bin, "reeved"), "--role", "engine", "--state", grid.engine_state, "--database", grid.database,
             "--set", "heartbeat=1s", "--set", "leader_lease=3s"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, cwd="/")


def kill_engine(grid):
    private.send(grid.engine.pid, signal.SIGKILL)
    grid.engine.wait()


def readiness(grid):
    return grid.api("GET", "/readyz")[0]


def setup(grid):
    grid.postgres = Postgres(os.path.join(grid.directory, "pg")).start()
    grid.database = grid.postgres.conninfo
    grid.role = "web"
    grid.engine_state = os.path.join(grid.directory, "engine")
    os.mkdir(grid.engine_state, 0o700)
    grid.start()
    start_engine(grid)
    wait_until(lambda: readiness(grid) == 200, 30, "the engine leads")
    site = grid.make_site("alpha", 2)
    open(os.path.join(site.home, RECORD), "w", encoding="utf-8").close()
    grid.register(site)
    grid.wait_site("alpha")


@suite.test
def shared_database(grid):
    """a job submitted through the web process runs by the engine process, and its log is read through both"""
    job = grid.run_job(command=["/bin/echo", "two processes"])
    equal(job["state"], "succeeded")
    equal(grid.log(job["id"]), b"two processes\n")


@suite.test
def web_alone(grid):
    """without an engine the pages say so, submissions are taken, and they run when an engine comes"""
    kill_engine(grid)
    wait_until(lambda: readiness(grid) == 503, 30, "nobody leads")
    job = grid.submit({"command": ["/bin/true"]})["id"]
    equal(grid.job(job)["state"], "accepted")
    start_engine(grid)
    equal(grid.wait_job(job)["state"], "succeeded")


@suite.test
def engine_alone(grid):
    """without a web process jobs run on; a new one shows how they ended"""
    home = grid.sites["alpha"].home
    job = grid.submit({"command": ["/bin/sh", "-c", f"sleep 1; touch {home}/done.$REEVE_TASK"], "array": "1-6"})["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"], 30, "tasks run")
    private.send(grid.process.pid, signal.SIGKILL)
    grid.process.wait()
    wait_until(lambda: all(os.path.exists(f"{home}/done.{n}") for n in range(1, 7)), 30, "every task ran")
    equal(grid.engine.poll(), None, "the engine lives")
    grid.start()
    equal(grid.wait_job(job)["tasks"]["succeeded"], 6)


@suite.test
def two_webs(grid):
    """a second web process beside the first with a state directory of its own answers the same, with the same token"""
    own = os.path.join(grid.directory, "second")
    os.mkdir(own, 0o700)
    process, url = grid.spawn(private.free_port(), own, 30)
    try:
        job = grid.run_job(command=["/bin/true"])
        status, shown = grid.api("GET", f"/v1/jobs/{job['id']}", url=url)
        equal((status, shown["state"]), (200, "succeeded"))
    finally:
        private.send(process.pid, signal.SIGTERM)
        equal(process.wait(20), 0, "its exit code")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
