# SPDX-License-Identifier: Apache-2.0
"""What jobs say of their progress, from a program at a site to the API, and how fast arrays go."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, wait_until  # noqa: E402

suite = Suite()


def setup(grid):
    grid.start()
    grid.add_site("alpha", cpus=4)


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def gate(grid, name):
    """A shell's words that wait until a file exists at the site; the file."""
    path = os.path.join(grid.sites["alpha"].home, name)
    return f"until test -e {path}; do sleep 0.1; done", path


def wait_progress(grid, job, text):
    def there():
        shown = grid.job(job)["progress"]
        return shown if shown and shown["text"] == text else None
    return wait_until(there, 60, f"job {job} reports {text}")


def cancel(grid, job):
    grid.ask("POST", f"/v1/jobs/{job}/cancel", {})
    grid.wait_job(job)


@suite.test
def by_command_and_by_line(grid):
    """`reeve progress` and a marked line are seen in the job, its task and the overview; nothing is left after the end"""
    wait, path = gate(grid, "go1")
    script = f"#!/bin/sh\nreeve progress 25 'phase 1'\n{wait}\necho '##reeve progress 3/4 phase 2'\nsleep 600\n"
    job = grid.submit({"script": script})["id"]
    equal(wait_progress(grid, job, "phase 1")["fraction"], 0.25)
    open(path, "w", encoding="utf-8").close()
    shown = wait_progress(grid, job, "phase 2")
    equal(shown["fraction"], 0.75)
    equal(grid.task(job)["progress"]["text"], "phase 2")
    equal([r["progress"]["fraction"] for r in grid.get("/v1/overview")["running"] if r["job"] == job], [0.75])
    equal([j["progress"]["fraction"] for j in grid.items(f"/v1/jobs?ids={job}")], [0.75])
    cancel(grid, job)
    equal((grid.job(job)["progress"], grid.task(job)["progress"], grid.job(job)["pace"]), (None, None, None))


@suite.test
def hostile_words(grid):
    """what a job writes is cut and made printable, and a wrong fraction says nothing"""
    script = ("#!/bin/sh\nprintf '##progress 10 red \\033[31m \\377 end\\n##progress 200 too far\\n##progress soon\\n'\n"
              "sleep 600\n")
    job = grid.submit({"script": script})["id"]
    equal(wait_progress(grid, job, "red ?[31m ? end")["fraction"], 0.1)
    cancel(grid, job)
    long = grid.submit({"script": "#!/bin/sh\nreeve progress - $(head -c 5000 /dev/zero | tr '\\0' x)\nsleep 600\n"})["id"]
    shown = wait_progress(grid, long, "x" * 200)
    equal(shown["fraction"], None)
    cancel(grid, long)


@suite.test
def an_array_adds_up(grid):
    """of an array the fraction is that of the whole: ended tasks and the reported parts"""
    script = "#!/bin/sh\ntest $REEVE_TASK = 1 && exit 0\nreeve progress 50 half\nsleep 600\n"
    job = grid.submit({"script": script, "array": "1-4"})["id"]

    def added():
        shown = grid.job(job)["progress"]
        return shown and shown["fraction"] == 0.625
    wait_until(added, 60, "1 + 3 x 0.5 of 4")
    cancel(grid, job)


@suite.test
def a_pace(grid):
    """an array of which 5 % ended has a rate and a band of the time that is left"""
    job = grid.submit({"command": ["/bin/sleep", "0.2"], "array": "1-1000"})["id"]
    pace = wait_until(lambda: grid.job(job)["pace"], 120, "there is a pace")
    left = pace["remaining"]
    assert pace["per_second"] > 0 and 0 < left["low"] <= left["high"], pace
    cancel(grid, job)


@suite.test
def after_a_restart(grid):
    """a new engine hears the progress of what runs on"""
    job = grid.submit({"script": "#!/bin/sh\nreeve progress 42 'before the restart'\nsleep 600\n"})["id"]
    wait_progress(grid, job, "before the restart")
    grid.stop()
    grid.start()
    equal(wait_progress(grid, job, "before the restart")["fraction"], 0.42)
    cancel(grid, job)


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
