"""Finding partitions that share data: two with one run id, two with one file, or files in another's folder."""

# ruff: noqa: S608  what is put into SQL here are constants of this module
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.records import Finding
from nbpart.partitions import PartitionRef
from nbpart.storage.adopted import ADOPTED_MARK

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

#: The materializations that count now, with the names of their partitions: what was made again since is mended.
_CURRENT = """partition_facts AS f JOIN materializations AS m USING (materialization_id)
    JOIN assets AS a ON a.asset_id = f.asset_id JOIN keys AS k ON k.key_id = f.key_id"""
_KEY = "CASE WHEN a.set_id <> 0 THEN k.key END"


def find_shared_data(batch: Batch, limit: int) -> list[Finding]:
    """At most `limit` findings of partitions whose data may belong to another partition."""
    findings: list[Finding] = []
    for find in (_find_shared_ids, _find_shared_files, _find_strange_files):
        findings += find(batch, limit - len(findings))
    return findings


def _find_shared_ids(batch: Batch, limit: int) -> list[Finding]:
    rows = batch.rows(
        f"""SELECT a.name, {_KEY}, r.run_id FROM {_CURRENT} JOIN runs AS r ON r.run_no = m.run_no
        WHERE r.run_id IN (SELECT run_id FROM runs GROUP BY run_id HAVING count(*) > 1) ORDER BY r.run_no LIMIT ?""",
        limit,
    )
    return [Finding(name, key, "run_id", run_id, "an id of no other run", True) for name, key, run_id in rows]


def _find_shared_files(batch: Batch, limit: int) -> list[Finding]:
    rows = batch.rows(
        f"""WITH shared AS (
            SELECT d.path FROM data_files AS d JOIN materializations AS m USING (materialization_id)
            WHERE d.path NOT LIKE '{ADOPTED_MARK}%'  -- which are only read
            GROUP BY d.path HAVING count(DISTINCT (m.asset_id, m.key_id)) > 1
        )
        SELECT DISTINCT a.name, {_KEY}, d.path
        FROM {_CURRENT} JOIN data_files AS d USING (materialization_id) JOIN shared USING (path)
        ORDER BY ALL LIMIT ?""",
        limit,
    )
    return [Finding(name, key, "data_file", path, "a file of no other partition", True) for name, key, path in rows]


def _find_strange_files(batch: Batch, limit: int) -> list[Finding]:
    """Files of runs that are not in the folder of their partition, nor in one of a name that its key had before."""
    table = batch.arrow(
        f"""SELECT a.name, {_KEY} AS key, d.path, o.former FROM {_CURRENT}
        JOIN data_files AS d USING (materialization_id)
        LEFT JOIN (SELECT key_id, list(key) AS former FROM former_keys GROUP BY key_id) AS o ON o.key_id = f.key_id
        WHERE m.run_no IS NOT NULL ORDER BY materialization_id"""
    )
    findings: list[Finding] = []
    for part in table.to_batches(max_chunksize=10_000):  # there can be millions
        for name, key, path, former in zip(*(column.to_pylist() for column in part.columns), strict=True):
            folder, *others = (f"data/{PartitionRef(name, one).folder}/" for one in (key, *(former or ())))
            if len(findings) < limit and not path.startswith((folder, *others)):
                findings.append(Finding(name, key, "data_file", path, f"a file in {folder}", True))
    return findings
