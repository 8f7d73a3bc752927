"""Selecting assets: ``"model"``, ``"+model"`` (with all above), ``"model+"`` (with all below), ``"*"``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nbpart.assets.asset import Asset, Source, name_of
from nbpart.assets.graph import AssetGraph
from nbpart.errors import DeclarationError

_EVERYTHING = "*"


@dataclass(frozen=True)
class Selection:
    """What a selection chooses: ``names`` are the assets, in the order of the graph; sources are walked through.

    ``named`` are the assets and sources that it names, ``with_inputs`` those among them with all above and
    ``with_readers`` those with all below; ``matched`` are the assets that came by a pattern such as ``*``.
    """

    names: tuple[str, ...]
    named: frozenset[str]
    with_inputs: frozenset[str]
    with_readers: frozenset[str]
    matched: frozenset[str]


@dataclass(frozen=True)
class _Term:
    """One term of a selection: a name, or ``*``."""

    name: str
    with_inputs: bool = False
    with_readers: bool = False


def read_selection(graph: AssetGraph, selection: Any) -> Selection:
    """What ``selection`` chooses: an expression, an `Asset`, or a list of these.

    Raises `UnknownNameError` for a name that is not there and `DeclarationError` for a selection of nothing.
    """
    terms = [_read_term(text) for text in _terms(selection)]
    by_name = [(graph[term.name].name, term) for term in terms if term.name != _EVERYTHING]
    with_inputs = frozenset(name for name, term in by_name if term.with_inputs)
    with_readers = frozenset(name for name, term in by_name if term.with_readers)
    named = frozenset(name for name, _ in by_name)
    matched = frozenset(graph.computed if any(term.name == _EVERYTHING for term in terms) else ())
    above, below = (graph.ancestors(name) for name in with_inputs), (graph.descendants(name) for name in with_readers)
    chosen = named.union(matched, *above, *below)
    names = tuple(name for name in graph.computed if name in chosen)
    if not names:
        raise DeclarationError(f"the selection {describe(selection)!r} holds no asset that could be computed.")
    return Selection(names, named, with_inputs, with_readers, matched)


def select(graph: AssetGraph, selection: Any) -> tuple[str, ...]:
    """The names of the assets that ``selection`` chooses, in the graph's order; see `read_selection`."""
    return read_selection(graph, selection).names


def describe(selection: Any) -> str:
    """The selection as one line of text."""
    return ", ".join(_terms(selection))


def _terms(selection: Any) -> list[str]:
    if isinstance(selection, (str, Asset, Source)):
        selection = [selection]
    if not isinstance(selection, Collection):
        raise DeclarationError(f"{selection!r} selects nothing: give a name, an asset, or a list of these.")
    terms = [part.strip() for item in selection for part in name_of(item).split(",")]
    if not terms or not all(terms):
        raise DeclarationError(f"the selection {selection!r} has an empty term.")
    return terms


def _read_term(text: str) -> _Term:
    if text == _EVERYTHING:
        return _Term(text)
    name = text.removeprefix("+").removesuffix("+")
    if name == _EVERYTHING:
        raise DeclarationError(f"{text!r} is no term of a selection: * is everything already.")
    return _Term(name, text.startswith("+"), text.endswith("+"))
