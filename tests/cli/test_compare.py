"""The command compare."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import nbpart
from nbpart.cli import main
from tests.recording import record
from tests.workspaces import project, ws

__all__ = ["project", "ws"]


@pytest.fixture
def model(ws: nbpart.Workspace) -> nbpart.Workspace:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "seed": int})
    trials.add_grid(lr=[0.1, 0.2, 0.3], seed=[0])

    @ws.asset(partitions=trials, metrics={"accuracy": "max"})
    def model(run: Any) -> dict[str, int]:
        return {}

    for lr, accuracy in [(0.1, 0.5), (0.2, 0.9)]:
        record(ws, "model", {"lr": lr, "seed": 0}, accuracy=accuracy, loss=1 - lr)
    return ws


def ask(ws: nbpart.Workspace, *arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["compare", *arguments, "-w", str(ws.root)])
    assert result.exit_code == code, result.output
    return result


def test_the_best_is_first(model: nbpart.Workspace) -> None:
    result = ask(model, "model")
    lines = result.stdout.splitlines()
    assert "stopped_early" not in lines[0], "nobody stopped one"
    assert [line.split()[1] for line in lines[1:]] == ["0.2", "0.1", "0.3"]
    assert "equal in all: seed=0" in result.stderr


def test_another_metric_orders(model: nbpart.Workspace) -> None:
    rows = json.loads(ask(model, "model", "--metric", "loss=max", "--json").stdout)
    assert [row["lr"] for row in rows] == [0.1, 0.2, 0.3]
    assert rows[0]["stopped_early"] is False


def test_what_cannot_be_asked_is_said(model: nbpart.Workspace) -> None:
    assert "no run of model logged 'los'" in ask(model, "model", "--metric", "los=min", code=2).stderr
    assert "says no direction; write loss=min or loss=max" in ask(model, "model", "--metric", "loss", code=2).stderr
    assert "'max' or its 'min'" in ask(model, "model", "--metric", "loss=down", code=2).stderr


def test_a_limit_says_what_it_leaves_out(model: nbpart.Workspace) -> None:
    result = ask(model, "model", "--limit", "1")
    assert len(result.stdout.splitlines()) == 2
    assert "2 more; --limit 3 shows all" in result.stderr
