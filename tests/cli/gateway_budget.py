#!/usr/bin/env python3
"""What a run uses is counted, told and kept; a budget that is reached stops it with its reason."""
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same
from gateway_revive import Agent, kill
from gateway_upgrade import Installed

PRICES = """
[[price]]
model = "dear*"
input = 1000
output = 2000
cache_read = 100
cache_write = 1250
[[price]]
model = "m*"
input = 0
output = 0
"""
CLAUDE, CODEX = "/v1/messages", "/v1/responses"
SUMS = ("tokens_in", "tokens_out", "cache_read", "cache_write", "reasoning", "tokens", "microusd",
        "requests", "refusals", "errors", "calls", "denials", "answers")


class Script:
    """What the provider answers: by the model's name, with the numbers that are set here."""

    def __init__(self):
        self.used, self.arrived, self.release = (10, 5), threading.Semaphore(0), threading.Event()
        self.release.set()
        self.calls = ()

    def messages_usage(self):
        n_in, n_out = self.used
        return {"input_tokens": n_in, "output_tokens": n_out, "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 2}

    def responses_usage(self):
        n_in, n_out = self.used
        return {"input_tokens": n_in + 3, "input_tokens_details": {"cached_tokens": 3},
                "output_tokens": n_out, "output_tokens_details": {"reasoning_tokens": 1},
                "total_tokens": n_in + 3 + n_out}

    def messages_call(self, i):
        return {"type": "tool_use", "id": "toolu_%d" % i, "name": "mcp__pando_core__read-file",
                "input": {"path": "a"}}

    def responses_call(self, i):
        return {"type": "function_call", "id": "fc_%d" % i, "call_id": "call_%d" % i,
                "name": "read_file", "namespace": "mcp__pando_core", "arguments": '{"path":"a"}'}

    def message(self):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-served",
                "content": [{"type": "text", "text": "ok"}] + [self.messages_call(i) for i in self.calls],
                "stop_reason": "tool_use" if self.calls else "end_turn", "stop_sequence": None,
                "usage": self.messages_usage()}

    def response(self):
        return {"id": "resp_1", "object": "response", "status": "completed", "model": "m-served",
                "output": [self.responses_call(i) for i in self.calls], "usage": self.responses_usage()}

    def message_events(self):
        m = self.message()
        yield g.event("message_start", message=dict(m, content=[], usage=dict(m["usage"], output_tokens=1)))
        for i, block in enumerate(m["content"]):
            args = block.get("input")  # the API leaves them to the deltas
            yield g.event("content_block_start", index=i,
                          content_block=block if args is None else dict(block, input={}))
            if args is not None:
                yield g.event("content_block_delta", index=i,
                              delta={"type": "input_json_delta", "partial_json": json.dumps(args)})
            yield g.event("content_block_stop", index=i)
        yield g.event("message_delta", delta={"stop_reason": m["stop_reason"], "stop_sequence": None},
                      usage={"output_tokens": m["usage"]["output_tokens"]})
        yield g.event("message_stop")

    def response_events(self):
        r = self.response()
        yield g.event("response.created", response=dict(r, status="in_progress", output=[], usage=None))
        for i, item in enumerate(r["output"]):
            yield g.event("response.output_item.added", output_index=i, item=dict(item, arguments=""))
            yield g.event("response.output_item.done", output_index=i, item=item)
        yield g.event("response.completed", response=r)

    def __call__(self, h):
        ask = json.loads(h.body) if h.body else {}
        model, codex = ask.get("model", ""), h.path.endswith("/responses")
        self.arrived.release()
        if "count_tokens" in h.path:
            return h.whole(200, {"content-type": "application/json"}, b'{"input_tokens":7}')
        if model == "error":
            return h.whole(500, {"content-type": "application/json"}, b'{"error":{"message":"x"}}')
        self.release.wait(g.DEADLINE)
        if not ask.get("stream"):
            whole = self.response() if codex else self.message()
            if model == "silent":
                del whole["usage"], whole["model"]
            return h.whole(200, {"content-type": "application/json"}, json.dumps(whole).encode())
        h.start({"content-type": "text/event-stream"})
        for i, e in enumerate(self.response_events() if codex else self.message_events()):
            if model == "broken" and i == 2:
                return h.cut()
            h.piece(e)
        h.end()


