"""What users of other tools met with folders and buckets that are watched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.buckets import open_bucket


@pytest.fixture
def stage(ws: nbpart.Workspace) -> Stage:
    played = Stage()
    ws.project.make_pool = played.make_pool
    return played


def clean(inbox: Any) -> str:
    return ""


def watch(ws: nbpart.Workspace, path: str, partitions: Any, **options: Any) -> Any:
    source = ws.source("inbox", path, partitions=partitions, **options)
    ws.register(nbpart.asset(clean, partitions=partitions))  # type: ignore[call-overload]
    source.watch(settle=0)
    return source


def test_what_a_console_keeps_for_a_folder_is_no_file(ws: nbpart.Workspace, stage: Stage) -> None:
    with open_bucket() as bucket:
        for name in ("in/", "in/testfolder/", "in/a"):
            bucket.put(name, b"" if name.endswith("/") else b"a")
        watch(ws, "s3://lake/in/{partition_key}", ws.dynamic_partitions("files"), storage_options=bucket.options)
        assert ws.tick("inbox", progress=False).added == {"files": ["a"]}
        assert ws.ticks("inbox")["message"].tolist() == [""]


def test_a_link_to_nothing_is_not_there_yet(ws: nbpart.Workspace, stage: Stage, project: Path) -> None:
    watch(ws, "inbox/{partition_key}", ws.dynamic_partitions("files"))
    (project / "inbox" / "dropped").symlink_to(project / "annex")
    (project / "inbox" / "around").symlink_to(project / "inbox" / "around")
    (project / "inbox" / "a").write_text("a")
    assert ws.tick("inbox", progress=False).added == {"files": ["a"]}
    (project / "annex").write_text("here again")
    assert ws.tick("inbox", progress=False).added == {"files": ["dropped"]}
    stage.started.clear()
    (project / "annex").write_text("another")
    ws.tick("inbox", progress=False)
    assert stage.names() == [("clean", "dropped")]


def test_a_number_is_written_in_a_path_as_its_format_says(ws: nbpart.Workspace, stage: Stage, project: Path) -> None:
    months = ws.dynamic_partitions("months", params={"month": int})
    watch(ws, "inbox/data-{month:02d}.txt", months)
    for month in range(1, 13):
        (project / "inbox" / f"data-{month:02d}.txt").write_text(str(month))
    (project / "inbox" / "data-3.txt").write_text("3")
    tick = ws.tick("inbox", progress=False)
    assert sorted(tick.added["months"]) == sorted(f"month={month}" for month in range(1, 13))
    assert ws.load("inbox", month=9) == str(project / "inbox" / "data-09.txt")


def test_a_file_that_was_empty_when_it_was_seen_runs_again_when_it_is_filled(
    ws: nbpart.Workspace, stage: Stage, project: Path
) -> None:
    watch(ws, "inbox/{partition_key}", ws.dynamic_partitions("files"))
    (project / "inbox" / "video").touch()
    ws.tick("inbox", progress=False)
    (project / "inbox" / "video").write_bytes(b"frames")
    ws.tick("inbox", progress=False)
    ws.tick("inbox", progress=False)
    assert stage.names() == [("clean", "video")] * 2


def test_a_file_that_is_moved_over_another_is_seen_though_it_is_older(
    ws: nbpart.Workspace, stage: Stage, project: Path
) -> None:
    watch(ws, "inbox/{partition_key}", ws.dynamic_partitions("files"))
    (project / "inbox" / "a").write_text("1\n")
    ws.tick("inbox", progress=False)
    (project / "outside").write_text("2\n")
    os.utime(project / "outside", (1, 1))
    (project / "outside").rename(project / "inbox" / "a")
    ws.tick("inbox", progress=False)
    assert stage.names() == [("clean", "a")] * 2


def test_a_folder_that_is_reached_by_a_link_is_one_folder(ws: nbpart.Workspace, stage: Stage, project: Path) -> None:
    (project / "disk").mkdir()
    (project / "inbox").rmdir()
    (project / "inbox").symlink_to(project / "disk")
    watch(ws, "inbox/{partition_key}", ws.dynamic_partitions("files"))
    (project / "disk" / "a").write_text("a")
    assert ws.tick("inbox", progress=False).added == {"files": ["a"]}
    assert ws.tick("inbox", progress=False).added == {}


def test_names_that_differ_only_in_case_are_two_keys(ws: nbpart.Workspace, stage: Stage, project: Path) -> None:
    files = ws.dynamic_partitions("files")
    watch(ws, "inbox/{partition_key}.csv", files)
    for name in ("A.csv", "a.csv", "b.CSV"):
        (project / "inbox" / name).write_text(name)
    ws.tick("inbox", progress=False)
    assert list(files) == ["A", "a"]
