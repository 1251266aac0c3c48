# SPDX-License-Identifier: Apache-2.0
"""A whole private grid: one reeved, and sites that are private SSH servers. Spoken to by its public faces only, the command
line and the JSON API. The demo stands on it, and so do the end-to-end tests.
"""
import http.client
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import private

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("reeved", "reeve-connector", "reeve-worker", "reeve")


class GridError(Exception):
    """Something did not go as it must; the text is for people."""


class CommandError(GridError):
    """A `reeve` command that ended with another code than 0."""

    def __init__(self, words, done):
        self.code, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr
        super().__init__(f"reeve {' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")


class Site:
    """One site: an account, storage and an SSH server of its own."""

    def __init__(self, grid, name, cpus, user=None, network=None, address="127.0.0.1", port=None):
        self.grid, self.name, self.cpus = grid, name, cpus
        self.home = os.path.join(grid.directory, "sites", name)
        self.identity = private.Identity(user, network)
        self.user = user or grid.user_name()
        self.root = os.path.join(self.home, "reeve")
        self.data = os.path.join(self.home, "data")
        self.server = private.SshServer(os.path.join(grid.directory, "sshd", name), self.home, self.identity, address, port)

    def make_data(self, directory):
        """A directory below the site's own storage, owned by its account."""
        path = os.path.join(self.data, directory)
        os.makedirs(path, exist_ok=True)
        self.own()
        return path

    def stop_worker(self):
        """End the worker and what it runs, in its own way; it outlives reeved and every login by design."""
        self.grid.stop_worker(self.identity, self.root)

    def own(self):
        """What lies in the site's storage belongs to its account."""
        for base, _directories, names in os.walk(self.data):
            self.identity.own(base, *(os.path.join(base, name) for name in names))


