#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""people.py WEBD [NAME...] - accounts, roles, limited tokens, invitations, passwords, sessions and the audit chain, from outside."""
import base64
import hashlib
import os
import re
import sys
import time

from callers import Things, call_as, routes
from harness import WEBD, has, main, refused, same, test
from server import Server, wait_until

GOOD = "correct horse battery"
# Failures of one test are not counted against the next: the server trusts this machine to say where a request comes from.
os.environ["WEBD_PROXIES"] = "127.0.0.0/8"
AWAY = {"X-Forwarded-For": "192.0.2.1"}
UNPRIVILEGED = os.path.join(os.path.dirname(__file__), "..", "support", "unprivileged")


def member(w, project, user, role, **more):
    return w.s.ok("POST", f"/v1/projects/{project}/members", {"user": user, "role": role, **more})


def cookie_of(reply):
    return {"Cookie": reply.headers["Set-Cookie"].split(";")[0], "X-Reeve-Csrf": "1"}


def code_of(url):
    return url.split("=", 1)[1]


def set_password(w, name, password=GOOD):
    link = w.s.ok("POST", f"/v1/users/{name}/password-link", {})
    reply = w.s.post("/v1/invitations:use", {"code": code_of(link["url"]), "password": password}, token=None)
    same(reply.status, 200, reply.body)
    return reply


# ---- the access matrix -----------------------------------------------------------------------------------------

class Caller:
    def __init__(self, role, projects, sites=(), scopes=None):
        self.role, self.projects, self.sites, self.scopes = role, projects, sites, scopes

    def sees(self, project):
        return self.role == "admin" or project in self.projects

    def acts(self, project):
        return self.role == "admin" or self.projects.get(project) in ("submitter", "admin")


CALLERS = {"none": None,
           "viewer": Caller("viewer", {"one": "submitter"}),
           "reader": Caller("submitter", {"one": "viewer", "two": "submitter"}),
           "submitter": Caller("submitter", {"one": "submitter"}),
           "stranger": Caller("submitter", {"two": "submitter"}),
           "project admin": Caller("submitter", {"one": "admin"}),
           "viewing project admin": Caller("viewer", {"one": "admin"}),
           "other project's admin": Caller("submitter", {"two": "admin"}),
           "site admin": Caller("submitter", {"two": "submitter"}, ["alpha"]),
           "other site's admin": Caller("submitter", {}, ["omega"]),
           "admin": Caller("admin", {}),
           "token that reads jobs": Caller("admin", {}, scopes={"jobs:read"}),
           "token that governs sites": Caller("submitter", {"two": "submitter"}, ["alpha"], {"sites:read", "sites:admin"}),
           "admin's token for a project": Caller("submitter", {"one": "submitter"}, scopes={"one"})}


def populate(w):
    """A user for every kind of caller, and a second of everything."""
    s = w.s
    for name, user in (("reader", "rea"), ("project admin", "pam"), ("other project's admin", "ada"), ("site admin", "sam"),
                       ("other site's admin", "sid")):
        w.tokens[name] = s.user(user, "submitter")
    w.tokens["viewing project admin"] = s.user("vip", "viewer")
    s.user("nobody", "submitter")
    for project, user, role in (("one", "rea", "viewer"), ("two", "rea", "submitter"), ("one", "pam", "admin"), ("one", "vip", "admin"),
                                ("two", "ada", "admin"), ("two", "sam", "submitter")):
        member(w, project, user, role)
    s.ok("POST", "/v1/sites", {"name": "omega", "hosts": [{"address": "127.0.0.1", "port": 2223}], "accounts": [{"user": "grid"}]})
    s.ok("POST", "/v1/sites/alpha/admins", {"user": "sam"})
    s.ok("POST", "/v1/sites/omega/admins", {"user": "sid"})
    w.tokens["token that reads jobs"] = s.ok("POST", "/v1/tokens", {"name": "r", "scopes": ["jobs:read"]})["token"]
    w.tokens["token that governs sites"] = s.ok("POST", "/v1/tokens", {"name": "g", "user": "sam", "scopes": ["sites:read", "sites:admin"]})["token"]
    w.tokens["admin's token for a project"] = s.ok("POST", "/v1/tokens", {"name": "p", "project": "one"})["token"]
    s.sql("insert into datasets (name, project_id, made_by, sealed_at) select 'set2', id, 'tom', now() from projects where name = 'two'")
    workers = dict((name, int(i)) for i, name in s.sql("select w.id, s.name from workers w join sites s on s.id = w.site_id"))
    return [Things(w.job, "one", "alpha", "set", workers["alpha"]),
            Things(s.submit(w.tokens["stranger"], project="two"), "two", "omega", "set2", workers["omega"])]


