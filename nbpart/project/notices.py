"""Showing what nbpart has to say: a replaced asset, a key that came back, a backfill that waits."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

log = logging.getLogger("nbpart")


class NoticeHandler(logging.StreamHandler[TextIO]):
    """Writes the bare message to what ``sys.stderr`` is at that moment: in a notebook, the cell that runs.

    It is silent as soon as the program has handlers of its own.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """Nothing: it is always the current one."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            super().emit(record)


def show_notices() -> None:
    """Let a user see nbpart's notices, unless logging is configured already."""
    if log.hasHandlers():
        return
    log.addHandler(NoticeHandler())
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
