"""Ways out of supervision, as rows of data, tried with the real claude twice.

A row says what is written, set or typed, and by what one sees that it worked. It is tried with the
shim, where it must not work: the session goes on with our tools, or the launch is refused with a
reason. Then without the shim, where it must work, so that the row can fail; or, where claude itself
has closed it, where it must not.

In all texts of a row @HOME@, @PROJECT@, @TMP@, @MARK@, @CANARY@, @EVIL@ and @PROVIDER@ stand for the
scene's paths and addresses, @EVIL_MCP@ for the program of a server that touches the mark.
"""
import contextlib
import hashlib
import json
import os
import shutil
import socketserver
import subprocess
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from _agents import (CLIENT_SECONDS, Run, Scene, command_of, kill, lines_of, native_touch, options, pando_tools,
                     persons, run_case, run_cases, stages, until)
from _scripts import FINAL, lines_about, read_call

REFUSED_STATUS = 77
FEED_SECONDS = 20
USER, PROJECT, LOCAL, STATE = ("home/.claude/settings.json", "project/.claude/settings.json",
                               "project/.claude/settings.local.json", "home/.claude.json")
# what a launch by flags alone would have: a hook that stops Bash
DENY = json.dumps({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [
    {"type": "command", "command": "/bin/sh", "args": ["-c", "exit 2"]}]}]}})
HOOKED = ("--settings=" + DENY, "--allowedTools=Bash")
# the same with no tools of claude's own, and no servers
CLOSED = ("--settings=" + DENY, "--tools=", "--strict-mcp-config")
EVIL_SERVER = {"command": "/usr/bin/python3", "args": ["@EVIL_MCP@", "@MARK@"]}
EVIL_SERVERS = {"mcpServers": {"evil": EVIL_SERVER}}
# a server that the launch adds is gone
LOST = ("lost:mcp__pando_core__",)
TOUCH_MARK = "touch @MARK@"
HOOK_MARK = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": TOUCH_MARK}]}]}}

LOGIN = {"home/.claude/.credentials.json": {"claudeAiOauth": {
    "accessToken": "sk-ant-oat01-dummy-login", "refreshToken": "sk-ant-ort01-dummy",
    "expiresAt": 4102444800000, "subscriptionType": "max", "scopes": ["user:inference", "user:profile"]}}}

MARKET = {"tmp/market/.claude-plugin/marketplace.json": {
              "name": "market", "owner": {"name": "x"}, "plugins": [{"name": "p", "source": "./p"}]},
          "tmp/market/p/.claude-plugin/plugin.json": {"name": "p"},
          "tmp/market/p/hooks/hooks.json": {"hooks": {"UserPromptSubmit": [{"hooks": [
              {"type": "command", "command": TOUCH_MARK}]}]}}}


def with_plugin(s):
    """The person has installed a plugin, with claude's own command."""
    for path in (s.home, s.project, s.tmp):
        s.person.own(path)
    for words in (("marketplace", "add", "@TMP@/market"), ("install", "p@market")):
        s.as_person([s.bare_program(), "plugin", *s.filled(words)])


@dataclass
class Row:
    name: str
    seen: tuple                     # evidence: any of these means that it escapes
    files: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    args: tuple = ()                # the person's, in both runs
    bare: tuple = HOOKED            # more arguments without the shim
    bare_env: dict = field(default_factory=dict)
    prompt: tuple = ("-p", "--", "Do it.")
    refused: tuple = ()             # words of the refusal; empty: the session works
    closed: bool = False            # by claude itself
    calls: tuple = ("native", "evil")
    bare_last: tuple = ()           # what a launch that appends would append
    limit: bool = False             # nothing can close it: pando-shim(1) says so
    stdin: str = ""
    works: bool = True              # with the shim: our tools are used, up to the end
    key: bool = True                # ANTHROPIC_API_KEY is set
    trusted: bool = False           # the person has said yes to the project and all that it asks
    setup: object = None            # function(scene)
    edit: dict = field(default_factory=dict)  # files that are written in the middle of a session


