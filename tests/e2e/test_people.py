# SPDX-License-Identifier: Apache-2.0
"""People, by the command line: signing in at a terminal, users, projects, invitations, tokens, the audit chain, the server's settings."""
import csv
import io
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from terminal import Terminal, plain  # noqa: E402
from testgrid import Suite, checker  # noqa: E402

suite = Suite()
PASSWORD = "correct horse battery"


def setup(grid):
    grid.start()


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def call(grid, method, path, body=None, token=None):
    status, reply = grid.ask(method, path, body, token=token)
    assert 200 <= status < 300, (method, path, status, reply)
    return reply


def code_of(text):
    return text.strip().split("=", 1)[1]


def home(grid, name):
    """An environment of somebody who never signed in."""
    path = os.path.join(grid.directory, "home-" + name)
    os.makedirs(path, exist_ok=True)
    env = {k: v for k, v in grid.environment().items() if not k.startswith("REEVE_")}
    env.update(HOME=path, TERM="xterm-256color", LANG="C.UTF-8")
    env.pop("XDG_CONFIG_HOME", None)
    return env


def at_terminal(grid, env, *words):
    return Terminal([os.path.join(grid.bin, "reeve"), *words], env)


def with_password(grid, name, *options):
    grid.run("user", "add", name, *options)
    link = grid.run("user", "reset", name).stdout
    call(grid, "POST", "/v1/invitations:use", {"code": code_of(link), "password": PASSWORD})


def sign_in(grid, env, name, password=PASSWORD):
    with at_terminal(grid, env, "login", grid.url) as term:
        term.expect("login name")
        term.type(name + "\r")
        term.expect("password:")
        term.type(password + "\r")
        status = term.end()
        term.check_sane()
        assert password not in term.text, "the password was shown"
        return status, plain(term.text)


@suite.test
def by_password(grid):
    """login asks for a name and a password without showing it, and keeps a token of 90 days that only its owner can read"""
    with_password(grid, "ann")
    env = home(grid, "ann")
    status, text = sign_in(grid, env, "ann", "wrong wrong wrong")
    equal(status, 4)
    assert "do not fit together" in text, text
    status, text = sign_in(grid, env, "ann")
    equal(status, 0, text)
    assert "as ann" in text, text
    path = os.path.join(env["HOME"], ".config/reeve/config.yaml")
    equal(oct(os.stat(path).st_mode & 0o777), "0o600")
    with open(path, encoding="utf-8") as file:
        token = re.search(r"reeve_[\w-]+", file.read()).group()
    tokens = [t for t in call(grid, "GET", "/v1/tokens", token=token)["items"] if not t["revoked_at"]]
    equal(len(tokens), 1)
    assert tokens[0]["name"].startswith("reeve on ") and tokens[0]["expires_at"], tokens
    left = [x for x in call(grid, "GET", "/v1/sessions", token=token)["items"] if (x["agent"] or "").startswith("reeve/")]
    equal(left, [], "sessions that are left")


@suite.test
def by_code(grid):
    """who signed in on the page by any way takes a code from there; a token is taken, too; --debug shows neither"""
    env = home(grid, "code")
    link = grid.run("login-link").stdout.strip()
    with at_terminal(grid, env, "login", grid.url, "--expires", "1d", "--debug") as term:
        term.expect("login name")
        term.type("\r")
        term.expect("code or token:")
        term.type(link + "\r")
        equal(term.end(), 0)
        assert code_of(link) not in term.text and "reeve_" not in term.text, term.text
    with at_terminal(grid, env, "login", grid.url) as term:
        term.expect("login name")
        term.type("\r")
        term.expect("code or token:")
        term.type(code_of(link) + "\r")
        equal(term.end(), 4, "a code works once")
    with at_terminal(grid, env, "login", grid.url) as term:
        term.expect("login name")
        term.type("\r")
        term.expect("code or token:")
        term.type(grid.token() + "\r")
        equal(term.end(), 0)
    with at_terminal(grid, env, "login", grid.url) as term:
        term.expect("login name")
        term.type("ann\r")
        term.expect("password:")
        term.type("\x03")
        equal(term.end(), -2, "Ctrl-C")
        term.check_sane()


@suite.test
def own_password(grid):
    """password changes it at the terminal; the two have to be the same"""
    env = home(grid, "ann")
    fresh = "another horse battery"
    for answers, code in (((PASSWORD, fresh, fresh + "!"), 2), ((PASSWORD, "short", "short"), 2), ((PASSWORD, fresh, fresh), 0)):
        with at_terminal(grid, env, "password") as term:
            for prompt, answer in zip(("password so far:", "new password", "the same again:"), answers):
                term.expect(prompt)
                term.type(answer + "\r")
            equal(term.end(), code, answers)
    equal(sign_in(grid, env, "ann", fresh)[0], 0)


