#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""api.py WEBD [NAME...] - the JSON API from outside: a real server, a real database ($REEVE_TEST_PG), TAP on standard output.

SQL plays the engine where an answer needs one. SEED=n repeats a run of the random requests.
"""
import base64
import hashlib
import http.client
import json
import os
import random
import re
import socket
import sys
import threading
import time

from callers import BODIES, call_as, routes
from harness import WEBD, World, has, main, refused, same, test
from server import DEADLINE, Server, wait_until

# ---- rights ----------------------------------------------------------------------------------------------------

@test
def a_dry_run_of_every_write_leaves_no_trace(w):
    count = "select (select count(*) from jobs), (select count(*) from sites), (select count(*) from projects), " \
            "(select count(*) from users), (select count(*) from tokens), (select count(*) from calls), " \
            "(select count(*) from job_intents), (select count(*) from audit), (select count(*) from hosts)"
    before = w.s.sql(count)
    for method, path, operation in routes(w):
        if any(p["name"] == "dry_run" for p in operation["parameters"]):
            reply = call_as(w, "admin", method, path, operation)
            if reply.status < 300:
                same((reply.status, reply.headers["Reeve-Dry-Run"]), (200, "true"), path)
    same(w.s.sql(count), before)


@test
def changes_and_refusals_are_in_the_audit_chain_and_the_chain_holds(w):
    w.s.ok("POST", "/v1/sites/alpha/drain", {"why": "for the test"})
    refused(w.s.post("/v1/sites/alpha/open", token=w.tokens["viewer"]), 403, "denied")
    rows = w.s.sql("select actor, action, object, detail from audit order by seq desc limit 2")
    same(rows[1][:3], ["admin", "POST /v1/sites/{name}/drain", "/v1/sites/alpha/drain"])
    has(rows[1][3], "for the test")
    same(rows[0][:3], ["vic", "POST /v1/sites/{name}/open", "/v1/sites/alpha/open"])
    has(rows[0][3], "refused")
    broken = w.s.sql("select count(*) from (select a as line, seq, hash, lag(hash) over (order by seq) as before from audit a) a"
                     " where hash <> reeve_audit_hash(before, line)")
    same(broken, [["0"]])


@test
def a_cookie_needs_the_page_behind_it_for_changes(w):
    s = w.s
    code = s.ok("POST", "/v1/login-links", {}, token=w.tokens["submitter"])["url"].split("#code=")[1]
    reply = s.post("/v1/login", {"code": code}, token=None)
    same((reply.status, reply.json["name"]), (200, "sue"))
    cookie = reply.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        has(cookie, part)
    jar = {"Cookie": cookie.split(";")[0]}
    same(s.get("/v1/me", token=None, headers=jar).json["name"], "sue")
    refused(s.post("/v1/login", {"code": code}, token=None), 401, "unauthorized")
    job = {"command": ["true"], "project": "one"}
    for bad in ({}, {"X-Reeve-Csrf": "0"}, {"X-Reeve-Csrf": "1", "Sec-Fetch-Site": "cross-site"},
                {"X-Reeve-Csrf": "1", "Origin": "http://evil.example"}):
        refused(s.post("/v1/jobs", job, token=None, headers={**jar, **bad}), 403, "denied")
    for good in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://127.0.0.1:{s.port}"}):
        same(s.post("/v1/jobs", job, token=None, headers={**jar, "X-Reeve-Csrf": "1", **good}).status, 201)
    same(s.post("/v1/logout", token=None, headers={**jar, "X-Reeve-Csrf": "1"}).status, 204)
    refused(s.get("/v1/me", token=None, headers=jar), 401, "unauthorized")


@test
def a_revoked_token_ends_and_a_user_cannot_revoke_anothers(w):
    mine = w.s.ok("POST", "/v1/tokens", {"name": "brief"}, token=w.tokens["submitter"])
    same(w.s.get("/v1/me", token=mine["token"]).status, 200)
    refused(w.s.request("DELETE", f"/v1/tokens/{mine['id']}", token=w.tokens["viewer"]), 404, "not_found")
    same(w.s.request("DELETE", f"/v1/tokens/{mine['id']}", token=w.tokens["submitter"]).status, 204)
    refused(w.s.get("/v1/me", token=mine["token"]), 401, "unauthorized")
    refused(w.s.post("/v1/tokens", {"name": "x", "user": "admin"}, token=w.tokens["submitter"]), 403, "denied")
    same(w.s.sql("select count(*) from tokens where encode(hash, 'escape') like 'reeve_%'"), [["0"]])


@test
def too_many_failed_logins_have_to_wait(w):
    s = Server(WEBD, database=None)
    codes = [s.post("/v1/login", {"code": f"wrong{i}"}, token=None).status for i in range(12)]
    same(codes, [401] * 10 + [429] * 2)
    same(s.post("/v1/login", {"token": s.token}, token=None).headers["Retry-After"], "30")
    same(s.stop(), 0)


@test
def a_foreign_host_name_is_refused_and_an_address_is_not(w):
    for host, status in (("evil.example", 403), ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("10.1.2.3:99", 200)):
        same(w.s.get("/v1/me", headers={"Host": host}).status, status, host)


# ---- errors ----------------------------------------------------------------------------------------------------

@test
def each_kind_of_error_is_said_as_documented(w):
    s = w.s
    refused(s.get("/v1/nothing"), 404, "not_found")
    reply = s.request("PUT", "/v1/jobs", {})
    refused(reply, 405, "wrong_method")
    same(sorted(reply.headers["Allow"].split(", ")), ["GET", "HEAD", "POST"])
    refused(s.post("/v1/jobs", token="reeve_wrong"), 401, "unauthorized")
    refused(s.request("POST", "/v1/jobs", raw="command=true", headers={"Content-Type": "text/plain"}), 415, "unsupported_type")
    refused(s.request("POST", "/v1/jobs", raw="{"), 400, "bad_input")
    refused(s.request("POST", "/v1/jobs", raw='{"name":"a","name":"b"}'), 400, "bad_input")
    refused(s.request("POST", "/v1/jobs", raw="[1]"), 400, "bad_input")
    refused(s.request("POST", "/v1/jobs", raw='{"command":["' + "x" * (1 << 20) + '"]}'), 413, "too_large")
    refused(s.get("/v1/jobs?limit=0"), 400, "bad_input")
    refused(s.get("/v1/jobs?cursor=***"), 400, "bad_input")
    refused(s.get("/v1/jobs?colour=red"), 400, "bad_input", "?colour")
    refused(s.get("/v1/jobs?limit=1&limit=2"), 400, "bad_input")
    refused(s.get("/v1/jobs/%zz"), 400, "bad_input")
    refused(s.get("/v1/jobs/abc"), 404, "not_found")
    refused(s.get("/v1/jobs/99999999"), 404, "not_found")
    refused(s.get(f"/v1/jobs/{w.job}/tasks/2"), 404, "not_found")
    refused(s.post("/v1/sites", BODIES["POST", "/v1/sites"] | {"name": "alpha"}), 409, "conflict")
    refused(s.request("DELETE", "/v1/jobs/1", {"a": 1}), 405, "wrong_method")
    refused(s.request("DELETE", "/v1/sites/alpha", {"a": 1}), 400, "bad_input")


@test
def a_job_wrong_in_many_places_hears_of_all_of_them(w):
    cases = [
        ({}, ["/command"]),
        ({"command": []}, ["/command"]),
        ({"command": ["a"], "script": "#!/bin/sh\n"}, ["/script"]),
        ({"script": "echo"}, ["/script"]),
        ({"command": ["a"], "colour": 1, "priority": 5000}, ["/colour", "/priority"]),
        ({"command": ["a", 1], "resources": {"cpus": 0, "memory": "lots", "Licence": 1}},
         ["/command/1", "/resources/Licence", "/resources/cpus", "/resources/memory"]),
        ({"command": ["a"], "env": {"A-B": "x", "REEVE_JOB_ID": "1", "C": 3}}, ["/env/A-B", "/env/C", "/env/REEVE_JOB_ID"]),
        ({"command": ["a"], "array": "5-1", "time_limit": "soon", "workdir": "here"}, ["/array", "/time_limit", "/workdir"]),
        ({"command": ["a"], "retry": {"max": -1, "on_exit": {"300": "retry", "1": "maybe"}}},
         ["/retry/max", "/retry/on_exit/1", "/retry/on_exit/300"]),
        ({"command": ["a"], "after": [0, {"job": 1, "on": "sometimes"}, "x"]}, ["/after/0", "/after/1/on", "/after/2"]),
        ({"command": ["a"], "outputs": ["/abs", "../up", "a/../b", ""]}, [f"/outputs/{i}" for i in range(4)]),
        ({"command": ["a"], "output_dataset": "x"}, ["/output_dataset"]),
        ({"command": ["a"], "labels": {"": "x", "k": 1}, "deadline": "2001-01-01T00:00:00Z"}, ["/deadline", "/labels/", "/labels/k"]),
        ({"command": ["a"], "after": [424242], "inputs": ["nowhere", "job:424242"], "sites": ["mars"]},
         ["/after/0", "/inputs/0", "/inputs/1", "/sites/0"]),
        ({"command": ["a"], "project": "two", "log_limit": 1}, ["/log_limit", "/project"]),
        ({"command": ["a"], "a/b~c": 1}, ["/a~1b~0c"]),
    ]
    for job, pointers in cases:
        reply = w.s.post("/v1/jobs", job, token=w.tokens["submitter"])
        refused(reply, 422, "bad_input")
        same(reply.pointers, sorted(pointers), job)


@test
def a_full_disk_and_too_many_live_jobs_refuse_new_work_only(w):
    s = Server(WEBD, "2", "full")
    wait_until("the disk was looked at", lambda: s.post("/v1/jobs", {"command": ["a"]}).status == 507)
    refused(s.post("/v1/jobs", {"command": ["a"]}), 507, "limit")
    same(s.get("/v1/jobs").status, 200)
    s.stop()
    s = Server(WEBD, "2", "-", "3")
    for _ in range(5):
        s.post("/v1/jobs", {"command": ["a"]})
    wait_until("the number of live jobs was looked at", lambda: s.post("/v1/jobs", {"command": ["a"]}).status == 507)
    has(s.post("/v1/jobs", {"command": ["a"]}).json["detail"], "live_jobs")
    s.stop()


# ---- submission ------------------------------------------------------------------------------------------------

@test
def a_resource_that_nobody_offers_is_refused_with_what_there_is(w):
    ask = {"command": ["a"], "resources": {"memroy": "2G", "scratch_z": 1}}
    reply = w.s.post("/v1/jobs", ask)
    refused(reply, 422, "bad_input", "/resources/memroy", "/resources/scratch_z")
    same({e["code"] for e in reply.json["errors"]}, {"unknown"})
    has(reply.json["errors"][0]["detail"], 'did you mean "memory"? offered are cpus, memory, gpus, licence')
    refused(w.s.post("/v1/jobs:bulk", {"jobs": [{"command": ["a"]}, ask]}), 422, "bad_input", "/jobs/1/resources/memroy")
    refused(w.s.post("/v1/explain", ask), 422, "bad_input", "/resources/memroy")
    w.s.ok("POST", "/v1/sites", {"name": "zeta", "hosts": [{"address": "127.0.0.1", "port": 2222}], "accounts": [{"user": "grid"}],
                                 "offer": {"custom": {"scratch_z": 2}}})
    w.s.submit(resources={"scratch_z": 1})
    w.s.ok("DELETE", "/v1/sites/zeta")


@test
def an_unknown_member_brings_the_nearest_known_one(w):
    reply = w.s.post("/v1/jobs", {"command": ["a"], "labls": {}, "retry": {"delay_mx": 1}})
    refused(reply, 422, "bad_input", "/labls", "/retry/delay_mx")
    same([e["detail"] for e in reply.json["errors"]],
         ['"labls": unknown member; did you mean "labels"?', '"delay_mx": unknown member; did you mean "delay_max"?'])


@test
def a_job_is_stored_in_the_documented_form(w):
    job = w.s.submit(name="n", script="#!/bin/sh\necho\n", args=["x"], array="3-9%2", env={"K": "v"}, workdir="/w",
                     resources={"cpus": 2, "memory": "1.5G", "gpus": 1, "licence_x": 4}, time_limit="1h30m", priority=-7,
                     retry={"max": 2, "delay": "10s", "on_exit": {"75": "retry", "64-78": "fail"}}, hold=True,
                     not_before="2099-11-30T00:00:00Z", deadline="2099-12-01T00:00:00Z", labels={"k": "v"}, outputs=["*.sam"], output_dataset="named",
                     sites=["alpha"], lease="30m", log_limit="1M", inputs=["set"], after=[{"job": w.job, "on": "not_ok"}])
    spec = w.s.ok("GET", f"/v1/jobs/{job}/spec")
    same(spec, {"command": None, "script": "#!/bin/sh\necho\n", "args": ["x"],
                "resources": {"cpus": 2, "memory": 1610612736, "gpus": 1, "custom": {"licence_x": 4}}, "env": [["K", "v"]],
                "task_env": [], "stdio": {"in": None, "out": None, "err": None, "append": False}, "warn": None, "workdir": "/w", "time_limit_ms": 5400000, "throttle": 2,
                "retry": {"max": 2, "site_max": 5, "delay_ms": 10000, "delay_max_ms": 3600000,
                          "on_exit": [{"from": 75, "to": 75, "action": "retry"}, {"from": 64, "to": 78, "action": "fail"}]},
                "not_before_ms": 4099680000000, "deadline_ms": 4099766400000, "inputs": ["set"], "partition": None, "outputs": ["*.sam"], "output_dataset": "named",
                "sites": ["alpha"], "lease_ms": 1800000, "log_limit": 1048576})
    shown = w.s.ok("GET", f"/v1/jobs/{job}")
    same((shown["name"], shown["first_task"], shown["last_task"], shown["tasks"]["total"], shown["labels"], shown["priority"]),
         ("n", 3, 9, 7, {"k": "v"}, -7))
    same((shown["held"]["by"], shown["resources"]["licence_x"], shown["output_dataset"]), ("admin", 4, "named"))
    same(w.s.sql(f"select on_job_id, condition, elementwise from job_after where job_id = {job}"), [[str(w.job), "not_ok", "f"]])
    same(w.s.sql(f"select position from job_inputs where job_id = {job}"), [["1"]])


@test
def a_repeated_submission_with_its_key_makes_one_job(w):
    key, answers = {"Idempotency-Key": "run 7"}, []
    job = {"command": ["true"], "array": "1-5", "outputs": ["*"], "output_dataset": "keyed"}

    def go():
        answers.append(w.s.post("/v1/jobs", job, headers=key))
    threads = [threading.Thread(target=go) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same({(a.status, a.json["id"], a.json["tasks"]) for a in answers}, {(201, answers[0].json["id"], 5)})
    refused(w.s.post("/v1/jobs", {"command": ["false"]}, headers=key), 409, "conflict")
    other = w.s.post("/v1/jobs", {"command": ["true"], "project": "two"}, headers=key, token=w.tokens["stranger"])
    same(other.status, 201)
    refused(w.s.post("/v1/jobs", {"command": ["true"]}, headers={"Idempotency-Key": "x" * 201}), 400, "bad_input")
    bulk = {"jobs": [{"command": ["true"]}] * 3}
    first = w.s.post("/v1/jobs:bulk", bulk, headers={"Idempotency-Key": "bulk"}).json
    again = w.s.post("/v1/jobs:bulk", bulk, headers={"Idempotency-Key": "bulk"}).json
    same((again["first_id"], again["last_id"], again["count"]), (first["first_id"], first["last_id"], 3))


@test
def a_script_is_read_as_a_job_and_each_directive_is_told(w):
    text = ("#!/bin/bash\n#SBATCH -J align -c 4 --mem=4G\n#SBATCH --mail-type=END\n#SBATCH -n 2\n#REEVE --input set --not-before 2099-01-01T00:00:00Z\n"
            "#SBATCH --begin=10:00\necho\n#SBATCH --foo\n")
    read = w.s.ok("POST", "/v1/jobs:script", {"script": text, "name": "x.sh", "time_zone": 60}, token=w.tokens["viewer"])
    same([(d["line"], d["mark"], d["option"], d["value"], d["outcome"]) for d in read["directives"]],
         [(2, "SBATCH", "-J", "align", "used"), (2, "SBATCH", "-c", "4", "used"), (2, "SBATCH", "--mem", "4G", "used"),
          (3, "SBATCH", "--mail-type", "END", "ignored"), (4, "SBATCH", "-n", "2", "differs"), (5, "REEVE", "--input", "set", "used"),
          (5, "REEVE", "--not-before", "2099-01-01T00:00:00Z", "used"), (6, "SBATCH", "--begin", "10:00", "used")])
    same((read["used"], read["differs"], read["ignored"], read["refused"]), (6, 1, 1, 0))
    has(read["directives"][3]["sentence"], "--mail-type is ignored: Reeve sends no mail")
    job = read["job"]
    same((job["name"], job["script"], job["resources"], job["inputs"], job["not_before"]),
         ("align", text, {"cpus": 8, "memory": 4 << 30}, ["set"], "2099-01-01T00:00:00.000Z"))
    before = w.s.sql("select count(*) from jobs")
    tried = w.s.request("POST", "/v1/jobs?dry_run=true", job)
    same((tried.status, tried.json["tasks"]), (200, 1))
    same(w.s.sql("select count(*) from jobs"), before)
    bad = w.s.ok("POST", "/v1/jobs:script", {"script": "#!/bin/sh\n#SBATCH -N 2 -D here\n#REEVE --cpus many\n#SBATCH -o '%q'\n"})
    same((bad["job"], [(d["line"], d["outcome"]) for d in bad["directives"]]), (None, [(2, "refused"), (2, "refused"), (3, "refused"), (4, "refused")]))
    assert all(d["sentence"] for d in bad["directives"]), bad
    broken = w.s.ok("POST", "/v1/jobs:script", {"script": "#SBATCH 'open\n"})
    same((broken["job"], broken["refused"]), (None, 1))
    has(broken["directives"][0]["sentence"], "never closed")
    same(w.s.ok("POST", "/v1/jobs:script", {"script": "#SBATCH -D here\n", "cwd": "/home/ann"})["job"]["workdir"], "/home/ann/here")
    refused(w.s.post("/v1/jobs:script", {"name": "x", "cwd": 7}), 422, "bad_input", "/cwd", "/script")
    refused(w.s.post("/v1/jobs:script", {"script": "x", "cwd": "home"}), 422, "bad_input", "/cwd")


@test
def who_watches_jobs_by_number_is_answered_from_memory_until_the_engine_names_one(w):
    ids = [w.s.submit(project="one", name=f"watched-{i}") for i in range(30)]
    path = "/v1/jobs?limit=1000&ids=" + ",".join(map(str, [*ids, ids[3], 777777]))
    def watch(token=""):
        return w.s.get(path, token=token, headers={"If-None-Match": '"old"'}).json
    def asked(token=""):
        return w.s.get(path, token=token).json
    same([j["id"] for j in asked()["items"]], ids[::-1])
    wait_until("nothing is on its way any more", lambda: watch() == asked())
    same(watch(), asked())
    same(watch(token=w.tokens["stranger"])["items"], [])
    w.s.sql(f"update job_queue set priority = 5 where job_id = {ids[7]}")
    wait_until("the engine's word has come", lambda: w.s.sql(f"notify reeve_web, '{ids[7]},{ids[9]}'") == [] and watch() == asked())
    same([j["priority"] for j in watch()["items"] if j["id"] == ids[7]], [5])
    same(watch(token=w.tokens["submitter"]), asked(token=w.tokens["submitter"]))
    same(w.s.get(path.replace("limit=1000", "limit=5"), headers={"If-None-Match": '"old"'}).json["next_cursor"] is None, False)


@test
def a_bulk_submission_is_all_or_nothing_and_may_refer_to_itself(w):
    before = w.s.sql("select count(*) from jobs")
    reply = w.s.post("/v1/jobs:bulk", {"jobs": [{"command": ["a"]}, {"command": ["b"], "after": ["#2"]}, {"array": "x"},
                                                {"command": ["c"], "inputs": ["job:#1"]}]})
    refused(reply, 422, "bad_input", "/jobs/1/after/0", "/jobs/2/array", "/jobs/2/command")
    refused(w.s.post("/v1/jobs:bulk", {"jobs": [{"command": ["a"]}, {"command": ["c"], "inputs": ["job:#1"]}]}), 422, "bad_input",
            "/jobs/1/inputs/0")
    refused(w.s.post("/v1/jobs:bulk", {"jobs": []}), 422, "bad_input", "/jobs")
    refused(w.s.post("/v1/jobs:bulk", {"jobs": [{"command": ["a"], "outputs": ["*"], "output_dataset": "twice"}] * 2}), 409, "conflict")
    same(w.s.sql("select count(*) from jobs"), before)
    done = w.s.ok("POST", "/v1/jobs:bulk", {"jobs": [
        {"command": ["make"], "array": "1-4", "outputs": ["*.x"]},
        {"command": ["use"], "array": "1-4", "after": [{"job": "#1", "each": True}, w.job], "inputs": ["job:#1", "set"]}]})
    first = done["first_id"]
    same((done["last_id"], done["count"]), (first + 1, 2))
    same(w.s.sql(f"select on_job_id, elementwise from job_after where job_id = {first + 1} order by 1"),
         [[str(w.job), "f"], [str(first), "t"]])
    same(w.s.sql(f"select position, name from job_inputs i join datasets d on d.id = dataset_id where i.job_id = {first + 1} order by 1"),
         [["1", f"job-{first}"], ["2", "set"]])
    same(w.s.ok("GET", f"/v1/jobs/{first + 1}/spec")["inputs"], [f"job-{first}", "set"])
    refused(w.s.post("/v1/jobs:bulk", {"jobs": [{"command": ["a"], "array": "1-4"},
                                                {"command": ["b"], "array": "1-9", "after": [{"job": "#1", "each": True}]}]}),
            422, "bad_input", "/jobs/1/after/0")


@test
def bulk_numbers_are_consecutive_beside_single_submissions(w):
    stop, seen = threading.Event(), []

    def singles():
        while not stop.is_set():
            seen.append(w.s.submit())
    threads = [threading.Thread(target=singles) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        for n in (1, 2, 3, 50, 500, 2, 4500):
            got = w.s.ok("POST", "/v1/jobs:bulk", {"jobs": [{"command": [f"n{n}"]}] * n})
            same(got["last_id"] - got["first_id"] + 1, n)
            same(w.s.sql(f"select count(*) from jobs where name = 'n{n}' and id between {got['first_id']} and {got['last_id']}"),
                 [[str(n)]])
    finally:
        stop.set()
        for t in threads:
            t.join()
    same(len(set(seen)), len(seen))
    same(w.s.sql("select count(*) from jobs j where not exists (select from job_queue q where q.job_id = j.id)"), [["0"]])


@test
def a_job_that_nothing_could_run_is_accepted_with_a_warning(w):
    big = w.s.ok("POST", "/v1/jobs", {"command": ["a"], "resources": {"cpus": 64}})
    same([(x["code"], x["fix"]) for x in big["warnings"]], [("too_large", {"resources": {"cpus": 4}})])
    same(w.s.ok("POST", "/v1/jobs", {"command": ["a"], "resources": {"cpus": 4}})["warnings"], [])
    dry = w.s.post("/v1/jobs?dry_run=true", {"command": ["a"], "array": "1-7"})
    same((dry.status, dry.json["id"], dry.json["tasks"]), (200, None, 7))


# ---- reading ---------------------------------------------------------------------------------------------------

def page_through(w, path, **more):
    items, cursor = [], None
    for _ in range(1000):
        joint = "&" if "?" in path else "?"
        page = w.s.ok("GET", path + (f"{joint}cursor={cursor}" if cursor else ""), **more)
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items
    raise AssertionError("a list without end")


@test
def lists_page_by_key_and_filter(w):
    w.s.ok("POST", "/v1/jobs:bulk", {"jobs": [{"command": ["x"], "name": f"page-{i}", "project": "one", "labels": {"n": str(i % 3)}}
                                              for i in range(25)]}, token=w.tokens["submitter"])
    mine = page_through(w, "/v1/jobs?limit=7&name=page-*", token=w.tokens["submitter"])
    same([j["name"] for j in mine], [f"page-{i}" for i in reversed(range(25))])
    same(len(page_through(w, "/v1/jobs?limit=4&label=n:1&project=one&user=sue&state=accepted")), 8)
    same(len(page_through(w, "/v1/jobs?limit=2&name=page-3")), 1)
    same(page_through(w, "/v1/jobs?state=succeeded"), [])
    same([j["id"] for j in page_through(w, f"/v1/jobs?ids={w.job},{mine[0]['id']},777777")], [mine[0]["id"], w.job])
    assert all(j["project"] == "two" for j in page_through(w, "/v1/jobs?limit=1000", token=w.tokens["stranger"]))
    same(page_through(w, "/v1/jobs?project=one", token=w.tokens["stranger"]), [])


def world_of_tasks(w):
    """A job of ten tasks with one in every state; the engine's part is written by SQL."""
    job = w.s.submit(array="1-10")
    site, worker = w.s.sql("select site_id, id from workers order by id limit 1")[0]
    w.s.sql(f"update job_queue set taken = true, next_task = 8, succeeded = 1, failed = 1, wait = 'busy', started_at = now() where job_id = {job}")
    decision = w.s.sql(f"insert into decisions (job_id, task, site_id, candidates) values ({job}, 1, {site},"
                       f" '[{{\"site\":\"alpha\",\"finish\":3.2,\"missing_bytes\":0}}]') returning id")[0][0]
    w.s.sql("insert into attempts (job_id, task, attempt, epoch, site_id, worker_id, state, outcome, blame, final, code, placed_at,"
            " started_at, ended_at, wall_us, stdout_bytes, stderr_bytes, log_cut, decision_id) values"
            f" ({job}, 1, 1, 1, {site}, {worker}, 'succeeded', 'succeeded', 'none', true, 0, now(), now(), now(), 1250000, 10, 0, 0, {decision}),"
            f" ({job}, 2, 1, 1, {site}, {worker}, 'lost', 'lost', 'link', false, null, now(), now(), now() - interval '1 ms', 0, 0, 0, 0, null),"
            f" ({job}, 2, 2, 1, {site}, {worker}, 'failed', 'exit', 'task', true, 3, now(), now(), now(), 5, 0, 0, 1, null),"
            f" ({job}, 3, 1, 1, {site}, {worker}, 'failed', 'signal', 'task', false, 9, now(), now(), now(), 5, 0, 0, 0, null),"
            f" ({job}, 4, 1, 1, {site}, {worker}, 'failed', 'exit', 'task', false, 1, now(), now(), now(), 5, 0, 0, 0, null),"
            f" ({job}, 5, 1, 1, {site}, {worker}, 'aborted', 'cancelled', 'user', true, null, now(), null, now(), 5, 0, 0, 0, null)")
    w.s.sql(f"insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state, placed_at, started_at, task_failures,"
            f" site_failures) values ({job}, 3, 2, 1, {site}, {worker}, 'running', now(), now(), 1, 0),"
            f" ({job}, 6, 1, 1, {site}, {worker}, 'reserved', now(), null, 0, 0)")
    w.s.sql(f"insert into task_queue (job_id, task, attempt, not_before) values ({job}, 4, 1, now() + interval '1 hour')")
    return job


