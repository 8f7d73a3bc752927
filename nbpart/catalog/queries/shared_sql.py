"""Parts that several queries share: staging keys and ids as tables, and parameters and metrics as columns."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import quote
from nbpart.catalog.set_tables import literal
from nbpart.partitions.names import metric_column
from nbpart.partitions.values import Kind

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class MetricColumn:
    """A metric of an asset: its ``name``, the ``column`` that it is shown as, the ``kind`` of its values.

    ``is_exact``: its values are whole, and not all of them fit in 64 bits. ``is_one``: it was always spelled so.
    """

    name: str
    column: str
    kind: Kind
    is_exact: bool = False
    is_one: bool = True


def list_metrics(batch: Batch, asset_id: int, taken: Collection[str]) -> list[MetricColumn]:
    """The metrics of an asset's current materializations, by name.

    One is of numbers (whole where all values are), of truth values where all are, or of texts where any value is one.
    Names that differ in case only are one metric; ``taken`` (lower case) are names of other columns.
    """
    rows = batch.rows(
        "SELECT lower(x.name), min(x.name), bool_or(x.text IS NOT NULL),"
        " bool_and(x.text IS NOT NULL AND x.number IS NOT NULL), bool_and(x.whole IS NOT NULL),"
        " bool_and(x.whole BETWEEN -9223372036854775807 AND 9223372036854775807), min(x.name) = max(x.name)"
        f" FROM {_current_metrics(asset_id)}"
        " GROUP BY 1 ORDER BY 1"
    )
    found = []
    for _, name, has_text, is_truth, is_whole, fits, is_one in rows:
        kind = Kind.BOOL if is_truth else Kind.INT if is_whole else Kind.STR if has_text else Kind.FLOAT
        is_exact = kind is Kind.INT and not fits
        found.append(MetricColumn(str(name), metric_column(str(name), taken), kind, is_exact, bool(is_one)))
    return found


def create_metrics_table(batch: Batch, asset_id: int, name: str, metrics: Sequence[MetricColumn]) -> None:
    """Create the temporary table `name` of some metrics of an asset's current materializations.

    It has a row a materialization, and metric number n in the column `metric_<n>`; whole numbers are exact, as
    DECIMAL(38, 0) where 64 bits do not hold them.
    """
    names = ", ".join(literal(metric.name.lower()) for metric in metrics) or "NULL"
    columns = [f", {_metric_sql(metric)} AS metric_{place}" for place, metric in enumerate(metrics)]
    batch.create_temp(
        name,
        f"SELECT materialization_id{''.join(columns)} FROM {_current_metrics(asset_id)} AND lower(x.name) IN ({names})"
        " GROUP BY ALL",
    )


def _current_metrics(asset_id: int) -> str:
    return f"metrics x JOIN partition_facts f USING (materialization_id) WHERE f.asset_id = {int(asset_id)}"


def select_metric(metric: MetricColumn) -> str:
    """A query (materialization_id, value) of one metric that was always spelled alike, of all assets."""
    value = {
        Kind.BOOL: "number <> 0",
        Kind.INT: f"whole::{_whole_type(metric)}",
        Kind.STR: "coalesce(text, whole::VARCHAR, number::VARCHAR)",
    }.get(metric.kind, "number")
    return f"SELECT materialization_id, {value} AS value FROM metrics WHERE name = {literal(metric.name)}"


def _whole_type(metric: MetricColumn) -> str:
    return "DECIMAL(38, 0)" if metric.is_exact else "BIGINT"


def _metric_sql(metric: MetricColumn) -> str:
    """The SQL of one metric of a materialization; `staging.split_metric` says how it is recorded."""
    chosen = f"FILTER (lower(x.name) = {literal(metric.name.lower())})"
    if metric.kind is Kind.BOOL:
        return f"bool_or(x.number <> 0) {chosen}"
    if metric.kind is Kind.INT:
        return f"(max(x.whole) {chosen})::{_whole_type(metric)}"
    value = "coalesce(x.text, x.whole::VARCHAR, x.number::VARCHAR)" if metric.kind is Kind.STR else "x.number"
    return f"max({value}) {chosen}"


def select_list(columns: Sequence[tuple[str, str]]) -> str:
    """(expression, name) pairs as a list of columns."""
    return ", ".join(f"{expression} AS {quote(name)}" for expression, name in columns)


def nulls_to_none(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with None, not nan, where a text is absent."""
    import pandas as pd

    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_string_dtype(column.dtype) and column.dtype != object and column.hasnans:
            values = column.astype(object).where(column.notna(), None)
            frame[name] = values
        elif column.dtype == object and column.isna().all():
            frame[name] = pd.Series([None] * len(frame), index=frame.index, dtype=object)
    return frame
