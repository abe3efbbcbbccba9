#!/usr/bin/env python3
"""A gateway whose disk is full: what is refused, what goes on, and that it mends when there is room."""
import argparse
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

INSIDE = "--inside"  # a mount namespace of our own
DISK = "size=192k,nr_inodes=64,mode=0700"
OUR_CALL = list(g.call_events("mcp__pando_core__read-file", '{"path":"x"}'))
TEXT = list(g.text_events())
MORE_MAX = 40
GATE = threading.Event()


def answer(h):
    h.start({"content-type": "text/event-stream"})
    for i, e in enumerate(OUR_CALL if b"a call" in h.body else TEXT):
        if i == 2 and b"gated" in h.body:
            GATE.wait(g.DEADLINE)
        h.piece(e)
    h.end()


def disk(folder):
    folder.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)], check=True)


class Full:
    """Fills what is left of a small disk: its space, or its inodes."""

    def __init__(self, folder, inodes=False):
        self.names = []
        for i in range(1000):
            name = folder / ("filler%d" % i)
            try:
                with open(name, "xb", buffering=0) as f:
                    self.names.append(name)
                    size = 4096
                    while not inodes and size > 0:
                        try:
                            size = f.write(b"x" * size)
                        except OSError:
                            size //= 16
            except OSError:
                break
            if not inodes:
                break

    def end(self):
        for name in self.names:
            name.unlink()


def ask(words):
    return dict(g.ASK, messages=[{"role": "user", "content": words}])


def begin(run, words):
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(ask(words)))
    r = c.getresponse()
    return c, r, r.read1(10)


def sums(home, *runs):
    of = {r["run"]: r["sums"] for r in home.ask({"op": "status"})["runs"]}
    return [of[r.id] for r in runs]


def the_log_is_full(build, provider):
    home = g.Home(build, provider.port)
    disk(home.path / "log")
    home.log = home.path / "log/decisions.jsonl"
    home.start()
    run, before = home.register(), len(provider.seen)
    GATE.clear()
    text, call = begin(run, "gated"), begin(run, "gated, a call")
    full = Full(home.log.parent)
    passed = 0  # the log's last page has room for some lines
    while passed < MORE_MAX and run.ask("/v1/messages", ask("now"))[0] == 200:
        passed += 1
    for _ in range(3):
        status, head, got = run.ask("/v1/messages", ask("now"))
        ok(status == 400 and str(home.log).encode() in got and head["x-should-retry"] == "false",
           "no room for the decision: refused, and the text names the file", (status, got))
    same(len(provider.seen) - before, 2 + passed, "... and nothing reached the provider")
    reply = home.ask(home.registration())
    ok(reply["ok"] is False and str(home.log) in reply["error"], "no room for a run's start: refused, likewise", reply)
    same(run.ask("", method="HEAD")[0], 200, "... the gateway is there")
    same([r["run"] for r in home.ask({"op": "status"})["runs"]], [run.id], "... and tells of its runs")
    GATE.set()
    same(text[2] + text[1].read(), b"".join(TEXT), "a text that was under way comes to its end")
    got = call[2] + call[1].read()
    ok(b"event: error" in got and b"tool_use" not in got and b"message_stop" not in got,
       "a call that was under way does not come: it could not be recorded", got)
    for c, _, _ in (text, call):
        c.close()
    full.end()
    same(run.ask("/v1/messages", ask("a call"))[2], b"".join(OUR_CALL), "with room again it goes on")
    same(home.register().ask("/v1/messages", g.ASK)[0], 200, "... and takes new runs")
    lost = home.lines("gateway_log_lost")
    ok(len(lost) >= 1 and sum(x["lost"] for x in lost) >= 4, "... and the log tells how many lines it has not", lost)
    same(home.stop(), 0, "it ends well")
    home.close()


def the_run_folder_is_full(build, provider):
    home = g.Home(build, provider.port, "[limits]\ntokens_per_run = 1000000\n")
    disk(home.run)
    home.start()
    for what, inodes in (("space", False), ("inodes", True)):
        run = home.register()
        same(run.ask("/v1/messages", g.ASK)[0], 200, "a run of before")
        fresh = home.register()
        full = Full(home.run, inodes)
        same([r.ask("/v1/messages", g.ASK)[0] for r in (run, run, fresh)], [200] * 3, "no %s: runs go on" % what)
        late = home.register()
        same(late.ask("/v1/messages", g.ASK)[0], 200, "... a new one, too")
        ok("run %s has no record" % late.id in (home.path / "stderr").read_text(),
           "... but it ends with this gateway, whose log says so")
        home.gateway.kill()
        home.gateway.wait()
        same(home.start(), "ready", "no %s, and the gateway was killed: the next one starts" % what)
        same([r.ask("/v1/messages", g.ASK)[0] for r in (run, fresh, late)], [200, 200, 403],
             "... with the runs that have a record")
        full.end()
        again = home.register()
        same([r.ask("/v1/messages", g.ASK)[0] for r in (run, fresh)], [200] * 2, "there is room again")
        had = sums(home, run, fresh)
        home.gateway.kill()
        home.gateway.wait()
        same(home.start(), "ready", "... and after a kill the next one starts")
        same(sums(home, run, fresh), had, "... with the sums of its runs")
        same([r.ask("/v1/messages", g.ASK)[0] for r in (run, fresh, again)], [200] * 3, "... and with the new run")
    same(home.stop(), 0, "it ends well")
    home.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument(INSIDE, action="store_true")
    o = p.parse_args()
    if not o.inside:
        # of our own user, so that it needs no root; root itself may be short of user namespaces
        spaces = ["-m"] if os.geteuid() == 0 else ["-Urm"]
        if subprocess.run(["unshare", *spaces, "true"], capture_output=True, check=False).returncode:
            g.skip("a full disk", "no mount namespace on this machine")
            g.done()
        os.execvp("unshare", ["unshare", *spaces, "--propagation", "private", sys.executable, __file__,
                              "--build", o.build, INSIDE])
    provider = g.Provider(answer)
    the_log_is_full(o.build, provider)
    the_run_folder_is_full(o.build, provider)
    provider.close()
    g.done()


if __name__ == "__main__":
    main()
