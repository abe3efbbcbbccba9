#!/usr/bin/env python3
"""Handshake and witness: the real gateway and the real servers, with clients that cheat."""
import json
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import _gateway as g
import _mcp
from _gateway import ok, same

SESSION = "5f0e1d2c-0000-4000-8000-00000000abcd"
HEAD = {"x-claude-code-session-id": SESSION}
WAITS, GAP = 10, 3  # seconds, of the gateway for what is missing, and for a server that was there
NOT_MADE = "the gateway let no such call of the model through"
ENFORCED = "\n[security]\nhandshake = \"require\"\n"
WITNESS_ONLY = "\n[security]\nhandshake = \"off\"\n"
plays = []


def call_answer(calls):
    every = list(g.text_events(()))
    yield every[0]
    for i, (name, call_id, args) in enumerate(calls):
        yield g.event("content_block_start", index=i,
                      content_block={"type": "tool_use", "id": call_id, "name": name, "input": {}})
        yield g.event("content_block_delta", index=i,
                      delta={"type": "input_json_delta", "partial_json": args})
        yield g.event("content_block_stop", index=i)
    yield g.event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None},
                  usage={"output_tokens": 3})
    yield every[4]


def codex_answer(calls):
    items = [{"type": "function_call", "id": "fc_%d" % i, "call_id": call_id, "name": name,
              "namespace": space, "arguments": args, "status": "completed"}
             for i, (space, name, call_id, args) in enumerate(calls)]
    yield g.event("response.created", sequence_number=0, response={"id": "resp_1", "output": []})
    for i, item in enumerate(items):
        yield g.event("response.output_item.added", output_index=i, sequence_number=1,
                      item=dict(item, arguments="", status="in_progress"))
        yield g.event("response.output_item.done", output_index=i, sequence_number=2, item=item)
    yield g.event("response.completed", sequence_number=3,
                  response={"id": "resp_1", "output": items, "usage": {"total_tokens": 3}})


def answer(h):
    if h.command != "POST":
        return h.whole(200, {"content-type": "application/json"}, b"{}")
    if b'"stream": false' in h.body:
        name, call_id, args = plays.pop(0)[0]
        whole = dict(g.json_answer(), stop_reason="tool_use", content=[
            {"type": "tool_use", "id": call_id, "name": name, "input": json.loads(args)}])
        return h.whole(200, {"content-type": "application/json"}, json.dumps(whole).encode())
    h.start({"content-type": "text/event-stream"})
    calls = plays.pop(0) if plays else []
    for data in (codex_answer if "responses" in h.path else call_answer)(calls) if calls else g.text_events():
        h.piece(data)
    return h.end()


class Scene(_mcp.Scratch):
    """One run: its gateway's home and what a server needs to be started in it."""

    def __init__(self, build, home, agent="claude"):
        self.program = Path(build).resolve() / "libexec/pando-ai/pando-mcp"
        self.place, self.agent = home, agent
        self.root = str(home.root.resolve())
        self.bundle, self.digest = home.bundle(Path(self.root))
        self.run = home.register(agent, root=self.root)
        (home.root / "a.txt").write_text("the content\n")

    def env(self, **more):
        return self.place.env(PANDO_RUN=self.run.id, PANDO_AGENT=self.agent, PANDO_AGENT_VERSION="1.2.3",
                              PANDO_PROJECT_ROOT=self.root, PANDO_POLICY=self.bundle,
                              PANDO_POLICY_SHA256=self.digest, PATH="/usr/bin:/bin", **more)

    def server(self, role, initialize=True, **env):
        m = _mcp.Server(self, role, **env)
        if initialize:
            m.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                 "clientInfo": {"name": "t", "version": "1"}})
        return m

    def hook(self, session=SESSION, event="SessionStart", **env):
        return subprocess.run([self.program.with_name("pando-hook"), event], env=self.env(**env), text=True,
                              input=json.dumps({"session_id": session, "hook_event_name": event}),
                              capture_output=True, check=False, timeout=g.DEADLINE)

    def says(self, *calls, head=None, stream=True):
        """The model makes calls (name, id, text of the arguments); answers the status."""
        plays.append(calls)
        path = "/v1/messages" if self.agent == "claude" else "/v1/responses"
        body = dict(g.ASK if self.agent == "claude" else g.ASK_CODEX, stream=stream)
        return self.run.ask(path, body, head or HEAD)[0]

    def lines(self, event):
        return [x for x in self.place.lines(event) if x.get("run") == self.run.id]


