"""A backfill as a live widget, wherever it runs."""

from __future__ import annotations

from pathlib import Path

import traitlets

from nbpart.catalog import Batch, Catalog, queries
from nbpart.catalog.queries import Changes
from nbpart.catalog.queries.live import BackfillProgress
from nbpart.errors import UnknownNameError
from nbpart.widgets.actions import ActionResult, Actions
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.contracts import MONITOR
from nbpart.widgets.link import LinkedWidget
from nbpart.widgets.monitor_model import MonitorModel, build_monitor, changed_fields
from nbpart.widgets.payloads import MonitoredJson, MonitorState
from nbpart.widgets.reaping import Reaper
from nbpart.widgets.schema import Answer
from nbpart.widgets.tables import monitor_html
from nbpart.widgets.watch import follow


class BackfillMonitor(LinkedWidget):
    """How far a backfill is, what runs, what failed, with buttons to cancel, retry and resume.

    ``backfill_id`` is what is shown: a retry is a backfill of its own, and the monitor goes on with it.
    """

    contract = MONITOR
    _esm = load_esm("monitor")
    _css = load_css()
    backfill_id = traitlets.Unicode()

    def __init__(self, catalog: Catalog, actions: Actions, backfill_id: str) -> None:
        self._catalog, self._actions = catalog, actions
        self._earlier: str | None = None
        self._reaper = Reaper(actions.interrupt_dead_runs)
        progress, seen = self._load(backfill_id)
        self.model: MonitorModel = build_monitor(progress)
        self._json = self._to_json()
        super().__init__(backfill_id=backfill_id)
        self.answer_to("cancel", self._cancel)
        self.answer_to("retry_failed", self._retry_failed)
        self.answer_to("resume", self._resume)
        self.answer_to("show", self._show)
        self._watcher = follow(catalog, self, seen)

    def state(self) -> MonitorState:
        return {"backfill": self._json, "home": str(Path.home())}

    def static_html(self) -> str:
        return monitor_html(self.model)

    def close(self) -> None:
        if hasattr(self, "_watcher"):
            self._watcher.remove(self)
        super().close()

    # following the catalog

    def catch_up(self) -> None:
        self._watcher.nudge()

    def is_due(self) -> bool:
        if self.model.is_going:
            self._reaper.look()
        return False

    def read(self, batch: Batch, changes: Changes) -> BackfillProgress | None:
        return queries.backfill_progress(batch, self.backfill_id)

    def apply(self, found: BackfillProgress | None) -> None:
        if found is None:
            return
        with self.guard:
            if found.record.backfill_id != self.backfill_id:
                return  # read before another one was shown
            self.model = build_monitor(found)
            before, self._json = self._json, self._to_json()
            if changed := changed_fields(self._json, before):
                self.patch("progress", changed)

    # what pages ask for

    def _cancel(self) -> Answer:
        return self._tell(self._actions.cancel(self.backfill_id))

    def _retry_failed(self) -> Answer:
        done = self._actions.retry_failed(self.backfill_id)
        if done.backfill_id:
            self._go_to(done.backfill_id, self.backfill_id)
        return self._tell(done)

    def _resume(self) -> Answer:
        return self._tell(self._actions.resume(self.backfill_id))

    def _show(self, backfill_id: str) -> Answer:
        self._go_to(backfill_id, None)
        return Answer(message=f"Backfill {backfill_id}", code=f"ws.backfills[{backfill_id!r}]")

    def _tell(self, done: ActionResult) -> Answer:
        self._watcher.nudge()
        return Answer({"backfill_id": done.backfill_id}, message=done.message, code=done.code)

    def _go_to(self, backfill_id: str, earlier: str | None) -> None:
        """Show another backfill; ``earlier`` is the one to go back to."""
        progress, _ = self._load(backfill_id)
        with self.guard:
            self.backfill_id, self._earlier = backfill_id, earlier
            self.model = build_monitor(progress)
            self._json = self._to_json()
            self.patch("progress", self._json)

    def _load(self, backfill_id: str) -> tuple[BackfillProgress, int]:
        def work(batch: Batch) -> tuple[BackfillProgress | None, int]:
            return queries.backfill_progress(batch, backfill_id), batch.sequence

        progress, seen = self._catalog.read(work)
        if progress is None:
            raise UnknownNameError(f"there is no backfill {backfill_id!r}; ws.backfills lists them.")
        return progress, seen

    def _to_json(self) -> MonitoredJson:
        return {**self.model.to_json(self._actions.root), "earlier": self._earlier}

    def __repr__(self) -> str:
        return f"<BackfillMonitor of {self.model.backfill_id}: {self.model.status}>"
