#!/usr/bin/env python3
"""What many connections, long streams and many requests cost the gateway: the issue's bounds."""
import json
import selectors
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _crowd as c
import _gateway as g
from _gateway import ok, same

MANY = 1000
IDLE_MAX_KB = 40 << 10       # 1,000 idle streams
BUSY_MAX_KB = 150 << 10      # 1,000 connections with 100 KB
SLOW_GROWTH_MAX_KB = 5 << 10  # 8 slow readers of 10 MB
SLOW, STREAM_MIN = 8, 10 << 20
REQUESTS, EARLY = 20000, 4000
GROWTH_MAX_KB = 1 << 10      # between the early and the last request
BODY = json.dumps(dict(g.ASK, stream=False)).encode()
JSON = c.whole(json.dumps(g.json_answer()).encode())
EVENTS = list(g.text_events())
BEGIN = c.SSE + b"".join(c.chunk(e) for e in EVENTS[:3])
IDLE = BEGIN + b"".join(c.chunk(e) for e in EVENTS[3:]) + b"0\r\n\r\n"
LONG = c.SSE + b"".join(c.chunk(e) for e in g.text_events(["x" * 3000] * (STREAM_MIN // 3000))) + b"0\r\n\r\n"
BIG = json.dumps(dict(g.ASK, stream=False, messages=[
    {"role": "user", "content": "a line of a file\n" * (100 * 1024 // 18)}])).encode()


def ends_well(tail):
    return tail.endswith(b"0\r\n\r\n")


def idle_streams(home, provider, run, asan):
    crowd = []
    for _ in range(MANY):
        s = c.connect(run)
        s.sendall(c.request(run, json.dumps(g.ASK).encode(), b"idle"))
        crowd.append(s)
    ok(g.until(lambda: len(provider.waiting) == MANY), "1,000 streams have begun", len(provider.waiting))
    begun = c.read_all_of(crowd, lambda t: EVENTS[2] in t)
    same({e for e, _ in begun}, {"whole"}, "... and their first events are there")
    have = c.memory(home.gateway.pid)
    ok(asan or have < IDLE_MAX_KB, "1,000 idle streams: RSS %.1f MB of 40" % (have / 1024), have)
    provider.release("idle")
    ended = c.read_all_of(crowd, ends_well)
    same({(e, b"message_stop" in data) for e, data in ended}, {("whole", True)}, "all come to their end")
    same(len({a[1] + b[1] for a, b in zip(begun, ended)}), 1, "... and are the same")
    for s in crowd:
        s.close()


def big_requests(home, provider, run, asan):
    """All of them sent before one is answered, and then all of them answered."""
    before, crowd = provider.requests, [c.connect(run) for _ in range(MANY)]
    c.forget_peak(home.gateway.pid)
    data = c.request(run, BIG)
    sel = selectors.DefaultSelector()
    for s in crowd:
        s.setblocking(False)
        sel.register(s, selectors.EVENT_WRITE, [0])
    left = MANY
    while left:
        for key, _ in sel.select(g.DEADLINE):
            key.data[0] += key.fileobj.send(memoryview(data)[key.data[0]:key.data[0] + (1 << 14)])
            if key.data[0] == len(data):
                sel.unregister(key.fileobj)
                left -= 1
    sel.close()
    got = c.read_all_of(crowd, lambda t: t.endswith(JSON[-20:]))
    same({(e, d[:12]) for e, d in got}, {("whole", b"HTTP/1.1 200")}, "1,000 connections, 100 KB each: no error")
    same(provider.requests - before, MANY, "... each request once")
    peak = c.memory(home.gateway.pid, "VmHWM")
    ok(asan or peak < BUSY_MAX_KB, "... RSS at its peak %.1f MB of 150" % (peak / 1024), peak)
    for s in crowd:
        s.close()


def slow_readers(home, provider, run, asan):
    crowd = [c.connect(run, 16 << 10) for _ in range(SLOW)]
    c.forget_peak(home.gateway.pid)
    before = c.memory(home.gateway.pid, "VmHWM")
    for s in crowd:
        s.sendall(c.request(run, json.dumps(g.ASK).encode(), b"long"))
    moved = [provider.moves]

    def stands_still():
        time.sleep(0.1)
        moved.append(provider.moves)
        return moved[-1] > moved[0] and len(set(moved[-4:])) == 1
    g.until(stands_still)
    ok(moved[-1] - moved[0] < SLOW * len(LONG), "the provider is held back", moved)
    got = c.read_all_of(crowd, ends_well)
    same({(e, d.count(b"content_block_delta")) for e, d in got},
         {("whole", LONG.count(b"content_block_delta"))}, "8 slow readers get their 10 MB")
    grown = c.memory(home.gateway.pid, "VmHWM") - before
    ok(asan or grown <= SLOW_GROWTH_MAX_KB, "... the peak grows by %.1f MB of 5" % (grown / 1024), grown)
    for s in crowd:
        s.close()


def many_requests(home, provider, run, asan):
    """One after the other on each of a few connections."""
    total, early = (REQUESTS // 10, EARLY // 10) if asan else (REQUESTS, EARLY)
    before, data = provider.requests, c.request(run, BODY)
    sel, done, had, begun = selectors.DefaultSelector(), 0, None, 0
    with c.connect(run) as s:
        s.sendall(data)
        size = len(c.read_all_of([s], lambda t: t.endswith(JSON[-20:]))[0][1])
    crowd = [c.connect(run) for _ in range(16)]
    for s in crowd:
        s.sendall(data)
        begun += 1
        sel.register(s, selectors.EVENT_READ, [0])
    while done < total:
        events = sel.select(g.DEADLINE)
        if not events:
            break
        for key, _ in events:
            key.data[0] += len(key.fileobj.recv(1 << 16))
            if key.data[0] < size:
                continue
            key.data[0], done = 0, done + 1
            if done == early:
                had = c.memory(home.gateway.pid)
            if begun < total:
                key.fileobj.sendall(data)
                begun += 1
    sel.close()
    same((done, provider.requests - before), (total, total + 1), "%d requests are answered" % total)
    grown = c.memory(home.gateway.pid) - had
    ok(asan or grown <= GROWTH_MAX_KB, "... RSS grows by %d KB from the %dth on" % (grown, early), grown)
    for s in crowd:
        s.close()


def main():
    build = g.build()
    c.room_for_files()
    provider = c.Provider({"json": JSON, "idle": IDLE, "long": LONG}, {"idle": len(BEGIN)})
    for case in (idle_streams, big_requests, slow_readers, many_requests):
        home = g.Home(build, provider.port)
        try:
            same(home.start(), "ready", "a gateway starts")
            case(home, provider, home.register(), "asan" in build)
            same(home.stop(), 0, "... and ends well")
        finally:
            home.close()
    provider.close()
    g.done()


if __name__ == "__main__":
    main()
