# SPDX-License-Identifier: Apache-2.0
"""bench.py [NAME...]: measure Reeve on this machine, everything on it: `name value unit` lines, each beside its baseline in the same run.

Parts: spawn (throughput_true and its ratio), hollow (engine_rate), latency, submit, pass, history, restart, memory, transfers, estimate (of starts). PostgreSQL keeps its
default durability. HISTORY=rows of finished tasks (default 10,000,000). Run as an ordinary user.
"""
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from estimate import estimate  # noqa: E402
from testgrid import BUILD, Postgres, TestGrid, private, wait_until  # noqa: E402

SLOTS = 64
TASKS = 20000
HISTORY = int(os.environ.get("HISTORY", 10_000_000))


def say(name, value, unit):
    print(f"{name} {value:.{0 if value >= 100 else 2 if value >= 1 else 4}f} {unit}", flush=True)


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def program(name, *words, env=None):
    """Run a measuring program: its `name value unit` lines, printed and as a dictionary."""
    done = subprocess.run([os.path.join(BUILD, "tests", name), *map(str, words)], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **(env or {})})
    print(done.stdout, end="", flush=True)
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines() if len(line.split()) == 3}


class Bench:
    """A grid of one site with 64 slots, on a PostgreSQL of its own with default durability."""

    def __init__(self, hollow=False, site=True, slots=SLOTS, **settings):
        self.grid = TestGrid(**settings)
        self.postgres = Postgres(os.path.join(self.grid.directory, "pg")).start()
        self.grid.database = self.postgres.conninfo
        if hollow:
            workers = os.path.join(self.grid.directory, "hollow")
            os.mkdir(workers)
            shutil.copy2(os.path.join(BUILD, "tests", "hollow-worker"), os.path.join(workers, "reeve-worker"))
            self.grid.settings["worker_dir"] = workers
        self.grid.start()
        self.connection = http.client.HTTPConnection(self.grid.url.split("//")[1], timeout=120)
        self.asked_at = time.monotonic()
        self.headers = {"Authorization": f"Bearer {self.grid.token()}", "Content-Type": "application/json"}
        if site:
            # A hollow worker runs nothing, so the test of a site cannot pass: it is opened by hand.
            self.add_site("alpha", slots, by_hand=hollow)

    def add_site(self, name, slots, by_hand=False):
        grid = self.grid
        site = grid.make_site(name, slots)
        if not by_hand:
            grid.register(site)
        else:
            server = site.server
            self.ask("POST", "/v1/sites", {"name": name, "hosts": [{"address": server.address, "port": server.port}],
                                           "accounts": [{"user": site.user, "root": site.root}],
                                           "offer": {"cpus": slots, "slots": slots}})
            wait_until(lambda: grid.get(f"/v1/sites/{name}")["accounts"][0]["public_key"], 20, "the site has a key")
            server.authorize(grid.get(f"/v1/sites/{name}")["accounts"][0]["public_key"])
            server.own()
            call = self.ask("POST", f"/v1/sites/{name}/probe", {})
            wait_until(lambda: grid.get(f"/v1/calls/{call['id']}")["state"] == "done", 20, "the host key is known")
            self.ask("POST", f"/v1/sites/{name}/pin", {"host": server.address, "hop": 0, "fingerprint": server.fingerprint()})
            self.ask("POST", f"/v1/sites/{name}/open", {"why": "measuring"})
        self.ask("PATCH", f"/v1/sites/{name}", {"offer": {"cpus": slots, "slots": slots}})
        grid.wait_site(name)
        wait_until(lambda: grid.get(f"/v1/sites/{name}")["workers"][0]["link"] == "ready", 30, "the worker is connected")

    def ask(self, method, path, body):
        # The server hangs up on a connection that was idle for a minute.
        if time.monotonic() - self.asked_at > 30:
            self.connection.close()
        self.asked_at = time.monotonic()
        self.connection.request(method, path, json.dumps(body), self.headers)
        reply = self.connection.getresponse()
        raw = reply.read()
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path} answered {reply.status}: {raw[:300]!r}")
        return json.loads(raw)

    def sql(self, text):
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.postgres.conninfo, "-c", text],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"psql ended with {done.returncode}")
        return done.stdout.strip()

    def array(self, tasks, command=("/bin/true",), seconds=300):
        """Tasks per second from the submission of an array to the commit of its last result."""
        job = self.ask("POST", "/v1/jobs", {"command": list(command), "array": f"1-{tasks}"})["id"]
        # Looked at seldom: each look is a process of its own, and the times are in the record.
        for _ in range(seconds):
            time.sleep(1)
            ended = self.sql(f"select extract(epoch from finished_at - submitted_at), succeeded from jobs"
                             f" where id = {job} and finished_at is not null")
            if ended:
                break
        else:
            raise RuntimeError(f"job {job} did not end within {seconds} s")
        took, succeeded = ended.split("|")
        if int(succeeded) != tasks:
            raise RuntimeError(f"{succeeded} of {tasks} tasks succeeded")
        return tasks / float(took)

    def end(self):
        self.connection.close()
        self.grid.end()
        self.postgres.stop()


