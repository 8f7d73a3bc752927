"""The DuckDB instance in which a process works on catalogs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nbpart.catalog.batch import ZONE

if TYPE_CHECKING:
    import duckdb

_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
_SETTINGS = (
    f"SET TimeZone = '{ZONE}'",
    "SET python_enable_replacements = false",
    "SET enable_progress_bar = false",
    # a large commit goes right into the file, not into the log first: that is written out with the DETACH anyway
    "SET checkpoint_threshold = '1MB'",
)
#: Those that only DuckDB 2 knows: what is divided by zero has no value, as in DuckDB 1.
_SETTINGS_OF_2 = ("SET error_on_division_by_zero = false",)


def open_instance() -> duckdb.DuckDBPyConnection:
    """An instance in memory, to which a catalog is attached for a batch."""
    import duckdb

    connection = duckdb.connect(":memory:", config=dict(_CONFIG))
    for setting in _SETTINGS:
        connection.execute(setting)
    for setting in _SETTINGS_OF_2:
        with suppress(duckdb.CatalogException):
            connection.execute(setting)
    return connection
