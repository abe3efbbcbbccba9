#!/usr/bin/env python3
"""What breaks in the middle: the provider at every place of its answer, the gateway under many streams."""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _crowd as c
import _gateway as g
from _gateway import ok, same

STREAMS = 200
FEW = 40  # the gateway has 25 without any connection
OURS = "mcp__pando_core__read-file"
CALL = list(g.call_events(OURS, '{"path":"x"}'))
TEXT = list(g.text_events())
JSON = c.whole(json.dumps(g.json_answer()).encode())
ASK = json.dumps(g.ASK).encode()
BEGIN = c.SSE + b"".join(c.chunk(e) for e in TEXT[:3])


def stream(events):
    return c.SSE + b"".join(c.chunk(e) for e in events) + b"0\r\n\r\n"


ANSWERS = {"text": stream(TEXT), "call": stream(CALL), "json": JSON,
           "length": c.SSE.replace(b"Transfer-Encoding: chunked", b"Content-Length: %d"
                                   % len(b"".join(TEXT))) + b"".join(TEXT)}


class Cutter:
    """A provider that sends the first bytes of an answer and then ends or resets the connection.

    What to play stands in the request: "text 17 reset"."""

    def __init__(self, tls=None):
        self.context = tls and ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls:
            self.context.load_cert_chain(*tls)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.requests = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.settimeout(g.DEADLINE)
            try:
                if self.context:
                    s = self.context.wrap_socket(s, server_side=True)
                self.play(s)
            except OSError:
                pass  # the gateway has seen enough
            s.close()

    def play(self, s):
        data = b""
        while ASK not in data:
            more = s.recv(1 << 16)
            if not more:
                return
            data += more
        self.requests += 1
        what, n, how = c.PLAY.search(data).group(1).decode().split()
        s.sendall(ANSWERS[what][:int(n)])
        if how == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.context and int(n) % 2:
            s.unwrap()  # TLS says the end, too

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def events_in(got):
    """The events of a stream's chunks, so far as they are whole."""
    body, data = got.split(b"\r\n\r\n", 1)[1], b""
    while b"\r\n" in body:
        size, body = body.split(b"\r\n", 1)
        if not size or len(body) < int(size, 16):
            break
        data, body = data + body[:int(size, 16)], body[int(size, 16) + 2:]
    return data


def fault_of(what, is_whole, got):
    """What is wrong with what the client got of an answer that broke, or ended behind its last byte."""
    if not got and not is_whole:
        return None  # the head had not gone yet: the end of the connection says it all
    if not got.startswith(b"HTTP/1.1 "):
        return "no answer"
    status = got[9:12]
    if is_whole:
        return None if status == b"200" and got.endswith((b"0\r\n\r\n", JSON[-20:])) else "not whole"
    if status == b"502":
        return None
    if status != b"200" or what == "json":
        return "half an answer passes as one"
    data = events_in(got)
    if got.endswith(b"0\r\n\r\n") and b"event: error" not in data and b"message_stop" not in data:
        return "a good end without a last event"
    if b"tool_use" in data and b"content_block_stop" not in data:
        return "half a call"
    return None


def cut_everywhere(build, tls=None, step=1):
    provider = Cutter(tls)
    home = g.Home(build, provider.port)
    if tls:
        home.policy.write_text(home.policy.read_text().replace("http:", "https:"))
    same(home.start(**({"SSL_CERT_FILE": tls[0]} if tls else {})), "ready", "the gateway starts")
    run, asked = home.register(), 0
    for what, data in ANSWERS.items():
        faults = {}
        # behind the last byte a reset may take some of them along
        for n, how in [(n, how) for n in range(0, len(data), step)
                       for how in ("end", "reset")] + [(len(data), "end")]:
            with c.connect(run) as s:
                s.sendall(c.request(run, ASK, b"%s %d %s" % (what.encode(), n, how.encode()))
                          .replace(b"\r\nContent", b"\r\nConnection: close\r\nContent", 1))
                state, got = c.read_all_of([s], lambda _: False)[0]
            asked += 1
            fault = "hangs" if state == "hangs" else fault_of(what, n == len(data), got)
            if fault:
                faults[(n, how)] = (fault, got[-200:])
        same(faults, {}, "%s%s: no good end for what breaks at any of %d places" % (
            "TLS, " if tls else "", what, len(data) / step))
    same(provider.requests, asked, "each was asked once")
    left = len(os.listdir("/proc/%d/fd" % home.gateway.pid))
    ok(left < 40, "no descriptor is left behind", left)
    same(home.stop(), 0, "the gateway ends well")
    home.close()
    provider.close()


