# SPDX-License-Identifier: Apache-2.0
"""What each task has of its own: variables, files of its streams, a warning before its time is over."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, wait_until  # noqa: E402

suite = Suite()


def setup(grid):
    grid.patience = 30
    grid.start()
    grid.add_site("alpha", cpus=2)


def sh(text):
    return ["/bin/sh", "-c", text]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def content(grid, dataset, path):
    status, body = grid.api("GET", f"/v1/datasets/{dataset}/content?path={path}")
    equal(status, 200, path)
    return body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else repr(body).encode()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@suite.test
def variables(grid):
    """variables of a task name it, go before those of the job, and are not set when they come out empty"""
    job = grid.run_job(array="3,12", name="na/me", env={"ID": "all", "SAME": "job"}, retry={"max": 1, "delay": 0},
                       task_env={"ID": "{job}_{task:3}", "WHO": "{name}@{site}", "AGAIN": "{restart}"},
                       command=sh('echo "$ID $SAME $WHO ${AGAIN-first}"; [ "$AGAIN" ]'))
    equal(job["state"], "succeeded")
    equal(grid.log(job["id"], 12).decode(), f"{job['id']}_012 job na/me@alpha 1\n", "the second attempt")
    status, body = grid.api("GET", f"/v1/jobs/{job['id']}/tasks/3/log?attempt=1")
    equal((status, body if isinstance(body, str) else body.decode()), (200, f"{job['id']}_003 job na/me@alpha first\n"))


@suite.test
def own_directory(grid):
    """a file of standard output in the attempt's own directory is an output and the log in one, with standard error in it"""
    job = grid.run_job(array="7", name="fit", stdio={"out": "logs/{name}-{task:3}.out", "err": "logs/{name}-{task:3}.out"},
                       outputs=["logs/*"], command=sh("echo one; echo two >&2; cat logs/fit-007.out > copy; echo three"))
    equal(job["state"], "succeeded", job)
    equal(grid.log(job["id"], 7), b"one\ntwo\nthree\n", "log")
    equal([f["path"] for f in grid.get(f"/v1/jobs/{job['id']}/outputs")["items"]], ["7/logs/fit-007.out"])
    equal(content(grid, job["output_dataset"], "7/logs/fit-007.out"), b"one\ntwo\nthree\n", "output")


@suite.test
def shared_directory(grid):
    """files of streams in a directory of the job's choice are written there and read as the log"""
    place = os.path.join(grid.directory, "shared")
    os.makedirs(place)
    with open(os.path.join(place, "in.txt"), "w", encoding="utf-8") as file:
        file.write("given\n")
    spec = {"workdir": place, "array": "1-2", "stdio": {"in": "in.txt", "out": "o/{task}.out", "err": "o/{task}.err"},
            "command": sh("cat; echo to err >&2; echo done $REEVE_TASK")}
    job = grid.run_job(**spec)
    equal(job["state"], "succeeded", job)
    equal(read(os.path.join(place, "o", "2.out")), "given\ndone 2\n")
    equal(read(os.path.join(place, "o", "2.err")), "to err\n")
    equal((grid.log(job["id"], 1), grid.log(job["id"], 1, "stderr")), (b"given\ndone 1\n", b"to err\n"))
    equal(grid.attempt(job["id"], 1)["stdout_bytes"], 13)
    spec["stdio"]["append"] = True
    grid.run_job(**spec)
    equal(read(os.path.join(place, "o", "2.out")), "given\ndone 2\n" * 2, "appended")
    grid.run_job(**{**spec, "stdio": {"out": "o/{task}.out"}})
    equal(read(os.path.join(place, "o", "2.out")), "done 2\n", "begun anew")


@suite.test
def missing_input(grid):
    """a program whose standard input is not there does not start, and says which file"""
    job = grid.run_job(stdio={"in": "nowhere.txt"}, command=["/bin/cat"], retry={"site_max": 0})
    shown = grid.attempt(job["id"])
    equal((job["state"], "stdin" in shown["message"], "nowhere.txt" in shown["message"]), ("failed", True, True), shown)


@suite.test
def warned(grid):
    """the program is warned before its time limit, and may end well"""
    job = grid.run_job(time_limit="5s", warn={"signal": "USR1", "before": "4s"},
                       command=sh("trap 'echo warned; exit 0' USR1; while :; do sleep 0.1; done"))
    equal((job["state"], grid.log(job["id"])), ("succeeded", b"warned\n"))
    job = grid.run_job(time_limit="1s", warn={"signal": "28", "before": "60s"}, command=["/bin/sleep", "600"])
    equal((job["state"], grid.attempt(job["id"])["outcome"]), ("failed", "time_limit"))


@suite.test
def after_a_kill_of_the_worker(grid):
    """a task that outlives its worker is warned all the same"""
    job = grid.submit({"command": sh("trap 'echo warned; exit 0' USR1; while :; do sleep 0.1; done"), "time_limit": "9s",
                       "warn": {"signal": "USR1", "before": "5s"}})["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"] == 1, 20, "it runs")
    for pid in grid.workers():
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
    ended = grid.wait_job(job)
    equal((ended["state"], grid.log(job)), ("succeeded", b"warned\n"))


if __name__ == "__main__":
    sys.exit(suite.run(setup, sys.argv[1:]) > 0)
