#!/usr/bin/env python3
"""Three policy files: which are trusted, how they go together, and that no tool of an agent's can write them.

The managed file lies in /etc. Machines with one are made with bubblewrap: as root, where the files are
root's and the person is somebody else, and in a user namespace of an ordinary user's.
"""
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import _mcp
import shim_launch
from _sandbox import free_uid
from shim_launch import POLICY, REFUSED, SECONDS, Person, ok, same

OFF = '[proxy]\nclaude = "off"\n'
MANAGED = '[native_tools]\nallow = ["Read"]\n' + OFF
BECOME = "import os, sys; n = int(sys.argv[1]); os.setgroups([]); os.setgid(n); os.setuid(n); os.execv(sys.argv[2], sys.argv[2:])"


def refused(p, argv, status, *words):
    """Without a gateway an earlier run's folder stays, so only the launch itself is looked at."""
    r = p.run(*argv)
    ok(r.returncode == status and r.stdout == "" and len(r.stderr.splitlines()) == 1 and all(w in r.stderr for w in words),
       "%s: nothing starts, and it is said why: %s" % (" ".join(argv), ", ".join(words)), (r.returncode, r.stderr))


class Machine:
    """A person on a machine with a /etc of its own. tweak changes that before it is used."""

    def __init__(self, build, as_root):
        self.as_root, self.uid = as_root, free_uid() if os.geteuid() == 0 else os.geteuid()
        self.p = Person(build)
        self.name = "root's machine" if as_root else "user namespace"
        self.etc = self.p.top / "etc"
        self.top_mode = "0755"

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.p.__exit__(*args)

    def renew(self, managed=None):
        shutil.rmtree(self.etc, ignore_errors=True)
        self.etc.mkdir(mode=0o755)
        self.top_mode = "0755"
        for name in ("passwd", "group"):
            (self.etc / name).write_text(Path("/etc", name).read_text())
        if managed is not None:
            (self.etc / "pando-ai").mkdir(mode=0o755)
            (self.etc / "pando-ai/policy.toml").write_text(managed)
            (self.etc / "pando-ai/policy.toml").chmod(0o644)

    def hand_over(self):
        if os.geteuid() != 0:
            return
        self.p.top.chmod(0o755)
        for folder, folders, files in os.walk(self.p.top):
            if self.as_root and Path(folder) == self.p.top:
                folders.remove("etc")
            for name in [".", *folders, *files]:
                os.lchown(os.path.join(folder, name), self.uid, self.uid)

    def argv(self, argv):
        w = ["bwrap", "--die-with-parent", "--unshare-pid", "--perms", self.top_mode, "--tmpfs", "/", "--ro-bind", "/usr", "/usr"]
        for top in ("/bin", "/sbin", "/lib", "/lib64"):
            if os.path.islink(top):
                w += ["--symlink", os.readlink(top), top]
            elif os.path.isdir(top):
                w += ["--ro-bind", top, top]
        top, build = str(self.p.top), str(self.p.build)
        for parent in sorted({str(d) for path in (top, build) for d in Path(path).parents} - {"/"}):
            w += ["--perms", "1777" if parent == "/tmp" else "0755", "--dir", parent]
        w += ["--proc", "/proc", "--dev", "/dev", "--bind", top, top, "--ro-bind", build, build, "--bind", str(self.etc), "/etc",
              "--chdir", str(self.p.project)]
        if self.as_root:
            return [*w, "/usr/bin/python3", "-c", BECOME, str(self.uid), *argv]
        return [*w, "--unshare-user", "--uid", "0", "--gid", "0", *argv]

    def start(self, *argv):
        self.hand_over()
        who = {"user": self.uid, "group": self.uid, "extra_groups": []} if os.geteuid() == 0 and not self.as_root else {}
        program = self.p.bin / argv[0] if "/" not in argv[0] else Path(argv[0])
        return subprocess.Popen(self.argv([str(program), *argv[1:]]), env=self.p.env(), text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **who)

    def run(self, *argv):
        with self.start(*argv) as process:
            out, err = process.communicate("", timeout=SECONDS)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def launched(self, what, tools):
        """The launch takes place, with these of claude's own tools."""
        r = self.run("claude", "-p", "x")
        what = "%s: %s" % (self.name, what)
        if ok(r.stdout.startswith("{"), what + ": it starts", (r.returncode, r.stderr)):
            same(json.loads(r.stdout)["argv"][4], "--tools=" + tools, what + ": its tools")

    def refused(self, what, *words):
        r = self.run("claude", "-p", "x")
        ok(r.returncode == POLICY and r.stdout == "" and len(r.stderr.splitlines()) == 1 and all(w in r.stderr for w in words),
           "%s: %s: nothing starts, and it is said why" % (self.name, what), (r.returncode, r.stderr, words))


