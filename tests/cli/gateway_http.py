#!/usr/bin/env python3
"""The gateway's own HTTP server over real sockets: what is refused, split, cut off, sent ahead."""
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

MB = 1 << 20
BODY = json.dumps(g.ASK).encode()
JSON_ANSWER = json.dumps(g.json_answer()).encode()


def answer(h):
    if h.command == "GET":
        h.whole(200, {"content-type": "application/json"}, b'{"data":[]}')
    elif h.headers.get("x-play") == "stream":
        h.start({"content-type": "text/event-stream"})
        for e in g.text_events():
            h.piece(e)
        h.end()
    else:
        h.whole(200, {"content-type": "application/json", "x-n": h.headers.get("x-n", "")}, JSON_ANSWER)


def connect(run):
    return socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE)


def head(run, more=b"", path="/v1/messages", method=b"POST"):
    return b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s" % (method, run.url(path).encode(), more)


def request(run, more=b""):
    return head(run, b"Content-Length: %d\r\n%s\r\n" % (len(BODY), more)) + BODY


def read_all(s):
    """All until the other end, which must come; None when it does not."""
    got = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return got
            got += more
    except ConnectionError:
        return got
    except socket.timeout:
        return None


def say(run, data):
    with connect(run) as s:
        try:
            s.sendall(data)
        except ConnectionError:
            pass
        return read_all(s)


def read_answers(s, n):
    """n whole answers with a Content-Length, from one connection."""
    data, out = b"", []
    while len(out) < n:
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            size = [int(x.split(b":")[1]) for x in data[:end].split(b"\r\n")
                    if x.lower().startswith(b"content-length:")][0]
            if len(data) >= end + 4 + size:
                out.append((data[:end], data[end + 4:end + 4 + size]))
                data = data[end + 4 + size:]
                continue
        more = s.recv(65536)
        if not more:
            break
        data += more
    return out


def works(run):
    return run.ask("/v1/messages", g.ASK)[2] == JSON_ANSWER


