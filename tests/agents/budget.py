#!/usr/bin/env python3
"""Budgets of a run with the real agents: the reason is shown as it is, and nothing is asked again."""
import sys

from _agents import AGENTS, Scene, options, persons, run_cases, stages, until
from _scripts import FINAL, read_call

AGAIN = {"claude": "claude --continue", "codex": "codex resume --last"}
ROUNDS = 8
# claude 2.1.329 tries a 400 three times within 0.1 s, with fewer betas, whatever its header says
TRIES = {"claude": 3, "codex": 1}
MODEL = {"claude": "claude-*", "codex": "gpt-*"}


def used(s):
    return [d for d in s.decisions() if d["event"] == "gateway_usage"]


def refused(s):
    return [d for d in s.decisions() if d["event"] == "gateway_request" and d.get("verdict") == "deny"]


def check_stopped(r, s, run, rule, requests):
    r.ok(run.status != 0, "the agent ends, and not well", (run.status, run.out, run.err))
    lines = refused(s)
    r.ok(lines and all(d["rule"] == rule for d in lines), "the log names the rule", lines)
    shown = " ".join((run.out + run.err).split())
    r.ok(lines and " ".join(lines[0]["note"].split()) in shown, "the reason is shown as it is",
         (run.out, run.err))
    r.ok(len(lines) <= TRIES[s.agent], "it is not asked again and again", len(lines))
    r.same(len(s.requests()), requests, "what reached the provider")
    r.same(s.changed_files(), [], "the person's own files are unchanged")


def tokens(r, stage, agent, person):
    with Scene(stage, agent, person, [[read_call()], [{"say": FINAL}]],
               policy="[limits]\ntokens_per_run = 10\n") as s:
        run = s.supervised()
        check_stopped(r, s, run, "limits.tokens_per_run", 1)
        r.ok(AGAIN[agent] in run.out + run.err, "it says how to go on", run.out + run.err)
        line = used(s)[0]
        r.ok(line["tokens_in"] > 1000 and line["tokens_out"] > 0 and line["status"] == 200
             and line["model"] == line["model_asked"], "what the first request used is told", line)
        r.same((line["calls"], line["denials"]), (1, 0), "and its call")


def money(r, stage, agent, person):
    policy = '[limits]\nusd_per_run = 0.01\n[[price]]\nmodel = "%s"\ninput = 100\noutput = 100\n' % MODEL[agent]
    with Scene(stage, agent, person, [[read_call()], [{"say": FINAL}]], policy=policy) as s:
        check_stopped(r, s, s.supervised(), "limits.usd_per_run", 1)
        r.ok(used(s)[0]["cost_microusd"] > 10000, "the log has what it cost", used(s))


def no_price(r, stage, agent, person):
    with Scene(stage, agent, person, [[{"say": FINAL}]], policy="[limits]\nusd_per_run = 1\n") as s:
        run = s.supervised()
        check_stopped(r, s, run, "limits.usd_per_run", 0)
        r.ok("has no price" in run.out + run.err, "the model is named", run.out + run.err)


def the_same_call(r, stage, agent, person):
    with Scene(stage, agent, person, [[{"say": "Again."}, read_call()]] * ROUNDS + [[{"say": FINAL}]],
               policy="[limits]\nsame_call = 4\n") as s:
        check_stopped(r, s, s.supervised(), "limits.same_call", 4)


def the_person_goes_on(r, stage, agent, person):
    """What the person says after the refusal begins a new row of calls."""
    again = {"claude": ["-p", "--continue", "Do something else."],
             "codex": ["exec", "--skip-git-repo-check", "resume", "--last", "Do something else."]}
    with Scene(stage, agent, person, [[read_call()]] * 3 + [[{"say": FINAL}]],
               policy="[limits]\nsame_call = 3\n") as s:
        r.ok(s.supervised().status != 0, "it is stopped")
        r.same(len(s.requests()), 3, "after three calls")
        s.start_supervised(again[agent]).wait()
        r.ok(len(s.requests()) > 3, "then the model is asked again", s.requests())


def calls_a_minute(r, stage, agent, person):
    turns = [[read_call()], [read_call()], [read_call()], [{"say": FINAL}]]
    with Scene(stage, agent, person, turns, policy="[limits]\ncalls_per_minute = 2\n") as s:
        run = s.supervised()
        r.ok(run.status == 0, "exit status 0", (run.status, run.err))
        r.ok("this run may make 2 calls of tools a minute" in run.out, "the reason is the answer", run.out)
        r.same([(d["calls"], d["denials"]) for d in used(s)], [(1, 0), (1, 0), (0, 1)], "each is counted")


def below_them(r, stage, agent, person):
    """None of them is reached: nothing is different."""
    policy = ('[limits]\ntokens_per_run = 10000000\nusd_per_run = 100\ncalls_per_minute = 100\nsame_call = 9\n'
              '[[price]]\nmodel = "*"\ninput = 1\noutput = 1\n')
    with Scene(stage, agent, person, [[read_call()]] * 3 + [[{"say": FINAL}]], policy=policy) as s:
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "it runs to its end", (run.status, run.out, run.err))
        r.ok(until(lambda: len(used(s)) >= 4), "each exchange is told", used(s))
        r.same(refused(s), [], "nothing is refused")


CASES = (tokens, money, no_price, the_same_call, the_person_goes_on, calls_a_minute, below_them)


def main():
    o = options()
    who = persons()
    stage = stages(o.build, who)
    cases = []
    for agent in AGENTS:
        for p in filter(None, who):
            name = "%s as %s: " % (agent, p.name)
            cases += [(name + f.__name__.replace("_", " "), f, (stage[p.name], agent, p)) for f in CASES]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
