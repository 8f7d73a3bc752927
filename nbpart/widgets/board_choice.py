"""What a person chose on a board: rows, or a range or some labels of columns; as a mask of rows and as a condition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbpart.catalog.condition_spelling import spell_column, spell_constant
from nbpart.widgets.board_model import BoardColumn, BoardModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1)
#: A condition of more characters is not shown: the keys are taken of the board instead.
_MOST_SHOWN = 2_000
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class BoardChoice:
    """What is chosen: ``keys`` where there are any, else what has a value within all ``ranges`` and ``labels``.

    An end of a range that is None is open. Columns that are not there any more choose nothing.
    """

    keys: tuple[str | None, ...] = ()
    ranges: Mapping[str, Bounds] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.keys or self.ranges or self.labels)


def find_chosen(model: BoardModel, choice: BoardChoice) -> NDArray[np.bool_]:
    """Which rows are chosen; none without a choice."""
    import numpy as np

    if not choice:
        return np.zeros(len(model.keys), dtype=bool)
    if choice.keys:
        wanted = set(choice.keys)
        return np.array([key in wanted for key in model.keys], dtype=bool)
    chosen = np.ones(len(model.keys), dtype=bool)
    for name, bounds in choice.ranges.items():
        column = model.column_of.get(name)
        chosen &= _is_within(column.values, _read_bounds(column, bounds)) if column is not None else False
    for name, labels in choice.labels.items():
        column = model.column_of.get(name)
        places = [column.labels.index(label) for label in labels if label in column.labels] if column else []
        chosen &= np.isin(column.values, places) if column is not None else False
    return chosen


def spell_where(model: BoardModel, choice: BoardChoice) -> str:
    """The condition that chooses the same, as ``where=`` takes it; "" without a choice.

    Settings are no columns of conditions: where one is asked for, the keys are spelled.
    """
    if not choice:
        return ""
    asked = [*choice.ranges, *choice.labels]
    names = [name for name in asked if name in model.column_of]
    if choice.keys or len(names) < len(asked) or any(model.column_of[name].role == "setting" for name in names):
        chosen = find_chosen(model, choice)
        keys = [key for key, is_chosen in zip(model.keys, chosen, strict=True) if is_chosen and key is not None]
        return _spell_options("partition_key", keys)
    parts = [_spell_range(model.column_of[name], bounds) for name, bounds in choice.ranges.items()]
    parts += [_spell_labels(model.column_of[name], labels) for name, labels in choice.labels.items()]
    return " and ".join(parts)


def spell_backfill(model: BoardModel, choice: BoardChoice) -> str:
    """The line of Python that runs what is chosen; "" without a choice."""
    where = spell_where(model, choice)
    spelled = f"where={where!r}" if len(where) <= _MOST_SHOWN else "keys=board.selection"
    return f"ws.backfill({model.asset!r}, {spelled})" if where else ""


def _read_bounds(column: BoardColumn, bounds: Bounds) -> Bounds:
    """Bounds as a condition spells them: of whole numbers whole, of dates whole days."""
    low, high = bounds
    step = 86_400_000 if column.is_date else 1
    if not (column.is_whole or column.kind == "time"):
        return bounds
    return (
        None if low is None else float(math.ceil(low / step) * step),
        None if high is None else float(math.floor(high / step) * step),
    )


def _is_within(values: NDArray[np.float64], bounds: Bounds) -> NDArray[np.bool_]:
    import numpy as np

    low, high = bounds
    return (
        ~np.isnan(values)
        & (values >= (-math.inf if low is None else low))
        & (values <= (math.inf if high is None else high))
    )


def _spell_range(column: BoardColumn, bounds: Bounds) -> str:
    name = spell_column(column.name)
    low, high = _read_bounds(column, bounds)
    ends = [(">=", low), ("<=", high)]
    parts = [f"{name} {sign} {spell_constant(_to_value(column, end))}" for sign, end in ends if end is not None]
    return " and ".join(parts) or f"{name} is not null"


def _spell_labels(column: BoardColumn, labels: tuple[str, ...]) -> str:
    name = spell_column(column.name)
    options = [column.options[column.labels.index(label)] for label in labels if label in column.labels]
    if options and len(options) == len(column.labels):
        return f"{name} is not null"
    return _spell_options(name, options)


def _spell_options(name: str, options: list[Any]) -> str:
    return f"{name} in ({', '.join(map(spell_constant, options))})" if options else "false"


def _to_value(column: BoardColumn, number: float) -> int | float | date | datetime:
    if column.kind == "time":
        at = _EPOCH + timedelta(milliseconds=number)
        return at.date() if column.is_date else at.replace(tzinfo=UTC) if column.has_offset else at
    return int(number) if column.is_whole and math.isfinite(number) else number
