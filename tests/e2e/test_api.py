# SPDX-License-Identifier: Apache-2.0
"""What the API and the engine do together: the live stream, workers that drain, jobs run again, many jobs at once."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), os.path.join(HERE, "..", "web")]

from sse import Stream  # noqa: E402
from testgrid import Suite, wait_until  # noqa: E402

suite = Suite()


def setup(grid):
    grid.patience = 30
    grid.start()
    grid.add_site("alpha", cpus=2)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def sh(text):
    return ["/bin/sh", "-c", text]


def post(grid, path, body=None, want=202):
    status, reply = grid.ask("POST", path, body or {})
    equal(status, want, f"POST {path}: {reply}")
    return reply


@suite.test
def a_job_is_told_from_its_submission_to_its_end(grid):
    """A job is told from its submission to its end on the stream."""
    stream, jobs = Stream(grid.port, grid.token(), "events"), Stream(grid.port, grid.token(), "jobs,overview")
    stream.ready()
    jobs.ready()
    job = grid.submit({"command": ["/bin/true"], "name": "told"})["id"]
    happened = stream.until("submission", lambda kind, data: kind == "happened" and data["job"] == job)[1]
    equal((happened["kind"], happened["actor"]), ("job.submitted", "admin"))
    if '"told"' not in happened["text"]:
        raise AssertionError(happened["text"])
    own = Stream(grid.port, grid.token(), f"job:{job}")
    own.ready()
    stream.until("end", lambda kind, data: kind == "happened" and data["job"] == job and data["kind"] == "job.ended")
    own.change(f"job:{job}")
    grid.wait_job(job)
    jobs.change("jobs")
    stream.close()
    jobs.close()
    own.close()


@suite.test
def a_drained_worker_takes_nothing_new(grid):
    """A drained worker ends what it has and takes nothing new until it is resumed."""
    worker = grid.get("/v1/workers")["items"][0]["id"]
    running = grid.submit({"command": sh("while [ ! -e $HOME/go ]; do sleep 0.05; done"), "name": "running"})["id"]
    wait_until(lambda: grid.job(running)["tasks"]["running"] == 1, 30, "it runs")
    post(grid, f"/v1/workers/{worker}/drain", {"why": "the fan"}, 200)
    waiting = grid.submit({"command": ["/bin/true"]})["id"]
    wait_until(lambda: (grid.job(waiting)["wait"] or {}).get("reason") == "closed", 30, "it waits for a worker that takes work")
    open(os.path.join(grid.sites["alpha"].home, "go"), "w").close()
    equal(grid.wait_job(running)["state"], "succeeded")
    equal(grid.job(waiting)["state"], "active")
    post(grid, f"/v1/workers/{worker}/resume", {}, 200)
    equal(grid.wait_job(waiting)["state"], "succeeded")


@suite.test
def the_tasks_that_failed_run_again(grid):
    """The tasks of an array that failed run again and no others."""
    old = grid.submit({"command": sh("[ -e $HOME/mended ] || [ $REEVE_TASK -ne 3 ] && [ -e $HOME/mended -o $REEVE_TASK -ne 5 ]"),
                       "array": "1-6"})["id"]
    equal(grid.wait_job(old)["tasks"]["failed"], 2)
    open(os.path.join(grid.sites["alpha"].home, "mended"), "w").close()
    new = post(grid, f"/v1/jobs/{old}/rerun", {"failed": True}, 201)
    equal((new["tasks"], new["rerun_of"]), (2, old))
    done = grid.wait_job(new["id"])
    equal((done["state"], done["array"], done["tasks"]["succeeded"]), ("succeeded", "3,5", 2))


@suite.test
def many_jobs_are_cancelled_by_a_label(grid):
    """Many jobs are held, released and cancelled by a filter."""
    jobs = [grid.submit({"command": sh("sleep 60"), "labels": {"run": "7"}, "hold": i % 2 == 0})["id"] for i in range(6)]
    other = grid.submit({"command": sh("sleep 60")})["id"]
    equal(post(grid, "/v1/jobs:hold", {"label": "run:7"})["matched"], 3)
    wait_until(lambda: all(grid.job(j)["held"] for j in jobs), 30, "all are held")
    equal(post(grid, "/v1/jobs:release", {"label": "run:7"})["matched"], 6)
    equal(post(grid, "/v1/jobs:cancel", {"label": "run:7"})["matched"], 6)
    for job in jobs:
        equal(grid.wait_job(job)["state"], "cancelled")
    if grid.job(other)["state"] == "cancelled":
        raise AssertionError("a job without the label was cancelled")
    equal(post(grid, "/v1/jobs:cancel", {"all": True})["jobs"], [other])
    grid.wait_job(other)


@suite.test
def a_host_that_was_wrong_is_taken_out(grid):
    """A wrong host is taken out and the site goes on."""
    post(grid, "/v1/sites/alpha/hosts", {"address": "127.0.0.1", "port": 1}, 201)
    wait_until(lambda: len(grid.get("/v1/workers?site=alpha")["items"]) == 2, 30, "there are two workers")
    status, reply = grid.ask("DELETE", "/v1/sites/alpha/hosts/127.0.0.1?port=1")
    equal(status, 204, reply)
    equal(grid.run_job(command=["/bin/true"])["state"], "succeeded")
    equal(len(grid.get("/v1/sites/alpha")["hosts"]), 1)


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