class Evil:
    """Another gateway, proxy and everything else that a launch could be moved to."""

    def __init__(self, unix=None):
        heard = self.heard = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def address_string(self):
                return "x"

            def reply(self):
                if self.command == "PRI":
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                heard.append("%s %s" % (self.command, self.path))
                is_model = self.path.split("?")[0].endswith("/messages")
                answer = STREAM if is_model and b'"stream":true' in body else NOTHING
                self.send_response(200 if is_model else 400)
                self.send_header("content-type", "text/event-stream" if answer is STREAM
                                 else "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_HEAD = do_CONNECT = do_PRI = do_OPTIONS = reply

        if unix is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        else:
            class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
                daemon_threads = True

            self.server = Unix(str(unix), Handler)
            os.chmod(unix, 0o777)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def event(name, **data):
    return "event: %s\ndata: %s\n\n" % (name, json.dumps(dict(data, type=name)))


STREAM = (event("message_start", message={
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
    "stop_reason": None, "usage": {"input_tokens": 1, "output_tokens": 1}})
    + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "EVIL SAYS"})
    + event("content_block_stop", index=0)
    + event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
    + event("message_stop")).encode()
NOTHING = json.dumps({"type": "error", "error": {"type": "invalid_request_error",
                                                 "message": "not here"}}).encode()


