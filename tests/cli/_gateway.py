"""A gateway in a home of its own, a scripted provider, and what the tests of both share."""
import argparse
import contextlib
import http.client
import json
import os
import resource
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import _policy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import decision_logs

DEADLINE = 20
counts = {"passed": 0, "failed": 0, "skipped": 0}


def ok(good, what, have=None):
    counts["passed" if good else "failed"] += 1
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": have %r" % (have,)),
          flush=True)


def same(have, want, what):
    ok(have == want, what, "%r, want %r" % (have, want))


def skip(what, why):
    counts["skipped"] += 1
    print("skip - %s # %s" % (what, why), flush=True)


def done():
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    sys.exit(1 if counts["failed"] else 0)


def build():
    """The folder that a suite is told to test."""
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    return p.parse_args().build


@contextlib.contextmanager
def stage(home, provider):
    """A gateway that is ready and ends well; nothing of both is left, whatever happens."""
    try:
        same(home.start(), "ready", "the gateway starts")
        yield home
        same(home.stop(), 0, "the gateway ends well")
    finally:
        home.close()
        provider.close()


def until(what, seconds=DEADLINE):
    """Asks again and again, within a limit; answers the last answer."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.01)


def is_alive(pid):
    try:
        return Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Provider:
    """Answers with what `answer` does; keeps what came."""

    def __init__(self, answer, tls=None):
        outer = self
        self.seen = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def handle_one(self):
                n = int(self.headers.get("content-length", 0))
                self.body = self.rfile.read(n)
                outer.seen.append((self.command, self.path, self.headers, self.body))
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_HEAD = do_CONNECT = handle_one

            def whole(self, status, head, body):
                self.send_response(status)
                for name, value in head.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def start(self, head, status=200):
                self.send_response(status)
                for name, value in head.items():
                    self.send_header(name, value)
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()

            def piece(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def end(self):
                self.wfile.write(b"0\r\n\r\n")

            def cut(self):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# These clients are no agents: no hook and no server checks in for them.
UNATTENDED = '[security]\nhandshake = "off"\n'


class Home:
    """A HOME with a policy that leads to a provider on this machine."""

    def __init__(self, build, provider_port, policy=""):
        self.path = Path(tempfile.mkdtemp(prefix="gw"))
        self.program = Path(build).resolve() / "libexec/pando-ai/pando-gateway"
        self.run = self.path / ".pando/run"
        self.log = self.path / "decisions.jsonl"
        self.policy = self.path / ".pando/policy.toml"
        self.root = self.path / "work"
        self.root.mkdir()
        self.policy.parent.mkdir(mode=0o700)
        self.policy.write_text(
            ("" if "[security]" in policy else UNATTENDED) + '[proxy]\nanthropic_upstream = "http://127.0.0.1:%d"\n'
            'openai_upstream = "http://127.0.0.1:%d/v1"\n%s' % (provider_port, provider_port, policy))
        self.gateway, self.spoilt = None, False  # spoilt: the log, on purpose

    def env(self, **more):
        return dict({"HOME": str(self.path), "PATH": os.environ["PATH"],
                     "PANDO_GATEWAY_LOG_FILE": str(self.log)}, **more)

    def start(self, files=None, **env):
        """Starts a gateway in the foreground; answers the line it says when it is ready."""
        back, front = os.pipe()
        err = open(self.path / "stderr", "ab")
        self.gateway = subprocess.Popen([str(self.program), "--ready-fd", str(front)],
                                        pass_fds=[front], env=self.env(**env), stderr=err,
                                        preexec_fn=files and (lambda: resource.setrlimit(
                                            resource.RLIMIT_NOFILE, (files, files))))
        err.close()
        os.close(front)
        with os.fdopen(back) as f:
            return f.read().strip()

    def ask(self, request):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(DEADLINE)
        with s:
            s.connect(str(self.run / "gateway.sock"))
            s.sendall(request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                try:
                    more = s.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    break
                data += more
        return json.loads(data) if data else None

    def bundle(self, root=None):
        """The person's policy as it is now, as a launch in the project takes it."""
        root = root or self.root
        files = {"user": self.policy, "project": root / ".pando/policy.toml"}
        return _policy.save(self.path, _policy.bundle(
            root, **{n: (p, p.read_bytes()) for n, p in files.items() if p.exists()}))

    def registration(self, agent="claude", **more):
        policy, digest = self.bundle(Path(more["root"]) if str(more.get("root"))[0] == "/" else None)
        return dict({"op": "register", "run": secrets.token_hex(8), "agent": agent,
                     "agent_version": "1.2.3", "root": str(self.root), "policy": policy,
                     "policy_sha256": digest, "log": str(self.log)}, **more)

    def register(self, agent="claude", **more):
        want = self.registration(agent, **more)
        return Run(want["run"], self.ask(want))

    def lines(self, event=None):
        try:
            # what stands behind the last newline is being written
            all_lines = [json.loads(x) for x in self.log.read_text().split("\n")[:-1]]
        except OSError:
            return []
        return [x for x in all_lines if event in (None, x["event"])]

    def stop(self):
        if self.gateway and self.gateway.poll() is None:
            self.gateway.terminate()
        return self.gateway.wait(DEADLINE) if self.gateway else None

    def close(self):
        self.stop()
        said = (self.path / "stderr").read_text() if (self.path / "stderr").exists() else ""
        if "Sanitizer" in said or "runtime error" in said or "assert" in said.lower():
            ok(False, "the gateway ends without a fault", said)
        if not self.spoilt:
            decision_logs.keep(self.path)
        shutil.rmtree(self.path, ignore_errors=True)


