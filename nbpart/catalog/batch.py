"""One transaction on the catalog, as the code that runs in it sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nbpart.catalog.expressions import quote
from nbpart.catalog.instance import ZONE, run_in_time
from nbpart.catalog.kept import Kept
from nbpart.catalog.searches import Found, SearchWanted

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    _Fetch = Callable[[duckdb.DuckDBPyConnection, str, list[Any]], "T"]

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """What a query of a user finds: the time ``zone`` of its dates and naive times, the time that ``now()`` gives (None
    where it does not ask), and how long it may take, in seconds."""

    zone: str
    now: datetime | None
    most_s: float


@dataclass(frozen=True)
class Author:
    """Who changes the catalog: a person, or a trigger by one of its ticks."""

    name: str
    tick_id: int | None = None


class Batch:
    """One transaction on the catalog. What its methods return can be used after its end: no cursors, no relations.

    `sequence` is the number that this commit will have (in a write) or that of the last commit (in a read); `now`
    is the time of the batch. A write that changed no row, or whose work sets `unchanged`, has no number of its own.
    `meta` is the table of that name as a dict, whose changes are saved with the commit. `author` is whose work it
    is. After a statement that failed the batch cannot be committed, also where its error was caught: DuckDB would
    commit nothing, without an error.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        meta: dict[str, str],
        now: datetime,
        *,
        writes: bool,
        found: Found,
        kept: Kept,
        author: Author,
    ) -> None:
        self._connection = connection
        self._kept = kept
        kept.check(int(meta["sequence"]))
        self.found = found
        self.wanted: SearchWanted | None = None
        self._saved = dict(meta)
        self._changes = 0
        self._registered: list[str] = []
        self._temporary: list[str] = []
        self._remembered: dict[str, object] = {}
        self._has_session = False
        self.meta = meta
        self.sequence = int(meta["sequence"]) + writes
        self.now = now
        self.writes = writes
        self.unchanged = False
        self.author = author
        self.error: Exception | None = None

    def execute(self, sql: str, *values: Any) -> int:
        """Run a statement. Returns the number of rows that it changed."""
        rows = self._run(_fetch_rows, sql, values)
        changed = rows[0][0] if rows and isinstance(rows[0][0], int) else 0
        verb = sql.lstrip()[:6].upper()
        if verb in ("CREATE", "ALTER "):
            self._changes += 1
        elif verb in ("INSERT", "UPDATE", "DELETE"):
            self._changes += changed
        if verb not in ("SELECT", "FROM "):
            self._kept.note_change(sql)
        return changed

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._run(_fetch_rows, sql, values)

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        rows = self.rows(sql, *values)
        return rows[0] if rows else None

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None if there is no row."""
        row = self.row(sql, *values)
        return row[0] if row else None

    def frame(self, sql: str, *values: Any) -> pd.DataFrame:
        """The result as pandas; an integer column that holds nulls has the nullable type, so that ids stay exact."""
        return _to_pandas(self.arrow(sql, *values))

    def arrow(self, sql: str, *values: Any) -> pa.Table:
        return self._run(_fetch_arrow, sql, values)

    def numpy(self, sql: str, *values: Any) -> dict[str, NDArray[Any]]:
        """The columns as arrays; one that holds nulls is a masked array."""
        return self._run(_fetch_numpy, sql, values)

    def stage(self, name: str, table: pd.DataFrame | pa.Table) -> None:
        """Make a frame or Arrow table readable under a name until the batch ends."""
        import pyarrow as pa

        data = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
        self._guard(lambda: self._connection.register(name, data))
        self._registered.append(name)

    def create_temp(self, name: str, sql: str, *values: Any) -> int:
        """Create a temporary table of a query's result, which lasts until the batch ends, or replace it.

        Returns its number of rows.
        """
        if name not in self._temporary:
            self._temporary.append(name)
        [(n,)] = self._run(_fetch_rows, f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS {sql}", values)
        return int(n)

    def choose(self, sql: str, values: Mapping[str, Any], session: Session) -> dict[str, NDArray[Any]]:
        """The columns of a query with named values (``$name``) as arrays, with the zone and the time of a session.

        Raises `TimeoutError` where it takes longer than the session may.
        """
        bound = {name: _to_plain(value) for name, value in values.items()}
        self._has_session = True
        self._guard(lambda: self._connection.execute(f"SET TimeZone = {_literal(session.zone)}"))
        if session.now is not None:
            moment = f"TIMESTAMPTZ {_literal(session.now.isoformat())}"
            self._guard(lambda: self._connection.execute(f"CREATE OR REPLACE TEMP MACRO now() AS {moment}"))
        found = self._guard(lambda: run_in_time(self._connection, sql, bound, session.most_s))
        self._end_session()
        return found

    def want(self, wanted: SearchWanted) -> SearchWanted:
        """Have this batch run again, whatever its work makes of it, when what it wants was found; to be raised."""
        self.wanted = wanted
        return wanted

    def take_ids(self, counter: str, n: int) -> int:
        """Reserve `n` consecutive ids that were never used before. Returns the first of them."""
        first = int(self.meta[counter])
        self.meta[counter] = str(first + n)
        return first

    @property
    def changes(self) -> int:
        """A number that is another one after each statement that changed something."""
        return self._changes

    def remember(self, name: str, load: Callable[[], T]) -> T:
        """What `load` gives, loaded once in this batch."""
        if name not in self._remembered:
            self._remembered[name] = load()
        return cast("T", self._remembered[name])

    def keep(self, name: str, load: Callable[[], T]) -> T:
        """What `load` gives, loaded once until something else than runs is recorded, in this batch or in later ones.

        `load` reads no table of runs, and who gets its result does not change it.
        """
        return self._kept.get(name, load)

    @property
    def changed_meta(self) -> dict[str, str]:
        """The entries of `meta` that the commit has to save; empty where the batch changed nothing."""
        changed = {name: value for name, value in self.meta.items() if value != self._saved.get(name)}
        if self.unchanged or not (self._changes or changed):
            return {}
        return changed | {"sequence": str(self.sequence)}

    def drop_temporary(self) -> None:
        """Remove staged and temporary tables; called at the end of the batch, outside its transaction."""
        self._end_session()
        for name in self._registered:
            self._connection.unregister(name)
        # in one script: each statement of its own costs as much as all of them
        drops = "".join(f"DROP TABLE IF EXISTS temp.{quote(name)};" for name in self._temporary)
        if drops:
            self._connection.execute(f"BEGIN; {drops} COMMIT")

    def _end_session(self) -> None:
        if self._has_session:
            self._connection.execute(f"SET TimeZone = '{ZONE}'; DROP MACRO IF EXISTS temp.now")
            self._has_session = False

    def _run(self, fetch: _Fetch[T], sql: str, values: tuple[Any, ...]) -> T:
        return self._guard(lambda: fetch(self._connection, sql, [_to_plain(value) for value in values]))

    def _guard(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except Exception as error:
            self.error = self.error or error
            raise


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _fetch_rows(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    # to the end, of any statement: DuckDB 2 refuses the next while a result is half read
    return connection.execute(sql, values).fetchall()


def _fetch_numpy(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> dict[str, NDArray[Any]]:
    return cast("dict[str, NDArray[Any]]", connection.execute(sql, values).fetchnumpy())


def _fetch_arrow(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> pa.Table:
    if _is_first_generation(connection):
        return connection.execute(sql, values).to_arrow_table()
    return connection.sql(sql, params=values).to_arrow_table()


def _is_first_generation(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether this is DuckDB 1: its sql() with parameters is a hundred times slower than its execute(), while DuckDB 2
    warns against Arrow from execute()."""
    return hasattr(connection, "fetch_record_batch")


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas()
    for place, column in enumerate(table.columns):
        if pa.types.is_decimal(column.type) and column.type.scale == 0:  # whole numbers beyond 64 bits
            whole = [None if value is None else int(value) for value in column.to_pylist()]
            frame.isetitem(place, pd.Series(whole, dtype=object).array)
        elif column.null_count and pa.types.is_integer(column.type):
            dtype = "UInt64" if pa.types.is_unsigned_integer(column.type) else "Int64"
            frame.isetitem(place, pd.Series(column.to_pylist(), dtype=dtype).array)
    return frame


def _to_plain(value: Any) -> Any:
    # DuckDB does not bind numpy's scalars
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
