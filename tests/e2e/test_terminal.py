# SPDX-License-Identifier: Apache-2.0
"""The command line as a person has it: terminals of 80 and 200 columns, no colour, pipes, Ctrl-C, shells, exit codes."""
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from terminal import Terminal, columns, plain  # noqa: E402
from testgrid import Suite, private, wait_until  # noqa: E402

suite = Suite()
LONG = "a-name-that-is-much-too-long-for-a-column-" * 3
LISTS = {"jobs": "id", "queue": "job", "site list": "name", "worker list": "id", "data list": "name", "project list": "name",
         "user list": "name", "token list": "id", "events": "seq", "admin audit list": "seq", "admin config --all": "name"}


def setup(grid):
    grid.start()
    grid.add_site("alpha", cpus=2)
    grid.ended = grid.run_job(command=["/bin/sh", "-c", "echo out; exit 3"], name=LONG)["id"]
    grid.held = grid.submit({"command": ["/bin/true"], "name": "later", "hold": True, "labels": {"kind": "held"}})["id"]
    path = os.path.join(grid.sites["alpha"].data, "d")
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "file"), "w", encoding="utf-8") as file:
        file.write("x")
    grid.run("data", "add", "numbers", f"alpha:{path}")


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def environment(grid, **more):
    env = grid.environment()
    env.pop("NO_COLOR", None)
    env.pop("COLUMNS", None)
    env.update(TERM="xterm-256color", LANG="C.UTF-8", LC_ALL="C.UTF-8", PATH=f"{grid.bin}:{os.environ['PATH']}", **more)
    return env


def at_terminal(grid, *words, width=80, height=24, **more):
    return Terminal([os.path.join(grid.bin, "reeve"), *words], environment(grid, **more), width, height)


def shown(grid, *words, width=80, **more):
    """What words print at a terminal, to their end."""
    with at_terminal(grid, *words, width=width, **more) as term:
        term.end()
        term.check_sane()
        return term.text


@suite.test
def tables_fit(grid):
    """every list fits into 80 and 200 columns, and shows more in 200"""
    for words in LISTS:
        narrow, wide = (shown(grid, *words.split(), width=w) for w in (80, 200))
        for width, text in ((80, narrow), (200, wide)):
            for line in plain(text).splitlines():
                assert columns(line) <= width, f"{words}: {columns(line)} columns in {width}: {line!r}"
    assert LONG not in plain(shown(grid, "jobs", width=80))
    assert LONG in plain(shown(grid, "jobs", width=200).replace("\r\n", "")) or LONG[:40] in plain(shown(grid, "jobs", width=200))


@suite.test
def colours(grid):
    """colours are for terminals only: not with NO_COLOR, --no-color, TERM=dumb, nor in a pipe"""
    assert "\x1b[" in shown(grid, "jobs"), "no colour at a terminal"
    for words, more in ((("jobs",), {"NO_COLOR": "1"}), (("jobs", "--no-color"), {}), (("jobs",), {"TERM": "dumb"})):
        env = environment(grid)
        env.update(more)
        with Terminal([os.path.join(grid.bin, "reeve"), *words], env) as term:
            term.end()
            assert "\x1b" not in term.text, f"{words} {more}: {term.text!r}"
    piped = subprocess.run([os.path.join(grid.bin, "reeve"), "jobs"], env=environment(grid), capture_output=True, text=True,
                           timeout=60)
    assert "\x1b" not in piped.stdout and LONG in piped.stdout, "a pipe is coloured or cut"


