#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""http_files.py DIR: an HTTP server on loopback that serves the files of DIR, and misbehaves on request. Prints its port and
its process id.

    /files/X        the file X of DIR, with ranges and an entity tag
    /cut/X          the same, but it breaks off after a third of what is left, as long as more than 64 KiB are left
    /plain/X        the same without ranges, tag and length
    /to/URL         leads on to URL (unquoted)
    /status/N       answers N
    /slow/X         16 KiB each 0.1 s
    /asked          the number of requests so far
"""
import http.server
import os
import re
import socketserver
import sys
import time
import urllib.parse

DIRECTORY = sys.argv[1]
COUNT = [0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_file(self, name, cut=False, plain=False, slow=False):
        try:
            with open(os.path.join(DIRECTORY, urllib.parse.unquote(name)), "rb") as f:
                body = f.read()
        except OSError:
            self.reply(404, b"no such file")
            return
        match = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        start = int(match[1]) if match and not plain else 0
        if start and start >= len(body):
            self.reply(416)
            return
        self.send_response(206 if start else 200)
        rest = body[start:]
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if plain:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if cut and len(rest) > 65536:
            self.wfile.write(rest[:len(rest) // 3])
            self.close_connection = True
            return
        step = 16384 if slow else len(rest) or 1
        for at in range(0, len(rest), step):
            self.wfile.write(rest[at:at + step])
            time.sleep(0.1 if slow else 0)

    def do_GET(self):
        COUNT[0] += 1
        kind, _, rest = self.path[1:].partition("/")
        if kind == "asked":
            self.reply(200, str(COUNT[0]).encode())
        elif kind == "to":
            self.reply(302, b"elsewhere", Location=urllib.parse.unquote(rest))
        elif kind == "status":
            self.reply(int(rest))
        elif kind in ("files", "cut", "plain", "slow"):
            self.send_file(rest, cut=kind == "cut", plain=kind == "plain", slow=kind == "slow")
        else:
            self.reply(404)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_args):
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, os.getpid(), flush=True)
server.serve_forever()
