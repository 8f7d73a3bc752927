"""The workspace that a module gets from `nbpart.open` when a run imports it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError
from nbpart.run.modules import SPEC_VARIABLE


@pytest.fixture
def ws(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SPEC_VARIABLE, "a run")
    return nbpart.open("workspace")


def test_declaring_inside_a_run_touches_nothing(ws: Any, project: Path) -> None:
    files = ws.dynamic_partitions("files", columns={"batch": str})
    assert files.add("a") == files.add_grid(lr=[1]) == files.add_rows([], key="k") == files.remove("a") == []
    files.replace(["a"], at_most=1)
    files.rename("a", "b")
    assert (list(files), len(files), "a" in files, files.page()) == ([], 0, False, [])
    assert files.build_add_request("a").keys == ("a",)
    chunks = ws.dynamic_partitions("chunks", {"n": int}, under={"file": files})
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-01-01"))
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "file": files}, name="grid"))
    assert (list(chunks.params), days.params, grid.name, ws.partitions("files").name) == (["n"], {}, "grid", "files")
    with pytest.raises(DeclarationError, match="'days' makes its keys itself"):
        days.build_add_request("2026-01-01")
    inbox = ws.source("inbox", "inbox/{partition_key}", partitions=files)

    @ws.asset(partitions=files)
    def size(inbox: str) -> dict[str, int]:
        return {"n": len(inbox)}

    @ws.asset
    def plain() -> str:
        return "plain"

    @ws.sensor(every="1m")
    def find_files(context: Any) -> list[str]:
        return ["a"]

    assert size("abc") == {"n": 3}
    assert plain() == "plain"
    assert find_files(None) == ["a"]
    assert size.partitions == files.definition
    # a run may have another working directory than the process that registered
    limits = ws.value("limits", {"a": 1})
    train = ws.notebook("notebooks/not/here.ipynb")
    ws.register(size, inbox, limits, train)
    with ws as same:
        assert same is ws
    assert not (project / "workspace").exists()


def test_other_methods_are_refused_inside_a_run(ws: Any) -> None:
    for name in ("backfill", "plan", "load", "status"):
        with pytest.raises(DeclarationError, match=rf"inside a run .* so ws\.{name} is not there"):
            getattr(ws, name)("x")
