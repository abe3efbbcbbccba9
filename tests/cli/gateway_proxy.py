#!/usr/bin/env python3
"""What the gateway passes, what it stops, and what its clients see when the provider fails."""
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
import decision_logs
from _gateway import ok, same

KEY = "sk-ant-api03-verysecretkeyverysecretkey"
MB = 1 << 20


def answer(h):
    """The provider's behaviour is chosen by a header, as a client's own would be passed on."""
    ask = h.headers.get("x-play", "sse")
    if h.command == "GET":
        h.whole(200, {"content-type": "application/json"}, b'{"data":[]}')
    elif h.path.endswith("/responses"):
        h.start({"content-type": "text/event-stream"})
        for e in g.responses_events():
            h.piece(e)
        h.end()
    elif "count_tokens" in h.path:
        h.whole(200, {"content-type": "application/json"}, b'{"input_tokens": 7}')
    elif ask == "json":
        h.whole(200, {"content-type": "application/json", "request-id": "req_9"}, JSON_ANSWER)
    elif ask == "long json":
        h.whole(200, {"content-type": "application/json"}, JSON_ANSWER + b" " * (20 * MB))
    elif ask == "call 202":
        call = dict(g.json_answer(), stop_reason="tool_use", content=[
            {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {}}])
        h.whole(202, {"content-type": "application/json"}, json.dumps(call).encode())
    elif ask.startswith("status"):
        h.whole(int(ask[6:]), {"content-type": "application/json", "retry-after": "3",
                               "location": "http://127.0.0.1:1/"}, b'{"type":"error"}')
    elif ask == "html":
        h.whole(200, {"content-type": "text/html"}, b"<html>")
    elif ask == "two types":
        h.send_response(200)
        h.send_header("content-type", "application/json")
        h.send_header("content-type", "text/event-stream")
        h.send_header("content-length", "0")
        h.end_headers()
    elif ask == "cut json":
        h.send_response(200)
        h.send_header("content-type", "application/json")
        h.send_header("content-length", "1000")
        h.end_headers()
        h.wfile.write(b'{"id":')
        h.cut()
    elif ask == "close":
        h.cut()
    elif ask == "silence":
        h.connection.settimeout(g.DEADLINE)
        ENDS.append("waiting")
        ENDS.append(h.connection.recv(1))
        h.close_connection = True
    else:
        play_stream(h, ask)


def play_stream(h, ask):
    h.start({"content-type": "text/event-stream; charset=utf-8", "request-id": "req_1"})
    if ask.endswith("our call"):
        events = g.call_events("mcp__pando_core__read-file", '{"path":"x"}')
    elif ask.endswith("call"):
        events = g.call_events("Bash", '{"command":"touch /tmp/x"}')
    elif ask == "flood":
        play_flood(h)
        return
    else:
        events = g.text_events(["h\u00e9", "llo"])
    for i, e in enumerate(events):
        if ask == "cut" and i == 3:
            h.cut()
            return
        if ask.startswith("gated") and i == 3:
            GATE.wait(g.DEADLINE)
        h.piece(e)
        SENT.append(len(e))
    h.end()


