"""The curves of runs for a widget, read as they grow."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from nbpart.catalog import queries
from nbpart.catalog.queries.runs import LastAttempt
from nbpart.errors import UnknownNameError
from nbpart.partitions import PartitionRef
from nbpart.project.project import Project
from nbpart.run.curve_tail import CurveTail, Series
from nbpart.states import LIVE
from nbpart.storage import place_curves, place_data, place_run
from nbpart.storage.own_files import find_own
from nbpart.widgets.curve_lines import CurveLine, CurveSet, smooth, thin

#: The curves of so many runs are kept in memory.
_MOST_KEPT = 400


class CurveReader:
    """Reads curves again and again: of a run that goes on only what was appended, of one that has ended nothing."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._tails: OrderedDict[tuple[str, int, bool], CurveTail] = OrderedDict()

    def read(self, run_ids: Sequence[str], metric: str, *, by_time: bool, smoothing: float) -> CurveSet:
        """The lines of a metric of some runs, or of the first metric that there is; see `RunActions.read_curves`.

        Raises `UnknownNameError` for a run that there is not.
        """
        attempts = self._project.read(lambda batch: queries.find_last_attempts(batch, run_ids))
        if unknown := [run_id for run_id in run_ids if run_id not in attempts]:
            raise UnknownNameError(f"there is no run {unknown[0]!r}; ws.runs() lists them.")
        with self._lock:
            tails = {run_id: self._follow(attempts[run_id]) for run_id in run_ids}
            names = tuple(dict.fromkeys(name for tail in tails.values() for name in tail.names))
            drawn = metric if metric in names else next(iter(names), "")
            found = {run_id: tail.series(drawn) for run_id, tail in tails.items()}
        lines = [
            line
            for run_id, series in found.items()
            for line in _draw(attempts[run_id], series, by_time=by_time, smoothing=smoothing)
        ]
        return CurveSet(drawn, names, tuple(lines))

    def _follow(self, run: LastAttempt) -> CurveTail:
        """The curves of the last attempt of a run as they are now; called with the lock held."""
        is_live = run.status in LIVE
        known = (run.run_id, run.attempt, is_live)
        tail = self._tails.get(known)
        if tail is None:
            stem = place_run(PartitionRef(run.asset, run.partition_key), run.run_id, max(run.attempt, 1))
            tail = CurveTail(find_own(self._project.root, place_curves(place_data(stem)), f"run {run.run_id}"))
            tail.read()
            self._tails[known] = tail
        elif is_live:
            tail.read()
        self._tails.move_to_end(known)
        while len(self._tails) > _MOST_KEPT:
            self._tails.popitem(last=False)
        return tail


def _draw(run: LastAttempt, parts: Sequence[Series], *, by_time: bool, smoothing: float) -> Iterator[CurveLine]:
    for part in parts:
        x = part.at - parts[0].at[0] if by_time else part.step.astype(float)
        yield CurveLine(run.run_id, *thin(x, smooth(part.value, smoothing)), len(part), run.status in LIVE)
