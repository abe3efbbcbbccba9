#!/usr/bin/env python3
"""codex with a ChatGPT account, supervised: all of its traffic goes through the gateway to the
account's provider; a refreshed login is written to the person's own file."""
import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request

from _agents import options, pando_tools, persons, run_cases, stages
from _scripts import FINAL
from keep_codex import EXEC, Kept, Row
from keep_codex_terminal import Sitting

ACCOUNT = "a-1"
USAGE = {"plan_type": "plus", "rate_limit": {
    "allowed": True, "limit_reached": False, "secondary_window": None, "primary_window": {
        "used_percent": 42, "limit_window_seconds": 18000, "reset_after_seconds": 600,
        "reset_at": int(time.time()) + 600}}}
CHECK = {"accounts": [{"id": ACCOUNT, "workspace_backend_origin": "https://chatgpt.com",
                       "account_routing_override": "us"}], "default_account_id": ACCOUNT}


def token(plan, expires=4102444800, mark="one"):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    return ".".join((part({"alg": "none"}), part({
        "exp": expires, "email": "p@example.invalid", "mark": mark,
        "https://api.openai.com/auth": {"chatgpt_plan_type": plan, "user_id": "u-1",
                                        "chatgpt_account_id": ACCOUNT, "chatgpt_user_id": "u-1"}}),
                     "c2ln"))


def login(plan, **kw):
    return json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": None,
                       "last_refresh": "2026-11-21T00:00:00Z", "tokens": {
                           "id_token": token(plan, **kw), "access_token": token(plan, **kw),
                           "refresh_token": "dummy", "account_id": ACCOUNT}})


class ChatGPT(http.server.BaseHTTPRequestHandler):
    """The account's side; model calls are answered by the stand-in behind it."""
    protocol_version = "HTTP/1.1"
    answers = {"/backend-api/wham/accounts/check": CHECK, "/backend-api/wham/usage": USAGE,
               "/backend-api/wham/config/bundle": {}}

    def log_message(self, *_):
        pass

    def whole(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def any(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        self.server.seen.append((self.command, path, self.headers.get("chatgpt-account-id"),
                                 self.headers.get("authorization", "")))
        if path.endswith("/responses") and self.command == "POST":
            head = {k: v for k, v in self.headers.items()
                    if k.lower() not in ("host", "content-length", "connection")}
            q = urllib.request.Request(self.server.upstream + "/v1/responses", body, head)
            with urllib.request.urlopen(q, timeout=30) as a:
                return self.whole(a.status, a.headers["content-type"], a.read())
        if path == "/oauth/token":
            new = token("plus", mark="two")
            return self.whole(200, "application/json", json.dumps(
                {"id_token": new, "access_token": new, "refresh_token": "newer"}).encode())
        found = self.answers.get(path)
        return self.whole(404 if found is None else 200, "application/json",
                          json.dumps(found or {}).encode())

    do_GET = do_POST = any


class Member(Kept):
    def __init__(self, stage, person, plan):
        self.plan = plan
        super().__init__(stage, person, Row("", []))
        self.account = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ChatGPT)
        self.account.daemon_threads = True
        self.account.seen = []
        threading.Thread(target=self.account.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.account.server_port
        self.more_policy = 'chatgpt_upstream = "%s/backend-api"\n' % self.url

    def write_person_files(self):
        super().write_person_files()
        (self.home / ".codex" / "auth.json").write_text(login(self.plan))

    def start_provider(self):
        super().start_provider()
        self.account.upstream = self.upstream

    def __exit__(self, *a):
        super().__exit__(*a)
        self.account.shutdown()
        self.account.server_close()

    def paths(self):
        return {path.removeprefix("/backend-api/") for _, path, _, _ in self.account.seen}


def check_account(r, s, wanted):
    r.ok(wanted <= s.paths(), "the account is asked through the gateway", s.paths())
    r.same({(account, head) for _, _, account, head in s.account.seen},
           {(ACCOUNT, "Bearer " + token(s.plan))}, "all with the person's login")
    r.same(sorted(s.requests()[-1]["tools"]), pando_tools("codex"), "with our tools alone")
    r.ok(not s.canary.exists(), "nothing else has run")


def in_exec(r, stage, person):
    for plan in ("plus", "business"):
        with Member(stage, person, plan) as s:
            run = s.codex(*EXEC, "Do it.")
            r.need(run.status == 0 and FINAL in run.out, plan + ": it works", (run.status, run.err))
            check_account(r, s, {"codex/responses", "wham/accounts/check"}
                          | ({"wham/config/bundle"} if plan == "business" else set()))
            r.same(s.changed_files(), [], "the person's own files are unchanged")


def in_the_terminal(r, stage, person):
    with Member(stage, person, "plus") as s, Sitting(r, s) as a:
        a.starts("'first prompt'", "4711")
        a.enters("/status")
        a.sees(r"58% left", "what is left of the account's limit")
        check_account(r, s, {"codex/responses", "wham/accounts/check", "wham/usage"})


def a_refreshed_login_is_the_persons(r, stage, person):
    """The shim lets nobody redirect a refresh, so codex is started in the home it left behind."""
    with Member(stage, person, "plus") as s:
        r.need(s.codex(*EXEC, "Do it.").status == 0, "the home is there")
        own, home = s.home / ".codex" / "auth.json", s.home / ".codex" / "pando-ai"
        own.write_text(login("plus", expires=1, mark="old"))
        subprocess.run(
            [str(s.stage.agents / ".bin" / "codex"), "-c", 'openai_base_url="%s/v1"' % s.upstream,
             "-c", 'chatgpt_base_url="%s/backend-api/"' % s.url, "--disable", "plugins", "-c",
             "analytics.enabled=false", *EXEC, "Do it."], cwd=s.project, timeout=60, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, env=s.env(s.agent_path(), {
                "CODEX_HOME": str(home), "CODEX_REFRESH_TOKEN_URL_OVERRIDE": s.url + "/oauth/token"}),
            **s.person.popen_args())
        r.ok("oauth/token" in str(s.paths()), "the login was refreshed", s.paths())
        r.same((json.loads(own.read_text())["tokens"]["refresh_token"], os.readlink(home / "auth.json")),
               ("newer", "../auth.json"), "in the person's own file")


def login_and_logout(r, stage, person):
    with Member(stage, person, "plus") as s:
        own = s.home / ".codex" / "auth.json"
        own.unlink()
        run = s.codex("login", "--with-api-key", stdin="sk-dummy-other\n")
        r.ok(run.status == 0 and "sk-dummy-other" in own.read_text(), "login writes the person's",
             run.err)
        r.need(s.codex(*EXEC, "Do it.").status == 0, "a session has it")
        r.same(s.requests()[-1]["headers"].get("authorization"), "Bearer sk-dummy-other", "its key")
        run = s.codex("logout")
        r.ok(run.status == 0 and not own.exists(), "logout removes it", run.err)


CASES = (in_exec, in_the_terminal, a_refreshed_login_is_the_persons, login_and_logout)


def main():
    o = options()
    who = [next(p for p in reversed(persons()) if p)]
    stage = stages(o.build, who)[who[0].name]
    cases = [("codex account: " + f.__name__.replace("_", " "), f, (stage, who[0])) for f in CASES]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
