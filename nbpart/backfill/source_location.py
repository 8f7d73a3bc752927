"""Where the partitions of a source are: the template of its path or URL, filled with the columns of a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, queries
from nbpart.errors import DeclarationError, PartitionKeyError
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.key_values import count_windows, is_attribute, key_values, key_window
from nbpart.storage.url_template import UrlTemplate, show_location

#: The columns of a key that it does not spell, by name, as far as a path names them.
Attributes: TypeAlias = Mapping[str, object]
NO_ATTRIBUTES: Attributes = {}


def locate(node: Node, key: str | None, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The location of a source's partition, as `UrlTemplate.fill` gives it.

    Raises `PartitionKeyError` for a key that would leave its folder, or has no value of a column that the path names,
    `DeclarationError` for a value that its format does not fit.
    """
    template = read_template(node)
    for name in list_named_attributes(node):
        if attributes.get(name) is None:
            raise PartitionKeyError(f"the key {key!r} has no value of {name!r}, which the path {template.text!r} names")
    return template.fill({**list_columns(node, key), **attributes})


def locate_now(batch: Batch, node: Node, key: str | None) -> str:
    """As `locate`, with the columns that the key has now."""
    return locate(node, key, load_path_attributes(batch, node, [key]).get(key, NO_ATTRIBUTES))


def load_path_attributes(batch: Batch, node: Node, keys: Collection[str | None]) -> dict[str | None, Attributes]:
    """The columns that keys do not spell and the path of a source names, by key; empty where it names none."""
    if not node.definition.path or not (named := list_named_attributes(node)):
        return {}
    texts = [key for key in keys if key is not None]
    ids = queries.key_ids(batch, node.set_id, texts).tolist()
    found = queries.load_attributes(batch, node.set_id, [key_id for key_id in ids if key_id >= 0])
    pairs = ((key, found.get(key_id, {})) for key, key_id in zip(texts, ids, strict=True))
    return {key: {name: values.get(name) for name in named} for key, values in pairs}


def list_named_attributes(node: Node) -> list[str]:
    """The columns that keys do not spell and the path of a source names."""
    if node.partitions is None:
        return []
    known = {column.name for column in node.partitions.columns if is_attribute(column)}
    return [name for name in read_template(node).names if name in known]


def read_template(node: Node) -> UrlTemplate:
    """The template of where a source's partitions are."""
    return _read_template(node.definition.path or "", node.definition.folder)


def list_columns(node: Node, key: str | None) -> Mapping[str, object]:
    """The columns of a key by name, as a path may name them."""
    if node.partitions is None or key is None:
        return {}
    window = key_window(node.partitions, key)
    times = {"window_start": window[0], "window_end": window[1]} if window else {}
    return {**times, **key_values(node.partitions, key), "partition_key": key}


def list_column_names(partitions: PartitionsDefinition | None) -> list[str]:
    """The names in braces of a path of which a key is made."""
    if partitions is None:
        return []
    times = ["window_start", "window_end"] if count_windows(partitions) == 1 else []
    spelled = [column.name for column in partitions.columns if not is_attribute(column)]
    return list(dict.fromkeys([*spelled, *times, "partition_key"]))


def list_path_names(partitions: PartitionsDefinition | None) -> list[str]:
    """The names that the path of a source may have in braces."""
    attributes = [column.name for column in (partitions.columns if partitions else ()) if is_attribute(column)]
    return list(dict.fromkeys([*list_column_names(partitions), *attributes]))


def locate_all(
    node: Node, keys: Iterable[str | None], attributes: Mapping[str | None, Attributes]
) -> tuple[dict[str | None, str], dict[str | None, str]]:
    """The location of each key, and why others have none that can be read.

    A key that leads out of the folder, or lacks a column that the path names, is in neither: it has no file. Keys that
    one file would stand for are refused.
    """
    locations: dict[str | None, str] = {}
    refused: dict[str | None, str] = {}
    template = read_template(node)
    # a key alone is most often all that a path names, and what else it spells takes long to read
    is_named_alone, has_attributes = template.names == ("partition_key",), bool(list_named_attributes(node))
    for key in keys:
        try:
            if is_named_alone and key is not None:
                locations[key] = template.fill_key(key)
            elif has_attributes:
                locations[key] = locate(node, key, attributes.get(key, NO_ATTRIBUTES))
            else:
                locations[key] = template.fill(list_columns(node, key))
        except PartitionKeyError:
            continue
        except DeclarationError as error:
            refused[key] = str(error)
    if len(set(locations.values())) < len(locations):
        sharing: dict[str, list[str | None]] = defaultdict(list)
        for key, location in locations.items():
            sharing[location].append(key)
        for location, group in sharing.items():
            if len(group) > 1:
                refused |= dict.fromkeys(group, explain_shared(node.definition.path or "", group, location))
        locations = {key: location for key, location in locations.items() if key not in refused}
    return locations, refused


def explain_shared(path: str, keys: Iterable[str | None], location: str) -> str:
    """Why keys of one location cannot be read."""
    first, second, *_ = keys
    return (
        f"the keys {first!r} and {second!r} are both {show_location(location)!r}; in its path {path!r} name what tells "
        "them apart, as {partition_key}."
    )


@lru_cache(maxsize=64)
def _read_template(path: str, folder: str) -> UrlTemplate:
    return UrlTemplate.parse(path).below(folder)
