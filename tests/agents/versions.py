#!/usr/bin/env python3
"""The other versions of the agents that this machine has: the oldest that is supported and the newest
that npm has (setup.sh). The pinned ones are what all other suites run.

Here is what must hold of any version: a session with our tools through hook, gateway and both servers;
calls that must not pass; a launch that is half supervised, or offers a tool that nobody gave it; and
arguments that leave supervision.
"""
import sys

from _agents import Scene, more_versions, options, persons, run_cases, stages
from _scripts import (FINAL, forbidden_mcp_call, forbidden_native_call, pando_calls_and_results,
                      parallel_calls_one_allowed, without_the_shim_the_canary_is_touched)
from handshake import WAYS, half_supervised

REFUSED = 77
SCRIPTS = (pando_calls_and_results, forbidden_native_call, forbidden_mcp_call, parallel_calls_one_allowed,
           without_the_shim_the_canary_is_touched)
HALF = {"claude": ("all hooks off", "no workspace", "a tool of its own"), "codex": ("a dead workspace", "goals")}
LOOSER = {"claude": (["--dangerously-skip-permissions", "-p", "x y"], ["--bg", "x y"], ["--bare", "-p", "x y"],
                     ["--tools=Bash", "-p", "x y"], ["mcp", "serve"], ["remote-control"]),
          "codex": (["exec", "--oss", "x y"], ["exec", "--yolo", "x y"], ["app-server"], ["cloud"])}


def version_is_told(r, stage, agent, person, version):
    with Scene(stage, agent, person, [[{"say": FINAL}]]) as s:
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "it runs", (run.status, run.out, run.err))
        r.same({d.get("agent_version", version).split("-")[0] for d in s.decisions()}, {version}, "the log names it")
        run = s.start_supervised(argv=["--version"]).wait()
        r.ok(run.status == 0 and version in run.out, "--version is its own", (run.status, run.out, run.err))
        told = s.as_person([str(stage.pando), "status"], check=False,
                           more={"PATH": "%s:%s" % (s.home / ".pando" / "bin", s.agent_path())})
        r.ok("version %s, " % version in told.stdout, "status tells it", told.stdout + told.stderr)


def arguments_are_refused(r, stage, agent, person):
    with Scene(stage, agent, person, [[{"say": FINAL}]]) as s:
        for argv in LOOSER[agent]:
            run = s.start_supervised(argv=argv).wait()
            r.same((run.status, run.out), (REFUSED, ""), "%s is refused" % " ".join(argv))
        r.same(s.requests(), [], "nothing reaches the model")


def none_is_there(r):
    r.skip("other versions", "there are none in build/versions: ./setup.sh deps installs them")


def main():
    o = options()
    _, person = persons()
    cases = [] if more_versions() else [("versions", none_is_there, ())]
    for agent, version, folder in more_versions():
        here = (stages(o.build, [person], folder)[person.name], agent, person)
        name = "%s %s" % (agent, version)
        cases.append(("%s: version" % name, version_is_told, (*here, version)))
        cases.append(("%s: arguments" % name, arguments_are_refused, here))
        cases += [("%s: %s" % (name, f.__name__.replace("_", " ")), f, here) for f in SCRIPTS]
        cases += [("%s: %s" % (name, how), half_supervised, (*here, how, WAYS[agent][how])) for how in HALF[agent]
                  if how in WAYS[agent]]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
