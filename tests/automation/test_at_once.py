"""A trigger, a person and a terminal want the same key at once: it is added once, run once, and no error comes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nbpart
from tests.backfill.pools import Stage

ROUNDS = 4


def raw(partition_key: str) -> str:
    return ""


@pytest.mark.timeout(240)
def test_a_key_that_several_want_at_once_is_one_key_and_one_run(ws: nbpart.Workspace, project: Path) -> None:
    stage = Stage()
    files = ws.dynamic_partitions("files")
    ws.asset(raw, partitions=files)

    @ws.sensor(partitions=files)
    def finder(context: Any) -> list[str]:
        return []

    def look(key: str) -> None:
        with nbpart.open("workspace") as other:
            other.project.make_pool = stage.make_pool
            other._sensors["finder"] = nbpart.sensor(lambda context: [key], name="finder", partitions=files.definition)
            other.tick("finder", here=True, progress=False)

    def ask(key: str) -> None:
        with nbpart.open("workspace") as other:
            other.project.make_pool = stage.make_pool
            other.partitions("files").add(key)
            other.backfill("raw", keys=key).wait(progress=False)

    def type_in(key: str) -> None:
        command = [sys.executable, "-m", "nbpart.cli", "-w", "workspace", "partitions", "--set", "files", "--add", key]
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=project)

    keys = [f"k{n}" for n in range(ROUNDS)]
    with ThreadPoolExecutor(3) as threads:
        for key in keys:
            for one in [threads.submit(work, key) for work in (look, ask, type_in)]:
                one.result()
    assert list(files) == keys
    assert sorted(spec.partition_key or "" for spec in stage.started) == keys
    assert set(ws.partition_status("raw").status) == {"materialized"}
    assert ws.ticks("finder").error.isna().all()
