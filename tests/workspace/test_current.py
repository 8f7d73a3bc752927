"""A notebook that a person runs cell by cell."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart import DeclarationError, MissingInputError, ParameterError, UnknownNameError, WorkspaceError
from nbpart.catalog import check


def raw(partition_key: str) -> dict[str, str]:
    return {}


def model(lr: float, depth: int, raw: Any) -> dict[str, float]:
    return {}


def report(raw: Any) -> str:
    return ""


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    files, trials = ws.dynamic_partitions("files"), ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    files.add("a", "b")
    trials.add(lr=0.1, depth=3)
    ws.asset(raw, partitions=files)
    ws.asset(model, partitions=trials, on_missing_input="skip")
    ws.asset(report)
    return ws


def cell(source: str, **variables: Any) -> dict[str, Any]:
    """The variables that a cell leaves, executed where others left theirs."""
    variables["nbpart"] = nbpart
    exec(source, variables)  # noqa: S102
    return variables


def test_a_manual_run_records_nothing_and_says_so(ws: nbpart.Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    run = nbpart.current_run("raw", partition_key="a")
    assert (run.asset, run.partition_key, run.params) == ("raw", "a", {})
    run.save({"n": 1})
    run.log(score=2)
    run.output_path("x.txt").write_text("x")
    printed = capfd.readouterr().err
    assert printed.count("records nothing") == 1
    assert str(ws.root / "data" / "_scratch") in printed
    assert ws.runs().empty
    assert ws.partition_status("raw").status.tolist() == ["missing", "missing"]
    assert list((ws.root / "data" / "_scratch").rglob("*.json"))


def test_parameters_come_from_the_cell_or_the_call(ws: nbpart.Workspace) -> None:
    from_cell = cell("run = nbpart.current_run('model')", lr=0.1, depth=3)["run"]
    assert from_cell.params == {"lr": 0.1, "depth": 3}
    assert from_cell.partition_key == "depth=3,lr=0.1"
    from_both = cell("run = nbpart.current_run('model', lr=0.5)", lr=0.1, depth=3)["run"]
    assert from_both.params == {"lr": 0.5, "depth": 3}
    assert nbpart.current_run("model", partition_key={"lr": 1, "depth": 2}).partition_key == "depth=2,lr=1.0"
    with pytest.raises(ParameterError, match="'depth' has no value"):
        cell("nbpart.current_run('model', lr=0.5)")
    assert cell("run = nbpart.current_run('raw')", partition_key="b")["run"].partition_key == "b"


def test_an_ambiguous_manual_run_is_refused(ws: nbpart.Workspace) -> None:
    with pytest.raises(DeclarationError, match="name it, as in"):
        nbpart.current_run()
    with pytest.raises(DeclarationError, match=r"'raw' is partitioned by 'files': by hand say which"):
        nbpart.current_run("raw")
    with pytest.raises(DeclarationError, match="not partitioned by parameters"):
        nbpart.current_run("raw", lr=1)
    with pytest.raises(DeclarationError, match="'report' has no partitions"):
        nbpart.current_run("report", partition_key="a")
    with pytest.raises(UnknownNameError, match="'modle'; did you mean 'model'"):
        nbpart.current_run("modle")
    with pytest.raises(UnknownNameError, match="'raw' has no partition 'c'"):
        nbpart.current_run("raw", partition_key="c", record=True)


def test_the_workspace_is_the_one_above(
    ws: nbpart.Workspace, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "notebooks").mkdir()
    monkeypatch.chdir(project / "notebooks")
    assert nbpart.current_run("report").asset == "report"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError, match="no workspace is at or above"):
        nbpart.current_run("report")
    assert nbpart.current_run("report", workspace=ws.root).asset == "report"
    with pytest.raises(WorkspaceError, match="there is no workspace at"):
        nbpart.current_run("report", workspace=tmp_path)


def test_recorded_saves_materialize_the_partition(ws: nbpart.Workspace) -> None:
    run = nbpart.current_run("raw", partition_key="a", record=True)
    run.save({"n": 1})
    assert ws.load("raw", "a") == {"n": 1}
    run.save({"n": 2})
    run.save(pd.DataFrame({"x": [1]}), name="extra")
    run.log(score=0.5)
    assert ws.load("raw", "a") == {"n": 2}
    assert ws.load("raw", "a", file="extra").x.tolist() == [1]
    with pytest.raises(UnknownNameError, match="raw/a has no file 'extr'; did you mean 'extra'"):
        ws.load("raw", "a", file="extr")
    assert [ws.load("raw", run=run_id) for run_id in ws.runs().run_id] == [{"n": 2}, {"n": 2}, {"n": 2}, {"n": 1}]
    assert ws.partition_status("raw").score.tolist()[0] == 0.5
    assert ws.partition_status("raw").status.tolist() == ["materialized", "missing"]


def test_inputs_follow_the_mapping(ws: nbpart.Workspace) -> None:
    nbpart.current_run("raw", partition_key="a", record=True).save({"n": 1})
    assert nbpart.current_run("report").load("raw") == {"a": {"n": 1}}
    assert nbpart.current_run("report").load("raw", key="a") == {"n": 1}
    assert nbpart.current_run("model", lr=1, depth=1).load("raw") == {"a": {"n": 1}}
    ws.asset(report, name="follows", partitions=ws.dynamic_partitions("files"))
    assert nbpart.current_run("follows", partition_key="a").load("raw") == {"n": 1}
    with pytest.raises(MissingInputError, match="reads raw/b, which has no data; materialize it first"):
        nbpart.current_run("follows", partition_key="b").load("raw")
    with pytest.raises(MissingInputError, match=r"raw/c, .* first\. By the way: 'follows' has no partition 'c'"):
        nbpart.current_run("follows", partition_key="c").load("raw")


def test_a_cell_that_is_run_repeatedly_leaves_no_catalog_open(ws: nbpart.Workspace) -> None:
    before = threading.active_count()
    for n in range(3):
        nbpart.current_run("raw", partition_key="a", record=True).save({"n": n})
        with pytest.raises(UnknownNameError):
            nbpart.current_run("nothing")
    assert threading.active_count() <= before


def test_every_recorded_save_has_a_run_id_and_files_of_its_own(ws: nbpart.Workspace) -> None:
    first = nbpart.current_run("raw", partition_key="a", record=True)
    second = nbpart.current_run("raw", partition_key="a", record=True)
    ids = (first.run_id, second.run_id)
    assert [run_id.rpartition("-")[2] for run_id in ids] == ["000001", "000002"]
    first.save({"n": 1})
    second.save({"n": 2})
    first.log(score=2**60 + 1)
    assert ws.load("raw", "a") == {"n": 1}
    assert ws.partition_status("raw").score.tolist()[0] == 2**60 + 1
    runs = ws.runs("raw").run_id.tolist()
    assert set(ids) < set(runs)
    assert len(set(runs)) == 3
    assert ws.project.catalog.read(check.check) == []


def test_two_manual_runs_have_separate_scratch_files(ws: nbpart.Workspace) -> None:
    runs = [nbpart.current_run("raw", partition_key="a") for _ in range(5)]
    for n, run in enumerate(runs):
        run.save({"n": n})
    files = sorted((ws.root / "data" / "_scratch").rglob("data.json"))
    assert sorted(json.loads(file.read_text())["n"] for file in files) == [0, 1, 2, 3, 4]
