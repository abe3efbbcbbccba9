"""A person's session at a terminal, played twice: through the shim and without it.

What can be seen from outside, by the shell and on the screen, is noted step by step; both
transcripts must be the same.
"""
import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from _agents import Scene, kill, options, pando_tools, persons, run_cases, stages, until
from _scripts import FINAL, read_call
from _terminal import PROMPT, Terminal

SESSION_SECONDS = 40
READY = {"claude": r"manual mode on|for shortcuts", "codex": r"for shortcuts|Ask Codex to do"}
ASKS_FOR_TRUST = r"Open restricted"  # codex, of a folder that it was told not to trust
# what is asked of who has not chosen it
OFFERS = r"Make auto mode your default"  # claude by itself, on some start
ARGUMENTS = {"claude": ["--permission-mode", "default"], "codex": []}
STILL_SECONDS, ASKS_SECONDS = 0.4, 6
WORKING = {"claude": "esc to interrupt", "codex": "Waiting"}
INTERRUPTED = {"claude": r"Interrupted", "codex": r"interrupted"}
AGAIN = r"(?i)again to (exit|quit)"
KEYS_MAX, AGAIN_SECONDS = 6, 5
SCRIPT = {"prompts": [{"match": "Wait", "turns": [{"items": [{"say": "Waiting for you. " * 4}],
                                                  "hang": 600, "hang_after": 5}]}]}
SHIMMED = [[{"say": "Reading."}, read_call()], [{"say": FINAL}]]
BARE = [[{"say": FINAL}]]


class Played(Exception):
    """A step that did not come about, with the screen."""


class Player:
    """One session in one scene; `seen` is its transcript."""

    def __init__(self, scene, terminal):
        self.s, self.t, self.agent, self.seen = scene, terminal, scene.agent, []

    def note(self, what, value):
        self.seen.append((what, value))

    def want(self, pattern, what):
        if not self.t.wait(pattern, SESSION_SECONDS):
            raise Played("%s: no %r on the screen:\n%s" % (what, pattern, self.t.screen(20)))

    def launch(self):
        self.t.type("clear; " + " ".join([self.agent, *ARGUMENTS[self.agent]]))
        self.t.keys("Enter")
        if self.agent == "codex" and self.s.shims:
            self.t.wait(ASKS_FOR_TRUST, ASKS_SECONDS)  # some time after its first screen
        self.settle("start")

    def settle(self, what):
        """Until it waits for a prompt: its screen says so and no longer changes."""
        def is_ready():
            screen = self.t.screen()
            if re.search(ASKS_FOR_TRUST, screen):
                self.t.keys("Enter")
                return False
            if re.search(OFFERS, screen):
                self.t.keys("Down", "Enter")
                return False
            time.sleep(STILL_SECONDS)
            return re.search(READY[self.agent], screen) and self.t.screen() == screen
        if not until(is_ready, SESSION_SECONDS):
            raise Played("%s: it does not come to rest:\n%s" % (what, self.t.screen()))

    def say(self, text):
        self.t.type(text)
        asked = False  # late, and the text may have gone to the question

        def is_typed():
            nonlocal asked
            screen = self.t.screen()
            if re.search(ASKS_FOR_TRUST, screen):
                self.t.keys("Enter")
                asked = True
                time.sleep(STILL_SECONDS)
                return False
            if asked and text not in screen:
                asked = False
                self.t.type(text)
            return text in screen
        if not until(is_typed, SESSION_SECONDS):
            raise Played("typing %s:\n%s" % (text, self.t.screen()))
        self.t.keys("Enter")

    def back(self, what):
        """The agent has ended, and the shell tells how."""
        if not until(lambda: self.t.foreground() == self.t.pid()):
            raise Played("%s: the agent does not end:\n%s" % (what, self.t.screen()))
        mark = "status%d=" % len(self.seen)
        self.t.type("echo %s$?." % mark)
        self.t.keys("Enter")
        self.want(mark + r"\d+\.", what)
        self.note(what, re.search(mark + r"(\d+)\.", self.t.screen()).group(1))

    def modes(self):
        return self.t.ask("stty -a | tr ';' '\\n' | grep -v -e rows -e columns")


