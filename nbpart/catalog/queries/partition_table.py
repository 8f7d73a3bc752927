"""The table that a person sees of the partitions of an asset, or of the keys of a set: its columns, each with the joins
that it needs."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.causes import LATE
from nbpart.catalog.expressions import ACTIVE_NONE, OUTCOME_FAILED, status_sql
from nbpart.catalog.instance import ZONE
from nbpart.catalog.judged import select_worst
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.lateness import create_late, load_expectations
from nbpart.catalog.queries.shared_sql import (
    MetricColumn,
    create_metrics_table,
    list_metrics,
    nulls_to_none,
    select_list,
    select_metric,
)
from nbpart.catalog.reasons import create_reasons
from nbpart.catalog.set_tables import asset_set_id, literal, ordered_members, set_sql
from nbpart.partitions.key_values import window_zones
from nbpart.partitions.names import METRIC
from nbpart.partitions.values import Kind
from nbpart.states import RunStatus

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: So many metrics are joined one by one.
_FEW_METRICS = 4
_ERROR = (
    "CASE WHEN o.error_class IS NOT NULL THEN concat_ws(': ', o.error_class, nullif(o.error_message, ''))"
    " ELSE o.error_message END"
)
_RUN = (
    f"CASE WHEN f.active <> {ACTIVE_NONE} THEN f.active_run"
    f" WHEN f.outcome = {OUTCOME_FAILED} THEN failed.run_no ELSE made.run_no END"
)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of the table: the kind of its values (None: a time with its offset), and whether it tells what became of
    a partition, which its key does not."""

    name: str
    kind: Kind | None
    is_fact: bool = True


STATUS = TableColumn("status", Kind.STR)
#: What every partition of an asset has, besides its key, in the order in which it is shown.
FACTS = (
    STATUS, TableColumn("reason", Kind.STR), TableColumn("error", Kind.STR), TableColumn("late", Kind.BOOL),
    TableColumn("checks", Kind.STR), TableColumn("stopped_early", Kind.BOOL),
    TableColumn("run_id", Kind.STR), TableColumn("materialized_at", None), TableColumn("duration_s", Kind.FLOAT),
    TableColumn("rows", Kind.INT), TableColumn("bytes", Kind.INT),
)  # fmt: skip
KEY = TableColumn("partition_key", Kind.STR, is_fact=False)


