#!/usr/bin/env python3
"""claude's parser understands the rows of shim_args/claude.txt as the shim does."""
import sys

from _agents import options, run_cases
from _args import END, Ground, ran, rows

# what the shim changes on purpose, and what says more than its parsing
LEFT_OUT = ("--strict-mcp-config", "-d2e", "-pd2e", "--debug-to-stderr", "-ph", "--prefill", "--debug-file")
LISTS = (["mcp", "list"], ["--", "mcp", "list"], ["--verbose", "mcp", "list"], ["-d2e", "--", "mcp", "list"],
         ["plugins", "list"], ["auto-mode", "config"], ["-V"], ["-v", "--verbose"])
BOTH = ("clusters of letters", "lists of values")
WRONG = ("its value is missing", "it takes no value", "pando-ai does not know it")


class Claude(Ground):
    def prepare(self, home, base):
        return {"ANTHROPIC_API_KEY": "sk-ant-dummy-key", "ANTHROPIC_BASE_URL": base,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}

    def asked(self, request):
        body = self.body(request)
        texts = [b["text"] for m in body["messages"] if m["role"] == "user"
                 for b in (m["content"] if isinstance(m["content"], list) else [{"type": "text", "text": m["content"]}])
                 if b["type"] == "text" and not b["text"].startswith("<system-reminder>")]
        system = "\n".join(b["text"] for b in body.get("system", []))
        return {"model": body["model"], "prompt": texts[-1].strip() if texts else None,
                "effort": body.get("output_config", {}).get("effort"), "thinking": body.get("thinking"),
                "tools": sorted(t["name"] for t in body.get("tools", [])),
                "ours": [w for w in ("Be --brief", "Text of a file.") if w in system],
                "length": len(system) > 2000}


def last(row, flag):
    values = [f[len(flag) + 1:] for f in row.flags if f.startswith(flag + "=")]
    return values[-1] if values else None


def is_understood(r, ground, row):
    seen = ran(r, ground, row, row.section in BOTH)
    starts = not any(f.startswith(("--resume", "--continue", "--help", "--version")) for f in row.flags)
    prompt = row.operands[0].strip() if row.operands else ""
    if starts and prompt and seen.status == 0:
        r.same([a["prompt"] for a in seen.asked], [prompt], "the prompt")
        r.ok(END in seen.out, "the answer is printed", seen)
    if starts and not prompt:
        r.same(seen.asked, [], "without a prompt there is no request")
    model = last(row, "--model")
    if model and seen.asked and not model.startswith("-"):
        r.ok(all(model == a["model"] or model in ("opus",) and model in a["model"] for a in seen.asked), "the model",
             seen.asked)


def is_wrong_for_claude(r, ground, row):
    seen = ground.run(row.typed)
    r.ok(seen.status not in (0, None) and not seen.asked, "claude refuses it as well", seen)


def is_inert(r, ground, row):
    seen = ground.run(row.typed)
    r.ok(seen.status is not None and not seen.asked and END not in seen.out, "no request, and an end", seen)
    r.ok(seen.status == 0, "it works", seen)


def chosen():
    """Each start of claude costs: of the options that only have to take a value, every second."""
    passes = 0
    for row in rows("claude"):
        if any(w.startswith(LEFT_OUT) for w in row.typed):
            continue
        passes += row.section == "what passes"
        if row.kind == "run" and row.flags is not None and (row.section != "what passes" or passes % 2):
            yield row, is_understood
        elif row.kind == "no" and row.why.startswith(WRONG) and row.section == "values":
            yield row, is_wrong_for_claude
        elif row.kind == "inert" and row.typed in LISTS:
            yield row, is_inert


def main():
    o = options()
    with Claude("claude") as ground:
        cases = [("claude %s" % row.line, check, (ground, row)) for row, check in chosen()]
        return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
