#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""locality.py REEVE_SIM PASS_TIME [PART...]: figures of placement by data locality, as "name value unit" lines.

Parts: gap (against the bound of a solver), traces (every recorded trace and platform under every rule), cases (the generated
ones), pass (time of one pass), learned, and scale (1,000 sites and 10,000,000 tasks; SCALE=tasks for another number), which takes
long and is run only when it is named. All the others by default. TRACES names the folder of recorded traces; without it the
generated cases alone are measured, and a line says so.
"""
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = ("random", "round_robin", "least_busy", "most_bytes", "dask", "dirac", "panda", "arc")
ALSO = ("fifo_first_fit", "delay")
REGIONS = "aws:us-east-1,aws:eu-west-1,gcp:us-central1-a,gcp:europe-west4-a,azure:westeurope,azure:eastus"
BOUND_FAMILIES = ("bound30", "bound60", "bound60slow", "bound100")
BOUND_CASES = 8
SOLVER_SECONDS = 60
WORKERS = int(os.environ.get("JOBS", "2"))
# What a family is with arrivals at once, for those that have to be known together.
BATCH, ONLINE = [], ["--gap", "100"]


def run(sim, *words, timeout=600):
    done = subprocess.run([sim, *words], capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def figures(sim, words, rule, seed=1):
    return json.loads(run(sim, "run", *words, "--policy", rule, "--seed", str(seed), "--json"))["figures"]


def say(name, value, unit):
    print(f"{name} {value:.4g} {unit}", flush=True)


def each(function, items):
    """Results in order, as they come."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(function, items)


# ---- the bound ---------------------------------------------------------------------------------------------------------

def solve(sim, words, seed, folder):
    """The lower bound that cbc has proved when it ends or its time is over. BOUNDS names a folder that keeps them."""
    text = run(sim, "bound", *words, "--seed", str(seed))
    name = hashlib.sha256(text.encode()).hexdigest()
    kept = os.path.join(os.environ["BOUNDS"], name) if os.environ.get("BOUNDS") else None
    if kept and os.path.exists(kept):
        return float(open(kept).read())
    bound = prove(text, os.path.join(folder, name + ".lp"))
    if kept:
        with open(kept, "w") as f:
            f.write(repr(bound))
    return bound


def prove(text, program):
    with open(program, "w") as f:
        f.write(text)
    done = subprocess.run(["cbc", program, "timeMode", "elapsed", "seconds", str(SOLVER_SECONDS), "ratioGap", "0.002", "solve"], capture_output=True,
                          text=True, timeout=SOLVER_SECONDS * 10)
    proved = re.findall(r"(?:Lower bound|best possible):?\s+([-0-9.e+]+)", done.stdout)
    value = re.findall(r"Objective value:\s+([-0-9.e+]+)", done.stdout)
    # An optimum is its own bound (within the gap that ended the search).
    if proved:
        return float(proved[-1])
    if value and "Optimal solution found" in done.stdout:
        return float(value[-1]) * (1 - 0.002)
    raise RuntimeError(f"cbc proved nothing: {done.stdout[-300:]}")


def gap_case(arguments):
    sim, family, seed, folder = arguments
    words = ["--generate", family]
    bound = solve(sim, words, seed, folder)
    found = {}
    for kind, extra in (("batch", BATCH), ("online", ONLINE)):
        found[kind] = figures(sim, words + extra, "reeve", seed)["makespan_s"] / bound
    for rule in RULES + ALSO:
        makespan = figures(sim, words, rule, seed)["makespan_s"]
        if makespan < bound * 0.9999:
            raise RuntimeError(f"{family} seed {seed}: {rule} took {makespan} s, the bound is {bound} s")
    if min(found.values()) < 0.9999:
        raise RuntimeError(f"{family} seed {seed}: better than the bound of {bound} s: {found}")
    return family, seed, bound, found


def measure_gaps(sim):
    with tempfile.TemporaryDirectory() as folder:
        cases = list(each(gap_case, [(sim, f, s, folder) for f in BOUND_FAMILIES for s in range(1, BOUND_CASES + 1)]))
    for kind in ("online", "batch"):
        gaps = [found[kind] for _, _, _, found in cases]
        say(f"gap_{kind}_median", statistics.median(gaps), "ratio")
        say(f"gap_{kind}_worst", max(gaps), "ratio")
        for family in BOUND_FAMILIES:
            mine = [found[kind] for name, _, _, found in cases if name == family]
            say(f"gap_{kind}_{family}_median", statistics.median(mine), "ratio")
            say(f"gap_{kind}_{family}_worst", max(mine), "ratio")


# ---- against the other rules -------------------------------------------------------------------------------------------

