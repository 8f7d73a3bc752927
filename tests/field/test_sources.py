"""What users of other tools met with files as sources."""

from __future__ import annotations

from pathlib import Path

import nbpart
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
