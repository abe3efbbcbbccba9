"""What the stand-in says to a supervised agent, and what must then be true.

Each script is one function: it plays a Scene and checks what the provider received, what the
client did, and what the log says.
"""
import json
import signal
import subprocess

from _agents import (SOON_SECONDS, Scene, native_touch, on_wire, pando_tools, until)

EVIL_CALL = {"call": {"server": "evil", "tool": "touch", "args": {}}}
NATIVE_NAME = {"claude": "Bash", "codex": "exec_command"}
FINAL = "The end of the story 4711."


def read_call(path="hello.txt"):
    return {"call": {"server": "pando_core", "tool": "read-file", "args": {"path": path}}}


def workspace_call(tool, **args):
    return {"call": {"server": "pando_workspace", "tool": tool, "args": args}}


# --- what holds in every supervised run --------------------------------------
def check_supervised(r, scene, run, text=FINAL):
    r.ok(run.status == 0, "exit status 0", (run.status, run.err))
    r.need(scene.requests(), "the provider was asked", run.out + run.err)
    r.ok(text in run.out, "the client prints %r" % text, run.out + run.err)
    check_provider(r, scene)
    r.ok(not scene.canary.exists(), "the canary is untouched")
    r.same(scene.changed_files(), [], "the person's own files are unchanged")
    check_log(r, scene)


def check_provider(r, scene):
    requests = scene.requests()
    for q in requests:
        r.same(sorted(q["tools"]), pando_tools(scene.agent), "request %d: tools" % q["n"])
    keys = {q["headers"].get("x-api-key") or q["headers"].get("authorization") for q in requests}
    r.ok(keys <= {"sk-ant-dummy-key", "Bearer sk-dummy-key"}, "the person's key arrives", keys)
    r.same([q["tools"] for q in scene.requests(aux=True) if q["tools"]], [],
           "auxiliary requests carry no tools")


def check_log(r, scene):
    lines = scene.decisions()
    layers = {"shim", "gateway", "mcp", "sandbox"} | ({"hook"} if scene.agent == "claude"
                                                      else set())
    r.ok(layers <= {d.get("layer") for d in lines},
         "the log has lines of %s" % ", ".join(sorted(layers)),
         sorted({str(d.get("layer")) for d in lines}))
    r.same(len({d.get("run") for d in lines}), 1, "one run id joins the log")
    r.same([d for d in lines if not (d.get("ts") and d.get("event",
                                                           "").split("_")[0] == d.get("layer"))],
                                                           [],
           "every line has a time and an event of its layer")
    r.same({d.get("agent") for d in lines}, {scene.agent}, "every line names the agent")
    text = json.dumps(lines)
    r.ok("dummy-key" not in text and FINAL not in text, "neither keys nor contents are in the log")


def lines_about(scene, call_id, layer):
    return [d for d in scene.decisions() if d.get("call_id") == call_id and d.get("layer") == layer]


def check_blocked(r, scene, call_id, tool, rule):
    found = [d for d in lines_about(scene, call_id, "gateway") if d.get("verdict") == "deny"]
    if r.ok(found, "the gateway logs the denied call", scene.decisions()):
        d = found[0]
        r.ok(tool in "%s/%s" % (d.get("server", ""), d.get("tool", "")), "the line names the tool",
             d)
        r.ok(str(d.get("rule", "")).startswith(rule), "the line names the rule", d)
        r.same(d.get("direction"), "response", "the line names the direction")
    r.same(lines_about(scene, call_id, "mcp"), [], "no server saw the denied call")


def check_allowed(r, scene, call_id, server, tool):
    """Each layer says so under the same call id and name, whatever codex makes of hyphens, and
    for the same arguments."""
    hashes = set()
    for layer in ("gateway", "mcp") + (("hook",) if scene.agent == "claude" else ()):
        found = [d for d in lines_about(scene, call_id, layer) if d.get("verdict") == "allow"
                 and d.get("server") == server and d.get("tool") == tool]
        r.ok(found, "%s logs the allowed %s" % (layer, tool), lines_about(scene, call_id, layer))
        hashes |= {d.get("args_sha256") for d in found if "args_sha256" in d}
    r.same(len(hashes), 1, "the layers name the same arguments")


