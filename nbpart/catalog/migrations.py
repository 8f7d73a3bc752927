"""Making the catalog file, attaching it, and bringing its schema up to date."""

from __future__ import annotations

import itertools
import os
import re
import secrets
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from nbpart.catalog.torn_blocks import TornBlockError, find_torn_block
from nbpart.errors import CatalogBusyError, CatalogError, CatalogVersionError
from nbpart.storage.own_files import rename_new, share

if TYPE_CHECKING:
    import duckdb

    from nbpart.catalog.batch import Batch

#: The oldest file format that DuckDB 1.5 reads too.
_STORAGE_VERSION = "v1.5.0"


@cache
def load_steps() -> tuple[tuple[int, str, str], ...]:
    """The schema steps as (number, name, SQL), in order."""
    folder = resources.files("nbpart.catalog") / "sql"
    steps = []
    for entry in folder.iterdir():
        if match := re.fullmatch(r"(\d{3})_(\w+)\.sql", entry.name):
            steps.append((int(match[1]), match[2], entry.read_text("utf-8")))
    return tuple(sorted(steps))


def newest() -> int:
    return load_steps()[-1][0]


def oldest() -> int:
    """The number of the oldest schema that is brought up to date."""
    return load_steps()[0][0]


def create(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Create an empty catalog at `path`, whole or not at all, unless one is there. Returns whether it was created."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    try:
        _fill(connection, unfinished)
        share(os.stat(path.parent), unfinished)
        rename_new(unfinished, path)
    except FileExistsError:  # one that came meanwhile is the catalog
        return False
    finally:
        unfinished.unlink(missing_ok=True)
        unfinished.with_name(f"{unfinished.name}.wal").unlink(missing_ok=True)
    return True


def _fill(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(f"ATTACH {_literal(path)} AS making (STORAGE_VERSION '{_STORAGE_VERSION}')")
    connection.execute("USE making")
    try:
        connection.execute("BEGIN")
        for number, name, sql in load_steps():
            connection.execute(sql)
            connection.execute("INSERT INTO schema_steps VALUES (?, ?, now())", [number, name])
        save_meta(connection, {"schema": str(newest())})
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("USE memory")
        connection.execute("DETACH making")


def attach(connection: duckdb.DuckDBPyConnection, path: Path, *, writes: bool) -> None:
    """Attach the catalog and make it the default.

    Raises CatalogBusyError where a process that does not know the lease has the file open, TornBlockError where one
    was killed while it wrote the file, CatalogError where it is not a DuckDB file.
    """
    import duckdb

    try:
        connection.execute(f"ATTACH {_literal(path)} AS nbpart{'' if writes else ' (READ_ONLY)'}")
    except duckdb.Error as error:
        explained = _explain(error, path)
        if (block := find_torn_block(error, path)) is not None:
            raise TornBlockError(str(explained), block) from error
        raise explained from error
    connection.execute("USE nbpart")


def load_meta(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The table meta as a dict. Raises CatalogVersionError for the schema of another nbpart."""
    import duckdb

    try:
        meta = dict(connection.execute("FROM meta").fetchall())
        sequence, number = int(meta["sequence"]), int(meta["schema"])
    except (duckdb.CatalogException, KeyError, ValueError) as error:
        raise CatalogError("The file is a DuckDB database but not a catalog of nbpart; it is left as it is.") from error
    if number > newest():
        raise _too_new(number)
    if number < oldest():
        raise CatalogVersionError(
            "The workspace was made before nbpart's first release, with another form of the catalog: make a new one "
            "and run its assets there; the data and notebooks of this one stay readable as files."
        )
    return meta | {"sequence": str(sequence)}


def save_meta(connection: duckdb.DuckDBPyConnection, changed: Mapping[str, str]) -> None:
    # not joined to a table of the changes, which takes twice as long
    cases = " WHEN ? THEN ?" * len(changed)
    names = ", ".join("?" * len(changed))
    connection.execute(
        f"UPDATE meta SET value = CASE name{cases} END WHERE name IN ({names})",  # noqa: S608
        [*itertools.chain.from_iterable(changed.items()), *changed],
    )


def load_number(batch: Batch) -> int:
    """The number of the last schema step that was applied."""
    return int(batch.meta["schema"])


def migrate(batch: Batch) -> None:
    """Apply the schema steps that the catalog does not have yet."""
    number = load_number(batch)
    for step, name, sql in load_steps():
        if step > number:
            batch.execute(sql)
            batch.execute("INSERT INTO schema_steps VALUES (?, ?, ?)", step, name, batch.now)
    batch.meta["schema"] = str(newest())


def _too_new(number: int) -> CatalogVersionError:
    return CatalogVersionError(
        f"The catalog was made by a newer nbpart (schema {number}, this one knows {newest()}); upgrade nbpart."
    )


def _explain(error: duckdb.Error, path: Path) -> CatalogError:
    text = str(error)
    if "lock" in text.lower() and "PID" in text:
        holder = re.search(r"PID (\d+)", text)
        process = f"process {holder[1]}" if holder else "another process"
        return CatalogBusyError(f"The catalog {path} is held open by {process}, outside nbpart; close it there first.")
    return CatalogError(f"The file {path} cannot be read as a catalog and is left as it is: {text}")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
