#!/usr/bin/env python3
"""The gateway's way to a provider elsewhere: TLS, authorities, proxies, HTTP/2 with many streams."""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

NAME = "provider.localhost"  # resolved to this machine by curl itself, but not a loopback address
STREAM = b"".join(g.text_events())
BIG = 8 << 20


def answer(h):
    play = h.headers.get("x-play")
    if h.command == "GET":
        h.whole(200, {"content-type": "application/json"}, b'{"data":[]}')
    elif play == "half":
        h.start({"content-type": "text/event-stream"})
        h.piece(STREAM[:STREAM.index(b"llo")])
        h.cut()
    elif play == "dead":
        h.cut()
    elif play == "busy":
        h.whole(529, {"retry-after": "3", "request-id": "req_1"}, b"\x00busy")
    else:
        h.start({"content-type": "text/event-stream"})
        for e in g.text_events():
            h.piece(e)
        h.end()


class Authority:
    """A throw-away one, with a certificate for this machine and one for another name."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gwca"))
        self.root = self.folder / "root.pem"
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", "root.key", "-out", "root.pem", "-days", "2", "-subj", "/CN=throw-away authority")
        self.leaf("here", "IP:127.0.0.1,DNS:localhost,DNS:" + NAME)
        self.leaf("away", "DNS:other.example")
        (self.folder / "hashed").mkdir()
        shutil.copy(self.root, self.folder / "hashed/root.pem")
        self.run("rehash", "hashed")

    def run(self, *argv):
        subprocess.run(["openssl", *argv], cwd=self.folder, check=True, capture_output=True)

    def leaf(self, name, names):
        (self.folder / "ext").write_text("subjectAltName=" + names)
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        self.run("x509", "-req", "-in", name + ".csr", "-CA", "root.pem", "-CAkey", "root.key",
                 "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", name + ".pem")

    def pair(self, name):
        return str(self.folder / (name + ".pem")), str(self.folder / (name + ".key"))

    def close(self):
        shutil.rmtree(self.folder)


class Proxy:
    """Takes CONNECT, leads to one port of this machine whatever the name is, keeps what was asked."""

    def __init__(self, port):
        self.port_there, self.asked, self.heads, self.open = port, [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        head = b""
        while b"\r\n\r\n" not in head:
            head += s.recv(1) or b"\r\n\r\n"
        self.asked.append(head.split(b" ")[1].decode() if b" " in head else "?")
        self.heads.append(head)
        there = socket.create_connection(("127.0.0.1", self.port_there))
        self.open += [s, there]
        s.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for a, b in ((s, there), (there, s)):
            threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for s in [self.listener, *self.open]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


def home_to(build, url, **env):
    home = g.Home(build, 0)
    home.policy.write_text(g.UNATTENDED + '[proxy]\nanthropic_upstream = "%s"\n' % url)
    home.start(**env)
    return home, home.register()


def authorities_are_honoured(build, ca, secure):
    url = "https://127.0.0.1:%d" % secure.port
    root, none = str(ca.root), str(ca.folder / "none.pem")
    for what, env, want in (
            ("none of ours", {}, 502),
            ("SSL_CERT_FILE", {"SSL_CERT_FILE": root}, 200),
            ("CURL_CA_BUNDLE", {"CURL_CA_BUNDLE": root}, 200),
            ("SSL_CERT_DIR", {"SSL_CERT_DIR": str(ca.folder / "hashed")}, 200),
            ("NODE_EXTRA_CA_CERTS", {"NODE_EXTRA_CA_CERTS": root}, 200),
            ("CURL_CA_BUNDLE before SSL_CERT_FILE", {"CURL_CA_BUNDLE": root, "SSL_CERT_FILE": none}, 200),
            ("a folder without it", {"SSL_CERT_DIR": str(ca.folder)}, 502),
            ("NODE_EXTRA_CA_CERTS beside SSL_CERT_DIR",
             {"NODE_EXTRA_CA_CERTS": root, "SSL_CERT_DIR": "/nonexistent"}, 200),
            ("an empty variable", {"SSL_CERT_FILE": ""}, 502),
            ("a file that is not there", {"SSL_CERT_FILE": none}, 502),
            ("more that is not there", {"NODE_EXTRA_CA_CERTS": none}, 502)):
        before = len(secure.seen)
        home, run = home_to(build, url, **env)
        status, _, got = run.ask("/v1/messages", g.ASK)
        same((status, len(secure.seen) - before), (want, int(want == 200)), "authority: " + what)
        if want == 200:
            same(got, STREAM, "... and the answer is the provider's")
        else:
            ok(b"certificate" in got and url.encode() in got, "... and the text says so", got)
        if what == "none of ours":
            ok(b"NODE_EXTRA_CA_CERTS" in got and b"SSL_CERT_FILE" in got, "... and what to do", got)
        home.close()


def names_are_checked(build, ca):
    away = g.Provider(answer, ca.pair("away"))
    home, run = home_to(build, "https://127.0.0.1:%d" % away.port, SSL_CERT_FILE=str(ca.root))
    status, _, got = run.ask("/v1/messages", g.ASK)
    ok(status == 502 and b"127.0.0.1" in got, "a certificate for another name is refused", (status, got))
    same(away.seen, [], "... before anything is sent")
    home.close()
    away.close()


def proxies_are_honoured(build, ca, secure):
    """By a proxy to a name that is not this machine; not when NO_PROXY names it."""
    url = "https://%s:%d" % (NAME, secure.port)
    there = "%s:%d" % (NAME, secure.port)
    for what, env, want in (
            ("https_proxy", {"https_proxy": 1}, [there]), ("HTTPS_PROXY", {"HTTPS_PROXY": 1}, [there]),
            ("all_proxy", {"all_proxy": 1}, [there]), ("ALL_PROXY", {"ALL_PROXY": 1}, [there]),
            ("NO_PROXY", {"HTTPS_PROXY": 1, "NO_PROXY": NAME}, []),
            ("no_proxy of a domain", {"https_proxy": 1, "no_proxy": "a.example,.localhost"}, []),
            ("NO_PROXY *", {"https_proxy": 1, "NO_PROXY": "*"}, []),
            ("NO_PROXY of another name", {"https_proxy": 1, "NO_PROXY": "rovider.localhost"}, [there]),
            ("none", {}, [])):
        proxy = Proxy(secure.port)
        values = {n: "http://u:pw@127.0.0.1:%d" % proxy.port if v == 1 else v for n, v in env.items()}
        home, run = home_to(build, url, SSL_CERT_FILE=str(ca.root), **values)
        before = len(secure.seen)
        got = [run.ask("/v1/messages", g.ASK, {"x-api-key": "sk-ant-k"})[2] for _ in range(3)]
        same((got, len(secure.seen) - before), ([STREAM] * 3, 3), "proxy: %s: the answers" % what)
        same(proxy.asked, want, "proxy: %s: what it was asked" % what)
        ok(all(b"x-api-key" not in x and b"messages" not in x for x in proxy.heads),
           "... nothing of the request, no key", proxy.heads)
        ok(all(b"Proxy-Authorization: Basic" in x for x in proxy.heads), "... its own login", proxy.heads)
        home.close()
        proxy.close()


def nothing_is_sent_twice(build, ca, secure):
    """A kept connection that takes the request and then ends: the provider may have read it."""
    home, run = home_to(build, "https://127.0.0.1:%d" % secure.port, SSL_CERT_FILE=str(ca.root))
    for size in (10, 300000):
        same(run.ask("/v1/messages", g.ASK)[2], STREAM, "a connection is there")
        before = len(secure.seen)
        status, _, got = run.ask("/v1/messages", dict(g.ASK, metadata={"user_id": "x" * size}), {"x-play": "dead"})
        ok(status == 502 and b"broke" in got, "it breaks behind a request of %d bytes: 502" % size, (status, got))
        same(len(secure.seen) - before, 1, "... which the provider was sent once")
    home.close()


def broken_answers_are_told(build, ca, secure):
    home, run = home_to(build, "https://127.0.0.1:%d" % secure.port, SSL_CERT_FILE=str(ca.root))
    for play in ("dead", "half"):
        before = len(secure.seen)
        status, _, got = run.ask("/v1/messages", g.ASK, {"x-play": play})
        body = got[1] if isinstance(got, tuple) else got
        ok((status == 502) if play == "dead" else (isinstance(got, tuple) or b"event: error" in body)
           and b"message_stop" not in body, "a provider that dies: " + play, (status, got))
        same(len(secure.seen) - before, 1, "... is asked once")
    status, head, got = run.ask("/v1/messages", g.ASK, {"x-play": "busy"})
    same((status, got, head["retry-after"], head["request-id"]), (529, b"\x00busy", "3", "req_1"),
         "an error passes byte for byte")
    home.close()


class H2:
    """nghttpd with a folder; what it says is what it saw."""

    def __init__(self, ca, files):
        self.root = Path(tempfile.mkdtemp(prefix="gwh2"))
        for name, data in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(data)
        self.log = self.root / "log"
        with open(self.log, "wb") as out:
            cert, key = ca.pair("here")
            self.process = subprocess.Popen(["nghttpd", "-v", "-d", str(self.root), "-a", "127.0.0.1",
                                             "0", key, cert], stdout=out, stderr=out)
        self.port = g.until(self.find_port)
        ok(self.port, "nghttpd listens", self.log.read_text())

    def find_port(self):
        proc = Path("/proc/%d" % self.process.pid)
        mine = {os.readlink(x) for x in proc.glob("fd/*")}
        for line in (proc / "net/tcp").read_text().split("\n")[1:-1]:
            field = line.split()
            if field[3] == "0A" and "socket:[%s]" % field[9] in mine:
                return int(field[1].split(":")[1], 16)
        return 0

    def connections(self):
        return len(set(re.findall(r"\[id=(\d+)\]", self.log.read_text())))

    def streams(self, path):
        return len(re.findall(r"recv \(stream_id=\d+\) :path: %s\n" % re.escape(path),
                              re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text())))

    def close(self):
        self.process.terminate()
        self.process.wait(g.DEADLINE)
        shutil.rmtree(self.root)


def many_streams_on_one_connection(build, ca):
    if not shutil.which("nghttpd", path="/usr/sbin:/usr/bin:/usr/local/bin"):
        g.skip("HTTP/2", "nghttpd is not installed")
        return
    models = json.dumps({"data": ["x" * 1000]}).encode()
    h2 = H2(ca, {"v1/models": models, "big/v1/models": b"y" * BIG})
    url = "https://127.0.0.1:%d" % h2.port
    home, run = home_to(build, url, SSL_CERT_FILE=str(ca.root))
    got = []
    threads = [threading.Thread(target=lambda: got.append(run.ask("/v1/models", method="GET")[::2]))
               for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(g.DEADLINE)
    same(got, [(200, models)] * 24, "24 requests at a time over HTTP/2")
    same((h2.connections(), h2.streams("/v1/models")), (1, 24), "a stream each, of one connection")
    status, _, got = run.ask("/v1/messages", dict(g.ASK, pad="x" * BIG))
    ok(status == 404 and b"nghttpd" in got, "a large request goes up, its error comes back", (status, got))
    same((h2.connections(), h2.streams("/v1/messages")), (1, 1), "... on the same connection")
    home.policy.write_text(g.UNATTENDED + '[proxy]\nanthropic_upstream = "%s/big"\n' % url)
    slow = home.register()
    c = http.client.HTTPConnection("127.0.0.1", slow.port, timeout=g.DEADLINE)
    c.request("GET", slow.url("/v1/models"))
    r = c.getresponse()
    first = r.read(1)
    for _ in range(3):
        same(run.ask("/v1/models", method="GET")[2], models, "beside a client that does not read")
    same(h2.connections(), 1, "... all on one connection")
    same(first + r.read(), b"y" * BIG, "the slow client gets all of its answer at last")
    c.close()
    home.close()
    h2.close()


def main():
    build = g.build()
    ca = Authority()
    secure = g.Provider(answer, ca.pair("here"))
    try:
        authorities_are_honoured(build, ca, secure)
        names_are_checked(build, ca)
        proxies_are_honoured(build, ca, secure)
        nothing_is_sent_twice(build, ca, secure)
        broken_answers_are_told(build, ca, secure)
        many_streams_on_one_connection(build, ca)
    finally:
        secure.close()
        ca.close()
    g.done()


if __name__ == "__main__":
    main()
