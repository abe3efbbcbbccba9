#!/usr/bin/env python3
"""Which of the person's and the project's commands, skills ... pando-shim puts before claude."""
import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
import shim_launch
from shim_launch import Person, ok, same


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def carried(p, cwd=None):
    """{name in the private folder: text}, and what the shim told the person."""
    r = p.run("claude", "-p", "x", cwd=cwd)
    told = shim_launch.json.loads(r.stdout) if r.stdout.startswith("{") else {"files": {}}
    ok(r.stdout.startswith("{"), "claude starts", r.stderr)
    out = {}
    for name, (_, target) in told["files"].items():
        if name.startswith("claude/") and "/.pando-data/claude/" in target:
            top = Path(target)
            for f in [top] if top.is_file() else sorted(top.rglob("*")):
                if f.is_file():
                    at = name[7:] if f == top else name[7:] + "/" + str(f.relative_to(top))
                    out[at] = f.read_text()
    ok(out.pop("pando-planned.json", "").startswith('{"own":'), "what the settings are made of")
    return out, r.stderr


def folders(p):
    return p.home / ".claude", p.project / ".claude"


def both_are_carried_by_their_names(p):
    for base, who in zip(folders(p), ("own", "project")):
        put(base / "commands" / ("%s.md" % who), who)
        put(base / "commands" / "git" / "same.md", who)
        put(base / "skills" / who / "SKILL.md", "---\nname: %s\nhooks: {}\n---\n%s" % (who, who))
        put(base / "skills" / who / "run.sh", "")
        put(base / "agents" / "same.md", "---\nname: a\n---\n" + who)
        put(base / "agents" / ("by-%s.md" % who), "---\nname: b\n---\n" + who)
        put(base / "output-styles" / "same.md", "---\nname: s\n---\n" + who)
        put(base / "themes" / ("%s.json" % who), '{"name": "%s"}' % who)
        put(base / "keybindings.json", '{"bindings": ["%s"]}' % who)
        put(base / "rules" / "r.md", "rule of " + who)
    before = p.hashes()
    files, told = carried(p)
    head = "---\n---\n"
    skill = '---\nname: "%s"\n---\n(The other files of this skill are in %s.)\n\n%s'
    outside = "%s/skills/own, outside of the project, where the tools of pando_core and " \
              "pando_workspace do not reach" % folders(p)[0]
    memory = files.pop("CLAUDE.md", "")
    same(files, {"commands/own.md": head + "own", "commands/project.md": head + "project",
                 "commands/git/same.md": head + "own",
                 "skills/own/SKILL.md": skill % ("own", outside, "own"),
                 "skills/project/SKILL.md": skill % ("project", ".claude/skills/project of the project",
                                                     "project"),
                 "agents/same.md": '---\nname: "a"\n---\nproject',
                 "agents/by-project.md": '---\nname: "b"\n---\nproject',
                 "output-styles/same.md": '---\nname: "s"\n---\nproject',
                 "themes/own.json": '{"name":"own"}',
                 "keybindings.json": '{"bindings":["own"]}'}, "what is carried")
    ok("@%s/rules/r.md\n" % folders(p)[0] in memory and "rule of project" in memory, "rules", memory)
    same((told, p.hashes()), ("", before), "nothing to tell, nothing changed")


def the_nearest_of_the_project(p):
    for at, who in ((p.project, "root"), (p.project / "src", "src")):
        put(at / ".claude" / "commands" / "same.md", who)
        put(at / ".claude" / "commands" / ("%s.md" % who), who)
        put(at / "CLAUDE.md", "memory of " + who)
    files, _ = carried(p, cwd=p.project / "src")
    same({n: t[8:] for n, t in files.items() if n != "CLAUDE.md"},
         {"commands/same.md": "src", "commands/root.md": "root", "commands/src.md": "src"},
         "in a folder")
    ok(files["CLAUDE.md"].find("memory of root") < files["CLAUDE.md"].find("memory of src"),
       "instructions from the root down", files)
    files, _ = carried(p)
    same(sorted(files), ["CLAUDE.md", "commands/root.md", "commands/same.md"], "in the root")


def links(p):
    """The person's lead anywhere, the project's only inside of it."""
    own, project = folders(p)
    put(p.top / "dotfiles" / "a.md", "DOT")
    put(p.top / "secret.md", "SECRET")
    own.mkdir(exist_ok=True)
    (own / "commands").symlink_to(p.top / "dotfiles")
    put(p.project / "shared" / "in.md", "INSIDE")
    put(project / "x", "")
    (project / "commands").symlink_to(p.project / "shared")
    (project / "agents").symlink_to(p.top / "dotfiles")
    put(project / "output-styles" / "ok.md", "OK")
    (project / "output-styles" / "link.md").symlink_to(p.top / "secret.md")
    (project / "output-styles" / "inner.md").symlink_to(p.project / "shared" / "in.md")
    os.mkfifo(project / "output-styles" / "fifo.md")
    (project / "rules").symlink_to("/etc")
    (project / "skills").symlink_to("../linked")
    put(p.project / "linked" / "one" / "SKILL.md", "a skill in a linked folder")
    files, told = carried(p)
    same(sorted(files), ["commands/a.md", "commands/in.md", "output-styles/inner.md",
                         "output-styles/ok.md", "skills/one/SKILL.md"],
         "what is carried")
    ok("SECRET" not in repr(files), "nothing from outside", files)
    ok(len(told.splitlines()) == 1 and "claude: 4 of the commands" in told
       and ".claude/agents the first" in told, "one line tells", told)


