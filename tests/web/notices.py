#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""notices.py WEBD [NAME...] - subscriptions and what they send: to the page, to a webhook and a mail server of the test's own. SQL plays
the engine."""
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import re
import socketserver
import sys
import threading

from harness import has, main, refused, same, test
from server import wait_until


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent; answers as it was told to."""
    got, answers = [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.answers.pop(0) if self.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.got.append((self.path, dict(self.headers), body))

    def log_message(self, *args):
        pass


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as takes a message."""
    got = []

    def handle(self):
        to, self.say = [], lambda line: self.wfile.write(line.encode() + b"\r\n")
        self.say("220 test")
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.say("354 go on")
                text = b""
                for line in self.rfile:
                    if line == b".\r\n":
                        break
                    text += line[1:] if line.startswith(b"..") else line
                self.got.append((to, email.message_from_bytes(text, policy=email.policy.default)))
            elif word == b"RCPT":
                to.append(re.search(rb"<(.*)>", line)[1].decode())
            self.say("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                return


def serve(server):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


HOOK = serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook))
MAIL = serve(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail))


def sue(w):
    return w.tokens["submitter"]


def text_of(message):
    return message.get_body(("plain",)).get_content()


def subscribe(w, token=None, **body):
    return w.s.ok("POST", "/v1/subscriptions", {"kinds": ["job.failed"], "way": "page", **body}, token=token or sue(w))


def remove_all(w, token):
    for s in w.s.ok("GET", "/v1/subscriptions", token=token)["items"]:
        same(w.s.request("DELETE", f"/v1/subscriptions/{s['id']}", token=token).status, 204)


def looked(w):
    wait_until("all was looked at", lambda: w.s.sql(
        "select 1 from settings where name = 'notices_seen' and value::bigint = coalesce((select max(seq) from events), 0)"))


def fresh(w):
    """Nobody hears of anything, and everything that happened was looked at."""
    for token in (sue(w), w.tokens["stranger"], w.s.token, w.tokens["viewer"]):
        remove_all(w, token)
    del Hook.got[:], Hook.answers[:], Mail.got[:]
    looked(w)


def end(w, job, state="failed"):
    """What the engine does when a job ends."""
    w.s.sql(f"update jobs set state = '{state}', finished_at = now() where id = {job}; delete from job_queue where job_id = {job};"
            f" insert into events (kind, job_id, text) values ('job.ended', {job}, 'job {job} {state}')")


def ended(w, token=None, state="failed", project="one", **body):
    job = w.s.submit(token or sue(w), project=project, **body)
    end(w, job, state)
    return job


def notices(w, token=None, more=""):
    return w.s.ok("GET", "/v1/notices?limit=10" + more, token=token or sue(w))


# ---- the page ------------------------------------------------------------------------------------------------------

@test
def everybody_begins_with_the_page_and_his_own_jobs(w):
    for token in (sue(w), w.s.token):
        one, = w.s.ok("GET", "/v1/subscriptions", token=token)["items"]
        same((one["way"], one["kinds"], one["mine"], one["target"], one["confirmed"]),
             ("page", ["job.succeeded", "job.failed"], True, None, True))
    wait_until("the first look", lambda: w.s.sql("select 1 from settings where name = 'notices_seen'"))
    job = ended(w, name="align")
    shown = wait_until("it is told", lambda: notices(w)["items"])
    same((shown[0]["sentence"], shown[0]["counts"], shown[0]["count"]), (f"align: job {job} failed", {"job.failed": 1}, 1))
    event, = shown[0]["events"]
    same((event["kind"], event["job"], event["job_name"], event["project"], event["site"]), ("job.failed", job, "align", "one", None))
    same(notices(w, w.s.token)["items"], [], "the admin's own jobs only")


@test
def what_happens_within_a_minute_is_one_notice_until_it_is_read(w):
    fresh(w)
    subscribe(w, kinds=["job.failed", "job.succeeded"])
    for state in ("failed", "succeeded", "succeeded"):
        ended(w, state=state)
    wait_until("three are told", lambda: [n["count"] for n in notices(w)["items"]] == [3])
    n = notices(w)
    same((n["items"][0]["sentence"], n["unread"]), ("1 job failed, 2 jobs succeeded", 1))
    same(w.s.ok("POST", "/v1/notices:read", {"up_to": n["items"][0]["id"]}, token=sue(w)), {"unread": 0})
    ended(w)
    wait_until("the next is another one", lambda: [x["count"] for x in notices(w)["items"]] == [1, 3])
    same([x["count"] for x in notices(w, more="&unread=true")["items"]], [1])


@test
def a_request_that_waits_hears_of_a_new_notice(w):
    fresh(w)
    subscribe(w)
    etag = w.s.get("/v1/notices", token=sue(w)).headers["ETag"]
    heard = []
    waiter = threading.Thread(target=lambda: heard.append(w.s.get("/v1/notices?wait=30", token=sue(w), headers={"If-None-Match": etag})))
    waiter.start()
    ended(w)
    waiter.join(40)
    same((heard[0].status, heard[0].json["unread"]), (200, 1))


@test
def of_thousands_the_first_hundred_are_listed_and_all_are_counted(w):
    fresh(w)
    subscribe(w)
    job = w.s.submit(sue(w), project="one")
    w.s.sql(f"update jobs set state = 'failed' where id = {job};"
            f" insert into events (kind, job_id, text) select 'job.ended', {job}, 'x' from generate_series(1, 2500)")
    wait_until("all are told", lambda: [n["count"] for n in notices(w)["items"]] == [2500])
    same((len(notices(w)["items"][0]["events"]), notices(w)["items"][0]["sentence"]), (100, "2500 jobs failed"))


@test
def filters_hold_and_nobody_hears_of_a_job_that_he_may_not_see(w):
    fresh(w)
    mine, other = w.s.submit(sue(w), project="one"), w.s.submit(w.s.token, project="one")
    hidden = w.s.submit(w.s.token, project="two")
    ways = {"mine": subscribe(w), "all": subscribe(w, mine=False), "project": subscribe(w, mine=False, project="one"),
            "job": subscribe(w, mine=False, job=other), "site": subscribe(w, kinds=["site.down"], site="alpha"),
            "other kind": subscribe(w, kinds=["job.succeeded"]), "admin": subscribe(w, w.s.token, mine=False)}
    paused = subscribe(w)["id"]
    w.s.ok("PATCH", f"/v1/subscriptions/{paused}", {"paused": True}, token=sue(w))
    for job in (mine, other, hidden):
        end(w, job)
    w.s.sql("insert into events (kind, site_id, text) select 'site.down', id, 'alpha is down' from sites where name = 'alpha'")
    looked(w)
    told = {}
    for n in notices(w)["items"] + notices(w, w.s.token)["items"]:
        told[n["subscription"]] = [e["job"] or e["text"] for e in n["events"]]
    want = {"mine": [mine], "all": [mine, other], "project": [mine, other], "job": [other], "site": ["alpha is down"],
            "admin": [mine, other, hidden]}
    same(told, {ways[name]["id"]: jobs for name, jobs in want.items()})


@test
def a_member_who_left_hears_no_more(w):
    fresh(w)
    subscribe(w, mine=False, project="one")
    w.s.sql("delete from project_members using users u where u.id = user_id and u.name = 'sue'")
    try:
        ended(w, w.s.token)
        looked(w)
        same(notices(w)["items"], [])
    finally:
        w.s.sql("insert into project_members (project_id, user_id) select p.id, u.id from projects p, users u"
                " where p.name = 'one' and u.name = 'sue'")
        # The server may remember for some seconds that she was none.
        job = {"command": ["true"], "project": "one"}
        wait_until("she is a member again", lambda: w.s.post("/v1/jobs?dry_run=true", job, token=sue(w)).status == 200)


# ---- webhooks ------------------------------------------------------------------------------------------------------

@test
def a_webhook_is_signed_and_tells_what_the_page_would(w):
    fresh(w)
    made = subscribe(w, way="webhook", target=f"http://127.0.0.1:{HOOK}/hook?x=1", kinds=["job.failed", "job.succeeded"])
    ended(w, name="a"), ended(w, name="b", state="succeeded")
    path, head, body = wait_until("it came", lambda: Hook.got and Hook.got[0])
    document = json.loads(body)
    same((path, document["sentence"], document["counts"], document["subscription"]),
         ("/hook?x=1", "1 job failed, 1 job succeeded", {"job.failed": 1, "job.succeeded": 1}, made["id"]))
    same(head["Reeve-Delivery"], str(document["id"]))
    when, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", head["Reeve-Signature"]).groups()
    same(mac, hmac.new(made["secret"].encode(), when.encode() + b"." + body, hashlib.sha256).hexdigest(), "signature")
    sent, = wait_until("it is marked", lambda: [d for d in w.s.ok("GET", f"/v1/subscriptions/{made['id']}/deliveries", token=sue(w))["items"]
                                                if d["state"] == "sent"])
    same((sent["count"], sent["tries"], sent["what"], sent["message"]), (2, 1, "events", None))
    assert w.s.ok("GET", "/v1/subscriptions", token=sue(w))["items"][0]["last_sent_at"]
    assert "secret" not in w.s.ok("GET", "/v1/subscriptions", token=sue(w))["items"][0]


def deliveries(w, subscription):
    return w.s.ok("GET", f"/v1/subscriptions/{subscription}/deliveries", token=sue(w))["items"]


@test
def a_delivery_that_failed_is_tried_again_as_the_same(w):
    fresh(w)
    made = subscribe(w, way="webhook", target=f"http://127.0.0.1:{HOOK}/again")
    Hook.answers[:] = [500, 302]
    ended(w)
    for tries, message in ((1, "it answered 500"), (2, "it answered 302")):
        wait_until("the try failed", lambda: [(d["tries"], d["message"], d["state"]) for d in deliveries(w, made["id"])] ==
                   [(tries, message, "waiting")])
        w.s.sql("update notices set due_at = now() where state = 'waiting'")
    wait_until("it is sent", lambda: [d["state"] for d in deliveries(w, made["id"])] == ["sent"])
    same([path for path, head, body in Hook.got], ["/again"] * 3, "no redirect is followed")
    same(len({head["Reeve-Delivery"] for path, head, body in Hook.got}), 1)


@test
def a_receiver_that_is_gone_pauses_the_subscription(w):
    fresh(w)
    made = subscribe(w, way="webhook", target=f"http://127.0.0.1:{HOOK}/gone")
    Hook.answers[:] = [410]
    ended(w)
    shown = wait_until("it is paused", lambda: [s for s in w.s.ok("GET", "/v1/subscriptions", token=sue(w))["items"] if s["paused_at"]])
    has(shown[0]["paused_why"], "410")
    shown = w.s.ok("PATCH", f"/v1/subscriptions/{made['id']}", {"paused": False}, token=sue(w))
    same((shown["paused_at"], shown["paused_why"]), (None, None))


@test
def after_five_that_were_given_up_it_is_paused(w):
    fresh(w)
    made = subscribe(w, way="webhook", target="http://127.0.0.1:1/none")
    w.s.sql(f"insert into notices (subscription_id, user_id, what, state, sentence, counts, events, due_at, tries)"
            f" select {made['id']}, user_id, 'test', 'waiting', 'x', '{{}}', '[]', now(), 7 from subscriptions,"
            f" generate_series(1, 5) where id = {made['id']}")
    shown = wait_until("it is paused", lambda: [s for s in w.s.ok("GET", "/v1/subscriptions", token=sue(w))["items"] if s["paused_at"]])
    has(shown[0]["paused_why"], "5 deliveries in a row could not be made")
    same({d["state"] for d in deliveries(w, made["id"])}, {"failed"})


@test
def what_is_not_public_and_not_allowed_is_not_called(w):
    fresh(w)
    for target, why in (("https://10.255.255.1/", "is not public"), ("https://[::1]/", "is not public"), ("http://192.0.2.1/", "http: is only sent"),
                        ("https://169.254.169.254/latest/meta-data", "is not public"), ("https://[64:ff9b::a9fe:a9fe]/", "is not public")):
        made = subscribe(w, way="webhook", target=target)
        w.s.ok("POST", f"/v1/subscriptions/{made['id']}/test", {}, token=sue(w))
        d = wait_until("it was refused", lambda: [d for d in deliveries(w, made["id"]) if d["message"]])
        has(d[0]["message"], why)


# ---- mail ----------------------------------------------------------------------------------------------------------

@test
def mail_comes_after_the_address_was_confirmed(w):
    fresh(w)
    made = subscribe(w, way="mail", target="ann@example.org", name="Fehler, größere")
    same(made["confirmed"], False)
    to, message = wait_until("the code came", lambda: Mail.got and Mail.got.pop())
    same((to, message["Subject"], message["From"], message["Auto-Submitted"]),
         (["ann@example.org"], "[Reeve] confirm this address", "Reeve <reeve@example.org>", "auto-generated"))
    code = re.search(r"^    (\S+)\s*$", text_of(message), re.M)[1]
    refused(w.s.post(f"/v1/subscriptions/{made['id']}/test", token=sue(w)), 409, "conflict")
    refused(w.s.post(f"/v1/subscriptions/{made['id']}/confirm", {"code": "wrong"}, token=sue(w)), 422, "bad_input", "/code")
    same(w.s.ok("POST", f"/v1/subscriptions/{made['id']}/confirm", {"code": code}, token=sue(w))["confirmed"], True)
    same(w.s.sql(f"select count(*) from notices where sentence like '%{code}%'"), [["0"]], "the code is not kept")
    job = ended(w, name="größte\u202e Länge")
    wait_until("it is to be sent", lambda: w.s.sql("select 1 from notices where what = 'events' and state = 'waiting'"))
    w.s.sql("update notices set due_at = now() where state = 'waiting' and what = 'events'")
    to, message = wait_until("it came", lambda: Mail.got and Mail.got.pop())
    has(message["Subject"], "[Reeve] größte")
    text = text_of(message)
    has(text, "größte")
    has(text, f"/jobs/{job}")
    has(text, '"Fehler, größere"')


@test
def an_address_cannot_smuggle_headers_or_others_in(w):
    for target in ("ann@example.org\r\nBcc: x@y.z", "<ann@example.org>", "a b@example.org", "ann@example.org,bob@example.org", "ann", "@x", "ann@",
                   "a" * 65 + "@example.org"):
        refused(w.s.post("/v1/subscriptions", {"way": "mail", "target": target, "kinds": ["job.failed"]}, token=sue(w)), 422, "bad_input", "/target")


@test
def codes_are_not_mailed_without_end(w):
    fresh(w)
    w.s.sql("delete from notices where what = 'code'")
    for i in range(10):
        made = subscribe(w, way="mail", target=f"a{i}@example.org")
        same(w.s.request("DELETE", f"/v1/subscriptions/{made['id']}", token=sue(w)).status, 204)
    refused(w.s.post("/v1/subscriptions", {"way": "mail", "target": "b@example.org", "kinds": ["job.failed"]}, token=sue(w)), 429, "limit")


# ---- rules ---------------------------------------------------------------------------------------------------------

@test
def everything_wrong_with_a_subscription_is_told_at_once(w):
    refused(w.s.post("/v1/subscriptions", {"way": "webhook", "target": "ftp://x/", "kinds": ["job.failed", "job.exploded"], "project": "two",
                                           "site": "nowhere", "job": 999999}, token=sue(w)),
            422, "bad_input", "/target", "/kinds/1", "/project", "/site", "/job")
    refused(w.s.post("/v1/subscriptions", {"way": "pigeon", "kinds": ["job.failed"]}, token=sue(w)), 422, "bad_input", "/way")
    refused(w.s.post("/v1/subscriptions", {"way": "page", "target": "x", "kinds": ["job.failed"]}, token=sue(w)), 422, "bad_input", "/target")
    refused(w.s.post("/v1/subscriptions", {"way": "webhook", "kinds": ["job.failed"]}, token=sue(w)), 422, "bad_input", "/target")
    refused(w.s.post("/v1/subscriptions", {"way": "webhook", "target": "https://u:p@x/", "kinds": ["job.held"]}, token=sue(w)), 422, "bad_input", "/target")
    refused(w.s.post("/v1/subscriptions", {"way": "page", "kinds": []}, token=sue(w)), 422, "bad_input", "/kinds")


@test
def subscriptions_and_notices_are_ones_own(w):
    fresh(w)
    made = subscribe(w)["id"]
    for method, path, body in (("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/test", {}), ("GET", "/deliveries", None),
                               ("POST", "/confirm", {"code": "x"})):
        refused(w.s.request(method, f"/v1/subscriptions/{made}{path}", body, token=w.s.token), 404, "not_found")
    same(w.s.ok("PATCH", f"/v1/subscriptions/{made}", {"name": "x", "project": "one", "kinds": ["job.held"]}, token=sue(w))["project"], "one")
    shown = w.s.ok("PATCH", f"/v1/subscriptions/{made}", {"project": None}, token=sue(w))
    same((shown["project"], shown["name"], shown["kinds"]), (None, "x", ["job.held"]))


@test
def tests_and_subscriptions_have_a_limit(w):
    fresh(w)
    made = subscribe(w)["id"]
    w.s.sql("delete from notices where what = 'test'")
    for _ in range(10):
        same(w.s.post(f"/v1/subscriptions/{made}/test", token=sue(w)).status, 202)
    refused(w.s.post(f"/v1/subscriptions/{made}/test", token=sue(w)), 429, "limit")
    w.s.sql("insert into subscriptions (user_id, name, way, kinds, mine) select id, 'x', 'page', '{job.failed}', true from users,"
            " generate_series(1, 99) where name = 'sue'")
    refused(w.s.post("/v1/subscriptions", {"way": "page", "kinds": ["job.failed"]}, token=sue(w)), 429, "limit")


if __name__ == "__main__":
    sys.exit(main("0", "-", "0", f"smtp://127.0.0.1:{MAIL}", "127.0.0.0/8"))