def read(call_id, args='{"path":"a.txt"}', tool="read-file", server="pando_core"):
    return ("mcp__%s__%s" % (server, tool), call_id, args)


def meta(call_id):
    return {"claudecode/toolUseId": call_id, "progressToken": 1}


def control(home):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(g.DEADLINE)
    s.connect(str(home.run / "gateway.sock"))
    return s, s.makefile("rwb")


def say(f, line):
    f.write((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
    f.flush()
    got = f.readline()
    return json.loads(got) if got else None


# --- handshake -----------------------------------------------------------------------------
def beginnings(build, home):
    """name: (what is there, what the refusal says, what it does not say)"""
    def nothing(s):
        return []

    def core(s):
        s.hook()
        return [s.server("core")]

    def no_hook(s):
        return [s.server("core"), s.server("workspace")]

    def other_session(s):
        s.hook("another-session")
        return [s.server("core"), s.server("workspace")]

    def silent(s):
        s.hook()
        return [s.server("core", initialize=False), s.server("workspace")]

    return {
        "nothing": (nothing, ["pando_core has not started", "pando_workspace has not started",
                              "the hook of its session has not run"]),
        "one server": (core, ["pando_workspace has not started"]),
        "no hook": (no_hook, ["the hook of its session has not run"]),
        "another session": (other_session, ["the hook of its session has not run"]),
        "not initialized": (silent, ["pando_core has not answered the agent yet"]),
    }


EVERY = ("pando_core has", "pando_workspace has", "the hook of its session")


def half_supervised_is_refused(build, home):
    out = {}

    def one(name, s, begin, path):
        servers = begin(s)
        start = time.monotonic()
        status, _, got = s.run.ask(path, g.ASK, HEAD)
        out[name] = (status, got.decode(), time.monotonic() - start, s)
        for m in servers:
            m.__exit__()

    cases = {**beginnings(build, home), "counted": (lambda s: [], ["pando_core has not started"])}
    scenes = {name: Scene(build, home) for name in cases}  # one after the other: they share a policy
    threads = [threading.Thread(target=one, args=(name, scenes[name], begin, "/v1/messages/count_tokens"
                                                  if name == "counted" else "/v1/messages"))
               for name, (begin, _) in cases.items()]
    for t in threads:
        t.start()
        t.join(0.3)
    for t in threads:
        t.join()
    for name, (_, want) in cases.items():
        status, text, took, s = out[name]
        same(status, 400, "%s: status" % name)
        for part in want:
            ok(part in text, "%s: says %r" % (name, part), text)
        if name != "counted":
            same(sum(part in text for part in EVERY), len(want), "%s: and names nothing else" % name)
        ok("pando.handshake" in text and "start it again" in text and '"invalid_request_error"' in text,
           "%s: rule, remedy and dialect" % name, text)
        ok(took > WAITS - 1, "%s: it was waited for" % name, took)
        told = s.lines("gateway_handshake_refused")
        ok(len(told) == 1 and told[0]["rule"] == "pando.handshake" and want[0] in told[0]["note"],
           "%s: the log says so" % name, told)


def who_comes_late_is_waited_for(build, home):
    s = Scene(build, home)
    got = []
    t = threading.Thread(target=lambda: got.append(s.says()))
    t.start()
    with s.server("core") as core, s.server("workspace"):
        same((s.run.ask("/v1/models", method="GET")[0], s.run.ask("/", method="HEAD")[0]), (200, 200),
             "what goes to no model is not held")
        ok(not got, "without the hook the request waits")
        same((s.hook().returncode, s.hook(event="UserPromptSubmit").returncode), (0, 0), "the hook works")
        t.join(g.DEADLINE)
        same(got, [200], "then it goes on")
        same([x["note"] for x in s.lines("gateway_checkin") if "session" in x["note"]], ["session " + SESSION],
             "the log says once that the session is there")
        core.__exit__()
        t = threading.Thread(target=lambda: got.append(s.says()))
        t.start()
        with s.server("core"):
            t.join(g.DEADLINE)
            same(got, [200, 200], "a server that is started again is waited for")
            same(s.says(), 200, "and holds nobody up then")
        same(s.lines("gateway_handshake_gap"), [], "so the log has nothing of it")
        same(s.says(), 200, "one that does not come again is waited for, and not forever")
        begin = time.monotonic()
        same((s.says(), time.monotonic() - begin < GAP), (200, True), "once, and not by each request")
        same([x["note"] for x in s.lines("gateway_handshake_gap")], ["pando_core has ended"], "the log tells of it")
        with s.server("core") as again:
            s.says(read("toolu_1"))
            same(again.call("read-file", meta("toolu_1"), path="a.txt")[1], False, "when it comes it has its calls")


def a_workspace_without_a_sandbox_checks_in(build, home):
    """It has no tools and says so, instead of not being there."""
    if not shutil.which("bwrap"):
        _mcp.skip("a workspace without a sandbox", "no bwrap to be hidden")
        return
    hidden = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", "/dev/null",
              str(Path(shutil.which("bwrap")).resolve())]
    s = Scene(build, home)
    s.hook()
    with s.server("core"), s.server("workspace", wrap=hidden) as m:
        same(m.tools(), [], "without a sandbox there are no tools")
        same(s.says(), 200, "the handshake is complete")
        ok("bare workspace" in [x["note"] for x in s.lines("gateway_checkin")], "the log tells how",
           s.lines("gateway_checkin"))


def audit_only_tells(build, provider):
    home = g.Home(build, provider.port, 'claude = "audit"\n' + ENFORCED)
    home.start()
    s = Scene(build, home)
    start = time.monotonic()
    same(s.says(read("toolu_1")), 200, "audit: the request passes")
    ok(time.monotonic() - start < WAITS / 2, "audit: at once")
    same([x["mode"] for x in s.lines("gateway_handshake_audited")], ["audit"], "audit: the log tells what is missing")
    with s.server("core") as m:
        same(m.call("read-file", meta("toolu_1"), path="a.txt")[1], False, "audit: the model's call is made")
        same(s.lines("mcp_witness_audited"), [], "audit: with nothing to tell")
        same(m.call("read-file", meta("toolu_1"), path="a.txt")[1], False, "audit: so is another one")
        same([(x["call_id"], x["rule"], x["mode"]) for x in s.lines("mcp_witness_audited")],
             [("toolu_1", "pando.witness", "audit")], "audit: but the log tells of it")
    home.close()


def strangers_have_no_part_in_a_run(build, home):
    """The run of a process that we are not below."""
    code = ("import json, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
            "s.sendall(sys.argv[2].encode() + b'\\n')\nprint(s.makefile().readline(), flush=True)\nsys.stdin.read()")
    want = home.registration(root=str(home.root.resolve()))
    agent = subprocess.Popen([sys.executable, "-c", code, str(home.run / "gateway.sock"), json.dumps(want)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    same(json.loads(agent.stdout.readline())["ok"], True, "another process has a run")
    for ask in ({"op": "serve", "run": want["run"], "role": "core"},
                {"op": "checkin", "run": want["run"], "session": SESSION}):
        got = home.ask(ask)
        ok(not got["ok"] and "none of the run's" in got["error"], "%s: strangers are refused" % ask["op"], got)
    agent.communicate()
    for ask in ({"op": "serve", "run": "0" * 16, "role": "core"}, {"op": "serve", "run": want["run"]},
                {"op": "checkin", "session": SESSION}):
        ok(not home.ask(ask)["ok"], "no such run: %s" % ask)
    own = home.register(root=str(home.root.resolve())).id
    for session in ("", "a\nup core", "x" * 65, "a b", None, 7):
        ok(not home.ask({"op": "checkin", "run": own, "session": session})["ok"], "no session: %r" % (session,))
    ok(not home.ask({"op": "serve", "run": own, "role": "gateway"})["ok"], "no role")


# --- witness ---------------------------------------------------------------------------------
def check_refused(s, m, what, call, why, tool="read-file", **args):
    before = len(s.lines("mcp_witness_refused"))
    text, failed, _ = m.call(tool, call, **args)
    ok(failed is True and why in text and "pando.witness" in text and "the content" not in text,
       "%s: refused, and says why" % what, (failed, text))
    told = s.lines("mcp_witness_refused")[before:]
    ok(len(told) == 1 and told[0]["rule"] == "pando.witness" and told[0]["verdict"] == "deny"
       and why in told[0]["note"], "%s: the log has it" % what, told)
    if call and told:
        same(told[0]["call_id"], next(iter(call.values())), "%s: with the id of the call" % what)


def calls_are_made_once(build, home):
    s = Scene(build, home)
    with s.server("core") as m:
        same(s.says(read("toolu_1"), read("toolu_2"), read("toolu_3")), 200, "the model calls")
        check_refused(s, m, "altered", meta("toolu_1"), "other arguments", path="b.txt")
        check_refused(s, m, "more arguments", meta("toolu_1"), "other arguments", path="a.txt", max_lines=1)
        check_refused(s, m, "another tool", meta("toolu_1"), "another tool", tool="list-files", path="a.txt")
        text, failed, _ = m.call("read-file", meta("toolu_1"), path="a.txt")
        ok(failed is False and "the content" in text, "the model's call is made", text)
        check_refused(s, m, "replayed", meta("toolu_1"), "was made already", path="a.txt")
        check_refused(s, m, "forged", meta("toolu_9"), NOT_MADE, path="a.txt")
        check_refused(s, m, "code mode", {"callId": "exec-5f0e"}, NOT_MADE, path="a.txt")
        check_refused(s, m, "no id", None, NOT_MADE, path="a.txt")
        same(m.call("read-file", {"callId": "toolu_2"}, path="a.txt")[1], False, "as codex says the id")
        same(s.says(read("toolu_4"), stream=False), 200, "a plain answer")
        same(m.call("read-file", meta("toolu_4"), path="a.txt")[1], False, "has its witness, too")
        other = Scene(build, home)
        with other.server("core") as n:
            check_refused(other, n, "of another run", meta("toolu_3"), NOT_MADE, path="a.txt")
        same(m.call("read-file", meta("toolu_3"), path="a.txt")[1], False, "in its own it is made")
        ok(len(s.lines("gateway_witness_refused")) == 7, "the gateway tells of each, too",
           s.lines("gateway_witness_refused"))


def what_is_not_let_through_has_none(build, provider):
    home = g.Home(build, provider.port, WITNESS_ONLY + '[[rule]]\nid = "no-b"\ntool = "pando_core/read-file"\n'
                  'args.path = "b.txt"\ndecision = "deny"\n')
    home.start()
    s = Scene(build, home)
    (home.root / "b.txt").write_text("the content\n")
    with s.server("core") as m:
        s.says(read("toolu_1", '{"path":"b.txt"}'), read("toolu_2"))
        check_refused(s, m, "a call that was replaced", meta("toolu_1"), NOT_MADE, path="b.txt")
        same(m.call("read-file", meta("toolu_2"), path="a.txt")[1], False, "its neighbour is made")
    home.close()


def codex_is_the_same(build, home):
    s = Scene(build, home, "codex")
    with s.server("core") as m:
        same(s.says(("mcp__pando_core", "read_file", "call_1", '{"path":"a.txt"}')), 200, "codex: the model calls")
        text, failed, _ = m.call("read-file", {"callId": "call_1", "threadId": "t"}, path="a.txt")
        ok(failed is False and "the content" in text, "codex: it is made", text)
        check_refused(s, m, "codex: replayed, though the answer named it twice", {"callId": "call_1"},
                      "was made already", path="a.txt")


def the_sandboxed_server_asks_too(build, home):
    s = Scene(build, home)
    with s.server("workspace") as m:
        if not m.tools():
            _mcp.skip("the sandboxed server", "no sandbox here")
            return
        args = '{"path":"a.txt","text":"more\\n","at_end":true}'
        s.says(read("toolu_1", args, "insert", "pando_workspace"), read("toolu_2"))
        given = json.loads(args)
        check_refused(s, m, "inside: forged", meta("toolu_7"), NOT_MADE, tool="insert", **given)
        check_refused(s, m, "inside: altered", meta("toolu_1"), "other arguments", tool="insert",
                      **dict(given, text="less\n"))
        same(m.call("insert", meta("toolu_1"), **given)[1], False, "inside: the model's call is made")
        check_refused(s, m, "inside: replayed", meta("toolu_1"), "was made already", tool="insert", **given)
        ok((home.root / "a.txt").read_text().endswith("more\n"), "inside: and once")
        text = 'ls -l /proc/self/fd | grep -c socket; cat ~/.pando/run/gateway.sock 2>&1'
        s.says(read("toolu_3", json.dumps({"command": text}), "shell-command", "pando_workspace"))
        got = m.call("shell-command", meta("toolu_3"), command=text)[0]
        ok("\n0\n" in got or "0\n" in got.split("No such")[0], "inside: commands get none of the connections", got)
        ok("No such file" in got, "inside: and the gateway's socket is out of reach", got)
        home.gateway.kill()
        home.gateway.wait()
        home.start()
        check_refused(s, m, "inside: a call of before a gateway was killed", meta("toolu_2"), "again",
                      tool="insert", **given)
        ok(g.until(lambda: s.says(read("toolu_4", args, "insert", "pando_workspace")) == 200), "the run goes on")
        # its launcher looks for the new one every now and then
        ok(g.until(lambda: not m.call("insert", meta("toolu_4"), **given)[1]), "inside: it asks the new gateway")


def a_killed_gateway_loses_calls_only(build, provider):
    home = g.Home(build, provider.port, ENFORCED)
    home.start()
    s = Scene(build, home)
    s.hook()
    with s.server("core") as m, s.server("workspace"):
        same(s.says(read("toolu_1")), 200, "all is there")
        home.gateway.kill()
        home.gateway.wait()
        check_refused(s, m, "its gateway was killed", meta("toolu_1"), "again", path="a.txt")

        def passes():
            try:
                return s.says(read("toolu_2")) == 200
            except OSError:
                return False
        ok(g.until(passes), "the next gateway knows what had checked in")
        same(m.call("read-file", meta("toolu_2"), path="a.txt")[1], False, "and the call, made again, is made")
        home.ask({"op": "stop"})
    home.close()


def a_serving_connection_does_nothing_else(build, home):
    s = Scene(build, home)
    sha = "0" * 64
    s.says(read("toolu_1", "{}", "list-files"), read("toolu_2", "{}", "snapshot-worktree", "pando_workspace"))
    empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    sock, f = control(home)
    with sock:
        same(say(f, {"op": "serve", "run": s.run.id, "role": "core"}), {"ok": True}, "a connection serves")
        for line in ({"op": "stop"}, {"op": "status"}, {"op": "serve", "run": s.run.id, "role": "workspace"}, {},
                     {"take": 7}, {"take": "x"}, {"take": "x", "tool": "t"}, {"up": "down"}, [], "{", "null",
                     {"take": "toolu_1", "tool": "list-files", "args_sha256": "short"},
                     {"take": "toolu_1", "tool": "list-files", "args_sha256": sha},
                     {"take": "x" * 300, "tool": "list-files", "args_sha256": sha},
                     {"take": "toolu_2", "tool": "snapshot-worktree", "args_sha256": empty}):
            got = say(f, line)
            ok(got is not None and got["ok"] is False and "error" in got, "no: %s" % json.dumps(line)[:60], got)
        take = {"take": "toolu_1", "tool": "list-files", "args_sha256": empty}
        f.write((json.dumps(take) + "\n").encode() * 2)
        f.flush()
        same([json.loads(f.readline())["ok"] for _ in range(2)], [True, False], "yes once, also to two at a time")
        f.write(b"{" * (1 << 17))
        f.flush()
        try:
            same(f.read(), b"", "an endless line ends the connection")
        except ConnectionResetError:
            ok(True, "an endless line ends the connection")
    ok(home.ask({"op": "status"})["ok"], "the gateway goes on")


def a_server_that_raves_harms_nobody(build, provider):
    """What a taken over workspace server may say without end is neither logged nor kept without end."""
    home = g.Home(build, provider.port, ENFORCED)
    home.start()
    s = Scene(build, home)

    def serve(role):
        sock, f = control(home)
        same(say(f, {"op": "serve", "run": s.run.id, "role": role}), {"ok": True}, "%s serves" % role)
        return sock, f
    ends = [serve("core"), serve("workspace")]
    for _, f in ends:
        same(say(f, {"up": "tools"}), {"ok": True}, "and is up")
    same(home.ask({"op": "checkin", "run": s.run.id, "session": SESSION}), {"ok": True}, "so is the session")
    raving = ends[1][1]
    for i in range(6000):
        say(raving, {"up": "tools" if i % 2 else "bare"})
    ok((home.run / s.run.id / "checkins").stat().st_size < 4096, "few lines are kept")
    few = len(s.lines("gateway_checkin"))
    ok(2 < few < 100, "and few logged", few)
    took = {say(raving, {"take": "t%d" % i, "tool": "edit-file", "args_sha256": "0" * 64})["ok"] for i in range(3000)}
    same(took, {False}, "calls without a witness are refused")
    few = len(s.lines("gateway_witness_refused"))
    ok(50 < few < 1000, "a part of them is logged", few)
    home.gateway.kill()
    home.gateway.wait()
    for sock, _ in ends:
        sock.close()
    home.start()
    again = [serve("core"), serve("workspace")]
    same(s.says(), 200, "the next gateway still knows who had checked in")
    for sock, _ in again:
        sock.close()
    home.close()


# --- whichever way it is written down again ----------------------------------------------------
def odd_value(r, depth=0):
    kind = r.randrange(9 if depth < 3 else 7)
    if kind == 0:
        return r.choice(["0", "-0", "-0.0", "1.0", "100E-2", "1e21", "123456789012345678", "0.1", "5e-324",
                         "1.7976931348623157e308", "9007199254740993", "-1E+2", "333333333.33333329"])
    if kind == 1:
        return repr(r.uniform(-1, 1) * 10 ** r.randrange(-30, 30))
    if kind == 2:
        return str(r.randrange(-2 ** 62, 2 ** 62))
    if kind == 3:
        return r.choice(["null", "true", "false"])
    if kind < 7:
        return odd_text(r)
    space = r.choice(["", " ", "\n\t "])
    if kind == 7:
        return "[" + space + ("," + space).join(odd_value(r, depth + 1) for _ in range(r.randrange(4))) + space + "]"
    return odd_object(r, depth + 1)


def odd_text(r):
    out = []
    for _ in range(r.randrange(8)):
        c = chr(r.choice([r.randrange(1, 128), r.randrange(0x80, 0xd800), r.randrange(0xe000, 0x10000),
                          r.randrange(0x10000, 0x110000)]))
        plain = c not in '"\\' and ord(c) >= 32
        out.append(c if plain and r.random() < .6 else json.dumps(c)[1:-1])
    return '"' + "".join(out) + '"'


def odd_object(r, depth=0):
    names = {json.loads(t): t for t in (odd_text(r) for _ in range(r.randrange(5)))}
    space = r.choice(["", " ", "\r\n"])
    return "{" + space + ("," + space).join("%s%s:%s" % (t, space, odd_value(r, depth))
                                            for t in names.values()) + "}"


def every_way_to_write_it_is_the_same(build, home):
    r = random.Random(8785)
    texts = [odd_object(r) for _ in range(150)]
    ways = {"python": [json.dumps(json.loads(t)) for t in texts],
            "python, unescaped": [json.dumps(json.loads(t), ensure_ascii=False, sort_keys=True) for t in texts]}
    if shutil.which("node"):
        js = "for (const l of require('fs').readFileSync(0,'utf8').split('\\n')) " \
             "if (l) console.log(JSON.stringify(JSON.parse(JSON.parse(l))))"
        got = subprocess.run(["node", "-e", js], input="\n".join(map(json.dumps, texts)), text=True,
                             capture_output=True, check=True, timeout=g.DEADLINE)
        ways["node"] = got.stdout.split("\n")[:-1]
    else:
        _mcp.skip("node", "not here")
    s = Scene(build, home)
    with s.server("core") as m:
        for way, again in ways.items():
            same(len(again), len(texts), "%s writes each" % way)
            s.says(*(read("%s_%d" % (way, i), t, "list-files") for i, t in enumerate(texts)))
            bad = []
            for i, t in enumerate(again):
                m.number += 1
                m.send_text('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"list-files",'
                            '"_meta":{"callId":"%s_%d"},"arguments":%s}}\n' % (m.number, way, i, t))
                if "pando.witness" in json.dumps(m.answer()):
                    bad.append((texts[i], t))
            same(bad, [], "%s: each is still the model's call" % way)


def main():
    build = sys.argv[sys.argv.index("--build") + 1] if "--build" in sys.argv else "build"
    provider = g.Provider(answer)
    held = g.Home(build, provider.port, ENFORCED)
    free = g.Home(build, provider.port, WITNESS_ONLY)
    held.start()
    half_supervised_is_refused(build, held)
    who_comes_late_is_waited_for(build, held)
    strangers_have_no_part_in_a_run(build, held)
    a_workspace_without_a_sandbox_checks_in(build, held)
    free.start()
    for case in (calls_are_made_once, codex_is_the_same, a_serving_connection_does_nothing_else,
                 every_way_to_write_it_is_the_same, the_sandboxed_server_asks_too):
        case(build, free)
    for case in (audit_only_tells, what_is_not_let_through_has_none, a_killed_gateway_loses_calls_only,
                 a_server_that_raves_harms_nobody):
        case(build, provider)
    for home in (held, free):
        home.close()
    provider.close()
    g.counts["skipped"] += _mcp.counts["skip"]
    g.done()


main()