def expected(caller, rule, scope, path, things):
    """The statuses that are right: a set, or None for anything but a refusal."""
    if rule == "public":
        return None
    if not caller:
        return {401}
    if caller.scopes == {"one"}:
        if scope == "all":
            return {403}
    elif caller.scopes and scope not in ("", *caller.scopes):
        return {403}
    if rule == "admin" and caller.role != "admin":
        return {403}
    if rule == "submitter" and caller.role == "viewer":
        return {403}
    if rule == "site_admin" and not (caller.role == "admin" or things.site in caller.sites):
        return {403}
    if rule == "link_admin" and not (caller.role == "admin" or things.site in caller.sites):
        return {403}
    if rule == "project_admin" and caller.role != "admin":
        if not caller.sees(things.project):
            return {404}
        if caller.role == "viewer" or caller.projects[things.project] != "admin":
            return {403}
    hidden = not (caller.acts if rule == "submitter" else caller.sees)(things.project)
    if hidden and re.search(r"/(jobs/\{id\}|datasets/\{name\}|projects/\{name\})", path):
        return {404}
    if hidden and rule == "submitter" and path in ("/v1/jobs", "/v1/jobs:bulk", "/v1/datasets"):
        return {422}
    return None


@test
def every_route_answers_every_kind_of_caller_about_own_and_others_things_as_declared(w):
    both, seen, wrong = populate(w), 0, []
    for method, path, operation in routes(w):
        for name, caller in CALLERS.items():
            for things in both:
                reply = call_as(w, name, method, path, operation, things)
                want = expected(caller, operation["x-reeve-rule"], operation["x-reeve-scope"], path, things)
                seen += 1
                good = reply.status in want if want else reply.status not in (401, 403, 405) and \
                    (reply.status < 500 or path == "/readyz" or path.endswith("/content"))
                if good and reply.status == 401:
                    good = "Bearer" in reply.headers["WWW-Authenticate"]
                if not good:
                    wrong.append(f"{method} {path} of {things.project} as {name}: {reply.status}, expected {want}: {reply.body[:150]}")
    assert not wrong, f"{len(wrong)} of {seen}:\n" + "\n".join(wrong[:40])
    assert seen > 2000, seen


@test
def what_a_project_viewer_sees_he_may_not_change_and_hears_so(w):
    reply = w.s.post(f"/v1/jobs/{w.job}/hold", {}, token=w.tokens["reader"])
    refused(reply, 404, "not_found")
    has(reply.json["detail"], "that you may change")
    same(w.s.get(f"/v1/jobs/{w.job}", token=w.tokens["reader"]).status, 200)
    job = w.s.submit(w.tokens["reader"], project="two", inputs=["set"])
    same(w.s.ok("GET", f"/v1/jobs/{job}/spec", token=w.tokens["reader"])["inputs"], ["set"], "what one sees may be read by a job")


