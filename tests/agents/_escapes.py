"""Ways out of the supervisor, one row each, tried with the real codex: without the shim, where
the way must lead out (or the row could not fail), and with it, where it must not.

A row is the person's own files, variables and words. Both runs get the same; the word `codex`
alone means another program. A Lane runs rows one after the other in one home folder, with one
gateway and two servers: the provider that the policy names, and Elsewhere, where model traffic
must never arrive.
"""
import base64
import fcntl
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable

from _agents import (ROOT, Scene, command_of, kill, native_touch, options, pando_tools, persons,
                     run_cases, stages, until)

FINAL = "The end of the story 4711."
REFUSED = 77
LANES = 3
TUI_SECONDS = 40
RETRIES_SECONDS = 60
OUT_SECONDS = 30
STDIN_SECONDS = 3
MANUAL = ROOT / "man" / "pando-shim.1"
# of codex's own tools nothing switches these off; the gateway takes them out
ALWAYS_OFFERED = ("list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource")



def exec_with(*more, first=()):
    return [*first, "exec", "--skip-git-repo-check", *more, "@PROMPT@"]


WORDS = exec_with()

# --- parts of rows ------------------------------------------------------------------
EVIL = 'model_providers.evil={name="E",base_url="@EVIL@/v1",wire_api="responses"}'
OUR_SERVER = exec_with("-c", 'mcp_servers.pando_core={command="/usr/bin/touch",'
                       'args=["@MARK@"]}')
EVIL_TABLE = '[model_providers.evil]\nname = "E"\nbase_url = "@EVIL@/v1"\nwire_api = "responses"\n'
TRUSTED = '[projects."@PROJECT@"]\ntrust_level = "trusted"\n'

# what a person has: a provider of their own, which is the one that the policy names
PROVIDER = """model_provider = "here"
[model_providers.here]
name = "Here"
base_url = "@HERE@/v1"
wire_api = "responses"
%s
request_max_retries = 0
stream_max_retries = 0
"""
TOP = """model = "gpt-5.5"
sandbox_mode = "%s"
approval_policy = "never"
check_for_update_on_startup = false
"""
QUIET = """[analytics]
enabled = false
"""
FEATURES = {"plugins": False, "apps": False}  # nobody answers where they ask
LOGIN = {False: 'env_key = "OPENAI_API_KEY"', True: "requires_openai_auth = true"}


def login():
    """What `codex login` leaves behind; the token is a JWT signed by nobody."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"exp": 4102444800, "email": "p@example.invalid", "https://api.openai.com/auth": {
        "chatgpt_plan_type": "plus", "chatgpt_account_id": "a-1", "chatgpt_user_id": "u"}}
    token = ".".join((part({"alg": "none"}), part(claims), part({})))
    return json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": None,
                       "last_refresh": "2026-11-21T00:00:00Z",
                       "tokens": {"id_token": token, "access_token": token,
                                  "refresh_token": "dummy", "account_id": "a-1"}})


@dataclass
class Row:
    """name: with the number of the way. out: whether the way led out, asked of the lane after a
    run. refused: words of the refusal; empty: the session works, with our tools alone."""
    name: str
    out: Callable
    words: list = field(default_factory=lambda: WORDS)
    refused: tuple = ()
    bare_words: list = None  # where the same words show nothing without the shim
    top: str = ""        # of config.toml: keys
    config: str = ""     # of config.toml: tables
    features: dict = field(default_factory=dict)  # of config.toml
    account: bool = False    # a ChatGPT account in place of a key
    sandbox: str = "danger-full-access"
    files: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    prompt: str = "Say it."
    stdin: str = ""
    before: Callable = None  # run without the shim, before both
    keys: tuple = ()     # of the terminal interface: (what to wait for, what to type)
    also: Callable = None    # more checks of the supervised run
    closed: bool = False # the agent itself has closed this way: it leads out in neither run
    limit: str = ""      # nothing can close this way; the manual page says so with these words


class Elsewhere(http.server.ThreadingHTTPServer):
    """Another provider, a proxy, an Ollama, a remote session: it notes who comes, and answers."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Visitor)
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that was ended in the middle of a request."""

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server_port


class Visitor(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    LISTS = {"/backend-api/wham/accounts/check": {
                 "accounts": [{"id": "a-1", "workspace_backend_origin": "https://elsewhere.invalid",
                               "account_routing_override": "us"}], "default_account_id": "a-1"},
             "/api/version": {"version": "0.99.0"}, "/api/tags": {"models": [{"name": "m"}]},
             "/v1/models": {"object": "list", "data": [{"id": "m"}], "models": []}}

    def log_message(self, *_):
        pass

    def answer(self, kind, data):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.server.seen.append("%s %s" % (self.command, self.path))
        self.answer("application/json", json.dumps(self.LISTS.get(self.path.split("?")[0],
                                                                  {})).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.seen.append("%s %s" % (self.command, self.path))
        item = {"type": "message", "role": "assistant", "id": "msg_1",
                "content": [{"type": "output_text", "text": "Elsewhere."}]}
        events = [{"type": "response.created", "response": {"id": "resp_1"}},
                  {"type": "response.output_item.done", "output_index": 0, "item": item},
                  {"type": "response.completed", "response": {"id": "resp_1", "output": []}}]
        self.answer("text/event-stream", b"".join(
            b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode())
            for e in events))

    do_CONNECT = do_PUT = do_GET


# --- what shows that a way led out ------------------------------------------------
def marked(lane):
    """A program of the person's, or a native tool, made the mark."""
    return lane.canary.exists()


