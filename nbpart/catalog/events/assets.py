"""Assets and sources: registering, removing, observing."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.events.checks import remove_checks
from nbpart.catalog.expressions import data_hash_sql, quote
from nbpart.catalog.group_ledgers import drop_unused_groups
from nbpart.catalog.kept_pairs import drop_unused_pairs
from nbpart.catalog.ledger_shifts import forget_sums
from nbpart.catalog.records import AssetRow, Registered
from nbpart.catalog.set_tables import asset_set_id, keys_owner
from nbpart.catalog.staleness import mark_readers, refresh_code, refresh_inputs
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions.mapping import mapping_to_text
from nbpart.states import MaterializationKind

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.catalog.batch import Batch
    from nbpart.storage import FileRecord


def register_assets(batch: Batch, rows: Sequence[AssetRow]) -> dict[str, Registered]:
    """Register assets and sources, all of them or none; an asset of the same name (regardless of case) is replaced.

    Returns each name with its id and the code version that it had. Raises UnknownNameError for an input that is
    neither among `rows` nor registered, DeclarationError for a name that comes twice.
    """
    _check_once(rows)
    known = {
        row[0].lower(): row
        for row in batch.rows("SELECT name, asset_id, kind, active, set_id, code_version, definition FROM assets")
    }
    before = {row.name: known.get(row.name.lower()) for row in rows}
    ids = {row.name: _save_asset(batch, row, before[row.name]) for row in rows}
    inputs = {name: old[1] for name, old in known.items() if old[3]} | {name.lower(): ids[name] for name in ids}
    rewired = [ids[row.name] for row in rows if _save_dependencies(batch, ids[row.name], row, inputs)]
    if rewired:
        drop_unused_pairs(batch)
        drop_unused_groups(batch)
    _refresh_staleness(batch, rows, before, ids, rewired)
    return {row.name: Registered(ids[row.name], old[5] if (old := before[row.name]) else None) for row in rows}


def remove_asset(batch: Batch, name: str) -> None:
    """Take an asset out of the graph; what is recorded of it stays. Raises UnknownNameError."""
    asset_id = batch.value("SELECT asset_id FROM assets WHERE lower(name) = lower(?) AND active", name)
    if asset_id is None:
        known = [row[0] for row in batch.rows("SELECT name FROM assets WHERE active")]
        raise UnknownNameError(f"There is no asset {name!r}; {nearest(name, known)}")
    batch.execute("UPDATE assets SET active = false, sequence = ? WHERE asset_id = ?", batch.sequence, asset_id)
    batch.execute("DELETE FROM dependencies WHERE asset_id = ?", asset_id)
    remove_checks(batch, asset_id)
    drop_unused_pairs(batch)
    drop_unused_groups(batch)
    refresh_inputs(batch, [asset_id])


def record_observations(batch: Batch, asset_id: int, observations: pd.DataFrame) -> int:
    """Record the files of a source as they are now. Returns how many of them changed.

    `observations` has the columns `key_id` (or `key`), `size`, `proof` and `version`, one row a key; a null version
    says that the file is gone. What reads a changed partition becomes stale.
    """
    _create_observations_table(batch, asset_id, observations)
    changed = batch.create_temp(
        "seen_changed",
        """SELECT *, row_number() OVER () AS ordinal FROM seen_located
        WHERE data_hash IS DISTINCT FROM old_hash OR (data_hash IS NULL) <> (old_materialization IS NULL)""",
    )
    first = batch.take_ids("next_materialization_id", changed)
    if changed:
        _insert_observations(batch, first)
    _update_observed(batch, asset_id, first)
    if changed:
        mark_readers(batch, "seen_changed")
    return changed


def record_value(batch: Batch, asset_id: int, file: FileRecord) -> None:
    """Record that a source without partitions is the value in this file now; what read another one becomes stale."""
    import pandas as pd

    columns = {"key_id": [0], "size": [file.bytes], "proof": [""], "version": [file.data_version]}
    if not record_observations(batch, asset_id, pd.DataFrame(columns)):
        return
    made = batch.value("SELECT materialization_id FROM partition_facts WHERE asset_id = ? AND key_id = 0", asset_id)
    batch.execute(
        """INSERT INTO data_files (materialization_id, name, kind, format, path, rows, bytes, data_version, schema)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        made,
        *(file.name, file.kind, file.format, file.path, file.rows, file.bytes, file.data_version, file.schema),
    )


