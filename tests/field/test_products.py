"""What users of other tools met with products of sets."""

from __future__ import annotations

import logging

import pytest

import nbpart
from nbpart.errors import UnknownNameError
from tests.clocks import Clock
from tests.recording import record


def revenue(partition_key: str) -> str:
    return partition_key


def test_a_renamed_company_keeps_its_partitions_in_a_product(ws: nbpart.Workspace) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2023-01-01", end="2023-01-04"))
    companies = ws.dynamic_partitions("companies")
    companies.add("company_a", "company_b")
    grid = ws.partitions(nbpart.MultiPartitions({"company": companies, "day": days}, name="grid"))
    ws.register(nbpart.asset(revenue, partitions=grid))  # type: ignore[call-overload]
    for key in list(grid)[:3]:
        record(ws, "revenue", key, key)
    before = ws.partition_status("revenue")
    companies.rename("company_a", "acme, inc=1")
    assert list(grid)[:2] == ["company=acme%2C inc%3D1,day=2023-01-01", "company=acme%2C inc%3D1,day=2023-01-02"]
    after = ws.partition_status("revenue")
    assert after["status"].tolist() == ["materialized"] * 3 + ["missing"] * 3
    assert after["run_id"].tolist()[:3] == before["run_id"].tolist()[:3]
    assert ws.load("revenue", grid[0]) == "company=company_a,day=2023-01-01", "the data that was made before"
    assert ws.load("revenue", {"company": "acme, inc=1", "day": "2023-01-02"}).endswith("day=2023-01-02")
    assert ws.runs("revenue", grid[0])["run_id"].tolist() == before["run_id"].tolist()[:1]
    with pytest.raises(UnknownNameError, match="company_a"):
        ws.plan("revenue", keys="company=company_a,day=2023-01-01")
    companies.rename("acme, inc=1", "company_a")
    assert ws.partition_status("revenue")["partition_key"].tolist() == before["partition_key"].tolist()


def test_an_asset_that_moves_from_a_list_to_a_product_of_it_and_back(
    ws: nbpart.Workspace, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.set("2023-03-31")
    lines = nbpart.StaticPartitions(["A", "B", "C", "D"], name="lines")
    months = nbpart.MonthlyPartitions("months", start="2019-01-01")
    ws.register(nbpart.asset(revenue, partitions=lines))  # type: ignore[call-overload]
    for key in "ABCD":
        record(ws, "revenue", key, key)
    caplog.set_level(logging.WARNING, "nbpart")
    product = nbpart.MultiPartitions({"prod_line": lines, "month": months})
    ws.register(nbpart.asset(revenue, partitions=product))  # type: ignore[call-overload]
    assert "'revenue' has other partitions now: 4 made partitions leave the list" in caplog.text
    assert ws.partition_status("revenue")["status"].value_counts().to_dict() == {"missing": 200}
    assert ws.status().loc["revenue", "materialized"] == 0
    assert ws.heatmap("revenue")._repr_mimebundle_()
    assert len(ws.plan("revenue")) == 200
    ws.register(nbpart.asset(revenue, partitions=lines))  # type: ignore[call-overload]
    assert ws.partition_status("revenue")["status"].tolist() == ["materialized"] * 4
    assert ws.load("revenue", "C") == "C"