def what_two_could_read_differently(provider, run):
    """Behind each stands a request that must not be taken for one of its own."""
    inner = head(run, b"x-n: smuggled\r\n\r\n", "/v1/models", b"GET")
    cases = (
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"400"),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"400"),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"400"),
        (b"Content-Length: +5\r\n\r\nhello", b"400"),
        (b"Content-Length: 5, 5\r\n\r\nhello", b"400"),
        (b"Content-Length: 0x5\r\n\r\nhello", b"400"),
        (b"Content-Length : 5\r\n\r\nhello", b"400"),
        (b"Content-Length: 5\n\r\nhello", b"400"),
        (b"Content-Length: 5\r\n\nhello", b"400"),
        (b"X: y\r\n Content-Length: 5\r\n\r\nhello", b"400"),
        (b"X: y\rContent-Length: 5\r\n\r\nhello", b"400"),
        (b"X: y\0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"501"),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"501"),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"400"),
        (b"Host: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello", b"400"))
    for bad, status in cases:
        before = len(provider.seen)
        got = say(run, head(run, bad) + inner)
        ok(got is not None and got.startswith(b"HTTP/1.1 %s " % status) and got.count(b"HTTP/1.1 ") == 1
           and b"onnection: close" in got, "refused, and the connection ends: %r" % bad, got)
        same(len(provider.seen), before, "... and nothing reached the provider")
    for line, status in ((b"GET / HTTP/1.0\r\n\r\n", b"505"), (b"GET /\r\n\r\n", b"400"),
                         (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
                         (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
                         (b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
                         (b"GET / HTTP/1.1\r\n\r\n", b"400"),
                         (b"\x16\x03\x01\x02\x00\x01\n", b"400")):
        got = say(run, line)
        ok(got is not None and got.startswith(b"HTTP/1.1 %s " % status), "refused: %r" % line, got)
    for flood in (b"X: y\r\n" * 300, b"X: " + b"y" * 40000 + b"\r\n",
                  b"".join(b"X%d: %s\r\n" % (i, b"y" * 900) for i in range(100))):
        got = say(run, head(run, flood + b"\r\n"))
        ok(got is not None and got.startswith(b"HTTP/1.1 431 "), "a flood of fields is refused", got)
    ok(works(run), "the gateway goes on")


def any_split(run):
    with connect(run) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(run):
            s.send(bytes([byte]))
        same([b for _, b in read_answers(s, 1)], [JSON_ANSWER], "a request byte by byte")
        chunks = b"".join(b"%x\r\n%s\r\n" % (1, bytes([c])) for c in BODY) + b"0\r\nA: b\r\n\r\n"
        s.sendall(head(run, b"Transfer-Encoding: chunked\r\n\r\n") + chunks)
        same([b for _, b in read_answers(s, 1)], [JSON_ANSWER], "a chunk for each byte")
        s.sendall(b"".join(request(run, b"x-n: %d\r\n" % i) for i in range(20)))
        same([h.split(b"x-n: ")[1].split(b"\r\n")[0] for h, _ in read_answers(s, 20)],
             [b"%d" % i for i in range(20)], "twenty at once are answered in their order")
        big = json.dumps(dict(g.ASK, messages=[{"role": "user", "content": "x" * 3 * MB}])).encode()
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in
                          (big[i:i + 70000] for i in range(0, len(big), 70000)))
        s.sendall(head(run, b"Transfer-Encoding: chunked\r\n\r\n") + pieces + b"0\r\n\r\n" + request(run))
        same(len(read_answers(s, 2)), 2, "a long chunked one, and one behind it")
        s.sendall(head(run, b"Content-Length: %d\r\n\r\n" % len(big)) + big + request(run, b"Connection: close\r\n"))
        got = read_answers(s, 2)
        same([b for _, b in got], [JSON_ANSWER] * 2, "a long one, and one behind it")
        ok(b"Connection: close" in got[1][0] and read_all(s) == b"", "the end, where it is asked for", got)


def refused_before_the_body(provider, run):
    before = len(provider.seen)
    wrong = b"POST /run/%s/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n" % (b"0" * 64)
    for start, status in ((wrong, b"403"), (head(run, path="/v1/complete"), b"404"),
                          (head(run), b"400")):
        with connect(run) as s:
            s.sendall(start + b"Content-Length: %d\r\n\r\n" % (100 * MB))
            ok(s.recv(12) == b"HTTP/1.1 " + status, "%s, before 100 MB are sent" % status.decode())
    with connect(run) as s:
        s.sendall(head(run, b"Content-Length: %d\r\n\r\n" % (100 * MB)))
        try:
            for _ in range(50):
                s.sendall(b"x" * MB)
        except OSError:
            pass
        ok((read_all(s) or b"").startswith(b"HTTP/1.1 400 "), "who sends on reads the answer nevertheless")
    with connect(run) as s:
        s.sendall(head(run, b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)))
        same(s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n", "who asks is told to go on")
        s.sendall(BODY)
        same([b for _, b in read_answers(s, 1)], [JSON_ANSWER], "... and answered")
    got = say(run, wrong + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
    ok(got is not None and got.startswith(b"HTTP/1.1 403 "), "... or refused at once", got)
    same(len(provider.seen), before + 1, "nothing else reached the provider")


def only_this_machine_by_name(home, provider, run):
    before = len(provider.seen)
    for host in ("127.0.0.1", "127.0.0.1:%d" % run.port, "localhost", "LOCALHOST:1", "[::1]", "[::1]:65535"):
        same(run.ask("", method="HEAD", head={"Host": host})[0], 200, "Host: %s" % host)
    for host in ("example.org", "127.0.0.1.example.org", "127.0.0.1:", "127.0.0.1:123456", "localhost:x",
                 "127.0.0.1@example.org", "127.0.0.2", "0x7f.1", "", "localhost.", "a, 127.0.0.1"):
        status, _, got = run.ask("/v1/messages", g.ASK, head={"Host": host})
        ok(status == 403 and b"host" in got, "403 for Host: %r" % host, (status, got))
    for origin in ("http://127.0.0.1:%d" % run.port, "null", "https://example.org"):
        status, _, got = run.ask("/v1/messages", g.ASK, head={"Origin": origin})
        ok(status == 403 and b"web page" in got, "403 for Origin: %s" % origin, (status, got))
    same(len(provider.seen), before, "none of these reached the provider")
    notes = [x["note"] for x in home.lines("gateway_refused")]
    for word in ("another host", "web page"):
        same(len([n for n in notes if word in n]), 1, "all of a kind are one line in the log: " + word)


def a_socket_of_its_own(home, run):
    path = home.run / "http.sock"
    same(oct(path.stat().st_mode & 0o777), "0o600", "the unix socket is its owner's")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(g.DEADLINE)
        s.connect(str(path))
        s.sendall(request(run))
        same([b for _, b in read_answers(s, 1)], [JSON_ANSWER], "a request through it")
        s.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        ok(s.recv(12) == b"HTTP/1.1 403", "it asks for the token, too")


def open_files(home):
    return len(os.listdir("/proc/%d/fd" % home.gateway.pid))


def ends_at_every_point(home, provider, run):
    before, seen = open_files(home), len(provider.seen)
    whole = request(run)
    step = 7
    for n in range(0, len(whole), step):
        with connect(run) as s:
            s.sendall(whole[:n])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with connect(run) as s:
            s.sendall(whole[:n])
            s.shutdown(socket.SHUT_WR)
            got = read_all(s)
            if got != b"":
                ok(False, "half a request is not answered", (n, got))
    same(len(provider.seen), seen, "resets and ends within a request: nothing reached the provider")
    streamed = request(run, b"x-play: stream\r\nConnection: close\r\n")
    length = len(say(run, streamed))
    for n in range(0, length, 31):
        s = connect(run)
        s.sendall(streamed)
        left = n
        while left > 0:
            got = s.recv(left)
            if not got:
                break
            left -= len(got)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    ok(works(run), "resets within an answer: the gateway goes on")
    ok(g.until(lambda: open_files(home) <= before + 3), "no descriptor is left behind",
       (before, open_files(home)))


def rss(pid):
    return int([x for x in Path("/proc/%d/status" % pid).read_text().split("\n")
                if x.startswith("VmRSS")][0].split()[1])


def cpu(pid):
    return sum(int(x) for x in Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[11:13])


def idle_ones_cost_little(home, run, asan):
    many = 1000
    with connect(run) as s:
        s.sendall(request(run))
        read_answers(s, 1)
    before, crowd = rss(home.gateway.pid), []
    for _ in range(many):
        s = connect(run)
        s.sendall(head(run, b"\r\n", "", b"HEAD"))
        crowd.append(s)
    same({s.recv(12) for s in crowd}, {b"HTTP/1.1 200"}, "a thousand connections, each had an answer")
    grown = rss(home.gateway.pid) - before
    ok(asan or grown < 2 * many, "... and costs less than 2 KB", grown)
    for s in crowd:
        s.close()
    ok(works(run), "... and when they are gone it goes on")


def no_descriptor_left(build, provider):
    """So few that the door takes connections until there is none left."""
    home = g.Home(build, provider.port)
    try:
        same(home.start(files=64), "ready", "a gateway with few descriptors")
        run = home.register()
        crowd = [connect(run) for _ in range(150)]
        ok(g.until(lambda: any("too many connections" in x["note"] for x in home.lines("gateway_refused"))),
           "who is too many is turned away, with a line in the log")
        before, begin = cpu(home.gateway.pid), time.monotonic()
        same(len(home.ask({"op": "status"})["runs"]), 1, "... the control socket answers")
        g.until(lambda: time.monotonic() - begin > 0.3)
        spent = (cpu(home.gateway.pid) - before) / os.sysconf("SC_CLK_TCK")
        ok(spent < 0.15, "... the loop does not spin", spent)
        for s in crowd:
            s.close()
        ok(g.until(lambda: works(run)), "... and there is room again when they are gone")
        home.stop()
    finally:
        home.close()


def one_run_leaves_room_for_others(home, greedy):
    """Bodies that do not end, 512 MB of them: the gateway's memory for requests, of which a run gets half."""
    other, held, refused = home.register(), [], 0
    for _ in range(17):
        s = socket.create_connection(("127.0.0.1", greedy.port), timeout=g.DEADLINE)
        held.append(s)
        try:
            s.sendall(("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % (
                greedy.url("/v1/messages"), 32 << 20)).encode() + b" " * (31 << 20))
        except OSError:
            refused += 1
    big = dict(g.ASK, stream=False, metadata={"x": "y" * 400000})
    same(other.ask("/v1/messages", big)[0], 200, "another run's request passes, %d of its were refused" % refused)
    for s in held:
        s.close()


def main():
    build = g.build()
    provider = g.Provider(answer)
    home = g.Home(build, provider.port)
    same(home.start(), "ready", "the gateway starts")
    run = home.register()
    try:
        what_two_could_read_differently(provider, run)
        any_split(run)
        refused_before_the_body(provider, run)
        only_this_machine_by_name(home, provider, run)
        a_socket_of_its_own(home, run)
        ends_at_every_point(home, provider, run)
        idle_ones_cost_little(home, run, "asan" in build)
        one_run_leaves_room_for_others(home, run)
        same(home.stop(), 0, "the gateway ends well")
        ok(not (home.run / "http.sock").exists(), "... and takes its socket along")
        no_descriptor_left(build, provider)
    finally:
        home.close()
        provider.close()
    g.done()


if __name__ == "__main__":
    main()
