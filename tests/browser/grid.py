# SPDX-License-Identifier: Apache-2.0
"""A private grid with one site for the browser tests, and a second one that is not registered yet. Run as an ordinary user;
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


def main():
    grid = Grid(os.path.join(TOP, os.environ.get("BUILD", "build")), prefix="reeve-browser.")
    try:
        grid.start()
        grid.register(grid.make_site("alpha", 2))
        wait_until(lambda: grid.get("/v1/sites/alpha")["health"] == "up", 60, "site alpha is up")
        fresh = grid.make_site("fresh", 1)
        print(json.dumps({"url": grid.url, "token": grid.token(), "user": fresh.user, "root": fresh.root,
                          "host": f"{fresh.server.address}:{fresh.server.port}", "fingerprint": fresh.server.fingerprint()}), flush=True)
        for line in sys.stdin:
            word, _space, key = line.strip().partition(" ")
            if word == "authorize":
                fresh.server.authorize(key)
                fresh.server.own()
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
