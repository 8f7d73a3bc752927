from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest

from nbpart.cli.summary import MAX_FAILURES_PRINTED, BackfillSummary, find_failures, print_how_to_resume, print_summary
from nbpart.states import StepStatus


@pytest.fixture
def context() -> Iterator[click.Context]:
    with click.Context(click.Command("backfill")) as context:
        yield context


def summary(**counts: int) -> BackfillSummary:
    every = {str(status): counts.get(str(status), 0) for status in StepStatus}
    return BackfillSummary("20131231-235959-0042", "failed", every, [], was_stopped=False)


@pytest.mark.parametrize("status", [s for s in StepStatus if s is not StepStatus.SUCCEEDED])
def test_only_success_is_0(status: StepStatus) -> None:
    assert summary(succeeded=3).exit_code == 0
    assert summary(succeeded=3, **{status: 1}).exit_code == 1


def test_failures_are_told_with_their_notebook_and_no_more_than_can_be_read(
    capsys: pytest.CaptureFixture[str], context: click.Context
) -> None:
    n = MAX_FAILURES_PRINTED + 5
    steps = pd.DataFrame(
        {
            "asset": "cleaned",
            "partition_key": [f"k{i}\u202e" for i in range(n)] + ["left", "done"],
            "status": ["failed"] * n + ["blocked", "succeeded"],
            "run_id": [f"run-{i}" for i in range(n)] + [None, "run-x"],
            "cause": ["ValueError: \x1b[2Jbroken"] * n + ["cleaned/k0 failed", None],
        }
    )

    class FakeWorkspace:
        def get_run(self, run_id: str) -> Any:
            return type("Run", (), {"notebook": Path(f"runs/{run_id}.ipynb")})

    backfill: Any = type("Backfill", (), {"steps": lambda self: steps})()
    counts = summary(failed=n, blocked=1, succeeded=1).counts
    workspace: Any = FakeWorkspace()
    every = find_failures(workspace, backfill, counts, None)
    assert [step["partition_key"] for step in every] == list(steps["partition_key"])[:-1]
    assert every[0]["notebook"] == Path("runs/run-0.ipynb")
    assert every[-1]["notebook"] is None

    some = find_failures(workspace, backfill, counts, MAX_FAILURES_PRINTED)
    print_summary(BackfillSummary("20131231-235959-0042", "failed", counts, some, was_stopped=False))
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert f"{n} failed" in told
    assert "cleaned/k0\\u202e" in told
    assert "ValueError: \\x1b[2Jbroken" in told
    assert "… and 5 more" in told
    assert "blocked cleaned/left: cleaned/k0 failed" in told
    assert find_failures(workspace, backfill, summary(succeeded=5).counts, None) == []


def test_what_did_not_run_can_be_resumed(capsys: pytest.CaptureFixture[str], context: click.Context) -> None:
    context.meta["nbpart.workspace"] = "my project/workspace"
    print_how_to_resume(summary(succeeded=1, failed=1, blocked=4))
    assert capsys.readouterr().err == ""
    print_how_to_resume(summary(succeeded=1, cancelled=2, planned=3))
    said = capsys.readouterr().err
    assert "5 steps did not run to an end" in said
    assert "nbpart resume 20131231-235959-0042 -w 'my project/workspace'" in said
