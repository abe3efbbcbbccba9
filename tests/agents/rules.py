#!/usr/bin/env python3
"""Rules on arguments, on who calls, and rules that ask, with the real agents, on every layer.

A rule on an argument stops one call and lets its neighbour through: at the gateway; with the
gateway off, at claude's hook and at our server. In audit nothing is stopped and the log says the
same. A question reaches the person at the terminal, and nobody else answers it.
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from _agents import (AGENTS, SOON_SECONDS, Run, Scene, on_wire, options, persons, run_cases, stages,
                     until)
from _scripts import (FINAL, check_allowed, check_blocked, check_supervised, lines_about, read_call,
                      workspace_call)

NO_PUSH = """
[[rule]]
id = "no-push"
tool = "pando_workspace/shell-command"
args.command = { prefix = ["git", "push"] }
decision = "deny"
message = "Pushing is for people."
"""
ASK = """
[[rule]]
id = "ask-first"
tool = "pando_workspace/shell-command"
args.command = { prefix = ["touch"] }
decision = "ask"
"""
PUSH, NEIGHBOUR = "git push origin main; touch pushed", "git status; touch neighbour"
TERMINAL_SECONDS = 60
TRIES = 3
ROWS, COLUMNS = 50, 160
# what says yes in the form, where "no" comes first
SAY_YES = {"claude": ("\x1b[C", "\x1b[B", "\r", "\r"), "codex": ("\x1b[B", "\r")}
SAY_NO = {"claude": ("\x1b",), "codex": ("\r",)}
KEY_SECONDS = 0.7


def two_calls(_scene=None):
    return [[{"say": "Two."}, workspace_call("shell-command", command=PUSH),
             workspace_call("shell-command", command=NEIGHBOUR)], [{"say": FINAL}]]


def check_disk(r, s, pushed):
    r.same((s.project / "pushed").exists(), pushed, "the stopped call did nothing" if not pushed
           else "the call was made")
    r.ok((s.project / "neighbour").exists(), "its neighbour was made")


# --- one call and its neighbour --------------------------------------------------------
def the_gateway_stops_one_of_two(r, stage, agent, person):
    with Scene(stage, agent, person, two_calls, policy=NO_PUSH) as s:
        run = s.supervised()
        check_supervised(r, s, run)
        ids = s.call_ids()
        check_blocked(r, s, ids[0], "shell-command", "no-push")
        check_allowed(r, s, ids[1], "pando_workspace", "shell-command")
        check_disk(r, s, False)
        found = lines_about(s, ids[0], "gateway")
        r.ok(found and re.search(r"policy\.toml:\d+$", found[0].get("at", "")),
             "the line says where the rule stands", found)


class DirectScene(Scene):
    """The person sends the traffic past the gateway, which the policy has switched off."""

    def start_provider(self):
        super().start_provider()
        with (self.home / ".codex" / "config.toml").open("r+") as f:
            mine = f.read()
            f.seek(0)
            f.write('model_provider = "here"\nmodel = "gpt-5.5"\n' + mine
                    + '[model_providers.here]\nname = "Here"\nbase_url = "%s/v1"\n'
                      'wire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n' % self.upstream)

    def env(self, path, more=None):
        return super().env(path, dict({"ANTHROPIC_BASE_URL": self.upstream}, **(more or {})))


def without_the_gateway_the_next_layer_stops_it(r, stage, agent, person):
    """claude's hook; for codex, which has none of ours, the server."""
    off = '%s = "off"\n%s' % (agent, NO_PUSH)
    with DirectScene(stage, agent, person, two_calls, policy=off) as s:
        run = s.supervised()
        r.ok(run.status == 0, "exit status 0", (run.status, run.err))
        ids = s.call_ids()
        r.need(len(ids) == 2, "the model made two calls", (ids, run.out, run.err))
        r.same([d for d in s.decisions() if d.get("layer") == "gateway"], [],
               "the gateway is not there")
        layer, event = ("hook", "hook_denied") if agent == "claude" else ("mcp",
                                                                            "mcp_call_denied")
        found = [(d["event"], d.get("verdict"), d.get("rule"))
                 for d in lines_about(s, ids[0], layer)]
        r.ok((event, "deny", "no-push") in found, "%s stops the call" % layer, found)
        results = " ".join(s.requests()[-1]["results"])
        r.ok("Pushing is for people." in results, "the model reads why", results)
        r.ok(any(d.get("verdict") == "allow" for d in lines_about(s, ids[1], "mcp")),
             "the server allows its neighbour")
        check_disk(r, s, False)


