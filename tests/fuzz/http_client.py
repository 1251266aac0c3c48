# SPDX-License-Identifier: Apache-2.0
"""A client that sends whatever bytes it is given and is strict about what comes back: one connection, answers taken apart by the rules of
HTTP/1.1, and what is wrong with one said as a sentence."""
import json
import re
import select
import socket
import struct
import time

from http_grammar import LONG_CHUNK, MARK

PATIENCE = 60  # seconds for an answer; the server's own deadlines are shorter
DRAIN = 50     # seconds for what is not whole to be answered or closed: fewer than an idle connection may stay
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) [^\r\n]*\r\n")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\r\n")


class Bad(Exception):
    """The server did what no request may make it do."""


class Gone(Exception):
    """The connection ended."""


class Client:
    def __init__(self, port):
        self.port, self.socket, self.buffer = port, None, b""

    def open(self):
        if not self.socket:
            self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer = b""

    def close(self, hard=False):
        if self.socket:
            if hard:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        self.socket, self.buffer = None, b""

    def more(self):
        try:
            got = self.socket.recv(65536)
        except TimeoutError as error:
            raise Bad(f"no answer in {self.socket.gettimeout():.0f} s") from error
        except OSError as error:
            raise Gone from error
        if not got:
            raise Gone
        self.buffer += got

    def until(self, end):
        while (at := self.buffer.find(end)) < 0:
            self.more()
        text, self.buffer = self.buffer[:at + len(end)], self.buffer[at + len(end):]
        return text

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        text, self.buffer = self.buffer[:n], self.buffer[n:]
        return text

    def chunks(self):
        body = b""
        while True:
            n = int(self.until(b"\r\n").split(b";")[0], 16)
            body += self.exactly(n)
            if n:
                self.exactly(2)
            elif self.until(b"\r\n") == b"\r\n":
                return body

    def to_end(self):
        try:
            while True:
                self.more()
        except Gone:
            body, self.buffer = self.buffer, b""
            return body

    def reply(self, method):
        """(status, fields, body) of the next answer; interim ones are read over."""
        while True:
            head = self.until(b"\r\n\r\n")
            match = STATUS.match(head)
            if not match:
                raise Bad(f"an answer that is none: {head[:200]!r}")
            status, rest = int(match.group(1)), head[match.end():-2]
            fields = {k.lower(): v.strip() for k, v in FIELD.findall(rest)}
            if b"".join(m.group(0) for m in FIELD.finditer(rest)) != rest:
                raise Bad(f"a field of the answer that is none: {rest[:500]!r}")
            if status >= 200:
                break
        if MARK.lower() in fields:
            raise Bad("a line break of the request got into the answer")
        if method == "HEAD" or status in (204, 304):
            return status, fields, b""
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return status, fields, self.chunks()
        if b"content-length" in fields:
            return status, fields, self.exactly(int(fields[b"content-length"]))
        return status, fields, self.to_end()


def judge(status, fields, body, method, unclear=False):
    """Which count the answer goes to, or Bad."""
    if fields.get(b"content-type") == b"application/problem+json" and method != "HEAD":
        try:
            problem = json.loads(body)
        except ValueError as error:
            raise Bad(f"a problem that is not JSON: {body[:300]!r}") from error
        if problem["status"] != status or not problem["code"] or not problem["detail"]:
            raise Bad(f"a problem that says something else than its status {status}: {body[:300]!r}")
    if status < 500:
        return str(status)
    if status == 503 and b"retry-after" in fields:
        return "busy_503"
    # The disk or the spool is full, as documented; a version of HTTP or a coding that is none.
    if status == 507 or (status in (501, 505) and unclear):
        return f"told_{status}"
    raise Bad(f"{status}: {body[:300]!r}")


def exchange(client, e):
    """Do one; returns a count for each answer."""
    client.open()
    if client.buffer:
        raise Bad(f"more was answered than asked: {client.buffer[:200]!r}")
    try:
        for piece in e.pieces:
            client.socket.sendall(piece)
        if e.end == "drain":
            client.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it hung up early; what it said is still to be read
    if e.end == "cut":
        client.close(hard=len(e.pieces[0]) % 2 == 0)
        return ["cut"]
    found = []
    try:
        for method in e.asks:
            status, fields, body = client.reply(method)
            found.append(judge(status, fields, body, method))
            if fields.get(b"connection", b"").lower() == b"close":
                client.close()
                break
    except Gone:
        client.close()
        found.append("hung_up")
    return found


class Ends:
    """Connections over which something was sent that is not whole, and then an end: it may be answered or not, and what was asked may be
    unclear, but each must come to its end. Looked at beside the other exchanges, since that may take a second or two."""

    def __init__(self):
        self.open = {}  # descriptor: [socket, what came, until when, number, exchange]

    def begin(self, client, number, e):
        try:
            client.open()
            for piece in e.pieces:
                client.socket.sendall(piece)
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if client.socket:
            client.socket.setblocking(False)
            self.open[client.socket.fileno()] = [client.socket, b"", time.monotonic() + DRAIN, number, e]
        client.socket, client.buffer = None, b""

    def look(self, seconds):
        """Yields (number, exchange, counts, complaint) of those that came to their end, or should have."""
        readable = select.select(list(self.open), [], [], seconds)[0] if self.open else []
        for fd in readable:
            one = self.open[fd]
            try:
                got = one[0].recv(65536)
            except OSError:
                got = b""
            one[1] += got
            if not got:
                yield self.ended(fd)
        for fd in [fd for fd, one in self.open.items() if time.monotonic() > one[2]]:
            sock, _text, _until, number, e = self.open.pop(fd)
            sock.close()
            yield number, e, [], f"the connection was not closed in {DRAIN} s"

    def ended(self, fd):
        sock, text, _until, number, e = self.open.pop(fd)
        sock.close()
        try:
            fields = {b"retry-after": b""} if b"Retry-After" in text else {}
            found = [int(m.group(1)) for m in STATUS.finditer(text)]
            # libmicrohttpd answers that by itself, and nobody else is asked, where the first line of a chunk is longer than its memory.
            if LONG_CHUNK[-len(LONG_CHUNK) // 3:] in b"".join(e.pieces) and found[-1:] == [500]:
                return number, e, ["library_500"], None
            return number, e, [judge(status, fields, text, "HEAD", True) for status in found] + ["closed"], None
        except Bad as bad:
            return number, e, [], str(bad)
