#!/usr/bin/env python3
"""Each enforcement of the gateway on the Responses API with the real codex: with an API key and
with a ChatGPT account, streamed as the client asks for it and as plain answers; and every kind
of refusal as the client shows it.

One run of the client plays all cases, a turn each: a call that must not pass beside one that
may, so that the run goes on. Its last request hangs; until then its own requests are sent once
more through its own run, asking for plain answers.
"""
import base64
import json
import signal
import subprocess
import sys

from _agents import (SOON_SECONDS, Scene, native_touch, options, pando_tools, persons, run_cases,
                     stages, until)
from _scripts import (EVIL_CALL, FINAL, check_allowed, check_blocked, post, read_call,
                      workspace_call)

ACCOUNT = "5b6d0000-0000-4000-8000-000000000001"
NO_PUSH = """
[[rule]]
id = "no-push"
tool = "pando_workspace/shell-command"
args.command = { prefix = ["git", "push"] }
decision = "deny"
"""
EXEC = {"type": "exec", "command": ["touch", "x"], "env": {}, "timeout_ms": 1000}
LOCAL_SHELL = {"type": "local_shell_call", "id": "lsh_1", "call_id": "call_lsh",
               "status": "completed", "action": EXEC}
SHELL = {"type": "shell_call", "id": "sh_1", "call_id": "call_sh", "status": "completed",
         "action": {"commands": ["touch x"]}}
MCP_AT_PROVIDER = {"type": "mcp_call", "id": "mcp_1", "server_label": "pando_core",
                   "name": "read-file", "arguments": "{}", "output": "x", "status": "completed"}


def token():
    """A JWT as `codex login` keeps one, signed by nobody."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"exp": 4102444800, "email": "p@example.invalid", "https://api.openai.com/auth": {
        "chatgpt_plan_type": "plus", "chatgpt_account_id": ACCOUNT, "chatgpt_user_id": "u"}}
    return ".".join((part({"alg": "none"}), part(claims), part({})))


class LoginScene(Scene):
    """With a key, or with what `codex login` leaves behind."""

    def __init__(self, login, *args, **kw):
        self.login, self.token = login, token()
        super().__init__(*args, **kw)

    def write_person_files(self):
        super().write_person_files()
        if self.login == "account":
            (self.home / ".codex" / "auth.json").write_text(json.dumps({
                "auth_mode": "chatgpt", "OPENAI_API_KEY": None,
                "last_refresh": "2026-11-21T00:00:00Z",
                "tokens": {"id_token": self.token, "access_token": self.token,
                           "refresh_token": "dummy", "account_id": ACCOUNT}}))

    def start_provider(self):
        super().start_provider()
        if self.login == "account":
            self.more_policy = 'chatgpt_upstream = "%s/backend-api"\n%s' % (self.upstream,
                                                                            self.more_policy)

    def env(self, path, more=None):
        env = super().env(path, more)
        if self.login == "account":
            del env["OPENAI_API_KEY"], env["CODEX_API_KEY"]
        return env


# what the model wants, the tool and the rule of the answer; None: it passes
def cases(canary):
    raw = read_call()["call"]
    patch = "*** Begin Patch\n*** Add File: x\n+x\n*** End Patch"
    return ((native_touch(canary), "exec_command", "native_tools.default"),
            (EVIL_CALL, "evil", "other_mcp"),
            ({"call": {"tool": "apply_patch", "input": patch}}, "apply_patch",
             "native_tools.default"),
            ({"call": {"tool": "exec", "input": "await tools.exec_command({cmd: 'touch x'})"}},
             "exec", "gateway.code_mode"),
            ({"server_tool": {"args": {"query": "q"}}}, "web_search", "native_tools.default"),
            ({"item": LOCAL_SHELL}, "local_shell", "native_tools.default"),
            ({"item": SHELL}, "shell", "native_tools.default"),
            ({"item": MCP_AT_PROVIDER}, "pando_core/read-file", "pando"),
            ({"call": dict(raw, raw_args='["hello.txt"]')}, "read-file", "gateway.strict"),
            (workspace_call("shell-command", command="git push; touch pushed"), "shell-command",
             "no-push"),
            (workspace_call("shell-command", command="touch allowed"), None, None))


def turns(s):
    out = [[{"say": "Two."}, item, read_call()] for item, _, _ in cases(s.canary)]
    return out + [{"items": [{"say": FINAL}], "hang": 600, "times": 1}]


def texts_of(items):
    return [c["text"] for i in items if i["type"] == "message" and i["role"] == "assistant"
            for c in i["content"] if c["type"] == "output_text"]


def check_answer(r, how, items, tool, rule):
    """What the client has got: the allowed call, and a message for the other."""
    calls = [i.get("name", i["type"]) for i in items if i["type"].endswith("_call")]
    if tool is None:
        r.same(len(calls), 2, how + ": both calls pass")
        return
    r.same(calls, ["read_file"], how + ": only the allowed call is there")
    told = [t for t in texts_of(items) if t.startswith("[pando-ai] blocked ")]
    if r.same(len(told), 1, how + ": a message stands for the other"):
        r.ok(tool in told[0] and "(rule %s" % rule in told[0]
             and "'pando-ai policy explain codex " in told[0],
             how + ": it names tool, rule and the command that explains", told[0])


def check_streamed(r, s, n, tool, rule):
    """What request n + 1 has behind request n is the client's record of turn n."""
    before, after = (s.body_of(s.requests()[i])["input"] for i in (n, n + 1))
    r.same(after[:len(before)], before, "turn %d: the conversation goes on" % n)
    check_answer(r, "turn %d streamed" % n, after[len(before):], tool, rule)
    results = [i for i in after[len(before):] if i["type"].endswith("_output")]
    r.ok(any("the old word" in json.dumps(i) for i in results),
         "turn %d: the allowed call has its result" % n, results)


