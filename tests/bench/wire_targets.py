"""The gateways that tests/bench/wire.py measures: how each is started, and what it used."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

START_SECONDS = 20
END_SECONDS = 5
SPLIT = len(os.sched_getaffinity(0)) > 1
GATEWAY_CPU, OTHERS_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]
PATHS = {"messages": "/v1/messages", "responses": "/v1/responses"}

NGINX = """
worker_processes 1; daemon off; pid {top}/nginx.pid; error_log stderr error;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_timeout 75; keepalive_requests 1000000000;
  client_body_temp_path {top}/1; proxy_temp_path {top}/2; fastcgi_temp_path {top}/3;
  uwsgi_temp_path {top}/4; scgi_temp_path {top}/5;
  client_max_body_size 128m; client_body_buffer_size 2m;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
  proxy_request_buffering on; proxy_read_timeout 600; proxy_send_timeout 600;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 2048; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://mock; }} }}
}}
"""
HAPROXY = """
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    option http-no-delay
    http-reuse always
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    timeout http-keep-alive 75s
frontend f
    bind 127.0.0.1:{port} backlog 4096
    default_backend b
backend b
    server s 127.0.0.1:{mock} maxconn 4096 pool-max-conn -1 pool-purge-delay 60s
"""
# Rules that look at the calls of the streams, so that those are held, read and decided.
POLICY = """
[native_tools]
default = "allow"
deny = {deny}

[[rule]]
id = "no-push"
tool = "*/bash"
args.command = {{ glob = "git push*" }}
decision = "deny"
match = ["git push origin main"]

[[rule]]
id = "no-secrets"
tool = "*/write_file"
args.path = {{ glob = "*.key" }}
decision = "deny"
match = ["server.key"]
"""
NOTHING = "[]"
# four that are only offered, and one that the history calls
SOMETHING = '["web_fetch", "web_search", "kill_job", "memory", "grep"]'


class Missing(Exception):
    """A target that cannot be measured here, and why."""


def pinned(cpu, argv, end=signal.SIGTERM):
    """argv as it runs on one CPU, and no longer than this process."""
    words = ["setpriv", "--pdeathsig", end.name.removeprefix("SIG")]
    return words + (["taskset", "-c", str(cpu)] if SPLIT else []) + [str(x) for x in argv]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Process:
    """One program, with what it started."""

    def __init__(self, stack, top, name, cpu, argv, env=None, out=None):
        self.log = top / (name + ".log")
        with open(self.log, "wb") as log:
            self.p = subprocess.Popen(pinned(cpu, argv), cwd=top, stdin=subprocess.DEVNULL, text=True,
                                      stdout=out or log, stderr=log, env=env)
        stack.callback(end, self.p)

    def why(self):
        return self.log.read_text(errors="replace").strip()[-300:] or f"status {self.p.poll()}"

    def wait_for(self, port):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.p.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise Missing("does not listen: " + self.why())

    def pids(self):
        found, left = [], [self.p.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    left += [int(x) for x in (task / "children").read_text().split()]
        return found

    def cpu(self):
        """Seconds on a CPU so far, all threads."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self, key):
        """MB of VmRSS or VmHWM."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                total += int(re.search(key + r":\s+(\d+) kB", status).group(1))
        return total / 1024

    def reset_peak(self):
        """False where that is not allowed: then VmHWM is that of the process's whole life."""
        try:
            for pid in self.pids():
                pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            return False
        return True


class Target:
    def __init__(self, name, process, urls, headers=()):
        self.name, self.process, self.urls, self.headers = name, process, urls, headers

    def options(self, api):
        url = urllib.parse.urlsplit(self.urls[api])
        words = ["-P", url.port, "-u", url.path, "-A", api]
        for line in self.headers:
            words += ["-x", line.format(api={"messages": "anthropic", "responses": "openai"}[api])]
        return [str(x) for x in words]


def urls_of(port):
    return {api: f"http://127.0.0.1:{port}{path}" for api, path in PATHS.items()}


def program(name, places=("/usr/sbin", "/usr/local/sbin", "/sbin")):
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))
    if path is None:
        raise Missing(f"{name} is not installed: ./setup.sh bench installs it")
    return path


def direct(_stack, _top, mock, _build):
    return Target("direct", None, urls_of(mock))


def nginx(stack, top, mock, _build):
    port = free_port()
    (top / "nginx.conf").write_text(NGINX.format(top=top, mock=mock, port=port))
    p = Process(stack, top, "nginx", GATEWAY_CPU,
                [program("nginx"), "-e", "stderr", "-p", top, "-c", top / "nginx.conf"])
    p.wait_for(port)
    return Target("nginx", p, urls_of(port))


def haproxy(stack, top, mock, _build):
    port = free_port()
    (top / "haproxy.cfg").write_text(HAPROXY.format(mock=mock, port=port))
    p = Process(stack, top, "haproxy", GATEWAY_CPU,
                [program("haproxy"), "-db", "-f", top / "haproxy.cfg"])
    p.wait_for(port)
    return Target("haproxy", p, urls_of(port))


def npm(stack, top, mock, build):
    here = pathlib.Path(__file__).resolve().parent
    server = build / "bench/node_modules/@portkey-ai/gateway/build/start-server.js"
    if not server.exists():
        raise Missing("the npm gateway is not installed: ./setup.sh bench installs it")
    port = free_port()
    env = {"HOME": str(top), "PATH": os.environ["PATH"], "NODE_ENV": "production",
           "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    p = Process(stack, top, "npm", GATEWAY_CPU,
                [program("node"), "-r", here / "npm/preload.cjs", server, f"--port={port}", "--headless"],
                env)
    p.wait_for(port)
    return Target("npm", p, urls_of(port),
                  ["x-portkey-provider: {api}", f"x-portkey-custom-host: http://127.0.0.1:{mock}/v1"])


def ours(name, deny):
    def begin(stack, top, mock, build):
        home = top / name
        home.mkdir()
        (home / "bench.toml").write_text(POLICY.format(deny=deny))
        p = Process(stack, top, name + ".out", GATEWAY_CPU,
                    [build / "bin/pando-ai", "gateway", "--policy", home / "bench.toml", "--upstream",
                     f"http://127.0.0.1:{mock}/v1", "--listen", "127.0.0.1:0"],
                    {"HOME": str(home), "PATH": "/usr/bin:/bin"}, subprocess.PIPE)
        urls = dict(line.split() for line in (p.p.stdout.readline() for _ in PATHS) if line)
        if sorted(urls) != sorted(PATHS):
            raise Missing("does not start: " + p.why())
        return Target(name, p, {"messages": urls["messages"] + "/v1/messages",
                                "responses": urls["responses"] + "/responses"})
    begin.__name__ = name
    return begin


ALL = [direct, nginx, haproxy, npm, ours("ours", NOTHING), ours("ours-strip", SOMETHING)]


def start_all(stack, top, mock, build, names):
    """Those of the names that are there; prints why one is not."""
    targets = []
    for begin in ALL:
        if names and begin.__name__ not in names:
            continue
        try:
            targets.append(begin(stack, top, mock, build))
        except Missing as why:
            print(f"left out: {begin.__name__}: {why}")
    return targets
