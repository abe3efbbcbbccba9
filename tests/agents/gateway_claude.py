#!/usr/bin/env python3
"""Each enforcement of the gateway on the Messages API with the real claude: with an API key and
with a subscription's login, streamed as the client asks for it and as plain answers; and every
kind of refusal as the client shows it.

One run of the client plays all cases, a turn each: a call that must not pass beside one that
may, so that the run goes on. Its last request hangs; until then its own requests are sent once
more through its own run, asking for plain answers.
"""
import json
import signal
import sys

from _agents import SOON_SECONDS, Scene, native_touch, options, persons, run_cases, stages, until
from _scripts import (EVIL_CALL, FINAL, check_allowed, check_blocked, lines_about, post, read_call,
                      workspace_call)

LOGIN = "sk-ant-oat01-dummy-login"
LOGINS = ("key", "login")
NO_PUSH = """
[[rule]]
id = "no-push"
tool = "pando_workspace/shell-command"
args.command = { prefix = ["git", "push"] }
decision = "deny"
"""
BASH_ALLOWED = '[native_tools]\nallow = ["Bash"]\n'
MCP_AT_PROVIDER = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "x",
                   "server_name": "pando_core", "input": {}}


class LoginScene(Scene):
    """With a key, or with the credentials that `claude auth login` leaves behind."""

    def __init__(self, login, *args, **kw):
        self.login = login
        super().__init__(*args, **kw)

    def write_person_files(self):
        super().write_person_files()
        if self.login == "login":
            (self.home / ".claude" / ".credentials.json").write_text(json.dumps({
                "claudeAiOauth": {"accessToken": LOGIN, "refreshToken": "sk-ant-ort01-dummy",
                                  "expiresAt": 4102444800000, "subscriptionType": "max",
                                  "scopes": ["user:inference", "user:profile"]}}))

    def env(self, path, more=None):
        env = super().env(path, more)
        if self.login == "login":
            del env["ANTHROPIC_API_KEY"]
        return env


# what the model wants, the tool and the rule of the answer; None: it passes
def cases(canary):
    raw = read_call()["call"]
    return ((native_touch(canary), "Bash", "native_tools.default"),
            (EVIL_CALL, "evil", "other_mcp"),
            ({"server_tool": {"args": {"query": "q"}}}, "web_search", "native_tools.default"),
            ({"item": MCP_AT_PROVIDER}, "pando_core/x", "pando"),
            ({"call": dict(raw, raw_args='["hello.txt"]')}, "read-file", "gateway.strict"),
            (workspace_call("shell-command", command="git push; touch pushed"), "shell-command",
             "no-push"),
            (workspace_call("shell-command", command="touch allowed"), None, None))


def turns(s):
    out = [[{"say": "Two."}, item, read_call()] for item, _, _ in cases(s.canary)]
    return out + [{"items": [{"say": FINAL}], "hang": 600, "times": 1}]


def texts_of(content):
    return [b["text"] for b in content if b["type"] == "text"]


def check_answer(r, how, content, reason, tool, rule):
    """What the client has got: the allowed call, and a text for the other."""
    calls = [b["name"] for b in content if b["type"].endswith("tool_use")]
    if tool is None:
        r.same(len(calls), 2, how + ": both calls pass")
        return
    r.same(calls, ["mcp__pando_core__read-file"], how + ": only the allowed call is there")
    told = [t for t in texts_of(content) if t.startswith("[pando-ai] blocked ")]
    if r.same(len(told), 1, how + ": a text stands for the other"):
        r.ok(tool in told[0] and "(rule %s" % rule in told[0]
             and "'pando-ai policy explain claude " in told[0],
             how + ": it names tool, rule and the command that explains", told[0])
    r.same([b["type"] for b in content if b["type"].endswith("_tool_result")], [],
           how + ": no result of it is left")
    r.ok(reason in (None, "tool_use"), how + ": the reason to stop is the call that is left",
         reason)


def said_last(body):
    """The client's own record of what the model said."""
    return next(m["content"] for m in reversed(body["messages"]) if m["role"] == "assistant")


def check_streamed(r, s, n, tool, rule):
    """The request behind turn n holds what the client made of the stream."""
    body = s.body_of(s.requests()[n + 1])
    check_answer(r, "turn %d streamed" % n, said_last(body), None, tool, rule)
    results = [b for b in body["messages"][-1]["content"] if b["type"] == "tool_result"]
    r.ok(results and any("the old word" in json.dumps(b) for b in results),
         "turn %d: the allowed call has its result" % n, results)


def plain(s, base, body):
    status, text = post(s, base + "/v1/messages", dict(body, stream=False))
    return status, json.loads(text)


