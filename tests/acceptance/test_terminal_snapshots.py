"""What people see on a terminal of 80 and of 160 columns: every list, and every help.

`TORC_UPDATE_SNAPSHOTS=1` writes the files in tests/data/terminal anew. Lists are kept as they look; of a help, which
stands in docs/reference, only a digest is kept.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest
from helpers import ServerProcess
from recovery_scenes import BROKEN, OOM, claim_all, end
from typer.testing import CliRunner

from torc_cli.main import app
from torc_cli.render import base
from torc_cli.render.fitting import cell_width
from torc_cli.session import session as sessions
from torc_cli.session.registry import COMMANDS
from torc_client.http import TorcClient
from torc_core.api.access import GroupMembershipModel
from torc_core.api.drafts import (
    ActionDraft,
    FailureHandlerDraft,
    FileDraft,
    JobDraft,
    ResourceRequirementsDraft,
    SlurmSchedulerDraft,
    UserDataDraft,
    WorkflowDraft,
)
from torc_core.api.events import EventModel
from torc_core.api.failure_handlers import FailureRule
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.workflows import WorkflowModel

FOLDER: Final = Path(__file__).parents[1] / "data/terminal"
UPDATES: Final = os.environ.get("TORC_UPDATE_SNAPSHOTS") == "1"
WIDTHS: Final = (80, 160)
LONG: Final = "post-processing_of_the_coupled_ocean-atmosphere_ensemble_member_0000000042_with_a_long_name"
WIDE: Final = "気候モデルの後処理_Übergröße_🜁"
LISTS: Final = (
    "workflows list",
    "jobs list 1",
    "jobs list 1 -x command",
    "jobs running 1 -x for",
    "jobs list-resource-requirements 1",
    "jobs list-failure-handlers 1",
    "results list 1 --all-runs",
    "reports results 1 -o .",
    "reports check-resource-utilization 1 --all",
    "events list 1",
    "files list 1",
    "files list-required-existing 1",
    "user-data list 1",
    "user-data list-missing 1",
    "resource-requirements list 1",
    "failure-handlers list 1",
    "job-dependencies job-job 1",
    "job-dependencies job-file 1",
    "job-dependencies job-user-data 1",
    "compute-nodes list 1",
    "scheduled-compute-nodes list 1",
    "actions list 1",
    "failures list 1",
    "failures proposals 1",
    "failures decisions 1",
    "slurm list 1",
    "slurm plan 1 --profile kestrel --account p",
    "access-groups list",
    "access-groups list-members 1",
    "tokens list",
    "hpc partitions kestrel",
    "hpc match kestrel --cpus 4",
    "jobs get 1",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of these tests' own with one workflow of awkward data, and nothing else."""
    process = ServerProcess(database=tmp_path_factory.mktemp("terminal") / "torc.db").start()
    with process.client() as client:
        _fill(client)
    yield process.url
    process.stop()


def _fill(client: TorcClient) -> None:
    created = client.create_from_draft(_draft())
    workflow_id, first = created.workflow.id or 0, created.first_job_id or 0
    client.initialize_jobs(workflow_id)
    runner_id = claim_all(client, workflow_id)
    end(client, first, minutes=123456.7, peak_memory_bytes=987_654_321_987)
    end(client, first + 1, OOM, minutes=0.001)
    end(client, first + 2, BROKEN)
    agent = Actor(kind="agent", name="helper", version="1.0", user=WIDE)
    reason = f"{LONG} {WIDE} " * 3
    retry = Classification(job_id=first + 1, action="retry", memory="16g", reason=reason)
    client.failures.propose(workflow_id, ClassifyRequest(classifications=[retry], actor=agent))
    fail = Classification(job_id=first + 2, action="fail", reason=reason)
    client.failures.classify(
        workflow_id, ClassifyRequest(classifications=[fail], actor=Actor(kind="person", name=LONG))
    )
    record = client.compute_nodes.get(runner_id)
    client.compute_nodes.update(
        runner_id, record.model_copy(update={"hostname": f"{LONG}.example.org", "pid": 4194304, "is_active": False})
    )
    client.events.create(
        EventModel(workflow_id=workflow_id, timestamp=1767225600000, data={"category": WIDE, "at": LONG})
    )
    client.scheduled_compute_nodes.create(
        ScheduledComputeNodeModel(
            workflow_id=workflow_id,
            scheduler_id=987654321,
            scheduler_config_id=1,
            scheduler_type="slurm",
            status="active",
        )
    )
    group = client.access.create_group(LONG, description=WIDE)
    client.access.add_member(group.id or 0, GroupMembershipModel(user_name=WIDE, role="viewer"))


