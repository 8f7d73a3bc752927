"""Compiling a function to a notebook, since every run executes a notebook."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbpart.assets.names import bound_names, global_names, parse
from nbpart.assets.spelling import LINE, spell_setting
from nbpart.errors import DeclarationError

Kind = Literal["partition_key", "partition_window", "run", "parameter", "column", "input", "setting"]

_INDENT = " " * 8  # of what a run of many partitions does with each


@dataclass(frozen=True, slots=True)
class Argument:
    """What an argument of a function is bound to.

    ``source`` is the name of the column, asset or source where that is not the argument's own. ``default`` is the
    default of a setting.
    """

    name: str
    kind: Kind
    source: str | None = None
    default: Any = None
    positional_only: bool = False


def compile_function(
    name: str,
    *,
    arguments: Sequence[Argument],
    setup: str,
    call: str,
    description: str = "",
) -> dict[str, Any]:
    """The notebook that runs a function as the asset ``name``: nbformat 4.5 as JSON, the same for the same arguments.

    ``setup`` is the code after which ``call`` can be called: an import, or carried source. Settings whose defaults
    are plain stand in the parameters cell, where a backfill overrides them; the others are left to the function. The
    metadata hold the cells that a run of many partitions executes instead (``single_run``: id -> source, None for a
    cell that it leaves out).
    """
    arguments = _passed(arguments)
    bound = _bound_by(setup) | {call.removeprefix("await ").partition(".")[0], "nbpart"}
    of_python = _read_by(setup) - bound
    settings = [a for a in arguments if a.kind == "setting"]
    taken = bound | of_python | _names(settings)
    run, result, one, key = (_free(own, taken) for own in ("run", "result", "one", "key"))
    kept = {a.name: _free(f"given_{a.name}", taken) for a in settings if a.name in bound | of_python}
    opening = [*_keep(kept, of_python), "import nbpart", "", f'{run} = nbpart.current_run("{name}")']
    values = [_bind(argument, run, kept) for argument in arguments]
    for_many = [f"for {key} in {run}.partition_keys:", f"    with {run}.partition({key}) as {one}:"]
    values_of_one = [_bind(argument, one, kept) for argument in arguments]
    for_many += _indent(_call(f"{result} = {call}", values_of_one, LINE - len(_INDENT)))
    for_many += _indent(f"if {result} is not None:\n    {one}.save({result})")
    variant = {"call": "\n".join(for_many), "save": None}
    cells = [
        _cell("title", _title(name, description), kind="markdown"),
        _cell("parameters", _parameters(settings), tags=["parameters"]),
        _cell("run", "\n".join(opening)),
        _cell("setup", setup.strip("\n")),
        _cell("call", _call(f"{result} = {call}", values)),
        _cell("save", f"if {result} is not None:\n    {run}.save({result})\n{result}"),
    ]
    return {"cells": cells, "metadata": _metadata(name, variant), "nbformat": 4, "nbformat_minor": 5}


def _passed(arguments: Iterable[Argument]) -> list[Argument]:
    """The arguments that the notebook passes. A positional one after one that is left out cannot be reached."""
    passed: list[Argument] = []
    unreached = False
    for argument in arguments:
        left_out = argument.kind == "setting" and spell_setting(argument.default) is None
        if argument.positional_only and unreached and argument.kind != "setting":
            raise DeclarationError(
                f"the argument {argument.name!r} stands behind a default that a notebook cannot spell: "
                "move it before that one, or let it be passed by name."
            )
        unreached |= argument.positional_only and left_out
        if not left_out and not (argument.positional_only and unreached):
            passed.append(argument)
    return passed


def _names(arguments: Iterable[Argument]) -> set[str]:
    return {argument.name for argument in arguments}


def _bound_by(setup: str) -> set[str]:
    return {name for statement in parse(setup).body for name in bound_names(statement)}


def _read_by(setup: str) -> set[str]:
    return {name for statement in parse(setup).body for name in global_names(statement, deferred=True).needed}


def _keep(kept: Mapping[str, str], of_python: Collection[str]) -> list[str]:
    """The lines that keep settings under names of their own, and give Python back those that would hide its own."""
    if not kept:
        return []
    lines = [f"{safe} = {given}  # the code below has a {given} of its own" for given, safe in kept.items()]
    hiding = [given for given in kept if given in of_python]
    return [*lines, *([f"del {', '.join(hiding)}"] if hiding else []), ""]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"nbpart_{name}"
    return name


def _title(name: str, description: str) -> str:
    text = inspect.cleandoc(description)
    return f"# {name}\n\n{text}" if text else f"# {name}"


def _parameters(settings: Iterable[Argument]) -> str:
    lines = ["partition_key = None"]
    return "\n".join([*lines, *(f"{s.name} = {spell_setting(s.default)}" for s in settings)])


def _bind(argument: Argument, run: str, kept: dict[str, str]) -> str:
    bound = argument.source or argument.name
    expressions = {
        "partition_key": f"{run}.partition_key",
        "partition_window": f"{run}.partition_window",
        "run": run,
        "parameter": f'{run}.params["{bound}"]',
        "column": f'{run}.columns["{bound}"]',
        "input": f'{run}.load("{bound}")',
        "setting": kept.get(argument.name, argument.name),
    }
    value = expressions[argument.kind]
    return value if argument.positional_only else f"{argument.name}={value}"


def _call(start: str, values: list[str], width: int = LINE) -> str:
    flat = f"{start}({', '.join(values)})"
    if len(flat) <= width:
        return flat
    return f"{start}(\n" + "".join(f"    {value},\n" for value in values) + ")"


def _cell(
    name: str, source: str, *, kind: Literal["code", "markdown"] = "code", tags: Sequence[str] = ()
) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {"tags": list(tags)} if tags else {}}
    cell["source"] = source
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def _indent(source: str) -> list[str]:
    return [f"{_INDENT}{line}" for line in source.splitlines()]


def _metadata(name: str, variant: dict[str, str | None]) -> dict[str, Any]:
    return {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "nbpart": {"asset": name, "compiled_from": "function", "single_run": variant},
    }
