"""What users of other tools met with files as sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.buckets import open_bucket
from tests.recording import record


def aligned(reads: str) -> str:
    return Path(reads).read_text()


def test_two_names_in_one_path_are_those_of_the_key(ws: nbpart.Workspace, project: Path) -> None:
    lanes = ws.dynamic_partitions("lanes", params={"sample": str, "read": str})
    lanes.add({"sample": "0053_P20_S2", "read": "R1"}, {"sample": "0053_P20_S2", "read": "R2"})
    ws.source("reads", "inbox/{sample}_{read}.fastq.gz", partitions=lanes)
    ws.register(nbpart.asset(aligned, partitions=lanes))  # type: ignore[call-overload]
    for read in ("R1", "R2"):
        path = project / "inbox" / f"0053_P20_S2_{read}.fastq.gz"
        path.write_text(read)
        assert ws.load("reads", sample="0053_P20_S2", read=read) == str(path)
        record(ws, "aligned", {"sample": "0053_P20_S2", "read": read}, read)
    assert len(ws.plan("aligned")) == 0
    (project / "inbox" / "0053_P20_S2_R2.fastq.gz").write_text("changed")
    assert ws.plan("aligned").frame["partition_key"].tolist() == ["read=R2,sample=0053_P20_S2"]


def clean(drop: Any) -> str:
    return "clean"


def report(clean: Any) -> str:
    return "report"


@pytest.mark.parametrize("version", ["etag", "hash"])
def test_equal_bytes_that_were_copied_in_other_parts_stop_at_what_reads_them(
    ws: nbpart.Workspace, version: str
) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    files = ws.dynamic_partitions("files")
    files.add("a")
    with open_bucket() as bucket:
        bucket.put("in/a", b"same")
        ws.source(
            "drop", "s3://lake/in/{partition_key}", partitions=files, version=version, storage_options=bucket.options
        )
        ws.register(nbpart.asset(clean, partitions=files), nbpart.asset(report, partitions=files))  # type: ignore[call-overload]
        ws.backfill("*").wait(progress=False).raise_for_failures()
        bucket.put_in_parts("in/a", b"same")
        planned = ws.plan("*").frame["asset"].tolist()
        if version == "hash":
            assert planned == []
            return
        assert planned == ["clean", "report"]
        steps = ws.backfill("*").wait(progress=False).raise_for_failures().steps().set_index("asset")
        assert steps["status"].to_dict() == {"clean": "succeeded", "report": "skipped"}
        assert steps.loc["report", "cause"] == "what it reads came out equal"
        assert len(ws.plan("*")) == 0
