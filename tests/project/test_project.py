"""`Project`: its cached registry, trust, and closing it."""

from __future__ import annotations

import pytest

import nbpart
from nbpart.catalog import Catalog
from nbpart.errors import CatalogError, UntrustedWorkspaceError
from nbpart.project.project import Project
from nbpart.project.trust import forget_workspace


def test_the_registry_is_read_again_only_when_the_catalog_changed(ws: nbpart.Workspace) -> None:
    before = ws.project.registry()
    assert ws.project.registry() is before
    ws.register(nbpart.source("inbox", "inbox"))
    assert list(before.nodes) == []
    assert list(ws.project.registry().nodes) == ["inbox"]


def test_a_registration_of_another_process_is_noticed(ws: nbpart.Workspace) -> None:
    before = ws.project.registry()
    with nbpart.open(ws.root) as other:
        other.register(nbpart.source("inbox", "inbox"))
    assert ws.project.registry() is not before
    assert list(ws.project.registry().nodes) == ["inbox"]


def test_code_may_run_in_a_trusted_or_assumed_trusted_workspace(ws: nbpart.Workspace) -> None:
    ws.project.check_trust()
    forget_workspace(ws.root)
    with pytest.raises(UntrustedWorkspaceError, match="none that you made or trust"):
        ws.project.check_trust()
    assert not ws.project.is_trusted
    catalog = Catalog.open(ws.project.catalog.path, create=False, purpose="a test", is_known=lambda _: True)
    vouched = Project(ws.root, catalog, "a test", is_assumed_trusted=True)
    vouched.check_trust()
    assert vouched.is_trusted
    vouched.close()
    ws.project.trust()
    ws.project.check_trust()


def test_closing_a_project_closes_its_catalog(ws: nbpart.Workspace) -> None:
    ws.project.close()
    with pytest.raises(CatalogError, match="closed"):
        ws.project.read(lambda batch: batch.sequence)
