"""Judging what is there, without a run of the asset; and what becomes of a run whose check ends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

import nbpart
from nbpart.errors import DeclarationError, UnknownNameError
from tests.backfill.pools import Stage
from tests.projects import import_written

KEYS = ["a.csv", "b.csv", "c.csv"]


@pytest.fixture
def stage(ws: nbpart.Workspace) -> Stage:
    """An asset of three partitions, two of them made, whose check says what the test wants."""
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    files = ws.dynamic_partitions("files")
    files.add(KEYS)

    def extract(partition_key: str) -> str:
        return partition_key

    def load(extract: str) -> str:
        return extract

    def no_gaps(extract: str) -> bool:
        return bool(extract)

    ws.asset(extract, partitions=files)
    ws.asset(load, partitions=files)
    ws.check("extract", blocking=True)(no_gaps)
    stage.judge = lambda spec, check: False
    ws.backfill("extract", keys=KEYS[:2]).wait(progress=False)
    stage.started.clear()
    return stage


def test_what_passes_later_is_unblocked_without_a_new_run(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.judge = lambda spec, check: spec.partition_key == "b.csv"
    results = ws.run_checks("extract")
    assert stage.names() == [("extract", "a.csv"), ("extract", "b.csv")]
    assert results.counts == {"passed": 1, "failed": 1}
    assert results.blocks
    assert [ref.label for ref in results.without_data] == ["extract/c.csv"]
    assert ws.partition_status("extract")["checks"].tolist() == ["failed", "passed", None]
    assert ws.check_outcomes("extract")["run_id"].tolist() == [None, None], "no run made it"
    backfill = ws.backfill("load", keys=KEYS[:2]).wait(progress=False)
    assert backfill.steps()["status"].tolist() == ["blocked", "succeeded"]
    assert len(ws.runs("extract")) == 2, "what only judges is no run"


def test_partitions_and_checks_are_chosen_as_in_a_plan(ws: nbpart.Workspace, stage: Stage) -> None:
    assert ws.run_checks("extract", keys="a.csv").frame["partition_key"].tolist() == ["a.csv"]
    stage.judge = lambda spec, check: True
    ws.run_checks("extract", keys="a.csv")
    assert ws.run_checks("*", where="checks = 'failed'").frame["partition_key"].tolist() == ["b.csv"]
    absent = ws.run_checks("extract", keys="c.csv")
    assert repr(absent) == "0 partitions judged; 1 has no data (first extract/c.csv)"
    with pytest.raises(UnknownNameError, match=r"extract has no partition 'd.csv'|has no partition"):
        ws.run_checks("extract", keys="d.csv")
    with pytest.raises(DeclarationError, match="'load' has no checks: declare one with @ws"):
        ws.run_checks("load")
    with pytest.raises(UnknownNameError, match="check 'no_gap'; did you mean 'no_gaps'"):
        ws.run_checks("extract", checks="no_gap")


def test_what_could_not_be_judged_keeps_its_outcome(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: RuntimeError("no kernel here")
    results = ws.run_checks("extract", keys="a.csv")
    assert results.notes == ("extract/a.csv could not be judged: no kernel here",)
    assert not len(results.frame)
    assert ws.partition_status("extract")["checks"].tolist() == ["failed", "failed", None]


@pytest.mark.kernel
def test_a_check_that_ends_the_kernel_or_its_time_fails_and_the_data_stay(ws: nbpart.Workspace) -> None:
    @ws.asset(partitions=["dies", "hangs", "stops"], timeout_s=3)
    def made(partition_key: str) -> dict[str, str]:
        return {"key": partition_key}

    @ws.check("made")
    def first(made: dict[str, str]) -> None:
        if made["key"] == "stops":
            raise SystemExit(1)

    @ws.check("made", blocking=True)
    def second(made: dict[str, str]) -> None:
        import os
        import time

        if made["key"] == "dies":
            os._exit(7)
        time.sleep(60 if made["key"] == "hangs" else 0)

    ws.backfill("made", retries=2).wait(progress=False).raise_for_failures()
    assert ws.partition_status("made")["status"].tolist() == ["materialized"] * 3
    found = ws.check_outcomes("made").set_index(["partition_key", "check"])
    assert found["outcome"].unstack().to_dict() == {
        "first": {"dies": "passed", "hangs": "passed", "stops": "failed"},
        "second": {"dies": "failed", "hangs": "failed", "stops": "passed"},
    }
    assert "the kernel died" in found.loc[("dies", "second"), "message"]
    assert "exit code 7" in found.loc[("dies", "second"), "message"]
    assert "longer than 3 s" in found.loc[("hangs", "second"), "message"]
    assert "SystemExit" in found.loc[("stops", "first"), "message"]
    assert [ws.load("made", key)["key"] for key in ("dies", "hangs")] == ["dies", "hangs"]
    assert len(ws.runs("made")) == 3, "a failed check is no reason for another attempt"
    run = ws.get_run(found.loc[("dies", "second"), "run_id"])
    assert "check second was not done" in (run.note or "")
    # the same alone
    results = ws.run_checks("made", keys="dies")
    assert results.frame.set_index("check")["outcome"].to_dict() == {"first": "passed", "second": "failed"}


@pytest.mark.kernel
def test_cells_that_are_tagged_are_checks_and_no_code(ws: nbpart.Workspace, project: Path) -> None:
    write(project, [("value = 3\nimport nbpart\nrun = nbpart.current_run('n')\nrun.save({'value': value})", []),
                    ("# is large\nassert value > 5", ["check", "blocking"]),
                    ("assert value", ["check", "warn"]),
                    ("run.log(done=1)", [])])  # fmt: skip
    ws.notebook("n.ipynb")
    version = ws.assets["n"].code_version
    ws.materialize("n")
    found = ws.check_outcomes("n").set_index("check")
    assert found["outcome"].to_dict() == {"is_large": "failed", "check_2": "passed"}
    assert "AssertionError" in found.loc["is_large", "message"]
    assert found["blocking"].to_dict() == {"is_large": True, "check_2": False}
    assert ws.partition_status("n")[["status", "checks", "done"]].values.tolist() == [["materialized", "failed", 1]]
    # other code of a check is no other code of the asset, and what is not tagged any more is none
    write(project, [("value = 3\nimport nbpart\nrun = nbpart.current_run('n')\nrun.save({'value': value})", []),
                    ("# is large\nassert value > 2", ["check", "blocking"]),
                    ("run.log(done=1)", [])])  # fmt: skip
    assert len(ws.plan("n")) == 0
    assert ws.assets["n"].code_version == version
    found = ws.check_outcomes("n")
    assert found[["check", "outcome", "is_outdated"]].values.tolist() == [["is_large", "failed", True]]
    assert "cells that are executed with their notebook alone" in repr(ws.run_checks("n"))
    ws.materialize("n")
    assert ws.partition_status("n")["checks"].tolist() == ["passed"]
    with pytest.raises(DeclarationError, match="'n' has a check 'is_large' already, in a cell"):
        ws.check("n")(is_large)
    with pytest.raises(DeclarationError, match="a cell of the notebook of 'n': take its tag away"):
        ws.remove_check("n", "is_large")


@pytest.mark.kernel
def test_each_partition_of_one_run_is_judged(ws: nbpart.Workspace) -> None:
    @ws.asset(partitions=KEYS)
    def counts(partition_key: str) -> dict[str, str]:
        if partition_key == "c.csv":
            raise ValueError("it has no lines")
        return {"key": partition_key}

    @ws.check("counts")
    def is_its_own(counts: dict[str, str], partition_key: str, run: Any) -> dict[str, Any]:
        same = counts["key"] == partition_key == run.partition_key
        return {"passed": same and partition_key != "b.csv", "key": partition_key}

    backfill = ws.backfill("counts", policy="single_run").wait(progress=False)
    assert sorted(backfill.steps()["status"]) == ["failed", "succeeded", "succeeded"]
    found = ws.check_outcomes("counts")
    assert found[["partition_key", "outcome"]].values.tolist() == [["a.csv", "passed"], ["b.csv", "failed"]]
    assert found["metadata"].tolist() == [{"key": "a.csv"}, {"key": "b.csv"}]


def is_large(n: dict[str, int]) -> bool:
    return n["value"] > 1


def write(folder: Path, cells: list[tuple[str, list[str]]]) -> None:
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    (folder / "n.ipynb").write_text(json.dumps(nbformat.v4.new_notebook(cells=made)))


FLOW = """
import nbpart

