"""Commands that look: status, assets, partitions, runs, show, logs, sql."""

from __future__ import annotations

import codecs
import itertools
import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.output import Failure, WrongUse, partition_name, print_facts, print_json, print_table, remark, show_path
from nbpart.cli.tables import Table, format_cell, paint, to_plain
from nbpart.cli.text import count, printable, printable_block, shorten
from nbpart.states import CANCELLING, REQUESTED, RunStatus

if TYPE_CHECKING:
    from nbpart.assets.definition import AssetDefinition
    from nbpart.workspace import Run, Workspace

RUN_ROWS = 20
QUERY_ROWS = 100
TRACEBACK_LINES = 30
#: Of a traceback, in characters.
LONGEST_LINE = 1_000
#: How often a log is looked at, in seconds.
FOLLOW_S = 0.3
NO_ASSETS = "No asset is registered yet: declare some in a notebook or module."
#: How a backfill can stand that may be resumed.
_RESUMABLE = (RunStatus.CANCELLED, RunStatus.INTERRUPTED)


@click.command()
@options.json_option
@options.workspace_option
def status(as_json: bool) -> None:
    """Show how many partitions have each status."""
    from nbpart.project.refresh import describe_age

    with options.open_workspace() as workspace:
        table = Table.from_frame(workspace.status().reset_index())
        backfills = [] if as_json else _tell_backfills(workspace)
        as_seen = describe_age(workspace.project)
    print_table(table, as_json, empty=NO_ASSETS, fit=False)
    if as_seen and table.rows:
        remark(f"The code on disk {as_seen}; to look again: {options.command_line('refresh')}")
    for line in backfills:
        remark(line)


@click.command()
@options.json_option
@options.workspace_option
@click.pass_context
def refresh(ctx: click.Context, as_json: bool) -> None:
    """Look whether code or sources changed on disk.

    What was edited is taken up, and what the earlier code made is stale; nothing runs. A plan, a backfill and a tick
    look by themselves. Exits with 1 if some code cannot be taken up.
    """
    with options.open_workspace() as workspace:
        look = workspace.refresh()
    if as_json:
        print_json({"edited": look.edited, "unreadable": look.unreadable, "gone": look.gone})
    elif not (look.notice or look.warnings):
        click.echo("Nothing changed.")
    if look.unreadable:
        ctx.exit(1)


@click.command()
@options.limit_option(RUN_ROWS)
@options.json_option
@options.workspace_option
def backfills(limit: int | None, as_json: bool) -> None:
    """List backfills, newest first.

    One that is requested was asked for by a tick that died; the next tick begins it.
    """
    most = limit or (None if as_json else RUN_ROWS)
    with options.open_workspace() as workspace:
        frame = workspace.backfills.frame
        told = [] if as_json else _tell_backfills(workspace)
    more = f"There are more; --limit {most * 2} shows more of them." if most and len(frame) > most else ""
    table = Table.from_frame(frame if most is None else frame.head(most))
    print_table(table, as_json, empty="There are no backfills.", more=more, spare=("changed_at",))
    for line in told:
        remark(line)


@click.command()
@options.json_option
@options.workspace_option
def assets(as_json: bool) -> None:
    """List assets and sources, each after what it reads."""
    with options.open_workspace() as workspace:
        definitions = workspace.assets.definitions
    if as_json:
        print_json([_describe(definition) for definition in definitions])
        return
    columns = ("name", "kind", "partitions", "inputs", "code_version", "description")
    rows = [
        (d.name, d.kind, d.set_name, ", ".join(_tell_input(d, i) for i in d.inputs), d.code_version[:12], _about(d))
        for d in definitions
    ]
    print_table(Table(columns, rows), False, empty=NO_ASSETS)


