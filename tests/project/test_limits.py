"""Limits on runs at a time that hold over all backfills and processes of a workspace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest

import nbpart
from nbpart.errors import DeclarationError
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage
from tests.projects import import_written

ASSETS = """
import nbpart

files = nbpart.DynamicPartitions("files")

@nbpart.asset(partitions=files, limit=1)
def single(partition_key: str) -> str:
    return partition_key

@nbpart.asset(partitions=files, tags=["db"])
def left(partition_key: str) -> str:
    return partition_key

@nbpart.asset(partitions=files, tags=["db"])
def right(partition_key: str) -> str:
    return partition_key
"""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    flow = import_written(project, "limited", ASSETS, monkeypatch)
    with nbpart.open("workspace") as workspace:
        workspace.project.make_pool = stage.make_pool
        workspace.register(flow.single, flow.left, flow.right)
        workspace.dynamic_partitions("files").add(*"abcdef")
        try:
            yield workspace
        finally:
            for runner in list(workspace.project.runners.values()):
                runner.cancel()


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.01)


def running(stage: Stage) -> list[RunSpec]:
    return [spec for pool in stage.pools for spec in list(pool.running.values())]


def end_all_one_by_one(stage: Stage, backfills: list[nbpart.Backfill], most: int) -> list[str]:
    """Let the runs of backfills end one after the other; the keys in the order in which they ran."""
    keys = []
    end = time.monotonic() + 60
    while not all(backfill.status in ("succeeded", "failed", "cancelled") for backfill in backfills):
        assert time.monotonic() < end, "they do not end"
        now = running(stage)
        assert len(now) <= most
        for pool in stage.pools:
            if pool.running:
                spec = next(iter(pool.running.values()))
                keys.append(str(spec.partition_key))
                pool.end(spec, "fine")
                break
        time.sleep(0.01)
    return keys


def test_the_limit_of_an_asset_holds_over_two_backfills_which_take_turns(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: None
    first = ws.backfill("single", keys=list("abc"), max_workers=4)
    until(lambda: running(stage), "the first one runs")
    second = ws.backfill("single", keys=list("def"), max_workers=4)
    until(lambda: ws.limits().set_index("limit").loc["single", "waiting"] == 1, "the second one waits")
    assert len(running(stage)) == 1
    keys = end_all_one_by_one(stage, [first, second], 1)
    assert sorted(keys) == list("abcdef"), "every step runs once"
    assert keys[1] in "def", "who waited longest is next"
    assert "".join(keys) not in ("abcdef", "defabc")
    assert ws.limits().to_dict("records") == [{"limit": "single", "most": 1, "running": 0, "waiting": 0}]


def test_the_limit_of_a_tag_holds_over_its_assets_and_a_backfill_can_only_be_tighter(
    ws: nbpart.Workspace, stage: Stage
) -> None:
    ws.set_limits({"tag:db": 2})
    stage.answer = lambda spec: None
    backfills = [ws.backfill("left", max_workers=8, limits={"left": 5}), ws.backfill("right", max_workers=8)]
    until(lambda: len(running(stage)) == 2, "two run")
    assert len(end_all_one_by_one(stage, backfills, 2)) == 12
    backfill = ws.backfill(["left", "right"], status="all", max_workers=8, limits={"tag:db": 1})
    assert len(end_all_one_by_one(stage, [backfill], 1)) == 12


def test_what_waits_for_a_place_does_not_hold_up_the_rest_of_its_backfill(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: None if spec.asset == "single" else "fine"
    holder = ws.backfill("single", keys="a")
    until(lambda: running(stage), "it runs")
    other = ws.backfill(["single", "left"], keys=list("bcdef"), max_workers=2)
    until(lambda: other.counts()["succeeded"] == 5, "all of the asset that is not limited is made")
    assert other.counts()["planned"] == 5
    holder.cancel()
    stage.answer = lambda spec: "fine"
    other.wait(progress=False).raise_for_failures()


def test_a_backfill_that_waits_can_be_cancelled_and_leaves_its_turn(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: None
    holder = ws.backfill("single", keys=list("ab"))
    until(lambda: running(stage), "it runs")
    waiting = ws.backfill("single", keys="c")
    until(lambda: ws.limits().loc[0, "waiting"] == 1, "it waits")
    waiting.cancel()
    assert ws.limits().loc[0, "waiting"] == 0
    end_all_one_by_one(stage, [holder], 1)
    assert waiting.counts()["cancelled"] == 1
    stage.answer = lambda spec: "fine"
    waiting.resume().wait(progress=False).raise_for_failures()


def test_one_run_of_all_keys_takes_one_place(ws: nbpart.Workspace, stage: Stage) -> None:
    backfill = ws.backfill("single", policy="single_run").wait(progress=False)
    assert backfill.counts()["succeeded"] == 6
    assert len(stage.started) == 1


def test_a_limit_can_be_changed_while_a_backfill_runs(ws: nbpart.Workspace, stage: Stage) -> None:
    ws.set_limits({"left": 1})
    stage.answer = lambda spec: None
    backfill = ws.backfill("left", max_workers=3)
    until(lambda: len(running(stage)) == 1, "one runs")
    ws.set_limits({"left": None})
    until(lambda: len(running(stage)) == 3, "all workers have something to do")
    end_all_one_by_one(stage, [backfill], 3)
    assert ws.limits()["limit"].tolist() == ["single"]


def test_a_limit_that_cannot_be_is_refused_and_changes_nothing(ws: nbpart.Workspace) -> None:
    ws.set_limits({"tag:db": 2})
    for limits, message in (
        ({"tag:bd": 1}, r"limits names 'tag:bd'.*did you mean 'tag:db'"),
        ({"left": 0}, r"limits\['left'\] is a whole number of at least 1, not 0"),
        ({"left": 1, "right": 1.5}, r"limits\['right'\] is a whole number"),
        (2, "limits maps names to whole numbers"),
    ):
        with pytest.raises(DeclarationError, match=message):
            ws.set_limits(limits)  # type: ignore[arg-type]
    assert ws.limits()[["limit", "most"]].values.tolist() == [["single", 1], ["tag:db", 2]]


PROCESS = """
import sys, time
from pathlib import Path
import nbpart
from tests.backfill.pools import Stage

