#!/usr/bin/env python3
"""Compressed bodies in both directions: what is checked, what goes on as it came, what is refused."""
import ctypes
import gzip
import hashlib
import json
import sys
import threading
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

TOOLS = [{"name": n, "description": "d", "input_schema": {"type": "object"}}
         for n in ("Bash", "mcp__pando_core__read-file")]


def raw_deflate(data):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


def zstd(data):
    """The library that the gateway itself is linked with."""
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_compressBound.restype = lib.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(lib.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    n = lib.ZSTD_compress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)), 3)
    return room.raw[:n]


def brotli(data):
    """RFC 7932, 9.2: without compression, in pieces that 16 bits of length can name."""
    bits = "0"  # WBITS 16
    out = bytearray()
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        # ISLAST 0, MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED 1; the least bit first
        bits += "0" + "00" + format(len(piece) - 1, "016b")[::-1] + "1"
        bits += "0" * (-len(bits) % 8)
        out += bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8)) + piece
        bits = ""
    return bytes(out) + b"\x03"  # ISLAST, ISLASTEMPTY


CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli, "zstd": zstd,
           "gzip, zstd": lambda d: zstd(gzip.compress(d)), "X-GZIP": gzip.compress}


def coded(h, data, coding, status=200, **head):
    h.whole(status, dict({"content-type": "application/json", "content-encoding": coding}, **head), data)


def stream(h, events, coding):
    """Each event flushed by itself, so that a reader can have it at once."""
    h.start({"content-type": "text/event-stream", "content-encoding": coding})
    z = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15, "raw": -15}[coding])
    for i, e in enumerate(events):
        if i == 3:
            GATE.wait(g.DEADLINE)
        h.piece(z.compress(e) + z.flush(zlib.Z_SYNC_FLUSH))
    return z.flush()


def answer(h):
    play, _, coding = h.headers.get("x-play", "json ").partition(" ")
    if play == "json":
        h.whole(200, {"content-type": "application/json"}, JSON_ANSWER)
    elif play == "coded":
        coded(h, CODINGS.get(coding, lambda d: d)(JSON_ANSWER), coding)
    elif play == "raw":
        coded(h, raw_deflate(JSON_ANSWER), "deflate")
    elif play == "members":
        coded(h, gzip.compress(JSON_ANSWER[:40]) + gzip.compress(JSON_ANSWER[40:]), "gzip")
    elif play == "call":
        coded(h, CODINGS[coding](json.dumps(dict(g.json_answer(), stop_reason="tool_use", content=[
            {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {}}])).encode()), coding)
    elif play == "cut":
        coded(h, gzip.compress(JSON_ANSWER)[:-9], "gzip")
    elif play == "spoilt":
        coded(h, gzip.compress(JSON_ANSWER)[:-8] + b"12345678", "gzip")
    elif play == "bomb":
        coded(h, gzip.compress(b'{"a":"' + b" " * (10 << 20) + b'"}'), "gzip")
    elif play == "error":
        coded(h, ERROR, "gzip", 429, **{"retry-after": "7"})
    elif play == "stream":
        h.piece(stream(h, g.text_events(PIECES), coding))
        h.end()
    elif play == "stream_call":
        h.piece(stream(h, g.call_events("Bash", '{"command":"touch x"}'), coding))
        h.end()
    elif play == "stream_cut":
        stream(h, g.text_events(PIECES), coding)
        h.end()
    elif play == "stream_spoilt":
        stream(h, g.text_events(PIECES), coding)
        h.piece(b"\xff" * 64)
        h.end()


PIECES = ("h\u00e9", "llo", "!" * 5000)
JSON_ANSWER = json.dumps(g.json_answer(), indent=1).encode()
ERROR = gzip.compress(b'{"type":"error"}')
STREAM = b"".join(g.text_events(PIECES))
GATE = threading.Event()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def what_policy_leaves_alone_goes_on_as_it_came(provider, run):
    body = json.dumps(dict(g.ASK, stream=False), indent=3).encode()
    for name, code in CODINGS.items():
        data = code(body)
        status, head, got = run.ask("/v1/messages", data, {"content-encoding": name})
        _, _, seen, sent = provider.seen[-1]
        same((status, got), (200, JSON_ANSWER), "%s: a request passes" % name)
        same(sha(sent), sha(data), "%s: byte for byte" % name)
        same(seen.get_all("content-encoding"), [name], "%s: with its coding named" % name)
    run.ask("/v1/messages", body, {"content-encoding": "identity"})
    same(provider.seen[-1][3], body, "identity: nothing to take off")


def codex_sends_zstd(home, provider):
    run = home.register("codex")
    data = zstd(json.dumps(g.ASK_CODEX).encode())
    run.ask("/v1/responses", data, {"content-encoding": "zstd"})
    same((sha(provider.seen[-1][3]), provider.seen[-1][2]["content-encoding"]), (sha(data), "zstd"),
         "codex: a request in zstd goes on as it came")


