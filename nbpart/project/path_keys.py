"""From the paths of files to keys: which key a path names, and which keys there are, can be added, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, queries
from nbpart.catalog.set_tables import load_stored_sets
from nbpart.partitions import DynamicPartitions, MultiPartitions, PartitionsDefinition
from nbpart.partitions.choice import read_one_key
from nbpart.partitions.key_values import is_attribute
from nbpart.partitions.values import Kind, Value, from_text
from nbpart.storage.url_template import WILDCARD, Field, UrlTemplate

#: The columns that begin a window, which a path may name with a format of times.
_WINDOW_START = "window_start"
#: The places of files by key; None is the key of what has no partitions.
Places: TypeAlias = Mapping[str | None, str]


def spell_search(template: UrlTemplate) -> str:
    """The location that stands for the files of all keys."""
    return "".join(_spell_any(part) if isinstance(part, Field) else part for part in template.parts)


def _spell_any(part: Field) -> str:
    """What stands for a field in a pattern: a format of times may hold slashes, which a ``*`` does not."""
    return "/".join([WILDCARD] * (part.format.count("/") + 1))


def read_key(partitions: PartitionsDefinition, values: Mapping[str, object]) -> str:
    """The key with these values, of which those of columns that make no key are left out.

    Raises an error of nbpart for values that make none.
    """
    if "partition_key" in values:
        return read_one_key(partitions, values["partition_key"])
    if _WINDOW_START in values:
        return read_one_key(partitions, values[_WINDOW_START])
    kinds = {column.name: column.plain_kind for column in partitions.columns}
    beside = {column.name for column in partitions.columns if is_attribute(column)}
    made_of = {name: _read_value(kinds.get(name), value) for name, value in values.items() if name not in beside}
    return read_one_key(partitions, made_of)


def read_attributes(partitions: PartitionsDefinition, values: Mapping[str, object]) -> dict[str, Value]:
    """Those of some values that are declared columns of a set and make no key, typed.

    Raises an error of nbpart for a value that is of another type.
    """
    declared = partitions.attributes if isinstance(partitions, DynamicPartitions) else None
    return {
        one.name: one.parse_typed(value) if isinstance(value, str) else one.canonical(value)
        for one in declared or ()
        if (value := values.get(one.name)) is not None
    }


def _read_value(kind: Kind | None, value: object) -> object:
    """A value of a path, which spells numbers and truth values as texts."""
    return value if kind in (None, Kind.STR) or not isinstance(value, str) else from_text(kind, value)


@dataclass(frozen=True)
class FoundKeys:
    """The places of files whose keys there are or can be added, those of ``others``, and the keys that are ``new``, by
    the name of the dynamic set."""

    places: dict[str | None, str]
    others: list[str]
    new: dict[str, list[str]]


def find_keys(batch: Batch, node: Node, places: Places) -> FoundKeys:
    """Which keys of files there are, and which are to be added to its dynamic set, or to dimensions of its product."""
    others = set(_list_lacking(batch, node.set_id, [key for key in places if key is not None]))
    stored = load_stored_sets(batch).get(node.set_id)
    new: dict[str, list[str]] = {}
    if stored is not None and isinstance(stored.definition, DynamicPartitions):
        definition, without_parent = stored.definition, set[str]()
        if definition.parent is not None:
            above = {key: definition.split(key)[0] for key in others}
            lacking = set(_list_lacking(batch, stored.parts[0].set_id, list(above.values())))
            without_parent = {key for key, parent in above.items() if parent in lacking}
        added = others - without_parent
        new = {definition.set_name: [key for key in places if key is not None and key in added]}
        others = without_parent
    elif stored is not None and isinstance(stored.definition, MultiPartitions):
        texts = {key: stored.definition.split(key) for key in places if key is not None and key in others}
        parts = list(zip(stored.definition.dimensions, stored.parts, strict=True))
        for (name, part), one in parts:
            if not isinstance(part, DynamicPartitions):
                never = set(_list_lacking(batch, one.set_id, [text[name] for text in texts.values()]))
                texts = {key: text for key, text in texts.items() if text[name] not in never}
        for (name, part), one in parts:
            if isinstance(part, DynamicPartitions):
                new[part.set_name] = _list_lacking(batch, one.set_id, [text[name] for text in texts.values()])
        others -= texts.keys()
    return FoundKeys(
        {key: place for key, place in places.items() if key not in others},
        [place for key, place in places.items() if key in others],
        {name: keys for name, keys in new.items() if keys},
    )


def _list_lacking(batch: Batch, set_id: int, keys: Sequence[str]) -> list[str]:
    """Those of some keys that a set does not have, each once."""
    once = list(dict.fromkeys(keys))
    return [key for key, key_id in zip(once, queries.key_ids(batch, set_id, once), strict=True) if key_id < 0]
