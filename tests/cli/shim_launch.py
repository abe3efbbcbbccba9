#!/usr/bin/env python3
"""The real pando-shim and pando-hook before agents that only tell how they were started."""
import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import decision_logs

USAGE, GATEWAY, SYSTEM, SPACE, REFUSED, POLICY, NOAGENT = 64, 69, 71, 73, 77, 78, 127
SECONDS = 60

# Answers what the shim asks, and tells everything else on standard output.
FAKE = """#!/usr/bin/python3
import json, os, sys
said = {"--version": "%(name)s 9.8.7", "features list": "shell_tool stable true\\nhooks stable true",
        "--help": "Commands:\\n  mcp|m  Manage\\n  swarm  New\\n  auth  Log in\\n  login  Log in",
        "debug models --bundled": '{"models": [{"slug": "a", "tool_mode": "code_mode_only"}]}'}
known = said.get(" ".join(sys.argv[1:]))
if known and "PANDO_RUN" not in os.environ and "CODEX_HOME" in os.environ:
    with open(%(asked)r, "a") as f:
        f.write(" ".join(sys.argv[1:]) + "\\n")
    print(known)
    sys.exit()
home = os.environ.get("CLAUDE_CONFIG_DIR") or os.environ.get("CODEX_HOME") or ""
files = {}
for top, dirs, names in os.walk(os.path.dirname(home) if "PANDO_RUN" in os.environ else home):
    for n in names + [d for d in dirs if os.path.islink(os.path.join(top, d))]:
        p = os.path.join(top, n)
        st = os.lstat(p)
        files[os.path.relpath(p, os.path.dirname(home))] = [oct(st.st_mode & 0o7777),
            os.readlink(p) if os.path.islink(p) else open(p).read()]
print(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "files": files,
                  "pid": os.getpid(), "stdin": sys.stdin.read()}))
sys.exit(int(os.environ.get("FAKE_STATUS", "0")))
"""

passed = failed = 0


def ok(good, what, have=""):
    global passed, failed
    passed += bool(good)
    failed += not good
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": have %r" % (have,)))
    return good


def same(have, want, what):
    return ok(have == want, what, "%r, want %r" % (have, want))


class Person:
    """A home, a project and fake agents behind the shims."""

    def __init__(self, build):
        self.build, self.spoilt = build, False  # spoilt: the decision log, on purpose
        self.top = Path(tempfile.mkdtemp(prefix="pando-shim-")).resolve()
        self.home, self.project, self.real = (self.top / n for n in ("home", "project", "real"))
        self.bin = self.home / ".pando" / "bin"
        for d in (self.bin, self.project / "src", self.project / ".git", self.real,
                  self.home / ".claude", self.home / ".codex"):
            d.mkdir(parents=True)
        for name in ("claude", "codex"):
            (self.bin / name).symlink_to(build / "libexec/pando-ai/pando-shim")
            self.fake(name)
        (self.home / ".claude.json").write_text('{"theme": "dark", "env": {"X": "y"}}')
        (self.home / ".claude" / "settings.json").write_text('{"model": "opus"}')
        (self.home / ".codex" / "config.toml").write_text('model = "gpt"\n')
        (self.home / ".codex" / "auth.json").write_text("{}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([self.build / "bin/pando-ai", "proxy", "stop"], env=self.env(),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if not self.spoilt:
            decision_logs.keep(self.top)
        shutil.rmtree(self.top, ignore_errors=True)

    def fake(self, name, text=FAKE):
        path = self.real / name
        path.write_text(text % {"name": name, "asked": str(self.top / "asked")})
        path.chmod(0o755)

    def env(self, **more):
        env = {"HOME": str(self.home), "PATH": "%s:%s:/usr/bin:/bin" % (self.bin, self.real),
               "TERM": "dumb", "LANG": "C.UTF-8"}
        if "PANDO_TEST_RUN" in os.environ:
            env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def run(self, *argv, cwd=None, stdin="", **more):
        return subprocess.run([str(self.bin / argv[0]), *argv[1:]], env=self.env(**more), text=True,
                              cwd=cwd or self.project, input=stdin, capture_output=True,
                              timeout=SECONDS, check=False)

    def told(self, *argv, **kw):
        r = self.run(*argv, **kw)
        if not ok(r.stdout.startswith("{"), "%s starts" % " ".join(argv), (r.returncode, r.stderr)):
            return {"argv": [], "env": {}, "files": {}, "cwd": "", "pid": 0, "stdin": ""}
        return json.loads(r.stdout)

    def policy(self, text):
        (self.home / ".pando" / "policy.toml").write_text(text)

    def log(self):
        path = self.home / ".pando-data" / "gateway-debug.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(s) for s in lines]

    def runs(self):
        path = self.home / ".pando" / "run"
        return sorted(p.name for p in path.iterdir() if p.is_dir()) if path.is_dir() else []

    def hashes(self):
        files = [self.home / ".claude.json", *(self.home / ".claude").rglob("*"),
                 *(self.home / ".codex").rglob("*")]
        return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}


