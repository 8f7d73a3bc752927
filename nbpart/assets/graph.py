"""The graph of assets and sources: immutable, ordered, free of cycles."""

from __future__ import annotations

import graphlib
import html
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from nbpart.assets.definition import AssetDefinition, Input
from nbpart.errors import CycleError, UnknownNameError, nearest
from nbpart.partitions.mapping import reads_earlier

#: So many names stand in a repr, so many rows in a page, so many keys in a completion.
_MOST_SHOWN, _MOST_ROWS, _MOST_COMPLETED = 12, 100, 300
#: By this many steps all is reached that is above or below.
ALL_STEPS = sys.maxsize


@dataclass(frozen=True)
class Edge:
    """``downstream`` reads ``upstream``."""

    upstream: str
    downstream: str
    input: Input


class AssetGraph:
    """Definitions by name, in an order in which each comes after all that it reads."""

    def __init__(self, definitions: Iterable[AssetDefinition]) -> None:
        given = {d.name: d for d in definitions}
        for definition in given.values():
            for read in definition.inputs:
                if read.name not in given:
                    raise UnknownNameError(
                        f"{definition.kind} {definition.name!r} reads {read.name!r}, which is neither an asset "
                        f"nor a source here; {nearest(read.name, given)}"
                    )
        self._definitions = {name: given[name] for name in _order(given)}

    def __getitem__(self, name: str) -> AssetDefinition:
        try:
            return self._definitions[name]
        except KeyError:
            raise UnknownNameError(
                f"there is no asset or source {name!r}; {nearest(name, self._definitions)}"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._definitions

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)

    def __repr__(self) -> str:
        names = list(self)
        more = f" and {len(names) - _MOST_SHOWN:,} more" if len(names) > _MOST_SHOWN else ""
        return f"<AssetGraph of {len(self)}: {', '.join(names[:_MOST_SHOWN])}{more}>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("name", "kind", "partitions", "reads", "description"))
        rows = "".join(map(_row_html, list(self.definitions)[:_MOST_ROWS]))
        more = f"<p>{len(self) - _MOST_ROWS:,} more</p>" if len(self) > _MOST_ROWS else ""
        return f"<table><tr>{head}</tr>{rows}</table>{more}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)[:_MOST_COMPLETED]

    @property
    def definitions(self) -> tuple[AssetDefinition, ...]:
        return tuple(self._definitions.values())

    @property
    def computed(self) -> tuple[str, ...]:
        """Names of what is computed here: assets, not sources."""
        return tuple(name for name, d in self._definitions.items() if not d.is_source)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(Edge(i.name, d.name, i) for d in self.definitions for i in d.inputs)

    @cached_property
    def _downstream(self) -> dict[str, list[str]]:
        readers: dict[str, list[str]] = {name: [] for name in self}
        for definition in self.definitions:
            for name in _list_others(definition):
                readers[name].append(definition.name)
        return readers

    def upstream(self, name: str) -> tuple[str, ...]:
        """The direct inputs of ``name``, each once, without itself."""
        return _list_others(self[name])

    def downstream(self, name: str) -> tuple[str, ...]:
        """The assets that read ``name`` directly, without itself."""
        return tuple(self._downstream[self[name].name])

    def ancestors(self, name: str, steps: int = ALL_STEPS) -> frozenset[str]:
        """The names of all that ``name`` depends on, by at most so many steps, without itself."""
        return _reach(name, self.upstream, steps)

    def descendants(self, name: str, steps: int = ALL_STEPS) -> frozenset[str]:
        """The names of all that depend on ``name``, by at most so many steps, without itself."""
        return _reach(name, self.downstream, steps)


def _row_html(definition: AssetDefinition) -> str:
    reads = ", ".join(dict.fromkeys(read.name for read in definition.inputs))
    told = (definition.name, definition.kind, definition.set_name, reads, definition.description.partition("\n")[0])
    return f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in told)}</tr>"


def _reach(start: str, step: Callable[[str], tuple[str, ...]], steps: int) -> frozenset[str]:
    """What is reached from ``start`` by at most so many steps, the nearest first."""
    seen: set[str] = set()
    reached = {start}
    while reached and steps:
        reached = {name for one in reached for name in step(one)} - seen
        seen |= reached
        steps -= 1
    return frozenset(seen)


def _list_others(definition: AssetDefinition) -> tuple[str, ...]:
    """What an asset reads beside itself, each once."""
    return tuple(dict.fromkeys(read.name for read in definition.inputs if read.name != definition.name))


def _order(definitions: dict[str, AssetDefinition]) -> Iterable[str]:
    for definition in definitions.values():
        for read in definition.inputs:
            if read.name == definition.name and not reads_earlier(read.mapping):
                raise CycleError(
                    f"asset {read.name!r} would need itself: what it reads of itself has to lie before, as by "
                    "nbpart.previous() or nbpart.overlap(start=-6, end=-1)."
                )
    sorter = graphlib.TopologicalSorter({d.name: _list_others(d) for d in definitions.values()})
    try:
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        path = " -> ".join(reversed(error.args[1]))
        raise CycleError(f"these assets would need each other: {path}; take one of the inputs away.") from None
