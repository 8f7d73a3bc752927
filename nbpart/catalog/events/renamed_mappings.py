"""Mappings that list keys, by `only` or `pairs`: where a key is renamed they list its new text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.join_sides import Join, list_matches, stored_along
from nbpart.catalog.key_lookup import key_ids, key_texts
from nbpart.partitions.mapping import By, Mapping, Match, Only, Pairs, mapping_to_text, sort_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]


@dataclass(frozen=True)
class ListedKeys:
    """The ids of the keys that the mapping of a dependency lists, in its order, list by list; -1 for what is no key."""

    dependency: StoredDependency
    ids: tuple[Ids, ...]


def find_listed_keys(batch: Batch) -> list[ListedKeys]:
    """What all mappings list, to be asked before keys get other texts."""
    found = []
    for dependency in load_dependencies(batch, "d.mapping LIKE '%\"only\"%' OR d.mapping LIKE '%\"pairs\"%'"):
        join = dependency.join(batch)
        ids = tuple(
            key_ids(batch, set_id, list(keys))
            for match in list_matches(dependency.mapping)
            for set_id, keys in _lists_of(join, match)
        )
        found.append(ListedKeys(dependency, ids))
    return found


def respell_listed_keys(batch: Batch, before: Sequence[ListedKeys]) -> None:
    """Let mappings list the texts that their keys have now; ``before`` is of `find_listed_keys`."""
    for listed in before:
        dependency, join = listed.dependency, listed.dependency.join(batch)
        ids = iter(listed.ids)
        matches = []
        for match in list_matches(dependency.mapping):
            texts = [_spell(batch, next(ids), keys) for _, keys in _lists_of(join, match)]
            matches.append(replace(match, mapping=_with_texts(match.mapping, texts)))
        own = matches[0].mapping
        mapping = replace(dependency.mapping, matches=tuple(matches)) if isinstance(dependency.mapping, By) else own
        if mapping is not None and mapping != dependency.mapping:
            _replace_mapping(batch, dependency, mapping)


def _lists_of(join: Join, match: Match) -> list[tuple[int, Sequence[str]]]:
    """The lists of keys in one condition, each with the set whose keys they are."""
    if isinstance(match.mapping, Only):
        return [(stored_along(join.source, match.theirs).set_id, match.mapping.keys)]
    if isinstance(match.mapping, Pairs):
        source, reader = stored_along(join.source, match.theirs), stored_along(join.reader, match.mine)
        return [(source.set_id, match.mapping.upstream), (reader.set_id, match.mapping.this)]
    return []


def _spell(batch: Batch, ids: Ids, keys: Sequence[str]) -> list[str]:
    texts = np.array(keys, dtype=object)
    texts[ids >= 0] = key_texts(batch, ids[ids >= 0])
    return [str(text) for text in texts.tolist()]


def _with_texts(mapping: Mapping | None, texts: Sequence[list[str]]) -> Mapping | None:
    if isinstance(mapping, Only):
        return replace(mapping, keys=tuple(texts[0]))
    return sort_pairs(*texts) if isinstance(mapping, Pairs) else mapping


def _replace_mapping(batch: Batch, dependency: StoredDependency, mapping: Mapping) -> None:
    batch.execute(
        "UPDATE dependencies SET mapping = ? WHERE asset_id = ? AND input_id = ? AND argument = ?",
        *(mapping_to_text(mapping), dependency.asset_id, dependency.input_id, dependency.argument),
    )
    text = batch.value("SELECT definition FROM assets WHERE asset_id = ?", dependency.asset_id)
    definition: dict[str, Any] = json.loads(text)
    for reference in (*definition["inputs"], *definition["deps"]):
        if reference["argument"] == dependency.argument and reference["mapping"] is not None:
            reference["mapping"] = mapping.to_json()
    changed = json.dumps(definition, sort_keys=True)
    batch.execute("UPDATE assets SET definition = ? WHERE asset_id = ?", changed, dependency.asset_id)