@test
def the_state_of_each_task_is_told_from_where_it_stands(w):
    job = world_of_tasks(w)
    want = ["succeeded", "failed", "placed", "ready", "cancelled", "placed", "cancelled", "ready", "ready", "ready"]
    tasks = page_through(w, f"/v1/jobs/{job}/tasks?limit=3")
    same([(t["task"], t["state"]) for t in tasks], list(zip(range(1, 11), want)))
    for state in set(want):
        same([t["task"] for t in page_through(w, f"/v1/jobs/{job}/tasks?limit=1&state={state}")],
             [i + 1 for i, s in enumerate(want) if s == state], state)
    same([t["task"] for t in page_through(w, f"/v1/jobs/{job}/tasks?from=9")], [9, 10])
    two = w.s.ok("GET", f"/v1/jobs/{job}/tasks/2")
    same([(a["attempt"], a["state"], a["outcome"], a["blame"], a["code"], a["signal"], a["log_cut"]) for a in two["attempts"]],
         [(2, "failed", "exit", "task", 3, None, True), (1, "lost", "lost", "link", None, None, False)])
    three = w.s.ok("GET", f"/v1/jobs/{job}/tasks/3")
    same([(a["attempt"], a["state"], a["signal"], a["site"]) for a in three["attempts"]], [(2, "running", None, "alpha"), (1, "failed", 9, "alpha")])
    same(tasks[3]["wait"]["reason"], "backoff")
    same(tasks[0]["attempts"][0]["wall"], 1.25)
    shown = w.s.ok("GET", f"/v1/jobs/{job}")
    same(shown["tasks"], {"total": 10, "blocked": 0, "ready": 6, "placed": 2, "running": 1, "succeeded": 1, "failed": 1, "cancelled": 0})
    same((shown["state"], shown["wait"]["reason"]), ("active", "busy"))


