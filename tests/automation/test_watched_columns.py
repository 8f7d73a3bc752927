"""Watched sources whose path names columns that do not make the key: the folder of a file says its batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError
from nbpart.catalog.check import check
from tests.automation.test_watched_source import Inbox
from tests.buckets import open_bucket


def clean(inbox: Any) -> str:
    return ""


def labelled(inbox: Any, batch: str) -> str:
    return ""


class Place:
    """Files in a folder or in a bucket."""

    def __init__(self, path: str, options: dict[str, Any], put: Callable[..., Any], remove: Callable[..., Any]) -> None:
        self.path, self.options, self.put, self._remove = path, options, put, remove

    def move(self, old: str, new: str, content: str) -> None:
        self._remove(old)
        self.put(new, content)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, project: Path) -> Any:
    if request.param == "folder":

        def put(name: str, content: str) -> None:
            path = project / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

        yield Place("in", {}, put, lambda name: (project / "in" / name).unlink())
        return
    with open_bucket() as bucket:
        yield Place(
            "s3://lake/in",
            {"storage_options": bucket.options},
            lambda name, content: bucket.put(f"in/{name}", content.encode()),
            lambda name: bucket.remove(f"in/{name}"),
        )


@pytest.fixture
def inbox(ws: nbpart.Workspace) -> Inbox:
    return Inbox(ws)


def declare(inbox: Inbox, place: Place, *, column: type = str, path: str = "{batch}/{partition_key}.csv") -> Any:
    samples = inbox.ws.dynamic_partitions("samples", columns={"batch": column})
    source = inbox.ws.source("inbox", f"{place.path}/{path}", partitions=samples, **place.options)
    inbox.ws.asset(clean, partitions=samples)
    inbox.ws.asset(labelled, partitions=samples)
    return source


def batches(inbox: Inbox) -> dict[str, Any]:
    frame = inbox.ws.partitions("samples").frame
    return dict(zip(frame["partition_key"], frame["batch"], strict=True))


def files_read(inbox: Inbox) -> list[str]:
    paths = [item.location for spec in inbox.stage.started for item in spec.inputs["inbox"].items]
    return sorted("/".join(path.split("/")[-2:]) for path in paths)


def test_a_new_file_gives_its_key_the_batch_of_its_folder(inbox: Inbox, place: Place) -> None:
    declare(inbox, place).watch(settle=0)
    place.put("B0/a.csv", "a")
    place.put("B1/b.csv", "b")
    place.put(".hidden/c.csv", "c")
    tick = inbox.tick()
    assert tick.added == {"samples": ["a", "b"]}
    assert batches(inbox) == {"a": "B0", "b": "B1"}
    assert inbox.ran == [(asset, key) for asset in ("clean", "labelled") for key in "ab"]
    assert files_read(inbox) == ["B0/a.csv", "B0/a.csv", "B1/b.csv", "B1/b.csv"]
    assert inbox.tick().backfill is None
    assert str(inbox.ws.load("inbox", "b")).endswith("in/B1/b.csv")
    assert set(inbox.ws.partition_status("clean").status) == {"materialized"}
    place.put("B1/b.csv", "another b")
    assert inbox.tick().backfill is not None
    assert inbox.ran == [("clean", "b"), ("labelled", "b")]


def test_a_file_that_moves_changes_the_column_and_what_binds_it_alone(inbox: Inbox, place: Place) -> None:
    declare(inbox, place).watch(settle=0, on_remove="remove")
    for key in "ab":
        place.put(f"B0/{key}.csv", key)
    inbox.tick()
    place.move("B0/a.csv", "B1/a.csv", "a")
    tick = inbox.tick()
    assert tick.message.startswith("1 file was moved: '")
    assert tick.message.endswith("in/B1/a.csv'")
    assert not any(tick.removed.values())
    assert batches(inbox) == {"a": "B1", "b": "B0"}
    is_hashed = not place.options
    assert inbox.ran == [("labelled", "a")] if is_hashed else ("labelled", "a") in inbox.ran
    assert set(files_read(inbox)) == {"B1/a.csv"}
    assert inbox.tick().backfill is None
    place.move("B1/a.csv", "B2/a.csv", "another a")
    inbox.tick()
    assert inbox.ran == [("clean", "a"), ("labelled", "a")]
    assert batches(inbox)["a"] == "B2"
    assert not inbox.ws.project.catalog.read(check)
    place.move("B0/b.csv", "elsewhere.txt", "b")
    assert inbox.tick().removed == {"samples": ["b"]}


def test_a_moved_file_only_marks_where_that_is_asked(inbox: Inbox, place: Place) -> None:
    declare(inbox, place).watch(settle=0, on_change="stale")
    place.put("B0/a.csv", "a")
    inbox.tick()
    place.move("B0/a.csv", "B1/a.csv", "a")
    assert inbox.tick().backfill is None
    assert inbox.ws.partition_status("labelled").status.tolist() == ["stale"]
    assert batches(inbox) == {"a": "B1"}


def test_of_two_files_for_one_key_the_one_that_is_recorded_stays(inbox: Inbox, place: Place) -> None:
    declare(inbox, place).watch(settle=0)
    place.put("B1/a.csv", "a")
    inbox.tick()
    for batch in ("B0", "B2"):
        place.put(f"{batch}/a.csv", "another")
    tick = inbox.tick()
    assert tick.backfill is None
    for line, batch in zip(tick.message.splitlines(), ("B0", "B2"), strict=True):
        assert f"in/{batch}/a.csv' is of the key 'a', whose path is '" in line
        assert "in/B1/a.csv', a second file for one key, left alone" in line
    assert batches(inbox) == {"a": "B1"}
    for batch in ("B5", "B4"):
        place.put(f"{batch}/new.csv", "new")
    tick = inbox.tick()
    assert tick.added == {"samples": ["new"]}
    assert batches(inbox)["new"] == "B4"
    assert any("in/B5/new.csv' is of the key 'new'" in line for line in tick.message.splitlines())


def test_a_number_in_a_path_is_a_number_in_the_set(inbox: Inbox, place: Place) -> None:
    declare(inbox, place, column=int, path="{batch:03d}/{partition_key}.csv").watch(settle=0)
    for folder in ("007", "x"):
        place.put(f"{folder}/a.csv", "a")
    place.put("12/b.csv", "b")
    tick = inbox.tick()
    assert batches(inbox) == {"a": 7}
    assert tick.added == {"samples": ["a"]}
    assert set(files_read(inbox)) == {"007/a.csv"}


def test_a_key_gets_its_file_by_its_column_without_a_watch_too(inbox: Inbox, place: Place) -> None:
    declare(inbox, place)
    samples = inbox.ws.partitions("samples")
    samples.add("a")
    place.put("B0/a.csv", "a")
    place.put("B1/a.csv", "another")
    assert "the key 'a' has no value of 'batch'" in str(inbox.ws.why("clean", "a"))
    assert inbox.ws.plan("clean").frame.empty
    for batch in ("B0", "B1"):
        samples.add_rows([{"key": "a", "batch": batch}], key="key")
        inbox.stage.started.clear()
        inbox.ws.backfill("clean").wait(progress=False)
        assert files_read(inbox) == [f"{batch}/a.csv"]
    samples.add_rows([{"key": "a", "batch": "B9"}], key="key")
    assert inbox.ws.partition_status("clean").status.tolist() == ["stale"]


def test_a_column_that_a_person_set_is_that_of_the_file_again(inbox: Inbox, place: Place) -> None:
    declare(inbox, place).watch(settle=0)
    samples = inbox.ws.partitions("samples")
    samples.add_rows([{"key": "a", "batch": None}], key="key")
    place.put("B0/a.csv", "a")
    inbox.tick()
    assert batches(inbox) == {"a": "B0"}
    assert inbox.ran == [("clean", "a"), ("labelled", "a")]
    samples.add_rows([{"key": "a", "batch": "B7"}], key="key")
    inbox.tick()
    assert batches(inbox) == {"a": "B0"}
    assert set(inbox.ws.partition_status("labelled").status) == {"materialized"}


def test_columns_that_a_file_cannot_set_are_refused(ws: nbpart.Workspace) -> None:
    samples = ws.dynamic_partitions("samples", columns={"batch": str})
    lanes = ws.dynamic_partitions("lanes", under={"sample": samples})
    source = ws.source("inbox", "in/{batch}/{partition_key}.csv", partitions=lanes)
    with pytest.raises(DeclarationError, match=r"names \{batch\}, a column of a dimension or a parent"):
        source.watch()
    with pytest.raises(DeclarationError, match=r"names \{btach\}, which is no column .*batch"):
        ws.source("other", "in/{btach}/{partition_key}.csv", partitions=samples)
