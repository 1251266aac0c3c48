# SPDX-License-Identifier: Apache-2.0
"""reeve-sim from outside: every format on small files, what it says of bad ones, and what must hold of every simulation."""
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SIM = os.environ.get("REEVE_SIM", "build/reeve-sim")
RULES = ("reeve", "random", "round_robin", "fifo_first_fit", "least_busy", "most_bytes", "delay", "dirac", "panda", "arc",
         "dask")

WORKFLOW = {
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                {"name": "split_1", "id": "a", "parents": [], "inputFiles": ["in", "ref"], "outputFiles": ["x", "y"]},
                {"name": "work_1", "id": "b", "parents": ["a"], "inputFiles": ["x", "ref"], "outputFiles": ["p"]},
                {"name": "work_2", "id": "c", "parents": ["a"], "inputFiles": ["y", "ref"], "outputFiles": ["q"]},
                {"name": "merge", "id": "d", "parents": [], "inputFiles": ["p", "q"], "outputFiles": ["out"]},
            ],
            "files": [{"id": n, "sizeInBytes": s} for n, s in
                      (("in", 1000), ("ref", 2000), ("x", 30), ("y", 40), ("p", 5), ("q", 6), ("out", 7))],
        },
        "execution": {"tasks": [{"id": i, "runtimeInSeconds": s, "coreCount": 1} for i, s in
                                (("a", 10), ("b", 20), ("c", 30), ("d", 5))]},
    },
}
SWF_JOB = "{} {} 0 {} {} 1 1 {} 100 -1 1 {} 1 3 -1 1 -1 -1"
THROUGHPUT = ("src_region,src_tier,dst_region,dst_tier,src_instance,dst_instance,tcp_connections,seconds,bits_per_s_sent,"
              "bits_per_s_received,success\n")
GRID = """# a grid
# 0) North Hill 1) South 2) Router
4 1.0 1 1000 0. 0. 80.
0 0 1 5000 0. 0. 800.
0 0 0 80. 800. 0.
"""
BANDWIDTHS = "# by hour\n-,1 day.dat,1 -,0\nday.dat,-2 -,0 -,0\n-,0 -,0 -,0\n"
OPTORSIM_JOBS = """# jobs
\\begin{filetable}
f0 100 0
f1 100 1
\\end
\\begin{jobtable}
small f0
large f0 f1
\\end
\\begin{cescheduletable}
0 small large
\\end
\\begin{jobselectionprobability}
small 0.9
large 0.1
\\end
\\begin{jobexecutiontime}
small 1 5
large 2 5
\\end
"""
SIMGRID = """<?xml version="1.0"?>
<!DOCTYPE platform SYSTEM "simgrid.dtd">
<platform version="4.1"><zone id="all" routing="Floyd">
 <zone id="east" routing="Floyd"><cluster id="c" prefix="n" radical="0-1,5" suffix="" speed="2Gf" core="4" bw="1Gbps" lat="0us">
   <prop id="type" value="worker"/></cluster><router id="eastgate"/>
   <link id="l1" bandwidth="80Mbps" latency="1ms"/><route src="eastgate" dst="nc_router"><link_ctn id="l1"/></route></zone>
 <zone id="west" routing="Floyd"><host id="store" speed="1Gf" core="2"><prop id="type" value="storage"/>
   <disk id="d" read_bw="1GBps" write_bw="1GBps"><prop id="size" value="1TB"/></disk></host></zone>
 <link id="wan" bandwidth="800Mbps" latency="10ms"/>
 <zoneRoute src="east" dst="west" gw_src="eastgate" gw_dst="store"><link_ctn id="wan"/></zoneRoute>
</zone></platform>
"""
HISTOGRAM = {"type": "histogram", "counts": [1], "bins": [1, 1]}
DCSIM = {"kind": {"num_jobs": 6, "submission_time": 10, "cores": {"counts": [0, 1]},
                  "flops": {"counts": [1], "bins": [5e9, 6e9]}, "outfilesize": HISTOGRAM}}
