"""The partition mappings by which assets are registered: which keys of an input a partition reads."""

from __future__ import annotations

from enum import StrEnum


class MappingKind(StrEnum):
    """Which keys of an input a partition reads: the same key, the input without partitions, or all keys."""

    SAME = "same"  # both have the same set: the partition of the same key
    WHOLE = "whole"  # the input has no partitions: all of it
    ALL = "all"  # the input has another set: every partition of it


def default_mapping_kind(downstream: str, upstream: str) -> MappingKind:
    """The mapping of an asset with the set ``downstream`` and an input with the set ``upstream``; ``""`` is no set."""
    if not upstream:
        return MappingKind.WHOLE
    return MappingKind.SAME if downstream == upstream else MappingKind.ALL
