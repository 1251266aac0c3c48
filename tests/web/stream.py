#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stream.py WEBD [NAME...] - the live stream from outside. SQL plays the engine: it changes rows and says so."""
import resource
import select
import sys
import time

from harness import WEBD, has, main, refused, same, test
from server import DEADLINE, Server, wait_until
from sse import Stream


def engine(s, sql):
    """What a pass of the engine does: commit, then one word."""
    s.sql(f"{sql}; notify reeve_web")


def event(s, job, text):
    engine(s, f"insert into events (kind, job_id, text) values ('job.test', {job or 'null'}, '{text}')")


def happened(text):
    return lambda kind, data: kind == "happened" and data["text"] == text


def opened(w, topics, who="admin", **more):
    stream = Stream(w.s.port, w.tokens[who], topics, **more)
    stream.ready()
    same(stream.status, 200)
    return stream


@test
def a_stream_tells_that_it_is_ready_and_forbids_buffering(w):
    stream = Stream(w.s.port, w.tokens["submitter"], "overview,jobs,events")
    _event, data, number = stream.ready()
    same(data["topics"], ["overview", "jobs", "events"])
    same(data["seq"], number)
    for line in ("content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"):
        has(stream.head, line)
    stream.close()


@test
def what_is_wrong_with_the_topics_is_said(w):
    get = w.s.get
    refused(get("/v1/stream"), 400, "bad_input", "?topics")
    refused(get("/v1/stream?topics="), 400, "bad_input", "?topics")
    refused(get("/v1/stream?topics=nothing"), 400, "bad_input", "?topics")
    refused(get("/v1/stream?topics=jobs,jobs"), 400, "bad_input", "?topics")
    refused(get("/v1/stream?topics=job:x"), 400, "bad_input", "?topics")
    refused(get("/v1/stream?topics=" + ",".join(f"job:{i}" for i in range(1, 103))), 400, "bad_input", "?topics")
    refused(get("/v1/stream?topics=job:999999"), 404, "not_found")
    refused(get(f"/v1/stream?topics=job:{w.job}", token=w.tokens["stranger"]), 404, "not_found")
    same(w.s.request("HEAD", "/v1/stream?topics=jobs").status, 405)


@test
def a_change_of_a_job_is_told_to_those_who_watch_it(w):
    other = w.s.submit(project="two")
    mine, theirs = opened(w, f"job:{w.job}"), opened(w, f"job:{other}")
    for stream, job in ((mine, w.job), (theirs, other)):
        stream.change(f"job:{job}")  # once at the start: it may have changed since it was fetched
    engine(w.s, f"update job_queue set priority = priority + 1 where job_id = {w.job}")
    mine.change(f"job:{w.job}")
    same(theirs.silent(1), [])
    engine(w.s, f"insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state, placed_at, task_failures,"
                f" site_failures) select {w.job}, 1, 1, 0, site_id, id, 'running', now(), 0, 0 from workers limit 1")
    mine.change(f"job:{w.job}")
    engine(w.s, f"delete from attempts_live where job_id = {w.job}")
    mine.change(f"job:{w.job}")
    mine.close()
    theirs.close()


@test
def who_watches_a_job_hears_of_it_when_it_is_named_and_who_watches_another_does_not(w):
    other = w.s.submit(project="two")
    mine, theirs = opened(w, f"job:{w.job}"), opened(w, f"job:{other}")
    for stream, job in ((mine, w.job), (theirs, other)):
        stream.change(f"job:{job}")  # once at the start
    w.s.sql(f"select pg_notify('reeve_web', '999999,{w.job}')")
    mine.change(f"job:{w.job}")
    w.s.sql("select pg_notify('reeve_web', '-')")
    same((mine.silent(1), theirs.silent(1)), ([], []))
    # What a person changes is named, too.
    w.s.ok("POST", f"/v1/jobs/{other}/hold", {})
    theirs.change(f"job:{other}")
    same(mine.silent(1), [])
    mine.close()
    theirs.close()


@test
def a_submission_is_told_on_jobs_and_overview(w):
    stream = opened(w, "jobs,overview")
    engine(w.s, f"update job_queue set taken = true where job_id = {w.s.submit()}")
    stream.change("jobs")
    stream.change("overview")
    stream.close()


@test
def events_come_whole_and_only_to_those_who_may_see_their_job(w):
    sue, tom = opened(w, "events", "submitter"), opened(w, "events", "stranger")
    event(w.s, w.job, "for one")
    event(w.s, None, "for all")
    row = sue.until("event", happened("for one"))[1]
    same((row["job"], row["kind"], row["task"], row["site"]), (w.job, "job.test", None, None))
    shown = w.s.ok("GET", "/v1/events?limit=2")["items"]
    has(shown, row)
    sue.until("event", happened("for all"))
    tom.until("event", happened("for all"))
    same([f for f in tom.frames if f[0] == "happened"], [])
    sue.close()
    tom.close()


