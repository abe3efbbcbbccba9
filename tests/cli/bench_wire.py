#!/usr/bin/env python3
"""The tools of tests/bench/wire see what a gateway between them does: changes, losses, refusals."""
import argparse
import contextlib
import http.client
import json
import socket
import subprocess
import threading
from pathlib import Path

from _gateway import DEADLINE, done, ok, same

arguments = argparse.ArgumentParser()
arguments.add_argument("--build", type=Path, required=True)
WIRE = arguments.parse_args().build.resolve() / "tests/bench/wire"
APIS = {"messages": "/v1/messages", "responses": "/v1/responses"}


class Between:
    """Passes bytes both ways; `there` and `back` may change a piece. With `cut` it ends after one of the answer."""

    def __init__(self, port, there=lambda x: x, back=lambda x: x, cut=False):
        self.to, self.ways, self.cut, self.seen = port, (there, back), cut, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                provider = socket.create_connection(("127.0.0.1", self.to))
                for a, b, change in ((client, provider, self.ways[0]), (provider, client, self.ways[1])):
                    threading.Thread(target=self.pipe, args=(a, b, change), daemon=True).start()

    def pipe(self, a, b, change):
        with contextlib.suppress(OSError):
            while True:
                x = a.recv(65536)
                if change is self.ways[0]:
                    self.seen += x
                if not x:
                    break
                b.sendall(change(x))
                if change is self.ways[1] and self.cut:
                    break
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def load(port, *words, api="messages"):
    p = subprocess.run([str(WIRE / "load"), "-P", str(port), "-u", APIS[api], "-A", api,
                        *(str(w) for w in words)],
                       capture_output=True, text=True, timeout=DEADLINE, check=False)
    if p.returncode:
        raise SystemExit("load: " + p.stderr)
    return json.loads(p.stdout)


def bad(j):
    return {k: v for k, v in j["errors"].items() if v}


def post(port, path, body):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    c.request("POST", path, body)
    r = c.getresponse()
    got = r.status, r.read()
    c.close()
    return got


def events(text):
    return [json.loads(line[6:]) for line in text.decode().split("\n") if line.startswith("data: ")]


def whole(port):
    """What passes as it is, is what both ends say."""
    for api in APIS:
        j = load(port, "-n", 20, "-c", 4, "-v", api=api)
        same((j["done"], j["verified"], bad(j)), (20, 20, {}), api + ": the bodies arrive as sent")
        one = load(port, "-n", 20, "-c", 4, "-s", 24, "-C", 16, "-a", api=api)
        two = load(port, "-n", 20, "-c", 2, "-s", 24, "-C", 16, "-a", api=api)
        other = load(port, "-n", 20, "-c", 4, "-s", 24, "-C", 16, "-a", "-S", 2, api=api)
        same(one["answers"], two["answers"], api + ": one seed gives the same answers")
        ok(one["answers"] != other["answers"], api + ": another seed gives others")
        j = load(port, "-n", 4, "-c", 4, "-s", 24, "-C", 16, "-i", 1000, "-t", api=api)
        same((j["text"]["n"], j["held"]["n"], bad(j)), (4 * 24, 4, {}),
             api + ": each text and each call tells its delay, once")
    j = load(port, "-r", 100, "-d", 0.2, "-w", 0, "-c", 8)
    same((j["done"], bad(j)), (20, {}), "a schedule is kept")


def shapes(port):
    """What both write is what the APIs have."""
    for api, path in APIS.items():
        for size in (8192, 102400):
            b = Between(port)
            load(b.port, "-n", 1, "-b", size, "-s", 6, "-C", 3, "-t", api=api)
            body = b.seen.partition(b"\r\n\r\n")[2]
            b.close()
            request = json.loads(body)
            same((len(body), len(request["tools"]), request["stream"]), (size, 20, True),
                 "%s: a body of %d bytes" % (api, size))
            status, text = post(port, path, body)
            got = events(text)
            same(status, 200, api + ": is answered")
            if api == "messages":
                arguments_ = "".join(e["delta"].get("partial_json", "") for e in got
                                     if e["type"] == "content_block_delta")
                same(got[-1]["type"], "message_stop", api + ": to its end")
            else:
                arguments_ = got[-1]["response"]["output"][1]["arguments"]
                deltas = "".join(e["delta"] for e in got
                                 if e["type"] == "response.function_call_arguments.delta")
                same(deltas, arguments_, api + ": the deltas add up")
                same([e["sequence_number"] for e in got], list(range(len(got))), api + ": are numbered")
            ok("@Z=" in json.loads(arguments_)["command"], api + ": the call has arguments", arguments_)


def damage(port):
    j = load(port, "-n", 4, "-s", 20, "-a")
    for what, change in (("a byte", lambda x: x.replace(b"descriptor", b"Descriptor")),
                         ("an order", lambda x: x.replace(b"flushed before", b"before flushed"))):
        b = Between(port, back=change)
        k = load(b.port, "-n", 4, "-s", 20, "-a")
        ok(k["done"] == 4 and k["answers"] != j["answers"], what + " of the answers that changed is seen", k)
        b.close()
    b = Between(port, there=lambda x: x.replace(b"coding agent", b"coding Agent"))
    j = load(b.port, "-n", 4, "-v")
    same((j["verified"], bad(j)), (0, {"verify": 4}), "a byte of the body that changed is seen")
    b.close()
    b = Between(port, there=lambda x: x.replace(b"bench1.", b"bench2."))
    j = load(b.port, "-n", 4)
    same((j["done"], bad(j)), (0, {"status": 4}), "a refusal is counted")
    ok("no mark" in j["error"], "and its text kept", j["error"])
    b.close()
    for size in (0, 30, 200, 1000):
        b = Between(port, back=lambda x, n=size: x[:n], cut=True)
        j = load(b.port, "-n", 3, "-R", 2000)
        same((j["done"], bad(j)), (0, {"closed": 3}), "cut after %d bytes an answer is none" % size)
        b.close()
    b = Between(port, back=lambda x: x.replace(b"content-length", b"content-lenght"))
    same(bad(load(b.port, "-n", 3)), {"protocol": 3}, "nor is one without a length")
    b.close()
    same(bad(load(b.port, "-n", 3)), {"connect": 3}, "and one that is not taken")


def limits(port):
    mark = b"bench1.%016x.s.%07d.0000001.0000000.00000024.--"
    same(post(port, "/v1/messages", mark % (1, 1000001))[0], 400, "a stream has a limit")
    same(post(port, "/v1/messages", mark % (1, 3))[0], 200, "below it it goes")
    for words in (["-b", "100"], ["-c", "0"], ["-d", "1000"], ["-P", "0"], ["more"]):
        p = subprocess.run([str(WIRE / "load"), "-P", str(port), *words], capture_output=True, text=True,
                           timeout=DEADLINE, check=False)
        same(p.returncode, 2, "refused: " + " ".join(words))


mock = subprocess.Popen([str(WIRE / "mock")], stdout=subprocess.PIPE, text=True)
try:
    at = int(mock.stdout.readline().split()[1])
    whole(at)
    shapes(at)
    damage(at)
    limits(at)
finally:
    mock.kill()
    mock.wait()
    mock.stdout.close()
done()
