#!/usr/bin/env python3
"""The real pando-mcp in the workspace role, with the real bubblewrap, sandbox and keeper."""

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading

sys.dont_write_bytecode = True

from _mcp import ANSWER_SECONDS, Scratch, Server, done, has, report, same, skip

WORKSPACE = ["replace", "insert", "shell-command", "snapshot-worktree", "restore-files"]
CORE = ["read-file", "list-files", "search-text", "find-nodes"]


def signals_can_be_scoped():
    """landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)"""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) >= 6


def processes_of(mark):
    """Those whose command line has the mark: {pid: command line}."""
    out = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and int(pid) != os.getpid():
            out[int(pid)] = line
    return out


def wait_until_gone(mark):
    """By the descriptors of the processes themselves, not by looking again and again."""
    for pid in processes_of(mark):
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        with os.fdopen(fd, "rb", buffering=0) as end:
            select.select([end], [], [], ANSWER_SECONDS)
    return processes_of(mark)


def roles(s):
    with Server(s, "workspace") as m:
        got = m.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                   "clientInfo": {"name": "t", "version": "1"}})["result"]
        same(got["serverInfo"]["name"], "pando_workspace", "the server's name")
        same(m.tools(), WORKSPACE, "the workspace has its tools and no other")
        same(m.call("read-file", path="x")[1], -32602, "the core's are unknown to it")
        same(m.end()[0], 0, "the end of input is the end")
    same(wait_until_gone(s.root), {}, "and no process is left")
    with Server(s, None) as m:
        same(m.tools(), CORE + WORKSPACE, "without a role it has both")
        s.write("both", "x\n")
        has(m.call("read-file", path="both")[0], "     1\tx", "and they work")


def editing(s, m):
    s.write("src/a.c", "one\ntwo\ntwo\n", 0o755)
    text, failed, data = m.call("replace", path="src/a.c", old_text="one", new_text="1")
    same((failed, s.read("src/a.c")), (False, "1\ntwo\ntwo\n"), "replace")
    same(stat.S_IMODE(os.stat(s.path("src", "a.c")).st_mode), 0o755, "keeps the mode")
    has(text, "changed src/a.c\n", "tells the changed file")
    has(text, data["undo"], "and the snapshot that undoes it")
    same(m.call("restore-files", snapshot=data["undo"])[1], False, "which works:")
    same(s.read("src/a.c"), "one\ntwo\ntwo\n", "it is as before")
    m.call("replace", path="src/a.c", old_text="two", new_text="2", all=True)
    same(s.read("src/a.c"), "one\n2\n2\n", "every place")
    current = m.call("insert", path="src/a.c", text="zero", line=1)[2]["hash"]
    same(s.read("src/a.c"), "zero\none\n2\n2\n", "insert before a line")
    for arguments, says in (
            ({"old_text": "absent", "new_text": "x"}, "does not occur"),
            ({"old_text": "2", "new_text": "x"}, "occurs 2 times"),
            ({"old_text": "one", "new_text": "x", "expected_hash": "0" * 16}, current),
            ({"old_text": "one", "new_text": "one"}, "the same")):
        text, failed, _ = m.call("replace", path="src/a.c", **arguments)
        same(failed, True, f"replace {arguments} is refused")
        has(text, says, "and says why")
    same(s.read("src/a.c"), "zero\none\n2\n2\n", "nothing of that was written")
    m.call("replace", path="src/a.c", old_text="one", new_text="I", expected_hash=current)
    same(s.read("src/a.c"), "zero\nI\n2\n2\n", "the right hash is accepted")
    m.call("insert", path="new/dir/b.txt", text="made\n", create=True)
    same(s.read("new/dir/b.txt"), "made\n", "a new file in new directories")
    has(m.call("insert", path="new/dir/b.txt", text="x", create=True)[0], "exists",
        "a new file never replaces one")
    m.call("insert", path="new/dir/b.txt", text="end\n", at_end=True)
    same(s.read("new/dir/b.txt"), "made\nend\n", "insert at the end")
    has(m.call("insert", path="new/dir/b.txt", text="x")[0], "exactly one of", "where?")
    os.symlink("/etc/passwd", s.path("link"))
    same(m.call("replace", path="link", old_text="root", new_text="toor")[1], True,
         "a link is not written through")
    os.unlink(s.path("link"))


