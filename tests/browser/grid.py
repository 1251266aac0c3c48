# SPDX-License-Identifier: Apache-2.0
"""A private grid with one site for the browser tests (--bare: with none), and a second one that is not registered yet. Run as an ordinary user;
prints one line of JSON when it is up, and ends it when standard input does. A line "authorize KEY" on standard input lets
that key in at the second one.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "packaging", "demo"))

from grid import Grid  # noqa: E402
from private import wait_until  # noqa: E402


def follow(site):
    """Keys that are said on standard input are let in at a site, until that ends."""
    for line in sys.stdin:
        word, _space, key = line.strip().partition(" ")
        if word == "authorize":
            site.server.authorize(key)
            site.server.own()


def tell(site, **more):
    server = site.server
    print(json.dumps({"user": site.user, "root": site.root, "host": f"{server.address}:{server.port}", "fingerprint": server.fingerprint(), **more}), flush=True)
    follow(site)


def bare(grid):
    """A server as it is after its first start, and a machine that nobody told it of."""
    grid.settings["try_local"] = "yes"
    grid.start()
    with open(os.path.join(grid.state, "setup-link"), encoding="utf-8") as file:
        setup = file.read().strip()
    tell(grid.make_site("fresh", 1), url=grid.url, setup=setup)


def full(grid):
    """A site that works, and another machine."""
    grid.start()
    grid.register(grid.make_site("alpha", 2))
    wait_until(lambda: grid.get("/v1/sites/alpha")["health"] == "up", 60, "site alpha is up")
    tell(grid.make_site("fresh", 1), url=grid.url, token=grid.token())


def main():
    grid = Grid(os.path.join(TOP, os.environ.get("BUILD", "build")), prefix="reeve-browser.")
    try:
        (bare if "--bare" in sys.argv[1:] else full)(grid)
    except BaseException:
        print(grid.log_tail(30), file=sys.stderr)
        raise
    finally:
        trouble = grid.end()
        for what in trouble:
            print(what, file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