def check_plain(r, s, base, n, tool, rule):
    status, got = plain(s, base, s.body_of(s.requests()[n]))
    how = "turn %d plain" % n
    r.same(status, 200, how + ": an answer")
    check_answer(r, how, got["content"], got["stop_reason"], tool, rule)


def check_login(r, s):
    sent = {(q["headers"].get("x-api-key"), q["headers"].get("authorization"))
            for q in s.requests()}
    want = ("sk-ant-dummy-key", None) if s.login == "key" else (None, "Bearer " + LOGIN)
    r.same(sent, {want}, "the provider gets the person's own login and no other")


def check_offers(r, s, base):
    """What the client does not offer, put into its request: out it comes, or nothing goes on."""
    before = len(s.requests())
    body = s.body_of(s.requests()[0])
    native = {"name": "Bash", "description": "x", "input_schema": {"type": "object"}}
    search = {"type": "web_search_20250305", "name": "web_search"}
    body["tools"] = body["tools"] + [native, search]
    body["tool_choice"] = {"type": "tool", "name": "web_search"}
    status, got = plain(s, base, body)
    if s.login == "key":
        sent = s.body_of(s.requests()[-1])
        r.same(status, 200, "offers: the request goes on")
        r.same([t["name"] for t in sent["tools"]],
               [t["name"] for t in s.body_of(s.requests()[0])["tools"]], "offers: without them")
        r.ok("tool_choice" not in sent, "offers: and without the choice", sent.get("tool_choice"))
        return
    r.same((status, got["error"]["type"]), (400, "invalid_request_error"), "offers: refused")
    r.ok("native_tools.default" in got["error"]["message"]
         and "subscription login" in got["error"]["message"], "offers: it says why", got)
    r.same(len(s.requests()), before, "offers: nothing was sent on")


def check_unknown(r, s, base):
    before = len(s.requests())
    body = dict(s.body_of(s.requests()[0]), hosted_tools=[{"name": "Bash"}])
    status, got = plain(s, base, body)
    r.same(status, 400, "an unknown member that holds tools is refused")
    r.ok("hosted_tools" in got["error"]["message"]
         and "firewall.unknown" in got["error"]["message"], "it is named, with the rule", got)
    r.same(len(s.requests()), before, "nothing was sent on")


def every_enforcement(r, stage, person, login):
    with LoginScene(login, stage, "claude", person, turns, policy=NO_PUSH) as s:
        run = s.start_supervised()
        played = cases(s.canary)
        r.need(until(lambda: len(s.requests()) > len(played)), "the client plays all turns",
               [(q["turn"], q["results"]) for q in s.requests()])
        base = s.base_url()
        r.need(base, "the client runs")
        mine = len(played) + 1
        r.same([q["turn"] for q in s.requests()], list(range(mine)), "a request a turn")
        check_login(r, s)
        for n, (item, tool, rule) in enumerate(played):
            check_streamed(r, s, n, tool, rule)
            ids = s.call_ids(n)
            check_allowed(r, s, ids[-1], "pando_core", "read-file")
            if "call" in item and tool is not None:
                check_blocked(r, s, ids[0], tool, rule)
            check_plain(r, s, base, n, tool, rule)
        check_offers(r, s, base)
        check_unknown(r, s, base)
        run.signal(signal.SIGTERM)
        run.wait(SOON_SECONDS)
        r.ok(run.status is not None, "the client ends")
        r.ok(not s.canary.exists() and not (s.project / "pushed").exists(),
             "nothing that was stopped was done")
        r.ok((s.project / "allowed").exists(), "what was allowed was done")


# --- refusals as the client shows them ---------------------------------------------------
def shown(r, s, run, *words, canary=False):
    """canary: it may have been touched before."""
    r.ok(run.status not in (0, None), "the client fails", (run.status, run.out, run.err))
    for word in words:
        r.ok(word in run.out + run.err, "it shows %r" % word, run.out + run.err)
    r.ok(canary or not s.canary.exists(), "the canary is untouched")


def go_on(s, policy, prompt="More."):
    """The same conversation under another policy."""
    file = s.home / ".pando" / "policy.toml"
    file.write_text(file.read_text().replace(BASH_ALLOWED, policy))
    return s.supervised(argv=["--continue", "-p", prompt])


def a_conversation_from_before(s):
    return [[{"say": "I try."}, {"call": {"tool": "Bash", "args": {
        "command": "touch %s" % s.canary, "description": "touch"}}}, read_call()],
            [{"say": FINAL}]]


MORE = {"prompts": [{"match": "More", "turns": [[{"say": "More of it."}]]}]}


