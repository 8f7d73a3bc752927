"""Runs: a spec comes in, a notebook is executed, a report goes out. Knows nothing of the catalog."""

from nbpart.run.context import RunContext
from nbpart.run.notebook import NotebookRun, execute
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.report import RunOutput, RunReport
from nbpart.run.spec import (
    InputItem,
    InputSpec,
    RunSpec,
)

__all__ = [
    "InputItem",
    "InputSpec",
    "NotebookRun",
    "Pool",
    "RunContext",
    "RunOutput",
    "RunReport",
    "RunSpec",
    "ThreadPool",
    "execute",
]
