"""Declaring checks: functions that judge the data of one partition of an asset."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from nbpart.assets.asset import name_of
from nbpart.assets.check_definition import CheckArgument, Severity
from nbpart.errors import DeclarationError, nearest
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.key_values import PARTITION_WINDOW, count_windows
from nbpart.partitions.names import check_identifier

_OWN = ("partition_key", PARTITION_WINDOW, "run")


@dataclass(frozen=True, eq=False)
class Check:
    """A declared check of the asset with the name ``asset``. Calling it calls its function."""

    name: str
    asset: str
    function: Callable[..., Any]
    folder: Path
    blocking: bool = False
    severity: Severity = "error"
    description: str = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<nbpart check {self.name!r} of {self.asset!r}>"


def check(
    asset: Any,
    *,
    name: str | None = None,
    blocking: bool = False,
    severity: Severity = "error",
    description: str | None = None,
) -> Callable[[Callable[..., Any]], Check]:
    """Declare a function as a check of an asset, as a decorator.

    It is called for one partition after its data were saved, and by `Workspace.run_checks`. Its arguments are bound as
    those of an asset: the one that is called as the asset is gets the data of that partition, others
    ``partition_key``, ``partition_window``, ``run``, a column, or what the asset reads. It returns whether it passed,
    None for yes, or a dict of what it found, whose ``passed`` says so; where it raises it failed. With ``blocking``
    what reads a partition that failed it is not run; with ``severity="warn"`` a failure is a warning, and blocks
    nothing. Raises `DeclarationError`.
    """
    if severity not in get_args(Severity):
        close = nearest(str(severity), get_args(Severity))
        raise DeclarationError(f"the severity of a check is 'error' or 'warn', not {severity!r:.60}; {close}")
    if not isinstance(blocking, bool):
        raise DeclarationError(f"blocking is True or False, not {blocking!r:.60}.")
    of = name_of(asset)

    def declare(function: Callable[..., Any]) -> Check:
        if not callable(function) or not hasattr(function, "__code__") or inspect.iscoroutinefunction(function):
            raise DeclarationError(f"a check of {of!r} is made from a function with def, not from {function!r:.60}.")
        if name is None and function.__name__ == "<lambda>":
            raise DeclarationError(f"a lambda has no name: give the check of {of!r} a name=.")
        text = inspect.cleandoc(function.__doc__ or "") if description is None else description
        own = check_identifier(name or function.__name__, "check")
        return Check(own, of, function, Path.cwd(), blocking, severity, text)

    return declare


def bind_check(
    declared: Check, partitions: PartitionsDefinition | None, inputs: Collection[str]
) -> tuple[CheckArgument, ...]:
    """What each argument of a check is given, by its name; those with a default keep that.

    ``partitions`` are those of its asset, ``inputs`` what that reads. Raises `DeclarationError`.
    """
    columns = [column.name for column in (partitions.columns if partitions else ())]
    known = {declared.asset: "data", **dict.fromkeys(columns, "column"), **dict.fromkeys(inputs, "input")}
    known |= {"partition_key": "key", PARTITION_WINDOW: "window", "run": "run", declared.asset: "data"}
    label = f"check {declared.name!r} of {declared.asset!r}"
    bound = []
    for argument in inspect.signature(declared.function).parameters.values():
        name, has_default = argument.name, argument.default is not argument.empty
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD, argument.POSITIONAL_ONLY):
            raise DeclarationError(f"{label}: the argument {name!r} cannot be given by name; write it plainly.")
        if name not in known and not has_default:
            raise DeclarationError(
                f"{label}: the argument {name!r} is neither the asset, a column of its partitions nor what it reads; "
                f"{nearest(name, [declared.asset, *_OWN, *columns, *inputs])}"
            )
        if name in known and has_default:
            raise DeclarationError(f"{label}: the argument {name!r} has a meaning and a default; rename it.")
        if name in known:
            bound.append(CheckArgument(name, known[name]))
    kinds = {argument.kind for argument in bound}
    if partitions is None and kinds & {"key", "window"}:
        raise DeclarationError(f"{label} takes partition_key, but its asset has no partitions.")
    if "window" in kinds and count_windows(partitions) != 1:
        raise DeclarationError(f"{label} takes partition_window, but its partitions have no window of time.")
    return tuple(bound)
