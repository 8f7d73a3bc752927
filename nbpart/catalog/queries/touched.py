"""What was touched since a commit, and what an automation asks of the partitions that it looks at.

Nothing here reads all keys of a set where few of them were touched.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE, OUTCOME_FAILED, status_code_sql
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.set_tables import ordered_members
from nbpart.states import (
    LIVE_BACKFILL,
    STATUS_AFTER,
    STATUS_CODES,
    BackfillStatus,
    PartitionStatus,
    RunStatus,
    StepStatus,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_FACTS = f"""{status_code_sql()} AS status, coalesce(f.stale, 0)::UTINYINT AS stale,
    f.data_hash IS NOT NULL AS has_data, coalesce(f.materialization_id, -1) AS made,
    coalesce(f.changed, 0) AS changed"""
#: Backfills whose steps may still run, and those that wait for a plan.
_OPEN = [event.value for event, status in STATUS_AFTER.items() if status in {*LIVE_BACKFILL, BackfillStatus.REQUESTED}]


@dataclass(frozen=True)
class TouchedFacts:
    """The facts of some partitions of an asset: arrays with a place for each of ``key_ids``.

    ``status`` and ``stale`` are as in `PlanFacts`. ``made`` is the current materialization, -1 where there is none;
    ``changed`` is the commit that last changed the facts, 0 where there are none.
    """

    key_ids: Ids
    status: NDArray[np.uint8]
    stale: NDArray[np.uint8]
    has_data: Mask
    made: Ids
    changed: Ids

    @property
    def is_active(self) -> Mask:
        """Which are queued or running."""
        found: Mask = np.isin(
            self.status, [STATUS_CODES[one] for one in (PartitionStatus.QUEUED, PartitionStatus.RUNNING)]
        )
        return found

    def keep(self, chosen: Mask | Ids) -> TouchedFacts:
        """Those of them that a mask has, or at some places."""
        return TouchedFacts(*(getattr(self, one.name)[chosen] for one in fields(self)))


def find_touched(batch: Batch, asset_ids: Iterable[int], sequence: int) -> dict[int, tuple[Ids, Ids]]:
    """The partitions of some assets whose facts changed after a commit: key ids and the commit of each, by asset.

    They need not be members of their sets.
    """
    found = batch.numpy(
        f"""SELECT asset_id::BIGINT AS asset_id, key_id, changed FROM partition_facts
        WHERE changed > ? AND asset_id IN ({", ".join(str(int(asset_id)) for asset_id in asset_ids)})""",
        sequence,
    )
    parts = {int(asset_id): found["asset_id"] == asset_id for asset_id in np.unique(found["asset_id"])}
    return {asset_id: (found["key_id"][part], found["changed"][part]) for asset_id, part in parts.items()}


def load_set_changes(batch: Batch) -> dict[int, int]:
    """The commit with which the members of each set last changed."""
    return {int(set_id): int(version) for set_id, version in batch.rows("SELECT set_id, version FROM partition_sets")}


def load_code_changes(batch: Batch) -> dict[int, int]:
    """The commit with which each asset got the code that it has now, by asset id."""
    rows = batch.rows(
        """SELECT asset_id, max(v.sequence) FROM asset_versions v JOIN assets a USING (asset_id)
        WHERE v.code_version IS NOT DISTINCT FROM a.code_version GROUP BY asset_id"""
    )
    return {int(asset_id): int(sequence) for asset_id, sequence in rows}


def find_new_members(batch: Batch, set_id: int, sequence: int, key_id: int) -> Ids:
    """The members of a set that came after a commit: those whose ids begin at ``key_id``, and those that came back."""
    found: Ids = batch.numpy(
        """WITH back AS (SELECT key_id FROM member_events WHERE sequence > $2 AND action = 'added')
        SELECT key_id FROM members WHERE set_id = $1 AND (key_id >= $3 OR key_id IN (FROM back)
            OR key_id IN (SELECT key_id FROM key_parts WHERE set_id = $1 AND part_id IN (FROM back)))""",
        *(set_id, sequence, key_id),
    )["key_id"]
    return found


def find_left(batch: Batch, set_id: int, sequence: int) -> Ids:
    """The keys that were taken off a set after a commit, by themselves or with what they are made of."""
    found: Ids = batch.numpy(
        """WITH gone AS (SELECT key_id FROM member_events WHERE sequence > $2 AND action <> 'added'),
        of_set AS (
            SELECT key_id FROM member_events WHERE set_id = $1 AND sequence > $2 AND action <> 'added'
            UNION SELECT key_id FROM key_parts WHERE set_id = $1 AND part_id IN (FROM gone))
        SELECT key_id FROM of_set WHERE key_id NOT IN (SELECT key_id FROM members WHERE set_id = $1)""",
        *(set_id, sequence),
    )["key_id"]
    return found


def find_returned(batch: Batch, key_ids: Ids, sequence: int) -> Ids:
    """Those of some keys that were added after a commit, by themselves or with what they are made of."""
    _stage_ids(batch, key_ids)
    found: Ids = batch.numpy(
        """WITH back AS (SELECT key_id FROM member_events WHERE sequence > ? AND action = 'added')
        SELECT id FROM touched_ids WHERE id IN (FROM back)
            OR id IN (SELECT key_id FROM key_parts WHERE part_id IN (FROM back))""",
        sequence,
    )["id"]
    return found


def load_touched_facts(batch: Batch, asset_id: int, key_ids: Ids) -> TouchedFacts:
    """The facts of some partitions of an asset, in the order of their ids."""
    _stage_ids(batch, key_ids)
    found = batch.numpy(
        f"""SELECT {_FACTS} FROM touched_ids AS t
        LEFT JOIN (SELECT * FROM partition_facts WHERE asset_id = ? AND {_among(key_ids)}) AS f ON f.key_id = t.id
        ORDER BY t.n""",
        asset_id,
    )
    return TouchedFacts(key_ids, **found)


def load_facts_of_few(batch: Batch, asset_ids: Sequence[int], key_ids: Ids) -> dict[int, TouchedFacts]:
    """The facts of the same partitions of several assets, by asset, in the order of the ids: in one query."""
    _stage_ids(batch, key_ids)
    found = batch.numpy(
        f"""SELECT {_FACTS} FROM (SELECT unnest($1::INTEGER[]) AS asset_id, generate_subscripts($1, 1) AS place) AS a
        CROSS JOIN touched_ids AS t
        LEFT JOIN (SELECT * FROM partition_facts WHERE {_among(key_ids)}) AS f
            ON f.key_id = t.id AND f.asset_id = a.asset_id ORDER BY a.place, t.n""",
        list(asset_ids),
    )
    n = len(key_ids)
    return {
        asset_id: TouchedFacts(key_ids, **{name: values[place * n : (place + 1) * n] for name, values in found.items()})
        for place, asset_id in enumerate(asset_ids)
    }


def find_members(batch: Batch, key_ids: Ids) -> dict[int, Ids]:
    """Those of some keys that are members, by set."""
    _stage_ids(batch, key_ids)
    found = batch.numpy(f"SELECT set_id::BIGINT AS set_id, key_id FROM members WHERE {_among(key_ids)}")
    return {int(one): found["key_id"][found["set_id"] == one] for one in np.unique(found["set_id"])}


def _stage_ids(batch: Batch, key_ids: Ids) -> None:
    stage_numbers(batch, "touched_ids", key_ids)


def _among(key_ids: Ids) -> str:
    """The condition that a key is among the staged ones: the bounds let most of a table be left unread."""
    if not len(key_ids):
        return "false"
    bounds = f"key_id BETWEEN {int(key_ids.min())} AND {int(key_ids.max())}"
    return bounds if len(key_ids) == 1 else f"{bounds} AND key_id IN (SELECT id FROM touched_ids)"


def find_failed(batch: Batch, asset_id: int) -> Ids:
    """The partitions of an asset whose last run failed."""
    found: Ids = batch.numpy(
        f"SELECT key_id FROM partition_facts WHERE asset_id = ? AND outcome = {OUTCOME_FAILED}", asset_id
    )["key_id"]
    return found


def find_cancelled(batch: Batch, sequence: int) -> dict[int, Ids]:
    """The partitions of which a run was cancelled after a commit, by asset, each at least once."""
    found = batch.numpy(
        """SELECT asset_id::BIGINT AS asset_id, key_id FROM runs WHERE run_no IN (
            SELECT run_no FROM outcomes WHERE sequence > ? AND final AND status = ?)""",
        *(sequence, RunStatus.CANCELLED.value),
    )
    return {int(one): found["key_id"][found["asset_id"] == one] for one in np.unique(found["asset_id"])}


@dataclass(frozen=True)
class LastRuns:
    """The last run of each of some partitions: arrays with a place a partition.

    ``sequence`` is the commit in which it got its inputs, -1 without a run. ``has_code``: it ran the code of now.
    ``made_nothing``: nothing was made since it began. ``columns`` is what the bound columns of its key came to, 0 where
    that is not known.
    """

    sequence: Ids
    has_code: Mask
    made_nothing: Mask
    columns: NDArray[np.uint64]

    def keep(self, mask: Mask) -> LastRuns:
        """Those of them that a mask has."""
        return LastRuns(*(getattr(self, one.name)[mask] for one in fields(self)))


def load_last_runs(batch: Batch, asset_id: int, key_ids: Ids) -> LastRuns:
    """The last run of each of some partitions of an asset, in the order of their ids."""
    _stage_ids(batch, key_ids)
    among = _among(key_ids)
    found = batch.numpy(
        f"""WITH last AS (
            SELECT key_id, max(run_no) AS run_no FROM runs WHERE asset_id = $1 AND {among} GROUP BY key_id),
        made AS (
            SELECT key_id, max(sequence) AS sequence FROM materializations
            WHERE asset_id = $1 AND {among} GROUP BY key_id)
        SELECT coalesce(r.sequence, -1) AS sequence,
            coalesce(r.code_version IS NOT DISTINCT FROM a.code_version, false) AS has_code,
            coalesce(made.sequence, 0) <= coalesce(r.sequence, -1) AS made_nothing,
            coalesce(c.data_hash, 0)::UBIGINT AS columns
        FROM touched_ids AS t CROSS JOIN (SELECT code_version FROM assets WHERE asset_id = $1) AS a
        LEFT JOIN last ON last.key_id = t.id LEFT JOIN runs AS r ON r.run_no = last.run_no
        LEFT JOIN run_columns AS c ON c.run_no = last.run_no
        LEFT JOIN made ON made.key_id = t.id ORDER BY t.n""",
        asset_id,
    )
    return LastRuns(**found)


def find_other_data(batch: Batch, asset_id: int, key_ids: Ids, then: Ids, now: Ids) -> Mask:
    """For each of some partitions, one at several times, whether its data are other than after the commit ``then``.

    ``now`` holds the ids of the keys that are read now; others count as without data.
    """
    import pyarrow as pa

    pairs = {"n": np.arange(len(key_ids)), "key_id": key_ids, "sequence": then, "is_read": np.isin(key_ids, now)}
    batch.stage("data_then", pa.table(pairs))
    found: Mask = batch.numpy(
        """WITH made AS (
            SELECT p.n, arg_max_null(m.data_hash, m.materialization_id) AS data_hash
            FROM data_then AS p JOIN materializations AS m ON m.key_id = p.key_id AND m.sequence <= p.sequence
            WHERE m.asset_id = $1 GROUP BY p.n)
        SELECT made.data_hash IS DISTINCT FROM CASE WHEN p.is_read THEN f.data_hash END AS differs
        FROM data_then AS p LEFT JOIN made USING (n)
        LEFT JOIN (SELECT key_id, data_hash FROM partition_facts WHERE asset_id = $1) AS f ON f.key_id = p.key_id
        ORDER BY p.n""",
        asset_id,
    )["differs"]
    return found


def load_change_times(batch: Batch, asset_id: int, sequence: int) -> tuple[Ids, NDArray[np.float64]]:
    """When data of an asset were made after a commit: key ids and seconds since 1970, in the order of the times."""
    found = batch.numpy(
        """SELECT key_id, epoch(materialized_at)::DOUBLE AS made_s FROM materializations
        WHERE sequence > ? AND asset_id = ? ORDER BY made_s""",
        *(sequence, asset_id),
    )
    return found["key_id"], found["made_s"]


def load_arrival_times(batch: Batch, set_id: int, key_ids: Ids) -> NDArray[np.float64]:
    """When some keys came to their set, in seconds since 1970: by the clock, or as it was recorded; else NaN."""
    _stage_ids(batch, key_ids)
    found = batch.numpy(
        """SELECT coalesce(epoch(w.ends_at), epoch(e.happened_at), 'nan'::DOUBLE)::DOUBLE AS came_s
        FROM touched_ids AS t
        LEFT JOIN (SELECT key_id, ends_at FROM windows WHERE set_id = $1) AS w ON w.key_id = t.id
        LEFT JOIN (SELECT key_id, max(happened_at) AS happened_at FROM member_events WHERE set_id = $1 GROUP BY key_id)
            AS e ON e.key_id = t.id ORDER BY t.n""",
        set_id,
    )
    at: NDArray[np.float64] = np.ma.filled(found["came_s"], np.nan)
    return at


@dataclass(frozen=True)
class MissingPage:
    """Partitions of an asset without data, the newest first; ``last`` is where the next page begins, None after all."""

    key_ids: Ids
    last: tuple[int, int] | None


def find_missing_page(
    batch: Batch, asset_id: int, set_id: int, after: tuple[int, int] | None, at_most: int
) -> MissingPage:
    """So many partitions at most that were never made and that no open backfill is about to make, the newest first.

    Those that failed are among them. ``after`` is the `last` of the page before.
    """
    position, key_id = after or (2**62, 2**62)
    found = batch.numpy(
        f"""WITH latest AS (
            SELECT backfill_no FROM backfill_events GROUP BY backfill_no
            HAVING list_contains($5::VARCHAR[], arg_max(kind, rowid))),
        done AS (SELECT backfill_no, step_no FROM step_results WHERE backfill_no IN (FROM latest)
            GROUP BY ALL HAVING arg_max(status, rowid) <> '{StepStatus.PLANNED}'),
        awaited AS (
            SELECT key_id FROM requested_steps WHERE asset_id = $1 AND backfill_no IN (
                FROM latest SEMI JOIN (SELECT backfill_no FROM backfills WHERE planned_at IS NULL) USING (backfill_no))
                AND key_id IS NOT NULL
            UNION ALL SELECT key_id FROM steps ANTI JOIN done USING (backfill_no, step_no)
            WHERE asset_id = $1 AND backfill_no IN (FROM latest))
        SELECT m.key_id, m.position::BIGINT AS position FROM {ordered_members(batch, set_id)} AS m
        LEFT JOIN (SELECT * FROM partition_facts WHERE asset_id = $1) AS f USING (key_id)
        WHERE coalesce(f.active, 0) = {ACTIVE_NONE} AND f.materialization_id IS NULL
            AND (m.position, m.key_id) < ($2, $3) AND m.key_id NOT IN (FROM awaited)
        ORDER BY m.position DESC, m.key_id DESC LIMIT $4""",
        *(asset_id, position, key_id, at_most, _OPEN),
    )
    ids: Ids = found["key_id"]
    is_full = len(ids) == at_most
    return MissingPage(ids, (int(found["position"][-1]), int(ids[-1])) if is_full else None)
