#!/usr/bin/env python3
"""The ways out of a codex launch: plugins, apps, variables and subcommands. See _escapes.py."""
import json
import sys

from _escapes import (EVIL_TABLE, FINAL, OUR_SERVER, TRUSTED, Lane, Row, alive, answered, elsewhere,
                      exec_with, made, main, manual_says, marked, never, silenced, visited)


def make_plugin(lane):
    """A plugin of the person's with a server, installed as the agent does it."""
    at = lane.home / "market"
    plugin = at / "plugins" / "demo"
    files = {at / ".agents/plugins/marketplace.json": {"name": "local", "plugins": [
                 {"name": "demo", "source": {"source": "local", "path": "./plugins/demo"},
                  "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"},
                  "category": "Productivity"}]},
             plugin / ".codex-plugin/plugin.json": {
                 "name": "demo", "version": "1.0.0", "description": "d",
                 "mcpServers": "./.mcp.json"},
             plugin / ".mcp.json": {"mcpServers": {"x": {"command": "/usr/bin/touch",
                                                         "args": [str(lane.canary)]}}}}
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
    lane.person.own(at)
    lane.as_person([lane.codex, "plugin", "marketplace", "add", str(at)])
    lane.as_person([lane.codex, "plugin", "add", "demo@local"])


def make_session(lane):
    """A session that another provider has served."""
    lane.as_person([lane.codex] + [lane.fill(w) for w in exec_with("-c", "model_provider=evil")])


def unpatched(lane):
    (lane.project / "patched").unlink(missing_ok=True)


def start_daemon(lane):
    """As a session without the shim leaves one behind."""
    if lane.bare:
        lane.as_person([lane.codex, "app-server", "daemon", "start"])


APP_SERVER = "".join(json.dumps(m) + "\n" for m in (
    {"id": 1, "method": "initialize", "params": {
        "clientInfo": {"name": "t", "title": "t", "version": "1"},
        "capabilities": {"experimentalApi": True}}},
    {"method": "initialized"},
    {"id": 2, "method": "process/spawn", "params": {
        "processHandle": "p", "command": ["/usr/bin/touch", "@MARK@"], "cwd": "@PROJECT@"}}))
