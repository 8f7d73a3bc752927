"""What checks said of the data that partitions have now: the SQL that tables, claims and reasons share."""

# ruff: noqa: S608  what is put into SQL is constants of this package and ids made int
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.records import Finding
from nbpart.states import CheckOutcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

#: The outcomes as numbers, so that the worst is the greatest.
_CODES = {outcome: place for place, outcome in enumerate(CheckOutcome)}
#: A failure of a check `c`, of the facts `j`, as such a number.
OUTCOME_CODE = (
    f"CASE WHEN j.passed THEN {_CODES[CheckOutcome.PASSED]} WHEN c.severity = 'warn' THEN {_CODES[CheckOutcome.WARNED]}"
    f" ELSE {_CODES[CheckOutcome.FAILED]} END"
)


def outcome_text(code: str) -> str:
    """The word for the number of an outcome."""
    return "CASE " + code + "".join(f" WHEN {place} THEN '{one}'" for one, place in _CODES.items()) + " END"


def select_worst(asset_id: int) -> str:
    """A query (key_id, data_hash, outcome) of the worst that checks said of the partitions of an asset."""
    return (
        f"SELECT j.key_id, j.data_hash, {outcome_text(f'max({OUTCOME_CODE})')} AS outcome"
        " FROM check_facts j JOIN checks c USING (check_id)"
        f" WHERE j.asset_id = {int(asset_id)} AND c.active GROUP BY j.key_id, j.data_hash"
    )


def select_blocking(asset_id: int, among: str = "true") -> str:
    """A query (key_id, check_name) of the partitions of an asset that fail a blocking check as they are now.

    ``among`` is a condition on the row ``j`` of check_facts.
    """
    return (
        "SELECT j.key_id, arg_min(c.name, c.check_id) AS check_name FROM check_facts j JOIN checks c USING (check_id)"
        " JOIN partition_facts p ON p.asset_id = j.asset_id AND p.key_id = j.key_id AND p.data_hash = j.data_hash"
        f" WHERE j.asset_id = {int(asset_id)} AND {among} AND c.active AND c.is_blocking AND c.severity = 'error'"
        " AND NOT j.passed GROUP BY j.key_id"
    )


def has_blocking(batch: Batch, asset_id: int) -> bool:
    """Whether an asset has a check that blocks what reads a partition which fails it."""
    query = "SELECT DISTINCT asset_id FROM checks WHERE active AND is_blocking AND severity = 'error'"
    return (asset_id,) in batch.keep("assets with blocking checks", lambda: batch.rows(query))


def load_blocking(batch: Batch, asset_id: int) -> tuple[NDArray[np.int64], list[str]]:
    """The partitions of an asset that fail a blocking check: the ids of their keys, and the name of the first check."""
    rows = batch.arrow(f"{select_blocking(asset_id)} ORDER BY j.key_id")
    return rows.column("key_id").to_numpy(), rows.column("check_name").to_pylist()


def load_unsound_ids(batch: Batch, asset_ids: Sequence[int]) -> dict[int, NDArray[np.int64]]:
    """The keys whose data do not pass a check, of each of some assets that has checks."""
    rows = batch.numpy(
        """SELECT j.asset_id::BIGINT AS asset_id, j.key_id FROM check_facts AS j JOIN checks AS c USING (check_id)
        JOIN partition_facts AS p ON p.asset_id = j.asset_id AND p.key_id = j.key_id AND p.data_hash = j.data_hash
        WHERE c.active AND NOT j.passed AND j.asset_id IN (SELECT unnest(?::INTEGER[])) GROUP BY ALL""",
        list(asset_ids),
    )
    judged = batch.rows(
        "SELECT DISTINCT asset_id FROM checks WHERE active AND asset_id IN (SELECT unnest(?::INTEGER[]))",
        list(asset_ids),
    )
    return {asset_id: rows["key_id"][rows["asset_id"] == asset_id] for (asset_id,) in judged}


def count_unsound(batch: Batch) -> dict[int, int]:
    """How many members of the set of each asset have data that do not pass a check; assets without one are left out."""
    return dict(
        batch.rows(
            """SELECT j.asset_id, count(DISTINCT j.key_id) FROM check_facts AS j JOIN checks AS c USING (check_id)
            JOIN partition_facts AS p ON p.asset_id = j.asset_id AND p.key_id = j.key_id AND p.data_hash = j.data_hash
            JOIN assets AS a ON a.asset_id = j.asset_id
            JOIN members AS m ON m.set_id = a.set_id AND m.key_id = j.key_id
            WHERE c.active AND NOT j.passed GROUP BY j.asset_id"""
        )
    )


def count_unsound_of(batch: Batch, backfill_no: int) -> int:
    """How many partitions the runs of a backfill made that did not pass a check then."""
    return int(
        batch.value(
            """SELECT count(DISTINCT j.run_no) FROM check_outcomes AS j JOIN checks AS c USING (check_id)
            WHERE NOT j.passed AND c.active AND j.run_no IN (SELECT run_no FROM runs WHERE backfill_no = ?)""",
            backfill_no,
        )
    )


#: What the events say of the last outcome of each check and partition.
_REBUILT = """SELECT check_id, asset_id, key_id, data_hash, version, passed FROM check_outcomes
    QUALIFY row_number() OVER (PARTITION BY check_id, key_id ORDER BY rowid DESC) = 1"""


def find_wrong_judgements(batch: Batch, limit: int) -> list[Finding]:
    """Stored outcomes of checks that differ from what was recorded last, at most so many."""
    _stage_rebuilt(batch)
    rows = batch.rows(
        """SELECT a.name, CASE WHEN a.set_id <> 0 THEN k.key END, w.stored, w.rebuilt FROM judged_wrong AS w
        JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id) ORDER BY a.asset_id, w.key_id LIMIT ?""",
        max(limit, 0),
    )
    return [Finding(name, key, "checks", stored, rebuilt) for name, key, stored, rebuilt in rows]


def repair_judgements(batch: Batch) -> int:
    """Replace stored outcomes by what was recorded last. Returns how many partitions had wrong ones."""
    wrong = _stage_rebuilt(batch)
    if wrong:
        batch.execute("DELETE FROM check_facts")
        batch.execute(f"INSERT INTO check_facts BY NAME {_REBUILT}")
    return wrong


def _stage_rebuilt(batch: Batch) -> int:
    """Create the temporary table judged_wrong (asset_id, key_id, stored, rebuilt) of partitions that differ."""
    told = "list((check_id, data_hash, version, passed)::VARCHAR ORDER BY check_id)::VARCHAR"
    return batch.create_temp(
        "judged_wrong",
        f"""SELECT asset_id, key_id, s.told AS stored, r.told AS rebuilt
        FROM (SELECT asset_id, key_id, {told} AS told FROM check_facts GROUP BY ALL) AS s
        FULL JOIN (SELECT asset_id, key_id, {told} AS told FROM ({_REBUILT}) GROUP BY ALL) AS r
            USING (asset_id, key_id) WHERE s.told IS DISTINCT FROM r.told""",
    )