def check_plain(r, s, base, n, tool, rule):
    status, text = post(s, base + "/v1/responses",
                        dict(s.body_of(s.requests()[n]), stream=False))
    how = "turn %d plain" % n
    if r.same(status, 200, how + ": an answer"):
        check_answer(r, how, json.loads(text)["output"], tool, rule)


def check_login(r, s):
    sent = {(q["headers"].get("authorization"), q["headers"].get("chatgpt-account-id"),
             q["path"].startswith("/backend-api/codex/")) for q in s.requests()}
    want = ("Bearer sk-dummy-key", None, False) if s.login == "key" else ("Bearer " + s.token,
                                                                          ACCOUNT, True)
    r.same(sent, {want}, "the provider gets the person's own login and no other")


def check_offers(r, s, base):
    """What the client does not offer, put into its request: out it comes."""
    body = dict(s.body_of(s.requests()[0]), stream=False)
    native = {"type": "function", "name": "exec_command", "parameters": {"type": "object"}}
    body["tools"] = body.get("tools", []) + [native, {"type": "web_search"}]
    body["tool_choice"] = {"type": "function", "name": "exec_command"}
    body["input"] = [{"type": "additional_tools", "role": "developer",
                      "tools": [native]}] + body["input"]
    status, _ = post(s, base + "/v1/responses", body)
    sent = s.requests()[-1]
    r.same((status, sorted(sent["tools"])), (200, pando_tools("codex")), "offers: without them")
    r.ok("tool_choice" not in s.body_of(sent), "offers: and without the choice", sent)


def check_refused(r, s, base):
    """Requests that nothing can be taken out of: plain text, and nothing is sent on."""
    first = s.body_of(s.requests()[0])
    code_mode = {"type": "additional_tools", "role": "developer", "tools": [
        {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}]}
    before = len(s.requests())
    for what, more, word in (
            ("code mode", {"tools": [], "input": [code_mode] + [
                i for i in first["input"] if i["type"] != "additional_tools"]},
             "gateway.code_mode"),
            ("an earlier response", {"previous_response_id": "resp_1"}, "firewall.unknown"),
            ("a background request", {"background": True}, "firewall.unknown"),
            ("a stored prompt", {"prompt": {"id": "pmpt_1"}}, "firewall.unknown"),
            ("a new switch", {"web_search_options": {}}, "firewall.unknown")):
        status, text = post(s, base + "/v1/responses", dict(first, stream=False, **more))
        r.ok(status == 400 and text.startswith("[pando-ai] ") and "(rule %s" % word in text
             and "'pando-ai logs'" in text, what + " is refused with its rule", (status, text))
    r.same(len(s.requests()), before, "nothing of it was sent on")
    status, _ = post(s, base + "/v1/responses", dict(first, stream=False, input=[code_mode]
                                                     + first["input"]))
    r.same((status, sorted(s.requests()[-1]["tools"])), (200, pando_tools("codex")),
           "code mode of an earlier time, in front of our tools, is taken out")


