#!/usr/bin/env python3
"""What runs in the sandbox has the project and nothing else of the machine.

Real bubblewrap, as root (when this is root) and as an ordinary user. Every attempt that must fail has
a twin that must succeed, so that a sandbox in which nothing works passes no test.
"""
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

from _sandbox import GUARDED, SECONDS, main, until, with_policy


def project_alone_is_writable(t, w):
    other = w.folder("home/other")
    r = w.sh("echo x > made; echo x > %s/made; echo x > ../made; echo x > /usr/made; echo x > /etc/made; "
             "echo x > /dev/made; echo x > /made; ln -s %s link; echo x > link/made2; echo x > m; mv m ../moved; true" % (other, other))
    t.same(r.status, 0, "the shell ran")
    t.ok((w.root / "made").exists(), "a file in the project is made")
    for path in (other / "made", w.root.parent / "made", other / "made2", w.root.parent / "moved",
                 "/usr/made", "/etc/made", "/made", "/dev/made"):
        t.ok(not os.path.lexists(path), "%s is not made" % path)
    st = (w.root / "made").stat()
    t.same((st.st_uid, st.st_gid), (w.uid, w.gid), "the file belongs to the caller")


def home_and_neighbours_are_unreadable(t, w):
    for path in (w.home / "canary", w.folder("home/neighbour") / "canary", w.root / "canary"):
        path.write_text("CANARY")
        w.own(path)
    for path, want in ((w.root / "canary", "CANARY"), (w.home / "canary", ""), (w.home / "neighbour/canary", ""),
                       ("/proc/self/root%s/canary" % w.home, ""), ("/proc/1/root%s/canary" % w.home, ""),
                       ("/proc/1/cwd/../home/canary", ""), ("../home/canary", "")):
        t.same(w.sh("cat %s" % path).out.strip(), want, "cat %s" % path)
    t.same(w.sh("ls -A ~ /home /root /sys /mnt /boot 2>/dev/null").out.split(), ["/home:", "sandbox", "/home/sandbox:"],
           "the home inside is empty, and there is no other")


def network_is_loopback_of_its_own(t, w):
    with socket.create_server(("127.0.0.1", 0)) as s:
        connect = "exec 3<>/dev/tcp/127.0.0.1/%d && echo connected" % s.getsockname()[1]
        t.same(w.outside(["/bin/bash", "-c", connect]).out, "connected\n", "outside the host's listener answers")
        t.same(w.run(["/bin/bash", "-c", connect]).out, "", "inside it does not")
    t.same(w.sh("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route").out, "lo\n",
           "one interface and no route")


def host_processes_are_invisible(t, w):
    victim = w.start_outside(["/bin/sh", "-c", "sleep 60; : VICTIM"])
    try:
        seen = w.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; : MYSELF").out
        t.ok("MYSELF" in seen, "its own processes are visible", seen)
        t.ok("VICTIM" not in seen, "those of the host are not", seen)
        w.sh("kill -9 %d -1" % victim.pid)
        t.same(victim.poll(), None, "nor can they be killed")
    finally:
        os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()


def guarded_names_cannot_be_changed(t, w):
    w.git_init()
    there = {".claude/settings.json": "{}", ".mcp.json": "{}", ".vscode/tasks.json": "{}", ".pando/policy.toml": "",
             ".envrc": "", ".npmrc": "", ".git/hooks/pre-commit.sample": "x"}
    for name, text in there.items():
        (w.root / name).parent.mkdir(parents=True, exist_ok=True)
        (w.root / name).write_text(text)
    w.own(w.root)
    before = w.snapshot([*there, ".git/config"])
    w.sh("for f in %s .git/config; do echo evil >> $f; rm -f $f; echo x > t; mv -f t $f; ln -f ok $f; chmod 777 $f; done; "
         "for d in .claude .vscode .pando .git/hooks .git; do mv $d gone; rm -rf $d/hooks $d/new; echo x > $d/new.json; done; "
         "rm -rf .claude .vscode; git config core.fsmonitor evil; echo hi > ok" % " ".join(there))
    t.same(w.snapshot([*there, ".git/config"]), before, "files that decide what runs outside are as they were")
    t.ok((w.root / "ok").exists(), "another file was written")
    t.ok((w.root / ".git" / "new.json").exists(), "and so was one in .git, where commits go")
    for name in (".claude/new.json", ".vscode/new.json", ".pando/new.json", ".git/hooks/new.json"):
        t.ok(not (w.root / name).exists(), "%s is not made" % name)


