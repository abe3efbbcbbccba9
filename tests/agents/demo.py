#!/usr/bin/env python3
"""`pando-ai demo` as a person runs it: what it claims to have seen, and that it can say no."""
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from _agents import options, persons, run_cases, stages

DEMO_SECONDS = 200
CLAIMS = ("only pando tools reach the model", "control: unsupervised, the canary is made",
          "the forbidden call is stopped on the wire", "the edit through pando_workspace",
          "the shell command stays inside", "the restore brings the file back")


def start(stage, person, *words, path=None):
    home = Path(tempfile.mkdtemp(prefix="demo"))
    person.own(home)
    env = {"HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8",
           "PATH": path or "%s:/usr/bin:/bin" % (stage.agents / ".bin"),
           "PANDO_TEST_RUN": os.environ.get("PANDO_TEST_RUN", "")}
    return home, subprocess.Popen([str(stage.pando), "demo", *words], env=env, cwd=home, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, start_new_session=True,
                                  **person.popen_args())


def check_nothing_is_left(report, out):
    scratch = re.search(r"/tmp/pando-demo-\w+", out)
    report.ok(scratch and not os.path.exists(scratch.group()), "nothing is left behind", out)


def everything_is_observed(report, stage, person):
    home, demo = start(stage, person)
    out, _ = demo.communicate(timeout=DEMO_SECONDS)
    report.ok(demo.returncode == 0, "exit status", (demo.returncode, out))
    rows = {line[:44].strip(): line[44:].split() for line in out.splitlines()}
    for claim in CLAIMS:
        report.same(rows.get(claim), ["yes", "yes"], claim)
    report.ok("NOT SEEN" not in out, "nothing is missing", out)
    report.same(list(home.rglob("*")), [], "the person's home is untouched")
    check_nothing_is_left(report, out)


def what_is_not_observed_is_not_claimed(report, stage, person):
    """An agent that does nothing at all: no row may say yes, and the status says so."""
    with tempfile.TemporaryDirectory(prefix="lazy") as folder:
        os.chmod(folder, 0o755)
        lazy = Path(folder, "claude")
        lazy.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo '2.1.329 (Claude Code)'\nexit 0\n")
        lazy.chmod(0o755)
        _, demo = start(stage, person, "--agent", "claude", path="%s:/usr/bin:/bin" % folder)
        out, _ = demo.communicate(timeout=DEMO_SECONDS)
    report.ok(demo.returncode not in (0, None), "exit status", demo.returncode)
    report.ok(" yes " not in out, "no row says yes", out)


def ctrl_c_ends_it(report, stage, person):
    _, demo = start(stage, person, "--agent", "claude")
    out = ""
    for line in demo.stdout:
        out += line
        if "supervised" in line:
            break
    os.killpg(demo.pid, signal.SIGINT)
    out += demo.communicate(timeout=DEMO_SECONDS)[0]
    report.ok(demo.returncode not in (0, None), "exit status", demo.returncode)
    report.ok("interrupted" in out, "it says so", out)
    check_nothing_is_left(report, out)


def main():
    o = options()
    who = persons()
    stage = stages(o.build, who)
    return run_cases([("demo as %s: %s" % (p.name, f.__name__.replace("_", " ")), f,
                       (stage[p.name], p))
                      for f in (everything_is_observed, what_is_not_observed_is_not_claimed,
                                ctrl_c_ends_it)
                      for p in who if p])


sys.exit(main())
