# SPDX-License-Identifier: Apache-2.0
"""What the engine owes to sites and projects: limits, shares, data, intents of admins, broken and absent sites."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import RECORD, Suite, checker, private, wait_until  # noqa: E402

suite = Suite()
TRUE = ["/bin/true"]
LEASE, MARGIN = 5, 2


def setup(grid):
    grid.patience = 30
    grid.start()
    checker.watch_database(grid.conninfo())
    grid.add_site("alpha", cpus=4)
    grid.add_site("bravo", cpus=4)


def sh(text):
    return ["/bin/sh", "-c", text]


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def post(grid, path, body=None, want=202):
    status, reply = grid.ask("POST", path, body or {})
    equal(status, want, f"POST {path}: {reply}")
    return reply


def patch(grid, path, body):
    status, reply = grid.ask("PATCH", path, body)
    equal(status, 200, f"PATCH {path}: {reply}")


def submit(grid, **body):
    return grid.submit({"command": TRUE, **body})["id"]


def ends(grid, job, state="succeeded", seconds=60):
    shown = grid.wait_job(job, seconds)
    equal(shown["state"], state, f"state of job {job}")
    return shown


def site_intent(grid, name, intent):
    status, reply = grid.ask("POST", f"/v1/sites/{name}/{intent}", {"why": "a test"})
    assert status in (200, 202), f"{intent} {name}: {status} {reply}"


def waits(grid, job, reason, seconds=20):
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") == reason, seconds, f"job {job} waits: {reason}")


def peak(grid, jobs, site=None):
    """The most CPUs that these jobs held at once, by the sites' own records."""
    lines = [x for s in grid.sites.values() if site in (None, s.name)
             for x in checker.read_site(s.name, os.path.join(s.home, RECORD))[0]]
    runs = [r for r in checker.runs_of(lines) if r.job in jobs]
    assert runs, "nothing was recorded"
    now = most = 0
    for _at, step in sorted(x for r in runs for x in ((r.begin, r.cpus), (r.last, -r.cpus))):
        now += step
        most = max(most, now)
    return most


@suite.test
def project_limits(grid):
    """a project never runs more CPUs or tasks than it may, and its jobs say that they wait for that"""
    post(grid, "/v1/projects", {"name": "small", "max_cpus": 3}, want=201)
    post(grid, "/v1/projects", {"name": "few", "max_tasks": 2}, want=201)
    small = grid.submit(grid.recorded(0.4, array="1-12", project="small"))["id"]
    few = grid.submit(grid.recorded(0.4, array="1-8", project="few"))["id"]
    wait_until(lambda: "project_limit" in [(grid.job(j)["wait"] or {}).get("reason") for j in (small, few)], 20,
               "one of them says project_limit")
    ends(grid, small)
    ends(grid, few)
    assert peak(grid, [small]) <= 3, peak(grid, [small])
    assert peak(grid, [few]) <= 2, peak(grid, [few])


@suite.test
def site_limits(grid):
    """a site's limit of tasks, and its rule for a project, hold"""
    patch(grid, "/v1/sites/alpha", {"max_tasks": 2})
    post(grid, "/v1/projects", {"name": "guest"}, want=201)
    patch(grid, "/v1/sites/bravo", {"projects": [{"name": "guest", "max_cpus": 1}]})
    one = grid.submit(grid.recorded(0.3, array="1-10", sites=["alpha"]))["id"]
    two = grid.submit(grid.recorded(0.3, array="1-6", sites=["bravo"], project="guest"))["id"]
    ends(grid, one)
    ends(grid, two)
    assert peak(grid, [one], "alpha") <= 2, peak(grid, [one])
    assert peak(grid, [two], "bravo") <= 1, peak(grid, [two])
    patch(grid, "/v1/sites/alpha", {"max_tasks": None})
    patch(grid, "/v1/sites/bravo", {"projects": []})


@suite.test
def countables(grid):
    """a named countable is held by those that ask for it, and where nobody offers it nothing runs"""
    job = grid.submit(grid.recorded(0.3, array="1-6"))["id"]
    ends(grid, job)
    body = grid.recorded(0.3, array="1-6")
    body["resources"] = {"cpus": 1, "licence": 1}
    post(grid, "/v1/jobs", body, want=422)
    patch(grid, "/v1/sites/bravo", {"offer": {"custom": {"licence": 1}}})
    job = grid.submit(dict(body, hold=True))["id"]
    patch(grid, "/v1/sites/bravo", {"offer": {"custom": {}}})
    post(grid, f"/v1/jobs/{job}/release", {})
    waits(grid, job, "too_large")
    patch(grid, "/v1/sites/bravo", {"offer": {"cpus": 4, "custom": {"licence": 2}}})
    ends(grid, job)
    equal({grid.attempt(job, n)["site"] for n in range(1, 7)}, {"bravo"})
    assert peak(grid, [job]) <= 2, peak(grid, [job])


