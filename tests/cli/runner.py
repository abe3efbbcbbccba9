#!/usr/bin/env python3
"""The test runner finds what goes wrong: crashes, hangs, silence, skips, and processes left behind."""
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = Path(__file__).resolve().parents[1] / "run.py"
UNIT = RUN.parent / "unit"
SECONDS = 60
counts = {"passed": 0, "failed": 0}

GOOD = 'echo "ok - x"; echo "3 passed, 0 failed, 0 skipped"'
ORPHAN = "(env -i setsid sleep 300 >/dev/null 2>&1 &); " + GOOD
CASES = (
    # what suites do, options, exit status, last line, and what is said before it
    ([GOOD], [], 0, "4 passed, 0 failed", ""),
    ([GOOD, GOOD], [], 0, "7 passed, 0 failed", ""),
    (["echo '1 passed, 2 failed'; exit 1"], [], 1, "2 passed, 2 failed", ""),
    (["kill -SEGV $$"], [], 1, "1 passed, 1 failed", "no summary"),
    (["echo fine"], [], 1, "1 passed, 1 failed", "no summary"),
    ([GOOD + "; exit 3"], [], 1, "4 passed, 1 failed", "status 3 although nothing failed"),
    (["echo '0 passed, 0 failed, 0 skipped'"], [], 1, "1 passed, 1 failed", "tested nothing"),
    (["echo half; sleep 300"], ["--timeout", "1"], 1, "1 passed, 1 failed", "not done after 1 seconds"),
    (["echo 'skip - a # no b'; echo '1 passed, 0 failed, 1 skipped'"], [], 0,
     "2 passed, 0 failed, 1 skipped", "a # no b"),
    (["echo 'skip - a # no b'; echo '1 passed, 0 failed, 1 skipped'"], ["--no-skips"], 1,
     "2 passed, 1 failed", "a # no b"),
    ([ORPHAN], ["--linger", "0.2"], 1, "3 passed, 1 failed", "sleep 300"),
    (["echo \"not ok - what went wrong\"; echo '0 passed, 1 failed, 0 skipped'; exit 1"], [], 1,
     "1 passed, 1 failed", "not ok - what went wrong"),
    (["mkdir $TMPDIR/x; touch $TMPDIR/x.head; " + GOOD, GOOD], [], 1, "7 passed, 1 failed",
     "decision logs: [Errno 21] Is a directory"),
    ([], [], 1, "1 passed, 1 failed", "there is no suite"),
)


def ok(good, what, have=""):
    counts["passed" if good else "failed"] += 1
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": have %s" % (have,)))


def build_with(folder, scripts):
    """A build folder whose unit suites are these shell scripts, under names that the tree has."""
    unit = Path(folder, "tests", "unit")
    unit.mkdir(parents=True)
    names = sorted(p.stem for p in UNIT.glob("*.c"))
    for name, text in zip(names, scripts):
        (unit / name).write_text("#!/bin/sh\n%s\n" % text)
        (unit / name).chmod(0o755)
    return [sys.executable, str(RUN), "--build", str(folder), "--only", "unit/"]


def each_case_ends_as_it_must():
    for scripts, more, status, last, said in CASES:
        with tempfile.TemporaryDirectory() as folder:
            r = subprocess.run(build_with(folder, scripts) + more, capture_output=True, text=True,
                               timeout=SECONDS, check=False)
            good = r.returncode == status and r.stdout.splitlines()[-1] == last and said in r.stdout
            ok(good, "%s %s: %s" % (scripts, more, last), (r.returncode, r.stdout, r.stderr))


def an_interrupted_runner_takes_its_suites_along():
    with tempfile.TemporaryDirectory() as folder:
        started = Path(folder, "started")
        argv = build_with(folder, ["echo $$ > %s.part; mv %s.part %s; exec sleep 300" % ((started,) * 3)])
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            while not started.exists() and p.poll() is None:
                time.sleep(0.01)
            p.send_signal(signal.SIGTERM)
            p.communicate(timeout=SECONDS)
            ok(p.returncode != 0, "an interrupted runner fails", p.returncode)
        pid = int(started.read_text())
        stat = Path("/proc/%d/stat" % pid)
        ok(not stat.exists() or ") Z " in stat.read_text(), "its suite is gone")


def main():
    each_case_ends_as_it_must()
    an_interrupted_runner_takes_its_suites_along()
    print("%d passed, %d failed, 0 skipped" % (counts["passed"], counts["failed"]))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
