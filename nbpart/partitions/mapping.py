"""Partition mappings: which keys of an input a partition reads, said by small records.

Nothing here knows which keys there are; a mapping becomes a relation of keys in the catalog.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias

from nbpart.errors import ConditionError, DeclarationError
from nbpart.partitions.filters import read_condition
from nbpart.partitions.keys import shorten

#: What a mapping does about windows before the first or after the last of the input: leave them out, or wait.
Outside: TypeAlias = Literal["clip", "block"]

MAX_PAIRS = 50_000_000
#: So many pairs at most are looked at one by one, where a condition neither equates nor orders the two sides.
MAX_COMPARED = 1_000_000_000
#: By so many windows `overlap` and `previous` reach back or forth.
MAX_WINDOWS = 100_000
#: The name by which `by` calls the text of a whole key.
PARTITION_KEY = "partition_key"


@dataclass(frozen=True, repr=False)
class Mapping:
    """What all mappings have in common. ``of`` names the asset or source that is read, None where the argument does."""

    kind: ClassVar[str]
    of: str | None = field(default=None, kw_only=True, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The mapping as JSON, without ``of``; what has its default is left out."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.compare}
        given = {one.name: own[one.name] for one in fields(self) if one.compare and own[one.name] != one.default}
        return {"kind": self.kind, **given}

    def describe(self) -> str:
        """What an edge is labelled with, in few words."""
        given = [f"{name}={value}" for name, value in self.to_json().items() if name != "kind"]
        return f"{self.kind}({', '.join(given)})" if given else self.kind

    def __repr__(self) -> str:
        """As it is written, but for what is long."""
        of = [] if self.of is None else [f"of={self.of!r}"]
        return f"{self.kind}({', '.join([*self._spell_given(), *of])})"

    def _spell_given(self) -> list[str]:
        """The arguments as they are written, without ``of``."""
        return [f"{name}={value!r}" for name, value in self.to_json().items() if name != "kind"]


@dataclass(frozen=True, repr=False)
class Same(Mapping):
    """The same key."""

    kind: ClassVar[str] = "same"

    def describe(self) -> str:
        return "same key"


@dataclass(frozen=True, repr=False)
class Whole(Mapping):
    """All of an input that has no partitions."""

    kind: ClassVar[str] = "whole"


@dataclass(frozen=True, repr=False)
class AllKeys(Mapping):
    """Every key of the input. Under ``new="ignore"`` one that came since a run makes nothing stale."""

    new: Literal["stale", "ignore"] = "stale"
    kind: ClassVar[str] = "all_keys"

    def describe(self) -> str:
        return "all keys" if self.new == "stale" else "all keys, new ones ignored"


@dataclass(frozen=True, repr=False)
class Overlap(Mapping):
    """The windows that overlap mine, from the one moved by ``start`` of my windows to the one moved by ``end``."""

    start: int = 0
    end: int = 0
    outside: Outside | None = None
    kind: ClassVar[str] = "overlap"

    @property
    def clips(self) -> bool:
        """Whether windows before the first and after the last of the input are left out, and not waited for."""
        return self.outside == "clip" if self.outside else (self.start, self.end) != (0, 0)

    def describe(self) -> str:
        moved = "" if (self.start, self.end) == (0, 0) else f" {self.start:+d} to {self.end:+d}"
        return f"overlap{moved}{_describe_outside(self.outside)}"


@dataclass(frozen=True, repr=False)
class Previous(Mapping):
    """The ``n`` windows of the input that ended last when mine began."""

    n: int = 1
    outside: Outside | None = None
    kind: ClassVar[str] = "previous"

    @property
    def clips(self) -> bool:
        return self.outside != "block"

    def describe(self) -> str:
        return f"previous{'' if self.n == 1 else f' {self.n:,}'}{_describe_outside(self.outside)}"


@dataclass(frozen=True, repr=False)
class Last(Mapping):
    """The newest ``n`` keys of the input."""

    n: int = 1
    kind: ClassVar[str] = "last"

    def describe(self) -> str:
        return "last" if self.n == 1 else f"last {self.n:,}"


@dataclass(frozen=True)
class Match:
    """One column of `By`: ``theirs`` of the input and ``mine`` of the reader are equal, or related by ``mapping``."""

    theirs: str
    mine: str
    mapping: Mapping | None = None

    def describe(self) -> str:
        names = self.theirs if self.theirs == self.mine else f"{self.theirs} = {self.mine}"
        return names if self.mapping is None else f"{names}: {self.mapping.describe()}"

    def spell(self) -> str:
        """As an argument of `by`."""
        if self.mapping is None:
            return repr(self.mine) if self.theirs == self.mine else f"{self.theirs}={self.mine!r}"
        given = repr(self.mapping) if self.theirs == self.mine else f"({self.mine!r}, {self.mapping!r})"
        return f"{self.theirs}={given}"


@dataclass(frozen=True, repr=False)
class By(Mapping):
    """Keys whose named columns are equal to mine. What has no value equals nothing. Dimensions not named: all.

    No matches stand for all that the two sets share; several are sorted.
    """

    matches: tuple[Match, ...] = ()
    kind: ClassVar[str] = "by"

    def __post_init__(self) -> None:
        object.__setattr__(self, "matches", tuple(sorted(self.matches, key=lambda match: match.theirs)))

    def to_json(self) -> dict[str, Any]:
        listed = [
            [one.theirs, one.mine, *([] if one.mapping is None else [one.mapping.to_json()])] for one in self.matches
        ]
        return {"kind": self.kind, "matches": listed}

    def describe(self) -> str:
        return f"by {', '.join(one.describe() for one in self.matches)}" if self.matches else "by what both have"

    def _spell_given(self) -> list[str]:
        # what is given by position comes first
        return sorted((one.spell() for one in self.matches), key=lambda text: not text.startswith(("'", '"')))


@dataclass(frozen=True, repr=False)
class Only(Mapping):
    """These keys of the input."""

    keys: tuple[Any, ...]
    kind: ClassVar[str] = "only"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "keys": list(self.keys)}

    def describe(self) -> str:
        shown = ", ".join(map(str, self.keys[:3]))
        return f"only {shown}{'' if len(self.keys) <= 3 else f' and {len(self.keys) - 3:,} more'}"

    def _spell_given(self) -> list[str]:
        return [*map(shorten, self.keys[:5]), *(["..."] if len(self.keys) > 5 else [])]


@dataclass(frozen=True, repr=False)
class Pairs(Mapping):
    """Pairs of keys, in two tuples of one length: ``upstream`` of the input, ``this`` of the reader.

    They are sorted and each is there once, so that the same pairs in another order are the same mapping.
    """

    upstream: tuple[Any, ...]
    this: tuple[Any, ...]
    kind: ClassVar[str] = "pairs"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "upstream": list(self.upstream), "this": list(self.this)}

    def describe(self) -> str:
        return f"{len(self.this):,} pair{'' if len(self.this) == 1 else 's'}"

    def _spell_given(self) -> list[str]:
        return [f"<{self.describe()}>"]


@dataclass(frozen=True, repr=False)
class Where(Mapping):
    """The keys for which a condition on the columns of both, ``upstream.fold <> this.fold``, is true."""

    text: str
    kind: ClassVar[str] = "where"

    def describe(self) -> str:
        return f"where {' '.join(self.text.split())}"

    def _spell_given(self) -> list[str]:
        return [repr(self.text)]


def same(*, of: str | None = None) -> Same:
    """Read the same key: the default where both have the same set."""
    return Same(of=_check_of(of))


def whole(*, of: str | None = None) -> Whole:
    """Read all of an input that has no partitions: the default there."""
    return Whole(of=_check_of(of))


def all_keys(new: Literal["stale", "ignore"] = "stale", *, of: str | None = None) -> AllKeys:
    """Read every key of the input.

    A key that comes after a run makes its result stale, or under ``new="ignore"`` only a change of what it did read.
    """
    if new not in ("stale", "ignore"):
        raise DeclarationError(f"all_keys(new={shorten(new)}): new is 'stale' or 'ignore'.")
    return AllKeys(new, of=_check_of(of))


def overlap(start: int = 0, end: int = 0, outside: Outside | None = None, *, of: str | None = None) -> Overlap:
    """Read the windows that overlap mine, or mine moved: ``overlap(start=-6)`` is a rolling week of days.

    ``start`` and ``end`` count my own windows. What lies before the first window of the input or after its end is left
    out under ``outside="clip"``, the default with an offset, and waited for under ``"block"``, the default without one.
    """
    _check_numbers("overlap", start=start, end=end)
    if start > end:
        raise DeclarationError(f"overlap(start={start}, end={end}): the start is after the end.")
    return Overlap(start, end, _check_outside("overlap", outside), of=_check_of(of))


def previous(n: int = 1, outside: Outside | None = None, *, of: str | None = None) -> Previous:
    """Read the ``n`` windows before mine, of another asset or of the asset itself: a running balance.

    With ``n=1`` the value arrives, None where there is none before.
    """
    count = _check_count("previous", n)
    _check_most("previous", "n", count)
    return Previous(count, _check_outside("previous", outside), of=_check_of(of))


def last(n: int = 1, *, of: str | None = None) -> Last:
    """Read the newest ``n`` keys of the input; with ``n=1`` the value arrives."""
    return Last(_check_count("last", n), of=_check_of(of))


def by(*columns: str, of: str | None = None, **matches: str | Mapping | tuple[str, Mapping]) -> By:
    """Read the keys whose columns are equal to mine.

    ``by("origin")`` compares columns of one name, ``by(theirs="mine")`` of two names; ``partition_key`` is the whole
    key. ``by(day=previous())`` relates a dimension by a mapping of its own, ``by(week=("day", overlap()))`` one that
    has another name here. Dimensions that are not named are read whole; ``by()`` compares what both have.
    """
    found = [Match(_check_column(name), name) for name in columns]
    for theirs, given in matches.items():
        mine, mapping = given if isinstance(given, tuple) and len(given) == 2 else (theirs, given)
        if isinstance(mine, str) and isinstance(mapping, Mapping):
            found.append(Match(theirs, mine, None if isinstance(mapping, Same) else _check_inner(theirs, mapping)))
        elif isinstance(given, str):
            found.append(Match(theirs, given))
        else:
            raise DeclarationError(
                f"by({theirs}={shorten(given)}): give the name of my column, a mapping, or both, as (name, mapping)."
            )
    names = [match.theirs for match in found]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"by: {name!r} is named twice; once is enough.")
    return By(tuple(found), of=_check_of(of))


def only(*keys: Any, of: str | None = None) -> Only:
    """Read these keys of the input, whichever key reads."""
    if not keys:
        raise DeclarationError("only() names no key: name at least one, or read all by all_keys().")
    return Only(tuple(keys), of=_check_of(of))


def pairs(frame: Any, *, of: str | None = None) -> Pairs:
    """Read by a frame of pairs with the columns ``upstream``, a key of the input, and ``this``, a key that reads it.

    A dict of two lists is a frame too.
    """
    try:
        upstream, this = frame["upstream"], frame["this"]
        count, other = len(upstream), len(this)
    except (TypeError, LookupError, ValueError):
        raise DeclarationError(
            f"pairs takes a frame with the columns 'upstream' and 'this', not {shorten(frame)}."
        ) from None
    if count != other:
        raise DeclarationError(f"pairs: there are {count:,} keys in 'upstream' and {other:,} in 'this'.")
    if count > MAX_PAIRS:
        raise DeclarationError(
            f"pairs: the frame has {count:,} rows, and {MAX_PAIRS:,} are possible: compare columns by nbpart.by."
        )
    return Pairs(tuple(upstream), tuple(this), of=_check_of(of))


def where(text: str, *, of: str | None = None) -> Where:
    """Read the keys for which a condition on the columns of both is true: ``where("upstream.fold <> this.fold")``.

    ``upstream.`` stands before the columns of the input, ``this.`` before those of the key that reads: its
    ``partition_key``, parameters, columns and dimensions, ``window_start`` and ``window_end``. A condition is DuckDB's,
    as those that choose partitions; dates and naive times are in the zone of the set that reads.
    """
    if not isinstance(text, str):
        raise DeclarationError(
            f"where({shorten(text)}): give a text on the columns of both sides, as 'upstream.fold <> this.fold'."
        )
    if not text.strip():
        raise DeclarationError("where(''): the text is empty; all keys are read by all_keys().")
    try:
        condition = read_condition(text.strip())
    except ConditionError as error:
        raise DeclarationError(f"where: {error}") from None
    return Where(condition.text, of=_check_of(of))


def reads_earlier(mapping: Mapping) -> bool:
    """Whether all that it reads lies in windows before that of the key that reads."""
    if isinstance(mapping, By):
        return any(match.mapping is not None and reads_earlier(match.mapping) for match in mapping.matches)
    return isinstance(mapping, Previous) or (isinstance(mapping, Overlap) and mapping.end < 0)


def reads_newest(mapping: Mapping) -> bool:
    """Whether what it reads changes with the newest keys of a set."""
    if isinstance(mapping, By):
        return any(match.mapping is not None and reads_newest(match.mapping) for match in mapping.matches)
    return isinstance(mapping, Last)


def sort_pairs(upstream: Iterable[str], this: Iterable[str]) -> Pairs:
    """The pairs of these texts, each once and in one order."""
    both = sorted(set(zip(this, upstream, strict=True)))
    return Pairs(tuple(one for _, one in both), tuple(one for one, _ in both))


def mapping_from_json(stored: Dict[str, Any]) -> Mapping:
    """The mapping of what `Mapping.to_json` returned."""
    given = {name: value for name, value in stored.items() if name != "kind"}
    kind = _KINDS.get(stored["kind"])
    if kind is None:
        raise ValueError(f"there is no mapping of the kind {stored['kind']!r}")
    if kind is By:
        return By(tuple(Match(one[0], one[1], *map(mapping_from_json, one[2:])) for one in given["matches"]))
    made: Mapping = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
    return made


def mapping_to_text(mapping: Mapping) -> str:
    """Its JSON as one text, which equal mappings have alike."""
    return json.dumps(mapping.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


_KINDS: Dict[str, Any] = {
    one.kind: one for one in (Same, Whole, AllKeys, Overlap, Previous, Last, By, Only, Pairs, Where)
}


def _describe_outside(outside: Outside | None) -> str:
    return {None: "", "clip": ", clipped", "block": ", all of them"}[outside]


def _check_of(of: object) -> str | None:
    """The name of what is read; an asset or source stands for its name."""
    name = of if of is None or isinstance(of, str) else getattr(of, "name", of)
    if name is not None and not isinstance(name, str):
        raise DeclarationError(f"of={shorten(of)} is no asset: give its name.")
    return name


def _check_numbers(what: str, **given: object) -> None:
    for name, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise DeclarationError(f"{what}({name}={shorten(value)}): {name} is a whole number of windows.")
        _check_most(what, name, value)


def _check_count(what: str, n: object) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise DeclarationError(f"{what}(n={shorten(n)}): n is a whole number, 1 or more.")
    return n


def _check_most(what: str, name: str, number: int) -> None:
    if abs(number) > MAX_WINDOWS:
        raise DeclarationError(
            f"{what}({name}={number:,}): windows are moved by at most {MAX_WINDOWS:,}; read all of them by all_keys()."
        )


def _check_outside(what: str, outside: Any) -> Outside | None:
    if outside not in (None, "clip", "block"):
        raise DeclarationError(f"{what}(outside={shorten(outside)}): outside is 'clip' or 'block'.")
    checked: Outside | None = outside
    return checked


def _check_column(name: object) -> str:
    if not isinstance(name, str):
        raise DeclarationError(f"by({shorten(name)}): name a column, or give a mapping as by(column=mapping).")
    return name


def _check_inner(theirs: str, mapping: Mapping) -> Mapping:
    if isinstance(mapping, By | Whole):
        raise DeclarationError(f"by({theirs}={mapping.kind}(...)): {mapping.kind} cannot stand inside by.")
    if isinstance(mapping, Where):
        raise DeclarationError(
            f"by({theirs}=where(...)): where cannot stand inside by: compare the other columns in its condition too."
        )
    if mapping.of is not None:
        raise DeclarationError(f"by({theirs}=...): of={mapping.of!r} belongs to by itself, as by(..., of=...).")
    return mapping
