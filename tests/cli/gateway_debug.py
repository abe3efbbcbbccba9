#!/usr/bin/env python3
"""`pando-ai gateway`: a foreground gateway for any HTTP client."""
import argparse
import http.client
import json
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import _gateway as g
from _gateway import ok, same

arguments = argparse.ArgumentParser()
arguments.add_argument("--build", type=Path, required=True)
build = arguments.parse_args().build.resolve()
PANDO = build / "bin/pando-ai"


def answer(q):
    q.whole(200, {"content-type": "application/json"}, json.dumps(g.json_answer()).encode())


def start(home, *words, cwd=None):
    p = subprocess.Popen([str(PANDO), "gateway", *words], env=home.env(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, cwd=cwd or home.root)
    urls = dict(p.stdout.readline().split() for _ in range(2))
    return p, urls


def ask(url, path, body):
    u = urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=g.DEADLINE)
    c.request("POST", u.path + path, json.dumps(body), {"content-type": "application/json"})
    r = c.getresponse()
    got = r.status, r.read()
    c.close()
    return got


def end(p, how=signal.SIGTERM):
    p.send_signal(how)
    p.communicate(timeout=g.DEADLINE)
    return p.returncode


def both_apis():
    provider = g.Provider(answer)
    nobody = g.Provider(answer)
    home = g.Home(build, nobody.port)
    rules = home.path / "strict.toml"
    rules.write_text('[firewall]\ndefinition = "refuse"\n')
    url = "http://127.0.0.1:%d" % provider.port
    p, urls = start(home, "--policy", str(rules), "--upstream", url + "/v1")
    same(sorted(urls), ["messages", "responses"], "a base URL for each API")
    same(ask(urls["messages"], "/v1/messages", g.ASK)[0], 200, "Messages is answered")
    same(ask(urls["responses"], "/responses", g.ASK_CODEX)[0], 200, "Responses is answered")
    same([x[1] for x in provider.seen], ["/v1/messages", "/v1/responses"],
         "both go to --upstream, which the policy does not name")
    same(nobody.seen, [], "and nothing to the person's own upstream")
    status, body = ask(urls["messages"], "/v1/messages",
                       dict(g.ASK, tools=[{"name": "Bash", "input_schema": {}}]))
    ok(status == 400 and b"Bash" in body, "the policy of --policy decides", (status, body))
    same(home.run.joinpath("gateway.sock").exists(), False, "it is not the person's gateway")
    same(end(p), 0, "SIGTERM ends it well")
    ok(home.lines("gateway_run_ended") and home.lines("gateway_request"),
       "its decisions are in the log", home.lines())
    home.close()
    provider.close()
    nobody.close()


def fixed_port():
    provider = g.Provider(answer)
    home = g.Home(build, provider.port)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        p = subprocess.run([str(PANDO), "gateway", "--listen", "127.0.0.1:%d" % port],
                           env=home.env(), capture_output=True, text=True, check=False)
        ok(p.returncode != 0 and "taken" in p.stderr, "a taken port is told", p)
    p, urls = start(home, "--listen", "127.0.0.1:%d" % port)
    same(urlsplit(urls["messages"]).port, port, "--listen chooses the port")
    same(ask(urls["messages"], "/v1/messages", g.ASK)[0], 200,
         "without --upstream the policy's upstream is asked")
    same(end(p, signal.SIGINT), 0, "Ctrl-C ends it well")
    home.close()
    provider.close()


def refused_words():
    home = g.Home(build, 1)
    for words, why in ((["--listen", "0.0.0.0:0"], "loopback"),
                       (["--listen", "127.0.0.1"], "ADDRESS:PORT"),
                       (["--listen", "127.0.0.1:70000"], "ADDRESS:PORT"),
                       (["--upstream", "http://example.org"], "https"),
                       (["--upstream", "example.org"], "https://"),
                       (["--policy", "/nonexistent"], "/nonexistent"),
                       (["more"], "usage")):
        p = subprocess.run([str(PANDO), "gateway", *words], env=home.env(), capture_output=True,
                           text=True, check=False, timeout=g.DEADLINE)
        ok(p.returncode != 0 and why in p.stderr, "refused: " + " ".join(words), p)
    home.close()


both_apis()
fixed_port()
refused_words()
g.done()
