#!/usr/bin/env python3
"""The real pando-keeper over a real SOCK_SEQPACKET pair: what it keeps, what it refuses,
and that neither a kill nor a full disk harms the chain."""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import decision_logs

MESSAGE_MAX = 65536
REPLY_SECONDS = 60
SMALL_DISK_BYTES = 3 << 20
NOBODY = 65534

counts = {"ok": 0, "not ok": 0, "skip": 0}


def report(good, what, detail=""):
    counts["ok" if good else "not ok"] += 1
    print(("ok - " if good else "not ok - ") + what + ("" if good else f": {detail}"))


def same(have, want, what):
    report(have == want, what, f"have {have!r}, want {want!r}")


def skip(what, why):
    counts["skip"] += 1
    print(f"skip - {what} # {why}")


class Keeper:
    """A running keeper and our end of its socket."""

    def __init__(self, program, root, home, user=None):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(REPLY_SECONDS)
        env = {"HOME": home, "PATH": "/usr/bin:/bin", "PANDO_RUN": "run1",
               "PANDO_AGENT": "claude", "LC_ALL": "C"}

        def place():
            os.dup2(theirs.fileno(), 3)
        self.process = subprocess.Popen(
            [program, "--project-root", root], env=env, pass_fds=(3,), preexec_fn=place,
            stderr=subprocess.PIPE, user=user, group=user, extra_groups=user and [])
        theirs.close()

    def send(self, message):
        self.sock.send(message if isinstance(message, bytes) else json.dumps(message).encode())

    def receive(self):
        text, fds, flags, _ = socket.recv_fds(self.sock, MESSAGE_MAX, 4)
        bulk = None
        for fd in fds:
            with os.fdopen(fd, "rb") as f:
                bulk = f.read()
        return json.loads(text) if text else None, bulk

    def ask(self, message):
        self.send(message)
        return self.receive()

    def snapshot(self, why="test", call="call_1"):
        reply, _ = self.ask({"op": "snapshot", "why": why, "call": call})
        return reply

    def diff(self, snapshot_id):
        reply, bulk = self.ask({"op": "diff", "id": snapshot_id})
        return json.loads(bulk) if reply["ok"] else reply

    def read(self, snapshot_id, path):
        key = {"path_hex": path.hex()} if isinstance(path, bytes) else {"path": path}
        return self.ask({"op": "read", "id": snapshot_id, **key})

    def listed(self):
        reply, bulk = self.ask({"op": "list", "max": 100})
        return json.loads(bulk) if reply["ok"] else reply

    def close(self):
        self.sock.close()
        _, err = self.process.communicate(timeout=REPLY_SECONDS)
        return self.process.returncode, err.decode(errors="replace")


def path_of(entry):
    return bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else entry["path"].encode()


def survey(root):
    """Everything that a restore must bring back: kind, mode, content of each path."""
    seen = {}
    for at, dirs, files in os.walk(os.fsencode(root)):
        for name in dirs + files:
            path = os.path.join(at, name)
            st = os.lstat(path)
            rel = os.path.relpath(path, os.fsencode(root))
            if stat.S_ISLNK(st.st_mode):
                seen[rel] = ("link", os.readlink(path))
            elif stat.S_ISDIR(st.st_mode):
                seen[rel] = ("dir", stat.S_IMODE(st.st_mode))
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
                seen[rel] = ("file", stat.S_IMODE(st.st_mode), digest)
    return seen


def carry_out(keeper, snapshot_id, root):
    """What restore-files has to do, in the order of the answer."""
    for entry in keeper.diff(snapshot_id):
        path = os.path.join(os.fsencode(root), path_of(entry))
        status, mode = entry["status"], entry["mode"]
        if status == "delete":
            os.unlink(path)
        elif status == "rmdir":
            os.rmdir(path)
        elif status == "mkdir":
            os.mkdir(path)
            os.chmod(path, mode | 0o700)
        elif status == "mode":
            os.chmod(path, mode)
        elif status == "write":
            name = entry.get("path", path_of(entry))
            reply, content = keeper.read(snapshot_id, name)
            if os.path.lexists(path):
                os.unlink(path)
            if reply["kind"] == "link":
                os.symlink(content, path)
                continue
            with open(path, "wb") as f:
                f.write(content)
            os.chmod(path, mode)


def write(root, rel, content, mode=0o644):
    path = os.path.join(os.fsencode(root), os.fsencode(rel))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, mode)


