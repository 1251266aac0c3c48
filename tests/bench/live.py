# SPDX-License-Identifier: Apache-2.0
"""live.py: how long until a person sees what happened: a real Chromium that shows the list of jobs, while the engine is kept busy by hollow
workers, 200 clients poll, and STREAMS (1,000 with the page's own) streams listen. `name value unit` lines. Run as an ordinary user.

EVENTS jobs, which the page shows, are released one after the other; from the commit of a job's end to the frame that shows it is
event_to_pixel. live_pass_ratio: the engine's pass beside all of them over alone. page_*: the page after LIVE seconds of this.
"""
import json
import os
import random
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True

from api import Pollers  # noqa: E402
from bench import Bench, become_ordinary, note, say, wait_until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
STREAMS = int(os.environ.get("STREAMS", 1000))
EVENTS = int(os.environ.get("EVENTS", 40))
LIVE = int(os.environ.get("LIVE", 120))
POLL = int(os.environ.get("POLL", 20000))
OF_USER = 60   # streams: fewer than one user may have
PASSES = int(os.environ.get("PASSES", 60))  # looks at the time of the engine's last pass


class Streams:
    """Listeners that read and forget."""

    def __init__(self, bench, n, topics):
        self.selector, self.over, self.frames = selectors.DefaultSelector(), False, 0
        self.sockets = []
        for first in range(0, n, OF_USER):
            user = f"listener{first}"
            bench.ask("POST", "/v1/users", {"name": user, "role": "submitter", "projects": ["default"]})
            token = bench.ask("POST", "/v1/tokens", {"name": "live", "user": user})["token"]
            for _ in range(min(OF_USER, n - first)):
                self.open(bench.grid.port, token, topics)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def open(self, port, token, topics):
        s = socket.create_connection(("127.0.0.1", port), 60)
        s.sendall(f"GET /v1/stream?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = s.recv(65536)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"no stream: {head[:200]!r}")
        s.setblocking(False)
        self.sockets.append(s)
        self.selector.register(s, selectors.EVENT_READ)

    def read(self):
        while not self.over:
            for key, _events in self.selector.select(0.5):
                got = key.fileobj.recv(65536)
                if not got:
                    self.selector.unregister(key.fileobj)
                self.frames += got.count(b"\n\n")

    def stop(self):
        self.over = True
        self.thread.join()
        for s in self.sockets:
            s.close()


class Busy:
    """Arrays of tiny tasks, one after the other."""

    def __init__(self, bench):
        self.bench, self.over, self.rates = bench, False, []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            self.rates.append(self.bench.array(50000))

    def stop(self):
        self.over = True
        self.thread.join()


class Page:
    """The browser, and what it tells."""

    def __init__(self, bench):
        self.painted, self.answers = {}, []
        self.process = subprocess.Popen(["node", os.path.join(HERE, "live_page.mjs"), bench.grid.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        first = self.ask("#" + bench.ask("POST", "/v1/login-links", {})["url"].split("#")[1], 180)
        say("page_first_content", first["first_ms"], "ms")

    def read(self):
        for line in self.process.stdout:
            what = json.loads(line)
            if "job" in what:
                self.painted[what["job"]] = what["at"]
            else:
                self.answers.append(what)

    def ask(self, words, seconds=60):
        before = len(self.answers)
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return wait_until(lambda: len(self.answers) > before and self.answers[before], seconds, f"the browser answers {words[:20]}")

    def stop(self):
        self.process.communicate("", 60)


def passes(bench):
    """The engine's last pass, many times, in ms."""
    found = []
    for _ in range(PASSES):
        found.append(int(bench.sql("select value from totals where name = 'pass_us'")) / 1000)
        time.sleep(0.1)
    return statistics.median(found)


def events(bench, page, jobs):
    """Release them one after the other; how long until each was seen to have ended."""
    page.ask("watch " + " ".join(map(str, jobs)))
    for job in jobs:
        bench.ask("POST", f"/v1/jobs/{job}/release", {})
        wait_until(lambda: bench.sql(f"select 1 from jobs where id = {job} and finished_at is not null"), 60, f"job {job} ended")
        try:
            wait_until(lambda: job in page.painted, 60, f"the page shows that job {job} ended")
        except TimeoutError:
            note(page.ask(f"row {job}")["text"])
            raise
        time.sleep(random.uniform(0.05, 0.7))
    rows = bench.sql(f"select id, extract(epoch from finished_at) * 1000 from jobs where id = any(array{jobs})").splitlines()
    ended = {int(line.split("|")[0]): float(line.split("|")[1]) for line in rows}
    took = sorted(page.painted[job] - ended[job] for job in jobs)
    say("event_to_pixel_p50", took[len(took) // 2], "ms")
    say("event_to_pixel_p95", took[int(len(took) * 0.95)], "ms")
    say("event_to_pixel_worst", took[-1], "ms")


def remember(page, seconds):
    """What the page holds, now and after a while of live updates."""
    before, began = page.ask("memory"), time.monotonic()
    time.sleep(seconds)
    after = page.ask("memory")
    say("page_live", time.monotonic() - began, "s")
    say("page_updates", after["updates"] - before["updates"], "answers")
    say("page_heap_before", before["heap"] / 1e6, "MB")
    say("page_heap", after["heap"] / 1e6, "MB")
    say("page_memory", after["renderer"] / 1e6, "MB")


def live():
    # Behind a proxy that is trusted one address may have any number of connections.
    bench, parts = Bench(hollow=True, request_rate=0, connections=4000, trusted_proxies="127.0.0.1"), []
    try:
        bench.ask("POST", "/v1/sites", {"name": "nowhere", "hosts": [{"address": "127.0.0.1", "port": 9}], "accounts": [{"user": "nobody"}]})
        polled = bench.ask("POST", "/v1/jobs:bulk", {"jobs": [{"command": ["/bin/true"], "sites": ["nowhere"]}] * POLL})
        shown = bench.ask("POST", "/v1/jobs:bulk", {"jobs": [{"name": "shown", "command": ["/bin/true"], "hold": True, "priority": 100}] * EVENTS})
        jobs = list(range(shown["first_id"], shown["last_id"] + 1))
        wait_until(lambda: bench.sql("select count(*) from job_queue where not taken") == "0", 300, "the engine has taken the jobs up")
        note("alone")
        other = Bench.__new__(Bench)  # a connection of its own: one of them is for one thread
        other.__dict__.update(bench.__dict__, connection=type(bench.connection)(bench.grid.url.split("//")[1], timeout=120))
        busy = Busy(other)
        parts.append(busy)
        time.sleep(2)
        alone = passes(bench)
        note("with pollers, streams and the page")
        parts.append(Pollers(bench, polled["first_id"], polled["last_id"]))
        topics = "jobs,overview," + ",".join(f"job:{j}" for j in jobs[-40:])
        parts.append(Streams(bench, STREAMS - 1, topics))
        say("live_streams", len(parts[-1].sockets), "streams")
        page = Page(bench)
        parts.append(page)
        time.sleep(2)
        beside = passes(bench)
        say("live_pass_alone", alone, "ms")
        say("live_pass_beside", beside, "ms")
        say("live_pass_ratio", beside / alone, "ratio")
        # The rows that the page listens to are the newest live ones.
        events(bench, page, jobs[::-1][:EVENTS])
        remember(page, LIVE)
    finally:
        for part in reversed(parts):
            found = part.stop()
            if isinstance(found, dict):
                say("live_poll_rate", found["requests_per_s"], "requests/s")
        bench.end()


become_ordinary()
live()
