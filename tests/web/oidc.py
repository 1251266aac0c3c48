#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""oidc.py WEBD [NAME...] - signing in at a real OpenID provider: what is believed, who comes in as whom, and what is refused."""
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

from harness import World, has, main, refused, same, test

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECRET = "a secret: with %odd& marks"
GROUPS = "physics = project one submitter; chiefs = project one admin; cn=ops,dc=example = role admin"


class Provider:
    def __init__(self):
        self.process = subprocess.Popen([os.path.join(TOP, "tests/oidc/run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "the provider did not start"
        self.issuer = json.loads(line)["issuer"]
        self.redirect = None

    def tell(self, **what):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.issuer).netloc, timeout=60)
        connection.request("POST", "/_test", json.dumps(what))
        assert connection.getresponse().read() == b"{}"
        connection.close()

    def begin(self, w, **options):
        self.redirect = f"http://127.0.0.1:{w.s.port}/v1/oidc/callback"
        self.tell(start={"redirects": [self.redirect], **options}, lie=None, down=False, deny=False)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


provider = None


class Browser:
    """Cookies and navigation; it follows the provider's redirects, not ours. Each comes from an address of its own."""
    count = 0

    def __init__(self, w):
        self.w, self.cookies = w, {}
        Browser.count += 1
        self.address = f"10.0.{Browser.count // 256}.{Browser.count % 256}"

    def cookie(self):
        return {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}

    def ours(self, method, path, body=None, **more):
        reply = self.w.s.request(method, path, body, token=None, headers={**self.cookie(), "X-Forwarded-For": self.address, **more})
        for line in reply.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return reply

    def at_provider(self, url):
        """Where the provider sends us back to."""
        jar = {}
        for _turn in range(10):
            where = urllib.parse.urlsplit(url)
            connection = http.client.HTTPConnection(where.netloc, timeout=60)
            connection.request("GET", f"{where.path}?{where.query}", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())} if jar else {})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            for line in answer.headers.get_all("Set-Cookie") or []:
                name, value = line.split(";")[0].split("=", 1)
                jar[name] = value
            assert answer.status in (302, 303), (answer.status, body[:500])
            url = urllib.parse.urljoin(url, answer.headers["Location"])
            if url.startswith(provider.redirect):
                return url
        raise AssertionError("the provider leads nowhere")

    def begin(self, then="/jobs"):
        reply = self.ours("GET", "/v1/oidc/start?then=" + urllib.parse.quote(then, safe=""))
        same(reply.status, 303, reply.body)
        return reply.headers["Location"]

    def back(self, url, **changes):
        """Come back, with parameters changed (None: left out)."""
        where = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(where.query))
        query.update(changes)
        return self.ours("GET", where.path + "?" + urllib.parse.urlencode({k: v for k, v in query.items() if v is not None}))

    def sign_in(self, person, then="/jobs", **changes):
        provider.tell(**{"as": person})
        return self.back(self.at_provider(self.begin(then)), **changes)

    def me(self):
        return self.ours("GET", "/v1/me")


def is_in(browser, reply, name, then="/jobs"):
    same((reply.status, reply.headers["Location"]), (303, then), urllib.parse.unquote(reply.headers["Location"]))
    me = browser.me()
    same((me.status, me.json["name"]), (200, name))
    return me.json


def is_out(browser, reply, sentence, where="/#login="):
    same(reply.status, 303)
    assert reply.headers["Location"].startswith(where), reply.headers["Location"]
    has(urllib.parse.unquote(reply.headers["Location"]), sentence)
    assert re.fullmatch(r"[A-Za-z0-9/#=%._~-]*", reply.headers["Location"]), reply.headers["Location"]
    same(browser.me().status, 401)


def person(name, groups=None, **more):
    return {name: {"preferred_username": name, **({"groups": groups} if groups is not None else {}), **more}}


@test
def the_way_there_asks_for_a_code_with_proof_state_and_nonce_bound_to_this_browser(w):
    provider.begin(w)
    b = Browser(w)
    same(w.s.ok("GET", "/v1/login", token=None)["oidc"], {"label": "Sign in with the institute", "url": "/v1/oidc/start"})
    reply = b.ours("GET", "/v1/oidc/start?then=%2Fjobs")
    cookie = reply.headers["Set-Cookie"]
    for part in ("reeve-oidc=", "HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"):
        has(cookie, part)
    where = urllib.parse.urlsplit(reply.headers["Location"])
    query = dict(urllib.parse.parse_qsl(where.query))
    same(f"{where.scheme}://{where.netloc}", provider.issuer)
    same((query["response_type"], query["client_id"], query["redirect_uri"], query["scope"], query["code_challenge_method"]),
         ("code", "reeve", provider.redirect, "openid profile groups", "S256"))
    same([len(query[k]) for k in ("state", "nonce", "code_challenge")], [43, 43, 43])
    assert query["state"] not in cookie and query["nonce"] not in cookie


