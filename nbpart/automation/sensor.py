"""Declaring sensors: functions that look for new data, add keys and ask for runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from nbpart.assets.numbers import check_seconds, read_interval
from nbpart.errors import DeclarationError
from nbpart.partitions import AddKeysRequest, DeleteKeysRequest, PartitionsDefinition, as_definition

#: How long a sensor may take where it says nothing else, in seconds.
DEFAULT_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A request for runs of one partition key. All its arguments are given by keyword.

    With ``asset`` (an asset, or a selection as ``"group:daily+"``) that is run, otherwise all assets that the key's set
    partitions and all assets below these. ``partition_key`` is text or a dict of parameters; an asset without
    partitions needs none. A ``run_key`` is obeyed once, for ever: a later request of the same sensor with an equal one
    is dropped, and its tick says so. ``settings`` override those of the runs, ``tags`` (names with values) stay with
    the backfill; requests of one tick with equal settings and tags are one backfill.
    """

    partition_key: Any = None
    asset: Any = None
    run_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SkipReason:
    """The answer of a sensor that asks for nothing: why, as a sentence that stays with its tick."""

    skip_message: str = ""


@dataclass(frozen=True)
class SensorResult:
    """The answer of a sensor in full: runs to start, keys to add or remove, and a new cursor (None keeps the old).

    ``skip_reason``, a `SkipReason` or a text, says why nothing is asked for; it stays with the tick.
    """

    run_requests: Sequence[RunRequest] = ()
    dynamic_partitions_requests: Sequence[AddKeysRequest | DeleteKeysRequest] = ()
    cursor: str | None = None
    skip_reason: SkipReason | str | None = None


@dataclass(frozen=True, eq=False)
class Sensor:
    """A declared sensor: ``every_s`` is how often it is to be asked, ``timeout_s`` how long it may take, in seconds;
    ``folder`` is where its code runs."""

    name: str
    function: Callable[..., Any]
    every_s: float
    folder: Path
    partitions: PartitionsDefinition | None = None
    description: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S

    def __call__(self, context: Any) -> Any:
        return self.function(context)

    def __repr__(self) -> str:
        return f"<nbpart sensor {self.name!r} every {self.every_s:g} s>"


@dataclass
class SensorContext:
    """The argument of a sensor function.

    ``cursor`` is the text that its last tick left, None at first; assign to it to leave another for the next tick.
    ``sets`` are the sets of dynamic partitions by name, ``asked_sets`` the names that it called `partitions` with.
    """

    sets: Mapping[str, Container[str]]
    cursor: str | None = None
    asked_sets: list[str] = field(default_factory=list)

    def partitions(self, name: str) -> Any:
        """The keys of a set of dynamic partitions, for ``key in``, ``len`` and iteration. Raises `UnknownNameError`."""
        self.asked_sets.append(name)
        return self.sets[name]


@overload
def sensor(function: Callable[..., Any]) -> Sensor: ...
@overload
def sensor(
    *, every: str | float = ..., name: str | None = ..., partitions: Any = ..., timeout_s: float = ...
) -> Callable[[Callable[..., Any]], Sensor]: ...
def sensor(
    function: Callable[..., Any] | None = None,
    *,
    every: str | float = "30s",
    name: str | None = None,
    partitions: Any = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Any:
    """Decorator that declares a function as a sensor.

    ``every`` is a number of seconds or text as ``"30s"``, ``"5m"``, ``"1h"``; ``name`` is that of the function unless
    given; ``partitions`` is the set to which returned keys are added. A look that takes longer than ``timeout_s``
    seconds is ended, and its tick failed. Raises `DeclarationError`.
    """

    def declare(f: Callable[..., Any]) -> Sensor:
        return declare_sensor(f, every=every, name=name, partitions=partitions, timeout_s=timeout_s)

    return declare if function is None else declare(function)


def declare_sensor(
    function: Callable[..., Any],
    *,
    every: str | float = "30s",
    name: str | None = None,
    partitions: Any = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Sensor:
    """A sensor that calls ``function``; ``every`` is a number of seconds or text as ``"30s"``, ``"5m"``, ``"1h"``.

    ``partitions`` is the set to which returned keys are added; not needed where the function asks for one set only.
    Raises `DeclarationError`.
    """
    if not callable(function) or not hasattr(function, "__code__"):
        raise DeclarationError(f"a sensor is made from a function, not from {type(function).__name__}.")
    required = [a for a in inspect.signature(function).parameters.values() if a.default is a.empty]
    if len(required) != 1:
        raise DeclarationError(f"sensor {function.__name__!r} takes one argument, its context: def f(context).")
    check_seconds("timeout_s", timeout_s, above_zero=True)
    return Sensor(
        name or function.__name__,
        function,
        read_interval(every),
        Path.cwd(),
        as_definition(partitions),
        (function.__doc__ or "").strip(),
        float(timeout_s),
    )
