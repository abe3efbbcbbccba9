#!/usr/bin/env python3
"""Ways out of supervision at a terminal, in the middle of a session, by managed settings and by a
hook that cannot decide; and the logins that go on working (see _escape_claude.py)."""
import contextlib
import json
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from _agents import SOON_SECONDS, until
from _escape_claude import (HOOKED, LOGIN, MARKET, PROJECT, REFUSED_STATUS, STATE, TOUCH_MARK, USER,
                            Row, cases_of, main, with_plugin)
from _scripts import FINAL
from rules import TRIES, Terminal


# --- at a terminal ------------------------------------------------------------------------
class At(Terminal):
    """A terminal with the client, supervised or not; the steps of a row are typed there."""

    def __init__(self, scene, argv, env):
        self.scene = scene
        super().__init__(scene, argv, env)

    def ask(self, prompt, requests):
        """Until the model was asked so often and once more; a key too early is lost."""
        before = len(self.scene.asked())
        for _ in range(TRIES):
            self.press((prompt, "\r"))
            if until(lambda: self.hear(0.1) or len(self.scene.asked()) > before or self.scene.evidence(None),
                     SOON_SECONDS / 3):
                break
        until(lambda: self.hear(0.1) or len(self.scene.asked()) > before + requests
              or self.scene.evidence(None), SOON_SECONDS / 2)

    def go(self, steps, till_seen):
        """till_seen: no further than to what shows the way out"""
        for kind, *what in steps:
            if till_seen and self.scene.evidence(self):
                return
            what = self.scene.filled(what)
            if kind == "shows":
                until(lambda: self.shows(what[0], 0.2) or self.run.process.poll() is not None
                      or till_seen and self.scene.evidence(self),
                      what[1] if len(what) > 1 else SOON_SECONDS)
            elif self.run.process.poll() is not None:
                return
            elif kind == "edit":
                for name, text in self.scene.filled(self.scene.row.edit).items():
                    (self.scene.folder / name).parent.mkdir(exist_ok=True)
                    (self.scene.folder / name).write_text(json.dumps(text))
                self.hear_for(1)  # for a watcher of files
            elif kind == "mark":
                until(lambda: self.hear(0.1) or self.scene.mark.exists(), SOON_SECONDS)
            elif kind == "ask":
                self.ask(*what)
            else:
                self.press(what)


ONBOARDED = {"numStartups": 3, "hasCompletedOnboarding": True, "theme": "dark",
             "customApiKeyResponses": {"approved": ["sk-ant-dummy-key"], "rejected": []}}
CHROME_SAYS = ("shows", "Enter to continue", 6)
# claude's auto mode asks its provider before each call
MANUAL = ("--permission-mode=default",)
READY = ("shows", "? for shortcuts")
ASK = ("ask", "Do it.", 1)


def launched(s, shim):
    row, env = s.row, {**s.row.env, "TERM": "xterm-256color"}
    if shim:
        bin_dir = s.home / ".pando" / "bin"
        return [str(bin_dir / "claude"), *s.filled(row.args)], s.env("%s:%s" % (bin_dir, s.agent_path()), s.filled(env))
    argv = [s.bare_program(), *s.filled(row.bare), *(MANUAL if row.bare else ()), *s.filled(row.args)]
    return argv, s.env(s.agent_path(), s.filled({"ANTHROPIC_BASE_URL": "@PROVIDER@", **NO_TRAFFIC, **row.bare_env, **env}))


@contextlib.contextmanager
def at_terminal(s, row, shim):
    s.become(row)
    try:
        with At(s, *launched(s, shim)) as t:
            t.go(STEPS[row.name.split(" + ")[0]][not shim], not shim)
            yield t
    finally:
        if hasattr(s, "editor"):
            s.editor.stop()
            del s.editor


def type_with_shim(r, s, row):
    with at_terminal(s, row, True) as t:
        if row.limit:
            r.ok(s.evidence(t), "with the shim: it is the person's own", t.text()[-2000:])
        else:
            r.same(s.evidence(t), [], "with the shim: no way out")
        if row.refused:
            r.ok(until(lambda: t.hear(0.1) or t.run.process.poll() is not None), "with the shim: it ends", t.text())
            r.same(t.run.process.returncode, REFUSED_STATUS, "with the shim: it is refused")
            r.ok(all(w in t.text() for w in row.refused), "with the shim: with the reason", t.text())
        elif row.works:
            r.ok(t.shows(FINAL.split()[-1], SOON_SECONDS), "with the shim: it comes to its end", t.text()[-2000:])


def type_bare(r, s, row):
    with at_terminal(s, row, False) as t:
        r.ok(until(lambda: t.hear(0.1) or s.evidence(t), SOON_SECONDS / 2), "without the shim: it works",
             (t.text()[-2000:], s.evil.heard, [q["tools"] for q in s.asked()]))


class Editor:
    """Stands in for an editor that offers its tools to claude, and runs what they are asked to."""

    def __init__(self, mark):
        says = Queue()
        tools = [{"name": "executeCode", "description": "x", "inputSchema": {"type": "object", "properties": {}}}]

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                self.wfile.write(b"event: endpoint\ndata: /messages?s=1\n\n")
                while True:
                    m = says.get()
                    if m is None:
                        return
                    self.wfile.write(("event: message\ndata: %s\n\n" % json.dumps(m)).encode())
                    self.wfile.flush()

            def do_POST(self):
                q = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()
                result = {}
                if q.get("method") == "initialize":
                    result = {"protocolVersion": q["params"]["protocolVersion"], "capabilities": {"tools": {}},
                              "serverInfo": {"name": "editor", "version": "1"}}
                elif q.get("method") == "tools/list":
                    result = {"tools": tools}
                if "id" in q:
                    says.put({"jsonrpc": "2.0", "id": q["id"], "result": result})

        self.says, self.server = says, ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.says.put(None)
        self.server.shutdown()
        self.server.server_close()


