"""Reading a parameters cell: which variables a notebook lets others set, with their defaults and types."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nbpart.assets.cells import has_tag, parse_cell, source_of
from nbpart.errors import DeclarationError

_TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "date": datetime.date,
    "datetime": datetime.datetime,
}


@dataclass(frozen=True, slots=True)
class ParameterDefault:
    """A variable of a parameters cell.

    ``value`` is its default where ``has_value``; without it the default is an expression that only running it can
    tell, or there is none. ``annotation`` is the written type. ``type`` is what a partition parameter would be
    declared as (``int``, ``float``, ``str``, ``bool``, ``date``, ``datetime``, ``Literal[...]``, ``X | None``), by the
    annotation or else by the value; None where neither tells.
    """

    name: str
    value: Any
    annotation: str | None
    type: Any
    has_value: bool


def read_parameters_cell(notebook: Mapping[str, Any], where: str = "the notebook") -> dict[str, ParameterDefault]:
    """The variables of the first cell tagged ``parameters``, in order; none where the notebook has no such cell.

    As for papermill, that cell is the place behind which values are put, whatever its kind, and cells that are tagged
    too are ordinary ones. ``where`` names the notebook in errors. Raises DeclarationError where the cell is not Python,
    and where another tagged cell assigns one of its variables again: what is given would be undone.
    """
    tagged = [(number, cell) for number, cell in enumerate(notebook.get("cells", ()), 1) if has_tag(cell, "parameters")]
    if not tagged or _language(notebook) != "python":
        return {}
    number, first = tagged[0]
    found = _read_variables(_parse(first, number, where)) if first.get("cell_type") == "code" else {}
    for later, cell in tagged[1:]:
        if cell.get("cell_type") == "code":
            again = _read_variables(_parse(cell, later, where))
            # behind a Markdown cell all that a tagged cell assigns would undo what is put between them
            if undone := [name for name in again if name in found or first.get("cell_type") != "code"]:
                raise DeclarationError(
                    f"cells {number} and {later} of {where} are both tagged 'parameters', and the second assigns "
                    f"{undone[0]!r} again, which would undo the value that a run is given; take the tag off one of "
                    "them, and the assignment out of the second."
                )
    return found


def _parse(cell: Mapping[str, Any], number: int, where: str) -> ast.Module:
    source = source_of(cell)
    if parse_cell(source) is None:
        raise DeclarationError(
            f"cell {number} of {where}, tagged 'parameters', is not valid Python{_place(source)}; mend it."
        )
    return _tree_with_type_comments(source)


def _place(source: str) -> str:
    try:
        ast.parse(source)
    except SyntaxError as error:
        return f" ({f'line {error.lineno}: ' if error.lineno else ''}{error.msg})"
    return ""


def _read_variables(tree: ast.Module) -> dict[str, ParameterDefault]:
    found: dict[str, ParameterDefault] = {}
    annotations: dict[str, ast.expr] = {}
    for name, value, annotation in _assignments(tree):
        if annotation is not None:
            annotations[name] = annotation
        found[name] = _default(name, value, annotations.get(name))
    return found


def _language(notebook: Mapping[str, Any]) -> str:
    metadata = notebook.get("metadata", {})
    named = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    return "python" if named in (None, "ipython", "python3") else str(named).lower()


def _tree_with_type_comments(source: str) -> ast.Module:
    try:
        return ast.parse(source, type_comments=True)
    except SyntaxError:  # magics, or a comment that only looks like a type
        tree = parse_cell(source)
        assert tree is not None
        return tree


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    """Each variable that the cell assigns, with the expression of its whole value, if there is one, and annotation."""
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.value, statement.annotation
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, None, None
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                for name, value in _pairs(target, statement.value):
                    yield name, value, _expression(statement.type_comment)


def _pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List):
        items: list[ast.expr | None] = list(value.elts) if isinstance(value, ast.Tuple | ast.List) else []
        if len(items) != len(target.elts) or any(isinstance(e, ast.Starred) for e in (*target.elts, *items)):
            items = [None] * len(target.elts)
        for inner, item in zip(target.elts, items, strict=True):
            yield from _pairs(inner.value if isinstance(inner, ast.Starred) else inner, item)


def _expression(text: str | None) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body if text else None
    except SyntaxError:
        return None


def _default(name: str, value: ast.expr | None, annotation: ast.expr | None) -> ParameterDefault:
    has_value, known = _evaluate(value)
    written = None if annotation is None else ast.unparse(annotation)
    kind = None if annotation is None else _type_of_annotation(annotation)
    if kind is None and has_value and type(known) in _TYPES.values():
        kind = type(known)
    if kind is float and type(known) is int:
        known = float(known)
    return ParameterDefault(name, known, written, kind, has_value)


def _evaluate(node: ast.expr | None) -> tuple[bool, Any]:
    """Whether an expression is a literal or a date, and its value."""
    if node is None:
        return False, None
    try:
        return True, _evaluate_date(node) if isinstance(node, ast.Call) else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, OverflowError):
        return False, None


def _evaluate_date(call: ast.Call) -> datetime.date:
    written = ast.unparse(call.func).split(".")
    by_text = written[-1] == "fromisoformat"
    kind = _TYPES.get(written[-2] if by_text and len(written) > 1 else written[-1])
    if kind not in (datetime.date, datetime.datetime):
        raise ValueError(f"{ast.unparse(call.func)} makes no date")
    arguments = [ast.literal_eval(a) for a in call.args]
    keywords = {k.arg or "**": ast.literal_eval(k.value) for k in call.keywords}
    made: datetime.date = (kind.fromisoformat if by_text else kind)(*arguments, **keywords)
    return made


def _type_of_annotation(node: ast.expr) -> Any:
    """The type that an annotation stands for, or None for one that no partition key can carry."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            inner = _expression(node.value)
            return None if inner is None else _type_of_annotation(inner)
        return None
    if isinstance(node, ast.Name | ast.Attribute):
        return _TYPES.get(ast.unparse(node).rpartition(".")[2])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _optional([node.left, node.right])
    if isinstance(node, ast.Subscript):
        return _type_of_subscript(node)
    return None


def _type_of_subscript(node: ast.Subscript) -> Any:
    items = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    written = ast.unparse(node.value).rpartition(".")[2]
    if written == "Literal":
        has_values, choices = _evaluate(ast.Tuple(items, ast.Load()))
        return Literal[choices] if has_values else None
    if written == "Optional":
        return _optional([*items, ast.Constant(None)])
    return _optional(items) if written == "Union" else None


def _optional(items: list[ast.expr]) -> Any:
    """``X | None`` for one X; a union of more has no place in a key."""
    nothing = [i for i in items if isinstance(i, ast.Constant) and i.value is None]
    rest = [_type_of_annotation(i) for i in items if i not in nothing]
    if len(nothing) != 1 or len(rest) != 1 or rest[0] is None:
        return None
    return rest[0] | None