def until(question):
    deadline = time.monotonic() + SECONDS
    while not question() and time.monotonic() < deadline:
        time.sleep(0.02)
    return question()


def refused(p, argv, status, *words, **kw):
    r = p.run(*argv, **kw)
    name = " ".join(argv)
    same(r.returncode, status, "%s: status" % name)
    same(r.stdout, "", "%s: the agent does not start" % name)
    ok(len(r.stderr.splitlines()) == 1 and all(w in r.stderr for w in words),
       "%s: one line that says %s" % (name, ", ".join(words)), r.stderr)
    # an earlier run of the same person may still be going
    ok(until(lambda: p.runs() == []), "%s: no run folder" % name, p.runs())


def launch_claude(p):
    before = p.hashes()
    t = p.told("claude", "-p", "Do it.", ANTHROPIC_API_KEY="k", LD_PRELOAD=None, NODE_OPTIONS="--x",
               HTTP_PROXY="http://127.0.0.1:1", CLAUDE_CODE_SIMPLE="1", stdin="from stdin")
    env, files = t["env"], t["files"]
    same(t["stdin"], "from stdin", "standard input is the agent's")
    same(t["argv"][-3:], ["--print", "--", "Do it."], "the person's arguments come last")
    ok(t["argv"][0].startswith("--settings=") and "--tools=" in t["argv"], "ours come first",
       t["argv"])
    same([k for k in ("NODE_OPTIONS", "HTTP_PROXY", "CLAUDE_CODE_SIMPLE") if k in env], [],
         "what could move the agent is not in its environment")
    same(env.get("ANTHROPIC_API_KEY"), "k", "the key is")
    ok(env.get("ANTHROPIC_BASE_URL", "").startswith("http://127.0.0.1:"), "the base URL is ours")
    settings = json.loads(files["settings.json"][1])
    hook = settings["hooks"]["PreToolUse"][0]["hooks"][0]
    ok(os.access(hook["command"], os.X_OK), "the hook is a program", hook)
    servers = json.loads(files["mcp.json"][1])["mcpServers"]
    same(sorted(servers), ["pando_core", "pando_workspace"], "two servers")
    links = {n for n, f in files.items() if f[0] == "0o777"}
    same({f[0] for n, f in files.items() if n not in links}, {"0o600"}, "the files are 0600")
    same(sorted(links), ["claude/history.jsonl", "claude/pando-planned.json", "claude/projects"],
         "the links")
    same(files["claude/projects"][1], str(p.home / ".claude/projects"), "sessions are the person's")
    pid, start = files["pid"][1].split()
    same(int(pid), t["pid"], "the process stays the same")
    ok(int(start) > 0, "with its start time")
    same({k: v for k, v in p.hashes().items() if k in before}, before,
         "the person's files are unchanged")
    ok(until(lambda: p.runs() == []), "the run folder goes with the run", p.runs())
    line = [d for d in p.log() if d["event"] == "shim_launch"][0]
    same((line["run"], line["agent"], line["agent_version"], line["verdict"]),
         (env["PANDO_RUN"], "claude", "9.8.7", "allow"), "the log has the launch")


