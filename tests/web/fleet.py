#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fleet.py WEBD [NAME...] - workers, and taking hosts and accounts out of a site. SQL plays the engine."""
import json
import sys
import threading

from harness import has, main, refused, same, test
from server import DEADLINE, wait_until


def grow(w, name, hosts=1, users=1):
    """A new site; the numbers of its workers."""
    w.s.ok("POST", "/v1/sites", {"name": name, "hosts": [{"address": f"{name}{i}"} for i in range(hosts)],
                                 "accounts": [{"user": f"u{i}"} for i in range(users)]})
    return [x["id"] for x in w.s.ok("GET", f"/v1/workers?site={name}")["items"]]


def run_on(w, worker):
    w.s.sql(f"insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state, placed_at, task_failures, site_failures)"
            f" select {w.job}, 1, 1, 0, site_id, id, 'running', now(), 0, 0 from workers where id = {worker}")


def stop_all(w):
    w.s.sql(f"delete from attempts_live where job_id = {w.job}")


@test
def workers_of_all_sites_stand_in_one_list(w):
    ids = grow(w, "many", hosts=2, users=2)
    same(len(ids), 4)
    everywhere = w.s.ok("GET", "/v1/workers", token=w.tokens["viewer"])["items"]
    for worker in ids:
        one = w.s.ok("GET", f"/v1/workers/{worker}", token=w.tokens["viewer"])
        has(everywhere, one)
        same((one["site"], one["intent"], one["intent_by"]), ("many", "open", None))
        shown = w.s.ok("GET", "/v1/sites/many")["workers"]
        has(shown, {name: value for name, value in one.items() if name != "site"})
    refused(w.s.get("/v1/workers?site=nowhere"), 404, "not_found")
    refused(w.s.get("/v1/workers/999999"), 404, "not_found")
    refused(w.s.get("/v1/workers/0"), 404, "not_found")


@test
def a_worker_is_drained_and_resumed_and_the_engine_is_told(w):
    worker = grow(w, "drainable")[0]
    before = w.s.sql("select version from world_version")
    shown = w.s.ok("POST", f"/v1/workers/{worker}/drain", {"why": "new fan"})
    same((shown["intent"], shown["intent_by"], shown["intent_why"]), ("draining", "admin", "new fan"))
    assert w.s.sql("select version from world_version") != before
    shown = w.s.ok("POST", f"/v1/workers/{worker}/resume", {})
    same((shown["intent"], shown["intent_why"]), ("open", None))
    refused(w.s.post("/v1/workers/999999/drain"), 404, "not_found")
    refused(w.s.post(f"/v1/workers/{worker}/drain", {"why": 5, "wy": ""}), 422, "bad_input", "/why", "/wy")


@test
def a_host_goes_with_its_workers_unless_something_runs_there(w):
    ids = grow(w, "hosts", hosts=2)
    run_on(w, ids[0])
    refused(w.s.request("DELETE", "/v1/sites/hosts/hosts/hosts0"), 409, "conflict")
    stop_all(w)
    same(w.s.request("DELETE", "/v1/sites/hosts/hosts/hosts0?dry_run=true").status, 200)
    same(len(w.s.ok("GET", "/v1/sites/hosts")["hosts"]), 2)
    same(w.s.request("DELETE", "/v1/sites/hosts/hosts/hosts0").status, 204)
    site = w.s.ok("GET", "/v1/sites/hosts")
    same([h["address"] for h in site["hosts"]], ["hosts1"])
    same([x["id"] for x in site["workers"]], ids[1:])
    refused(w.s.request("DELETE", "/v1/sites/hosts/hosts/hosts0"), 404, "not_found")
    refused(w.s.request("DELETE", "/v1/sites/hosts/hosts/hosts1?port=23"), 404, "not_found")
    # The wrong one is out: the right one may come under the same name.
    w.s.ok("POST", "/v1/sites/hosts/hosts", {"address": "hosts0"})
    same(len(w.s.ok("GET", "/v1/sites/hosts")["workers"]), 2)


@test
def an_account_goes_by_name_and_project(w):
    ids = grow(w, "people")
    w.s.ok("POST", "/v1/sites/people/accounts", {"user": "u0", "project": "one"})
    refused(w.s.request("DELETE", "/v1/sites/people/accounts/u0?project=nothing"), 404, "not_found")
    refused(w.s.request("DELETE", "/v1/sites/people/accounts/u0?project=two"), 404, "not_found")
    same(w.s.request("DELETE", "/v1/sites/people/accounts/u0?project=one").status, 204)
    same([(a["user"], a["project"]) for a in w.s.ok("GET", "/v1/sites/people")["accounts"]], [("u0", None)])
    run_on(w, ids[0])
    refused(w.s.request("DELETE", "/v1/sites/people/accounts/u0"), 409, "conflict")
    stop_all(w)
    same(w.s.request("DELETE", "/v1/sites/people/accounts/u0").status, 204)
    same(w.s.ok("GET", "/v1/sites/people")["workers"], [])


@test
def a_job_that_is_not_submitted_is_explained_by_the_engine(w):
    answer = {"live": True, "sentence": "it could start now", "can_ever_run": True, "never": None, "reason": None, "position": None,
              "start": {"earliest": 4099766400000, "likely": 4099766400000, "latest": 4099766401000, "based_on": "the prior"},
              "funnel": [{"step": "known", "sites": 1}], "best": "alpha", "candidates": [{"site": "alpha", "finish": 3.2}],
              "would_help": [], "as_of": 4099766400000}
    got = []
    asking = threading.Thread(target=lambda: got.append(w.s.post("/v1/explain", {"command": ["true"], "project": "one"})))
    asking.start()
    call = wait_until("the engine is asked", lambda: w.s.sql("select id from calls where state = 'queued' and kind = 'explain'"))[0][0]
    w.s.sql(f"update calls set state = 'done', ended_at = now(), result = '{json.dumps(answer)}' where id = {call}; notify reeve_web")
    asking.join(DEADLINE)
    same((got[0].status, got[0].json["sentence"], got[0].json["best"]), (200, "it could start now", "alpha"), got[0].body)
    refused(w.s.post("/v1/explain", {"command": [], "priority": "high"}), 422, "bad_input", "/command", "/priority")


@test
def a_copy_of_a_dataset_is_pinned(w):
    w.s.sql("insert into dataset_sites (dataset_id, site_id, root) select d.id, s.id, '/copy' from datasets d, sites s"
            " where d.name = 'set' and s.name = 'alpha'")
    same(w.s.ok("POST", "/v1/datasets/set/pin", {"site": "alpha", "pinned": True})["name"], "set")
    refused(w.s.post("/v1/datasets/set/pin", {"site": 5}), 422, "bad_input", "/site", "/pinned")


if __name__ == "__main__":
    sys.exit(main())
