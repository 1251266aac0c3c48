# SPDX-License-Identifier: Apache-2.0
"""Jobs from submission to result, through real SSH sites."""
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, wait_until  # noqa: E402

suite = Suite()


def setup(grid):
    grid.start()
    grid.add_site("alpha", cpus=2)
    grid.add_site("bravo", cpus=1)


def sh(text):
    return ["/bin/sh", "-c", text]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


@suite.test
def command_runs(grid):
    """a command runs, and what it printed, how it ended and how long it took are shown"""
    job = grid.run_job(command=sh("echo out; echo err >&2"), name="first")
    equal((job["state"], job["tasks"]["succeeded"]), ("succeeded", 1))
    attempt = grid.attempt(job["id"])
    equal((attempt["state"], attempt["outcome"], attempt["attempt"]), ("succeeded", "succeeded", 1))
    assert attempt["site"] in ("alpha", "bravo") and attempt["wall"] >= 0 and attempt["started_at"], attempt
    equal(grid.log(job["id"]), b"out\n")
    equal(grid.log(job["id"], stream="stderr"), b"err\n")


@suite.test
def environment(grid):
    """a task sees its job, its number, its attempt and the variables it asked for"""
    job = grid.run_job(script="#!/bin/sh\necho $REEVE_JOB_ID $REEVE_TASK $REEVE_ATTEMPT \"$GREETING\"\n", array="5-6",
                       env={"GREETING": "a 'quoted' \"$value\""})
    equal(grid.log(job["id"], 6).decode(), f"{job['id']} 6 1 a 'quoted' \"$value\"\n")


@suite.test
def failures_are_named(grid):
    """an exit code, a signal and a program that is not there are told apart"""
    for command, outcome, code, signal in ((sh("exit 3"), "exit", 3, None), (sh("kill -9 $$"), "signal", None, 9),
                                           (["/no/such/program"], "not_started", None, None)):
        job = grid.run_job(command=command)
        attempt = grid.attempt(job["id"])
        equal((job["state"], attempt["outcome"], attempt["blame"]), ("failed", outcome, "task"), f"{command}")
        if code is not None:
            equal(attempt["code"], code)
        if signal is not None:
            equal(attempt["signal"], signal)


@suite.test
def time_limit(grid):
    """a task is stopped at its time limit, and it is called that"""
    job = grid.run_job(command=["/bin/sleep", "60"], time_limit=1)
    equal((job["state"], grid.attempt(job["id"])["outcome"]), ("failed", "time_limit"))


@suite.test
def retries(grid):
    """a failing task is tried again as often as it asked, and an exit code can rule otherwise"""
    flaky = grid.run_job(command=sh("[ $REEVE_ATTEMPT -ge 3 ]"), retry={"max": 5, "delay": 0})
    equal((flaky["state"], grid.attempt(flaky["id"])["attempt"]), ("succeeded", 3))
    spent = grid.run_job(command=sh("exit 1"), retry={"max": 1, "delay": 0})
    equal((spent["state"], grid.attempt(spent["id"])["attempt"]), ("failed", 2))
    never = grid.run_job(command=sh("exit 64"), retry={"max": 5, "delay": 0, "on_exit": {"64": "fail"}})
    equal((never["state"], grid.attempt(never["id"])["attempt"]), ("failed", 1))


@suite.test
def dependencies(grid):
    """a job waits for others: until they end well, badly, or at all"""
    good = grid.submit({"command": sh("sleep 0.5")})["id"]
    bad = grid.submit({"command": sh("sleep 0.5; exit 1")})["id"]
    cases = [(good, "ok", "succeeded"), (bad, "not_ok", "succeeded"), (bad, "any", "succeeded"), (bad, "ok", "cancelled")]
    waiting = [(grid.submit({"command": ["/bin/true"], "after": [{"job": on, "on": how}]})["id"], end)
               for on, how, end in cases]
    for (job, end), (on, how, _end) in zip(waiting, cases):
        equal(grid.wait_job(job)["state"], end, f"after {how}")
        if end == "succeeded":
            began = grid.attempt(job)["started_at"]
            assert began >= grid.job(on)["finished_at"][:19], f"{job} began at {began}, before {on} ended"


@suite.test
def elementwise(grid):
    """element by element, task n waits for task n only"""
    first = grid.submit({"command": sh("[ $REEVE_TASK = 1 ] || sleep 4"), "array": "1-2"})["id"]
    second = grid.submit({"command": ["/bin/true"], "array": "1-2", "after": [{"job": first, "on": "ok", "each": True}]})["id"]
    wait_until(lambda: grid.job(second)["tasks"]["succeeded"] == 1, 30, "task 1 of the second job is done")
    equal(grid.job(first)["state"], "active", "first job while task 1 of the second is done")
    equal(grid.wait_job(second)["state"], "succeeded")


