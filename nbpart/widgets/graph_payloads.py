"""The types of what the asset graph sends to its pages, as in `payloads`."""

from __future__ import annotations

from typing import TypedDict


class CardJson(TypedDict):
    """An asset, a source or a folded group; ``counts`` are by status code, ``member_counts`` those of each member.

    ``late`` is how many of its partitions are late, ``unsound`` how many have data that do not pass a check."""

    name: str
    kind: str
    group: str
    set: str
    members: list[str]
    description: str
    reads_itself: str
    x: float
    y: float
    counts: list[int]
    member_counts: list[list[int]]
    late: int
    unsound: int


class EdgeJson(TypedDict):
    """A line between two cards, given by their indices; ``label`` are mappings that were chosen, ``reads`` says all."""

    source: int
    target: int
    points: list[tuple[float, float]]
    reads: list[str]
    label: str


class GroupJson(TypedDict):
    """A group of assets, drawn as one card where it is folded."""

    name: str
    size: int
    folded: bool


class GraphJson(TypedDict):
    """The graph as it is laid out; ``card`` is width and height of a card."""

    cards: list[CardJson]
    edges: list[EdgeJson]
    groups: list[GroupJson]
    width: float
    height: float
    card: tuple[int, int]


class GraphPatch(TypedDict):
    """A graph that replaces the one before."""

    graph: GraphJson


class GraphState(GraphPatch):
    """The state of the graph; ``example`` is code that registers a first asset."""

    example: str


class CountsPatch(TypedDict):
    """Cards whose counts changed, by index, with the counts of each member, and how many are late and unsound."""

    changed: list[tuple[int, list[list[int]], int, int]]


class CausesJson(TypedDict):
    """Why partitions of an asset or a folded group are not up to date, a sentence for each kind of cause or member."""

    causes: list[str]
