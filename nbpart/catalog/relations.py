"""Assets as tables that users query, in a second DuckDB instance that never opens the catalog file."""

# ruff: noqa: S608  what is put into SQL is constants of this module and names that are quoted

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import quote
from nbpart.errors import CatalogError, MissingInputError, UnknownNameError
from nbpart.partitions.names import metric_column

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Columns of `AssetSnapshot.rows`; parameter and metric number n stand in the columns `param_<n>` and `metric_<n>`.
ROW_COLUMNS = ("partition_key", "path", "format", "schema")

_SETTINGS = (
    "SET GLOBAL TimeZone = 'UTC'",
    # a table's name means an asset, never a variable of the code around the call
    "SET GLOBAL python_enable_replacements = false",
)
_IDENTIFIERS = re.compile(r'"((?:[^"]|"")+)"|([^\W\d]\w*)')
#: How a file of each format becomes the column `value`; any other format shows its path.
_READERS = {"json": "read_text", "text": "read_text", "bytes": "read_blob"}
_FILE_COLUMN = "nbpart file of the row"


@dataclass(frozen=True, slots=True)
class AssetSnapshot:
    """The data of an asset at one moment: a row in `rows` for each partition with data, see `ROW_COLUMNS`.

    `path` is that of a local file where `Relations` reads it, null where a run saved nothing; equal `schema` texts mean
    equal columns.
    """

    name: str
    partitioned: bool
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: pa.Table


class Relations:
    """Makes relations over snapshots of assets; safe to use from any thread.

    Every relation has a cursor of its own, so it shows its snapshot for as long as it is held.
    """

    def __init__(self) -> None:
        self._root: duckdb.DuckDBPyConnection | None = None
        self._closed = False
        self._lock = threading.Lock()

    def table(self, snapshot: AssetSnapshot) -> duckdb.DuckDBPyRelation:
        """All partitions of an asset as one relation: key, parameters, metrics, then its data.

        Raises MissingInputError where a data file is gone.
        """
        cursor = self._cursor()
        return cursor.sql(_asset_sql(cursor, snapshot, 0))

    def sql(self, query: str, find: Callable[[Sequence[str]], Mapping[str, AssetSnapshot]]) -> duckdb.DuckDBPyRelation:
        """A query over assets as tables.

        `find` is called once, with every name that may be an asset's, and gives the snapshots of those that are.
        Raises UnknownNameError for a table that is no asset, MissingInputError where a data file is gone, and DuckDB's
        own errors for a wrong query. A statement that gives no rows is executed and gives one row that says so.
        """
        import duckdb

        cursor = self._cursor()
        names = _table_names(cursor, query)
        found = find(names) if names else {}
        for number, (name, snapshot) in enumerate(found.items()):
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {_asset_sql(cursor, snapshot, number)}")
        try:
            relation = cursor.sql(query)
        except duckdb.CatalogException as error:
            raise _unknown_table(error, names, found) from error
        return relation if relation is not None else cursor.sql("SELECT 'done' AS result")

    def close(self) -> None:
        """Release the instance; relations that are still held go on working, and it ends with the last of them."""
        with self._lock:
            self._closed = True
            self._root = None  # not root.close(), which would close the cursors of held relations too

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._closed:
                raise CatalogError("The workspace is closed; open it again to query it.")
            if self._root is None:
                import duckdb

                self._root = duckdb.connect(":memory:")
                for setting in _SETTINGS:
                    self._root.execute(setting)
            return self._root.cursor()