@test
def an_explanation_says_why_it_waits_and_why_it_ran_there(w):
    job = world_of_tasks(w)
    why = w.s.ok("GET", f"/v1/jobs/{job}/explain")
    has(why["sentence"], "busy")
    same((why["wait"]["reason"], why["wait"]["sentence"], why["wait"]["funnel"], why["can_ever_run"], why["live"]), ("busy", None, [], True, False))
    same((why["placements"][0]["site"], why["placements"][0]["candidates"][0]["finish"]), ("alpha", 3.2))
    has(why["placements"][0]["sentence"], "alpha")
    task = w.s.ok("GET", f"/v1/jobs/{job}/explain?task=1")
    same((task["state"], len(task["placements"]), task["wait"]), ("succeeded", 1, None))
    has(w.s.ok("GET", f"/v1/jobs/{job}/explain?task=6")["sentence"], "alpha")
    refused(w.s.get(f"/v1/jobs/{job}/explain?task=11"), 400, "bad_input")


@test
def events_are_shown_to_those_who_see_the_job(w):
    w.s.sql(f"insert into events (kind, job_id, text) select 'job.test', {w.job}, 'number ' || g from generate_series(1, 12) g")
    w.s.sql("insert into events (kind, site_id, text) select 'site.up', id, 'up' from sites where name = 'alpha'")
    mine = page_through(w, f"/v1/jobs/{w.job}/events?limit=5", token=w.tokens["viewer"])
    same([e["text"] for e in mine], [f"number {i}" for i in range(12, 0, -1)])
    same({e["kind"] for e in page_through(w, "/v1/events?limit=5", token=w.tokens["stranger"])}, {"site.up"})
    same(len(page_through(w, "/v1/events?site=alpha", token=w.tokens["viewer"])), 1)
    refused(w.s.get(f"/v1/events?job={w.job}", token=w.tokens["stranger"]), 404, "not_found")


