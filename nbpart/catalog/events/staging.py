"""Outcomes and materializations as Arrow tables with the columns of the catalog, to insert many by one statement."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_type_hints

from nbpart.catalog.records import Outcome
from nbpart.run.report import RecordedEnding
from nbpart.states import RunStatus
from nbpart.storage.file_record import FileRecord

if TYPE_CHECKING:
    import pyarrow as pa

#: How the values of a record's fields are staged, by the type that the record declares.
_TYPES: dict[Any, str] = {
    RunStatus: "string",
    str: "string",
    bool: "bool_",
    str | None: "string",
    int | None: "int64",
    float | None: "float64",
    datetime | None: "time",
    Mapping[str, tuple[str, ...]]: "json",
}


def _list_columns(record: type) -> dict[str, str]:
    hints = get_type_hints(record)
    return {entry.name: _TYPES[hints[entry.name]] for entry in fields(record)}


#: The columns of `outcomes` that a report has, and those of `data_files` that a file has.
ENDING_COLUMNS = _list_columns(RecordedEnding)
FILE_COLUMNS = _list_columns(FileRecord)
_OUTCOME = {"run_no": "int64", "attempt": "int32", "final": "bool_"}
_INPUT = {
    "input_id": "int32",
    "key_id": "int64",
    "n": "int64",
    "data_hash": "uint64",
    "position": "int64",
    "argument": "string",
    "lacking": "ids",
    "taken": "ids",
}
_SETTLED = {
    "fact_row": "int64",
    "asset_id": "int32",
    "key_id": "int64",
    "run_no": "int64",
    "final": "bool_",
    "outcome": "uint8",
    "materialization_id": "int64",
    "data_hash": "uint64",
    "stale": "uint8",
    "is_data": "bool_",
}


@dataclass(frozen=True, slots=True)
class NewMaterialization:
    """A row of materializations to insert, and the outcome of the run that made it.

    ``data_hash`` is the number of ``data_version`` (see `hash_version`).
    """

    materialization_id: int
    asset_id: int
    key_id: int
    code_version: str | None
    data_version: str
    data_hash: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FactsUpdate:
    """The change of a partition's facts by an outcome; a field that is None leaves the fact as it is.

    ``fact_row`` is the rowid of the facts; ``outcome`` and ``stale`` are codes of `expressions`. ``is_data`` says that
    the data are others than before.
    """

    fact_row: int
    asset_id: int
    key_id: int
    run_no: int
    final: bool
    outcome: int | None
    materialization_id: int | None
    data_hash: int | None
    stale: int
    is_data: bool


def build_new_materialization(
    materialization_id: int, asset_id: int, key_id: int, code_version: str | None, outcome: Outcome
) -> NewMaterialization:
    """The materialization of a run that succeeded."""
    version = outcome.report.data_version
    return NewMaterialization(
        materialization_id, asset_id, key_id, code_version, version, hash_version(version), outcome
    )


def hash_version(data_version: str) -> int:
    """The number of a data version (64 bits, unsigned), equal to that of `expressions.data_hash_sql`."""
    if re.fullmatch(r"[0-9a-f]{16,}", data_version):
        return int(data_version[:16], 16)
    # md5_number_lower is the little-endian number of the digest's second half
    return int.from_bytes(hashlib.md5(data_version.encode(), usedforsecurity=False).digest()[8:], "little")


def build_outcomes(outcomes: Sequence[Outcome]) -> pa.Table:
    """The columns of the table outcomes, without the last one (sequence)."""
    own = {name: (kind, [getattr(o, name) for o in outcomes]) for name, kind in _OUTCOME.items()}
    return _build(ENDING_COLUMNS, [outcome.report for outcome in outcomes], **own)


def build_facts_updates(rows: Sequence[FactsUpdate]) -> pa.Table:
    return _build(_SETTLED, rows)


def build_files(files: Sequence[FileRecord], key_ids: Sequence[int]) -> pa.Table:
    """The columns of files, with a column `key_id` beside them."""
    return _build(FILE_COLUMNS, files, key_id=("int64", key_ids))


def build_numbers(**columns: Sequence[int | None]) -> pa.Table:
    return _build({}, (), **{name: ("int64", numbers) for name, numbers in columns.items()})


def build_named(run_ids: Sequence[str | None], **columns: Sequence[int | None]) -> pa.Table:
    """Numbers, with a column `run_id` beside them."""
    numbers: dict[str, Any] = {name: ("int64", given) for name, given in columns.items()}
    return _build({}, (), run_id=("string", run_ids), **numbers)


def build_materializations(made: Sequence[NewMaterialization]) -> pa.Table:
    """The columns of the table materializations, without the last one (sequence)."""
    reports = [one.outcome.report for one in made]
    columns = {"materialization_id": "int64", "asset_id": "int32", "key_id": "int64"}
    return _build(
        columns,
        made,
        run_no=("int64", [report.run_no for report in reports]),
        code_version=("string", [one.code_version for one in made]),
        data_version=("string", [one.data_version for one in made]),
        data_hash=("uint64", [one.data_hash for one in made]),
        materialized_at=("time", [report.finished_at for report in reports]),
        duration_s=("float64", [report.duration_s for report in reports]),
        rows=("int64", [file.rows if (file := report.main_file) else None for report in reports]),
        bytes=("int64", [report.bytes for report in reports]),
        stopped_early=("bool_", [report.stopped_early for report in reports]),
    )


def split_metric(value: Any) -> tuple[float | None, str | None, int | None]:
    """A metric's value as the columns (number, text, whole) of the table metrics; `join_metric` is the opposite."""
    if hasattr(value, "item"):  # a scalar of numpy
        value = value.item()
    if isinstance(value, bool):
        return float(value), str(value).lower(), None
    if isinstance(value, int):
        return float(value), None, int(value)
    if isinstance(value, float):
        return float(value), None, None
    return None, str(value), None