def flood_events():
    """Text until the test has seen enough, or more than all that the kernel keeps of a connection."""
    start, block, text, *rest = g.text_events(["x" * 8000])
    yield start
    yield block
    for _ in range(FLOOD_MAX // len(text)):
        if GATE.is_set():
            break
        yield text
    yield from rest


def play_flood(h):
    FLOODS.append(h.connection)
    try:
        for e in flood_events():
            h.piece(e)
            SENT.append(len(e))
        h.end()
        FLOODS.append("ended")
    except OSError as e:
        FLOODS.append("broken")
        raise e


def is_full(connection):
    """Whether the kernel takes no more from the provider."""
    return not select.select([], [connection], [], 0)[1]


def kept_by_the_kernel():
    """Bytes that it keeps of one connection at most, sent and not yet received, and received."""
    return sum(int(Path("/proc/sys/net/ipv4/tcp_%smem" % way).read_text().split()[2]) for way in "rw")


JSON_ANSWER = json.dumps(g.json_answer(), indent=1, ensure_ascii=False).encode()
STREAM = b"".join(g.text_events(["h\u00e9", "llo"]))
GATE = threading.Event()
SENT = []
ENDS = []
FLOODS = []  # the provider's connection, and how its stream ended
FLOOD_MAX = 64 * MB + 2 * kept_by_the_kernel()


def bytes_pass_unchanged(home, provider, run):
    # spacing, key order and escapes that a serialiser would not keep
    body = b'{ "model":"m",\t"max_tokens" : 1.50e1, "stream":true,\n"messages":[{"role":"user",' \
           b'"content":"caf\\u00e9 \xc3\xa9 / \\/"}] }'
    status, head, got = run.ask("/v1/messages?beta=true", body,
                                {"x-api-key": KEY, "anthropic-beta": "a,b", "x-odd": "\u00e9",
                                 "accept-encoding": "gzip, br"})
    method, path, seen, sent = provider.seen[-1]
    same(status, 200, "a stream passes: status")
    same(hashlib.sha256(got).hexdigest(), hashlib.sha256(STREAM).hexdigest(), "stream: bytes out as in")
    same(hashlib.sha256(sent).hexdigest(), hashlib.sha256(body).hexdigest(), "request: bytes out as in")
    same((method, path), ("POST", "/v1/messages?beta=true"), "request: path and query are kept")
    same(seen["x-api-key"], KEY, "request: the key is passed on")
    same((seen["anthropic-beta"], seen["x-odd"]), ("a,b", "\u00e9"), "request: headers are passed on")
    same(seen.get_all("accept-encoding"), ["identity"], "request: the answer is asked for uncompressed")
    same(seen["host"], "127.0.0.1:%d" % provider.port, "request: the host is the provider's")
    same(seen["user-agent"], None, "request: nothing is added to the client's headers")
    same(head["request-id"], "req_1", "answer: headers are passed on")
    same(head["content-type"], "text/event-stream; charset=utf-8", "answer: content type is passed on")
    status, head, got = run.ask("/v1/messages", g.ASK, {"x-play": "json"})
    same((status, got, head["request-id"]), (200, JSON_ANSWER, "req_9"), "a JSON answer passes unchanged")
    status, _, got = run.ask("/v1/messages/count_tokens?beta=true", g.ASK)
    same((status, got), (200, b'{"input_tokens": 7}'), "count_tokens passes")
    same(run.ask("/v1/models?limit=5", method="GET")[2], b'{"data":[]}', "models passes")
    same(provider.seen[-1][1], "/v1/models?limit=5", "models: path and query")
    log = home.log.read_text() + (home.path / "stderr").read_text()
    ok(KEY not in log and run.token not in log, "neither key nor token is in a log")


def one_connection_serves_many_requests(provider, run):
    c = run.open()
    data = json.dumps(g.ASK).encode()
    got = []
    for _ in range(3):
        c.request("POST", run.url("/v1/messages"), data)
        got.append(c.getresponse().read())
    c.close()
    same(got, [STREAM] * 3, "one connection serves three requests")


def a_body_may_come_in_chunks(provider, run):
    c = run.open()
    data = json.dumps(g.ASK).encode()
    c.request("POST", run.url("/v1/messages"), iter([data[:10], data[10:]]),
              {"transfer-encoding": "chunked"}, encode_chunked=True)
    same(c.getresponse().read(), STREAM, "a request in chunks is answered")
    c.close()
    same((provider.seen[-1][3], provider.seen[-1][2]["content-length"]), (data, str(len(data))),
         "... and goes on as a whole")


def codex_speaks_its_own_api(home, provider):
    run = home.register("codex")
    status, _, got = run.ask("/v1/responses", g.ASK_CODEX, {"authorization": "Bearer k"})
    same((status, got), (200, b"".join(g.responses_events())), "codex: a stream passes unchanged")
    same(provider.seen[-1][1], "/v1/responses", "codex: the upstream's path is not doubled")
    run.ask("/v1/models?client_version=1", method="GET")
    same(provider.seen[-1][1], "/v1/models?client_version=1", "codex: models")
    status, head, got = run.ask("/v1/messages", g.ASK)
    ok(status == 404 and b"pando-ai" in got, "codex may not use the other API", (status, got))
    c = run.open()
    c.request("GET", run.url("/v1/responses"), headers={
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
    same(c.getresponse().status, 426, "codex: a websocket is refused with 426")


def nobody_else_gets_in(home, provider, run):
    before = len(provider.seen)
    wrong = "/run/" + "0" * 64
    for raw, want in ((wrong + "/v1/messages", 403), ("/v1/messages", 403), ("/", 403),
                      ("/run/%s" % run.token[:-1], 403), ("/run/%sx/v1/messages" % run.token, 403),
                      (run.url("/v1/complete"), 404), (run.url("/v1/messages/"), 404),
                      (run.url("//v1/messages"), 404), (run.url("/v1/%6dessages"), 404),
                      (run.url("/v1/messages/../models"), 404), (run.url("/v1/responses"), 404)):
        status, head, got = run.ask("", g.ASK, raw=raw)
        shape = json.loads(got)
        ok(status == want and shape["type"] == "error" and "pando-ai" in shape["error"]["message"],
           "%d in the API's shape: %s" % (want, raw.replace(run.token, "T")), (status, got))
    status, _, got = run.ask("", g.ASK, raw=wrong + "/v1/responses")
    ok(status == 403 and b"pando-ai" in got, "403 for a responses path", (status, got))
    same(run.ask("/v1/messages", method="GET")[0], 404, "GET of a POST path is 404")
    same(run.ask("", method="HEAD")[0], 200, "claude's probe is answered")
    same(run.ask("/", method="HEAD")[0], 200, "claude's probe with a slash is answered")
    same(len(provider.seen), before, "none of these reached the provider")
    refused = home.lines("gateway_refused")
    ok(any("run" not in x for x in refused) and any(x.get("run") == run.id for x in refused),
       "refusals are in the log, with the run when there is one", refused)


def bodies_have_limits(provider, run):
    before = len(provider.seen)
    status, head, got = run.ask("/v1/messages", b"x" * (33 * MB))
    same(head["x-should-retry"], "false", "a refusal is not to be tried again")
    ok(status == 400 and b"33554432" in got, "a body above the limit is refused, with the limit",
       (status, got[:200]))
    status, _, got = run.ask("/v1/messages", b"{not json")
    same(status, 400, "what is not JSON is refused")
    with socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE) as s:
        s.sendall(("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
                   % (run.url("/v1/messages"), 1 << 40)).encode())
        same(s.recv(12), b"HTTP/1.1 400", "a length beyond all measure is refused unread")
    with socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE) as s:
        s.sendall(("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nx: %s\r\n\r\n"
                   % (run.url("/v1/messages"), "y" * 200000)).encode())
        same(s.recv(10), b"HTTP/1.1 4", "headers beyond the limit are refused")
    with socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE) as s:
        s.sendall(("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nb\xe4d name: 1\r\nContent-Length: 2\r\n\r\n{}"
                   % run.url("/v1/messages")).encode("latin-1"))
        same(s.recv(12), b"HTTP/1.1 400", "a malformed header is refused")
    same(len(provider.seen), before, "none of these reached the provider")


