"""Distributions: the type of a parameter, and where the values of a sample come from.

A distribution forbids nothing: keys that it was never meant for keep their meaning when its bounds change. ``Literal``
is there to forbid.
"""

from __future__ import annotations

import decimal
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from nbpart.errors import DeclarationError
from nbpart.partitions import values as v
from nbpart.partitions.keys import shorten
from nbpart.partitions.values import KINDS, Kind, Value

#: Fractions are drawn with so many digits, or as many as make a step under this share of their range.
_DIGITS: Final = 4
_STEPS: Final = 1000
_OF_CHOICES: Final = (Kind.INT, Kind.FLOAT, Kind.STR, Kind.BOOL)
# of its own, so that a precision that somebody set for their own sums changes no key
_EXACT = decimal.Context(prec=60)


class Distribution(ABC):
    """What a value of a sample is drawn from: see `uniform`, `loguniform`, `integers`, `logintegers` and `choice`."""

    __slots__ = ()

    kind: Kind

    @property
    def has_none(self) -> bool:
        """Whether None is one of its values."""
        return False

    @property
    def is_list(self) -> bool:
        """Whether its values are a list that somebody gave, and no range."""
        return False

    @property
    @abstractmethod
    def values(self) -> Sequence[Value] | None:
        """All its values in their order; None where they are fractions, which nobody counts."""

    @abstractmethod
    def at(self, unit: float) -> Value:
        """The value at a share, from 0 to below 1, of its probability; fractions are rounded, never past a bound."""

    def round(self, value: Value) -> Value:
        """A value as samples have it: fractions are rounded, never past a bound; others stay."""
        return value

    @abstractmethod
    def contains(self, value: Value) -> bool:
        """Whether a canonical value of its kind, or None, can be drawn."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The distribution as JSON, for the catalog."""


@dataclass(frozen=True, slots=True)
class Interval(Distribution):
    """All numbers between two bounds, both included; evenly, or their logarithms evenly."""

    kind: Kind
    is_log: bool
    low: float
    high: float

    @property
    def name(self) -> str:
        """The name of the function that makes it."""
        plain = "uniform" if self.kind is Kind.FLOAT else "integers"
        return f"log{plain}" if self.is_log else plain

    @property
    def values(self) -> Sequence[Value] | None:
        return range(int(self.low), int(self.high) + 1) if self.kind is Kind.INT else None

    def at(self, unit: float) -> Value:
        if self.kind is Kind.FLOAT:
            return _round_inside(self._scale(unit, self.low, self.high), self.low, self.high)
        low, high = int(self.low), int(self.high)
        if self.is_log:  # each whole number stands for what would be rounded to it
            drawn = round(self._scale(unit, low - 0.5, high + 0.5))
        else:
            drawn = low + int(unit * (high - low + 1))
        return min(max(drawn, low), high)

    def round(self, value: Value) -> Value:
        if self.kind is Kind.FLOAT and isinstance(value, int | float):
            return _round_inside(value, self.low, self.high)
        return value

    def contains(self, value: Value) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "low": self.low, "high": self.high}

    def __repr__(self) -> str:
        return f"{self.name}({self.low!r}, {self.high!r})"

    def _scale(self, unit: float, low: float, high: float) -> float:
        if self.is_log:
            return math.exp(math.log(low) * (1 - unit) + math.log(high) * unit)
        return low * (1 - unit) + high * unit


@dataclass(frozen=True, slots=True)
class Choice(Distribution):
    """One of some values, each as likely as the others; None can be one of them."""

    kind: Kind
    options: tuple[Value, ...]

    @property
    def has_none(self) -> bool:
        return None in self.options

    @property
    def is_list(self) -> bool:
        return True

    @property
    def values(self) -> Sequence[Value]:
        return self.options

    def at(self, unit: float) -> Value:
        return self.options[min(int(unit * len(self.options)), len(self.options) - 1)]

    def contains(self, value: Value) -> bool:
        return value in self.options

    def to_json(self) -> dict[str, Any]:
        return {"name": "choice", "values": [v.to_json(option) for option in self.options]}

    def __repr__(self) -> str:
        return f"choice({list(self.options)!r})"


def uniform(low: float, high: float) -> Distribution:
    """Declare a parameter as a fraction, of which samples are drawn evenly between two bounds, both included.

    Drawn values are rounded to 4 digits, or as many as make a step under a thousandth of the range, and never past a
    bound, so that keys can be read. Raises `DeclarationError` for bounds that are no such.
    """
    return _interval("uniform", Kind.FLOAT, False, low, high)


def loguniform(low: float, high: float) -> Distribution:
    """Declare a parameter as a fraction above 0, of which the logarithms of samples are drawn evenly; see `uniform`."""
    return _interval("loguniform", Kind.FLOAT, True, low, high)


