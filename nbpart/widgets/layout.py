"""The layout of a graph: cards in columns from left to right, few crossings, short edges. Pure and deterministic.

Longest-path layers, an invisible point wherever an edge passes a layer, barycentre sweeps that keep the best order
(Sugiyama, Tagawa, Toda 1981), then heights by isotonic regression towards the neighbours.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

#: The least distance, in rows, between two cards, and of an edge that passes a column from its neighbours.
_CARD_GAP, _PASSING_GAP = 1.0, 0.55
_SWEEPS, _HEIGHT_SWEEPS = 10, 6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """``places`` are (column, row) of each node; ``routes`` are the places that each edge passes, ends included."""

    places: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]

    @property
    def columns(self) -> float:
        return max((x for x, _ in self.places), default=-1) + 1

    @property
    def rows(self) -> float:
        return max((y for route in (self.places, *self.routes) for _, y in route), default=-1) + 1


def compute_layout(n: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out the nodes 0 to n-1; an edge is (from, to). Of edges that form a cycle, one points to the left.

    Nodes without an edge are put into a grid below the rest.
    """
    linked = sorted({node for edge in edges for node in edge})
    number = {node: i for i, node in enumerate(linked)}
    inner = _lay_out_linked(len(linked), [(number[a], number[b]) for a, b in edges])
    places: list[Point] = [(0.0, 0.0)] * n
    for node, place in zip(linked, inner.places, strict=True):
        places[node] = place
    alone = [node for node in range(n) if node not in number]
    top = inner.rows + (0.4 if linked else 0.0)
    wide = max(int(inner.columns), math.ceil(math.sqrt(len(alone) / 3)), 1)
    for i, node in enumerate(alone):
        places[node] = (float(i % wide), top + i // wide)
    return Layout(tuple(places), inner.routes)


@dataclass
class _Points:
    """The nodes and, after them, the points where edges pass a layer.

    ``layer`` is that of each point, ``up`` and ``down`` are its neighbours in the layers before and after it.
    ``chains`` are the points of each edge.
    """

    n: int
    layer: list[int]
    up: list[list[int]]
    down: list[list[int]]
    chains: list[list[int]]


def _lay_out_linked(n: int, edges: Sequence[tuple[int, int]]) -> Layout:
    if not n:
        return Layout((), ())
    points = _split_edges(n, edges, _assign_layers(n, edges))
    layers = _order_layers(points)
    y = _assign_heights(points, layers)
    top = min(y)
    at = [(float(points.layer[p]), y[p] - top) for p in range(len(y))]
    return Layout(tuple(at[:n]), tuple(tuple(at[p] for p in chain) for chain in points.chains))


def _assign_layers(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each node: the length of the longest path to it; sources are moved right, next to their readers."""
    succ: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for a, b in edges:
        succ[a].append(b)
        waiting[b] += 1
    is_source = [not w for w in waiting]
    layer, done, order = [0] * n, [False] * n, list[int]()
    ready = [i for i in range(n) if not waiting[i]]
    while len(order) < n:
        # in a cycle no node is ready: take the first that is left, and ignore the edges that lead back to it
        node = ready.pop() if ready else done.index(False)
        if done[node]:
            continue
        done[node] = True
        order.append(node)
        for other in succ[node]:
            waiting[other] -= 1
            if not done[other]:
                layer[other] = max(layer[other], layer[node] + 1)
                if not waiting[other]:
                    ready.append(other)
    for node in reversed(order):
        if is_source[node] and succ[node]:
            layer[node] = max(0, min(layer[other] for other in succ[node]) - 1)
    return layer


def _split_edges(n: int, edges: Sequence[tuple[int, int]], layer: Sequence[int]) -> _Points:
    points = _Points(n, list(layer), [[] for _ in range(n)], [[] for _ in range(n)], [])
    for a, b in edges:
        first, last = (a, b) if layer[a] <= layer[b] else (b, a)
        chain = [first]
        for passed in range(layer[first] + 1, layer[last]):
            points.layer.append(passed)
            points.up.append([])
            points.down.append([])
            chain.append(len(points.layer) - 1)
        chain.append(last)
        if layer[first] != layer[last]:
            for one, other in itertools.pairwise(chain):
                points.down[one].append(other)
                points.up[other].append(one)
        points.chains.append(chain if first == a else chain[::-1])
    return points


def _order_layers(points: _Points) -> list[list[int]]:
    """The points of each layer from top to bottom, in the order with the fewest crossings of those tried."""
    layers = _first_order(points)
    position = [0] * len(points.layer)
    for layer in layers:
        _number(layer, position)
    best, kept = _count_crossings(points, layers, position), [list(layer) for layer in layers]
    for sweep in range(_SWEEPS):
        if not best:
            break
        forward = sweep % 2 == 0
        near = points.up if forward else points.down
        for layer in layers[1:] if forward else layers[-2::-1]:
            layer.sort(key=lambda p: sum([position[q] for q in near[p]]) / len(near[p]) if near[p] else position[p])
            _number(layer, position)
        crossings = _count_crossings(points, layers, position)
        if crossings < best:
            best, kept = crossings, [list(layer) for layer in layers]
    return kept


def _first_order(points: _Points) -> list[list[int]]:
    """A first order of the layers, by depth-first search, so that connected points are near each other."""
    layers: list[list[int]] = [[] for _ in range(max(points.layer) + 1)]
    seen = [False] * len(points.layer)
    for root in range(len(points.layer)):
        todo = [] if points.up[root] else [root]
        while todo:
            point = todo.pop()
            if not seen[point]:
                seen[point] = True
                layers[points.layer[point]].append(point)
                todo.extend(reversed(points.down[point]))
    return layers


def _number(layer: Sequence[int], position: list[int]) -> None:
    for i, point in enumerate(layer):
        position[point] = i


def _count_crossings(points: _Points, layers: Sequence[Sequence[int]], position: Sequence[int]) -> int:
    crossings = 0
    for layer in layers[:-1]:
        ends: list[int] = []
        for point in layer:
            for end in sorted([position[q] for q in points.down[point]]):
                crossings += len(ends) - bisect_right(ends, end)
                insort(ends, end)
    return crossings


def _assign_heights(points: _Points, layers: Sequence[Sequence[int]]) -> list[float]:
    y = [0.0] * len(points.layer)
    for layer in layers:
        for i, point in enumerate(layer):
            y[point] = i - len(layer) / 2
    for sweep in range(_HEIGHT_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else layers[::-1]:
            _settle(points, layer, y, forward)
    return y


def _settle(points: _Points, layer: Sequence[int], y: list[float], forward: bool) -> None:
    """Move a layer's points as near to the mean of their neighbours as the order and the distances allow."""
    offset, blocks, before = 0.0, list[list[float]](), -1
    offsets = []
    for point in layer:
        if before >= 0:
            offset += _CARD_GAP if before < points.n and point < points.n else _PASSING_GAP
        offsets.append(offset)
        near = (points.up[point] or points.down[point]) if forward else (points.down[point] or points.up[point])
        wanted = sum([y[q] for q in near]) / len(near) if near else y[point]
        blocks.append([wanted - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            held = blocks[-1]
            held[0] = (held[0] * held[1] + mean * size) / (held[1] + size)
            held[1] += size
        before = point
    place = 0
    for mean, size in blocks:
        for _ in range(int(size)):
            y[layer[place]] = mean + offsets[place]
            place += 1
