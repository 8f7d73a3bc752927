"""The constants and types that the front end gets from Python, as text. Committed; a test keeps them current."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from frontend.declarations import make_declarations
from nbpart import states
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets import explorer_model, palette, schema
from nbpart.widgets.heatmap_bands import LATE_BIT, UNSOUND_BIT

GENERATED = Path(__file__).parent / "src" / "generated"
_WARNING = "// Made of Python's records by `make bundle`; edit those.\n"


#: Every status of a partition, run, step or backfill.
STATUS_NAMES = {*palette.MARKS, *palette.COLOURED_AS}


def generate() -> dict[Path, str]:
    """Return the text of each generated file."""
    return {
        GENERATED / "constants.js": make_constants(),
        GENERATED / "messages.d.ts": f"{_WARNING}\n{make_declarations()}",
    }


def write() -> None:
    """Write the generated files."""
    for path, text in generate().items():
        path.write_text(text, encoding="utf-8")


def make_constants() -> str:
    """Return a JavaScript module with the statuses, their glyphs, orders and groups."""
    marks = {s: {"colour": s, "glyph": mark.glyph} for s, mark in palette.MARKS.items()}
    marks |= {
        s: {"colour": colour, "glyph": glyph} for s, (colour, glyph) in palette.COLOURED_AS.items() if s not in marks
    }
    choices = map(list, explorer_model.STATUS_CHOICES.items())
    by_code = sorted(STATUS_CODES, key=lambda s: STATUS_CODES[s])
    constants = [
        ("The version of the messages.", "VERSION", schema.VERSION),
        ("The statuses of partitions, in the order of their codes.", "STATUSES", [
            {"name": s, "glyph": palette.MARKS[s].glyph} for s in by_code
        ]),
        ("The code of each status of a partition.", "CODES", {s: STATUS_CODES[s] for s in by_code}),
        ("The order in which statuses are shown everywhere; codes.", "DISPLAY_ORDER", _codes(states.DISPLAY_ORDER)),
        ("From left to right in a bar; codes.", "BAR_ORDER", _codes(states.BAR_ORDER)),
        ("From top to bottom in a column of pixels; codes.", "COLUMN_ORDER", _codes(states.COLUMN_ORDER)),
        ("From the most to the least urgent; codes.", "URGENCY", _codes(states.URGENCY)),
        ("Statuses that a summary lists besides materialized, the gravest first.", "NOTABLE", list(states.NOTABLE)),
        ("Statuses of steps that a retry runs again.", "RETRYABLE", list(states.RETRYABLE)),
        ("Which of the selected partitions a backfill runs, with labels.", "STATUS_CHOICES", list(choices)),
        ("The bit of a status that is sent which says that the partition is late.", "LATE_BIT", LATE_BIT),
        ("The glyph of what is late beside its status.", "LATE_GLYPH", palette.LATE.glyph),
        ("The bit that says that the data do not pass a check.", "UNSOUND_BIT", UNSOUND_BIT),
        ("The glyph of such data, and what is said of them beside a number.", "UNSOUND_GLYPH", palette.UNSOUND.glyph),
        ("What is said of such data beside a number.", "UNSOUND_WORDS", palette.UNSOUND_WORDS),
        ("Of every status: the status of partitions whose colour it has, and its glyph.", "MARKS", marks),
    ]  # fmt: skip
    return _WARNING + "".join(
        f"\n/** {about} */\nexport const {name} = {_spell(value)};\n" for about, name, value in constants
    )


def _codes(statuses: Iterable[PartitionStatus]) -> list[int]:
    return [STATUS_CODES[status] for status in statuses]


def _spell(value: Any) -> str:
    """Return a value as a JavaScript literal; an object or list of objects has a line per entry."""
    if isinstance(value, dict) and any(isinstance(each, dict) for each in value.values()):
        lines = [f"  {name}: {_inline(each)}," for name, each in value.items()]
        return "\n".join(["/** @type {const} */ ({", *lines, "})"])
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "\n".join(["/** @type {const} */ ([", *(f"  {_inline(each)}," for each in value), "])"])
    return f"/** @type {{const}} */ ({_inline(value)})" if isinstance(value, dict | list) else _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name}: {_inline(each)}' for name, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)
