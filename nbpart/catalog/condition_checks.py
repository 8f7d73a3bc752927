"""What can be wrong with a condition that parses: kinds that do not compare, and what DuckDB says when it runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from nbpart.catalog.condition_tree import ParsedCondition, make_error
from nbpart.errors import ConditionError, nearest
from nbpart.partitions.filters import Condition
from nbpart.partitions.values import Kind

_LINE = re.compile(r"\n+LINE (\d+): (.*)\n( *)\^", re.DOTALL)
_WORDS = {Kind.STR: "texts", Kind.INT: "whole numbers", Kind.FLOAT: "numbers", Kind.BOOL: "truth values",
          Kind.DATE: "dates", Kind.DATETIME: "times", None: "times"}  # fmt: skip


def check_kinds(parsed: ParsedCondition, kinds: Mapping[str, Kind | None]) -> None:
    """Raise for a text that is compared with a number, and for what stands alone and is no truth value.

    ``kinds`` has the kind of each column by its name as it was written; None are times with their offset.
    """
    for compared in parsed.numbers:
        if kinds[compared.column.name] is Kind.STR:
            what = f"{compared.column.name} has texts, which are no numbers: write '{compared.number}'"
            raise parsed.error(what, compared.column.place)
    for named in parsed.truths:
        if (kind := kinds[named.name]) is not Kind.BOOL:
            what = f"{named.name} has {_WORDS[kind]}, which are no condition: compare it with something"
            raise parsed.error(what, named.place)


def check_words(parsed: ParsedCondition, column: str, words: Collection[str]) -> None:
    """Raise for a text that a column, which has nothing but some ``words``, can never be equal to."""
    for one in parsed.texts:
        if one.column.name.lower() == column and one.text not in words:
            error = parsed.error(f"{column} is never {one.text!r}", one.place)
            raise ConditionError(f"{error} {nearest(one.text, words).capitalize()}")


def check_compared(parsed: ParsedCondition, kinds: Mapping[str, Kind | None]) -> None:
    """Raise for a column of texts that is compared with one that has none, which are never equal."""
    for one, other in parsed.compared_columns:
        left, right = kinds[one.name], kinds[other.name]
        if left is not right and Kind.STR in (left, right):
            what = f"{one.name} has {_WORDS[left]} and {other.name} has {_WORDS[right]}: compare columns of one type"
            raise parsed.error(what, one.place)


@contextmanager
def name_errors(condition: Condition, when_late: str) -> Iterator[None]:
    """Raise `ConditionError` where running a condition fails because of it, or, with ``when_late``, takes too long."""
    try:
        yield
    except TimeoutError:
        raise make_error(condition, when_late) from None
    except Exception as error:
        if (explained := _explain(condition, error)) is None:
            raise
        raise explained from None


def _explain(condition: Condition, error: Exception) -> ConditionError | None:
    """The error of DuckDB in one sentence with its place in the text; None for one that is not about the condition."""
    import duckdb

    if not isinstance(error, duckdb.DataError | duckdb.ProgrammingError | duckdb.NotSupportedError):
        return None
    text = str(error)
    message = text.partition("\n")[0].partition(": ")[2].replace("_LITERAL", "").strip().rstrip(".")
    message = message.removesuffix(" You might need to add explicit type casts").rstrip(".")
    return make_error(condition, message or text, _find_place(condition, text))


def _find_place(condition: Condition, message: str) -> int | None:
    """The byte of the text that a message of DuckDB points at; None where it shows a part of a long line only."""
    found = _LINE.search(message)
    if found is None:
        return None
    number, shown, indent = int(found[1]) - 2, found[2], len(found[3]) - len(f"LINE {found[1]}: ")
    lines = condition.text.split("\n")
    cut = "..." if shown.startswith("...") else ""  # of a long line only a part is shown
    core = shown.removeprefix(cut).removesuffix("...") if shown not in lines else shown
    if not 0 <= number < len(lines) or core not in lines[number] or indent < len(cut):
        return None
    column = lines[number].index(core) + indent - len(cut)
    return len("\n".join([*lines[:number], lines[number][:column]]).encode())