def _table_names(cursor: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """The names in a query that may be assets, each once regardless of case."""
    import duckdb

    try:
        names: Iterable[str] = sorted(cursor.get_table_names(query))
    except duckdb.Error:
        # it binds the query, which fails for USING over tables that are not there yet, and it takes one statement only
        names = [(quoted.replace('""', '"') or word) for quoted, word in _IDENTIFIERS.findall(query)]
    return list({name.lower(): name for name in names}.values())


def _unknown_table(
    error: duckdb.CatalogException, names: Sequence[str], found: Mapping[str, AssetSnapshot]
) -> Exception:
    known = {name.lower() for name in found}
    for name in names:
        if name.lower() not in known and f"table with name {name} does not exist" in str(error).lower().replace(
            name.lower(), name
        ):
            return UnknownNameError(
                f"The query reads {name!r}, but there is no asset or table of that name: see ws.assets."
            )
    return error


def _asset_sql(cursor: duckdb.DuckDBPyConnection, snapshot: AssetSnapshot, number: int) -> str:
    """A SELECT over an asset; what it reads is put into the cursor under names with `number`."""
    import pyarrow.compute as pc

    parts = list(_by_format(snapshot.rows))
    formats = {format for format, _ in parts if format is not None}
    groups = []
    for place, (format, rows) in enumerate(parts):
        name = f"nbpart_{number}_{place}"
        cursor.register(f"{name}_rows", rows)
        if format == "frame" or format in _READERS:
            _check_files(snapshot.name, rows)
            paths = [_escape_glob(path) for path in rows.column("path").to_pylist()]
            cursor.execute(f"SET VARIABLE {name}_paths = ?", [paths])
        if format == "frame":
            schemas = rows.column("schema")
            same = schemas.null_count == 0 and pc.count_distinct(schemas).as_py() == 1
            groups.append(_frame_sql(cursor, snapshot, name, same_columns=same))
        else:
            groups.append(_value_sql(snapshot, name, format, formats))
    return "\nUNION ALL BY NAME\n".join(groups)


def _by_format(rows: pa.Table) -> Iterator[tuple[str | None, pa.Table]]:
    """The rows of each format; an asset without any gives one empty table, so that its columns are there."""
    import pyarrow.compute as pc

    formats = rows.column("format")
    present = pc.unique(formats).to_pylist()
    if len(present) < 2:
        yield (present[0] if present else None), rows
        return
    for format in sorted(present, key=lambda f: (f is None, f or "")):
        mask = pc.is_null(formats) if format is None else pc.fill_null(pc.equal(formats, format), False)
        yield format, rows.filter(mask)


def _frame_sql(cursor: duckdb.DuckDBPyConnection, snapshot: AssetSnapshot, name: str, *, same_columns: bool) -> str:
    # union_by_name opens every file before the query starts: only where their columns differ.
    # Without hive_partitioning=false a folder like "depth=3" would become a column.
    source = (
        f"read_parquet(getvariable('{name}_paths'), union_by_name = {not same_columns},"
        f" filename = '{_FILE_COLUMN}', hive_partitioning = false)"
    )
    described = cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    columns = [str(row[0]) for row in described if row[0] != _FILE_COLUMN]
    taken = {column.lower() for column in columns}
    key = ["partition_key"] if snapshot.partitioned else []
    selected = _own_columns(snapshot, taken)
    selected += [f"d.{quote(column)} AS {quote(_data_name(column, key, taken))}" for column in columns]
    return f"SELECT {', '.join(selected)} FROM {source} AS d JOIN {name}_rows AS r ON r.path = d.{quote(_FILE_COLUMN)}"


def _value_sql(snapshot: AssetSnapshot, name: str, format: str | None, formats: set[str]) -> str:
    own = _own_columns(snapshot, set())
    if format is None:
        return f"SELECT {', '.join(own or ['NULL::VARCHAR AS value'])} FROM {name}_rows AS r"
    if format not in _READERS:
        value = _common_value("r.path", "VARCHAR", formats)
        return f"SELECT {', '.join([*own, f'{value} AS value'])} FROM {name}_rows AS r"
    value = _common_value("d.content", {"json": "JSON", "text": "VARCHAR", "bytes": "BLOB"}[format], formats)
    return (
        f"SELECT {', '.join([*own, f'{value} AS value'])}"
        f" FROM {_READERS[format]}(getvariable('{name}_paths')) AS d JOIN {name}_rows AS r ON r.path = d.filename"
    )


def _common_value(value: str, type: str, formats: set[str]) -> str:
    """A value as its type, or as text or bytes where the asset has other formats too: JSON goes with neither."""
    if "bytes" in formats and type != "BLOB":
        return f"encode({value})"
    return f"CAST({value} AS JSON)" if type == "JSON" and len(formats) == 1 else value


def _own_columns(snapshot: AssetSnapshot, taken: set[str]) -> list[str]:
    """Key, parameters without those whose name the data has, and metrics."""
    kept = [(f"param_{place}", name) for place, name in enumerate(snapshot.params) if name.lower() not in taken]
    kept += [(f"metric_{place}", metric_column(name, taken)) for place, name in enumerate(snapshot.metrics)]
    key = ["r.partition_key"] if snapshot.partitioned else []
    return key + [f"{_own_value(snapshot.rows, column)} AS {quote(name)}" for column, name in kept]


def _own_value(rows: pa.Table, column: str) -> str:
    """A parameter or metric; whole numbers beyond 64 bits, which Arrow has as decimals, as such."""
    import pyarrow as pa

    return f"r.{column}::HUGEINT" if pa.types.is_decimal(rows.schema.field(column).type) else f"r.{column}"


def _data_name(column: str, key: Sequence[str], taken: set[str]) -> str:
    if column.lower() not in key:
        return column
    return next(name for n in range(1, len(taken) + 2) if (name := f"{column}_{n}").lower() not in taken)


def _check_files(asset: str, rows: pa.Table) -> None:
    for path, key in zip(rows.column("path").to_pylist(), rows.column("partition_key").to_pylist(), strict=True):
        if not os.path.exists(path):
            where = f"{asset!r}" if key is None else f"{asset!r} for the key {key!r}"
            raise MissingInputError(f"The data of {where} is gone ({path}); materialize that partition again.")


def _escape_glob(path: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", path)
