# SPDX-License-Identifier: Apache-2.0
"""What people are told: why a job waits, who is before it, when it is likely to start, and what would help."""
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, wait_until  # noqa: E402

suite = Suite()
GIB = 1 << 30


def setup(grid):
    grid.patience = 30
    grid.start()
    grid.add_site("alpha", cpus=2)
    grid.add_site("bravo", cpus=1)


def sh(text):
    return ["/bin/sh", "-c", text]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def submit(grid, **body):
    return grid.submit({"command": ["/bin/true"], **body})["id"]


def cancel(grid, *jobs):
    for job in jobs:
        grid.api("POST", f"/v1/jobs/{job}/cancel", {})
    for job in jobs:
        grid.wait_job(job)


def explain(grid, job, query=""):
    return grid.get(f"/v1/jobs/{job}/explain{query}")


def waits(grid, job, reason):
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == reason, 20, f"it waits: {reason}")
    return wait_until(lambda: next((e for e in [explain(grid, job)] if e["live"] and e["wait"] and e["wait"]["reason"] == reason), None),
                      20, f"the engine says {reason}")


def seconds_to(shown, time):
    at = [datetime.datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (shown["as_of"], shown["wait"]["start"][time])]
    return (at[1] - at[0]).total_seconds()


@suite.test
def line(grid):
    """a job that waits names its position, who is before it, and a start; learned run times move it"""
    equal(grid.run_job(command=sh("sleep 1"), array="1-6", sites=["alpha"])["state"], "succeeded")
    first = submit(grid, command=sh("sleep 30"), array="1-2", sites=["alpha"], time_limit="40s")
    wait_until(lambda: grid.job(first)["tasks"]["running"] == 2, 20, "the site is full")
    second = submit(grid, command=sh("sleep 1"), array="1-8", sites=["alpha"])
    third = submit(grid, command=sh("sleep 1"), sites=["alpha"])
    urgent = submit(grid, command=sh("sleep 1"), array="1-4", sites=["alpha"], priority=5)
    shown = waits(grid, third, "priority")
    equal(shown["can_ever_run"], True)
    equal(shown["wait"]["position"], {"tasks_ahead": 12, "jobs_ahead": 2, "shape_ahead": 12,
                                      "behind": [{"job": second, "project": "default", "tasks": 8},
                                                 {"job": urgent, "project": "default", "tasks": 4}]})
    assert seconds_to(shown, "earliest") <= seconds_to(shown, "likely") <= seconds_to(shown, "latest"), shown["wait"]["start"]
    assert "ended task" in shown["wait"]["start"]["based_on"] or "guess" in shown["wait"]["start"]["based_on"], shown
    assert "12 tasks of 2 jobs go before it" in shown["sentence"], shown["sentence"]
    elsewhere = [h for h in shown["wait"]["would_help"] if (h["change"] or {}).get("sites")]
    equal([(h["sites"], h["start_in"]) for h in elsewhere], [(["bravo"], 0)])
    out = grid.run("explain", str(third)).stdout
    for words in ("12 tasks of 2 jobs go before it", "likely", "what would help", "bravo could start it now"):
        assert words in out, f"{words!r} is not in:\n{out}"
    cancel(grid, first, second, third, urgent)


@suite.test
def never(grid):
    """a job that can never run says so at submission and afterwards, with the smallest change that would let it"""
    body = {"command": ["/bin/true"], "resources": {"cpus": 64}}
    reply = grid.submit(body)
    equal([(w["code"], w["fix"]) for w in reply["warnings"]], [("too_large", {"resources": {"cpus": 2}})])
    shown = waits(grid, reply["id"], "too_large")
    equal((shown["can_ever_run"], shown["never"]["fix"]), (False, {"resources": {"cpus": 2}}))
    equal((shown["wait"]["position"], shown["wait"]["start"]["likely"]), (None, None))
    out = grid.run("explain", str(reply["id"])).stdout
    assert "can never run" in out and "2 CPUs instead of 64" in out, out
    status, refused = grid.ask("POST", "/v1/jobs?strict=true", body, {})
    equal((status, [e["pointer"] for e in refused["errors"]]), (422, ["/resources/cpus"]))
    status, refused = grid.ask("POST", "/v1/jobs:bulk?strict=true", {"jobs": [{"command": ["/bin/true"]}, body]}, {})
    equal((status, [e["pointer"] for e in refused["errors"]]), (422, ["/jobs/1/resources/cpus"]))
    cancel(grid, reply["id"])


