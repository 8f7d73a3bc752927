"""Who lives and who is dead, without a clock on this host and by heartbeats from others."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbpart.backfill import coordinator_locks
from nbpart.backfill.coordinator import Coordinator
from nbpart.catalog import Catalog, CoordinatorRecord, events, queries
from nbpart.errors import CatalogError, WorkspaceError
from tests.processes import wait_for


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path / "catalog.duckdb")
    yield catalog
    catalog.close()


@pytest.fixture
def coordinator(catalog: Catalog, tmp_path: Path) -> Iterator[Coordinator]:
    coordinator = Coordinator(catalog, tmp_path / "coordinators", "a test")
    yield coordinator
    coordinator.close()


def live(catalog: Catalog) -> list[CoordinatorRecord]:
    return catalog.read(queries.live_coordinators)


def test_a_coordinator_is_registered_from_its_first_run_to_its_end(
    catalog: Catalog, coordinator: Coordinator, tmp_path: Path
) -> None:
    assert live(catalog) == []
    number = coordinator.number
    [record] = live(catalog)
    assert (record.coordinator_no, record.pid, record.purpose) == (number, os.getpid(), "a test")
    assert coordinator.is_mine(record)
    assert not coordinator.is_dead(record)
    assert coordinator.reap() == 0
    assert [path.name for path in (tmp_path / "coordinators").iterdir()] == [record.lock], "a name, and no path"
    coordinator.close()
    assert live(catalog) == []
    assert list((tmp_path / "coordinators").iterdir()) == []


DIES = """
import os, sys
from pathlib import Path
from nbpart.backfill.coordinator import Coordinator
from nbpart.catalog import Catalog
catalog = Catalog.open(Path(sys.argv[1]))
print(Coordinator(catalog, Path(sys.argv[1]).with_name("coordinators"), "to die").number, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_killed_coordinator_is_dead_at_once(catalog: Catalog, coordinator: Coordinator) -> None:
    subprocess.run([sys.executable, "-c", DIES, catalog.path], check=False, timeout=60)
    assert coordinator.number
    dead = [c for c in live(catalog) if coordinator.is_dead(c)]
    assert [c.purpose for c in dead] == ["to die"]
    assert coordinator.reap() == 1
    assert [c.purpose for c in live(catalog)] == ["a test"]


def test_a_coordinator_of_another_host_is_judged_by_the_time_of_its_lock_file(
    catalog: Catalog, coordinator: Coordinator, tmp_path: Path
) -> None:
    assert coordinator.number
    [record] = live(catalog)
    lock = tmp_path / "coordinators" / record.lock
    elsewhere = dataclasses.replace(record, host="another-host")
    assert not coordinator.is_dead(elsewhere), "it was touched just now"
    old = os.stat(lock).st_mtime - coordinator_locks.DEAD_AFTER_S - 5
    os.utime(lock, (old, old))
    assert coordinator.is_dead(elsewhere)
    os.utime(lock)
    assert not coordinator.is_dead(elsewhere)
    lock.unlink()
    assert coordinator.is_dead(elsewhere)


def test_a_coordinator_touches_its_lock_file(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator_locks, "TOUCH_EVERY_S", 0.01)
    beating = Coordinator(catalog, tmp_path / "coordinators", "a test")
    assert beating.number
    [record] = live(catalog)
    lock = tmp_path / "coordinators" / record.lock
    os.utime(lock, (1, 1))
    wait_for(lambda: os.stat(lock).st_mtime != 1, 30, "the file was touched")
    beating.close()


def test_a_postponed_write_is_done_by_the_next_reap(catalog: Catalog, coordinator: Coordinator) -> None:
    written: list[int] = []
    coordinator.write_later(lambda batch: written.append(batch.sequence))
    coordinator.reap()
    assert len(written) == 1
    coordinator.reap()
    assert len(written) == 1


def test_a_forked_child_keeps_its_parents_lock(catalog: Catalog, coordinator: Coordinator, tmp_path: Path) -> None:
    assert coordinator.number
    [record] = live(catalog)
    if (child := os.fork()) == 0:
        try:
            coordinator.close()  # as a `with` block does that the child leaves too
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / "coordinators" / record.lock).exists()
    assert not coordinator.is_dead(record)