@test
def whoever_the_provider_lets_in_becomes_a_user_and_comes_back_as_the_same_one(w):
    provider.tell(people={**person("ann"), **person("eve", email="eve@example.org")})
    b = Browser(w)
    me = is_in(b, b.sign_in("ann", "/jobs?state=failed"), "ann", "/jobs?state=failed")
    same((me["role"], me["projects"], me["by"], me["has_password"]), ("submitter", [], "session", False))
    assert "reeve-oidc" not in b.cookies, "the cookie of the way stays"
    # The name there may change; who it is does not.
    provider.tell(people=person("ann", preferred_username="annette"))
    again = Browser(w)
    is_in(again, again.sign_in("ann"), "ann")
    items = again.ours("GET", "/v1/me/identities").json["items"]
    same([(i["issuer"], i["subject"]) for i in items], [(provider.issuer, "ann")])
    assert items[0]["used_at"]
    actions = [(a["actor"], a["detail"]) for a in w.s.ok("GET", "/v1/audit?actor=ann")["items"]]
    assert ("ann", "user made") in actions and ("ann", "by single sign-on") in actions, actions


@test
def a_login_name_is_never_taken_over(w):
    provider.tell(people=person("somebody", preferred_username="sue"))
    b = Browser(w)
    is_out(b, b.sign_in("somebody"), 'there is an account "sue" already')
    provider.tell(people=person("somebody", preferred_username="../../etc"))
    is_out(b, b.sign_in("somebody"), "is none: letters, digits")
    provider.tell(people=person("somebody", preferred_username="New.One@example.org"))
    is_in(b, b.sign_in("somebody"), "new.one")


@test
def only_paths_of_ours_are_come_back_to(w):
    provider.tell(people=person("ann"))
    for then in ("//evil.example", "https://evil.example/", "/\\evil.example", "jobs", "/a\tb", "/jobs#x", "/" + "a" * 1001, ""):
        b = Browser(w)
        is_in(b, b.sign_in("ann", then), "ann", "/")


@test
def what_does_not_belong_together_is_refused_and_nothing_works_twice(w):
    provider.tell(people=person("ann"), **{"as": "ann"})
    b = Browser(w)
    url = b.at_provider(b.begin())
    stranger = Browser(w)
    is_out(stranger, stranger.back(url), "another browser")
    is_out(b, b.back(url, state="A" * 43), "began in another browser")
    b = Browser(w)
    url = b.at_provider(b.begin())
    cookies = dict(b.cookies)
    is_in(b, b.back(url), "ann", "/jobs")
    twice = Browser(w)
    twice.cookies = cookies
    is_out(twice, twice.back(url), "was ended before")
    # A code that was used is refused by the provider itself, in another sign-in.
    other = Browser(w)
    other.at_provider(other.begin())
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["code"]
    fresh = Browser(w)
    url = fresh.at_provider(fresh.begin())
    is_out(fresh, fresh.back(url, code=code), "the provider refused (invalid_grant)")
    for changes, sentence in (({"iss": "https://other.example"}, "another provider"), ({"iss": None}, "another provider"),
                              ({"code": None}, "no code"), ({"code": "x" * 2049}, "no code"), ({"code": "x"}, "refused")):
        b = Browser(w)
        is_out(b, b.sign_in("ann", **changes), sentence)
    b = Browser(w)
    is_out(b, b.back(provider.redirect), "another browser")
    w.s.sql("delete from oidc_flows")


@test
def a_token_that_is_not_for_this_sign_in_is_not_believed(w):
    provider.tell(people=person("ann"))
    hour = 3600
    now = int(w.s.sql("select extract(epoch from now())::bigint")[0][0])
    lies = [({"claims": {"nonce": "another"}}, "another sign-in"), ({"claims": {"nonce": None}}, "another sign-in"),
            ({"claims": {"exp": now - hour, "iat": now - 2 * hour}}, "is over"), ({"claims": {"exp": None}}, "until when"),
            ({"claims": {"iat": now + hour, "exp": now + 2 * hour}}, "of the future"), ({"claims": {"nbf": now + hour}}, "of the future"),
            ({"claims": {"aud": "other"}}, "another program"), ({"claims": {"aud": ["reeve", "other"]}}, "another program"),
            ({"claims": {"aud": ["reeve", "other"], "azp": "other"}}, "another program"), ({"claims": {"azp": "other"}}, "another program"),
            ({"claims": {"iss": "https://other.example"}}, "another issuer"), ({"claims": {"sub": "x" * 256}}, "who it is about"),
            ({"claims": {"sub": ""}}, "who it is about"), ({"claims": {"sub": 7}}, "who it is about"),
            ({"none": True}, "none"), ({"tamper": True}, "signature is wrong"), ({"key": "other"}, "signature is wrong"),
            ({"key": "unknown"}, "does not publish")]
    for lie, sentence in lies:
        provider.tell(lie=lie)
        b = Browser(w)
        is_out(b, b.sign_in("ann"), sentence)
    provider.tell(lie={"claims": {"exp": now - 20, "aud": ["reeve", "other"], "azp": "reeve"}})
    b = Browser(w)
    is_in(b, b.sign_in("ann"), "ann")  # clocks may differ by a minute
    provider.tell(lie=None)
    reasons = {a["detail"] for a in w.s.ok("GET", "/v1/audit?actor=nobody")["items"]}
    assert any("signature is wrong" in r for r in reasons), reasons


