#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""queue.py WEBD [NAME...] - the queue, many jobs at once, running again. SQL plays the engine."""
import sys

from harness import has, main, refused, same, test
from server import wait_until


def clear(w):
    w.s.sql("delete from attempts_live; delete from task_queue; delete from job_queue")


def end(w, job, failed=()):
    """The job ends; tasks of it failed."""
    for task in failed:
        w.s.sql(f"insert into attempts (job_id, task, attempt, epoch, site_id, worker_id, state, outcome, blame, final, placed_at,"
                f" ended_at) values ({job}, {task}, 1, 1, 1, 1, 'failed', 'exit', 'task', true, now(), now())")
    w.s.sql(f"update jobs set state = '{'failed' if failed else 'succeeded'}', finished_at = now() where id = {job};"
            f" delete from job_queue where job_id = {job}")


# ---- the queue -------------------------------------------------------------------------------------------------

@test
def the_queue_goes_by_use_over_share_then_priority_then_number(w):
    clear(w)
    w.s.sql("update projects set usage = 0, share = 1, usage_at = now();"
            " update projects set usage = 500, usage_at = now() - interval '24 hours' where name = 'one'")
    first = w.s.submit(project="one", name="first", array="1-10")
    late = w.s.submit(project="one", name="late", priority=5)
    other = w.s.submit(project="two", name="other")
    w.s.sql("update job_queue set wait = 'busy', taken = true")
    q = w.s.ok("GET", "/v1/queue")
    same([(x["position"], x["job"], x["tasks"]) for x in q["items"]], [(1, other, 1), (2, late, 1), (3, first, 10)])
    same([(p["project"], p["waiting"], p["jobs"], p["running"]) for p in q["projects"]], [("two", 1, 1, 0), ("one", 11, 2, 0)])
    assert 240 < q["projects"][1]["score"] < 251, q["projects"][1]["score"]
    same((q["waiting"], q["more"]), ({"jobs": 3, "tasks": 12}, False))
    same(q["items"][0]["wait"]["reason"], "busy")


@test
def jobs_alike_are_one_line_and_those_held_back_stand_at_the_end(w):
    clear(w)
    held = w.s.submit(project="one", hold=True, priority=9)
    ids = [w.s.submit(project="one", name=f"n{i}") for i in range(4)]
    large = w.s.submit(project="one", resources={"cpus": 4})
    w.s.sql(f"update job_queue set wait = case when job_id = {held} then 'held' else 'busy' end, held_by = case when job_id = {held}"
            " then 'sue' end, held_at = now()")
    items = w.s.ok("GET", "/v1/queue")["items"]
    same([(x["job"], x["alike"], x["held"]) for x in items], [(ids[0], 3, False), (large, 0, False), (held, 0, True)])
    same(w.s.ok("GET", "/v1/queue?limit=1")["more"], True)


@test
def the_queue_tells_of_others_only_that_they_are_there(w):
    clear(w)
    w.s.submit(project="one", name="secret")
    mine = w.s.submit(project="two", name="mine")
    reply = w.s.get("/v1/queue", token=w.tokens["stranger"])
    same([(x["position"], x["job"]) for x in reply.json["items"]], [(1 if reply.json["projects"][0]["project"] else 2, mine)])
    same(sorted(p["project"] or "" for p in reply.json["projects"]), ["", "two"])
    assert b"secret" not in reply.body
    same(w.s.get("/v1/queue", token=w.tokens["stranger"], headers={"If-None-Match": reply.headers["ETag"]}).status, 304)


# ---- many at once ----------------------------------------------------------------------------------------------

