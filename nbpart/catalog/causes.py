"""Why a partition is what it is: the kinds of causes, and the words for each.

A cause that comes with something new is one more kind here, with its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from nbpart.partitions import PartitionRef

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A part of a sentence; where it is the name of a partition, that partition too.
Part = tuple[str, PartitionRef | None]
#: Of a chain with more links than these the first ones and the last are told in the sentence.
_MOST_TOLD = 4
#: So much of a long name is told where a sentence has to be short.
_MOST_OF_NAME = 40


class CauseKind(StrEnum):
    """What a cause is; the order is that in which they are looked for."""

    RUNNING = "running"
    QUEUED = "queued"
    FAILED = "failed"
    WAITING = "waiting"
    INPUT_WAITING = "input waiting"
    INPUT_FAILED = "input failed"
    CHECK_FAILED = "check failed"
    DATA_LOST = "data lost"
    NEVER_RUN = "never run"
    CODE_CHANGED = "code changed"
    COLUMN_CHANGED = "column changed"
    INPUT_CHANGED = "input changed"
    INPUT_SET_CHANGED = "input set changed"
    INPUT_MISSING = "input missing"
    INPUT_STALE = "input stale"
    PRUNED = "pruned"
    MADE = "made"
    SEEN = "seen"
    ADOPTED = "adopted"
    ACCEPTED = "accepted"


#: The words for each kind; `{input}` stands for what is read ("input cleaned", "source inbox[a.csv]"), `{detail}` for
#: what is known besides, `{at}` for the time.
_WORDS = {
    CauseKind.RUNNING: "a run began {at}",
    CauseKind.QUEUED: "a run was asked for {at}",
    CauseKind.FAILED: "{detail}",
    CauseKind.WAITING: "{detail}",
    CauseKind.INPUT_WAITING: "{input} is waiting",
    CauseKind.INPUT_FAILED: "{input} failed",
    CauseKind.CHECK_FAILED: "{input} fails its check {detail}",
    CauseKind.DATA_LOST: "{detail}",
    CauseKind.NEVER_RUN: "never run",
    CauseKind.CODE_CHANGED: "code changed{detail}",
    CauseKind.COLUMN_CHANGED: "{detail} of its key changed",
    CauseKind.INPUT_CHANGED: "{input} changed{at}",
    CauseKind.INPUT_SET_CHANGED: "input set changed: {detail}",
    CauseKind.INPUT_MISSING: "{input} is missing",
    CauseKind.INPUT_STALE: "{input} is stale{detail}",
    CauseKind.PRUNED: "its data were {detail}; status='all' makes it again",
    CauseKind.MADE: "made {at}{detail}",
    CauseKind.SEEN: "seen {at}{detail}",
    CauseKind.ADOPTED: "adopted {at}{detail}",
    CauseKind.ACCEPTED: "accepted {at}{detail}",
}
#: The words in which `reasons` tells causes of all partitions, where they are others: it knows no details.
_BRIEF_WORDS = {
    CauseKind.FAILED: "its last run failed",
    CauseKind.DATA_LOST: "its data file was replaced or damaged",
    CauseKind.CODE_CHANGED: "code changed",
    CauseKind.COLUMN_CHANGED: "a column of its key changed",
    CauseKind.INPUT_CHANGED: "{input} changed",
    CauseKind.INPUT_STALE: "{input} is not up to date",
}
#: Causes that say whose they are when another one leads to them: "cleaned is stale: its code changed".
_ITS = frozenset(
    {
        CauseKind.CODE_CHANGED,
        CauseKind.INPUT_CHANGED,
        CauseKind.INPUT_SET_CHANGED,
        CauseKind.INPUT_MISSING,
        CauseKind.INPUT_STALE,
        CauseKind.INPUT_WAITING,
    }
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One link of a chain of causes: why the partition ``of``, whose status is ``status``, is what it is.

    ``subject`` is the partition of an input that it names, ``is_source`` says that this is of a source. ``at`` is when
    what it tells of happened, and ``run_id`` the run that it is about.
    """

    of: PartitionRef
    status: str
    kind: CauseKind
    subject: PartitionRef | None = None
    is_source: bool = False
    at: datetime | None = None
    detail: str = ""
    run_id: str | None = None

    def describe(self, now: datetime) -> str:
        """The cause in words, with times as a person reads them at ``now``."""
        return "".join(text for text, _ in self.list_parts(now))

    def list_parts(self, now: datetime) -> list[Part]:
        """The words of `describe` in parts, of which one is the name of `subject` where there is one."""
        at = "" if self.at is None else show_time(self.at, now)
        if self.kind is CauseKind.INPUT_CHANGED:
            at = at and f" {at}"
        before, found, after = _WORDS[self.kind].partition("{input}")
        named: list[Part] = []
        if found and self.subject is None:
            before += "an input"
        elif found and self.subject is not None:
            before += "" if self.kind is CauseKind.INPUT_FAILED else "source " if self.is_source else "input "
            named = [(spell_ref(self.subject), self.subject)]
        known = {"detail": self.detail, "at": at}
        parts = [(before.format(**known), None), *named, (after.format(**known), None)]
        return [part for part in parts if part[0]]


