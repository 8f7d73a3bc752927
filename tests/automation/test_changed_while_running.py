"""A file that changes while a run reads it: the run that began is not the last one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage
from tests.processes import wait_for


def clean(inbox: Any) -> str:
    return ""


def report(clean: Any) -> str:
    return ""


class Held:
    """Runs of ``clean`` that go on until they are ended by hand."""

    def __init__(self, ws: nbpart.Workspace) -> None:
        self.stage = Stage(lambda spec: None if spec.asset == "clean" else f"made {len(self.stage.started)}")
        ws.project.make_pool = self.stage.make_pool

    @property
    def running(self) -> list[tuple[Any, RunSpec]]:
        pairs = [(pool, spec) for pool in self.stage.pools for spec in list(pool.running.values())]
        return [(pool, spec) for pool, spec in pairs if spec.asset == "clean"]  # a report comes to its end by itself

    def end(self, outcome: str | Exception) -> None:
        wait_for(lambda: self.running, 10)
        for pool, spec in self.running:
            pool.end(spec, outcome)


@pytest.fixture
def held(ws: nbpart.Workspace) -> Held:
    files = ws.dynamic_partitions("files")
    inbox = ws.source("inbox", "inbox/{partition_key}.csv", partitions=files)
    for function in (clean, report):
        ws.asset(function, partitions=files)
    inbox.watch(settle=0)
    return Held(ws)


def settle(ws: nbpart.Workspace) -> None:
    for backfill in ws.backfills.values():
        backfill.wait(20, progress=False)


@pytest.mark.parametrize("outcome", ["made of the first", ValueError("broken")])
def test_a_file_that_changes_while_it_is_read_is_read_once_more(
    ws: nbpart.Workspace, project: Path, held: Held, outcome: str | Exception
) -> None:
    file = project / "inbox" / "a.csv"
    file.write_text("first")
    ws.tick("inbox", wait=False)
    wait_for(lambda: held.running, 10)
    file.write_text("another")
    assert ws.tick("inbox", wait=False).backfill is not None
    assert ws.tick("inbox", wait=False).backfill is None, "once"
    held.end(outcome)
    held.end("made of the other")
    settle(ws)
    assert set(ws.partition_status("clean").status) == set(ws.partition_status("report").status) == {"materialized"}
    assert held.stage.names().count(("clean", "a")) == 2
    assert {backfill.status for backfill in ws.backfills.values()} >= {"succeeded"}
    assert ws.tick("inbox", wait=False).backfill is None


def test_what_reads_the_file_that_is_there_is_not_run_again(ws: nbpart.Workspace, project: Path, held: Held) -> None:
    file = project / "inbox" / "a.csv"
    file.write_text("first")
    assert ws.tick("inbox", wait=False).backfill is not None
    held.end("made of the first")
    settle(ws)
    file.write_text("another")
    ws.backfill("+report")
    wait_for(lambda: held.running, 10)
    ws.tick("inbox", wait=False)
    held.end("made of the other")
    settle(ws)
    assert set(ws.partition_status("report").status) == {"materialized"}
    assert held.stage.names().count(("clean", "a")) == 2, "a person's run has seen the file, and reads it"


def test_a_backfill_that_follows_a_run_of_an_earlier_file_makes_it_once_more(
    ws: nbpart.Workspace, project: Path, held: Held
) -> None:
    file = project / "inbox" / "a.csv"
    file.write_text("first")
    ws.tick("inbox", wait=False)
    wait_for(lambda: held.running, 10)
    file.write_text("another")
    second = ws.backfill("+report")
    held.end("made of the first")
    held.end("made of the other")
    assert second.wait(20, progress=False).status == "succeeded"
    settle(ws)
    assert set(ws.partition_status("clean").status) == {"materialized"}
    assert held.stage.names().count(("clean", "a")) == 2


def test_it_follows_a_run_that_reads_what_is_there_and_makes_nothing_itself(
    ws: nbpart.Workspace, project: Path, held: Held
) -> None:
    (project / "inbox" / "a.csv").write_text("first")
    ws.tick("inbox", wait=False)
    wait_for(lambda: held.running, 10)
    second = ws.backfill("clean")
    held.end("made of the first")
    assert second.wait(20, progress=False).status == "succeeded"
    settle(ws)
    assert held.stage.names().count(("clean", "a")) == 1
