"""What the catalog knows of the partitions of an asset, put in order: the best first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.assets.metrics import Metric
from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, queries
from nbpart.partitions.names import metric_column
from nbpart.run.leaderboard import sort_best_first
from nbpart.run.spec import decode_value

if TYPE_CHECKING:
    import pandas as pd

#: What is shown of a partition beside its parameters, settings and metrics.
_ENDS = ("duration_s", "status", "stopped_early", "run_id")
_NOT_SHOWN = ("reason", "error", "late", "checks", "materialized_at", "rows", "bytes")
#: The statuses of partitions that have data.
WITH_DATA = ("materialized", "stale")


@dataclass(frozen=True)
class Compared:
    """One reading of a board: ``frame`` best first, ``constant`` what all rows share, ``metrics`` by column.

    ``logged`` are the columns of what runs logged; ``own`` those of the set, and ``settings`` those of settings, that
    differ.
    """

    frame: pd.DataFrame
    constant: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    best_row: int | None
    logged: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


def load_compared(batch: Batch, asset_id: int) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """The partitions with their metrics, and the settings of the runs that were given any, by run id."""
    settings = queries.settings_of_runs(batch, asset_id)
    return queries.partition_status(batch, asset_id), {run: json.loads(text) for run, text in settings.items()}


def make_compared(
    found: pd.DataFrame, given: Mapping[str, dict[str, Any]], node: Node, metrics: Mapping[str, Metric]
) -> Compared:
    import pandas as pd

    settings = [
        {name: decode_value(value) for name, value in given.get(str(run), {}).items()} for run in found["run_id"]
    ]
    names = list(dict.fromkeys(name for one in settings for name in one))
    own = [column.name for column in (node.partitions.columns if node.partitions is not None else ())]
    logged = [column for column in found.columns if column not in ("partition_key", *own, *_ENDS, *_NOT_SHOWN)]
    rules = {metric_column(name, {one.lower() for one in own}): metric for name, metric in metrics.items()}
    first = [column for column in rules if column in logged]
    given_columns = {name: pd.Series([one.get(name) for one in settings], dtype=object) for name in names}
    inputs = pd.concat([found[own], pd.DataFrame(given_columns, index=found.index)], axis=1)
    differ = [name for name in inputs.columns if len(found) < 2 or _differs(inputs[name])]
    frame = pd.concat(
        [
            found[["partition_key"]],
            inputs[differ],
            found[[*first, *(column for column in logged if column not in first), *_ENDS]],
        ],
        axis=1,
    )
    constant = {name: inputs[name].iloc[0] for name in inputs.columns if name not in differ and len(found)}
    made = frame["status"].isin(WITH_DATA)
    finished = made & ~frame["stopped_early"].astype(bool)
    ranked = sort_best_first(frame.assign(_made=~made), rules, finished)
    ordered = ranked.sort_values("_made", kind="stable").drop(columns="_made").reset_index(drop=True)
    is_best = bool(first) and len(ordered) and _can_be_best(ordered.iloc[0], first[0])
    shown = {column: rules[column] for column in first}
    own_shown, settings_shown = (tuple(name for name in each if name in differ) for each in (own, names))
    return Compared(ordered, constant, shown, 0 if is_best else None, tuple(logged), own_shown, settings_shown)


def _differs(values: pd.Series) -> bool:
    return bool(values.astype(object).where(values.notna(), None).map(repr).nunique() > 1)


def _can_be_best(row: pd.Series, metric: str) -> bool:
    import pandas as pd

    value = pd.to_numeric(pd.Series([row[metric]]), errors="coerce").iloc[0]
    return bool(row["status"] in WITH_DATA and not row["stopped_early"] and pd.notna(value))
