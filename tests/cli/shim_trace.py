#!/usr/bin/env python3
"""An agent that the shim started, beside the same agent started by hand: nothing else differs.

The stand-in (_stand_in.c) writes all that a process can know of its start. Every row is a way to
start it; the difference of the two reports must be the arguments and the variables that
pando-shim(1) names.
"""
import argparse
import ctypes
import fcntl
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import decision_logs

SECONDS = 60
REFUSED, SYSTEM, POLICY, NOAGENT, USAGE, SPACE = 77, 71, 78, 127, 64, 73
ADDED = {
    "claude": {"ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR", "CLAUDE_SECURESTORAGE_CONFIG_DIR"},
    "codex": {"CODEX_HOME"},
    "both": {"PANDO_RUN", "PANDO_AGENT", "PANDO_AGENT_VERSION", "PANDO_PROJECT_ROOT",
             "PANDO_POLICY", "PANDO_POLICY_SHA256", "NO_PROXY", "no_proxy"},
}
ODD = [b"NOEQUALS", b"=empty name", b"TWICE=1", b"TWICE=2", b"LATIN=\xe9\xff", b"", b"EMPTY=",
       b"WITH\nLINE=a\nb", b"=C:=C:\\", b"LONG=" + b"x" * 100000]

# which of its kind a start gets depends on what else runs
NUMBER = re.compile(r"(?<=/dev/pts/)\d+|(?<=pipe:\[)\d+|(?<=socket:\[)\d+|(?<=#)\d+(?= \(deleted\))")

passed = failed = 0


def ok(good, what, have=""):
    global passed, failed
    passed += bool(good)
    failed += not good
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": have %r" % (have,)))
    return good


def same(have, want, what):
    return ok(have == want, what, "%r, want %r" % (have, want))


def execve(file, argv, env):
    """As the kernel takes it: any bytes, in any order, any number of times."""
    libc = ctypes.CDLL(None)
    words = [(ctypes.c_char_p * (len(w) + 1))(*w, None) for w in (argv, env)]
    libc.execve(os.fsencode(file), *words)


