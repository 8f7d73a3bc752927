"""Reading from the catalog what places the members of a set in a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nbpart.catalog import Batch, Catalog, SetRecord, queries
from nbpart.catalog.queries import cells, grids
from nbpart.errors import UnknownNameError
from nbpart.partitions import DynamicPartitions, MultiPartitions, PartitionsDefinition, TimeWindowPartitions
from nbpart.widgets.heatmap_grids import (
    MAX_ACROSS,
    MAX_DOWN,
    Axis,
    Grid,
    bin_axis,
    choose_axes,
    make_grid,
    plan_calendar,
    plan_children,
    plan_grid,
)
from nbpart.widgets.heatmap_model import Members

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: More partitions than these are never drawn by their parameters, so these are not read.
_MAX_BY_PARAMETERS = 100_000


def load_grid(
    catalog: Catalog, key_set: SetRecord, members: Members, across: str | None, down: str | None
) -> Grid | None:
    """The grid in which the members of a set are drawn, None for a line.

    ``across`` and ``down`` name the dimensions of a product that a person chose. Raises no error where keys come or go
    between the reads: then it is None, and the change is read next.
    """
    definition = key_set.definition
    if not len(members):
        return None
    if isinstance(definition, TimeWindowPartitions):
        return _load_calendar(catalog, key_set.set_id, members)
    if isinstance(definition, MultiPartitions):
        return _load_product(catalog, key_set.set_id, definition, members, (across, down))
    if isinstance(definition, DynamicPartitions) and definition.parts:
        return _load_children(catalog, key_set.set_id, definition, members)
    if not key_set.parameters or len(members) > _MAX_BY_PARAMETERS:
        return None
    table = catalog.read(lambda b: cells.member_parameters(b, key_set.set_id))
    if table.num_rows != len(members):
        return None
    return plan_grid({name: table.column(name).to_pylist() for name in table.column_names})


def list_axes(definition: PartitionsDefinition | None) -> tuple[str, ...]:
    """The dimensions among which a person may choose the sides of a grid; empty where there is no choice."""
    names = tuple(name for name, _ in definition.parts) if isinstance(definition, MultiPartitions) else ()
    return names if len(names) > 1 else ()


def _load_calendar(catalog: Catalog, set_id: int, members: Members) -> Grid | None:
    key_ids, starts, local, length_s = catalog.read(lambda b: grids.window_times(b, set_id))
    if (members.find(key_ids) >= 0).sum() != len(members):
        return None
    return plan_calendar(members.fill(key_ids, starts, 0), members.fill(key_ids, local, 0), length_s)


def _load_product(
    catalog: Catalog,
    set_id: int,
    definition: MultiPartitions,
    members: Members,
    chosen: tuple[str | None, str | None],
) -> Grid | None:
    parts = dict(definition.parts)
    if len(parts) < 2:
        return None
    ids = {name: _load_part_members(catalog, part) for name, part in parts.items()}
    windows = [name for name, part in parts.items() if isinstance(part, TimeWindowPartitions)]
    sides = choose_axes({name: len(own) for name, own in ids.items()}, windows, *chosen)
    axes: list[Axis] = []
    for name, most in zip(sides, (MAX_ACROSS, MAX_DOWN), strict=True):
        places = _find_part_places(catalog, set_id, list(parts).index(name), members, Members(ids[name]))
        if places is None:
            return None
        axes.append(bin_axis(name, len(ids[name]), places, most, _name_keys(catalog, ids[name])))
    return make_grid(*axes)


def _load_children(catalog: Catalog, set_id: int, definition: DynamicPartitions, members: Members) -> Grid | None:
    import numpy as np

    [(name, parent)] = definition.parts
    parents = _load_part_members(catalog, parent)
    places = _find_part_places(catalog, set_id, 0, members, Members(parents))
    if places is None:
        return None
    some, places = np.unique(places, return_inverse=True)  # parents without children are left out
    ranked_ids, ranks = catalog.read(lambda b: grids.own_places(b, set_id))
    own = members.fill(ranked_ids, ranks, -1)
    if (own < 0).any():
        return None
    used, first, own = np.unique(own, return_index=True, return_inverse=True)
    if len(used) <= MAX_ACROSS:
        texts: Sequence[str] = catalog.read(lambda b: queries.key_texts(b, members.key_ids[first])).tolist()
        labels = tuple(definition.split(text)[1] for text in texts)
    else:
        labels = ("",) * len(used)
    return plan_children(places, _name_keys(catalog, parents[some]), Axis(definition.name, labels, own), name)


def _load_part_members(catalog: Catalog, part: PartitionsDefinition) -> Ids:
    def work(batch: Batch) -> Ids:
        found = queries.find_set(batch, part.set_name)
        if found is None:
            raise UnknownNameError(f"there are no partitions {part.set_name!r}.")
        return cells.member_ids(batch, found.set_id)

    return catalog.read(work)


def _find_part_places(catalog: Catalog, set_id: int, part: int, members: Members, among: Members) -> Ids | None:
    """The place of each member's part among the keys of that part; None where they do not fit together any more."""
    key_ids, part_ids = catalog.read(lambda b: grids.part_ids(b, set_id, part))
    places = members.fill(key_ids, among.find(part_ids), -1)
    return None if (places < 0).any() else places


def _name_keys(catalog: Catalog, ids: Ids) -> Callable[[Ids], Sequence[str]]:
    return lambda places: [str(text) for text in catalog.read(lambda b: queries.key_texts(b, ids[places])).tolist()]