def _check_once(rows: Sequence[AssetRow]) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        if other := seen.get(row.name.lower()):
            raise DeclarationError(f"The asset {row.name!r} comes twice (as {other!r}); give one of them another name.")
        seen[row.name.lower()] = row.name


def _save_asset(batch: Batch, row: AssetRow, old: tuple[Any, ...] | None) -> int:
    definition = json.dumps(row.definition, sort_keys=True)
    asset_id: int = old[1] if old else batch.take_ids("next_asset_id", 1)
    values = (row.name, row.kind, True, row.set_id, row.code_version, definition)
    if old and (old[0], *old[2:]) == values:
        return asset_id
    if old:
        batch.execute("DELETE FROM assets WHERE asset_id = ?", asset_id)
    batch.execute("INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", asset_id, *values, batch.now, batch.sequence)
    if not old or old[5:] != values[4:]:
        batch.execute(
            "INSERT INTO asset_versions VALUES (?, ?, ?, ?, ?)", asset_id, *values[4:], batch.now, batch.sequence
        )
    return asset_id


def _save_dependencies(batch: Batch, asset_id: int, row: AssetRow, inputs: Mapping[str, int]) -> bool:
    """Replace the inputs of an asset. Returns whether they changed."""
    for read in row.dependencies:
        if read.name.lower() not in inputs:
            raise UnknownNameError(
                f"The asset {row.name!r} reads {read.name!r}, which is no asset; {nearest(read.name, inputs)}"
            )
    skips = row.definition.get("on_missing_input") == "skip"
    wanted = sorted(
        (inputs[read.name.lower()], mapping_to_text(read.mapping), read.argument, skips) for read in row.dependencies
    )
    query = "SELECT input_id, mapping, argument, skips_missing FROM dependencies WHERE asset_id = ?"
    if wanted == sorted(batch.rows(query, asset_id)):
        return False
    batch.execute("DELETE FROM dependencies WHERE asset_id = ?", asset_id)
    for values in wanted:
        batch.execute("INSERT INTO dependencies VALUES (?, ?, ?, ?, ?)", asset_id, *values)
    return True


def _refresh_staleness(
    batch: Batch,
    rows: Sequence[AssetRow],
    before: Mapping[str, tuple[Any, ...] | None],
    ids: Mapping[str, int],
    rewired: Sequence[int],
) -> None:
    recoded, moved = [], []
    for row in rows:
        if old := before[row.name]:
            if (row.kind, row.code_version) != (old[2], old[5]):
                recoded.append(ids[row.name])
            if row.set_id != old[4]:
                moved.append(ids[row.name])
                forget_sums(batch, ids[row.name])
    if recoded:
        refresh_code(batch, recoded)
    readers = batch.rows(
        "SELECT DISTINCT asset_id FROM dependencies WHERE input_id IN (SELECT unnest(?::INTEGER[]))",
        moved,
    )
    # what moved to another set may have partitions there that were made before
    if affected := {*rewired, *moved, *(reader for (reader,) in readers)}:
        refresh_inputs(batch, sorted(affected))


