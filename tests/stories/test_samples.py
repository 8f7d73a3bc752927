"""A bioinformatician has samples: a sheet, lanes, batches, a cohort with holes, chunks below a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart.errors import ParameterError

pytestmark = pytest.mark.kernel


def counts(r1: Any, batch: str) -> dict[str, Any]:
    return {"reads": sum(int(Path(path).read_text()) for path in r1), "batch": batch}


def batch_qc(counts: Any) -> dict[str, Any]:
    return {"samples": list(counts), "reads": sum(one["reads"] for one in counts.values())}


def cohort(counts: Any, run: Any) -> dict[str, Any]:
    return {"samples": list(counts), "missing": run.missing}


def test_a_sheet_of_samples_with_lanes_batches_and_a_cohort_with_holes(ws: nbpart.Workspace, project: Path) -> None:
    (project / "fastq").mkdir()
    (project / "samples.tsv").write_text("sample\tbatch\tsex\ns1\tB0\tf\ns2\tB1\tm\ns3\tB1\tf\n")
    for name, text in {"s1_L1": "1", "s1_L2": "2", "s2_L1": "broken", "s3_L1": "8"}.items():
        (project / "fastq" / f"{name}_R1.fastq.gz").write_text(text)
    samples = ws.dynamic_partitions("samples", columns={"batch": str, "sex": str})
    samples.add_rows(pd.read_csv("samples.tsv", sep="\t"), key="sample")
    ws.source("r1", "fastq/{partition_key}_L*_R1.fastq.gz", partitions=samples, version="size+mtime")
    ws.asset(counts, partitions=samples)
    batches = ws.dynamic_partitions("batches")
    batches.add(samples.frame["batch"].unique())
    ws.asset(batch_qc, partitions=batches, deps={"counts": nbpart.by(batch="partition_key")})  # their batch is my key
    ws.asset(cohort, on_missing_input="skip")

    backfill = ws.backfill("*", max_workers=2).wait(progress=False)
    steps = backfill.steps().set_index(["asset", "partition_key"])["status"]
    assert steps["counts", "s2"] == "failed"
    assert steps["batch_qc", "B1"] == "blocked", "a sample of its batch failed"
    assert ws.load("batch_qc", "B0") == {"samples": ["s1"], "reads": 3}
    assert ws.load("cohort")["samples"] == ["s1", "s3"]
    assert ws.load("cohort")["missing"] == {"counts": ["s2"]}
    assert ws.plan("cohort").frame["asset"].tolist() == [], "stale only once the third is there"

    samples.add_rows([{"sample": "s1", "sex": "m"}], key="sample")  # a corrected sex is the same partition
    assert ws.partition_status("counts")["status"].tolist() == ["materialized", "failed", "materialized"]
    with pytest.raises(ParameterError, match="at_most"):
        samples.replace([])  # an empty listing drops nothing
    samples.replace(["s3", "s1", "s2", "s4"])
    assert list(samples) == ["s3", "s1", "s2", "s4"]
    assert samples.row("s3") == {"batch": "B1", "sex": "f"}


def aligned(partition_key: str, sample: str) -> dict[str, Any]:
    return {"sample": sample, "key": partition_key}


def gathered(aligned: Any) -> list[str]:
    return list(aligned)


def test_a_sample_reads_all_chunks_below_it_and_no_other(ws: nbpart.Workspace) -> None:
    samples = ws.dynamic_partitions("samples")
    samples.add("s1", "s/2")
    chunks = ws.dynamic_partitions("chunks", under={"sample": samples})
    chunks.add("s1/0", "s1/1", {"sample": "s/2", "chunks": "0"})
    ws.asset(aligned, partitions=chunks)
    ws.asset(gathered, partitions=samples)
    ws.backfill("*", policy="single_run", max_workers=1).wait(progress=False).raise_for_failures()
    assert ws.load("gathered", "s1") == ["s1/0", "s1/1"]
    assert ws.load("gathered", "s/2") == ["s%2F2/0"]
    assert ws.load("aligned", "s%2F2/0") == {"sample": "s/2", "key": "s%2F2/0"}
    chunks.add("s1/2")
    frame = ws.plan("+gathered", keys="s1").frame
    assert frame[["asset", "partition_key"]].values.tolist() == [["aligned", "s1/2"], ["gathered", "s1"]]