def populate(root):
    write(root, "plain.txt", b"one\r\ntwo\n")
    write(root, "secret", b"\x00\xff\x00", 0o600)
    write(root, "tool.sh", b"#!/bin/sh\n", 0o755)
    write(root, "read-only", b"r", 0o444)
    write(root, "odd-mode", b"o", 0o664)
    write(root, ".gitattributes", b"* text=auto eol=crlf filter=lfs\n")
    write(root, "sub-a", b"sorts around sub/")
    write(root, "sub/deep/er/f", b"deep")
    write(root, "sub0", b"sorts around sub/")
    write(root, "d\u00e9j\u00e0 vu", b"unicode")
    write(root, b"\xff\xfe not utf-8", b"bytes")
    write(root, ".GIT/config", b"not a repository")
    write(root, "git~1", b"a name that git would refuse")
    os.mkdir(os.path.join(root, "empty"))
    os.mkdir(os.path.join(root, "private"), 0o700)
    os.symlink("/etc/passwd", os.path.join(root, "link"))
    os.symlink("nowhere", os.path.join(root, "sub/dangling"))


def spoil(root):
    """One of every kind of change."""
    write(root, "plain.txt", b"changed")
    os.unlink(os.path.join(root, "secret"))
    os.chmod(os.path.join(root, "tool.sh"), 0o600)
    os.unlink(os.path.join(root, "link"))
    os.mkdir(os.path.join(root, "link"))
    write(root, "link/inside", b"x")
    shutil.rmtree(os.path.join(root, "sub"))
    os.symlink("/etc", os.path.join(root, "sub"))
    os.rmdir(os.path.join(root, "empty"))
    write(root, "empty", b"now a file")
    os.unlink(os.path.join(os.fsencode(root), b"\xff\xfe not utf-8"))
    write(root, b"\xfd new", b"n")
    write(root, "new/dir/file", b"n")
    os.chmod(os.path.join(root, "private"), 0o755)


def store_of(home):
    top = os.path.join(home, ".pando-data/snapshots")
    return [os.path.join(top, n) for n in os.listdir(top) if n.endswith(".git")]


def chain_is_whole(home, what):
    for repo in store_of(home):
        got = subprocess.run(
            ["git", "-c", "safe.directory=*", "--git-dir", repo, "fsck", "--full",
             "--no-dangling"], capture_output=True, text=True)
        bad = [x for x in (got.stdout + got.stderr).splitlines()
               if "missing" in x or "broken" in x or "error" in x or "corrupt" in x]
        report(got.returncode == 0 and not bad, what, f"{got.returncode}: {bad}")


def restores_everything(program, root, home):
    populate(root)
    before = survey(root)
    k = Keeper(program, root, home)
    first = k.snapshot("before the change", "toolu_1")
    report(first["ok"] and first["new"], "a first snapshot is new", first)
    again = k.snapshot()
    same((again["id"], again["new"]), (first["id"], False),
         "an unchanged tree takes no new snapshot")
    same(k.diff(first["id"]), [], "an unchanged tree differs in nothing")
    spoil(root)
    after = survey(root)
    second = k.snapshot("replace plain.txt\nand more", "toolu_2")
    report(second["new"], "a changed tree takes a new snapshot", second)
    carry_out(k, first["id"], root)
    same(survey(root), before, "carrying out the diff brings bytes, modes, kinds back")
    same(k.diff(first["id"]), [], "nothing is left to do then")
    carry_out(k, second["id"], root)
    same(survey(root), after, "and forth again")
    same([(x["id"], x["why"], x["call"]) for x in k.listed()],
         [(second["id"], "replace plain.txt and more", "toolu_2"),
          (first["id"], "before the change", "toolu_1")], "the list is newest first")
    reply, content = k.read(first["id"], b"\xff\xfe not utf-8")
    same((reply["ok"], content), (True, b"bytes"), "a name that is not UTF-8 is readable")
    reply, content = k.read(first["id"], "link")
    same((reply["kind"], content), ("link", b"/etc/passwd"), "a link is its target")
    same(k.close()[0], 0, "the keeper ends when the peer closes")
    chain_is_whole(home, "git finds nothing wrong with the store")


