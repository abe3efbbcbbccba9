#!/usr/bin/env python3
"""A gateway whose program is replaced hands over; one that systemd listens for starts on demand."""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

GATE = threading.Event()
STREAM = list(g.text_events([str(i) for i in range(20)]))
CROWD, ROUNDS = 8, 6


def answer(h):
    if b'"stream": true' not in h.body:
        h.whole(200, {"content-type": "application/json"}, json.dumps(g.json_answer()).encode())
        return
    h.start({"content-type": "text/event-stream"})
    for i, e in enumerate(STREAM):
        if i == 3:
            GATE.wait(g.DEADLINE)
        h.piece(e)
    h.end()


class Installed(g.Home):
    """With a program of its own that can be replaced."""

    def __init__(self, build, port):
        super().__init__(build, port, "linger_seconds = 600\n")
        self.original = self.program
        self.program = self.path / "prefix/libexec/pando-ai/pando-gateway"
        self.program.parent.mkdir(parents=True)
        self.install(self.original.read_bytes())
        self.pids = set()

    def install(self, data, mode=0o755):
        new = self.program.with_suffix(".new")
        new.write_bytes(data)
        new.chmod(mode)
        os.replace(new, self.program)

    def pid(self):
        reply = self.ask({"op": "status"})
        if reply:
            self.pids.add(reply["pid"])
        return reply and reply["pid"]

    def is_connected(self, port):
        """Somebody has a connection to the port."""
        with open("/proc/net/tcp", encoding="ascii") as f:
            return any(line.split()[1].endswith(":%04X" % port) and line.split()[3] == "01"
                       for line in f.readlines()[1:])

    def another(self, pid):
        """The pid of the gateway that has the place once it is not that one."""
        return g.until(lambda: (lambda now: now if now not in (None, pid) else None)(self.quiet_pid()))

    def quiet_pid(self):
        try:
            return self.pid()
        except OSError:
            return None

    def close(self):
        for pid in self.pids:
            if g.is_alive(pid):
                try:
                    os.kill(pid, 15)
                except ProcessLookupError:
                    pass
        g.until(lambda: not any(g.is_alive(p) for p in self.pids))
        same([p for p in self.pids if g.is_alive(p)], [], "no gateway is left")
        super().close()


def streams_live_through_it(build, provider):
    home = Installed(build, provider.port)
    same(home.start(), "ready", "the old gateway starts")
    old = home.pid()
    run = home.register()
    GATE.clear()
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK))
    r = c.getresponse()
    head = r.read1(10)
    home.install(home.original.read_bytes())
    later = home.register()
    new = home.another(old)
    ok(new, "a launch after the replacement brings a new gateway up", new)
    same(later.port, run.port, "... on the same port")
    same([run.ask("", method="HEAD")[0], later.ask("", method="HEAD")[0]], [200, 200],
         "... which knows the runs of before")
    ok(g.is_alive(old), "... while the old one has an exchange to end")
    GATE.set()
    same(head + r.read(), b"".join(STREAM), "... which ends with every byte")
    c.close()
    ok(g.until(lambda: home.gateway.poll() is not None), "then the old one ends")
    same(home.gateway.returncode, 0, "... well")
    same(home.pid(), new, "... and the new one stays")
    # the second one may have come to the new gateway already
    restored = {x["run"] for x in home.lines("gateway_run_restored")}
    ok(run.id in restored and restored <= {run.id, later.id}, "the log tells of what was taken over",
       restored)
    same(home.lines("gateway_run_ended"), [], "... and of no end")
    home.close()


class Serving:
    """A server of ours, as it asks the gateway whether the model made a call."""

    def __init__(self, home, run):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(g.DEADLINE)
        self.s.connect(str(home.run / "gateway.sock"))
        self.lines = self.s.makefile()
        self.reply = self.ask({"op": "serve", "run": run.id, "role": "core"})

    def ask(self, request):
        self.s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(self.lines.readline() or '{"ended":true}')

    def take(self, call, arguments="{}"):
        return self.ask({"take": call, "tool": "list-files",
                         "args_sha256": hashlib.sha256(arguments.encode()).hexdigest()})


