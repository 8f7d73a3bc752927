"""Commands that show runs: runs, show, logs, kernels."""

from __future__ import annotations

import codecs
import time
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.output import partition_name, print_facts, print_json, print_stderr, print_table, show_path
from nbpart.cli.tables import Table, colour_status, format_cell
from nbpart.cli.text import pluralize, printable_block, shorten
from nbpart.cli.trust import ask_for_trust
from nbpart.states import RunStatus

if TYPE_CHECKING:
    from nbpart.workspace import Run, Workspace

RUN_ROWS = 20
TRACEBACK_LINES = 30
#: A longer line of a traceback is cut.
MAX_LINE_CHARS = 1_000
#: How often a log is read for what is new, in seconds.
POLL_S = 0.3


@click.command()
@click.argument("asset", required=False, shell_complete=options.complete_asset)
@click.argument("key", required=False, shell_complete=options.complete_key)
@click.option("--backfill", "backfill_id", metavar="ID", help="Only the runs of this backfill.")
@options.where_option
@options.limit_option(RUN_ROWS)
@options.json_option
@options.workspace_option
def runs(
    asset: str | None,
    key: str | None,
    backfill_id: str | None,
    where: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List runs, newest first.

    All, or those of ASSET, or of its partition KEY.
    """
    max_rows = limit or (None if as_json else RUN_ROWS)
    with options.open_workspace() as workspace:
        frame = workspace.runs(asset, key, where=where, backfill=backfill_id, limit=max_rows and max_rows + 1)
    more = f"There are more; --limit {max_rows * 2} shows more of them." if max_rows and len(frame) > max_rows else ""
    table = Table.from_frame(frame if max_rows is None else frame.head(max_rows))
    droppable = ("backfill_id", "attempt", "duration_s", "started_at")
    print_table(table, as_json, empty="There are no such runs.", more=more, droppable=droppable)


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
    facts = _list_facts(run)
    print_facts(facts)
    if any(value.endswith("…") for value in facts.values()):
        print_stderr(f"cut short; all of it: {options.command_line('show', run_id, '--json')}")
    lines = printable_block(run.traceback.rstrip()).splitlines()
    if lines:
        lines = [shorten(line, MAX_LINE_CHARS) for line in lines]
        cut = [f"… {pluralize(len(lines) - TRACEBACK_LINES, 'line')} before"] if len(lines) > TRACEBACK_LINES else []
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
        print_stderr(f"Run {run_id} wrote nothing.")
        return
    # color=True: click would take out of a pipe what looks like a colour
    click.echo(text if raw else printable_block(text), nl=not text.endswith("\n"), color=True)


@click.command()
@click.option("--shutdown", "ended", metavar="RUN_ID", help="End the kernel that this run left.")
@options.trust_option
@options.json_option
@options.workspace_option
def kernels(ended: str | None, as_json: bool) -> None:
    """List the kernels that runs left alive.

    `nbpart backfill --keep-failed-kernels N` leaves those of runs that failed, `--keep-kernels N` of any, for an hour.
    The command in the last column opens a console on one, where the variables of the notebook still are.
    """
    with options.open_workspace() as workspace:
        if ended is not None:
            ask_for_trust(workspace, f"what the file of the kernel of run {ended} says")
            workspace.get_run(ended).kernel().shutdown()
            print_stderr(f"The kernel of run {ended} is ended.")
            return
        frame = workspace.kernels()
        if len(frame):
            ask_for_trust(workspace, "a console connects to the kernels that its files name")
        frame["connect"] = [workspace.get_run(run_id).kernel().console_command() for run_id in frame["run_id"]]
    print_table(Table.from_frame(frame), as_json, empty="No run left its kernel.", droppable=("pid", "expires_at"))


def _follow_log(workspace: Workspace, run_id: str, raw: bool) -> None:
    """Print the log of a run as it grows, until the run has finished; the log of a new attempt from its beginning."""
    path, position = None, 0
    decoder = _make_decoder()
    while True:
        run = workspace.get_run(run_id)
        # read before the file is, so that the last lines are not missed
        is_finished = RunStatus(run.status).is_finished
        if run.log_path != path:
            path, position, decoder = run.log_path, 0, _make_decoder()
        if path is not None and path.exists():
            with open(path, "rb") as file:
                file.seek(position)
                new = file.read()
            position += len(new)
            text = decoder.decode(new, final=is_finished)
            click.echo(text if raw else printable_block(text), nl=False, color=True)
        if is_finished:
            return
        time.sleep(POLL_S)


def _make_decoder() -> codecs.IncrementalDecoder:
    # what was read so far may end within a character
    return codecs.getincrementaldecoder("utf-8")("replace")


def _list_facts(run: Run) -> dict[str, str]:
    """What `show` prints of a run: label -> text; empty texts are not printed."""
    missing = [f"{name}: {', '.join(keys)}" for name, keys in run.missing.items()]
    facts: dict[str, Any] = {
        "run": run.run_id,
        "partition": partition_name(run.asset, run.partition_key),
        "status": colour_status(run.status),
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
        "missing inputs": "; ".join(missing),
        "note": run.note,
        "error": run.error,
        "error in cell": None if run.error_cell is None else f"{run.error_cell + 1}, counted from the top",
        "exit code": None if run.exit_code is None else str(run.exit_code),
        "notebook": show_path(run.notebook),
        "log": show_path(run.log_path),
    }
    formatted = ("partition", "status", "notebook", "log")
    return {name: value if name in formatted else format_cell(name, value) for name, value in facts.items()}
