#!/usr/bin/env python3
"""The decision log: what verify finds, what logs shows, a full disk, the schema itself."""
import argparse
import datetime
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import decision_logs

SECONDS = 30
BROKEN, USAGE, NO_SPACE = 65, 64, 73
DISK_BYTES = 256 << 10
counts = {"passed": 0, "failed": 0, "skipped": 0}


def ok(good, what, have=""):
    counts["passed" if good else "failed"] += 1
    if not good:
        print("not ok - %s: have %r" % (what, have))
    return good


def same(have, want, what):
    ok(have == want, what, (have, "want", want))


def until(question):
    deadline = time.monotonic() + SECONDS
    while not question() and time.monotonic() < deadline:
        time.sleep(0.02)
    return question()


class Home:
    """A HOME whose log is written by the hook: each call is a line."""

    def __init__(self, build, policy=""):
        self.build = build
        self.top = Path(tempfile.mkdtemp(prefix="pando-declog-"))
        self.data = self.top / ".pando-data"
        self.log = self.data / "gateway-debug.jsonl"
        (self.top / ".pando").mkdir()
        self.policy(policy)
        self.spoilt = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.spoilt:
            decision_logs.keep(self.top)
        shutil.rmtree(self.top)

    def policy(self, text):
        (self.top / ".pando" / "policy.toml").write_text(text)

    def env(self, **more):
        env = {"HOME": str(self.top), "PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8",
               "PANDO_RUN": "0123456789abcdef", "PANDO_AGENT": "claude",
               "PANDO_TEST_RUN": os.environ.get("PANDO_TEST_RUN", "")}
        return {k: v for k, v in {**env, **more}.items() if v is not None}

    def hook(self, tool="Bash", **env):
        body = {"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": tool,
                "tool_input": {"command": "x", "file": "y"}, "tool_use_id": "toolu_1"}
        return subprocess.run([self.build / "libexec/pando-ai/pando-hook", "PreToolUse"],
                              input=json.dumps(body), env=self.env(**env), text=True, cwd=self.top,
                              capture_output=True, check=False, timeout=SECONDS)

    def hooks(self, n, **env):
        for _ in range(n):
            self.hook(**env)

    def pando(self, *words, **env):
        return subprocess.run([self.build / "bin/pando-ai", *words], env=self.env(**env), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=SECONDS,
                              cwd=self.top)

    def lines(self):
        return self.log.read_text().splitlines()

    def set_lines(self, lines):
        self.log.write_text("".join(s + "\n" for s in lines))

    def head(self):
        return dict(s.split(" ", 1) for s in Path(str(self.log) + ".head").read_text().split("\n") if " " in s.strip())


# --- verify ------------------------------------------------------------------------------------

def swap(lines):
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


def change(lines):
    return [s.replace('"verdict":"deny"', '"verdict":"allow"') if i == 2 else s for i, s in enumerate(lines)]


def change_last(lines):
    return [*lines[:-1], lines[-1].replace('"verdict":"deny"', '"verdict":"allow"')]


def renumber(lines):
    return [re.sub(r'"seq":3\b', '"seq":4', s) for s in lines]


TAMPERING = (
    # what is done to six lines, the kinds that are found, the first line that is named
    ("nothing", lambda x: x, [], None),
    ("a line is removed", lambda x: [*x[:2], *x[3:]], ["removed"], 3),
    ("the first is removed", lambda x: x[1:], ["removed"], 1),
    ("a line is changed", change, ["changed"], 3),
    ("the last is changed", change_last, ["changed"], 6),
    ("two are exchanged", swap, ["removed", "moved"], 3),
    ("a line is repeated", lambda x: [*x[:3], x[2], *x[3:]], ["moved"], 4),
    ("a foreign line is inserted", lambda x: [*x[:3], '{"ts":"x"}', *x[3:]], ["inserted"], 4),
    ("an empty line is inserted", lambda x: [*x[:3], "", *x[3:]], ["inserted"], 4),
    ("a number is changed", renumber, ["removed", "moved", "changed"], 3),
    ("the last is cut off", lambda x: x[:-1], ["cut"], 5),
    ("all but one are cut off", lambda x: x[:1], ["cut"], 1),
    ("all are cut off", lambda x: [], ["cut"], None),
)