@test
def a_change_of_roles_counts_at_once(w):
    token = w.s.user("una", "submitter", "one")
    me = w.s.ok("GET", "/v1/me", token=token)
    same((me["memberships"], me["sites"], me["by"], me["scopes"]), ([{"project": "one", "role": "submitter", "max_live": None}], [], "token", None))
    member(w, "one", "una", "viewer")
    refused(w.s.post("/v1/jobs", {"command": ["a"], "project": "one"}, token=token), 422, "bad_input", "/project")
    w.s.ok("DELETE", "/v1/projects/one/members/una")
    refused(w.s.get(f"/v1/jobs/{w.job}", token=token), 404, "not_found")
    w.s.ok("POST", "/v1/sites/alpha/admins", {"user": "una"})
    same(w.s.ok("GET", "/v1/me", token=token)["sites"], ["alpha"])
    w.s.ok("PATCH", "/v1/sites/alpha", {"max_tasks": 77, "max_dials": 4, "projects": [{"name": "two", "max_cpus": 3}]}, token=token)
    same(w.s.ok("GET", "/v1/sites/alpha", token=token)["max_dials"], 4)
    refused(w.s.request("PATCH", "/v1/sites/alpha", {"max_dials": 17}, token=token), 422, "bad_input", "/max_dials")
    w.s.ok("DELETE", "/v1/sites/alpha/admins/una")
    refused(w.s.request("PATCH", "/v1/sites/alpha", {"max_tasks": 78}, token=token), 403, "denied")
    w.s.ok("PATCH", "/v1/users/una", {"disabled": True})
    refused(w.s.get("/v1/me", token=token), 401, "unauthorized")


@test
def a_project_admin_keeps_members_within_the_projects_limits_and_does_not_lock_himself_out(w):
    s, pam = w.s, w.tokens["project admin"]
    s.ok("PATCH", "/v1/projects/one", {"max_live": 50})
    same(s.ok("POST", "/v1/projects/one/members", {"user": "nobody", "max_live": 9}, token=pam)["max_live"], 9)
    refused(s.post("/v1/projects/one/members", {"user": "nobody", "max_live": 51, "role": "king"}, token=pam), 422, "bad_input", "/max_live", "/role")
    refused(s.post("/v1/projects/one/members", {"user": "ghost"}, token=pam), 422, "bad_input", "/user")
    refused(s.request("PATCH", "/v1/projects/one", {"share": 9}, token=pam), 403, "denied")
    shown = s.ok("GET", "/v1/projects/one", token=pam)
    same([m["role"] for m in shown["members"] if m["user"] in ("nobody", "pam")], ["submitter", "admin"])
    same(shown["role"], "admin")
    s.ok("DELETE", "/v1/projects/one/members/nobody", token=pam)
    s.ok("DELETE", "/v1/projects/one/members/vip")
    refused(s.request("DELETE", "/v1/projects/one/members/pam", token=pam), 409, "conflict")
    s.ok("PATCH", "/v1/projects/one", {"max_live": None})


@test
def the_last_admin_stays(w):
    refused(w.s.request("PATCH", "/v1/users/admin", {"role": "viewer"}), 409, "conflict")
    refused(w.s.request("PATCH", "/v1/users/admin", {"disabled": True}), 409, "conflict")


# ---- quotas ----------------------------------------------------------------------------------------------------

@test
def tasks_that_have_not_ended_are_limited_at_submit(w):
    s = w.s
    s.ok("POST", "/v1/projects", {"name": "small", "max_live": 10})
    token = s.user("qua", "submitter")
    member(w, "small", "qua", "submitter", max_live=6)
    other = s.user("quo", "submitter")
    member(w, "small", "quo", "submitter")
    s.submit(token, project="small", array="1-5")
    reply = s.post("/v1/jobs", {"command": ["a"], "project": "small", "array": "1-2"}, token=token)
    refused(reply, 507, "limit")
    has(reply.json["detail"], 'limit max_live of yours in project "small": 5 tasks have not ended, 2 more would pass 6')
    refused(s.request("POST", "/v1/jobs?dry_run=true", {"command": ["a"], "project": "small", "array": "1-2"}, token=token), 507, "limit")
    s.submit(token, project="small")
    reply = s.post("/v1/jobs:bulk", {"jobs": [{"command": ["a"], "project": "small", "array": "1-3"}, {"command": ["a"], "project": "small", "array": "1-2"}]},
                   token=other)
    refused(reply, 507, "limit")
    has(reply.json["detail"], "limit max_live of all")
    s.submit(other, project="small", array="1-4")
    end = time.monotonic() + 10
    while s.ok("GET", "/v1/projects/small", token=token)["used"]["live"] != 10:
        assert time.monotonic() < end
    same({m["user"]: m["live"] for m in s.ok("GET", "/v1/projects/small", token=token)["members"]}, {"qua": 6, "quo": 4})


