"""What would come of writing to the catalog: it is written, read, and undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from nbpart.catalog import Batch, Catalog

Answer = TypeVar("Answer")


class _Undone(Exception):
    """Ends a transaction, so that nothing of it stays."""


def write_and_undo(catalog: Catalog, work: Callable[[Batch], Answer]) -> Answer:
    """Do work in a transaction of which nothing stays; returns what it returned. Raises what it raises."""
    answers: list[Answer] = []

    def undo(batch: Batch) -> NoReturn:
        answers[:] = [work(batch)]
        raise _Undone

    try:
        catalog.write(undo)
    except _Undone:
        return answers[0]
    raise AssertionError("the transaction was not undone")
