#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""checker.py - did the grid keep its promises? Judged from outside, after the faults.

    checker.py --database CONNINFO --client FILE --site NAME=CPUS=FILE... [--recorder PROGRAM]

It shares no code with the product and believes three witnesses only:
  * what jobs wrote at their sites: the lines of recorder.c (see there for their form);
  * what clients were told: one JSON object a line, {"op": "submit", "result": "ok", "job": 7, "first": 1, "last": 10,
    "expect": "succeeded", "nonce": "..."} or {"op": "cancel", "result": "ok", "job": 7, "boottime_ns": ...}; result is ok,
    fail (a clear no) or unknown (the answer was lost; the submission may or may not have happened);
  * the database, read with psql, where a trigger that `watch_database` put there kept every change of an attempt.

Prints one line for each broken promise, "I3: ...", and ends with 1 when there is one. The promises:
  I1  every acknowledged submission is there, ended, as it should end, and each of its tasks with it
  I2  a task succeeds at most once, by its newest attempt, and that attempt's own record says that it ended so
  I3  no two attempts of a task ever ran at the same time, and no attempt ran twice
  I4  every change of state was allowed, none was written by a leader already deposed, the audit chain is whole
  I5  no site ever ran more than it offers
  I6  nothing ran that the database does not know
  I7  nothing began later than 5 s after its cancellation was acknowledged
  I8  nothing is left: no live attempt, no running job
  I10 a submission whose answer was lost happened once or not at all
"""
import argparse
import collections
import csv
import glob
import io
import json
import os
import re
import subprocess
import sys

CANCEL_SECONDS = 5
FINAL_JOB_STATES = {"succeeded", "failed", "cancelled"}
ENDED_ATTEMPT_STATES = {"succeeded", "failed", "lost", "aborted"}

# From which state an attempt may go where, by the states' own meaning: forward, never back. None is birth.
# A commit may fold several steps into one, so later states are reached from any earlier one.
ALLOWED = {
    None: {"reserved", "staging", "starting", "running", "finishing", "aborting"},
    "reserved": {"staging", "starting", "running", "finishing", "aborting"},
    "staging": {"starting", "running", "finishing", "aborting"},
    "starting": {"running", "finishing", "aborting"},
    "running": {"finishing", "aborting"},
    "finishing": {"aborting"},
    "aborting": set(),
}

Line = collections.namedtuple("Line", "site job task attempt event boot pid at nonce cpus")
Run = collections.namedtuple("Run", "site job task attempt nonce cpus begin last ended")
History = collections.namedtuple("History", "lines torn clients jobs attempts live log audit_broken running capacity")

WATCH_SQL = """
create table checker_log (seq bigserial primary key, kind text, job bigint, task int, attempt int,
                          was text, became text, epoch bigint);
create function checker_attempt() returns trigger language plpgsql as $$ begin
    if tg_op = 'DELETE' then
        insert into checker_log (kind, job, task, attempt, was, became, epoch)
        values ('gone', old.job_id, old.task, old.attempt, old.state, null, old.epoch);
    elsif tg_op = 'INSERT' then
        insert into checker_log (kind, job, task, attempt, was, became, epoch)
        values ('born', new.job_id, new.task, new.attempt, null, new.state, new.epoch);
    elsif old.state is distinct from new.state or old.attempt is distinct from new.attempt then
        insert into checker_log (kind, job, task, attempt, was, became, epoch)
        values (case when old.attempt = new.attempt then 'moved' else 'replaced' end,
                new.job_id, new.task, new.attempt, old.state, new.state, new.epoch);
    end if;
    return null; end $$;
create trigger checker_attempt after insert or update or delete on attempts_live
    for each row execute function checker_attempt();
create function checker_ended() returns trigger language plpgsql as $$ begin
    insert into checker_log (kind, job, task, attempt, was, became, epoch)
    values ('ended', new.job_id, new.task, new.attempt, null, new.state, new.epoch);
    return null; end $$;
