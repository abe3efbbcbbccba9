#!/usr/bin/env python3
"""Which provider gets a request, by the login that it carries; and that its key stays there."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import _gateway as g
from _gateway import ok, same

SECRET = "verysecretkeyverysecretkey"
API_KEY = {"x-api-key": "sk-ant-api03-" + SECRET}
SUBSCRIPTION = {"Authorization": "Bearer sk-ant-oat01-" + SECRET}
COMPANY = {"Authorization": "Bearer company-" + SECRET}
OPENAI = {"Authorization": "Bearer sk-proj-" + SECRET}
ACCOUNT = {"Authorization": "Bearer eyJhbGciOi.eyJz." + SECRET, "chatgpt-account-id": "acc-" + SECRET}
MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
WHAM = ("wham/accounts/check", "wham/settings/user", "wham/usage", "wham/rate-limit-reset-credits",
        "wham/security-setup", "wham/config/bundle")
DENIED = ("ps/mcp", "ps/plugins/installed", "ps/plugins/suggested/codex", "codex/alpha/search",
          "codex/images/generations", "codex/images/edits", "codex/analytics-events/events",
          "wham/tasks/list", "wham/usage/", "wham/../ps/mcp", "")
ACCOUNT_MAX = 4 << 20

# agent, path, headers -> provider and the path there; None: refused before anything is sent
MATRIX = (
    ("claude", MESSAGES, API_KEY, ("anthropic", "/base/v1/messages")),
    ("claude", MESSAGES, SUBSCRIPTION, ("anthropic", "/base/v1/messages")),
    ("claude", MESSAGES, COMPANY, ("anthropic", "/base/v1/messages")),
    ("claude", MESSAGES, {**API_KEY, **COMPANY}, ("anthropic", "/base/v1/messages")),
    ("claude", MESSAGES, ACCOUNT, None),
    ("claude", MESSAGES, {**API_KEY, **ACCOUNT}, None),
    ("claude", MESSAGES, OPENAI, None),
    ("claude", RESPONSES, OPENAI, 404),
    ("claude", "/backend-api/wham/usage", ACCOUNT, 404),
    ("codex", RESPONSES, OPENAI, ("openai", "/v1/responses")),
    ("codex", RESPONSES, ACCOUNT, ("chatgpt", "/backend-api/codex/responses")),
    ("codex", "/backend-api/codex/responses", ACCOUNT, ("chatgpt", "/backend-api/codex/responses")),
    ("codex", RESPONSES, {**ACCOUNT, **OPENAI}, None),
    ("codex", RESPONSES, API_KEY, None),
    ("codex", RESPONSES, {**API_KEY, **ACCOUNT}, None),
    ("codex", RESPONSES, {**API_KEY, **OPENAI}, None),
    ("codex", RESPONSES, SUBSCRIPTION, None),
    ("codex", "/backend-api/codex/responses", OPENAI, None),
    ("codex", MESSAGES, API_KEY, 404),
)


def answer(h):
    play = h.headers.get("x-play", "")
    if play == "html":
        h.whole(200, {"content-type": "text/html"}, b"<html>")
    elif play == "much":
        h.start({"content-type": "application/json"})
        for _ in range(ACCOUNT_MAX // (1 << 16) + 1):
            h.piece(b" " * (1 << 16))
        h.end()
    elif play == "most":
        h.whole(200, {"content-type": "application/json"}, b" " * ACCOUNT_MAX)
    elif h.command == "GET":
        h.whole(200, {"content-type": "application/json", "x-etag": "7"},
                json.dumps({"path": h.path}).encode())
    else:
        h.start({"content-type": "text/event-stream"})
        for e in g.responses_events() if h.path.endswith("responses") else g.text_events():
            h.piece(e)
        h.end()


class Three:
    """A provider of each kind, and what each was sent."""

    def __init__(self):
        self.by = {n: g.Provider(answer) for n in ("anthropic", "openai", "chatgpt")}

    def policy(self):
        return ('[proxy]\nanthropic_upstream = "http://127.0.0.1:%d/base"\n'
                'openai_upstream = "http://127.0.0.1:%d/v1"\n'
                'chatgpt_upstream = "http://127.0.0.1:%d/backend-api/"\n'
                % tuple(self.by[n].port for n in ("anthropic", "openai", "chatgpt")))

    def seen(self):
        return {n: len(p.seen) for n, p in self.by.items()}

    def close(self):
        for p in self.by.values():
            p.close()


def keys_go_to_their_provider_only(three, runs):
    for agent, path, head, want in MATRIX:
        what = "%s %s with %s" % (agent, path, " and ".join(
            "%s: %s" % (n, v.replace(SECRET, "")) for n, v in head.items()))
        before = three.seen()
        get = path.startswith("/backend-api/wham")
        status, _, got = runs[agent].ask(
            path, None if get else g.ASK_CODEX if path.endswith("responses") else g.ASK, head,
            "GET" if get else "POST")
        news = {n: k - before[n] for n, k in three.seen().items() if k != before[n]}
        if want is None or want == 404:
            same(status, want or 400, what + ": refused")
            ok(b"pando-ai" in got and SECRET.encode() not in got, what + ": the reason, not the key", got)
            same(news, {}, what + ": nothing was sent anywhere")
            continue
        to, at = want
        same((status, news), (200, {to: 1}), what + ": goes to " + to)
        _, there, came, _ = three.by[to].seen[-1]
        same(there, at, what + ": the path there")
        same({n.lower(): came[n] for n in ("x-api-key", "authorization", "chatgpt-account-id") if came[n]},
             {n.lower(): v for n, v in head.items()}, what + ": the login as it was")


def two_of_a_kind_are_refused(three, run):
    before = three.seen()
    c = run.open()
    c.putrequest("POST", run.url(RESPONSES))
    for value in ("Bearer sk-proj-a", "Bearer sk-proj-b"):
        c.putheader("authorization", value)
    body = json.dumps(g.ASK_CODEX).encode()
    c.putheader("content-length", str(len(body)))
    c.endheaders(body)
    r = c.getresponse()
    got = r.read()
    ok(r.status == 400 and b"more than one authorization" in got, "two logins of a kind are refused", got)
    c.close()
    same(three.seen(), before, "... and sent nowhere")


def account_paths_by_name(home, three, run):
    chatgpt = three.by["chatgpt"]
    for path in WHAM + ("codex/models?client_version=1",):
        status, head, got = run.ask("/backend-api/" + path, None, ACCOUNT, "GET")
        same((status, json.loads(got)), (200, {"path": "/backend-api/" + path}), "passes: " + path)
        same(head["x-etag"], "7", "... with its headers")
    before = three.seen()
    for path in DENIED:
        for method in ("GET", "POST"):
            status, _, got = run.ask("/backend-api/" + path, b"{}" if method == "POST" else None,
                                     ACCOUNT, method)
            ok(status == 404 and b"pando-ai" in got, "404 with a reason: %s %s" % (method, path),
               (status, got))
    for path in WHAM:
        same(run.ask("/backend-api/" + path, b"{}", ACCOUNT)[0], 404, "no POST to " + path)
    same(three.seen(), before, "none of these was sent anywhere")
    refused = [x for x in home.lines("gateway_refused") if "path" in x.get("reason", x.get("error", str(x)))]
    ok(len(refused) >= 2 * len(DENIED) + len(WHAM), "each has a line in the log", len(refused))
    status, _, got = run.ask("/backend-api/wham/usage", None, {**ACCOUNT, "x-play": "html"}, "GET")
    ok(status == 400 and b"text/html" in got, "an answer that is not JSON is refused", (status, got))
    status, _, got = run.ask("/backend-api/wham/usage", None, {**ACCOUNT, "x-play": "much"}, "GET")
    ok(status == 400 and str(ACCOUNT_MAX).encode() in got, "an answer that is too long is refused",
       (status, got[:200]))
    status, _, got = run.ask("/backend-api/wham/usage", None, {**ACCOUNT, "x-play": "most"}, "GET")
    same((status, len(got)), (200, ACCOUNT_MAX), "the longest one passes")
    same(chatgpt.seen[-1][0], "GET", "... all of them asked with GET")


def keys_are_nowhere_else(home):
    pid = home.gateway.pid
    proc = Path("/proc/%d" % pid)
    for name in ("cmdline", "environ"):
        ok(SECRET.encode() not in (proc / name).read_bytes(), "no key in /proc/PID/" + name)
    for path in home.path.rglob("*"):
        if path.is_file():
            ok(SECRET.encode() not in path.read_bytes(), "no key in %s" % path.name)
    core = [x.split() for x in (proc / "limits").read_text().split("\n") if x.startswith("Max core")]
    same([x[4:6] for x in core], [["0", "0"]], "the gateway leaves no core")


def nobody_reads_its_memory(build):
    """As a plain user: root may do everything."""
    home = g.Home(build, 1)
    who = {}
    if os.geteuid() == 0:
        who = {"user": 65534, "group": 65534, "extra_groups": []}
        for path in (home.path, home.path / ".pando", home.policy, home.root):
            os.chown(path, 65534, 65534)
    back, front = os.pipe()
    try:
        p = subprocess.Popen([str(home.program), "--ready-fd", str(front)], pass_fds=[front],
                             env=home.env(), stderr=subprocess.DEVNULL, **who)
    except PermissionError:
        os.close(back)
        g.skip("nobody reads the gateway's memory", "a plain user cannot reach the build folder")
        home.close()
        return
    finally:
        os.close(front)
    with os.fdopen(back) as f:
        same(f.read(), "ready\n", "a gateway of a plain user starts")

    def peek(pid):
        got = subprocess.run(["sh", "-c", ": </proc/%d/mem" % pid], capture_output=True, text=True,
                             check=False, **who)
        return "open" if got.returncode == 0 else got.stderr.split(":")[-1].strip()
    same(peek(p.pid), "Permission denied", "its own user cannot open its memory")
    other = subprocess.Popen(["sleep", "60"], **who)
    same(peek(other.pid), "open", "... as it can that of another process")
    for child in (other, p):
        child.terminate()
        child.wait(g.DEADLINE)
    home.close()


def main():
    build = g.build()
    three = Three()
    home = g.Home(build, 1)
    home.policy.write_text(g.UNATTENDED + three.policy())
    with g.stage(home, three):
        runs = {"claude": home.register(), "codex": home.register("codex")}
        keys_go_to_their_provider_only(three, runs)
        two_of_a_kind_are_refused(three, runs["codex"])
        account_paths_by_name(home, three, runs["codex"])
        keys_are_nowhere_else(home)
        nobody_reads_its_memory(build)
    g.done()


if __name__ == "__main__":
    main()
