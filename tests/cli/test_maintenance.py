from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Ask

pytestmark = pytest.mark.kernel


def test_prune_says_what_it_would_do_and_does_it(project: Path, ask: Ask) -> None:
    for _ in range(2):
        ask("backfill", "sizes", "-k", "a.csv", "-s", "all")
    assert re.search(r"3 files \([\d.]+ \w+\) to delete\n$", ask("prune", "--keep", "1", "--dry-run").stdout)
    assert re.fullmatch(r"3 files \([\d.]+ \w+\) deleted\n", ask("prune", "--keep", "1").stdout)
    assert ask("prune", "--keep", "1").stdout == "no file to delete\n"
    assert json.loads(ask("prune", "--json").stdout) == []


def test_a_kernelspec_is_installed_and_removed(project: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(project / "jupyter"))
    printed = ask("kernelspec", "install", "--name", "warm", "--preload", "json").stdout
    assert "kernel warm is installed in" in printed
    spec = json.loads(Path(printed.strip().rpartition(" in ")[2], "kernel.json").read_text())
    assert spec["display_name"] == "Python (nbpart, pre-warmed)"
    assert os.path.exists(spec["argv"][0])
    assert ask("kernelspec", "remove", "--name", "warm").stdout == "kernel warm is removed\n"
    assert "There is no kernel" in ask("kernelspec", "remove", "--name", "warm").stderr
