"""A persistent watch goes on although no job can go on by itself."""

from pathlib import Path

from recovery_scenes import BROKEN, fail_all, job, make_scene

from torc_client.http import TorcClient
from torc_client.recovery.recover import RecoveryTools
from torc_client.recovery.watch import WatchOptions, watch


class CancelsLater:
    """An alarm at whose second ring the workflow is canceled."""

    def __init__(self, client: TorcClient, workflow_id: int) -> None:
        self._client, self._workflow_id, self.rings = client, workflow_id, 0

    def wait(self, timeout_s: float) -> bool:
        self.rings += 1
        if self.rings == 2:
            self._client.cancel_workflow(self._workflow_id)
        return True


def test_a_persistent_watch_goes_on_until_the_workflow_is_over(shared_client: TorcClient, tmp_path: Path) -> None:
    workflow_id, [job_id] = make_scene(shared_client, job("a"), use_pending_failed=True)
    fail_all(shared_client, workflow_id, {job_id: BROKEN})
    alarm, lines = CancelsLater(shared_client, workflow_id), list[str]()
    tools = RecoveryTools(user="tester", say=lambda line: lines.append(str(line)), output_dir=tmp_path)
    result = watch(shared_client, workflow_id, WatchOptions(is_persistent=True), tools, alarm=alarm)
    assert result.status.is_canceled
    assert alarm.rings == 2
    assert any("--persistent" in line for line in lines)
