from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nbpart.storage.seen_files import UNSETTLED_NS, SeenFiles

HOUR_NS = 3_600_000_000_000


def test_a_file_is_read_once_and_again_only_where_its_stat_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.py"
    path.write_text("one")
    first = SeenFiles(time.time_ns() + HOUR_NS)
    digest = first.digest(str(path))
    known = json.loads(json.dumps(first.to_json()))
    monkeypatch.setattr("nbpart.storage.seen_files._digest_file", lambda path: "read")
    assert SeenFiles(time.time_ns() + HOUR_NS, known).digest(str(path)) == digest
    time.sleep(0.02)
    path.write_text("two")
    again = SeenFiles(time.time_ns() + HOUR_NS, known)
    assert again.digest(str(path)) == "read"
    monkeypatch.undo()
    path.write_text("three")
    assert again.digest(str(path)) == "read", "once a look"


def test_other_bytes_of_the_same_size_and_time_are_other_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("one")
    first = SeenFiles(time.time_ns() + HOUR_NS)
    digest = first.digest(str(path))
    found = path.stat()
    time.sleep(0.02)
    path.write_text("two")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert SeenFiles(time.time_ns(), first.to_json()).digest(str(path)) != digest


def test_a_file_that_changed_just_now_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("one")
    changed = path.stat().st_ctime_ns
    for now, is_settled in ((changed, False), (changed + UNSETTLED_NS, False), (changed + UNSETTLED_NS + 1, True)):
        seen = SeenFiles(now)
        seen.digest(str(path))
        assert seen.is_settled(str(path)) == is_settled
        assert bool(seen.to_json()) == is_settled


def test_a_folder_is_the_modules_and_packages_in_it(tmp_path: Path) -> None:
    def digest() -> str:
        return SeenFiles(time.time_ns()).digest(str(tmp_path))

    (tmp_path / "a.py").touch()
    before = digest()
    for name in ("data.csv", ".hidden", "a.py.bak"):
        (tmp_path / name).touch()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "a.py").write_text("other")
    assert digest() == before
    (tmp_path / "package").mkdir()
    with_package = digest()
    (tmp_path / "b.py").touch()
    assert len({before, with_package, digest()}) == 3


@pytest.mark.parametrize("known", [{"PATH": []}, {"PATH": 3}, {"PATH": [1, 2, 3, 4, 5, 6]}, {"PATH": ["a"] * 5}])
def test_damaged_records_of_seen_files_are_ignored(tmp_path: Path, known: dict[str, object]) -> None:
    path = tmp_path / "a.py"
    path.write_text("one")
    here = {str(path): value for value in known.values()}
    assert SeenFiles(time.time_ns(), here).digest(str(path)) == SeenFiles(time.time_ns()).digest(str(path))


def test_what_is_not_there_has_no_digest(tmp_path: Path) -> None:
    seen = SeenFiles(time.time_ns())
    (tmp_path / "file").touch()
    assert seen.digest(str(tmp_path / "none.py")) == ""
    assert seen.digest(str(tmp_path / "file" / "none.py")) == ""
    assert seen.to_json() == {}