@test
def a_filter_finds_the_jobs_to_cancel_and_a_dry_run_only_counts(w):
    clear(w)
    ids = [w.s.submit(project="one", name=f"align{i}", labels={"run": "7"}) for i in range(3)]
    rest = w.s.submit(project="one", name="other")
    intents = "select count(*) from job_intents where applied_at is null"
    before = w.s.sql(intents)
    for body, found in (({"name": "align*"}, ids[::-1]), ({"label": "run:7"}, ids[::-1]), ({"ids": [rest, 10 ** 9]}, [rest]),
                        ({"state": "accepted", "project": "one", "user": "admin", "limit": 2}, [rest, ids[2]]),
                        ({"name": "nothing"}, []), ({"state": "active"}, []), ({"all": True}, [rest, *ids[::-1]])):
        reply = w.s.post("/v1/jobs:cancel?dry_run=true", body)
        same((reply.status, reply.json["jobs"], reply.json["matched"]), (200, found, len(found)), body)
    same(w.s.post("/v1/jobs:cancel?dry_run=true", {"all": True, "limit": 2}).json["more"], True)
    same(w.s.sql(intents), before)
    reply = w.s.post("/v1/jobs:cancel", {"name": "align*"}, token=w.tokens["submitter"])
    same((reply.status, reply.json), (202, {"matched": 3, "more": False, "jobs": ids[::-1], "last": ids[0], "states": {"accepted": 3, "active": 0}, "running": 0,
                                            "cannot_jobs": [], "cannot": {"ended": 0, "already": 0, "unknown": 0}}))
    same(w.s.sql(f"select job_id, kind, actor from job_intents where job_id >= {ids[0]} order by job_id"),
         [[str(i), "cancel", "sue"] for i in ids])


@test
def hold_and_release_find_only_those_they_would_change(w):
    clear(w)
    free, held = w.s.submit(project="one"), w.s.submit(project="one")
    w.s.sql(f"update job_queue set held_by = 'sue', held_at = now() where job_id = {held}")
    same(w.s.post("/v1/jobs:hold", {"all": True}).json["jobs"], [free])
    same(w.s.post("/v1/jobs:release", {"all": True}).json["jobs"], [held])


@test
def what_would_not_change_is_told_and_pages_go_on_below_the_last(w):
    clear(w)
    ids = [w.s.submit(project="one", name=f"b{i}") for i in range(5)]
    over = w.s.submit(project="one", name="over")
    for change in (f"delete from job_queue where job_id = {over}", f"update jobs set state = 'failed' where id = {over}",
                   f"update job_queue set held_by = 'sue', held_at = now() where job_id = {ids[2]}", f"update job_queue set taken = true where job_id = {ids[0]}",
                   f"insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state, placed_at, task_failures, site_failures)"
                   f" values ({ids[0]}, 1, 1, 1, 1, 1, 'running', now(), 0, 0)"):
        w.s.sql(change)
    dry = w.s.post("/v1/jobs:hold?dry_run=true", {"ids": [*ids, over, 10 ** 9]}).json
    same((dry["matched"], dry["states"], dry["running"], dry["cannot"]), (4, {"accepted": 3, "active": 1}, 1, {"ended": 1, "already": 1, "unknown": 1}))
    same([(c["job"], c["name"], c["why"], c["sentence"]) for c in dry["cannot_jobs"]],
         [(10 ** 9, None, "unknown", "is no job of your projects"), (over, "over", "ended", "has ended (failed)"), (ids[2], "b2", "already", "is so already")])
    same(w.s.post("/v1/jobs:hold?dry_run=true", {"ids": ids}, token=w.tokens["stranger"]).json["cannot"]["unknown"], 5)
    why = "the disk is full: " + "ä" * 200
    first = w.s.post("/v1/jobs:hold", {"name": "b*", "limit": 2, "why": why}).json
    same((first["jobs"], first["more"], first["last"], first["cannot"]["already"]), ([ids[4], ids[3]], True, ids[3], 1))
    rest = w.s.post("/v1/jobs:hold", {"name": "b*", "limit": 2, "why": why, "before": first["last"]}).json
    same((rest["jobs"], rest["more"], rest["cannot_jobs"]), ([ids[1], ids[0]], False, []))
    told = w.s.ok("GET", f"/v1/jobs/{ids[4]}/events")["items"][0]
    same((told["kind"], told["actor"], told["text"]), ("job.reason", "admin", "asked to be held: " + why))
    has(str(w.s.sql("select detail from audit order by seq desc limit 1")), "the disk is full: ä")
    same(w.s.post(f"/v1/jobs/{ids[1]}/cancel", {"why": "no longer needed"}, token=w.tokens["submitter"]).status, 202)
    same(w.s.ok("GET", f"/v1/jobs/{ids[1]}/events")["items"][0]["text"], "asked to be cancelled: no longer needed")
    refused(w.s.post(f"/v1/jobs/{ids[1]}/hold", {"why": ""}), 422, "bad_input", "/why")
    w.s.sql(f"delete from attempts_live where job_id = {ids[0]}")