def skips_what_it_cannot_keep(program, root, home):
    write(root, "kept", b"k")
    os.mkfifo(os.path.join(root, "fifo"))
    listener = socket.socket(socket.AF_UNIX)
    cwd = os.getcwd()
    os.chdir(root)
    listener.bind("sock")
    os.chdir(cwd)
    with open(os.path.join(root, "huge"), "wb") as f:
        f.truncate((256 << 20) + 1)
    write(root, "nested/.git/HEAD", b"ref: refs/heads/x\n")
    write(root, ".git/HEAD", b"ref: refs/heads/main\n")
    write(root, ".pando-sandbox/home/x", b"x")
    k = Keeper(program, root, home)
    got = k.snapshot()
    same({x["path"]: x["reason"] for x in got["skipped"]},
         {"fifo": "a FIFO", "sock": "a socket", "huge": "larger than 256 MiB",
          "nested/.git": "a nested repository's own data"},
         "what cannot be kept is named")
    os.unlink(os.path.join(root, "huge"))
    write(root, "huge", b"small now")
    same(k.diff(got["id"]), [], "what a snapshot skipped is not touched by going back to it")
    repo = store_of(home)[0]
    names = subprocess.run(["git", "-c", "safe.directory=*", "--git-dir", repo, "ls-tree",
                            "-r", "--name-only", "main"], capture_output=True, text=True)
    same(names.stdout.split(), ["files/kept", "git", "meta", "skipped"],
         "the store is readable with plain git, and holds only what it should")
    write(root, ".git/refs/heads/main", b"0" * 40 + b"\n")
    report(k.snapshot()["new"], "a change of the repository's references is a change")
    listener.close()
    k.close()


def refuses_hostile_messages(program, root, home):
    write(root, "f", b"x")
    k = Keeper(program, root, home)
    good = k.snapshot()["id"]
    bad = [
        b"{", b"\xff", b"[]", b"null", b"{}", b'{"op":"list"}x', b'{"op":"list","op":"list"}',
        b" " * MESSAGE_MAX, b"[" * MESSAGE_MAX, {"op": "gc"}, {"op": 1}, {"op": ["snapshot"]},
        {"op": "snapshot"}, {"op": "snapshot", "why": 1}, {"op": "snapshot", "why": ""},
        {"op": "snapshot", "why": "x" * 513}, {"op": "snapshot", "why": "x", "root": "/etc"},
        {"op": "list", "max": 0}, {"op": "list", "max": "1"}, {"op": "list", "max": 1e3},
        {"op": "diff"}, {"op": "diff", "id": "HEAD"}, {"op": "diff", "id": good[:39]},
        {"op": "diff", "id": good.upper()}, {"op": "diff", "id": "0" * 40},
        {"op": "read", "id": good}, {"op": "read", "id": good, "path": "absent"},
        {"op": "log"}, {"op": "log", "event": "gateway_allowed"},
        {"op": "log", "event": "mcp_started", "run": "other"},
        {"op": "log", "event": "mcp_started", "verdict": "maybe"},
        {"op": "log", "event": "mcp_started", "args_sha256": "abc"},
        {"op": "log", "event": "mcp_started", "elapsed_us": -5},
        {"op": "log", "event": "mcp_started\n"},
        {"op": "log", "event": "sandbox_refused"},
        {"op": "log", "event": "mcp_gateway_lost"},
        {"op": "log", "event": "mcp_started", "server": "claude"},
    ]
    for path in ["../f", "/etc/passwd", "./f", "a/../f", "f/", "a//f", "..", ".", "",
                 "x" * 4097, "../../meta", 7, None]:
        bad.append({"op": "read", "id": good, "path": path})
    bad.append({"op": "read", "id": good, "path_hex": "6"})
    bad.append({"op": "read", "id": good, "path_hex": "2e2e2f66"})
    bad.append({"op": "read", "id": good, "path_hex": "6600"})
    bad.append({"op": "read", "id": good, "path": "f", "path_hex": "66"})
    for message in bad:
        reply, bulk = k.ask(message)
        report(reply is not None and reply["ok"] is False and reply["error"] and bulk is None,
               f"refused: {str(message)[-60:]}", reply)
    k.sock.send(b"x" * (MESSAGE_MAX + 1))
    report(k.receive()[0]["ok"] is False, "refused: a message that is too long")
    with open("/dev/null", "rb") as f:
        socket.send_fds(k.sock, [b'{"op":"list"}'], [f.fileno()] * 3)
        report(k.receive()[0]["ok"] is False, "refused: descriptors along with a message")
    same(k.snapshot()["id"], good, "and the keeper goes on")
    k.close()


def refuses_every_prefix(program, root, home):
    write(root, "f", b"x")
    k = Keeper(program, root, home)
    good = k.snapshot()["id"]
    for message in [{"op": "snapshot", "why": "w", "call": "c"}, {"op": "list", "max": 3},
                    {"op": "diff", "id": good}, {"op": "read", "id": good, "path": "f"},
                    {"op": "log", "event": "mcp_call_allowed", "tool": "t", "line": 3}]:
        text = json.dumps(message).encode()
        whole, _ = k.ask(text)
        wrong = [n for n in range(1, len(text)) if k.ask(text[:n])[0]["ok"] is not False]
        same((whole["ok"], wrong), (True, []), f"only the whole message: {message['op']}")
    k.close()


