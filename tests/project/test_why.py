"""Why a partition is what it is, in one sentence and as a chain to its root."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

import nbpart
from nbpart.errors import UnknownNameError
from tests.assets.cells import Shell
from tests.backfill.pools import Stage
from tests.clocks import set_clock
from tests.projects import import_written
from tests.recording import record, write_notebook


def cleaned(inbox: Any) -> str:
    return "1"


def raw(partition_key: str) -> str:
    return partition_key


def report(cleaned: Any) -> str:
    return "2"


def total(cleaned: Any) -> str:
    return "3"


@pytest.fixture
def made(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    """A source of two files, what reads it, and what reads that by key and whole; all made."""
    files = ws.dynamic_partitions("files")
    files.add("a.csv", "b.csv")
    ws.source("inbox", "inbox/{partition_key}", partitions=files)
    ws.register(nbpart.asset(cleaned, partitions=files), nbpart.asset(report, partitions=files), nbpart.asset(total))  # type: ignore[call-overload]
    for key in files:
        (project / "inbox" / key).write_text("x")
        record(ws, "cleaned", key, f"cleaned {key}")
        record(ws, "report", key, f"report {key}")
    record(ws, "total", None, "total")
    return ws


def why(ws: nbpart.Workspace, asset: str, key: str | None = None) -> str:
    """The sentence, with hours and minutes and ids of runs left out."""
    return re.sub(r"run \S+", "run ...", re.sub(r"\d\d:\d\d", "hh:mm", str(ws.why(asset, key))))


def test_what_is_up_to_date_says_when_of_what_and_by_which_run_it_was_made(made: nbpart.Workspace) -> None:
    assert why(made, "report", "a.csv") == "materialized: made hh:mm of cleaned[a.csv] by run ..."
    assert why(made, "total") == "materialized: made hh:mm of 2 keys of cleaned by run ..."
    [row] = made.why("report", "a.csv").frame.to_dict("records")
    assert row["run_id"] == made.runs("report", "a.csv")["run_id"][0]
    assert row["cause"] == "made"
    assert why(made, "inbox", "a.csv") == "materialized: seen hh:mm"
    assert repr(made.why("total")).startswith("total is materialized: made ")
    with pytest.raises(UnknownNameError):
        made.why("report", "c.csv")


def test_inputs_that_changed_are_named_with_the_time(made: nbpart.Workspace, project: Path) -> None:
    (project / "inbox" / "a.csv").write_text("more")
    assert why(made, "cleaned", "a.csv") == "stale: source inbox[a.csv] changed hh:mm"
    assert made.why("cleaned", "a.csv").subject == ("inbox", "a.csv")
    record(made, "cleaned", "a.csv", "other")
    assert why(made, "report", "a.csv") == "stale: input cleaned[a.csv] changed hh:mm"
    assert why(made, "report", "b.csv").startswith("materialized")
    assert why(made, "total") == "stale: input cleaned[a.csv] changed hh:mm"


def test_the_chain_goes_back_to_what_changed(made: nbpart.Workspace, project: Path) -> None:
    (project / "inbox" / "a.csv").write_text("more")
    assert len(made.plan("cleaned")) == 1
    said = "stale: input cleaned[a.csv] is stale: its source inbox[a.csv] changed hh:mm"
    assert why(made, "report", "a.csv") == why(made, "total") == said
    chain = made.why("report", "a.csv").frame
    assert chain[["asset", "partition_key", "cause"]].values.tolist() == [
        ["report", "a.csv", "input stale"],
        ["cleaned", "a.csv", "input changed"],
    ]
    assert made.plan("+report").explain()["reason"].str.startswith("stale: ").all()


def test_a_plan_says_of_each_step_what_the_status_says(made: nbpart.Workspace, project: Path) -> None:
    files = made.dynamic_partitions("files")
    files.add("failed.csv", "lost.csv", "new.csv")
    for key in files:
        (project / "inbox" / key).write_text("x")
    record(made, "cleaned", "lost.csv", "x")
    next((made.root / "data" / "cleaned" / "lost.csv").iterdir()).unlink()
    made.check_data("cleaned")
    (project / "inbox" / "b.csv").write_text("more")
    made.project.make_pool = Stage(lambda spec: ValueError("no columns")).make_pool  # type: ignore[assignment]
    made.backfill("cleaned", keys="failed.csv").wait(progress=False)
    plan = made.plan("cleaned")
    reasons = dict(zip(plan.frame["partition_key"], plan.frame["reason"], strict=True))
    assert reasons == {
        "b.csv": "source inbox changed",
        "failed.csv": "its last run failed",
        "lost.csv": "its data file was deleted",
        "new.csv": "never run",
    }
    assert reasons == made.partition_status("cleaned").set_index("partition_key")["reason"].dropna().to_dict()
    assert plan.counts() == {"stale": 1, "failed": 1, "missing": 2}


def balance_of(before: Any, cleaned: Any) -> str:
    return "0"


def test_a_running_balance_goes_back_to_the_first_day_that_changed(ws: nbpart.Workspace) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2013-01-01", end="2013-01-07"))
    deps = {"before": nbpart.previous(of="balance"), "cleaned": nbpart.same(of="raw")}
    balances = nbpart.asset(balance_of, name="balance", partitions=days, deps=deps)  # type: ignore[call-overload]
    ws.register(nbpart.asset(raw, partitions=days), balances)  # type: ignore[call-overload]
    for key in days:
        record(ws, "raw", key, key)
        record(ws, "balance", key, key)
    record(ws, "raw", "2013-01-02", "other")
    assert why(ws, "balance", "2013-01-02") == "stale: input raw[2013-01-02] changed hh:mm"
    assert why(ws, "balance", "2013-01-06") == (
        "stale: input balance[2013-01-05] is stale, back to balance[2013-01-02]: "
        "its input raw[2013-01-02] changed hh:mm"
    )


def test_the_cause_of_what_is_stale_is_one(made: nbpart.Workspace, project: Path) -> None:
    chance, files = random.Random(12), made.dynamic_partitions("files")

    def act(number: int) -> None:
        key = chance.choice(list(files))
        match chance.randrange(5):
            case 0:
                (project / "inbox" / key).write_text(str(number))
            case 1:
                record(made, "cleaned", key, chance.choice(["same", str(number)]))
            case 2:
                record(made, "report", key, str(number))
            case 3:
                files.add(f"{number}.csv")
            case 4 if len(files) > 1:
                files.remove(key)

    for number in range(8):
        act(number)
        made.plan("*")  # looks at the files
        statuses = {name: made.partition_status(name).set_index("partition_key") for name in ("cleaned", "report")}
        for name, frame in statuses.items():
            for key in frame.index[frame["status"] == "stale"]:
                *above, root = made.why(name, key).causes
                assert all(one.kind in ("input stale", "input missing") for one in above)
                for one in above:
                    assert one.subject is not None
                    assert statuses[one.subject.asset]["status"][one.subject.key] == one.kind.split()[1]
                assert root.kind in ("input changed", "waiting", "data lost", "never run"), root
                if root.kind == "input changed":
                    assert root.subject is not None
                    assert root.at is not None
                    assert root.at > pd.Timestamp(statuses[root.of.asset]["materialized_at"][root.of.key])


def test_a_run_that_went_without_a_key_is_stale_when_that_is_there(ws: nbpart.Workspace) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2013-01-01", end="2013-01-04"))
    ws.register(nbpart.asset(raw, name="cleaned", partitions=days), nbpart.asset(total, on_missing_input="skip"))  # type: ignore[call-overload]
    record(ws, "cleaned", "2013-01-01", "1")
    record(ws, "total", None, "1")
    assert why(ws, "total").startswith("materialized: made hh:mm of 1 key of cleaned")
    record(ws, "cleaned", "2013-01-02", "2")
    assert why(ws, "total") == "stale: input set changed: +2013-01-02"


def test_keys_that_came_and_left_are_named(made: nbpart.Workspace, project: Path) -> None:
    files = made.dynamic_partitions("files")
    for key in ("c.csv", "d.csv", "e.csv", "f.csv"):
        files.add(key)
        (project / "inbox" / key).write_text("x")
    record(made, "cleaned", "c.csv", "c")
    assert why(made, "total") == "stale: input set changed: +c.csv"
    files.remove("b.csv")
    assert why(made, "total") == "stale: input set changed: +c.csv, -b.csv"
    for key in ("d.csv", "e.csv", "f.csv"):
        record(made, "cleaned", key, key)
    assert why(made, "total") == "stale: input set changed: +c.csv, +d.csv, +e.csv and 2 more"
    record(made, "total", None, "total")
    files.remove("c.csv")
    files.add("b.csv")
    assert why(made, "total") == "stale: input set changed: +b.csv, -c.csv", "not what came and left before it was made"


def test_another_newest_key_without_data_is_another_set(ws: nbpart.Workspace) -> None:
    keys = ws.dynamic_partitions("keys")
    keys.add("x", "y")
    ws.register(nbpart.asset(raw, name="cleaned", partitions=keys))  # type: ignore[call-overload]
    for name, mapping in (("newest", nbpart.last(of="cleaned")), ("newer", nbpart.last(2, of="cleaned"))):
        ws.register(nbpart.asset(total, name=name, deps={"cleaned": mapping}))  # type: ignore[call-overload]
    for key in keys:
        record(ws, "cleaned", key, key)
    for name in ("newest", "newer"):
        record(ws, name, None, name)
    keys.add("z")
    for name in ("newest", "newer"):
        assert why(ws, name) == "stale: input set changed: +z (no data yet)"
    record(ws, "cleaned", "z", "z")
    for name in ("newest", "newer"):
        assert why(ws, name) == "stale: input set changed: +z"
    keys.remove("z")
    record(ws, "cleaned", "y", "another")
    assert why(ws, "newest") == "stale: input cleaned[y] changed hh:mm"


def test_what_was_never_made_waits_or_is_blocked(made: nbpart.Workspace, project: Path) -> None:
    files = made.dynamic_partitions("files")
    files.add("c.csv")
    place = project / "inbox" / "c.csv"
    assert why(made, "cleaned", "c.csv") == f"waiting: needs source inbox: there is no file at {place}"
    assert why(made, "report", "c.csv") == (
        f"waiting: input cleaned[c.csv] is waiting: needs source inbox: there is no file at {place}"
    )
    place.write_text("x")
    assert why(made, "cleaned", "c.csv") == "missing: never run"
    assert why(made, "report", "c.csv") == "missing: never run"
    made.project.make_pool = Stage(lambda spec: ValueError("no columns")).make_pool  # type: ignore[assignment]
    made.backfill("cleaned", keys="c.csv").wait(progress=False)
    assert why(made, "cleaned", "c.csv") == "failed: ValueError: no columns"
    assert why(made, "report", "c.csv") == "blocked: cleaned[c.csv] failed: ValueError: no columns"
    chain = made.why("report", "c.csv").frame
    assert chain[["asset", "partition_key", "cause"]].values.tolist() == [
        ["report", "c.csv", "input failed"],
        ["cleaned", "c.csv", "failed"],
    ]
    assert chain["run_id"].tolist()[1] == made.runs("cleaned", "c.csv")["run_id"][0]


def test_data_that_is_gone(made: nbpart.Workspace) -> None:
    next((made.root / "data" / "cleaned").rglob("*.txt")).unlink()
    made.check_data("cleaned")
    statuses = made.partition_status("cleaned").set_index("partition_key")["status"]
    [gone] = statuses.index[statuses == "missing"]
    assert why(made, "cleaned", gone) == "missing: its data file was deleted"
    assert why(made, "report", gone) == f"stale: input cleaned[{gone}] is missing: its data file was deleted"


def test_an_input_that_was_wiped_is_no_key_that_left(ws: nbpart.Workspace) -> None:
    keys = ws.dynamic_partitions("keys")
    keys.add("x", "y")

    @ws.asset(partitions=keys)
    def part(partition_key: str) -> str: ...

    @ws.asset
    def whole(part: Any) -> str: ...

    for key in keys:
        record(ws, "part", key, key)
    record(ws, "whole", None, "whole")
    ws.wipe("part", keys="x", reason="a bad batch")
    assert re.fullmatch(r"stale: input part\[x\] is missing: wiped on .* by .*: a bad batch", why(ws, "whole"))
    keys.remove("y")
    assert why(ws, "whole") == "stale: input set changed: -y"


def test_a_window_that_has_not_ended(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2013-01-07T12:00")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2013-01-01"))
    days = ws.partitions(nbpart.DailyPartitions("days", start="2013-01-01", end_offset=1))
    ws.register(nbpart.asset(cleaned, partitions=hours, deps={"inbox": nbpart.previous(of="cleaned")}))  # type: ignore[call-overload]
    ws.register(nbpart.asset(report, partitions=days))  # type: ignore[call-overload]
    assert why(ws, "report", "2013-01-07") == "waiting: 2013-01-07Thh:mm has not ended"


def test_code_that_changed_is_named_by_notebook_and_cell(ws: nbpart.Workspace, project: Path) -> None:
    path = write_notebook(project / "train.ipynb", "# only a comment", "a = 1", "b = 2")
    ws.notebook("train.ipynb")
    record(ws, "train", None, "x")
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# Training"))
    notebook.cells[-1].source = "b = 3"
    nbformat.write(notebook, path)
    ws.refresh()
    assert why(ws, "train") == "stale: code changed (train.ipynb, cell 4)"
    assert ws.why("train").frame["at"].notna().all()


def test_a_value_that_a_function_carries_is_named(ws: nbpart.Workspace) -> None:
    shell = Shell()

    def declare(keep: str, mark: str = "!") -> None:
        shell.run(f"KEEP = {keep}\ndef shorten(x):\n    return x + {mark!r}\n")
        shell.run("def flights():\n    return shorten(sorted(KEEP)[0])\n")
        ws.register(nbpart.asset(shell["flights"]))

    declare('{"JFK", "LGA", "EWR"}')
    record(ws, "flights", None, "x")
    declare('{"EWR", "JFK", "LGA"}')
    assert why(ws, "flights").startswith("materialized"), "the order in which it was written is no change"
    declare('{"JFK", "LGA"}')
    assert why(ws, "flights") == "stale: code changed (KEEP)"
    declare('{"JFK", "LGA", "EWR"}', "?")
    assert why(ws, "flights") == "stale: code changed (shorten)"


FLOW = """import nbpart


