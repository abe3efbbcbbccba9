#!/usr/bin/env python3
"""The gateway's way to a provider on this machine: connections, what breaks, what is no HTTP."""
import gzip
import http.client
import json
import socket
import struct
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
JSON = json.dumps(g.json_answer()).encode()
STREAM = b"".join(g.text_events())
LENGTH = b"Content-Length: %d\r\n\r\n"
BIG = 4 << 20


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


class Raw:
    """A provider that plays bytes: `plays` maps the request's x-play to what is done on the socket."""

    def __init__(self, plays, host="127.0.0.1", family=socket.AF_INET):
        self.plays, self.lock = plays, threading.Lock()
        self.connections, self.heads, self.open = 0, [], []
        self.listener = socket.socket(family)
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.settimeout(g.DEADLINE)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                self.open.append(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = s.recv(65536)
                    if not more:
                        s.close()
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                fields = dict((n.lower(), v.strip()) for n, v in
                              (x.split(b":", 1) for x in head.split(b"\r\n")[1:]))
                play = self.plays[fields.get(b"x-play", b"json").decode()]
                with self.lock:
                    self.heads.append(head)
                left = int(fields.get(b"content-length", 0)) - len(data)
                if getattr(play, "early", False):
                    play(s)
                    return
                while left > 0:
                    more = s.recv(65536)
                    if not more:
                        return
                    left -= len(more)
                data = b""
                if play(s) is False:
                    return
        except OSError:
            pass

    def seen(self, play):
        return sum(b"x-play: " + play.encode() + b"\r\n" in x + b"\r\n" for x in self.heads)

    def close(self):
        for s in [self.listener, *self.open]:
            try:
                s.shutdown(socket.SHUT_RDWR)  # who waits for it wakes up
            except OSError:
                pass
            s.close()


def send(*parts, end=None):
    """Plays these bytes; a number waits so long; then ends the connection or leaves it open."""
    def play(s):
        for part in parts:
            if isinstance(part, bytes):
                s.sendall(part)
            else:
                time.sleep(part)
        if end == "close":
            s.close()
        elif end == "reset":
            reset(s)
        return end is None
    return play


def with_its_end(data):
    """The answer and the end of the connection travel together."""
    def play(s):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        s.sendall(data)
        s.close()
        return False
    return play


def early(what):
    what.early = True
    return what


def slowly(data):
    return send(*[x for i in range(len(data)) for x in (data[i:i + 1], 0.005)])


def whole(body, head=OK):
    return head + LENGTH % len(body) + body


def chunked(body, head=OK):
    return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def half_read(s):
    s.recv(1000)
    reset(s)


def answer_early(s):
    """Says no after the head, reads no body, closes: the answer still has to arrive."""
    s.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\n" + LENGTH % 2 + b"{}")
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass
    s.close()


HALF = STREAM.index(b"llo")
GOOD = {
    "json": (send(whole(JSON)), JSON),
    "chunked json": (send(chunked(JSON)), JSON),
    "json until the end": (with_its_end(OK + b"\r\n" + JSON), JSON),
    "stream until the end": (with_its_end(SSE + b"\r\n" + STREAM), STREAM),
    "100 first": (send(b"HTTP/1.1 100 Continue\r\n\r\n" + whole(JSON)), JSON),
    "103 first": (send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0.05, whole(JSON)), JSON),
    "slowly": (slowly(whole(JSON)), JSON),
    "slowly chunked": (slowly(chunked(STREAM, SSE)), STREAM),
    "HTTP/1.0": (with_its_end(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + JSON), JSON),
}
# What each client is told, or "cut": the answer had begun.
BROKEN = {
    "nothing": (send(end="close"), b"without an answer"),
    "reset": (send(end="reset"), b"before it answered"),
    "half a head": (send(OK[:30], end="close"), b"within the head"),
    "half a head, reset": (send(OK[:30], 0.1, end="reset"), b"within its answer"),
    "half a body": (send(OK + LENGTH % 1000 + b"{", end="close"), b"within its answer"),
    "half a chunk": (send(OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{", end="close"), b"within its answer"),
    "no last chunk": (send(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", end="close"),
                      b"within its answer"),
    "half read": (early(half_read), b"broke"),
    "half a stream": (send(SSE + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (HALF, STREAM[:HALF]),
                           end="close"), "cut"),
    "half a stream, reset": (send(SSE + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n"
                                  % (HALF, STREAM[:HALF]), 0.1, end="reset"), "cut"),
}
UNSOUND = {
    "length and chunked": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": OK + b"Content-Length: +3\r\n\r\nabc",
    "a length of letters": OK + b"Content-Length: 0x3\r\n\r\nabc",
    "another coding": OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "coding twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare LF": OK + b"X: a\n\r\n{}",
    "bare LFs": (OK + LENGTH % 2 + b"{}").replace(b"\r\n", b"\n"),
    "a bare CR": OK + b"X: a\rY: b\r\nContent-Length: 2\r\n\r\n{}",
    "a folded line": OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "a space before the colon": OK + b"Content-Length : 2\r\n\r\n{}",
    "NUL": OK + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "no name": OK + b": b\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "a chunk with LF": OK + b"Transfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n",
    "a huge chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "a long head": OK + b"X: " + b"y" * (200 << 10) + b"\r\n\r\n",
    "many fields": OK + b"X: y\r\n" * 5000 + b"\r\n",
    "another protocol": b"220 mail.example ESMTP\r\n\r\n",
    "a switch": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "100 without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
}
PLAYS = {**{n: p for n, (p, _) in GOOD.items()}, **{n: p for n, (p, _) in BROKEN.items()},
         **{n: send(data, end="close") for n, data in UNSOUND.items()}}


def play(run, name, body=None, **head):
    return run.ask("/v1/messages", body or g.ASK, {"x-play": name, **head})


def connections_are_kept(provider, run):
    before = provider.connections
    for _ in range(20):
        same(play(run, "json")[0], 200, "a request")
    same(provider.connections - before, 1, "20 requests one after the other: one connection")


def several_at_a_time(provider, run):
    before, done = provider.connections, []
    threads = [threading.Thread(target=lambda: done.append(play(run, "gated")[0])) for _ in range(8)]
    for t in threads:
        t.start()
    ok(g.until(lambda: provider.seen("gated") == 8), "8 requests are there at a time")
    GATE.set()
    for t in threads:
        t.join(g.DEADLINE)
    same(done, [200] * 8, "8 answers")
    opened = provider.connections - before
    ok(opened <= 8, "a connection each, those that were kept among them", opened)
    for _ in range(8):
        play(run, "json")
    same(provider.connections - before, opened, "... and no more are opened afterwards")


def of_its_own(home):
    """Another provider, and a run that leads to it."""
    other = Raw(PLAYS)
    home.policy.write_text(g.UNATTENDED + '[proxy]\nanthropic_upstream = "http://127.0.0.1:%d"\n' % other.port)
    return other, home.register()


def a_kept_connection_that_ended(home):
    """The provider ends it behind each answer without a word: nothing is lost or sent twice."""
    other, run = of_its_own(home)
    got = [play(run, "ends behind")[0] for _ in range(10)]
    same(got, [200] * 10, "each request is answered")
    same((other.connections, len(other.heads)), (10, 10), "each by its own connection, once")
    other.close()


def more_than_was_asked_for(home):
    other, run = of_its_own(home)
    for _ in range(3):
        status, _, got = play(run, "too much")
        same((status, got), (200, JSON), "an answer with a second one behind it")
    same(play(run, "json")[2], JSON, "the next request gets its own answer")
    same(other.connections, 4, "a connection that says too much is not used again")
    other.close()


def good_answers_pass(run):
    for name, (_, want) in GOOD.items():
        status, _, got = play(run, name)
        same((status, got), (200, want), "passes: " + name)


def broken_answers_are_told(provider, run):
    for name, (_, want) in BROKEN.items():
        status, _, got = play(run, name, body=dict(g.ASK, pad="x" * BIG) if name == "half read" else None)
        if want == "cut":
            body = got[1] if isinstance(got, tuple) else got
            ok(status == 200 and b"message_stop" not in body and (
                isinstance(got, tuple) or b"event: error" in body), "%s: no good end" % name, got)
        else:
            ok(status == 502 and want in got, "%s: 502 that says so" % name, (status, got))
        same(provider.seen(name), 1, "... and it was asked once")


def unsound_answers_are_refused(provider, run):
    for name in UNSOUND:
        status, _, got = play(run, name)
        ok(status == 502 and b"not sound HTTP" in got, "refused: " + name, (status, got))
        same(provider.seen(name), 1, "... asked once")
    same(play(run, "json")[2], JSON, "the next answer is a good one's")


ERRORS = (
    (400, b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}', {}),
    (401, b'{"error":{"message":"bad key"}}', {"www-authenticate": "Bearer"}),
    (403, b"<html>denied</html>", {"content-type": "text/html"}),
    (404, b"", {}),
    (409, b"\xff\xfe\x00binary", {"content-type": "application/octet-stream"}),
    (429, b'{"error":{}}', {"retry-after": "17", "anthropic-ratelimit-requests-remaining": "0",
                            "x-ratelimit-reset-tokens": "6m0s", "x-should-retry": "true"}),
    (500, b'{"error":{}}', {"request-id": "req_1", "x-request-id": "req_2"}),
    (503, gzip.compress(b'{"error":{"message":"busy"}}'), {"content-encoding": "gzip"}),
    (529, b'{"type":"error","error":{"type":"overloaded_error"}}', {"cf-ray": "1"}),
    (418, b"not gzip at all", {"content-encoding": "gzip"}),
)


def errors_pass_unchanged(provider, run):
    for i, (status, body, head) in enumerate(ERRORS):
        want = dict({"content-type": "application/json"}, **head)
        lines = b"".join(b"%s: %s\r\n" % (n.encode(), v.encode()) for n, v in want.items())
        for form, data in (("whole", lines + LENGTH % len(body) + body),
                           ("chunked", lines + b"Transfer-Encoding: chunked\r\n\r\n"
                            + (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n")):
            name = "error %d %s" % (i, form)
            provider.plays[name] = send(b"HTTP/1.1 %d Odd\r\n" % status + data)
            got, have, text = play(run, name)
            same((got, text), (status, body), "an error %d passes byte for byte, %s" % (status, form))
            same({n: have[n] for n in want}, want, "... with its headers")
            same(provider.seen(name), 1, "... and is not tried again by the gateway")


UP = {"anthropic-version": "2023-06-01", "anthropic-beta": "a,b", "x-stainless-retry-count": "0",
      "user-agent": "claude-cli/2", "x-codex-turn-state": "s1", "traceparent": "00-1-2-03", "accept": "x/y",
      "openai-beta": "r=1", "session-id": "s"}
DOWN = {"request-id": "req_9", "x-request-id": "r", "retry-after": "1", "retry-after-ms": "900",
        "anthropic-ratelimit-tokens-limit": "5", "anthropic-organization-id": "o", "x-codex-turn-state": "s2",
        "x-codex-primary-used-percent": "12", "openai-processing-ms": "3", "x-models-etag": "e",
        "set-cookie": "a=b"}


def headers_pass_both_ways(provider, run):
    hop = {"Keep-Alive": "timeout=9", "Alt-Svc": 'h3=":443"', "Proxy-Authenticate": "x", "X-Odd": "1",
           "X-Odder": "1"}
    provider.plays["headers"] = send(OK + b"".join(
        b"%s: %s\r\n" % (n.encode(), v.encode()) for n, v in {**DOWN, **hop}.items())
        + b"Connection: keep-alive, X-Odd\r\nConnection: X-Odder\r\n" + LENGTH % len(JSON) + JSON)
    status, head, _ = play(run, "headers", **UP, **{"Connection": "keep-alive, X-Mine", "X-Mine": "1",
                                                   "connection": "X-Other, X-Third", "CONNECTION": "X-Fourth",
                                                   "X-Other": "1", "X-Third": "1", "X-Fourth": "1", "X-Kept": "1",
                                                   "TE": "trailers", "Proxy-Authorization": "Basic eA=="})
    same((status, {n: head[n] for n in DOWN}), (200, DOWN), "headers of the provider pass")
    same([n for n in hop if n in head], [], "those of its connection do not")
    came = provider.heads[-1].split(b"\r\n")
    have = {n.decode().lower(): v.strip().decode() for n, v in (x.split(b":", 1) for x in came[1:])}
    same({n: have.get(n) for n in UP}, UP, "headers of the client pass")
    same([n for n in ("x-mine", "x-other", "x-third", "x-fourth", "te", "proxy-authorization", "connection", "expect") if n in have], [],
         "those of its connection do not")
    same(have.get("x-kept"), "1", "... and no other one stays")
    same((came[0], have["host"], have["accept-encoding"]),
         (b"POST /v1/messages HTTP/1.1", "127.0.0.1:%d" % provider.port, "identity"),
         "the provider is told its own name")


def an_answer_before_the_body_is_read(provider, run):
    provider.plays["early"] = early(answer_early)
    status, _, got = play(run, "early", dict(g.ASK, pad="x" * BIG))
    same((status, got), (413, b"{}"), "an answer that comes before the request is read")
    same(provider.seen("early"), 1, "... asked once")


def redirects_are_refused(provider, run):
    elsewhere = Raw(PLAYS)
    provider.plays["away"] = send(b"HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:%d/\r\n" % elsewhere.port
                                  + LENGTH % 0)
    status, _, got = play(run, "away")
    ok(status == 400 and b"redirect" in got, "a redirect is refused", (status, got))
    same(elsewhere.connections, 0, "... and not followed")
    elsewhere.close()


def a_name_has_two_addresses(build):
    """Refused at 127.0.0.1, the request goes to ::1, once."""
    try:
        six = Raw(PLAYS, "::1", socket.AF_INET6)
    except OSError:
        g.skip("a name's second address", "no IPv6 on this machine")
        return
    home = g.Home(build, 0)
    for host, want in (("localhost", 200), ("127.0.0.1", 502)):
        home.policy.write_text(g.UNATTENDED + '[proxy]\nanthropic_upstream = "http://%s:%d"\n' % (host, six.port))
        if host == "localhost":
            home.start()
        status, _, got = play(home.register(), "json")
        same(status, want, "nobody at 127.0.0.1: " + host)
    same(len(six.heads), 1, "the other address was asked once")
    home.close()
    six.close()


def nobody_but_a_kept_connection(home):
    """Nobody listens any more, but the kept connection serves; when it is gone the error says why."""
    other, run = of_its_own(home)
    same(play(run, "json")[0], 200, "a provider answers")
    other.listener.shutdown(socket.SHUT_RDWR)
    other.listener.close()
    same(play(run, "json")[0], 200, "its kept connection is used when it listens no more")
    for s in other.open:
        s.shutdown(socket.SHUT_RDWR)
    status, _, got = play(run, "json")
    ok(status == 502 and b"refused" in got, "then it is refused, and the client told", (status, got))
    same((other.connections, len(other.heads)), (1, 2), "... and nothing was sent twice")
    other.close()


def idle_streams_cost_little(provider, home, run):
    """Streams of which nothing comes: what the gateway grows by, its client's side included."""
    def rss():
        status = Path("/proc/%d/status" % home.gateway.pid).read_text()
        return int(status.split("VmRSS:")[1].split()[0])
    GATE.clear()
    play(run, "json")
    before, at, conns = rss(), provider.seen("gated"), []
    for _ in range(100):
        c = http.client.HTTPConnection("127.0.0.1", run.port, timeout=g.DEADLINE)
        c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK),
                  {"content-type": "application/json", "x-play": "gated"})
        conns.append(c)
    ok(g.until(lambda: provider.seen("gated") - at == 100), "100 requests wait", provider.seen("gated"))
    each = (rss() - before) / 100
    ok(each < 40, "an idle transfer costs less than 40 KB on both sides", each)
    GATE.set()
    same([c.getresponse().status for c in conns], [200] * 100, "all are answered at last")
    for c in conns:
        c.close()


GATE = threading.Event()


def gated(s):
    GATE.wait(g.DEADLINE)
    s.sendall(whole(JSON))


def main():
    build = g.build()
    PLAYS.update({"gated": gated, "ends behind": with_its_end(whole(JSON)),
                  "too much": send(whole(JSON) + whole(b'{"other":1}'))})
    provider = Raw(PLAYS)
    home = g.Home(build, provider.port)
    with g.stage(home, provider):
        run = home.register()
        connections_are_kept(provider, run)
        several_at_a_time(provider, run)
        a_kept_connection_that_ended(home)
        more_than_was_asked_for(home)
        good_answers_pass(run)
        broken_answers_are_told(provider, run)
        unsound_answers_are_refused(provider, run)
        errors_pass_unchanged(provider, run)
        headers_pass_both_ways(provider, run)
        an_answer_before_the_body_is_read(provider, run)
        redirects_are_refused(provider, run)
        a_name_has_two_addresses(build)
        nobody_but_a_kept_connection(home)
        idle_streams_cost_little(provider, home, run)
    g.done()


if __name__ == "__main__":
    main()