@click.command()
@click.argument("asset", required=False)
@click.argument("key", required=False)
@click.option("--backfill", "backfill_id", metavar="ID", help="Only the runs of this backfill.")
@options.limit_option(RUN_ROWS)
@options.json_option
@options.workspace_option
def runs(asset: str | None, key: str | None, backfill_id: str | None, limit: int | None, as_json: bool) -> None:
    """List runs, newest first.

    All, or those of ASSET, or of its partition KEY.
    """
    most = limit or (None if as_json else RUN_ROWS)
    with options.open_workspace() as workspace:
        frame = workspace.runs(asset, key, backfill=backfill_id, limit=most and most + 1)
    more = f"There are more; --limit {most * 2} shows more of them." if most and len(frame) > most else ""
    table = Table.from_frame(frame if most is None else frame.head(most))
    spare = ("backfill_id", "attempt", "duration_s", "started_at")
    print_table(table, as_json, empty="There are no such runs.", more=more, spare=spare)


@click.command()
@click.argument("run_id")
@options.json_option
@options.workspace_option
def show(run_id: str, as_json: bool) -> None:
    """Show all that is known of a run.

    Its status, error, notebook, log, the end of its traceback and more.
    """
    with options.open_workspace() as workspace:
        run = workspace.get_run(run_id)
    if as_json:
        print_json({**run.to_json(), "started_at": run.started_at, "finished_at": run.finished_at})
        return
    facts = _facts(run)
    print_facts(facts)
    if any(value.endswith("…") for value in facts.values()):
        remark(f"cut short; all of it: {options.command_line('show', run_id, '--json')}")
    lines = printable_block(run.traceback.rstrip()).splitlines()
    if lines:
        lines = [shorten(line, LONGEST_LINE) for line in lines]
        cut = [f"… {count(len(lines) - TRACEBACK_LINES, 'line')} before"] if len(lines) > TRACEBACK_LINES else []
        click.echo("\n" + "\n".join([*cut, *lines[-TRACEBACK_LINES:]]))


@click.command()
@click.argument("run_id")
@click.option("-f", "--follow", is_flag=True, help="Go on printing what comes, until the run is over.")
@click.option("--raw", is_flag=True, help="As it was written, with what steers a terminal.")
@options.workspace_option
def logs(run_id: str, follow: bool, raw: bool) -> None:
    """Print what a run wrote.

    That is stdout and stderr of its last attempt. What would steer a terminal is spelled out (\\x1b[2J), also for a
    file or a pipe, where somebody may look at it later; colours are left out.
    """
    with options.open_workspace() as workspace:
        if follow:
            _follow_log(workspace, run_id, raw)
            return
        text = workspace.get_run(run_id).log
    if not text:
        remark(f"Run {run_id} wrote nothing.")
        return
    # color=True: click would take out of a pipe what looks like a colour
    click.echo(text if raw else printable_block(text), nl=not text.endswith("\n"), color=True)


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
    most = limit or (None if as_json else QUERY_ROWS)
    table, is_cut = _ask(sys.stdin.read() if query == "-" else query, most)
    more = f"There are more rows; --limit shows more than {most}." if is_cut else ""
    print_table(table, as_json, empty="No rows.", more=more)


def _follow_log(workspace: Workspace, run_id: str, raw: bool) -> None:
    """Print the log of a run as it grows. A new attempt has a log of its own, which is printed from its beginning."""
    path, position, is_over = None, 0, False
    decoder = _make_decoder()
    while True:
        run = workspace.get_run(run_id)
        # asked before the file is read, so that what came last is not missed
        is_over = RunStatus(run.status).is_finished
        if run.log_path != path:
            path, position, decoder = run.log_path, 0, _make_decoder()
        if path is not None and path.exists():
            with open(path, "rb") as file:
                file.seek(position)
                new = file.read()
            position += len(new)
            text = decoder.decode(new, final=is_over)
            click.echo(text if raw else printable_block(text), nl=False, color=True)
        if is_over:
            return
        time.sleep(FOLLOW_S)


def _make_decoder() -> codecs.IncrementalDecoder:
    # a look may end within a character
    return codecs.getincrementaldecoder("utf-8")("replace")