@test
def outputs_and_files_page_in_order(w):
    w.s.sql(f"insert into files (dataset_id, path, size, sha256, task) select id, 'f' || lpad(g::text, 3, '0'), g, sha256(g::text::bytea), g % 4"
            f" from datasets, generate_series(1, 30) g where job_id = {w.job}")
    out = w.s.ok("GET", f"/v1/jobs/{w.job}/outputs?limit=100")
    same((out["dataset"], len(out["items"])), (f"job-{w.job}", 30))
    same(page_through(w, f"/v1/jobs/{w.job}/outputs?limit=7"), out["items"])
    same([f["path"] for f in page_through(w, f"/v1/datasets/job-{w.job}/files?limit=4")], [f"f{i:03}" for i in range(1, 31)])
    same(out["items"][0]["sha256"], hashlib.sha256(str(out["items"][0]["size"]).encode()).hexdigest())


@test
def an_etag_spares_what_is_known_and_head_has_no_body(w):
    for path in (f"/v1/jobs/{w.job}", "/v1/jobs", "/v1/sites", "/v1/overview", "/v1/me", "/v1/openapi.json", "/"):
        first = w.s.get(path)
        again = w.s.get(path, headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})
        same((first.status, again.status, again.body), (200, 304, b""), path)
        head = w.s.request("HEAD", path)
        same((head.status, head.body, head.headers["ETag"]), (200, b"", first.headers["ETag"]), path)


