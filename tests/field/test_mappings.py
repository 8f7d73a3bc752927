"""What users of other tools met where one partition reads others."""

from __future__ import annotations

from typing import Any

import pandas as pd
from click.testing import CliRunner

import nbpart
from nbpart.cli import main
from tests.backfill.pools import Stage
from tests.clocks import Clock
from tests.recording import record

NEW_YORK = "America/New_York"


def raw(partition_key: str) -> pd.DataFrame:
    return pd.DataFrame({"made_for": [partition_key]})


def clean(raw: Any) -> list[str]:
    return sorted(raw["made_for"])


def report(clean: Any, partition_key: str) -> str:
    return partition_key


def declare(ws: nbpart.Workspace, **assets: tuple[Any, dict[str, Any]]) -> None:
    """Register the functions of this file, each with its partitions and what it reads."""
    functions = {"raw": raw, "clean": clean, "report": report}
    made: Any = [nbpart.asset(functions[n], partitions=sets, deps=deps) for n, (sets, deps) in assets.items()]  # type: ignore[call-overload]
    ws.register(*made)


def planned(ws: nbpart.Workspace, *selection: Any, **given: Any) -> dict[str, list[str]]:
    """The keys that a plan would run, by asset."""
    frame = ws.plan(*selection, **given).frame
    return {str(name): keys.tolist() for name, keys in frame.groupby("asset", sort=False)["partition_key"]}


def test_a_day_waits_for_as_many_hours_as_it_has(ws: nbpart.Workspace, clock: Clock) -> None:
    clock.set("2025-01-01T12:00")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2024-03-01", timezone=NEW_YORK))
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-03-01", timezone=NEW_YORK))
    months = ws.partitions(nbpart.MonthlyPartitions("months", start="2024-03-01", timezone=NEW_YORK))
    origins = ws.dynamic_partitions("origins")
    origins.add("EWR")
    hour_origin = ws.partitions(nbpart.MultiPartitions({"hour": hours, "origin": origins}, name="hour_origin"))
    day_origin = ws.partitions(nbpart.MultiPartitions({"day": days, "origin": origins}, name="day_origin"))
    by_origin = nbpart.by("origin", hour=("day", nbpart.overlap()))
    declare(ws, raw=(hour_origin, {}), clean=(day_origin, {"raw": by_origin}))
    spring = ws.inputs("clean", "day=2024-03-10,origin=EWR")["partition_key"].tolist()
    assert len(spring) == 23
    assert not [key for key in spring if "T02:00" in key]
    autumn = ws.inputs("clean", "day=2024-11-03,origin=EWR")["partition_key"].tolist()
    assert len(autumn) == 25
    assert [key for key in autumn if "T01:00" in key] == [
        "hour=2024-11-03T01:00,origin=EWR",
        "hour=2024-11-03T01:00-0500,origin=EWR",
    ]
    assert planned(ws, "+clean", keys="day=2024-03-10,origin=EWR")["raw"] == spring
    assert ws.readers("raw", autumn[2])["partition_key"].tolist() == ["day=2024-11-03,origin=EWR"]
    ws.remove_asset("clean")
    declare(ws, raw=(hours, {}), report=(months, {"clean": nbpart.overlap(of="raw")}))
    assert len(ws.inputs("report", "2024-03")) == 743
    assert len(ws.inputs("report", "2024-11")) == 721


def test_what_two_windows_of_one_run_both_read_arrives_once(ws: nbpart.Workspace) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-01-30", end="2024-02-04"))
    declare(ws, raw=(days, {}), clean=(days, {"raw": nbpart.overlap(start=-2)}))
    for key in days:
        record(ws, "raw", key, raw(key))
    plan = ws.plan("clean", keys=["2024-02-01", "2024-02-03"])
    assert "reads raw[2024-01-30 .. 2024-02-03], 5 keys" in str(plan)
    plan.run(policy="single_run", max_workers=1).wait(progress=False).raise_for_failures()
    assert ws.load("clean", "2024-02-03") == ["2024-02-01", "2024-02-02", "2024-02-03"]
    assert ws.load("clean", "2024-02-01") == ["2024-01-30", "2024-01-31", "2024-02-01"]
    record(ws, "raw", "2024-02-03", pd.DataFrame({"made_for": ["other"]}))
    status = ws.partition_status("clean").set_index("partition_key")["status"]
    assert (status["2024-02-01"], status["2024-02-03"]) == ("materialized", "stale")


