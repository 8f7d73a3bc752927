"""Carrying a function of a notebook cell: the code that defines it again elsewhere, with all that it names."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nbpart.assets.carrying.carrier import Carrier, Piece
from nbpart.assets.carrying.verification import find_difference
from nbpart.assets.sources import plain_function
from nbpart.errors import CarryError, DeclarationError


@dataclass(frozen=True, slots=True)
class CarriedFunction:
    """The code that defines a function of a cell again, independent of its notebook.

    ``source`` defines all that it uses, and then the function; ``call`` is the name to call. ``pieces`` are the parts
    of ``source`` in their order; ``given`` are names that have to exist where it is executed.
    """

    source: str
    call: str
    pieces: tuple[Piece, ...]
    given: frozenset[str] = frozenset()


def carry(function: Callable[..., Any], given: Collection[str] = ()) -> CarriedFunction:
    """The source of a function of a notebook cell or script, together with all that it uses.

    That is: imports, functions, classes and plain constants, in the order in which they need each other. Decorators
    that declare an asset are left out, and so is what the names in ``given`` stand for. Raises CarryError, which lists
    every name that cannot be carried and why, and DeclarationError where the source of the function is not at hand.
    """
    plain = plain_function(function)
    name = plain.__code__.co_name
    if "." in plain.__qualname__.rpartition("<locals>.")[2]:
        raise DeclarationError(f"{plain.__qualname__!r} belongs to a class; write a function outside of it.")
    carrier = Carrier(name, function, given)
    pieces = tuple(carrier.carry())
    if carrier.problems:
        raise CarryError(_explain(name, carrier.problems))
    source = _lay_out(pieces)
    found = find_difference(source, *carrier.live_values(pieces))
    if found is not None:
        raise CarryError(_explain(name, [_explain_difference(name, *found)]))
    return CarriedFunction(source, name, pieces, frozenset(carrier.used))


def _explain_difference(function: str, name: str, difference: str) -> str:
    whose = f"`{name}`, used by `{function}`," if name != function else f"`{name}`"
    return (
        f"{whose} is not what its source makes by now: {difference}; it was changed after its definition. "
        "Say all of it where it is defined, or move it to a module"
    )


def _explain(name: str, problems: list[str]) -> str:
    start = f"The function {name!r} cannot be carried into a notebook of its own:"
    if len(problems) == 1:
        return f"{start} {problems[0]}."
    return "\n  - ".join([start, *problems])


def _lay_out(pieces: tuple[Piece, ...]) -> str:
    """The source of the pieces: imports in a block, constants in a block, blank lines around definitions."""
    text = pieces[0].source
    for before, after in pairwise(pieces):
        text += _gap(before, after) + after.source
    return text


def _gap(before: Piece, after: Piece) -> str:
    if "definition" in (before.rank, after.rank):
        return "\n\n\n"
    return "\n" if before.rank == after.rank else "\n\n"
