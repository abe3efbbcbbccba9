"""How the real agents understand the rows of tests/unit/shim_args/: what is typed there must do the
same as the words that the shim would start the agent with.

Nothing is supervised here. Each row is run twice, as typed and in the plan's one spelling, against
one stand-in provider; a run is known there by the first part of its path. Compared are the exit
status, what the provider was asked (model, prompt, system) and what the agent printed.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from _agents import PINNED, PROVIDER, ROOT, lines_of

SECONDS = 60
WRONG_USAGE = 2  # of clap
TABLES = ROOT / "tests" / "unit" / "shim_args"
END = "The end."


def split(text):
    """As tests/unit/shim_args.c: 'a b' is one word."""
    words, word, quoted = [], None, False
    for c in text:
        if c == "'":
            quoted, word = not quoted, word or ""
        elif c == " " and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + c
    return words if word is None else words + [word]


class Row:
    def __init__(self, line, section):
        self.line, self.section = line, section
        left, _, right = line.partition(" => ")
        self.typed, self.kind = split(left), right.partition(" ")[0]
        self.flags = self.operands = None
        if self.kind == "run" and " settings:" not in right:
            flags, _, operands = right[len("run"):].partition(" |")
            self.flags, self.operands = split(flags), split(operands)
        self.why = right.partition(" is refused: ")[2]

    @property
    def planned(self):
        return self.flags + (["--"] if self.operands else []) + self.operands


def rows(agent):
    section, out = "", []
    for line in (TABLES / ("%s.txt" % agent)).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line[2:]
        else:
            out.append(Row(line, section))
    return out


class Seen:
    """What one run did."""

    def __init__(self, status, out, asked):
        self.status, self.out, self.asked = status, out, asked

    def same_as(self, other):
        if self.status == other.status == WRONG_USAGE:
            return True  # the message names the spelling
        return (self.status, self.out, self.asked) == (other.status, other.out, other.asked)

    def __repr__(self):
        return "status %s, asked %s, said %r" % (self.status, self.asked, self.out[:400])


class Ground:
    """One provider, and a folder for each run."""

    def __init__(self, agent):
        self.folder = Path(tempfile.mkdtemp(prefix="args"))
        self.agent, self.lock, self.runs = agent, threading.Lock(), 0
        self.program = PINNED / ".bin" / agent

    def __enter__(self):
        (self.folder / "script").write_text(json.dumps({"turns": [], "end_text": END}))
        at = self.folder
        self.provider = subprocess.Popen(
            [sys.executable, str(PROVIDER), "--script", str(at / "script"), "--port-file", str(at / "port"),
             "--log", str(at / "log"), "--bodies", str(at / "bodies")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if b"listening" not in self.provider.stderr.readline():
            raise RuntimeError("the provider does not start")
        self.port = int((at / "port").read_text())
        return self

    def __exit__(self, *_):
        self.provider.kill()
        self.provider.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, argv):
        """The agent with a home, a folder and a provider's path of its own."""
        with self.lock:
            self.runs += 1
            name = "run%d" % self.runs
        home = self.folder / name
        project = home / "project"
        for d in (project / "d", home / "tmp"):
            d.mkdir(parents=True)
        for f in "abcf":
            (project / f).write_text("Text of a file.")
        env = {"HOME": str(home), "PATH": "/usr/bin:/bin:%s" % self.program.parent, "TERM": "dumb",
               "LANG": "C.UTF-8", "TMPDIR": str(home / "tmp")}
        if "PANDO_TEST_RUN" in os.environ:
            env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]
        env.update(self.prepare(home, "http://127.0.0.1:%d/%s" % (self.port, name)))
        try:
            r = subprocess.run([str(self.program), *argv], env=env, cwd=project, text=True,
                               errors="replace", stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=SECONDS, check=False)
            status, said = r.returncode, r.stdout + r.stderr
        except subprocess.TimeoutExpired:
            status, said = None, ""
        asked = [self.asked(q) for q in lines_of(self.folder / "log")
                 if q["path"].startswith("/%s/" % name) and "body" in q]
        shutil.rmtree(home, ignore_errors=True)
        return Seen(status, tidied(said, name), asked)

    def body(self, request):
        return json.loads((self.folder / "bodies" / request["body"]).read_text())


def tidied(text, name):
    """Without what differs from run to run."""
    for pattern in (r"[0-9a-f]{8}-[0-9a-f-]{27}", r"\d{4}-\d\d-\d\dT[\d:.]+Z", r"/tmp/[^\s\"']*",
                    r"\d+(\.\d+)?", r"\b%s\b" % name):
        text = re.sub(pattern, "#", text)
    # claude's advice, and its usage behind options that take no subcommand
    return re.sub(r'\[command\] |".*" was read as a value.*\n', "", text)


def ran(r, ground, row, both):
    """What the words do; both: and those of the plan do the same."""
    typed = ground.run(row.typed)
    if not both or row.typed == row.planned:
        return typed
    planned = ground.run(row.planned)
    r.ok(typed.same_as(planned), "as typed and as planned", "%r, planned %s: %r"
         % (typed, row.planned, planned))
    return typed


__all__ = ["END", "Ground", "Row", "Seen", "ran", "rows"]