@suite.test
def formats(grid):
    """every list speaks JSON that jq reads, a line each, CSV and ids, and they agree"""
    for words, key in LISTS.items():
        jq = subprocess.run(["jq", "-c", f".items[].{key}"], input=grid.run(*words.split(), "-o", "json").stdout,
                            capture_output=True, text=True, timeout=30)
        equal(jq.returncode, 0, f"{words}: jq says {jq.stderr}")
        wanted = [str(json.loads(line)) for line in jq.stdout.splitlines()]
        if words in ("jobs", "site list", "worker list", "data list"):
            assert wanted, f"{words} is empty"
        lines = [json.loads(line) for line in grid.run(*words.split(), "-o", "jsonl").stdout.splitlines()]
        rows = list(csv.reader(io.StringIO(grid.run(*words.split(), "-o", "csv").stdout)))
        equal([str(line[key]) for line in lines], wanted, f"{words} as lines")
        equal(grid.run(*words.split(), "-o", "id").stdout.splitlines(), wanted, f"{words} as ids")
        equal((len(rows) - 1, len({len(row) for row in rows})), (len(wanted), 1), f"{words} as CSV")
        wide = grid.run(*words.split(), "-o", "wide").stdout.splitlines()
        equal(max(len(wide) - 1, 0) >= len(wanted), True, f"{words} wide")


