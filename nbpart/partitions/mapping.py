"""Which keys of an input a partition reads."""

from __future__ import annotations

from enum import StrEnum


class Mapping(StrEnum):
    """How a partition reads an input."""

    SAME = "same"  # both have the same set: the partition of the same key
    WHOLE = "whole"  # the input has no partitions: all of it
    ALL = "all"  # the input has another set: every partition of it


def default_mapping(downstream: str, upstream: str) -> Mapping:
    """How an asset split by the set ``downstream`` reads an input split by ``upstream``; ``""`` is no set."""
    if not upstream:
        return Mapping.WHOLE
    return Mapping.SAME if downstream == upstream else Mapping.ALL
