#!/usr/bin/env python3
"""The real pando-mcp in the core role over stdio: protocol, each tool, hostile projects."""

import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True

from _mcp import ANSWER_SECONDS, Scratch, Server, done, has, report, same

CORE = ["read-file", "list-files", "search-text", "find-nodes"]
REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


def protocol(s):
    for asked in REVISIONS + ["2026-07-28", "nonsense"]:
        with Server(s, "core") as m:
            got = m.ask("initialize", {"protocolVersion": asked, "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})["result"]
            same(got["protocolVersion"], asked if asked in REVISIONS else REVISIONS[-1],
                 f"initialize with {asked}")
            same(got["serverInfo"]["name"], "pando_core", "the server's name")
            report("tools" in got["capabilities"] and len(got["instructions"]) > 50,
                   "capabilities and instructions")
            same(m.end(), (0, ""), "the end of input is the end, in silence")
    with Server(s, "core") as m:
        same(m.ask("server/discover", {"_meta": {}})["error"]["code"], -32601,
             "an unknown method is refused at once")
        m.send(method="notifications/initialized")
        m.send(method="notifications/unknown", params={})
        m.send(id=77, result={})
        same(m.ask("ping")["result"], {}, "notifications and responses get no answer")
        tools = m.ask("tools/list")["result"]["tools"]
        same([t["name"] for t in tools], CORE, "the core has its tools and no other")
        report(all(t["annotations"]["readOnlyHint"] for t in tools), "all of them only read")
        report(all(t["inputSchema"]["type"] == "object" for t in tools), "each has a schema")
        for text, code in (("{", -32700), ("[]", -32600), ('{"jsonrpc":"2.0","id":1}', -32600),
                           ('{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602)):
            m.send_text(text + "\n")
            same(m.answer()["error"]["code"], code, f"{text}")
        same(m.ask("tools/call", {"name": "no-such"})["error"]["code"], -32602,
             "an unknown tool")
        same(m.ask("tools/call", {"name": "replace"})["error"]["code"], -32602,
             "a tool of the other role is unknown")
        same(m.ask("tools/call", {"name": "read-file", "arguments": []})["error"]["code"],
             -32602, "arguments that are no object")
        m.send_text('{"jsonrpc":"2.0","id":1,"method":"' + "x" * (17 << 20) + '"}\n')
        same(m.answer()["error"]["code"], -32600, "a line that is too long")
        same(m.ask("ping")["result"], {}, "the server lives on")


def reading(s, m):
    s.write("src/a.c", "int a;\n\tint b;\nlast")
    text, failed, data = m.call("read-file", path="src/a.c")
    same((text.splitlines()[1:], failed),
         (["     1\tint a;", "     2\t\tint b;", "     3\tlast",
           "[no newline at the end of the file]"], False), "read-file shows exact lines")
    same((data["lines"], data["last"], len(data["hash"])), (3, 3, 16), "and tells lines and hash")
    has(text, data["hash"], "the hash is in the text too")
    text, _, data = m.call("read-file", path=s.path("src", "a.c"), offset=2, limit=1)
    same((text.splitlines()[1:], data["first"]),
         (["     2\t\tint b;", "1 more lines: ask with offset 3"], 2),
         "an absolute path within the root, a page of it")
    s.write("big", "".join(f"line {i}\n" for i in range(1, 50001)))
    text, _, data = m.call("read-file", path="big")
    report(data["last"] == 2000 and len(text) < 110000, "a long file comes in pages", data)
    s.write("empty", "")
    same(m.call("read-file", path="empty")[2]["lines"], 0, "an empty file has no lines")
    s.write("bin", b"\x00\x01\xff")
    for arguments, what in (
            ({"path": "bin"}, "not text"), ({"path": "nope"}, "No such file"),
            ({"path": "src"}, "is a directory"), ({"path": "../x"}, '".."'),
            ({"path": "/etc/passwd"}, "outside of the project root"),
            ({"path": "src/a.c", "offset": 9}, "behind its end"), ({}, '"path" is missing'),
            ({"path": "src/a.c", "encoding": "x"}, 'no argument "encoding"'),
            ({"path": 3}, "must be of type string")):
        text, failed, _ = m.call("read-file", **arguments)
        same(failed, True, f"read-file {arguments} fails")
        has(text, what, "and says why")


def listing(s, m):
    for name in ("l/b.ts", "l/a/x.c", "l/.git/config", "l/.pando-sandbox/h",
                 "l/node_modules/m.js"):
        s.write(name, "x")
    os.symlink("/etc", s.path("l", "link"))
    text, failed, data = m.call("list-files", path="l")
    same((text.splitlines(), failed),
         (["l/a/x.c", "l/b.ts", "l/link (link)", "l/node_modules/m.js"], False),
         "list-files is sorted, without .git, links not followed")
    same(data["found"], 4, "and counts")
    same(m.call("list-files", path="l", glob="*.{c,ts}")[2]["files"], ["l/a/x.c", "l/b.ts"],
         "a glob")
    text, _, _ = m.call("list-files", path="l", limit=1, offset=1)
    same(text.splitlines(), ["l/b.ts", "2 more: ask with offset 2"], "a page")
    has(m.call("list-files", path="l", glob="[")[0], "without its ]", "a bad glob is explained")
    same(m.call("list-files", path="l/link")[1], True, "a link is no directory")


def searching(s, m):
    s.write("s/one.txt", "alpha\nÄ needle needle\nomega\r\n")
    s.write("s/two.py", "NEEDLE\n")
    s.write("s/bin", b"needle\x00")
    text, _, data = m.call("search-text", query="needle", path="s")
    same(text.splitlines(), ["s/one.txt:2:3: Ä needle needle", "1 lines in 1 files",
                             "1 files that are not text were not searched"],
         "search-text tells file, line and column")
    same(data["hits"], [{"path": "s/one.txt", "line": 2, "column": 3}], "as an object too")
    same(m.call("search-text", query="needle", path="s", case_insensitive=True)[2]["found"], 2,
         "case can be ignored")
    text, _, _ = m.call("search-text", query="needle", path="s/one.txt", context=1)
    same(text.splitlines()[:4], ["s/one.txt-1- alpha", "s/one.txt:2:3: Ä needle needle",
                                 "s/one.txt-3- omega", "--"], "context")
    s.write("s/many", "".join(f"hit {i}\n" for i in range(250)))
    text, _, data = m.call("search-text", query="hit", path="s/many", limit=100, offset=100)
    same((data["hits"][0]["line"], len(data["hits"])), (101, 100), "the second page")
    has(text, "50 more: ask with offset 200", "and where the third begins")
    same(m.call("search-text", query="a\nb")[1], True, "a query of two lines is explained")


def nodes(s, m):
    s.write("n/a.c", "struct s { int f; };\nint f(void)\n{\n\treturn 0;\n}\n")
    s.write("n/b.ts", "export class K { m() {} }\nconst g = () => 1;\n")
    s.write("n/c.py", "class P:\n    def m(self): pass\n")
    s.write("n/d.tsx", "export const App = () => <b/>;\n")
    s.write("n/broken.c", "int ((((\nint ok(void) { return 1; }\n")
    s.write("n/bad.py", b"\xff\xfe")
    text, _, data = m.call("find-nodes", path="n")
    same(sorted((n["path"], n["line"], n["end_line"], n["kind"], n["name"], n["within"])
                for n in data["nodes"] if "broken" not in n["path"]),
         [("n/a.c", 1, 1, "struct", "s", ""), ("n/a.c", 2, 5, "function", "f", ""),
          ("n/b.ts", 1, 1, "class", "K", ""), ("n/b.ts", 1, 1, "method", "m", "K"),
          ("n/b.ts", 2, 2, "function", "g", ""), ("n/c.py", 1, 2, "class", "P", ""),
          ("n/c.py", 2, 2, "method", "m", "P"), ("n/d.tsx", 1, 1, "function", "App", "")],
         "find-nodes in four languages")
    has(text, "n/a.c:2-5 function f\n", "as text")
    has(text, "1 files could not be read or parsed", "a file that is not text stops nothing")
    same([n["name"] for n in m.call("find-nodes", path="n", name="m", kind="method")[2]["nodes"]],
         ["m", "m"], "by name and kind")
    same([n["path"] for n in m.call("find-nodes", path="n", language="python")[2]["nodes"]],
         ["n/c.py"] * 2, "by language")
    same([n["name"] for n in m.call("find-nodes", path="n/a.c", kind="field")[2]["nodes"]],
         ["f"], "a kind that is not shown unasked")
    has(m.call("find-nodes", kind="nonsense")[0], "must be one of", "an unknown kind")


def hostile(s, m):
    """What a project may hold that must not lead out of it, nor hang the server."""
    os.symlink("/etc/passwd", s.path("passwd"))
    os.symlink("/etc", s.path("etc"))
    os.symlink(".", s.path("loop"))
    os.mkfifo(s.path("fifo"))
    for name in ("passwd", "etc/passwd", "loop/src/a.c"):
        text, failed, _ = m.call("read-file", path=name)
        same(failed, True, f"{name} is not read")
        has(text, "symbolic link", "because of the link")
    has(m.call("read-file", path="fifo")[0], "not a regular file", "a FIFO does not hang")
    same(m.call("search-text", query="root:")[2]["found"], 0, "search follows no link")
    s.write("huge", b"")
    os.truncate(s.path("huge"), 1 << 30)
    has(m.call("read-file", path="huge")[0], "longer than", "a huge file is not read")
    deep = s.root
    for _ in range(80):
        deep = os.path.join(deep, "d")
        os.mkdir(deep)
    has(m.call("list-files", path="d")[0], "too deep", "depth is bounded and told")
    s.write("evil\nname", "x")
    same(m.call("read-file", path="evil\nname")[1], False, "any name can be read")
    s.write("odd/a\nsrc/b.c:1:1: x\x1b[2J", "needle")
    shown = '"odd/a\\x0asrc/b.c:1:1: x\\x1b[2J"'
    same(m.call("list-files", path="odd")[0], shown + "\n", "a name cannot pass for a line")
    same(m.call("search-text", path="odd", query="needle")[0],
         shown + ":1:1: needle\n1 lines in 1 files\n", "nor for a hit")
    s.write("odd.js", 'class A { ["\\\nsrc/b.c:1-2 function x"]() {} ["' + "x" * 800000 +
            '"]() {} b() {} }')
    text = m.call("find-nodes", path="odd.js")[0].splitlines()
    same(len(text), 5, "nor a definition's, and a long one is not in the way of others")
    has(text[3], "method b in A", "the last one is found too")
    os.unlink(s.path("odd.js"))


def policy(s):
    s.policy("[native_tools]\nallow = 7\n", alone=True)
    with Server(s, "core") as m:
        status, err = m.end()
        same(status, 78, "a broken policy: no server")
        has(err, "policy.toml:2", "and the place is told")
    s.policy()


def logged(s):
    before = len(s.log())
    with Server(s, "core") as m:
        m.call("read-file", {"claudecode/toolUseId": "toolu_1"}, path="src/a.c")
        m.call("read-file", {"callId": "call_2"}, path="nope")
        m.end()
    lines = s.log()[before:]
    same([(x["event"], x.get("tool"), x.get("call_id")) for x in lines],
         [("mcp_started", None, None), ("mcp_call_allowed", "read-file", "toolu_1"),
          ("mcp_call_allowed", "read-file", "call_2"),
          ("mcp_call_failed", "read-file", "call_2")], "the decision log")
    report(all(x["run"] == "run1" and x["layer"] == "mcp" for x in lines), "run and layer")
    report(all(len(x["args_sha256"]) == 64 for x in lines[1:]), "arguments only as a hash")
    with Server(s, "core", PANDO_GATEWAY_LOG_FILE="/dev/full") as m:
        status, err = m.end()
        report(status != 0 and "log" in err, "what cannot be logged is not done", err)


def a_log_that_goes_away(s):
    """What is denied keeps its own reason; what is allowed is not done."""
    s.policy('[[rule]]\nid = "no-search"\ntool = "pando_core/search-text"\ndecision = "deny"\n'
             'message = "Look it up."\n')
    log = os.path.join(s.top, "away.jsonl")
    with Server(s, "core", PANDO_GATEWAY_LOG_FILE=log) as m:
        m.ask("ping")  # it has started, and said so in the log
        os.rename(log, log + ".gone")
        os.mkdir(log)
        text, failed, _ = m.call("search-text", pattern="needle")
        report(failed and "Look it up." in text and "no-search" in text, "a refusal without a log", text)
        text, failed, _ = m.call("read-file", path="src/a.c")
        report(failed and "cannot be logged" in text and log in text, "a call without a log", text)
        os.rmdir(log)
        same(m.call("read-file", path="src/a.c")[1], False, "with the log back it goes on")
        m.end()
    with open(log) as f:
        events = [(x["event"], x.get("lost")) for x in map(json.loads, f)]
    same(events, [("mcp_log_lost", 2), ("mcp_call_allowed", None)], "what was lost is told first")
    s.policy()
    for name in (log, log + ".gone", log + ".head"):
        os.unlink(name)  # lines are missing, on purpose


def starting(s):
    def run(root, role="core", **env):
        p = subprocess.run([s.program] + ([] if root is None else ["--project-root", root]),
                           env=s.env(PANDO_PROCESS_ROLE=role, **env), input=b"",
                           capture_output=True, timeout=ANSWER_SECONDS, check=False)
        return p.returncode, p.stderr.decode()

    os.symlink(s.root, os.path.join(s.top, "alias"))
    for root, role, want, says in (
            (None, "core", 64, "usage"), ("rel", "core", 77, "absolute"),
            ("/", "core", 77, "no project"), (s.home, "core", 77, "no project"),
            ("/root", "core", 77, "no project"),
            (s.top, "core", 77, "no project"), (s.root + "/", "core", 77, "extra"),
            (os.path.join(s.top, "alias"), "core", 77, "without links"),
            (s.root, "boss", 64, "PANDO_PROCESS_ROLE"), (s.root, "", 64, "PANDO_PROCESS_ROLE"),
            (os.path.join(s.top, "gone"), "core", 71, "No such file")):
        status, err = run(root, role)
        if root == "/root" and "Permission" in err:
            want, says = 71, "/root"
        same(status, want, f"root {root}, role {role!r}")
        has(err, says, "and it says why")
        report(err.startswith("pando-mcp: ") and err.count("\n") == 1, "in one line", err)
    _, err = run(os.path.join(s.top, "x\npando-shim: well\x1b[2J"))
    has(err, "x?pando-shim: well?[2J", "a name cannot speak to the terminal")
    for more, says in ((["--sandboxed"], "go together"), (["--keeper-fd", "3"], "go together"),
                       (["--sandboxed", "--keeper-fd", "3"], "not inside the sandbox"),
                       (["--frob"], "--frob"), (["x"], "usage")):
        p = subprocess.run([s.program, "--project-root", s.root] + more, env=s.env(), input=b"",
                           capture_output=True, timeout=ANSWER_SECONDS, check=False)
        report(p.returncode != 0 and says in p.stderr.decode(), f"refused: {more}", p)
    with Server(s, "core") as m:
        m.ask("ping")
        os.kill(m.process.pid, signal.SIGTERM)
        same(m.process.wait(timeout=ANSWER_SECONDS), -signal.SIGTERM, "SIGTERM ends it")


def main():
    with Scratch() as s:
        protocol(s)
        with Server(s, "core") as m:
            reading(s, m)
            listing(s, m)
            searching(s, m)
            nodes(s, m)
            hostile(s, m)
            same(m.end(), (0, ""), "all of it without a word on standard error")
        policy(s)
        logged(s)
        a_log_that_goes_away(s)
        starting(s)
    done()


if __name__ == "__main__":
    main()
