#!/usr/bin/env python3
"""Runs every suite, a few at a time, and adds up what they say.

A suite is a program that prints "ok - ...", "not ok - ...", "skip - ... # reason" and at last
"N passed, N failed, N skipped". One that crashes, hangs, says nothing of that kind, or leaves a
process behind has failed. The last line here is "N passed, N failed".
"""
import sys

sys.dont_write_bytecode = True

import argparse
import ctypes
import fnmatch
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import decision_logs

HERE = Path(__file__).resolve().parent
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
SKIP = re.compile(r"^skip - (.*)$")
PR_SET_CHILD_SUBREAPER = 36


class Suite:
    def __init__(self, name, argv):
        self.name, self.argv = name, argv
        self.passed = self.failed = self.skipped = 0
        self.seconds, self.output, self.skips, self.mark = 0.0, "", [], None

    def fail(self, why):
        self.failed += 1
        self.output += "not ok - %s: %s\n" % (self.name, why)


def programs(folder):
    return [p for p in sorted(folder.glob("*")) if p.is_file()
            and os.access(p, os.X_OK)] if folder.is_dir() else []


def suites(build):
    """The slow ones first."""
    out = []
    for folder in ("agents", "cli", "root"):
        out += [Suite("%s/%s" % (folder, p.stem), [sys.executable, str(p), "--build", str(build)])
                for p in sorted((HERE / folder).glob("[!_]*.py"))]
    for kind in ("fuzz", "unit"):
        for p in programs(build / "tests" / kind):
            if (HERE / kind / (p.name + ".c")).exists():
                corpus = [str(HERE / "fuzz" / "corpus" / p.name)] if kind == "fuzz" else []
                out.append(Suite("%s/%s" % (kind, p.name), [str(p)] + corpus))
    return out


def chosen(all_suites, patterns):
    if not patterns:
        return all_suites
    return [s for s in all_suites
            if any(fnmatch.fnmatch(s.name, p) or p in s.name for p in patterns.split(","))]


class Reaper(threading.Thread):
    """What the suites orphan comes to us (Linux: as the subreaper), so that it can be found."""

    def __init__(self):
        super().__init__(daemon=True)
        self.own, self.lock = set(), threading.Lock()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def start_suite(self, *args, **kw):
        with self.lock:
            p = subprocess.Popen(*args, **kw)
            self.own.add(p.pid)
        return p

    def run(self):
        while True:
            self.reap()
            time.sleep(0.05)

    def reap(self):
        with self.lock:
            for pid, (parent, state) in processes().items():
                if parent == os.getpid() and state == "Z" and pid not in self.own:
                    os.waitpid(pid, os.WNOHANG)


def processes():
    """pid: (parent, state) of all that we may see."""
    out = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            out[int(entry)] = (int(parent), state)
    return out


def mentions(pid, mark):
    """Whether a process carries the mark of this run in its environment, arguments or folder."""
    for name in ("environ", "cmdline"):
        try:
            if mark.encode() in Path("/proc", str(pid), name).read_bytes():
                return True
        except OSError:
            pass
    try:
        return mark in os.readlink("/proc/%d/cwd" % pid)
    except OSError:
        return False


def descendants(table, own):
    found, size = {os.getpid()}, 0
    while len(found) != size:
        size = len(found)
        found |= {pid for pid, (parent, _) in table.items() if parent in found and pid not in own}
    return found - {os.getpid()}


def left_over(mark, own):
    table = processes()
    ours = descendants(table, own)
    return [pid for pid, (_, state) in sorted(table.items())
            if state not in "ZX" and pid != os.getpid() and (pid in ours or mentions(pid, mark))]


def check_left_over(mark, reaper, all_suites, seconds):
    """A failed pseudo-suite for the processes that are still there after a while; ends them."""
    deadline = time.monotonic() + seconds
    while left_over(mark, reaper.own) and time.monotonic() < deadline:
        time.sleep(0.1)
    out = Suite("processes left", [])
    out.passed = 1
    for pid in left_over(mark, reaper.own):
        try:
            what = Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0",
                    b" ").decode(errors="replace")
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
        by = next((s.name for s in all_suites if s.mark and mentions(pid, s.mark)), "some suite")
        out.passed = 0
        out.fail("%s left process %d: %s" % (by, pid, what))
    return out


