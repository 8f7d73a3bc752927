"""Parameters of an asset that has no partitions yet: the papermill loop in one line."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import Asset
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.errors import DeclarationError, nearest
from nbpart.partitions import REQUIRED, DynamicPartitions, Param, Parameters

if TYPE_CHECKING:
    from nbpart.workspace.workspace import Workspace


def add_grid(workspace: Workspace, asset: Asset, axes: Mapping[str, Any]) -> list[str]:
    """Add every combination of ``axes`` to the asset's partitions and return their keys, also those that were there.

    An asset without partitions gets a set of its own name, typed as its parameters cell or its arguments show. Raises
    `DeclarationError` for a name that is no parameter of it.
    """
    node_set = workspace.assets[asset.name].set_name
    if not node_set or node_set == asset.name:
        declared = DynamicPartitions(asset.name, _declare(asset, axes, _known(workspace, node_set)))
        workspace.register(dataclasses.replace(_plain(asset), partitions=declared))
        node_set = asset.name
    keys = workspace.partition_sets.get(node_set)
    if keys is None or keys.parameters is None:
        raise DeclarationError(
            f"{asset.name!r} is partitioned by {node_set!r}, which has no parameters: pass keys= instead of values."
        )
    texts = [keys.parameters.spell(values) for values in keys.parameters.grid(axes)]
    keys.add(texts)
    return texts


def _known(workspace: Workspace, set_name: str) -> Parameters | None:
    keys = workspace.partition_sets.get(set_name) if set_name else None
    return keys.parameters if keys is not None else None


def _plain(asset: Asset) -> Asset:
    return Asset(**{f.name: getattr(asset, f.name) for f in dataclasses.fields(Asset)})


def _declare(asset: Asset, axes: Mapping[str, Any], known: Parameters | None) -> dict[str, Param]:
    """The parameters known so far with those of ``axes``, each with the default that the asset's code gives it."""
    found = _read_signature(asset) if asset.function is not None else _read_cell(asset)
    already = {p.name for p in known} if known else set()
    for name in axes:
        if name not in found:
            raise DeclarationError(
                f"{asset.name!r} has no parameter {name!r}; {nearest(name, found)} "
                "Its parameters are the variables of the cell tagged 'parameters', or its function's arguments."
            )
    return {
        name: _typed(asset, name, found[name], axes.get(name)) for name in sorted({*already, *axes}) if name in found
    }


def _typed(asset: Asset, name: str, param: Param, axis: Any) -> Param:
    """The parameter with a type: of its annotation or default, else of the first value that was given."""
    if param.type is not None:
        return param
    values = axis if isinstance(axis, list | tuple) else [axis]
    if not values or values[0] is None:
        raise DeclarationError(f"{asset.name!r}: the type of {name!r} is not clear; annotate it, as in {name}: float.")
    return Param(type(values[0]), param.default)


def _read_cell(asset: Asset) -> dict[str, Param]:
    import nbformat

    found = read_parameters_cell(nbformat.read(asset.notebook, as_version=4))  # type: ignore[no-untyped-call]
    return {
        name: Param(p.type, p.value if p.has_value and p.type is not None else REQUIRED) for name, p in found.items()
    }


def _read_signature(asset: Asset) -> dict[str, Param]:
    assert asset.function is not None
    found = {}
    for argument in inspect.signature(asset.function, eval_str=True).parameters.values():
        has_default = argument.default is not argument.empty
        kind = argument.annotation if argument.annotation is not argument.empty else None
        if kind is None and has_default and argument.default is not None:
            kind = type(argument.default)
        found[argument.name] = Param(kind, argument.default if has_default else REQUIRED)
    return found
