# SPDX-License-Identifier: Apache-2.0
"""What the engine owes to jobs: dependencies, cancelling, retries, deadlines, priorities, whatever comes in between."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, private, wait_until  # noqa: E402

suite = Suite()
TRUE = ["/bin/true"]


def setup(grid):
    grid.patience = 30
    grid.start()
    grid.add_site("alpha", cpus=4)


def sh(text):
    return ["/bin/sh", "-c", text]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def post(grid, path, body=None, want=202):
    status, reply = grid.ask("POST", path, body or {})
    equal(status, want, f"POST {path}: {reply}")
    return reply


def submit(grid, **body):
    return grid.submit({"command": TRUE, **body})["id"]


def each(on, how="ok"):
    return [{"job": on, "on": how, "each": True}]


def ends(grid, job, state, seconds=60, **tasks):
    shown = grid.wait_job(job, seconds)
    equal(shown["state"], state, f"state of job {job}")
    for name, count in tasks.items():
        equal(shown["tasks"][name], count, f"tasks {name} of job {job}")
    return shown


def epoch(grid):
    return grid.get("/v1/overview")["engine"]["epoch"]


def restart(grid):
    """kill -9 of reeved, and another one on the same state."""
    private.send(grid.process.pid, signal.SIGKILL)
    grid.process.wait()
    grid.start()


@suite.test
def cancelled_elements(grid):
    """cancelling a job ends the tasks of those that wait for it element by element, down a chain"""
    first = submit(grid, array="1-6", hold=True)
    second = submit(grid, array="1-6", after=each(first))
    third = submit(grid, array="1-6", after=each(second))
    either = submit(grid, array="1-6", after=each(first, "any"))
    failed = submit(grid, array="1-6", after=each(first, "not_ok"))
    wait_until(lambda: grid.job(failed)["state"] == "active", 20, "the jobs are taken up")
    post(grid, f"/v1/jobs/{first}/cancel")
    ends(grid, first, "cancelled", cancelled=6)
    ends(grid, second, "cancelled", cancelled=6)
    ends(grid, third, "cancelled", cancelled=6)
    ends(grid, either, "succeeded", succeeded=6)
    ends(grid, failed, "succeeded", succeeded=6)


@suite.test
def one_element_cancelled(grid):
    """a task that is cancelled in the middle of an array takes its like with it, and no other"""
    first = submit(grid, array="1-5", hold=True)
    second = submit(grid, array="1-5", after=each(first))
    post(grid, f"/v1/jobs/{first}/cancel", {"task": 3})
    wait_until(lambda: grid.job(second)["tasks"]["cancelled"] == 1, 20, "task 3 of the second job is cancelled")
    restart(grid)
    post(grid, f"/v1/jobs/{first}/release")
    ends(grid, first, "cancelled", succeeded=4, cancelled=1)
    ends(grid, second, "cancelled", succeeded=4, cancelled=1)
    equal(grid.task(second, 3)["state"], "cancelled")


@suite.test
def late_elements(grid):
    """a job that comes while the one it waits for runs misses none of its ends"""
    first = submit(grid, array="1-300", command=sh("[ $(($REEVE_TASK % 10)) != 0 ]"))
    later = []
    while grid.job(first)["state"] not in ("succeeded", "failed"):
        later += [submit(grid, array="1-300", after=each(first)) for _n in range(3 if len(later) < 9 else 0)]
        time.sleep(0.02)
    later.append(submit(grid, array="1-300", after=each(first)))
    for job in later:
        ends(grid, job, "cancelled", succeeded=270, cancelled=30)


@suite.test
def two_conditions(grid):
    """a task waits for its like in two jobs, and runs when both ended as they should"""
    one = submit(grid, array="1-4", command=sh("sleep 0.3; [ $REEVE_TASK != 1 ]"))
    two = submit(grid, array="1-4", command=sh("[ $REEVE_TASK != 2 ]"))
    both = submit(grid, array="1-4", after=each(one) + each(two))
    more = submit(grid, array="1-4", after=each(both))
    ends(grid, both, "cancelled", succeeded=2, cancelled=2)
    ends(grid, more, "cancelled", succeeded=2, cancelled=2)
    equal([grid.task(more, n)["state"] for n in (1, 2, 3, 4)], ["cancelled", "cancelled", "succeeded", "succeeded"])


@suite.test
def long_chain(grid):
    """a chain of 3,000 jobs that can never run ends, and a restart before that costs nothing"""
    jobs = [{"command": TRUE, "hold": True}]
    jobs += [{"command": TRUE, "after": [{"job": f"#{n}", "on": "ok", "each": True}]} for n in range(1, 3000)]
    reply = post(grid, "/v1/jobs:bulk", {"jobs": jobs}, want=201)
    wait_until(lambda: grid.job(reply["last_id"])["state"] == "active", 30, "the chain is taken up")
    restart(grid)
    post(grid, f"/v1/jobs/{reply['first_id']}/cancel", {"task": 1})
    ends(grid, reply["last_id"], "cancelled", 60)


@suite.test
def layers(grid):
    """layer upon layer of jobs that wait for two of the layer before is no more work than their number"""
    jobs = [{"command": TRUE, "array": "1-2"} for _n in range(2)]
    for layer in range(1, 25):
        below = [f"#{2 * layer - 1}", f"#{2 * layer}"]
        jobs += [{"command": TRUE, "array": "1-2", "after": [{"job": j, "on": "ok", "each": True} for j in below]}
                 for _n in range(2)]
    reply = post(grid, "/v1/jobs:bulk", {"jobs": jobs}, want=201)
    ends(grid, reply["last_id"], "succeeded", 60)


@suite.test
def cancel_after_submission(grid):
    """a cancel right after the submission of very many jobs is not lost"""
    before = epoch(grid)
    reply = post(grid, "/v1/jobs:bulk", {"jobs": [{"command": TRUE, "hold": True}] * 7000}, want=201)
    for job in (reply["last_id"], reply["last_id"] - 1, reply["first_id"]):
        post(grid, f"/v1/jobs/{job}/cancel")
    for job in (reply["last_id"], reply["last_id"] - 1, reply["first_id"]):
        ends(grid, job, "cancelled", 30)
    equal(epoch(grid), before, "epoch")


@suite.test
def cancel_in_backoff(grid):
    """a task that waits for its next attempt, is failing or runs can be cancelled, alone, without harm"""
    before = epoch(grid)
    job = submit(grid, array="1-40", command=sh("exit 1"), retry={"max": 1000, "delay": 0.01, "delay_max": 0.02})
    for task in range(1, 41):
        post(grid, f"/v1/jobs/{job}/cancel", {"task": task})
    ends(grid, job, "cancelled", 30, cancelled=40)
    equal(epoch(grid), before, "epoch")


@suite.test
def cancel_one_running(grid):
    """one running task of an array is cancelled, the others go on"""
    job = submit(grid, array="1-2", command=sh("sleep $(($REEVE_TASK == 1 ? 60 : 1))"))
    wait_until(lambda: grid.job(job)["tasks"]["running"], 20, "it runs")
    post(grid, f"/v1/jobs/{job}/cancel", {"task": 1})
    ends(grid, job, "cancelled", 30, succeeded=1, cancelled=1)
    equal(grid.attempt(job, 1)["outcome"], "cancelled")


@suite.test
def deadline_spares_what_runs(grid):
    """at its deadline what waits of a job is cancelled, what runs goes on, and what fails after it is not tried again"""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    job = submit(grid, array="1-3%2", command=sh("sleep 4; [ $REEVE_TASK != 2 ]"), deadline=soon, retry={"max": 5, "delay": 0})
    ends(grid, job, "failed", 30, succeeded=1, failed=1, cancelled=1)
    equal(grid.attempt(job, 2)["attempt"], 1)


@suite.test
def deadline_passed(grid):
    """what waits when its deadline passes while no reeved runs is cancelled at its start"""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    plain = submit(grid, array="1-3", hold=True, deadline=soon)
    first = submit(grid, array="1-3", hold=True)
    waits = submit(grid, array="1-3", after=each(first), deadline=soon)
    wait_until(lambda: grid.job(waits)["state"] == "active", 20, "the jobs are taken up")
    restart(grid)
    ends(grid, plain, "cancelled", cancelled=3)
    ends(grid, waits, "cancelled", cancelled=3)
    post(grid, f"/v1/jobs/{first}/cancel")
    ends(grid, first, "cancelled")


@suite.test
def backoff(grid):
    """attempts of a failing task stand apart by more and more, and begin when it is their time"""
    job = submit(grid, command=sh("exit 1"), retry={"max": 3, "delay": 0.4, "delay_max": 10})
    ends(grid, job, "failed", 60, failed=1)
    tried = sorted(grid.task(job)["attempts"], key=lambda a: a["attempt"])
    equal([a["attempt"] for a in tried], [1, 2, 3, 4])
    at = [seconds_of(a["placed_at"]) for a in tried]
    pauses = [b - a for a, b in zip(at, at[1:])]
    for pause, least in zip(pauses, (0.2, 0.4, 0.8)):
        assert pause >= least - 0.01, f"pauses {pauses}"


def seconds_of(text):
    """Seconds of an RFC 3339 time within its day."""
    hours, minutes, seconds = text[11:].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@suite.test
def priority(grid):
    """of the jobs that wait those of higher priority go first, also when it was raised later"""
    low = submit(grid, array="1-40", command=sh("sleep 0.2"), resources={"cpus": 4})
    wait_until(lambda: grid.job(low)["tasks"]["running"], 20, "the array runs")
    raised = submit(grid, resources={"cpus": 4})
    high = submit(grid, resources={"cpus": 4}, priority=10)
    post(grid, f"/v1/jobs/{raised}/priority", {"priority": 20}, want=202)
    ends(grid, raised, "succeeded", 20)
    ends(grid, high, "succeeded", 20)
    equal(grid.job(low)["state"], "active", "the array, of lower priority")
    post(grid, f"/v1/jobs/{low}/cancel")
    ends(grid, low, "cancelled")


@suite.test
def failed_maker(grid):
    """who waits for the outputs of a job that failed is cancelled, also when nobody saw it fail"""
    maker = submit(grid, command=sh("sleep 1; exit 1"), outputs=["x"])
    reader = submit(grid, inputs=[f"job:{maker}"])
    shown = ends(grid, reader, "cancelled")
    events = " ".join(e["text"] for e in grid.items(f"/v1/jobs/{reader}/events"))
    assert "never be complete" in events, (shown, events)


@suite.test
def bulk_names_earlier(grid):
    """jobs of one call name each other, for order and for data"""
    reply = post(grid, "/v1/jobs:bulk", {"jobs": [
        {"command": sh("echo data > x"), "outputs": ["x"]},
        {"command": sh("find \"$REEVE_INPUT_1\" -name x -exec cat {} +"), "inputs": ["job:#1"], "after": ["#1"]}]}, want=201)
    ends(grid, reply["last_id"], "succeeded")
    equal(grid.log(reply["last_id"]), b"data\n")


@suite.test
def labels(grid):
    """jobs are found by their labels"""
    one = submit(grid, labels={"run": "a", "kind": "x"})
    submit(grid, labels={"run": "b"})
    equal([j["id"] for j in grid.items("/v1/jobs?label=run:a")], [one])


@suite.test
def project_at_once(grid):
    """a job of a project that was made a moment ago costs the engine nothing"""
    before = epoch(grid)
    for n in range(20):
        post(grid, "/v1/projects", {"name": f"fresh-{n}"}, want=201)
        last = submit(grid, project=f"fresh-{n}")
    ends(grid, last, "succeeded")
    equal(epoch(grid), before, "epoch")


@suite.test
def second_engine(grid):
    """of two engines on one database one leads, the other waits, and takes over when it ends"""
    database, state, before = grid.database, os.path.join(grid.directory, "second"), epoch(grid)
    os.makedirs(state, 0o700)
    for name in ("secret.key", "admin-token"):
        with open(os.path.join(grid.state, name), "rb") as source, open(os.path.join(state, name), "wb") as copy:
            copy.write(source.read())
    grid.database = grid.conninfo()
    try:
        process, _url = grid.spawn(private.free_port(), state, 30)
    finally:
        grid.database = database
    try:
        ends(grid, submit(grid), "succeeded")
        equal(epoch(grid), before, "epoch while the first one leads")
    finally:
        private.send(process.pid, signal.SIGTERM)
        process.wait(20)
    ends(grid, submit(grid), "succeeded")


@suite.test
def nothing_hangs(grid):
    """nothing is left waiting"""
    for job in grid.items("/v1/jobs?state=active"):
        if job["held"]:
            post(grid, f"/v1/jobs/{job['id']}/cancel")
    wait_until(lambda: not [j for j in grid.items("/v1/jobs?state=active") if not j["held"]], 30, "all jobs end")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
