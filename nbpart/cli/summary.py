"""Summaries of backfills for a terminal: how one ended, its failures, and how to resume it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.output import partition_name, print_stderr, show_path
from nbpart.cli.tables import Table, colour_status
from nbpart.cli.text import one_line, pluralize, printable
from nbpart.states import DONE, RETRYABLE, STOPPED_BACKFILL, WITHOUT_OUTCOME, BackfillStatus, StepStatus

if TYPE_CHECKING:
    from nbpart.workspace import Backfill, Workspace

#: How many failures are printed one by one.
MAX_FAILURES_PRINTED = 20


@dataclass(frozen=True)
class BackfillSummary:
    """How a backfill ended.

    ``counts`` are its steps by status, ``failures`` records of those that failed or were blocked, maybe not all of
    them. ``was_stopped`` says that a signal ended it, ``bad_checks`` what it made that does not pass a check.
    """

    backfill_id: str
    status: str
    counts: Mapping[str, int]
    failures: Sequence[Mapping[str, Any]]
    was_stopped: bool
    bad_checks: Sequence[Mapping[str, Any]] = ()

    @property
    def exit_code(self) -> int:
        """0 if every step succeeded or had nothing to do, and no blocking check failed, else 1."""
        is_done = sum(self.counts[status] for status in DONE) == sum(self.counts.values())
        return 0 if is_done and not any(one["blocks"] for one in self.bad_checks) else 1

    def to_json(self) -> dict[str, Any]:
        return {
            "backfill_id": self.backfill_id,
            "status": self.status,
            "counts": self.counts,
            "failures": self.failures,
            "checks": self.bad_checks,
        }


def summarize_backfill(
    workspace: Workspace, backfill: Backfill, max_failures: int | None, *, was_stopped: bool = False
) -> BackfillSummary:
    """The summary of a backfill that has ended; ``max_failures`` of each kind are in it, None for all."""
    counts = backfill.counts()
    failures = find_failures(workspace, backfill, counts, max_failures)
    bad_checks = Table.from_frame(backfill.bad_checks()).to_records()
    return BackfillSummary(backfill.id, backfill.status, counts, failures, was_stopped, bad_checks)


def find_failures(
    workspace: Workspace, backfill: Backfill, counts: Mapping[str, int], max_failures: int | None
) -> list[dict[str, Any]]:
    """The failed and the blocked steps, at most ``max_failures`` of each (None for all), as records for JSON."""
    if not any(counts[status] for status in RETRYABLE):
        return []
    steps = backfill.steps()
    found: list[dict[str, Any]] = []
    for status in RETRYABLE:
        chosen = steps[steps["status"] == status]
        found += Table.from_frame(chosen if max_failures is None else chosen.head(max_failures)).to_records()
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


def print_summary(summary: BackfillSummary) -> None:
    """Print how a backfill ended, and its failures, for people."""
    counts = ", ".join(f"{n:,} {colour_status(name)}" for name, n in summary.counts.items() if n)
    click.echo(f"backfill {summary.backfill_id} {colour_status(summary.status)}: {counts or 'no steps'}")
    _print_failures(summary.failures, summary.counts)
    _print_bad_checks(summary.bad_checks)


def count_unfinished(counts: Mapping[str, int]) -> int:
    """The number of steps without an outcome: those that resuming would run."""
    return sum(counts[name] for name in WITHOUT_OUTCOME)


def print_how_to_resume(summary: BackfillSummary) -> None:
    """Print the command that resumes a backfill to stderr, if steps of it have no outcome."""
    unfinished = count_unfinished(summary.counts)
    if unfinished:
        stopped = "Stopped; nothing of it runs any more. " if summary.was_stopped else ""
        command = options.command_line("resume", summary.backfill_id)
        print_stderr(f"{stopped}{pluralize(unfinished, 'step')} did not run to an end. To go on: {command}")


def _print_failures(failures: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> None:
    failed = [step for step in failures if step["status"] == StepStatus.FAILED]
    for step in failed:
        click.echo(f"\n{colour_status('failed')}  {partition_name(step['asset'], step['partition_key'])}")
        click.echo(f"        {one_line(step['cause'] or 'no error was recorded')}")
        if step["notebook"]:
            click.echo(f"        {show_path(step['notebook'])}")
        if step["run_id"]:
            click.echo(f"        {options.command_line('show', step['run_id'])}")
    _print_rest(counts[StepStatus.FAILED] - len(failed))
    blocked = [step for step in failures if step["status"] == StepStatus.BLOCKED]
    if blocked:
        click.echo()
    for step in blocked:
        name = partition_name(step["asset"], step["partition_key"])
        click.echo(f"{colour_status('blocked')} {name}: {one_line(step['cause'] or '')}")
    _print_rest(counts[StepStatus.BLOCKED] - len(blocked))


def _print_bad_checks(bad_checks: Sequence[Mapping[str, Any]]) -> None:
    if bad_checks:
        click.echo()
    for one in bad_checks[:MAX_FAILURES_PRINTED]:
        name, message = partition_name(one["asset"], one["partition_key"]), one_line(one["message"] or "")
        click.echo(
            f"check {colour_status(one['outcome'])} {name}: {printable(one['check'])}{message and f': {message}'}"
        )
    _print_rest(len(bad_checks) - MAX_FAILURES_PRINTED)


def _print_rest(number: int) -> None:
    if number > 0:
        click.echo(f"        … and {number:,} more")


def describe_open_backfills(workspace: Workspace) -> list[str]:
    """A line for each backfill that runs or was requested, and for the newest one if it can be resumed."""
    lines = []
    for position, row in enumerate(Table.from_frame(workspace.backfills.frame).to_records()):
        name = f"backfill {row['backfill_id']} ({printable(row['selection'])}, {pluralize(row['steps'], 'step')})"
        resume = options.command_line("resume", row["backfill_id"])
        if row["status"] in (BackfillStatus.RUNNING, BackfillStatus.CANCELLING):
            lines.append(f"{name} is {row['status']}")
        elif row["status"] == BackfillStatus.REQUESTED:
            lines.append(f"{name} was asked for and has not begun; the next tick takes it up, or: {resume}")
        elif position == 0 and row["status"] in STOPPED_BACKFILL:
            lines.append(f"{name} was {row['status']}; to go on: {resume}")
    return lines
