"""Verbs: what a person does to partitions without a run, and what that means for facts, readers, files and history."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import nbpart
from nbpart.catalog import Batch, events, queries
from nbpart.catalog.check import check
from nbpart.errors import DeclarationError, MissingInputError
from nbpart.states import RunStatus
from tests.catalog.story import make_outcome
from tests.recording import record


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`counts` of x, y, z; `report` reads the same key, `cohort` all of them; all made."""
    root = tmp_path_factory.mktemp("master") / "workspace"
    with nbpart.open(root) as ws:
        samples = ws.dynamic_partitions("samples")
        samples.add("x", "y", "z")

        @ws.asset(partitions=samples)
        def counts(partition_key: str) -> dict[str, int]: ...

        @ws.asset(partitions=samples)
        def report(counts: dict[str, int]) -> dict[str, int]: ...

        @ws.asset
        def cohort(counts: dict[str, dict[str, int]]) -> dict[str, int]: ...

        for key in ("x", "y", "z"):
            record(ws, "counts", key, {"n": ord(key)})
            record(ws, "report", key, {"key": ord(key)})
        record(ws, "cohort", None, {"rows": 3})
    return root


@pytest.fixture
def made(master: Path, tmp_path: Path) -> Iterator[nbpart.Workspace]:
    """A copy of `master`."""
    with nbpart.open(shutil.copytree(master, tmp_path / "workspace"), trust=True) as ws:
        yield ws


def edit(ws: nbpart.Workspace) -> None:
    """Another code for `report`."""

    @ws.asset(partitions=ws.partition_sets["samples"])
    def report(counts: dict[str, int]) -> dict[str, int]:
        return {"key": counts["n"] + 1}


def claim(ws: nbpart.Workspace, asset: str, key: str | None) -> tuple[int, str]:
    """A run of a partition that has not ended: its number and id."""
    node, number = ws.project.registry()[asset], ws.project.coordinator.number

    def work(batch: Batch) -> tuple[int, str]:
        key_id = queries.find_key(batch, node.asset_id, key)
        claims = {"asset_id": [node.asset_id], "key_id": [key_id], "code_version": [node.definition.code_version]}
        frame = pd.DataFrame({"backfill_no": None, "step_no": [0], "settings": None} | claims)
        [row] = events.claim_runs(batch, frame, number).itertuples()
        return int(row.run_no), row.run_id

    return ws.project.catalog.write(work)


def end(ws: nbpart.Workspace, run: tuple[int, str], status: RunStatus, **given: str) -> None:
    outcome = make_outcome(run[0], 1, status, run_id=run[1], **given)
    ws.project.catalog.write(lambda batch: events.record_outcomes(batch, [outcome]))


def statuses(ws: nbpart.Workspace, asset: str) -> str:
    assert not ws.project.catalog.read(check)
    return " ".join(ws.partition_status(asset)["status"])


def data_files(ws: nbpart.Workspace) -> int:
    return sum(path.is_file() for path in (ws.root / "data").rglob("*"))


def test_what_is_wiped_is_missing_and_equal_bytes_make_readers_fresh(made: nbpart.Workspace) -> None:
    before = data_files(made)
    assert str(made.wipe("counts", keys="x", reason="a bad batch")) == "wiped 1 partition of counts"
    assert statuses(made, "counts") == "missing materialized materialized"
    assert statuses(made, "report") == "stale materialized materialized"
    assert statuses(made, "cohort") == "stale"
    assert data_files(made) == before
    with pytest.raises(MissingInputError, match=r"wiped on .*: a bad batch"):
        made.load("counts", "x")
    [reason] = made.plan("counts").frame["reason"]
    assert reason.startswith("wiped on ")
    assert reason.endswith(": a bad batch")
    record(made, "counts", "x", {"n": ord("x")})
    assert (statuses(made, "report"), statuses(made, "cohort")) == (
        "materialized " * 2 + "materialized",
        "materialized",
    )


def test_wiped_files_that_are_checked_do_not_come_back(made: nbpart.Workspace) -> None:
    made.wipe("counts", keys="x")
    assert made.check_data("counts").empty
    assert statuses(made, "counts") == "missing materialized materialized"


