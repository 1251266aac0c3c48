# SPDX-License-Identifier: Apache-2.0
"""How good is the start that a job is told at its submission? Mixed work of two projects on two sites, more than they can take at
once; each job's explanation is asked for as soon as it is accepted, and compared with the true start of its first task.

start_error_median, start_error_p90: distance between the likely and the true start. start_error_part: the median of that distance
over the true wait, of jobs that waited for at least 5 s. start_in_band: the part of all jobs whose true start lay between earliest
and latest.
"""
import datetime
import random
import statistics
import time

JOBS = 90
SEED = 7
# CPUs, seconds a task runs (from, to), tasks (from, to): short and many, middling, wide and long.
KINDS = ((1, (0.3, 1.5), (4, 24)), (2, (1.0, 3.0), (1, 8)), (4, (3.0, 6.0), (1, 3)))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def job_of(rng):
    cpus, seconds, tasks = rng.choice(KINDS)
    # Tasks of one kind differ: each takes its own time out of the range.
    script = f"sleep $(awk -v s=$REEVE_TASK -v r={rng.random()} 'BEGIN {{ srand(s * 7919 + r * 1e6); print {seconds[0]} + rand() * {seconds[1] - seconds[0]} }}')"
    return {"command": ["/bin/sh", "-c", script], "array": f"1-{rng.randint(*tasks)}", "resources": {"cpus": cpus},
            "project": rng.choice(("one", "two"))}


def told(bench, job):
    """What is said right after the submission: (asked at, earliest, likely, latest) as seconds since 1970; None when it had started."""
    shown = bench.grid.get(f"/v1/jobs/{job}/explain")
    start = (shown["wait"] or {}).get("start")
    if not start:
        return None
    if not start["likely"]:
        raise RuntimeError(f"job {job}: no start is told: {shown['sentence']} ({start['based_on']})")
    return (moment(shown["as_of"]), moment(start["earliest"]), moment(start["likely"]), moment(start["latest"]))


def submit_all(bench, rng):
    said = {}
    for _ in range(JOBS):
        job = bench.ask("POST", "/v1/jobs", job_of(rng))["id"]
        said[job] = told(bench, job)
        time.sleep(rng.uniform(0, 0.8))
    return said


def estimate(make_bench, say, note):
    rng = random.Random(SEED)
    bench = make_bench(slots=8)
    try:
        bench.add_site("bravo", 8)
        for name, share in (("one", 1), ("two", 2)):
            bench.ask("POST", "/v1/projects", {"name": name, "share": share})
        said = submit_all(bench, rng)
        for _ in range(300):
            left = bench.sql("select count(*) from job_queue")
            if left == "0":
                break
            time.sleep(1)
        else:
            raise RuntimeError(f"{left} jobs did not end")
        began = {int(line.split("|")[0]): float(line.split("|")[1]) for line in bench.sql(
            "select job_id, extract(epoch from min(started_at)) from attempts group by job_id").splitlines()}
        said = {job: at if at and began[job] >= at[0] else None for job, at in said.items()}
        waits = {job: began[job] - at[0] for job, at in said.items() if at}
        errors = sorted(abs(began[job] - at[2]) for job, at in said.items() if at)
        inside = [at[1] <= began[job] <= at[3] for job, at in said.items() if at]
        note(f"{len(said) - len(waits)} of {len(said)} jobs had started before they were asked about")
        say("start_wait_median", statistics.median(waits.values()), "s")
        say("start_error_median", statistics.median(errors), "s")
        say("start_error_p90", errors[int(len(errors) * 0.9)], "s")
        say("start_error_part", statistics.median(abs(began[j] - said[j][2]) / waits[j] for j in waits if waits[j] >= 5), "ratio")
        say("start_in_band", sum(inside) / len(inside), "ratio")
        for job, at in said.items():
            if at and not at[1] <= began[job] <= at[3]:
                note(f"job {job}: told {at[1] - at[0]:.1f} .. {at[2] - at[0]:.1f} .. {at[3] - at[0]:.1f} s, was {began[job] - at[0]:.1f} s")
    finally:
        bench.end()
