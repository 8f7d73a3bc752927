"""Catalogs that hold many kinds of sets, for tests that a reference in plain Python judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.join_windows import count_lacking
from nbpart.catalog.joins import relate
from nbpart.catalog.set_tables import build_columns, own_columns
from nbpart.partitions import DynamicPartitions, PartitionsDefinition
from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.project.key_rows import own_values
from tests.partitions.reference import Clock


@dataclass
class World:
    """A catalog with sets, their keys, and the id of each set."""

    catalog: Catalog
    ids: dict[str, int]

    def relation(
        self, mapping: KeyMapping, reader: str, source: str, readers: Sequence[str], inputs: Sequence[str]
    ) -> Any:
        def work(batch: Batch) -> Any:
            join = open_join(batch, mapping, self.ids[reader], self.ids[source])
            mine = queries.key_ids(batch, self.ids[reader], readers)
            theirs = queries.key_ids(batch, self.ids[source], inputs)
            return relate(batch, join, mine, theirs), count_lacking(batch, join, mine)

        return self.catalog.read(work)


WorldKind = TypeVar("WorldKind", bound=World)


@contextmanager
def open_world(
    folder: Path, sets: Sequence[PartitionsDefinition], clock: Clock, kind: type[WorldKind]
) -> Iterator[WorldKind]:
    """A world of these sets, as the reference sees them by a clock."""
    catalog = Catalog.open(folder / "catalog.duckdb")
    catalog.clock = lambda: clock.now
    yield kind(catalog, {one.set_name: catalog.write(lambda b, one=one: _declare(b, one, clock)) for one in sets})  # type: ignore[misc]
    catalog.close()


def _declare(batch: Batch, definition: PartitionsDefinition, clock: Clock) -> int:
    set_id = events.ensure_set(batch, definition)
    if not isinstance(definition, DynamicPartitions):
        events.declare_keys(batch, set_id, definition)
        return set_id
    members: Mapping[str, Mapping[str, object]] = clock.members[definition.name]
    keys, own, parents = list(members), own_columns(definition), None
    rows = [own_values(definition, key) | dict(members[key]) for key in keys]
    if definition.parent is not None:
        found = queries.find_set(batch, definition.parent.set_name)
        assert found is not None
        parents = queries.key_ids(batch, found.set_id, [definition.split(key)[0] for key in keys])
    events.add_keys(batch, set_id, keys, build_columns(own, rows) if own else None, parents)
    return set_id
