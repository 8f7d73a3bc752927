"""What the runs of an asset have come to, as its pruner compares them. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nbpart.run.pruners import MedianPruner, Others, Pruner, SuccessiveHalving, sort_rows


class PruningBoard:
    """The curves of the runs that one pruner compares. ``is_new``: they have changed since `build` was called."""

    def __init__(self, pruner: Pruner) -> None:
        self.pruner = pruner
        self.is_new = False
        self._finished: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self._least = 0
        if isinstance(pruner, SuccessiveHalving) and pruner.min_resource != "auto":
            self._least = pruner.min_resource
        self._rungs: dict[tuple[int, int], float] = {}  # (rung, run number) -> value

    @property
    def compares_running(self) -> bool:
        """Whether it compares with runs that have not ended."""
        return isinstance(self.pruner, SuccessiveHalving)

    def see(self, run_no: int, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take what a run has logged so far, in the order in which it did."""
        if isinstance(self.pruner, SuccessiveHalving) and self._least:
            self._climb(self.pruner, run_no, steps, values)

    def finish(self, run_no: int, steps: NDArray[np.int64], values: NDArray[np.float64], *, is_complete: bool) -> None:
        """Take all of a run that has ended. ``is_complete``: it made its data and was not stopped early.

        As in Optuna it stands at no rung where the first resource is known only by its own end.
        """
        if not len(steps):
            return
        self.see(run_no, steps, values)
        if not is_complete:
            return
        self.is_new = True
        if isinstance(self.pruner, SuccessiveHalving):
            self._finished.append((steps[-1:], values[-1:]))
            if not self._least:
                self._least = max(int(steps[-1]) // 100, 1)
        else:
            self._finished.append(_take_last_of_each(steps, values))

    def build(self) -> Others:
        """What the runs come to, for the file that they read."""
        self.is_new = False
        if isinstance(self.pruner, MedianPruner):
            return self._build_medians()
        rows = [(rung, run_no, value) for (rung, run_no), value in self._rungs.items()]
        return Others(len(self._finished), self._least, *sort_rows(rows))

    def _climb(
        self, pruner: SuccessiveHalving, run_no: int, steps: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Note the value of a run at each rung that it has reached."""
        rung = 0
        while len(steps) and (step := pruner.rung_step(rung, self._least)) <= steps.max():
            value = float(values[int(np.argmax(steps >= step))])
            if not math.isnan(value) and self._rungs.get((rung, run_no)) != value:
                self._rungs[rung, run_no] = value
                self.is_new = True
            rung += 1

    def _build_medians(self) -> Others:
        if not self._finished:
            return Others()
        steps = np.unique(np.concatenate([one for one, _ in self._finished]))
        table = np.full((len(self._finished), len(steps)), np.nan)
        for row, (own, values) in enumerate(self._finished):
            table[row, np.searchsorted(steps, own)] = values
        known = ~np.isnan(table).all(axis=0)
        medians = np.nanmedian(table[:, known], axis=0)
        rows = [(int(step), 0, float(value)) for step, value in zip(steps[known], medians, strict=True)]
        return Others(len(self._finished), 0, *sort_rows(rows))


def _take_last_of_each(
    steps: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The steps in order, each once, with the value that it had last."""
    back, places = np.unique(steps[::-1], return_index=True)
    return back, values[::-1][places]
