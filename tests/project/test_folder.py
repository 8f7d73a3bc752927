from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import LocksUnsupportedError, WorkspaceError
from nbpart.project.discovery import find_workspace
from nbpart.project.folder import open_folder


def test_a_file_is_no_workspace(project: Path) -> None:
    (project / "file").write_text("mine")
    with pytest.raises(WorkspaceError, match="file is a file, not a folder"):
        nbpart.open("file")
    with pytest.raises(WorkspaceError, match=r"file is a file, so .* cannot be a folder"):
        nbpart.open("file/workspace/deep")
    assert (project / "file").read_text() == "mine"


@pytest.mark.parametrize("url", ["s3://bucket/work", "https://example.org/work", "file:///work"])
def test_a_url_is_no_workspace(project: Path, url: str) -> None:
    for path, catalog in ((url, None), ("workspace", url)):
        with pytest.raises(WorkspaceError, match=f"'{url}' is a URL: a workspace and its catalog are folders"):
            nbpart.open(path, catalog=catalog)
    assert os.listdir(project) == ["inbox"]


def test_a_read_only_place_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode, **_: Path(path) != project)
    with pytest.raises(WorkspaceError, match="project is read-only for this user"):
        nbpart.open("workspace")
    assert not (project / "workspace").exists()


def test_a_folder_that_cannot_be_made_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(WorkspaceError, match=r"cannot be made \(No space left on device\)"):
        nbpart.open("workspace")


def test_a_file_system_without_locks_is_refused_with_a_solution(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    local, flock = project / "local", fcntl.flock

    def refuse(file: Any, operation: int) -> None:
        number = file if isinstance(file, int) else file.fileno()
        if os.readlink(f"/proc/self/fd/{number}").startswith(str(project / "workspace")):
            raise OSError(95, "Operation not supported")
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(LocksUnsupportedError, match=r"nbpart\.open\(.*catalog="):
        nbpart.open("workspace")
    with nbpart.open("workspace", catalog=local) as ws:
        assert ws.dynamic_partitions("files").add("a") == ["a"]


def test_a_catalog_kept_elsewhere_is_remembered(project: Path) -> None:
    with nbpart.open("workspace", catalog="kept") as ws:
        ws.dynamic_partitions("files").add("a")
        assert not (ws.root / "catalog.duckdb").exists()
    assert (project / "kept" / "catalog.duckdb").is_file()
    assert find_workspace(project) == project / "workspace"
    with nbpart.open("workspace") as ws:
        assert list(ws.dynamic_partitions("files")) == ["a"]
    (project / "kept").rename(project / "moved")
    with pytest.raises(WorkspaceError, match=r"keeps its catalog in .*kept, but there is none"):
        nbpart.open("workspace")
    with nbpart.open("workspace", catalog="moved") as ws:
        assert list(ws.dynamic_partitions("files")) == ["a"]
    with nbpart.open("workspace") as ws:
        assert list(ws.dynamic_partitions("files")) == ["a"]


@pytest.mark.parametrize("elsewhere", ["victim", "kept"])
@pytest.mark.parametrize("token", ["", "\n", f"\n{'0' * 32}\n"], ids=["none", "empty", "wrong"])
def test_a_workspace_cannot_use_a_catalog_with_another_token(project: Path, elsewhere: str, token: str) -> None:
    nbpart.open("victim").close()
    nbpart.open("other", catalog="kept").close()
    (project / "enemy").mkdir()
    (project / "enemy" / "catalog.location").write_text(f"{project / elsewhere}{token}")
    before = {p: p.stat().st_mtime_ns for p in (project / elsewhere).rglob("*")}
    with pytest.raises(WorkspaceError, match=r"names the catalog in .*, which is not known to be its own"):
        nbpart.open("enemy")
    assert {p: p.stat().st_mtime_ns for p in (project / elsewhere).rglob("*")} == before
    nbpart.open("other").close()


def test_a_pointer_that_is_a_link_is_not_followed(project: Path) -> None:
    nbpart.open("workspace", catalog="kept").close()
    (project / "elsewhere").write_text((project / "workspace" / "catalog.location").read_text())
    (project / "workspace" / "catalog.location").unlink()
    (project / "workspace" / "catalog.location").symlink_to(project / "elsewhere")
    with pytest.raises(WorkspaceError, match="is a link to"):
        nbpart.open("workspace")


def test_a_missing_workspace_is_refused_without_create(project: Path) -> None:
    with pytest.raises(WorkspaceError, match="there is no workspace at"):
        open_folder("nowhere", create=False)
    assert not (project / "nowhere").exists()
    assert find_workspace(project) is None


def test_a_workspace_is_found_from_below(project: Path) -> None:
    (project / "notebooks" / "deep").mkdir(parents=True)
    nbpart.open("workspace").close()
    for folder in (project, project / "notebooks" / "deep", project / "workspace", project / "workspace" / "data"):
        assert find_workspace(folder) == project / "workspace"
