#!/usr/bin/env python3
"""[security] codex_requirements before a stand-in agent: what it is shown, what stays as it was, and
machines that do not let it. With the real codex: tests/agents/escape_codex_late.py."""
import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import shim_launch
from shim_launch import FAKE, REFUSED, Person, ok, same

SHOWN = Path("/etc/codex/requirements.toml")
# more of what the stand-in tells: what it sees below /etc, and who it is
SEES = """import subprocess
def read(path):
    try:
        return open(path).read()
    except OSError as e:
        return e.strerror
seen = {"requirements": read("/etc/codex/requirements.toml"), "config": read("/etc/codex/config.toml"),
        "passwd": read("/etc/passwd"), "uid": os.getuid(), "gid": os.getgid(),
        "groups": len(os.getgroups()), "etc": sorted(os.listdir("/etc")),
        "caps": [l for l in read("/proc/self/status").splitlines() if l.startswith("CapEff")],
        "children": read("/proc/self/task/%d/children" % os.getpid()), "fds": len(os.listdir("/proc/self/fd")),
        "writable": os.access("/etc/codex", os.W_OK)}
open(os.environ["TELL"], "w").write(json.dumps(seen))
"""


def start(p, cwd=None, wrap=()):
    """(exit status, what it saw, its standard error)"""
    tell = p.top / "tell"
    tell.unlink(missing_ok=True)
    agent = FAKE.replace('home = os.environ', SEES.replace("%", "%%") + 'home = os.environ', 1)
    p.fake("codex", agent)
    r = subprocess.run([*wrap, str(p.bin / "codex"), "exec", "hi"], env=p.env(TELL=str(tell)),
                       cwd=cwd or p.project, text=True, input="", capture_output=True, timeout=60,
                       check=False)
    told = json.loads(r.stdout)["cwd"] if r.stdout.startswith("{") else None
    return r.returncode, json.loads(tell.read_text()) if tell.exists() else {}, r.stderr, told


def lacks(p):
    return [d for d in p.log() if d["event"] == "shim_lacks"]


def here_it_can(p):
    """Whether this machine lets it, asked of the kernel and not of the shim."""
    top = p.top / "try" / "codex"
    top.mkdir(parents=True)
    how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    return subprocess.run([*how, "mount", "-t", "overlay", "none", "-o",
                           "lowerdir=%s:/etc" % top.parent, "/etc"], capture_output=True,
                          check=False).returncode == 0


def mounts():
    """Without what other tests mount meanwhile."""
    return [m.split()[4] for m in Path("/proc/self/mountinfo").read_text().splitlines()
            if m.split()[4].startswith("/etc")]


def shown(p):
    if not here_it_can(p):
        print("skip - requirements are shown # this machine does not let it")
        return
    before = mounts(), os.path.exists(SHOWN), sorted(os.listdir("/etc"))
    p.policy('[security]\ncodex_requirements = "off"\n')
    status, plain, err, _ = start(p)
    same((status, plain.get("requirements")), (0, "No such file or directory"), "off: nothing is shown")
    p.policy("")
    link = p.top / "link"
    link.symlink_to(p.project / "src")
    status, seen, err, cwd = start(p, cwd=link)
    run = [d["run"] for d in p.log() if d["event"] == "shim_launch"][-1]
    text = seen.get("requirements", "")
    ok(status == 0 and 'model_provider = "openai"' in text
       and "[mcp_servers.pando_core.identity]" in text and "shell_tool = false" in text,
       "auto: the run's requirements are shown", (err, seen))
    same(cwd, str(p.project / "src"), "auto: the working folder is the same")
    same([seen[k] for k in ("uid", "gid", "groups", "caps", "fds", "passwd", "children")],
         [plain[k] for k in ("uid", "gid", "groups", "caps", "fds", "passwd", "children")],
         "auto: it is who it was, with no more descriptors, rights or children")
    same(sorted(set(seen["etc"]) ^ set(plain["etc"])), ["codex"], "auto: the rest of /etc is there")
    same((mounts(), os.path.exists(SHOWN), sorted(os.listdir("/etc"))), before,
         "auto: outside nothing has changed")
    same((lacks(p), len(run)), ([], 16), "auto: the log has nothing to tell")


