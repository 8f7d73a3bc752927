"""What the asset graph shows: cards in columns, edges between them, counts on them. Plain records, no browser."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import AssetGraph
from nbpart.catalog import AssetRecord
from nbpart.states import STATUS_CODES
from nbpart.widgets.layout import compute_layout
from nbpart.widgets.payloads import CardJson, EdgeJson, GraphJson

#: Sizes in pixels at scale 1: of a card, and from one to the next.
CARD_WIDTH, CARD_HEIGHT = 200, 58
COLUMN, ROW = 256, 76

Counts = tuple[int, ...]
NONE: Counts = (0,) * len(STATUS_CODES)


@dataclass(frozen=True, slots=True)
class Card:
    """One asset or source, or a folded group with its ``members``; ``set_name`` is "" without partitions.

    ``each`` are the counts of each member.
    """

    name: str
    kind: str
    group: str
    set_name: str
    members: tuple[str, ...]
    description: str
    x: float
    y: float
    each: tuple[Counts, ...] = ()

    @property
    def counts(self) -> Counts:
        """Those of all members together."""
        return add_up(self.each)

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Edge:
    """Places of cards in the model, and the points that the line passes (left edges of cards, their middles)."""

    source: int
    target: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class GraphModel:
    """The whole picture. ``groups`` holds every group with the number of its assets, ``folded`` those shown as one."""

    cards: tuple[Card, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    folded: frozenset[str] = frozenset()
    width: float = 0.0
    height: float = 0.0

    def to_json(self) -> GraphJson:
        """As a page takes it."""
        return {
            "cards": [_card_json(card) for card in self.cards],
            "edges": [edge_json(edge) for edge in self.edges],
            "groups": [{"name": name, "size": n, "folded": name in self.folded} for name, n in self.groups],
            "width": self.width,
            "height": self.height,
            "card": (CARD_WIDTH, CARD_HEIGHT),
        }

    def with_counts(self, by_name: Mapping[str, Counts]) -> GraphModel:
        cards = tuple(replace(card, each=tuple(by_name.get(m, NONE) for m in card.members)) for card in self.cards)
        return replace(self, cards=cards)

    def changed_counts(self, before: GraphModel) -> list[tuple[int, list[list[int]]]]:
        """(place, counts of each member) of the cards that are not as in ``before``, which has the same cards."""
        pairs = zip(self.cards, before.cards, strict=True)
        return [(i, [list(one) for one in now.each]) for i, (now, then) in enumerate(pairs) if now.each != then.each]


def build_graph(
    definitions: Sequence[AssetDefinition], counts: Mapping[str, Counts], folded: Collection[str] = ()
) -> GraphModel:
    """The picture of these assets and sources; each of ``folded`` (names of groups) is one card."""
    graph = AssetGraph(definitions)
    sizes: dict[str, int] = {}
    for definition in graph.definitions:
        if definition.group:
            sizes[definition.group] = sizes.get(definition.group, 0) + 1
    closed = frozenset(folded) & set(sizes)
    cards, place = _make_cards(graph, closed)
    pairs = dict.fromkeys((place[e.upstream], place[e.downstream]) for e in graph.edges)
    edges = [(a, b) for a, b in pairs if a != b]
    layout = compute_layout(len(cards), edges)
    placed = tuple(
        replace(card, x=round(x * COLUMN, 1), y=round(y * ROW, 1))
        for card, (x, y) in zip(cards, layout.places, strict=True)
    )
    lines = tuple(
        Edge(a, b, tuple((round(x * COLUMN, 1), round(y * ROW + CARD_HEIGHT / 2, 1)) for x, y in route))
        for (a, b), route in zip(edges, layout.routes, strict=True)
    )
    width = layout.columns * COLUMN - (COLUMN - CARD_WIDTH) if cards else 0.0
    height = layout.rows * ROW - (ROW - CARD_HEIGHT) if cards else 0.0
    model = GraphModel(placed, lines, tuple(sizes.items()), closed, round(width, 1), round(height, 1))
    return model.with_counts(counts)


def _make_cards(graph: AssetGraph, closed: Collection[str]) -> tuple[list[Card], dict[str, int]]:
    """The cards, not yet placed, and the card on which each asset is."""
    cards: list[Card] = []
    place: dict[str, int] = {}
    members: dict[str, list[str]] = {}
    for d in graph.definitions:
        if d.group in closed:
            members.setdefault(d.group, []).append(d.name)
    at: dict[str, int] = {}
    for d in graph.definitions:
        if d.group not in closed:
            place[d.name] = len(cards)
            cards.append(Card(d.name, d.kind, d.group, d.set_name, (d.name,), d.description, 0.0, 0.0))
        elif d.group in at:
            place[d.name] = at[d.group]
        else:
            place[d.name] = at[d.group] = len(cards)
            cards.append(Card(d.group, "group", d.group, "", tuple(members[d.group]), "", 0.0, 0.0))
    return cards, place


def definitions_of(assets: Sequence[AssetRecord]) -> list[AssetDefinition]:
    return [AssetDefinition.from_json(asset.definition) for asset in assets]


def counts_by_name(assets: Sequence[AssetRecord], counts: Mapping[int, Counts]) -> dict[str, Counts]:
    return {asset.name: counts.get(asset.asset_id, NONE) for asset in assets}


def add_up(counts: Sequence[Counts]) -> Counts:
    return tuple(sum(each) for each in zip(*counts, strict=True)) if counts else NONE


def edge_json(edge: Edge) -> EdgeJson:
    """As a page takes it."""
    return {"s": edge.source, "t": edge.target, "points": list(edge.points)}


def _card_json(card: Card) -> CardJson:
    return {
        "name": card.name,
        "kind": card.kind,
        "group": card.group,
        "set": card.set_name,
        "members": list(card.members),
        "about": card.description,
        "x": card.x,
        "y": card.y,
        "counts": list(card.counts),
        "each": [list(one) for one in card.each],
    }
