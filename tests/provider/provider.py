#!/usr/bin/env python3
"""Stand-in for the model providers: Anthropic Messages and OpenAI Responses from one script.

Loopback only, standard library only, Python 3.9 or newer. See README.md beside it.
"""
import sys

sys.dont_write_bytecode = True

import argparse
import gzip
import json
import os
import random
import select
import signal
import socket
import ssl
import struct
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import provider_messages
import provider_responses
import provider_script
import provider_websocket

BODY_MAX = 64 << 20
IDLE_SECONDS = 120
DIALECTS = {"messages": provider_messages, "responses": provider_responses}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Gone(Exception):
    """The client went away, or we chose to cut the connection."""


class Recorder:
    """One JSON line per request, whole bodies as files."""

    def __init__(self, log, bodies):
        self.lock, self.log, self.bodies, self.n = threading.Lock(), log, bodies, 0
        if bodies:
            os.makedirs(bodies, exist_ok=True)

    def number(self):
        with self.lock:
            self.n += 1
            return self.n

    def body(self, n, path, data):
        if not self.bodies or not data:
            return None
        name = "%04d_%s.json" % (n, path.strip("/").replace("/", "_")[-80:] or "root")
        with open(os.path.join(self.bodies, name), "wb") as f:
            f.write(data)
        return name

    def line(self, record):
        record["t"] = round(time.time(), 6)
        if self.log:
            with self.lock, open(self.log, "a", encoding="utf-8") as f:
                f.write(json.dumps(record) + "\n")


class Failures:
    """How often each turn has misbehaved, for "times"."""

    def __init__(self):
        self.lock, self.seen = threading.Lock(), {}

    def still(self, number, turn):
        if "times" not in turn:
            return True
        with self.lock:
            self.seen[number] = self.seen.get(number, 0) + 1
            return self.seen[number] <= turn["times"]


def decoded(raw, encoding):
    encoding = (encoding or "identity").strip().lower()
    if encoding == "gzip":
        return gzip.decompress(raw)
    if encoding == "deflate":
        return zlib.decompress(raw)
    if encoding != "identity":
        raise ValueError("content-encoding %s is not supported" % encoding)
    return raw


def is_aux(dialect, headers, tools):
    """A request that the client makes for itself (a title, a compaction), not for the person."""
    agent = headers.get("user-agent", "").lower()
    meta = headers.get("x-codex-turn-metadata", "")
    if "thread_title" in meta or '"compaction"' in meta.replace(" ", ""):
        return True
    client = "claude-cli" if dialect == "messages" else "codex"
    return client in agent and not tools


