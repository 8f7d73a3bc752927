"""The pairs of keys that conditions relate, as the catalog keeps them: of each condition and two sets those of one
version of both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbpart.catalog.condition_query import PairQuery
from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.pair_search import PairSearch
from nbpart.catalog.searches import SearchWanted
from nbpart.errors import ConditionError
from nbpart.partitions.mapping import Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]
    #: A condition, and the ids of the sets of the reader and of the input.
    Name = tuple[str, int, int]

_NUMBER_OF = (
    "SELECT search_no, version FROM pair_searches WHERE condition = ? AND reader_set_id = ? AND input_set_id = ?"
)


def load_pairs(batch: Batch, query: PairQuery) -> tuple[Ids, Ids]:
    """All pairs of the members of two sets: those that were kept, if both are what they were, or those just found.

    Raises `SearchWanted` where they have to be searched for.
    """
    return batch.remember(f"all pairs {query.name} {batch.changes}", lambda: _load_pairs(batch, query))


def is_kept(batch: Batch, query: PairQuery) -> bool:
    """Whether pairs of a condition between its sets are kept, of whichever version."""
    return batch.row(_NUMBER_OF, query.condition.text, query.reader.set_id, query.source.set_id) is not None


def _load_pairs(batch: Batch, query: PairQuery) -> tuple[Ids, Ids]:
    version = query.load_version()
    kept = batch.row(_NUMBER_OF, query.condition.text, query.reader.set_id, query.source.set_id)
    if kept is not None and kept[1] == version:
        return _read(batch, kept[0])
    search = replace(query.make_search(version), keeper=keep_pairs)
    found: tuple[Ids, Ids] | None = batch.found.get(version)
    if found is not None:
        if batch.writes:
            keep_pairs(batch, search, found)
        return found
    if not batch.found.may_search(search):
        return query.find_pairs()
    raise batch.want(SearchWanted(search))


def _read(batch: Batch, search_no: int) -> tuple[Ids, Ids]:
    found = batch.numpy("SELECT reader_id, input_id FROM condition_pairs WHERE search_no = ?", search_no)
    return found["reader_id"], found["input_id"]


def keep_pairs(batch: Batch, search: PairSearch, pairs: tuple[Ids, Ids]) -> None:
    """Keep what a search found instead of what is there of its condition and sets; drop what nobody uses any more."""
    import pyarrow as pa

    name = (search.condition.text, search.reader_set_id, search.input_set_id)
    _drop(batch, [name])
    number = batch.value("SELECT coalesce(max(search_no), 0) + 1 FROM pair_searches")
    batch.execute("INSERT INTO pair_searches VALUES (?, ?, ?, ?, ?, ?)", number, *name, search.version, len(pairs[0]))
    batch.stage("pairs_found", pa.table({"reader_id": pairs[0], "input_id": pairs[1]}))
    batch.execute("INSERT INTO condition_pairs SELECT ?, reader_id, input_id FROM pairs_found", number)


def drop_unused_pairs(batch: Batch) -> None:
    """Drop the pairs of conditions by which no asset reads any more."""
    if names := _list_kept(batch):
        used = _list_used(batch)
        _drop(batch, [name for name in names if name not in used])


def find_wrong_pairs(batch: Batch) -> list[tuple[str, str, str]]:
    """What is kept and is not what a search finds: (asset, what is kept, what there is), in words.

    Rows that belong to no search are of no asset. Pairs of an earlier version of a set are not looked at: they
    are found again before they are used.
    """
    used = _list_used(batch)
    wrong: list[tuple[str, str, str]] = []
    counted = dict(batch.rows("SELECT search_no, count(*) FROM condition_pairs GROUP BY search_no"))
    for text, reader_set_id, input_set_id, number, version, count in batch.rows(
        "SELECT condition, reader_set_id, input_set_id, search_no, version, pairs FROM pair_searches ORDER BY search_no"
    ):
        found = counted.pop(number, 0)
        dependency = used.get((text, reader_set_id, input_set_id))
        if dependency is None:
            continue
        asset = str(batch.value("SELECT name FROM assets WHERE asset_id = ?", dependency.asset_id))
        fresh = _search_anew(batch, dependency, version)
        if fresh is None:
            continue
        right = _count_common(_read(batch, number), fresh)
        if not right == found == count == len(fresh[0]):
            wrong.append((asset, f"{found:,} pairs", f"{len(fresh[0]):,}, of which {right:,} are kept"))
    wrong += [("", f"{count:,} pairs", "no search that found them") for count in counted.values()]
    return wrong


def forget_pairs(batch: Batch) -> None:
    """Drop all pairs: they are found again when they are asked for."""
    batch.execute("DELETE FROM pair_searches")
    batch.execute("DELETE FROM condition_pairs")


def _search_anew(batch: Batch, dependency: StoredDependency, version: str) -> tuple[Ids, Ids] | None:
    """All pairs as a search finds them now; None where the sets have another version, or the condition is not theirs.

    Raises `SearchWanted`.
    """
    try:
        query = PairQuery(batch, dependency.join(batch))
    except ConditionError:
        return None
    if query.load_version() != version:
        return None
    found: tuple[Ids, Ids] | None = batch.found.get(version)
    if found is not None:
        return found
    search = query.make_search(version)  # not to be kept: it would take the place of what is checked
    if not batch.found.may_search(search):
        return None
    raise batch.want(SearchWanted(search))


def _count_common(one: tuple[Ids, Ids], other: tuple[Ids, Ids]) -> int:
    """How many pairs are in both."""
    import numpy as np

    width = 1 + max(int(inputs.max(initial=0)) for _, inputs in (one, other))
    mine, theirs = (readers * width + inputs for readers, inputs in (one, other))
    return len(np.intersect1d(mine, theirs))


def _list_kept(batch: Batch) -> list[Name]:
    return [
        (row[0], row[1], row[2])
        for row in batch.rows("SELECT condition, reader_set_id, input_set_id FROM pair_searches")
    ]


def _list_used(batch: Batch) -> dict[Name, StoredDependency]:
    """The conditions by which active assets read, with one of these each."""
    return {
        (each.mapping.text, each.set_id, each.input_set_id): each
        for each in load_dependencies(batch)
        if isinstance(each.mapping, Where)
    }


def _drop(batch: Batch, names: list[Name]) -> None:
    for name in names:
        if (row := batch.row(_NUMBER_OF, *name)) is not None:
            batch.execute("DELETE FROM condition_pairs WHERE search_no = ?", row[0])
            batch.execute("DELETE FROM pair_searches WHERE search_no = ?", row[0])
