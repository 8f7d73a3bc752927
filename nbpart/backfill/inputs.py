"""Finding the inputs of steps in the catalog, in the transaction that claims the steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.definition import Input
from nbpart.assets.source_reading import FunctionCode
from nbpart.backfill.registry import Node, Registry
from nbpart.backfill.source_location import NO_ATTRIBUTES, Attributes, load_path_attributes, locate, locate_now
from nbpart.catalog import Batch, InputRead, queries
from nbpart.catalog.bound_columns import load_bound_columns, read_columns
from nbpart.catalog.join_search import find_inputs
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.joins import relate
from nbpart.errors import PartitionKeyError
from nbpart.partitions import PartitionRef
from nbpart.partitions.key_values import key_parameters
from nbpart.partitions.mapping import AllKeys, Last, Only, Same, Whole
from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.partitions.relation import Identity, Relation
from nbpart.run.input_files import InputFile
from nbpart.run.spec import CALLED, MANY, ONE, InputItem, InputSpec
from nbpart.storage import FileRecord
from nbpart.storage.named_format import find_named
from nbpart.storage.relative import to_relative
from nbpart.storage.url_template import show_location

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


#: What to do where data that was pruned is needed.
HOW_TO_MAKE = "add + before the name to make it again"


@dataclass
class ResolvedInputs:
    """The inputs of one step, and the ``attributes`` of its key: the columns that the key does not spell.

    ``inputs``: what the run gets, by name; ``reads``: what is recorded as read; ``blocking_cause``: why the step cannot
    run, None where it can.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    inputs: dict[str, InputSpec] = field(default_factory=dict)
    reads: list[InputRead] = field(default_factory=list)
    blocking_cause: str | None = None


def resolve_inputs(
    batch: Batch,
    root: Path,
    registry: Registry,
    node: Node,
    keys: Mapping[int, str | None],
    unreadable: Mapping[PartitionRef, str] | None = None,
) -> dict[int, ResolvedInputs]:
    """The inputs of the partitions ``keys`` (id -> text) of one asset, by key id.

    ``unreadable`` says why partitions of sources cannot be read now; a step that reads one is blocked.
    """
    resolved = {key_id: ResolvedInputs() for key_id in keys}
    for read in node.definition.inputs:
        source = registry[read.name]
        among = _find_among(batch, node, source, read.mapping, np.fromiter(keys, dtype=np.int64))
        one = _Upstream(batch, root, source, read, node.definition.on_missing_input == "block", unreadable or {})
        one.resolve(resolved, keys, *among)
    if bound := load_bound_columns(batch, f"a.asset_id = {node.asset_id}") if node.definition.bound else ():
        known = [key_id for key_id in keys if key_id >= 0]
        for key_id, read_columns_of_key in zip(known, read_columns(batch, bound[0], known), strict=True):
            resolved[key_id].reads.append(read_columns_of_key)
    return resolved


def _find_among(
    batch: Batch, node: Node, source: Node, mapping: KeyMapping, readers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Relation]:
    """The keys of an input that readers read, in the order of their set, and which of them each reads.

    A reader with the id -1, a key that its set does not have, reads only what every reader does.
    """
    if isinstance(mapping, Same):
        return readers, Identity(np.arange(len(readers), dtype=np.int32))
    join = open_join(batch, mapping, node.set_id, source.set_id)
    if (readers >= 0).all() or isinstance(mapping, Whole | AllKeys | Last | Only):
        found = find_inputs(batch, join, readers)
        return found, relate(batch, join, readers, found)
    return np.empty(0, np.int64), Identity(np.full(len(readers), -1, dtype=np.int32))


def explain_absent(batch: Batch, node: Node, key: str | None, count: int = 1) -> str:
    """What a partition needs that reads ``count`` keys of an input without data, the first of which is ``key``."""
    others = f" and {count - 1} more of {node.name}" if count > 1 else ""
    if node.definition.is_of_functions:
        return f"needs source {node.name}{others}: its function has no version of {key!r}"
    if node.definition.is_value:
        return f"needs the value {node.name}, whose data is gone; give it again with ws.value"
    if not node.definition.is_source:
        return f"needs {PartitionRef(node.name, key).label}{others}, which is missing"
    try:
        place = locate_now(batch, node, key)
    except PartitionKeyError as error:
        return f"cannot read source {node.name}: {error}"
    return f"needs source {node.name}{others}: there is no file at {show_location(place)}"


def explain_failed_check(name: str, key: str | None, check: str, count: int = 1) -> str:
    """Why a partition is blocked that reads ``count`` keys of an asset which fail a check, the first one ``key``."""
    others = f" and {count - 1} more of {name}" if count > 1 else ""
    return f"needs {PartitionRef(name, key).label}{others}, which fails its check {check}"


