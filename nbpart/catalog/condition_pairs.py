"""The mapping `where`: the pairs of keys for which a condition on the columns of both sides is true.

A few keys are asked about directly, by the text of the condition as it was checked. Where many pairs would be looked
at, all pairs of both sets are found off the lease and kept (`kept_pairs`), and those that are asked for are looked up.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.condition_query import PairQuery
from nbpart.catalog.condition_tree import make_error
from nbpart.catalog.dependencies import load_dependencies
from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.kept_pairs import is_kept, load_pairs
from nbpart.catalog.pair_search import SlowPairs
from nbpart.errors import ConditionError, DeclarationError
from nbpart.partitions.mapping import MAX_COMPARED, Where
from nbpart.partitions.relation import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch
    from nbpart.catalog.join_sides import Join

    Ids = NDArray[np.int64]

#: So many pairs of keys are looked at in the lease, which takes some 50 ms, for so many seconds at most: what a slow
#: condition relates is searched for off it too.
FEW_PAIRS = 10_000_000
FEW_S = 0.5
#: So many where an equality or a range finds those that are looked at, or so many keys of one side with any number of
#: the other.
FEW_BOUNDED_PAIRS = 50_000_000
FEW_KEYS = 200


def find_pairs(batch: Batch, join: Join, reader_ids: Ids, input_ids: Ids) -> tuple[Ids, Ids]:
    """The pairs, among keys with these ids, for which the condition is true: ids of readers, and those of inputs.

    Raises `ConditionError` for a condition that cannot be asked or takes too long, and where there are too many pairs,
    and `SearchWanted` where they have to be searched for first.
    """
    query = PairQuery(batch, join)
    if not _is_small(query, len(reader_ids), len(input_ids)) or _is_slow(batch, query):
        return _look_up(batch, query, reader_ids, input_ids)
    digest = hashlib.blake2b(reader_ids.tobytes() + b"|" + input_ids.tobytes()).hexdigest()
    name = f"pairs {query.name} {digest} {batch.changes}"
    return batch.remember(name, lambda: query.find_pairs(reader_ids, input_ids, most_s=FEW_S))


def find_related(batch: Batch, join: Join, *, readers: Ids | None = None, inputs: Ids | None = None) -> Ids:
    """The keys of the other side, each once, that make a pair with one of these; among the members of its set.

    One of both is given. Raises as `find_pairs`.
    """
    query = PairQuery(batch, join)
    given, side = (readers, query.source) if inputs is None else (inputs, query.reader)
    assert given is not None, "keys of one side are given"
    if _is_small(query, len(given), side.count(batch)) and not _is_slow(batch, query):
        return query.find_side(side, readers, inputs, most_s=FEW_S)
    members = batch.numpy("SELECT key_id FROM members WHERE set_id = ?", side.set_id)["key_id"]
    if inputs is None:
        return distinct(_look_up(batch, query, given, members)[1])
    return distinct(_look_up(batch, query, members, given)[0])


def check_where(batch: Batch, join: Join) -> None:
    """Raise `ConditionError` for a condition that cannot be asked of two sets, or would look at too many pairs."""
    query = PairQuery(batch, join)
    compared = _check_compared(batch, query)
    is_few = compared <= FEW_PAIRS and not _is_slow(batch, query)
    query.check_few_pairs(at_most=None if is_few else 0, most_s=FEW_S if is_few else None)


def check_growth(batch: Batch) -> None:
    """Raise `DeclarationError` where a set has grown so large that a condition would look at too many pairs."""
    conditions = [each for each in load_dependencies(batch) if isinstance(each.mapping, Where)]
    for each in conditions:
        sizes = "SELECT count(*) FILTER (set_id = ?) * count(*) FILTER (set_id = ?) FROM members"
        if batch.value(sizes, each.set_id, each.input_set_id) > MAX_COMPARED:
            query = PairQuery(batch, each.join(batch))
            try:
                _check_compared(batch, query)
            except ConditionError as error:
                names = "SELECT name FROM assets WHERE asset_id IN (?, ?) ORDER BY asset_id = ? DESC"
                asset, *others = [row[0] for row in batch.rows(names, each.asset_id, each.input_id, each.asset_id)]
                read = others[0] if others else asset
                raise DeclarationError(f"asset {asset!r}, which reads {read!r}: {error}") from None


def _check_compared(batch: Batch, query: PairQuery) -> int:
    """How many pairs of keys there are; raises where each would be looked at and these are too many."""
    theirs, mine = query.source.count(batch), query.reader.count(batch)
    if mine * theirs > MAX_COMPARED and not query.is_bounded:
        what = (
            f"it would be asked of each pair of {theirs:,} keys and {mine:,}, and {MAX_COMPARED:,} pairs are possible: "
            "let a column of both be equal or in a range, as in upstream.day = this.day"
        )
        raise make_error(query.condition, what)
    return mine * theirs


def _is_small(query: PairQuery, mine: int, theirs: int) -> bool:
    """Whether the pairs of so many keys are found at once, while others wait for the catalog."""
    if query.is_bounded:
        return mine * theirs <= FEW_BOUNDED_PAIRS or min(mine, theirs) <= FEW_KEYS
    return mine * theirs <= FEW_PAIRS


def _is_slow(batch: Batch, query: PairQuery) -> bool:
    """Whether a condition is known to be too slow to be asked in the lease: its pairs are kept, or will be."""
    return batch.found.get(SlowPairs(query.name).version) is not None or is_kept(batch, query)


def _look_up(batch: Batch, query: PairQuery, reader_ids: Ids, input_ids: Ids) -> tuple[Ids, Ids]:
    """The pairs among these keys, of those of both sets and, for keys that left their set, asked directly."""
    if not batch.writes:  # what has happened is recorded, whatever it takes
        _check_compared(batch, query)
    readers, inputs = load_pairs(batch, query)
    asked = (find_places(reader_ids, readers) >= 0) & (find_places(input_ids, inputs) >= 0)
    found = [(readers[asked], inputs[asked])]
    members = "SELECT key_id FROM members WHERE set_id = ?"
    mine, theirs = (batch.numpy(members, side.set_id)["key_id"] for side in (query.reader, query.source))
    my_rest, their_rest = reader_ids[find_places(mine, reader_ids) < 0], input_ids[find_places(theirs, input_ids) < 0]
    if len(my_rest):
        found.append(query.find_pairs(my_rest, input_ids))
    if len(their_rest):
        found.append(query.find_pairs(reader_ids[find_places(mine, reader_ids) >= 0], their_rest))
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])
