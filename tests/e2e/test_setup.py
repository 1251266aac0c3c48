#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A new server: what it says of itself, and its own machine as a site, there and gone again by one request each."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, private, wait_until  # noqa: E402

suite = Suite()


def trial(grid):
    return grid.get("/v1/setup/try")


def order(grid, method):
    status, body = grid.api(method, "/v1/setup/try", {} if method == "POST" else None)
    assert status == 202, (status, body)


def settled(grid, state):
    shown = wait_until(lambda: (lambda t: t if t["state"] not in ("beginning", "ending") else None)(trial(grid)), 180, "it is settled")
    assert shown["state"] == state, shown
    return shown


@suite.test
def checks_say_what_is_there(grid):
    """Every check has a word, and what this machine has is well."""
    found = {c["name"]: c for c in grid.get("/v1/setup/checks")["items"]}
    for name in ("database", "durability", "tables", "connections", "clock", "engine", "encryption", "state directory", "programs"):
        assert found[name]["state"] == "ok", found[name]
    assert found["mail"]["state"] == "warn" and found["mail"]["fix"], found["mail"]
    assert all(c["text"] for c in found.values()), found
    os.chmod(grid.state, 0o755)
    try:
        seen = next(c for c in grid.get("/v1/setup/checks")["items"] if c["name"] == "state directory")
        assert seen["state"] == "failed" and "chmod 700" in seen["fix"], seen
    finally:
        os.chmod(grid.state, 0o700)
    told = grid.run("doctor", check=False).stdout
    assert "server: durability" in told and "server: mail" in told, told


@suite.test
def there_and_gone(grid):
    """This machine is a site, runs an array, survives a restart, and is gone again."""
    shown = trial(grid)
    assert shown["able"] and shown["state"] == "none" and shown["site"] is None, shown
    order(grid, "POST")
    shown = settled(grid, "ready")
    assert [s["state"] for s in shown["steps"]] == ["ok"] * 6, shown
    job = {"name": "try", "command": ["sh", "-c", "echo hello from task $REEVE_TASK"], "array": "1-20", "sites": ["this-machine"], "labels": {"try": "this-machine"}}
    assert grid.run_job(120, **job)["state"] == "succeeded"
    assert grid.log(1, 20) == b"hello from task 20\n"
    before = grid.get("/v1/sites/this-machine")["hosts"][0]["port"]
    grid.stop()
    grid.start()
    grid.wait_site("this-machine", seconds=120)
    assert grid.get("/v1/sites/this-machine")["hosts"][0]["port"] == before
    # Twice is once; and one that runs is cancelled with it.
    order(grid, "POST")
    settled(grid, "ready")
    long = grid.submit({**job, "command": ["sleep", "600"]})["id"]
    wait_until(lambda: grid.job(long)["tasks"]["running"], 60, "the long one runs")
    order(grid, "DELETE")
    shown = settled(grid, "none")
    assert [s["name"] for s in shown["steps"]] == ["jobs", "close", "worker", "remove"], shown
    assert grid.job(long)["state"] == "cancelled"
    assert grid.get("/v1/sites")["items"] == [], "the site is still there"
    assert not os.path.exists(os.path.join(grid.state, "try")), "its directory is still there"
    wait_until(lambda: not grid.processes("/try/"), 30, "its processes are gone")


@suite.test
def begun_again(grid):
    """After it was taken away it can be begun again; an SSH server that dies is started again."""
    order(grid, "POST")
    settled(grid, "ready")
    server = grid.processes("/try/config")
    assert len(server) == 1, server
    private.send(server[0], signal.SIGKILL)
    wait_until(lambda: grid.processes("/try/config") not in ([], server), 60, "another one runs")
    grid.wait_site("this-machine", seconds=120)
    order(grid, "DELETE")
    settled(grid, "none")



if __name__ == "__main__":
    sys.exit(1 if suite.run(lambda grid: grid.start(), sys.argv[1:], try_local="yes") else 0)
