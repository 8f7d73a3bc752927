from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import nbpart
from nbpart.errors import WorkspaceError
from nbpart.project import ownership
from nbpart.project.discovery import find_workspace
from nbpart.project.trust import forget_workspace

STRANGER = 54321


@pytest.fixture
def project(tmp_path: Path) -> Path:
    nbpart.open(tmp_path / "project" / "workspace").close()
    forget_workspace(tmp_path / "project" / "workspace")
    (tmp_path / "project" / "deep" / "er").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make a file another user's: by root really, else by being somebody else to whom only the others belong."""
    given: set[Path] = set()
    real = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, follow_symlinks=follow_symlinks)
        if path in given:
            values = list(found)
            values[4] = STRANGER
            return os.stat_result(values)
        return found

    def give(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
        else:
            given.add(path)
            monkeypatch.setattr(Path, "stat", stat)

    return give


def test_a_workspace_of_this_user_is_found_from_a_folder_below(project: Path) -> None:
    for folder in (project, project / "deep" / "er", project / "workspace" / "data"):
        assert find_workspace(folder) == project / "workspace"


@pytest.mark.parametrize("part", [".", "catalog.duckdb"])
@pytest.mark.parametrize("below", [".", "deep/er", "workspace/data"])
def test_a_workspace_of_another_user_is_refused(
    project: Path, give_away: Callable[[Path], None], part: str, below: str
) -> None:
    give_away(project / "workspace" / part)
    with pytest.raises(WorkspaceError, match=r"not yours: .* belongs to") as caught:
        find_workspace(project / below)
    assert f"-w {project / 'workspace'}" in str(caught.value)
    assert str(STRANGER) in str(caught.value)


def test_the_owner_of_a_catalog_elsewhere_and_of_the_pointer_file_is_checked(
    tmp_path: Path, give_away: Callable[[Path], None]
) -> None:
    nbpart.open(tmp_path / "workspace", catalog=tmp_path / "disk").close()
    forget_workspace(tmp_path / "workspace")
    assert find_workspace(tmp_path) == tmp_path / "workspace"
    give_away(tmp_path / "workspace" / "catalog.location")
    with pytest.raises(WorkspaceError, match=r"catalog\.location belongs to"):
        find_workspace(tmp_path)


def test_the_owner_of_a_link_is_checked(project: Path, tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    (tmp_path / "planted").mkdir()
    link = tmp_path / "planted" / "workspace"
    link.symlink_to(project / "workspace")
    assert find_workspace(tmp_path / "planted") == link
    give_away(link)
    with pytest.raises(WorkspaceError, match="not yours"):
        find_workspace(tmp_path / "planted")


def test_a_trusted_workspace_of_another_user_is_found(project: Path, give_away: Callable[[Path], None]) -> None:
    give_away(project / "workspace")
    nbpart.open(project / "workspace", trust=True).close()
    assert find_workspace(project) == project / "workspace"


def test_the_search_ends_at_a_mount_point(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, follow_symlinks=follow_symlinks)
        if path == project / "deep" or project / "deep" in path.parents:
            values = list(found)
            values[2] += 1
            return os.stat_result(values)
        return found

    monkeypatch.setattr(Path, "stat", stat)
    assert find_workspace(project / "deep" / "er") is None
    assert find_workspace(project) == project / "workspace"


def test_under_sudo_the_calling_user_counts_as_this_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert ownership.my_user_ids({"SUDO_UID": "1000"}) == {0, 1000}
    assert ownership.my_user_ids({"SUDO_UID": "x"}) == {0}
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert ownership.my_user_ids({"SUDO_UID": "2000"}) == {1000}


def test_a_manual_run_checks_the_owner_too(
    project: Path, give_away: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_away(project / "workspace")
    monkeypatch.chdir(project)
    with pytest.raises(WorkspaceError, match=r"workspace= in nbpart\.current_run"):
        nbpart.current_run("any")
