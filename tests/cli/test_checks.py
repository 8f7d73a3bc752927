"""The commands check and checks, and what backfill and status say of checks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import nbpart
from nbpart.cli import main
from tests.backfill.pools import Stage
from tests.workspaces import project, ws

__all__ = ["project", "ws"]


@pytest.fixture
def stage(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An asset of two partitions with a blocking check and a warning; runs come to what the test says."""
    stage = Stage(judge=lambda spec, check: spec.partition_key != "a.csv")
    monkeypatch.setattr("nbpart.project.project.make_thread_pool", stage.make_pool)

    def extract(partition_key: str) -> str:
        return partition_key

    def no_gaps(extract: str) -> bool:
        return bool(extract)

    def is_long(extract: str) -> bool:
        return len(extract) > 9

    ws.asset(extract, partitions=["a.csv", "b.csv"])
    ws.check("extract", blocking=True)(no_gaps)
    ws.check("extract", severity="warn")(is_long)
    return stage


def ask(ws: nbpart.Workspace, *words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, [*words, "-w", str(ws.root)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_a_backfill_whose_blocking_check_failed_is_no_success(ws: nbpart.Workspace, stage: Stage) -> None:
    said = ask(ws, "backfill", "extract", code=1).stdout
    assert "2 succeeded" in said
    assert "check failed extract/a.csv: no_gaps: ValueError: bad" in said
    assert "check warned extract/a.csv: is_long: ValueError: bad" in said
    said = ask(ws, "status").stderr
    assert "1 partition of extract failed check no_gaps, which holds back what reads them" in said
    ws.remove_check("extract", "no_gaps")
    found = json.loads(ask(ws, "backfill", "extract", "-s", "all", "--json").stdout)
    assert [(one["check"], one["outcome"], one["blocks"]) for one in found["checks"]] == [("is_long", "warned", False)]


def test_what_is_there_is_judged_and_listed(ws: nbpart.Workspace, stage: Stage) -> None:
    ask(ws, "backfill", "extract", "-k", "a.csv", code=1)
    said = ask(ws, "check", "extract", "--check", "no_gaps", "-j", "1", code=1).stdout
    assert "1 partition judged: 1 failed (extract/a.csv: no_gaps: ValueError: bad); 1 has no data" in said
    stage.judge = lambda spec, check: check.name == "no_gaps"
    found = json.loads(ask(ws, "check", "extract", "-k", "a.csv", "--json").stdout)
    assert [(one["check"], one["outcome"]) for one in found["outcomes"]] == [
        ("no_gaps", "passed"),
        ("is_long", "warned"),
    ]
    listed = json.loads(ask(ws, "checks", "--json").stdout)
    assert [(one["check"], one["passed"], one["warned"]) for one in listed] == [("no_gaps", 1, 0), ("is_long", 0, 1)]
    assert "no_gaps" in ask(ws, "checks", "extract", "--where", "checks = 'warned'").stdout
    assert "No partition was judged yet." in ask(ws, "checks", "extract", "-k", "b.csv").stderr


def test_what_cannot_be_asked_is_said(ws: nbpart.Workspace, stage: Stage) -> None:
    assert "did you mean 'b.csv'" in ask(ws, "check", "extract", "-k", "c.csv", code=2).stderr
    assert "did you mean 'no_gaps'" in ask(ws, "check", "extract", "--check", "no_gap", code=2).stderr
    assert "name it" in ask(ws, "checks", "-k", "a.csv", code=2).stderr
