"""A task of a forked kernel that does nothing until it is killed."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

ENTRY = f"{__name__}:IdleRun"


class IdleRun:
    def __init__(self, app: Any, folder: str, task: Mapping[str, Any], given: Mapping[str, int]) -> None:
        self._is_opened = bool(task.get("opens"))
        self._app, self._folder = app, folder

    def execute(self) -> bool:
        if self._is_opened:
            self._app.open_sockets(self._folder)
            return True
        signal.pause()
        return False

    def finish(self) -> None:
        pass
