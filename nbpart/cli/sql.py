"""The command sql."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from nbpart.cli import options
from nbpart.cli.output import Failure, UsageFailure, print_table
from nbpart.cli.tables import Table, to_plain

QUERY_ROWS = 100


@click.command()
@click.argument("query")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Print at most N rows; else {QUERY_ROWS} in a table and all as JSON.",
)
@options.json_option
@options.workspace_option
def sql(query: str, limit: int | None, as_json: bool) -> None:
    """Ask a DuckDB query over all assets.

    Each asset is a table under its name. QUERY - reads it from stdin.
    """
    max_rows = limit or (None if as_json else QUERY_ROWS)
    table, is_cut = _run_query(sys.stdin.read() if query == "-" else query, max_rows)
    more = f"There are more rows; --limit shows more than {max_rows}." if is_cut else ""
    print_table(table, as_json, empty="No rows.", more=more)


def _run_query(query: str, max_rows: int | None) -> tuple[Table, bool]:
    """The first ``max_rows`` rows of a query's answer (None for all), and whether there are more."""
    import duckdb

    with options.open_workspace() as workspace:
        try:
            relation = workspace.sql(query)
            columns = _make_unique(relation.columns)
            kinds = [str(kind) for kind in relation.types]
            rows = relation.fetchall() if max_rows is None else relation.limit(max_rows + 1).fetchall()
        except duckdb.Error as error:
            kind = UsageFailure if isinstance(error, duckdb.ProgrammingError) else Failure
            raise kind(error, keep_lines=True) from error
    shown: Sequence[Any] = rows if max_rows is None else rows[:max_rows]
    return Table(columns, [_read_row(row, kinds) for row in shown]), len(rows) > len(shown)


def _make_unique(names: Sequence[str]) -> tuple[str, ...]:
    """Column names, with a number appended to repeated ones: a JSON object can have each name only once."""
    chosen: list[str] = []
    for name in names:
        free = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
        chosen.append(next(one for one in free if one not in chosen))
    return tuple(chosen)


def _read_row(row: Sequence[Any], kinds: Sequence[str]) -> tuple[Any, ...]:
    """A row as plain Python values; values of DuckDB's type JSON are parsed."""
    return tuple(
        json.loads(value) if kind == "JSON" and value is not None else to_plain(value)
        for value, kind in zip(row, kinds, strict=True)
    )