def every_enforcement(r, stage, person, login):
    with LoginScene(login, stage, "codex", person, turns, policy=NO_PUSH) as s:
        run = s.start_supervised()
        played = cases(s.canary)
        r.need(until(lambda: len(s.requests()) > len(played)), "the client plays all turns",
               [(q["turn"], q["results"]) for q in s.requests()])
        base = s.base_url()
        r.need(base, "the client runs")
        r.same([q["turn"] for q in s.requests()], list(range(len(played) + 1)),
               "a request a turn")
        check_login(r, s)
        for n, (item, tool, rule) in enumerate(played):
            check_streamed(r, s, n, tool, rule)
            ids = s.call_ids(n)
            check_allowed(r, s, ids[-1], "pando_core", "read-file")
            if "call" in item and tool is not None:
                check_blocked(r, s, ids[0], tool, rule)
            check_plain(r, s, base, n, tool, rule)
        check_offers(r, s, base)
        check_refused(r, s, base)
        run.signal(signal.SIGTERM)
        run.wait(SOON_SECONDS)
        r.ok(run.status is not None, "the client ends")
        r.ok(not s.canary.exists() and not {"pushed", "x"} & set(s.project_files()),
             "nothing that was stopped was done", s.project_files())
        r.ok((s.project / "allowed").exists(), "what was allowed was done")


# --- refusals as the client shows them ---------------------------------------------------
def shown(r, s, run, *words, canary=False):
    """canary: it may have been touched before."""
    r.ok(run.status not in (0, None), "the client fails", (run.status, run.out, run.err))
    for word in words:
        r.ok(word in run.out + run.err, "it shows %r" % word, run.out + run.err)
    r.ok("Reconnecting" not in run.out + run.err, "it does not try again", run.out + run.err)
    r.ok(canary or not s.canary.exists(), "the canary is untouched")


def an_answer_that_is_refused_is_shown(r, stage, person, login):
    with LoginScene(login, stage, "codex", person,
                    lambda s: [[{"say": "I try."}, native_touch(s.canary)], [{"say": FINAL}]],
                    policy='[firewall]\ncall = "refuse"\n') as s:
        shown(r, s, s.supervised(), "[pando-ai] blocked exec_command",
              "(rule native_tools.default", "'pando-ai policy explain codex exec_command'")
        r.same([q["turn"] for q in s.requests()], [0], "one request, and no second one")


def an_unknown_item_is_shown(r, stage, person, login):
    item = {"type": "warp_call", "id": "w_1", "call_id": "c", "name": "exec_command",
            "arguments": "{}"}
    with LoginScene(login, stage, "codex", person,
                    [[{"say": "I try."}, {"item": item}], [{"say": FINAL}]]) as s:
        shown(r, s, s.supervised(), "[pando-ai] refused warp_call", "(rule firewall.unknown",
              "'pando-ai policy show'")
        r.same(len(s.requests()), 1, "one request")


