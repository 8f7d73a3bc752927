"""Paths that move with a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbpart.storage.relative import absolute_folder, to_absolute, to_relative

ROOT = "/srv/a/project/workspace"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (f"{ROOT}/data/x/1.parquet", "data/x/1.parquet"),
        (ROOT, "."),
        ("/srv/a/project", ".."),
        ("/srv/a/project/inbox/a.txt", "../inbox/a.txt"),
        (f"{ROOT}-2/a", "../workspace-2/a"),
        ("/srv/a/other", "/srv/a/other"),
        ("/srv/a/project-2/a", "/srv/a/project-2/a"),
        ("s3://bucket/a", "s3://bucket/a"),
    ],
)
def test_a_path_is_kept_relative_where_it_moves_with_the_workspace(path: str, kept: str) -> None:
    assert to_relative(path, ROOT) == kept
    assert to_absolute(kept, ROOT) == path


def test_what_lies_beside_a_workspace_at_the_top_of_the_file_system_does_not_move_with_it() -> None:
    assert to_relative("/usr/lib/x", "/workspace") == "/usr/lib/x"
    assert to_relative("/workspace/data/x", "/workspace") == "data/x"


def test_a_path_is_found_where_the_workspace_is_now() -> None:
    assert to_absolute(to_relative("/srv/a/project/inbox/a.txt", ROOT), "/srv/b/renamed") == "/srv/b/inbox/a.txt"


def test_a_folder_is_absolute_without_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "real").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "real")
    monkeypatch.chdir(tmp_path / "deep")
    assert absolute_folder("../ws") == tmp_path.resolve() / "ws"
    assert absolute_folder("../link/../ws") == tmp_path.resolve() / "deep" / "ws", "the parent of where the link leads"
    assert absolute_folder(tmp_path / "link" / "ws") == tmp_path / "link" / "ws", "a link stays"
    assert absolute_folder("~/ws") == Path.home() / "ws"
