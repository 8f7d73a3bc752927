"""What users of other tools met with what is out of date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import nbpart
from tests.recording import record


def clean(inbox: Any, lookup: Any) -> str:
    return "clean"


def total(clean: Any) -> str:
    return "total"


def test_looking_makes_nothing_stale_and_writes_no_file(ws: nbpart.Workspace, project: Path) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a.csv", "b.csv")
    for key in files:
        (project / "inbox" / key).write_text("x")
    ws.source("inbox", "inbox/{partition_key}", partitions=files)
    ws.value("lookup", pd.DataFrame({"a": [1, 2]}))
    ws.register(nbpart.asset(clean, partitions=files), nbpart.asset(total))  # type: ignore[call-overload]
    for key in files:
        record(ws, "clean", key, key)
    record(ws, "total", None, "total")
    assert len(ws.plan("*")) == 0

    def seen() -> dict[str, int]:
        places = [*(ws.root / "data").rglob("*"), *(project / "inbox").iterdir()]
        return {str(path): path.stat().st_mtime_ns for path in places if path.is_file()}

    before, sequence = seen(), ws.project.catalog.sequence()
    assert len(ws.plan("*")) == 0
    ws.status()
    ws.why("total")
    ws.partition_status("clean")
    ws.heatmap()
    nbpart.open(ws.root).close()
    ws.value("lookup", pd.DataFrame({"a": [1, 2]}))
    assert seen() == before
    assert ws.project.catalog.sequence() == sequence, "nothing was recorded"
    assert len(ws.plan("*")) == 0
