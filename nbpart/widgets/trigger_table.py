"""The triggers of a workspace as a live widget, whoever watches."""

from __future__ import annotations

from nbpart.catalog import Batch, Catalog
from nbpart.catalog.queries import Changes
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.contracts import TRIGGERS
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.schema import Answer
from nbpart.widgets.tables import triggers_html
from nbpart.widgets.trigger_actions import TriggerActions, TriggersSummary
from nbpart.widgets.trigger_json import triggers_json
from nbpart.widgets.trigger_list import TriggerList, TriggerRequests
from nbpart.widgets.trigger_payloads import TriggersState


class TriggerTable(LiveWidget):
    """Each trigger with its last and next look, a switch and a look now; above them who watches.

    ``shown`` is what it shows. It is kept up to date until `close`, also with looks that found nothing.
    """

    contract = TRIGGERS
    _esm = load_esm("triggers")
    _css = load_css("triggers.css")

    def __init__(self, catalog: Catalog, actions: TriggerActions) -> None:
        self._actions = actions
        seen = catalog.sequence()
        self.shown = actions.read_triggers()
        self._triggers = TriggerList(actions, self._publish)
        super().__init__()
        for name, handler in TriggerRequests(actions, self._after_request).handlers.items():
            self.on_request(name, handler)
        self.on_request("show_backfill", self._show_backfill)
        self._feed = subscribe(catalog, self, seen)
        self._triggers.on_change(are_there=True)

    def state(self) -> TriggersState:
        return {"shown": triggers_json(self.shown)}

    def static_html(self) -> str:
        return triggers_html(self.shown)

    def close(self) -> None:
        if hasattr(self, "_feed"):
            self._feed.remove(self)
        super().close()

    # as a `Subscriber` of the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        self._triggers.on_poll()
        return False

    def read(self, batch: Batch, changes: Changes) -> None:
        """Nothing: they are read on a thread of their own, with what is not in the catalog."""

    def apply(self, found: None) -> None:
        self._triggers.on_change(are_there=True)

    def _publish(self, shown: TriggersSummary) -> None:
        with self.lock:
            if shown != self.shown:
                self.shown = shown
                self.send_patch("shown", triggers_json(shown))

    # requests of pages

    def _show_backfill(self, backfill_id: str) -> Answer:
        found = self._actions.describe_backfill(backfill_id)
        return Answer(message=found.message, code=found.code)

    def _after_request(self, _: object) -> None:
        self._triggers.ask()
        self._feed.poll_now()

    def __repr__(self) -> str:
        return f"<TriggerTable: {self.shown.watching or 'no triggers'}>"