def trust(m):
    """Who may have written the managed file."""
    folder, file = m.etc / "pando-ai", m.etc / "pando-ai/policy.toml"
    m.renew()
    m.p.policy(OFF)
    m.launched("no managed file", "")
    m.etc.chmod(0o777)
    m.launched("no managed file in a folder that all may write", "")
    m.renew(MANAGED)
    m.launched("a good one", "Read")
    for path, mode, said in ((folder, 0o775, "/etc/pando-ai"), (folder, 0o757, "/etc/pando-ai"), (folder, 0o1777, "/etc/pando-ai"),
                             (m.etc, 0o777, "/etc"), (m.etc, 0o775, "/etc"),
                             (file, 0o664, "/etc/pando-ai/policy.toml"), (file, 0o646, "/etc/pando-ai/policy.toml")):
        m.renew(MANAGED)
        path.chmod(mode)
        m.refused("%s with mode %o" % (said, mode), "chmod go-w %s'" % said)
    m.renew(MANAGED)
    m.top_mode = "0777"
    m.refused("/ with mode 777", "chmod go-w /'")
    kinds(m, folder, file)
    m.renew("[nonsense]\n")
    m.refused("a bad one", "/etc/pando-ai/policy.toml:1:", "nonsense")
    if m.as_root:
        owners(m, folder, file)


def kinds(m, folder, file):
    def link(path, to):
        path.rename(path.parent / "elsewhere") if to == "elsewhere" else (shutil.rmtree(path) if path.is_dir() else path.unlink())
        path.symlink_to(to)

    for what, make, said in (
            ("a link to the file", lambda: link(file, "elsewhere"), "policy.toml is a symbolic link"),
            ("a link to nothing", lambda: link(file, "/nonexistent"), "policy.toml is a symbolic link"),
            ("a link to the folder", lambda: link(folder, "elsewhere"), "/etc/pando-ai is a symbolic link"),
            ("a folder that is a link to nothing", lambda: link(folder, "/nonexistent"), "/etc/pando-ai is a symbolic link"),
            ("a FIFO", lambda: (file.unlink(), os.mkfifo(file, 0o644)), "not a regular file"),
            ("a folder in its place", lambda: (file.unlink(), file.mkdir()), "not a regular file"),
            ("a file in the folder's place", lambda: (shutil.rmtree(folder), folder.write_text("")), "/etc/pando-ai is not a folder")):
        m.renew(MANAGED)
        make()
        m.refused(what, said)


def owners(m, folder, file):
    for path, said in ((folder, "/etc/pando-ai"), (m.etc, "/etc"), (file, "/etc/pando-ai/policy.toml")):
        for uid in (m.uid, m.uid + 1):
            m.renew(MANAGED)
            os.chown(path, uid, uid)
            m.refused("%s of user %d" % (said, uid), "%s belongs to user %d" % (said, uid), "chown root")
    for path in (folder, file):
        m.renew(MANAGED)
        path.chmod(0)
        m.refused("%s is closed to the person" % path.name, "Permission denied", "/etc/pando-ai")


def strictest_wins(m):
    """Through real launches: what each file says of claude's own tools."""
    project = m.p.project / ".pando/policy.toml"
    project.parent.mkdir(exist_ok=True)
    allow = '[native_tools]\nallow = ["Read", "Grep", "Glob"]\n'

    def tools(*deny, lock=False):
        return ("lock = true\n" if lock else "") + "[native_tools]\ndeny = [%s]\n" % ", ".join('"%s"' % d for d in deny)

    for what, managed, user, of_project, want in (
            ("the person's alone", None, allow + OFF, None, "Glob,Grep,Read"),
            ("managed alone", allow + OFF, None, None, "Glob,Grep,Read"),
            ("the person denies one", allow + OFF, tools("Grep"), None, "Glob,Read"),
            ("managed denies one", tools("Grep") + OFF, allow, None, "Glob,Read"),
            ("the project denies one", allow + OFF, None, tools("Read"), "Glob,Grep"),
            ("each denies one", tools("Read") + OFF, allow, tools("Glob"), "Grep"),
            ("a project that allows what nobody else does", None, OFF, allow, ""),
            ("a project that allows some of the person's", None, allow + OFF, allow.replace('"Grep", ', ""), "Glob,Grep,Read"),
            ("locked, the person allows", tools("Bash", lock=True) + OFF, allow, None, ""),
            ("locked, the person denies one", "lock = true\n" + allow + OFF, tools("Grep"), tools("Read"), "Glob")):
        m.renew(managed)
        for path, text in ((m.p.home / ".pando/policy.toml", user), (project, of_project)):
            path.write_text(text) if text is not None else path.unlink(missing_ok=True)
        m.launched(what, want)
    for what, managed, user, of_project, said in (
            ("a project that switches off", None, "", OFF, (str(project) + ":2:",)),
            ("locked, the person switches off", tools("Bash", lock=True), OFF, None, (".pando/policy.toml:2:",)),
            ("a lock that is the person's", None, "lock = true\n", None, (".pando/policy.toml:1:",))):
        m.renew(managed)
        for path, text in ((m.p.home / ".pando/policy.toml", user), (project, of_project)):
            path.write_text(text) if text is not None else path.unlink(missing_ok=True)
        m.refused(what, *said)
    project.unlink(missing_ok=True)
    m.p.policy(OFF)