def verify_finds_each_kind_of_tampering(build):
    with Home(build) as h:
        h.hooks(6)
        good = h.lines()
        same(len(good), 6, "six lines")
        h.spoilt = True
        for what, how, kinds, line in TAMPERING:
            h.set_lines(how(good))
            r = h.pando("logs", "verify", "--json")
            told = json.loads(r.stdout)
            same([x["kind"] for x in told["findings"]], kinds, what)
            same(r.returncode, BROKEN if kinds else 0, "%s: status" % what)
            same((told["good"], told["broken"]), (not kinds, len(kinds)), "%s: sum" % what)
            if line:
                same((told["findings"][0]["line"], told["findings"][0]["file"]), (line, str(h.log)), "%s: place" % what)
                text = h.pando("logs", "verify")
                ok(text.returncode == BROKEN and "%s:%d: %s: " % (h.log, line, kinds[0]) in text.stdout and
                   "BROKEN: " in text.stdout, "%s: told to a person" % what, text.stdout)


def verify_knows_what_it_is_given(build):
    with Home(build) as h:
        same(h.pando("logs", "verify").returncode, 0, "no log at all is a good one")
        r = h.pando("logs", "verify", str(h.top / "none"))
        ok(r.returncode == BROKEN and "no such log" in r.stderr, "a log that is named must be there", r)
        same(h.pando("logs", "verify", "a", "b").returncode, USAGE, "one file only")
        h.hooks(2)
        r = h.pando("logs", "verify", str(h.log))
        ok(r.returncode == 0 and "good: 2 lines" in r.stdout, "by its name", r.stdout)
        h.spoilt = True
        old = '{"ts":"2026-01-01T00:00:00.000Z","event":"shim_launch","layer":"shim"}'
        h.set_lines([old, old, *h.lines()])
        r = h.pando("logs", "verify")
        ok(r.returncode == 0 and "%s:3: begins:" % h.log in r.stdout, "lines of a former version", r.stdout)


