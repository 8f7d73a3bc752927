"""Binding the arguments of an asset's function to its partition key, run, parameters, inputs and settings."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from dataclasses import dataclass

from nbpart.assets.asset import Asset
from nbpart.assets.compile import Argument, Kind
from nbpart.errors import DeclarationError, nearest

_OWN: dict[str, Kind] = {"partition_key": "partition_key", "run": "run"}


@dataclass(frozen=True, slots=True)
class Binder:
    """The names to which arguments of the asset ``name`` can be bound, beside ``partition_key`` and ``run``.

    ``parameters`` are those of its partitions, ``known`` the assets and sources.
    """

    name: str
    is_partitioned: bool
    parameters: Collection[str]
    known: Collection[str]

    def bind(self, signature: inspect.Signature) -> tuple[Argument, ...]:
        """Bind each argument by its name.

        In this order: ``partition_key`` and ``run``, the declared parameters, then ``known`` assets and sources; an
        argument with a default is a setting. Raises `DeclarationError` for a name that would bind twice or not at all.
        """
        return tuple(self._bind(argument) for argument in signature.parameters.values())

    def _bind(self, argument: inspect.Parameter) -> Argument:
        name = argument.name
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise DeclarationError(
                f"asset {self.name!r}: *{name} cannot be bound to anything; name the inputs one by one."
            )
        meanings = self._meanings(name)
        has_default = argument.default is not argument.empty
        if len(meanings) > 1 or (has_default and meanings[:1] == ["input"]):
            candidates = [_MEANINGS[m] for m in meanings] + (["a setting with a default"] if has_default else [])
            raise DeclarationError(
                f"asset {self.name!r}: the argument {name!r} could be {' or '.join(candidates)}; rename one of them."
            )
        positional_only = argument.kind is argument.POSITIONAL_ONLY
        if meanings:
            if meanings[0] == "partition_key" and not self.is_partitioned:
                raise DeclarationError(f"asset {self.name!r} takes partition_key but has no partitions; declare them.")
            return Argument(name, meanings[0], positional_only=positional_only)
        if has_default:
            return Argument(name, "setting", default=argument.default, positional_only=positional_only)
        raise DeclarationError(
            f"asset {self.name!r}: the argument {name!r} is no asset, source or parameter; "
            f"{nearest(name, [*_OWN, *self.parameters, *self.known])} "
            "Register what it reads first, or give it a default to make it a setting."
        )

    def _meanings(self, name: str) -> list[Kind]:
        meanings: list[Kind] = [_OWN[name]] if name in _OWN else []
        if name in self.parameters:
            meanings.append("parameter")
        if name in self.known and name != self.name:
            meanings.append("input")
        return meanings


def bind_arguments(asset: Asset, known: Collection[str]) -> tuple[Argument, ...]:
    """Bind each argument of the asset's function by its name; see `Binder.bind`."""
    assert asset.function is not None
    parameters = asset.partitions.parameters if asset.partitions else None
    binder = Binder(asset.name, asset.partitions is not None, parameters.names if parameters else (), known)
    return binder.bind(inspect.signature(asset.function))


_MEANINGS: dict[str, str] = {
    "partition_key": "the partition's key",
    "run": "the run",
    "parameter": "a parameter of its partitions",
    "input": "an asset or source",
}
