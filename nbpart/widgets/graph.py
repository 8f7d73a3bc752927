"""The asset graph as a live widget."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import traitlets

from nbpart.catalog import AssetRecord, Batch, Catalog, queries
from nbpart.catalog.judged import count_unsound
from nbpart.catalog.lateness import count_late, find_next_due
from nbpart.catalog.queries import Changes
from nbpart.states import OUTDATED, STATUS_CODES
from nbpart.widgets import schema
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.clipping import clip, strip_terminal_codes
from nbpart.widgets.contracts import GRAPH
from nbpart.widgets.counts import Counts
from nbpart.widgets.dead_processes import ACTIVE_CODES, DeadProcessCheck
from nbpart.widgets.graph_model import GraphModel, Marked, build_graph, counts_by_name, definitions_of
from nbpart.widgets.graph_payloads import GraphState
from nbpart.widgets.graph_svg import graph_html
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.schema import Answer

#: Of so many members of a folded group the tooltip says why they are not up to date.
_MOST_MEMBERS = 5
_OUTDATED_CODES = [STATUS_CODES[status] for status in OUTDATED]
#: Shown where nothing is registered yet: the shortest code that registers an asset with partitions.
FIRST_ASSET_EXAMPLE = (
    'files = ws.dynamic_partitions("files")\n'
    "@ws.asset(partitions=files)\n"
    'def first(partition_key: str) -> dict: return {"key": partition_key}'
)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of the catalog; ``assets`` is None if none was registered since the last reading.

    ``late`` is how many partitions are late, by asset id, until ``late_until`` at least, ``unsound`` how many have data
    that do not pass a check.
    """

    counts: dict[int, Counts]
    assets: list[AssetRecord] | None
    late: dict[int, int]
    late_until: datetime | None
    unsound: dict[int, int]


