"""What a person does without a run: data that exist are taken in, consent is withdrawn, a month is accepted as sent."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart.errors import ConditionError, MissingInputError, ParameterError
from tests.backfill.pools import Stage
from tests.clocks import Clock
from tests.recording import record


@pytest.fixture
def stage(ws: nbpart.Workspace) -> Stage:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    return stage


def keys(plan: nbpart.Plan, asset: str) -> list[str]:
    frame = plan.frame
    return frame.loc[frame["asset"] == asset, "partition_key"].tolist()


def counts(partition_key: str, batch: str) -> dict[str, Any]:
    return {"sample": partition_key, "batch": batch}


def cohort(counts: Any) -> pd.DataFrame:
    return pd.DataFrame(counts)


def declare_samples(ws: nbpart.Workspace, project: Path) -> nbpart.PartitionSet:
    """Samples of four batches, each with a fastq file and counts that were made elsewhere."""
    sheet = [(f"s{n}", f"B{n % 4}") for n in range(12)]
    samples = ws.dynamic_partitions("samples", columns={"batch": str})
    samples.add_rows([{"sample": sample, "batch": batch} for sample, batch in sheet], key="sample")
    (project / "fastq").mkdir()
    (project / "results" / "counts").mkdir(parents=True)
    for sample, _ in sheet:
        for lane in ("L1", "L2"):
            (project / "fastq" / f"{sample}_{lane}_R1.fastq.gz").write_text("reads")
        (project / "results" / "counts" / f"{sample}.json").write_text(json.dumps({"sample": sample}))
    ws.asset(counts, partitions=samples)
    ws.asset(cohort, on_missing_input="skip")
    return samples


def read_all(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_what_exists_is_taken_in_and_comes_and_goes(
    ws: nbpart.Workspace, project: Path, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    samples = declare_samples(ws, project)
    results = project / "results" / "counts"
    before = read_all(results)

    assert ws.adopt("counts", "results/counts/{partition_key}.json").count == 12
    assert ws.plan("*").frame["asset"].tolist() == ["cohort"], "nothing to do for them"
    assert ws.load("counts", "s5") == {"sample": "s5"}
    ws.backfill("*").wait(progress=False).raise_for_failures()

    samples.replace(name.split("_")[0] for name in os.listdir("fastq"))
    assert sorted(samples) == sorted(f"s{n}" for n in range(12))
    assert samples.row("s5") == {"batch": "B1"}
    assert len(ws.plan("*")) == 0, "the same samples in another order"
    with pytest.raises(ParameterError, match="at_most"):
        samples.replace([])

    (project / "results" / "counts" / "s5.json").write_text("[]")
    ws.backfill("counts", keys="s5", status="all").wait(progress=False).raise_for_failures()
    assert ws.load("counts", "s5") == "counts of s5", "it is made again beside the adopted file"
    assert len(ws.plan("cohort")) == 1

    ws.accept("cohort", reason="only the plot's colours")
    assert len(ws.plan("*")) == 0
    assert ws.history("cohort")["reason"].iloc[0] == "only the plot's colours"
    ws.wipe("counts", where="batch = 'B3'")
    assert sorted(keys(ws.plan("*"), "counts")) == ["s11", "s3", "s7"]
    assert ws.accept("counts", where="batch = 'B3'").count == 3, "the files stay until prune"
    assert len(ws.plan("*")) == 0

    with caplog.at_level(logging.INFO, "nbpart"):
        removed = samples.remove(where="batch = 'B0'", delete_data=True, reason="consent withdrawn")
    assert sorted(removed) == ["s0", "s4", "s8"]
    assert "cohort" in caplog.text, "it says what else read them"
    assert sorted(samples) == sorted(f"s{n}" for n in range(12) if n % 4)
    assert ws.plan("*").frame["asset"].tolist() == ["cohort"]
    before["s5.json"] = read_all(results)["s5.json"]
    assert read_all(results) == before, "adopted files are never written, moved or deleted"


def test_a_withdrawn_consent_leaves_nothing_of_the_key_that_was_computed(
    ws: nbpart.Workspace, project: Path, stage: Stage
) -> None:
    samples = declare_samples(ws, project)
    stage.answer = lambda spec: f"secret-of-{spec.partition_key}"
    ws.backfill("*").wait(progress=False).raise_for_failures()
    samples.remove(where="partition_key in ('s1', 's2')", delete_data=True)
    left = {path.read_bytes() for path in ws.root.rglob("*") if path.is_file() and "catalog" not in path.name}
    assert left & {f"secret-of-s{n}".encode() for n in (1, 2, 3)} == {b"secret-of-s3"}
    samples.add("s1")
    assert keys(ws.plan("counts"), "counts") == ["s1"], "added again it is missing"
    with pytest.raises(MissingInputError):
        ws.load("counts", "s1")
    assert set(ws.history("counts", "s1")["event"]) == {"erased", "succeeded"}, "that it ran is still known"


def clean(partition_key: str) -> str:
    return partition_key


def report(clean: Any) -> str:
    return "report"


def test_a_month_is_made_again_for_a_late_file_and_accepted_as_it_was_sent(
    ws: nbpart.Workspace, project: Path, stage: Stage, clock: Clock
) -> None:
    clock.set("2013-03-05T12:00")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2013-01-01"))
    months = ws.partitions(nbpart.MonthlyPartitions("months", start="2013-01-01"))
    for day in days:
        (project / "inbox" / f"{day}.csv").write_text("x")

    def raw(landed: str) -> str:
        return landed

    ws.source("landed", "inbox/{partition_key}.csv", partitions=days)
    ws.register(
        nbpart.asset(raw, partitions=days),  # type: ignore[call-overload]
        nbpart.asset(clean, partitions=days, deps={"raw": nbpart.overlap(start=-1)}),  # type: ignore[call-overload]
        nbpart.asset(report, partitions=months),  # type: ignore[call-overload]
    )
    files = project / "inbox"
    stage.answer = lambda spec: (files / f"{spec.partition_key}.csv").read_text() if spec.asset == "raw" else spec.asset
    ws.backfill("*", max_workers=4).wait(progress=False).raise_for_failures()
    assert len(ws.plan("*")) == 0

    (project / "inbox" / "2013-01-07.csv").write_text("late")
    assert keys(ws.plan("raw"), "raw") == ["2013-01-07"]
    why = ws.why("report", "2013-01")
    assert [cause.of.asset for cause in why.causes] == ["report", "clean", "raw"]
    assert "source landed[2013-01-07] changed" in str(why)
    assert ws.plan("report").left_out == ("1 more is stale only because of clean: add + to make it",)
    follows = ws.plan("raw+", keys="2013-01", status="all", order="oldest")
    assert (len(keys(follows, "raw")), keys(follows, "report")) == (31, ["2013-01", "2013-02"])

    accepted = ws.accept("+report", keys="2013-01", reason="as sent to finance")
    assert accepted.count > 0
    assert str(ws.why("report", "2013-01")).startswith("materialized: accepted")
    assert len(ws.plan("*", keys="2013-01")) == 0
    (project / "inbox" / "2013-01-08.csv").write_text("later still")
    assert ws.partition_status("report")["status"].tolist() == ["stale", "materialized"]


def test_old_days_are_pruned_and_are_neither_missing_nor_made_again(
    ws: nbpart.Workspace, stage: Stage, clock: Clock
) -> None:
    clock.set("2024-06-01T00:00")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2024-01-01", end="2024-06-01"))
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "account": ["7", "8"]}, name="day_account"))

    def balance(before: Any) -> str:
        return "balance"

    ws.asset(balance, partitions=grid, deps={"before": nbpart.previous(of="balance")})
    ws.backfill("balance", max_workers=4).wait(progress=False).raise_for_failures()
    gone = ws.prune(keep=0, where="day_end < now() - interval 90 days")
    old = 2 * sum(1 for day in days if day < "2024-03-02")
    assert len(gone) == old
    status = ws.partition_status("balance")
    assert set(status["status"]) == {"materialized"}
    assert len(ws.plan("*")) == 0
    with pytest.raises(MissingInputError, match="pruned"):
        ws.load("balance", {"day": "2024-01-05", "account": "7"})
    kept = [path for path in (ws.root / "data" / "balance").rglob("*") if path.is_file()]
    assert len(kept) == len(grid) - old
    with pytest.raises(ConditionError, match="now"):
        ws.prune(keep=0, where="day_end < current_date - 90")


def model(lr: float) -> dict[str, float]:
    return {}


def test_what_crashed_and_what_is_bad_is_run_again(ws: nbpart.Workspace, stage: Stage) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[0.1, 0.2, 0.3, 0.4])
    ws.asset(model, partitions=trials)
    stage.answer = lambda spec: ValueError("diverged") if spec.partition_key == "lr=0.3" else "fit"
    ws.backfill("model").wait(progress=False)
    stage.started.clear()
    ws.backfill("model", status="failed").wait(progress=False)
    assert stage.names() == [("model", "lr=0.3")], "what crashed, only that"
    for key, accuracy in (("lr=0.1", 0.9), ("lr=0.2", 0.4)):
        record(ws, "model", key, {}, accuracy=accuracy)
    plan = ws.plan("model", where="accuracy < 0.5")
    assert keys(plan, "model") == ["lr=0.2"]
    assert any("status='all'" in note for note in plan.notes)