def elsewhere(lane):
    """The model was asked at another place."""
    return any(s.startswith("POST") for s in lane.elsewhere.seen)


def visited(part=""):
    """Anything came to another place."""
    return lambda lane: any(part in s for s in lane.elsewhere.seen)


def offered(*names):
    """All of these tools were offered to the model."""
    def out(lane):
        tools = {t for q in lane.asked() for t in q["tools"]}
        return all(n in tools for n in names)
    return out


def told(text):
    """The words reached the model."""
    return lambda lane: any(text in json.dumps(lane.body_of(q)) for q in lane.asked())


def header(name):
    return lambda lane: any(name in q["headers"] for q in lane.asked())


def answered(text):
    """The program itself printed this."""
    return lambda lane: text in lane.printed


def silenced(lane):
    """The server of the command line, which the words without the shim name, did not start."""
    return lane.bare and not marked(lane)


def never(_lane):
    """Nothing that could be seen."""
    return False


def alive(part):
    """A process of this kind is there."""
    return lambda lane: any(part in command_of(pid) for pid in lane.processes())


def made(name):
    """The file is in the project."""
    return lambda lane: (lane.project / name).exists()


class Terminal:
    """The terminal interface in a pseudo-terminal. It answers what the program asks of a
    terminal, and types when it sees what it waits for."""
    ANSWERS = ((rb"\x1b\[6n", b"\x1b[1;1R"), (rb"\x1b\[c", b"\x1b[?62;22c"),
               (rb"\x1b\[\?u", b"\x1b[?0u"),
               (rb"\x1b\]10;\?(?:\x07|\x1b\\)", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
               (rb"\x1b\]11;\?(?:\x07|\x1b\\)", b"\x1b]11;rgb:0000/0000/0000\x1b\\"))

    # what it asks before the first prompt, each once: a new model, an untrusted folder
    POPUPS = (("enter/esc confirm", "\x1b"), ("1. Open restricted", "\r"))
    TAIL, AGAIN_SECONDS = 120, 0.5

    def __init__(self, argv, env, cwd, who):
        self.typed = 0.0
        self.master, slave = pty.openpty()
        self.out, self.seen = b"", 0
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(argv, env=dict(env, TERM="xterm-256color"), cwd=cwd,
                                        stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        **who)
        os.close(slave)

    def text(self):
        s = self.out.decode("utf-8", "replace")
        s = re.sub(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", "", s)
        s = re.sub(r"\x1b\[[0-9;?<>=!]*[A-Za-z]", " ", s)
        return re.sub(r"\s+", " ", s)

    def step(self):
        """Reads what is there; False: it has ended."""
        self.answer_popups()
        if not select.select([self.master], [], [], 0.05)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.out += data
        for pattern, answer in self.ANSWERS:
            for _ in re.finditer(pattern, self.out[self.seen:]):
                os.write(self.master, answer)
        self.seen = len(self.out)
        return bool(data)

    def answer_popups(self):
        """Again and again, since what is typed before one is ready is lost."""
        if time.monotonic() - self.typed < self.AGAIN_SECONDS:
            return
        for shown, typed in self.POPUPS:
            if shown in self.text()[-self.TAIL:]:
                self.typed = time.monotonic()
                os.write(self.master, typed.encode())

    def play(self, keys):
        """keys: (a text, or a question without arguments; what to type then)."""
        deadline = time.monotonic() + TUI_SECONDS
        for wait, typed in keys:
            while not (wait() if callable(wait) else wait in self.text()):
                if not self.step() or time.monotonic() > deadline:
                    return False
            os.write(self.master, typed.encode())
        return True

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            self.step()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.master)
        return self.process.returncode


class Lane(Scene):
    """One home for many rows."""

    def __init__(self, stage, person, policy=""):
        self.elsewhere, self.printed, self.asked_before, self.logged_before = Elsewhere(), "", 0, 0
        self.row, self.bare = None, False
        turns = lambda s: [[{"say": FINAL}]]
        super().__init__(stage, "codex", person, turns, policy)
        self.folder = self.folder.resolve()

    def __enter__(self):
        super().__enter__()
        self.elsewhere.seen.clear()
        return self

    def __exit__(self, *args):
        self.elsewhere.shutdown()
        self.elsewhere.server_close()
        super().__exit__(*args)

    def start_provider(self):
        self.more_script = {"prompts": [{"match": "^TOUCH", "turns": [[native_touch(self.canary)],
                                                                      [{"say": FINAL}]]}]}
        super().start_provider()
        self.more_policy = 'chatgpt_upstream = "%s/backend-api"\n%s' % (self.upstream,
                                                                       self.more_policy)

    def agent_path(self):
        """The program itself, without the script of node around it."""
        found = next(self.stage.agents.glob("@openai/codex-linux-*/vendor/*/bin/codex"))
        return "%s:/usr/bin:/bin" % found.parent

    @property
    def codex(self):
        return self.agent_path().split(":", 1)[0] + "/codex"

    def fill(self, text):
        ws = self.elsewhere.url.replace("http", "ws")
        for name, value in (("EVILWS", ws), ("HERE", self.upstream), ("EVIL", self.elsewhere.url),
                            ("MARK", self.canary), ("HOME", self.home), ("PROJECT", self.project),
                            ("SCENE", self.folder), ("PROMPT", self.row.prompt)):
            text = text.replace("@%s@" % name, str(value))
        return text

    # --- a row's own things -------------------------------------------------
    def lay_out(self, row):
        self.row = row
        shutil.rmtree(self.home / ".codex", ignore_errors=True)
        for top in (self.project / ".codex", self.project / "sub", self.project / ".agents"):
            shutil.rmtree(top, ignore_errors=True)
        features = "[features]\n" + "".join("%s = %s\n" % (k, str(v).lower()) for k, v
                                            in dict(FEATURES, **row.features).items())
        files = {"@HOME@/.codex/config.toml": TOP % row.sandbox + row.top + "\n"
                 + PROVIDER % LOGIN[row.account] + QUIET + features + row.config,
                 "@HOME@/.codex/AGENTS.md": "Be brief.\n"}
        if row.account:
            files["@HOME@/.codex/auth.json"] = login()
        files.update(row.files)
        for name, text in files.items():
            path = type(self.home)(self.fill(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.fill(text))
        for path in (self.home / ".codex", self.project):
            self.person.own(path)
        if row.before:
            row.before(self)
        self.before = self.hashes()

    def reset(self):
        self.printed = ""
        self.canary.unlink(missing_ok=True)
        self.elsewhere.seen.clear()
        self.asked_before = len(self.requests(aux=True)) + len(self.requests())
        self.logged_before = len(self.decisions())

    def asked(self):
        return sorted(self.requests() + self.requests(aux=True), key=lambda q: q["n"])[
            self.asked_before:]

    def logged(self):
        return self.decisions()[self.logged_before:]

    # --- running --------------------------------------------------------------
    def env(self, path, more=None):
        env = super().env(path, more)
        if self.row and self.row.account:
            del env["OPENAI_API_KEY"], env["CODEX_API_KEY"]
        return env

    def words(self):
        words = self.row.bare_words if self.bare and self.row.bare_words else self.row.words
        return [self.fill(w) for w in words]

    def run(self, program, path):
        env = {k: self.fill(v) for k, v in self.row.env.items()}
        argv = [program, *self.words()]
        self.reset()
        if self.row.keys:
            return self.run_terminal(argv, path, env)
        p = subprocess.Popen(argv, env=self.env(path, env), cwd=self.project, text=True,
                             stdin=subprocess.PIPE if self.row.stdin else subprocess.DEVNULL,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, errors="replace", start_new_session=True,
                             **self.person.popen_args())
        if self.row.stdin:
            self.converse(p)
        elif self.bare and not self.row.closed:  # what has led out need not go on
            until(lambda: p.poll() is not None or self.row.out(self), OUT_SECONDS)
            self.end(p)
        try:
            self.printed = p.communicate(timeout=RETRIES_SECONDS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            self.printed = p.communicate()[0]
        return p.returncode

    @staticmethod
    def end(p):
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)

    def converse(self, p):
        """A server ends with its input, or not at all: what was asked has then been done."""
        try:
            p.stdin.write(self.fill(self.row.stdin))
            p.stdin.flush()
        except BrokenPipeError:
            return  # it was refused and reads nothing
        until(lambda: p.poll() is not None or self.row.out(self), STDIN_SECONDS)
        self.end(p)

    def run_terminal(self, argv, path, env):
        t = Terminal(argv, self.env(path, env), self.project, self.person.popen_args())
        keys = [((lambda w=w: w(self)) if callable(w) else self.fill(w), self.fill(k))
                for w, k in self.row.keys]
        self.answered = lambda text: text in t.text()
        t.play(keys)
        status = t.end()
        self.printed = t.text()
        return status

    def without(self):
        return self.run(self.codex, self.agent_path())

    def supervised_row(self):
        shims = self.home / ".pando" / "bin"
        return self.run(str(shims / "codex"), "%s:%s" % (shims, self.agent_path()))

    def end_strays(self):
        """A daemon that the agent leaves behind, but not our gateway."""
        for pid in set(self.processes()) - set(self.gateway_pids()):
            kill(pid)


# --- the two runs ---------------------------------------------------------------
def check_without(r, lane, row):
    status = lane.without()
    out = bool(until(lambda: row.out(lane), 0 if row.closed else 5))
    if row.closed:
        r.ok(not out, "without the shim: the agent itself has closed it",
             (status, lane.printed, lane.elsewhere.seen))
    else:
        r.ok(out, "without the shim: it leads out",
             (status, lane.printed, lane.elsewhere.seen, [q["tools"] for q in lane.asked()]))
    lane.end_strays()


def check_refused(r, lane, row, status):
    r.ok(status == REFUSED and "refused" in lane.printed
         and all(lane.fill(w) in lane.printed for w in row.refused),
         "supervised: refused, saying %s" % (row.refused,), (status, lane.printed))
    r.same(lane.asked(), [], "supervised: nothing is asked of the model")
    lines = [d for d in lane.logged() if d["event"] == "shim_refused"]
    r.ok(len(lines) == 1 and lines[0]["verdict"] == "deny" and lines[0].get("rule"),
         "supervised: the log has the refusal", lane.logged())


def check_works(r, lane, row, status):
    blocked = row.prompt.startswith("TOUCH")
    wanted = "native_tools.default" if blocked else FINAL
    r.ok((status == 0 or row.keys) and wanted in lane.printed, "supervised: the session works",
         (status, lane.printed))
    asked = [q for q in lane.asked() if not q["aux"]]
    r.ok(asked and all(sorted(q["tools"]) == pando_tools("codex") for q in asked),
         "supervised: with our tools and no others", [q["tools"] for q in asked])
    r.same([q["tools"] for q in lane.asked() if q["aux"] and q["tools"]], [],
           "supervised: no tools beside the conversation")
    denied = [d for d in lane.logged() if d.get("verdict") == "deny"
              and d.get("tool") not in ALWAYS_OFFERED]
    r.ok(blocked or not denied, "supervised: the agent tried nothing else", denied)


def manual_says(words):
    return words in MANUAL.read_text()


def check_supervised(r, lane, row):
    status = lane.supervised_row()
    (check_refused if row.refused else check_works)(r, lane, row, status)
    out = row.out(lane)
    if row.limit:
        r.ok(out and manual_says(row.limit),
             "supervised: a limit, and the manual page names it", row.limit)
    else:
        r.ok(not out, "supervised: it does not lead out",
             (lane.printed, lane.elsewhere.seen, [q["tools"] for q in lane.asked()]))
    if row.also:
        row.also(r, lane)
    r.same(lane.changed_files(), [], "supervised: the person's files are unchanged")
    lane.end_strays()


def try_row(r, lane, row):
    lane.bare = True
    lane.lay_out(row)
    check_without(r, lane, row)
    lane.bare = False
    lane.lay_out(row)
    check_supervised(r, lane, row)


class Lanes:
    """Homes that are free; as many as run at once."""

    def __init__(self, stage, person, policy=""):
        self.free, self.lock, self.make = [], threading.Lock(), lambda: Lane(stage, person, policy)

    def row(self, report, row):
        with self.lock:
            lane = self.free.pop() if self.free else None
        lane = lane or self.make().__enter__()
        try:
            try_row(report, lane, row)
        finally:
            with self.lock:
                self.free.append(lane)

    def close(self):
        for lane in self.free:
            lane.__exit__(None, None, None)


def main(rows, more=()):
    """rows as an ordinary user; more: functions (report, stage, person) for everyone."""
    o = options()
    who = persons()
    stage = stages(o.build, who)
    lanes = Lanes(stage["user"], who[1])
    cases = [("codex: " + row.name, lanes.row, (row,)) for row in rows]
    cases += [("codex as %s: %s" % (p.name, f.__name__.replace("_", " ")), f, (stage[p.name], p))
              for f in more for p in who if p]
    try:
        return run_cases([c for c in cases if o.only in c[0]])
    finally:
        lanes.close()
