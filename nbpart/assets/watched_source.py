"""Declaring that the files of a source are watched, and what is asked for when some are new, change or go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nbpart.assets.numbers import read_interval
from nbpart.errors import DeclarationError, nearest

OnChange = Literal["run", "stale"]
OnRemove = Literal["keep", "remove"]
Duplicates = Literal["run", "skip", "report"]


@dataclass(frozen=True)
class WatchedSource:
    """A watched source: its ``source`` by name, how often it is looked at, and what is asked for; see `Source.watch`.

    ``run`` is a selection, a text or several, or None for all that is below the source.
    """

    source: str
    every_s: float
    settle_s: float
    on_change: OnChange
    on_remove: OnRemove
    duplicates: Duplicates
    run: str | tuple[str, ...] | None

    @property
    def name(self) -> str:
        """The name of the trigger."""
        return self.source

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "source"}

    @classmethod
    def from_json(cls, source: str, data: Mapping[str, Any]) -> WatchedSource:
        """Read what `to_json` made; fields that a newer version added are ignored."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        run = known["run"]
        return cls(source, **{**known, "run": tuple(run) if isinstance(run, list) else run})

    def __repr__(self) -> str:
        return f"<nbpart watches source {self.source!r} every {self.every_s:g} s>"


def declare_watch(
    source: str,
    *,
    every: str | float,
    settle: str | float,
    on_change: OnChange,
    on_remove: OnRemove,
    duplicates: Duplicates,
    run: str | tuple[str, ...] | None,
) -> WatchedSource:
    """A watched source; ``run`` has names in place of assets. Raises `DeclarationError` for what cannot be."""
    choices = (
        ("on_change", on_change, ("run", "stale")),
        ("on_remove", on_remove, ("keep", "remove")),
        ("duplicates", duplicates, ("run", "skip", "report")),
    )
    for name, value, known in choices:
        if value not in known:
            raise DeclarationError(f"watched source {source!r}: {name}={value!r}; {nearest(str(value), known)}")
    settle_s = read_interval(settle, "settle", above_zero=False)
    return WatchedSource(source, read_interval(every), settle_s, on_change, on_remove, duplicates, run)
