#!/usr/bin/env python3
"""Policy files that change while runs last: each run keeps its own, a new one takes the new one, each change is told."""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

LOOK = 0.2        # GW_POLICIES_MS
RUNS = 6
PACE = 0.004      # between the requests of a run: about 1000 a second of all
CHANGES = 24
BURST = 400
CALL = '{"command":"ls"}'
AGENT = """#!/bin/sh
case "$*" in --version) echo 9.8.7;; *) echo $PANDO_POLICY_SHA256;; esac
"""
NO_INOTIFY = """#!/bin/sh
exec unshare -U -r sh -c 'echo 0 > /proc/sys/user/max_inotify_instances; exec "$0" "$@"' %s "$@"
"""


def answer(h):
    h.start({"content-type": "text/event-stream"})
    for e in (g.call_events("Bash", CALL) if h.headers.get("x-play") == "call" else g.text_events()):
        h.piece(e)
    h.end()


def changes_of(home, run):
    return [x for x in home.lines("gateway_policy_changed") if x["run"] == run.id]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Texts:
    """The person's policy in several states."""

    def __init__(self, home):
        self.file, self.base = home.policy, home.policy.read_text()
        self.count = 0
        self.allows = self.base + '[native_tools]\nallow = ["Bash"]\n'
        self.denies = self.base + '[native_tools]\ndeny = ["Bash"]\n'

    def put(self, text):
        """Another way of writing each time, as editors have them."""
        self.count += 1
        if self.count % 2 == 0:
            self.file.write_text(text)
            return
        beside = self.file.with_name("policy.toml.new")
        beside.write_text(text)
        beside.rename(self.file)

    def next(self):
        """(what it is, text or None, whether it loads)"""
        n = self.count
        mark = "# %d\n" % n
        return (("one that allows", mark + self.allows, True), ("one that is wrong", mark + "[nonsense]\n", False),
                ("one that denies", mark + self.denies, True), ("one that is cut off", mark + self.allows[:-7], False),
                ("none", None, True), ("a weaker one", mark + self.allows + '[other_mcp]\nmode = "allow_list"\n', True))[n % 6]


class Load(threading.Thread):
    """A run's requests, one after the other: a text, then a call, which its own policy decides."""

    def __init__(self, run, allows):
        super().__init__(daemon=True)
        self.run_, self.allows, self.stop = run, allows, False
        self.asked, self.wrong = 0, []

    def one(self, play):
        status, _, got = self.run_.ask("/v1/messages", g.ASK, {"x-play": play})
        if play == "call":
            return status == 200 and (b'"tool_use"' in got) == self.allows and b"message_stop" in got
        return status == 200 and got == b"".join(g.text_events())

    def run(self):
        while not self.stop:
            for play in ("text", "call"):
                self.asked += 1
                try:
                    good = self.one(play)
                except OSError as e:
                    good = repr(e)
                if good is not True:
                    self.wrong.append((play, good))
                time.sleep(PACE)


def launch(home):
    """The real shim before an agent that tells which policy it has: (status, digest or error)."""
    real, shims = home.path / "real", home.path / ".pando/bin"
    for d in (real, shims):
        d.mkdir(exist_ok=True)
    if not (shims / "claude").exists():
        (shims / "claude").symlink_to(home.libexec / "pando-shim")
        (real / "claude").write_text(AGENT)
        (real / "claude").chmod(0o755)
        (home.root / ".git").mkdir(exist_ok=True)
    r = subprocess.run([shims / "claude", "-p", "x"], cwd=home.root, capture_output=True, text=True, check=False, timeout=g.DEADLINE,
                       env=home.env(PATH="%s:%s:/usr/bin:/bin" % (shims, real), ANTHROPIC_BASE_URL=""))
    return r.returncode, r.stdout.strip() if r.returncode == 0 else r.stderr


def told(home, runs, state, loads, what):
    """Every run has a line of this change: the last one names the file, the state and what becomes of it."""
    def all_have():
        return all(c and " -> %s;" % state in c[-1]["note"] for c in (changes_of(home, r) for r in runs))

    good = g.until(all_have, 5)
    last = changes_of(home, runs[0])[-1:]
    ok(good and last[0]["at"] == str(home.policy) and ("new runs take it" in last[0]["note"]) == loads,
       "%s: each run's log has it" % what, last)
    if not loads and last:
        ok("nothing is launched until it is mended" in last[0]["note"] and "policy.toml:" in last[0]["note"],
           "%s: and where the error is" % what, last)


def under_load(home):
    texts = Texts(home)
    loads = []
    for i in range(RUNS):
        texts.put(texts.allows if i % 2 == 0 else texts.denies)
        loads.append(Load(home.register(), i % 2 == 0))
    for t in loads:
        t.start()
    runs = [t.run_ for t in loads]
    texts.count = 0
    for _ in range(CHANGES):
        what, text, good = texts.next()
        texts.put(text) if text is not None else (texts.file.unlink(), setattr(texts, "count", texts.count + 1))
        told(home, runs, digest(text) if text is not None else "none", good, what)
        status, said = launch(home) if text is not None else (0, home.bundle()[1])
        same((status, said if good else "policy.toml:" in said), (0, home.bundle()[1]) if good else (78, True),
             "%s: %s" % (what, "a new run takes it" if good else "no new run"))
    burst(home, texts, runs)
    for t in loads:
        t.stop = True
    for t in loads:
        t.join(g.DEADLINE)
    asked = sum(t.asked for t in loads)
    ok(asked > 10 * CHANGES, "there was a load (%d requests)" % asked, asked)
    same([t.wrong[:3] for t in loads], [[]] * RUNS, "no request was lost, and each run kept its own policy")


