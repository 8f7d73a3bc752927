"""Partitions that are the product of others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, nearest
from nbpart.partitions.columns import Column, check_columns, columns_of_part
from nbpart.partitions.declaration import as_part
from nbpart.partitions.definition import PartitionsDefinition, label_declaration, name_partitions_in_errors
from nbpart.partitions.keys import check_derived_key, escape, shorten, unescape
from nbpart.partitions.names import UNNAMED_PRODUCT, check_column_name, check_set_name


@dataclass(frozen=True, init=False, repr=False)
class MultiPartitions(PartitionsDefinition):
    """Every combination of the keys of some dimensions, as these grow and shrink.

    ``dimensions`` gives each a name: a definition, what ``ws.partitions`` returned, or a list of keys. A key is spelled
    ``day=2013-01-01,origin=EWR``, sorted by the names. Raises `DeclarationError`, also where two columns would have one
    name.
    """

    dimensions: tuple[tuple[str, PartitionsDefinition], ...]
    name: str | None

    kind: ClassVar[Literal["product"]] = "product"

    def __init__(self, dimensions: Mapping[str, Any], name: str | None = None) -> None:
        if not isinstance(dimensions, Mapping) or not dimensions:
            raise DeclarationError(
                f"MultiPartitions takes a dict of dimensions, as {{'day': days, 'origin': origins}}, not "
                f"{shorten(dimensions)}."
            )
        give = object.__setattr__
        give(self, "name", None if name is None else check_set_name(name))
        with label_declaration(f"Partitions {name!r}" if name else f"The product of {', '.join(map(str, dimensions))}"):
            read = [(check_column_name(one, "dimension"), as_part(part)) for one, part in dimensions.items()]
            for dimension, part in read:
                if isinstance(part, MultiPartitions):
                    raise DeclarationError(
                        f"the dimension {dimension!r} is a product itself: give its dimensions instead, "
                        f"{', '.join(part.names)}."
                    )
            give(self, "dimensions", tuple(sorted(read, key=lambda one: one[0])))
            kept = [f"{dimension}_{end}" for dimension in self.names for end in ("start", "end")]
            check_columns(self.columns, kept)

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        return f"MultiPartitions({ {one: part.set_name for one, part in self.dimensions}!r}{name})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the dimensions, sorted."""
        return tuple(name for name, _ in self.dimensions)

    @cached_property
    def set_name(self) -> str:
        """The name of its set of keys: ``name``, or one made of its dimensions and the names of their sets."""
        if self.name is not None:
            return self.name
        content = "\n".join(f"{name}={part.set_name}" for name, part in self.dimensions)
        return UNNAMED_PRODUCT + hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def parts(self) -> tuple[tuple[str, PartitionsDefinition], ...]:
        return self.dimensions

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        found = (columns_of_part(name, part.columns, part.value_column) for name, part in self.dimensions)
        return tuple(column for columns in found for column in columns)

    def spell(self, parts: Mapping[str, str]) -> str:
        """The key that is made of the canonical text of each dimension's key."""
        return check_derived_key(",".join(f"{name}={escape(parts[name])}" for name in self.names))

    def split(self, key: str) -> dict[str, str]:
        """The opposite of `spell`: the text of each dimension's key, by name in order; the key may have any order.

        Raises `PartitionKeyError` for a text that is none of this form.
        """
        texts: dict[str, str] = {}
        for part in check_derived_key(key).split(","):
            name, equals, text = part.partition("=")
            name = name.strip()
            if not equals or not text:
                raise PartitionKeyError(f"The partition key {shorten(key)} is not spelled as {self._shape} is.")
            if name not in self.names:
                raise PartitionKeyError(
                    f"The partition key {shorten(key)} has no dimension {name!r}: {nearest(name, self.names)}"
                )
            if name in texts:
                raise PartitionKeyError(f"The partition key {shorten(key)} has two values for {name!r}.")
            texts[name] = unescape(text)
        for name in self.names:
            if name not in texts:
                raise PartitionKeyError(
                    f"The partition key {shorten(key)} has no value for {name!r}: it is spelled as {self._shape} is."
                )
        return {name: texts[name] for name in self.names}

    def spell_key(self, key: object) -> str:
        with name_partitions_in_errors(self):
            given = dict(key) if isinstance(key, Mapping) else dict[Any, object](self.split(check_derived_key(key)))
            texts = {name: part.spell_key(self._take(given, name, part)) for name, part in self.dimensions}
            self._refuse_other(given)
            return self.spell(texts)

    def _refuse_other(self, names: Iterable[object]) -> None:
        """Raise `ParameterError` for the first of these names, which are none of a dimension."""
        for name in names:
            raise ParameterError(f"There is no dimension {shorten(name)}: {nearest(str(name), self.names)}")

    @property
    def _shape(self) -> str:
        return ",".join(f"{name}=…" for name in self.names)

    def _take(self, given: dict[Any, object], name: str, part: PartitionsDefinition) -> object:
        """Take the value of a dimension from a dict: it stands under its name, or its parameters under theirs."""
        if name in given:
            return given.pop(name)
        of_part = {one: given.pop(one) for one in (part.parameters.names if part.parameters else ()) if one in given}
        if not of_part:
            parameters = {one for _, other in self.dimensions if other.parameters for one in other.parameters.names}
            self._refuse_other({one for one in given if one not in parameters | set(self.names)})
            raise ParameterError(f"The dimension {name!r} has no value: a key of them gives one to each dimension.")
        return of_part
