from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.demo import run_demo
from nbpart.errors import ParameterError, WorkspaceError


@pytest.mark.kernel
def test_the_whole_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    assert run_demo("demo", days=2, echo=lines.append) == 0
    printed = "\n".join(lines)

    assert "8 of 8 partitions are materialized" in printed
    assert "ValueError: 2013-02-02.csv breaks off in line" in printed
    notebook = re.search(r"Its notebook: (demo/runs/processed_files/\S+\.ipynb)", printed)
    assert notebook
    assert (tmp_path / notebook[1]).is_file()
    assert re.search(r"files_metadata +2013-02-02\.csv", printed), "its source changed, so its metadata runs again"
    assert "2013-02-01.csv" not in printed.split("5. The file")[1].split("6. One question")[0]
    assert re.search(r"airline +flights", printed)
    assert Path.cwd() == tmp_path

    with nbpart.open(tmp_path / "demo") as ws:
        assert len(ws.runs()) == 6 + 4
        assert ws.sql("from processed_files select count(*)").fetchall() == [(926 + 682,)]
        assert set(ws.partition_status("daily_report")["cancelled"]) == {15, 2}
    monkeypatch.chdir(tmp_path / "demo")
    run_by_hand(Path("daily_report.ipynb"))
    with nbpart.open(".") as ws:
        assert len(ws.runs()) == 6 + 4, "a run by hand records nothing"


def run_by_hand(path: Path) -> None:
    """Execute the cells of a notebook as they are committed."""
    cells = json.loads(path.read_text())["cells"]
    variables: dict[str, Any] = {}
    for source in ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"):
        exec(source, variables)  # noqa: S102


def test_nothing_is_touched_if_the_demo_cannot_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.md").write_text("keep")
    with pytest.raises(WorkspaceError):
        run_demo(tmp_path / "mine", days=1, echo=print)
    with pytest.raises(ParameterError):
        run_demo(tmp_path / "new", days=0, echo=print)
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "mine" / "notes.md").read_text() == "keep"
