"""What the catalog knows of one partition, or of a few: their facts, what made them, what they read, what failed."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.batch import Batch
from nbpart.catalog.bound_columns import COLUMNS_ID
from nbpart.catalog.expressions import GONE_STATES, OUTCOME_FAILED, element_hash, recorded_hash, status_sql
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.states import DataState, RunStatus, Verb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


@dataclass(frozen=True)
class PartitionStates:
    """The facts of some partitions of one asset, a place of each array a partition of ``key_ids``.

    ``made`` is the current materialization, -1 where there is none; ``element`` what a partition gives to the
    order-free hash over what is read, 0 without data.
    """

    key_ids: Ids
    has_data: NDArray[np.bool_]
    made: Ids
    stale: NDArray[np.uint8]
    has_failed: NDArray[np.bool_]
    active_run: Ids
    data_hash: NDArray[np.uint64]
    element: NDArray[np.uint64]
    status: NDArray[Any]

    def at(self, place: int) -> PartitionStates:
        """One of them alone."""
        return PartitionStates(*(getattr(self, one.name)[place : place + 1] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Origin:
    """A materialization: how it came about, by which code and run, and when; ``sequence`` is that of its commit."""

    kind: str
    code_version: str | None
    made_at: datetime
    sequence: int
    run_id: str | None


@dataclass(frozen=True, slots=True)
class RecordedInput:
    """What a materialization read of one input; see `InputRead`."""

    input_id: int
    argument: str
    key_id: int | None
    n: int
    data_hash: int | None
    position: int | None
    element: int
    lacking: list[int] | None = None
    taken: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a partition: when, in which run, and what there is to say of it."""

    at: datetime
    detail: str
    run_id: str | None = None


def load_states(batch: Batch, asset_id: int, key_ids: Ids) -> PartitionStates:
    """The facts of some partitions of an asset, in the order of their ids."""
    stage_numbers(batch, "origin_ids", key_ids)
    # one value is compared in a tenth of the time of a join
    among = f"key_id = {int(key_ids[0])}" if len(key_ids) == 1 else "key_id IN (SELECT id FROM origin_ids)"
    found = batch.numpy(
        f"""SELECT f.data_hash IS NOT NULL AS has_data, coalesce(f.materialization_id, -1) AS made,
            coalesce(f.stale, 0)::UTINYINT AS stale, coalesce(f.outcome = {OUTCOME_FAILED}, false) AS has_failed,
            coalesce(f.active_run, -1) AS active_run, coalesce(f.data_hash, 0)::UBIGINT AS data_hash,
            CASE WHEN f.data_hash IS NULL THEN 0::UBIGINT ELSE {element_hash("f.key_id", "f.data_hash")} END AS element,
            {status_sql()} AS status
        FROM origin_ids AS o LEFT JOIN (SELECT * FROM partition_facts WHERE asset_id = ? AND {among}) AS f
            ON f.key_id = o.id ORDER BY o.n""",
        asset_id,
    )
    return PartitionStates(key_ids, **found)


def load_stale_members(batch: Batch, asset_id: int) -> tuple[Ids, NDArray[np.uint8]]:
    """The partitions of an asset that have a bit of staleness, and their bits."""
    found = batch.numpy(
        """SELECT key_id, stale FROM partition_facts WHERE asset_id = ? AND stale <> 0 AND key_id IN (
            SELECT key_id FROM members JOIN assets USING (set_id) WHERE asset_id = ?)""",
        asset_id,
        asset_id,
    )
    return found["key_id"], found["stale"]


def find_origin(batch: Batch, materialization_id: int) -> Origin:
    """How a materialization came about."""
    row = batch.row(
        """SELECT kind, code_version, materialized_at, sequence, run_no FROM materializations
        WHERE materialization_id = ?""",
        materialization_id,
    )
    assert row is not None, "facts name a materialization that there is"
    run_id = None if row[4] is None else batch.value("SELECT run_id FROM runs WHERE run_no = ?", row[4])
    return Origin(str(row[0]), row[1], row[2], int(row[3]), run_id)


def load_recorded_inputs(batch: Batch, materialization_id: int) -> list[RecordedInput]:
    """What a materialization read of assets."""
    rows = batch.rows(
        f"""SELECT input_id, argument, key_id, n, data_hash, position, {recorded_hash()}, lacking, taken
        FROM inputs WHERE materialization_id = ? AND input_id <> {COLUMNS_ID}""",
        materialization_id,
    )
    return [RecordedInput(int(row[0]), row[1], *row[2:]) for row in rows]


def load_hashes_at(batch: Batch, asset_id: int, key_ids: Ids, sequence: int) -> dict[int, int]:
    """The data hash that each of some partitions had after a commit, by key id; without data it is left out."""
    stage_numbers(batch, "origin_ids", key_ids)
    rows = batch.rows(
        """SELECT key_id, arg_max(data_hash, materialization_id) FROM materializations
        WHERE asset_id = ? AND sequence <= ? AND key_id IN (SELECT id FROM origin_ids) GROUP BY key_id""",
        asset_id,
        sequence,
    )
    return {int(key_id): int(data_hash) for key_id, data_hash in rows if data_hash is not None}


