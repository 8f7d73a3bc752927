"""`Project`: its cached registry, trust, and closing it."""

from __future__ import annotations

import _thread
import threading
import time
from pathlib import Path

import pytest

import nbpart
from nbpart.catalog import Catalog
from nbpart.errors import CatalogError, UntrustedWorkspaceError
from nbpart.project.project import Project
from nbpart.project.trust import forget_workspace
from nbpart.run.spec import RunSpec
from nbpart.states import BackfillStatus, RunStatus
from tests.backfill.pools import ScriptedPool, Stage


def test_the_registry_is_read_again_only_when_the_catalog_changed(ws: nbpart.Workspace) -> None:
    before = ws.project.registry()
    assert ws.project.registry() is before
    ws.register(nbpart.source("inbox", "inbox"))
    assert list(before.nodes) == []
    assert list(ws.project.registry().nodes) == ["inbox"]


def test_a_registration_of_another_process_is_noticed(ws: nbpart.Workspace) -> None:
    before = ws.project.registry()
    with nbpart.open(ws.root) as other:
        other.register(nbpart.source("inbox", "inbox"))
    assert ws.project.registry() is not before
    assert list(ws.project.registry().nodes) == ["inbox"]


def test_code_may_run_in_a_trusted_or_assumed_trusted_workspace(ws: nbpart.Workspace) -> None:
    ws.project.check_trust()
    forget_workspace(ws.root)
    with pytest.raises(UntrustedWorkspaceError, match="none that you made or trust"):
        ws.project.check_trust()
    assert not ws.project.is_trusted
    catalog = Catalog.open(ws.project.catalog.path, create=False, purpose="a test", is_known=lambda _: True)
    vouched = Project(ws.root, catalog, "a test", is_assumed_trusted=True)
    vouched.check_trust()
    assert vouched.is_trusted
    vouched.close()
    ws.project.trust()
    ws.project.check_trust()


def test_closing_a_project_closes_its_catalog(ws: nbpart.Workspace) -> None:
    ws.project.close()
    with pytest.raises(CatalogError, match="closed"):
        ws.project.read(lambda batch: batch.sequence)


class EndlessPool(ScriptedPool):
    """A pool whose runs do not even end when they are cancelled."""

    def cancel_all(self) -> None:
        pass


def endless() -> None: ...


def start_endless(ws: nbpart.Workspace, pool: type[ScriptedPool] = ScriptedPool) -> nbpart.Backfill:
    """A backfill of one run that has begun and does not end by itself."""
    begun = threading.Event()

    def answer(spec: RunSpec) -> None:
        begun.set()

    stage = Stage(answer)
    ws.project.make_pool = lambda max_workers, on_start: pool(stage, max_workers, on_start)
    ws.asset(endless)
    backfill = ws.backfill("endless")
    assert begun.wait(60)
    return backfill


def find_status(root: Path, backfill: nbpart.Backfill) -> tuple[str, list[str]]:
    """The status of a backfill and those of its runs, for who opens the workspace next."""
    with nbpart.open(root) as ws:
        return ws.backfills[backfill.id].status, ws.runs()["status"].tolist()


def leave_by_exception(ws: nbpart.Workspace) -> None:
    with ws:
        raise ZeroDivisionError


CANCELLED = (BackfillStatus.CANCELLED, [RunStatus.CANCELLED])


def test_closing_cancels_what_still_runs_after_the_time_out(ws: nbpart.Workspace) -> None:
    backfill = start_endless(ws)
    ws.close(timeout_s=0.1)
    assert find_status(ws.root, backfill) == CANCELLED


def test_a_ctrl_c_while_closing_cancels_and_closes(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill = start_endless(ws)
    runner = ws.project.runners[backfill.id]
    wait = runner.wait

    def wait_interrupted(timeout_s: float | None = None) -> bool:
        if timeout_s is None:
            _thread.interrupt_main()
        return wait(timeout_s)

    monkeypatch.setattr(runner, "wait", wait_interrupted)
    with pytest.raises(KeyboardInterrupt):
        ws.close()
    assert find_status(ws.root, backfill) == CANCELLED


def test_an_exception_that_leaves_the_with_block_cancels_what_runs(ws: nbpart.Workspace) -> None:
    backfill = start_endless(ws)
    with pytest.raises(ZeroDivisionError):
        leave_by_exception(ws)
    assert find_status(ws.root, backfill) == CANCELLED


@pytest.mark.parametrize("is_recorded", [False, True], ids=["just begun", "nothing left to record"])
def test_a_workspace_is_closed_though_a_run_outlives_its_cancellation(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_recorded: bool
) -> None:
    monkeypatch.setattr("nbpart.project.project.END_LIMIT_S", 0.1)
    backfill = start_endless(ws, EndlessPool)
    while is_recorded and ws.runs()["status"].tolist() != [RunStatus.RUNNING]:
        time.sleep(0.02)
    with pytest.raises(ZeroDivisionError):
        leave_by_exception(ws)
    assert f"backfill {backfill.id} did not end within 0.1 s" in caplog.text
    with pytest.raises(CatalogError, match="closed"):
        ws.status()
    assert ws.project.runners[backfill.id].wait(60), "its thread ends, since there is no catalog any more"
    assert find_status(ws.root, backfill) == (BackfillStatus.INTERRUPTED, [RunStatus.INTERRUPTED])


@pytest.mark.kernel
def test_closing_kills_a_cell_that_ignores_every_interrupt(ws: nbpart.Workspace, project: Path) -> None:
    def stubborn(marker: str = "") -> None:
        import pathlib
        import signal
        import time

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path(marker).touch()
        while True:
            time.sleep(1)

    marker = project / "it runs"
    ws.asset(stubborn)
    backfill = ws.backfill("stubborn", settings={"marker": str(marker)})
    while not marker.exists():
        with pytest.raises(TimeoutError):  # it would have ended before it ran
            backfill.wait(0.05, progress=False)
    ws.close(timeout_s=0)
    assert find_status(ws.root, backfill) == CANCELLED
