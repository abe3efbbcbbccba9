#!/usr/bin/env python3
"""What supervision costs, as ratios against the same thing without it, in one run each.

    tests/bench/bench.py --build build

Prints medians; nothing here passes or fails.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 60
NOOP = """#include <stdio.h>
#include <string.h>
int main(int c, char **v) {
	static const char *const said[][2] = { { "--version", "2.1.329 (Claude Code)" },
		{ "--help", "Commands:\\n  mcp  Manage\\n  login  Log in" },
		{ "features", "shell_tool stable true" },
		{ "debug", "{\\"models\\":[{\\"slug\\":\\"a\\"}]}" } };
	for (int i = 0; c > 1 && i < 4; i++)
		if (strcmp(v[1], said[i][0]) == 0)
			puts(said[i][1]);
	return 0;
}
"""
CALL = {"session_id": "s", "hook_event_name": "PreToolUse",
        "tool_name": "mcp__pando_core__read-file", "tool_input": {"path": "x"},
        "tool_use_id": "toolu_1"}


def timed(argv, env, cwd, stdin=os.devnull):
    """Milliseconds until it has ended, and of its own and its children's on a CPU."""
    start = time.perf_counter()
    with open(stdin, "rb") as given, tempfile.TemporaryFile() as err:
        p = subprocess.Popen(argv, env=env, cwd=cwd, stdin=given, stdout=subprocess.DEVNULL,
                             stderr=err)
        _, status, used = os.wait4(p.pid, 0)
        spent = time.perf_counter() - start
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode != 0:
            err.seek(0)
            sys.exit(f"{argv[0]}: status {p.returncode}: {err.read().decode()}")
    return spent * 1000, (used.ru_utime + used.ru_stime) * 1000


def compare(name, bare, with_it, env, cwd, before=lambda: None, **kw):
    """Turn by turn, so that both meet the same machine."""
    pairs = []
    for _ in range(ROUNDS + 5):
        before()
        pairs.append((timed(bare, env, cwd, **kw), timed(with_it, env, cwd, **kw)))
    wall, cpu = ([statistics.median(p[k][unit] for p in pairs[5:]) for k in (0, 1)]
                 for unit in (0, 1))
    print(f"{name}, median of {ROUNDS}: alone {wall[0]:.2f} ms, with {wall[1]:.2f} ms, "
          f"added {wall[1] - wall[0]:.2f} ms, on a CPU {cpu[0]:.2f} and {cpu[1]:.2f} ms, "
          f"added {cpu[1] - cpu[0]:.2f} ms", flush=True)


class Launches:
    """A home with shims before agents that do nothing."""

    def __init__(self, build, home):
        self.build, self.agents = build, home / "agents"
        self.shims, self.project = home / ".pando" / "bin", home / "project"
        for folder in (self.agents, self.shims, self.project / ".git"):
            folder.mkdir(parents=True)
        (home / "noop.c").write_text(NOOP)
        for name in ("claude", "codex"):
            subprocess.run(["gcc", "-O2", "-o", self.agents / name, home / "noop.c"], check=True)
            (self.shims / name).symlink_to(build / "libexec/pando-ai/pando-shim")
        self.call = home / "call.json"
        self.call.write_text(json.dumps(CALL))
        self.env = {"HOME": str(home), "PATH": f"{self.shims}:{self.agents}:/usr/bin:/bin",
                    "TERM": "dumb", "ANTHROPIC_API_KEY": "bench"}

    def stop(self):
        subprocess.run([self.build / "bin/pando-ai", "proxy", "stop"], env=self.env, check=False,
                       stdout=subprocess.DEVNULL)

    def compare(self, what, *argv, **kw):
        compare(what, [str(self.agents / argv[0]), *argv[1:]],
                [str(self.shims / argv[0]), *argv[1:]], self.env, self.project, **kw)


def shim(build, home):
    """pando-shim before an agent that does nothing, against that agent alone; the hook alone."""
    at = Launches(build, home)
    # asked once what the agents say of themselves; the gateway stays as beside an open agent
    for argv in (["claude", "-p", "hi"], ["codex", "exec", "hi"], ["claude", "mcp", "list"]):
        timed([str(at.shims / argv[0]), *argv[1:]], at.env, at.project)
    at.compare("shim, claude, gateway running", "claude", "-p", "hi")
    at.compare("shim, codex, gateway running", "codex", "exec", "hi")
    at.compare("shim, claude, gateway to be started", "claude", "-p", "hi", before=at.stop)
    at.compare("shim, transparent subcommand (claude mcp list)", "claude", "mcp", "list")
    at.compare("shim, transparent subcommand (codex login)", "codex", "login")
    policy = next((home / ".pando" / "run").glob("policy-*"))
    compare("hook, a call of a tool, against a program that does nothing",
            [str(at.agents / "claude")], [str(build / "libexec/pando-ai/pando-hook"),
                                          "PreToolUse"],
            dict(at.env, PANDO_RUN="0123456789abcdef", PANDO_AGENT="claude",
                 PANDO_POLICY=str(policy), PANDO_POLICY_SHA256=policy.name.split("-")[1]),
            at.project, stdin=at.call)
    at.stop()


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
