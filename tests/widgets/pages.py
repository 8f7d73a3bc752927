"""A page for tests: what a widget sends, without a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from nbpart.widgets.live_widget import LiveWidget


class Page:
    """Records what a widget sends to its pages, and sends it requests."""

    def __init__(self, widget: LiveWidget) -> None:
        self.widget = widget
        self.messages: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self.states: list[dict[str, Any]] = []
        self._came = threading.Condition()
        widget.send = self._take  # type: ignore[method-assign]
        widget.send_state = self._take_state  # type: ignore[method-assign]

    def request(self, action: str, payload: Any = None, request_id: str = "r1", **more: Any) -> None:
        message = {"v": 1, "id": request_id, "action": action, "payload": payload or {}} | more
        self.widget._handle_custom_msg(message, [])

    def ask(self, action: str, payload: Any = None) -> dict[str, Any]:
        """The answer to a request."""
        request_id = f"r{len(self.messages)}"
        self.request(action, payload, request_id)
        return self.wait_for(lambda m: m.get("id") == request_id)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 20) -> dict[str, Any]:
        """The first message like that, sent already or to come."""
        with self._came:
            assert self._came.wait_for(lambda: any(map(wanted, self.messages)), timeout_s), self.messages
            return next(filter(wanted, self.messages))

    def _take(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        with self._came:
            self.messages.append(content)
            self.buffers.append(list(buffers or []))
            self._came.notify_all()

    def _take_state(self, key: Any = None) -> None:
        self.states.append(self.widget.get_state(key))