# --- scripts --------------------------------------------------------------------
def plain_answer(r, stage, agent, person):
    with Scene(stage, agent, person, [[{"think": "Easy."}, {"say": FINAL}]]) as s:
        check_supervised(r, s, s.supervised())
        r.same(len(s.requests()), 1, "one request")


def forbidden_native_call(r, stage, agent, person):
    with Scene(stage, agent, person, lambda s: [[{"say": "I try."}, native_touch(s.canary)],
                                                [{"say": FINAL}]]) as s:
        run = s.supervised()
        check_supervised(r, s, run, "native_tools.default")
        r.ok(NATIVE_NAME[agent] in run.out, "the answer names the tool", run.out)
        check_blocked(r, s, s.call_ids()[0], NATIVE_NAME[agent], "native_tools.default")


def forbidden_mcp_call(r, stage, agent, person):
    with Scene(stage, agent, person, [[EVIL_CALL], [{"say": FINAL}]]) as s:
        run = s.supervised()
        check_supervised(r, s, run, "other_mcp")
        check_blocked(r, s, s.call_ids()[0], "evil", "other_mcp")


def pando_calls_and_results(r, stage, agent, person):
    turns = [[{"say": "Reading."}, read_call()],
             [workspace_call("replace", path="hello.txt", old_text="the old word",
                             new_text="a new word")],
             [workspace_call("shell-command", command="cat hello.txt; touch made-inside")],
             [{"say": FINAL}]]
    with Scene(stage, agent, person, turns) as s:
        check_supervised(r, s, s.supervised())
        last = s.requests()[-1]["results"]
        if r.same(len(last), 3, "three results reach the model"):
            r.ok("the old word" in last[0], "read-file gives the content", last[0])
            r.ok("a new word" in last[2], "shell-command gives the output", last[2])
        r.same((s.project / "hello.txt").read_text(), "first line\na new word\nlast line\n",
               "the edit is on the disk")
        want = [".git", ".pando-sandbox", "hello.txt", "made-inside"]
        r.ok(until(lambda: s.project_files() == want), "nothing else is in the project",
             s.project_files())
        made = s.project / "made-inside"
        r.ok(made.exists() and made.stat().st_uid == person.uid,
             "the shell command worked as the person")
        for turn, server, tool in ((0, "pando_core", "read-file"),
                                   (1, "pando_workspace", "replace"),
                                   (2, "pando_workspace", "shell-command")):
            check_allowed(r, s, s.call_ids(turn)[0], server, tool)


def snapshot_and_restore(r, stage, agent, person):
    def turns(s):
        damage = "rm hello.txt; echo new > extra.txt; ls; touch %s || echo CLOSED" % s.canary
        return [[workspace_call("snapshot-worktree", why="before the damage")],
                [workspace_call("shell-command", command=damage)],
                [workspace_call("restore-files", snapshot={"$match": "([0-9a-f]{40})"})],
                [{"say": FINAL}]]

    with Scene(stage, agent, person, turns) as s:
        check_supervised(r, s, s.supervised())
        results = s.requests()[-1]["results"]
        if r.same(len(results), 3, "three results reach the model"):
            r.ok("CLOSED" in results[1] and "extra.txt" in results[1]
                 and "hello.txt" not in results[1].split("CLOSED")[0],
                 "the shell command did its damage, inside only", results[1])
        r.same((s.project / "hello.txt").read_text() if (s.project / "hello.txt").exists()
               else None,
               "first line\nthe old word\nlast line\n", "the file is back")


def parallel_calls_one_allowed(r, stage, agent, person):
    with Scene(stage, agent, person, lambda s: [[{"say": "Two at once."}, native_touch(s.canary),
                                                 read_call()], [{"say": FINAL}]]) as s:
        check_supervised(r, s, s.supervised())
        results = s.requests()[-1]["results"]
        r.ok(len(results) >= 1 and "the old word" in results[-1], "the allowed call has its result",
             results)
        ids = s.call_ids()
        check_blocked(r, s, ids[0], NATIVE_NAME[agent], "native_tools.default")
        check_allowed(r, s, ids[1], "pando_core", "read-file")


