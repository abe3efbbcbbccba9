"""A person and a project with files of their own for the real claude, and its terminal in tmux."""
import re

from _agents import Scene
from _terminal import PROMPT, Terminal

FINAL = "FINAL4711"
TRIES, SETTLE_SECONDS, BACK = 4, 5, 100
OWN, IN = "home/.claude/", "project/.claude/"


def put(scene, name, text, words):
    path = scene.folder / name.format(**words)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = text.format(**words)
    if text.startswith("-> "):
        path.symlink_to(text[3:])
    else:
        path.write_text(text)


class Kept(Scene):
    """A scene with the row's files."""

    def __init__(self, stage, person, files, policy=""):
        super().__init__(stage, "claude", person, [[{"say": FINAL}]], policy=policy)
        self.files = files

    def write_person_files(self):
        super().write_person_files()
        (self.home / ".claude.json").write_text('{"hasCompletedOnboarding": true, "theme": "dark"}')
        secret = self.home / "secret.md"
        secret.write_text("SECRET\n")
        words = {"canary": self.canary, "secret": secret, "home": self.home, "top": self.folder,
                 "slug": re.sub(r"[^A-Za-z0-9]", "-", str(self.project))}
        self.words = words
        for name, text in self.files.items():
            put(self, name, text, words)
        self.person.own(self.folder)


class Claude(Terminal):
    """claude in a terminal, as the person sees it."""

    def __init__(self, scene):
        super().__init__(scene, "%s:%s" % (scene.home / ".pando" / "bin", scene.agent_path()))

    def __enter__(self):
        super().__enter__()
        self.resize(110, 50)
        self.type("claude")
        self.keys("Enter")
        return self

    def shows(self, r, pattern, what):
        return r.need(self.wait(pattern, back=BACK), what, self.screen(BACK))

    def enter(self, r, text, *keys):
        """Keys go out when the text is on the screen: claude reads what comes at once as pasted.
        What is typed while a panel closes is lost, so it is typed again."""
        shown = "❯.?" + re.escape(text)
        for _ in range(TRIES):
            self.type(text)
            if self.wait(shown, SETTLE_SECONDS):
                break
            self.keys("C-u")
        self.shows(r, shown, "typed: " + text)
        self.keys(*keys)

    def escape(self):
        """Back to an empty prompt."""
        self.keys("Escape")
        return self.wait(r"❯\s*\n─{20}")

    def end(self, r):
        self.enter(r, "/exit", "Enter")
        r.ok(self.wait(r"\n%s\s*$" % PROMPT), "claude ends", self.screen())
