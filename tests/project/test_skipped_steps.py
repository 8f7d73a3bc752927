"""Steps that find their inputs as they were: they end `skipped`, unless a person wants them to run."""

from __future__ import annotations

import pytest

import nbpart
from tests.backfill.pools import Stage


def cleaned(partition_key: str, version: int = 1) -> str:
    return "x"


def reported(cleaned: str, decimals: int = 2) -> str:
    return cleaned


@pytest.mark.parametrize(
    ("status", "settings", "report_is"),
    [
        (None, None, "skipped"),
        (None, {"version": 2}, "skipped"),
        (None, {"decimals": 3}, "succeeded"),
        ("all", None, "succeeded"),
    ],
    ids=["plain", "settings of what is above", "settings of its own", "every status"],
)
def test_a_step_of_which_the_inputs_came_out_equal_runs_only_where_a_person_says_so(
    ws: nbpart.Workspace, status: str | None, settings: dict[str, int] | None, report_is: str
) -> None:
    stage = Stage(lambda spec: f"data of {spec.asset}")
    ws.project.make_pool = stage.make_pool
    files = ws.dynamic_partitions("files")
    files.add("a.csv")
    ws.register(nbpart.asset(cleaned, partitions=files), nbpart.asset(reported, partitions=files))  # type: ignore[call-overload]
    ws.backfill("*").wait(progress=False).raise_for_failures()
    ws.wipe("cleaned")
    plan = ws.plan("*", status=status) if status else ws.plan("*")
    assert plan.assets == ("cleaned", "reported")
    stage.started.clear()
    backfill = plan.run(settings=settings).wait(progress=False).raise_for_failures()
    steps = backfill.steps().set_index("asset")
    assert steps["status"].to_dict() == {"cleaned": "succeeded", "reported": report_is}
    is_skipped = report_is == "skipped"
    assert [asset for asset, _ in stage.names()] == ["cleaned"] + ["reported"] * (not is_skipped)
    assert steps.loc["reported", "cause"] == ("what it reads came out equal" if is_skipped else None)
    assert ws.partition_status("reported")["status"].tolist() == ["materialized"]