def whole_session(p):
    before = p.modes()
    p.launch()
    p.note("the shell waits for it", p.t.foreground() != p.t.pid())
    p.say("Do it.")
    p.want(re.escape(FINAL), "answer")
    p.t.resize(84, 26)
    p.want(width_of(p.agent, 84), "resize")
    p.note("resize", True)
    asked = len(p.s.requests())
    p.say("Wait for me.")
    p.note("asks", until(lambda: len(p.s.requests()) > asked))
    p.want(WORKING[p.agent], "an answer begins")
    p.t.keys("Escape")
    p.want(INTERRUPTED[p.agent], "interrupt")
    stopped(p)
    p.say("/exit")
    p.back("/exit")
    p.note("modes after /exit", p.modes() == before)
    for key in ("C-c", "C-d"):
        p.launch()
        ends_by(p, key)
        p.note("modes after " + key, p.modes() == before)


def width_of(agent, columns):
    """What is drawn anew for the new width."""
    return r"(?m)^─{%d}$" % columns if agent == "claude" else r"(?m)^.{1,%d}$" % columns


def stopped(p):
    """Ctrl-Z and fg."""
    p.t.keys("C-z")
    if not until(lambda: p.t.foreground() == p.t.pid()):
        raise Played("Ctrl-Z: it does not stop:\n%s" % p.t.screen())
    p.note("Ctrl-Z", p.t.ask("jobs").split()[1:3])
    p.t.type("clear; fg")
    p.t.keys("Enter")
    if not until(lambda: p.t.foreground() != p.t.pid()):
        raise Played("fg: it does not come back:\n%s" % p.t.screen())
    p.settle("fg")


def ends_by(p, key):
    """Once, or twice as the agent wants it; on a busy machine it may miss the second."""
    def has_ended():
        return p.t.foreground() == p.t.pid()
    # a key too many would be the shell's, or find an agent that is about to end
    for _ in range(KEYS_MAX):
        if re.search(OFFERS, p.t.screen()):
            p.settle(key)  # it came after the first screen, and takes the keys
        p.t.keys(key)
        until(lambda: has_ended() or re.search(AGAIN, p.t.screen()), AGAIN_SECONDS)
        if not has_ended():
            p.t.keys(key)
        if until(has_ended, AGAIN_SECONDS):
            break
    p.back(key)


def agent_path(scene, shims):
    own = "%s:" % (scene.home / ".pando" / "bin") if shims else ""
    return own + scene.agent_path()


def write_own_files(s, shims):
    """A person who has used the agent before, here."""
    (s.home / ".codex" / "config.toml").write_text(
        "disable_paste_burst = true\ncheck_for_update_on_startup = false\n" + ("" if shims else (
            'model_provider = "here"\n[analytics]\nenabled = false\n[projects."%s"]\n'
            'trust_level = "trusted"\n[features]\nplugins = false\napps = false\n'
            '[model_providers.here]\nname = "Here"\nbase_url = "%s/v1"\n'
            'wire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n' % (s.project, s.upstream))))
    (s.home / ".claude.json").write_text(json.dumps({
        "numStartups": 3, "hasCompletedOnboarding": True, "theme": "dark",
        "customApiKeyResponses": {"approved": ["sk-ant-dummy-key"], "rejected": []},
        "projects": {str(s.project): {"hasTrustDialogAccepted": True,
                                      "hasCompletedProjectOnboarding": True}}}))
    if not shims:
        (s.home / ".claude" / "settings.json").write_text(json.dumps(
            {"permissions": {"defaultMode": "default"}}))
    s.person.own(s.home)
    s.before = s.hashes()