class Run:
    def __init__(self, run, reply):
        self.id, self.reply = run, reply
        self.port, self.token = reply.get("port"), reply.get("token")

    def open(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def url(self, path):
        return "/run/%s%s" % (self.token, path)

    def ask(self, path, body=None, head=None, method="POST", raw=None):
        """(status, headers, bytes); the bytes end where the connection ended."""
        c = self.open()
        data = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
        c.request(method, raw or self.url(path), data,
                  dict({"content-type": "application/json"}, **(head or {})))
        r = c.getresponse()
        try:
            got = r.read()
        except (http.client.IncompleteRead, ConnectionError) as cut:
            got = ("cut", getattr(cut, "partial", b""))
        c.close()
        return r.status, r.headers, got


ASK = {"model": "m", "max_tokens": 10, "stream": True,
       "messages": [{"role": "user", "content": "hi"}]}
ASK_CODEX = {"model": "m", "stream": True, "store": False,
             "input": [{"type": "message", "role": "user",
                        "content": [{"type": "input_text", "text": "hi"}]}]}


def event(name, **data):
    return ("event: %s\ndata: %s\n\n" % (name, json.dumps(dict({"type": name}, **data)))).encode()


def text_events(pieces=("he", "llo")):
    """A Messages answer of one text block, an event each."""
    yield event("message_start", message={
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for text in pieces:
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
                usage={"output_tokens": 3})
    yield event("message_stop")


def call_events(name, arguments="{}"):
    """A Messages answer of one tool call."""
    every = list(text_events(()))
    yield every[0]
    yield event("content_block_start", index=0,
                content_block={"type": "tool_use", "id": "toolu_1", "name": name, "input": {}})
    yield event("content_block_delta", index=0,
                delta={"type": "input_json_delta", "partial_json": arguments})
    yield every[2]
    yield event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None},
                usage={"output_tokens": 3})
    yield every[4]


def json_answer():
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": "h\u00e9llo"}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}


def responses_events():
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "hi", "annotations": []}]}
    yield event("response.created", sequence_number=0, response={"id": "resp_1", "output": []})
    yield event("response.output_item.added", sequence_number=1, output_index=0,
                item=dict(item, content=[], status="in_progress"))
    yield event("response.output_text.delta", sequence_number=2, item_id="msg_1", output_index=0,
                content_index=0, delta="hi")
    yield event("response.output_item.done", sequence_number=3, output_index=0, item=item)
    yield event("response.completed", sequence_number=4,
                response={"id": "resp_1", "output": [item], "usage": {"total_tokens": 3}})
