#!/usr/bin/env python3
"""pando-hook where it cannot decide, cannot record or cannot answer: the call is stopped.

Status 2 stops a call in every claude, whatever is on standard output; status 0 with anything but
a whole answer lets it go on. So each row wants 2, and a whole answer only with status 0.
"""
import argparse
import fcntl
import hashlib
import json
import os
import resource
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

BLOCK, SECONDS = 2, 60
CALL = {"session_id": "s", "hook_event_name": "PreToolUse",
        "tool_name": "mcp__pando_core__read-file", "tool_input": {"path": "x"},
        "tool_use_id": "toolu_1"}
NATIVE = dict(CALL, tool_name="Bash")
PROMPT = {"session_id": "s", "hook_event_name": "UserPromptSubmit", "prompt": "x"}
GOOD = json.dumps(CALL).encode()

passed = failed = 0


def ok(good, what, have=""):
    global passed, failed
    passed += bool(good)
    failed += not good
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": have %r" % (have,)))
    return good


def same(have, want, what):
    return ok(have == want, what, "%r, want %r" % (have, want))


class Place:
    """A home and the policy of a run."""

    def __init__(self, build):
        self.build, self.hook = build, build / "libexec/pando-ai/pando-hook"
        self.top = Path(tempfile.mkdtemp(prefix="hook")).resolve()
        self.home = self.top / "home"
        (self.home / ".pando" / "run").mkdir(parents=True)
        (self.home / ".pando" / "run").chmod(0o700)
        self.spoilt = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([self.build / "bin/pando-ai", "proxy", "stop"], env=self.env(), check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not self.spoilt:
            decision_logs.keep(self.top)
        shutil.rmtree(self.top, ignore_errors=True)

    def env(self, **more):
        env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "PANDO_RUN": "0123456789abcdef",
               "PANDO_AGENT": "claude"}
        if "PANDO_TEST_RUN" in os.environ:
            env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def start(self, event="PreToolUse", stdout=subprocess.PIPE, setup=None, **more):
        return subprocess.Popen([self.hook, event], env=self.env(**more), stdin=subprocess.PIPE,
                                stdout=stdout, stderr=subprocess.PIPE, preexec_fn=setup)

    def run(self, text=GOOD, **kw):
        p = self.start(**kw)
        try:
            out, err = p.communicate(text, timeout=SECONDS)
        except BrokenPipeError:
            out, err = p.stdout.read(), p.stderr.read()
        return p.wait(SECONDS), out or b"", err.decode(errors="replace")

    def log(self):
        path = self.home / ".pando-data" / "gateway-debug.jsonl"
        return [json.loads(s) for s in path.read_text().splitlines()] if path.exists() else []


def blocked(place, what, says="", **kw):
    status, out, err = place.run(**kw)
    same(status, BLOCK, "%s: stopped" % what)
    same(out, b"", "%s: no answer" % what)
    ok(says in err and len(err.splitlines()) == 1, "%s: a line that says %r" % (what, says), err)


def goes_on(place):
    """The rows below prove nothing if this does not hold."""
    same(place.run()[:2], (0, b"{}\n"), "a call that policy allows goes on")
    same(place.run(text=json.dumps(NATIVE).encode())[0], 0, "a denied one has its answer")


def inputs(place):
    deep = b'{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"x","tool_use_id":"t",' \
        b'"tool_input":' + b'{"a":' * 100000 + b"1" + b"}" * 100000 + b"}"
    for what, text in (("nothing", b""), ("space", b" \n"), ("no JSON", b"{not json"),
                       ("a NUL", GOOD.replace(b'"s"', b'"s\0"')), ("half", GOOD[:-1]),
                       ("two", GOOD + GOOD), ("no UTF-8", GOOD.replace(b'"x"', b'"\xff"')),
                       ("a byte order mark", b"\xef\xbb\xbf" + GOOD[:-1]),
                       ("a list", b"[" + GOOD + b"]"), ("depth", deep),
                       ("no session", json.dumps({k: v for k, v in CALL.items()
                                                  if k != "session_id"}).encode()),
                       ("another event", json.dumps(PROMPT).encode()),
                       ("33 MB", GOOD[:-1] + b" " * (33 << 20) + b"}")):
        blocked(place, "input: " + what, text=text)
    for event in ("", "pretooluse", "PreToolUse ", "Nonsense", "\n", "x" * 5000):
        blocked(place, "event %.20r" % event, event=event)
    blocked(place, "input closed", setup=lambda: os.close(0), says="read")
    blocked(place, "input is a folder", says="read",
            setup=lambda: os.dup2(os.open("/", os.O_RDONLY), 0))


def bundle(place, name, text=b""):
    path = place.home / ".pando" / "run" / name
    path.write_bytes(text)
    return {"PANDO_POLICY": str(path), "PANDO_POLICY_SHA256": hashlib.sha256(text).hexdigest()}


