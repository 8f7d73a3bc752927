"""Checks of assets: registering and removing them, and recording what they said of partitions."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nbpart.assets.check_definition import CheckDefinition
from nbpart.catalog.records import Judgement
from nbpart.errors import UnknownNameError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from nbpart.catalog.batch import Batch


def save_check(batch: Batch, asset_id: int, check: CheckDefinition) -> None:
    """Register a check of an asset, or replace the one of that name, whatever its case: its outcomes stay."""
    text = json.dumps(check.to_json(), sort_keys=True)
    row = batch.row(
        "SELECT check_id, active, name, is_blocking, severity, version, definition FROM checks"
        " WHERE asset_id = ? AND lower(name) = lower(?)",
        *(asset_id, check.name),
    )
    values = (check.name, check.blocking, check.severity, check.version, text)
    if row is None:
        check_id = batch.take_ids("next_check_id", 1)
        batch.execute(
            """INSERT INTO checks (check_id, asset_id, kind, active, registered_at, name, is_blocking, severity,
                version, definition) VALUES (?, ?, ?, true, ?, ?, ?, ?, ?, ?)""",
            *(check_id, asset_id, check.kind, batch.now, *values),
        )
    elif row[1:] != (True, *values):
        batch.execute(
            """UPDATE checks SET active = true, name = $2, is_blocking = $3, severity = $4, version = $5,
                definition = $6, kind = $7, registered_at = $8 WHERE check_id = $1""",
            *(row[0], *values, check.kind, batch.now),
        )
        _touch_judged(batch, [row[0]])


def save_check_cells(batch: Batch, asset_id: int, checks: Sequence[CheckDefinition]) -> None:
    """Register the checks that the notebook of an asset has; those that it has no more go."""
    for check in checks:
        save_check(batch, asset_id, check)
    known = {name.lower() for name in (check.name for check in checks)}
    rows = batch.rows("SELECT check_id, name FROM checks WHERE asset_id = ? AND active AND kind = 'cell'", asset_id)
    _end(batch, [check_id for check_id, name in rows if name.lower() not in known])


def remove_check(batch: Batch, asset_id: int, name: str) -> None:
    """Take a check off; what it said stays recorded, and shows no more. Raises `UnknownNameError`."""
    rows = batch.rows("SELECT lower(name), check_id FROM checks WHERE asset_id = ? AND active", asset_id)
    known = dict(rows)
    if name.lower() not in known:
        raise UnknownNameError(f"there is no check {name!r} of this asset; {nearest(name, known)}")
    _end(batch, [known[name.lower()]])


def remove_checks(batch: Batch, asset_id: int) -> None:
    """Take all checks of an asset off."""
    _end(batch, [row[0] for row in batch.rows("SELECT check_id FROM checks WHERE asset_id = ? AND active", asset_id)])


def record_judgements(batch: Batch, judgements: Iterable[Judgement]) -> int:
    """Record what checks said of the data of partitions; the last one of a check and partition counts.

    Those of a check that is not registered any more are left out. Returns how many were recorded.
    """
    listed = list(judgements)
    if not listed:
        return 0
    batch.stage("judged_staged", _build(listed))
    n = batch.create_temp(
        "judged",
        """SELECT s.n, c.check_id, s.asset_id, s.key_id, s.materialization_id, s.data_hash, s.version, s.passed,
            s.message, s.traceback, s.metadata, s.run_no
        FROM judged_staged AS s JOIN checks AS c ON c.asset_id = s.asset_id AND c.name = s.name AND c.active""",
    )
    if not n:
        return 0
    batch.execute(
        """INSERT INTO check_outcomes BY NAME
        SELECT * EXCLUDE (n), ? AS happened_at, ? AS sequence FROM judged ORDER BY n""",
        *(batch.now, batch.sequence),
    )
    batch.execute("DELETE FROM check_facts WHERE (check_id, key_id) IN (SELECT (check_id, key_id) FROM judged)")
    batch.execute(
        """INSERT INTO check_facts BY NAME SELECT check_id, asset_id, key_id, data_hash, version, passed FROM judged
        QUALIFY row_number() OVER (PARTITION BY check_id, key_id ORDER BY n DESC) = 1"""
    )
    _touch(batch, "SELECT (asset_id, key_id) FROM judged")
    return n


def _end(batch: Batch, check_ids: Sequence[int]) -> None:
    if check_ids:
        batch.execute("UPDATE checks SET active = false WHERE check_id IN (SELECT unnest(?::INTEGER[]))", check_ids)
        _touch_judged(batch, check_ids)


def _touch_judged(batch: Batch, check_ids: Sequence[int]) -> None:
    """Have pages and automations look again at the partitions that some checks have judged."""
    among = ", ".join(str(int(check_id)) for check_id in check_ids)
    _touch(batch, f"SELECT (asset_id, key_id) FROM check_facts WHERE check_id IN ({among})")


def _touch(batch: Batch, pairs: str) -> None:
    batch.execute(f"UPDATE partition_facts SET changed = ? WHERE (asset_id, key_id) IN ({pairs})", batch.sequence)


def _build(judgements: Sequence[Judgement]) -> pa.Table:
    import pyarrow as pa

    results = [one.result for one in judgements]
    metadata = [json.dumps(dict(result.metadata)) if result.metadata else None for result in results]
    return pa.table(
        {
            "n": pa.array(range(len(judgements)), pa.int64()),
            "asset_id": pa.array([one.asset_id for one in judgements], pa.int32()),
            "key_id": pa.array([one.key_id for one in judgements], pa.int64()),
            "materialization_id": pa.array([one.materialization_id for one in judgements], pa.int64()),
            "data_hash": pa.array([one.data_hash for one in judgements], pa.uint64()),
            "run_no": pa.array([one.run_no for one in judgements], pa.int64()),
            "name": pa.array([result.name for result in results], pa.string()),
            "version": pa.array([result.version for result in results], pa.string()),
            "passed": pa.array([result.passed for result in results], pa.bool_()),
            "message": pa.array([result.message for result in results], pa.string()),
            "traceback": pa.array([result.traceback for result in results], pa.string()),
            "metadata": pa.array(metadata, pa.string()),
        }
    )
