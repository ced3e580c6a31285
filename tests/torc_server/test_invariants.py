"""The check of invariants names each broken record of a damaged database."""

from pathlib import Path

from services_bench import Bench, job

from torc_server import invariants
from torc_server.db.unit_of_work import UnitOfWork


def test_each_broken_record_is_named_once_with_its_rule(tmp_path: Path) -> None:
    bench = Bench.at(tmp_path / "torc.db", checks=False)
    run = bench.workflow([job("a"), job("b")])
    first, second = run.id("a"), run.id("b")
    bench.write(UnitOfWork.run, "UPDATE job SET unresolved_dependencies = 1 WHERE id IN (:a, :b)", a=first, b=second)
    assert bench.read(invariants.check) == [
        f"the counter of unresolved dependencies is right: broken by ({first}, 1, 0)",
        f"the counter of unresolved dependencies is right: broken by ({second}, 1, 0)",
        f"no job is ready with unresolved dependencies: broken by ({first},)",
        f"no job is ready with unresolved dependencies: broken by ({second},)",
    ]
