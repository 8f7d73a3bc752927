"""What two sets of partitions have in common: dimensions, parents, windows; and the mapping that this suggests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from nbpart.errors import DeclarationError
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.mapping import PARTITION_KEY, AllKeys, By, Mapping, Match, Overlap, Same, Whole
from nbpart.partitions.windows import TimeWindowPartitions


@dataclass(frozen=True)
class Level:
    """A set that the keys of another are made of: the set itself, a dimension, a parent, the parent of a dimension ...

    ``name`` is what it is called there, ``partition_key`` for the set itself, ``above`` the name of what it belongs to,
    ``depth`` 0 for the set itself and 1 for a dimension or parent.
    """

    name: str
    definition: PartitionsDefinition
    depth: int
    above: str | None


def default_mapping(reader: PartitionsDefinition | None, source: PartitionsDefinition | None) -> Mapping:
    """How a reader with these partitions reads an input with those; None is no partitions.

    Raises `DeclarationError` where two dimensions could be meant.
    """
    if source is None:
        return Whole()
    if reader is None:
        return AllKeys()
    if reader.set_name == source.set_name:
        return Same()
    if isinstance(reader, TimeWindowPartitions) and isinstance(source, TimeWindowPartitions):
        return Overlap()
    matches = find_matches(reader, source)
    return By(matches) if matches else AllKeys()


def find_matches(reader: PartitionsDefinition, source: PartitionsDefinition) -> tuple[Match, ...]:
    """What both sets are made of: equal sets are equal there; if each has one window dimension these overlap.

    Two dimensions of one name count as equal, too, if they have values of one kind and are no windows.
    """
    mine, theirs = list_levels(reader), list_levels(source)
    matches: list[Match] = []
    done_mine, done_theirs = set[str](), set[str]()
    for level in theirs:
        if level.name not in done_theirs and (found := _find_same_set(level, mine, done_mine)) is not None:
            matches.append(Match(level.name, found.name))
            done_theirs |= _names_below(level, theirs)
            done_mine |= _names_below(found, mine)
    for level in theirs:
        for other in mine:
            is_free = level.name not in done_theirs and other.name not in done_mine
            if is_free and level.name == other.name and _have_one_kind(reader, source, level, other):
                matches.append(Match(level.name, other.name))
                done_theirs |= _names_below(level, theirs)
                done_mine |= _names_below(other, mine)
    windows = find_windows(source), find_windows(reader)
    if [len(some) for some in windows] == [1, 1]:
        (one,), (other,) = windows
        if one.name not in done_theirs and other.name not in done_mine:
            matches.append(Match(one.name, other.name, Overlap()))
    return tuple(matches)


def list_levels(definition: PartitionsDefinition) -> list[Level]:
    """The set itself and all that its keys are made of, from the nearest to the farthest."""
    levels = [Level(PARTITION_KEY, definition, 0, None)]
    for level in levels:  # grows while it is read
        for name, part in level.definition.parts:
            levels.append(Level(name, part, level.depth + 1, level.name))
    return levels


def find_windows(definition: PartitionsDefinition) -> list[Level]:
    """The set itself if it has windows, else its dimensions or its parent that do."""
    return [
        level
        for level in list_levels(definition)
        if level.depth <= 1 and isinstance(level.definition, TimeWindowPartitions)
    ]


def find_along(definition: PartitionsDefinition, name: str) -> PartitionsDefinition | None:
    """The set along which a mapping inside `by` relates keys: that of a dimension or parent, or the set itself."""
    value_column = definition.value_column
    if name == PARTITION_KEY or (value_column is not None and value_column.name == name):
        return definition
    return dict(definition.parts).get(name)


def _find_same_set(level: Level, others: list[Level], done: Collection[str]) -> Level | None:
    found = [
        other for other in others if other.name not in done and other.definition.set_name == level.definition.set_name
    ]
    found = [other for other in found if other.name == level.name] or found
    if len(found) <= 1:
        return found[0] if found else None
    nearest = [other for other in found if other.depth == found[0].depth]
    if len(nearest) > 1:
        names = [repr(other.name) for other in nearest]
        raise DeclarationError(
            f"{' and '.join(names)} both have the keys of {level.definition.set_name!r}: say which is meant, as in "
            f"nbpart.by({level.name}={names[0]})."
        )
    return nearest[0]


def _names_below(level: Level, levels: list[Level]) -> set[str]:
    """Its name and those of all that it is made of."""
    names = {level.name}
    for other in levels:
        if other.above in names and other.depth > level.depth:
            names.add(other.name)
    return names


def _have_one_kind(reader: PartitionsDefinition, source: PartitionsDefinition, theirs: Level, mine: Level) -> bool:
    if theirs.depth == 0 or any(isinstance(level.definition, TimeWindowPartitions) for level in (theirs, mine)):
        return False
    kinds = [{column.name: column.kind for column in one.columns}.get(theirs.name) for one in (reader, source)]
    return kinds[0] == kinds[1]
