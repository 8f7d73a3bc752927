"""papermill's door to the engine: `papermill --engine nbpart in.ipynb out.ipynb`.

papermill opens it, by its entry point, while it is itself being imported: nothing else may be imported from here then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from papermill.engines import Engine

if TYPE_CHECKING:
    from nbpart.run.engine import Execution


class RunEngine(Engine):  # type: ignore[misc]
    """Hands a notebook to the Execution that the caller brought along, or to one of its own.

    Without one, `papermill.execute_notebook(..., engine_name="nbpart")` takes besides papermill's own options, which
    mean what they mean there: `folder`, the working directory (default: that of this process), and `preload`, modules
    that a prewarmed kernel finds imported. A Ctrl-C is raised once the notebook is on record.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *, execution: Execution | None = None, **options: Any) -> Any:
        if execution is not None:
            return execution.run(nb, kernel_name)
        from nbpart.run.standalone import execute_alone

        return execute_alone(nb, kernel_name, **options)
