"""A backfill in front of a terminal: its progress, a clean end on Ctrl-C, and what it came to."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli.options import command_line
from nbpart.cli.output import partition_name, remark, show_path
from nbpart.cli.tables import Table, paint
from nbpart.cli.text import count, sentence
from nbpart.states import RETRYABLE, WITHOUT_OUTCOME

if TYPE_CHECKING:
    from nbpart.workspace import Backfill, Workspace

#: How many failures are told one by one.
MOST_TOLD = 20
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopper:
    """Turns Ctrl-C, SIGTERM and a closed terminal into the end of a backfill, once `arm` was called.

    Nothing is ever raised into the code that waits: a handler only puts the signal into a queue, and a thread cancels
    the backfill. So no lock is left taken and no kernel is left behind, however often Ctrl-C is pressed. What was
    ignored before, as under nohup, stays ignored.
    """

    def __init__(self) -> None:
        self._received: SimpleQueue[int | None] = SimpleQueue()  # may be put into from within a signal handler
        self._before: dict[int, Any] = {}
        self._armed = False
        self.was_asked = False

    def __enter__(self) -> Stopper:
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def arm(self) -> None:
        """From here on a signal ends the backfill that `follow` is given, also if it comes before."""
        self._armed = True

    def follow(self, backfill: Backfill) -> None:
        """Wait until the backfill has ended, by itself or because a signal came."""
        watcher = threading.Thread(target=self._watch, args=(backfill,), name="nbpart signals", daemon=True)
        watcher.start()
        try:
            backfill.wait(progress=sys.stderr.isatty())
        finally:
            self._received.put(None)
            watcher.join()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            raise KeyboardInterrupt
        self._received.put(number)

    def _watch(self, backfill: Backfill) -> None:
        if self._received.get() is None:
            return
        self.was_asked = True
        with contextlib.suppress(OSError):  # a closed terminal takes no words
            _say_between("Stopping: the notebooks that run are being ended ...")
        backfill.cancel()


@dataclass(frozen=True)
class Ending:
    """What a backfill came to. ``failures`` are its steps that failed or were blocked, maybe not all of them."""

    backfill_id: str
    status: str
    counts: Mapping[str, int]
    failures: Sequence[Mapping[str, Any]]
    was_stopped: bool

    @property
    def exit_code(self) -> int:
        """0 if every step succeeded, else 1."""
        return 0 if self.counts["succeeded"] == sum(self.counts.values()) else 1

    def to_json(self) -> dict[str, Any]:
        return {
            "backfill_id": self.backfill_id,
            "status": self.status,
            "counts": self.counts,
            "failures": self.failures,
        }


def run_to_end(workspace: Workspace, stopper: Stopper, start: Callable[[], Backfill], most: int | None) -> Ending:
    """Start a backfill and follow it to its end; what it came to, with at most so many failures of each kind."""
    stopper.arm()
    backfill = start()
    remark(f"backfill {backfill.id}: {count(sum(backfill.counts().values()), 'step')}")
    stopper.follow(backfill)
    return look_back(workspace, backfill, most, was_stopped=stopper.was_asked)


def look_back(workspace: Workspace, backfill: Backfill, most: int | None, *, was_stopped: bool = False) -> Ending:
    """What a backfill that has ended came to, with at most so many failures of each kind."""
    counts = backfill.counts()
    failures = find_failures(workspace, backfill, counts, most)
    return Ending(backfill.id, backfill.status, counts, failures, was_stopped)


def find_failures(
    workspace: Workspace, backfill: Backfill, counts: Mapping[str, int], most: int | None
) -> list[dict[str, Any]]:
    """The steps that failed or were blocked, at most so many of each."""
    if not counts["failed"] and not counts["blocked"]:
        return []
    steps = backfill.steps()
    found: list[dict[str, Any]] = []
    for status in RETRYABLE:
        chosen = steps[steps["status"] == status]
        found += Table.from_frame(chosen if most is None else chosen.head(most)).to_records()
    return [
        {
            "asset": step["asset"],
            "partition_key": step["partition_key"],
            "status": step["status"],
            "cause": step["cause"],
            "run_id": step["run_id"],
            "notebook": workspace.get_run(step["run_id"]).notebook if step["run_id"] else None,
        }
        for step in found
    ]


def tell_ending(ending: Ending) -> None:
    """Print what a backfill came to, for people."""
    told = ", ".join(f"{n:,} {paint(name, name)}" for name, n in ending.counts.items() if n)
    click.echo(f"backfill {ending.backfill_id} {paint(ending.status, ending.status)}: {told or 'no steps'}")
    _tell_failures(ending.failures, ending.counts)


def count_unfinished(counts: Mapping[str, int]) -> int:
    """How many steps have no outcome, so that resuming runs them."""
    return sum(counts[name] for name in WITHOUT_OUTCOME)


def tell_how_to_go_on(ending: Ending) -> None:
    """Where steps have no outcome, say how to resume."""
    unfinished = count_unfinished(ending.counts)
    if unfinished:
        stopped = "Stopped; nothing of it runs any more. " if ending.was_stopped else ""
        again = command_line("resume", ending.backfill_id)
        remark(f"{stopped}{count(unfinished, 'step')} did not run to an end. To go on: {again}")


def _tell_failures(failures: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> None:
    failed = [step for step in failures if step["status"] == "failed"]
    for step in failed:
        click.echo(f"\n{paint('failed', 'failed')}  {partition_name(step['asset'], step['partition_key'])}")
        click.echo(f"        {sentence(step['cause'] or 'no error was recorded')}")
        if step["notebook"]:
            click.echo(f"        {show_path(step['notebook'])}")
        if step["run_id"]:
            click.echo(f"        {command_line('show', step['run_id'])}")
    _tell_rest(counts["failed"] - len(failed))
    blocked = [step for step in failures if step["status"] == "blocked"]
    if blocked:
        click.echo()
    for step in blocked:
        place = partition_name(step["asset"], step["partition_key"])
        click.echo(f"{paint('blocked', 'blocked')} {place}: {sentence(step['cause'] or '')}")
    _tell_rest(counts["blocked"] - len(blocked))


def _tell_rest(number: int) -> None:
    if number > 0:
        click.echo(f"        … and {number:,} more")


def _say_between(text: str) -> None:
    """Say something while a progress bar stands on the last line."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)