def codex_profile(t):
    """What this session is configured by."""
    return t["files"]["pando-ai/pando-%s.config.toml" % t["env"]["PANDO_RUN"]][1]


def launch_codex(p):
    before = p.hashes()
    t = p.told("codex", "exec", "Do it.", OPENAI_API_KEY="k", CODEX_SQLITE_HOME="/x")
    same(t["argv"][:2], ["--profile=pando-" + t["env"].get("PANDO_RUN", ""), "exec"],
         "the session's profile, then the subcommand")
    same(t["argv"][-2:], ["--", "Do it."], "the prompt comes last")
    same([t["argv"][i + 1] for i, a in enumerate(t["argv"]) if a == "--disable"],
         ["shell_tool", "hooks"], "only features that this codex knows are named")
    same((t["env"].get("CODEX_HOME"), t["env"].get("CODEX_SQLITE_HOME")),
         (str(p.home / ".codex/pando-ai"), "/x"), "a home of its own, the person's databases")
    config = codex_profile(t)
    ok('model = "gpt"' in config and 'model_provider = "openai"' in config,
       "the model is kept, the provider is the one that the login is for", config)
    ok(not any("/run/" in a and "http" in a for a in t["argv"]), "the token is not in the arguments",
       t["argv"])
    catalog = [a for a in t["argv"] if a.startswith("model_catalog_json=")][0].split("=")[1]
    model = json.loads(Path(json.loads(catalog)).read_text())["models"][0]
    same((model["tool_mode"], model["apply_patch_tool_type"]), ("direct", None),
         "the catalog has no code mode")
    same({k: v for k, v in p.hashes().items() if k in before}, before,
         "the person's files are unchanged")
    ok((p.home / ".codex" / "sessions").is_dir(), "sessions have a folder")


def codex_home(p):
    """What a session has changed is kept, what configures codex past its profile is not there."""
    own, home = p.home / ".codex", p.home / ".codex/pando-ai"
    t = p.told("codex", "exec", "x")
    first = home / ("pando-%s.config.toml" % t["env"]["PANDO_RUN"])
    same(oct(home.stat().st_mode & 0o777), "0o700", "the home is the person's alone")
    first.write_text(first.read_text().replace('model = "gpt"', 'model = "other"\nnotify = ["x"]'))
    for name in (".env", "config.toml", "hooks.json", "other.config.toml"):
        (home / name).write_text("x = 1\n")
    (home / "plugins" / "x").mkdir(parents=True)
    (home / "skills").mkdir()
    (own / "skills").mkdir()
    (home / "log").mkdir()
    t = p.told("codex", "exec", "x")
    ok('model = "other"' in codex_profile(t) and "notify" not in codex_profile(t),
       "the chosen model is kept, and no key that is not for us", codex_profile(t))
    same(sorted(n for n in (".env", "config.toml", "hooks.json", "other.config.toml", "plugins",
                            "log") if (home / n).exists()), ["log"],
         "what configures is gone, other state stays")
    same(os.readlink(home / "skills"), "../skills", "what the person has by now is linked")
    until(lambda: not (p.home / ".pando/run" / first.name[6:22]).exists())
    beside = home / "pando-00000000000000ab.config.toml"
    beside.write_text("")
    os.symlink("1:2", home / "pando-00000000000000ab.runs")
    (own / "skills").rmdir()
    t = p.told("codex", "exec", "x")
    ok(not first.exists() and not first.with_name(first.name[:22] + ".was").exists(),
       "the profile of a session that is over is removed")
    ok(not os.path.lexists(first.with_name(first.name[:22] + ".runs")), "and whose run it was")
    ok(beside.exists(), "that of another home's session is none of ours")
    os.utime(beside, (time.time() - 31 * 24 * 3600,) * 2)
    ok('model = "other"' in codex_profile(t), "what it changed is kept all the same")
    ok(not os.path.lexists(home / "skills"), "what the person has removed is not linked")
    p.told("codex", "exec", "x")
    ok(not beside.exists(), "unless it is old")
    (own / "config.toml").write_text('model = "third"\n')
    ok('model = "third"' in codex_profile(p.told("codex", "exec", "x")), "a later edit wins")
    (own / "config.toml").write_text('model = "gpt"\n')
    (own / "mine.config.toml").write_text('model = "fourth"\nnotify = ["x"]\nsandbox_mode = "x"\n')
    t = p.told("codex", "-p", "mine", "exec", "x")
    config = codex_profile(t)
    ok('model = "fourth"' in config and "notify" not in config and "sandbox" not in config,
       "of a profile of the person's the harmless keys", config)
    ok("mine" not in t["argv"], "its name is not passed", t["argv"])
    refused(p, ["codex", "-p", "none", "exec", "x"], USAGE, "none.config.toml")
    home.chmod(0o777)
    refused(p, ["codex", "exec", "x"], REFUSED, "not yours alone")
    home.chmod(0o700)


