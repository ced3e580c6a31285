"""The benchmark of whole campaigns, at a small size: the world is drawn alike each time, and recovery pays."""

from collections import Counter

import pytest

from benchmarks.campaign.__main__ import run_campaign
from benchmarks.campaign.strategies import NoRecovery, Retries, Torc
from benchmarks.campaign.wordless_server import no_words
from benchmarks.campaign.world import FAILING, MIX, World
from torc_core.evidence.record import Evidence
from torc_core.triage.assess import assess


@pytest.fixture(scope="module")
def world() -> World:
    return World(jobs=60, templates=12, seed=1)


def test_the_same_seed_draws_the_same_jobs_and_another_one_others() -> None:
    def fates(seed: int) -> list[str]:
        return [job.fate for job in World(jobs=200, templates=40, seed=seed).jobs]

    assert fates(1) == fates(1)
    assert fates(1) != fates(2)


def test_failures_have_the_mix_of_the_guide() -> None:
    fates = Counter(job.fate for job in World(jobs=20_000, templates=40, seed=3).jobs)
    failing = sum(fates.values()) - fates["well"]
    assert failing / sum(fates.values()) == pytest.approx(FAILING, abs=0.02)
    for fate, share in MIX.items():
        assert fates[fate] / failing == pytest.approx(share, abs=0.03)


def test_an_attempt_with_enough_completes_and_one_with_too_little_does_not(world: World) -> None:
    lacking = next(job for job in world.jobs if job.fate == "memory")
    limit_s = lacking.runtime_s + 1
    early = {"attempt": 1, "begin_s": 1e6, "limit_s": limit_s}
    assert world.attempt(lacking, memory_bytes=lacking.memory_bytes, **early).evidence is None
    assert world.attempt(lacking, memory_bytes=lacking.memory_bytes - 1, **early).evidence is not None


def test_recovery_completes_what_doing_nothing_leaves(world: World) -> None:
    nothing = run_campaign(world, NoRecovery(), nodes_each=1)
    recovered = run_campaign(world, Torc("torc", scripted=True), nodes_each=1)
    assert nothing.completed + nothing.left == len(world.jobs)
    assert recovered.completed > nothing.completed
    assert recovered.groups is not None and recovered.groups <= recovered.left < nothing.left
    assert recovered.node_hours > nothing.node_hours


def test_two_campaigns_of_one_strategy_end_alike(world: World) -> None:
    first, second = (run_campaign(world, Retries("growing", grows=True), nodes_each=1) for _ in range(2))
    assert first == second


def test_without_the_word_model_no_words_speak() -> None:
    evidence = Evidence(return_code=1, stderr_tail="ConnectionError: [Errno 111] Connection refused")
    with no_words():
        suggestion = assess(evidence).suggestion
    assert suggestion is not None and not suggestion.words