def guarded_names_cannot_be_made(t, w):
    w.git_init()
    names = " ".join(GUARDED)
    w.sh("for n in %s; do mkdir -p $n; echo x > $n/f; rm -rf $n; mv $n gone; ln -s / $n; echo x > $n; done; "
         "mkdir evil; cp .git/config evil; echo ../evil > .git/commondir; rm -f .git/commondir .git/config.worktree; "
         "echo x > .git/config.worktree; echo x > other" % names)
    t.ok((w.root / "other").exists(), "another name can be made")
    t.ok(until(lambda: not w.placeholders()), "afterwards nothing of ours is left", w.placeholders())
    for name in (*GUARDED, ".git/commondir", ".git/config.worktree", "gone"):
        t.ok(not os.path.lexists(w.root / name), "%s was not made" % name)


def a_project_without_git_gets_none(t, w):
    w.sh("mkdir -p .git/hooks; git init -q .; echo x > .git/config; echo x > other")
    t.ok((w.root / "other").exists(), "another name can be made")
    t.ok(until(lambda: not os.path.lexists(w.root / ".git")), "there is no .git afterwards")
    w.sh("mkdir -p objects refs; echo 'ref: refs/heads/main' > HEAD; printf '[core]\nfsmonitor = evil\n' > config")
    t.ok((w.root / "config").exists() and until(lambda: not os.path.lexists(w.root / "HEAD")), "nor is the root itself a bare one")


def a_log_in_the_project_cannot_be_forged(t, w):
    log = w.root / "log.jsonl"
    for name in (log, w.folder("proj/logs") / "log.jsonl"):
        env = {"PANDO_GATEWAY_LOG_FILE": str(name)}
        w.sh("echo x > other; echo forged >> %s; rm -f %s; mv -f other %s" % (name, name, name), env=env)
        head = str(name) + ".head"
        r = w.sh("echo forged >> %s; rm -f %s; mv -f other %s; cat %s; flock -n %s sleep 0.3" % ((head,) * 5), env=env)
        text = name.read_text()
        t.ok("sandbox_started" in text and "forged" not in text, "its lines stay", text)
        t.ok("sha256 " not in r.out and Path(head).read_text().startswith("seq 2\n"), "and the head, out of reach", r.out)
        t.ok((w.root / "other").exists(), "another file was written")


def git_works_inside(t, w):
    w.git_init()
    r = w.sh("echo x > f && git add -A && git -c user.name=a -c user.email=a@b commit -qm one && git log --format=%s "
             "&& git status --porcelain && git checkout -qb two && git gc -q")
    t.same((r.status, r.out, r.err), (0, "one\n", ""), "add, commit, log, status, branch, gc")
    t.ok(until(lambda: not w.placeholders()), "no placeholder is left", w.placeholders())
    names = w.outside(["git", "-C", str(w.root), "ls-tree", "-r", "--name-only", "HEAD"]).out.split()
    t.same(names, ["f"], "the commit holds the file and nothing of ours")


def a_linked_worktree_keeps_its_git_file(t, w):
    (w.root / ".git").write_text("gitdir: /elsewhere/.git/worktrees/w\n")
    w.own(w.root)
    w.sh("echo 'gitdir: evil' > .git; rm -f .git; mv .git x; echo x > other")
    t.same((w.root / ".git").read_text(), "gitdir: /elsewhere/.git/worktrees/w\n", ".git is as it was")
    t.ok((w.root / "other").exists(), "another file was written")