# --- audit ---------------------------------------------------------------------------
def fixed(agent, call_id, server, tool, args):
    """A call whose id is the same in every run."""
    if agent == "claude":
        return {"item": {"type": "tool_use", "id": call_id,
                         "name": on_wire(agent, server, tool) if server else tool,
                         "input": args}}
    item = {"type": "function_call", "id": "fc_" + call_id, "call_id": call_id,
            "status": "completed", "name": tool.replace("-", "_"), "arguments": json.dumps(args)}
    if server:
        item["namespace"] = "mcp__" + server
    return {"item": item}


def verdicts(s):
    keys = ("call_id", "server", "tool", "verdict", "rule", "at")
    return sorted(tuple(str(d.get(k, "")).replace(str(s.home), "~") for k in keys)
                  for d in s.decisions() if d["event"].startswith("gateway_call_"))


def audit_says_what_enforce_does(r, stage, agent, person):
    calls = [fixed(agent, "toolu_one", "pando_workspace", "shell-command", {"command": PUSH}),
             fixed(agent, "toolu_two", "pando_workspace", "shell-command",
                   {"command": NEIGHBOUR}),
             fixed(agent, "toolu_three", "evil", "touch", {}),
             fixed(agent, "toolu_four", None, {"claude": "Bash", "codex": "exec_command"}[agent],
                   {"command": "true", "cmd": "true", "description": "x"}),
             fixed(agent, "toolu_five", "pando_core", "read-file", {"path": "hello.txt"})]
    said = {}
    for mode in ("enforce", "audit"):
        # the same number of lines before the rule
        policy = '%s = "%s"\n%s' % (agent, mode, NO_PUSH)
        with Scene(stage, agent, person, [[{"say": "Now."}, *calls], [{"say": FINAL}]],
                   policy=policy) as s:
            run = s.supervised()
            r.ok(run.status == 0 and FINAL in run.out, "%s: the client ends well" % mode,
                 (run.status, run.out, run.err))
            check_disk(r, s, mode == "audit")
            said[mode] = verdicts(s)
            modes = {d.get("mode") for d in s.decisions()
                     if d["event"].startswith("gateway_call_")}
            r.same(modes, {mode}, "%s: the lines name the mode" % mode)
            r.same([d["event"] for d in s.decisions() if d["event"].endswith("_denied")
                    and mode == "audit"], [], "%s: audit denies nothing" % mode)
    r.same(len(said["enforce"]), len(calls), "a verdict for each call")
    r.same(said["audit"], said["enforce"], "the same verdict lines in both modes")


# --- who calls ------------------------------------------------------------------------
SUBAGENTS = """
[native_tools]
allow = ["Agent", "Task", "spawn_agent"]
[[rule]]
id = "not-below"
subagent = "*"
tool = "pando_core/read-file"
decision = "deny"
message = "Subagents do not read."
"""
START = {"claude": {"call": {"tool": "Agent", "args": {
            "description": "look", "prompt": "BELOW look", "subagent_type": "general-purpose"}}},
         "codex": {"item": {
             "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
             "namespace": "collaboration", "name": "spawn_agent",
             "arguments": json.dumps({"message": "look", "task_name": "look"})}}}
MARK = {"claude": "x-claude-code-agent-id", "codex": "x-openai-subagent"}