def policy_reaches_the_wire(home, provider, run):
    ask = dict(g.ASK, tools=[{"name": "Bash", "description": "d", "input_schema": {"type": "object"}},
                             {"name": "mcp__pando_core__read-file", "description": "d",
                              "input_schema": {"type": "object"}}])
    status, _, got = run.ask("/v1/messages", ask, {"x-play": "call"})
    names = [t["name"] for t in json.loads(provider.seen[-1][3])["tools"]]
    same((status, names), (200, ["mcp__pando_core__read-file"]), "an off-policy definition is taken out")
    ok(b"tool_use" not in got.replace(b'"stop_reason": "tool_use"', b"") and b"Bash" in got,
       "an off-policy call is replaced by a text", got)
    for name in ("gateway_definition_stripped", "gateway_call_replaced"):
        lines = [x for x in home.lines(name) if x["run"] == run.id]
        ok(len(lines) == 1 and lines[0]["tool"] == "Bash" and lines[0]["verdict"] == "deny" and
           lines[0]["agent"] == "claude" and lines[0]["agent_version"] == "1.2.3" and
           lines[0]["root"] == str(home.root) and lines[0]["api"] == "messages" and
           lines[0]["layer"] == "gateway" and lines[0]["mode"] == "enforce" and lines[0]["rule"],
           "%s is in the log with run, agent, tool and rule" % name, lines)
    same(home.lines("gateway_call_replaced")[0]["call_id"], "toolu_1", "the log has the call's id")
    ok(len(home.lines("gateway_call_replaced")[0]["args_sha256"]) == 64, "... and its arguments' hash")
    ok("/tmp/x" not in home.log.read_text(), "... and not its arguments")
    status, _, got = run.ask("/v1/messages", ask, {"authorization": "Bearer sk-ant-oat01-x"})
    ok(status == 400 and b"Bash" in got, "with a login the body is never edited, but refused", (status, got))


