"""What all partitions definitions have in common."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError
from nbpart.partitions.columns import Column
from nbpart.partitions.parameters import Parameters


class PartitionsDefinition(ABC):
    """Which keys there are, and which columns they have: a small object that never changes.

    ``name`` is None where nobody gave one. ``parameters`` are those that make a key, ``attributes`` the declared
    columns that do not.
    """

    kind: ClassVar[str]
    name: str | None
    parameters: Parameters | None = None
    attributes: Parameters | None = None

    @property
    @abstractmethod
    def set_name(self) -> str:
        """The name of its set of keys in a workspace."""

    @property
    @abstractmethod
    def columns(self) -> tuple[Column, ...]:
        """All columns of its keys, in the order in which they are shown."""

    @property
    def value_column(self) -> Column | None:
        """The column that holds a whole key as a typed value or a date; None where there is none."""
        return None

    @property
    def parts(self) -> tuple[tuple[str, PartitionsDefinition], ...]:
        """The definitions that its keys are made of, with the names that they have here: dimensions, or the parent."""
        return ()

    @abstractmethod
    def spell_key(self, key: object) -> str:
        """The canonical text of one key, given as text in any form or by its values.

        Raises `PartitionKeyError`, `ParameterError`, and `UnknownNameError` for one that cannot be a key of it.
        """


@contextlib.contextmanager
def name_partitions_in_errors(definition: PartitionsDefinition) -> Iterator[None]:
    """Put the name of the partitions before the message of a key or parameter error that is raised inside."""
    try:
        yield
    except (ParameterError, PartitionKeyError) as error:
        label = f"Partitions {definition.name!r}: "
        if definition.name is None or str(error).startswith(label):
            raise
        raise type(error)(f"{label}{error}") from None


@contextlib.contextmanager
def label_declaration(label: str) -> Iterator[None]:
    """Put what is declared, as ``Partitions 'days'``, before the message of what is wrong with its declaration."""
    try:
        yield
    except DeclarationError as error:
        raise DeclarationError(f"{label}: {error}") from None
