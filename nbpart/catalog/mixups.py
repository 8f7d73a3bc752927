"""Finding what belongs to two: run ids that stand twice, data files of two partitions or in another's folder."""

# ruff: noqa: S608  what is put into SQL here are constants of this module
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.records import Finding
from nbpart.storage import place_run

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

_NAMES = "JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id)"
_KEY = "CASE WHEN a.set_id <> 0 THEN k.key END"


def find_mixups(batch: Batch, limit: int) -> list[Finding]:
    """At most `limit` partitions whose run or data may be another's; to make them again mends it."""
    findings: list[Finding] = []
    for find in (_find_shared_ids, _find_shared_files, _find_strange_files):
        findings += find(batch, limit - len(findings))
    return findings


def _find_shared_ids(batch: Batch, limit: int) -> list[Finding]:
    rows = batch.rows(
        f"""SELECT a.name, {_KEY}, r.run_id FROM runs AS r {_NAMES}
        WHERE r.run_id IN (SELECT run_id FROM runs GROUP BY run_id HAVING count(*) > 1) ORDER BY r.run_no LIMIT ?""",
        limit,
    )
    return [Finding(name, key, "run_id", run_id, "an id of no other run") for name, key, run_id in rows]


def _find_shared_files(batch: Batch, limit: int) -> list[Finding]:
    rows = batch.rows(
        f"""WITH shared AS (
            SELECT d.path FROM data_files AS d JOIN materializations AS m USING (materialization_id)
            GROUP BY d.path HAVING count(DISTINCT (m.asset_id, m.key_id)) > 1
        )
        SELECT DISTINCT a.name, {_KEY}, d.path
        FROM data_files AS d JOIN shared USING (path) JOIN materializations AS m USING (materialization_id) {_NAMES}
        ORDER BY ALL LIMIT ?""",
        limit,
    )
    return [Finding(name, key, "data_file", path, "a file of no other partition") for name, key, path in rows]


def _find_strange_files(batch: Batch, limit: int) -> list[Finding]:
    """Files that runs made which do not lie in the folder of their partition."""
    table = batch.arrow(
        f"""SELECT a.name, {_KEY} AS key, d.path FROM data_files AS d JOIN materializations AS m
        USING (materialization_id) {_NAMES} WHERE m.run_no IS NOT NULL ORDER BY m.materialization_id"""
    )
    findings: list[Finding] = []
    for part in table.to_batches(max_chunksize=10_000):  # there can be millions
        for name, key, path in zip(*(column.to_pylist() for column in part.columns), strict=True):
            folder = f"data/{place_run(name, key, '', 0).rpartition('/')[0]}/"
            if len(findings) < limit and not path.startswith(folder):
                findings.append(Finding(name, key, "data_file", path, f"a file in {folder}"))
    return findings