def join_metric(number: float | None, text: str | None, whole: int | None) -> int | float | bool | str:
    """The value of a metric, as it was logged."""
    if whole is not None:
        return whole
    if text is not None:
        return text if number is None else bool(number)
    return math.nan if number is None else number


def _build_files(made: Sequence[NewMaterialization]) -> pa.Table:
    files = [(one.materialization_id, file) for one in made for file in one.outcome.report.files]
    return _build_owned(FILE_COLUMNS, files)


def _build_inputs(made: Sequence[NewMaterialization]) -> pa.Table:
    return _build_owned(_INPUT, [(one.materialization_id, read) for one in made for read in one.outcome.inputs])


def _build_metrics(made: Sequence[NewMaterialization]) -> pa.Table:
    named = [
        (one.materialization_id, name, value) for one in made for name, value in one.outcome.report.metrics.items()
    ]
    split = [split_metric(value) for _, _, value in named]
    return _build(
        {},
        (),
        materialization_id=("int64", [row[0] for row in named]),
        name=("string", [row[1] for row in named]),
        number=("float64", [number for number, _, _ in split]),
        text=("string", [text for _, text, _ in split]),
        whole=("whole", [whole for _, _, whole in split]),
    )


#: What hangs on a materialization: the builder of each table.
BUILDERS: dict[str, Callable[[Sequence[NewMaterialization]], pa.Table]] = {
    "data_files": _build_files,
    "inputs": _build_inputs,
    "metrics": _build_metrics,
}


def _build_owned(columns: dict[str, str], rows: Sequence[tuple[int, Any]]) -> pa.Table:
    table = _build(columns, [record for _, record in rows])
    owners = _build({}, (), materialization_id=("int64", [owner for owner, _ in rows]))
    return table.add_column(0, "materialization_id", owners.column(0))


def _build(columns: dict[str, str], records: Sequence[Any], **more: tuple[str, Sequence[Any]]) -> pa.Table:
    """A table of attributes of the records, and of more columns, each given as (type, values)."""
    import pyarrow as pa

    given = {name: (kind, [getattr(record, name) for record in records]) for name, kind in columns.items()} | more
    return pa.table({name: _to_array(kind, values) for name, (kind, values) in given.items()})


def _to_array(kind: str, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    if kind == "json":
        return pa.array([json.dumps(value) if value else None for value in values], pa.string())
    return pa.array(values, _to_type(kind))


def _to_type(kind: str) -> pa.DataType:
    import pyarrow as pa

    if kind == "whole":
        return pa.decimal128(38)
    if kind == "ids":
        return pa.list_(pa.int64())
    return pa.timestamp("us", tz="UTC") if kind == "time" else getattr(pa, kind)()
