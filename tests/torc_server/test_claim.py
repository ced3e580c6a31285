"""Claims: the order, what fits, and that no job is given out twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services_bench import ROOMY, Bench, Run, job

from torc_core.api.drafts import FileDraft, ResourceRequirementsDraft, SlurmSchedulerDraft, UserDataDraft
from torc_core.api.jobs import Capacity, ComputeNodesResources, JobNeed, ReleaseClaimsRequest
from torc_core.errors import InvalidInputError, NotFoundError, StateConflictError
from torc_core.jobs.status import JobStatus
from torc_server.db.engine import Database
from torc_server.db.queries.jobs.claims import Candidate
from torc_server.db.unit_of_work import write_unit
from torc_server.services.jobs.claim import claim_jobs, claim_next_jobs, nothing_to_claim
from torc_server.services.jobs.packing import Packing
from torc_server.services.jobs.start import release_claims
from torc_server.services.runs.reset import cancel_workflow, reset_workflow_status

S = JobStatus


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def needs(*amounts: tuple[int, str], **more: object) -> list[ResourceRequirementsDraft]:
    """One requirement for each (CPUs, memory)."""
    return [
        ResourceRequirementsDraft.model_validate({"name": f"r{i}", "num_cpus": cpus, "memory": memory, **more})
        for i, (cpus, memory) in enumerate(amounts)
    ]


def requiring(bench: Bench, *requirements: ResourceRequirementsDraft, **fields: object) -> Run:
    """One job for each requirement, named after its place."""
    jobs = [job(str(place), resource_requirements=place, **fields) for place in range(len(requirements))]
    return bench.workflow(jobs, resource_requirements=list(requirements))


def test_the_order_is_priority_then_the_largest_then_the_oldest(bench: Bench) -> None:
    kinds = [
        ResourceRequirementsDraft(name="small", num_cpus=1, memory="1g", runtime="PT1H"),
        ResourceRequirementsDraft(name="gpu", num_gpus=1, memory="1g", runtime="PT1M"),
        ResourceRequirementsDraft(name="long", memory="1g", runtime="PT2H"),
        ResourceRequirementsDraft(name="fat", memory="2g", runtime="PT1H"),
        ResourceRequirementsDraft(name="wide", num_cpus=2, memory="1g", runtime="PT1H"),
    ]
    names = ["small", "gpu", "long", "fat", "wide"]
    jobs = [job(name, resource_requirements=place) for place, name in enumerate(names)]
    urgent = job("urgent", resource_requirements=0, priority=1)
    run = bench.workflow([*jobs, job("younger", resource_requirements=0), urgent], resource_requirements=kinds)
    assert run.claim() == ["urgent", "gpu", "long", "fat", "wide", "small", "younger"]


def test_a_claim_takes_what_fits_together_and_no_more_than_the_limit(bench: Bench) -> None:
    run = requiring(bench, *needs((2, "4g"), (2, "4g"), (2, "4g")))
    assert run.claim(num_cpus=5, memory_gb=16) == ["0", "1"]
    assert run.claim(limit=0) == []
    assert run.claim(num_cpus=8, memory_gb=3.9) == []
    assert run.claim(limit=1) == ["2"]


def test_jobs_that_fit_are_found_behind_thousands_that_do_not(bench: Bench) -> None:
    big = [job(f"big_{i}", resource_requirements=0) for i in range(3_000)]
    small = [job(f"small_{i}", resource_requirements=1) for i in range(300)]
    run = bench.workflow([*big, *small], resource_requirements=needs((8, "8g"), (1, "1g")))
    assert run.claim(num_cpus=9, memory_gb=16) == ["big_0", "small_0"]
    assert run.claim(num_cpus=250, memory_gb=16) == ["big_1", "big_2"], "they take the memory of the small ones"


def test_no_job_is_taken_twice_where_the_search_goes_on(bench: Bench) -> None:
    big = [job(f"big_{i}", resource_requirements=0) for i in range(100)]
    small = [job(f"small_{i}", resource_requirements=1) for i in range(300)]
    run = bench.workflow([*big, *small], resource_requirements=needs((8, "8g"), (1, "1k")))
    assert run.claim(limit=250, num_cpus=300, memory_gb=9) == ["big_0", *(f"small_{i}" for i in range(249))]


def test_a_claim_that_passes_over_many_takes_each_kind_that_still_fits(bench: Bench) -> None:
    amounts = [(cpus, f"{memory}g") for memory in range(20, 0, -1) for cpus in (9, 5, 3, 1)]
    run = requiring(bench, *needs(*amounts))
    claimed = run.claim(num_cpus=14, memory_gb=41)
    taken = [amounts[int(name)] for name in claimed]
    assert sum(cpus for cpus, _ in taken) <= 14
    assert sum(int(memory[:-1]) for _, memory in taken) <= 41
    assert claimed[:2] == ["0", "1"]


def test_runtime_is_held_against_the_time_left(bench: Bench) -> None:
    kinds = [ResourceRequirementsDraft(name=text, runtime=text, memory="1g") for text in ("PT30M", "PT2H")]
    run = requiring(bench, *kinds)
    assert run.claim(time_limit="PT29M") == []
    assert run.claim(time_limit="PT1H") == ["0"]
    with pytest.raises(InvalidInputError, match="soon"):
        run.claim(time_limit="soon")


def test_a_runner_may_take_jobs_that_state_no_runtime_whatever_time_is_left(bench: Bench) -> None:
    stated = ResourceRequirementsDraft(name="stated", runtime="PT30S", memory="1m")
    run = bench.workflow([job("stated", resource_requirements=0), job("open")], resource_requirements=[stated])
    assert run.claim(time_limit="PT10S") == []
    assert run.claim(time_limit="PT10S", takes_unstated_runtime=True) == ["open"]
    assert run.claim(time_limit="PT30S", takes_unstated_runtime=True) == ["stated"]


def test_a_job_of_its_own_scheduler_comes_first_and_others_only_when_that_is_allowed(bench: Bench) -> None:
    schedulers = [SlurmSchedulerDraft(name=name, account="a") for name in ("one", "two")]
    jobs = [job("one", scheduler=0), job("two", scheduler=1), job("any")]
    run = bench.workflow(jobs, slurm_schedulers=schedulers)
    own = run.job("two").scheduler_id
    assert sorted(run.claim(scheduler_config_id=own)) == ["any", "two"]
    offer = ROOMY.model_copy(update={"id": run.runner, "scheduler_config_id": own})
    strict = bench.write(claim_jobs, run.workflow_id, offer, limit=9, strict_scheduler_match=True)
    assert strict.jobs == []
    assert strict.outlook is not None
    assert (strict.outlook.ready, strict.outlook.ready_that_fit) == (1, 0)
    assert run.claim(scheduler_config_id=own) == ["one"]


def test_jobs_of_several_nodes_take_whole_nodes_beside_the_shared_ones(bench: Bench) -> None:
    wide = ResourceRequirementsDraft(name="wide", num_cpus=4, num_nodes=2, memory="4g", runtime="PT2H")
    run = requiring(bench, wide, wide, *needs((4, "4g"), (4, "4g"), runtime="PT1H"))
    assert run.claim(num_cpus=4, memory_gb=4, num_nodes=3) == ["0", "2"]
    assert run.claim(num_cpus=4, memory_gb=4, num_nodes=1) == ["3"]
    assert run.claim(num_cpus=4, memory_gb=4, num_nodes=1) == []


def test_more_jobs_are_claimed_ahead_that_would_fit_into_the_whole_runner(bench: Bench) -> None:
    run = requiring(bench, *needs((4, "1g"), (4, "1g"), (4, "1g"), (4, "1g"), (16, "1g")))
    whole = Capacity(num_cpus=8, memory_gb=8)
    assert run.claim(num_cpus=4, memory_gb=8, ahead=2, capacity=whole) == ["0", "1", "2"]
    assert run.claim(num_cpus=0, memory_gb=8, ahead=5, capacity=whole) == ["3"]


def test_claimed_jobs_are_pending_for_their_runner_and_carry_what_it_needs(bench: Bench) -> None:
    run = bench.workflow(
        [job("a", output_files=[0], output_user_data=[0], env={"A": "1"}, invocation_script="bash")],
        files=[FileDraft(name="f", path="f")],
        user_data=[UserDataDraft(name="u")],
    )
    (claimed,) = bench.write(claim_jobs, run.workflow_id, ROOMY.model_copy(update={"id": run.runner}), limit=5).jobs
    assert (claimed.status, claimed.compute_node_id, claimed.attempt_id) == (S.PENDING, run.runner, 1)
    assert (claimed.env, claimed.invocation_script) == ({"A": "1"}, "bash")
    assert claimed.output_file_ids
    assert claimed.output_user_data_ids
    assert claimed.depends_on_job_ids is None


def test_the_next_jobs_are_claimed_whatever_they_need(bench: Bench) -> None:
    run = requiring(bench, *needs((64, "900g"), (1, "1g"), (2, "2g")))
    claimed = bench.write(claim_next_jobs, run.workflow_id, limit=2, compute_node_id=run.runner).jobs
    assert [found.name for found in claimed] == ["0", "2"]
    assert bench.write(claim_next_jobs, run.workflow_id).jobs[0].compute_node_id is None


def test_an_empty_answer_says_what_there_is_to_hope_for(bench: Bench) -> None:
    run = bench.workflow(
        [job("big", resource_requirements=0), job("fits", resource_requirements=1), job("behind", 0)],
        resource_requirements=needs((64, "1g"), (4, "1g")),
    )
    offer = ComputeNodesResources(id=run.runner, num_cpus=0, memory_gb=8, capacity=Capacity(num_cpus=8, memory_gb=8))
    answer = bench.write(claim_jobs, run.workflow_id, offer, limit=5)
    assert answer.outlook is not None
    assert answer.outlook.model_dump() == {
        "run_id": 1,
        "active": 0,
        "ready": 2,
        "ready_that_fit": 1,
        "blocked": 1,
        "pending_failed": 0,
        "is_complete": False,
        "is_canceled": False,
        "ready_with_other_labels": 0,
        "smallest_need": None,
    }


def test_when_nothing_fits_the_answer_says_what_the_smallest_ready_job_needs(bench: Bench) -> None:
    wide = ResourceRequirementsDraft(name="wide", num_cpus=1, num_nodes=4, memory="1g", runtime="PT1H")
    gpu = ResourceRequirementsDraft(name="gpu", num_cpus=2, num_gpus=1, memory="3g", runtime="PT2H")
    run = requiring(bench, wide, gpu)
    offer = ComputeNodesResources(id=run.runner, num_cpus=8, memory_gb=8)
    outlook = bench.write(claim_jobs, run.workflow_id, offer, limit=5).outlook
    assert outlook is not None
    assert outlook.smallest_need == JobNeed(num_cpus=2, num_gpus=1, num_nodes=1, memory_gb=3, runtime="PT2H")


def test_a_look_tells_the_same_as_a_claim_without_taking_anything(bench: Bench) -> None:
    run = requiring(bench, *needs((4, "1g")))
    enough = ComputeNodesResources(num_cpus=4, memory_gb=8)
    small = ComputeNodesResources(num_cpus=3, memory_gb=8)
    queues = small.model_copy(update={"ahead": 1, "capacity": Capacity(num_cpus=8, memory_gb=8)})
    assert bench.read(nothing_to_claim, run.workflow_id, enough) is None
    assert bench.read(nothing_to_claim, run.workflow_id, queues) is None
    assert bench.read(nothing_to_claim, run.workflow_id) is None
    assert bench.read(nothing_to_claim, run.workflow_id, small) == bench.write(
        claim_jobs, run.workflow_id, small, limit=1
    )
    assert run.status("0") is S.READY


def test_a_runner_of_an_earlier_run_gets_nothing_and_hears_of_the_present_one(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    bench.write(reset_workflow_status, run.workflow_id)
    late = ROOMY.model_copy(update={"run_id": 1})
    answers = [
        bench.write(claim_jobs, run.workflow_id, late, limit=5),
        bench.read(nothing_to_claim, run.workflow_id, late),
        bench.write(claim_next_jobs, run.workflow_id, run_id=1),
        bench.read(nothing_to_claim, run.workflow_id, run_id=1),
    ]
    for answer in answers:
        assert answer is not None
        assert (answer.jobs, answer.reason) == ([], "Workflow is in run 2, not in run 1")
        assert answer.outlook is not None
        assert answer.outlook.run_id == 2
    assert run.claim(run_id=2) == ["a"]


def test_nothing_is_claimed_of_a_canceled_workflow(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    bench.write(cancel_workflow, run.workflow_id)
    answer = bench.write(claim_jobs, run.workflow_id, ROOMY, limit=5)
    assert (answer.jobs, answer.reason) == ([], "Workflow is canceled")
    assert answer.outlook is not None
    assert answer.outlook.is_complete
    assert bench.write(claim_next_jobs, run.workflow_id).reason == "Workflow is canceled"


def test_a_runner_that_is_gone_or_unknown_gets_nothing(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    bench.write(lambda uow: uow.run("UPDATE compute_node SET is_active = 0"))
    with pytest.raises(StateConflictError, match="not active"):
        run.claim()
    with pytest.raises(NotFoundError, match="no compute node 99"):
        run.claim(runner=99)
    with pytest.raises(NotFoundError, match="no workflow 99"):
        bench.write(claim_next_jobs, 99)


def test_claims_go_back_only_from_the_runner_that_has_them_and_unstarted(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b"), job("c")])
    run.begin("a")
    other = run.new_runner()

    def release(*names: str, runner: int | None) -> int:
        request = ReleaseClaimsRequest(compute_node_id=runner, job_ids=[run.id(name) for name in names])
        return bench.write(release_claims, run.workflow_id, request).released

    assert release("a", "b", runner=other) == 0
    assert release("a", "b", runner=run.runner) == 1
    assert release("c", runner=None) == 1
    assert run.statuses() == {"a": "running", "b": "ready", "c": "ready"}


def test_eight_runners_at_once_never_get_the_same_job(bench: Bench) -> None:
    names = [f"j{i}" for i in range(1_200)]
    run = bench.workflow(
        [job(name, resource_requirements=i % 3) for i, name in enumerate(names)],
        resource_requirements=needs((1, "1g"), (2, "2g"), (3, "1g")),
    )
    runners = [run.new_runner() for _ in range(8)]
    bench.checks = False

    def work(runner: int) -> list[str]:
        mine: list[str] = []
        while claimed := run.claim(limit=7, runner=runner, num_cpus=20, memory_gb=20):
            mine += claimed
        return mine

    with ThreadPoolExecutor(8) as pool:
        shares = list(pool.map(work, runners))
    assert Counter(name for share in shares for name in share) == Counter(names)
    held = bench.count("SELECT COUNT(*) FROM job WHERE status = 3 AND compute_node_id IS NOT NULL")
    assert held == len(names)


def test_two_servers_over_one_file_never_give_out_the_same_job(bench: Bench) -> None:
    names = [f"j{i}" for i in range(300)]
    run = bench.workflow([job(name) for name in names])

    def work(runner: int) -> list[str]:
        own = Run(Bench(Database(bench.database.path), checks=False), run.workflow_id, run.first_job_id, run.places)
        mine: list[str] = []
        while claimed := own.claim(limit=3, runner=runner):
            mine += claimed
        own.bench.database.close()
        return mine

    runners = [run.new_runner() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, runners))
    assert Counter(name for share in shares for name in share) == Counter(names)


AMOUNT = st.integers(min_value=0, max_value=6)


@settings(max_examples=200, deadline=None)
@given(
    nodes=st.integers(min_value=1, max_value=4),
    cpus=AMOUNT,
    gpus=AMOUNT,
    gib=AMOUNT,
    wanted=st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, st.integers(min_value=1, max_value=4)), max_size=12),
)
def test_what_is_packed_fits_the_nodes(
    nodes: int, cpus: int, gpus: int, gib: int, wanted: list[tuple[int, int, int, int]]
) -> None:
    packing = Packing(Capacity(num_cpus=cpus, num_gpus=gpus, num_nodes=nodes, memory_gb=gib))
    taken = [
        (c, g, m, n)
        for place, (c, g, m, n) in enumerate(wanted)
        if packing.take(Candidate(0, g, 60.0, m * 2**30, c, place, n))
    ]
    whole = sum(n for *_, n in taken if n > 1)
    assert whole <= nodes
    for amount, capacity in enumerate((cpus, gpus, gib)):
        shared = sum(need[amount] for need in taken if need[3] == 1)
        assert shared <= capacity * (nodes - whole)
        assert all(need[amount] <= capacity for need in taken)


def test_a_claim_steps_over_jobs_that_do_not_fit_whatever_their_number(bench: Bench) -> None:
    steps = Counter[int]()
    for count in (10, 2000):
        large = [job(f"large{number}", resource_requirements=0, priority=1) for number in range(count)]
        small = job("small", resource_requirements=1)
        run = bench.workflow([*large, small], resource_requirements=needs((8, "1g"), (1, "1g")))
        with write_unit(bench.database, bench.settings) as uow:
            driver = uow.session.connection().connection.driver_connection
            driver.set_progress_handler(lambda count=count: steps.update([count]), 10)
            free = ComputeNodesResources(num_cpus=1, memory_gb=8)
            claimed = claim_jobs(uow, run.workflow_id, free, limit=5).jobs
            driver.set_progress_handler(None, 0)
        assert [each.name for each in claimed] == ["small"]
    assert steps[2000] < 2 * steps[10]


@pytest.mark.parametrize("kinds", [3, 64, 65, 100])
def test_few_kinds_and_many_are_claimed_in_the_same_order(bench: Bench, kinds: int) -> None:
    run = requiring(bench, *needs(*((1, f"{1 + number}g") for number in range(kinds))))
    assert run.claim() == [str(place) for place in reversed(range(kinds))]
