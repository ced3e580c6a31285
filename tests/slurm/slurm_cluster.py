"""A real Slurm for tests: one machine, one folder, several nodes, accounting, no systemd.

Each node is a namespace with its own hostname, processes and mounts, so that `hostname` names the node, pids of two
nodes overlap, and killing the namespace is a power failure. Only the network and /tmp are shared.
"""

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from slurm_daemons import SYSTEM_PATH, Daemon, await_that, can_limit_memory, free_ports, listens, start_daemon

PROGRAMS = (
    "munged",
    "mariadbd",
    "mariadb-install-db",
    "slurmdbd",
    "slurmctld",
    "slurmd",
    "sbatch",
    "sacctmgr",
    "unshare",
)
PACKAGES = "slurm-wlm slurmdbd mariadb-server munge"
NODE_CPUS = 4
NODE_MEMORY_MB = 4000
_NODE_INIT = 'hostname "$1"; mount --make-rprivate /; shift; "$@" & trap "kill $!" TERM; wait $!; wait $!'
"""The shell is pid 1 of the node: it reaps what steps leave behind."""
_DATABASE = "torc_accounting"
_USER = "root"


def why_not_here() -> str | None:
    """Return why no cluster can be started here, None where one can."""
    if os.geteuid() != 0:
        return "a Slurm for tests needs root"
    absent = [program for program in PROGRAMS if shutil.which(program, path=SYSTEM_PATH) is None]
    return f"not installed: {', '.join(absent)} (apt-get install {PACKAGES})" if absent else None


