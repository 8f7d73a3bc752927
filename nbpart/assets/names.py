"""The names that Python code uses, and fingerprints of code that ignore its layout; for versions and carrying."""

from __future__ import annotations
import __future__

import ast
import copy
import dis
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import TypeGuard

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_READS = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
_RUN_AT_ONCE = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
_WITHOUT_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_DECLARING = frozenset({"asset", "sensor", "check", "on_failure", "on_late"})
_OF_EVERY_MODULE = frozenset(
    {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__", "__debug__"}
)
_OF_THE_COMPILER = frozenset(
    {"__annotations__", "__conditional_annotations__", "__classdict__", "__class__", "__module__", "__qualname__"}
)
_EVERYWHERE = _OF_EVERY_MODULE | _OF_THE_COMPILER


@dataclass(frozen=True, slots=True)
class GlobalNames:
    """The names that a statement takes from its module, each tuple in the order of the code.

    ``needed`` are read when it is executed or called, ``early`` (a subset) as soon as it is executed. ``hinted`` stand
    in annotations that may never be evaluated. ``assigned`` are bound by a ``global`` statement inside a function.
    """

    needed: tuple[str, ...]
    early: frozenset[str]
    hinted: tuple[str, ...]
    assigned: frozenset[str]


@lru_cache(maxsize=512)
def parse(source: str) -> ast.Module:
    """The syntax tree of a source; shared between callers, so never to be changed. Raises SyntaxError."""
    try:
        return ast.parse(source)
    except ValueError as error:  # a null byte
        raise SyntaxError(str(error)) from error


def global_names(statement: ast.stmt, *, deferred: bool = False) -> GlobalNames:
    """The names that one statement takes from its module.

    ``deferred`` says that ``from __future__ import annotations`` holds for it. Raises SyntaxError for what cannot
    stand alone, such as a function with ``nonlocal``.
    """
    code = _compile(statement, deferred)
    needed: dict[str, None] = {}
    early: set[str] = set()
    assigned: set[str] = set()
    for scope, at_once in _scopes(code):
        reads = list(_reads(scope))
        needed.update(dict.fromkeys(reads))
        if at_once:
            early.update(reads)
        else:
            assigned.update(i.argval for i in dis.get_instructions(scope) if i.opname == "STORE_GLOBAL")
    hinted = dict.fromkeys(name for name in _annotation_names(statement) if name not in needed)
    return GlobalNames(tuple(needed), frozenset(early), tuple(hinted), frozenset(assigned))


def bound_names(statement: ast.stmt) -> tuple[str, ...]:
    """The names that a statement binds in the module it stands in, whatever kind of statement it is."""
    if isinstance(statement, _DEFINITIONS):
        return (statement.name,)
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return tuple(name_of_alias(alias) for alias in statement.names if alias.name != "*")
    stores = (i.argval for i in dis.get_instructions(_compile(statement, True)) if i.opname == "STORE_NAME")
    return tuple(dict.fromkeys(stores))


def touched_names(statement: ast.stmt) -> tuple[str, ...]:
    """The names whose objects a statement changes in place: ``X[k] = v``, ``X.a = v``, ``X.append(v)``."""
    if isinstance(statement, _DEFINITIONS):
        return ()
    touched: dict[str | None, None] = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            touched[root_name(node)] = None
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            touched[root_name(called) if isinstance(called, ast.Attribute) else None] = None
    return tuple(name for name in touched if name is not None)


def root_name(node: ast.expr) -> str | None:
    """``a`` of ``a.b[0].c``; None where the chain does not start at a name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def name_of_alias(alias: ast.alias) -> str:
    """The name that an import binds: ``os`` for ``import os.path``."""
    return alias.asname or alias.name.partition(".")[0]


def dotted_chains(tree: ast.AST) -> set[str]:
    """Every ``a.b.c`` that is written in a tree, with its beginnings (``a.b``)."""
    chains = (_dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {chain for chain in chains if chain}


def list_declaring(node: ast.AST) -> list[ast.expr]:
    """The decorators of a definition that declare an asset, a check or a sensor of nbpart, judged by their spelling."""
    return [d for d in getattr(node, "decorator_list", ()) if _declares(d, node)]


def _declares(decorator: ast.expr, node: ast.AST) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""
    # a method under @pandera.check is none of ours
    return name in _DECLARING and not (name == "check" and _is_method(node))


def _is_method(node: ast.AST) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args] if isinstance(node, _FUNCTIONS) else []
    return bool(arguments) and arguments[0].arg in ("cls", "self")


def without_declarations(statement: ast.stmt) -> ast.stmt:
    """A function without the decorators that declare it as an asset; any other statement as it is."""
    if not isinstance(statement, _FUNCTIONS):
        return statement
    bare = copy.copy(statement)
    declaring = list_declaring(statement)
    bare.decorator_list = [d for d in statement.decorator_list if d not in declaring]
    return bare


def fingerprint(*nodes: ast.AST) -> str:
    """Text that is equal for code that means the same: without layout, comments, docstrings and asset decorators.

    It does not depend on the version of Python as ``ast.dump`` does, nor on how deep expressions are nested.
    """
    parts: list[str] = []
    pending: list[ast.AST | str] = list(reversed(nodes))
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        parts.append(f"{type(item).__name__}(")
        pending.append(")")
        pending.extend(reversed(list(_fields(item))))
    return "".join(parts)


def _fields(node: ast.AST) -> Iterator[ast.AST | str]:
    for field, value in ast.iter_fields(node):
        is_constant = isinstance(node, ast.Constant) and field == "value"
        if isinstance(value, list):
            value = _meaningful(node, field, value)
        if field in _WITHOUT_MEANING or ((value is None or value == []) and not is_constant):
            continue
        yield f"{field}="
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list):
            yield "["
            for item in value:
                yield item if isinstance(item, ast.AST) else f"{item!r},"
            yield "]"
        else:
            yield f"{value!r},"


def _meaningful(node: ast.AST, field: str, items: list[ast.AST]) -> list[ast.AST]:
    if field == "decorator_list":
        declaring = list_declaring(node)
        return [d for d in items if d not in declaring]
    if field == "targets" and isinstance(node, ast.Delete):  # a formatter takes the parentheses off ``del (a, b)``
        return [one for target in items for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    if field == "body" and items and isinstance(node, (*_DEFINITIONS, ast.Module)) and _is_docstring(items[0]):
        return items[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return items


def _is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _compile(statement: ast.stmt, deferred: bool) -> CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | (__future__.annotations.compiler_flag if deferred else 0)
    module = ast.Module(body=[without_declarations(statement)], type_ignores=[])
    code: CodeType = compile(module, "<names>", "exec", flags=flags, dont_inherit=True, optimize=0)
    return code


def _scopes(code: CodeType, at_once: bool = True) -> Iterator[tuple[CodeType, bool]]:
    """A code object and those inside it; with each, whether it runs as soon as the outermost one does."""
    yield code, at_once
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            is_function = constant.co_flags & inspect.CO_OPTIMIZED and constant.co_name not in _RUN_AT_ONCE
            yield from _scopes(constant, at_once and not is_function)


def _reads(code: CodeType) -> Iterator[str]:
    stored: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME":
            stored.add(instruction.argval)
        elif instruction.opname in _READS and instruction.argval not in stored | _EVERYWHERE:
            yield instruction.argval


def _annotation_names(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in annotations:
            if isinstance(annotation, ast.expr):
                yield from _names_in_annotation(annotation)


def _names_in_annotation(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                spelled = ast.parse(node.value, mode="eval").body
            except (SyntaxError, ValueError):
                continue  # text of a Literal, not a forward reference
            yield from (inner.id for inner in ast.walk(spelled) if isinstance(inner, ast.Name))


def _dotted(node: ast.Attribute) -> str | None:
    parts: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    return ".".join([at.id, *reversed(parts)]) if isinstance(at, ast.Name) else None
