"""What a kernel that died printed last, and did not send or record any more."""

from __future__ import annotations

import os
import signal

from nbpart.run.executed_notebook import strip_ansi
from nbpart.run.kernels.printed import CONSOLE_BEGINS, STREAMS, read_printed
from nbpart.run.report import Ending
from nbpart.states import RunStatus

#: The most that is read of a console, in bytes, and kept of what was received, in characters.
_MOST_READ, _MOST_KEPT = 4 << 20, 16_384
#: So many bytes of what was recorded last are known; a kernel writes less at once.
_MOST_RECENT = 1 << 20
#: So many characters of what was received last are searched for in what was printed.
_KNOWN = 200


class RecentText:
    """The end of a text that grows, and how long it is in bytes."""

    def __init__(self) -> None:
        self.size, self.end = 0, b""

    def add(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        self.size += len(data)
        self.end = (self.end + data)[-_MOST_RECENT:]


class UnrecordedText:
    """Finds what a forked kernel printed and its journal has not: it knows how much of each stream that has."""

    def __init__(self) -> None:
        self._sizes = dict.fromkeys(STREAMS, 0)
        self._lasts = dict.fromkeys(STREAMS, "")

    def add(self, name: str, text: str) -> None:
        self._lasts[name] = (self._lasts.get(name, "") + text[-_KNOWN:])[-_KNOWN:]
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        self._sizes[name] = self._sizes.get(name, 0) + size

    def find(self, console: int) -> dict[str, str]:
        """The text of each stream that is missing, by the file that is its console."""
        found: dict[str, str] = {}
        for name in STREAMS:
            total, kept = read_printed(console, name)
            last = self._lasts[name].encode("utf-8", "replace")
            begin = len(kept) - (total - self._sizes[name])
            if not (0 <= begin <= len(kept) and kept.endswith(last[-begin:] if begin else b"", 0, begin)):
                # a message of its own making was among them
                begin = max(kept.rfind(last), 0) + len(last) if last in kept else 0
            if text := kept[begin:].decode("utf-8", "replace"):
                found[name] = text
        return found


class ConsoleRest:
    """Finds what a stock kernel wrote to its console and did not send: it repeats there what it sends."""

    def __init__(self) -> None:
        self._last = ""

    def add(self, text: str) -> None:
        self._last = (self._last + text)[-_MOST_KEPT:]

    def read_rest(self, console: int) -> str:
        text = read_console(console)
        return strip_ansi(text[self._find_end(text) :]).strip()

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


def read_console(console: int, begin: int = 0) -> str:
    """The end of what a kernel wrote to its console."""
    begin = max(begin, os.fstat(console).st_size - _MOST_READ)
    return os.pread(console, _MOST_READ, begin).decode("utf-8", "ignore").replace("\0", "")


def read_past_streams(console: int) -> str:
    """The end of what a forked kernel wrote past its streams."""
    return strip_ansi(read_console(console, CONSOLE_BEGINS)).strip()


def explain_death(where: str, code: int | None, last_output: str) -> Ending:
    """The ending of a run whose kernel died, with what it printed last."""
    message = f"the kernel died {where}{_exit_phrase(code)}"
    shown = strip_ansi(last_output)[-_MOST_KEPT:].strip() or None
    return Ending(RunStatus.FAILED, "DeadKernel", message, traceback=shown, exit_code=code)


def _exit_phrase(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f" with exit code {code}"
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    memory = ", often because the memory ran out" if -code == signal.SIGKILL else ""
    return f", killed by signal {-code}{name}{memory}"
