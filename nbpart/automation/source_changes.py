"""What a look at a watched source decides by what it found: pure, with the time given.

Which files are still, which have the bytes of others, and whether so many can be gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from nbpart.storage.source_files import FoundFile

#: Files that are gone take their keys off a list unless they are this share of all, and at least so many.
_MOST_GONE_SHARE, _MOST_GONE = 0.1, 10
#: So many names stand in a sentence.
_MOST_NAMED = 5
_NS_IN_S = 1_000_000_000


class SeenStamp(NamedTuple):
    """Size and time of a file that cannot be told to be still by these, and since when they are known."""

    stamp: str
    since_ns: int


class LeftOut(NamedTuple):
    """A file that was left out as it has the bytes of another: what proves that it is the one that was read."""

    proof: str
    version: str


@dataclass(frozen=True)
class WatchState:
    """What one look at a watched source leaves to the next.

    ``after`` is the number of the transaction whose state it saw, ``own`` that of the one in which it was recorded.
    ``waiting`` and ``left_out`` are by path or URL. ``pending`` are keys of which somebody else recorded another file,
    which was not still when it was looked at, and whether they had one before.
    """

    after: int = 0
    own: int = -1
    waiting: Mapping[str, SeenStamp] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    pending: Mapping[str | None, bool] = field(default_factory=dict)

    @classmethod
    def from_text(cls, text: str | None) -> WatchState:
        """Read what `to_text` made; of anything else nothing is known."""
        try:
            data = json.loads(text or "")
            waiting = {str(name): SeenStamp(str(stamp), int(since)) for name, (stamp, since) in data["waiting"].items()}
            left_out = {str(name): LeftOut(str(p), str(v)) for name, (p, v) in data["left_out"].items()}
            pending = {None if key is None else str(key): bool(had_file) for key, had_file in data["pending"]}
            return cls(int(data["after"]), int(data["own"]), waiting, left_out, pending)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def to_text(self, own: int) -> str:
        """As a text, recorded by the transaction ``own``."""
        return json.dumps(
            {
                "after": self.after,
                "own": own,
                "waiting": self.waiting,
                "left_out": self.left_out,
                "pending": list(self.pending.items()),
            },
            sort_keys=True,
        )

    def holds_as_much_as(self, other: WatchState) -> bool:
        """Whether both know the same of files."""
        return (self.waiting, self.left_out, self.pending) == (other.waiting, other.left_out, other.pending)


@dataclass(frozen=True)
class Settled:
    """Which of some files are still, by path or URL, and which are not yet; ``waiting`` is to be known at the next
    look, which finds one of them still after ``again_ns``, if nothing changes."""

    still: frozenset[str]
    unsettled: tuple[str, ...]
    waiting: Mapping[str, SeenStamp]
    again_ns: int | None


def settle(
    files: Mapping[str, Sequence[FoundFile]], waiting: Mapping[str, SeenStamp], now_ns: int, settle_ns: int
) -> Settled:
    """Which files have had one size and one time for ``settle_ns``; ``files`` are by the location that they belong to.

    A file that says when it was written last needs no second look; one that does not, or says a time to come, is still
    once a look finds it as an earlier one did, so long ago.
    """
    still, unsettled, kept, ages = [], [], {}, []
    for location, group in files.items():
        changed = [_changed_ns(file) for file in group]
        if all(at is not None and at <= now_ns for at in changed):
            since = max(at for at in changed if at is not None) if changed else now_ns
        else:
            stamp = ";".join(f"{file.size}-{file.modified}" for file in group)
            before = waiting.get(location)
            is_known = before is not None and before.stamp == stamp and before.since_ns <= now_ns
            since = before.since_ns if before is not None and is_known else now_ns
            if now_ns - since < settle_ns:
                kept[location] = SeenStamp(stamp, since)
        if now_ns - since >= settle_ns:
            still.append(location)
        else:
            unsettled.append(location)
            ages.append(now_ns - since)
    again = settle_ns - max(ages) if ages else None
    return Settled(frozenset(still), tuple(unsettled), kept, again)


def _changed_ns(file: FoundFile) -> int | None:
    """When a file was written last, in nanoseconds since 1970; None where nobody tells."""
    if file.changed_ns:
        return file.changed_ns
    try:
        return int(datetime.fromisoformat(file.modified or "").timestamp() * _NS_IN_S)
    except ValueError:
        pass
    try:
        return int(float(file.modified or "") * _NS_IN_S)
    except (ValueError, OverflowError):
        return None


def find_duplicates(owners: Mapping[str, str], versions: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Which files have the bytes of another: that one, by path or URL; of several alike the first is none.

    ``owners`` are files that are there, by version, ``versions`` the others with theirs.
    """
    known, found = dict(owners), {}
    for name, version in versions:
        if known.setdefault(version, name) != name:
            found[name] = known[version]
    return found


def explain_guard(known: int, gone: int, *, is_there: bool, is_whole: bool) -> str:
    """Why keys whose files are gone stay on their list, as part of a sentence; "" where they go.

    ``known`` files were there, of which ``gone`` are not found now, in a listing that has found all (``is_whole``) of a
    folder that ``is_there``.
    """
    if not gone:
        return ""
    if not is_whole:
        return "part of the listing failed"
    if not is_there:
        return "the folder is not there"
    if gone == known:
        return "none of its files is there"
    if gone >= _MOST_GONE and gone >= _MOST_GONE_SHARE * known:
        return f"{gone:,} of its {known:,} files are not there"
    return ""


def name_some(names: Iterable[object]) -> str:
    """``'a', 'b' and 3 more``"""
    listed = list(names)
    more = len(listed) - _MOST_NAMED
    shown = ", ".join(repr(str(name)) for name in listed[:_MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown


def count_files(number: int) -> str:
    """``1 file``, ``3 files``"""
    return f"{number:,} file{'' if number == 1 else 's'}"
