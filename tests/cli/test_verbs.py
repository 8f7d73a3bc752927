from __future__ import annotations

import json
from pathlib import Path

import pytest

import nbpart
from nbpart.cli import options
from tests.cli.conftest import Ask
from tests.recording import record


@pytest.fixture
def made(project: Path) -> None:
    with nbpart.open(project / "workspace") as ws:
        ws.partition_sets["files"].add("b.csv")
        for key in ("a.csv", "b.csv"):
            record(ws, "sizes", key, {"size": 1})


def test_a_verb_asks_with_the_number_and_is_recorded(made: None, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ask("wipe", "sizes", code=1).stderr
    assert "Wipe 2 partitions of sizes? 1 had no data. There is no terminal to ask on: say -y" in refused
    assert ask("wipe", "sizes", "-n").stdout == "would have wiped 2 partitions of sizes; 1 had no data\n"
    monkeypatch.setattr(options, "has_terminal", lambda: True)
    assert "Aborted" in ask("wipe", "sizes", code=1, stdin="n\n").stderr
    asked = ask("wipe", "sizes", "-k", "a.csv", "--reason", "a bad file", stdin="y\n")
    assert "Wipe 1 partition of sizes?" in asked.stderr
    assert asked.stdout == "wiped 1 partition of sizes\n"
    assert ask("accept", "sizes", "-y").stdout == (
        "accepted 1 partition of sizes; 1 already current; 1 without data to accept\n"
    )
    assert json.loads(ask("wipe", "sizes", "--data", "-y", "--json").stdout)["notes"][-1] == "2 files deleted"
    assert "has no data" in ask("accept", "report", "-k", "a.csv", code=1).stderr
    with nbpart.open("workspace") as ws:
        history = ws.history("sizes", "a.csv")
    assert list(history["event"]) == ["wiped", "accepted", "wiped", "succeeded"]
    assert list(history["reason"])[2] == "a bad file"
