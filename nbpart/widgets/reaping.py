"""Looking for processes that died with work in hand: their death is no write, so nobody would be told of it."""

from __future__ import annotations

import threading
import time

from nbpart.errors import NbpartError
from nbpart.widgets.actions import Actions

#: How often it is asked whether the processes of what goes on still live, in seconds.
LOOK_FOR_DEAD_S = 2.0


class Reaper:
    """Has the death of processes recorded, which everyone then sees; at most one look at a time."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self.looked_at = time.monotonic()
        self._looking = threading.Lock()

    def look(self) -> None:
        """Look on a thread of its own, if the last look was long enough ago."""
        if time.monotonic() - self.looked_at > LOOK_FOR_DEAD_S:
            self.looked_at = time.monotonic()
            threading.Thread(target=self._look, name="nbpart-dead", daemon=True).start()

    def _look(self) -> None:
        if not self._looking.acquire(blocking=False):
            return
        try:
            self._actions.look_for_dead()
        except NbpartError:
            pass  # a busy catalog, or one that was closed: the next time may do
        finally:
            self._looking.release()
