"""One scene with a real agent, in a process of its own, so that all of it can be cut off from the network.

Started as `python real_agent_play.py PLAY.json`; writes `result.json` beside the play.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent_scenes import IsolatedTorc, Scene, failed_scene, kill_leftovers
from helpers import ServerProcess, wait_until

from torc_client.agents.process import MARK
from torc_client.http import TorcClient
from torc_core.evidence.record import Evidence

STUB = Path(__file__).parent / "model_stub.py"
DUMMY = "dummy"


def main() -> None:
    play = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[1]).parent
    # the emptied environment names no state folder: the server leaves its token in this one, and torc finds it there
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    server = ServerProcess(database=folder / "torc.db").start()
    try:
        with server.client() as client:
            (folder / "result.json").write_text(json.dumps(perform(play, folder, server, client)))
    finally:
        server.stop()


def perform(play: dict[str, Any], folder: Path, server: ServerProcess, client: TorcClient) -> dict[str, Any]:
    failures = {name: Evidence(return_code=1, stderr_tail=text) for name, text in play["failures"].items()}
    scene = failed_scene(client, failures)
    port_file, log = folder / "port", folder / "requests"
    log.touch()
    stub = subprocess.Popen(
        [sys.executable, str(STUB), str(port_file), str(log), play["scenario"], str(scene.workflow_id)]
    )
    try:
        wait_until(port_file.exists, "the model listens")
        torc = IsolatedTorc(folder=folder / "home", bin=Path(play["path"]), url=server.url)
        torc.folder.mkdir()
        torc.more.update(model_settings(port_file.read_text()))
        printed = torc("recover", scene.workflow_id, "--ai-recovery", *play["arguments"], code=None)
    finally:
        stub.kill()
        stub.wait()
    return {
        "code": printed.code,
        "out": printed.out,
        "err": printed.err,
        "leftovers": kill_leftovers(marked()),
        "requests": [json.loads(line) for line in log.read_text().splitlines()],
        **what_is_kept(client, scene),
    }


def model_settings(port: str) -> dict[str, str]:
    """For both agents: the model is on loopback, the keys are none."""
    url = f"http://127.0.0.1:{port}"
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": DUMMY,
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": url,
        "COPILOT_PROVIDER_TYPE": "anthropic",
        "COPILOT_PROVIDER_API_KEY": DUMMY,
        "COPILOT_MODEL": "claude-sonnet-4.6",
    }


def what_is_kept(client: TorcClient, scene: Scene) -> dict[str, Any]:
    decisions = client.failures.decisions(scene.workflow_id)
    return {
        "statuses": scene.statuses(),
        "decisions": [decision.model_dump(mode="json") for decision in decisions],
        "proposals": [each.model_dump(mode="json") for each in client.failures.proposals(scene.workflow_id)],
    }


def marked() -> list[int]:
    """Processes that an agent started and that are still there."""
    own = {str(os.getpid())}
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name not in own:
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            # other tests may run agents of their own at the same time
            if MARK.encode() in environment and str(Path(sys.argv[1]).parent).encode() in environment:
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    main()