@test
def a_waiting_request_hears_of_a_change_at_once(w):
    job = w.s.submit()
    path = f"/v1/jobs/{job}"
    tag = w.s.get(path).headers["ETag"]
    got = []

    def wait():
        got.append((w.s.get(path + "?wait=60", headers={"If-None-Match": tag}), time.monotonic()))
    for change in (lambda: w.s.sql(f"update job_queue set priority = priority + 1 where job_id = {job}; notify reeve_web"),
                   lambda: w.s.sql(f"update job_queue set wait = 'held' where job_id = {job}")):
        thread = threading.Thread(target=wait)
        thread.start()
        wait_until("it waits", lambda: b"reeve_http_waiting 1" in w.s.get("/metrics").body)
        change()
        thread.join(DEADLINE)
        same(got[-1][0].status, 200)
        tag = got[-1][0].headers["ETag"]
    same(w.s.get(path + "?wait=1", headers={"If-None-Match": tag}).status, 304)


@test
def many_waiting_requests_hold_no_thread(w):
    tag = w.s.get(f"/v1/jobs/{w.job}").headers["ETag"]
    waiting = []
    for _ in range(100):
        c = http.client.HTTPConnection("127.0.0.1", w.s.port, timeout=90)
        c.request("GET", f"/v1/jobs/{w.job}?wait=60", headers={"Authorization": "Bearer " + w.s.token, "If-None-Match": tag})
        waiting.append(c)
    wait_until("all wait", lambda: b"reeve_http_waiting 100" in w.s.get("/metrics").body)
    w.s.submit()
    w.s.ok("POST", f"/v1/jobs/{w.job}/priority", {"priority": 3})
    w.s.sql(f"update job_queue set priority = 3 where job_id = {w.job}; notify reeve_web")
    for c in waiting:
        same(c.getresponse().status, 200)
        c.close()


