"""Bundles: all logs of one workflow in a file, to be sent to whoever helps."""

import json
import os
import tarfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from torc_client.logs.log_files import find_logs

METADATA: Final = "bundle_metadata.json"


def write_bundle(output_dir: Path, workflow_id: int, folder: Path, facts: Mapping[str, Any]) -> tuple[Path, int]:
    """Write `wf<ID>.tar.gz` into the folder; return its path and the number of logs in it.

    Only logs whose name bears the workflow's id are packed, with `facts` as metadata. A bundle of an earlier time is
    replaced. Raises InvalidInputError where there are no logs.
    """
    logs = find_logs(output_dir, workflow_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"wf{workflow_id}.tar.gz"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with tarfile.open(unfinished, "w:gz") as bundle:
            for log in logs:
                bundle.add(output_dir / log.name, arcname=log.name, recursive=False)
            _add_metadata(bundle, {**facts, "files": [log.name for log in logs], "file_count": len(logs)})
        # Nobody sees half a bundle, and an earlier one stays whole where this one fails.
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path, len(logs)


def _add_metadata(bundle: tarfile.TarFile, facts: Mapping[str, Any]) -> None:
    text = json.dumps(facts, indent=2, ensure_ascii=False).encode()
    member = tarfile.TarInfo(METADATA)
    member.size, member.mtime, member.mode = len(text), int(time.time()), 0o600
    bundle.addfile(member, BytesIO(text))