def isolation(s, m):
    """What a command must not reach. Each attempt is shown to work outside first."""
    outside = os.path.join(s.top, "outside")
    with open(outside, "w") as f:
        f.write("canary")
    secret = os.path.join(s.home, "secret")
    with open(secret, "w") as f:
        f.write("hunter2")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    connect = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo CONNECTED"
    for command, sign, what in (
            (f"cat {secret}", "hunter2", "the home directory is not there"),
            (f"cat {outside}", "canary", "nor is what lies beside the project"),
            (connect, "CONNECTED", "there is no network"),
            ("cat /proc/*/cmdline | tr '\\0' '\\n'", "mcp_workspace.py", "nor other processes")):
        plain = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=False)
        report(sign in plain.stdout.decode(errors="replace"), "outside: " + command)
        text, _, _ = m.call("shell-command", command=command)
        report(sign not in text, what, text)
    listener.close()
    for target in (outside, os.path.join(s.top, "new"), "/usr/bin/evil", "/etc/evil"):
        m.call("shell-command", command=f"echo evil > {target}")
    with open(outside) as f:
        same(f.read(), "canary", "a file outside of the root stays")
    report(not any(os.path.exists(p) for p in
                   (os.path.join(s.top, "new"), "/usr/bin/evil", "/etc/evil")),
           "and none is made there")
    text, _, _ = m.call("shell-command", command="env; ls -l /proc/self/fd")
    report("PANDO_RUN" not in text and "socket:" not in text,
           "a command has neither our variables nor the keeper's socket", text)
    same(m.call("shell-command", command="echo > s; cat s")[2]["exit_status"], 0,
         "the project can be written")


def commands(s, m):
    os.makedirs(s.path("sub"), exist_ok=True)
    text, failed, data = m.call("shell-command", command="pwd; echo e >&2; exit 3", cwd="sub")
    same((data["exit_status"], failed), (3, False), "exit status")
    has(text, f"stdout:\n{s.path('sub')}\nstderr:\ne\n", "both outputs, in the directory asked for")
    text, _, data = m.call("shell-command", command="rm -f sub/x; echo a > sub/x")
    has(text, "added sub/x\n", "changes by a command are told")
    for where, says in (("nope", "No such file"), ("..", '".."'), ("/etc", "outside")):
        has(m.call("shell-command", command="true", cwd=where)[0], says, f"cwd {where}")
    mark = "mark%d" % os.getpid()
    text, failed, data = m.call(
        "shell-command", timeout_ms=300,
        command=f"echo early; setsid bash -c 'exec -a {mark} sleep 1000' &"
                f" exec -a {mark} sleep 1000")
    same((failed, data["timed_out"]), (True, True), "time is bounded")
    has(text, "early", "what came before is told")
    same(processes_of(mark), {}, "nothing of it is left")
    m.call("shell-command", command=f"(setsid bash -c 'exec -a {mark} sleep 1000' &)")
    same(processes_of(mark), {}, "nor of what a command leaves behind")
    if signals_can_be_scoped():
        text, _, data = m.call(
            "shell-command", timeout_ms=2000,
            command="for s in 0 STOP KILL; do kill -$s $PPID; done; sleep 1000 & "
                    "kill -TERM $!; wait $!; echo own $?")
        same(data.get("timed_out"), False, "a command cannot stop the server that bounds it")
        has(text, "own 143", "but signal what is its own")
    else:
        skip("a command cannot stop the server", "needs Landlock 6 (Linux 6.12)")
    text, _, _ = m.call("shell-command", command="head -c 10000000 /dev/zero | tr '\\0' x")
    report(len(text) < 100000 and "left out" in text, "output is bounded", len(text))
    text, _, _ = m.call("shell-command", command="printf '\\xff\\x00ok'")
    has(text, "ok", "bytes that are not text do no harm")


