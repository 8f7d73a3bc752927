"""Preparing text for a terminal: escaping control characters, measuring and shortening."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# C0 and C1 controls, DEL, line separators, lone surrogates, and marks that change the direction of writing
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_STEERING_IN_BLOCKS = re.compile(_STEERING.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))
MAX_ERROR_CHARS = 4_000
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def printable(text: str) -> str:
    """``text`` on one line, with control characters escaped as in Python: ESC is ``\\x1b``."""
    return _STEERING.sub(_spell, text)


def printable_block(text: str) -> str:
    """As `printable` for text of many lines: line breaks and tabs stay, colours are removed.

    Of a line that was overwritten with carriage returns, as progress bars do, the last state is kept.
    """
    lines = _COLOUR.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(_STEERING_IN_BLOCKS.sub(_spell, _keep_last_overwrite(line)) for line in lines)


def one_line(text: str) -> str:
    """An error message on one line, escaped, and cut at `MAX_ERROR_CHARS`."""
    return printable(shorten(" ".join(text[: 2 * MAX_ERROR_CHARS].split("\n")), MAX_ERROR_CHARS))


def shorten(text: str, limit: int) -> str:
    """``text`` cut to at most ``limit`` characters, the last of which is then ``…``."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def display_width(text: str) -> int:
    """The number of terminal columns that ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def clip(text: str, width: int) -> str:
    """``text`` cut to at most ``width`` terminal columns, with ``…`` where something was cut off."""
    if display_width(text) <= width:
        return text
    kept, used = [], 0
    for char in text:
        used += _char_width(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


def pluralize(number: int, noun: str) -> str:
    """A number with its noun: ``1 step``, ``1,200 steps``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def list_first(texts: Sequence[str], limit: int = 3) -> str:
    """The first ``limit`` texts, separated by commas, with ``…`` where there are more."""
    shown = ", ".join(printable(text) for text in texts[:limit])
    return f"{shown}, …" if len(texts) > limit else shown


def _spell(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _keep_last_overwrite(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
