#!/usr/bin/env python3
"""The person's own MCP servers with the real agents: what the policy admits works, and no more.

The person has two servers, docs and evil. The project has one called docs too, with another command,
and one of its own. Which of them were started tells a file that each makes.
"""
import http.server
import json
import threading

from _agents import (AGENTS, Scene, on_wire, options, pando_tools, persons, run_cases, stages)
from _scripts import FINAL, check_log

ALLOW = '[other_mcp]\nmode = "allow_list"\nservers = [{ server = "docs", tools = ["look*"] }]\n'
DENY = ('[other_mcp]\nmode = "deny_list"\nservers = ["evil", "project", '
        '{ server = "docs", tools = ["touch", "write*"] }]\n')
TOOLS = ("look", "write-all")
LOGIN = {"claude": "sk-ant-dummy-key", "codex": "sk-dummy-key"}
NOT_FOR_SERVERS = ("ANTHROPIC_", "CLAUDE_CODE_MESSAGING", "CLAUDE_CODE_OAUTH")


class Servers(Scene):
    def server(self, name):
        return {"command": "/usr/bin/python3",
                "args": [str(self.stage.evil), str(self.mark(name)), *TOOLS]}

    def mark(self, name, what=""):
        return self.canary.parent / (name + what)

    def toml(self, names):
        return "".join('[mcp_servers.%s]\ncommand = "%s"\nargs = %s\n'
                       % (n, self.server(m)["command"], json.dumps(self.server(m)["args"]))
                       for n, m in names)

    def write_person_files(self):
        super().write_person_files()
        mine = [("docs", "docs"), ("evil", "evil"), ("pando-core", "core"), ("a__b", "ab")]
        theirs = [("docs", "false-docs"), ("project", "project"), ("more", "more")]
        (self.home / ".claude.json").write_text(json.dumps(
            {"mcpServers": {n: self.server(m) for n, m in mine}, "numStartups": 3}))
        (self.home / ".codex" / "config.toml").write_text(self.toml(mine))
        (self.project / ".mcp.json").write_text(json.dumps(
            {"mcpServers": {n: self.server(m) for n, m in theirs}}))
        (self.project / ".codex").mkdir()
        (self.project / ".codex" / "config.toml").write_text(self.toml(theirs))


def both_calls(_scene=None):
    return [[{"say": "Both."}, *({"call": {"server": "docs", "tool": t, "args": {}}}
                                 for t in ("look", "touch", "write-all"))], [{"say": FINAL}]]


def started(s):
    names = ("docs", "evil", "core", "ab", "false-docs", "project", "more")
    return [n for n in names if s.mark(n, "-started").exists()]


def check_started(r, s, wanted):
    r.same(started(s), wanted, "what was started")


def check_surroundings(r, s):
    told = json.loads(s.mark("docs", "-started").read_text())
    r.same(told["cwd"], str(s.home), "it starts in the person's folder")
    found = [n for n, v in told["env"].items()
             if LOGIN[s.agent] in v or "/run/" in v and v.startswith("http")
             or v and n.startswith(NOT_FOR_SERVERS)]
    r.same(found, [], "it gets neither login nor address")


def admitted_and_no_more(r, stage, agent, person, policy):
    with Servers(stage, agent, person, both_calls, policy=policy) as s:
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "the client ends well",
             (run.status, run.out, run.err))
        want = sorted(pando_tools(agent) + [on_wire(agent, "docs", "look")])
        for q in s.requests():
            r.same(sorted(q["tools"]), want, "request %d: tools" % q["n"])
        r.ok(s.mark("docs", "-look").exists(), "the admitted tool ran")
        r.ok(any("done: look" in t for t in s.requests()[-1]["results"]),
             "and its answer arrives", s.requests()[-1]["results"])
        r.same([n for n in ("", "-write-all") if s.mark("docs", n).exists()], [],
               "the denied ones did not")
        check_started(r, s, ["docs"])
        check_surroundings(r, s)
        check_log(r, s)
        r.same(s.changed_files(), [], "the person's own files are unchanged")


class Direct(Servers):
    """The person sends the traffic past the gateway, which the policy has switched off."""

    def env(self, path, more=None):
        return super().env(path, dict({"ANTHROPIC_BASE_URL": self.upstream}, **(more or {})))


