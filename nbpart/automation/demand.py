"""What a trigger asks for, before any of it is recorded: the record that every kind of trigger comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import Selection

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.backfill.source_observation import Observation


@dataclass(frozen=True)
class KeyChange:
    """Keys to add to a set, with their parameters as the catalog takes them, or to remove from it."""

    set_id: int
    set_name: str
    keys: Sequence[str]
    columns: pa.Table | None
    is_added: bool


@dataclass(frozen=True)
class ColumnChange:
    """Columns of keys that are in a set, as the catalog takes them: those of other names stay as they are."""

    set_id: int
    keys: Sequence[str]
    columns: pa.Table


@dataclass(frozen=True)
class RunDemand:
    """A demand for runs of one key: of what a ``selection`` chooses, or, where that is None, of all assets that the
    key's set partitions and of what is below these the keys that read it.

    ``texts`` maps the id of each set that may have the key to its text there; it is empty where assets are asked for
    without a key. ``key`` is the key as the sensor gave it, ``terms`` the selection as a text. One with a ``run_key``
    that was used before is dropped. Those with equal ``settings`` and ``tags`` are one backfill.
    """

    selection: Selection | None
    terms: str
    key: Any
    texts: Mapping[int, str]
    run_key: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadersDemand:
    """A demand for the partitions that read some ``keys`` of a ``source``, and for what is missing above these.

    Of the assets that a ``selection`` chooses, or of all that are below the source; ``terms`` says the same as a text.
    Those that are up to date are not asked for, unless they read one that is, and without ``with_failed`` neither those
    whose last run failed.
    """

    source: str
    keys: Sequence[str | None]
    selection: Selection | None
    terms: str
    with_failed: bool = True


@dataclass(frozen=True)
class StepsDemand:
    """A demand for partitions by the ids of their keys (None for all keys), by asset; ``terms`` says it as a text."""

    key_ids: Mapping[str, NDArray[np.int64] | None]
    terms: str


@dataclass(frozen=True)
class Demand:
    """What one look of a trigger asks for.

    ``observed`` has what was found of the files of sources, by source. A ``cursor`` of None keeps the old one; it is a
    text, or makes one of the number of the transaction that records all this. With ``again_in_s`` a look after so many
    seconds would find more, whatever the interval of the trigger says.
    With ``is_once`` none of it is recorded where another look has moved the cursor meanwhile.
    ``order`` is that of the backfill where nobody gave another. ``notes`` are sentences for the tick; ``skip_reason``
    is the one that says why nothing is asked for. ``printed`` is what a function printed.
    """

    changes: Sequence[KeyChange] = ()
    runs: Sequence[RunDemand] = ()
    readers: Sequence[ReadersDemand] = ()
    steps: Sequence[StepsDemand] = ()
    columns: Sequence[ColumnChange] = ()
    observed: Mapping[str, Sequence[Observation]] = field(default_factory=dict)
    cursor: str | Callable[[int], str] | None = None
    again_in_s: float | None = None
    notes: Sequence[str] = ()
    skip_reason: str = ""
    printed: str = ""
    is_once: bool = False
    order: str | None = None

    def is_empty(self, cursor: str | None) -> bool:
        """Whether nothing of it is to be recorded, of a trigger that has this cursor."""
        asks = self.changes or self.columns or self.runs or self.readers or self.steps or any(self.observed.values())
        return not asks and self.cursor in (None, cursor)
