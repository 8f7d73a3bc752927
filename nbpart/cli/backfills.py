"""Commands that plan, run, list and stop backfills: plan, backfill, resume, cancel, backfills, tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.output import Failure, print_json, print_stderr, print_table
from nbpart.cli.signals import CancelOnSignal
from nbpart.cli.summary import (
    MAX_FAILURES_PRINTED,
    BackfillSummary,
    describe_open_backfills,
    print_how_to_resume,
    print_summary,
    summarize_backfill,
)
from nbpart.cli.tables import Table
from nbpart.cli.text import list_first, one_line, pluralize, printable, printable_block
from nbpart.cli.trust import ask_for_trust
from nbpart.errors import TriggerFailedError
from nbpart.partitions.choice import TypedText
from nbpart.states import BackfillStatus, StepStatus

if TYPE_CHECKING:
    from nbpart.automation.ticks import Tick
    from nbpart.workspace import Backfill, Plan, Workspace

PLAN_ROWS = 50
BACKFILL_ROWS = 20
UP_TO_DATE = "Nothing to do: {} holds nothing that has to run."


@click.command()
@options.selection_argument
@options.keys_option
@options.where_option
@options.status_option
@options.order_option
@click.option("--why", "tells_why", is_flag=True, help="Say of each step all that led to it, as nbpart why does.")
@options.limit_option(PLAN_ROWS)
@options.json_option
@options.workspace_option
def plan(
    selection: Sequence[str],
    keys: Sequence[str],
    where: str | None,
    statuses: Sequence[str],
    order: str | None,
    tells_why: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show what a backfill would run, and why; nothing runs.

    SELECTION is the name of an asset, a glob (raw_*), tag:db or group:daily; +x means all above too, x+ all below,
    2+x and x+1 so many steps. Without one, all assets.
    """
    with options.open_workspace() as workspace:
        planned = make_plan(workspace, selection, keys, statuses, where, order)
        max_rows = limit or (len(planned) if as_json and not tells_why else PLAN_ROWS)
        table = Table.from_frame(planned.explain(max_rows) if tells_why else planned.head(max_rows))
        counts = ", ".join(f"{n:,} {cause}" for cause, n in planned.counts().items())
        for note in (*planned.notes, *planned.reads, *planned.left_out, *filter(None, [planned.describe_waiting()])):
            print_stderr(printable(note))
    total = pluralize(len(planned), "step")
    if len(planned) > len(table.rows):
        total = f"{total}: {counts}"
    print_table(table, as_json, empty=UP_TO_DATE.format(printable(planned.selection)), more=total)


@click.command()
@options.selection_argument
@options.keys_option
@options.where_option
@options.status_option
@options.running_options
@click.option("--detach", is_flag=True, help="Run it in a process of its own, and do not wait for it.")
@options.trust_option
@options.json_option
@options.workspace_option
@click.pass_context
def backfill(
    ctx: click.Context,
    /,
    selection: Sequence[str],
    keys: Sequence[str],
    where: str | None,
    statuses: Sequence[str],
    detach: bool,
    as_json: bool,
    **run_options: Any,
) -> None:
    """Run what is outdated, and follow it to its end.

    SELECTION is the name of an asset, a glob (raw_*), tag:db or group:daily; +x means all above too, x+ all below,
    2+x and x+1 so many steps. Without one, all assets.
    Ctrl-C stops it cleanly; `nbpart resume` goes on. Exits with 1 if a step failed or was blocked. With --detach it
    goes on by itself: `nbpart status` shows it, `nbpart cancel` stops it.
    """
    run_options = options.keep_given(**run_options)
    with CancelOnSignal() as on_signal, options.open_workspace() as workspace:
        planned = make_plan(workspace, selection, keys, statuses, where, run_options.get("order"))
        options.refuse_secrets(run_options, planned.secrets)
        if not len(planned):
            planned.check_options(run_options)
            waiting = planned.describe_waiting()
            up_to_date = UP_TO_DATE.format(printable(planned.selection))
            if explained := planned.explain_empty():
                up_to_date = f"Nothing to do: {printable(explained)}."
            _print_nothing_to_run(f"Nothing to do yet: {printable(waiting)}." if waiting else up_to_date, as_json)
            return
        ask_for_trust(workspace, f"{pluralize(len(planned), 'step')} of {list_first(planned.assets)}")
        if detach:
            _print_detached(planned.run(detach=True, **run_options), as_json)
            return
        summary = run_and_wait(workspace, on_signal, lambda: planned.run(**run_options), _get_failure_limit(as_json))
    _finish(ctx, summary, as_json)


