"""Keys as users give them, one or several, turned into their texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypeAlias

from nbpart.partitions.definition import PartitionsDefinition

#: What users may pass for one key: its text, its value, or the values of its parameters or dimensions.
Key: TypeAlias = str | int | float | date | Mapping[str, object]
#: What users may pass for keys: one or several.
Keys: TypeAlias = Key | Iterable[Key]


def spell_keys(definition: PartitionsDefinition, keys: Keys) -> list[str]:
    """The text of each key in ``keys``, in order; ``keys`` is one key, a dict of values, or a list of these.

    A key may be given in any form that equals it; the returned text is the canonical one. Raises `PartitionKeyError`,
    `ParameterError`, and `UnknownNameError` for a key that cannot be one of these partitions. Keys of dynamic
    partitions need not be there.
    """
    if isinstance(keys, str | Mapping) or not isinstance(keys, Iterable) or getattr(keys, "ndim", None) == 0:
        return [definition.spell_key(keys)]
    return [definition.spell_key(key) for key in keys]
