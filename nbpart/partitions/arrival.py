"""How what a mapping reads arrives in a run: as the value of one key, or as the values of many."""

from __future__ import annotations

from nbpart.partitions.columns import ColumnSource
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.mapping import PARTITION_KEY, By, Last, Mapping, Match, Only, Previous, Same, Whole
from nbpart.partitions.mapping_check import expand_mapping


def reads_one(mapping: Mapping, reader: PartitionsDefinition | None, source: PartitionsDefinition | None) -> bool:
    """Whether no key reads more than one key of the input, whichever keys there are, as the mapping itself says.

    So do `same`, `whole`, `previous` and `last` of one, `only` of one, and a `by` that compares all that makes a key of
    the input.
    """
    full = expand_mapping(mapping, reader, source)
    if isinstance(full, Same | Whole):
        return True
    if isinstance(full, Previous | Last):
        return full.n == 1
    if isinstance(full, Only):
        return len(full.keys) == 1
    return isinstance(full, By) and source is not None and _names_one(full, source)


def _names_one(mapping: By, source: PartitionsDefinition) -> bool:
    """Whether all that makes a key of the input is compared, or is one along a mapping of its own."""
    named = {match.theirs for match in mapping.matches if _is_one(match)}
    own = {column.name for column in source.columns if column.source in (ColumnSource.KEY, ColumnSource.PARAMETER)}
    makers = own | {name for name, _ in source.parts}
    return PARTITION_KEY in named or (bool(makers) and makers <= named)


def _is_one(match: Match) -> bool:
    inner = match.mapping
    if inner is None or isinstance(inner, Same):
        return True
    return (isinstance(inner, Previous | Last) and inner.n == 1) or (isinstance(inner, Only) and len(inner.keys) == 1)