def policies(place):
    good = bundle(place, "policy-good")
    folder, fifo, link = (place.top / n for n in ("folder", "fifo", "link"))
    folder.mkdir()
    os.mkfifo(fifo)
    link.symlink_to(good["PANDO_POLICY"])
    rows = (("missing", dict(good, PANDO_POLICY=str(place.top / "none")), "none"),
            ("another text", dict(good, PANDO_POLICY_SHA256="0" * 64), "not the policy"),
            ("no digest", dict(good, PANDO_POLICY_SHA256=None), "PANDO_POLICY_SHA256"),
            ("a short digest", dict(good, PANDO_POLICY_SHA256="0"), "PANDO_POLICY_SHA256"),
            ("relative", dict(good, PANDO_POLICY="policy"), "absolute"),
            ("empty", bundle(place, "policy-empty"), ""),
            ("noise", bundle(place, "policy-noise", bytes(range(256)) * 40), ""),
            ("a folder", dict(good, PANDO_POLICY=str(folder)), ""),
            ("a FIFO", dict(good, PANDO_POLICY=str(fifo)), "regular"),
            ("a link", dict(good, PANDO_POLICY=str(link)), ""))
    for what, more, says in rows:
        blocked(place, "policy: " + what, says, **more)
    (place.home / ".pando" / "policy.toml").write_text("[nonsense]\n")
    blocked(place, "policy: of no run, and wrong", "nonsense")
    if os.geteuid() == 0:
        closed = Path(good["PANDO_POLICY"])
        closed.chmod(0)
        place.top.chmod(0o755)

        def nobody():
            os.setresuid(62345, 62345, 62345)

        blocked(place, "policy: unreadable", "", setup=nobody, **good)


def limit(what, most):
    return lambda: resource.setrlimit(what, (most, most))


def logs(place):
    blocked(place, "log: a device", "/dev/full", PANDO_GATEWAY_LOG_FILE="/dev/full")
    blocked(place, "log: in no folder", "none", PANDO_GATEWAY_LOG_FILE=str(place.top / "none/log"))
    blocked(place, "log: a folder", "", PANDO_GATEWAY_LOG_FILE=str(place.top))
    blocked(place, "log: no room", "", setup=limit(resource.RLIMIT_FSIZE, 0))
    blocked(place, "no run", "PANDO_RUN", PANDO_RUN=None)
    blocked(place, "no home", "", HOME="/proc")
    os.mkfifo(place.top / "fifo")
    blocked(place, "log: a FIFO", "regular", PANDO_GATEWAY_LOG_FILE=str(place.top / "fifo"))
    denied = place.run(text=json.dumps(NATIVE).encode(), PANDO_GATEWAY_LOG_FILE="/dev/full")
    ok(denied[0] == 0 and b'"deny"' in denied[1], "what cannot be recorded is denied all the same",
       denied)
    same(place.log(), [], "none of it is in the log")


def full_disk(place):
    """In a mount namespace of its own."""
    if os.geteuid() != 0:
        print("skip - hook: a full disk # needs root")
        return
    script = ("mount -t tmpfs -o size=16k,mode=0700 tmpfs %(d)s && "
              "head -c 100000 /dev/zero >%(d)s/full 2>/dev/null; %(hook)s PreToolUse" % {
                  "d": place.home / ".pando-data", "hook": place.hook})
    (place.home / ".pando-data").mkdir()
    r = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                       env=place.env(), input=GOOD, capture_output=True, check=False)
    same((r.returncode, r.stdout), (BLOCK, b""), "log: the disk is full")
    ok(b"space" in r.stderr, "and it says so", r.stderr)


def resources(place):
    text = GOOD[:-1] + b',"x":"' + b"y" * (20 << 20) + b'"}'
    status, out, err = place.run(text=text, setup=limit(resource.RLIMIT_AS, 30 << 20))
    same((status, out), (BLOCK, b""), "out of memory: stopped")
    ok("memory" in err, "out of memory: it says so", err)
    # with 3 even the C library cannot be opened: that is the loader's 127
    for most in range(4, 7):
        status, out, _ = place.run(setup=limit(resource.RLIMIT_NOFILE, most))
        ok((status, out) in ((BLOCK, b""), (0, b"{}\n")), "%d descriptors" % most, (status, out))
    same(place.run(setup=limit(resource.RLIMIT_NOFILE, 4))[0], BLOCK, "4 descriptors: stopped")


def outputs(place):
    """The answer is whole, or the status is not 0."""
    denial = json.dumps(NATIVE).encode()
    for what, text in (("empty answer", GOOD), ("denial", denial)):
        same(place.run(text=text, setup=lambda: os.close(1))[:2], (BLOCK, b""),
             "output closed, %s" % what)
        with open("/dev/full", "wb") as full:
            same(place.run(text=text, stdout=full)[0], BLOCK, "output full, %s" % what)
        r, w = os.pipe()
        os.close(r)
        same(place.run(text=text, stdout=w)[0], BLOCK, "nobody reads, %s" % what)
        os.close(w)
    for room in (0, 1, 100):
        r, w = os.pipe()
        size = fcntl.fcntl(w, 1031, 4096)  # F_SETPIPE_SZ
        os.set_blocking(w, False)
        os.write(w, b"x" * (size - room))
        status = place.run(text=denial, stdout=w)[0]
        os.close(w)
        rest = b""
        while piece := os.read(r, 65536):
            rest += piece
        os.close(r)
        same((status, rest.strip(b"x")), (BLOCK, b""), "a pipe with room for %d bytes" % room)


