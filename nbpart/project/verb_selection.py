"""The partitions that a person names to a verb, as a table of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import Selection, read_selection
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch
from nbpart.catalog.queries.verbs import create_chosen, find_active, find_read_by_active
from nbpart.errors import DeclarationError
from nbpart.partitions import PartitionRef
from nbpart.partitions.filters import Condition, read_condition
from nbpart.project.key_choices import list_choices
from nbpart.project.partition_selection import choose_partitions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The temporary table (asset_id, key_id) of the partitions that a verb is given.
CHOSEN = "verb_chosen"


@dataclass(frozen=True)
class VerbSelection:
    """What a person chose: assets, and ``choices`` among their keys and a condition on them (None: all)."""

    registry: Registry
    selected: Selection
    choices: Sequence[Any] | None
    where: Condition | None = None

    @classmethod
    def read(cls, registry: Registry, selection: Any, keys: Any, where: Any) -> VerbSelection:
        """Read ``selection``, ``keys`` and ``where`` as a plan reads them."""
        choices = None if keys is None else list_choices(keys)
        condition = None if where is None else read_condition(where)
        return cls(registry, read_selection(registry.graph, selection), choices, condition)

    def create_table(self, batch: Batch) -> int:
        """Create the temporary table `CHOSEN` of the partitions; returns how many they are."""
        computed = self.selected.names
        chosen: Mapping[str, NDArray[np.int64] | None] = dict.fromkeys(computed)
        if self.choices is not None or self.where is not None:
            found = choose_partitions(batch, self.registry, self.selected, self.choices, self.where).key_ids
            chosen = {name: found[name] for name in computed if name in found}
        return create_chosen(batch, {self.registry[name].asset_id: ids for name, ids in chosen.items()})


def refuse_active_of(batch: Batch, asset_id: int, key_ids: NDArray[np.int64], verb: str) -> None:
    """As `refuse_active`, of partitions of one asset."""
    create_chosen(batch, {asset_id: key_ids})
    refuse_active(batch, verb)


def refuse_active(batch: Batch, verb: str) -> None:
    """Raise `DeclarationError` where one of the chosen partitions has a run that has not ended."""
    if (found := find_active(batch, CHOSEN)) is not None:
        asset, key, count = found
        others = f" (and {count - 1:,} more)" if count > 1 else ""
        raise DeclarationError(
            f"{PartitionRef(asset, key).label}{others} is queued or running, so it cannot be {verb} now: cancel its "
            "backfill or wait for its end. Nothing was changed."
        )


def refuse_read(batch: Batch, verb: str) -> None:
    """Raise `DeclarationError` where an active run reads one of the chosen partitions, whose data would be deleted."""
    if (found := find_read_by_active(batch, CHOSEN)) is not None:
        asset, key, _ = found
        raise DeclarationError(
            f"{PartitionRef(asset, key).label} is read by a run that is queued or running, so its data cannot be "
            f"{verb} now: cancel that run or wait for its end. Nothing was changed."
        )
