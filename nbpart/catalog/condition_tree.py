"""The text of a condition as DuckDB parses it, checked against what a condition may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.errors import ConditionError
from nbpart.partitions.filters import CLOCKS, FUNCTIONS, NAMED_FUNCTIONS, NODES, OPERATORS, TYPES, Condition
from nbpart.partitions.keys import shorten

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

#: What stands before the text where it is parsed. Locations in the tree are counted in bytes from its beginning.
_BEFORE = "SELECT 1 FROM t WHERE\n"
_LOGICAL = ("CONJUNCTION", "OPERATOR_NOT")
#: Comparisons by which keys of two sides are found without looking at every pair.
_BOUNDS = ("COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM", "COMPARE_BETWEEN", "COMPARE_LESSTHAN",
           "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHAN", "COMPARE_GREATERTHANOREQUALTO")  # fmt: skip
_EQUALITIES = ("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_IN", "COMPARE_NOT_IN", "COMPARE_DISTINCT_FROM",
               "COMPARE_NOT_DISTINCT_FROM")  # fmt: skip
_NUMERIC_LITERALS = ("INTEGER", "NUMERIC", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT", "INTEGER_LITERAL")
#: What is wrong can hold a name out of the text, as long as this is.
_LONGEST_REASON = 500
#: So many characters may take the place of others; a longer text would be a text of its own.
_MOST_REPLACED = 100
_ARGUMENTS_OF_REPLACE = 3
_INSTEAD = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "a star",
    "LAMBDA": "a lambda",
    "POSITIONAL_REFERENCE": "the number of a column",
    "COLLATE": "a collation",
}


@dataclass(frozen=True, slots=True)
class NamedColumn:
    """A column that a condition names: its name as it was written, and the byte of the text at which that stands."""

    name: str
    place: int | None


@dataclass(frozen=True, slots=True)
class TextWithNumber:
    """A column that is compared with a number, which a column of texts cannot be, and where."""

    column: NamedColumn
    number: str


@dataclass(frozen=True, slots=True)
class EqualText:
    """A text that a column has to be equal to, or must not be; where it stands, None where it was given beside."""

    column: NamedColumn
    text: str
    place: int | None


@dataclass(frozen=True)
class ParsedCondition:
    """A condition whose text holds nothing but what it may.

    ``truths`` are the columns that have to be true by themselves, as ``ok`` in ``ok and lr < 1``. ``compared_columns``
    are compared with each other, somewhere; ``bounds`` are the names on both sides of each equality and range that has
    to hold.
    """

    condition: Condition
    columns: tuple[NamedColumn, ...]
    truths: tuple[NamedColumn, ...]
    numbers: tuple[TextWithNumber, ...]
    texts: tuple[EqualText, ...]
    compared_columns: tuple[tuple[NamedColumn, NamedColumn], ...]
    bounds: tuple[tuple[frozenset[str], frozenset[str]], ...]
    asks_time: bool

    def error(self, what: str, place: int | None) -> ConditionError:
        return make_error(self.condition, what, place)


def make_error(condition: Condition, what: str, place: int | None = None) -> ConditionError:
    """The error that says what is wrong with a condition, and where: at which character, and what stands there."""
    text = condition.text
    at = ""
    if place is not None and 0 <= place <= len(text.encode()):
        before = text.encode()[:place].decode(errors="ignore")
        rest = " ".join(text[len(before) :].split())
        at = f", at character {len(before) + 1}" + (f": {shorten(rest)}" if rest and before.strip() else "")
    what = what if len(what) <= _LONGEST_REASON else f"{what[: _LONGEST_REASON - 1]}…"
    return ConditionError(f"the condition {shorten(condition.describe())} cannot be asked: {what}{at}.")


def parse_condition(batch: Batch, condition: Condition) -> ParsedCondition:
    """The condition, parsed and checked. Raises `ConditionError`, which says what it may not hold and where."""
    return batch.remember(f"condition {condition!r}", lambda: _parse_and_check(batch, condition))


def _parse_and_check(batch: Batch, condition: Condition) -> ParsedCondition:
    where = _parse(batch, condition)
    columns: list[NamedColumn] = []
    numbers: list[TextWithNumber] = []
    texts: list[EqualText] = []
    compared: list[tuple[NamedColumn, NamedColumn]] = []
    asks_time = False
    for node in _walk(where):
        _check_node(condition, node)
        if node["class"] == "COLUMN_REF":
            columns.append(_name_column(condition, node))
        elif node["class"] == "FUNCTION" and str(node["function_name"]).lower() == "now":
            asks_time = True
        elif node["class"] in ("COMPARISON", "BETWEEN") or node["type"] in ("COMPARE_IN", "COMPARE_NOT_IN"):
            numbers += _find_numbers(condition, node)
            compared += _find_compared(condition, node)
        texts += _find_texts(condition, node)
    _check_parameters(condition, where)
    _check_growth(condition, where)
    truths = tuple(_name_column(condition, node) for node in _list_truths(condition, where))
    bounds = tuple(_list_bounds(condition, where))
    return ParsedCondition(
        condition, tuple(columns), truths, tuple(numbers), tuple(texts), tuple(compared), bounds, asks_time
    )


def _parse(batch: Batch, condition: Condition) -> dict[str, Any]:
    """The tree of the condition: the where_clause of a query that is a bare one in all else."""
    tree = _serialize(batch, f"{_BEFORE}{condition.text}\n", condition)
    if tree["error"]:
        if tree.get("error_type") == "not implemented":
            raise make_error(condition, "it holds what no condition may hold")
        message = str(tree.get("error_message", ""))
        if "expression depth" in message or "memory exhausted" in message:
            raise make_error(condition, "it is nested too deeply")
        position = tree.get("position")
        place = int(position) - len(_BEFORE) if position is not None else None
        raise make_error(condition, message.partition(" at or near")[0] or "it cannot be parsed", place)
    bare = batch.remember("bare condition", lambda: _serialize(batch, f"{_BEFORE}true\n", condition))
    if len(tree["statements"]) != 1:
        raise make_error(condition, "it is more than one statement")
    node, model = tree["statements"][0]["node"], bare["statements"][0]["node"]
    for name in node.keys() | model.keys():
        if name != "where_clause" and node.get(name) != model.get(name):
            raise make_error(condition, f"only a condition can stand there, and it holds more ({_spell(name)})")
    where = node["where_clause"]
    assert isinstance(where, dict)
    return where


def _serialize(batch: Batch, sql: str, condition: Condition) -> dict[str, Any]:
    try:
        return dict(json.loads(batch.value("SELECT json_serialize_sql(?)", sql)))
    except RecursionError:
        raise make_error(condition, "it is nested too deeply") from None


def _spell(name: str) -> str:
    return {"modifiers": "ORDER BY, LIMIT or DISTINCT", "type": "a second query"}.get(name, name.replace("_", " "))


def _walk(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of an expression, whatever stands between it and its parent; the outermost first."""
    left: list[Any] = [tree]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            left += reversed(part.values())
        elif isinstance(part, list):
            left += reversed(part)