@test
def keys_that_the_provider_changed_are_asked_for_and_algorithms_stay_ours(w):
    provider.tell(people=person("ann"))
    provider.begin(w)
    b = Browser(w)
    is_in(b, b.sign_in("ann"), "ann")
    provider.begin(w, alg="ES256")
    is_in(b, b.sign_in("ann"), "ann")
    provider.begin(w, alg="PS256")
    b = Browser(w)
    is_out(b, b.sign_in("ann"), "is not one of")
    provider.begin(w)


@test
def a_provider_that_hangs_up_or_says_no_is_told_in_words(w):
    provider.tell(people=person("ann"))
    b = Browser(w)
    url = b.begin()
    provider.tell(**{"as": "ann"})
    url = b.at_provider(url)
    provider.tell(down=True)
    is_out(b, b.back(url), "could not be reached")
    provider.tell(down=False, deny=True)
    b = Browser(w)
    reply = b.sign_in("ann")
    is_out(b, reply, "did not let you in")
    assert "script" not in reply.headers["Location"]
    provider.tell(deny=False)
    b = Browser(w)
    is_out(b, b.sign_in("ann", code=None, error="<b>odd</b>"), "its reason stands in the log")


@test
def a_disabled_user_stays_out(w):
    provider.tell(people=person("ann"))
    w.s.ok("PATCH", "/v1/users/ann", {"disabled": True})
    b = Browser(w)
    is_out(b, b.sign_in("ann"), "the account is disabled")
    w.s.ok("PATCH", "/v1/users/ann", {"disabled": False})
    is_in(b, b.sign_in("ann"), "ann")


@test
def groups_give_and_take_and_what_a_person_gave_stays(w):
    def roles(groups, name="gus"):
        provider.tell(people=person(name, groups))
        b = Browser(w)
        me = is_in(b, b.sign_in(name), name)
        return me["role"], {m["project"]: m["role"] for m in me["memberships"] if me["role"] != "admin"}
    same(roles(["physics", "other", 7]), ("submitter", {"one": "submitter"}))
    same(roles(["physics", "chiefs"]), ("submitter", {"one": "admin"}))
    same(roles("physics"), ("submitter", {"one": "submitter"}), "one group, as a text")
    same(roles(["cn=ops,dc=example"])[0], "admin")
    same(roles([]), ("submitter", {}))
    same(roles(["physics"]), ("submitter", {"one": "submitter"}))
    # A person's word outranks the provider's, in projects and altogether.
    w.s.ok("POST", "/v1/projects/one/members", {"user": "gus", "role": "viewer"})
    w.s.ok("PATCH", "/v1/users/gus", {"role": "viewer"})
    same(roles(["chiefs", "cn=ops,dc=example"]), ("viewer", {"one": "viewer"}))
    same(roles(None), ("viewer", {"one": "viewer"}))
    details = [a["detail"] for a in w.s.ok("GET", "/v1/audit?actor=gus&limit=1000")["items"]]
    assert details.count("the provider's groups changed role or projects") == 6, details


@test
def names_and_groups_may_stand_in_an_answer_of_their_own(w):
    provider.begin(w, conform=True)
    provider.tell(people=person("uma", ["physics"]))
    b = Browser(w)
    same(is_in(b, b.sign_in("uma"), "uma")["projects"], ["one"])
    provider.begin(w)