def audit_changes_nothing(home, provider):
    home.policy.write_text(home.policy.read_text() + 'claude = "audit"\n')
    run = home.register()
    ask = dict(g.ASK, tools=[{"name": "Bash", "description": "d", "input_schema": {"type": "object"}}])
    _, _, got = run.ask("/v1/messages", ask, {"x-play": "call"})
    same(json.loads(provider.seen[-1][3]), ask, "audit: the request passes as it is")
    same(got, b"".join(g.call_events("Bash", '{"command":"touch /tmp/x"}')), "audit: the call passes")
    lines = [x for x in home.lines() if x.get("run") == run.id and x.get("tool") == "Bash"]
    ok(lines and all(x["mode"] == "audit" for x in lines), "audit: the log tells what would be done", lines)
    home.policy.write_text(home.policy.read_text().replace('"audit"', '"off"'))
    off = home.register()
    status, _, got = off.ask("/v1/messages", g.ASK)
    ok(status == 400 and b"turns the gateway off" in got, "off: nothing passes unseen", (status, got))


def answers_that_cannot_be_checked(provider, run):
    for play, want in (("html", b"text/html"), ("two types", b"type"),
                       ("status307", b"redirects")):
        status, head, got = run.ask("/v1/messages", g.ASK, {"x-play": play})
        ok(status == 400 and want in got and head["location"] is None,
           "refused with the reason: %s" % play, (status, got))
    status, _, got = run.ask("/v1/messages", g.ASK, {"x-play": "call 202"})
    ok(status == 202 and b"tool_use" not in got and b"Bash" in got,
       "any success is inspected, not only 200", (status, got))
    for status in (400, 429, 500, 529):
        got = run.ask("/v1/messages", g.ASK, {"x-play": "status%d" % status})
        ok(got[0] == status and got[1]["retry-after"] == "3" and got[2] == b'{"type":"error"}',
           "the provider's %d passes with its headers" % status, got)