def _check_node(condition: Condition, node: Mapping[str, Any]) -> None:
    kind, place = str(node["class"]), _find_place(condition, node)
    if kind not in NODES:
        what = _INSTEAD.get(kind, kind.lower().replace("_", " "))
        raise make_error(condition, f"it holds {what}, which no condition may hold", place)
    if kind == "OPERATOR" and node["type"] not in OPERATORS:
        raise make_error(condition, "it holds an operator that no condition may hold", place)
    if kind == "FUNCTION":
        _check_function(condition, node, place)
    if kind in ("CAST", "TYPE"):
        _check_type(condition, node, place)


def _check_function(condition: Condition, node: Mapping[str, Any], place: int | None) -> None:
    name, schema, catalog = (str(node[part]).lower() for part in ("function_name", "schema", "catalog"))
    if name in CLOCKS or (name == "now" and not condition.binds):
        raise _refuse_clock(condition, name, place)
    if name == "row":
        raise make_error(condition, "several values in parentheses are none: compare them one by one", place)
    if name not in FUNCTIONS or schema not in ("", "main") or catalog or (schema and name == "now"):
        written = ".".join(filter(None, (catalog, schema, name)))
        raise make_error(condition, f"{written} is no function that a condition may call", place)
    if name in NAMED_FUNCTIONS and (
        place is None or condition.text.encode()[place : place + 2].strip(b"!")[:1] == b"~"
    ):
        raise make_error(condition, "~ means one thing in DuckDB 1 and another in 2: write regexp_matches(...)", place)