def a_change_in_a_run_is_told(m):
    """The managed file and its lock, while a run lasts; the agent runs until its input ends."""
    file, user = m.etc / "pando-ai/policy.toml", m.p.home / ".pando/policy.toml"
    m.renew("lock = true\n")
    m.p.policy("")
    with m.start("claude", "-p", "x") as agent:
        ok(shim_launch.until(lambda: changed(m, "gateway_run_registered")), "%s: a run" % m.name)
        for what, path, text, said in (
                ("the person would loosen", user, OFF, "nothing is launched until it is mended: %s:2:" % user),
                ("and does not", user, "", "new runs take it"),
                ("another managed file", file, "lock = true\n[native_tools]\ndeny = [\"Bash\"]\n", "new runs take it"),
                ("a bad one", file, "[x", "nothing is launched until it is mended: /etc/pando-ai/policy.toml:"),
                ("none", file, None, "managed policy"),
                ("one that others may write", file, MANAGED, "chmod go-w /etc/pando-ai/policy.toml")):
            before = len(changed(m))
            path.unlink(missing_ok=True) if text is None else path.write_text(text)
            if "others" in what:
                path.chmod(0o666)
                if os.geteuid() == 0 and not m.as_root:
                    os.chown(path, m.uid, m.uid)
            good = shim_launch.until(lambda: len(changed(m)) > before and said in changed(m)[-1]["note"])
            ok(good, "%s: %s: it is told" % (m.name, what), changed(m)[before:])
            if "others" not in what:
                same(len(changed(m)), before + 1, "%s: %s: once" % (m.name, what))
        agent.communicate("")
    m.p.policy(OFF)


def changed(m, event="gateway_policy_changed"):
    return [d for d in m.p.log() if d["event"] == event]


def status_tells_the_files(m):
    project = m.p.project / ".pando/policy.toml"
    m.renew("lock = true\n[proxy]\nclaude = \"audit\"\n")
    m.p.policy("")
    project.write_text("")
    r = m.run(str(m.p.build / "bin/pando-ai"), "status")
    for part in ("managed  /etc/pando-ai/policy.toml (locked", "user     %s" % (m.p.home / ".pando/policy.toml"),
                 "project  %s" % project, "claude   NOT held back, mode audit", "none is stopped", "codex    supervised, mode enforce"):
        ok(part in r.stdout, "%s: status: %s" % (m.name, part), (r.returncode, r.stdout, r.stderr))
    m.renew("[security]\nrequire_helper = true\n")
    r = m.run(str(m.p.build / "bin/pando-ai"), "status")
    ok(r.returncode == 1 and "NOTHING is launched" in r.stdout, "%s: status: a helper that is not there" % m.name, r.stdout)
    r = m.run("claude", "-p", "x")
    ok(r.returncode == REFUSED and r.stdout == "" and "require_helper" in r.stderr, "%s: so nothing is" % m.name, r.stderr)


def the_persons_files(p):
    """Errors name the file and what to do; a run keeps what it has."""
    file, project = p.home / ".pando/policy.toml", p.project / ".pando/policy.toml"
    p.policy(OFF)
    for mode in (0o620, 0o602):
        file.chmod(mode)
        refused(p, ["claude", "-p", "x"], POLICY, "chmod go-w %s" % file)
    file.unlink()
    file.symlink_to(p.top / "other")
    refused(p, ["claude", "-p", "x"], POLICY, "%s is a symbolic link" % file)
    file.unlink()
    p.policy(OFF)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
        refused(p, ["claude", "-p", "x"], POLICY, "not to you")
        os.chown(file, 0, 0)
    project.parent.mkdir()
    p.told("claude", "-p", "x")
    project.symlink_to(file)
    refused(p, ["claude", "-p", "x"], POLICY, "%s is reached by a symbolic link" % project)
    project.unlink()
    project.parent.rmdir()
    project.parent.symlink_to(p.top)
    refused(p, ["claude", "-p", "x"], POLICY, "%s is reached by a symbolic link" % project)


