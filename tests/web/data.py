#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""data.py WEBD [NAME...] - datasets as people use them: history, where, copies, policies, expiry, transfers. SQL plays the engine."""
import sys
import threading
import time

from harness import has, main, refused, same, test

SITES = {}


def value(w, text):
    rows = w.s.sql(text)
    return rows[0][0] if rows else None


def site(w, name):
    if name not in SITES:
        if name != "alpha":
            w.s.ok("POST", "/v1/sites", {"name": name, "hosts": [{"address": name}], "accounts": [{"user": "g"}]})
        SITES[name] = value(w, f"select id from sites where name = '{name}'")
    return SITES[name]


def dataset(w, name, *places, project="one", files=2, size=100):
    """A dataset of `files` files; places: (site, copy?). Its number."""
    w.s.sql(f"insert into datasets (name, project_id, made_by, sealed_at, files, bytes) select '{name}', id, 'sue', now(), {files}, {files * size}"
            f" from projects where name = '{project}'")
    number = value(w, f"select id from datasets where name = '{name}'")
    w.s.sql(f"insert into files (dataset_id, path, size, sha256) select {number}, 'part-' || lpad(n::text, 4, '0'), {size}, sha256(n::text::bytea)"
            f" from generate_series(1, {files}) as n")
    for where, copy in places:
        w.s.sql(f"insert into dataset_sites (dataset_id, site_id, root, files, bytes, copy) values"
                f" ({number}, {site(w, where)}, '/d/{name}', {files}, {files * size}, {copy})")
    return number


def transfer(w, number, to, state="active", why="person"):
    return int(value(w, f"insert into transfers (dataset_id, to_site, state, why, total, bytes, rate) values"
                       f" ({number}, {site(w, to)}, '{state}', '{why}', 1000, 200, 100) returning id"))


@test
def a_dataset_tells_where_it_lies_where_it_comes_from_and_who_reads_it(w):
    dataset(w, "whole", ("east", False), ("west", True))
    job = w.s.submit(w.tokens["submitter"], project="one", inputs=["whole"], outputs=["*"], output_dataset="made")
    shown = w.s.ok("GET", "/v1/datasets/whole", token=w.tokens["viewer"])
    same([(p["site"], p["copy"], p["complete"], p["missing"]) for p in shown["sites"]],
         [("east", False, True, 0), ("west", True, True, 0)])
    same((shown["lineage"], shown["expires_at"], shown["policy"]), (None, None, None))
    same([(u["job"], u["user"], u["state"]) for u in shown["used_by"]], [(job, "sue", "accepted")])
    same(w.s.ok("GET", "/v1/datasets/made")["lineage"]["inputs"], ["whole"])
    same(w.s.ok("GET", "/v1/datasets/made")["lineage"]["job"], job)
    refused(w.s.get("/v1/datasets/whole", token=w.tokens["stranger"]), 404, "not_found")
    w.s.sql(f"delete from job_queue where job_id = {job}")


@test
def where_is_answered_by_the_engine_and_else_from_the_record(w):
    number = dataset(w, "somewhere", ("east", False))
    shown = w.s.ok("GET", "/v1/datasets/somewhere/where", token=w.tokens["viewer"])
    same(shown["live"], False)
    states = {i["site"]: (i["state"], i["missing"], i["seconds"]) for i in shown["items"]}
    same((states["east"], states["alpha"]), (("complete", 0, 0), ("none", 200, None)))

    def engine():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            call = value(w, f"select id from calls where kind = 'where' and state = 'queued' and (args->>'dataset')::bigint = {number}")
            if call:
                item = '{"site":"west","state":"none","bytes":0,"missing":200,"seconds":3.5,"from":"east","allowed":true,"sentence":"would come from east"}'
                w.s.sql(f"update calls set state = 'done', ended_at = now(), result = '{{\"items\":[{item}]}}' where id = {call}")
                return
            time.sleep(0.02)

    w.s.sql("delete from calls where kind = 'where'")
    threading.Thread(target=engine).start()
    shown = w.s.ok("GET", "/v1/datasets/somewhere/where")
    same((shown["live"], shown["items"][0]["from"], shown["items"][0]["seconds"]), (True, "east", 3.5))