def _check_growth(condition: Condition, where: dict[str, Any]) -> None:
    """Check that no text grows again and again: ten calls of replace make one of gigabytes, which ends a process."""
    for outer in filter(_grows, _walk(where)):
        _, _, new = _list_arguments(outer)
        place = _find_place(condition, outer)
        given = _text_of(new) if "identifier" not in new else dict(condition.values).get(str(new["identifier"]))
        if isinstance(given, str) and len(given) > _MOST_REPLACED:
            raise make_error(condition, f"replace can put in at most {_MOST_REPLACED} characters", place)
        inner = next((node for node in _walk(outer) if node is not outer and _grows(node)), None)
        if inner is not None:
            what = "a replace that makes a text longer may not stand in another one"
            raise make_error(condition, what, _find_place(condition, inner))


def _grows(node: Mapping[str, Any]) -> bool:
    """Whether a node is a call of replace whose result may be longer than the text that it is given."""
    if node["class"] != "FUNCTION" or str(node["function_name"]).lower() != "replace":
        return False
    arguments = _list_arguments(node)
    if len(arguments) != _ARGUMENTS_OF_REPLACE:
        return False  # DuckDB says what is wrong with it
    old, new = (_text_of(one) for one in arguments[1:])
    return old is None or new is None or len(new) > len(old)


