"""The columns of a set of partitions: what each is called, which values it has, and where these come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from nbpart.errors import DeclarationError
from nbpart.partitions.parameters import Parameters
from nbpart.partitions.values import Kind


class ColumnSource(StrEnum):
    """Where the values of a column come from."""

    KEY = "key"  # the key itself, as a typed value; of a child its own part, without the parent
    PARAMETER = "parameter"  # a declared parameter, which is in the key
    ATTRIBUTE = "attribute"  # a declared column, which is not
    WINDOW_START = "window_start"
    WINDOW_END = "window_end"
    WINDOW_LOCAL = "window_local"  # the start as the clock in the set's zone shows it: a date, or a time without offset
    PART = "part"  # a dimension or a parent


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a set.

    Where ``source`` is PART the values belong to a dimension or parent: ``part`` is the name that it has here, ``of``
    the column there, None for the text of its key.
    """

    name: str
    kind: Kind
    source: ColumnSource
    part: str | None = None
    of: Column | None = None

    @property
    def plain_kind(self) -> Kind | None:
        """The kind of its values; None for starts and ends of windows, which are times with their offset."""
        inner = self
        while inner.of is not None:
            inner = inner.of
        return None if inner.source in (ColumnSource.WINDOW_START, ColumnSource.WINDOW_END) else inner.kind

    @property
    def origin(self) -> str:
        """Where it comes from, for a message: ``parameter 'lr' of 'trial'``, ``'trial'``."""
        if self.source is not ColumnSource.PART:
            return f"its {_WORDS[self.source]}"
        if self.of is None or self.of.source in (ColumnSource.KEY, ColumnSource.WINDOW_LOCAL):
            return repr(self.part)
        inner = self.of
        while inner.of is not None:
            inner = inner.of
        word = "key" if inner.source is ColumnSource.PART else _WORDS[inner.source]
        return f"the {word} {inner.name!r} of {self.part!r}"


_WORDS = {
    ColumnSource.KEY: "key",
    ColumnSource.PARAMETER: "parameter",
    ColumnSource.ATTRIBUTE: "column",
    ColumnSource.WINDOW_START: "window's start",
    ColumnSource.WINDOW_END: "window's end",
    ColumnSource.WINDOW_LOCAL: "window's date",
}


def declared_columns(declared: Parameters | None, source: ColumnSource) -> tuple[Column, ...]:
    """The columns of declared parameters or attributes."""
    return tuple(Column(one.name, one.kind, source) for one in declared or ())


def columns_of_part(part: str, columns: Iterable[Column], value_column: Column | None) -> tuple[Column, ...]:
    """The columns that a dimension or parent with these ``columns`` gives to a set in which it is called ``part``.

    Its ``value_column``, or else the text of its key, is called ``part``, start and end of its window ``<part>_start``
    and ``<part>_end``; the others keep their names.
    """
    kind = Kind.STR if value_column is None else value_column.kind
    found = [Column(part, kind, ColumnSource.PART, part, value_column)]
    renamed = {ColumnSource.WINDOW_START: f"{part}_start", ColumnSource.WINDOW_END: f"{part}_end"}
    for column in columns:
        if column != value_column:
            name = renamed.get(column.source, column.name)
            found.append(Column(name, column.kind, ColumnSource.PART, part, column))
    return tuple(found)


def check_columns(columns: Iterable[Column], reserved: Iterable[str] = ()) -> tuple[Column, ...]:
    """Return ``columns`` if each has a name of its own, whatever its case, and none of ``reserved``.

    Raises `DeclarationError`, which says where both columns come from.
    """
    found: dict[str, Column] = {}
    kept = {name.casefold() for name in reserved}
    for column in columns:
        other = found.setdefault(column.name.casefold(), column)
        if other is not column:
            case = "" if other.name == column.name else ", but for its case"
            raise DeclarationError(
                f"two columns would have the name {column.name!r}{case}, one from {other.origin} and one from "
                f"{column.origin}: rename one of them."
            )
        is_window = column.of is not None and column.of.source in (ColumnSource.WINDOW_START, ColumnSource.WINDOW_END)
        if column.name.casefold() in kept and not is_window:
            raise DeclarationError(
                f"the column {column.name!r}, from {column.origin}, has a name that is kept for the window of a "
                "dimension: rename it."
            )
    return tuple(found.values())