class Person:
    """A home, a project, stand-in agents, and the shims before them."""

    def __init__(self, build, stand_in):
        self.build, self.top = build, Path(tempfile.mkdtemp(prefix="trace")).resolve()
        self.home, self.project, self.real = (self.top / n for n in ("home", "project", "real"))
        self.bin, self.report = self.home / ".pando" / "bin", self.top / "report"
        for d in (self.bin, self.project / ".git", self.real):
            d.mkdir(parents=True)
        for name in ("claude", "codex"):
            (self.bin / name).symlink_to(build / "libexec/pando-ai/pando-shim")
            shutil.copy(stand_in, self.real / name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([self.build / "bin/pando-ai", "proxy", "stop"], check=False, cwd=self.top,
                       env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        decision_logs.keep(self.top)
        shutil.rmtree(self.top, ignore_errors=True)

    def env(self, *more, path=None, home=True):
        path = path or "%s:%s:/usr/bin:/bin" % (self.bin, self.real)
        out = [b"TERM=dumb", b"PATH=" + os.fsencode(path),
               b"STAND_IN_REPORT=" + os.fsencode(self.report)]
        out += [b"HOME=" + os.fsencode(self.home)] if home else []
        if "PANDO_TEST_RUN" in os.environ:
            out.append(b"PANDO_TEST_RUN=" + os.fsencode(os.environ["PANDO_TEST_RUN"]))
        return out + list(more)

    def start(self, file, argv, env, setup=None, cwd=None):
        """Status as a shell has it, standard error, the report."""
        self.report.unlink(missing_ok=True)
        with open(self.top / "stderr", "w+b") as err:
            pid = os.fork()
            if pid == 0:
                try:
                    os.chdir(cwd or self.project)
                    for fd, to in ((os.open("/dev/null", os.O_RDWR), 0),
                                   (os.open("/dev/null", os.O_RDWR), 1), (err.fileno(), 2)):
                        os.dup2(fd, to)
                    os.closerange(3, 4096)
                    for n in range(1, signal.NSIG):
                        if n not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                            signal.signal(n, signal.SIG_DFL)
                    if setup:
                        setup()
                    execve(file, [os.fsencode(a) for a in argv], env)
                finally:
                    os._exit(126)
            status = self.wait(pid)
            err.seek(0)
            said = err.read().decode(errors="replace")
        return status, said, read_report(self.report)

    @staticmethod
    def wait(pid):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "hangs"

    def both(self, agent, argv, env, setup=None, cwd=None):
        """The same start by hand and through the shim."""
        return [self.start(d / agent, [agent, *argv], env, setup, cwd) for d in (self.real, self.bin)]

    def log(self):
        path = self.home / ".pando-data" / "gateway-debug.jsonl"
        return path.read_text() if path.exists() else ""


class Told:
    """A report: argv, env as bytes; everything else as sorted lines."""

    def __init__(self, text):
        words = {"cmdline": [], "environ": []}
        self.rest = []
        for line in text.splitlines():
            m = re.match(r"/proc/self/(cmdline|environ) ([0-9a-f]*)$", line)
            if m:
                words[m.group(1)].append(bytes.fromhex(m.group(2)))
            else:
                self.rest.append(NUMBER.sub("N", line))
        self.argv, self.env = words["cmdline"], words["environ"]
        self.rest.sort()


def read_report(path):
    return Told(path.read_bytes().decode(errors="surrogateescape")) if path.exists() else None


def name_of(variable):
    return os.fsdecode(variable.split(b"=")[0])


def documented(agent, page):
    """The variables that the page says the agent gets."""
    part = page.split(".Ss Variables of the agent")[1].split(".Ss ")[0].split(".Sh ")[0]
    names = set(re.findall(r"\b[A-Za-z_0-9]+\b", " ".join(
        line for line in part.splitlines() if line.startswith((".Ev", ".It Ev")))))
    other = ADDED["codex" if agent == "claude" else "claude"]
    return names - other


def check_env(agent, by_hand, shimmed, what, page):
    added = [v for v in shimmed.env if v not in by_hand.env]
    rest = [v for v in shimmed.env if v in by_hand.env]
    same(rest, by_hand.env, "%s: the environment, its order and its odd entries" % what)
    unknown = {name_of(v) for v in added} - documented(agent, page)
    same(unknown, set(), "%s: variables that the page does not name" % what)
    need = ADDED["both"] | ADDED[agent]
    same(need - {name_of(v) for v in added}, set(), "%s: the variables it says" % what)


def process(agent, told):
    """What of codex's is as pando-shim(1) says: a mount namespace, and for one an ordinary person
    may have to have a user namespace, where everybody but them is nobody."""
    named = ("namespace mnt", "namespace user", "status CapBnd", "status Groups")
    return [line for line in told.rest if agent != "codex" or not line.startswith(named)]


def compare(p, agent, what, page, *, env=None, setup=None, cwd=None, argv=None):
    argv = argv or {"claude": ["-p", "hi"], "codex": ["exec", "hi"]}[agent]
    by_hand, shimmed = p.both(agent, argv, env or p.env(), setup, cwd)
    what = "%s, %s" % (agent, what)
    if not ok(by_hand[2] and shimmed[2], "%s: both start" % what, (by_hand[:2], shimmed[:2])):
        return
    same(shimmed[:2], by_hand[:2], "%s: status and standard error" % what)
    have, want = (process(agent, told[2]) for told in (shimmed, by_hand))
    ok(have == want, "%s: the process" % what, sorted(set(have) ^ set(want)))
    same(shimmed[2].argv[0], by_hand[2].argv[0], "%s: its name" % what)
    check_env(agent, by_hand[2], shimmed[2], what, page)


# --- ways to start -----------------------------------------------------------------------------

def closes(*fds):
    return lambda: [os.close(fd) for fd in fds]


def own_descriptors():
    """One where the shim would open its first file, one far up, one that goes by itself."""
    os.dup2(os.open("/etc/passwd", os.O_RDONLY), 3, inheritable=True)
    os.lseek(3, 5, os.SEEK_SET)
    os.dup2(os.open("/dev/zero", os.O_RDWR), 77, inheritable=True)
    os.dup2(3, 5, inheritable=False)


def ignores(*numbers):
    return lambda: [signal.signal(n, signal.SIG_IGN) for n in numbers]


def blocks(*numbers):
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def pending():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGCHLD])
    os.kill(os.getpid(), signal.SIGUSR1)


