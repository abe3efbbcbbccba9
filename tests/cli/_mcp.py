"""A client of the real pando-mcp, and the checks that its suites share."""

import argparse
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import decision_logs

ANSWER_SECONDS = 60
counts = {"ok": 0, "not ok": 0, "skip": 0}


def report(good, what, detail=""):
    counts["ok" if good else "not ok"] += 1
    print(("ok - " if good else "not ok - ") + what + ("" if good else f": {detail}"),
          flush=True)
    return good


def same(have, want, what):
    return report(have == want, what, f"have {have!r}, want {want!r}")


def has(text, part, what):
    return report(part in text, what, f"{part!r} is not in {text!r}")


def skip(what, why):
    counts["skip"] += 1
    print(f"skip - {what} # {why}", flush=True)


def done():
    print("%d passed, %d failed, %d skipped" % (counts["ok"], counts["not ok"], counts["skip"]))
    sys.exit(counts["not ok"] > 0)


class Scratch:
    """A home, a project and the programs; removed at the end."""

    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--build", default="build")
        self.build = os.path.abspath(parser.parse_args().build)
        self.program = os.path.join(self.build, "libexec", "pando-ai", "pando-mcp")
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="pando-mcp-"))
        self.home = os.path.join(self.top, "home")
        self.root = os.path.join(self.top, "project")
        os.mkdir(self.home, 0o700)
        os.mkdir(self.root)
        os.mkdir(os.path.join(self.home, ".pando"), 0o700)
        self.policy()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        decision_logs.keep(self.top)
        for tries_left in reversed(range(100)):
            try:
                for folder, _, _ in os.walk(self.top):
                    os.chmod(folder, 0o700)
                shutil.rmtree(self.top)
                return
            except FileNotFoundError:  # the sandbox still takes its placeholders away
                if not tries_left:
                    raise

    def policy(self, text="", alone=False):
        """The person's; unless it is to stand alone, calls need no gateway that has seen them."""
        path = os.path.join(self.home, ".pando", "policy.toml")
        with open(path, "w") as f:
            f.write(text if alone else '[security]\nwitness = "off"\n' + text)
        return path

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read().decode()

    def env(self, **more):
        env = {"HOME": self.home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
               "PANDO_RUN": "run1", "PANDO_AGENT": "claude", "PANDO_PROJECT_ROOT": self.root}
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def log(self):
        path = os.path.join(self.home, ".pando-data", "gateway-debug.jsonl")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            return [json.loads(line) for line in f]


class Server:
    """One running server and the number of the next request."""

    def __init__(self, scratch, role, root=None, wrap=(), **env):
        self.process = subprocess.Popen(
            [*wrap, scratch.program, "--project-root", root or scratch.root],
            env=scratch.env(PANDO_PROCESS_ROLE=role, **env), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.number = 0
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        if self.process.stdin.closed:
            self.process.stdin = None
        self.process.communicate()

    def send_text(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def send(self, **message):
        self.send_text(json.dumps(dict(message, jsonrpc="2.0")) + "\n")

    def answer(self, seconds=ANSWER_SECONDS):
        """The next message, or None at the end of the output."""
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                raise TimeoutError("the server does not answer")
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            if not more:
                return None
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def ask(self, method, params=None):
        self.number += 1
        message = {"id": self.number, "method": method}
        if params is not None:
            message["params"] = params
        self.send(**message)
        got = self.answer()
        if got is None or got.get("id") != self.number:
            raise RuntimeError(f"{method}: {got!r} {self.end()!r}")
        return got

    def call(self, tool, meta=None, **arguments):
        """(text, failed, the result as an object)"""
        params = {"name": tool, "arguments": arguments}
        if meta:
            params["_meta"] = meta
        got = self.ask("tools/call", params)
        if "error" in got:
            return got["error"]["message"], got["error"]["code"], {}
        result = got["result"]
        return (result["content"][0]["text"], result["isError"],
                result.get("_meta", {}).get("pando-ai/result", {}))

    def tools(self):
        return [t["name"] for t in self.ask("tools/list")["result"]["tools"]]

    def end(self):
        """Closes its input; (status, standard error)."""
        _, err = self.process.communicate(timeout=ANSWER_SECONDS)
        return self.process.returncode, err.decode()
