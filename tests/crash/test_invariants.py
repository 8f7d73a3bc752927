"""The invariants of the kills can be broken: each of them notices what it is there for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.crash.invariants import BROKEN, find_broken, find_stray


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[nbpart.Workspace]:
    """A workspace with a backfill of one step, which was played."""
    with nbpart.open(tmp_path / "workspace") as workspace:
        workspace.project.make_pool = Stage().make_pool

        @workspace.asset
        def one() -> str:
            return "one"

        workspace.backfill("one").wait(progress=False)
        yield workspace


DAMAGE = {
    "a run without exactly one final outcome": "INSERT INTO outcomes SELECT * FROM outcomes",
    "an attempt with two outcomes of its own": "INSERT INTO outcomes SELECT * FROM outcomes",
    "a run that succeeded without exactly one materialization": "DELETE FROM materializations",
    "a materialization of a run that did not succeed": "UPDATE outcomes SET status = 'failed'",
    "an attempt that began twice": "INSERT INTO attempts SELECT * FROM attempts",
    "a run id or number that stands twice": "INSERT INTO runs SELECT * FROM runs",
    "a backfill id that stands twice": "INSERT INTO backfills SELECT * FROM backfills",
    "a data file of two materializations": """INSERT INTO data_files
        SELECT * REPLACE (materialization_id + 1 AS materialization_id) FROM data_files""",
    "a step that its backfill made twice": """INSERT INTO outcomes
        SELECT * REPLACE (attempt + 1 AS attempt) FROM outcomes""",
    "a step whose result names no run of its partition that succeeded": "UPDATE step_results SET run_no = NULL",
    "a step whose last result is not succeeded": "INSERT INTO step_results VALUES (1, 0, 'running', 1, NULL, 0)",
    "a partition that is queued or running": "UPDATE partition_facts SET active = 1",
    "a backfill that has not succeeded": "INSERT INTO backfill_events VALUES (1, now(), 'interrupted', NULL, 0)",
}


def test_a_damage_is_tried_for_each_invariant(ws: nbpart.Workspace, tmp_path: Path) -> None:
    assert set(DAMAGE) == set(BROKEN)
    assert find_broken(ws, tmp_path) == []
    assert find_stray(ws) == []


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_to_the_catalog_is_noticed(ws: nbpart.Workspace, tmp_path: Path, what: str) -> None:
    ws.project.catalog.write(lambda batch: batch.execute(DAMAGE[what]))
    assert [found for found in find_broken(ws, tmp_path) if found.startswith(f"{what}: ")]


def test_damage_to_files_is_noticed_and_what_is_left_over(ws: nbpart.Workspace, tmp_path: Path) -> None:
    [file] = [path for path in (ws.root / "data").rglob("*") if path.is_file()]
    content = file.read_bytes()
    file.write_bytes(content[::-1])
    assert [found for found in find_broken(ws, tmp_path) if "not what was recorded" in found]
    file.write_bytes(content[:-1])
    assert [found for found in find_broken(ws, tmp_path) if "of another size" in found]
    file.write_bytes(content)
    lock = ws.root / "coordinators" / "somewhere-1-abcd.lock"
    lock.write_text("")
    assert find_broken(ws, tmp_path) == [f"the lock of a process that is dead: {lock}"]
    lock.unlink()
    for stray in (file.with_name("unknown.txt"), file.with_name("20010101T000000000-abcdef-1.txt")):
        stray.write_text("")
        assert [found for found in find_broken(ws, tmp_path) if stray.name in found]
        stray.unlink()
    assert find_broken(ws, tmp_path) == []