def provider_failures(home, run):
    status, head, got = run.ask("/v1/messages", g.ASK, {"x-play": "close"})
    ok(status == 502 and b"127.0.0.1" in got and head["x-should-retry"] is None,
       "no answer: 502 that names the provider and may be tried again", (status, got))
    same(run.ask("/v1/messages", g.ASK, {"x-play": "cut json"})[0], 502, "half a JSON answer is a 502")
    status, _, got = run.ask("/v1/messages", g.ASK, {"x-play": "cut"})
    ok(got[0] == "cut" and b"message_stop" not in got[1],
       "a stream cut by the provider is cut for the client", (status, got))


def nobody_listens(build):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        home = g.Home(build, s.getsockname()[1])
        home.start()
        status, _, got = home.register().ask("/v1/messages", g.ASK)
        text = json.loads(got)["error"]["message"]
        ok(status == 502 and str(s.getsockname()[1]) in text and "policy.toml" in text,
           "provider down: 502, the text names the address and the file", (status, text))
        home.close()


def certificates_are_checked(build, plain):
    folder = tempfile.mkdtemp(prefix="gwtls")
    cert, key = folder + "/cert.pem", folder + "/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    secure = g.Provider(answer, (cert, key))
    for what, port, env, want, text in (
            ("no TLS at an https address", plain.port, {}, 502, b"SSL"),
            ("an unknown certificate", secure.port, {}, 502, b"certificate"),
            ("a known certificate", secure.port, {"SSL_CERT_FILE": cert}, 200, b"message_stop")):
        home = g.Home(build, 0)
        home.policy.write_text(g.UNATTENDED + '[proxy]\nanthropic_upstream = "https://127.0.0.1:%d"\n' % port)
        home.start(**env)
        before = len(secure.seen)
        status, _, got = home.register().ask("/v1/messages", g.ASK)
        ok(status == want and text in got, "%s: %d" % (what, want), (status, got))
        same(len(secure.seen) - before, int(want == 200), "%s: what the provider saw" % what)
        home.close()
    secure.close()
    shutil.rmtree(folder)


def proxies_are_used_but_not_for_loopback(build, provider):
    """A proxy that takes CONNECT shows itself; a provider on this machine is asked directly."""
    asked = []

    def on_connect(h):
        asked.append(h.path)
        h.whole(403, {}, b"")
    proxy = g.Provider(on_connect)
    env = {n: "http://127.0.0.1:%d" % proxy.port for n in ("https_proxy", "http_proxy", "ALL_PROXY")}
    home = g.Home(build, provider.port)
    home.start(**env)
    same(home.register().ask("/v1/messages", g.ASK)[2], STREAM, "a loopback provider: no proxy")
    home.policy.write_text(g.UNATTENDED + '[proxy]\nanthropic_upstream = "https://provider.invalid"\n')
    status, _, got = home.register().ask("/v1/messages", g.ASK)
    ok(status == 502 and b"provider.invalid" in got, "a proxy that refuses: 502", (status, got))
    same(asked, ["provider.invalid:443"], "any other provider: by the proxy")
    home.close()
    proxy.close()


def text_flows_at_once(run):
    GATE.clear()
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK), {"x-play": "gated"})
    r = c.getresponse()
    first = b""
    want = b"".join(list(g.text_events(["h\u00e9", "llo"]))[:3])
    while len(first) < len(want):
        first += r.read1(65536)
    same(first, want, "events reach the client while the provider still waits")
    GATE.set()
    same(first + r.read(), STREAM, "... and so does the rest")
    c.close()


def rss(pid):
    return int([x for x in Path("/proc/%d/status" % pid).read_text().splitlines()
                if x.startswith("VmRSS")][0].split()[1]) // 1024


