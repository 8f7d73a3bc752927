"""What a catalog file may hold, and what the instance that reads it may reach.

A catalog can come from anybody: out of an archive, a shared folder. DuckDB keeps code in its files: a view under the
name of a table, a macro under the name of a function that queries call, a trigger, a default. None of it runs here,
since a file that holds anything but plain tables is refused before the first query, and the instance reaches nothing
but the catalog.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from nbpart.errors import CatalogError

if TYPE_CHECKING:
    import duckdb

#: What DuckDB writes beside a database file while it works on it.
_COMPANIONS = ("", ".wal", ".wal.checkpoint", ".wal.recovery")
_OTHERS = """
    SELECT 'view', view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal
    UNION ALL SELECT 'index', index_name FROM duckdb_indexes() WHERE database_name = $1
    UNION ALL SELECT 'sequence', sequence_name FROM duckdb_sequences() WHERE database_name = $1
    UNION ALL SELECT 'type', type_name FROM duckdb_types() WHERE database_name = $1 AND NOT internal
    UNION ALL SELECT 'schema', schema_name FROM duckdb_schemas() WHERE database_name = $1 AND NOT internal
"""
_MACROS = "SELECT 'macro', function_name FROM duckdb_functions() WHERE database_name = $1 AND NOT internal"
_TRIGGERS = "SELECT 'trigger', trigger_name FROM duckdb_triggers() WHERE database_name = $1"
_TABLES = "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = $1"
_NAME = r'(?:[A-Za-z_]\w*|"(?:[^"]|"")+")'
_TYPE = r"[A-Z][A-Z0-9_]*(?: WITH TIME ZONE)?(?:\(\d+(?:, ?\d+)?\))?(?:\[\d*\])*"
_COLUMN = rf"{_NAME} {_TYPE}(?: USING COMPRESSION \w+)?(?: NOT NULL)?"
#: A table whose columns have a name, a built-in type, and nothing that is computed.
_PLAIN = re.compile(rf"CREATE TABLE {_NAME}\({_COLUMN}(?:, {_COLUMN})*\);?")


def confine(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Let a connection open this database file, by the path that it will attach, and nothing else from then on.

    No other file, no network, no extension; none of its settings can be changed any more but the time zone.
    """
    path = str(database).replace("'", "''")
    literals = ", ".join(f"'{path}{companion}'" for companion in _COMPANIONS)
    connection.execute(f"SET allowed_paths = [{literals}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET allowed_configs = ['TimeZone']")
    connection.execute("SET lock_configuration = true")


def check_tables(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Refuse an attached catalog in which reading a table may run something. Raises CatalogError.

    Of one that was not refused a table can be read, by a query that calls no function.
    """
    _refuse_any(connection.execute(_OTHERS, [database]).fetchall())
    for name, sql in sorted(connection.execute(_TABLES, [database]).fetchall()):
        if not _PLAIN.fullmatch(sql):
            raise _refuse(f"its table {name!r} computes or checks values by itself")


def check_functions(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Refuse an attached catalog in which calling a function or writing may run something. Raises CatalogError.

    It takes some 30 ms: DuckDB lists its own three thousand functions too.
    """
    _refuse_any(connection.execute(_MACROS, [database]).fetchall())
    if _knows_triggers(connection):
        _refuse_any(connection.execute(_TRIGGERS, [database]).fetchall())


def _refuse_any(held: list[tuple[str, str]]) -> None:
    if held:
        kind, name = min(held)
        raise _refuse(f"it holds the {kind} {name!r}")


def _refuse(what: str) -> CatalogError:
    return CatalogError(
        f"The catalog was not made by nbpart alone, and is left as it is: {what}. "
        "If that is yours, take it out with DuckDB; else do not use this workspace."
    )


def _knows_triggers(connection: duckdb.DuckDBPyConnection) -> bool:
    import duckdb

    try:
        connection.execute("FROM duckdb_triggers() LIMIT 0").fetchall()
    except duckdb.CatalogException:  # DuckDB 1 has none
        return False
    return True