def writes_the_log(program, root, home):
    k = Keeper(program, root, home)
    reply, _ = k.ask({"op": "log", "event": "mcp_call_allowed", "server": "pando_workspace",
                      "tool": "replace", "call_id": "toolu_1", "args_sha256": "ab" * 32,
                      "verdict": "allow", "rule": "pando", "file": "p.toml", "line": 7,
                      "mode": "enforce", "elapsed_us": 12, "note": "n"})
    report(reply["ok"], "a decision is recorded", reply)
    k.close()
    with open(os.path.join(home, ".pando-data/gateway-debug.jsonl")) as f:
        line = json.loads(f.read().splitlines()[-1])
    for name in ("v", "seq", "prev", "ts"):
        line.pop(name)
    same(line, {"event": "mcp_call_allowed", "run": "run1", "agent": "claude", "root": root,
                "layer": "mcp", "server": "pando_workspace", "tool": "replace",
                "call_id": "toolu_1", "args_sha256": "ab" * 32, "verdict": "allow",
                "rule": "pando", "at": "p.toml:7", "mode": "enforce", "elapsed_us": 12,
                "note": "n"}, "who speaks comes from the keeper, what from the peer")


def refuses_bad_roots(program, root, home):
    link = root + "-link"
    os.symlink(root, link)
    write(root, "plain", b"x")
    rows = [("/", 77), ("//", 77), ("relative", 64), (link, 71), (root + "/absent", 71),
            (root + "/plain", 71), (home, 77), (os.path.dirname(home), 77),
            (os.path.join(home, ".pando-data"), 77)]
    os.makedirs(os.path.join(home, ".pando-data"), 0o700, exist_ok=True)
    for path, want in rows:
        status, err = Keeper(program, path, home).close()
        same((status, err.count("\n")), (want, 1), f"root {path}: status and one line")
    alone = subprocess.run([program, "--project-root", root], env={"HOME": home},
                           stdin=subprocess.DEVNULL, capture_output=True)
    report(alone.returncode in (64, 71) and alone.stderr, "without a peer it says so",
           alone)


def survives_a_kill(program, root, home):
    for i in range(400):
        write(root, f"d{i % 20}/f{i}", os.urandom(20000))
    k = Keeper(program, root, home)
    first = k.snapshot()
    killed = 0
    for delay in [0.0, 0.002, 0.01, 0.03, 0.06, 0.12, 0.25]:
        for i in range(400):
            write(root, f"d{i % 20}/f{i}", os.urandom(20000))
        k.send({"op": "snapshot", "why": "killed", "call": ""})
        time.sleep(delay)
        killed += k.process.poll() is None
        k.process.send_signal(signal.SIGKILL)
        k.close()
        chain_is_whole(home, f"the chain is whole after a kill at {delay} s")
        k = Keeper(program, root, home)
    report(killed == 7, "the keeper was there to be killed", killed)
    before = survey(root)
    last = k.snapshot("after")
    report(last["ok"], "a snapshot is taken after all that", last)
    shutil.rmtree(os.path.join(root, "d3"))
    carry_out(k, last["id"], root)
    same(survey(root), before, "and restores")
    same(k.listed()[-1]["id"], first["id"], "the first one is still in the chain")
    objects = os.path.join(store_of(home)[0], "objects")
    same([n for n in os.listdir(objects) if n.startswith("tmp_")], [],
         "nothing half-written is left")
    same([x["status"] for x in k.diff(first["id"])], ["write"] * 400,
         "and can be compared with")
    k.close()


def ends_by_sigterm(program, root, home):
    k = Keeper(program, root, home)
    k.snapshot()
    k.process.terminate()
    same(k.process.wait(REPLY_SECONDS), -signal.SIGTERM, "SIGTERM ends it")
    k.close()


def two_take_turns(program, root, home):
    a, b = Keeper(program, root, home), Keeper(program, root, home)
    for i in range(20):
        write(root, f"f{i}", b"x" * i)
        a.send({"op": "snapshot", "why": f"a{i}"})
        b.send({"op": "snapshot", "why": f"b{i}"})
        ra, rb = a.receive()[0], b.receive()[0]
        if not (ra["ok"] and rb["ok"] and ra["id"] == rb["id"] and ra["new"] != rb["new"]):
            report(False, "two keepers agree", (ra, rb))
            break
    else:
        report(True, "two keepers agree")
    same(len(a.listed()), 20, "one snapshot for each change")
    a.close()
    b.close()
    chain_is_whole(home, "their chain is whole")


