"""`nbpart.current_run`: the run that a notebook belongs to, under a backfill and by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbpart.project.manual_run_request import ManualRunRequest, open_manual_run
from nbpart.run.context import RunContext
from nbpart.run.members import run_from_environment
from nbpart.workspace.inert import is_inside_run

_current: RunContext | None = None
_bound: tuple[Path, ManualRunRequest] | None = None


def current_run(
    asset: Any = None,
    *,
    partition_key: Any = None,
    record: bool = False,
    workspace: str | Path | None = None,
    **params: Any,
) -> RunContext:
    """The run that this notebook belongs to.

    In a backfill the arguments are ignored. In a notebook that a person runs it stands for a run of ``asset``: of
    ``partition_key``, or of the parameters given by name, or else of the values that the parameters cell assigned to
    variables of these names. The workspace is the one at or above the current folder unless ``workspace`` names it.
    What is saved and logged then goes to scratch files and is not recorded, unless ``record`` is true. In a notebook
    that `Workspace.edit` opened it stands for a run of that partition, whatever the arguments, and records nothing: its
    code is not registered yet.

    Raises `WorkspaceError` where no workspace is found, `DeclarationError` where asset or partition are not clear.
    """
    global _current
    if is_inside_run():
        _current = _current or run_from_environment()
        return _current
    if _bound is not None:
        return open_manual_run(*_bound, record=False)
    variables = sys._getframe(1).f_globals
    return open_manual_run(workspace, ManualRunRequest(asset, partition_key, params, variables), record=record)


def bind_run(asset: str, partition_key: str | None, *, workspace: str, settings: Mapping[str, Any]) -> None:
    """Make `current_run` stand for a run of this partition from now on; called by the cell that an edit begins with."""
    global _bound
    _bound = Path(workspace), ManualRunRequest(asset, partition_key, {}, {}, settings)
