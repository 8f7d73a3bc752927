"""A sensor as it is stored, and calling its function: all that a process needs that does not open the catalog."""

from __future__ import annotations

import contextlib
import importlib
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbpart.automation.answers import as_result
from nbpart.automation.sensor import SensorContext, SensorResult
from nbpart.errors import DeclarationError


@dataclass(frozen=True)
class SensorDefinition:
    """A sensor as the catalog stores it: the module and name to import, or the source of a function of a cell.

    ``sets`` and ``workspaces`` name the variables of such a source that hold sets of partitions and the workspace: they
    are filled in anew when the sensor is called. ``version`` is that of its code when it was registered. Paths are
    absolute, or relative to the project as `to_stored` makes them.
    """

    every_s: float
    folder: str
    set_name: str | None
    description: str
    timeout_s: float
    version: str
    module: str | None = None
    root: str | None = None
    source: str | None = None
    call: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    workspaces: Sequence[str] = ()


def call_sensor(
    name: str,
    function: Callable[[Any], Any],
    cursor: str | None,
    sets: Mapping[str, Any],
    set_name: str | None,
) -> SensorResult:
    """Call a sensor's function; returns its answer with the cursor that it leaves.

    Raises what the function raises, and `DeclarationError` for a wrong answer.
    """
    context = SensorContext(sets, cursor)
    answer = function(context)
    if answer is not None and not isinstance(answer, str | Mapping) and hasattr(answer, "__next__"):
        answer = list(answer)  # what it yields: only now its code runs, and asks for sets
    result = as_result(answer, set_name or _only_set(context, sets))
    left = context.cursor if result.cursor is None else result.cursor
    if not isinstance(left, str | None):
        raise DeclarationError(f"sensor {name!r} left the cursor {left!r:.80}; a cursor is text: use str().")
    return replace(result, cursor=left)


def _only_set(context: SensorContext, sets: Mapping[str, Any]) -> str | None:
    """The set that keys belong to where the sensor declares none: the one that it asked for, or the only one."""
    asked = set(context.asked_sets) or set(sets)
    return next(iter(asked)) if len(asked) == 1 else None


def load_function(
    name: str, definition: SensorDefinition, workspace: object, sets: Mapping[str, Any]
) -> Callable[[Any], Any]:
    """The function of a recorded sensor, in the folder where it was registered; ``workspace`` and ``sets`` fill the
    variables of its code that held these. Raises what its module raises, and `DeclarationError` where it is gone."""
    if definition.source is not None:
        file = f"<sensor {name}>"
        namespace: dict[str, Any] = {"__name__": "__nbpart_sensor__"}
        namespace |= {variable: sets[of] for variable, of in definition.sets.items()}
        namespace |= dict.fromkeys(definition.workspaces, workspace)
        linecache.cache[file] = len(definition.source), None, definition.source.splitlines(keepends=True), file
        # the user's own code, stored when the user registered it
        exec(compile(definition.source, file, "exec"), namespace)  # noqa: S102
        found = namespace[definition.call]
    else:
        with _on_path(definition.root or definition.folder):
            found = getattr(importlib.import_module(definition.module or ""), definition.call, None)
    function = getattr(found, "function", found)
    if not callable(function):
        raise DeclarationError(
            f"module {definition.module!r} has no function {definition.call!r} any more; register the sensor again."
        )
    result: Callable[[Any], Any] = function
    return result


@contextlib.contextmanager
def _on_path(root: str) -> Iterator[None]:
    sys.path.insert(0, root)
    try:
        yield
    finally:
        sys.path.remove(root)