create trigger checker_ended after insert on attempts for each row execute function checker_ended();
create function checker_leader() returns trigger language plpgsql as $$ begin
    if old.epoch is distinct from new.epoch then
        insert into checker_log (kind, epoch) values ('epoch', new.epoch);
    end if;
    return null; end $$;
create trigger checker_leader after update on leader for each row execute function checker_leader();
"""


def psql(conninfo, sql):
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-f", "-"], input=sql,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"psql: {done.stderr.strip()}")
    return done.stdout


def query(conninfo, sql):
    text = psql(conninfo, f"copy ({sql}) to stdout with (format csv, header)")
    return list(csv.DictReader(io.StringIO(text)))


def watch_database(conninfo):
    """Start to keep every change of an attempt and of the leadership. Once, before the load."""
    psql(conninfo, WATCH_SQL)


# ---- reading the witnesses ---------------------------------------------------------------------------------

def read_site(site, path):
    """(lines, number of lines that are not whole) of one site's file; an absent file is an empty one."""
    lines, torn = [], 0
    if not os.path.exists(path):
        return lines, torn
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            words = text.split()
            try:
                job, task, attempt, event, boot, pid, at, _wall, nonce, cpus = words
                lines.append(Line(site, int(job), int(task), int(attempt), event, boot, int(pid), int(at), nonce,
                                  int(cpus)))
            except ValueError:
                torn += 1
    return lines, torn


