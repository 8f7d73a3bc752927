"""A property: over random histories of files each look asks for just what a plain model says, and nothing is lost."""

from __future__ import annotations

import datetime
import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

import nbpart
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage

SETTLE_S = 10
START = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
NAMES = "abcd"
_folders = itertools.count()


def clean(inbox: Any) -> str:
    return ""


@dataclass
class File:
    """A file of the model: its size stands for its bytes."""

    size: int
    modified: datetime.datetime


@dataclass
class Model:
    """What is there, what the keys are, and from which bytes each key was made last; ``seen`` is since when a file that
    says a time to come has looked as it does."""

    files: dict[str, File] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    had_file: set[str] = field(default_factory=set)
    made: dict[str, int] = field(default_factory=dict)
    seen: dict[str, tuple[int, datetime.datetime, datetime.datetime]] = field(default_factory=dict)

    def look(self, now: datetime.datetime, *, removes: bool) -> tuple[set[str], set[str], set[str]]:
        """The keys that come, that go, and that are run."""
        still = {name for name, file in self.files.items() if self._is_still(name, file, now)}
        self.seen = {name: seen for name, seen in self.seen.items() if name in self.files and name not in still}
        added = still - self.keys
        known = self.had_file & self.keys
        gone = known - self.files.keys()
        removed = gone if removes and gone != known else set[str]()
        self.keys = (self.keys | added) - removed
        self.had_file |= still
        ran = {name for name in still if self.made.get(name) != self.files[name].size}
        self.made |= {name: self.files[name].size for name in ran}
        return added, removed, ran

    def _is_still(self, name: str, file: File, now: datetime.datetime) -> bool:
        if file.modified <= now:
            return (now - file.modified).total_seconds() >= SETTLE_S
        size, modified, since = self.seen.get(name, (-1, file.modified, now))
        if (size, modified) != (file.size, file.modified) or since > now:
            since = now
        self.seen[name] = (file.size, file.modified, since)
        return (now - since).total_seconds() >= SETTLE_S


class World:
    """A workspace with a watched bucket in memory, its clock, and the model beside it."""

    def __init__(self, ws: nbpart.Workspace, *, removes: bool) -> None:
        self.ws, self.removes, self.model, self.now = ws, removes, Model(), START
        self.ran: list[str | None] = []
        self.stage = Stage(self._run)
        ws.project.make_pool = self.stage.make_pool
        ws.project.catalog.clock = lambda: self.now
        self.folder = f"/histories{next(_folders)}"
        self.store = fsspec.filesystem("memory")
        files = ws.dynamic_partitions("files")
        source = ws.source("inbox", f"memory:/{self.folder}/{{partition_key}}", partitions=files, version="hash")
        ws.register(nbpart.asset(clean, partitions=files))  # type: ignore[call-overload]
        source.watch(settle=SETTLE_S, on_remove="remove" if removes else "keep")

    def _run(self, spec: RunSpec) -> str:
        self.ran.append(spec.partition_key)
        return spec.run_id

    def put(self, name: str, size: int) -> None:
        self.model.files[name] = File(size, self.now)
        self.store.pipe(f"{self.folder}/{name}", b"x" * size)
        self.store.store[f"{self.folder}/{name}"].created = self.now

    def do(self, step: tuple[str, str, int]) -> None:
        what, name, number = step
        match what:
            case "put":
                self.put(name, number)
            case "grow" if name in self.model.files:
                self.put(name, self.model.files[name].size + number)
            case "copy" if name in self.model.files:
                self.put(NAMES[number % len(NAMES)], self.model.files[name].size)
            case "vanish" if name in self.model.files:
                del self.model.files[name]
                self.store.rm(f"{self.folder}/{name}")
            case "wait":
                self.now += datetime.timedelta(seconds=number)
            case "clock back":
                self.now -= datetime.timedelta(seconds=3 * number)
            case "status":
                self.ws.status()
            case "look":
                self.look()

    def look(self) -> None:
        self.ran.clear()
        tick = self.ws.tick("inbox", progress=False)
        added, removed, ran = self.model.look(self.now, removes=self.removes)
        assert set(tick.added.get("files", ())) == added, tick
        assert set(tick.removed.get("files", ())) == removed, tick
        assert sorted(map(str, self.ran)) == sorted(ran), tick
        assert set(self.ws.dynamic_partitions("files")) == self.model.keys

    def check_end(self) -> None:
        """Once all is still every file that is there is made from its last bytes, and there is nothing more to do."""
        self.now += datetime.timedelta(days=1)
        self.look()
        self.now += datetime.timedelta(days=1)
        self.look()
        assert self.ran == []
        statuses = self.ws.partition_status("clean").set_index("partition_key")["status"]
        there = [name for name in self.model.files if name in statuses.index]
        assert sorted(there) == sorted(self.model.files)
        assert set(statuses[there]) <= {"materialized"}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "grow", "copy", "vanish", "wait", "wait", "clock back", "status", "look", "look"]),
        st.sampled_from(NAMES),
        st.integers(1, 12),
    ),
    max_size=24,
)


@settings(max_examples=12)
@given(steps=STEPS, removes=st.booleans())
@example(
    # one that somebody else saw before it was still, one that came back as it was, and a clock that was set back
    steps=[
        ("put", "a", 3), ("put", "b", 4), ("wait", "a", 12), ("look", "a", 1), ("grow", "a", 2), ("status", "a", 1),
        ("look", "a", 1), ("put", "c", 3), ("vanish", "b", 1), ("look", "a", 1), ("clock back", "a", 12),
        ("put", "b", 4), ("look", "a", 1), ("wait", "a", 10), ("look", "a", 1), ("copy", "a", 3), ("wait", "a", 10),
        ("look", "a", 1),
    ],
    removes=True,
)  # fmt: skip
def test_each_look_asks_for_what_a_plain_model_says(steps: list[tuple[str, str, int]], removes: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, nbpart.open(Path(folder, "workspace")) as ws:
        world = World(ws, removes=removes)
        for step in steps:
            world.do(step)
        world.check_end()
