"""Watched sources, through looks from a kernel; the pool is a fake that plays the runs."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

import nbpart
from nbpart import DeclarationError, MissingInputError, UnknownNameError
from nbpart.run.spec import RunSpec
from nbpart.storage.files import hash_file
from tests.backfill.pools import Stage
from tests.buckets import Bucket, open_bucket


def clean(inbox: Any) -> str:
    return ""


def report(clean: Any) -> str:
    return ""


class Inbox:
    """A workspace with a watched source ``inbox``, and what ran since it was last asked."""

    def __init__(self, ws: nbpart.Workspace) -> None:
        self.ws = ws
        self.stage = Stage(self._answer)
        self.fails: set[tuple[str, str | None]] = set()
        ws.project.make_pool = self.stage.make_pool

    def declare(self, path: str, partitions: Any = None, **options: Any) -> Any:
        """The source, with an asset that reads it and one below."""
        source = self.ws.source("inbox", path, partitions=partitions, **options)
        for function in (clean, report):
            self.ws.register(nbpart.asset(function, partitions=partitions))  # type: ignore[call-overload]
        return source

    def tick(self) -> Any:
        self.stage.started.clear()
        return self.ws.tick("inbox", progress=False)

    @property
    def ran(self) -> list[tuple[str, str | None]]:
        return sorted(self.stage.names(), key=str)

    def _answer(self, spec: RunSpec) -> str | Exception:
        if (spec.asset, spec.partition_key) in self.fails:
            return ValueError("broken")
        return f"{spec.run_id}"


@pytest.fixture
def inbox(ws: nbpart.Workspace) -> Inbox:
    return Inbox(ws)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with open_bucket() as opened:
        yield opened


def both(*keys: str | None) -> list[tuple[str, str | None]]:
    return sorted([(asset, key) for asset in ("clean", "report") for key in keys], key=str)


def test_new_files_add_keys_and_run_what_is_below_once(inbox: Inbox, project: Path) -> None:
    files = inbox.ws.dynamic_partitions("files")
    inbox.declare("inbox/{partition_key}.csv", files).watch(settle=0)
    assert "there is no file at 'inbox/{partition_key}.csv' (yet)" in inbox.tick().message
    for name in ("a.csv", "b.csv", "notes.txt", ".hidden.csv"):
        (project / "inbox" / name).write_text(name)
    (project / "inbox" / "below").mkdir()
    (project / "inbox" / "below" / "c.csv").write_text("c")
    tick = inbox.tick()
    assert tick.added == {"files": ["a", "b"]}
    assert inbox.ran == both("a", "b")
    assert tick.message == ""
    assert inbox.tick().backfill is None
    assert inbox.ran == []
    assert list(files) == ["a", "b"]
    assert inbox.ws.ticks("inbox")["outcome"].tolist() == ["skipped", "asked", "skipped"]


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_signs_of_patterns_in_names_are_letters(inbox: Inbox, project: Path, bucket: Bucket, place: str) -> None:
    files = inbox.ws.dynamic_partitions("files")
    names = ["100%#?", "plateA", "plate[A1]"]

    def put(name: str, content: str) -> None:
        if place == "bucket":
            bucket.put(f"in/{name}.csv", content.encode())
        else:
            (project / "inbox" / f"{name}.csv").write_text(content)

    start = "s3://lake/in" if place == "bucket" else "inbox"
    options = {"storage_options": bucket.options} if place == "bucket" else {}
    inbox.declare(f"{start}/{{partition_key}}.csv", files, **options).watch(settle=0)
    for name in names:
        put(name, name)
    assert sorted(inbox.tick().added["files"]) == names
    assert inbox.ran == both(*names)
    for name in names:
        given = inbox.ws.load("inbox", name)
        if place == "bucket":
            with given.open("rb") as file:
                assert file.read() == name.encode()
        assert Path(given).read_bytes() == name.encode()
    put("plateA", "more")
    assert inbox.tick().added == {}
    assert inbox.ran == both("plateA")


def test_what_is_new_is_told_by_a_listing_not_by_an_order(inbox: Inbox, bucket: Bucket) -> None:
    files = inbox.ws.dynamic_partitions("files")
    source = inbox.declare("s3://lake/in/{partition_key}", files, storage_options=bucket.options)
    source.watch(settle=0)
    bucket.put("in/A", b"1")
    inbox.tick()
    for name, content in {"B": b"b", "C": b"c", "A": b"2"}.items():
        bucket.put(f"in/{name}", content)
    inbox.tick()
    assert inbox.ran == both("A", "B", "C")
    bucket.remove("in/A")
    bucket.put("in/0_first", b"0")
    inbox.tick()
    assert inbox.ran == both("0_first")


def test_another_etag_of_the_same_bytes_runs_what_reads_it_alone(inbox: Inbox, bucket: Bucket) -> None:
    source = inbox.declare(
        "s3://lake/in/{partition_key}", inbox.ws.dynamic_partitions("files"), storage_options=bucket.options
    )
    inbox.stage.answer = lambda spec: f"{spec.asset} of {spec.partition_key}"
    source.watch(settle=0)
    bucket.put("in/a", b"same")
    assert inbox.tick().backfill is not None
    bucket.put_in_parts("in/a", b"same")
    tick = inbox.tick()
    assert inbox.ran == [("clean", "a")]
    steps = tick.backfill.steps().set_index("asset")
    assert steps["status"].to_dict() == {"clean": "succeeded", "report": "skipped"}
    with pytest.raises(DeclarationError, match="duplicates='skip' compares bytes; declare the source with version='h"):
        source.watch(duplicates="skip")


def test_a_download_is_no_file_before_its_last_name(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/{partition_key}.csv", inbox.ws.dynamic_partitions("files")).watch(settle="5s")
    part = project / "inbox" / "r.csv.crdownload"
    now = datetime.datetime.now(datetime.UTC)
    for second in (0, 5, 10, 20):
        part.write_text("x" * second)
        inbox.ws.project.catalog.clock = lambda second=second: now + datetime.timedelta(seconds=second + 60)
        assert inbox.tick().added == {}
    part.rename(project / "inbox" / "r.csv")
    assert inbox.tick().added == {"files": ["r"]}
    assert inbox.ran == both("r")


def test_a_file_that_grows_is_no_key_and_one_that_vanishes_leaves_nothing(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle="5s")
    part = project / "inbox" / "r.csv.crdownload"
    for size in range(3):
        part.write_text("x" * size)
        tick = inbox.tick()
        assert tick.message == "1 file is not still for 5 s yet: 'r.csv.crdownload'"
        assert (tick.added, inbox.ran) == ({}, [])
    part.unlink()
    tick = inbox.tick()
    assert (tick.added, tick.message) == ({}, "there is no file at 'inbox/{partition_key}' (yet)")
    assert list(inbox.ws.dynamic_partitions("files")) == []
    assert set(inbox.ws.ticks("inbox")["outcome"]) == {"skipped"}


def test_two_names_in_one_path_are_split_as_everywhere(inbox: Inbox, project: Path) -> None:
    lanes = inbox.ws.dynamic_partitions("lanes", params={"sample": str, "read": str})
    inbox.declare("inbox/{sample}_{read}.fastq.gz", lanes).watch(settle=0)
    first, second = (project / "inbox" / f"0053_P20_S2_{read}.fastq.gz" for read in ("R1", "R2"))
    first.write_text("1")
    assert inbox.tick().added == {"lanes": ["read=R1,sample=0053_P20_S2"]}
    second.write_text("2")
    assert inbox.tick().added == {"lanes": ["read=R2,sample=0053_P20_S2"]}
    assert inbox.ws.load("inbox", sample="0053_P20_S2", read="R2") == str(second)
    assert inbox.tick().added == {}
    assert lanes.row("read=R1,sample=0053_P20_S2")["sample"] == "0053_P20_S2"


def test_a_changed_file_only_marks_what_reads_it_where_that_is_asked(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle=0, on_change="stale")
    (project / "inbox" / "a").write_text("1")
    inbox.tick()
    assert inbox.ran == both("a")
    (project / "inbox" / "a").write_text("2")
    (project / "inbox" / "b").write_text("b")
    inbox.tick()
    assert inbox.ran == both("b")
    assert inbox.ws.partition_status("clean").set_index("partition_key")["status"].to_dict() == {
        "a": "stale",
        "b": "materialized",
    }
    inbox.tick()
    assert inbox.ran == []


def test_what_somebody_else_saw_first_is_asked_for_all_the_same(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle=0)
    (project / "inbox" / "a").write_text("1")
    inbox.tick()
    (project / "inbox" / "a").write_text("22")
    inbox.ws.dynamic_partitions("files").add("b")
    (project / "inbox" / "b").write_text("b")
    inbox.ws.refresh()
    inbox.tick()
    assert inbox.ran == both("a", "b")
    inbox.tick()
    assert inbox.ran == []


def test_the_first_look_runs_what_is_missing_and_nothing_that_failed(inbox: Inbox, project: Path) -> None:
    files = inbox.ws.dynamic_partitions("files")
    source = inbox.declare("inbox/{partition_key}", files)
    files.add("a", "b", "c")
    for name in "abcd":
        (project / "inbox" / name).write_text(name)
    inbox.fails = {("clean", "b")}
    inbox.ws.backfill("*", keys=["a", "b"]).wait(progress=False)
    source.watch(settle=0)
    inbox.tick()
    assert inbox.ran == both("c", "d")
    (project / "inbox" / "b").write_text("mended")
    inbox.fails = set()
    inbox.tick()
    assert inbox.ran == both("b")


def test_only_the_selection_is_asked_for_with_what_is_missing_above(inbox: Inbox, project: Path) -> None:
    files = inbox.ws.dynamic_partitions("files")
    source = inbox.declare("inbox/{partition_key}", files)
    source.watch(settle=0, run="clean")
    (project / "inbox" / "a").write_text("a")
    inbox.tick()
    assert inbox.ran == [("clean", "a")]
    source.watch(settle=0, run=["+report"])
    (project / "inbox" / "b").write_text("b")
    inbox.tick()
    assert inbox.ran == both("b")
    source.watch(settle=0, run="repot")
    (project / "inbox" / "c").write_text("c")
    with pytest.raises(UnknownNameError, match="repot"):
        inbox.tick()
    assert "report" in inbox.ws.ticks("inbox", limit=1)["error"][0]
    source.watch(settle=0)
    inbox.tick()
    assert inbox.ran == both("c")


def test_a_declaration_of_a_module_is_registered_with_the_others(inbox: Inbox, project: Path) -> None:
    files = nbpart.DynamicPartitions("files")
    declared = nbpart.source("inbox", "inbox/{partition_key}", partitions=files)
    assert repr(declared.watch(every="1m")) == "<nbpart watches source 'inbox' every 60 s>"
    inbox.ws.register(declared, declared.watch(settle=0))
    (project / "inbox" / "a").write_text("a")
    assert inbox.tick().added == {"files": ["a"]}
    inbox.ws.remove_asset("inbox")
    with pytest.raises(UnknownNameError, match="there is no trigger 'inbox'"):
        inbox.tick()


def test_one_file_without_partitions_is_watched_too(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/table.csv").watch(settle=0)
    assert "(yet)" in inbox.tick().message
    (project / "inbox" / "table.csv").write_text("1")
    inbox.tick()
    assert inbox.ran == both(None)
    inbox.tick()
    assert inbox.ran == []
    (project / "inbox" / "table.csv").write_text("22")
    inbox.tick()
    assert inbox.ran == both(None)


def test_several_files_of_one_key(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/{partition_key}_L*.txt", inbox.ws.dynamic_partitions("files")).watch(settle=0)
    (project / "inbox" / "a_L1.txt").write_text("1")
    (project / "inbox" / "b_L1.txt").write_text("1")
    assert inbox.tick().added == {"files": ["a", "b"]}
    (project / "inbox" / "a_L2.txt").write_text("2")
    inbox.tick()
    assert inbox.ran == both("a")
    inbox.tick()
    assert inbox.ran == []


def versions(keys: Any) -> dict[str, str]:
    text = Path("inbox", "versions").read_text()
    return {key: version for key, version in (line.split() for line in text.splitlines()) if key in keys}


def test_a_source_of_functions_is_watched_for_the_keys_that_there_are(inbox: Inbox, project: Path) -> None:
    files = inbox.ws.dynamic_partitions("files")
    files.add("a", "b")
    source = inbox.ws.source("inbox", partitions=files, version=versions)
    inbox.ws.register(nbpart.asset(clean, partitions=files))  # type: ignore[call-overload]
    (project / "inbox" / "versions").write_text("a 1\n")
    source.watch()
    inbox.tick()
    assert inbox.ran == [("clean", "a")]
    (project / "inbox" / "versions").write_text("a 1\nb 1\n")
    inbox.tick()
    assert inbox.ran == [("clean", "b")]
    (project / "inbox" / "versions").unlink()
    with pytest.raises(MissingInputError, match="its function versions failed"):
        inbox.tick()


def test_dimensions_of_a_product_get_the_keys_that_a_path_names(inbox: Inbox, project: Path) -> None:
    shops = inbox.ws.dynamic_partitions("shops")
    sales = inbox.ws.partitions(nbpart.MultiPartitions({"part": ["am", "pm"], "shop": shops}, name="sales"))
    inbox.declare("inbox/{part}-{shop}.csv", sales).watch(settle=0)
    for name in ("am-west.csv", "pm-west.csv", "am-east.csv", "night-east.csv"):
        (project / "inbox" / name).write_text(name)
    tick = inbox.tick()
    assert sorted(tick.added["shops"]) == ["east", "west"]
    assert inbox.ran == both("part=am,shop=east", "part=am,shop=west", "part=pm,shop=west")
    assert tick.message == "1 file of no key of 'sales', left alone: 'night-east.csv'"


def test_children_get_keys_below_parents_that_there_are(inbox: Inbox, project: Path) -> None:
    plates = inbox.ws.dynamic_partitions("plates")
    plates.add("p1")
    wells = inbox.ws.dynamic_partitions("wells", under={"plate": plates}, params={"well": str})
    inbox.declare("inbox/{plate}_{well}.csv", wells).watch(settle=0)
    for name in ("p1_A1.csv", "p2_A1.csv"):
        (project / "inbox" / name).write_text(name)
    tick = inbox.tick()
    assert tick.added == {"wells": ["p1/well%3DA1"]}
    assert inbox.ran == both("p1/well%3DA1")
    assert tick.message == "1 file of a key that 'wells' does not have and that cannot be added: 'p2_A1.csv'"
    assert wells.frame["plate"].tolist() == ["p1"]


# what goes


def test_a_key_whose_file_is_gone_stays_or_goes(inbox: Inbox, project: Path) -> None:
    files = inbox.ws.dynamic_partitions("files")
    source = inbox.declare("inbox/{partition_key}", files)
    source.watch(settle=0)
    for name in "abc":
        (project / "inbox" / name).write_text(name)
    inbox.tick()
    (project / "inbox" / "a").unlink()
    assert inbox.tick().message == "1 file is gone, its key stays: 'a'"
    assert inbox.tick().message == ""
    source.watch(settle=0, on_remove="remove")
    (project / "inbox" / "b").unlink()
    tick = inbox.tick()
    assert (sorted(tick.removed["files"]), list(files)) == (["a", "b"], ["c"])
    (project / "inbox" / "a").write_text("a")
    assert inbox.tick().added == {"files": ["a"]}
    assert inbox.ran == [], "it came back as it was"
    assert inbox.ws.partition_status("clean").set_index("partition_key")["status"]["a"] == "materialized"


@pytest.mark.parametrize(
    ("left", "is_kept", "reason"),
    [
        (0, True, "none of its files is there"),
        (89, True, "11 of its 100 files are not there"),
        (90, True, "10 of its 100 files are not there"),
        (91, False, ""),
    ],
)
def test_a_listing_that_lacks_much_removes_nothing_and_says_how(
    inbox: Inbox, project: Path, left: int, is_kept: bool, reason: str
) -> None:
    files = inbox.ws.dynamic_partitions("files")
    source = inbox.ws.source("inbox", "inbox/{partition_key}", partitions=files)
    source.watch(settle=0, on_remove="remove")
    names = [f"f{number:03}" for number in range(100)]
    for name in names:
        (project / "inbox" / name).write_text(name)
    inbox.tick()
    for name in names[left:]:
        (project / "inbox" / name).unlink()
    for _ in range(2):
        message = inbox.tick().message
        assert len(files) == (100 if is_kept else left)
        if is_kept:
            assert message.endswith(
                f"{100 - left} keys were not removed, as {reason}; if that is right, remove_vanished() of the source "
                "does it"
            )
    if is_kept:
        assert source.remove_vanished(dry_run=True) == names[left:]
        assert len(files) == 100
        assert source.remove_vanished(reason="moved away") == names[left:]
    assert len(files) == left
    assert "removed" not in inbox.tick().message


@pytest.mark.parametrize("on_remove", ["keep", "remove"])
def test_a_folder_that_is_not_there_takes_no_key_with_it(inbox: Inbox, project: Path, on_remove: Any) -> None:
    files = inbox.ws.dynamic_partitions("files")
    inbox.declare("inbox/{partition_key}", files).watch(settle=0, on_remove=on_remove)
    (project / "inbox" / "a").write_text("a")
    inbox.tick()
    (project / "inbox").rename(project / "away")
    assert f"the folder '{project}/inbox' is not there (yet)" in inbox.tick().message
    assert list(files) == ["a"]
    (project / "away").rename(project / "inbox")
    assert inbox.tick().message == ""
    assert inbox.ran == []


def test_a_folder_that_cannot_be_read_holds_up_only_its_own_files(
    inbox: Inbox, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = inbox.ws.dynamic_partitions("days", params={"day": str, "name": str})
    inbox.declare("inbox/{day}/{name}", days).watch(settle=0, on_remove="remove")
    for day in ("mon", "tue"):
        (project / "inbox" / day).mkdir()
        (project / "inbox" / day / "a").write_text(day)
    inbox.tick()
    (project / "inbox" / "tue" / "b").write_text("b")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("mon"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    with monkeypatch.context() as patch:
        patch.setattr("nbpart.storage.source_files.os.scandir", refuse)
        tick = inbox.tick()
    assert tick.added == {"days": ["day=tue,name=b"]}
    assert len(days) == 3
    assert "part of it cannot be listed: [Errno 13]" in tick.message
    assert "1 key was not removed, as part of the listing failed" in tick.message
    assert inbox.tick().message == ""


# files with equal bytes


@pytest.mark.parametrize("duplicates", ["run", "report", "skip"])
def test_the_same_bytes_under_another_name(inbox: Inbox, project: Path, duplicates: Any) -> None:
    files = inbox.ws.dynamic_partitions("files")
    inbox.declare("inbox/{partition_key}", files).watch(settle=0, duplicates=duplicates)
    (project / "inbox" / "b").write_text("same")
    inbox.tick()
    for name in ("a", "c"):
        (project / "inbox" / name).write_text("same")
    tick = inbox.tick()
    named = "'a' has the bytes of 'b', 'c' has the bytes of 'b'"
    assert tick.message == {"run": "", "report": named, "skip": f"{named}; left out"}[duplicates]
    assert inbox.ran == ([] if duplicates == "skip" else both("a", "c"))
    assert sorted(files) == (["b"] if duplicates == "skip" else ["a", "b", "c"])
    assert inbox.tick().message == ""
    assert inbox.ran == []
    (project / "inbox" / "b").unlink()
    inbox.tick()
    assert inbox.ran == (both("a") if duplicates == "skip" else []), "the first of those that are left is no duplicate"
    (project / "inbox" / "c").write_text("other")
    inbox.tick()
    assert inbox.ran == both("c")


def test_a_file_that_becomes_equal_to_another_only_marks_where_duplicates_are_skipped(
    inbox: Inbox, project: Path
) -> None:
    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle=0, duplicates="skip")
    (project / "inbox" / "a").write_text("a")
    (project / "inbox" / "b").write_text("b")
    inbox.tick()
    (project / "inbox" / "b").write_text("a")
    assert inbox.tick().message == "'b' has the bytes of 'a'; left out"
    assert inbox.ran == []
    assert inbox.ws.partition_status("clean").set_index("partition_key")["status"]["b"] == "stale"


# bad inputs


def test_a_file_of_no_key_is_told_and_the_others_go_on(inbox: Inbox, project: Path) -> None:
    days = inbox.ws.dynamic_partitions("days", params={"day": datetime.date, "n": float})
    inbox.declare("inbox/{day}_{n}.csv", days).watch(settle=0)
    for name in ("2024-05-01_0.1.csv", "2024-05-01_1e-1.csv", "2024-05-01_2e0.csv", "2024-13-01_1.0.csv", "x_y.csv"):
        (project / "inbox" / name).write_text(name)
    tick = inbox.tick()
    assert tick.added == {"days": ["day=2024-05-01,n=0.1"]}
    place = f"{project}/inbox"
    assert tick.message.splitlines() == [
        f"'{place}/2024-05-01_1e-1.csv' is of the key 'day=2024-05-01,n=0.1', whose path is "
        f"'{place}/2024-05-01_0.1.csv', a second file for one key, left alone",
        f"'{place}/2024-05-01_2e0.csv' is of the key 'day=2024-05-01,n=2.0', whose path is "
        f"'{place}/2024-05-01_2.0.csv'; rename it",
        "2 files of no key of 'days', left alone: '2024-13-01_1.0.csv', 'x_y.csv'",
    ]


def test_a_file_of_a_key_that_cannot_be_added_is_told(inbox: Inbox, project: Path) -> None:
    fixed = inbox.ws.partitions(nbpart.StaticPartitions(["a", "b"], name="fixed"))
    inbox.declare("inbox/{partition_key}.csv", fixed).watch(settle=0)
    for name in ("a.csv", "c.csv"):
        (project / "inbox" / name).write_text(name)
    tick = inbox.tick()
    assert tick.message == "1 file of no key of 'fixed', left alone: 'c.csv'"
    assert inbox.ran == both("a")


def test_a_window_that_has_not_ended_gets_its_file_when_it_has(inbox: Inbox, project: Path) -> None:
    inbox.ws.project.catalog.clock = lambda: datetime.datetime(2024, 5, 3, 12, tzinfo=datetime.UTC)
    days = inbox.ws.partitions(nbpart.DailyPartitions("days", start="2024-05-01", timezone="UTC"))
    inbox.declare("inbox/{day}.csv".replace("{day}", "{window_start:%Y%m%d}"), days).watch(settle=0)
    for name in ("20240501.csv", "20240503.csv"):
        (project / "inbox" / name).write_text(name)
    assert "'20240503.csv'" in inbox.tick().message
    assert inbox.ran == both("2024-05-01")
    inbox.ws.project.catalog.clock = lambda: datetime.datetime(2124, 5, 4, 12, tzinfo=datetime.UTC)
    assert "cannot be added" not in inbox.tick().message
    assert ("clean", "2024-05-03") in inbox.ran


def test_names_that_are_no_text_or_no_key_lose_nothing(inbox: Inbox, project: Path) -> None:
    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle=0)
    for name in (b"good", b"\xff\xfe", b"new\nline", "ünï ☃ '; drop".encode()):
        with open(os.path.join(os.fsencode(project), b"inbox", name), "wb") as file:
            file.write(name)
    tick = inbox.tick()
    assert sorted(tick.added["files"]) == ["good", "ünï ☃ '; drop"]
    assert tick.message.startswith("2 files of no key of 'files', left alone: ")


def test_a_file_that_cannot_be_read_is_told_and_tried_again(
    inbox: Inbox, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle=0)
    (project / "inbox" / "a").write_text("a")
    (project / "inbox" / "b").write_text("b")

    def refuse(path: str) -> str:
        if path.endswith("a"):
            raise PermissionError(13, "Permission denied")
        return hash_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("nbpart.storage.source_versions.hash_file", refuse)
        tick = inbox.tick()
    assert tick.added == {"files": ["b"]}
    assert tick.message == "1 file cannot be read: 'a' ([Errno 13] Permission denied)"
    assert inbox.tick().added == {"files": ["a"]}


def test_a_bucket_that_cannot_be_listed_fails_the_look_in_one_sentence(
    inbox: Inbox, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    files = inbox.ws.dynamic_partitions("files")
    options = {"client_kwargs": bucket.options["client_kwargs"]}
    inbox.declare("s3://lake/in/{partition_key}", files, storage_options=options).watch(settle=0)
    bucket.put("in/a", b"a")
    with pytest.raises(MissingInputError, match=r"source 'inbox' cannot be listed, and nothing was done: .*redentials"):
        inbox.tick()
    [error] = inbox.ws.ticks("inbox")["error"]
    assert "\n" not in error
    inbox.declare("s3://lake/in/{partition_key}", files, storage_options=bucket.options)
    assert inbox.tick().added == {"files": ["a"]}


def test_a_listing_that_fails_half_way_loses_nothing(
    inbox: Inbox, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = inbox.ws.dynamic_partitions("files")
    source = inbox.declare("s3://lake/in/{partition_key}", files, storage_options=bucket.options)
    source.watch(settle=0, on_remove="remove")
    for name in "abc":
        bucket.put(f"in/{name}", b"1")
    inbox.tick()
    bucket.put("in/d", b"2")
    filesystem = fsspec.get_filesystem_class("s3")
    whole = filesystem._lsdir

    async def half(self: Any, *args: Any, **options: Any) -> Any:
        await whole(self, *args, **options)
        raise ConnectionError("the second page did not come")

    with monkeypatch.context() as patch:
        patch.setattr(filesystem, "_lsdir", half)
        with pytest.raises(MissingInputError, match="the second page did not come"):
            inbox.tick()
    assert list(files) == ["a", "b", "c"]
    assert inbox.tick().added == {"files": ["d"]}
    assert inbox.ran == both("d")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_change": "rerun"}, "on_change='rerun'"),
        ({"on_remove": "delete"}, "on_remove='delete'"),
        ({"duplicates": "drop"}, "duplicates='drop'"),
        ({"settle": "soon"}, "settle='soon' is no interval"),
        ({"every": 0}, "every=0 is no interval"),
        ({"run": 7}, "7 is neither an asset"),
    ],
)
def test_options_that_cannot_be_are_refused(inbox: Inbox, options: Any, message: str) -> None:
    source = inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files"))
    with pytest.raises((DeclarationError, TypeError), match=re.escape(message)):
        source.watch(**options)


def test_what_cannot_be_watched_so_is_refused(inbox: Inbox) -> None:
    ws = inbox.ws
    fixed = ws.partitions(nbpart.StaticPartitions(["a"], name="fixed"))
    lanes = ws.dynamic_partitions("lanes", params={"sample": str, "read": str})
    with pytest.raises(DeclarationError, match="on_remove='remove' takes keys off a dynamic set"):
        ws.source("one", "inbox/{partition_key}", partitions=fixed).watch(on_remove="remove")
    with pytest.raises(DeclarationError, match=r"does not name \{read\}, so a new file would be of no key"):
        ws.source("two", "inbox/{sample}", partitions=lanes).watch()
    with pytest.raises(DeclarationError, match=r"is for one file a key; its path has a \*"):
        ws.source("three", "inbox/{sample}_{read}_*", partitions=lanes).watch(duplicates="report")
    with pytest.raises(DeclarationError, match="it is no source with files or a version function"):
        ws.register(ws.value("four", {"n": 4}).watch())
    assert [
        name for name in ("one", "two", "three", "four") if len(ws.ticks()) and name in set(ws.ticks().trigger)
    ] == []


def test_a_cursor_that_is_no_state_is_a_first_look(inbox: Inbox, project: Path) -> None:
    from nbpart.catalog import events, queries

    inbox.declare("inbox/{partition_key}", inbox.ws.dynamic_partitions("files")).watch(settle=0)
    (project / "inbox" / "a").write_text("a")
    inbox.tick()
    catalog = inbox.ws.project.catalog
    trigger = catalog.read(lambda batch: queries.find_trigger(batch, "inbox"))
    assert trigger is not None
    catalog.write(lambda batch: events.set_cursor(batch, trigger.trigger_id, "[1, {"))
    assert inbox.tick().backfill is None
    assert inbox.ran == []


def test_what_went_on_without_a_file_is_made_again_when_that_is_repaired(inbox: Inbox, project: Path) -> None:
    ws = inbox.ws
    files = ws.dynamic_partitions("files")
    source = ws.source("inbox", "inbox/{partition_key}", partitions=files)
    ws.register(nbpart.asset(clean, partitions=files))  # type: ignore[call-overload]
    ws.register(nbpart.asset(report, on_missing_input="skip"))  # type: ignore[call-overload]
    source.watch(settle=0)
    for name in ("a", "b"):
        (project / "inbox" / name).write_text(name)
    inbox.fails = {("clean", "b")}
    inbox.tick()
    assert inbox.ran == [("clean", "a"), ("clean", "b"), ("report", None)]
    inbox.fails = set()
    (project / "inbox" / "b").write_text("whole")
    inbox.tick()
    assert inbox.ran == [("clean", "b"), ("report", None)]
    assert ws.plan("*").frame.empty