def test_a_new_first_day_makes_only_its_readers_stale(ws: nbpart.Workspace, clock: Clock) -> None:
    clock.set("2021-01-04")

    def start(day: str) -> None:
        days = ws.partitions(nbpart.DailyPartitions("days", start=day))
        balances = nbpart.asset(balance, partitions=days, deps={"before": nbpart.previous(of="balance")})  # type: ignore[call-overload]
        ws.register(nbpart.asset(raw, partitions=days), nbpart.asset(total), balances)  # type: ignore[call-overload]

    start("2021-01-02")
    for key in ("2021-01-02", "2021-01-03"):
        record(ws, "raw", key, raw(key))
        record(ws, "balance", key, key)
    record(ws, "total", value="2")
    assert len(ws.plan("*")) == 0
    start("2021-01-01")
    assert planned(ws, "raw") == {"raw": ["2021-01-01"]}
    record(ws, "raw", "2021-01-01", raw("2021-01-01"))
    record(ws, "balance", "2021-01-01", "2021-01-01")
    # the second day had no day before it; the third reads the second
    assert ws.status()["stale"].to_dict() == {"raw": 0, "total": 1, "balance": 2}
    assert ws.partition_status("balance")["status"].tolist() == ["materialized", "stale", "stale"]
    assert planned(ws, "balance") == {"balance": ["2021-01-02", "2021-01-03"]}


def balance(before: Any, partition_key: str) -> str:
    return partition_key


def total(raw: Any) -> str:
    return str(len(raw))


def test_what_reads_the_next_hour_waits_until_that_has_ended(ws: nbpart.Workspace, clock: Clock) -> None:
    clock.set("2025-01-01T06:10")

    def declare_hours(end: str | None) -> None:
        hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2025-01-01T05:00", end=end))
        readers = ws.partitions(nbpart.HourlyPartitions("readers", start="2025-01-01T05:00", end="2025-01-01T06:00"))
        declare(ws, raw=(hours, {}), clean=(readers, {"raw": nbpart.overlap(0, 1)}))

    declare_hours(None)
    record(ws, "raw", "2025-01-01T05:00", raw("05"))
    [(asset, key, reason)] = ws.plan("clean").waiting.values.tolist()
    assert (asset, key) == ("clean", "2025-01-01T05:00")
    assert reason.endswith("2025-01-01T06:00 has not ended")
    assert len(ws.plan("clean")) == 0
    stage = Stage()
    ws.project.make_pool = stage.make_pool  # type: ignore[assignment]
    typed = CliRunner().invoke(main, ["-w", str(ws.root), "backfill", "clean", "--json"])
    assert typed.exit_code == 0, typed.output
    clock.set("2025-01-01T07:00")
    record(ws, "raw", "2025-01-01T06:00", raw("06"))
    for _ in range(2):
        ws.backfill("clean").wait(progress=False).raise_for_failures()
    assert stage.names() == [("clean", "2025-01-01T05:00")], "once, when the next hour is there"
    declare_hours("2025-01-01T06:00")
    plan = ws.plan("clean", status="all")
    assert len(plan) == 1
    assert "1 of 2 hours" in str(plan)