@test
def one_that_comes_back_hears_what_it_missed(w):
    stream = opened(w, f"events,job:{w.job}")
    stream.change(f"job:{w.job}")
    event(w.s, w.job, "before")
    last = stream.until("event", happened("before"))[2]
    stream.close()
    event(w.s, w.job, "missed")
    engine(w.s, f"update job_queue set priority = priority + 1 where job_id = {w.job}")
    again = Stream(w.s.port, w.tokens["admin"], f"events,job:{w.job}", last_id=last)
    again.until("event or reset", lambda kind, data: kind == "reset" or happened("missed")(kind, data))
    again.close()
    # Where nobody listened for a moment, it is told to fetch everything anew instead.
    again = Stream(w.s.port, w.tokens["admin"], f"events,job:{w.job}", last_id=last)
    again.until("change or reset", lambda kind, data: kind == "reset" or kind == "change" and data["topic"] == f"job:{w.job}")
    again.close()


@test
def an_id_that_is_not_known_resets(w):
    for last in (1, 1 << 62, "nonsense"):
        stream = Stream(w.s.port, w.tokens["admin"], "events", last_id=last)
        stream.until("reset", lambda kind, _data: kind == "reset")
        stream.ready()
        stream.close()
    stream = opened(w, "events")
    event(w.s, None, "mark")
    last = stream.until("event", happened("mark"))[2]
    w.s.sql("insert into events (kind, text) select 'test', 'flood' from generate_series(1, 6000); notify reeve_web")
    event(w.s, None, "after the flood")
    stream.until("reset", lambda kind, _data: kind == "reset")
    stream.close()
    stream = Stream(w.s.port, w.tokens["admin"], "events", last_id=last)
    stream.until("reset", lambda kind, _data: kind == "reset")
    stream.close()


@test
def a_topic_that_changes_all_the_time_is_told_a_few_times_a_second(w):
    stream = opened(w, f"job:{w.job},overview")
    stream.silent(1.5)
    stream.frames.clear()
    began = time.monotonic()
    while time.monotonic() - began < 3:
        engine(w.s, f"update job_queue set priority = priority + 1 where job_id = {w.job}")
        stream.read(0)
    took = time.monotonic() - began
    for topic, most in ((f"job:{w.job}", 4 * took + 2), ("overview", took + 2)):
        told = sum(f[0] == "change" and f[1]["topic"] == topic for f in stream.frames)
        assert 1 <= told <= most, (topic, told, took)
    ids = [f[2] for f in stream.frames]
    same(ids, sorted(ids))
    stream.close()


@test
def a_stream_ends_when_its_token_is_revoked_and_beats_until_then(w):
    mine = w.s.ok("POST", "/v1/tokens", {"name": "brief"}, token=w.tokens["submitter"])
    stream = Stream(w.s.port, mine["token"], "jobs")
    stream.ready()
    stream.until("heartbeat", lambda kind, _data: kind == "comment")
    same(w.s.request("DELETE", f"/v1/tokens/{mine['id']}", token=w.tokens["submitter"]).status, 204)
    wait_until("it ends", lambda: stream.read(1) or stream.ended, 60)
    stream.close()


@test
def one_user_may_have_so_many_streams_and_a_closed_one_makes_room(w):
    streams = [opened(w, "jobs", "viewer", source="127.0.0.2") for _ in range(64)]
    refused(w.s.get("/v1/stream?topics=jobs", token=w.tokens["viewer"]), 429, "limit")
    opened(w, "jobs", "submitter").close()
    for stream in streams:
        stream.close()
    # Those that left are noticed by the next word to them.
    def room():
        engine(w.s, "select 1")
        reply = Stream(w.s.port, w.tokens["viewer"], "jobs")
        while reply.status is None:
            reply.read(1)
        reply.close()
        return reply.status == 200
    wait_until("there is room again", room)


@test
def hundreds_of_streams_hear_of_a_change_and_the_server_ends_in_time(_w):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    s = Server(WEBD)
    tokens = [s.user(f"user{i}", "viewer", "default") for i in range(8)]
    job = s.submit()
    streams = [Stream(s.port, tokens[i % 8], f"jobs,events,job:{job}", source=f"127.0.0.{2 + i % 3}") for i in range(400)]
    for stream in streams:
        stream.ready()
    began = time.monotonic()
    event(s, job, "to all")
    open_ones = {stream.socket: stream for stream in streams}
    slowest = 0
    while open_ones and time.monotonic() - began < DEADLINE:
        for ready in select.select(list(open_ones), [], [], 1)[0]:
            stream = open_ones[ready]
            stream.read(0)
            if any(happened("to all")(*f[:2]) for f in stream.frames):
                slowest = time.monotonic() - began
                del open_ones[ready]
    same(len(open_ones), 0)
    print(f"# 400 streams heard of it in {slowest * 1000:.0f} ms")
    has(s.get("/metrics").body.decode(), "reeve_http_streams 400")
    same(s.get("/v1/me").status, 200)
    began = time.monotonic()
    same(s.stop(), 0)
    print(f"# the server ended in {(time.monotonic() - began) * 1000:.0f} ms")
    for stream in streams:
        wait_until("it ends", lambda: stream.read(1) or stream.ended)
        stream.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


if __name__ == "__main__":
    sys.exit(main())
