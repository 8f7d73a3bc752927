"""A disk that is full or read-only, and files that are not whole: one clear sentence, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import nbpart
from nbpart.catalog.check import check
from nbpart.cli import main
from nbpart.errors import CatalogError, MissingInputError, NbpartError, WorkspaceError
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage
from tests.projects import import_written, show_to_processes

FLOW = """
import nbpart
import pandas as pd

files = nbpart.DynamicPartitions("files")


@nbpart.asset(partitions=files)
def raw(partition_key: str, size: int = 1000) -> bytes:
    return b"x" * size


@nbpart.asset(partitions=files)
def frame(partition_key: str) -> pd.DataFrame:
    return pd.DataFrame({"n": range(1000)})


@nbpart.asset(partitions=files)
def record(partition_key: str) -> dict:
    return {"key": partition_key}
"""


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 24 MB, and the current folder."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place))
    try:
        with monkeypatch.context() as patch:
            patch.chdir(place)
            yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def ws(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    """A workspace on the small disk, in which the partitions of one key are made."""
    disk_flow = import_written(disk, "disk_flow", FLOW, monkeypatch)
    show_to_processes(disk, monkeypatch)
    with nbpart.open("workspace") as workspace:
        workspace.register(disk_flow.raw, disk_flow.frame, disk_flow.record)
        workspace.dynamic_partitions("files").add("a")
        assert workspace.backfill("*").wait(progress=False).status == "succeeded"
        workspace.dynamic_partitions("files").add("b")
        yield workspace
        assert workspace.project.catalog.read(check) == []


def fill(ws: nbpart.Workspace, disk: Path) -> Path:
    """Write a file until the disk is full."""
    # its turn comes when the catalog has let go of the file, and with it of the room that its log took
    ws.project.catalog.read(lambda batch: None)
    path = disk / "filler"
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        for size in (1 << 16, 1 << 12, 1):
            while True:
                try:
                    os.write(file, b"x" * size)
                except OSError:
                    break
    finally:
        os.close(file)
    return path


def told(action: Callable[[], object], kind: type[BaseException]) -> str:
    """The sentence that an action fails with."""
    with pytest.raises(kind) as caught:
        action()
    assert isinstance(caught.value, NbpartError)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.kernel
def test_data_that_finds_no_room_fails_its_run_alone(ws: nbpart.Workspace) -> None:
    # one after the other: while the first fills the disk there is no room for another either
    backfill = ws.backfill("*", settings={"size": 50_000_000}, max_workers=1).wait(progress=False)
    steps = backfill.steps().set_index("asset")
    assert steps["status"].to_dict() == {"raw": "failed", "frame": "succeeded", "record": "succeeded"}
    cause = steps.loc["raw", "cause"]
    assert "the data of raw, partition 'b' cannot be saved: No space left on device" in cause
    assert not list((ws.root / "data" / "raw").rglob("*.tmp"))
    assert ws.load("raw", "a") == b"x" * 1000
    assert ws.backfill("*").wait(progress=False).counts()["succeeded"] == 1


@pytest.mark.kernel
def test_a_catalog_that_finds_no_room_is_left_as_it_was(ws: nbpart.Workspace, disk: Path) -> None:
    filler = fill(ws, disk)
    add = told(lambda: ws.dynamic_partitions("files").add("c"), CatalogError)
    assert add == f"The catalog of {ws.root} was left as it was: the disk is full; free some space and try again."
    assert told(lambda: ws.backfill("raw"), CatalogError) == add
    assert ws.status().loc["raw"].to_dict()["materialized"] == 1
    assert "cannot be made: the disk is full" in told(lambda: nbpart.open("other"), CatalogError)
    answer = CliRunner().invoke(main, ["partitions", "--set", "files", "--add", "c"])
    assert (answer.exit_code, answer.stdout, answer.stderr) == (1, "", f"Error: {add}\n")
    filler.unlink()
    assert list(ws.dynamic_partitions("files")) == ["a", "b"]
    assert ws.backfill("*").wait(progress=False).counts()["succeeded"] == 3


@nbpart.asset
def number() -> int:
    return 1


def test_files_that_find_no_room_are_named(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,nr_inodes=60", str(disk)], check=True)
    with nbpart.open("workspace") as ws:
        ws.register(number)
        count = 0
        while True:
            try:
                (disk / f"filler-{count}").touch()
            except OSError:
                break
            count += 1
        said = told(lambda: ws.backfill("number"), WorkspaceError)
        assert f"{ws.root / 'coordinators'}" in said
        assert "cannot be written: the disk is full (of data, or of files)" in said
        assert "cannot be made (No space left on device)" in told(lambda: nbpart.open("other"), WorkspaceError)
        assert ws.status().loc["number"].to_dict()["missing"] == 1
        for place in disk.glob("filler-*"):
            place.unlink()
        assert ws.project.coordinator.number


@pytest.mark.kernel
def test_a_result_that_finds_no_room_is_made_again(ws: nbpart.Workspace, disk: Path) -> None:
    stage, fillers = Stage(), []

    def fill_and_succeed(spec: RunSpec) -> str:
        fillers.append(fill(ws, disk))
        return ""

    stage.answer = fill_and_succeed
    real, ws.project.make_pool = ws.project.make_pool, stage.make_pool
    backfill = ws.backfill("raw")
    with pytest.raises(CatalogError, match=r"was left as it was: the disk is full; free some space"):
        backfill.wait(progress=False)
    fillers[0].unlink()
    ws.project.make_pool = real
    found = ws.backfills[backfill.id]
    assert found.status == "interrupted"
    assert found.counts()["running"] == 0
    assert found.resume().wait(progress=False).counts()["succeeded"] == 1
    assert ws.load("raw", "b") == b"x" * 1000


@pytest.mark.kernel
def test_a_read_only_workspace_is_named(ws: nbpart.Workspace, disk: Path, tmp_path: Path) -> None:
    place = tmp_path / "read-only"
    place.mkdir()
    mount("--bind", str(disk), str(place))
    try:
        mount("-o", "remount,bind,ro", str(place))
        for name in ("workspace", "new"):
            said = told(lambda name=name: nbpart.open(place / name), WorkspaceError)
            assert f"{place}" in said
            assert "read-only" in said
        answer = CliRunner().invoke(main, ["status", "-w", str(place / "workspace")])
        assert (answer.exit_code, answer.stdout) == (1, "")
        assert answer.stderr.startswith("Error: ")
        assert answer.stderr.count("\n") == 1
    finally:
        subprocess.run(["umount", str(place)], check=True)
    assert ws.load("raw", "a") == b"x" * 1000


@pytest.mark.kernel
def test_data_files_that_are_not_whole_are_named_and_made_again(ws: nbpart.Workspace) -> None:
    for asset in ("frame", "record"):
        [file] = [path for path in (ws.root / "data" / asset).rglob("*") if path.is_file()]
        file.write_bytes(file.read_bytes()[:-10])
        said = told(lambda asset=asset: ws.load(asset, "a"), MissingInputError)
        assert f"{str(file.relative_to(ws.root))!r} is damaged or not whole" in said
        assert said.endswith("materialize its partition again.")
        ws.materialize(asset, "a")
    assert ws.load("record", "a") == {"key": "a"}
    assert len(ws.load("frame", "a")) == 1000
