"""Complains and dies."""

import sys

if sys.argv[1:] == ["--version"]:
    sys.stdout.write("1.2.3 (Stand-in)\n")
    sys.exit()
sys.stderr.write("Invalid API key\n")
sys.exit(7)
