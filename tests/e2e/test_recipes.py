# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/recipes, as somebody would run them: curl and jq, Python, R."""
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite  # noqa: E402

suite = Suite()
RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "recipes")
LANGUAGES = [("bash", "array.sh"), (sys.executable, "array.py"), ("Rscript", "array.R")]
LARGE = 700_000  # bytes: more than one piece


def setup(grid):
    grid.start()
    grid.add_site("alpha", 2)


def recipe(grid, program, name, *args):
    return subprocess.run([program, os.path.join(RECIPES, name), *map(str, args)], capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "REEVE_URL": grid.url, "REEVE_TOKEN_FILE": os.path.join(grid.state, "admin-token")})


def job_file(grid, name, **body):
    path = os.path.join(grid.directory, f"{name}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(body, file)
    return path


def expect(condition, ran, what):
    if not condition:
        raise AssertionError(f"{what}\nexit {ran.returncode}\n{ran.stdout}{ran.stderr}")


def fetches(program, name):
    def fetched(grid):
        script = f"mkdir -p 'a b' && head -c {LARGE} /dev/zero | tr '\\0' $REEVE_TASK > 'a b/'$REEVE_TASK.dat && echo $REEVE_TASK > note$REEVE_TASK"
        folder = os.path.join(grid.directory, name + ".out")
        ran = recipe(grid, program, name, folder,
                     job_file(grid, name, script=f"#!/bin/sh\n{script}\n", array="1-3", outputs=["note*", "a b/*.dat"]))
        expect(ran.returncode == 0, ran, "the job succeeded")
        expect("succeeded: 3 of 3 done" in ran.stderr, ran, "progress is told")
        for task in "123":
            with open(os.path.join(folder, task, "a b", task + ".dat"), "rb") as file:
                whole = file.read()
            expect(hashlib.sha256(whole).digest() == hashlib.sha256(task.encode() * LARGE).digest(), ran, f"{task}.dat has its bytes")
            with open(os.path.join(folder, task, "note" + task), encoding="ascii") as file:
                expect(file.read() == task + "\n", ran, "the note has its text")
    fetched.__name__ = name.replace(".", "_") + "_fetches"
    fetched.__doc__ = f"{name} submits an array, tells its progress and fetches its outputs, also large ones"
    return fetched


def fails(program, name):
    def failed(grid):
        ran = recipe(grid, program, name, os.path.join(grid.directory, "none"),
                     job_file(grid, name, script="#!/bin/sh\necho no such genome >&2; exit 3\n", retry={"max": 0}))
        expect(ran.returncode == 1, ran, "it ends with 1")
        expect("no such genome" in ran.stderr, ran, "it shows why")
        ran = recipe(grid, program, name, "x", job_file(grid, name, command=["true"], array="nine", resources={"cpus": -1}))
        expect(ran.returncode != 0 and "/array" in ran.stderr and "/resources/cpus" in ran.stderr, ran, "both mistakes are told")
    failed.__name__ = name.replace(".", "_") + "_fails"
    failed.__doc__ = f"{name} shows what a failed task said, and everything that is wrong with a refused job"
    return failed


for language in LANGUAGES:
    suite.test(fetches(*language))
    suite.test(fails(*language))


@suite.test
def many(grid):
    """poll_many.py follows more jobs than one question holds to their ends"""
    status, reply = grid.ask("POST", "/v1/jobs:bulk", {"jobs": [{"command": ["true" if i % 2 else "false"], "retry": {"max": 0}} for i in range(1100)]})
    if status != 201:
        raise AssertionError(f"bulk answered {status}: {reply}")
    ran = recipe(grid, sys.executable, "poll_many.py", *range(reply["first_id"], reply["last_id"] + 1), 999_999_999)
    lines = ran.stdout.splitlines()
    expect(ran.returncode == 1, ran, "not all succeeded")
    for state in ("succeeded", "failed"):
        expect(sum(line.endswith(state) for line in lines) == 550, ran, f"550 are told as {state}")
    expect("999999999 not found" in lines, ran, "a job that is not there is told")


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
