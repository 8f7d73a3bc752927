from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest

from nbpart.cli.running import MOST_TOLD, Ending, Stopper, find_failures, tell_ending, tell_how_to_go_on
from nbpart.states import StepStatus


class FakeBackfill:
    """One that runs until it is cancelled, or has ended already."""

    id = "20131231-235959-0042"

    def __init__(self, ended: bool = False, error: Exception | None = None) -> None:
        self.cancelled = 0
        self._error = error
        self._ended = threading.Event()
        if ended:
            self._ended.set()

    def wait(self, *, progress: bool) -> None:
        assert self._ended.wait(60)
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        self.cancelled += 1
        self._ended.set()


def send(number: int) -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, number)


@pytest.fixture
def context() -> Iterator[click.Context]:
    with click.Context(click.Command("backfill")) as context:
        yield context


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_backfill_and_raises_nothing(number: int) -> None:
    backfill: Any = FakeBackfill()
    with Stopper() as stopper:
        stopper.arm()
        threading.Timer(0.05, send, [number]).start()
        stopper.follow(backfill)
        send(signal.SIGINT)  # pressed once more, while all is being closed
    assert backfill.cancelled == 1
    assert stopper.was_asked


def test_a_signal_that_comes_before_the_waiting_is_not_lost() -> None:
    backfill: Any = FakeBackfill()
    with Stopper() as stopper:
        stopper.arm()
        send(signal.SIGINT)
        stopper.follow(backfill)
    assert backfill.cancelled == 1


def test_before_anything_runs_it_is_an_interrupt() -> None:
    with Stopper(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_without_a_signal_nothing_is_cancelled_and_errors_come_through() -> None:
    backfill: Any = FakeBackfill(ended=True)
    with Stopper() as stopper:
        stopper.arm()
        stopper.follow(backfill)
    assert not backfill.cancelled
    assert not stopper.was_asked
    failing: Any = FakeBackfill(ended=True, error=RuntimeError("the disk is full"))
    with Stopper() as stopper, pytest.raises(RuntimeError, match="full"):
        stopper.follow(failing)


def test_handlers_are_put_back_and_what_was_ignored_stays_so() -> None:
    before = signal.getsignal(signal.SIGINT)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stopper():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGHUP, hangup)


def ending(**counts: int) -> Ending:
    every = {str(status): counts.get(str(status), 0) for status in StepStatus}
    return Ending("20131231-235959-0042", "failed", every, [], was_stopped=False)


@pytest.mark.parametrize("status", [s for s in StepStatus if s is not StepStatus.SUCCEEDED])
def test_only_success_is_0(status: StepStatus) -> None:
    assert ending(succeeded=3).exit_code == 0
    assert ending(succeeded=3, **{status: 1}).exit_code == 1


def test_failures_are_told_with_their_notebook_and_no_more_than_can_be_read(
    capsys: pytest.CaptureFixture[str], context: click.Context
) -> None:
    n = MOST_TOLD + 5
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
    counts = ending(failed=n, blocked=1, succeeded=1).counts
    workspace: Any = FakeWorkspace()
    every = find_failures(workspace, backfill, counts, None)
    assert [step["partition_key"] for step in every] == list(steps["partition_key"])[:-1]
    assert every[0]["notebook"] == Path("runs/run-0.ipynb")
    assert every[-1]["notebook"] is None

    some = find_failures(workspace, backfill, counts, MOST_TOLD)
    tell_ending(Ending("20131231-235959-0042", "failed", counts, some, was_stopped=False))
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert f"{n} failed" in told
    assert "cleaned/k0\\u202e" in told
    assert "ValueError: \\x1b[2Jbroken" in told
    assert "… and 5 more" in told
    assert "blocked cleaned/left: cleaned/k0 failed" in told
    assert find_failures(workspace, backfill, ending(succeeded=5).counts, None) == []


def test_what_did_not_run_can_be_resumed(capsys: pytest.CaptureFixture[str], context: click.Context) -> None:
    context.meta["nbpart.workspace"] = "my project/workspace"
    tell_how_to_go_on(ending(succeeded=1, failed=1, blocked=4))
    assert capsys.readouterr().err == ""
    tell_how_to_go_on(ending(succeeded=1, cancelled=2, planned=3))
    said = capsys.readouterr().err
    assert "5 steps did not run to an end" in said
    assert "nbpart resume 20131231-235959-0042 -w 'my project/workspace'" in said