@dataclass
class _Upstream:
    """One input of an asset: the asset or source ``node``, read for many partitions at once.

    ``required``: a partition that lacks this input is blocked; ``unreadable`` says why partitions of sources cannot be
    read now. ``pruned`` says of each key when its data was pruned, "" where it was not, ``failed_checks`` which
    blocking check it fails, "" where it fails none.
    """

    batch: Batch
    root: Path
    node: Node
    read: Input
    required: bool
    unreadable: Mapping[PartitionRef, str]
    pruned: Sequence[str] = field(default=(), init=False)
    failed_checks: Sequence[str] = field(default=(), init=False)

    def resolve(
        self,
        resolved: Mapping[int, ResolvedInputs],
        keys: Mapping[int, str | None],
        ids: NDArray[np.int64],
        relation: Relation,
    ) -> None:
        """Add this input to each of ``resolved``: what it reads of ``ids``, by the relation of ``keys`` and these."""
        rows = queries.current_inputs(self.batch, self.node.asset_id, ids)
        found = _Found.of_rows(rows, self._items(rows[rows["materialization_id"].notna()]))
        self.pruned, self.failed_checks = rows["pruned"].tolist(), rows["failed_check"].tolist()
        known: dict[bytes, tuple[InputSpec, InputRead, str | None]] = {}
        for place, key_id in enumerate(keys):
            places = relation.inputs_of(place)
            if key_id < 0 and isinstance(self.read.mapping, Same):
                found = _Found([keys[key_id]], np.array([key_id]), [None], [False], np.zeros(1, np.uint64), [None])
            # readers of one group get the same objects
            same = places.tobytes()
            if same not in known:
                known[same] = self._describe(found, places, key_id)
            spec, read, cause = known[same]
            one = resolved[key_id]
            one.inputs[self.read.argument] = spec
            one.reads.append(read)
            one.blocking_cause = one.blocking_cause or cause

    def _describe(
        self, found: _Found, places: NDArray[np.int32], reader: int
    ) -> tuple[InputSpec, InputRead, str | None]:
        """What a run gets of the keys at these places, what is recorded as read, and why it cannot run."""
        listed = places.tolist()
        items = tuple(item for place in listed if (item := found.items[place]) is not None)
        missing = [found.keys[place] for place in listed if found.items[place] is None]
        damaged = [found.keys[place] for place in listed if found.is_damaged[place]]
        shape = ONE if self.read.reads_one else MANY
        spec = InputSpec(
            *(self._kind, shape, items, _spell_missing(missing), self._load, self.node.name),
            metrics=self.node.definition.metrics,
        )
        mapping, count = self.read.mapping, len(items)
        if isinstance(mapping, Same | Whole):
            key_id = reader if isinstance(mapping, Same) else 0
            read = InputRead(
                self.node.asset_id, self.read.argument, key_id, count, found.hashes[listed[0]] if listed else None
            )
        else:
            mixed = int(np.bitwise_xor.reduce(found.elements[places])) if listed else 0
            has_data = np.array([found.items[place] is not None for place in listed], bool)
            ids = found.key_ids[places]
            read = InputRead(
                *(self.node.asset_id, self.read.argument, None, count, mixed, self.batch.sequence),
                lacking=None if self.required or has_data.all() else ids[~has_data].tolist(),
                taken=ids[has_data].tolist() if isinstance(mapping, AllKeys) and mapping.new == "ignore" else None,
            )
        unreadable = (self.unreadable.get(PartitionRef(self.node.name, found.keys[place])) for place in listed)
        if self.unreadable and (why := next(filter(None, unreadable), None)):
            return spec, read, f"cannot read source {self.node.name}: {why}"
        if damaged:
            return spec, read, self._refuse_damaged(damaged[0], len(damaged))
        if pruned := [place for place in listed if any(self.pruned[place : place + 1])]:
            return spec, read, self._refuse_pruned(found.keys[pruned[0]], self.pruned[pruned[0]], len(pruned))
        if failing := [place for place in listed if any(self.failed_checks[place : place + 1])]:
            check = self.failed_checks[failing[0]]
            return spec, read, explain_failed_check(self.node.name, found.keys[failing[0]], check, len(failing))
        return spec, read, self._explain_missing(missing) if missing and self.required else None

    @property
    def _kind(self) -> str:
        return "source" if self.node.definition.is_source else "asset"

    @property
    def _load(self) -> FunctionCode | None:
        reading = self.node.definition.reading
        if reading is None or reading.load is None:
            return None
        return reading.load.with_paths(lambda path: to_relative(path, str(self.root)))

    @property
    def _is_of_files(self) -> bool:
        return self.node.definition.is_source and bool(self.node.definition.path)

    def _refuse_damaged(self, key: str | None, count: int) -> str:
        """Why a step is blocked that reads damaged data, also where ``on_missing_input`` is ``"skip"``."""
        others = f" and {count - 1} more of {self.node.name}" if count > 1 else ""
        label = PartitionRef(self.node.name, key).label
        return f"needs {label}{others}, whose data file was replaced or damaged; run it first"

    def _refuse_pruned(self, key: str | None, pruned: str, count: int) -> str:
        others = f" and {count - 1} more of {self.node.name}" if count > 1 else ""
        return f"needs {PartitionRef(self.node.name, key).label}{others}, which was {pruned}; {HOW_TO_MAKE}"

    def _explain_missing(self, missing: Sequence[str | None]) -> str:
        return explain_absent(self.batch, self.node, missing[0], len(missing))

    def _items(self, rows: pd.DataFrame) -> dict[int, InputItem]:
        extra = self._extra_files(rows)
        attributes = load_path_attributes(self.batch, self.node, rows["key"].tolist()) if self._is_of_files else {}
        items = {
            int(row.key_id): self._item(
                row, extra.get(int(row.materialization_id), {}), attributes.get(row.key, NO_ATTRIBUTES)
            )
            for row in rows.itertuples(index=False)
        }
        return self._add_metrics(items) if self.node.definition.metrics else items

    def _add_metrics(self, items: Mapping[int, InputItem]) -> dict[int, InputItem]:
        """The items with what their runs logged; only an asset that declares metrics pays for it."""
        ids = [item.materialization_id for item in items.values() if item.materialization_id is not None]
        logged, stopped = queries.logged_by(self.batch, np.array(ids, dtype=np.int64))
        return {
            key_id: replace(
                item,
                metrics=logged.get(item.materialization_id or 0, {}),
                stopped_early=item.materialization_id in stopped,
            )
            for key_id, item in items.items()
        }

    def _item(self, row: Any, files: dict[str, InputFile], attributes: Attributes) -> InputItem:
        import pandas as pd

        key = row.key
        params = key_parameters(self.node.partitions, key)
        if self.node.definition.is_of_functions:
            return InputItem(key, "", CALLED, params, row.data_version, {})
        if self._is_of_files:
            location = to_relative(locate(self.node, key, attributes), str(self.root))
            return InputItem(key, location, "source", params, row.data_version, {})
        size = None if pd.isna(row.bytes) else int(row.bytes)
        number = int(row.materialization_id)
        written_with = row.schema if find_named(row.format) else None
        return InputItem(
            key,
            row.path or "",
            row.format or None,
            params,
            row.data_version,
            files,
            size,
            row.file_version,
            number,
            written_with,
        )

    def _extra_files(self, rows: pd.DataFrame) -> dict[int, dict[str, InputFile]]:
        if self._is_of_files or self.node.definition.is_of_functions or rows.empty:
            return {}
        files = queries.data_files_of(self.batch, rows["materialization_id"].to_numpy(dtype=np.int64))
        return {number: {one.name: _to_input(one) for one in some if one.name} for number, some in files.items()}


