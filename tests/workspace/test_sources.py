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
    assert str(ws.load("lookup")) == "s3://bucket/lookup.csv"


def test_a_refresh_names_files_that_are_others_and_no_others(ws: nbpart.Workspace, project: Path) -> None:
    ws.refresh()
    assert ws.refresh().source_notice == "", "that a file is looked at again is no change"
    (project / "inbox" / "a.csv").write_text("another")
    assert ws.refresh().source_notice == "changed sources: inbox (1 changed); what read their earlier files is stale."
    assert ws.refresh().source_notice == ""
    os.utime(project / "inbox" / "b.csv", (1, 1))
    assert ws.refresh().source_notice == "", "touched"
    ws.dynamic_partitions("files").add("new")
    (project / "inbox" / "new.csv").write_text("new")
    assert ws.refresh().source_notice == "changed sources: inbox (1 new)."
    (project / "inbox" / "b.csv").unlink()
    assert str(ws.refresh().sources["inbox"]) == "1 gone"


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


def test_a_changed_file_makes_its_reader_stale_and_what_lies_below(ws: nbpart.Workspace, project: Path) -> None:
    path = project / "inbox" / "a.csv"
    path.write_text("changed")
    assert ws.partition_status("first").status.tolist() == ["stale", "materialized"]
    assert ws.partition_status("second").status.tolist() == ["stale", "materialized"]
    assert reasons(ws, "first") == {"a": "source inbox changed"}
    assert ws.status()["stale"].to_dict() == {"first": 1, "second": 1}
    path.write_text("a")
    assert reasons(ws) == {}
    path.write_text("again")
    record(ws, "first", "a", "again")
    assert reasons(ws, "first") == {}
    assert reasons(ws, "second") == {"a": "input first changed"}


def test_a_deleted_source_file_makes_its_readers_stale(ws: nbpart.Workspace, project: Path) -> None:
    (project / "inbox" / "b.csv").unlink()
    assert ws.partition_status("first").status.tolist() == ["materialized", "stale"]
    assert reasons(ws) == {}
    assert ws.plan("first").waiting["partition_key"].tolist() == ["b"]
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

    monkeypatch.setattr("nbpart.backfill.source_observation.find_files", refuse)
    caplog.set_level(logging.WARNING, "nbpart")
    assert ws.status()["materialized"].to_dict() == {"first": 2, "second": 2}
    assert len(caplog.messages) == 1
    assert "2 of source inbox cannot be read; the first is 'a'" in caplog.messages[0]


def test_a_partitioned_source_by_parameters(ws: nbpart.Workspace, project: Path) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    trials.add(lr=0.1, depth=3)
    ws.source("models", "models/{depth}/{lr}.bin", partitions=trials)
    assert ws.load("models", lr=0.1, depth=3) == str(project / "models" / "3" / "0.1.bin")
    with pytest.raises(DeclarationError, match=r"'models': .*\{nope\}"):
        ws.source("models", "models/{nope}", partitions=trials)
    assert ws.load("models", {"lr": 0.1, "depth": 3}).endswith("0.1.bin")


def test_new_content_of_equal_size_with_its_time_set_back_is_seen(ws: nbpart.Workspace, project: Path) -> None:
    path = project / "inbox" / "a.csv"
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert reasons(ws) == {}
    path.write_text("z")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert reasons(ws) == {"a": "source inbox changed"}


def test_by_size_and_time_nothing_is_read(ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ws.dynamic_partitions("files")
    ws.source("inbox", "inbox/{partition_key}.csv", partitions=files, version="size+mtime")
    record(ws, "first", "a", "a")
    record(ws, "first", "b", "b")
    monkeypatch.setattr("nbpart.storage.source_versions.hash_file", lambda path: pytest.fail(f"{path} was read"))
    path = project / "inbox" / "a.csv"
    before = path.stat()
    path.write_text("z")
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert reasons(ws) == {}  # it cannot be seen, and the docs say so
    path.write_text("longer")
    assert reasons(ws) == {"a": "source inbox changed"}


def test_names_of_files_are_no_patterns(ws: nbpart.Workspace, project: Path) -> None:
    names = ["plate[A1]", "plateA", "100%#?"]
    plates = ws.dynamic_partitions("plates")
    plates.add(*names)
    ws.source("plate", "inbox/{partition_key}.csv", partitions=plates)
    ws.register(nbpart.asset(well, partitions=plates))  # type: ignore[call-overload]
    for name in names:
        (project / "inbox" / f"{name}.csv").write_text(name)
        assert Path(ws.load("plate", name)).read_text() == name
        record(ws, "well", name, name)
    assert reasons(ws, "well") == {}
    (project / "inbox" / "plateA.csv").write_text("changed")
    assert reasons(ws, "well") == {"plateA": "source plate changed"}


def well(plate: str) -> str:
    return Path(plate).read_text()


def test_two_keys_of_one_file_are_refused(
    ws: nbpart.Workspace, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sales = ws.dynamic_partitions("sales", params={"day": str, "shop": str})
    sales.add(day="1", shop="x")
    ws.source("drop", "drop/{day}.csv", partitions=sales)
    sales.add(day="1", shop="y")
    message = r"source 'drop': the keys 'day=1,shop=x' and 'day=1,shop=y' are both '.*drop/1\.csv'; in its path"
    with pytest.raises(DeclarationError, match=message):
        ws.source("drop", "drop/{day}.csv", partitions=sales, description="declared again")
    ws.register(nbpart.asset(read_drop, partitions=sales))  # type: ignore[call-overload]
    caplog.set_level(logging.WARNING, "nbpart")
    ws.refresh()
    assert "2 of source drop cannot be read; the first is 'day=1,shop=x': the keys" in caplog.messages[0]


def read_drop(drop: str) -> str:
    return drop


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("inbox/{name}.csv", {}, r"names \{name\}, which is no column of its partitions"),
        ("inbox/{partition_key}", {"version": "etagg"}, "version='etagg' is no way .* did you mean 'etag'"),
        ("inbox/{partition_key}", {"version": "etag"}, "version='etag' is for URLs"),
        ("inbox/**/{partition_key}", {}, r"has '\*\*'"),
        ("https://host/{partition_key}/*.csv", {}, "a web server does not say which files"),
        ("inbox/one.csv", {}, "is partitioned, but every key would be"),
    ],
)
def test_what_cannot_be_a_source(ws: nbpart.Workspace, url: str, options: dict[str, Any], message: str) -> None:
    before = ws.load("inbox", "a")
    with pytest.raises(DeclarationError, match=message):
        ws.source("inbox", url, partitions=ws.dynamic_partitions("files"), **options)
    assert ws.load("inbox", "a") == before


def test_a_source_cannot_be_materialized(ws: nbpart.Workspace) -> None:
    with pytest.raises(DeclarationError, match="'inbox' is a source"):
        ws.materialize("inbox", "a")
    with pytest.raises(DeclarationError, match="no asset that could be computed"):
        ws.plan("inbox")
    assert list(ws.status().index) == ["first", "second"]