def verify_goes_over_rotated_files(build):
    with Home(build, "[log]\nmax_bytes = 65536\nkeep = 2\n") as h:
        h.hook()
        size = h.log.stat().st_size
        h.hooks(65536 * 4 // size)
        names = sorted(p.name for p in h.data.glob("*.jsonl*"))
        same(names, [h.log.name + s for s in ("", ".1", ".2", ".head")], "two rotated files are kept")
        r = h.pando("logs", "verify")
        ok(r.returncode == 0 and "3 files" in r.stdout, "good over all files", r.stdout)
        ok(all(p.stat().st_size <= 65536 for p in decision_logs.files_of(h.log)), "none is too large")
        shown = h.pando("logs", "--json", "-n", "100000").stdout.splitlines()
        seqs = [json.loads(s)["seq"] for s in shown]
        same(seqs, list(range(seqs[0], seqs[0] + len(seqs))), "logs shows all of them in order")
        decision_logs.keep(h.top)
        h.spoilt = True
        first = Path(str(h.log) + ".1")
        first.write_text("".join(first.read_text().splitlines(True)[:-1]))
        r = h.pando("logs", "verify")
        ok(r.returncode == BROKEN and "%s:1: removed" % h.log in r.stdout, "a line less in a rotated file", r.stdout)


# --- logs --------------------------------------------------------------------------------------

def line_at(when, **more):
    return json.dumps(dict({"ts": when, "event": "hook_denied", "layer": "hook", "verdict": "deny"}, **more))


def logs_chooses(build):
    now = datetime.datetime.now(datetime.timezone.utc)
    old, new = (now - datetime.timedelta(hours=30)), (now - datetime.timedelta(minutes=5))
    stamp = "%Y-%m-%dT%H:%M:%S.000Z"
    rows = (
        (["--run", "aa"], "12"), (["--run", "aa1"], "1"), (["--run", "x"], ""), (["--verdict", "deny"], "13"),
        (["--verdict=allow"], "2"), (["--agent", "codex"], "3"), (["--layer", "gateway"], "2"),
        (["--since", "1h"], "23"), (["--since", "2d"], "123"),
        (["--since", old.strftime("%Y-%m-%d")], "123"), (["--since", new.strftime("%Y-%m-%dT%H:%M:00Z")], "23"),
        (["--since", new.strftime("%Y-%m-%dT%H:%M")], "23"), (["-n", "2"], "23"), (["-n", "1"], "3"),
        (["-n", "1", "--run", "aa"], "2"), ([], "123"))
    with Home(build) as h:
        h.spoilt = True
        h.data.mkdir(mode=0o700)
        h.set_lines([line_at(old.strftime(stamp), run="aa1", agent="claude", tool="1"),
                     line_at(new.strftime(stamp), run="aa2", agent="claude", tool="2", verdict="allow",
                             layer="gateway"),
                     line_at(new.strftime(stamp), run="bb3", agent="codex", tool="3")])
        for words, want in rows:
            r = h.pando("logs", "--json", *words)
            same("".join(json.loads(s)["tool"] for s in r.stdout.splitlines()), want, words)
            said = h.pando("logs", *words).stdout
            same(said.startswith("No line of "), want == "", "%s: that nothing is shown is said" % words)
        for words in (["-n", "0"], ["-n", "x"], ["-n"], ["--since", "soon"], ["--verdict", "no"], ["--agent", "x"], ["--layer", "x"],
                      ["--nonsense"], ["word"]):
            same(h.pando("logs", *words).returncode, USAGE, words)


def logs_speaks_to_a_person(build):
    """Local times, dates where they are not of today, whole names, and nothing foreign raw."""
    east = datetime.timezone(datetime.timedelta(hours=1))
    now = datetime.datetime.now(east).replace(hour=13, minute=34, second=56).astimezone(datetime.timezone.utc)
    evil = "\x1b[2J\u009b31m\u202e\r\n\u0007"
    with Home(build) as h:
        h.spoilt = True
        h.data.mkdir(mode=0o700)
        h.set_lines([line_at("2001-02-03T04:05:06.000Z", tool="Old", rule="r.1", at="p.toml:7", note="because"),
                     line_at(now.strftime("%Y-%m-%dT%H:%M:%S.000Z"), server=evil, tool=evil, rule=evil,
                             note=evil), "not JSON \x1b[31m"])
        out = h.pando("logs", TZ="EAST-1").stdout
        rows = out.splitlines()
        same(len(rows), 3, "a row each")
        ok(rows[0].startswith("2001-02-03 05:05:06 ") and "Old" in rows[0] and
           rows[0].endswith("r.1  p.toml:7: because"), "a date, local, with the reason", rows[0])
        ok(re.match(r" {11}13:34:56 ", rows[1]), "today only the time, under the others", rows[1])
        bad = [c for c in out if c in evil and c != "\n" and not c.isprintable()]
        same(bad, [], "no control character")
        ok("\\x1b[2J" in rows[1] and "not JSON \\x1b[31m" in rows[2], "but what they were", rows[1:])


def on_a_terminal(h, words, columns, **env):
    """What a terminal gets, until the program ends."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(h.top)
        os.execve(h.build / "bin/pando-ai", ["pando-ai", *words],
                  h.env(COLUMNS=str(columns), TERM="xterm", **env))
    out = b""
    while True:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    os.waitpid(pid, 0)
    os.close(fd)
    return out.decode().replace("\r\n", "\n")


def logs_fits_the_terminal(build):
    with Home(build) as h:
        h.spoilt = True
        h.data.mkdir(mode=0o700)
        h.set_lines([line_at("2001-02-03T04:05:06.000Z", agent="claude", server="s" * 50, tool="\u6f22" * 60,
                             note="n" * 300, rule="r" * 50),
                     line_at("2001-02-03T04:05:06.000Z", agent="codex", tool="T", verdict="allow"),
                     line_at("2001-02-03T04:05:06.000Z", verdict=None, event="hook_log_lost", lost=3,
                             since="2001-02-03T04:05:05.000Z")])
        for columns in (100, 140, 200):
            out = on_a_terminal(h, ["logs"], columns)
            plain = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
            wide = [sum(2 if c == "\u6f22" else 1 for c in s) for s in plain]
            ok(len(plain) == 3 and max(wide) <= columns, "%d columns" % columns, (wide, plain))
            same(plain[1].index(" allow "), plain[0].index(" deny "), "verdicts stand one below the other")
            ok("\x1b[31mdeny" in out and "\x1b[32mallow" in out, "deny is red, allow is green", out)
            ok("3 lines lost since 2001-02-03 04:05:05" in plain[2], "lost lines are told", plain[2])
        ok("\x1b" not in on_a_terminal(h, ["logs"], 140, NO_COLOR="1"), "no colours with NO_COLOR")
        ok("\x1b" not in h.pando("logs").stdout, "none in a file")
        h.set_lines([line_at("2001-02-03T04:05:06.000Z", tool="\u009b31m"), "\x1b[31m"])
        h.log.write_bytes(h.log.read_bytes().replace(b"\\u009b", b"\xc2\x9b"))
        out = on_a_terminal(h, ["logs", "--json"], 140)
        ok("\\xc2\\x9b31m" in out and "\\x1b[31m" in out and "\x1b" not in out, "nor raw as JSON", out)


def logs_follows_through_rotations(build):
    with Home(build, "[log]\nmax_bytes = 65536\nkeep = 9\n") as h:
        h.hooks(3)
        p = subprocess.Popen([build / "bin/pando-ai", "logs", "-f", "--json", "-n", "2"], env=h.env(),
                             stdout=subprocess.PIPE, text=True, cwd=h.top)
        got = []
        reader = threading.Thread(target=lambda: got.extend(json.loads(s)["seq"] for s in p.stdout))
        reader.start()
        ok(until(lambda: got == [2, 3]), "the last two at once", got)
        n = 65536 * 3 // h.log.stat().st_size * 3
        threads = [threading.Thread(target=h.hooks, args=(n // 4,)) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        last = int(h.head()["seq"])
        ok(until(lambda: got and got[-1] == last), "all the others as they come", (last, got[-3:]))
        same(got, list(range(2, last + 1)), "each once, in order")
        ok(Path(str(h.log) + ".2").exists(), "through rotations")
        p.send_signal(signal.SIGINT)
        p.wait(SECONDS)
        reader.join()
    with Home(build) as h:
        p = subprocess.Popen([build / "bin/pando-ai", "logs", "-f"], env=h.env(), stdout=subprocess.PIPE,
                             text=True, cwd=h.top)
        ok("Nothing has been decided" in p.stdout.readline(), "it waits for the first line")
        h.hook()
        ok("hook_denied" in p.stdout.readline(), "and shows it")
        p.send_signal(signal.SIGINT)
        p.wait(SECONDS)


# --- arguments ---------------------------------------------------------------------------------

def arguments_are_kept_only_when_that_is_wanted(build):
    with Home(build) as h:
        h.hook()
        h.policy("[log]\narguments = true\n")
        h.hook()
        without, kept = [json.loads(s) for s in h.lines()]
        ok("args" not in without and len(without["args_sha256"]) == 64, "only their hash", without)
        same(kept.get("args"), {"command": "x", "file": "y"}, "the arguments")
        same(kept["args_sha256"], without["args_sha256"], "and the same hash")


# --- a full disk -------------------------------------------------------------------------------

def a_full_disk_stops_nothing_that_is_denied(build):
    what = "a full disk"
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        counts["skipped"] += 1
        print("skip - %s # a small file system needs root and a mount namespace" % what)
        return
    r = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, __file__, "--build",
                        str(build), "--full-disk"], capture_output=True, text=True, check=False)
    print("".join(s + "\n" for s in r.stdout.splitlines() if s.startswith("not ok")), end="")
    told = re.search(r"(\d+) passed, (\d+) failed", r.stdout)
    if ok(told, what, (r.stdout, r.stderr)):
        counts["passed"] += int(told.group(1))
        counts["failed"] += int(told.group(2))


def full_disk(build):
    with Home(build) as h:
        h.data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=0700" % DISK_BYTES, "tmpfs", h.data], check=True)
        h.hooks(2)
        with open(h.data / "filler", "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        page = 4096 - h.log.stat().st_size % 4096
        h.hooks(page // 300 + 2)  # what still fits into the log's last page
        before, lost = len(h.lines()), int(h.head()["lost"])
        ok(lost > 0, "lines are lost", h.head())
        denied, ours = h.hook("Bash"), h.hook("mcp__pando_core__read-file")
        ok(denied.returncode == 0 and '"permissionDecision":"deny"' in denied.stdout and "Bash" in denied.stdout,
           "a denied call is denied with its own message", denied)
        same((ours.returncode, ours.stdout), (2, ""), "an allowed call is not made")
        ok("space" in ours.stderr, "and the reason is told", ours.stderr)
        same((len(h.lines()), int(h.head()["lost"])), (before, lost + 2), "both are counted")
        r = h.pando("logs")
        ok("%d lines could not be written since" % (lost + 2) in r.stderr, "logs tells it", r.stderr)
        r = h.pando("status")
        ok("%d lines could not be written since" % (lost + 2) in r.stdout and r.returncode == 1, "status tells it",
           r.stdout + r.stderr)
        r = h.pando("logs", "verify")
        ok(r.returncode == 0 and "lost: %d lines" % (lost + 2) in r.stdout, "verify tells it", r.stdout)
        (h.data / "filler").unlink()
        same(h.hook("mcp__pando_core__read-file").returncode, 0, "with room again it goes on")
        told = json.loads(h.lines()[-2])
        same((told["event"], told["lost"]), ("hook_log_lost", lost + 2), "the first line that fits tells the loss")
        same(int(h.head()["lost"]), 0, "told is told")
        same(h.pando("logs", "verify").returncode, 0, "the chain is whole")
        decision_logs.keep(h.top)
        h.spoilt = True
        subprocess.run(["umount", h.data], check=True)
    print("%(passed)d passed, %(failed)d failed" % counts)
    return 0


# --- the schema --------------------------------------------------------------------------------

GOOD = {"v": 1, "seq": 1, "prev": "0" * 64, "ts": "2026-11-21T13:53:56.123Z", "event": "hook_denied",
        "layer": "hook"}
CALL = dict(GOOD, tool="T", verdict="deny", args_sha256="a" * 64)
LINES = (
    # a line, and whether it is one
    (GOOD, True), (CALL, True), (dict(CALL, args={"a": [1]}), True), (dict(CALL, args="text"), True),
    (dict(CALL, args_cut=True), True), (dict(GOOD, lost=1, since=GOOD["ts"]), True),
    (dict(GOOD, agent="codex", mode="off", direction="request", api="responses", elapsed_us=0), True),
    *((dict(GOOD, **bad), False) for bad in (
        {"v": 2}, {"v": True}, {"seq": 0}, {"seq": "1"}, {"seq": True}, {"prev": "0" * 63}, {"prev": "A" * 64},
        {"ts": "2026-11-21"}, {"event": "hook"}, {"event": "x_denied"}, {"event": "gateway_request"},
        {"layer": "gateway"}, {"layer": "x"}, {"agent": "x"}, {"verdict": "maybe"}, {"mode": ""}, {"note": ""},
        {"note": "x" * 1025}, {"run": "x" * 65}, {"elapsed_us": -1}, {"lost": 1},
        {"since": GOOD["ts"]}, {"lost": 0, "since": GOOD["ts"]}, {"more": 1}, {"args": {}}, {"args_cut": True})),
    *((dict(CALL, **bad), False) for bad in (
        {"args": [1]}, {"args": {}, "args_cut": True}, {"args_cut": False}, {"args_sha256": "x"}, {"tool": ""})),
    *(({k: v for k, v in GOOD.items() if k != name}, False) for name in GOOD),
)


def the_schema_says_what_a_line_is(_):
    s = decision_logs.schema()
    for line, good in LINES:
        same(not list(decision_logs.check(line, s)), good, line)
    try:
        import jsonschema
    except ImportError:
        counts["skipped"] += 1
        print("skip - another reader of the schema # there is no python3-jsonschema")
        return
    jsonschema.Draft202012Validator.check_schema(s)
    v = jsonschema.Draft202012Validator(s)
    for line, good in LINES:
        same(v.is_valid(line), good, "another reader: %s" % line)


TESTS = (verify_finds_each_kind_of_tampering, verify_knows_what_it_is_given, verify_goes_over_rotated_files,
         logs_chooses, logs_speaks_to_a_person, logs_fits_the_terminal, logs_follows_through_rotations,
         arguments_are_kept_only_when_that_is_wanted, a_full_disk_stops_nothing_that_is_denied,
         the_schema_says_what_a_line_is)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", type=Path, required=True)
    p.add_argument("--full-disk", action="store_true")
    options = p.parse_args()
    if options.full_disk:
        return full_disk(options.build.resolve())
    for test in TESTS:
        test(options.build.resolve())
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
