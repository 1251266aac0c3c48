# SPDX-License-Identifier: Apache-2.0
"""A client of GET /v1/stream: frames as they come, on a socket of its own."""
import json
import select
import socket
import time

from server import DEADLINE, record


class Stream:
    """One stream. source: the address to come from (127.0.0.x), as the server limits connections of one."""

    def __init__(self, port, token, topics, last_id=None, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE, source_address=(source, 0))
        last = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"GET /v1/stream?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                            f"{last}\r\n".encode())
        self.raw, self.text, self.frames, self.ended = b"", "", [], False
        self.id = None
        self.status = self.head = self.kind = None

    @property
    def headers(self):
        return {"Content-Type": self.kind}

    def close(self):
        self.socket.close()

    def read(self, seconds):
        """Take in what comes within that time, at least one piece of it if there is any."""
        if self.ended or not select.select([self.socket], [], [], seconds)[0]:
            return
        data = self.socket.recv(65536)
        if not data:
            self.ended = True
        self.raw += data
        if self.status is None and b"\r\n\r\n" in self.raw:
            head, self.raw = self.raw.split(b"\r\n\r\n", 1)
            self.head = head.decode().lower()
            self.status = int(head.split()[1])
            if self.status == 200:
                self.kind = next(x.split(": ")[1] for x in self.head.split("\r\n") if x.startswith("content-type: "))
                record("GET", "/v1/stream", None, self, b"a stream")
        if self.status == 200:
            self.unchunk()
        while "\n\n" in self.text:
            frame, self.text = self.text.split("\n\n", 1)
            self.take(frame)

    def unchunk(self):
        while b"\r\n" in self.raw:
            size, rest = self.raw.split(b"\r\n", 1)
            n = int(size, 16)
            if len(rest) < n + 2:
                return
            if n == 0:
                self.ended = True
            self.text += rest[:n].decode()
            self.raw = rest[n + 2:]

    def take(self, frame):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line and not line.startswith(":"))
        self.id = int(fields["id"]) if "id" in fields else self.id
        data = json.loads(fields["data"]) if "data" in fields else None
        self.frames.append((fields.get("event", "comment"), data, self.id))

    def until(self, what, wanted, seconds=DEADLINE):
        """The first frame, of those not asked for yet, that is wanted; it and those before it are dropped."""
        end = time.monotonic() + seconds
        while True:
            for i, frame in enumerate(self.frames):
                if wanted(*frame[:2]):
                    del self.frames[:i + 1]
                    return frame
            left = end - time.monotonic()
            assert left > 0 and not self.ended, f"no {what}; ended: {self.ended}, frames: {self.frames[-5:]}"
            self.read(left)

    def change(self, topic):
        return self.until(f"change of {topic}", lambda event, data: event == "change" and data["topic"] == topic)

    def ready(self):
        return self.until("ready", lambda event, _data: event == "ready")

    def silent(self, seconds):
        """The events that come within that time."""
        end = time.monotonic() + seconds
        before = len(self.frames)
        while time.monotonic() < end:
            self.read(max(0, end - time.monotonic()))
        return [f for f in self.frames[before:] if f[0] != "comment"]
