"""The launcher process: starts the jobs and waits for them.

It is a program of its own (`python -I -S -E launcher_process.py FD`), for two reasons. The kernel reports as a child's
peak memory at least what its parent held when it forked: 10 MB here, 60 MB and more in the runner. And when the
runner is killed, this process is still there to end the jobs, so that nothing runs on unobserved.

The runner sends commands over the socket FD, this process answers with events. Both are marshalled lists, each
after its length in four bytes:

    ("run", key, command, env_changes, stdout, stderr, is_step)   stdout or stderr None: /dev/null; equal: one file
    ("stop", key, signal, lead_s)                        the signal now, SIGKILL after the lead
    ("started", key, pid)
    ("delayed", key, error)                              the system is short of something; it is tried again
    ("unstartable", key, error)
    ("ended", key, exit_code, peak_kib, cpu_s, duration_s)   exit_code -N: killed by signal N

A job has ended when its process group is empty: what its first process leaves behind has `LEFTOVER_S` to end by
itself, then it is stopped. Signals go through this process because only who reaps a process knows that its id is
not yet somebody else's. A stop reaches the job's whole session and all descendants.

A step is an srun: its job runs elsewhere, and Slurm has asked it to end when the lead begins. After the lead srun gets
SIGTERM, on which it kills the job; it is killed itself only when that takes too long, as the job would then run on.

`peak_kib` is the largest single process among the first one and those it waited for, as `wait4` tells it; sums
over a process tree come from the runner's sampler.
"""

import contextlib
import ctypes
import errno
import marshal
import os
import select
import signal
import sys
import time

LEFTOVER_S = 2.0
ORPHANED_LEAD_S = 3.0
RETRY_S = 0.25
"""Between two tries to start a process for which the system was short of something."""
LONGEST_SHORTAGE_S = 60.0
"""So long it is tried while nothing else runs here that could end and make room."""
STEP_END_S = 10.0
"""So long an srun may take to kill its step."""
MORE_KILLABLE = 300
"""How much rather the kernel is to kill a job than its launcher or runner when memory runs out (of 1000)."""
_SHORTAGES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_PR_SET_CHILD_SUBREAPER = 36
_RESET_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Message = tuple[object, ...]
Arguments = tuple[str, dict[str, str], object, object, bool]
ProcessTable = dict[int, tuple[int, int, str, int, int]]
"""Process id to parent, session, start time, CPU time in clock ticks, resident memory in pages.

The CPU time is that of the process and of the children it waited for.
"""


class ProcessGroup:
    """One started process group; `result` is set once its first process has ended."""

    __slots__ = ("is_asked", "is_step", "key", "kill_at", "members", "pid", "result", "started_at", "stopping")

    def __init__(self, key: int, pid: int, started_at: float, *, is_step: bool) -> None:
        self.key = key
        self.pid = pid
        self.is_step = is_step
        self.is_asked = False
        self.started_at = started_at
        self.kill_at: float | None = None
        self.stopping = False
        self.members: dict[int, str] = {}
        self.result: Message | None = None


class Start:
    """A process that could not be started for a shortage, and is tried again."""

    __slots__ = ("arguments", "key", "since")

    def __init__(self, key: int, arguments: Arguments, since: float) -> None:
        self.key = key
        self.arguments = arguments
        self.since = since