def _draft() -> WorkflowDraft:
    return WorkflowDraft(
        workflow=WorkflowModel(name=LONG, user="tester", description=f"{WIDE} " * 5, project=LONG),
        files=[
            FileDraft(name=LONG, path=f"/scratch/{LONG}/{WIDE}.nc", st_mtime=1767225600.5),
            FileDraft(name="b", path="b"),
        ],
        user_data=[UserDataDraft(name=WIDE, data={"values": list(range(60))}), UserDataDraft(name=LONG)],
        resource_requirements=[
            ResourceRequirementsDraft(name=LONG, num_cpus=1, num_gpus=0, memory="900000m", runtime="P30DT12H")
        ],
        failure_handlers=[
            FailureHandlerDraft(
                name=LONG, rules=[FailureRule(exit_codes=list(range(10, 40)), recovery_script=f"bash {LONG}.sh")]
            )
        ],
        slurm_schedulers=[SlurmSchedulerDraft(name=LONG, account=LONG, partition="gpu", walltime="10-00:00:00")],
        jobs=[
            JobDraft(
                name=f"{LONG}_{number}",
                command=f"bash run.sh --member {number} --name '{WIDE}' {LONG}",
                resource_requirements=0,
                failure_handler=0,
                input_files=[1],
                output_files=[0] if number == 0 else [],
                output_user_data=[1] if number == 0 else [],
            )
            for number in range(4)
        ]
        + [JobDraft(name=WIDE, command="true", depends_on=[0, 1], input_files=[0], input_user_data=[0])],
        actions=[
            ActionDraft(
                trigger_type="on_jobs_complete",
                action_type="run_commands",
                action_config={"commands": [f"echo {LONG}"]},
                jobs=[0, 1, 2, 3, 4],
            )
        ],
    )


@pytest.fixture
def terminal(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """What a command prints on a terminal of this width, with every point in time the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(base, "short_time", lambda value: None if value is None else "12-31 23:59")
    for name in [name for name in os.environ if name.startswith(("TORC_", "SLURM_"))]:
        if name != "TORC_UPDATE_SNAPSHOTS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("USER", "tester")
    monkeypatch.setenv("PATH", str(tmp_path))  # no cluster is asked
    monkeypatch.setenv("TORC_API_URL", url)

    def run(words: list[str], width: int) -> str:
        monkeypatch.setattr(sessions, "table_width", lambda *, wide=False: width)
        answer = CliRunner().invoke(app, words, env={"COLUMNS": str(width)})
        assert answer.exit_code == 0, (words, answer.output, answer.exception)
        return "\n".join(line.rstrip() for line in answer.stdout.splitlines())

    return run


@pytest.mark.parametrize("width", WIDTHS)
def test_lists_look_as_they_did(terminal: Any, width: int) -> None:
    texts = {line: _normal(terminal(line.split(), width)) for line in LISTS}
    _compare(
        FOLDER / f"lists-{width}.txt", "\n\n".join(f"$ torc {line}\n{text}" for line, text in texts.items()) + "\n"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_a_list_is_wider_than_the_terminal(terminal: Any, width: int) -> None:
    lines = [(words, line) for words in LISTS for line in terminal(words.split(), width).splitlines()]
    assert [(words, line) for words, line in lines if cell_width(line) > width] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_column_is_empty_and_no_number_broken(terminal: Any, width: int) -> None:
    for words in LISTS:
        frames = [line for line in terminal(words.split(), width).splitlines() if line.startswith("├")]
        assert not [line for line in frames if re.search("┼─{0,3}[┼┤]", line)], words
    assert "987654321" in terminal(["scheduled-compute-nodes", "list", "1"], width)
    assert "4194304" in terminal(["-f", "json", "compute-nodes", "list", "1"], width)


def test_helps_look_as_they_did(terminal: Any) -> None:
    found = [
        f"{' '.join(words)} " + " ".join(f"{width}:{_digest(terminal([*words, '--help'], width))}" for width in WIDTHS)
        for words in _commands()
    ]
    made_with = f"# typer {version('typer')}, rich {version('rich')}"
    path = FOLDER / "helps.txt"
    if not UPDATES and path.read_text(encoding="utf-8").splitlines()[0] != made_with:
        pytest.skip(f"the digests of helps are of other releases than {made_with.removeprefix('# ')}")
    _compare(path, "\n".join([made_with, *found]) + "\n")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_help_is_wider_than_the_terminal_or_cuts_a_name(terminal: Any, width: int) -> None:
    lines = [(words, line) for words in _commands() for line in terminal([*words, "--help"], width).splitlines()]
    assert [(words, line) for words, line in lines if cell_width(line) > width] == []
    assert [(words, line) for words, line in lines if re.search(r"--?\w[\w-]*…", line)] == []


def _commands() -> Iterator[list[str]]:
    yield []
    for name, entry in COMMANDS.items():
        yield [name]
        yield from ([name, child] for child in getattr(entry.load(name), "commands", {}))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _normal(text: str) -> str:
    return re.sub(r"torc-[0-9a-z_]{8,}", "torc-…", text)


def _compare(path: Path, text: str) -> None:
    if UPDATES:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "look at the difference; TORC_UPDATE_SNAPSHOTS=1 takes it"
