#!/usr/bin/env python3
"""Arguments of supervised sessions with the real agents: what passes or is rewritten works as it does
without the shim, and brings no tool. Subcommands without a session work on the person's own files as
they do without the shim.
"""
import json
import sys

from _agents import Scene, options, pando_tools, persons, run_cases, stages
from _scripts import FINAL

EXEC = ["exec", "--skip-git-repo-check"]
AGENT = {"poet": {"description": "Writes.", "prompt": "You are a poet 5813."}}
# the words, what the request must have: model, a part of its text, the prompt
ROWS = {
    "claude": (
        (["-p", "--settings", '{"model": "claude-sonnet-5"}', "Do it."], "claude-sonnet-5", "", "Do it."),
        (["--agents", json.dumps(AGENT), "--agent=poet", "-p", "Do it."], None, "You are a poet 5813.", "Do it."),
        (["-p", "--append-system-prompt=Be 5813.", "Do it."], None, "Be 5813.", "Do it."),
        (["--model", "claude-opus-5", "-p", "--", "--tools Bash"], "claude-opus-5", "", "--tools Bash"),
        (["-pd", "api", "--allowed-tools", "Read", "Edit", "--", "word"], None, "", "word"),
        (["--disallowedTools=Bash", "--restricted", "-p", "Do it."], None, "", "Do it."),
        (["-p", "--permission-mode", "dontAsk", "--output-format=json", "Do it."], None, "", "Do it.")),
    "codex": (
        ([*EXEC, "-s", "read-only", "Do it."], None, "", "Do it."),
        (["-a", "never", *EXEC, "Do it."], None, "", "Do it."),
        (["-a", "on-request", "-sread-only", *EXEC, "--json", "--", "--yolo"], None, "", "--yolo"),
        (["-c", 'model_reasoning_effort="high"', "-mgpt-5.5", *EXEC, "word"], "gpt-5.5", '"effort": "high"', "word"),
        ([*EXEC, "--disable=goals", "--ephemeral", "Do it."], None, "", "Do it."),
        (["e", "--skip-git-repo-check", "--color=never", "--experimental-json", "Do it."], None, "", "Do it.")),
}
# what changes a file of the person, and what it must be in afterwards
CHANGES = {"claude": ((["mcp", "add", "mine", "--scope", "user", "--", "/bin/true", "--settings", "x"], ".claude.json"),
                      (["--", "mcp", "list"], None), (["--verbose", "mcp", "get", "evil"], None)),
           "codex": ((["mcp", "add", "mine", "--", "/bin/true", "--remote"], ".codex/config.toml"),
                     (["mcp", "list", "--json"], None), (["features", "list"], None))}


def prompt_of(agent, body):
    if agent == "codex":
        texts = [c["text"] for i in body["input"] if i.get("role") == "user" for c in i["content"] if "text" in c]
    else:
        texts = [b["text"] for m in body["messages"] if m["role"] == "user"
                 for b in (m["content"] if isinstance(m["content"], list) else [{"type": "text", "text": m["content"]}])
                 if b["type"] == "text" and not b["text"].startswith("<system-reminder>")]
    return texts[-1].strip()


def goes_on(r, stage, agent, person, row):
    argv, model, part, prompt = row
    with Scene(stage, agent, person, [[{"say": FINAL}]]) as s:
        run = s.start_supervised(argv=argv).wait()
        r.ok(run.status == 0 and FINAL in run.out, "it runs", (run.status, run.out, run.err))
        requests = s.requests()
        r.need(len(requests) == 1, "one request", requests)
        body = s.body_of(requests[0])
        r.same(sorted(requests[0]["tools"]), pando_tools(agent), "our tools and no others")
        r.same(prompt_of(agent, body), prompt, "the prompt")
        r.ok(model is None or requests[0]["model"] == model, "the model", requests[0]["model"])
        r.ok(part in json.dumps(body), "the request has %r" % part, json.dumps(body)[:2000])
        r.same(s.changed_files(), [], "the person's own files are unchanged")


def works_on_own_files(r, stage, agent, person, row):
    argv, file = row
    said = []
    for shims in (False, True):
        with Scene(stage, agent, person, [[{"say": FINAL}]], shims=shims) as s:
            (s.project / ".mcp.json").write_text((s.home / ".claude.json").read_text())
            program = (s.home / ".pando" / "bin" if shims else stage.agents / ".bin") / agent
            run = s.start([str(program), *argv], "%s:%s" % (program.parent, s.agent_path())).wait()
            r.same(run.status, 0, "%s: status" % ("with the shim" if shims else "without it"))
            r.ok(file is None or "mine" in (s.home / file).read_text(), "it is in the person's file", file)
            r.ok(not s.canary.exists() and not s.requests(), "no server, no request")
            said.append(run.out.replace(str(s.folder), "#"))
    r.same(said[1], said[0], "it says the same")


def main():
    o = options()
    _, person = persons()
    stage = stages(o.build, [person])[person.name]
    cases = [("%s %s" % (agent, " ".join(row[0])), goes_on, (stage, agent, person, row))
             for agent, rows in ROWS.items() for row in rows]
    cases += [("%s %s" % (agent, " ".join(row[0])), works_on_own_files, (stage, agent, person, row))
              for agent, rows in CHANGES.items() for row in rows]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
