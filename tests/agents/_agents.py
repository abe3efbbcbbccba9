"""Runs the real agents, with the shim and without it, against the stand-in provider.

A Scene is one home folder, one project and one provider for one agent and one person. Nothing in
it is shared, so that scenes run side by side. Turns may be a function of the scene, for its paths.
What happened is read afterwards from three places: what the provider received, what is on the
disk, and the decision log.
"""
import argparse
import atexit
import contextlib
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import decision_logs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROVIDER = ROOT / "tests" / "provider" / "provider.py"
EVIL_MCP = HERE / "_evil_mcp.py"
PINNED = ROOT / "build" / "agents" / "node_modules"
VERSIONS = ROOT / "build" / "versions"
AT_ONCE = 3
CLIENT_SECONDS = 90
SOON_SECONDS = 30
AGENTS = ("claude", "codex")
CORE = ("read-file", "list-files", "search-text", "find-nodes")
WORKSPACE = ("replace", "insert", "shell-command", "snapshot-worktree", "restore-files")


# In a background job of a shell SIGINT is ignored, and a child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Abandoned(Exception):
    """A case that has already failed, and whose further checks would only say so again."""


class Report:
    """The checks of one case, printed together."""

    def __init__(self, name):
        self.name, self.lines, self.passed, self.failed, self.skipped = name, [], 0, 0, 0

    def ok(self, good, what, have=""):
        self.passed += bool(good)
        self.failed += not good
        self.lines.append("%s - %s: %s%s" % ("ok" if good else "not ok", self.name, what,
                                             "" if good else ": have %s" % short(have)))
        return bool(good)

    def need(self, good, what, have=""):
        """What makes no sense to go on without."""
        if not self.ok(good, what, have):
            raise Abandoned

    def same(self, have, want, what):
        return self.ok(have == want, what, "%s, want %s" % (short(have), short(want)))

    def skip(self, what, why):
        self.skipped += 1
        self.lines.append("skip - %s: %s # %s" % (self.name, what, why))


def short(value, most=3000):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else "%s ... %s" % (text[:most // 2], text[-most // 2:])


class Person:
    """Who runs the agent."""

    def __init__(self, name, uid, gid):
        self.name, self.uid, self.gid = name, uid, gid
        self.login = uid

    def popen_args(self):
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path):
        if os.geteuid() == 0:
            for folder, folders, files in os.walk(path):
                for name in ["."] + folders + files:
                    with contextlib.suppress(FileNotFoundError):  # a gateway may work there
                        os.lchown(os.path.join(folder, name), self.uid, self.gid)

    def can_read(self, path):
        return subprocess.run(["/usr/bin/test", "-r", str(path)], check=False,
                              **self.popen_args()).returncode == 0


def retried(argv):
    """useradd and userdel refuse while another holds the lock of the password file."""
    deadline = time.monotonic() + SOON_SECONDS
    while True:
        r = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                           check=False)
        if r.returncode == 0 or "lock" not in r.stderr or time.monotonic() > deadline:
            return r.returncode
        time.sleep(0.05)


def free_uid():
    uid = 61000 + secrets.randbelow(4000)
    while any(p.pw_uid == uid for p in pwd.getpwall()):
        uid += 1
    return uid


def ordinary_user():
    name = "pandotest" + secrets.token_hex(4)
    if retried(["/usr/sbin/useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
                "--shell", "/bin/sh", name]) == 0:
        atexit.register(retried, ["/usr/sbin/userdel", name])
        entry = pwd.getpwnam(name)
        return Person("user", entry.pw_uid, entry.pw_gid)
    uid = free_uid()
    return Person("user", uid, uid)


def persons():
    """Everyone who can be tried here; always (root or None, user)."""
    if os.geteuid() == 0:
        return Person("root", 0, 0), ordinary_user()
    return None, Person("user", os.geteuid(), os.getegid())


class Stage:
    """The programs, where everyone may read them."""

    def __init__(self, build, agents=PINNED):
        """agents: a folder that has the agents' programs in .bin."""
        self.build, self.agents = Path(build).resolve(), Path(agents)
        self.evil = EVIL_MCP

    def made_readable_for(self, person, folder):
        """Staged copies when the checkout lies in somebody's closed folder."""
        needed = (self.build / "libexec" / "pando-ai" / "pando-shim",
                  *(self.agents / ".bin").iterdir(), self.evil)
        if not person.popen_args() or all(person.can_read(p) for p in needed):
            return self
        stage = Path(folder) / "stage"
        stage.mkdir()
        for part in ("bin", "libexec", "share"):
            if (self.build / part).exists():
                shutil.copytree(self.build / part, stage / part)
        subprocess.run(["cp", "-al" if same_device(self.agents, folder) else "-a", str(self.agents),
                        str(stage)], check=True)
        shutil.copy(self.evil, stage)
        out = Stage.__new__(Stage)
        out.build, out.agents, out.evil = stage, stage / self.agents.name, stage / self.evil.name
        return out

    @property
    def pando(self):
        return self.build / "bin" / "pando-ai"

    @property
    def shim(self):
        return self.build / "libexec" / "pando-ai" / "pando-shim"


