"""Partitions whose keys come and go while you work, alone or below the keys of a parent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, nearest
from nbpart.partitions.columns import Column, ColumnSource, check_columns, columns_of_part, declared_columns
from nbpart.partitions.declaration import as_part
from nbpart.partitions.definition import PartitionsDefinition, label_declaration, name_partitions_in_errors
from nbpart.partitions.key_spelling import Keys, spell_keys
from nbpart.partitions.keys import check_derived_key, check_key, drop_unprintable, escape, shorten, unescape
from nbpart.partitions.names import RESERVED_COLUMNS, check_column_name, check_set_name, make_name
from nbpart.partitions.parameters import REQUIRED, Parameters
from nbpart.partitions.values import Kind


@dataclass(frozen=True, init=False, repr=False)
class DynamicPartitions(PartitionsDefinition):
    """A named set of keys that are added and removed while you work; the catalog of a workspace holds them.

    ``params`` declares keys with parameters, as ``{"lr": nbpart.loguniform(1e-4, 1e-1), "depth": int}``: types, or
    distributions, which samples are drawn from; with a default in `Param`. ``columns`` declares attributes of a key by
    types: they do not make it, may change, and are None where nobody gave them. ``under={"file": files}`` puts each key
    below a key of other partitions, its parent, which is a column ``file``; a key is then spelled ``parent/own``, and
    without ``params`` its own part is a column that is called as the set is. Raises `DeclarationError`.
    """

    name: str
    parameters: Parameters | None
    attributes: Parameters | None
    parent_column: str | None
    parent: PartitionsDefinition | None

    kind: ClassVar[Literal["dynamic"]] = "dynamic"

    def __init__(
        self,
        name: str,
        params: Mapping[str, Any] | Parameters | None = None,
        columns: Mapping[str, Any] | Parameters | None = None,
        under: Mapping[str, Any] | None = None,
    ) -> None:
        give = object.__setattr__
        give(self, "name", check_set_name(name))
        give(self, "parameters", Parameters.declare(params) if isinstance(params, Mapping) else params)
        with label_declaration(f"Partitions {self.name!r}"):
            give(self, "attributes", _declare_attributes(columns))
            parent_column, parent = _read_parent(under)
            give(self, "parent_column", parent_column)
            give(self, "parent", parent)
            check_columns(self.columns)

    def __repr__(self) -> str:
        declared = (("params", self.parameters), ("columns", self.attributes))
        given = [f"{name}={some.as_declared()!r}" for name, some in declared if some is not None]
        under = [] if self.parent is None else [f"under={ {self.parent_column: self.parent.set_name}!r}"]
        return f"DynamicPartitions({', '.join([repr(self.name), *given, *under])})"

    @property
    def set_name(self) -> str:
        return self.name

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        own = declared_columns(self.parameters, ColumnSource.PARAMETER)
        below: tuple[Column, ...] = ()
        if self.parent is not None and self.parent_column is not None:
            below = columns_of_part(self.parent_column, self.parent.columns, self.parent.value_column)
            own = own or (Column(make_name(self.name, "key", RESERVED_COLUMNS), Kind.STR, ColumnSource.KEY),)
        return (*below, *own, *declared_columns(self.attributes, ColumnSource.ATTRIBUTE))

    @property
    def parts(self) -> tuple[tuple[str, PartitionsDefinition], ...]:
        return () if self.parent is None or self.parent_column is None else ((self.parent_column, self.parent),)

    def spell(self, parent: str, own: str) -> str:
        """The key of a child: the canonical texts of its parent's key and of its own part, escaped alike."""
        return check_derived_key(f"{escape(parent)}/{escape(own)}")

    def split(self, key: str) -> tuple[str, str]:
        """The opposite of `spell`: the key of the parent, and the child's own part.

        Raises `PartitionKeyError` for a text without parent.
        """
        parent, slash, own = check_derived_key(key).partition("/")
        if not slash or not parent or not own or "/" in own:
            raise PartitionKeyError(
                f"The partition key {shorten(key)} is not spelled {self.parent_column}/own with one / in it: "
                "a / inside of either part is written %2F."
            )
        return unescape(parent), unescape(own)

    def spell_key(self, key: object) -> str:
        with name_partitions_in_errors(self):
            if self.parent is None:
                return self._spell_own(key)
            if not isinstance(key, Mapping):
                parent, own = self.split(check_derived_key(key))
                return self.spell(self.parent.spell_key(parent), self._spell_own(own))
            return self._spell_child(dict(key), self.parent)

    def build_add_request(self, *keys: Keys) -> AddKeysRequest:
        """The request that a sensor returns to add keys: keys, dicts of parameters, or lists of them.

        Texts in a list that are not UTF-8 or hold control characters are left out, with a warning. Raises what
        `spell_keys` raises.
        """
        if self.parameters is None:
            keys = tuple(cast("Keys", drop_unprintable(some)) for some in keys)
        return AddKeysRequest(self.name, self._spell_all(keys))

    def build_delete_request(self, *keys: Keys) -> DeleteKeysRequest:
        """The request that a sensor returns to remove keys: keys, dicts of parameters, or lists of them."""
        return DeleteKeysRequest(self.name, self._spell_all(keys))

    def _spell_all(self, keys: Iterable[Keys]) -> tuple[str, ...]:
        return tuple(text for some in keys for text in spell_keys(self, some))

    def _spell_own(self, key: object) -> str:
        if self.parameters is not None:
            return self.parameters.spell(key if isinstance(key, Mapping) else self.parameters.parse(check_key(key)))
        if isinstance(key, Mapping):
            raise ParameterError(
                f"They have no parameters, but {shorten(dict(key))} was given: "
                "pass the key as text, or declare params=."
            )
        return check_key(key)

    def _spell_child(self, given: dict[str, object], parent: PartitionsDefinition) -> str:
        """The key of a child of a dict: its parent's key, and its parameters or its own part."""
        own_column = next((column.name for column in self.columns if column.source is ColumnSource.KEY), None)
        own_names = self.parameters.names if self.parameters is not None else (own_column,)
        if self.parent_column not in given or not (self.parameters or own_column in given):
            raise ParameterError(
                f"A key of them is a dict of {[self.parent_column, *own_names]}, not {shorten(given)}."
            )
        above = parent.spell_key(given.pop(self.parent_column))
        if unknown := [name for name in given if name not in own_names]:
            raise ParameterError(
                f"There is no {shorten(unknown[0])} in a key of them: "
                f"{nearest(str(unknown[0]), [str(self.parent_column), *map(str, own_names)])}"
            )
        return self.spell(above, self._spell_own(given if own_column is None else given[own_column]))


