"""A tick that is killed at any point leaves the next one to do exactly what is left. Runs are played, no kernels.

NBPART_CRASH_SCALE says how many ticks are killed, NBPART_KILL_SEED where chance begins.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbpart
from nbpart.catalog.check import check
from tests.crash.conftest import SCALE, SEED
from tests.projects import import_written, show_to_processes

KILLS = 8 * SCALE
FLOW = """
import nbpart

files = nbpart.DynamicPartitions("files")
done = nbpart.DynamicPartitions("done")


@nbpart.asset(partitions=files)
def raw(partition_key: str) -> str:
    return partition_key


@nbpart.asset(partitions=files)
def clean(raw) -> str:
    return raw.upper()


@nbpart.sensor
def inbox(context):
    n = int(context.cursor or 0)
    new = [f"k{n}", f"k{n + 1}"]
    asks = [nbpart.RunRequest(partition_key=key) for key in new]
    changes = [files.build_add_request(new), done.build_add_request(f"from {n}")]
    if n:
        changes.append(done.build_delete_request(f"from {n - 2}"))
    return nbpart.SensorResult(asks, changes, cursor=str(n + 2))
"""
#: Asks once and dies at the so-manieth statement or after the so-manieth commit; says how many there were if it lives.
VICTIM = """
import dataclasses, os, signal, sys
import nbpart
from nbpart.catalog import Batch, Catalog
from tests.backfill.pools import Stage

last, seen = int(sys.argv[1]), 0

def count():
    global seen
    seen += 1
    if seen == last:
        os.kill(os.getpid(), signal.SIGKILL)

run, write = Batch._run, Catalog.write

def counted_run(self, *given):
    count()
    return run(self, *given)

def counted_write(self, work):
    answer = write(self, work)
    count()
    return answer

ws = nbpart.open("workspace", purpose="a victim")
Batch._run, Catalog.write = counted_run, counted_write
ws.project.make_pool = Stage().make_pool
ws.tick("inbox", progress=False, max_workers=1)
print(seen)
"""


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    monkeypatch.chdir(tmp_path)
    tick_flow = import_written(tmp_path, "tick_flow", FLOW, monkeypatch)
    show_to_processes(tmp_path, monkeypatch)
    with nbpart.open("workspace") as workspace:
        workspace.register(tick_flow.raw, tick_flow.clean, tick_flow.done, tick_flow.inbox)
        yield workspace


def tick(die_at: int) -> int | None:
    """Let a process tick; how many points it came by, None where it died at one."""
    victim = [sys.executable, "-c", VICTIM, str(die_at)]
    done = subprocess.run(victim, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return int(done.stdout) if done.returncode == 0 else None


#: What must hold after the last tick, as the rows that break it.
BROKEN = {
    "a partition that did not succeed exactly once": """SELECT a.name, k.key, count(o.run_no)
        FROM assets AS a JOIN members AS m USING (set_id) JOIN keys AS k USING (key_id)
        LEFT JOIN runs AS r ON r.asset_id = a.asset_id AND r.key_id = m.key_id
        LEFT JOIN outcomes AS o ON o.run_no = r.run_no AND o.status = 'succeeded'
        GROUP BY ALL HAVING count(o.run_no) <> 1""",
    "a backfill that has not succeeded": """SELECT backfill_no, arg_max(kind, rowid) FROM backfill_events
        GROUP BY ALL HAVING arg_max(kind, rowid) <> 'succeeded'""",
    "a backfill that has its steps not once": """SELECT b.backfill_no, b.steps, count(s.step_no)
        FROM backfills AS b LEFT JOIN steps AS s USING (backfill_no) GROUP BY ALL
        HAVING count(s.step_no) <> b.steps OR count(DISTINCT s.step_no) <> b.steps""",
    "a tick without its backfill, or one without its tick": """SELECT t.tick_id, b.backfill_no
        FROM ticks AS t LEFT JOIN tick_backfills AS of USING (tick_id) FULL JOIN backfills AS b USING (backfill_no)
        WHERE t.tick_id IS NULL OR b.backfill_no IS NULL OR t.error IS NOT NULL""",
}


@pytest.mark.timeout(1500)
def test_the_next_tick_does_exactly_what_is_left(ws: nbpart.Workspace) -> None:
    chance = random.Random(SEED)
    points = tick(0)
    assert points is not None
    died = 0
    while died < KILLS:  # one after the other through the whole tick, so that each part of it is hit
        died += tick(1 + (died * points // KILLS) + chance.randrange(max(points // KILLS, 1))) is None
    assert tick(0) is not None
    cursors = ws.project.catalog.read(lambda batch: batch.value("SELECT cursor FROM triggers"))
    files = list(ws.partition_sets["files"])
    assert files == [f"k{n}" for n in range(int(cursors))]
    assert list(ws.partition_sets["done"]) == [f"from {len(files) - 2}"]
    assert ws.project.catalog.read(lambda batch: batch.value("SELECT count(*) FROM ticks")) * 2 == len(files)
    for what, sql in BROKEN.items():
        assert ws.project.catalog.read(lambda batch, sql=sql: batch.rows(sql)) == [], what
    assert set(ws.status()["materialized"]) == {len(files)}
    assert ws.project.catalog.read(check) == []
    assert 2 < len(files) < 2 * KILLS, "some died before their record, some after it"
