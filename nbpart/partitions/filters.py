"""What chooses partitions by a condition: the record of one, and the list of what its text may hold.

A condition is DuckDB's, over the table that a person sees of the partitions of an asset. Its text is parsed and run in
the catalog; nothing that is not listed here is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from nbpart.errors import ConditionError
from nbpart.partitions.keys import shorten

#: A longer text is no condition that somebody wrote; many values are given as a list.
MOST_CHARACTERS: Final = 100_000
#: What DuckDB calls the nodes of an expression.
NODES: Final = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR",
     "PARAMETER", "TYPE"}
)  # fmt: skip
OPERATORS: Final = frozenset(
    {"OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_CAST",
     "COMPARE_IN", "COMPARE_NOT_IN"}
)  # fmt: skip
#: Functions, and operators that DuckDB makes functions of. Each gives one value of one row, the same whenever it is
#: asked, in a time and of a size that its arguments bound.
FUNCTIONS: Final = frozenset(
    {
        "+", "-", "*", "/", "//", "%", "**", "^", "||", "@", "abs", "ceil", "ceiling", "exp", "floor",
        "greatest", "isfinite", "isinf", "isnan", "least", "ln", "log", "log10", "log2", "mod", "pi", "pow",
        "power", "round", "sign", "sqrt", "trunc", "~~", "!~~", "~~*", "!~~*", "~~~", "like_escape",
        "not_like_escape", "ilike_escape", "not_ilike_escape", "concat", "contains", "ends_with", "instr",
        "lcase", "left", "len", "length", "lower", "ltrim", "position", "prefix", "regexp_extract",
        "regexp_full_match", "regexp_matches", "replace", "right", "rtrim", "split_part", "starts_with",
        "strip_accents", "strpos", "substr", "substring", "suffix", "trim", "ucase", "upper", "century",
        "date_diff", "date_part", "date_trunc", "datediff", "datepart", "datetrunc", "day", "dayname",
        "dayofmonth", "dayofweek", "dayofyear", "epoch", "epoch_ms", "era", "hour", "isodow", "isoyear",
        "last_day", "make_date", "make_timestamp", "minute", "month", "monthname", "now", "quarter", "second",
        "strftime", "timezone", "to_timestamp", "week", "weekday", "weekofyear", "year", "yearweek", "to_days",
        "to_hours", "to_microseconds", "to_milliseconds", "to_minutes", "to_months", "to_quarters",
        "to_seconds", "to_weeks", "to_years", "list_value", "nullif",
    }
)  # fmt: skip
#: Those whose names an operator has too that means something else in each version of DuckDB: only by their names.
NAMED_FUNCTIONS: Final = frozenset({"regexp_matches", "regexp_full_match"})
#: Of these the catalog knows its own: the time that it has is not that of the plan.
CLOCKS: Final = frozenset(
    {"current_timestamp", "current_date", "current_time", "localtime", "localtimestamp", "today",
     "get_current_timestamp", "get_current_time", "transaction_timestamp", "current_localtime",
     "current_localtimestamp"}
)  # fmt: skip
TYPES: Final = frozenset(
    {
        "bigint", "bool", "boolean", "char", "date", "datetime", "decimal", "double", "float", "float4",
        "float8", "hugeint", "int", "int1", "int2", "int4", "int8", "integer", "interval", "long", "numeric",
        "real", "short", "smallint", "string", "text", "time", "timestamp", "timestamptz", "tinyint", "varchar",
        "timestamp with time zone", "double precision", "integer_literal",
    }
)  # fmt: skip
_NAME = re.compile(r"[^\W\d]\w*")
#: Values that JSON has no word for; a datetime is a date too, so it comes first.
_SPELLED = (datetime, date, time, timedelta, Decimal)
_SPELLED_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda seconds: timedelta(seconds=seconds),
    "Decimal": Decimal,
}
_PLAIN = (bool, int, float, str, *_SPELLED)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as somebody gave it: its ``text``, and the value of each ``$name`` in it.

    ``binds``: values and the time can be given beside the text; otherwise it holds all that it compares itself.
    """

    text: str
    values: tuple[tuple[str, Any], ...] = ()
    binds: bool = True

    def describe(self) -> str:
        """The condition in a sentence: its text on one line."""
        return " ".join(self.text.split())

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "values": [[name, _encode(value)] for name, value in self.values]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Condition:
        """Read `to_json` back."""
        return cls(data["text"], tuple((name, _decode(value)) for name, value in data["values"]))