class BelowScene(Scene):
    """codex has subagents when the person wants them."""

    def write_person_files(self):
        super().write_person_files()
        config = self.home / ".codex" / "config.toml"
        config.write_text("features.multi_agent_v2 = true\n" + config.read_text())


def calls_of(s, below, turn):
    """Ids of what the model wanted, asked by the agent or by its subagent."""
    return [i for q in s.requests() for i in q["call_ids"]
            if q["turn"] == turn and bool(q["headers"].get(MARK[s.agent])) == below]


def a_rule_for_subagents(r, stage, agent, person):
    """The agent reads, its subagent may not: the gateway knows them by the client's headers. A
    subagent of codex goes on from the agent's conversation, so that it gets the same turn."""
    # a subagent ends with the agent, which therefore takes its time
    turns = [[read_call()], [START[agent]], [read_call()],
             [workspace_call("shell-command", command="sleep 3")], [{"say": FINAL}]]
    below = {"prompts": [{"match": "BELOW", "turns": [[read_call()], [{"say": "Below ends."}]]}]}
    with BelowScene(stage, agent, person, turns, policy=SUBAGENTS, more_script=below) as s:
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "the client ends well",
             (run.status, run.out, run.err))
        theirs = until(lambda: calls_of(s, True, {"claude": 0, "codex": 2}[agent]))
        r.need(theirs, "the subagent asked the model", s.requests())
        for turn in (0, 2):
            mine = calls_of(s, False, turn)
            r.need(mine, "and so did the agent", s.requests())
            check_allowed(r, s, mine[0], "pando_core", "read-file")
        check_blocked(r, s, theirs[0], "read-file", "not-below")
        tools = [t for q in s.requests() if q["headers"].get(MARK[agent]) for t in q["tools"]]
        r.ok(tools and on_wire(agent, "pando_core", "read-file") not in tools,
             "nor is the tool offered to it", tools)


# --- ask ------------------------------------------------------------------------------
def touching(_scene):
    return [[workspace_call("shell-command", command="touch asked-for")], [{"say": FINAL}]]


def check_asked(r, s, outcome, passes):
    ids = s.call_ids()
    r.need(ids, "the model made the call", s.requests())
    gateway = [(d["event"], d.get("verdict"), d.get("rule"))
               for d in lines_about(s, ids[0], "gateway") if d.get("direction") == "response"]
    r.same(gateway, [("gateway_call_asked", "ask", "ask-first")], "the gateway lets it pass to us")
    if s.agent == "claude":
        hooks = [(d["event"], d.get("verdict")) for d in lines_about(s, ids[0], "hook")
                 if d["event"] != "hook_result"]
        r.same(hooks, [("hook_asked", "ask")], "and so does the hook")
    mcp = [(d["event"], d.get("verdict"), d.get("note", ""))
           for d in lines_about(s, ids[0], "mcp")]
    last = ("mcp_call_allowed", "allow", "") if passes else ("mcp_call_denied", "deny", "")
    r.same(mcp, [("mcp_call_asked", "ask", outcome), last], "the server logs the answer")
    r.same((s.project / "asked-for").exists(), passes, "on the disk")


def nobody_answers_for_the_person(r, stage, agent, person):
    """-p and exec have no one to ask: the call is not made."""
    with Scene(stage, agent, person, touching, policy=ASK) as s:
        check_supervised(r, s, s.supervised())
        check_asked(r, s, {"claude": "dismissed", "codex": "declined"}[agent], False)
        results = s.requests()[-1]["results"]
        r.ok("ask-first" in results[0], "the model reads the rule", results)


