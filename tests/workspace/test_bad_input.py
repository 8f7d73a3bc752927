"""Bad notebooks, values and keys in real runs: each gives one clear error, and nothing else is affected."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

import nbpart
from nbpart import PartitionKeyError, RunFailedError
from tests.recording import write_notebook

pytestmark = pytest.mark.kernel

HOSTILE_KEYS = (
    "../../x",
    "a/b",
    "CON",
    "x'; drop table runs;--",
    "🦆 and 👩‍👩‍👧",
    "<script>alert('x')</script>",
    "%2e%2e%2f",
    "..",
    "a\\b:c*?",
    "long " + "é" * 490,
)
FAILURES = ("syntax", "endless", "kernelless", "unsupported", "dead", "left")


def echo(partition_key: str) -> dict[str, str]:
    return {"key": partition_key}


def unsupported() -> object:
    return object()


def dead(run: Any) -> None:
    run.save("half of it")
    os._exit(3)


def left() -> None:
    raise SystemExit(4)


def after(dead: str) -> str:
    return dead


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nbpart.Workspace]:
    """A workspace in which all of it was run in one backfill."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch, nbpart.open(folder / "deep" / "workspace") as workspace:
        patch.chdir(folder)
        declare(workspace, folder)
        workspace.backfill("*", max_workers=2).wait(progress=False)
        yield workspace


def declare(ws: nbpart.Workspace, folder: Path) -> None:
    keys = ws.dynamic_partitions("keys")
    keys.add(HOSTILE_KEYS[:2])
    ws.asset(echo, partitions=keys)
    bare = write_notebook(
        folder / "bare.ipynb",
        "import nbpart\nrun = nbpart.current_run()",
        "run.save([run.partition_key, partition_key])",
    )
    ws.notebook(bare, partitions=keys)
    ws.notebook(write_notebook(folder / "syntax.ipynb", "x = 1", "y = = 2"))
    ws.notebook(write_notebook(folder / "endless.ipynb", "while True: pass"), timeout_s=3)
    ws.notebook(write_notebook(folder / "kernelless.ipynb", "1"), kernel_name="fortran-2077")
    ws.asset(unsupported)
    ws.asset(dead)
    ws.asset(left)
    ws.asset(after)


def run_of(ws: nbpart.Workspace, asset: str) -> nbpart.Run:
    return ws.get_run(ws.runs(asset=asset)["run_id"].iloc[0])


@pytest.mark.parametrize(
    ("asset", "message"),
    [
        ("syntax", r"SyntaxError: invalid syntax"),
        ("endless", r"TimeoutError: the run took longer than 3 s; it was stopped in cell 1"),
        ("kernelless", r"there is no kernel 'fortran-2077' here; install it"),
        ("unsupported", r"unsupported: a value of type object cannot be saved; .* a frame .*, a dict or list"),
        ("dead", r"the kernel died in cell 5 with exit code 3"),
        ("left", r"SystemExit: cell 5 called sys\.exit\(4\)"),
    ],
)
def test_a_failing_notebook_makes_a_failed_run_with_the_reason(ws: nbpart.Workspace, asset: str, message: str) -> None:
    run = run_of(ws, asset)
    assert run.status == "failed"
    assert run.error
    assert re.search(message, run.error), run.error
    assert "\n" not in run.error.strip()
    assert ws.status().loc[asset, "failed"] == 1
    assert run.notebook is not None
    assert run.notebook.is_file()


def test_a_failed_run_does_not_affect_others(ws: nbpart.Workspace) -> None:
    steps = ws.backfills[next(iter(ws.backfills))].steps().set_index("asset")
    assert set(steps[steps["status"] == "failed"].index) == set(FAILURES)
    assert steps.loc["after", "status"] == "blocked"
    assert steps.loc["after", "cause"].startswith("dead failed")
    assert list(steps.loc["echo", "status"]) == ["succeeded", "succeeded"]


def test_a_dead_kernel_leaves_no_data_though_it_saved_some(ws: nbpart.Workspace) -> None:
    run = run_of(ws, "dead")
    assert run.exit_code == 3
    with pytest.raises(nbpart.MissingInputError, match="dead was not materialized yet"):
        ws.load("dead")
    notebook = nbformat.read(run.notebook, as_version=4)  # type: ignore[no-untyped-call]
    assert "completed" not in {cell.metadata.get("papermill", {}).get("status") for cell in notebook.cells[-2:]}


