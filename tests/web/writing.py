#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""writing.py WEBD [NAME...] - what helps to write a job: directives as a table, templates with parameters, hints. SQL plays the engine."""
import sys

from harness import has, main, refused, same, test

ALIGN = {"name": "align", "description": "Reads against a reference.", "project": "one",
         "job": {"script": "#!/bin/sh\nbowtie2 -p {{cores}} -x {{ref}} {{reads}}.fq\n", "inputs": ["{{reads}}", "{{more}}"],
                 "resources": {"cpus": "{{cores}}", "memory": "{{memory}}"}, "env": {"NOTE": "by {{note}}", "CORES": "{{cores}}", "HOLD": "{{hold}}"}, "hold": "{{hold}}", "array": "{{tasks}}"},
         "parameters": [{"name": "reads", "kind": "dataset"}, {"name": "more", "kind": "dataset", "default": ""},
                        {"name": "cores", "kind": "integer", "default": 4, "min": 1, "max": 64, "label": "Cores", "help": "at work at once"},
                        {"name": "memory", "kind": "size", "default": "2G", "max": 17179869184},
                        {"name": "ref", "kind": "choice", "choices": ["hg38", "mm10"], "default": "hg38"},
                        {"name": "note", "kind": "free", "default": "nobody"}, {"name": "hold", "kind": "switch", "default": False},
                        {"name": "tasks", "kind": "text", "default": ""}]}


@test
def every_directive_is_told_with_its_help_by_the_tables_of_the_reader(w):
    items = w.s.ok("GET", "/v1/jobs:directives", token=w.tokens["viewer"])["items"]
    by = {(d["mark"], d["option"]): d for d in items}
    same(len(by), len(items))
    same((by["REEVE", "--memory"]["letter"], by["REEVE", "--memory"]["value"], by["REEVE", "--memory"]["outcome"]), ("m", "SIZE", "used"))
    same((by["SBATCH", "--mem"]["value"], by["SBATCH", "--mem"]["outcome"]), ("SIZE", "used"))
    same((by["SBATCH", "--mail-type"]["outcome"], by["SBATCH", "--container"]["outcome"], by["SBATCH", "--hold"]["value"]), ("ignored", "refused", None))
    assert all(d["help"] for d in items), items
    # What the table calls used, the reader uses; what it calls ignored or refused it says so.
    for d in items:
        if d["outcome"] != "used":
            line = f"#{d['mark']} {d['option']}" + ("=x" if d["value"] else "")
            said = w.s.ok("POST", "/v1/jobs:script", {"script": f"#!/bin/sh\n{line}\n"})["directives"]
            same([x["outcome"] for x in said], [d["outcome"]], line)


@test
def a_template_is_filled_with_values_of_the_right_kind_and_its_job_submitted(w):
    made = w.s.post("/v1/templates", ALIGN, token=w.tokens["submitter"])
    same((made.status, made.json["version"], made.json["by"], made.json["project"], made.json["may_change"]), (201, 1, "sue", "one", True), made.body)
    same(made.headers["Location"], f"/v1/templates/{made.json['id']}")
    where = f"/v1/templates/{made.json['id']}"
    same(made.json["parameters"][2], {"name": "cores", "kind": "integer", "label": "Cores", "help": "at work at once", "default": 4, "choices": None, "min": 1, "max": 64})
    same(w.s.ok("GET", where, token=w.tokens["viewer"])["job"], ALIGN["job"])
    listed = w.s.ok("GET", "/v1/templates?name=align", token=w.tokens["viewer"])["items"]
    same([(t["name"], t["may_change"], "job" in t) for t in listed], [("align", False, False)])
    refused(w.s.post(where + "/fill", {"values": {"cores": 65, "ref": "x", "memory": "1T", "hold": 1, "tasks": "1;rm", "nope": 1}}, token=w.tokens["submitter"]), 422, "bad_input",
            "/values/cores", "/values/ref", "/values/memory", "/values/hold", "/values/tasks", "/values/nope", "/values/reads")
    job = w.s.ok("POST", where + "/fill", {"values": {"reads": "set", "note": "$(x) 'y'", "tasks": "1-3%2", "memory": 1073741824}}, token=w.tokens["submitter"])["job"]
    same(job, {"script": "#!/bin/sh\nbowtie2 -p 4 -x hg38 set.fq\n", "inputs": ["set"], "resources": {"cpus": 4, "memory": 1073741824},
               "env": {"NOTE": "by $(x) 'y'", "CORES": "4", "HOLD": "false"}, "hold": False, "array": "1-3%2", "labels": {"template": "align"}})
    plain = w.s.ok("POST", where + "/fill", {"values": {"reads": "set"}}, token=w.tokens["submitter"])["job"]
    assert "array" not in plain, plain
    done = w.s.ok("POST", "/v1/jobs", {**job, "project": "one"}, token=w.tokens["submitter"])
    same(done["tasks"], 3)
    same([j["id"] for j in w.s.ok("GET", "/v1/jobs?label=template:align", token=w.tokens["submitter"])["items"]], [done["id"]])
    w.s.ok("POST", f"/v1/jobs/{done['id']}/cancel", {}, token=w.tokens["submitter"])


