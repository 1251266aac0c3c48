#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""views.py WEBD [NAME...] - how jobs are drawn, counted and found again: graph, timeline, facets, times, saved views. SQL plays the engine."""
import sys
import urllib.parse

from harness import has, main, refused, same, test


def submit(w, name, who="submitter", project="one", **more):
    return w.s.submit(w.tokens[who], name=name, project=project, **more)


def graph(w, job, query="", who="submitter"):
    return w.s.ok("GET", f"/v1/jobs/{job}/graph{query}", token=w.tokens[who])


def shape_of(g):
    return {n["job"]: n["distance"] for n in g["nodes"]}, {(e["from"], e["to"], e["kind"]) for e in g["edges"]}


@test
def a_graph_goes_up_and_down_over_dependencies_and_data(w):
    a = submit(w, "a", outputs=["*"], output_dataset="of-a")
    b = submit(w, "b", after=[a])
    c = submit(w, "c", after=[{"job": b, "on": "any"}], inputs=["of-a"])
    d = submit(w, "d", after=[c])
    beside = submit(w, "beside", after=[a])
    nodes, edges = shape_of(graph(w, c))
    same(nodes, {c: 0, b: -1, a: -1, d: 1})
    same(edges, {(a, c, "data"), (b, c, "after"), (a, b, "after"), (c, d, "after")})
    whole = graph(w, a)
    same(shape_of(whole)[0], {a: 0, b: 1, c: 1, beside: 1, d: 2})
    by_pair = {(e["from"], e["to"], e["kind"]): e for e in whole["edges"]}
    same((by_pair[b, c, "after"]["on"], by_pair[a, c, "data"]["dataset"], whole["more"], whole["hidden"]), ("any", "of-a", False, 0))
    same([n["job"] for n in whole["nodes"]][0], a)


@test
def a_graph_keeps_its_bounds_and_says_so(w):
    first = submit(w, "chain-0")
    jobs = [first]
    for i in range(6):
        jobs.append(submit(w, f"chain-{i + 1}", after=[jobs[-1]]))
    short = graph(w, first, "?depth=2")
    same((sorted(shape_of(short)[0].values()), short["more"]), ([0, 1, 2], True))
    few = graph(w, jobs[3], "?limit=3")
    same((len(few["nodes"]), few["more"]), (3, True))
    whole = graph(w, jobs[3])
    same((len(whole["nodes"]), len(whole["edges"]), whole["more"]), (7, 6, False))
    refused(w.s.get(f"/v1/jobs/{first}/graph?depth=101"), 400, "bad_input")
    refused(w.s.get("/v1/jobs/99999999/graph"), 404, "not_found")


@test
def a_graph_leaves_out_what_one_may_not_see(w):
    mine = submit(w, "mine")
    theirs = submit(w, "theirs", who="stranger", project="two")
    w.s.sql(f"insert into job_after (job_id, on_job_id, condition, elementwise) values ({theirs}, {mine}, 'ok', false)")
    same((shape_of(graph(w, mine)), graph(w, mine)["hidden"]), (({mine: 0}, set()), 1))
    same(shape_of(graph(w, mine, who="admin")), ({mine: 0, theirs: 1}, {(mine, theirs, "after")}))
    refused(w.s.get(f"/v1/jobs/{mine}/graph", token=w.tokens["stranger"]), 404, "not_found")


@test
def jobs_are_found_by_the_site_that_something_of_them_was_sent_to(w):
    here = [submit(w, f"placed-{i}") for i in range(5)]
    submit(w, "placed-never")
    theirs = submit(w, "placed-theirs", who="stranger", project="two")
    for job in here + [here[0], theirs]:
        w.s.sql(f"insert into decisions (job_id, task, site_id, candidates) select {job}, 1, id, '[]' from sites where name = 'alpha'")
    ids = lambda path, who="submitter": [j["id"] for j in w.s.ok("GET", path, token=w.tokens[who])["items"]]  # noqa: E731
    same(ids("/v1/jobs?site=alpha"), here[::-1])
    same(ids("/v1/jobs?site=alpha", "admin"), ([theirs] + here[::-1]))
    same((ids("/v1/jobs?site=alpha&name=placed-3"), ids("/v1/jobs?site=alpha&state=active"), ids("/v1/jobs?site=nowhere")), ([here[3]], [], []))
    same(ids(f"/v1/jobs?site=alpha&ids={here[1]},{here[2] + 900}"), [here[1]])
    first = w.s.ok("GET", "/v1/jobs?site=alpha&limit=2", token=w.tokens["submitter"])
    same([j["id"] for j in first["items"]], here[:2:-1])
    same(ids(f"/v1/jobs?site=alpha&limit=9&cursor={first['next_cursor']}"), here[2::-1])
    facets = w.s.ok("GET", "/v1/jobs:facets?site=alpha&name=placed-*", token=w.tokens["submitter"])
    same((facets["jobs"], facets["whole"]), (5, True))
    found = w.s.post("/v1/jobs:hold?dry_run=true", {"site": "alpha", "name": "placed-*"}, token=w.tokens["submitter"]).json
    same((found["matched"], sorted(found["jobs"])), (5, here))