def find_keys_that_left(batch: Batch, asset_id: int, set_id: int, sequence: int) -> Ids:
    """The keys of which an asset had data after a commit, and that are in its set no more."""
    found: Ids = batch.numpy(
        """SELECT DISTINCT key_id FROM materializations WHERE asset_id = ? AND sequence <= ?
            AND data_hash IS NOT NULL AND key_id NOT IN (SELECT key_id FROM members WHERE set_id = ?)
            AND key_id NOT IN (
                SELECT key_id FROM member_events WHERE set_id = ?
                GROUP BY key_id HAVING arg_max(action, sequence) <> 'added' AND max(sequence) <= ?)
        ORDER BY key_id""",
        *(asset_id, sequence, set_id, set_id, sequence),
    )["key_id"]
    return found


def find_keys_that_joined(batch: Batch, key_ids: Ids, sequence: int) -> Ids:
    """Those of some keys that came to their set after a commit, by themselves or with what they are made of."""
    stage_numbers(batch, "origin_ids", key_ids)
    found: Ids = batch.numpy(
        """WITH joined AS (
            SELECT key_id FROM member_events WHERE sequence > ?
            GROUP BY key_id HAVING arg_min(action, sequence) = 'added')
        SELECT id FROM origin_ids WHERE id IN (FROM joined)
            OR id IN (SELECT key_id FROM key_parts WHERE part_id IN (FROM joined))""",
        sequence,
    )["id"]
    return found


def find_failure(batch: Batch, asset_id: int, key_id: int) -> Happening | None:
    """The last run of a partition that failed, with its error."""
    row = batch.row(
        f"""SELECT o.finished_at, concat_ws(': ', o.error_class, nullif(o.error_message, '')), r.run_id
        FROM (SELECT run_no, run_id FROM runs WHERE asset_id = ? AND key_id = ?) AS r JOIN outcomes AS o USING (run_no)
        WHERE o.final AND o.status = '{RunStatus.FAILED}' ORDER BY r.run_no DESC LIMIT 1""",
        asset_id,
        key_id,
    )
    return None if row is None else Happening(*row)


def find_active_run(batch: Batch, run_no: int) -> Happening | None:
    """A run that waits or goes on, and since when."""
    row = batch.row(
        """SELECT coalesce((SELECT max(started_at) FROM attempts WHERE run_no = $1), created_at), '', run_id FROM runs
        WHERE run_no = $1""",
        run_no,
    )
    return None if row is None else Happening(*row)


def find_loss(batch: Batch, asset_id: int, key_id: int, materialization_id: int = -1) -> Happening | None:
    """What was seen of the data of a materialization, or of the last of a partition without data that had some."""
    if materialization_id >= 0:
        condition, values = "d.materialization_id = ?", (materialization_id,)
    else:
        condition, values = f"m.asset_id = ? AND m.key_id = ? AND d.state IN {GONE_STATES}", (asset_id, key_id)  # type: ignore[assignment]
    row = batch.row(
        f"""SELECT d.seen_at, d.reason, NULL FROM data_seen AS d JOIN materializations AS m USING (materialization_id)
        WHERE {condition} ORDER BY d.materialization_id DESC, d.rowid DESC LIMIT 1""",
        *values,
    )
    return None if row is None else Happening(*row)


def find_pruning(batch: Batch, materialization_id: int) -> Happening | None:
    """When and by whom the data of a materialization were pruned; None where they were not."""
    row = batch.row(
        "SELECT seen_at, reason, state FROM data_seen WHERE materialization_id = ? ORDER BY rowid DESC LIMIT 1",
        materialization_id,
    )
    return None if row is None or row[2] != DataState.PRUNED else Happening(row[0], row[1])


def find_verb(batch: Batch, materialization_id: int) -> tuple[str, str] | None:
    """By whom a materialization was adopted or accepted, and why; None where no person made it so."""
    row = batch.row(
        """SELECT e.person, e.reason FROM verb_partitions AS p JOIN verb_events AS e USING (verb_no)
        WHERE p.materialization_id = ? AND e.verb IN (?, ?)""",
        *(materialization_id, str(Verb.ADOPTED), str(Verb.ACCEPTED)),
    )
    return None if row is None else (str(row[0]), str(row[1]))


def find_version(batch: Batch, asset_id: int, code_version: str | None) -> dict[str, Any] | None:
    """The last definition with which an asset was registered in a version of its code, as JSON."""
    text = batch.value(
        """SELECT definition FROM asset_versions WHERE asset_id = ? AND code_version IS NOT DISTINCT FROM ?
        ORDER BY sequence DESC LIMIT 1""",
        asset_id,
        code_version,
    )
    return None if text is None else dict(json.loads(text))


def find_version_at(batch: Batch, asset_id: int, sequence: int) -> dict[str, Any] | None:
    """The definition that an asset had after a commit, as JSON."""
    text = batch.value(
        "SELECT definition FROM asset_versions WHERE asset_id = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1",
        asset_id,
        sequence,
    )
    return None if text is None else dict(json.loads(text))


def find_registration(batch: Batch, asset_id: int, code_version: str | None, sequence: int) -> datetime | None:
    """When an asset got a version of its code, after a commit."""
    at: datetime | None = batch.value(
        """SELECT min(registered_at) FROM asset_versions
        WHERE asset_id = ? AND code_version IS NOT DISTINCT FROM ? AND sequence > ?""",
        *(asset_id, code_version, sequence),
    )
    return at


def list_made_at(batch: Batch, materialization_ids: Sequence[int]) -> dict[int, datetime]:
    """When materializations were made, by id."""
    stage_numbers(batch, "origin_made", materialization_ids)
    rows = batch.rows(
        """SELECT materialization_id, materialized_at FROM materializations
        WHERE materialization_id IN (SELECT id FROM origin_made)"""
    )
    return {int(made): at for made, at in rows}