# ---- sites and calls -------------------------------------------------------------------------------------------

@test
def a_site_is_registered_changed_opened_and_removed(w):
    s = w.s
    s.sql("insert into settings values ('seal_key', repeat('ab', 32)) on conflict do nothing")
    site = s.ok("POST", "/v1/sites", {"name": "gamma", "hosts": [{"address": "login.example.org", "jumps": ["me@bastion:22"]}],
                                      "accounts": [{"user": "grid", "key": private_key()}, {"user": "two", "project": "two"}], "max_tasks": 9,
                                      "offer": {"cpus": 8, "gpus": 2, "custom": {"licence_x": 3}}})
    same((site["intent"], site["health"], site["max_tasks"], len(site["workers"])), ("closed", "unknown", 9, 2))
    assert site["accounts"][0]["public_key"].startswith("ssh-ed25519 AAAA"), site["accounts"]
    same(site["accounts"][1]["public_key"], None)
    same(s.sql("select count(*) from accounts where sealed_key is not null and position('PRIVATE' in encode(sealed_key, 'escape')) = 0"), [["1"]])
    site = s.ok("PATCH", "/v1/sites/gamma", {"max_tasks": None, "speed": 2.5, "all_projects": False,
                                             "projects": [{"name": "one", "max_cpus": 3}], "offer": {"memory": "4G"}})
    same((site["max_tasks"], site["speed"], site["all_projects"], site["projects"]), (None, 2.5, False, [{"name": "one", "max_cpus": 3}]))
    same(site["workers"][0]["offer"], {"cpus": 8, "memory": 4 << 30, "gpus": 2, "slots": None, "custom": {"licence_x": 3}})
    same(len(s.ok("POST", "/v1/sites/gamma/hosts", {"address": "second"})["workers"]), 4)
    s.sql("insert into host_keys (host_id, hop, type, key, fingerprint) select id, 1, 'ssh-ed25519', 'k', 'SHA256:seen' from hosts where address = 'second';"
          " update sites set alarm = 'the host key changed' where name = 'gamma'")
    refused(s.post("/v1/sites/gamma/open"), 409, "conflict")
    refused(s.post("/v1/sites/gamma/pin", {"host": "second", "hop": 1, "fingerprint": "SHA256:other"}), 404, "not_found")
    site = s.ok("POST", "/v1/sites/gamma/pin", {"host": "second", "hop": 1, "fingerprint": "SHA256:seen"})
    same((site["alarm"], site["hosts"][1]["keys"][0]["pinned"]), (None, True))
    same(s.ok("POST", "/v1/sites/gamma/open", {"why": "tested"})["intent_why"], "tested")
    refused(s.request("DELETE", "/v1/sites/gamma"), 409, "conflict")
    s.ok("POST", "/v1/sites/gamma/close")
    same(s.request("DELETE", "/v1/sites/gamma").status, 204)
    refused(s.get("/v1/sites/gamma"), 404, "not_found")
    same(s.post("/v1/sites", {"name": "gamma", "hosts": [{"address": "h"}], "accounts": [{"user": "u"}]}).status, 201)
    refused(s.post("/v1/sites", {"name": "x", "hosts": [{"address": "-oProxyCommand=x"}, {"address": "h", "jumps": ["nobody"]}],
                                 "accounts": [{"user": "-l", "key": "nonsense", "root": "rel", "backend": "telnet"}]}), 422, "bad_input",
            "/hosts/0/address", "/hosts/1/jumps/0", "/accounts/0/user", "/accounts/0/key", "/accounts/0/root", "/accounts/0/backend")


def private_key():
    """An unencrypted Ed25519 key in OpenSSH's format; only its public half is ever looked at."""
    def text(b):
        return len(b).to_bytes(4, "big") + b
    public = text(b"ssh-ed25519") + text(b"p" * 32)
    raw = b"openssh-key-v1\0" + text(b"none") + text(b"none") + text(b"") + (1).to_bytes(4, "big") + text(public) + text(b"s" * 64)
    body = base64.b64encode(raw).decode()
    return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + re.sub("(.{70})", "\\1\n", body) + "\n-----END OPENSSH PRIVATE KEY-----\n"


@test
def a_call_belongs_to_who_asked_and_tells_its_steps(w):
    call = w.s.ok("POST", "/v1/sites/alpha/test", {})
    same((call["kind"], call["state"]), ("test", "queued"))
    refused(w.s.get(f"/v1/calls/{call['id']}", token=w.tokens["viewer"]), 404, "not_found")
    first = w.s.get(f"/v1/calls/{call['id']}")
    got = []
    thread = threading.Thread(target=lambda: got.append(w.s.get(f"/v1/calls/{call['id']}?wait=60", headers={"If-None-Match": first.headers["ETag"]})))
    thread.start()
    w.s.sql(f"update calls set state = 'done', steps = '[{{\"name\":\"reach\",\"state\":\"ok\"}}]', result = '{{\"ok\":true}}', ended_at = now()"
            f" where id = {call['id']}; notify reeve_web")
    thread.join(DEADLINE)
    same((got[0].json["state"], got[0].json["steps"][0]["name"], got[0].json["result"]), ("done", "reach", {"ok": True}))


def answer_calls(w, stop, answer):
    """The engine's part: answer read calls until told to stop."""
    while not stop.is_set():
        for row in w.s.sql("select id, args from calls where kind = 'read' and state = 'queued'"):
            args = json.loads(row[1])
            result, data = answer(args)
            if data is None:
                w.s.sql(f"update calls set state = 'failed', message = '{result}', ended_at = now() where id = {row[0]}; notify reeve_web")
            else:
                w.s.sql(f"insert into call_data values ({row[0]}, '\\x{data.hex()}');"
                        f" update calls set state = 'done', result = '{json.dumps(result)}', ended_at = now() where id = {row[0]}; notify reeve_web")
        time.sleep(0.005)


