"""What users of other tools met with notebooks in two forms, with edits that are saved back, and with killed runs."""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbformat
import pytest

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
