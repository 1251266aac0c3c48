#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""figures.py WEBD [NAME...] - /metrics by the rules of Prometheus' text format, /healthz and /readyz."""
import math
import re
import sys

from harness import WEBD, has, main, refused, same, test
from server import Server

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"^({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (\S+)$")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


def family_of(name, types):
    """The metric that a sample belongs to."""
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix) and types.get(name[:-len(suffix)]) == "histogram":
            return name[:-len(suffix)]
    return name


def check_histograms(samples, types):
    for name in (n for n, kind in types.items() if kind == "histogram"):
        buckets = [(float(re.search('le="([^"]*)"', labels)[1].replace("+Inf", "inf")), value)
                   for n, labels, value in samples if n == name + "_bucket"]
        assert buckets == sorted(buckets), name
        same([v for _, v in buckets], sorted(v for _, v in buckets), name)
        same(buckets[-1][0], math.inf, name)
        count = [value for n, _, value in samples if n == name + "_count"]
        same(count, [buckets[-1][1]], name)
        same(len([n for n, _, _ in samples if n == name + "_sum"]), 1, name)


def check(text):
    """Samples, once every line is as the format wants it."""
    assert text.endswith("\n")
    types, helped, samples, closed, at = {}, set(), [], set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            assert name not in helped and words.endswith("."), line
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert kind in TYPES and name not in types and name in helped, line
            assert (kind == "counter") == name.endswith("_total"), line
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, line
            family = family_of(match[1], types)
            assert family in types and family.startswith("reeve_"), line
            if family != at:
                assert family not in closed, f"{family} stands in two places"
                closed.add(family)
                at = family
            assert math.isfinite(float(match[3])), line
            samples.append((match[1], match[2] or "", float(match[3])))
    keys = [(n, labels) for n, labels, _ in samples]
    same(len(keys), len(set(keys)), "series that stand twice")
    check_histograms(samples, types)
    return samples


@test
def the_figures_are_in_the_text_format(w):
    w.s.sql("update workers set hostname = 'x'; update hosts set address = e'a\\\\\"b\\nc' where id = (select min(id) from hosts)")
    reply = w.s.get("/metrics")
    has(reply.headers["Content-Type"], "version=0.0.4")
    samples = check(reply.body.decode())
    names = {n for n, _, _ in samples}
    for name in ("reeve_tasks_ended_total", "reeve_jobs", "reeve_tasks", "reeve_jobs_waiting", "reeve_engine_alive", "reeve_engine_epoch",
                 "reeve_engine_pass_seconds", "reeve_engine_last_pass_timestamp_seconds", "reeve_worker_up", "reeve_worker_cpus",
                 "reeve_http_waiting", "reeve_http_streams", "reeve_http_requests_total", "reeve_http_request_seconds_bucket"):
        has(names, name)


@test
def figures_follow_what_happens(w):
    w.s.sql("update totals set value = 41 where name = 'tasks_failed'; update totals set value = 2500 where name = 'pass_us';"
            " update job_queue set wait = 'busy'")
    values = {(n, labels): v for n, labels, v in check(w.s.get("/metrics").body.decode())}
    same(values["reeve_tasks_ended_total", 'how="failed"'], 41)
    same(values["reeve_engine_pass_seconds", ""], 0.0025)
    same(values["reeve_jobs_waiting", 'reason="busy"'], 1)


@test
def alive_is_not_ready(w):
    same(w.s.get("/healthz", token=None).body, b"ok\n")
    reply = w.s.get("/readyz", token=None)
    refused(reply, 503, "unavailable")
    same(reply.headers["Retry-After"], "1")
    w.s.sql("update leader set holder = 'somebody', epoch = 1, lease_until = now() + interval '1 hour'")
    same((w.s.get("/readyz", token=None).status, w.s.get("/readyz", token=None).body), (200, b"ready\n"))
    w.s.sql("update leader set lease_until = now() - interval '1 second'")
    refused(w.s.get("/readyz", token=None), 503, "unavailable")


@test
def without_its_database_it_is_alive_and_not_ready(_w):
    s = Server(WEBD)
    s.admin_sql(f"alter database {s.database} allow_connections false")
    s.admin_sql(f"do $$ begin perform pg_terminate_backend(pid) from pg_stat_activity where datname = '{s.database}'; end $$")
    same(s.get("/healthz", token=None).status, 200)
    refused(s.get("/readyz", token=None), 503, "unavailable")
    same(s.stop(), 0)


if __name__ == "__main__":
    sys.exit(main())
