"""Spelling keys that somebody chose by hand as the ``keys=`` that chooses the same, as short as that can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.cells import member_ids
from nbpart.catalog.set_tables import load_stored_sets
from nbpart.partitions import MultiPartitions, PartitionsDefinition
from nbpart.project.equivalent_code import MAX_SPELLED, spell_keys

#: More are not named one by one.
MAX_NAMED = 1_000


def spell_choice(batch: Batch, set_id: int, keys: Sequence[str]) -> str:
    """The expression that chooses these keys of a set and no others: a key, a list, ranges, or values of dimensions.

    Where only a list of more than `MAX_NAMED` keys would do, it is the beginning of one, which cannot be pasted.
    """
    if len(keys) <= MAX_SPELLED:
        return spell_keys(keys)
    stored = load_stored_sets(batch)[set_id]
    if isinstance(stored.definition, MultiPartitions):
        short = _spell_box(batch, stored.definition, [part.set_id for part in stored.parts], keys)
    else:
        short = _spell_grid(stored.definition, keys) or _spell_ranges(batch, set_id, keys)
    return short or (repr(list(keys)) if len(keys) <= MAX_NAMED else spell_keys(keys))


def _spell_ranges(batch: Batch, set_id: int, keys: Sequence[str]) -> str:
    """Some keys as few ranges in the order of their set; "" where they are many."""
    order = member_ids(batch, set_id)
    places = np.flatnonzero(np.isin(order, queries.key_ids(batch, set_id, list(keys))))
    cuts = np.flatnonzero(np.diff(places) > 1) + 1
    ends = list(zip(places[np.r_[0, cuts]].tolist(), places[np.r_[cuts - 1, -1]].tolist(), strict=True))
    if len(ends) > MAX_SPELLED:
        return ""
    texts = iter(queries.key_texts(batch, order[np.ravel(ends)]).tolist())
    parts = [repr(a) if first == last else f"nbpart.between({a!r}, {b!r})"
             for (first, last), a, b in zip(ends, texts, texts, strict=True)]  # fmt: skip
    return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"


def _spell_grid(definition: PartitionsDefinition, keys: Sequence[str]) -> str:
    """Some keys with parameters as a few values of each; "" where they are not all combinations of these."""
    if definition.parameters is None or definition.parts:
        return ""
    parsed = [definition.parameters.parse(key) for key in keys]
    values = {name: list(dict.fromkeys(one[name] for one in parsed)) for name in parsed[0]}
    is_grid = math.prod(map(len, values.values())) == len(keys) and sum(map(len, values.values())) <= MAX_SPELLED
    if not is_grid or any(type(value) not in (int, float, str) for some in values.values() for value in some):
        return ""
    return repr({name: some[0] if len(some) == 1 else some for name, some in values.items()})


def _spell_box(batch: Batch, product: MultiPartitions, part_ids: Sequence[int], keys: Sequence[str]) -> str:
    """Some keys of a product as the values of its dimensions; "" where they are not all that have these."""
    split = [product.split(key) for key in keys]
    values = {name: list(dict.fromkeys(parts[name] for parts in split)) for name in product.names}
    if math.prod(map(len, values.values())) != len(keys):
        return ""
    chosen = []
    for name, set_id in zip(product.names, part_ids, strict=True):
        if len(values[name]) < queries.count_members(batch, set_id):
            chosen.append(f"{name!r}: {spell_choice(batch, set_id, values[name])}")
    return f"{{{', '.join(chosen)}}}" if chosen else ""