# ---- tokens ----------------------------------------------------------------------------------------------------

@test
def a_token_can_be_told_from_its_last_characters(w):
    token = w.s.ok("POST", "/v1/tokens", {"name": "check"})["token"]
    assert re.fullmatch(r"reeve_[A-Za-z0-9_-]{49}", token), token
    same(base64.urlsafe_b64encode(hashlib.sha256(token[:-6].encode()).digest()).decode()[:6], token[-6:])
    refused(w.s.get("/v1/me", token=token[:-1] + ("A" if token[-1] != "A" else "B")), 401, "unauthorized")


@test
def a_limited_token_makes_none_that_may_more_or_lasts_longer(w):
    s = w.s
    limited = s.ok("POST", "/v1/tokens", {"name": "l", "scopes": ["jobs:read", "account:write"], "expires_at": "2099-01-01T00:00:00Z"})["token"]

    def make(**body):
        return s.post("/v1/tokens", {"name": "x", **body}, token=limited)
    refused(make(), 422, "bad_input", "/expires_at", "/scopes")
    refused(make(scopes=["jobs:write"], expires_at="2098-01-01T00:00:00Z"), 422, "bad_input", "/scopes/0")
    refused(make(scopes=["jobs:read", "jobs:read", "all"], expires_at="2199-01-01T00:00:00Z"), 422, "bad_input", "/scopes/1", "/scopes/2", "/expires_at")
    child = make(scopes=["jobs:read"], expires_at="2098-01-01T00:00:00Z")
    same((child.status, child.json["scopes"]), (201, ["jobs:read"]))
    same(s.get("/v1/jobs", token=child.json["token"]).status, 200)
    refused(s.get("/v1/sites", token=child.json["token"]), 403, "denied")
    refused(s.post("/v1/login", {"token": limited}, token=None), 403, "denied")
    refused(s.post("/v1/login-links", {}, token=limited), 403, "denied")
    one = s.ok("POST", "/v1/tokens", {"name": "one", "project": "one", "scopes": ["jobs:read", "account:write", "people:read"]})["token"]
    made = s.ok("POST", "/v1/tokens", {"name": "two", "scopes": ["jobs:read"]}, token=one)
    same(made["project"], "one")
    refused(s.post("/v1/tokens", {"name": "two", "scopes": ["jobs:read"], "project": "two"}, token=one), 422, "bad_input", "/project")
    same({j["project"] for j in s.ok("GET", "/v1/jobs", token=made["token"])["items"]}, {"one"})


@test
def a_project_admin_sees_and_revokes_the_tokens_of_the_project(w):
    s, pam = w.s, w.tokens["project admin"]
    token = s.ok("POST", "/v1/tokens", {"name": "robot", "project": "one"}, token=w.tokens["submitter"])
    listed = s.ok("GET", "/v1/projects/one/tokens", token=pam)["items"]
    same([(t["user"], t["name"], t["project"]) for t in listed if t["id"] == token["id"]], [("sue", "robot", "one")])
    other = s.ok("POST", "/v1/tokens", {"name": "mine"}, token=w.tokens["submitter"])
    refused(s.request("DELETE", f"/v1/projects/one/tokens/{other['id']}", token=pam), 404, "not_found")
    s.ok("DELETE", f"/v1/projects/one/tokens/{token['id']}", token=pam)
    refused(s.get("/v1/me", token=token["token"]), 401, "unauthorized")


# ---- passwords and sessions ------------------------------------------------------------------------------------

