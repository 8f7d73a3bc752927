"""What nbclient's output widgets send to their kernel, where there is no socket to it."""

from __future__ import annotations

from typing import Any


class WidgetClient:
    """Stands for the client of a kernel: it keeps what is sent by its shell channel."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.shell_channel = self
        self._sent: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        self._sent.append({**message, "buffers": []})  # as it would be received

    def take_sent(self) -> list[dict[str, Any]]:
        """What was sent since this was asked last."""
        sent, self._sent = self._sent, []
        return sent
