"""Making the demo's folder, and writing files into its inbox."""

from __future__ import annotations

import datetime
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbpart.errors import ParameterError, WorkspaceError

if TYPE_CHECKING:
    import pyarrow as pa

#: The first line of a demo folder's DEMO.txt: a folder without it is never touched.
MARK = "This folder was made by `nbpart demo`, which makes it anew every time."
_ABOUT = """
inbox/               the files that landed: one CSV a day, flights from New York in 2013 (CC0)
flights.py           the source, three assets and the sensor; yours to change
daily_report.ipynb   the fourth asset, a notebook: open it in JupyterLab and run it by hand
carriers.sql         the question that the demo asked
catalog.duckdb       what is known about every partition and run
data/                what the runs made; runs/ holds the executed notebook and log of each
"""
_DAY_ONE = datetime.date(2013, 2, 1)  # so that two weeks hold the snowstorm of 8 February
_YEAR_END = datetime.date(2013, 12, 31)
_COLUMNS = (
    "date", "carrier", "airline", "flight", "tailnum", "origin", "dest", "sched_dep_time", "dep_time", "dep_delay",
    "sched_arr_time", "arr_time", "arr_delay", "air_time", "distance",
)  # fmt: skip


@dataclass(frozen=True)
class Landing:
    """What was written into an inbox: how many files, flights and bytes, and the file that breaks off."""

    files: int
    flights: int
    bytes: int
    broken: Path


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """Make a demo folder anew, with the assets, the notebook and an empty inbox; returns its absolute path.

    Raises `WorkspaceError`, and touches nothing, where something else is there already.
    """
    folder = Path(folder).absolute()
    if folder.is_symlink() or (folder.exists() and not _is_demo(folder)):
        raise WorkspaceError(
            f"{folder} is there already and was not made by `nbpart demo`: name another folder, or move it away."
        )
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "inbox").mkdir(parents=True)
    (folder / "DEMO.txt").write_text(f"{MARK}\nKeep your own work elsewhere.\n{_ABOUT}", encoding="utf-8")
    for name in ("flights.py", "carriers.sql", "daily_report.ipynb"):
        shutil.copyfile(find_file(name), folder / name)
    return folder


def land_days(inbox: str | os.PathLike[str], days: int = 14) -> Landing:
    """Write one CSV file a day into the folder ``inbox``; one of them breaks off in the middle of a row.

    ``days`` is 1 to 365. Raises `ParameterError` for any other number.
    """
    dates = list_days(days)
    flights = _load_flights(dates[0], dates[-1])
    paths = [_write_day(flights, date, Path(inbox)) for date in dates]
    broken = paths[days * 2 // 3]
    _break_off(broken)
    return Landing(days, flights.num_rows, sum(path.stat().st_size for path in paths), broken)


def list_days(days: int) -> list[datetime.date]:
    """The days of 2013 for a demo of so many days. Raises `ParameterError` for a number that is not 1 to 365."""
    if not 1 <= days <= 365:
        raise ParameterError(f"the demo shows 1 to 365 days of 2013, not {days}.")
    first = min(_DAY_ONE, _YEAR_END - datetime.timedelta(days - 1))
    return [first + datetime.timedelta(n) for n in range(days)]


def send_again(path: str | os.PathLike[str]) -> None:
    """Write the file of a day again, this time complete."""
    path = Path(path)
    date = datetime.date.fromisoformat(path.stem)
    _write_day(_load_flights(date, date), date, path.parent)


def find_file(name: str) -> Path:
    """A file of the demo: from the installed package, or from the notebooks of a source checkout."""
    package = Path(__file__).parent
    notebooks = package.parents[1] / "notebooks"
    places = (package / name, notebooks / name, notebooks / "data" / name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"the demo's {name} is not in this installation of nbpart: install it again.")
    return found


def _is_demo(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    mark = folder / "DEMO.txt"
    if not mark.is_file():
        return not any(folder.iterdir())
    return mark.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def _load_flights(first: datetime.date, last: datetime.date) -> pa.Table:
    import pyarrow.parquet as pq

    table = pq.read_table(
        find_file("flights.parquet"), columns=list(_COLUMNS), filters=[("date", ">=", first), ("date", "<=", last)]
    )
    return table.select(_COLUMNS).sort_by(
        [(name, "ascending") for name in ("date", "sched_dep_time", "carrier", "flight", "dest")]
    )


def _write_day(flights: pa.Table, date: datetime.date, inbox: Path) -> Path:
    import pyarrow.compute as pc
    from pyarrow import csv

    path = inbox / f"{date}.csv"
    rows = flights.filter(pc.equal(flights["date"], date))
    with path.open("wb") as file:
        file.write(",".join(_COLUMNS).encode() + b"\n")
        csv.write_csv(rows, file, csv.WriteOptions(include_header=False, quoting_style="none"))
    return path


def _break_off(path: Path) -> None:
    content = path.read_bytes()
    start = content.rindex(b"\n", 0, len(content) * 3 // 5) + 1
    end = content.index(b"\n", start)
    path.write_bytes(content[: (start + end) // 2])
