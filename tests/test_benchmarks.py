"""The benchmarks run, on little; how long anything takes is no test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ROUNDS_VARIABLE
from benchmarks.__main__ import list_benchmarks

ROOT = Path(__file__).parents[1]
SIZES = {
    "automation": 50,
    "backfill": "1,2",
    "catalog": 10_000,
    "condition_pairs": 300,
    "coordinator": 60,
    "imports": 1,
    "partitions": 1_000,
    "plan": 1_000,
    "selecting": 1_000,
    "staleness": 2_000,
    "studies": "6,2",
    "sweeps": 6,
    "table": 20,
    "trials": 50,
    "watching": 4,
    "workspace": 200,
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    environment = {**os.environ, ROUNDS_VARIABLE: "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=580)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SIZES)
def test_every_line_is_json_with_the_cores(name: str) -> None:
    done = run(f"{name}={SIZES[name]}")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines
    assert all(line["module"] == name and line["cores"] >= 1 for line in lines)


def test_these_are_found_without_a_list() -> None:
    assert set(SIZES) <= set(list_benchmarks())


def test_a_name_that_is_none_is_refused_before_anything_runs() -> None:
    done = run("imports=1", "colour")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no benchmark colour; there are automation, backfill, catalog, " in done.stderr