DCSIM_DATA = {"kind": {"location": "store", "num_files": 12, "filesize": {"counts": [1], "bins": [1e6, 2e6]}}}


def run(*words, ok=True):
    done = subprocess.run([SIM, *words], capture_output=True, text=True, timeout=900)
    if ok and done.returncode:
        raise AssertionError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout if ok else (done.returncode, done.stderr)


def figures(*words, policy="reeve"):
    return json.loads(run("run", *words, "--policy", policy, "--json"))["figures"]


def events(*words):
    """Tasks and transfers as rows of text."""
    rows = [line.split("\t") for line in run("run", *words, "--events").splitlines()]
    return [r for r in rows if r[0] == "task"], [r for r in rows if r[0] == "move"]


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def put(self, name, text):
        path = os.path.join(self.folder.name, name)
        text = json.dumps(text) if isinstance(text, dict) else text
        if name.endswith(".gz"):
            with gzip.open(path, "wt") as f:
                f.write(text)
        else:
            with open(path, "w") as f:
                f.write(text)
        return path

    def platform(self):
        return self.put("p.csv", THROUGHPUT + "a,P,b,P,i,i,64,5,800000000,800000000,True\n"
                                              "b,P,a,P,i,i,64,5,400000000,400000000,True\n")


class Formats(Files):
    def test_a_workflow_runs_in_the_order_of_its_files(self):
        tasks, moves = events("--platform", self.platform(), "--workload", self.put("w.json.gz", WORKFLOW))
        ends = {int(r[1]): float(r[6]) for r in tasks}
        starts = {int(r[1]): float(r[5]) for r in tasks}
        self.assertEqual(len(tasks), 4)
        self.assertGreaterEqual(min(starts[1], starts[2]), ends[0])
        self.assertGreaterEqual(starts[3], max(ends[1], ends[2]))  # no parent says so: its inputs do

    def test_jobs_of_a_log_keep_their_times_and_widths(self):
        log = "; a comment\n" + "\n".join([SWF_JOB.format(1, 1000, 50, 2, 2, 7), SWF_JOB.format(2, 1100, 60, 1, 1, 8),
                                           SWF_JOB.format(3, 1200, -1, 1, 1, 8)])
        f = figures("--platform", self.put("m.machines", "0\tone\t2\t4\t1\t1000\n"), "--workload", self.put("l.swf", log))
        self.assertEqual(f["tasks"], 2)
        self.assertEqual(f["makespan_s"], 160)
        self.assertAlmostEqual(f["utilisation"], (2 * 50 + 60) / (8 * 160), places=5)
        self.assertEqual([p["name"] for p in f["projects"]], ["user-7", "user-8"])

    def test_a_job_bound_to_a_cluster_runs_there(self):
        log = "\n".join(SWF_JOB.format(i, i, 10, 1, 1, 1) + " {1} q 1:ppn=1:cl_two#excl" for i in range(5))
        tasks, _ = events("--platform", self.put("m.machines", "0\tone\t2\t4\t1\t1\n1\ttwo\t1\t2\t1\t1\n"),
                          "--workload", self.put("l.swf", log))
        self.assertEqual({r[3] for r in tasks}, {"two"})

    def test_a_table_of_jobs_and_a_sweep_are_read(self):
        table = self.put("t.csv", "id,submit_s,duration_s\n1,0,10\n2,5,10\n")
        self.assertEqual(figures("--platform", self.platform(), "--workload", table)["makespan_s"], 15)
        sweep = self.put("s.tsv", "test\toutcome\tseconds\nx\tidentical\t3\nz\texit_2\t\ny\texit_1\t1.5\n")
        self.assertEqual(figures("--platform", self.platform(), "--workload", sweep)["makespan_s"], 3)

    def test_figures_of_partitions_become_sites_and_jobs(self):
        parts = self.put("s.csv", "partition,jobs,users,run_p10_s,run_p50_s,run_p90_s,run_p99_s,mean_gap_s,gap_cv\n"
                                  "4,50,3,10,100,1000,2000,30,2\n7,20,1,10,20,30,40,60,1\n")
        hours = self.put("h.csv", "hour,jobs\n0,10\n1,60\n")
        f = figures("--platform", parts, "--workload", parts, "--workload", hours)
        self.assertEqual(f["tasks"], 70)

    def test_optorsim_ways_go_over_routers_and_share_the_day(self):
        self.put("day.dat", " 0.0,0.5,0.1\n" + "\n".join(f"{h / 2},0.5,0.1" for h in range(1, 48)))
        words = ("--platform", self.put("grid.conf", GRID), "--workload", self.put("jobs.conf", OPTORSIM_JOBS), "--jobs", "3")
        tasks, moves = events(*words)
        self.assertEqual({r[3] for r in tasks}, {"North Hill"})
        self.assertEqual(moves[0][2], "South")
        whole = float(moves[0][6]) - float(moves[0][5])
        self.assertAlmostEqual(whole, 10 * len(moves), delta=0.01)  # 100 MB each over the narrowest step of 80 Mbit/s
        _, moves = events(*words, "--links", self.put("b.conf", BANDWIDTHS))
        self.assertAlmostEqual(float(moves[0][6]) - float(moves[0][5]), 20 * len(moves), delta=0.01)

    def test_simgrid_zones_are_sites_and_dcsim_fills_them(self):
        words = ("--platform", self.put("g.xml", SIMGRID), "--workload", self.put("j.json", DCSIM), "--workload",
                 self.put("d.json", DCSIM_DATA))
        tasks, moves = events(*words)
        self.assertEqual(len(tasks), 6)
        self.assertEqual({r[3] for r in tasks}, {"east"})
        self.assertEqual({r[2] for r in moves}, {"west"})
        self.assertEqual(len(moves), 12)
        # 5 to 6 Gflop at 2 Gflop/s a core
        self.assertTrue(all(2.4 < float(r[6]) - float(r[5]) < 3.1 for r in tasks))

    def test_latency_and_price_of_links_count(self):
        words = ["--platform", self.platform(), "--workload", self.put("w.json", WORKFLOW), "--links",
                 self.put("c.csv", "src,dest,src_tier,dest_tier,cost\na,b,P,P,1000\nb,a,P,P,1000\n")]
        f = figures(*words, policy="random")
        self.assertAlmostEqual(f["price_usd"], f["bytes_moved"] / 1e9 * 1000, delta=1e-4)

    def test_what_is_wrong_is_named_with_its_line(self):
        cases = (
            ("t.csv", "id,submit_s,duration_s\n1,0,10\n2,soon,10\n", "t.csv:3: submit_s: \"soon\" is not a number"),
            ("t.csv", "id,submit_s,duration_s\n1,0\n", "t.csv:2: not 3 fields"),
            ("l.swf", SWF_JOB.format(1, 0, 5, 1, 1, 1) + "\n1 2 3\n", "l.swf:2: 3 fields, not 18 or more"),
            ("w.json", '{"workflow": {\n"specification": ]}', "w.json:2: "),
            ("w.json", {"workflow": {"specification": {"tasks": [{"id": "a", "parents": ["b"]}]},
                                     "execution": {"tasks": []}}}, "has a parent that is not there"),
            ("d.json", {"k": {"num_jobs": 1, "cores": {"counts": []}}}, "cores is not a histogram"),
            ("g.xml", "<platform><zone id='z'><host id='h'", "g.xml:1: "),
            ("g.xml", "<!DOCTYPE p [<!ENTITY e 'x'>]><platform/>", "entities are not read"),
            ("j.conf", "\\begin{filetable}\nf0 many 0\n", "j.conf:2: megabytes: \"many\" is not a number"),
            ("j.conf", "\\begin{jobtable}\nj f9\n", "j.conf:2: no file \"f9\" in the file table"),
            ("x.txt", "hello\n", "not in a format that is known"),
        )
        for name, text, says in cases:
            with self.subTest(says):
                code, error = run("run", "--platform", self.platform(), "--workload", self.put(name, text), ok=False)
                self.assertEqual(code, 2)
                self.assertIn(says, error)

    def test_a_circle_of_jobs_is_refused(self):
        flow = json.loads(json.dumps(WORKFLOW))
        flow["workflow"]["specification"]["tasks"][0]["parents"] = ["d"]
        code, error = run("run", "--platform", self.platform(), "--workload", self.put("w.json", flow), ok=False)
        self.assertEqual(code, 2)
        self.assertIn("in a circle", error)

    def test_a_course_of_the_day_elsewhere_is_not_opened(self):
        code, error = run("run", "--platform", self.put("grid.conf", GRID), "--links",
                          self.put("b.conf", BANDWIDTHS.replace("day.dat", "../day.dat")), ok=False)
        self.assertEqual(code, 2)
        self.assertIn("is not the name of a file beside it", error)

    def test_options_are_checked(self):
        for words, says in ((("--load", "much"), "is not a number"), (("--polic", "x"), "unknown option"),
                            (("--policy",), "needs a value"), (("--policy", "best"), "no policy"),
                            (("--generate", "nothing"), "no family"), (("--generate", "heavy:size=2"), "is not one of")):
            code, error = run("run", "--generate", "bound30", *words, ok=False)
            self.assertEqual(code, 2)
            self.assertIn(says, error)