@test
def a_password_is_set_by_a_link_of_an_admin_and_logs_in(w):
    s = w.s
    link = s.ok("POST", "/v1/users/sue/password-link", {})
    has(link["url"], "/#reset=")
    looked = s.ok("POST", "/v1/invitations:look", {"code": code_of(link["url"])}, token=None)
    same((looked["kind"], looked["name"]), ("reset", "sue"))
    use = {"code": code_of(link["url"]), "password": "short"}
    refused(s.post("/v1/invitations:use", use, token=None), 422, "bad_input", "/password")
    refused(s.post("/v1/invitations:use", {**use, "password": "sue-sue-sue-1"}, token=None), 422, "bad_input", "/password")
    refused(s.post("/v1/invitations:use", {**use, "name": "tom", "password": GOOD}, token=None), 422, "bad_input", "/name")
    first = s.post("/v1/invitations:use", {**use, "password": GOOD}, token=None)
    same((first.status, first.json["name"], first.json["by"], first.json["has_password"]), (200, "sue", "session", True))
    refused(s.post("/v1/invitations:use", {**use, "password": GOOD}, token=None), 404, "not_found")
    reply = s.post("/v1/login", {"name": "sue", "password": GOOD}, token=None)
    same((reply.status, reply.json["name"]), (200, "sue"))
    stored = s.sql("select password from users where name = 'sue'")[0][0]
    has(stored, "$argon2id$v=19$m=19456,t=2,p=1$")
    same(s.get("/v1/me", token=None, headers=cookie_of(reply)).json["name"], "sue")
    refused(s.post("/v1/login", {"name": "sue"}, token=None), 422, "bad_input", "/password")
    refused(s.post("/v1/login", {"name": "sue", "password": GOOD, "code": "x"}, token=None), 422, "bad_input", "")


@test
def an_own_password_is_changed_with_the_one_so_far_and_other_sessions_end(w):
    s = w.s
    s.user("pat", "submitter")
    here = cookie_of(set_password(w, "pat"))
    there = cookie_of(s.post("/v1/login", {"name": "pat", "password": GOOD}, token=None))
    listed = s.ok("GET", "/v1/sessions", token=None, headers={**here, "User-Agent": "test"})["items"]
    same([(x["current"], x["address"]) for x in listed], [(False, "127.0.0.1"), (True, "127.0.0.1")])
    refused(s.post("/v1/me/password", {"password": "another good one"}, token=None, headers=here), 422, "bad_input", "/current")
    refused(s.post("/v1/me/password", {"current": "wrong and long", "password": "another good one"}, token=None, headers=here), 422, "bad_input", "/current")
    same(s.post("/v1/me/password", {"current": GOOD, "password": "another good one"}, token=None, headers=here).status, 204)
    same(s.get("/v1/me", token=None, headers=here).status, 200)
    refused(s.get("/v1/me", token=None, headers=there), 401, "unauthorized")
    refused(s.post("/v1/login", {"name": "pat", "password": GOOD}, token=None), 401, "unauthorized")
    again = cookie_of(s.post("/v1/login", {"name": "pat", "password": "another good one"}, token=None))
    number = [x["id"] for x in s.ok("GET", "/v1/sessions", token=None, headers=here)["items"] if not x["current"]]
    refused(s.request("DELETE", f"/v1/sessions/{number[0]}"), 404, "not_found")
    same(s.request("DELETE", f"/v1/sessions/{number[0]}", token=None, headers=here).status, 204)
    refused(s.get("/v1/me", token=None, headers=again), 401, "unauthorized")
    s.ok("DELETE", "/v1/users/pat/sessions")
    refused(s.get("/v1/me", token=None, headers=here), 401, "unauthorized")


@test
def a_session_ends_when_it_is_idle_when_it_is_old_and_when_the_role_changes(w):
    s = w.s
    s.user("ida", "submitter")
    for change in ("seen_at = now() - interval '31 minutes'", "expires_at = now()", None):
        jar = cookie_of(set_password(w, "ida"))
        same(s.get("/v1/me", token=None, headers=jar).status, 200)
        if change:
            s.sql(f"update sessions set {change} where user_id = (select id from users where name = 'ida')")
            s.ok("PATCH", "/v1/users/tom", {"role": "submitter"})
        else:
            s.ok("PATCH", "/v1/users/ida", {"role": "viewer"})
        refused(s.get("/v1/me", token=None, headers=jar), 401, "unauthorized")