def state_folder_cannot_be_swapped(t, w):
    w.sh("ls -A .pando-sandbox | grep . && echo seen > ~/seen; rm -rf .pando-sandbox; mv .pando-sandbox x; "
         "ln -s %s .pando-sandbox; echo x > .pando-sandbox/x; echo mine > ~/mine; echo t > /tmp/t; echo c > $XDG_CACHE_HOME/c" % w.home)
    state = w.root / ".pando-sandbox"
    t.ok(state.is_dir() and not state.is_symlink(), "it is still the directory")
    t.same(sorted(p.name for p in state.iterdir()), [".gitignore", "cache", "home", "lock", "tmp"], "with what was in it")
    t.same(stat.S_IMODE(state.stat().st_mode), 0o700, "closed to others")
    t.same(w.sh("cat ~/mine $XDG_CACHE_HOME/c").out, "mine\nc\n", "home and caches are kept for the next run")
    t.ok(not (state / "home" / "seen").exists(), "its content is hidden inside")


def the_inner_home_may_be_prepared_by_a_former_run(t, w):
    w.sh("chmod 0 ~; chmod 777 $XDG_CACHE_HOME")
    w.sh("rm -rf ~/.cache; ln -s /oldroot%s ~/.cache; ln -s %s ~/link; ln -s /oldroot%s /tmp/%s" % (
        w.home, w.home, w.home, w.root.parent.name))
    r = w.sh("echo x > ~/link/planted; echo x > ~/.cache/planted; echo fine")
    t.same(r.out, "fine\n", "the next run starts")
    t.same([p.name for p in w.home.iterdir() if p.name == "planted"], [], "and writes nothing into the person's home")


def no_more_privileges(t, w):
    t.same(w.outside(["unshare", "-Ur", "true"]).status, 0, "outside a user namespace can be made")
    for command in ("unshare -Ur true", "unshare -m true", "mount -t tmpfs none /tmp", "mount --bind /usr /tmp",
                    "umount %s/.pando-sandbox" % w.root, "mknod %s/disk b 8 0" % w.root, "chroot / true"):
        t.ok(w.sh("%s && echo it worked" % command).out == "", "%s fails" % command)
    status = dict(line.split(":\t", 1) for line in w.sh("cat /proc/self/status").out.splitlines() if ":\t" in line)
    for key, want in (("NoNewPrivs", "1"), ("Seccomp", "2"), ("CapEff", "0" * 16), ("CapBnd", "0" * 16)):
        t.same(status.get(key), want, key)
    t.same(w.sh("ulimit -c; ulimit -n; ulimit -u 2>/dev/null || ulimit -p").out.split()[:2], ["0", "8192"], "limits")


def kernel_settings_cannot_be_changed(t, w):
    w.sh("cp /proc/sys/kernel/core_pattern kept")
    t.ok((w.root / "kept").stat().st_size > 0, "they can be read")
    r = w.sh("for f in kernel/core_pattern kernel/modprobe fs/nr_open kernel/hostname vm/swappiness net/ipv4/ip_forward; do "
             "p=/proc/sys/$f; [ -w $p ] && echo $p; { v=$(cat $p) && echo $v > $p && echo wrote $p; } 2>/dev/null; done; "
             "find /proc -maxdepth 2 -type f ! -path '/proc/[0-9]*' ! -path '/proc/self*' ! -path '/proc/thread-self*' -writable "
             "2>/dev/null")
    t.same([f for f in r.out.split() if not f.startswith("/proc/pressure/")], [], "and none of them written")


