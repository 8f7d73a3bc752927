"""The DuckDB instances in which a process works, and queries on them that are interrupted after a while."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

#: The time zone of every statement that no session has another one for.
ZONE = "UTC"
_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
#: After so many seconds what was interrupted is so again: DuckDB forgets an interrupt that comes while it plans.
_AGAIN_S = 0.05
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
    """An instance in memory, to which a catalog is attached for a batch, or copies of what is in one."""
    import duckdb

    connection = duckdb.connect(":memory:", config=dict(_CONFIG))
    for setting in _SETTINGS:
        connection.execute(setting)
    for setting in _SETTINGS_OF_2:
        with suppress(duckdb.CatalogException):
            connection.execute(setting)
    return connection


def run_in_time(
    connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any], most_s: float
) -> dict[str, NDArray[Any]]:
    """The columns of a query, which is interrupted after so many seconds. Raises `TimeoutError`."""
    turn, is_done, late = threading.Lock(), threading.Event(), list[bool]()

    def interrupt() -> None:
        wait_s = most_s
        while not is_done.wait(wait_s):
            with turn:  # never the statement that comes after it
                if not is_done.is_set():
                    late.append(True)
                    connection.interrupt()
            wait_s = _AGAIN_S

    threading.Thread(target=interrupt, name="nbpart-interrupt", daemon=True).start()
    try:
        return cast("dict[str, NDArray[Any]]", connection.execute(sql, values).fetchnumpy())
    except Exception as error:
        if late:
            raise TimeoutError(f"it took longer than {most_s:g} s") from error
        raise
    finally:
        with turn:
            is_done.set()
