"""The command doctor: a line each, exit code 1 for a problem, everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ask


def test_it_says_a_line_each_and_exits_with_one_for_a_problem(
    project: Path, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ask("doctor").stdout.splitlines()
    assert said[-1].startswith(("all is well", "1 warning"))
    assert all(line.startswith(("ok ", "warning ")) for line in said[:-1])
    assert any("catalog.duckdb can be read" in line for line in said)
    found = json.loads(ask("doctor", "--json").stdout)
    assert found["is_well"] is True
    assert {"level", "topic", "text", "advice"} == set(found["findings"][0])
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "catalog.duckdb").write_text("no catalog")
    assert "1 problem" in ask("doctor", "-w", str(broken), code=1).stdout
    monkeypatch.chdir("/")
    assert "`nbpart init` makes one" in ask("doctor").stdout
