"""The orders in which partitions come: that of their set, the other way round, as they were listed, or by columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from nbpart.errors import DeclarationError
from nbpart.partitions.keys import shorten

OLDEST, NEWEST, AS_LISTED = "oldest", "newest", "as_listed"
#: The orders that are words.
WORDS: Final = (OLDEST, NEWEST, AS_LISTED)
#: A column, by its name or that in quotes, and which way.
_TERM = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\W\d][\w.]*))(?:\s+(asc|desc))?\s*(,|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OrderColumn:
    """A column by which partitions are ordered; what has no value in it comes last, either way."""

    name: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order as somebody gave it: its ``text``, one of `WORDS` or the ``columns``, of which the first counts most.

    What is equal in all columns comes in the order of its set.
    """

    text: str
    columns: tuple[OrderColumn, ...] = ()

    @property
    def is_as_listed(self) -> bool:
        return self.text == AS_LISTED


def read_order(order: object) -> Order:
    """The order that a text means: ``"newest"``, ``"oldest"``, ``"as_listed"``, or columns as in ``"depth, lr desc"``.

    None is ``"oldest"``, the order of the set. Raises `DeclarationError` for anything else.
    """
    if isinstance(order, Order):
        return order
    text = OLDEST if order is None else order
    if not isinstance(text, str):
        raise _refuse(order)
    if text in WORDS:
        return Order(text)
    columns: list[OrderColumn] = []
    end, comma = 0, ","
    while comma:
        term = _TERM.match(text, end)
        if term is None:
            raise _refuse(order)
        quoted, plain, way, comma = term.groups()
        name = quoted.replace('""', '"') if quoted else plain
        columns.append(OrderColumn(name, (way or "").lower() == "desc"))
        end = term.end()
    return Order(" ".join(text.split()), tuple(columns))


def _refuse(order: object) -> DeclarationError:
    return DeclarationError(
        f"order={shorten(order)} is none: give 'newest', 'oldest', 'as_listed', or columns as in 'depth, lr desc'."
    )