def dialect_of(path, headers):
    """The path says it; for paths that both have, the header that only one has."""
    if "/messages" in path or "/responses" in path:
        return "messages" if "/messages" in path else "responses"
    return "messages" if "anthropic-version" in headers else "responses"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "pando-stand-in"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    ws = None  # when the connection has become a WebSocket

    def log_message(self, *_):
        pass

    # --- reading -----------------------------------------------------------
    def read_body(self):
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            n = int(self.headers.get("content-length") or 0)
            if n > BODY_MAX:
                raise ValueError("body is larger than %d bytes" % BODY_MAX)
            return self.rfile.read(n)
        out = b""
        while True:
            n = int(self.rfile.readline(64).split(b";")[0], 16)
            if n == 0:
                while self.rfile.readline(8192) not in (b"\r\n", b"\n", b""):
                    pass
                return out
            if len(out) + n > BODY_MAX:
                raise ValueError("body is larger than %d bytes" % BODY_MAX)
            out += self.rfile.read(n)
            self.rfile.readline(8)

    def any(self):
        self.n = self.server.recorder.number()
        path = urlsplit(self.path)
        headers = {k.lower(): v for k, v in self.headers.items()}
        record = {"n": self.n, "method": self.command, "path": path.path, "query": path.query,
                  "headers": headers}
        body = None
        try:
            raw = self.read_body()
            record["bytes"] = len(raw)
            data = decoded(raw, headers.get("content-encoding"))
            record["body"] = self.server.recorder.body(self.n, path.path, data)
            body = json.loads(data) if data else None
        except (ValueError, OSError, EOFError, zlib.error) as e:
            record["bad_body"] = str(e)
        try:
            self.route(path.path, headers, body, record)
        except (Gone, BrokenPipeError, ConnectionResetError) as e:
            self.close_connection = True
            self.server.recorder.line({"n": self.n, "note": "connection ended",
                                       "why": str(e) or "client went away"})

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = any

    # --- routing -----------------------------------------------------------
    def route(self, path, headers, body, record):
        dialect = dialect_of(path, headers)
        record["dialect"] = dialect
        if self.command == "POST" and path.endswith(("/v1/messages", "/v1/responses",
                                                        "/codex/responses")):
            return self.generate(dialect, headers, body, record)
        self.server.recorder.line(record)
        if self.command == "POST" and path.endswith("/v1/messages/count_tokens"):
            return self.send_json(200, {"input_tokens": max(1, record.get("bytes", 0) // 4)})
        if self.command == "GET" and path.endswith("/models"):
            return self.send_json(200, DIALECTS[dialect].models())
        if self.command == "HEAD":
            return self.send_json(200, {})
        if "websocket" in headers.get("upgrade", "").lower():
            if self.server.script.websocket and path.endswith("/responses"):
                return self.converse(path, headers)
            return self.send_error_body(dialect, 426, "invalid_request_error", "use POST")
        return self.send_error_body(dialect, 404, "not_found_error",
                                    "the stand-in has no %s %s" % (self.command, path))

    def converse(self, path, headers):
        """The Responses API over a WebSocket: requests may stand on answers of the same one."""
        deflate = "permessage-deflate" in headers.get("sec-websocket-extensions", "")
        self.send_response(101)
        for name, value in (("upgrade", "websocket"), ("connection", "Upgrade"),
                            ("sec-websocket-accept",
                             provider_websocket.accept(headers["sec-websocket-key"]))):
            self.send_header(name, value)
        if deflate:
            self.send_header("sec-websocket-extensions", "permessage-deflate")
        self.end_headers()
        self.close_connection = True
        self.ws = provider_websocket.WebSocket(self.rfile.read, self.wfile.write, False, deflate)
        said = {}
        try:
            while True:
                text = self.ws.recv()
                self.n = self.server.recorder.number()
                body = json.loads(text)
                body["input"] = said.get(body.get("previous_response_id"), []) + body["input"]
                record = {"n": self.n, "method": "WS", "path": path, "headers": headers,
                          "dialect": "responses", "bytes": len(text), "deflate": self.ws.compressed,
                          "body": self.server.recorder.body(self.n, path, json.dumps(body).encode())}
                if body.get("generate") is False:
                    self.warm_up(body, record)
                else:
                    self.generate("responses", headers, dict(body, stream=True), record)
                said[self.answered["id"]] = body["input"] + self.answered["output"]
        except provider_websocket.Closed as end:
            raise Gone("closed: %s" % (end.args,)) from None

    def warm_up(self, body, record):
        """The client wants an id to go on from, and no answer."""
        self.answered = provider_responses.answer(body, record["bytes"], [])
        self.server.recorder.line(record)
        for _, data in provider_responses.stream(self.answered, 7):
            self.ws.send(compact(data))

    def generate(self, dialect, headers, body, record):
        api, script = DIALECTS[dialect], self.server.script
        if not isinstance(body, dict):
            self.server.recorder.line(record)
            return self.send_error_body(dialect, 400, "invalid_request_error",
                                        "the body is not a JSON object: %s"
                                        % record.get("bad_body", type(body).__name__))
        events, tools = api.events_of(body), api.tools_of(body)
        record.update(model=body.get("model"), stream=bool(body.get("stream")), tools=tools,
                      aux=is_aux(dialect, headers, tools), results=provider_script.results_text(
                          provider_script.since_prompt(events))[::-1])
        number, turn = script.turn_for(events)
        if record["aux"]:
            number, turn = None, {"items": [{"say": script.aux_text}]}
        try:
            items = provider_script.items_for(turn, dialect, events)
        except provider_script.ScriptError as e:
            record["script_error"] = str(e)
            turn, items = {}, [("say", "script error: %s" % e)]
        record["turn"] = number
        if number is not None and not self.server.failures.still(number, turn):
            turn, record["behaved"] = {}, True
        answer = api.answer(body, record["bytes"], items, turn.get("stop_reason"))
        record["call_ids"] = api.call_ids(answer)
        for call_id in record["call_ids"]:
            script.remember(call_id, number)
        self.server.recorder.line(record)
        self.answered = answer
        self.reply(dialect, turn, answer, record["stream"], script.piece)

    # --- answering ---------------------------------------------------------
    def reply(self, dialect, turn, answer, streamed, piece):
        if "status" in turn and self.ws:
            return self.ws.send(compact({"type": "error", "status": turn["status"], "error": turn.get(
                "body", DIALECTS[dialect].error_body("api_error", "scripted error"))["error"]}))
        if "status" in turn:
            given = turn.get("body", DIALECTS[dialect].error_body("api_error",
                    "scripted error %d" % turn["status"]))
            return self.send_body(turn["status"], given, turn)
        if turn.get("garbage"):
            return self.send_body(200, random.Random(self.n).randbytes(4096), turn)
        if not streamed:
            self.wait(turn.get("hang", 0))
            data = compact(answer).encode()
            if turn.get("bad_json") is not None:
                data = data[:len(data) // 2]
            return self.send_body(200, data, turn)
        return self.send_stream(dialect, turn, answer, piece)

    def send_json(self, status, value):
        self.send_body(status, value, {})

    def send_error_body(self, dialect, status, kind, message):
        self.send_body(status, DIALECTS[dialect].error_body(kind, message), {})

    def send_body(self, status, value, turn):
        data = value if isinstance(value, bytes) else value.encode() if isinstance(value,
                str) else compact(value).encode()
        if turn.get("gzip"):
            data = gzip.compress(data)
        self.head(status, turn, "application/json", {"content-length": str(len(data))})
        if self.command != "HEAD":
            self.wfile.write(data)

    def head(self, status, turn, content_type, more):
        self.send_response(status)
        headers = {"content-type": turn.get("content_type", content_type),
                   "request-id": "req_%012d" % self.n,
                   "x-request-id": "req_%012d" % self.n}
        headers.update(more)
        if turn.get("gzip"):
            headers["content-encoding"] = "gzip"
        headers.update(turn.get("headers", {}))
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def send_stream(self, dialect, turn, answer, piece):
        api = DIALECTS[dialect]
        events = api.stream(answer, piece)
        if "raw" in turn:
            raw = turn["raw"]
            events = [tuple(e) for e in (raw[dialect] if isinstance(raw, dict) else raw)]
        if "stream_error" in turn:
            error = turn["stream_error"]
            after = int(error.get("after", 3))
            events = events[:after] + [api.stream_error(error, answer, after)]
        if self.ws:
            for i, (_, data) in enumerate(events):
                self.before_event(i, turn)
                self.ws.send(data if isinstance(data, str) else compact(data), 1 + i % 3)
            return
        self.head(200, turn, "text/event-stream; charset=utf-8",
                  {"cache-control": "no-cache", "transfer-encoding": "chunked"})
        packer = zlib.compressobj(wbits=31) if turn.get("gzip") else None
        for i, (name, data) in enumerate(events):
            self.before_event(i, turn)
            self.chunk(self.event_bytes(name, data, turn.get("bad_json") == i), packer)
        if packer:
            self.raw_chunk(packer.flush())
        self.wfile.write(b"0\r\n\r\n")

    def before_event(self, i, turn):
        if turn.get("cut_after") == i:
            self.connection.shutdown(socket.SHUT_RDWR)
            raise Gone("cut after %d events" % i)
        if turn.get("reset_after") == i:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Gone("reset after %d events" % i)
        if turn.get("hang") and turn.get("hang_after", 2) == i:
            self.wait(turn["hang"])
        if i and turn.get("delay"):
            self.wait(turn["delay"])

    def wait(self, seconds):
        """Sleeps, but notices when the client closes."""
        if seconds and select.select([self.connection], [], [],
                                     seconds)[0] and self.closed_by_peer():
            raise Gone("client went away while waiting")

    def closed_by_peer(self):
        if isinstance(self.connection, ssl.SSLSocket):
            return True
        return self.connection.recv(1, socket.MSG_PEEK) == b""

    @staticmethod
    def event_bytes(name, data, spoil):
        text = data if isinstance(data, str) else compact(data)
        if spoil:
            text = text[:len(text) // 2]
        return ("event: %s\n" % name if name else "").encode() + ("data: %s\n\n" % text).encode()

    def chunk(self, data, packer):
        if packer:
            data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        self.raw_chunk(data)

    def raw_chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, options):
        super().__init__(("127.0.0.1", port), Handler)
        self.recorder = Recorder(options.log, options.bodies)
        self.failures = Failures()
        self.script = (provider_script.load(options.script) if options.script
                       else provider_script.Script({}))

    def handle_error(self, request, client_address):
        kind, what = sys.exc_info()[:2]
        self.recorder.line({"note": "handler failed", "why": "%s: %s" % (kind.__name__, what)})


def write_port(path, port):
    part = "%s.%d" % (path, os.getpid())
    with open(part, "w", encoding="ascii") as f:
        f.write("%d\n" % port)
    os.rename(part, path)


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def options_of(argv):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--port", type=int, default=0, help="0: any free one")
    p.add_argument("--port-file", help="the port is written here when the server listens")
    p.add_argument("--script", help="JSON file, read once at the start")
    p.add_argument("--log", help="JSON lines, one a request")
    p.add_argument("--bodies", help="folder for the request bodies")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="speak TLS with this pair")
    p.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    p.add_argument("--check", action="store_true", help="check the script and end")
    return p.parse_args(argv)


def main(argv):
    options = options_of(argv)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    try:
        if options.check:
            provider_script.load(options.script or os.devnull)
            return 0
        server = Server(options.port, options)
    except (provider_script.ScriptError, OSError) as e:
        print("provider: %s" % e, file=sys.stderr)
        return 65 if isinstance(e, provider_script.ScriptError) else 71
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    if options.until_eof:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    if options.port_file:
        write_port(options.port_file, server.server_address[1])
    print("provider: listening on 127.0.0.1:%d" % server.server_address[1], file=sys.stderr)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
