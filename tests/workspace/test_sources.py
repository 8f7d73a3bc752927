"""Sources: their paths, their versions, and what a change makes stale."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError, PartitionKeyError
from tests.recording import record


def first(inbox: str) -> str:
    return Path(inbox).read_text()


def second(first: str) -> str:
    return first


@pytest.fixture
def ws(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    files = ws.dynamic_partitions("files")
    files.add("a", "b")
    ws.source("inbox", "inbox/{partition_key}.csv", partitions=files)
    ws.register(nbpart.asset(first, partitions=files), nbpart.asset(second, partitions=files))  # type: ignore[call-overload]
    for key in "ab":
        (project / "inbox" / f"{key}.csv").write_text(key)
        record(ws, "first", key, key)
        record(ws, "second", key, key)
    return ws


def reasons(ws: nbpart.Workspace, selection: str = "first") -> dict[str, str]:
    frame = ws.plan(selection).frame
    return dict(zip(frame.partition_key, frame.reason, strict=True))


def test_loading_a_source_returns_its_path(ws: nbpart.Workspace, project: Path) -> None:
    assert ws.load("inbox", "a") == str(project / "inbox" / "a.csv")
    ws.source("lookup", "s3://bucket/lookup.csv")
    assert ws.load("lookup") == "s3://bucket/lookup.csv"


def test_a_manual_run_looks_at_its_source(ws: nbpart.Workspace, project: Path) -> None:
    ws.dynamic_partitions("files").add("new")
    (project / "inbox" / "new.csv").write_text("new")
    run = nbpart.current_run("first", partition_key="new")
    assert run.load("inbox") == str(project / "inbox" / "new.csv")


def test_rewriting_a_source_with_equal_content_is_no_change(ws: nbpart.Workspace, project: Path) -> None:
    assert reasons(ws, "*") == {}
    path = project / "inbox" / "a.csv"
    os.utime(path, (1, 1))
    assert reasons(ws, "*") == {}
    path.unlink()
    path.write_text("a")
    assert reasons(ws, "*") == {}


def test_a_changed_file_makes_its_reader_stale_one_level_down(ws: nbpart.Workspace, project: Path) -> None:
    path = project / "inbox" / "a.csv"
    path.write_text("changed")
    assert ws.partition_status("first").status.tolist() == ["stale", "materialized"]
    assert ws.partition_status("second").status.tolist() == ["materialized", "materialized"]
    assert reasons(ws, "first") == {"a": "source inbox changed"}
    assert ws.status()["stale"].to_dict() == {"first": 1, "second": 0}
    path.write_text("a")
    assert reasons(ws) == {}
    path.write_text("again")
    record(ws, "first", "a", "again")
    assert reasons(ws, "first") == {}
    assert reasons(ws, "second") == {"a": "input first changed"}


def test_a_deleted_source_file_makes_its_readers_stale(ws: nbpart.Workspace, project: Path) -> None:
    (project / "inbox" / "b.csv").unlink()
    assert ws.partition_status("first").status.tolist() == ["materialized", "stale"]
    assert reasons(ws) == {"b": "source inbox changed"}
    assert ws.load("first", "b") == "b"


def test_a_source_with_another_path_makes_its_readers_stale(ws: nbpart.Workspace, project: Path) -> None:
    (project / "other").mkdir()
    for key, text in {"a": "a", "b": "other"}.items():
        (project / "other" / f"{key}.csv").write_text(text)
    ws.source("inbox", "other/{partition_key}.csv", partitions=ws.dynamic_partitions("files"))
    assert reasons(ws) == {"b": "source inbox changed"}


def test_a_key_cannot_escape_the_folder_of_its_source(ws: nbpart.Workspace, project: Path) -> None:
    (project / "secret.csv").write_text("secret")
    ws.dynamic_partitions("files").add("../secret")
    assert ws.partition_status("inbox").status.tolist()[-1] == "missing"
    assert ws.partition_status("first").status.tolist()[-1] == "missing"
    with pytest.raises(PartitionKeyError, match=r"'\.\./secret' leads out of the folder"):
        ws.load("inbox", "../secret")


def test_an_unreachable_source_keeps_its_recorded_state(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", "inbox")

    monkeypatch.setattr("nbpart.backfill.source_observation.scan_versions", refuse)
    caplog.set_level(logging.WARNING, "nbpart")
    assert ws.status()["materialized"].to_dict() == {"first": 2, "second": 2}
    assert len(caplog.messages) == 1
    assert "2 of source inbox cannot be read; the first is 'a'" in caplog.messages[0]


def test_a_partitioned_source_by_parameters(ws: nbpart.Workspace, project: Path) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    trials.add(lr=0.1, depth=3)
    ws.source("models", "models/{depth}/{lr}.bin", partitions=trials)
    assert ws.load("models", lr=0.1, depth=3) == str(project / "models" / "3" / "0.1.bin")
    with pytest.raises(DeclarationError, match=r"'models': .*'nope'"):
        ws.source("models", "models/{nope}", partitions=trials)
    assert ws.load("models", {"lr": 0.1, "depth": 3}).endswith("0.1.bin")


def test_a_source_cannot_be_materialized(ws: nbpart.Workspace) -> None:
    with pytest.raises(DeclarationError, match="'inbox' is a source"):
        ws.materialize("inbox", "a")
    with pytest.raises(DeclarationError, match="no asset that could be computed"):
        ws.plan("inbox")
    assert list(ws.status().index) == ["first", "second"]
