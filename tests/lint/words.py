#!/usr/bin/env python3
"""No machine's paths, no leftovers and no overlong file in what git tracks."""
import re
import subprocess
import sys

# spelt in pieces, so that this file does not find itself
FORBIDDEN = [
    (re.compile("/" + r"work/(main|shared|brief)"), "a path of one machine"),
    (re.compile(r"\b" + "TO" + r"DO\b|\b" + "FIX" + r"ME\b|\b" + "XX" + r"X\b"), "an unfinished place"),
    (re.compile(r"\.\./" + "shared"), "a path outside the project"),
    (re.compile("registry" + r"\.npmjs|deb\." + "debian"), "a package host's name"),
]
LINES_MAX = 700
SKIP = re.compile(r"(^|/)package-lock\.json$|^tests/fuzz/corpus/")


def main():
    files = subprocess.run(["git", "ls-files", "-z"], check=True, stdout=subprocess.PIPE).stdout
    bad = 0
    for name in files.decode().split("\0"):
        if not name or SKIP.search(name):
            continue
        try:
            text = open(name, encoding="utf-8").read()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            for pattern, why in FORBIDDEN:
                if pattern.search(line):
                    print(f"{name}:{number}: {why}: {line.strip()[:80]}")
                    bad += 1
        if name.endswith((".c", ".h", ".cc")) and text.count("\n") > LINES_MAX:
            print(f"{name}: {text.count(chr(10))} lines, more than {LINES_MAX}")
            bad += 1
    return 1 if bad else 0


sys.exit(main())
