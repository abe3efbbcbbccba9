#!/usr/bin/env python3
"""The Responses API over a WebSocket: what passes, what is stopped, and what happens when an end breaks."""
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
import gateway_upgrade
from _gateway import ok, same

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "provider"))
import provider_websocket as ws

KEY = "sk-verysecretkeyverysecretkey"
POLICY = "websocket = true\n"
CREATE = {"type": "response.create", "model": "m", "store": False, "input": g.ASK_CODEX["input"]}
NATIVE = {"type": "function", "name": "exec_command", "parameters": {"type": "object"}}
OURS = {"type": "namespace", "name": "mcp__pando_core", "description": "d", "tools": [
    {"type": "function", "name": "read_file", "parameters": {"type": "object"}}]}


def data_of(events):
    return [json.loads(e.split(b"data: ", 1)[1]) for e in events]


def call(name, namespace=None, arguments="{}"):
    item = dict({"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": name,
                 "arguments": arguments, "status": "completed"},
                **({"namespace": namespace} if namespace else {}))
    return [{"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "output": []}},
            {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0,
             "item": dict(item, arguments="", status="in_progress")},
            {"type": "response.function_call_arguments.delta", "sequence_number": 2, "item_id": "fc_1",
             "output_index": 0, "delta": arguments},
            {"type": "response.function_call_arguments.done", "sequence_number": 3, "item_id": "fc_1",
             "output_index": 0, "arguments": arguments},
            {"type": "response.output_item.done", "sequence_number": 4, "output_index": 0, "item": item},
            {"type": "response.completed", "sequence_number": 5,
             "response": {"id": "resp_1", "output": [item], "usage": {"total_tokens": 3}}}]


TEXT = data_of(g.responses_events())


class Provider(g.Provider):
    """Speaks WebSocket on GET .../responses as `play` says; keeps messages and handshakes."""

    def __init__(self, tls=None):
        self.messages, self.shakes, self.ends = [], [], []
        self.play, self.status, self.deflate, self.pieces = None, 101, True, 1
        super().__init__(self.answer, tls)

    def answer(self, h):
        self.shakes.append(h.headers)
        if self.status != 101:
            h.whole(self.status, {"content-type": "application/json"}, b'{"error":{"message":"no"}}')
            return
        offer = h.headers.get("sec-websocket-extensions", "")
        deflate = self.deflate and "permessage-deflate" in offer
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
               "Sec-WebSocket-Accept: %s\r\nopenai-model: m-1\r\n" % ws.accept(h.headers["sec-websocket-key"])
        if deflate:
            head += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        h.wfile.write((head + "\r\n").encode())
        h.wfile.flush()
        h.close_connection = True
        s = ws.WebSocket(h.rfile.read, lambda b: (h.wfile.write(b), h.wfile.flush()), False, deflate)
        try:
            while True:
                text = s.recv()
                self.messages.append(text)
                (self.play or Provider.say_text)(self, h, s, json.loads(text))
        except ws.Closed as end:
            self.ends.append(end.args)
        except OSError:
            self.ends.append(("broken",))
        self.packed = s.compressed

    def say(self, s, events):
        for e in events:
            s.send(json.dumps(e), self.pieces)

    def say_text(self, h, s, ask):
        self.say(s, TEXT)


class Client:
    def __init__(self, run, deflate=False, head=None, path="/v1/responses"):
        self.socket = socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = ws.new_key()
        fields = dict({"Host": "127.0.0.1:%d" % run.port, "Upgrade": "websocket", "Connection": "Upgrade",
                       "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key,
                       "authorization": "Bearer " + KEY, "openai-beta": "responses_websockets=2026-02-06",
                       "session-id": "s", "thread-id": "s"}, **(head or {}))
        if deflate:
            fields["Sec-WebSocket-Extensions"] = "permessage-deflate; client_max_window_bits"
        self.socket.sendall(("GET %s HTTP/1.1\r\n%s\r\n" % (
            run.url(path), "".join("%s: %s\r\n" % x for x in fields.items()))).encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.head = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            self.head[name.lower()] = value.strip()
        if self.status != 101:
            self.body = self.file.read(int(self.head["content-length"]))
            return
        same(self.head["sec-websocket-accept"], ws.accept(key), "the key is answered")
        self.ws = ws.WebSocket(self.file.read, self.socket.sendall, True,
                               "sec-websocket-extensions" in self.head)

    def ask(self, request, pieces=1):
        """All events up to the last one of the answer."""
        self.ws.send(request if isinstance(request, (str, bytes)) else json.dumps(request), pieces)
        return self.answer()

    def answer(self):
        got = []
        while True:
            e = json.loads(self.ws.recv())
            got.append(e)
            if e["type"] in ("response.completed", "response.failed", "response.incomplete", "error"):
                return got

    def closed(self):
        """How the connection ends, what still comes before that is dropped."""
        try:
            while True:
                self.ws.recv()
        except ws.Closed as end:
            return end.args

    def end(self):
        self.file.close()
        self.socket.close()


def the_switch_is_off_by_default(build):
    provider = Provider()
    home = g.Home(build, provider.port)
    home.start()
    c = Client(home.register("codex"))
    ok(c.status == 426 and b"websocket = true" in c.body, "off: 426 that says how to turn it on",
       (c.status, c.body))
    c.end()
    same(provider.shakes, [], "off: nothing reached the provider")
    home.close()
    provider.close()


def what_policy_leaves_alone_passes(provider, run):
    for deflate in (False, True):
        for pieces in (1, 3):
            provider.deflate, provider.pieces = deflate, pieces
            c = Client(run, deflate)
            same((c.status, c.head.get("sec-websocket-extensions"), c.head["openai-model"]),
                 (101, "permessage-deflate" if deflate else None, "m-1"), "the handshake")
            text = json.dumps(dict(CREATE, odd="h\u00e9"), indent=2, ensure_ascii=False)
            same(c.ask(text, pieces), TEXT, "an answer, event for event")
            same(provider.messages[-1], text, "a request, byte for byte")
            same(c.ask(CREATE), TEXT, "a second one on the same connection")
            c.ws.close(1000, "bye")
            same(c.closed(), (1000, ""), "closed")
            c.end()
            g.until(lambda: provider.ends)
            same((provider.ends.pop(), provider.packed), ((1000, ""), 2 if deflate else 0),
                 "the provider knows; messages to it were compressed: %s" % deflate)
    seen = provider.shakes[-1]
    same((seen["authorization"], seen["openai-beta"], seen.get_all("upgrade"), seen["host"]),
         ("Bearer " + KEY, "responses_websockets=2026-02-06", ["websocket"], "127.0.0.1:%d" % provider.port),
         "headers reach the provider")
    provider.deflate, provider.pieces = True, 1


def policy_reaches_the_wire(home, provider, run):
    for deflate in (False, True):
        provider.play = lambda p, h, s, ask: p.say(s, call("exec_command", arguments='{"cmd":"touch x"}'))
        c = Client(run, deflate)
        got = c.ask(dict(CREATE, tools=[NATIVE, OURS]))
        same(json.loads(provider.messages[-1])["tools"], [OURS], "a definition is taken out")
        text = json.dumps(got)
        ok("function_call" not in text and "blocked exec_command" in text and "touch x" not in text,
           "a call is replaced", got)
        provider.play = lambda p, h, s, ask: p.say(s, call("read_file", "mcp__pando_core"))
        same(c.ask(CREATE), call("read_file", "mcp__pando_core"), "a call that is allowed passes")
        c.end()
    lines = [x["event"] for x in home.lines() if x.get("run") == run.id]
    for event, n in (("gateway_definition_stripped", 2), ("gateway_call_replaced", 2),
                     ("gateway_call_allowed", 2)):
        same(lines.count(event), n, "the log has %s" % event)
    ok(KEY not in home.log.read_text(), "the log has no key")
    provider.play = None


def a_refused_request_leaves_the_connection(provider, run):
    c = Client(run)
    before = len(provider.messages)
    for text, want in (("{not json", "refused the request"), ("[]", "refused the request"),
                       ('{"type":"session.update"}', "session.update"),
                       (json.dumps(dict(CREATE, previous_response_id="resp_9")), "previous_response_id")):
        got = c.ask(text)
        ok(len(got) == 1 and got[0]["type"] == "error" and got[0]["status"] == 400 and
           want in got[0]["error"]["message"] and
           (got[0]["error"]["code"] == "previous_response_not_found") == (want == "previous_response_id"),
           "refused with a reason: %s" % text[:30], got)
    same(len(provider.messages), before, "none of these reached the provider")
    same(c.ask(CREATE), TEXT, "and it goes on")
    same(c.ask(dict(CREATE, previous_response_id="resp_1")), TEXT,
         "an answer that passed here may be stood on")
    c.end()


def broken_bytes_are_told(provider, run):
    for raw, code in ((b"\x81\x01x", 1002), (b"\x83\x80mask", 1002), (b"\x82\x80mask", 1003),
                      (b"\x81\xff\x00\x00\x00\x00\x10\x00\x00\x00mask", 1009), (b"\x89\x80m", None)):
        c = Client(run)
        c.socket.sendall(raw)
        if code is None:
            c.socket.sendall(b"ask")
            same(c.ws.message(), (ws.PONG, b""), "a ping is answered")
        else:
            same(c.closed()[0], code, "a bad frame closes with %d" % code)
        c.end()
    c = Client(run)
    c.socket.sendall(c.ws.frame(1, b'{"type":', fin=False) + c.ws.frame(9, b"between") +
                     c.ws.frame(0, b'"response.create","input":[]}'))
    same((c.ws.message(), c.answer()), ((ws.PONG, b"between"), TEXT), "a ping between fragments")
    c.end()


def the_provider_may_break(provider, run):
    def cut(p, h, s, ask):
        p.say(s, call("exec_command")[:3])
        h.cut()
        raise ws.Closed("cut")
    provider.play = cut
    c = Client(run)
    got = c.ask(CREATE)
    ok(got[-1]["type"] == "response.failed" and "function_call" not in json.dumps(got[1:-1]),
       "cut off with a held call: an error, and nothing of the call", got)
    same(c.closed()[0], 1011, "cut off: closed")
    c.end()
    provider.play = lambda p, h, s, ask: s.close(1013, "later")
    c = Client(run)
    c.ws.send(json.dumps(CREATE))
    same(c.closed(), (1013, "later"), "closed by the provider: passed on")
    c.end()
    provider.play = lambda p, h, s, ask: s.send("no json")
    c = Client(run)
    got = c.ask(CREATE)
    ok(got[-1]["type"] == "response.failed", "what cannot be read ends it", got)
    same(c.closed()[0], 1008, "what cannot be read: closed")
    c.end()
    provider.play = lambda p, h, s, ask: h.wfile.write(b"\x83\x00")
    c = Client(run)
    c.ws.send(json.dumps(CREATE))
    same(c.closed()[0], 1011, "a bad frame of the provider's")
    c.end()
    provider.play = None


def no_provider_no_socket(home, provider, run):
    for status in (401, 404, 426, 500, 200):
        provider.status = status
        c = Client(run)
        ok(c.status == 426 and b"status %d" % status in c.body, "the provider says %d: 426" % status,
           (c.status, c.body))
        c.end()
    provider.status = 101
    c = Client(run, head={"Sec-WebSocket-Version": "8"})
    same(c.status, 426, "another version")
    c.end()
    c = Client(run, path="/v1/models")
    same(c.status, 426, "another path")
    c.end()
    same(run.ask("/v1/responses", method="GET")[0], 404, "without an upgrade there is no such path")


def big_and_many(provider, run):
    big = dict(CREATE, input=[{"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "x" * (10 << 20)}]}])
    long = dict(TEXT[2], delta="y" * (10 << 20))
    provider.play = lambda p, h, s, ask: p.say(s, [TEXT[0], TEXT[1], long] + TEXT[3:])
    for deflate in (False, True):
        c = Client(run, deflate)
        if deflate:  # a bomb by its ratio
            c.ws.send(json.dumps(big))
            same(c.closed()[0], 1009, "10 MB that were 10 KB are refused")
        else:
            same(len(c.ask(big)), len(TEXT), "10 MB each way")
            same(len(provider.messages[-1]), len(json.dumps(big)), "all of it")
        c.end()
    provider.play = lambda p, h, s, ask: h.wfile.write(
        s.frames(json.dumps(TEXT[0])) + s.frames(json.dumps(TEXT[1])) +
        b"".join(s.frames(json.dumps(TEXT[2])) for _ in range(100000)) +
        b"".join(s.frames(json.dumps(e)) for e in TEXT[3:]))
    c = Client(run)
    same(len(c.ask(CREATE)), 100000 + len(TEXT) - 1, "100,000 tiny messages")
    c.end()
    provider.play = None


def slow_readers_cost_little(home, provider, run):
    sent = []

    def flood(p, h, s, ask):
        for _ in range(2000):
            s.send(json.dumps(dict(TEXT[2], delta="z" * 20000)))
            sent.append(1)
    provider.play, provider.deflate = flood, False
    before = memory(home)
    c = Client(run)
    c.ws.send(json.dumps(CREATE))
    g.until(lambda: len(sent) > 50)
    last = -1
    while last != len(sent):  # it stands still when all pipes are full
        last = len(sent)
        time.sleep(0.3)
    ok(len(sent) < 2000, "the provider has to wait", len(sent))
    ok(memory(home) - before < 8 << 20, "and memory stays", memory(home) - before)
    c.end()
    ok(g.until(lambda: provider.ends and provider.ends[-1] == ("broken",)), "a client that leaves ends it",
       provider.ends[-1:])
    provider.play, provider.deflate = None, True


def memory(home):
    for line in open("/proc/%d/status" % home.gateway.pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    return 0


def resets_at_every_point(home, provider, run):
    """A client that breaks off after so many bytes, at once and hard, leaves nothing behind."""
    c = Client(run)
    message = c.ws.frames(json.dumps(CREATE))
    c.end()
    for n in range(0, len(message) + 1, 7):
        c = Client(run)
        c.socket.sendall(message[:n])
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.end()
    c = Client(run)
    same(c.ask(CREATE), TEXT, "and it goes on")
    c.end()
    ok(g.until(lambda: sockets(home) <= 8), "no connection is left", sockets(home))


def many_are_too_many(run):
    """Each may hold a message of 32 MB that does not end; codex then uses POST."""
    crowd = [Client(run) for _ in range(33)]
    same([c.status for c in crowd], [101] * 32 + [426], "one more than 32 at a time is asked to use POST")
    ok(b"too many WebSockets" in crowd[-1].body, "which says why", crowd[-1].body)
    for c in crowd:
        c.end()
    ok(g.until(lambda: again(run)), "there is room again when they have gone")


def again(run):
    c = Client(run)
    c.end()
    return c.status == 101


def a_handshake_has_no_body(home, run):
    """The bytes of one would be read again when the connection changes hands."""
    for what, field, body in (("a short one", "Content-Length: 5", b"hello"),
                              ("chunks", "Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
                              ("more than is taken", "Transfer-Encoding: chunked", b"40000000\r\n" + b"A" * (33 << 20))):
        s = socket.create_connection(("127.0.0.1", run.port), timeout=g.DEADLINE)
        s.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nauthorization: Bearer %s\r\n%s\r\n\r\n" % (
                       run.url("/v1/responses"), ws.new_key(), KEY, field)).encode())
        try:
            s.sendall(body)
        except OSError:
            pass  # it has heard enough
        same(s.makefile("rb").readline().split()[1:2], [b"400"], "a handshake with a body, %s, is refused" % what)
        s.close()
    c = Client(run)
    same(c.ask(CREATE), TEXT, "and it goes on")
    c.end()


def sockets(home):
    return sum(1 for fd in Path("/proc/%d/fd" % home.gateway.pid).iterdir() if is_socket(fd))


def is_socket(fd):
    try:
        return str(fd.readlink()).startswith("socket:")
    except OSError:
        return False


def over_tls(build):
    """wss: the authority is the person's, from the environment."""
    home = g.Home(build, 1)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(home.path / "key.pem"),
                    "-out", str(home.path / "cert.pem")], check=True, capture_output=True)
    provider = Provider((str(home.path / "cert.pem"), str(home.path / "key.pem")))
    home.policy.write_text('[proxy]\nopenai_upstream = "https://127.0.0.1:%d/v1"\n%s' %
                           (provider.port, POLICY + g.UNATTENDED))
    home.start(SSL_CERT_FILE=str(home.path / "cert.pem"))
    c = Client(home.register("codex"), True)
    same(c.status, 101, "wss: opened")
    big = json.dumps(dict(CREATE, instructions="".join("%d " % i for i in range(400000))))
    same(c.ask(big), TEXT, "wss: an answer")
    same(provider.messages[-1], big, "wss: 2.7 MB, byte for byte")
    c.end()
    same(home.stop(), 0, "wss: the gateway ends well")
    stranger = g.Home(build, 1)
    stranger.policy.write_text(home.policy.read_text())
    stranger.start()
    c = Client(stranger.register("codex"))
    ok(c.status == 426 and b"certificate" in c.body, "wss: an unknown authority is refused", (c.status, c.body))
    c.end()
    stranger.close()
    home.close()
    provider.close()


def an_upgrade_in_place_ends_it_behind_its_answer(build):
    provider, gate = Provider(), threading.Event()

    def gated(p, h, s, ask):
        p.say(s, TEXT[:3])
        gate.wait(g.DEADLINE)
        p.say(s, TEXT[3:])
    provider.play = gated
    home = gateway_upgrade.Installed(build, provider.port)
    home.policy.write_text(home.policy.read_text() + POLICY)
    home.start()
    old, run = home.pid(), home.register("codex")
    busy, idle = Client(run), Client(run)
    busy.ws.send(json.dumps(CREATE))
    got = [json.loads(busy.ws.recv()) for _ in range(3)]
    home.install(home.original.read_bytes())
    home.register("codex")
    ok(home.another(old), "upgrade: a new gateway is there")
    same(idle.closed()[0], 1001, "upgrade: one that waits for nothing is closed")
    gate.set()
    same(got + busy.answer(), TEXT, "upgrade: an answer under way ends first")
    same(busy.closed()[0], 1001, "upgrade: then it is closed")
    ok(g.until(lambda: home.gateway.poll() is not None), "upgrade: and the old gateway ends")
    for c in (busy, idle):
        c.end()
    home.close()
    provider.close()


def a_log_that_comes_back(home, provider, run):
    """What cannot be recorded is not sent, nor refused any longer than that."""
    c = Client(run)
    same(c.ask(CREATE), TEXT, "a request that is recorded")
    kept = home.log.with_name("kept")
    home.log.rename(kept)
    home.log.mkdir()
    n = len(provider.messages)
    for ask in (CREATE, "{"):
        got = c.ask(ask)
        ok(len(got) == 1 and got[0]["type"] == "error", "no log: an error", got)
    ok("could not be recorded" in c.ask(CREATE)[0]["error"]["message"], "... that says so")
    same(len(provider.messages), n, "... and nothing reaches the provider")
    home.log.rmdir()
    kept.rename(home.log)
    same(c.ask(CREATE), TEXT, "the log is back: the same connection goes on")
    c.end()


def main():
    build = g.build()
    the_switch_is_off_by_default(build)
    over_tls(build)
    an_upgrade_in_place_ends_it_behind_its_answer(build)
    provider = Provider()
    home = g.Home(build, provider.port, POLICY)
    with g.stage(home, provider):
        run = home.register("codex")
        what_policy_leaves_alone_passes(provider, run)
        policy_reaches_the_wire(home, provider, run)
        a_refused_request_leaves_the_connection(provider, run)
        a_log_that_comes_back(home, provider, run)
        broken_bytes_are_told(provider, run)
        the_provider_may_break(provider, run)
        no_provider_no_socket(home, provider, run)
        big_and_many(provider, run)
        slow_readers_cost_little(home, provider, run)
        resets_at_every_point(home, provider, run)
        a_handshake_has_no_body(home, run)
        many_are_too_many(run)
    g.done()


if __name__ == "__main__":
    main()
