"""Never ends: ignores SIGTERM, and has a child and one in a session of its own that do the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    sys.stdout.write("1.2.3 (Stand-in)\n")
    sys.exit()
notes = Path(sys.argv[0]).parent.parent / "notes"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE)
stray = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
stray.stdout.readline()
(notes / "pids.new").write_text(f"{os.getpid()} {child.pid} {stray.pid}")
(notes / "pids.new").rename(notes / "pids")
time.sleep(600)
