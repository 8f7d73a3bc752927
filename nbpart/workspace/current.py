"""`nbpart.current_run`: the run that a notebook belongs to, under a backfill and by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nbpart.project.by_hand import WantedRun, open_manual_run
from nbpart.run.context import RunContext
from nbpart.run.members import run_from_environment
from nbpart.workspace.inert import inside_run

_current: RunContext | None = None


def current_run(
    asset: Any = None,
    *,
    partition_key: Any = None,
    record: bool = False,
    workspace: str | Path | None = None,
    **params: Any,
) -> RunContext:
    """The run that this notebook belongs to.

    Under a backfill the arguments are ignored. By hand it stands for a run of ``asset``: of ``partition_key``, or of
    the parameters given by name, or of the values that the parameters cell gave to variables of these names. The
    workspace is the one above the notebook unless ``workspace`` names it. What is saved and logged by hand goes to
    scratch files and is not recorded, unless ``record`` is true.

    Raises `WorkspaceError` where no workspace is found, `DeclarationError` where asset or partition are not clear.
    """
    global _current
    if inside_run():
        _current = _current or run_from_environment()
        return _current
    variables = sys._getframe(1).f_globals
    return open_manual_run(workspace, WantedRun(asset, partition_key, params, variables), record=record)
