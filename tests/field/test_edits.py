"""What users of other tools met with notebooks in two forms, with edits that are saved back, and with killed runs."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbformat import v4

import nbpart
from tests.recording import record

CLEAN = "# %%\nimport nbpart\nrows = 1\n\n# %%\nnbpart.current_run().save(rows)\n"


def test_of_a_pair_the_file_that_was_named_is_the_code(
    ws: nbpart.Workspace, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Jupytext 63: of a paired notebook the older text silently won over newer work in the .ipynb."""
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
    nbformat.write(jupytext.reads(CLEAN, "py"), project / "clean.ipynb")
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
