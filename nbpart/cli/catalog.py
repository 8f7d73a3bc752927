"""The command catalog check, which compares the catalog and the data files with what was recorded."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_stderr, print_table, show_path
from nbpart.cli.tables import Table
from nbpart.cli.text import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.catalog.records import Finding

CHECK_ROWS = 20
#: How many differences are listed at most; a repair has no limit.
MAX_FINDINGS = 1000
#: How often the progress of a check of data files is printed, in seconds.
PROGRESS_EVERY_S = 0.5


def _parse_sample(ctx: click.Context, option: click.Parameter, text: str | None) -> int | float | None:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        fraction = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction < 1:
        raise click.BadParameter(f"{text!r} is neither a number of files nor a fraction such as 0.01.", ctx, option)
    return fraction


@click.group()
def catalog() -> None:
    """Look after the catalog itself."""


@catalog.command()
@options.selection_argument
@click.option("--repair", is_flag=True, help="Put what the events come to in the place of what is stored.")
@click.option("--data", is_flag=True, help="Compare the data files with what was recorded of them, too.")
@click.option(
    "--sample",
    metavar="N",
    callback=_parse_sample,
    help="Read the content of N data files only (200), or of a part of them (0.01); 0 looks at sizes alone.",
)
@options.json_option
@options.workspace_option
@click.pass_context
def check(
    ctx: click.Context, selection: Sequence[str], repair: bool, data: bool, sample: int | float | None, as_json: bool
) -> None:
    """Compare the facts of partitions with their events.

    Events are only ever added; beside them the catalog keeps what they come to for each partition. Shows where the two
    differ, and exits with 1 if they do; with --repair they are brought together, which loses nothing.

    With --data every data file is looked at too, or those of SELECTION: one that is gone makes its partition missing,
    one with another content makes it stale, and one that was put back is good again.
    """
    if not data and (selection or sample is not None):
        raise click.UsageError("SELECTION and --sample say which data files to look at: add --data.")
    findings, repaired, copy = _check_facts(repair)
    files = _check_data(list(selection) or "*", sample) if data else None
    if as_json:
        _print_json(findings, repaired, copy, files)
    else:
        _print_findings(findings, repaired, copy)
        if files is not None:
            _print_files(files)
    left = [finding for finding in findings if finding.is_shared or not repair]
    ctx.exit(1 if left or (files is not None and len(files)) else 0)


def _check_facts(repair: bool) -> tuple[list[Finding], int, Path | None]:
    """Compare facts with events: the differences, the number of repaired partitions, and a copy of the old catalog.

    The number is 0 and the copy None where nothing was repaired.
    """
    from nbpart.catalog import check as checking
    from nbpart.catalog.backup import CatalogBackup
    from nbpart.project.folder import open_folder

    _, opened = open_folder(options.workspace_path(), create=False, purpose="nbpart catalog check")
    try:
        findings = opened.read(lambda batch: checking.check(batch, MAX_FINDINGS))
        if not repair or all(finding.is_shared for finding in findings):
            return findings, 0, None
        backup = CatalogBackup(datetime.now(UTC))
        return findings, opened.write(checking.repair, before=backup.make), backup.path
    finally:
        opened.close()


def _check_data(selection: Any, sample: int | float | None) -> pd.DataFrame:
    with options.open_workspace() as workspace:
        return workspace.check_data(selection, sample=sample, progress=_ProgressLine())


class _ProgressLine:
    """Prints on a terminal how many files were checked, on one line of stderr; called with those done and all."""

    def __init__(self) -> None:
        self._printed_at = time.monotonic()
        self._width = 0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty() or (now - self._printed_at < PROGRESS_EVERY_S and done < total):
            return
        self._printed_at = now
        text = f"looked at {done:,} of {pluralize(total, 'file')}" if done < total else ""
        click.echo("\r" + text.ljust(self._width) + ("" if text else "\r"), nl=False, err=True)
        self._width = len(text)


def _print_json(findings: list[Finding], repaired: int, copy: Path | None, files: pd.DataFrame | None) -> None:
    records = zip(_to_table(findings).to_records(), findings, strict=True)
    result: dict[str, Any] = {
        "findings": [{**record, "mend": _make_repair_command(finding)} for record, finding in records],
        "repaired": repaired,
    }
    if copy is not None:
        result["copy"] = str(copy)
    if files is not None:
        result["data"] = Table.from_frame(files.assign(mend=_list_repair_commands(files))).to_records()
    print_json(result)


def _to_table(findings: list[Finding]) -> Table:
    columns = ("asset", "partition_key", "fact", "stored", "events_say")
    return Table(columns, [(f.asset, f.partition_key, f.column, f.recorded, f.rebuilt) for f in findings])


def _print_findings(findings: list[Finding], repaired: int, copy: Path | None) -> None:
    table = _to_table(findings)
    shown = Table(table.columns, table.rows[:CHECK_ROWS])
    more = f"{'at least ' if len(findings) == MAX_FINDINGS else ''}{pluralize(len(findings), 'difference')}"
    print_table(shown, False, empty="The facts are what the events come to.", more=more if findings else "")
    if copy is not None:
        print_stderr(f"The catalog as it was is kept: {show_path(copy)}")
    if repaired:
        click.echo(f"Mended the facts of {pluralize(repaired, 'partition')}.")
    left = [finding for finding in findings if finding.is_shared or not repaired]
    lines = list(dict.fromkeys(map(_make_repair_command, left)))
    if len(lines) > CHECK_ROWS:
        lines = [options.command_line("backfill", name, "-s", "all") for name in sorted({f.asset for f in left})]
    _print_repair_commands(lines)


def _make_repair_command(finding: Finding) -> str:
    """The command that repairs a finding; for data that may belong to another partition, the one that runs it again."""
    if not finding.is_shared:
        return options.command_line("catalog", "check", "--repair")
    return options.command_line("backfill", *_name_partition(finding.asset, finding.partition_key), "-s", "all")


def _print_files(files: pd.DataFrame) -> None:
    from nbpart.storage import FileFault

    n = len(files)
    table = Table.from_frame(files.drop(columns="path").head(CHECK_ROWS))
    empty = "The data files are what was recorded."
    print_table(table, False, empty=empty, more=f"{pluralize(n, 'data file')} not as recorded." if n else "")
    if not n:
        return
    if n > 1 and (files["problem"] == FileFault.DELETED).all():
        print_stderr("If a disk is not mounted, mount it and check again: what is found then is materialized again.")
    lines = list(dict.fromkeys(_list_repair_commands(files)))
    if len(lines) > CHECK_ROWS:
        lines = [options.command_line("backfill", asset) for asset in files["asset"].unique()]
    _print_repair_commands(lines)


def _print_repair_commands(lines: Sequence[str]) -> None:
    """Print to stderr the commands that repair what was found."""
    if len(lines) == 1:
        print_stderr(f"To mend them: {lines[0]}")
    elif lines:
        print_stderr("To mend them:")
        for line in lines:
            print_stderr(f"  {line}")


def _name_partition(asset: str, key: str | None) -> list[str]:
    return [asset, *(["-k", key] if key is not None else [])]


def _list_repair_commands(files: pd.DataFrame) -> list[str]:
    """The command that repairs each file, in their order."""
    from nbpart.storage import FileFault

    lines = []
    for row in files.itertuples(index=False):
        words = ["backfill", *_name_partition(row.asset, row.partition_key)]
        if row.problem == FileFault.FORBIDDEN:
            lines.append(shlex.join(["chmod", "u+r", str(options.workspace_path() / row.path)]))
        elif row.problem == FileFault.UNREADABLE:  # its content is unknown, so its partition is not outdated
            lines.append(options.command_line(*words, "-s", "all"))
        else:
            lines.append(options.command_line(*words))
    return lines
