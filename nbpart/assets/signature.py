"""The signature of a function, read from its file without importing anything."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbpart.assets.carrying.comparison import find_code, is_same_code
from nbpart.assets.code import module_of_function, statements_named_by
from nbpart.assets.modules.imports import ImportNode, imports_of
from nbpart.assets.modules.local_modules import LocalModule
from nbpart.assets.names import fingerprint, list_declaring, parse
from nbpart.assets.sources import plain_function
from nbpart.errors import DeclarationError

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


class UnreadDefault:
    """The default of an argument whose value is known only after importing the module."""


UNREAD = UnreadDefault()


@dataclass(frozen=True, slots=True)
class WrittenFunction:
    """A function as it is written in the source of its module.

    ``changed_modules`` are the modules of which something may have changed since it was last read.
    """

    module: LocalModule
    node: FunctionNode
    changed_modules: frozenset[str] = frozenset()

    @property
    def is_async(self) -> bool:
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def description(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def declaration(self) -> str:
        """The fingerprint of its decorators that declare an asset, without layout."""
        return fingerprint(*list_declaring(self.node))

    def signature(self, before: WrittenFunction | None, defaults: Mapping[str, Any]) -> inspect.Signature:
        """Its arguments. A default that the file does not show is ``UNREAD``.

        ``before`` is the function as it was when its ``defaults`` were known: one that is made of the same code has the
        same value still.
        """
        earlier = _defaults_of(before.node) if before is not None else {}
        arguments = []
        for name, kind, expression in _arguments(self.node):
            default = inspect.Parameter.empty
            if expression is not None:
                default = self._read_default(expression)
                is_known = before is not None and name in defaults and name in earlier
                if default is UNREAD and is_known and before is not None:
                    is_same = _is_same_default(earlier[name], before, expression, self)
                    default = defaults[name] if is_same else UNREAD
            arguments.append(inspect.Parameter(name, kind, default=default))
        return inspect.Signature(arguments)

    def _read_default(self, expression: ast.expr) -> Any:
        """The value of a literal, or of a name that the module binds once, to a literal; else UNREAD."""
        try:
            return ast.literal_eval(expression)
        except (ValueError, TypeError, SyntaxError):
            pass  # no literal: it may be a name for one
        if not isinstance(expression, ast.Name):
            return UNREAD
        try:
            [(_, statement)] = statements_named_by(expression.id, self.module)
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
                return UNREAD
            return ast.literal_eval(statement.value)
        except (ValueError, TypeError, SyntaxError, DeclarationError):
            return UNREAD


def find_written_function(
    module: LocalModule, qualname: str, changed_modules: frozenset[str] = frozenset()
) -> WrittenFunction | None:
    """The ``def`` of a function, or of a function of a class, at the top of a module; None where there is none.

    Raises SyntaxError where the module is not Python.
    """
    body: Sequence[ast.stmt] = parse(module.source).body
    *classes, name = qualname.split(".")
    for each in classes:
        found = [node for node in _at_top(body) if isinstance(node, ast.ClassDef) and node.name == each]
        if not found:
            return None
        body = found[-1].body
    functions = [node for node in _at_top(body) if isinstance(node, FunctionNode) and node.name == name]
    return WrittenFunction(module, functions[-1], changed_modules) if functions else None


def is_same_call(before: WrittenFunction, now: WrittenFunction) -> bool:
    """Whether both have the same arguments, in the same order, with defaults that are the same code."""
    if before.is_async != now.is_async or len(list(_arguments(before.node))) != len(list(_arguments(now.node))):
        return False
    pairs = zip(_arguments(before.node), _arguments(now.node), strict=True)
    return all(
        one[:2] == other[:2]
        and (one[2] is None) == (other[2] is None)
        and (one[2] is None or other[2] is None or _is_same_default(one[2], before, other[2], now))
        for one, other in pairs
    )


def current_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of an importable function; that of its file where this process imported an earlier one.

    Raises SyntaxError where the file is not Python.
    """
    written = find_written_function(module_of_function(function), function.__qualname__)
    if written is None or _is_alike(inspect.signature(plain_function(function)), written.signature(None, {})):
        return inspect.signature(function)
    return written.signature(None, {})


