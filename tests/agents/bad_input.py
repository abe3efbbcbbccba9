#!/usr/bin/env python3
"""What cannot work says so: one clear sentence, its own exit status, and nothing half done.

Both agents, as root and as an ordinary user. The real agent must not have started: the provider
got nothing, no canary, no run folder.
"""
import os
import sys
from pathlib import Path

from _agents import AGENTS, Scene, native_touch, options, persons, run_cases, stages

USAGE, GATEWAY, SPACE, REFUSED, POLICY, NOAGENT = 64, 69, 73, 77, 78, 127


def touching(scene):
    return [[native_touch(scene.canary)], [{"say": "It went on."}]]


def check_refused(r, scene, run, status, *words):
    """One sentence that has the words, the status, and no trace of a run."""
    r.same(run.status, status, "exit status (%s)" % run.err.strip())
    lines = [s for s in run.err.splitlines() if s.strip()]
    r.same(len(lines), 1, "one line on standard error")
    for word in words:
        r.ok(word in run.err, "it says %r" % word, run.err)
    r.same(run.out, "", "nothing on standard output")
    check_nothing_done(r, scene)


def check_nothing_done(r, scene):
    r.same(scene.requests(), [], "the provider was not asked")
    r.ok(not scene.canary.exists(), "the canary is untouched")
    r.same(scene.changed_files(), [], "the person's own files are unchanged")
    r.same(scene.run_folders(), [], "no run folder is left")


def missing_agent(r, stage, agent, person):
    with Scene(stage, agent, person, touching) as s:
        run = s.start_supervised(path="/usr/bin:/bin").wait()
        check_refused(r, s, run, NOAGENT, agent, "PATH")


def wrong_policy(r, stage, agent, person):
    rows = (("[native_tool]\n", "4:"), ("[native_tools]\ndefalt = 'deny'\n", "5:1"),
            ("[native_tools]\ndefault = 'maybe'\n", "5:"),
            ("[[[\n", "4:"))
    for text, where in rows:
        with Scene(stage, agent, person, touching, policy=text) as s:
            check_refused(r, s, s.supervised(), POLICY,
                          "%s:%s" % (s.home / ".pando" / "policy.toml", where))


def unreadable_policy(r, stage, agent, person):
    """A folder in its place is unreadable for root as well."""
    with Scene(stage, agent, person, touching) as s:
        file = s.home / ".pando" / "policy.toml"
        if person.uid == 0:
            file.unlink()
            file.mkdir()
        else:
            file.chmod(0)
        check_refused(r, s, s.supervised(), POLICY, str(file))


def gateway_cannot_start(r, stage, agent, person):
    def a_file(s):
        (s.home / ".pando" / "run").write_text("in the way\n")

    def open_to_all(s):
        (s.home / ".pando" / "run").mkdir()
        (s.home / ".pando" / "run").chmod(0o777)

    def a_link(s):
        (s.home / "elsewhere").mkdir(mode=0o700)
        (s.home / ".pando" / "run").symlink_to(s.home / "elsewhere")

    for spoil in (a_file, open_to_all, a_link):
        with Scene(stage, agent, person, touching) as s:
            spoil(s)
            person.own(s.home)
            run = s.supervised()
            r.ok(run.status in (GATEWAY, 71, SPACE, REFUSED),
                 "%s: a status of the table" % spoil.__name__, (run.status, run.err))
            check_refused(r, s, run, run.status, ".pando/run")


def on_full_disk(folder, person):
    """argv that covers the folder with a full file system and goes on as the person."""
    root = os.geteuid() == 0
    owner = (person.uid, person.gid) if root else (0, 0)
    fill = ('mount -t tmpfs -o size=16k,mode=700,uid=%d,gid=%d none "$0" || exit 99\n'
            'head -c 65536 /dev/zero > "$0/fill" 2>/dev/null\nexec "$@"' % owner)
    argv = ["/usr/bin/unshare", "-m" if root else "-Urm", "/bin/sh", "-c", fill, str(folder)]
    if root and person.uid != 0:
        argv += ["/usr/bin/setpriv", "--reuid=%d" % person.uid, "--regid=%d" % person.gid,
                 "--clear-groups"]
    return argv


def full_disk(r, stage, agent, person):
    """The decision log cannot be written: what is not recorded is not done. The log's folder is a full
    file system in a mount namespace of its own."""
    with Scene(stage, agent, person, touching) as s:
        data = s.home / ".pando-data"
        data.mkdir(mode=0o700, exist_ok=True)
        person.own(s.home)
        run = s.start_supervised(wrap=on_full_disk(data, person)).wait()
        r.ok(run.status != 99, "the full file system could be made", run.err)
        check_refused(r, s, run, SPACE, ".pando-data")


def roots_that_are_no_project(r, stage, agent, person):
    with Scene(stage, agent, person, touching) as s:
        check_refused(r, s, s.supervised(cwd="/"), REFUSED, "/")
    with Scene(stage, agent, person, touching) as s:
        check_refused(r, s, s.supervised(cwd=str(s.home)), REFUSED, str(s.home))


def someone_elses_root(r, stage, agent, person):
    with Scene(stage, agent, person, touching) as s:
        theirs = "/usr/share"
        if os.geteuid() == 0:
            theirs = str(s.folder / "theirs")
            Path(theirs, ".git").mkdir(parents=True)
            for p in (theirs, theirs + "/.git"):
                os.chown(p, person.uid + 1, person.gid + 1)
                os.chmod(p, 0o777)
        check_refused(r, s, s.supervised(cwd=theirs), REFUSED, theirs)


def loosening_arguments(r, stage, agent, person):
    rows = {"claude": (["--setting-sources", "user"], ["--dangerously-skip-permissions"], ["mcp", "serve"],
                       ["--bg"]),
            "codex": (["exec", "--oss", "x"], ["exec", "-c", "model_provider=\"x\"", "x"],
                      ["cloud"], ["app-server"])}
    for argv in rows[agent]:
        with Scene(stage, agent, person, touching) as s:
            run = s.start_supervised(argv=argv).wait()
            r.ok(run.status in (USAGE, REFUSED), "%s: refused" % " ".join(argv),
                 (run.status, run.err))
            check_refused(r, s, run, run.status, argv[-2] if argv[-1] == "x"
                          and argv[-2].startswith("--") else argv[0]
                          if agent == "claude" or argv[0] != "exec" else "model_provider")


CASES = (missing_agent, wrong_policy, unreadable_policy, gateway_cannot_start, full_disk,
         roots_that_are_no_project,
         someone_elses_root, loosening_arguments)


def main():
    o = options()
    who = persons()
    stage = stages(o.build, who)
    cases = [("%s as %s: %s" % (agent, p.name, f.__name__.replace("_", " ")), f,
              (stage[p.name], agent, p))
             for f in CASES for agent in AGENTS for p in who if p]
    return run_cases([c for c in cases if o.only in c[0]])


if __name__ == "__main__":
    sys.exit(main())