def a_run_keeps_its_policy(p):
    p.policy('[native_tools]\nallow = ["Read"]\n' + OFF)
    env = p.told("claude", "-p", "x", PANDO_POLICY="/evil", PANDO_POLICY_SHA256="0" * 64)["env"]
    path = Path(env.get("PANDO_POLICY", "/"))
    same(path, p.home / ".pando/run" / ("policy-" + env.get("PANDO_POLICY_SHA256", "")), "the launch names the run's policy")
    same(stat.S_IMODE(path.stat().st_mode), 0o600, "it is the person's alone")
    p.policy("[nonsense]\n")

    def hook(tool, **more):
        call = {"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": {}, "tool_use_id": "t"}
        return subprocess.run([p.build / "libexec/pando-ai/pando-hook", "PreToolUse"], env=dict(env, **more), text=True,
                              input=json.dumps(call), capture_output=True, check=False, timeout=SECONDS)

    same((hook("Read").stdout, '"deny"' in hook("Bash").stdout), ("{}\n", True), "the hook has it, whatever the file says now")
    for more in ({"PANDO_POLICY_SHA256": "0" * 64}, {"PANDO_POLICY": "/nonexistent"}, {"PANDO_POLICY": ""},
                 {"PANDO_PROJECT_ROOT": "/another"}):
        r = hook("Read", **more)
        same((r.returncode, r.stdout), (2, ""), "the hook with %s blocks" % more)
    refused(p, ["claude", "-p", "x"], POLICY, "policy.toml:1:")
    path.write_bytes(path.read_bytes() + b"x")
    same(hook("Read").returncode, 2, "a run's policy that was changed blocks")


def audit_at_the_launch(p):
    """Nothing is held back, and what would be is told."""
    denied = '[native_tools]\ndeny = ["Bash"]\n[proxy]\nclaude = "%s"\ncodex = "%s"\n'
    p.policy(denied % ("audit", "audit"))
    t = p.told("claude", "-p", "x")
    ok("--tools=default" in t["argv"] and not any("Bash" in a for a in t["argv"]), "claude has its own tools", t["argv"])
    ok("Read(" not in t["files"]["settings.json"][1], "and may read", t["files"]["settings.json"])
    t = p.told("claude", "--tools", "Bash", "--json-schema", "{}", "-p", "x")
    same([a for a in t["argv"] if a.startswith("--tools")], ["--tools=Bash"], "or those that the person wants")
    same([(d["verdict"], d["rule"], d["mode"]) for d in p.log() if d["event"] == "shim_audited"],
         [("deny", "launch.arguments", "audit")] * 2, "the log has what enforce would have said")
    t = p.told("codex", "exec", "x")
    ok("shell_tool" not in t["argv"] and "hooks" in t["argv"], "codex has its shell, and no hooks of its own", t["argv"])
    for argv, word in ((["claude", "--setting-sources", "user"], "--setting-sources"), (["claude", "--dangerously-skip-permissions"], "--dangerously"),
                       (["claude", "--mcp-config", "x"], "--mcp-config"), (["codex", "exec", "--oss"], "--oss")):
        refused(p, argv, REFUSED, word)
    before = len([d for d in p.log() if d["event"] == "shim_audited"])
    p.policy(denied % ("enforce", "enforce"))
    for argv, word in ((["claude", "--tools", "Bash", "-p", "x"], "--tools"), (["claude", "--json-schema", "{}"], "StructuredOutput"),
                       (["codex", "--search"], "web_search")):
        refused(p, argv, REFUSED, word)
    same(len([d for d in p.log() if d["event"] == "shim_audited"]), before, "enforce refuses, so nothing is told as audited")


def writers(m, target):
    """Every tool that writes, at a policy file; what it answers does not matter."""
    shell = ("echo evil > {0}; echo evil >> {0}; rm -f {0}; mv {0} gone; cp /etc/passwd {0}; ln -sf /etc/passwd {0}; ln -f a {0}; "
             "chmod 777 {0}; truncate -s 0 {0}; rm -rf {1}; mv {1} moved; mkdir -p {1}; echo evil > {1}/policy.toml; ln -s /tmp {1}; "
             "touch -d 1999-01-01 {0}; install -m 666 a {0}; python3 -c \"import os; os.replace('a', '{0}')\"")
    m.call("insert", path=target, text="evil\n", create=True)
    m.call("insert", path=target, text="evil\n", at_end=True)
    m.call("insert", path=target, text="evil\n", line=1)
    m.call("replace", path=target, old_text="mine", new_text="evil")
    m.call("replace", path=target, old_text="[native_tools]", new_text="evil")
    m.call("shell-command", command=shell.format(target, os.path.dirname(target)))


