"""The triggers that the explorer's panel shows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from nbpart.errors import NbpartError
from nbpart.widgets.reloading import Reloading
from nbpart.widgets.trigger_actions import TriggerActions, TriggersSummary

log = logging.getLogger("nbpart")

#: So often they are read while nothing is written: a watcher that ends writes nothing. In seconds.
READ_EVERY_S = 10.0


class TriggerList:
    """Reads the triggers on a thread of its own and hands them to ``publish``, after each change and by the time."""

    def __init__(self, actions: TriggerActions, publish: Callable[[TriggersSummary], None]) -> None:
        self._actions, self._publish = actions, publish
        self._reloading = Reloading(self._read)
        self._has_any = False
        self._read_at = 0.0

    def on_change(self, *, are_there: bool) -> None:
        """The catalog has changed; ``are_there`` says whether it has triggers."""
        if are_there or self._has_any:
            self._reloading.ask()
        self._has_any = are_there

    def on_poll(self) -> None:
        """Nothing has changed, but time has passed."""
        if self._has_any and time.monotonic() - self._read_at >= READ_EVERY_S:
            self._reloading.ask()

    def _read(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._publish(self._actions.read_triggers())
        except NbpartError as error:
            # the catalog is busy or was closed: the next time may do
            log.debug("the triggers could not be read: %s", error)
