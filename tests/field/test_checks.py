"""What users of other tools met with checks: failures that were green, and checks that loaded everything."""

from __future__ import annotations

import pandas as pd
import pytest

import nbpart


@pytest.mark.kernel
def test_a_failed_check_holds_back_what_reads_that_partition_alone(ws: nbpart.Workspace) -> None:
    """Dagster 17251, 19299: a failed check was green and what is below ran; later it held back others too."""
    files = ws.dynamic_partitions("files")
    files.add(["a.csv", "b.csv", "c.csv"])

    @ws.asset(partitions=files)
    def extract(partition_key: str) -> pd.DataFrame:
        return pd.DataFrame({"n": [1.0, None if partition_key == "a.csv" else 2.0]})

    @ws.asset(partitions=files)
    def load(extract: pd.DataFrame) -> pd.DataFrame:
        return extract

    def no_gaps(extract: pd.DataFrame) -> None:
        if extract["n"].isna().any():
            raise ValueError("there are gaps")

    ws.check("extract", blocking=True)(no_gaps)
    backfill = ws.backfill("*").wait(progress=False)
    steps = backfill.steps().set_index(["asset", "partition_key"])
    assert steps.loc["extract", "status"].tolist() == ["succeeded"] * 3
    assert steps.loc["load", "status"].tolist() == ["blocked", "succeeded", "succeeded"]
    assert "fails its check no_gaps" in steps.loc[("load", "a.csv"), "cause"]
    assert ws.partition_status("extract")[["status", "checks"]].values.tolist() == [
        ["materialized", "failed"], ["materialized", "passed"], ["materialized", "passed"],
    ]  # fmt: skip
    assert "there are gaps" in ws.check_outcomes("extract", "a.csv")["message"][0]

    ws.check("extract", blocking=True, severity="warn")(no_gaps)
    ws.backfill("load").wait(progress=False).raise_for_failures()
    assert ws.partition_status("load")["status"].tolist() == ["materialized"] * 3


@pytest.mark.kernel
def test_a_check_gets_the_data_of_its_partition_alone(ws: nbpart.Workspace) -> None:
    """Dagster 27747: a check of one partition loaded all others, and failed since they were not made."""
    parts = ws.dynamic_partitions("parts")
    parts.add(["1000", "2000", "3000"])

    @ws.asset(partitions=parts)
    def transactions(partition_key: str) -> pd.DataFrame:
        return pd.DataFrame({"part": [partition_key]})

    @ws.check("transactions")
    def is_its_own(transactions: pd.DataFrame, partition_key: str) -> dict[str, object]:
        return {"passed": transactions["part"].tolist() == [partition_key], "rows": len(transactions)}

    ws.backfill("transactions", keys="1000").wait(progress=False).raise_for_failures()
    assert ws.partition_status("transactions")["checks"].tolist() == ["passed", None, None]
    left = sorted(path for folder in ("runs", "data") for path in (ws.root / folder).rglob("*.*"))
    results = ws.run_checks("transactions")
    assert results.frame["partition_key"].tolist() == ["1000"]
    assert results.frame["metadata"].tolist() == [{"rows": 1}]
    assert [ref.key for ref in results.without_data] == ["2000", "3000"]
    assert "1 partition judged: 1 passed; 2 have no data" in repr(results)
    assert ws.partition_status("transactions")["checks"].tolist() == ["passed", None, None]
    assert sorted(path for folder in ("runs", "data") for path in (ws.root / folder).rglob("*.*")) == left
