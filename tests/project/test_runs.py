"""Real runs: what a function or notebook gets, and what is saved of it."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from tests.recording import write_notebook

pytestmark = pytest.mark.kernel

FLOW = """
import os

import nbpart
import beside

inert = nbpart.open("nowhere")
files = nbpart.DynamicPartitions("files")
inbox = nbpart.source("inbox", "../inbox/{partition_key}", partitions=files)


@inert.asset(partitions=files)
def never(partition_key):
    return {}


@nbpart.asset(partitions=files)
def sizes(inbox, partition_key):
    if partition_key == "bad.txt":
        raise KeyError("it is bad")
    return {"path": inbox, "size": beside.count(inbox), "folder": os.getcwd()}


@nbpart.asset(partitions=files)
def letters(inbox, run, times: int = 1):
    import pandas as pd

    run.log(length=len(open(inbox).read()))
    return pd.DataFrame({"letter": list(open(inbox).read()) * times})


@nbpart.asset(on_missing_input="skip")
def lenient(sizes, letters, run):
    kinds = sorted(letters["partition_key"].unique())
    return {"sizes": sorted(sizes), "letters": kinds, "columns": list(letters.columns)}


@nbpart.asset
def strict(sizes):
    return {}


@nbpart.asset
def counted(letters, run):
    ((n,),) = run.relation("letters").aggregate("count(*)").fetchall()
    return {"rows": n, "kinds": sorted(set(letters.letter))}
