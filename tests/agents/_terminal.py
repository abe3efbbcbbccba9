"""A terminal with a shell in it, as a person has it: keys in, a screen out. By tmux, on a socket
of its own."""
import os
import re
import secrets
import subprocess
import time

SECONDS = 30
ROWS, COLUMNS = 32, 110
PROMPT = "ready>"


class Terminal:
    """In the scene's project, with the scene's environment."""

    def __init__(self, scene, path):
        self.scene, self.socket = scene, str(scene.tmp / "tmux")
        self.env = dict(scene.env(path), TERM="xterm-256color", PS1=PROMPT, HISTFILE="",
                        IGNOREEOF="9")

    def __enter__(self):
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(COLUMNS), "-y",
                  str(ROWS), "-c", str(self.scene.project), "exec bash --norc --noprofile")
        self.wait(PROMPT)
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)

    def tmux(self, *words, check=True):
        r = subprocess.run(["tmux", "-S", self.socket, *words], env=self.env, text=True,
                           cwd=self.scene.project, stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=SECONDS, check=False, **self.scene.person.popen_args())
        if check and r.returncode != 0:
            raise RuntimeError("tmux %s: %s" % (words[0], r.stderr))
        return r.stdout

    def screen(self, back=0):
        """What is on it, and so many lines that went off its top."""
        return self.tmux("capture-pane", "-p", "-S", str(-back), "-t", "t", check=False)

    def keys(self, *names):
        self.tmux("send-keys", "-t", "t", *names)

    def type(self, text):
        self.tmux("send-keys", "-t", "t", "-l", "--", text)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def wait(self, pattern, seconds=SECONDS, back=0):
        """Until the screen shows it; answers whether it did."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.screen(back)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def ask(self, command):
        """What a command in the shell prints, through a file: the screen would cut it."""
        mark = self.scene.tmp / secrets.token_hex(4)
        self.type("{ %s ; } >%s.part 2>&1; mv %s.part %s" % (command, mark, mark, mark))
        self.keys("Enter")
        deadline = time.monotonic() + SECONDS
        while not mark.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("no answer to %s: %s" % (command, self.screen()))
            time.sleep(0.02)
        return mark.read_text()

    def pid(self):
        """Of the shell."""
        return int(self.tmux("list-panes", "-t", "t", "-F", "#{pane_pid}"))

    def foreground(self):
        """The process group that has the terminal."""
        stat = open("/proc/%d/stat" % self.pid(), encoding="ascii", errors="replace").read()
        return int(stat.rpartition(")")[2].split()[5])
