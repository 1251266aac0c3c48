# SPDX-License-Identifier: Apache-2.0
"""A web server of its own on a fresh database, a client for it, and SQL to play the engine's part."""
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import uuid

PG = os.environ.get("REEVE_TEST_PG", "")
# Every exchange is written there, a line each, for conform.mjs.
RECORD = os.environ.get("REEVE_WEB_RECORD")
RECORDED_MAX = 4 << 20
DEADLINE = 30
UPLOAD_MAX = 8 << 20
recording = threading.Lock()


def record(method, path, request, answer, reply):
    """Text only, and nothing that is huge."""
    if not RECORD or len(reply) > RECORDED_MAX or len(request or "") > RECORDED_MAX:
        return
    if isinstance(request, bytes):
        request = request.decode("utf-8", "replace")
    binary = (answer.headers["Content-Type"] or "").startswith("application/octet-stream")
    line = json.dumps({"method": method, "path": path, "request": request, "status": answer.status,
                       "type": answer.headers["Content-Type"], "dry": "Reeve-Dry-Run" in answer.headers,
                       "reply": "bytes" if binary else reply.decode("utf-8", "replace")})
    with recording, open(RECORD, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def wait_until(what, condition, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.01)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["code"]

    @property
    def pointers(self):
        return sorted(e["pointer"] for e in self.json.get("errors", []))


class Server:
    """webd on a database made for it. `run_by` goes before its command."""

    def __init__(self, program, *options, database=None, run_by=()):
        self.database = database or "web_" + uuid.uuid4().hex[:12]
        self.conninfo = re.sub(r"dbname=\S+", "dbname=" + self.database, PG)
        if not database:
            self.admin_sql(f"create database {self.database}")
        self.uploads = tempfile.mkdtemp(prefix="reeve-web-uploads.")
        if run_by:
            os.chmod(self.uploads, 0o777)  # whoever it runs as
        self.process = subprocess.Popen([*run_by, program, self.conninfo, "127.0.0.1:0", *options], stdin=subprocess.PIPE,
                                        env={**os.environ, "WEBD_UPLOADS": self.uploads, "WEBD_UPLOAD_MAX": str(UPLOAD_MAX)},
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        assert len(line) == 2, "webd did not start"
        self.port, self.token = int(line[0]), line[1]

    @staticmethod
    def admin_sql(text):
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text, PG], check=True)

    def sql(self, text):
        """Rows as lists of texts."""
        done = subprocess.run(["psql", "-XqAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", text, self.conninfo],
                              check=True, capture_output=True, text=True)
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        shutil.rmtree(self.uploads, ignore_errors=True)
        return code

    def request(self, method, path, body=None, token="", headers=None, raw=None):
        """token None: none; "": the admin's. raw: the body as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            return self.request_on(connection, method, path, body, token, headers, raw)
        finally:
            connection.close()

    def request_on(self, connection, method, path, body=None, token="", headers=None, raw=None):
        head = dict(headers or {})
        if token is not None:
            head.setdefault("Authorization", "Bearer " + (token or self.token))
        data = raw
        if body is not None:
            data = json.dumps(body)
        if data is not None:
            head.setdefault("Content-Type", "application/json")
        connection.request(method, path, data, head)
        answer = connection.getresponse()
        reply = answer.read()
        record(method, path, data, answer, reply)
        return Reply(answer.status, answer.headers, reply)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, {} if body is None else body, **more)

    def ok(self, method, path, body=None, **more):
        reply = self.request(method, path, body, **more)
        assert 200 <= reply.status < 300, f"{method} {path}: {reply.status} {reply.body[:300]}"
        return reply.json if reply.body else None

    def submit(self, token="", **job):
        if "script" not in job:
            job.setdefault("command", ["true"])
        return self.ok("POST", "/v1/jobs", job, token=token)["id"]

    def user(self, name, role, *projects):
        self.ok("POST", "/v1/users", {"name": name, "role": role, "projects": list(projects)})
        return self.ok("POST", "/v1/tokens", {"name": "test", "user": name})["token"]