def calls_of_before_are_known(build, _):
    """A call that the old gateway lets through is made where the new one is asked."""
    events = list(g.call_events("mcp__pando_core__list-files"))

    def two(h):
        gated = b"gated" in h.body
        h.start({"content-type": "text/event-stream"})
        for i, e in enumerate(events):
            if i == 3 and gated:
                GATE.wait(g.DEADLINE)
            h.piece(e if gated else e.replace(b"toolu_1", b"toolu_0"))
        h.end()

    provider = g.Provider(two)
    home = Installed(build, provider.port)
    home.start()
    run = home.register()
    old, server = home.pid(), Serving(home, run)
    same(server.reply.get("ok"), True, "a server is known to the old gateway")
    run.ask("/v1/messages", g.ASK)
    GATE.clear()
    c = run.open()
    c.request("POST", run.url("/v1/messages"),
              json.dumps(dict(g.ASK, messages=[{"role": "user", "content": "gated"}])))
    r = c.getresponse()
    head = r.read1(10)
    home.install(home.original.read_bytes())
    os.kill(old, 1)
    ok(home.another(old), "a new gateway is there", old)
    same(server.lines.readline(), "", "the server sees that its gateway has gone")
    server = Serving(home, run)
    GATE.set()
    ok(b"toolu_1" in head + r.read(), "the old one passes a call", head)
    same(server.take("toolu_1", "[]").get("ok"), False, "the new one knows it: not with other arguments")
    same(server.take("toolu_1").get("ok"), True, "... with its own")
    same(server.take("toolu_1").get("ok"), False, "... and once")
    same(server.take("toolu_0").get("ok"), True, "... and the one of before the upgrade")
    same(server.take("toolu_2").get("ok"), False, "... and no other")
    c.close()
    home.close()
    provider.close()


def nobody_is_turned_away(build, provider):
    """Clients on kept connections, upgrade after upgrade."""
    home = Installed(build, provider.port)
    home.start()
    pid = home.pid()
    runs = [home.register() for _ in range(2)]
    stop, failed, done = threading.Event(), [], []

    def client(run):
        c = run.open()
        while not stop.is_set():
            try:
                c.request("POST", run.url("/v1/messages"), json.dumps(dict(g.ASK, stream=False)))
                r = c.getresponse()
                r.read()
                done.append(r.status)
                if r.getheader("connection", "").lower() == "close":
                    c.close()
            except (OSError, g.http.client.HTTPException) as e:
                # a kept connection that was closed between two requests: as any server may
                if isinstance(e, (g.http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)):
                    c.close()
                    continue
                failed.append(repr(e))
        c.close()

    crowd = [threading.Thread(target=client, args=(runs[i % 2],)) for i in range(CROWD)]
    for t in crowd:
        t.start()
    for i in range(ROUNDS):
        n = len(done)
        g.until(lambda: len(done) > n + CROWD)
        home.install(home.original.read_bytes())
        home.register(agent="codex")
        pid = home.another(pid)
        if not ok_once(pid, failed):
            break
    stop.set()
    for t in crowd:
        t.join()
    same(failed, [], "%d upgrades under load: no connection was refused" % ROUNDS)
    same(set(done), {200}, "... and every answer is whole (%d)" % len(done))
    home.close()


def ok_once(pid, failed):
    return pid and not failed


def a_broken_one_is_not_taken(build, provider):
    home = Installed(build, provider.port)
    home.start()
    pid = home.pid()
    run = home.register()
    for what, data, mode in (("fails", b"#!/bin/sh\nexit 3\n", 0o755),
                             ("cannot be started", b"\x7fELFnonsense", 0o755),
                             ("is not executable", b"x", 0o644),
                             ("says something else", b"#!/bin/sh\nexit 0\n", 0o755)):
        home.install(data, mode)
        said = (home.path / "stderr").read_text().count("\n")
        again = home.register()
        ok(g.until(lambda: (home.path / "stderr").read_text().count("\n") > said),
           "a new program that %s is told of" % what, said)
        same((home.pid(), again.ask("", method="HEAD")[0], run.ask("", method="HEAD")[0]),
             (pid, 200, 200), "... and the old one goes on")
    home.install(home.original.read_bytes())
    os.kill(pid, 1)
    ok(home.another(pid), "a good one is taken, here by SIGHUP", pid)
    same(run.ask("", method="HEAD")[0], 200, "... with the runs")
    home.close()