def restoring(s, m):
    s.write("r/keep", b"bytes \x00\xff\r\n", 0o640)
    s.write("r/run", "#!/bin/sh\n", 0o755)
    s.write("r/secret", "x", 0o400)
    s.write("r/gone/deep", "deep\n")
    os.symlink("keep", s.path("r", "link"))
    _, _, data = m.call("snapshot-worktree", why="before the storm")
    good = data["snapshot"]
    same(data["snapshots"][0]["id"], good, "it is the newest of the list")
    m.call("shell-command", command="cd r && rm -rf gone link && echo changed > keep && "
           "chmod 777 run && chmod 600 secret && ln -s run link && echo n > added && mkdir d && "
           "echo n > d/e")
    same((s.read("r/keep"), os.readlink(s.path("r", "link")), os.path.exists(s.path("r", "gone"))),
         ("changed\n", "run", False), "the storm was real")
    text, failed, data = m.call("restore-files", snapshot=good, paths=["r/keep", "r/gone"])
    same((failed, s.read("r/gone/deep")), (False, "deep\n"), "some paths are restored")
    same(os.path.exists(s.path("r", "added")), True, "the others are not touched")
    text, failed, data = m.call("restore-files", snapshot=good)
    same(failed, False, "all is restored")
    with open(s.path("r", "keep"), "rb") as f:
        same(f.read(), b"bytes \x00\xff\r\n", "bytes")
    same({n: oct(stat.S_IMODE(os.lstat(s.path("r", n)).st_mode))
          for n in ("keep", "run", "secret")},
         {"keep": "0o640", "run": "0o755", "secret": "0o400"}, "modes")
    same(os.readlink(s.path("r", "link")), "keep", "the link")
    same(sorted(os.listdir(s.path("r"))), ["gone", "keep", "link", "run", "secret"],
         "deletions back, additions gone")
    has(m.call("restore-files", snapshot=good)[0], "nothing to do", "twice is once")
    m.call("shell-command", command="cp r/run r/made; chmod 6755 r/made")
    armed = m.call("snapshot-worktree")[2]["snapshot"]
    same(oct(os.stat(s.path("r", "made")).st_mode), "0o106755", "a command makes a setuid file")
    m.call("replace", path="r/made", old_text="#!", new_text="# !")
    same(oct(os.stat(s.path("r", "made")).st_mode), "0o100755", "an edit does not keep that")
    m.call("shell-command", command="rm r/made")
    m.call("restore-files", snapshot=armed)
    same(oct(os.stat(s.path("r", "made")).st_mode), "0o100755", "nor does a snapshot give it back")
    has(m.call("restore-files", snapshot=armed)[0], "nothing to do", "and twice is once")
    os.unlink(s.path("r", "made"))
    m.call("restore-files", snapshot=data["undo"])
    same(s.read("r/added"), "n\n", "a restore can be undone")
    same(m.call("restore-files", snapshot="0" * 40)[1], True, "an unknown snapshot is an error")
    same(m.call("restore-files", snapshot=good, paths=["../x"])[1], True, "a path outside too")


def stopping(s):
    mark = "stop%d" % os.getpid()
    slow = {"name": "shell-command",
            "arguments": {"command": f"echo up > fifo; exec -a {mark} sleep 1000"}}

    def begun(m):
        os.mkfifo(s.path("fifo"))
        m.send(id=90, method="tools/call", params=slow)
        with open(s.path("fifo")) as f:
            same(f.read(), "up\n", "the command runs")
        os.unlink(s.path("fifo"))

    with Server(s, "workspace") as m:
        begun(m)
        m.send(method="notifications/cancelled", params={"requestId": 90})
        same(m.ask("ping")["result"], {}, "a cancelled call ends at once, without an answer")
        same(processes_of(mark), {}, "and its process too")
        begun(m)
        m.send(id=91, method="ping")
        m.send(method="notifications/cancelled", params={"requestId": "90"})
        m.send(method="notifications/cancelled", params={"requestId": 90})
        same(m.answer()["id"], 91, "only the right id cancels; what waited is answered")
        begun(m)
        m.process.stdin.close()
        same(m.process.wait(timeout=ANSWER_SECONDS), 0, "the end of input ends a command")
    same(wait_until_gone(s.root), {}, "no process is left")
    with Server(s, "workspace") as m:
        begun(m)
        os.kill(m.process.pid, signal.SIGTERM)
        report(m.process.wait(timeout=ANSWER_SECONDS) != 0, "SIGTERM ends it")
    same(wait_until_gone(mark), {}, "with the command")
    same(wait_until_gone(s.root), {}, "and all that served it")


def without_keeper(s):
    s.write("k", "before\n")
    with Server(s, "workspace") as m:
        m.ask("ping")
        for pid, line in processes_of(s.root).items():
            if "pando-keeper" in line.split()[0]:
                os.kill(pid, signal.SIGKILL)
        text, failed, _ = m.call("replace", path="k", old_text="before", new_text="after")
        same((failed, s.read("k")), (True, "before\n"), "without the keeper nothing is changed")
        has(text, "not done", "and that is told")
        text, failed, _ = m.call("shell-command", command="echo x > made")
        same((failed, os.path.exists(s.path("made"))), (True, False), "nor is a command run")


