"""Comparing the stored facts with the events that they stand for, and rebuilding them."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.above import add_above
from nbpart.catalog.expressions import (
    DATA_STATES,
    GONE_STATES,
    OUTCOME_FAILED,
    OUTCOME_NONE,
    OUTCOME_SUCCEEDED,
    STALE_CODE,
    STALE_DATA,
    STALE_INPUT,
    code_differs,
)
from nbpart.catalog.group_ledgers import find_wrong_groups, forget_groups
from nbpart.catalog.input_changes import create_stale_disagreeing
from nbpart.catalog.judged import find_wrong_judgements, repair_judgements
from nbpart.catalog.kept_pairs import find_wrong_pairs, forget_pairs
from nbpart.catalog.ledgers import find_wrong_ledgers, forget_ledger
from nbpart.catalog.records import Finding
from nbpart.catalog.shared_data import find_shared_data
from nbpart.states import FORGETTING_VERBS, SUCCEEDING_VERBS, DataState, RunStatus

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

_COLUMNS = ("materialization_id", "data_hash", "outcome", "stale", "active", "active_run")
#: Of a key that left its set nobody keeps the bits: they are decided when it comes back.
_DIFFER = {column: f"f.{column} IS DISTINCT FROM r.{column}" for column in _COLUMNS} | {
    "stale": "f.stale IS DISTINCT FROM r.stale AND (asset_id, key_id) IN ("
    "SELECT (a.asset_id, m.key_id) FROM assets AS a JOIN members AS m USING (set_id))"
}

_HAS_DATA = f"m.data_version IS NOT NULL AND coalesce(l.state, '') NOT IN {GONE_STATES}"
_MATERIALIZED = f"""SELECT asset_id, key_id, CASE WHEN {_HAS_DATA} THEN materialization_id END AS materialization_id,
        CASE WHEN {_HAS_DATA} THEN data_hash END AS data_hash, code_version,
        CASE WHEN l.state = '{DataState.DAMAGED}' THEN {STALE_DATA} ELSE 0 END AS data_bit
    FROM materializations AS m LEFT JOIN ({DATA_STATES}) AS l USING (materialization_id)
    QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY materialization_id DESC) = 1"""
_OUTCOME_OF_VERB = " ".join(
    [f"WHEN '{verb}' THEN {OUTCOME_SUCCEEDED}" for verb in sorted(SUCCEEDING_VERBS)]
    + [f"WHEN '{verb}' THEN {OUTCOME_NONE}" for verb in sorted(FORGETTING_VERBS)]
)
# what came last counts, a run or what a person did
_ENDED = f"""WITH ran AS (
        SELECT r.asset_id, r.key_id, max(o.sequence) AS sequence,
            CASE arg_max(o.status, o.rowid) WHEN '{RunStatus.SUCCEEDED}' THEN {OUTCOME_SUCCEEDED}
                 ELSE {OUTCOME_FAILED} END AS outcome
        FROM outcomes AS o JOIN runs AS r USING (run_no)
        WHERE o.final AND o.status IN ('{RunStatus.SUCCEEDED}', '{RunStatus.FAILED}') GROUP BY r.asset_id, r.key_id
    ), treated AS (
        SELECT p.asset_id, p.key_id, max(e.sequence) AS sequence, arg_max(e.outcome, e.sequence) AS outcome
        FROM verb_partitions AS p JOIN (SELECT verb_no, sequence, CASE verb {_OUTCOME_OF_VERB} END AS outcome
            FROM verb_events) AS e USING (verb_no) WHERE e.outcome IS NOT NULL GROUP BY p.asset_id, p.key_id
    )
    SELECT asset_id, key_id,
        CASE WHEN treated.sequence > coalesce(ran.sequence, 0) THEN treated.outcome ELSE ran.outcome END AS outcome
    FROM ran FULL JOIN treated USING (asset_id, key_id)"""
# a run whose last attempt has no outcome is running; one that waits for its first or next attempt is queued
_ACTIVE = """SELECT r.asset_id, r.key_id, max(r.run_no) AS active_run,
        CASE WHEN coalesce(max(a.attempt), 0) > coalesce(max(o.attempt), 0) THEN 2 ELSE 1 END AS active
    FROM runs AS r LEFT JOIN attempts AS a USING (run_no) LEFT JOIN outcomes AS o USING (run_no)
    WHERE r.run_no NOT IN (SELECT run_no FROM outcomes WHERE final) GROUP BY r.asset_id, r.key_id, r.run_no"""


def check(batch: Batch, limit: int = 1000) -> list[Finding]:
    """Find stored facts that differ from what the events give, and data that two partitions share.

    Returns at most `limit` findings.
    """
    _create_rebuilt_facts(batch)
    findings: list[Finding] = []
    for column in _COLUMNS:
        rows = batch.rows(
            f"""SELECT a.name, CASE WHEN a.set_id <> 0 THEN k.key END, f.{column}, r.{column}
            FROM partition_facts AS f FULL JOIN facts_rebuilt AS r USING (asset_id, key_id)
            JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id)
            WHERE {_DIFFER[column]} ORDER BY a.asset_id, key_id LIMIT ?""",
            limit - len(findings),
        )
        findings += [Finding(name, key, column, recorded, rebuilt) for name, key, recorded, rebuilt in rows]
    repeated = batch.rows(
        """SELECT a.name, CASE WHEN a.set_id <> 0 THEN k.key END, count(*) FROM partition_facts AS f
        JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id) GROUP BY ALL HAVING count(*) > 1 LIMIT ?""",
        limit - len(findings),
    )
    findings += [Finding(name, key, "rows", n, 1) for name, key, n in repeated]
    for asset_id, recorded, counted in [*find_wrong_ledgers(batch), *find_wrong_groups(batch)]:
        name = batch.value("SELECT name FROM assets WHERE asset_id = ?", asset_id)
        findings.append(Finding(name, None, "ledger", str(recorded), str(counted)))
    findings += [Finding(name, None, "pairs", recorded, found) for name, recorded, found in find_wrong_pairs(batch)]
    findings += find_wrong_judgements(batch, limit - len(findings))
    return findings + find_shared_data(batch, limit - len(findings))


def repair(batch: Batch) -> int:
    """Replace the stored facts by rebuilt ones. Returns how many partitions had wrong facts."""
    _create_rebuilt_facts(batch)
    differ = " OR ".join(f"({condition})" for condition in _DIFFER.values())
    batch.create_temp(
        "facts_wrong",
        f"""SELECT asset_id, key_id FROM partition_facts AS f FULL JOIN facts_rebuilt AS r USING (asset_id, key_id)
        WHERE f.asset_id IS NULL OR r.asset_id IS NULL OR {differ}
        UNION SELECT asset_id, key_id FROM partition_facts GROUP BY ALL HAVING count(*) > 1""",
    )
    wrong = int(batch.value("SELECT count(*) FROM facts_wrong"))
    if wrong:
        pairs = "(asset_id, key_id) IN (SELECT (asset_id, key_id) FROM facts_wrong)"
        batch.execute(f"DELETE FROM partition_facts WHERE {pairs}")
        batch.execute(f"INSERT INTO partition_facts SELECT *, ? FROM facts_rebuilt WHERE {pairs}", batch.sequence)
    for asset_id, _, _ in find_wrong_ledgers(batch):
        forget_ledger(batch, asset_id)
    for asset_id, _, _ in find_wrong_groups(batch):
        forget_groups(batch, asset_id=asset_id)
    if find_wrong_pairs(batch):
        forget_pairs(batch)
    return wrong + repair_judgements(batch)


def _create_rebuilt_facts(batch: Batch) -> None:
    """Create the temporary table facts_rebuilt of the facts that the events give, without the column `changed`."""
    batch.create_temp("facts_materialized", _MATERIALIZED)
    batch.create_temp("facts_ended", _ENDED)
    batch.create_temp("facts_active", _ACTIVE)
    batch.create_temp(
        "facts_bare",
        f"""SELECT asset_id, key_id, m.materialization_id, m.data_hash, coalesce(e.outcome, {OUTCOME_NONE}) AS outcome,
            CASE WHEN m.materialization_id IS NOT NULL AND {code_differs("m.code_version")} THEN {STALE_CODE} ELSE 0 END
                | coalesce(m.data_bit, 0) AS stale,
            coalesce(v.active, 0) AS active, v.active_run
        FROM facts_materialized AS m FULL JOIN facts_ended AS e USING (asset_id, key_id)
        FULL JOIN facts_active AS v USING (asset_id, key_id)
        FULL JOIN (SELECT DISTINCT asset_id, key_id FROM runs) AS r USING (asset_id, key_id)
        JOIN assets AS a USING (asset_id)""",
    )
    batch.create_temp("facts_current", "SELECT * FROM facts_bare WHERE materialization_id IS NOT NULL")
    create_stale_disagreeing(batch, "facts_current", "facts_bare")
    batch.create_temp(
        "facts_rebuilt",
        f"""SELECT asset_id, key_id, materialization_id, data_hash, outcome::UTINYINT AS outcome,
            (stale | CASE WHEN d.is_stale THEN {STALE_INPUT} ELSE 0 END)::UTINYINT AS stale,
            active::UTINYINT AS active, active_run
        FROM facts_bare LEFT JOIN (SELECT DISTINCT asset_id, key_id, true AS is_stale FROM stale_disagreeing) AS d
            USING (asset_id, key_id)""",
    )
    add_above(batch, "facts_rebuilt")
