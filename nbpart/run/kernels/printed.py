"""The last that a forked kernel printed, in memory that outlives it: what it had not sent when it died is read there.

That memory is the beginning of the file that is the kernel's console, which holds what was written past the streams
behind it.
"""

from __future__ import annotations

import mmap
import os

STREAMS = ("stdout", "stderr")
#: So many bytes of each stream are kept: more than a kernel prints before it waits for its reader.
_KEPT = 4 << 20
_HEADER = mmap.PAGESIZE
#: Where the rest of the console begins.
CONSOLE_BEGINS = _HEADER + len(STREAMS) * _KEPT


class PrintedText:
    """Keeps what is printed to one stream. One thread at a time."""

    def __init__(self, console: int, name: str) -> None:
        if os.fstat(console).st_size < CONSOLE_BEGINS:
            os.ftruncate(console, CONSOLE_BEGINS)
        if os.lseek(console, 0, os.SEEK_CUR) < CONSOLE_BEGINS:
            os.lseek(console, CONSOLE_BEGINS, os.SEEK_SET)
        index = STREAMS.index(name)
        self._memory = mmap.mmap(console, CONSOLE_BEGINS)
        self._totals = memoryview(self._memory)[: 8 * len(STREAMS)].cast("Q")
        self._index, self._total = index, 0
        self._begin = self._at = _HEADER + index * _KEPT
        self._end = self._begin + _KEPT

    def add(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        end = self._at + len(data)
        if end <= self._end:
            self._memory[self._at : end] = data
            self._at = end
        else:
            self._wrap(data)
        self._total += len(data)
        self._totals[self._index] = self._total

    def _wrap(self, data: bytes) -> None:
        last = data[-_KEPT:]
        at = self._begin + (self._at - self._begin + len(data) - len(last)) % _KEPT
        room = self._end - at
        self._memory[at : at + len(last[:room])] = last[:room]
        rest = last[room:]
        self._memory[self._begin : self._begin + len(rest)] = rest
        self._at = self._begin + len(rest) if rest else at + len(last)


def read_printed(console: int, name: str) -> tuple[int, bytes]:
    """How many bytes were printed to a stream, and the last of them."""
    index = STREAMS.index(name)
    header = os.pread(console, 8 * len(STREAMS), 0)
    total = int(memoryview(header).cast("Q")[index]) if len(header) == 8 * len(STREAMS) else 0
    begin = _HEADER + index * _KEPT
    if total <= _KEPT:
        return total, os.pread(console, total, begin)
    at = total % _KEPT
    return total, os.pread(console, _KEPT - at, begin + at) + os.pread(console, at, begin)
