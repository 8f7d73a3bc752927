"""Sets that grow, shrink, are renamed and follow the clock, compared with lists of plain Python."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import nbpart
from nbpart.errors import NbpartError
from nbpart.partitions.keys import escape
from tests.clocks import Clock
from tests.recording import record

NAMES = st.sampled_from(["a", "b", "c,d", "e=f", "g/h", "%"])
START = datetime(2024, 3, 10, 5, tzinfo=UTC)  # midnight in New York, two hours before its clocks go forward
KEYS = ["2024-03-10T00:00", "2024-03-10T01:00", "2024-03-10T03:00", "2024-03-10T04:00", "2024-03-10T05:00"]


def measure(partition_key: str) -> str:
    return partition_key


@dataclass(eq=False)
class File:
    """A key, whatever its name is now; ``chunks`` are its children in the order in which they were added."""

    name: str
    chunks: list[str] = field(default_factory=list)
    has_chunks: bool = False
    is_made: bool = False


class Sets(RuleBasedStateMachine):
    """Files, chunks below them, hours, and a product of files and hours with an asset over it."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.clock = Clock(START).install(self.patch)
        self.move_clock(90)
        self.ws = nbpart.open(Path(self.folder.name) / "workspace")
        self.files = self.ws.dynamic_partitions("files")
        self.chunks = self.ws.dynamic_partitions("chunks", under={"file": self.files})
        self.hours = self.ws.partitions(nbpart.HourlyPartitions("hours", START, timezone="America/New_York"))
        dimensions = {"hour": self.hours, "file": self.files}
        self.grid = self.ws.partitions(nbpart.MultiPartitions(dimensions, name="grid"))
        self.ws.register(nbpart.asset(measure, partitions=self.grid))  # type: ignore[call-overload]
        self.known: dict[str, File] = {}
        self.listed: list[File] = []
        self.made: set[tuple[File, int]] = set()

    def move_clock(self, minutes: int) -> None:
        self.minutes = minutes
        self.clock.moment = START + timedelta(minutes=minutes)

    @rule(name=NAMES)
    def add(self, name: str) -> None:
        is_new = name not in [one.name for one in self.listed]
        assert self.files.add(name) == [name] * is_new
        if is_new:
            self.listed.append(self.known.setdefault(name, File(name)))

    @precondition(lambda self: self.listed)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.listed))
        self.files.remove(one.name)
        self.listed.remove(one)

    @precondition(lambda self: self.listed)
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        self.listed = data.draw(st.permutations(self.listed))[data.draw(st.integers(0, 1)) :]
        self.files.replace([one.name for one in self.listed], at_most=1)

    @precondition(lambda self: self.listed)
    @rule(data=st.data(), name=NAMES)
    def rename(self, data: st.DataObject, name: str) -> None:
        one = data.draw(st.sampled_from(self.listed))
        other = self.known.get(name)
        if other is one:
            return
        if other is not None and (other in self.listed or other.is_made or other.has_chunks):
            before = list(self.files)
            try:
                self.files.rename(one.name, name)
            except NbpartError:
                assert list(self.files) == before
                return
            assert other not in self.listed, "two keys with one text"
            assert not other.is_made, "the history of a removed key has two names"
        else:
            self.files.rename(one.name, name)
        del self.known[one.name]
        one.name = name
        self.known[name] = one

    @precondition(lambda self: self.listed)
    @rule(data=st.data(), text=st.sampled_from(["1", "2"]))
    def add_chunk(self, data: st.DataObject, text: str) -> None:
        one = data.draw(st.sampled_from(self.listed))
        self.chunks.add({"file": one.name, "chunks": text})
        one.has_chunks = True
        if text not in one.chunks:
            one.chunks.append(text)

    @precondition(lambda self: any(one.chunks for one in self.listed))
    @rule(data=st.data())
    def remove_chunk(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.listed if one.chunks]))
        text = data.draw(st.sampled_from(one.chunks))
        self.chunks.remove(f"{escape(one.name)}/{text}")
        one.chunks.remove(text)

    @precondition(lambda self: self.minutes < 300)
    @rule(minutes=st.sampled_from([30, 60, 120]))
    def wait(self, minutes: int) -> None:
        self.move_clock(min(self.minutes + minutes, 300))

    @precondition(lambda self: self.listed)
    @rule(data=st.data())
    def make(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.listed))
        hour = data.draw(st.integers(0, self.minutes // 60 - 1))
        record(self.ws, "measure", {"file": one.name, "hour": KEYS[hour]}, "made")
        one.is_made = True
        self.made.add((one, hour))

    @invariant()
    def the_sets_are_the_lists(self) -> None:
        if not hasattr(self, "grid"):
            return
        hours = KEYS[: self.minutes // 60]
        cells = [(one, hour) for one in self.listed for hour in range(len(hours))]
        status = self.ws.partition_status("measure")
        keys = [f"file={escape(one.name)},hour={hours[hour]}" for one, hour in cells]
        assert status["partition_key"].tolist() == keys
        assert status["status"].tolist() == ["materialized" if cell in self.made else "missing" for cell in cells]
        assert list(self.files) == [one.name for one in self.listed]
        assert list(self.chunks) == [f"{escape(one.name)}/{text}" for one in self.listed for text in one.chunks]

    def teardown(self) -> None:
        if hasattr(self, "ws"):
            self.ws.close()
            self.patch.undo()
            self.folder.cleanup()


TestSets = Sets.TestCase
TestSets.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)
