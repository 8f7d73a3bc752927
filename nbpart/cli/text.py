"""Text on its way to a terminal: nothing that came from a user may steer it, and columns have to line up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# C0 and C1 controls, DEL, line separators, lone surrogates, and marks that turn the direction of writing
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_STEERING_IN_BLOCKS = re.compile(_STEERING.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))
LONGEST_SENTENCE = 4_000
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def printable(text: str) -> str:
    """`text` on one line, with what would steer a terminal spelled as Python does: ESC is ``\\x1b``."""
    return _STEERING.sub(_spell, text)


def printable_block(text: str) -> str:
    """The same for text of many lines: line breaks and tabs stay, colours are dropped.

    Of a line that was written over again and again, as progress bars do, what stood there last is shown.
    """
    lines = _COLOUR.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(_STEERING_IN_BLOCKS.sub(_spell, _last_written(line)) for line in lines)


def sentence(text: str) -> str:
    """An error's message as one line, cut where it is endless."""
    return printable(shorten(" ".join(text[: 2 * LONGEST_SENTENCE].split("\n")), LONGEST_SENTENCE))


def shorten(text: str, most: int) -> str:
    """The first of at most so many characters, with ``…`` where something was cut off."""
    return text if len(text) <= most else text[: most - 1] + "…"


def display_width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` columns, with ``…`` where something was cut off."""
    if display_width(text) <= width:
        return text
    kept, used = [], 0
    for char in text:
        used += _char_width(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


def count(number: int, noun: str) -> str:
    """A number of things in words: ``1 step``, ``1,200 steps``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(texts: Sequence[str], most: int = 3) -> str:
    """The first of `texts`, in words."""
    shown = ", ".join(printable(text) for text in texts[:most])
    return f"{shown}, …" if len(texts) > most else shown


def _spell(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _last_written(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
