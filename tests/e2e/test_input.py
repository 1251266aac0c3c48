# SPDX-License-Identifier: Apache-2.0
"""Wrong input anywhere gets one clear error that says what, where and how to mend it, and changes nothing."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import Suite, private  # noqa: E402

suite = Suite()
TRUE = ["/bin/true"]

# Bodies for POST /v1/jobs: what must be named in the answer, and the pointer of the wrong place.
BAD_JOBS = [
    ({}, "command", ""),
    ({"command": TRUE, "script": "#!/bin/sh\n"}, "script", ""),
    ({"command": "true"}, "command", "/command"),
    ({"command": []}, "command", "/command"),
    ({"command": ["/bin/echo", 7]}, "command", "/command/1"),
    ({"command": ["a\0b"]}, "u0000", ""),
    ({"command": TRUE, "wings": 2}, "wings", "/wings"),
    ({"command": TRUE, "array": "9-1"}, "array", "/array"),
    ({"command": TRUE, "array": "1-99999999"}, "array", "/array"),
    ({"command": TRUE, "array": "1-5%0"}, "array", "/array"),
    ({"command": TRUE, "resources": {"cpus": 0}}, "cpus", "/resources/cpus"),
    ({"command": TRUE, "resources": {"cpus": -1}}, "cpus", "/resources/cpus"),
    ({"command": TRUE, "resources": {"memory": "2 potatoes"}}, "memory", "/resources/memory"),
    ({"command": TRUE, "time_limit": "soon"}, "time_limit", "/time_limit"),
    ({"command": TRUE, "priority": 5000}, "priority", "/priority"),
    ({"command": TRUE, "retry": {"max": -1}}, "max", "/retry/max"),
    ({"command": TRUE, "retry": {"on_exit": {"300": "retry"}}}, "on_exit", "/retry/on_exit"),
    ({"command": TRUE, "retry": {"on_exit": {"3": "explode"}}}, "on_exit", "/retry/on_exit"),
    ({"command": TRUE, "after": [999999999]}, "999999999", "/after/0"),
    ({"command": TRUE, "after": [{"job": 1, "on": "maybe"}]}, "not_ok", "/after/0/on"),
    ({"command": TRUE, "inputs": ["no-such-dataset"]}, "no-such-dataset", "/inputs/0"),
    ({"command": TRUE, "inputs": ["../etc"]}, "inputs", "/inputs/0"),
    ({"command": TRUE, "outputs": ["/etc/passwd"]}, "outputs", "/outputs/0"),
    ({"command": TRUE, "outputs": ["../../x"]}, "outputs", "/outputs/0"),
    ({"command": TRUE, "sites": ["no-such-site"]}, "no-such-site", "/sites/0"),
    ({"command": TRUE, "workdir": "relative"}, "workdir", "/workdir"),
    ({"command": TRUE, "env": {"A=B": "x"}}, "env", "/env"),
    ({"command": TRUE, "env": {"A": "x\0y"}}, "u0000", ""),
    ({"command": TRUE, "project": "no-such-project"}, "no-such-project", "/project"),
    ({"command": TRUE, "deadline": "tomorrow"}, "deadline", "/deadline"),
    ({"command": TRUE, "name": "x" * 300}, "name", "/name"),
    ({"command": TRUE, "log_limit": "-5"}, "log_limit", "/log_limit"),
]

# Bodies that are no JSON object, or too large: the status.
BAD_BODIES = [
    (b"", (400, 422)), (b"{", (400,)), (b"[]", (400, 422)), (b"\xff\xfe", (400,)), (b'{"command":["/bin/true"],"command":[]}', (400,)),
    (b"[" * 100000, (400,)), (b'{"name":"' + b"x" * (2 << 20) + b'"}', (413,)), (b'{"priority":1e999}', (400, 422)),
]

# Command lines: words, exit code, what the message must name.
BAD_COMMANDS = [
    (["submit"], 2, "command"),
    (["submit", "--cpus", "many", "--", "true"], 2, "cpus"),
    (["submit", "--array", "5-1", "--", "true"], 2, "array"),
    (["submit", "--colour", "--", "true"], 2, "colour"),
    (["submit", "-f", "/no/such/file.yaml"], 2, "/no/such/file.yaml"),
    (["frobnicate"], 2, "frobnicate"),
    (["show", "99999999"], 3, "99999999"),
    (["show", "not-a-job"], 2, "not"),
    (["logs", "99999999"], 3, "99999999"),
    (["cancel", "99999999"], 3, "99999999"),
    (["site", "show", "no-such-site"], 3, "no-such-site"),
    (["site", "add", "Bad Name", "u@h"], 2, "Bad Name"),
    (["site", "add", "x", "u@h:99999"], 2, "99999"),
    (["site", "add", "x", "--key", "/no/such/key", "u@h"], 2, "/no/such/key"),
    (["data", "add", "x", "no-colon"], 2, "no-colon"),
    (["data", "add", "x", "no-such-site:/tmp"], 2, "no-such-site"),
    (["get", "99999999", "/tmp/x"], 3, "99999999"),
]

# Command lines of reeved: what the message must name.
BAD_STARTS = [
    (["--state", "/proc/no"], "/proc/no"),
    (["--state", "STATE", "--listen", "nonsense"], "nonsense"),
    (["--state", "STATE", "--set", "wings=2"], "wings"),
    (["--state", "STATE", "--set", "lease=soon"], "lease"),
    (["--state", "STATE", "--config", "/no/such/file"], "/no/such/file"),
    (["--state", "STATE", "--database", "host=/no/such/dir"], "/no/such/dir"),
    (["--state", "STATE", "--role", "king"], "king"),
    (["--wings"], "--wings"),
]


def setup(grid):
    grid.start()


@suite.test
def jobs(grid):
    """a wrong job is refused with the place and the reason, and none is made"""
    wrong = []
    for body, word, pointer in BAD_JOBS:
        status, reply = grid.api("POST", "/v1/jobs", body)
        text = json.dumps(reply) if isinstance(reply, dict) else str(reply)
        pointers = [e.get("pointer", "") for e in reply.get("errors") or []] if isinstance(reply, dict) else []
        if status not in (400, 404, 409, 422) or word not in text:
            wrong.append(f"{body}: {status} {text[:300]}")
        elif pointer and not any(p.startswith(pointer) for p in pointers):
            wrong.append(f"{body}: points at {pointers}, not {pointer}")
    assert not wrong, "\n".join(wrong)
    assert grid.items("/v1/jobs") == []


@suite.test
def all_errors_at_once(grid):
    """a job that is wrong in several places hears of all of them"""
    _status, reply = grid.api("POST", "/v1/jobs", {"command": TRUE, "priority": 5000, "array": "x", "wings": 1})
    assert len(reply["errors"]) == 3, reply


@suite.test
def bodies(grid):
    """what is no JSON, too deep, too large or ambiguous is refused"""
    wrong = []
    for body, statuses in BAD_BODIES:
        status, reply = grid.api("POST", "/v1/jobs", body)
        if status not in statuses:
            wrong.append(f"{body[:40]}: {status} {str(reply)[:200]}")
    assert not wrong, "\n".join(wrong)


@suite.test
def routes(grid):
    """no such path, wrong method, no login and a wrong login are different answers"""
    for method, path, token, status in (("GET", "/v1/nothing", None, 404), ("DELETE", "/v1/jobs", None, 405),
                                        ("GET", "/v1/jobs", "reeve_" + "x" * 40, 401), ("GET", "/v1/jobs/abc", None, (400, 404)),
                                        ("GET", "/v1/jobs?limit=0", None, 400), ("GET", "/v1/jobs?cursor=%00", None, 400),
                                        ("GET", "/../etc/passwd", None, (400, 404)), ("GET", "/v1/jobs/-1", None, (400, 404))):
        got, reply = grid.api(method, path, token=token)
        assert got == status or isinstance(status, tuple) and got in status, f"{method} {path}: {got} {reply}"


@suite.test
def commands(grid):
    """a wrong command line ends with its exit code and a message that names what is wrong"""
    wrong = []
    for words, code, word in BAD_COMMANDS:
        done = grid.run(*words, check=False)
        if done.returncode != code or word not in done.stderr:
            wrong.append(f"reeve {' '.join(words)}: {done.returncode}, not {code}; {done.stderr.strip()!r}")
    assert not wrong, "\n".join(wrong)


# Job files, options beside them, and what the message must name: where it stands, or (an option's) that it stands nowhere.
BAD_FILES = [
    ("command: [a]\nmemroy: 2G\n", [], 'FILE:2: "memroy": unknown member; did you mean "memory" in "resources"?'),
    ("command: [a]\nlabls: {}\n", [], 'FILE:2: "labls": unknown member; did you mean "labels"?'),
    ("command: [a]\nresources:\n  memroy: 2G\n", [], 'FILE:3: /resources/memroy: "memroy": no site offers such a resource; did you mean "memory"?'),
    ('[{"command": ["a"]},\n {"command": ["b"],\n  "priority": 5000}]', [], "FILE:3: /jobs/1/priority: must be"),
    ("name: x\nenv: {}\n", [], "FILE:1: /command: is required"),
    ("command: [a]\npriority: 1\n", ["--priority", "5000"], "/priority: must be"),
    ("command: [a\n", [], "FILE: line 2"),
]


@suite.test
def job_files(grid):
    """what is wrong in a job file is told with its line, whoever finds it"""
    path = os.path.join(grid.directory, "job.yaml")
    wrong = []
    for text, words, says in BAD_FILES:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = grid.run("submit", *words, "-f", path, check=False)
        if done.returncode != 2 or says.replace("FILE", path) not in done.stderr or (words and path in done.stderr):
            wrong.append(f"{text!r}: {done.returncode}; {done.stderr.strip()!r}")
    assert not wrong, "\n".join(wrong)


@suite.test
def nobody_listens(grid):
    """a server that does not answer is exit code 6"""
    env = {**grid.environment(), "REEVE_URL": f"http://127.0.0.1:{private.free_port()}"}
    done = subprocess.run([os.path.join(grid.bin, "reeve"), "jobs"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 6 and env["REEVE_URL"].split("//")[1] in done.stderr, done


@suite.test
def starts(grid):
    """reeved refuses wrong options and settings by name, quickly"""
    wrong = []
    for number, (words, word) in enumerate(BAD_STARTS):
        state = os.path.join(grid.directory, f"state-{number}")
        os.mkdir(state, 0o700)
        words = [state if w == "STATE" else w for w in words]
        done = subprocess.run([os.path.join(grid.bin, "reeved"), *words], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        if done.returncode in (0, -11, -6) or word not in done.stderr:
            wrong.append(f"reeved {' '.join(words)}: {done.returncode} {done.stderr.strip()[-300:]!r}")
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