class LauncherProcess:
    """Starts, stops and reaps; wakes on commands, on the end of a child and on the next deadline only."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._events: list[Message] = []
        self._by_key: dict[int, ProcessGroup] = {}
        self._by_pid: dict[int, ProcessGroup] = {}
        self._ending: dict[int, ProcessGroup] = {}
        self._delayed: list[Start] = []
        self._retry_at = 0.0
        self._job_oom_score = _oom_score_of_jobs()
        self._closing = False
        self._table: ProcessTable | None = None
        self._bash = _find("bash")
        self._environment = dict(os.environb)
        self._wake_fd = _wake_on_child_exit()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(self._wake_fd, select.POLLIN)

    def serve(self) -> None:
        """Serve until the runner is gone and every job has ended."""
        while not (self._closing and not self._by_key):
            ready = {fd for fd, _ in self._poll.poll(self._timeout_ms())}
            self._table = None
            if self._wake_fd in ready and signal.SIGTERM in os.read(self._wake_fd, 4096):
                self._close()
            if self._fd in ready and not self._closing:
                self._obey()
            self._reap()
            self._start_delayed()
            self._enforce_deadlines()
            self._flush()

    def _timeout_ms(self) -> float | None:
        deadlines = [job.kill_at for job in self._by_key.values() if job.kill_at is not None]
        if self._delayed:
            deadlines.append(self._retry_at)
        return max(0.0, min(deadlines) - time.monotonic()) * 1000 + 1 if deadlines else None

    # -- commands -------------------------------------------------------------------------------

    def _obey(self) -> None:
        try:
            data = os.read(self._fd, 1 << 20)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._close()
            return
        self._incoming += data
        for command in take_frames(self._incoming):
            match command:
                case ("run", int(key), str(line), dict(env), stdout, stderr, bool(is_step)):
                    self._run(key, (line, env, stdout, stderr, is_step))
                case ("stop", int(key), int(signum), float(lead_s)):
                    self._stop(key, signum, lead_s)
                case _:
                    raise SystemExit(f"launcher: unknown command {command[0]!r}")

    def _run(self, key: int, arguments: Arguments) -> None:
        # behind those that wait already: what is started first must not depend on when the shortage ends
        shortage = self._spawn(key, arguments) if not self._delayed else "others wait already"
        if shortage is not None:
            now = time.monotonic()
            if not self._delayed:
                self._retry_at = now + RETRY_S
            self._delayed.append(Start(key, arguments, now))
            self._events.append(("delayed", key, shortage))

    def _start_delayed(self) -> None:
        """Try again in their order, after a pause; an end of another process makes room at once."""
        now = time.monotonic()
        if now < self._retry_at:
            return
        while self._delayed:
            start = self._delayed[0]
            shortage = self._spawn(start.key, start.arguments)
            if shortage is not None:
                self._retry_at = now + RETRY_S
                if self._by_key or now - start.since < LONGEST_SHORTAGE_S:
                    return
                self._events.append(("unstartable", start.key, shortage))
            self._delayed.pop(0)

    def _spawn(self, key: int, arguments: Arguments) -> str | None:
        """Start the process, or report that it cannot be; return the system's reason if it is short of something."""
        line, env, stdout, stderr, is_step = arguments
        # O_NOFOLLOW: in a folder that others may write to, a link in the place of a log would have its target emptied
        append = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
        actions: list[tuple[int, int, str, int, int] | tuple[int, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(stdout or os.devnull), append, 0o666),
        ]
        if stderr is not None and stderr == stdout:
            actions.append((os.POSIX_SPAWN_DUP2, 1, 2))
        else:
            actions.append((os.POSIX_SPAWN_OPEN, 2, str(stderr or os.devnull), append, 0o666))
        try:
            pid = os.posix_spawn(
                self._bash,
                ["bash", "-c", line],
                self._environment | {os.fsencode(name): os.fsencode(value) for name, value in env.items()},
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_RESET_SIGNALS,
            )
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _SHORTAGES:
                return error.strerror or str(error)
            self._events.append(("unstartable", key, str(getattr(error, "strerror", None) or error)))
            return None
        self._make_killable(pid)
        job = ProcessGroup(key, pid, time.monotonic(), is_step=is_step)
        self._by_key[key] = job
        self._by_pid[pid] = job
        self._table = None
        self._events.append(("started", key, pid))
        return None

    def _make_killable(self, pid: int) -> None:
        """Let the kernel kill the job rather than this process: without it all other jobs are lost with this one."""
        # the process id is still the job's: only this process reaps it
        with contextlib.suppress(OSError):
            fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY)
            try:
                os.write(fd, self._job_oom_score)
            finally:
                os.close(fd)

    def _stop(self, key: int, signum: int, lead_s: float) -> None:
        job = self._by_key.get(key)
        if job is None:
            waiting = [start for start in self._delayed if start.key != key]
            if len(waiting) < len(self._delayed):
                self._delayed = waiting
                self._events.append(("unstartable", key, "it was stopped before it could be started"))
            return
        kill_at = time.monotonic() + lead_s
        job.kill_at = min(job.kill_at, kill_at) if job.stopping and job.kill_at is not None else kill_at
        job.stopping = True
        if not job.is_step:
            self._signal_members(job, signum)

    def _close(self) -> None:
        """Stop every job: the runner is gone."""
        self._closing = True
        self._delayed.clear()
        self._poll.unregister(self._fd)
        for key, job in list(self._by_key.items()):
            # nobody asks the processes of a step to end any more
            self._stop(key, signal.SIGTERM, 0.0 if job.is_step else ORPHANED_LEAD_S)

    # -- ends -----------------------------------------------------------------------------------

    def _reap(self) -> None:
        reaped = False
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            reaped = True
            job = self._by_pid.pop(pid, None)
            if job is not None:
                cpu_s = usage.ru_utime + usage.ru_stime
                duration_s = time.monotonic() - job.started_at
                job.result = (os.waitstatus_to_exitcode(status), usage.ru_maxrss, cpu_s, duration_s)
                self._ending[job.key] = job
        if reaped:
            self._table = None
            self._retry_at = 0.0
            for job in list(self._ending.values()):
                self._end_if_empty(job)

    def _end_if_empty(self, job: ProcessGroup) -> None:
        if self._has_members(job):
            if job.kill_at is None:
                job.kill_at = time.monotonic() + LEFTOVER_S
        elif job.result is not None:
            del self._by_key[job.key], self._ending[job.key]
            self._events.append(("ended", job.key, *job.result))

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for job in [job for job in self._by_key.values() if job.kill_at is not None and job.kill_at <= now]:
            if not job.stopping:
                self._stop(job.key, signal.SIGTERM, LEFTOVER_S)
                continue
            if job.is_step and not job.is_asked and job.result is None:
                job.is_asked = True
                job.kill_at = now + (ORPHANED_LEAD_S if self._closing else STEP_END_S)
                # srun alone: its helper process ends the step where srun cannot
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job.pid, signal.SIGTERM)
                continue
            self._signal_members(job, signal.SIGKILL)
            # a process in an uninterruptible wait dies only when the wait ends: look again
            job.kill_at = now + LEFTOVER_S
            self._end_if_empty(job)

    # -- members --------------------------------------------------------------------------------

    def _has_members(self, job: ProcessGroup) -> bool:
        """Return whether a process of the job still lives; a stopped job is searched for beyond its process group."""
        if job.stopping:
            return bool(self._members(job))
        try:
            os.killpg(job.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _signal_members(self, job: ProcessGroup, signum: int) -> None:
        job.members = self._members(job)
        # parents before their children: a shell whose command is ended first goes on with the next one
        for pid in sorted(job.members, key=lambda pid: (int(job.members[pid] or 0), pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def _members(self, job: ProcessGroup) -> dict[int, str]:
        """Return the living processes of the job, with those known before that still live: pid to start time."""
        if self._table is None:
            self._table = read_process_table()
        table = self._table
        known = {pid for pid, born in job.members.items() if pid in table and table[pid][2] == born}
        found = {pid: table[pid][2] for pid in find_members(table, job.pid, known)}
        if job.result is None:
            found.setdefault(job.pid, "")
        return found

    # -- events ---------------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._closing:
            self._events.clear()
            return
        if self._events:
            self._outgoing += frame(self._events)
            self._events = []
        while self._outgoing:
            try:
                sent = os.write(self._fd, self._outgoing)
            except BlockingIOError:
                break
            except (BrokenPipeError, ConnectionResetError):
                self._close()
                return
            del self._outgoing[:sent]
        self._poll.modify(self._fd, select.POLLIN | select.POLLOUT if self._outgoing else select.POLLIN)


def frame(messages: list[Message]) -> bytes:
    """Return the messages as they go over the socket."""
    body = marshal.dumps(messages)
    return len(body).to_bytes(4, "little") + body


def take_frames(buffer: bytearray) -> list[Message]:
    """Remove and return the messages of every whole frame in the buffer."""
    messages: list[Message] = []
    while len(buffer) >= 4:
        end = 4 + int.from_bytes(buffer[:4], "little")
        if len(buffer) < end:
            break
        messages.extend(marshal.loads(buffer[4:end]))  # noqa: S302
        del buffer[:end]
    return messages


def read_process_table() -> ProcessTable:
    """Return every process that is not a zombie."""
    table: ProcessTable = {}
    with os.scandir("/proc") as entries:
        pids = [entry.name for entry in entries if entry.name.isdigit()]
    for pid in pids:
        with contextlib.suppress(OSError):
            fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
            try:
                fields = os.read(fd, 4096).rpartition(b")")[2].split()
            finally:
                os.close(fd)
            if fields and fields[0] not in (b"Z", b"X"):
                ticks = int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])
                table[int(pid)] = (int(fields[1]), int(fields[3]), fields[19].decode(), ticks, int(fields[21]))
    return table


def find_members(table: ProcessTable, leader: int, known: set[int] | frozenset[int] = frozenset()) -> set[int]:
    """Return the processes of the leader's session, those known to belong to it, and all their descendants."""
    found = {pid for pid, entry in table.items() if entry[1] == leader}
    found.update(known)
    grown = bool(found)
    while grown:
        children = {pid for pid, entry in table.items() if entry[0] in found and pid not in found}
        grown = bool(children)
        found |= children
    return found


def _oom_score_of_jobs() -> bytes:
    """Return what jobs get as oom_score_adj: this process's own, and `MORE_KILLABLE` more."""
    own = 0
    with contextlib.suppress(OSError, ValueError):
        fd = os.open("/proc/self/oom_score_adj", os.O_RDONLY)
        try:
            own = int(os.read(fd, 32))
        finally:
            os.close(fd)
    return str(min(own + MORE_KILLABLE, 1000)).encode()


def _find(program: str) -> str:
    """Return the program's path, searched on the PATH of the jobs."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    paths = (f"{folder or '.'}/{program}" for folder in folders)
    return next((path for path in paths if os.access(path, os.X_OK)), f"/bin/{program}")


def _wake_on_child_exit() -> int:
    """Return the end of a pipe that becomes readable when a child ended or SIGTERM came."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    os.set_blocking(write_fd, False)
    signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
    for signum in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    return read_fd


def _adopt_orphans() -> None:
    """Make grandchildren whose parent died our children, so that their end wakes us."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


if __name__ == "__main__":
    socket_fd = int(sys.argv[1])
    os.set_inheritable(socket_fd, False)
    os.set_blocking(socket_fd, False)
    _adopt_orphans()
    LauncherProcess(socket_fd).serve()
