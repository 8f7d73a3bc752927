"""What became of steps, on its way to the catalog: a few arrays, however many steps one failure blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbpart.states import StepStatus

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Notes:
    """Results of steps in the order in which they came; ``numbers`` are the numbers of all steps in the catalog."""

    def __init__(self, numbers: NDArray[np.int64]) -> None:
        self._numbers = numbers
        self._steps: list[NDArray[np.int64]] = []
        self._told: list[tuple[StepStatus, int | None, str]] = []

    def __bool__(self) -> bool:
        return bool(self._steps)

    def add(self, steps: Sequence[int] | NDArray[np.int64], status: StepStatus, run_no: int | None, cause: str) -> None:
        """The same of all ``steps``, numbered as in the schedule."""
        if len(steps):
            self._steps.append(np.asarray(steps, dtype=np.int64))
            self._told.append((status, run_no, cause))

    def to_frame(self) -> pd.DataFrame:
        """Rows for `events.record_step_results`; of a step that is there twice the last one counts."""
        import pandas as pd

        which = np.repeat(np.arange(len(self._told)), [len(steps) for steps in self._steps])
        statuses, runs, causes = zip(*self._told, strict=True)
        return pd.DataFrame(
            {
                "step_no": self._numbers[np.concatenate(self._steps)],
                "status": _spread([str(status) for status in statuses], which),
                "run_no": pd.array(runs, dtype="Int64").take(which),
                "cause": _spread([cause or None for cause in causes], which),
            }
        )


def _spread(texts: Sequence[str | None], which: NDArray[np.int64]) -> pd.Categorical:
    """``texts[which]``, each text kept once."""
    import pandas as pd

    return pd.Categorical(pd.array(texts, dtype="string")).take(which)