class Grid:
    """Make one, start it, add sites, use it, `end` it."""

    def __init__(self, build, prefix="reeve-grid.", owner=None):
        """`build`: where the programs are. `owner`: the user reeved shall run as, when we are root."""
        private.adopt_orphans()
        self.directory = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.bin = os.path.join(self.directory, "bin")
        self.state = os.path.join(self.directory, "reeve")
        os.mkdir(self.bin)
        os.mkdir(self.state, 0o700)
        # Copies: whoever runs them may be unable to read where they were built.
        for program in PROGRAMS:
            shutil.copy2(os.path.join(build, program), self.bin)
        for name in ("sites", "sshd"):
            os.mkdir(os.path.join(self.directory, name), 0o755)
        self.identity = private.Identity(owner)
        self.identity.own(self.state)
        self.sites = {}
        self.process = None
        self.url = None
        self.settings = {}
        self.database = None
        self.role = "all"
        self.patience = 0

    def user_name(self):
        import pwd
        return pwd.getpwuid(os.geteuid()).pw_name

    # ---- reeved ----

    def start(self, port=None, state=None, seconds=60):
        """Start reeved and wait until it serves. Again after it was ended: the same port, the same state."""
        self.port = port or getattr(self, "port", None) or private.free_port()
        self.process, self.url = self.spawn(self.port, state or self.state, seconds)
        return self

    def spawn(self, port, state, seconds):
        """A reeved on a port with a state directory: (process, address)."""
        words = [os.path.join(self.bin, "reeved"), "--role", self.role, "--state", state, "--listen", f"127.0.0.1:{port}"]
        if self.database:
            words += ["--database", self.database]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={value}"]
        log = open(os.path.join(self.directory, "reeved.log"), "ab")
        with log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                       start_new_session=True, cwd="/", text=True)
        ready = threading.Event()
        address = []

        def read():
            for line in process.stdout:
                match = re.match(r"ready (\S+)", line)
                if match:
                    address.append(match.group(1).rstrip("/"))
                    ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        if not ready.wait(seconds) or not address:
            raise GridError(f"reeved did not get ready within {seconds} s: {self.log_tail()}")
        return process, address[0]

    def log_tail(self, lines=8):
        try:
            with open(os.path.join(self.directory, "reeved.log"), encoding="utf-8", errors="replace") as file:
                return "\n".join(file.read().splitlines()[-lines:])
        except OSError:
            return "no log"

    def stop(self, seconds=20):
        """End reeved gracefully; returns its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        private.send(process.pid, signal.SIGTERM)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            private.send(process.pid, signal.SIGKILL)
            process.wait()
            return -signal.SIGKILL

    # ---- faces ----

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("REEVE_")}
        env.update(REEVE_URL=self.url, REEVE_TOKEN=self.token(), HOME=self.directory, NO_COLOR="1", COLUMNS="100")
        return env

    def token(self):
        with open(os.path.join(self.state, "admin-token"), encoding="utf-8") as file:
            return file.read().strip()

    def run(self, *words, check=True, input=None, seconds=120):
        """Run `reeve WORDS...`."""
        done = subprocess.run([os.path.join(self.bin, "reeve"), *words], env=self.environment(), input=input,
                              stdin=subprocess.DEVNULL if input is None else None, capture_output=True, text=True,
                              timeout=seconds)
        if check and done.returncode != 0:
            raise CommandError(words, done)
        return done

    def read(self, *words):
        """What `reeve WORDS... -o json` says."""
        return json.loads(self.run(*words, "-o", "json").stdout)

    def api(self, method, path, body=None, headers=None, seconds=30, token=None, url=None):
        """One call of the JSON API: (status, parsed body or text)."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection((url or self.url).split("//")[1], timeout=seconds)
        try:
            try:
                connection.request(method, path, data, {"Authorization": f"Bearer {token or self.token()}",
                                                        "Content-Type": "application/json", **(headers or {})})
            except BrokenPipeError:
                pass  # refused before it was sent to its end; the answer says why
            reply = connection.getresponse()
            status, kind, raw = reply.status, reply.headers.get("Content-Type", ""), reply.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        return status, json.loads(raw) if "json" in kind and raw else raw

    def ask(self, *call, **more):
        """api, asked again for `patience` seconds while nobody answers or the answer is "not now"."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                status, body = self.api(*call, **more)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                status = 503
            if status != 503 or time.monotonic() > deadline:
                return status, body
            time.sleep(0.2)

    def get(self, path):
        """The JSON at a path; an error when it is not there."""
        status, body = self.ask("GET", path)
        if status != 200:
            raise GridError(f"GET {path} answered {status}: {body}")
        return body

    def items(self, path):
        """All items of a list, page after page."""
        found, cursor = [], None
        while True:
            page = self.get(path + ("&" if "?" in path else "?") + "limit=1000" + (f"&cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found

    # ---- sites ----

    def make_site(self, name, cpus, **where):
        """A site with its SSH server started; not registered yet."""
        site = self.sites[name] = Site(self, name, cpus, **where)
        site.server.start()
        return site

    def register(self, site):
        """What an administrator does at a terminal: `reeve site add`, put the line it shows into authorized_keys, press Enter.
        Returns the lines that the command printed."""
        server = site.server
        ours, terminal = pty.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", os.path.join(self.bin, "reeve"), "site", "add", site.name,
             f"{site.user}@{server.address}:{server.port}", "--root", site.root, "--fingerprint", server.fingerprint(),
             "--cpus", str(site.cpus)],
            env=self.environment(), stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        printed, text, installed = [], "", False
        while True:
            try:
                text += os.read(ours, 65536).decode("utf-8", "replace")
            except OSError:
                break
            *lines, text = text.split("\n")
            for line in lines:
                # What a progress line left before it was overwritten is not for us.
                line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line.rstrip("\r").rpartition("\r")[2]).rstrip()
                printed.append(line)
                if re.match(r"ssh-ed25519 AAAA", line):
                    server.authorize(line)
                    server.own()
                    installed = True
            if installed:
                installed = False
                os.write(ours, b"\n")
        os.close(ours)
        if process.wait() != 0:
            raise GridError(f"site {site.name} could not be registered:\n" + "\n".join(printed + [text]))
        return printed

    # ---- end ----

    def stop_worker(self, identity, root):
        if os.path.exists(os.path.join(root, "agent.sock")):
            subprocess.run(identity.prefix() + [os.path.join(self.bin, "reeve-worker"), "stop", "--root", root],
                           capture_output=True, timeout=30)

    def before_removal(self):
        """For those who put more into the directory than files."""

    def end(self, keep=False):
        """End everything and remove it. Returns what was in the way, as sentences."""
        trouble = []
        code = self.stop()
        if code != 0:
            trouble.append(f"reeved ended with {code}: {self.log_tail(3)}")
        for site in self.sites.values():
            site.stop_worker()
        self.stop_worker(self.identity, os.path.join(self.state, "try", "work"))  # of this-machine, when that was tried
        trouble += [f"had to kill: {what}" for what in private.end_everything()]
        self.before_removal()
        if not keep:
            for _try in range(20):
                shutil.rmtree(self.directory, ignore_errors=True)
                if not os.path.exists(self.directory):
                    break
                time.sleep(0.1)
            else:
                trouble.append(f"could not remove {self.directory}")
        return trouble