def limits():
    for what, soft in ((resource.RLIMIT_NOFILE, 77), (resource.RLIMIT_CORE, 4096),
                       (resource.RLIMIT_STACK, 1 << 22), (resource.RLIMIT_FSIZE, 1 << 22)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (soft, hard))


def humble():
    os.nice(7)
    Path("/proc/self/oom_score_adj").write_text("321")
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])


def flagged():
    libc = ctypes.CDLL(None)
    for option, value in ((29, 123456), (1, signal.SIGUSR2), (36, 1)):  # PR_SET_TIMERSLACK ...
        libc.prctl(option, value, 0, 0, 0)
    signal.alarm(1000)


def terminal(own_session):
    """A terminal with modes that nobody has by chance."""
    def setup():
        leader, fd = pty.openpty()
        if own_session:
            os.setsid()
            fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, b"\x11\x00\x63\x00\0\0\0\0")
        modes = termios.tcgetattr(fd)
        modes[3] ^= termios.ECHO | termios.ICANON
        modes[6][termios.VINTR] = b"\x07"
        termios.tcsetattr(fd, termios.TCSANOW, modes)
        for to in (0, 1, 2):
            os.dup2(fd, to)
        os.dup2(leader, 50)  # it has to stay, or the terminal hangs up
        os.closerange(3, 50)
    return setup


WAYS = (
    ("plainly", None),
    ("stdin closed", closes(0)), ("stdout closed", closes(1)), ("stderr closed", closes(2)),
    ("all three closed", closes(0, 1, 2)), ("descriptors of the person's", own_descriptors),
    ("umask 0", lambda: os.umask(0)), ("umask 0777", lambda: os.umask(0o777)),
    ("signals ignored", ignores(signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM,
                                signal.SIGPIPE, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN,
                                signal.SIGWINCH, signal.SIGUSR1, signal.SIGXFSZ)),
    ("children ignored", ignores(signal.SIGCHLD)),
    ("signals blocked", blocks(*(n for n in signal.valid_signals() if n not in (9, 19)))),
    ("a signal pending", pending), ("limits", limits), ("as a humble one", humble),
    ("flags and an alarm", flagged), ("a session of its own", os.setsid),
    ("a group of its own", os.setpgrp), ("a terminal", terminal(False)),
    ("a controlling terminal", terminal(True)),
)


def every_way(p, page):
    for agent in ("claude", "codex"):
        for what, setup in WAYS:
            compare(p, agent, what, page, setup=setup)
        compare(p, agent, "odd variables", page, env=p.env(*ODD))


def open_to_others(top):
    """The gateway may be about to remove some of it."""
    out = []
    for folder, folders, files in os.walk(top):
        for path in [Path(folder, name) for name in folders + files]:
            try:
                out += [path] if path.lstat().st_mode & 0o077 and not path.is_symlink() else []
            except FileNotFoundError:
                pass
    return out


def a_first_launch(build, stand_in, page):
    """With everything still to be made: the gateway, what the agent says of itself, folders."""
    for agent in ("claude", "codex"):
        for what in ("all three closed", "stderr closed", "umask 0777", "children ignored",
                     "signals blocked", "signals ignored", "limits", "a controlling terminal"):
            with Person(build, stand_in) as p:
                compare(p, agent, "first, " + what, page, setup=dict(WAYS)[what])
                same(open_to_others(p.home / ".pando" / "run") + open_to_others(
                    p.home / ".pando-data"), [], "%s, first, %s: nobody else reads" % (agent, what))


