"""What a person types into the explorer's forms, as keys and as values of parameters."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from nbpart.errors import NbpartError, ParameterError
from nbpart.partitions import REQUIRED, Kind, Parameter, Parameters
from nbpart.widgets.explorer_model import SetForm
from nbpart.widgets.schema import BadRequest
from nbpart.widgets.values import to_iso

#: The most keys that one request can list. All keys of a larger set can be selected, as these are not listed.
MAX_KEYS = 100_000
#: The most keys that a grid can have.
MAX_GRID = 1_000_000
_MAX_VALUES = 10_000
_RANGE_SYNTAX = re.compile(r"(?P<first>.+?)\.\.(?P<last>.+?)(?::(?P<step>.+))?")


def parse_keys(text: str) -> list[str]:
    """Return the keys in a text with one key a line, each once. Raises `BadRequest` if there are none or too many."""
    keys = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not keys:
        raise BadRequest("Type a key, or several with one a line.")
    if len(keys) > MAX_KEYS:
        raise BadRequest(f"At most {MAX_KEYS:,} keys at a time.")
    return keys


def parse_axes(parameters: Parameters, texts: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return the values of each parameter from the texts typed for them: ``3``, ``3, 5``, ``1..10`` or ``0..1:0.25``.

    A parameter with an empty text is left out and so has its default. Dates and times are returned as ISO text. Raises
    `BadRequest` or `ParameterError`, which name the parameter.
    """
    if unknown := sorted(set(texts) - set(parameters.names)):
        raise BadRequest(f"There is no parameter {unknown[0][:80]!r}.")
    axes = {}
    for parameter in parameters:
        text = texts.get(parameter.name, "").strip()
        if text:
            axes[parameter.name] = [to_iso(value) for value in _parse_axis(parameter, text)]
        elif parameter.default is REQUIRED:
            raise BadRequest(f"{parameter.name}: a value is needed ({parameter.takes}).")
    if math.prod(map(len, axes.values())) > MAX_GRID:
        raise BadRequest(f"These are more than {MAX_GRID:,} keys: add fewer at a time.")
    return axes


def parse_sample_values(parameters: Parameters, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that a sample does not draw from the texts typed for them, one a parameter.

    One with an empty text is left out: it is drawn, or has its default. Dates and times are returned as ISO text.
    Raises `BadRequest` or `ParameterError`, which name the parameter.
    """
    if unknown := sorted(set(texts) - set(parameters.names)):
        raise BadRequest(f"There is no parameter {unknown[0][:80]!r}.")
    values = {}
    for parameter in parameters:
        if text := texts.get(parameter.name, "").strip():
            values[parameter.name] = to_iso(_parse_value(parameter, text))
        elif parameter.distribution is None and parameter.default is REQUIRED:
            raise BadRequest(f"{parameter.name}: a value is needed ({parameter.takes}), as nothing says what to draw.")
    return values


def parse_columns(attributes: Parameters | None, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the declared columns for which a text was typed, typed themselves.

    Raises `BadRequest` or `ParameterError`, which name the column.
    """
    declared = {one.name: one for one in attributes or ()}
    if unknown := sorted(set(texts) - set(declared)):
        raise BadRequest(f"There is no column {unknown[0][:80]!r}.")
    return {name: to_iso(_parse_value(declared[name], text.strip())) for name, text in texts.items() if text.strip()}


def parse_parent(form: SetForm, text: str) -> dict[str, str]:
    """Return the parent's key under its column; empty for a set that has no parent. Raises `BadRequest` without one."""
    if not form.parent_column:
        return {}
    if not text.strip():
        raise BadRequest(f"{form.parent_column}: a key of {form.parent_set} is needed, below which to add.")
    return {form.parent_column: text.strip()}


def count_grid(parameters: Parameters, axes: Mapping[str, Sequence[Any]]) -> tuple[int, str]:
    """Return the number of keys that a grid of these values has, and the first key."""
    first = parameters.spell({name: values[0] for name, values in axes.items()})
    return math.prod(map(len, axes.values())), first


def _parse_axis(parameter: Parameter, text: str) -> list[Any]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    values = itertools.chain.from_iterable(_parse_values(parameter, part) for part in parts)
    found = list(dict.fromkeys(itertools.islice(values, _MAX_VALUES + 1)))
    if len(found) > _MAX_VALUES:
        raise BadRequest(f"{parameter.name}: at most {_MAX_VALUES:,} values.")
    return found


def _parse_values(parameter: Parameter, text: str) -> Iterable[Any]:
    found = _RANGE_SYNTAX.fullmatch(text)
    if found is None or parameter.choices or parameter.kind in (Kind.STR, Kind.BOOL):
        return [_parse_value(parameter, text)]
    first, last = (_parse_value(parameter, found[name].strip()) for name in ("first", "last"))
    if first is None or last is None:
        raise BadRequest(f"{parameter.name}: {text[:80]!r} is no range.")
    try:
        return list(itertools.islice(_expand_range(parameter.kind, first, last, found["step"]), _MAX_VALUES + 1))
    except (ValueError, OverflowError):
        raise BadRequest(f"{parameter.name}: {text[:80]!r} is no range; write 1..10 or 0..1:0.25.") from None


def _parse_value(parameter: Parameter, text: str) -> Any:
    try:
        return parameter.parse_typed(text)
    except ParameterError:
        raise
    except NbpartError as error:
        raise BadRequest(f"{parameter.name}: {error}") from None


def _expand_range(kind: Kind, first: Any, last: Any, step: str | None) -> Iterable[Any]:
    """The values from first to last, both included. Raises ValueError or OverflowError for a step that cannot be."""
    if kind in (Kind.DATE, Kind.DATETIME):
        days = timedelta(days=float(step or 1))
        if days <= timedelta() or (kind is Kind.DATE and days % timedelta(days=1)):
            raise ValueError
        return itertools.takewhile(lambda at: at <= last, (first + days * n for n in itertools.count()))
    by = float(step or 1)
    if not by > 0 or not all(map(math.isfinite, (first, last, by))):
        raise ValueError
    n = math.floor((last - first) / by + 1e-9) + 1
    if kind is Kind.INT:
        if not by.is_integer():
            raise ValueError
        return range(first, last + 1, int(by))
    # rounded: 0.1 + 0.2 is not 0.3
    return (round(first + by * i, 12) for i in range(n))