class AssetGraph(LiveWidget):
    """Assets and sources with the counts of their partitions, from left to right; kept up to date with the catalog.

    ``assets`` are the names of those that are shown, None for all.
    ``selection`` are the names of the selected assets, and can be set. ``folded`` are the groups that are drawn as one
    card, and can be set too. ``focus`` is the asset that was double-clicked last; `on_focus` registers a callback for
    each double click. ``height`` is its greatest height in pixels. ``explain`` gives sentences about why
    partitions of an asset are not up to date; the tooltip of its card asks for them.
    """

    contract = GRAPH
    _esm = load_esm("graph")
    _css = load_css()
    selection = traitlets.List(traitlets.Unicode()).tag(sync=True)
    folded = traitlets.List(traitlets.Unicode())
    focus = traitlets.Unicode("")
    height = traitlets.Int(460).tag(sync=True)

    def __init__(
        self,
        catalog: Catalog,
        assets: Collection[str] | None = None,
        *,
        folded: Collection[str] = (),
        height: int = 460,
        interrupt_dead_runs: Callable[[], object] | None = None,
        explain: Callable[[str], Sequence[str]] = lambda name: (),
    ) -> None:
        self._catalog, self._explain_asset = catalog, explain
        self._dead_process_check = DeadProcessCheck(interrupt_dead_runs)
        self._on_focus: list[Callable[[str], object]] = []
        self._names = None if assets is None else frozenset(assets)
        self._read, found, seen = catalog.read(_read_all)
        self._assets = self._keep_shown(found)
        self.model = self._build(folded)
        super().__init__(folded=list(folded), height=height)
        self.on_request("fold", self._fold)
        self.on_request("focus", self._focus)
        self.on_request("explain", self._explain)
        self.observe(self._rebuild, "folded")
        self._feed = subscribe(catalog, self, seen)

    def state(self) -> GraphState:
        return {"graph": self.model.to_json(), "example": FIRST_ASSET_EXAMPLE}

    def static_html(self) -> str:
        return graph_html(self.model, FIRST_ASSET_EXAMPLE)

    def on_focus(self, callback: Callable[[str], object]) -> None:
        """Call ``callback(name)`` whenever an asset is double-clicked."""
        self._on_focus.append(callback)

    def close(self) -> None:
        if hasattr(self, "_feed"):  # it is also called for a widget whose making failed
            self._feed.remove(self)
        super().close()

    # as a `Subscriber` of the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        if any(counts[code] for counts in self._read.counts.values() for code in ACTIVE_CODES):
            self._dead_process_check.start()
        until = self._read.late_until
        return until is not None and self._catalog.clock() >= until

    def read(self, batch: Batch, changes: Changes) -> _Read:
        assets = queries.load_assets(batch) if changes.registered else None
        return _Read(changes.counts, assets, count_late(batch), find_next_due(batch), count_unsound(batch))

    def apply(self, found: _Read) -> None:
        with self.lock:
            before, self._read = self.model, found
            if found.assets is not None:
                self._assets = self._keep_shown(found.assets)
                self.model = self._build(self.folded)
                self.send_patch("graph", {"graph": self.model.to_json()})
                return
            self.model = before.with_counts(counts_by_name(self._assets, found.counts), self._marked_by_name())
            if changed := self.model.changed_counts(before):
                self.send_patch("counts", {"changed": changed})

    # requests of pages

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> list[str]:
        known = {asset.name for asset in self._assets}
        return [name for name in dict.fromkeys(proposal["value"]) if name in known]

    def _fold(self, group: str, folded: bool) -> Answer:
        if group not in dict(self.model.groups):
            raise schema.BadRequest(f"There is no group {group[:80]!r}.")
        others = [name for name in self.folded if name != group]
        self.folded = [*others, group] if folded else others
        message = f"{group} is {'folded' if folded else 'unfolded'}."
        return Answer(message=message, code=f"graph.folded = {json.dumps(self.folded, ensure_ascii=False)}")

    def _focus(self, name: str) -> Answer:
        self._check_name(name)
        self.focus = name
        for callback in list(self._on_focus):
            callback(name)
        return Answer(message=name, code=f"ws.heatmap([{name!r}])")

    def _explain(self, name: str, is_group: bool) -> Answer:
        if is_group:
            causes = self._explain_group(name)
        else:
            self._check_name(name)
            causes = list(self._explain_asset(name))
        return Answer({"causes": [clip(strip_terminal_codes(text)) for text in causes]})

    def _explain_group(self, group: str) -> list[str]:
        """The first cause of each member of a folded group that is not up to date, and how many more are not."""
        card = next((card for card in self.model.cards if card.kind == "group" and card.name == group), None)
        if card is None:
            raise schema.BadRequest(f"There is no folded group {group[:80]!r}.")
        outdated = [
            member
            for member, counts in zip(card.members, card.member_counts, strict=True)
            if any(counts[code] for code in _OUTDATED_CODES)
        ]
        causes = [
            f"{member}: {cause}" for member in outdated[:_MOST_MEMBERS] for cause in self._explain_asset(member)[:1]
        ]
        more = len(outdated) - _MOST_MEMBERS
        return [*causes, f"and {more:,} more that are not up to date"] if more > 0 else causes

    def _check_name(self, name: str) -> None:
        if name not in {asset.name for asset in self._assets}:
            raise schema.BadRequest(f"There is no asset {name[:80]!r}.")

    def _rebuild(self, _change: object) -> None:
        with self.lock:
            self.model = self._build(self.folded)
            self.send_patch("graph", {"graph": self.model.to_json()})

    def _keep_shown(self, assets: list[AssetRecord]) -> list[AssetRecord]:
        return [asset for asset in assets if self._names is None or asset.name in self._names]

    def _build(self, folded: Collection[str]) -> GraphModel:
        counts = counts_by_name(self._assets, self._read.counts)
        return build_graph(definitions_of(self._assets), counts, folded, self._marked_by_name())

    def _marked_by_name(self) -> dict[str, Marked]:
        late, unsound = self._read.late, self._read.unsound
        return {one.name: Marked(late.get(one.asset_id, 0), unsound.get(one.asset_id, 0)) for one in self._assets}

    def __repr__(self) -> str:
        return f"<AssetGraph of {len(self._assets)} assets and sources>"


def _read_all(batch: Batch) -> tuple[_Read, list[AssetRecord], int]:
    read = _Read(queries.count_by_code(batch), None, count_late(batch), find_next_due(batch), count_unsound(batch))
    return read, queries.load_assets(batch), batch.sequence