def terminal_of(s, shims):
    write_own_files(s, shims)
    t = Terminal(s, agent_path(s, shims))
    if not shims and s.agent == "claude":
        t.env.update(ANTHROPIC_BASE_URL=s.upstream, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1")
    return t


def play(stage, agent, person, shims):
    """(transcript, complaints, what is left) of a whole session."""
    with Scene(stage, agent, person, SHIMMED if shims else BARE, more_script=SCRIPT,
               shims=shims) as s:
        with terminal_of(s, shims) as t:
            p, fault = Player(s, t), None
            try:
                whole_session(p)
            except Played as e:
                fault = str(e)
            left = until(lambda: not s.run_folders()) if shims else True
            tools = [q["tools"] for q in s.requests()]
        changed = s.changed_files() if shims else []
        s.stop_gateway()
        gone = until(lambda: not s.processes())
        return p.seen, fault, {"run folders gone": left, "processes gone": gone,
                               "changed": changed, "tools": tools}


def a_session_as_without_the_shim(r, stage, agent, person):
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(play, stage, agent, person, shims) for shims in (True, False)]
        (shimmed, fault, left), (bare, bare_fault, _) = [b.result() for b in both]
    r.same(fault, None, "every step comes about")
    r.same(bare_fault, None, "so it does without the shim")
    r.same(shimmed, bare, "what is seen is the same")
    r.same(dict(bare).get("/exit"), "0", "/exit is a good end")
    r.ok(left["run folders gone"], "no run folder is left")
    r.ok(left["processes gone"], "no process is left")
    r.same([sorted(t) for t in left["tools"] if sorted(t) != pando_tools(agent)], [],
           "each request, and so the first, offers all of our tools")
    r.same(left["changed"], [], "the person's files are as they were")


def with_a_session(r, stage, agent, person, what):
    with Scene(stage, agent, person, SHIMMED, more_script=SCRIPT) as s:
        with terminal_of(s, True) as t:
            p = Player(s, t)
            try:
                p.launch()
                what(r, s, p)
            except Played as e:
                r.ok(False, "every step comes about", str(e))
        gone = until(lambda: not s.run_folders())
        r.ok(gone, "no run folder is left", s.run_folders())
        s.stop_gateway()
        r.ok(until(lambda: not s.processes()), "no process is left", s.processes())


def run_pid(s):
    folder = s.run_folders()[0]
    return int((folder / "pid").read_text().split()[0])


def the_agent_is_killed(r, stage, agent, person):
    def what(r, s, p):
        first = s.run_folders()[0]
        os.killpg(run_pid(s), signal.SIGKILL)  # codex is two processes
        p.want("Killed", "kill -9")
        r.ok(until(lambda: p.t.foreground() == p.t.pid()), "the shell sees it")
        p.t.keys("C-c")  # what the terminal answered to the agent's last question
        r.ok(until(lambda: not first.exists()), "its folder goes")
        p.t.ask("stty sane")
        p.t.type("reset")
        p.t.keys("Enter")
        p.launch()
        p.say("Do it.")
        p.want(re.escape(FINAL), "answer")
        r.ok(True, "the next launch works")
    with_a_session(r, stage, agent, person, what)


def the_terminal_is_closed(r, stage, agent, person):
    def what(r, s, p):
        pid = run_pid(s)
        os.kill(p.t.pid(), signal.SIGHUP)
        p.t.tmux("kill-server", check=False)
        r.ok(until(lambda: not os.path.exists("/proc/%d" % pid)), "the agent ends with it")
    with_a_session(r, stage, agent, person, what)


def the_gateway_is_killed(r, stage, agent, person):
    """The core server starts another, and the session goes on."""
    def what(r, s, p):
        p.say("Do it.")
        p.want(re.escape(FINAL), "answer")
        before = s.gateway_pids()
        for pid in before:
            kill(pid)
        r.ok(until(lambda: set(s.gateway_pids()) - set(before)), "another takes its place")
        asked = len(s.requests())
        p.say("Do it again.")
        r.ok(until(lambda: len(s.requests()) > asked + 1), "the session goes on",
             p.t.screen())
    with_a_session(r, stage, agent, person, what)


CASES = (a_session_as_without_the_shim, the_agent_is_killed, the_terminal_is_closed,
         the_gateway_is_killed)


def main(agent):
    o = options()
    who = persons()
    stage = stages(o.build, who)
    person = who[0] or who[1]
    cases = [("%s at a terminal: %s" % (agent, f.__name__.replace("_", " ")), f,
              (stage[person.name], agent, person)) for f in CASES]
    return run_cases([c for c in cases if o.only in c[0]])
