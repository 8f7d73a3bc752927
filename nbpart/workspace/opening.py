"""Opening a workspace, which is made if it is not there."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from nbpart.automation.triggers import describe_unwatched
from nbpart.catalog import ReadOnlyCatalog
from nbpart.project.folder import open_folder
from nbpart.project.notices import show_notices
from nbpart.workspace.completing import offer_completions
from nbpart.workspace.workspace import Workspace

log = logging.getLogger("nbpart")


def open(
    path: str | os.PathLike[str] = "workspace",
    *,
    catalog: str | os.PathLike[str] | None = None,
    create: bool = True,
    preload: Sequence[str] = (),
    purpose: str = "",
    trust: bool = False,
) -> Workspace:
    """Open the workspace at ``path``, which is made if it is not there and ``create`` is true.

    ``catalog`` puts the catalog into another, local folder, for file systems without locks; the workspace remembers it.
    ``preload`` names modules that the kernels of its runs find imported already (``["sklearn.linear_model"]``): they
    are imported once, in a process that kernels are forked from. ``purpose`` tells other processes what this one does.
    ``trust`` lets the workspace's code run from now on, whoever made it; what you made yourself is trusted anyway.
    Inside a run it returns an inert workspace, whose decorators declare but register nothing.

    Raises `WorkspaceError` and `CatalogError`.
    """
    from nbpart.workspace.inert import InertWorkspace, is_inside_run

    if is_inside_run():
        return cast(Workspace, InertWorkspace(Path(path)))
    show_notices()
    root, opened = open_folder(path, catalog, create=create, purpose=purpose)
    offer_completions()
    workspace = Workspace(root, opened, purpose or "a notebook or script", preload)
    if trust:
        workspace.trust()
    if not purpose and (unwatched := describe_unwatched(workspace.project)):  # a command says it where it is asked
        log.info("%s: ws.watch() or `nbpart watch` looks with them.", unwatched)
    return workspace


def open_for_reading(root: Path, catalog: Path) -> Workspace:
    """The workspace as the code of a sensor holds it: its catalog cannot be written.

    Whoever asks a sensor had to be allowed to run the workspace's code.
    """
    opened = ReadOnlyCatalog.open(catalog, create=False, purpose="a sensor", is_known=lambda workspace_id: True)
    return Workspace(root, opened, "a sensor")
