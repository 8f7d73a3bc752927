"""The path or URL of a source with the names of columns in braces: filled with the values of a key, and split again.

    inbox/{day}/{shop}.csv        s3://lake/raw/{window_start:%Y/%m/%d/%H%z}/*.json.gz

A *location* is what a template with values in it comes to: an absolute path or a URL. Where it stands for several
files, `WILDCARD` stands in it for each ``*``; every other character means itself.
"""

from __future__ import annotations

import datetime
import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote, unquote

from nbpart.errors import DeclarationError, PartitionKeyError, nearest

#: What stands in a location for a ``*``, part of one name: a code point that Unicode keeps free for such use.
WILDCARD = "\ufdd0"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|\*+")
_NUMBER_FORMAT = re.compile(r"0?\d*d")
_DIRECTIVE = re.compile(r"%(.)")
#: What the directives of `strftime` write, for those of which it has one length or one alphabet.
_DIRECTIVES = {
    **dict.fromkeys("YG", r"\d{4}"),
    **dict.fromkeys("mdHMSyIVUW", r"\d{2}"),
    **dict.fromkeys("bBaAp", r"[^\W\d_]+"),
    "j": r"\d{3}",
    "f": r"\d{6}",
    "u": r"\d",
    "w": r"\d",
    "z": r"(?:[+-]\d{4}(?:\d{2})?)?",
    "%": "%",
}
#: What a name of a file or folder begins with that is not hidden, as for a shell's ``*``.
_UNHIDDEN = r"(?!\.)"
#: What stands between the texts of one name that is formatted several times, when they are read as one time.
_BETWEEN = "\x1f"


@dataclass(frozen=True, slots=True)
class Field:
    """A ``{name}`` or ``{name:format}`` of a template."""

    name: str
    format: str = ""


