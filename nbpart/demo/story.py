"""The demo: files arrive, a sensor finds them, one fails, it is sent again, and only what is outdated runs."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import nbpart
from nbpart.demo.folder import land_days, list_days, make_folder, send_again

if TYPE_CHECKING:
    import pandas as pd

Echo = Callable[[str], None]
GRAPH = """
   inbox -> files_metadata -> processed_files -> compressed_files
                                              -> daily_report (a notebook with a plot)
"""


def run_demo(folder: str | os.PathLike[str], days: int = 14, echo: Echo = print, max_workers: int = 2) -> int:
    """Run the demo in ``folder``, which is made anew, and print each chapter with ``echo``; returns the exit code.

    The code is 0 if every partition is materialized in the end. Raises `WorkspaceError` where ``folder`` is not a demo,
    and `ParameterError` for ``days`` that are not 1 to 365; nothing is touched then.
    """
    start = time.monotonic()
    list_days(days)
    home, started_in = make_folder(folder), Path.cwd()
    echo(f"nbpart demo: {_many(days, 'day')} of flights from New York, in {_relative(home, started_in)}\n")
    broken = _land_files(home, days, echo)
    with contextlib.chdir(home), import_flights(home) as flights, nbpart.open(home) as ws:
        story = Story(ws, home, started_in, echo, max_workers)
        story.find_files(flights)
        story.run_everything()
        story.repair(broken)
        story.ask()
        return story.end(time.monotonic() - start)


@dataclass(frozen=True)
class Story:
    """The chapters that need the workspace; each prints what it did. ``started_in`` is where paths are relative to."""

    ws: nbpart.Workspace
    home: Path
    started_in: Path
    echo: Echo
    max_workers: int

    def find_files(self, flights: ModuleType) -> None:
        self.ws.register(*flights.everything)
        self.ws.tick("inbox_sensor")
        found = len(self.ws.dynamic_partitions("files"))
        self.echo(f"2. A sensor finds them and adds {_many(found, 'partition')}.\n")

    def run_everything(self) -> None:
        plan = self.ws.plan("*")
        self.echo(f"3. Four assets for each file: {len(plan)} steps, {self.max_workers} at a time.\n{GRAPH}")
        backfill = plan.run(max_workers=self.max_workers).wait()
        self.echo(f"\n{_table(self.ws.status().reset_index())}\n")
        self.report_failures(backfill)

    def report_failures(self, backfill: nbpart.Backfill) -> None:
        steps = backfill.steps()
        for step in steps[steps["status"] == "failed"].itertuples():
            run = self.ws.get_run(step.run_id)
            self.echo(f"4. One partition failed: {step.asset} of {step.partition_key}.")
            self.echo(f"   {run.error}")
            self.echo(f"   Its notebook: {_relative(run.notebook, self.started_in)}")
        blocked = backfill.counts()["blocked"]
        self.echo(f"   {_many(blocked, 'step')} below it had to wait; the other files went through.\n")

    def repair(self, broken: Path) -> None:
        send_again(broken)
        plan = self.ws.plan("*")
        self.echo(f"5. The file is sent again, and what is outdated runs: {_many(len(plan), 'step')}.\n")
        self.echo(f"{_table(plan.frame)}\n")
        plan.run(max_workers=self.max_workers).wait()

    def ask(self) -> None:
        query = (self.home / "carriers.sql").read_text(encoding="utf-8")
        self.echo("\n6. One question over all partitions (carriers.sql): whose flights leave late?\n")
        self.echo(f"{_table(self.ws.sql(query).df())}\n")
        reports = self.ws.partition_status("daily_report").set_index("partition_key")
        worst = reports.loc[reports["cancelled"].idxmax()]
        day = str(worst.name).removesuffix(".csv")
        self.echo(
            f"   The day to stay at home, from what the notebooks logged: {day},\n"
            f"   when {int(worst['cancelled'])} of {int(worst['flights'])} flights were cancelled.\n"
        )

    def end(self, took_s: float) -> int:
        """Print the state of the workspace and what to try next; returns the exit code."""
        status = self.ws.status()
        total, done = int(status.select_dtypes("number").to_numpy().sum()), int(status["materialized"].sum())
        self.echo(f"{done} of {total} partitions are materialized, after {took_s:.0f} s. What to try next:\n")
        place = _relative(self.home, self.started_in)
        for action, what in (
            (f"{_command()} -w {place} status", "where every asset stands"),
            (f"{place}/daily_report.ipynb", "run it by hand in JupyterLab: it loads what was made here"),
            (f"{place}/flights.py", "change a function, register as it says there: ws.plan() tells what is stale"),
            (f"{place}/DEMO.txt", "what is in the folder"),
        ):
            self.echo(f"   {action}\n       {what}")
        return 0 if done == total else 1


def _land_files(home: Path, days: int, echo: Echo) -> Path:
    landing = land_days(home / "inbox", days)
    echo(f"1. {_many(landing.files, 'file')} in inbox/: {landing.flights:,} flights, {landing.bytes / 1e6:.1f} MB.")
    echo(f"   The upload of {landing.broken.name} broke off; nobody knows yet.\n")
    return landing.broken


@contextlib.contextmanager
def import_flights(home: Path) -> Iterator[ModuleType]:
    """Import flights.py of the demo's folder as ``flights``; at the end the module and the path are removed again."""
    before = sys.modules.pop("flights", None)
    sys.path.insert(0, str(home))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module("flights")
    finally:
        sys.path.remove(str(home))
        sys.modules.pop("flights", None)
        if before is not None:
            sys.modules["flights"] = before


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(frame: pd.DataFrame) -> str:
    return "\n".join(f"   {line}".rstrip() for line in frame.to_string(index=False).splitlines())


def _relative(path: Path | None, start: Path) -> str:
    """A path relative to the folder where the demo was started if it is below, else absolute."""
    if path is None:
        return "none was written"
    return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)


def _command() -> str:
    """The command that runs nbpart here: with its folder only where it is not on the PATH."""
    beside = Path(sys.executable).with_name("nbpart")
    return "nbpart" if shutil.which("nbpart") or not beside.exists() else str(beside)
