"""Whether a mapping fits the partitions of a reader and of its input, and what it means there in full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nbpart.errors import DeclarationError, NbpartError, nearest
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.keys import shorten
from nbpart.partitions.mapping import (
    PARTITION_KEY,
    AllKeys,
    By,
    Last,
    Mapping,
    Match,
    Only,
    Overlap,
    Pairs,
    Previous,
    Same,
    Where,
    Whole,
    sort_pairs,
)
from nbpart.partitions.shared_structure import find_along, find_matches, find_windows
from nbpart.partitions.values import Kind

#: Mappings that say the same of every reader, so that a reader needs no dimension for them.
_OF_EVERY_READER = (AllKeys, Last, Only)


def check_mapping(
    mapping: Mapping, reader: PartitionsDefinition | None, source: PartitionsDefinition | None
) -> Mapping:
    """The mapping in its canonical form: keys are texts, pairs are sorted.

    ``reader`` and ``source`` are the partitions of the asset that reads and of its input, None for none. Raises
    `DeclarationError` where the mapping cannot be between these.
    """
    if source is None:
        if not isinstance(mapping, Whole):
            raise DeclarationError(
                f"{mapping.kind} reads keys, and the input has no partitions: leave the mapping out."
            )
        return mapping
    if isinstance(mapping, Whole):
        raise DeclarationError(
            f"whole reads an input without partitions, and this has {_label(source)}: use all_keys()."
        )
    if isinstance(mapping, Only):
        return replace(mapping, keys=tuple(dict.fromkeys(_spell(source, mapping.keys, "only"))))
    if isinstance(mapping, AllKeys | Where):  # the columns that a condition names are looked up by the catalog
        return mapping
    if isinstance(mapping, Last):
        expand_mapping(mapping, reader, source)
        return mapping
    if reader is None and not _is_of_every_reader(mapping):
        raise DeclarationError(
            f"{mapping.kind} starts from a key that reads, and the reader has no partitions: use all_keys(), last() or "
            "only()."
        )
    if isinstance(mapping, By):
        return _check_by(mapping, reader, source)
    assert reader is not None
    if isinstance(mapping, Same):
        _check_same(reader, source)
    elif isinstance(mapping, Pairs):
        upstream = _spell(source, mapping.upstream, "pairs: upstream")
        return replace(sort_pairs(upstream, _spell(reader, mapping.this, "pairs: this")), of=mapping.of)
    else:
        expand_mapping(mapping, reader, source)
    return mapping


def expand_mapping(
    mapping: Mapping, reader: PartitionsDefinition | None, source: PartitionsDefinition | None
) -> Mapping:
    """The mapping in full: `by()` with all that it compares, and what moves along one dimension as the `by` that it is.

    Raises `DeclarationError` where no or several dimensions could be meant.
    """
    if source is None:
        return mapping
    if isinstance(mapping, By) and not mapping.matches and reader is not None:
        if not (matches := find_matches(reader, source)):
            raise DeclarationError(
                f"by() compares what both have, and {_label(reader)} and {_label(source)} have no dimension or parent "
                "in common: name two columns, as in by(theirs='mine')."
            )
        return replace(mapping, matches=matches)
    if not isinstance(mapping, Overlap | Previous | Last) or (isinstance(mapping, Last) and not source.parts):
        return mapping
    if isinstance(mapping, Last) and source.kind != "product":
        return mapping
    theirs = _find_window(mapping, source)
    mine = theirs if isinstance(mapping, Last) else _find_window(mapping, reader)
    if theirs == mine == PARTITION_KEY:
        return mapping
    shared = find_matches(reader, source) if reader is not None else ()
    if reader is not None and reader.set_name == source.set_name:
        shared = tuple(Match(name, name) for name, _ in source.parts)
    others = tuple(one for one in shared if one.theirs != theirs and (isinstance(mapping, Last) or one.mine != mine))
    return By((*others, Match(theirs, mine, replace(mapping, of=None))), of=mapping.of)


def _find_window(mapping: Mapping, definition: PartitionsDefinition | None) -> str:
    windows = find_windows(definition) if definition is not None else []
    if len(windows) == 1:
        return windows[0].name
    has = " and ".join(repr(level.name) for level in windows) if windows else "no windows"
    where = "no partitions" if definition is None else f"{_label(definition)} with {has}"
    advice = (
        f"say which inside by, as in by({windows[0].name}={mapping.kind}())" if windows else "read by other columns"
    )
    raise DeclarationError(f"{mapping.kind} moves along one dimension of windows, and there are {where}: {advice}.")


def _check_same(reader: PartitionsDefinition, source: PartitionsDefinition) -> None:
    if reader.set_name != source.set_name:
        raise DeclarationError(
            f"same reads the same key of the same set, and {_label(reader)} and {_label(source)} are two: equal texts "
            "are read by by(partition_key='partition_key')."
        )


def _check_by(mapping: By, reader: PartitionsDefinition | None, source: PartitionsDefinition) -> By:
    full = expand_mapping(mapping, reader, source)
    assert isinstance(full, By)
    checked = tuple(_check_match(match, reader, source) for match in full.matches)
    return replace(mapping, matches=checked) if mapping.matches else mapping


def _check_match(match: Match, reader: PartitionsDefinition | None, source: PartitionsDefinition) -> Match:
    inner = match.mapping
    _check_name(source, match.theirs, "the input")
    if reader is not None and not isinstance(inner, _OF_EVERY_READER):
        _check_name(reader, match.mine, "the reader")
    if inner is None:
        assert reader is not None
        _check_kinds(match, reader, source)
        return match
    theirs = _find_along(match, match.theirs, source)
    mine = None if reader is None or isinstance(inner, _OF_EVERY_READER) else _find_along(match, match.mine, reader)
    try:
        return replace(match, mapping=check_mapping(inner, mine, theirs))
    except DeclarationError as error:
        raise DeclarationError(f"by, at {match.theirs!r}: {error}") from None


def _find_along(match: Match, name: str, definition: PartitionsDefinition) -> PartitionsDefinition:
    if (along := find_along(definition, name)) is None:
        kind = "" if match.mapping is None else match.mapping.kind
        raise DeclarationError(
            f"by({match.theirs}={kind}(...)): {name!r} is no dimension or parent of {_label(definition)}, so nothing "
            "but equality is possible along it."
        )
    return along


def _is_of_every_reader(mapping: Mapping) -> bool:
    """Whether it says the same of every reader, and so of one without partitions too."""
    if isinstance(mapping, By):
        return bool(mapping.matches) and all(isinstance(one.mapping, _OF_EVERY_READER) for one in mapping.matches)
    return isinstance(mapping, _OF_EVERY_READER)


def compares_texts(match: Match, reader: PartitionsDefinition, source: PartitionsDefinition) -> bool:
    """Whether a match compares the texts of keys, as it does where the two columns have no type in common."""
    return not (_kinds(source, match.theirs) & _kinds(reader, match.mine)) - {Kind.STR.value}


def _check_name(definition: PartitionsDefinition, name: str, whose: str) -> None:
    names = [PARTITION_KEY, *(column.name for column in definition.columns)]
    if name not in names:
        raise DeclarationError(f"by: {whose} has no column {shorten(name)}; {nearest(name, names)}")


def _check_kinds(match: Match, reader: PartitionsDefinition, source: PartitionsDefinition) -> None:
    """Columns of two kinds are never equal; a whole key is compared with what has a text."""
    theirs, mine = _kinds(source, match.theirs), _kinds(reader, match.mine)
    text = {Kind.STR.value}
    is_possible = theirs & mine - text or (theirs & mine and not (theirs - text and mine - text))
    if not is_possible:
        advice = ", or relate them by overlap()" if _is_dated(theirs | mine) else ""
        raise DeclarationError(
            f"by: {match.theirs!r} of the input is {_name_kinds(theirs)} and {match.mine!r} of the reader is "
            f"{_name_kinds(mine)}, which are never equal: compare columns of one type{advice}."
        )


def _kinds(definition: PartitionsDefinition, name: str) -> frozenset[str]:
    """As what a column can be compared: a number, a date ..., and a key of a set, dimension or parent as its text."""
    found = {Kind.STR.value} if name == PARTITION_KEY or name in dict(definition.parts) else set()
    for column in definition.columns:
        if column.name == name:
            found.add("number" if column.kind in (Kind.INT, Kind.FLOAT) else column.kind.value)
    return frozenset(found)


def _name_kinds(kinds: Iterable[str]) -> str:
    return " or ".join(sorted(kinds))


def _is_dated(kinds: Iterable[str]) -> bool:
    return {Kind.DATE.value, Kind.DATETIME.value} <= set(kinds)


def _spell(definition: PartitionsDefinition, keys: Iterable[object], what: str) -> list[str]:
    texts: dict[object, str] = {}
    for key in keys:
        try:
            if key not in texts:
                texts[key] = definition.spell_key(key)
        except TypeError:  # a dict, which cannot be looked up
            return [_spell_one(definition, one, what) for one in keys]
        except NbpartError as error:
            raise DeclarationError(f"{what}: {error}") from None
    return [texts[key] for key in keys]


def _spell_one(definition: PartitionsDefinition, key: object, what: str) -> str:
    try:
        return definition.spell_key(key)
    except NbpartError as error:
        raise DeclarationError(f"{what}: {error}") from None


def _label(definition: PartitionsDefinition) -> str:
    """What a message calls these partitions."""
    kind = {"time_window": "windows", "product": "product", "dynamic": "dynamic partitions", "static": "list of keys"}
    return f"the {kind[definition.kind]} {definition.name or shorten(definition.set_name)!r}"