def more_versions():
    """[(agent, version, folder)] of those that are tested beside the pinned ones (setup.sh)."""
    folders = sorted(VERSIONS.iterdir()) if VERSIONS.is_dir() else []
    return [(*d.name.split("-", 1), d) for d in folders if (d / ".complete").exists()]


def installed():
    """[(agent, version, program)] of all that are here."""
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    pinned = [(a, v, PINNED / ".bin" / a) for a in AGENTS for p, v in wanted.items() if a in p]
    return pinned + [(a, v, d / ".bin" / a) for a, v, d in more_versions()]


def same_device(a, b):
    return os.stat(a).st_dev == os.stat(b).st_dev


class Run:
    """A client that was started."""

    def __init__(self, process):
        self.process, self.status, self.out, self.err = process, None, "", ""

    def wait(self, seconds=CLIENT_SECONDS):
        """Collects status and output; a client that does not end is killed and has status None."""
        try:
            self.out, self.err = self.process.communicate(timeout=seconds)
            self.status = self.process.returncode
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.out, self.err = self.process.communicate()
        return self

    def signal(self, number):
        """SIGTERM as `kill` sends it, to the process; others as a terminal does, to all of its group."""
        try:
            (os.kill if number == signal.SIGTERM else os.killpg)(self.process.pid, number)
        except ProcessLookupError:
            pass  # it ended by itself meanwhile