def test_accept_undoes_a_wipe_as_long_as_the_files_are_there(made: nbpart.Workspace) -> None:
    made.wipe("counts")
    assert str(made.accept("counts", reason="my mistake")) == "accepted 3 partitions of counts"
    assert statuses(made, "report") == "materialized materialized materialized"
    assert statuses(made, "cohort") == "materialized"
    assert made.load("counts", "x") == {"n": ord("x")}
    assert list(made.history("counts", "x")["event"]) == ["accepted", "wiped", "succeeded"]
    assert made.history("counts", "x")["reason"].iloc[0] == "my mistake"
    assert str(made.wipe("counts", keys="x", data=True)) == "wiped 1 partition of counts; 1 file deleted"
    with pytest.raises(MissingInputError, match=r"the files of counts/x are gone \(wiped on .*nothing to accept"):
        made.accept("counts", keys="x")


def test_files_that_a_prune_deleted_are_not_counted_again(made: nbpart.Workspace) -> None:
    record(made, "counts", "x", {"n": 0})
    made.prune(keep=1, stray_after_s=0)
    would = made.wipe("counts", keys="x", data=True, dry_run=True)
    assert str(would) == "would have wiped 1 partition of counts; 1 file to delete"
    assert str(made.wipe("counts", keys="x", data=True)) == "wiped 1 partition of counts; 1 file deleted"


def test_accept_records_code_and_inputs_of_now(made: nbpart.Workspace) -> None:
    edit(made)
    record(made, "counts", "x", {"n": 0})
    assert (statuses(made, "report"), statuses(made, "cohort")) == ("stale stale stale", "stale")
    assert str(made.accept("report", keys=["x", "y"])) == "accepted 2 partitions of report"
    assert str(made.accept("cohort", dry_run=True)) == "would have accepted 1 partition of cohort"
    assert str(made.accept("cohort")) == "accepted 1 partition of cohort"
    assert (statuses(made, "report"), statuses(made, "cohort")) == ("materialized materialized stale", "materialized")
    assert made.load("report", "x") == {"key": ord("x")}
    assert str(made.accept("report", keys="x")) == "accepted nothing; 1 already current"
    record(made, "counts", "x", {"n": 5})
    record(made, "counts", "y", {"n": 5})
    assert (statuses(made, "report"), statuses(made, "cohort")) == ("stale stale stale", "stale")


def test_the_chain_above_is_accepted_with_it(made: nbpart.Workspace) -> None:
    made.wipe("counts")
    edit(made)
    assert str(made.accept("+report")) == "accepted 6 partitions of counts, report"
    assert statuses(made, "report") == "materialized materialized materialized"


def test_what_failed_is_accepted_and_wiped(made: nbpart.Workspace) -> None:
    made.partition_sets["samples"].add("new")
    for key in ("x", "new"):
        end(made, claim(made, "counts", key), RunStatus.FAILED)
    assert statuses(made, "counts") == "failed materialized materialized failed"
    assert made.accept("counts", keys="x").count == 1
    assert made.wipe("counts", keys="new").count == 1
    assert statuses(made, "counts") == "materialized materialized materialized missing"


def test_accept_without_data_is_refused(made: nbpart.Workspace) -> None:
    made.partition_sets["samples"].add("new")
    with pytest.raises(MissingInputError, match=r"counts/new has no data, so there is nothing to accept: run it\."):
        made.accept("counts", keys=["x", "new"])
    assert str(made.accept("counts")) == "accepted nothing; 3 already current; 1 without data to accept"
    edit(made)
    file = next((made.root / "data" / "report" / "x").iterdir())
    file.write_bytes(b"{}")
    with pytest.raises(MissingInputError, match=r"the files of report/x are gone, or not what was saved, so there is"):
        made.accept("report", keys="x")
    file = next((made.root / "data" / "counts" / "y").iterdir())
    file.write_bytes(b"{}")
    made.check_data("counts")
    with pytest.raises(MissingInputError, match=r"counts/y is not what was saved .*adopt"):
        made.accept("counts", keys="y")


def test_a_running_partition_is_not_wiped_nor_are_data_deleted_that_it_reads(made: nbpart.Workspace) -> None:
    run = claim(made, "cohort", None)
    with pytest.raises(DeclarationError, match="cohort is queued or running, so it cannot be wiped now"):
        made.wipe("cohort")
    with pytest.raises(DeclarationError, match="counts/x is read by a run that is queued or running"):
        made.wipe("counts", keys="x", data=True)
    assert statuses(made, "counts") == "materialized materialized materialized"
    end(made, run, RunStatus.CANCELLED)
    assert made.wipe("cohort").count == 1


def test_bound_assets_have_the_verbs(made: nbpart.Workspace) -> None:
    @made.asset(partitions=made.partition_sets["samples"])
    def counts(partition_key: str) -> dict[str, int]:
        return {}

    assert counts.accept(keys="x").count == 1
    assert counts.wipe(keys="x", dry_run=True).count == 1
    assert statuses(made, "counts") == "materialized stale stale"
