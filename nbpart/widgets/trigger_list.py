"""The triggers that widgets show, and the requests about them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from nbpart.errors import NbpartError
from nbpart.widgets.reloading import Reloading
from nbpart.widgets.schema import Answer
from nbpart.widgets.trigger_actions import TriggerActions, TriggerResult, TriggersSummary
from nbpart.widgets.trigger_json import tick_json

log = logging.getLogger("nbpart")

#: So often they are read while nothing is written, in seconds: who watches, and looks that found nothing, are in files
#: beside the catalog, which is not read then.
READ_EVERY_S = 0.8


class TriggerList:
    """Reads the triggers on a thread of its own, after each change and by the time.

    Where they are others than before, ``publish`` is called with them.
    """

    def __init__(self, actions: TriggerActions, publish: Callable[[TriggersSummary], None]) -> None:
        self._actions, self._publish = actions, publish
        self._reloading = Reloading(self._read)
        self._has_any = False
        self._read_at = 0.0
        self._published: TriggersSummary | None = None

    def on_change(self, *, are_there: bool) -> None:
        """The catalog has changed; ``are_there`` says whether it has triggers."""
        if are_there or self._has_any:
            self._reloading.ask()
        self._has_any = are_there

    def on_poll(self) -> None:
        """Nothing has changed, but time has passed."""
        if self._has_any and time.monotonic() - self._read_at >= READ_EVERY_S:
            self._reloading.ask()

    def ask(self) -> None:
        """Read them again now: somebody has done something with one."""
        self._reloading.ask(urgent=True)

    def _read(self) -> None:
        self._read_at = time.monotonic()
        try:
            found = self._actions.read_triggers()
        except NbpartError as error:
            # the catalog is busy or was closed: the next time may do
            log.debug("the triggers could not be read: %s", error)
            return
        if found != self._published:
            self._publish(found)
            self._published = found


class TriggerRequests:
    """Answers requests about triggers; ``after`` is called after each that changes something, with its backfills."""

    def __init__(self, actions: TriggerActions, after: Callable[[Iterable[str]], None]) -> None:
        self._actions, self._after = actions, after

    @property
    def handlers(self) -> Mapping[str, Callable[..., Answer]]:
        """What answers each request, by its name."""
        return {
            "read_ticks": self._read_ticks,
            "tick": self._tick,
            "switch_trigger": self._switch,
            "watch": lambda: self._answer(self._actions.watch()),
            "stop_watching": lambda: self._answer(self._actions.stop_watching()),
        }

    def _read_ticks(self, trigger: str) -> Answer:
        ticks = [tick_json(tick) for tick in self._actions.read_ticks(trigger)]
        return Answer({"ticks": ticks}, code=f"ws.ticks({trigger!r})")

    def _tick(self, trigger: str) -> Answer:
        return self._answer(self._actions.tick(trigger))

    def _switch(self, trigger: str, is_on: bool) -> Answer:
        return self._answer(self._actions.switch_trigger(trigger, is_on))

    def _answer(self, result: TriggerResult) -> Answer:
        self._after(result.backfills)
        return Answer(message=result.message, code=result.code)
