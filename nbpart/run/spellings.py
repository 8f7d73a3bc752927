"""How a secret may be spelled where text leaves a run: quoted, escaped, encoded, as one line of it or as a number."""

from __future__ import annotations

import base64
import datetime
import functools
import html.entities
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

#: A shorter text stands in many innocent places.
SHORTEST = 4
#: Of texts inside a JSON text: what is shorter there is mostly no secret.
_SHORTEST_INNER = 8
#: A longer text is looked for by its pieces alone.
_LONGEST_WHOLE = 256
#: Pieces of a long text that are looked for by themselves, as where a table cuts it.
_PIECE = 32
_NUMBER = re.compile(r"[+-]?\d{4,300}(?:\.\d{1,300})?")
_NAMES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\0": "0"}
_BACKSLASHES = r"\\\\{0,15}"
_QUOTED_BACKSLASH = "%(?:25){0,4}5[cC]"


@dataclass(frozen=True)
class Spelling:
    """A text and the ways in which it may be spelled.

    characters: of each character the alternatives, as regular expressions of which each begins with a plain character;
    one that is spelled in one way alone is that itself. anchor: a piece that stands in every one of its spellings as it
    is; may be empty.
    """

    characters: tuple[tuple[str, ...], ...]
    anchor: str

    @property
    def is_plain(self) -> bool:
        """Whether it is spelled in one way alone."""
        return all(len(ways) == 1 for ways in self.characters)


def find_texts(value: Any) -> frozenset[str]:
    """The texts of a value that have to be hidden: of lists and dicts those of what is in them, but not their keys.

    Truth values, None and what has fewer than `SHORTEST` characters are no secrets.
    """
    return frozenset(text for text in _find_texts(value) if len(text.strip()) >= SHORTEST)


def find_numbers(value: Any) -> frozenset[int | float]:
    """The numbers that reveal a secret: those in a value, and those that its texts spell."""
    return frozenset(number for leaf in iterate_leaves(value) for number in _numbers(leaf))


def iterate_leaves(value: Any) -> Iterator[Any]:
    """A value, or what is in it where it is a list or a dict."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from iterate_leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from iterate_leaves(item)
    else:
        yield value


def list_spellings(text: str) -> list[Spelling]:
    """The spellings of a text, of its lines and of its pieces; also in base64 and as hexadecimal digits."""
    data = text.encode("utf-8", "surrogatepass")
    pieces = dict.fromkeys(_cut_lines(text))
    digits = list(_cut(data.hex()))
    pieces |= dict.fromkeys([*digits, *(piece.upper() for piece in digits)])
    found = [_spell(piece, _spell_character) for piece in pieces]
    for shift in range(3):
        found += [_spell(piece, _spell_base64) for piece in _cut(_base64_core(data, shift))]
    return found


def _find_texts(value: Any) -> Iterator[str]:
    for leaf in iterate_leaves(value):
        if isinstance(leaf, str):
            yield from _inner_texts(leaf)
        elif isinstance(leaf, int | float) and not isinstance(leaf, bool):
            yield from _number_texts(leaf)
        elif isinstance(leaf, datetime.date):
            yield from (str(leaf), leaf.isoformat(), repr(leaf))


def _inner_texts(text: str) -> Iterator[str]:
    """A text, and what is known to be secret in it: a URL's password, the texts of a JSON text."""
    yield from (text, text.strip())
    try:
        password = urlsplit(text.strip()).password or ""
    except ValueError:
        password = ""
    yield from (password, unquote(password))
    if text.lstrip()[:1] in ("{", "["):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return
        yield from (found for found in _find_texts(inner) if len(found) >= _SHORTEST_INNER)


def _number_texts(number: int | float) -> Iterator[str]:
    if isinstance(number, int) and abs(number) >= 10**300:
        return
    yield str(number)
    for thousands in (f"{number:,}", f"{number:_}"):
        yield from (thousands, thousands.replace(",", "."), thousands.replace(",", " "))
    for other in _numbers(number):
        yield str(other)


def _numbers(leaf: Any) -> Iterator[int | float]:
    if isinstance(leaf, str):
        if _NUMBER.fullmatch(leaf.strip()) is None:
            return
        leaf = float(leaf) if "." in leaf else int(leaf)
    if isinstance(leaf, bool) or not isinstance(leaf, int | float) or len(str(leaf)) < SHORTEST:
        return
    yield leaf
    try:
        yield float(leaf)
        if int(leaf) == leaf:
            yield int(leaf)
    except (OverflowError, ValueError):
        pass  # infinite, no number, or too large for a float: it has no other form


