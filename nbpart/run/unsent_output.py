"""Finds what a kernel printed but died before it sent."""

from __future__ import annotations

import os

from nbpart.run.executed_notebook import strip_ansi
from nbpart.run.kernels.launch import PREWARMED, RunKernel
from nbpart.run.kernels.printed import CONSOLE_BEGINS, STREAMS, read_printed

#: The most that is read of a console, in bytes, and kept of what was received, in characters.
_MOST_READ, _MOST_KEPT = 4 << 20, 16_384
#: So many characters of what was received last are searched for in what was printed.
_KNOWN = 200


class ReceivedOutput:
    """How much text of each stream a run received by messages, and the end of that text."""

    def __init__(self) -> None:
        self._last = ""
        self._sizes = dict.fromkeys(STREAMS, 0)
        self._lasts = dict.fromkeys(STREAMS, "")

    def add(self, name: str, text: str) -> None:
        self._last = (self._last + text)[-_MOST_KEPT:]
        self._lasts[name] = (self._lasts.get(name, "") + text[-_KNOWN:])[-_KNOWN:]
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        self._sizes[name] = self._sizes.get(name, 0) + size

    def find_unsent(self, kernel: RunKernel) -> dict[str, str]:
        """The text of each stream that a forked kernel printed and did not send; empty for other kernels."""
        found: dict[str, str] = {}
        if kernel.kind == PREWARMED:
            for name in STREAMS:
                total, kept = read_printed(kernel.console.fileno(), name)
                last = self._lasts[name].encode("utf-8", "replace")
                begin = len(kept) - (total - self._sizes[name])
                if not (0 <= begin <= len(kept) and kept.endswith(last[-begin:] if begin else b"", 0, begin)):
                    # a message of its own making was among them
                    begin = max(kept.rfind(last), 0) + len(last) if last in kept else 0
                if text := kept[begin:].decode("utf-8", "replace"):
                    found[name] = text
        return found

    def read_console_rest(self, kernel: RunKernel) -> str:
        """What a dead kernel wrote to its console past its streams, and a stock one also by them but sent no more."""
        console = kernel.console.fileno()
        begin = CONSOLE_BEGINS if kernel.kind == PREWARMED else 0
        begin = max(begin, os.fstat(console).st_size - _MOST_READ)
        text = os.pread(console, _MOST_READ, begin).decode("utf-8", "ignore").replace("\0", "")
        if kernel.kind != PREWARMED:
            text = text[self._find_end(text) :]
        return strip_ansi(text).strip()

    def _find_end(self, text: str) -> int:
        """The place in the text of a console behind what was received of it."""
        received = self._last
        known = received[-_KNOWN:]
        # a short text may well be there twice
        place = text.find(received) if len(received) < _KNOWN else text.rfind(known)
        if received and place >= 0:
            return place + len(known)
        longest = min(len(text), len(received))
        return next((length for length in range(longest, 0, -1) if received.endswith(text[:length])), 0)