@test
def who_does_not_know_the_password_learns_nothing_of_names(w):
    s = Server(WEBD)
    s.user("eve", "submitter")
    s.ok("POST", "/v1/tokens", {"name": "x"})
    link = s.ok("POST", "/v1/users/eve/password-link", {})
    same(s.post("/v1/invitations:use", {"code": code_of(link["url"]), "password": GOOD}, token=None).status, 200)
    answers, times = {}, {}
    for name in ("eve", "nobody", "admin"):
        reply = s.post("/v1/login", {"name": name, "password": "wrong wrong wrong"}, token=None)
        answers[name] = (reply.status, {k: v for k, v in reply.headers.items() if k != "Date"}, reply.body)
    same(answers["eve"], answers["nobody"])
    same(answers["admin"], answers["nobody"], "a user without a password")
    for i in range(3):
        for name in ("eve", "nobody"):
            begun = time.monotonic()
            s.post("/v1/login", {"name": name, "password": "wrong wrong wrong"}, token=None)
            times.setdefault(name, []).append(time.monotonic() - begun)
    assert min(times["nobody"]) > 0.2 * min(times["eve"]), times
    same([s.post("/v1/login", {"name": "eve", "password": GOOD}, token=None).status for _ in range(2)], [200, 200])
    same(s.stop(), 0)


@test
def a_name_that_is_tried_too_often_waits_from_everywhere_and_its_token_still_works(w):
    s = Server(WEBD, "2")
    token = s.user("vera", "submitter")

    def attempt(address, name="vera"):
        return s.post("/v1/login", {"name": name, "password": "wrong wrong wrong"}, token=None, headers={"X-Forwarded-For": address})
    same([attempt(f"192.0.2.{i}").status for i in range(10)], [401] * 10)
    reply = attempt("198.51.100.7")
    same(reply.status, 429)
    assert 25 <= int(reply.headers["Retry-After"]) <= 30, reply.headers["Retry-After"]
    same(attempt("198.51.100.7", "somebody-else").status, 401)
    same(s.post("/v1/login", {"token": token}, token=None, headers={"X-Forwarded-For": "198.51.100.8"}).status, 200)
    same(s.stop(), 0)


# ---- invitations and the first person --------------------------------------------------------------------------

@test
def an_invitation_makes_a_user_once(w):
    s, pam = w.s, w.tokens["project admin"]
    made = s.ok("POST", "/v1/projects/one/invitations", {"project_role": "viewer", "note": "for Ivo"}, token=pam)
    code = code_of(made["url"])
    looked = s.ok("POST", "/v1/invitations:look", {"code": code}, token=None, headers=AWAY)
    same((looked["kind"], looked["role"], looked["project"], looked["project_role"]), ("invite", "submitter", "one", "viewer"))
    refused(s.post("/v1/invitations:use", {"code": code, "password": GOOD}, token=None, headers=AWAY), 422, "bad_input", "/name")
    refused(s.post("/v1/invitations:use", {"code": code, "name": "sue", "password": GOOD}, token=None, headers=AWAY), 409, "conflict")
    reply = s.post("/v1/invitations:use", {"code": code, "name": "ivo", "password": GOOD}, token=None, headers=AWAY)
    same((reply.status, reply.json["role"], reply.json["memberships"]), (200, "submitter", [{"project": "one", "role": "viewer", "max_live": None}]))
    refused(s.post("/v1/invitations:use", {"code": code, "name": "ivy", "password": GOOD}, token=None, headers=AWAY), 404, "not_found")
    listed = s.ok("GET", "/v1/projects/one/invitations", token=pam)["items"][0]
    same((listed["used_by"], listed["note"], listed["made_by"]), ("ivo", "for Ivo", "pam"))
    gone = s.ok("POST", "/v1/invitations", {"role": "admin"})
    s.ok("DELETE", f"/v1/invitations/{gone['id']}")
    refused(s.post("/v1/invitations:look", {"code": code_of(gone["url"])}, token=None, headers=AWAY), 404, "not_found")
    late = s.ok("POST", "/v1/invitations", {"role": "viewer", "valid": "2m"})
    s.sql(f"update invitations set expires_at = now() where id = {late['id']}")
    refused(s.post("/v1/invitations:look", {"code": code_of(late["url"])}, token=None, headers=AWAY), 404, "not_found")
    refused(s.post("/v1/invitations", {"role": "boss", "project": "nowhere"}), 422, "bad_input", "/project", "/role")


