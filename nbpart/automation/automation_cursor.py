"""What one look of an automation leaves to the next: how far it looked, and what waits for quiet."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.partitions.relation import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: A partition is asked for at the latest so many times the quiet after the first change.
MOST_QUIETS = 6


@dataclass(frozen=True)
class Mark:
    """A place in the history of the catalog: its last commit, and the next ids of keys and materializations then."""

    sequence: int
    key_id: int
    materialization_id: int

    def to_json(self) -> list[int]:
        return [self.sequence, self.key_id, self.materialization_id]


@dataclass(frozen=True)
class Pending:
    """Partitions that wait for quiet: key ids, with the first and the last change of each in seconds since 1970."""

    key_ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    first: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    last: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def join(self, other: Pending) -> Pending:
        """All of both; of one in both the first and the last of its changes."""
        ids = distinct(np.concatenate([self.key_ids, other.key_ids]))
        first, last = np.full(len(ids), np.inf), np.full(len(ids), -np.inf)
        for one in (self, other):
            places = np.searchsorted(ids, one.key_ids)
            first[places], last[places] = np.minimum(first[places], one.first), np.maximum(last[places], one.last)
        return Pending(ids, first, last)

    def keep(self, key_ids: Ids) -> Pending:
        """Those of them that have these ids."""
        kept = np.isin(self.key_ids, key_ids)
        return Pending(self.key_ids[kept], self.first[kept], self.last[kept])

    def until(self, now_s: float) -> Pending:
        """The same with no change after that time: another clock than that of the catalog may have gone ahead."""
        return Pending(self.key_ids, np.minimum(self.first, now_s), np.minimum(self.last, now_s))

    def find_due(self, quiet_s: float, now_s: float) -> Ids:
        """Those whose inputs were quiet for so long, or kept changing for `MOST_QUIETS` times that."""
        is_due = (self.last + quiet_s <= now_s) | (self.first + MOST_QUIETS * quiet_s <= now_s)
        return self.key_ids[is_due]

    def to_json(self) -> list[Any]:
        """A list ``[first, last, start, end, start, end, ...]`` for all that changed at the same times."""
        order = np.lexsort((self.key_ids, self.last, self.first))
        first, last, ids = self.first[order], self.last[order], self.key_ids[order]
        is_other = (np.diff(first) != 0) | (np.diff(last) != 0)
        breaks = np.flatnonzero(is_other | (np.diff(ids) != 1)) + 1
        kept: dict[tuple[float, float], list[int]] = {}
        for begin, end in itertools.pairwise([0, *breaks.tolist(), len(ids)]):
            if begin < end:
                times = float(first[begin]), float(last[begin])
                kept.setdefault(times, []).extend((int(ids[begin]), int(ids[end - 1]) + 1))
        return [[*times, *bounds] for times, bounds in kept.items()]

    @classmethod
    def from_json(cls, kept: list[Any]) -> Pending:
        """Read `to_json` back."""
        pending = cls()
        for first, last, *bounds in kept:
            ranges = [np.arange(start, end) for start, end in zip(bounds[::2], bounds[1::2], strict=True)]
            ids = np.concatenate(ranges)
            pending = pending.join(cls(ids, np.full(len(ids), first), np.full(len(ids), last)))
        return pending


@dataclass(frozen=True)
class AutomationCursor:
    """The state of an automation.

    What came after ``begins`` is its own, and what came after ``seen`` is new to it. ``page`` is where `on_missing`
    goes on to look for missing partitions: None at the newest; ``is_through`` after the oldest.
    """

    begins: Mark
    seen: Mark
    pending: Pending = field(default_factory=Pending)
    page: tuple[int, int] | None = None
    is_through: bool = False

    def to_text(self) -> str:
        data: dict[str, Any] = {"begins": self.begins.to_json(), "seen": self.seen.to_json()}
        if len(self.pending.key_ids):
            data["pending"] = self.pending.to_json()
        if self.page is not None or self.is_through:
            data["page"] = self.page
            data["is_through"] = self.is_through
        return json.dumps(data)

    @classmethod
    def from_text(cls, text: str) -> AutomationCursor:
        """Read `to_text`, or what `events.save_trigger` begins with."""
        data: Mapping[str, Any] = json.loads(text)
        begins = Mark(*data["begins"])
        page = data.get("page")
        return cls(
            begins,
            Mark(*data.get("seen", data["begins"])),
            Pending.from_json(data.get("pending", [])),
            None if page is None else (int(page[0]), int(page[1])),
            bool(data.get("is_through")),
        )