def trace_cases(traces):
    """(name, words): every workload on platforms that can hold it, at light and at heavy load."""
    at = lambda *p: os.path.join(traces, *p)
    wan = ["--platform", at("wan-links-2022-01/throughput.csv.gz"), "--links", at("wan-links-2022-01/latency_ms.csv.gz"),
           "--links", at("wan-links-2022-01/cost_usd_per_gb.csv.gz"), "--sites", REGIONS, "--rate", "15e6"]
    cms = ["--platform", at("optorsim-cms2002/cms_testbed_grid.conf"),
           "--links", at("optorsim-cms2002/cms_testbed_bandwidths.conf")]
    for load in ("0.3", "0.9"):
        tail = ["--load", load]
        for path in sorted(glob.glob(at("wfinstances/*.json.gz"))):
            name = os.path.basename(path)[:-len(".json.gz")].replace("-chameleon", "").replace("-dirt02", "")
            words = ["--workload", path, "--copies", "12"]
            yield f"{name}.wan.{load}", wan + words + ["--slots", "8"] + tail
            yield f"{name}.cms2002.{load}", cms + words + ["--slots", "4"] + tail
        yield f"optorsim.cms2002.{load}", cms + ["--workload", at("optorsim-cms2002/cms_testbed_jobs.conf"),
                                                 "--slots", "8"] + tail
        yield f"kit.wlcg.{load}", ["--platform", at("wlcg-kit/WLCG_disklessTier2.xml"), "--slots", "200",
                                   "--workload", at("wlcg-kit/T1_DE_KIT_workloads.json"),
                                   "--workload", at("wlcg-kit/prefetchScanDatasets.json")] + tail
        yield f"metacentrum.machines.{load}", ["--platform", at("metacentrum-2013/wagap-2013.swf.machines"),
                                               "--workload", at("metacentrum-2013/wagap-2013.swf.gz"),
                                               "--jobs", "4000"] + tail
        yield f"surf.wan.{load}", wan + ["--workload", at("surf-2022/tasks.csv.gz"), "--jobs", "8000"] + tail
        yield f"lcg.partitions.{load}", ["--platform", at("lcg-2005-summary/per_site.csv"),
                                         "--workload", at("lcg-2005-summary/per_site.csv"),
                                         "--workload", at("lcg-2005-summary/per_hour.csv"), "--jobs", "8000"] + tail


def generated_cases():
    for family in ("heavy", "medium", "light", "nodata"):
        for load in ("0.3", "0.7", "0.9"):
            # Without a quota: the rules of others do not ask for room, they overrun it.
            yield f"{family}.generated.{load}", ["--generate", f"{family}:load={load}"]


def compare_case(arguments):
    sim, name, words = arguments
    return name, {rule: figures(sim, words, rule) for rule in ("reeve",) + RULES + ALSO}


# Mean times that rules are compared by: a task's from its submission to its end, which is what people wait, and the same from
# when it was ready. Where tasks come after others, the second one shrinks when a rule keeps the first of them back.
TIMES = (("", "mean_from_submission_s"), ("_since_ready", "mean_turnaround_s"))


class Worst:
    """The largest value seen, and of which case."""

    def __init__(self):
        self.value, self.at = 0, "none"

    def see(self, value, at):
        if value > self.value:
            self.value, self.at = value, at

    def say(self, name):
        print(f"{name} {self.value:.4g} ratio  # at {self.at}", flush=True)


def compare(sim, cases):
    """One line a case and rule, and one a case with Reeve over the best of them; what that came to at worst and at best."""
    worst, moved = {name: Worst() for name, _ in TIMES}, {name: Worst() for name, _ in TIMES}
    best, best_at = 0, ""
    for name, of in each(compare_case, [(sim, *c) for c in cases]):
        mine = of["reeve"]
        for rule, f in of.items():
            print(f"turnaround.{name}.{rule} {f['mean_turnaround_s']:.1f} s  # from submission "
                  f"{f['mean_from_submission_s']:.1f} s; waits p95 {f['p95_wait_s']:.0f} s, worst "
                  f"{f['worst_wait_s']:.0f} s; slowdown {f['mean_slowdown']:.2f}; makespan {f['makespan_s']:.0f} s; moved "
                  f"{f['bytes_moved'] / 1e9:.1f} GB; locality {f['locality']:.2f}; used {f['utilisation']:.2f}", flush=True)
        for kind, time in TIMES:
            rivals = {rule: of[rule][time] for rule in RULES}
            ratio = mine[time] / min(rivals.values())
            worst[kind].see(ratio, name)
            alike = [of[r]["bytes_moved"] for r in RULES if rivals[r] <= mine[time] * 1.05 and of[r]["bytes_moved"] > 0]
            over = mine["bytes_moved"] / min(alike) if alike else 0
            moved[kind].see(over, name)
            print(f"over_best{kind}.{name} {ratio:.4g} ratio  # {min(rivals, key=rivals.get)}; bytes over the least moving "
                  f"equal {over:.3g}", flush=True)
            if not kind and (not best or ratio < best):
                best, best_at = ratio, name
    return worst, (best, best_at), moved


