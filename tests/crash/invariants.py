"""What holds of a workspace in which nothing runs, whatever died in it."""

from __future__ import annotations

import re
from pathlib import Path

import nbpart
from nbpart.catalog.check import check
from nbpart.storage.formats import load_file, save_value
from nbpart.storage.store import LocalStore

#: Conditions as the rows that break them.
BROKEN = {
    "a run id or number that stands twice": """SELECT run_id, count(*) FROM runs GROUP BY run_id HAVING count(*) > 1
        UNION ALL SELECT run_no::VARCHAR, count(*) FROM runs GROUP BY run_no HAVING count(*) > 1""",
    "a data file of two materializations": """SELECT path, count(DISTINCT materialization_id) FROM data_files
        GROUP BY path HAVING count(DISTINCT materialization_id) > 1""",
    "a backfill id that stands twice": "SELECT backfill_id FROM backfills GROUP BY ALL HAVING count(*) > 1",
    "a run without exactly one final outcome": """SELECT r.run_id, count(o.run_no) FROM runs AS r
        LEFT JOIN outcomes AS o ON o.run_no = r.run_no AND o.final GROUP BY ALL HAVING count(o.run_no) <> 1""",
    "an attempt with two outcomes of its own": """SELECT run_no, attempt, count(*) FROM outcomes
        WHERE status <> 'interrupted' GROUP BY ALL HAVING count(*) > 1""",
    "a run that succeeded without exactly one materialization": """SELECT r.run_id, count(m.run_no) FROM runs AS r
        JOIN outcomes AS o ON o.run_no = r.run_no AND o.status = 'succeeded'
        LEFT JOIN materializations AS m ON m.run_no = r.run_no GROUP BY ALL HAVING count(m.run_no) <> 1""",
    "a materialization of a run that did not succeed": """SELECT m.run_no FROM materializations AS m
        WHERE m.run_no NOT IN (SELECT run_no FROM outcomes WHERE status = 'succeeded')""",
    "an attempt that began twice": "SELECT run_no, attempt FROM attempts GROUP BY ALL HAVING count(*) > 1",
    "a step that its backfill made twice": """SELECT r.backfill_no, r.step_no, count(*)
        FROM runs AS r JOIN outcomes AS o ON o.run_no = r.run_no AND o.status = 'succeeded'
        WHERE r.backfill_no NOT NULL GROUP BY ALL HAVING count(*) > 1""",
    "a step whose result names no run of its partition that succeeded": """WITH last AS (
            SELECT backfill_no, step_no, arg_max(run_no, rowid) AS run_no FROM step_results GROUP BY ALL
        )
        SELECT s.backfill_no, s.step_no FROM steps AS s LEFT JOIN last USING (backfill_no, step_no)
        LEFT JOIN runs AS r ON r.run_no = last.run_no AND r.asset_id = s.asset_id AND r.key_id = s.key_id
        LEFT JOIN outcomes AS o ON o.run_no = r.run_no AND o.status = 'succeeded' WHERE o.run_no IS NULL""",
    "a step whose last result is not succeeded": """SELECT backfill_no, step_no, arg_max(status, rowid)
        FROM step_results GROUP BY ALL HAVING arg_max(status, rowid) <> 'succeeded'""",
    "a partition that is queued or running": "SELECT * FROM partition_facts WHERE active <> 0 OR active_run NOT NULL",
    "a backfill that has not succeeded": """SELECT backfill_no, arg_max(kind, rowid) FROM backfill_events
        GROUP BY ALL HAVING arg_max(kind, rowid) <> 'succeeded'""",
}


def find_broken(ws: nbpart.Workspace, scratch: Path) -> list[str]:
    """What does not hold; `scratch` is a folder for copies."""
    return find_broken_records(ws) + _find_changed_data(ws, scratch)


def find_broken_records(ws: nbpart.Workspace) -> list[str]:
    """What does not hold, apart from the content of data files."""
    broken = [
        f"{what}: {row}"
        for what, sql in BROKEN.items()
        for row in ws.project.catalog.read(lambda batch, sql=sql: batch.rows(sql))
    ]
    broken += [f"facts: {finding}" for finding in ws.project.catalog.read(check)]
    broken += [f"the lock of a process that is dead: {path}" for path in _find_dead_locks(ws)]
    return broken + [f"an unexplained file: {path}" for path in _find_unexplained(ws)]


def _find_changed_data(ws: nbpart.Workspace, scratch: Path) -> list[str]:
    """Files whose content is not what was recorded."""
    scratch.mkdir(exist_ok=True)
    again, store = LocalStore(scratch), ws.project.store
    changed = []
    rows = ws.project.catalog.read(lambda batch: batch.rows("SELECT path, format, data_version, bytes FROM data_files"))
    for path, format, data_version, size in rows:
        found = store.stat(path)
        if found is None or found.bytes != size:
            changed.append(f"{path} is gone or of another size")
        elif save_value(again, load_file(store, path, format), "again").data_version != data_version:
            changed.append(f"{path} is not what was recorded")
    return changed


def _find_dead_locks(ws: nbpart.Workspace) -> set[str]:
    locks = {path.name: str(path) for path in (ws.root / "coordinators").glob("*.lock")}
    rows = ws.project.catalog.read(lambda batch: batch.rows("SELECT lock FROM coordinators WHERE ended_at IS NULL"))
    return {locks[name] for name in locks.keys() - {row[0] for row in rows}}


def named_files(ws: nbpart.Workspace) -> set[str]:
    """The files that a materialization or an attempt names, and the results beside the attempts' notebooks."""
    rows = ws.project.catalog.read(
        lambda batch: batch.rows(
            "SELECT path FROM data_files UNION SELECT unnest([notebook, log]) FROM attempts"
            " UNION SELECT regexp_replace(notebook, '[.]ipynb$', '.json') FROM attempts"
            " UNION SELECT curves FROM outcomes WHERE curves IS NOT NULL"
        )
    )
    return {row[0] for row in rows}


def find_files(ws: nbpart.Workspace) -> list[str]:
    """Every file under data/ and runs/, as a path in the workspace."""
    return [
        str(path.relative_to(ws.root))
        for top in ("data", "runs")
        for path in (ws.root / top).rglob("*")
        if path.is_file()
    ]


def find_stray(ws: nbpart.Workspace) -> list[str]:
    """The files that nothing names."""
    named = named_files(ws)
    return [path for path in find_files(ws) if path not in named and not path.startswith("runs/_backfills/")]


def _find_unexplained(ws: nbpart.Workspace) -> list[str]:
    """Stray files that belong neither to an attempt that was interrupted, failed or replaced, nor to a run of many."""
    rows = ws.project.catalog.read(
        lambda batch: batch.rows(
            "SELECT r.run_id, o.attempt, o.status FROM runs AS r JOIN outcomes AS o USING (run_no)"
        )
    )
    succeeded = {f"{run_id}-{attempt}" for run_id, attempt, status in rows if status == "succeeded"}
    known = {run_id for run_id, _, _ in rows}
    unexplained = []
    for path in find_stray(ws):
        match = re.match(r"((\d{8}T\d{9}-\d{6,}(?:-many)?)-\d+)\.", Path(path).name)
        is_bulk = "/_bulk/" in path
        if match is None or not (is_bulk or match[2] in known) or match[1] in succeeded:
            unexplained.append(path)
    return unexplained
