#!/usr/bin/env python3
"""Agents, plugins, commands, skills and instructions that could take claude out of supervision (see _escape_claude.py): the rows are in escape_claude_files.py."""
import sys

from _escape_claude import main
from escape_claude_files import CUT, ROWS

if __name__ == "__main__":
    sys.exit(main(ROWS[CUT:]))
