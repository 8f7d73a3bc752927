"""Where no kernel can be forked the backfill is done all the same, by stock kernels, and its runs say why."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import nbpart
from nbpart.run.kernels import zygotes
from nbpart.run.kernels.forked_kernel import PrewarmError
from tests.projects import import_written, show_to_processes

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]
FLOW = """
import nbpart

files = nbpart.DynamicPartitions("files")


@nbpart.asset(partitions=files)
def raw(partition_key: str) -> str:
    return partition_key
"""


@pytest.fixture
def run_backfill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., nbpart.Run]:
    """Run a backfill of one step in a workspace with these modules to preload; its run."""
    (tmp_path / "nbp_raises.py").write_text("raise ValueError('broken')")
    monkeypatch.chdir(tmp_path)
    no_fork_flow = import_written(tmp_path, "no_fork_flow", FLOW, monkeypatch)
    show_to_processes(tmp_path, monkeypatch)

    def run_backfill(*preload: str) -> nbpart.Run:
        with nbpart.open("workspace", preload=preload) as ws:
            ws.register(no_fork_flow.raw)
            ws.dynamic_partitions("files").add("a")
            backfill = ws.backfill("raw", status="all").wait(progress=False)
            assert backfill.status == "succeeded"
            assert ws.load("raw", "a") == "a"
            return ws.get_run(backfill.steps()["run_id"].iloc[0])

    return run_backfill


def first_line(run: nbpart.Run) -> str:
    return run.log.partition("\n")[0]


@pytest.mark.parametrize(
    ("module", "reason"), [("nbp_absent", "No module named 'nbp_absent'"), ("nbp_raises", "ValueError: broken")]
)
def test_a_preload_that_fails(run_backfill: Callable[..., nbpart.Run], module: str, reason: str) -> None:
    run = run_backfill(module)
    assert run.kernel_kind == "stock"
    assert "an ordinary kernel was started, as none could be forked: could not be preloaded" in first_line(run)
    assert module in first_line(run)
    assert reason in first_line(run)


def test_a_fork_that_is_refused(run_backfill: Callable[..., nbpart.Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PrewarmError("no kernel could be forked: too many processes")

    monkeypatch.setattr(zygotes.Zygote, "run_kernel", refuse)
    run = run_backfill()
    assert run.kernel_kind == "stock"
    assert "no kernel could be forked: too many processes" in first_line(run)


@pytest.mark.parametrize(
    ("process", "reason"),
    [
        ("zygote", "the process that forks kernels"),
        # the zygote lives a moment longer than its guardian, and may come to tell of a kernel that was killed
        ("guardian", "an ordinary kernel was started, as none could be forked"),
    ],
)
def test_a_zygote_that_dies_when_it_is_asked(
    run_backfill: Callable[..., nbpart.Run], monkeypatch: pytest.MonkeyPatch, process: str, reason: str
) -> None:
    adopt = zygotes.Zygote.run_kernel

    def kill_first(zygote: zygotes.Zygote, *given: object) -> object:
        if process == "zygote":
            os.kill(zygote.pid, signal.SIGKILL)
            select.select([zygote.pidfd], [], [], 30)
        else:
            zygote.process.kill()
            zygote.process.wait()
        return adopt(zygote, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(zygotes.Zygote, "run_kernel", kill_first)
        run = run_backfill()
    assert run.kernel_kind == "stock"
    assert reason in first_line(run)
    assert run_backfill().kernel_kind == "prewarmed"  # by the next zygote