def ask_of(path, stream=True, model="m", **more):
    body = dict(g.ASK_CODEX if path == CODEX else g.ASK, model=model, stream=stream, **more)
    return body


def sums(home, run):
    of = {r["run"]: r for r in home.ask({"op": "status"})["runs"]}[run.id]
    return of, {k: of["sums"][k] for k in SUMS if of["sums"][k]}


def usage_of(home, run, n):
    g.until(lambda: len([x for x in home.lines("gateway_usage") if x["run"] == run.id]) >= n)
    return [x for x in home.lines("gateway_usage") if x["run"] == run.id]


def told(line):
    """The members of a line that are about use, without its times."""
    return {k: line[k] for k in line if k in (
        "model", "model_asked", "tokens_in", "tokens_out", "cache_read", "cache_write", "reasoning",
        "tokens_counted", "cost_microusd", "calls", "denials", "status")}


def text_of(path, reply):
    status, head, data = reply
    same(status, 400, "a refusal has status 400")
    return json.loads(data)["error"]["message"] if path == CLAUDE else data.decode()


class Place:
    """A gateway with a policy, and its provider."""

    def __init__(self, build, policy):
        self.script = Script()
        self.provider = g.Provider(self.script)
        self.home = g.Home(build, self.provider.port, policy)
        self.home.start()

    def __enter__(self):
        return self.script, self.home

    def __exit__(self, *_):
        self.script.release.set()
        self.home.close()
        self.provider.close()


def each_exchange_is_told(build):
    with Place(build, PRICES) as (script, home):
        run, codex = home.register(), home.register("codex")
        base = {"model": "m-served", "model_asked": "m", "tokens_in": 10, "tokens_out": 5, "cache_read": 3,
                "cache_write": 2, "cost_microusd": 0, "calls": 0, "denials": 0, "status": 200}
        want = dict(base)
        for n, stream in enumerate((True, False), 1):
            run.ask(CLAUDE, ask_of(CLAUDE, stream))
            lines = usage_of(home, run, n)
            same(told(lines[-1]), want, "a message, streamed: %s" % stream)
            ok(0 <= lines[-1]["first_us"] <= lines[-1]["elapsed_us"] < 20e6, "its times", lines[-1])
            codex.ask(CODEX, ask_of(CODEX, stream))
            told_codex = dict(want, reasoning=1)
            del told_codex["cache_write"]
            same(told(usage_of(home, codex, n)[-1]), told_codex, "a response, streamed: %s" % stream)
        script.calls = range(2)
        run.ask(CLAUDE, ask_of(CLAUDE))
        same(told(usage_of(home, run, 3)[-1])["calls"], 2, "calls that passed")
        script.calls = ()
        run.ask(CLAUDE + "/count_tokens", {"model": "m", "messages": []})
        run.ask(CLAUDE, ask_of(CLAUDE, model="error"))
        same(told(usage_of(home, run, 4)[-1]),
             {"model_asked": "error", "calls": 0, "denials": 0, "status": 500}, "an error of the provider")
        run.ask(CLAUDE, b"{")
        c = run.open()  # a client that leaves before its request is whole is no refusal
        c.putrequest("POST", run.url(CLAUDE))
        c.putheader("content-length", "100")
        c.endheaders(b"{")
        c.close()
        status, have = sums(home, run)
        same(have, {"tokens_in": 30, "tokens_out": 15, "cache_read": 9, "cache_write": 6, "tokens": 60,
                    "requests": 4, "refusals": 1, "errors": 1, "calls": 2, "answers": 4}, "the sums in status")
        same((status["model"], status["tokens_per_run"], status["microusd_per_run"]), ("m-served", 0, 0),
             "the model and the budgets in status")
        ok(0 <= status["age_s"] < 120, "the age of the run", status["age_s"])


