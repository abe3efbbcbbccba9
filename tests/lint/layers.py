#!/usr/bin/env python3
"""Who may include whom (ARCHITECTURE.md, "Layers").

    base <- policy <- shim, gateway, keeper, sandbox, mcp, install
    base/json <- everything but sandbox and base itself

A program meets another by exec, sockets and stdio: the only header of it that another
program may include is its client.h. Files that decide include no header of the rim.
"""
import pathlib
import re
import sys

PROGRAMS = {"shim", "gateway", "keeper", "sandbox", "mcp", "install"}
NO_JSON = {"sandbox"}
# Files that decide: parsers, matchers, plans. They touch no descriptor, socket or clock.
PURE = [
    "policy/glob.c", "policy/decide.c", "policy/tables.c", "policy/index.c", "policy/argument*.c",
    "policy/shell*.c", "policy/command*.c", "policy/programs.c", "policy/reach.c",
    "policy/names.c", "policy/use.c", "policy/upstream.c", "policy/schema*.c", "policy/reader.c",
    "policy/settings.c", "policy/keys.c", "policy/vet*.c", "policy/cover.c", "policy/merge.c",
    "policy/show.c", "policy/compile.c", "policy/bundle.c", "policy/chain.c", "policy/verify.c",
    "policy/price.c", "policy/servers.c", "policy/tested.c",
    "gateway/head.c", "gateway/login.c", "gateway/route.c",
    "base/jscan.c", "base/jcs.c", "policy/call_hash.c", "gateway/witness.c", "gateway/handshake.c",
    "base/jstring.c", "base/jmembers.c",
    "gateway/alike.c", "gateway/canonical.c", "gateway/coding.c",
    "gateway/h1.c",
    "gateway/upstream_answer.c",
    "gateway/budget.c",
    "gateway/repeat.c",
    "gateway/sse.c",
    "gateway/usage.c",
    "gateway/ws*.c",
    "gateway/messages*.c",
    "gateway/responses*.c",
    "gateway/enforce.c", "sandbox/plan.c", "shim/claude*.c", "shim/codex*.c", "shim/hook.c",
    "shim/others.c",
    "mcp/rpc.c", "install/complete.c", "install/learn*.c",
    "install/options.c", "install/policy_advice.c", "install/since.c", "policy/chain.c", "policy/record.c", "install/logs_line.c", "install/used.c",
]
RIM = re.compile(r"<(unistd|fcntl|dirent|netdb|poll|spawn|signal|sys/(socket|stat|wait|mman|epoll)"
                 r"|event2/.*|curl/.*)\.h>|\"base/(fdio|path|child|clock|place)\.h\"")
INCLUDE = re.compile(r"^\s*#\s*include\s+([<\"][^>\"]+[>\"])", re.M)


def fault(path, include):
    own = path.parts[0]
    if include.startswith("<"):
        return None
    target = pathlib.PurePath(include.strip('"'))
    if len(target.parts) < 2:
        return "project headers are included by their path from the root"
    to = target.parts[0]
    if own == "tests":
        return None
    if to == "tests":
        return "only tests include tests"
    if target.parts[:2] == ("base", "json"):
        return f"{own} may not use jansson" if own in NO_JSON else None
    if to == own or to == "base":
        return None
    if own == "base":
        return "base stands on libc alone"
    if to == "policy":
        return None
    if own == "policy":
        return "policy stands on base alone"
    if to in PROGRAMS and target.name == "client.h":
        return None
    return f"{own} may take only {to}/client.h from {to}"


def main():
    bad = 0
    files = [p for d in ["base", "policy", *sorted(PROGRAMS), "tests"]
             for p in pathlib.Path(d).rglob("*.[ch]") if "node_modules" not in p.parts]
    pure = {p for pattern in PURE for p in pathlib.Path(".").glob(pattern)}
    for path in sorted(files):
        for include in INCLUDE.findall(path.read_text()):
            why = fault(path, include)
            if why is None and path in pure and RIM.match(include):
                why = "this file decides; it may not touch the world"
            if why:
                print(f"{path}: includes {include}: {why}")
                bad += 1
    if not files:
        print("no files found")
        bad = 1
    return 1 if bad else 0


sys.exit(main())
