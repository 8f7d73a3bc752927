"""Commands of work that comes by itself: watch, triggers."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from nbpart.cli import options
from nbpart.cli.output import print_stderr, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import list_first, one_line, pluralize, printable
from nbpart.cli.trust import ask_for_trust
from nbpart.errors import TriggerFailedError

if TYPE_CHECKING:
    from nbpart.automation.hooks import HookTold
    from nbpart.automation.watcher import LookDone
    from nbpart.workspace import Workspace

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@click.command()
@click.option("-j", "--max-workers", type=click.IntRange(1), help="Notebooks at a time, of all backfills together.")
@click.option("--grace", type=click.FloatRange(0), help="How long steps that run may go on when it ends, in seconds.")
@click.option("--once", is_flag=True, help="Look once with each trigger, run what they ask for, and end: for cron.")
@click.option("--dry-run", is_flag=True, help="Look once, say what would be asked for, and change nothing.")
@click.option("--log", "log_file", default="", help="Write to this file, whose path others are told.")
@options.trust_option
@options.workspace_option
@click.pass_context
def watch(
    ctx: click.Context, /, max_workers: int | None, grace: float | None, once: bool, dry_run: bool, log_file: str
) -> None:
    """Look with triggers when they are due, run what they want.

    Goes on until it is told to end by Ctrl-C or SIGTERM; then steps that run come to their end, and what is left is
    resumed by the next one. One process watches a workspace at a time.
    """
    from nbpart.automation.sensor_children import SensorChildren
    from nbpart.automation.watcher import Watcher
    from nbpart.backfill.options import count_cores
    from nbpart.workspace.automating import OPENER

    if log_file:
        _write_to(log_file)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    stop = threading.Event()
    with options.open_workspace() as workspace:
        ask_for_trust(workspace, "its sensors, and the assets that its triggers ask for")
        if dry_run:
            _print_dry_run(workspace)
            return
        watcher = Watcher(
            workspace.project,
            SensorChildren(OPENER, forks=True),
            max_workers=max_workers or count_cores(),
            report=_print_look,
            report_end=partial(_print_end, workspace),
            report_hook=_print_hook,
            log_file=log_file,
        )
        _stop_on_signals(stop, watcher.wake)
        if once:
            done = watcher.look_once()
            failed = any(each.error is not None for each in done) or _has_failures(workspace, done)
            ctx.exit(1 if failed else 0)
        count = len([name for name in workspace.triggers if workspace.triggers[name].is_on])
        click.echo(f"{_now()} watching {printable(str(workspace.root))}: {pluralize(count, 'trigger')}")
        watcher.run(stop, grace)
        click.echo(f"{_now()} ended")


@click.command()
@click.argument("name", required=False)
@click.option("--on", "turns", flag_value="on", help="Let watchers look with it.")
@click.option("--off", "turns", flag_value="off", help="Let no watcher look with it.")
@click.option("--remove", "turns", flag_value="remove", help="Take it off the list; its ticks stay.")
@click.option("--tick", "tick_id", type=int, metavar="TICK_ID", help="List the keys that came and went by this tick.")
@options.limit_option(20)
@options.json_option
@options.workspace_option
def triggers(name: str | None, turns: str | None, tick_id: int | None, limit: int, as_json: bool) -> None:
    """List triggers, or the ticks of one.

    A trigger is a sensor, a watched source, a schedule, or the automation of an asset; a tick is one look of it.
    """
    from nbpart.automation.triggers import describe_watching

    with options.open_workspace() as workspace:
        if name is None:
            if turns is not None:
                raise click.UsageError(f"--{turns} needs the NAME of a trigger.")
            table = Table.from_frame(workspace.triggers.frame)
            line = "" if as_json else describe_watching(workspace.project)
            print_table(table, as_json, empty="There are no triggers: @ws.sensor declares one.", droppable=("message",))
            if line:
                print_stderr(line)
            return
        trigger = workspace.triggers[name]
        if turns is not None:
            getattr(trigger, turns)()
            words = {"on": "is on", "off": "is off", "remove": "was taken off the list"}
            click.echo(f"{printable(trigger.name)} {words[turns]}")
            return
        if tick_id is not None:
            table = Table.from_frame(trigger.keys_of(tick_id))
            print_table(table, as_json, empty=f"No key came or went by tick {tick_id}.")
            return
        frame = trigger.ticks(limit or None).drop(columns=["trigger", "traceback"])
        frame["backfills"] = [" ".join(ids) for ids in frame["backfills"]]
    droppable = ("printed", "duration_s", "tick_id", "removed", "dropped")
    print_table(Table.from_frame(frame), as_json, empty="It has not looked yet.", droppable=droppable)


def _write_to(path: str) -> None:
    """Let a file take what is printed from now on."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


def _stop_on_signals(stop: threading.Event, wake: Callable[[], None]) -> None:
    """Let a signal end the watch in order; a second one ends the process."""

    def end(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        wake()

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, end)


def _print_dry_run(workspace: Workspace) -> None:
    from nbpart.automation.sensor_children import SensorChildren
    from nbpart.automation.watch_preview import preview_looks
    from nbpart.workspace.automating import OPENER

    previews = preview_looks(workspace.project, SensorChildren(OPENER, forks=False))
    for preview in previews:
        click.echo(f"{printable(preview.trigger)}: {printable(preview.text)}")
    if not previews:
        click.echo("There are no triggers that are on.")


def _print_look(done: LookDone) -> None:
    name = printable(done.trigger.name)
    if done.error is not None:
        own = isinstance(done.error, TriggerFailedError)  # it names the trigger
        click.echo(f"{_now()} {'' if own else f'{name} failed: '}{one_line(str(done.error))}")
        return
    assert done.recorded is not None
    for verb, preposition, sets in (("added", "to", done.recorded.added), ("removed", "from", done.recorded.removed)):
        for set_name, keys in sets.items():
            if keys:
                number = pluralize(len(keys), "key")
                click.echo(f"{_now()} {name} {verb} {number} {preposition} {printable(set_name)}: {list_first(keys)}")
    for request in done.recorded.backfills:
        click.echo(f"{_now()} {name} asked for backfill {request.backfill_id}")
    for line in done.tick.message.splitlines() if done.tick else ():
        click.echo(f"{_now()} {name}: {printable(line)}")


def _print_end(workspace: Workspace, backfill_id: str) -> None:
    backfill = workspace.backfills[backfill_id]
    counts = ", ".join(f"{n:,} {status}" for status, n in backfill.counts().items() if n)
    click.echo(f"{_now()} backfill {backfill_id} {backfill.status}: {counts or 'nothing was outdated'}")


def _print_hook(told: HookTold) -> None:
    click.echo(f"{_now()} {one_line(told.error) if told.error else f'told {printable(told.hook)}'}")
    for line in told.printed.splitlines():
        click.echo(f"{_now()} {printable(told.hook)}: {printable(line)}")


def _has_failures(workspace: Workspace, done: list[LookDone]) -> bool:
    ids = [request.backfill_id for one in done if one.recorded for request in one.recorded.backfills]
    return any(workspace.backfills[each].status == "failed" for each in ids)


def _now() -> str:
    from datetime import datetime

    return f"{datetime.now():%Y-%m-%d %H:%M:%S}"