class Terminal:
    """The client as at a terminal, and what it wrote there as text."""

    def __init__(self, scene, argv, env=None):
        self.out = b""
        mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        if env is None:
            bin_dir = scene.home / ".pando" / "bin"
            env = scene.env("%s:%s" % (bin_dir, scene.agent_path()), {"TERM": "xterm-256color"})
            argv = [str(bin_dir / scene.agent), *argv]
        self.run = Run(subprocess.Popen(argv, env=env,
                                        cwd=scene.project, stdin=theirs, stdout=theirs,
                                        stderr=theirs, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        **scene.person.popen_args()))
        os.close(theirs)
        self.fd = mine

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.signal(signal.SIGKILL)
        self.run.process.wait()
        os.close(self.fd)

    def hear(self, seconds):
        until_then = time.monotonic() + seconds
        while time.monotonic() < until_then and select.select([self.fd], [], [], 0.05)[0]:
            try:
                more = os.read(self.fd, 1 << 16)
            except OSError:  # the client has ended
                return
            self.out += more
            # what a terminal answers when it is asked for its cursor and its kind
            if b"\x1b[6n" in more:
                os.write(self.fd, b"\x1b[1;1R")
            if b"\x1b[c" in more:
                os.write(self.fd, b"\x1b[?62c")

    def text(self):
        text = re.sub(rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", b"", self.out)
        text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b" ", text).decode(errors="replace")
        return " ".join(text.split())

    def shows(self, words, seconds=TERMINAL_SECONDS):
        def look():
            self.hear(0.2)
            return words in self.text()

        return until(look, seconds)

    def press(self, keys):
        for key in keys:
            os.write(self.fd, key.encode())
            self.hear_for(KEY_SECONDS)

    def hear_for(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.hear(0.1)


def bring_to_question(t, s):
    """claude asks the model before it knows our tools when the prompt is there at the start, so it
    is typed, and again if it was still too early; codex first says how it opens the folder."""
    if s.agent == "codex":
        t.shows("Open restricted")
        for _ in range(TRIES):  # a key that comes before it listens is lost
            t.press("\r")
            if t.shows("Do it.", SOON_SECONDS / 2):
                break
        return t.shows("Allow this call")
    t.shows("? for shortcuts")
    until(lambda: t.hear(0.1) or len([d for d in s.decisions() if d["event"] == "mcp_started"]) == 2)
    for _ in range(TRIES):
        t.hear_for(KEY_SECONDS)
        t.press(("Do it.", "\r"))
        if t.shows("Allow this call", SOON_SECONDS / 2):
            return True
    return False


def the_person_answers(r, stage, agent, person, keys, outcome, passes):
    with Scene(stage, agent, person, touching, policy=ASK) as s:
        with Terminal(s, ["Do it."] if agent == "codex" else []) as t:
            r.need(bring_to_question(t, s), "the question is on the terminal", t.text())
            r.ok("touch asked-for" in t.text(), "with the command", t.text())
            t.hear_for(KEY_SECONDS)
            t.press(keys[agent])
            r.ok(until(lambda: t.hear(0.1) or len(s.requests()) > 1, SOON_SECONDS),
                 "the client goes on", t.text())
            r.ok(t.shows(FINAL.split()[-1], SOON_SECONDS), "to its end", t.text())
        check_asked(r, s, outcome[agent], passes)


ANSWERS = (("yes", SAY_YES, {"claude": "allowed", "codex": "allowed"}, True),
           ("no", SAY_NO, {"claude": "dismissed", "codex": "declined"}, False))
CASES = (the_gateway_stops_one_of_two, without_the_gateway_the_next_layer_stops_it,
         audit_says_what_enforce_does, a_rule_for_subagents, nobody_answers_for_the_person)


def main():
    o = options()
    who = persons()
    stage = stages(o.build, who)
    cases = []
    for agent in AGENTS:
        for p in filter(None, who):
            here = (stage[p.name], agent, p)
            name = "%s as %s: " % (agent, p.name)
            cases += [(name + f.__name__.replace("_", " "), f, here) for f in CASES]
            cases += [(name + "the person says " + word, the_person_answers, (*here, *rest))
                      for word, *rest in ANSWERS]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