def one_that_fails_late_leaves_the_place_whole(build, provider):
    """The new gateway has the lock and the sockets already, and cannot go on with what there is."""
    def no_log(home, run):
        home.log.rename(home.path / "elsewhere")
        home.log.mkdir()

    def no_policy(home, run):
        for f in home.path.glob("policy-*"):
            f.unlink()

    def no_record(home, run):
        (home.run / run.id / "gateway").write_text("what?\n")

    for spoil in (no_log, no_policy, no_record):
        what = spoil.__name__
        home = Installed(build, provider.port)
        home.start()
        pid, run = home.pid(), home.register()
        spoil(home, run)
        home.install(home.original.read_bytes())
        os.kill(pid, 1)
        ok(g.until(lambda: "did not come up" in (home.path / "stderr").read_text()), "%s: it is told of" % what)
        same((home.quiet_pid(), run.ask("", method="HEAD")[0]), (pid, 200), "%s: the old one goes on" % what)
        same(sorted(p.name for p in home.run.iterdir() if p.name != run.id),
             ["gateway.lock", "gateway.sock", "http.sock"], "%s: its lock and sockets are there" % what)
        home.spoilt = True
        home.close()


def what_waits_for_its_supervision_is_not_left_alone(build, provider):
    """A request is held by the old gateway: what it waits for must not come to a new one only."""
    home = Installed(build, provider.port)
    home.policy.write_text(home.policy.read_text().replace('handshake = "off"', 'handshake = "require"'))
    home.start()
    pid, run = home.pid(), home.register()
    got = []
    head = {"x-claude-code-session-id": "s-1"}
    t = threading.Thread(target=lambda: got.append(run.ask("/v1/messages", dict(g.ASK, stream=False), head)[0]))
    t.start()
    g.until(lambda: home.is_connected(run.port))
    home.install(home.original.read_bytes())
    os.kill(pid, 1)
    g.until(lambda: home.quiet_pid() != pid, 0.5)
    ends = servers_check_in(home, run)
    same(home.ask({"op": "checkin", "run": run.id, "session": "s-1"}), {"ok": True}, "the session, too")
    t.join(g.DEADLINE)
    same(got, [200], "the request that waited passes")
    ok(home.another(pid), "then the place is handed over")
    leave(ends)
    home.close()


def tools_that_were_right_are_not_compared_again(build, provider):
    """After an upgrade the next request may be one of claude's searches, which offers that tool alone."""
    home = Installed(build, provider.port)
    home.policy.write_text(home.policy.read_text().replace('handshake = "off"', 'handshake = "require"') +
                           '[native_tools]\nallow = ["WebSearch"]\n')
    home.start()
    pid, run = home.pid(), home.register()
    head = {"x-claude-code-session-id": "s-1"}
    ends = servers_check_in(home, run)
    same(home.ask({"op": "checkin", "run": run.id, "session": "s-1"}), {"ok": True}, "the session checks in")

    def ask(name):
        tools = [{"name": name, "input_schema": {"type": "object"}}]
        return run.ask("/v1/messages", dict(g.ASK, stream=False, tools=tools), head)[0]
    same([ask("WebSearch"), ask("mcp__pando_core__read-file"), ask("WebSearch")], [400, 200, 200],
         "a search is not the first request")
    home.install(home.original.read_bytes())
    os.kill(pid, 1)
    ok(home.another(pid), "an upgrade")
    leave(ends)
    ends = servers_check_in(home, run)
    same(ask("WebSearch"), 200, "... and the next request of the same run may be one")
    leave(ends)
    home.close()


