# SPDX-License-Identifier: Apache-2.0
"""Notices, from a job that failed to a webhook of the test's own and to the command line."""
import http.server
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, wait_until  # noqa: E402

suite = Suite()


class Hook(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def setup(grid):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    grid.hook = f"http://127.0.0.1:{server.server_address[1]}/"
    grid.start()
    grid.add_site("alpha", 2)


def has(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


@suite.test
def a_job_that_failed(grid):
    """a job that failed is told to a webhook and by the command line, once"""
    made = grid.run("subscription", "add", grid.hook, "--on", "job.failed", "--name", "chat")
    if len(made.stdout.strip()) != 43:
        raise AssertionError(f"the key is shown: {made.stdout!r}")
    job = grid.run_job(name="align", command=["false"], retry={"max": 0})["id"]
    grid.run_job(name="fine", command=["true"])
    wait_until(lambda: Hook.got, 30, "the webhook heard of it")
    has(Hook.got[0]["sentence"], f"align: job {job} failed")
    wait_until(lambda: grid.get("/v1/notices")["items"], 30, "the page shows it")
    wait_until(lambda: grid.get("/v1/notices")["items"][0]["count"] == 2, 30, "and the one that succeeded")
    has(grid.run("notices").stdout, "1 job failed, 1 job succeeded")
    again = grid.run("notices")
    has(again.stderr, "nothing new")
    has(grid.run("notices", "--all").stdout, "1 job failed")


@suite.test
def subscriptions(grid):
    """subscriptions are listed, tested, paused and removed at the command line"""
    one = next(s for s in json.loads(grid.run("subscription", "list", "-o", "json").stdout)["items"] if s["name"] == "chat")
    number = str(one["id"])
    has(grid.run("subscription", "list").stdout, "my jobs")
    before = len(Hook.got)
    grid.run("subscription", "test", number)
    wait_until(lambda: len(Hook.got) > before, 30, "the test came")
    wait_until(lambda: grid.run("subscription", "sent", number).stdout.count("sent") == 2, 30, "both are marked as sent")
    grid.run("subscription", "pause", number)
    has(grid.run("subscription", "list").stdout, "paused by its owner")
    grid.run("subscription", "resume", number)
    grid.run("subscription", "remove", number)
    gone = grid.run("subscription", "remove", number, check=False)
    if gone.returncode != 3:
        raise AssertionError(f"it is gone: {gone}")
    refused = grid.run("subscription", "add", "ann@example.org", check=False)
    has(refused.stderr, "sends no mail")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:], notice_networks="127.0.0.0/8") else 0)
