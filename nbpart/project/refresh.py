"""Bringing the catalog up to date with what is outside it: dead processes, files of sources, code on disk."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime

from nbpart.backfill.registry import Registry
from nbpart.backfill.source_observation import SourceLook, refresh_sources
from nbpart.project.checks import refresh_checks
from nbpart.project.code_scan import CodeChanges, CodeScanner, describe_scan_time
from nbpart.project.project import Project

log = logging.getLogger("nbpart")


def refresh_registry(project: Project, *, asks: bool = False) -> Registry:
    """Mark runs of dead processes as interrupted, record changed source files, and return what is registered.

    Functions of sources are called only where it ``asks``, as for a plan. Sources of a workspace that is not trusted
    are not looked at, since it could name any file or address: they stay as last recorded, and a warning says so once.
    """
    project.coordinator.reap()
    registry = project.registry()
    return replace(registry, unreadable=_look_at_sources(project, registry, asks=asks).unreadable)


def _look_at_sources(project: Project, registry: Registry, *, asks: bool) -> SourceLook:
    sources = list_read_sources(registry)
    if project.is_trusted:
        return refresh_sources(project.catalog, project.root, registry, sources, asks=asks)
    if sources and not project.has_warned_untrusted:
        project.has_warned_untrusted = True
        log.warning("%s is not a workspace that you made or trust: sources are shown as last seen.", project.root)
    return SourceLook()


def list_read_sources(registry: Registry) -> list[str]:
    """The sources that something reads."""
    return [d.name for d in registry.graph.definitions if d.is_source and registry.graph.downstream(d.name)]


def register_edited_code(project: Project, *, logs: bool = True) -> CodeChanges:
    """Register code that was edited on disk, and return what changed; with ``logs`` that is logged too.

    The code of a workspace that is not trusted is not looked at.
    """
    changes = CodeChanges()
    if project.is_trusted:
        changes = _make_scanner(project).scan(project.registry())
        refresh_checks(project)
    if logs:
        changes.log()
    return changes


def refresh(project: Project) -> CodeChanges:
    """Register edited code and record changed source files; returns and logs what changed."""
    edited = register_edited_code(project, logs=False)
    project.coordinator.reap()
    found = _look_at_sources(project, project.registry(), asks=True)
    changes = replace(edited, sources=found.changes)
    changes.log()
    return changes


def find_code_checked_at(project: Project) -> datetime | None:
    """When a plan, a tick or a refresh of any process last looked for edited code; None where none did."""
    return _make_scanner(project).checked_at


def describe_code_age(project: Project) -> str:
    """``as seen 10:02`` where code was last scanned for edits more than a minute ago; else ""."""
    return describe_scan_time(find_code_checked_at(project), datetime.now(UTC))


def _make_scanner(project: Project) -> CodeScanner:
    return CodeScanner(project.catalog, project.root, time.time_ns)
