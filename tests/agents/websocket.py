#!/usr/bin/env python3
"""The real codex over a WebSocket, where the policy has one: what passes, what is stopped, how a
refusal looks; and that it uses POST where the provider has none."""
import sys

from _agents import Scene, native_touch, options, persons, run_cases, stages
from _scripts import FINAL, check_allowed, check_blocked, check_supervised, read_call

ON = "websocket = true\n"


def ways(scene):
    """How the requests that want an answer came to the provider."""
    return {r["method"] for r in scene.requests()}


def parallel_calls_one_allowed(r, stage, person):
    turns = lambda s: [[{"say": "Two at once."}, native_touch(s.canary), read_call()], [{"say": FINAL}]]
    with Scene(stage, "codex", person, turns, ON, {"websocket": True}) as s:
        check_supervised(r, s, s.supervised())
        r.same(ways(s), {"WS"}, "all requests came over the WebSocket")
        results = s.requests()[-1]["results"]
        r.ok(results and "the old word" in results[-1], "the allowed call has its result", results)
        ids = s.call_ids()
        check_blocked(r, s, ids[0], "exec_command", "native_tools.default")
        check_allowed(r, s, ids[1], "pando_core", "read-file")


def several_turns_stand_on_one_another(r, stage, person):
    turns = [[read_call()], [{"say": "Once more."}, read_call()], [{"say": FINAL}]]
    with Scene(stage, "codex", person, turns, ON, {"websocket": True}) as s:
        check_supervised(r, s, s.supervised())
        r.same((ways(s), len(s.requests())), ({"WS"}, 3), "three requests over the WebSocket")
        r.same(len({r_["headers"]["sec-websocket-key"] for r_ in s.requests()}), 1, "on one connection")


def a_refused_answer_is_shown_and_ends_it(r, stage, person):
    turns = lambda s: [[native_touch(s.canary)], [{"say": FINAL}]]
    policy = ON + '[firewall]\ncall = "refuse"\n'
    with Scene(stage, "codex", person, turns, policy, {"websocket": True}) as s:
        run = s.supervised()
        r.ok(run.status != 0 and "pando-ai" in run.out + run.err and
             "native_tools.default" in run.out + run.err, "the reason is shown", run.out + run.err)
        r.same(len(s.requests()), 1, "it is not asked again")
        r.ok(not s.canary.exists(), "the canary is untouched")


def a_refused_request_is_shown_and_ends_it(r, stage, person):
    policy = ON + "[limits]\ntokens_per_run = 1\n"
    with Scene(stage, "codex", person, [[read_call()], [{"say": FINAL}]], policy, {"websocket": True}) as s:
        run = s.supervised()
        r.ok(run.status != 0 and "tokens_per_run" in run.out + run.err, "the reason is shown",
             run.out + run.err)
        r.ok(len(s.requests()) <= 1, "nothing more reached the provider", s.requests())


def without_one_at_the_provider_it_uses_post(r, stage, person):
    with Scene(stage, "codex", person, [[read_call()], [{"say": FINAL}]], ON) as s:
        check_supervised(r, s, s.supervised())
        r.same((ways(s), len(s.requests())), ({"POST"}, 2), "two requests by POST")


def main():
    o = options()
    who = persons()
    stage = stages(o.build, who)
    cases = [("websocket: " + f.__name__.replace("_", " "), f, (stage[p.name], p))
             for f in (parallel_calls_one_allowed, several_turns_stand_on_one_another,
                       a_refused_answer_is_shown_and_ends_it, a_refused_request_is_shown_and_ends_it,
                       without_one_at_the_provider_it_uses_post)
             for p in [next(p for p in who if p)]]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