def read_condition(where: object) -> Condition:
    """The condition that is given as a text, as ``("kind = $k", {"k": k})``, or as ``{"shop": ["O'Hare", "Midway"]}``.

    In a dict a column has to be equal to the value or to one of the values in a list; None and nan mean that it has
    none. Raises `ConditionError` for anything else.
    """
    if isinstance(where, Condition):
        return where
    if isinstance(where, str):
        return Condition(_check_text(where))
    if isinstance(where, Mapping):
        return _make_equal(where)
    if isinstance(where, Sequence) and len(where) == 2 and isinstance(where[0], str) and isinstance(where[1], Mapping):
        return Condition(_check_text(where[0]), tuple(_read_value(name, value) for name, value in where[1].items()))
    raise ConditionError(
        f"where={shorten(where)} is no condition: give a text (\"lr < 0.1\"), a dict ({{'shop': ['x', 'y']}}), or a "
        "text with its values ('kind = $k', {'k': 'x'})."
    )


def _check_text(text: str) -> str:
    if not text.strip():
        raise ConditionError("where='' is no condition: leave it out to choose all.")
    if len(text) > MOST_CHARACTERS:
        raise ConditionError(
            f"a condition has at most {MOST_CHARACTERS:,} characters, and this one {len(text):,}: give many values as "
            "a list, where={'shop': [...]}, or as keys=."
        )
    if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise ConditionError("the condition holds a character that no text may have: take it out.")
    return str.__str__(text)


def _encode(value: Any) -> Any:
    """A value of a condition as JSON: what that has no word for as its type and its text."""
    if isinstance(value, list):
        return [_encode(one) for one in value]
    for kind in _SPELLED:
        if isinstance(value, kind):
            text = value.total_seconds() if isinstance(value, timedelta) else str(value)
            return {kind.__name__: text}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(one) for one in value]
    if not isinstance(value, dict):
        return value
    [(name, text)] = value.items()
    return _SPELLED_BY_NAME[name](text)


def _make_equal(wanted: Mapping[Any, Any]) -> Condition:
    if not wanted:
        raise ConditionError("where={} is no condition: leave it out to choose all.")
    texts, values = [], []
    for place, (column, given) in enumerate(wanted.items()):
        if not isinstance(column, str):
            raise ConditionError(f"where={{{shorten(column)}: ...}} names no column: a name is a text.")
        options = _list_options(given)
        known = [value for value in options if not _is_absent(value)]
        quoted = '"' + column.replace('"', '""') + '"'
        ways = [f"{quoted} IS NULL"] if len(known) < len(options) else []
        if len(known) == 1:
            ways.append(f"{quoted} = $value_{place}")
        elif known:
            ways.append(f"{quoted} IN $value_{place}")
        texts.append(f"({' OR '.join(ways) or 'false'})")
        if known:
            values.append(_read_value(f"value_{place}", known[0] if len(known) == 1 else known))
    return Condition(_check_text(" AND ".join(texts)), tuple(values))


def _list_options(given: Any) -> list[Any]:
    """The values of which a column has to have one."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable) or getattr(given, "ndim", 1) == 0:
        return [given]
    return list(given)


def _is_absent(value: Any) -> bool:
    try:
        return value is None or value != value
    except TypeError:  # pandas' NA says neither
        return True


def _read_value(name: Any, value: Any) -> tuple[str, Any]:
    """A value by name as it is bound. Raises `ConditionError`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConditionError(f"the values of a condition have names, as in {{'k': 1}} for $k; {shorten(name)} is none.")
    if isinstance(value, str | bytes) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return name, _to_plain(name, value)
    return name, [_to_plain(name, one) for one in value]


def _to_plain(name: str, value: Any) -> Any:
    if _is_absent(value):
        return None
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    elif type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, _PLAIN):
        raise ConditionError(
            f"the value of ${name} is a {type(value).__name__}, which nothing can be compared with: give a text, a "
            "number, a truth value, a date or a time, or a list of them."
        )
    return str.__str__(value) if isinstance(value, str) else value
