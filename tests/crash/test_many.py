"""A run of many keys, some of whose results no catalog can hold, is killed: each key has its own data at the end.

NBPART_CRASH_SCALE says how many keys: of 10 and more there are 20,000.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import nbpart
from nbpart.run.kernels.zygotes import is_supported
from tests.crash.conftest import SCALE, SEED
from tests.crash.invariants import find_broken_records, find_stray
from tests.processes import find_marked, wait_for
from tests.projects import import_written

#: What these report is refused until a file of the name `mended` is there.
UNRECORDABLE = ("key 7", "key 155", "key 399")
#: What the invariants say of a backfill that failed, and was retried by another.
OF_A_FAILED_BACKFILL = ("a step whose ", "a backfill that has not succeeded")
FLOW = f"""
import math
import os

import nbpart

keys = nbpart.DynamicPartitions("keys")


@nbpart.asset(partitions=keys)
def echo(partition_key: str, run) -> dict:
    if partition_key in {UNRECORDABLE} and not os.path.exists("mended"):
        run._logged.values["ways"] = math.factorial(180)  # as of a version of nbpart that does not refuse it in the run
    return {{"key": partition_key}}
"""
BACKFILL = """
import nbpart

with nbpart.open("workspace") as ws:
    backfill = ws.backfill("echo", policy="single_run")
    print(backfill.id, flush=True)
    backfill.wait(progress=False)
"""

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(not is_supported(), reason="kernels are forked on Linux only"),
]


@pytest.fixture
def ws(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    many_flow = import_written(project, "many_flow", FLOW, monkeypatch)
    with nbpart.open("workspace") as workspace:
        workspace.register(many_flow.echo)
        yield workspace


@pytest.mark.parametrize(("victim", "n"), [("coordinator", 2_000 * SCALE), ("kernel", 400 * SCALE)])
def test_a_run_of_many_that_is_killed_gives_each_key_its_own_data(
    ws: nbpart.Workspace, project: Path, victim: str, n: int
) -> None:
    keys = [f"key {i}" for i in range(n)]
    ws.dynamic_partitions("keys").add(keys)
    point = random.Random(f"{SEED} {victim}").randrange(n // 20, n // 5)
    backfill = ws.backfills[kill(project, victim, point)]
    assert backfill.counts()["succeeded"] < n
    backfill = (backfill.resume() if victim == "coordinator" else backfill.retry_failed()).wait(progress=False)
    steps = backfill.steps()
    assert set(steps[steps["status"] != "succeeded"]["partition_key"]) == set(UNRECORDABLE)
    for key in UNRECORDABLE:
        assert str(ws.runs("echo", key)["error"].iloc[0]).startswith("RecordingError: ")
    (project / "mended").touch()
    assert backfill.retry_failed().wait(progress=False).status == "succeeded"
    assert read_data(ws) == {key: key for key in keys}
    ws.prune(keep=1000, stray_after_s=0)
    assert find_stray(ws) == []
    assert ws.check_data().empty
    assert [line for line in find_broken_records(ws) if not line.startswith(OF_A_FAILED_BACKFILL)] == []


def kill(project: Path, victim: str, point: int) -> str:
    """Begin the run of all keys in a process of its own, and kill one when `point` keys have data; its id."""
    with subprocess.Popen([sys.executable, "-c", BACKFILL], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        backfill_id = process.stdout.readline().strip()
        data = project / "workspace" / "data" / "echo"
        wait_for(lambda: data.is_dir() and len(os.listdir(data)) >= point, 900, f"{point} keys have data")
        kernels = find_marked(project, running=True)
        assert kernels
        psutil.Process(process.pid if victim == "coordinator" else min(kernels)).kill()
        process.wait(300)
    wait_for(lambda: not find_marked(project, running=True), 60, "all that belonged to it is gone")
    return backfill_id


def read_data(ws: nbpart.Workspace) -> dict[str, str]:
    """What each key's newest data file holds."""
    sql = """SELECT k.key, d.path FROM partition_facts AS f JOIN keys AS k USING (key_id)
        JOIN data_files AS d USING (materialization_id)"""
    rows = ws.project.catalog.read(lambda batch: batch.rows(sql))
    assert len(rows) == len({path for _, path in rows})
    return {key: json.loads((ws.root / path).read_bytes())["key"] for key, path in rows}