@test
def a_copy_is_asked_for_and_refused_with_the_reason(w):
    dataset(w, "wanted", ("east", False))
    site(w, "west")
    token = w.tokens["submitter"]
    call = w.s.ok("POST", "/v1/datasets/wanted/copy", {"site": "west"}, token=token)
    same((call["kind"], call["site"], call["state"]), ("copy", "west", "queued"))
    has(value(w, "select action || ' ' || object || ' ' || detail from audit order by seq desc limit 1"), "at west")
    same(w.s.request("POST", "/v1/datasets/wanted/copy?dry_run=true", {"site": "west"}).status, 200)
    same(value(w, "select count(*) from calls where kind = 'copy'"), "1")
    refused(w.s.post("/v1/datasets/wanted/copy", {"site": "nowhere"}), 422, "bad_input", "/site")
    refused(w.s.post("/v1/datasets/wanted/copy", {"site": "west"}, token=w.tokens["viewer"]), 403, "denied")
    refused(w.s.post("/v1/datasets/wanted/copy", {"site": "west"}, token=w.tokens["stranger"]), 404, "not_found")
    w.s.ok("PATCH", "/v1/sites/west", {"data": {"accept": False}})
    reply = w.s.post("/v1/datasets/wanted/copy", {"site": "west"})
    refused(reply, 409, "conflict")
    has(reply.json["detail"], "takes no copies")
    w.s.ok("PATCH", "/v1/sites/west", {"data": {"accept": True}})
    w.s.ok("PATCH", "/v1/datasets/wanted", {"policy": {"sites": ["east"]}})
    has(w.s.post("/v1/datasets/wanted/copy", {"site": "west"}).json["detail"], "policy")


@test
def how_other_sites_reach_one_directly_stands_with_it(w):
    site(w, "behind")
    usual = {"host": None, "port": None, "keys": None}
    same(w.s.get("/v1/sites/behind").json["direct"], usual)
    said = {"host": "data.example.org", "port": 2222, "keys": "~/.ssh/more_keys"}
    same(w.s.ok("PATCH", "/v1/sites/behind", {"direct": said})["direct"], said)
    same(w.s.ok("PATCH", "/v1/sites/behind", {"direct": {"host": "::1"}})["direct"], {**usual, "host": "::1"})
    refused(w.s.request("PATCH", "/v1/sites/behind", {"direct": {"host": "-oProxyCommand=x"}}), 422, "bad_input", "/direct/host")
    refused(w.s.request("PATCH", "/v1/sites/behind", {"direct": {"keys": "relative"}}), 422, "bad_input", "/direct/keys")
    refused(w.s.request("PATCH", "/v1/sites/behind", {"direct": {"port": 70000}}), 422, "bad_input", "/direct/port")
    same(w.s.ok("PATCH", "/v1/sites/behind", {"direct": {}})["direct"], usual)


@test
def only_a_copy_that_nobody_needs_is_evicted(w):
    number = dataset(w, "spare", ("east", False), ("west", True))

    def why(where):
        reply = w.s.post("/v1/datasets/spare/evict", {"site": where})
        refused(reply, 409, "conflict")
        return reply.json["detail"]

    has(why("alpha"), "does not lie there")
    has(why("east"), "registered")
    w.s.ok("POST", "/v1/datasets/spare/pin", {"site": "west", "pinned": True})
    has(why("west"), "pinned there, by admin")
    w.s.ok("POST", "/v1/datasets/spare/pin", {"site": "west", "pinned": False})
    w.s.sql(f"update dataset_sites set suspect = true where dataset_id = {number} and site_id = {site(w, 'east')}")
    has(why("west"), "last complete copy")
    w.s.sql(f"update dataset_sites set suspect = false where dataset_id = {number}")
    job = w.s.submit(w.tokens["submitter"], project="one", inputs=["spare"])
    has(why("west"), f"reads it: {job}")
    w.s.sql(f"delete from job_queue where job_id = {job}")
    moving = transfer(w, number, "alpha")
    has(why("west"), "transfer")
    w.s.sql(f"update transfers set state = 'done' where id = {moving}")
    same(w.s.ok("POST", "/v1/datasets/spare/evict", {"site": "west"})["kind"], "evict")