@suite.test
def hold_and_release(grid):
    """a held job waits, says so, and goes on when it is released"""
    job = grid.submit({"command": ["/bin/true"], "hold": True})["id"]
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "held", 20, "the job says that it is held")
    equal(grid.api("POST", f"/v1/jobs/{job}/release", {})[0], 202)
    equal(grid.wait_job(job)["state"], "succeeded")


@suite.test
def cancel_running(grid):
    """cancelling ends a running task, and everything that it started"""
    mark = "4242.17"
    job = grid.submit({"command": sh(f"setsid sleep {mark} & sleep {mark}")})["id"]
    wait_until(lambda: len(grid.processes(f"sleep {mark}")) >= 2, 30, "the task runs")
    equal(grid.api("POST", f"/v1/jobs/{job}/cancel", {})[0], 202)
    equal(grid.wait_job(job)["state"], "cancelled")
    equal(grid.attempt(job)["outcome"], "cancelled")
    wait_until(lambda: not grid.processes(f"sleep {mark}"), 10, "nothing of it is left")


@suite.test
def cancel_waiting(grid):
    """cancelling an array whose tasks wait ends it at once"""
    job = grid.submit({"command": ["/bin/true"], "array": "1-1000000", "hold": True})["id"]
    equal(grid.api("POST", f"/v1/jobs/{job}/cancel", {})[0], 202)
    shown = grid.wait_job(job, 20)
    equal((shown["state"], shown["tasks"]["cancelled"]), ("cancelled", 1000000))


@suite.test
def throttle(grid):
    """an array runs no more tasks at once than its throttle, and a site never more than it offers"""
    job = grid.submit(grid.recorded(0.3, array="1-9%2"))["id"]
    equal(grid.wait_job(job)["state"], "succeeded")
    runs, complaints = grid.judge_capacity()
    equal(complaints, [])
    changes = sorted(x for r in runs if r.job == job for x in ((r.begin, 1), (r.last, -1)))
    running = peak = 0
    for _at, step in changes:
        running += step
        peak = max(peak, running)
    assert peak <= 2, f"{peak} tasks ran at once"


@suite.test
def too_large(grid):
    """a job that fits no site says so, and that it can never run"""
    job = grid.submit({"command": ["/bin/true"], "resources": {"cpus": 64}})["id"]
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "too_large", 20, "the job says why it waits")
    shown = grid.get(f"/v1/jobs/{job}/explain")
    equal(shown["can_ever_run"], False)
    grid.api("POST", f"/v1/jobs/{job}/cancel", {})
    grid.wait_job(job)


@suite.test
def data_locality(grid):
    """a task runs where its input lies, sees its path, and the decision says why"""
    path = grid.sites["bravo"].make_data("numbers")
    with open(os.path.join(path, "one.txt"), "w", encoding="utf-8") as file:
        file.write("1\n")
    grid.run("data", "add", "numbers", f"bravo:{path}")
    for _round in range(3):
        job = grid.run_job(command=sh("cat \"$REEVE_INPUT_1/one.txt\""), inputs=["numbers"])
        equal((job["state"], grid.attempt(job["id"])["site"], grid.log(job["id"])), ("succeeded", "bravo", b"1\n"))
    shown = grid.get(f"/v1/jobs/{job['id']}/explain")["placements"][0]
    equal(shown["site"], "bravo")
    terms = {c["site"]: c for c in shown["candidates"]}
    equal((terms["bravo"]["missing_bytes"], terms["alpha"]["missing_bytes"]), (0, 2))
    assert terms["alpha"]["stage"] > 0 and terms["alpha"]["finish"] > terms["bravo"]["finish"], terms


@suite.test
def outputs(grid):
    """declared outputs are kept with their checksums, feed the next job, and can be fetched"""
    content = "".join(f"{n}\n" for n in range(20000))
    job = grid.run_job(command=sh("seq 0 19999 > numbers.txt; mkdir -p deep/er; echo x > deep/er/y.dat; echo no > ignored"),
                       outputs=["numbers.txt", "deep/**"])
    equal(job["state"], "succeeded")
    found = {f["path"]: f for f in grid.items(f"/v1/jobs/{job['id']}/outputs")}
    equal(len(found), 2, f"outputs {sorted(found)}")
    kept = next(f for path, f in found.items() if path.endswith("numbers.txt"))
    equal((kept["size"], kept["sha256"]), (len(content), hashlib.sha256(content.encode()).hexdigest()))
    after = grid.run_job(command=sh("find \"$REEVE_INPUT_1\" -name numbers.txt -exec tail -n 1 {} +"),
                         inputs=[f"job:{job['id']}"])
    equal((after["state"], grid.log(after["id"])), ("succeeded", b"19999\n"))
    target = os.path.join(grid.directory, "fetched")
    grid.run("get", str(job["id"]), target)
    files = [os.path.join(base, name) for base, _d, names in os.walk(target) for name in names]
    equal(sorted(os.path.basename(f) for f in files), ["numbers.txt", "y.dat"])
    with open(next(f for f in files if f.endswith("numbers.txt")), encoding="utf-8") as file:
        equal(file.read() == content, True, "fetched content is the content")