@suite.test
def fair_share(grid):
    """two projects that want more than there is get it by their shares, three to one"""
    post(grid, "/v1/projects", {"name": "three", "share": 3}, want=201)
    post(grid, "/v1/projects", {"name": "one", "share": 1}, want=201)
    jobs = {name: submit(grid, array="1-200", command=["/bin/sleep", "0.1"], project=name, hold=True, sites=["alpha", "bravo"])
            for name in ("one", "three")}
    for job in jobs.values():
        post(grid, f"/v1/jobs/{job}/release")
    for job in jobs.values():
        ends(grid, job, seconds=90)
    began = sorted((task["attempts"][0]["placed_at"], name) for name, job in jobs.items()
                   for task in grid.items(f"/v1/jobs/{job}/tasks"))
    share = sum(name == "three" for _at, name in began[:200]) / 200
    assert 0.65 <= share <= 0.85, f"the project of share 3 had {share:.2f} of the first 200 tasks"


@suite.test
def data_decides(grid):
    """a job goes where its input is when no copy may be made, waits while that site is closed, and says so"""
    patch(grid, "/v1/sites/bravo", {"data": {"accept": False}})
    path = grid.sites["alpha"].make_data("set")
    with open(os.path.join(path, "x"), "w", encoding="utf-8") as file:
        file.write("x\n")
    grid.run("data", "add", "set", f"alpha:{path}")
    site_intent(grid, "alpha", "drain")
    job = submit(grid, inputs=["set"], command=sh("cat $REEVE_INPUT_1/x"))
    wait_until(lambda: (grid.job(job)["wait"] or {}).get("reason") in ("closed", "input_nowhere"), 20, "it says why it waits")
    dropped = {d["site"]: step["step"] for step in grid.get(f"/v1/jobs/{job}/explain")["wait"]["funnel"]
               for d in step.get("dropped") or []}
    equal(dropped, {"alpha": "open", "bravo": "data"})
    site_intent(grid, "alpha", "open")
    ends(grid, job)
    equal((grid.attempt(job)["site"], grid.log(job)), ("alpha", b"x\n"))
    patch(grid, "/v1/sites/bravo", {"data": {"accept": True}})


@suite.test
def drain_and_close(grid):
    """a draining site finishes what runs; a closed one is left, also across a restart, and nothing counts as cancelled"""
    job = submit(grid, array="1-2", command=sh("sleep 1.5"), sites=["bravo"])
    wait_until(lambda: grid.job(job)["tasks"]["running"] == 2, 20, "both run")
    site_intent(grid, "bravo", "drain")
    ends(grid, job)
    site_intent(grid, "bravo", "open")
    job = submit(grid, array="1-2", command=sh("case $PWD in */bravo/*) sleep 60;; esac"), sites=["alpha", "bravo"])
    both = submit(grid, array="1-4", command=sh("case $PWD in */bravo/*) trap '' TERM; sleep 60;; esac"), sites=["bravo"])
    wait_until(lambda: grid.job(both)["tasks"]["running"], 20, "it runs at bravo")
    site_intent(grid, "bravo", "close")
    wait_until(lambda: any(a["state"] != "running" for n in range(1, 5) for a in grid.task(both, n)["attempts"]), 20,
               "they are asked to stop")
    grid.stop()
    grid.start()
    ends(grid, job)
    wait_until(lambda: grid.job(both)["tasks"]["placed"] == 0, 40, "nothing of it is left at bravo")
    equal((grid.job(both)["state"], grid.job(both)["tasks"]["cancelled"]), ("active", 0))
    equal(grid.attempt(both)["outcome"], "drained")
    site_intent(grid, "bravo", "open")
    post(grid, f"/v1/jobs/{both}/cancel")
    ends(grid, both, "cancelled")
    grid.wait_site("bravo")


