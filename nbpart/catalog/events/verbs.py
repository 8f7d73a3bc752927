"""What a person does to partitions by a verb: to accept what is stale, to wipe, and the event that says so."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.events import staging
from nbpart.catalog.events.assets import locate_facts
from nbpart.catalog.events.data import record_data_states
from nbpart.catalog.events.inputs_now import record_inputs_of_now
from nbpart.catalog.expressions import (
    ACTIVE_NONE,
    OUTCOME_FAILED,
    OUTCOME_NONE,
    OUTCOME_SUCCEEDED,
    data_hash_sql,
    quote,
)
from nbpart.catalog.records import VerbEvent
from nbpart.catalog.staleness import mark_readers
from nbpart.states import DataState, MaterializationKind
from nbpart.storage.file_record import FileRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch


def record_verb(batch: Batch, event: VerbEvent, partitions: str) -> int:
    """Record that somebody did something to the partitions of the temporary table `partitions`.

    It has the columns asset_id, key_id and materialization_id. Returns how many they are; without any there is no
    event.
    """
    number = batch.take_ids("next_verb_no", 1)
    count = batch.execute(
        f"INSERT INTO verb_partitions SELECT ?, asset_id, key_id, materialization_id FROM {quote(partitions)}", number
    )
    if count:
        batch.execute(
            "INSERT INTO verb_events VALUES (?, ?, ?, ?, ?, ?)",
            *(number, str(event.verb), batch.now, event.person, event.reason, batch.sequence),
        )
    return count


def wipe_partitions(batch: Batch, partitions: str, event: VerbEvent) -> int:
    """Make the partitions of the temporary table `partitions` (asset_id, key_id) missing, as if they never ran.

    Their files are not touched. Returns how many had data or a failure.
    """
    batch.create_temp(
        "verb_wiped",
        f"""SELECT f.rowid AS fact_row, f.asset_id, f.key_id, f.materialization_id FROM partition_facts AS f
        JOIN {quote(partitions)} AS p USING (asset_id, key_id)
        WHERE f.active = {ACTIVE_NONE} AND (f.materialization_id IS NOT NULL OR f.outcome <> {OUTCOME_NONE})""",
    )
    count = record_verb(batch, event, "verb_wiped")
    batch.create_temp(
        "verb_noted",
        f"""SELECT materialization_id, '{DataState.WIPED}' AS state, ?::VARCHAR AS reason FROM verb_wiped
        WHERE materialization_id IS NOT NULL""",
        event.describe(batch.now),
    )
    # what failed is missing too, also where it never had data
    batch.execute(
        f"""UPDATE partition_facts AS f SET outcome = {OUTCOME_NONE}, changed = $1 FROM verb_wiped AS w
        WHERE f.rowid = w.fact_row""",
        batch.sequence,
    )
    record_data_states(batch, "verb_noted")
    return count


def mark_pruned(batch: Batch, pruned: str, event: VerbEvent) -> int:
    """Record that the current data of partitions are deleted, while they stay materialized.

    `pruned` names a temporary table (asset_id, key_id, materialization_id). Returns how many they are.
    """
    count = record_verb(batch, event, pruned)
    batch.create_temp(
        "verb_noted",
        f"SELECT materialization_id, '{DataState.PRUNED}' AS state, ?::VARCHAR AS reason FROM {quote(pruned)}",
        event.describe(batch.now),
    )
    record_data_states(batch, "verb_noted")
    return count


def accept_materializations(batch: Batch, accepted: str, event: VerbEvent) -> int:
    """Record that partitions are current as they are: with the code and the inputs of now, as if they had run.

    `accepted` names a temporary table (asset_id, key_id, materialization_id) of the materializations whose data count
    from now on; one that is not the newest of its partition is left out. Returns how many were accepted.
    """
    count = batch.create_temp(
        "verb_located",
        f"""SELECT p.asset_id, p.key_id, p.materialization_id AS old_id, f.rowid AS fact_row,
            row_number() OVER (ORDER BY p.asset_id, p.key_id) - 1 AS place
        FROM {quote(accepted)} AS p JOIN partition_facts AS f USING (asset_id, key_id)
        LEFT JOIN materializations AS n
            ON n.asset_id = p.asset_id AND n.key_id = p.key_id AND n.materialization_id > p.materialization_id
        WHERE n.materialization_id IS NULL""",
    )
    if not count:
        return 0
    first = batch.take_ids("next_materialization_id", count)
    batch.create_temp("verb_accepted", "SELECT *, ?::BIGINT + place AS materialization_id FROM verb_located", first)
    _copy_materializations(batch)
    record_made(batch, "verb_accepted")
    return record_verb(batch, event, "verb_accepted")


def adopt_files(
    batch: Batch, asset_id: int, key_ids: NDArray[np.int64], files: Sequence[FileRecord], event: VerbEvent
) -> int:
    """Make each file the data of the key with the id in its place; of the code and the inputs of now.

    A partition that is current and has that very file already is left as it is. Returns how many were adopted.
    """
    batch.stage("verb_files", staging.build_files(files, key_ids.tolist()))
    locate_facts(
        batch,
        "verb_located",
        f"""SELECT ?::INTEGER AS asset_id, key_id, path, row_number() OVER (ORDER BY key_id) - 1 AS place,
            {data_hash_sql()} AS data_hash FROM verb_files""".replace("?", str(int(asset_id))),
    )
    count = batch.create_temp(
        "verb_new",
        f"""SELECT v.*, row_number() OVER (ORDER BY v.place) - 1 AS number FROM verb_located AS v
        JOIN partition_facts AS f ON f.rowid = v.fact_row
        LEFT JOIN data_files AS d ON d.materialization_id = f.materialization_id AND d.path = v.path
        WHERE d.path IS NULL OR f.stale <> 0 OR f.outcome = {OUTCOME_FAILED} OR f.data_hash <> v.data_hash""",
    )
    if not count:
        return 0
    first = batch.take_ids("next_materialization_id", count)
    batch.create_temp("verb_adopted", "SELECT *, ?::BIGINT + number AS materialization_id FROM verb_new", first)
    batch.execute(
        f"""INSERT INTO materializations (materialization_id, asset_id, key_id, run_no, code_version, data_version,
            data_hash, materialized_at, duration_s, rows, bytes, sequence, kind)
        SELECT v.materialization_id, v.asset_id, v.key_id, NULL, a.code_version, s.data_version, v.data_hash, ?, NULL,
            s.rows, s.bytes, ?, '{MaterializationKind.ADOPTED}'
        FROM verb_adopted AS v JOIN verb_files AS s USING (key_id) JOIN assets AS a ON a.asset_id = v.asset_id
        ORDER BY v.number""",
        batch.now,
        batch.sequence,
    )
    columns = _COPIED["data_files"]
    batch.execute(
        f"""INSERT INTO data_files (materialization_id, {columns}) SELECT v.materialization_id, {columns}
        FROM (SELECT key_id, materialization_id FROM verb_adopted) AS v JOIN verb_files USING (key_id)"""
    )
    record_made(batch, "verb_adopted")
    return record_verb(batch, event, "verb_adopted")


def record_made(batch: Batch, made: str) -> None:
    """Make materializations that no run made the current ones of their partitions, which read what is there now.

    `made` names a temporary table (fact_row, asset_id, key_id, materialization_id).
    """
    batch.execute(
        f"""UPDATE partition_facts AS f SET materialization_id = s.materialization_id, data_hash = m.data_hash,
            outcome = {OUTCOME_SUCCEEDED}, stale = 0, changed = $1
        FROM {quote(made)} AS s JOIN materializations AS m USING (materialization_id) WHERE f.rowid = s.fact_row""",
        batch.sequence,
    )
    # after the facts of all: one may read another, or its own asset
    record_inputs_of_now(batch, made)
    batch.create_temp(
        "verb_own",
        f"""SELECT fact_row, asset_id, key_id, materialization_id, 0::UTINYINT AS stale FROM {quote(made)}""",
    )
    mark_readers(batch, "verb_own", own="verb_own")


def _copy_materializations(batch: Batch) -> None:
    """Insert each row of verb_accepted as a materialization with the data of the one before it."""
    batch.execute(
        f"""INSERT INTO materializations (materialization_id, asset_id, key_id, run_no, code_version, data_version,
            data_hash, materialized_at, duration_s, rows, bytes, sequence, kind, stopped_early)
        SELECT v.materialization_id, m.asset_id, m.key_id, m.run_no, a.code_version, m.data_version, m.data_hash,
            m.materialized_at, m.duration_s, m.rows, m.bytes, ?, '{MaterializationKind.ACCEPTED}', m.stopped_early
        FROM verb_accepted AS v JOIN materializations AS m ON m.materialization_id = v.old_id
        JOIN assets AS a ON a.asset_id = m.asset_id ORDER BY v.place""",
        batch.sequence,
    )
    for table, columns in _COPIED.items():
        batch.execute(
            f"""INSERT INTO {table} (materialization_id, {columns}) SELECT v.materialization_id, {columns}
            FROM (SELECT materialization_id, old_id FROM verb_accepted) AS v
            JOIN (SELECT materialization_id AS old_id, {columns} FROM {table}) AS t USING (old_id)"""
        )


#: What hangs on a materialization and comes with its data.
_COPIED = {
    "data_files": "name, kind, format, path, rows, bytes, data_version, schema",
    "metrics": "name, number, text, whole",
}