def killed_under_streams(build):
    provider = c.Provider({"idle": stream(TEXT), "json": JSON}, {"idle": len(BEGIN)})
    home = g.Home(build, provider.port)
    home.start()
    runs = [home.register(agent="claude") for _ in range(4)]
    crowd = [c.connect(runs[i % 4]) for i in range(STREAMS)]
    for i, s in enumerate(crowd):
        s.sendall(c.request(runs[i % 4], ASK, b"idle"))
    begun = c.read_all_of(crowd, lambda t: TEXT[2] in t)
    same({e for e, _ in begun}, {"whole"}, "%d streams are under way" % STREAMS)
    waits = c.connect(runs[0])
    waits.sendall(c.request(runs[0], ASK, b"idle")[:100])
    home.gateway.kill()
    home.gateway.wait()
    ended = c.read_all_of([*crowd, waits], lambda _: False)
    same({e for e, _ in ended}, {"end"}, "the gateway is killed: each client sees an end at once")
    same({b"message_stop" in d or d.endswith(b"0\r\n\r\n") for _, d in ended}, {False},
         "... which nobody takes for a good one")
    ok(g.until(lambda: not provider.guests), "... and so does the provider", len(provider.guests))
    same(home.start(), "ready", "the next launch works")
    status = home.ask({"op": "status"})["runs"]
    same(sorted(r["run"] for r in status), sorted(r.id for r in runs), "... with the runs of before")
    same([r.ask("/v1/messages", g.ASK)[0] for r in runs], [200] * 4, "... which go on")
    for s in [*crowd, waits]:
        s.close()
    same(home.stop(), 0, "it ends well")
    home.close()
    provider.close()


def cpu(pid):
    return sum(int(x) for x in Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[11:13])


def no_descriptor_left(build):
    """Fewer than the clients' connections, those to the provider and all else would take."""
    provider = c.Provider({"idle": stream(TEXT), "json": JSON}, {"idle": len(BEGIN)})
    home = g.Home(build, provider.port)
    same(home.start(files=FEW), "ready", "a gateway with %d descriptors" % FEW)
    run = home.register()
    crowd = [c.connect(run) for _ in range(FEW)]
    for s in crowd:
        try:
            s.sendall(c.request(run, ASK, b"idle"))
        except OSError:
            pass  # it was too many
    got = c.read_all_of(crowd, lambda t: TEXT[2] in t or t.endswith(b"}}"))
    told = [d for _, d in got if d.startswith(b"HTTP/1.1 502 ")]
    streams = [s for s, (_, d) in zip(crowd, got) if d.startswith(b"HTTP/1.1 200 ")]
    same({e for e, _ in got} - {"whole", "end"}, set(), "nobody hangs")
    ok(streams and told and {b"Too many open files" in d for d in told} == {True},
       "some are served, others told why not, the rest are turned away", (len(streams), told))
    spent, asked = cpu(home.gateway.pid), []
    for _ in range(3):
        asked.append(home.ask({"op": "status"}))
    same([len(x["runs"]) for x in asked], [1] * 3, "the control socket answers")
    reply = home.ask(home.registration())
    ok(reply["ok"] is False and "Too many open files" in reply["error"], "a new run is told why not", reply)
    many = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    for s in many:
        s.connect(str(home.run / "gateway.sock"))
    g.until(lambda: cpu(home.gateway.pid) - spent > 10, 1)
    spent = (cpu(home.gateway.pid) - spent) / os.sysconf("SC_CLK_TCK")
    ok(spent < 0.3, "... and the loop does not spin for those who wait there", spent)
    said = (home.path / "stderr").read_text()
    ok(said.count("control socket") <= 8, "... nor fill its log", said[:500])
    provider.release("idle")
    same({(e, b"message_stop" in d) for e, d in c.read_all_of(streams, lambda t: t.endswith(b"0\r\n\r\n"))},
         {("whole", True)}, "the streams come to their end")
    for s in [*crowd, *many]:
        s.close()
    ok(g.until(lambda: run.ask("/v1/messages", g.ASK)[0] == 200), "then there is room again")
    ok(g.until(lambda: home.ask(home.registration())["ok"]), "... for runs, too")
    same(home.stop(), 0, "it ends well")
    home.close()
    provider.close()


def main():
    build = g.build()
    c.room_for_files()
    cut_everywhere(build)
    with tempfile.TemporaryDirectory(prefix="gwtls") as folder:
        pair = folder + "/cert.pem", folder + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-keyout", pair[1], "-out", pair[0], "-days", "2", "-subj", "/CN=stand-in",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        cut_everywhere(build, pair, 13)
    killed_under_streams(build)
    no_descriptor_left(build)
    g.done()


if __name__ == "__main__":
    main()
