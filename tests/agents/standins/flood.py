"""Prints far too much: many lines, one endless line, escapes, bytes that are no text, a key."""

import sys

if sys.argv[1:] == ["--version"]:
    sys.stdout.write("1.2.3 (Stand-in)\n")
    sys.exit()
out = sys.stdout.buffer
out.write(b"first line \x1b[31mred\x1b[0m \xff\xfe \xe2\x80\xaereversed\n")
out.write(b"my key is ghp_" + b"a1B2" * 9 + b"\n")
for number in range(50_000):
    out.write(b"line %d\n" % number)
out.write(b"x" * 20_000_000)
out.write(b"\nthe last line\n")
