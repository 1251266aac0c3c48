# SPDX-License-Identifier: Apache-2.0
"""Private processes, SSH servers and places: what the demo and the end-to-end tests stand their grids on.

Everything started from here ends with `end_everything`: a process above us adopts orphans (it is a "child subreaper"), so a
worker that left its session for good is still found below it, and ended by its process id.
"""
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

# The process above us that adopts and collects orphans, once there is one.
adopter = None


def prctl(option, value):
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def adopt_orphans():
    """From here on a descendant whose parent dies is adopted by a process above us, as init would: it collects those that
    ended. We go on as its child; it ends with us. To be called before any thread is made; again it does nothing."""
    global adopter
    if adopter:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    above = os.getpid()
    child = os.fork()
    if child == 0:
        adopter = above
        prctl(PR_SET_CHILD_SUBREAPER, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        return
    # A Ctrl-C reaches both of us by itself; what is sent to this process alone is passed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: send(child, number))
    while True:
        pid, status = os.wait()
        if pid == child:
            break
    # Had it been killed, what it started would go on for ever.
    end_everything(5, os.getpid())
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def read_stat(pid):
    """(state, parent) of a process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[0], int(fields[1])
    except (OSError, IndexError, ValueError):
        return None


def children_by_parent():
    tree = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = read_stat(name)
            if stat and stat[0] != "Z":
                tree.setdefault(stat[1], []).append(int(name))
    return tree


def descendants(root=None):
    """Process ids below `root` (default: ours and those adopted for us) that are alive, parents first."""
    tree = children_by_parent()
    found, ahead = [], [root or adopter or os.getpid()]
    while ahead:
        for pid in tree.get(ahead.pop(), []):
            if pid != os.getpid():
                found.append(pid)
            ahead.append(pid)
    return found


def describe(pid):
    """The command line of a process, for people."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip() or f"process {pid}"
    except OSError:
        return f"process {pid}"


def is_alive(pid):
    stat = read_stat(pid)
    return stat is not None and stat[0] != "Z"


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def reap():
    """Collect children that ended and that nobody waits for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_everything(seconds=10, root=None):
    """End every process below `root` (default: all of ours), kindly for `seconds`, then not. Returns those that had to be
    killed."""
    deadline = time.monotonic() + seconds
    asked, killed = set(), []
    while True:
        alive = descendants(root)
        if not alive:
            reap()
            return killed
        late = time.monotonic() > deadline
        for pid in alive:
            if late:
                killed.append(describe(pid))
                send(pid, signal.SIGKILL)
            elif pid not in asked:
                asked.add(pid)
                send(pid, signal.SIGTERM)
                send(pid, signal.SIGCONT)
        reap()
        time.sleep(0.02)


def free_port(address="127.0.0.1"):
    """A TCP port that nobody listens on now."""
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def end_on_signal():
    """SIGTERM and SIGHUP end this program as Ctrl-C does, so that it cleans up; once."""
    def interrupt(_number, _frame):
        ignore_signals()
        raise KeyboardInterrupt
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def ignore_signals():
    """For the time of cleaning up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def wait_until(condition, seconds, what):
    """Ask `condition` again and again until its answer is true, and return it; an error that says `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain until {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


class Identity:
    """Whom a process runs as, and in which network. Without a name: as we are."""

    def __init__(self, user=None, network=None):
        self.user, self.network = user, network

    def prefix(self):
        """What to put before a command."""
        words = []
        if self.network:
            words += ["ip", "netns", "exec", self.network]
        if self.user:
            words += ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        return words

    def own(self, *paths):
        for path in paths:
            if self.user:
                shutil.chown(path, self.user, self.user)


SSHD_CONFIG = """\
ListenAddress {address}:{port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
UseDNS no
MaxStartups 100:30:200
SetEnv HOME={home}
{lines}
"""


class SshServer:
    """One private sshd: its own keys, port, log and home directory; whoever runs it is the only one who can log in."""

    def __init__(self, directory, home, identity=None, address="127.0.0.1", port=None, lines=()):
        self.directory, self.home, self.identity = directory, home, identity or Identity()
        self.address, self.port, self.lines = address, port, lines
        self.process = None
        for path in (directory, home):
            os.makedirs(path, mode=0o700, exist_ok=True)
        self.make_host_key()
        with open(self.path("authorized_keys"), "w", encoding="utf-8"):
            pass
        self.own()

    def path(self, name):
        return os.path.join(self.directory, name)

    def own(self):
        self.identity.own(self.directory, self.home, *(self.path(n) for n in os.listdir(self.directory)))

    def make_host_key(self):
        """A new host key; the next start shows it."""
        for name in ("host_key", "host_key.pub"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "private", "-f", self.path("host_key")],
                       check=True)
        self.own()

    def fingerprint(self):
        out = subprocess.run(["ssh-keygen", "-l", "-f", self.path("host_key.pub")], check=True, capture_output=True,
                             text=True).stdout
        return out.split()[1]

    def authorize(self, public_key):
        with open(self.path("authorized_keys"), "a", encoding="utf-8") as file:
            file.write(public_key.strip() + "\n")

    def start(self, seconds=20):
        """Start it and wait until it listens. A port that somebody else took meanwhile is changed, unless it was given."""
        given = self.port is not None
        for _try in range(10):
            self.port = self.port or free_port()
            with open(self.path("config"), "w", encoding="utf-8") as file:
                file.write(SSHD_CONFIG.format(address=self.address, port=self.port, directory=self.directory,
                                              home=self.home, lines="\n".join(self.lines)))
            with open(self.path("log"), "w", encoding="utf-8"):
                pass
            self.own()
            self.process = subprocess.Popen(
                self.identity.prefix() + ["/usr/sbin/sshd", "-D", "-f", self.path("config"), "-E", self.path("log")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                cwd=self.home, env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")})
            wait_until(lambda: "Server listening on" in self.log() or self.process.poll() is not None, seconds,
                       f"sshd in {self.directory} listens")
            if self.process.poll() is None:
                return self
            if given or "Address already in use" not in self.log():
                break
            self.port = None
        raise RuntimeError(f"sshd did not start: {self.log().strip()[-500:]}")

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def sessions(self):
        """Process ids of the sshd of each connection; not what runs in them."""
        return children_by_parent().get(self.process.pid, []) if self.process else []

    def cut(self):
        """End every connection, as a network that resets does."""
        for pid in self.sessions():
            for inner in descendants(pid):
                if describe(inner).startswith("sshd:"):
                    send(inner, signal.SIGKILL)
            send(pid, signal.SIGKILL)

    def stop(self):
        """Stop listening and end every connection. What a session left behind in a session of its own goes on."""
        if self.process:
            self.cut()
            send(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
            self.process = None


class Place:
    """Users and networks made for the time of a demo, when we are root; nothing when we are not."""

    def __init__(self):
        self.tag = f"{random.SystemRandom().getrandbits(20):05x}"
        self.users, self.networks, self.notes = [], [], []
        self.block = None

    def add_user(self, word, home):
        if os.geteuid() != 0:
            return None
        name = f"reeve-{self.tag}-{word}"[:31]
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", "/bin/sh",
                        "--password", "*", name], check=True, capture_output=True, text=True)
        self.users.append(name)
        return name

    def find_block(self):
        """Three bytes of an address block that no route of this machine leads into."""
        for _try in range(50):
            block = f"10.{random.randrange(128, 255)}.{random.randrange(1, 255)}"
            routes = subprocess.run(["ip", "-4", "route", "show", "root", f"{block}.0/24"], capture_output=True, text=True)
            if routes.returncode == 0 and not routes.stdout.strip():
                return block
        raise OSError("no free block of addresses")

    def add_network(self, number):
        """A network namespace with one cable to us: (its name, the address in it), or (None, loopback) when this machine
        does not let us."""
        if os.geteuid() != 0:
            return None, "127.0.0.1"
        name = f"reeve-{self.tag}-{number}"
        here, there = f"rv{self.tag}{number}h", f"rv{self.tag}{number}s"
        ip = lambda *words: subprocess.run(["ip", *words], check=True, capture_output=True, text=True)  # noqa: E731
        try:
            self.block = self.block or self.find_block()
            near, far = f"{self.block}.{number * 4 + 1}", f"{self.block}.{number * 4 + 2}"
            ip("netns", "add", name)
            self.networks.append(name)
            ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
            ip("address", "add", f"{near}/30", "dev", here)
            ip("link", "set", here, "up")
            ip("-n", name, "address", "add", f"{far}/30", "dev", there)
            ip("-n", name, "link", "set", there, "up")
            ip("-n", name, "link", "set", "lo", "up")
            return name, far
        except (OSError, subprocess.CalledProcessError) as error:
            why = getattr(error, "stderr", "") or str(error)
            self.notes.append(f"no network namespaces here ({why.strip()}): the sites share this machine's loopback")
            return None, "127.0.0.1"

    def remove(self):
        """Take everything away again. Returns what would not go."""
        left = []
        for name in self.networks:
            # The cable goes with the namespace; a moment may pass after its last process.
            if subprocess.run(["ip", "netns", "delete", name], capture_output=True).returncode != 0:
                left.append(f"network namespace {name}")
        for name in self.users:
            for directory in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
                found = subprocess.run(["find", directory, "-xdev", "-user", name], capture_output=True, text=True).stdout
                left += [f"file {path}" for path in found.splitlines()]
            if subprocess.run(["userdel", name], capture_output=True).returncode != 0:
                left.append(f"user {name}")
        self.networks, self.users = [], []
        return left
