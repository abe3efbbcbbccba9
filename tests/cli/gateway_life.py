#!/usr/bin/env python3
"""The gateway's life: one for each person, there when needed, gone when not, runs that end."""
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

GATE = threading.Event()
STREAM = list(g.text_events())

# A process that registers the line it is given, prints the reply and stays until its input ends.
AGENT = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\\n")
sys.stdout.write(s.makefile().readline()); sys.stdout.flush()
sys.stdin.read()
"""


def answer(h):
    h.start({"content-type": "text/event-stream"})
    for i, e in enumerate(STREAM):
        if i == 3:
            GATE.wait(g.DEADLINE)
        h.piece(e)
    h.end()


class Agent:
    def __init__(self, home, **more):
        want = home.registration(**more)
        self.process = subprocess.Popen(
            [sys.executable, "-c", AGENT, str(home.run / "gateway.sock"), json.dumps(want)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.run = g.Run(want["run"], json.loads(self.process.stdout.readline()))

    def end(self):
        self.process.communicate()


def begin_stream(run):
    GATE.clear()
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK))
    r = c.getresponse()
    r.read1(10)
    return c, r


def is_cut(r):
    try:
        return b"message_stop" not in r.read()
    except (OSError, g.http.client.HTTPException):
        return True


def registration_is_checked(home):
    good = home.registration()
    for name, more, want in (
            ("agent", {"agent": "other"}, "agent"), ("run", {"run": "../../etc"}, "run"),
            ("run", {"run": "A" * 16}, "run"), ("root", {"root": "relative"}, "root"),
            ("root", {"root": None}, "root"), ("version", {"agent_version": "x" * 200}, "agent_version"),
            ("digest", {"policy_sha256": "0" * 64}, "start again"),
            ("digest", {"policy_sha256": "zz"}, "policy_sha256"),
            ("policy", {"policy": str(home.path / "absent.toml")}, "absent.toml"),
            ("policy", {"policy": "policy.toml"}, "absolute"),
            ("policy", {"policy": None}, "built-in"),
            ("policy", {"root": str(home.path / "another")}, "the policy of a run in"),
            ("log", {"log": str(home.path / "no/such/log")}, "no/such/log"),
            ("log", {"log": "/dev/full"}, "/dev/full")):
        reply = home.ask(dict(good, run=more.get("run", secrets.token_hex(8)), **{
            k: v for k, v in more.items() if k != "run"}))
        ok(reply["ok"] is False and want in reply["error"],
           "a registration with a bad %s is refused: %s" % (name, want), reply)
    for line in (b"{}\n", b"[]\n", b"nonsense\n", b'{"op":"format disk"}\n', b'{"op":"stop","op":"x"}\n'):
        same(home.ask(line)["ok"], False, "refused: %r" % line)
    same(home.ask(b"x" * 70000), None, "a line that is too long ends the connection")
    first = home.ask(good)
    ok(first["ok"] and len(first["token"]) == 64 and first["port"] > 0, "a good one is taken", first)
    ok("already" in home.ask(good)["error"], "the same run cannot be registered twice")
    status = home.ask({"op": "status"})
    same([(r["run"], r["pid"]) for r in status["runs"]], [(good["run"], os.getpid())],
         "status: the process is the one that the kernel names")
    same(status["pid"], home.gateway.pid, "status: the gateway's own pid")
    lines = home.lines("gateway_run_registered")
    ok(len(lines) == 1 and lines[0]["run"] == good["run"] and lines[0]["agent"] == "claude",
       "the registration is in the log", lines)
    mode = (home.run / "gateway.sock").stat().st_mode & 0o777
    same((oct(mode), oct(home.run.stat().st_mode & 0o777)), ("0o600", "0o700"), "socket and place are private")


ANOTHER = """
import encodings.idna, os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
port, request, many = int(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3])
s = socket.create_connection(("127.0.0.1", port), timeout=20)
got = b""
try:
    s.sendall(request)
    more = s.recv(65536)
    while more:
        got += more
        more = s.recv(65536)
