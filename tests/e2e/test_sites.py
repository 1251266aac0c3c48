# SPDX-License-Identifier: Apache-2.0
"""Sites: how they are registered, tested, drained and closed, and what happens when they are not what they were."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, private, wait_until  # noqa: E402

suite = Suite()
SLEEPER = ["/bin/sleep", "3"]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def setup(grid):
    grid.start()


def intent(grid, name, verb):
    equal(grid.api("POST", f"/v1/sites/{name}/{verb}", {"why": "a test"})[0] in (200, 202), True, verb)


@suite.test
def registration(grid):
    """registering shows the fingerprint and the line for authorized_keys, tests every step, and opens the site"""
    site = grid.make_site("alpha", 2)
    open(os.path.join(site.home, "recorder.log"), "w", encoding="utf-8").close()
    printed = "\n".join(grid.register(site))
    assert site.server.fingerprint() in printed and "ssh-ed25519 AAAA" in printed, printed
    grid.wait_site("alpha")
    shown = grid.get("/v1/sites/alpha")
    equal(shown["intent"], "open")
    assert any(k["pinned"] and k["fingerprint"] == site.server.fingerprint() for k in shown["hosts"][0]["keys"]), shown
    equal(grid.run_job(command=["/bin/true"])["state"], "succeeded")


@suite.test
def test_steps(grid):
    """testing a site names its steps, each with a time, and all go well"""
    done = grid.run("site", "test", "alpha")
    for word in ("host key", "login", "upload", "worker"):
        assert word in done.stdout.lower(), f"no step names {word}:\n{done.stdout}"


@suite.test
def wrong_fingerprint(grid):
    """another fingerprint than the one the administrator expects stops the registration"""
    site = grid.make_site("wrong", 1)
    done = grid.run("site", "add", "wrong", f"{site.user}@127.0.0.1:{site.server.port}", "--root", site.root, "--yes",
                    "--fingerprint", "SHA256:" + "A" * 43, check=False)
    assert done.returncode != 0 and "fingerprint" in (done.stdout + done.stderr).lower(), done
    equal(grid.get("/v1/sites/wrong")["intent"], "closed")
    site.server.stop()


@suite.test
def no_login(grid):
    """a site whose account does not take the key says at which step it fails and how to mend it"""
    site = grid.make_site("locked", 1)
    done = grid.run("site", "add", "locked", f"{site.user}@127.0.0.1:{site.server.port}", "--root", site.root, "--yes",
                    "--fingerprint", site.server.fingerprint(), check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0 and "authorized_keys" in text, text
    equal(grid.get("/v1/sites/locked")["intent"], "closed")
    site.server.stop()


@suite.test
def nobody_there(grid):
    """an address where nobody answers is reported as that"""
    done = grid.run("site", "add", "nowhere", f"somebody@127.0.0.1:{private.free_port()}", "--yes", check=False)
    text = (done.stdout + done.stderr).lower()
    assert done.returncode != 0 and ("refused" in text or "reach" in text), text


@suite.test
def drain(grid):
    """a draining site finishes what runs and takes nothing new, until it is opened again"""
    running = grid.submit({"command": SLEEPER})["id"]
    wait_until(lambda: grid.job(running)["tasks"]["running"], 30, "the first job runs")
    intent(grid, "alpha", "drain")
    waiting = grid.submit({"command": ["/bin/true"]})["id"]
    equal(grid.wait_job(running)["state"], "succeeded")
    wait_until(lambda: (grid.job(waiting)["wait"] or {}).get("reason") == "closed", 20, "the second job says why it waits")
    equal(grid.job(waiting)["tasks"]["running"], 0)
    intent(grid, "alpha", "open")
    equal(grid.wait_job(waiting)["state"], "succeeded")


@suite.test
def cut_link(grid):
    """a cut connection costs a running task nothing"""
    job = grid.submit({"command": SLEEPER})["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"], 30, "the job runs")
    grid.sites["alpha"].server.cut()
    equal(grid.wait_job(job)["state"], "succeeded")
    equal(grid.attempt(job)["attempt"], 1)


@suite.test
def sshd_away(grid):
    """a site that cannot be reached for a while is said to be down, and its task's result is taken when it is back"""
    site = grid.sites["alpha"]
    job = grid.submit({"command": ["/bin/sleep", "2"]})["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"], 30, "the job runs")
    site.server.stop()
    wait_until(lambda: grid.get("/v1/sites/alpha")["health"] in ("suspect", "down", "probing"), 60, "the site is not up")
    site.server.start()
    equal(grid.wait_job(job)["state"], "succeeded")
    equal(grid.attempt(job)["attempt"], 1)
    grid.wait_site("alpha")


