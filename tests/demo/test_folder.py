from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nbpart.demo.folder import find_file, land_days, list_days, make_folder, send_again
from nbpart.errors import ParameterError, WorkspaceError


def read_rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_a_folder_is_made_with_all_files_of_the_demo(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "demo")
    assert {p.name for p in made.iterdir()} == {"DEMO.txt", "inbox", "flights.py", "carriers.sql", "daily_report.ipynb"}
    assert made.is_absolute()


def test_a_demo_is_made_anew(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "demo")
    (made / "catalog.duckdb").write_text("old")
    make_folder(made)
    assert not (made / "catalog.duckdb").exists()


def test_an_empty_folder_may_become_a_demo(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    assert (make_folder(tmp_path / "demo") / "flights.py").exists()


@pytest.mark.parametrize("content", ["thesis.tex", "DEMO.txt"])
def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / content).write_text("years of it")
    with pytest.raises(WorkspaceError, match="was not made by `nbpart demo`"):
        make_folder(tmp_path / "work")
    assert (tmp_path / "work" / content).read_text() == "years of it"


def test_neither_a_file_nor_a_link_becomes_a_demo(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    made = make_folder(tmp_path / "demo")
    (tmp_path / "link").symlink_to(made)
    for name in ("file", "link"):
        with pytest.raises(WorkspaceError):
            make_folder(tmp_path / name)
    assert (made / "flights.py").exists()


def test_two_weeks_hold_the_snowstorm(tmp_path: Path) -> None:
    landing = land_days(tmp_path, 14)
    assert [p.name for p in sorted(tmp_path.iterdir())] == [f"2013-02-{n:02}.csv" for n in range(1, 15)]
    assert landing.flights == 12_222
    assert landing.bytes == sum(p.stat().st_size for p in tmp_path.iterdir())
    header, *rows = read_rows(tmp_path / "2013-02-08.csv")
    assert len(rows) == 930
    assert sum(row[header.index("dep_time")] == "" for row in rows) == 472
    assert {row[0] for row in rows} == {"2013-02-08"}


@pytest.mark.parametrize("days", [1, 2, 5])
def test_exactly_one_file_breaks_off_within_a_row(tmp_path: Path, days: int) -> None:
    broken = land_days(tmp_path, days).broken
    for path in tmp_path.iterdir():
        header, *rows = read_rows(path)
        short = [n for n, row in enumerate(rows, 1) if len(row) != len(header)]
        assert short == ([len(rows)] if path == broken else [])
        assert path.read_text().endswith("\n") == (path != broken)


def test_a_file_that_is_sent_again_is_whole(tmp_path: Path) -> None:
    broken = land_days(tmp_path, 2).broken
    (tmp_path / "other").mkdir()
    land_days(tmp_path / "other", 3)
    before = broken.read_bytes()
    send_again(broken)
    assert broken.read_bytes().startswith(before)
    assert broken.read_bytes() == (tmp_path / "other" / broken.name).read_bytes()


@pytest.mark.parametrize("days", [0, -1, 366])
def test_other_numbers_of_days_are_refused(days: int) -> None:
    with pytest.raises(ParameterError, match="1 to 365"):
        list_days(days)


@pytest.mark.parametrize("days", [1, 14, 334, 335, 365])
def test_all_days_are_of_2013(days: int) -> None:
    found = list_days(days)
    assert len(set(found)) == days
    assert {day.year for day in found} == {2013}


def test_a_missing_file_of_the_demo_raises_an_error() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt"):
        find_file("nothing.txt")
