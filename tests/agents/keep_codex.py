#!/usr/bin/env python3
"""What people rely on in codex stays under supervision: a row has what the person has, what they
type, and what the model must then be told; and nothing but our servers may run."""
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Callable

from _agents import Scene, options, pando_tools, persons, run_cases, stages, until
from _scripts import FINAL

LOGIN = json.dumps({"OPENAI_API_KEY": "sk-dummy-key"})
NO_KEYS = {"CODEX_API_KEY": "", "OPENAI_API_KEY": ""}
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
                    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")
SKILL = "---\nname: %s\ndescription: %s\n---\nDo it.\n"
# What configures more than a model, a look or a text; it would touch the canary or go elsewhere.
HOSTILE = """notify = ["/usr/bin/touch", "@CANARY@"]
[mcp_servers.more]
command = "/usr/bin/touch"
args = ["@CANARY@"]
[features]
shell_tool = true
"""
EXEC = ["exec", "--skip-git-repo-check"]


@dataclass
class Row:
    """files: below the home, unless they begin with "@PROJECT@/"; told: in the request;
    body: members of the request, "a.b" below each other."""
    name: str
    words: list
    files: dict = field(default_factory=dict)
    config: str = ""
    told: tuple = ()
    body: dict = field(default_factory=dict)
    cwd: str = ""
    stdin: str = ""
    untold: tuple = ()
    also: Callable = None  # (report, scene, run)


def said(what):
    return lambda r, s, run: r.ok(what in run.out, "%r is printed" % what, run.out)


def wrote_the_answer(r, s, run):
    out = s.project / "answer.txt"
    r.same(out.read_text() if out.exists() else None, FINAL, "the answer is in the file")


def printed_events(r, s, run):
    kinds = [json.loads(line)["type"] for line in run.out.splitlines()]
    r.ok(kinds[0] == "thread.started" and kinds[-1] == "turn.completed", "one event a line", kinds)


