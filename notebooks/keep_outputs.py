"""Execute notebooks and keep their outputs in them, so that they read well where there is no kernel.

``python notebooks/keep_outputs.py 03_hyperparameters.ipynb ...`` runs each in a new folder beside a copy of ``data``.
What belongs to one machine or one moment is left out: widgets (their static form stays), paths, times of execution.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
import papermill

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"


def main(names: list[str]) -> None:
    for name in names:
        with tempfile.TemporaryDirectory(prefix="nbpart-notebook-") as folder:
            shutil.copytree(HERE / "data", Path(folder, "data"))
            done = papermill.execute_notebook(str(HERE / name), None, cwd=folder, progress_bar=False)
            nbformat.write(clean(done, folder), HERE / name)


def clean(notebook: nbformat.NotebookNode, folder: str) -> nbformat.NotebookNode:
    """The notebook without what another machine or another day would have otherwise."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        for key in ("papermill", "execution", "tags"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [_clean_output(output, folder) for output in cell.outputs if _is_kept(output)]
    return notebook


def _is_kept(output: nbformat.NotebookNode) -> bool:
    return WIDGET not in output.get("data", {}) and output.get("name") != "stderr"


def _clean_output(output: nbformat.NotebookNode, folder: str) -> nbformat.NotebookNode:
    output.get("metadata", {}).clear()
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str):
            output.data[kind] = value.replace(f"{folder}/", "")
    if isinstance(output.get("text"), str):
        output.text = output.text.replace(f"{folder}/", "")
    return output


if __name__ == "__main__":
    main(sys.argv[1:])
