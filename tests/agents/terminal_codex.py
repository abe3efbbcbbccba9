#!/usr/bin/env python3
"""An interactive codex, by keys and screen, with the shim and without it."""
import sys

from _session import main

sys.exit(main("codex"))
