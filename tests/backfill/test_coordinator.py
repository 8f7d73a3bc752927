"""Who lives and who is dead, without a clock on this host and by heartbeats from others."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbpart.backfill import coordinator as rooms
from nbpart.backfill.coordinator import Coordinator, is_dead
from nbpart.catalog import Catalog, CoordinatorRecord, queries
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


def test_one_is_known_from_its_first_run_to_its_end(catalog: Catalog, coordinator: Coordinator) -> None:
    assert live(catalog) == []
    number = coordinator.number
    [record] = live(catalog)
    assert (record.coordinator_no, record.pid, record.purpose) == (number, os.getpid(), "a test")
    assert coordinator.is_mine(record)
    assert not is_dead(record)
    assert coordinator.reap() == 0
    coordinator.close()
    assert live(catalog) == []
    assert not Path(record.lock).exists()


DIES = """
import os, sys
from pathlib import Path
from nbpart.backfill.coordinator import Coordinator
from nbpart.catalog import Catalog
catalog = Catalog.open(Path(sys.argv[1]))
print(Coordinator(catalog, Path(sys.argv[1]).with_name("coordinators"), "to die").number, flush=True)
os.kill(os.getpid(), 9)
"""


def test_one_that_was_killed_is_dead_at_once(catalog: Catalog, coordinator: Coordinator) -> None:
    subprocess.run([sys.executable, "-c", DIES, catalog.path], check=False, timeout=60)
    assert coordinator.number
    dead = [c for c in live(catalog) if is_dead(c)]
    assert [c.purpose for c in dead] == ["to die"]
    assert coordinator.reap() == 1
    assert [c.purpose for c in live(catalog)] == ["a test"]


def test_of_another_host_the_heartbeat_counts(catalog: Catalog, coordinator: Coordinator) -> None:
    assert coordinator.number
    [record] = live(catalog)
    elsewhere = dataclasses.replace(record, host="another-host")
    assert not is_dead(elsewhere), "it was touched just now"
    old = os.stat(record.lock).st_mtime - rooms.SILENT_S - 5
    os.utime(record.lock, (old, old))
    assert is_dead(elsewhere)
    os.utime(record.lock)
    assert not is_dead(elsewhere)
    Path(record.lock).unlink()
    assert is_dead(elsewhere)


def test_the_heart_beats(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "BEAT_S", 0.01)
    beating = Coordinator(catalog, tmp_path / "coordinators", "a test")
    assert beating.number
    [record] = live(catalog)
    os.utime(record.lock, (1, 1))
    wait_for(lambda: os.stat(record.lock).st_mtime != 1, 30, "the file was touched")
    beating.close()


def test_what_is_owed_is_written_by_the_next_who_looks(catalog: Catalog, coordinator: Coordinator) -> None:
    written: list[int] = []
    coordinator.owe(lambda batch: written.append(batch.sequence))
    coordinator.reap()
    assert len(written) == 1
    coordinator.reap()
    assert len(written) == 1
