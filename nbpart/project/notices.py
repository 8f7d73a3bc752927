"""Showing nbpart's log messages to a user who has not configured logging."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

log = logging.getLogger("nbpart")


class NoticeHandler(logging.StreamHandler[TextIO]):
    """Writes messages to the current ``sys.stderr``, which in a notebook is the output of the running cell.

    Writes nothing as soon as the root logger has handlers.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """Ignored: the stream is always the current ``sys.stderr``."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            super().emit(record)


def show_notices() -> None:
    """Add a `NoticeHandler` to nbpart's logger, unless logging is configured already."""
    if log.hasHandlers():
        return
    log.addHandler(NoticeHandler())
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
