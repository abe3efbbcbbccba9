#!/usr/bin/env python3
"""A gateway that is killed: the next one goes on with its runs, and the core server starts it."""
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

SOON = 5
REVIVALS = 3
FILES = 1024
CONNS_MAX = (FILES - 256) // 2  # gateway/front.c, with so few descriptors
MORE = 200

# A process that registers the line it is given, prints the reply and stays until its input ends.
AGENT = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\\n")
sys.stdout.write(s.makefile().readline()); sys.stdout.flush()
sys.stdin.read()
"""


def answer(h):
    h.start({"content-type": "text/event-stream"})
    for e in g.text_events():
        h.piece(e)
    h.end()


class Agent:
    """A registered process."""

    def __init__(self, home, **more):
        want = home.registration(**more)
        self.id, self.folder = want["run"], home.run / want["run"]
        self.record = self.folder / "gateway"
        self.process = subprocess.Popen(
            [sys.executable, "-c", AGENT, str(home.run / "gateway.sock"), json.dumps(want)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.run = g.Run(want["run"], json.loads(self.process.stdout.readline()))

    def end(self):
        self.process.communicate()


def works(run):
    try:
        return b"message_stop" in run.ask("/v1/messages", g.ASK)[2]
    except OSError:
        return False


def knows(run):
    """What the gateway at the run's address says to its token."""
    return run.ask("/v1/models", method="GET")[0]


def kill(home):
    home.gateway.kill()
    home.gateway.wait()


def said(home):
    return (home.path / "stderr").read_text()


def events_of(home, run, event):
    return [x for x in home.lines(event) if x["run"] == run]


def notes_of(home, run):
    return " ".join(x["note"] for x in events_of(home, run, "gateway_run_lost"))


def a_run_is_restored(home):
    home.start()
    agent, codex = Agent(home), Agent(home, agent="codex")
    same(oct(agent.record.stat().st_mode & 0o7777), "0o600", "the record is private")
    same(oct(agent.folder.stat().st_mode & 0o7777), "0o700", "... and so is its folder")
    without = Agent(home)
    without.record.unlink()
    kill(home)
    same(home.start(), "ready", "after a kill the next gateway starts")
    ok(works(agent.run), "the same address works for a run of before")
    same(knows(codex.run), 200, "... and for the other one, at the same port")
    same(knows(without.run), 403, "... but not for one without a record")
    for a in (agent, codex):
        same(len(events_of(home, a.id, "gateway_run_restored")), 1, "... and the log says so")
    same(sorted((r["run"], r["pid"], r["agent"], r["root"]) for r in home.ask({"op": "status"})["runs"]),
         sorted([(agent.id, agent.process.pid, "claude", str(home.root)),
                 (codex.id, codex.process.pid, "codex", str(home.root))]), "status knows them")
    ok("already" in home.ask(home.registration(run=agent.id))["error"], "nobody can register over it")
    later = Agent(home)
    same(later.run.port, agent.run.port, "a new run gets the same port")
    kill(home)
    home.start()
    ok(all(knows(a.run) == 200 for a in (agent, codex, later)), "a second kill changes nothing")
    agent.end()
    ok(g.until(lambda: knows(agent.run) == 403), "a restored run ends with its process")
    ok(not agent.folder.exists(), "... and its folder goes")
    for a in (codex, later, without):
        a.end()
    home.stop()


def a_run_whose_process_is_gone(home):
    home.start()
    gone, other, reused = Agent(home), Agent(home), Agent(home)
    text = reused.record.read_text()
    kill(home)
    gone.end()
    start = text.split("start ")[1].strip()
    reused.record.write_text(text.replace("start " + start, "start %d" % (int(start) - 1)))
    home.start()
    same(knows(other.run), 200, "a run whose process lives is restored")
    same(knows(gone.run), 403, "... one whose process is gone is not")
    ok(not gone.folder.exists(), "... and its folder goes")
    same(knows(reused.run), 403, "nor one whose number means another process")
    for a in (other, reused):
        a.end()
    home.stop()


def what_is_not_believed(home):
    home.start()
    bad = {}

    def forge(name, change, mode=0o600):
        a = bad[name] = Agent(home)
        a.record.write_text(change(a.record.read_text()))
        a.record.chmod(mode)

    same_text = lambda t: t
    forge("readable by others", same_text, 0o640)
    forge("cut", lambda t: t[:-2])
    forge("with an unknown key", lambda t: t + "more 1\n")
    forge("with a key twice", lambda t: t + t.splitlines()[0] + "\n")
    forge("too large", lambda t: t.replace("root /", "root /" + "x" * 70000))
    forge("not text", lambda t: t.replace("root /", "root /\x01"))
    linked = bad["a link"] = Agent(home)
    moved = home.path / "moved"
    linked.record.rename(moved)
    linked.record.symlink_to(moved)
    owned = bad["another user's"] = Agent(home)
    if os.geteuid() == 0:
        os.chown(owned.record, 12345, 12345)
    else:
        bad.pop("another user's")
        g.counts["skipped"] += 1
        print("skip - a record of another user # needs root")
    good = Agent(home)
    kill(home)
    home.start()
    same(knows(good.run), 200, "a sound record is taken")
    for name, a in bad.items():
        same(knows(a.run), 403, "a record %s is not" % name)
        ok(a.id in said(home), "... and the gateway's log says which")
    for a in [good, owned, *bad.values()]:
        a.end()
    home.stop()