def test_materialize_raises_what_the_run_raised(ws: nbpart.Workspace) -> None:
    with pytest.raises(RunFailedError, match=r"^syntax failed: SyntaxError") as caught:
        ws.materialize("syntax")
    assert isinstance(caught.value, SyntaxError)


def test_a_notebook_without_a_parameters_cell_gets_its_values_first(ws: nbpart.Workspace) -> None:
    for key in HOSTILE_KEYS[:2]:
        assert ws.load("bare", key) == [key, key]
    notebook = nbformat.read(run_of(ws, "bare").notebook, as_version=4)  # type: ignore[no-untyped-call]
    assert notebook.cells[0].metadata.tags == ["injected-parameters"]


def test_runs_of_odd_keys_stay_inside_the_workspace(ws: nbpart.Workspace) -> None:
    before = outside(ws)
    ws.dynamic_partitions("keys").add(HOSTILE_KEYS)
    ws.backfill("echo", max_workers=2).wait(progress=False).raise_for_failures()
    assert outside(ws) == before
    for key in HOSTILE_KEYS:
        assert ws.load("echo", key) == {"key": key}
        run = ws.get_run(ws.runs("echo", key)["run_id"].iloc[0])
        for path in (run.notebook, run.log_path):
            assert path is not None
            assert path.resolve().is_relative_to(ws.root / "runs" / "echo")
            assert path.is_file()
    assert set(ws.table("echo").df()["partition_key"]) == set(HOSTILE_KEYS)
    counted = ws.sql("select value->>'key' as saved_key, partition_key from echo").df()
    assert (counted["saved_key"] == counted["partition_key"]).all()
    assert len(ws.runs("echo")) == len(HOSTILE_KEYS), "the table of runs is still there"
    assert "<script>" not in ws._repr_html_() + ws.plan("echo", status="all")._repr_html_()


def outside(ws: nbpart.Workspace) -> set[str]:
    """What lies beside the workspace, and above it."""
    project = ws.root.parent.parent
    return {str(p) for p in project.rglob("*") if not p.is_relative_to(ws.root)} | {
        str(p) for p in project.parent.iterdir()
    }


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "empty"),
        ("a\nb", r"U\+000A"),
        ("a\x00", r"U\+0000"),
        ("x\u2028y", r"U\+2028"),
        ("k" * 2000, r"2,000 characters"),
        (b"bytes", "text"),
        (7, "text"),
        (None, "text"),
    ],
)
def test_an_invalid_key_is_refused_before_anything_is_added(ws: nbpart.Workspace, key: Any, message: str) -> None:
    keys = ws.dynamic_partitions("refused")
    with pytest.raises(PartitionKeyError, match=message):
        keys.add("good", key)
    assert list(keys) == []
    assert key not in keys


def slow(partition_key: str) -> str:
    Path(f"started {partition_key}").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    return partition_key


def test_a_key_that_is_removed_while_it_runs_keeps_its_history(ws: nbpart.Workspace) -> None:
    keys = ws.dynamic_partitions("fleeting")
    keys.add("here", "gone")
    ws.asset(slow, partitions=keys)
    backfill = ws.backfill("slow", max_workers=2)
    wait_for(lambda: Path("started gone").exists() and Path("started here").exists())
    assert keys.remove("gone") == ["gone"]
    Path("go").touch()
    assert backfill.wait(progress=False).counts()["succeeded"] == 2
    assert list(ws.partition_status("slow")["partition_key"]) == ["here"]
    assert ws.status().loc["slow", "materialized"] == 1
    (run_id,) = ws.runs("slow", "gone")["run_id"]
    assert ws.load("slow", run=run_id) == "gone"
    keys.add("gone")
    assert set(ws.partition_status("slow")["status"]) == {"materialized"}
    assert ws.load("slow", "gone") == "gone"


def test_the_step_of_a_key_removed_before_it_ran_has_an_outcome(ws: nbpart.Workspace) -> None:
    """Its step was planned, so it has an outcome, and nothing of it stands in a list."""
    keys = ws.dynamic_partitions("short")
    keys.add("a", "b")
    ws.asset(echo, name="short_echo", partitions=keys)
    plan = ws.plan("short_echo")
    keys.remove("b")
    counts = plan.run(max_workers=1).wait(progress=False).counts()
    assert counts["planned"] == counts["queued"] == counts["running"] == 0
    assert list(ws.partition_status("short_echo")["partition_key"]) == ["a"]


def wait_for(condition: Any, most_s: float = 60) -> None:
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
