"""Partitions in the order of what they logged, best first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nbpart.assets.metrics import Metric
from nbpart.partitions.names import metric_column
from nbpart.run.spec import InputSpec

if TYPE_CHECKING:
    import pandas as pd


def sort_best_first(frame: pd.DataFrame, metrics: Mapping[str, Metric], finished: pd.Series[bool]) -> pd.DataFrame:
    """Rows by the first metric, and where it is equal by the others; equal rows stay in their order.

    ``metrics`` are by column, ``finished`` marks the rows that can be best. The others stand behind them, as do, among
    each, rows without a value: nan is never best.
    """
    import numpy as np
    import pandas as pd

    columns: list[pd.Series] = [(~finished.astype(bool)).reset_index(drop=True)]
    for column, metric in metrics.items():
        if column in frame.columns:
            values = pd.to_numeric(frame[column], errors="coerce").astype(float).reset_index(drop=True)
            columns.append(-values if metric.direction == "max" else values)
    # the last key is the first to sort by; nan stands last in each
    order = np.lexsort([column.to_numpy() for column in reversed(columns)])
    return frame.iloc[order].reset_index(drop=True)


def build_leaderboard(given: InputSpec) -> pd.DataFrame:
    """The partitions of an input with what their runs logged, best first: see `RunContext.metrics`."""
    import pandas as pd

    params = list(dict.fromkeys(name for item in given.items for name in item.params))
    taken = {name.lower() for name in params}
    names = list(dict.fromkeys([*given.metrics, *(name for item in given.items for name in item.metrics)]))
    columns = {name: metric_column(name, taken) for name in names}
    data = {
        "partition_key": [item.partition_key for item in given.items],
        **{name: [item.params.get(name) for item in given.items] for name in params},
        "stopped_early": [item.stopped_early for item in given.items],
        **{columns[name]: [item.metrics.get(name) for item in given.items] for name in names},
    }
    frame = pd.DataFrame(data)
    rules = {columns[name]: metric for name, metric in given.metrics.items()}
    return sort_best_first(frame, rules, ~frame["stopped_early"].astype(bool))