def a_changed_policy(home):
    home.start()
    before, digest = home.bundle()
    changed = home.path / "changed"
    changed.write_bytes(Path(before).read_bytes())
    agent, other = Agent(home, policy=str(changed), policy_sha256=digest), Agent(home)
    kill(home)
    changed.write_bytes(b"pando-policy 1\nroot -\nend\n")
    home.start()
    same((knows(agent.run), knows(other.run)), (403, 200), "a run whose policy was changed is not restored")
    ok("start again" in notes_of(home, agent.id), "... the decision log says why")
    ok(agent.id in said(home), "... and gateway.log")
    changed.write_bytes(Path(before).read_bytes())
    kill(home)
    home.start()
    same(knows(agent.run), 403, "... and it does not come back by chance")
    agent.end()
    other.end()
    home.stop()


def a_taken_port(home):
    home.start()
    agent = Agent(home)
    kill(home)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", agent.run.port))
        s.listen()
        same(home.start(), "ready", "a gateway starts though the port of its runs is taken")
        again = Agent(home)
        ok(again.run.port != agent.run.port and works(again.run), "... and serves at another port")
        ok("port" in notes_of(home, agent.id), "... the run is lost, and the log says why")
        ok(agent.id in said(home), "... and gateway.log")
    kill(home)
    home.start()
    same(knows(again.run), 200, "the next one serves the port of the runs that are left")
    agent.end()
    again.end()
    home.stop()


class Watcher:
    def __init__(self, home, run):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(g.DEADLINE)
        g.until(lambda: self.is_in(home))  # the backlog is short
        self.s.sendall(json.dumps({"op": "watch", "run": run}).encode() + b"\n")
        self.lines = self.s.makefile()

    def is_in(self, home):
        try:
            self.s.connect(str(home.run / "gateway.sock"))
        except BlockingIOError:
            return False
        return True

    def line(self):
        try:
            return json.loads(self.lines.readline() or "null")
        except ConnectionResetError:
            return None


def it_says_bye(home):
    def stop(): home.ask({"op": "stop"})
    def term(): home.gateway.terminate()
    def die(): home.gateway.kill()
    for how, want in ((stop, {"bye": True}), (term, {"bye": True}), (die, None)):
        home.start()
        agent = Agent(home)
        run = agent.run
        many = [Watcher(home, run.id) for _ in range(100)]
        same([w.line() for w in many], [{"ok": True}] * 100, "a hundred may watch")
        ok(home.ask({"op": "status"})["ok"], "... and others are heard still")
        refused = Watcher(home, secrets.token_hex(8))
        same(refused.line()["ok"], False, "not for a run that is not there")
        many[0].s.sendall(b"more\n")
        same(many[0].line(), None, "who says more than that is dropped")
        time.sleep(6 if how is stop else 0)  # longer than a connection may idle
        how()
        same([w.line() for w in many[1:]], [want] * 99, "%s: watchers see %r" % (how.__name__, want))
        same(many[1].line(), None, "... and then the end")
        home.gateway.wait(g.DEADLINE)
        agent.end()


class Core:
    """The real core server, as an agent of the run would start it."""

    def __init__(self, home, run):
        root = home.path / "project"
        root.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [str(home.program.parent / "pando-mcp"), "--project-root", os.path.realpath(root)],
            env=home.env(PANDO_PROCESS_ROLE="core", PANDO_RUN=run, PANDO_AGENT="claude"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(home.path / "core", "ab"))
        self.ping()

    def ping(self):
        self.process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["result"] == {}

    def end(self):
        self.process.communicate(timeout=g.DEADLINE)
        return self.process.returncode


def pid_of(home):
    try:
        return home.ask({"op": "status"})["pid"]
    except (OSError, TypeError):
        return None


def next_pid(home, old):
    return g.until(lambda: (lambda p: p if p != old else None)(pid_of(home)), SOON)


