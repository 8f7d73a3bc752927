"""Which keys of a set a person's choices are: a text, a date, a range, a part of a date, values of some columns.

A choice is read for a definition by `nbpart.partitions.choice`; here it is resolved, for all keys of a set at once.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.expressions import quote
from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.key_lookup import key_ids, stage_numbers
from nbpart.catalog.queries.chosen_rows import find_rows, group_rows
from nbpart.catalog.queries.window_starts import find_windows_that_begin
from nbpart.catalog.set_tables import (
    SetSql,
    StoredSet,
    build_columns,
    load_stored_sets,
    made_of,
    ordered_members,
    sort_keys,
)
from nbpart.errors import NbpartError, PartitionKeyError, UnknownNameError, nearest
from nbpart.partitions.choice import (
    Between,
    ByColumns,
    KeyChoice,
    KeyOrRange,
    OneKey,
    TypedText,
    WholeKeys,
    read_choice,
)
from nbpart.partitions.columns import Column
from nbpart.partitions.date_parts import DatePart
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.keys import shorten
from nbpart.partitions.relation import distinct, leave_out
from nbpart.partitions.values import Value, to_text
from nbpart.partitions.windows import TimeWindowPartitions

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]

#: So many of the names that are like an unknown one are compared with it.
_MOST_LIKE = 8
#: So many characters of what was chosen by values are shown.
_MOST_SHOWN = 60


@dataclass(frozen=True, eq=False)
class ChosenKeys:
    """The ids of the chosen keys, each once, in the order of their set; and which of the given choices chose none.

    ``unfound`` has the places of these among what was given; `explain_unfound` says why.
    """

    key_ids: Ids
    unfound: Ids


class _NoSuchKeyError(UnknownNameError):
    """A set has no such key; the message begins with ``has no``, and whoever raises it puts a name before."""


@dataclass(frozen=True, eq=False)
class _FoundKeys:
    """The ids that choices are, for each the place of its choice, and the places of the choices that are none."""

    key_ids: Ids
    places: Ids
    unfound: Ids


def choose_keys(batch: Batch, set_id: int, given: Sequence[object]) -> ChosenKeys:
    """The keys that the ``given`` choices are, in any form that `read_choice` takes, or as a `TypedText`.

    A text that is a key of the set is that key, whatever else it could mean. Nothing is made of a key that is found by
    its text, or of a window by its start: of 100,000 keys only those are read one by one that are not there.
    """
    found = _find_all(batch, set_id, given)
    return ChosenKeys(_in_order(batch, set_id, found.key_ids), found.unfound)


def list_keys(batch: Batch, set_id: int, given: Sequence[object]) -> Ids:
    """The ids of the keys that choices are, each once, as these were given; of one choice in the order of the set."""
    found = _find_all(batch, set_id, given)
    in_set = find_places(_in_order(batch, set_id, found.key_ids), found.key_ids)
    ids = found.key_ids[np.lexsort((in_set, found.places))]
    by_id = np.argsort(ids, kind="stable")
    is_first = np.ones(len(ids), bool)
    is_first[by_id[1:]] = ids[by_id[1:]] != ids[by_id[:-1]]
    return ids[is_first]


def _find_all(batch: Batch, set_id: int, given: Sequence[object]) -> _FoundKeys:
    stored = load_stored_sets(batch)[set_id]
    found = _find_texts(batch, set_id, given)
    if isinstance(stored.definition, TimeWindowPartitions):
        left = [place for place in np.flatnonzero(found < 0).tolist() if not isinstance(given[place], str | TypedText)]
        found[left] = find_windows_that_begin(batch, set_id, stored.definition, [given[place] for place in left])
    chosen, of, unfound = [found[found >= 0]], [np.flatnonzero(found >= 0)], list[int]()
    choices: dict[int, tuple[KeyChoice, ...]] = {}
    whole = WholeKeys(stored.definition)
    for place in np.flatnonzero(found < 0).tolist():
        one = given[place]
        try:
            text = whole.spell(one) if isinstance(one, Mapping) else None
            choices[place] = read_choice(stored.definition, one) if text is None else (OneKey(text),)
        except NbpartError:
            unfound.append(place)
    together = _find_together(batch, stored, {place: some[0] for place, some in choices.items() if len(some) == 1})
    for ids, places, asked in together:
        chosen.append(ids)
        of.append(places)
        unfound += leave_out(np.array(asked, np.int64), places).tolist()
        for place in asked:
            del choices[place]
    for place, some in choices.items():
        try:
            chosen += [_find(batch, stored, choice) for choice in some]
        except NbpartError:
            unfound.append(place)
        of += [np.full(len(ids), place) for ids in chosen[len(of) :]]
    return _FoundKeys(np.concatenate(chosen), np.concatenate(of), np.array(sorted(unfound), np.int64))


def _find_together(
    batch: Batch, stored: StoredSet, choices: Mapping[int, KeyChoice]
) -> list[tuple[Ids, Ids, list[int]]]:
    """The keys of choices that are found many at once: their ids, the place of the choice of each, and those asked."""
    texts = {place: choice.text for place, choice in choices.items() if isinstance(choice, OneKey)}
    ids = key_ids(batch, stored.set_id, list(texts.values()))
    found = [(ids[ids >= 0], np.array(list(texts), np.int64)[ids >= 0], list(texts))]
    return found + [(*find_rows(batch, stored, group), list(group)) for group in group_rows(choices)]


def explain_unfound(batch: Batch, set_id: int, given: object, owner: str) -> NbpartError:
    """Why ``given`` chooses no key of a set, as the error to raise; ``owner`` is whose keys they are."""
    stored = load_stored_sets(batch)[set_id]
    try:
        for choice in read_choice(stored.definition, given):
            _find(batch, stored, choice)
    except _NoSuchKeyError as error:
        return UnknownNameError(f"{owner} {error}")
    except NbpartError as error:
        return type(error)(f"{owner}: {error}")
    return UnknownNameError(f"{owner} has no partition {shorten(given)}.")


def find_similar_keys(batch: Batch, set_id: int, text: str) -> list[str]:
    """The keys of a set that are most like a text, at most `_MOST_LIKE`."""
    similar = batch.rows(
        f"SELECT k.key FROM {ordered_members(batch, set_id)} o JOIN keys k USING (key_id)"
        " ORDER BY jaro_winkler_similarity(k.key[:100], ?[:100]) DESC, o.position LIMIT ?",
        text, _MOST_LIKE,
    )  # fmt: skip
    return [key for (key,) in similar]


def find_keys_that_begin(batch: Batch, set_id: int, beginning: str, most: int) -> list[str]:
    """The keys of a set that begin so, at most so many of them, in the order of the set."""
    found = batch.rows(
        f"SELECT k.key FROM {ordered_members(batch, set_id)} o JOIN keys k USING (key_id)"
        " WHERE starts_with(k.key, ?) ORDER BY o.position LIMIT ?",
        beginning, most,
    )  # fmt: skip
    return [key for (key,) in found]


def _find_texts(batch: Batch, set_id: int, given: Sequence[object]) -> Ids:
    """The id of each key that is given as its text; -1 for all else."""
    found = np.full(len(given), -1, np.int64)
    texts = {
        place: one.text if isinstance(one, TypedText) else one
        for place, one in enumerate(given)
        if isinstance(one, str | TypedText)
    }
    whole = {place: text for place, text in texts.items() if text.isascii() or _is_whole(text)}
    if whole:
        found[list(whole)] = key_ids(batch, set_id, list(whole.values()))
    return found


def _is_whole(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, and so could be a key."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _find(batch: Batch, stored: StoredSet, choice: KeyChoice) -> Ids:
    """The ids of the keys that a choice is, at least one. Raises an error that says that there is none, and why."""
    if isinstance(choice, OneKey):
        ids = key_ids(batch, stored.set_id, [choice.text])
        if ids[0] < 0:
            raise _NoSuchKeyError(f"has no partition {choice.text!r}; {_name_similar(batch, stored, choice.text)}")
        return ids
    if isinstance(choice, KeyOrRange):
        return _find_key_or_range(batch, stored, choice)
    if isinstance(choice, Between):
        is_of_windows = isinstance(stored.definition, TimeWindowPartitions)
        ids = _find_windows(batch, stored, choice) if is_of_windows else _find_between(batch, stored, choice)
    elif isinstance(choice, DatePart):
        ids = _find_date_part(batch, stored, choice)
    else:
        ids = _find_by_columns(batch, stored, choice)
    if not len(ids):
        raise _NoSuchKeyError(f"has no partition {_describe(choice)}; {_describe_ends(batch, stored)}")
    return ids


def _find_key_or_range(batch: Batch, stored: StoredSet, choice: KeyOrRange) -> Ids:
    """The keys of the first of the ways to understand a typed text that chooses some."""
    error: NbpartError | None = None
    for choices in (choice.keys, *((one,) for one in choice.ranges)):
        try:
            if choices:
                return np.concatenate([_find(batch, stored, one) for one in choices])
        except NbpartError as reason:
            error = reason  # the last one, of a range: somebody who types .. means one
    raise error or _NoSuchKeyError(f"has no partition {choice.text!r}; {_name_similar(batch, stored, choice.text)}")


def _find_date_part(batch: Batch, stored: StoredSet, part: DatePart) -> Ids:
    sql = SetSql(stored, stored.set_id)
    assert stored.definition.value_column is not None, "it was read for keys that are dates or times"
    value = sql.value(stored.definition.value_column)
    return _select(batch, sql, f"{value} >= ? AND {value} < ?", part.since, part.until)


def _find_windows(batch: Batch, stored: StoredSet, choice: Between) -> Ids:
    """The windows that begin within a range; its ends need not have come yet."""
    since, first = _begin_bound(stored.definition, choice.first, is_first=True)
    until, last = _begin_bound(stored.definition, choice.last, is_first=False)
    found = batch.numpy(
        "SELECT m.key_id FROM members m JOIN windows w USING (set_id, key_id)"
        f" WHERE m.set_id = $1 AND {since} $2 AND {until} $3",
        stored.set_id, first, last,
    )  # fmt: skip
    ids: Ids = found["key_id"]
    return ids


def _begin_bound(
    definition: PartitionsDefinition, end: OneKey | DatePart, *, is_first: bool
) -> tuple[str, float | datetime]:
    """What the start of a window is compared with at an end of a range: the expression with its sign, and the value."""
    if isinstance(end, DatePart):
        return ("w.starts_local >=", end.since) if is_first else ("w.starts_local <", end.until)
    assert isinstance(definition, TimeWindowPartitions), "a range of windows is asked for"
    window = definition.parse(end.text)
    assert window is not None, "it was spelled as a key of them"
    return f"epoch(w.starts_at) {'>=' if is_first else '<='}", window[0].timestamp()


def _find_between(batch: Batch, stored: StoredSet, choice: Between) -> Ids:
    """The keys from the first one of one end to the last one of the other, in the order of the set."""
    first = _find_place(batch, stored, "min", _find(batch, stored, choice.first))
    last = _find_place(batch, stored, "max", _find(batch, stored, choice.last))
    if first > last:
        raise PartitionKeyError(
            f"The range {_describe(choice)} runs backwards: give the key first that comes first in the set."
        )
    members = ordered_members(batch, stored.set_id)
    ids: Ids = batch.numpy(f"SELECT key_id FROM {members} WHERE position BETWEEN ? AND ?", first, last)["key_id"]
    return ids


def _find_place(batch: Batch, stored: StoredSet, which: str, ids: Ids) -> int:
    """The least or the greatest (``which``: min, max) place of some keys in the order of their set."""
    stage_numbers(batch, "range_end", ids)
    members = ordered_members(batch, stored.set_id)
    return int(batch.value(f"SELECT {which}(position) FROM {members} WHERE key_id IN (SELECT id FROM range_end)"))


def _find_by_columns(batch: Batch, stored: StoredSet, choice: ByColumns) -> Ids:
    names = [name for name, _ in stored.definition.parts]
    chosen = [(names.index(name), _find_parts(batch, stored, name, choices)) for name, choices in choice.parts]
    sql = SetSql(stored, stored.set_id)
    conditions = [_match_values(batch, sql, column, wanted) for column, wanted in choice.values]
    for number, (place, ids) in enumerate(chosen):
        stage_numbers(batch, f"chosen_parts_{number}", distinct(ids))
        conditions.append(made_of(batch, stored, place, f"chosen_parts_{number}"))
    return _select(batch, sql, " AND ".join(conditions))


def _find_parts(batch: Batch, stored: StoredSet, name: str, choices: Iterable[KeyChoice]) -> Ids:
    """The ids of the chosen keys of a dimension or the parent."""
    place = [part for part, _ in stored.definition.parts].index(name)
    try:
        return np.concatenate([_find(batch, stored.parts[place], choice) for choice in choices])
    except _NoSuchKeyError as error:
        raise _NoSuchKeyError(str(error).replace("has no partition", f"has no {name}", 1)) from None


def _match_values(batch: Batch, sql: SetSql, column: Column, wanted: Sequence[Value | DatePart]) -> str:
    """The condition that a column of a set has one of some values. Raises an error for a value that no key has."""
    value = sql.value(column)
    ways = []
    plain = [one for one in wanted if not isinstance(one, DatePart)]
    if None in plain:
        ways.append(f"{value} IS NULL")
    if known := [one for one in plain if one is not None]:
        table = f"chosen_values_{column.name}"
        batch.stage(table, build_columns([replace(column, name="value")], [{"value": one} for one in known]))
        ways.append(f"{value} IN (SELECT value FROM {quote(table)})")
        _check_values(batch, sql, column, table)
    if within := [one for one in wanted if isinstance(one, DatePart)]:
        table = f"chosen_dates_{column.name}"
        batch.stage(table, _date_table(within))
        ways.append(f"EXISTS (SELECT 1 FROM {quote(table)} d WHERE {value} >= d.since AND {value} < d.until)")
    return f"({' OR '.join(ways)})"


def _check_values(batch: Batch, sql: SetSql, column: Column, table: str) -> None:
    """Raise for the first of the staged values that no key of a set has."""
    value = sql.value(column)
    held = f"SELECT {value} AS value FROM {sql.rows} m{sql.joins}"
    absent = f"FROM {quote(table)} c WHERE NOT EXISTS (SELECT 1 FROM ({held}) h WHERE h.value = c.value)"
    row = batch.row(f"SELECT c.value::VARCHAR {absent} LIMIT 1")
    if row is None:
        return
    some = batch.rows(f"SELECT DISTINCT value::VARCHAR FROM ({held}) WHERE value IS NOT NULL ORDER BY 1 LIMIT 1000")
    known = nearest(row[0], [text for (text,) in some])
    raise _NoSuchKeyError(f"has no partition with {column.name}={row[0]}; {known}")


def _date_table(parts: Sequence[DatePart]) -> pa.Table:
    import pyarrow as pa

    moments = {"since": [part.since for part in parts], "until": [part.until for part in parts]}
    return pa.table({name: pa.array(values, pa.timestamp("us")) for name, values in moments.items()})


def _select(batch: Batch, sql: SetSql, condition: str, *values: object) -> Ids:
    ids: Ids = batch.numpy(f"SELECT m.key_id FROM {sql.rows} m{sql.joins} WHERE {condition}", *values)["key_id"]
    return ids


def _in_order(batch: Batch, set_id: int, ids: Ids) -> Ids:
    """These keys, each once, in the order of their set."""
    return ids if len(ids) < 2 else sort_keys(batch, set_id, ids)


# words


def _name_similar(batch: Batch, stored: StoredSet, text: str) -> str:
    """The end of a sentence about an unknown key: the one that is most like it, or which there are."""
    if isinstance(stored.definition, TimeWindowPartitions):
        return _describe_ends(batch, stored)
    return nearest(text, find_similar_keys(batch, stored.set_id, text))


def _describe_ends(batch: Batch, stored: StoredSet) -> str:
    """The end of a sentence: from where to where the keys of a set go."""
    first, last = batch.rows(
        f"SELECT min_by(k.key, o.position), max_by(k.key, o.position) FROM {ordered_members(batch, stored.set_id)} o"
        " JOIN keys k USING (key_id)"
    )[0]
    return "there is none yet." if first is None else f"they go from {first!r} to {last!r}."


def _describe(choice: object) -> str:
    """A choice in a sentence, as ``within '2013-01'``, ``from 'a' to 'b'``, ``with lr=0.1 and origin 'EWR'``."""
    if isinstance(choice, DatePart):
        return f"within {choice.text!r}"
    if isinstance(choice, Between):
        return f"from {_name_end(choice.first)} to {_name_end(choice.last)}"
    if isinstance(choice, ByColumns):
        values = [f"{column.name}={_list(map(_spell, wanted))}" for column, wanted in choice.values]
        parts = [f"{name} {_list(map(_describe, choices))}" for name, choices in choice.parts]
        return f"with {' and '.join([*values, *parts])}"
    return repr(choice.text) if isinstance(choice, OneKey | KeyOrRange) else repr(choice)


def _name_end(end: OneKey | DatePart) -> str:
    return repr(end.text)


def _spell(value: Value | DatePart) -> str:
    return f"{value.text}…" if isinstance(value, DatePart) else "None" if value is None else to_text(value)


def _list(words: Iterable[str]) -> str:
    text = " or ".join(words)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