def what_is_asked_is_kept(p):
    asked = p.top / "asked"
    p.told("codex", "exec", "x")
    first = asked.read_text()
    p.told("codex", "exec", "x")
    same(asked.read_text(), first, "a second launch asks nothing")
    p.fake("codex", FAKE.replace("hooks stable", "goals stable"))
    for name, age in (("probe-killed", 3600), ("probe-running", 0)):
        (p.home / ".pando-data/agents" / name / "x").mkdir(parents=True)
        os.utime(p.home / ".pando-data/agents" / name, (time.time() - age,) * 2)
    t = p.told("codex", "exec", "x")
    ok("goals" in t["argv"], "another file is asked again", t["argv"])
    kept = sorted(f.name.split(".")[0] for f in (p.home / ".pando-data/agents").iterdir())
    same((len(kept), kept[-1]), (7, "probe-running"), "and the old answers and homes are gone")


def what_is_kept_is_not_trusted_blindly(p):
    """A cached answer that was altered, cut off or put there by another is asked for again."""
    t = p.told("codex", "exec", "x")
    catalog = Path(next(json.loads(a.split("=", 1)[1]) for a in t["argv"]
                        if a.startswith("model_catalog_json=")))
    features = next(f for f in catalog.parent.iterdir() if f.name.endswith(".features"))
    good = catalog.read_text(), features.read_text()

    def altered(path, text):
        at = path.stat()
        path.write_text(text)
        os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))

    for what, path, text in (
            ("a catalog of the same size", catalog, good[0].replace('"direct"', '"code_m"')),
            ("a catalog cut off", catalog, good[0][:20]),
            ("an empty list of features", features, "")):
        altered(path, text)
        t = p.told("codex", "exec", "x")
        same((catalog.read_text(), features.read_text()), good, what + ": made anew")
        ok("shell_tool" in t["argv"], what + ": the launch is whole", t["argv"])
    before = (p.top / "asked").read_text()
    p.told("codex", "exec", "x")
    same((p.top / "asked").read_text(), before, "and then nothing is asked")
    next(f for f in catalog.parent.iterdir() if f.name.endswith("catalog.json.seal")).unlink()
    p.told("codex", "exec", "x")
    ok((p.top / "asked").read_text() != before, "without its seal a catalog does not count")


def status_and_signals_are_the_agents(p):
    same(p.run("claude", "-p", "x", FAKE_STATUS="42").returncode, 42, "the exit status is the agent's")
    p.fake("claude", "#!/bin/sh\ncase $1 in --version) echo 1;; *) kill -TERM $$;; esac\n")
    same(p.run("claude", "-p", "x").returncode, -signal.SIGTERM, "so is the signal")


