"""What a first run would do first: in the zygote it is done once, for all runs that are forked from it."""

from __future__ import annotations

from typing import Any

import nbformat

from nbpart.run.cell_outputs import CellOutputs
from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.notebook_text import write_notebook
from nbpart.run.papermill_engine import ENGINE_NAME, register_engine
from nbpart.run.report import SUCCEEDED

_REQUEST = "warm"
_MESSAGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("execute_input", {"code": "1", "execution_count": 1}),
    ("stream", {"name": "stdout", "text": "1\n"}),
    ("display_data", {"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "1"}}),
    ("execute_result", {"data": {"text/plain": "1"}, "metadata": {}, "execution_count": 1}),
)


def execute_once() -> None:
    """Let papermill, nbclient and nbformat make what they make for their first notebook, as the check of its form."""
    import papermill
    from papermill.iorw import load_notebook_node

    register_engine()
    v4: Any = nbformat.v4
    about = {"kernelspec": {"name": "python3", "language": "python", "display_name": "python3"}}
    notebook = v4.new_notebook(metadata=about, cells=[v4.new_code_cell("1"), v4.new_markdown_cell("text")])
    notebook = load_notebook_node(notebook)
    papermill.execute_notebook(
        notebook, None, engine_name=ENGINE_NAME, kernel_name="python3", progress_bar=False, execution=_Played()
    )


class _Played:
    """An execution in which nothing is executed."""

    def run(self, nb: Any, kernel_name: str) -> Any:
        record = NotebookRecord(nb, write_notebook, {}, autosave_s=None)
        record.notebook_start()
        outputs = CellOutputs(record, lambda name, text: None)
        cell = nb.cells[0]
        record.cell_start(cell, 0)
        outputs.begin_cell(cell, 0, _REQUEST)
        for kind, content in _MESSAGES:
            header = {"msg_type": kind}
            parent = {"msg_id": _REQUEST}
            outputs.take({"msg_type": kind, "header": header, "parent_header": parent, "content": content})
        record.cell_complete(cell, 0)
        outputs.set_widgets_metadata()
        record.finish(SUCCEEDED)
        return nb
