"""Ends at once, and leaves a process in a session of its own that ignores SIGTERM."""

import subprocess
import sys
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    sys.stdout.write("1.2.3 (Stand-in)\n")
    sys.exit()
SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
stray = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, start_new_session=True)
stray.stdout.readline()
(Path(sys.argv[0]).parent.parent / "notes" / "pids").write_text(str(stray.pid))