def environment_is_made_anew(t, w):
    r = w.run(["/usr/bin/env", "-0"], env={"API_KEY": "SECRET", "LD_PRELOAD": "", "SSH_AUTH_SOCK": "SECRET", "LANG": "C.UTF-8",
                                            "LC_ALL": "C", "LC_x": "1", "TZ": "SECRET;rm", "BASH_ENV": "SECRET",
                                            "PANDO_RUN": "run1", "PANDO_PROCESS_ROLE": "workspace", "PANDO_OTHER": "SECRET"})
    env = dict(v.split("=", 1) for v in r.out.split("\0") if v)
    t.same(sorted(env), sorted(["PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "PWD",
                                "GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT", "npm_config_cache", "PANDO_SANDBOX",
                                "PANDO_PROJECT_ROOT", "PANDO_RUN", "PANDO_PROCESS_ROLE"]), "the names, and no other")
    t.ok("SECRET" not in r.out, "no value of the caller's that is not on the list")
    t.same((env.get("HOME"), env.get("PANDO_SANDBOX"), env.get("PANDO_PROJECT_ROOT"), env.get("LANG")),
           ("/home/sandbox", "1", str(w.root), "C.UTF-8"), "values")


def descriptors_are_those_named(t, w):
    (w.home / "secret").write_text("SECRET")
    w.own(w.home)
    fd = os.open(w.home / "secret", os.O_RDONLY)
    try:
        os.dup2(fd, 45, inheritable=True)
        read = "cat <&45 2>/dev/null; ls /proc/self/fd | tr '\\n' ' '; ls /proc/1/fd -l | grep -c -e %s" % w.home
        t.ok("SECRET" in w.run(["/bin/bash", "-c", read], pass_fds=[45], more=["--keep-fd", "45"]).out, "a kept one is there")
        os.lseek(45, 0, 0)
        out = w.run(["/bin/bash", "-c", read], pass_fds=[45]).out
        t.same(out, "0 1 2 3 0\n", "one that is not named is closed (3 is the listing's own)")
        t.same(w.run(["/bin/true"], more=["--keep-fd", "46"]).status, 64, "one that is not open is an error")
    finally:
        os.close(45)
        os.close(fd)
    folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        r = w.run(["/bin/true"], pass_fds=[folder], more=["--keep-fd", str(folder)])
        t.same(r.status, 77, "a directory is refused: it would lead out")
        t.same(w.run(["/bin/true"], stdin=folder).status, 77, "on standard input too")
    finally:
        os.close(folder)


def a_kept_socket_talks(t, w):
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with a, b:
        w.run(["/bin/bash", "-c", "echo hello >&%d" % b.fileno()], pass_fds=[b.fileno()], more=["--keep-fd", str(b.fileno())])
        b.close()
        a.settimeout(5)
        t.same(a.recv(99), b"hello\n", "what was written inside arrives")


def exit_status_and_streams_pass(t, w):
    r = w.sh("cat; echo err >&2; exit 7", stdin_text="in\n")
    t.same((r.status, r.out, r.err), (7, "in\n", "err\n"), "status, input, output, error")
    t.same(w.sh("kill -TERM $$").status, 128 + signal.SIGTERM, "an end by signal")
    t.same(w.run(["/bin/sh", "-c", "echo $0 $@", "a b", "--", "--check"]).out, "a b -- --check\n", "arguments as given")
    t.same(w.run(["/bin/sh", "-c", "readlink /proc/1/exe >/dev/null; tr '\\0' ' ' < /proc/$$/cmdline"]).out.split()[0], "sh",
           "the program is called by its own name")


def policy_is_there_to_read(t, w):
    given, data = with_policy(w, "# mine\n")
    say = ["/bin/sh", "-c", "cat $PANDO_POLICY; echo x > $PANDO_POLICY; echo $PANDO_POLICY $PANDO_POLICY_SHA256 >&2"]
    r = w.run(say, **given)
    t.same(r.out.encode(), data, "a copy of the policy")
    t.ok("/run/pando/policy %s" % given["env"]["PANDO_POLICY_SHA256"] in r.err, "the environment names it", r.err)
    path = Path(given["more"][1])
    t.same(path.read_bytes(), data, "that cannot be written")
    t.same(w.sh("ls /run/pando").out.split(), ["cache", "program", "sandbox"], "none when none is given")
    for name, how in (("absent", {"more": ["--policy", str(path) + "x"]}),
                      ("changed", {"more": given["more"], "env": {"PANDO_POLICY_SHA256": "0" * 64}}),
                      ("of another project", with_policy(w, root=w.home)[0])):
        r = w.run(["/bin/true"], **how)
        t.same(r.status, 78, "one that is %s: nothing starts" % name)