def signals(place):
    for name in ("TERM", "INT", "HUP", "QUIT", "ABRT", "SEGV", "BUS", "XCPU", "USR1", "ALRM"):
        p = place.start()
        p.stdin.write(GOOD[:10])
        p.stdin.flush()
        deadline = time.monotonic() + SECONDS
        while not reads(p.pid) and time.monotonic() < deadline:
            time.sleep(0.005)
        p.send_signal(getattr(signal, "SIG" + name))
        out, err = p.communicate(timeout=SECONDS)
        same((p.returncode, out), (BLOCK, b""), "ended by SIG%s" % name)
        ok(err.startswith(b"pando-ai: ") and err.endswith(b"stopped\n"), "SIG%s: it says so" % name,
           err)


def reads(pid):
    """Whether it waits for its input."""
    try:
        return Path("/proc", str(pid), "wchan").read_text().startswith(("pipe_", "anon_pipe_")) \
            or Path("/proc", str(pid), "syscall").read_text().split()[:2] == ["0", "0x0"]
    except OSError:
        return False


def another_run(place):
    """It is not below the run's process, so the gateway does not take its word."""
    real = place.top / "real"
    real.mkdir()
    (real / "claude").write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 9.8.7 && exit\n"
                                 "echo $PANDO_RUN; exec cat >/dev/null\n")
    (real / "claude").chmod(0o755)
    shim = place.home / ".pando" / "bin" / "claude"
    shim.parent.mkdir()
    shim.symlink_to(place.build / "libexec/pando-ai/pando-shim")
    project = place.top / "project"
    project.mkdir()
    agent = subprocess.Popen([shim, "-p", "x"], cwd=project, text=True,
                             env=place.env(PATH="%s:/usr/bin:/bin" % real, PANDO_RUN=None),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    run = agent.stdout.readline().strip()
    text = json.dumps(PROMPT).encode()
    blocked(place, "a run that it is not in", "run", text=text, event="UserPromptSubmit",
            PANDO_RUN=run)
    blocked(place, "a run that is not", "run", text=text, event="UserPromptSubmit",
            PANDO_RUN="f" * 16)
    agent.communicate(timeout=SECONDS)


def no_gateway(place):
    began = time.monotonic()
    blocked(place, "no gateway", "gateway", text=json.dumps(PROMPT).encode(),
            event="UserPromptSubmit")
    ok(time.monotonic() - began < 10, "and that soon")


def slow(place, what, start):
    """Ends by itself, before the client does it: there it would be a failure like any other."""
    began = time.monotonic()
    p, keep = start(place)
    status = p.wait(SECONDS)
    took = time.monotonic() - began
    for fd in keep:
        os.close(fd)
    same(status, BLOCK, "%s: stopped" % what)
    ok(took < 20, "%s: within claude's own 20 seconds" % what, took)
    said = p.stderr.read().decode()
    p.stderr.close()
    ok("in time" in said or "lock" in said, "%s: it says so" % what, said)
    p.stdin.close()


def input_without_end(place):
    p = place.start(stdout=subprocess.DEVNULL)
    p.stdin.write(GOOD[:20])
    p.stdin.flush()
    return p, ()


def a_lock_that_is_held(place):
    data = place.home / ".pando-data"
    data.mkdir(mode=0o700)
    fd = os.open(data / "gateway-debug.jsonl.head", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    place.spoilt = True
    return fed(place.start(stdout=subprocess.DEVNULL)), (fd,)


def an_output_that_nobody_empties(place):
    r, w = os.pipe()
    os.write(w, b"x" * fcntl.fcntl(w, 1031, 4096))
    return fed(place.start(stdout=w)), (r, w)


def fed(p):
    p.stdin.write(GOOD)
    p.stdin.close()
    return p


CASES = (goes_on, inputs, policies, logs, full_disk, resources, outputs, signals, another_run,
         no_gateway)
SLOW = (input_without_end, a_lock_that_is_held, an_output_that_nobody_empties)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=Path, required=True)
    build = options.parse_args().build.resolve()

    def one(case):
        with Place(build) as place:
            try:
                if case in SLOW:
                    slow(place, case.__name__.replace("_", " "), case)
                else:
                    case(place)
            except Exception as e:  # one broken case must not hide the others
                ok(False, "%s: no exception" % case.__name__, repr(e))

    with ThreadPoolExecutor(len(SLOW) + 2) as pool:
        list(pool.map(one, SLOW + CASES))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