def test_an_hour_of_a_day_that_has_not_ended_is_made_alone(ws: nbpart.Workspace, clock: Clock) -> None:
    clock.set("2023-04-13T17:05")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2023-04-12"))
    days = ws.partitions(nbpart.DailyPartitions("days", start="2023-04-12"))
    declare(ws, raw=(hours, {}), clean=(days, {}))
    plan = ws.plan("raw+", keys="2023-04-13T16:00")
    assert plan.frame[["asset", "partition_key"]].values.tolist() == [["raw", "2023-04-13T16:00"]]
    assert "clean/2023-04-13 is not there yet, though it reads some of raw: 2023-04-13 has not ended" in str(plan)
    clock.set("2023-04-14")
    assert ws.partition_status("clean")["status"].tolist() == ["missing", "missing"]


def test_a_summary_of_no_keys_is_made_of_an_empty_input(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    declare(ws, raw=(files, {}), clean=(files, {}))
    ws.register(nbpart.asset(summary))  # type: ignore[arg-type]
    plan = ws.plan("*")
    assert plan.frame[["asset", "partition_key"]].values.tolist() == [["summary", None]]
    assert "summary reads no key of clean" in str(plan)
    assert ws.backfill("*", max_workers=1).wait(progress=False).counts()["succeeded"] == 1
    assert ws.load("summary") == [0]
    files.add("a.csv")
    outdated = ws.plan("*").frame[["asset", "partition_key"]].values.tolist()
    assert outdated == [["raw", "a.csv"], ["clean", "a.csv"], ["summary", None]]


def summary(clean: Any) -> list[int]:
    return [len(clean)]


def test_one_pair_more_makes_one_partition_stale(ws: nbpart.Workspace) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2023-03-01", end="2023-03-04"))
    rows = [("2023-03-01", "2023-03-01"), ("2023-03-02", "2023-03-02"), ("2023-03-03", "2023-03-03")]

    def pair(*listed: tuple[str, str]) -> None:
        frame = pd.DataFrame(listed, columns=["upstream", "this"])
        declare(ws, raw=(days, {}), clean=(days, {"raw": nbpart.pairs(frame)}))

    pair(*rows)
    for key in days:
        record(ws, "raw", key, raw(key))
        record(ws, "clean", key, [key])
    assert len(ws.plan("clean")) == 0
    pair(*reversed(rows), rows[0])
    assert len(ws.plan("clean")) == 0, "the same pairs in another order, one of them twice"
    pair(*rows, ("2023-03-02", "2023-03-01"))
    frame = ws.plan("clean").frame
    assert frame["partition_key"].tolist() == ["2023-03-01"]
    assert frame["reason"].tolist() == ["input set changed: +2023-03-02"]


def test_a_rolling_window_of_a_reader_that_begins_later_reads_no_more_than_that(ws: nbpart.Workspace) -> None:
    early = ws.partitions(nbpart.DailyPartitions("early", start="2023-01-01", end="2024-06-01"))
    late = ws.partitions(nbpart.DailyPartitions("late", start="2024-05-01", end="2024-06-01"))
    months = ws.partitions(nbpart.MonthlyPartitions("months", start="2024-01-01", end="2024-06-01"))
    declare(ws, raw=(early, {}), clean=(late, {"raw": nbpart.overlap(start=-2)}))
    assert ws.inputs("clean", "2024-05-01")["partition_key"].tolist() == ["2024-04-29", "2024-04-30", "2024-05-01"]
    assert planned(ws, "+clean", keys="2024-05-01") == {
        "raw": ["2024-04-29", "2024-04-30", "2024-05-01"],
        "clean": ["2024-05-01"],
    }
    declare(ws, raw=(early, {}), clean=(months, {"raw": nbpart.previous(305)}))
    found = ws.inputs("clean", "2024-01")["partition_key"].tolist()
    assert (len(found), found[0], found[-1]) == (305, "2023-03-02", "2023-12-31")
    declare(ws, raw=(early, {}), clean=(months, {"raw": nbpart.overlap(start=-100_000)}))
    assert len(ws.inputs("clean", "2024-02")) == 365 + 31 + 29, "all that was before"