def a_call_that_is_told_twice_in_two_ways_is_shown(r, stage, person, login):
    """Its pieces say one thing and its end another."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1",
            "namespace": "mcp__pando_workspace", "name": "shell_command",
            "arguments": '{"command":"touch allowed"}'}
    raw = [["response.created", {"type": "response.created", "response": {"id": "r"}}],
           ["response.output_item.added", {"type": "response.output_item.added",
                                           "output_index": 0, "item": dict(call, arguments="")}],
           ["response.function_call_arguments.delta", {
               "type": "response.function_call_arguments.delta", "output_index": 0,
               "item_id": "fc_1", "delta": '{"command":"touch other"}'}],
           ["response.output_item.done", {"type": "response.output_item.done", "output_index": 0,
                                          "item": call}]]
    with LoginScene(login, stage, "codex", person,
                    [{"items": [{"say": "x"}], "raw": raw}, [{"say": FINAL}]]) as s:
        shown(r, s, s.supervised(), "[pando-ai] refused the answer: a call ends with other "
              "arguments than its pieces said", "(rule gateway.strict", "'pando-ai logs'")
        r.same(len(s.requests()), 1, "one request")
        r.ok("allowed" not in s.project_files(), "the call was not made", s.project_files())


def a_conversation_from_before_goes_on(r, stage, person, login):
    """It has a call that was allowed then: it becomes a message, or the request is refused."""
    turns = [[{"say": "I try."}, workspace_call("shell-command", command="git push; true"),
              read_call()], [{"say": FINAL}]]
    more = {"prompts": [{"match": "More", "turns": [[{"say": "More of it."}]]}]}
    with LoginScene(login, stage, "codex", person, turns, more_script=more) as s:
        run = s.supervised()
        ids = s.call_ids()
        r.need(run.status == 0 and len(ids) == 2, "the first run", (run.out, run.err))
        resume = ["exec", "resume", "--last", "--skip-git-repo-check", "More."]
        file = s.home / ".pando" / "policy.toml"
        text = file.read_text()
        file.write_text(text + NO_PUSH)
        run = s.supervised(argv=resume)
        r.ok(run.status == 0 and "More of it." in run.out, "it goes on", (run.out, run.err))
        sent = json.dumps(s.body_of(s.requests()[-1]))
        r.ok("A call of pando_workspace/shell-command stood here" in sent
             and "The result of a call that the policy does not allow stood here" in sent,
             "call and result are messages", sent)
        r.same([i in sent for i in ids], [False, True], "the pair is gone, the other one is there")
        count = len(s.requests())
        file.write_text(text + '[firewall]\nhistory = "refuse"\n' + NO_PUSH)
        shown(r, s, s.supervised(argv=resume), "[pando-ai] blocked pando_workspace/shell-command",
              "(rule no-push", "'pando-ai policy explain codex pando_workspace/shell-command'")
        r.same(len(s.requests()), count, "nothing was sent on")


def a_conversation_with_native_tools_goes_on(r, stage, person, login):
    """They were allowed then, so the thread's past offers them, and its newest list does not."""
    more = {"prompts": [{"match": "More", "turns": [[{"say": "More of it."}]]}]}
    with LoginScene(login, stage, "codex", person, [[{"say": FINAL}]], more_script=more) as s:
        file = s.home / ".pando" / "policy.toml"
        text = file.read_text()
        file.write_text(text + '[native_tools]\nallow = ["exec_command", "write_stdin"]\n')
        run = s.supervised()
        r.need(run.status == 0 and "exec_command" in json.dumps(s.body_of(s.requests()[-1])),
               "the first run has native tools", (run.out, run.err))
        file.write_text(text)
        run = s.supervised(argv=["exec", "resume", "--last", "--skip-git-repo-check", "More."])
        r.ok(run.status == 0 and "More of it." in run.out, "it goes on without them",
             (run.out, run.err))
        lists = [i["tools"] for i in s.body_of(s.requests()[-1])["input"] if i.get("tools")]
        r.ok(lists and "exec_command" not in json.dumps(lists), "they are taken out of its past",
             lists)


def code_mode_is_shown(r, stage, person, login):
    """codex as it comes, which has all of its tools in one, at a gateway for any client."""
    with LoginScene(login, stage, "codex", person, [[{"say": FINAL}]], shims=False) as s:
        gateway = subprocess.Popen([str(s.stage.pando), "gateway"], env=s.env(s.agent_path()),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                   **s.person.popen_args())
        try:
            base = dict(gateway.stdout.readline().split() for _ in range(2)).get("responses")
            r.need(base, "the gateway says where")
            provider = ('model_providers.here={name="Here",base_url="%s",wire_api="responses",%s}'
                        % (base, 'env_key="OPENAI_API_KEY"' if login == "key"
                           else "requires_openai_auth=true"))
            run = s.start([str(s.stage.agents / ".bin" / "codex"), "exec",
                           "--skip-git-repo-check", "--disable", "plugins", "-c",
                           "analytics.enabled=false", "-c", 'model_provider="here"', "-c",
                           provider, "Do it."], s.agent_path()).wait()
            shown(r, s, run, "[pando-ai] blocked exec: code mode hides all calls",
                  "(rule gateway.code_mode", "tool_mode = direct",
                  "'pando-ai policy explain codex exec'")
            r.same(s.requests(), [], "nothing was sent on")
        finally:
            gateway.terminate()
            gateway.wait()
            gateway.stdout.close()


CASES = (every_enforcement, a_conversation_from_before_goes_on,
         a_conversation_with_native_tools_goes_on, code_mode_is_shown,
         an_answer_that_is_refused_is_shown, an_unknown_item_is_shown,
         a_call_that_is_told_twice_in_two_ways_is_shown)


def main():
    o = options()
    person = persons()[-1]  # what the gateway does is the same for everyone
    stage = stages(o.build, [person])[person.name]
    out = [("codex with a%s: %s" % ("n account" if login == "account" else " key",
                                    f.__name__.replace("_", " ")), f, (stage, person, login))
           for f in CASES for login in ("key", "account")]
    return run_cases([c for c in out if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
