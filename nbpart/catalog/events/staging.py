"""Outcomes as columns, so that a batch of them is recorded by a few statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.records import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

    from nbpart.catalog.batch import Batch

_OUTCOME = {
    "run_no": "int64",
    "attempt": "int32",
    "status": "string",
    "final": "bool_",
    "finished_at": "time",
    "duration_s": "float64",
    "error_class": "string",
    "error_message": "string",
    "error_cell": "int32",
    "traceback": "string",
    "exit_code": "int32",
    "kernel": "string",
    "data_version": "string",
    "rows": "int64",
    "bytes": "int64",
    "code_version": "string",
}
_FILE = {
    "name": "string",
    "kind": "string",
    "format": "string",
    "path": "string",
    "part": "string",
    "rows": "int64",
    "bytes": "int64",
    "data_version": "string",
    "schema": "string",
}
_INPUT = {"input_id": "int32", "key_id": "int64", "n": "int64", "data_hash": "uint64", "position": "int64"}


def stage_outcomes(batch: Batch, outcomes: Sequence[Outcome]) -> list[str]:
    """Stage the outcomes as outcomes_staged, and what hangs on them; the names of the tables that this belongs in.

    For each of these there is a staged table with `_staged` behind its name; `ordinal` is the place of the outcome
    among those given, the other columns stand as in the table.
    """
    import pyarrow as pa

    table = _to_table(_OUTCOME, outcomes, list(range(len(outcomes))))
    lacked = [json.dumps(o.lacked) if o.lacked else None for o in outcomes]
    batch.stage("outcomes_staged", table.append_column("lacked", pa.array(lacked, pa.string())))
    files = [(place, file) for place, outcome in enumerate(outcomes) for file in outcome.files]
    inputs = [(place, read) for place, outcome in enumerate(outcomes) for read in outcome.inputs]
    tables = {
        "data_files": _to_table(_FILE, [file for _, file in files], [place for place, _ in files]),
        "inputs": _to_table(_INPUT, [read for _, read in inputs], [place for place, _ in inputs]),
        "metrics": _build_metrics(outcomes),
    }
    filled = [name for name, table in tables.items() if table.num_rows]
    for name in filled:
        batch.stage(f"{name}_staged", tables[name])
    return filled


def split_metric(value: Any) -> tuple[float | None, str | None]:
    """A metric's value as (number, text): a truth value has both, a number or a text only its own."""
    if hasattr(value, "item"):  # a scalar of numpy
        value = value.item()
    if isinstance(value, bool):
        return float(value), str(value).lower()
    if isinstance(value, int | float):
        return float(value), None
    return None, str(value)


def _build_metrics(outcomes: Sequence[Outcome]) -> pa.Table:
    import pyarrow as pa

    rows = [(place, name, *split_metric(v)) for place, o in enumerate(outcomes) for name, v in o.metrics.items()]
    places, names, numbers, texts = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "ordinal": pa.array(places, pa.int64()),
            "name": pa.array(names, pa.string()),
            "number": pa.array(numbers, pa.float64()),
            "text": pa.array(texts, pa.string()),
        }
    )


def _to_table(columns: dict[str, str], records: Sequence[Any], ordinals: Sequence[int]) -> pa.Table:
    import pyarrow as pa

    arrays = {"ordinal": pa.array(ordinals, pa.int64())}
    for name, kind in columns.items():
        type_ = pa.timestamp("us", tz="UTC") if kind == "time" else getattr(pa, kind)()
        arrays[name] = pa.array([getattr(record, name) for record in records], type_)
    return pa.table(arrays)
