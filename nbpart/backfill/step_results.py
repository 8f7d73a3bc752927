"""The results of steps that are not recorded yet, as a few arrays however many steps one failure blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbpart.states import StepStatus

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


class StepResults:
    """Results of steps in the order in which they came.

    ``numbers`` has the number in the catalog of each step of the schedule (int64).
    """

    def __init__(self, numbers: NDArray[np.int64]) -> None:
        self._numbers = numbers
        self._steps: list[NDArray[np.int64]] = []
        self._results: list[tuple[StepStatus, int | None, str]] = []

    def __bool__(self) -> bool:
        return bool(self._steps)

    def extend(self, numbers: NDArray[np.int64]) -> None:
        """Have the schedule more steps, with these numbers in the catalog."""
        self._numbers = np.concatenate((self._numbers, numbers))

    def add(
        self, steps: Sequence[int] | NDArray[np.integer], status: StepStatus, run_no: int | None, cause: str
    ) -> None:
        """Add one result for all of ``steps``, given by their numbers in the schedule."""
        if len(steps):
            self._steps.append(np.asarray(steps, dtype=np.int64))
            self._results.append((status, run_no, cause))

    def to_table(self) -> pa.Table:
        """A row for each step and result, as `events.record_step_results` takes them; not for an empty object."""
        import pyarrow as pa

        which = pa.array(np.repeat(np.arange(len(self._results)), [len(steps) for steps in self._steps]), pa.int32())
        statuses, runs, causes = zip(*self._results, strict=True)
        return pa.table(
            {
                "step_no": self._numbers[np.concatenate(self._steps)],
                "status": _take_texts([str(status) for status in statuses], which),
                "run_no": pa.array(runs, pa.int64()).take(which),
                "cause": _take_texts([cause or None for cause in causes], which),
            }
        )


def _take_texts(texts: Sequence[str | None], which: pa.Array) -> pa.Array:
    """The texts at the places ``which``, with each text in memory once."""
    import pyarrow as pa

    return pa.array(texts, pa.string()).dictionary_encode().take(which)