def tools_cannot_write_a_policy(s):
    home_file, mine = os.path.join(s.home, ".pando/policy.toml"), "# mine\n[native_tools]\n"
    os.makedirs(os.path.dirname(home_file), exist_ok=True)
    persons = mine + '[security]\nwitness = "off"\n'  # there is no gateway here
    with open(home_file, "w") as f:
        f.write(persons)
    s.write("a", "a\n")
    machine = os.path.exists("/etc/pando-ai")
    for there in (True, False):
        if there:
            s.write(".pando/policy.toml", mine)
        what = "an existing policy of the project" if there else "a policy of the project that is not there"
        with _mcp.Server(s, "workspace") as m:
            if there:
                had = m.call("snapshot-worktree")[2].get("snapshot")
            for target in (".pando/policy.toml", home_file, "/etc/pando-ai/policy.toml"):
                writers(m, target)
            if there:
                restore(s, m, had, mine)
            _mcp.same(m.call("shell-command", command="echo ok > free")[1], False, "%s: another file can be written" % what)
        have = s.read(".pando/policy.toml") if os.path.exists(s.path(".pando/policy.toml")) else None
        _mcp.same(have, mine if there else None, what + " is as it was")
        _mcp.same(s.read("free"), "ok\n", "the tools worked")
        if there:
            shutil.rmtree(s.path(".pando"))
    with open(home_file) as f:
        _mcp.same(f.read(), persons, "the person's is as it was")
    _mcp.same(os.path.exists("/etc/pando-ai"), machine, "the machine's too")


def restore(s, m, had, mine):
    """A snapshot that has another policy cannot bring it back."""
    newer = mine + "# a person changed it outside\n"
    s.write(".pando/policy.toml", newer)
    m.call("restore-files", snapshot=had)
    m.call("restore-files", snapshot=had, paths=[".pando/policy.toml"])
    _mcp.same(s.read(".pando/policy.toml"), newer, "restore-files does not bring a former policy back")
    os.unlink(s.path(".pando/policy.toml"))
    m.call("restore-files", snapshot=had, paths=[".pando/policy.toml"])
    _mcp.same(os.path.exists(s.path(".pando/policy.toml")), False, "nor one that was removed")
    s.write(".pando/policy.toml", mine)


def limits_hold(s):
    """[limits] of the run's policy, inside."""
    path = s.policy("[limits]\ncommand_seconds = 1\ncommand_output_bytes = 4096\n")
    with _mcp.Server(s, "workspace") as m:
        text, failed, data = m.call("shell-command", command="sleep 60", timeout_ms=50000)
        _mcp.same((failed, data.get("timed_out")), (True, True), "a command ends when the policy says")
        _mcp.has(text, "no more than 1 second", "and the model is told why")
        text, _, data = m.call("shell-command", command="seq 100000")
        _mcp.report(data.get("stdout_bytes", 0) > 500000 and 1024 < len(text) < 6000, "of its output the policy's share is kept", len(text))
    s.policy("[sandbox]\nread_only = [\"a\", \"absent\"]\n")
    with _mcp.Server(s, "workspace") as m:
        text, failed, _ = m.call("shell-command", command="true")
        _mcp.has(text, "absent is not there", "what cannot be kept read-only: no tools, and the reason is told")
    s.write("absent", "x\n")
    with _mcp.Server(s, "workspace") as m:
        writers(m, "absent")
        _mcp.same(s.read("absent"), "x\n", "what can be is")
    os.unlink(path)


def in_machines(build):
    for as_root in (True, False):
        if as_root and os.geteuid() != 0:
            _mcp.skip("a machine whose files are root's", "this is not root")
            continue
        with Machine(build, as_root) as m:
            trust(m)
            strictest_wins(m)
            a_change_in_a_run_is_told(m)
            status_tells_the_files(m)


def main():
    with _mcp.Scratch() as s:
        build = Path(s.build)
        in_machines(build)
        for case in (the_persons_files, a_run_keeps_its_policy, audit_at_the_launch):
            with Person(build) as p:
                case(p)
        tools_cannot_write_a_policy(s)
        limits_hold(s)
    _mcp.counts["ok"] += shim_launch.passed
    _mcp.counts["not ok"] += shim_launch.failed
    _mcp.done()


if __name__ == "__main__":
    main()
