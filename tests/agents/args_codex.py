#!/usr/bin/env python3
"""codex's parser understands the rows of shim_args/codex.txt as the shim does.

Of the terminal interface only the parsing is seen: without a terminal it ends with status 1, and what
clap does not take with 2.
"""
import sys

from _agents import options, run_cases
from _args import END, Ground, ran, rows

# --no-daemon is put back by the shim; agents would start a daemon; review wants a repository
LEFT_OUT = ("--no-daemon", "agents", "review", "--experimental-json", "--search", "update", "login", "doctor",
            "archive", "unarchive", "delete", "migrate-rollouts", "plugin", "logout")
WRONG = ("its value is missing", "it takes no value", "pando-ai does not know it")
BEHIND = "codex takes it for a subcommand"
MODEL = "gpt-5.5"


class Codex(Ground):
    def prepare(self, home, base):
        own = home / ".codex"
        own.mkdir()
        (own / "config.toml").write_text("""model = "%s"
model_provider = "here"
check_for_update_on_startup = false
analytics.enabled = false
features.plugins = false
features.goals = true
[model_providers.here]
name = "Here"
base_url = "%s/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
""" % (MODEL, base))
        (home / "project" / ".git").mkdir()
        (home / "project" / "f").write_text('{"type": "object"}')
        return {"OPENAI_API_KEY": "sk-dummy-key", "CODEX_HOME": str(own)}

    def asked(self, request):
        body = self.body(request)
        texts = [c["text"] for i in body["input"] if i.get("type") == "message" and i["role"] == "user"
                 for c in i["content"] if c.get("type") == "input_text"]
        return {"model": body["model"], "prompt": texts[-1] if texts else None,
                "reasoning": body.get("reasoning"), "text": body.get("text")}


def last(row, flag):
    values = [f[len(flag) + 1:] for f in row.flags if f.startswith(flag + "=")]
    return values[-1] if values else None


def is_understood(r, ground, row):
    seen = ran(r, ground, row, True)
    r.ok(seen.status != 2 or ("cannot be used multiple times" in seen.out or "error: " in seen.out), "it is parsed",
         seen)
    plain = row.flags[:1] in (["exec"], ["e"]) and not {"resume", "fork"} & set(row.flags)
    if plain and row.operands and row.operands[0] not in ("", "-") and seen.status == 0:
        r.same([a["prompt"] for a in seen.asked], [row.operands[0]], "the prompt")
        r.ok(END in seen.out, "the answer is printed", seen)
        r.same([a["model"] for a in seen.asked], [last(row, "--model") or MODEL], "the model")


def is_wrong_for_codex(r, ground, row):
    seen = ground.run(row.typed)
    r.ok(seen.status == 2 and not seen.asked, "clap refuses it as well", seen)


def is_a_subcommand_behind(r, ground, row):
    """What is dropped is not asked, and --help is the subcommand's."""
    seen = ground.run([*row.typed, "--help"])
    r.ok(seen.status == 0 and ("Usage: codex exec" in seen.out or "Usage: codex mcp" in seen.out), "it is one", seen)


def is_inert(r, ground, row):
    seen = ground.run(row.typed)
    r.ok(seen.status == (2 if row.typed == ["mcp"] else 0) and not seen.asked and END not in seen.out,
         "it works without a request", seen)


def is_a_prompt(r, ground, row):
    seen = ground.run([*row.typed, "--help"])
    r.ok("Usage: codex [OPTIONS] [PROMPT]" in seen.out, "codex knows no such subcommand", seen)


def case_of(row):
    if any(w.partition("=")[0] in LEFT_OUT for w in row.typed) or "x" in row.typed[1:] and row.kind == "inert":
        return None
    if row.section.startswith("prompts that look") and row.kind == "run" and len(row.typed) == 1:
        return is_a_prompt
    if row.kind == "run":
        return is_understood
    if row.kind == "inert":
        return is_inert
    if row.why.startswith(WRONG) and row.section != "what leaves supervision":
        return is_wrong_for_codex
    return is_a_subcommand_behind if row.why.startswith(BEHIND) else None


def main():
    o = options()
    with Codex("codex") as ground:
        cases = [("codex %s" % row.line, case_of(row), (ground, row)) for row in rows("codex") if case_of(row)]
        return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
