"""A sweep and a study are killed many times: one line later there are exactly as many results, each counted once.

NBPART_CRASH_SCALE says how many trials: of 10 there are 2,000.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import nbpart
from nbpart.run.kernels.zygotes import is_supported
from tests.crash.conftest import SCALE, SEED
from tests.crash.invariants import find_broken
from tests.processes import find_marked, wait_for
from tests.projects import import_written

SWEPT, ASKED = 140 * SCALE, 60 * SCALE
KILLS = 20
FLOW = """
import random
import time

import nbpart

trials = nbpart.DynamicPartitions("trials", params={"x": nbpart.uniform(-5, 10), "y": nbpart.uniform(0, 15)})
points = nbpart.DynamicPartitions("points", params={"x": nbpart.uniform(-5, 10), "y": nbpart.uniform(0, 15)})


def measure(run, x, y):
    for step in range(3):
        run.log(loss=(x - 3) ** 2 + (y - 2) ** 2 + 3 - step, step=step)
        time.sleep(random.uniform(0, 0.02))
    return {"x": x, "y": y}


@nbpart.asset(partitions=trials, metrics={"loss": "min"})
def swept(run, x: float, y: float) -> dict:
    return measure(run, x, y)


@nbpart.asset(partitions=points, metrics={"loss": "min"})
def asked(run, x: float, y: float) -> dict:
    return measure(run, x, y)
"""
RUNS = f"""
import sys
import nbpart, flow
ws = nbpart.open("workspace", purpose="a sweep")
ws.register(flow.swept, flow.asked)
for name in sys.argv[1:]:
    if name == "swept" and not len(ws.backfills):
        ws.partitions("trials").add_sample({SWEPT}, sampler_seed=0)
        ws.backfill("swept", max_workers=3, retries=20, backoff_s=0.01)
    elif name == "asked" and len(ws.backfills) < 2:
        ws.study("asked", objective="loss").optimize({ASKED}, max_workers=3, retries=20, backoff_s=0.01)
    else:
        ws.backfills[list(ws.backfills)[name == "asked"]].resume()
print("begun", flush=True)
for backfill in ws.backfills.values():
    backfill.wait(progress=False)
"""

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.timeout(900 * SCALE),
    pytest.mark.skipif(not is_supported(), reason="kernels are forked on Linux only"),
]


def test_kills_leave_each_trial_with_one_result(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = import_written(project, "flow", FLOW, monkeypatch)
    chance = random.Random(SEED)
    for name, trials in (("swept", SWEPT), ("asked", ASKED)):
        kills = KILLS * trials // (SWEPT + ASKED)
        done_at = sorted(chance.sample(range(1, trials * 9 // 10), kills))
        for n, done in enumerate(done_at):
            strike(project, name, done, chance, kernels_only=n % 3 == 2)
            assert count_made(project, name) < trials, "killed before its end"
    with nbpart.open("workspace") as ws:
        ws.register(flow.swept, flow.asked)
        for backfill in ws.backfills.values():
            backfill.resume().wait(600, progress=False)
        assert [one.counts()["succeeded"] for one in ws.backfills.values()] == [SWEPT, ASKED]
        assert [one.status for one in ws.backfills.values()] == ["succeeded", "succeeded"]
        for name, trials in (("swept", SWEPT), ("asked", ASKED)):
            table = ws.partition_status(name)
            assert table["status"].tolist() == ["materialized"] * trials
            assert check_losses(table)
        trials = ws.study("asked", objective="loss").optuna.trials
        assert [trial.state.name for trial in trials] == ["COMPLETE"] * ASKED
        assert len({trial.user_attrs["partition_key"] for trial in trials}) == ASKED
        assert find_broken(ws, tmp_path / "scratch") == []


def strike(project: Path, name: str, done: int, chance: random.Random, *, kernels_only: bool) -> None:
    """Run until so many trials are made, then kill who coordinates; kernels too, and some of them alone before."""
    command = [sys.executable, "-c", RUNS, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        wait_for(lambda: count_made(project, name) >= done or process.poll() is not None, 300, f"{done} are made")
        time.sleep(chance.uniform(0, 0.1))
        if kernels_only:
            for pid in find_marked(project, running=True)[: chance.randint(1, 3)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).kill()
            time.sleep(chance.uniform(0, 0.3))
        process.kill()
    wait_for(lambda: not find_marked(project), 60, "nothing of it is left")


def count_made(project: Path, name: str) -> int:
    """How many trials have saved their data: counted without the catalog, so that nobody is held up."""
    files = Path(project, "workspace", "data", name).rglob("*.json")
    return len({path.parent.name for path in files})


def check_losses(table: Any) -> bool:
    """Whether each trial has the metric that its own parameters come to."""
    expected = (table["x"] - 3) ** 2 + (table["y"] - 2) ** 2 + 1
    return bool(((table["loss"] - expected).abs() < 1e-9).all())
