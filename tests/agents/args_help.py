#!/usr/bin/env python3
"""Every option and subcommand that the real agents' --help lists stands in the shim's tables: passed,
changed or refused. So a new version's new flag is seen here, before somebody misses it.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from _agents import ROOT, installed, options, run_cases

SECONDS = 60
OPTION = re.compile(r"^ {1,8}(-[^\s,]+(?:, +-[^\s,]+)*)", re.M)
COMMAND = re.compile(r"^  ([a-z][\w|-]*)(?= |$)", re.M)
# where a session starts; below the others an option is the agent's own business
LEVELS = {"claude": ([],),
          "codex": ([], ["exec"], ["exec", "resume"], ["exec", "fork"], ["exec", "review"], ["review"],
                    ["resume"], ["fork"], ["agents"])}
# said to whom types it, and no subcommand
ALIASES = {"help"}


def table(agent):
    """The names in the shim's own tables, and the words of its subcommands."""
    text = (ROOT / "shim" / ("%s_options.c" % agent)).read_text(encoding="utf-8")
    names = set(re.findall(r'\{ "(--?[\w-]+)"', text))
    letters = set(re.findall(r'\{ "--[\w-]+", \'(\w)\'', text))
    words = set(re.findall(r'\{ "([a-z][\w-]*)", \{', text))
    words |= {w for pair in re.findall(r'(?:AGENT|PASSES)\(\w+, "([\w-]+)"|OUT\("([\w-]+)"\)', text)
              for w in pair if w}
    outside = re.search(r"outside\[\] = \{(.*?)\}", text, re.S)
    words |= set(re.findall(r'"([\w-]+)"', outside.group(1))) if outside else set()
    return names | {"-" + c for c in letters}, words


def help_of(program, words):
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "CODEX_HOME": home, "PATH": "/usr/bin:/bin:%s" % Path(program).parent, "TERM": "dumb",
               "COLUMNS": "200", "PANDO_TEST_RUN": os.environ.get("PANDO_TEST_RUN", "")}
        return subprocess.run([program, *words, "--help"], env=env, cwd=home, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=SECONDS, check=False).stdout


def options_of(text):
    return {name.partition("=")[0] for m in OPTION.finditer(text) for name in re.split(r", +", m.group(1))}


def commands_of(text):
    below = text.partition("\nCommands:\n")[2].partition("\n\n")[0]
    return {w for m in COMMAND.finditer(below) for w in m.group(1).split("|")}


def all_are_known(r, agent, program):
    names, words = table(agent)
    r.need(len(names) > 40 and len(words) > 20, "the tables are read", (len(names), len(words)))
    for level in LEVELS[agent]:
        text = help_of(program, level)
        found = options_of(text)
        r.ok(len(found) > (10 if level in ([], ["exec"]) else 3), "options are listed", text)
        r.same(sorted(found - names), [], "%s %s: every option is in the table" % (agent, " ".join(level)))
    found = commands_of(help_of(program, []))
    r.ok(len(found) > 10, "subcommands are listed", found)
    r.same(sorted(found - words - ALIASES), [], "%s: every subcommand is in the table" % agent)


def main():
    o = options()
    cases = [("%s %s" % (agent, version), all_are_known, (agent, program))
             for agent, version, program in installed()]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
