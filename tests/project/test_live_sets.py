"""Sets of every kind in a workspace: what they hold, what follows when their parts change, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbpart
from nbpart.catalog import queries
from nbpart.catalog.check import check
from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions.keys import escape
from nbpart.project.partition_set import PartitionSet
from tests.recording import record


def measure(partition_key: str) -> str:
    return partition_key


@pytest.fixture
def days(ws: nbpart.Workspace) -> PartitionSet:
    return ws.partitions(
        nbpart.DailyPartitions("days", start="2024-03-09", end="2024-03-12", timezone="America/New_York")
    )


def test_windows_are_rows_with_their_times(ws: nbpart.Workspace, days: Any) -> None:
    assert list(days) == ["2024-03-09", "2024-03-10", "2024-03-11"]
    frame = days.frame
    assert list(frame.columns) == ["partition_key", "days", "window_start", "window_end"]
    assert frame["window_start"][1].isoformat() == "2024-03-10T00:00:00-05:00"
    row = days.row("2024-03-10")
    assert str(row["window_end"]) == "2024-03-11 00:00:00-04:00"
    assert row["window_end"] - row["window_start"] == timedelta(hours=23)
    hours = (frame["window_end"] - frame["window_start"]) / pd.Timedelta(hours=1)
    assert hours.tolist() == [24, 23, 24]
    assert days.row(date(2024, 3, 10))["days"] == date(2024, 3, 10)
    assert pd.Timestamp("2024-03-10") in days
    assert (days[0], days[-1], days[1:]) == ("2024-03-09", "2024-03-11", ["2024-03-10", "2024-03-11"])
    with pytest.raises(IndexError, match="no key number 3"):
        days[3]


def test_a_set_is_found_by_its_name_in_another_process(ws: nbpart.Workspace, days: Any) -> None:
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "origin": ["EWR", "J/K"]}, name="grid"))
    with nbpart.open(ws.root) as other:
        found = other.partitions("grid")
        assert found.definition == grid.definition
        assert list(found) == list(grid)
    with pytest.raises(UnknownNameError, match="did you mean 'days'"):
        ws.partitions("day")


def test_a_product_has_the_columns_of_its_dimensions(ws: nbpart.Workspace, days: Any) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add({"lr": 0.5}, {"lr": 0.1})
    grid = ws.partitions(nbpart.MultiPartitions({"trial": trials, "day": days}, name="grid"))
    frame = grid.frame
    assert list(frame.columns) == ["partition_key", "day", "day_start", "day_end", "trial", "lr"]
    assert frame["partition_key"].tolist()[:2] == ["day=2024-03-09,trial=lr%3D0.5", "day=2024-03-09,trial=lr%3D0.1"]
    assert grid.row({"day": "2024-03-10", "trial": {"lr": 0.1}})["lr"] == 0.1
    assert grid.row({"day": "2024-03-10", "lr": 0.1}) == grid.row("trial=lr%3D0.1,day=2024-03-10")


def test_a_product_follows_its_dimensions(ws: nbpart.Workspace) -> None:
    one, two = ws.dynamic_partitions("one"), ws.dynamic_partitions("two")
    one.add("a")
    grid = ws.partitions(nbpart.MultiPartitions({"x": one, "y": two, "z": one}, name="grid"))
    assert len(grid) == 0
    two.add("1", "2")
    assert list(grid) == ["x=a,y=1,z=a", "x=a,y=2,z=a"]
    one.add("b")
    assert len(grid) == 8
    two.remove("1")
    one.remove("a")
    assert list(grid) == ["x=b,y=2,z=b"]
    one.add("a")
    assert list(grid) == ["x=b,y=2,z=b", "x=b,y=2,z=a", "x=a,y=2,z=b", "x=a,y=2,z=a"]


def test_children_go_and_come_with_their_parent(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a", "b/c")
    chunks = ws.dynamic_partitions("chunks", under={"file": files}, params={"n": int})
    assert chunks.add("a/n%3D2", {"file": "a", "n": 1}) == ["a/n%3D2", "a/n%3D1"]
    assert chunks.add_grid(file="b/c", n=[1, 2]) == ["b%2Fc/n%3D1", "b%2Fc/n%3D2"]
    assert chunks.add_rows(pd.DataFrame({"file": ["a"], "n": [3]})) == ["a/n%3D3"]
    lines = ws.dynamic_partitions("lines", under={"chunk": chunks})
    lines.add({"chunk": {"file": "a", "n": 2}, "lines": "first"})
    assert list(lines.frame.columns) == [
        "partition_key", "chunk", "file", "n", "lines", "added_at", "added_by",
    ]  # fmt: skip
    chunks.remove({"file": "a", "n": 1})
    files.remove("a")
    assert (list(chunks), list(lines)) == (["b%2Fc/n%3D1", "b%2Fc/n%3D2"], [])
    files.add("a")
    assert list(chunks) == ["b%2Fc/n%3D1", "b%2Fc/n%3D2", "a/n%3D2", "a/n%3D3"]  # not what somebody removed
    assert len(lines) == 1
    with pytest.raises(UnknownNameError, match="'chunks' stand below 'files', which have no key 'z'"):
        chunks.add({"file": "z", "n": 1})


def test_rows_of_a_sheet_set_columns(ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture) -> None:
    samples = ws.dynamic_partitions("samples", columns={"batch": str, "age": int})
    sheet = pd.DataFrame({"sample": ["s1", "s2"], "batch": ["A", None], "age": [30, 40]})
    assert samples.add_rows(sheet, key="sample") == ["s1", "s2"]
    with caplog.at_level(logging.INFO, "nbpart"):
        assert samples.add_rows(pd.DataFrame({"id": ["s1", "s3"], "batch": ["B", "C"]}), key="id") == ["s3"]
    assert "the columns of 1 key that was there changed" in caplog.text
    assert samples.row("s1") == {"batch": "B", "age": 30}
    assert samples.row("s3") == {"batch": "C", "age": None}
    samples.rename("s3", "sample 3")
    assert samples.row("sample 3")["batch"] == "C"
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add(lr=0.1)
    trials.rename({"lr": 0.1}, {"lr": 0.2})
    frame = trials.frame
    assert (frame.partition_key.tolist(), frame.lr.tolist(), len(frame.added_by)) == (["lr=0.2"], [0.2], 1)
    with pytest.raises(ParameterError, match="row 0: 'bach' is no column of them; did you mean 'batch'"):
        samples.add_rows([{"sample": "s4", "bach": "A"}], key="sample")
    with pytest.raises(ParameterError, match="no column 'smple'; did you mean 'sample'"):
        samples.add_rows(sheet, key="smple")
    with pytest.raises(DeclarationError, match="name the column that holds the keys"):
        samples.add_rows(sheet)


def test_a_renamed_key_keeps_what_was_recorded(ws: nbpart.Workspace) -> None:
    files, shops = ws.dynamic_partitions("files"), ws.dynamic_partitions("shops")
    files.add("a", "b")
    shops.add("x")
    grid = ws.partitions(nbpart.MultiPartitions({"file": files, "shop": shops}, name="grid"))
    chunks = ws.dynamic_partitions("chunks", under={"cell": grid})
    chunks.add({"cell": {"file": "a", "shop": "x"}, "chunks": "1"})
    ws.register(nbpart.asset(partitions=grid, name="size")(measure))
    run = ws.materialize("size", {"file": "a", "shop": "x"})
    files.rename("a", "acme, inc=1")
    assert list(files) == ["acme, inc=1", "b"]
    assert list(grid) == ["file=acme%2C inc%3D1,shop=x", "file=b,shop=x"]
    assert list(chunks) == [f"{escape(grid[0])}/1"]
    assert ws.partition_status("size")["run_id"][0] == run.run_id
    with pytest.raises(UnknownNameError, match="'files' has no key 'a'"):
        files.rename("a", "c")
    with pytest.raises(PartitionKeyError, match="there is a key 'b' already"):
        files.rename("acme, inc=1", "b")
    files.rename("acme, inc=1", "a")
    assert list(grid) == ["file=a,shop=x", "file=b,shop=x"]


def test_a_text_of_a_removed_key_is_free_unless_it_has_a_history(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("made", "bare", "new")
    ws.register(nbpart.asset(partitions=files, name="size")(measure))
    ws.materialize("size", "made")
    files.remove("made", "bare")
    files.rename("new", "bare")
    with pytest.raises(PartitionKeyError, match="'made' was a key before and has a history"):
        files.rename("bare", "made")
    assert list(files) == ["bare"]


def test_a_text_of_a_product_from_another_time_is_free_unless_it_has_a_history(ws: nbpart.Workspace) -> None:
    for name, keys_of in {"old": ["a", "b"], "new": ["c", "d"]}.items():
        ws.dynamic_partitions(name).add(keys_of)
    ws.partitions(nbpart.MultiPartitions({"x": ws.partitions("old"), "y": ["1", "2"]}, name="grid"))
    ws.register(nbpart.asset(partitions=ws.partitions("grid"), name="report")(measure))
    ws.materialize("report", "x=b,y=2")
    grid = ws.partitions(nbpart.MultiPartitions({"x": ws.partitions("new"), "y": ["1", "2"]}, name="grid"))
    ws.partitions("new").rename("c", "a")
    with pytest.raises(PartitionKeyError, match="'x=b,y=2' was a key before and has a history"):
        ws.partitions("new").rename("d", "b")
    assert grid.frame["partition_key"].tolist() == ["x=a,y=1", "x=a,y=2", "x=d,y=1", "x=d,y=2"]
    ws.partitions("new").rename("a", "ä,/=%")
    assert grid.frame["partition_key"].tolist()[0] == f"x={escape('ä,/=%')},y=1" == grid[0]


def test_replacing_keeps_order_and_refuses_to_drop_many(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add([f"{n:03}" for n in range(100)])
    files.replace([f"{n:03}" for n in reversed(range(100)) if n != 7])
    assert (files[0], files[-1], len(files)) == ("099", "000", 99)
    few = ["new", *(f"{n:03}" for n in range(80))]
    with pytest.raises(
        ParameterError,
        match=r"would take 20 of 99 keys off 'files', '099' the first: if that is meant, allow it by at_most=20",
    ):
        files.replace(few)
    with pytest.raises(ParameterError, match="99 of 99"):
        files.replace([])
    assert len(files) == 99
    files.replace(few, at_most=20)
    assert files[0] == "new"
    small = ws.dynamic_partitions("small")
    small.add("a", "b")
    small.replace(["b"])
    with pytest.raises(ParameterError, match="1 of 1"):
        small.replace([])
    small.replace([], at_most=1)
    assert len(small) == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s: s.add("x"), "they are windows of time, which come when they have ended"),
        (lambda s: s.remove("2024-03-09"), "they are windows of time"),
        (lambda s: s.replace([]), "they are windows of time"),
        (lambda s: s.rename("2024-03-09", "x"), "they are windows of time"),
    ],
)
def test_windows_cannot_be_changed_by_hand(days: Any, call: Callable[[Any], object], sentence: str) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        call(days)


def test_a_product_that_would_be_too_large_is_refused(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbpart.catalog.events.membership.MAX_PRODUCT", 6)
    files = ws.dynamic_partitions("files")
    files.add("a", "b")
    grid = ws.partitions(nbpart.MultiPartitions({"file": files, "n": ["1", "2", "3"]}, name="grid"))
    with pytest.raises(DeclarationError, match=r"'grid' would have 9 partitions \(3 x 3\)"):
        files.add("c")
    assert (len(files), len(grid)) == (2, 6)


def test_a_redeclared_list_says_what_leaves_it_and_brings_it_back(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    def declare(*keys: str) -> None:
        ws.partitions(nbpart.StaticPartitions(keys, name="lines"))

    declare("a", "b", "c")
    ws.register(nbpart.asset(partitions=ws.partitions("lines"), name="size")(measure))
    ws.materialize("size", "a")
    with caplog.at_level(logging.WARNING, "nbpart"):
        declare("c", "b")
    assert "made partitions leave the list, 1 of size" in caplog.text
    assert ws.partition_status("size")["partition_key"].tolist() == ["c", "b"]
    declare("a", "b", "c")
    assert ws.partition_status("size")["status"].tolist() == ["materialized", "missing", "missing"]


def test_an_unnamed_list_that_grows_keeps_its_partitions(ws: nbpart.Workspace) -> None:
    def declare(*keys: str) -> None:
        ws.register(nbpart.asset(partitions=list(keys), name="size")(measure))

    declare("a", "b")
    ws.materialize("size", "b")
    declare("b", "c")
    assert ws.partition_status("size")["status"].tolist() == ["materialized", "missing"]


def test_typed_keys_sort_as_numbers(ws: nbpart.Workspace) -> None:
    folds = ws.partitions(nbpart.StaticPartitions(range(11), name="folds", column="fold"))
    assert folds.row(10) == {"fold": 10}
    assert folds.frame.sort_values("fold")["partition_key"].tolist()[-2:] == ["9", "10"]


def test_partitions_of_another_kind_do_not_take_the_name(ws: nbpart.Workspace, days: Any) -> None:
    with pytest.raises(DeclarationError, match="'days' names windows of time here; choose another name"):
        ws.dynamic_partitions("days")


keys = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["add", "remove"]), st.sampled_from("xy"), st.lists(keys, min_size=1, max_size=3)),
        max_size=12,
    )
)
def test_a_product_is_always_that_of_its_dimensions(
    ws: nbpart.Workspace, moves: list[tuple[str, str, list[str]]]
) -> None:
    number = len(ws.partition_sets)  # sets of their own for each example
    sides = {name: ws.dynamic_partitions(f"{name}{number}") for name in "xy"}
    grid = ws.partitions(nbpart.MultiPartitions(sides, name=f"grid{number}"))
    ids: dict[str, int] = {}
    for move, side, some in moves:
        getattr(sides[side], move)(some)
        parts = [{"x": x, "y": y} for x in sides["x"] for y in sides["y"]]
        texts = [grid.definition.spell(one) for one in parts]
        assert list(grid) == texts
        assert [grid[n] for n in range(0, len(texts), 2)] == texts[::2]
        assert grid.page(1, 3) == texts[1:4]
        frame = grid.frame
        assert frame.to_dict("records") == [{"partition_key": t, **p} for t, p in zip(texts, parts, strict=True)]
        found = ws.project.catalog.read(lambda b, wanted=tuple(texts): queries.key_ids(b, grid.set_id, wanted)).tolist()
        assert all(ids.setdefault(text, key_id) == key_id for text, key_id in zip(texts, found, strict=True))
        assert len(set(ids.values())) == len(ids)
    again = ws.partitions(nbpart.MultiPartitions(dict(reversed(sides.items())), name=f"grid{number}"))
    assert list(again) == list(grid)


def test_a_window_that_ends_becomes_a_partition_at_the_next_look(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2024-01-01T05:30")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2024-01-01"))
    shops = ws.dynamic_partitions("shops")
    shops.add("a")
    grid = ws.partitions(nbpart.MultiPartitions({"hour": hours, "shop": shops}, name="grid"))
    before = ws.project.catalog.sequence()
    assert (len(hours), len(grid)) == (5, 5)
    assert ws.project.catalog.sequence() == before  # looking costs no write while nothing ended
    set_clock(ws, "2024-01-01T08:00")
    assert (len(grid), hours[-1], grid[-1]) == (8, "2024-01-01T07:00", "hour=2024-01-01T07:00,shop=a")
    assert ws.project.catalog.sequence() == before + 1


def test_a_start_that_is_moved_back_adds_windows_in_front(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2021-01-05T00:00")
    ws.partitions(nbpart.DailyPartitions("days", start="2021-01-02"))
    ws.register(nbpart.asset(partitions=ws.partitions("days"), name="report")(measure))
    ws.materialize("report", "2021-01-02")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2021-01-01"))
    assert days[0] == "2021-01-01"
    assert ws.partition_status("report")["status"].tolist() == ["missing", "materialized", "missing", "missing"]


def test_a_window_that_was_shown_ahead_and_left_comes_back_when_it_ends(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2024-01-01T05:30")
    ws.partitions(nbpart.HourlyPartitions("hours", start="2024-01-01", end_offset=2))
    ws.register(nbpart.asset(partitions=ws.partitions("hours"), name="report")(measure))
    ws.materialize("report", "2024-01-01T06:00")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2024-01-01"))
    assert hours[-1] == "2024-01-01T04:00"
    set_clock(ws, "2024-01-01T08:59")
    status = ws.partition_status("report")
    assert status["partition_key"].tolist() == list(hours) == [f"2024-01-01T0{hour}:00" for hour in range(8)]
    assert status["status"].tolist() == ["missing"] * 6 + ["materialized", "missing"]
    assert hours.frame["window_end"].iloc[-1] == pd.Timestamp("2024-01-01T08:00", tz="UTC")


def set_clock(ws: nbpart.Workspace, text: str) -> None:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    ws.project.catalog.clock = lambda: moment


def describe(run: Any, partition_window: Any, day: Any, shop: str, kind: str) -> dict[str, Any]:
    named = {name: str(value) for name, value in run.columns.items()}
    return {"window": [str(one) for one in partition_window], "day": str(day), "shop": shop, "kind": kind, "all": named}


def test_a_run_is_given_the_columns_of_its_partition(ws: nbpart.Workspace, days: Any) -> None:
    shops = ws.dynamic_partitions("shops", columns={"kind": str})
    shops.add_rows([{"shop": "O'Hare", "kind": "air"}], key="shop")
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "shop": shops}, name="grid"))
    ws.register(nbpart.asset(partitions=grid, name="described")(describe))
    ws.backfill("described").wait(progress=False)
    found = ws.load("described", {"day": "2024-03-10", "shop": "O'Hare"})
    assert found["window"] == ["2024-03-10 00:00:00-05:00", "2024-03-11 00:00:00-04:00"]
    assert (found["day"], found["shop"], found["kind"]) == ("2024-03-10", "O'Hare", "air")
    assert list(found["all"]) == ["day", "day_start", "day_end", "shop", "kind"]
    status = ws.partition_status("described")
    assert status["kind"].tolist() == ["air"] * 3
    both = ws.backfill("described", status="all", policy="single_run")
    both.wait(progress=False)
    assert ws.load("described", "day=2024-03-10,shop=O'Hare") == found


def test_a_window_is_asked_for_where_there_is_one(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    with pytest.raises(DeclarationError, match="takes partition_window, but its partitions have no windows of time"):
        ws.register(nbpart.asset(partitions=files, name="windowed")(windowed))


def windowed(partition_window: Any) -> str:
    return str(partition_window)


def test_a_changed_column_makes_stale_exactly_what_binds_it_or_joins_by_it(ws: nbpart.Workspace) -> None:
    samples = ws.dynamic_partitions("samples", columns={"batch": str, "sex": str})
    samples.add_rows(pd.DataFrame({"sample": ["s1", "s2"], "batch": ["A", "B"], "sex": ["f", "m"]}), key="sample")
    batches = ws.partitions(nbpart.StaticPartitions(["A", "B"], name="batches"))
    ws.register(
        nbpart.asset(counts, partitions=samples),  # type: ignore[call-overload]
        nbpart.asset(by_batch, partitions=samples),  # type: ignore[call-overload]
        nbpart.asset(qc, partitions=batches, deps={"counts": nbpart.by(batch="partition_key")}),  # type: ignore[call-overload]
    )

    def make_all() -> None:
        for asset, keys in (("counts", ["s1", "s2"]), ("by_batch", ["s1", "s2"]), ("qc", ["A", "B"])):
            for key in keys:
                record(ws, asset, key, key)

    make_all()
    assert ws.status()["stale"].sum() == 0
    samples.add_rows(pd.DataFrame({"sample": ["s1"], "batch": ["A"], "sex": ["m"]}), key="sample")
    assert ws.status()["stale"].sum() == 0, "nothing binds the sex"
    samples.add_rows(pd.DataFrame({"sample": ["s1"], "batch": ["B"], "sex": ["m"]}), key="sample")
    assert ws.status()["stale"].to_dict() == {"counts": 0, "by_batch": 1, "qc": 2}
    assert str(ws.why("by_batch", "s1")) == "stale: batch of its key changed"
    assert ws.project.catalog.read(check) == []
    samples.add_rows(pd.DataFrame({"sample": ["s1"], "batch": ["A"], "sex": ["m"]}), key="sample")
    assert ws.status()["stale"].sum() == 0


def counts(partition_key: str) -> str:
    return partition_key


def by_batch(partition_key: str, batch: str) -> str:
    return partition_key + batch


def qc(counts: Any) -> str:
    return str(counts)
