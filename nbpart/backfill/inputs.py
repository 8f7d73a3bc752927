"""Finding the inputs of steps in the catalog, in the transaction that claims the steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.source_reading import FunctionCode
from nbpart.backfill.registry import Node, Registry
from nbpart.backfill.source_location import locate
from nbpart.catalog import Batch, InputRead, queries
from nbpart.errors import PartitionKeyError
from nbpart.partitions import MappingKind as KeyMapping
from nbpart.partitions import PartitionRef
from nbpart.partitions.key_values import key_parameters
from nbpart.run.input_files import InputFile
from nbpart.run.spec import CALLED, InputItem, InputSpec
from nbpart.storage.relative import to_relative
from nbpart.storage.url_template import show_location

if TYPE_CHECKING:
    import pandas as pd


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
        source = _Upstream(batch, root, registry[read.name], node.definition.on_missing_input == "block")
        if read.mapping is KeyMapping.SAME:
            source.resolve_same(resolved, keys)
        else:
            source.resolve_shared(resolved, read.mapping)
        for key_id, key in keys.items():
            place = PartitionRef(read.name, None if read.mapping is KeyMapping.WHOLE else key)
            if unreadable and (why := unreadable.get(place)) is not None:
                resolved[key_id].blocking_cause = f"cannot read source {read.name}: {why}"
    return resolved


@dataclass
class _Upstream:
    """One input of an asset: the asset or source ``node``, read for many partitions at once.

    ``required``: a partition that lacks this input is blocked. ``absent`` and ``damaged`` are keys without usable data,
    known after `_rows`.
    """

    batch: Batch
    root: Path
    node: Node
    required: bool
    absent: list[str | None] = field(default_factory=list)
    damaged: list[str | None] = field(default_factory=list)

    def resolve_same(self, resolved: Mapping[int, ResolvedInputs], keys: Mapping[int, str | None]) -> None:
        rows = self._rows(np.fromiter(keys, dtype=np.int64))
        items = self._items(rows)
        damaged = frozenset(self.damaged)
        hashes = {int(k): int(h) for k, h in zip(rows["key_id"], rows["data_hash"], strict=True)}
        for key_id, key in keys.items():
            item = items.get(key_id)
            missing = [] if item else [key]
            spec = InputSpec(
                self._kind, str(KeyMapping.SAME), (item,) if item else (), _spell_missing(missing), self._load
            )
            read = InputRead(self.node.asset_id, key_id, int(item is not None), hashes.get(key_id))
            self._add(resolved[key_id], spec, read, key)
            if key in damaged:
                self._refuse_damaged(resolved[key_id], key, 1)

    def resolve_shared(self, resolved: Mapping[int, ResolvedInputs], mapping: KeyMapping) -> None:
        whole = mapping is KeyMapping.WHOLE
        rows = self._rows(np.zeros(1, dtype=np.int64) if whole else None)
        items = list(self._items(rows).values())
        if whole:
            hashed = int(rows["data_hash"].iloc[0]) if items else None
            read = InputRead(self.node.asset_id, 0, len(items), hashed)
        else:
            count, hashed = queries.members_hash(self.batch, self.node.asset_id)
            read = InputRead(self.node.asset_id, None, count, hashed, self.batch.sequence)
        spec = InputSpec(self._kind, str(mapping), tuple(items), _spell_missing(self.absent), self._load)
        for one in resolved.values():
            self._add(one, spec, read, self.absent[0] if self.absent else None)
            if self.damaged:
                self._refuse_damaged(one, self.damaged[0], len(self.damaged))

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

    def _rows(self, key_ids: Any) -> pd.DataFrame:
        rows = queries.current_inputs(self.batch, self.node.asset_id, key_ids)
        self.damaged = list(rows["key"][rows["is_damaged"].to_numpy(dtype=bool)])
        self.absent = list(rows["key"][rows["materialization_id"].isna()])
        return rows[rows["materialization_id"].notna()]

    def _add(self, one: ResolvedInputs, spec: InputSpec, read: InputRead, first_missing: str | None) -> None:
        one.inputs[self.node.name] = spec
        one.reads.append(read)
        if self.required and spec.missing and one.blocking_cause is None:
            one.blocking_cause = self._explain(first_missing, len(spec.missing))

    def _refuse_damaged(self, one: ResolvedInputs, key: str | None, count: int) -> None:
        """Block a step that reads damaged data, also where the asset's ``on_missing_input`` is ``"skip"``."""
        if one.blocking_cause is None:
            others = f" and {count - 1} more of {self.node.name}" if count > 1 else ""
            label = PartitionRef(self.node.name, key).label
            one.blocking_cause = f"needs {label}{others}, whose data file was replaced or damaged; run it first"

    def _explain(self, key: str | None, count: int) -> str:
        others = f" and {count - 1} more of {self.node.name}" if count > 1 else ""
        if self.node.definition.is_of_functions:
            return f"needs source {self.node.name}{others}: its function has no version of {key!r}"
        if self.node.definition.is_value:
            return f"needs the value {self.node.name}, whose data is gone; give it again with ws.value"
        if not self.node.definition.is_source:
            return f"needs {PartitionRef(self.node.name, key).label}{others}, which is missing"
        try:
            place = locate(self.node, key)
        except PartitionKeyError as error:
            return f"cannot read source {self.node.name}: {error}"
        return f"needs source {self.node.name}{others}: there is no file at {show_location(place)}"

    def _items(self, rows: pd.DataFrame) -> dict[int, InputItem]:
        extra = self._extra_files(rows)
        return {
            int(row.key_id): self._item(row, extra.get(int(row.materialization_id), {}))
            for row in rows.itertuples(index=False)
        }

    def _item(self, row: Any, files: dict[str, InputFile]) -> InputItem:
        import pandas as pd

        key = row.key
        params = key_parameters(self.node.partitions, key)
        if self.node.definition.is_of_functions:
            return InputItem(key, "", CALLED, params, row.data_version, {})
        if self._is_of_files:
            location = to_relative(locate(self.node, key), str(self.root))
            return InputItem(key, location, "source", params, row.data_version, {})
        size = None if pd.isna(row.bytes) else int(row.bytes)
        number = int(row.materialization_id)
        return InputItem(
            key, row.path or "", row.format or None, params, row.data_version, files, size, row.file_version, number
        )

    def _extra_files(self, rows: pd.DataFrame) -> dict[int, dict[str, InputFile]]:
        import pandas as pd

        extra: dict[int, dict[str, InputFile]] = {}
        if self._is_of_files or self.node.definition.is_of_functions or rows.empty:
            return extra
        ids = rows["materialization_id"].to_numpy(dtype=np.int64)
        files = queries.data_files_of(self.batch, ids)
        for file in files[files["name"] != ""].itertuples(index=False):
            size = None if pd.isna(file.bytes) else int(file.bytes)
            saved = InputFile(file.path, file.format, size, file.data_version)
            extra.setdefault(int(file.materialization_id), {})[file.name] = saved
        return extra


def _spell_missing(keys: Iterable[str | None]) -> tuple[str, ...]:
    """Keys as a run's spec and report list them: "" is the key of an asset without partitions."""
    return tuple(key or "" for key in keys)