def what_policy_makes_read_only_is(t, w):
    (w.root / "vendor").mkdir()
    for name in ("vendor/a.c", "lock.json", "free"):
        (w.root / name).write_text("as it was")
    w.own(w.root)
    before = w.snapshot(["vendor/a.c", "lock.json"])
    given, _ = with_policy(w, '[sandbox]\nread_only = ["vendor", "lock.json"]\n')
    w.run(["/bin/sh", "-c", "for f in vendor/a.c lock.json free; do echo x > $f; rm -f $f; done; echo x > vendor/b.c; "
           "mv vendor gone; rm -rf vendor; echo y > y; mv -f y lock.json; echo x > free"], **given)
    t.same(w.snapshot(["vendor/a.c", "lock.json"]), before, "they are as they were")
    t.ok(not (w.root / "vendor/b.c").exists(), "nothing is added")
    t.same((w.root / "free").read_text(), "x\n", "another file can be written")
    for name, text in (("absent", '["vendor", "no/such"]'), ("a link", '["link"]')):
        (w.root / "link").symlink_to("free") if name == "a link" else None
        given, _ = with_policy(w, "[sandbox]\nread_only = %s\n" % text)
        r = w.run(["/bin/sh", "-c", "echo x > started"], **given)
        t.ok(r.status == 77 and text.split('"')[-2] in r.err, "%s: nothing starts, and why is told" % name, (r.status, r.err))
        r = w.outside([w.sandbox, "--project-root", w.root, *given["more"], "--check"], env=given["env"])
        t.ok(r.status == 77 and text.split('"')[-2] in r.err, "%s: a check says it, too" % name, (r.status, r.err))
    t.ok(not (w.root / "started").exists() and not w.placeholders(), "no trace", w.placeholders())


def what_policy_opens_is_open(t, w):
    w.git_init()
    given, _ = with_policy(w, '[sandbox]\nwritable = [".vscode", ".git/hooks"]\n')
    r = w.run(["/bin/sh", "-c", "mkdir .vscode; echo x > .vscode/tasks.json; echo x > .git/hooks/pre-push; "
               "echo x > .git/config; echo x > .mcp.json; mkdir -p .pando; echo x > .pando/policy.toml"], **given)
    t.ok((w.root / ".vscode/tasks.json").exists() and (w.root / ".git/hooks/pre-push").exists(), "it can be written", r.err)
    t.ok("x" not in (w.root / ".git/config").read_text().split(), "what is not named cannot")
    t.ok(until(lambda: not w.placeholders()), "the placeholders go", w.placeholders())
    t.ok(not os.path.lexists(w.root / ".pando") and not os.path.lexists(w.root / ".mcp.json"), "nor be made")
    for name in (".pando", ".git", "HEAD", "src"):
        given, _ = with_policy(w, '[sandbox]\nwritable = ["%s"]\n' % name)
        r = w.run(["/bin/true"], **given)
        t.ok(r.status == 78 and "writable" in r.err, "%s cannot be opened" % name, (r.status, r.err))


def a_project_policy_of_the_meantime_stays(t, w):
    """The placeholder of .pando is a folder, and a person may put a policy into it while a run lasts."""
    p = w.start(["/bin/sh", "-c", "until test -e .pando/policy.toml; do sleep 0.05; done; "
                 "echo x > .pando/policy.toml; rm -rf .pando; mv .pando gone; echo done > done"])
    t.ok(until(lambda: (w.root / ".pando").is_dir()), "there is a placeholder")
    (w.root / ".pando/policy.toml").write_text("# a person's\n")
    w.own(w.root)
    t.ok(until(lambda: (w.root / "done").exists()), "inside it is seen")
    p.wait(SECONDS)
    t.ok(until(lambda: not w.placeholders()), "afterwards nothing of ours is left", w.placeholders())
    t.same((w.root / ".pando/policy.toml").read_text(), "# a person's\n", "and the policy is as the person made it")


