"""Processes are given to their jobs, whatever way they went."""

from runner.monitoring.process_tree import StepMarks, Tree, find_first_of_steps, find_members_of_all
from runner.process.launcher_process import ProcessTable

LAUNCHER = 10


def table(*entries: tuple[int, int, int]) -> ProcessTable:
    """Process id, parent, session; started at a tick that equals the id."""
    return {pid: (parent, session, str(pid), 0, 1) for pid, parent, session in entries}


def members(processes: ProcessTable, *trees: Tree) -> list[list[int]]:
    return [sorted(pids) for _, pids in find_members_of_all(processes, trees)]


def test_sessions_and_descendants_that_left_them_belong_to_the_job() -> None:
    processes = table((100, LAUNCHER, 100), (101, 100, 100), (102, 101, 102), (103, 102, 103), (200, LAUNCHER, 200))
    assert members(processes, Tree(100), Tree(200)) == [[100, 101, 102, 103], [200]]


def test_the_runner_and_outsiders_belong_to_nobody() -> None:
    processes = table((1, 0, 1), (LAUNCHER, 1, LAUNCHER), (100, LAUNCHER, 100), (300, 1, 300))
    assert members(processes, Tree(100)) == [[100]]


def test_who_left_session_and_parents_stays_known() -> None:
    tree = Tree(100)
    members(table((100, LAUNCHER, 100), (101, 100, 101)), tree)
    orphaned = table((100, LAUNCHER, 100), (101, LAUNCHER, 101), (102, 101, 102))
    assert members(orphaned, tree) == [[100, 101, 102]]


def test_a_process_id_that_is_used_again_is_somebody_else() -> None:
    tree = Tree(100)
    members(table((100, LAUNCHER, 100), (101, 100, 101)), tree)
    again = table((100, LAUNCHER, 100)) | {101: (1, 101, "later", 0, 1)}
    assert members(again, tree) == [[100]]


def test_the_job_of_a_runner_inside_a_job_counts_for_the_outer_one_too() -> None:
    processes = table((100, LAUNCHER, 100), (110, 100, 110), (120, 110, 120))
    assert members(processes, Tree(100)) == [[100, 110, 120]]


def test_a_table_with_a_circle_is_survived() -> None:
    assert members(table((5, 6, 1), (6, 5, 1), (100, LAUNCHER, 100)), Tree(100)) == [[100]]


def test_the_processes_of_a_step_are_found_by_their_environment() -> None:
    srun, daemon, task = 50, 60, 70
    processes = table(
        (srun, LAUNCHER, srun), (daemon, 1, daemon), (task, daemon, daemon), (71, task, daemon), (72, 71, 72)
    )
    environments = dict.fromkeys((srun, task), b"TORC_JOB_ID=5\x00PATH=/bin\x00")
    step = StepMarks(variables=frozenset({b"TORC_JOB_ID=5"}), srun=srun)
    other = StepMarks(variables=frozenset({b"TORC_JOB_ID=55"}), srun=51)
    trees = [Tree(-1, step=step), Tree(-2, step=other)]
    find_first_of_steps(processes, trees, lambda pid: environments.get(pid, b""))
    assert members(processes, *trees) == [[task, 71, 72], []]
