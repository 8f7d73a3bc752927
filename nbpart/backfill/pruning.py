"""Following the curves of a backfill's runs, and telling each what the others came to, where it has a pruner.

A thread reads what the runs have appended, and renews a small file for each asset, which its runs read when they ask
`run.should_stop`. Nothing is lost with it: where a file is missing or old, runs go on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from nbpart.backfill.claimed_run import ClaimedRun
from nbpart.backfill.job import Job
from nbpart.backfill.pruning_board import PruningBoard
from nbpart.catalog import Catalog, queries
from nbpart.errors import NbpartError, nearest
from nbpart.run.curve_tail import read_appended
from nbpart.run.curves import Curves, load_curves, load_kept_curves, parse_lines
from nbpart.run.pruners import Pruner, encode_others, give_direction
from nbpart.run.report import RunReport
from nbpart.states import RunStatus
from nbpart.storage import place_curves, place_data, write_bytes_atomic
from nbpart.storage.own_files import make_folder

log = logging.getLogger("nbpart")

#: How often curves that grow are read, in seconds: with the writing, others are seen within a second.
LOOK_EVERY_S = 0.4
#: The longest that the first runs wait for the curves of those that were made before, in seconds.
LONGEST_PREPARATION_S = 30.0


class Pruning:
    """The pruners of a backfill by asset, none where it has no pruner; `close` ends the thread."""

    def __init__(self, catalog: Catalog, root: Path, job: Job) -> None:
        self._catalog, self._root, self._job = catalog, root, job
        self._boards = {name: PruningBoard(pruner) for name, pruner in _choose_pruners(job).items()}
        self._news: queue.SimpleQueue[tuple[ClaimedRun, RunReport | None] | None] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._warned: set[str] = set()
        self._running: dict[int, _Growing] = {}  # by number of the run
        self._thread = threading.Thread(target=self._follow, name=f"nbpart-pruning-{job.backfill_id}", daemon=True)

    def start(self) -> None:
        """Begin to follow; does nothing without a pruner."""
        if self._boards:
            make_folder(self._root, self._root / "runs" / "_backfills")
            self._thread.start()

    def wait_until_ready(self) -> None:
        """Wait until the curves of partitions that were made before are there for the first runs to compare with."""
        if self._boards:
            self._ready.wait(LONGEST_PREPARATION_S)

    def pruner_of(self, asset: str) -> tuple[Pruner | None, str | None]:
        """The pruner that a run of an asset asks, and the path of what the others came to."""
        board = self._boards.get(asset)
        return (None, None) if board is None else (board.pruner, self._place(asset))

    def begin(self, runs: Iterable[ClaimedRun]) -> None:
        """An attempt of some runs has begun."""
        for run in runs:
            if run.asset in self._boards:
                self._news.put((run, None))

    def end(self, runs: Iterable[ClaimedRun], report: RunReport) -> None:
        """An attempt of some runs has ended; of many that one made, its report has one of each."""
        for run in runs:
            if run.asset in self._boards:
                self._news.put((run, report.members.get(run.run_no, report)))

    def close(self) -> None:
        """End the thread, and remove its files. Only the first call has an effect."""
        if self._thread.is_alive():
            self._news.put(None)
            self._thread.join()
        for asset in self._boards:
            (self._root / self._place(asset)).unlink(missing_ok=True)

    def _place(self, asset: str) -> str:
        return f"runs/_backfills/{self._job.backfill_id}.{asset}.others"

    def _follow(self) -> None:
        try:
            for asset in self._boards:
                self._see_finished(asset)
            self._write()
            self._ready.set()
            while self._take_news():
                self._look()
                self._write()
        except Exception as error:  # noqa: BLE001 - a thread has nobody above it, and runs go on without a pruner
            log.error("backfill %s stops nothing early any more: %s", self._job.backfill_id, error)
        finally:
            self._ready.set()

    def _see_finished(self, asset: str) -> None:
        """Take the curves of partitions that were made before by the same code, and are not made again."""
        node = self._job.registry[asset]
        made_again = [one.key_ids for one in self._job.steps.assets if one.asset == asset]
        found = self._catalog.read(lambda batch: queries.list_finished_curves(batch, node.asset_id))
        is_again = np.isin([key_id for _, key_id, _ in found], np.concatenate(made_again)).tolist()
        for (run_no, _, path), again in zip(found, is_again, strict=True):
            if again:
                continue
            try:
                curves = load_kept_curves(self._root, path, f"run {run_no}")
                self._finish(asset, run_no, curves, is_complete=True)
            except (OSError, ValueError, NbpartError) as error:
                log.warning("the curves of run %s of %s cannot be compared: %s", run_no, asset, error)

    def _take_news(self) -> bool:
        """Take what has begun and ended, waiting a while for it. Returns whether to go on."""
        timeout: float | None = LOOK_EVERY_S if self._running else None
        while True:
            try:
                news = self._news.get(timeout=timeout)
            except queue.Empty:
                return True
            if news is None:
                return False
            run, report = news
            if report is None:
                self._running[run.run_no] = _Growing(run, self._root / _place_curves(run), self._boards[run.asset])
            else:
                self._end(run, report)
            timeout = 0.0

    def _end(self, run: ClaimedRun, report: RunReport) -> None:
        self._running.pop(run.run_no, None)
        is_complete = report.status is RunStatus.SUCCEEDED and not report.stopped_early
        try:
            curves = load_curves(self._root / _place_curves(run))
            self._finish(run.asset, run.run_no, curves, is_complete=is_complete)
            if is_complete:
                self._check_curve(run, curves)
        except (OSError, ValueError) as error:
            log.warning("the curves of %s cannot be compared: %s", run.label, error)

    def _check_curve(self, run: ClaimedRun, curves: Curves) -> None:
        """Say once of each asset that a run went to its end without anything that its pruner could judge."""
        metric, known = self._boards[run.asset].pruner.metric, curves.metrics
        if metric in known or run.asset in self._warned:
            return
        self._warned.add(run.asset)
        near = nearest(metric, known) if known else "it logs none."
        log.warning(
            "backfill %s: %s logged no steps of %r, so its pruner ends nothing early: log them, as by "
            "run.log(%s=0.3, step=17); %s",
            self._job.backfill_id, run.label, metric, metric, near,
        )  # fmt: skip

    def _finish(self, asset: str, run_no: int, curves: Curves, *, is_complete: bool) -> None:
        board = self._boards[asset]
        board.finish(run_no, *curves.last_series(board.pruner.metric), is_complete=is_complete)

    def _look(self) -> None:
        """Read again the curves that have grown."""
        for one in self._running.values():
            if one.board.compares_running:
                try:
                    one.read()
                except (OSError, ValueError):  # it has just ended
                    continue

    def _write(self) -> None:
        for asset, board in self._boards.items():
            if board.is_new:
                write_bytes_atomic(self._root / self._place(asset), encode_others(board.build()))


class _Growing:
    """The curves of a run that is under way, as far as they were read."""

    def __init__(self, run: ClaimedRun, place: Path, board: PruningBoard) -> None:
        self.board = board
        self._run, self._place, self._read = run, place, 0
        self._curves = Curves.of(parse_lines(b""))

    def read(self) -> None:
        """Read what was appended since, and hand all of it to the board."""
        lines, self._read = read_appended(self._place, self._read)
        if not len(lines):
            return
        metric = self.board.pruner.metric
        self._curves = self._curves.extend(lines, metric)
        self.board.see(self._run.run_no, *self._curves.last_series(metric))


def _choose_pruners(job: Job) -> Mapping[str, Pruner]:
    """The pruner of each asset of a backfill that has its metric, with the direction that counts there."""
    pruner = job.options.pruner
    if pruner is None:
        return {}
    names = [one.asset for one in job.steps.assets]
    given = {name: give_direction(pruner, job.registry[name].definition.metrics) for name in names}
    return {name: one for name, one in given.items() if one is not None}


def _place_curves(run: ClaimedRun) -> str:
    return place_curves(place_data(run.stem))
