#!/usr/bin/env python3
"""Where no sandbox is made, why, and what --check and the decision log say."""
import json
import os
import subprocess
import sys
import time

from _sandbox import main, until

REFUSED, USAGE, UNAVAILABLE, NO_LOG = 77, 64, 75, 73


def refused(t, r, status, words, what):
    t.same((r.status, r.out), (status, ""), "%s: status" % what)
    t.ok(r.err.count("\n") == 1 and all(w in r.err for w in words), "%s: one sentence with %s" % (what, ", ".join(words)), r.err)


def ran(w, root=None):
    return w.run(["/bin/sh", "-c", "echo ran"], root=root)


def folders_that_are_no_project(t, w):
    t.same(ran(w).out, "ran\n", "a folder of one's own")
    inner = w.folder("home/.pando/x")
    link = w.top / "link"
    link.symlink_to(w.root)
    for root, words in (("/", ["whole file system"]), (w.home, ["home"]), (w.top, ["home"]), ("/tmp", ["/tmp"]),
                        (inner, ["pando-ai itself"]), ("/usr/share", ["system folder"]), ("proj", ["canonical"]),
                        ("%s/../proj" % w.root, ["canonical"]), ("%s/" % w.root, ["canonical"]), ("/%s" % w.root, ["canonical"]),
                        (link, ["symbolic link", "realpath"])):
        refused(t, ran(w, root), REFUSED, ["project root %s" % root, *words], str(root))
    refused(t, ran(w, w.top / "none"), USAGE, ["No such file"], "one that is not there")
    refused(t, ran(w, w.sandbox), USAGE, ["Not a directory"], "a file")


def a_folder_of_somebody_else(t, w):
    t.same(ran(w).out, "ran\n", "one's own")
    if w.uid != 0:
        refused(t, ran(w, "/var/lib"), REFUSED, ["/var/lib belongs to user 0"], "root's")
    if os.geteuid() == 0:
        os.chown(w.root, w.uid + 1, -1)
        refused(t, ran(w), REFUSED, ["belongs to user %d" % (w.uid + 1)], "another's, for root too")


def a_folder_that_all_may_write(t, w):
    w.root.chmod(0o777)
    refused(t, ran(w), REFUSED, ["written by everyone"], "0777")
    w.root.chmod(0o775)
    t.same(ran(w).out, "ran\n", "0775")


def links_where_something_is_mounted(t, w):
    w.git_init()
    target = w.folder("home/target")
    (target / "config").write_text("x")
    for name in (".claude", ".git/hooks", ".git/config", ".mcp.json", ".git/commondir", ".pando", ".pando-sandbox"):
        path, kept = w.root / name, w.root / "kept"
        if path.exists():
            path.rename(kept)
        path.symlink_to("/oldroot" + str(target))
        refused(t, ran(w), REFUSED, [name], "%s is a link" % name)
        path.unlink()
        path.symlink_to(target)
        refused(t, ran(w), REFUSED, [name], "%s is a link that leads somewhere" % name)
        path.unlink()
        if kept.exists():
            kept.rename(path)
        t.ok(until(lambda: not w.placeholders()), "no placeholder is left", w.placeholders())
    (w.root / ".git").rename(w.root / "real")
    (w.root / ".git").symlink_to("real")
    refused(t, ran(w), REFUSED, [".git"], ".git is a link")
    (w.root / ".git").unlink()
    (w.root / "real").rename(w.root / ".git")
    t.same([p.name for p in target.iterdir()], ["config"], "nothing was made where they lead")
    t.same(ran(w).out, "ran\n", "without links it starts")


def a_state_folder_that_is_not_ours(t, w):
    state = w.root / ".pando-sandbox"
    state.mkdir()
    state.chmod(0o755)
    w.own(w.root)
    refused(t, ran(w), REFUSED, [".pando-sandbox", "chmod 700"], "open to others")
    state.chmod(0o700)
    (state / "home").symlink_to(w.home)
    refused(t, ran(w), REFUSED, [".pando-sandbox", "home"], "a link in it")
    (state / "home").unlink()
    t.same(ran(w).out, "ran\n", "mended")
    t.same((state / ".gitignore").read_text(), "*\n", "git does not see it")


def programs_that_cannot_run(t, w):
    plain = w.home / "plain"
    plain.write_text("x")
    w.own(w.home)
    refused(t, w.run([str(plain)]), USAGE, [str(plain)], "not executable")
    refused(t, w.run(["/nowhere/program"]), USAGE, ["/nowhere/program", "No such file"], "not there")
    refused(t, w.run(["sh"]), USAGE, ["absolute"], "not absolute")
    refused(t, w.run(["/tmp"]), USAGE, ["/tmp"], "a directory")


def command_lines_that_are_wrong(t, w):
    root = ["--project-root", str(w.root)]
    for argv in ([], root, ["--", "/bin/true"], [*root, "--check", "--", "/bin/true"], [*root, "--share-net", "--", "/bin/true"],
                 [*root, *root, "--", "/bin/true"], [*root, "--keep-fd", "2", "--", "/bin/true"], [*root, "--keep-fd", "x", "--", "/bin/true"],
                 [*root, "--keep-fd", "99999999999999999999", "--", "/bin/true"], [*root, "/bin/true"], [*root, "--policy"]):
        r = w.outside([w.sandbox, *argv])
        t.same((r.status, r.out, r.err.count("\n")), (USAGE, "", 1), "arguments %s" % argv)