def _cut_lines(text: str) -> Iterator[str]:
    if len(text) <= _LONGEST_WHOLE:
        yield text
    for line in text.splitlines():
        for piece in (line, line.strip()):
            if len(piece) >= SHORTEST:
                yield from _cut(piece)


def _cut(text: str) -> Iterator[str]:
    if len(text) <= _LONGEST_WHOLE:
        yield text
    if len(text) > _PIECE * 3 // 2:
        yield from (text[start : start + _PIECE] for start in range(0, len(text) - _PIECE, _PIECE))
        yield text[-_PIECE:]


def _spell(text: str, spell: Callable[[str], tuple[str, ...]]) -> Spelling:
    runs = re.findall(r"[0-9A-Za-z]+", text)
    # any number of backslashes is spelled as any number of them
    return Spelling(tuple(spell(c) for c in re.sub(r"\\+", r"\\", text)), max(runs, key=len, default=""))


@functools.lru_cache(maxsize=512)
def _spell_character(c: str) -> tuple[str, ...]:
    if c.isascii() and c.isalnum():
        return (c,)
    # what was escaped may have been quoted after that, with its backslashes or without them
    escaped = f"(?:{'|'.join([*_escapes(c), _html(c), _url(c)])})"
    behind = (_BACKSLASHES + escaped, f"{_QUOTED_BACKSLASH}(?:{_QUOTED_BACKSLASH}){{0,15}}{escaped}")
    return tuple(dict.fromkeys([*_quoted(c), re.escape(c), *behind, *_pairs(c), _html(c), _url(c)]))


@functools.lru_cache(maxsize=512)
def _spell_base64(c: str) -> tuple[str, ...]:
    """A character of base64, whose URL-safe alphabet has two others."""
    if c.isalnum():
        return (c,)
    return (re.escape(c), "-" if c == "+" else "_", _BACKSLASHES + re.escape(c), _url(c))


def _quoted(c: str) -> Iterator[str]:
    """As shells, SQL, CSV and forms quote it; many backslashes for one come of nested JSON and reprs."""
    if c == "\\":
        yield _BACKSLASHES
    elif c == "'":
        yield from (r"'\\{1,4}''", "'\"'\"'", "''")
    elif c == '"':
        yield '""'
    elif c == " ":
        yield r"\+"


def _escapes(c: str) -> Iterator[str]:
    """What stands behind a backslash for it in Python, JSON and JavaScript, in either case of its digits."""
    yield re.escape(c)
    if c in _NAMES:
        yield _NAMES[c]
    yield f"[xuU]0{{0,6}}{_any_case(f'{ord(c):x}')}"


def _pairs(c: str) -> Iterator[str]:
    """The escapes of its UTF-8 bytes, and of the two halves that JSON makes of it."""
    if ord(c) >= 0x80:
        data = c.encode("utf-8", "surrogatepass")
        yield "".join(f"{_BACKSLASHES}x{_any_case(f'{byte:02x}')}" for byte in data)
    if ord(c) >= 0x10000:
        units = c.encode("utf-16-be").hex()
        yield "".join(f"{_BACKSLASHES}u{_any_case(unit)}" for unit in (units[:4], units[4:]))


def _html(c: str) -> str:
    names = {html.entities.codepoint2name.get(ord(c), ""), *{"'": ["apos"], " ": ["nbsp"]}.get(c, [])} - {""}
    forms = [*sorted(names), f"#0{{0,6}}{ord(c)}", f"#[xX]0{{0,6}}{_any_case(f'{ord(c):x}')}"]
    return f"&(?:amp;){{0,4}}(?:{'|'.join(forms)});"


def _url(c: str) -> str:
    return "".join(f"%(?:25){{0,4}}{_any_case(f'{byte:02x}')}" for byte in c.encode("utf-8", "surrogatepass"))


def _any_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _base64_core(data: bytes, shift: int) -> str:
    """What stands of the data in base64 behind `shift` other bytes, but for characters that its neighbours share in."""
    encoded = base64.b64encode(bytes(shift) + data).decode()
    return encoded[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