def run_suite(suite, number, options, mark, reaper):
    suite.mark = "%s-%d" % (mark, number)
    room = Path(options.room, "%d" % number)
    room.mkdir()
    logs = room / "logs"
    logs.mkdir()
    for folder in (room, logs):
        os.chmod(folder, 0o1777)
    env = dict(os.environ, PANDO_TEST_RUN=suite.mark, TMPDIR=str(room), PANDO_TEST_LOGS=str(logs),
               PYTHONDONTWRITEBYTECODE="1")
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = reaper.start_suite(suite.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                               env=env,
                               cwd=HERE.parent, start_new_session=True)
        try:
            status, why = p.wait(options.timeout), None
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            status, why = p.wait(), "not done after %d seconds" % options.timeout
        suite.seconds = time.monotonic() - began
        read = []
        for f in (out, err):
            f.seek(0)
            read.append(f.read().decode(errors="replace"))
    judge(suite, status, why, *read)
    judge_logs(suite, room, options, reaper)
    report(suite, options)


def judge(suite, status, why, out, err):
    suite.output = out + err
    lines = out.rstrip("\n").split("\n")
    summary = SUMMARY.match(lines[-1])
    if summary:
        suite.passed, suite.failed, suite.skipped = (int(n or 0) for n in summary.groups())
    suite.skips = [m.group(1) for m in map(SKIP.match, lines) if m]
    if why:
        suite.fail(why)
    elif not summary:
        suite.fail("ended with status %d and no summary" % status)
    elif status and not suite.failed:
        suite.fail("ended with status %d although nothing failed" % status)
    elif suite.passed + suite.failed + suite.skipped == 0:
        suite.fail("tested nothing")


def judge_logs(suite, room, options, reaper):
    """Every decision log that it leaves counts as a test."""
    try:
        logs, faults = decision_logs.check_all(room, options.build, reaper.start_suite)
    except (OSError, subprocess.SubprocessError) as e:  # a folder in a log's place, say
        logs, faults = 0, ["decision logs: %s" % e]
    suite.passed += max(logs - len(faults), 0)
    for fault in faults:
        suite.fail(fault)


def report(suite, options):
    with options.print_lock:
        print("%-34s %5d passed %3d failed %3d skipped %7.1f s" % (
            suite.name, suite.passed, suite.failed, suite.skipped, suite.seconds))
        if suite.failed:
            print("".join("    %s\n" % line for line in suite.output.splitlines()
                          if not line.startswith("ok - ")))
        sys.stdout.flush()


def options_of(argv):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build", help="where make left its work")
    p.add_argument("--only", help="parts of suites' names, or patterns, with commas: unit/base_*,fuzz/")
    p.add_argument("--jobs", type=int, default=4)
    p.add_argument("--timeout", type=int, default=300, help="seconds for one suite")
    p.add_argument("--linger", type=float, default=15,
                   help="seconds that a process may outlive its suite (a gateway lingers 10)")
    p.add_argument("--no-skips", action="store_true", help="a skipped test is a failure")
    p.add_argument("--list", action="store_true", help="print the names of the suites")
    return p.parse_args(argv)


def run_all(todo, options):
    mark = "pt" + secrets.token_hex(4)
    reaper = Reaper()
    reaper.start()
    options.room = tempfile.mkdtemp(prefix=mark + "-", dir="/tmp")
    os.chmod(options.room, 0o755)
    options.print_lock = threading.Lock()
    pool = ThreadPoolExecutor(options.jobs)
    try:
        for done in [pool.submit(run_suite, s, i, options, mark, reaper) for i,
                     s in enumerate(todo)]:
            done.result()
        todo.append(check_left_over(mark, reaper, todo, options.linger))
        report(todo[-1], options)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        kill_all(left_over(mark, set()))
        shutil.rmtree(options.room, ignore_errors=True)


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself meanwhile


def interrupted(*_):
    raise KeyboardInterrupt


def main(argv):
    options = options_of(argv)
    todo = chosen(suites(Path(options.build).resolve()), options.only)
    if options.list:
        print("\n".join(s.name for s in todo))
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    run_all(todo, options)
    skips = [(s.name, text) for s in todo for text in s.skips]
    for name, text in skips:
        print("skipped: %s: %s" % (name, text))
    passed, failed = sum(s.passed for s in todo), sum(s.failed for s in todo)
    skipped = sum(s.skipped for s in todo)
    if options.no_skips:
        failed, skipped = failed + skipped, 0
    if len(todo) < 2:
        print("not ok - there is no suite to run in %s" % options.build)
        failed += 1
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