def spawn():
    directory = tempfile.mkdtemp(prefix="reeve-bench.", dir="/tmp")
    bench = Bench()
    try:
        bench.array(2000)
        rates, bares = [], []
        for _ in range(3):
            os.mkdir(os.path.join(directory, "d"))
            bares.append(program("bare-spawn", TASKS // 4, os.path.join(directory, "d"))["bare_spawn"])
            shutil.rmtree(os.path.join(directory, "d"))
            before = cpu_seconds(bench)
            rates.append(bench.array(TASKS))
            used = cpu_seconds(bench) - before
        say("throughput_true", statistics.median(rates), "tasks/s")
        say("throughput_true_ratio", statistics.median(rates) / statistics.median(bares), "ratio")
        say("scheduler_cpu", used / TASKS * 1e6, "us/task")
    finally:
        bench.end()
        shutil.rmtree(directory, ignore_errors=True)


def cpu_seconds(bench):
    """CPU of reeved alone."""
    with open(f"/proc/{reeved_pid(bench)}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reeved_pid(bench):
    return bench.grid.process.pid


def hollow():
    bench = Bench(hollow=True)
    try:
        bench.array(20000)
        say("engine_rate", statistics.median(bench.array(100000) for _ in range(3)), "tasks/s")
        program("bench-store-commit", env={"REEVE_TEST_PG": bench.postgres.conninfo})
    finally:
        bench.end()


def latency():
    directory = tempfile.mkdtemp(prefix="reeve-bench.", dir="/tmp")
    bench = Bench()
    try:
        program("bare-spawn", 0, directory)
        took = []
        for i in range(200):
            job = bench.ask("POST", "/v1/jobs", {"command": ["/bin/true"]})["id"]
            took.append(float(wait_until(lambda: bench.sql(
                f"select extract(epoch from finished_at - submitted_at) * 1000 from jobs where id = {job} and finished_at is not null"),
                20, f"job {job} ended")))
            # Out of step with every timer.
            time.sleep(0.013 + 0.0017 * (i % 23))
        took.sort()
        say("latency_idle_p50", took[len(took) // 2], "ms")
        say("latency_idle_p99", took[int(len(took) * 0.99)], "ms")
    finally:
        bench.end()
        shutil.rmtree(directory, ignore_errors=True)


def submit():
    bench = Bench(site=False, request_rate=0)
    try:
        program("bench-http-submit", bench.grid.port, os.path.join(bench.grid.state, "admin-token"))
    finally:
        bench.end()


def pass_time():
    program("bench-pass-time")


def fill_history(bench, rows):
    """Finished tasks straight into the record: one old job, attempts of today and yesterday."""
    note(f"writing {rows} finished tasks")
    bench.sql(f"""
        insert into jobs (project_id, user_id, name, spec, first_task, last_task, state, finished_at, succeeded)
        values (1, 1, 'history', '{{}}', 1, {rows}, 'succeeded', now(), {rows});
        insert into attempts (job_id, task, attempt, epoch, site_id, worker_id, state, outcome, blame, final, code, placed_at, started_at,
                              ended_at, wall_us)
        select (select max(id) from jobs), i, 1, 0, 1, 1, 'succeeded', 'succeeded', 'none', true, 0, now(), now(),
               now() - (i % 40000) * interval '1 second', 1000
        from generate_series(1, {rows}) i""")
    # What autovacuum would do over the next hour, so that it does not run beside the measurement.
    bench.sql("vacuum (freeze, analyze) attempts")
    bench.sql("checkpoint")


def history():
    """Two grids, one with history and one without, measured in turns, so that other load on the machine meets both."""
    empty, full = Bench(hollow=True), Bench(hollow=True)
    try:
        fill_history(full, HISTORY)
        rates = {empty: [], full: []}
        for bench in rates:
            bench.array(20000)
        for _ in range(5):
            for bench in rates:
                rates[bench].append(bench.array(100000))
        say("engine_rate_empty", statistics.median(rates[empty]), "tasks/s")
        say("engine_rate_history", statistics.median(rates[full]), "tasks/s")
        say("history_decay", statistics.median(rates[full]) / statistics.median(rates[empty]), "ratio")
    finally:
        empty.end()
        full.end()


def memory_of(pid, word):
    """VmRSS, or Pss: resident size with shared pages divided among those who share them."""
    if word == "Pss" and root_reader:
        root_reader.write(f"{pid}\n")
        root_reader.flush()
        return float(root_answers.readline())
    with open(f"/proc/{pid}/{'smaps_rollup' if word == 'Pss' else 'status'}", encoding="utf-8") as file:
        return int(re.search(rf"^{word}:\s+(\d+) kB", file.read(), re.M).group(1)) / 1024


root_reader = root_answers = None


def become_ordinary():
    """As root: a child goes on as user postgres. The parent stays root only to read how much memory a connector has, which is not
    dumpable, so that nobody else may."""
    global root_reader, root_answers
    if os.geteuid() != 0:
        return
    # Loaded now: an interpreter below root's home cannot be read afterwards.
    "localhost".encode("idna")
    ask, answer = os.pipe(), os.pipe()
    child = os.fork()
    if child:
        os.close(ask[1])
        with os.fdopen(ask[0]) as questions, os.fdopen(answer[1], "w") as answers:
            for pid in questions:
                answers.write(f"{memory_of(int(pid), 'Pss')}\n")
                answers.flush()
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.close(ask[0])
    os.close(answer[1])
    root_reader, root_answers = os.fdopen(ask[1], "w"), os.fdopen(answer[0])
    user = pwd.getpwnam("postgres")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ.update(HOME="/tmp", USER="postgres", LOGNAME="postgres")


def queue_jobs(bench, jobs, tasks):
    """Jobs that wait: for a site that is registered and closed."""
    bench.ask("POST", "/v1/sites", {"name": "nowhere", "hosts": [{"address": "127.0.0.1", "port": 9}], "accounts": [{"user": "nobody"}]})
    bulk = {"jobs": [{"command": ["/bin/true"], "array": f"1-{tasks}", "sites": ["nowhere"]} for _ in range(jobs)]}
    return bench.ask("POST", "/v1/jobs:bulk", bulk)


def memory():
    bench = Bench()
    try:
        bench.array(2000)
        say("memory_engine_empty", memory_of(reeved_pid(bench), "VmRSS"), "MB")
        queue_jobs(bench, 1000, 1000)
        wait_until(lambda: bench.sql("select count(*) from job_queue where taken") == "1000", 60, "the engine has taken the jobs up")
        say("memory_engine", memory_of(reeved_pid(bench), "VmRSS"), "MB")
        say("memory_connector", max(memory_of(pid, "Pss") for pid in bench.grid.connectors()), "MB")
        say("memory_worker", max(memory_of(pid, "VmRSS") for pid in bench.grid.workers()), "MB")
    finally:
        bench.end()


def restart():
    """1,000,000 queued, 10,000 running, HISTORY finished: kill -9, start, and how long until something is placed again."""
    bench = Bench(slots=10000)
    try:
        fill_history(bench, HISTORY)
        running = bench.ask("POST", "/v1/jobs", {"name": "running", "command": ["/bin/sleep", "3600"], "array": "1-9999"})["id"]
        wait_until(lambda: bench.sql("select count(*) from attempts_live where state = 'running'") == "9999", 120, "9,999 tasks run")
        queue_jobs(bench, 1000, 1000)
        wait_until(lambda: bench.sql("select count(*) from job_queue where taken") == "1001", 60, "the engine has taken the jobs up")
        private.send(reeved_pid(bench), signal.SIGKILL)
        bench.grid.process.wait()
        job = bench.sql("with j as (insert into jobs (project_id, user_id, name, spec, first_task, last_task) select project_id, user_id,"
                        " 'next', replace(spec::text, '3600', '1')::json, 1, 1 from jobs where name = 'running' returning id) insert into job_queue"
                        " (job_id, next_task) select id, 1 from j returning job_id")
        started = time.time()
        bench.grid.start()
        placed = float(wait_until(lambda: bench.sql(
            f"select extract(epoch from min(placed_at)) from (select placed_at from attempts_live where job_id = {job} union all"
            f" select placed_at from attempts where job_id = {job}) p"), 60, "something is placed again"))
        say("restart", placed - started, "s")
        bench.connection.close()  # the one it had went with the server that was killed
        started = time.time()
        bench.ask("POST", f"/v1/jobs/{running}/cancel", {})
        wait_until(lambda: bench.sql(f"select count(*) from attempts_live where job_id = {running}") == "0", 300, "9,999 tasks end")
        say("cancel_10000", time.time() - started, "s")
    finally:
        bench.end()


PARTS = {"spawn": spawn, "hollow": hollow, "latency": latency, "submit": submit, "pass": pass_time, "history": history,
         "memory": memory, "restart": restart, "transfers": lambda: program("bench-transfer-speed"), "estimate": lambda: estimate(Bench, say, note)}


def main(wanted):
    become_ordinary()
    for name in wanted or PARTS:
        if name not in PARTS:
            sys.exit(f"no part {name}; there are {', '.join(PARTS)}")
        note(name)
        PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
