"""One look at an installation and at a workspace, whatever state they are in; no code of the workspace runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from nbpart.project.folder import CATALOG_NAME, open_folder, read_pointer
from nbpart.project.project import Project
from nbpart.workspace.doctor.environment import look_at_extras, look_at_kernels, look_at_versions
from nbpart.workspace.doctor.findings import Diagnosis, Finding, collect
from nbpart.workspace.doctor.opened import look_at_catalog, look_at_processes, look_at_trust
from nbpart.workspace.doctor.place import look_at_clock, look_at_disk, look_at_file_system, look_at_locks

PURPOSE = "nbpart doctor"


def diagnose(root: Path | None, project: Project | None = None, and_also: Sequence[Finding] = ()) -> Diagnosis:
    """Look at the installation and at the workspace in the folder ``root``, or at none.

    ``project`` is an open one, ``and_also`` what was found before.
    """
    findings = [
        *and_also,
        *collect("versions", look_at_versions),
        *collect("extras", look_at_extras),
        *collect("kernels", look_at_kernels),
    ]
    if and_also and root is None:
        return Diagnosis(tuple(findings))
    if root is None or not root.is_dir():
        where = "here" if root is None else f"at {root}"
        return Diagnosis((*findings, Finding("workspace", f"there is none {where}", advice="`nbpart init` makes one")))
    findings += look_at_place(root)
    findings += collect("catalog", partial(_look_inside, root)) if project is None else look_at_project(project)
    return Diagnosis(tuple(findings))


def look_at_place(root: Path) -> Iterator[Finding]:
    """The folder of a workspace, and that of its catalog where it is another one."""
    yield from collect("disk", partial(look_at_disk, root))
    yield from collect("file system", partial(look_at_file_system, root, "the workspace"))
    folder = (read_pointer(root) or root) if (root / CATALOG_NAME).exists() or _has_pointer(root) else root
    if folder != root:
        yield from collect("file system", partial(look_at_file_system, folder, "the catalog"))
    if (folder / CATALOG_NAME).exists():
        yield from collect("locks", partial(look_at_locks, folder / CATALOG_NAME))
    yield from collect("clock", partial(look_at_clock, root))


def look_at_project(project: Project) -> Iterator[Finding]:
    """What an open workspace says of itself."""
    yield from collect("catalog", partial(look_at_catalog, project.catalog, project.root))
    yield from collect("processes", partial(look_at_processes, project.catalog, project))
    yield from collect("trust", partial(look_at_trust, project))


def _look_inside(root: Path) -> Iterator[Finding]:
    opened_root, catalog = open_folder(root, create=False, purpose=PURPOSE)
    project = Project(opened_root, catalog, PURPOSE)
    try:
        yield from look_at_project(project)
    finally:
        project.close()


def _has_pointer(root: Path) -> bool:
    try:
        return read_pointer(root) is not None
    except (OSError, ValueError):
        return False