def _tell_backfills(workspace: Workspace) -> list[str]:
    """The backfills that run, and the last one if it can be resumed."""
    lines = []
    for place, row in enumerate(Table.from_frame(workspace.backfills.frame).to_records()):
        told = f"backfill {row['backfill_id']} ({printable(row['selection'])}, {count(row['steps'], 'step')})"
        if row["status"] in (RunStatus.RUNNING, CANCELLING):
            lines.append(f"{told} is {row['status']}")
        elif row["status"] == REQUESTED:
            again = options.command_line("resume", row["backfill_id"])
            lines.append(f"{told} was asked for and has not begun; the next tick takes it up, or: {again}")
        elif place == 0 and row["status"] in _RESUMABLE:
            again = options.command_line("resume", row["backfill_id"])
            lines.append(f"{told} was {row['status']}; to go on: {again}")
    return lines


def _describe(definition: AssetDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "kind": definition.kind,
        "partitions": definition.set_name or None,
        "inputs": [{"name": read.name, "mapping": str(read.mapping)} for read in definition.inputs],
        "code_version": definition.code_version or None,
        "path": definition.path,
        "folder": definition.folder,
        "settings": definition.settings,
        "env": definition.env,
        "description": definition.description,
        "group": definition.group or None,
        "tags": definition.tags,
    }


def _tell_input(definition: AssetDefinition, read: Any) -> str:
    """An input, with its mapping where it is not key to key."""
    same = str(read.mapping) == "same" or (str(read.mapping) == "whole" and not definition.is_partitioned)
    return read.name if same else f"{read.name} ({read.mapping})"


def _about(definition: AssetDefinition) -> str:
    return definition.description.strip().partition("\n")[0]


def _facts(run: Run) -> dict[str, str]:
    lacked = [f"{name}: {', '.join(keys)}" for name, keys in run.lacked.items()]
    facts: dict[str, Any] = {
        "run": run.run_id,
        "partition": partition_name(run.asset, run.partition_key),
        "status": paint(run.status, run.status),
        "attempt": str(run.attempt) if run.attempt else "none began",
        "backfill": run.backfill_id,
        "started": run.started_at,
        "finished": run.finished_at,
        "duration": None if run.duration_s is None else f"{run.duration_s:.1f} s",
        "processor": None if run.cpu_s is None else f"{run.cpu_s:.1f} s",
        "memory": None if run.peak_rss_bytes is None else f"{run.peak_rss_bytes / 1e6:,.0f} MB at most",
        "kernel": run.kernel_kind,
        "run by": run.process,
        "code version": run.code_version,
        "settings": run.settings or None,
        "lacked": "; ".join(lacked),
        "note": run.note,
        "error": run.error,
        "error in cell": None if run.error_cell is None else f"{run.error_cell + 1}, counted from the top",
        "exit code": None if run.exit_code is None else str(run.exit_code),
        "notebook": show_path(run.notebook),
        "log": show_path(run.log_path),
    }
    ready = ("partition", "status", "notebook", "log")
    return {name: value if name in ready else format_cell(name, value) for name, value in facts.items()}


def _ask(query: str, most: int | None) -> tuple[Table, bool]:
    """The answer to a query as a table, and whether there is more of it."""
    import duckdb

    with options.open_workspace() as workspace:
        try:
            relation = workspace.sql(query)
            columns = _tell_apart(relation.columns)
            kinds = [str(kind) for kind in relation.types]
            rows = relation.fetchall() if most is None else relation.limit(most + 1).fetchall()
        except duckdb.Error as error:
            kind = WrongUse if isinstance(error, duckdb.ProgrammingError) else Failure
            raise kind(error, keep_lines=True) from error
    shown: Sequence[Any] = rows if most is None else rows[:most]
    return Table(columns, [_read_row(row, kinds) for row in shown]), len(rows) > len(shown)


def _tell_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, with a number at one that was there before: a JSON object has room for each name once."""
    chosen: list[str] = []
    for name in names:
        free = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
        chosen.append(next(one for one in free if one not in chosen))
    return tuple(chosen)


def _read_row(row: Sequence[Any], kinds: Sequence[str]) -> tuple[Any, ...]:
    """A row as plain values, with what DuckDB has as JSON read."""
    return tuple(
        json.loads(value) if kind == "JSON" and value is not None else to_plain(value)
        for value, kind in zip(row, kinds, strict=True)
    )
