"""What the arguments of an asset's function stand for."""

from __future__ import annotations

import inspect
from collections.abc import Collection

from nbpart.assets.asset import Asset
from nbpart.assets.compile import Argument, Kind
from nbpart.errors import DeclarationError, nearest

_OWN: dict[str, Kind] = {"partition_key": "partition_key", "run": "run"}


def bind_arguments(asset: Asset, known: Collection[str]) -> tuple[Argument, ...]:
    """Bind each argument of the asset's function by its name.

    In this order: ``partition_key`` and ``run``, the declared parameters, then ``known`` assets and sources; an
    argument with a default is a setting. Raises `DeclarationError` for a name that would bind twice or not at all.
    """
    assert asset.function is not None
    arguments = []
    for argument in inspect.signature(asset.function).parameters.values():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise DeclarationError(
                f"asset {asset.name!r}: *{argument.name} cannot be bound to anything; name the inputs one by one."
            )
        arguments.append(_bind(asset, argument, known))
    return tuple(arguments)


def _bind(asset: Asset, argument: inspect.Parameter, known: Collection[str]) -> Argument:
    name = argument.name
    meanings = _meanings(asset, name, known)
    has_default = argument.default is not argument.empty
    if len(meanings) > 1 or (has_default and meanings[:1] == ["input"]):
        told = [_TOLD[m] for m in meanings] + (["a setting with a default"] if has_default else [])
        raise DeclarationError(
            f"asset {asset.name!r}: the argument {name!r} could be {' or '.join(told)}; rename one of them."
        )
    positional_only = argument.kind is argument.POSITIONAL_ONLY
    if meanings:
        if meanings[0] == "partition_key" and asset.partitions is None:
            raise DeclarationError(f"asset {asset.name!r} takes partition_key but has no partitions; declare them.")
        return Argument(name, meanings[0], positional_only=positional_only)
    if has_default:
        return Argument(name, "setting", default=argument.default, positional_only=positional_only)
    parameters = asset.partitions.parameters if asset.partitions else None
    possible = [*_OWN, *(parameters.names if parameters else ()), *known]
    raise DeclarationError(
        f"asset {asset.name!r}: the argument {name!r} is no asset, source or parameter; {nearest(name, possible)} "
        "Register what it reads first, or give it a default to make it a setting."
    )


_TOLD: dict[str, str] = {
    "partition_key": "the partition's key",
    "run": "the run",
    "parameter": "a parameter of its partitions",
    "input": "an asset or source",
}


def _meanings(asset: Asset, name: str, known: Collection[str]) -> list[Kind]:
    parameters = asset.partitions.parameters if asset.partitions else None
    meanings: list[Kind] = [_OWN[name]] if name in _OWN else []
    if parameters is not None and name in parameters.names:
        meanings.append("parameter")
    if name in known and name != asset.name:
        meanings.append("input")
    return meanings