def measure_rules(sim, traces):
    cases = list(generated_cases()) + (list(trace_cases(traces)) if traces else [])
    only = os.environ.get("ONLY")
    cases = [c for c in cases if not only or re.search(only, c[0])]
    worst, best, moved = compare(sim, cases)
    for kind, _ in TIMES:
        worst[kind].say(f"worst_against_any_rule{kind}")
        moved[kind].say(f"bytes_over_least_moving_equal{kind}")
    print(f"best_against_best_rule {best[0]:.4g} ratio  # at {best[1]}", flush=True)


def measure_cases(sim):
    f = figures(sim, ["--generate", "preferred"], "reeve")
    say("spark18886_over_ideal", f["makespan_s"] / (500 * 5 / 100), "ratio")
    f = figures(sim, ["--generate", "hot"], "reeve")
    say("hot_file_transfers", f["transfers"], "transfers")
    waits = [[p["p95_wait_s"] for p in figures(sim, ["--generate", f"users:batch={big}"], "reeve")["projects"][1:]]
             for big in (1, 0)]
    # Least 60 s: a wait that is next to nothing without him may be a little without anybody noticing.
    say("users_p95_over_alone", max(a / max(b, 60) for a, b in zip(*waits)), "ratio")


# ---- the rest ----------------------------------------------------------------------------------------------------------

def measure_learned(sim, traces):
    base = ["--generate", "heavy:jobs=1500", "--quota", "100G"]
    ratios = []
    for seed in range(1, 9):
        perfect = figures(sim, base + ["--truth", "drift", "--informed"], "reeve", seed)["mean_turnaround_s"]
        learned = figures(sim, base + ["--truth", "drift"], "reeve", seed)["mean_turnaround_s"]
        ratios.append(learned / perfect)
    say("learned_over_perfect", statistics.mean(ratios), "ratio")
    nothing = [figures(sim, base + ["--learn"], "reeve", s)["mean_turnaround_s"] /
               figures(sim, base, "reeve", s)["mean_turnaround_s"] for s in range(1, 9)]
    say("nothing_known_over_perfect", statistics.mean(nothing), "ratio")


def measure_pass(program):
    for name, sizes in (("pass_time_100x50x1m", ("100", "50", "1000", "1000000")),
                        ("pass_time_1000x1000", ("1000", "1000", "2000", "1000000"))):
        out = subprocess.run([program, *sizes], capture_output=True, text=True, timeout=600, check=True).stdout
        say(name, float(re.search(r"^pass_time ([0-9.]+) ms", out, re.MULTILINE)[1]), "ms")


def measure_scale(sim):
    """Passes are 10 s apart: with ends by the thousand every second each pass has enough to do."""
    tasks = int(os.environ.get("SCALE", "10000000"))
    done = subprocess.run([sim, "run", "--generate", f"scale:jobs={max(1, tasks // 1000)}", "--pass-ms", "10000", "--policy", "reeve",
                           "--cost", "--json"], capture_output=True, text=True, timeout=6 * 3600, check=True)
    took, memory, passes = re.search(r"took ([0-9.]+) s and ([0-9]+) MB; ([0-9]+) passes", done.stderr).groups()
    done_tasks = json.loads(done.stdout)["figures"]["tasks"]
    name = "sim_10m" if tasks == 10000000 else f"sim_{tasks}"
    say(f"{name}_tasks", done_tasks, "tasks")
    say(f"{name}_seconds", float(took), "s")
    say(f"{name}_tasks_per_second", done_tasks / max(float(took), 0.001), "tasks/s")
    say(f"{name}_memory", float(memory), "MB")
    say(f"{name}_passes", float(passes), "passes")


def measure_transfers(program):
    """Against scp of the same files, over the same two sshds on loopback, in turns."""
    subprocess.run([os.path.join(os.path.dirname(program), "bench-transfer-speed")], check=True, timeout=1800)


def main(sim, program, wanted):
    traces = os.environ.get("TRACES")
    if traces and not os.path.isdir(traces):
        sys.exit(f"TRACES={traces}: no such folder")
    if not traces:
        print("# no folder of recorded traces (TRACES=): generated cases only", flush=True)
    parts = {"cases": lambda: measure_cases(sim), "pass": lambda: measure_pass(program),
             "transfers": lambda: measure_transfers(program),
             "learned": lambda: measure_learned(sim, traces), "gap": lambda: measure_gaps(sim),
             "traces": lambda: measure_rules(sim, traces), "scale": lambda: measure_scale(sim)}
    for part in wanted or [p for p in parts if p != "scale"]:
        parts[part]()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
