"""Values of a notebook as sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbpart
from nbpart import DeclarationError, MissingInputError
from tests.recording import record


def table(lookup: Any) -> int:
    return len(lookup)


def give(ws: nbpart.Workspace) -> None:
    ws.value("lookup", pd.DataFrame({"code": ["a", "b"], "n": [1, 2]}))
    ws.register(nbpart.asset(table))  # type: ignore[type-var]
    record(ws, "table", None, {"n": 2})


def find_times(ws: nbpart.Workspace) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in [ws.root / "data", *(ws.root / "data").rglob("*")]}


def test_a_value_is_given_to_runs_as_it_was(ws: nbpart.Workspace, tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"fitted")
    frame = pd.DataFrame({"n": [1, 2]}, index=["x", "y"])
    values = {"frame": frame, "about": {"a": [1]}, "text": "x", "raw": b"x", "model": tmp_path / "model.joblib"}
    for name, value in values.items():
        ws.value(name, value)
    ws.value("weights", np.arange(6.0).reshape(2, 3))

    @ws.asset  # type: ignore[untyped-decorator]
    def all_of_them(frame: Any, about: Any, text: Any, raw: Any, model: Any, weights: Any) -> None: ...

    run = nbpart.current_run("all_of_them")
    pd.testing.assert_frame_equal(run.load("frame"), frame)
    assert (run.load("about"), run.load("text"), run.load("raw")) == ({"a": [1]}, "x", b"x")
    assert run.load("model").read_bytes() == b"fitted"
    assert run.load("weights").tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert ws.load("weights").shape == (2, 3)
    assert run.relation("frame").columns[:1] == ["n"]
    assert ws.partition_status("frame").status.tolist() == ["materialized"]


def test_an_equal_value_changes_nothing(ws: nbpart.Workspace) -> None:
    give(ws)
    before, sequence = find_times(ws), ws.project.catalog.sequence()
    ws.value("lookup", pd.DataFrame({"code": ["a", "b"], "n": [1, 2]}))
    assert (find_times(ws), ws.project.catalog.sequence()) == (before, sequence)
    assert len(ws.plan("*").frame) == 0


def test_another_content_is_a_new_version(ws: nbpart.Workspace) -> None:
    give(ws)
    ws.value("lookup", pd.DataFrame({"code": ["a", "b"], "n": [1, 3]}))
    assert ws.plan("*").frame.reason.tolist() == ["source lookup changed"]
    assert ws.load("lookup").n.tolist() == [1, 3]
    record(ws, "table", None, {"n": 2})
    ws.value("lookup", pd.DataFrame({"code": ["a", "b"], "n": [1, 2]}))
    assert ws.load("lookup").n.tolist() == [1, 2]
    assert ws.plan("*").frame.reason.tolist() == ["source lookup changed"]
    assert len(ws.prune(keep=1, stray_after_s=0)) == 3, "two older values and an older table"
    assert ws.load("lookup").n.tolist() == [1, 2]


def test_a_value_whose_file_is_gone_is_given_again(ws: nbpart.Workspace) -> None:
    give(ws)
    [path] = (ws.root / "data" / "lookup").rglob("*.parquet")
    path.unlink()
    with pytest.raises(MissingInputError, match=r"is gone .* make it again: ws.value\('lookup', \.\.\.\)"):
        nbpart.current_run("table").load("lookup")
    give(ws)
    assert len(nbpart.current_run("table").load("lookup")) == 2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lookup", {1, 2}, r"value 'lookup': a value of type set cannot be saved; save sorted\(value\)"),
        ("lookup", np.array([object()]), "an array of objects cannot be saved"),
        ("table", "x", "'table' is an asset already; give the value another name"),
        ("inbox", "x", "'inbox' is a source of files already"),
        ("a b", "x", "'a b'"),
    ],
)
def test_what_cannot_be_a_value_changes_nothing(ws: nbpart.Workspace, name: str, value: Any, message: str) -> None:
    give(ws)
    ws.source("inbox", "inbox/x.csv")
    before, sequence = find_times(ws), ws.project.catalog.sequence()
    with pytest.raises(DeclarationError, match=message):
        ws.value(name, value)
    assert (find_times(ws), ws.project.catalog.sequence()) == (before, sequence)


def test_a_value_may_become_a_source_of_files_and_back(ws: nbpart.Workspace, project: Path) -> None:
    give(ws)
    (project / "inbox" / "x.csv").write_text("x")
    ws.source("lookup", "inbox/x.csv")
    assert ws.plan("*").frame.reason.tolist() == ["source lookup changed"]
    assert ws.load("lookup") == str(project / "inbox" / "x.csv")
