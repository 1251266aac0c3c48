#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""arrivals.py WEBD [NAME...] - data that comes in: uploads piece by piece, listings, files to be fetched, versions; lineage, facets, links.
SQL plays the engine."""
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.parse

from harness import has, main, refused, same, test
from server import UPLOAD_MAX, wait_until

SUE = "submitter"


def value(w, text):
    rows = w.s.sql(text)
    return rows[0][0] if rows else None


def sha(data):
    return hashlib.sha256(data).hexdigest()


def site(w, name):
    if not value(w, f"select 1 from sites where name = '{name}' and removed_at is null"):
        w.s.ok("POST", "/v1/sites", {"name": name, "hosts": [{"address": name}], "accounts": [{"user": "g"}]})
    return value(w, f"select id from sites where name = '{name}'")


def opened(w, name, **more):
    return w.s.ok("POST", "/v1/datasets", {"name": name, "project": "one", **more}, token=w.tokens[SUE])


def put(w, name, path, data, offset=0, who=SUE, **more):
    query = urllib.parse.urlencode({"path": path, "offset": offset, **more})
    return w.s.request("PUT", f"/v1/datasets/{name}/files?{query}", token=w.tokens[who], raw=data,
                       headers={"Content-Type": "application/octet-stream"})


def seal(w, name, who=SUE):
    return w.s.post(f"/v1/datasets/{name}/seal", token=w.tokens[who])


def spooled(w, name, path=""):
    number = value(w, f"select reeve_dataset('{name}')")
    return os.path.join(w.s.uploads, f"d{number}", path)


@test
def a_dry_run_shows_the_dataset_that_would_be_opened_and_opens_none(w):
    reply = w.s.request("POST", "/v1/datasets?dry_run=true", {"name": "tried", "project": "one", "upload": {}}, token=w.tokens[SUE])
    same((reply.status, reply.headers["Reeve-Dry-Run"], reply.json["state"], reply.json["arrival"]["kind"]), (200, "true", "open", "upload"))
    refused(w.s.get("/v1/datasets/tried", token=w.tokens[SUE]), 404, "not_found")


@test
def a_file_comes_in_pieces_is_checked_and_the_upload_is_sealed(w):
    data = os.urandom(100_000)
    shown = opened(w, "up", upload={"files": [{"path": "a/b.bin", "size": len(data), "sha256": sha(data)}]})
    same((shown["state"], shown["files"], shown["arrival"]["kind"], shown["arrival"]["state"], shown["arrival"]["files"], shown["arrival"]["bytes"]),
         ("open", 0, "upload", "filling", 1, len(data)))
    refused(seal(w, "up"), 409, "conflict")
    reply = put(w, "up", "a/b.bin", data[:40_000])
    same((reply.status, reply.json), (200, {"path": "a/b.bin", "size": len(data), "received": 40_000, "complete": False}))
    files = w.s.ok("GET", "/v1/datasets/up/files", token=w.tokens["viewer"])["items"]
    same([(f["path"], f["size"], f["received"], f["sha256"], f["task"]) for f in files], [("a/b.bin", len(data), 40_000, sha(data), None)])
    for offset in (0, 39_999, 40_001):
        reply = put(w, "up", "a/b.bin", data[offset:], offset)
        refused(reply, 409, "conflict")
        same(reply.headers["Reeve-Received"], "40000")
    refused(put(w, "up", "a/b.bin", data, 40_000), 400, "bad_input")  # more than there is
    received = int(put(w, "up", "a/b.bin", b"", 0).headers["Reeve-Received"])
    reply = put(w, "up", "a/b.bin", data[received:], received)
    same((reply.status, reply.json["complete"]), (200, True))
    with open(spooled(w, "up", "a/b.bin"), "rb") as f:
        same(f.read() == data, True)
    reply = put(w, "up", "a/b.bin", b"", len(data))  # nothing is left to be sent: said again
    same((reply.status, reply.json["complete"]), (200, True))
    refused(put(w, "up", "a/b.bin", data), 409, "conflict")
    reply = seal(w, "up")
    same((reply.status, reply.json["arrival"]["state"], reply.json["arrival"]["received_files"]), (202, "waiting", 1))
    refused(put(w, "up", "c", b"x", size=1), 409, "conflict")
    refused(w.s.post("/v1/datasets/up/files", {"files": [{"path": "c", "size": 1}]}, token=w.tokens[SUE]), 409, "conflict")


@test
def files_are_named_by_their_first_piece_and_checksums_are_told(w):
    opened(w, "named", upload={})
    refused(seal(w, "named"), 409, "conflict")
    refused(put(w, "named", "x", b"abc"), 404, "not_found")
    same(put(w, "named", "x", b"abc", size=3).json["complete"], True)
    same(put(w, "named", "empty", b"", size=0).json["complete"], True)
    refused(put(w, "named", "y", b"abc", size=3, sha256=sha(b"abd")), 422, "bad_input", "/sha256")
    same(value(w, "select received from arrival_files where path = 'y'"), "0")
    same(put(w, "named", "y", b"abd", size=3, sha256=sha(b"abd")).json["complete"], True)
    refused(put(w, "named", "y", b"", size=4), 409, "conflict")
    files = w.s.ok("GET", "/v1/datasets/named/files")["items"]
    same([(f["path"], f["sha256"]) for f in files], [("empty", sha(b"")), ("x", sha(b"abc")), ("y", sha(b"abd"))])
    more = w.s.post("/v1/datasets/named/files", {"files": [{"path": "z", "size": 9}]}, token=w.tokens[SUE])
    same((more.status, more.json["arrival"]["files"], more.json["arrival"]["received_files"]), (200, 4, 3))
    same(w.s.post("/v1/datasets/named/files", {"files": [{"path": "z", "size": 9}]}, token=w.tokens[SUE]).json["arrival"]["files"], 4)
    refused(w.s.post("/v1/datasets/named/files", {"files": [{"path": "z", "size": 8}]}, token=w.tokens[SUE]), 409, "conflict")


@test
def what_came_of_a_request_that_was_cut_stays(w):
    data = os.urandom(500_000)
    opened(w, "cut", upload={"files": [{"path": "f", "size": len(data), "sha256": sha(data)}]})
    s = socket.create_connection(("127.0.0.1", w.s.port))
    s.sendall((f"PUT /v1/datasets/cut/files?path=f&offset=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {w.tokens[SUE]}\r\n"
               f"Content-Type: application/octet-stream\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data[:300_000])
    wait_until("most of it came", lambda: os.path.exists(spooled(w, "cut", "f")) and os.path.getsize(spooled(w, "cut", "f")) == 300_000)
    refused(put(w, "cut", "f", b"", 300_000), 409, "conflict")  # somebody is sending it
    s.close()
    wait_until("it is on record", lambda: value(w, "select received from arrival_files where path = 'f'") == "300000")
    reply = wait_until("it goes on", lambda: (lambda r: r if r.status == 200 else None)(put(w, "cut", "f", data[300_000:], 300_000)))
    same(reply.json["complete"], True)


@test
def several_files_come_at_once(w):
    opened(w, "many", upload={})
    datas = [os.urandom(20_000 + i) for i in range(20)]
    replies = [None] * len(datas)

    def send(i):
        replies[i] = put(w, "many", f"d/{i % 3}/{i}", datas[i], size=len(datas[i]))
    threads = [threading.Thread(target=send, args=(i,)) for i in range(len(datas))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same([r.json["complete"] for r in replies], [True] * len(datas))
    arrival = w.s.ok("GET", "/v1/datasets/many")["arrival"]
    same((arrival["received_files"], arrival["received_bytes"], arrival["bytes"]), (20, sum(map(len, datas)), sum(map(len, datas))))


@test
def paths_that_lead_elsewhere_are_refused(w):
    opened(w, "paths", upload={})
    for path in ("../x", "/etc/x", "a//b", "a/./b", "a/../b", "", ".reeve-x", "a/.reeve-parts/b", "%2e%2e/x", "a%00b", "a%zzb", "x" * 1100):
        refused(put(w, "paths", path, b"x", size=1), 400, "bad_input")
        reply = w.s.post("/v1/datasets/paths/files", {"files": [{"path": path, "size": 1}]}, token=w.tokens[SUE])
        same((path, reply.status, reply.code), (path, 422, "bad_input"))
    same(put(w, "paths", "a", b"x", size=1).status, 200)
    refused(put(w, "paths", "a/b", b"x", size=1), 409, "conflict")
    same(put(w, "paths", "d/e", b"x", size=1).status, 200)
    refused(put(w, "paths", "d", b"x", size=1), 409, "conflict")
    same(sorted(os.listdir(spooled(w, "paths"))), ["a", "d"])


@test
def who_may_not_write_sends_nothing_and_bodies_are_checked(w):
    opened(w, "mine", upload={})
    refused(put(w, "mine", "x", b"x", size=1, who="viewer"), 403, "denied")
    refused(put(w, "mine", "x", b"x", size=1, who="stranger"), 404, "not_found")
    refused(put(w, "nothing", "x", b"x", size=1), 404, "not_found")
    refused(put(w, "set", "x", b"x", size=1), 409, "conflict")
    query = "path=x&size=1&offset=0"
    refused(w.s.request("PUT", f"/v1/datasets/mine/files?{query}", token=w.tokens[SUE], raw=b"x", headers={"Content-Type": "text/plain"}), 415, "unsupported_type")
    refused(w.s.request("PUT", "/v1/datasets/mine/files", token=w.tokens[SUE], raw=b"x", headers={"Content-Type": "application/octet-stream"}), 400, "bad_input")
    c = http.client.HTTPConnection("127.0.0.1", w.s.port, timeout=30)
    c.putrequest("PUT", f"/v1/datasets/mine/files?{query}")
    for name, text in (("Authorization", "Bearer " + w.tokens[SUE]), ("Content-Type", "application/octet-stream"), ("Content-Length", str(65 << 20))):
        c.putheader(name, text)
    c.endheaders()
    same(c.getresponse().status, 413)
    c.close()
    for body in ({"upload": {}, "fetch": {}}, {"upload": {}, "site": "alpha"}, {"upload": {"files": [{"path": "a"}]}}, {"upload": {"site": "nowhere"}},
                 {"upload": {"files": [{"path": "a", "size": 1}, {"path": "a", "size": 1}]}}, {"upload": {"files": [{"path": "a", "size": 1, "sha256": "x" * 64}]}},
                 {"import": {}}, {"import": {"site": "alpha", "root": "x"}}, {"import": {"site": "alpha", "root": "/x", "files": [{"path": "a", "size": 1}]}},
                 {"upload": {}, "policy": {"sites": ["nowhere"]}}, {}):
        reply = w.s.post("/v1/datasets", {"name": "bad", "project": "one", **body}, token=w.tokens[SUE])
        same((body, reply.status), (body, 422))
    refused(w.s.post("/v1/datasets", {"name": "mine", "upload": {}}, token=w.tokens[SUE]), 409, "conflict")
    same(value(w, "select count(*) from datasets where name = 'bad'"), "0")


@test
def uploads_beyond_the_spool_or_a_projects_part_of_it_are_refused(w):
    reply = w.s.post("/v1/datasets", {"name": "big", "project": "one", "upload": {"files": [{"path": "a", "size": UPLOAD_MAX}]}}, token=w.tokens[SUE])
    refused(reply, 507, "limit")
    opened(w, "big", upload={})
    refused(put(w, "big", "a", b"x", size=UPLOAD_MAX), 507, "limit")
    refused(w.s.post("/v1/datasets/big/files", {"files": [{"path": "a", "size": UPLOAD_MAX // 2 + 1}]}, token=w.tokens[SUE]), 507, "limit")
    same(w.s.request("DELETE", "/v1/datasets/big", token=w.tokens[SUE]).status, 204)
    same(value(w, "select count(*) from arrivals a join datasets d on d.id = a.dataset_id where d.base = 'big'"), "0")


@test
def a_policy_holds_from_the_start(w):
    site(w, "east")
    refused(w.s.post("/v1/datasets", {"name": "held", "project": "one", "upload": {"site": "east"}, "policy": {"sites": ["alpha"]}}, token=w.tokens[SUE]), 409, "conflict")
    shown = opened(w, "held", upload={"site": "alpha"}, policy={"sites": ["alpha"]})
    same((shown["policy"], shown["arrival"]["site"]), ({"sites": ["alpha"], "labels": [], "by": "sue"}, "alpha"))
    w.s.sql("update sites set data_accept = false where name = 'east'")
    refused(w.s.post("/v1/datasets", {"name": "other", "project": "one", "upload": {"site": "east"}}, token=w.tokens[SUE]), 409, "conflict")
    w.s.sql("update sites set data_accept = true where name = 'east'")


@test
def a_listing_is_a_dataset_at_once(w):
    files = [{"path": f"p{i:05}", "size": i, "sha256": sha(str(i).encode())} for i in range(3000)]
    shown = opened(w, "listed", **{"import": {"site": "alpha", "root": "/data/listed", "files": files[:1000]}})
    same((shown["state"], shown["files"], shown["arrival"]["kind"]), ("open", 1000, "import"))
    for at in (1000, 2000, 2000):
        shown = w.s.ok("POST", "/v1/datasets/listed/files", {"files": files[at:at + 1000]}, token=w.tokens[SUE])
    same((shown["arrival"]["files"], shown["bytes"]), (3000, sum(range(3000))))
    refused(w.s.post("/v1/datasets/listed/files", {"files": [{**files[5], "size": 6}]}, token=w.tokens[SUE]), 409, "conflict")
    refused(w.s.post("/v1/datasets/listed/files", {"files": [{"path": "q", "size": 6}]}, token=w.tokens[SUE]), 422, "bad_input")
    shown = seal(w, "listed").json
    same((shown["state"], shown["arrival"], shown["files"]), ("sealed", None, 3000))
    same([(p["site"], p["root"], p["complete"], p["copy"], p["checked_at"]) for p in shown["sites"]], [("alpha", "/data/listed", True, False, None)])
    same(value(w, f"select count(*) from replicas where dataset_id = reeve_dataset('listed') and state = 'present'"), "3000")
    refused(seal(w, "listed"), 409, "conflict")
    shown = opened(w, "listed2", seal=True, **{"import": {"site": "alpha", "root": "/data/l2", "files": files[:2]}})
    same((shown["state"], shown["files"]), ("sealed", 2))


@test
def urls_need_a_prefix_that_an_admin_allowed(w):
    refused(w.s.post("/v1/url-prefixes", {"prefix": "https://data.example.org/pub/"}, token=w.tokens[SUE]), 403, "denied")
    for prefix in ("https://data.example.org/pub", "ftp://x/", "https://user@h/", "https://h/a/../"):
        refused(w.s.post("/v1/url-prefixes", {"prefix": prefix}), 422, "bad_input", "/prefix")
    refused(w.s.post("/v1/url-prefixes", {"prefix": "https://h/", "redirects": ["https://h"], "site": "nowhere"}), 422, "bad_input", "/redirects/0", "/site")
    body = {"prefix": "https://data.example.org/pub/", "redirects": ["https://cdn.example.org/"]}
    made = w.s.ok("POST", "/v1/url-prefixes", body)
    same((made["prefix"], made["site"], made["private"], made["redirects"], made["made_by"]),
         (body["prefix"], None, False, body["redirects"], "admin"))
    at_east = w.s.ok("POST", "/v1/url-prefixes", {"prefix": "http://east.example/", "site": "east"})
    same([p["id"] for p in w.s.ok("GET", "/v1/url-prefixes", token=w.tokens["viewer"])["items"]], [at_east["id"], made["id"]])
    bad = [{"url": "https://data.example.org/public/x"}, {"url": "https://data.example.org/pub/%2e%2e/x"}, {"url": "https://evil.example/https://data.example.org/pub/"}]
    reply = w.s.post("/v1/datasets", {"name": "web", "project": "one", "fetch": {"files": bad}}, token=w.tokens[SUE])
    refused(reply, 422, "bad_input", "/fetch/files/0/url", "/fetch/files/1/url", "/fetch/files/2/path")
    refused(w.s.post("/v1/datasets", {"name": "web", "project": "one", "fetch": {"site": "alpha", "files": [{"url": "http://east.example/x"}]}}, token=w.tokens[SUE]),
            422, "bad_input", "/fetch/files/0/url")
    shown = opened(w, "web", seal=True, fetch={"files": [{"url": "https://data.example.org/pub/a%20b.gz?x=1"}, {"url": "http://east.example/c", "path": "d/c", "size": 5}]})
    same((shown["state"], shown["arrival"]["state"], shown["arrival"]["files"], shown["arrival"]["bytes"]), ("open", "waiting", 2, 5))
    same([(f["path"], f["size"], f["sha256"]) for f in w.s.ok("GET", "/v1/datasets/web/files")["items"]], [("a b.gz", None, None), ("d/c", 5, None)])
    same(w.s.request("DELETE", f"/v1/url-prefixes/{made['id']}").status, 204)
    refused(w.s.request("DELETE", f"/v1/url-prefixes/{made['id']}"), 404, "not_found")


@test
def a_new_version_is_the_one_that_the_name_means_once_it_is_sealed(w):
    one = opened(w, "reads", seal=True, **{"import": {"site": "alpha", "root": "/r1", "files": [{"path": "a", "size": 1, "sha256": sha(b"1")}]}})
    same((one["name"], one["base"], one["version"]), ("reads", "reads", 1))
    refused(w.s.post("/v1/datasets", {"name": "reads", "project": "one", "upload": {}}, token=w.tokens[SUE]), 409, "conflict")
    refused(w.s.post("/v1/datasets", {"name": "reads", "project": "two", "new_version": True, "upload": {}}, token=w.tokens["stranger"]), 409, "conflict")
    two = opened(w, "reads", new_version=True, **{"import": {"site": "alpha", "root": "/r2", "files": [{"path": "a", "size": 2, "sha256": sha(b"2")}]}})
    same((two["name"], two["base"], two["version"], two["state"]), ("reads@2", "reads", 2, "open"))
    same(w.s.ok("GET", "/v1/datasets/reads")["name"], "reads@1")  # the newest that is sealed
    job = w.s.submit(w.tokens[SUE], project="one", inputs=["reads"])
    same(seal(w, "reads@2").json["name"], "reads@2")
    same(w.s.ok("GET", "/v1/datasets/reads")["name"], "reads@2")
    same(w.s.ok("GET", "/v1/datasets/reads@1")["files"], 1)
    refused(w.s.get("/v1/datasets/reads@3"), 404, "not_found")
    later = w.s.submit(w.tokens[SUE], project="one", inputs=["reads", "reads@1"])
    same([r[0] for r in w.s.sql(f"select d.name from job_inputs i join datasets d on d.id = i.dataset_id where i.job_id in ({job}, {later}) order by i.job_id, i.position")],
         ["reads@1", "reads@2", "reads@1"])
    same(w.s.ok("GET", f"/v1/jobs/{job}/spec")["inputs"], ["reads@1"])
    same(w.s.ok("GET", f"/v1/jobs/{later}/spec")["inputs"], ["reads@2", "reads@1"])
    again = w.s.ok("POST", f"/v1/jobs/{job}/rerun", {}, token=w.tokens[SUE])["id"]
    same(value(w, f"select d.name from job_inputs i join datasets d on d.id = i.dataset_id where i.job_id = {again}"), "reads@1")
    same([d["name"] for d in w.s.ok("GET", "/v1/datasets?name=reads")["items"]], ["reads@2", "reads@1"])
    w.s.sql(f"delete from job_queue where job_id in ({job}, {later}, {again})")
    same(w.s.request("DELETE", "/v1/datasets/reads@2", token=w.tokens[SUE]).status, 204)
    same(w.s.ok("GET", "/v1/datasets/reads")["name"], "reads@1")
    three = opened(w, "reads", new_version=True, upload={})
    same(three["name"], "reads@2")


@test
def datasets_are_found_by_what_they_are(w):
    site(w, "east")
    for n in range(5):
        opened(w, f"find-{n}", seal=True, policy={"labels": ["eu"]} if n == 1 else {},
               **{"import": {"site": "alpha" if n != 1 else "east", "root": "/f", "files": [{"path": "a", "size": 1, "sha256": sha(b"1")}]}}) if n != 1 else None
    w.s.sql("update sites set labels = '{eu}' where name = 'east'")
    opened(w, "find-1", seal=True, policy={"labels": ["eu"]}, **{"import": {"site": "east", "root": "/f", "files": [{"path": "a", "size": 1, "sha256": sha(b"1")}]}})
    opened(w, "find-5", upload={})
    w.s.ok("PATCH", "/v1/datasets/find-2", {"expires_at": "2099-01-01T00:00:00Z"}, token=w.tokens[SUE])
    w.s.sql("update datasets set expires_at = now() + interval '3 days' where name = 'find-3'")

    def names(query):
        return sorted(d["name"] for d in w.s.ok("GET", "/v1/datasets?name=find-*&" + query)["items"])
    same(names("state=open"), ["find-5"])
    same(names("site=east"), ["find-1"])
    same(names("policy=eu"), ["find-1"])
    same(names("policy=any"), ["find-1"])
    same(names("policy=none"), ["find-0", "find-2", "find-3", "find-4", "find-5"])
    same(names("expiring=7d"), ["find-3"])
    same(names("project=one&user=sue&state=sealed"), ["find-0", "find-1", "find-2", "find-3", "find-4"])
    same(names("user=nobody"), [])
    for bad in ("state=none", "project=nothing", "expiring=soon"):
        refused(w.s.get("/v1/datasets?" + bad), 400, "bad_input")
    first = w.s.ok("GET", "/v1/datasets?name=find-*&limit=4")
    rest = w.s.ok("GET", "/v1/datasets?name=find-*&limit=4&cursor=" + first["next_cursor"])
    same((len(first["items"]), len(rest["items"]), rest["next_cursor"]), (4, 2, None))
    facets = w.s.ok("GET", "/v1/datasets:facets?name=find-*", token=w.tokens["viewer"])
    same((facets["datasets"], facets["more"], facets["state"], facets["project"]),
         (6, False, [{"value": "sealed", "datasets": 5}, {"value": "open", "datasets": 1}], [{"value": "one", "datasets": 6}]))
    same(sorted((f["value"], f["datasets"]) for f in facets["policy"]), [("any", 1), ("eu", 1), ("none", 5)])
    same(w.s.ok("GET", "/v1/datasets:facets?name=nothing*")["site"], [])


@test
def lineage_is_told_both_ways_as_far_as_one_may_see(w):
    imported = {"import": {"site": "alpha", "root": "/l", "files": [{"path": "a", "size": 1, "sha256": sha(b"1")}]}}
    opened(w, "raw", seal=True, **imported)
    align = w.s.submit(w.tokens[SUE], project="one", name="align", inputs=["raw"], outputs=["*"], output_dataset="aligned")
    sort = w.s.submit(w.tokens[SUE], project="one", name="sort", inputs=["aligned"], outputs=["*"], output_dataset="sorted")
    hidden = w.s.submit(w.tokens["admin"], project="two", name="hidden", inputs=["raw"])
    graph = w.s.ok("GET", "/v1/datasets/aligned/lineage", token=w.tokens["viewer"])
    same([(n["kind"], n["name"], n["level"]) for n in graph["nodes"]],
         [("dataset", "aligned", 0), ("job", "align", -1), ("dataset", "raw", -2), ("job", "sort", 1), ("dataset", "sorted", 2)])
    ids = {n["name"]: n["id"] for n in graph["nodes"]}
    same(ids["align"], f"j{align}")
    same(sorted((e["from"], e["to"]) for e in graph["edges"]),
         sorted([(ids["raw"], ids["align"]), (ids["align"], ids["aligned"]), (ids["aligned"], ids["sort"]), (ids["sort"], ids["sorted"])]))
    same(graph["more"], False)
    same([n["name"] for n in w.s.ok("GET", "/v1/datasets/aligned/lineage?depth=1")["nodes"]], ["aligned", "align", "sort"])
    seen = w.s.ok("GET", "/v1/datasets/raw/lineage", token=w.tokens["viewer"])
    same(([n["name"] for n in seen["nodes"]], seen["more"]), (["raw", "align", "aligned", "sort"], True))
    same("hidden" in [n["name"] for n in w.s.ok("GET", "/v1/datasets/raw/lineage")["nodes"]], True)
    for depth in ("0", "11", "x"):
        refused(w.s.get(f"/v1/datasets/raw/lineage?depth={depth}"), 400, "bad_input")
    reads = w.s.ok("GET", "/v1/datasets/raw", token=w.tokens["viewer"])["reads"]
    same((reads["jobs"], reads["more"], [(d["jobs"], d["tasks"]) for d in reads["days"]]), (2, False, [(2, 2)]))
    w.s.sql(f"delete from job_queue where job_id in ({align}, {sort}, {hidden})")


@test
def admins_say_what_links_and_sites_may_carry(w):
    site(w, "east")
    shown = w.s.ok("GET", "/v1/links/alpha/east", token=w.tokens["viewer"])
    same((shown["rate"], shown["budget"], shown["max_active"], shown["direct"], shown["learned_at"]), (None, None, None, False, None))
    refused(w.s.request("PATCH", "/v1/links/alpha/east", {"budget": 1}, token=w.tokens[SUE]), 403, "denied")
    refused(w.s.request("PATCH", "/v1/links/alpha/alpha", {"budget": 1}), 404, "not_found")
    refused(w.s.request("PATCH", "/v1/links/alpha/nowhere", {"budget": 1}), 404, "not_found")
    refused(w.s.request("PATCH", "/v1/links/alpha/east", {}), 422, "bad_input")
    refused(w.s.request("PATCH", "/v1/links/alpha/east", {"budget": 0}), 422, "bad_input", "/budget")
    refused(w.s.request("PATCH", "/v1/links/alpha/east", {"budget": -1, "max_active": 0, "direct": 1}), 422, "bad_input", "/budget", "/max_active", "/direct")
    shown = w.s.ok("PATCH", "/v1/links/alpha/east", {"budget": 1e6, "max_active": 3, "direct": True})
    same((shown["budget"], shown["max_active"], shown["direct"], shown["rate"]), (1e6, 3, True, None))
    same(value(w, "select detail from audit where action like 'PATCH /v1/links%' order by seq desc limit 1"), '{"budget":1000000.0,"max_active":3,"direct":true}')
    # Each end says what it carries of it, and no more.
    ends = {name: w.s.user(name, "submitter") for name in ("asa", "eli")}
    w.s.ok("POST", "/v1/sites/alpha/admins", {"user": "asa"})
    w.s.ok("POST", "/v1/sites/east/admins", {"user": "eli"})
    shown = w.s.ok("PATCH", "/v1/links/alpha/east", {"from_budget": 5e5, "from_max_active": 2, "direct": False}, token=ends["asa"])
    same((shown["budget"], shown["from_budget"], shown["from_max_active"], shown["direct"]), (1e6, 5e5, 2, False))
    shown = w.s.ok("PATCH", "/v1/links/alpha/east", {"to_budget": 2e5}, token=ends["eli"])
    same((shown["from_budget"], shown["to_budget"], shown["to_max_active"]), (5e5, 2e5, None))
    for who, body, sentence in (("asa", {"budget": None}, "an admin's to say"), ("asa", {"to_budget": None}, "who governs the destination"),
                                ("eli", {"from_max_active": 9}, "who governs the source"), ("eli", {"direct": True}, "who governs the source")):
        reply = w.s.request("PATCH", "/v1/links/alpha/east", body, token=ends[who])
        refused(reply, 403, "denied")
        has(reply.json["detail"], sentence)
    same(w.s.sql("select actor, site from audit where action like 'PATCH /v1/links%' order by seq desc limit 5")[-1], ["eli", "east"])
    w.s.ok("PATCH", "/v1/links/alpha/east", {"from_budget": None, "from_max_active": None, "to_budget": None, "direct": True})
    w.s.sql("update links set rate = 5, latency = 0.5, weight = 1")
    shown = w.s.ok("PATCH", "/v1/links/alpha/east", {"budget": None})
    same((shown["budget"], shown["max_active"], shown["direct"], shown["rate"]), (None, 3, True, 5.0))
    same([(k["from"], k["to"]) for k in w.s.ok("GET", "/v1/links")["items"]], [("alpha", "east")])
    shown = w.s.ok("PATCH", "/v1/sites/east", {"data": {"egress": 1e6, "ingress": 2e6}})
    same((shown["data"]["egress"], shown["data"]["ingress"]), (1e6, 2e6))
    shown = w.s.ok("PATCH", "/v1/sites/east", {"data": {"egress": None}})
    same((shown["data"]["egress"], shown["data"]["ingress"]), (None, 2e6))


@test
def a_file_is_downloaded_as_one_stream_or_one_range(w):
    number = site(w, "alpha")
    data = os.urandom(900_000)
    opened(w, "down", seal=True, **{"import": {"site": "alpha", "root": "/d", "files": [{"path": "x/f.bin", "size": len(data), "sha256": sha(data)}]}})
    w.s.sql(f"insert into workers (site_id, host_id, account_id, link) select {number}, h.id, a.id, 'ready' from hosts h, accounts a where h.site_id = {number}"
            f" and a.site_id = {number} limit 1 on conflict do nothing")
    w.s.sql(f"update workers set link = 'ready' where site_id = {number}")
    stop = threading.Event()

    def engine():
        while not stop.is_set():
            for call, args in w.s.sql("select id, args from calls where state = 'queued' and kind = 'read' order by id"):
                a = json.loads(args)
                piece = data[a["offset"]:a["offset"] + a["limit"]].hex()
                subprocess.run(["psql", "-XqAt", w.s.conninfo], check=True, text=True,
                               input=f"begin; insert into call_data values ({call}, '\\x{piece}'); update calls set state = 'done', ended_at = now(), result = '{{}}' where id = {call}; commit;")
            stop.wait(0.005)
    t = threading.Thread(target=engine)
    t.start()
    try:
        path = "/v1/datasets/down/download?path=x/f.bin"
        reply = w.s.get(path, token=w.tokens["viewer"])
        same((reply.status, reply.headers["Content-Length"], reply.headers["ETag"], reply.body == data), (200, str(len(data)), f'"{sha(data)}"', True))
        for text, want in (("bytes=10-19", data[10:20]), ("bytes=899990-", data[899990:]), ("bytes=-5", data[-5:]), ("bytes=300000-899999", data[300000:])):
            reply = w.s.get(path, headers={"Range": text})
            same((text, reply.status, reply.body == want), (text, 206, True))
            has(reply.headers["Content-Range"], f"/{len(data)}")
        refused(w.s.get(path, headers={"Range": "bytes=900000-"}), 416, "bad_input")
        same(w.s.get(path, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).status, 200)
        same(w.s.get(path, headers={"Range": "lines=1-2"}).status, 200)
    finally:
        stop.set()
        t.join()
    refused(w.s.get("/v1/datasets/down/download?path=y"), 404, "not_found")
    refused(w.s.get("/v1/datasets/down/download"), 400, "bad_input")
    w.s.sql(f"update workers set link = 'absent' where site_id = {number}")
    refused(w.s.get("/v1/datasets/down/download?path=x/f.bin"), 503, "unavailable")


if __name__ == "__main__":
    sys.exit(main())
