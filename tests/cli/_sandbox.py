"""Worlds in which pando-sandbox is tried: a home, a project and a person, all thrown away."""
import argparse
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import _policy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import decision_logs

SECONDS = 60
SOON = 10
STICKY = 0o1000
# Names that get a placeholder when they are absent.
GUARDED = (".claude", ".codex", ".agents", ".cursor", ".mcp.json", ".pando", ".vscode", ".idea", ".devcontainer", ".husky",
           ".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv", ".zprofile", ".gitconfig")


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.name = ""

    def ok(self, good, what, have=""):
        self.passed += bool(good)
        self.failed += not good
        print("%s - %s: %s%s" % ("ok" if good else "not ok", self.name, what, "" if good or have == "" else ": have %r" % (have,)))

    def same(self, have, want, what):
        self.ok(have == want, what, "%r, want %r" % (have, want))

    def skip(self, what, why):
        self.skipped += 1
        print("skip - %s: %s # %s" % (self.name, what, why))


class Result:
    def __init__(self, done):
        self.status = done.returncode if done.returncode >= 0 else 128 - done.returncode
        self.out, self.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class World:
    """Made for one case; below /tmp or, for what is kept there, below /var/tmp."""

    def __init__(self, sandbox, uid, gid, base):
        self.uid, self.gid = uid, gid
        self.top = Path(tempfile.mkdtemp(prefix="pando-sandbox-", dir=base)).resolve()
        self.top.chmod(0o755)
        self.sandbox = self.top / "pando-sandbox"
        shutil.copy(sandbox, self.sandbox)
        self.home, self.root, self.log = self.top / "home", self.top / "proj", self.top / "home" / "log"
        self.home.mkdir()
        self.root.mkdir()
        self.own(self.top)

    def close(self):
        decision_logs.keep(self.top)
        shutil.rmtree(self.top, ignore_errors=True)

    def own(self, path):
        if os.geteuid() == 0:
            for folder, folders, files in os.walk(path):
                for name in [".", *folders, *files]:
                    os.lchown(os.path.join(folder, name), self.uid, self.gid)
            os.lchown(path, self.uid, self.gid)

    def folder(self, rel):
        path = self.top / rel
        path.mkdir(parents=True, exist_ok=True)
        self.own(path)
        return path

    def who(self):
        return {} if os.geteuid() == self.uid else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def env(self, more=None):
        mine = {"HOME": str(self.home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PANDO_GATEWAY_LOG_FILE": str(self.log)}
        mark = os.environ.get("PANDO_TEST_RUN")
        return {**mine, **({"PANDO_TEST_RUN": mark} if mark else {}), **(more or {})}

    def outside(self, argv, stdin=subprocess.DEVNULL, stdin_text=None, env=None, pass_fds=()):
        feed = {"input": stdin_text.encode()} if stdin_text is not None else {"stdin": stdin}
        return Result(subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                     cwd=self.top, env=self.env(env), pass_fds=pass_fds, timeout=SECONDS, **feed, **self.who()))

    def argv(self, program, more=(), root=None):
        return [str(self.sandbox), "--project-root", str(root or self.root), *more, "--", *program]

    def run(self, program, more=(), root=None, **kw):
        return self.outside(self.argv(program, more, root), **kw)

    def sh(self, script, **kw):
        return self.run(["/bin/sh", "-c", script], **kw)

    def check(self, root=None, prefix=()):
        return self.outside([*prefix, self.sandbox, "--project-root", root or self.root, "--check"])

    def start(self, program, stdin=subprocess.DEVNULL):
        return self.start_outside(self.argv(program), stdin)

    def start_outside(self, argv, stdin=subprocess.DEVNULL):
        return subprocess.Popen(argv, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.top,
                                env=self.env(), start_new_session=True, **self.who())

    def git_init(self):
        r = self.outside(["git", "-c", "init.defaultBranch=main", "init", "-q", str(self.root)])
        assert r.status == 0, r.err

    def placeholders(self):
        found = []
        for where in (self.root, self.root / ".git"):
            for p in where.iterdir() if where.is_dir() else ():
                try:
                    found += [str(p.relative_to(self.root))] if p.lstat().st_mode & STICKY else []
                except FileNotFoundError:
                    pass  # removed while we looked
        return sorted(found)

    def snapshot(self, names):
        return {n: ((self.root / n).read_text(), oct((self.root / n).stat().st_mode)) for n in names}


def with_policy(w, text="", root=None):
    """Options and environment as a launch gives them."""
    data = _policy.bundle(root or w.root, user=(w.home / ".pando/policy.toml", text))
    path, digest = _policy.save(w.home, data)
    w.own(w.home)
    return {"more": ["--policy", path], "env": {"PANDO_POLICY_SHA256": digest}}, data


def until(true):
    deadline = time.monotonic() + SOON
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_uid():
    taken = {p.pw_uid for p in pwd.getpwall()}
    uid = 61000 + secrets.randbelow(4000)
    while uid in taken:
        uid += 1
    return uid


def persons():
    if os.geteuid() != 0:
        return [("user", os.geteuid(), os.getegid())]
    uid = free_uid()
    return [("root", 0, 0), ("user", uid, uid)]


def one(t, case, sandbox, person, base):
    name, uid, gid = person
    t.name = "%s, as %s below %s" % (case.__name__.replace("_", " "), name, base)
    w = World(sandbox, uid, gid, base)
    try:
        case(t, w)
    except Exception:  # a case that breaks is a failed case, and the others go on
        t.ok(False, "it ran to its end", traceback.format_exc())
    finally:
        w.close()


def main(cases):
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--only", default="")
    o = p.parse_args()
    sandbox = Path(o.build).resolve() / "libexec" / "pando-ai" / "pando-sandbox"
    t = Report()
    if os.geteuid() != 0:
        t.name = "every case"
        t.skip("as root", "this is not root")
    for case in cases:
        for person in persons():
            for base in (tempfile.gettempdir(), "/var/tmp"):
                if o.only in case.__name__:
                    one(t, case, sandbox, person, base)
    print("%d passed, %d failed, %d skipped" % (t.passed, t.failed, t.skipped))
    return 1 if t.failed else 0