NAMES = [
    "../victim",
    "{outside}/victim",
    "../../outside/victim",
    "host-1-0123abcd.lock/../../victim",
    "",
    ".",
    "x" * 300,
]


@pytest.mark.parametrize("host", ["this", "another-host"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_lock_file_touches_nothing(
    catalog: Catalog, coordinator: Coordinator, tmp_path: Path, name: str, host: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for place in (outside / "victim", tmp_path / "victim"):
        place.write_text("precious")
    there = os.uname().nodename if host == "this" else host
    given = name.format(outside=outside)
    catalog.write(lambda batch: events.start_coordinator(batch, there, 1, given, "an enemy"))
    before = sorted(path for path in tmp_path.rglob("*") if "catalog." not in path.name)
    assert [coordinator.is_dead(record) for record in live(catalog)] == [True]
    assert coordinator.reap() == 1
    assert live(catalog) == []
    assert sorted(path for path in tmp_path.rglob("*") if "catalog." not in path.name) == before
    assert {place.read_text() for place in (outside / "victim", tmp_path / "victim")} == {"precious"}


@pytest.mark.parametrize("host", ["this", "another-host"])
@pytest.mark.parametrize("how", ["link", "hard link", "pipe", "folder"])
@pytest.mark.parametrize("what", ["lock", "clock", "folder"])
def test_nothing_is_touched_through_what_lies_in_the_folder(
    catalog: Catalog, coordinator: Coordinator, tmp_path: Path, what: str, how: str, host: str
) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "coordinators"
    (outside / "inner").mkdir(parents=True)
    victim = outside / "host-1-0123abcd.lock"
    victim.write_text("precious")
    os.utime(victim, (1, 1))
    os.utime(outside, (1, 1))
    if what == "folder":
        folder.symlink_to(outside)
    else:
        folder.mkdir()
        place = folder / ("host-1-0123abcd.lock" if what == "lock" else f"clock-{os.uname().nodename}")
        if how == "link":
            place.symlink_to(victim)
        elif how == "hard link":
            os.link(victim, place)
        elif how == "pipe":
            os.mkfifo(place)
        else:
            place.mkdir()
    there = os.uname().nodename if host == "this" else host
    catalog.write(lambda batch: events.start_coordinator(batch, there, 1, victim.name, "an enemy"))
    coordinator.reap()
    assert victim.read_text() == "precious"
    assert victim.stat().st_mtime == outside.stat().st_mtime == 1
    assert sorted(path.name for path in outside.iterdir()) == ["host-1-0123abcd.lock", "inner"]


def test_a_lock_folder_that_is_a_link_is_refused(catalog: Catalog, coordinator: Coordinator, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "coordinators").symlink_to(tmp_path / "outside")
    with pytest.raises(WorkspaceError, match="is a link to"):
        coordinator.number  # noqa: B018
    assert list((tmp_path / "outside").iterdir()) == []
    assert live(catalog) == []


def test_reap_if_due_reaps_at_first_and_then_every_two_seconds(catalog: Catalog, tmp_path: Path) -> None:
    now = [100.0]
    reader = Coordinator(catalog, tmp_path / "coordinators", "a reader", clock=lambda: now[0])

    def die() -> None:
        command = [sys.executable, "-c", DIES, str(catalog.path)]
        subprocess.run(command, check=False, capture_output=True, timeout=60)
        assert len(live(catalog)) == 1

    die()
    reader.reap_if_due()
    assert live(catalog) == []
    die()
    now[0] += 1.9
    reader.reap_if_due()
    assert len(live(catalog)) == 1
    now[0] += 0.2
    reader.reap_if_due()
    assert live(catalog) == []
    reader.close()


def test_a_death_that_cannot_be_recorded_is_logged(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    command = [sys.executable, "-c", DIES, str(catalog.path)]
    subprocess.run(command, check=False, capture_output=True, timeout=60)
    reader = Coordinator(catalog, tmp_path / "coordinators", "a reader")

    def refuse(*_args: object, **_more: object) -> None:
        raise CatalogError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "write", refuse)
        reader.reap_if_due()
    assert "died, which cannot be recorded" in caplog.text
    assert "the disk is full" in caplog.text
    assert reader.reap() == 1
    reader.close()