except OSError:
    pass
crowd = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(many)]
print(got, flush=True)
sys.stdin.read()
"""
CROWD = 700  # more than the gateway takes


def another_user_stays_outside(home):
    if os.geteuid() != 0:
        g.counts["skipped"] += 1
        print("skip - another user stays outside # only root can be another user")
        return
    run = home.register()
    head = "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    lines = home.lines("gateway_refused")

    def told():
        return [x["note"] for x in home.lines("gateway_refused")[len(lines):]]
    for url, many, what in ((run.url("/v1/messages"), 0, "with the token"), ("/run/x", CROWD, "without")):
        with subprocess.Popen([sys.executable, "-c", ANOTHER, str(run.port), head % url, str(many)],
                              text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            same(p.stdout.readline().strip(), "b''", "another user gets no answer, " + what)
            ok(len(told()) == 1 and "another user" in told()[0] and "65534" in told()[0],
               "... and all that is said of it in the log is one line", told())
            same(run.ask("/v1/models", method="GET")[0], 200, "... and keeps nobody else out")


def a_run_ends_with_its_process(home):
    agent = Agent(home)
    other = home.register()
    folder, kept = home.run / agent.run.id, home.path / "kept"
    (folder / "sub").mkdir(parents=True)
    kept.mkdir()
    (kept / "file").write_text("precious")
    (folder / "sub" / "link").symlink_to(kept)
    (folder / "settings.json").write_text("{}")
    c, r = begin_stream(agent.run)
    same(agent.run.ask("", method="HEAD")[0], 200, "the token lives with its process")
    agent.end()
    same(g.until(lambda: agent.run.ask("", method="HEAD")[0] == 403), True, "... and dies with it")
    ok(is_cut(r), "... its open stream is cut")
    ok(g.until(lambda: not folder.exists()), "... its folder is removed")
    same((kept / "file").read_text(), "precious", "... but not what a link in it points to")
    ended = g.until(lambda: home.lines("gateway_run_ended"))
    same([x["run"] for x in ended], [agent.run.id], "... and the log says so")
    same(other.ask("", method="HEAD")[0], 200, "another run goes on")
    c.close()
    GATE.set()


def leftovers_are_swept(build, provider):
    home = g.Home(build, provider.port)
    home.run.mkdir(parents=True, mode=0o700)
    os.chmod(home.path / ".pando", 0o700)
    start = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]
    old = time.time() - 3600
    folders = {}
    for name, pid, age in (("dead", "999999999 5", old), ("reused", "%d 1" % os.getpid(), old),
                           ("none", None, old), ("garbage", "x", old),
                           ("alive", "%d %s\n" % (os.getpid(), start), old),
                           ("young", None, time.time())):
        f = home.run / secrets.token_hex(8)
        f.mkdir()
        if pid:
            (f / "pid").write_text(pid)
        os.utime(f, (age, age))
        folders[name] = f
    other = home.run / "not-a-run"
    other.mkdir()
    os.utime(other, (old, old))
    home.start()
    same(sorted(n for n, f in folders.items() if f.exists()), ["alive", "young"],
         "a new gateway sweeps the folders that no process owns")
    ok(other.exists(), "... and touches nothing else")
    home.close()


def it_ends_when_told(home):
    run = home.register()
    c, r = begin_stream(run)
    begin = time.monotonic()
    same(home.stop(), 0, "SIGTERM ends it with status 0, in mid-stream too")
    ok(time.monotonic() - begin < 8, "... at once")
    ok(is_cut(r), "... the stream is cut")
    c.close()
    GATE.set()
    same([p.name for p in home.run.iterdir() if p.name.startswith("gateway.")], [],
         "... no socket and no lock stay behind")
    home.start()
    run = home.register()
    home.gateway.send_signal(signal.SIGINT)
    same(home.gateway.wait(g.DEADLINE), 0, "SIGINT ends it too")
    home.start()
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(g.DEADLINE)
    s.connect(str(home.run / "gateway.sock"))
    s.sendall(b'{"op":"stop"}\n')
    got = b""
    while more := s.recv(100):
        got += more
    same(json.loads(got), {"ok": True}, "stop is answered")
    ok(not (home.run / "gateway.sock").exists() and not (home.run / "gateway.lock").exists(),
       "... and the connection ends when socket and lock are gone")
    same(home.gateway.wait(g.DEADLINE), 0, "... then it ends")


def a_killed_one_is_replaced(home):
    home.start()
    run = home.register()
    c, r = begin_stream(run)
    home.gateway.kill()
    home.gateway.wait()
    ok(is_cut(r), "a killed gateway: its client sees a broken stream")
    c.close()
    GATE.set()
    ok((home.run / "gateway.sock").exists(), "... its socket is left")
    same(home.start(), "ready", "... and a new gateway takes the place")
    again = home.register()
    same(b"message_stop" in again.ask("/v1/messages", g.ASK)[2], True, "... and works")
    same((run.port, run.ask("", method="HEAD")[0]), (again.port, 200),
         "... and goes on with the run of before")
    first = home.gateway
    same(home.start(), "busy", "a second one finds the place taken")
    same(home.gateway.wait(g.DEADLINE), 0, "... and ends")
    home.gateway = first
    same(home.ask({"op": "status"})["pid"], first.pid, "... the first goes on")


def bad_starts(build, provider):
    home = g.Home(build, provider.port)
    said = home.start(PANDO_GATEWAY_LOG_FILE="/no/such/folder/log")
    ok("/no/such/folder/log" in said, "no log, no gateway: it says which", said)
    same(home.gateway.wait(g.DEADLINE), 73, "... with the status for files that cannot be written")
    os.chmod(home.run, 0o777)
    said = home.start()
    ok("0700" in said, "a place that others can write is refused", said)
    same(home.gateway.wait(g.DEADLINE), 77, "... with the status for refusals")
    home.close()
    got = subprocess.run([str(home.program), "--nonsense"], capture_output=True, text=True)
    ok(got.returncode == 64 and "--nonsense" in got.stderr, "an unknown argument", got)


def it_does_not_outstay(build, provider):
    home = g.Home(build, provider.port)
    home.start()
    agent = Agent(home)
    agent.end()
    begin = time.monotonic()
    ok(g.until(lambda: home.gateway.poll() is not None, 30), "it ends by itself after its last run")
    took = time.monotonic() - begin
    ok(8 < took < 28, "... ten seconds later (%.1f)" % took, took)
    same(home.gateway.returncode, 0, "... with status 0")
    home.close()
    # far apart, so that a slow machine tells them apart too
    for seconds, stays in ((0, False), (600, True)):
        home = g.Home(build, provider.port, "linger_seconds = %d\n" % seconds)
        home.start()
        agent = Agent(home)
        agent.end()
        g.until(lambda: home.lines("gateway_run_ended"))
        if not stays:
            g.until(lambda: home.gateway.poll() is not None, 8)
        same(home.gateway.poll() is None, stays, "linger_seconds = %d" % seconds)
        home.close()


def main():
    build = g.build()
    provider = g.Provider(answer)
    GATE.set()
    home = g.Home(build, provider.port)
    same(home.start(), "ready", "the gateway starts")
    try:
        registration_is_checked(home)
        another_user_stays_outside(home)
        a_run_ends_with_its_process(home)
        leftovers_are_swept(build, provider)
        it_ends_when_told(home)
        a_killed_one_is_replaced(home)
        bad_starts(build, provider)
        it_does_not_outstay(build, provider)
    finally:
        GATE.set()
        home.close()
        provider.close()
    g.done()


if __name__ == "__main__":
    main()