def _to_input(file: FileRecord) -> InputFile:
    written_with = file.schema if find_named(file.format) else None
    return InputFile(file.path, file.format or "", file.bytes, file.data_version, written_with)


@dataclass(frozen=True)
class _Found:
    """The current data of keys of an input, a place a key; ``items`` and ``hashes`` are None where there is none."""

    keys: Sequence[str | None]
    key_ids: NDArray[np.int64]
    items: Sequence[InputItem | None]
    is_damaged: Sequence[bool]
    elements: NDArray[np.uint64]
    hashes: Sequence[int | None]

    @classmethod
    def of_rows(cls, rows: pd.DataFrame, items: Mapping[int, InputItem]) -> _Found:
        """Of rows of `queries.current_inputs`, with the items of those that have data, by key id."""
        found = [items.get(int(key_id)) for key_id in rows["key_id"]]
        elements = rows["element"].to_numpy(dtype=np.uint64)
        hashes = [None if item is None else int(one) for item, one in zip(found, rows["data_hash"], strict=True)]
        return cls(
            list(rows["key"]), rows["key_id"].to_numpy(np.int64), found, rows["is_damaged"].tolist(), elements, hashes
        )


def _spell_missing(keys: Iterable[str | None]) -> tuple[str, ...]:
    """Keys as a run's spec and report list them: "" is the key of an asset without partitions."""
    return tuple(key or "" for key in keys)
