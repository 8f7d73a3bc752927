"""The checks of assets, and what they said of partitions."""

# ruff: noqa: S608  what is put into SQL is constants of this package and ids made int

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbpart.assets.check_definition import CheckDefinition
from nbpart.catalog.batch import Batch
from nbpart.catalog.judged import OUTCOME_CODE, outcome_text
from nbpart.catalog.key_lookup import KEY_SQL, stage_numbers
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.set_tables import asset_set_id, ordered_members
from nbpart.states import CheckOutcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: The facts of checks that are registered, of the data that partitions have now.
_CURRENT = """check_facts AS j JOIN checks AS c USING (check_id)
    JOIN partition_facts AS p ON p.asset_id = j.asset_id AND p.key_id = j.key_id AND p.data_hash = j.data_hash"""


def load_checks(batch: Batch) -> dict[int, tuple[CheckDefinition, ...]]:
    """The registered checks by the id of their asset, in the order of their first registration."""
    found: dict[int, list[CheckDefinition]] = {}
    for asset_id, text in batch.rows("SELECT asset_id, definition FROM checks WHERE active ORDER BY check_id"):
        found.setdefault(asset_id, []).append(CheckDefinition.from_json(json.loads(text)))
    return {asset_id: tuple(checks) for asset_id, checks in found.items()}


def count_checks(batch: Batch) -> pd.DataFrame:
    """The registered checks with how many members of their asset's set have each outcome now, one a row.

    Columns: asset, check, kind, blocking, severity, passed, warned, failed, outdated (of these: by other code of the
    check than now), without_outcome (of those with data), description.
    """
    outcome = outcome_text(OUTCOME_CODE)
    frame = batch.frame(
        f"""WITH current AS (
            SELECT c.check_id, {outcome} AS outcome, j.version <> c.version AS is_outdated FROM {_CURRENT}
            JOIN assets AS a ON a.asset_id = j.asset_id
            JOIN members AS m ON m.set_id = a.set_id AND m.key_id = j.key_id WHERE c.active),
        with_data AS (
            SELECT a.asset_id, count(*) AS n FROM partition_facts AS f JOIN assets AS a USING (asset_id)
            JOIN members AS m ON m.set_id = a.set_id AND m.key_id = f.key_id
            WHERE f.materialization_id IS NOT NULL GROUP BY a.asset_id),
        counted AS (
            SELECT check_id, count(*) FILTER (outcome = '{CheckOutcome.PASSED}') AS passed,
                count(*) FILTER (outcome = '{CheckOutcome.WARNED}') AS warned,
                count(*) FILTER (outcome = '{CheckOutcome.FAILED}') AS failed,
                count(*) FILTER (is_outdated) AS outdated FROM current GROUP BY check_id)
        SELECT a.name AS asset, c.name AS check, c.kind, c.is_blocking AS blocking, c.severity,
            coalesce(n.passed, 0) AS passed, coalesce(n.warned, 0) AS warned, coalesce(n.failed, 0) AS failed,
            coalesce(n.outdated, 0) AS outdated,
            coalesce(d.n, 0) - coalesce(n.passed + n.warned + n.failed, 0) AS without_outcome, c.definition
        FROM checks AS c JOIN assets AS a USING (asset_id) LEFT JOIN counted AS n USING (check_id)
        LEFT JOIN with_data AS d ON d.asset_id = a.asset_id
        WHERE c.active AND a.active ORDER BY a.asset_id, c.check_id"""
    )
    definitions = [json.loads(text) for text in frame.pop("definition")]
    return frame.assign(description=[one["description"] for one in definitions])


def load_judgements(batch: Batch, asset_id: int, key_ids: NDArray[np.int64] | None = None) -> pd.DataFrame:
    """What the checks of an asset say of its partitions, or of those with some key ids, in the order of its set.

    Columns: partition_key, check, outcome, is_outdated (the check's code is another one by now), message, metadata (a
    JSON text), traceback, checked_at, run_id (of the run that made the data, None where it was judged alone), blocking.
    A partition without data, and one that a check has not judged as it is now, has no row for it.
    """
    chosen = ""
    if key_ids is not None:
        stage_numbers(batch, "judged_shown", key_ids)
        chosen = " AND j.key_id IN (SELECT id FROM judged_shown)"
    frame = batch.frame(
        f"""WITH last AS (
            SELECT check_id, key_id, max(rowid) AS place FROM check_outcomes AS j
            WHERE asset_id = {int(asset_id)}{chosen} GROUP BY check_id, key_id)
        SELECT {KEY_SQL} AS partition_key, c.name AS check, {outcome_text(OUTCOME_CODE)} AS outcome,
            j.version <> c.version AS is_outdated, o.message, o.metadata, o.traceback, o.happened_at AS checked_at,
            r.run_id, c.is_blocking AND c.severity = 'error' AS blocking
        FROM {_CURRENT} JOIN {ordered_members(batch, asset_set_id(batch, asset_id))} AS m ON m.key_id = j.key_id
        JOIN keys AS k ON k.key_id = j.key_id
        JOIN last ON last.check_id = j.check_id AND last.key_id = j.key_id
        JOIN check_outcomes AS o ON o.rowid = last.place LEFT JOIN runs AS r ON r.run_no = o.run_no
        WHERE j.asset_id = {int(asset_id)} AND c.active{chosen} ORDER BY m.position, c.check_id"""
    )
    return nulls_to_none(frame)


def load_bad_checks(batch: Batch, backfill_no: int) -> pd.DataFrame:
    """What the runs of a backfill made that does not pass a check, as that said when it was made.

    Columns: asset, partition_key, check, outcome, message, blocks (whether it holds back what reads the partition).
    """
    frame = batch.frame(
        f"""SELECT a.name AS asset, {KEY_SQL} AS partition_key, c.name AS check,
            {outcome_text(OUTCOME_CODE)} AS outcome, j.message, c.is_blocking AND c.severity = 'error' AS blocks
        FROM check_outcomes AS j JOIN checks AS c USING (check_id) JOIN runs AS r ON r.run_no = j.run_no
        JOIN assets AS a ON a.asset_id = j.asset_id JOIN keys AS k ON k.key_id = j.key_id
        WHERE r.backfill_no = ? AND NOT j.passed AND c.active ORDER BY c.severity = 'warn', j.run_no, c.check_id""",
        backfill_no,
    )
    return nulls_to_none(frame)


def describe_checks(batch: Batch, asset_id: int, key_id: int) -> list[tuple[str, str, str]]:
    """What each check says of the data of one partition: its name, the outcome, and what it found in a few words."""
    import numpy as np

    if not batch.value("SELECT count(*) FROM check_facts WHERE asset_id = ? AND key_id = ?", asset_id, key_id):
        return []
    found = load_judgements(batch, asset_id, np.array([key_id], np.int64))
    said = []
    for row in found.itertuples(index=False):
        metadata = json.loads(row.metadata) if row.metadata else {}
        known = ", ".join(f"{name} {value}" for name, value in metadata.items())
        parts = [known or row.message or "", "the check was changed since" if row.is_outdated else ""]
        said.append((str(row.check), str(row.outcome), "; ".join(filter(None, parts))))
    return said