def inert_subcommands_pass(p):
    t = p.told("claude", "mcp", "list", cwd=p.home, CLAUDE_CODE_SIMPLE="1")
    same(t["argv"], ["mcp", "list"], "as typed, even in the home folder")
    same(t["env"].get("CLAUDE_CODE_SIMPLE"), "1", "with the person's environment")
    same(p.told("codex", "login", "--x")["argv"], ["login", "--x"], "codex too")
    refused(p, ["claude", "doctor"], REFUSED, "doctor", "--help")
    same([d["event"] for d in p.log() if d["layer"] == "shim"],
         ["shim_passed", "shim_passed", "shim_refused"], "the log says so")


def no_agent(p):
    shims = "%s:/usr/bin:/bin" % p.bin
    refused(p, ["claude", "-p", "x"], NOAGENT, "only pando-ai's own claude", "npm install", PATH=shims)
    refused(p, ["codex"], NOAGENT, "npm install -g @openai/codex", PATH=shims)
    shim = p.build / "libexec/pando-ai/pando-shim"
    r = subprocess.run([shim], env=p.env(), capture_output=True, text=True, check=False)
    same(r.returncode, USAGE, "by its own name it is nothing")


def nothing_of_the_project_is_started(p):
    """Commands in the sandbox can write there, and the agent runs git, node ... by name."""
    venv, tools = p.project / ".venv" / "bin", p.top / "tools"
    venv.mkdir(parents=True)
    tools.mkdir()
    path = "%s:%s:bin:%s:%s:/usr/bin:/bin" % (venv, p.bin, tools, p.real)
    for argv in (["claude", "-p", "x"], ["codex", "exec", "x"], ["claude", "mcp"]):
        same(p.told(*argv, PATH=path)["env"].get("PATH"),
             "%s:%s:%s:/usr/bin:/bin" % (p.bin, tools, p.real), "%s: its PATH" % argv)
    p.policy('[native_tools]\nallow = ["Bash"]\n')
    same(p.told("claude", "-p", "x", PATH=path)["env"].get("PATH"),
         "%s:%s:%s:%s:/usr/bin:/bin" % (venv, p.bin, tools, p.real), "with a shell of its own")
    p.policy("")
    (venv / "claude").write_text("#!/bin/sh\ntouch %s/started\n" % p.top)
    (venv / "claude").chmod(0o755)
    (tools / "claude").symlink_to(venv / "claude")
    for path in ("%s:%s" % (p.bin, venv), "%s:%s" % (p.bin, tools)):
        for argv in (["claude", "-p", "x"], ["claude", "--version"]):
            refused(p, argv, REFUSED, "inside the project", "elsewhere", PATH=path)
    ok(not (p.top / "started").exists(), "it is not even asked for its version")


def an_agent_that_cannot_start(p):
    p.fake("claude", "#!/nonexistent/interpreter\n")
    (p.real / "package.json").write_text('{"name": "@anthropic-ai/claude-code", "version": "1.2.3"}')
    refused(p, ["claude", "-p", "x"], SYSTEM, "start %s/claude" % p.real, "No such file")


def a_script_that_starts_the_shim(p):
    count = p.top / "count"
    p.fake("claude", "#!/bin/sh\necho >>%s\nexec %s/claude \"$@\"\n" % (count, p.bin))
    refused(p, ["claude", "-p", "x"], NOAGENT, str(p.real / "claude"), "full path")
    same(count.read_text(), "\n", "it was started once")


def project_memory(p):
    (p.top / "secret").write_text("SECRET")
    (p.project / "more.md").write_text("MORE")
    (p.project / "CLAUDE.md").write_text("RULES @more.md @%s/secret" % p.top)
    kept = p.told("claude", "-p", "x")["files"].get("claude/CLAUDE.md", ["", "/dev/null"])[1]
    text = Path(kept).read_text()
    ok("RULES" in text and "MORE" in text and "@/" not in text, "imports of the project only", text)
    (p.project / "CLAUDE.md").unlink()
    (p.project / "CLAUDE.md").symlink_to(p.top / "secret")
    refused(p, ["claude", "-p", "x"], REFUSED, "CLAUDE.md", "outside the project")


