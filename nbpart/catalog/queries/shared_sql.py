"""Parts that several queries share: staging keys and ids as tables, and parameters and metrics as columns."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import quote
from nbpart.catalog.set_tables import literal
from nbpart.partitions.names import metric_column

if TYPE_CHECKING:
    import pandas as pd


def create_metrics_table(batch: Batch, asset_id: int, name: str, taken: Collection[str]) -> list[str]:
    """Create the temporary table `name` of the metrics of an asset's current materializations.

    It has a row a materialization, and metric number n in the column `metric_<n>`: a number (whole where all values
    are, then exact, as DECIMAL(38, 0) where 64 bits do not hold it), a truth value where all are, or a text where any
    value is one. Returns the columns' names, as `metric_column` makes them; names that differ in case only are one, and
    `taken` (lower case) are names of other columns.
    """
    current = f"metrics x JOIN partition_facts f USING (materialization_id) WHERE f.asset_id = {int(asset_id)}"
    metrics = batch.rows(
        "SELECT lower(x.name), min(x.name), bool_or(x.text IS NOT NULL),"
        " bool_and(x.text IS NOT NULL AND x.number IS NOT NULL), bool_and(x.whole IS NOT NULL),"
        f" bool_and(x.whole BETWEEN -9223372036854775807 AND 9223372036854775807) FROM {current}"
        " GROUP BY 1 ORDER BY 1"
    )
    columns = [
        f", {_metric_sql(f'lower(x.name) = {literal(folded)}', *kind)} AS metric_{place}"
        for place, (folded, _, *kind) in enumerate(metrics)
    ]
    batch.create_temp(name, f"SELECT materialization_id{''.join(columns)} FROM {current} GROUP BY ALL")
    return [metric_column(str(row[1]), taken) for row in metrics]


def _metric_sql(where: str, has_text: bool, is_truth: bool, is_whole: bool, fits: bool) -> str:
    """The SQL of one metric of a materialization; `staging.split_metric` says how it is recorded."""
    if is_truth:
        return f"bool_or(x.number <> 0) FILTER ({where})"
    if is_whole:
        return f"(max(x.whole) FILTER ({where}))::{'BIGINT' if fits else 'DECIMAL(38, 0)'}"
    value = "coalesce(x.text, x.whole::VARCHAR, x.number::VARCHAR)" if has_text else "x.number"
    return f"max({value}) FILTER ({where})"


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