def an_ordinary_person(p, page):
    if os.geteuid() != 0:
        print("skip - as an ordinary person # they are one")
        return
    for folder, folders, files in os.walk(p.top):
        for name in [".", *folders, *files]:
            os.lchown(os.path.join(folder, name), 62345, 62345)

    def become():
        os.setresgid(62345, 62345, 62345)
        os.setresuid(62345, 62345, 62345)
        os.umask(0o777)

    compare(p, "claude", "an ordinary person with umask 0777", page, setup=become)
    compare(p, "codex", "an ordinary person with umask 0777", page, setup=become)


def working_directories(p, page):
    inside = p.project / "a" / "b"
    inside.mkdir(parents=True)
    link = p.top / "link"
    link.symlink_to(inside)
    env = p.env(b"PWD=" + os.fsencode(link))
    for agent in ("claude", "codex"):
        compare(p, agent, "by a link", page, env=env, cwd=link)
    gone = p.project / "gone"
    for agent, argv in (("claude", ["-p", "hi"]), ("codex", ["exec", "hi"])):
        gone.mkdir()
        status, said, told = p.start(p.bin / agent, [agent, *argv], p.env(), gone.rmdir, cwd=gone)
        ok(status in (REFUSED, SYSTEM) and told is None and len(said.splitlines()) == 1
           and "director" in said, "%s: from a removed folder nothing starts" % agent,
           (status, said))
        argv, got = [agent, {"claude": "mcp", "codex": "login"}[agent]], []
        for folder in (p.real, p.bin):
            gone.mkdir()
            got.append(p.start(folder / agent, argv, p.env(), gone.rmdir, cwd=gone))
        same(*[(g[0], g[2].rest if g[2] else g[1]) for g in got][::-1],
             "%s: what needs no project starts there" % agent)


def transparent_starts(p, page):
    for agent, argv in (("claude", ["mcp", "list"]), ("codex", ["login", "--help"])):
        by_hand, shimmed = p.both(agent, argv, p.env(*ODD, b"CLAUDE_CODE_SIMPLE=1"),
                                  own_descriptors)
        for what, get in (("status", lambda r: r[0]), ("process", lambda r: r[2].rest),
                          ("arguments", lambda r: r[2].argv), ("environment", lambda r: r[2].env)):
            same(get(shimmed), get(by_hand), "%s %s: %s" % (agent, argv[0], what))


