"""The colour and the glyph of each status; a glyph always stands beside the colour, for who cannot tell colours apart.

Least distance between two colours over normal sight and three kinds of colour-blindness: 22 on light, 14 on dark.
Contrast with the ground is at least 3, but for missing, which is drawn with an outline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nbpart.states import BackfillStatus, PartitionStatus, StepStatus


@dataclass(frozen=True, slots=True)
class Mark:
    """How a status looks: ``#rrggbb`` on a light and on a dark ground, and a glyph."""

    light: str
    dark: str
    glyph: str


#: The grounds that the colours are made for.
LIGHT_GROUND, DARK_GROUND = "#ffffff", "#111111"

MARKS: Mapping[PartitionStatus, Mark] = {
    PartitionStatus.MISSING: Mark("#dedede", "#383838", "○"),
    PartitionStatus.QUEUED: Mark("#5320a9", "#c6a3ff", "◷"),
    PartitionStatus.RUNNING: Mark("#0099fe", "#1768dc", "▶"),
    PartitionStatus.MATERIALIZED: Mark("#197268", "#3fe0c0", "✓"),
    PartitionStatus.FAILED: Mark("#981513", "#e5655a", "✕"),
    PartitionStatus.STALE: Mark("#a58b31", "#8f6410", "≠"),
}

_P, _S = PartitionStatus, StepStatus
#: The partition's status whose colour that of a step, a run or a backfill has, and its glyph.
LIKE: Mapping[str, tuple[PartitionStatus, str]] = {
    _S.PLANNED: (_P.MISSING, "○"),
    _S.BLOCKED: (_P.STALE, "⊘"),
    _S.QUEUED: (_P.QUEUED, "◷"),
    _S.RUNNING: (_P.RUNNING, "▶"),
    _S.SUCCEEDED: (_P.MATERIALIZED, "✓"),
    _S.FAILED: (_P.FAILED, "✕"),
    _S.CANCELLED: (_P.MISSING, "■"),
    _S.INTERRUPTED: (_P.STALE, "↯"),
    BackfillStatus.REQUESTED: (_P.QUEUED, "◷"),
    BackfillStatus.CANCELLING: (_P.RUNNING, "■"),
}


def like(status: str) -> PartitionStatus:
    """The partition's status whose colour a status has that `mark_of` knows."""
    return PartitionStatus(status) if status in tuple(PartitionStatus) else LIKE[status][0]


def mark_of(status: str) -> Mark | None:
    """The mark of the status of a partition, step, run or backfill given as text; None for another text."""
    if status in tuple(PartitionStatus):
        return MARKS[PartitionStatus(status)]
    if status not in LIKE:
        return None
    as_partition, glyph = LIKE[status]
    return replace(MARKS[as_partition], glyph=glyph)


def colour_rules(scope: str) -> str:
    """CSS that sets ``--nbpart-<status>`` on ``scope``: by JupyterLab's theme, else as the reader prefers."""
    light = "".join(f"--nbpart-{s}:{m.light};" for s, m in MARKS.items()) + f"--nbpart-ground:{LIGHT_GROUND};"
    dark = "".join(f"--nbpart-{s}:{m.dark};" for s, m in MARKS.items()) + f"--nbpart-ground:{DARK_GROUND};"
    return (
        f"{scope}{{{light}}}\n"
        f"@media (prefers-color-scheme:dark){{body:not([data-jp-theme-light]) {scope}{{{dark}}}}}\n"
        f'body[data-jp-theme-light="false"] {scope}{{{dark}}}'
    )
