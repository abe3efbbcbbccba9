#!/usr/bin/env python3
"""pando-ai policy check, keys, explain, test, show, replay, learn: what they say, and their statuses."""
import argparse
import hashlib
import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import tempfile
import tomllib

passed = failed = skipped = 0
SECONDS = 60
BAD, DENIED, ASKED, USAGE, DATA = 78, 1, 3, 64, 65

USER = """[native_tools]
allow = ["Read"]

[[rule]]
id = "no-push"
tool = "claude/Bash"
args.command = { prefix = ["git", "push"] }
decision = "deny"
message = "Ask the person to push."
match = ["git push origin main"]
not_match = ["git pull"]

[[rule]]
id = "git"
tool = "claude/Bash"
args.command = { prefix = ["git"] }
decision = "allow"

[[rule]]
id = "ask-edit"
tool = "pando_workspace/replace"
decision = "ask"

[[rule]]
id = "watched"
tool = "claude/Grep"
subagent = "helper"
decision = "deny"

[[rule]]
id = "grep"
tool = "claude/Grep"
decision = "audit"
"""
PROJECT = """[native_tools]
deny = ["Read"]
"""


def ok(good, what, have=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok - {what}: have {have!r}")


class Home:
    """A home with a project in it, and the person's policy."""

    def __init__(self, build, user=USER, project=None):
        self.program = build / "bin" / "pando-ai"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pando-policy-"))
        self.root = self.dir / "project"
        (self.root / ".git").mkdir(parents=True)
        (self.root / "sub").mkdir()
        self.user = self.dir / ".pando" / "policy.toml"
        self.log = self.dir / ".pando-data" / "gateway-debug.jsonl"
        self.project = self.root / ".pando" / "policy.toml"
        for path, text in ((self.user, user), (self.project, project)):
            if text is not None:
                path.parent.mkdir(mode=0o700)
                path.write_text(text)
        self.env = {"HOME": str(self.dir), "PATH": "/usr/bin:/bin", "TZ": "UTC", "TERM": "xterm"}
        if "PANDO_TEST_RUN" in os.environ:
            self.env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return str(path)

    def run(self, *words, cwd=None, before=()):
        return subprocess.run([*before, self.program, "policy", *words], cwd=cwd or self.root, env=self.env,
                              text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                              check=False)

    def json(self, *words, status=0):
        r = self.run(*words, "--json")
        ok(r.returncode == status, f"{words} --json: status {status}", (r.returncode, r.stderr))
        try:
            return json.loads(r.stdout)
        except ValueError:
            ok(False, f"{words} --json: is JSON", r.stdout)
            return {}

    def calls(self, *calls):
        """A decision log of these: dicts with what is not as usual."""
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        with self.log.open("w") as f:
            for i, call in enumerate(calls):
                line = {"ts": "2026-11-20T10:00:00.000Z", "event": "gateway_call_noted", "run": "r1",
                        "agent": "claude", "root": str(self.root), "layer": "gateway", "call_id": f"c{i}",
                        "verdict": "deny", "rule": "native_tools.default", "at": "built-in", **call}
                if "args" in line:
                    text = json.dumps(line["args"], sort_keys=True, separators=(",", ":"))
                    line["args_sha256"] = hashlib.sha256(text.encode()).hexdigest()
                if not line.pop("keep", True):
                    del line["args"]
                f.write(json.dumps(line) + "\n")


# --- check --------------------------------------------------------------------------------------------

CHECKED = (
    # text, options, status, what is said
    ("", [], 0, "good"),
    ("[native_tools]\nallow = [\"Read\"]\n", ["--as", "user"], 0, "  user     {file}"),
    ("[native_tools]\nallow = [\"Read\"]\n", ["--as", "managed"], 0, "  managed  {file}"),
    ("[native_tools]\ndeny = [\"Read\"]\n", ["--as", "project"], 0, "  project  {file}"),
    ("[native_tools]\nallwo = []\n", [], BAD, "{file}:2:1: unknown key 'allwo' in native_tools; did you mean 'allow'?"),
    ("lock = true\n", ["--as", "user"], BAD, "{file}:1:1: "),
    ("a = [\n", [], BAD, "{file}:"),
    ("[native_tools]\ndefault = \"maybe\"\n", [], BAD, "{file}:2:"),
    ("[native_tools]\ndefault = \"allow\"\n", [], 0, "warning: {file}:2: native_tools.default = \"allow\""),
    ("[proxy]\ncodex = \"off\"\n", [], 0, "warning: {file}:2: proxy.codex = \"off\""),
    ("[log]\narguments = true\n", [], 0, "warning: {file}:2: log.arguments = true"),
    ("[[rule]]\nid = \"m\"\ntool = \"pando_workspace/*\"\nargs.path = { path_under = \"m\" }\ndecision = \"ask\"\n",
     [], 0, "warning: {file}:2: the rule \"m\" holds for every call of shell-command"),
)


def check_reads_a_file_in_the_place_of_a_layer(build):
    with Home(build) as h:
        for text, options, status, said in CHECKED:
            file = h.write("checked.toml", text)
            r = h.run("check", *options, file)
            ok(r.returncode == status and said.format(file=file) in r.stdout + r.stderr,
               f"check {options} of {text!r}", (r.returncode, r.stdout, r.stderr))
            have = h.json("check", *options, file, status=status)
            ok(have.get("good") == (status == 0), "the same as JSON", have)
            ok(("warning" in said) == bool(have.get("warnings")), f"warnings of {text!r}", have)
        have = h.json("check", h.write("bad.toml", "x = 1\n"), status=BAD)["error"]
        ok(have["file"] == str(h.dir / "bad.toml") and (have["line"], have["column"]) == (1, 1),
           "place of a mistake as JSON", have)
        ok(h.run("check", str(h.dir / "none.toml")).returncode == BAD, "a file that is not there")


def check_without_a_file_reads_what_holds_here(build):
    with Home(build, project=PROJECT) as h:
        have = h.json("check")["policy"]
        ok(have["user"] == str(h.user) and have["project"] == str(h.project) and have["managed"] is None,
           "layers", have)
        ok(have["root"] == str(h.root), "root", have)
        r = h.run("check", cwd=h.root / "sub")
        ok(str(h.project) in r.stdout, "from a folder of the project", r.stdout)
        (h.root / "sub" / "package.json").write_text("{}")
        r = h.run("check", cwd=h.root / "sub")
        ok(f"root     {h.root / 'sub'}" in r.stdout, "a project in the project, as a launch has it", r.stdout)
        (h.root / "sub" / "package.json").unlink()
        for cwd in (h.dir, "/"):
            r = h.run("check", cwd=cwd)
            ok(r.returncode == 0 and "root     none" in r.stdout, f"{cwd} is no project", r.stdout)
        r = h.run("check", "--root", str(h.root), cwd="/")
        ok(str(h.project) in r.stdout, "--root", r.stdout)
        h.project.write_text("nonsense = 1\n")
        r = h.run("check")
        ok(r.returncode == BAD and f"{h.project}:1:1: " in r.stderr, "the project's mistake", r.stderr)
    with Home(build, user=None) as h:
        ok(h.run("check").returncode == 0, "no file at all")


def the_managed_file_is_a_layer_too(build):
    """In a mount namespace of its own, where /etc is another one."""
    global skipped
    with Home(build) as h:
        managed = h.write("managed.toml", "lock = true\n[native_tools]\ndeny = [\"Read\"]\n")
        inside = ("mount -t tmpfs -o mode=755 tmpfs /etc && mkdir /etc/pando-ai && "
                  "cp \"$0\" /etc/pando-ai/policy.toml && chmod 644 /etc/pando-ai/policy.toml && exec \"$@\"")
        before = ["unshare", "-m", "sh", "-c", inside, managed]
        if os.geteuid() != 0 or h.run("keys", before=before).returncode != 0:
            skipped += 1
            print("skip - a managed file # needs root and a mount namespace")
            return
        r = h.run("explain", "claude", "Read", "{}", before=before)
        ok(r.returncode == DENIED, "a managed deny holds", r.stdout)
        ok("only the machine's administrator can change /etc/pando-ai/policy.toml:3" in r.stdout,
           "and it is told who can change it", r.stdout)
        r = h.run("explain", "claude", "Write", "{}", before=before)
        ok("lock = true" in r.stdout, "a lock is told", r.stdout)
        h.calls({"tool": "Write", "args": {}})
        have = json.loads(h.run("learn", "--json", before=before).stdout)
        ok(have["rules"] == 0 and "only the machine's administrator" in have["beyond"][0], "learn knows", have)
        r = h.run("show", before=before)
        ok("/etc/pando-ai/policy.toml:1" in r.stdout, "show names it", r.stdout)


# --- keys, show, test ---------------------------------------------------------------------------------

def keys_lists_every_key(build):
    with Home(build) as h:
        have = h.json("keys")
        names = [k["name"] for k in have]
        ok({"lock", "native_tools.default", "rule.tool", "log.arguments"} <= set(names), "names", names)
        ok(all(k["type"] and k["what"] for k in have), "each has a type and a line", have)
        r = h.run("keys")
        ok(r.returncode == 0 and len(r.stdout.splitlines()) == len(names), "a line each", r.stdout)
        ok(not any(line.endswith(" ") for line in r.stdout.splitlines()), "no blanks at the end")


def show_names_the_origin_of_each_value(build):
    with Home(build, project=PROJECT) as h:
        have = h.json("show")
        by = {v["key"]: v for v in have["values"]}
        rows = (("native_tools.allow[0]", '"Read"', "user", str(h.user), 2),
                ("native_tools.deny[0]", '"Read"', "project", str(h.project), 2),
                ("proxy.claude", '"enforce"', "built-in", "built-in", 0))
        for key, value, layer, file, line in rows:
            v = by.get(key, {})
            ok((v.get("value"), v.get("layer"), v.get("file"), v.get("line")) == (value, layer, file, line),
               key, v)
        ok(by["rule.no-push"]["line"] == 5, "a rule's line", by["rule.no-push"])
        r = h.run("show")
        ok(f"{h.user}:2" in r.stdout and r.returncode == 0, "for people", r.stdout)
        ok(all(key in r.stdout for key in by), "the same keys", r.stdout)


def test_runs_examples_and_a_file_of_calls(build):
    with Home(build) as h:
        ok("5 rules with 2 examples: all held" in h.run("test").stdout, "counts", h.run("test").stdout)
        good = h.write("good", "# of the team\n\ndeny claude Bash {\"command\":\"git push\"}\n"
                               "allow claude Read\nask claude pando_workspace/replace {}\r\naudit claude Grep {}\n"
                               "allow codex pando_core/read-file {}\n")
        r = h.run("test", "--calls", good)
        ok(r.returncode == 0 and "5 calls: 5 as expected, 0 not" in r.stdout, "all as expected", r.stdout)
        wrong = h.write("wrong", "deny claude Read\nallow claude Read\n")
        r = h.run("test", "--calls", wrong)
        ok(r.returncode == 1 and f"{wrong}:1: want deny, have allow by native_tools.allow[0]" in r.stdout,
           "one is not", r.stdout)
        have = h.json("test", "--calls", wrong, status=1)
        ok([c["right"] for c in have["calls"]] == [False, True] and have["wrong"] == 1, "as JSON", have)
        ok((have["rules"], have["examples"]) == (5, 2), "counts as JSON", have)
        for text in ("maybe claude Read\n", "deny nobody Read\n", "deny claude\n", "deny claude Bash {\n",
                     "deny claude Bash 1\n"):
            r = h.run("test", "--calls", h.write("bad", text))
            ok(r.returncode == DATA and "bad:1" in r.stderr, f"{text!r}", (r.returncode, r.stderr))
        h.user.write_text(USER.replace('match = ["git push origin main"]', 'match = ["git pull"]'))
        r = h.run("test")
        ok(r.returncode == BAD and f"{h.user}:" in r.stderr, "an example that does not hold", r.stderr)


# --- explain ------------------------------------------------------------------------------------------

EXPLAINED = (
    # words, status, verdict, rule, layer
    (['claude Bash {"command":"git push"}'], DENIED, "deny", "no-push", "user"),
    (["claude", "Bash", '{"command":"git push"}'], DENIED, "deny", "no-push", "user"),
    (["claude", "Bash", '{"command":', '"git push"}'], DENIED, "deny", "no-push", "user"),
    (['claude Bash {"command":"git pull"}'], 0, "allow", "git", "user"),
    (['claude Bash {"command":"rm x"}'], DENIED, "deny", "native_tools.default", "built-in"),
    (["claude", "Read"], 0, "allow", "native_tools.allow[0]", "user"),
    (["claude", "pando_workspace/replace", "{}"], ASKED, "ask", "ask-edit", "user"),
    (["claude", "Grep", "{}"], 0, "audit", "grep", "user"),
    (["--subagent", "helper", "claude", "Grep", "{}"], DENIED, "deny", "watched", "user"),
    (["--subagent", "other", "claude", "Grep", "{}"], 0, "audit", "grep", "user"),
    (["claude", "github/get_issue", "{}"], DENIED, "deny", "other_mcp.mode", "built-in"),
    (["claude", "mcp__pando_core__read-file"], 0, "allow", "pando", "built-in"),
    (["codex", "mcp__pando_workspace__shell_command"], 0, "allow", "pando", "built-in"),
    (["codex", "pando_workspace/shell-command", "{}"], 0, "allow", "pando", "built-in"),
    (["codex", "exec_command", '{"cmd":"ls"}'], DENIED, "deny", "native_tools.default", "built-in"),
    (["codex", "apply_patch", '"*** Begin Patch"'], DENIED, "deny", "native_tools.default", "built-in"),
)


def explain_tells_verdict_rule_and_place(build):
    with Home(build) as h:
        for words, status, verdict, rule, layer in EXPLAINED:
            d = h.json("explain", *words, status=status).get("call", {})
            ok((d.get("verdict"), d.get("rule"), d.get("layer")) == (verdict, rule, layer), f"{words}", d)
            r = h.run("explain", *words)
            ok(r.returncode == status and f"{verdict} by {rule}, " in r.stdout, f"{words}: text", r.stdout)


def explain_shows_the_line_and_each_layer(build):
    with Home(build, project=PROJECT) as h:
        r = h.run("explain", "claude", "Bash", '{"command":"git push"}')
        for said in (f"{h.user}:5", '    5 | id = "no-push"', "Ask the person to push.", "built-in  deny"):
            ok(said in r.stdout, f"{said!r}", r.stdout)
        have = h.json("explain", "claude", "Read", "{}", status=DENIED)
        ok(have["layers"]["managed"] is None, "no managed file", have)
        ok(have["layers"]["user"]["verdict"] == "allow", "the person allows", have)
        ok(have["layers"]["project"]["verdict"] == "deny", "the project denies", have)
        ok(have["layers"]["built-in"]["verdict"] == "deny", "and the built-in", have)
        ok(any(f"{h.project}:2: take native_tools.deny[0] away" in c for c in have["change"]), "what to change",
           have["change"])
        ok(have["source"] == 'deny = ["Read"]', "the source line", have["source"])


def explain_says_of_what_call_it_speaks(build):
    with Home(build) as h:
        for words, said in ((["claude", "Read"], "A call, its arguments not known: allow by "),
                            (["claude", "Bash"], "(arguments can exclude it)"),
                            (["--subagent", "rev", "claude", "Read"], "called by a subagent: rev")):
            r = h.run("explain", *words)
            ok(said in r.stdout, f"{words}: {said}", r.stdout)
        r = h.run("explain", "claude", "Bash", "git", "push")
        ok(r.returncode == USAGE and """'{"command":"git push"}'""" in r.stderr, "how arguments are written", r.stderr)


def explain_reads_shell_commands(build):
    with Home(build) as h:
        for tool, known in (("pando_core/read-file", True), ("pando_core/reed-file", False), ("Anything", True),
                            ("pando_core/shell-command", False), ("hub/anything", True)):
            have = json.loads(h.run("explain", "claude", tool, "{}", "--json").stdout)
            ok(have["known"] == known, f"{tool} is known: {known}", have)
            said = "that server has no such tool" in h.run("explain", "claude", tool, "{}").stdout
            ok(said != known, f"{tool}: for people", said)
        shell = h.json("explain", "claude", "Bash", '{"command":"git pull && git push"}', status=DENIED)["shell"]
        ok(shell["commands"] == ["git pull", "git push"] and not shell["opaque"], "commands", shell)
        have = h.json("explain", "claude", "Bash", '{"command":"git \\"pull"}', status=DENIED)
        ok(have["shell"]["opaque"] and have["shell"]["why"], "what is not understood, and why", have["shell"])
        r = h.run("explain", "claude", "Bash", '{"command":"git \\"pull"}')
        ok("not understood (" in r.stdout, "for people", r.stdout)


CHANGES = (
    (["claude", "Write", "{}"], '{user}: add "Write" to allow in [native_tools]'),
    (["claude", "github/get_issue", "{}"], '"github" in its servers'),
    (["claude", "github/get_issue", "{}"], '[[rule]] with tool = "github/get_issue"'),
    (["claude", "Bash", '{"command":"git push"}'], "{user}:5: change [[rule]] no-push"),
    (["claude", "pando_workspace/replace", "{}"], "change [[rule]] ask-edit"),
    (["claude", "Read", "{}"], "take native_tools.allow[0] away"),
    (["claude", "pando_core/read-file", "{}"], 'tool = "pando_core/read-file" and decision = "deny"'),
)


def explain_says_what_would_change_it(build):
    with Home(build) as h:
        for words, said in CHANGES:
            r = h.run("explain", *words)
            ok(said.format(user=h.user) in r.stdout, f"{words}: {said}", r.stdout)


def its_advice_works(build):
    """What explain proposes for a tool that nothing names makes it allowed."""
    with Home(build, user="[native_tools]\nallow = [\"Read\"]\n") as h:
        ok(h.run("explain", "claude", "Write", "{}").returncode == DENIED, "denied before")
        h.user.write_text("[native_tools]\nallow = [\"Read\", \"Write\"]\n")
        ok(h.run("explain", "claude", "Write", "{}").returncode == 0, "allowed by the list")
        h.user.write_text("[[rule]]\ntool = \"claude/Write\"\ndecision = \"allow\"\n")
        ok(h.run("explain", "claude", "Write", "{}").returncode == 0, "allowed by a rule")
        h.user.write_text("[other_mcp]\nmode = \"allow_list\"\nservers = [\"github\"]\n")
        ok(h.run("explain", "claude", "github/get_issue", "{}").returncode == 0, "a server of the list")


# --- replay -------------------------------------------------------------------------------------------

def replay_finds_what_would_change(build):
    with Home(build) as h:
        call = {"tool": "Bash", "args": {"command": "ls"}}
        h.calls(call, call, {"tool": "Read", "verdict": "allow", "rule": "native_tools.allow[0]"},
                {"tool": "Write", "args": {}}, {"tool": "get", "server": "github", "rule": "other_mcp.mode"},
                {"tool": "read-file", "server": "pando_core", "verdict": "allow", "rule": "pando"})
        new = h.write("new.toml", "[native_tools]\nallow = [\"Bash\"]\n")
        have = h.json("replay", new, status=1)
        ok((have["calls"], have["same"]) == (6, 3), "calls that stay", have)
        ok(have["uncertain"] == [], "all is certain", have)
        got = {(g["tool"], g["calls"], g["was"]["verdict"], g["was"]["rule"], g["now"]["verdict"],
                g["now"]["rule"], g["now"]["line"]) for g in have["changed"]}
        ok(got == {("Bash", 2, "deny", "native_tools.default", "allow", "native_tools.allow[0]", 2),
                   ("Read", 1, "allow", "native_tools.allow[0]", "deny", "native_tools.default", 0)}, "groups",
           got)
        r = h.run("replay", new)
        ok(r.returncode == 1 and "6 calls: 3 would change, 3 would not, 0 are not certain." in r.stdout,
           "for people", r.stdout)
        ok(h.run("replay", str(h.user)).returncode == 0, "the same policy changes nothing",
           h.run("replay", str(h.user)).stdout)
        r = h.run("replay", h.write("bad.toml", "x = 1\n"))
        ok(r.returncode == BAD and "bad.toml:1:1" in r.stderr, "a bad file", r.stderr)


def replay_says_what_it_cannot_know(build):
    rule = "[[rule]]\ntool = \"claude/Bash\"\nargs.command = { prefix = [\"ls\"] }\ndecision = \"allow\"\n"
    with Home(build, user="") as h:
        h.calls({"tool": "Bash", "args": {"command": "ls"}, "keep": False},
                {"tool": "Bash", "args": {"command": "ls -l"}},
                {"tool": "Bash", "args": {"command": "ls -l"}, "keep": False},
                {"tool": "Write", "args": {}, "keep": False})
        have = h.json("replay", h.write("new.toml", rule), status=1)
        ok([(g["tool"], g["calls"]) for g in have["changed"]] == [("Bash", 2)],
           "known by the hash of another line", have["changed"])
        ok([(g["tool"], g["mildest"]["verdict"], g["strictest"]["verdict"]) for g in have["uncertain"]]
           == [("Bash", "allow", "deny")], "not known", have["uncertain"])
        sha = hashlib.sha256(b'{"command":"ls"}').hexdigest()
        ok(have["uncertain"][0]["args_sha256"] == [sha], "which", have["uncertain"])
        ok(have["same"] == 1, "a tool that the rule does not name", have)
        r = h.run("replay", str(h.dir / "new.toml"))
        ok("arguments that were not kept" in r.stdout and "allow or deny" in r.stdout, "it says so", r.stdout)
        subagent = "[[rule]]\ntool = \"claude/Write\"\nsubagent = \"*\"\ndecision = \"deny\"\n"
        allow = "[[rule]]\ntool = \"claude/Write\"\ndecision = \"allow\"\n"
        have = h.json("replay", h.write("who.toml", subagent + allow), status=1)
        ok([g["tool"] for g in have["uncertain"]] == ["Write"], "who called", have["uncertain"])


def replay_knows_who_called(build):
    rules = ("[[rule]]\ntool = \"claude/Write\"\nsubagent = \"Explore\"\ndecision = \"audit\"\n"
             "[[rule]]\ntool = \"claude/Write\"\ndecision = \"allow\"\n")
    with Home(build, user="") as h:
        one = {"tool": "Write", "args": {}}
        h.calls({**one, "caller": "main"}, {**one, "caller": "subagent", "subagent": "Explore"},
                {**one, "caller": "subagent", "subagent": "Plan"},
                {**one, "call_id": "z", "event": "gateway_call_noted", "caller": "subagent"},
                {**one, "call_id": "z", "event": "hook_audited", "layer": "hook", "caller": "subagent", "subagent": "Explore"})
        have = h.json("replay", h.write("new.toml", rules), status=1)
        ok(have["uncertain"] == [], "all is certain", have["uncertain"])
        ok(sorted((g["calls"], g["now"]["verdict"]) for g in have["changed"]) == [(2, "allow"), (2, "audit")],
           "by the name, which one layer is enough to know", have["changed"])


def replay_counts_each_call_once(build):
    with Home(build, user="") as h:
        three = [{"tool": "Bash", "call_id": "x", "event": event, "layer": event.split("_")[0]}
                 for event in ("gateway_call_noted", "hook_audited", "mcp_call_denied")]
        h.calls(*three, {**three[0], "run": "r2"}, {"tool": "Bash", "event": "gateway_definition_stripped"},
                {"tool": "Bash", "event": "gateway_history_stripped"}, {"tool": "Bash", "event": "hook_result"},
                {"tool": "Bash", "event": "mcp_call_failed", "call_id": "y"}, {"tool": "Bash", "call_id": ""},
                {"event": "gateway_request"}, {"tool": "Bash", "ts": "2026-11-21T10:00:00.000Z"})
        new = h.write("new.toml", "[native_tools]\nallow = [\"Bash\"]\n")
        ok(h.json("replay", new, status=1)["calls"] == 4, "one a call", h.json("replay", new, status=1))
        have = h.json("replay", "--since", "2026-11-21", new, status=1)
        ok(have["calls"] == 1, "--since", have)
        shutil.move(h.log, str(h.log) + ".1")
        h.log.write_text("not JSON\n")
        have = h.json("replay", new, status=1)
        ok((have["calls"], have["unread_lines"]) == (4, 1), "rotated files too", have)
        ok(h.json("replay", "--log", str(h.log), new, status=1)["calls"] == 4, "--log")
        ok(h.run("replay", "--log", str(h.dir / "none"), new).returncode == DATA, "no such log")


def replay_decides_by_each_calls_project(build):
    with Home(build, project=PROJECT) as h:
        h.calls({"tool": "Read", "verdict": "deny", "rule": "native_tools.deny[0]"},
                {"tool": "Read", "root": "/nowhere/at-all", "verdict": "allow"})
        new = h.write("new.toml", "[native_tools]\nallow = [\"Read\"]\n")
        ok(h.json("replay", new)["same"] == 2, "each by its own", h.json("replay", new))
        have = h.json("replay", "--as", "project", h.write("p.toml", ""), status=1)
        ok((len(have["changed"]), have["left_out"]) == (1, 1), "--as project: this project only", have)


# --- learn --------------------------------------------------------------------------------------------

SEEN = ("git status", "git status -s", "git push origin main", "git push origin dev", "ls -la", "rm -rf build",
        "npm run build", "npm run build -- -x", "cd sub && git status", "git diff > out", "env git push",
        "echo \u001b[31m \u202e \u007f \"quoted\" 'single' \\ back", "git log | head", "bash -c 'git push'",
        "eval \"$X\"", "echo \"not closed", "make all", "caf\u00e9 \U0001f600")


def seen(h):
    calls = [{"tool": "Bash", "args": {"command": c, "description": str(i)}} for i, c in enumerate(SEEN)]
    h.calls(*calls, calls[0], {"tool": "Read", "args": {"file_path": "/x"}}, {"tool": "WebSearch", "keep": True},
            {"tool": "get_issue", "server": "github", "rule": "other_mcp.mode"},
            {"agent": "codex", "tool": "exec_command", "args": {"cmd": "git status"}},
            {"tool": "read-file", "server": "pando_core", "verdict": "allow", "rule": "pando"},
            {"tool": "WebFetch", "rule": "no-web", "at": "/x/policy.toml:7"},
            {"tool": "odd name", "args": {}}, {"tool": "Other", "run": "r2"})


def learn_proposes_what_was_seen_and_no_more(build):
    with Home(build, user="[proxy]\nclaude = \"audit\"\n") as h:
        seen(h)
        for more in ([], ["--exact"]):
            r = h.run("learn", "--run", "r1", *more)
            ok(r.returncode == 0, "status", (r.returncode, r.stderr))
            new = h.write("learned.toml", r.stdout)
            ok(h.run("check", new).returncode == 0, "it loads", h.run("check", new).stderr)
            rules = tomllib.loads(r.stdout)["rule"]
            ok({r["tool"] for r in rules} == {"claude/Bash", "claude/Read", "claude/WebSearch",
                                              "github/get_issue", "codex/exec_command"}, "tools", rules)
            have = h.json("replay", new, status=1)
            changed = {g["tool"] for g in have["changed"]}
            ok(changed == {"Bash", "Read", "WebSearch", "get_issue", "exec_command"}, "what changes", changed)
            ok(all(g["now"]["verdict"] == "allow" for g in have["changed"]), "to allow", have["changed"])
            ok(have["same"] == 4 and not have["uncertain"], "the others stay", have)
            for command in ("git push upstream main", "git pull", "rm -rf /", "ls", "make", "npm run test",
                            "git status; rm x", "git push && ls"):
                r = h.run("explain", "claude", "Bash", json.dumps({"command": command}))
                ok(r.returncode == DENIED, f"{more}: {command} was not seen", r.stdout)


def learn_groups_by_program_and_subcommand(build):
    with Home(build, user="") as h:
        seen(h)
        have = h.json("learn", "--run", "r1")
        rules = tomllib.loads(have["toml"])["rule"]
        prefixes = sorted(r["args"]["command"]["prefix"] for r in rules
                          if isinstance(r.get("args", {}).get("command"), dict))
        ok(prefixes == [["git", "push", "origin"], ["git", "status"], ["npm", "run", "build"]], "prefixes", prefixes)
        exact = {r["args"]["command"] for r in rules if isinstance(r.get("args", {}).get("command"), str)}
        ok(exact == {c for c in SEEN if not c.startswith(("git status", "git push", "npm"))}, "exact lines", exact)
        ok(have["rules"] == len(rules) and have["own_calls"] == 1, "counts", have)
        ok(len(have["not_proposed"]) == 2 and any("no-web" in n for n in have["not_proposed"]),
           "what somebody decided is not proposed", have["not_proposed"])
        none = h.json("learn", "--run", "nobody")
        ok(none["rules"] == 0 and none["toml"] == "", "nothing seen", none)
        r = h.run("learn", "--since", "2026-11-21")
        ok(r.returncode == 0 and not tomllib.loads(r.stdout), "--since", r.stdout)


def learn_says_when_commands_were_not_kept(build):
    with Home(build, user="") as h:
        h.calls({"tool": "Bash", "args": {"command": "ls"}, "keep": False})
        r = h.run("learn")
        ok("EVERY command" in r.stdout and "[log] arguments = true" in r.stdout, "all or nothing", r.stdout)
        h.calls({"tool": "Bash", "args": {"command": "ls"}, "keep": False},
                {"tool": "Bash", "args": {"command": "pwd"}})
        r = h.run("learn")
        rules = tomllib.loads(r.stdout)["rule"]
        ok([x["args"]["command"] for x in rules] == ["pwd"] and "not covered" in r.stdout, "some", r.stdout)
        h.calls({"agent": "codex", "tool": "shell", "args": {"command": ["ls", "-l"]}})
        ok("EVERY command" in h.run("learn").stdout, "a shell whose commands are lists", h.run("learn").stdout)


HOOKED = (("Read", {"file_path": "/x"}), ("Bash", {"command": "git status"}), ("Bash", {"command": "git status -s"}),
          ("Bash", {"command": "ls"}), ("mcp__hub__get", {"n": 1}), ("mcp__pando_core__read-file", {"path": "x"}))


def learn_and_replay_read_what_a_layer_wrote(build):
    """The log of the real hook, of a run in audit mode."""
    settings = "[proxy]\nclaude = \"audit\"\n[log]\narguments = true\n"
    with Home(build, user=settings) as h:
        hook = build / "libexec" / "pando-ai" / "pando-hook"
        env = {**h.env, "PANDO_RUN": "run-of-hooks", "PANDO_AGENT": "claude", "PANDO_PROJECT_ROOT": str(h.root)}
        for i, (tool, args) in enumerate(HOOKED):
            for event in ("PreToolUse", "PostToolUse"):
                said = {"hook_event_name": event, "session_id": "s", "tool_name": tool, "tool_input": args,
                        "tool_use_id": f"toolu_{i}", "cwd": str(h.root)}
                r = subprocess.run([hook, event], input=json.dumps(said), env=env, cwd=h.root, text=True,
                                   capture_output=True, timeout=SECONDS, check=False)
                ok(r.returncode == 0, f"the hook takes {tool}", (r.returncode, r.stderr))
        have = h.json("learn", "--run", "run-of-hooks")
        ok((have["calls"], have["own_calls"]) == (4, 1), "calls", have)
        ok(["hub__get" in n and "name both in a rule" in n for n in have["not_proposed"]] == [True],
           "a server that nobody knew", have["not_proposed"])
        rules = tomllib.loads(have["toml"])["rule"]
        ok([(r["tool"], r.get("args")) for r in rules] == [
            ("claude/Bash", {"command": "ls"}), ("claude/Bash", {"command": {"prefix": ["git", "status"]}}),
            ("claude/Read", None)], "rules", rules)
        hub = "\n[[rule]]\ntool = \"hub/get\"\ndecision = \"allow\"\n"
        for text, tools in ((have["toml"], {"Read", "Bash"}), (have["toml"] + hub, {"Read", "Bash", ""})):
            got = h.json("replay", h.write("new.toml", text), status=1)
            ok(got["calls"] == 6 and got["uncertain"] == [], "replayed", got)
            ok({g["tool"] for g in got["changed"]} == tools, "what changes", got["changed"])


def learn_says_what_no_rule_can_allow(build):
    with Home(build, user="", project=PROJECT) as h:
        h.calls({"tool": "Read", "args": {}})
        have = h.json("learn")
        ok(len(have["beyond"]) == 1 and "the project's own file says so" in have["beyond"][0], "project",
           have["beyond"])
        ok(have["rules"] == 0 and have["toml"] == "", "and no rule without effect is proposed", have)


# --- words, terminals ---------------------------------------------------------------------------------

def wrong_words_are_usage_errors(build):
    with Home(build) as h:
        for words in ([], ["nonsense"], ["check", "a", "b"], ["check", "--as", "nobody", str(h.user)],
                      ["check", "--as", "user"], ["check", "--x"], ["check", "--json=1"], ["keys", "x"], ["explain"],
                      ["explain", "nobody", "Bash"], ["explain", "claude"], ["explain", "claude", "Bash", "{"],
                      ["explain", "claude", "Bash", "[]"], ["explain", "claude", "/x"], ["test", "x"],
                      ["show", "x"], ["show", "--root"], ["replay"], ["replay", "a", "b"],
                      ["replay", "--since", "yesterday", str(h.user)], ["learn", "x"], ["learn", "--since", "1y"],
                      ["check", "--root", str(h.user)]):
            r = h.run(*words)
            ok(r.returncode == USAGE and r.stderr and not r.stdout, f"{words}", (r.returncode, r.stderr))
        r = h.run("check", "--as=user", f"--root={h.root}", "--", str(h.user))
        ok(r.returncode == 0, "--name=value and --", r.stderr)
        for command in ("check", "keys", "explain", "test", "show", "replay", "learn"):
            r = h.run(command, "--help")
            ok(r.returncode == 0 and f"policy {command}" in r.stdout, f"{command} --help", r.stdout)


def on_a_terminal(h, *words, **env):
    master, slave = pty.openpty()
    p = subprocess.Popen([h.program, "policy", *words], cwd=h.root, env={**h.env, **env}, stdin=slave, stdout=slave,
                         stderr=subprocess.DEVNULL)
    os.close(slave)
    out = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    p.wait(SECONDS)
    os.close(master)
    return out


def colours_are_for_terminals(build):
    with Home(build) as h:
        words = ("explain", "claude", "Bash", '{"command":"git push"}')
        ok("\x1b" not in h.run(*words).stdout, "not in a file")
        ok(b"\x1b[31mdeny" in on_a_terminal(h, *words), "on a terminal", on_a_terminal(h, *words))
        ok(b"\x1b" not in on_a_terminal(h, *words, NO_COLOR="1"), "NO_COLOR")
        ok(b"\x1b" not in on_a_terminal(h, *words, TERM="dumb"), "a terminal that cannot")


def foreign_text_never_reaches_the_terminal_raw(build):
    evil = "x\u001b]0;t\u0007\u202e\u009b31m\n"
    with Home(build) as h:
        h.calls({"tool": evil, "server": evil, "rule": evil, "at": evil}, {"tool": "Read", "root": evil},
                {"tool": "Bash", "args": {"command": evil}})
        new = h.write("new.toml", "")
        for words in (("replay", new), ("learn",), ("learn", "--exact"),
                      ("explain", "claude", "Bash", json.dumps({"command": evil})),
                      ("explain", "claude", evil), ("explain", evil, "Bash"), ("explain", "claude", "Bash", evil),
                      ("check", evil), (evil,), ("check", "--" + evil), ("learn", "--since", evil)):
            r = h.run(*words)
            out = r.stdout + r.stderr
            ok(not any(c in out for c in "\u001b\u0007\u202e\u009b"), f"{words}", out)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    build = arguments.parse_args().build.resolve()
    for test in (check_reads_a_file_in_the_place_of_a_layer, check_without_a_file_reads_what_holds_here,
                 the_managed_file_is_a_layer_too, keys_lists_every_key, show_names_the_origin_of_each_value,
                 test_runs_examples_and_a_file_of_calls, explain_tells_verdict_rule_and_place,
                 explain_shows_the_line_and_each_layer, explain_says_of_what_call_it_speaks,
                 explain_reads_shell_commands,
                 explain_says_what_would_change_it, its_advice_works, replay_finds_what_would_change,
                 replay_says_what_it_cannot_know, replay_knows_who_called, replay_counts_each_call_once, replay_decides_by_each_calls_project,
                 learn_proposes_what_was_seen_and_no_more, learn_groups_by_program_and_subcommand,
                 learn_says_when_commands_were_not_kept, learn_says_what_no_rule_can_allow,
                 learn_and_replay_read_what_a_layer_wrote,
                 wrong_words_are_usage_errors, colours_are_for_terminals,
                 foreign_text_never_reaches_the_terminal_raw):
        test(build)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


sys.exit(main())
