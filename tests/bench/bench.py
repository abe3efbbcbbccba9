#!/usr/bin/env python3
"""What supervision costs, as ratios against the same thing without it, in one run each.

    tests/bench/bench.py --build build

Prints medians; nothing here passes or fails.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 60


def timed(argv, env, cwd):
    start = time.perf_counter()
    done = subprocess.run(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    spent = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{argv[0]}: status {done.returncode}: {done.stderr.decode()}")
    return spent * 1000


def compare(name, bare, with_it, env, cwd):
    """Turn by turn, so that both meet the same machine."""
    pairs = [(timed(bare, env, cwd), timed(with_it, env, cwd)) for _ in range(ROUNDS + 5)][5:]
    a = statistics.median(p[0] for p in pairs)
    b = statistics.median(p[1] for p in pairs)
    print(f"{name}, median of {ROUNDS}: alone {a:.2f} ms, with {b:.2f} ms, "
          f"added {b - a:.2f} ms, ratio {b / a:.2f}", flush=True)


def shim(build, home):
    """pando-shim before an agent that does nothing, against that agent alone."""
    agents = home / "agents"
    project = home / "project"
    shims = home / ".pando" / "bin"
    for folder in (agents, project, shims):
        folder.mkdir(parents=True)
    (project / ".git").mkdir()
    noop = home / "noop.c"
    noop.write_text('#include <stdio.h>\n#include <string.h>\nint main(int c, char **v)\n'
                    '{ if (c > 1 && strcmp(v[1], "--version") == 0)'
                    ' puts("2.1.329 (Claude Code)"); return 0; }\n')
    subprocess.run(["gcc", "-O2", "-o", agents / "claude", noop], check=True)
    (shims / "claude").symlink_to(build / "libexec/pando-ai/pando-shim")
    env = {"HOME": str(home), "PATH": f"{shims}:{agents}:/usr/bin:/bin", "TERM": "dumb",
           "ANTHROPIC_API_KEY": "bench"}
    # one run that stays, so that the gateway does, as beside another open agent
    timed([str(shims / "claude"), "-p", "hi"], env, project)
    compare("shim, a no-op agent, gateway running", [str(agents / "claude"), "-p", "hi"],
            [str(shims / "claude"), "-p", "hi"], env, project)
    subprocess.run([build / "bin/pando-ai", "proxy", "stop"], env=env, check=False,
                   stdout=subprocess.DEVNULL)


def program(build, name, home):
    path = build / "tests" / "bench" / name
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    subprocess.run([path], env=env, check=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    build = arguments.parse_args().build.resolve()
    top = pathlib.Path(tempfile.mkdtemp(prefix="pando-bench-"))
    try:
        shim(build, top / "shim")
        for path in sorted((build / "tests" / "bench").glob("*_*")):
            home = top / path.name
            home.mkdir()
            program(build, path.name, home)
    finally:
        shutil.rmtree(top)
    with open("/proc/loadavg", encoding="ascii") as load:
        print("load average at the end:", " ".join(load.read().split()[:3]),
              "on", os.cpu_count(), "CPUs")


main()
