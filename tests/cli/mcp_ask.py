#!/usr/bin/env python3
"""The real pando-mcp and rules on arguments: deny, audit, ask through a scripted client, links."""

import os
import select
import sys
import time

sys.dont_write_bytecode = True

from _mcp import Scratch, Server, done, has, report, same

FORMS = {"elicitation": {"form": {}, "url": {}}}
RULES = """
[[rule]]
id = "no-secrets"
tool = "pando_core/*"
args.path = { path_under = "secrets" }
decision = "deny"
message = "Secrets stay closed."
[[rule]]
id = "ask-private"
tool = "pando_core/read-file"
args.path = { path_under = "private" }
decision = "ask"
message = "Private files are asked for."
[[rule]]
id = "ask-touch"
tool = "pando_workspace/shell-command"
args.command = { prefix = ["touch"] }
decision = "ask"
"""


def policy(s, mode="enforce", more=""):
    s.policy('[proxy]\nclaude = "%s"\n%s' % (mode, RULES + more))


def initialized(m, capabilities=None, revision="2025-11-25"):
    m.ask("initialize", {"protocolVersion": revision, "clientInfo": {"name": "t", "version": "1"},
                         "capabilities": FORMS if capabilities is None else capabilities})
    m.send(method="notifications/initialized")


def start_call(m, tool, call_id, **arguments):
    m.number += 1
    m.send(id=m.number, method="tools/call", params={
        "name": tool, "arguments": arguments, "_meta": {"claudecode/toolUseId": call_id}})
    return m.number


def said(s, call_id):
    """[(event, verdict, note)] of the call."""
    return [(d["event"], d.get("verdict"), d.get("note", "")) for d in s.log()
            if d.get("call_id") == call_id]


def text_of(answer):
    return answer["result"]["content"][0]["text"], answer["result"]["isError"]


def asked(m, call_id, path="private/key"):
    """(number of the call, the question)"""
    n = start_call(m, "read-file", call_id, path=path)
    q = m.answer()
    same(q.get("method"), "elicitation/create", f"{call_id}: the person is asked")
    return n, q


def arguments_decide(s):
    with Server(s, "core") as m:
        initialized(m)
        text, failed, _ = m.call("read-file", {"claudecode/toolUseId": "d1"}, path="secrets/key")
        same(failed, True, "a rule on an argument stops a call")
        for part in ("blocked pando_core/read-file", "Secrets stay closed.", "no-secrets",
                     "policy.toml:", "pando-ai policy explain"):
            has(text, part, "and the answer says so")
        same(m.call("read-file", path="open/key")[1], False, "its neighbour passes")
        for path in (s.path("secrets", "key"), "./secrets//key", "secrets/./key",
                     "secrets/sub/../key"):
            same(m.call("read-file", path=path)[1], True, f"however it is spelt: {path}")
        same(m.call("list-files", path="secrets")[1], True, "the folder itself is below it")
        same(said(s, "d1"), [("mcp_call_denied", "deny", "")], "the log has the denial")


def links_lead_nowhere(s, tools):
    """A rule is decided on the path as written, so nothing may lead from it to another place."""
    os.symlink("secrets", s.path("alias"))
    os.symlink("secrets/key", s.path("link"))
    for role, rows in tools.items():
        with Server(s, role) as m:
            initialized(m, {})
            for tool, arguments in rows:
                for key, value in list(arguments.items()):
                    if value not in ("DIR", "FILE"):
                        continue
                    for path in ("alias" if value == "DIR" else "alias/key", "link",
                                 "alias/../alias/key"):
                        text, failed, _ = m.call(tool, **dict(arguments, **{key: path}))
                        same(failed, True, f"{tool} {key}={path} is refused")
                        report("secret words" not in text, f"{tool} {key}={path} shows nothing",
                               text)
    same(open(s.path("secrets", "key")).read(), "secret words\n", "nothing was written through")
    os.unlink(s.path("alias"))
    os.unlink(s.path("link"))


