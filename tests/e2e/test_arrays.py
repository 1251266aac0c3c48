# SPDX-License-Identifier: Apache-2.0
"""Arrays that are lists ("1,5,7-100:3%20"): just those tasks, on every floor, whatever comes in between."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, private, wait_until  # noqa: E402

suite = Suite()


def setup(grid):
    grid.patience = 30
    grid.start()
    grid.add_site("alpha", cpus=4)


def sh(text):
    return ["/bin/sh", "-c", text]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def submit(grid, **body):
    return grid.submit({"command": ["/bin/true"], **body})["id"]


def tasks(grid, job, **query):
    """All tasks of a job, page by page."""
    found, cursor = [], None
    while True:
        words = {"limit": 7, **query, **({"cursor": cursor} if cursor else {})}
        page = grid.get(f"/v1/jobs/{job}/tasks?" + "&".join(f"{k}={v}" for k, v in words.items()))
        found += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def numbers(items):
    return [t["task"] for t in items]


def restart(grid):
    private.send(grid.process.pid, signal.SIGKILL)
    grid.process.wait()
    grid.start()


@suite.test
def only_those(grid):
    """a list with steps runs its tasks and no other, and is shown as it may be submitted again"""
    want = [1, 5] + list(range(7, 101, 3))
    reply = grid.submit({"command": sh("echo $REEVE_TASK"), "array": "7-100:3,5,1,5%20"})
    equal(reply["tasks"], len(want), "tasks of the answer")
    job = grid.wait_job(reply["id"])
    equal((job["state"], job["first_task"], job["last_task"], job["array"]), ("succeeded", 1, 100, "1,5,7-100:3"))
    equal((job["tasks"]["total"], job["tasks"]["succeeded"]), (len(want), len(want)))
    equal(numbers(tasks(grid, reply["id"])), want, "tasks listed")
    equal(numbers(tasks(grid, reply["id"], state="succeeded", **{"from": 8})), want[3:], "tasks filtered")
    equal(grid.log(reply["id"], 10), b"10\n", "output of task 10")
    for path in ("tasks/8", "tasks/8/log", "tasks/101"):
        equal(grid.ask("GET", f"/v1/jobs/{reply['id']}/{path}")[0], 404, path)
    equal(grid.ask("GET", f"/v1/jobs/{reply['id']}/explain?task=8")[0], 400, "explain of a gap")
    equal(grid.get(f"/v1/jobs/{reply['id']}/explain?task=10")["task"], 10, "explain of a task")
    listed = grid.get(f"/v1/jobs?ids={reply['id']}")["items"][0]
    equal(listed["array"], "1,5,7-100:3", "array in the list")
    equal(grid.job(submit(grid, array="3-4,5"))["array"], None, "array of a plain range")


@suite.test
def cut_in_lists(grid):
    """a long list is whole with its job, and cut where many jobs are listed"""
    text = ",".join(str(n * n) for n in range(1, 1001))
    job = submit(grid, array=text, hold=True)
    equal(grid.job(job)["array"].count(","), 999, "parts of the whole list")
    shown = grid.get(f"/v1/jobs?ids={job}")["items"][0]["array"]
    equal((shown.endswith(",…"), len(shown) <= 1001, text.startswith(shown[:-1])), (True, True, True), shown)
    equal(grid.ask("POST", f"/v1/jobs/{job}/cancel", {})[0], 202)


@suite.test
def cancelled_ones(grid):
    """one task of a list is cancelled alone, also ahead of the cursor; a gap is no task"""
    job = submit(grid, array="2,4,8-20:4", hold=True)
    wait_until(lambda: grid.job(job)["state"] == "active", 20, "the job is taken up")
    status, reply = grid.ask("POST", f"/v1/jobs/{job}/cancel", {"task": 9})
    equal((status, "2,4,8-20:4" in reply["detail"]), (422, True), reply)
    for task in (2, 12):
        equal(grid.ask("POST", f"/v1/jobs/{job}/cancel", {"task": task})[0], 202)
    wait_until(lambda: grid.job(job)["tasks"]["cancelled"] == 2, 20, "two tasks are cancelled")
    restart(grid)
    equal((grid.job(job)["tasks"]["cancelled"], grid.job(job)["tasks"]["ready"]), (2, 4), "after a restart")
    equal(grid.ask("POST", f"/v1/jobs/{job}/release", {})[0], 202)
    ended = grid.wait_job(job)
    equal((ended["state"], ended["tasks"]["succeeded"], ended["tasks"]["cancelled"]), ("cancelled", 4, 2))
    equal([t["state"] for t in tasks(grid, job)], ["cancelled", "succeeded", "succeeded", "cancelled", "succeeded", "succeeded"])


@suite.test
def across_a_restart(grid):
    """a list goes on where it was when the scheduler was killed, each task once"""
    gate = os.path.join(grid.directory, "gate-list")
    job = submit(grid, array="1-399:7,2-400:6",
                 command=sh(f"[ $REEVE_TASK -lt 40 ] || while [ ! -e {gate} ]; do sleep 0.05; done; echo ran"))
    want = sorted(set(range(1, 400, 7)) | set(range(2, 401, 6)))
    wait_until(lambda: grid.job(job)["tasks"]["succeeded"] >= 8, 30, "some ended")
    restart(grid)
    open(gate, "w", encoding="utf-8").close()
    ended = grid.wait_job(job)
    equal((ended["state"], ended["tasks"]["succeeded"], ended["tasks"]["total"]), ("succeeded", len(want), len(want)))
    shown = tasks(grid, job)
    equal(numbers(shown), want)
    equal({t["attempts"][0]["attempt"] for t in shown}, {1}, "attempts")


@suite.test
def element_by_element(grid):
    """task by task after a list: only numbers it has, each behind its like, also when the first job ended before"""
    first = submit(grid, array="1,3,10-30:5", command=sh("[ $REEVE_TASK != 20 ]"))
    status, reply = grid.ask("POST", "/v1/jobs", {"command": ["/bin/true"], "array": "3,11", "after": [{"job": first, "each": True}]})
    equal((status, reply["errors"][0]["pointer"]), (422, "/after/0"), reply)
    second = submit(grid, array="3,10-30:10", after=[{"job": first, "each": True}])
    ended = grid.wait_job(second)
    equal((ended["state"], ended["tasks"]["succeeded"], ended["tasks"]["cancelled"]), ("cancelled", 3, 1))
    grid.wait_job(first)
    third = submit(grid, array="1,20,30", after=[{"job": first, "on": "any", "each": True}])
    equal(grid.wait_job(third)["tasks"]["succeeded"], 3)
    held = submit(grid, array="5,10-20:5", hold=True)
    fourth = submit(grid, array="5,15", after=[{"job": held, "each": True}])
    wait_until(lambda: grid.job(fourth)["state"] == "active", 20, "taken up")
    equal(grid.ask("POST", f"/v1/jobs/{held}/cancel", {"task": 15})[0], 202)
    wait_until(lambda: grid.job(fourth)["tasks"]["cancelled"] == 1, 20, "its like is cancelled")
    restart(grid)
    equal(grid.ask("POST", f"/v1/jobs/{held}/release", {})[0], 202)
    ended = grid.wait_job(fourth)
    equal((ended["tasks"]["succeeded"], ended["tasks"]["cancelled"], grid.task(fourth, 15)["state"]), (1, 1, "cancelled"))


@suite.test
def retries(grid):
    """tasks of a list are run again like others"""
    mark = os.path.join(grid.directory, "mark-list")
    job = submit(grid, array="4,9,14", retry={"max": 1, "delay": 0}, command=sh(f"mkdir {mark}.$REEVE_TASK 2>&- && exit 3; exit 0"))
    equal(grid.wait_job(job)["state"], "succeeded")
    equal([len(grid.task(job, n)["attempts"]) for n in (4, 9, 14)], [2, 2, 2])


@suite.test
def refused(grid):
    """lists that are malformed or too wide are refused by name"""
    for text in ("1,,2", "5-1", "1-5:0", "1,10000001", "1-5%0", "1-20000000"):
        status, reply = grid.ask("POST", "/v1/jobs", {"command": ["/bin/true"], "array": text})
        equal((status, reply["errors"][0]["pointer"]), (422, "/array"), text)
    many = grid.submit({"command": ["/bin/true"], "array": "1-9999999:2", "hold": True})
    equal(many["tasks"], 5000000)
    equal(grid.get("/v1/overview")["tasks"]["ready"] >= 5000000, True, "ready tasks in the overview")
    equal(grid.ask("POST", f"/v1/jobs/{many['id']}/cancel", {})[0], 202)
    equal(grid.wait_job(many["id"])["tasks"]["cancelled"], 5000000)


if __name__ == "__main__":
    sys.exit(suite.run(setup, sys.argv[1:]) > 0)
