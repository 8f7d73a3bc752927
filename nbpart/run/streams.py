"""The printed text of a cell as a front end shows it: pieces joined, carriage returns and backspaces applied.

Everything here takes time in proportion to what was printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode

#: The most characters of what one cell prints that are in its notebook: all of it is in the log.
MOST_PRINTED = 10 << 20
_PIECE_SIZE = 65_536
#: A text is cut at the end of a line if there is one within so many characters.
_LINE = 4_096
#: A cell that changes between streams more often has one output a stream.
_MOST_CHANGES = 10_000


def overwrite(text: str) -> str:
    """Apply the carriage returns and backspaces of a text.

    What follows a carriage return in a line replaces what was before it, as nbclient has it; carriage returns at the
    end of a line or of the text stay. A backspace takes the character before it in its line, if there is one. Texts may
    be taken in pieces: `overwrite(a + b) == overwrite(overwrite(a) + b)`.
    """
    if "\r" not in text and "\b" not in text:
        return text
    return "\n".join(_overwrite_line(line) for line in text.split("\n"))


def _overwrite_line(line: str) -> str:
    if "\r" in line:
        end = len(line.rstrip("\r"))
        line = line[line.rfind("\r", 0, end) + 1 :]
    if "\b" not in line:
        return line
    kept: list[str] = []
    for piece in re.split("(\b)", line):
        if piece != "\b":
            kept.extend(piece)
        elif kept:
            kept.pop()
    return "".join(kept)


class StreamOutputs:
    """Takes in the text that cells print; consecutive texts of one stream become one output.

    Where a cell changes between streams more than ten thousand times, each has one output from then on. The text of
    outputs that grow is in their notebook only after `settle`.

    most: so many characters of what a cell prints are kept, the first half and the last, or None for all. place: where
    the rest is, named in between. hide: takes out of a text what nobody may read, before it is cut there.
    """

    def __init__(
        self, most: int | None = None, place: str = "", hide: Callable[[str], str] = lambda text: text
    ) -> None:
        self._most, self._place, self._hide = most, place, hide
        self._cells: dict[int, _CellOutputs] = {}

    def add(self, outputs: list[Any], name: str, text: str) -> Any:
        """Add text to the last of a cell's outputs, or a new one behind it; returns that output."""
        cell = self._cells.get(id(outputs))
        if cell is None or not cell.is_of(outputs):
            cell = self._cells[id(outputs)] = _CellOutputs(outputs)
        output = cell.add(name, text)
        if self._most is not None and cell.size > cell.checked_at:
            self._check(cell, self._most + self._most // 4)
        return output

    def settle(self) -> None:
        """Write the text that was added so far into the outputs."""
        for cell in self._cells.values():
            if self._most is not None and cell.size > self._most:
                self._check(cell, self._most)
            for text in cell.texts:
                text.settle()

    def _check(self, cell: _CellOutputs, most: int) -> None:
        """Cut what a cell printed if it is more than that once carriage returns had their effect."""
        assert self._most is not None
        if cell.measure() > most:
            cell.cut(self._most, self._hide)
            note = f"[nbpart] {cell.left_out:,} characters are left out here; the log has all of it: {self._place}"
            assert cell.torn is not None
            cell.torn.note = f"\n{note}\n"
        cell.checked_at = max(most, cell.size + self._most // 4)


class _CellOutputs:
    """What one cell prints.

    texts: those that may still change, in order. torn: the one in which what is left out was. size: about how many
    characters there are.
    """

    def __init__(self, outputs: list[Any]) -> None:
        self._outputs = outputs
        self._first: Any = None
        self.texts: list[_GrowingText] = []
        self.torn: _GrowingText | None = None
        self.size = self.left_out = self._head_size = self.checked_at = 0
        self._changes = 0

    def is_of(self, outputs: list[Any]) -> bool:
        """Whether it is about these, and they were not cleared meanwhile."""
        return self._outputs is outputs and bool(outputs) and outputs[0] is self._first

    def add(self, name: str, text: str) -> Any:
        growing = self._find(name)
        growing.add(text)
        self.size += len(text)
        return growing.output

    def _find(self, name: str) -> _GrowingText:
        for distance in range(1, 2 if self._changes <= _MOST_CHANGES else 3):
            growing = self.texts[-distance] if len(self.texts) >= distance else None
            if growing is None or not self._outputs or growing.output is not self._outputs[-distance]:
                break
            if growing.output["name"] == name:
                return growing
        last = self._outputs[-1] if self._outputs else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            self._outputs.append(NotebookNode(output_type="stream", name=name, text=""))  # type: ignore[no-untyped-call]
        if self.texts:
            self.texts[-1].settle()
        self.texts.append(_GrowingText(self._outputs[-1]))
        self._first = self._outputs[0]
        self._changes += 1
        return self.texts[-1]

    def measure(self) -> int:
        self.size = self._head_size + sum(len(text.join()) for text in self.texts)
        return self.size

    def cut(self, most: int, hide: Callable[[str], str]) -> None:
        """Leave out what stands between the first and the last half of `most` characters."""
        for text in self.texts:
            text.replace(hide(text.join()))
        if self.torn is None:
            self._keep_head(most // 2)
        excess = sum(len(text.join()) for text in self.texts) - most // 2
        for text in self.texts:
            if excess <= 0:
                break
            whole = text.join()
            begin = _after_line(whole, min(excess, len(whole)))
            text.replace(whole[begin:])
            excess -= begin
            self.left_out += begin
            if not text.join() and text is not self.torn:
                text.settle()
        self.texts = [text for text in self.texts if text.join() or text in (self.torn, *self.texts[-2:])]
        self.measure()

    def _keep_head(self, room: int) -> None:
        while len(self.texts) > 1 and len(self.texts[0].join()) <= room:
            kept = self.texts.pop(0)
            kept.settle()
            room -= len(kept.join())
            self._head_size += len(kept.join())
        self.torn = self.texts[0]
        whole = self.torn.join()
        end = whole.rfind("\n", max(0, room - _LINE), room) + 1 or room
        self.torn.head = whole[:end]
        self._head_size += end
        self.torn.replace(whole[end:])


class _GrowingText:
    """The text of an output that grows; `head` and `note` stand before what grows, and stay."""

    def __init__(self, output: Any) -> None:
        self.output = output
        self.head = self.note = ""
        self.replace(output["text"])

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        if self._size > self._limit:
            # each time it has doubled: a progress bar does not fill the memory, and all cost no more than the last
            self.join()

    def join(self) -> str:
        """What grows, as it stands now."""
        if len(self._pieces) > 1:
            self.replace(overwrite("".join(self._pieces)))
        return self._pieces[0]

    def replace(self, text: str) -> None:
        self._pieces, self._size = [text], len(text)
        self._limit = 2 * self._size + _PIECE_SIZE

    def settle(self) -> None:
        self.output["text"] = self.head + self.note + self.join()


def _after_line(text: str, place: int) -> int:
    """Where the line ends in which a place lies, if that is near; else the place."""
    return text.find("\n", max(0, place - 1), place + _LINE) + 1 or place