def check_is_silent_and_leaves_nothing(t, w):
    w.git_init()
    before = set(w.outside(["find", w.top]).out.split())
    r = w.check()
    t.same((r.status, r.out, r.err), (0, "", ""), "it works here")
    t.same(set(w.outside(["find", w.top]).out.split()) ^ before, set(), "nothing is left, no line was logged")
    w.sh("echo x > ~/mine")
    t.same(w.check().status, 0, "again, beside a state folder")
    t.ok((w.root / ".pando-sandbox" / "home" / "mine").exists(), "which stays")
    refused(t, w.check("/"), REFUSED, ["whole file system"], "of no project")
    (w.root / ".claude").symlink_to("x")
    refused(t, w.check(), REFUSED, [".claude"], "of a project with a link")


def check_beside_a_running_sandbox(t, w):
    p = w.start(["/bin/sh", "-c", "echo 1 > one; read x; mkdir .claude/x; echo 2 > two"], stdin=subprocess.PIPE)
    until((w.root / "one").exists)
    t.same(w.check().status, 0, "it works")
    t.ok(w.placeholders(), "the guards of the running one stay")
    p.communicate(b"\n", timeout=20)
    t.ok((w.root / "two").exists() and not (w.root / ".claude" / "x").exists(), "and hold")


def log_lines(w):
    return [json.loads(line) for line in w.log.read_text().splitlines()] if w.log.exists() else []


def the_log_tells_starts_and_refusals(t, w):
    w.run(["/bin/true"], env={"PANDO_RUN": "run1", "PANDO_AGENT": "claude", "PANDO_AGENT_VERSION": "2.1"})
    w.run(["/nowhere"])
    started, other = log_lines(w)
    t.same({k: started.get(k) for k in ("event", "layer", "verdict", "run", "agent", "agent_version", "root")},
           {"event": "sandbox_started", "layer": "sandbox", "verdict": "allow", "run": "run1", "agent": "claude",
            "agent_version": "2.1", "root": str(w.root)}, "a start")
    t.ok(all(word in started["note"] for word in ("bwrap ", "seccomp ", "nproc 512", "namespaces")), "with its layers", started["note"])
    t.same((other["event"], other["verdict"]), ("sandbox_refused", "deny"), "a refusal")
    t.ok("/nowhere" in other["note"], "with its reason", other["note"])


def without_a_log_nothing_runs(t, w):
    for bad in (w.folder("home/dir"), "/nowhere/log", "/dev/full"):
        r = w.sh("echo x > ran", env={"PANDO_GATEWAY_LOG_FILE": str(bad)})
        refused(t, r, NO_LOG, ["log"], "log %s" % bad)
    t.ok(not (w.root / "ran").exists(), "nothing ran")
    t.ok(until(lambda: not w.placeholders()), "no placeholder is left", w.placeholders())
    t.same(w.sh("echo x > ran").status, 0, "with a log it starts")


def old(script):
    return "#!/bin/sh\n%s\n" % script


def only_root(t, w, what, why):
    if w.uid != 0 and os.geteuid() != 0:
        t.skip(what, why)
    return w.uid == 0


def bwrap_that_cannot_be_used(t, w):
    if not only_root(t, w, "bwrap hidden by a mount", "only root can mount over it"):
        return
    fake = w.top / "bwrap"
    fake.write_text(old("case $1 in --version) echo bubblewrap 0.4.1;; *) echo --bind SRC DEST;; esac"))
    fake.chmod(0o755)
    loose = w.top / "loose"
    loose.write_text(old("exit 0"))
    loose.chmod(0o777)
    setuid = w.top / "setuid"
    setuid.write_text(old("exit 0"))
    setuid.chmod(0o4755)
    for over, words in (("/dev/null", ["bubblewrap is missing", "install bubblewrap"]), (fake, ["0.4.1", "--disable-userns", "install"]),
                        (loose, ["nobody else may write"]), (setuid, ["setuid", "chmod u-s"])):
        mount = ["unshare", "-m", "/bin/sh", "-c", 'mount --bind "$0" /usr/bin/bwrap && exec "$@"', over]
        refused(t, w.check(prefix=mount), UNAVAILABLE, words, "--check with %s" % over)
        refused(t, w.outside([*mount, *w.argv(["/bin/sh", "-c", "echo ran > ran"])]), UNAVAILABLE, words, "a run with %s" % over)
    t.ok(not (w.root / "ran").exists(), "nothing ran")
    t.same([r["event"] for r in log_lines(w)], ["sandbox_unavailable"] * 4, "the log says so")


def user_namespaces_switched_off(t, w):
    if not only_root(t, w, "user namespaces off", "in a namespace of an ordinary user bwrap is not root's"):
        return
    none = ["unshare", "-Ur", "/bin/sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"']
    t.same(w.check().status, 0, "switched on it works")
    refused(t, w.check(prefix=none), UNAVAILABLE, ["user namespaces are off", "sysctl user.max_user_namespaces"], "--check")
    r = w.outside([*none, *w.argv(["/bin/sh", "-c", "echo ran > ran"])])
    t.ok(r.status != 0 and not (w.root / "ran").exists(), "nothing runs", r.err)


def starting_is_quick(t, w):
    took = []
    for _ in range(5):
        began = time.monotonic()
        ran(w)
        took.append(time.monotonic() - began)
    t.ok(min(took) < 1, "under a second, on a busy machine too", took)


CASES = [v for k, v in list(globals().items()) if getattr(v, "__module__", None) == "__main__" and callable(v)
         and k not in ("refused", "ran", "log_lines", "old", "only_root")]

if __name__ == "__main__":
    sys.exit(main(CASES))
