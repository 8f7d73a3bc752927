"""A data engineer runs days: hours to days to a rolling week to a month, files by shop, a running balance."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from tests.clocks import Clock
from tests.recording import record

pytestmark = pytest.mark.kernel


def raw(landed: Any, partition_window: Any) -> pd.DataFrame:
    lines = [json.loads(Path(path).read_text()) for path in landed]
    return pd.DataFrame({"n": [line["n"] for line in lines], "since": [str(partition_window[0])] * len(lines)})


def clean(raw: Any) -> pd.DataFrame:
    return raw[raw["n"] > 0]  # type: ignore[no-any-return]


def weekly(clean: Any) -> dict[str, int]:
    return {"n": int(clean["n"].sum()), "days": int(clean["partition_key"].nunique())}


def growth(last: Any, before: Any) -> dict[str, int]:
    return {"last": len(last), "before": len(before)}


def report(weekly: Any, clean: Any, run: Any) -> dict[str, Any]:
    return {"weeks": len(weekly), "n": int(clean["n"].sum()), "missing": run.missing}


def test_hours_become_days_and_a_rolling_week_and_a_month(ws: nbpart.Workspace, project: Path, clock: Clock) -> None:
    clock.set("2013-04-01T12:00-04:00")
    zone: Any = {"start": "2013-03-01", "timezone": "America/New_York"}
    parts = ws.partitions(nbpart.TimeWindowPartitions("parts", "0 */12 * * *", **zone))
    days = ws.partitions(nbpart.DailyPartitions("days", **zone))
    months = ws.partitions(nbpart.MonthlyPartitions("months", **zone))
    for start in parts.frame["window_start"][:62]:
        folder = project / "lake" / start.strftime("%Y/%m/%d/%H%z")
        folder.mkdir(parents=True)
        (folder / "one.json").write_text('{"n": 1}')
    ws.source("landed", "lake/{window_start:%Y/%m/%d/%H%z}/*.json", partitions=parts)
    ws.asset(raw, partitions=parts, retries=3, backoff_s=60)
    ws.asset(clean, partitions=days)
    ws.asset(weekly, partitions=days, deps={"clean": nbpart.overlap(start=-6, outside="block")})
    twice = {"last": nbpart.previous(7, of="clean"), "before": nbpart.overlap(start=-14, end=-8, of="clean")}
    ws.asset(growth, partitions=days, deps=twice)
    ws.asset(report, partitions=months, on_missing_input="skip")

    plan = ws.plan("*")
    waiting = plan.waiting
    assert waiting[waiting["asset"] == "weekly"]["partition_key"].tolist() == [f"2013-03-0{n}" for n in range(1, 7)]
    assert plan.frame["asset"].value_counts()[["raw", "clean", "weekly"]].to_dict() == {
        "raw": 62,
        "clean": 31,
        "weekly": 25,
    }
    plan.run(policy="single_run", max_workers=1).wait(progress=False).raise_for_failures()
    assert ws.load("weekly", "2013-03-10") == {"n": 14, "days": 7}
    assert ws.load("growth", "2013-03-31") == {"last": 14, "before": 14}
    month = ws.load("report", "2013-03")
    assert (month["weeks"], month["n"], len(month["missing"]["weekly"])) == (25, 62, 6)

    late = project / "lake/2013/03/20/00-0400/two.json"
    late.write_text('{"n": 5}')
    assert ws.plan("raw").frame["partition_key"].tolist() == ["2013-03-20T00:00"]
    follows = ws.plan("raw+", keys="2013-03-20").frame
    of_weekly = follows[follows["asset"] == "weekly"]["partition_key"].tolist()
    assert of_weekly == [f"2013-03-{n}" for n in range(20, 27)]
    assert follows[follows["asset"] == "report"]["partition_key"].tolist() == ["2013-03"]
    assert len(ws.plan("raw", keys="2013-03", status="all")) == 62  # a part of a date, of raw


def shop_day(drop: str) -> pd.DataFrame:
    return pd.read_csv(drop)


def shop_day_of_key(partition_key: str) -> str:
    return partition_key


def shop_week(shop_day: Any) -> dict[str, Any]:
    return {"n": int(shop_day["n"].sum())}


def by_day(shop_week: Any) -> dict[str, Any]:
    return {key: one["n"] for key, one in shop_week.items()}


def test_files_of_days_and_shops_are_rolled_up_per_shop(ws: nbpart.Workspace, project: Path) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-01-01", end="2024-01-04", timezone="Europe/Berlin"))
    shops = ws.dynamic_partitions("shops")
    shops.add("mitte", "nord/1")
    sales = ws.partitions(nbpart.MultiPartitions({"day": days, "shop": shops}, name="sales"))
    for place, key in enumerate(sales):
        path = Path(ws.source("drop", "bucket/{partition_key}.csv", partitions=sales) and ws.load("drop", key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"n\n{10**place}\n")
    ws.asset(shop_day, partitions=sales)
    ws.asset(shop_week, partitions=sales, deps={"shop_day": nbpart.by("shop", day=nbpart.overlap(start=-6))})
    ws.asset(by_day, partitions=days)
    ws.backfill("*", policy="single_run", max_workers=1).wait(progress=False).raise_for_failures()
    assert ws.load("by_day", "2024-01-02") == {
        "day=2024-01-02,shop=mitte": 101,
        "day=2024-01-02,shop=nord%2F1": 1010,
    }
    assert ws.inputs("by_day", "2024-01-02")["partition_key"].tolist() == list(ws.load("by_day", "2024-01-02"))


def test_a_rolling_week_of_the_days_that_a_shop_sent(ws: nbpart.Workspace) -> None:
    sales = ws.dynamic_partitions("sales", params={"day": date, "shop": str})
    sales.add_rows([{"day": date(2024, 1, day), "shop": shop} for day in (1, 3, 8, 9) for shop in ("mitte", "nord")])
    week = "upstream.shop = this.shop and upstream.day between this.day - 6 and this.day"
    ws.asset(shop_day_of_key, name="shop_day", partitions=sales)
    ws.asset(shop_week, partitions=sales, deps={"shop_day": nbpart.where(week)})
    assert len(ws.plan("*")) == 16
    wanted = ["day=2024-01-03,shop=nord", "day=2024-01-08,shop=nord"]
    assert ws.inputs("shop_week", {"day": date(2024, 1, 8), "shop": "nord"})["partition_key"].tolist() == wanted
    for asset in ("shop_day", "shop_week"):
        for key in sales:
            record(ws, asset, key, "x")
    sales.add(day=date(2024, 1, 5), shop="nord")  # it came late
    key = "day=2024-01-05,shop=nord"
    record(ws, "shop_day", key, "x")
    plan = ws.plan("shop_week")
    assert plan.counts() == {"missing": 1, "stale": 2}
    assert [row.partition_key for row in plan.frame.itertuples() if row.reason != "never run"] == [
        "day=2024-01-08,shop=nord",
        "day=2024-01-09,shop=nord",
    ]


def newest(keys: list[str]) -> dict[str, int]:
    table = pd.read_csv("table.csv")
    return {key: int(rows["version"].max()) for key, rows in table.groupby("day") if key in keys}


def load_day(key: str) -> pd.DataFrame:
    table = pd.read_csv("table.csv")
    return table[table["day"] == key]


def balance(transactions: Any, before: Any, account: str) -> dict[str, Any]:
    own = transactions[transactions["account"].astype(str) == account]
    return {"eur": (before["eur"] if before else 0) + int(own["eur"].sum()), "is_first": before is None}


def test_a_running_balance_is_repaired_in_order(ws: nbpart.Workspace, project: Path) -> None:
    rows = [(f"2024-02-0{day}", account, day, 1) for day in (1, 2, 3) for account in (7, 8)]
    table = pd.DataFrame(rows, columns=["day", "account", "eur", "version"])
    table.to_csv(project / "table.csv", index=False)
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-02-01", end="2024-02-04"))
    accounts = ws.dynamic_partitions("accounts")
    accounts.add("7", "8")
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "account": accounts}, name="day_account"))
    ws.source("transactions", partitions=days, version=newest, load=load_day)
    ws.asset(balance, partitions=grid, deps={"before": nbpart.previous(of="balance")})
    ws.backfill("balance", max_workers=2).wait(progress=False).raise_for_failures()
    assert ws.load("balance", {"day": "2024-02-03", "account": "7"}) == {"eur": 6, "is_first": False}
    assert ws.load("balance", {"day": "2024-02-01", "account": "8"}) == {"eur": 1, "is_first": True}

    middle = {"day": "2024-02-02", "account": "7"}
    table.loc[2, "eur"] = 100
    table.to_csv(project / "table.csv", index=False)
    assert len(ws.plan("balance")) == 0, "the version of the day is what it was"
    ws.backfill("balance", keys=middle, status="all").wait(progress=False).raise_for_failures()
    assert ws.plan("balance").frame["partition_key"].tolist() == ["account=7,day=2024-02-03"], "no other account"
    ws.backfill("balance").wait(progress=False).raise_for_failures()
    assert ws.load("balance", {"day": "2024-02-03", "account": "7"})["eur"] == 104
    assert len(ws.plan("balance")) == 0