class Scene:
    def __init__(self, stage, agent, person, turns, policy="", more_script=None, shims=True):
        self.stage, self.agent, self.person, self.shims = stage, agent, person, shims
        self.turns, self.more_policy, self.more_script = turns, policy, more_script or {}
        self.folder = Path(tempfile.mkdtemp(prefix="s"))
        self.home, self.project, self.tmp = (self.folder / n for n in ("home", "project", "tmp"))
        self.canary, self.provider = self.folder / "open" / "canary", None

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        if self.provider:
            self.provider.kill()
            self.provider.wait()
        self.stop_gateway()
        for pid in self.processes():
            kill(pid)
        decision_logs.keep(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- building ----------------------------------------------------------
    def set_up(self):
        self.folder.chmod(0o755)
        for d in (self.home / ".pando", self.home / ".codex", self.home / ".claude", self.project,
                  self.tmp, self.canary.parent):
            d.mkdir(parents=True)
        self.write_person_files()
        (self.project / "hello.txt").write_text("first line\nthe old word\nlast line\n")
        self.start_provider()
        (self.home / ".pando" / "policy.toml").write_text(
            '[proxy]\nanthropic_upstream = "%s"\nopenai_upstream = "%s/v1"\n%s' % (self.upstream,
                    self.upstream, self.more_policy))
        for path in (self.home, self.project, self.tmp, self.canary.parent):
            self.person.own(path)
        self.as_person(["git", "init", "-q", str(self.project)])
        if self.shims:
            self.install_shims()
        self.before = self.hashes()

    def write_person_files(self):
        """What a person has of their own, with an MCP server that is not ours."""
        server = {"command": "/usr/bin/python3", "args": [str(self.stage.evil), str(self.canary)]}
        (self.home / ".claude.json").write_text(json.dumps({"mcpServers": {"evil": server},
                                                            "numStartups": 3}))
        (self.home / ".claude" / "settings.json").write_text('{"env": {"PERSONS_OWN": "1"}}\n')
        (self.home / ".claude" / "CLAUDE.md").write_text("Be kind.\n")
        (self.home / ".codex" / "config.toml").write_text(
            '[mcp_servers.evil]\ncommand = "%s"\nargs = %s\n' % (server["command"],
                                                                 json.dumps(server["args"])))
        (self.home / ".codex" / "AGENTS.md").write_text("Be brief.\n")

    def start_provider(self):
        at = self.folder / "provider"
        at.mkdir()
        turns = self.turns(self) if callable(self.turns) else self.turns
        (at / "script").write_text(json.dumps(dict({"turns": turns}, **self.more_script)))
        self.provider = subprocess.Popen(
            [sys.executable, str(PROVIDER), "--script", str(at / "script"), "--port-file",
             str(at / "port"), "--log", str(at / "log"),
             "--bodies", str(at / "bodies")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
             stderr=subprocess.PIPE)
        first = self.provider.stderr.readline().decode()
        if "listening" not in first:
            raise RuntimeError("provider: " + first + self.provider.stderr.read().decode())
        self.upstream = "http://127.0.0.1:%d" % int((at / "port").read_text())

    def install_shims(self):
        self.as_person([str(self.stage.pando), "install"])

    # --- running -----------------------------------------------------------
    def env(self, path, more=None):
        env = {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb",
               "TMPDIR": str(self.tmp),
               "SHELL": "/bin/sh", "ANTHROPIC_API_KEY": "sk-ant-dummy-key",
               "OPENAI_API_KEY": "sk-dummy-key",
               "CODEX_API_KEY": "sk-dummy-key"}
        if "PANDO_TEST_RUN" in os.environ:
            env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]
        env.update(more or {})
        return env

    def agent_path(self):
        return "%s:/usr/bin:/bin" % (self.stage.agents / ".bin")

    def as_person(self, argv, check=True, more=None):
        r = subprocess.run(argv, env=self.env(self.agent_path(), more), cwd=self.project,
                           stdin=subprocess.DEVNULL, text=True,
                           capture_output=True, timeout=CLIENT_SECONDS, check=False,
                           **self.person.popen_args())
        if check and r.returncode != 0:
            raise RuntimeError("%s: %d: %s%s" % (" ".join(argv), r.returncode, r.stdout, r.stderr))
        return r

    def start(self, argv, path, more=None, cwd=None, wrap=None):
        """wrap: argv in front, which then runs as we do and not as the person."""
        who = self.person.popen_args() if wrap is None else {}
        return Run(subprocess.Popen([*(wrap or []), *argv], env=self.env(path, more),
                                    cwd=cwd or self.project,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True,
                                    errors="replace", start_new_session=True, **who))

    def start_supervised(self, argv=None, path=None, **kw):
        """As a person would: the agent's name, found on PATH."""
        argv = argv or {"claude": ["-p", "Do it."], "codex": ["exec", "--skip-git-repo-check",
                                                              "Do it."]}[self.agent]
        bin_dir = self.home / ".pando" / "bin"
        return self.start([str(bin_dir / self.agent), *argv],
                          "%s:%s" % (bin_dir, path or self.agent_path()), **kw)

    def supervised(self, **kw):
        return self.start_supervised(**kw).wait()

    def bare(self, prompt="Do it."):
        """Without the shim, with everything allowed."""
        agent = str(self.stage.agents / ".bin" / self.agent)
        if self.agent == "claude":
            return self.start([agent, "-p", "--allowedTools=Bash,mcp__evil__touch", "--", prompt],
                              self.agent_path(),
                              {"ANTHROPIC_BASE_URL": self.upstream,
                               "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}).wait()
        provider = ('model_providers.here={name="Here",base_url="%s/v1",wire_api="responses",'
                    'env_key="OPENAI_API_KEY"}' % self.upstream)
        return self.start([agent, "exec", "--skip-git-repo-check",
                           "--dangerously-bypass-approvals-and-sandbox", "-m", "gpt-5.5",
                           "--disable", "plugins", "-c", "analytics.enabled=false", "-c",
                           'model_provider="here"', "-c", provider,
                           prompt], self.agent_path()).wait()

    def stop_gateway(self):
        if self.stage.pando.exists() and (self.home / ".pando" / "run").exists():
            self.as_person([str(self.stage.pando), "proxy", "stop"], check=False)

    def sweep(self):
        """What the next gateway finds a minute later: folders of runs that nobody owns."""
        for folder in self.run_folders():
            os.utime(folder, (time.time() - 3600,) * 2)
        told, tells = os.pipe()
        gateway = str(self.stage.build / "libexec" / "pando-ai" / "pando-gateway")
        with subprocess.Popen([gateway, "--ready-fd", str(tells)], pass_fds=[tells],
                              env=self.env(self.agent_path()), stdin=subprocess.DEVNULL,
                              **self.person.popen_args()):
            os.close(tells)
            with open(told, encoding="utf-8") as f:
                said = f.read()
            if said != "ready\n":
                raise RuntimeError("a gateway to sweep: " + said)
            self.stop_gateway()

    # --- looking -----------------------------------------------------------
    def requests(self, aux=False):
        """What the provider got to generate from, in order."""
        return [r for r in lines_of(self.folder / "provider" / "log") if "turn" in r
                and r["aux"] == aux]

    def body_of(self, request):
        return json.loads((self.folder / "provider" / "bodies" / request["body"]).read_text())

    def decisions(self):
        """The decision log, without what `pando-ai install` wrote."""
        lines = lines_of(self.home / ".pando-data" / "gateway-debug.jsonl")
        return [d for d in lines if d.get("layer") != "installer"]

    def call_ids(self, turn=0):
        """The ids of the calls that the provider made in a turn that was delivered last."""
        return next((r["call_ids"] for r in reversed(self.requests()) if r["turn"] == turn), [])

    def hashes(self):
        """Of every file that is the person's own; codex's databases are state, not settings."""
        out = {}
        for top in (".claude.json", ".claude", ".codex"):
            top = self.home / top
            for f in [top] if top.is_file() else sorted(top.rglob("*")):
                if f.is_file() and ".sqlite" not in f.name:
                    out[str(f.relative_to(self.home))] = hashlib.sha256(f.read_bytes()).hexdigest()
        return out

    def changed_files(self):
        now = self.hashes()
        return sorted(f for f in self.before if now.get(f) != self.before[f])

    def run_folders(self):
        runs = self.home / ".pando" / "run"
        return [d for d in runs.iterdir() if d.is_dir()] if runs.is_dir() else []

    def project_files(self):
        return sorted(p.name for p in self.project.iterdir())

    def processes(self):
        """Everything alive that belongs to this scene, but the provider."""
        own = {os.getpid(), self.provider.pid if self.provider else 0}
        return [pid for pid in all_pids() if pid not in own and belongs(pid, str(self.folder))]

    def gateway_pids(self):
        return [pid for pid in self.processes() if "pando-gateway" in command_of(pid)]

    def base_url(self):
        """Where the running agent was told to find its model; None while it does not run."""
        pattern = re.compile(rb"http://127\.0\.0\.1:\d+/run/[0-9a-f]{64}")
        for pid in self.processes():
            for name in ("environ", "cmdline"):
                m = pattern.search(read_proc(pid, name))
                if m:
                    return m.group(0).decode()
        for f in [*(self.home / ".pando" / "run").rglob("*"),
                  *(self.home / ".codex" / "pando-ai").glob("pando-*.config.toml")]:
            m = pattern.search(f.read_bytes()) if f.is_file() else None
            if m:
                return m.group(0).decode()
        return None


def lines_of(path):
    """JSON lines; the last may still be being written."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(errors="replace").split("\n")[:-1]]


def all_pids():
    return [int(n) for n in os.listdir("/proc") if n.isdigit()]


def read_proc(pid, name):
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


def command_of(pid):
    return read_proc(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def belongs(pid, mark):
    if read_proc(pid, "stat").rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"], []):
        return False
    try:
        if os.readlink("/proc/%d/cwd" % pid).startswith(mark):
            return True
    except OSError:
        pass
    return mark.encode() in read_proc(pid, "environ") + read_proc(pid, "cmdline")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended by itself meanwhile


def until(question, seconds=SOON_SECONDS):
    """Polls until the answer is true, or the time is over; answers it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.02)


def on_wire(agent, server, tool):
    """A tool's name as the provider's log has it; codex has no hyphens in names."""
    if agent == "claude":
        return "mcp__%s__%s" % (server, tool)
    return "mcp__%s/%s" % (server, tool.replace("-", "_"))


def pando_tools(agent):
    return sorted([on_wire(agent, "pando_core", t) for t in CORE] + [on_wire(agent,
            "pando_workspace", t) for t in WORKSPACE])


def native_touch(path):
    return {"call": {"claude": {"tool": "Bash", "args": {"command": "touch %s" % path,
                                                         "description": "touch"}},
                     "codex": {"tool": "exec_command", "args": {"cmd": "touch %s" % path}}}}


def run_case(case):
    name, function, args = case
    report = Report(name)
    try:
        function(report, *args)
    except Abandoned:
        pass
    except Exception:  # one broken case must not hide the others
        report.ok(False, "no exception", traceback.format_exc())
    return report


def run_cases(cases):
    """cases: [(name, function(report, *args), args)]. Prints as they end, answers the exit status."""
    lock, totals = threading.Lock(), [0, 0, 0]

    def one(case):
        r = run_case(case)
        with lock:
            print("\n".join(r.lines), flush=True)
            for i, n in enumerate((r.passed, r.failed, r.skipped)):
                totals[i] += n

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(one, c) for c in cases]:
            done.result()
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 1 if totals[1] else 0


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default=str(ROOT / "build"))
    p.add_argument("--only", default="", help="a part of a case's name")
    return p.parse_args()


def stages(build, who, agents=PINNED):
    """{person's name: Stage}; a staged copy is removed at the end."""
    out = {}
    for person in who:
        if person:
            # links are made in no time, and copies of the agents are not
            near = next((d for d in (tempfile.gettempdir(), "/var/tmp") if same_device(d, ROOT)),
                        None)
            folder = tempfile.mkdtemp(prefix="stage", dir=near)
            os.chmod(folder, 0o755)
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            out[person.name] = Stage(build, agents).made_readable_for(person, folder)
    return out