def read_clients(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_database(conninfo):
    jobs = {int(r["id"]): r for r in query(conninfo, """
        select j.id, j.state, j.succeeded, j.failed, j.cancelled, j.first_task, j.last_task,
               j.labels->>'nonce' as nonce, (q.job_id is not null)::int as queued
        from jobs j left join job_queue q on q.job_id = j.id""")}
    attempts = query(conninfo, """
        select job_id, task, attempt, epoch, state, outcome, final::int as final, code,
               extract(epoch from placed_at) as placed, extract(epoch from ended_at) as ended from attempts""")
    live = query(conninfo, "select job_id, task, attempt, state from attempts_live")
    log = query(conninfo, "select seq, kind, job, task, attempt, was, became, epoch from checker_log order by seq")
    broken = query(conninfo, r"""
        select seq from (select a.*, lag(hash) over (order by seq) as before, row_number() over (order by seq) as n
                         from audit a) a
        where seq <> n or hash <> sha256(coalesce(before, ''::bytea) || convert_to(
            jsonb_build_array(2, seq, extract(epoch from at), actor, action, object, detail, project, site)::text, 'UTF8'))""")
    return jobs, attempts, live, log, [int(r["seq"]) for r in broken]


def running_recorders(program):
    """Process ids that run the recorder now."""
    found = []
    for link in glob.glob("/proc/[0-9]*/exe"):
        try:
            if os.path.realpath(os.readlink(link).removesuffix(" (deleted)")) == os.path.realpath(program):
                found.append(int(link.split("/")[2]))
        except OSError:
            continue
    return found


# ---- judging ------------------------------------------------------------------------------------------------

def runs_of(lines):
    """One Run for each process that wrote: from its first line to its last."""
    told = collections.OrderedDict()
    for line in lines:
        told.setdefault((line.site, line.job, line.task, line.attempt, line.nonce), []).append(line)
    runs = []
    for (site, job, task, attempt, nonce), own in told.items():
        ended = next((int(x.event.partition(":")[2]) for x in own if x.event.startswith("end:")), None)
        runs.append(Run(site, job, task, attempt, nonce, own[0].cpus, min(x.at for x in own), max(x.at for x in own),
                        ended))
    return runs


def task_name(row):
    return f"{row['job_id']}.{row['task']}#{row['attempt']}"


def check_acknowledged(h):
    by_task = collections.defaultdict(list)
    for a in h.attempts:
        by_task[int(a["job_id"]), int(a["task"])].append(a)
    for c in h.clients:
        if c["op"] != "submit" or c["result"] != "ok":
            continue
        job = h.jobs.get(c["job"])
        if job is None:
            yield f"I1: job {c['job']} was acknowledged and is not in the database"
            continue
        tasks = c["last"] - c["first"] + 1
        if job["state"] not in FINAL_JOB_STATES or int(job["queued"]):
            yield f"I1: job {c['job']} was acknowledged and has not ended: {job['state']}"
            continue
        ended = int(job["succeeded"]) + int(job["failed"]) + int(job["cancelled"])
        if ended != tasks:
            yield f"I1: job {c['job']} has {tasks} tasks, of which {ended} are counted as ended"
        if c.get("expect", "any") not in ("any", job["state"]):
            yield f"I1: job {c['job']} should be {c['expect']} and is {job['state']}"
        if job["state"] == "succeeded":
            for task in range(c["first"], c["last"] + 1):
                if not any(a["state"] == "succeeded" for a in by_task[c["job"], task]):
                    yield f"I1: job {c['job']} is succeeded, but no attempt of its task {task} is"


def check_success(h):
    ended_well = {(r.job, r.task, r.attempt) for r in runs_of(h.lines) if r.ended == 0}
    recorded_jobs = {line.job for line in h.lines}
    by_task = collections.defaultdict(list)
    for a in h.attempts:
        by_task[int(a["job_id"]), int(a["task"])].append(a)
    for (job, task), attempts in by_task.items():
        good = [a for a in attempts if a["state"] == "succeeded"]
        newest = max(int(a["attempt"]) for a in attempts)
        if len(good) > 1:
            yield f"I2: task {job}.{task} succeeded {len(good)} times"
        if sum(int(a["final"]) for a in attempts) > 1:
            yield f"I2: task {job}.{task} ended more than once"
        for a in good:
            if int(a["attempt"]) != newest:
                yield f"I2: {task_name(a)} succeeded although attempt {newest} was made"
            if job in recorded_jobs and (job, task, int(a["attempt"])) not in ended_well:
                yield f"I2: {task_name(a)} is recorded as succeeded, but it never wrote that it ended"


def check_overlap(h):
    by_task = collections.defaultdict(list)
    for run in runs_of(h.lines):
        by_task[run.job, run.task].append(run)
    for (job, task), runs in by_task.items():
        runs.sort(key=lambda r: r.begin)
        for one, other in zip(runs, runs[1:]):
            if one.attempt == other.attempt:
                yield f"I3: {job}.{task}#{one.attempt} was started twice ({one.site}, {other.site})"
            if other.begin <= one.last:
                yield (f"I3: {job}.{task}: attempt {one.attempt} at {one.site} and attempt {other.attempt} at {other.site}"
                       f" ran at the same time for {(one.last - other.begin) / 1e9:.3f} s")


def check_changes(h):
    epoch = 0
    states = {}
    for row in h.log:
        kind = row["kind"]
        written = int(row["epoch"])
        if kind == "epoch":
            if written <= epoch:
                yield f"I4: epoch {written} follows epoch {epoch}"
            epoch = max(epoch, written)
            continue
        key = (int(row["job"]), int(row["task"]), int(row["attempt"]))
        name = "%d.%d#%d" % key
        if kind in ("born", "ended") and written < epoch:
            yield f"I4: {name} {kind} by epoch {written} when epoch {epoch} led"
        if kind == "replaced":
            yield f"I4: the live row of {name} was used for another attempt"
        elif kind in ("born", "moved"):
            was = row["was"] or None
            if row["became"] not in ALLOWED[was]:
                yield f"I4: {name} went from {was} to {row['became']}"
            if kind == "born" and key in states:
                yield f"I4: {name} was made twice"
            states[key] = row["became"]
        elif kind == "ended":
            if row["became"] not in ENDED_ATTEMPT_STATES:
                yield f"I4: {name} ended as {row['became']}"
            if states.get(key) == "ended":
                yield f"I4: {name} ended twice"
            states[key] = "ended"
    for seq in h.audit_broken:
        yield f"I4: the audit chain is broken at {seq}"


def check_capacity(h):
    changes = collections.defaultdict(list)
    for run in runs_of(h.lines):
        # An end comes before a beginning at the same instant; a run of one line lasted a moment.
        changes[run.site] += [(run.begin, 1, run.cpus), (max(run.last, run.begin + 1), 0, -run.cpus)]
    for site, steps in changes.items():
        used = peak = 0
        for _at, _order, cpus in sorted(steps):
            used += cpus
            peak = max(peak, used)
        if site in h.capacity and peak > h.capacity[site]:
            yield f"I5: site {site} ran {peak} CPUs at one instant and offers {h.capacity[site]}"


def check_known(h):
    known = {(int(a["job_id"]), int(a["task"]), int(a["attempt"])) for a in h.attempts + h.live}
    for job, task, attempt in sorted({(x.job, x.task, x.attempt) for x in h.lines} - known):
        yield f"I6: {job}.{task}#{attempt} ran and is not in the database"
    for site, count in h.torn.items():
        if count:
            yield f"I6: {count} lines of site {site} are not whole"


def check_cancelled(h):
    cancelled = {c["job"]: c["boottime_ns"] for c in h.clients if c["op"] == "cancel" and c["result"] == "ok"}
    for run in runs_of(h.lines):
        if run.job in cancelled and run.begin > cancelled[run.job] + CANCEL_SECONDS * 10**9:
            late = (run.begin - cancelled[run.job]) / 1e9
            yield f"I7: {run.job}.{run.task}#{run.attempt} began {late:.1f} s after its cancellation was acknowledged"


def check_left(h):
    for a in h.live:
        yield f"I8: {task_name(a)} is still {a['state']}"
    for pid in h.running:
        yield f"I8: process {pid} still runs a job"


def check_unknown(h):
    count = collections.Counter(job["nonce"] for job in h.jobs.values() if job["nonce"])
    for c in h.clients:
        if c["op"] == "submit" and c.get("nonce"):
            if count[c["nonce"]] > 1:
                yield f"I10: submission {c['nonce']} made {count[c['nonce']]} jobs"
            if c["result"] == "fail" and count[c["nonce"]]:
                yield f"I10: submission {c['nonce']} was refused and made a job"


CHECKS = (check_acknowledged, check_success, check_overlap, check_changes, check_capacity, check_known, check_cancelled,
          check_left, check_unknown)


def judge(history):
    """Every broken promise, as a sentence."""
    return [complaint for check in CHECKS for complaint in check(history)]


def load(conninfo, client_path, sites, recorder=None):
    """The history from its witnesses. sites: {name: (cpus, path)}."""
    lines, torn = [], {}
    for site, (_cpus, path) in sites.items():
        own, torn[site] = read_site(site, path)
        lines += own
    return History(lines, torn, read_clients(client_path), *read_database(conninfo),
                   running_recorders(recorder) if recorder else [], {s: c for s, (c, _path) in sites.items()})


def main():
    parser = argparse.ArgumentParser(description="judge a grid by what its jobs, its clients and its database say")
    parser.add_argument("--database", required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--site", action="append", required=True, metavar="NAME=CPUS=FILE")
    parser.add_argument("--recorder")
    given = parser.parse_args()
    sites = {}
    for text in given.site:
        name, cpus, path = re.fullmatch(r"([^=]+)=(\d+)=(.+)", text).groups()
        sites[name] = (int(cpus), path)
    history = load(given.database, given.client, sites, given.recorder)
    complaints = judge(history)
    for complaint in complaints:
        print(complaint)
    print(f"checked {len(history.jobs)} jobs, {len(history.attempts)} attempts, {len(history.lines)} lines of "
          f"{len(sites)} sites, {len(history.log)} changes: {len(complaints)} broken promises")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
