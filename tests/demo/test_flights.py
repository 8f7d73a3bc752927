from __future__ import annotations

import gzip
from pathlib import Path
from types import ModuleType

import pytest

from nbpart.demo.folder import land_days, make_folder, send_again
from nbpart.demo.story import import_flights


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "demo")


@pytest.fixture
def flights(home: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(home)
    with import_flights(home) as module:
        return module


def test_the_metadata_describe_the_file(home: Path, flights: ModuleType) -> None:
    land_days(home / "inbox", 2)
    found = flights.files_metadata(str(home / "inbox" / "2013-02-01.csv"), "2013-02-01.csv")
    assert (found["day"], found["lines"], found["columns"]) == ("2013-02-01", 927, 15)
    assert found["bytes"] == (home / "inbox" / "2013-02-01.csv").stat().st_size
    assert len(found["sha256"]) == 64


def test_a_whole_file_is_cleaned_and_compressed(home: Path, flights: ModuleType) -> None:
    land_days(home / "inbox", 14)
    path = str(home / "inbox" / "2013-02-08.csv")
    frame = flights.processed_files(path, flights.files_metadata(path, "2013-02-08.csv"))
    assert len(frame) == 930
    assert frame["cancelled"].sum() == 472
    assert str(frame["scheduled_at"].min()) == "2013-02-08 05:00:00"
    assert str(frame["scheduled_at"].max()) == "2013-02-08 23:59:00"
    packed = flights.compressed_files(frame)
    assert gzip.decompress(packed).count(b"\n") == 931
    assert packed == flights.compressed_files(frame)


def test_a_broken_file_is_refused_with_an_explanation(home: Path, flights: ModuleType) -> None:
    broken = land_days(home / "inbox", 1).broken
    metadata = flights.files_metadata(str(broken), broken.name)
    with pytest.raises(ValueError, match=rf"{broken.name} breaks off in line \d+: \d+ of 15 columns"):
        flights.processed_files(str(broken), metadata)
    send_again(broken)
    metadata = flights.files_metadata(str(broken), broken.name)
    assert len(flights.processed_files(str(broken), metadata)) == metadata["lines"] - 1


def test_the_module_of_the_folder_is_imported_and_removed_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.chdir(home)
    path = list(sys.path)
    with import_flights(home) as module:
        assert Path(module.__file__ or "").parent == home
    assert "flights" not in sys.modules
    assert sys.path == path
