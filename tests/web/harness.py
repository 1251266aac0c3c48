# SPDX-License-Identifier: Apache-2.0
"""What the tests of the web server share: a server with people and a job, ways to compare, and running as TAP.

Each file of tests is a program: FILE.py WEBD [NAME...].
"""
import sys
import traceback

from server import Server

WEBD = sys.argv[1]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def same(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def has(text, part):
    assert part in text, f"{part!r} is not in {text!r}"


def refused(reply, status, code, *pointers):
    same((reply.status, reply.headers["Content-Type"], reply.code), (status, "application/problem+json", code), reply.body)
    for name in ("type", "title", "detail"):
        assert reply.json[name], name
    for pointer in pointers:
        has(reply.pointers, pointer)


class World:
    """One server with two projects, users of each kind, a site, and jobs."""

    def __init__(self, *options):
        s = self.s = Server(WEBD, *options)
        for name in ("one", "two"):
            s.ok("POST", "/v1/projects", {"name": name})
        self.tokens = {"none": None, "viewer": s.user("vic", "viewer", "one"), "submitter": s.user("sue", "submitter", "one"),
                       "stranger": s.user("tom", "submitter", "two"), "admin": s.token}
        s.ok("POST", "/v1/sites", {"name": "alpha", "hosts": [{"address": "127.0.0.1", "port": 2222}],
                                   "accounts": [{"user": "grid"}], "offer": {"cpus": 4, "memory": "8G", "custom": {"licence": 9, "licence_x": 9}}})
        self.job = s.submit(self.tokens["submitter"], project="one", outputs=["*.txt"])
        s.sql(f"insert into datasets (name, project_id, made_by, sealed_at) select 'set', id, 'sue', now() from projects where name = 'one'")


def main(*options):
    """options: webd's, from THREADS on."""
    wanted = sys.argv[2:]
    chosen = [t for t in TESTS if not wanted or t.__name__ in wanted]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    w = World(*options)
    for i, t in enumerate(chosen, 1):
        try:
            t(w)
            print(f"ok {i} - {t.__name__.replace('_', ' ')}", flush=True)
        except Exception:
            failed += 1
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="")
            print(f"not ok {i} - {t.__name__.replace('_', ' ')}", flush=True)
    if w.s.stop() != 0:
        failed += 1
        print("# the server did not end well")
    return 1 if failed else 0