ROWS = (
    Row("AGENTS.md of all levels", [*EXEC, "Do it."], {
        ".codex/AGENTS.md": "person-1\n", "@PROJECT@/AGENTS.md": "project-2\n",
        "@PROJECT@/sub/AGENTS.md": "nested-3\n"}, cwd="sub",
        told=("person-1", "project-2", "nested-3")),
    Row("AGENTS.override.md in place of AGENTS.md", [*EXEC, "Do it."], {
        ".codex/AGENTS.md": "person-1\n", ".codex/AGENTS.override.md": "instead-4\n",
        "@PROJECT@/AGENTS.override.md": "project-5\n"}, told=("instead-4", "project-5"),
        untold=("person-1",)),
    Row("other names for AGENTS.md", [*EXEC, "Do it."], {"@PROJECT@/RULES.md": "fallback-6\n"},
        'project_doc_fallback_filenames = ["RULES.md"]\n', told=("fallback-6",)),
    Row("skills of the person and the project", [*EXEC, "Do it."], {
        ".codex/skills/one/SKILL.md": SKILL % ("one", "skill-7"),
        "@PROJECT@/.codex/skills/two/SKILL.md": SKILL % ("two", "skill-8"),
        "@PROJECT@/.agents/skills/three/SKILL.md": SKILL % ("three", "skill-9")},
        told=("skill-7", "skill-8", "skill-9")),
    Row("a skill that is named", [*EXEC, "$one please"], {
        ".codex/skills/one/SKILL.md": SKILL % ("one", "skill-7") + "text-of-the-skill-10\n"},
        told=("text-of-the-skill-10",)),
    Row("model, effort, verbosity, instructions", [*EXEC, "Do it."],
        {".codex/base.md": "base-instructions-11\n"},
        'model = "gpt-5.5"\nmodel_reasoning_effort = "high"\nmodel_verbosity = "low"\n'
        'developer_instructions = "developer-12"\nmodel_instructions_file = "base.md"\n',
        told=("base-instructions-11", "developer-12"),
        body={"model": "gpt-5.5", "reasoning.effort": "high", "text.verbosity": "low"}),
    Row("a profile", [*EXEC[:1], "-p", "mine", *EXEC[1:], "Do it."],
        {".codex/mine.config.toml": 'model = "gpt-5.5"\nmodel_reasoning_effort = "xhigh"\n'
         + HOSTILE}, 'model_reasoning_effort = "low"\nmodel_verbosity = "low"\n',
        body={"model": "gpt-5.5", "reasoning.effort": "xhigh", "text.verbosity": "low"}),
    Row("-m over the profile and the file", ["-p", "mine", *EXEC, "-m", "gpt-5.5", "Do it."],
        {".codex/mine.config.toml": 'model = "gpt-6-sol"\n'}, 'model = "gpt-6-luna"\n',
        body={"model": "gpt-5.5"}),
    Row("-c over the file", [*EXEC, "-c", "model_reasoning_effort=high", "Do it."], {},
        'model_reasoning_effort = "low"\n', body={"reasoning.effort": "high"}),
    Row("an image", [*EXEC, "-i", "@PROJECT@/i.png", "--", "Do it."], {"@PROJECT@/i.png": PNG},
        told=("data:image/png;base64",)),
    Row("another directory", [*EXEC, "-C", "sub", "Do it."], {
        "@PROJECT@/sub/AGENTS.md": "nested-3\n"}, told=("nested-3", "@PROJECT@/sub")),
    Row("one more directory", [*EXEC, "--add-dir", "@TMP@", "Do it."]),
    Row("a prompt by stdin", [*EXEC, "-"], stdin="prompt-by-stdin-13", told=("prompt-by-stdin-13",)),
    Row("a prompt and stdin", [*EXEC, "Do it with this."], stdin="more-by-stdin-14",
        told=("Do it with this.", "more-by-stdin-14")),
    Row("the last message to a file", [*EXEC, "-o", "answer.txt", "Do it."], also=wrote_the_answer),
    Row("events as JSON", [*EXEC, "--json", "Do it."], also=printed_events),
    Row("a schema for the answer", [*EXEC, "--output-schema", "schema.json", "Do it."],
        {"@PROJECT@/schema.json": '{"type": "object", "properties": {"schema-15": '
         '{"type": "string"}}, "required": ["schema-15"], "additionalProperties": false}'},
        told=("schema-15",)),
    Row("review", ["review", "--uncommitted"], {"@PROJECT@/hello.txt": "changed-line-16\n"},
        told=("untracked",), also=said(FINAL)),
    Row("exec review", ["exec", "review", "--uncommitted"],
        {"@PROJECT@/hello.txt": "changed-line-16\n"}, told=("untracked",), also=said(FINAL)),
    Row("no session kept", [*EXEC, "--ephemeral", "Do it."],
        also=lambda r, s, run: r.same(list((s.home / ".codex/sessions").rglob("*.jsonl")), [],
                                      "no session is kept")),
)


class Kept(Scene):
    """A person with a login, as codex login stores it, and no key in the environment."""
    def __init__(self, stage, person, row):
        self.row = row
        super().__init__(stage, "codex", person, [[{"say": FINAL}]] * 20)

    def place(self, text):
        return (text.replace("@PROJECT@", str(self.project)).replace("@CANARY@", str(self.canary))
                .replace("@TMP@", str(self.tmp)))

    def write_person_files(self):
        super().write_person_files()
        own = self.home / ".codex"
        (own / "config.toml").write_text(self.row.config + self.place(HOSTILE)
                                         + (own / "config.toml").read_text())
        (own / "auth.json").write_text(LOGIN)
        for name, text in self.row.files.items():
            path = (self.project / name[len("@PROJECT@/"):] if name.startswith("@PROJECT@/")
                    else self.home / name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, str):
                text = self.place(text).encode()
            path.write_bytes(text)

    def env(self, path, more=None):
        return super().env(path, {**NO_KEYS, **(more or {})})

    def codex(self, *words, stdin="", cwd=None, path=None):
        """Under supervision, unless there is another path."""
        shims = self.home / ".pando" / "bin"
        path = path or "%s:%s" % (shims, self.agent_path())
        r = subprocess.run([shutil.which("codex", path=path), *words], env=self.env(path), text=True,
                           cwd=cwd or self.project, input=stdin, capture_output=True, timeout=60,
                           check=False, **self.person.popen_args())
        r.status, r.out, r.err = r.returncode, r.stdout, r.stderr
        return r


