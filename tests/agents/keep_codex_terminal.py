#!/usr/bin/env python3
"""What people rely on in codex's terminal stays under supervision."""
import json
import re
import sys
import time

from _agents import options, pando_tools, persons, run_cases, stages, until
from _terminal import Terminal
from keep_codex import EXEC, Kept, Row, bare, session_of

ASKS = r"Open restricted"
READY = r"Ask Codex to do"
STILL_SECONDS = 1.0


class Sitting:
    """A person at codex, supervised unless shims is False."""

    def __init__(self, r, s, shims=True):
        self.r, self.s = r, s
        own = "%s:" % (s.home / ".pando" / "bin") if shims else ""
        self.t = Terminal(s, own + s.agent_path())

    def __enter__(self):
        self.t.__enter__()
        return self

    def __exit__(self, *_):
        self.t.__exit__()

    def settles(self, pattern, what):
        """Through the question about the folder, which comes some time after the first screen."""
        def is_there():
            if re.search(ASKS, self.t.screen()):
                self.t.keys("Enter")
            elif re.search(pattern, self.t.screen(100)):
                time.sleep(STILL_SECONDS)
                return not re.search(ASKS, self.t.screen())
            return False
        self.r.need(until(is_there, 40), what, self.t.screen())

    def starts(self, words="", until_shown=READY):
        self.t.type("clear; codex " + words)
        self.t.keys("Enter")
        self.settles(until_shown, "codex starts with %r" % words)

    def sees(self, pattern, what):
        return self.r.ok(self.t.wait(pattern, 15, back=100), what, self.t.screen(100))

    def enters(self, text, shows=None):
        self.t.type(text)
        self.t.wait(re.escape(text[-20:]), 10)
        self.t.keys("Enter")
        if shows:
            self.sees(shows, "%r shows %r" % (text, shows))

    def ends(self):
        self.enters("/quit")
        self.r.ok(self.t.wait("ready>", 15), "it ends", self.t.screen())


def last_text(s):
    return json.dumps(s.body_of(s.requests()[-1]))


def instructions_prompts_and_skills(r, stage, person):
    files = {"@PROJECT@/AGENTS.md": "project-2\n", ".codex/AGENTS.md": "person-1\n",
             ".codex/prompts/mine.md": "prompt-text-3 $1\n",
             ".codex/skills/one/SKILL.md": "---\nname: one\ndescription: skill-4\n---\nDo it.\n"}
    with Kept(stage, person, Row("", [], files, 'model = "gpt-6-sol"\n')) as s, Sitting(r, s) as a:
        a.starts("'first prompt'", "4711")
        text = last_text(s)
        for t in ("person-1", "project-2", "skill-4", "first prompt"):
            r.ok(t in text, "the model is told %r" % t, text)
        r.same(sorted(s.requests()[-1]["tools"]), pando_tools("codex"), "with our tools alone")
        a.enters("look at @hello")
        a.sees("hello.txt", "a file is found by @")
        r.ok(not s.canary.exists(), "nothing else has run")
        r.same(s.changed_files(), [], "the person's own files are unchanged")


def a_chosen_model_stays(r, stage, person):
    with Kept(stage, person, Row("", [], {}, 'model = "gpt-6-sol"\n')) as s, Sitting(r, s) as a:
        a.starts("'first prompt'", "4711")
        a.enters("/model", "Select Model")
        a.t.type("1")
        if a.t.wait("Select Reasoning", 10):
            a.t.keys("Enter")
        a.sees("Model changed to", "another model is chosen")
        a.ends()
        a.starts("'second prompt'", "4711")
        chosen = s.body_of(s.requests()[-1])["model"]
        r.ok(chosen != "gpt-6-sol", "the next session has it", chosen)
        a.ends()
        r.same(s.codex(*EXEC, "third prompt").status, 0, "and exec")
        r.same(s.body_of(s.requests()[-1])["model"], chosen, "the same")
        r.same(s.changed_files(), [], "the person's own files are unchanged")


def sessions_and_history(r, stage, person):
    with Kept(stage, person, Row("", [])) as s, Sitting(r, s) as a:
        session_of(r, bare(s, *EXEC, "prompt without supervision"))
        a.starts("'prompt with supervision'", "4711")
        a.ends()
        r.ok("prompt with supervision" in (s.home / ".codex/history.jsonl").read_text(),
             "the history is the person's")
        a.starts("resume --include-non-interactive", "prompt with supervision")
        a.sees("prompt without supervision", "the list has sessions from before, too")
        a.t.keys("Escape")
        a.settles(READY, "and can be left")
        a.t.keys("Up")
        a.sees(r"› prompt with supervision", "an earlier prompt comes back by Up")
        a.t.keys("C-c")
        a.ends()
        a.starts("resume --last", "prompt with supervision")
        a.enters("going on", "4711")
        r.ok(until(lambda: "prompt with supervision" in last_text(s) and "going on" in last_text(s),
                   15), "the last session goes on", last_text(s))
        a.ends()
        bare(s, "exec", "resume", "--last", "and on")
        r.ok("going on" in last_text(s) and "and on" in last_text(s), "also without supervision",
             last_text(s))


def looks(r, stage, person):
    config = '[tui]\nstatus_line = ["context-remaining"]\n'
    with Kept(stage, person, Row("", [], {}, "")) as s, Sitting(r, s) as a:
        own = s.home / ".codex" / "config.toml"
        own.write_text(config + own.read_text())
        a.starts("'a prompt'", "4711")
        a.sees(r"Context \d+% left", "the status line is the person's")


CASES = (instructions_prompts_and_skills, a_chosen_model_stays, sessions_and_history, looks)


def main():
    o = options()
    who = [next(p for p in reversed(persons()) if p)]
    stage = stages(o.build, who)[who[0].name]
    cases = [("keep codex: " + f.__name__.replace("_", " "), f, (stage, who[0])) for f in CASES]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