def what_is_not_told_is_guessed(build):
    with Place(build, "") as (script, home):
        run = home.register()
        body = ask_of(CLAUDE, False, "silent", padding="x" * 4000)
        data = run.ask(CLAUDE, body)[2]
        same(told(usage_of(home, run, 1)[-1]),
             {"model_asked": "silent", "tokens_counted": len(json.dumps(body)) // 4 + len(data) // 16 + 2,
              "calls": 0, "denials": 0, "status": 200}, "an answer without numbers")
        run.ask(CLAUDE, ask_of(CLAUDE, True, "broken"))
        line = told(usage_of(home, run, 2)[-1])
        ok(line["tokens_out"] == 1 and line["tokens_counted"] > 15 + 1, "a stream that broke off", line)


def a_budget_of_tokens(build):
    with Place(build, "[limits]\ntokens_per_run = 50\n") as (script, home):
        line = home.policy.read_text().split("\n").index("tokens_per_run = 50") + 1
        at = "%s:%d" % (home.policy, line)
        for agent, path, stream in (("claude", CLAUDE, True), ("claude", CLAUDE, False),
                                    ("codex", CODEX, True), ("codex", CODEX, False)):
            run = home.register(agent)
            passed = 0
            while True:
                reply = run.ask(path, ask_of(path, stream))
                if reply[0] != 200 or passed > 9:
                    break
                passed += 1
            used = 20 if agent == "claude" else 18
            same(passed, 3, "%s: requests below the budget" % agent)
            text = text_of(path, reply)
            ok(text.startswith("[pando-ai] stopped: this run has used %d of 50 tokens (rule "
                               "limits.tokens_per_run, %s). To go on, start %s again" % (3 * used, at, agent)),
               "the text of it", text)
            line = [x for x in home.lines("gateway_request") if x["run"] == run.id][-1]
            same((line["verdict"], line["rule"], line["at"], line["note"]),
                 ("deny", "limits.tokens_per_run", at, text), "the log says the same")
            same(sums(home, run)[1]["refusals"], 1, "it is counted")
            same(run.ask(path, ask_of(path, stream))[0], 400, "it stays so")
            same(home.register(agent).ask(path, ask_of(path, stream))[0], 200, "another run is not stopped")


def a_budget_of_money(build):
    with Place(build, "[limits]\nusd_per_run = 0.04\n" + PRICES) as (script, home):
        run = home.register()
        for n in range(2):
            same(run.ask(CLAUDE, ask_of(CLAUDE, model="dear-1"))[0], 200, "below it")
            # it answers as m-served, which costs nothing
            same(told(usage_of(home, run, n + 1)[-1])["cost_microusd"], 0, "by the model that answered")
        script.message = lambda: dict(Script.message(script), model="dear-2")
        for n in range(2):
            same(run.ask(CLAUDE, ask_of(CLAUDE, model="dear-1"))[0], 200, "below it")
            same(told(usage_of(home, run, n + 3)[-1])["cost_microusd"], 10000 + 10000 + 300 + 2500,
                 "10 in, 5 out, 3 read, 2 written")
        text = text_of(CLAUDE, run.ask(CLAUDE, ask_of(CLAUDE, model="dear-1")))
        ok("this run has cost 0.04 of 0.04 USD by the prices of the policy (rule limits.usd_per_run, " in text,
           "the text of it", text)
        fresh = home.register("codex")
        text = text_of(CODEX, fresh.ask(CODEX, ask_of(CODEX, model="gpt-9")))
        ok('the model "gpt-9" has no price' in text and "[[price]]" in text, "a model without a price", text)
        same(sums(home, fresh)[1], {"refusals": 1}, "nothing of it was sent on")


def at_once(build):
    """A hundred requests at the same time: those under way count, so few of them pass."""
    with Place(build, "[limits]\ntokens_per_run = 200\n") as (script, home):
        run = home.register()
        run.ask(CLAUDE, ask_of(CLAUDE))  # 20 tokens, the largest so far
        usage_of(home, run, 1)
        script.arrived, got = threading.Semaphore(0), []
        script.release.clear()
        threads = [threading.Thread(target=lambda: got.append(run.ask(CLAUDE, ask_of(CLAUDE))[0]))
                   for _ in range(100)]
        for t in threads:
            t.start()
        g.until(lambda: len(got) == 91)
        same((len(got), set(got)), (91, {400}), "most are refused while nine are under way")
        script.release.set()
        for t in threads:
            t.join()
        same(sorted(got).count(200), 9, "nine have passed")
        usage_of(home, run, 10)
        same(sums(home, run)[1]["tokens"], 200, "and the budget is used, not overrun")
        text = text_of(CLAUDE, run.ask(CLAUDE, ask_of(CLAUDE)))
        ok("has used 200 of 200 tokens (rule" in text, "then it is reached", text)


