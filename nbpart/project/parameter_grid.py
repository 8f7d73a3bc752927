"""Running an asset for every combination of parameter values, also where it has no partitions yet."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbpart.assets.asset import Asset
from nbpart.assets.notebook_files import read_declared_notebook
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.backfill.options import OPTIONS
from nbpart.errors import DeclarationError, nearest
from nbpart.partitions import REQUIRED, DynamicPartitions, Kind, Param, Parameter, Parameters, to_plain
from nbpart.partitions.keys import shorten
from nbpart.project.partition_sets import load_sets
from nbpart.project.project import Project
from nbpart.project.registration import register


def join_axes(values: object, axes: Mapping[str, Any]) -> dict[str, Any]:
    """The values of parameters that are given in a dict and by name. Raises `DeclarationError` for one in both."""
    if values is not None and not isinstance(values, Mapping):
        raise DeclarationError(
            f"backfill() takes a dict of parameter values, as {{'lr': [0.01, 0.1]}}, not {shorten(values)}; "
            "keys are given as keys=."
        )
    given = dict(values or {})
    if twice := sorted(given.keys() & axes.keys()):
        raise DeclarationError(f"Parameter {twice[0]!r} is given in the dict and by name: give it once.")
    return {**given, **axes}


def add_grid(project: Project, asset: Asset, axes: Mapping[str, Any]) -> list[str]:
    """Add every combination of ``axes`` to the asset's partitions; returns their keys, whether they are new or not.

    ``axes`` maps each parameter to a list of values or one value. An asset without partitions gets a set of its own
    name, whose parameters have the types of its parameters cell or its arguments. Raises `DeclarationError` for a name
    that is no parameter of it.
    """
    node_set = project.registry().graph[asset.name].set_name
    if not node_set or node_set == asset.name:
        # also where it was declared again without partitions, as by a cell that is run again
        known = _known_parameters(project, asset.name)
        declared = DynamicPartitions(asset.name, _declare(asset, axes, known))
        register(project, [dataclasses.replace(_unbind(asset), partitions=declared)])
        node_set = asset.name
    keys = load_sets(project.catalog).get(node_set)
    if keys is None or keys.parameters is None:
        raise DeclarationError(
            f"{asset.name!r} is partitioned by {node_set!r}, which has no parameters: pass keys= instead of values."
        )
    texts = [keys.parameters.spell(values) for values in keys.parameters.grid(axes)]
    keys.add(texts)
    return texts


def split_options(project: Project, asset: Asset, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of a backfill among values that were given by name, and the rest: values of parameters.

    What the asset has a parameter or a variable of its parameters cell of is never an option.
    """
    found = _read_signature(asset) if asset.function is not None else _read_cell(asset)
    known = _known_parameters(project, project.registry().graph[asset.name].set_name or asset.name)
    own = {*found, *(known.names if known is not None else ())}
    options = {name: value for name, value in given.items() if name in OPTIONS and name not in own}
    return options, {name: value for name, value in given.items() if name not in options}


def _known_parameters(project: Project, set_name: str) -> Parameters | None:
    keys = load_sets(project.catalog).get(set_name)
    return keys.parameters if keys is not None else None


def _unbind(asset: Asset) -> Asset:
    """The plain declaration of an asset that may be bound to a workspace."""
    return Asset(**{f.name: getattr(asset, f.name) for f in dataclasses.fields(Asset)})


@dataclass(frozen=True, slots=True)
class _FoundParam:
    """A parameter found in an asset's code, and whether its type is annotated or only follows from its default."""

    param: Param
    is_annotated: bool


def _declare(asset: Asset, axes: Mapping[str, Any], known: Parameters | None) -> dict[str, Param]:
    """The parameters in ``known`` and ``axes``, each with its type and the default that it has in the asset's code."""
    found = _read_signature(asset) if asset.function is not None else _read_cell(asset)
    already = {parameter.name: parameter for parameter in known or ()}
    for name in axes:
        if name not in found:
            raise DeclarationError(
                f"{asset.name!r} has no parameter {name!r}; {nearest(name, found)} "
                "Its parameters are the variables of the cell tagged 'parameters', or its function's arguments."
            )
    return {
        name: _make_param(asset, name, found[name], axes.get(name), already.get(name))
        for name in sorted({*already, *axes})
        if name in found
    }


def _make_param(asset: Asset, name: str, found: _FoundParam, axis: Any, known: Parameter | None) -> Param:
    """The parameter with the type of its annotation or its default, else of the first given value.

    One that is ``known`` with a distribution keeps that. Without an annotation, an integer default does not exclude
    fractions: where one is given, or it is known to take them, the type is float. Raises `DeclarationError` where no
    type can be found.
    """
    if known is not None and known.distribution is not None:
        return Param(known.distribution, known.default)
    values = axis if isinstance(axis, list | tuple | range) else [axis]
    type = found.param.type or _type_of(values)
    if type is None:
        raise DeclarationError(f"{asset.name!r}: the type of {name!r} is not clear; annotate it, as in {name}: float.")
    is_float = known is not None and known.kind is Kind.FLOAT
    if type is int and not found.is_annotated and (is_float or any(_is_fraction(value) for value in values)):
        type = float
    return Param(type, found.param.default)


def _type_of(values: Sequence[Any]) -> Any:
    """The Python type of the first value; None where there is no value or it is None."""
    try:
        first = to_plain(values[0]) if values else None
    except ValueError:  # refused where the key is spelled, with its reason
        return type(values[0])
    return None if first is None else type(first)


def _is_fraction(value: Any) -> bool:
    try:
        return isinstance(to_plain(value), float)
    except ValueError:
        return False


def _read_cell(asset: Asset) -> dict[str, _FoundParam]:
    assert asset.notebook is not None
    cell = read_parameters_cell(read_declared_notebook(asset.name, asset.notebook), str(asset.notebook))
    return {
        name: _FoundParam(
            Param(p.type, p.value if p.has_value and p.type is not None else REQUIRED), p.annotation is not None
        )
        for name, p in cell.items()
    }


def _read_signature(asset: Asset) -> dict[str, _FoundParam]:
    assert asset.function is not None
    found = {}
    for argument in inspect.signature(asset.function, eval_str=True).parameters.values():
        has_default = argument.default is not argument.empty
        is_annotated = argument.annotation is not argument.empty
        kind = argument.annotation if is_annotated else None
        if kind is None and has_default and argument.default is not None:
            kind = type(argument.default)
        found[argument.name] = _FoundParam(Param(kind, argument.default if has_default else REQUIRED), is_annotated)
    return found
