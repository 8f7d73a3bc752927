"""What users of other tools met with products of sets."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys

import pandas as pd
import pytest

import nbpart
from nbpart.errors import UnknownNameError
from tests.backfill.pools import Stage
from tests.clocks import Clock
from tests.recording import record


def revenue(partition_key: str) -> str:
    return partition_key


def test_a_renamed_company_keeps_its_partitions_in_a_product(ws: nbpart.Workspace) -> None:
    companies = ws.dynamic_partitions("companies")
    companies.add("company_a")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2023-01-01", end="2024-01-01"))
    grid = ws.partitions(nbpart.MultiPartitions({"company": companies, "day": days}, name="grid"))
    ws.register(nbpart.asset(revenue, partitions=grid))  # type: ignore[call-overload]
    ws.project.make_pool = Stage().make_pool  # type: ignore[assignment]
    ws.backfill("revenue", policy="single_run").wait(progress=False).raise_for_failures()
    companies.add("company_b")
    before = ws.partition_status("revenue")
    made = [f"company=company_a,day={day}" for day in days]
    assert before["status"].tolist() == ["materialized"] * 365 + ["missing"] * 365

    kill_while_renaming(ws)
    pd.testing.assert_frame_equal(ws.partition_status("revenue"), before)
    assert list(companies) == ["company_a", "company_b"], "all is old"

    companies.rename("company_a", "acme, inc=1")
    renamed = [key.replace("company_a", "acme%2C inc%3D1") for key in made]
    assert renamed[0] == "company=acme%2C inc%3D1,day=2023-01-01"
    after = ws.partition_status("revenue")
    assert after["partition_key"].tolist() == renamed + before["partition_key"].tolist()[365:]
    kept = ["status", "run_id", "materialized_at", "bytes"]
    pd.testing.assert_frame_equal(after[kept], before[kept])
    assert [ws.load("revenue", key) for key in renamed[::60]] == [f"bulk of {key}" for key in made[::60]]
    assert ws.load("revenue", {"company": "acme, inc=1", "day": "2023-12-31"}) == f"bulk of {made[-1]}"
    history = ws.runs("revenue")
    assert sorted(history["partition_key"]) == sorted(renamed)
    assert ws.runs("revenue", renamed[7])["run_id"].tolist() == [before["run_id"][7]]
    with pytest.raises(UnknownNameError) as refused:
        ws.plan("revenue", keys=made[0])
    assert "company_a" in str(refused.value)
    assert "company_b" in str(refused.value), "the nearest that there is"

    companies.rename("acme, inc=1", "company_a")
    pd.testing.assert_frame_equal(ws.partition_status("revenue"), before)


def kill_while_renaming(ws: nbpart.Workspace) -> None:
    """Rename the company in a process that dies when the keys of the product have their new texts."""
    dies = [sys.executable, "-c", DIES_WHILE_RENAMING, str(ws.root)]
    done = subprocess.run(dies, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr


DIES_WHILE_RENAMING = """
import os, sys
import nbpart
from nbpart.catalog.batch import Batch

execute = Batch.execute

def die_after(batch, sql, *values):
    changed = execute(batch, sql, *values)
    if changed == 365 and sql.startswith("INSERT INTO keys"):
        os.kill(os.getpid(), 9)
    return changed

Batch.execute = die_after
nbpart.open(sys.argv[1]).partitions("companies").rename("company_a", "acme, inc=1")
"""


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
