#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tls.py WEBD [NAME...] - TLS by the server itself, and behind a proxy that is trusted to say who speaks it."""
import hashlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

from harness import WEBD, has, main, same, test
from server import Server, wait_until


def certificate(folder, name):
    cert, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key, "-out", cert,
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    with open(cert, encoding="ascii") as file:
        return cert, key, hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


class Secure(Server):
    """webd with TLS; each connection checks nothing, but tells the certificate."""

    def __init__(self, cert, key):
        os.environ |= {"WEBD_TLS_CERT": cert, "WEBD_TLS_KEY": key}
        try:
            super().__init__(WEBD, "2")
        finally:
            del os.environ["WEBD_TLS_CERT"], os.environ["WEBD_TLS_KEY"]

    def connect(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        connection.connect()
        return connection

    def shown(self):
        connection = self.connect()
        try:
            return hashlib.sha256(connection.sock.getpeercert(True)).hexdigest()
        finally:
            connection.close()


@test
def a_certificate_that_changes_is_used_by_new_connections_and_old_ones_stay(w):
    with tempfile.TemporaryDirectory(prefix="reeve-tls.") as folder:
        first, second = certificate(folder, "one"), certificate(folder, "two")
        cert, key = os.path.join(folder, "now.crt"), os.path.join(folder, "now.key")
        shutil.copy(first[0], cert)
        shutil.copy(first[1], key)
        s = Secure(cert, key)
        same(s.shown(), first[2])
        kept = s.connect()
        same(kept.sock.version(), "TLSv1.3")
        same(s.request_on(kept, "GET", "/v1/me").status, 200)
        reply = s.request_on(kept, "POST", "/v1/login", {"token": s.token}, token=None)
        has(reply.headers["Set-Cookie"], "__Host-reeve=")
        has(reply.headers["Set-Cookie"], "; Secure")
        has(reply.headers["Strict-Transport-Security"], "max-age=")
        link = s.request_on(kept, "POST", "/v1/login-links", {})
        assert link.json["url"].startswith("https://"), link.json
        shutil.copy(second[1], key)  # for a moment they are no pair
        wait_until("the half change was looked at", lambda: s.shown() == first[2])
        shutil.copy(second[0], cert)
        wait_until("the new certificate is shown", lambda: s.shown() == second[2])
        same(s.request_on(kept, "GET", "/v1/me").status, 200, "the old connection")
        with open(key, "w", encoding="ascii") as file:
            file.write("nonsense")
        wait_until("it goes on with what it has", lambda: s.shown() == second[2])
        big = s.request_on(kept, "GET", "/v1/openapi.json")
        assert len(big.body) > 50000
        kept.close()
        same(s.stop(), 0)


@test
def old_versions_and_plain_text_are_not_spoken(w):
    with tempfile.TemporaryDirectory(prefix="reeve-tls.") as folder:
        cert, key, _ = certificate(folder, "one")
        s = Secure(cert, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", s.port), 10) as raw:
            try:
                context.wrap_socket(raw)
                raise AssertionError("TLS 1.1 was spoken")
            except (ssl.SSLError, ConnectionError):
                pass
        with socket.create_connection(("127.0.0.1", s.port), 10) as raw:
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                assert not raw.recv(100).startswith(b"HTTP/"), "plain text was answered"
            except ConnectionError:
                pass
        same(s.stop(), 0)


@test
def a_trusted_proxy_says_who_speaks_tls_and_others_do_not(w):
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    reply = w.s.post("/v1/login", {"token": w.s.token}, token=None, headers=said)
    assert reply.headers["Set-Cookie"].startswith("reeve="), reply.headers["Set-Cookie"]
    os.environ["WEBD_PROXIES"] = "127.0.0.1"
    s = Server(WEBD, "2")
    del os.environ["WEBD_PROXIES"]
    reply = s.post("/v1/login", {"token": s.token}, token=None, headers=said)
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-reeve="), cookie
    jar = {"Cookie": cookie.split(";")[0]}
    same(s.get("/v1/sessions", token=None, headers={**jar, **said}).json["items"][0]["address"], "192.0.2.7")
    same(s.get("/v1/me", token=None, headers=jar).status, 401, "the cookie is for TLS")
    same(s.stop(), 0)


if __name__ == "__main__":
    sys.exit(main())
