"""Before a repair the catalog is copied: whole, beside it, under a name that nothing had."""

from __future__ import annotations

import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nbpart.catalog import Catalog
from nbpart.catalog.backup import CatalogBackup
from nbpart.catalog.check import check, repair
from nbpart.errors import CatalogError
from tests.catalog.story import Story

NOW = datetime(2013, 1, 31, 12, 0, 5, tzinfo=UTC)


@pytest.fixture
def wrong(story: Story) -> Story:
    """A catalog whose facts are not what its events come to."""
    story.add("x")
    story.register("a")
    story.make("a", "x", "1")
    story.catalog.write(lambda b: b.execute("UPDATE partition_facts SET outcome = 2"))
    return story


def test_a_backup_holds_the_catalog_before_the_repair(wrong: Story, path: Path) -> None:
    path.chmod(0o640)
    backup = CatalogBackup(NOW)
    assert wrong.catalog.write(repair, before=backup.make) == 1
    assert backup.path == path.with_name("catalog.duckdb.20130131T120005Z.bak")
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o640
    assert wrong.findings() == []
    restored = path.parent / "other"
    restored.mkdir()
    shutil.copy(backup.path, restored / "catalog.duckdb")
    catalog = Catalog.open(restored / "catalog.duckdb", create=False)
    try:
        assert [finding.column for finding in catalog.read(check)] == ["outcome"]
    finally:
        catalog.close()


def test_no_copy_takes_the_place_of_another(wrong: Story, path: Path) -> None:
    taken = path.with_name("catalog.duckdb.20130131T120005Z.bak")
    taken.symlink_to(path.parent / "nowhere")
    copies = []
    for _ in range(2):
        backup = CatalogBackup(NOW)
        wrong.catalog.write(repair, before=backup.make)
        assert backup.path is not None
        copies.append(backup.path.name)
    assert copies == [f"catalog.duckdb.20130131T120005Z-{n}.bak" for n in (2, 3)]
    assert taken.is_symlink()
    assert not (path.parent / "nowhere").exists()


def test_without_room_nothing_is_repaired(wrong: Story, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with pytest.raises(CatalogError, match=r"No copy of the catalog .* MB and 0\.0 MB are free"):
        wrong.catalog.write(repair, before=CatalogBackup(NOW).make)
    assert [*path.parent.glob("*.bak*"), *path.parent.glob("*.new")] == []
    assert len(wrong.findings()) == 1


def test_a_disk_that_gets_full_meanwhile_leaves_nothing_of_the_copy(
    wrong: Story, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(old: Any, new: Any, length: int = 0) -> None:
        new.write(b"some")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shutil, "copyfileobj", refuse)
    with pytest.raises(CatalogError, match="can be kept beside it: the disk is full"):
        wrong.catalog.write(repair, before=CatalogBackup(NOW).make)
    assert [*path.parent.glob("*.bak*"), *path.parent.glob("*.new")] == []
    assert len(wrong.findings()) == 1


def test_what_a_killed_writer_left_is_copied_too(tmp_path: Path) -> None:
    (tmp_path / "catalog.duckdb").write_bytes(b"file")
    (tmp_path / "catalog.duckdb.wal").write_bytes(b"log")
    backup = CatalogBackup(NOW)
    backup.make(tmp_path / "catalog.duckdb")
    assert backup.path is not None
    assert backup.path.read_bytes() == b"file"
    assert backup.path.with_name(backup.path.name + ".wal").read_bytes() == b"log"