def slow_readers_cost_little(home, run):
    """The client does not read: the provider is held back, and its bytes are not kept in memory."""
    GATE.clear()
    SENT.clear()
    FLOODS.clear()
    before = rss(home.gateway.pid)
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK), {"x-play": "flood"})
    r = c.getresponse()
    seen = []

    def stands_still():
        seen.append(len(SENT) if FLOODS and is_full(FLOODS[0]) else -len(seen) - 1)
        threading.Event().wait(0.05)
        return len(set(seen[-5:])) == 1 and len(seen) >= 5 or len(FLOODS) > 1
    ok(g.until(stands_still) and len(FLOODS) == 1, "the provider is paused for a slow reader",
       (sum(SENT), FLOOD_MAX))
    grown = rss(home.gateway.pid) - before
    ok(grown < 16 or "asan" in str(home.program), "memory stays bounded (grew by %d MB)" % grown, grown)
    GATE.set()
    got = len(r.read())
    ok(g.until(lambda: FLOODS[1:] == ["ended"]), "then it goes on to its end", FLOODS)
    same(got, sum(SENT), "the slow reader gets all of it in the end")
    c.close()


def requests_sent_ahead_wait(run):
    """Two requests in one write, the second before the first is answered, then much more."""
    GATE.clear()
    data = json.dumps(g.ASK).encode()
    one = ("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nx-play: gated\r\nContent-Length: %d\r\n\r\n"
           % (run.url("/v1/messages"), len(data))).encode() + data
    with socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE) as s:
        s.sendall(one)
        s.recv(1)
        s.sendall(one)
        GATE.set()
        got = b""
        while got.count(b"message_stop") < 4:  # each stream names it twice
            more = s.recv(65536)
            if not more:
                break
            got += more
        same(got.count(b"TTP/1.1 200"), 2, "a request sent ahead is answered after the first")
    GATE.clear()
    with socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE) as s:
        s.sendall(one)
        s.recv(1)
        s.setblocking(False)
        sent, stuck = 0, 0
        while sent < 64 * MB and stuck < 20:
            try:
                sent += s.send(b"x" * 65536)
                stuck = 0
            except BlockingIOError:
                stuck += 1
                threading.Event().wait(0.01)
        ok(sent < 64 * MB, "what is sent ahead is not read without limit", sent)
    GATE.set()
    same(run.ask("", method="HEAD")[0], 200, "... and the gateway goes on")


def what_comes_while_an_answer_waits_is_bounded(run):
    """Up to a whole request is read; a client that says more than that must read first."""
    data = json.dumps(g.ASK).encode()
    head = "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nx-play: long json\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", run.port)) as s:
        s.settimeout(g.DEADLINE)
        s.sendall((head % (run.url("/v1/messages"), len(data))).encode() + data)
        s.recv(1)
        s.settimeout(1)
        sent, limit = 0, 150
        try:
            while sent < limit:
                s.sendall(b"x" * MB)
                sent += 1
        except socket.timeout:
            pass
    ok(sent < limit, "what a client sends while its answer waits is bounded", sent)
    same(run.ask("/v1/messages", g.ASK)[2], STREAM, "... and the gateway goes on")


def a_client_that_leaves(home, run):
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK), {"x-play": "silence"})
    g.until(lambda: ENDS)
    c.close()
    g.until(lambda: len(ENDS) > 1)
    same(ENDS, ["waiting", b""], "when the client leaves before the answer, the request is cancelled")
    GATE.clear()
    FLOODS.clear()
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK), {"x-play": "flood"})
    c.getresponse().read1(100)
    c.close()
    g.until(lambda: len(FLOODS) > 1)
    same(FLOODS[1:], ["broken"], "when the client leaves, the provider's stream ends")
    same(run.ask("/v1/messages", g.ASK)[2], STREAM, "... and the gateway goes on")


def a_log_that_goes_in_mid_stream(home, run, play):
    GATE.clear()
    c = run.open()
    c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK), {"x-play": play})
    r = c.getresponse()
    first = r.read1(1)
    home.log.rename(str(home.log) + ".gone")
    home.log.mkdir()
    GATE.set()
    got = first + r.read()
    home.log.rmdir()
    return got


