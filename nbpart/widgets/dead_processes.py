"""Finding processes that died while they had runs: nothing is written when one dies, so somebody has to check."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nbpart.errors import NbpartError
from nbpart.states import ACTIVE, STATUS_CODES

#: The codes of partitions that are queued or running: only these can belong to a dead process.
ACTIVE_CODES = tuple(STATUS_CODES[status] for status in ACTIVE)

log = logging.getLogger("nbpart")


class DeadProcessCheck:
    """Records runs of dead processes as interrupted, in the background, one check at a time.

    ``interrupt_dead_runs`` is `nbpart.widgets.actions.Actions.interrupt_dead_runs`; with None nothing is checked.
    """

    def __init__(self, interrupt_dead_runs: Callable[[], object] | None) -> None:
        self._interrupt_dead_runs = interrupt_dead_runs
        self._running = threading.Lock()

    def start(self) -> None:
        """Start a check on a thread of its own, as it may have to write; does nothing while one runs."""
        check = self._interrupt_dead_runs
        if check is not None and self._running.acquire(blocking=False):
            threading.Thread(target=self._run, args=[check], name="nbpart-dead", daemon=True).start()

    def _run(self, interrupt_dead_runs: Callable[[], object]) -> None:
        try:
            interrupt_dead_runs()
        except NbpartError as error:
            # the catalog is busy or was closed: the widget goes on, and the next check may succeed
            log.debug("could not check for dead processes: %s", error)
        finally:
            self._running.release()