@suite.test
def what_if(grid):
    """the same question with changes, and about a job that is not submitted"""
    full = submit(grid, command=sh("sleep 30"), array="1-2", resources={"cpus": 1}, sites=["alpha"])
    wait_until(lambda: grid.job(full)["tasks"]["running"] == 2, 20, "alpha is full")
    job = submit(grid, resources={"cpus": 2}, sites=["alpha"])
    waits(grid, job, "busy")
    there = explain(grid, job, "?what_if=cpus%3D1%26sites%3D")["what_if"]
    equal((there["best"], there["reason"], there["can_ever_run"]), ("bravo", None, True))
    never = explain(grid, job, "?what_if=cpus%3D64")["what_if"]
    equal((never["can_ever_run"], never["reason"]), (False, "too_large"))
    unknown = explain(grid, job, "?what_if=unicorns%3D1")["what_if"]
    equal((unknown["can_ever_run"], unknown["never"]["fix"]), (False, {"resources": {"unicorns": 0}}))
    for bad in ("cpus", "cpus%3D0", "memory%3Dmuch", "sites%3Dnowhere", "inputs%3Dnothing", "a%20b%3D1"):
        equal(grid.api("GET", f"/v1/jobs/{job}/explain?what_if={bad}")[0], 400, bad)
    status, guest = grid.ask("POST", "/v1/explain", {"command": ["/bin/true"], "resources": {"cpus": 1}}, {})
    equal((status, guest["best"], guest["can_ever_run"], guest["warnings"]), (200, "bravo", True, []))
    status, guest = grid.ask("POST", "/v1/explain", {"command": ["/bin/true"], "resources": {"cpus": 2}}, {})
    equal((status, guest["best"], guest["reason"], guest["can_ever_run"]), (200, None, "busy", True))
    status, guest = grid.ask("POST", "/v1/explain", {"command": ["/bin/true"], "resources": {"cpus": 64}}, {})
    equal((status, guest["never"]["fix"], [w["code"] for w in guest["warnings"]]),
          (200, {"resources": {"cpus": 2}}, ["too_large"]))
    out = grid.run("explain", str(job), "--what-if", "cpus=1", "--what-if", "sites=").stdout
    assert "bravo" in out, out
    cancel(grid, job, full)


@suite.test
def others(grid):
    """reasons that others make: after whom, held by whom, throttled, in backoff, for whose output"""
    first = submit(grid, hold=True, array="1-3", outputs=["x"], command=sh("echo > x"))
    after = submit(grid, after=[first])
    reads = submit(grid, inputs=[f"job:{first}"])
    held = waits(grid, first, "held")
    equal(held["wait"]["details"]["by"], "admin")
    equal(waits(grid, after, "after")["wait"]["details"]["jobs"],
          [{"job": first, "name": "sh", "state": "active", "on": "ok", "each": False, "left": 3}])
    equal([(i["dataset"], i["job"]) for i in waits(grid, reads, "input_pending")["wait"]["details"]["inputs"]],
          [(f"job-{first}", first)])
    few = submit(grid, command=sh("sleep 30"), array="1-9%1")
    equal(waits(grid, few, "throttle")["wait"]["details"], {"running": 1, "max": 1})
    again = submit(grid, command=sh("exit 1"), retry={"max": 3, "delay": 30, "delay_max": 60})
    details = waits(grid, again, "backoff")["wait"]["details"]
    equal((details["task"], details["failures"], details["tasks"]), (1, 1, 1))
    assert details["until"].endswith("Z"), details
    reasons = [(h["reason"], h["until"]) for h in explain(grid, after)["history"]]
    equal(reasons, [("after", None)], "history")
    cancel(grid, few, again, reads, after, first)


@suite.test
def placed(grid):
    """a task that ran says why there, naming the next; so does each attempt"""
    job = grid.run_job(command=sh("exit 3"), retry={"max": 1, "delay": 0.1})["id"]
    shown = explain(grid, job, "?task=1")
    equal((shown["state"], shown["wait"]), ("failed", None))
    equal([c["attempt"] for p in shown["placements"] for c in p["chosen_for"]], [2, 1], "attempts")
    one = explain(grid, job, "?task=1&attempt=1")
    assert "attempt 1 at" in one["sentence"], one["sentence"]
    sentence = one["placements"][0]["sentence"]
    assert "alpha" in sentence and "bravo" in sentence, sentence
    equal(grid.api("GET", f"/v1/jobs/{job}/explain?task=1&attempt=9")[0], 404)
    equal(grid.api("GET", f"/v1/jobs/{job}/explain?attempt=1")[0], 400)
    assert "alpha" in grid.run("explain", f"{job}.1").stdout, "the command names the site"


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