@suite.test
def jump_host(grid):
    """a site behind a jump host works like any other"""
    inner, outer = grid.make_site("inner", 1), grid.make_site("outer", 1)
    outer.server.stop()
    outer.server.lines = ("AllowTcpForwarding yes",)
    outer.server.start()
    words = ["site", "add", "inner", f"{inner.user}@127.0.0.1:{inner.server.port}", "--root", inner.root, "--jump",
             f"{outer.user}@127.0.0.1:{outer.server.port}", "--yes"]
    grid.run(*words, check=False)
    key = wait_until(lambda: grid.get("/v1/sites/inner")["accounts"][0]["public_key"], 30, "the site has a key")
    for server in (inner.server, outer.server):
        server.authorize(key)
    # Each run goes on where the last one stopped; every hop's key is confirmed.
    wait_until(lambda: grid.run(*words, check=False).returncode == 0, 60, "the registration comes to its end")
    grid.wait_site("inner")
    equal(grid.run_job(command=["/bin/true"], sites=["inner"])["state"], "succeeded")
    intent(grid, "inner", "close")


@suite.test
def openssh_only(grid):
    """a site that libssh2 cannot speak to is reached through the OpenSSH client, and the test says so"""
    site = grid.make_site("modern", 1)
    site.server.stop()
    site.server.lines = ("Ciphers aes256-gcm@openssh.com",)
    site.server.start()
    printed = "\n".join(grid.register(site))
    assert "openssh" in printed.lower(), printed
    grid.wait_site("modern")
    equal(grid.run_job(command=["/bin/true"], sites=["modern"])["state"], "succeeded")
    intent(grid, "modern", "close")


@suite.test
def changed_host_key(grid):
    """a changed host key closes the site with an alarm, and nothing is sent there"""
    site = grid.sites["alpha"]
    site.server.stop()
    site.server.make_host_key()
    site.server.start()
    wait_until(lambda: grid.get("/v1/sites/alpha")["alarm"], 60, "the site has an alarm")
    equal(grid.get("/v1/sites/alpha")["intent"], "closed")
    job = grid.submit({"command": ["/bin/true"], "sites": ["alpha"]})["id"]
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == "closed", 20, "the job says why it waits")
    # The administrator confirms the new key.
    grid.run("site", "pin", "alpha", "--fingerprint", site.server.fingerprint())
    intent(grid, "alpha", "open")
    equal(grid.wait_job(job)["state"], "succeeded")


@suite.test
def close_and_remove(grid):
    """closing a site ends its connections, and a closed site can be removed"""
    site = grid.sites["alpha"]
    equal(grid.api("DELETE", "/v1/sites/alpha")[0], 409, "removing an open site")
    intent(grid, "alpha", "close")
    wait_until(lambda: not site.server.sessions(), 30, "no connection is left")
    wait_until(lambda: grid.api("DELETE", "/v1/sites/alpha")[0] in (200, 204), 30, "the site is removed")
    equal(grid.api("GET", "/v1/sites/alpha")[0], 404)
    wait_until(lambda: not grid.workers(site), 30, "no worker is left at the site")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:], heartbeat="1s", lease="20s") else 0)