class Always(Files):
    def test_nothing_is_over_what_there_is_at_any_moment(self):
        for policy in RULES:
            with self.subTest(policy):
                f = figures("--generate", "heavy:jobs=120,files=40,slots=4", "--quota", "60G", "--check", policy=policy)
                self.assertEqual(f["tasks"], 120)
                self.assertLessEqual(f["utilisation"], 1)

    def test_each_task_runs_once_and_bytes_add_up(self):
        tasks, moves = events("--generate", "heavy:jobs=200,files=40")
        self.assertEqual(len({(r[1], r[2]) for r in tasks}), len(tasks))
        self.assertEqual(len(tasks), 200)
        f = figures("--generate", "heavy:jobs=200,files=40")
        self.assertEqual(f["transfers"], len(moves))
        self.assertEqual(len({(r[1], r[3]) for r in moves}), len(moves))  # without a quota nothing is moved twice
        self.assertGreater(f["bytes_moved"], 0)

    def test_the_same_seed_gives_the_same_bytes(self):
        for policy in ("reeve", "random", "dirac"):
            words = ("run", "--generate", "heavy:jobs=200,files=40", "--quota", "60G", "--policy", policy, "--json")
            self.assertEqual(run(*words), run(*words))
            self.assertNotEqual(run(*words, "--seed", "2"), run(*words, "--seed", "3"))

    def test_what_is_kept_between_passes_changes_nothing(self):
        platform = self.put("p.xml", SIMGRID)
        for words in (["--generate", "heavy:jobs=150,sites=40,slots=4,files=20"],  # more holders than are compared
                      ["--generate", "heavy:jobs=150", "--learn", "--quota", "60G"],
                      ["--platform", platform, "--workload", self.put("j.json", DCSIM), "--workload", self.put("d.json", DCSIM_DATA)]):
            self.assertEqual(run("run", *words, "--events"), run("run", *words, "--events", "--plain"))

    def test_wide_jobs_fit_and_arrays_are_counted(self):
        f = figures("--generate", "nodata:jobs=20,tasks=50,slots=3,sites=2", "--check")
        self.assertEqual(f["tasks"], 1000)

    def test_the_report_is_one_page_without_anything_fetched(self):
        page = run("report", "--generate", "heavy:jobs=100,files=20", "--policies", "reeve,dask,random")
        self.assertTrue(page.startswith("<!doctype html>"))
        self.assertEqual(page.count("<svg"), 5)
        for word in ("<script", "http:", "https:", "@import", "url("):
            self.assertNotIn(word, page)

    def test_names_from_a_trace_do_not_become_markup(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "<b>&.csv")
            with open(path, "w") as f:
                f.write("id,submit_s,duration_s\n1,0,10\n")
            page = run("report", "--generate", "nodata:jobs=1", "--workload", path, "--policies", "reeve")
            self.assertNotIn("<b>&", page)

    def test_the_bound_is_a_program_with_every_job(self):
        text = run("bound", "--generate", "bound30")
        self.assertIn("Minimize", text)
        self.assertEqual(sum(line.startswith(" one") for line in text.splitlines()), 30)
        self.assertTrue(text.endswith("End\n"))