@test
def a_log_is_read_through_the_engine_by_byte_range(w):
    job = world_of_tasks(w)
    log, asked = bytes(range(256)) * 4, []

    def answer(args):
        asked.append(args)
        if args["what"] == "stderr":
            return "the site is down", None
        at = args["offset"]
        part = log[at:at + args["limit"]]
        return {"offset": at, "size": len(log), "gap_start": 7, "gap_end": 9, "final": True}, part
    stop = threading.Event()
    engine = threading.Thread(target=answer_calls, args=(w, stop, answer))
    engine.start()
    try:
        reply = w.s.get(f"/v1/jobs/{job}/tasks/3/log?offset=3&limit=5")
        same((reply.status, reply.body, reply.headers["Content-Type"]), (200, log[3:8], "application/octet-stream"))
        same([reply.headers["Reeve-" + n] for n in ("Offset", "Size", "Gap-Start", "Gap-End", "Final", "Attempt")],
             ["3", "1024", "7", "9", "true", "2"])
        has(reply.headers["Content-Security-Policy"], "sandbox")
        has(reply.headers["Content-Disposition"], "attachment")
        same(w.s.get(f"/v1/jobs/{job}/tasks/3/log?offset=-4").body, log[-4:])
        same(w.s.get(f"/v1/jobs/{job}/tasks/1/log?offset=-4").body, log[6:])
        same(asked[-1] | {"limit": 0}, {"what": "stdout", "worker": asked[-1]["worker"], "job": job, "task": 1, "attempt": 1, "path": None,
                                        "offset": 6, "limit": 0})
        refused(w.s.get(f"/v1/jobs/{job}/tasks/3/log?stream=stderr"), 503, "unavailable")
        has(w.s.get(f"/v1/jobs/{job}/tasks/3/log?stream=stderr").json["detail"], "the site is down")
        same(w.s.get(f"/v1/jobs/{job}/tasks/3/log?attempt=1").headers["Reeve-Attempt"], "1")
        refused(w.s.get(f"/v1/jobs/{job}/tasks/3/log?attempt=7"), 404, "not_found")
        refused(w.s.get(f"/v1/jobs/{job}/tasks/8/log"), 404, "not_found")
        refused(w.s.get(f"/v1/jobs/{job}/tasks/3/log?stream=secret"), 400, "bad_input")
        file_of_a_dataset(w, asked)
    finally:
        stop.set()
        engine.join()
    same(w.s.sql("select count(*) from call_data"), [["0"]])


def file_of_a_dataset(w, asked):
    w.s.sql("insert into files (dataset_id, path, size, sha256) select id, 'a b%FF', 1024, sha256('x') from datasets where name = 'set';"
            "insert into dataset_sites (dataset_id, site_id, root, files) select d.id, s.id, '/data/50%', 1 from datasets d, sites s"
            " where d.name = 'set' and s.name = 'alpha';"
            "insert into replicas (dataset_id, path, site_id, root, state) select d.id, 'a b%FF', s.id, '/data/50%', 'present' from datasets d, sites s"
            " where d.name = 'set' and s.name = 'alpha'")
    url = "/v1/datasets/set/content?path=a%20b%25FF"
    refused(w.s.get(url), 503, "unavailable")
    w.s.sql("update workers set link = 'ready'")
    reply = w.s.get(url + "&offset=1&limit=2")
    same((reply.status, reply.body), (200, b"\1\2"))
    same((asked[-1]["what"], asked[-1]["path"]), ("path", "/data/50%25/a b%FF"))
    refused(w.s.get("/v1/datasets/set/content?path=../etc/passwd"), 404, "not_found")
    same(w.s.ok("GET", "/v1/datasets/set")["sites"][0]["root"], "/data/50%")


@test
def a_dataset_is_registered_by_a_scan_and_forgotten(w):
    call = w.s.ok("POST", "/v1/datasets", {"name": "fresh", "site": "alpha", "path": "/data", "project": "one"}, token=w.tokens["submitter"])
    args = json.loads(w.s.sql(f"select args from calls where id = {call['id']}")[0][0])
    same((call["kind"], args["name"], args["path"]), ("scan", "fresh", "/data"))
    # A registered one may lie at one more place; what a job makes is the job's.
    w.s.ok("POST", "/v1/datasets", {"name": "set", "site": "alpha", "path": "/d"})
    w.s.submit(outputs=["*.out"], output_dataset="made")
    refused(w.s.post("/v1/datasets", {"name": "made", "site": "alpha", "path": "/d"}), 409, "conflict")
    refused(w.s.post("/v1/datasets", {"name": "job-7", "site": "mars", "path": "d", "project": "nine"}), 422, "bad_input", "/name", "/site",
            "/path", "/project")
    w.s.sql("insert into datasets (name, project_id, made_by, sealed_at) select 'old', id, 'sue', now() from projects where name = 'one'")
    user = w.s.submit(inputs=["old"])
    refused(w.s.request("DELETE", "/v1/datasets/old"), 409, "conflict")
    w.s.sql(f"delete from job_queue where job_id = {user}")
    same(w.s.request("DELETE", "/v1/datasets/old").status, 204)
    refused(w.s.get("/v1/datasets/old"), 404, "not_found")


@test
def what_is_asked_of_a_job_is_an_intent_of_a_person(w):
    job = w.s.submit(w.tokens["submitter"], project="one", array="1-5")
    for path, body in (("hold", {}), ("release", {}), ("cancel", {"task": 3}), ("cancel", {}), ("priority", {"priority": 9})):
        reply = w.s.post(f"/v1/jobs/{job}/{path}", body, token=w.tokens["submitter"])
        same((reply.status, reply.json["id"]), (202, job))
    same(w.s.sql(f"select kind, task, value, actor from job_intents where job_id = {job} order by id"),
         [["hold", "", "0", "sue"], ["release", "", "0", "sue"], ["cancel", "3", "0", "sue"], ["cancel", "", "0", "sue"],
          ["priority", "", "9", "sue"]])
    refused(w.s.post(f"/v1/jobs/{job}/cancel", {"task": 6}), 422, "bad_input", "/task")
    refused(w.s.post(f"/v1/jobs/{job}/priority", {}), 422, "bad_input", "/priority")
    w.s.sql(f"delete from job_queue where job_id = {job}; update jobs set state = 'cancelled', finished_at = now() where id = {job}")
    refused(w.s.post(f"/v1/jobs/{job}/hold"), 409, "conflict")
    same([t["state"] for t in page_through(w, f"/v1/jobs/{job}/tasks")], ["cancelled"] * 5)


# ---- the page --------------------------------------------------------------------------------------------------

@test
def the_page_is_served_for_its_own_paths_with_strict_headers(w):
    page = w.s.get("/jobs/12", token=None)
    same((page.status, page.headers["Content-Type"], page.headers["Cache-Control"]), (200, "text/html; charset=utf-8", "no-cache"))
    for part in ("default-src 'none'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"):
        has(page.headers["Content-Security-Policy"], part)
    same(page.headers["X-Content-Type-Options"], "nosniff")
    script = re.search(rb'src="(/assets/[^"]+\.js)"', page.body).group(1).decode()
    plain = w.s.get(script, token=None)
    has(plain.headers["Cache-Control"], "immutable")
    for accept, encoding in (("br, gzip", "br"), ("gzip", "gzip"), ("identity", None), ("br;q=0, gzip", "gzip")):
        reply = w.s.get(script, token=None, headers={"Accept-Encoding": accept})
        same((reply.status, reply.headers["Content-Encoding"], reply.headers["ETag"]), (200, encoding, plain.headers["ETag"]), accept)
    for path in ("/missing.js", "/assets/../../etc/passwd", "/v1/nothing", "/assets/%2e%2e/x.js"):
        same(w.s.get(path, token=None).status, 404, path)


