"""Where the partitions of a source are: the template of its path or URL, filled with the columns of a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from nbpart.backfill.registry import Node
from nbpart.errors import DeclarationError, PartitionKeyError
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.key_values import count_windows, is_attribute, key_values, key_window
from nbpart.storage.url_template import UrlTemplate, show_location


def locate(node: Node, key: str | None) -> str:
    """The location of a source's partition, as `UrlTemplate.fill` gives it.

    Raises `PartitionKeyError` for a key that would leave its folder, `DeclarationError` for a value that its format
    does not fit.
    """
    return read_template(node).fill(list_columns(node, key))


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
    """The names that a path may have in braces."""
    if partitions is None:
        return []
    times = ["window_start", "window_end"] if count_windows(partitions) == 1 else []
    spelled = [column.name for column in partitions.columns if not is_attribute(column)]
    return list(dict.fromkeys([*spelled, *times, "partition_key"]))


def locate_all(node: Node, keys: Iterable[str | None]) -> tuple[dict[str | None, str], dict[str | None, str]]:
    """The location of each key, and why others have none that can be read.

    A key that leads out of the folder is in neither: it has no file. Keys that one file would stand for are refused.
    """
    locations: dict[str | None, str] = {}
    refused: dict[str | None, str] = {}
    template = read_template(node)
    # a key alone is most often all that a path names, and what else it spells takes long to read
    is_named_alone = template.names == ("partition_key",)
    for key in keys:
        try:
            if is_named_alone and key is not None:
                locations[key] = template.fill_key(key)
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
