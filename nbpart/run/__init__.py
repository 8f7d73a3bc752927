"""Runs: a spec comes in, a notebook is executed, a result goes out. Knows nothing of the catalog."""

from nbpart.run.context import RunContext
from nbpart.run.notebook import NotebookRun, execute
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.spec import (
    InputItem,
    InputSpec,
    RunOutput,
    RunResult,
    RunSpec,
    SavedFileRecord,
)

__all__ = [
    "InputItem",
    "InputSpec",
    "NotebookRun",
    "Pool",
    "RunContext",
    "RunOutput",
    "RunResult",
    "RunSpec",
    "SavedFileRecord",
    "ThreadPool",
    "execute",
]
