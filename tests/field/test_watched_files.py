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


def by_batch(inbox: Any, batch: str) -> str:
    return ""


@pytest.fixture
def samples(ws: nbpart.Workspace, stage: Stage, project: Path) -> Any:
    """Samples whose folder is their batch, three of them in B0, looked at once."""
    samples = ws.dynamic_partitions("samples", columns={"batch": str})
    source = ws.source("inbox", "inbox/{batch}/{partition_key}.csv", partitions=samples)
    ws.asset(by_batch, partitions=samples)
    source.watch(settle=0, on_remove="remove")
    (project / "inbox" / "B0").mkdir()
    for key in "abc":
        (project / "inbox" / "B0" / f"{key}.csv").write_text(key)
    ws.tick("inbox", progress=False)
    stage.started.clear()
    return samples


def batches(samples: Any) -> dict[str, str]:
    frame = samples.frame
    return dict(zip(frame["partition_key"], frame["batch"], strict=True))


def test_a_file_and_then_its_folder_that_are_renamed_take_no_key_with_them(
    ws: nbpart.Workspace, stage: Stage, project: Path, samples: Any
) -> None:
    inbox = project / "inbox"
    (inbox / "B0" / "a.csv").rename(inbox / "B0" / "d.csv")
    (inbox / "B0").rename(inbox / "B1")
    tick = ws.tick("inbox", progress=False)
    assert (tick.added, tick.removed) == ({"samples": ["d"]}, {"samples": ["a"]})
    assert batches(samples) == {"b": "B1", "c": "B1", "d": "B1"}
    assert sorted(stage.names(), key=str) == [("by_batch", key) for key in "bcd"]
    assert "2 files were moved: " in tick.message


def test_a_copy_that_becomes_the_file_when_the_other_is_deleted(
    ws: nbpart.Workspace, stage: Stage, project: Path, samples: Any
) -> None:
    inbox = project / "inbox"
    (inbox / "B1").mkdir()
    (inbox / "B1" / "a.csv").write_text("a")
    tick = ws.tick("inbox", progress=False)
    assert "a second file for one key, left alone" in tick.message
    assert tick.backfill is None
    (inbox / "B0" / "a.csv").unlink()
    ws.tick("inbox", progress=False)
    assert stage.names() == [("by_batch", "a")]
    assert batches(samples) == {"a": "B1", "b": "B0", "c": "B0"}


def test_the_last_file_that_was_seen_may_go_or_change_and_no_other_runs_again(
    ws: nbpart.Workspace, stage: Stage, project: Path
) -> None:
    files = ws.dynamic_partitions("files")
    watch(ws, "inbox/{partition_key}", files).watch(settle=0, on_remove="remove")
    for n in range(12):
        (project / "inbox" / f"{n:04d}").write_text(str(n))
    ws.tick("inbox", progress=False)
    stage.started.clear()
    (project / "inbox" / "0011").unlink()
    (project / "inbox" / "0012").write_text("12")
    tick = ws.tick("inbox", progress=False)
    assert (tick.added, tick.removed) == ({"files": ["0012"]}, {"files": ["0011"]})
    for name in ("0005a", "0005b"):
        (project / "inbox" / name).write_text(name)
    (project / "inbox" / "0012").write_text("another")
    ws.tick("inbox", progress=False)
    assert sorted(stage.names(), key=str) == [("clean", key) for key in ("0005a", "0005b", "0012", "0012")]


def test_a_file_that_was_renamed_while_nobody_watched_is_another_key_and_no_double(
    ws: nbpart.Workspace, stage: Stage, project: Path
) -> None:
    files = ws.dynamic_partitions("files")
    source = watch(ws, "inbox/{partition_key}", files)
    source.watch(settle=0, on_remove="remove", duplicates="skip")
    (project / "inbox" / "old").write_text("content")
    (project / "inbox" / "other").write_text("another")
    ws.tick("inbox", progress=False)
    (project / "inbox" / "old").rename(project / "inbox" / "new")
    tick = ws.tick("inbox", progress=False)
    assert (tick.added, tick.removed, tick.message) == ({"files": ["new"]}, {"files": ["old"]}, "")
    assert ("clean", "new") in stage.names()
