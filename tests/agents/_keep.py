"""A person and a project with files of their own for the real claude, and its terminal in tmux."""
import re
import subprocess

from _agents import Scene, until

FINAL = "FINAL4711"
TRIES, SETTLE_SECONDS = 4, 5
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


class Terminal:
    """claude in tmux, as the person sees it."""

    def __init__(self, scene, argv=()):
        self.scene, self.socket = scene, scene.folder / "tmux"
        self.socket.mkdir(mode=0o700, exist_ok=True)
        scene.person.own(self.socket)
        bin_dir = scene.home / ".pando" / "bin"
        env = scene.env("%s:%s" % (bin_dir, scene.agent_path()), {"TERM": "xterm-256color"})
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "110", "-y", "50", "-c",
                  str(scene.project), "env", "-i", *["%s=%s" % kv for kv in env.items()],
                  str(bin_dir / "claude"), *argv)

    def tmux(self, *argv):
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color",
               "HOME": str(self.scene.home)}
        return subprocess.run(["tmux", "-S", str(self.socket / "s"), *argv], env=env, text=True,
                              capture_output=True, check=False,
                              **self.scene.person.popen_args()).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-S", "-100")

    def shows(self, r, pattern, what):
        return r.need(until(lambda: re.search(pattern, self.screen())), what, self.screen())

    def type(self, r, text, *keys):
        """Keys go out when the text is on the screen: claude reads what comes at once as pasted.
        What is typed while a panel closes is lost, so it is typed again."""
        for _ in range(TRIES):
            self.tmux("send-keys", "-l", text)
            if until(lambda: re.search("❯.?" + re.escape(text), self.screen()), SETTLE_SECONDS):
                break
            self.tmux("send-keys", "C-u")
        self.shows(r, "❯.?" + re.escape(text), "typed: " + text)
        for key in keys:
            self.tmux("send-keys", key)

    def escape(self):
        """Back to an empty prompt."""
        self.tmux("send-keys", "Escape")
        return until(lambda: re.search(r"❯\s*\n─{20}", self.tmux("capture-pane", "-p")))

    def end(self, r):
        self.type(r, "/exit", "Enter")
        r.ok(until(lambda: not self.tmux("list-sessions")), "claude ends", self.screen())
