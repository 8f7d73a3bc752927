"""Looking for processes that died with work in hand: their death is no write, so nobody would be told of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nbpart.errors import NbpartError
from nbpart.states import STATUS_CODES, PartitionStatus

#: The codes of the statuses of what goes on, while its process lives.
GOING = (STATUS_CODES[PartitionStatus.QUEUED], STATUS_CODES[PartitionStatus.RUNNING])

log = logging.getLogger("nbpart")


class Reaper:
    """Has the death of processes recorded, which everyone then sees; at most one look at a time.

    ``interrupt_dead_runs`` returns at once where somebody looked just now; without it nobody looks.
    """

    def __init__(self, interrupt_dead_runs: Callable[[], object] | None) -> None:
        self._interrupt_dead_runs = interrupt_dead_runs
        self._looking = threading.Lock()

    def look(self) -> None:
        """Look on a thread of its own: it may take a write."""
        if self._interrupt_dead_runs is not None and self._looking.acquire(blocking=False):
            threading.Thread(
                target=self._look, args=[self._interrupt_dead_runs], name="nbpart-dead", daemon=True
            ).start()

    def _look(self, interrupt_dead_runs: Callable[[], object]) -> None:
        try:
            interrupt_dead_runs()
        except NbpartError as error:
            # a busy catalog, or one that was closed: the widget goes on, and the next look may do
            log.debug("who died could not be looked for: %s", error)
        finally:
            self._looking.release()
