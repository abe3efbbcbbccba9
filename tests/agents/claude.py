#!/usr/bin/env python3
"""The real claude, supervised and not, as root and as an ordinary user: see _scripts.py."""
import sys

from _suite import main

sys.exit(main("claude"))