@test
def an_invitation_to_a_project_is_taken_back_by_its_admin_once(w):
    s, pam = w.s, w.tokens["project admin"]
    made, other = [s.ok("POST", path, {"role": "viewer"} if path == "/v1/invitations" else {"project_role": "viewer"}, token=token)
                   for path, token in (("/v1/projects/one/invitations", pam), ("/v1/invitations", w.tokens["admin"]))]
    refused(s.request("DELETE", f"/v1/projects/one/invitations/{made['id']}", token=w.tokens["submitter"]), 403, "denied")
    refused(s.request("DELETE", f"/v1/projects/one/invitations/{other['id']}", token=pam), 404, "not_found")
    same(s.request("DELETE", f"/v1/projects/one/invitations/{made['id']}", token=pam).status, 204)
    refused(s.post("/v1/invitations:look", {"code": code_of(made["url"])}, token=None, headers=AWAY), 404, "not_found")
    refused(s.request("DELETE", f"/v1/projects/one/invitations/{made['id']}", token=pam), 404, "not_found")
    same(s.post("/v1/invitations:look", {"code": code_of(other["url"])}, token=None, headers=AWAY).status, 200)


@test
def the_first_person_comes_by_the_setup_link_and_takes_over_the_name_of_the_first_admin(w):
    s = Server(WEBD)

    def link(code):
        digest = hashlib.sha256(code.encode()).hexdigest()
        s.sql(f"insert into invitations (hash, kind, role, made_by, expires_at) values ('\\x{digest}', 'setup', 'admin', 'reeved', now() + interval '1 day')")
    same(s.ok("GET", "/v1/setup", token=None), {"needed": False})
    link("first")
    same((s.ok("GET", "/v1/setup", token=None), s.ok("GET", "/v1/login", token=None)), ({"needed": True}, {"password": True, "oidc": None, "setup": True}))
    refused(s.post("/v1/setup", {"code": "other", "name": "root1", "password": GOOD}, token=None), 404, "not_found")
    reply = s.post("/v1/setup", {"code": "first", "name": "admin", "password": GOOD}, token=None)
    same((reply.status, reply.json["name"], reply.json["role"]), (201, "admin", "admin"))
    same(s.ok("GET", "/v1/setup", token=None), {"needed": False})
    same(s.get("/v1/users", token=None, headers=cookie_of(reply)).status, 200)
    link("second")
    refused(s.post("/v1/setup", {"code": "second", "name": "admin", "password": GOOD}, token=None), 409, "conflict")
    same(s.post("/v1/setup", {"code": "second", "name": "ann", "password": GOOD}, token=None).json["role"], "admin")
    same(s.stop(), 0)


@test
def an_admin_sees_what_a_new_server_should_be_looked_at_for_and_how_to_mend_it(w):
    found = w.s.ok("GET", "/v1/setup/checks")["items"]
    assert len(found) >= 10 and len({c["name"] for c in found}) == len(found), found
    engine = next(c for c in found if c["name"] == "engine")
    same((engine["state"], bool(engine["fix"])), ("failed", True))
    refused(w.s.get("/v1/setup/checks", token=w.tokens["submitter"]), 403, "denied")


@test
def this_machine_becomes_a_site_only_where_the_server_was_told_that_it_may(w):
    shown = w.s.ok("GET", "/v1/setup/try")
    same((shown["able"], shown["state"], shown["steps"]), (False, "none", []))
    has(shown["why"], "try_local")
    has(w.s.post("/v1/setup/try", {}).json["detail"], "try_local")
    refused(w.s.request("DELETE", "/v1/setup/try"), 409, "conflict")
    refused(w.s.get("/v1/setup/try", token=w.tokens["submitter"]), 403, "denied")