def a_killed_gateway(build):
    with Place(build, "[limits]\ntokens_per_run = 70\n") as (script, home):
        agent = Agent(home)
        run = agent.run
        same(oct((agent.folder / "ledger").stat().st_mode & 0o7777), "0o600", "the ledger is private")
        run.ask(CLAUDE, ask_of(CLAUDE))
        run.ask(CLAUDE, ask_of(CLAUDE))
        usage_of(home, run, 2)
        kill(home)
        same(home.start(), "ready", "the next gateway starts")
        same({k: sums(home, run)[1][k] for k in ("tokens", "requests", "tokens_in")},
             {"tokens": 40, "requests": 2, "tokens_in": 20}, "it knows the sums")
        # one more is under way when it is killed: it counts by its size
        script.release.clear()
        script.arrived = threading.Semaphore(0)
        body = ask_of(CLAUDE, padding="x" * 400)
        size = len(json.dumps(body)) // 4 + 1
        cut = []
        t = threading.Thread(target=lambda: cut.append(lost(run, body)))
        t.start()
        ok(script.arrived.acquire(timeout=g.DEADLINE), "a request is under way")
        kill(home)
        t.join()
        script.release.set()
        home.start()
        same(sums(home, run)[1]["tokens"], 40 + size, "what was under way counts by its size")
        text = text_of(CLAUDE, run.ask(CLAUDE, ask_of(CLAUDE)))
        ok("has used %d of 70 tokens" % (40 + size) in text, "so the budget is reached", text)
        (agent.folder / "ledger").write_text("pando-ledger 1 0\n")
        kill(home)
        home.start()
        ok("ledger of the run cannot be read" in " ".join(
            x["note"] for x in home.lines("gateway_run_lost") if x["run"] == agent.id),
           "a run whose sums cannot be read does not begin anew")
        same(home.ask({"op": "status"})["runs"], [], "it is gone")
        agent.end()


def a_gateway_that_hands_over(build):
    """What is under way then counts by its size, until the old one tells what it has come to."""
    script = Script()
    provider = g.Provider(script)
    home = Installed(build, provider.port)
    with home.policy.open("a") as f:
        f.write("[limits]\ntokens_per_run = 1000\n")
    home.start()
    old, run = home.pid(), home.register()
    run.ask(CLAUDE, ask_of(CLAUDE))
    script.arrived = threading.Semaphore(0)
    script.release.clear()
    got = []
    t = threading.Thread(target=lambda: got.append(lost(run, ask_of(CLAUDE))))
    t.start()
    ok(script.arrived.acquire(timeout=g.DEADLINE), "a request is under way")
    home.install(home.original.read_bytes())
    home.register()
    new = home.another(old)
    same(sums(home, run)[1]["tokens"], 40, "the new one counts what is under way")
    script.used = (10, 205)
    script.release.set()
    t.join()
    same(got[0][0], 200, "it ends well")
    want = {"tokens": 240, "requests": 2, "answers": 2, "tokens_in": 20, "tokens_out": 210, "cache_read": 6,
            "cache_write": 4}
    ok(g.until(lambda: sums(home, run)[1] == want), "the new one hears what it was", sums(home, run)[1])
    ok(g.until(lambda: home.gateway.poll() is not None), "and the old one ends with it")
    os.kill(new, signal.SIGKILL)
    g.until(lambda: not g.is_alive(new))
    home.start()
    same(sums(home, run)[1], want, "the sums are the new one's")
    home.close()
    provider.close()


def lost(run, body):
    try:
        return run.ask(CLAUDE, body)
    except OSError as e:
        return e


