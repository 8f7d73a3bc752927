"""The engine that papermill finds under the name "nbpart": `papermill --engine nbpart in.ipynb out.ipynb`.

papermill imports this module, by its entry point, while it is itself being imported: so nothing that needs papermill
may be imported at the top of it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from papermill.engines import Engine, papermill_engines

if TYPE_CHECKING:
    from nbpart.run.execution import Execution

ENGINE_NAME = "nbpart"
# papermill warns of each notebook without a parameters cell: here that is no fault
logging.getLogger("papermill").addHandler(logging.NullHandler())


class PapermillEngine(Engine):  # type: ignore[misc]
    """Hands a notebook to the Execution that the caller brought along, or to one of its own.

    Without one, `papermill.execute_notebook(..., engine_name="nbpart")` takes besides papermill's own options, which
    mean what they mean there: `folder`, the working directory (default: that of this process), and `preload`, modules
    that a prewarmed kernel finds imported. A Ctrl-C is raised once the notebook is on record.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *, execution: Execution | None = None, **options: Any) -> Any:
        if execution is not None:
            return execution.run(nb, kernel_name)
        from nbpart.run.standalone import execute_standalone

        return execute_standalone(nb, kernel_name, **options)


def register_engine() -> None:
    """Make papermill know the engine by its name, also where nbpart is imported from a folder and not installed."""
    papermill_engines.register(ENGINE_NAME, PapermillEngine)