def not_let(p):
    """No mount namespaces here: as on a machine that forbids them."""
    wrap = ["unshare", "-Ur", "sh", "-c",
            'echo 0 > /proc/sys/user/max_mnt_namespaces && exec "$@"', "sh"]
    if subprocess.run([*wrap, "true"], capture_output=True, check=False).returncode != 0:
        print("skip - a machine that forbids it # no user namespaces here")
        return
    status, seen, err, _ = start(p, wrap=wrap)
    same((status, seen.get("requirements")), (0, "No such file or directory"),
         "forbidden, auto: it is launched without")
    told = lacks(p)
    ok(len(told) == 1 and told[0]["rule"] == "launch.requirements"
       and "no namespace can be made" in told[0]["note"], "and the log says why", told)
    p.policy('[security]\ncodex_requirements = "require"\n')
    status, seen, err, _ = start(p, wrap=wrap)
    ok(status == REFUSED and "codex_requirements" in err and '"auto"' in err and not seen,
       "forbidden, require: refused, with the way out", (status, err))
    same(p.runs(), [], "and nothing stays")


def of_the_administrator(p):
    """Other files of /etc/codex stay to be seen; requirements that are there are never covered."""
    if not here_it_can(p):
        print("skip - an administrator's /etc/codex # this machine does not let it")
        return
    etc = p.top / "admin"
    (etc / "codex").mkdir(parents=True)
    (etc / "codex" / "config.toml").write_text('model = "theirs"\n')
    how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    wrap = [*how, "sh", "-c",
            'mount -t overlay none -o "lowerdir=$0:/etc" /etc && exec "$@"', str(etc)]
    p.policy('[security]\ncodex_requirements = "require"\n')
    status, seen, err, _ = start(p, wrap=wrap)
    ok(status == 0 and 'model_provider = "openai"' in seen.get("requirements", "")
       and seen["config"] == 'model = "theirs"\n', "their other files stay", (status, err, seen))
    (etc / "codex" / "requirements.toml").write_text('allowed_sandbox_modes = ["read-only"]\n')
    status, seen, err, _ = start(p, wrap=wrap)
    ok(status == REFUSED and "is there already" in err, "require: their requirements are not covered",
       (status, err))
    p.policy("")
    status, seen, err, _ = start(p, wrap=wrap)
    same((status, seen.get("requirements")), (0, 'allowed_sandbox_modes = ["read-only"]\n'),
         "auto: theirs hold")
    ok(lacks(p) and "is there already" in lacks(p)[-1]["note"], "and the log says so", lacks(p))


def below(p):
    """What is mounted below what is covered, as a container's resolv.conf, is still to be seen."""
    if not here_it_can(p):
        print("skip - mounts below /etc # this machine does not let it")
        return
    theirs = p.top / "theirs"
    (theirs / "etc" / "codex").mkdir(parents=True)
    (theirs / "etc" / "codex" / "config.toml").write_text("")
    (theirs / "bound").write_text('model = "bound"\n')
    how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    p.policy('[security]\ncodex_requirements = "require"\n')
    for what, lay, key in (
            ("/etc", 'mount --bind "$0/bound" /etc/passwd', "passwd"),
            ("/etc/codex", 'mount -t overlay none -o "lowerdir=$0/etc:/etc" /etc && '
             'mount --bind "$0/bound" /etc/codex/config.toml', "config"),
            ("a link of that name", 'mkdir "$0/top" && ln -s "$0/etc/codex" "$0/top/codex" && '
             'mount -t overlay none -o "lowerdir=$0/top:/etc" /etc && '
             'mount --bind "$0/bound" "$0/etc/codex/config.toml"', "config")):
        wrap = [*how, "sh", "-c", lay + ' && exec "$@"', str(theirs)]
        status, seen, err, _ = start(p, wrap=wrap)
        same((status, seen.get(key)), (0, 'model = "bound"\n'), "below %s: it is seen" % what)
        ok("shell_tool = false" in seen.get("requirements", ""), "below %s: with requirements" % what,
           err)


CASES = (shown, not_let, of_the_administrator, below)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=Path, required=True)
    build = options.parse_args().build.resolve()

    def one(case):
        with Person(build) as p:
            try:
                case(p)
            except Exception as e:  # one broken case must not hide the others
                ok(False, "%s: no exception" % case.__name__, repr(e))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, CASES))
    print("%d passed, %d failed, 0 skipped" % (shim_launch.passed, shim_launch.failed))
    return 1 if shim_launch.failed else 0


if __name__ == "__main__":
    sys.exit(main())
