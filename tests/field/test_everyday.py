"""What the page on staleness says of everyday events, row by row of its table."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.clocks import Clock
from tests.recording import record, write_notebook

DOCS = Path(__file__).parents[2] / "docs" / "staleness.md"
FLOW = """from pathlib import Path
def tell(text):
    return text.upper()
def read(path):
    return tell(Path(path).read_text())
"""


def parsed(inbox: str) -> str:
    return Path(inbox).read_text()


def scored(parsed: str) -> str:
    return parsed


def summary(scored: Any) -> str:
    return "summary"


def chosen(scored: Any) -> str:
    return "chosen"


def daily(partition_key: str) -> str:
    return partition_key


def rolling(daily: Any) -> str:
    return "rolling"


def newest(daily: Any) -> str:
    return "newest"


def total(daily: Any) -> str:
    return "total"


def before(daily: Any) -> str:
    return "before"


@pytest.fixture
def made(ws: nbpart.Workspace, project: Path, clock: Clock) -> nbpart.Workspace:
    """Two files, each parsed and scored, and a summary of both; three days, read by windows; all of it made."""
    clock.set("2024-01-04T12:00")
    files = ws.dynamic_partitions("files")
    files.add("a", "b")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-01-01"))
    for key in files:
        (project / "inbox" / key).write_text(key)
    ws.source("inbox", "inbox/{partition_key}", partitions=files)
    write_notebook(project / "lone.ipynb", "import nbpart", "x = 1")
    ws.notebook("lone.ipynb")
    one: Any = nbpart.asset
    ws.register(
        one(parsed, partitions=files),
        one(scored, partitions=files),
        one(summary),
        one(chosen, deps={"scored": nbpart.only("a")}),
        one(daily, partitions=days),
        one(rolling, partitions=days, deps={"daily": nbpart.overlap(start=-1)}),
        one(newest, deps={"daily": nbpart.last(2)}),
        one(total, deps={"daily": nbpart.all_keys()}),
        one(before, partitions=days, deps={"daily": nbpart.previous()}),
    )
    make_all(ws)
    return ws


def make_all(ws: nbpart.Workspace) -> None:
    for asset, key in ws.plan("*").frame[["asset", "partition_key"]].itertuples(index=False):
        record(ws, asset, key, f"{asset} of {key}")
    assert outdated(ws) == set()


def outdated(ws: nbpart.Workspace) -> set[str]:
    """What is not up to date, each as ``asset[key] status``."""
    found: set[str] = set()
    ws.plan("*")  # a look at code and files
    for asset in ws.assets.computed:
        for row in ws.partition_status(asset).itertuples():
            if row.status != "materialized":
                found.add(f"{asset}{f'[{row.partition_key}]' if row.partition_key else ''} {row.status}")
    return found


BELOW_A = {"parsed[a] stale", "scored[a] stale", "summary stale", "chosen stale"}


def change_file(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    (project / "inbox" / "a").write_text("other")
    return BELOW_A


def touch_file(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    os.utime(project / "inbox" / "a")
    (project / "inbox" / "b").write_text("b")
    return set()


def make_equal(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    record(ws, "parsed", "a", "parsed of a")
    return set()


def make_different(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    record(ws, "parsed", "a", "other")
    return BELOW_A - {"parsed[a] stale"}


def edit_code(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    write_notebook(project / "lone.ipynb", "import nbpart", "x = 2")

    @ws.asset(name="scored", partitions=ws.partition_sets["files"])
    def edited(parsed: str) -> str:
        return parsed + "!"

    return {"lone stale", "scored[a] stale", "scored[b] stale", "summary stale", "chosen stale"}


def edit_comment(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    write_notebook(project / "lone.ipynb", "import nbpart\n\n\n# a comment", "x = 1  # one")
    return set()


def add_key(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    (project / "inbox" / "c").write_text("c")
    ws.partition_sets["files"].add("c")
    return {"parsed[c] missing", "scored[c] missing", "summary stale"}


def remove_key(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    ws.partition_sets["files"].remove("b")
    return {"summary stale"}


def end_window(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    clock.set("2024-01-05T12:00")
    new = {f"{asset}[2024-01-04] missing" for asset in ("daily", "rolling", "before")}
    return {*new, "newest stale", "total stale"}


def change_mapping(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    ws.asset(chosen, deps={"scored": nbpart.only("a", "b")})
    ws.asset(rolling, partitions=ws.partition_sets["days"], deps={"daily": nbpart.overlap(start=-2)})
    return {"chosen stale", "rolling[2024-01-03] stale"}


def fail(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    stage = Stage(lambda spec: ValueError("broken"))
    ws.project.make_pool = stage.make_pool
    ws.backfill("parsed", keys="a", status="all").wait(progress=False)
    return {"parsed[a] failed"}


def damage(ws: nbpart.Workspace, project: Path, clock: Clock) -> set[str]:
    for key, harm in (("a", Path.unlink), ("b", lambda file: file.write_text("harmed"))):
        [file] = (ws.root / "data" / "parsed" / key).iterdir()
        harm(file)
    assert outdated(ws) == set()
    assert len(ws.check_data()) == 2
    return {"parsed[a] missing", "parsed[b] stale", "scored[a] stale", "scored[b] stale", "summary stale",
            "chosen stale"}  # fmt: skip


#: By what stands in the table: what happens, and what it returns is not up to date then.
EVENTS: dict[str, Callable[[nbpart.Workspace, Path, Clock], set[str]]] = {
    "a source file changes": change_file,
    "a source file is touched, same bytes": touch_file,
    "an input is made again, equal": make_equal,
    "an input is made again, different": make_different,
    "a cell or function is edited": edit_code,
    "a comment or blank line is edited": edit_comment,
    "a key is added to a set": add_key,
    "a key is removed": remove_key,
    "a window ends": end_window,
    "a mapping is changed": change_mapping,
    "a run fails": fail,
    "a data file is damaged or deleted": damage,
}


def test_the_table_has_these_events() -> None:
    rows = [line.split("|")[1].strip() for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    assert rows[1 : 1 + len(EVENTS)] == list(EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_it_makes_stale_what_the_table_says(made: nbpart.Workspace, project: Path, clock: Clock, event: str) -> None:
    expected = EVENTS[event](made, project, clock)
    assert outdated(made) == expected
    assert made.load("parsed", "a") == "parsed of a" if event == "a run fails" else True