@suite.test
def watching(grid):
    """jobs --watch draws in place at a terminal and leaves it sane; in a pipe it prints a line for each change"""
    with at_terminal(grid, "jobs", "--watch") as term:
        term.expect("later")
        grid.submit({"command": ["/bin/true"], "name": "fresh"})
        term.expect("fresh")
        term.type("q")
        equal(term.end(), 0)
        term.check_sane()
        assert "\x1b[?1049h" in term.text
    process = subprocess.Popen([os.path.join(grid.bin, "reeve"), "jobs", "--watch"], env=environment(grid), text=True,
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        job = grid.run_job(command=["/bin/true"], name="piped")["id"]
        line = ""
        while f"  {job}  piped  succeeded" not in line:
            line = process.stdout.readline()
            assert line, "it ended"
            assert "\x1b" not in line
    finally:
        process.kill()
        process.communicate()


@suite.test
def top(grid):
    """top shows jobs with their progress, sites and rates within 80 and 200 columns; q, Ctrl-C and SIGTERM leave it sane"""
    job = grid.submit({"script": "#!/bin/sh\nreeve progress 42 'phase two'\nsleep 600\n", "name": "slow"})["id"]
    wait_until(lambda: grid.job(job)["progress"], 60, "progress is known")
    for width, height in ((80, 24), (200, 50)):
        for leave in ("q", "\x03", signal.SIGTERM):
            with at_terminal(grid, "top", width=width, height=height) as term:
                for word in ("alpha", "slow", "42%", "ends/s"):
                    term.expect(word)
                for line in plain(term.text.replace("\x1b[H", "\n")).replace("\r", "").splitlines():
                    assert columns(line) <= width, f"{columns(line)} in {width}: {line!r}"
                equal(max(frame.count("\n") for frame in term.text.split("\x1b[H")) < height, True, "a frame's lines")
                term.resize(60, 20)
                if isinstance(leave, str):
                    term.type(leave)
                else:
                    os.kill(term.pid, leave)
                equal(term.end(), 0, "exit code")
                term.check_sane()
    once = grid.run("top", "--once").stdout
    assert "\x1b" not in once and "slow" in once and "phase two" in once, once
    equal(json.loads(grid.run("top", "-o", "json").stdout)["jobs"][0]["name"], "slow")
    refused = grid.run("top", check=False)
    equal(refused.returncode, 2)
    grid.ask("POST", f"/v1/jobs/{job}/cancel", {})
    grid.wait_job(job)


@suite.test
def suspended(grid):
    """Ctrl-Z gives the terminal back, and the picture comes again when it goes on"""
    with Terminal(["bash", "--noprofile", "--norc", "-i"], environment(grid, PS1="> ")) as term:
        term.expect("> ")
        term.type("reeve top\r")
        term.expect("alpha")
        term.type("\x1a")
        at = term.expect("Stopped")
        term.check_sane(settings=False)
        term.type("fg\r")
        term.expect("alpha", since=at)
        term.type("q")
        wait_until(lambda: term.pump(0.2) and term.text.rstrip().endswith(">"), 60, "the shell asks again")
        term.check_sane(settings=False)
        term.type("exit\r")
        equal(term.end(), 0)


@suite.test
def interrupted_run(grid):
    """Ctrl-C in run cancels the job and waits for its end; a second one leaves; the terminal is sane"""
    with at_terminal(grid, "run", "--", "/bin/sh", "-c", "echo begun; sleep 600") as term:
        term.expect("begun")
        number = int(re.search(r"job (\d+)", term.text).group(1))
        term.type("\x03")
        term.expect("cancelling")
        equal(term.end(), 143, "exit code")
        term.check_sane()
    equal(grid.wait_job(number)["state"], "cancelled")
    stubborn = "trap '' TERM; echo begun; while :; do sleep 1; done"
    with at_terminal(grid, "run", "--", "/bin/sh", "-c", stubborn) as term:
        term.expect("begun")
        number = int(re.search(r"job (\d+)", term.text).group(1))
        term.type("\x03")
        term.expect("Ctrl-C again")
        time.sleep(0.5)
        term.type("\x03")
        equal(term.end(), 130, "exit code")
        term.check_sane()
    grid.wait_job(number)


@suite.test
def interrupted_logs(grid):
    """Ctrl-C in logs -f, in wait and in events -f ends them and leaves the terminal sane"""
    job = grid.submit({"command": ["/bin/sh", "-c", "echo line; sleep 600"]})["id"]
    for words, word in ((("logs", "-f", str(job)), "line"), (("wait", str(job)), "1 running"), (("events", "-f"), "site.up")):
        with at_terminal(grid, *words) as term:
            term.expect(word)
            term.type("\x03")
            assert term.end() in (-signal.SIGINT, 130), words
            term.check_sane()
    grid.ask("POST", f"/v1/jobs/{job}/cancel", {})
    grid.wait_job(job)


@suite.test
def events_follow(grid):
    """events -f tells what happens as it happens, each event once"""
    process = subprocess.Popen([os.path.join(grid.bin, "reeve"), "events", "-f", "-o", "json"], env=environment(grid), text=True,
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        seen = [json.loads(process.stdout.readline())["seq"]]
        jobs = [grid.run_job(command=["/bin/true"])["id"] for _ in range(3)]
        while jobs:
            event = json.loads(process.stdout.readline())
            seen.append(event["seq"])
            if event["kind"] == "job.ended" and event["job"] in jobs:
                jobs.remove(event["job"])
        equal(seen, sorted(set(seen)), "order")
    finally:
        process.kill()
        process.communicate()


@suite.test
def progress_is_shown(grid):
    """who waits at a terminal sees how far the job says it is, and the line is wiped at the end"""
    gate = os.path.join(grid.sites["alpha"].home, "go-on")
    job = grid.submit({"script": f"#!/bin/sh\nreeve progress 42 'phase two'\nuntil test -e {gate}; do sleep 0.1; done\n"})["id"]
    with at_terminal(grid, "wait", str(job)) as term:
        term.expect("42% phase two")
        with open(gate, "w", encoding="utf-8"):
            pass
        equal(term.end(), 0)
        term.check_sane()
    assert "42%" not in grid.run("show", str(job)).stdout


@suite.test
def patience(grid):
    """what takes longer than a moment says so at a terminal, and the line is wiped at the end"""
    with at_terminal(grid, "jobs", "--url", "http://127.0.0.1:1") as term:
        term.expect("trying again")
        equal(term.end(), 6)
        term.check_sane()
        assert "\r\x1b[Kreeve: could not reach" in term.text, term.text
    with at_terminal(grid, "logs", "-f", str(grid.held)) as term:
        term.pump(3)
        assert "waiting for the server" not in term.text, "what the server holds back is not slow"


@suite.test
def exit_codes(grid):
    """each exit code of the manual is given for its reason"""
    submit = ("run", "--", "/bin/sh", "-c")
    held = str(grid.held)
    cases = (
        (0, ("jobs",), {}),
        (1, ("cancel", "--label", "kind=held"), {}),
        (2, ("jobs", "--nonsense"), {}),
        (2, ("jobs", "-o", "yaml"), {}),
        (2, ("submit", "-f", "/no/such/file"), {}),
        (2, ("jobs",), {"REEVE_URL": "gopher://x"}),
        (2, ("progress", "soon"), {}),
        (3, ("show", "999999"), {}),
        (4, ("jobs",), {"REEVE_TOKEN": "reeve_wrong"}),
        (5, ("hold", str(grid.ended)), {}),
        (5, ("progress", "1"), {}),
        (6, ("jobs", "--url", "http://127.0.0.1:1"), {}),
        (8, ("submit", "--dry-run", "--cpus", "1000", "--", "true"), {}),
        (8, ("submit", "--strict", "--cpus", "1000", "--", "true"), {}),
        (8, ("run", "--strict", "--cpus", "1000", "--", "true"), {}),
        (2, ("submit", "--strict", "--cpus", "0", "--", "true"), {}),
        (124, ("wait", held, "--timeout", "1"), {}),
        (3, (*submit, "exit 3"), {}),
        (137, (*submit, "kill -9 $$"), {}),
        (127, ("run", "--", "/no/such/program"), {}),
        (3, ("wait", str(grid.ended)), {}),
        (7, ("submit", "--wait", "--array", "1-3", "--", "/bin/sh", "-c", "exit $((REEVE_TASK + 4))"), {}),
    )
    for code, words, more in cases:
        done = subprocess.run([os.path.join(grid.bin, "reeve"), *words], env={**grid.environment(), **more}, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
        equal(done.returncode, code, f"{words} {more}: {done.stderr}")
        if code in (2, 3, 4, 5, 6) and words[0] not in ("run", "wait"):
            assert done.stderr.startswith("reeve: ") and not done.stdout, f"{words}: {done}"
    number = grid.submit({"command": ["/bin/sleep", "600"]})["id"]
    grid.ask("POST", f"/v1/jobs/{number}/cancel", {})
    equal(grid.run("wait", str(number), check=False).returncode, 143, "a cancelled job")


@suite.test
def limits_and_losses(grid):
    """at a terminal: 7 where a limit is reached, which is named, and 125 where the site is to blame and not the program"""
    port = private.free_port()
    state = os.path.join(grid.directory, "second")
    os.mkdir(state, 0o700)
    with open(os.path.join(grid.directory, "second.log"), "ab") as log:
        second = subprocess.Popen([os.path.join(grid.bin, "reeved"), "--role", "web", "--state", state, "--database", grid.conninfo(),
                                   "--set", f"listen=127.0.0.1:{port}", "--set", "live_jobs=1"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, cwd="/")
    try:
        def refused():
            with at_terminal(grid, "submit", "--url", f"http://127.0.0.1:{port}", "--dry-run", "--", "true") as term:
                code = term.end()
                term.check_sane()
                return code == 7 and plain(term.text)
        told = wait_until(refused, 60, "the second server has counted the live jobs")
        assert "limit live_jobs: 1" in told, told
    finally:
        second.terminate()
        second.wait(30)
    with at_terminal(grid, "run", "--site-retries", "0", "--output", "x", "--", "/bin/sh", "-c", "echo > x; chmod 0 x") as term:
        equal(term.end(60), 125, f"exit code: {term.text}")
        term.check_sane()
        assert re.search(r"job \d+ ended with 125: .*output", plain(term.text).replace("\r\n", " ")), term.text


@suite.test
def many_at_once(grid):
    """cancel by a filter says which, asks, and obeys --yes"""
    jobs = [grid.submit({"command": ["/bin/true"], "hold": True, "labels": {"batch": "x"}})["id"] for _ in range(3)]
    dry = grid.run("cancel", "--label", "batch=x", "--dry-run").stdout
    assert dry.startswith("3 jobs: ") and str(jobs[0]) in dry, dry
    with at_terminal(grid, "cancel", "--label", "batch=x") as term:
        term.expect("cancel 3 jobs")
        term.type("n\n")
        equal(term.end(), 1)
        term.check_sane()
    equal({grid.job(job)["held"] is not None for job in jobs}, {True})
    grid.run("cancel", "--label", "batch=x", "--yes")
    equal({grid.wait_job(job)["state"] for job in jobs}, {"cancelled"})
    equal(grid.run("cancel", "1", "--all", check=False).returncode, 2)


TEMPLATE = """name: greet
description: Says hello.
parameters:
  - {name: whom, kind: text}
  - {name: times, kind: integer, default: 1, max: 9}
  - {name: loud, kind: switch, default: false}
job:
  script: |
    #!/bin/sh
    echo "hello {{whom}} $LOUD"
  array: "{{tasks}}"
  env: {LOUD: "{{loud}}"}
  resources: {cpus: "{{times}}"}
"""


@suite.test
def templates(grid):
    """a template is kept from a file, shown, run with values, replaced and removed; what is wrong is told at its place"""
    path = os.path.join(grid.sites["alpha"].data, "greet.yaml")

    def write(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write(TEMPLATE)
    done = grid.run("template", "save", "-f", path, check=False)
    assert done.returncode != 0 and "{{tasks}} is no parameter" in done.stderr, done.stderr
    write(TEMPLATE.replace('  array: "{{tasks}}"\n', ""))
    assert "kept: greet, version 1" in grid.run("template", "save", "-f", path).stderr
    assert "greet" in grid.run("template", "list").stdout
    assert re.search(r"whom +text +\(needed\)", grid.run("template", "show", "greet").stdout)
    done = grid.run("template", "run", "greet", "--set", "times=10", check=False)
    assert done.returncode == 2 and "must be given" in done.stderr and "at most 9" in done.stderr, done.stderr
    asked = json.loads(grid.run("template", "run", "greet", "--set", "whom=the world", "--set", "loud=yes", "--print", "json").stdout)
    equal((asked["env"], asked["resources"], asked["labels"]), ({"LOUD": "true"}, {"cpus": 1}, {"template": "greet"}))
    job = int(grid.run("-q", "template", "run", "greet", "--set", "whom=the world", "--name", "hi").stdout)
    grid.wait_job(job)
    equal((grid.job(job)["name"], grid.log(job)), ("hi", b"hello the world false\n"))
    assert "version 2" in grid.run("template", "save", "-f", path, "--replace").stderr
    grid.run("-y", "template", "remove", "greet")
    equal(grid.run("template", "show", "greet", check=False).returncode, 3)


@suite.test
def reasons(grid):
    """who holds and cancels says why, for one job and for all that match"""
    ids = [grid.submit({"command": ["/bin/true"], "name": "why", "hold": True})["id"] for _ in range(3)]
    grid.run("cancel", str(ids[0]), "--why", "a mistake")
    grid.run("-y", "release", "--name", "why", "--why", "the disk is free")
    told = [[e["text"] for e in json.loads(grid.run("api", "GET", f"/v1/jobs/{i}/events").stdout)["items"] if e["kind"] == "job.reason"] for i in ids]
    equal(told[1:], [["asked to be released: the disk is free"]] * 2)
    assert "asked to be cancelled: a mistake" in told[0], told


@suite.test
def again(grid):
    """rerun submits a job again, with --failed only the tasks that failed, and --wait returns the code"""
    first = grid.run_job(command=["/bin/sh", "-c", "test $REEVE_TASK != 2"], array="1-3")["id"]
    done = grid.run("rerun", str(first), "--failed", "--wait", check=False)
    equal(done.returncode, 1)
    second = int(re.match(r"job (\d+) accepted: 1 task of", done.stdout).group(1))
    equal((grid.job(second)["labels"], grid.job(second)["tasks"]["total"]), ({"rerun_of": str(first)}, 1))
    equal(grid.run("rerun", str(first), "-o", "id").stdout.strip().isdigit(), True)


@suite.test
def settings(grid):
    """config says where a value comes from, and keeps one; a token does not follow to another server"""
    home = os.path.join(grid.directory, "settings-home")
    os.makedirs(home, exist_ok=True)

    def reeve(*words, **more):
        env = {**grid.environment(), "HOME": home, **more}
        for name in ("REEVE_URL", "REEVE_TOKEN"):
            if name not in more:
                env.pop(name, None)
        return subprocess.run([os.path.join(grid.bin, "reeve"), *words], env=env, text=True, capture_output=True,
                              input=grid.token(), timeout=60)
    equal(reeve("config", "get", "url").stdout, "http://127.0.0.1:8080\n")
    equal(reeve("login", grid.url, "--token-file", "-").returncode, 0)
    equal(reeve("config", "set", "format", "id").returncode, 0)
    assert str(grid.ended) in reeve("jobs").stdout.split(), "format: id of the file"
    rows = {r["name"]: r for r in json.loads(reeve("config", "show", "-o", "json").stdout)["items"]}
    equal((rows["url"]["from"], rows["token"]["from"], rows["format"]["from"]), ("file", "file", "file"))
    assert grid.token() not in json.dumps(rows)
    rows = {r["name"]: r for r in json.loads(reeve("config", "show", "-o", "json", REEVE_URL="http://other").stdout)["items"]}
    equal((rows["url"]["from"], rows["token"]["from"]), ("REEVE_URL", "not set"))
    equal(reeve("config", "set", "url", "http://127.0.0.1:9").returncode, 0)
    equal(reeve("config", "get", "token").stdout, "\n", "token of the old server")


@suite.test
def doctor(grid):
    """doctor finds nothing wrong with a good setting, and names what is wrong without telling the token"""
    good = grid.run("doctor")
    for word in ("server", "version", "engine", "token", "clock", "terminal", "completion", "everything works"):
        assert word in good.stdout + good.stderr, word
    assert grid.token() not in good.stdout
    env = {**grid.environment(), "REEVE_URL": "http://127.0.0.1:1"}
    bad = subprocess.run([os.path.join(grid.bin, "reeve"), "doctor"], env=env, text=True, capture_output=True, timeout=60)
    equal(bad.returncode, 6)
    assert "could not reach" in bad.stdout


# ---- shells ----

def shell(grid, name):
    """A shell with completion loaded, at a terminal."""
    words = {"bash": ["bash", "--noprofile", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"], "fish": ["fish", "--no-config", "-i"]}
    load = {"bash": "source <(reeve completion bash)", "zsh": "autoload -Uz compinit && compinit -D -u; source <(reeve completion zsh)",
            "fish": "reeve completion fish | source"}
    term = Terminal(words[name], environment(grid, PS1="> "), 100, 40)
    term.type(load[name] + "; echo rea''dy\r")
    term.expect("ready\r")
    return term


@suite.test
def completion(grid):
    """bash, zsh and fish complete commands, options and live names; quietly when the server is away"""
    job = str(grid.held)
    cases = (("reeve who", "reeve whoami"), ("reeve site dra", "reeve site drain"), ("reeve site show al", "reeve site show alpha"),
             ("reeve jobs --stat", "reeve jobs --state"), ("reeve jobs --state=fai", "--state=failed"),
             ("reeve data show num", "reeve data show numbers"), (f"reeve cancel {job[:-1]}", f"reeve cancel {job}"))
    for name in ("bash", "zsh", "fish"):
        for typed, want in cases:
            with shell(grid, name) as term:
                at = len(term.text)
                term.type(typed + "\t\t")
                term.expect(want.split()[-1], since=at)
        with shell(grid, name) as term:
            term.type({"fish": "set -gx"}.get(name, "export") + " REEVE_URL" + {"fish": " "}.get(name, "=") + "http://127.0.0.1:1; echo s''et\r")
            term.expect("set\r")
            at = len(term.text)
            term.type("reeve site show \t")
            term.type("\x15echo do''ne\r")
            term.expect("done\r", since=at)
            assert "could not" not in term.text[at:], name


if __name__ == "__main__":
    sys.exit(1 if suite.run(setup, sys.argv[1:]) else 0)
