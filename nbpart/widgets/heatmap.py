"""The partition heatmap as a live widget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

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
from nbpart.widgets.heatmap_bands import Choice
from nbpart.widgets.heatmap_model import Selection
from nbpart.widgets.heatmap_state import Found, HeatmapState, Patch
from nbpart.widgets.heatmap_svg import heatmap_html
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.schema import Answer
from nbpart.widgets.values import to_exact_json

_NAME = re.compile(r"(metric\.)?[^\W\d]\w*")
_SAME: Any = object()
#: How many keys of a selection are told.
_NAMED = 3


class PartitionHeatmap(LiveWidget):
    """Every partition with its status: a band a partitions definition, a row an asset; follows the catalog.

    ``assets`` are names, or None for all that are computed. ``color_by`` is ``"status"``, ``"duration_s"``, ``"rows"``,
    ``"bytes"`` or a metric; ``sort_by`` is None (as added), ``"key"``, or one of those. Raises UnknownNameError and
    DeclarationError.

    ``selection`` is the `Selection` that a person made last, or None; observe it. Observers are called on the thread
    that the click came on, which need not be the main one.
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
    ) -> None:
        self._catalog = catalog
        self._dead_process_check = DeadProcessCheck(interrupt_dead_runs)
        choice = _check_choice(Choice(color_by, sort_by))
        self._told: HeatmapState | None = None
        self._held = HeatmapState(catalog, assets, choice, publish=self._publish)
        super().__init__()
        self._held.lock = self.lock
        self._told = self._held
        self._answer()
        self._feed = subscribe(catalog, self, self._held.sequence)

    def _answer(self) -> None:
        self.on_request("choose", self._choose)
        self.on_request("details", self._details)
        self.on_request("keys", self._keys)
        self.on_request("select", self._select)
        self.on_request("sort", self._sort)
        self.on_request("clear", self._clear)
        self.on_request("unfocus", lambda: self.focus(None))

    def state(self) -> payloads.HeatmapState:
        view = self._held.view()
        return {"head": view.head, "cells": view.cells}

    def static_html(self) -> str:
        return heatmap_html(self._held.bands)

    def show(
        self,
        *,
        color_by: str = _SAME,
        sort_by: str | None = _SAME,
        status: str | Iterable[str] | None = _SAME,
        text: str = _SAME,
    ) -> None:
        """Show it in another way; what is not given stays as it is.

        ``status`` (one or more of them) and ``text`` (a part of the key) say which partitions are shown: None and
        ``""`` show all. ``sort_by`` as it was sorts again, as things are now. Raises DeclarationError.
        """
        now = self._held.choice
        if sort_by is not _SAME and sort_by == now.sort_by:
            self._held.sort()
        self._held.choose(
            _check_choice(
                Choice(
                    now.color_by if color_by is _SAME else color_by,
                    now.sort_by if sort_by is _SAME else sort_by,
                    now.statuses if status is _SAME else _codes_of(status),
                    now.text if text is _SAME else text,
                )
            )
        )

    def focus(self, assets: Sequence[str] | None) -> None:
        """Show only these assets, or all again with None; what was selected is not any longer.

        Raises UnknownNameError.
        """
        self._held.unselect()
        self._held.focus(assets)
        self.selection = None

    def count_selected(self) -> tuple[int, ...]:
        """How many of the selected partitions have each status, by code. Raises WorkspaceError as `selected_keys`."""
        return self._held.count_selected(self.selection) if self.selection else (0,) * len(STATUS_CODES)

    @property
    def is_all_selected(self) -> bool:
        """Whether every key of a set is selected."""
        return self.selection is not None and self._held.holds_all(self.selection)

    def unselect(self) -> None:
        """Select nothing, in every page."""
        with self.lock:
            self._held.unselect()
            self.send_patch("selection", {"selection": None})
        self.selection = None

    def selected_keys(self) -> list[str]:
        """The keys of the selection, as many as they are. Raises WorkspaceError where keys were removed since."""
        selection = self.selection
        if selection is None or not selection.set_name:
            return []
        if selection.keys is not None:
            return list(selection.keys)
        ids = self._held.selected_ids(selection)
        return [str(key) for key in self._catalog.read(lambda b: queries.key_texts(b, ids)).tolist()]

    def close(self) -> None:
        if hasattr(self, "_feed"):  # it is also called for a widget whose making failed
            self._feed.remove(self)
        super().close()

    # following the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        if any(band.counts[:, code].any() for band in self._held.bands for code in ACTIVE_CODES):
            self._dead_process_check.start()
        return False

    def read(self, batch: Batch, changes: Changes) -> Found:
        return self._held.read(batch)

    def apply(self, found: Found) -> None:
        self._held.follow(found)

    def _publish(self, patch: Patch | None) -> None:
        """Tell the pages; called with the lock held."""
        if self._told is None:
            return
        if patch is None:
            view = self._held.view()
            self.send_patch("view", view.head, [view.cells])
        else:
            self.send_patch("cells", patch.head, [patch.places, patch.status, patch.steps])

    # what pages ask for

    def _choose(self, color_by: str, sort_by: str | None, statuses: list[int], text: str) -> Answer:
        self._held.choose(_check_choice(Choice(color_by, sort_by, frozenset(statuses), text)))
        return Answer()

    def _sort(self) -> Answer:
        self._held.sort()
        return Answer()

    def _details(self, view: int, band: int, row: int, place: int) -> Answer:
        found = self._held.details(view, band, row, place)
        return Answer({"found": None if found is None else found_json(found)})

    def _keys(self, view: int, band: int, places: list[int]) -> Answer:
        return Answer({"view": view, "keys": self._held.keys(view, band, places)})

    def _select(self, view: int, band: int, rows: list[int], ranges: list[list[int]]) -> Answer:
        selection, highlights = self._held.select(view, band, rows, [(a, b) for a, b in ranges])
        self.selection = selection
        return Answer({"highlights": highlights}, message=_tell(selection))

    def _clear(self) -> Answer:
        self._held.unselect()
        self.selection = None
        return Answer()

    def __repr__(self) -> str:
        return f"<PartitionHeatmap of {sum(len(band.rows) for band in self._held.bands)} assets>"