def is_imported_earlier(function: Callable[..., Any], module: LocalModule) -> bool:
    """Whether this process imported a function before the file of its module was edited to another one.

    Raises SyntaxError where the file is not Python.
    """
    plain = plain_function(function)
    code = find_code(module.source, str(module.path), plain.__qualname__)
    written = find_written_function(module, plain.__qualname__)
    if code is None or written is None:
        return False
    is_alike = _is_alike(inspect.signature(plain), written.signature(None, {}))
    return not is_alike or not is_same_code(plain.__code__, code)


def _is_alike(live: inspect.Signature, written: inspect.Signature) -> bool:
    one, other = live.parameters, written.parameters
    return list(one) == list(other) and all(
        one[name].kind is other[name].kind
        and (one[name].default is argument.empty) == (argument.default is argument.empty)
        and (argument.default is UNREAD or _is_equal(one[name].default, argument.default))
        for name, argument in other.items()
    )


def _is_equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _is_same_default(one: ast.expr, before: WrittenFunction, other: ast.expr, now: WrittenFunction) -> bool:
    code = _code_of(other, now)
    return code is not None and code == _code_of(one, before)


def _arguments(node: FunctionNode) -> Iterator[tuple[str, Any, ast.expr | None]]:
    """Name, kind and default of each argument."""
    spelled, kinds = node.args, inspect.Parameter
    positional = [*spelled.posonlyargs, *spelled.args]
    none: list[ast.expr | None] = [None] * (len(positional) - len(spelled.defaults))
    for place, (argument, default) in enumerate(zip(positional, [*none, *spelled.defaults], strict=True)):
        is_only = place < len(spelled.posonlyargs)
        yield argument.arg, kinds.POSITIONAL_ONLY if is_only else kinds.POSITIONAL_OR_KEYWORD, default
    if spelled.vararg is not None:
        yield spelled.vararg.arg, kinds.VAR_POSITIONAL, None
    for argument, default in zip(spelled.kwonlyargs, spelled.kw_defaults, strict=True):
        yield argument.arg, kinds.KEYWORD_ONLY, default
    if spelled.kwarg is not None:
        yield spelled.kwarg.arg, kinds.VAR_KEYWORD, None


def _defaults_of(node: FunctionNode) -> dict[str, ast.expr]:
    return {name: default for name, _, default in _arguments(node) if default is not None}


def _code_of(expression: ast.expr, written: WrittenFunction) -> tuple[str, ...] | None:
    """An expression with all that it names in its module; None where something of that may have changed elsewhere."""
    parts: set[str] = {fingerprint(expression)}
    for name in {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}:
        try:
            statements = statements_named_by(name, written.module)
        except DeclarationError:  # of Python
            continue
        imports = (found for _, statement in statements for found in imports_of(statement))
        if any(_imports_changed(found, written.changed_modules) for found in imports):
            return None
        parts |= {f"{name}:{fingerprint(statement)}" for name, statement in statements}
    return tuple(sorted(parts))


def _imports_changed(found: ImportNode, changed_modules: frozenset[str]) -> bool:
    if isinstance(found, ast.ImportFrom) and found.level:
        return bool(changed_modules)
    named = [found.module or ""] if isinstance(found, ast.ImportFrom) else [alias.name for alias in found.names]
    return any(name.partition(".")[0] == each.partition(".")[0] for name in named for each in changed_modules)


def _at_top(body: Collection[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a body with those in its ``if``, ``try`` and ``with``, but not of functions or classes."""
    for statement in body:
        yield statement
        if isinstance(statement, _BLOCKS):
            inner = (node for field in ast.iter_fields(statement) for node in _statements(field[1]))
            yield from _at_top(list(inner))


def _statements(value: Any) -> Iterator[ast.stmt]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, ast.stmt):
            yield each
        elif isinstance(each, ast.ExceptHandler):
            yield from each.body
