"""What a board shows, as columns of numbers: a row a partition, best first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from nbpart.widgets.board_payloads import BoardColumnJson, BoardJson
from nbpart.widgets.clipping import clip

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: So many rows are sent to a page.
MOST_ROWS = 20_000
#: Numbers whose upper quartile is so many times the lower one are drawn log where no distribution says otherwise.
_LOG_RATIO = 10
_NUMBERS = re.compile(r"([0-9]+)")
Role = Literal["parameter", "setting", "metric", "fact"]
_SHOWN_FACTS = ("duration_s", "status")


@dataclass(frozen=True)
class BoardColumn:
    """A column: ``values`` are numbers, milliseconds since 1970, or places in ``options`` and ``labels``; nan: none.

    ``is_date``: its times are dates; ``has_offset``: they are aware. ``is_log`` says how it is drawn.
    """

    name: str
    role: Role
    kind: Literal["number", "time", "category"]
    values: NDArray[np.float64]
    labels: tuple[str, ...] = ()
    options: tuple[Any, ...] = ()
    is_whole: bool = False
    is_log: bool = False
    is_date: bool = False
    has_offset: bool = False
    better: str = ""

    def to_json(self) -> BoardColumnJson:
        return {
            "name": self.name, "role": self.role, "kind": self.kind, "whole": self.is_whole, "log": self.is_log,
            "better": self.better, "labels": list(self.labels),
        }  # fmt: skip


@dataclass(frozen=True)
class BoardModel:
    """The partitions of an asset: ``run_ids`` are the runs that their statuses are about, ``early`` ended early."""

    asset: str
    keys: tuple[str | None, ...]
    run_ids: tuple[str | None, ...]
    early: NDArray[np.bool_]
    columns: tuple[BoardColumn, ...]
    best_row: int | None
    constant: str

    @cached_property
    def column_of(self) -> Mapping[str, BoardColumn]:
        return {column.name: column for column in self.columns}

    def to_json(self) -> BoardJson:
        import numpy as np

        return {
            "asset": self.asset,
            "keys": list(self.keys[:MOST_ROWS]),
            "run_ids": list(self.run_ids[:MOST_ROWS]),
            "columns": [column.to_json() for column in self.columns],
            "best": self.best_row,
            "early": np.flatnonzero(self.early[:MOST_ROWS]).tolist(),
            "constant": self.constant,
            "more": max(0, len(self.keys) - MOST_ROWS),
        }

    def encode(self) -> bytes:
        """The values of all columns, one after the other."""
        return b"".join(column.values[:MOST_ROWS].astype("<f8", copy=False).tobytes() for column in self.columns)


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of the columns of a frame: which are parameters, settings and metrics, which are drawn log.

    ``is_log`` has those whose distribution says so, or says that they are not; ``options`` the values that were
    declared one by one, in the order in which they are drawn.
    """

    parameters: Sequence[str]
    settings: Sequence[str]
    metrics: Sequence[str]
    is_log: Mapping[str, bool | None]
    better: Mapping[str, str]
    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def make_board(
    asset: str, frame: pd.DataFrame, facts: ColumnFacts, best_row: int | None, constant: Mapping[str, Any]
) -> BoardModel:
    """The model of a board's frame, whose columns are those of `nbpart.trials.board.Board.frame`."""
    roles: dict[str, Role] = dict.fromkeys(_SHOWN_FACTS, "fact")
    named: tuple[tuple[Role, Sequence[str]], ...] = (
        ("metric", facts.metrics), ("setting", facts.settings), ("parameter", facts.parameters),
    )  # fmt: skip
    for role, names in named:
        roles |= dict.fromkeys(names, role)
    columns = [_read_column(str(name), roles[str(name)], frame[name], facts) for name in frame.columns if name in roles]
    same = clip(", ".join(f"{name}={value}" for name, value in constant.items()))
    early = frame["stopped_early"].astype(bool).to_numpy() & frame["status"].isin(("materialized", "stale")).to_numpy()
    keys, run_ids = (_texts(frame[name]) for name in ("partition_key", "run_id"))
    return BoardModel(asset, keys, run_ids, early, tuple(columns), best_row, same)


def _texts(values: pd.Series) -> tuple[str | None, ...]:
    return tuple(value if isinstance(value, str) else None for value in values)


def _read_column(name: str, role: Role, values: pd.Series, facts: ColumnFacts) -> BoardColumn:
    import numpy as np
    import pandas as pd

    known = values[values.notna()]
    if pd.api.types.is_bool_dtype(values) or not len(known):
        return _read_category(name, role, values, facts)
    if pd.api.types.is_datetime64_any_dtype(values):
        has_offset = isinstance(values.dtype, pd.DatetimeTZDtype)
        utc = values.dt.tz_convert("UTC").dt.tz_localize(None) if has_offset else values
        times = utc.astype("datetime64[ms]").astype("int64").to_numpy().astype(float)
        return BoardColumn(name, role, "time", np.where(values.isna(), np.nan, times), has_offset=has_offset)
    plain = list(known)
    if all(isinstance(value, date) and not isinstance(value, datetime) for value in plain):
        times = pd.to_datetime(values).astype("datetime64[ms]").astype("int64").to_numpy().astype(float)
        return BoardColumn(name, role, "time", np.where(values.isna(), np.nan, times), is_date=True)
    is_number = pd.api.types.is_numeric_dtype(values) or all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in plain
    )
    if not is_number:
        return _read_category(name, role, values, facts)
    numbers = pd.to_numeric(values, errors="coerce").astype(float).to_numpy(dtype=float, na_value=np.nan)
    is_whole = role == "parameter" and all(isinstance(value, int | np.integer) for value in plain)
    return BoardColumn(
        name, role, "number", numbers, is_whole=is_whole,
        is_log=_is_log(numbers, facts.is_log.get(name)), better=facts.better.get(name, ""),
    )  # fmt: skip


def _read_category(name: str, role: Role, values: pd.Series, facts: ColumnFacts) -> BoardColumn:
    import numpy as np

    places: dict[str, int] = {}
    options: list[Any] = []
    codes = np.full(len(values), np.nan)
    known = {spell_label(value): value for value in values if not _is_none(value)}
    declared = [spell_label(option) for option in facts.options.get(name, ())]
    for label in sorted(known, key=lambda label: (_place(label, declared), _natural(label))):
        places[label] = len(options)
        options.append(known[label])
    for row, value in enumerate(values):
        if not _is_none(value):
            codes[row] = places[spell_label(value)]
    return BoardColumn(name, role, "category", codes, tuple(places), tuple(options))


def _place(label: str, declared: Sequence[str]) -> int:
    return declared.index(label) if label in declared else len(declared)


def _natural(label: str) -> list[tuple[bool, int, str]]:
    """What sorts texts as a person does: the numbers in them as numbers."""
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _NUMBERS.split(label)]


def spell_label(value: Any) -> str:
    """A value of a category as it is shown."""
    if isinstance(value, bool) or type(value).__name__ == "bool":  # also that of numpy
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _is_none(value: Any) -> bool:
    return value is None or bool(isinstance(value, float) and value != value) or type(value).__name__ == "NAType"


def _is_log(numbers: NDArray[np.float64], declared: bool | None) -> bool:
    """Whether numbers are drawn on a logarithmic axis."""
    import numpy as np

    finite = numbers[np.isfinite(numbers)]
    if not len(finite) or finite.min() <= 0 or declared is False:
        return False
    low, high = np.quantile(finite, (0.25, 0.75))
    return bool(declared or high >= low * _LOG_RATIO)