def of_one_turn(home, run, plays):
    """Requests that the gateway finds all at once: it sleeps until the last one was sent."""
    crowd = [run.open() for _ in plays]
    for c in crowd:  # its connection is there already
        c.request("HEAD", run.url(""))
        c.getresponse().read()
    os.kill(home.gateway.pid, signal.SIGSTOP)
    try:
        for c, play in zip(crowd, plays):
            c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK), {"x-play": play})
    finally:
        os.kill(home.gateway.pid, signal.SIGCONT)
    got = [(r.status, r.read()) for r in (c.getresponse() for c in crowd)]
    for c in crowd:
        c.close()
    return got


def decisions_of_one_turn_are_written_together(home, provider, run):
    before, seen = len(home.lines("gateway_request")), len(provider.seen)
    plays = ["", "json", "call", "our call"] * 4
    got = of_one_turn(home, run, plays)
    same([s for s, _ in got], [200] * len(plays), "requests of one turn all pass")
    ok(all(b == STREAM for (_, b), play in zip(got, plays) if play == ""), "... each with its own answer", got)
    ok(all(b"blocked Bash" in b and b"message_stop" in b for (_, b), play in zip(got, plays) if play == "call"),
       "... a denied call is replaced", got)
    ok(all(b"read-file" in b and b"message_stop" in b for (_, b), play in zip(got, plays) if play == "our call"),
       "... one that is allowed is released", got)
    same(len(provider.seen) - seen, len(plays), "... the provider has seen each once")
    same(len(home.lines("gateway_request")) - before, len(plays), "... and each has its line")


def without_a_log_nothing_passes(home, provider, run):
    before = len(provider.seen)
    decision_logs.keep(home.path)
    home.spoilt = True  # from here on lines are missing
    home.log.rename(str(home.log) + ".away")
    home.log.mkdir()
    status, head, got = run.ask("/v1/messages", g.ASK)
    ok(status == 400 and b"decision" in got and str(home.log).encode() in got,
       "the log cannot be written: refused, and the text names the file", (status, got))
    got = of_one_turn(home, run, [""] * 8)
    ok(all(s == 400 and b"decision" in b for s, b in got), "... likewise each of those that share a turn", got)
    same(len(provider.seen), before, "... and nothing reached the provider")
    home.log.rmdir()
    got = a_log_that_goes_in_mid_stream(home, run, "gated our call")
    ok(b"event: error" in got and str(home.log).encode() in got and b"message_stop" not in got,
       "in mid-stream: an error event, and nothing of the call", got)
    got = a_log_that_goes_in_mid_stream(home, run, "gated call")
    ok(b"event: error" not in got and b"blocked Bash" in got and b"touch" not in got,
       "a denied call is replaced with its own reason", got)
    same(run.ask("/v1/messages", g.ASK)[2], STREAM, "with the log back it goes on")


def main():
    build = g.build()
    provider = g.Provider(answer)
    home = g.Home(build, provider.port)
    with g.stage(home, provider):
        run = home.register()
        bytes_pass_unchanged(home, provider, run)
        one_connection_serves_many_requests(provider, run)
        a_body_may_come_in_chunks(provider, run)
        codex_speaks_its_own_api(home, provider)
        nobody_else_gets_in(home, provider, run)
        bodies_have_limits(provider, run)
        policy_reaches_the_wire(home, provider, run)
        answers_that_cannot_be_checked(provider, run)
        provider_failures(home, run)
        nobody_listens(build)
        certificates_are_checked(build, provider)
        proxies_are_used_but_not_for_loopback(build, provider)
        text_flows_at_once(run)
        slow_readers_cost_little(home, run)
        requests_sent_ahead_wait(run)
        what_comes_while_an_answer_waits_is_bounded(run)
        a_client_that_leaves(home, run)
        decisions_of_one_turn_are_written_together(home, provider, run)
        without_a_log_nothing_passes(home, provider, run)
        audit_changes_nothing(home, provider)
    g.done()


if __name__ == "__main__":
    main()