def not_streamed(r, stage, agent, person):
    """The clients always stream: their own first request is sent once more, through their own
    run, asking for a plain answer."""
    def turns(s):
        return [{"items": [{"say": "Plainly."}, native_touch(s.canary), EVIL_CALL, read_call()],
                 "hang": 600, "times": 1}]

    with Scene(stage, agent, person, turns) as s:
        run = s.start_supervised()
        until(s.requests)
        base = until(s.base_url)
        r.need(base and s.requests(), "the client runs and asks")
        check_plain(r, s, base)
        run.signal(signal.SIGTERM)
        run.wait(SOON_SECONDS)
        r.ok(run.status is not None, "the client ends on SIGTERM")
        r.ok(not s.canary.exists(), "the canary is untouched")


def check_plain(r, s, base):
    first = s.requests()[0]
    body = dict(s.body_of(first), stream=False)
    native = {"name": "Bash", "description": "x", "input_schema": {"type": "object"}}
    if s.agent == "codex":
        native = {"type": "function", "name": "exec_command", "parameters": {"type": "object"},
                  "strict": False}
    body["tools"] = body.get("tools", []) + [native]
    status, text = post(s, base + ("/v1/messages" if s.agent == "claude" else "/v1/responses"), body)
    again = s.requests()[-1]
    r.same((status, again["stream"], again["n"] != first["n"]), (200, False, True),
           "a plain answer")
    r.same(sorted(again["tools"]), pando_tools(s.agent), "plain request: tools")
    answer = json.loads(text)
    items = answer["content"] if s.agent == "claude" else answer["output"]
    calls = [i.get("name") for i in items if i["type"] in ("tool_use", "function_call")]
    want = on_wire(s.agent, "pando_core", "read-file").split("/")[-1]
    r.same(calls, [want], "only the allowed call is in the answer")
    r.ok("native_tools.default" in text and "other_mcp" in text, "the answer names both rules",
         text)
    ids = again["call_ids"]
    check_blocked(r, s, ids[0], NATIVE_NAME[s.agent], "native_tools.default")
    check_blocked(r, s, ids[1], "evil", "other_mcp")
    status, text = post(s, base.rsplit("/", 1)[0] + "/" + "0" * 64 + "/v1/messages", body)
    r.same((status, s.requests()[-1]["n"]), (403, again["n"]),
           "another token is refused, and nothing sent on")


POST = """
import sys, urllib.error, urllib.request
q = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), {
    "content-type": "application/json", **dict(a.split("=", 1) for a in sys.argv[2:])})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(q, timeout=30)
except urllib.error.HTTPError as e:
    answer = e
print(answer.status)
print(answer.read().decode(), end="")
"""


def post(s, url, body):
    """As the person: the gateway hears nobody else, and of claude only sessions that it knows."""
    own = {"x-api-key", "authorization", "anthropic-version", "x-claude-code-session-id",
           "chatgpt-account-id"}
    head = ["%s=%s" % h for h in s.requests()[0]["headers"].items() if h[0].lower() in own]
    r = subprocess.run(["/usr/bin/python3", "-c", POST, url, *head], input=json.dumps(body), text=True,
                       capture_output=True, timeout=2 * SOON_SECONDS, check=False,
                       env=s.env("/usr/bin:/bin"), **s.person.popen_args())
    if r.returncode != 0:
        raise RuntimeError(r.stderr)
    status, _, text = r.stdout.partition("\n")
    return int(status), text


def without_the_shim_the_canary_is_touched(r, stage, agent, person):
    """The same calls, unsupervised: what the other scripts assert can fail."""
    for name, call in (("native", None), ("mcp", EVIL_CALL)):
        def turns(s, call=call):
            return [[{"say": "I try."}, call or native_touch(s.canary)], [{"say": FINAL}]]

        with Scene(stage, agent, person, turns, shims=False) as s:
            run = s.bare()
            r.ok(run.status == 0, "%s: exit status 0" % name, (run.status, run.err))
            r.ok(FINAL in run.out, "%s: the client prints the end" % name, run.out)
            r.ok(s.canary.exists(), "%s: the canary is touched" % name)
            tools = s.requests()[0]["tools"]
            r.ok(NATIVE_NAME[agent] in tools, "%s: native tools are offered" % name, tools)


SCRIPTS = (plain_answer, forbidden_native_call, forbidden_mcp_call, pando_calls_and_results,
           snapshot_and_restore,
           parallel_calls_one_allowed, not_streamed, without_the_shim_the_canary_is_touched)
