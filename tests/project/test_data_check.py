"""Data files that were deleted, replaced or damaged by hand are found, recorded, and found good again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import nbpart
from nbpart.errors import DeclarationError, MissingInputError
from tests.recording import record


@pytest.fixture
def made(ws: nbpart.Workspace) -> nbpart.Workspace:
    """`cleaned` of x, y and z: a frame and an extra file each; `report` reads it."""
    files = ws.dynamic_partitions("files")
    files.add("x", "y", "z")

    @ws.asset(partitions=files)
    def cleaned(partition_key: str) -> pd.DataFrame: ...

    @ws.asset(partitions=files)
    def report(cleaned: pd.DataFrame) -> dict[str, int]: ...

    for key in ("x", "y", "z"):
        run = record(ws, cleaned, key, pd.DataFrame({"n": [1, 2, ord(key)]}))
        run.save("a note", "note")
        record(ws, report, key, {"rows": 3, "key": key})
    return ws


def place(ws: nbpart.Workspace, asset: str, key: str, ending: str) -> Path:
    """The file that the newest run of a partition left."""
    return max(p for p in (ws.root / "data" / asset).rglob(f"*{ending}") if p.parent.name == key)


def status(ws: nbpart.Workspace, asset: str) -> str:
    return " ".join(ws.partition_status(asset)["status"])


def reasons(ws: nbpart.Workspace, selection: str = "*") -> dict[tuple[str, str | None], str]:
    frame = ws.plan(selection).frame
    return {(row.asset, row.partition_key): row.reason for row in frame.itertuples()}


def forge(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_intact_files_have_no_faults(made: nbpart.Workspace) -> None:
    looked: list[tuple[int, int]] = []
    found = made.check_data(progress=lambda *at: looked.append(at))
    assert found.empty
    assert list(found.columns) == ["asset", "partition_key", "file", "problem", "path"]
    assert looked[-1] == (9, 9)  # two files of each key of cleaned, one of report


def test_a_partition_whose_file_was_deleted_is_missing_with_that_reason(made: nbpart.Workspace) -> None:
    path = place(made, "cleaned", "y", ".parquet")
    kept = path.rename(made.root / "kept")
    assert status(made, "cleaned") == "materialized materialized materialized"
    [row] = made.check_data().itertuples(index=False)
    assert tuple(row) == ("cleaned", "y", "", "deleted", os.path.relpath(path, made.root))
    assert status(made, "cleaned") == "materialized missing materialized"
    assert status(made, "report") == "materialized stale materialized"
    assert reasons(made)["cleaned", "y"] == "its data file was deleted"
    assert made.plan("cleaned").counts() == {"missing": 1}
    with pytest.raises(MissingInputError, match="cleaned/y"):
        made.load("cleaned", "y")
    assert len(made.check_data()) == 1
    kept.rename(path)
    assert made.check_data().empty
    assert status(made, "cleaned") == status(made, "report") == "materialized materialized materialized"
    assert len(made.load("cleaned", "y")) == 3


def put_a_link(path: Path) -> None:
    """To the same bytes: nbpart neither reads nor writes through links inside a workspace."""
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (put_a_link, "a link, or outside the workspace"),
        (forge, "other content"),
        (cut, "other size"),
        (put_a_folder, "not an ordinary file"),
    ],
)
def test_a_partition_whose_file_was_replaced_is_stale_with_that_reason(
    made: nbpart.Workspace, harm: Callable[[Path], None], problem: str
) -> None:
    path = place(made, "cleaned", "x", ".parquet")
    shutil.copy(path, made.root / "kept")
    harm(path)
    assert list(made.check_data()["problem"]) == [problem]
    assert status(made, "cleaned") == "stale materialized materialized"
    assert status(made, "report") == "stale materialized materialized"
    assert reasons(made, "cleaned") == {("cleaned", "x"): "its data file was replaced or damaged"}
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    shutil.copy(made.root / "kept", path)
    assert made.check_data(sample=0).empty, "what was found wrong is read again whatever the sample"
    assert status(made, "cleaned") == "materialized materialized materialized"


def test_a_missing_extra_file_makes_the_partition_stale(made: nbpart.Workspace) -> None:
    place(made, "cleaned", "x", ".note.txt").unlink()
    assert list(made.check_data()["file"]) == ["note"]
    assert reasons(made, "cleaned") == {("cleaned", "x"): "its data file 'note' was deleted"}
    assert len(made.load("cleaned", "x")) == 3


@pytest.mark.kernel
def test_an_executed_notebook_that_is_the_data_is_checked_too(ws: nbpart.Workspace) -> None:
    @ws.asset
    def noted() -> None:
        print("looked at")

    run = ws.materialize(noted)
    assert ws.check_data().empty
    assert run.notebook is not None
    run.notebook.unlink()
    [found] = ws.check_data().itertuples(index=False)
    assert (found.asset, found.problem, found.path) == ("noted", "deleted", os.path.relpath(run.notebook, ws.root))
    assert reasons(ws) == {("noted", None): "its executed notebook was deleted"}


def test_after_a_rerun_the_new_files_are_checked(made: nbpart.Workspace) -> None:
    forge(place(made, "cleaned", "x", ".parquet"))
    made.check_data()
    record(made, "cleaned", "x", pd.DataFrame({"n": [1, 2, ord("x")]}))
    assert status(made, "cleaned") == "materialized materialized materialized"
    assert made.check_data().empty


def test_an_unreadable_file_is_reported_and_its_partition_keeps_its_status(
    made: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = place(made, "cleaned", "x", ".parquet")
    real = os.open

    def refuse(path: object, *args: int, **options: object) -> int:
        if str(path) == secret.name:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    assert list(made.check_data()["problem"]) == ["no permission to read it"]
    assert status(made, "cleaned") == "materialized materialized materialized"


def test_a_sample_reads_some_files_and_checks_the_size_of_all(made: nbpart.Workspace) -> None:
    for key in ("x", "y", "z"):
        forge(place(made, "cleaned", key, ".parquet"))
    cut(place(made, "report", "x", ".json"))
    assert list(made.check_data(sample=0)["problem"]) == ["other size"]
    assert len(made.check_data("cleaned", sample=0.0)) == 0
    assert 1 <= len(made.check_data("cleaned", sample=5)) <= 3, "of six files three are forged"
    assert len(made.check_data(sample=10_000)) == 4


@pytest.mark.parametrize("sample", [-1, 1.0, 1.5, -0.1, float("nan"), True])
def test_a_wrong_sample_is_refused(made: nbpart.Workspace, sample: float) -> None:
    with pytest.raises(DeclarationError, match="sample="):
        made.check_data(sample=sample)


def test_why_says_what_is_the_matter_with_a_data_file(made: nbpart.Workspace) -> None:
    place(made, "cleaned", "x", ".parquet").unlink()
    forge(place(made, "cleaned", "y", ".parquet"))
    made.check_data()
    assert "its data file was deleted" in str(made.why("cleaned", "x"))
    assert "its data file was replaced or damaged" in str(made.why("cleaned", "y"))


def test_facts_still_match_the_events_after_faults_were_recorded(made: nbpart.Workspace) -> None:
    from nbpart.catalog import Catalog
    from nbpart.catalog.check import check

    place(made, "cleaned", "x", ".parquet").unlink()
    forge(place(made, "cleaned", "y", ".parquet"))
    made.check_data()
    catalog = Catalog.open(made.root / "catalog.duckdb", create=False)
    try:
        assert catalog.read(check) == []
    finally:
        catalog.close()


@pytest.mark.parametrize("harm", [Path.unlink, forge])
def test_a_fault_found_while_loading_is_recorded(made: nbpart.Workspace, harm: Callable[[Path], None]) -> None:
    harm(place(made, "report", "x", ".json"))
    if harm is forge:
        place(made, "report", "x", ".json").write_text('{\n "rows": 4,\n "key": "x"\n}')
        with pytest.warns(UserWarning, match="the data of report/x is not what was saved"):
            assert made.load("report", "x")["rows"] == 4
        assert status(made, "report") == "stale materialized materialized"
        return
    with pytest.raises(MissingInputError, match="the data of report/x is gone"):
        made.load("report", "x")
    assert status(made, "report") == "missing materialized materialized"
    with pytest.raises(MissingInputError, match=r"report/x is gone \(its data file was deleted\)"):
        made.load("report", "x")


def test_a_table_warns_of_and_records_files_of_another_size(made: nbpart.Workspace) -> None:
    path = place(made, "report", "x", ".json")
    path.write_text(path.read_text() + "  ")
    with pytest.warns(UserWarning, match="the data of 1 of the partitions of 'report' has another size"):
        assert len(made.table("report")) == 3
    assert status(made, "report") == "stale materialized materialized"
    place(made, "report", "y", ".json").unlink()
    with pytest.raises(MissingInputError, match="gone"), pytest.warns(UserWarning, match="another size"):
        made.sql("FROM report")
    assert status(made, "report") == "stale missing materialized"


@pytest.mark.kernel
def test_a_run_refuses_a_forged_input_which_is_outdated_from_then_on(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("x", "y", "z")

    @ws.asset(partitions=files)
    def cleaned(partition_key: str) -> dict:  # type: ignore[type-arg]
        return {"key": partition_key}

    @ws.asset(partitions=files)
    def report(cleaned: dict) -> dict:  # type: ignore[type-arg]
        return {"of": cleaned["key"]}

    for key in ("x", "y", "z"):
        record(ws, cleaned, key, {"key": key})
    forge_key(place(ws, "cleaned", "x", ".json"), "x")
    place(ws, "cleaned", "y", ".json").unlink()
    backfill = ws.backfill("report", retries=3, backoff_s=30).wait(progress=False)
    assert set(ws.runs("report")["attempt"]) == {1}, "another attempt would find the same"
    causes = dict(zip(backfill.steps()["partition_key"], backfill.steps()["cause"], strict=True))
    assert "the data of cleaned, partition 'x' is not what was saved (other content" in causes["x"]
    assert causes["y"].endswith("make it again: nbpart backfill cleaned -k y -s all")
    assert status(ws, "report") == "failed failed materialized"
    assert ws.load("report", "z") == {"of": "z"}
    assert status(ws, "cleaned") == "stale missing materialized"
    assert reasons(ws, "cleaned") == {
        ("cleaned", "x"): "its data file was replaced or damaged",
        ("cleaned", "y"): "its data file was deleted",
    }
    again = ws.backfill("report").wait(progress=False)
    assert set(again.steps()["status"]) == {"blocked"}, "what is known to be forged starts no kernel"
    ws.backfill("+report").wait(progress=False)
    assert status(ws, "report") == status(ws, "cleaned") == "materialized materialized materialized"
    assert ws.load("report", "x") == {"of": "x"}


def forge_key(path: Path, key: str) -> None:
    path.write_text(path.read_text().replace(f'"{key}"', '"!"'))