@test
def a_template_that_could_make_no_job_is_refused_with_all_that_is_wrong(w):
    def bad(job, parameters, *pointers, **more):
        refused(w.s.post("/v1/templates", {"name": "bad", "job": job, "parameters": parameters, **more}, token=w.tokens["submitter"]), 422, "bad_input", *pointers)

    text = {"name": "a", "kind": "text"}
    bad({"command": ["echo", "{{a}}", "{{b}}"]}, [text, {"name": "c", "kind": "text"}], "/job/command/2", "/parameters/1/name")
    bad({"script": "#!/bin/sh\necho {{a}}\n"}, [{"name": "a", "kind": "free"}], "/job/script")
    bad({"command": ["{{a}}"]}, [{"name": "a", "kind": "wish"}], "/parameters/0/kind")
    bad({"command": ["{{a}}"]}, [text, text], "/parameters/1/name")
    bad({"command": ["{{a}}"]}, [{"name": "a", "kind": "choice"}], "/parameters/0/choices")
    bad({"command": ["{{a}}"]}, [{**text, "choices": ["x"]}], "/parameters/0/choices")
    bad({"command": ["{{a}}"]}, [{"name": "a", "kind": "integer", "min": 3, "max": 1}], "/parameters/0/max")
    bad({"command": ["{{a}}"]}, [{"name": "a", "kind": "integer", "default": "x"}], "/parameters/0/default")
    bad({"command": ["{{a-b}}"]}, [{"name": "a-b", "kind": "text"}], "/parameters/0/name")
    # A job that is wrong by itself, or with its defaults; not where a value is still to come.
    bad({"command": ["{{a}}"], "priority": 9999, "nope": 1}, [text], "/job/priority", "/job/nope")
    bad({"command": ["true"], "array": "{{a}}"}, [{**text, "default": "many"}], "/job/array")
    bad({"name": "{{a}}"}, [text], "/job/command")
    bad({"command": ["true"]}, [], "/project", project="two")
    ok = w.s.post("/v1/templates?dry_run=true", {"name": "fine", "job": {"command": ["true"], "array": "{{a}}"}, "parameters": [text]}, token=w.tokens["submitter"])
    same(ok.status, 200, ok.body)
    same(w.s.ok("GET", "/v1/templates?name=fine", token=w.tokens["submitter"])["items"], [])
    # One that would grow beyond what a job may be.
    wide = {"name": "wide", "job": {"command": ["true"], "env": {f"V{i}": "{{a}}" * 200 for i in range(12)}}, "parameters": [{"name": "a", "kind": "text", "default": "x"}]}
    where = f"/v1/templates/{w.s.ok('POST', '/v1/templates', wide, token=w.tokens['submitter'])['id']}"
    refused(w.s.post(where + "/fill", {"values": {"a": "y" * 1000}}, token=w.tokens["submitter"]), 422, "bad_input", "/values")
    same(w.s.request("DELETE", where, token=w.tokens["submitter"]).status, 204)