class PartitionTable:
    """The table of an asset's partitions, or, without an asset, of the keys of a set, as parts of a query:
    ``SELECT … FROM {rows} m {joins}``.

    `value` gives the expression of a column, and adds the joins that it needs: take the joins last.
    """

    def __init__(self, batch: Batch, set_id: int, asset_id: int | None) -> None:
        self._batch, self._asset_id = batch, asset_id
        self._set = set_sql(batch, set_id)
        self._joins: dict[str, str] = {}
        self._metric_sources: dict[str, str] = {}
        self._metric_values: dict[str, str] = {}

    @classmethod
    def of_asset(cls, batch: Batch, asset_id: int) -> PartitionTable:
        return cls(batch, asset_set_id(batch, asset_id), int(asset_id))

    @property
    def set_id(self) -> int:
        return self._set.set_id

    @property
    def rows(self) -> str:
        """The members, as (key_id, position)."""
        return self._set.rows

    @property
    def joins(self) -> str:
        return self._set.joins + "".join(self._joins.values())

    @cached_property
    def columns(self) -> tuple[TableColumn, ...]:
        """All columns, in the order in which they are shown."""
        own = [TableColumn(column.name, column.plain_kind, is_fact=False) for column in self._set.columns]
        if self._asset_id is None:
            return (KEY, *own)
        return (KEY, *FACTS, *own, *(TableColumn(metric.column, metric.kind) for metric in self._metrics))

    def find(self, name: str) -> TableColumn | None:
        """The column of that name, whatever its case; a metric also by its name behind ``metric.``."""
        folded = name.lower()
        own = [TableColumn(one.name, one.plain_kind, is_fact=False) for one in self._set.columns]
        known: list[TableColumn] = [KEY, *(FACTS if self._asset_id is not None else ()), *own]
        for column in known:
            if column.name.lower() == folded:
                return column
        metrics: list[MetricColumn] = self._metrics if self._asset_id is not None else []
        for metric in metrics:
            if folded in (metric.column.lower(), f"{METRIC}{metric.name}".lower()):
                return TableColumn(metric.column, metric.kind)
        return None

    @property
    def zone(self) -> str:
        """The time zone of its dates and naive times: that of its windows."""
        zones = window_zones(self._set.definition)
        return next((str(zone) for zone in zones.values()), ZONE)

    def value(self, column: TableColumn) -> str:
        """The expression of a column; one of numbers has no nan, which is null."""
        value = self._value(column)
        return f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END" if column.kind is Kind.FLOAT else value

    def values(self, columns: Iterable[TableColumn]) -> str:
        """The columns under their names, as a list."""
        return select_list([(self.value(column), column.name) for column in columns])

    def use_metrics(self, columns: Sequence[TableColumn]) -> None:
        """Have ready the metrics among some columns: called once, before their values are asked for.

        A few are joined one by one, which takes a quarter of gathering them.
        """
        names = {column.name for column in columns if column.is_fact and column not in FACTS}
        wanted = [metric for metric in self._metrics if metric.column in names] if names else []
        if len(wanted) <= _FEW_METRICS and all(metric.is_one for metric in wanted):
            self._metric_sources = {f"x{place}": f"({select_metric(one)})" for place, one in enumerate(wanted)}
            self._metric_values = {one.column: f"x{place}.value" for place, one in enumerate(wanted)}
            return
        create_metrics_table(self._batch, int(self._asset_id or 0), "partition_metrics", wanted)
        self._metric_sources = {"x": "partition_metrics"}
        self._metric_values = {metric.column: f"x.metric_{place}" for place, metric in enumerate(wanted)}

    @cached_property
    def _metrics(self) -> list[MetricColumn]:
        assert self._asset_id is not None, "only an asset has metrics"
        return list_metrics(self._batch, self._asset_id, {column.name.lower() for column in self._set.columns})

    def _value(self, column: TableColumn) -> str:
        if column == KEY:
            return f"nullif({self._set.key_text()}, '')"
        own = next((one for one in self._set.columns if one.name == column.name), None)
        if own is not None and not column.is_fact:
            return self._set.value(own)
        if column in FACTS:
            return self._fact(column.name)
        self._join("f")
        value = self._metric_values[column.name]
        name = value.partition(".")[0]
        source = f"{self._metric_sources[name]} {name}"
        self._joins[name] = f" LEFT JOIN {source} ON {name}.materialization_id = f.materialization_id"
        return value

    def _fact(self, name: str) -> str:
        if name == "late":
            return self._late()
        self._join("f")
        if name == "status":
            return f"({status_sql()})"
        if name == "reason":
            self._join("reasons")
            late = self._late()
            is_told = late == "false"  # what nothing is expected of is never late
            return "why.reason" if is_told else f"coalesce(why.reason, CASE WHEN {late} THEN {literal(LATE)} END)"
        if name == "error":
            self._join("failed")
            return "failed.error"
        if name == "checks":
            self._join("judged")
            return "judged.outcome"
        self._join("made")
        if name == "run_id":
            self._join("failed", "own")
            return "own.run_id"
        return "coalesce(made.stopped_early, false)" if name == "stopped_early" else f"made.{name}"

    def _late(self) -> str:
        """Whether a partition is late."""
        if int(self._asset_id or 0) not in load_expectations(self._batch):
            return "false"
        self._join("late")
        return "(late.key_id IS NOT NULL)"

    def _join(self, *names: str) -> None:
        """Join what some columns come from, once each; what another one needs comes before it."""
        for name in names:
            if name not in self._joins:
                self._joins[name] = f" LEFT JOIN {self._source(name)}"

    def _source(self, name: str) -> str:
        asset = f"asset_id = {int(self._asset_id or 0)}"
        if name == "f":
            return f"(SELECT * FROM partition_facts WHERE {asset}) f ON f.key_id = m.key_id"
        if name == "judged":
            judged = select_worst(int(self._asset_id or 0))
            return f"({judged}) judged ON judged.key_id = m.key_id AND judged.data_hash = f.data_hash"
        if name == "late":
            return f"{create_late(self._batch, int(self._asset_id or 0))} late ON late.key_id = m.key_id"
        if name == "made":
            made = f"SELECT * FROM materializations WHERE {asset}"
            return f"({made}) made ON made.materialization_id = f.materialization_id"
        if name == "own":
            return f"(SELECT run_no, run_id FROM runs WHERE {asset}) own ON own.run_no = {_RUN}"
        if name == "reasons":
            return f"{create_reasons(self._batch, int(self._asset_id or 0))} why ON why.key_id = m.key_id"
        return (
            f"(SELECT r.key_id, max(r.run_no) AS run_no, arg_max({_ERROR}, r.run_no) AS error"
            f" FROM runs r JOIN outcomes o USING (run_no) WHERE r.{asset} AND o.final"
            f" AND o.status = '{RunStatus.FAILED.value}' AND r.key_id IN"
            f" (SELECT key_id FROM partition_facts WHERE {asset} AND outcome = {OUTCOME_FAILED})"
            f" GROUP BY r.key_id) failed ON failed.key_id = m.key_id AND f.outcome = {OUTCOME_FAILED}"
        )


def partition_status(batch: Batch, asset_id: int, key_ids: NDArray[np.int64] | None = None) -> pd.DataFrame:
    """Every partition of an asset, or those with some key ids, in member order.

    Columns: partition_key, status, reason (the first cause where it is not up to date, or "late"), error (of a failed
    one), late (whether it is), checks (the worst that its checks say of its data, None without one), stopped_early
    (whether its data are of a run that was told to end early), run_id, materialized_at, duration_s, rows, bytes, then
    the columns of its set, typed, and its metrics (`metric_column` names them). run_id is the run that the status is
    about: the active one, the one that failed, or else the one that made the data; the columns after it are about the
    data that the partition has.
    """
    table = PartitionTable.of_asset(batch, asset_id)
    table.use_metrics(table.columns)
    values = table.values(table.columns)
    chosen = ""
    if key_ids is not None:
        stage_numbers(batch, "partitions_shown", key_ids)
        chosen = " WHERE m.key_id IN (SELECT id FROM partitions_shown)"
    members = ordered_members(batch, table.set_id)
    return nulls_to_none(batch.frame(f"SELECT {values} FROM {members} m{table.joins}{chosen} ORDER BY m.position"))
