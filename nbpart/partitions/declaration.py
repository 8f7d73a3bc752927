"""What a user may pass as partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbpart.errors import DeclarationError
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.keys import shorten
from nbpart.partitions.static import StaticPartitions


def as_definition(partitions: object) -> PartitionsDefinition | None:
    """Turn what a user passed as ``partitions=`` into a definition.

    That may be a definition, an object with a ``definition``, a list of keys, or None (no partitions, returned as
    None). Raises `DeclarationError` for anything else.
    """
    if partitions is None or isinstance(partitions, PartitionsDefinition):
        return partitions
    if (definition := getattr(partitions, "definition", None)) is not None:
        return as_definition(definition)
    if isinstance(partitions, Iterable) and not isinstance(partitions, str | bytes | Mapping | set | frozenset):
        return StaticPartitions(partitions)
    raise DeclarationError(
        f"partitions={shorten(partitions)} is no partitions definition: pass a list of keys, "
        "nbpart.StaticPartitions([...]), nbpart.DynamicPartitions(name) or what ws.dynamic_partitions(name) returned."
    )


def as_part(partitions: object) -> PartitionsDefinition:
    """`as_definition` for what has to have partitions: a dimension, a parent."""
    definition = as_definition(partitions)
    if definition is None:
        raise DeclarationError("None is no partitions definition: a dimension or parent has keys.")
    return definition
