"""The partitions of an asset beside each other, best first: what they were given, and what their runs logged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import name_of
from nbpart.assets.metrics import Metric, read_metrics
from nbpart.backfill.registry import Node, spell_key
from nbpart.catalog import Batch, queries
from nbpart.errors import DeclarationError, MissingInputError, UnknownNameError, nearest
from nbpart.partitions import PartitionRef
from nbpart.partitions.names import METRIC, metric_column
from nbpart.project.diff import Diff
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry
from nbpart.project.runs import get_run
from nbpart.run.leaderboard import sort_best_first
from nbpart.run.spec import decode_value
from nbpart.widgets.tables import board_html

if TYPE_CHECKING:
    import pandas as pd

#: What is shown of a partition beside its parameters, settings and metrics.
_ENDS = ("duration_s", "status", "stopped_early", "run_id")
_NOT_SHOWN = ("reason", "error", "late", "checks", "materialized_at", "rows", "bytes")
_WITH_DATA = ("materialized", "stale")


@dataclass(frozen=True)
class Compared:
    """One reading of a board: ``frame`` best first, ``constant`` what all rows share, ``metrics`` by column.

    ``logged`` are the columns of what runs logged.
    """

    frame: pd.DataFrame
    constant: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    best_row: int | None
    logged: tuple[str, ...] = ()


class Board:
    """The partitions of an asset as `Workspace.compare` shows them; it follows the catalog."""

    def __init__(self, project: Project, node: Node, metrics: Mapping[str, Metric]) -> None:
        self._project, self._node, self._metrics = project, node, metrics
        self._seen: tuple[int, Compared] | None = None

    @property
    def asset(self) -> str:
        return self._node.name

    @property
    def frame(self) -> pd.DataFrame:
        """A partition a row, best first.

        Columns: ``partition_key``, the parameters and settings that differ, the metrics (those of ``metrics=`` first),
        ``duration_s, status, stopped_early, run_id``. What was told to end early stands behind what went to its end,
        and what has no value, or is nan, behind that; partitions that have no data or failed are last.
        """
        return self.read().frame.copy()

    @property
    def constant(self) -> dict[str, Any]:
        """The parameters and settings that all partitions share, by name."""
        return dict(self.read().constant)

    @property
    def best(self) -> pd.Series | None:
        """The first row: the best that went to its end; None where there is none yet.

        Raises `DeclarationError` where nobody said which way the metrics are better.
        """
        read = self.read()
        if not self._metrics:
            raise DeclarationError(
                f"{self.asset} declares no metrics, so none is best: register it with metrics={{'accuracy': 'max'}}, "
                "or give them to compare."
            )
        return None if read.best_row is None else read.frame.iloc[read.best_row]

    def diff(self, a: Any, b: Any) -> Diff:
        """Where the runs of two partitions, given by their keys, differ; see `nbpart.diff`.

        Raises `UnknownNameError` for a key that is not there, `MissingInputError` for a partition that no run made.
        """
        frame = self.read().frame
        found = []
        for key in (a, b):
            text = spell_key(self._node, key)
            rows = frame[frame["partition_key"] == text]
            if not len(rows):
                raise UnknownNameError(
                    f"{self.asset} has no key {text!r}; {nearest(str(text), frame['partition_key'])}"
                )
            if not isinstance(run_id := rows["run_id"].iloc[0], str):
                raise MissingInputError(f"{PartitionRef(self.asset, text).label} was made by no run yet.")
            found.append(get_run(self._project, run_id))
        return found[0].diff(found[1])

    def read(self) -> Compared:
        """What the catalog knows now."""
        sequence = self._project.catalog.sequence()
        if self._seen is None or self._seen[0] != sequence:
            node = self._node
            found, given = self._project.read(lambda batch: _load(batch, node.asset_id))
            self._seen = sequence, _compare(found, given, node, self._metrics)
        return self._seen[1]

    def _repr_html_(self) -> str:
        read = self.read()
        return board_html(self.asset, read.frame, read.best_row, read.constant)

    def __repr__(self) -> str:
        frame = self.read().frame
        best = "" if not self._metrics or self.best is None else f"; best {self.best.partition_key}"
        n = int(frame["status"].isin(_WITH_DATA).sum())
        return f"<{self.asset}: {n:,} of {len(frame):,} partitions made{best}>"


def compare(project: Project, asset: Any, metrics: Mapping[str, Any] | None = None) -> Board:
    """The board of an asset; see `Workspace.compare`.

    Raises `UnknownNameError` for an asset that is none and for a metric that no run logged, `DeclarationError` for a
    source and for metrics that cannot be.
    """
    node = refresh_registry(project)[name_of(asset)]
    if node.definition.is_source:
        raise DeclarationError(f"{node.name} is a source: no run of it logs metrics.")
    rules = read_metrics(node.name, metrics) if metrics is not None else dict(node.definition.metrics)
    board = Board(project, node, rules)
    if metrics is not None:
        _check_logged(board, rules)
    return board


def _check_logged(board: Board, metrics: Mapping[str, Metric]) -> None:
    known = board.read().logged
    for name in metrics:
        if not {name, metric_column(name), f"{METRIC}{name}"}.intersection(known):
            raise UnknownNameError(f"no run of {board.asset} logged {name!r}; {nearest(name, known)}")


def _load(batch: Batch, asset_id: int) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """The partitions with their metrics, and the settings of the runs that were given any, by run id."""
    settings = queries.settings_of_runs(batch, asset_id)
    return queries.partition_status(batch, asset_id), {run: json.loads(text) for run, text in settings.items()}


def _compare(
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
    made = frame["status"].isin(_WITH_DATA)
    finished = made & ~frame["stopped_early"].astype(bool)
    ranked = sort_best_first(frame.assign(_made=~made), rules, finished)
    ordered = ranked.sort_values("_made", kind="stable").drop(columns="_made").reset_index(drop=True)
    is_best = bool(first) and len(ordered) and _can_be_best(ordered.iloc[0], first[0])
    shown = {column: rules[column] for column in first}
    return Compared(ordered, constant, shown, 0 if is_best else None, tuple(logged))


def _differs(values: pd.Series) -> bool:
    return bool(values.astype(object).where(values.notna(), None).map(repr).nunique() > 1)


def _can_be_best(row: pd.Series, metric: str) -> bool:
    import pandas as pd

    value = pd.to_numeric(pd.Series([row[metric]]), errors="coerce").iloc[0]
    return bool(row["status"] in _WITH_DATA and not row["stopped_early"] and pd.notna(value))
