# SPDX-License-Identifier: Apache-2.0
"""Requests that are nearly right, made from the OpenAPI document of a server. Pure: the same document, things and random source give
the same bytes.

An exchange is what is sent over one connection in one go, how, and what may be hoped for in return (`Exchange`).
"""
import json
import re
from collections import namedtuple
from urllib.parse import quote

# pieces: what is sent, one after the other. asks: the methods of the requests that are whole and so must be answered, in order;
# None: nothing is promised (the framing is broken). end: how the client behaves then: "read" all answers; "cut" the connection
# without reading; "drain": say that nothing more comes, and read to the end.
Exchange = namedtuple("Exchange", "pieces asks end")

MARK = b"X-Evil"  # a header that only an injected line break could bring into a reply
DEEP = 3000
LONG_CHUNK = b"1;" + b"e" * 33000  # longer than the memory of a connection
TEXTS = ["", " ", "a", "A" * 300, "x" * 5000, "#!/bin/sh\n", "1-9", "5-1", "1-99999999", "1-10%0", "-1", "0", "1e400", "9" * 30, "0x10", "1.5", "+1",
         "../..", "/etc/passwd", "/", "//", "%s%n%d", "'; drop table jobs; --", "\u202e", "\x7f", "\x00", "\x1b[2J", "\U0001f600", "\ud800", "e\u0301",
         "#1", "#0", "job:1", "job:#1", "job:99999999999999999999", "2h", "-2h", "9999999999d", "NaN", "Infinity", "null", "true", "\\u0000",
         "SHA256:abcdefghijk", "2001-01-01T00:00:00Z", "2999-13-41T99:99:99Z", "9" * 20 + "-01-01T00:00:00Z", "8G", "8Gi", "18446744073709551616",
         "http://127.0.0.1:9/x", "https://h.invalid/a b", "mailto:a@b", "a@b.invalid", "a\r\nX-Evil: 1", "[::1]", "127.0.0.1", "localhost", "*", "a*", "*a*",
         "reads@2", "reads@0", "a=b&c=d", "{task}", "{", "}", "${x}", "<script>", "&amp;", ",", ",,", "k:v", ":v", "k:", "ssh-ed25519 AAAA"]
NUMBERS = [0, -1, 1, 2, 7, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 10**30, 0.1, 3.5, -0.0, 1e308, -1e308,
           1e-320]
SEGMENTS = ["0", "-1", "2", "3", "10", "999999999", "9223372036854775807", "9223372036854775808", "99999999999999999999", "%00", "%ff", "%c3%28", "a%2fb",
            "%2e%2e", "..", ".", "", "%", "%zz", "%0d%0aX-Evil:%201", "'", "a b", "%25", "A" * 300, "x" * 3000, "+", "1.5", "0x1", "nobody", "alpha", "one", "set",
            "%F0%9F%98%80", ";", "*", "@", "reads@1", "1#2", "~"]
HOSTS = ["evil.example", "", "localhost:x", "[::1", "[::1]", "127.0.0.1:1", "a" * 300, "localhost\t", "\u00e9.example", "127.0.0.1, evil", "%00"]
TYPES = ["text/plain", "application/json; charset=utf-16", "application/jsonx", "", "application/octet-stream", "multipart/form-data; boundary=x",
         "application/x-www-form-urlencoded", "APPLICATION/JSON", "application/json;", "a" * 500]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