def links_out_by_the_person_into_the_project(p):
    """A session could change these, and claude would follow what they import."""
    put(p.project / "mine.md", "MINE @/etc/passwd")
    own = folders(p)[0]
    (own / "CLAUDE.md").symlink_to(p.project / "mine.md")
    (own / "rules").mkdir()
    (own / "rules" / "r.md").symlink_to(p.project / "mine.md")
    files, told = carried(p)
    ok("CLAUDE.md" not in files, "neither is imported", files)
    ok("claude: 2 of" in told, "one line tells", told)


def what_is_too_much(p):
    own, project = folders(p)
    put(own / "commands" / "big.md", "x" * ((256 << 10) + 1))
    put(own / "commands" / "zero.md", "a\0b")
    put(own / "commands" / "fits.md", "x" * (256 << 10))
    put(own / "agents" / "wide.md", "---\nname: a\ntools: {x: y}\n---\n")
    put(own / "themes" / "broken.json", "{")
    put(own / "commands" / Path(*"abcdefghi") / "deep.md", "x")
    files, told = carried(p)
    same(sorted(files), ["commands/fits.md"], "what is carried")
    ok("claude: 5 of" in told, "one line tells", told)
    shutil.rmtree(own / "commands")
    for i in range(513):
        put(project / "commands" / ("c%d.md" % i), "x")
    files, told = carried(p)
    ok(len(files) == 512 and "claude: 3 of" in told, "512 and no more", (len(files), told))


def kept_once(p):
    own = folders(p)[0]
    put(own / "commands" / "a.md", "first")
    data = p.home / ".pando-data" / "claude"

    def link():
        return p.told("claude", "-p", "x")["files"]["claude/commands"][1]

    first = link()
    inode = os.stat(first + "/a.md").st_ino
    same((link(), os.stat(first + "/a.md").st_ino), (first, inode), "written once")
    modes = {oct(f.stat().st_mode & 0o777) for f in Path(first).parent.rglob("*")
             if not f.is_symlink()}
    same(modes, {"0o400", "0o500"}, "read-only")
    os.chmod(first, 0o700)
    put(Path(first) / "more.md", "added by hand")
    same((link(), os.listdir(first)), (first, ["a.md"]), "what was added is gone")
    os.chmod(first + "/a.md", 0o600)
    Path(first, "a.md").write_text("---\n---\nFIRST")
    same((link(), Path(first, "a.md").read_text()), (first, "---\n---\nfirst"), "what was changed too")
    os.utime(data / Path(first).parent.name, (0, 0))
    put(own / "commands" / "a.md", "second")
    second = link()
    ok(second != first and not Path(first).exists(), "unused for long, removed", os.listdir(data))
    same(len(os.listdir(data)), 1, "nothing else is there")


def choices(p):
    """What claude writes to the private settings at the end of a session, for the next one."""
    own = put(folders(p)[0] / "settings.json", '{"model": "opus"}')
    told = p.told("claude", "-p", "x")
    run, files = told["env"]["PANDO_RUN"], told["files"]
    at = p.home / ".pando" / "run" / run / "claude"
    end = {"session_id": "s", "hook_event_name": "SessionEnd", "reason": "x"}

    def next_settings(chosen):
        at.mkdir(parents=True, exist_ok=True)
        put(at / "pando-planned.json", Path(files["claude/pando-planned.json"][1]).read_text())
        put(at / "settings.json", shim_launch.json.dumps(chosen))
        env = {k: v for k, v in told["env"].items() if k.startswith("PANDO_") or k in p.env()}
        r = subprocess.run([p.build / "libexec/pando-ai/pando-hook", "SessionEnd"], env=env, text=True,
                           input=shim_launch.json.dumps(end), capture_output=True, check=False,
                           timeout=shim_launch.SECONDS)
        same((r.returncode, r.stdout), (0, "{}\n"), "the hook answers")
        return shim_launch.json.loads(p.told("claude", "-p", "x")["files"]["claude/settings.json"][1])

    same(next_settings({"model": "opus"}), {"model": "opus"}, "nothing chosen")
    ok(not (p.home / ".pando-data" / "claude-chosen.json").exists(), "nothing is written")
    same(next_settings({"model": "sonnet", "theme": "light", "env": {"A": "b"}, "hooks": {}}),
         {"model": "sonnet", "theme": "light"}, "model and theme, and nothing else")
    same(own.read_text(), '{"model": "opus"}', "the person's file is theirs")
    own.write_text('{"model": "haiku"}')
    same(shim_launch.json.loads(p.told("claude", "-p", "x")["files"]["claude/settings.json"][1]),
         {"model": "haiku", "theme": "light"}, "what they write there holds")


def project_settings(p):
    put(folders(p)[1] / "settings.json", '{"model": "m", "outputStyle": "s", "effortLevel": "low",'
        ' "cleanupPeriodDays": 1, "hooks": {}, "env": {"A": "b"}, "theme": "light"}')
    put(folders(p)[1] / "settings.local.json", '{"effortLevel": "high", "language": ["x"]}')
    put(folders(p)[0] / "settings.json", '{"model": "own", "theme": "dark", "language": "cs"}')
    text = p.told("claude", "-p", "x")["files"]["claude/settings.json"][1]
    same(shim_launch.json.loads(text), {"model": "m", "theme": "dark", "language": "cs",
                                        "outputStyle": "s", "effortLevel": "high"}, "settings")


CASES = (both_are_carried_by_their_names, the_nearest_of_the_project, links,
         links_out_by_the_person_into_the_project, what_is_too_much, kept_once, project_settings, choices)


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
