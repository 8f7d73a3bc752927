"""Declaring hooks: functions that are told of a failure or of what is late."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbpart.automation.sensor import Sensor, declare_sensor
from nbpart.errors import DeclarationError


@dataclass(frozen=True)
class HookEvent:
    """What a hook is told: one event a backfill or a look, however many runs it had.

    ``what`` is ``"backfill"``, ``"tick"`` or ``"late"``, ``name`` the selection of the backfill or the name of the
    trigger, ``workspace`` its folder. ``counts`` says how many steps of the backfill have each status,
    ``partitions`` are those that failed or are late, at most 20 of them, as ``asset/key``; ``error`` is the first
    error. ``backfill_id`` is empty for a tick.
    """

    what: str
    name: str
    workspace: str
    counts: Mapping[str, int] = field(default_factory=dict)
    partitions: Sequence[str] = ()
    error: str = ""
    backfill_id: str = ""

    def __str__(self) -> str:
        """A sentence for a person."""
        counts = ", ".join(f"{n:,} {status}" for status, n in self.counts.items() if n)
        parts = [f"{self.what} {self.name}", counts, ", ".join(self.partitions), self.error]
        return ": ".join(part for part in parts if part)


@dataclass(frozen=True, eq=False)
class Hook:
    """A declared hook: ``event`` is ``"failure"`` or ``"late"``, ``code`` what is called."""

    event: str
    code: Sensor

    @property
    def name(self) -> str:
        return self.code.name

    def __call__(self, event: HookEvent) -> Any:
        return self.code.function(event)

    def __repr__(self) -> str:
        return f"<nbpart hook {self.name!r} on {self.event}>"


def declare_hook(event: str, function: Callable[..., Any], *, name: str | None, timeout_s: float) -> Hook:
    """A hook that calls ``function`` with a `HookEvent`. Raises `DeclarationError`."""
    if not callable(function) or not hasattr(function, "__code__"):
        raise DeclarationError(f"a hook is made from a function, not from {type(function).__name__}.")
    required = [a for a in inspect.signature(function).parameters.values() if a.default is a.empty]
    if len(required) != 1:
        raise DeclarationError(f"hook {function.__name__!r} takes one argument, its event: def f(event).")
    return Hook(event, declare_sensor(function, every=1, name=name, timeout_s=timeout_s))