def servers_check_in(home, run):
    ends = []
    for role in ("core", "workspace"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(home.run / "gateway.sock"))
        f = s.makefile("rwb")
        for line in ({"op": "serve", "run": run.id, "role": role}, {"up": "tools"}):
            f.write(json.dumps(line).encode() + b"\n")
            f.flush()
            same(json.loads(f.readline()), {"ok": True}, "%s checks in" % role)
        ends.append((s, f))
    return ends


def leave(ends):
    for s, f in ends:
        f.close()
        s.close()


def a_run_without_a_record_is_not_given_away(build, provider):
    home = Installed(build, provider.port)
    home.start()
    pid = home.pid()
    run = home.register(agent_version="1\x7f2")
    ok("has no record" in (home.path / "stderr").read_text(), "a version that fits no line", run.reply)
    home.install(home.original.read_bytes())
    os.kill(pid, 1)
    same(home.register().ask("", method="HEAD")[0], 200, "another launch")
    same((home.pid(), run.ask("", method="HEAD")[0]), (pid, 200), "the gateway that knows the run stays")
    home.close()


# A new program that says when it is to take over, and goes on when it is told to.
WAITING = """#!/bin/sh
if [ "$1" = --take-over ]; then
	echo $$ >%s/started
	read go <%s/go
fi
exec %s "$@"
"""
SIGKILL = 9


class Upgrade:
    """One under way: a stream at the old gateway, the new one at a known point."""

    def __init__(self, build, provider, waits):
        self.home = home = Installed(build, provider.port)
        home.start()
        self.old, self.run = home.pid(), home.register()
        GATE.clear()
        self.c = self.run.open()
        self.c.request("POST", self.run.url("/v1/messages"), json.dumps(g.ASK))
        self.r = self.c.getresponse()
        self.r.read1(10)
        os.mkfifo(home.path / "go")
        home.install((WAITING % (home.path, home.path, home.original)).encode() if waits
                     else home.original.read_bytes())
        os.kill(self.old, 1)
        self.new = int(self.read_started()) if waits else home.another(self.old)
        home.pids.add(self.new)

    def read_started(self):
        def text():
            try:
                got = (self.home.path / "started").read_text()
                return got if got.endswith("\n") else None
            except OSError:
                return None
        return g.until(text)

    def go_on(self):
        (self.home.path / "go").write_text("\n")

    def kill(self, *pids):
        for pid in pids:
            os.kill(pid, SIGKILL)
            if pid == self.old:
                self.home.gateway.wait(g.DEADLINE)
        g.until(lambda: not any(g.is_alive(p) for p in pids))

    def stream_is_whole(self):
        GATE.set()
        try:
            return b"message_stop" in self.r.read()
        except (OSError, g.http.client.HTTPException):
            return False

    def check(self, what, is_whole):
        home = self.home
        same(self.stream_is_whole(), is_whole,
             "%s: the stream that was under way %s" % (what, "comes to its end" if is_whole else "is cut"))
        ok(home.start() in ("ready", "busy"), "... a launch finds a gateway or starts one")
        ok(g.until(home.quiet_pid), "... which answers")
        same(self.run.ask("", method="HEAD")[0], 200, "... with the run of before")
        same(home.register().ask("", method="HEAD")[0], 200, "... and takes another one")
        same(b"message_stop" in self.run.ask("/v1/messages", g.ASK)[2], True, "... and works")
        if home.gateway.poll() is None:
            home.gateway.terminate()
            home.gateway.wait(g.DEADLINE)
        self.c.close()
        home.close()


def one_that_hangs_costs_seconds_and_nothing_else(build, provider):
    """The doors are shut meanwhile: who knocks waits for the old one."""
    u = Upgrade(build, provider, waits=True)
    got, run = [], u.run
    crowd = [threading.Thread(target=lambda: got.append(run.ask("/v1/messages", dict(g.ASK, stream=False))[0])),
             threading.Thread(target=lambda: got.append(u.home.register().ask("", method="HEAD")[0])),
             threading.Thread(target=lambda: got.append(u.home.pid()))]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    same(sorted(got), sorted([200, 200, u.old]), "who came while a new one hung gets its answer from the old one")
    ok("it does not answer" in (u.home.path / "stderr").read_text(), "... which tells of it")
    same(g.until(lambda: not g.is_alive(u.new)), True, "... and has ended it")
    u.check("... and", True)