def _list_arguments(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arguments of a function; in DuckDB 2 each is the value of a name."""
    return node["children"] if "children" in node else [one["expression"] for one in node["arguments"]]


def _text_of(node: Mapping[str, Any]) -> str | None:
    """The text that a node is; None where it is something else."""
    if node["class"] != "CONSTANT":
        return None
    if "literal" in node:
        return str(node["literal"]["text"]) if node["literal"]["kind"] == "STRING" else None
    return str(node["value"]["value"]) if node["value"]["type"]["id"] == "VARCHAR" else None


def _check_type(condition: Condition, node: Mapping[str, Any], place: int | None) -> None:
    if "cast_type" in node:  # DuckDB 1
        name, nested = str(node["cast_type"]["id"]), (node["cast_type"]["type_info"] or {}).get("type")
        allowed = name.lower() in TYPES and nested in (None, "DECIMAL_TYPE_INFO")
    elif node["class"] == "TYPE":
        name = str(node["type_name"])
        allowed = name.lower() in TYPES and not node["schema"] and not node["catalog"]
    else:
        return
    if not allowed:
        raise make_error(condition, f"{name} is no type that a condition may cast to", place)


def _check_parameters(condition: Condition, where: dict[str, Any]) -> None:
    """Check that what a text binds is what was given."""
    given = dict(condition.values)
    asked = [node for node in _walk(where) if node["class"] == "PARAMETER"]
    for node in asked:
        if node["identifier"] not in given:
            name = str(node["identifier"])
            if not condition.binds:
                raise make_error(condition, "no value can be given beside it: write the value into the text")
            how = f"give its value, where=(text, {{{name!r}: ...}})" if not name.isdecimal() else "name it, as $k"
            raise make_error(condition, f"nothing was given for {'?' if name.isdecimal() else f'${name}'}: {how}")
    for name in given.keys() - {node["identifier"] for node in asked}:
        raise make_error(condition, f"a value was given for ${name}, which it does not hold")


def _name_column(condition: Condition, node: Mapping[str, Any]) -> NamedColumn:
    column = NamedColumn(".".join(node["column_names"]), _find_place(condition, node))
    if column.name.lower() in CLOCKS:
        raise _refuse_clock(condition, column.name, column.place)
    return column


def _refuse_clock(condition: Condition, name: str, place: int | None) -> ConditionError:
    if not condition.binds:
        return make_error(
            condition, f"{name} is another one each time, and what a key reads is not: give a date", place
        )
    return make_error(condition, f"{name} is not the time of the plan: write now(), or now()::date", place)


def _list_truths(condition: Condition, where: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The columns that have to be true by themselves. Raises for a constant in such a place that is no truth value."""
    left = [where]
    while left:
        node = left.pop()
        if node["class"] == "COLUMN_REF":
            yield node
        elif node["class"] == "CONSTANT" and _is_number(node):
            raise make_error(
                condition, "a number is no condition: compare it with something", _find_place(condition, node)
            )
        elif node["class"] in _LOGICAL or node["type"] in _LOGICAL:
            left += node["children"]


def _find_compared(condition: Condition, node: Mapping[str, Any]) -> Iterator[tuple[NamedColumn, NamedColumn]]:
    """The columns that a node compares with its first side, where that is a column."""
    first, *others = _list_sides(node)
    for side in others:
        if first["class"] == side["class"] == "COLUMN_REF":
            yield _name_column(condition, first), _name_column(condition, side)


def _list_bounds(condition: Condition, where: dict[str, Any]) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """The names of columns on both sides of what has to be equal or in a range, for the condition to be true."""
    left = [where]
    while left:
        node = left.pop()
        if node["type"] == "CONJUNCTION_AND":
            left += node["children"]
        elif node["type"] in _BOUNDS:
            first, *others = [
                frozenset(_name_column(condition, one).name for one in _walk(side) if one["class"] == "COLUMN_REF")
                for side in _list_sides(node)
            ]
            yield from ((first, other) for other in others)


def _list_sides(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a comparison compares; the first with each other."""
    names = ("left", "right", "input", "lower", "upper")
    return list(node["children"]) if "children" in node else [node[name] for name in names if name in node]


def _find_numbers(condition: Condition, node: Mapping[str, Any]) -> Iterator[TextWithNumber]:
    """The columns that a node compares with a number."""
    sides = _list_sides(node)
    number = next((side for side in sides if side["class"] == "CONSTANT" and _is_number(side)), None)
    if number is None:
        return
    for side in sides:
        if side["class"] == "COLUMN_REF":
            yield TextWithNumber(_name_column(condition, side), _spell_number(number))


def _find_texts(condition: Condition, node: Mapping[str, Any]) -> Iterator[EqualText]:
    """The texts with one of which a column has to be equal, or with none of which."""
    given = dict(condition.values)
    if node["class"] == "FUNCTION" and node["function_name"] == "contains":  # so DuckDB reads ``status in $some``
        sides = _list_arguments(node)
        if not isinstance(given.get(str(sides[0].get("identifier"))), list):
            return
    elif node["type"] in _EQUALITIES:
        sides = _list_sides(node)
    else:
        return
    for column in (_name_column(condition, side) for side in sides if side["class"] == "COLUMN_REF"):
        for side in sides:
            value = given.get(str(side["identifier"])) if side["class"] == "PARAMETER" else _text_of(side)
            place = None if side["class"] == "PARAMETER" else _find_place(condition, side)
            yield from (EqualText(column, text, place) for text in _as_list(value) if isinstance(text, str))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_number(node: Mapping[str, Any]) -> bool:
    if "literal" in node:
        return node["literal"]["kind"] in _NUMERIC_LITERALS
    return not node["value"]["is_null"] and node["value"]["type"]["id"] in _NUMERIC_LITERALS


def _spell_number(node: Mapping[str, Any]) -> str:
    if "literal" in node:
        return str(node["literal"]["text"])
    kind, value = node["value"]["type"], node["value"]["value"]
    if kind["id"] == "DECIMAL" and isinstance(value, int):
        return str(value / 10 ** kind["type_info"]["scale"])
    return str(value)


def _find_place(condition: Condition, node: Mapping[str, Any]) -> int | None:
    """The byte of the text at which a node begins; None where DuckDB does not say."""
    place = int(node.get("query_location", -1)) - len(_BEFORE)
    return place if 0 <= place < len(condition.text.encode()) else None