def without_sandbox(s):
    """No bubblewrap, or a pando-sandbox that says no: no tools, the reason, nothing done."""
    hidden = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", "/dev/null",
              os.path.realpath(shutil.which("bwrap"))]
    with Server(s, "workspace", wrap=hidden) as m:
        same(m.tools(), [], "without bubblewrap there are no tools")
        has(m.call("shell-command", command="echo x > never")[0], "bubblewrap",
            "and the reason names it")
        same(os.path.exists(s.path("never")), False, "nothing was run")
    prefix = os.path.join(s.top, "prefix", "libexec", "pando-ai")
    os.makedirs(prefix)
    for name in ("pando-mcp", "pando-keeper"):
        shutil.copy(os.path.join(s.build, "libexec", "pando-ai", name), prefix)
    program, s.program = s.program, os.path.join(prefix, "pando-mcp")
    before = len(s.log())
    for text, says in ((None, "pando-sandbox"),
                       ("#!/bin/sh\necho 'pando-sandbox: no bwrap here' >&2\nexit 75\n",
                        "no bwrap here"),
                       ("#!/bin/sh\nexit 7\n", "status 7")):
        if text is not None:
            with open(os.path.join(prefix, "pando-sandbox"), "w") as f:
                f.write(text)
            os.chmod(os.path.join(prefix, "pando-sandbox"), 0o755)
        for role in ("workspace", None):
            with Server(s, role) as m:
                got = m.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                           "clientInfo": {"name": "t", "version": "1"}})
                has(got["result"]["instructions"], says, "the reason is in the instructions")
                same(m.tools(), [], "there are no tools")
                s.write("w", "before\n")
                text_back, failed, _ = m.call("replace", path="w", old_text="before", new_text="x")
                same((failed, s.read("w")), (True, "before\n"), "a call does nothing")
                has(text_back, says, "and says why")
                status, err = m.end()
                same(status, 0, "it ends well")
                has(err, says, "the person can see it too")
    same({x["event"] for x in s.log()[before:]}, {"sandbox_unavailable"}, "it is in the log")
    report(all(x["note"] for x in s.log()[before:]), "with the reason")
    s.program = program


def policy(s):
    """The person's policy is the one that holds inside."""
    for text, status, says in (("[native_tools]\nallow = []\n", 0, ""),
                               ("[native_tools]\nallow = 7\n", 78, "policy.toml:2")):
        s.policy(text, alone=True)
        with Server(s, "workspace") as m:
            got, err = m.end()
            same(got, status, f"with the policy {text!r}")
            has(err, says, "and the place of its error")
    s.policy()


def several(s):
    """Two servers of one project, and a project whose name is unusual."""
    s.write("a", "one\n")
    s.write("b", "one\n")
    with Server(s, "workspace") as m, Server(s, "workspace") as n:
        for server, name in ((m, "a"), (n, "b"), (m, "b"), (n, "a")):
            text, failed, _ = server.call("insert", path=name, text="more\n", at_end=True)
            same(failed, False, f"two servers, one project: {name}")
        same((s.read("a"), s.read("b")), ("one\nmore\nmore\n",) * 2, "both have written")
    odd = os.path.join(s.top, "odd näme 'x'")
    os.mkdir(odd)
    with Server(s, "workspace", root=odd) as m:
        _, failed, data = m.call("shell-command", command="pwd > here; cat here")
        same((failed, data["exit_status"]), (False, 0), "a project with an unusual name")
    with open(os.path.join(odd, "here")) as f:
        same(f.read(), odd + "\n", "is its own place")


def started_by_a_thread(s):
    """A client may start us from a thread that ends soon, as codex does. Then we live on."""
    servers = []

    def start():
        servers.append(Server(s, "workspace"))
        servers[0].ask("ping")
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with servers[0] as m:
        same(m.call("shell-command", command="echo alive")[1], False,
             "the server outlives the thread that started it")
        os.kill(m.process.pid, signal.SIGKILL)
    same(wait_until_gone(s.root), {}, "but not the process outside")


def logged(s):
    before = len(s.log())
    s.write("log", "a\n")
    with Server(s, "workspace") as m:
        swap = {"path": "log", "new_text": "b"}
        m.call("replace", {"claudecode/toolUseId": "toolu_9"}, old_text="a", **swap)
        m.call("replace", {"callId": "call_9"}, old_text="zzz", **swap)
        listed = m.call("snapshot-worktree", list=4)[2]["snapshots"]
        m.end()
    lines = [x for x in s.log()[before:] if x["event"].startswith("mcp_")]
    same([(x["event"], x.get("tool"), x.get("call_id")) for x in lines][:4],
         [("mcp_started", None, None), ("mcp_call_allowed", "replace", "toolu_9"),
          ("mcp_call_allowed", "replace", "call_9"), ("mcp_call_failed", "replace", "call_9")],
         "the keeper writes the decision log")
    report(all(x["run"] == "run1" and x["server"] == "pando_workspace" for x in lines),
           "with run and server", lines)
    report(any(x["call"] == "toolu_9" for x in listed), "snapshots name the call",
           json.dumps(listed))


def main():
    os.umask(0o022)
    with Scratch() as s:
        roles(s)
        with Server(s, "workspace") as m:
            editing(s, m)
            isolation(s, m)
            commands(s, m)
            restoring(s, m)
        stopping(s)
        without_keeper(s)
        without_sandbox(s)
        policy(s)
        several(s)
        started_by_a_thread(s)
        logged(s)
    done()


if __name__ == "__main__":
    main()
