"""Declaring sensors: functions that look for new data, add keys and ask for runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from nbpart.errors import DeclarationError
from nbpart.partitions import AddKeysRequest, DeleteKeysRequest, PartitionsDefinition, as_definition
from nbpart.partitions.keys import drop_unprintable

_EVERY = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class RunRequest:
    """A request for runs of one partition key.

    With ``asset`` (an asset, or a selection as ``"group:daily+"``) that is run, otherwise all assets that the key's set
    partitions and all assets below these. ``partition_key`` is text or a dict of parameters; an asset without
    partitions needs none.
    """

    partition_key: Any = None
    asset: Any = None


@dataclass(frozen=True)
class SensorResult:
    """The answer of a sensor in full: runs to start, keys to add or remove, and a new cursor (None keeps the old)."""

    run_requests: Sequence[RunRequest] = ()
    dynamic_partitions_requests: Sequence[AddKeysRequest | DeleteKeysRequest] = ()
    cursor: str | None = None


@dataclass(frozen=True, eq=False)
class Sensor:
    """A declared sensor: ``every_s`` is how often it is to be asked, in seconds, ``folder`` where its code runs."""

    name: str
    function: Callable[..., Any]
    every_s: float
    folder: Path
    partitions: PartitionsDefinition | None = None
    description: str = ""

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
    *, every: str | float = ..., name: str | None = ..., partitions: Any = ...
) -> Callable[[Callable[..., Any]], Sensor]: ...
def sensor(
    function: Callable[..., Any] | None = None,
    *,
    every: str | float = "30s",
    name: str | None = None,
    partitions: Any = None,
) -> Any:
    """Decorator that declares a function as a sensor.

    ``every`` is a number of seconds or text as ``"30s"``, ``"5m"``, ``"1h"``; ``name`` is that of the function unless
    given; ``partitions`` is the set to which returned keys are added. Raises `DeclarationError`.
    """

    def declare(f: Callable[..., Any]) -> Sensor:
        return declare_sensor(f, every=every, name=name, partitions=partitions)

    return declare if function is None else declare(function)


def declare_sensor(
    function: Callable[..., Any], *, every: str | float = "30s", name: str | None = None, partitions: Any = None
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
    return Sensor(
        name or function.__name__,
        function,
        read_interval(every),
        Path.cwd(),
        as_definition(partitions),
        (function.__doc__ or "").strip(),
    )


def read_interval(every: str | float) -> float:
    """The seconds in ``30``, ``"30s"``, ``"5m"``, ``"1h"`` or ``"1d"``. Raises `DeclarationError` for anything else."""
    if isinstance(every, int | float) and every > 0:
        return float(every)
    match = _EVERY.fullmatch(str(every).strip())
    if match is None or float(match[1]) <= 0:
        raise DeclarationError(f"every={every!r} is no interval: give seconds, or text as '30s', '5m', '1h'.")
    return float(match[1]) * _SECONDS[match[2]]


def as_result(answer: Any, set_name: str | None) -> SensorResult:
    """The answer of a sensor function as a `SensorResult`: plain keys become requests to add and to run them.

    ``set_name`` is the set that plain keys belong to. Names in a list that are not UTF-8 or hold control characters are
    left out, with a warning. Raises `DeclarationError` for any other answer, and for keys without a ``set_name``.
    """
    if answer is None:
        return SensorResult()
    if isinstance(answer, SensorResult):
        return answer
    if isinstance(answer, str | Mapping):
        answer = [answer]
    if isinstance(answer, bytes) or not isinstance(answer, Iterable):
        raise DeclarationError(
            f"a sensor returns keys or an nbpart.SensorResult, not {answer!r} of type {type(answer).__name__}."
        )
    answer = sorted(answer, key=str) if isinstance(answer, set | frozenset) else list(answer)
    answer = drop_unprintable(answer)
    if not answer:
        return SensorResult()
    if set_name is None:
        raise DeclarationError(
            "the sensor returned keys, but it is not clear to which partitions they belong: "
            "declare it with @ws.sensor(partitions=...)."
        )
    return SensorResult([RunRequest(key) for key in answer], [AddKeysRequest(set_name, tuple(answer))])
