"""What dead attempts left goes a while after their death was recorded; what a person looks at, and all else, stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nbpart.backfill.leftovers import remove_leftovers
from nbpart.catalog import Catalog, VerbEvent, events
from nbpart.states import Verb
from nbpart.storage import FileRecord, LocalStore
from nbpart.storage.adopted import mark_adopted
from tests.catalog.story import Story


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def story(root: Path) -> Iterator[Story]:
    catalog = Catalog.open(root / "catalog.duckdb")
    story = Story(catalog)
    story.register("model")
    story.add("a", "b/c")
    yield story
    catalog.close()


def leave(root: Path, place: str, *, many: bool = False) -> list[str]:
    """Write what an attempt may leave; the files that ought to go, and the others under the key None."""
    folder, _, name = place.rpartition("/")
    gone = [
        f"runs/{place}.json",
        f"runs/{place}.json.spec",
        f"runs/{place}.json.part",
        f"runs/{place}.json.spec.raw.parquet",
        f"runs/{place}.json.0123456789ab.tmp",
        f"data/{place}.parquet",
        f"data/{place}.parquet.0123456789ab.tmp",
    ]
    if many:
        run_id = name.rpartition("-")[0]
        gone += [f"runs/{folder.rpartition('/')[0]}/_bulk/{run_id}-many-1.json.part"]
    for path in [*gone, f"runs/{place}.ipynb", f"runs/{place}.log"]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    return gone


def files(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for top in ("data", "runs") for p in (root / top).rglob("*") if p.is_file()}


def test_files_of_dead_attempts_go_and_those_of_others_stay(story: Story, root: Path) -> None:
    catalog = story.catalog
    living = catalog.write(lambda b: events.start_coordinator(b, "here", 2, "other", "test"))
    made = story.make("model", "a", "value")
    kept = leave(root, story.place(made))
    [dead] = story.claim("model", "b/c")
    assert dead is not None
    story.start(dead)
    gone = leave(root, story.place(dead), many=True) + leave(root, story.place(dead, 2))
    before = files(root)
    catalog.write(lambda b: events.interrupt_coordinators(b, [story.coordinator]))
    assert remove_leftovers(catalog, LocalStore(root)) == 0, "its kernel may be dying still"
    assert files(root) == before
    assert remove_leftovers(catalog, LocalStore(root), remove_after_s=0) == len(gone)
    assert files(root) == before - set(gone)
    assert set(kept) <= files(root)
    assert remove_leftovers(catalog, LocalStore(root), remove_after_s=0) == 0
    catalog.write(lambda b: events.end_coordinator(b, living))
    sequence = catalog.sequence()
    assert remove_leftovers(catalog, LocalStore(root), remove_after_s=0) == 0
    assert catalog.sequence() == sequence, "nothing is written where nothing is left"


def test_a_file_that_somebody_adopted_stays(story: Story, root: Path) -> None:
    catalog = story.catalog
    [dead] = story.claim("model", "a")
    assert dead is not None
    story.start(dead)
    gone = leave(root, story.place(dead))
    adopted = gone[5]
    record = FileRecord("", "file", "frame", mark_adopted(str(root / adopted), root), None, 1, "v1", None)
    event, key_ids = VerbEvent(Verb.ADOPTED, "ana"), np.array([story.key_id("b/c")])
    asset_id = catalog.read(lambda b: b.value("SELECT asset_id FROM assets WHERE name = 'model'"))
    catalog.write(lambda b: events.adopt_files(b, asset_id, key_ids, [record], event))
    catalog.write(lambda b: events.interrupt_coordinators(b, [story.coordinator]))
    assert remove_leftovers(catalog, LocalStore(root), remove_after_s=0) == len(gone) - 1
    assert set(gone) & files(root) == {adopted}


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_nothing_behind_a_link_is_removed(
    story: Story, root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, depth: int
) -> None:
    [dead] = story.claim("model", "a")
    assert dead is not None
    story.start(dead)
    place = story.place(dead)
    link, rest = Path("runs", *Path(place).parts[:depth]), Path(*Path(place).parts[depth:])
    victim = tmp_path / "outside" / f"{rest}.json"
    victim.parent.mkdir(parents=True)
    victim.write_text("x")
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(tmp_path / "outside")
    story.catalog.write(lambda b: events.interrupt_coordinators(b, [story.coordinator]))
    with caplog.at_level(logging.WARNING, "nbpart"):
        assert remove_leftovers(story.catalog, LocalStore(root), remove_after_s=0) == 0
    assert "could not be removed" in caplog.text
    assert victim.read_text() == "x"