def the_core_revives_it(home):
    home.start()
    agent = Agent(home)
    cores = [Core(home, agent.id) for _ in range(3)]
    old, begin = home.gateway.pid, time.monotonic()
    kill(home)
    new = next_pid(home, old)
    ok(new, "a killed gateway is revived in %.2f s" % (time.monotonic() - begin))
    ok(works(agent.run), "... with its runs")
    ok(all(c.ping() for c in cores), "... and the servers answer meanwhile")
    ok(g.until(lambda: len(events_of(home, agent.id, "mcp_gateway_revived")) == 3, SOON),
       "... each of three watchers has found it", home.lines("mcp_gateway_lost"))
    same(home.ask({"op": "status"})["pid"], new, "... and it is one")
    home.ask({"op": "stop"})
    ok(g.until(lambda: not g.is_alive(new), SOON), "stop ends it")
    ok(all(c.ping() for c in cores), "... the servers go on")
    time.sleep(1)
    same(pid_of(home), None, "... and nobody revives it")
    same([c.end() for c in cores], [0, 0, 0], "the servers end well")
    agent.end()


def it_gives_up(home):
    home.start()
    agent = Agent(home)
    core, pid, revived = Core(home, agent.id), home.gateway.pid, 0
    for _ in range(REVIVALS + 2):
        os.kill(pid, signal.SIGKILL)
        if pid == home.gateway.pid:
            home.gateway.wait()
        pid = next_pid(home, pid)
        if not pid:
            break
        revived += 1
        # it must be watched before it is killed again, or nobody sees that
        g.until(lambda: len(events_of(home, agent.id, "mcp_gateway_revived")) == revived, SOON)
    same(revived, REVIVALS, "a gateway that dies again and again is left alone")
    lost = events_of(home, agent.id, "mcp_gateway_lost")
    ok(len(lost) == 1 and "3 times" in lost[0]["note"], "... and the log says so", lost)
    ok("lost" in (home.path / "core").read_text(), "... and standard error")
    ok(core.ping() and core.end() == 0, "... the server goes on")
    agent.end()


def one_that_cannot_start(home):
    home.start()
    agent = Agent(home)
    core, lock = Core(home, agent.id), home.run / "gateway.lock"
    lock.unlink()
    lock.mkdir()
    before = len(home.lines("mcp_gateway_lost"))
    kill(home)
    ok(g.until(lambda: len(home.lines("mcp_gateway_lost")) == before + 1, SOON),
       "a gateway that cannot start is told of")
    ok("gateway.lock" in home.lines("mcp_gateway_lost")[-1]["note"], "... with the reason")
    ok(core.ping(), "... the server goes on")
    lock.rmdir()
    same(core.end(), 0, "... to its end")
    agent.end()


def alone(home):
    """Without a gateway, or without a run, a core does nothing about it."""
    for run in (secrets.token_hex(8), ""):
        core = Core(home, run)
        ok(core.ping(), "a core without a gateway works")
        same(pid_of(home), None, "... and starts none")
        core.end()


def how_the_network_is_reached(home):
    home.start(https_proxy="http://127.0.0.1:9", NO_PROXY="127.0.0.1")
    agent = Agent(home)
    kill(home)
    home.start(NO_PROXY="other")
    again = Agent(home)
    ok("\nhttps_proxy http://127.0.0.1:9\n" in "\n" + again.record.read_text(),
       "a gateway started from a bare environment takes the proxy of the launch")
    ok("NO_PROXY other\n" in again.record.read_text(), "... but what its own says counts")
    agent.end()
    again.end()
    home.stop()


def a_crowd(home):
    home.start(files=FILES)
    run, crowd = home.register(), []
    for _ in range(CONNS_MAX + MORE):
        crowd.append(socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE))
    for s in crowd:
        s.setblocking(False)

    def closed():
        n = 0
        for s in crowd:
            try:
                n += s.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:
                n += 1
        return n

    ok(g.until(lambda: closed() == MORE, SOON), "a crowd is turned away", closed())
    same(len([x for x in home.lines("gateway_refused") if "too many connections" in x["note"]]), 1,
         "... which is one line in the log")
    same(len(home.ask({"op": "status"})["runs"]), 1, "... the control socket answers")
    for s in crowd:
        s.close()
    ok(g.until(lambda: works(run), SOON), "... and when it is gone there is room again")
    home.stop()


def main():
    build = g.build()
    provider = g.Provider(answer)
    home = g.Home(build, provider.port)
    home.run.mkdir(parents=True, mode=0o700)
    (home.path / ".pando").chmod(0o700)
    try:
        for case in (a_run_is_restored, a_run_whose_process_is_gone, what_is_not_believed,
                     a_changed_policy, a_taken_port, it_says_bye, the_core_revives_it, it_gives_up,
                     one_that_cannot_start, alone, how_the_network_is_reached, a_crowd):
            case(home)
    finally:
        if pid_of(home):
            home.ask({"op": "stop"})
        for name in ("core", ".pando/run/gateway.log"):
            text = (home.path / name).read_text()
            ok("Sanitizer" not in text and "runtime error" not in text, "no fault in " + name, text)
        home.close()
        provider.close()
    g.done()


if __name__ == "__main__":
    main()