def _check_choice(choice: Choice) -> Choice:
    for what, name in (("color_by", choice.color_by), ("sort_by", choice.sort_by)):
        if name is not None and (not isinstance(name, str) or not _NAME.fullmatch(name)):
            raise DeclarationError(
                f"{what}={name!r} is neither status, duration_s, rows, bytes nor the name of a metric."
            )
    if choice.color_by == "key":
        raise DeclarationError("color_by='key' is no colour: use 'status', 'duration_s', 'rows', 'bytes' or a metric.")
    return choice


def _codes_of(status: str | Iterable[str] | None) -> frozenset[int]:
    wanted = [] if status is None else [status] if isinstance(status, str) else list(status)
    for name in wanted:
        if name not in tuple(PartitionStatus):
            raise DeclarationError(f"{name!r} is no status: use {', '.join(PartitionStatus)}.")
    return frozenset(STATUS_CODES[PartitionStatus(name)] for name in wanted)


def found_json(found: PartitionRecord) -> payloads.FoundJson:
    """What is known of a partition, as a page takes it."""
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
        "metrics": [(name, clip_value(to_exact_json(value))) for name, value in list(found.metrics.items())[:20]],
    }


def _tell(selection: Selection) -> str:
    of = ", ".join(selection.assets[:5]) + (" …" if len(selection.assets) > 5 else "")
    n = sum(stop - start for start, stop in selection.ranges)
    if not selection.set_name:
        return f"Selected: {of}"
    keys = selection.keys or ()
    named = f": {', '.join(keys[:_NAMED])}{' …' if n > _NAMED else ''}" if keys else ""
    return f"Selected {n:,} partition{'' if n == 1 else 's'} of {of}{named}"