@click.command()
@click.argument("backfill_id", metavar="ID")
@options.running_options
@options.trust_option
@options.json_option
@options.workspace_option
@click.pass_context
def resume(
    ctx: click.Context,
    /,
    backfill_id: str,
    as_json: bool,
    **run_options: Any,
) -> None:
    """Go on with a backfill that was stopped or died.

    Runs its steps that have no outcome, as the same backfill; options that are not given are as before. `nbpart status`
    shows the ID of the last one.
    """
    run_options = options.keep_given(**run_options)
    failure_limit = _get_failure_limit(as_json)
    with CancelOnSignal() as on_signal, options.open_workspace() as workspace:
        found = workspace.backfills[backfill_id]
        options.refuse_secrets(run_options, _list_secrets(workspace))
        if explanation := found.explain_nothing_to_resume():
            found.check_options(run_options)
            summary = summarize_backfill(workspace, found, failure_limit)
            print_stderr(_describe_nothing_to_resume(summary, explanation))
        else:
            ask_for_trust(workspace, f"what is left of backfill {found.id}")
            summary = run_and_wait(workspace, on_signal, lambda: found.resume(**run_options), failure_limit)
    _finish(ctx, summary, as_json)


@click.command()
@click.argument("backfill_id", metavar="ID")
@options.workspace_option
def cancel(backfill_id: str) -> None:
    """Stop a backfill, wherever it runs.

    Its notebooks are ended, nothing new starts, and what was done stays. `nbpart resume` goes on.
    """
    with options.open_workspace() as workspace:
        backfill = workspace.backfills[backfill_id]
        if not (backfill.is_running or backfill.status == BackfillStatus.REQUESTED):
            print_stderr(f"Nothing to cancel: backfill {backfill.id} is over, {backfill.status}.")
            return
        print_stderr(f"Cancelling backfill {backfill.id}: the notebooks that run are being ended ...")
        backfill.cancel()
        status = backfill.status
    click.echo(f"backfill {backfill_id} {status}")


@click.command()
@options.limit_option(BACKFILL_ROWS)
@options.json_option
@options.workspace_option
def backfills(limit: int | None, as_json: bool) -> None:
    """List backfills, newest first.

    One that is requested was asked for by a tick that died; the next tick begins it.
    """
    max_rows = limit or (None if as_json else BACKFILL_ROWS)
    with options.open_workspace() as workspace:
        frame = workspace.backfills.frame
        lines = [] if as_json else describe_open_backfills(workspace)
    more = f"There are more; --limit {max_rows * 2} shows more of them." if max_rows and len(frame) > max_rows else ""
    table = Table.from_frame(frame if max_rows is None else frame.head(max_rows))
    print_table(table, as_json, empty="There are no backfills.", more=more, droppable=("changed_at",))
    for line in lines:
        print_stderr(line)


@click.command()
@click.argument("sensor")
@options.running_options
@options.trust_option
@options.json_option
@options.workspace_option
@click.pass_context
def tick(
    ctx: click.Context,
    /,
    sensor: str,
    as_json: bool,
    **run_options: Any,
) -> None:
    """Ask a sensor once.

    The keys that it finds are added, and what it asks for is run. What earlier ticks asked for and did not bring to its
    end, since their process died, goes on too.
    """
    run_options = options.keep_given(**run_options)
    with CancelOnSignal() as on_signal, options.open_workspace() as workspace:
        options.refuse_secrets(run_options, _list_secrets(workspace))
        ask_for_trust(workspace, f"the sensor {sensor} and the assets that it asks for")
        ticked = _run_tick(workspace, sensor, run_options)
        if not as_json:
            _print_tick(ticked)
        summaries = [
            run_and_wait(workspace, on_signal, partial(_already_started, each), _get_failure_limit(as_json))
            for each in ticked.backfills
        ]
    if as_json:
        resumed = [summary.to_json() for summary in summaries]
        own = resumed.pop() if ticked.backfill is not None else None
        keys = {"added": ticked.added, "removed": ticked.removed}
        print_json({"trigger": ticked.trigger, **keys, "backfill": own, "resumed": resumed})
    for summary in summaries:
        if not as_json:
            print_summary(summary)
        print_how_to_resume(summary)
    ctx.exit(max((summary.exit_code for summary in summaries), default=0))


