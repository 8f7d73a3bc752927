"""Binding the arguments of an asset's function to its partition key, run, columns, inputs and settings."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from nbpart.assets.asset import Asset
from nbpart.assets.compile import Argument, Kind
from nbpart.errors import DeclarationError, nearest
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.key_values import count_windows, is_parameter

_OWN: dict[str, Kind] = {"partition_key": "partition_key", "partition_window": "partition_window", "run": "run"}


@dataclass(frozen=True, slots=True)
class Binder:
    """The names to which arguments of the asset ``name`` can be bound, beside its key, its window and the run.

    ``partitions`` is its definition of partitions, whose columns can be named; ``known`` are the assets and sources,
    ``deps`` says under what other names some of them are read: argument -> asset.
    """

    name: str
    partitions: PartitionsDefinition | None
    known: Collection[str]
    deps: Mapping[str, str] = field(default_factory=dict)

    def bind(self, signature: inspect.Signature) -> tuple[Argument, ...]:
        """Bind each argument by its name.

        In this order: ``partition_key``, ``partition_window`` and ``run``, the columns of its partitions, ``deps``,
        then ``known`` assets and sources; an argument with a default is a setting. Raises `DeclarationError` for a name
        that would bind twice or not at all.
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
            self._check_own(meanings[0])
            return Argument(name, meanings[0], positional_only=positional_only)
        if has_default:
            return Argument(name, "setting", default=argument.default, positional_only=positional_only)
        raise DeclarationError(
            f"asset {self.name!r}: the argument {name!r} is no asset, source or column of its partitions: "
            "register what it reads first, or give it a default to make it a setting; "
            f"{nearest(name, [*_OWN, *self._columns, *self.deps, *self.known])}"
        )

    def _meanings(self, name: str) -> list[Kind]:
        meanings: list[Kind] = [_OWN[name]] if name in _OWN else []
        if name in self._columns:
            meanings.append(self._columns[name])
        if name in self.deps or (name in self.known and name != self.name):
            meanings.append("input")
        return meanings

    @property
    def _columns(self) -> dict[str, Kind]:
        """The columns of its partitions: parameters, which make a key, and others."""
        columns = self.partitions.columns if self.partitions else ()
        return {column.name: "parameter" if is_parameter(column) else "column" for column in columns}

    def _check_own(self, meaning: Kind) -> None:
        if meaning in ("partition_key", "partition_window") and self.partitions is None:
            raise DeclarationError(f"asset {self.name!r} takes {meaning} but has no partitions; declare them.")
        if meaning == "partition_window" and (n := count_windows(self.partitions)) != 1:
            raise DeclarationError(
                f"asset {self.name!r} takes partition_window, but its partitions have {n or 'no'} windows of time: "
                "name a column of them instead."
            )


def bind_arguments(asset: Asset, known: Collection[str]) -> tuple[Argument, ...]:
    """Bind each argument of the asset's function by its name; see `Binder.bind`."""
    assert asset.function is not None
    deps = {each.argument: each.name for each in asset.deps}
    return Binder(asset.name, asset.partitions, known, deps).bind(inspect.signature(asset.function))


_MEANINGS: dict[str, str] = {
    "partition_key": "the partition's key",
    "partition_window": "the partition's window",
    "run": "the run",
    "parameter": "a parameter of its partitions",
    "column": "a column of its partitions",
    "input": "an asset or source",
}
