#!/usr/bin/env python3
"""codex's terminal, supervised: what is forked goes on, and /logout is of the session alone."""
import sys

from _agents import options, pando_tools, persons, run_cases, stages, until
from keep_codex import Kept, Row
from keep_codex_terminal import Sitting, last_text


def fork_and_logout(r, stage, person):
    with Kept(stage, person, Row("", [], {}, 'model = "gpt-6-sol"\n')) as s, Sitting(r, s) as a:
        a.starts("'first prompt'", "4711")
        a.ends()
        a.starts("fork --last", "Thread forked")
        a.enters("second prompt", "second prompt")
        r.ok(until(lambda: "first prompt" in last_text(s) and "second prompt" in last_text(s), 15),
             "a fork has what was said before", last_text(s))
        r.same(sorted(s.requests()[-1]["tools"]), pando_tools("codex"), "with our tools alone")
        a.t.wait("4711", 10)
        a.enters("/logout")
        r.ok(a.t.wait("ready>", 15), "/logout ends the session", a.t.screen())
        r.same(s.changed_files(), [], "the person's login is as it was")
        a.starts("'third prompt'", "4711")
        r.ok("third prompt" in last_text(s), "and the next session has it", last_text(s))
        r.same(s.requests()[-1]["headers"].get("authorization"), "Bearer sk-dummy-key", "its key")
        a.ends()


CASES = (fork_and_logout,)


def main():
    o = options()
    who = [next(p for p in reversed(persons()) if p)]
    stage = stages(o.build, who)[who[0].name]
    cases = [("keep codex: " + f.__name__.replace("_", " "), f, (stage, who[0])) for f in CASES]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