@test
def many_jobs_are_changed_only_by_those_who_see_them_and_never_by_mistake(w):
    clear(w)
    w.s.submit(project="one")
    same(w.s.post("/v1/jobs:cancel", {"all": True}, token=w.tokens["stranger"]).json["matched"], 0)
    same(w.s.post("/v1/jobs:cancel", {"project": "one"}, token=w.tokens["stranger"]).json["matched"], 0)
    refused(w.s.post("/v1/jobs:cancel", {}), 422, "bad_input", "/all")
    refused(w.s.post("/v1/jobs:cancel", {"all": False}), 422, "bad_input", "/all")
    refused(w.s.post("/v1/jobs:cancel", {"all": True, "name": "x"}), 422, "bad_input", "/all")
    refused(w.s.post("/v1/jobs:cancel", {"state": "failed", "label": "x:", "ids": [1, "2"], "limit": 10001}), 422, "bad_input",
            "/limit")
    refused(w.s.post("/v1/jobs:cancel", {"state": "failed", "label": ":xx", "ids": [1, "2"]}), 422, "bad_input", "/state",
            "/label", "/ids/1")


# ---- once more -------------------------------------------------------------------------------------------------

def spec_of(w, job):
    return w.s.ok("GET", f"/v1/jobs/{job}/spec")


FULL = {"name": "full", "project": "one", "script": "#!/bin/sh\necho $1\n", "args": ["a"], "array": "1-4,10-20:5%3",
        "resources": {"cpus": 2, "memory": "1G", "gpus": 0, "licence": 3}, "env": {"A": "1", "B": ""}, "task_env": {"SEED": "{task}"}, "stdio": {"out": "{job}.out"},
        "warn": {"signal": "USR1", "before": "30s"}, "workdir": "/w",
        "time_limit": "90m", "retry": {"max": 2, "site_max": 7, "delay": "2s", "delay_max": "1h", "on_exit": {"75": "retry", "64-78": "fail"}},
        "not_before": "2098-01-01T00:00:00Z", "deadline": "2099-01-01T00:00:00Z", "labels": {"k": "v"}, "inputs": ["set"], "outputs": ["*.txt"], "sites": ["alpha"],
        "lease": "20m", "log_limit": "1M", "priority": 7}


@test
def a_job_runs_again_as_it_was(w):
    old = w.s.submit(**FULL)
    reply = w.s.post(f"/v1/jobs/{old}/rerun", {}, token=w.tokens["submitter"])
    same((reply.status, reply.json["rerun_of"], reply.json["tasks"]), (201, old, 7), reply.body)
    new = reply.json["id"]
    same(spec_of(w, new), spec_of(w, old))
    shown, was = w.s.ok("GET", f"/v1/jobs/{new}"), w.s.ok("GET", f"/v1/jobs/{old}")
    for member in ("name", "project", "array", "priority", "tasks", "resources"):
        same(shown[member], was[member], member)
    same((shown["labels"], shown["user"]), ({"k": "v", "rerun_of": str(old)}, "sue"))
    same(reply.headers["Location"], f"/v1/jobs/{new}")


