"""`nbpart catalog check`: facts that contradict the events are found, shown and repaired."""

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
def test_data_that_may_belong_to_another_partition_is_made_again(made: Path, ask: Ask) -> None:
    damage(made, "UPDATE runs SET run_id = (SELECT run_id FROM runs WHERE run_no = 1)")
    [finding] = json.loads(ask("catalog", "check", "--json", code=1).stdout)["findings"]
    assert (finding["asset"], finding["partition_key"], finding["fact"]) == ("sizes", "a.csv", "run_id")
    line = "nbpart backfill sizes -k a.csv -s all"
    assert finding["mend"] == line
    assert f"To mend them: {line}" in ask("catalog", "check", "--repair", code=1).stderr
    assert list((made / "workspace").glob("*.bak")) == []
    ask(*line.split()[1:])
    assert json.loads(ask("catalog", "check", "--json").stdout) == {"findings": [], "repaired": 0}


@pytest.mark.kernel
def test_damaged_facts_are_found_and_repaired(made: Path, ask: Ask) -> None:
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
        [copy] = (made / "workspace").glob("catalog.duckdb.*.bak")
        assert f"The catalog as it was is kept: {copy.relative_to(made)}" in mended.stderr
        copy.unlink()
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


@pytest.fixture
def saved(project: Path) -> Path:
    """A project in which two partitions have data."""
    with nbpart.open("workspace") as ws:
        ws.dynamic_partitions("files").add("it's.csv")
        for key in ("a.csv", "it's.csv"):
            nbpart.current_run("sizes", partition_key=key, record=True, workspace=ws.root).save({"size": len(key)})
    return project


def test_faults_of_data_files_are_listed_with_the_command_that_repairs_them(saved: Path, ask: Ask) -> None:
    assert "The data files are what was recorded." in ask("catalog", "check", "--data").stderr
    deleted, forged = (
        next(
            path
            for path in (saved / "workspace" / "data" / "sizes").rglob("*.json")
            if f'"size": {n}' in path.read_text()
        )
        for n in (5, 8)
    )
    deleted.unlink()
    forged.write_text(forged.read_text().replace("8", "9"))
    printed = ask("catalog", "check", "--data", code=1)
    assert "deleted" in printed.stdout
    assert "other content" in printed.stdout
    lines = printed.stderr.splitlines()
    assert lines[-3:] == [
        "To mend them:",
        "  nbpart backfill sizes -k a.csv",
        "  nbpart backfill sizes -k 'it'\"'\"'s.csv'",
    ]
    found = json.loads(ask("catalog", "check", "--data", "--sample", "50%", "--json", code=1).stdout)
    assert [(one["partition_key"], one["problem"], one["mend"]) for one in found["data"]] == [
        ("a.csv", "deleted", "nbpart backfill sizes -k a.csv"),
        ("it's.csv", "other content", "nbpart backfill sizes -k 'it'\"'\"'s.csv'"),
    ]
    assert "its data file was deleted" in ask("plan", "sizes").stdout
    assert json.loads(ask("catalog", "check", "--json").stdout) == {"findings": [], "repaired": 0}
    assert ask("catalog", "check", "--data", "report").exit_code == 0


def test_a_selection_and_a_sample_need_the_option_data(project: Path, ask: Ask) -> None:
    for words in (["sizes"], ["--sample", "3"]):
        assert "add --data" in ask("catalog", "check", *words, code=2).stderr
    for sample in ("1.0", "-3", "many", "nan", "120%"):
        assert (
            "neither a number of files nor a fraction"
            in ask("catalog", "check", "--data", "--sample", sample, code=2).stderr
        )