def with_editor(s):
    """As an editor leaves it behind for a claude in one of its terminals."""
    s.editor = Editor(s.mark)
    s.row.env = {**s.row.env, **({"CLAUDE_CODE_SSE_PORT": str(s.editor.port)} if "SSE" in s.row.name else {})}
    folder = s.home / ".claude" / "ide"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("%d.lock" % s.editor.port)).write_text(json.dumps({
        "pid": subprocess.Popen(["sleep", "600"], cwd=s.project, **s.person.popen_args()).pid, "workspaceFolders": [str(s.project)], "ideName": "Editor", "transport": "sse"}))


def with_commit(s):
    git = ["git", "-C", str(s.project), "-c", "safe.directory=*", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)


NO_TRAFFIC = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
NO_SEARCH = {"ENABLE_TOOL_SEARCH": "false"}
IDE = {"seen": ("tool:mcp__ide",), "bare": MANUAL, "bare_env": NO_SEARCH, "setup": with_editor}
CHROME = {"seen": ("tool:mcp__claude-in-chrome",), "bare": MANUAL, "bare_env": NO_SEARCH, "key": False, "works": False}
AWAY = {"bare": MANUAL, "bare_env": {"HTTPS_PROXY": "@EVIL@", "NO_PROXY": "127.0.0.1"}, "files": LOGIN, "key": False}
EDITED = (READY, ASK, ("edit",), ASK, ASK)
# until the client has seen the edit
AGAIN = (EDITED, (*EDITED, ASK, ASK, ASK, ASK))
TERMINAL = [
    (Row("F13 statusLine", ("mark",), {USER: {"statusLine": {"type": "command", "command": TOUCH_MARK}}}), (READY, ASK, ASK)),
    (Row("F24 autoConnectIde", files={STATE: {**ONBOARDED, "autoConnectIde": True}}, **IDE), (READY, ASK, ASK)),
    (Row("F24 CLAUDE_CODE_SSE_PORT", **IDE), (READY, ASK, ASK)),
    (Row("F24 --ide", args=("--ide",), refused=("--ide",), **IDE), (READY, ASK, ASK)),
    (Row("F25 claudeInChromeDefaultEnabled", files={STATE: {**ONBOARDED, "claudeInChromeDefaultEnabled": True}, **LOGIN}, **CHROME), (CHROME_SAYS, ("press", "\r"), READY, ASK)),
    (Row("A14 --chrome", files=LOGIN, args=("--chrome",), refused=("--chrome",), **CHROME), (CHROME_SAYS, ("press", "\r"), READY, ASK)),
    (Row("A14 --remote-control", ("evil:CONNECT",), args=("--remote-control",), refused=("--remote-control",), **AWAY), (READY,)),
    (Row("A14 --rc", ("evil:CONNECT",), args=("--rc",), refused=("--rc",), **AWAY), (READY,)),
    (Row("A11 --tmux", ("out:tmux",), args=("--worktree", "x", "--tmux"), env={"TMUX_TMPDIR": "@TMP@"}, refused=("--worktree",), bare=(), setup=with_commit), (READY,)),
    (Row("A10 agents", ("out:nothing running",), args=("agents",), refused=("agents",), bare=()), (READY,)),
    (Row("A10 attach", ("out:ession",), args=("attach", "x"), refused=("attach",), bare=()), (READY,)),
    (Row("A10 respawn", ("out:ession",), args=("respawn", "x"), refused=("respawn",), bare=()), (READY,)),
    (Row("F26 another gateway", ("evil",), edit={USER: {"env": {"ANTHROPIC_BASE_URL": "@EVIL@"}}}), *AGAIN),
    (Row("F26 disableAllHooks of the person", ("canary",), bare=HOOKED, edit={USER: {"disableAllHooks": True}}), *AGAIN),
    (Row("F26 disableAllHooks of the project", ("canary",), bare=HOOKED, edit={PROJECT: {"disableAllHooks": True}}), *AGAIN),
    (Row("F27 defaultToAgentsView", ("out:nothing running",), {STATE: {**ONBOARDED, "defaultToAgentsView": True}}, bare=(), works=False), (READY,)),
    (Row("/plugin", ("mark",), MARKET, setup=with_plugin, works=False), (
        READY, ("press", "/plugin marketplace add @TMP@/market", "\r"), ("shows", "Successfully added", 6), ("press", "\x1b"),
        ("press", "/plugin install p@market", "\r"), ("shows", "nstall", 6), ("press", "\r"),
        ("shows", "nstalled p", 4), ("press", "\x1b", "/reload-plugins", "\r"), ("shows", "eloaded", 4), ASK), (READY, ASK)),
    (Row("A18 !cmd", ("mark",), bare=MANUAL, works=False, limit=True), (READY, ("press", "!", "touch @MARK@", "\r"), ("mark",))),
    (Row("A10 the left arrow", ("out:for agents", "out:nothing running"), bare=(), works=False), (READY, ("press", "\x1b[D"))),
]


for _row, *_steps in TERMINAL:
    _row.files, _row.trusted = {STATE: ONBOARDED, **_row.files}, True
STEPS = {row.name: (steps[0], steps[-1]) for row, *steps in TERMINAL}


def cases(stage, person):
    """Rows with the same steps may share a session."""
    rows = [replace(row, prompt=STEPS[row.name]) for row, *_ in TERMINAL]
    return cases_of(rows, stage, person, "at a terminal: ", type_with_shim, type_bare)


if __name__ == "__main__":
    sys.exit(main([], cases))