@dataclass(frozen=True)
class UrlTemplate:
    """A template as it was written (`text`), and its parts: literal texts, with `WILDCARD` for ``*``, and fields."""

    text: str
    parts: tuple[str | Field, ...]

    @classmethod
    def parse(cls, text: str) -> UrlTemplate:
        """Read a template. Raises `DeclarationError` for what cannot be one."""
        if not text or not {"\0", WILDCARD}.isdisjoint(text):
            raise DeclarationError(f"{text!r} is no path and no URL; give one.")
        parts: list[str | Field] = []
        end = 0
        for token in _TOKEN.finditer(text):
            literal = text[end : token.start()]
            end = token.end()
            part = _read_token(token, text)
            if isinstance(part, Field):
                parts += [literal, part]
            else:
                parts.append(literal + part)
        return cls(text, _merge([*parts, text[end:]]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in braces, each once."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Field)))

    @property
    def has_wildcard(self) -> bool:
        """Whether it stands for several files a key."""
        return any(isinstance(part, str) and WILDCARD in part for part in self.parts)

    def check_names(self, known: Iterable[str]) -> None:
        """Raise `DeclarationError` for a name in braces that is not among `known`."""
        known = list(known)
        for name in self.names:
            if name not in known:
                raise DeclarationError(
                    f"its path {self.text!r} names {{{name}}}, which is no column of its partitions: "
                    f"{nearest(name, known)}"
                )

    def below(self, folder: str | os.PathLike[str]) -> UrlTemplate:
        """The same with an absolute path, where it is a relative one of `folder`; a URL stays as it is."""
        parts = list(self.parts)
        first = parts[0] if parts and isinstance(parts[0], str) else ""
        if is_url(first) and not first.startswith("file://"):
            return self
        literal = first.removeprefix("file://")
        head, name = os.path.split(literal)
        # what stands before the first star belongs to no folder name that a star is part of
        head, name = (head, name) if WILDCARD not in head else _split_before_wildcard(literal)
        place = os.path.normpath(os.path.join(os.path.abspath(folder), head))
        start = os.path.join(place, name) if name or len(parts) > 1 else place
        return replace(self, parts=_merge([start, *(parts[1:] if first else parts)]))

    @cached_property
    def _base(self) -> str:
        """The folder that no key leads out of: what stands before the first field and star, up to a slash."""
        first = self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""
        base = posixpath.dirname(first.partition(WILDCARD)[0])
        return base if base.endswith("/") else f"{base}/"

    def fill(self, values: Mapping[str, object]) -> str:
        """The location of the key with these columns; the template is one that `below` gave.

        Raises `DeclarationError` for a value that its format does not fit, and `PartitionKeyError` for one that leads
        out of the folder before the first field.
        """
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            else:
                text = self._spell(part, values)
                texts.append(quote(text, safe="/") if self._is_http else text)
        location = "".join(texts)
        if len(texts) == 1:
            return location
        normal = location if self._is_normal(location) else _normalize(location)
        if not normal.startswith(self._base) or normal == self._base:
            shown = values.get("partition_key") or ", ".join(str(values[name]) for name in self.names)
            raise PartitionKeyError(
                f"partition key {shown!r} leads out of the folder {self._base!r} of the source {self.text!r}; "
                "choose another key."
            )
        return normal

    def fill_key(self, key: str) -> str:
        """As `fill`, for a path that names the key of a partition and nothing else."""
        around = self._around_key
        if around is not None and "/" not in key and "\0" not in key and WILDCARD not in key and key.strip("."):
            return f"{around[0]}{key}{around[1]}"
        return self.fill({"partition_key": key})

    @cached_property
    def _around_key(self) -> tuple[str, str] | None:
        """What stands before and after the key, where it stands once and the rest cannot be shortened."""
        texts = [part for part in self.parts if isinstance(part, str)]
        fields = [part for part in self.parts if isinstance(part, Field)]
        if self._is_http or fields != [Field("partition_key")] or not 1 <= len(texts) <= 2 or texts[0] != self.parts[0]:
            return None
        before, after = texts[0], "".join(texts[1:])
        return (before, after) if self._is_normal(f"{before}key{after}") else None

    @cached_property
    def _is_http(self) -> bool:
        return bool(self.parts) and _is_http(self.parts[0])

    @cached_property
    def _name_start(self) -> int:
        """Where the path begins in a location, after the scheme."""
        first = self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""
        return first.index("://") + 3 if is_url(first) else 0

    def _is_normal(self, location: str) -> bool:
        """Whether nothing in a location can be shortened; that takes far less than to try it."""
        start = self._name_start
        return (
            location.startswith(self._base)
            and location.find("//", start) < 0
            and location.find("/.", start) < 0
            and location[-1] != "/"
        )

    def split(self, location: str) -> dict[str, object] | None:
        """The values that a location was made of; None where it is not one of this template.

        One rule: from the left, each name takes as much as it can, and never a ``/`` nor the dot that hides a file or
        a folder; what it takes, filled in again, is exactly that location. A name with a format of times is a
        `datetime`, one with a format of numbers an `int`, any other text.
        """
        match = self._pattern.fullmatch(location)
        if match is None:
            return None
        texts: dict[str, list[tuple[str, str]]] = {}
        is_http = _is_http(location)
        fields = [part for part in self.parts if isinstance(part, Field)]
        for number, field in enumerate(fields):
            text = match.group(f"f{number}")
            texts.setdefault(field.name, []).append((field.format, unquote(text) if is_http else text))
        try:
            values = {name: _read_value(found) for name, found in texts.items()}
            again = self.fill(values)
        except (ValueError, PartitionKeyError, DeclarationError):
            return None
        return values if match_location(again, location) else None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pieces = []
        number = 0
        before = "/"
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(spell_pattern(part))
                before = part
            else:
                unhidden = _UNHIDDEN if before.endswith("/") else ""
                pieces.append(f"(?P<f{number}>{unhidden}{_spell_format(part.format)})")
                number += 1
                before = ""
        return re.compile("".join(pieces), re.DOTALL)

    def _spell(self, field: Field, values: Mapping[str, object]) -> str:
        if field.name not in values:
            self.check_names(values)
        value = values[field.name]
        try:
            text = format(value, field.format) if field.format else _spell_value(value)
        except (ValueError, TypeError) as error:
            raise DeclarationError(
                f"the path {self.text!r} formats {field.name!r} by {field.format!r}, which does not fit its value "
                f"{value!r:.60}: {error}"
            ) from error
        if "\0" in text or WILDCARD in text:
            raise PartitionKeyError(f"{text!r} holds a character that no path has; choose another key.")
        return text


def is_url(location: str) -> bool:
    """Whether a location is a URL rather than a path."""
    return _URL.match(location) is not None


def _normalize(location: str) -> str:
    scheme, separator, rest = location.partition("://") if is_url(location) else ("", "", location)
    return f"{scheme}{separator}{posixpath.normpath(rest)}"


def show_location(location: str) -> str:
    """A location as a person writes it."""
    return location.replace(WILDCARD, "*")


def spell_pattern(location: str) -> str:
    """A regular expression for the names that a location stands for."""
    return "[^/]*".join(map(re.escape, location.split(WILDCARD)))


def match_location(location: str, name: str) -> bool:
    """Whether a location stands for the file of this name."""
    if WILDCARD not in location:
        return location == name
    return re.fullmatch(spell_pattern(location), name, re.DOTALL) is not None


def find_shared_location(locations: Mapping[str | None, str]) -> tuple[str, str, str] | None:
    """Two keys that have one location, and that; None where each has its own."""
    seen: dict[str, str | None] = {}
    for key, location in locations.items():
        if location in seen:
            return str(seen[location]), str(key), location
        seen[location] = key
    return None


def _read_token(token: re.Match[str], text: str) -> str | Field:
    found, inner = token.group(), token.group(1)
    if found in ("{{", "}}"):
        return found[0]
    if found == "*":
        return WILDCARD
    if found.startswith("*"):
        raise DeclarationError(f"the path {text!r} has {found!r}; one * stands for part of one name, never for a '/'.")
    if inner is None:
        raise DeclarationError(f"the path {text!r} has a lone brace; write '{{{{' or '}}}}' for one.")
    name, _, spec = inner.partition(":")
    if not name.isidentifier():
        raise DeclarationError(f"the path {text!r} names {found!r}; give the name of a column, as {{partition_key}}.")
    if spec and "%" not in spec and not _NUMBER_FORMAT.fullmatch(spec):
        raise DeclarationError(
            f"the path {text!r} has the format {spec!r}; give one of times, as {{{name}:%Y-%m-%d}}, or of whole "
            f"numbers, as {{{name}:03d}}."
        )
    return Field(name, spec)


def _merge(parts: Iterable[str | Field]) -> tuple[str | Field, ...]:
    """The parts with neighbouring texts joined and empty ones left out."""
    merged: list[str | Field] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def _split_before_wildcard(literal: str) -> tuple[str, str]:
    head = posixpath.dirname(literal.partition(WILDCARD)[0])
    return head, literal.removeprefix(head).lstrip("/")


def _is_http(text: object) -> bool:
    return isinstance(text, str) and text.startswith(("http://", "https://"))


def _spell_value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def _spell_format(spec: str) -> str:
    if not spec:
        return "[^/]+"
    if "%" not in spec:
        return r"-?\d+"
    pieces, end = [], 0
    for found in _DIRECTIVE.finditer(spec):
        pieces += [re.escape(spec[end : found.start()]), _DIRECTIVES.get(found.group(1), "[^/]+?")]
        end = found.end()
    return "".join([*pieces, re.escape(spec[end:])])


def _read_value(found: list[tuple[str, str]]) -> object:
    """The value of one name from the texts that stand for it, each with its format; ValueError for no such value."""
    plain = {text for spec, text in found if not spec}
    if len(plain) > 1:
        raise ValueError("it differs")
    if plain:
        return plain.pop()
    if "%" in found[0][0]:
        spec, text = (_BETWEEN.join(texts) for texts in zip(*found, strict=True))
        return datetime.datetime.strptime(text, spec)
    return int(found[0][1])