@test
def figures_are_in_the_text_format_of_prometheus(w):
    text = w.s.get("/metrics").body.decode()
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r'\w+(\{(\w+="(\\.|[^"\\])*",?)*\})? [0-9.e+-]+', line), line
    for name in ("reeve_tasks_ended_total", "reeve_jobs_waiting", "reeve_engine_pass_seconds", "reeve_engine_alive", "reeve_worker_up", "reeve_http_requests_total", "reeve_http_request_seconds_bucket"):
        has(text, name)
    refused(w.s.get("/readyz", token=None), 503, "unavailable")
    w.s.sql("update leader set lease_until = now() + interval '1 hour'")
    same(w.s.get("/readyz", token=None).body, b"ready\n")


# ---- hostile and unlucky ---------------------------------------------------------------------------------------

WORDS = ["command", "script", "array", "resources", "env", "after", "inputs", "outputs", "labels", "retry", "sites", "name", "jobs", "hosts",
         "accounts", "offer", "projects", "role", "user", "key", "code", "token", "priority", "task", "why", "share", "path", "site"]
TEXTS = ["", "a", "#!/bin/sh", "1-9", "-1", "1e400", "../..", "%s%n", "'; drop table jobs; --", "\u202e", "\x7f", "\U0001f600", "x" * 5000, "#1",
         "job:1", "job:#1", "9" * 30, "0x10", "2h", "NaN", "\\u0000", "/", "SHA256:abcdefghijk", "2001-01-01T00:00:00Z"]


def random_value(r, depth=0):
    kind = r.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return r.choice([None, True, False])
    if kind == 1:
        return r.choice([0, -1, 1, 2**31, 2**63 - 1, -2**63, 10**9, 3.5, -1e308])
    if kind < 6:
        return r.choice(TEXTS)
    if kind == 6:
        return [random_value(r, depth + 1) for _ in range(r.randrange(4))]
    return {r.choice(WORDS + TEXTS): random_value(r, depth + 1) for _ in range(r.randrange(6))}


def random_request(r, paths):
    method = r.choice(["GET", "POST", "PATCH", "DELETE", "HEAD", "PUT", "OPTIONS", "g", "TRACE"])
    path = re.sub(r"\{\w+\}", lambda m: r.choice(["1", "alpha", "set", "0", "-1", "999999999999999999999", "%00", "%ff", "a%2fb", "", "%", "'"]),
                  r.choice(paths))
    if r.random() < 0.5:
        path += "?" + "&".join(r.choice(["limit", "cursor", "wait", "dry_run", "state", "ids", "label", "offset", "task", "x", "%", ""]) + "=" +
                               r.choice(["1", "-1", "true", "", "%zz", "a:b", "1,2,x", "MTIz", "MTIzIGE", "99999999999999999999", "%C3%28"])
                               for _ in range(r.randrange(4)))
    if "wait=1" in path:
        path = path.replace("wait=1", "wait=0")
    body = None
    if r.random() < 0.7:
        body = json.dumps(random_value(r))
        if r.random() < 0.3:
            at = r.randrange(len(body) + 1)
            body = body[:at] + r.choice(["{", "]", '"', "\\", "\0", "\u00e9", ",,", "1" * 40]) + body[at:]
        body = body.encode("utf-8", "surrogatepass")
        if r.random() < 0.1:
            body += b"\xff\xfe"
    return method, path, body


@test
def thousands_of_malformed_requests_are_answered_without_a_server_error(w):
    s = Server(WEBD)
    s.ok("POST", "/v1/sites", BODIES["POST", "/v1/sites"] | {"name": "alpha"})
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    print(f"# seed {seed}")
    r, statuses = random.Random(seed), {}
    paths = [path for path in s.ok("GET", "/v1/openapi.json")["paths"]]
    connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
    connection.connect()
    for i in range(4000):
        method, path, body = random_request(r, paths)
        head = {"Content-Type": "application/json"} if r.random() < 0.95 else {}
        try:
            reply = s.request_on(connection, method, path, headers=head, raw=body)
        except (http.client.HTTPException, ConnectionError):
            connection.close()
            continue
        statuses[reply.status] = statuses.get(reply.status, 0) + 1
        allowed = (503,) if path.startswith(("/readyz", "/v1/login")) or "/content" in path else ()
        assert reply.status < 500 or reply.status in allowed or b'"code":"unavailable"' in reply.body, \
            f"seed {seed} request {i}: {method} {path} {body!r}: {reply.status} {reply.body[:300]}"
    assert len(statuses) >= 6, statuses
    same(s.get("/healthz").status, 200)
    same(s.stop(), 0)


@test
def broken_http_does_no_harm(w):
    for raw in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"/" * 40000 + b" HTTP/1.1\r\n\r\n",
                b"GET / HTTP/1.1\r\nA: " + b"x" * 60000 + b"\r\n\r\n", b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
                b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", bytes(range(256)),
                b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", w.s.port), 60) as c:
            try:
                c.sendall(raw)
                c.shutdown(socket.SHUT_WR)
                while c.recv(65536):
                    pass
            except OSError:
                pass
    same(w.s.get("/healthz").status, 200)


@test
def a_client_that_drips_its_request_is_cut(w):
    with socket.create_connection(("127.0.0.1", w.s.port), 60) as c:
        c.sendall(b"GET /v1/me HTTP/1.1\r\n")
        c.settimeout(0.2)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if not c.recv(100):
                    return
            except TimeoutError:
                pass
            except ConnectionError:
                return
            try:
                c.sendall(b"x")
            except ConnectionError:
                return
    raise AssertionError("the connection was not cut in a minute")


@test
def it_recovers_when_the_database_drops_every_connection(w):
    w.s.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    seen = {w.s.get("/v1/jobs?limit=1").status for _ in range(30)}
    assert seen <= {200, 503}, seen
    for _ in range(20):
        wait_until("it answers again", lambda: w.s.get("/v1/jobs?limit=1").status == 200)
    wait_until("it submits again", lambda: w.s.post("/v1/jobs", {"command": ["true"]}).status == 201)
    tag = w.s.get(f"/v1/jobs/{w.job}").headers["ETag"]
    same(w.s.get(f"/v1/jobs/{w.job}?wait=1", headers={"If-None-Match": tag}).status, 304)


@test
def it_stops_while_requests_wait(w):
    s = Server(WEBD)
    job = s.submit()
    tag = s.get(f"/v1/jobs/{job}").headers["ETag"]
    got = []
    threads = [threading.Thread(target=lambda: got.append(s.get(f"/v1/jobs/{job}?wait=60", headers={"If-None-Match": tag}).status))
               for _ in range(5)]
    for t in threads:
        t.start()
    wait_until("they wait", lambda: b"reeve_http_waiting 5" in s.get("/metrics").body)
    same(s.stop(), 0)
    for t in threads:
        t.join(DEADLINE)
    assert len(got) == 5 and set(got) <= {503, 304}, got


if __name__ == "__main__":
    sys.exit(main())
