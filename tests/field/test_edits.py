"""What users of other tools met with notebooks in two forms, with edits that are saved back, and with killed runs."""

from __future__ import annotations

import difflib
import json
import os
import signal
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

import nbpart
from nbpart.automation.hooks import describe_failed_backfill
from tests.processes import wait_for
from tests.projects import import_written
from tests.recording import record, write_notebook

CLEAN = "# %%\nimport nbpart\nrows = 1\n\n# %%\nnbpart.current_run().save(rows)\n"


def test_of_a_pair_the_file_that_was_named_is_the_code(
    ws: nbpart.Workspace, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Jupytext 63: of a paired notebook the older text silently won over newer work in the .ipynb."""
    jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")
    text, other = project / "clean.py", project / "clean.ipynb"
    text.write_text(CLEAN)
    nbformat.write(jupytext.reads(CLEAN, "py"), other)
    with caplog.at_level("INFO", "nbpart"):
        ws.notebook("clean.py")
    assert "beside it" not in caplog.text
    record(ws, "clean", None, {"x": 1})
    nbformat.write(jupytext.reads(CLEAN.replace("rows = 1", "rows = 2"), "py"), other)
    for text_at, other_at in ((1, 2), (2, 1)):
        os.utime(text, (text_at, text_at))
        os.utime(other, (other_at, other_at))
        assert not ws.refresh().edited
        assert list(ws.partition_status("clean")["status"]) == ["materialized"]
        caplog.clear()
        with caplog.at_level("INFO", "nbpart"):
            ws.notebook("clean.py")
        said = [record.getMessage() for record in caplog.records if "beside it" in record.getMessage()]
        assert said == [
            "asset 'clean': clean.ipynb beside it has other code; the code is that of clean.py, which was named."
        ]
        assert list(ws.partition_status("clean")["status"]) == ["materialized"]
    (project / "clean.py").write_text(CLEAN.replace("rows = 1", "rows = 3"))
    assert list(ws.refresh().edited) == ["clean"]


def test_a_module_or_a_page_of_the_same_name_is_no_pair(
    ws: nbpart.Workspace, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_notebook(project / "clean.ipynb", "rows = 1")
    (project / "clean.py").write_text("def helper():\n    return 1\n")
    (project / "clean.md").write_text("# How to clean\n\n```python\nhelper()\n```\n")
    with caplog.at_level("INFO", "nbpart"):
        ws.notebook("clean.ipynb")
    assert "beside it" not in caplog.text


def test_a_saved_edit_validates_and_changes_one_cell(ws: nbpart.Workspace, project: Path) -> None:
    """Snakemake 718: saving an edited notebook put empty outputs into its Markdown cells: it no longer validated."""
    files = ws.dynamic_partitions("files")
    files.add("a.csv")
    path = project / "report.ipynb"
    cells = [
        v4.new_markdown_cell("# A title", metadata={"tags": ["top"]}),
        v4.new_raw_cell("raw", metadata={"tags": ["kept"]}),
        v4.new_code_cell("partition_key = ''", metadata={"tags": ["parameters"]}),
        v4.new_code_cell("x = 1", metadata={"mine": {"a": 1}}, execution_count=3,
                         outputs=[v4.new_output("stream", text="of mine\n")]),
        v4.new_code_cell("y = 2", execution_count=4, outputs=[v4.new_output("stream", text="stays\n")]),
        v4.new_markdown_cell("end"),
    ]  # fmt: skip
    nbformat.write(
        v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "P"}}), path
    )
    before = path.read_text()
    ws.notebook("report.ipynb", partitions=files)
    record(ws, "report", "a.csv", {"x": 1})
    edit = ws.edit("report", "a.csv")
    copy = nbformat.read(edit.path, 4)
    for cell in copy.cells:  # as JupyterLab leaves it
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [v4.new_output("stream", text="of a.csv\n")], 1
            cell.metadata["execution"] = {"iopub.execute_input": "now"}
        if cell.source == "x = 1":
            cell.source = "x = 11"
    nbformat.write(copy, edit.path)
    assert edit.save().status == "stale"
    saved = path.read_text()
    nbformat.validate(json.loads(saved))
    assert "of a.csv" not in saved
    assert "injected-parameters" not in saved
    changed = [line for line in difflib.ndiff(before.splitlines(), saved.splitlines()) if line[:1] in "+-"]
    said = {line[2:].strip(" ,") for line in changed} - {*"[]{}"}
    outputs = {'"name": "stdout"', '"output_type": "stream"', '"text": [', '"of mine\\n"'}
    counts = {'"execution_count": 3', '"execution_count": null', '"outputs": [', '"outputs": []'}
    assert said == {'"x = 1"', '"x = 11"', *outputs, *counts}, "one cell, whose outputs were of other code"
    after = json.loads(saved)
    for name in ("id", "metadata", "cell_type"):
        assert [cell[name] for cell in after["cells"]] == [cell[name] for cell in json.loads(before)["cells"]]
    ws.accept("report", keys="a.csv")
    assert edit.save().status == "materialized"
    assert path.read_text() == saved
    assert list(ws.partition_status("report")["status"]) == ["materialized"]


KILLED_ONCE = """
import os, signal, time
from pathlib import Path

def total(partition_key):
    mark = Path("begun")
    first = not mark.exists()
    print("attempt of process", os.getpid(), flush=True)
    mark.write_text(str(os.getpid()))
    while first or Path("again").exists():
        time.sleep(0.01)
    return {"x": 1}
"""


@pytest.mark.kernel
def test_a_run_that_is_killed_from_outside_is_tried_again(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow 55753: a task killed for memory went straight to failed, though three retries were left."""
    function = import_written(project, "killed_once", KILLED_ONCE, monkeypatch).total
    ws.asset(function, partitions=["a"], retries=3, backoff_s=0.1)
    backfill = ws.backfill("total")
    kill_when_begun(project)
    backfill.wait(progress=False)
    assert backfill.status == "succeeded"
    [run_id] = ws.runs("total")["run_id"]
    run = ws.get_run(run_id)
    assert (run.status, run.attempt, run.error) == ("succeeded", 2, None)
    assert run.notebook is not None
    assert run.log_path is not None
    first_log, first_notebook = (
        Path(str(p).replace(f"{run_id}-2", f"{run_id}-1")) for p in (run.log_path, run.notebook)
    )
    assert first_log != run.log_path
    assert "attempt of process" in first_log.read_text()
    assert "killed by signal 9" in first_log.read_text()
    assert "killed by signal 9" in first_notebook.read_text()
    nbformat.validate(nbformat.read(first_notebook, 4))
    assert describe_failed_backfill(ws.project, backfill.id) is None, "no hook is called"

    (project / "begun").unlink()
    backfill = ws.backfill("total", status="all", retries=0)
    kill_when_begun(project)
    backfill.wait(progress=False)
    [step] = backfill.steps().to_dict("records")
    assert step["status"] == "failed", "not interrupted"
    run = ws.get_run(step["run_id"])
    assert describe_failed_backfill(ws.project, backfill.id) is not None
    assert run.exit_code == -9
    assert "killed by signal 9" in str(run.error)
    assert list(ws.partition_status("total")["status"]) == ["failed"]
    assert ws.load("total", "a") == {"x": 1}
    assert len(ws.plan("total")) == 1, "asked for by a person as any failure"


def kill_when_begun(project: Path) -> None:
    mark = project / "begun"
    wait_for(lambda: mark.exists() and mark.read_text().isdigit(), 60, "it has begun")
    os.kill(int(mark.read_text()), signal.SIGKILL)