@test
def a_timeline_has_every_attempt_and_does_not_tear_a_task_apart(w):
    job = submit(w, "timed", array="1-5")
    site, worker = w.s.sql("select site_id, id from workers order by id limit 1")[0]
    ended = ", ".join(f"({job}, {t}, {a}, 1, {site}, {worker}, '{s}', '{o}', 'none', true, now(), now(), now())"
                      for t, a, s, o in ((1, 1, "succeeded", "succeeded"), (2, 1, "failed", "exit"), (2, 2, "succeeded", "succeeded"), (4, 1, "succeeded", "succeeded")))
    w.s.sql("insert into attempts (job_id, task, attempt, epoch, site_id, worker_id, state, outcome, blame, final, placed_at, started_at, ended_at)"
            f" values {ended}")
    w.s.sql("insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state, placed_at, task_failures, site_failures)"
            f" values ({job}, 3, 1, 1, {site}, {worker}, 'staging', now(), 0, 0)")
    path = f"/v1/jobs/{job}/timeline"
    whole = w.s.ok("GET", path, token=w.tokens["viewer"])
    same([(i["task"], i["attempt"], i["state"]) for i in whole["items"]],
         [(1, 1, "succeeded"), (2, 1, "failed"), (2, 2, "succeeded"), (3, 1, "staging"), (4, 1, "succeeded")])
    same((whole["next"], whole["items"][3]["ended_at"], whole["items"][3]["outcome"], whole["items"][0]["site"]), (None, None, None, "alpha"))
    page = w.s.ok("GET", path + "?limit=2")
    same(([i["task"] for i in page["items"]], page["next"]), ([1], 2))
    page = w.s.ok("GET", path + "?limit=2&from=2")
    same(([i["task"] for i in page["items"]], page["next"]), ([2, 2], 3))
    page = w.s.ok("GET", path + "?limit=1&from=2")
    same(([i["attempt"] for i in page["items"]], page["next"]), ([1], 3))


@test
def facets_count_what_fits(w):
    for i in range(12):
        submit(w, "facet-even" if i % 2 == 0 else "facet-odd", labels={"set": "facets"})
    path = "/v1/jobs:facets?label=set:facets"
    got = w.s.ok("GET", path, token=w.tokens["viewer"])
    same((got["jobs"], got["whole"], {f["value"]: f["jobs"] for f in got["name"]}), (12, True, {"facet-even": 6, "facet-odd": 6}))
    same((got["state"], got["user"], got["project"]),
         ([{"value": "accepted", "jobs": 12}], [{"value": "sue", "jobs": 12}], [{"value": "one", "jobs": 12}]))
    same(sum(h["jobs"] for h in got["hours"]), 12)
    same(w.s.ok("GET", path + "&name=*odd*&state=accepted")["jobs"], 6)
    same(w.s.ok("GET", path, token=w.tokens["stranger"])["jobs"], 0)
    empty = w.s.ok("GET", "/v1/jobs:facets?name=no-such-name")
    same((empty["jobs"], empty["name"], empty["hours"]), (0, [], []))


@test
def a_list_can_be_of_a_time_and_of_a_part_of_a_name(w):
    old = [submit(w, f"timed-old-{i}") for i in range(3)]
    new = [submit(w, f"timed-new-{i}") for i in range(3)]
    for n, job in enumerate(reversed(range(1, old[-1] + 1))):
        w.s.sql(f"update jobs set submitted_at = now() - interval '3 days' - interval '{n} seconds' where id = {job}")

    def found(query):
        return [j["id"] for j in w.s.ok("GET", f"/v1/jobs?limit=1000&{query}", token=w.tokens["submitter"])["items"]]

    same(found("name=*imed-ol*"), old[::-1])
    same(found("name=timed-*&since=2d"), new[::-1])
    same(found("name=timed-*&until=2d"), old[::-1])
    same(found("since=1d&until=1h"), [])
    at = urllib.parse.quote(w.s.ok("GET", f"/v1/jobs/{old[1]}")["submitted_at"])
    same(found(f"name=timed-*&since={at}&until=1d"), [old[2], old[1]])
    same(w.s.ok("GET", "/v1/jobs:facets?name=timed-*&since=2d")["jobs"], 3)
    refused(w.s.get("/v1/jobs?since=soon"), 400, "bad_input")
    dry = w.s.post("/v1/jobs:cancel?dry_run=true", {"name": "*imed-*", "since": "2d"}, token=w.tokens["submitter"])
    same(sorted(dry.json["jobs"]), new)
    refused(w.s.post("/v1/jobs:cancel?dry_run=true", {"since": "soon"}, token=w.tokens["submitter"]), 422, "bad_input", "/since")


@test
def views_are_kept_for_oneself_and_shared_with_a_project(w):
    def put(who, *items):
        return w.s.request("PUT", "/v1/me/views", {"items": list(items)}, token=w.tokens[who])

    def shown(who):
        return [(v["name"], v["project"], v["by"]) for v in w.s.ok("GET", "/v1/me/views", token=w.tokens[who])["items"]]

    failed = {"name": "failed", "page": "jobs", "query": "state=failed&since=1d"}
    same(put("submitter", failed, {**failed, "name": "ours", "project": "one"}).status, 200)
    same(shown("submitter"), [("failed", None, "sue"), ("ours", "one", "sue")])
    same((shown("viewer"), shown("stranger")), ([("ours", "one", "sue")], []))
    same(put("viewer", {**failed, "name": "ours"}).status, 200)
    same(shown("viewer"), [("ours", None, "vic"), ("ours", "one", "sue")])
    refused(put("submitter", failed, failed), 422, "bad_input", "/items/1/name")
    refused(put("stranger", {**failed, "project": "one"}, {**failed, "name": ""}), 422, "bad_input", "/items/0/project", "/items/1/name")
    refused(put("submitter", {"name": "x", "page": "jobs", "query": "", "more": 1}), 422, "bad_input", "/items/0/more")
    refused(put("submitter", *({**failed, "name": str(i)} for i in range(101))), 422, "bad_input", "/items")
    same(shown("submitter"), [("failed", None, "sue"), ("ours", "one", "sue")])
    same(put("submitter").json["items"], [])
    has(str(w.s.sql("select action from audit order by seq desc limit 1")), "PUT /v1/me/views")


if __name__ == "__main__":
    sys.exit(main())