def a_conversation_from_before_goes_on(r, stage, person, login):
    """It has a call that was allowed then. With a key it becomes a text; a login's body is not
    edited, so the request is refused, as with a policy that says so."""
    with LoginScene(login, stage, "claude", person, a_conversation_from_before,
                    policy=BASH_ALLOWED, more_script=MORE) as s:
        run = s.supervised()
        ids = s.call_ids()
        r.need(run.status == 0 and len(ids) == 2, "the first run", (run.out, run.err))
        before = len(s.requests())
        run = go_on(s, "")
        if login == "key":
            r.ok(run.status == 0 and "More of it." in run.out, "it goes on", (run.out, run.err))
            sent = s.requests()[-1]
            text = json.dumps(s.body_of(sent))
            r.ok("A call of Bash stood here" in text, "the call is a text", text)
            r.ok("The result of a call that the policy does not allow stood here" in text,
                 "and so is its result", text)
            r.same([i in text for i in ids], [False, True],
                   "the pair is gone, the other one is there")
        else:
            shown(r, s, run, "API Error: 400 [pando-ai] blocked Bash", "(rule native_tools.default",
                  "'pando-ai policy explain claude Bash'", "subscription login", canary=True)
            r.same(len(s.requests()), before, "nothing was sent on")


def a_request_that_is_refused_is_shown(r, stage, person, login):
    with LoginScene(login, stage, "claude", person, a_conversation_from_before,
                    policy=BASH_ALLOWED, more_script=MORE) as s:
        run = s.supervised()
        r.need(run.status == 0 and len(s.call_ids()) == 2, "the first run", (run.out, run.err))
        before = len(s.requests())
        run = go_on(s, '[firewall]\nhistory = "refuse"\n')
        shown(r, s, run, "API Error: 400 [pando-ai] blocked Bash", "(rule native_tools.default",
              "'pando-ai policy explain claude Bash'", canary=True)
        r.same(len(s.requests()), before, "nothing was sent on")


def an_answer_that_is_refused_is_shown(r, stage, person, login):
    policy = '[firewall]\ncall = "refuse"\n'
    with LoginScene(login, stage, "claude", person,
                    lambda s: [[{"say": "I try."}, native_touch(s.canary)], [{"say": FINAL}]],
                    policy=policy) as s:
        shown(r, s, s.supervised(), "[pando-ai] blocked Bash", "(rule native_tools.default",
              "'pando-ai policy explain claude Bash'")
        r.same(s.requests()[-1]["turn"], 0, "the model is not told a result")


def an_unknown_block_is_shown(r, stage, person, login):
    block = {"type": "warp_tool_use", "id": "w", "name": "Bash", "input": {"command": "true"}}
    with LoginScene(login, stage, "claude", person,
                    [[{"say": "I try."}, {"item": block}], [{"say": FINAL}]]) as s:
        shown(r, s, s.supervised(), "[pando-ai] refused warp_tool_use", "(rule firewall.unknown",
              "'pando-ai policy show'")


def a_call_that_ends_twice_is_made_once(r, stage, person, login):
    """claude runs a call at each end of its block, and goes on with the result when the rest of
    the stream is an error."""
    call = {"type": "tool_use", "id": "toolu_twice", "name": "mcp__pando_workspace__shell-command",
            "input": {}}
    args = json.dumps({"command": "echo x >> twice"})
    raw = [["message_start", {"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1}}}],
           ["content_block_start", {"type": "content_block_start", "index": 0,
                                    "content_block": call}],
           ["content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {
               "type": "input_json_delta", "partial_json": args}}]]
    raw += [["content_block_stop", {"type": "content_block_stop", "index": 0}]] * 2
    with LoginScene(login, stage, "claude", person,
                    [{"items": [{"say": "x"}], "raw": raw}, [{"say": FINAL}]]) as s:
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "the client goes on", (run.out, run.err))
        r.same((s.project / "twice").read_text(), "x\n", "the call is made once")
        r.same(len([d for d in lines_about(s, "toolu_twice", "mcp")
                    if d["event"] == "mcp_call_allowed"]), 1, "the log says so")
        r.ok(any("a block ends that has not begun" in d.get("note", "") for d in s.decisions()),
             "and why the stream ended", s.decisions())


CASES = (every_enforcement, a_conversation_from_before_goes_on,
         a_request_that_is_refused_is_shown, an_answer_that_is_refused_is_shown,
         an_unknown_block_is_shown, a_call_that_ends_twice_is_made_once)


def main():
    o = options()
    person = persons()[-1]  # what the gateway does is the same for everyone
    stage = stages(o.build, [person])[person.name]
    out = [("claude with a %s: %s" % (login, f.__name__.replace("_", " ")), f,
            (stage, person, login)) for f in CASES for login in LOGINS]
    return run_cases([c for c in out if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
