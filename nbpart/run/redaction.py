"""Removing secrets from the texts, outputs and notebooks of a run, also where they are quoted, escaped or encoded."""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from nbpart.run.check_result import CheckResult
from nbpart.run.report import RunOutput
from nbpart.run.spellings import Spelling, find_numbers, find_texts, list_spellings
from nbpart.storage.file_record import FileRecord

HIDDEN = "•••"
# each branch begins with a plain character, so that what has none of them is skipped in no time
_COLOUR = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|[@-Z\\^_-])"
_TAG = r"</?[A-Za-z][^<>]{0,500}>"
_LINE = r"[ \t]*[bB]?['\"]?"
_BREAK = rf"\n{_LINE}|\r\n{_LINE}|'\r?\n{_LINE}|\"\r?\n{_LINE}"
_ESCAPED_BREAK = rf"\\\\{{0,7}}r?\\{{0,8}}n{_LINE}"
#: What stands between the characters of a secret where it is coloured, marked up or broken into lines.
_MARKUP = re.compile(f"{_COLOUR}|{_TAG}|{_BREAK}")
#: The same where it was escaped after that; a secret may hold such characters itself.
_ESCAPED_MARKUP = re.compile(f"{_MARKUP.pattern}|{_ESCAPED_BREAK}")
_KEPT_MARKUP = re.compile(f"{_COLOUR}|{_TAG}")
_BEGUN_MARKUP = re.compile(
    rf"{_ESCAPED_MARKUP.pattern}|\x1b\Z|\x1b\[[0-?]*[ -/]*\Z|\x1b\][^\x07]{{0,2000}}\Z"
    r"|<\Z|</\Z|</?[A-Za-z][^<>]{0,500}\Z|'\Z|\"\Z|\r\Z|\\+\Z"
)
#: How a character that is spelled otherwise may begin at the end of a text.
_BEGUN = re.compile(r"(?:\\[\\#%&;0-9A-Za-z]*|&[#0-9A-Za-z;]*|%[%0-9A-Za-z]*|'[\\\"']*|\")\Z")
_SIGNS = "\\&#;%'\"+-_"
_LONGEST_SPELLED = 64
_MOST_MARKUP = 1_000
_BINARY = re.compile(r"(image/(?!svg)|audio/|video/|application/(pdf|octet-stream|zip))", re.I)