def the_end_of_bwrap_ends_all(t, w):
    w.git_init()
    p = w.start(["/bin/sh", "-c", "(setsid sh -c 'while :; do echo x >> beat; sleep 0.05; done' &) ; sleep 60"])
    beat = w.root / "beat"
    t.ok(until(lambda: beat.exists() and beat.stat().st_size > 4), "a daemon inside writes")
    t.ok(w.placeholders(), "while it runs, names are held by placeholders")
    p.kill()
    p.wait()
    time.sleep(0.3)
    size = beat.stat().st_size
    time.sleep(0.5)
    t.same(beat.stat().st_size, size, "after SIGKILL it has stopped")
    t.ok(until(lambda: not w.placeholders()), "and the placeholders are gone", w.placeholders())


def the_last_of_two_tidies_up(t, w):
    w.git_init()
    first = w.start(["/bin/sh", "-c", "echo 1 > one; read x; echo evil > .mcp.json/x; mkdir .claude/x; echo done > three"], stdin=subprocess.PIPE)
    until((w.root / "one").exists)
    w.sh("echo 2 > two")
    t.ok((w.root / "two").exists(), "a second one runs beside the first")
    time.sleep(0.3)
    t.ok(w.placeholders(), "its end leaves the first one's guards")
    (w.root / ".vscode" / "mine").write_text("by the person")
    first.communicate(b"\n", timeout=20)
    t.ok((w.root / "three").exists(), "the first one goes on")
    t.ok(until(lambda: w.placeholders() == []), "the last end removes them", w.placeholders())
    t.same((w.root / ".vscode" / "mine").read_text(), "by the person", "but not what a person has put there")
    t.same(stat.S_IMODE((w.root / ".vscode").stat().st_mode), 0o755, "which is a usual folder now")


def a_cleared_project_is_guarded_again(t, w):
    for _ in range(8):
        w.git_init()
        r = w.sh("mkdir .claude/x; echo x > .git/commondir; echo ran")
        t.same(r.out, "ran\n", "it starts beside the end of the one before")
        shutil.rmtree(w.root / ".pando-sandbox", ignore_errors=True)
        shutil.rmtree(w.root / ".git", ignore_errors=True)  # it is being tidied at the same time
    t.ok(until(lambda: not w.placeholders()), "no placeholder is left", w.placeholders())
    t.ok(not (w.root / ".claude").exists(), "nothing was made in their place")


def what_a_power_cut_left_is_removed(t, w):
    w.git_init()
    for name in (".claude", ".pando"):
        (w.root / name).mkdir()
        (w.root / name).chmod(0o1700)
    w.own(w.root)
    w.sh("true")
    t.ok(until(lambda: not w.placeholders()), "placeholders of a former run are gone", w.placeholders())


def a_home_called_sandbox_is_no_trap(t, w):
    r = w.run(["/bin/sh", "-c", "cat /etc/passwd /etc/group /etc/hosts; hostname; id -u"])
    text = r.out
    t.ok(":%d:" % w.uid in text and text.endswith("sandbox\n%d\n" % w.uid), "the user has a name inside, the host does not", text)
    with open("/etc/passwd", encoding="utf-8") as f:
        others = [line.split(":")[0] for line in f if line.split(":")[0] not in ("root", "sandbox")]
    t.ok(not any(line.startswith(shlex.quote(n) + ":") for n in others for line in text.splitlines()), "and no other person")


CASES = [v for k, v in list(globals().items()) if getattr(v, "__module__", None) == "__main__" and callable(v)]

if __name__ == "__main__":
    sys.exit(main(CASES))