ws = nbpart.open("workspace")


@nbpart.asset
def sizes() -> dict:
    return {"n": 3}


@ws.check("sizes")
def is_three(sizes):
    return sizes["n"] == THREE


THREE = 3
"""


@pytest.mark.kernel
def test_a_check_of_a_module_runs_with_the_asset_and_alone(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = import_written(project, "flow", FLOW.replace('@ws.check("sizes")', '@nbpart.check("sizes")'), monkeypatch)
    rules = "import nbpart\n\n@nbpart.check('sizes')\ndef is_whole(sizes, limit=5):\n    return {'n': sizes['n']}\n"
    other = import_written(project, "rules", rules, monkeypatch)
    ws.register(flow.sizes, flow.is_three, other.is_whole)
    assert flow.is_three({"n": 3}), "it can be called as the function that it is"
    ws.materialize("sizes")
    assert ws.check_outcomes("sizes")[["check", "outcome"]].values.tolist() == [
        ["is_three", "passed"], ["is_whole", "passed"],
    ]  # fmt: skip
    (project / "flow.py").write_text(FLOW.replace("THREE = 3", "THREE = 4"))
    assert ws.run_checks("sizes").frame["outcome"].tolist() == ["failed", "passed"], "it is run as the file is now"
    assert ws.check_outcomes("sizes")["is_outdated"].tolist() == [False, False]
    assert len(ws.plan("sizes")) == 0


@pytest.mark.kernel
def test_a_check_that_ends_the_kernel_of_a_run_of_many_fails_where_it_did(ws: nbpart.Workspace) -> None:
    @ws.asset(partitions=KEYS)
    def counts(partition_key: str) -> dict[str, str]:
        return {"key": partition_key}

    @ws.check("counts")
    def lives(partition_key: str) -> None:
        import os

        if partition_key == "b.csv":
            os._exit(9)

    @ws.check("counts")
    def never(partition_key: str) -> None: ...

    ws.backfill("counts", policy="single_run").wait(progress=False).raise_for_failures()
    assert ws.partition_status("counts")["status"].tolist() == ["materialized"] * 3
    found = ws.check_outcomes("counts")
    assert found[["partition_key", "check", "outcome"]].values.tolist() == [
        ["a.csv", "lives", "passed"], ["b.csv", "lives", "failed"],
    ]  # fmt: skip
    assert ws.load("counts", "c.csv") == {"key": "c.csv"}
    assert ws.checks()["without_outcome"].tolist() == [1, 3]


@pytest.mark.kernel
def test_what_a_check_says_hides_the_secrets_of_the_run(ws: nbpart.Workspace) -> None:
    @ws.asset(secrets=["token"])
    def fetched(token: str = "") -> dict[str, str]:
        return {"header": f"Bearer {token}"}

    @ws.check("fetched")
    def says(fetched: dict[str, str]) -> dict[str, str]:
        return {"header": fetched["header"]}

    @ws.check("fetched")
    def raises(fetched: dict[str, str]) -> None:
        raise ValueError(fetched["header"])

    ws.backfill("fetched", secrets={"token": "tok-12345678"}).wait(progress=False).raise_for_failures()
    found = ws.check_outcomes("fetched").set_index("check")
    assert found.loc["says", "metadata"] == {"header": "Bearer •••"}
    assert found.loc["raises", "message"] == "ValueError: Bearer •••"
    assert "tok-12345678" not in found.loc["raises", "traceback"]
