#!/usr/bin/env python3
"""What people rely on in the terminal of claude stays, under the shim."""
import base64
import json
import sys

from _agents import options, persons, run_cases, stages, until
from _keep import FINAL, IN, OWN, SETTLE_SECONDS, TRIES, Claude, Kept

PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
         "Jggg==")
SHOWN = r"\[Image #1\]"


def prompt_history(r, stage, person):
    line = ('{{"display": "an older prompt", "pastedContents": {{}}, "timestamp": 1790000000000, '
            '"project": "{top}/project", "sessionId": "5e751988-1b03-48e0-84b3-b56379582e35"}}\n')
    with Kept(stage, person, {OWN + "history.jsonl": line}) as s, Claude(s) as t:
        t.shows(r, "manual mode", "claude starts")
        t.keys("Up")
        t.shows(r, "an older prompt", "Up brings the older prompt")
        t.keys("C-u")
        t.enter(r, "a new prompt", "Enter")
        t.shows(r, FINAL, "an answer")
        r.ok(until(lambda: "a new prompt" in (s.home / ".claude/history.jsonl").read_text()),
             "the new prompt is in the person's history")


def choices_stay(r, stage, person):
    """/theme and /model say "saved as your default for new sessions"."""
    with Kept(stage, person, {}) as s:
        with Claude(s) as t:
            t.shows(r, "manual mode", "claude starts")
            t.enter(r, "/model sonnet", "Enter")
            t.shows(r, "Set model to Sonnet", "the model is chosen")
            t.end(r)
        s.supervised()
        last = s.body_of(s.requests()[-1])
        r.ok(last["model"].startswith("claude-sonnet"), "the next session has it", last["model"])
        r.same(s.changed_files(), [], "the person's own files are unchanged")
        (s.home / ".claude" / "settings.json").write_text('{"model": "haiku"}')
        s.supervised()
        last = s.body_of(s.requests()[-1])
        r.ok(last["model"].startswith("claude-haiku"), "their file's new word holds", last["model"])


def pasted_image(r, stage, person):
    """claude reads the file by itself, as it does with @file: policy says whether it may."""
    with Kept(stage, person, {}, '[native_tools]\nallow = ["Read"]\n') as s, Claude(s) as t:
        image = s.project / "p.png"
        image.write_bytes(base64.b64decode(PIXEL))
        t.shows(r, "manual mode", "claude starts")
        t.tmux("set-buffer", str(image))
        for _ in range(TRIES):  # before claude has asked the terminal for it, a paste is mere text
            t.tmux("paste-buffer", "-p", "-t", "t")
            if t.wait(SHOWN, SETTLE_SECONDS):
                break
            t.keys("C-u")
        t.shows(r, SHOWN, "the path becomes an image")
        t.keys("Enter")
        t.shows(r, FINAL, "an answer")
        r.ok('"type": "image"' in json.dumps([s.body_of(q) for q in s.requests()]), "it is sent")


def commands_of_the_terminal(r, stage, person):
    """Each shows what it is for."""
    rows = (("/context", "Context usage"), ("/memory", "User instructions"),
            ("/permissions", "Permissions"), ("/status", "2 connected"), ("/export", "Export"),
            ("/resume", "Resume session"), ("/cost", "Estimated cost"), ("/effort low", "to low"),
            ("/clear", "❯"))
    files = {IN + "commands/pcmd.md": "---\ndescription: MARK-shown\n---\nx\n"}
    with Kept(stage, person, files) as s, Claude(s) as t:
        t.shows(r, "manual mode", "claude starts")
        t.enter(r, "/pcm")
        t.shows(r, "MARK-shown", "a project's command is offered")
        t.keys("C-u")
        for typed, shown in rows:
            t.enter(r, typed, "Enter")
            t.shows(r, shown, "%s shows %s" % (typed, shown))
            r.need(t.escape(), "and goes away", t.screen())
        r.same(s.changed_files(), [], "the person's own files are unchanged")


CASES = (prompt_history, choices_stay, pasted_image, commands_of_the_terminal)


def main():
    o = options()
    root, user = persons()
    person = root or user
    stage = stages(o.build, [person])[person.name]
    return run_cases([c for c in ((f.__name__.replace("_", " "), f, (stage, person)) for f in CASES)
                      if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