@test
def a_policy_that_would_forbid_what_is_so_is_refused(w):
    number = dataset(w, "kept", ("east", False), ("west", True))
    reply = w.s.request("PATCH", "/v1/datasets/kept", {"policy": {"sites": ["east"]}})
    refused(reply, 409, "conflict")
    has(reply.json["detail"], "west")
    same(w.s.ok("GET", "/v1/datasets/kept")["policy"], None)
    w.s.sql(f"delete from dataset_sites where dataset_id = {number} and copy")
    moving = transfer(w, number, "west", "queued")
    reply = w.s.request("PATCH", "/v1/datasets/kept", {"policy": {"sites": ["east"]}})
    refused(reply, 409, "conflict")
    has(reply.json["detail"], f"transfer {moving}")
    w.s.sql(f"update transfers set state = 'cancelled' where id = {moving}")
    w.s.ok("PATCH", "/v1/datasets/kept", {"policy": {"sites": ["east"]}})
    # Labels do not slip away under a policy.
    w.s.ok("PATCH", "/v1/sites/east", {"labels": ["eu", "fast"]})
    w.s.ok("PATCH", "/v1/datasets/kept", {"policy": {"labels": ["eu"]}})
    reply = w.s.request("PATCH", "/v1/sites/east", {"labels": ["fast"]})
    refused(reply, 409, "conflict")
    has(reply.json["detail"], "kept")
    w.s.ok("PATCH", "/v1/sites/east", {"labels": ["eu"]})
    # Nor is it registered elsewhere under its name.
    refused(w.s.post("/v1/datasets", {"name": "kept", "site": "west", "path": "/x"}), 409, "conflict")
    # What is still being made runs anywhere.
    w.s.sql("insert into datasets (name, project_id, made_by) select 'growing', id, 'sue' from projects where name = 'one'")
    refused(w.s.request("PATCH", "/v1/datasets/growing", {"policy": {"sites": ["east"]}}), 409, "conflict")
    w.s.ok("PATCH", "/v1/datasets/growing", {"policy": {}})


@test
def an_expiry_is_set_and_taken_away(w):
    dataset(w, "short", ("east", False))
    same(w.s.ok("PATCH", "/v1/datasets/short", {"expires_at": "2031-01-02T03:04:05Z"})["expires_at"], "2031-01-02T03:04:05.000Z")
    same(w.s.ok("PATCH", "/v1/datasets/short", {"expires_at": None})["expires_at"], None)
    refused(w.s.request("PATCH", "/v1/datasets/short", {}), 422, "bad_input")
    refused(w.s.request("PATCH", "/v1/datasets/short", {"policy": None}), 422, "bad_input", "/policy")
    refused(w.s.request("PATCH", "/v1/datasets/short", {"expires_at": "soon", "policy": {"sites": 5}}), 422, "bad_input", "/expires_at")


@test
def a_transfer_tells_how_long_and_is_cancelled_unless_tasks_wait_for_it(w):
    number = dataset(w, "moving", ("east", False))
    one = transfer(w, number, "west")
    shown = w.s.ok("GET", "/v1/transfers?dataset=moving")["items"][0]
    same((shown["id"], shown["eta"]), (one, 8))
    w.s.sql(f"update transfers set from_site = {site(w, 'east')} where id = {one}")
    w.s.sql(f"insert into links (from_site, to_site, rate, latency, weight) values ({site(w, 'east')}, {site(w, 'west')}, 1e6, 1, 1)")
    link = w.s.ok("GET", "/v1/links")["items"][0]
    same((link["from"], link["to"], link["active"], link["promised"]), ("east", "west", 1, 800))
    refused(w.s.post(f"/v1/transfers/{one}/cancel", token=w.tokens["stranger"]), 404, "not_found")
    refused(w.s.post(f"/v1/transfers/{one}/cancel", token=w.tokens["viewer"]), 403, "denied")
    call = w.s.ok("POST", f"/v1/transfers/{one}/cancel", {}, token=w.tokens["submitter"])
    same((call["kind"], call["site"]), ("stop", None))
    w.s.sql(f"update transfers set why = 'job' where id = {one}")
    job = w.s.submit(w.tokens["submitter"], project="one", inputs=["moving"])
    has(w.s.post(f"/v1/transfers/{one}/cancel").json["detail"], f"job {job} waits")
    w.s.sql(f"update transfers set state = 'done' where id = {one}")
    refused(w.s.post(f"/v1/transfers/{one}/cancel"), 409, "conflict")
    refused(w.s.post("/v1/transfers/999999/cancel"), 404, "not_found")