@suite.test
def missing_output(grid):
    """a declared output that was not made fails the task, by that name"""
    job = grid.run_job(command=["/bin/true"], outputs=["result.csv"])
    attempt = grid.attempt(job["id"])
    equal((job["state"], attempt["outcome"]), ("failed", "output_missing"))
    assert "result.csv" in attempt["message"], attempt


@suite.test
def log_while_running(grid):
    """a log is readable while the task runs, by byte range"""
    gate = os.path.join(grid.directory, "gate")
    job = grid.submit({"command": sh(f"echo one; while [ ! -e {gate} ]; do sleep 0.1; done; echo two")})["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"] and grid.log(job) == b"one\n", 30, "the first line can be read")
    open(gate, "w", encoding="utf-8").close()
    grid.wait_job(job)
    status, rest = grid.api("GET", f"/v1/jobs/{job}/tasks/1/log?stream=stdout&offset=4")
    equal((status, rest), (200, b"two\n"))


@suite.test
def long_log(grid):
    """a log that is too long keeps its head and its tail"""
    job = grid.run_job(command=sh("echo head; head -c 8000000 /dev/zero | tr '\\0' x; echo; echo tail"), log_limit="1M")
    equal(job["state"], "succeeded")
    begin = grid.api("GET", f"/v1/jobs/{job['id']}/tasks/1/log?stream=stdout&offset=0&limit=5")[1]
    end = grid.api("GET", f"/v1/jobs/{job['id']}/tasks/1/log?stream=stdout&offset=-5")[1]
    equal((begin, end), (b"head\n", b"tail\n"))


@suite.test
def idempotent(grid):
    """the same submission with the same key is one job; another one is refused"""
    body = {"command": ["/bin/true"], "name": "once"}
    first = grid.submit(body, **{"Idempotency-Key": "once"})["id"]
    equal(grid.submit(body, **{"Idempotency-Key": "once"})["id"], first)
    equal(grid.api("POST", "/v1/jobs", {**body, "name": "other"}, {"Idempotency-Key": "once"})[0], 409)


@suite.test
def bulk(grid):
    """many jobs in one call are accepted together, or not at all"""
    before = len(grid.items("/v1/jobs"))
    jobs = [{"command": ["/bin/true"]} for _n in range(50)]
    status, reply = grid.api("POST", "/v1/jobs:bulk", {"jobs": jobs + [{"command": 7}]})
    equal((status in (400, 422), len(grid.items("/v1/jobs"))), (True, before), f"one bad job of 51: {reply}")
    status, reply = grid.api("POST", "/v1/jobs:bulk", {"jobs": jobs + [{"command": ["/bin/true"], "after": ["#1"]}]})
    equal((status, reply["count"]), (201, 51))
    equal(grid.wait_job(reply["last_id"])["state"], "succeeded")


@suite.test
def deadline(grid):
    """what has not begun at its deadline is cancelled"""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    job = grid.submit({"command": ["/bin/true"], "hold": True, "deadline": soon})["id"]
    equal(grid.wait_job(job)["state"], "cancelled")


@suite.test
def not_before(grid):
    """a job waits for its moment, says so, and starts then"""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 4))
    job = grid.submit({"command": ["/bin/true"], "not_before": moment})["id"]
    why = wait_until(lambda: (lambda e: e["wait"] and e["wait"]["reason"] == "not_yet" and e)(grid.get(f"/v1/jobs/{job}/explain")), 10, "it waits for its moment")
    equal(why["wait"]["details"], {"at": moment})
    assert why["wait"]["start"]["likely"] >= moment, why["wait"]["start"]
    ended = grid.wait_job(job)
    equal(ended["state"], "succeeded")
    assert ended["started_at"] >= moment, (ended["started_at"], moment)


@suite.test
def run_returns_the_code(grid):
    """`reeve run` prints what the program prints and ends with its code"""
    done = grid.run("run", "--", "/bin/sh", "-c", "echo hello; exit 7", check=False)
    equal((done.returncode, done.stdout.splitlines()[-1:]), (7, ["hello"]))


@suite.test
def array_of_many(grid):
    """an array of 2,000 short tasks ends, each of them once"""
    job = grid.submit({"command": ["/bin/true"], "array": "1-2000"})["id"]
    shown = grid.wait_job(job, 120)
    equal((shown["state"], shown["tasks"]["succeeded"]), ("succeeded", 2000))
    tasks = grid.items(f"/v1/jobs/{job}/tasks")
    equal((len(tasks), {t["state"] for t in tasks}), (2000, {"succeeded"}))


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