def bad_policies(p):
    for text in ("[native_tool]\n", "[native_tools]\ndefault = 1\n"):
        p.policy(text)
        refused(p, ["claude", "-p", "x"], POLICY, str(p.home / ".pando/policy.toml") + ":")
        refused(p, ["codex", "--version"], POLICY, "policy.toml:")


def bad_roots(p):
    refused(p, ["claude", "-p", "x"], REFUSED, "whole machine", cwd="/")
    refused(p, ["claude", "-p", "x"], REFUSED, str(p.home), cwd=p.home)
    refused(p, ["codex", "exec", "-C", "/", "x"], REFUSED, "whole machine")
    refused(p, ["claude", "-p", "x"], REFUSED, "whole machine", PANDO_PROJECT_ROOT="/")
    t = p.told("claude", "-p", "x", cwd=p.project / "src")
    same(t["env"].get("PANDO_PROJECT_ROOT"), str(p.project), "from below the project it is found")
    same(t["cwd"], str(p.project / "src"), "and the agent stays where it was started")
    theirs = "/usr/share"
    if os.geteuid() == 0:
        theirs = str(p.top / "theirs")
        os.mkdir(theirs)
        os.chown(theirs, 65534, 65534)
    refused(p, ["claude", "-p", "x"], REFUSED, theirs, "PANDO_PROJECT_ROOT", cwd=theirs)
    t = p.told("claude", "-p", "x", cwd=theirs, PANDO_PROJECT_ROOT=theirs)
    same(t["env"].get("PANDO_PROJECT_ROOT"), theirs, "on purpose it may be")


def refused_arguments(p):
    refused(p, ["claude", "-p", "x", "--settings", '{"hooks": {}}'], REFUSED, "--settings with hooks")
    refused(p, ["claude", "mcp", "serve"], REFUSED, "mcp serve")
    refused(p, ["codex", "exec", "--oss", "x"], REFUSED, "--oss")
    refused(p, ["codex", "app-server"], REFUSED, "app-server")
    refused(p, ["claude", "-p", "x"], REFUSED, "anthropic_upstream",
            ANTHROPIC_BASE_URL="https://u:secret@example.org")
    line = [d for d in p.log() if d.get("event") == "shim_refused"][0]
    same((line["verdict"], line["rule"]), ("deny", "launch.arguments"), "the log names the stage")
    ok("secret" not in json.dumps(p.log()), "and no password")


def given_settings(p):
    """They stand in the launch's own settings, above the person's and the project's."""
    (p.top / "given.json").write_text('{"model": "given", "$schema": "x", "verbose": true}')
    for value in (str(p.top / "given.json"), ' {"model": "given", "verbose": true}'):
        t = p.told("claude", "-p", "--settings", value, "x y")
        launch = json.loads(t["files"]["settings.json"][1])
        same((launch["model"], launch["verbose"]), ("given", True), "--settings goes into the launch's own")
        ok("hooks" in launch and launch["disableAllHooks"] is False, "with what keeps the session supervised", launch)
        same(json.loads(t["files"]["claude/settings.json"][1])["model"], "opus", "the person's own stay below")
        ok(not any("given" in a for a in t["argv"]), "and it goes no other way", t["argv"])
    for bad in ('{"env": {"A": "B"}}', '{"model": {}}', "{"):
        refused(p, ["claude", "-p", "x y", "--settings", bad], REFUSED, "--settings")
    r = p.run("claude", "-p", "x y", "--settings", str(p.top / "none.json"))
    ok(r.returncode != 0 and r.stdout == "" and "none.json" in r.stderr, "a file that is not there", r.stderr)


def new_subcommands(p):
    """What this version lists and no table has is no prompt; what it does not list is one."""
    for argv in (["claude", "swarm"], ["claude", "-p", "swarm"], ["codex", "swarm", "x"]):
        refused(p, argv, REFUSED, "swarm", "[security] subcommands", "say a prompt in more words")
    same(p.told("claude", "-p", "swarms")["argv"][-2:], ["--", "swarms "], "a word that claude does not list")
    same(p.told("codex", "swarms")["argv"][-2:], ["--", "swarms"], "and one that codex does not")
    same(p.told("codex", "exec", "swarm")["argv"][-2:], ["--", "swarm"], "below exec it is a prompt")