class Bound(unittest.TestCase):
    """With a solver as the oracle: what it proves is below every schedule, and not far below ours."""

    @unittest.skipUnless(shutil.which("cbc"), "cbc is not installed")
    def test_the_bound_is_above_no_schedule_and_a_batch_comes_near_it(self):
        for seed in ("1", "3", "5"):
            with tempfile.TemporaryDirectory() as folder:
                program = os.path.join(folder, "bound.lp")
                with open(program, "w") as f:
                    f.write(run("bound", "--generate", "bound30", "--seed", seed))
                done = subprocess.run(["cbc", program, "ratioGap", "0.002", "seconds", "100", "solve"], capture_output=True,
                                      text=True, timeout=300)
            bound = float(re.search(r"Objective value:\s+([0-9.e+]+)", done.stdout)[1]) * (1 - 0.002)
            for policy in RULES:
                with self.subTest(seed=seed, policy=policy):
                    makespan = figures("--generate", "bound30", "--seed", seed, policy=policy)["makespan_s"]
                    self.assertGreaterEqual(makespan, bound)
                    if policy == "reeve":
                        self.assertLessEqual(makespan, bound * 1.15)


class Acceptance(unittest.TestCase):
    """What placement must come to, on made-up cases; docs/architecture.md says what else is shown where."""

    def test_one_hot_file_is_moved_once_to_each_site(self):
        _, moves = events("--generate", "hot")
        self.assertEqual(len(moves), 4)
        self.assertEqual(len({r[3] for r in moves}), 4)

    def test_data_heavy_work_beats_what_ignores_or_follows_data_alone(self):
        words = ("--generate", "heavy:jobs=800,load=0.7", "--quota", "100G")
        mine, least, most = (figures(*words, policy=p) for p in ("reeve", "least_busy", "most_bytes"))
        self.assertLess(mine["mean_turnaround_s"], least["mean_turnaround_s"])
        self.assertLess(mine["mean_turnaround_s"], most["mean_turnaround_s"])
        self.assertLess(mine["bytes_moved"], least["bytes_moved"] / 2)

    def test_little_data_costs_little(self):
        words = ("--generate", "light:jobs=800,load=0.5")
        mine, least = (figures(*words, policy=p)["mean_turnaround_s"] for p in ("reeve", "least_busy"))
        self.assertLess(mine, least * 1.02)

    def test_a_slow_preferred_place_holds_nobody(self):
        self.assertLess(figures("--generate", "preferred")["makespan_s"], 25 * 1.3)

    def test_links_of_other_months_cost_at_most_a_twentieth(self):
        ratio = 0
        for seed in ("1", "2", "3", "4"):
            words = ("--generate", "heavy:jobs=600", "--truth", "drift", "--seed", seed)
            ratio += figures(*words)["mean_turnaround_s"] / figures(*words, "--informed")["mean_turnaround_s"] / 4
        self.assertLess(ratio, 1.05)

    def test_copies_stay_within_the_room_that_sites_give(self):
        f = figures("--generate", "heavy:jobs=600,files=100", "--quota", "30G")
        self.assertGreater(f["evictions"], 0)
        # Now and then a new job wants what was to make room for a transfer under way.
        self.assertLess(f["over_quota"], f["transfers"] / 20)

    def test_one_with_most_of_the_work_does_not_hold_the_others(self):
        p95 = []
        for big, mine in (("1", lambda job: job % 10 == 0), ("0", lambda job: True)):
            tasks, _ = events("--generate", f"users:jobs=4000,batch={big}")
            waits = sorted(float(r[5]) - float(r[4]) for r in tasks if mine(int(r[1])))
            self.assertEqual(len(waits), 400)
            p95.append(waits[len(waits) * 95 // 100])
        self.assertLessEqual(p95[0], 1.5 * max(p95[1], 20))  # a wait that is next to nothing alone may be a little


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
