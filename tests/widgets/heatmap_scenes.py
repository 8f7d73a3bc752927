"""Catalogs for heatmaps to show: filled by a few inserts, since recording run by run would take hours."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nbpart.assets.definition import Input
from nbpart.catalog import AssetRow, Batch, Catalog, events
from nbpart.catalog.queries import cells
from nbpart.catalog.set_tables import build_columns, own_columns
from nbpart.partitions import DynamicPartitions, Parameters
from nbpart.partitions.mapping import AllKeys, Same
from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.states import STATUS_CODES
from nbpart.states import PartitionStatus as P

CODE = STATUS_CODES
MAPPINGS: Mapping[str, KeyMapping] = {"same": Same(), "all": AllKeys()}


def open_scene(folder: str | Path) -> Catalog:
    return Catalog.open(Path(folder) / "catalog.duckdb", timeout_s=30)


def add_set(catalog: Catalog, name: str, keys: Sequence[str]) -> int:
    set_id = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions(name)))
    if keys:
        catalog.write(lambda b: events.add_keys(b, set_id, list(keys)))
    return set_id


def add_trials(catalog: Catalog, name: str, params: Mapping[str, Any], axes: Mapping[str, Any]) -> int:
    """A set whose keys are every combination of the values in `axes`."""
    parameters = Parameters.declare(params)
    found = parameters.grid(axes)
    set_id = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions(name, parameters)))
    keys, columns = (
        [parameters.spell(v) for v in found],
        build_columns(own_columns(DynamicPartitions("trials", parameters)), found),
    )
    catalog.write(lambda b: events.add_keys(b, set_id, keys, columns))
    return set_id


def add_assets(
    catalog: Catalog, set_id: int, names: Sequence[str], inputs: Mapping[str, Sequence[tuple[str, str]]] = {}
) -> dict[str, int]:
    definition = {"name": "", "kind": "function"}
    reads = {n: [Input(i, MAPPINGS[word]) for i, word in inputs.get(n, ())] for n in names}
    rows = [AssetRow(n, "function", set_id, "c1", definition | {"name": n}, reads[n]) for n in names]
    return {n: r.asset_id for n, r in catalog.write(lambda b: events.register_assets(b, rows)).items()}


def set_statuses(catalog: Catalog, asset_id: int, codes: Sequence[int] | np.ndarray, values: Any = None) -> None:
    """Give the members of an asset's set these statuses, in their order; `values` are (duration_s, accuracy)."""
    catalog.write(lambda b: _set_statuses(b, asset_id, np.asarray(codes, np.uint8), values))


def _set_statuses(batch: Batch, asset_id: int, codes: np.ndarray, values: Any) -> None:
    set_id = batch.value("SELECT set_id FROM assets WHERE asset_id = ?", asset_id)
    ids = cells.member_ids(batch, set_id)
    has_data = np.isin(codes, [CODE[P.MATERIALIZED], CODE[P.STALE]])
    active = np.select([codes == CODE[P.QUEUED], codes == CODE[P.RUNNING]], [1, 2], 0)
    first = batch.take_ids("next_materialization_id", len(ids))
    frame = pd.DataFrame(
        {
            "key_id": ids,
            "materialization_id": pd.array(np.where(has_data, first + np.arange(len(ids)), 0), "Int64"),
            "outcome": np.select([codes == CODE[P.FAILED], has_data], [2, 1], 0),
            "stale": (codes == CODE[P.STALE]).astype(int),
            "active": active,
        }
    )
    frame.loc[~has_data, "materialization_id"] = pd.NA
    batch.stage("scene", frame[codes != CODE[P.MISSING]])
    batch.execute("DELETE FROM partition_facts WHERE asset_id = ?", asset_id)
    batch.execute(
        "INSERT INTO partition_facts SELECT ?, key_id, materialization_id, key_id, outcome, stale, active, NULL, ?"
        " FROM scene",
        asset_id,
        batch.sequence,
    )
    if values is None:
        return
    duration, accuracy = values
    made = frame[has_data].assign(duration_s=np.asarray(duration)[has_data], accuracy=np.asarray(accuracy)[has_data])
    batch.stage("scene_made", made)
    batch.execute(
        "INSERT INTO materializations (materialization_id, asset_id, key_id, code_version, data_version, data_hash,"
        " materialized_at, duration_s, rows, bytes, sequence, kind)"
        " SELECT materialization_id, ?, key_id, 'c1', 'v', 1, ?, duration_s, 10, 20, ?, 'run' FROM scene_made",
        asset_id,
        datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        batch.sequence,
    )
    batch.execute(
        "INSERT INTO metrics (materialization_id, name, number)"
        " SELECT materialization_id, 'accuracy', accuracy FROM scene_made"
    )