def link_arguments():
    core = [("read-file", {"path": "FILE"}), ("list-files", {"path": "DIR"}),
            ("search-text", {"path": "DIR", "query": "secret"}),
            ("search-text", {"path": "FILE", "query": "secret"}),
            ("find-nodes", {"path": "FILE", "name": "x"})]
    workspace = [("replace", {"path": "FILE", "old_text": "secret", "new_text": "x"}),
                 ("insert", {"path": "FILE", "text": "x\n", "line": 1}),
                 ("insert", {"path": "FILE", "text": "x\n", "create": True}),
                 ("shell-command", {"cwd": "DIR", "command": "cat key"})]
    return {"core": core, "workspace": workspace}


ANSWERS = (
    ({"result": {"action": "accept", "content": {"allow": "yes"}}}, True, "allowed", ""),
    ({"result": {"action": "accept", "content": {"allow": "no"}}}, False, "declined",
     "did not allow it"),
    ({"result": {"action": "accept"}}, False, "declined", "did not allow it"),
    ({"result": {"action": "decline"}}, False, "declined", "did not allow it"),
    ({"result": {"action": "cancel"}}, False, "dismissed", "closed the question"),
    ({"error": {"code": -32603, "message": "no"}}, False, "failed", "could not ask"),
    ({"result": {"action": "maybe"}}, False, "failed", "could not ask"),
)


def answers(s):
    with Server(s, "core") as m:
        initialized(m)
        for i, (answer, passes, outcome, why) in enumerate(ANSWERS):
            call_id = "a%d" % i
            n, q = asked(m, call_id)
            m.send(id=q["id"], **answer)
            got = m.answer()
            text, failed = text_of(got)
            same((got["id"], failed), (n, not passes), f"{answer}: the call is "
                 + ("made" if passes else "not made"))
            has(text, "private words" if passes else why, f"{answer}: and the model reads why")
            report(passes or "private words" not in text, f"{answer}: nothing is shown", text)
            same(said(s, call_id),
                 [("mcp_call_asked", "ask", outcome),
                  ("mcp_call_allowed", "allow", "") if passes else ("mcp_call_denied", "deny", "")],
                 f"{answer}: the log")
        message = q["params"]["message"]
        for part in ("pando_core/read-file", 'path: "private/key"', "Private files are asked for.",
                     "ask-private", "policy.toml:"):
            has(message, part, "the question says what it is about")
        same(m.call("read-file", path="open/key")[1], False, "other calls are not asked for")
        text, failed, _ = m.call("read-file", {"claudecode/toolUseId": "w1"}, path="private/key",
                                 offset="x")
        same(failed, True, "nobody is asked about wrong arguments")
        has(text, '"offset" must be', "they are told")
        same(said(s, "w1"), [("mcp_call_denied", "deny", "")], "and logged")


def what_is_off_is_not_listed(s):
    for mode, listed in (("enforce", False), ("audit", True)):
        policy(s, mode, '[[rule]]\nid = "off"\ntool = "pando_core/search-text"\n'
                        'decision = "deny"\n')
        with Server(s, "core") as m:
            initialized(m)
            names = m.tools()
            same("search-text" in names, listed, f"{mode}: a tool that is off is listed: {listed}")
            report("read-file" in names, f"{mode}: one with rules on arguments is", names)
            text, failed, _ = m.call("search-text", {"claudecode/toolUseId": "off-" + mode},
                                     query="x")
            same(failed, not listed, f"{mode}: a call of it")
            same(said(s, "off-" + mode), [("mcp_call_denied" if failed else "mcp_call_audited",
                                           "deny", "")], f"{mode}: the log")
    policy(s)


def who_cannot_ask(s):
    for i, (capabilities, revision) in enumerate((({}, "2025-11-25"),
                                                  ({"elicitation": {"url": {}}}, "2025-11-25"),
                                                  (FORMS, "2025-03-26"), (FORMS, "2024-11-05"))):
        with Server(s, "core") as m:
            initialized(m, capabilities, revision)
            text, failed, _ = m.call("read-file", {"claudecode/toolUseId": "u%d" % i},
                                     path="private/key")
            same(failed, True, f"{capabilities} {revision}: refused")
            has(text, "your agent cannot ask", "and says why")
            same(said(s, "u%d" % i), [("mcp_call_asked", "ask", "the client cannot ask"),
                                      ("mcp_call_denied", "deny", "")], "and the log")
    with Server(s, "core") as m:
        same(m.call("read-file", path="private/key")[1], True, "without initialize: refused")


