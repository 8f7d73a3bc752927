"""The widgets of a workspace show its content, and a backfill shows its monitor in a notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import nbpart
from nbpart.errors import UnknownNameError
from tests.backfill.pools import Stage

IN_A_KERNEL = """
import nbpart
from IPython.display import display
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().kernel = object()
ws = nbpart.open("workspace")
for backfill in ws.backfills.values():
    display(backfill)
"""


def single() -> int:
    return 1


@pytest.fixture
def made(ws: nbpart.Workspace) -> nbpart.Backfill:
    ws.project.make_pool = Stage().make_pool

    def raw(partition_key: str) -> str:
        return partition_key

    ws.asset(raw, partitions=["a", "b"])
    return ws.backfill("raw").wait(progress=False)


def test_the_widgets_show_the_workspace(ws: nbpart.Workspace, made: nbpart.Backfill) -> None:
    assert "raw" in ws.graph().static_html()
    ws.asset(single, group="g")
    assert [card.name for card in ws.graph("group:*").model.cards] == ["single"]
    assert list(ws.status("group:g").index) == ["single"]
    assert "raw" in ws.heatmap("raw").static_html()
    with pytest.raises(UnknownNameError, match="did you mean 'raw'"):
        ws.heatmap("rw")


def test_a_backfill_is_its_text_outside_a_notebook(made: nbpart.Backfill, capsys: pytest.CaptureFixture[str]) -> None:
    made._ipython_display_()
    assert capsys.readouterr().out == f"<Backfill {made.id} succeeded: 2 succeeded>\n"


def test_a_backfill_is_its_monitor_in_a_notebook(ws: nbpart.Workspace, made: nbpart.Backfill, project: Path) -> None:
    ws.close()
    done = subprocess.run([sys.executable, "-c", IN_A_KERNEL], capture_output=True, text=True, check=True, timeout=60)
    assert "nbpart-static" in done.stdout or "BackfillMonitor" in done.stdout, done.stdout[:2000]
