"""Selecting assets by names, globs, tags and groups, with what is above or below, and by lists of these.

``"model"``, ``"raw_*"``, ``"tag:db"``, ``"group:daily"``, ``"*"`` for all; ``"+model"`` with all above, ``"model+"``
with all below, ``"2+model+1"`` with what is at most two steps above and one below. A step leads to another asset.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from nbpart.assets.asset import Asset, Source, name_of
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import ALL_STEPS, AssetGraph
from nbpart.errors import DeclarationError, UnknownNameError, nearest

_EVERYTHING = "*"
_GLOB_SIGNS = "*?["
#: By what a term means assets; all but the name stand before a colon.
_NAME, _TAG, _GROUP = ("name", "tag", "group")
_TERM = re.compile(r"(?:(?P<above>[0-9]{0,9})(?P<up>\+))?(?P<what>[^+]+)(?:(?P<down>\+)(?P<below>[0-9]{0,9}))?")


@dataclass(frozen=True)
class Selection:
    """What a selection chooses: ``names`` are the assets, in the order of the graph; sources are walked through.

    ``sources`` are the sources that it names or that are above or below what it names. ``named`` are the assets and
    sources that it names, ``matched`` those that came by a glob, a tag or a group.
    ``with_inputs`` says of those among both that come with what is above how many steps are followed (`ALL_STEPS` for
    all), ``with_readers`` the same of what is below. ``asked`` are all but those that came only for being above.
    """

    names: tuple[str, ...]
    sources: tuple[str, ...]
    named: frozenset[str]
    matched: frozenset[str]
    with_inputs: Mapping[str, int]
    with_readers: Mapping[str, int]
    asked: frozenset[str]


@dataclass(frozen=True)
class _Term:
    """One term of a selection: a ``text`` that is a name, a tag or a group, by ``kind``, or a glob of these.

    ``above`` and ``below`` are the numbers of steps that are followed.
    """

    kind: str
    text: str
    above: int
    below: int

    @property
    def is_name(self) -> bool:
        return self.kind == _NAME and not any(sign in self.text for sign in _GLOB_SIGNS)


def read_selection(graph: AssetGraph, selection: Any) -> Selection:
    """What ``selection`` chooses: an expression, an `Asset`, or a list of these.

    Raises `UnknownNameError` for a name, tag or group that is not there and for a glob that fits nothing, and
    `DeclarationError` for what is no selection, or one of nothing.
    """
    named: set[str] = set()
    matched: set[str] = set()
    with_inputs: dict[str, int] = {}
    with_readers: dict[str, int] = {}
    for term in map(_read_term, _split(selection)):
        found = _find(graph, term)
        (named if term.is_name else matched).update(found)
        for steps, followed in ((term.above, with_inputs), (term.below, with_readers)):
            if steps:
                followed.update((name, max(steps, followed.get(name, 0))) for name in found)
    above = (graph.ancestors(name, steps) for name, steps in with_inputs.items())
    below = (graph.descendants(name, steps) for name, steps in with_readers.items())
    asked = named.union(matched, *below)
    chosen = asked.union(*above)
    names = tuple(name for name in graph.computed if name in chosen)
    if not names:
        raise DeclarationError(
            f"the selection {describe(selection)!r} holds no asset that could be computed; what reads a source is "
            "chosen by + after its name."
        )
    sources = tuple(name for name in graph if name in chosen and name not in names)
    return Selection(names, sources, frozenset(named), frozenset(matched), with_inputs, with_readers, frozenset(asked))


def select(graph: AssetGraph, selection: Any) -> tuple[str, ...]:
    """The names of the assets that ``selection`` chooses, in the graph's order; see `read_selection`."""
    return read_selection(graph, selection).names


def describe(selection: Any) -> str:
    """The selection as one line of text."""
    return ", ".join(_split(selection))


def _split(selection: Any) -> list[str]:
    """The terms of a selection as texts."""
    if isinstance(selection, (str, Asset, Source)):
        selection = [selection]
    if not isinstance(selection, Collection):
        raise DeclarationError(f"{selection!r} selects nothing: give a name, an asset, or a list of these.")
    terms = [part.strip() for item in selection for part in name_of(item).split(",")]
    if not terms or not all(terms):
        raise DeclarationError(f"the selection {selection!r} has an empty term.")
    return terms


def _read_term(text: str) -> _Term:
    read = _TERM.fullmatch(text)
    if read is None:
        raise DeclarationError(
            f"{text!r} is no term of a selection: write a name, a glob, tag:... or group:..., with + before or after "
            "it, or 2+ and +1 for so many steps."
        )
    what = read["what"]
    if what == _EVERYTHING and text != _EVERYTHING:
        raise DeclarationError(f"{text!r} is no term of a selection: * is everything already.")
    kind, colon, label = what.partition(":")
    if not colon:
        kind, label = _NAME, what
    elif kind not in (_TAG, _GROUP):
        raise DeclarationError(f"{text!r} is no term of a selection: before the colon stands tag or group.")
    elif not label:
        raise DeclarationError(f"{text!r} names no {kind}: write {kind}: and its name.")
    return _Term(kind, label, _count_steps(read["up"], read["above"]), _count_steps(read["down"], read["below"]))


def _count_steps(plus: str | None, number: str | None) -> int:
    if not plus:
        return 0
    return int(number) if number else ALL_STEPS


def _find(graph: AssetGraph, term: _Term) -> list[str]:
    """The names of the assets and sources that a term is about, without what is above and below.

    ``*`` are all assets. Raises `UnknownNameError` where there is none.
    """
    if term.is_name:
        return [graph[term.text].name]
    if term.kind == _NAME and term.text == _EVERYTHING:
        return list(graph.computed)
    texts = {definition.name: _list_texts(definition, term.kind) for definition in graph.definitions}
    found = [name for name, own in texts.items() if any(fnmatchcase(text, term.text) for text in own)]
    if not found:
        known = {text for own in texts.values() for text in own}
        raise UnknownNameError(f"no asset or source has the {term.kind} {term.text!r}; {nearest(term.text, known)}")
    return found


def _list_texts(definition: AssetDefinition, kind: str) -> tuple[str, ...]:
    """What a term of this kind is compared with."""
    if kind == _GROUP:
        return (definition.group,) if definition.group else ()
    return definition.tags if kind == _TAG else (definition.name,)