UPGRADE = ("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
ELSEWHERE_ACCOUNT = 'chatgpt_base_url = "@EVIL@/backend-api/"'
PATCH = "*** Begin Patch\n*** Add File: patched\n+x\n*** End Patch\n"
STRANGE = {"CODEX_SQLITE_HOME": "@SCENE@/none", "CODEX_INTERNAL_ORIGINATOR_OVERRIDE": "evil",
           "CODEX_SANDBOX": "seatbelt", "CODEX_SANDBOX_NETWORK_DISABLED": "1",
           "CODEX_PERMISSION_PROFILE": ":danger-full-access", "CODEX_URL": "@EVIL@",
           "CODEX_CA_CERTIFICATE": "/nonexistent.pem", "SSL_CERT_FILE": "/nonexistent.pem",
           "CODEX_AUTHAPI_BASE_URL": "@EVIL@", "OPENAI_BASE_URL": "@EVIL@/v1", "RUST_LOG": "error"}
OUTSIDE = "cannot supervise"

ADDED = (
    Row("#14 a plugin's server", marked, features={"plugins": True}, before=make_plugin),
    Row("#15 apps", visited("ps/mcp"), features={"apps": True}, account=True,
        top=ELSEWHERE_ACCOUNT),
    Row("#29 an account that sends elsewhere", elsewhere, account=True, closed=True,
        top=ELSEWHERE_ACCOUNT),
    Row("#25 variables of the agent's own", visited(), env=STRANGE, closed=True),
    Row("#25 an exec server", silenced, bare_words=OUR_SERVER,
        env={"CODEX_EXEC_SERVER_URL": "ws://127.0.0.1:1"}),
)

TYPED = ((FINAL, "\x03"),)
SUBCOMMANDS = (
    Row("#16 the daemon", alive("--managed-daemon"), ["@PROMPT@"], config=TRUSTED,
        keys=((lambda lane: alive("--managed-daemon")(lane) if lane.bare else lane.answered(FINAL),
               "\x03"),)),
    Row("#17 --remote", visited("GET /"), ["--remote", "@EVILWS@"], ("--remote", OUTSIDE),
        config=TRUSTED, keys=((visited("GET /"), "\x03"),)),
    Row("#17 resume --remote=", visited("GET /"), ["resume", "--remote=@EVILWS@"],
        ("--remote", OUTSIDE), config=TRUSTED, keys=((visited("GET /"), "\x03"),)),
    Row("#18 app-server", marked, ["app-server"], ("app-server", OUTSIDE), stdin=APP_SERVER),
    Row("#19 app-server daemon", alive("--managed-daemon"), ["app-server", "daemon", "start"],
        ("app-server", OUTSIDE)),
    Row("#19 app-server proxy", answered("101 Switching"), ["app-server", "proxy"],
        ("app-server", OUTSIDE), before=start_daemon, stdin=UPGRADE),
    Row("#19 remote-control", alive("--managed-daemon"), ["remote-control", "start"],
        ("remote-control", OUTSIDE), account=True, top=ELSEWHERE_ACCOUNT),
    Row("#19 queue", answered("daemon"), ["queue", "--help"], ("queue", OUTSIDE)),
    Row("#20 cloud", visited("CONNECT chatgpt.com"), ["cloud", "list"], ("cloud", OUTSIDE),
        account=True, env={"HTTPS_PROXY": "@EVIL@"}),
    Row("#21 apply", visited("tasks"), ["apply", "task_1"], ("apply", OUTSIDE), account=True,
        top=ELSEWHERE_ACCOUNT),
    Row("#21 a", visited("tasks"), ["a", "task_1"], ("a is refused", OUTSIDE), account=True,
        top=ELSEWHERE_ACCOUNT),
    Row("#22 sandbox", answered("4711"), ["sandbox", "--", "expr", "4000", "+", "711"],
        ("sandbox", OUTSIDE)),
    Row("#22 exec-server", answered('"id":1'), ["exec-server", "--listen", "stdio"],
        ("exec-server", OUTSIDE), stdin=APP_SERVER),
    Row("#22 responses-api-proxy", answered("Usage"), ["responses-api-proxy", "--help"],
        ("responses-api-proxy", OUTSIDE)),
    Row("#22 stdio-to-uds", answered("Usage"), ["stdio-to-uds", "--help"],
        ("stdio-to-uds", OUTSIDE)),
    Row("#22 execpolicy", answered("Usage"), ["execpolicy", "--help"], ("execpolicy", OUTSIDE)),
    Row("#22 --codex-run-as-apply-patch", made("patched"), ["--codex-run-as-apply-patch", PATCH],
        ("--codex-run-as-apply-patch",), before=unpatched),
    Row("#23 exec resume of a session from elsewhere", elsewhere,
        ["exec", "--skip-git-repo-check", "resume", "--last", "@PROMPT@"], config=EVIL_TABLE,
        before=make_session, closed=True),
    Row("#23 review", elsewhere, ["review", "--uncommitted"], config=EVIL_TABLE, closed=True),
    Row("#23 exec review", elsewhere, ["exec", "--skip-git-repo-check", "review", "--uncommitted"],
        config=EVIL_TABLE, closed=True),
    Row("#24 a word that is no subcommand", never, ["--no-daemon", "voice"], config=TRUSTED, keys=TYPED,
        closed=True),
    Row("#24 a subcommand of other versions", never, ["mcp-server"],
        ("mcp-server", OUTSIDE), bare_words=["--no-daemon", "mcp-server"],
        config=TRUSTED, keys=TYPED, closed=True),
    Row("#27 a command that the person types", marked, ["--no-daemon", "@PROMPT@"], config=TRUSTED,
        keys=((FINAL, "!touch @MARK@"), ("touch @MARK@", "\r"), (marked, "\x03")),
        limit="What the person types behind"),
)


def the_real_program_by_its_full_path(r, stage, person):
    """#28: nothing can close it; what is said here is what the manual page tells."""
    with Lane(stage, person) as lane:
        lane.lay_out(Row("#28", marked, prompt="TOUCH it."))
        status = lane.run(lane.codex, "%s:%s" % (lane.home / ".pando" / "bin", lane.agent_path()))
        r.ok(status == 0 and marked(lane), "the session runs, unsupervised", (status, lane.printed))
        r.same(lane.logged(), [], "and nothing tells of it")
        r.ok(manual_says("The real program by its full path"), "the manual page names it")


if __name__ == "__main__":
    sys.exit(main(ADDED + SUBCOMMANDS, (the_real_program_by_its_full_path,)))