def integers(low: int, high: int) -> Distribution:
    """Declare a parameter as a whole number, of which samples are drawn evenly between two bounds, both included.

    Raises `DeclarationError` for bounds that are no such.
    """
    return _interval("integers", Kind.INT, False, low, high)


def logintegers(low: int, high: int) -> Distribution:
    """Declare a parameter as a whole number above 0, of which the logarithms of samples are drawn evenly."""
    return _interval("logintegers", Kind.INT, True, low, high)


def choice(options: Iterable[Any]) -> Distribution:
    """Declare a parameter as one of some values, of which samples are drawn: numbers, texts or truth values.

    They are of one type, which is that of the parameter; whole numbers among fractions are fractions. None may be one
    of them. Raises `DeclarationError` for values that differ in type, equal each other, or cannot be in a key.
    """
    if isinstance(options, str | bytes | Mapping | set | frozenset) or not isinstance(options, Iterable):
        raise DeclarationError(f"choice() takes a list of values, not {shorten(options)}.")
    plain = [_plain_option(option) for option in options]
    types = {type(option) for option in plain if option is not None}
    if not types:
        raise DeclarationError("choice() needs at least one value that is not None.")
    if types == {int, float}:
        types = {float}
    if len(types) > 1:
        named = " and ".join(sorted(one.__name__ for one in types))
        raise DeclarationError(f"choice() takes values of one type, not of {named}: {shorten(plain)}.")
    kind = KINDS[types.pop()]
    found: list[Value] = []
    for option in plain:
        canonical = None if option is None else _canonical_option(kind, option)
        if canonical in found:
            raise DeclarationError(f"choice() has {shorten(option)} twice, and equal values are one key: give it once.")
        found.append(canonical)
    return Choice(kind, tuple(found))


def distribution_from_json(kind: Kind, fields: Mapping[str, Any]) -> Distribution:
    """The opposite of `Distribution.to_json`, for a parameter of ``kind``."""
    if fields["name"] == "choice":
        return Choice(kind, tuple(v.from_json(kind, option) for option in fields["values"]))
    return Interval(kind, fields["name"].startswith("log"), fields["low"], fields["high"])


def _interval(name: str, kind: Kind, is_log: bool, low: object, high: object) -> Interval:
    first, last = _read_bound(name, kind, low), _read_bound(name, kind, high)
    if first > last or (first == last and kind is Kind.FLOAT):
        raise DeclarationError(f"{name}({first!r}, {last!r}) has no values: its first bound has to be the lower one.")
    if is_log and first <= 0:
        raise DeclarationError(f"{name}({first!r}, {last!r}) needs bounds above 0, as 0 has no logarithm.")
    return Interval(kind, is_log, first, last)


def _read_bound(name: str, kind: Kind, bound: object) -> float:
    try:
        plain = v.to_plain(bound)
        if kind is Kind.INT and isinstance(plain, float) and plain.is_integer():  # as people write 1e6
            plain = int(plain)
        canonical = v.to_canonical(kind, plain)
        if isinstance(canonical, int | float) and math.isfinite(canonical):
            return canonical
    except ValueError:
        pass
    what = "whole numbers of 64 bits" if kind is Kind.INT else "finite numbers"
    raise DeclarationError(f"{name}() takes {what} as its bounds, not {shorten(bound)} of type {type(bound).__name__}.")


def _plain_option(option: object) -> object:
    try:
        plain = v.to_plain(option)
        if plain is None or KINDS.get(type(plain)) in _OF_CHOICES:
            return plain
    except ValueError:
        pass
    raise DeclarationError(
        f"choice() takes numbers, texts and truth values, not {shorten(option)} of type "
        f"{type(option).__name__}: name it by a text, and look that up inside the run."
    )


def _canonical_option(kind: Kind, option: object) -> Value:
    try:
        return v.to_canonical(kind, option)
    except ValueError as reason:
        raise DeclarationError(f"choice() cannot take {shorten(option)}: {reason}.") from None


def _round_inside(value: float, low: float, high: float) -> float:
    """A value rounded so that its text is short, between two bounds: to `_DIGITS`, or more where the bounds are close.

    The step is under a thousandth of the range, so that there is a rounded value on the inner side of each bound.
    """
    exact, lower, upper = Decimal(value), Decimal(low), Decimal(high)
    exact = min(max(exact, lower), upper)
    if not exact:
        return 0.0
    widest = _EXACT.divide(_EXACT.subtract(upper, lower), Decimal(_STEPS))
    power = widest.adjusted()
    if widest <= Decimal(f"1e{power}"):
        power -= 1
    step = Decimal(f"1e{min(exact.adjusted() - _DIGITS + 1, power)}")
    rounded = exact.quantize(step, ROUND_HALF_EVEN, _EXACT)
    if rounded < lower:
        rounded = exact.quantize(step, ROUND_CEILING, _EXACT)
    elif rounded > upper:
        rounded = exact.quantize(step, ROUND_FLOOR, _EXACT)
    return float(rounded) + 0.0
