"""What a look finds, a line each: well, a warning, or a problem, with what to do about it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nbpart.errors import NbpartError
from nbpart.widgets.tables import page_html


class Level(StrEnum):
    """How well something is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is looked at (``topic``), how it is, and what to do about it, "" where nothing is to be done."""

    topic: str
    text: str
    level: Level = Level.OK
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.text}; {self.advice}" if self.advice else self.text


@dataclass(frozen=True)
class Diagnosis:
    """All that a look found, in its order. Shown, it is a line each."""

    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether there is no problem; warnings are none."""
        return not self.of(Level.PROBLEM)

    def of(self, level: Level) -> tuple[Finding, ...]:
        """The findings of a level."""
        return tuple(one for one in self.findings if one.level is level)

    @property
    def summary(self) -> str:
        """``2 problems, 1 warning``, or ``all is well``."""
        counts = ((len(self.of(level)), str(level)) for level in (Level.PROBLEM, Level.WARNING))
        return ", ".join(f"{n} {name}{'s' * (n != 1)}" for n, name in counts if n) or "all is well"

    def to_records(self) -> list[dict[str, Any]]:
        """A dict each: ``level, topic, text, advice``."""
        return [{"level": str(f.level), "topic": f.topic, "text": f.text, "advice": f.advice} for f in self.findings]

    def __repr__(self) -> str:
        size = max((len(one.topic) for one in self.findings), default=0)
        lines = [f"{one.level:<8} {one.topic:<{size}}  {one}" for one in self.findings]
        return "\n".join([*lines, self.summary])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_MARKS[one.level]} {one.level}</td><td>{html.escape(one.topic)}</td>"
            f"<td>{html.escape(str(one))}</td></tr>"
            for one in self.findings
        )
        return page_html(f"<table>{rows}</table><p><b>{html.escape(self.summary)}</b></p>")


#: Shapes that are told apart without colour.
_MARKS = {Level.OK: "✓", Level.WARNING: "▲", Level.PROBLEM: "✗"}


def collect(topic: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a look finds; that it failed is a problem of this topic, and stops no other look."""
    try:
        yield from look()
    except (NbpartError, OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        text = (str(error) or type(error).__name__).partition("\n")[0].rstrip(".")
        yield Finding(topic, text, Level.PROBLEM)
