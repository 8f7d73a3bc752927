"""Commands that plan and run: plan, backfill, resume, tick."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nbpart
from nbpart.cli import options
from nbpart.cli.output import Failure, print_json, print_table, remark
from nbpart.cli.running import (
    MOST_TOLD,
    Ending,
    Stopper,
    look_back,
    run_to_end,
    tell_ending,
    tell_how_to_go_on,
)
from nbpart.cli.tables import Table
from nbpart.cli.text import count, listing, printable, printable_block, sentence
from nbpart.cli.trust import ask_for_trust
from nbpart.errors import NbpartError
from nbpart.states import StepStatus

if TYPE_CHECKING:
    from nbpart.automation.ticks import Tick
    from nbpart.workspace import Backfill, Plan, Workspace

PLAN_ROWS = 50
UP_TO_DATE = "Nothing to do: {} holds nothing that has to run."
selection_argument = click.argument("selection", nargs=-1)


@click.command()
@selection_argument
@options.keys_option
@options.status_option
@options.limit_option(PLAN_ROWS)
@options.json_option
@options.workspace_option
def plan(
    selection: Sequence[str],
    keys: Sequence[str],
    statuses: Sequence[str],
    limit: int | None,
    as_json: bool,
) -> None:
    """Show what a backfill would run, and why; nothing runs.

    SELECTION is the name of an asset; +name means all above it too, name+ all below it. Without one, all assets.
    """
    with options.open_workspace() as workspace:
        planned = make_plan(workspace, selection, keys, statuses)
        most = limit or (len(planned) if as_json else PLAN_ROWS)
        table = Table.from_frame(planned.frame.head(most))
        told = ", ".join(f"{n:,} {cause}" for cause, n in planned.counts().items())
        for note in planned.notes:
            remark(note)
    total = f"{count(len(planned), 'step')}: {told}" if len(planned) > len(table.rows) else count(len(planned), "step")
    print_table(table, as_json, empty=UP_TO_DATE.format(printable(planned.selection)), more=total)


@click.command()
@selection_argument
@options.keys_option
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
    statuses: Sequence[str],
    detach: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Run what is outdated, and follow it to its end.

    SELECTION is the name of an asset; +name means all above it too, name+ all below it. Without one, all assets.
    Ctrl-C stops it cleanly; `nbpart resume` goes on. Exits with 1 if a step failed or was blocked. With --detach it
    goes on by itself: `nbpart status` shows it, `nbpart cancel` stops it.
    """
    how = options.given(**how)
    with Stopper() as stopper, options.open_workspace() as workspace:
        planned = make_plan(workspace, selection, keys, statuses)
        options.refuse_secrets(how, planned.secrets)
        if not len(planned):
            planned.check_options(**how)
            _tell_nothing(UP_TO_DATE.format(printable(planned.selection)), as_json)
            return
        ask_for_trust(workspace, f"{count(len(planned), 'step')} of {listing(planned.assets)}")
        if detach:
            _tell_detached(planned.run(detach=True, **how), as_json)
            return
        ending = run_to_end(workspace, stopper, lambda: planned.run(**how), _most(as_json))
    _conclude(ctx, ending, as_json)


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
    **how: Any,
) -> None:
    """Go on with a backfill that was stopped or died.

    Runs its steps that have no outcome, as the same backfill; options that are not given are as before. `nbpart status`
    shows the ID of the last one.
    """
    how = options.given(**how)
    with Stopper() as stopper, options.open_workspace() as workspace:
        found = workspace.backfills[backfill_id]
        options.refuse_secrets(how, _secrets_of(workspace))
        if told := found.tell_nothing_left():
            found.check_options(**how)
            ending = look_back(workspace, found, _most(as_json))
            remark(_tell_nothing_left(ending, told))
        else:
            ask_for_trust(workspace, f"what is left of backfill {found.id}")
            ending = run_to_end(workspace, stopper, lambda: found.resume(**how), _most(as_json))
    _conclude(ctx, ending, as_json)


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
    **how: Any,
) -> None:
    """Ask a sensor once.

    The keys that it finds are added, and what it asks for is run. What earlier ticks asked for and did not bring to its
    end, since their process died, goes on too.
    """
    how = options.given(**how)
    with Stopper() as stopper, options.open_workspace() as workspace:
        options.refuse_secrets(how, _secrets_of(workspace))
        ask_for_trust(workspace, f"the sensor {sensor} and the assets that it asks for")
        done = _ask(workspace, sensor, how)
        if not as_json:
            _tell_tick(done)
        endings = [
            run_to_end(workspace, stopper, partial(_already_started, each), _most(as_json)) for each in done.backfills
        ]
    if as_json:
        ran = [ending.to_json() for ending in endings]
        own = ran.pop() if done.backfill is not None else None
        told = {"sensor": done.sensor, "added": done.added, "removed": done.removed, "backfill": own, "taken_up": ran}
        print_json(told)
    for ending in endings:
        _tell(ending, as_json, told=as_json)
    ctx.exit(max((ending.exit_code for ending in endings), default=0))


