#!/usr/bin/env python3
"""What is large, deep or many through the whole gateway: passed as it is or refused, at a bounded cost."""
import json
import socket
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _crowd as c
import _gateway as g
from _gateway import ok, same

MB = 1 << 20
MILLION = 1000000
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
EVENTS = list(g.text_events())
ASK = json.dumps(g.ASK).encode()
HEAD, TAIL = b"".join(EVENTS[:2]), b"".join(EVENTS[3:])
BIG_EVENT = HEAD + g.event("content_block_delta", index=0, delta={
    "type": "text_delta", "text": "a line with \"quotes\" and \u4e2d\u6587\n" * (10 * MB // 48)}) + TAIL
TINY = HEAD + PING * MILLION + TAIL
CALL = list(g.call_events("mcp__pando_core__read-file", '{"path":"a"}'))
PIECE = g.event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": " " * MB})
HELD = b"".join(CALL[:2]) + 15 * PIECE
WHOLE = json.dumps(g.json_answer() | {"content": [{"type": "text", "text": "x" * (31 * MB)}]}).encode()
MANY = 10  # each holds more than 32 MB, a run may hold 256
FULL = b"no more can be held at a time (512 MB of requests and answers, 256 MB of one run)"
SHARE_MAX_KB = 300 << 10
PLAYS = {
    "held": c.SSE + c.chunk(HELD) + c.chunk(CALL[2] + b"".join(CALL[3:])) + b"0\r\n\r\n",
    "whole": c.whole(WHOLE),
    "json": c.whole(json.dumps(g.json_answer()).encode()),
    "1,000,000 events": c.SSE + c.chunk(TINY) + b"0\r\n\r\n",
    "1,000,000 chunks": c.SSE + c.chunk(HEAD) + c.chunk(PING) * MILLION + c.chunk(TAIL) + b"0\r\n\r\n",
    "one event of 10 MB": c.SSE + c.chunk(BIG_EVENT) + b"0\r\n\r\n",
}
WANT = {"1,000,000 events": TINY, "1,000,000 chunks": TINY, "one event of 10 MB": BIG_EVENT}
ANSWER_MAX_KB = 64 << 10   # what the largest event and its copies take
REQUEST_MAX_KB = 100 << 10  # the body's limit is 32 MB


def unchunked(got):
    data, at, out = got.split(b"\r\n\r\n", 1)[1], 0, []
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        if size == 0:
            return b"".join(out)
        out.append(data[end + 2:end + 2 + size])
        at = end + 2 + size + 2


def answers(home, run, asan):
    for what, want in WANT.items():
        c.forget_peak(home.gateway.pid)
        before = c.memory(home.gateway.pid, "VmHWM")
        with c.connect(run) as s:
            s.sendall(c.request(run, ASK, what.encode()))
            end, got = c.read_all_of([s], lambda t: t.endswith(b"0\r\n\r\n"))[0]
        ok(end == "whole" and unchunked(got) == want, "%s: every byte passes" % what, (end, len(got)))
        grown = c.memory(home.gateway.pid, "VmHWM") - before
        ok(asan or grown < ANSWER_MAX_KB, "... at %.1f MB at the most" % (grown / 1024), grown)


def said(run, head, pieces):
    """The answer to a request whose body nobody may want to read to its end."""
    with c.connect(run) as s:
        s.sendall(head)
        try:
            for data in pieces:
                s.sendall(data)
        except (ConnectionError, socket.timeout):
            pass
        return c.read_all_of([s], lambda t: b"\r\n\r\n" in t and t.endswith(b"}"))[0][1]


def bodies(home, provider, run, asan):
    url, before = run.url("/v1/messages").encode(), provider.requests
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n" % url
    piece = c.chunk(b"x" * MB)
    c.forget_peak(home.gateway.pid)
    had = c.memory(home.gateway.pid, "VmHWM")
    for what, got in (("announced", said(run, head + b"Content-Length: %d\r\n\r\n" % (100 * MB), [b"x" * MB] * 100)),
                      ("in chunks", said(run, head + b"Transfer-Encoding: chunked\r\n\r\n",
                                         [piece] * 100 + [b"0\r\n\r\n"]))):
        ok(got.startswith(b"HTTP/1.1 400") and b"33554432" in got, "100 MB %s: refused with the limit" % what, got)
    grown = c.memory(home.gateway.pid, "VmHWM") - had
    ok(asan or grown < REQUEST_MAX_KB, "... at %.1f MB at the most" % (grown / 1024), grown)
    same(provider.requests, before, "... and nothing reached the provider")


def many_that_hold(home, provider, run, asan, play, ending):
    """Answers of one run that cannot go on yet: it gets its share, and others still get theirs."""
    other, crowd = home.register(), [c.connect(run) for _ in range(MANY)]

    def refused():
        n = 0
        for s in crowd:
            try:
                n += FULL in s.recv(c.SMALL, socket.MSG_PEEK)
            except BlockingIOError:
                pass
        return n

    c.forget_peak(home.gateway.pid)
    before = c.memory(home.gateway.pid, "VmHWM")
    for s in crowd:
        s.sendall(c.request(run, ASK, play.encode()))
        s.setblocking(False)
    ok(g.until(lambda: len(provider.waiting) + refused() == MANY), "%s: each of %d waits or is refused" % (play, MANY),
       (len(provider.waiting), refused()))
    ok(0 < refused() < MANY, "... some of them", refused())
    grown = c.memory(home.gateway.pid, "VmHWM") - before
    ok(asan or grown < SHARE_MAX_KB, "... at %.1f MB at the most" % (grown / 1024), grown)
    same(other.ask("/v1/messages", ASK, head={"x-play": "json"})[0], 200, "... another run's passes")
    provider.release(play)
    got = c.read_all_of(crowd, lambda t: t.endswith(ending) or FULL in t)
    same({e for e, _ in got}, {"whole"}, "... all come to their end")
    same({FULL in data or len(data) > 15 * MB for _, data in got}, {True}, "... with all of it or the reason")
    ok(not any(b"input_json_delta" in data for _, data in got if FULL in data), "... and nothing of a call then")
    for s in crowd:
        s.close()
    with c.connect(run) as s:
        s.sendall(c.request(run, ASK, play.encode()))
        end, data = c.read_all_of([s], lambda t: t.endswith(ending) or FULL in t)[0]
    ok(end == "whole" and len(data) > 15 * MB, "... and there is room again when they are gone", (end, len(data)))


def many_and_deep(provider, run, codex):
    tools = [{"name": "t%d" % i, "input_schema": {}, "type": "function"} for i in range(10000)]
    for of, path, ask in ((run, "/v1/messages", g.ASK), (codex, "/v1/responses", g.ASK_CODEX)):
        before = provider.requests
        flat = json.dumps(ask)[:-1]
        for what, more, why in (("10,000 tools", ', "tools": ' + json.dumps(tools), b"4096 tool definitions"),
                                ("depth 10,000", ', "metadata": ' + "[" * 10000 + "]" * 10000, b"too deep"),
                                ("depth 10,000 of objects", ', "metadata": ' + '{"a":' * 10000 + "1" + "}" * 10000,
                                 b"too deep")):
            status, head, got = of.ask(path, (flat + more + "}").encode())
            ok(status == 400 and why in got and head["x-should-retry"] == "false",
               "%s to %s: refused with the reason" % (what, path), (status, got[:300]))
        same(provider.requests, before, "... and nothing reached the provider")


def main():
    build = g.build()
    provider = c.Provider(PLAYS, {"held": len(c.SSE + c.chunk(HELD)), "whole": len(PLAYS["whole"]) - 100})
    home = g.Home(build, provider.port)
    with g.stage(home, provider):
        run, codex = home.register(), home.register(agent="codex")
        answers(home, run, "asan" in build)
        bodies(home, provider, run, "asan" in build)
        many_and_deep(provider, run, codex)
        many_that_hold(home, provider, run, "asan" in build, "held", b"0\r\n\r\n")
        many_that_hold(home, provider, run, "asan" in build, "whole", PLAYS["whole"][-20:])
        same(run.ask("", method="HEAD")[0], 200, "the gateway goes on")
    g.done()


if __name__ == "__main__":
    main()
