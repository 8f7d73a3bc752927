"""Selecting assets: ``"model"``, ``"+model"`` (with all above), ``"model+"`` (with all below), ``"*"``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nbpart.assets.asset import Asset, Source, name_of
from nbpart.assets.graph import AssetGraph
from nbpart.errors import DeclarationError


def select(graph: AssetGraph, selection: Any) -> tuple[str, ...]:
    """Names of the assets that ``selection`` means, in the graph's order.

    ``selection`` is an expression, an `Asset`, or a list of these. Sources are walked through, never selected.
    Raises `UnknownNameError` for a name that is not there and `DeclarationError` for a selection of nothing.
    """
    chosen: set[str] = set()
    for term in _terms(selection):
        chosen |= _select_term(graph, term)
    names = tuple(name for name in graph.computed if name in chosen)
    if not names:
        raise DeclarationError(f"the selection {describe(selection)!r} holds no asset that could be computed.")
    return names


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


def _select_term(graph: AssetGraph, term: str) -> set[str]:
    if term == "*":
        return set(graph)
    name = term.removeprefix("+").removesuffix("+")
    definition = graph[name]
    chosen = {definition.name}
    if term.startswith("+"):
        chosen |= graph.ancestors(name)
    if term.endswith("+"):
        chosen |= graph.descendants(name)
    return chosen
