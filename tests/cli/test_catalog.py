"""`nbpart catalog check`: facts that the events contradict are found, shown and mended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import nbpart
from nbpart.catalog import Catalog
from nbpart.cli import main
from tests.cli.conftest import Ask

DAMAGE = {
    "outcome": "UPDATE partition_facts SET outcome = 2",
    "stale": "UPDATE partition_facts SET stale = 3",
    "data_hash": "UPDATE partition_facts SET data_hash = 5",
    "materialization_id": "DELETE FROM partition_facts",
    "active_run": "UPDATE partition_facts SET active = 2, active_run = 1",
    "rows": "INSERT INTO partition_facts SELECT * FROM partition_facts",
}


def damage(project: Path, sql: str) -> None:
    catalog = Catalog.open(project / "workspace" / "catalog.duckdb", create=False)
    catalog.write(lambda batch: batch.execute(sql))
    catalog.close()


@pytest.fixture
def made(project: Path, ask: Ask) -> Path:
    """A project in which one partition is materialized, and one failed."""
    ask("backfill", "sizes", code=1)
    return project


@pytest.mark.kernel
def test_what_is_damaged_is_found_and_mended(made: Path, ask: Ask) -> None:
    assert "The facts are what the events come to." in ask("catalog", "check").stderr
    before = ask("partitions", "sizes", "--json").stdout
    for fact, sql in DAMAGE.items():
        damage(made, sql)
        found = json.loads(ask("catalog", "check", "--json", code=1).stdout)
        assert found["repaired"] == 0
        assert fact in {finding["fact"] for finding in found["findings"]}, fact
        assert {finding["asset"] for finding in found["findings"]} == {"sizes"}
        shown = ask("catalog", "check", code=1)
        assert "a.csv" in shown.stdout
        assert "nbpart catalog check --repair" in shown.stderr
        mended = ask("catalog", "check", "--repair")
        assert "Mended the facts of " in mended.stdout
        assert json.loads(ask("catalog", "check", "--json").stdout) == {"findings": [], "repaired": 0}
        assert ask("partitions", "sizes", "--json").stdout == before


def test_a_workspace_that_is_not_there_is_named_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["catalog", "check", "-w", "absent"])
    assert result.exit_code == 1
    assert "there is no workspace at" in result.stderr
    assert not (tmp_path / "absent").exists()


def test_a_catalog_that_cannot_be_read_is_named_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nbpart.open("workspace").close()
    file = tmp_path / "workspace" / "catalog.duckdb"
    content = b"no database" * 1000
    file.write_bytes(content)
    for words in (["catalog", "check"], ["catalog", "check", "--repair"], ["status"]):
        result = CliRunner().invoke(main, words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ")
        assert f"{file} cannot be read as a catalog and is left as it is" in result.stderr
        assert result.stderr.count("\n") == 1
    assert file.read_bytes() == content