@test
def links_come_page_by_page_of_one_site_and_those_that_are_busy(w):
    far = [int(site(w, f"far{i}")) for i in (1, 2, 3)]
    w.s.sql(f"insert into links (from_site, to_site, rate, latency, weight) select a, b, 1e6, 1, 1 from unnest(array{far}) a, unnest(array{far}) b where a <> b")
    seen, cursor = [], ""
    while cursor is not None:
        page = w.s.ok("GET", f"/v1/links?limit=2&site=far2&cursor={cursor}" if cursor else "/v1/links?limit=2&site=far2")
        assert 0 < len(page["items"]) <= 2
        seen += [(k["from"], k["to"]) for k in page["items"]]
        cursor = page["next_cursor"]
    same(seen, [("far1", "far2"), ("far2", "far1"), ("far2", "far3"), ("far3", "far2")])
    same(w.s.ok("GET", "/v1/links?site=nowhere")["items"], [])
    number = dataset(w, "going", ("far1", False))
    w.s.sql(f"update transfers set from_site = {far[0]} where id = {transfer(w, number, 'far3')}")
    same([(k["from"], k["to"]) for k in w.s.ok("GET", "/v1/links?busy=true&site=far1")["items"]], [("far1", "far3")])
    same(w.s.ok("GET", "/v1/links?busy=true&site=far2")["items"], [])
    refused(w.s.get("/v1/links?busy=yes"), 400, "bad_input")
    for cursor in ("MTI", "MS4yeA", "MTIzNDU2Nzg5MDEyLjE", "LTEuMQ"):
        refused(w.s.get(f"/v1/links?cursor={cursor}"), 400, "bad_input")
    w.s.sql(f"delete from links where from_site = any(array{far})")


def parts(w, job):
    return [(int(task), first, last) for task, first, last in
            w.s.sql(f"select task, first_path, last_path from job_parts where job_id = {job} order by task")]


@test
def the_array_follows_the_files_of_an_input(w):
    dataset(w, "reads", ("east", False), files=5, size=100)
    body = {"command": ["true"], "project": "one", "inputs": ["reads"]}

    def submit(partition, **more):
        return w.s.ok("POST", "/v1/jobs", dict(body, partition=partition, **more), token=w.tokens["submitter"])

    one = submit({"by": "file"})
    same(one["tasks"], 5)
    same(parts(w, one["id"])[1], (2, "part-0002", "part-0002"))
    two = submit({"by": "files", "size": 2, "input": "reads"}, array="%3")
    same(parts(w, two["id"]), [(1, "part-0001", "part-0002"), (2, "part-0003", "part-0004"), (3, "part-0005", "part-0005")])
    spec = w.s.ok("GET", f"/v1/jobs/{two['id']}/spec")
    same((spec["partition"], spec["throttle"]), ({"input": "reads", "by": "files", "size": 2}, 3))
    same(submit({"by": "bytes", "size": 250})["tasks"], 3)
    same(submit({"by": "bytes", "size": 10})["tasks"], 5)
    same(submit({"by": "file"}, array="2,4")["tasks"], 2)
    again = w.s.ok("POST", f"/v1/jobs/{two['id']}/rerun", {}, token=w.tokens["submitter"])
    same(parts(w, again["id"]), parts(w, two["id"]))
    many = w.s.ok("POST", "/v1/jobs:bulk", {"jobs": [body, dict(body, partition={"by": "files", "size": 4})]}, token=w.tokens["submitter"])
    same([t for t, _first, _last in parts(w, many["last_id"])], [1, 2])
    same(w.s.request("POST", "/v1/jobs?dry_run=true", dict(body, partition={"by": "file"})).json["tasks"], 5)
    w.s.sql("delete from job_queue")


@test
def what_cannot_be_shared_out_is_refused(w):
    dataset(w, "few", ("east", False), files=3)
    w.s.sql("insert into datasets (name, project_id, made_by) select 'unmade', id, 'sue' from projects where name = 'one'")
    number = dataset(w, "odd", ("east", False), files=1)
    w.s.sql(f"update files set path = E'a\\nb' where dataset_id = {number}")

    def wrong(pointer, partition, **more):
        reply = w.s.post("/v1/jobs", dict({"command": ["true"], "project": "one", "inputs": ["few"], "partition": partition}, **more))
        refused(reply, 422, "bad_input", pointer)

    wrong("/partition/by", {})
    wrong("/partition/by", {"by": "hand"})
    wrong("/partition/size", {"by": "files"})
    wrong("/partition/size", {"by": "bytes"})
    wrong("/partition/size", {"by": "file", "size": 2})
    wrong("/partition/size", {"by": "files", "size": 0})
    wrong("/partition/input", {"by": "file", "input": "other"})
    wrong("/partition", {"by": "file"}, inputs=[])
    wrong("/array", {"by": "file"}, array="1-4")
    wrong("/array", {"by": "file"}, array="0-1")
    wrong("/partition/input", {"by": "file"}, inputs=["unmade"])
    wrong("/partition/input", {"by": "file"}, inputs=["odd"])


if __name__ == "__main__":
    sys.exit(main())
