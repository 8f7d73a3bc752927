"""A folder to work in and an open workspace in it, for the tests of rooms that need both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nbpart


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a user works in."""
    folder = tmp_path / "project"
    (folder / "inbox").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def ws(project: Path) -> Iterator[nbpart.Workspace]:
    workspace = nbpart.open("workspace")
    yield workspace
    workspace.close(timeout_s=60)  # a test that failed may have left a run that never ends
