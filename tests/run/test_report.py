"""Reports: that they travel whole, and what is derived from them."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from nbpart.run.report import Ending, RecordedEnding, RunOutput, RunReport
from nbpart.states import RunStatus
from nbpart.storage import FileRecord
from nbpart.storage.store import LocalStore

AT = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def make_report(**given: Any) -> RunReport:
    values: dict[str, Any] = {"status": RunStatus.SUCCEEDED, "started_at": AT, "finished_at": AT}
    return RunReport(**(values | {"run_id": "r1", "attempt": 1} | given))


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = make_report(
        run_no=7,
        partition_key="k",
        status=RunStatus.FAILED,
        duration_s=1.5,
        files=(FileRecord("", "file", "frame", "data/x.parquet", 3, 100, "ab", "[]"),),
        metrics={"a": 1, "b": "\ud800"},
        error_class="E",
        error_message="m",
        error_cell=3,
        traceback="t",
        exit_code=-9,
        missing_inputs={"x": ("k",)},
        kernel="py",
        kernel_notes=("slow",),
        members={8: make_report(run_no=8, run_id="r2")},
    )
    (tmp_path / "runs").mkdir()
    report.write(LocalStore(tmp_path), "runs/r.json")
    assert RunReport.read(tmp_path / "runs" / "r.json") == report


def test_output_of_a_run_that_saved_nothing_is_empty(tmp_path: Path) -> None:
    assert RunOutput.read(tmp_path / "none") == RunOutput()


def test_another_ending_replaces_all_of_the_first_and_nothing_else() -> None:
    report = make_report(status=RunStatus.FAILED, error_class="E", exit_code=3, note="old", cpu_s=2.0, metrics={"a": 1})
    ended = report.with_ending(Ending(RunStatus.SUCCEEDED, note="new"))
    assert ended == make_report(note="new", cpu_s=2.0, metrics={"a": 1})


def test_free_texts_are_those_that_come_from_the_users_code() -> None:
    given = {entry.name: entry.name for entry in fields(RecordedEnding) if entry.name not in ("status", "finished_at")}
    found = make_report(**given).free_texts
    assert set(found) == {"error_class", "error_message", "traceback", "note", "kernel"}
    assert make_report().free_texts == {}


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ((), hashlib.sha256(b"r1").hexdigest()),
        ((FileRecord("", "file", "text", "data/a.txt", data_version="ab"),), "ab"),
        (
            (FileRecord("roc", "file", "figure", "data/a.png", data_version="ab"),),
            hashlib.sha256(b"roc\0ab").hexdigest(),
        ),
    ],
    ids=["nothing", "main", "named"],
)
def test_one_version_stands_for_all_files(files: tuple[FileRecord, ...], version: str) -> None:
    assert make_report(files=files).data_version == version


def test_the_version_of_many_files_does_not_depend_on_their_order() -> None:
    files = tuple(
        FileRecord(name, "file", "text", f"data/{name}", bytes=2, data_version=name) for name in ("", "b", "a")
    )
    report = make_report(files=files)
    assert report.data_version == replace(report, files=files[::-1]).data_version
    assert (report.bytes, report.main_file) == (6, files[0])
