#!/usr/bin/env python3
"""Completion in bash, zsh and fish: every command and option of `pando-ai help`, and no other."""
import argparse
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

SHARE = pathlib.Path(__file__).resolve().parents[2] / "share" / "completions"
SECONDS = 30
passed = failed = skipped = 0


def ok(good, what, have=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok - {what}: have {have!r}")


class Place:
    """A home, and a folder to complete files in, with the program first on PATH."""

    def __init__(self, build):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pando-completion-"))
        self.work = self.dir / "work"
        (self.work / "sub").mkdir(parents=True)
        (self.work / "a policy.toml").write_text("")
        self.env = {"HOME": str(self.dir), "PATH": f"{build / 'bin'}:/usr/bin:/bin", "TERM": "xterm",
                    "LC_ALL": "C.UTF-8"}
        if "PANDO_TEST_RUN" in os.environ:
            self.env["PANDO_TEST_RUN"] = os.environ["PANDO_TEST_RUN"]
        data = self.dir / ".pando-data"
        data.mkdir(mode=0o700)
        with (data / "gateway-debug.jsonl").open("w") as log:
            for run in ("run-old", "run-old", "bad\u001b[31m", "$(id)", "run-new"):
                log.write(json.dumps({"run": run, "agent": "claude", "event": "x"}) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def run(self, argv, **more):
        return subprocess.run(argv, cwd=self.work, env=self.env, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS, check=False, **more)


class Bash:
    """The function is called as bash calls it."""
    name = "bash"

    def __init__(self, place):
        self.place = place

    def __call__(self, *words):
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pando_ai; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        r = self.place.run(["bash", "--norc", "-c", script, str(SHARE / "pando-ai.bash"), *words])
        ok(r.stderr == "", f"bash says nothing for {words}", r.stderr)
        return sorted(filter(None, r.stdout.split("\n")))

    def close(self):
        pass


class Fish(Bash):
    """complete -C answers what a person would be shown."""
    name = "fish"

    def __call__(self, *words):
        script = 'source $argv[1]; complete -C $argv[2]'
        r = self.place.run(["fish", "--no-config", "-c", script, str(SHARE / "pando-ai.fish"),
                            " ".join(words)])
        ok(r.stderr == "", f"fish says nothing for {words}", r.stderr)
        return sorted(line.split("\t")[0].rstrip("/") for line in r.stdout.splitlines())


class Zsh:
    """An interactive zsh on a terminal of ours; what it is given to show goes to a file."""
    name = "zsh"
    SETUP = """
PROMPT= ; unsetopt beep
fpath=(%s $fpath)
autoload -U compinit; compinit -D -u
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
compadd () {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a hits
	builtin compadd -A hits "$@"
	(( $#hits )) && print -rl -- $hits >> %s
	builtin compadd "$@"
}
end-of-it () { print -r -- :end >> %s }
comppostfuncs=(end-of-it)
print -r -- :ready >> %s
"""

    def __init__(self, place):
        self.place = place
        self.out = place.dir / "zsh-out"
        setup = place.dir / "setup.zsh"
        setup.write_text(self.SETUP % (SHARE, self.out, self.out, self.out))
        self.setup = setup

    def start(self):
        master, slave = pty.openpty()
        p = subprocess.Popen(["zsh", "-f", "-i"], cwd=self.place.work, env=self.place.env, stdin=slave,
                             stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        return p, master

    def wait_for(self, master, mark):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if self.out.exists() and mark in self.out.read_text().split("\n"):
                return True
            if select.select([master], [], [], 0.02)[0]:
                os.read(master, 65536)
        return False

    def __call__(self, *words):
        self.out.unlink(missing_ok=True)
        p, master = self.start()
        try:
            os.write(master, f"source {self.setup}\n".encode())
            ok(self.wait_for(master, ":ready"), "zsh starts", "")
            os.write(master, (" ".join(words) + "\t").encode())
            ok(self.wait_for(master, ":end"), f"zsh completes {words}", "")
        finally:
            p.kill()
            p.wait()
            os.close(master)
        lines = self.out.read_text().split("\n")
        return sorted({line.rstrip("/") for line in lines if line and not line.startswith(":")})

    def close(self):
        pass


def usage_of(place):
    """{"policy check": (options, words)}, as help prints them."""
    out = {}
    for line in place.run(["pando-ai", "help"]).stdout.splitlines():
        m = re.match(r"  ([a-z]+(?: [a-z]+)?)((?: (?:\[[^]]*\]|[A-Z|.a-z-]+))*?)(?:  .*)?$", line)
        if m and not line.startswith("   "):
            options = re.findall(r"(?<![\w|])(-{1,2}[a-z][a-z-]*)", m.group(2))
            out[m.group(1)] = sorted(options)
    return out


def the_usage_is_read_as_it_stands(place):
    usage = usage_of(place)
    ok(len(usage) >= 14, "commands of the usage", usage)
    ok(usage.get("policy check") == ["--as", "--json", "--root"], "options of check", usage)
    ok(usage.get("install") == [], "install has none", usage)
    return usage


def every_command_is_completed(shell, usage):
    first = sorted({name.split()[0] for name in usage})
    ok(shell("pando-ai", "") == first, f"{shell.name}: commands", shell("pando-ai", ""))
    for word in first:
        second = sorted(name.split()[1] for name in usage if name.startswith(word + " "))
        have = shell("pando-ai", word, "") if second else []
        ok(set(second) <= set(have), f"{shell.name}: commands of {word}", have)
        if second and word not in usage:
            ok(have == second, f"{shell.name}: no other commands of {word}", have)


def every_option_is_completed(shell, usage):
    for name, options in usage.items():
        have = shell("pando-ai", *name.split(), "-") if options else []
        ok(have == options, f"{shell.name}: options of {name}", have)


WORDS = (
    (("policy", "check", "--as", ""), ["managed", "project", "user"]),
    (("policy", "check", "--as", "m"), ["managed"]),
    (("policy", "check", "--as", "user", "--j"), ["--json"]),
    (("policy", "check", "--root", ""), ["sub"]),
    (("policy", "check", ""), ["a policy.toml", "sub"]),
    (("policy", "explain", "c"), ["claude", "codex"]),
    (("policy", "explain", "claude", "pando_core/read"), ["pando_core/read-file"]),
    (("policy", "learn", "--run", ""), ["run-new", "run-old"]),
    (("logs", "-f", "--verdict", "a"), ["allow", "ask", "audit"]),
    (("logs", "--layer", "h"), ["hook"]),
    (("demo", "--agent", ""), ["claude", "codex"]),
    (("po",), ["policy"]),
)


def words_are_completed_by_what_they_are(shell):
    for words, want in WORDS:
        have = [w.replace("\\", "").strip("'") for w in shell("pando-ai", *words)]
        ok(have == want, f"{shell.name}: {words}", have)


def synopsis_of(page):
    """The same of the manual page's SYNOPSIS."""
    out = {}
    text = page.read_text().split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
    for block in text.split(".Nm\n"):
        names, options = [], []
        for line in block.splitlines():
            words = line.split()
            if line.startswith(".Cm "):
                names.append(words[1:])
            elif line.startswith((".Op Fl ", ".Fl ")):
                options.append("-" + words[words.index("Fl") + 1])
        if not names:
            continue
        # "proxy" may have "status | stop" behind it
        for last in [w for w in names[1] if w != "|"] if len(names) > 1 else [None]:
            out[" ".join(names[0] + ([last] if last else []))] = sorted(options)
    return out


def the_page_has_what_the_usage_has(usage):
    page = synopsis_of(SHARE.parents[1] / "man" / "pando-ai.1")
    for name in sorted({*usage, *page}):
        ok(page.get(name) == usage.get(name), f"the page's synopsis of {name}", (page.get(name), usage.get(name)))


def make_install_puts_them_in_their_places(build):
    """Read off the Makefile: an installation would build everything."""
    text = (SHARE.parents[1] / "Makefile").read_text()
    for place in ("share/bash-completion/completions/pando-ai", "share/zsh/site-functions/",
                  "share/fish/vendor_completions.d/"):
        ok(place in text, f"make install: {place}", "")
    ok(sorted(p.name for p in SHARE.iterdir()) == ["_pando-ai", "pando-ai.bash", "pando-ai.fish"],
       "the files", list(SHARE.iterdir()))


def main():
    global skipped
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    build = arguments.parse_args().build.resolve()
    with Place(build) as place:
        usage = the_usage_is_read_as_it_stands(place)
        the_page_has_what_the_usage_has(usage)
        for kind in (Bash, Zsh, Fish):
            if shutil.which(kind.name) is None:
                skipped += 1
                print(f"skip - completion in {kind.name} # {kind.name} is not installed")
                continue
            shell = kind(place)
            every_command_is_completed(shell, usage)
            every_option_is_completed(shell, usage)
            words_are_completed_by_what_they_are(shell)
    make_install_puts_them_in_their_places(build)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


sys.exit(main())
