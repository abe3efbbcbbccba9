#!/usr/bin/env python3
"""What people rely on stays: the real claude under the shim, with what a person and a project have.

One row: the files, how claude is started, what must be in the request, what must not. Most rows'
files also hold what must not run, and no row may leave a mark in {canary}.
"""
import json
import os
import re
import sys

from _agents import options, persons, run_cases, stages
from _keep import FINAL, IN, OWN, Kept

HOOK = ("hooks:\n  SessionStart:\n    - hooks:\n        - type: command\n          command: touch "
        "{canary}\n  UserPromptSubmit:\n    - hooks:\n        - {{type: command, command: 'touch "
        "{canary}'}}\n")
FRONT = "---\nname: %s\ndescription: MARK-desc\nallowed-tools: Bash(touch:*)\n" + HOOK + "---\n"
BODY = "MARK-%s !`touch {canary}` @{secret} @~/secret.md\n"
STYLE = "---\nname: %s\ndescription: d\n" + HOOK + "---\nMARK-%s\n"
SETTINGS = ('{{"model": "%s", "outputStyle": "%s", "statusLine": {{"type": "command", "command": '
            '"touch {canary}"}}, "apiKeyHelper": "touch {canary}", "hooks": {{"SessionStart": '
            '[{{"hooks": [{{"type": "command", "command": "touch {canary}"}}]}}]}}}}')

# The person's helper for the key is theirs and runs; a project's does not.
OWN_SETTINGS = SETTINGS.replace('"apiKeyHelper": "touch {canary}", ', "")

# name, files, arguments, in the request, not in it; {folder of the start}
ROWS = (
    ("a command of the person", {OWN + "commands/c.md": FRONT % "c" + BODY % "own"},
     ["/c aa"], ["MARK-own"], ["SECRET", "/c aa\""]),
    ("a command of the project", {IN + "commands/c.md": FRONT % "c" + BODY % "in"},
     ["/c aa"], ["MARK-in"], ["SECRET"]),
    ("a command in a folder", {IN + "commands/a/c.md": "MARK-deep $ARGUMENTS\n"},
     ["/a:c xyz"], ["MARK-deep xyz"], []),
    ("arguments of a command", {OWN + "commands/c.md": "MARK-<$ARGUMENTS>\n"},
     ["/c aa bb"], ["MARK-<aa bb>"], []),
    ("two commands of one name", {OWN + "commands/c.md": "MARK-own\n", IN + "commands/c.md":
                                  "MARK-in\n"}, ["/c"], ["MARK-own"], ["MARK-in"]),
    ("a skill of the person", {OWN + "skills/s/SKILL.md": FRONT % "s" + BODY % "own",
                               OWN + "skills/s/x.sh": ""},
     ["/s aa"], ["MARK-own", "{home}/.claude/skills/s, outside"], ["SECRET"]),
    ("a skill of the project", {IN + "skills/s/SKILL.md": FRONT % "s" + BODY % "in" +
                                "run ${{CLAUDE_SKILL_DIR}}/x.sh\n", IN + "skills/s/x.sh": ""},
     ["/s aa"], ["MARK-in", "run .claude/skills/s/x.sh"], ["SECRET"]),
    ("two skills of one name", {OWN + "skills/s/SKILL.md": "MARK-own\n", IN + "skills/s/SKILL.md":
                                "MARK-in\n"}, ["/s"], ["MARK-own"], ["MARK-in"]),
    ("a skill that a dotfile manager linked",
     {"dot/s/SKILL.md": "MARK-dot\n", OWN + "skills/s": "-> {top}/dot/s"}, ["/s"], ["MARK-dot"], []),
    ("a link out of the project", {"dot/c.md": "MARK-secret\n", IN + "commands/c.md":
                                   "-> {top}/dot/c.md", IN + "commands/d.md": "MARK-d\n"},
     ["/d"], ["MARK-d"], ["MARK-secret"]),
    ("an output style of the person", {OWN + "output-styles/x.md": STYLE % ("Xs", "own"),
                                       OWN + "settings.json": OWN_SETTINGS % ("opus", "Xs")},
     ["hi"], ["MARK-own", '"model": "claude-opus'], []),
    ("style and model of the project", {IN + "output-styles/x.md": STYLE % ("Xs", "in"),
                                        IN + "settings.json": SETTINGS % ("sonnet", "Xs")},
     ["hi"], ["MARK-in", '"model": "claude-sonnet'], []),
    ("local settings of the project", {IN + "settings.json": SETTINGS % ("opus", "Xs"),
                                       IN + "settings.local.json": '{{"model": "sonnet"}}'},
     ["hi"], ['"model": "claude-sonnet'], []),
    ("all instructions of a project",
     {"project/CLAUDE.md": "MARK-root @docs/a.md @{secret}\n", "project/docs/a.md": "MARK-import\n",
      IN + "CLAUDE.md": "MARK-dot\n", "project/CLAUDE.local.md": "MARK-local\n",
      IN + "rules/r.md": "---\npaths: [src/**]\n---\nMARK-rule @{secret}\n",
      OWN + "rules/r.md": "MARK-ownrule\n", "CLAUDE.md": "MARK-above @{secret}\n",
      "project/src/CLAUDE.md": "MARK-src\n", "project/AGENTS.md": "MARK-agents\n"},
     ["hi", "cwd=src"], ["MARK-root", "MARK-import", "MARK-dot", "MARK-local", "MARK-rule",
                         "src/\\*\\*", "MARK-ownrule", "MARK-above", "MARK-src", "Be kind"],
     ["SECRET", "MARK-agents"]),
    ("AGENTS.md", {"project/AGENTS.md": "MARK-agents @{secret}\n"}, ["hi"], ["MARK-agents"],
     ["SECRET"]),
    ("an agent, when the policy has the tool",
     {OWN + "agents/a.md": "---\nname: aa\ndescription: MARK-own\ntools: Read\npermissionMode: "
      "bypassPermissions\nmcpServers:\n  e:\n    command: touch {canary}\n" + HOOK + "---\nx\n",
      IN + "agents/b.md": "---\nname: bb\ndescription: MARK-in\n---\nx\n",
      IN + "agents/a.md": "---\nname: aa\ndescription: MARK-nearer\n---\nx\n"},
     ["hi", "policy=Agent"], ["MARK-nearer", "MARK-in"], ["MARK-own"]),
    ("a skill that the model may start", {OWN + "skills/s/SKILL.md": FRONT % "s" + BODY % "own"},
     ["hi", "policy=Skill"], ["MARK-desc"], []),
    ("@file is left to our own tool", {"project/src/a.txt": "MARK-file\n"}, ["look at @src/a.txt"],
     ["look at @src/a.txt", "names as @path, and whose text is not there, is for read-file"], ["MARK-file"]),
    ("@file, when the policy has the tool", {"project/src/a.txt": "MARK-file\n"},
     ["look at @src/a.txt", "policy=Read"], ["MARK-file"], []),
    ("auto-memory", {OWN + "projects/{slug}/memory/MEMORY.md": "MARK-memory\n"}, ["hi"],
     ["MARK-memory"], []),
)