@dataclass(frozen=True, slots=True)
class AddKeysRequest:
    """A sensor's request to add ``keys`` to the dynamic partitions ``set_name``."""

    set_name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteKeysRequest:
    """A sensor's request to remove ``keys`` from the dynamic partitions ``set_name``."""

    set_name: str
    keys: tuple[str, ...]


def _declare_attributes(columns: Mapping[str, Any] | Parameters | None) -> Parameters | None:
    """Declared columns; None is a value of each, and the default of those that have no other."""
    if not isinstance(columns, Mapping):
        return columns
    declared = []
    for one in Parameters.declare(columns, "column"):
        if one.distribution is not None:
            raise DeclarationError(
                f"the column {one.name!r} is declared as {one.distribution!r}, but samples are drawn of what makes "
                f"a key: declare it in params=, or as {one.kind}."
            )
        default = None if one.default is REQUIRED else one.default
        declared.append(dataclasses.replace(one, optional=True, default=default))
    return Parameters(tuple(declared))


def _read_parent(under: Mapping[str, Any] | None) -> tuple[str | None, PartitionsDefinition | None]:
    if under is None:
        return None, None
    if not isinstance(under, Mapping) or len(under) != 1:
        raise DeclarationError(f"under={shorten(under)} is no dict of one parent, as {{'file': files}}.")
    [(column, parent)] = under.items()
    return check_column_name(column, "parent"), as_part(parent)