def _create_observations_table(batch: Batch, asset_id: int, observations: pd.DataFrame) -> None:
    batch.stage("seen_staged", observations)
    if "key_id" in observations.columns:
        source = "SELECT key_id, size, proof, version FROM seen_staged"
    else:
        owner = keys_owner(batch, asset_set_id(batch, asset_id))
        source = f"""SELECT k.key_id, size, proof, version
            FROM seen_staged s LEFT JOIN keys k ON k.key = coalesce(s.key::VARCHAR, '') AND k.set_id = {owner}"""
    batch.create_temp(
        "seen",
        f"""SELECT ?::INTEGER AS asset_id, key_id::BIGINT AS key_id, size::BIGINT AS size, proof::VARCHAR AS proof,
            version::VARCHAR AS version, {data_hash_sql("version::VARCHAR")} AS data_hash
        FROM ({source})""",
        asset_id,
    )
    if batch.value("SELECT count(*) FROM seen WHERE key_id IS NULL"):
        raise UnknownNameError("A file was observed for a key that no set of partitions ever had; add the key first.")
    # a file that was never seen and is not there is nothing to write down
    locate_facts(
        batch,
        "seen_located",
        """SELECT * FROM seen WHERE version IS NOT NULL
        OR (asset_id, key_id) IN (SELECT (asset_id, key_id) FROM partition_facts)""",
    )


def _insert_observations(batch: Batch, first: int) -> None:
    batch.execute(
        f"""INSERT INTO materializations
            (materialization_id, asset_id, key_id, data_version, data_hash, materialized_at, bytes, sequence, kind)
        SELECT ? - 1 + ordinal, asset_id, key_id, version, data_hash, ?, CASE WHEN version IS NOT NULL THEN size END, ?,
            '{MaterializationKind.OBSERVED}'
        FROM seen_changed""",
        first,
        batch.now,
        batch.sequence,
    )
    batch.execute(
        """UPDATE partition_facts AS f SET data_hash = s.data_hash, stale = 0, changed = ?,
            materialization_id = CASE WHEN s.version IS NOT NULL THEN ?::BIGINT - 1 + s.ordinal END
        FROM seen_changed AS s WHERE f.rowid = s.fact_row""",
        batch.sequence,
        first,
    )


def _update_observed(batch: Batch, asset_id: int, first: int) -> None:
    """Bring the table observed up to date where a file's size, proof or content is another one."""
    different = batch.create_temp(
        "seen_different",
        """SELECT s.key_id, s.size, s.proof, s.version,
            coalesce(?::BIGINT - 1 + c.ordinal, s.old_materialization) AS materialization_id
        FROM seen_located AS s LEFT JOIN seen_changed AS c USING (key_id)
        LEFT JOIN observed AS o ON o.asset_id = s.asset_id AND o.key_id = s.key_id
        WHERE c.key_id IS NOT NULL OR o.size IS DISTINCT FROM s.size OR o.proof IS DISTINCT FROM s.proof""",
        first,
    )
    if different:
        batch.execute(
            "DELETE FROM observed WHERE asset_id = ? AND key_id IN (SELECT key_id FROM seen_different)", asset_id
        )
        batch.execute(
            """INSERT INTO observed SELECT ?, key_id, size, proof, materialization_id FROM seen_different
            WHERE version IS NOT NULL""",
            asset_id,
        )


def locate_facts(batch: Batch, name: str, partitions: str) -> int:
    """Create the temporary table `name`: the query `partitions` (asset_id, key_id, ...), with the facts of each row.

    Added columns: fact_row, old_materialization, old_hash, old_active, old_run. A partition without facts first gets a
    row of facts that says missing. Returns the number of rows.
    """
    sql = f"""SELECT p.*, f.rowid AS fact_row, f.materialization_id AS old_materialization, f.data_hash AS old_hash,
        f.active AS old_active, f.active_run AS old_run
        FROM ({partitions}) AS p LEFT JOIN partition_facts AS f ON f.asset_id = p.asset_id AND f.key_id = p.key_id"""
    n = batch.create_temp(name, sql)
    added = batch.execute(
        f"""INSERT INTO partition_facts SELECT asset_id, key_id, NULL, NULL, 0, 0, 0, NULL, ? FROM {quote(name)}
        WHERE fact_row IS NULL""",
        batch.sequence,
    )
    return batch.create_temp(name, sql) if added else n
