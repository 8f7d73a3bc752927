"""Whatever is killed in the middle of a backfill, nothing is lost, left over or recorded twice.

Each round kills one process of each kind; NBPART_CRASH_SCALE says how many rounds, NBPART_KILL_SEED where chance is at.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbpart
from nbpart.run.kernels.zygotes import is_supported
from tests.crash.conftest import VICTIMS
from tests.crash.invariants import find_broken, find_files, find_stray
from tests.crash.victims import FLOW, KEYS, STEPS, Attack, Kill
from tests.processes import find_marked
from tests.projects import import_written

EXPECTED = ", ".join(f"{key}: {sum(range(5000))}" for key in KEYS)

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_supported(), reason="kernels are forked on Linux only"),
]


@pytest.fixture
def ws(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    crash_flow = import_written(project, "crash_flow", FLOW, monkeypatch)
    with nbpart.open("workspace") as workspace:
        workspace.register(crash_flow.raw, crash_flow.clean, crash_flow.total)
        workspace.dynamic_partitions("files").add(*KEYS)
        yield workspace


def test_kills_at_random_points(ws: nbpart.Workspace, project: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kills: list[Kill] = []
    for victim in chance.sample(VICTIMS, len(VICTIMS)):
        kill = Attack(ws, project, chance).kill(victim)
        print(f"seed {seed}: {kill}")
        kills.append(kill)
        assert kill.left_s <= kill.allowed_s
        finish(ws, kill, others_first=chance.random() < 0.5)
        resume_what_has_nothing_left(ws, kill.backfill_id)
        assert find_marked(project, running=True) == []
        assert find_broken(ws, tmp_path / "scratch") == []
        assert ws.load("total") == EXPECTED
    assert sum(kill.in_the_middle for kill in kills) > len(kills) / 2
    print(f"seed {seed}: {len(find_stray(ws))} of {len(find_files(ws))} files are stray, and go with prune")
    ws.prune(keep=1000, stray_after_s=0)
    assert find_stray(ws) == []
    assert find_broken(ws, tmp_path / "scratch") == []


def finish(ws: nbpart.Workspace, kill: Kill, *, others_first: bool) -> None:
    """Resume until all is done; a backfill whose process lives goes on by itself.

    With ``others_first`` somebody else does all the work before: then what is resumed runs nothing of its own.
    """
    backfill = ws.backfills[kill.backfill_id]
    if kill.victim in ("kernel", "zygote", "guardian", "zygote and guardian"):
        backfill.wait(300, progress=False)
    elif backfill.status != "succeeded":  # all was done just before
        assert backfill.status == "interrupted"
        assert {backfill.counts()[status] for status in ("running", "queued")} == {0}
        if others_first:
            assert ws.backfill("*", status="all", max_workers=2).wait(300, progress=False).status == "succeeded"
        before = len(ws.runs(backfill=kill.backfill_id))
        backfill.resume().wait(300, progress=False)
        assert not others_first or len(ws.runs(backfill=kill.backfill_id)) == before
    assert backfill.status == "succeeded"
    assert backfill.counts()["succeeded"] == STEPS
    assert set(ws.status().loc[["raw", "clean", "total"], "materialized"]) == {len(KEYS), 1}


def resume_what_has_nothing_left(ws: nbpart.Workspace, backfill_id: str) -> None:
    sequence = ws.project.catalog.sequence()
    assert ws.backfills[backfill_id].resume().wait(60, progress=False).status == "succeeded"
    assert ws.project.catalog.sequence() == sequence, "something was recorded"
