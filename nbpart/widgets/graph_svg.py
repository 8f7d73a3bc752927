"""The asset graph as SVG inside HTML, for a page without a kernel. Every text is escaped."""

from __future__ import annotations

import itertools
from html import escape

from nbpart.states import BAR_ORDER, NOTABLE, STATUS_CODES, PartitionStatus
from nbpart.widgets.counts import Counts, describe_counts
from nbpart.widgets.graph_model import CARD_HEIGHT, CARD_WIDTH, MAX_LABEL_LENGTH, Card, Edge, GraphModel
from nbpart.widgets.palette import LATE, MARKS, UNSOUND, UNSOUND_WORDS, colour_rules

_STATUSES = tuple(STATUS_CODES)
_MAX_NAME_LENGTH = 25
_MIN_SEGMENT_WIDTH = 4.0
_STYLE = """
.nbpart-g{color:var(--jp-ui-font-color1,inherit);font:12px system-ui,sans-serif;overflow-x:auto}
.nbpart-g svg{max-width:none}
.nbpart-g text{fill:currentColor}.nbpart-g .name{font-weight:600}.nbpart-g .small{font-size:10.5px;opacity:.75}
.nbpart-g .box{fill:none;stroke:currentColor;stroke-opacity:.4}
.nbpart-g .edge{fill:none;stroke:currentColor;stroke-opacity:.3}
.nbpart-g .segment{stroke:currentColor;stroke-opacity:.25;stroke-width:.5}
.nbpart-g pre{padding:8px;background:#8882}
"""


def graph_html(model: GraphModel, example: str) -> str:
    """The graph as HTML with its style; with no assets yet, the code ``example`` that registers a first one."""
    if not model.cards:
        body = f"<p>No assets yet. These lines register the first:</p><pre>{escape(example)}</pre>"
    else:
        body = _svg(model)
    fills = "".join(f".nbpart-g .s-{s}{{fill:var(--nbpart-{s})}}" for s in MARKS)
    return f'<div class="nbpart-g"><style>{_STYLE}{colour_rules(".nbpart-g")}{fills}</style>{body}</div>'


def _svg(model: GraphModel) -> str:
    wide, high = model.width + 4, model.height + 4
    # at most as wide as a screen; the browser scales it down
    shown = min(wide, 1600)
    edges = "".join(_edge(edge) for edge in model.edges)
    cards = "".join(_card(card) for card in model.cards)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {wide:g} {high:g}" width="{shown:g}"'
        f' height="{high * shown / wide:g}" role="img" aria-label="Asset graph">{edges}{cards}</svg>'
    )


def _edge(edge: Edge) -> str:
    """The line of an edge and the mappings that were chosen, both with what is read as a tooltip."""
    title = f"<title>{escape(chr(10).join(edge.reads))}</title>"
    line = f'<path class="edge" d="{edge_path(edge)}">{title}</path>'
    if not edge.label:
        return line
    (x1, y1), (x2, y2) = edge.points[:2]
    label = edge.label if len(edge.label) <= MAX_LABEL_LENGTH else f"{edge.label[: MAX_LABEL_LENGTH - 1]}…"
    at = f'x="{(x1 + CARD_WIDTH + x2) / 2:g}" y="{(y1 + y2) / 2 - 4:g}"'
    return f'{line}<text class="small" text-anchor="middle" {at}>{escape(label)}{title}</text>'


def edge_path(edge: Edge) -> str:
    """The ``d`` of an SVG path: from the right side of a card to the left side of the next, straight past others."""
    points = edge.points
    parts = []
    for i, ((x1, y1), (x2, y2)) in enumerate(itertools.pairwise(points)):
        x1 += CARD_WIDTH
        middle = (x1 + x2) / 2
        parts.append(f"{'M' if i == 0 else 'L'}{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}")
    return "".join(parts)


def _card(card: Card) -> str:
    name = card.name if len(card.name) <= _MAX_NAME_LENGTH else f"{card.name[:12]}…{card.name[-12:]}"
    kind = f"{len(card.members)} assets" if card.kind == "group" else card.kind
    bar = "" if card.kind == "source" else _bar(card.counts)
    return (
        f'<g transform="translate({card.x:g},{card.y:g})"><title>{escape(describe_card(card))}</title>'
        f'<rect class="box" width="{CARD_WIDTH}" height="{CARD_HEIGHT}" rx="6"/>'
        f'<text class="name" x="10" y="19">{escape(name)}</text>'
        f'<text class="small" x="10" y="36">{escape(kind)}</text>'
        f'<text class="small" x="{CARD_WIDTH - 10}" y="36" text-anchor="end">{escape(summarize_counts(card))}</text>'
        f"{bar}</g>"
    )


def _bar(counts: Counts) -> str:
    parts = []
    for status, x, width in compute_bar(counts, CARD_WIDTH - 20):
        # with a gap: two colours side by side may be hard to tell apart
        parts.append(f'<rect class="segment s-{status}" x="{10 + x:.1f}" y="43" width="{width - 1:.1f}" height="7"/>')
    return "".join(parts)


def compute_bar(counts: Counts, width: float) -> list[tuple[PartitionStatus, float, float]]:
    """Divide a stacked bar of ``width`` pixels: (status, x, width) from left to right, for each status that occurs.

    Widths are proportional to the counts, but at least 4 pixels, so that one failure in a million can be seen.
    """
    total = sum(counts)
    if not total:
        return []
    there = [s for s in BAR_ORDER if counts[STATUS_CODES[s]]]
    small = [s for s in there if counts[STATUS_CODES[s]] / total * width < _MIN_SEGMENT_WIDTH]
    rest = sum(counts[STATUS_CODES[s]] for s in there if s not in small)
    parts, x = [], 0.0
    for status in there:
        share = (width - len(small) * _MIN_SEGMENT_WIDTH) / rest * counts[STATUS_CODES[status]] if rest else 0.0
        own = _MIN_SEGMENT_WIDTH if status in small else share
        parts.append((status, x, own))
        x += own
    return parts


def summarize_counts(card: Card) -> str:
    """The counts of a card as short text, such as "985 / 1,000 ✕3"."""
    counts = card.counts
    if card.kind == "source":
        return f"{card.total:,} key{'' if card.total == 1 else 's'}" if card.set_name else "one"
    if card.total == 1 and not card.set_name and card.kind != "group":
        status = _STATUSES[counts.index(1)]
        marks = (f" {mark.glyph}" for mark, n in ((LATE, card.late), (UNSOUND, card.unsound)) if n)
        return f"{MARKS[status].glyph} {status}" + "".join(marks)
    text = f"{counts[STATUS_CODES[PartitionStatus.MATERIALIZED]]:,} / {card.total:,}"
    for status in NOTABLE:
        if n := counts[STATUS_CODES[status]]:
            text += f" {MARKS[status].glyph}{n:,}"
    return text + "".join(f" {mark.glyph}{n:,}" for mark, n in ((LATE, card.late), (UNSOUND, card.unsound)) if n)


def describe_card(card: Card) -> str:
    """A card in one sentence, for its tooltip and for screen readers."""
    own = f"; reads itself: {card.reads_itself}" if card.reads_itself else ""
    late = f", {card.late:,} late" if card.late else ""
    late += f", {card.unsound:,} {UNSOUND_WORDS}" if card.unsound else ""
    return f"{card.name} ({card.kind}): {describe_counts(card.counts) or 'no partitions'}{late}{own}"
