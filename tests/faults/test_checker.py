#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the checker bite? One good history, and for each promise histories that break it, as TAP."""
import copy
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checker  # noqa: E402

SECOND = 10**9


def line(site, job, task, attempt, event, at, nonce=None, cpus=1):
    return checker.Line(site, job, task, attempt, event, "boot", 100 + attempt, int(at * SECOND),
                        nonce or f"{job}-{task}-{attempt}", cpus)


def attempt(job, task, number, state="succeeded", final=1, epoch=1):
    return {"job_id": str(job), "task": str(task), "attempt": str(number), "epoch": str(epoch), "state": state,
            "outcome": state, "final": str(final), "code": "0"}


def job(number, state="succeeded", succeeded=1, failed=0, cancelled=0, queued=0, nonce=None):
    return {"id": str(number), "state": state, "succeeded": str(succeeded), "failed": str(failed),
            "cancelled": str(cancelled), "queued": str(queued), "nonce": nonce or f"n{number}"}


def log(kind, number, task=1, attempt_number=1, was=None, became=None, epoch=1):
    return {"seq": "0", "kind": kind, "job": str(number), "task": str(task), "attempt": str(attempt_number),
            "was": was or "", "became": became or "", "epoch": str(epoch)}


def epoch(number):
    return {"seq": "0", "kind": "epoch", "job": "", "task": "", "attempt": "", "was": "", "became": "",
            "epoch": str(number)}


def good():
    """Job 1 has two tasks, one of which was lost at a and done again at b; job 2 was cancelled while it ran."""
    return checker.History(
        lines=[line("a", 1, 1, 1, "begin", 10), line("a", 1, 1, 1, "end:0", 11),
               line("a", 1, 2, 1, "begin", 11.1), line("a", 1, 2, 1, "beat", 11.3),
               line("b", 1, 2, 2, "begin", 20), line("b", 1, 2, 2, "end:0", 21),
               line("b", 2, 1, 1, "begin", 21.5), line("b", 2, 1, 1, "beat", 22)],
        torn={"a": 0, "b": 0},
        clients=[{"op": "submit", "result": "ok", "job": 1, "first": 1, "last": 2, "expect": "succeeded", "nonce": "n1"},
                 {"op": "submit", "result": "ok", "job": 2, "first": 1, "last": 1, "expect": "cancelled", "nonce": "n2"},
                 {"op": "submit", "result": "unknown", "nonce": "n3"},
                 {"op": "submit", "result": "fail", "nonce": "n4"},
                 {"op": "cancel", "result": "ok", "job": 2, "boottime_ns": 22 * SECOND}],
        jobs={1: job(1, succeeded=2), 2: job(2, "cancelled", 0, 0, 1), 3: job(3, nonce="n3")},
        attempts=[attempt(1, 1, 1), attempt(1, 2, 1, "lost", 0), attempt(1, 2, 2, epoch=2),
                  attempt(2, 1, 1, "aborted", epoch=2)],
        live=[],
        log=[epoch(1), log("born", 1, 1, 1, None, "reserved"), log("moved", 1, 1, 1, "reserved", "starting"),
             log("moved", 1, 1, 1, "starting", "running"), log("gone", 1, 1, 1, "running", None),
             log("ended", 1, 1, 1, None, "succeeded"), log("born", 1, 2, 1, None, "starting"), epoch(2),
             log("gone", 1, 2, 1, "starting", None), log("ended", 1, 2, 1, None, "lost", 2),
             log("born", 1, 2, 2, None, "starting", 2), log("gone", 1, 2, 2, "starting", None, 2),
             log("ended", 1, 2, 2, None, "succeeded", 2)],
        audit_broken=[], running=[], capacity={"a": 1, "b": 1})


def changed(**lists):
    """A way to break the good history: put items behind its lists, or replace what is no list."""
    def change(history):
        return history._replace(**{name: getattr(history, name) + value if isinstance(value, list) else value
                                   for name, value in lists.items()})
    return change


def with_jobs(**jobs):
    def change(history):
        for name, value in jobs.items():
            number = int(name[1:])
            if value is None:
                del history.jobs[number]
            else:
                history.jobs[number] = value
        return history
    return change


def without_line(event, *key):
    def change(history):
        return history._replace(lines=[x for x in history.lines
                                       if not (x.event == event and (x.job, x.task, x.attempt) == key)])
    return change


def without_attempt(*key):
    def change(history):
        return history._replace(attempts=[a for a in history.attempts
                                          if (int(a["job_id"]), int(a["task"]), int(a["attempt"])) != key])
    return change