def meanwhile(s):
    """While the person thinks the server hears its client."""
    with Server(s, "core") as m:
        initialized(m)
        n, q = asked(m, "m1")
        m.send(id="p1", method="ping")
        same(m.answer(), {"jsonrpc": "2.0", "id": "p1", "result": {}}, "a ping is answered at once")
        later = start_call(m, "read-file", "m2", path="open/key")
        m.send(id="p2", method="ping")
        same(m.answer().get("id"), "p2", "also with a call waiting")
        m.send(id="pando-999", result={"action": "accept", "content": {"allow": "yes"}})
        m.send(id=99, result={"action": "accept", "content": {"allow": "yes"}})
        m.send(method="notifications/cancelled", params={"requestId": later + 1000})
        m.send_text("not json\n")
        same(select.select([m.process.stdout], [], [], 0.3)[0], [],
             "other answers are no answer to this question")
        m.send(id=q["id"], result={"action": "accept", "content": {"allow": "yes"}})
        got = m.answer()
        same((got["id"], text_of(got)[1]), (n, False), "then the call is made")
        same(m.answer()["id"], later, "then what waited, in its order")
        same(m.answer()["error"]["code"], -32700, "and what was no message")
        m.send(id=q["id"], result={"action": "accept", "content": {"allow": "yes"}})
        same(m.ask("ping")["result"], {}, "a late answer is nothing")


def cancelled(s):
    with Server(s, "core") as m:
        initialized(m)
        n, q = asked(m, "c1")
        m.send(method="notifications/cancelled", params={"requestId": n})
        got = m.answer()
        same((got.get("method"), got.get("params", {}).get("requestId")),
             ("notifications/cancelled", q["id"]), "the question is taken back")
        same(m.ask("ping")["result"], {}, "and the cancelled call gets no answer")
        same(said(s, "c1"), [("mcp_call_asked", "ask", "cancelled"),
                             ("mcp_call_denied", "deny", "")], "the log")
        n, q = asked(m, "c2")
        m.process.stdin.close()
        same(m.process.wait(10), 0, "the end of the input ends the question")
        same(said(s, "c2")[-1], ("mcp_call_denied", "deny", ""), "and the call is not made")


def audit_never_blocks(s):
    policy(s, "audit")
    with Server(s, "core") as m:
        initialized(m)
        for call_id, path, verdict in (("x1", "secrets/key", "deny"), ("x2", "private/key", "ask"),
                                       ("x3", "open/key", "allow")):
            text, failed, _ = m.call("read-file", {"claudecode/toolUseId": call_id}, path=path)
            same(failed, False, f"audit: {path} is read")
            event = "mcp_call_allowed" if verdict == "allow" else "mcp_call_audited"
            same(said(s, call_id), [(event, verdict, "")], f"audit: {path}: the log")
        same([d["mode"] for d in s.log() if d.get("call_id") == "x1"], ["audit"], "and the mode")
    policy(s)


def in_the_sandbox(s):
    with Server(s, "workspace") as m:
        initialized(m)
        for allow in ("no", "yes"):
            n = start_call(m, "shell-command", "s-" + allow, command="touch made")
            q = m.answer()
            same(q.get("method"), "elicitation/create", "the workspace server asks as well")
            has(q["params"]["message"], 'command: "touch made"', "with the command")
            m.send(id=q["id"], result={"action": "accept", "content": {"allow": allow}})
            got = m.answer()
            same((got["id"], text_of(got)[1]), (n, allow == "no"), f"{allow}: the answer holds")
            same(os.path.exists(s.path("made")), allow == "yes", f"{allow}: on the disk")
        same(m.call("shell-command", command="echo touch")[1], False, "its neighbour passes")


def main():
    with Scratch() as s:
        policy(s)
        for folder in ("secrets", "private", "open"):
            s.write(folder + "/key", {"secrets": "secret", "private": "private",
                                      "open": "open"}[folder] + " words\n")
        s.write("secrets/sub/x", "x\n")
        began = time.monotonic()
        for check in (arguments_decide, answers, what_is_off_is_not_listed, who_cannot_ask, meanwhile, cancelled,
                      audit_never_blocks):
            check(s)
        links_lead_nowhere(s, link_arguments())
        in_the_sandbox(s)
        report(time.monotonic() - began < 60, "nothing waited for a time-out")
    done()


if __name__ == "__main__":
    main()