@test
def a_trial_of_this_machine_that_cannot_begin_says_why_and_is_taken_away(w):
    os.environ |= {"WEBD_STATE": "/proc/nowhere", "WEBD_TRY_LOCAL": os.path.dirname(WEBD)}
    try:
        s = Server(WEBD, run_by=[UNPRIVILEGED])
    finally:
        del os.environ["WEBD_STATE"], os.environ["WEBD_TRY_LOCAL"]
    path = "/v1/setup/try"
    reply = s.post(path, {})
    same((reply.status, [step["name"] for step in reply.json["steps"]][:2]), (202, ["server", "site"]))
    wait_until("it failed", lambda: s.ok("GET", path)["state"] == "failed")
    has(s.ok("GET", path)["message"], "/proc/nowhere")
    same(s.request("DELETE", path).status, 202)
    wait_until("it ended", lambda: s.ok("GET", path)["state"] != "ending")
    same(s.stop(), 0)


# ---- the audit chain -------------------------------------------------------------------------------------------

@test
def everybody_sees_of_the_audit_chain_what_is_his(w):
    s, t = w.s, w.tokens
    s.ok("POST", f"/v1/jobs/{w.job}/hold", {}, token=t["submitter"])
    s.ok("POST", "/v1/sites/alpha/drain", {"why": "audit"}, token=t["site admin"])
    s.ok("POST", "/v1/sites/alpha/open", {"why": "audit"}, token=t["site admin"])

    def seen(who, more=""):
        return s.ok("GET", "/v1/audit?limit=1000" + more, token=t[who])["items"]
    mine = seen("project admin")
    assert any(r["actor"] == "sue" and r["project"] == "one" for r in mine), mine
    assert all(r["actor"] == "pam" or r["project"] == "one" for r in mine)
    theirs = seen("site admin")
    assert any(r["action"] == "POST /v1/sites/{name}/drain" for r in theirs)
    assert all(r["actor"] == "sam" or r["site"] == "alpha" for r in theirs)
    assert all(r["actor"] == "sue" for r in seen("submitter"))
    everything = seen("admin")
    oldest = min(r["seq"] for r in everything)
    assert {r["seq"] for r in mine if r["seq"] >= oldest} < {r["seq"] for r in everything}
    same({r["action"] for r in seen("admin", "&action=POST%20/v1/sites/%7Bname%7D/drain")}, {"POST /v1/sites/{name}/drain"})
    same({r["actor"] for r in seen("admin", "&actor=sam&site=alpha&since=1d")}, {"sam"})
    same(seen("admin", "&until=2001-01-01T00:00:00Z"), [])
    page = s.ok("GET", "/v1/audit?limit=2")
    same([r["seq"] for r in page["items"]] + [r["seq"] for r in s.ok("GET", f"/v1/audit?limit=2&cursor={page['next_cursor']}")["items"]],
         [r["seq"] for r in seen("admin")[:4]])


@test
def a_changed_or_missing_row_of_the_audit_chain_is_found(w):
    s = w.s

    def check(start=1):
        return s.ok("GET", f"/v1/audit/check?from={start}")
    whole = check()
    same((whole["from"], whole["broken"], whole["next"]), (1, None, None))
    assert whole["to"] > 10 and len(whole["hash"]) == 64
    same(check(whole["to"])["broken"], None)
    for change in ("update audit set detail = 'nothing' where seq = 5", "update audit set actor = 'x' where seq = 7", "update audit set site = 'x' where seq = 4",
                   "delete from audit where seq = 6", "update audit set at = at + interval '1 second' where seq = 8"):
        seq = int(change.rsplit(" ", 1)[1])
        s.sql("alter table audit disable trigger all; create table kept as select * from audit; " + change)
        found = check()["broken"]
        s.sql("delete from audit; insert into audit select * from kept; drop table kept; alter table audit enable trigger all")
        same(found, seq + 1 if change.startswith("delete") else seq, change)
    same(check()["broken"], None)


if __name__ == "__main__":
    sys.exit(main())