def ends_as_the_agent_ends(p, page):
    for n in ("INT", "QUIT", "TERM", "HUP", "PIPE", "KILL", "USR1", "ABRT"):
        number = getattr(signal, "SIG" + n)
        env = p.env(b"STAND_IN_SIGNAL=%d" % number)
        by_hand, shimmed = p.both("claude", ["-p", "hi"], env,
                                  lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        same((by_hand[0], shimmed[0]), (-number, -number), "ends by SIG%s" % n)


def names(p, page):
    """However it is found, it is itself: by path, link, hard link; else it says what it is."""
    shim = p.build / "libexec/pando-ai/pando-shim"
    far, hard = p.top / "far", p.top / "hard"
    far.mkdir()
    hard.mkdir()
    (far / "claude").symlink_to(p.bin / "claude")
    shutil.copy(shim, hard / "claude")
    for what, file, argv0 in (("absolute", p.bin / "claude", str(p.bin / "claude")),
                              ("a link to the link", far / "claude", "claude"),
                              ("relative", "../home/.pando/bin/claude", "../home/.pando/bin/claude"),
                              ("a name with slashes", shim, "/no/such/place/claude")):
        status, said, told = p.start(file, [argv0, "-p", "hi"], p.env())
        ok(status == 0 and told and b"PANDO_RUN" in b" ".join(told.env), "%s: supervised" % what,
           (status, said))
    for argv0 in ("-claude", "", "claude ", "CLAUDE", "pando-shim", "claude.exe"):
        status, said, told = p.start(p.bin / "claude", [argv0, "-p", "hi"], p.env())
        ok(status == USAGE and told is None and "pando-ai install" in said,
           "as %r it starts nothing" % argv0, (status, said))
    status, said, told = p.start(hard / "claude", ["claude", "-p", "hi"], p.env())
    ok(status == SYSTEM and told is None and "part of pando-ai is missing" in said,
       "a copy elsewhere has no other parts, and says so", (status, said))


def paths(p, page):
    shim, real = str(p.bin), str(p.real)
    (p.project / "claude").write_text("#!/bin/sh\necho evil >%s\n" % p.report)
    (p.project / "claude").chmod(0o755)
    other = p.top / "other" / "libexec" / "pando-ai"
    other.mkdir(parents=True)
    shutil.copy(p.build / "libexec/pando-ai/pando-shim", other)
    (p.top / "second").mkdir()
    (p.top / "second" / "claude").symlink_to(other / "pando-shim")
    second = str(p.top / "second")
    for what, path in (("empty entries", "::%s::%s:/usr/bin:" % (shim, real)),
                       ("relative entries", ".:bin:%s:.:../project:%s:/usr/bin" % (shim, real)),
                       ("itself twice", "%s:%s/:%s/../bin:%s:/usr/bin" % (shim, shim, shim, real)),
                       ("two installations", "%s:%s:%s:/usr/bin" % (shim, second, real)),
                       ("no folder", "%s:/nonexistent:/dev/null:%s:/usr/bin" % (shim, real))):
        status, said, told = p.start(p.bin / "claude", ["claude", "-p", "hi"], p.env(path=path))
        exe = [line for line in told.rest if line.startswith("exe ")] if told else None
        same((status, exe), (0, ["exe %s/claude" % real]), "%s: the real one starts" % what)
    twice = p.env(b"PATH=.:/usr/bin", b"PATH=" + os.fsencode(p.project))
    status, said, told = p.start(p.bin / "claude", ["claude", "-p", "hi"], twice)
    same((status, [v for v in told.env if v.startswith(b"PATH=")] if told else said),
         (0, [b"PATH=%s:%s:/usr/bin:/bin" % (os.fsencode(shim), os.fsencode(real))]),
         "of two PATHs the agent gets the one that was searched")
    for what, env in (("no PATH", [v for v in p.env() if not v.startswith(b"PATH=")]),
                      ("an empty PATH", [*p.env()[:1], b"PATH=", *p.env()[2:]])):
        status, said, told = p.start(p.bin / "claude", ["claude", "-p", "hi"], env)
        ok(status == NOAGENT and told is None and "PATH" in said, "%s: a sentence" % what,
           (status, said))


def through_other_programs(p, page):
    """Each starts the shim as it does anything; the agent is supervised."""
    claude = str(p.bin / "claude")
    rows = [["sh", "-c", "claude -p hi"], ["sh", "-c", "exec claude -p hi"],
            ["nohup", claude, "-p", "hi"], ["setsid", "--wait", claude, "-p", "hi"],
            ["timeout", "50", claude, "-p", "hi"], ["nice", claude, "-p", "hi"],
            ["xargs", "-a", "/dev/null", claude, "-p", "hi"], ["env", "X=1", claude, "-p", "hi"],
            ["flock", str(p.top / "lock"), claude, "-p", "hi"], ["stdbuf", "-o0", "sh", "-c",
                                                                "claude -p hi"]]
    for argv in rows:
        file = shutil.which(argv[0], path="/usr/bin:/bin")
        status, said, told = p.start(file, argv, p.env())
        ok(status == 0 and told and any(v.startswith(b"PANDO_RUN=") for v in told.env),
           "%s: supervised" % " ".join(argv[:2]), (status, said))
        same([line for line in told.rest if line.startswith("fd ") and int(line.split()[1]) > 2
              and argv[0] != "flock"] if told else None, [], "%s: no descriptor" % argv[0])


def without_a_home(p, page):
    """As cron and `env -i` do. Who is in the password file has a home all the same."""
    path = os.fsencode("%s:%s:/usr/bin:/bin" % (p.bin, p.real))
    keep = [v for v in p.env(home=False) if v.startswith(b"PANDO_TEST_RUN=")]

    def nobody():
        if os.geteuid() == 0:
            os.setresuid(62345, 62345, 62345)

    if os.geteuid() != 0:
        print("skip - without a home # needs another user id")
        return
    p.top.chmod(0o755)
    for argv in (["claude", "-p", "hi"], ["claude", "mcp", "list"]):
        status, said, told = p.start(p.bin / "claude", argv, [b"PATH=" + path, *keep], nobody)
        ok(status in (SYSTEM, POLICY) and told is None and "set HOME" in said
           and len(said.splitlines()) == 1,
           "%s without HOME: a sentence" % " ".join(argv), (status, said))
    status, said, told = p.start(p.bin / "claude", ["claude", "-p", "hi"],
                                 [b"PATH=" + path, b"HOME=relative", *keep], nobody)
    ok(status == SYSTEM and "HOME" in said, "a relative HOME is none", (status, said))
    # as sudo -u leaves it
    status, said, told = p.start(p.bin / "claude", ["claude", "-p", "hi"], p.env(), nobody)
    ok(status in (REFUSED, SYSTEM, SPACE) and told is None and len(said.splitlines()) == 1
       and str(p.top) in said, "with another's HOME: a sentence", (status, said))


def the_gateway_is_not_a_trace(p, page):
    """What the first launch starts shares nothing with it."""
    p.start(p.bin / "claude", ["claude", "-p", "hi"], p.env(b"SECRET_OF_MINE=1"), lambda: (
        own_descriptors(), os.umask(0o777)))
    pids = [int(n) for n in os.listdir("/proc") if n.isdigit()]
    ours = [n for n in pids if gateway_of(n, p.home)]
    if not same(len(ours), 1, "one gateway"):
        return
    at = Path("/proc", str(ours[0]))
    targets = sorted(os.readlink(f) for f in (at / "fd").iterdir())
    ok(not {"/etc/passwd", "/dev/zero"} & set(targets), "no descriptor of the person's", targets)
    same(os.readlink(at / "cwd"), "/", "it stands in no folder of the person's")
    ok(b"SECRET_OF_MINE" not in (at / "environ").read_bytes(), "nor has their variables")
    fields = (at / "stat").read_text().rpartition(")")[2].split()
    same((fields[2] == str(ours[0]) or fields[3] == str(ours[0]), fields[4]), (True, "0"),
         "a session of its own, without a terminal")


def gateway_of(pid, home):
    try:
        line = Path("/proc", str(pid), "cmdline").read_bytes()
        env = Path("/proc", str(pid), "environ").read_bytes()
    except OSError:
        return False
    return b"pando-gateway" in line and b"HOME=" + os.fsencode(home) in env


CASES = (every_way, an_ordinary_person, working_directories, transparent_starts, ends_as_the_agent_ends, names, paths,
         through_other_programs, without_a_home, the_gateway_is_not_a_trace)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=Path, required=True)
    options.add_argument("--only", default="")
    given = options.parse_args()
    build = given.build.resolve()
    page = (HERE.parents[1] / "man" / "pando-shim.1").read_text()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        stand_in = Path(folder, "stand-in")
        subprocess.run(["gcc", "-O1", "-D_GNU_SOURCE", "-o", stand_in, HERE / "_stand_in.c"],
                       check=True)
        if given.only in "a_first_launch":
            a_first_launch(build, stand_in, page)
        for case in CASES:
            if given.only not in case.__name__:
                continue
            with Person(build, stand_in) as p:
                try:
                    case(p, page)
                except Exception as e:  # one broken case must not hide the others
                    ok(False, "%s: no exception" % case.__name__, repr(e))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