class EscapeScene(Scene):
    """A person's home with a row's files in it; `evil` hears what goes astray."""

    def __init__(self, row, stage, person, **kw):
        self.row = row
        calls = {"native": native_touch, "evil": lambda _: {"call": {"server": "evil", "tool": "touch",
                                                                     "args": {}}}}
        super().__init__(stage, "claude", person, lambda s: [
            [{"say": "I try."}, *(calls[c](s.canary) for c in row.calls), read_call()],
            [{"say": FINAL}]], **kw)
        self.mark, self.evil = self.canary.parent / "mark", Evil()
        self.evil_socket = Evil(self.folder / "evil.sock")

    def __exit__(self, *a):
        self.evil.stop()
        self.evil_socket.stop()
        super().__exit__(*a)

    def filled(self, value):
        """A row's text, or texts, for this scene."""
        if isinstance(value, dict):
            return {self.filled(k): self.filled(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.filled(v) for v in value]
        if not isinstance(value, str):
            return value
        names = {"HOME": self.home, "PROJECT": self.project, "TMP": self.tmp, "MARK": self.mark,
                 "CANARY": self.canary, "EVIL": self.evil.url, "PROVIDER": getattr(self, "upstream", ""),
                 "EVIL_MCP": self.stage.evil, "SOCKET": self.folder / "evil.sock", "FOLDER": self.folder, "AGENTS": self.stage.agents / ".bin"}
        for name, what in names.items():
            value = value.replace("@%s@" % name, str(what))
        return value

    def bare_program(self):
        return str(self.stage.agents / ".bin" / "claude")

    def write_person_files(self):
        files = {USER: {}, STATE: {"numStartups": 3, "hasCompletedOnboarding": True, "theme": "dark"},
                 **self.row.files}
        if self.row.trusted:
            files[STATE] = dict(files[STATE], projects={"@PROJECT@": {
                "hasTrustDialogAccepted": True, "hasClaudeMdExternalIncludesApproved": True}})
        for name, what in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            what = self.filled(what)
            path.write_text(what if isinstance(what, str) else json.dumps(what))
            if what != "" and isinstance(what, str) and what.startswith("#!"):
                path.chmod(0o755)
        if self.row.setup:
            self.row.setup(self)

    def env(self, path, more=None):
        env = super().env(path, more)
        if not self.row.key and "ANTHROPIC_API_KEY" not in (more or {}):
            env.pop("ANTHROPIC_API_KEY", None)
        return env

    def start(self, argv, path, more=None, cwd=None, wrap=None):
        who = self.person.popen_args() if wrap is None else {}
        said = subprocess.PIPE if self.row.stdin else subprocess.DEVNULL
        run = Run(subprocess.Popen([*(wrap or []), *argv], env=self.env(path, more), cwd=cwd or self.project,
                                   stdin=said, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   errors="replace", start_new_session=True, **who))
        if self.row.stdin:
            self.feed(run.process)
        return run

    def feed(self, process):
        """What is typed; the end of input follows when something was done with it."""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(self.filled(self.row.stdin))
            process.stdin.flush()
        until(lambda: process.poll() is not None or self.evidence(None), FEED_SECONDS)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdin = None

    # --- the two runs --------------------------------------------------------
    def with_shim(self):
        row = self.row
        return self.start_supervised([*self.filled(row.args), *self.filled(row.prompt)],
                                     more=self.filled(row.env)).wait()

    def without_shim(self):
        """Until it has ended, or was seen to work: what follows shows nothing more."""
        row = self.row
        env = {"ANTHROPIC_BASE_URL": self.upstream, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
               **self.filled(row.bare_env), **self.filled(row.env)}
        argv = [self.bare_program(), *self.filled(row.bare), *self.filled(row.args), *self.filled(row.prompt),
                *self.filled(row.bare_last)]
        run = self.start(argv, self.agent_path(), env)
        if not row.closed:
            until(lambda: run.process.poll() is not None or self.evidence(None), CLIENT_SECONDS)
            self.end_agents()
        return run.wait()

    def end_agents(self):
        """What of claude still runs, its background sessions too."""
        def left():
            return [p for p in self.processes() if "pando-" not in command_of(p)]

        until(lambda: not [kill(p) for p in left()])

    def become(self, row):
        """The scene as it was at first, with another row's files."""
        if row is not self.row:
            self.row = row
            self.end_agents()
            for top in (self.home, self.project, self.tmp):
                for path in top.iterdir():
                    if path.is_dir() and not path.is_symlink() and not path.name.startswith((".pando", ".git")):
                        shutil.rmtree(path)
                    elif not path.is_dir() and path.name != "hello.txt":
                        path.unlink()
            (self.home / ".claude").mkdir()
            self.write_person_files()
            for path in (self.home, self.project, self.tmp):
                self.person.own(path)
        self.forget()

    def forget(self):
        for path in (self.mark, self.canary):
            path.unlink(missing_ok=True)
        self.evil.heard.clear()
        self.evil_socket.heard.clear()
        self.seen_requests = len(lines_of(self.folder / "provider" / "log"))

    def requests(self, aux=False):
        return [q for q in self.asked() if q["aux"] == aux]

    def asked(self):
        """What the provider got in this run, auxiliary requests too."""
        lines = lines_of(self.folder / "provider" / "log")[getattr(self, "seen_requests", 0):]
        return [q for q in lines if "turn" in q]

    def evidence(self, run):
        """What was seen of the row's evidence, as texts."""
        found = []
        for kind, _, want in (self.filled(w).partition(":") for w in self.row.seen):
            if kind == "evil":
                found += [h for h in self.evil.heard + self.evil_socket.heard if want in h]
            elif kind == "mark" and self.mark.exists():
                found.append("mark")
            elif kind == "canary" and self.canary.exists():
                found.append("canary")
            elif kind == "tool":
                found += [t for q in self.asked() for t in q["tools"] if t.startswith(want)]
            elif kind == "body":
                found += [want for q in self.asked() if want in json.dumps(self.body_of(q))]
            elif kind == "lost":
                found += ["lost " + want for q in self.asked() if want not in json.dumps(self.body_of(q))]
            elif kind == "header":
                found += [want for q in self.asked() if want in q["headers"]]
            elif kind == "out" and run and want in said(run):
                found.append(want)
        return found


def said(run):
    """By a client that has ended, or on a terminal."""
    return run.text() if hasattr(run, "text") else run.out + run.err


def check_works(r, s, run):
    """A session as any other: our tools and no others, hooks, nothing changed."""
    if not r.ok(run.status == 0 and FINAL in run.out, "with the shim: it works", (run.status, run.out, run.err)):
        return
    tools = {tuple(sorted(q["tools"])) for q in s.requests()}
    r.same(tools, {tuple(pando_tools("claude"))}, "with the shim: exactly our tools are offered")
    last = s.call_ids()[-1]
    for layer in ("gateway", "hook", "mcp"):
        r.ok([d for d in lines_about(s, last, layer) if d.get("verdict") == "allow"],
             "with the shim: %s lets our tool pass" % layer, lines_about(s, last, layer))


def tree(s):
    """Every file and link below the person's home, but what is pando-ai's."""
    out = {}
    for folder, folders, files in os.walk(s.home):
        if folder == str(s.home):
            folders[:] = [f for f in folders if not f.startswith(".pando")]
        for name in files + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
            path = os.path.join(folder, name)
            what = os.readlink(path) if os.path.islink(path) else hashlib.sha256(Path(path).read_bytes()).hexdigest()
            out[os.path.relpath(path, s.home)] = what
    return out


def check_unchanged(r, s, before):
    """Of the whole home; only sessions may be new."""
    now = tree(s)
    r.same(sorted(f for f in before if now.get(f) != before[f]), [], "with the shim: the person's files are as they were")
    r.same(sorted(f for f in now if f not in before and not f.startswith((".claude/projects/", ".cache/claude-cli-nodejs/"))),
           [], "with the shim: only sessions and claude's log of servers are new")


def check_refused(r, s, run):
    told = run.err
    r.same((run.status, run.out), (REFUSED_STATUS, ""), "with the shim: it is refused")
    for word in s.row.refused:
        r.ok(word in told, "with the shim: the refusal says %r" % word, told)
    r.same(s.asked(), [], "with the shim: nothing reaches the model")


def play_with_shim(r, s, row):
    s.become(row)
    before = tree(s)
    run = s.with_shim()
    r.same(s.evidence(run), [], "with the shim: no way out")
    if row.refused:
        check_refused(r, s, run)
    elif row.works:
        check_works(r, s, run)
    check_unchanged(r, s, before)


def play_bare(r, s, row):
    s.become(row)
    run = s.without_shim()
    found = s.evidence(run)
    if row.closed:
        r.same(found, [], "without the shim: closed by the agent")
    else:
        r.ok(found, "without the shim: it works", (run.status, run.out, run.err, s.evil.heard,
                                                   [q["tools"] for q in s.asked()]))


def try_row(r, stage, person, row, scene=EscapeScene):
    """One row in a scene of its own."""
    with scene(row, stage, person) as s:
        play_with_shim(r, s, row)
        play_bare(r, s, row)


def united(a, b):
    """What both hold, one in the other; None where they do not agree."""
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return a if a == b else None
    both = {k: united(a[k], b[k]) for k in a if k in b}
    return None if None in both.values() else {**a, **b, **both}


def merged(a, b, alike):
    """A row that tries two at once, or None. It shows no less than both: whatever of them is not
    stopped either is seen itself, or stops our hooks or tools, which is seen too."""
    files, env, edit = (united(getattr(a, f), getattr(b, f)) for f in ("files", "env", "edit"))
    setup = {a.setup, b.setup} - {None}
    if None in (files, env, edit) or len(setup) > 1 or any(
            getattr(a, f) != getattr(b, f) for f in alike):
        return None
    return replace(a, name="%s + %s" % (a.name, b.name), files=files, env=env, edit=edit,
                   seen=tuple(dict.fromkeys(a.seen + b.seen)), setup=next(iter(setup), None),
                   trusted=a.trusted or b.trusted)


def packed(rows, alike):
    """The rows in as few as they can be tried in."""
    out = []
    for row in rows:
        for i, other in enumerate(out):
            both = merged(other, row, alike)
            if both:
                out[i] = both
                break
        else:
            out.append(row)
    return out


SHIMMED_ALIKE = ("args", "prompt", "stdin", "works", "key", "calls")
BARE_ALIKE = ("args", "prompt", "stdin", "key", "calls", "bare", "bare_env", "bare_last")


def try_rows(r, stage, person, play, rows, shims=True):
    """Rows one after the other in one scene; of what happens in one the next knows nothing."""
    with EscapeScene(rows[0], stage, person, shims=shims) as s:
        for row in rows:
            part = run_case((r.name + row.name, play, (s, row)))
            r.lines += part.lines
            r.passed, r.failed, r.skipped = (r.passed + part.passed, r.failed + part.failed,
                                             r.skipped + part.skipped)


def cases_of(rows, stage, person, name="", play_shimmed=play_with_shim, play=play_bare):
    """All that a launch does not refuse is tried at once where it can be, and so is what claude
    itself has closed; every other row must work by itself without the shim."""
    shimmed = packed([x for x in rows if not x.refused], SHIMMED_ALIKE) + [x for x in rows if x.refused]
    bare = packed([x for x in rows if x.closed], BARE_ALIKE) + [x for x in rows if not x.closed]
    parts = [(play_shimmed, shimmed, True), *((play, bare[i::2], False) for i in range(2))]
    return [(name, try_rows, (stage, person, *part)) for part in parts if part[1]]


def main(rows, more=()):
    o = options()
    person = persons()[-1]
    stage = stages(o.build, [person])[person.name]
    cases = cases_of([row for row in rows if o.only in row.name], stage, person)
    cases += more(stage, person) if callable(more) else [
        (name, f, (stage, person, *args)) for name, f, *args in more]
    return run_cases([c for c in cases if c[1] is try_rows or o.only in c[0]])
