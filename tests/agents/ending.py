#!/usr/bin/env python3
"""Ctrl-C, SIGTERM and a killed gateway, at every stage of a run: nothing is left and nothing was done.

A stage is reached when something outside shows it (a process, a request, a file), never after some
time. Afterwards no process of the scene may be alive, no run folder left, and a new run must work.
"""
import signal
import subprocess
import sys

from _agents import (AGENTS, SOON_SECONDS, Scene, command_of, kill, native_touch, options, persons,
                     run_cases,
                     stages, until)
from _scripts import FINAL, check_supervised, workspace_call

GATEWAY_LINGERS_SECONDS = 10
# codex gives up by itself; claude tries for minutes unless it is told how often
GIVES_UP_SECONDS = {"claude": 10, "codex": 60}


def hanging(scene):
    """The first answer stops in the middle of a call that is not allowed."""
    return [{"items": [{"say": "Wait for it."}, native_touch(scene.canary)], "hang": 600,
             "hang_after": 6, "times": 1}]


def working(scene):
    return [[workspace_call("shell-command",
                            command="touch started; sleep 600; touch %s" % scene.canary)],
                            [{"say": FINAL}]]


def when_it_starts(_scene):
    return True


def when_the_gateway_runs(scene):
    return scene.gateway_pids()


def when_the_model_is_asked(scene):
    return scene.requests()


def when_a_command_runs(scene):
    return (scene.project / "started").exists()


MOMENTS = ((when_it_starts, hanging), (when_the_gateway_runs, hanging),
           (when_the_model_is_asked, hanging),
           (when_a_command_runs, working))


def check_nothing_left(r, s, killed=False):
    """The gateway takes the folder of a run along when that ends. Where it, or the shim, was
    killed before it could, the next one does so."""
    until(lambda: not s.run_folders(), 0 if killed else SOON_SECONDS)
    s.stop_gateway()
    gone = until(lambda: not s.processes())
    r.ok(gone, "no process is left", [(p, command_of(p)) for p in s.processes()])
    if killed and s.run_folders():
        s.sweep()
    r.same(s.run_folders(), [], "no run folder is left")
    r.ok(not s.canary.exists(), "the canary is untouched")
    strange = set(s.project_files()) - {".git", ".pando-sandbox", "hello.txt", "started"}
    r.ok(not strange, "nothing of ours lies in the project", sorted(strange))
    r.same(s.changed_files(), [], "the person's own files are unchanged")


def ends_on_signal(r, stage, agent, person, number, moment, turns):
    with Scene(stage, agent, person, turns) as s:
        run = s.start_supervised()
        r.need(until(lambda: moment(s)), moment.__name__.replace("_", " "), run.process.poll())
        run.signal(number)
        run.wait(SOON_SECONDS)
        r.ok(run.status is not None, "the client ends on %s" % number.name)
        if moment is not when_a_command_runs:  # which ends as well, and may be answered first
            r.ok(FINAL not in run.out, "it does not go on", run.out)
        check_nothing_left(r, s, killed=moment in (when_it_starts, when_the_gateway_runs))


def kill_gateway(r, s, also=()):
    """With SIGKILL, and first the processes of `also`, which could start another."""
    dead = list(also) + s.gateway_pids()
    r.need(len(dead) > len(also), "a gateway runs")
    for pid in dead:
        kill(pid)
    gone = until(lambda: not set(dead) & set(s.processes()))
    r.ok(gone, "the gateway is dead", dead)


def the_gateway_is_killed_in_mid_stream(r, stage, agent, person):
    """The held call dies with it. Another gateway takes its place and its runs; the client asks again."""
    with Scene(stage, agent, person, hanging) as s:
        run = s.start_supervised()
        r.need(until(s.requests), "the model is asked", run.process.poll())
        kill_gateway(r, s)
        check_supervised(r, s, run.wait(), "native_tools.default")
        r.same(len(s.requests()), 2, "the model is asked again")
        events = [d["event"] for d in s.decisions()]
        r.ok("gateway_run_restored" in events, "the log tells of it", events)
        check_nothing_left(r, s)


def nobody_restarts_the_killed_gateway(r, stage, agent, person):
    """The core server, which would have done so, is killed as well: no answer, and no way past."""
    with Scene(stage, agent, person, hanging) as s:
        run = s.start_supervised()
        r.need(until(s.requests), "the model is asked", run.process.poll())
        kill_gateway(r, s, [p for p in s.processes() if "pando-mcp" in command_of(p)])
        try:
            run.process.wait(GIVES_UP_SECONDS[agent])
        except subprocess.TimeoutExpired:
            run.signal(signal.SIGTERM)
        run.wait(SOON_SECONDS)
        r.ok(run.status not in (0, None), "the client gives up, or ends when told to",
             (run.status, run.err))
        r.same(len(s.requests()), 1, "nothing goes past the gateway")
        check_nothing_left(r, s, killed=True)


def no_stale_lock(r, stage, agent, person):
    """After a killed gateway and a killed client the next run works."""
    with Scene(stage, agent, person, lambda s: [{"items": [{"say": FINAL}], "hang": 600,
                                                 "times": 1}]) as s:
        run = s.start_supervised()
        r.need(until(s.requests), "the model is asked", run.process.poll())
        for pid in s.processes():
            kill(pid)
        run.wait(SOON_SECONDS)
        r.same(run.status, -signal.SIGKILL, "everything was killed")
        first = {d.get("run") for d in s.decisions()}
        again = s.supervised()
        r.ok(again.status == 0 and FINAL in again.out, "the next run works",
             (again.status, again.out, again.err))
        r.ok({d.get("run") for d in s.decisions()} > first, "it is a run of its own")
        check_nothing_left(r, s, killed=True)


def the_gateway_goes_by_itself(r, stage, agent, person):
    with Scene(stage, agent, person, [[{"say": FINAL}]]) as s:
        check_supervised(r, s, s.supervised())
        gone = until(lambda: not s.gateway_pids(), SOON_SECONDS + GATEWAY_LINGERS_SECONDS)
        r.ok(gone, "the gateway ends by itself")
        check_nothing_left(r, s)


SIGNALS = (signal.SIGINT, signal.SIGTERM)
CASES = (the_gateway_is_killed_in_mid_stream, nobody_restarts_the_killed_gateway, no_stale_lock,
         the_gateway_goes_by_itself)


def main():
    o = options()
    who = persons()
    stage = stages(o.build, who)
    cases = []
    for agent in AGENTS:
        for p in filter(None, who):
            here = (stage[p.name], agent, p)
            name = "%s as %s: " % (agent, p.name)
            cases += [(name + f.__name__.replace("_", " "), f, here) for f in CASES]
            cases += [(name + "%s %s" % (n.name, m.__name__.replace("_", " ")), ends_on_signal,
                       (*here, n, m, t)) for n in SIGNALS for m, t in MOMENTS]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
