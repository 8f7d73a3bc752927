"""Looking at what lies outside the catalog: processes that died, the files of sources, code on disk."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from nbpart.backfill.registry import Registry
from nbpart.backfill.sources import refresh_sources
from nbpart.project.edits import CodeLook, CodeWatch, describe_seen
from nbpart.project.project import Project

log = logging.getLogger("nbpart")


def refresh_registry(project: Project) -> Registry:
    """What is registered, after looking for processes that died and for source files that changed.

    Of a workspace that is not trusted the sources are as they were last seen: it could name any file or address.
    """
    project.coordinator.reap()
    registry = project.registry()
    sources = [d.name for d in registry.graph.definitions if d.is_source and registry.graph.downstream(d.name)]
    if project.is_trusted:
        refresh_sources(project.catalog, registry, sources)
    elif sources and not project.is_distrust_told:
        project.is_distrust_told = True
        log.warning("%s is not a workspace that you made or trust: sources are shown as last seen.", project.root)
    return registry


def take_up_edits(project: Project, *, is_told: bool = True) -> CodeLook:
    """Register what changed on disk of the code; of a workspace that is not trusted nothing is looked at."""
    look = _watch(project).look(project.registry()) if project.is_trusted else CodeLook()
    if is_told:
        look.tell()
    return look


def refresh(project: Project) -> CodeLook:
    """Look at the files of sources and at the code on disk, and take up what changed; says what was taken up."""
    look = take_up_edits(project)
    refresh_registry(project)
    return look


def seen_at(project: Project) -> datetime | None:
    """When a plan, a tick or a refresh of any process last looked for edited code; None where none did."""
    return _watch(project).seen_at


def describe_age(project: Project) -> str:
    """ "as seen 10:02" where somebody last looked for edited code over a minute ago; else ""."""
    return describe_seen(seen_at(project), datetime.now(UTC))


def _watch(project: Project) -> CodeWatch:
    return CodeWatch(project.catalog, project.root, time.time_ns)
