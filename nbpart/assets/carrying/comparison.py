"""Comparing two code objects for what they do, without lines, file names and docstrings."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

_ALIKE = (
    *("co_name", "co_names", "co_varnames", "co_freevars", "co_cellvars"),
    *("co_argcount", "co_posonlyargcount", "co_kwonlyargcount"),
)
#: Not whether it is nested, nor what ``__future__`` its module has.
_FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)


def is_same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same: lines, columns, file and docstrings do not count."""
    if any(getattr(one, name) != getattr(other, name) for name in _ALIKE):
        return False
    if (one.co_flags ^ other.co_flags) & _FLAGS:
        return False
    if one.co_code != other.co_code and _steps(one) != _steps(other):
        return False
    mine, theirs = _constants(one), _constants(other)
    return len(mine) == len(theirs) and all(map(_is_same_constant, mine, theirs))


def find_code(source: str, filename: str, qualname: str) -> CodeType | None:
    """The code of the last function of that qualified name that a source defines; None where there is none.

    Raises SyntaxError.
    """
    code = compile(source, filename, "exec", dont_inherit=True)
    found = [inner for inner in _inner_codes(code) if inner.co_qualname == qualname]
    return found[-1] if found else None


def _steps(code: CodeType) -> list[tuple[str, Any]]:
    """The instructions, but for how a method is called: that depends on whether its module imports the object."""
    steps = []
    for each in dis.get_instructions(code):
        if each.opname in ("PUSH_NULL", "PRECALL", "CACHE", "NOP"):
            continue
        is_told = each.opcode not in (*dis.hasjrel, *dis.hasjabs, *dis.hasconst)
        name = "LOAD_ATTR" if each.opname == "LOAD_METHOD" else each.opname
        steps.append((name, each.argval if is_told else each.arg if each.opcode in dis.hasconst else None))
    return steps


def _constants(code: CodeType) -> tuple[Any, ...]:
    # where a function has a docstring it is the first constant, else that is None or what it computes with
    has_docstring = bool(code.co_flags & inspect.CO_OPTIMIZED and code.co_consts and isinstance(code.co_consts[0], str))
    return ("", *code.co_consts[1:]) if has_docstring else code.co_consts


def _is_same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return is_same_code(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | frozenset):
        pairs = (sorted(one, key=repr), sorted(other, key=repr)) if isinstance(one, frozenset) else (one, other)
        return len(one) == len(other) and all(map(_is_same_constant, *pairs))
    return repr(one) == repr(other)


def _inner_codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner_codes(constant)
