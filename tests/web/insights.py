#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""insights.py WEBD [NAME...] - plots of what was counted, and where sites are. SQL plays the engine."""
import sys

from harness import main, refused, same, test


def count(w, what, n, site="null", ago="0 s", at=None):
    """A figure of the step that was `ago`."""
    moment = at or f"now() - interval '{ago}'"
    w.s.sql(f"insert into insights (what, at, site_id, n) values ('{what}', date_bin('5 min', {moment}, 'epoch'), coalesce((select id from sites where name = {site}), 0), {n})"
            " on conflict (what, at, site_id) do update set n = excluded.n")


def plot(w, name, query="", who="submitter"):
    return w.s.ok("GET", f"/v1/insights/{name}{query}", token=w.tokens[who])


def values(p, name, site=None):
    for s in p["series"]:
        if s["name"] == name and s["site"] == site:
            same(len(s["values"]), len(p["times"]), name)
            return [v for v in s["values"] if v]
    return None


@test
def how_things_stood_is_a_mean_and_what_happened_a_number(w):
    # 300 looks in a step: 40 tasks were ready on average, then 20.
    count(w, "looks", 300, ago="20 min")
    count(w, "ready", 12000, ago="20 min")
    count(w, "looks", 300, ago="15 min")
    count(w, "looks", 150, ago="10 min")
    count(w, "ready", 3000, ago="10 min")
    count(w, "failed", 3, ago="10 min")
    count(w, "failed", 2, ago="15 min")
    p = plot(w, "jobs", "?range=1h")
    same((p["plot"], p["step"], 12 <= len(p["times"]) <= 13), ("jobs", 300, True))
    same((values(p, "ready"), values(p, "failed"), values(p, "running")), ([40, 20], [2, 3], []))
    # Longer ranges have longer steps: those of one are joined.
    week = plot(w, "jobs", "?range=14d")
    same((week["step"] % 300, len(week["times"]) <= 301), (0, True))
    same(sum(values(week, "failed")), 5)


@test
def waiting_is_told_by_quantiles(w):
    # 50 starts within 0.1 s, 50 between 12.8 s and 25.6 s.
    count(w, "wait:0", 50, ago="10 min")
    count(w, "wait:8", 50, ago="10 min")
    p = plot(w, "waits", "?range=1h")
    same([round(v, 3) for v in values(p, "p50")], [0.1])
    same([12.8 < v < 25.6 for v in values(p, "p95")], [True])
    count(w, "launch:1", 4, site="'alpha'", ago="10 min")
    same([0.1 < v <= 0.2 for v in values(plot(w, "launch", "?range=1h"), "p50", "alpha")], [True])


@test
def use_failures_and_bytes_are_told_by_site(w):
    count(w, "cpus", 8 * 300, site="'alpha'", ago="10 min")
    count(w, "used", 6 * 300, site="'alpha'", ago="10 min")
    count(w, "end:exit", 7, site="'alpha'", ago="10 min")
    count(w, "end:lost", 1, site="'alpha'", ago="10 min")
    count(w, "moved", 4096, site="'alpha'", ago="10 min")
    same(values(plot(w, "use", "?range=1h"), "use", "alpha"), [0.75])
    failures = plot(w, "failures", "?range=1h")
    same((values(failures, "exit", "alpha"), values(failures, "lost", "alpha"), values(failures, "reboot", "alpha")), ([7], [1], None))
    same(values(plot(w, "bytes", "?range=1h"), "moved", "alpha"), [4096])
    count(w, "read", 65536, site="'alpha'", ago="10 min")
    local = plot(w, "local", "?range=1h")
    same((values(local, "read", "alpha"), values(local, "moved", "alpha")), ([65536], [4096]))
    count(w, "passes", 10, ago="10 min")
    count(w, "pass_us", 25000, ago="10 min")
    same(values(plot(w, "passes", "?range=1h"), "mean"), [0.0025])


@test
def what_is_no_plot_and_no_range_is_said(w):
    refused(w.s.get("/v1/insights/weather", token=w.tokens["submitter"]), 404, "not_found")
    refused(w.s.get("/v1/insights/jobs?range=2y", token=w.tokens["submitter"]), 400, "bad_input")
    refused(w.s.get("/v1/insights/jobs", token="reeve_nobody"), 401, "unauthorized")


@test
def a_site_has_a_place_on_the_map_and_may_lose_it(w):
    def place(value):
        return w.s.request("PATCH", "/v1/sites/alpha", {"place": value})

    same(place({"latitude": 52.23, "longitude": 21.01, "name": "Warsaw"}).json["place"], {"latitude": 52.23, "longitude": 21.01, "name": "Warsaw"})
    same(place({"latitude": -90, "longitude": 180}).json["place"], {"latitude": -90, "longitude": 180, "name": None})
    refused(place({"latitude": 91, "longitude": 0}), 422, "bad_input", "/place/latitude")
    refused(place({"latitude": 1}), 422, "bad_input", "/place/longitude")
    refused(place({"latitude": 1, "longitude": 1, "height": 3}), 422, "bad_input", "/place/height")
    same(w.s.ok("GET", "/v1/sites/alpha")["place"]["latitude"], -90)
    same(place(None).json["place"], None)


if __name__ == "__main__":
    sys.exit(main())