def shorten(name):
    return name + "!"


@nbpart.asset
def clean():
    return shorten("x")
"""


def test_what_a_module_calls_is_named_by_its_file(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.register(import_written(project, "why_flow", FLOW, monkeypatch).clean)
    record(ws, "clean", None, "x")
    moved = FLOW.replace("def shorten", "# a comment\n\n\ndef other():\n    return 1\n\n\ndef shorten")
    (project / "why_flow.py").write_text(moved)
    assert len(ws.plan("*")) == 0
    (project / "why_flow.py").write_text(moved.replace('"!"', '"?"').replace("return 1", "return 2"))
    assert len(ws.plan("*")) == 1
    assert why(ws, "clean") == "stale: code changed (why_flow.py: shorten)"


NO_CODE = {
    "no UTF-8": b"\xff\xfe{}\x80",
    "no JSON": b"{'cells': ",
    "no notebook": b"[1, 2]",
    "cells that are none": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1, "a"]}',
    "a source that is none": b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}',
    "nested too deeply": b"[" * 100_000,
    "code nested too deeply": json.dumps(
        {"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "-" * 50_000 + "1"}]}
    ).encode(),
}


@pytest.mark.parametrize("content", NO_CODE.values(), ids=NO_CODE)
def test_kept_code_that_somebody_wrote_over_is_told_without_its_cell(
    ws: nbpart.Workspace, project: Path, content: bytes
) -> None:
    path = write_notebook(project / "train.ipynb", "a = 1")
    ws.notebook("train.ipynb")
    record(ws, "train", None, "x")
    [kept] = (ws.root / "code" / "train").glob("*.ipynb")
    write_notebook(path, "a = 2")
    ws.plan("*")
    kept.write_bytes(content)
    assert why(ws, "train").removesuffix(" (train.ipynb, cell 1)") == "stale: code changed"


@pytest.mark.parametrize("content", [b"\xff = 1\n", b"\x00", b"x = " + b"-" * 50_000 + b"1"])
def test_a_kept_module_that_somebody_wrote_over_is_left_out(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    ws.register(import_written(project, "why_lost_flow", FLOW, monkeypatch).clean)
    record(ws, "clean", None, "x")
    kept = next(one for one in (ws.root / "code").rglob("*.py") if "def shorten" in one.read_text())
    (project / "why_lost_flow.py").write_text(FLOW.replace('"!"', '"?"'))
    assert len(ws.plan("*")) == 1
    kept.write_bytes(content)
    assert why(ws, "clean").partition(" (")[0] == "stale: code changed"


def test_what_a_run_went_without_is_named_and_what_of_it_came(ws: nbpart.Workspace) -> None:
    files = ws.partitions(nbpart.DynamicPartitions("files", columns={"size": int}))
    files.add_rows([{"file": "a", "size": 1}], key="file")

    def other(partition_key: str, size: int) -> str: ...  # type: ignore[empty-body]

    def joined(raw: Any, other: Any) -> str: ...  # type: ignore[empty-body]

    ws.register(
        nbpart.asset(raw, partitions=files),
        nbpart.asset(other, partitions=files),
        nbpart.asset(joined, partitions=files, on_missing_input="skip"),
    )
    record(ws, "joined", "a", "joined")
    assert re.search(r"^materialized: made \d\d:\d\d without raw\[a\], other\[a\] by run ", str(ws.why("joined", "a")))
    record(ws, "other", "a", "other")
    assert re.search(r"^materialized: made \d\d:\d\d by run ", str(ws.why("other", "a")))
    assert re.search(r"^stale: input other\[a\] changed \d\d:\d\d$", str(ws.why("joined", "a")))
