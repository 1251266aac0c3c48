# SPDX-License-Identifier: Apache-2.0
"""Slurm as a cluster of one node: munged, slurmctld and slurmd of an ordinary user, in a private directory, on loopback.

What an ordinary user's slurmd cannot do is switched off: no control groups, processes are followed by their parents, memory
is measured once a second. The node claims more processors than there may be.
"""
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from testgrid import private, wait_until  # noqa: E402

CONFIG = """\
ClusterName=compared
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
AuthType=auth/munge
AuthInfo=socket={d}/munge.sock
CredType=cred/munge
StateSaveLocation={d}/state
SlurmdSpoolDir={d}/spool
SlurmctldPidFile={d}/slurmctld.pid
SlurmdPidFile={d}/slurmd.pid
SlurmctldLogFile={d}/slurmctld.log
SlurmdLogFile={d}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
DependencyParameters=kill_invalid_depend
MailProg=/bin/true
KillWait=2
ReturnToService=2
PropagateResourceLimits=NONE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=100 State=UP
"""
ENDED = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY", "NODE_FAIL", "DEADLINE", "BOOT_FAIL", "PREEMPTED"}


class Slurm:
    def __init__(self, directory, cpus, memory):
        self.directory = directory
        self.started = []
        # munged wants a directory that others may enter.
        os.makedirs(directory, mode=0o755)
        for name in ("state", "spool"):
            os.mkdir(os.path.join(directory, name), 0o755)
        with open(os.open(self.path("munge.key"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(os.urandom(128))
        with open(self.path("slurm.conf"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(host=socket.gethostname(), user=subprocess.check_output(["id", "-un"], text=True).strip(),
                                     ctld_port=private.free_port(), slurmd_port=private.free_port(), d=directory,
                                     cpus=cpus, memory=memory))

    def path(self, name):
        return os.path.join(self.directory, name)

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        return {**kept, "SLURM_CONF": self.path("slurm.conf"), **more}

    def daemon(self, *words):
        with open(self.path(words[0] + ".out"), "ab") as log:
            self.started.append(subprocess.Popen(["/usr/sbin/" + words[0], *words[1:]], stdin=subprocess.DEVNULL, stdout=log,
                                                 stderr=log, env=self.environment(), start_new_session=True))

    def run(self, *words, check=True, **env):
        """(code, standard output, standard error) of a client."""
        done = subprocess.run(words, env=self.environment(**env), capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}{self.tail()}")
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def start(self):
        self.daemon("munged", "--foreground", "--key-file", self.path("munge.key"), "--socket", self.path("munge.sock"),
                    "--pid-file", self.path("munged.pid"), "--seed-file", self.path("munge.seed"))
        wait_until(lambda: os.path.exists(self.path("munge.sock")), 20, "munged listens")
        self.daemon("slurmctld", "-D", "-c")
        wait_until(lambda: self.run("scontrol", "ping", check=False)[1].endswith("UP"), 30, "slurmctld answers")
        self.daemon("slurmd", "-D", "-c")
        wait_until(lambda: self.run("sinfo", "-h", "-o", "%t", check=False)[1] in ("idle", "mix", "alloc"), 60,
                   "the node is up")
        return self

    def tail(self):
        text = ""
        for name in ("munged.out", "slurmctld.log", "slurmd.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8", errors="replace") as file:
                    text += f"\n{name}:\n" + "".join(file.readlines()[-15:])
        return text

    def submit(self, words, **env):
        """(number, "") of a job, or (None, why)."""
        code, out, error = self.run("sbatch", "--parsable", *words, check=False, **env)
        return (int(out.split(";")[0]), "") if code == 0 else (None, error)

    def ends(self, job):
        """How its tasks ended, by number (None: no array); None while some have not."""
        _code, out, _error = self.run("scontrol", "show", "job", "-o", str(job))
        found = {}
        for line in out.splitlines():
            fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if fields["JobState"] not in ENDED:
                return None
            task = fields.get("ArrayTaskId")
            if task and not task.isdigit():  # tasks that were cancelled together
                for number in re.findall(r"\d+", task.split("%")[0]):
                    found[int(number)] = "cancelled"
                continue
            found[int(task) if task else None] = self.end(fields)
        return found

    @staticmethod
    def end(fields):
        code, number = fields["ExitCode"].split(":")
        state = fields["JobState"]
        if state == "FAILED":
            return f"signal {number}" if number != "0" else f"exit {code}"
        return {"COMPLETED": "exit 0", "TIMEOUT": "time limit", "OUT_OF_MEMORY": "memory limit"}.get(state, state.lower())

    def stop(self):
        for process in reversed(self.started):
            private.send(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                private.send(process.pid, signal.SIGKILL)
                process.wait(10)
