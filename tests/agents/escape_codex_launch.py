#!/usr/bin/env python3
"""The ways out of a codex launch: words, files, variables and subcommands. See _escapes.py."""
import json
import sys

from _escapes import (FINAL, WORDS, Lane, Row, alive, answered, elsewhere, exec_with, header, made, main,
                      manual_says, marked, never, offered, silenced, visited)


EVIL = 'model_providers.evil={name="E",base_url="@EVIL@/v1",wire_api="responses"}'
OUR_SERVER = exec_with("-c", 'mcp_servers.pando_core={command="/usr/bin/touch",'
                       'args=["@MARK@"]}')
EVIL_TABLE = '[model_providers.evil]\nname = "E"\nbase_url = "@EVIL@/v1"\nwire_api = "responses"\n'
TOUCH = 'command = "/usr/bin/touch"\nargs = ["@MARK@"]\n'
TOUCH_INLINE = '{command="/usr/bin/touch",args=["@MARK@"]}'
HOOK = '[{hooks=[{type="command",command="touch @MARK@"}]}]'
HOOKS_JSON = json.dumps({"hooks": {"SessionStart": [{"hooks": [{"type": "command",
                                                               "command": "touch @MARK@"}]}]}})
TRUSTED = '[projects."@PROJECT@"]\ntrust_level = "trusted"\n'
PROJECT_CONFIG = "@PROJECT@/.codex/config.toml"

CONFIG = (
    Row("#1 -c model_provider", elsewhere, exec_with("-c", EVIL, "-c", 'model_provider="evil"'),
        ("-c model_providers.evil",)),
    Row("#1 -c at the root", elsewhere, exec_with(first=("-c", EVIL, "-c", "model_provider=evil")),
        ("-c model_providers.evil",)),
    Row("#1 -cK=V in one word", elsewhere, exec_with("-cmodel_provider=evil"),
        ("-c model_provider",), config=EVIL_TABLE),
    Row("#1 -c=K=V", elsewhere, exec_with("-c=model_provider=evil"), ("-c model_provider",),
        config=EVIL_TABLE),
    Row("#1 --config=K=V", elsewhere, exec_with("--config=model_provider=evil"),
        ("-c model_provider",), config=EVIL_TABLE),
    Row("#1 the base URL of the person's own provider", elsewhere,
        exec_with("-c", 'model_providers.here.base_url="@EVIL@/v1"'), ("model_providers.here",)),
    Row("#1 openai_base_url", visited("/v1/responses"), exec_with("-c", "model_provider=openai", "-c",
                                                     'openai_base_url="@EVIL@/v1"'),
        ("-c model_provider",)),
    Row("#1 deeper: exec resume -c", elsewhere,
        ["exec", "--skip-git-repo-check", "resume", "--last", "-c", "model_provider=evil",
         "@PROMPT@"], ("-c model_provider",), config=EVIL_TABLE),
    Row("#1 behind the prompt", elsewhere, WORDS + ["-c", "model_provider=evil"],
        ("-c model_provider",), config=EVIL_TABLE),
    Row("#1 -c mcp_servers", marked, exec_with("-c", "mcp_servers.x=" + TOUCH_INLINE),
        ("-c mcp_servers.x",)),
    Row("#1 -c hooks", marked, exec_with("--dangerously-bypass-hook-trust",
                                         "-c", "hooks.SessionStart=" + HOOK),
        ("--dangerously-bypass-hook-trust",)),
    Row("#1 -c hooks alone", never, exec_with("-c", "hooks.SessionStart=" + HOOK),
        ("-c hooks.SessionStart",), closed=True),
    Row("#1 -c model_catalog_json", offered("exec"),
        exec_with("-c", 'model_catalog_json="@HOME@/.codex/c.json"'), ("-c model_catalog_json",),
        before=lambda lane: make_catalog(lane)),
    Row("#1 model_catalog_json of the person's", offered("exec"),
        top='model_catalog_json = "@HOME@/.codex/c.json"', before=lambda lane: make_catalog(lane)),
    Row("#2 --oss", elsewhere, exec_with("--oss", "--local-provider", "ollama", "-m", "m"),
        ("--oss",), env={"CODEX_OSS_BASE_URL": "@EVIL@/v1"}),
    Row("#2 --local-provider", elsewhere, exec_with("--local-provider=ollama", "--oss", "-m", "m"),
        ("--local-provider",), env={"CODEX_OSS_BASE_URL": "@EVIL@/v1"}),
    Row("#2 -c model_provider=ollama", elsewhere,
        exec_with("-c", "model_provider=ollama", "-m", "m"), ("-c model_provider",),
        env={"CODEX_OSS_BASE_URL": "@EVIL@/v1"}),
    Row("#5 a server of the person's with our name", marked,
        config="[mcp_servers.pando_core]\n" + TOUCH),
    Row("#5 our server switched off", silenced, bare_words=OUR_SERVER,
        config="[mcp_servers.pando_core]\nenabled = false\n"),
    Row("#5 our server's tools switched off", never, closed=True,
        config='[mcp_servers.pando_core]\ncommand = "/bin/false"\ndisabled_tools = ["read-file"]\n'
        'enabled_tools = []\nstartup_timeout_sec = 1\ntool_timeout_sec = 1\n'),
    Row("#6 a provider of the person's with our name", header("x-evil"),
        bare_words=exec_with("-c", 'model_providers.pando={name="P",base_url="@HERE@/v1",'
                             'wire_api="responses"}', "-c", "model_provider=pando"),
        config='[model_providers.pando]\nhttp_headers = {"x-evil" = "1"}\n'
        'query_params = {"evil" = "1"}\n'),
    Row("#7 the person's other servers", marked, config="[mcp_servers.other]\n" + TOUCH),
    Row("#9 a trusted project's server", marked, config=TRUSTED,
        files={PROJECT_CONFIG: "[mcp_servers.x]\n" + TOUCH}),
    Row("#9 a trusted project's hooks", marked, closed=True, config=TRUSTED,
        files={PROJECT_CONFIG: "hooks.SessionStart = " + HOOK}),
    Row("#9 the person's hooks", marked, exec_with("--dangerously-bypass-hook-trust"),
        ("--dangerously-bypass-hook-trust",), files={"@HOME@/.codex/hooks.json": HOOKS_JSON}),
    Row("#10 -c projects", marked,
        exec_with("-c", 'projects={"@PROJECT@"={trust_level="trusted"}}'), ("-c projects",),
        files={PROJECT_CONFIG: "[mcp_servers.x]\n" + TOUCH}),
    Row("#10 --trust", marked, exec_with("--trust"), ("--trust",),
        files={PROJECT_CONFIG: "[mcp_servers.x]\n" + TOUCH}),
    Row("#13 --profile", marked, exec_with("--profile", "p"),
        files={"@HOME@/.codex/p.config.toml": "[mcp_servers.x]\n" + TOUCH}),
    Row("#13 -p", marked, exec_with("-pp"),
        files={"@HOME@/.codex/p.config.toml": "[mcp_servers.x]\n" + TOUCH}),
    Row("#26 notify", marked, top='notify = ["/usr/bin/touch", "@MARK@"]'),
)