keys, log, holds = sys.argv[1], sys.argv[2], sys.argv[3] == "holds"

def answer(spec):
    with open(log, "a") as file:
        file.write(f"begin {keys[0]}\\n")
    if holds:
        return None
    time.sleep(0.1)
    with open(log, "a") as file:
        file.write(f"end {keys[0]}\\n")
    return "fine"

with nbpart.open("workspace", trust=True) as ws:
    Path(f"{log}.{keys[0]}").touch()
    while len(list(Path(log).parent.glob(Path(log).name + ".?"))) < int(sys.argv[4]):
        time.sleep(0.01)
    ws.project.make_pool = Stage(answer).make_pool
    ws.backfill("single", keys=list(keys), max_workers=4).wait(progress=False).raise_for_failures()
"""


def start_process(keys: str, log: Path, how: str, together: int) -> subprocess.Popen[bytes]:
    """Run a backfill of these keys in a process, once so many of them are ready."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen([sys.executable, "-c", PROCESS, keys, str(log), how, str(together)], env=environment)


def test_two_processes_take_turns_under_one_limit(ws: nbpart.Workspace, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ws.dynamic_partitions("files").add(*"ghijklmnop")
    processes = [start_process(keys, log, "ends", 2) for keys in ("abcdefgh", "ijklmnop")]
    assert [process.wait(timeout=150) for process in processes] == [0, 0]
    lines = log.read_text().splitlines()
    assert len(lines) == 2 * 16, "every step runs once"
    assert all(a.replace("begin", "end") == b for a, b in zip(lines[::2], lines[1::2], strict=True)), "one at a time"
    owners = [line.split()[1] for line in lines[::2]]
    first = owners.index("i" if owners[0] == "a" else "a")
    assert first < 7, f"who came second waited for all of the first: {owners}"
    turns = [len(list(group)) for _, group in groupby(owners[first:])]
    assert set(turns[:-1]) == {1}, f"each has its turn: {owners}"


def test_a_process_that_is_killed_gives_its_place_back(ws: nbpart.Workspace, stage: Stage, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start_process("ab", log, "holds", 1)
    until(log.exists, "the other process runs")
    backfill = ws.backfill("single", keys=list("cd"))
    until(lambda: ws.limits().loc[0, "waiting"] == 1, "it waits")
    assert not running(stage)
    process.send_signal(signal.SIGKILL)
    process.wait()
    backfill.wait(60, progress=False).raise_for_failures()
    assert ws.limits().loc[0, ["running", "waiting"]].tolist() == [0, 0]
