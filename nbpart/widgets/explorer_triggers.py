"""The triggers that the explorer's panel shows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from nbpart.errors import NbpartError
from nbpart.widgets.explorer_json import tick_json
from nbpart.widgets.reloading import Reloading
from nbpart.widgets.schema import Answer
from nbpart.widgets.trigger_actions import TriggerActions, TriggerResult, TriggersSummary

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

    def ask(self) -> None:
        """Read them again now: somebody has done something with one."""
        self._reloading.ask(urgent=True)

    def _read(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._publish(self._actions.read_triggers())
        except NbpartError as error:
            # the catalog is busy or was closed: the next time may do
            log.debug("the triggers could not be read: %s", error)


class TriggerRequests:
    """Answers requests about triggers; ``after`` is called after each that changes something, with its backfills."""

    def __init__(self, actions: TriggerActions, after: Callable[[Iterable[str]], None]) -> None:
        self._actions, self._after = actions, after

    @property
    def handlers(self) -> Mapping[str, Callable[..., Answer]]:
        """What answers each request, by its name."""
        return {"read_ticks": self._read_ticks, "tick": self._tick, "switch_trigger": self._switch}

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
