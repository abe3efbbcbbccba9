#!/usr/bin/env python3
"""Ways out that a person meets within codex's terminal interface, without requirements: another
session, another task, another folder. Without supervision each starts a program of a project."""
import json
import re
import shlex
import sys
import time

from _agents import options, pando_tools, persons, run_cases, stages, until
from keep_codex import EXEC, Kept, Row, bare
from keep_codex_terminal import ASKS, READY, Sitting

TRUST = r"Trust and continue"
WHERE = r"Use session directory"
SERVER = '[mcp_servers.x]\ncommand = "/usr/bin/touch"\nargs = ["@MARK@"]\n'
WITHOUT_REQUIREMENTS = '\n[security]\ncodex_requirements = "off"\n'
MARK_SECONDS = 10


class Lane(Kept):
    """With a mark of its own for what a project starts."""

    @property
    def mark(self):
        return self.tmp / "mark"

    def place(self, text):
        return super().place(text.replace("@MARK@", str(self.mark)))

    def set_up(self):
        self.more_policy = WITHOUT_REQUIREMENTS
        super().set_up()

    def beside(self):
        """A folder with a server of its own, and a session in it."""
        folder = self.canary.parent / "beside"
        (folder / ".codex").mkdir(parents=True)
        (folder / ".codex" / "config.toml").write_text(self.place(SERVER))
        self.person.own(folder)
        self.as_person(["git", "init", "-q", str(folder)])
        return bare(self, "-C", str(folder), *EXEC, "prompt beside").status


def resume_words(s, shims):
    words = ["resume", "--last", "--all", "--include-non-interactive"]
    if not shims:
        words = ["--no-daemon", "-c", 'openai_base_url="%s/v1"' % s.upstream, "--disable", "plugins",
                 "-c", "analytics.enabled=false", "-c", "notify=[]", *words]
    return " ".join(map(shlex.quote, words))


def resumes_beside(r, stage, person, shims):
    with Lane(stage, person, Row("", [], {}, 'model = "gpt-6-sol"\n')) as s:
        r.same(s.beside(), 0, "there is a session of another folder")
        with Sitting(r, s, shims) as a:
            a.t.type("clear; codex " + resume_words(s, shims))
            a.t.keys("Enter")
            asked = set()

            def has_come():
                screen = a.t.screen()
                for question in (WHERE, TRUST, ASKS):
                    if re.search(question, screen):
                        asked.add(question)
                        time.sleep(0.5)  # what is typed at once is not taken for an answer
                        a.t.keys("Enter")
                        return False
                return "prompt beside" in screen and re.search(READY, screen)
            r.need(until(has_come, 40), "the session is resumed", a.t.screen())
            marked = until(s.mark.exists, 2 if shims else MARK_SECONDS)
            if not shims:
                r.ok(marked, "without the shim its folder's server starts", (asked, a.t.screen()))
                return
            r.ok(not marked and not {WHERE, TRUST} & asked, "nothing of its folder is asked or "
                 "started", (marked, asked))
            a.enters("going on", "going on")
            r.ok(until(lambda: "going on" in json.dumps(s.body_of(s.requests()[-1])), 15),
                 "it goes on", a.t.screen())
            r.same(sorted(s.requests()[-1]["tools"]), pando_tools("codex"), "with our tools")
            a.ends()


def a_session_of_another_folder(r, stage, person):
    for shims in (False, True):
        resumes_beside(r, stage, person, shims)


def new_tasks(r, stage, person):
    """In the same folder: /new, and n in the task overview."""
    with Lane(stage, person, Row("", [], {}, 'model = "gpt-6-sol"\n')) as s, Sitting(r, s) as a:
        a.starts("'first prompt'", "4711")
        (s.project / ".codex").mkdir(exist_ok=True)
        (s.project / ".codex" / "config.toml").write_text(s.place(SERVER))
        s.person.own(s.project)
        for name, begin in (("second", new), ("third", overview)):
            begin(a)
            a.settles(READY, "a new task begins")
            asked = len(s.requests())
            a.enters(name + " prompt", name + " prompt")
            r.need(until(lambda asked=asked: sent(a, asked), 20), "it asks the model", a.t.screen())
            q = s.requests()[-1]
            r.ok(name in json.dumps(s.body_of(q)), "with its prompt")
            r.same(sorted(q["tools"]), pando_tools("codex"), "and our tools alone")
            a.t.wait("4711", 10)
        r.ok(not s.mark.exists(), "the project's server has not been started")


def sent(a, asked):
    """What is entered while a new task is still made ready stays where it was typed."""
    if len(a.s.requests()) > asked:
        return True
    a.t.keys("Enter")
    time.sleep(0.5)
    return False


def new(a):
    a.enters("/new", "Where should the new conversation run")
    a.t.keys("Enter")  # in the same folder


def overview(a):
    a.t.keys("Left")
    a.sees("Agent command center", "the overview opens")
    a.t.keys("n")


CASES = (a_session_of_another_folder, new_tasks)


def main():
    o = options()
    who = [next(p for p in reversed(persons()) if p)]
    stage = stages(o.build, who)[who[0].name]
    cases = [("codex in the terminal: " + f.__name__.replace("_", " "), f, (stage, who[0]))
             for f in CASES]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
