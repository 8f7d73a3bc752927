"""What a watcher tells of its looks beside the catalog, and the table that is made of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import WorkspaceError
from nbpart.automation.latest_looks import (
    LatestLook,
    looks_path,
    read_latest_looks,
    remove_latest_looks,
    write_latest_looks,
)
from nbpart.automation.watching import HeldWatch, find_watch

NOW = datetime(2026, 1, 2, 18, 2, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
LOOK = LatestLook(LATER, NOW, "nothing <b>new</b>", NOW - timedelta(seconds=40), 3)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.duckdb"
    path.touch()
    return path


@pytest.fixture
def held(catalog: Path) -> Iterator[HeldWatch]:
    held = HeldWatch(catalog, NOW)
    yield held
    held.close()


def test_who_watches_tells_its_looks_and_nobody_else(catalog: Path, held: HeldWatch) -> None:
    looks = {1: LOOK, 7: LatestLook(LATER)}
    write_latest_looks(catalog, held.note, looks)
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == looks
    write_latest_looks(catalog, held.note, {1: LOOK})
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == {1: LOOK}
    before = replace(held.note, started_at=NOW - timedelta(days=1))
    write_latest_looks(catalog, before, looks)
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == {}, "they are those of an earlier watcher"
    write_latest_looks(catalog, held.note, looks)
    held.close()
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == {}, "nobody watches"
    remove_latest_looks(catalog)
    assert sorted(path.name for path in catalog.parent.iterdir()) == ["catalog.duckdb", "watcher.lock"]


def test_many_triggers_that_say_much_stay_small(catalog: Path, held: HeldWatch) -> None:
    write_latest_looks(catalog, held.note, {n: replace(LOOK, message="\U0001f98a" * 2_000) for n in range(40)})
    found = read_latest_looks(catalog, find_watch(catalog, NOW))
    assert len(found) == 40
    assert set(found[39].message) == {"\U0001f98a"}
    assert looks_path(catalog).stat().st_size < 250_000
    write_latest_looks(catalog, held.note, dict.fromkeys(range(5_000), LOOK))
    assert len(read_latest_looks(catalog, find_watch(catalog, NOW))) == 1_000


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        ["soon", None, None, 0, ""],
        ["2026-01-02T18:02:30", None, None, 0, ""],
        [1, 2, 3, 4, 5],
        [LATER.isoformat(), None, None, "many", ""],
        {"next": "x"},
        [LATER.isoformat(), "x", None, 1, ""],
    ],
)
def test_what_somebody_spoiled_is_not_believed(catalog: Path, held: HeldWatch, row: Any) -> None:
    write_latest_looks(catalog, held.note, {1: LOOK})
    data = json.loads(looks_path(catalog).read_text())
    looks_path(catalog).write_text(json.dumps(data | {"looks": {"1": row}}))
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == {}
    looks_path(catalog).write_bytes(b"\xff{")
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == {}


def test_no_link_is_followed(catalog: Path, held: HeldWatch, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = looks_path(catalog)
    path.symlink_to(victim)
    write_latest_looks(catalog, held.note, {1: LOOK})
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.symlink_to(victim)
    with pytest.raises(WorkspaceError, match="is a link to"):
        write_latest_looks(catalog, held.note, {1: LOOK})
    assert victim.read_text() == "mine"
    os.unlink(path)
    path.symlink_to(victim)
    assert read_latest_looks(catalog, find_watch(catalog, NOW)) == {}


# in the table


def nothing(context: Any) -> None:
    return None


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    ws.sensor(nothing, name="quiet", every="1h")
    return ws


def test_the_table_has_a_look_before_it_is_recorded_and_what_is_recorded_later_wins(ws: nbpart.Workspace) -> None:
    catalog = ws.project.catalog
    held = HeldWatch(catalog.path, catalog.clock())
    ws.tick("quiet", here=True)
    recorded = ws.triggers.frame.iloc[0]
    assert recorded.next_look - recorded.last_look == timedelta(hours=1)
    looked, coming = catalog.clock(), catalog.clock() + timedelta(minutes=3)
    write_latest_looks(catalog.path, held.note, {1: LatestLook(coming, looked, "waits")})
    row = ws.triggers.frame.iloc[0]
    assert (row.last_look, row.next_look, row.message, row.outcome) == (looked, coming, "waits", "skipped")
    ws.tick("quiet", here=True)
    row = ws.triggers.frame.iloc[0]
    assert (row.last_look > looked, row.next_look, row.message) == (True, coming, "")
    write_latest_looks(catalog.path, held.note, {1: LatestLook(looked, looked, "waits")})
    row = ws.triggers.frame.iloc[0]
    assert row.next_look - row.last_look == timedelta(hours=1), "it has looked since that was due"
    tomorrow = catalog.clock() + timedelta(days=1)
    write_latest_looks(catalog.path, held.note, {1: LatestLook(tomorrow, tomorrow, "waits")})
    assert ws.triggers.frame.iloc[0].message == "", "a look to come is none"
    ws.triggers["quiet"].off()
    assert ws.triggers.frame.next_look.isna().all()
    held.close()