def member(body, name):
    for part in name.split("."):
        body = (body or {}).get(part)
    return body


def try_row(r, stage, person, row):
    with Kept(stage, person, row) as s:
        run = s.codex(*map(s.place, row.words), stdin=row.stdin, cwd=s.project / row.cwd)
        r.ok(run.status == 0, "exit status 0", (run.status, run.err))
        r.need(s.requests(), "the model is asked", run.out + run.err)
        q = s.requests()[0]
        body = s.body_of(q)
        text = json.dumps(body)
        for t in row.told:
            r.ok(s.place(t) in text, "the model is told %r" % t, text)
        for t in row.untold:
            r.ok(t not in text, "but not %r" % t)
        for name, want in row.body.items():
            r.same(member(body, name), want, name)
        r.same(sorted(q["tools"]), pando_tools("codex"), "with our tools alone")
        r.ok(not s.canary.exists(), "nothing else has run")
        r.ok("ERROR" not in run.err and "WARNING" not in run.err.replace(
            "WARNING: proceeding, even though we could not create PATH", ""), "no complaint",
             run.err)
        r.same(s.changed_files(), [], "the person's own files are unchanged")
        if row.also:
            row.also(r, s, run)


# --- sessions, with supervision and without ---------------------------------------------------
def bare(s, *words):
    """codex without pando-ai, which then needs the stand-in's address."""
    return s.codex("-c", 'openai_base_url="%s/v1"' % s.upstream, "--disable", "plugins", "-c",
                   "analytics.enabled=false", "-c", "mcp_servers.evil.enabled=false", "-c",
                   "mcp_servers.more.enabled=false", "-c", "notify=[]", *words, path=s.agent_path())


def session_of(r, run):
    ids = [line.split()[-1] for line in run.err.splitlines() if line.startswith("session id:")]
    r.need(run.status == 0 and ids, "a session", (run.status, run.out, run.err))
    return ids[0]


def goes_on(r, s, run, prompts, what):
    """The request has all earlier prompts."""
    text = json.dumps(s.body_of(s.requests()[-1]))
    r.ok(run.status == 0 and all(p in text for p in prompts), what,
         (run.status, run.err, [p for p in prompts if p not in text]))


def sessions_go_on_with_and_without(r, stage, person):
    with Kept(stage, person, Row("", [])) as s:
        first = session_of(r, bare(s, *EXEC, "prompt-one"))
        goes_on(r, s, s.codex("exec", "resume", first, "prompt-two"), ("prompt-one", "prompt-two"),
                "one from before is resumed under supervision")
        goes_on(r, s, bare(s, "exec", "resume", first, "prompt-three"),
                ("prompt-one", "prompt-two", "prompt-three"), "and again without it")
        second = session_of(r, s.codex(*EXEC, "prompt-four"))
        goes_on(r, s, s.codex("exec", "resume", "--last", "prompt-five"),
                ("prompt-four", "prompt-five"), "the last one is known under supervision")
        third = session_of(r, s.codex(*EXEC, "prompt-six"))
        goes_on(r, s, bare(s, "exec", "resume", "--last", "prompt-seven"),
                ("prompt-six", "prompt-seven"), "and without it")
        goes_on(r, s, s.codex("exec", "fork", second, "prompt-eight"),
                ("prompt-four", "prompt-eight"), "one is forked")
        fourth = session_of(r, s.codex(*EXEC, "prompt-nine"))
        s.as_person([str(s.stage.pando), "uninstall"])
        s.stop_gateway()
        shutil.rmtree(s.home / ".pando")
        shutil.rmtree(s.home / ".pando-data")
        for session, prompt in ((second, "prompt-four"), (third, "prompt-six"),
                                (fourth, "prompt-nine")):
            goes_on(r, s, bare(s, "exec", "resume", session, "prompt-ten"), (prompt, "prompt-ten"),
                    "one is resumed when pando-ai is gone")
        r.same({q["headers"].get("authorization") for q in s.requests()}, {"Bearer sk-dummy-key"},
               "all with the person's login")