def make_plan(workspace: Workspace, selection: Sequence[str], keys: Sequence[str], statuses: Sequence[str]) -> Plan:
    """The plan that arguments of a command mean; without any, what is outdated of all assets."""
    status: Any = "all" if "all" in statuses else list(statuses) or "outdated"
    return workspace.plan(list(selection) or "*", list(keys) or None, status)


def _secrets_of(workspace: Workspace) -> set[str]:
    return {name for asset in workspace.assets.definitions for name in asset.secrets}


def _ask(workspace: Workspace, sensor: str, how: dict[str, Any]) -> Tick:
    """Tick a sensor without waiting; what its function raises is told with where it was raised."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the sensor prints is no part of the answer
            return workspace.tick(sensor, wait=False, **how)
    except NbpartError:
        raise
    except Exception as error:  # a sensor is the user's code: anything can come out of it
        click.echo(printable_block("".join(traceback.format_exception(_cut(error)))), err=True, nl=False)
        raise Failure(f"sensor {sensor!r} raised {sentence(f'{type(error).__name__}: {error}')}") from error


def _cut(error: Exception) -> Exception:
    """The error with the traceback of the user's code alone."""
    house = str(Path(nbpart.__file__).parent)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename.startswith(house):
        trace = trace.tb_next
    return error.with_traceback(trace)


def _tell_tick(done: Tick) -> None:
    changes = [
        f"{verb} {count(len(keys), 'key')} {preposition} {printable(name)}: {listing(keys)}"
        for verb, preposition, sets in (("added", "to", done.added), ("removed", "from", done.removed))
        for name, keys in sets.items()
        if keys
    ]
    for line in changes or [f"{printable(done.sensor)} found nothing new"]:
        click.echo(line)


def _most(as_json: bool) -> int | None:
    return None if as_json else MOST_TOLD


def _conclude(ctx: click.Context, ending: Ending, as_json: bool) -> None:
    """Tell what a backfill came to, and exit with its code."""
    _tell(ending, as_json)
    ctx.exit(ending.exit_code)


def _tell(ending: Ending, as_json: bool, *, told: bool = False) -> None:
    if as_json and not told:
        print_json(ending.to_json())
    elif not as_json:
        tell_ending(ending)
    tell_how_to_go_on(ending)


def _already_started(backfill: Backfill) -> Backfill:
    return backfill


def _tell_detached(started: Backfill, as_json: bool) -> None:
    if as_json:
        print_json({"backfill_id": started.id, "status": started.status, "counts": started.counts(), "failures": []})
        return
    click.echo(f"backfill {started.id}: {count(sum(started.counts().values()), 'step')}, in a process of its own")
    remark(f"To look: {options.command_line('status')}. To stop it: {options.command_line('cancel', started.id)}")


def _tell_nothing_left(ending: Ending, told: str) -> str:
    """That there is nothing to resume, and the command that runs what failed."""
    if not ending.failures:
        return sentence(f"Nothing to resume: {told}")
    again = options.command_line("backfill", *dict.fromkeys(step["asset"] for step in ending.failures))
    return (
        f"Nothing to resume: every step of backfill {ending.backfill_id} has its outcome. To run what failed: {again}"
    )


def _tell_nothing(words: str, as_json: bool) -> None:
    if as_json:
        counts = {str(status): 0 for status in StepStatus}
        print_json({"backfill_id": None, "status": "succeeded", "counts": counts, "failures": []})
    remark(words)