class TestCluster:
    """Partitions short (1 h, the default), long (2 d) and debug (first node, 10 min, 1 node); accounts proj and other;
    qualities of service low and high, where high preempts low."""

    __test__ = False

    def __init__(self, folder: Path, *, node_count: int = 3) -> None:
        self.folder = folder
        self.limits_memory = can_limit_memory()
        self._daemons: dict[str, Daemon] = {}
        self._letter, self._lock = _take_letter()
        self.nodes = [f"{self._letter}{number}" for number in range(1, node_count + 1)]

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to reach this cluster."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))},
            "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}",
            "SLURM_CONF": str(self._conf),
        }

    def call(self, *words: str, stdin: str = "") -> str:
        """Run one of Slurm's programs; return what it printed."""
        ended = subprocess.run(
            words, env=self.environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, f"{' '.join(words)}: {ended.stderr}{ended.stdout}"
        return ended.stdout

    def start(self) -> None:
        for name in ("munge", "state", "spool", "log"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "munge").chmod(0o711)
        with free_ports(2 + len(self.nodes)) as ports:
            controller, database, *nodes = ports
        self._start_munge()
        self._start_database()
        self._write_configuration(controller=controller, database=database, nodes=nodes)
        self._start_accounting(database)
        self._associate()
        self._start("slurmctld", "slurmctld", "-D", "-c", "-f", str(self._conf))
        await_that(lambda: listens(controller), "slurmctld listens")
        for node in self.nodes:
            self.boot(node)
        self.await_idle()

    def stop(self) -> None:
        """End every daemon, nodes first, and remove what slurmd leaves in the control groups."""
        order = [*self.nodes, "slurmctld", "slurmdbd", "mariadbd", "munged"]
        for name in sorted(self._daemons, key=order.index):
            self._daemons[name].end()
        for node in self.nodes:
            for group in Path("/sys/fs/cgroup").glob(f"*/slurm_{node}"):
                _remove_groups(group)
        self._lock.close()

    def boot(self, node: str) -> None:
        slurmd = ("slurmd", "-D", "-f", str(self._conf), "-N", node)
        spaces = ("--uts", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")
        self._start(node, "unshare", *spaces, "sh", "-c", _NODE_INIT, "node", node, *slurmd, is_node=True)

    def crash(self, node: str) -> None:
        """Power off: slurmd, steps and runner of the node are gone at once."""
        self._daemons[node].end()

    def await_idle(self) -> None:
        """Return when every node is up and has no work."""

        def are_idle() -> bool:
            with suppress(AssertionError):
                lines = self.call("sinfo", "-h", "-N", "-o", "%N %t").split("\n")
                return {f"{node} idle" for node in self.nodes} <= set(lines)
            return False

        await_that(are_idle, "all nodes are idle")

    def daemon(self, name: str) -> Daemon:
        return self._daemons[name]

    @property
    def _conf(self) -> Path:
        return self.folder / "slurm.conf"

    @property
    def _munge_socket(self) -> Path:
        return self.folder / "munge" / "socket"

    @property
    def _database_socket(self) -> Path:
        return self.folder / "db.socket"

    def _start(self, name: str, *words: str, is_node: bool = False, **environment: str) -> None:
        self._daemons[name] = start_daemon(
            name,
            words,
            log=self.folder / f"{name}.out",
            environment={"SLURM_CONF": str(self._conf), **environment},
            is_node=is_node,
        )

    def _start_munge(self) -> None:
        key = self.folder / "munge" / "key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(1024))
        options = {"key-file": key, "socket": self._munge_socket}
        options |= {f"{name}-file": self.folder / "munge" / name for name in ("pid", "seed", "log")}
        # --force: the folder may lie below one that others may write to
        self._start(
            "munged", "munged", "--foreground", "--force", *(f"--{key}={value}" for key, value in options.items())
        )
        await_that(self._munge_socket.exists, "munged has its socket")

    def _start_database(self) -> None:
        """MariaDB without a port: slurmdbd finds its socket by an environment variable."""
        data = self.folder / "db"
        data.mkdir()
        common = ("--no-defaults", f"--user={_USER}", f"--datadir={data}")
        install = ("mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db")
        subprocess.run(install, check=True, capture_output=True, env={"PATH": SYSTEM_PATH})
        small = (
            "--innodb-buffer-pool-size=64M",
            "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0",
        )
        where = (f"--socket={self._database_socket}", f"--pid-file={self.folder}/db.pid", "--skip-networking")
        self._start("mariadbd", "mariadbd", *common, *where, *small)
        ask = ("mariadb", "--no-defaults", f"-u{_USER}", where[0], "-e", f"create database if not exists {_DATABASE}")
        await_that(
            lambda: subprocess.run(ask, capture_output=True, env={"PATH": SYSTEM_PATH}, check=False).returncode == 0,
            "mariadbd answers",
        )

    def _start_accounting(self, port: int) -> None:
        at = str(self._database_socket)
        self._start("slurmdbd", "slurmdbd", "-D", MYSQL_UNIX_PORT=at, MARIADB_UNIX_PORT=at)
        await_that(lambda: listens(port), "slurmdbd listens")

    def _associate(self) -> None:
        """Before slurmctld starts, so that it loads them at once; in one call, as each takes most of a second."""
        commands = [
            f"add cluster {self._cluster}",
            f"add account proj,other cluster={self._cluster}",
            "add qos low,high",
            "modify qos high set priority=1000 preempt=low preemptmode=cancel",
            f"add user {_USER} account=proj qos=normal,low,high defaultqos=normal",
            f"modify user {_USER} set defaultaccount=proj",
            "quit",
        ]
        self.call("sacctmgr", "-i", stdin="\n".join(commands) + "\n")

    @property
    def _cluster(self) -> str:
        return f"torctest{self._letter}"

    def _write_configuration(self, *, controller: int, database: int, nodes: list[int]) -> None:
        authentication = {"AuthType": "auth/munge", "AuthInfo": f"socket={self._munge_socket}"}
        accounting = self.folder / "slurmdbd.conf"
        accounting.touch(0o600)
        accounting.write_text(
            _as_lines(
                {
                    **authentication,
                    "DbdHost": "localhost",
                    "DbdAddr": "127.0.0.1",
                    "DbdPort": database,
                    "SlurmUser": _USER,
                    "StorageType": "accounting_storage/mysql",
                    "StorageHost": "localhost",
                    "StorageUser": _USER,
                    "StorageLoc": _DATABASE,
                    "LogFile": self.folder / "log" / "slurmdbd.log",
                    "PidFile": self.folder / "slurmdbd.pid",
                }
            )
        )
        folder, log = self.folder, self.folder / "log"
        settings: dict[str, Any] = {
            **authentication,
            "ClusterName": self._cluster,
            "SlurmctldHost": f"{socket.gethostname()}(127.0.0.1)",
            "SlurmctldPort": controller,
            "CredType": "cred/munge",
            "SlurmUser": _USER,
            "SlurmdUser": _USER,
            "StateSaveLocation": folder / "state",
            "SlurmdSpoolDir": folder / "spool" / "%n",
            "SlurmctldPidFile": folder / "slurmctld.pid",
            "SlurmdPidFile": folder / "slurmd-%n.pid",
            "SlurmctldLogFile": log / "slurmctld.log",
            "SlurmdLogFile": log / "slurmd-%n.log",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            # a node that came back after a failure takes work again
            "ReturnToService": 2,
            # four CPUs each, however many the machine has
            "SlurmdParameters": "config_overrides",
            "MpiDefault": "none",
            "DefMemPerNode": 500,
            "EnforcePartLimits": "NO",
            "KillWait": 2,
            "SlurmdTimeout": 10,
            "MinJobAge": 300,
            "MaxArraySize": 10001,
            "SchedulerType": "sched/backfill",
            "SchedulerParameters": "sched_interval=5,bf_interval=5,batch_sched_delay=0,bf_continue",
            "PreemptType": "preempt/qos",
            "PreemptMode": "CANCEL",
            "PriorityType": "priority/multifactor",
            "PriorityWeightQOS": 10000,
            "JobAcctGatherType": "jobacct_gather/linux",
            "JobAcctGatherFrequency": "task=1",
            "AccountingStorageType": "accounting_storage/slurmdbd",
            "AccountingStorageHost": "127.0.0.1",
            "AccountingStoragePort": database,
            # with munge this is its socket: AuthInfo is not read on the way to slurmdbd
            "AccountingStoragePass": self._munge_socket,
            "AccountingStorageEnforce": "associations,limits,qos",
            "AccountingStoreFlags": "job_comment",
            **self._process_settings(),
        }
        rows = [
            f"NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={port} CPUs={NODE_CPUS} "
            f"RealMemory={NODE_MEMORY_MB} State=UNKNOWN"
            for node, port in zip(self.nodes, nodes, strict=True)
        ]
        all_nodes = ",".join(self.nodes)
        rows += [
            f"PartitionName=short Nodes={all_nodes} Default=YES MaxTime=60 DefaultTime=10 State=UP",
            f"PartitionName=long Nodes={all_nodes} MaxTime=2-00:00:00 DefaultTime=60 State=UP",
            f"PartitionName=debug Nodes={self.nodes[0]} MaxTime=10 MaxNodes=1 State=UP",
        ]
        self._conf.write_text(_as_lines(settings) + "\n".join(rows) + "\n")

    def _process_settings(self) -> Mapping[str, Any]:
        """With control groups a process over its memory is killed alone; without, Slurm does not watch memory."""
        groups = self.folder / "cgroup.conf"
        if not self.limits_memory:
            groups.write_text("CgroupPlugin=cgroup/v1\n")
            return {"ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none"}
        groups.write_text(
            "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nConstrainRAMSpace=yes\nAllowedRAMSpace=100\n"
            "ConstrainSwapSpace=no\nConstrainCores=no\nConstrainDevices=no\n"
        )
        return {"ProctrackType": "proctrack/cgroup", "TaskPlugin": "task/cgroup"}


def _as_lines(settings: Mapping[str, Any]) -> str:
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _take_letter() -> tuple[str, Any]:
    """A letter for the names of nodes that no other cluster of this machine has: control groups bear these names."""
    folder = Path("/run/lock")
    folder.mkdir(parents=True, exist_ok=True)
    for letter in "abcdefgh":
        lock = (folder / f"torc-test-cluster-{letter}").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return letter, lock
    raise RuntimeError("eight test clusters run already")


def _remove_groups(group: Path) -> None:
    """Remove a control group and those below it; only empty ones can go."""
    for path in sorted(group.rglob("*"), key=lambda path: -len(path.parts)):
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
    with suppress(OSError):
        group.rmdir()