def what_policy_changes_goes_on_plain(home, provider, run):
    for name, code in CODINGS.items():
        run.ask("/v1/messages", code(json.dumps(dict(g.ASK, tools=TOOLS)).encode()),
                {"content-encoding": name})
        _, _, seen, sent = provider.seen[-1]
        same((seen["content-encoding"], [t["name"] for t in json.loads(sent)["tools"]]),
             (None, ["mcp__pando_core__read-file"]), "%s: a definition is taken out" % name)
    lines = [x for x in home.lines("gateway_definition_stripped") if x["run"] == run.id]
    same(len(lines), len(CODINGS), "each is in the log")


def what_has_two_readings_is_refused(provider, run):
    body = json.dumps(g.ASK).encode()
    zipped = gzip.compress(body)
    before = len(provider.seen)
    for coding, data, want in (
            ("compress", body, b'Content-Encoding \\"compress\\" is not known'),
            ("gzip, gzip, gzip", body, b"more than 2 codings"),
            ("gzip", body, b"gzip data is damaged"),
            ("gzip", zipped[:-1], b"gzip data is cut off"),
            ("gzip", b"", b"gzip data is cut off"),
            ("gzip", zipped + b"x", b"more follows its end"),
            ("gzip", zipped + zipped, b"more follows its end"),
            ("zstd", zstd(body) + zstd(b" "), b"more follows its end"),
            ("deflate", raw_deflate(body), b"no zlib header"),
            ("zstd", bytes.fromhex("28b52ffd0488") + b"\0" * 20, b"zstd data is damaged"),
            ("gzip", gzip.compress(b" " * (10 << 20)), b"more than 200 times"),
            ("gzip, gzip", gzip.compress(gzip.compress(b" " * (10 << 20))), b"more than 200 times"),
            ("gzip", gzip.compress(b'{"a":0x}'), b"refused the request")):
        status, head, got = run.ask("/v1/messages", data, {"content-encoding": coding})
        ok(status == 400 and want in got and head["x-should-retry"] == "false",
           "refused: %s (%s)" % (want.decode(), coding), (status, got))
    same(len(provider.seen), before, "none of these reached the provider")


def answers_go_on_plain(run):
    for play in ["coded " + name for name in CODINGS] + ["raw", "members"]:
        status, head, got = run.ask("/v1/messages", g.ASK, {"x-play": play})
        same((status, head["content-encoding"], got), (200, None, JSON_ANSWER), "%s: an answer" % play)
    for name in CODINGS:
        _, _, got = run.ask("/v1/messages", g.ASK, {"x-play": "call " + name})
        ok(b'"tool_use"' not in got.replace(b'"stop_reason": "tool_use"', b"") and
           b"blocked Bash" in got, "%s: a call is replaced" % name, got)


def answers_that_cannot_be_read(run):
    for play, status, want in (("coded compress", 400, b"is not known"), ("cut", 502, b"cut off"),
                               ("spoilt", 400, b"damaged"), ("bomb", 400, b"200 times")):
        have, _, got = run.ask("/v1/messages", g.ASK, {"x-play": play})
        ok(have == status and want in got, "refused with the reason: %s" % play, (have, got))
    status, head, got = run.ask("/v1/messages", g.ASK, {"x-play": "error"})
    same((status, head["content-encoding"], head["retry-after"], got),
         (429, "gzip", "7", ERROR), "an error passes as it is")


def events_come_out_as_soon_as_they_are_complete(run):
    for coding in ("gzip", "deflate"):
        GATE.clear()
        c = run.open()
        c.request("POST", run.url("/v1/messages"), json.dumps(g.ASK),
                  {"content-type": "application/json", "x-play": "stream " + coding})
        r = c.getresponse()
        events = list(g.text_events(PIECES))
        first = b"".join(events[:3])
        same(r.read(len(first)), first, "%s: three events, while the fourth waits" % coding)
        GATE.set()
        same((r.getheader("content-encoding"), first + r.read()), (None, STREAM), "%s: all" % coding)
        c.close()


def calls_in_streams_are_held(run):
    _, _, got = run.ask("/v1/messages", g.ASK, {"x-play": "stream_call gzip"})
    ok(b"blocked Bash" in got and b"touch x" not in got, "a streamed call is replaced", got)


def streams_that_break(run):
    status, _, got = run.ask("/v1/messages", g.ASK, {"x-play": "stream_cut gzip"})
    same((status, got), (200, ("cut", STREAM)), "cut off: what came, and a broken connection")
    status, _, got = run.ask("/v1/messages", g.ASK, {"x-play": "stream_spoilt gzip"})
    ok(got[:len(STREAM)] == STREAM and b"event: error" in got and b"damaged" in got,
       "damaged: what came, and an error event", got)


def main():
    build = g.build()
    provider = g.Provider(answer)
    home = g.Home(build, provider.port)
    same(home.start(), "ready", "the gateway starts")
    run = home.register()
    try:
        what_policy_leaves_alone_goes_on_as_it_came(provider, run)
        codex_sends_zstd(home, provider)
        what_policy_changes_goes_on_plain(home, provider, run)
        what_has_two_readings_is_refused(provider, run)
        answers_go_on_plain(run)
        answers_that_cannot_be_read(run)
        events_come_out_as_soon_as_they_are_complete(run)
        calls_in_streams_are_held(run)
        streams_that_break(run)
        same(home.stop(), 0, "the gateway ends well")
    finally:
        GATE.set()
        home.close()
        provider.close()
    g.done()


if __name__ == "__main__":
    main()
