#!/usr/bin/env python3
"""The ways to tools of codex's own: models, features, sandbox, terminal interface, and calls that
nobody offered. See _escapes.py."""
import json
import sys

from _agents import Scene, native_touch
from _escapes import (FINAL, PROVIDER, QUIET, TOP, TRUSTED, Row, exec_with, main, marked, offered)

SANDBOX = (
    Row("#11 the person's sandbox is on", marked, prompt="TOUCH it.", sandbox="read-only",
        closed=True),
    Row("#11 -s", marked, exec_with("-s", "danger-full-access"), ("-s",), prompt="TOUCH it.",
        sandbox="read-only"),
    Row("#11 -sX", marked, exec_with("-sdanger-full-access"), ("-s",), prompt="TOUCH it.",
        sandbox="read-only"),
    Row("#11 --sandbox=X", marked, exec_with("--sandbox=danger-full-access"), ("--sandbox",),
        prompt="TOUCH it.", sandbox="read-only"),
    Row("#11 --yolo", marked, exec_with("--yolo"), ("--yolo",), prompt="TOUCH it.",
        sandbox="read-only"),
    Row("#11 --dangerously-bypass-approvals-and-sandbox", marked,
        exec_with("--dangerously-bypass-approvals-and-sandbox"),
        ("--dangerously-bypass-approvals-and-sandbox",), prompt="TOUCH it.", sandbox="read-only"),
    Row("#11 -c sandbox_mode", marked, exec_with("-c", "sandbox_mode=danger-full-access"),
        ("-c sandbox_mode",), prompt="TOUCH it.", sandbox="read-only"),
    Row("#11 sandbox_mode of the person's", marked, prompt="TOUCH it."),
)

# what each way brings, as the model is offered it
MODELS = (
    ("gpt-6.1-sol", ("functions/exec", "functions/wait", "clock/sleep",
                     "collaboration/spawn_agent", "functions/request_user_input_async")),
    ("gpt-6-sol", ("functions/exec", "collaboration/send_message")),
    ("gpt-5.6-luna", ("functions/exec", "functions/wait", "functions/request_user_input")),
    ("gpt-5.5", ("exec_command", "write_stdin", "apply_patch", "view_image", "create_goal",
                 "update_goal", "get_goal", "tool_search", "web_search", "request_user_input")),
    ("a-model-of-tomorrow", ("exec_command", "write_stdin", "view_image", "web_search",
                             "multi_agent_v1/spawn_agent")),
)
BY_MODEL = tuple(Row("1.3 the tools of %s" % m, offered(*tools), exec_with("-m", m))
                 for m, tools in MODELS)

FEATURES = (
    ("request_permissions_tool", "request_permissions"),
    ("send_message_to_user_async", "send_message_to_user_async"),
    ("multi_agent_v2", "collaboration/spawn_agent"),
    ("token_budget", "new_context"),
    ("deferred_executor", "wait_for_environment"),
    ("multi_env_copy_file", "multi_env_copy_file"),
    ("current_time_reminder", "clock/curr_time"),
    ("default_mode_request_user_input", "request_user_input"),
    ("code_mode", "exec"),
    ("code_mode_only", "exec"),
)
BY_FEATURE = tuple(Row("#12 %s of the person's" % f, offered(tool), features={f: True})
                   for f, tool in FEATURES) + (
    Row("#12 --enable", offered("new_context"), exec_with("--enable", "token_budget"),
        ("--enable",)),
    Row("#12 -c features", offered("new_context"), exec_with("-c", "features.token_budget=true"),
        ("-c features.token_budget",)),
)

TERMINAL = (
    Row("1.3 the terminal interface's own server", offered("mcp__codex_tui/create_thread"),
        ["--no-daemon", "-m", "m", "@PROMPT@"], config=TRUSTED, keys=((FINAL, "\x03"),)),
    Row("#12b --search", offered("web_search"), ["--no-daemon", "-m", "m", "--search", "@PROMPT@"],
        ("--search", "[native_tools] allow"), top='web_search = "disabled"', config=TRUSTED,
        keys=((FINAL, "\x03"),)),
    Row("#12b web_search of the person's", offered("web_search"), top='web_search = "live"'),
)

# --- calls that nobody offered --------------------------------------------------
NAMES = ("exec_command", "write_stdin", "shell", "shell_command", "local_shell", "container.exec",
         "view_image", "update_plan", "spawn_agent", "wait_agent", "create_goal", "update_goal",
         "request_user_input", "request_permissions", "web_search", "image_generation",
         "tool_search", "new_context", "get_context_remaining", "multi_env_copy_file",
         "wait_for_environment", "send_message_to_user_async", "sleep", "js_repl", "artifact")
SPACES = ("functions/exec", "clock/sleep", "collaboration/spawn_agent", "multi_agent_v1/spawn_agent",
          "mcp__codex_tui/create_thread", "mcp__evil/touch")
SCRIPTS = {"exec": "await tools.exec_command({cmd: 'touch %s'})",
           "apply_patch": "*** Begin Patch\n*** Add File: patched\n+x\n*** End Patch"}


def native_calls(scene):
    plain = {"cmd": "touch %s" % scene.canary, "command": ["touch", str(scene.canary)],
             "path": "hello.txt", "message": "x", "objective": "x"}
    calls = [{"call": {"tool": n, "args": plain}} for n in NAMES]
    calls += [{"call": {"tool": n, "input": text.replace("%s", str(scene.canary))}}
              for n, text in SCRIPTS.items()]
    return calls + [{"item": {"type": "function_call", "namespace": n.split("/")[0],
                              "id": "fc_1", "status": "completed", "name": n.split("/")[1],
                              "call_id": "call_" + n.replace("/", "_"),
                              "arguments": json.dumps(plain)}} for n in SPACES]


def calls_that_nobody_offered(r, stage, person):
    """The agent alone, with no gateway that would stop them: [proxy] is off."""
    turns = lambda s: [native_calls(s), [{"say": FINAL}]]
    with Scene(stage, "codex", person, turns, 'codex = "off"\n') as s:
        config = TOP % "danger-full-access" + PROVIDER % 'env_key = "OPENAI_API_KEY"' + QUIET
        (s.home / ".codex" / "config.toml").write_text(config.replace("@HERE@", s.upstream))
        run = s.supervised()
        r.ok(run.status == 0 and FINAL in run.out, "the session goes on", (run.status, run.err))
        results = s.requests()[-1]["results"]
        r.same(len(results), len(native_calls(s)), "each call has its answer")
        r.same([t for t in results if "unsupported" not in t], [], "which says that there is no such tool")
        r.ok(not s.canary.exists() and not (s.project / "patched").exists(), "nothing was done")


def the_same_calls_without_the_shim(r, stage, person):
    turns = lambda s: [[native_touch(s.canary)] + native_calls(s)[-8:-6], [{"say": FINAL}]]
    with Scene(stage, "codex", person, turns, shims=False) as s:
        run = s.bare()
        r.ok(run.status == 0, "the session goes on", (run.status, run.err))
        r.ok(s.canary.exists(), "the command ran")
        r.ok((s.project / "patched").exists(), "the patch was applied")


if __name__ == "__main__":
    sys.exit(main(SANDBOX + BY_MODEL + BY_FEATURE + TERMINAL,
                  (calls_that_nobody_offered, the_same_calls_without_the_shim)))