def killed_at_any_point(build, provider):
    u = Upgrade(build, provider, waits=True)
    u.kill(u.new)
    same(u.home.pid(), u.old, "the new one is killed before it has the place: the old one goes on")
    u.check("... so", True)

    u = Upgrade(build, provider, waits=True)
    u.kill(u.old)
    u.go_on()
    ok(g.until(u.home.quiet_pid) == u.new, "the old one is killed before the new one has the place: that takes it")
    u.check("... but", False)

    u = Upgrade(build, provider, waits=True)
    u.kill(u.old, u.new)
    u.check("both are killed before the place has changed hands", False)

    u = Upgrade(build, provider, waits=False)
    u.kill(u.new)
    u.check("the new one is killed when it has the place", True)

    u = Upgrade(build, provider, waits=False)
    u.kill(u.old)
    same(u.home.pid(), u.new, "the old one is killed while it drains: the new one goes on")
    u.check("... but", False)

    u = Upgrade(build, provider, waits=False)
    u.kill(u.old, u.new)
    u.check("both are killed while the old one drains", False)


# The service manager's part: a listening socket as descriptor 3 of a process that it names.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.set_inheritable(3, True)
os.execv(sys.argv[2], [sys.argv[2]])
"""


def started_on_demand(build, provider):
    home = g.Home(build, provider.port, "linger_seconds = 0\n")
    home.run.mkdir(mode=0o700)
    path = home.run / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        for turn in ("the first", "the second"):
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(g.DEADLINE)
                c.connect(str(path))
                c.sendall(b'{"op":"status"}\n')  # before there is a gateway
                p = subprocess.Popen([sys.executable, "-c", ACTIVATE, str(listener.fileno()),
                                      str(home.program)], env=home.env(),
                                     pass_fds=[listener.fileno()])
                reply = json.loads(c.makefile().readline())
            same(reply["pid"], p.pid, "%s call is answered by the gateway that it starts" % turn)
            p.terminate()
            same(p.wait(g.DEADLINE), 0, "... which ends")
            ok(path.exists(), "... and leaves the socket to its owner")
    home.close()


def units_are_good():
    folder = Path(__file__).resolve().parents[2] / "share/systemd"
    if not shutil.which("systemd-analyze"):
        g.counts["skipped"] += 1
        print("skip - the units: systemd-analyze is not there")
        return
    import tempfile
    with tempfile.TemporaryDirectory() as t:
        shutil.copy(folder / "pando-gateway.socket", t)
        text = (folder / "pando-gateway.service.in").read_text().replace("@LIBEXEC@", "/bin")
        (Path(t) / "pando-gateway.service").write_text(text.replace("/bin/pando-gateway", "/bin/true"))
        got = subprocess.run(["systemd-analyze", "--user", "--man=no", "verify", t + "/pando-gateway.socket",
                              t + "/pando-gateway.service"], capture_output=True, text=True,
                             env=dict(os.environ, XDG_RUNTIME_DIR=t, HOME=t), check=False)
        ok(got.returncode == 0 and not got.stderr.strip(), "systemd takes the units", got)


def main():
    build = g.build()
    provider = g.Provider(answer)
    GATE.set()
    try:
        streams_live_through_it(build, provider)
        calls_of_before_are_known(build, provider)
        nobody_is_turned_away(build, provider)
        a_broken_one_is_not_taken(build, provider)
        one_that_fails_late_leaves_the_place_whole(build, provider)
        a_run_without_a_record_is_not_given_away(build, provider)
        what_waits_for_its_supervision_is_not_left_alone(build, provider)
        tools_that_were_right_are_not_compared_again(build, provider)
        one_that_hangs_costs_seconds_and_nothing_else(build, provider)
        killed_at_any_point(build, provider)
        started_on_demand(build, provider)
        units_are_good()
    finally:
        GATE.set()
        provider.close()
    g.done()


if __name__ == "__main__":
    main()