def without_the_gateway_flags_and_hook_do_it(r, stage, agent, person, policy, offered):
    with Direct(stage, agent, person, both_calls, policy='claude = "off"\n' + policy) as s:
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "the client ends well",
             (run.status, run.out, run.err))
        r.same([d for d in s.decisions() if d.get("layer") == "gateway"], [],
               "the gateway is not there")
        r.same(sorted(s.requests()[0]["tools"]), sorted(pando_tools(agent) + [
            on_wire(agent, "docs", t) for t in offered]), "tools")
        r.ok(s.mark("docs", "-look").exists(), "the admitted tool ran")
        r.same([n for n in ("", "-write-all") if s.mark("docs", n).exists()], [],
               "the denied ones did not")
        check_started(r, s, ["docs"])
        check_surroundings(r, s)


class Remote(http.server.BaseHTTPRequestHandler):
    """MCP's Streamable HTTP, with single JSON answers and no stream from the server."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(405)

    def do_POST(self):
        m = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((m["method"], self.headers.get("X-Own"),
                                 m.get("params", {}).get("name")))
        if "id" not in m:
            self.answer(202)
            return
        result = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                                 "serverInfo": {"name": "docs", "version": "1"}},
                  "tools/list": {"tools": [{"name": n, "description": "x",
                                            "inputSchema": {"type": "object", "properties": {}}}
                                           for n in ("touch", *TOOLS)]},
                  "tools/call": {"content": [{"type": "text", "text": "done: look"}]}}
        self.answer(200, json.dumps({"jsonrpc": "2.0", "id": m["id"],
                                     "result": result.get(m["method"], {})}).encode())


class RemoteServers(Servers):
    def __init__(self, *args, url, **kw):
        super().__init__(*args, **kw)
        self.url = url

    def write_person_files(self):
        super().write_person_files()
        (self.home / ".claude.json").write_text(json.dumps({"mcpServers": {"docs": {
            "type": "http", "url": self.url, "headers": {"X-Own": "${HOME}"}}}}))
        (self.home / ".codex" / "config.toml").write_text(
            '[mcp_servers.docs]\nurl = "%s"\nhttp_headers = { X-Own = "%s" }\n' % (self.url,
                                                                                self.home))


def a_remote_server_is_admitted(r, stage, agent, person):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Remote) as remote:
        remote.seen = []
        threading.Thread(target=remote.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:%d/mcp" % remote.server_address[1]
        with RemoteServers(stage, agent, person, both_calls, policy=DENY, url=url) as s:
            run = s.supervised()
            r.ok(run.status == 0 and FINAL in run.out, "the client ends well",
                 (run.status, run.out, run.err))
            r.same(sorted(s.requests()[0]["tools"]),
                   sorted(pando_tools(agent) + [on_wire(agent, "docs", "look")]), "tools")
            r.same([n for m, _, n in remote.seen if m == "tools/call"], ["look"],
                   "calls that reach the server")
            r.same({own for m, own, _ in remote.seen if m == "tools/call"}, {str(s.home)},
                   "with the person's header")
        remote.shutdown()


def nothing_is_admitted_by_default(r, stage, agent, person):
    with Servers(stage, agent, person, both_calls) as s:
        run = s.supervised()
        r.same(run.status, 0, "the client ends well")
        r.ok("not connected" not in run.err, "nothing to tell the person", run.err)
        r.same(sorted(s.requests()[0]["tools"]), pando_tools(agent), "our tools only")
        check_started(r, s, [])
        s.bare()
        r.ok({"evil", "core", "ab"} <= set(started(s)), "without the shim they are", started(s))
        r.ok(agent != "claude" or {"project", "more"} <= set(started(s)),
             "and the project's, unasked", started(s))


def main():
    o = options()
    _root, user = persons()
    stage = stages(o.build, [user])[user.name]
    cases = []
    for agent in AGENTS:
        for name, policy in (("allow list", ALLOW), ("deny list", DENY)):
            cases.append(("%s: %s" % (agent, name), admitted_and_no_more,
                          (stage, agent, user, policy)))
        cases.append(("%s: remote" % agent, a_remote_server_is_admitted, (stage, agent, user)))
        cases.append(("%s: no list" % agent, nothing_is_admitted_by_default,
                      (stage, agent, user)))
    for name, policy, offered in (("allow list", ALLOW, ("look", "touch", "write-all")),
                                  ("deny list", DENY, ("look",))):
        cases.append(("claude: %s, no gateway" % name, without_the_gateway_flags_and_hook_do_it,
                      (stage, "claude", user, policy, offered)))
    return run_cases([c for c in cases if o.only in c[0]])


raise SystemExit(main())
