#!/usr/bin/env python3
"""pando-ai: what install makes and uninstall takes away, status, policy, logs, usage."""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import decision_logs

passed = failed = 0


def ok(good, what, have=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok - {what}: have {have!r}")


class Home:
    """A home folder with, or without, fake agents on PATH behind the shims' place."""

    def __init__(self, build, agents=("claude", "codex")):
        self.build, self.spoilt = build, False  # spoilt: the decision log, on purpose
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pando-install-"))
        self.agents = self.dir / "agents"
        self.agents.mkdir()
        self.bin = self.dir / ".pando" / "bin"
        for name in agents:
            path = self.agents / name
            path.write_text("#!/bin/sh\necho real\n")
            path.chmod(0o755)
        self.path = f"{self.bin}:{self.agents}:/usr/bin:/bin"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.spoilt:
            decision_logs.keep(self.dir)
        shutil.rmtree(self.dir)

    def run(self, *words, path=None, wrap=()):
        env = {"HOME": str(self.dir), "PATH": path or self.path}
        if "PANDO_TEST_RUN" in os.environ:
            env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]
        return subprocess.run([*wrap, self.build / "bin" / "pando-ai", *words], env=env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def tree(self):
        out = {}
        for p in sorted(self.dir.rglob("*")):
            if p.is_symlink():
                out[str(p)] = "-> " + os.readlink(p)
            elif p.is_file():
                out[str(p)] = hashlib.sha256(p.read_bytes()).hexdigest()
        return out


def install_makes_shims_and_a_policy(build):
    with Home(build) as h:
        r = h.run("install")
        ok(r.returncode == 0, "install succeeds", r.stderr)
        for name in ("claude", "codex"):
            link = h.bin / name
            ok(link.is_symlink() and link.resolve().name == "pando-shim", f"{name} is a shim", link)
        policy = h.dir / ".pando" / "policy.toml"
        ok(h.run("policy", "check").returncode == 0, "the policy it wrote is good")
        policy.write_text("[native_tools]\nallow = [\"Read\"]\n")
        before = h.tree()
        ok(h.run("install").returncode == 0, "install again succeeds")
        after = {k: v for k, v in h.tree().items() if "gateway-debug" not in k}
        before = {k: v for k, v in before.items() if "gateway-debug" not in k}
        ok(before == after, "and changes nothing", set(before.items()) ^ set(after.items()))


def uninstall_removes_the_shims_only(build):
    with Home(build) as h:
        (h.dir / "other").write_text("x")
        h.run("install")
        r = h.run("uninstall")
        ok(r.returncode == 0, "uninstall succeeds", r.stderr)
        ok(not h.bin.exists(), "the shims' folder is gone", list(h.bin.glob("*")))
        ok((h.dir / ".pando" / "policy.toml").exists(), "the policy is kept")
        ok((h.dir / "other").read_text() == "x", "other files are kept")
        ok(h.run("uninstall").returncode == 0, "uninstall again succeeds")


def what_is_not_ours_is_left_alone(build):
    with Home(build) as h:
        h.bin.mkdir(parents=True)
        (h.bin / "claude").write_text("#!/bin/sh\necho mine\n")
        r = h.run("install")
        ok(r.returncode == 77, "install refuses to replace a file", r.returncode)
        ok("is not ours" in r.stderr, "and says why", r.stderr)
        r = h.run("uninstall")
        ok(r.returncode == 77, "uninstall refuses too", r.returncode)
        ok("mine" in (h.bin / "claude").read_text(), "the file is untouched")
        (h.bin / "claude").unlink()
        (h.bin / "claude").symlink_to("/usr/bin/true")
        for word in ("install", "uninstall"):
            ok(h.run(word).returncode == 77, f"{word}: a link that is not ours")
        ok(os.readlink(h.bin / "claude") == "/usr/bin/true", "it is untouched")
        (h.bin / "claude").unlink()
        (h.bin / "claude").symlink_to("/moved/libexec/pando-ai/pando-shim")
        ok(h.run("uninstall").returncode == 0 and not h.bin.exists(), "of a moved installation")


def without_agents_there_is_nothing_to_install(build):
    with Home(build, agents=()) as h:
        r = h.run("install")
        ok(r.returncode == 127, "status of a missing agent", r.returncode)
        ok(not list(h.bin.glob("*")), "no shim is made", list(h.bin.glob("*")))
    with Home(build, agents=("codex",)) as h:
        r = h.run("install")
        ok(r.returncode == 0, "one agent is enough", r.stderr)
        ok([p.name for p in h.bin.iterdir()] == ["codex"], "only its shim is made")
        ok("no claude on PATH" in r.stdout, "the other is told", r.stdout)


def status_tells_what_typing_the_name_starts(build):
    with Home(build) as h:
        r = h.run("status")
        ok(r.returncode == 1 and "claude   NOT supervised" in r.stdout, "before install", r.stdout)
        ok("run 'pando-ai install' and put" in r.stdout, "and what to do", r.stdout)
        h.run("install")
        r = h.run("status")
        ok("claude   supervised" in r.stdout and "codex    supervised" in r.stdout, "after", r.stdout)
        ok(r.returncode == 0, "all is well", r.stdout + r.stderr)
        r = h.run("status", path=f"{h.agents}:{h.bin}:/usr/bin:/bin")
        ok(r.returncode == 1 and "NOT supervised" in r.stdout, "the agent before the shim", r.stdout)
        ok(": put ~/.pando/bin first" in r.stdout, "where only PATH is to be mended", r.stdout)
        (h.dir / ".pando" / "policy.toml").write_text("[proxy]\nclaude = \"audit\"\n")
        r = h.run("status")
        ok(r.returncode == 1 and "claude   NOT held back" in r.stdout, "audit mode is told", r.stdout)
        ok("NOT available" not in r.stdout, "the sandbox works here", r.stdout)


def status_tells_which_version_was_tested(build):
    with Home(build) as h:
        for said, told in (("2.1.329 (Claude Code)", "version 2.1.329, tested"),
                           ("2.1.100 (Claude Code)", "version 2.1.100, older than the oldest tested, 2.1.197"),
                           ("2.1.200", "version 2.1.200, not tested itself"),
                           ("99.0.1 (Claude Code)", "version 99.0.1, newer than the newest tested"),
                           ("claude 3", "version 3, which is not understood"),
                           ("no number", "version unknown")):
            (h.agents / "claude").write_text(f"#!/bin/sh\necho '{said}'\n")
            r = h.run("status")
            ok(f"\n         {told}" in r.stdout, f"status of an agent that says {said}", r.stdout)


def can(wrap):
    return subprocess.run([*wrap, "true"], capture_output=True, check=False).returncode == 0


def status_tells_what_requirements_hold(build):
    forbidden = ["unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_mnt_namespaces && exec "$@"', "sh"]
    with Home(build) as h:
        h.run("install")
        r = h.run("status")
        ok(r.stdout.count("NOT covered: a start by its full path") == 2, "the real program is told of", r.stdout)
        ok(("are shown to it" in r.stdout) != ("no requirements can be shown" in r.stdout), "the mount is tried", r.stdout)
        if not can(forbidden):
            print("skip - a machine that forbids namespaces # no user namespaces here")
            return
        r = h.run("status", wrap=forbidden)
        ok("no requirements can be shown to it: no namespace can be made" in r.stdout,
           "where they are forbidden", r.stdout)
        ok("NOT launched" not in r.stdout, "codex is launched without", r.stdout)
        policy = h.dir / ".pando" / "policy.toml"
        policy.write_text("[security]\ncodex_requirements = \"require\"\n")
        r = h.run("status", wrap=forbidden)
        ok(r.returncode == 1 and "codex is NOT launched" in r.stdout, "and they are required", r.stdout)
        policy.write_text("[security]\ncodex_requirements = \"off\"\n")
        r = h.run("status", wrap=forbidden)
        ok("requirements" not in r.stdout, "and they are off", r.stdout)


def status_tells_what_is_managed(build):
    with Home(build) as h:
        h.run("install")
        etc = h.dir / "etc"
        for name in ("codex/requirements.toml", "claude-code/managed-settings.json"):
            (etc / name).parent.mkdir(parents=True)
            (etc / name).write_text("")
        how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
        wrap = [*how, "sh", "-c", 'mount -t overlay none -o "lowerdir=$0:/etc" /etc && exec "$@"', str(etc)]
        if not can(wrap):
            print("skip - managed files # this machine does not let them be shown")
            return
        for r, want in ((h.run("status", wrap=wrap), True), (h.run("status"), False)):
            for said in ("managed by /etc/claude-code/managed-settings.json", "managed by /etc/codex/requirements.toml",
                         "no requirements can be shown to it: /etc/codex/requirements.toml is there already"):
                ok((said in r.stdout) == want, f"{said}: {want}", r.stdout)
        before = h.run("status", wrap=wrap).returncode
        (h.dir / ".pando" / "policy.toml").write_text("[security]\ncodex_requirements = \"require\"\n")
        r = h.run("status", wrap=wrap)
        ok((before, r.returncode) == (0, 1) and "NOT launched" in r.stdout, "required and not shown is a gap", (before, r.stdout))


def policy_check_names_the_place(build):
    with Home(build) as h:
        bad = h.dir / "bad.toml"
        bad.write_text("[native_tools]\ndefualt = \"deny\"\n")
        r = h.run("policy", "check", str(bad))
        ok(r.returncode == 78, "status", r.returncode)
        ok(f"{bad}:2:1: unknown key 'defualt' in native_tools; did you mean 'default'?" in r.stderr, "place", r.stderr)
        r = h.run("policy", "check", str(h.dir / "none.toml"))
        ok(r.returncode == 78 and "none.toml" in r.stderr, "a file that is not there", r.stderr)
        r = h.run("policy", "check")
        ok(r.returncode == 0 and "  user     no file" in r.stdout, "without a file", r.stdout)


def logs_show_the_last_decisions(build):
    with Home(build) as h:
        r = h.run("logs")
        ok(r.returncode == 0 and "Nothing has been decided" in r.stdout, "no log yet", r.stdout)
        h.run("install")
        log = h.dir / ".pando-data" / "gateway-debug.jsonl"
        lines = log.read_text().splitlines()
        ok(all("installer_" in json.loads(x)["event"] for x in lines) and len(lines) == 3, "lines", lines)
        h.spoilt = True
        with log.open("a") as f:
            f.write("not JSON \x1b[31m\n")
            f.write(json.dumps({"ts": "2026-11-21T10:11:12.000Z", "event": "hook_denied", "run": "r1",
                                "tool": "Bash\u001b[31m", "verdict": "deny", "rule": "x"}) + "\n")
        r = h.run("logs")
        ok("10:11:12" in r.stdout and "hook_denied" in r.stdout and "deny" in r.stdout, "shown", r.stdout)
        ok("\x1b" not in r.stdout, "foreign text does not reach the terminal raw", r.stdout)
        ok(len(h.run("logs", "-n", "1").stdout.splitlines()) == 1, "-n")
        r = h.run("logs", "--run", "r1", "--json")
        ok(json.loads(r.stdout)["event"] == "hook_denied", "--run and --json", r.stdout)
        ok(h.run("logs", "-n", "x").returncode == 64, "a bad count")


def wrong_words_are_usage_errors(build):
    with Home(build) as h:
        with open("/dev/full", "w") as full:
            for words in (["status"], ["policy", "check"], ["--version"]):
                r = subprocess.run([build / "bin" / "pando-ai", *words], stdout=full, text=True,
                                   stderr=subprocess.PIPE, check=False,
                                   env={"HOME": str(h.dir), "PATH": h.path})
                ok(r.returncode == 73 and "No space" in r.stderr, f"{words}: no room", r.stderr)
        for words in ([], ["nonsense"], ["install", "x"], ["proxy"], ["policy"], ["demo", "x"], ["status", "x"]):
            r = h.run(*words)
            ok(r.returncode == 64 and r.stderr, f"{words}", (r.returncode, r.stderr))
        ok(h.run("--help").returncode == 0, "--help")
        ok(h.run("--version").stdout.startswith("pando-ai "), "--version")
        ok("No gateway" in h.run("proxy", "stop").stdout, "stop without a gateway")
        ok("No gateway" in h.run("proxy", "status").stdout, "status without a gateway")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    build = arguments.parse_args().build.resolve()
    for test in (install_makes_shims_and_a_policy, uninstall_removes_the_shims_only,
                 what_is_not_ours_is_left_alone, without_agents_there_is_nothing_to_install,
                 status_tells_what_typing_the_name_starts, status_tells_which_version_was_tested,
                 status_tells_what_requirements_hold, status_tells_what_is_managed, policy_check_names_the_place,
                 logs_show_the_last_decisions, wrong_words_are_usage_errors):
        test(build)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


sys.exit(main())
