"""The kind of file system that a database file is on."""

import re
from pathlib import Path
from typing import Final, NamedTuple

MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_NETWORK: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fhgfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "wekafs",
    }
)
"""Several machines see the same files, but not each other's shared memory, in which a WAL index stands."""

_LOCAL_IN_USER_SPACE: Final = frozenset({"fuse.fuse-overlayfs"})
"""The root of containers that run without privileges."""


class Mount(NamedTuple):
    point: Path
    kind: str

    @property
    def is_network(self) -> bool:
        # a file system in user space may be anything: sshfs, s3fs and GlusterFS are reached over a network
        return self.kind in _NETWORK or (self.kind.startswith("fuse.") and self.kind not in _LOCAL_IN_USER_SPACE)


def mount_of(path: Path, *, mounts: Path | None = None) -> Mount | None:
    """Return the mount on which the file is or would be; None where the system does not say."""
    try:
        lines = (mounts or MOUNTS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place = path.resolve()
    # of several mounts on one folder the last one covers the others
    covering = [mount for mount in map(_mount, lines) if mount is not None and place.is_relative_to(mount.point)]
    return max(enumerate(covering), key=lambda item: (len(item[1].point.parts), item[0]))[1] if covering else None


def _mount(line: str) -> Mount | None:
    """Read a line like `36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda1 rw`."""
    fields, separator, rest = line.partition(" - ")
    parts, kinds = fields.split(), rest.split()
    if not separator or len(parts) < 5 or not kinds:
        return None
    point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), parts[4])
    return Mount(Path(point), kinds[0])