class Redactor:
    """Takes the values of secrets out of texts, values and notebooks.

    It finds them as they are, quoted, escaped and encoded (see `list_spellings`), coloured and broken into lines.
    """

    def __init__(self, secrets: Mapping[str, Any]) -> None:
        values = list(secrets.values())
        self._numbers = find_numbers(values)
        self._patterns = _compile(find_texts(values))

    def __bool__(self) -> bool:
        return self._patterns is not None

    def redact(self, text: str) -> str:
        """A text without the secrets; the colours and tags inside of them stay."""
        return _hide(text, self._find(text))

    def redact_value(self, value: Any) -> Any:
        """A text, a number, or lists and dicts of such without the secrets; other values as they are."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            if value.get("encoding") == "base64":  # the buffer of a widget
                return value
            return {self.redact_value(key): self.redact_value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and value in self._numbers:
            return HIDDEN
        return value

    def redact_files(self, files: Iterable[FileRecord]) -> tuple[FileRecord, ...]:
        """What is recorded of saved files: their columns may be named by a secret. The files are left alone."""
        return tuple(replace(file, schema=self.redact_value(file.schema)) for file in files)

    def redact_output(self, output: RunOutput) -> RunOutput:
        """An output of a run without the secrets."""
        files, metrics = self.redact_files(output.files), self.redact_value(output.metrics)
        return (
            replace(output, files=files, metrics=metrics, checks=self.redact_checks(output.checks)) if self else output
        )

    def redact_checks(self, checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
        """What checks said without the secrets."""
        hide = self.redact_value
        return tuple(
            replace(one, message=hide(one.message), traceback=hide(one.traceback), metadata=hide(one.metadata))
            for one in checks
        )

    def redact_notebook(self, notebook: Mapping[str, Any]) -> dict[str, Any]:
        """A notebook as plain dicts, without the secrets: its form, and what is binary in it, stay as they are."""
        kept = {
            key: notebook["metadata"][key] for key in ("kernelspec", "language_info") if key in notebook["metadata"]
        }
        metadata = self.redact_value(notebook["metadata"]) | kept
        return {**notebook, "metadata": metadata, "cells": [self._redact_cell(cell) for cell in notebook["cells"]]}

    def wrap(self, write: Callable[[str], None]) -> RedactedWriter:
        """A writer of texts that come in pieces, which finds secrets also across two of them."""
        return RedactedWriter(self, write)

    def split(self, text: str) -> tuple[str, str]:
        """(the redacted text without its end, that end as it is), where the end may be the beginning of a secret."""
        spans = self._find(text)
        end = len(text) - self._held_back(text)
        for start, stop, _ in reversed(spans):
            if start < end < stop:
                end = start
        return _hide(text[:end], [span for span in spans if span[1] <= end]), text[end:]

    def _redact_cell(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        new = {**cell, "source": self.redact_value(cell["source"]), "metadata": self.redact_value(cell["metadata"])}
        if "outputs" in cell:
            new["outputs"] = [self._redact_output(output) for output in cell["outputs"]]
        if "attachments" in cell:
            new["attachments"] = {
                self.redact(name): self._redact_data(data) for name, data in new["attachments"].items()
            }
        return new

    def _redact_output(self, output: Mapping[str, Any]) -> dict[str, Any]:
        fixed = ("output_type", "name", "execution_count")
        new = {key: value if key in fixed else self.redact_value(value) for key, value in output.items()}
        if "data" in output:
            new["data"] = self._redact_data(output["data"])
        return new

    def _redact_data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {kind: item if _BINARY.match(kind) else self.redact_value(item) for kind, item in data.items()}

    def _find(self, text: str) -> list[tuple[int, int, str]]:
        """The places of secrets in order: (begin, end, markup inside that has to stay)."""
        patterns = self._patterns
        if patterns is None:
            return []
        spans = [(*match.span(), "") for match in patterns.find(text)]
        for markup in (_MARKUP, _ESCAPED_MARKUP) if "\\" in text else (_MARKUP,):
            plain = markup.sub("", text)
            if len(plain) < len(text) and (found := list(patterns.find(plain))):
                origin = _list_origins(text, markup)
                for match in found:
                    start, end = origin[match.start()], origin[match.end() - 1] + 1
                    spans.append((start, end, "".join(_KEPT_MARKUP.findall(text[start:end]))))
        return _unite(sorted(spans))

    def _held_back(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a secret."""
        patterns = self._patterns
        if patterns is None:
            return 0
        text = text[-patterns.longest :]
        held = patterns.measure_begun(text)
        for markup in (_MARKUP, _BEGUN_MARKUP):
            plain = markup.sub("", text)
            if len(plain) < len(text) and (begun := patterns.measure_begun(plain)):
                held = max(held, len(text) - _list_origins(text, markup)[len(plain) - begun])
        return held


class RedactedWriter:
    """Writes texts as soon as they cannot contain the beginning of a secret; `flush` writes the rest."""

    def __init__(self, redactor: Redactor, write: Callable[[str], None]) -> None:
        self._redactor, self._write = redactor, write
        self._rest = ""

    def __call__(self, text: str) -> None:
        sure, self._rest = self._redactor.split(self._rest + text)
        if sure:
            self._write(sure)

    def flush(self) -> None:
        rest, self._rest = self._rest, ""
        if rest:
            self._write(self._redactor.redact(rest))