def calls_a_minute(build):
    with Place(build, "[limits]\ncalls_per_minute = 3\n") as (script, home):
        for agent, path, stream in (("claude", CLAUDE, True), ("claude", CLAUDE, False),
                                    ("codex", CODEX, True), ("codex", CODEX, False)):
            run = home.register(agent)
            script.calls = range(2)
            same(run.ask(path, ask_of(path, stream))[0], 200, "two calls pass")
            status, _, data = run.ask(path, ask_of(path, stream))
            same(status, 200, "the answer with a call too many")
            ok(data.count(b'"a') > 0 and b"this run may make 3 calls of tools a minute" in data,
               "one of them is replaced by the reason", data)
            text = data.decode()
            mark = '"toolu_' if agent == "claude" else '"call_'
            ok(mark + '0"' in text and mark + '1"' not in text, "the first is there, the second is not", text)
            lines = usage_of(home, run, 2)
            same([(x["calls"], x["denials"]) for x in lines], [(2, 0), (1, 1)], "both are counted")
            replaced = [x for x in home.lines("gateway_call_replaced") if x["run"] == run.id]
            same([(x["rule"], x["verdict"]) for x in replaced], [("limits.calls_per_minute", "deny")],
                 "the log names the limit")


def claude_turns(n, result="same"):
    for i in range(n):
        yield {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_%d" % i,
                                                 "name": "mcp__pando_core__read-file",
                                                 "input": {"path": "a"}}]}
        yield {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_%d" % i,
                                            "content": result if i else "first"}]}


def codex_turns(n):
    for i in range(n):
        yield {"type": "function_call", "call_id": "call_%d" % i, "name": "read_file",
               "namespace": "mcp__pando_core", "arguments": '{"path":"a"}'}
        yield {"type": "function_call_output", "call_id": "call_%d" % i, "output": "same"}


def the_same_call(build):
    with Place(build, "[limits]\nsame_call = 4\n") as (script, home):
        hi = g.ASK["messages"]
        run, codex = home.register(), home.register("codex")

        def claude(*more):
            return run.ask(CLAUDE, ask_of(CLAUDE, messages=hi + [x for m in more for x in m]))

        same(claude(claude_turns(4))[0], 200, "three of four had the same result")
        text = text_of(CLAUDE, claude(claude_turns(5)))
        ok("the model has called mcp__pando_core__read-file 4 times in a row, with the same arguments and "
           "the same result (rule limits.same_call, " in text, "the text of it", text)
        same(claude(claude_turns(5), [{"role": "user", "content": "do something else"}])[0], 200,
             "what the person says goes on")
        same(home.register().ask(CLAUDE, ask_of(CLAUDE))[0], 200, "another transcript has none")
        packed = gzip.compress(json.dumps(ask_of(CLAUDE, messages=hi + list(claude_turns(5)))).encode())
        text = text_of(CLAUDE, home.register().ask(CLAUDE, packed, {"content-encoding": "gzip"}))
        ok("has called mcp__pando_core__read-file 4 times" in text, "a compressed transcript", text)
        items = g.ASK_CODEX["input"]
        same(codex.ask(CODEX, ask_of(CODEX, input=items + list(codex_turns(3))))[0], 200, "codex: three")
        text = text_of(CODEX, codex.ask(CODEX, ask_of(CODEX, input=items + list(codex_turns(4)))))
        ok("has called read_file 4 times in a row" in text, "codex: four", text)


def in_audit_mode(build):
    policy = '[limits]\ntokens_per_run = 30\ncalls_per_minute = 1\n'
    with Place(build, policy) as (script, home):
        home.policy.write_text(home.policy.read_text().replace("[proxy]", '[proxy]\nclaude = "audit"'))
        run = home.register()
        script.calls = range(2)
        for _ in range(5):
            status, _, data = run.ask(CLAUDE, ask_of(CLAUDE))
            ok(status == 200 and b"toolu_1" in data, "nothing is stopped", (status, data))
        lines = [x for x in home.lines("gateway_budget_audited") if x["run"] == run.id]
        same([(x["rule"], x["verdict"], x["mode"]) for x in lines],
             [("limits.tokens_per_run", "audit", "audit")], "it is told once")
        same(len(usage_of(home, run, 5)), 5, "each exchange is told")


