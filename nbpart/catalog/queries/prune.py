"""What of a workspace's files is current, known, or in use."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE


@dataclass(frozen=True, slots=True)
class FilesInUse:
    """The files that a prune leaves (paths in the workspace), all that the catalog names, and since when runs go on."""

    kept: frozenset[str]
    named: frozenset[str]
    active_since: datetime | None


def files_in_use(batch: Batch, keep: int, asset_ids: Collection[int] | None = None) -> FilesInUse:
    """What is left where each partition keeps its newest `keep` materializations and runs.

    Always left are what is current, and what belongs to runs that go on. Of assets that are not in `asset_ids` all is
    left.
    """
    among = "true" if asset_ids is None else f"asset_id IN ({', '.join(map(str, map(int, asset_ids))) or 'NULL'})"
    batch.keep(
        "made_kept",
        f"""SELECT materialization_id, run_no FROM materializations WHERE NOT ({among})
        OR materialization_id IN (SELECT materialization_id FROM partition_facts)
        UNION SELECT materialization_id, run_no FROM materializations
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY materialization_id DESC) <= ?""",
        keep,
    )
    batch.keep(
        "runs_kept",
        f"""SELECT run_no FROM made_kept WHERE run_no IS NOT NULL
        UNION SELECT run_no FROM runs WHERE NOT ({among})
        UNION SELECT active_run FROM partition_facts WHERE active <> {ACTIVE_NONE}
        UNION SELECT run_no FROM runs
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY run_no DESC) <= ?""",
        keep,
    )
    data = "SELECT path FROM data_files"
    logs = "SELECT unnest([notebook, log]) AS path FROM attempts WHERE notebook IS NOT NULL"
    kept = batch.rows(
        f"""{data} WHERE materialization_id IN (SELECT materialization_id FROM made_kept)
        UNION {logs} AND run_no IN (SELECT run_no FROM runs_kept)"""
    )
    named = batch.rows(f"{data} UNION {logs}")
    since = batch.value(
        f"""SELECT min(created_at) FROM runs WHERE run_no IN
        (SELECT active_run FROM partition_facts WHERE active <> {ACTIVE_NONE})"""
    )
    return FilesInUse(frozenset(row[0] for row in kept), frozenset(row[0] for row in named), since)