def burst(home, texts, runs):
    """Many changes at once are few lines, and the last state is among them."""
    before, begin = len(changes_of(home, runs[0])), time.monotonic()
    for i in range(BURST):
        texts.put("# burst %d\n%s" % (i, texts.denies))
    told(home, runs, digest(texts.file.read_text()), True, "a burst")
    most = (time.monotonic() - begin) / LOOK + 2
    have = len(changes_of(home, runs[0])) - before
    ok(have <= most, "%d changes are %d lines" % (BURST, have), (have, most))
    time.sleep(3 * LOOK)
    same(len(changes_of(home, runs[0])) - before, have, "and no more when it is quiet")


def every_kind_of_change(home):
    """Of the person's file and of the project's, whose folder comes and goes; names of others wake nobody."""
    text = home.policy.read_text()
    run = home.register()
    folder = home.root / ".pando"
    file = folder / "policy.toml"
    other = '[native_tools]\ndeny = ["Read"]\n'
    time.sleep(2 * LOOK)
    count = len(changes_of(home, run))

    def step(what, do, path, state, loads=True):
        nonlocal count
        do()
        g.until(lambda: len(changes_of(home, run)) > count, 5)
        lines = changes_of(home, run)
        ok(len(lines) == count + 1 and lines[-1]["at"] == str(path) and " -> %s;" % state in lines[-1]["note"] and
           ("new runs take it" in lines[-1]["note"]) == loads and lines[-1]["layer"] == "gateway", what, lines[count:])
        count = len(lines)

    def quiet(what, do):
        do()
        time.sleep(3 * LOOK)
        same(len(changes_of(home, run)), count, what)

    quiet("an empty folder is no policy", folder.mkdir)
    step("the project gets one", lambda: file.write_text(other), file, digest(other))
    step("it becomes wrong", lambda: file.write_text("[x"), file, digest("[x"), False)
    step("it goes", file.unlink, file, "none")
    step("a link comes in its place", lambda: file.symlink_to(home.policy), file, "unreadable", False)
    step("the folder is moved away", lambda: folder.rename(home.root / "gone"), file, "none")

    def again():
        folder.mkdir()
        file.write_text(other)

    step("another folder comes", again, file, digest(other))
    step("the folder is renamed with it", lambda: folder.rename(home.root / "gone2"), file, "none")
    step("and comes back", lambda: (home.root / "gone2").rename(folder), file, digest(other))
    step("it would loosen", lambda: file.write_text('[proxy]\nclaude = "off"\n'), file, digest('[proxy]\nclaude = "off"\n'), False)
    step("and is taken away", file.unlink, file, "none")
    step("the person's may be written by all", lambda: home.policy.chmod(0o666), home.policy, "unreadable", False)
    step("and is closed again", lambda: home.policy.chmod(0o600), home.policy, digest(text))
    quiet("touched, not changed", lambda: os.utime(home.policy))
    quiet("another file beside it", lambda: (home.policy.with_name("other.toml")).write_text("x"))
    same(run.ask("/v1/messages", g.ASK)[0], 200, "the run goes on")


def a_change_before_the_registration(home):
    want = home.registration()
    text = home.policy.read_text()
    home.policy.write_text("# newer\n" + text)
    run = g.Run(want["run"], home.ask(want))
    ok(g.until(lambda: len(changes_of(home, run)) == 1), "what changed since the launch read it is told", changes_of(home, run))
    same(changes_of(home, run)[0]["note"].split(";")[0], "user policy: %s -> %s" % (digest(text), digest("# newer\n" + text)),
         "with the digests of both")


def a_change_while_no_gateway_runs(home):
    """The next gateway goes on with the run under its own policy, and tells."""
    run = home.register()
    home.gateway.kill()
    home.gateway.wait()
    text = home.policy.read_text() + '[native_tools]\nallow = ["Bash"]\n'
    home.policy.write_text(text)
    home.start()
    told(home, [run], digest(text), True, "a change while no gateway ran")
    got = run.ask("/v1/messages", g.ASK, {"x-play": "call"})[2]
    ok(b'"tool_use"' not in got and b"message_stop" in got, "the run keeps the policy of its launch", got)


def without_inotify(build, provider):
    """Then files are looked at when a request begins."""
    home = g.Home(build, provider.port)
    script = home.path / "pando-gateway"
    script.write_text(NO_INOTIFY % home.program)
    script.chmod(0o755)
    home.program = script
    if home.start() != "ready":
        ok(False, "a gateway in a user namespace", (home.path / "stderr").read_text())
        return
    run = home.register()
    run.ask("/v1/messages", g.ASK)
    time.sleep(2 * LOOK)
    text = "# other\n" + home.policy.read_text()
    home.policy.write_text(text)
    time.sleep(3 * LOOK)
    same(changes_of(home, run), [], "without inotify nothing is told while nothing is asked")
    same(run.ask("/v1/messages", g.ASK)[0], 200, "a request passes")
    same([c["note"].split(";")[0].split()[-1] for c in changes_of(home, run)], [digest(text)], "and the change is told")
    run.ask("/v1/messages", g.ASK)
    same(len(changes_of(home, run)), 1, "once")
    home.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", default="build")
    build = options.parse_args().build
    provider = g.Provider(answer)
    for case in (under_load, every_kind_of_change, a_change_before_the_registration,
                 a_change_while_no_gateway_runs):
        home = g.Home(build, provider.port)
        home.libexec = home.program.parent
        home.start()
        case(home)
        home.close()
    without_inotify(build, provider)
    provider.close()
    g.done()


if __name__ == "__main__":
    main()