def subcommands_of_the_policy(p):
    p.policy('[security]\nsubcommands = ["claude swarm", "claude other", "codex swarm"]\n')
    for argv in (["swarm"], ["swarm", "--of", "bees"]):
        same(p.told("claude", *argv)["argv"], argv, "what the policy passes on goes as typed")
    same(p.told("codex", "swarm")["argv"], ["swarm"], "codex too")
    refused(p, ["claude", "swarm", "--bg"], REFUSED, "--bg")
    refused(p, ["claude", "--verbose", "swarm"], REFUSED, "swarm")
    refused(p, ["claude", "other"], REFUSED, "other", "--help")
    refused(p, ["codex", "cloud"], REFUSED, "cloud")
    same([d["event"] for d in p.log() if d["layer"] == "shim"][:3], ["shim_passed"] * 3, "the log says so")


def no_gateway(p):
    (p.home / ".pando" / "run").write_text("in the way")
    r = p.run("claude", "-p", "x")
    ok(r.returncode in (GATEWAY, 71, REFUSED) and r.stdout == "" and ".pando/run" in r.stderr,
       "a gateway that cannot start", (r.returncode, r.stderr))


def no_log(p):
    refused(p, ["claude", "-p", "x"], SPACE, "/dev/full", PANDO_GATEWAY_LOG_FILE="/dev/full")


def off_means_no_gateway(p):
    p.policy('[proxy]\nclaude = "off"\ncodex = "off"\n')
    t = p.told("claude", "-p", "x", ANTHROPIC_BASE_URL="https://example.org")
    same(t["env"].get("ANTHROPIC_BASE_URL"), "https://example.org", "the base URL is the person's")
    ok("--tools=" in t["argv"], "the tools are off all the same", t["argv"])
    t = p.told("codex", "exec", "x")
    ok("model_provider" not in codex_profile(t), "codex has its own provider")
    ok(not (p.home / ".pando/run/gateway.sock").exists(), "no gateway was started")
    runs = p.home / ".pando/run"
    old, young = p.runs()
    alive = runs / ("0" * 16)
    shutil.copytree(runs / old, alive, symlinks=True)
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    (alive / "pid").write_text("%d %s\n" % (os.getpid(), start))
    for d in (runs / old, alive):
        os.utime(d, (1, 1))
    now = p.told("codex", "exec", "x")["env"]["PANDO_RUN"]
    same(p.runs(), sorted([alive.name, young, now]), "only what has ended long ago is swept")
    ok((p.home / ".claude" / "projects").is_dir(), "and no link followed")


def hook(p):
    program = p.build / "libexec/pando-ai/pando-hook"
    call = {"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": {"command": "x"}, "tool_use_id": "toolu_1"}
    ours = dict(call, tool_name="mcp__pando_core__read-file")
    config = {"session_id": "s", "hook_event_name": "ConfigChange"}
    rows = ((["PreToolUse"], call, 0, '"permissionDecision":"deny"', ""),
            (["PreToolUse"], ours, 0, "{}", ""),
            (["ConfigChange"], config, 2, "", "settings stay"),
            (["PreToolUse"], config, 2, "", "PreToolUse"), ([], call, 2, "", "usage"),
            (["Nonsense"], call, 2, "", "Nonsense"), (["PreToolUse"], "{", 2, "", "JSON"))
    for argv, body, status, out, err in rows:
        text = body if isinstance(body, str) else json.dumps(body)
        r = subprocess.run([program, *argv], env=p.env(PANDO_RUN="r1", PANDO_AGENT="claude"), input=text,
                           text=True, capture_output=True, check=False)
        same(r.returncode, status, "hook %s: status" % argv)
        ok(out in r.stdout and (out or r.stdout == "") and err in r.stderr, "hook %s: says" % argv,
           (r.stdout, r.stderr))
    same([(d["event"], d.get("call_id"), d["run"]) for d in p.log()],
         [("hook_denied", "toolu_1", "r1"), ("hook_allowed", "toolu_1", "r1"),
          ("hook_config_refused", None, "r1")], "the log has what was decided")
    for more in ({"PANDO_RUN": None}, {"PANDO_GATEWAY_LOG_FILE": "/dev/full", "PANDO_RUN": "r"}):
        r = subprocess.run([program, "PreToolUse"], env=p.env(**more), input=json.dumps(ours), text=True,
                           capture_output=True, check=False)
        same((r.returncode, r.stdout), (2, ""), "hook: what cannot be recorded is blocked")
    p.policy("[nonsense]\n")
    r = subprocess.run([program, "PreToolUse"], env=p.env(PANDO_RUN="r1"), input=json.dumps(ours),
                       text=True, capture_output=True, check=False)
    same((r.returncode, r.stdout), (2, ""), "hook: a bad policy blocks")