@test
def an_identity_is_linked_while_signed_in_and_the_last_way_in_stays(w):
    s = w.s
    provider.tell(people={**person("tomtom"), **person("ann")}, **{"as": "tomtom"})
    url = s.ok("POST", "/v1/users/tom/password-link", {})["url"]
    b = Browser(w)
    same(b.ours("POST", "/v1/invitations:use", {"code": url.split("=", 1)[1], "password": "correct horse battery"}).status, 200)
    sign = {"X-Reeve-Csrf": "1"}

    def link():
        reply = b.ours("POST", "/v1/me/identities", {"then": "/account?tab=profile"}, **sign)
        same(reply.status, 200, reply.body)
        # The way back is a navigation from another site: the browser keeps the session's cookie to itself.
        kept = b.cookies.pop("reeve")
        back = b.back(b.at_provider(reply.json["url"]))
        b.cookies["reeve"] = kept
        return back
    refused(b.ours("POST", "/v1/me/identities", {"then": "//evil.example"}, **sign), 422, "bad_input", "/then")
    same(b.ours("POST", "/v1/me/identities", {}).status, 403, "without the sign of our page")
    same(link().headers["Location"], "/account?tab=profile#linked=")
    same(link().headers["Location"], "/account?tab=profile#linked=", "a second time it is linked already")
    other = Browser(w)
    is_in(other, other.sign_in("tomtom"), "tom")
    provider.tell(**{"as": "ann"})
    has(urllib.parse.unquote(link().headers["Location"]), "#linked=this identity is linked to another account")
    mine = b.ours("GET", "/v1/me/identities").json["items"]
    same(len(mine), 1)
    ann = Browser(w)
    is_in(ann, ann.sign_in("ann"), "ann")
    anns = ann.ours("GET", "/v1/me/identities").json["items"][0]["id"]
    same(b.ours("DELETE", f"/v1/me/identities/{anns}", **sign).status, 404)
    refused(ann.ours("DELETE", f"/v1/me/identities/{anns}", **sign), 409, "conflict")
    same(b.ours("DELETE", f"/v1/me/identities/{mine[0]['id']}", **sign).status, 204)
    actions = [(a["action"], a["detail"]) for a in s.ok("GET", "/v1/audit?actor=tom")["items"]]
    assert ("GET /v1/oidc/callback", "identity linked") in actions, actions
    assert any(a == "DELETE /v1/me/identities/{id}" for a, _detail in actions), actions


@test
def many_sign_ins_at_once_are_bounded(w):
    w.s.sql("insert into oidc_flows (state, browser, nonce, verifier, return_to, address, expires_at)"
            " select sha256(n::text::bytea), 'x', '', '', '/', '192.0.2.9', now() + interval '1 minute' from generate_series(1, 100) n")
    b = Browser(w)
    b.address = "192.0.2.9"
    has(urllib.parse.unquote(b.begin()), "/#login=too many are signing in at once")
    w.s.sql("update oidc_flows set expires_at = now() - interval '1 second'")
    has(b.begin(), provider.issuer)


@test
def somebody_invited_becomes_a_user_where_others_do_not(_w):
    os.environ["WEBD_OIDC_NEW_USERS"] = "invited"
    w = World()
    try:
        provider.begin(w)
        provider.tell(people=person("ivy"))
        b = Browser(w)
        is_out(b, b.sign_in("ivy"), "ask for an invitation")
        link = w.s.ok("POST", "/v1/invitations", {"role": "viewer", "project": "two", "project_role": "viewer"})
        code = link["url"].split("=", 1)[1]
        refused(b.ours("POST", "/v1/oidc/start", {"code": "nonsense"}), 404, "not_found")
        refused(b.ours("POST", "/v1/oidc/start", {"code": code, "then": "https://evil.example"}), 422, "bad_input", "/then")
        first, second = Browser(w), Browser(w)
        urls = [x.ours("POST", "/v1/oidc/start", {"code": code}).json["url"] for x in (first, second)]
        me = is_in(first, first.back(first.at_provider(urls[0])), "ivy", "/")
        same((me["role"], me["projects"]), ("viewer", ["two"]))
        provider.tell(people=person("iva"), **{"as": "iva"})
        is_out(second, second.back(second.at_provider(urls[1])), "the invitation was used")
        reset = w.s.ok("POST", "/v1/users/ivy/password-link", {})["url"].split("=", 1)[1]
        refused(b.ours("POST", "/v1/oidc/start", {"code": reset}), 404, "not_found")
    finally:
        same(w.s.stop(), 0)


def run():
    global provider
    provider = Provider()
    try:
        with tempfile.NamedTemporaryFile("w", prefix="reeve-oidc.") as secret:
            secret.write(SECRET + "\n")
            secret.flush()
            os.environ.update({"WEBD_OIDC_ISSUER": provider.issuer, "WEBD_OIDC_CLIENT_ID": "reeve", "WEBD_OIDC_CLIENT_SECRET_FILE": secret.name,
                               "WEBD_OIDC_SCOPES": "openid profile groups", "WEBD_OIDC_LABEL": "Sign in with the institute",
                               "WEBD_OIDC_GROUPS": GROUPS, "WEBD_OIDC_NEW_USERS": "yes", "WEBD_PROXIES": "127.0.0.0/8"})
            return main()
    finally:
        provider.stop()


if __name__ == "__main__":
    sys.exit(run())
