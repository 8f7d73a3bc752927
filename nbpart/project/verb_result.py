"""What a verb did, or would do, by number; and who did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbpart.states import Verb

#: What a person is asked before it is done; ``{}`` stands for the number of partitions.
_QUESTIONS = {
    Verb.ACCEPTED: "Accept {} without a run?",
    Verb.WIPED: "Wipe {}?",
    Verb.ADOPTED: "Adopt the files of {}?",
}
#: So many assets are named in a sentence.
_MOST_NAMED = 4


@dataclass(frozen=True)
class VerbResult:
    """How many partitions of each asset a verb changed, and ``notes``: a sentence for each that it left alone.

    With ``is_dry_run`` it changed none and says what it would.
    """

    verb: Verb
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    is_dry_run: bool = False

    @property
    def count(self) -> int:
        """How many partitions it changed."""
        return sum(self.counts.values())

    @property
    def question(self) -> str:
        """What a person is asked before it is done: ``Wipe 3 partitions of counts? 1 had no data.``"""
        notes = f" {'; '.join(self.notes)}." if self.notes else ""
        return f"{_QUESTIONS[self.verb].format(self.number)}{notes}"

    @property
    def number(self) -> str:
        """``3 partitions of counts``"""
        counts = {asset: n for asset, n in self.counts.items() if n}
        named = ", ".join(list(counts)[:_MOST_NAMED]) + (", …" if len(counts) > _MOST_NAMED else "")
        number = f"{self.count:,} partition{'' if self.count == 1 else 's'}" if self.count else "nothing"
        return f"{number}{f' of {named}' if counts else ''}"

    def to_json(self) -> dict[str, Any]:
        return {"verb": str(self.verb), "partitions": dict(self.counts), "notes": list(self.notes)}

    def __str__(self) -> str:
        """``wiped 3 partitions of counts; 1 had no data``"""
        done = f"would have {self.verb}" if self.is_dry_run else str(self.verb)
        return "; ".join([f"{done} {self.number}", *self.notes])

    __repr__ = __str__
