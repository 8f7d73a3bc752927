"""The monitor of one backfill as a live widget, whichever process runs it."""

from __future__ import annotations

from pathlib import Path

import traitlets

from nbpart.catalog import Batch, Catalog, queries
from nbpart.catalog.queries import Changes
from nbpart.catalog.queries.live import BackfillProgress
from nbpart.errors import UnknownNameError
from nbpart.widgets.actions import ActionResult, Actions
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.contracts import MONITOR
from nbpart.widgets.dead_processes import DeadProcessCheck
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.monitor_model import MonitorModel, build_monitor, changed_fields
from nbpart.widgets.payloads import MonitorState, MonitorViewJson
from nbpart.widgets.schema import Answer
from nbpart.widgets.tables import monitor_html


class BackfillMonitor(LiveWidget):
    """The progress of a backfill, its running steps and its failures, with buttons to cancel, retry and resume it.

    ``backfill_id`` is the backfill that is shown. A retry is a new backfill, which is shown from then on. Raises
    `UnknownNameError` for an unknown id.
    """

    contract = MONITOR
    _esm = load_esm("monitor")
    _css = load_css()
    backfill_id = traitlets.Unicode()

    def __init__(self, catalog: Catalog, actions: Actions, backfill_id: str) -> None:
        self._catalog, self._actions = catalog, actions
        self._previous_backfill_id: str | None = None
        self._dead_process_check = DeadProcessCheck(actions.interrupt_dead_runs)
        progress, seen = self._load(backfill_id)
        self.model: MonitorModel = build_monitor(progress)
        self._json = self._to_json()
        super().__init__(backfill_id=backfill_id)
        self.on_request("cancel", self._cancel)
        self.on_request("retry_failed", self._retry_failed)
        self.on_request("resume", self._resume)
        self.on_request("show", self._show)
        self._feed = subscribe(catalog, self, seen)

    def state(self) -> MonitorState:
        return {"backfill": self._json, "home": str(Path.home())}

    def static_html(self) -> str:
        return monitor_html(self.model)

    def close(self) -> None:
        if hasattr(self, "_feed"):
            self._feed.remove(self)
        super().close()

    # as a `Subscriber` of the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        if self.model.is_active:
            self._dead_process_check.start()
        return False

    def read(self, batch: Batch, changes: Changes) -> BackfillProgress | None:
        return queries.backfill_progress(batch, self.backfill_id)

    def apply(self, found: BackfillProgress | None) -> None:
        if found is None:
            return
        with self.lock:
            if found.record.backfill_id != self.backfill_id:
                return  # it was read before another backfill was chosen
            self.model = build_monitor(found)
            before, self._json = self._json, self._to_json()
            if changed := changed_fields(self._json, before):
                self.send_patch("progress", changed)

    # requests of pages

    def _cancel(self) -> Answer:
        return self._answer(self._actions.cancel(self.backfill_id))

    def _retry_failed(self) -> Answer:
        done = self._actions.retry_failed(self.backfill_id)
        if done.backfill_id:
            self._show_backfill(done.backfill_id, self.backfill_id)
        return self._answer(done)

    def _resume(self) -> Answer:
        return self._answer(self._actions.resume(self.backfill_id))

    def _show(self, backfill_id: str) -> Answer:
        self._show_backfill(backfill_id, None)
        return Answer(message=f"Backfill {backfill_id}", code=f"ws.backfills[{backfill_id!r}]")

    def _answer(self, done: ActionResult) -> Answer:
        self._feed.poll_now()
        return Answer({"backfill_id": done.backfill_id}, message=done.message, code=done.code)

    def _show_backfill(self, backfill_id: str, previous_backfill_id: str | None) -> None:
        """Show another backfill; ``previous_backfill_id`` is the one that a button goes back to, or None."""
        progress, _ = self._load(backfill_id)
        with self.lock:
            self.backfill_id, self._previous_backfill_id = backfill_id, previous_backfill_id
            self.model = build_monitor(progress)
            self._json = self._to_json()
            self.send_patch("progress", self._json)

    def _load(self, backfill_id: str) -> tuple[BackfillProgress, int]:
        def work(batch: Batch) -> tuple[BackfillProgress | None, int]:
            return queries.backfill_progress(batch, backfill_id), batch.sequence

        progress, seen = self._catalog.read(work)
        if progress is None:
            raise UnknownNameError(f"there is no backfill {backfill_id!r}; ws.backfills lists them.")
        return progress, seen

    def _to_json(self) -> MonitorViewJson:
        return {**self.model.to_json(self._actions.root), "previous_backfill_id": self._previous_backfill_id}

    def __repr__(self) -> str:
        return f"<BackfillMonitor of {self.model.backfill_id}: {self.model.status}>"