"""
TYPED = {
    "whole": 3,
    "real": 0.5,
    "text": "a,b=c%/é",
    "flag": True,
    "day": datetime.date(2024, 2, 29),
    "moment": datetime.datetime(2024, 2, 29, 12, 30),
    "nothing": None,
}
TELL = "import nbpart\nrun = nbpart.current_run()\nrun.save({n: type(v).__name__ for n, v in run.params.items()})"
GLOBALS = "assert {n: globals()[n] for n in run.params} == run.params"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "inbox").mkdir()
    (folder / "flows").mkdir()
    for name in ("a.txt", "bad.txt", "c.txt"):
        (folder / "inbox" / name).write_text(name[0] * 4)
    (folder / "flows" / "flow_of_runs.py").write_text(FLOW)
    (folder / "flows" / "beside.py").write_text("def count(path):\n    return len(open(path).read())\n")
    return folder


@pytest.fixture(scope="module")
def ws(folder: Path) -> Iterator[nbpart.Workspace]:
    """A workspace in which all of it was run."""
    with pytest.MonkeyPatch.context() as patch, nbpart.open(folder / "workspace") as workspace:
        patch.chdir(folder / "flows")
        patch.syspath_prepend(str(folder / "flows"))
        flow = importlib.import_module("flow_of_runs")
        flow.inert.close()
        shutil.rmtree("nowhere")  # made by the import here, where it is no run
        workspace.register(flow.files, flow.inbox, flow.sizes, flow.letters, flow.lenient, flow.strict, flow.counted)
        workspace.dynamic_partitions("files").add(sorted(os.listdir(folder / "inbox")))
        declare_notebooks(workspace, folder)
        workspace.backfill("*", max_workers=2, settings={"times": 2}).wait(progress=False)
        yield workspace
        sys.modules.pop("flow_of_runs", None)


def declare_notebooks(ws: nbpart.Workspace, folder: Path) -> None:
    kinds = {n: type(v) for n, v in TYPED.items() if v is not None} | {"nothing": int | None}
    typed = ws.dynamic_partitions("typed", params=kinds)
    typed.add(TYPED)
    ws.notebook(write_notebook(folder / "typed.ipynb", TELL, GLOBALS), partitions=typed)
    here = "import beside, os, nbpart\nrun = nbpart.current_run()\nrun.log(folder=os.getcwd())"
    ws.notebook(write_notebook(folder / "flows" / "silent.ipynb", here))
    path = "path = run.output_path('model.bin')\npath.write_bytes(b'abc')\nrun.save(path)\nrun.save('why', name='note')"
    ws.notebook(write_notebook(folder / "several.ipynb", "import nbpart\nrun = nbpart.current_run()", path))


def test_a_function_gets_its_source_and_runs_in_its_folder(ws: nbpart.Workspace, folder: Path) -> None:
    assert ws.load("sizes", "a.txt") == {
        "path": str(folder / "inbox" / "a.txt"),
        "size": 4,
        "folder": str(folder / "flows"),
    }


def test_parameters_keep_their_types_in_functions_and_as_variables_of_a_notebook(ws: nbpart.Workspace) -> None:
    expected = {name: type(value).__name__ for name, value in TYPED.items()}
    assert ws.load("typed", TYPED) == expected
    row = ws.partition_status("typed").iloc[0]
    assert row["status"] == "materialized", ws.runs("typed")["error"].iloc[0]
    assert [row[f"{name}"] for name in ("whole", "text", "flag")] == [3, TYPED["text"], True]


def test_settings_are_overridden_and_metrics_recorded(ws: nbpart.Workspace) -> None:
    assert len(ws.load("letters", "a.txt")) == 8
    assert ws.partition_status("letters")["length"].tolist() == [4, 4, 4]
    run = ws.get_run(ws.runs("letters")["run_id"].iloc[0])
    assert (run.params, run.settings) == ({}, {"times": 2})


def test_many_inputs_are_a_dict_or_one_frame_and_skipped_ones_are_listed(ws: nbpart.Workspace) -> None:
    assert ws.load("lenient") == {
        "sizes": ["a.txt", "c.txt"],
        "letters": ["a.txt", "bad.txt", "c.txt"],
        "columns": ["partition_key", "letter"],
    }
    assert ws.get_run(ws.runs("lenient")["run_id"].iloc[0]).missing == {"sizes": ["bad.txt"]}
    assert ws.load("counted") == {"rows": 24, "kinds": ["a", "b", "c"]}


def test_a_blocked_step_names_its_cause_and_is_in_the_next_plan(ws: nbpart.Workspace) -> None:
    steps = ws.backfills[next(iter(ws.backfills))].steps().set_index("asset")
    assert steps.loc["strict", "status"] == "blocked"
    assert steps.loc["strict", "cause"] == "sizes/bad.txt failed: KeyError: 'it is bad'"
    plan = ws.plan("sizes+").frame
    assert plan.loc[0, ["asset", "partition_key"]].tolist() == ["sizes", "bad.txt"]
    assert "strict" in set(plan["asset"])
    assert not {"a.txt", "c.txt"} & set(plan["partition_key"])


def test_a_notebook_that_saves_nothing_is_its_own_data(ws: nbpart.Workspace, folder: Path) -> None:
    loaded = ws.load("silent")
    assert isinstance(loaded, Path)
    assert loaded == ws.get_run(ws.runs("silent")["run_id"].iloc[0]).notebook
    assert ws.partition_status("silent")["folder"].tolist() == [str(folder / "flows")]
    assert ws.sql("from silent").columns == ["folder"]


def test_several_files_of_a_run(ws: nbpart.Workspace) -> None:
    assert ws.load("several").read_bytes() == b"abc"
    assert ws.load("several", file="note") == "why"


def test_modules_that_are_imported_in_a_run_touch_no_catalog(ws: nbpart.Workspace, folder: Path) -> None:
    assert "never" not in ws.assets
    assert not (folder / "flows" / "nowhere").exists()


def flaky() -> str:
    tries = Path("tries")
    tries.write_text((tries.read_text() if tries.exists() else "") + "x")
    if len(tries.read_text()) < 3:
        raise OSError("not yet")
    return tries.read_text()


def test_a_retry_is_another_attempt_of_the_same_run(ws: nbpart.Workspace) -> None:
    ws.asset(flaky)
    backfill = ws.plan("flaky").run(retries=2, backoff_s=0.01).wait(progress=False)
    assert backfill.counts()["succeeded"] == 1
    (run_id,) = ws.runs("flaky")["run_id"]
    run = ws.get_run(run_id)
    assert (run.attempt, run.status) == (3, "succeeded")
    assert len(list((ws.root / "runs" / "flaky").rglob("*.ipynb"))) == 3, "every attempt keeps its notebook"


def test_a_running_backfill_blocks_nothing_else(ws: nbpart.Workspace, folder: Path) -> None:
    """A second kernel, the command line and this process look, add, register and run, while steps wait here."""

    @ws.asset(name="waiting", partitions=["one", "two"])
    def waiting(partition_key: str) -> str:
        import time
        from pathlib import Path

        Path(f"began {partition_key}").touch()
        while not Path("go on").exists():
            time.sleep(0.02)
        return "old code"

    backfill = ws.backfill("waiting", max_workers=1)
    wait_for(lambda: list(Path.cwd().glob("began *")))

    @ws.asset(name="waiting", partitions=["one", "two"])  # replaced while it runs
    def waiting_again(partition_key: str) -> str:
        return "new code"

    second = """
        import nbpart
        with nbpart.open("../workspace") as ws:
            print(ws.status().loc["waiting", "running"], ws.backfills[ws.runs("waiting").backfill_id[0]].status)
            ws.dynamic_partitions("more").add("k")
            print(ws.materialize("several").status)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(second)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.split() == ["1", "running", "succeeded"], done.stderr
    shown = subprocess.run(
        [sys.executable, "-m", "nbpart.cli", "status", "--json", "-w", str(ws.root)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    (row,) = [row for row in json.loads(shown.stdout) if row["asset"] == "waiting"]
    assert row["running"] == 1
    assert list(ws.dynamic_partitions("more")) == ["k"]
    Path("go on").touch()
    assert backfill.wait(progress=False).counts()["succeeded"] == 2
    assert {ws.load("waiting", key) for key in ("one", "two")} == {"old code"}
    assert set(ws.plan("waiting").frame["reason"]) == {"code changed"}


def test_a_frame_is_loaded_as_it_was_saved(ws: nbpart.Workspace) -> None:
    frame = ws.load("letters", "c.txt")
    assert isinstance(frame, pd.DataFrame)
    assert frame["letter"].tolist() == ["c"] * 8
    assert ws.table("letters").df()["partition_key"].value_counts().to_dict() == {"a.txt": 8, "bad.txt": 8, "c.txt": 8}


def wait_for(condition: Any, most_s: float = 60) -> None:
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