class _Patterns:
    """What finds secrets, and their beginnings at the end of a text, of which `longest` characters are searched."""

    def __init__(self, spellings: list[Spelling]) -> None:
        self._anchors = tuple(dict.fromkeys(spelling.anchor for spelling in spellings))
        self._whole = re.compile("|".join(branch for each in spellings for branch in _branches(each)))
        plain = ["".join(way for (way,) in each.characters) for each in spellings if each.is_plain]
        beginnings = {text[:n] for text in plain for n in range(1, len(text))}
        self._beginnings = beginnings | {each.characters[0][0] for each in spellings if len(each.characters[0]) == 1}
        self._longest_beginning = max(map(len, self._beginnings), default=0)
        others = [spelling for spelling in spellings if not spelling.is_plain]
        self._others: dict[str, list[Spelling]] = {}
        for spelling in others:
            for start in _starts(spelling):
                self._others.setdefault(start, []).append(spelling)
        self._first = _one_of({start[0] for start in self._others})
        self._foreign = _one_of(_alphabet(spellings, with_signs=bool(others)), negated=True)
        widths = (sum(1 if len(c) == 1 else _LONGEST_SPELLED for c in each.characters) for each in spellings)
        self.longest = max(widths) + _MOST_MARKUP

    def find(self, text: str) -> Iterator[re.Match[str]]:
        if any(anchor in text for anchor in self._anchors):
            yield from self._whole.finditer(text)

    def measure_begun(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a secret."""
        foreign = self._foreign.search(text[::-1])
        n = foreign.start() if foreign else len(text)
        if not n:
            return 0
        text = text[len(text) - n :]
        begun = 0
        for length in range(min(n, self._longest_beginning), 0, -1):
            if text[n - length :] in self._beginnings:
                begun = length
                break
        for match in self._first.finditer(text, 0, n - begun):
            start = match.start()
            found = [*self._others.get(text[start], ()), *self._others.get(text[start : start + 2], ())]
            if any(_is_begun(each, text, start) for each in found):
                return n - start
        return begun


@functools.lru_cache(maxsize=8)
def _compile(texts: frozenset[str]) -> _Patterns | None:
    spellings = {spelling for text in texts for spelling in list_spellings(text)}
    ordered = sorted(spellings, key=lambda each: (-len(each.characters), each.characters))
    return _Patterns(ordered) if ordered else None


def _alphabet(spellings: list[Spelling], *, with_signs: bool) -> set[str]:
    """Every character that a spelling may hold, and some more."""
    raw = {way[-1] for each in spellings for ways in each.characters for way in ways if len(way) <= 2}
    return raw | set(string.ascii_letters + string.digits) | (set(_SIGNS) if with_signs else set())


def _one_of(characters: Iterable[str], *, negated: bool = False) -> re.Pattern[str]:
    listed = "".join(map(re.escape, characters))
    return re.compile(f"[{'^' * negated}{listed}]" if listed else r"[^\s\S]")


def _starts(spelling: Spelling) -> set[str]:
    """What a spelling may start with: one character, or two where each is spelled in one way alone."""
    first, *others = spelling.characters
    if others and len(first) == len(others[0]) == 1:
        return {first[0] + others[0][0]}
    return {way[1] if way[0] == "\\" else way[0] for way in first}


def _branches(spelling: Spelling) -> Iterator[str]:
    first, *others = spelling.characters
    rest = "".join(_either(ways) for ways in others)
    return (way + rest for way in first)


def _is_begun(spelling: Spelling, text: str, start: int) -> bool:
    """Whether a text from `start` to its end is so much of a spelling, but not all of it."""
    places = {start}
    for ways in spelling.characters:
        if len(text) in places:
            return True
        if len(ways) == 1:
            places = {place + 1 for place in places if text[place] == ways[0]}
        else:
            if any(_BEGUN.match(text, place) for place in places):
                return True
            matches = (_compile_way(way).match(text, place) for place in places for way in ways)
            places = {match.end() for match in matches if match}
        if not places:
            return False
    return False


@functools.lru_cache(maxsize=1024)
def _compile_way(way: str) -> re.Pattern[str]:
    return re.compile(way)


def _either(ways: tuple[str, ...]) -> str:
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _list_origins(text: str, markup: re.Pattern[str]) -> list[int]:
    """Of each character of a text without markup the place in the text with it."""
    origins: list[int] = []
    end = 0
    for match in markup.finditer(text):
        origins.extend(range(end, match.start()))
        end = match.end()
    origins.extend(range(end, len(text)))
    return origins


def _unite(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans that overlap or touch become one; of what was to stay in them only what is in no other."""
    united: list[tuple[int, int, str]] = []
    for start, end, kept in spans:
        if united and start <= united[-1][1]:
            before = united.pop()
            start, end, kept = before[0], max(end, before[1]), ""
        united.append((start, end, kept))
    return united


def _hide(text: str, spans: list[tuple[int, int, str]]) -> str:
    pieces, last = [], 0
    for start, end, kept in spans:
        pieces += [text[last:start], HIDDEN, kept]
        last = end
    return "".join([*pieces, text[last:]])
