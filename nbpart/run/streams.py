"""What a cell prints, as a front end shows it: pieces joined, lines overwritten by carriage returns and backspaces.

Everything here takes time in proportion to what was printed.
"""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode

_OVERWRITES = re.compile("[\r\b]")
_PIECE_SIZE = 65_536


def overwrite(text: str) -> str:
    """Text as it stands once its carriage returns and backspaces had their effect.

    What follows a carriage return in a line replaces what was before it, as nbclient has it; carriage returns at the
    end of a line or of the text stay. A backspace takes the character before it in its line, if there is one. Texts may
    be taken in pieces: `overwrite(a + b) == overwrite(overwrite(a) + b)`.
    """
    if _OVERWRITES.search(text) is None:
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

    The text of the output that grows is in its notebook only after `settle`.
    """

    def __init__(self) -> None:
        self._output: Any = None
        self._pieces: list[str] = []
        self._size = 0
        self._limit = 0

    def add(self, outputs: list[Any], name: str, text: str) -> Any:
        """Add text to the last of a cell's outputs, or a new one behind it; returns that output."""
        last = outputs[-1] if outputs else None
        if last is None or last is not self._output or last["name"] != name:
            self.settle()
            if last is None or last["output_type"] != "stream" or last["name"] != name:
                last = NotebookNode(output_type="stream", name=name, text="")  # type: ignore[no-untyped-call]
                outputs.append(last)
            self._output, self._pieces, self._size = last, [last["text"]], len(last["text"])
            self._limit = 2 * self._size + _PIECE_SIZE
        self._pieces.append(text)
        self._size += len(text)
        if self._size > self._limit:
            self._join()
        return self._output

    def settle(self) -> None:
        """Give the output that grows the text that it has by now."""
        if self._output is not None:
            if len(self._pieces) > 1:
                self._join()
            self._output["text"] = self._pieces[0]

    def _join(self) -> None:
        # each time it has doubled: a progress bar does not fill the memory, and all of them cost no more than the last
        text = overwrite("".join(self._pieces))
        self._pieces, self._size = [text], len(text)
        self._limit = 2 * self._size + _PIECE_SIZE