@test
def a_template_is_changed_by_its_maker_and_seen_by_whom_it_is_for(w):
    sue, tom, vic = w.tokens["submitter"], w.tokens["stranger"], w.tokens["viewer"]
    body = {"name": "mine", "job": {"command": ["true"]}}
    own = w.s.ok("POST", "/v1/templates", body, token=sue)
    shared = w.s.ok("POST", "/v1/templates", {**body, "project": "one"}, token=sue)
    refused(w.s.post("/v1/templates", body, token=sue), 409, "conflict")
    refused(w.s.post("/v1/templates", {**body, "project": "one"}, token=w.tokens["admin"]), 409, "conflict")
    same(w.s.post("/v1/templates", body, token=tom).status, 201)
    for who, seen in ((sue, (200, 200)), (vic, (404, 200)), (tom, (404, 404)), (w.tokens["admin"], (404, 200))):
        same(tuple(w.s.request("GET", f"/v1/templates/{t['id']}", token=who).status for t in (own, shared)), seen)
    where = f"/v1/templates/{shared['id']}"
    changed = w.s.request("PUT", where, {**body, "project": "one", "description": "second", "version": 1}, token=sue)
    same((changed.status, changed.json["version"], changed.json["description"]), (200, 2, "second"), changed.body)
    refused(w.s.request("PUT", where, {**body, "project": "one", "version": 1}, token=sue), 409, "conflict")
    refused(w.s.request("PUT", where, {**body, "name": "align", "project": "one"}, token=sue), 409, "conflict")
    ron = w.s.user("ron", "submitter", "one")
    refused(w.s.request("DELETE", where, token=ron), 403, "denied")
    refused(w.s.request("PUT", where, body, token=tom), 404, "not_found")
    only = w.s.ok("POST", "/v1/tokens", {"name": "p", "project": "one"}, token=sue)["token"]
    same([t["name"] for t in w.s.ok("GET", "/v1/templates", token=only)["items"]], ["align", "mine"])
    refused(w.s.post("/v1/templates", {**body, "name": "x"}, token=only), 422, "bad_input", "/project")
    same(w.s.request("DELETE", where, token=w.tokens["admin"]).status, 204)
    same(w.s.request("DELETE", f"/v1/templates/{own['id']}", token=sue).status, 204)
    w.s.sql("insert into templates (user_id, name, description, parameters, job) select (select id from users where name = 'sue'), 'n' || n, '', '[]', '{\"command\":[\"true\"]}'"
            " from generate_series(1, 200) n")
    refused(w.s.post("/v1/templates", body, token=sue), 409, "conflict")
    w.s.sql("delete from templates where name like 'n%'")


@test
def hints_come_from_what_ones_own_runs_of_that_name_used(w):
    sue = w.tokens["submitter"]
    asks = {"project": "one", "name": "heavy", "resources": {"cpus": 8, "memory": "16G"}, "time_limit": "10h"}
    jobs = [w.s.submit(sue, **asks) for _ in range(3)]
    other = w.s.submit(w.tokens["admin"], **asks)
    w.s.sql("insert into attempts (job_id, task, attempt, epoch, site_id, worker_id, state, outcome, blame, final, placed_at, started_at, ended_at, wall_us, user_us, system_us, memory_peak)"
            " select id, 1, 1, 1, 1, 1, 'succeeded', 'succeeded', 'none', true, now(), now(), now(), 800000000, 2400000000, 80000000, 3328599654 + id from jobs where name = 'heavy'")
    w.s.sql(f"update attempts set memory_peak = 15000000000 where job_id = {other}")
    w.s.sql("delete from job_queue where job_id in (select id from jobs where name = 'heavy')")
    w.s.sql("update jobs set state = 'succeeded', finished_at = now() where name = 'heavy'")
    hints = w.s.ok("GET", "/v1/jobs:hints?name=heavy&project=one", token=sue)
    same(hints["names"][0], {"name": "heavy", "jobs": 3})
    past = hints["past"]
    same((past["jobs"], past["attempts"], past["memory_asked"], past["cpus_asked"], past["time_asked"], past["wall_max"], past["memory_peak"]),
         (3, 3, 16 << 30, 8, 36000, 800, 3328599654 + max(jobs)))
    same([(h["member"], h["value"], h["text"]) for h in hints["suggest"]], [("memory", 4 << 30, "4G"), ("time_limit", 1200, "20m"), ("cpus", 4, "4")])
    has(hints["suggest"][0]["sentence"], "Your last 3 runs of this name used at most 3.1 GiB")
    same(w.s.ok("GET", "/v1/jobs:hints?name=none", token=sue), {"names": hints["names"], "past": None, "suggest": []})
    same(w.s.ok("GET", "/v1/jobs:hints?name=heavy&project=two", token=sue), {"names": [], "past": None, "suggest": []})
    same(w.s.ok("GET", "/v1/jobs:hints", token=w.tokens["stranger"])["names"], [])


if __name__ == "__main__":
    sys.exit(main())
