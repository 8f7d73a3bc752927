"""The colour and the glyph of each status. A glyph is always shown beside a colour, for people who confuse colours.

The least distance (CIE 2000) between two colours, for normal vision and three kinds of colour blindness, is 22 on a
light background and 14 on a dark one. The contrast with the background is at least 3, except for missing partitions,
which are drawn with an outline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nbpart.states import BackfillStatus, CheckOutcome, PartitionStatus, StepStatus


@dataclass(frozen=True, slots=True)
class Mark:
    """How a status looks: its colour as ``#rrggbb`` on a light and on a dark background, and its glyph."""

    light: str
    dark: str
    glyph: str


#: The backgrounds that the colours are chosen for.
LIGHT_BACKGROUND, DARK_BACKGROUND = "#ffffff", "#111111"

MARKS: Mapping[PartitionStatus, Mark] = {
    PartitionStatus.MISSING: Mark("#dedede", "#383838", "○"),
    PartitionStatus.QUEUED: Mark("#5320a9", "#c6a3ff", "◷"),
    PartitionStatus.RUNNING: Mark("#0099fe", "#1768dc", "▶"),
    PartitionStatus.MATERIALIZED: Mark("#197268", "#3fe0c0", "✓"),
    PartitionStatus.FAILED: Mark("#981513", "#e5655a", "✕"),
    PartitionStatus.STALE: Mark("#a58b31", "#8f6410", "≠"),
}

#: What is late beside its status: a corner of this colour, by whose shape it is seen on each of the others.
LATE = Mark("#000000", "#ffffff", "◥")

#: What does not pass a check, beside its status: a corner of this colour, opposite to that of what is late.
UNSOUND = Mark("#b5179e", "#ff7ad9", "◣")
#: What is said of such partitions beside a number.
UNSOUND_WORDS = "not passing a check"
#: The glyph of each outcome of a check.
OUTCOME_GLYPHS: Mapping[str, str] = {CheckOutcome.PASSED: "✓", CheckOutcome.WARNED: "!", CheckOutcome.FAILED: "✕"}

_P, _S = PartitionStatus, StepStatus
#: Statuses of steps, runs and backfills: the status of partitions whose colour each has, and its own glyph.
COLOURED_AS: Mapping[str, tuple[PartitionStatus, str]] = {
    _S.PLANNED: (_P.MISSING, "○"),
    _S.BLOCKED: (_P.STALE, "⊘"),
    _S.QUEUED: (_P.QUEUED, "◷"),
    _S.RUNNING: (_P.RUNNING, "▶"),
    _S.SUCCEEDED: (_P.MATERIALIZED, "✓"),
    _S.SKIPPED: (_P.MATERIALIZED, "="),
    _S.FAILED: (_P.FAILED, "✕"),
    _S.CANCELLED: (_P.MISSING, "■"),
    _S.INTERRUPTED: (_P.STALE, "↯"),
    BackfillStatus.REQUESTED: (_P.QUEUED, "◷"),
    BackfillStatus.CANCELLING: (_P.RUNNING, "■"),
}


def colour_status_of(status: str) -> PartitionStatus:
    """Return the status of partitions whose colour a status has. Raises KeyError for a text that is no status."""
    return PartitionStatus(status) if status in tuple(PartitionStatus) else COLOURED_AS[status][0]


def mark_of(status: str) -> Mark | None:
    """Return the mark of a status of a partition, step, run or backfill; None for a text that is no status."""
    if status in tuple(PartitionStatus):
        return MARKS[PartitionStatus(status)]
    if status not in COLOURED_AS:
        return None
    as_partition, glyph = COLOURED_AS[status]
    return replace(MARKS[as_partition], glyph=glyph)


def colour_rules(scope: str) -> str:
    """Return CSS that sets ``--nbpart-<status>`` and ``--nbpart-background`` on the selector ``scope``.

    The colours are those of JupyterLab's theme where there is one, else of the reader's preference.
    """
    marks: dict[str, Mark] = {**{str(s): m for s, m in MARKS.items()}, "late": LATE, "unsound": UNSOUND}
    light = "".join(f"--nbpart-{s}:{m.light};" for s, m in marks.items()) + f"--nbpart-background:{LIGHT_BACKGROUND};"
    dark = "".join(f"--nbpart-{s}:{m.dark};" for s, m in marks.items()) + f"--nbpart-background:{DARK_BACKGROUND};"
    return (
        f"{scope}{{{light}}}\n"
        f"@media (prefers-color-scheme:dark){{body:not([data-jp-theme-light]) {scope}{{{dark}}}}}\n"
        f'body[data-jp-theme-light="false"] {scope}{{{dark}}}'
    )


def describe_check(outcome: str, detail: str) -> str:
    """Return what a check says in words, with the glyph of its outcome in front."""
    return f"{OUTCOME_GLYPHS[outcome]} {outcome}" + (f": {detail}" if detail else "")