def a_provider_of_the_persons_own(r, stage, person):
    own = ('model_provider = "house"\n[model_providers.house]\nname = "House"\nwire_api = '
           '"responses"\nenv_key = "HOUSE_KEY"\nhttp_headers = {"x-house" = "1"}\nbase_url = "@UP@"\n')
    with Kept(stage, person, Row("", [])) as s:
        config = s.home / ".codex" / "config.toml"
        config.write_text(own.replace("@UP@", s.upstream + "/v1") + s.place(HOSTILE))
        NO_KEYS_BUT = {"HOUSE_KEY": "sk-dummy-house"}
        plain, s.env = s.env, lambda path, more=None: plain(path, {**NO_KEYS_BUT, **(more or {})})
        first = session_of(r, s.codex("--disable", "plugins", "-c", "analytics.enabled=false", "-c",
                                      "mcp_servers.more.enabled=false", "-c", "notify=[]", *EXEC,
                                      "prompt-one", path=s.agent_path()))
        goes_on(r, s, s.codex("exec", "resume", first, "prompt-two"), ("prompt-one", "prompt-two"),
                "its sessions are resumed under supervision")
        head = s.requests()[-1]["headers"]
        r.same((head.get("authorization"), head.get("x-house")), ("Bearer sk-dummy-house", "1"),
               "with its key and header")
        r.ok(any(d["event"].startswith("gateway_") for d in s.decisions()), "through the gateway")


def keys_in_the_environment(r, stage, person):
    for more in ({"CODEX_API_KEY": "sk-dummy-key"}, {"OPENAI_API_KEY": "sk-dummy-key"}):
        with Kept(stage, person, Row("", [])) as s:
            (s.home / ".codex" / "auth.json").unlink()
            plain = s.env
            s.env = lambda path, again=None, plain=plain, more=more: plain(path, {**more, **(again or {})})
            session_of(r, s.codex(*EXEC, "prompt-one"))
            goes_on(r, s, s.codex("exec", "resume", "--last", "prompt-two"),
                    ("prompt-one", "prompt-two"), "a session with %s goes on" % list(more)[0])
            r.same(s.requests()[-1]["headers"].get("authorization"), "Bearer sk-dummy-key", "its key")
            r.ok(not (s.home / ".codex" / "auth.json").exists(), "no login was made")


def a_linked_worktree(r, stage, person):
    with Kept(stage, person, Row("", [], {"@PROJECT@/AGENTS.md": "project-2\n"})) as s:
        other = s.canary.parent / "copy"
        for words in (["config", "user.email", "a@b.invalid"], ["config", "user.name", "n"],
                      ["add", "-A"], ["commit", "-qm", "x"], ["worktree", "add", "-q", str(other)]):
            s.as_person(["git", "-C", str(s.project), *words])
        run = s.codex(*EXEC, "Do it.", cwd=other)
        r.need(run.status == 0 and s.requests(), "codex works in a linked worktree", run.err)
        text = json.dumps(s.body_of(s.requests()[0]))
        r.ok(str(other) in text and "project-2" in text, "that is where it is", text)


def what_a_home_costs(r, stage, person):
    """A home that is new for each run would read all sessions again."""
    with Kept(stage, person, Row("", [])) as s:
        session_of(r, s.codex(*EXEC, "prompt-one"))
        kept = [(s.home / ".codex" / n).stat().st_ino for n in ("state_5.sqlite", "logs_2.sqlite")]
        session_of(r, s.codex(*EXEC, "prompt-two"))
        r.same([(s.home / ".codex" / n).stat().st_ino for n in ("state_5.sqlite", "logs_2.sqlite")],
               kept, "the person's databases are used")
        until(lambda: not s.run_folders())
        s.codex("exec", "resume", "--last", "prompt-three")
        left = sorted(p.name for p in (s.home / ".codex" / "pando-ai").glob("pando-*"))
        r.ok(len(left) <= 4, "profiles of sessions that are over are removed", left)


SESSIONS = (sessions_go_on_with_and_without, a_provider_of_the_persons_own, keys_in_the_environment,
            a_linked_worktree, what_a_home_costs)


def main():
    o = options()
    who = [next(p for p in reversed(persons()) if p)]
    stage = stages(o.build, who)[who[0].name]
    cases = [("keep codex: " + row.name, try_row, (stage, who[0], row)) for row in ROWS]
    cases += [("keep codex: " + f.__name__.replace("_", " "), f, (stage, who[0])) for f in SESSIONS]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