@suite.test
def closed_while_away(grid):
    """what runs at a site that is closed while no engine leads is asked to stop all the same"""
    job = submit(grid, command=sh("case $PWD in */bravo/*) sleep 60;; esac"), sites=["bravo"])
    wait_until(lambda: grid.job(job)["tasks"]["running"], 20, "it runs at bravo")
    private.send(grid.process.pid, signal.SIGKILL)
    grid.process.wait()
    checker.psql(grid.conninfo(), "update sites set intent = 'closed' where name = 'bravo'")
    grid.start()
    wait_until(lambda: grid.job(job)["tasks"]["placed"] == 0, 30, "it was stopped")
    site_intent(grid, "bravo", "open")
    post(grid, f"/v1/jobs/{job}/cancel")
    ends(grid, job, "cancelled")
    grid.wait_site("bravo")


@suite.test
def two_hosts(grid):
    """a site of two hosts and one account is added without harm to anybody"""
    before = grid.get("/v1/overview")["engine"]["epoch"]
    port = grid.sites["bravo"].server.port
    post(grid, "/v1/sites", {"name": "twin", "hosts": [{"address": "127.0.0.1", "port": port},
                                                       {"address": "localhost", "port": port}],
                             "accounts": [{"user": grid.user_name()}]}, want=201)
    wait_until(lambda: grid.get("/v1/sites/twin")["accounts"][0]["public_key"], 20, "the account has its key")
    ends(grid, submit(grid))
    equal(grid.get("/v1/overview")["engine"]["epoch"], before, "epoch")


@suite.test
def away_longer_than_its_lease(grid):
    """a task whose site is away longer than its lease runs elsewhere, once, and the late report changes nothing"""
    job = grid.submit(grid.recorded(LEASE + MARGIN + 6, sites=["alpha", "bravo"]))["id"]
    wait_until(lambda: grid.job(job)["tasks"]["running"], 20, "it runs")
    first = grid.attempt(job)["site"]
    grid.sites[first].server.stop()
    wait_until(lambda: grid.attempt(job)["attempt"] == 2 and grid.attempt(job)["state"] == "running", 40, "attempt 2 runs")
    second = grid.attempt(job)["site"]
    assert second != first, f"attempt 2 is at {second} too"
    grid.sites[first].server.start()
    grid.wait_site(first)
    ends(grid, job)
    equal([(a["attempt"], a["state"]) for a in sorted(grid.task(job)["attempts"], key=lambda a: a["attempt"])],
          [(1, "lost"), (2, "succeeded")])
    equal(grid.judge_capacity()[1], [])


@suite.test
def cancelled_while_away(grid):
    """a task that is cancelled while its site is away does not run again when the lease runs out"""
    job = submit(grid, array="1-2", command=sh("[ $REEVE_TASK = 2 ] || sleep 60"), sites=["bravo"])
    wait_until(lambda: grid.job(job)["tasks"]["running"] == 1 and grid.job(job)["tasks"]["succeeded"] == 1, 20, "task 1 runs")
    grid.sites["bravo"].server.stop()
    post(grid, f"/v1/jobs/{job}/cancel", {"task": 1})
    ends(grid, job, "cancelled", 40)
    equal([a["state"] for a in grid.task(job, 1)["attempts"]], ["lost"])
    grid.sites["bravo"].server.start()
    grid.wait_site("bravo")


@suite.test
def black_hole(grid):
    """a site where everything fails at once gets no more work until a probe succeeds there; all tasks succeed elsewhere"""
    job = submit(grid, array="1-120", command=sh("case $PWD in */bravo/*) exit 1;; esac; sleep 0.1"),
                 retry={"max": 5, "site_max": 20, "delay": 1}, sites=["alpha", "bravo"])
    shown = ends(grid, job, seconds=90)
    equal(shown["tasks"]["succeeded"], 120)
    tasks = grid.items(f"/v1/jobs/{job}/tasks")
    again = sum(t["attempts"][0]["attempt"] > 1 for t in tasks)
    # Until the first task has ended well elsewhere nothing tells the site's fault from the program's.
    assert again < 110, f"{again} of 120 tasks were tried at the black hole"
    kinds = [e["kind"] for e in grid.items("/v1/events?site=bravo")]
    assert "site.suspect" in kinds, kinds
    wait_until(lambda: "site.probed" in [e["kind"] for e in grid.items("/v1/events?site=bravo")], 40, "a probe answered")
    grid.wait_site("bravo")


@suite.test
def promises(grid):
    """no site was ever asked for more than it offers"""
    equal(grid.judge_capacity()[1], [])


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:], heartbeat="500ms", lease=f"{LEASE}s", lease_margin=f"{MARGIN}s") else 0)