def change(catalog: Catalog, asset_id: int, place: int, code: int) -> None:
    """Give one member another status, in a write of its own."""

    def work(batch: Batch) -> None:
        set_id = batch.value("SELECT set_id FROM assets WHERE asset_id = ?", asset_id)
        key_id = int(cells.member_ids(batch, set_id)[place])
        batch.execute("DELETE FROM partition_facts WHERE asset_id = ? AND key_id = ?", asset_id, key_id)
        outcome = {CODE[P.FAILED]: 2, CODE[P.MATERIALIZED]: 1, CODE[P.STALE]: 1}.get(code, 0)
        active = {CODE[P.QUEUED]: 1, CODE[P.RUNNING]: 2}.get(code, 0)
        made = batch.take_ids("next_materialization_id", 1) if outcome == 1 else None
        stale = int(code == CODE[P.STALE])
        batch.execute(
            "INSERT INTO partition_facts VALUES (?, ?, ?, 1, ?, ?, ?, NULL, ?)",
            asset_id, key_id, made, outcome, stale, active, batch.sequence,
        )  # fmt: skip

    catalog.write(work)


def set_active(catalog: Catalog, asset_id: int, n: int, active: int) -> None:
    """Make the first `n` partitions of an asset queued (1) or running (2), in one write."""
    sql = "UPDATE partition_facts SET active = ?, changed = ? WHERE asset_id = ? AND key_id <= ?"
    catalog.write(lambda b: b.execute(sql, active, b.sequence, asset_id, n))


def scattered(n: int, seed: int = 0) -> np.ndarray:
    """Statuses without any pattern, which no compression makes small."""
    return np.random.default_rng(seed).choice(6, n, p=[0.1, 0.1, 0.05, 0.05, 0.1, 0.6]).astype(np.uint8)


def clustered(n: int, seed: int = 0, todo: float = 0.1) -> np.ndarray:
    """Statuses as they are in life: most is made, in clusters something is not, the end is to do."""
    random = np.random.default_rng(seed)
    codes = np.full(n, CODE[P.MATERIALIZED], np.uint8)
    for status, share in ((P.STALE, 0.06), (P.QUEUED, 0.05), (P.FAILED, 0.03), (P.RUNNING, 0.02)):
        for start in random.integers(0, n, 5):
            codes[start : start + max(1, int(n * share / 5))] = CODE[status]
    codes[random.integers(0, n, max(1, n // 500))] = CODE[P.FAILED]
    codes[int(n * (1 - todo)) :] = CODE[P.MISSING]
    return codes


def big_scene(folder: str | Path, n: int, assets: int = 10, statuses: Any = clustered) -> Catalog:
    """`assets` assets over one set of `n` keys, each reading the one before."""
    catalog = open_scene(folder)
    set_id = add_set(catalog, "files", [f"file-{i:07d}.csv" for i in range(n)])
    names = [f"asset_{i}" for i in range(assets)]
    inputs = {b: [(a, "same")] for a, b in itertools.pairwise(names)}
    for seed, asset_id in enumerate(add_assets(catalog, set_id, names, inputs).values()):
        set_statuses(catalog, asset_id, statuses(n, seed))
    return catalog


def rich_scene(folder: str | Path) -> Catalog:
    """A bit of everything: files, trials in a grid, an asset without partitions."""
    catalog = open_scene(folder)
    files = add_set(catalog, "files", [f"flights-2026-{m:02d}.csv" for m in range(1, 13)])
    random = np.random.default_rng(3)
    one = add_assets(
        catalog, files, ["files_metadata", "processed_files"], {"processed_files": [("files_metadata", "same")]}
    )
    set_statuses(catalog, one["files_metadata"], [5] * 10 + [4, 3], (random.gamma(2, 3, 12), random.random(12)))
    set_statuses(
        catalog,
        one["processed_files"],
        [5, 5, 5, 1, 5, 5, 4, 5, 2, 3, 0, 0],
        (random.gamma(2, 9, 12), random.random(12)),
    )
    axes = {"lr": [0.0001, 0.001, 0.01, 0.1, 0.3, 1.0], "depth": [2, 3, 5, 8, 13]}
    trials = add_trials(catalog, "trials", {"lr": float, "depth": int}, axes)
    two = add_assets(
        catalog,
        trials,
        ["model", "evaluation"],
        {"model": [("processed_files", "all")], "evaluation": [("model", "same")]},
    )
    score = np.clip(0.5 + 0.4 * np.sin(np.arange(30) / 6) + random.normal(0, 0.03, 30), 0, 1)
    set_statuses(catalog, two["model"], [5] * 24 + [4, 5, 3, 2, 0, 0], (random.gamma(2, 30, 30), score))
    set_statuses(catalog, two["evaluation"], [5] * 18 + [1] * 4 + [0] * 8, (random.gamma(2, 2, 30), score))
    add_assets(catalog, 0, ["report"], {"report": [("evaluation", "all"), ("files_metadata", "all")]})
    return catalog