@suite.test
def projects(grid):
    """projects, members with limits, and invitations into one"""
    grid.run("project", "add", "atlas", "--max-cpus", "10", "--max-live", "50")
    grid.run("project", "set", "atlas", "--max-cpus", "none", "--share", "2")
    grid.run("project", "member", "set", "atlas", "ann", "--role", "admin")
    grid.run("user", "add", "bob", "--role", "viewer", "--project", "atlas")
    grid.run("project", "member", "set", "atlas", "bob", "--max-live", "5")
    rows = {r["USER"]: r for r in csv.DictReader(io.StringIO(grid.run("project", "show", "atlas", "-o", "csv").stdout))}
    equal([(rows[n]["ROLE"], rows[n]["MAX LIVE"]) for n in ("ann", "bob")], [("admin", ""), ("submitter", "5")])
    shown = json.loads(grid.run("project", "show", "atlas", "-o", "json").stdout)
    equal((shown["share"], shown["max_cpus"], shown["max_live"]), (2, None, 50))
    link = grid.run("invitation", "create", "--project", "atlas", "--note", "Eve; 50% off", "--valid", "2h").stdout
    assert link.startswith(grid.url + "/#invite="), link
    listed = json.loads(grid.run("invitation", "list", "--project", "atlas", "-o", "json").stdout)["items"]
    equal([(i["note"], i["role"], i["project_role"]) for i in listed], [("Eve; 50% off", "submitter", "submitter")])
    number = grid.run("invitation", "list", "-o", "id").stdout.split()[0]
    grid.run("invitation", "revoke", number, "--project", "atlas")
    equal(grid.run("invitation", "revoke", number, check=False).returncode, 3)
    equal(grid.run("invitation", "create", check=False).returncode, 2)
    grid.run("project", "member", "remove", "atlas", "bob")
    equal(grid.run("project", "show", "atlas", "-o", "id").stdout.split(), ["ann"])
    equal(grid.run("project", "show", "../users", check=False).returncode, 2, "a path in a name")


@suite.test
def users(grid):
    """a user is shown, gets a role, is kept out and let in again"""
    equal(json.loads(grid.run("user", "show", "ann", "-o", "json").stdout)["memberships"],
          [{"project": "atlas", "role": "admin", "max_live": None}])
    assert "atlas" in grid.run("user", "show", "ann").stdout
    grid.run("user", "role", "ann", "viewer")
    grid.run("user", "disable", "ann")
    rows = {r["USER"]: r for r in csv.DictReader(io.StringIO(grid.run("user", "list", "-o", "csv").stdout))}
    equal((rows["ann"]["ROLE"], bool(rows["ann"]["DISABLED"])), ("viewer", True))
    grid.run("user", "enable", "ann")
    grid.run("user", "logout", "ann")
    equal(grid.run("user", "role", "admin", "viewer", check=False).returncode, 5, "the last admin stays")


@suite.test
def tokens(grid):
    """a token is limited to scopes and a project, and revoked"""
    token = grid.run("token", "create", "night", "--scope", "jobs:read,jobs:write", "--scope", "data:read", "--project", "atlas",
                     "--expires", "30d").stdout.strip()
    row = [t for t in json.loads(grid.run("token", "list", "-o", "json").stdout)["items"] if t["name"] == "night"][0]
    equal((row["scopes"], row["project"]), (["jobs:read", "jobs:write", "data:read"], "atlas"))
    equal(call(grid, "GET", "/v1/me", token=token)["projects"], ["atlas"])
    listed = grid.run("token", "list", "--project", "atlas", "-o", "id").stdout.split()
    equal(listed, [str(row["id"])])
    grid.run("token", "revoke", str(row["id"]), "--project", "atlas")
    equal(grid.run("token", "create", "x", "--scope", "all", check=False).returncode, 2)
    equal(grid.run("session", "list").returncode, 0)
    equal(grid.run("session", "end", "all").returncode, 0)
    equal(grid.run("identity", "list", "-o", "id").stdout, "")


@suite.test
def audit(grid):
    """the audit is listed by filters, and verify finds a row that somebody changed in the database"""
    rows = json.loads(grid.run("admin", "audit", "list", "--action", "POST /v1/projects", "-o", "json").stdout)["items"]
    assert rows and all(r["action"].startswith("POST /v1/projects") for r in rows), rows
    equal(len(json.loads(grid.run("admin", "audit", "list", "--limit", "3", "-o", "json").stdout)["items"]), 3)
    row, digest = grid.run("admin", "audit", "verify").stdout.split()
    assert int(row) >= len(rows) and re.fullmatch("[0-9a-f]{64}", digest), (row, digest)
    checker.psql(grid.conninfo(), "set session_replication_role = replica; update audit set detail = 'nothing' where seq = 3")
    bad = grid.run("admin", "audit", "verify", check=False)
    equal(bad.returncode, 5)
    assert "row 3 " in bad.stderr, bad.stderr


@suite.test
def settings(grid):
    """admin config tells what is set, and where"""
    rows = {r["name"]: r for r in json.loads(grid.run("admin", "config", "-o", "json").stdout)["items"]}
    equal((rows["listen"]["source"], rows["keep_days"]["source"], rows["keep_days"]["value"]), ("command line", "default", "90"))
    assert rows["oidc_issuer"]["help"]
    short, long = (grid.run("admin", "config", *more).stdout.splitlines() for more in ((), ("--all",)))
    assert len(short) < len(long) and any("listen" in line for line in short), short


@suite.test
def sites(grid):
    """who governs a site is named and taken back"""
    call(grid, "POST", "/v1/sites", {"name": "omega", "hosts": [{"address": "127.0.0.1", "port": 9}], "accounts": [{"user": "grid"}]})
    grid.run("user", "add", "sam")
    grid.run("site", "admin", "add", "omega", "sam")
    equal(grid.run("site", "admin", "list", "omega", "-o", "id").stdout.split(), ["sam"])
    grid.run("site", "admin", "remove", "omega", "sam")
    equal(grid.run("site", "admin", "list", "omega", "-o", "id").stdout.split(), [])


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