# What is broken, which promise must be found broken, and how it is broken.
CASES = [
    ("an acknowledged job that is not in the database", "I1", with_jobs(j1=None)),
    ("an acknowledged job that never ended", "I1", with_jobs(j1=job(1, "accepted", 1, queued=1))),
    ("a job that ended with a live queue row", "I1", with_jobs(j1=job(1, succeeded=2, queued=1))),
    ("a job that lost a task on the way", "I1", with_jobs(j1=job(1, succeeded=1))),
    ("a job that failed and should not have", "I1", with_jobs(j1=job(1, "failed", 1, 1))),
    ("a succeeded job with a task without success", "I1", without_attempt(1, 2, 2)),
    ("a task that succeeded twice", "I2", changed(attempts=[attempt(1, 2, 3)])),
    ("a success that is not the newest attempt's", "I2", changed(attempts=[attempt(1, 2, 3, "lost", 0)])),
    ("a task that ended for good twice", "I2", changed(attempts=[attempt(1, 1, 0, "failed")])),
    ("a success of a job that never wrote its end", "I2", without_line("end:0", 1, 2, 2)),
    ("two attempts at the same time at two sites", "I3", changed(lines=[line("a", 1, 2, 1, "beat", 20.5)])),
    ("two attempts at the same time at one site", "I3", changed(lines=[line("b", 1, 2, 1, "beat", 20.2, "other")])),
    ("one attempt started twice, one after the other", "I3", changed(lines=[line("a", 1, 1, 1, "begin", 15, "again")])),
    ("one attempt started twice at once", "I3", changed(lines=[line("a", 1, 1, 1, "begin", 10.5, "again")])),
    ("an attempt that went backwards", "I4", changed(log=[log("moved", 2, 1, 1, "running", "starting", 2)])),
    ("an attempt born as ended", "I4", changed(log=[log("born", 2, 1, 1, None, "succeeded", 2)])),
    ("an attempt made twice", "I4", changed(log=[log("born", 1, 1, 1, None, "reserved", 2)])),
    ("an attempt that ended twice", "I4", changed(log=[log("ended", 1, 1, 1, None, "failed", 2)])),
    ("a live row used for two attempts", "I4", changed(log=[log("replaced", 1, 2, 3, "running", "reserved", 2)])),
    ("a deposed leader that placed", "I4", changed(log=[log("born", 2, 1, 1, None, "reserved", 1)])),
    ("a deposed leader that recorded an end", "I4", changed(log=[log("ended", 2, 1, 1, None, "lost", 1)])),
    ("an epoch that did not grow", "I4", changed(log=[epoch(2)])),
    ("a broken audit chain", "I4", changed(audit_broken=[7])),
    ("two tasks on one CPU", "I5", changed(lines=[line("a", 2, 1, 1, "begin", 10.5, "x"), line("a", 2, 1, 1, "beat", 10.6, "x")])),
    ("a task of two CPUs on one", "I5", changed(lines=[line("a", 2, 1, 1, "begin", 30, "x", 2)])),
    ("work that the database does not know", "I6", changed(lines=[line("a", 9, 1, 1, "begin", 40)])),
    ("half a line", "I6", changed(torn={"a": 1, "b": 0})),
    ("a beginning long after the cancellation", "I7", changed(lines=[line("b", 2, 1, 1, "begin", 28, "x")])),
    ("a live attempt at the end", "I8", changed(live=[attempt(2, 1, 2, "running")])),
    ("a running job at the end", "I8", changed(running=[4711])),
    ("a submission that happened twice", "I10", with_jobs(j5=job(5, nonce="n3"))),
    ("a refused submission that happened", "I10", with_jobs(j5=job(5, nonce="n4"))),
]


def read_back():
    """Lines as recorder.c writes them are read back; torn ones are counted."""
    with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
        file.write("7 3 2 begin b-o-o-t 99 1000 2000 00ff 2\n7 3 2 end:0 b-o-o-t 99 1500 2500 00ff 2\n7 3 2 be\n")
        file.flush()
        lines, torn = checker.read_site("a", file.name)
    run = checker.runs_of(lines)
    return (torn, run) == (1, [checker.Run("a", 7, 3, 2, "00ff", 2, 1000, 1500, 0)])


def main():
    results = [("a good history is found good", not checker.judge(good())), ("lines are read back", read_back())]
    for what, promise, change in CASES:
        complaints = checker.judge(change(copy.deepcopy(good())))
        results.append((f"{what} breaks {promise}", any(c.startswith(promise + ":") for c in complaints)))
    for number, (title, right) in enumerate(results, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {title}")
    print(f"1..{len(results)}")
    return 0 if all(right for _title, right in results) else 1


if __name__ == "__main__":
    sys.exit(main())
