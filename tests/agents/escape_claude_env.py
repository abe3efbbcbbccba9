#!/usr/bin/env python3
"""Variables that could take claude out of supervision (see _escape_claude.py): the rows are in escape_claude_args.py."""
import sys

from _escape_claude import main
from escape_claude_args import CUT, ROWS

if __name__ == "__main__":
    sys.exit(main(ROWS[CUT:]))
