"""A board as a live widget: a table, parallel coordinates, a scatter, and the curves of what is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from nbpart.catalog import Batch, Catalog
from nbpart.catalog.queries import Changes
from nbpart.widgets.actions import RunActions
from nbpart.widgets.board_choice import BoardChoice, find_chosen, spell_backfill
from nbpart.widgets.board_model import BoardModel
from nbpart.widgets.board_payloads import BoardRunJson, BoardState, ChosenJson
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.clipping import clip, strip_terminal_codes
from nbpart.widgets.contracts import BOARD
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.reloading import Reloading
from nbpart.widgets.run_requests import RunRequests
from nbpart.widgets.schema import Answer


class BoardActions(RunActions, Protocol):
    """What a board is made of, and what can be done there."""

    def read_board(self) -> BoardModel:
        """Return the partitions as they are now, best first."""

    def read_html(self) -> str:
        """Return the board as HTML without scripts."""


class BoardWidget(LiveWidget):
    """The partitions of an asset beside each other; ``choice`` is what a person chose, in any of its views."""

    contract = BOARD
    _esm = load_esm("board")
    _css = load_css("explorer.css", "curves.css", "board.css")

    def __init__(self, catalog: Catalog, actions: BoardActions) -> None:
        self._actions = actions
        seen = catalog.sequence()
        self.choice = BoardChoice()
        self._by = ""
        self._model = actions.read_board()
        self._json, self._values = self._model.to_json(), self._model.encode()
        self._reloading = Reloading(self._read_board)
        super().__init__()
        self.on_request("choose", self._choose)
        self.on_request("read_run", self._read_run)
        for name, handler in RunRequests(actions, lambda: self._feed.poll_now()).handlers.items():
            self.on_request(name, handler)
        self._feed = subscribe(catalog, self, seen)

    def state(self) -> BoardState:
        return {"board": self._json, "values": self._values, "chosen": self._chosen(), "home": str(Path.home())}

    def static_html(self) -> str:
        return self._actions.read_html()

    def close(self) -> None:
        if hasattr(self, "_feed"):
            self._feed.remove(self)
        super().close()

    # as a `Subscriber` of the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        return False

    def read(self, batch: Batch, changes: Changes) -> None:
        """Nothing: a board is read on a thread of its own."""

    def apply(self, found: None) -> None:
        self._reloading.ask()

    def _read_board(self) -> None:
        model = self._actions.read_board()
        shown, values = model.to_json(), model.encode()
        with self.lock:
            self._model = model
            if (shown, values) != (self._json, self._values):
                self._json, self._values, self._by = shown, values, ""
                self.send_patch("board", {"board": shown}, [values])
                self.send_patch("chosen", {"chosen": self._chosen()})

    # requests of pages

    def _choose(self, keys: list[str | None], ranges: dict[str, Any], labels: dict[str, list[str]], by: str) -> Answer:
        with self.lock:
            self.choice = BoardChoice(
                tuple(keys),
                {name: (low, high) for name, (low, high) in ranges.items()},
                {name: tuple(each) for name, each in labels.items()},
            )
            self._by = by
            self.send_patch("chosen", {"chosen": self._chosen()})
        return Answer()

    def _read_run(self, run_id: str) -> Answer:
        run = self._actions.read_run(run_id)
        shown: BoardRunJson = {
            "id": run.run_id, "status": run.status, "is_live": run.is_live, "attempt": run.attempt,
            "notebook": run.notebook, "error": clip(strip_terminal_codes(run.error or "")),
        }  # fmt: skip
        return Answer(shown, code=run.code)

    def _chosen(self) -> ChosenJson:
        count, code = int(find_chosen(self._model, self.choice).sum()), spell_backfill(self._model, self.choice)
        return {
            "keys": list(self.choice.keys),
            "ranges": dict(self.choice.ranges),
            "labels": {name: list(each) for name, each in self.choice.labels.items()},
            "count": count,
            "code": code,
            "by": self._by,
        }

    def __repr__(self) -> str:
        return f"<BoardWidget of {self._json['asset']}: {len(self._json['keys']):,} partitions>"