ODD_METHODS = ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G", "X" * 40, "P\u00d6ST", "GET,POST", "!", "PRI"]
VERSIONS = ["HTTP/1.0", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/9.9", "HTTP/0.9", "HTTP/1.", "HTTP/", "http/1.1", "HTTP/1.1 ", "", "HTTP/11", "HTTP/1.1.1", "HTCPCP/1.0"]
RANGES = ["bytes=0-1", "bytes=-1", "bytes=5-2", "bytes=0-", "bytes=0-1,3-4", "bytes=99999999999999999999-", "bytes=", "lines=1-2", "bytes=--1", "bytes=a-b", "0-1"]
TAGS = ["*", '"x"', 'W/"x"', "x", '"', ",", '"a", "b"', '"' + "a" * 2000 + '"', ""]
KEYS = ["k1", "k2", "k" * 200, "k" * 201, "", "\x01", "\u00e9", "a b"]
BROKEN = [b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\0" * 64, bytes(range(256)), b"GET / HTTP/1.1\r\n :x\r\n\r\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n",
          b"GET " + b"/" * 40000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 60000 + b"\r\n\r\n",
          b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n", b"GET / HTTP/1.1\nHost: localhost\n\n", b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n\tc\r\n d\r\n\r\n", b"GET / HTTP/1.1\rHost: localhost\r\r", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
          b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"\xff\xfe: \x00\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nHost: localhost\r\n\r\n"]


class Things:
    """What requests name: tokens by who has them, and good values by the name of a member or of a part of a path."""

    def __init__(self, tokens, values):
        self.tokens, self.values = tokens, values


def routes_of(document):
    """(method, path, operation), in the order of the document; the one that never ends is left out."""
    return [(method.upper(), path, operation) for path, operations in document["paths"].items() for method, operation in operations.items()
            if path != "/v1/stream"]


class Grammar:
    def __init__(self, document, things):
        self.routes, self.things = routes_of(document), things
        self.words = sorted({name for _m, _p, o in self.routes for name in self.members(o)} | {"x", "constructor", "__proto__"})

    @staticmethod
    def members(operation):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        return list(body.get("properties", {})) + [p["name"] for p in operation["parameters"]]

    # ---- values ----

    def good(self, r, schema, name, depth=0):
        """A value as the schema wants it, if that can be told."""
        if name in self.things.values and r.random() < 0.8:
            return r.choice(self.things.values[name])
        if "enum" in schema:
            return r.choice(schema["enum"])
        kinds = schema.get("type", "string")
        kind = r.choice([k for k in kinds if k != "null"] or ["string"]) if isinstance(kinds, list) else kinds
        if kind == "object" and depth < 5 and schema.get("properties"):
            needed = schema.get("required", [])
            part = r.random()
            return {k: self.good(r, s, k, depth + 1) for k, s in schema["properties"].items() if k in needed or r.random() < part * 0.5}
        if kind == "array" and "items" in schema and depth < 5:
            return [self.good(r, schema["items"], name, depth + 1) for _ in range(r.randrange(1, 4))]
        if schema.get("examples") and r.random() < 0.7:
            return r.choice(schema["examples"])
        if kind in ("integer", "number"):
            return max(schema.get("minimum", 0), min(schema.get("maximum", 9), r.randrange(10)))
        return {"boolean": r.random() < 0.5, "object": {"k": "v"}, "array": ["a"]}.get(kind, "a")

    def bad(self, r, depth=0):
        kind = r.randrange(9 if depth < 4 else 6)
        if kind == 0:
            return r.choice([None, True, False])
        if kind < 3:
            return r.choice(NUMBERS)
        if kind < 6:
            return r.choice(TEXTS)
        if kind < 8:
            return [self.bad(r, depth + 1) for _ in range(r.randrange(4))]
        return {r.choice(self.words if r.random() < 0.6 else TEXTS): self.bad(r, depth + 1) for _ in range(r.randrange(5))}

    def spoil(self, r, value, share, depth=0):
        """The value, with bad ones here and there."""
        if r.random() < share:
            return self.bad(r, depth)
        if isinstance(value, dict):
            made = {r.choice(self.words) if r.random() < share else k: self.spoil(r, v, share, depth + 1) for k, v in value.items() if r.random() > share}
            if r.random() < share:
                made[r.choice(self.words)] = self.bad(r, depth + 1)
            return made
        if isinstance(value, list):
            return [self.spoil(r, v, share, depth + 1) for v in value] * (r.randrange(200) if r.random() < share / 4 else 1)
        return value

    # ---- parts of a request ----

    def body(self, r, operation):
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if not schema:
            return b"x" * r.choice([0, 1, 10, 3000]) if content or r.random() < 0.1 else None
        if r.random() < 0.03:
            return r.choice([None, b"", b"[]", b"1", b"null", b'"', b"[" * DEEP, b'{"a":' * DEEP, b"{" + b'"a":1,' * 500 + b'"b":2}', b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}",
                             b"1e999999", b"-", b"{}{}", b'{"a":"\xc3\x28"}', b'{"a":"\\ud800"}', b'{"a":' + b"9" * 4000 + b"}", b'{"a":tru', b"{'a':1}", b"{}" + b" " * 70000,
                             b'{"a":"' + b"x" * 1100000 + b'"}'])
        text = json.dumps(self.spoil(r, self.good(r, schema, ""), r.choice([0, 0.02, 0.1, 0.3])), ensure_ascii=r.random() < 0.5)
        raw = text.encode("utf-8", "surrogatepass")
        if r.random() < 0.1:
            raw = self.spoil_bytes(r, raw)
        return raw

    @staticmethod
    def spoil_bytes(r, raw):
        at, kind = r.randrange(len(raw) + 1), r.randrange(5)
        if kind == 0:
            return raw[:at]
        if kind == 1:
            return raw[:at] + r.choice([b"{", b"]", b'"', b"\\", b"\0", b"\xff", b"\xe2\x80", b",,", b"1" * 40, b"\\u00", b"/**/", b"\r\n"]) + raw[at:]
        if kind == 2:
            return raw[:at] + raw[at + 1:]
        if kind == 3:
            return raw[:1] + b'"name":1,"name":2,' + raw[1:]
        return raw + raw[at:]

    def target(self, r, path, operation):
        def part(match):
            values = self.things.values.get("/" + match.group(1))
            return quote(str(r.choice(values)), safe="@") if values and r.random() < 0.8 else r.choice(SEGMENTS)

        target = re.sub(r"\{(\w+)\}", part, path)
        known = [p for p in operation["parameters"] if p["in"] == "query"]
        query = []
        for p in known:
            if r.random() < 0.35:
                value = self.good(r, p["schema"], p["name"]) if r.random() < 0.6 else r.choice(TEXTS)
                # Waiting is for other tests, which have the time.
                value = r.choice([0, -1, 61, "x", ""]) if p["name"] == "wait" else value
                query.append((p["name"], quote(str(value).encode("utf-8", "surrogatepass"), safe=",:")))
        if any(p["name"] == "dry_run" for p in known) and r.random() < 0.6:
            query.append(("dry_run", "true"))
        if r.random() < 0.05:
            query.append((r.choice(self.words), r.choice(["1", "%", "%zz", "%C3%28", "", "a=b", "%00", "x" * 2000])))
        if query and r.random() < 0.03:
            query.append(r.choice(query))
        if query or r.random() < 0.02:
            target += "?" + "&".join(f"{k}={v}" if r.random() < 0.98 else k for k, v in query)
        if r.random() < 0.02:
            at = r.randrange(len(target))
            target = target[:at] + r.choice(["/", "//", "%", "#", "?", "\x7f", "\u00e9", "%2f", "..", ";"]) + target[at:]
        return target

    def headers(self, r, method, body):
        who = r.choice(["admin"] * 9 + ["submitter"] * 5 + ["viewer"] * 2 + ["none", "cookie", "odd"])
        found = [("Host", "127.0.0.1" if r.random() < 0.97 else r.choice(HOSTS))]
        if who in self.things.tokens:
            found.append(("Authorization", "Bearer " + self.things.tokens[who]))
        elif who == "odd":
            found.append(("Authorization", r.choice(["Bearer", "Bearer ", "Bearer reeve_", "Basic YTpi", "bearer x", "", "Bearer " + "a" * 3000, "Bearer \u00e9"])))
        elif who == "cookie":
            found.append(("Cookie", r.choice(["reeve=" + self.things.tokens["submitter"], "reeve=", "reeve", "reeve=a; reeve=b", "=;=;", "a=" + "b" * 3000, ";" * 100])))
            if r.random() < 0.5:
                found.append(("X-Reeve-Csrf", "1"))
        for name, values, share in (("If-None-Match", TAGS, 0.06), ("Range", RANGES, 0.04), ("Idempotency-Key", KEYS, 0.06), ("Origin", HOSTS, 0.02),
                                    ("Sec-Fetch-Site", ["cross-site", "same-origin", "x"], 0.02), ("X-Forwarded-For", TEXTS, 0.02), ("X-Forwarded-Proto", ["https", "x"], 0.02),
                                    ("Accept-Encoding", ["gzip", "br;q=0", "*", ",,,", "gzip;q=x"], 0.04), ("Last-Event-ID", TEXTS, 0.01),
                                    ("If-Modified-Since", ["x", "Sat, 21 Nov 2026 00:00:00 GMT"], 0.02), ("Accept", ["text/html", "x", "*/*"], 0.02),
                                    ("Content-Encoding", ["gzip", "x"], 0.01), ("X" * 300, ["y" * 300], 0.01)):
            if r.random() < share:
                found.append((name, r.choice(values)))
        if body is not None:
            good = "application/json" if method != "PUT" or r.random() < 0.2 else "application/octet-stream"
            found.append(("Content-Type", good if r.random() < 0.96 else r.choice(TYPES)))
        if r.random() < 0.02:
            found.append(r.choice(found))
        r.shuffle(found)
        return found

    def request(self, r):
        """(method, head without its last line, body or None, odd version)."""
        method, path, operation = r.choice(self.routes)
        if r.random() < 0.04:
            method = r.choice(METHODS + ODD_METHODS)
        elif method == "GET" and r.random() < 0.05:
            method = "HEAD"
        body = self.body(r, operation)
        version = "HTTP/1.1" if r.random() < 0.99 else r.choice(VERSIONS)
        lines = [f"{method} {self.target(r, path, operation)} {version}"]
        lines += [f"{name}: " + re.sub(r"[\r\n\0]", "?", value) for name, value in self.headers(r, method, body)]
        return method, "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n", body, version != "HTTP/1.1"

    # ---- exchanges ----

    @staticmethod
    def chunked(r, body):
        made, at = b"", 0
        while at < len(body):
            n = r.choice([1, 2, 7, 100, 5000])
            piece = body[at:at + n]
            made += b"%x%s\r\n" % (len(piece), r.choice([b"", b"", b";a=b", b' ;x="y"'])) + piece + b"\r\n"
            at += n
        return made + b"0\r\n" + (b"X-Trailer: 1\r\n" if r.random() < 0.1 else b"") + b"\r\n"

    def whole(self, r):
        """A request whose framing is right: bytes, method."""
        method, head, body, odd = self.request(r)
        if body is None:
            return head + b"\r\n", method, odd
        if r.random() < 0.1:
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + self.chunked(r, body), method, odd
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, method, odd

    def broken(self, r):
        """Bytes whose framing is wrong."""
        if r.random() < 0.3:
            return r.choice(BROKEN)
        _method, head, body, _odd = self.request(r)
        body = body or b"{}"
        frame = r.choice([b"Content-Length: %d" % (len(body) + r.choice([1, 5, 100000])), b"Content-Length: %d" % max(0, len(body) - 3), b"Content-Length: -5",
                          b"Content-Length: 99999999999999999999", b"Content-Length: 1e3", b"Content-Length: 0x10", b"Content-Length: 2\r\nContent-Length: 3",
                          b"Content-Length: 2, 2", b"Content-Length:", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked\r\nContent-Length: 2",
                          b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: \x0bchunked", b"Expect: 100-continue\r\nContent-Length: 10", b"Expect: x",
                          b"Transfer-Encoding: chunked"])
        if frame.endswith(b"chunked") and r.random() < 0.7:
            body = r.choice([b"zz\r\n", b"-1\r\nx\r\n", b"ffffffffffffffff\r\n", b"fffffffffffffffff\r\n", b"5\r\nab\r\n0\r\n\r\n", LONG_CHUNK, b"0\r\n" + b"T: x\r\n" * 3000,
                             b"0x1\r\na\r\n0\r\n\r\n", b"1\na\n0\n\n", b""])
        raw = head + frame + b"\r\n\r\n" + body
        return self.spoil_bytes(r, raw) if r.random() < 0.3 else raw

    def exchange(self, r):
        kind = r.random()
        if kind < 0.06:
            return Exchange([self.broken(r)], None, r.choice(["drain", "drain", "cut"]))
        if kind < 0.09:
            raw = self.whole(r)[0]
            return Exchange([raw[:r.randrange(1, len(raw) + 1)]], None, r.choice(["cut", "cut", "drain"]))
        made = [self.whole(r) for _ in range(r.randrange(2, 7) if kind < 0.13 else 1)]
        raw = b"".join(m[0] for m in made)
        pieces = [raw]
        if kind < 0.16:
            cuts = sorted(r.randrange(len(raw)) for _ in range(r.randrange(1, 6)))
            pieces = [raw[a:b] for a, b in zip([0] + cuts, cuts + [len(raw)]) if a < b]
        odd = any(m[2] for m in made)
        # With a version that is none, or a method that is no word, nothing is promised.
        if odd or any(not re.fullmatch(r"[A-Z]+", m[1]) or m[1] == "CONNECT" for m in made):
            return Exchange(pieces, None, "drain")
        return Exchange(pieces, [m[1] for m in made], "read")
