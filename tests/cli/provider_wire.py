#!/usr/bin/env python3
"""The stand-in provider speaks as the real ones do, and misbehaves as told.

The grammars below are checked event by event: what may follow what, numbering, ids that match,
pieces that add up to the whole. Misbehaviours are read from the raw bytes of the answer.
"""
import argparse
import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROVIDER = Path(__file__).resolve().parents[1] / "provider" / "provider.py"
DEADLINE = 20
counts = {"passed": 0, "failed": 0}


def ok(good, what, have=None):
    counts["passed" if good else "failed"] += 1
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": have %r" % (have,)))


def same(have, want, what):
    ok(have == want, what, "%r, want %r" % (have, want))


class Provider:
    def __init__(self, script, *more):
        self.folder = tempfile.TemporaryDirectory()
        at = Path(self.folder.name)
        (at / "script.json").write_text(json.dumps(script))
        self.log, self.bodies, port = at / "log", at / "bodies", at / "port"
        self.process = subprocess.Popen(
            [sys.executable, str(PROVIDER), "--script", str(at / "script.json"), "--port-file",
             str(port),
             "--log", str(self.log), "--bodies", str(self.bodies), *more],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stderr.readline()
        self.port = int(port.read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.folder.cleanup()

    def ask(self, path, body, headers=None, method="POST"):
        """(status, headers, bytes); bytes end where the connection ended."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        c.request(method, path, data, dict({"content-type": "application/json"}, **(headers or {})))
        r = c.getresponse()
        try:
            got = r.read()
        except http.client.IncompleteRead as e:
            got = e.partial
        except ConnectionResetError:
            got = b"reset"
        c.close()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, got

    def lines(self):
        return [json.loads(s) for s in self.log.read_text().splitlines()]


def claude_body(*messages, **more):
    return dict({"model": "m", "max_tokens": 9, "messages": list(messages)
                 or [{"role": "user", "content": "hi"}]}, **more)


def codex_body(*items, **more):
    hi = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    return dict({"model": "m", "input": list(items) or [hi]}, **more)


def sse(data):
    """[(event, object)] of a well-formed stream."""
    out = []
    for part in data.decode().split("\n\n")[:-1]:
        event, text = part.split("\n")
        out.append((event[len("event: "):], json.loads(text[len("data: "):])))
    return out


TURN = [{"think": "Let me see what there is"},
        {"say": "I shall read a file, said the model – ünïcode."},
        {"call": {"server": "pando_core", "tool": "read-file",
                  "args": {"path": "src/a \"b\".c", "n": 12345}}},
        {"call": {"claude": {"tool": "Bash", "args": {"command": "ls"}},
                  "codex": {"tool": "exec_command", "args": {"cmd": "ls"}}}},
        {"server_tool": {"args": {"query": "weather"}}}]


def messages_stream_has_the_grammar_of_the_api():
    with Provider({"turns": [TURN]}) as p:
        status, headers, data = p.ask("/x/v1/messages?beta=true", claude_body(stream=True))
    events = sse(data)
    names = [e for e, _ in events]
    same(status, 200, "messages: status")
    ok(headers["content-type"].startswith("text/event-stream"), "messages: content type", headers)
    same([e for e, d in events if e != d["type"]], [], "messages: event line and type agree")
    same((names[0], names[-2:], names.count("ping")), ("message_start",
                                                       ["message_delta", "message_stop"], 1),
         "messages: first, last and ping")
    ok(events[0][1]["message"]["id"].startswith("msg_01")
       and events[0][1]["message"]["content"] == []
       and events[0][1]["message"]["stop_reason"] is None, "messages: the message starts empty",
       events[0])
    same(events[-2][1]["delta"]["stop_reason"], "tool_use", "messages: stop reason")
    ok(events[-2][1]["usage"]["output_tokens"] > 1, "messages: usage in message_delta", events[-2])
    blocks = collect_blocks(events)
    same([b["type"] for b in blocks], ["thinking", "text", "tool_use", "tool_use",
                                       "server_tool_use", "web_search_tool_result"],
         "messages: blocks")
    same(blocks[0]["text"], TURN[0]["think"], "messages: thinking adds up")
    ok(blocks[0]["signature"], "messages: thinking is signed")
    same(blocks[1]["text"], TURN[1]["say"], "messages: text adds up")
    same((blocks[2]["name"], json.loads(blocks[2]["text"])), ("mcp__pando_core__read-file",
                                                              TURN[2]["call"]["args"]),
         "messages: arguments add up")
    ok(len(blocks[2]["pieces"]) > 4 and blocks[2]["pieces"][0] == ""
       and max(map(len, blocks[2]["pieces"])) <= 7,
       "messages: arguments come in small pieces", blocks[2]["pieces"])
    same(blocks[3]["name"], "Bash", "messages: native name")
    same(blocks[5]["block"]["tool_use_id"], blocks[4]["block"]["id"],
         "messages: server tool and result are a pair")


def collect_blocks(events):
    """Plays the client: every delta must fall into the one open block."""
    blocks, open_index = [], None
    for name, d in events:
        if name == "content_block_start":
            ok(open_index is None and d["index"] == len(blocks),
               "messages: block %d starts in order" % d["index"], d)
            open_index = d["index"]
            b = d["content_block"]
            blocks.append({"type": b["type"], "name": b.get("name"), "block": b, "pieces": [],
                           "signature": ""})
        elif name == "content_block_delta":
            delta = d["delta"]
            if d["index"] != open_index:
                ok(False, "messages: delta outside its block", d)
            blocks[-1]["signature"] += delta.get("signature", "")
            blocks[-1]["pieces"].append(delta.get("text", delta.get("thinking",
                                                                    delta.get("partial_json", ""))))
        elif name == "content_block_stop":
            same(d["index"], open_index, "messages: block stops once")
            open_index = None
    for b in blocks:
        b["text"] = "".join(b["pieces"])
    return blocks


def responses_stream_has_the_grammar_of_the_api():
    with Provider({"turns": [TURN]}) as p:
        _, _, data = p.ask("/v1/responses", codex_body(stream=True,
                                                       tools=[{"type": "function", "name": "f"}]))
    events = sse(data)
    names = [e for e, _ in events]
    same([e for e, d in events if e != d["type"]], [], "responses: event line and type agree")
    same([d["sequence_number"] for _, d in events], list(range(len(events))),
         "responses: sequence numbers")
    same((names[:2], names[-1]), (["response.created", "response.in_progress"],
                                  "response.completed"),
         "responses: first and last")
    final = events[-1][1]["response"]
    ok(final["id"].startswith("resp_") and final["id"] == events[0][1]["response"]["id"],
       "responses: one id", final["id"])
    same((events[0][1]["response"]["status"], final["status"]), ("in_progress", "completed"),
         "responses: status")
    same(final["tools"], [{"type": "function", "name": "f"}], "responses: tools are echoed")
    ok(final["usage"]["total_tokens"] > 1, "responses: usage", final["usage"])
    same([i["type"] for i in final["output"]], ["reasoning", "message", "function_call",
                                                "function_call", "web_search_call"],
         "responses: items")
    same([(i.get("namespace"), i.get("name")) for i in final["output"][2:4]],
         [("mcp__pando_core", "read-file"), (None, "exec_command")], "responses: names")
    for i, item in enumerate(final["output"]):
        check_item(i, item, [d for _, d in events if d.get("output_index") == i])


def check_item(i, item, events):
    what = "responses: item %d %s: " % (i, item["type"])
    same((events[0]["type"], events[-1]["type"]), ("response.output_item.added",
                                                   "response.output_item.done"), what + "ends")
    same(events[-1]["item"], item, what + "done item is the one in completed")
    same([d["item_id"] for d in events[1:-1] if d["item_id"] != item["id"]], [], what + "item ids")
    whole = "".join(d["delta"] for d in events if "delta" in d)
    want = {"message": lambda: item["content"][0]["text"],
            "reasoning": lambda: item["summary"][0]["text"],
            "function_call": lambda: item["arguments"],
            "web_search_call": lambda: ""}[item["type"]]()
    same(whole, want, what + "deltas add up")
    longest = max((len(d["delta"]) for d in events if "delta" in d), default=0)
    ok(longest <= 7, what + "small pieces", longest)


def a_call_uses_the_name_that_is_offered():
    def spaced(name):
        return [{"type": "namespace", "name": "mcp__s", "tools": [{"type": "function", "name": name}]}]
    call = {"call": {"server": "s", "tool": "read-file", "args": {}}}
    with Provider({"turns": [[call]]}) as p:
        for offered, want in ((spaced("read_file"), "read_file"), (spaced("read-file"), "read-file"),
                              (spaced("other"), "read-file"), ([], "read-file")):
            output = json.loads(p.ask("/v1/responses", codex_body(tools=offered))[2])["output"]
            same(output[0]["name"], want, "offered %s" % offered)


def plain_answers_equal_the_streamed_ones():
    with Provider({"turns": [TURN[1:3]]}) as p:
        message = json.loads(p.ask("/v1/messages", claude_body())[2])
        response = json.loads(p.ask("/v1/responses", codex_body())[2])
    same([b["type"] for b in message["content"]], ["text", "tool_use"], "messages: plain blocks")
    same(message["content"][1]["input"], TURN[2]["call"]["args"], "messages: plain arguments")
    same(message["stop_reason"], "tool_use", "messages: plain stop reason")
    same([i["type"] for i in response["output"]], ["message", "function_call"],
         "responses: plain items")
    same(json.loads(response["output"][1]["arguments"]), TURN[2]["call"]["args"],
         "responses: plain arguments")


def other_paths_answer_in_their_dialect():
    with Provider({}) as p:
        ok(json.loads(p.ask("/v1/messages/count_tokens", claude_body())[2])["input_tokens"] > 0,
           "count_tokens")
        same(json.loads(p.ask("/v1/models", b"", {"anthropic-version": "2023-06-01"},
                              "GET")[2])["data"][0]["type"], "model",
             "models: messages")
        same(json.loads(p.ask("/v1/models?client_version=1", b"", method="GET")[2])["object"],
             "list", "models: responses")
        same(p.ask("/", b"", method="HEAD")[0], 200, "HEAD")
        both = json.loads(p.ask("/v1/responses", codex_body(), {"anthropic-version": "1"})[2])
        same(both["object"], "response", "the path decides the dialect")
        status, _, data = p.ask("/v1/complete", b"{}", {"anthropic-version": "1"})
        same((status, json.loads(data)["error"]["type"]), (404, "not_found_error"), "404: messages")
        same((p.ask("/v1/completions", b"{}")[0], p.ask("/v1/responses", b"[1")[0]), (404, 400),
             "404 and 400: responses")
        same(p.ask("/v1/responses", b"", {"upgrade": "websocket", "connection": "upgrade"},
                   "GET")[0], 426, "no WebSocket")


ROUNDS = {"turns": [[{"call": {"server": "s", "tool": "first", "args": {}}},
                     {"call": {"server": "s", "tool": "also", "args": {}}}],
                    [{"call": {"server": "s", "tool": "second",
                               "args": {"id": {"$match": "snapshot (\\w+)"},
                                        "n": {"$match": "\\d+$", "as": "int"}}}}],
                    [{"say": {"$join": ["I saw: ", {"$results": True}]}}]],
          "prompts": [{"match": "^other", "turns": [[{"say": "another list"}]]}],
          "aux_text": "A TITLE", "end_text": "THE END"}


def claude_history(rounds, text="hi"):
    """Messages after so many tool rounds."""
    out = [{"role": "user", "content": [{"type": "text",
                                         "text": "<system-reminder>x</system-reminder>"},
                                         {"type": "text", "text": text}]}]
    for i in range(rounds):
        out.append({"role": "assistant", "content": [{"type": "tool_use", "id": "unknown%d" % i,
                                                      "name": "x", "input": {}}]})
        out.append({"role": "user", "content": [{"type": "tool_result",
                                                 "tool_use_id": "unknown%d" % i,
                                                 "content": [{"type": "text",
                                                         "text": "snapshot ab%d is 4%d" % (i,
                                                                                           i)}]}]})
    return out


def the_conversation_decides_the_turn():
    def name_of(answer):
        b = answer["content"][0]
        return b.get("name") or b.get("text")
    with Provider(ROUNDS) as p:
        def ask(messages, **headers):
            return json.loads(p.ask("/v1/messages", claude_body(*messages), headers)[2])
        same(name_of(ask(claude_history(0))), "mcp__s__first", "turn 0")
        same(name_of(ask(claude_history(0))), "mcp__s__first", "turn 0 again: a retry")
        same(name_of(ask(claude_history(0), **{"user-agent": "claude-cli/2"})), "A TITLE",
             "aux consumes nothing")
        second = ask(claude_history(1))
        same((name_of(second), second["content"][0]["input"]),
             ("mcp__s__second", {"id": "ab0", "n": 40}), "turn 1, templates")
        same(name_of(ask(claude_history(2))), "I saw: snapshot ab0 is 40\nsnapshot ab1 is 41",
             "turn 2, results")
        same(name_of(ask(claude_history(3))), "THE END", "after the last turn")
        same(name_of(ask(claude_history(2) + [{"role": "assistant",
                                               "content": "ok"}] + claude_history(0))),
                                               "mcp__s__first",
             "a new prompt starts again")
        same(name_of(ask(claude_history(0, "other things"))), "another list", "a list by prompt")
        last = p.lines()[-1]
        same((last["turn"], last["aux"], last["dialect"]), (0, False, "messages"),
             "log: turn, aux, dialect")


def codex_rounds_are_counted_by_call_id():
    with Provider(ROUNDS) as p:
        first = json.loads(p.ask("/v1/responses", codex_body())[2])["output"]
        user = codex_body()["input"]
        # One result between the two calls of one turn: not two turns.
        mixed = user + [first[0], {"type": "function_call_output", "call_id": first[0]["call_id"],
                                   "output": "snapshot zz 7"},
                        first[1], {"type": "function_call_output", "call_id": first[1]["call_id"],
                                   "output": [{"type": "input_text", "text": "done 8"}]}]
        second = json.loads(p.ask("/v1/responses", codex_body(*mixed))[2])["output"][0]
        same((second["name"], json.loads(second["arguments"])), ("second", {"id": "zz", "n": 8}),
             "codex: turn 1")
        bad = user + [first[0], {"type": "function_call_output", "call_id": first[0]["call_id"],
                                 "output": "nothing"}]
        text = json.loads(p.ask("/v1/responses",
                                codex_body(*bad))[2])["output"][0]["content"][0]["text"]
        ok(text.startswith("script error: $match"), "a template without a match says so", text)
        ok("$match" in p.lines()[-1]["script_error"], "log: script error")
        title = json.loads(p.ask("/v1/responses", codex_body(),
                                 {"x-codex-turn-metadata": '{"thread_source":"thread_title"}'})[2])
        same(title["output"][0]["content"][0]["text"], "A TITLE", "codex: aux")


def requests_are_recorded():
    tools = [{"type": "namespace", "name": "mcp__s", "tools": [{"type": "function", "name": "t"}]},
             {"type": "web_search"}]
    more = {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom",
                                                                        "name": "exec"}]}
    with Provider({}) as p:
        p.ask("/v1/responses", codex_body(*(codex_body()["input"] + [more]), tools=tools,
                                          stream=True))
        packed = gzip.compress(json.dumps(claude_body(tools=[{"name": "Bash"},
                {"type": "web_search_1", "name": "web_search"}])).encode())
        p.ask("/v1/messages", packed, {"content-encoding": "gzip", "X-Api-Key": "dummy"})
        one, two = p.lines()
        same(one["tools"], ["mcp__s/t", "web_search", "exec"], "log: tools of all three places")
        same((one["stream"], two["stream"]), (True, False), "log: streamed or not")
        same((two["tools"], two["headers"]["x-api-key"]), (["Bash", "web_search"], "dummy"),
             "log: tools and headers")
        same(json.loads((p.bodies / two["body"]).read_text())["model"], "m",
             "the decoded body is kept")


SAY = [{"say": "a long enough answer to be cut somewhere"}]


def misbehaving(turn, path="/v1/messages", body=None, **more):
    with Provider({"turns": [dict({"items": SAY}, **turn)]}) as p:
        body = dict(body or (claude_body() if "messages" in path else codex_body()),
                    stream=more.get("stream", True))
        status, headers, data = p.ask(path, body)
        again = p.ask(path, body)[2]
        return status, headers, data, again


def misbehaviours_are_what_they_say():
    status, headers, data, _ = misbehaving({"status": 529, "headers": {"retry-after": "7"}})
    same((status, headers["retry-after"], json.loads(data)["type"]), (529, "7", "error"),
         "status with headers")
    same(misbehaving({"status": 400, "body": "plain"}, "/v1/responses")[2], b"plain",
         "status with a body")
    same(len(sse(misbehaving({"cut_after": 3})[2])), 3, "cut after 3 events")
    same(len(sse(misbehaving({"cut_after": 0}, "/v1/responses")[2] or b"")), 0,
         "cut after 0 events")
    events = sse(misbehaving({"stream_error": {"after": 2, "type": "overloaded_error",
                                               "message": "M"}})[2])
    same(events[-1], ("error", {"type": "error", "error": {"type": "overloaded_error",
                                                           "message": "M"}}),
                                                           "messages: stream error")
    events = sse(misbehaving({"stream_error": {"after": 2, "type": "invalid_prompt",
                                               "message": "M"}}, "/v1/responses")[2])
    same((len(events), events[-1][0], events[-1][1]["response"]["error"]),
         (3, "response.failed", {"code": "invalid_prompt", "message": "M"}),
         "responses: stream error")
    data = misbehaving({"bad_json": 1})[2].decode().split("\n\n")[1].split("\ndata: ")[1]
    ok(is_broken(data), "bad JSON in a stream", data)
    ok(is_broken(misbehaving({"bad_json": 1}, stream=False)[2]), "bad JSON in a plain answer")
    _, headers, data, _ = misbehaving({"gzip": True})
    same((headers["content-encoding"], sse(gzip.decompress(data))[0][0]), ("gzip", "message_start"),
         "gzip stream")
    same(json.loads(gzip.decompress(misbehaving({"gzip": True}, stream=False)[2]))["role"],
         "assistant", "gzip answer")
    same(misbehaving({"content_type": "text/html"})[1]["content-type"], "text/html", "content type")
    ok(is_broken(misbehaving({"garbage": True})[2]), "garbage")
    same(sse(misbehaving({"raw": [["x", {"a": 1}], ["y", {}]]})[2]), [("x", {"a": 1}), ("y", {})],
         "raw events")
    same(sse(misbehaving({"raw": {"messages": [], "responses": [["r", {}]]}}, "/v1/responses")[2]),
         [("r", {})], "raw events by dialect")
    _, _, data, again = misbehaving({"cut_after": 1, "times": 1})
    same((len(sse(data)), sse(again)[-1][0]), (1, "message_stop"),
         "times: the second request is answered well")
    same(sse(misbehaving({"stop_reason": "max_output_tokens"}, "/v1/responses")[2])[-1][0],
         "response.incomplete", "incomplete")


def is_broken(text):
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def a_reset_is_not_a_close():
    with Provider({"turns": [{"items": SAY, "reset_after": 2}]}) as p:
        same(p.ask("/v1/messages", claude_body(stream=True))[2], b"reset", "reset after 2 events")


def slow_streams_are_slow_and_hangs_hang():
    with Provider({"turns": [{"items": SAY, "delay": 0.02}]}) as p:
        began = time.monotonic()
        n = len(sse(p.ask("/v1/messages", claude_body(stream=True))[2]))
        ok(time.monotonic() - began >= 0.02 * (n - 1), "delay between %d events" % n)
    with Provider({"turns": [{"items": SAY, "hang": 600, "hang_after": 2}]}) as p:
        c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=DEADLINE)
        c.request("POST", "/v1/messages", json.dumps(claude_body(stream=True)))
        r = c.getresponse()
        seen = b"".join(r.readline() for _ in range(6))
        same(len(sse(seen)), 2, "two events before the hang")
        r.close()
        c.close()
        same(wait_for_note(p), "client went away while waiting", "a hang ends when the client goes")


def wait_for_note(p):
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        notes = [line["why"] for line in p.lines() if "note" in line]
        if notes:
            return notes[0]
        time.sleep(0.02)
    return None


def many_at_once_are_answered():
    with Provider({"turns": [SAY]}) as p:
        got = []
        asks = [threading.Thread(target=lambda: got.append(p.ask("/v1/messages",
                claude_body(stream=True))[2])) for _ in range(20)]
        for t in asks:
            t.start()
        for t in asks:
            t.join()
        same([len(sse(d)) for d in got], [len(sse(got[0]))] * 20, "20 streams at once")
        same(sorted(line["n"] for line in p.lines()), list(range(1, 21)), "20 lines, each whole")


def it_ends_at_once():
    for how in (signal.SIGTERM, signal.SIGINT, None):
        with Provider({"turns": [{"items": SAY, "hang": 600}]},
                      *([] if how else ["--until-eof"])) as p:
            c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=DEADLINE)
            c.request("POST", "/v1/messages", json.dumps(claude_body(stream=True)))
            c.getresponse()
            p.process.send_signal(how) if how else p.process.stdin.close()
            same(p.process.wait(DEADLINE), 0, "ends on %s" % (how.name if how else "end of input"))
            p.process.stdin = None


def bad_scripts_are_refused():
    rows = [({"turn": []}, "unknown key turn"), ({"turns": [[{"shout": "x"}]]},
                                                 "turns[0].items[0]: want one key"),
            ({"turns": [{"hangs": 1}]}, "turns[0]: unknown key hangs"), ([], "want an object"),
            ({"turns": [[{"claude": {"sing": 1}}]]}, "items[0].claude: want one key"),
            ({"prompts": [{"match": "(", "turns": []}]}, "missing )"), ({"piece": 0}, "piece")]
    with tempfile.TemporaryDirectory() as folder:
        for script, why in rows:
            path = os.path.join(folder, "s.json")
            Path(path).write_text(json.dumps(script))
            r = subprocess.run([sys.executable, str(PROVIDER), "--check", "--script", path],
                               capture_output=True, text=True, check=False)
            ok(r.returncode == 65 and why in r.stderr, "refused: %s" % why,
               (r.returncode, r.stderr))
        r = subprocess.run([sys.executable, str(PROVIDER), "--script", folder + "/none"],
                           capture_output=True, text=True, check=False)
        ok(r.returncode == 65 and "none" in r.stderr, "a missing script is named",
           (r.returncode, r.stderr))


def main():
    argparse.ArgumentParser().parse_known_args()
    for test in (a_call_uses_the_name_that_is_offered, messages_stream_has_the_grammar_of_the_api,
                 responses_stream_has_the_grammar_of_the_api,
                 plain_answers_equal_the_streamed_ones, other_paths_answer_in_their_dialect,
                 the_conversation_decides_the_turn,
                 codex_rounds_are_counted_by_call_id, requests_are_recorded,
                 misbehaviours_are_what_they_say, a_reset_is_not_a_close,
                 slow_streams_are_slow_and_hangs_hang, many_at_once_are_answered, it_ends_at_once,
                 bad_scripts_are_refused):
        try:
            test()
        except Exception as e:  # one broken test must not hide the others
            ok(False, test.__name__, "%s: %s" % (type(e).__name__, e))
    print("%d passed, %d failed, 0 skipped" % (counts["passed"], counts["failed"]))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