@test
def only_the_tasks_that_failed_run_again(w):
    old = w.s.submit(project="one", array="1-100%5")
    refused(w.s.post(f"/v1/jobs/{old}/rerun", {"failed": True}), 409, "conflict")
    end(w, old, failed=(3, 4, 5, 9, 100))
    reply = w.s.post(f"/v1/jobs/{old}/rerun?dry_run=true", {"failed": True})
    same((reply.status, reply.json["id"], reply.json["tasks"]), (200, None, 5))
    reply = w.s.post(f"/v1/jobs/{old}/rerun", {"failed": True})
    shown = w.s.ok("GET", f"/v1/jobs/{reply.json['id']}")
    same((shown["array"], shown["tasks"]["total"]), ("3-5,9,100", 5))
    same(spec_of(w, reply.json["id"])["throttle"], 5)


@test
def a_rerun_is_idempotent_by_key_and_one_key_is_for_one_job(w):
    jobs = [w.s.submit(project="one"), w.s.submit(project="one")]
    key = {"Idempotency-Key": "again"}
    first = w.s.post(f"/v1/jobs/{jobs[0]}/rerun", {}, headers=key)
    same(w.s.post(f"/v1/jobs/{jobs[0]}/rerun", {}, headers=key).json["id"], first.json["id"])
    refused(w.s.post(f"/v1/jobs/{jobs[1]}/rerun", {}, headers=key), 409, "conflict")


@test
def what_cannot_run_again_says_why(w):
    job = w.s.submit(project="one", sites=["alpha"])
    refused(w.s.post(f"/v1/jobs/{job}/rerun", {}, token=w.tokens["stranger"]), 404, "not_found")
    refused(w.s.post("/v1/jobs/999999/rerun", {}), 404, "not_found")
    refused(w.s.post(f"/v1/jobs/{job}/rerun", {"failed": 1, "fail": 2}), 422, "bad_input", "/failed", "/fail")
    w.s.sql(f"update jobs set spec = jsonb_set(spec::jsonb, '{{sites}}', '[\"gone\"]')::json where id = {job}")
    refused(w.s.post(f"/v1/jobs/{job}/rerun", {}), 422, "bad_input", "/sites/0")


@test
def a_deadline_that_has_passed_is_left_out(w):
    job = w.s.submit(project="one", deadline="2099-01-01T00:00:00Z")
    w.s.sql(f"update jobs set spec = jsonb_set(spec::jsonb, '{{deadline_ms}}', '1000')::json where id = {job}")
    same(spec_of(w, w.s.post(f"/v1/jobs/{job}/rerun", {}).json["id"])["deadline_ms"], None)


# ---- polling ---------------------------------------------------------------------------------------------------

def told(w, payload):
    """The server has heard it: the word after it was, too."""
    w.s.sql(f"select pg_notify('reeve_web', '{payload}')")
    mark = w.s.submit(project="one")
    w.s.sql(f"update job_queue set taken = true where job_id = {mark}; select pg_notify('reeve_web', '{mark}')")
    path = f"/v1/jobs/{mark}"
    wait_until("it was heard", lambda: w.s.ok("GET", path)["state"] == "active")


@test
def what_is_known_is_known_until_the_engine_names_one_of_its_jobs(w):
    jobs = [w.s.submit(project="one") for _ in range(3)]
    other = w.s.submit(project="one")
    path = "/v1/jobs?ids=" + ",".join(map(str, jobs))
    for payload, status in (("-", 304), (other, 304), (f"{other},{jobs[1]}", 200), ("", 200), ("not ours", 200)):
        tag = w.s.get(path).headers["ETag"]
        # Nobody says that it changed: what was answered a moment ago is taken for true.
        w.s.sql(f"update job_queue set priority = priority + 1 where job_id = {jobs[1]}")
        same(w.s.get(path, headers={"If-None-Match": tag}).status, 304)
        told(w, payload)
        wait_until("the answer", lambda: w.s.get(path, headers={"If-None-Match": tag}).status == status)
        w.s.sql("notify reeve_web")
        wait_until("all is old", lambda: w.s.get(path, headers={"If-None-Match": tag}).status == 200)
    # Another's answer is no one else's.
    tag = w.s.get(path).headers["ETag"]
    same(w.s.ok("GET", path, token=w.tokens["stranger"], headers={"If-None-Match": tag})["items"], [])


if __name__ == "__main__":
    sys.exit(main())