def describe_briefly(kind: CauseKind, of_input: str = "an input", detail: str = "") -> str:
    """The words for a cause where nothing but the name of the input is known, as `name_input` gives it, or a detail."""
    return _BRIEF_WORDS.get(kind, _WORDS[kind]).format(input=of_input, detail=detail, at="").strip()


#: The reason of what is late and otherwise up to date.
LATE = "late"


def describe_late(since: datetime, now: datetime) -> str:
    """What is said of a late partition besides all else: ``late since 09:00``."""
    return f"{LATE} since {show_time(since, now)}"


def describe_late_ones(since: NDArray[np.float64], now: datetime) -> str:
    """How many partitions of an asset are late, and since when: ``2 late, since 09:00``; in seconds, at least one."""
    first = show_time(datetime.fromtimestamp(float(since.min()), UTC), now)
    return f"{len(since):,} {LATE}, {'since' if since.min() == since.max() else 'the first since'} {first}"


#: Why a plan makes what is up to date, or outdated only by what is above: words for plans alone.
PRUNED_AND_READ = "pruned, and read by what this plan makes"


def describe_read(name: str) -> str:
    """Why a plan makes a partition that reads an asset which it makes too."""
    return f"reads {name}, which this plan makes"


def describe_chain(causes: Sequence[Cause], now: datetime) -> str:
    """One sentence: the status, and what led to it, from the nearest cause to the root."""
    return "".join(text for text, _ in list_chain_parts(causes, now))


def list_chain_parts(causes: Sequence[Cause], now: datetime) -> list[Part]:
    """The sentence of `describe_chain` in parts, so that the partitions that it names can be followed."""
    first = causes[0]
    head = _HEADS.get(first.kind, first.status)
    told = list(causes) if len(causes) <= _MOST_TOLD else [*causes[: _MOST_TOLD - 2]]
    parts: list[Part] = [(f"{head}: ", None), *first.list_parts(now)]
    for cause in told[1:]:
        parts += _continue(cause, now)
    if len(told) == len(causes):
        return parts
    root = causes[-1]
    between = len(causes) - len(told) - 1
    named = [(f": ... {between} more ...: ", None), (spell_ref(root.of), root.of), (f" is {root.status}", None)]
    return [*parts, *named, *_continue(root, now)]


def describe_first(causes: Sequence[Cause], count: int, now: datetime) -> str:
    """Why the first of so many is what it is: ``3 stale (first: a.csv): source inbox[a.csv] changed 10:02``."""
    first = causes[0]
    key = "" if first.of.key is None else f" ({'first: ' if count > 1 else ''}{_shorten(first.of.key)})"
    number = "" if first.of.key is None else f"{count:,} "
    text = "".join(text if named is None else _shorten(text) for text, named in list_chain_parts(causes, now))
    return f"{number}{first.status}{key}: {text.removeprefix(f'{first.status}: ')}"


def _shorten(name: str) -> str:
    """A name with its middle left out where it is long, so that what is said of it is seen."""
    return name if len(name) <= _MOST_OF_NAME else f"{name[: _MOST_OF_NAME // 2]}…{name[-(_MOST_OF_NAME // 2) :]}"


#: What a person is told in place of the status, where a partition cannot be made now.
_HEADS = {CauseKind.WAITING: "waiting", CauseKind.INPUT_WAITING: "waiting", CauseKind.INPUT_FAILED: "blocked",
          CauseKind.CHECK_FAILED: "blocked"}  # fmt: skip


def _continue(cause: Cause, now: datetime) -> list[Part]:
    return [(f": {'its ' if cause.kind in _ITS else ''}", None), *cause.list_parts(now)]


def spell_ref(ref: PartitionRef) -> str:
    """A partition in a sentence: ``model``, or ``cleaned[a.csv]``."""
    return ref.asset if ref.key is None else f"{ref.asset}[{ref.key}]"


def show_time(at: datetime, now: datetime) -> str:
    """A time on the clock of this machine: ``10:02`` of the same day, else with its date."""
    local = at.astimezone()
    return local.strftime("%H:%M" if local.date() == now.astimezone().date() else "%Y-%m-%d %H:%M")
