"""The partition heatmap as a live widget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from nbpart.catalog import Batch, Catalog, queries
from nbpart.catalog.queries import Changes
from nbpart.catalog.records import PartitionRecord
from nbpart.errors import DeclarationError
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets import payloads
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.clipping import clip_value
from nbpart.widgets.contracts import HEATMAP
from nbpart.widgets.dead_processes import ACTIVE_CODES, DeadProcessCheck
from nbpart.widgets.heatmap_bands import ViewOptions
from nbpart.widgets.heatmap_model import Selection
from nbpart.widgets.heatmap_state import CatalogChanges, HeatmapState
from nbpart.widgets.heatmap_svg import heatmap_html
from nbpart.widgets.heatmap_views import Patch
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.palette import describe_check
from nbpart.widgets.schema import Answer
from nbpart.widgets.values import to_exact_json

if TYPE_CHECKING:
    from nbpart.widgets.heatmap_bands import Choose

_NAME = re.compile(r"(metric\.)?[^\W\d]\w*")
_UNCHANGED: Any = object()
#: How many keys of a selection its description lists.
_NAMED = 3


class PartitionHeatmap(LiveWidget):
    """The status of every partition: a band per set of partitions, a row per asset; kept up to date with the catalog.

    ``assets`` are names, or None for all that are computed. ``color_by`` is ``"status"``, ``"duration_s"``, ``"rows"``,
    ``"bytes"`` or a metric; ``sort_by`` is None (the order in which keys were added), ``"key"``, or one of those.
    ``choose`` reads which keys of each asset are shown, asked again whenever something changed; without it all are.
    Raises UnknownNameError for an unknown asset, DeclarationError for a wrong ``color_by`` or ``sort_by``.

    ``selection`` is the current `Selection` or None, and can be observed. Observers are called on the thread that the
    click came on, which need not be the main one.
    """

    contract = HEATMAP
    _esm = load_esm("heatmap")
    _css = load_css("heatmap.css")
    selection = traitlets.Instance(Selection, allow_none=True, default_value=None)

    def __init__(
        self,
        catalog: Catalog,
        assets: Sequence[str] | None = None,
        *,
        color_by: str = "status",
        sort_by: str | None = None,
        interrupt_dead_runs: Callable[[], object] | None = None,
        choose: Choose | None = None,
    ) -> None:
        self._catalog = catalog
        self._dead_process_check = DeadProcessCheck(interrupt_dead_runs)
        options = _check_options(ViewOptions(color_by, sort_by, choose=choose))
        self._is_ready = False
        self._view_state = HeatmapState(catalog, assets, options, publish=self._publish)
        super().__init__()
        self._view_state.lock = self.lock
        self._is_ready = True
        self._register_actions()
        self._feed = subscribe(catalog, self, self._view_state.sequence)

    def _register_actions(self) -> None:
        self.on_request("set_options", self._set_options)
        self.on_request("details", self._details)
        self.on_request("keys", self._keys)
        self.on_request("select", self._select)
        self.on_request("highlights", self._highlights)
        self.on_request("sort", self._sort)
        self.on_request("clear", self._clear)
        self.on_request("unfocus", lambda: self.focus(None))

    def state(self) -> payloads.HeatmapState:
        view = self._view_state.view()
        return {"head": view.head, "cells": view.cells}

    def static_html(self) -> str:
        return heatmap_html(self._view_state.bands)

    def show(
        self,
        *,
        color_by: str = _UNCHANGED,
        sort_by: str | None = _UNCHANGED,
        status: str | Iterable[str] | None = _UNCHANGED,
        text: str = _UNCHANGED,
        across: str | None = _UNCHANGED,
        down: str | None = _UNCHANGED,
    ) -> None:
        """Change colours, order, filter or the sides of grids; what is not given stays as it is.

        ``status`` (one or several) and ``text`` (a part of the key) filter the partitions; None and ``""`` show all.
        ``across`` and ``down`` name the dimensions by which products are drawn; the others are summed up in each cell.
        Giving the current ``sort_by`` sorts again by the newest facts. Raises DeclarationError for a wrong value.
        """
        now = self._view_state.options
        if sort_by is not _UNCHANGED and sort_by == now.sort_by:
            self._view_state.sort()
        self._view_state.set_options(
            _check_options(
                ViewOptions(
                    now.color_by if color_by is _UNCHANGED else color_by,
                    now.sort_by if sort_by is _UNCHANGED else sort_by,
                    now.statuses if status is _UNCHANGED else _codes_of(status),
                    now.text if text is _UNCHANGED else text,
                    now.across if across is _UNCHANGED else across,
                    now.down if down is _UNCHANGED else down,
                    now.choose,
                )
            )
        )

    def focus(self, assets: Sequence[str] | None) -> None:
        """Show only these assets, or all again with None, and select nothing.

        Raises UnknownNameError for an unknown asset.
        """
        self._view_state.unselect()
        self._view_state.focus(assets)
        self.selection = None

    def count_selected(self) -> tuple[int, ...]:
        """Return how many of the selected partitions have each status, by code. Raises as `selected_keys`."""
        return self._view_state.count_selected(self.selection) if self.selection else (0,) * len(STATUS_CODES)

    def select_partition(self, asset: str, key: str) -> bool:
        """Select one partition, in every page. Returns whether the heatmap has it."""
        found = self._view_state.select_partition(asset, key)
        if found is None:
            return False
        with self.lock:
            self.send_patch("selection", {"selection": self._view_state.selected_places})
        self.selection = found
        return True

    @property
    def is_all_selected(self) -> bool:
        """Whether every key of a set is selected."""
        return self.selection is not None and self._view_state.has_all_keys(self.selection)

    def unselect(self) -> None:
        """Select nothing, in every page."""
        with self.lock:
            self._view_state.unselect()
            self.send_patch("selection", {"selection": None})
        self.selection = None

    def selected_keys(self) -> list[str]:
        """Return all keys of the selection. Raises WorkspaceError if keys of the set were removed since it was made."""
        selection = self.selection
        if selection is None or not selection.set_name:
            return []
        if selection.keys is not None:
            return list(selection.keys)
        ids = self._view_state.selected_ids(selection)
        return [str(key) for key in self._catalog.read(lambda b: queries.key_texts(b, ids)).tolist()]

    def close(self) -> None:
        if hasattr(self, "_feed"):  # it is also called for a widget whose making failed
            self._feed.remove(self)
        super().close()

    # as a `Subscriber` of the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        if any(band.counts[:, code].any() for band in self._view_state.bands for code in ACTIVE_CODES):
            self._dead_process_check.start()
        until = self._view_state.late_until
        return until is not None and self._catalog.clock() >= until

    def read(self, batch: Batch, changes: Changes) -> CatalogChanges:
        return self._view_state.read_changes(batch)

    def apply(self, found: CatalogChanges) -> None:
        self._view_state.update(found)

    def _publish(self, patch: Patch | None) -> None:
        """Send a patch, or the whole view; called with the lock held."""
        if not self._is_ready:
            return
        if patch is None:
            view = self._view_state.view()
            self.send_patch("view", view.head, [view.cells])
        else:
            self.send_patch("cells", patch.head, [patch.places, patch.status, patch.levels])

    # requests of pages

    def _set_options(self, statuses: list[int], **options: Any) -> Answer:
        chosen = ViewOptions(statuses=frozenset(statuses), choose=self._view_state.options.choose, **options)
        self._view_state.set_options(_check_options(chosen))
        return Answer()

    def _sort(self) -> Answer:
        self._view_state.sort()
        return Answer()

    def _details(self, view: int, band: int, row: int, place: int) -> Answer:
        found = self._view_state.details(view, band, row, place)
        return Answer({"partition": None if found is None else facts_json(found)})

    def _keys(self, view: int, band: int, places: list[int]) -> Answer:
        return Answer({"view": view, "keys": self._view_state.keys(view, band, places)})

    def _select(self, view: int, band: int, rows: list[int], ranges: list[list[int]]) -> Answer:
        self.selection = self._view_state.select(view, band, rows, [(a, b) for a, b in ranges])
        return Answer(message=_describe_selection(self.selection))

    def _highlights(self, view: int, band: int, rows: list[int], ranges: list[list[int]]) -> Answer:
        found = self._view_state.find_highlights(view, band, rows, [(a, b) for a, b in ranges])
        return Answer({"highlights": found})

    def _clear(self) -> Answer:
        self._view_state.unselect()
        self.selection = None
        return Answer()

    def __repr__(self) -> str:
        return f"<PartitionHeatmap of {sum(len(band.rows) for band in self._view_state.bands)} assets>"


def _check_options(options: ViewOptions) -> ViewOptions:
    for what, name in (("color_by", options.color_by), ("sort_by", options.sort_by)):
        if name is not None and (not isinstance(name, str) or not _NAME.fullmatch(name)):
            raise DeclarationError(
                f"{what}={name!r} is neither status, duration_s, rows, bytes nor the name of a metric."
            )
    if options.color_by == "key":
        raise DeclarationError("color_by='key' is no colour: use 'status', 'duration_s', 'rows', 'bytes' or a metric.")
    return options


def _codes_of(status: str | Iterable[str] | None) -> frozenset[int]:
    wanted = [] if status is None else [status] if isinstance(status, str) else list(status)
    for name in wanted:
        if name not in tuple(PartitionStatus):
            raise DeclarationError(f"{name!r} is no status: use {', '.join(PartitionStatus)}.")
    return frozenset(STATUS_CODES[PartitionStatus(name)] for name in wanted)


def facts_json(found: PartitionRecord) -> payloads.PartitionFactsJson:
    """Return what is recorded about a partition as it is sent to pages."""
    run = found.run
    error = ": ".join(part for part in (run.error_class, run.error_message) if part) if run else ""
    duration_s = run.duration_s if run and run.duration_s is not None else found.duration_s
    return {
        "key": found.key,
        "status": found.status.value,
        "run_id": run.run_id if run else None,
        "attempt": run.attempt if run else 0,
        "started_at": run.started_at.isoformat() if run and run.started_at else None,
        "materialized_at": found.materialized_at.isoformat() if found.materialized_at else None,
        "duration_s": duration_s,
        "rows": found.rows,
        "error": error[:2_000],
        "blocked": found.blocked[:2_000],
        "checks": [(name, describe_check(*said)[:300]) for name, *said in found.checks[:20]],
        "metrics": [(name, clip_value(to_exact_json(value))) for name, value in list(found.metrics.items())[:20]],
    }


def _describe_selection(selection: Selection) -> str:
    of = ", ".join(selection.assets[:5]) + (" …" if len(selection.assets) > 5 else "")
    n = sum(stop - start for start, stop in selection.ranges)
    if not selection.set_name:
        return f"Selected: {of}"
    keys = selection.keys or ()
    named = f": {', '.join(keys[:_NAMED])}{' …' if n > _NAMED else ''}" if keys else ""
    return f"Selected {n:,} partition{'' if n == 1 else 's'} of {of}{named}"