def row(r, stage, person, files, argv, want, never):
    more = dict(a.split("=") for a in argv[1:])
    policy = '[native_tools]\nallow = ["%s"]\n' % more["policy"] if "policy" in more else ""
    with Kept(stage, person, files, policy) as s:
        run = s.start_supervised(["-p", argv[0]], cwd=s.project / more.get("cwd", "")).wait()
        r.ok(run.status == 0 and FINAL in run.out, "an answer", (run.status, run.out, run.err))
        r.need(s.requests(), "one request", run.err)
        text = json.dumps(s.body_of(s.requests()[0]))
        for mark in want:
            r.ok(re.search(mark.format(**s.words), text), "%s is in the request" % mark, text)
        for mark in never:
            r.ok(mark not in text, "%s is not" % mark, text)
        r.ok(not s.canary.exists(), "nothing of it ran")
        r.same(s.changed_files(), [], "the person's own files are unchanged")


def sessions_go_on(r, stage, person):
    files = {"project/CLAUDE.md": "MARK-memory\n", IN + "commands/c.md": "MARK-command\n"}
    with Kept(stage, person, files) as s:
        s.start_supervised(["-p", "The first prompt."]).wait()
        for argv in (["-c", "-p", "/c"], ["--continue", "--fork-session", "-p", "Third."]):
            run = s.start_supervised(argv).wait()
            text = json.dumps(s.body_of(s.requests()[-1]))
            r.ok(run.status == 0 and "The first prompt." in text and "MARK-memory" in text,
                 "%s: goes on from the first" % argv[0], (run.err, text))
            r.ok("MARK-command" in text, "%s: with the command" % argv[0], text)
        slugs = list((s.home / ".claude" / "projects").iterdir())
        r.same((len(slugs), len(list(slugs[0].glob("*.jsonl")))), (1, 2), "two sessions are kept")


def linked_worktree(r, stage, person):
    """A git worktree beside the project is a project of its own."""
    with Kept(stage, person, {"project/CLAUDE.md": "MARK-main\n"}) as s:
        git = ["git", "-C", str(s.project), "-c", "user.name=a", "-c", "user.email=a@example.org"]
        s.as_person([*git, "add", "-A"])
        s.as_person([*git, "commit", "-qm", "x"])
        person.own(s.folder)
        os.chmod(s.folder, 0o777)
        s.as_person([*git, "worktree", "add", "-q", str(s.folder / "tree")])
        (s.folder / "tree" / "CLAUDE.md").write_text("MARK-tree\n")
        run = s.start_supervised(["-p", "hi"], cwd=s.folder / "tree").wait()
        r.need(run.status == 0 and s.requests(), "an answer", run.err)
        text = json.dumps(s.body_of(s.requests()[0]))
        r.ok("MARK-tree" in text and "MARK-main" not in text, "the worktree's own files", text)
        r.same({d.get("root") for d in s.decisions()}, {str(s.folder / "tree")}, "its own root")


def terminal_of_an_editor(r, stage, person):
    more = {"TERM_PROGRAM": "vscode", "VSCODE_IPC_HOOK_CLI": "/nonexistent", "VSCODE_PID": "1",
            "CLAUDE_CODE_SSE_PORT": "4", "ENABLE_IDE_INTEGRATION": "true"}
    with Kept(stage, person, {IN + "commands/c.md": "MARK-in\n"}) as s:
        run = s.start_supervised(["-p", "/c"], more=more).wait()
        r.need(run.status == 0 and s.requests(), "an answer", run.err)
        r.ok("MARK-in" in json.dumps(s.body_of(s.requests()[0])), "with the command")
        r.ok(all(t.startswith("mcp__pando_") for t in s.requests()[0]["tools"]), "no editor's tools")


OTHERS = (sessions_go_on, linked_worktree, terminal_of_an_editor)


def main():
    o = options()
    root, user = persons()
    person = root or user
    stage = stages(o.build, [person])[person.name]
    cases = [(name, row, (stage, person, files, argv, want, never))
             for name, files, argv, want, never in ROWS]
    cases += [(f.__name__.replace("_", " "), f, (stage, person)) for f in OTHERS]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
