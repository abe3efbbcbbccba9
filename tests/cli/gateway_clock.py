#!/usr/bin/env python3
"""Clocks that jump while requests are under way, and clients and providers that take too long."""
import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _crowd as c
import _gateway as g
from _gateway import ok, same

# What the gateway is told of the time: that of the kernel, and as many seconds more as we say.
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static const volatile long long *jump; /* of the time of day, of the monotonic clock */
__attribute__((constructor)) static void begin(void)
{
	int fd = open(getenv("JUMP"), O_RDONLY | O_CLOEXEC);
	jump = mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}
int clock_gettime(clockid_t which, struct timespec *t)
{
	int got = (int)syscall(SYS_clock_gettime, which, t);
	if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)
		t->tv_sec += jump[0];
	else if (which == CLOCK_MONOTONIC || which == CLOCK_MONOTONIC_COARSE)
		t->tv_sec += jump[1];
	return got;
}
time_t time(time_t *to)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return to != NULL ? (*to = t.tv_sec) : t.tv_sec;
}
"""
DAY, YEAR = 86400, 31557600
STEP, HEAD_S, ANSWER_S = 4, 15, 60  # gateway/http.h, gateway/upstream.h
TEXT = list(g.text_events())
STREAM = c.SSE + b"".join(c.chunk(e) for e in TEXT) + b"0\r\n\r\n"
BEGIN = c.SSE + b"".join(c.chunk(e) for e in TEXT[:3])
HALF_A_HEAD = b"HTTP/1.1 200 OK\r\nContent-Ty"
JSON = c.whole(json.dumps(g.json_answer()).encode())
ASK = json.dumps(g.ASK).encode()
STREAMS = 5


class Clock:
    def __init__(self, home):
        source, self.shim, file = home.path / "clock.c", home.path / "clock.so", home.path / "jump"
        source.write_text(SHIM)
        subprocess.run([os.environ.get("CC", "cc").split()[0], "-shared", "-fPIC", "-O1", "-o", str(self.shim),
                        str(source)], check=True)
        file.write_bytes(bytes(16))
        with open(file, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 16)
        # the sanitizer's own functions stand behind ours
        self.env = {"LD_PRELOAD": str(self.shim), "JUMP": str(file),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def jump(self, day=0, mono=0):
        was = struct.unpack("qq", self.map[:])
        self.map[:] = struct.pack("qq", was[0] + day, was[1] + mono)


def cpu(pid):
    return sum(int(x) for x in Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[11:13])


def under_way(run):
    """Streams, half a head, half a body, a kept connection: and what makes each of them whole."""
    streams = [c.connect(run) for _ in range(STREAMS)]
    for s in streams:
        s.sendall(c.request(run, ASK, b"gated"))
    same({e for e, _ in c.read_all_of(streams, lambda t: TEXT[2] in t)}, {"whole"}, "streams are under way")
    halves, data = [], c.request(run, ASK)
    for at in (40, len(data) - 5):
        s = c.connect(run)
        s.sendall(data[:at])
        halves.append((s, data[at:]))
    kept = c.connect(run)
    kept.sendall(data)
    c.read_all_of([kept], lambda t: t.endswith(JSON[-20:]))
    halves.append((kept, data))
    return streams, halves


def each_jump(clock, home, provider, run):
    for i, (what, jump) in enumerate((("the date goes back by ten years", {"day": -10 * YEAR}),
                                      ("the date goes on by twenty years", {"day": 20 * YEAR}),
                                      ("the machine stood still for an hour", {"mono": 3600}),
                                      ("the machine stood still for a day", {"mono": DAY, "day": DAY}))):
        provider.released.clear()
        streams, halves = under_way(run)
        spent, begin = cpu(home.gateway.pid), time.monotonic()
        clock.jump(**jump)
        same(run.ask("/v1/messages", g.ASK)[0], 200, "%s: requests are answered" % what)
        # its clocks tick once a second: nothing tells when they have
        g.until(lambda: time.monotonic() - begin > 1.3)
        spent = (cpu(home.gateway.pid) - spent) / os.sysconf("SC_CLK_TCK")
        ok(spent < 0.5, "... the loop does not spin", spent)
        for s, rest in halves:
            try:
                s.settimeout(g.DEADLINE)
                s.sendall(rest)
            except OSError:
                pass
        got = c.read_all_of([s for s, _ in halves], lambda t: t.endswith(JSON[-20:]))
        for name, (end, data) in zip(("half a head", "half a body", "a kept connection"), got):
            ok(end == "whole" and data.startswith(b"HTTP/1.1 200"), "... %s is waited for" % name, (end, data))
        provider.release("gated")
        got = c.read_all_of(streams, lambda t: t.endswith(b"0\r\n\r\n"))
        same({(e, b"message_stop" in d, b"event: error" in d) for e, d in got}, {("whole", True, False)},
             "... the streams come to their end")
        for s in [*streams, *[s for s, _ in halves]]:
            s.close()
    same(home.ask({"op": "status"})["runs"][0]["run"], run.id, "the run is there still")


def who_takes_too_long(clock, home, run):
    """The limits of http.h and upstream.h, with a clock that goes by some seconds at a time."""
    head, body, answer = c.connect(run), c.connect(run), c.connect(run)
    data = c.request(run, ASK)
    head.sendall(data[:40])
    body.sendall(data[:-5])
    answer.sendall(c.request(run, ASK, b"half a head"))
    got, steps = {}, 0
    for s in (head, body, answer):
        s.settimeout(0.3)
    while len(got) < 3 and steps < 100:
        clock.jump(mono=STEP)
        steps += 1
        for name, s in (("head", head), ("body", body), ("answer", answer)):
            if name in got:
                continue
            try:
                got[name] = (steps * STEP, s.recv(4096))
                break
            except socket.timeout:
                break
    for name, least, status, text in (("head", HEAD_S, b"408", b"head of the request comes too slowly"),
                                      ("body", HEAD_S, b"408", b"body of the request comes too slowly"),
                                      ("answer", ANSWER_S, b"502", b"head of its answer does not end")):
        after, data = got.get(name, (0, b""))
        ok(data.startswith(b"HTTP/1.1 " + status) and text in data, "too slow is told: " + name, data)
        ok(after >= least, "... and not too soon", after)
    for s in (head, body, answer):
        s.close()


def main():
    build = g.build()
    provider = c.Provider({"json": JSON, "gated": STREAM, "half a head": HALF_A_HEAD}, {"gated": len(BEGIN)})
    home = g.Home(build, provider.port)
    try:
        clock = Clock(home)
        same(home.start(**clock.env), "ready", "a gateway with a clock of ours")
        run = home.register()
        each_jump(clock, home, provider, run)
        who_takes_too_long(clock, home, run)
        same(home.stop(), 0, "it ends well")
    finally:
        home.close()
        provider.close()
    g.done()


if __name__ == "__main__":
    main()