def skips_what_it_may_not_read(program, root, home):
    user = None
    if os.geteuid() == 0:
        user = NOBODY
        copy = os.path.join(os.path.dirname(home), "pando-keeper")
        shutil.copy(program, copy)
        program = copy
        os.chmod(os.path.dirname(home), 0o711)
        os.chown(root, user, user)
        os.chown(home, user, user)
    write(root, "closed", b"c", 0)
    write(root, "shut/f", b"f")
    write(root, "blind/f", b"f")
    if user is not None:
        for at, dirs, files in os.walk(root):
            for name in dirs + files:
                os.chown(os.path.join(at, name), user, user)
    k = Keeper(program, root, home, user)
    before = k.snapshot()
    same({x["path"]: x["reason"] for x in before["skipped"]}, {"closed": "not readable"},
         "a file that is not readable is named")
    os.chmod(os.path.join(root, "shut"), 0)
    os.chmod(os.path.join(root, "blind"), 0o444)
    got = k.snapshot()
    same({x["path"]: x["reason"] for x in got["skipped"]},
         {"closed": "not readable", "shut": "not readable", "blind": "not readable"},
         "and so is a directory that is not readable or searchable")
    same([(x["path"], x["status"]) for x in k.diff(before["id"])],
         [("blind", "mode"), ("shut", "mode"), ("blind/f", "write"), ("shut/f", "write")],
         "going back opens it before it writes")
    same(k.diff(got["id"]), [], "what was not readable is not taken for deleted")
    k.close()
    for name in ("shut", "blind"):
        os.chmod(os.path.join(root, name), 0o755)


def tells_a_full_disk(program, root, home):
    what = "a full disk"
    if os.geteuid() != 0:
        skip(what, "mounting a small file system needs root")
        return
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    if probe.returncode != 0:
        skip(what, "no private mount namespace here: " + probe.stderr.decode().strip())
        return
    inside = subprocess.run(
        ["unshare", "-m", "--propagation", "private", sys.executable, __file__,
         "--full-disk", program, root, home], capture_output=True, text=True)
    print(inside.stdout, end="")
    lines = inside.stdout.splitlines()
    counts["ok"] += sum(x.startswith("ok - ") for x in lines)
    counts["not ok"] += sum(x.startswith("not ok - ") for x in lines)
    if inside.returncode != 0:
        report(False, what, inside.stderr)


def full_disk(program, root, home):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES},mode=0700",
                    "tmpfs", home], check=True)
    write(root, "small", b"s")
    k = Keeper(program, root, home)
    first = k.snapshot()
    report(first["ok"], "full disk: the first snapshot fits", first)
    for i in range(8):
        write(root, f"noise{i}", os.urandom(1 << 20))
    for _ in range(2):
        full = k.snapshot()
        report(not full["ok"] and "No space left" in full["error"],
               "full disk: the reason is told", full)
    same([x["id"] for x in k.listed()], [first["id"]], "full disk: the chain is what it was")
    chain_is_whole(home, "full disk: the chain is whole")
    for i in range(8):
        os.unlink(os.path.join(root, f"noise{i}"))
    again = k.snapshot()
    same((again.get("id"), again.get("new")), (first["id"], False),
         "full disk: what fits goes on working")
    k.close()


TESTS = [restores_everything, skips_what_it_cannot_keep, refuses_hostile_messages,
         refuses_every_prefix, writes_the_log, refuses_bad_roots, survives_a_kill,
         ends_by_sigterm, two_take_turns, skips_what_it_may_not_read, tells_a_full_disk]


def main():
    if sys.argv[1:2] == ["--full-disk"]:
        full_disk(*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    build = os.path.abspath(parser.parse_args().build)
    program = os.path.join(build, "libexec/pando-ai/pando-keeper")
    os.umask(0o022)
    for test in TESTS:
        with tempfile.TemporaryDirectory(prefix="pando-keeper-") as top:
            top = os.path.realpath(top)
            root, home = os.path.join(top, "root"), os.path.join(top, "home")
            os.mkdir(root)
            os.mkdir(home, 0o700)
            try:
                test(program, root, home)
            except Exception as why:
                report(False, test.__name__, repr(why))
            decision_logs.keep(top)
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return counts["not ok"] > 0


sys.exit(main())