def run_and_wait(
    workspace: Workspace, on_signal: CancelOnSignal, start: Callable[[], Backfill], max_failures: int | None
) -> BackfillSummary:
    """Start a backfill and wait for its end, or for that of its cancelling where a signal comes; returns its summary.

    The summary has at most ``max_failures`` failed and as many blocked steps, None for all.
    """
    on_signal.enable()
    backfill = start()
    print_stderr(f"backfill {backfill.id}: {pluralize(sum(backfill.counts().values()), 'step')}")
    on_signal.wait_for(backfill)
    return summarize_backfill(workspace, backfill, max_failures, was_stopped=on_signal.was_signalled)


def make_plan(
    workspace: Workspace,
    selection: Sequence[str],
    keys: Sequence[str],
    statuses: Sequence[str],
    where: str | None,
    order: str | None,
) -> Plan:
    """The plan for the arguments of a command; without any, of what is outdated of all assets."""
    status: Any = "all" if "all" in statuses else list(statuses) or "outdated"
    return workspace.plan(list(selection) or "*", [TypedText(key) for key in keys] or None, status, where, order=order)


def _list_secrets(workspace: Workspace) -> set[str]:
    return {name for asset in workspace.assets.definitions for name in asset.secrets}


def _run_tick(workspace: Workspace, sensor: str, run_options: dict[str, Any]) -> Tick:
    """Look with a trigger without waiting; what its function prints goes to stderr.

    Raises `Failure` for what its function raises, after printing the traceback.
    """
    try:
        ticked = workspace.tick(sensor, wait=False, **run_options)
    except TriggerFailedError as error:
        _print_block(error.printed, error.traceback)
        raise Failure(one_line(str(error))) from error
    _print_block(ticked.printed)
    return ticked


def _print_block(*texts: str) -> None:
    for text in texts:
        if text:
            click.echo(printable_block(text.rstrip()), err=True)


def _print_tick(ticked: Tick) -> None:
    changes = [
        f"{verb} {pluralize(len(keys), 'key')} {preposition} {printable(name)}: {list_first(keys)}"
        for verb, preposition, sets in (("added", "to", ticked.added), ("removed", "from", ticked.removed))
        for name, keys in sets.items()
        if keys
    ]
    for line in changes or [f"{printable(ticked.trigger)} found nothing new"]:
        click.echo(line)


def _get_failure_limit(as_json: bool) -> int | None:
    return None if as_json else MAX_FAILURES_PRINTED


def _finish(ctx: click.Context, summary: BackfillSummary, as_json: bool) -> None:
    """Print the summary of a backfill, and exit with its code."""
    if as_json:
        print_json(summary.to_json())
    else:
        print_summary(summary)
    print_how_to_resume(summary)
    ctx.exit(summary.exit_code)


def _already_started(backfill: Backfill) -> Backfill:
    return backfill


def _print_detached(started: Backfill, as_json: bool) -> None:
    if as_json:
        print_json({"backfill_id": started.id, "status": started.status, "counts": started.counts(), "failures": []})
        return
    click.echo(f"backfill {started.id}: {pluralize(sum(started.counts().values()), 'step')}, in a process of its own")
    print_stderr(f"To look: {options.command_line('status')}. To stop it: {options.command_line('cancel', started.id)}")


def _describe_nothing_to_resume(summary: BackfillSummary, explanation: str) -> str:
    """A sentence that nothing is left to resume, with the command that runs what failed."""
    if not summary.failures:
        return one_line(f"Nothing to resume: {explanation}")
    again = options.command_line("backfill", *dict.fromkeys(step["asset"] for step in summary.failures))
    return (
        f"Nothing to resume: every step of backfill {summary.backfill_id} has its outcome. To run what failed: {again}"
    )


def _print_nothing_to_run(message: str, as_json: bool) -> None:
    if as_json:
        counts = {str(status): 0 for status in StepStatus}
        print_json({"backfill_id": None, "status": BackfillStatus.SUCCEEDED, "counts": counts, "failures": []})
    print_stderr(message)
