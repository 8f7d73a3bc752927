"""Notebooks of any file name and with missing metadata: their asset names, and that they run."""

from __future__ import annotations

import codecs
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError
from tests.recording import write_notebook


def write_bare(path: Path, *cells: dict[str, Any], **more: Any) -> Path:
    """A notebook with nothing but what is given, under a byte order mark."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(codecs.BOM_UTF8 + json.dumps({"cells": cells, "nbformat": 4, **more}).encode())
    return path


def notices(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "nbpart"]


def make_pair(folder: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (folder / name).mkdir()
    return write_notebook(folder / "a" / "index.ipynb", "1"), write_notebook(folder / "b" / "index.ipynb", "2")


def test_two_notebooks_of_one_file_name_are_refused_with_both_paths(ws: nbpart.Workspace, tmp_path: Path) -> None:
    first, second = make_pair(tmp_path)
    ws.notebook(first)
    message = rf"{re.escape(str(first))} and {re.escape(str(second))} would both be the asset 'index': .*name="
    with pytest.raises(DeclarationError, match=message):
        ws.notebook(second)
    assert ws.assets["index"].path == str(first)
    ws.notebook(first)
    ws.notebook(second, name="other")
    ws.notebook(second, name="index")
    assert ws.assets["index"].path == str(second), "who names it means it"


def test_two_notebooks_of_one_file_name_in_one_call_are_refused(ws: nbpart.Workspace, tmp_path: Path) -> None:
    first, second = make_pair(tmp_path)
    with pytest.raises(DeclarationError, match="would both be the asset 'index'"):
        ws.register(nbpart.notebook(first), nbpart.notebook(second))
    with pytest.raises(DeclarationError, match="would both be the asset 'a_b'"):
        ws.register(nbpart.notebook(write_notebook(tmp_path / "a-b.ipynb", "1")), nbpart.notebook(
            write_notebook(tmp_path / "a b.ipynb", "1")))  # fmt: skip
    assert not ws.assets


def test_a_moved_notebook_replaces_itself(ws: nbpart.Workspace, tmp_path: Path) -> None:
    first, second = make_pair(tmp_path)
    ws.notebook(first)
    first.replace(second)
    ws.notebook(second)
    assert ws.assets["index"].path == str(second)


def test_a_generated_name_is_logged_once(
    ws: nbpart.Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_notebook(tmp_path / "01.06-Errors.ipynb", "1")
    with caplog.at_level(logging.INFO, logger="nbpart"):
        assert ws.notebook(path).name == "notebook_01_06_Errors"
        ws.notebook(path)
        ws.notebook(write_notebook(tmp_path / "plain-name.ipynb", "1"))
        ws.notebook(write_notebook(tmp_path / "02.ipynb", "1"), name="second")
    message = "the notebook 01.06-Errors.ipynb is the asset 'notebook_01_06_Errors'; name=... gives it another name."
    assert notices(caplog) == [message]


def test_a_plan_begins_with_a_note_on_a_kernel_that_is_not_installed(
    ws: nbpart.Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ws.notebook(write_notebook(tmp_path / "fine.ipynb", "1"))
    assert ws.plan("*").notes == ()
    metadata = {"kernelspec": {"name": "fortran-2077"}}
    code = {"cell_type": "code", "source": "1"}
    ws.notebook(write_bare(tmp_path / "named.ipynb", code, metadata=metadata))
    ws.notebook(write_notebook(tmp_path / "cobol.ipynb", "1"), kernel_name="cobol-85")
    plan = ws.plan("*")
    assert len(plan) == 3
    assert sorted(note.partition(" is not")[0] for note in plan.notes) == [
        "the kernel 'cobol-85' of 'cobol'",
        "the kernel 'fortran-2077' of 'named'",
    ]
    assert repr(plan).splitlines()[:2] == list(plan.notes)
    html = plan._repr_html_()
    assert html.index("fortran-2077") < html.index("3 steps")
    assert ws.plan("fine").notes == ()


@pytest.mark.kernel
def test_a_minimal_notebook_runs(ws: nbpart.Workspace, tmp_path: Path) -> None:
    """No metadata, no ids, no minor version, a tag as text, line ends of Windows, and a name of digits."""
    parameters = {"cell_type": "code", "source": ["x = 1\r\n", "y = 2"], "metadata": {"tags": "parameters"}}
    text = {"cell_type": "markdown", "source": None, "metadata": None}
    code = {"cell_type": "code", "source": "%%bash\r\nset -e\r\ntrue\r\n", "outputs": None}
    save = {"cell_type": "code", "source": "import nbpart\r\nnbpart.current_run().save({'sum': x + y})"}
    kernel = {"kernelspec": None, "language_info": "python", "papermill": None}
    path = write_bare(tmp_path / "01.ipynb", parameters, text, code, save, metadata=kernel)
    asset = ws.notebook(path)
    asset.backfill(x=[1, 5]).wait(progress=False).raise_for_failures()
    assert sorted(ws.load(asset.name, key)["sum"] for key in ws.partition_status(asset.name)["partition_key"]) == [3, 7]
