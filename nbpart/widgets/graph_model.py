"""The asset graph as plain records: cards in columns, edges between them, and the counts on the cards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import AssetGraph
from nbpart.assets.graph import Edge as GraphEdge
from nbpart.catalog import AssetRecord
from nbpart.widgets.counts import NO_COUNTS, Counts, sum_counts
from nbpart.widgets.graph_payloads import CardJson, EdgeJson, GraphJson
from nbpart.widgets.layout import compute_layout

#: In pixels at scale 1: the size of a card, and the distance from one to the next across and down.
CARD_WIDTH, CARD_HEIGHT = 200, 58
COLUMN, ROW = 256, 76
#: A longer label of an edge is cut short; the sentences beside it are whole.
MAX_LABEL_LENGTH = 24
_CHAR_WIDTH = 6


@dataclass(frozen=True, slots=True)
class Marked:
    """How many partitions of an asset are late, and of how many the data do not pass a check."""

    late: int = 0
    unsound: int = 0


NOTHING_MARKED: Mapping[str, Marked] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Card:
    """An asset or source, or a folded group.

    ``kind`` is that of the asset, "source" or "group". ``members`` are the names of the assets on it (one, or those of
    the group) and ``member_counts`` their counts, in the same order. ``set_name`` is the set of its partitions, or "".
    ``reads_itself`` says by which mappings it reads itself, or "". ``late`` is how many partitions are late,
    ``unsound`` how many have data that do not pass a check. ``x`` and ``y`` are the upper left corner, in pixels.
    """

    name: str
    kind: str
    group: str
    set_name: str
    members: tuple[str, ...]
    description: str
    x: float
    y: float
    member_counts: tuple[Counts, ...] = ()
    reads_itself: str = ""
    late: int = 0
    unsound: int = 0

    @property
    def counts(self) -> Counts:
        """The counts of all members together."""
        return sum_counts(self.member_counts)

    @property
    def total(self) -> int:
        """The number of partitions on it."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Edge:
    """The line from the card ``source`` to the card ``target``, which are indices into `GraphModel.cards`.

    ``points`` are the positions that it passes, in pixels: of each card the left edge at half its height. ``reads`` are
    sentences about what reads what by which mapping, ``label`` are the mappings that somebody chose, or "".
    """

    source: int
    target: int
    points: tuple[tuple[float, float], ...]
    reads: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class GraphModel:
    """The graph with its layout. ``width`` and ``height`` are in pixels.

    ``groups`` are the names of all groups with the number of their assets, ``folded`` those drawn as one card.
    """

    cards: tuple[Card, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    folded: frozenset[str] = frozenset()
    width: float = 0.0
    height: float = 0.0

    def to_json(self) -> GraphJson:
        """Return it as it is sent to pages."""
        return {
            "cards": [_card_json(card) for card in self.cards],
            "edges": [_edge_json(edge) for edge in self.edges],
            "groups": [{"name": name, "size": n, "folded": name in self.folded} for name, n in self.groups],
            "width": self.width,
            "height": self.height,
            "card": (CARD_WIDTH, CARD_HEIGHT),
        }

    def with_counts(self, by_name: Mapping[str, Counts], marked: Mapping[str, Marked] = NOTHING_MARKED) -> GraphModel:
        """Return the same graph with these counts, and how many are marked, by name of asset; others have none."""
        cards = tuple(
            replace(
                card,
                member_counts=tuple(by_name.get(m, NO_COUNTS) for m in card.members),
                late=sum(marked[m].late for m in card.members if m in marked),
                unsound=sum(marked[m].unsound for m in card.members if m in marked),
            )
            for card in self.cards
        )
        return replace(self, cards=cards)

    def changed_counts(self, before: GraphModel) -> list[tuple[int, list[list[int]], int, int]]:
        """Return (index, counts of each member, how many are late, and unsound) of the cards that differ from
        ``before``, which has the same cards."""
        pairs = zip(self.cards, before.cards, strict=True)
        return [
            (i, [list(one) for one in now.member_counts], now.late, now.unsound)
            for i, (now, then) in enumerate(pairs)
            if (now.member_counts, now.late, now.unsound) != (then.member_counts, then.late, then.unsound)
        ]


def build_graph(
    definitions: Sequence[AssetDefinition],
    counts: Mapping[str, Counts],
    folded: Collection[str] = (),
    marked: Mapping[str, Marked] = NOTHING_MARKED,
) -> GraphModel:
    """Lay out these assets and sources; each group named in ``folded`` becomes one card. Unknown groups are ignored."""
    graph = AssetGraph(definitions)
    sizes: dict[str, int] = {}
    for definition in graph.definitions:
        if definition.group:
            sizes[definition.group] = sizes.get(definition.group, 0) + 1
    folded_groups = frozenset(folded) & set(sizes)
    cards, place = _make_cards(graph, folded_groups)
    read: dict[tuple[int, int], list[GraphEdge]] = {}
    for each in graph.edges:
        read.setdefault((place[each.upstream], place[each.downstream]), []).append(each)
    edges = [(a, b) for a, b in read if a != b]
    labels = {pair: _label_edge(graph, read[pair]) for pair in edges}
    column = COLUMN + _widen_for(labels.values())
    layout = compute_layout(len(cards), edges)
    placed = tuple(
        replace(card, x=round(x * column, 1), y=round(y * ROW, 1))
        for card, (x, y) in zip(cards, layout.places, strict=True)
    )
    lines = tuple(
        Edge(
            a,
            b,
            tuple((round(x * column, 1), round(y * ROW + CARD_HEIGHT / 2, 1)) for x, y in route),
            tuple(f"{e.downstream} reads {e.upstream}: {e.input.mapping.describe()}" for e in read[a, b]),
            labels[a, b],
        )
        for (a, b), route in zip(edges, layout.routes, strict=True)
    )
    width = layout.columns * column - (column - CARD_WIDTH) if cards else 0.0
    height = layout.rows * ROW - (ROW - CARD_HEIGHT) if cards else 0.0
    model = GraphModel(placed, lines, tuple(sizes.items()), folded_groups, round(width, 1), round(height, 1))
    return model.with_counts(counts, marked)


def _label_edge(graph: AssetGraph, edges: Iterable[GraphEdge]) -> str:
    """The mappings of what several edges between two cards read, of those that do not follow from the partitions."""
    chosen = {(d.name, dep.argument) for d in graph.definitions for dep in d.deps if dep.mapping is not None}
    named = [e.input.mapping.describe() for e in edges if (e.downstream, e.input.argument) in chosen]
    return "; ".join(dict.fromkeys(named))


def _widen_for(labels: Iterable[str]) -> int:
    """By how many pixels columns stand further apart, so that labels have room between the cards."""
    longest = max((min(len(label), MAX_LABEL_LENGTH) for label in labels), default=0)
    return max(0, longest * _CHAR_WIDTH + 16 - (COLUMN - CARD_WIDTH)) if longest else 0


def _make_cards(graph: AssetGraph, folded_groups: Collection[str]) -> tuple[list[Card], dict[str, int]]:
    """Return the cards, all at (0, 0), and by name of asset the index of its card."""
    cards: list[Card] = []
    place: dict[str, int] = {}
    members: dict[str, list[str]] = {}
    for d in graph.definitions:
        if d.group in folded_groups:
            members.setdefault(d.group, []).append(d.name)
    at: dict[str, int] = {}
    for d in graph.definitions:
        if d.group not in folded_groups:
            place[d.name] = len(cards)
            own = "; ".join(read.mapping.describe() for read in d.inputs if read.name == d.name)
            cards.append(
                Card(d.name, d.kind, d.group, d.set_name, (d.name,), d.description, 0.0, 0.0, reads_itself=own)
            )
        elif d.group in at:
            place[d.name] = at[d.group]
        else:
            place[d.name] = at[d.group] = len(cards)
            cards.append(Card(d.group, "group", d.group, "", tuple(members[d.group]), "", 0.0, 0.0))
    return cards, place


def definitions_of(assets: Sequence[AssetRecord]) -> list[AssetDefinition]:
    """The definitions of registered assets and sources, without what they read of others."""
    names = {asset.name for asset in assets}
    read = [AssetDefinition.from_json(asset.definition) for asset in assets]
    return [replace(each, inputs=tuple(one for one in each.inputs if one.name in names)) for each in read]


def counts_by_name(assets: Sequence[AssetRecord], counts: Mapping[int, Counts]) -> dict[str, Counts]:
    """Counts by name of asset, from ``counts`` by asset id."""
    return {asset.name: counts.get(asset.asset_id, NO_COUNTS) for asset in assets}


def _edge_json(edge: Edge) -> EdgeJson:
    return {
        "source": edge.source, "target": edge.target, "points": list(edge.points), "reads": list(edge.reads),
        "label": edge.label,
    }  # fmt: skip


def _card_json(card: Card) -> CardJson:
    return {
        "name": card.name,
        "kind": card.kind,
        "group": card.group,
        "set": card.set_name,
        "members": list(card.members),
        "description": card.description,
        "reads_itself": card.reads_itself,
        "x": card.x,
        "y": card.y,
        "counts": list(card.counts),
        "member_counts": [list(one) for one in card.member_counts],
        "late": card.late,
        "unsound": card.unsound,
    }