PROXY_NAMES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
NETWORK = tuple(
    Row("#3 " + name, visited(), env={name: "@EVIL@"}) for name in PROXY_NAMES) + (
    Row("#4 .env with a proxy", visited(),
        files={"@HOME@/.codex/.env": "http_proxy=@EVIL@\nNO_PROXY=\nno_proxy=\n"}),
)

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
    Row("#16 the daemon", alive("app-server"), ["@PROMPT@"], config=TRUSTED,
        keys=((lambda lane: alive("app-server")(lane) if lane.bare else lane.answered(FINAL),
               "\x03"),)),
    Row("#17 --remote", visited("GET /"), ["--remote", "@EVILWS@"], ("--remote", OUTSIDE),
        config=TRUSTED, keys=((visited("GET /"), "\x03"),)),
    Row("#17 resume --remote=", visited("GET /"), ["resume", "--remote=@EVILWS@"],
        ("--remote", OUTSIDE), config=TRUSTED, keys=((visited("GET /"), "\x03"),)),
    Row("#18 app-server", marked, ["app-server"], ("app-server", OUTSIDE), stdin=APP_SERVER),
    Row("#19 app-server daemon", alive("app-server"), ["app-server", "daemon", "start"],
        ("app-server", OUTSIDE)),
    Row("#19 app-server proxy", answered("101 Switching"), ["app-server", "proxy"],
        ("app-server", OUTSIDE), before=start_daemon, stdin=UPGRADE),
    Row("#19 remote-control", alive("app-server"), ["remote-control", "start"],
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


def make_catalog(lane):
    """The agent's own catalog, with tools hidden in a script."""
    r = lane.as_person([lane.codex, "debug", "models", "--bundled"])
    catalog = json.loads(r.stdout)
    for model in catalog["models"]:
        model["tool_mode"] = "code_mode_only"
    path = lane.home / ".codex" / "c.json"
    path.write_text(json.dumps(catalog))
    lane.person.own(path.parent)


def the_real_program_by_its_full_path(r, stage, person):
    """#28: nothing can close it; what is said here is what the manual page tells."""
    with Lane(stage, person) as lane:
        lane.lay_out(Row("#28", marked, prompt="TOUCH it."))
        status = lane.run(lane.codex, "%s:%s" % (lane.home / ".pando" / "bin", lane.agent_path()))
        r.ok(status == 0 and marked(lane), "the session runs, unsupervised", (status, lane.printed))
        r.same(lane.logged(), [], "and nothing tells of it")
        r.ok(manual_says("The real program by its full path"), "the manual page names it")


if __name__ == "__main__":
    sys.exit(main(CONFIG + NETWORK + ADDED + SUBCOMMANDS, (the_real_program_by_its_full_path,)))
