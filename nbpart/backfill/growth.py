"""Backfills that grow: what is asked for more steps while a backfill runs, and hears how they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nbpart.backfill.plan import StepRelation, StepTable
from nbpart.catalog import Batch
from nbpart.run.report import RunReport
from nbpart.states import StepStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Growth:
    """More steps of a backfill, as a transaction recorded them, and their numbers in the catalog (int64).

    ``relations`` say which of them read which. A grower may give one of its own, with what it has to know when the
    transaction was committed.
    """

    steps: StepTable
    numbers: NDArray[np.int64]
    relations: Sequence[StepRelation] = ()


class Grower(Protocol):
    """Gives a backfill more steps, of one asset and of what that reads. The thread of one runner calls it, but for
    ``asset`` and ``left``.

    A turn of the runner asks, has what was asked for recorded, by another transaction where one failed, and says when
    it is committed.
    """

    @property
    def asset(self) -> str:
        """The asset of which it hears the outcomes."""

    @property
    def is_simple(self) -> bool:
        """Whether all of its steps are of that asset and wait for nothing, not even for a look at files that they read:
        they can be claimed where they are recorded."""

    @property
    def left(self) -> int:
        """How many steps it may still give."""

    def ask(self, room: int) -> bool:
        """Choose at most ``room`` more steps, unless some are chosen already. Returns whether any is to be recorded.

        Raises what is to end the backfill, which is interrupted then.
        """

    def record(self, batch: Batch) -> Growth:
        """Record what was chosen, as steps where it has to run. It changes nothing but the catalog."""

    def commit(self, growth: Growth) -> None:
        """The transaction that recorded it was committed: the next choice is another one."""

    def end(self, key_id: int, status: StepStatus, cause: str, report: RunReport | None) -> None:
        """Hear the outcome of a step, given or there from the beginning, before it is recorded. Raises nothing.

        ``cause`` is what is shown as its reason; ``report`` is that of its last attempt, None where another backfill
        made the partition or nothing ran.
        """