def hook_holds_the_first_prompt(p):
    """Until both servers have told their tools; and only in the terminal interface."""
    run = "0123456789abcdef"
    folder = p.home / ".pando" / "run" / run
    folder.mkdir(parents=True)
    os.chmod(folder.parent, 0o700)
    body = json.dumps({"session_id": "s", "hook_event_name": "UserPromptSubmit", "prompt": "x"})
    argv = [p.build / "libexec/pando-ai/pando-hook", "UserPromptSubmit"]
    terminal = p.env(PANDO_RUN=run, CLAUDE_CODE_ENTRYPOINT="cli")
    log = p.home / ".pando-data" / "gateway-debug.jsonl"
    notes = {"off": (log, '{"event":"mcp_started","run":"%s","server":"pando_%%s"}\n' % run),
             "enforce": (folder / "checkins", "listed %s\n")}

    def ask(env):
        return subprocess.run(argv, env=env, input=body, text=True, capture_output=True, check=False,
                              timeout=SECONDS).stdout

    (folder / "pid").write_text("1 1\n")
    p.spoilt = True
    for mode, (file, line) in notes.items():
        p.policy('[security]\nhandshake = "off"\n[proxy]\nclaude = "%s"\n' % mode)
        same(ask(p.env(PANDO_RUN=run, CLAUDE_CODE_ENTRYPOINT="sdk-cli")), "{}\n",
             "%s: -p waits by itself" % mode)
        ok(not (folder / "ready").exists(), "%s: so nothing is held there" % mode)
        before = log.read_text().count("hook_prompt")
        h = subprocess.Popen(argv, env=terminal, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
        h.stdin.write(body)
        h.stdin.close()
        until(lambda: log.read_text().count("hook_prompt") > before)
        for server in ("core", "workspace"):
            time.sleep(0.3)
            ok(h.poll() is None, "%s: without %s the prompt is held" % (mode, server))
            with open(file, "a") as f:
                f.write(line % server)
        same((h.stdout.read(), h.wait(SECONDS)), ("{}\n", 0), "%s: with both it goes on" % mode)
        ok((folder / "ready").exists(), "%s: the run remembers it" % mode)
        file.unlink()
        same(ask(terminal), "{}\n", "%s: a later prompt is not held" % mode)
        (folder / "ready").unlink()


CASES = (launch_claude, launch_codex, codex_home, what_is_asked_is_kept, what_is_kept_is_not_trusted_blindly,
         status_and_signals_are_the_agents,
         inert_subcommands_pass, nothing_of_the_project_is_started,
         an_agent_that_cannot_start, a_script_that_starts_the_shim, project_memory, no_agent, bad_policies, bad_roots, refused_arguments,
         given_settings, new_subcommands, subcommands_of_the_policy, no_gateway,
         no_log, off_means_no_gateway, hook, hook_holds_the_first_prompt)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=Path, required=True)
    build = options.parse_args().build.resolve()

    def one(case):
        with Person(build) as p:
            try:
                case(p)
            except Exception as e:  # one broken case must not hide the others
                ok(False, "%s: no exception" % case.__name__, repr(e))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, CASES))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