def pando(build, home, *words):
    p = subprocess.run([str(Path(build, "bin/pando-ai").resolve()), *words], env=home.env(TZ="UTC"), text=True,
                       capture_output=True, timeout=g.DEADLINE)
    same((p.returncode, p.stderr), (0, ""), " ".join(words))
    return p.stdout


def tables(text):
    return [[line.split() for line in part.splitlines()] for part in text.split("\n\n")]


def what_a_person_sees(build):
    policy = "[limits]\ntokens_per_run = 50000\nusd_per_run = 5\n" + PRICES
    with Place(build, policy) as (script, home):
        same(pando(build, home, "report"), "Nothing was used in that time.\n", "a report of nothing")
        same(pando(build, home, "top"), "No agent is running.\n", "no run")
        run, codex = home.register(), home.register("codex")
        script.message = lambda: dict(Script.message(script), model="dear-2")
        script.used, script.calls = (12000, 300), range(2)
        run.ask(CLAUDE, ask_of(CLAUDE))
        usage_of(home, run, 1)  # so that it stands before the other one
        codex.ask(CODEX, ask_of(CODEX))
        codex.ask(CODEX, ask_of(CODEX, model="none"))
        usage_of(home, codex, 1)
        rows = [line.split() for line in pando(build, home, "top").splitlines()]
        same(rows[0], ["RUN", "AGENT", "AGE", "MODEL", "TOKENS", "COST", "CALLS", "DENIED", "FOLDER"],
             "the head of top")
        rows = {r[0]: r for r in rows[1:]}
        row = rows[run.id[:8]]
        same((row[1], row[3:]), ("claude", ["dear-2", "12.3k", "of", "50.0k", "$12.60", "of", "$5.00", "2", "0",
                                            "~/work"]), "a run")
        same(rows[codex.id[:8]][3:], ["m-served", "12.3k", "of", "50.0k", "-", "of", "$5.00", "2", "1", "~/work"],
             "the other one")
        status = {r["run"]: r for r in json.loads(pando(build, home, "top", "--json"))["runs"]}
        same(status[run.id]["sums"]["microusd"], 12602800, "top --json has the sums")
        report = json.loads(pando(build, home, "report", "--json"))
        same({r["run"]: (r["agent"], r["root"], r["requests"], r["refusals"], r["calls"], r["cost_microusd"])
              for r in report["runs"]},
             {run.id: ("claude", str(home.root), 1, 0, 2, 12602800),
              codex.id: ("codex", str(home.root), 1, 1, 2, 0)}, "report --json, by run")
        same({r["model"]: r["tokens_in"] for r in report["models"]}, {"dear-2": 12000, "m-served": 12000},
             "by model")
        same((len(report["days"]), report["total"]["tokens_out"], report["total"]["refusals"]), (1, 600, 1),
             "by day, and in all")
        days, models, runs, total = tables(pando(build, home, "report"))
        same(days[0], ["DAY", "REQUESTS", "IN", "OUT", "CACHED", "WRITTEN", "COST", "CALLS", "DENIED", "FIRST"],
             "the head of a report")
        same(models[1][:9], ["dear-2", "1", "12.0k", "300", "3", "2", "$12.60", "2", "0"], "a model")
        same(runs[1][0] in (run.id, codex.id) and runs[1][-1], str(home.root), "a run and its folder")
        same(total[0][:3], ["total", "2", "24.0k"], "the total")
        same(total[1], "Requests refused: 1; failed at the provider: 0.".split(), "and what failed")
        since = pando(build, home, "report", "--since", "2030-01-01", "--json")
        same(json.loads(since)["runs"], [], "--since")
        only = json.loads(pando(build, home, "report", "--run", run.id[:6], "--json"))
        same([r["run"] for r in only["runs"]], [run.id], "--run")
        ok("dear-2  12000 in, 300 out" in pando(build, home, "logs", "--run", run.id), "a line of logs")


def main():
    build = g.build()
    for case in (each_exchange_is_told, what_is_not_told_is_guessed, a_budget_of_tokens, a_budget_of_money,
                 at_once, a_killed_gateway, a_gateway_that_hands_over, calls_a_minute, the_same_call, in_audit_mode, what_a_person_sees):
        case(build)
    g.done()


if __name__ == "__main__":
    main()
