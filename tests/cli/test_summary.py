from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest

from nbpart.cli.summary import MAX_FAILURES_PRINTED, BackfillSummary, find_failures, print_how_to_resume, print_summary
from nbpart.states import DONE, StepStatus


@pytest.fixture
def context() -> Iterator[click.Context]:
    with click.Context(click.Command("backfill")) as context:
        yield context


def summary(**counts: int) -> BackfillSummary:
    every = {str(status): counts.get(str(status), 0) for status in StepStatus}
    return BackfillSummary("20131231-235959-0042", "failed", every, [], was_stopped=False)


@pytest.mark.parametrize("status", [s for s in StepStatus if s not in DONE])
def test_the_exit_code_is_0_only_if_all_steps_are_done(status: StepStatus) -> None:
    assert summary(succeeded=3).exit_code == 0
    assert summary(succeeded=3, skipped=1).exit_code == 0
    assert summary(succeeded=3, **{status: 1}).exit_code == 1


def test_a_limited_number_of_failures_is_printed_with_their_notebooks(
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
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert f"{n} failed" in printed
    assert "cleaned/k0\\u202e" in printed
    assert "ValueError: \\x1b[2Jbroken" in printed
    assert "… and 5 more" in printed
    assert "blocked cleaned/left: cleaned/k0 failed" in printed
    assert find_failures(workspace, backfill, summary(succeeded=5).counts, None) == []


def test_the_resume_command_is_printed_for_steps_without_outcome(
    capsys: pytest.CaptureFixture[str], context: click.Context
) -> None:
    context.meta["nbpart.workspace"] = "my project/workspace"
    print_how_to_resume(summary(succeeded=1, failed=1, blocked=4))
    assert capsys.readouterr().err == ""
    print_how_to_resume(summary(succeeded=1, cancelled=2, planned=3))
    stderr = capsys.readouterr().err
    assert "5 steps did not run to an end" in stderr
    assert "nbpart resume 20131231-235959-0042 -w 'my project/workspace'" in stderr
